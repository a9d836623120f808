//! What is said of policies that are wrong, or that no condition can say.

use super::built;

fn codes(text: &str) -> Vec<&'static str> {
    let (compiled, found) = built(&[("policies/p.rego", text)]);
    assert!(
        compiled.table.is_none()
            || found
                .iter()
                .all(|code| ["rule-never-matches", "unused-pragma"].contains(code)),
        "{text}\n{found:?}"
    );
    found
}

fn rules(body: &str) -> String {
    format!("package polity.p\n\nimport rego.v1\n\n{body}\n")
}

#[test]
fn what_is_wrong_is_an_error() {
    let cases = [
        ("deny if input.args.amuont > 5", "unknown-argument"),
        // Nobody would see from the rules that it denies every call.
        ("default deny := true\n\nallow if input.args.amount > 5", "rego-outcome"),
        (
            "default denied := true\n\nallow if input.args.amount > 5",
            "rego-outcome",
        ),
        ("default deny := false", "rego-outcome"),
        ("deny if input.argz.amount > 5", "unknown-attribute"),
        ("deny if input.environment == \"prod\"", "unknown-entity"),
        ("deny if input.action.name == \"billing.refnd\"", "unknown-entity"),
        ("deny if input.agent.team in {\"paiments\"}", "unknown-entity"),
        ("deny if input.agent.tags.teir == \"x\"", "unknown-tag"),
        ("deny if input.args.amount > \"5\"", "condition-type"),
        ("deny if input.args.method == \"cheque\"", "not-in-enum"),
        ("deny if input.now > \"tomorrow\"", "invalid-constant"),
        ("deny if regex.match(\"(x\", input.args.currency)", "invalid-constant"),
        ("deny if x > 5", "rego-syntax"),
        ("deny if nosuch(input.args.amount)", "rego-syntax"),
        ("deny if data.polity.q.large", "rego-syntax"),
        // Nothing has it, so the deny would silently never hold.
        ("deny if data.lib.is_admin", "unknown-attribute"),
        (
            "import data.lib.helpers\n\ndeny if helpers.large(input.args.amount)",
            "unknown-attribute",
        ),
        (
            "deny if upper(input.args.currency) == data.currency",
            "unknown-attribute",
        ),
        ("deny if walk(input.args, [\"x\", 1])", "rego-syntax"),
        ("deny := \"no\" if input.args.amount > 5", "rego-outcome"),
        ("denies if input.args.amount > 5", "rego-outcome"),
        // Beside a rule that decides it would pass for a helper that nobody needs.
        (
            "allow if input.args.amount < 9\ndenny contains \"x\" if input.args.amount > 5",
            "rego-outcome",
        ),
        (
            "allow if input.args.amount < 9\ndeny_large if input.args.amount > 5",
            "rego-outcome",
        ),
        (
            "allow if input.args.amount < 9\nviolation contains \"x\" if input.args.amount > 5",
            "rego-outcome",
        ),
        ("deny if time.now_ns() > 5", "impure-builtin"),
        (
            "deny if http.send({\"url\": \"x\", \"method\": \"get\"}).status_code == 200",
            "impure-builtin",
        ),
        ("deny if f(1)\nf(x) if f(x - 1)", "rego-recursion"),
        ("require_approval if input.args.amount > 5", "missing-approval"),
        (
            "# METADATA\n# custom:\n#   approval: nobody:1\nrequire_approval if input.args.amount > 5",
            "unknown-person",
        ),
        (
            "# METADATA\n# custom:\n#   approval: security:3\nrequire_approval if input.args.amount > 5",
            "approval-cannot-be-met",
        ),
        (
            "# METADATA\n# custom:\n#   aproval: security:1\nallow if input.args.amount > 5",
            "bad-metadata",
        ),
        (
            "# METADATA\n# custom:\n#   approval: security:1\ndeny if input.args.amount > 5",
            "field-not-for-effect",
        ),
        (
            "# METADATA\n# custom:\n#   approval: security:1\nlarge if input.args.amount > 5\n\nallow if large",
            "bad-metadata",
        ),
        ("deny if count(numbers.range(1, input.args.amount)) > 5", "rego-refused"),
        ("deny if [[[[[[[[[[[[[1]]]]]]]]]]]]] == 1", "rego-syntax"),
    ];
    for (body, code) in cases {
        let found = codes(&rules(body));
        assert!(found.contains(&code), "{body}\n{found:?}");
    }
    assert_eq!(codes("package polity\n\ndeny if true\n"), ["bad-package"]);
    assert_eq!(codes("package polity.two_words\n\ndeny if true\n"), ["bad-name"]);
    assert_eq!(codes("deny if true\n"), ["rego-syntax"]);
    assert_eq!(codes(""), ["rego-syntax"]);
}

