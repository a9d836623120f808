//! Documents read from YAML text by a reader of the tests' own, which knows nothing of what YAML forbids here.

mod refused;

use granit_parser::{Event, Parser, ScalarStyle};

use super::*;
use crate::ast::{Enforcement, Millis, ParamType, RuleEffect};
use crate::diag::Severity;
use crate::parse::node::Style;

/// Reads every document of a text. Gives them with `code: text it points at` for each finding, sorted.
fn read_all(path: &str, text: &str) -> (Vec<Document>, Vec<String>) {
    let (documents, sink) = run(path, text);
    let point = |d: &Diagnostic| {
        let span = d.primary.as_ref().unwrap().span;
        let whole = &text[span.start as usize..span.end as usize];
        format!("{}: {}", d.code.id, whole.lines().next().unwrap_or_default())
    };
    let mut found: Vec<String> = findings(sink).iter().map(point).collect();
    found.sort();
    (documents, found)
}

fn run(path: &str, text: &str) -> (Vec<Document>, Sink) {
    let mut sink = Sink::default();
    let (roots, comments) = nodes(text);
    let source = Source {
        file: FileId(0),
        path,
        text,
        comments: &comments,
    };
    let documents = roots.iter().filter_map(|root| read(&source, root, &mut sink)).collect();
    (documents, sink)
}

fn findings(sink: Sink) -> Vec<Diagnostic> {
    sink.diagnostics().to_vec()
}

