//! Fields that are not as they must be: each is named once, and hides no other.

use super::*;

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
