//! Policies in `.rego` files, in a whole organisation: what they decide, whose they are, and what is said of them.
//!
//! Each call is put to regorus too, with the same text and the input document of the model.

mod faults;
mod counts;
mod generated;
mod packages;
mod reach;
mod said;
mod written;

use polity::ast::Moment;
use polity::compile::{Compiled, compile};
use polity::diag::{Severity, Sink};
use polity::source::SourceTree;
use polity_tests::compare::asked;
use polity_tests::naive::{Answer, Outcome, Request};
use regorus::{Engine, Value};
use serde_json::{Value as Json, json};

const ORGANISATION: &str = r#"
polity: v1
kind: Organization
name: acme
owners: [alice, bob]
---
kind: Person
name: alice
---
kind: Person
name: bob
---
kind: Group
name: security
members: [alice, bob]
---
kind: DataClass
name: customer-data
owner: alice
---
kind: Team
name: payments
owners: [alice]
---
kind: Team
name: support
owners: [bob]
---
kind: Environment
name: production
rank: 2
---
kind: Environment
name: staging
rank: 1
---
kind: Tool
name: billing
actions:
  refund:
    effect: write
    external: true
    reversible: false
    params:
      amount: int
      currency: string
      note: {type: string, optional: true}
      force: {type: bool, optional: true}
      method: {enum: [card, cash, wire], optional: true}
      price: {type: decimal, optional: true}
      labels: {type: list, of: string, optional: true}
      codes: {type: list, of: int, optional: true}
      owner: {type: string, fold: case, optional: true}
      address: {type: ip, optional: true}
      when: {type: datetime, optional: true}
      position: {type: record, fields: {line: {type: int, optional: true}, column: int}, optional: true}
  list:
    effect: read
---
kind: Tool
name: files
actions:
  move:
    effect: write
    external: false
    reversible: true
    params: {source: path, destination: path}
    resources: ["file:{source}", "file:{destination}"]
---
kind: Agent
name: bot
owner: bob
tags: {tier: critical}
---
kind: Agent
name: helper
owner: bob
---
kind: Deployment
agent: bot
team: payments
environments:
  production: {ring: standard, tools: [billing, files], enforced_by: gateway}
  staging: {ring: trusted, tools: [billing, files], enforced_by: gateway}
---
kind: Deployment
agent: helper
team: support
environments:
  production: {ring: trusted, tools: [billing, files], enforced_by: gateway}
"#;

/// 2026-11-01T12:00:00Z
const NOW: Moment = 1_793_534_400_000;

/// The organisation with these files beside it; the codes of what was found, lints of the organisation left out.
fn built(files: &[(&str, &str)]) -> (Compiled, Vec<&'static str>) {
    let mut all = vec![("polity.yaml".to_owned(), ORGANISATION.to_owned())];
    all.extend(
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
    );
    let compiled = compile(&SourceTree::from_files(all), NOW, Sink::default());
    let lints = ["no-kill-contact", "unused-group", "review-overdue"];
    let found = compiled.findings.diagnostics().iter().map(|one| one.code.id);
    let found = found.filter(|id| !lints.contains(id)).collect();
    (compiled, found)
}

/// The same, of a policy that is right.
fn right(files: &[(&str, &str)]) -> Compiled {
    let (compiled, _) = built(files);
    let errors: Vec<String> = compiled
        .findings
        .diagnostics()
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| format!("{}: {}", one.code.id, one.message))
        .collect();
    assert!(errors.is_empty(), "{}\n{}", errors.join("\n"), files[0].1);
    compiled
}

fn request(agent: &str, environment: &str, action: &str, args: Json) -> Request {
    Request {
        agent: agent.into(),
        environment: environment.into(),
        action: action.into(),
        args,
        holding: Vec::new(),
        on_behalf_of: None,
        calls: 0,
        now: NOW,
    }
}

fn answer(compiled: &Compiled, request: &Request) -> Answer {
    asked(compiled.table.as_ref().expect("a table"), request)
}

