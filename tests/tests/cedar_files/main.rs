//! Policies in `.cedar` files, in a whole organisation: what they decide, whose they are, and what is said of them.
//!
//! Each call is put to Cedar's own authorizer too, with the same text and the entities of the model.

mod templates;
mod told;

use polity::ast::Moment;
use polity::compile::{Compiled, compile};
use polity::diag::Sink;
use polity::source::SourceTree;
use polity_tests::cedar::authorized;
use polity_tests::compare::asked;
use polity_tests::measure::Asked;
use polity_tests::naive::{Outcome, Request};
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
    params: {amount: int, currency: string, note: {type: string, optional: true}}
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

/// The organisation with these files beside it; what was found, if anything was.
fn built(files: &[(&str, &str)]) -> (Compiled, Vec<&'static str>) {
    let mut all = vec![("polity.yaml".to_owned(), ORGANISATION.to_owned())];
    all.extend(
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
    );
    let compiled = compile(&SourceTree::from_files(all), NOW, Sink::default());
    let found = compiled.findings.diagnostics().iter().map(|one| one.code.id);
    let found = found.filter(|id| !LINTS.contains(id)).collect();
    (compiled, found)
}

/// 2026-11-01T12:00:00Z
const NOW: Moment = 1_793_534_400_000;

/// Said of the organisation, and not of the policies.
const LINTS: [&str; 7] = [
    "policy-can-err",
    "no-kill-contact",
    "no-review-date",
    "agent-without-owner",
    "unused-group",
    "unused-data-class",
    "single-owner",
];

struct Call {
    agent: &'static str,
    environment: &'static str,
    action: &'static str,
    args: Json,
}

fn call(agent: &'static str, environment: &'static str, action: &'static str, args: Json) -> Call {
    Call {
        agent,
        environment,
        action,
        args,
    }
}

/// Calls around everything that the policies below look at.
fn calls() -> Vec<Call> {
    let mut all = Vec::new();
    let seats = [
        ("payments/bot", "production"),
        ("payments/bot", "staging"),
        ("support/helper", "production"),
    ];
    for (agent, environment) in seats {
        for amount in [-1, 0, 1, 4999, 5000, 5001] {
            for currency in ["EUR", "USD"] {
                let args = json!({"amount": amount, "currency": currency});
                all.push(call(agent, environment, "billing.refund", args));
                let args = json!({"amount": amount, "currency": currency, "note": "please"});
                all.push(call(agent, environment, "billing.refund", args));
            }
        }
        all.push(call(agent, environment, "billing.list", json!({})));
    }
    all
}

fn decide(compiled: &Compiled, call: &Call) -> (Outcome, Option<String>) {
    let table = compiled.table.as_ref().expect("a table");
    let request = Request {
        agent: call.agent.into(),
        environment: call.environment.into(),
        action: call.action.into(),
        args: call.args.clone(),
        holding: Vec::new(),
        on_behalf_of: None,
        calls: 0,
        now: 1_793_534_400_000,
    };
    let answer = asked(table, &request);
    (answer.effect, answer.rule)
}

const POLICIES: &str = r#"
@id("small-refunds")
@reason("small refunds are routine")
permit(
    principal in Team::"payments",
    action == Action::"billing.refund",
    resource in Environment::"production"
)
when { context.args.amount > 0 && context.args.amount <= 5000 }
unless { context.args.currency != "EUR" };

permit(principal == Deployment::"support/helper", action in [Action::"read", Action::"billing.refund"], resource)
when { context.args has note || action in Action::"read" };

// Whoever is critical and in a lenient ring does not refund.
@id("critical")
forbid(principal in Ring::"trusted", action in Action::"external", resource)
when { principal.tags has tier && principal.tags.tier == "critical" };

permit(principal is Deployment in Agent::"bot", action, resource is Resource in Environment::"staging");

@id("notes")
forbid(principal, action == Action::"billing.refund", resource)
when { context.args has note && context.args.note like "*please*" && context.args.amount * 2 > 9998 };
"#;

