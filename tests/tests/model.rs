//! Every document that the model's page shows compiles, beside a fixture that declares what they name, and means what
//! the page says.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use polity::compile::compile;
use polity::diag::{Severity, Sink};
use polity::source::SourceTree;
use polity::suite::{self, Selection};
use polity_runtime::table::Table;
use polity_tests::compare::{COMPILED_AT, asked, compare, compiled};
use polity_tests::load::load;
use polity_tests::naive::{Answer, Outcome, Request};
use polity_tests::requests::requests;
use serde_json::{Value, json};

/// The documents by their file's name. A template's use is kept apart: it is not compiled yet.
fn documents() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/model");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.map(|path| read(&path)).collect()
}

fn compilable() -> Vec<(String, String)> {
    documents()
        .into_iter()
        .filter(|(name, _)| name != "use-acme-docs.yaml")
        .collect()
}

fn table() -> Table {
    compiled(&compilable()).table.unwrap()
}

/// A call in production at noon on the first of November 2026.
fn call(agent: &str, action: &str, args: Value) -> Request {
    Request {
        agent: agent.to_owned(),
        environment: "production".to_owned(),
        action: action.to_owned(),
        args,
        holding: Vec::new(),
        on_behalf_of: None,
        calls: 0,
        now: 1_793_534_400_000,
    }
}

fn check(answer: &Answer, effect: Outcome, code: &str, rule: Option<&str>) {
    assert_eq!(
        (answer.effect, answer.code, answer.rule.as_deref()),
        (effect, code, rule),
        "{answer:#?}"
    );
}

fn merge(repo: &str) -> Value {
    json!({"owner": "acme", "repo": repo, "number": 7})
}

#[test]
fn every_document_of_the_page_compiles() {
    let files = compilable();
    assert_eq!(files.len(), 20);
    let compiled = compiled(&files);
    assert!(compiled.table.is_some());
    let found = compiled.findings.diagnostics().iter();
    let notes: Vec<&str> = found
        .filter(|found| found.severity == Severity::Note)
        .map(|found| found.message.as_str())
        .collect();
    assert!(notes.is_empty(), "every kind is acted upon: {notes:?}");
    // The page's tests pass over the page's policies, although the page's kill covers some of it.
    let table = compiled.table.as_ref().unwrap();
    let report = suite::run(&compiled.organization, table, &Selection::default());
    assert_eq!(report.count(), (7, 0), "{report:#?}");
}

/// The page's template, with a body that the page leaves out.
const TEMPLATE: &str = r#"kind: Template
name: docs-fixer
description: An agent that proposes fixes and never merges them
params:
  team: {type: name}
  repos: {type: list, of: string, min: 1}
  ring: {enum: [standard, sandboxed], default: sandboxed}
---
kind: Agent
name: {{ team ~ "-fixer" }}
owner: dana
---
kind: Deployment
agent: {{ team ~ "-fixer" }}
team: {{ team }}
environments:
  development: {ring: {{ ring }}, tools: [github], enforced_by: gateway}
"#;

#[test]
fn a_use_is_refused_without_its_template_and_filled_in_with_it() {
    let errors = |files: Vec<(String, String)>| {
        let compiled = compile(&SourceTree::from_files(files), COMPILED_AT, Sink::default());
        let found = compiled.findings.diagnostics().iter();
        let errors = found.filter(|found| found.severity == Severity::Error);
        let codes: Vec<&str> = errors.map(|found| found.code.id).collect();
        (codes, compiled.table)
    };
    let mut files: Vec<(String, String)> = documents().into_iter().collect();
    let (found, table) = errors(files.clone());
    assert_eq!(found, ["unknown-template"]);
    assert!(table.is_none());
    files.push(("templates/docs-fixer.yaml".to_owned(), TEMPLATE.to_owned()));
    let (found, table) = errors(files);
    assert_eq!(found, [""; 0]);
    assert!(table.is_some_and(|table| table.deployment("payments/payments-fixer").is_some()));
}

#[test]
fn refunds_are_granted_up_to_a_sum_and_asked_about_above_it() {
    let table = table();
    let refund = |amount: i64, currency: &str| {
        let args = json!({"amount": amount, "currency": currency});
        asked(&table, &call("payments/refund-bot", "billing.refund", args))
    };
    check(&refund(5000, "EUR"), Outcome::Allow, "granted", Some("refunds/small"));
    let large = refund(5001, "EUR");
    check(
        &large,
        Outcome::RequireApproval,
        "approval-required",
        Some("refunds/large"),
    );
    assert_eq!(large.approvals["refunds/large"], [(2, vec!["finance".to_owned()])]);
    check(&refund(9000, "USD"), Outcome::Deny, "no-grant", None);
    // It holds from some moment until another one.
    let args = json!({"amount": 1, "currency": "EUR"});
    let expired = Request {
        now: 1_798_675_200_000,
        ..call("payments/refund-bot", "billing.refund", args)
    };
    check(&asked(&table, &expired), Outcome::Deny, "no-grant", None);
    check(
        &asked(
            &table,
            &Request {
                now: expired.now - 1,
                ..expired
            },
        ),
        Outcome::Allow,
        "granted",
        Some("refunds/small"),
    );
}