/// What no condition says is kept whole, and it is said which rule that is, and why.
#[test]
fn what_no_condition_says_is_kept_for_the_engine() {
    let cases = [
        ("deny if to_number(input.args.currency) > 5", "`to_number`"),
        ("deny if input.args.currency < input.args.note", "an order of two texts"),
        (
            "deny if {\n\tsome label in input.args.labels\n\tstartswith(label, \"x\")\n}",
            "a walk through a list",
        ),
        (
            "deny if count({l | some l in input.args.labels; l != \"x\"}) > 2",
            "a number of elements",
        ),
        (
            "deny if {\n\tonly := input.args.currency\n\tcount([only | some l in input.args.labels]) > 2\n}",
            "a number of elements",
        ),
        ("deny if count(input.args.currency) > 2", "`count` of a string"),
        ("deny if count(input.args.labels) / 2 > 2", "arithmetic"),
        ("deny if regex.match(input.args.currency, \"x\")", "`regex.match`"),
        (
            "deny if regex.match(\"(a|b)*a(a|b){12}$\", input.args.currency)",
            "a regular expression that comes to too many states",
        ),
        ("deny if input.args.amount / 2 > 5", "arithmetic"),
        (
            "deny if glob.match(\"a*b*\", [\"/\"], input.args.currency)",
            "a glob with several stars",
        ),
    ];
    for (body, what) in cases {
        let (compiled, found) = built(&[("policies/p.rego", &rules(body))]);
        assert_eq!(found, ["rego-needs-engine"], "{body}");
        assert!(compiled.table.is_some(), "{body}");
        let said = compiled
            .findings
            .diagnostics()
            .iter()
            .find(|one| one.code.id == "rego-needs-engine");
        let said = &said.expect("a note").message;
        assert!(said.contains(what) && said.contains("`p/deny`"), "{body}\n{said}");
    }
    for plain in [
        "deny if input.args.amount > 5",
        "deny if count(input.args.labels) > 2",
        "denied if input.args.amount > 5\n\ndeny if denied",
    ] {
        let (compiled, found) = built(&[("policies/p.rego", &rules(plain))]);
        assert!(found.is_empty() && compiled.table.is_some(), "{plain}: {found:?}");
    }
}

/// Of a list of addresses there are the hosts, and how many they are is another question than how many it has.
#[test]
fn who_counts_addresses_is_told_of_their_hosts() {
    let tool = "kind: Tool\nname: mail\nactions:\n  send: {effect: write, external: true, reversible: false, params: {to: {type: list, of: email}}}\n";
    let found = |argument: &str| {
        let policy = rules(&format!("deny if count(input.args.{argument}) > 10"));
        let (compiled, found) = built(&[("policies/p.rego", &policy), ("mail.yaml", tool)]);
        let said = compiled.findings.diagnostics().iter();
        let help = said.flat_map(|one| &one.help).map(|help| help.text.clone());
        (found, help.collect::<Vec<String>>().join("; "))
    };
    let (codes, help) = found("to");
    assert!(codes.contains(&"unsupported-condition"), "{codes:?}");
    assert!(
        help.contains("`to_hosts`") && help.contains("`list of string`"),
        "{help}"
    );
    assert!(!found("to_hosts").0.contains(&"unsupported-condition"));
}