#[test]
fn policies_decide_as_cedars_authorizer_does() {
    let (compiled, found) = built(&[("policies/refunds.cedar", POLICIES)]);
    assert_eq!(found, [""; 0], "{:#?}", compiled.findings.diagnostics());
    let names: Vec<&str> = compiled
        .organization
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    let expected = ["critical", "notes", "policy-2", "policy-4", "small-refunds"];
    assert_eq!(names, expected.map(|name| format!("refunds/{name}")));
    let (mut allowed, mut denied) = (0, 0);
    for call in calls() {
        let (ours, rule) = decide(&compiled, &call);
        let question = Asked {
            agent: call.agent.into(),
            environment: call.environment.into(),
            action: call.action.into(),
            args: call.args.to_string(),
            on_behalf_of: None,
        };
        let cedar = authorized(&compiled.organization, POLICIES, &question).expect("no errors");
        let what = format!(
            "{} {} {} {}: {rule:?}",
            call.agent, call.environment, call.action, call.args
        );
        assert_eq!(ours == Outcome::Allow, cedar, "{what}");
        *(if cedar { &mut allowed } else { &mut denied }) += 1;
    }
    assert!(allowed > 10 && denied > 10, "{allowed} {denied}");
}

fn refund(amount: i64) -> Call {
    call(
        "payments/bot",
        "production",
        "billing.refund",
        json!({"amount": amount, "currency": "EUR"}),
    )
}

#[test]
fn an_approval_makes_a_forbid_a_gate_and_a_permit_a_grant_that_needs_a_person() {
    let gate = r#"
@id("all") permit(principal, action == Action::"billing.refund", resource);
@id("large") @approval("security:1") @timeout("30m")
forbid(principal, action == Action::"billing.refund", resource) when { context.args.amount > 100 };
"#;
    let (compiled, found) = built(&[("policies/refunds.cedar", gate)]);
    assert_eq!(found, [""; 0]);
    assert_eq!(
        decide(&compiled, &refund(100)),
        (Outcome::Allow, Some("refunds/all".into()))
    );
    let asked = (Outcome::RequireApproval, Some("refunds/large".to_owned()));
    assert_eq!(decide(&compiled, &refund(101)), asked);
    let large = compiled
        .organization
        .rules
        .iter()
        .find(|rule| rule.name == "refunds/large");
    assert_eq!(large.unwrap().approval.as_ref().unwrap().timeout.0, 1_800_000);

    let grant = r#"@id("large") @approval("security:2")
permit(principal, action == Action::"billing.refund", resource) when { context.args.amount > 100 };"#;
    let (compiled, _) = built(&[("policies/refunds.cedar", grant)]);
    // Somebody who refunds owns the agent: two of security never agree.
    assert!(compiled.table.is_none());
    let (compiled, _) = built(&[("policies/refunds.cedar", &grant.replace(":2", ":1"))]);
    assert_eq!(decide(&compiled, &refund(100)).0, Outcome::Deny);
    assert_eq!(decide(&compiled, &refund(101)), asked);
}

#[test]
fn an_error_counts_against_the_call() {
    let text = r#"
@id("all") permit(principal, action == Action::"billing.refund", resource);
@id("sum") forbid(principal, action == Action::"billing.refund", resource) when { context.args.amount + 1 < 0 };
"#;
    let (compiled, _) = built(&[("policies/refunds.cedar", text)]);
    assert_eq!(decide(&compiled, &refund(5)).0, Outcome::Allow);
    assert_eq!(
        decide(&compiled, &refund(i64::MAX)),
        (Outcome::Deny, Some("refunds/sum".into()))
    );
    let question = |amount: i64| Asked {
        agent: "payments/bot".into(),
        environment: "production".into(),
        action: "billing.refund".into(),
        args: refund(amount).args.to_string(),
        on_behalf_of: None,
    };
    assert_eq!(authorized(&compiled.organization, text, &question(5)), Ok(true));
    // Cedar skips the forbid, and says that it erred.
    assert_eq!(authorized(&compiled.organization, text, &question(i64::MAX)), Err(true));
}

#[test]
fn a_forbid_looks_for_any_resource_and_a_permit_for_all_of_them() {
    let text = r#"
@id("data") permit(principal, action == Action::"files.move", resource) when { resource.name like "file:/data/*" };
@id("secret") forbid(principal, action, resource == Resource::"file:/data/secret");
"#;
    let (compiled, found) = built(&[("policies/moves.cedar", text)]);
    assert_eq!(found, [""; 0], "{:#?}", compiled.findings.diagnostics());
    let moved = |from: &str, to: &str| {
        let args = json!({"source": from, "destination": to});
        decide(&compiled, &call("payments/bot", "production", "files.move", args))
    };
    assert_eq!(moved("/data/a", "/data/b").0, Outcome::Allow);
    assert_eq!(moved("/data/a", "/tmp/b"), (Outcome::Deny, None));
    assert_eq!(
        moved("/data/a", "/data/secret"),
        (Outcome::Deny, Some("moves/secret".into()))
    );
    assert_eq!(
        moved("/data/x/../secret", "/data/b"),
        (Outcome::Deny, Some("moves/secret".into()))
    );
}

