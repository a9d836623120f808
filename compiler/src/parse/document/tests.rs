//! Documents read from YAML text by a reader of the tests' own, which knows nothing of what YAML forbids here.

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
fn one_broken_field_hides_no_other_and_is_reported_once() {
    let text = "kind: Environment\nname: e\nrnk: 3\nrings: []\nenforced_by: [gatway]\ncredentials: {max_ttl: 0m}\n";
    let expected = [
        "bad-duration: 0m",
        "empty-list: []",
        "unknown-key: rnk",
        "unknown-value: gatway",
    ];
    check("e.yaml", text, &expected);
    check("e.yaml", "kind: Environment\nname: e\nrank:\n", &[]);
    check(
        "e.yaml",
        "kind: Environment\nname: e\nrank: {a: b}\n",
        &["wrong-shape: {a: b}"],
    );
}

#[test]
fn scalars_are_what_their_fields_take() {
    let ring = |fields: &str| format!("kind: Ring\nname: r\nlevel: 1\neffects: [read]\n{fields}\n");
    for (fields, expected) in [
        ("irreversible: yes", "not-a-boolean: yes"),
        ("irreversible: \"true\"", "not-a-boolean: \"true\""),
        ("irreversible: True", "not-a-boolean: True"),
        ("limits: {burst: \"1\"}", "not-an-integer: \"1\""),
        ("limits: {burst: 010}", "not-an-integer: 010"),
        ("limits: {burst: 0}", "out-of-range: 0"),
        (
            "limits: {burst: 99999999999999999999}",
            "out-of-range: 99999999999999999999",
        ),
        ("limits: {rate: 0/s}", "bad-rate: 0/s"),
        ("limits: {rate: 5}", "bad-rate: 5"),
        ("limits: {}", "empty-mapping: {}"),
        ("isolation: {memory: 512}", "bad-size: 512"),
        ("isolation: {user: 1000}", "needs-quotes: 1000"),
        ("isolation: {tmpfs: /tmp}", "wrong-shape: /tmp"),
        ("isolation: {user: \"a\\u202eb\"}", "bad-text: \"a\\u202eb\""),
        ("isolation: {user: \" \"}", "bad-text: \" \""),
    ] {
        check("r.yaml", &ring(fields), &[expected]);
    }
    check("r.yaml", &ring("isolation: {tmpfs: [], hosts: []}"), &[]);
}

#[test]
fn a_condition_that_yaml_could_cut_short_is_refused() {
    let deny = |when: &str| {
        format!("kind: Policy\nname: p\nrules:\n  r:\n    effect: deny\n    tools: [t]\n    when: {when}\n")
    };
    let quotes = |text: &str| format!("condition-needs-quotes: {text}");
    check(
        "p.yaml",
        &deny("context.args.a == 1 # or more"),
        &[&quotes("context.args.a == 1")],
    );
    check("p.yaml", &deny("a#b"), &[&quotes("a#b")]);
    check("p.yaml", &deny("[a, b]"), &[&quotes("[a, b]")]);
    check("p.yaml", &deny("{a: b}"), &[&quotes("{a: b}")]);
    check("p.yaml", &deny("true"), &["needs-quotes: true"]);
    check("p.yaml", &deny("a == 1\n    # a comment of its own"), &[]);
    check("p.yaml", &deny("'a == \"x # y\"' # why"), &[]);
    check("p.yaml", &deny("\"a == \\\"x\\\"\""), &[]);
    check("p.yaml", &deny("|\n      !a # b"), &[]);
}

