//! Rules kept whole, in a small organisation: compiled, put into a table, decided by the runtime, and compared with the
//! engine's own interpreter.

use std::collections::BTreeMap;

use polity_runtime::decide::Outcome;
use polity_runtime::guard::Silent;
use polity_runtime::table::{ActionId, Table};
use regorus::{Engine, Value};
use serde_json::{Value as Json, json};

use super::*;
use crate::compile::{Ask, Compiled, Memo, compile_with};
use crate::diag::Sink;
use crate::diff;
use crate::ir::{Condition, ConditionId, Typed};
use crate::prove::violations;
use crate::source::SourceTree;
use crate::suite::ask::{Request, decide, explain};

const NOW: i64 = 1_795_305_600_000;

const ORGANISATION: &str = concat!(
    include_str!("../../../../../tests/cases/organisation.yaml"),
    r#"kind: DataClass
name: customers
owner: carol
---
kind: Tool
name: t
actions:
  do:
    effect: write
    external: true
    reversible: false
    resources: ["repo:{owner}/{repo}"]
    params:
      owner: string
      repo: string
      amount: int
      price: {type: decimal, optional: true}
      since: {type: datetime, optional: true}
      long: {type: duration, optional: true}
      from: {type: ip, optional: true}
      link: {type: url, optional: true}
      mail: {type: email, optional: true}
      to: {type: list, of: email, optional: true}
      labels: {type: list, of: string, optional: true}
      deep: {type: record, fields: {line: int, name: {type: string, optional: true}}, optional: true}
      blob: {type: opaque, optional: true}
  other:
    effect: read
    params: {amount: int}
---
kind: Agent
name: bot
owner: carol
kill_contact: carol
tags: {tier: TIER}
---
kind: Deployment
agent: bot
team: payments
environments: {production: {ring: trusted, tools: [t], enforced_by: gateway}}
---
kind: Policy
name: p
rules:
  a: {effect: allow, environments: [production], actions: [t.*]}
  r: {effect: deny, actions: [t.*]}
"#
);

fn compiled(tier: &str) -> Compiled {
    from(&ORGANISATION.replace("TIER", tier))
}

fn from(text: &str) -> Compiled {
    let text = text.to_owned();
    let tree = SourceTree::from_files(vec![("polity.yaml".to_owned(), text)]);
    let compiled = compile_with(&tree, &Memo::default(), Ask::Nothing, Sink::default());
    assert!(!compiled.findings.has_errors(), "{:?}", compiled.findings);
    compiled
}