fn nodes(text: &str) -> (Vec<Node>, Vec<Span>) {
    let mut stack: Vec<(usize, bool, Vec<Node>)> = Vec::new();
    let (mut roots, mut comments) = (Vec::new(), Vec::new());
    for event in Parser::new_from_str(text) {
        let (event, place) = event.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let range = place.byte_range().unwrap();
        let span = |start: usize, end: usize| Span {
            file: FileId(0),
            start: start as u32,
            end: end as u32,
        };
        let done = match event {
            Event::Comment(..) => {
                comments.push(span(range.start, range.end));
                continue;
            }
            Event::SequenceStart(..) => {
                stack.push((range.start, false, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                stack.push((range.start, true, Vec::new()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (start, map, children) = stack.pop().unwrap();
                let value = if map {
                    Value::Map(pairs(children))
                } else {
                    Value::List(children)
                };
                Node {
                    span: span(start, range.end.max(start)),
                    value,
                }
            }
            Event::Scalar(value, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                let null = style == Style::Plain && matches!(&*value, "" | "null" | "~");
                let value = if null {
                    Value::Hole
                } else {
                    Value::Scalar(value.into_owned(), style)
                };
                Node {
                    span: span(range.start, range.end),
                    value,
                }
            }
            _ => continue,
        };
        match stack.last_mut() {
            Some((_, _, children)) => children.push(done),
            None => roots.push(done),
        }
    }
    (roots, comments)
}

fn pairs(children: Vec<Node>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        let Value::Scalar(text, _) = key.value else {
            panic!("the tests' keys are strings");
        };
        entries.push(Entry {
            key: Text {
                value: text,
                span: key.span,
            },
            value,
        });
    }
    entries
}

#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let (_, found) = read_all(path, text);
    assert_eq!(found, expected, "\n{path}\n{text}");
}

/// A policy of team payments with one rule.
#[track_caller]
fn check_rule(rule: &str, expected: &[&str]) {
    let text = format!("kind: Policy\nname: p\nrules:\n  r: {{{rule}}}\n");
    check("teams/payments/p.yaml", &text, expected);
}

/// A tool with one read action that has one parameter.
#[track_caller]
fn check_parameter(parameter: &str, expected: &[&str]) {
    let text = format!("kind: Tool\nname: t\nactions: {{a: {{effect: read, params: {{p: {parameter}}}}}}}\n");
    check("t.yaml", &text, expected);
}

const EVERYTHING: &str = include_str!("everything.yaml");

#[test]
fn every_kind_and_field_of_the_model_is_read() {
    let (documents, found) = read_all("polity.yaml", EVERYTHING);
    // The one field that is itself a finding.
    assert_eq!(found, ["unconfirmed-effect: proposed"]);
    let kinds: Vec<String> = documents.iter().map(|d| format!("{:?}", d.body)).collect();
    for kind in KINDS {
        assert!(
            kinds.iter().any(|body| body.starts_with(kind)),
            "{kind} is not in everything.yaml"
        );
    }
    // Each text that matters says "marker", so that a builder which asks for another type than the form states, and
    // so drops the value, is caught.
    let debug = kinds.join("\n");
    assert_eq!(
        debug.matches("marker").count(),
        EVERYTHING.matches("marker").count(),
        "{debug}"
    );
}

#[test]
fn the_text_of_everything_leaves_no_field_out() {
    let mut keys = Vec::new();
    nodes(EVERYTHING).0.iter().for_each(|root| all_keys(root, &mut keys));
    let mut seen = Vec::new();
    for kind in TABLE {
        kind.form.homes("", &mut seen, &mut Vec::new());
    }
    for field in seen.iter().flat_map(|form| form.fields()) {
        assert!(
            keys.iter().any(|key| key == field.name),
            "`{}` is not in everything.yaml",
            field.name
        );
    }
}

fn all_keys(node: &Node, keys: &mut Vec<String>) {
    match &node.value {
        Value::List(entries) => entries.iter().for_each(|entry| all_keys(entry, keys)),
        Value::Map(entries) => entries.iter().for_each(|entry| {
            keys.push(entry.key.value.clone());
            all_keys(&entry.value, keys);
        }),
        _ => {}
    }
}

#[test]
fn values_arrive_as_they_were_meant() {
    let (documents, _) = read_all("polity.yaml", EVERYTHING);
    for document in &documents {
        match &document.body {
            Body::Organization(o) => {
                assert_eq!(o.bundle_lifetime.unwrap().value, Millis(604_800_000));
                assert_eq!(o.grace_effects.len(), 1);
                assert_eq!(o.lints.len(), 1);
            }
            Body::Ring(ring) => {
                assert_eq!(ring.effects.as_ref().unwrap().len(), 3, "`*` is every effect");
                assert_eq!(ring.limits.rate.unwrap().value.count, 5);
                assert_eq!(ring.isolation.memory.unwrap().value, 512 << 20);
                assert_eq!(
                    ring.isolation.capabilities.as_deref(),
                    Some(&[][..]),
                    "empty, and not absent"
                );
            }
            Body::Tool(tool) if tool.description.is_some() => {
                let (_, action) = &tool.actions[0];
                let types: Vec<String> = action.params.iter().map(|(_, p)| format!("{:?}", p.ty.value)).collect();
                assert_eq!(types[0], "String { fold: true }");
                assert!(
                    action
                        .params
                        .iter()
                        .any(|(name, p)| name.value == "method" && p.optional)
                );
                assert!(matches!(&action.params[3].1.ty.value, ParamType::Enum(v) if v.len() == 3));
                assert_eq!(types[4], "List(String { fold: false })");
                assert_eq!(tool.actions[1].1.variants.len(), 3);
            }
            Body::Deployment(deployment) => {
                assert_eq!(document.name, None);
                assert_eq!(
                    deployment.environments[1].1.enforced_by.unwrap().value,
                    Enforcement::Gateway
                );
            }
            Body::Policy(policy) if document.name.as_ref().is_some_and(|name| name.value == "guardrails") => {
                let (_, rule) = &policy.rules[0];
                assert_eq!(rule.effect.unwrap().value, RuleEffect::Deny);
                assert!(rule.except.is_some() && policy.scope.environments.is_some());
                let resources = policy.rules[2].1.selector.resources.as_ref().unwrap();
                assert!(resources.team_owns.is_some() && resources.globs.len() == 1);
            }
            Body::Test(test) => {
                let args = test.cases[0].request.args.as_ref().unwrap();
                let expected =
                    r#"{"amount":100,"currency":"EUR","deep":{"a":[1,"x",true],"b":-1.50},"on":"2026-12-31"}"#;
                assert_eq!(args.value, expected);
                assert_eq!(test.defaults.now.unwrap().value, 1_793_534_400_000);
            }
            Body::ApprovalRule(rule) if rule.description.is_some() => assert_eq!(rule.when.len(), 2),
            _ => {}
        }
    }
}

#[test]
fn a_document_says_what_it_is() {
    check("x.yaml", "name: a\n", &["missing-kind: name"]);
    check("x.yaml", "Kind: Person\nname: a\n", &["missing-kind: Kind"]);
    check("x.yaml", "kind: person\nname: a\n", &["unknown-kind: person"]);
    check("x.yaml", "kind: Cedar\nname: a\n", &["unknown-kind: Cedar"]);
    check("x.yaml", "kind:\nname: a\n", &[]);
    check("x.yaml", "[a]\n", &["wrong-shape: [a]"]);
    check("x.yaml", "kind: Person\n", &["missing-field: Person"]);
    check("x.yaml", "kind: Person\nname: A b\n", &["bad-name: A b"]);
    check("x.yaml", "kind: Person\nname: none\n", &["reserved-name: none"]);
    check(
        "x.yaml",
        "kind: Tool\nname: credential\nactions: {a: {effect: read}}\n",
        &["reserved-name: credential"],
    );
    check("x.yaml", "kind: Person\nname: 0123\n", &["needs-quotes: 0123"]);
}

#[test]
fn a_kind_stands_in_its_place() {
    let team = "kind: Team\nname: a\nowners: [b]\n";
    check("teams/payments/a.yaml", team, &["kind-not-allowed-here: Team"]);
    check("teams/a.yaml", team, &[]);
    let organization = "polity: v1\nkind: Organization\nname: a\nowners: [b]\n";
    check("polity.yaml", organization, &[]);
    check(
        "org/polity.yaml",
        organization,
        &["kind-not-allowed-here: Organization"],
    );
    check(
        "teams/p/polity.yaml",
        organization,
        &["kind-not-allowed-here: Organization"],
    );
    check(
        "polity.yaml",
        &organization.replace("v1", "v2"),
        &["unknown-edition: v2"],
    );
    check(
        "polity.yaml",
        &organization.replace("polity: v1\n", ""),
        &["missing-field: a"],
    );
    check(
        "a.yaml",
        "polity: v1\nkind: Group\nname: a\nmembers: [b]\n",
        &["unknown-key: polity"],
    );
    let deployment = "kind: Deployment\nagent: a\nteam: q\nenvironments: {e: {ring: r}}\n";
    check("teams/p/a.yaml", deployment, &["team-mismatch: q"]);
    check("teams/q/a.yaml", deployment, &[]);
    check("a.yaml", deployment, &[]);
    check(
        "a.yaml",
        &deployment.replace("team: q\n", ""),
        &["missing-field: Deployment"],
    );
    check("a.yaml", &format!("name: x\n{deployment}"), &["unknown-key: name"]);
}

#[test]
fn every_page_shows_what_it_says() {
    for code in codes::ALL {
        let (bad, good) = code.page.split_once("\n## Good\n").expect(code.id);
        let (head, bad) = bad.split_once("\n## Bad\n").expect(code.id);
        assert!(
            head.starts_with(&format!("# {}\n", code.id)) && head.split("\n\n").count() == 2,
            "{}",
            code.id
        );
        assert_eq!(code.severity, Severity::Error);
        let ids = |blocks: &str| -> Vec<&str> {
            let found = blocks.split("```yaml path=").skip(1).flat_map(|block| {
                let (path, text) = block.split_once('\n').unwrap();
                let (text, _) = text.split_once("```").unwrap();
                findings(run(path, text).1)
            });
            found.map(|d| d.code.id).collect()
        };
        assert_eq!(ids(bad), [code.id], "{}: bad", code.id);
        assert_eq!(ids(good), Vec::<&str>::new(), "{}: good", code.id);
    }
}

#[test]
fn broken_yaml_shapes_never_panic() {
    // Each scalar of a valid text in turn becomes a list, a mapping, a hole.
    let (roots, _) = nodes(EVERYTHING);
    for root in &roots {
        let count = scalars(root);
        for target in 0..count {
            for value in [
                Value::List(Vec::new()),
                Value::Map(Vec::new()),
                Value::Hole,
                Value::Scalar("\u{0}é*".to_owned(), Style::Plain),
            ] {
                let mut broken = root.clone();
                replace(&mut broken, &mut target.clone(), &value);
                let mut sink = Sink::default();
                let source = Source {
                    file: FileId(0),
                    path: "polity.yaml",
                    text: EVERYTHING,
                    comments: &[],
                };
                let read = read(&source, &broken, &mut sink);
                assert!(read.is_some() || value == Value::Hole || sink.has_errors());
            }
        }
    }
}

fn scalars(node: &Node) -> usize {
    match &node.value {
        Value::List(entries) => entries.iter().map(scalars).sum(),
        Value::Map(entries) => entries.iter().map(|entry| scalars(&entry.value)).sum(),
        _ => 1,
    }
}

fn replace(node: &mut Node, left: &mut usize, value: &Value) {
    match &mut node.value {
        Value::List(entries) => entries.iter_mut().for_each(|entry| replace(entry, left, value)),
        Value::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| replace(&mut entry.value, left, value)),
        _ => {
            if *left == 0 {
                node.value = value.clone();
            }
            *left = left.wrapping_sub(1);
        }
    }
}

proptest::proptest! {
    #[test]
    fn arguments_become_json_or_a_finding(text in "[-+0-9.eExyno_:~a ]{1,6}", quoted: bool) {
        let style = if quoted { Style::DoubleQuoted } else { Style::Plain };
        let span = Span { file: FileId(0), start: 0, end: 0 };
        let node = Node { span, value: Value::Scalar(text.clone(), style) };
        let mut sink = Sink::default();
        let source = Source { file: FileId(0), path: "t.yaml", text: "", comments: &[] };
        let mut reader = Reader { source: &source, team: None, sink: &mut sink };
        match json::read(&mut reader, &node) {
            None => proptest::prop_assert!(sink.has_errors() && !quoted),
            Some(json) => {
                let value: serde_json::Value = serde_json::from_str(&json).unwrap();
                // What is written is what is asked: a number keeps its digits, anything else its letters.
                let back = value.as_str().map_or_else(|| json.clone(), str::to_owned);
                proptest::prop_assert_eq!(back, text);
                proptest::prop_assert!(!sink.has_errors());
            }
        }
    }
}