#[test]
fn a_rule_has_what_its_effect_takes() {
    let approval = "approval: {require: [{from: [a], count: 1}]}";
    check_rule("effect: deny, tools: [t]", &[]);
    check_rule("effect: deny", &[]);
    check_rule(
        &format!("effect: deny, {approval}"),
        &["field-not-for-effect: approval"],
    );
    check_rule(
        "effect: deny, limit: 1/h, expires: 2026-01-01",
        &["field-not-for-effect: expires", "field-not-for-effect: limit"],
    );
    check_rule("effect: require_approval, tools: [t]", &["missing-approval: r"]);
    check_rule(
        &format!("effect: require_approval, observe_until: 2026-01-01, {approval}"),
        &[],
    );
    check_rule(
        "effect: require_approval, approval: {require: [{from: [a], count: 0}]}",
        &["out-of-range: 0"],
    );
    check_rule(
        "effect: require_approval, approval: {require: [{from: [a]}]}",
        &["missing-field: {from: [a]}"],
    );
    check_rule("effect: require_approval, approval: {require: []}", &["empty-list: []"]);
    check_rule(
        "effect: require_approval, approval: {timeout: 1m}",
        &["missing-field: approval"],
    );
    check_rule("effect: allow", &["incomplete-allow: r"]);
    check_rule("effect: allow, environments: [e]", &["incomplete-allow: r"]);
    check_rule("effect: allow, environments: [e], effects: [\"*\"]", &[]);
    check_rule(
        "effect: allow, environments: [e], credentials: [c], observe_until: 2026-01-01",
        &["field-not-for-effect: observe_until"],
    );
    check_rule(
        "effect: allow, enviroments: [e], tools: [t]",
        &["unknown-key: enviroments"],
    );
    check_rule("effect: allow, environments: [e], tool: [t]", &["unknown-key: tool"]);
    check_rule("effect: permit", &["unknown-value: permit"]);
    check_rule("tools: [t]", &["missing-field: r"]);
    check_rule("effect: deny, except: {}", &["empty-mapping: {}"]);
    let scoped = "kind: Policy\nname: p\nfor: {environments: [e], tools: [t]}\nrules: {r: {effect: allow}}\n";
    check("p.yaml", scoped, &[]);
    check(
        "p.yaml",
        &scoped.replace("tools: [t]", "tols: [t]"),
        &["unknown-key: tols"],
    );
    check(
        "p.yaml",
        &scoped.replace("rules", "expires: 2026-01-01\nrules"),
        &["unknown-key: expires"],
    );
}

#[test]
fn a_key_that_belongs_elsewhere_says_where() {
    let (_, sink) = run(
        "x.yaml",
        "kind: Deployment\nagent: a\nteam: t\nring: r\nenvironments: {e: {ring: r}}\n",
    );
    let found = findings(sink);
    assert_eq!(found[0].help[0].text, "`ring` belongs to a deployment's environment");
    let (_, sink) = run(
        "x.yaml",
        "kind: Policy\nname: p\nexpires: 2026-01-01\nrules: {r: {effect: deny}}\n",
    );
    assert_eq!(findings(sink)[0].help[0].text, "`expires` belongs to a rule");
    let (_, sink) = run("x.yaml", "kind: Group\nname: p\nmembrs: [a]\n");
    assert_eq!(findings(sink)[0].help[0].replacement.as_ref().unwrap().1, "members");
}

#[test]
fn an_action_says_what_it_does() {
    let tool = |action: &str| format!("kind: Tool\nname: t\nactions:\n  a: {action}\n");
    for (action, expected) in [
        ("{effect: read}", &[][..]),
        ("{}", &["unclassified-action: a"]),
        ("{effect: write}", &["unclassified-action: a"]),
        (
            "{effect: write, external: maybe, reversible: true}",
            &["not-a-boolean: maybe"],
        ),
        ("{effect: destructve}", &["unknown-value: destructve"]),
        (
            "{external: true, reversible: false, variants: {v: {effect: write}, w: {effect: destructive}}}",
            &[],
        ),
        (
            "{effect: write, variants: {v: {external: true, reversible: false}, w: {effect: read}}}",
            &[],
        ),
        (
            "{effect: write, variants: {v: {external: true}, w: {effect: read}}}",
            &["unclassified-action: v"],
        ),
        ("{variants: {v: {}, w: {effect: read}}}", &["unclassified-action: v"]),
        ("{variants: {}}", &["empty-mapping: {}"]),
    ] {
        check("t.yaml", &tool(action), expected);
    }
    check(
        "t.yaml",
        "kind: Tool\nname: t\nactions: {.a: {effect: read}, a/b: {effect: read}}\n",
        &["bad-name: .a", "bad-name: a/b"],
    );
    let server = |server: &str| format!("kind: Tool\nname: t\nserver: {server}\nactions: {{a: {{effect: read}}}}\n");
    check(
        "t.yaml",
        &server("{command: [a], url: \"https://b.example\"}"),
        &["bad-server: url"],
    );
    check("t.yaml", &server("{digest: b}"), &["bad-server: server"]);
}