/// A module of rules whose bodies may be written without braces.
fn module(policy: &str) -> String {
    let line = |line: &str| match line.split_once(" if ") {
        Some((head, body)) if body.contains(';') && !body.starts_with('{') => format!("{head} if {{ {body} }}"),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = policy.lines().map(line).collect();
    format!("package polity.p\n{}", lines.join("\n"))
}

fn whole(policy: &str, data: &str) -> Result<Whole, Unfit> {
    program(&Module {
        path: "p.rego",
        text: &module(policy),
        data,
        entry: "data.polity.p.deny",
        rule: "p/r",
    })
}

/// The organisation with a Rego rule in the place of `p/r`, or of `p/a` where it allows.
fn organisation(policy: &str, data: &str, tier: &str, rule: &str) -> Compiled {
    let mut text = ORGANISATION.replace("TIER", tier);
    if rule == "p/a" {
        text = text.replace("  r: {effect: deny, actions: [t.*]}\n", "");
    }
    let mut all = from(&text);
    let whole = whole(policy, data).unwrap();
    let at = all.organization.rules.iter().position(|one| one.name == rule).unwrap();
    let mut by_action = BTreeMap::new();
    for (id, action) in (0u32..).map(ActionId).zip(&all.organization.actions) {
        let condition = whole.condition(&all.organization, action).unwrap();
        by_action.insert(id, ConditionId(u32::try_from(all.rules.conditions.len()).unwrap()));
        all.rules.conditions.push(condition);
    }
    all.rules.bodies[at].when = Some(Typed::ByAction(by_action));
    let mut sink = Sink::default();
    all.table = crate::table::build(&all.organization, &all.rules, &all.tree, &mut sink);
    all
}

fn table(policy: &str) -> Table {
    organisation(policy, "{}", "critical", "p/r").table.unwrap()
}

fn request(action: &str, args: &str) -> Request {
    Request {
        agent: "payments/bot".into(),
        environment: "production".into(),
        action: action.into(),
        args: args.into(),
        entities: None,
        holding: vec!["customers".into()],
        on_behalf_of: Some("carol".into()),
        now: NOW,
    }
}

/// The answer, and whether something erred.
fn ask(table: &Table, action: &str, args: &str) -> (Outcome, bool) {
    let request = request(action, args);
    let decision = decide(table, &request.question(), &mut Silent).unwrap();
    (decision.outcome, decision.erred)
}

const DENIED: (Outcome, bool) = (Outcome::Deny, false);
const ALLOWED: (Outcome, bool) = (Outcome::Allow, false);
const ERRED: (Outcome, bool) = (Outcome::Deny, true);

/// The document that a call gives, as the model's page says it: written out by hand.
fn document(args: &Json) -> Json {
    let mut args = args.clone();
    // An opaque argument, and a list of addresses of mail, are not handed over.
    args.as_object_mut().unwrap().remove("blob");
    if let Some(Json::Array(to)) = args.as_object_mut().unwrap().remove("to") {
        let host = |one: &Json| one.as_str().unwrap().split_once('@').unwrap().1.to_lowercase();
        let mut hosts: Vec<String> = to.iter().map(host).collect();
        hosts.sort();
        hosts.dedup();
        args["to_hosts"] = json!(hosts);
    }
    if let Some(link) = args.get_mut("link") {
        *link = json!({"scheme": "https", "host": "acme.example", "port": 443, "path": "/x"});
    }
    if let Some(mail) = args.get_mut("mail") {
        *mail = json!({"local": "carol", "host": "acme.example"});
    }
    if let Some(price) = args.get_mut("price").filter(|price| price.is_string()) {
        *price = serde_json::from_str(price.as_str().unwrap()).unwrap();
    }
    if let Some(long) = args.get_mut("long") {
        *long = json!(5_400_000);
    }
    if let Some(since) = args.get_mut("since") {
        *since = json!("2026-11-21T23:00:00Z");
    }
    if let Some(Json::Array(labels)) = args.get_mut("labels") {
        labels.sort_by_key(Json::to_string);
        labels.dedup();
    }
    let resource = format!(
        "repo:{}/{}",
        args["owner"].as_str().unwrap(),
        args["repo"].as_str().unwrap()
    );
    json!({
        "agent": {"name": "payments/bot", "agent": "bot", "team": "payments", "ring": 1, "tags": {"tier": "critical"}},
        "environment": "production",
        "action": {"name": "t.do", "tool": "t", "effect": "write", "external": true, "reversible": false},
        "resources": [resource],
        "args": args,
        "session": {"holding": ["customers"], "calls": 0},
        "on_behalf_of": "carol",
        "now": "2026-11-22T00:00:00Z",
    })
}

/// What the engine's own interpreter says; nothing where it fails.
fn interpreted(policy: &str, data: &str, input: &Json) -> Option<bool> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.add_policy("p.rego".into(), module(policy)).unwrap();
    engine.add_data(Value::from_json_str(data).unwrap()).unwrap();
    engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
    match engine.eval_rule("data.polity.p.deny".into()) {
        Ok(Value::Bool(answer)) => Some(answer),
        Ok(Value::Set(set)) => Some(!set.is_empty()),
        Ok(Value::Undefined) => Some(false),
        Ok(_) | Err(_) => None,
    }
}

const DATA: &str =
    r#"{"limits": {"bot": 100, "other": 5}, "hosts": ["acme.example", "acme.test"], "table": [[1, 2], [3, 4]]}"#;

