//! The YAML reader: what it refuses and where, and that whatever it accepts reads alike in a second reader.

use super::super::node::{Node, Style, Value};
use super::*;
use proptest::prelude::*;

const FILE: FileId = FileId(0);

/// The documents, and each error's code with the text that it points at.
fn run(text: &str) -> (Vec<YamlDocument>, Vec<(&'static str, String)>) {
    let mut sink = Sink::default();
    let documents = read(FILE, text, &mut sink);
    let found = sink
        .diagnostics()
        .iter()
        .map(|found| {
            let span = found.primary.as_ref().unwrap().span;
            (found.code.id, text[span.start as usize..span.end as usize].to_owned())
        })
        .collect();
    (documents, found)
}

fn faults_of(text: &str) -> Vec<(&'static str, String)> {
    run(text).1
}

fn clean(text: &str) -> Vec<YamlDocument> {
    let (documents, found) = run(text);
    assert_eq!(found, [], "{text:?}");
    documents
}

fn at(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

fn entry<'n>(node: &'n Node, key: &str) -> &'n Node {
    match &node.value {
        Value::Map(entries) => &entries.iter().find(|entry| entry.key.value == key).unwrap().value,
        other => panic!("{other:?}"),
    }
}

fn help(text: &str) -> Vec<String> {
    let mut sink = Sink::default();
    read(FILE, text, &mut sink);
    let all = sink.diagnostics().iter().flat_map(|found| &found.help);
    all.map(|help| match &help.replacement {
        Some((span, with)) => format!("{} -> {with}", at(text, *span)),
        None => help.text.clone(),
    })
    .collect()
}

#[test]
fn each_refused_construct_has_its_code_and_its_place() {
    for (text, code, place) in [
        ("when: !context.args.force\n", "yaml-tag", "!context.args.force"),
        ("a: !!str x\n", "yaml-tag", "!!str"),
        ("a: ! x\n", "yaml-tag", "!"),
        ("a: !t [x]\n", "yaml-tag", "!t"),
        ("a: !t {x: y}\n", "yaml-tag", "!t"),
        ("!t a: b\n", "yaml-tag", "!t"),
        ("a: &x b\n", "yaml-anchor", "&x"),
        ("a: &x [b]\n", "yaml-anchor", "&x"),
        ("a: *x\n", "yaml-alias", "*x"),
        ("a: [b, *.c]\n", "yaml-alias", "*.c"),
        ("<<: {a: b}\n", "yaml-merge-key", "<<"),
        ("%YAML 1.1\n---\na: b\n", "yaml-directive", "%"),
        ("%TAG ! tag:x,2000:\n---\na: b\n", "yaml-directive", "%"),
        ("yes: b\n", "non-string-key", "yes"),
        ("1: b\n", "non-string-key", "1"),
        ("null: b\n", "non-string-key", "null"),
        ("2026-01-01: b\n", "non-string-key", "2026-01-01"),
        (": b\n", "non-string-key", ""),
        ("? [a, ~]\n: b\n", "non-string-key", "[a, ~]"),
        ("{a: b}: c\n", "non-string-key", "{a: b}"),
        ("a: {{ team }}\n", "non-string-key", "{ team }"),
        ("a: b\n\"\\x61\": c\n", "duplicate-key", "\"\\x61\""),
        ("a: {b: c, b: d}\n", "duplicate-key", "b"),
        ("a: ~\n", "null-value", "~"),
        ("a: null\n", "null-value", "null"),
        ("a:\nb: c\n", "null-value", "a"),
        ("a: {b, c: d}\n", "null-value", "b"),
        ("- \n- a\n", "null-value", "-"),
        ("~\n", "null-value", "~"),
        ("a: b\u{1}c\n", "control-character", "\u{1}"),
        ("a: b\u{feff}c\n", "control-character", "\u{feff}"),
        ("a: b\nc: d\r", "control-character", "\r"),
        ("a: b\rc: d\re: f\r", "control-character", "\r"),
        ("a: b # \u{202e}\n", "control-character", "\u{202e}"),
        ("a: b\u{2028}c\n", "control-character", "\u{2028}"),
        ("a: [b\n", "yaml-syntax", "["),
        ("a: b: c\n", "yaml-syntax", ":"),
        ("a: 'b\n", "yaml-syntax", "'"),
        ("\ta: b\n", "yaml-syntax", "\t"),
        ("a:\n\tb: c\n", "yaml-syntax", "\t"),
        ("when: [a].contains(b)\n", "yaml-syntax", "."),
        ("when: \"a\" == b\n", "yaml-syntax", "="),
        ("when: {a: b} == c\n", "yaml-syntax", "="),
        ("when: @a\n", "yaml-syntax", "@"),
        ("# polity: allow\na: b\n", "malformed-pragma", "# polity: allow"),
        (
            "# polity: forbid x y\na: b\n",
            "malformed-pragma",
            "# polity: forbid x y",
        ),
        ("# polity: allow x\na: b\n", "malformed-pragma", "# polity: allow x"),
        (
            "a: b # polity: allow x y\nc: d\n",
            "malformed-pragma",
            "# polity: allow x y",
        ),
        ("a: b\n# polity: allow x y\n", "malformed-pragma", "# polity: allow x y"),
    ] {
        let found = faults_of(text);
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (code, place), "{text:?}");
    }
}