#[test]
fn a_parameter_has_a_type_and_what_goes_with_it() {
    for good in [
        "int",
        "list of url",
        "{type: opaque}",
        "{enum: [a, B c]}",
        "{type: enum, enum: [a]}",
        "{type: list, of: {type: string, fold: case}}",
    ] {
        check_parameter(good, &[]);
    }
    check_parameter("sql", &["reserved-type: sql"]);
    check_parameter("list of shell", &["reserved-type: list of shell"]);
    check_parameter("integer", &["unknown-type: integer"]);
    check_parameter("list of list of int", &["unknown-type: list of list of int"]);
    check_parameter("list", &["bad-parameter: list"]);
    check_parameter("list of opaque", &["bad-parameter: list of opaque"]);
    check_parameter("{type: int, fold: case}", &["bad-parameter: fold"]);
    check_parameter("{type: string, of: int}", &["bad-parameter: of"]);
    check_parameter("{type: list}", &["missing-field: p"]);
    check_parameter("{optional: true}", &["missing-field: p"]);
    check_parameter("{type: list, of: {type: int, optional: true}}", &["bad-parameter: int"]);
    check_parameter(
        "{type: record, fields: {a: sql, b: nope}}",
        &["reserved-type: sql", "unknown-type: nope"],
    );
    check_parameter("{enum: [on, off]}", &["needs-quotes: off", "needs-quotes: on"]);
    check_parameter("{enum: []}", &["empty-list: []"]);
}

#[test]
fn arguments_mean_one_thing_to_every_reader() {
    let test = |args: &str| {
        format!(
            "kind: Test\nname: t\ncases: [{{agent: a/b, environment: e, action: x.y, now: 2026-01-01, args: {args}, expect: deny}}]\n"
        )
    };
    check(
        "t.yaml",
        &test("{a: {}, b: [], c: \"yes\", d: true, e: 0, f: 0.5, g: -12, h: 2026-01-01}"),
        &[],
    );
    for text in [
        "yes", "on", "y", "True", "017", "0x10", "1_000", "1:30", "1e5", ".5", "5.", "-0", "+5", ".inf", "-.5",
    ] {
        check(
            "t.yaml",
            &test(&format!("{{a: [{text}]}}")),
            &[&format!("needs-quotes: {text}")],
        );
    }
    check("t.yaml", &test("[a]"), &["wrong-shape: [a]"]);
    check(
        "t.yaml",
        &test("{a: yes, b: no}"),
        &["needs-quotes: no", "needs-quotes: yes"],
    );
    check("t.yaml", &test("{a: null}"), &[]);
}

#[test]
fn what_would_do_nothing_or_everything_is_refused() {
    check("k.yaml", "kind: Kill\nname: k\nreason: r\n", &["empty-kill: k"]);
    check(
        "k.yaml",
        "kind: Kill\nname: k\nreason: r\neverything: false\n",
        &["empty-kill: k"],
    );
    check(
        "k.yaml",
        "kind: Kill\nname: k\nreason: r\neverything: yes\n",
        &["not-a-boolean: yes"],
    );
    let exception = "kind: Exception\nname: x\nto: p/r\nreason: r\nowner: o\nuntil: 2026-01-01\n";
    check("x.yaml", exception, &["exception-for-everybody: x"]);
    check(
        "x.yaml",
        &format!("agents: [a]\n{}", exception.replace("p/r", "p")),
        &["bad-target: p"],
    );
    check(
        "x.yaml",
        "kind: Exception\nname: x\nagents: [a]\n",
        &["missing-field: x"; 4],
    );
    check("t.yaml", "kind: Test\nname: t\n", &["empty-test: t"]);
    check(
        "t.yaml",
        "kind: Test\nname: t\ncases: [{action: a.b, expect: deny}]\n",
        &["incomplete-case: {action: a.b, expect: deny}"],
    );
    // What the defaults forgot is one mistake, and what a case lacks besides is another.
    let cases = "cases: [{name: a, expect: deny}, {name: b, expect: deny}, {name: c, expect: deny, now: 2026-01-01}]";
    let text = format!("kind: Test\nname: t\ndefaults: {{agent: a, environment: e, action: a.b}}\n{cases}\n");
    check("t.yaml", &text, &["incomplete-case: {name: a, expect: deny}"]);
    let text = text
        .replace("action: a.b}", "now: 2026-01-01}")
        .replace("name: b", "action: a.b, now: 2026-02-02");
    check("t.yaml", &text, &["incomplete-case: {name: a, expect: deny}"]);
    let rule = |when: &str| format!("kind: ApprovalRule\nname: r\nwhen: {when}\nrequire: [{{from: [a], count: 1}}]\n");
    check("r.yaml", &rule("{}"), &["empty-mapping: {}"]);
    check(
        "r.yaml",
        &rule("{widens: true, any: [{narrows: true}]}"),
        &["any-not-alone: widens"],
    );
    check("r.yaml", &rule("{kinds: [Tool, Rego, Tol]}"), &["unknown-value: Tol"]);
    check("r.yaml", &rule("{author: human}"), &["unknown-value: human"]);
    check(
        "i.yaml",
        "kind: Invariant\nname: i\nnever: {rings: [r]}\n",
        &["missing-field: never"],
    );
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