/// What can never be equal is told, with what to write instead; what is so only for some of the values is a question.
#[test]
fn values_of_different_types_are_never_compared() {
    let said = |body: &str| {
        let (compiled, found) = built(&[("policies/p.rego", &rules(body))]);
        assert_eq!(found, ["condition-type"], "{body}");
        let said = compiled.findings.diagnostics().iter();
        let said = said.filter(|one| one.code.id == "condition-type");
        said.flat_map(|one| one.help.iter().map(|help| format!("{}: {}", one.message, help.text)))
            .collect::<String>()
    };
    let ordered = "compare values of one type";
    let cases = [
        ("input.args.force == \"true\"", "a boolean with a string", ordered),
        ("\"true\" != input.args.force", "a string with a boolean", ordered),
        ("input.args.force = \"true\"", "a boolean with a string", ordered),
        ("input.args.force == 1", "a boolean with a number", ordered),
        ("input.args.force > 0", "a boolean with a number", ordered),
        ("input.args.force in {\"true\"}", "a boolean with a string", ordered),
        ("input.action.external == \"yes\"", "a boolean with a string", ordered),
        (
            "on := input.args.force; on == \"true\"",
            "a boolean with a string",
            ordered,
        ),
        (
            "(input.args.amount > 5) == \"true\"",
            "a boolean with a string",
            ordered,
        ),
        ("input.environment == 5", "a string with a number", ordered),
        ("input.environment in {5}", "a string with a number", ordered),
        ("input.args.amount == \"5\"", "a number with a string", ordered),
        (
            "input.args.amount in {\"5\", null}",
            "a number with null",
            "`not input.args.amount`",
        ),
        (
            "input.args.amount == null",
            "a number with null",
            "`not input.args.amount`",
        ),
        ("null == input.args.note", "null with a string", "`not input.args.note`"),
        (
            "input.args.force == null",
            "a boolean with null",
            "`not is_boolean(input.args.force)`",
        ),
        ("input.args.labels == \"bug\"", "with a string", ordered),
    ];
    for (statement, message, help) in cases {
        let found = said(&format!(
            "deny if {{\n\tinput.action.name == \"billing.refund\"\n\t{statement}\n}}"
        ));
        assert!(found.contains(message) && found.contains(help), "{statement}\n{found}");
    }
    for asked in [
        "object.get(input.args, \"note\", null) == null",
        "note := object.get(input.args, \"note\", null); note == null",
        "object.get(input.args, \"force\", \"unsaid\") == \"unsaid\"",
        "object.get(input.args, \"amount\", \"none\") in {\"none\", \"few\"}",
        "object.get(input.args, \"amount\", null) == null",
        "input.args.note != null",
        "input.args.force != null",
        "input.args.force == true",
        "input.args.force in {false, \"no\"}",
        "some mark in [1, \"EUR\", true]; mark == \"EUR\"",
        "not is_boolean(input.args.force)",
    ] {
        assert_eq!(codes(&rules(&format!("deny if {{\n\t{asked}\n}}"))), [""; 0], "{asked}");
    }
}

/// Within a second the order of texts is another than that of moments; that is said, and what is exact.
#[test]
fn a_moment_that_is_ordered_as_text_is_told() {
    let found = |statement: &str| {
        let (compiled, found) = built(&[("policies/p.rego", &rules(&format!("deny if {statement}")))]);
        assert!(compiled.table.is_some(), "{statement}");
        let said = compiled.findings.diagnostics().iter();
        let said = said.filter(|one| one.code.id == "rego-moment-as-text");
        let help = said.flat_map(|one| one.help.iter().map(|help| help.text.clone()));
        (found, help.collect::<String>())
    };
    let told = [
        (
            "input.now >= \"2027-01-01T00:00:00Z\"",
            "`time.parse_rfc3339_ns(input.now) >= time.parse_rfc3339_ns(\"2027-01-01T00:00:00Z\")`, or with `2027-01-01`",
        ),
        (
            "\"2027-01-01T10:00:00Z\" < input.args.when",
            "`time.parse_rfc3339_ns(\"2027-01-01T10:00:00Z\") < time.parse_rfc3339_ns(input.args.when)`",
        ),
    ];
    for (statement, exact) in told {
        let (codes, help) = found(statement);
        assert_eq!(codes, ["rego-moment-as-text"], "{statement}");
        assert!(help.contains(exact), "{statement}\n{help}");
        let instead = exact.trim_start_matches('`').split('`').next().unwrap_or_default();
        assert_eq!(found(instead).0, [""; 0], "{instead}");
    }
    for exact in ["input.now >= \"2027-01-01\"", "input.now == \"2027-01-01T00:00:00Z\""] {
        assert_eq!(found(exact).0, [""; 0], "{exact}");
    }
}