/// The input document of a call, as the model has it. Of an argument that is null nothing stands there.
fn document(request: &Request) -> Json {
    let (team, agent) = request.agent.split_once('/').expect("a deployment");
    let (tool, name) = request.action.split_once('.').expect("an action");
    let ring = match (agent, request.environment.as_str()) {
        ("bot", "production") => 2,
        _ => 1,
    };
    let tags = if agent == "bot" {
        json!({"tier": "critical"})
    } else {
        json!({})
    };
    let effect = if name == "list" { "read" } else { "write" };
    let text = |name: &str| {
        request
            .args
            .get(name)
            .and_then(Json::as_str)
            .map(|path| format!("file:{path}"))
    };
    let resources: Vec<String> = match tool {
        "files" => ["source", "destination"].iter().filter_map(|name| text(name)).collect(),
        _ => Vec::new(),
    };
    let mut args = request.args.clone();
    if let Some(members) = args.as_object_mut() {
        members.retain(|_, value| !value.is_null());
        // A list is a set to every policy: the document holds each element once.
        for name in ["labels", "codes"] {
            if let Some(Json::Array(items)) = members.get_mut(name) {
                items.sort_by_key(|item| (item.as_i64(), item.as_str().map(str::to_owned)));
                items.dedup();
            }
        }
    }
    let mut document = json!({
        "agent": {"name": request.agent, "agent": agent, "team": team, "ring": ring, "tags": tags},
        "environment": request.environment,
        "action": {
            "name": request.action, "tool": tool, "effect": effect,
            "external": name == "refund", "reversible": name != "refund",
        },
        "resources": resources,
        "args": args,
        "session": {"holding": request.holding, "calls": request.calls},
        "now": polity_runtime::wire::Timestamp::from_millis(request.now).expect("a moment").to_string(),
    });
    if let Some(person) = &request.on_behalf_of {
        document["on_behalf_of"] = json!(person);
    }
    document
}

/// regorus with a policy and its data.
fn engine(policy: &str, data: &str) -> Engine {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine
        .add_policy("policy.rego".into(), policy.into())
        .unwrap_or_else(|error| panic!("{error}\n{policy}"));
    engine.add_data_json(data).expect("data");
    engine
}

/// Whether a rule of `polity.p` holds; `None` where evaluating it fails.
fn holds(engine: &mut Engine, rule: &str, request: &Request) -> Option<bool> {
    engine.set_input(Value::from_json_str(&document(request).to_string()).expect("an input"));
    match engine.eval_rule(format!("data.polity.p.{rule}")) {
        Ok(Value::Bool(answer)) => Some(answer),
        Ok(Value::Set(reasons)) => Some(!reasons.is_empty()),
        Ok(Value::Undefined) => Some(false),
        Ok(other) => panic!("{rule} comes to {other}"),
        Err(error) if error.to_string().contains("not a valid rule path") => Some(false),
        Err(_) => None,
    }
}

/// What regorus says and what the table says, over some calls. Gives how many the table only decides more strictly,
/// because what they carry cannot be read.
fn compared(policy: &str, data: &str, compiled: &Compiled, requests: &[Request]) -> usize {
    let mut engine = engine(policy, data);
    let mut stricter = 0;
    for request in requests {
        let answer = answer(compiled, request);
        if !["denied-by-rule", "no-grant", "granted", "approval-required"].contains(&answer.code) {
            // No rule was looked at.
            continue;
        }
        for (rule, matching) in [
            ("allow", &answer.grants),
            ("deny", &answer.denies),
            ("require_approval", &answer.gates),
        ] {
            let name = format!("p/{rule}");
            if !policy.contains(rule) {
                continue;
            }
            let ours = matching.contains(&name);
            if answer.erring.contains(&name) {
                // Of a deny and a gate that err it is said that they match, of a grant that it does not.
                assert_eq!(ours, rule != "allow", "{rule} errs\n{request:?}\n{policy}");
                stricter += 1;
                continue;
            }
            let theirs = holds(&mut engine, rule, request);
            assert_eq!(
                theirs,
                Some(ours),
                "{rule}, regorus first\n{request:#?}\n{policy}\n{data}"
            );
        }
    }
    stricter
}