/// The YAML blocks under a heading of a code's page.
fn examples(page: &str, heading: &str) -> Vec<String> {
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .unwrap();
    let blocks = section.split("```yaml path=").skip(1);
    blocks
        .map(|block| {
            block
                .split_once('\n')
                .unwrap()
                .1
                .split("\n```")
                .next()
                .unwrap()
                .to_owned()
                + "\n"
        })
        .collect()
}

#[test]
fn each_page_has_a_bad_example_and_a_good_one() {
    for code in codes::ALL {
        let bad = examples(code.page, "Bad");
        // A file of ten thousand documents is not printed as YAML.
        let shown = code.id != "yaml-too-large";
        assert_eq!(
            bad.iter()
                .any(|text| faults_of(text).iter().all(|(id, _)| *id == code.id)),
            shown,
            "{}",
            code.id
        );
        assert!(bad.iter().all(|text| !faults_of(text).is_empty()), "{}", code.id);
        let good = examples(code.page, "Good");
        assert!(
            !good.is_empty() && good.iter().all(|text| faults_of(text).is_empty()),
            "{}",
            code.id
        );
    }
}

#[test]
fn deep_and_large_files_are_refused() {
    let deep = format!("a: {}b{}\n", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(faults_of(&deep)[0].0, "yaml-too-deep");
    let block: String = (0..=MAX_DEPTH)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert_eq!(faults_of(&block)[0].0, "yaml-too-deep");
    let fits = format!("a: {}b{}\n", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    clean(&fits);
    assert_eq!(
        faults_of(&"--- a\n".repeat(MAX_DOCUMENTS + 1)),
        [("yaml-too-large", String::new())]
    );
    assert_eq!(clean(&"--- a\n".repeat(MAX_DOCUMENTS)).len(), MAX_DOCUMENTS);
    assert_eq!(faults_of(&"- a\n".repeat(MAX_NODES)).len(), 1);
}

#[test]
fn one_run_reports_the_errors_of_all_documents() {
    let text = "a: ~\n---\nb: [c\n---\nd: !x\n---\nkind: Group\nname: e\nmembers: \"f\" g\n---\nh: i\n";
    let (documents, found) = run(text);
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["null-value", "yaml-syntax", "yaml-tag", "yaml-syntax"]);
    assert_eq!(documents.len(), 5);
    assert_eq!(documents[1].root.value, Value::Hole);
    assert_eq!(documents[3].root.value, Value::Hole);
    let before: Vec<_> = documents[3]
        .before_break
        .iter()
        .map(|entry| entry.key.value.as_str())
        .collect();
    assert_eq!(before, ["kind", "name"]);
    assert_eq!(at(text, entry(&documents[4].root, "h").span), "i");
}

#[test]
fn what_is_broken_is_a_hole_and_its_neighbours_stay() {
    let (documents, _) = run("a: !t b\nc: *d\ne: ~\nf: g\nh: 1\nh: 2\nyes: no\n");
    let root = &documents[0].root;
    for key in ["a", "c", "e", "h"] {
        assert_eq!(entry(root, key).value, Value::Hole, "{key}");
    }
    assert_eq!(entry(root, "f").value, Value::Scalar("g".to_owned(), Style::Plain));
    // A key that is no text to some readers is reported, and read as it is written.
    assert_eq!(entry(root, "yes").value, Value::Scalar("no".to_owned(), Style::Plain));
    let Value::Map(entries) = &root.value else { panic!() };
    assert_eq!(entries.len(), 6);
}

#[test]
fn ordinary_keys_are_strings() {
    clean(
        "on_behalf_of: a\nno-destruction: b\nyesterday: c\nnullable: d\nn1: e\n\"yes\": f\n'1': g\ncontext.args: h\n",
    );
}

#[test]
fn spans_are_byte_offsets_whatever_the_script_and_the_line_ends() {
    for newline in ["\n", "\r\n"] {
        let text = "é: \"ü\\n\"  # Ω\nliste:\n- 'x''y'\n- {k: ñ}\ntext: |-\n  eins\n  zwei\n\nlast: ende\n"
            .replace('\n', newline);
        for prefix in ["", "\u{feff}"] {
            let text = format!("{prefix}{text}");
            let documents = clean(&text);
            let root = &documents[0].root;
            assert_eq!(at(&text, entry(root, "é").span), "\"ü\\n\"");
            let Value::List(items) = &entry(root, "liste").value else {
                panic!()
            };
            assert_eq!(at(&text, items[0].span), "'x''y'");
            assert_eq!(at(&text, items[1].span), "{k: ñ}");
            assert_eq!(
                at(&text, entry(root, "liste").span),
                format!("- 'x''y'{newline}- {{k: ñ}}")
            );
            let block = entry(root, "text");
            assert_eq!(at(&text, block.span), format!("|-{newline}  eins{newline}  zwei"));
            assert_eq!(block.value, Value::Scalar("eins\nzwei".to_owned(), Style::Literal));
            assert_eq!(at(&text, root.span), text.trim_start_matches('\u{feff}').trim_end());
            let comment = documents[0].comment_after(&text, entry(root, "é").span).unwrap();
            assert_eq!(at(&text, comment), "# Ω");
            assert_eq!(documents[0].comment_after(&text, block.span), None);
        }
    }
}

#[test]
fn a_document_spans_from_its_marker() {
    let text = "# above\n---\n# more\na: b\n---\n- c\n...\n";
    let documents = clean(text);
    let spans: Vec<_> = documents.iter().map(|document| at(text, document.span)).collect();
    assert_eq!(spans, ["---\n# more\na: b", "---\n- c"]);
    assert_eq!(documents[0].comments.len(), 2);
}

#[test]
fn an_empty_document_is_no_document() {
    assert_eq!(clean("").len(), 0);
    assert_eq!(clean("# only a comment\n").len(), 0);
    assert_eq!(clean("---\n---\na: b\n---\n# nothing\n").len(), 1);
}

#[test]
fn help_says_how_to_quote() {
    assert_eq!(
        help("when: !context.args.force\n"),
        ["!context.args.force -> '!context.args.force'"]
    );
    assert_eq!(help("when: !a && b == 'c'\n"), ["!a && b == 'c' -> '!a && b == ''c'''"]);
    assert_eq!(
        help("  - when: [a].contains(b)\n"),
        ["[a].contains(b) -> '[a].contains(b)'"]
    );
    assert_eq!(help("when: \"a\" == b\n"), ["\"a\" == b -> '\"a\" == b'"]);
    assert_eq!(help("a: [*.b, c]\n"), ["*.b -> '*.b'"]);
    assert_eq!(help("a: b: c\n"), ["b: c -> 'b: c'"]);
    assert_eq!(help("yes: c\n"), ["yes -> \"yes\""]);
    for text in ["when: [a] == b # c\n", "a: !!str b\n", "a: &b c\n"] {
        assert!(
            help(text).iter().any(|help| help.contains("under `|`")),
            "{text:?}: {:?}",
            help(text)
        );
    }
}

#[test]
fn a_pragma_covers_what_begins_on_the_next_line() {
    let text = "# polity: allow first whole document\n\n# a note\nkind: Policy\n# polity: allow second this entry\n\
        rules:\n  # polity: allow third the rule\n  # polity: allow fourth the same rule\n  one:\n    effect: deny\n  two: {effect: allow}\n\
        list:\n  # polity: allow fifth item\n  - a: b\n    c: d\n  # polity: allow sixth last item\n  - - e\n\
        # polity: allow seventh next document\n---\nf: g\n";
    let documents = clean(text);
    let covers = |document: &YamlDocument| -> Vec<(String, String)> {
        let all = document.pragmas.iter();
        all.map(|pragma| (pragma.code.clone(), at(text, pragma.covers).to_owned()))
            .collect()
    };
    let first = covers(&documents[0]);
    assert_eq!(first[0].1, at(text, documents[0].span));
    assert!(first[1].1.starts_with("rules:") && first[1].1.ends_with("two: {effect: allow}"));
    assert_eq!(first[2], ("third".to_owned(), "one:\n    effect: deny".to_owned()));
    assert_eq!(first[3].1, first[2].1);
    assert_eq!(first[4].1, "a: b\n    c: d");
    assert_eq!(first[5].1, "- e");
    assert_eq!(covers(&documents[1]), [("seventh".to_owned(), "---\nf: g".to_owned())]);
    assert_eq!(documents[0].pragmas[0].reason, "whole document");
}

#[test]
fn a_hash_in_a_value_is_seen_as_the_comment_that_it_is() {
    let text = "when: context.args.title like \"a #b\" # c\n";
    let documents = clean(text);
    let when = entry(&documents[0].root, "when");
    assert_eq!(
        at(text, documents[0].comment_after(text, when.span).unwrap()),
        "#b\" # c"
    );
}

#[test]
fn hostile_files_end_quickly_and_with_few_errors() {
    let laughs: String = (0..20_000usize)
        .map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n.saturating_sub(1)))
        .collect();
    for text in [
        "[".repeat(10 << 20),
        "{".repeat(1 << 20),
        "- ".repeat(1 << 20),
        "? ".repeat(1 << 20),
        "[a, ".repeat(1 << 18),
        format!("\"{}\": b\n", "k".repeat(1 << 20)),
        format!("{}: b\n", "k".repeat(1 << 20)),
        "a: ~\n".repeat(200_000),
        "a: !x\n---\n".repeat(100_000),
        "[\n---\n".repeat(100_000),
        "# c\n".repeat(1 << 18),
        "# polity: allow a b\n".repeat(50_000),
        "\u{1}".repeat(1 << 20),
        "'".repeat(1 << 20),
        "\"\\".repeat(1 << 19),
        "%\n".repeat(1 << 19),
        "&a ".repeat(1 << 18),
        "!".repeat(1 << 20),
        "a:\n".repeat(1 << 18),
        "|\n".repeat(1 << 18),
        "\t\t\n-\t".repeat(1 << 17),
        laughs,
    ] {
        let found = faults_of(&text);
        assert!(found.len() <= 100, "{:?}: {}", &text[..10], found.len());
    }
}