/// Policies with calls on both sides of each.
const POLICIES: [&str; 55] = [
    "deny if input.args.amount > 100",
    "deny if input.args.amount * 2 > 100; input.args.amount % 2 == 0",
    "deny if not input.args.labels",
    "deny if count(input.args.labels) > 1",
    "deny if \"urgent\" in input.args.labels",
    "deny if every label in input.args.labels { startswith(label, \"u\") }",
    "deny if some label in input.args.labels; endswith(label, \"x\")",
    "deny if some at, label in input.args.labels; at > 0; label != \"\"",
    "deny if input.args.price > 12.5",
    "deny if input.args.price == 12.5",
    "deny if input.args.deep.line == 3",
    "deny if input.args.deep.name",
    "deny if object.get(input.args, [\"deep\", \"name\"], \"none\") == \"none\"",
    "deny if regex.match(`^acme-[0-9]+$`, input.args.repo)",
    "deny if glob.match(\"acme-*\", [], input.args.repo)",
    "deny if net.cidr_contains(\"10.0.0.0/8\", input.args.from)",
    "deny if input.args.link.host == \"acme.example\"; input.args.link.port == 443",
    "deny if input.args.mail.local == \"carol\"",
    "deny if some host in input.args.to_hosts; not host in data.hosts",
    "deny if input.args.long > 3600000",
    "deny if time.parse_rfc3339_ns(input.args.since) < time.parse_rfc3339_ns(input.now)",
    "deny if time.weekday(time.parse_rfc3339_ns(input.now)) == \"Sunday\"",
    "deny if input.now < \"2026-12-01T00:00:00Z\"; input.args.amount > 5",
    "deny if input.agent.tags.tier == \"critical\"; input.args.amount > 5",
    "deny if input.agent.ring >= 1; input.agent.team == \"payments\"; input.args.amount > 5",
    "deny if input.agent.name == concat(\"/\", [input.agent.team, input.agent.agent]); input.args.amount > 5",
    "deny if input.environment == \"production\"; input.action.external; not input.action.reversible; input.args.amount > 5",
    "deny if startswith(input.action.name, input.action.tool); input.action.effect == \"write\"; input.args.amount > 5",
    "deny if some r in input.resources; endswith(r, \"/acme-1\")",
    "deny if input.resources[0] == sprintf(\"repo:%s/%s\", [input.args.owner, input.args.repo]); input.args.amount > 5",
    "deny if \"customers\" in input.session.holding; input.session.calls < 3; input.args.amount > 5",
    "deny if input.on_behalf_of == \"carol\"; input.args.amount > 5",
    "deny if input.args.amount > data.limits[input.agent.agent]",
    "deny if some row in data.table; input.args.amount in row",
    "deny contains msg if { input.args.amount > 100; msg := sprintf(\"%d is too much\", [input.args.amount]) }",
    "deny contains \"a\" if input.args.amount > 100\ndeny contains \"b\" if input.args.amount < 2",
    "default deny := true\ndeny := false if input.args.amount < 100",
    "deny := x if { x := input.args.amount > 100 }",
    "deny if limit < input.args.amount\nlimit := 100 if input.agent.ring == 1 else := 5",
    "deny if over(input.args.amount)\nover(x) if x > 1000\nover(x) if x == 7",
    "deny if { xs := [y | some x in input.args.labels; y := upper(x)]; \"URGENT\" in xs }",
    "deny if { all := {k | some k, v in input.args; v == 7}; count(all) > 0 }",
    // What is not there is bound to nothing.
    "deny if { name := input.args.deep.name; not startswith(name, \"x\") }",
    "deny if { [x | x := input.args.deep.name] == [] }",
    "deny if { some row in data.table; line := input.args.deep.line; not line in row; word := \"a\" }",
    "deny if { \"\" != noted }\nnoted := x if { x := input.args.deep.name }",
    // Bodies without braces, whose one statement binds.
    "deny if name := input.args.deep.name",
    "deny if odd := over(input.args.amount)\nover(x) := y if y := x > 100",
    "deny contains msg if msg := sprintf(\"%s is new\", [input.args.deep.name])",
    "deny if all := [y | some x in input.args.labels; y := upper(x)]",
    "deny if size == 2\nsize := 1 if x := input.args.price else := 2 if x := input.args.labels else := 3 if x := \"a\"",
    "deny if every label in input.args.labels { word := upper(label) } # with := here",
    // Definitions that come to different values, and some that disagree.
    "deny if risk(input.args.amount) > 1\nrisk(x) := 3 if x > 1000\nrisk(x) := 2 if { x > 100; x <= 1000 }\nrisk(7) := 9\nrisk(x) := 1 if x < 7",
    "deny if most < input.args.amount\ndefault most := 3\nmost := 50 if input.args.price\nmost := 7 if input.args.labels",
    "deny if size == \"s\"\nsize := \"s\" if input.args.amount < 5 else := \"m\" if input.args.amount < 50\nsize := \"m\" if input.args.amount == 101",
];