#[test]
fn a_teams_file_reaches_its_own_deployments_alone() {
    let text = "@id(\"read\") permit(principal, action in Action::\"billing\", resource);";
    let (compiled, found) = built(&[("teams/support/reading.cedar", text)]);
    assert_eq!(found, [""; 0]);
    let list = |agent| call(agent, "production", "billing.list", json!({}));
    assert_eq!(
        decide(&compiled, &list("support/helper")),
        (Outcome::Allow, Some("reading/read".into()))
    );
    assert_eq!(decide(&compiled, &list("payments/bot")).0, Outcome::Deny);
    let other = "permit(principal in Team::\"payments\", action in Action::\"billing\", resource);";
    let (_, found) = built(&[("teams/support/reading.cedar", other)]);
    assert_eq!(found, ["matches-nothing-here"]);
}

#[test]
fn a_decision_says_where_the_policy_stands_and_an_exception_lifts_it() {
    let text = "@id(\"all\") permit(principal, action in Action::\"billing\", resource);\n\n@id(\"never\")\nforbid(principal, action == Action::\"billing.refund\", resource);\n";
    let exception = "kind: Exception\nname: once\nto: refunds/never\nagents: [payments/bot]\nreason: a reason\nowner: alice\nuntil: 2027-12-31\n";
    let (compiled, found) = built(&[("policies/refunds.cedar", text)]);
    assert_eq!(found, [""; 0]);
    assert_eq!(
        decide(&compiled, &refund(1)),
        (Outcome::Deny, Some("refunds/never".into()))
    );
    let never = compiled
        .organization
        .rules
        .iter()
        .find(|rule| rule.name == "refunds/never")
        .unwrap();
    let (start, _) = compiled.tree.position(never.span).unwrap();
    assert_eq!((start.line, start.column), (4, 1));
    let (compiled, found) = built(&[("policies/refunds.cedar", text), ("exceptions/once.yaml", exception)]);
    assert_eq!(found, [""; 0]);
    assert_eq!(decide(&compiled, &refund(1)).0, Outcome::Allow);
}

/// Each text with what is found in it.
#[test]
fn what_cannot_be_meant_is_refused() {
    let cases = [
        ("permit(principal, action, resource", "cedar-syntax"),
        ("// nothing\n", "cedar-syntax"),
        (
            "@aproval(\"security:1\") permit(principal, action, resource);",
            "unknown-annotation",
        ),
        (
            "@approval(\"security:0\") permit(principal, action, resource);",
            "bad-annotation",
        ),
        ("@approval permit(principal, action, resource);", "bad-annotation"),
        (
            "@timeout(\"1h\") permit(principal, action, resource);",
            "bad-annotation",
        ),
        (
            "@id(\"Not A Name\") permit(principal, action, resource);",
            "bad-annotation",
        ),
        ("permit(principal is Team, action, resource);", "impossible-scope"),
        (
            "permit(principal in Environment::\"production\", action, resource);",
            "impossible-scope",
        ),
        (
            "permit(principal, action, resource in Team::\"payments\");",
            "impossible-scope",
        ),
        (
            "permit(principal in Team::\"pay*\", action, resource);",
            "unknown-entity",
        ),
        (
            "permit(principal in Team::\"paymnts\", action, resource);",
            "unknown-team",
        ),
        (
            "permit(principal == Deployment::\"payments/bots\", action, resource);",
            "unknown-agent",
        ),
        (
            "permit(principal, action == Action::\"billing.refnd\", resource);",
            "unknown-action",
        ),
        (
            "permit(principal, action, resource in Environment::\"prod\");",
            "unknown-environment",
        ),
        (
            "forbid(principal, action == Action::\"billing\", resource);",
            "impossible-scope",
        ),
        ("permit(principal in ?principal, action, resource);", "unlinked-slot"),
        (
            "permit(principal, action == Action::\"billing.refund\", resource) when { context.args.amout > 1 };",
            "unknown-argument",
        ),
        (
            "permit(principal, action == Action::\"billing.refund\", resource) when { context.args.note == \"x\" };",
            "unguarded-optional",
        ),
        (
            "permit(principal, action == Action::\"billing.refund\", resource) when { context.args.amount < \"1\" };",
            "condition-type",
        ),
        (
            "permit(principal, action, resource) when { resource.name == \"x\" };",
            "no-resource",
        ),
        (
            "@id(\"a\") permit(principal, action, resource); @id(\"a\") permit(principal, action, resource);",
            "duplicate-name",
        ),
        (
            "forbid(principal in Ring::\"sandboxed\", action, resource);",
            "rule-never-matches",
        ),
    ];
    for (text, code) in cases {
        let (compiled, found) = built(&[("policies/odd.cedar", text)]);
        assert_eq!(found, [code], "{text}\n{:#?}", compiled.findings.diagnostics());
    }
    let (_, found) = built(&[("policies/Odd Name.cedar", "permit(principal, action, resource);")]);
    assert_eq!(found, ["bad-name"]);
    let yaml = "kind: Policy\nname: odd\nrules:\n  r: {effect: deny, effects: [destructive], reason: x}\n";
    let (_, found) = built(&[
        ("a/odd.yaml", yaml),
        ("policies/odd.cedar", "permit(principal, action, resource);"),
    ]);
    assert!(found.contains(&"duplicate-name"), "{found:?}");
}