/// What another reader makes of the text, with scalars as ours would be compared.
fn same(ours: &Node, theirs: &serde_yaml::Value) -> bool {
    use serde_yaml::Value as Y;
    match (&ours.value, theirs) {
        (Value::Map(entries), Y::Mapping(map)) => {
            entries.len() == map.len()
                && entries.iter().zip(map).all(|(entry, (key, value))| {
                    key.as_str() == Some(entry.key.value.as_str()) && same(&entry.value, value)
                })
        }
        (Value::List(items), Y::Sequence(list)) => {
            items.len() == list.len() && items.iter().zip(list).all(|(item, value)| same(item, value))
        }
        (Value::Scalar(text, Style::Plain), Y::Bool(value)) => plain_reading(text) == Reading::Bool(*value),
        (Value::Scalar(text, Style::Plain), Y::Number(number)) => match plain_reading(text) {
            Reading::Int(value) => number.as_i64() == Some(value),
            Reading::Float | Reading::Disputed => true,
            _ => false,
        },
        (Value::Scalar(text, style), Y::String(value)) => {
            let plain = *style != Style::Plain
                || !matches!(plain_reading(text), Reading::Bool(_) | Reading::Int(_) | Reading::Null);
            plain && text == value
        }
        _ => false,
    }
}

fn read_alike(text: &str) {
    use serde::Deserialize;
    let (documents, found) = run(text);
    if !found.is_empty() {
        return;
    }
    // A document that is one scalar is no document of ours, and the two parsers differ in where its text may begin.
    if documents
        .iter()
        .any(|document| matches!(document.root.value, Value::Scalar(..)))
    {
        return;
    }
    let theirs: Result<Vec<_>, _> = serde_yaml::Deserializer::from_str(text)
        .map(serde_yaml::Value::deserialize)
        .collect();
    let theirs = match theirs {
        Ok(theirs) => theirs,
        // The other reader refuses some tabs that separate nothing, a `...` that ends nothing, and a second line
        // after a byte-order mark, which it counts as a column: what it refuses it does not misread.
        Err(error) => {
            let known = text.contains('\t') || text.contains("...") || text.starts_with('\u{feff}');
            return assert!(known, "{text:?}: {error}");
        }
    };
    let theirs: Vec<_> = theirs.into_iter().filter(|value| !value.is_null()).collect();
    assert_eq!(documents.len(), theirs.len(), "{text:?}");
    for (document, theirs) in documents.iter().zip(&theirs) {
        assert!(
            same(&document.root, theirs),
            "{text:?}\n{:?}\n{theirs:?}",
            document.root
        );
    }
}