fn calls() -> Vec<Json> {
    vec![
        json!({"owner": "acme", "repo": "acme-1", "amount": 7}),
        json!({"owner": "acme", "repo": "docs", "amount": 101, "labels": ["urgent", "fix", "urgent"], "price": "12.5"}),
        json!({"owner": "o", "repo": "r", "amount": 1, "labels": [], "price": 12.5001, "deep": {"line": 3}}),
        json!({"owner": "o", "repo": "r", "amount": 100_000, "labels": ["ux"], "deep": {"line": -3, "name": "n"}, "from": "10.1.2.3"}),
        json!({"owner": "o", "repo": "r", "amount": 4, "link": "HTTPS://Acme.Example/x", "mail": "carol@ACME.example", "blob": {"k": 1},
            "to": ["a@acme.example", "b@acme.test", "c@ACME.example"], "from": "192.0.2.1", "long": "1h30m", "since": "2026-11-22T00:00:00+01:00"}),
        json!({"owner": "o", "repo": "r", "amount": 3, "to": ["a@evil.example"], "price": -1}),
    ]
}

#[test]
fn a_program_answers_as_the_engine_itself_does() {
    let mut yes = 0;
    let mut no = 0;
    for policy in POLICIES {
        let table = organisation(policy, DATA, "critical", "p/r").table.unwrap();
        for args in calls() {
            let expected = interpreted(policy, DATA, &document(&args));
            let (outcome, erred) = ask(&table, "t.do", &args.to_string());
            let found = if erred { None } else { Some(outcome == Outcome::Deny) };
            assert_eq!(found, expected, "{policy}\n{args}");
            yes += u32::from(found == Some(true));
            no += u32::from(found == Some(false));
        }
    }
    assert!(yes > 60 && no > 60, "{yes} and {no}: both sides are asked");
}

#[test]
fn what_fails_in_a_program_counts_against_the_call() {
    let policy = "deny if to_number(input.args.repo) > 100";
    let args = |repo: &str| json!({"owner": "o", "repo": repo, "amount": 1}).to_string();
    let denying = table(policy);
    assert_eq!(ask(&denying, "t.do", &args("101")), DENIED);
    assert_eq!(ask(&denying, "t.do", &args("99")), ALLOWED);
    assert_eq!(ask(&denying, "t.do", &args("x")), ERRED);
    let granting = organisation(policy, "{}", "critical", "p/a");
    let granting = granting.table.unwrap();
    let refused = ask(&granting, "t.do", &args("x"));
    assert_eq!(refused, ERRED, "an allow that errs grants nothing");
    let said = explain(&denying, &request("t.do", &args("x")).question()).unwrap();
    let steps: Vec<String> = said
        .rules
        .iter()
        .filter(|rule| rule.name == "p/r")
        .flat_map(|rule| &rule.steps)
        .map(|step| step.test.clone())
        .collect();
    assert_eq!(steps, ["the Rego program of p/r"]);
    assert_eq!(said.errors[0].fault, "its Rego program fails on this call");
}