#[test]
fn a_comment_above_a_policy_silences_a_lint() {
    let text =
        "// polity: allow rule-never-matches for later\nforbid(principal in Ring::\"sandboxed\", action, resource);";
    let (_, found) = built(&[("policies/odd.cedar", text)]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn cedars_own_validator_takes_the_policies_by_the_schema_that_is_printed() {
    use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
    let (compiled, _) = built(&[("policies/refunds.cedar", POLICIES)]);
    let text = polity::lower::cedar_schema(&compiled.organization).expect("a schema");
    let (schema, _) = Schema::from_cedarschema_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let validator = Validator::new(schema);
    let validated = |policies: &str| {
        let policies: PolicySet = policies.parse().expect("policies");
        validator
            .validate(&policies, ValidationMode::Strict)
            .validation_passed()
    };
    assert!(validated(POLICIES), "{text}");
    assert!(
        !validated("permit(principal in Team::\"nobody\", action, resource);"),
        "{text}"
    );
    assert!(!validated(
        "permit(principal, action == Action::\"billing.refund\", resource) when { context.args.x };"
    ));
}

#[test]
fn a_policy_that_can_err_is_told_where() {
    let text = "@id(\"sum\") forbid(principal, action == Action::\"billing.refund\", resource)\nwhen { 1 < (context.args.amount + 1) * 2 && principal.ring + 1 > 0 };";
    let (compiled, _) = built(&[("policies/refunds.cedar", text)]);
    let found = compiled
        .findings
        .diagnostics()
        .iter()
        .filter(|one| one.code.id == "policy-can-err");
    let places: Vec<&str> = found
        .map(|one| {
            let span = one.primary.as_ref().unwrap().span;
            &text[span.start as usize..span.end as usize]
        })
        .collect();
    assert_eq!(places, ["(context.args.amount + 1) * 2"]);
}

/// Words that Cedar's grammar knows, and some that break it.
const WORDS: [&str; 34] = [
    "permit",
    "forbid",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ",",
    "principal",
    "action",
    "resource",
    "context",
    "==",
    "in",
    "is",
    "has",
    "like",
    "when",
    "unless",
    "@id",
    "@approval(\"x:1\")",
    "Team::\"payments\"",
    "?principal",
    "&&",
    "||",
    "\"",
    "\\",
    "//",
    "\n",
    "é",
    "1",
    ".",
];

#[test]
fn no_text_makes_the_reader_panic() {
    use polity_tests::generate::random::Random;
    let whole = "permit(principal, action, resource) when { context.args.amount < 1 };";
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut text = String::new();
        for _ in 0..random.within(1, 30) {
            text.push_str(if random.percent(5) {
                whole
            } else {
                WORDS[random.below(WORDS.len())]
            });
            text.push_str(if random.percent(80) { " " } else { "" });
        }
        let tree = SourceTree::from_files(vec![
            ("a.cedar".into(), text.clone()),
            ("templates/b.cedar".into(), text),
        ]);
        let compiled = compile(&tree, NOW, Sink::default());
        assert!(compiled.table.is_none(), "there is no organisation");
    }
}