/// Every scalar's map must decode to the scalar, and lead each of its characters back to the file.
fn maps_are_exact(text: &str) {
    fn walk(text: &str, node: &Node) {
        match &node.value {
            Value::Scalar(value, style) => {
                let map = ScalarMap::new(text, node.span, *style);
                let Some(decoded) = map.text() else { return };
                assert_eq!(decoded, value, "{:?}", at(text, node.span));
                for (from, found) in value.char_indices() {
                    let span = map.source_range(from..from + found.len_utf8()).unwrap();
                    let written = at(text, span);
                    assert!(
                        written.chars().eq([found]) || written.starts_with(['\\', '\'', ' ', '\t', '\n', '\r']),
                        "{found:?} was found at {written:?} of {text:?}"
                    );
                }
            }
            Value::List(items) => items.iter().for_each(|item| walk(text, item)),
            Value::Map(entries) => entries.iter().for_each(|entry| walk(text, &entry.value)),
            Value::Hole => {}
        }
    }
    let (documents, found) = run(text);
    if !found.is_empty() {
        return;
    }
    for document in documents {
        walk(text, &document.root);
    }
}

const CORPUS: &[&str] = &[
    "kind: Group\nname: security\nmembers: [alice, bob]\n---\nkind: Team\nname: payments\nowners: [carol]\n",
    "a: 'it''s'\nb: \"q\\\"\\u00e9\\x41\\\\\"\nc: plain text, with: colon\n",
    "when: context.a == 1\n  && context.b == 2\n\n  && c\nnext: x\n",
    "a: |\n  one\n    two\n\n  three\nb: |-\n  x\nc: |+\n  y\n\nd: >\n  f\n  g\n\n  h\n",
    "a: |2\n    indented\n  less\nb: 'multi\n  line\n\n  text'\nc: \"d\n  e\"\n",
    "a:\n- b\n-   - c\n    - d\n- e: f\n  g: h\n- [i, {j: k}, l: m]\n",
    "keys: [\n  a,\n  b,\n]\nmap: {\n  c: d,\n}\n",
    "n: 1\nf: 1.5\nt: true\nd: 2026-01-01\nv: 1.4.2\nr: 20/h\no: 017\ny: yes\n",
    "\u{feff}a: b\n",
    "a: b\r\nc: |\r\n  d\r\n  e\r\nf: 'g\r\n  h'\r\n",
    "? a\n: b\n? c\n: - d\n",
    "a: \"\"\nb: ''\nc: []\nd: {}\n",
    "url: http://x.y/z#frag\nt: a#b\ns: a:b\n",
    "a: |\n  last line without end",
    "a: b #c\n#d\ne: f\n",
    "'a b': c\n\"d\": e\nf g: h\n",
    "a: - b\n",
    "--- |\n text\n--- 'x'\n...\n---\ny: z\n",
    "a: >-\n  folded\n  text\n   more\n  end\n",
    "expect: {\"p/q production x.y\": allow}\n",
    "a: ü\nß: [é, \"ñ\"]\n",
    "a:   \n  b:   c   \n\n\n  d:\n   - e\n",
    "a: b\n---\n\n--- # c\nd: e\n",
];

