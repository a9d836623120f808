//! Conditions that read `resource.name` over an action that touches two things: a deny and a gate look for any of
//! them, an allow for all, and `when` and `unless` are asked of each in turn.

use polity_tests::compare::{compare, compiled};
use polity_tests::load::load;
use polity_tests::naive::{Outcome, Request};
use serde_json::json;

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
kind: Team
name: storage
owners: [alice]
---
kind: Environment
name: production
rank: 1
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
name: mover
owner: bob
---
kind: Deployment
agent: mover
team: storage
environments:
  production: {ring: trusted, tools: [files], enforced_by: gateway}
---
kind: Policy
name: moves
rules:
  within-data:
    effect: allow
    environments: [production]
    actions: [files.move]
    when: resource.name like "file:/data/*"
    unless: resource.name like "*.lock"
  no-secrets:
    effect: deny
    actions: [files.move]
    when: resource.name like "*secret*"
    unless: resource.name like "*public*"
  from-archive:
    effect: require_approval
    actions: [files.move]
    when: resource.name like "*archive*"
    approval: {require: [{from: [owners], count: 1}]}
"#;

fn decided(source: &str, destination: &str) -> Outcome {
    let files = vec![("polity.yaml".to_owned(), ORGANISATION.to_owned())];
    let table = compiled(&files).table.expect("a table");
    let request = Request {
        agent: "storage/mover".into(),
        environment: "production".into(),
        action: "files.move".into(),
        args: json!({"source": source, "destination": destination}),
        holding: Vec::new(),
        on_behalf_of: None,
        calls: 0,
        now: 1_793_534_400_000,
    };
    let comparison = compare(&load(&files), &table, std::slice::from_ref(&request));
    if let Some(first) = comparison.disagreements.first() {
        panic!("{first}");
    }
    polity_tests::compare::asked(&table, &request).effect
}

#[test]
fn an_allow_wants_all_of_them() {
    assert_eq!(decided("/data/a", "/data/b"), Outcome::Allow);
    assert_eq!(decided("/data/a", "/tmp/b"), Outcome::Deny);
    assert_eq!(decided("/tmp/a", "/data/b"), Outcome::Deny);
    assert_eq!(decided("/data/a", "/data/b.lock"), Outcome::Deny);
}

#[test]
fn a_deny_wants_one_of_which_both_hold() {
    assert_eq!(decided("/data/secret", "/data/public"), Outcome::Deny);
    assert_eq!(decided("/data/public", "/data/secret"), Outcome::Deny);
    assert_eq!(decided("/data/secret-public", "/data/b"), Outcome::Allow);
}

#[test]
fn a_gate_wants_one_of_them() {
    assert_eq!(decided("/data/archive/a", "/data/b"), Outcome::RequireApproval);
    assert_eq!(decided("/data/a", "/data/archive/b"), Outcome::RequireApproval);
}

#[test]
fn what_a_tool_touches_is_said_for_actions_that_say_nothing() {
    let more = "name: files\nresources: [\"file:{path}\"]\nactions:\n  read: {effect: read, params: {path: path}}\n";
    let text = ORGANISATION.replace("name: files\nactions:\n", more);
    assert_ne!(text, ORGANISATION);
    // `move` has no parameter `path`, and names its own.
    let organization = compiled(&[("polity.yaml".to_owned(), text)]).organization;
    let resources = organization.actions.iter().map(|action| action.resources.len());
    assert_eq!(resources.collect::<Vec<_>>(), [2, 1]);
}
