//! One cause is told once: mistakes that authors make, and all that is said of each.

use polity::compile::compile;
use polity::diag::{Severity, Sink};
use polity::source::SourceTree;
use polity_tests::compare::COMPILED_AT;

const BASE: &str = include_str!("../cases/templates/base.yaml");

/// Every error, as `code: message`.
fn told(base: &str, more: &str) -> Vec<String> {
    let production = "{kind: Environment, name: production, rank: 2}\n";
    let files = [
        ("polity.yaml", base),
        ("environments/production.yaml", production),
        ("policies/more.yaml", more),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
    let found = compiled.findings.diagnostics().iter();
    let errors = found.filter(|found| found.severity == Severity::Error);
    errors
        .map(|found| format!("{}: {}", found.code.id, found.message))
        .collect()
}

/// What is said to do about the first error.
fn helped(more: &str) -> String {
    let files = [("polity.yaml", BASE), ("policies/more.yaml", more)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
    let mut found = compiled.findings.diagnostics().iter();
    let syntax = found.find(|found| found.code.id == "condition-syntax").unwrap();
    syntax.help.iter().map(|help| help.text.clone()).collect()
}

fn rule(action: &str, when: &str) -> String {
    format!("kind: Policy\nname: p\nrules:\n  r: {{effect: deny, actions: [{action}], when: '{when}'}}\n")
}

#[test]
fn an_owner_who_is_misspelt_is_not_also_too_few() {
    let gate = "kind: Use\nname: u\ntemplate: external-mutation-needs-a-person\n";
    assert_eq!(told(BASE, gate), Vec::<String>::new());
    let base = BASE.replace("owners: [alice, bob]", "owners: [alicia]");
    assert_eq!(
        told(&base, gate),
        ["unknown-person: no person or group is called `alicia`"]
    );
}

#[test]
fn an_argument_that_is_misspelt_is_told_where_it_stands_first() {
    let asked = rule(
        "billing.refund",
        "context.args has amuont && context.args.amuont > 5 && context.args.amuont < 9",
    );
    assert_eq!(
        told(BASE, &asked),
        ["unknown-argument: no action has an argument `amuont`"]
    );
    let read = rule("billing.refund", "context.args.amuont > 5 && context.args.amuont < 9");
    assert_eq!(
        told(BASE, &read),
        ["unknown-argument: the action has no argument `amuont`"]
    );
}

#[test]
fn what_is_guarded_is_not_called_unguarded_beside_another_error() {
    let base = BASE.replace(
        "amount: {type: int, optional: true}",
        "amount: {type: decimal, optional: true}",
    );
    assert_ne!(base, BASE);
    let guarded = rule(
        "billing.refund",
        "context.args has amount && context.args.amount > 5 && context.args.amount < 9",
    );
    let decimals = "condition-type: decimals are compared with methods, not with operators";
    assert_eq!(told(&base, &guarded), [decimals, decimals]);
    let bare = rule("billing.refund", "context.args.amount > 5");
    let unguarded = "unguarded-optional: `amount` is optional, and read without asking whether it is there";
    assert_eq!(told(BASE, &bare), [unguarded]);
}

#[test]
fn a_parameter_that_is_misspelt_is_not_also_missing() {
    let filled = "kind: Use\nname: u\ntemplate: no-exfiltration\nwith: {clases: [customer-data]}\n";
    let unknown = "unknown-template-parameter: template `no-exfiltration` has no parameter `clases`";
    assert_eq!(told(BASE, filled), [unknown]);
    let bare = "kind: Use\nname: u\ntemplate: no-exfiltration\nwith: {name: x}\n";
    assert_eq!(
        told(BASE, bare),
        ["missing-template-parameter: template `no-exfiltration` needs `classes`"]
    );
}

#[test]
fn what_is_wrong_on_several_lines_of_a_built_in_template_is_told_once() {
    let filled = "kind: Use\nname: u\ntemplate: customer-support\nwith: {name: x, team: payments, owner: alice, \
        kill_contact: security, environments: [production], tools: [billing], classes: [customer-data], \
        payment: billing.refund, amount: cents, alone: 1, most: 2, approvers: [security]}\n";
    let told = told(BASE, filled);
    let [one] = told.as_slice() else { panic!("{told:?}") };
    let start = "unknown-argument: no action has an argument `cents` (lines ";
    assert!(
        one.starts_with(start) && one.ends_with(" of the built-in template `customer-support`)"),
        "{one}"
    );
}

#[test]
fn words_of_other_languages_are_told_in_cedars() {
    for (when, help) in [
        ("context.args has amount and true", "`&&`"),
        ("true or false", "`||`"),
        ("context.args.amount != null", "`context.args has x`"),
        ("args.amount > 5", "`context.args.x`"),
        ("context.args.payment.startsWith(\"pi_\")", "`like`"),
    ] {
        let said = helped(&rule("billing.refund", when));
        assert!(said.contains(help), "{when}: {said}");
    }
}

/// What is said of an organisation in which one thing is written otherwise.
fn instead(of: &str, written: &str, more: &str) -> Vec<String> {
    let base = BASE.replacen(of, written, 1);
    assert_ne!(base, BASE, "{of}");
    told(&base, more)
}

/// Whether there is one error, and it begins so.
#[track_caller]
fn once(told: &[String], start: &str) {
    assert!(matches!(told, [one] if one.starts_with(start)), "{start}: {told:#?}");
}

#[test]
fn what_is_wrong_with_a_parameter_is_told_where_it_is_declared() {
    let asked = rule("billing.refund", "context.args has amount && context.args.amount > 5");
    for (written, start) in [
        ("amount: {type: itn, optional: true}", "unknown-type: "),
        ("amount: {type: shell, optional: true}", "reserved-type: "),
        ("amount: {type: int, fold: case, optional: true}", "bad-parameter: "),
        ("amount: {type: list, optional: true}", "missing-field: "),
        (
            "amount: {type: list, of: {type: list, of: int}, optional: true}",
            "bad-parameter: ",
        ),
        (
            "amount: {type: record, fields: {a: itn}, optional: true}",
            "unknown-type: ",
        ),
        ("amount: {enum: [a, no], optional: true}", "needs-quotes: "),
        ("amount: ~", "null-value: "),
        ("amount: int, amount: string", "duplicate-key: "),
    ] {
        once(&instead("amount: {type: int, optional: true}", written, &asked), start);
    }
    once(
        &instead(
            "params: {payment: string, amount: {type: int, optional: true}}",
            "params: ~",
            &asked,
        ),
        "null-value: ",
    );
    let kept = "package polity.kept\n\ndeny if input.args.amount > 5\n";
    let broken = BASE.replacen("amount: {type: int", "amount: {type: itn", 1);
    let files = [
        ("polity.yaml", broken.as_str()),
        ("kept.rego", kept),
        ("p.yaml", "{kind: Environment, name: production, rank: 2}"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
    let found = compiled.findings.diagnostics().iter();
    let errors: Vec<&str> = found
        .filter(|one| one.severity == Severity::Error)
        .map(|one| one.code.id)
        .collect();
    assert_eq!(errors, ["unknown-type"]);
}

#[test]
fn a_resource_that_names_no_parameter_is_not_also_absent() {
    let asked = "kind: Policy\nname: p\nrules:\n  r: {effect: deny, tools: [github], resources: [\"repo:acme/*\"]}\n";
    let told = instead("[\"repo:{owner}/{repo}\"]", "[\"repo:{ownr}/{repo}\"]", asked);
    assert!(
        told.iter().all(|one| one.starts_with("resource-placeholder: ")),
        "{told:#?}"
    );
    once(
        &instead(
            "params: {owner: string, repo: string}}",
            "params: {owner: strng, repo: string}}",
            asked,
        ),
        "unknown-type: ",
    );
}

#[test]
fn a_selector_that_could_not_be_read_selects_nothing() {
    for selector in [
        "actions: ~",
        "actions: x",
        "tools: !x [github]",
        "for: ~",
        "external: yes",
    ] {
        let (of, own) = match selector.strip_prefix("for") {
            Some(_) => (selector, "tools: [billing]"),
            None => ("description: x", selector),
        };
        let policy = format!(
            "kind: Policy\nname: p\n{of}\nrules:\n  r:\n    effect: deny\n    {own}\n    resources: [\"repo:acme/*\"]\n    when: context.args.owner == \"a\"\n"
        );
        assert_eq!(told(BASE, &policy).len(), 1, "{selector}: {:#?}", told(BASE, &policy));
    }
}

#[test]
fn what_is_broken_by_itself_is_not_unknown_to_others() {
    let lifted = "kind: Policy\nname: p\nrules:\n  r: {effect: deny, tools: [billing]}\n  r: {effect: deny, tools: [github]}\n---\n\
        {kind: Exception, name: e, to: p/r, tools: [github], owner: carol, reason: x, until: 2027-06-01}\n";
    once(&told(BASE, lifted), "duplicate-key: ");
    let lifted = "kind: Policy\nname: p\nrules:\n  s: {effect: deny, tools: [billing]}\n  r: ~\n---\n\
        {kind: Exception, name: e, to: p/r, tools: [github], owner: carol, reason: x, until: 2027-06-01}\n";
    once(&told(BASE, lifted), "null-value: ");
    let asked = rule("billing.refund", "true");
    once(
        &instead(
            "  refund: {effect: write, external: true, reversible: false, params: {payment: string, amount: {type: int, optional: true}}}",
            "  refund: ~",
            &asked,
        ),
        "null-value: ",
    );
    let tagged = "kind: Policy\nname: p\nrules:\n  r: {effect: deny, tools: [billing], tags: {tier: [low]}}\n";
    once(
        &instead(
            "kill_contact: release-captains\n",
            "kill_contact: release-captains\ntags: {tier: [low]}\n",
            tagged,
        ),
        "wrong-shape: ",
    );
    once(&told(BASE, tagged), "unknown-tag: no agent has a tag `tier`");
    let used = "kind: Use\nname: u\ntemplate: no-exfiltration\nwitth: {classes: [customer-data]}\n";
    once(&told(BASE, used), "unknown-key: ");
    let used = "kind: Use\nname: u\ntemplate: no-exfiltration\nwith: {classes: ~}\n";
    once(&told(BASE, used), "null-value: ");
}

#[test]
fn what_stands_under_a_misspelt_key_is_what_was_meant() {
    let asked = rule("billing.refund", "context.args has amount && context.args.amount > 5");
    let (written, misspelt) = ("params: {payment: string", "parrams: {payment: string");
    once(&instead(written, misspelt, &asked), "unknown-key: ");
    let lifted = "kind: Policy\nname: p\nruels:\n  r: {effect: deny, tools: [billing]}\n---\n\
        {kind: Exception, name: e, to: p/r, tools: [billing], owner: carol, reason: x, until: 2027-06-01}\n";
    once(&told(BASE, lifted), "unknown-key: ");
    let asked = asked.replace("actions", "agents: [payments/claude-code], actions");
    once(
        &instead("agent: claude-code", "aggent: claude-code", &asked),
        "unknown-key: ",
    );
    // It is an error all the same, and where both are there the one that is right counts.
    let both = "kind: Policy\nname: p\nrules:\n  r: {effect: deny, tools: [billing], tols: [nothing]}\n";
    once(&told(BASE, both), "unknown-key: ");
}

#[test]
fn a_deployment_that_is_left_out_is_not_unknown_to_others() {
    let by_name = rule("billing.refund", "true").replace("actions", "agents: [payments/claude-code], actions");
    let tested = "{kind: Test, name: t, cases: [{name: a, agent: payments/claude-code, environment: production, \
        action: billing.refund, args: {}, now: 2026-11-01T12:00:00Z, expect: deny}]}\n";
    let literal = rule("billing.refund", "principal == Deployment::\"payments/claude-code\"");
    for named in [by_name.as_str(), tested, &literal] {
        let misspelt = ("agent: claude-code", "agent: clade-code");
        once(&instead(misspelt.0, misspelt.1, named), "unknown-agent: ");
    }
    let other = by_name.replace("payments/", "other/");
    assert_eq!(instead("agent: claude-code", "agent: clade-code", &other).len(), 2);
}

#[test]
fn where_a_list_of_what_is_admitted_is_wrong_nobody_is_told_not_to_be_on_it() {
    let none = "{kind: DataClass, name: other, owner: carol}\n";
    let environment = "{kind: Environment, name: development, rank: 1}";
    for (written, start) in [
        (
            "{kind: Environment, name: development, rank: 1, rings: [standrad]}",
            "unknown-ring: ",
        ),
        (
            "{kind: Environment, name: development, rank: 1, enforced_by: [gatway, hook]}",
            "unknown-value: ",
        ),
        (
            "{kind: Environment, name: development, rank: 1, enforced_by: ~}",
            "null-value: ",
        ),
    ] {
        once(&instead(environment, written, none), start);
    }
    let team = "{kind: Team, name: payments, ";
    for (written, start) in [
        (
            "ceiling: {rings: [trsted], tools: [billing, cluster, database, github]}, ",
            "unknown-ring: ",
        ),
        (
            "ceiling: {tools: [biling, cluster, database, github]}, ",
            "unknown-tool: ",
        ),
        ("ceiling: {tools: [12]}, ", "needs-quotes: "),
    ] {
        once(&instead(team, &format!("{team}{written}"), none), start);
    }
    let credential = "environments: [production], max_ttl: 15m";
    once(
        &instead(credential, "environments: [prodction], max_ttl: 15m", none),
        "unknown-environment: ",
    );
}

#[test]
fn people_who_cannot_be_counted_are_not_too_few() {
    let gate = "kind: Use\nname: u\ntemplate: external-mutation-needs-a-person\n";
    let group = "{kind: Group, name: security, members: [alice, bob]}";
    for (written, start) in [
        ("{kind: Group, name: security, members: []}", "empty-list: "),
        ("{kind: Group, name: security, members: [security]}", "group-cycle: "),
    ] {
        once(&instead(group, written, gate), start);
    }
    once(
        &instead("{kind: Person, name: bob, ", "{kind: Person, name: Bob, ", gate),
        "bad-name: ",
    );
}

#[test]
fn a_document_in_the_wrong_place_is_told_once() {
    once(
        &told(
            BASE,
            "polity: v1\nkind: Organization\nname: other\nowners: [alice, bob]\n",
        ),
        "kind-not-allowed-here: ",
    );
}

#[test]
fn who_is_one_person_is_no_group() {
    let class = "{kind: DataClass, name: other, owner: security}\n";
    once(&told(BASE, class), "unknown-person: no person is called `security`");
}

#[test]
fn an_endpoint_is_reached_with_a_credential_of_its_environment() {
    let billing = "name: billing\n";
    let endpoint =
        |environment: &str| format!("name: billing\nendpoints: {{{environment}: {{credential: database-admin}}}}\n");
    let none = "{kind: DataClass, name: other, owner: carol}\n";
    assert_eq!(instead(billing, &endpoint("production"), none), Vec::<String>::new());
    once(
        &instead(billing, &endpoint("development"), none),
        "credential-not-here: credential `database-admin` is not for `development`",
    );
}

#[test]
fn a_field_that_no_record_has_is_told_though_it_is_only_asked_for() {
    let base = BASE.replacen(
        "amount: {type: int, optional: true}",
        "amount: {type: record, fields: {cents: int, note: {type: string, optional: true}}}, link: url",
        1,
    );
    let asked = |what: &str| told(&base, &rule("billing.refund", what));
    assert_eq!(asked("context.args.amount has note"), Vec::<String>::new());
    once(
        &asked("context.args.amount has nte && context.args.amount.nte == \"x\""),
        "unknown-argument: ",
    );
    once(
        &asked("context.args.link has hots"),
        "unknown-argument: the argument `link` has no field `hots`",
    );
}

#[test]
fn a_key_that_some_read_as_no_text_is_what_it_looks_like_to_others() {
    let asked = rule("billing.refund", "context.args has n && context.args.n > 5");
    let renamed = instead(
        "amount: {type: int, optional: true}",
        "n: {type: int, optional: true}",
        &asked,
    );
    once(&renamed, "non-string-key: the key `n` is read as");
    let lifted = "kind: Policy\nname: p\nrules:\n  no: {effect: deny, tools: [billing]}\n---\n\
        {kind: Exception, name: e, to: p/no, tools: [billing], owner: carol, reason: x, until: 2027-06-01}\n";
    once(&told(BASE, lifted), "non-string-key: the key `no` is read as");
    once(
        &told(BASE, "kind: Group\nname: g\nmembers: [alice]\nyes: 1\n"),
        "non-string-key: ",
    );
    once(
        &told(BASE, "kind: Group\nname: g\nmembers: [alice]\n\"yes\": 1\n"),
        "unknown-key: ",
    );
}

/// A mistake in a document that declares names is told there, and not again by each policy that names them.
#[test]
fn what_a_broken_document_declares_is_not_unknown_to_policies() {
    let tool = "kind: Tool\nname: ward\nactions:\n  admit:\n    effect: write\n    external: false\n    reversible: true\n    params: {patient: string, days: int}\n  leave:\n    effect: write\n    external: false\n    reversible: true\n";
    let agent = "kind: Agent\nname: nurse\nowner: alice\n---\nkind: Team\nname: clinic\nowners: [alice]\n";
    let rego = "package polity.w\n\ndeny if {\n\tinput.action.name == \"ward.admit\"\n\tinput.args.days > 5\n}\n\ndeny if input.action.name in {\"ward.admit\", \"ward.leave\"}\n\nallow if {\n\tinput.action.tool == \"ward\"\n\tinput.agent.team == \"clinic\"\n}\n";
    let other = "package polity.o\n\ndeny if {\n\tinput.agent.agent == \"nurse\"\n\tinput.args.days > 5\n}\n";
    let cedar = "forbid (principal, action, resource) when { action == Action::\"ward.admit\" };\nforbid (principal, action, resource) when { principal.agent == \"nurse\" && context.args has days };\nforbid (principal, action, resource) when { principal in Team::\"clinic\" };\n";
    let yaml = "kind: Policy\nname: y\nrules:\n  a: {effect: deny, actions: [\"*\"], when: 'action in Action::\"ward\"'}\n  b: {effect: deny, actions: [ward.admit], when: context.args.days > 5}\n".replace("name: y", "name: words");
    let told = |tool: &str, agent: &str| {
        let files = [
            ("polity.yaml", BASE),
            ("tools/ward.yaml", tool),
            ("agents/nurse.yaml", agent),
            ("policies/w.rego", rego),
            ("policies/o.rego", other),
            ("policies/c.cedar", cedar),
            ("policies/words.yaml", &yaml),
            (
                "environments/production.yaml",
                "{kind: Environment, name: production, rank: 2}\n",
            ),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
        let found = compiled.findings.diagnostics().iter();
        let errors = found.filter(|found| found.severity == Severity::Error);
        let codes: Vec<&str> = errors.map(|found| found.code.id).collect();
        assert_eq!(compiled.table.is_some(), codes.is_empty());
        codes
    };
    assert_eq!(told(tool, agent), Vec::<&str>::new());
    for (from, to, code) in [
        ("kind: Tool", "kind: Tol", "unknown-kind"),
        ("effect: write", "effect: wrte", "unknown-value"),
        ("admit:", "admit: [", "yaml-syntax"),
        ("days: int", "days: itn", "unknown-type"),
        ("actions:", "acitons:", "unknown-key"),
    ] {
        let broken = tool.replacen(from, to, 1);
        let found = told(&broken, agent);
        assert!(
            found.iter().all(|found| *found == code || *found == "missing-key"),
            "{to}: {found:?}"
        );
    }
    assert_eq!(
        told(tool, &agent.replace("owner: alice", "owner: [alice]")),
        ["wrong-shape"]
    );
    assert_eq!(
        told(tool, &agent.replace("owners: [alice]", "owners: ~")),
        ["null-value"]
    );
    // What no broken document can have declared is unknown all the same.
    let lost = tool
        .replace("name: ward", "name: words")
        .replace("effect: write", "effect: wrte");
    assert!(told(&lost, agent).contains(&"unknown-entity"));
}

/// `unless` is asked only where `when` holds: what the one asks for is there for the other, as within one condition.
#[test]
fn what_when_asks_for_is_there_for_unless() {
    let told_of = |when: &str, unless: &str| {
        let rule =
            "kind: Policy\nname: p\nrules:\n  r: {effect: deny, actions: [ACTIONS], when: 'WHEN', unless: 'UNLESS'}\n";
        let told_of = |actions: &str| {
            let text = rule
                .replace("ACTIONS", actions)
                .replace("WHEN", when)
                .replace("UNLESS", unless);
            told(BASE, &text)
        };
        (told_of("billing.refund"), told_of("\"*\""))
    };
    let fine = (Vec::<String>::new(), Vec::new());
    assert_eq!(told_of("context.args has amount", "context.args.amount > 7"), fine);
    let only = "action == Action::\"billing.refund\" && context.args.payment == \"p\"";
    assert_eq!(told_of(only, "context.args.payment like \"p*\""), fine);
    // What `when` does not ask for, or asks for beside other things, is unguarded as before.
    let unguarded =
        |(one, _): (Vec<String>, Vec<String>)| one.iter().any(|said| said.starts_with("unguarded-optional"));
    assert!(unguarded(told_of(
        "context.args.payment == \"p\"",
        "context.args.amount > 7"
    )));
    let either = "context.args has amount || context.args.payment == \"p\"";
    assert!(unguarded(told_of(either, "context.args.amount > 7")));
    assert!(unguarded(told_of(
        "!(context.args has amount)",
        "context.args.amount > 7"
    )));
    // One mistake in `when` is told there alone.
    let (one, _) = told_of(
        "context.args has amount && context.args.amuont > 5",
        "context.args.amount > 7",
    );
    assert_eq!(one, ["unknown-argument: the action has no argument `amuont`"]);
    let (one, _) = told_of("context.args has amount &&", "context.args.amount > 7");
    assert_eq!(one.len(), 1, "{one:?}");
}

/// What is almost right is told by what it is.
#[test]
fn a_tool_is_no_action_and_a_policy_ends() {
    let helped = |path: &str, text: &str, code: &str| -> Vec<String> {
        let files = [("polity.yaml", BASE), (path, text)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
        let found = compiled.findings.diagnostics().iter();
        let found = found.filter(|found| found.code.id == code);
        found
            .flat_map(|found| &found.help)
            .map(|help| help.text.clone())
            .collect()
    };
    let rule = "kind: Policy\nname: p\nrules:\n  r: {effect: deny, actions: [billing]}\n";
    assert_eq!(
        helped("policies/p.yaml", rule, "unknown-action"),
        ["that is a tool: write `billing.*`, or select by `tools: [billing]`"]
    );
    let unended = "forbid (principal, action, resource) when { true }\npermit (principal, action, resource);\n";
    assert_eq!(
        helped("policies/p.cedar", unended, "cedar-syntax"),
        ["a policy ends with `;`: the one before this has none"]
    );
    let other = "@id(\"permit\") forbid (principal, action resource);\n";
    assert!(
        helped("policies/p.cedar", other, "cedar-syntax")
            .iter()
            .all(|help| !help.contains("ends with"))
    );
}