#[test]
fn accepted_files_read_alike_in_another_reader() {
    for text in CORPUS {
        read_alike(text);
        maps_are_exact(text);
    }
}

#[test]
fn a_place_in_a_condition_leads_back_to_the_file() {
    let text =
        "a: x == 'y'\nb: 'x == ''y'''\nc: \"x == \\\"y\\\"\"\nd: |\n    x ==\n      'y'\ne: x ==\n   'y'\nf: >\n  x\n";
    let documents = clean(text);
    let place = |key: &str, wanted: &str| {
        let node = entry(&documents[0].root, key);
        let Value::Scalar(value, style) = &node.value else {
            panic!()
        };
        let from = value.find(wanted).unwrap();
        let map = ScalarMap::new(text, node.span, *style);
        map.source_range(from..from + wanted.len())
            .map(|span| at(text, span).to_owned())
    };
    assert_eq!(place("a", "'y'").unwrap(), "'y'");
    assert_eq!(place("b", "'y'").unwrap(), "''y''");
    assert_eq!(place("c", "\"y\"").unwrap(), "\\\"y\\\"");
    assert_eq!(place("d", "'y'").unwrap(), "'y'");
    assert_eq!(place("e", "'y'").unwrap(), "'y'");
    assert_eq!(place("f", "x"), None);
    let node = entry(&documents[0].root, "a");
    let map = ScalarMap::new(text, node.span, Style::Plain);
    assert_eq!(map.source_range(8..8).unwrap().start, node.span.end);
    assert_eq!(map.source_range(8..9), None);
}

fn yamlish() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        5 => prop::sample::select(vec![
            "a", "b: ", "c:\n", "- ", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", "[", "]", "{", "}", ", ", ": ", "?", " ",
            "\"", "'", "|\n  ", ">\n  ", "|-\n   ", "#", " # x", "\t", "\r\n", "---\n", "\n---\n", "...\n", "1", "017",
            "yes", "true", "~", "null", "1.5", "é", "\\n", "\\x41", "''", "&a ", "*a", "!t ", "<<: ", "%", "@", "=", "\u{feff}",
            "a: b\n", "k: 'v'\n", "2026-01-01", ":", "-", "key", "0x1f", "1_0", "|+\n", "|2\n", "\\", "\n\n",
        ]).prop_map(str::to_owned),
        1 => "[ -~\n]{0,3}",
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_accepted_reads_alike_in_another_reader(text in yamlish()) {
        read_alike(&text);
    }

    #[test]
    fn scalar_maps_agree_with_the_parser(text in yamlish()) {
        maps_are_exact(&text);
    }

    #[test]
    fn spans_lie_within_the_file_and_on_characters(text in "\\PC{0,40}|([a-c]: |\\n|- |é|[\\[\\]{}'\"#|>&*!]){0,30}") {
        run(&text);
    }
}