/// Who compares an object with a text means something in it.
#[test]
fn an_object_compared_with_a_text_is_told_what_is_in_it() {
    let tool = "kind: Tool\nname: t\nactions:\n  go: {effect: write, external: true, reversible: false, params: {r: url, m: email, k: {type: record, fields: {n: int, inner: {type: record, fields: {x: int}}}}}}\n";
    let cases = [
        ("input.agent == \"a/bot\"", "`input.agent.agent`, `input.agent.name`,"),
        (
            "\"t.go\" == input.action",
            "`input.action.effect`, `input.action.external`, `input.action.name`,",
        ),
        ("input.action in {\"t.go\", \"t.stop\"}", "`input.action.name`"),
        (
            "input.args.r == \"https://host.example/X\"",
            "`input.args.r.host`, `input.args.r.path`,",
        ),
        ("input.args.r != \"https://host.example/X\"", "`input.args.r.scheme`"),
        ("input.args.m == \"A@h\"", "`input.args.m.host`, `input.args.m.local`"),
        ("input.args.k == 3", "`input.args.k.inner`, `input.args.k.n`"),
        ("input.args.k.inner == 3", "`input.args.k.inner.x`"),
        ("input.agent.tags == \"critical\"", "`input.agent.tags.tier`"),
        ("input.agent > 3", "compare values of one type"),
        ("some x in [input.agent]; x == \"a/bot\"", "`x.name`"),
    ];
    for (statement, help) in cases {
        let policy = rules(&format!(
            "deny if {{\n\tinput.action.name == \"t.go\"\n\t{statement}\n}}"
        ));
        let (compiled, found) = built(&[("policies/p.rego", &policy), ("t.yaml", tool)]);
        assert!(
            compiled.table.is_none() && found.contains(&"condition-type"),
            "{statement}\n{found:?}"
        );
        let said = compiled.findings.diagnostics().iter();
        let said: String = said
            .flat_map(|one| one.help.iter().map(|help| help.text.clone()))
            .collect();
        assert!(said.contains(help), "{statement}\n{said}");
    }
}

#[test]
fn data_is_checked_once_for_a_folder() {
    let policy = rules("deny if input.args.amount > data.most");
    let found = |files: &[(&str, &str)]| {
        let mut all = vec![("policies/p.rego", policy.as_str())];
        all.extend(files);
        built(&all).1
    };
    assert_eq!(found(&[("policies/a.json", "{\"most\": 5}")]), [""; 0]);
    assert_eq!(found(&[("policies/a.json", "{\"most\": 5")]), ["bad-data"]);
    assert_eq!(found(&[("policies/a.json", "[5]")]), ["bad-data"]);
    assert_eq!(
        found(&[
            ("policies/a.json", "{\"most\": 5}"),
            ("policies/b.json", "{\"most\": 5}")
        ]),
        ["bad-data"]
    );
    assert_eq!(found(&[("policies/a.json", "{\"polity\": 5}")]), ["bad-data"]);
    // Elsewhere a JSON file is nobody's data.
    assert_eq!(
        found(&[("other/a.json", "{"), ("policies/b.json", "{\"most\": 5}")]),
        [""; 0]
    );
}