#[test]
fn a_policy_decides_by_allow_deny_and_require_approval() {
    let policy = r#"package polity.p

import rego.v1

default allow := false

allow if {
	input.action.name == "billing.refund"
	input.args.amount > 0
	input.args.amount <= data.limits.most
}

allow if input.action.effect == "read"

deny contains "not in this currency" if {
	input.args.currency != "EUR"
}

deny contains msg if {
	input.agent.tags.tier == "critical"
	input.environment == "staging"
	msg := sprintf("%s may not refund in staging", [input.agent.name])
}

# METADATA
# custom:
#   approval: {require: [{from: [security], count: 1}], timeout: 15m}
require_approval if large

large if input.args.amount > data.limits.alone
"#;
    let data = r#"{"limits": {"most": 5000, "alone": 100}}"#;
    let compiled = right(&[("policies/p.rego", policy), ("policies/limits.json", data)]);
    let refund = |amount: i64, currency: &str| {
        let args = json!({"amount": amount, "currency": currency});
        let answer = answer(
            &compiled,
            &request("payments/bot", "production", "billing.refund", args),
        );
        (answer.effect, answer.rule)
    };
    assert_eq!(refund(100, "EUR"), (Outcome::Allow, Some("p/allow".into())));
    assert_eq!(refund(101, "EUR").0, Outcome::RequireApproval);
    assert_eq!(refund(5001, "EUR").0, Outcome::Deny);
    assert_eq!(refund(100, "USD"), (Outcome::Deny, Some("p/deny".into())));
    let rule = |name: &str| {
        compiled
            .organization
            .rules
            .iter()
            .find(|rule| rule.name == name)
            .expect("a rule")
    };
    assert_eq!(
        rule("p/deny").reason.as_deref(),
        Some("not in this currency; … may not refund in staging")
    );
    let approval = rule("p/require_approval").approval.as_ref().expect("an approval");
    assert_eq!((approval.require.len(), approval.timeout.0), (1, 900_000));

    let mut requests = Vec::new();
    for (agent, environment) in [
        ("payments/bot", "production"),
        ("payments/bot", "staging"),
        ("support/helper", "production"),
    ] {
        for amount in [-1, 0, 1, 99, 100, 101, 4999, 5000, 5001] {
            for currency in ["EUR", "USD"] {
                let args = json!({"amount": amount, "currency": currency});
                requests.push(request(agent, environment, "billing.refund", args));
            }
        }
        requests.push(request(agent, environment, "billing.list", json!({})));
    }
    assert_eq!(compared(policy, data, &compiled, &requests), 0);
}

#[test]
fn what_cannot_be_read_counts_against_the_call() {
    let policy = "package polity.p\n\nallow if input.args.amount < 100\n\ndeny if input.args.amount > 5000\n";
    let compiled = right(&[("policies/p.rego", policy)]);
    let all = "kind: Policy\nname: all\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [\"*\"]}\n";
    let open = right(&[
        (
            "policies/p.rego",
            &policy.replace("allow if input.args.amount < 100", ""),
        ),
        ("all.yaml", all),
    ]);
    // Rego itself would have `"5" > 5000`, since a string is more than any number, and nothing of what is missing.
    for args in [
        json!({"amount": "5", "currency": "EUR"}),
        json!({"currency": "EUR"}),
        json!({"amount": null, "currency": "EUR"}),
    ] {
        let call = request("payments/bot", "production", "billing.refund", args);
        let answered = answer(&compiled, &call);
        assert_eq!(answered.effect, Outcome::Deny);
        assert_eq!(answered.erring.len(), 2, "{answered:?}");
        let answered = answer(&open, &call);
        assert_eq!(
            (answered.effect, answered.rule.as_deref()),
            (Outcome::Deny, Some("p/deny"))
        );
    }
}

#[test]
fn a_teams_policy_reaches_its_own_deployments() {
    let policy = "package polity.p\n\ndeny if input.action.tool == \"billing\"\n";
    let all = "kind: Policy\nname: all\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [\"*\"]}\n";
    let compiled = right(&[("teams/support/p.rego", policy), ("all.yaml", all)]);
    let ask = |agent: &str| answer(&compiled, &request(agent, "production", "billing.list", json!({}))).effect;
    assert_eq!(
        (ask("support/helper"), ask("payments/bot")),
        (Outcome::Deny, Outcome::Allow)
    );
}

#[test]
fn an_exception_lifts_a_rule_of_a_file() {
    let policy = "package polity.p\n\ndeny if input.action.tool == \"billing\"\n";
    let all = "kind: Policy\nname: all\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [\"*\"]}\n";
    let exception = "kind: Exception\nname: once\nto: p/deny\nagents: [payments/bot]\nreason: RISK-1\nowner: alice\nuntil: 2026-12-31\n";
    let compiled = right(&[("p.rego", policy), ("all.yaml", all), ("once.yaml", exception)]);
    let ask = |agent: &str| answer(&compiled, &request(agent, "production", "billing.list", json!({}))).effect;
    assert_eq!(
        (ask("payments/bot"), ask("support/helper")),
        (Outcome::Allow, Outcome::Deny)
    );
}