#[test]
fn arguments_are_looked_at_before_the_program_is_asked() {
    let table = table("deny if input.args.amount > 100\ndeny if input.args.price > 5");
    let ask = |args: Json| ask(&table, "t.do", &args.to_string());
    assert_eq!(
        ask(json!({"owner": "o", "repo": "r", "amount": 1})),
        ALLOWED,
        "an optional one may be left out"
    );
    assert_eq!(ask(json!({"owner": "o", "repo": "r"})), ERRED, "a required one may not");
    assert_eq!(
        ask(json!({"owner": "o", "repo": "r", "amount": "1"})),
        ERRED,
        "nor be of another type"
    );
    assert_eq!(
        ask(json!({"owner": "o", "repo": "r", "amount": 1, "price": "x"})),
        ERRED
    );
    assert_eq!(
        ask(json!({"amount": 1})),
        ALLOWED,
        "what it does not read is not looked at"
    );
    let beyond = json!({"owner": "o", "repo": "r", "amount": 1, "price": "100000000000.0001"});
    assert_eq!(ask(beyond), ERRED, "a decimal that no number of the engine is equal to");
}

#[test]
fn an_action_without_an_argument_has_none_in_the_document() {
    let table = table("deny if input.args.repo == \"x\"");
    assert_eq!(ask(&table, "t.other", r#"{"amount": 1}"#), ALLOWED);
    assert_eq!(
        ask(&table, "t.do", r#"{"owner": "o", "repo": "x", "amount": 1}"#),
        DENIED
    );
}

#[test]
fn a_resource_that_cannot_be_put_together_errs_where_resources_are_read() {
    let args = r#"{"owner": "..", "repo": "r", "amount": 1}"#;
    assert_eq!(ask(&table("deny if count(input.resources) > 1"), "t.do", args), ERRED);
    assert_eq!(ask(&table("deny if input.args.amount > 1"), "t.do", args), ALLOWED);
}

#[test]
fn the_same_module_gives_the_same_bytes() {
    let lines = [
        "deny contains msg if { some label in input.args.labels; bad(label); msg := sprintf(\"%s\", [label]) }",
        "deny contains \"much\" if input.args.amount > limit",
        "deny contains \"row\" if { some row in data.table; every x in row { x > least } }",
        "limit := 100 if input.agent.ring == 1 else := data.limits.other",
        "default least := 2",
        "least := count(small)",
        "small := {x | some x in data.table[0]; x < 2}",
        "bad(x) if regex.match(`^a`, x)",
        "bad(x) if glob.match(\"b*\", [], x)",
        "bad(x) if upper(x) == concat(\"\", [\"C\", lower(x)])",
    ];
    let text = |between: &str| lines.join(between);
    let first = whole(&text("\n"), DATA).unwrap().program;
    for _ in 0..20 {
        let again = whole(&text("\n"), DATA).unwrap().program;
        assert_eq!((&again.code, &again.data), (&first.code, &first.data));
    }
    let spread = whole(&text("\n# why\n\n"), DATA).unwrap().program;
    assert_eq!(spread.code, first.code, "comments and lines are no part of it");
    let reordered =
        r#"{"table": [[1, 2], [3, 4]], "hosts": ["acme.example", "acme.test"], "limits": {"other": 5, "bot": 100}}"#;
    assert_eq!(whole(&text("\n"), reordered).unwrap().program, first);
}

#[test]
fn a_module_is_handed_what_it_names() {
    let reads = |text: &str| {
        let reads = whole(text, "{}").unwrap().reads;
        reads
            .paths
            .into_iter()
            .map(|path| path.join("."))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        reads("deny if input.args.amount > 1; input.agent[\"team\"] == \"x\""),
        "agent.team args.amount"
    );
    assert_eq!(reads("deny if some x in [\"a\"]; input.args[x] > 1"), "args");
    assert_eq!(reads("import input.args as a\ndeny if a.amount > 1"), "args.amount");
    assert_eq!(reads("import input.args\nallow if args.repo\ndeny if input.now"), "now");
    let gate =
        "allow if large(input.args.price)\ndeny if large(input.args.amount)\nlarge(x) if x > input.args[\"long\"]";
    assert_eq!(reads(gate), "args.amount args.long");
    assert_eq!(reads("f(x) if x.args\ndeny if f(input)"), "");
    assert_eq!(reads("# input.now\ndeny if data.input.now == \"input.now\""), "");
    assert_eq!(reads("deny if {1 | input.args.amount} == {1}"), "args.amount");
    let mentions = |text: &str| whole(text, "{}").unwrap().mentions_action();
    assert!(mentions("deny if input.action.external"));
    assert!(mentions("f(x) if x.args\ndeny if f(input)"));
    assert!(!mentions("deny if input.args.amount > 1"));
}

#[test]
fn what_no_condition_sees_cannot_be_read() {
    let all = compiled("critical");
    let action = all
        .organization
        .actions
        .iter()
        .find(|action| action.name == "t.do")
        .unwrap();
    let refused = |text: &str| {
        whole(text, "{}")
            .unwrap()
            .condition(&all.organization, action)
            .unwrap_err()
            .0
    };
    assert_eq!(
        refused("deny if input.args.blob.x"),
        "reads `input.args.blob` of `t.do`, which no condition sees"
    );
    assert_eq!(
        refused("deny if input.args.to[0]"),
        "reads `input.args.to` of `t.do`, which no condition sees"
    );
}

#[test]
fn what_the_engine_cannot_take_is_refused_in_words() {
    let refused = |text: &str| whole(text, "{}").unwrap_err().0;
    let said = [
        refused("deny if time.now_ns() > 1"),
        refused("deny if http.send({}).status == 200"),
        refused("deny if {"),
        refused("allow if input.args.amount"),
        refused("f[x] := 1 if some x in [1, 2]\nf[x] := 2 if some x in [3]\ndeny if f[input.args.amount] > 1"),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn equal_programs_are_no_change_and_another_one_is_shown_by_a_call() {
    let before = table("deny if input.args.amount > 5000");
    let same = table("# limits\ndeny if input.args.amount > 5000");
    assert!(diff::diff(&before, &same).unwrap().changes.is_empty());
    let after = table("deny if input.args.amount > 6000");
    let changes = diff::diff(&before, &after).unwrap().changes;
    assert!(
        changes.iter().any(|change| change.kind.is_widened() && change.certain),
        "{changes:?}"
    );
    // What it is handed of an agent is part of what it is asked.
    let policy = "deny if input.agent.tags.tier == \"critical\"; count(input.args.repo) > 3";
    let tier = |tier: &str| organisation(policy, "{}", tier, "p/r").table.unwrap();
    let changes = diff::diff(&tier("critical"), &tier("low")).unwrap().changes;
    assert!(changes.iter().any(|change| change.kind.is_widened()), "{changes:?}");
    assert!(
        diff::diff(&tier("critical"), &tier("critical"))
            .unwrap()
            .changes
            .is_empty()
    );
}

#[test]
fn an_invariant_that_a_program_may_break_is_not_proved() {
    let invariant = "\n---\nkind: Invariant\nname: i\nnever: {outcome: [allow], actions: [t.do]}\n";
    let mut all = organisation(
        "deny if input.args.amount >= 0\ndeny if input.args.amount < 0",
        "{}",
        "critical",
        "p/r",
    );
    let text = ORGANISATION.replace("TIER", "critical") + invariant;
    let tree = SourceTree::from_files(vec![("polity.yaml".to_owned(), text)]);
    let other = compile_with(&tree, &Memo::default(), Ask::Nothing, Sink::default());
    all.organization.invariants = other.organization.invariants;
    all.rules.invariants = other.rules.invariants;
    let found = violations(&all.organization, &all.rules, all.table.as_ref().unwrap());
    assert_eq!(found.len(), 1, "it holds, and nobody can tell");
    assert!(found[0].witness.is_none());
}

#[test]
fn a_condition_settled_for_a_class_holds_no_name_to_be_settled() {
    let all = organisation("deny if f(input)\nf(x) if x.args.amount > 5", "{}", "critical", "p/r");
    assert!(all.table.is_some());
    assert!(matches!(all.rules.conditions.last(), Some(Condition::Test(_))));
}