#[test]
fn a_comment_above_a_rule_silences_a_lint() {
    let never = "deny if {\n\tinput.agent.team == \"support\"\n\tinput.environment == \"staging\"\n}";
    assert_eq!(codes(&rules(never)), ["rule-never-matches"]);
    let silenced = format!("# polity: allow rule-never-matches until support works there\n{never}");
    assert_eq!(codes(&rules(&silenced)), [""; 0]);
    assert_eq!(
        codes(&rules("# polity: allow\ndeny if input.args.amount > 5")),
        ["malformed-pragma"]
    );
    assert_eq!(
        codes(&rules(
            "# polity: allow rule-never-matches for later\ndeny if input.args.amount > 5"
        )),
        ["unused-pragma"]
    );
}

/// Words that Rego's grammar knows, and some that break it.
const WORDS: [&str; 40] = [
    "package",
    "polity",
    ".p",
    "import",
    "data.x",
    "rego.v1",
    "allow",
    "deny",
    "require_approval",
    "contains",
    "if",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":=",
    "=",
    "==",
    "in",
    "some",
    "every",
    "x",
    "input",
    ".args",
    ".amount",
    "data",
    "not",
    "default",
    "else",
    "with",
    "\"a\"",
    "\"",
    "`",
    "#",
    "# METADATA\n# custom:",
    "\n",
    "é",
    "1",
];

#[test]
fn no_text_makes_the_reader_panic() {
    use polity_tests::generate::random::Random;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut text = String::new();
        if random.percent(70) {
            text.push_str("package polity.p\n\ndeny if ");
        }
        for _ in 0..random.within(1, 25) {
            text.push_str(WORDS[random.below(WORDS.len())]);
            text.push_str(if random.percent(80) { " " } else { "" });
        }
        let (compiled, found) = built(&[("policies/p.rego", &text), ("templates/p.rego", &text)]);
        assert!(compiled.table.is_none() && !found.is_empty(), "{text}");
    }
}

/// Files that an editor began with a byte-order mark mean what they say without it.
#[test]
fn a_byte_order_mark_says_nothing() {
    let files = [
        (
            "p/b.rego",
            "package polity.b\n\nimport data.lib\n\ndeny if lib.big(input.args.amount)\n",
        ),
        ("p/lib.rego", "package lib\n\nbig(x) if x > data.most\n"),
        ("p/most.json", "{\"most\": 5}"),
        (
            "p/c.cedar",
            "// A comment.\nforbid (principal, action, resource) when { context.args has amount && context.args.amount > 7 };\n",
        ),
        (
            "p/d.cedar",
            "forbid (principal, action == Action::\"billing.refund\", resource) when { context.args.amount > 7 };\n",
        ),
        (
            "p/q.yaml",
            "kind: Policy\nname: q\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [\"*\"]}\n",
        ),
    ];
    let marked: Vec<(&str, String)> = files
        .iter()
        .map(|(path, text)| (*path, format!("\u{feff}{text}")))
        .collect();
    let marked: Vec<(&str, &str)> = marked.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (plain, marked) = (super::right(&files), super::right(&marked));
    let answers = |compiled: &polity::compile::Compiled| {
        [4, 6, 8].map(|amount| {
            let args = serde_json::json!({"amount": amount, "currency": "EUR"});
            let call = super::request("payments/bot", "production", "billing.refund", args);
            super::answer(compiled, &call).denies
        })
    };
    assert_eq!(answers(&plain), answers(&marked));
    assert!(!answers(&marked)[1].is_empty() && answers(&marked)[0].is_empty());
    // Where it stands inside a file it is no blank.
    let (_, found) = super::built(&[("p/b.rego", "package polity.b\n\u{feff}deny if input.args.amount > 5\n")]);
    assert!(found.contains(&"rego-syntax"), "{found:?}");
    let (_, found) = super::built(&[
        ("p/m.json", "\u{feff}{\"most\": }"),
        ("p/b.rego", files[0].1),
        ("p/l.rego", files[1].1),
    ]);
    assert!(found.contains(&"bad-data"), "{found:?}");
}