#[test]
fn a_gate_asks_all_whom_it_names_unless_it_is_lifted() {
    let table = table();
    let merging = |repo: &str| asked(&table, &call("sre/janitor", "github.merge_pull_request", merge(repo)));
    let gate = "production-guardrails/merges-need-a-person";
    let asks = merging("pay");
    check(&asks, Outcome::RequireApproval, "approval-required", Some(gate));
    let one = |name: &str| (1, vec![name.to_owned()]);
    assert_eq!(asks.approvals[gate], [one("team-owners"), one("security")]);
    let allowed = Some("repositories/everything-on-github");
    check(&merging("docs-site"), Outcome::Allow, "granted", allowed);
    // `fold: case`: the system behind it ignores case, and so does the condition.
    check(&merging("DOCS"), Outcome::Allow, "granted", allowed);
}

#[test]
fn an_exception_lifts_a_deny_for_one_agent_and_for_a_time() {
    let table = table();
    let delete = |agent: &str, now: i64| {
        let request = call(agent, "github.delete_workflow_run_logs", json!({}));
        asked(&table, &Request { now, ..request })
    };
    let until = 1_798_675_200_000;
    let allowed = Some("repositories/everything-on-github");
    check(
        &delete("payments/ci-agent", until - 1),
        Outcome::Allow,
        "granted",
        allowed,
    );
    let denied = Some("production-guardrails/no-destruction");
    check(
        &delete("payments/ci-agent", until),
        Outcome::Deny,
        "denied-by-rule",
        denied,
    );
    // `except` has no end.
    check(&delete("sre/janitor", until), Outcome::Allow, "granted", allowed);
}

#[test]
fn a_variant_is_told_by_the_arguments() {
    let table = table();
    let review = |args: Value| {
        asked(
            &table,
            &call("payments/refund-bot", "github.pull_request_review_write", args),
        )
    };
    let ceiling = review(json!({"method": "delete_pending"}));
    check(&ceiling, Outcome::Deny, "ring-ceiling", None);
    let allowed = Some("repositories/everything-on-github");
    check(&review(json!({"method": "create"})), Outcome::Allow, "granted", allowed);
    check(
        &review(json!({"event": "APPROVE"})),
        Outcome::Deny,
        "unclassified",
        None,
    );
    let undeclared = review(json!({"method": "create", "body": null}));
    check(&undeclared, Outcome::Deny, "undeclared-argument", None);
}

#[test]
fn what_the_session_holds_is_seen_once_the_rule_is_no_longer_observed() {
    let table = table();
    let comment = |now: i64| {
        let request = call(
            "payments/refund-bot",
            "github.pull_request_review_write",
            json!({"method": "create"}),
        );
        let holding = vec!["customer-data".to_owned()];
        asked(
            &table,
            &Request {
                now,
                holding,
                ..request
            },
        )
    };
    let from = 1_797_292_800_000;
    let rule = "production-guardrails/no-exfiltration";
    let observed = comment(from - 1);
    check(
        &observed,
        Outcome::Allow,
        "granted",
        Some("repositories/everything-on-github"),
    );
    assert!(observed.observed.contains(rule));
    check(&comment(from), Outcome::Deny, "denied-by-rule", Some(rule));
}

#[test]
fn a_sandboxed_agent_reads_and_no_more_and_a_killed_one_does_nothing() {
    let table = table();
    let sandboxed = asked(
        &table,
        &call("payments/claude-code", "github.merge_pull_request", merge("docs")),
    );
    check(&sandboxed, Outcome::Deny, "ring-ceiling", None);
    let killed = asked(
        &table,
        &call("payments/triage-bot", "jira.get_issue", json!({"key": "A-1"})),
    );
    check(&killed, Outcome::Deny, "killed", None);
}

#[test]
fn the_reference_evaluator_reads_the_page_alike() {
    let files = compilable();
    let documents = load(&files);
    let comparison = compare(&documents, &table(), &requests(&documents, 1, 2_000));
    assert!(comparison.disagreements.is_empty(), "{}", comparison.disagreements[0]);
}