/// An expression is an automaton in the table, so what two of them differ in is found, and what they do not is proved.
#[test]
fn expressions_are_compared_by_what_they_match() {
    let table = |expression: &str| {
        let policy = format!("package polity.p\n\ndeny if not regex.match(`{expression}`, input.args.currency)\n");
        let all = "kind: Policy\nname: all\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [billing.refund]}\n";
        right(&[("policies/p.rego", &policy), ("all.yaml", all)]).table.unwrap()
    };
    let changes = |before: &str, after: &str| polity::diff::diff(&table(before), &table(after)).unwrap().changes;
    assert!(changes("^[A-Z]{3}$", "^[A-Z][A-Z][A-Z]$").is_empty());
    let wider = changes("^[A-Z]{3}$", "^[A-Z]{3,4}$");
    assert!(!wider.is_empty());
    assert!(
        wider.iter().all(|change| change.kind.is_widened() && change.certain),
        "{wider:?}"
    );
}

/// An argument in lower case is matched without regard to case, as it is compared; the table and the search agree.
#[test]
fn an_expression_ignores_case_where_the_argument_does() {
    const WEB: &str = "kind: Tool\nname: web\nactions:\n  get: {effect: read, params: {h: host, owner: {type: string, fold: case}, link: url, plain: string}}\n---\nkind: Deployment\nagent: helper\nteam: payments\nenvironments:\n  production: {ring: trusted, tools: [web], enforced_by: gateway}\n";
    let compiled = |statement: &str| {
        let policy = format!(
            "package polity.p\n\nimport rego.v1\n\nallow if {{\n\tinput.action.name == \"web.get\"\n\t{statement}\n}}\n"
        );
        right(&[("policies/p.rego", &policy), ("web.yaml", WEB)])
    };
    let allows = |statement: &str, h: &str, owner: &str| {
        let args = json!({"h": h, "owner": owner, "link": format!("https://{h}/X"), "plain": "Host"});
        let request = request("payments/helper", "production", "web.get", args);
        answer(&compiled(statement), &request).effect == Outcome::Allow
    };
    for (statement, matching, other) in [
        (
            "regex.match(\"^Host\", input.args.h)",
            ("HOST.example", "a"),
            ("ghost.example", "a"),
        ),
        (
            "regex.match(`^(Host|Main)\\.`, input.args.link.host)",
            ("host.example", "a"),
            ("hosts.example", "a"),
        ),
        (
            "regex.match(\"^Acme$|^B\", input.args.owner)",
            ("h", "ACME"),
            ("h", "acmes"),
        ),
        (
            "regex.match(\"^[A-Z]+$\", input.args.owner)",
            ("h", "acme"),
            ("h", "acme-1"),
        ),
        (
            "not regex.match(\"^Acme\", input.args.owner)",
            ("h", "zeta"),
            ("h", "acme"),
        ),
        ("input.args.owner < \"M\"", ("h", "Acme"), ("h", "Zeta")),
        ("input.args.h >= \"M\"", ("Z.example", "a"), ("A.example", "a")),
    ] {
        assert!(allows(statement, matching.0, matching.1), "{statement}");
        assert!(!allows(statement, other.0, other.1), "{statement}");
    }
    assert!(allows("regex.match(\"^Host$\", input.args.plain)", "h", "a"));
    assert!(!allows("regex.match(\"^host$\", input.args.plain)", "h", "a"));
    let table = |statement: &str| compiled(statement).table.unwrap();
    let changes = |before: &str, after: &str| polity::diff::diff(&table(before), &table(after)).unwrap().changes;
    let (host, owner) = (
        "regex.match(\"^Host\", input.args.h)",
        "regex.match(\"^Acme\", input.args.owner)",
    );
    assert!(changes(host, "startswith(input.args.h, \"hoST\")").is_empty());
    assert!(changes(owner, "startswith(input.args.owner, \"acME\")").is_empty());
    assert!(!changes(owner, "startswith(input.args.owner, \"acm\")").is_empty());
}
