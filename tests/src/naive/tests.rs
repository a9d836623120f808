//! The semantics page, sentence by sentence, over one small organisation.

use serde_json::json;

use super::*;
use crate::load::load;
use crate::normal::moment;

const ORGANISATION: &str = r#"
kind: Person
name: alice
---
kind: Person
name: bob
---
kind: Person
name: carol
---
kind: Group
name: inner
members: [bob]
---
kind: Group
name: staff
members: [alice, inner]
---
kind: Environment
name: production
rings: [standard, sandboxed, odd]
---
kind: Environment
name: development
enforced_by: [none, hook]
---
kind: Ring
name: odd
level: 5
effects: [read, destructive]
---
kind: Team
name: payments
owns: ["repo:acme/pay-*"]
ceiling: {rings: [standard, sandboxed, odd, trusted], tools: [github, files]}
---
kind: Team
name: sre
---
kind: Credential
name: db
environments: [production]
---
kind: Tool
name: github
actions:
  list: {effect: read, params: {owner: {type: string, fold: case}, repo: string, page: {type: int, optional: true}}, resources: ["repo:{owner}/{repo}"]}
  merge: {effect: write, external: true, reversible: false, params: {owner: {type: string, fold: case}, repo: string, number: int, at: {type: record, fields: {line: int}, optional: true}}, resources: ["repo:{owner}/{repo}", "pull:{repo}@{number}"]}
  review:
    params: {method: {enum: [create, remove]}, body: {type: string, optional: true}}
    variants:
      remove: {when: context.args.method == "remove", effect: destructive, external: true, reversible: false}
      create: {when: context.args has body, effect: write, external: true, reversible: true}
---
kind: Tool
name: files
strict: false
actions:
  read: {effect: read, params: {path: path}, resources: ["{path}"]}
---
kind: Tool
name: shell
actions:
  run: {effect: destructive, external: false, reversible: false, params: {command: string}}
---
kind: Agent
name: coder
tags: {tier: critical}
---
kind: Deployment
agent: coder
team: payments
environments:
  production: {ring: standard, tools: [github, files, shell], credentials: [db], enforced_by: gateway, until: 2026-12-24}
  development: {ring: trusted, tools: [github], credentials: [db], enforced_by: hook}
---
kind: Deployment
agent: coder
team: sre
environments:
  production: {ring: sandboxed, tools: [github, shell], enforced_by: external}
  development: {ring: odd, tools: [github, shell]}
"#;

const NOW: &str = "2026-11-01";

fn ask(policies: &str, request: &Request) -> Answer {
    ask_files(&[("policies.yaml", policies)], request)
}

fn ask_files(extra: &[(&str, &str)], request: &Request) -> Answer {
    let mut files = vec![("base.yaml".to_owned(), ORGANISATION.to_owned())];
    files.extend(
        extra
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
    );
    let documents = load(&files);
    Naive::new(&documents).decide(request)
}

fn request(agent: &str, environment: &str, action: &str, args: Json) -> Request {
    Request {
        agent: agent.to_owned(),
        environment: environment.to_owned(),
        action: action.to_owned(),
        args,
        holding: Vec::new(),
        on_behalf_of: None,
        calls: 0,
        now: moment(NOW).unwrap(),
    }
}

fn list() -> Request {
    request(
        "payments/coder",
        "production",
        "github.list",
        json!({"owner": "Acme", "repo": "pay-core"}),
    )
}

fn merge() -> Request {
    request(
        "payments/coder",
        "production",
        "github.merge",
        json!({"owner": "acme", "repo": "pay-core", "number": 7}),
    )
}

/// A policy of one rule, beside a grant of everything where asked for.
fn rule(fields: &str) -> String {
    format!("kind: Policy\nname: p\nrules:\n  r: {{{fields}}}\n")
}

fn with_grant(fields: &str) -> String {
    format!(
        "{}  all: {{effect: allow, environments: [\"*\"], actions: [\"**\"]}}\n",
        rule(fields)
    )
}

fn code(policies: &str, request: &Request) -> &'static str {
    ask(policies, request).code
}

const ALL: &str = "effect: allow, environments: [\"*\"], actions: [\"**\"]";

#[test]
fn the_steps_stand_in_their_order() {
    let all = rule(ALL);
    assert_eq!(ask(&all, &list()).rule.as_deref(), Some("p/r"));
    assert_eq!(code(&all, &list()), "granted");
    assert_eq!(code("", &list()), "no-grant");
    let changed = |change: &dyn Fn(&mut Request)| {
        let mut request = list();
        change(&mut request);
        code(&all, &request)
    };
    assert_eq!(changed(&|r| r.agent = "payments/nobody".into()), "unknown-agent");
    assert_eq!(changed(&|r| r.environment = "moon".into()), "unknown-environment");
    assert_eq!(changed(&|r| r.action = "github.nothing".into()), "unknown-action");
    assert_eq!(changed(&|r| r.action = "github.review/create".into()), "unknown-action");
    assert_eq!(
        changed(&|r| (r.environment, r.action) = ("moon".into(), "github.nothing".into())),
        "unknown-environment"
    );
    assert_eq!(changed(&|r| r.now = moment("2026-12-24").unwrap()), "not-admitted");
    assert_eq!(changed(&|r| r.now = moment("2026-12-24").unwrap() - 1), "granted");
    // `external` is not taken where the environment says nothing, and `none` only where it says so.
    assert_eq!(changed(&|r| r.agent = "sre/coder".into()), "not-admitted");
    assert_eq!(
        changed(&|r| (r.agent, r.environment) = ("sre/coder".into(), "development".into())),
        "granted"
    );
    // Given, and beyond the team's ceiling.
    assert_eq!(
        code(&all, &request("payments/coder", "production", "shell.run", json!({}))),
        "not-given"
    );
    assert_eq!(
        code(&all, &request("payments/coder", "development", "files.read", json!({}))),
        "not-given"
    );
    assert_eq!(changed(&|r| r.args["more"] = json!(1)), "undeclared-argument");
    assert_eq!(changed(&|r| r.args = json!([])), "undeclared-argument");
    let mut nested = merge();
    nested.args["at"] = json!({"line": 1, "column": 2});
    assert_eq!(code(&all, &nested), "undeclared-argument");
    let lenient = request(
        "payments/coder",
        "production",
        "files.read",
        json!({"path": "/a", "more": 1}),
    );
    assert_eq!(code(&all, &lenient), "granted");
}

#[test]
fn a_credential_must_be_given_and_exist_there() {
    let all = rule(ALL);
    let credential = |environment| request("payments/coder", environment, "credential.db", json!({}));
    assert_eq!(code(&all, &credential("production")), "granted");
    assert_eq!(code(&all, &credential("development")), "not-given");
    assert_eq!(
        code(
            &rule("effect: allow, environments: [production], credentials: [db]"),
            &credential("production")
        ),
        "granted"
    );
    assert_eq!(
        code(
            &rule("effect: allow, environments: [production], effects: [write]"),
            &credential("production")
        ),
        "no-grant"
    );
    let mut with_argument = credential("production");
    with_argument.args = json!({"x": 1});
    assert_eq!(code(&all, &with_argument), "undeclared-argument");
}

#[test]
fn variants_are_tried_in_order_and_an_error_ends_the_search() {
    let all = rule(ALL);
    let review = |args| request("payments/coder", "development", "github.review", args);
    assert_eq!(code(&all, &review(json!({"method": "create", "body": "x"}))), "granted");
    assert_eq!(code(&all, &review(json!({"method": "create"}))), "unclassified");
    assert_eq!(code(&all, &review(json!({"body": "x"}))), "unclassified");
    assert_eq!(
        code(&all, &review(json!({"method": "other", "body": "x"}))),
        "unclassified"
    );
    // The variant's effect is what the ring and the selectors see.
    let remove = review(json!({"method": "remove"}));
    assert_eq!(
        code(
            &all,
            &Request {
                environment: "production".into(),
                ..remove.clone()
            }
        ),
        "ring-ceiling"
    );
    for selector in ["github.review", "github.review/remove", "github.re*", "github.*"] {
        assert_eq!(
            code(
                &with_grant(&format!("effect: deny, actions: [\"{selector}\"]")),
                &remove
            ),
            "denied-by-rule",
            "{selector}"
        );
    }
    assert_eq!(
        code(&with_grant("effect: deny, actions: [github.review/create]"), &remove),
        "granted"
    );
    assert_eq!(
        code(&with_grant("effect: deny, effects: [destructive]"), &remove),
        "denied-by-rule"
    );
}

#[test]
fn a_ring_bounds_effects_and_what_cannot_be_undone() {
    let all = rule(ALL);
    let in_ring = |action, args| code(&all, &request("sre/coder", "development", action, args));
    // `odd` takes no writes, and nothing irreversible since it does not say so.
    assert_eq!(in_ring("github.merge", json!({})), "ring-ceiling");
    assert_eq!(in_ring("shell.run", json!({})), "ring-ceiling");
    assert_eq!(in_ring("github.list", json!({})), "granted");
}

#[test]
fn errors_fail_closed_by_effect() {
    let unreadable = {
        let mut request = list();
        request.args["page"] = json!("seven");
        request
    };
    let when = "when: \"context.args has page && context.args.page > 5\"";
    assert_eq!(
        code(&with_grant(&format!("effect: deny, {when}")), &unreadable),
        "denied-by-rule"
    );
    assert_eq!(code(&with_grant(&format!("effect: deny, {when}")), &list()), "granted");
    let gate = with_grant(&format!(
        "effect: require_approval, {when}, approval: {{require: [{{from: [staff], count: 1}}]}}"
    ));
    assert_eq!(code(&gate, &unreadable), "approval-required");
    assert_eq!(code(&rule(&format!("{ALL}, {when}")), &unreadable), "no-grant");
    // An erring allow grants nothing, but its approval binds.
    let asking = with_grant(&format!(
        "{ALL}, {when}, approval: {{require: [{{from: [staff], count: 2}}]}}"
    ));
    let answer = ask(&asking, &unreadable);
    assert_eq!(
        (answer.code, answer.rule.as_deref()),
        ("approval-required", Some("p/r"))
    );
    assert_eq!(answer.grants.iter().collect::<Vec<_>>(), ["p/all"]);
    assert_eq!(answer.approvals["p/r"], [(2, vec!["staff".to_owned()])]);
    assert_eq!(code(&asking, &list()), "granted");
    // Null is absent, and a number that is no integer is no int.
    for (page, expected) in [
        (json!(null), "granted"),
        (json!(5), "granted"),
        (json!(6), "denied-by-rule"),
        (json!(1.0), "denied-by-rule"),
    ] {
        let mut request = list();
        request.args["page"] = page;
        assert_eq!(code(&with_grant(&format!("effect: deny, {when}")), &request), expected);
    }
}

#[test]
fn the_first_by_name_decides() {
    let two = "kind: Policy\nname: b\nrules:\n  x: {effect: deny}\n---\nkind: Policy\nname: a-b\nrules:\n  x: {effect: deny}\n---\nkind: Policy\nname: a\nrules:\n  x: {effect: deny}\n";
    let answer = ask(two, &list());
    assert_eq!(answer.rule.as_deref(), Some("a-b/x"));
    assert_eq!(answer.denies.len(), 3);
}

#[test]
fn resources_any_for_a_deny_and_all_for_an_allow() {
    // A merge touches the repository and the pull request.
    let globs =
        |effect: &str, globs: &str| code(&with_grant(&format!("effect: {effect}, resources: {globs}")), &merge());
    assert_eq!(globs("deny", r#"["repo:acme/*"]"#), "denied-by-rule");
    assert_eq!(globs("deny", r#"["pull:pay-core@*"]"#), "denied-by-rule");
    assert_eq!(globs("deny", r#"["repo:*"]"#), "granted");
    assert_eq!(globs("deny", r#"["repo:**"]"#), "denied-by-rule");
    assert_eq!(globs("deny", "[team.owns]"), "denied-by-rule");
    let only = |globs: &str| code(&rule(&format!("{ALL}, resources: {globs}")), &merge());
    assert_eq!(only(r#"["repo:acme/*"]"#), "no-grant");
    assert_eq!(only(r#"["repo:ACME/*", "pull:**"]"#), "granted");
    // A value that would break out of its place errs: a deny matches whatever the glob.
    for repo in ["a/b", "..", "a\u{7}"] {
        let mut request = merge();
        request.args["repo"] = json!(repo);
        assert_eq!(
            code(&with_grant("effect: deny, resources: [\"nothing\"]"), &request),
            "denied-by-rule",
            "{repo:?}"
        );
        assert_eq!(
            code(&rule(&format!("{ALL}, resources: [\"**\"]")), &request),
            "no-grant"
        );
    }
    // A path may hold slashes and is normalised first.
    let read = request(
        "payments/coder",
        "production",
        "files.read",
        json!({"path": "/srv/../etc/passwd"}),
    );
    assert_eq!(
        code(&with_grant("effect: deny, resources: [\"/etc/**\"]"), &read),
        "denied-by-rule"
    );
    assert_eq!(
        code(&with_grant("effect: deny, resources: [\"/srv/**\"]"), &read),
        "granted"
    );
}

#[test]
fn conditions_on_the_resource_are_asked_of_each() {
    let when = "when: 'resource.name like \"repo:*\"'";
    assert_eq!(
        code(&with_grant(&format!("effect: deny, {when}")), &merge()),
        "denied-by-rule"
    );
    assert_eq!(code(&rule(&format!("{ALL}, {when}")), &merge()), "no-grant");
    assert_eq!(code(&rule(&format!("{ALL}, {when}")), &list()), "granted");
    assert_eq!(
        code(
            &with_grant("effect: deny, when: 'resource in Environment::\"production\"'"),
            &list()
        ),
        "denied-by-rule"
    );
}

#[test]
fn on_behalf_of_people_groups_and_nobody() {
    let deny = |entries: &str| with_grant(&format!("effect: deny, on_behalf_of: {entries}"));
    let for_person = |person: Option<&str>, entries: &str| {
        let request = Request {
            on_behalf_of: person.map(str::to_owned),
            ..list()
        };
        code(&deny(entries), &request)
    };
    assert_eq!(for_person(Some("bob"), "[staff]"), "denied-by-rule");
    assert_eq!(for_person(Some("carol"), "[staff]"), "granted");
    assert_eq!(for_person(None, "[staff]"), "granted");
    assert_eq!(for_person(None, "[none]"), "denied-by-rule");
    assert_eq!(for_person(Some("carol"), "[none, carol]"), "denied-by-rule");
    // Somebody whom nobody declared: the selector errs, and a deny matches.
    assert_eq!(for_person(Some("mallory"), "[staff]"), "denied-by-rule");
    let held = with_grant("effect: deny, holding: [secrets], on_behalf_of: [staff]");
    let stranger = Request {
        on_behalf_of: Some("mallory".into()),
        ..list()
    };
    assert_eq!(
        code(&held, &stranger),
        "granted",
        "holding is looked at first, and is false"
    );
    assert_eq!(
        code(
            &held,
            &Request {
                holding: vec!["secrets".into()],
                ..stranger
            }
        ),
        "denied-by-rule"
    );
}

#[test]
fn time_turns_rules_on_and_off() {
    let at = |fields: &str, offset: i64| {
        let request = Request {
            now: moment("2026-12-01").unwrap() + offset,
            ..list()
        };
        code(&with_grant(fields), &request)
    };
    assert_eq!(at("effect: deny, observe_until: 2026-12-01", -1), "granted");
    assert_eq!(at("effect: deny, observe_until: 2026-12-01", 0), "denied-by-rule");
    let expiring = rule(&format!("{ALL}, expires: 2026-12-01"));
    for (offset, expected) in [(-1, "granted"), (0, "no-grant")] {
        assert_eq!(
            code(
                &expiring,
                &Request {
                    now: moment("2026-12-01").unwrap() + offset,
                    ..list()
                }
            ),
            expected
        );
    }
    assert_eq!(
        at("effect: deny, when: 'context.now < datetime(\"2026-12-01\")'", -1),
        "denied-by-rule"
    );
    assert_eq!(
        at("effect: deny, when: 'context.now < datetime(\"2026-12-01\")'", 0),
        "granted"
    );
}

#[test]
fn excepts_and_exceptions_lift_and_their_errors_do_not() {
    let except = |selector: &str| code(&with_grant(&format!("effect: deny, except: {{{selector}}}")), &list());
    assert_eq!(except("agents: [coder]"), "granted");
    assert_eq!(except("agents: [payments/coder]"), "granted");
    assert_eq!(except("agents: [sre/coder]"), "denied-by-rule");
    assert_eq!(
        except("agents: [\"payments/*\"], environments: [development]"),
        "denied-by-rule"
    );
    let deny = with_grant("effect: deny");
    let lifted = |path: &str, fields: &str, request: &Request| {
        let exception = format!("kind: Exception\nname: e\nto: p/r\nuntil: 2026-12-01\n{fields}\n");
        ask_files(&[("policies.yaml", &deny), (path, &exception)], request).code
    };
    assert_eq!(lifted("e.yaml", "agents: [coder]", &list()), "granted");
    assert_eq!(
        lifted(
            "e.yaml",
            "agents: [coder]",
            &Request {
                now: moment("2026-12-01").unwrap(),
                ..list()
            }
        ),
        "denied-by-rule"
    );
    // A team cannot lift what the organisation laid down.
    assert_eq!(
        lifted("teams/payments/e.yaml", "agents: [coder]", &list()),
        "denied-by-rule"
    );
    assert_eq!(lifted("e.yaml", "resources: [\"repo:acme/*\"]", &list()), "granted");
    let mut strange = list();
    strange.args["repo"] = json!("a/b");
    assert_eq!(lifted("e.yaml", "resources: [\"**\"]", &strange), "denied-by-rule");
}

#[test]
fn a_teams_policy_reaches_its_deployments_alone() {
    let files = [
        ("policies.yaml", &*rule(ALL)),
        (
            "teams/sre/x.yaml",
            "kind: Policy\nname: q\nrules:\n  r: {effect: deny}\n",
        ),
    ];
    assert_eq!(ask_files(&files, &list()).code, "granted");
    let theirs = Request {
        agent: "sre/coder".into(),
        environment: "development".into(),
        ..list()
    };
    assert_eq!(ask_files(&files, &theirs).code, "denied-by-rule");
}

#[test]
fn kills_come_before_everything() {
    let all = rule(ALL);
    for (what, expected) in [
        ("agents: [coder]", "killed"),
        ("agents: [payments/coder]", "killed"),
        ("agents: [sre/coder]", "granted"),
        ("teams: [payments]", "killed"),
        ("tools: [github]", "killed"),
        ("tools: [shell]", "granted"),
        ("environments: [production]", "killed"),
        ("everything: true", "killed"),
    ] {
        let kill = format!("kind: Kill\nname: k\n{what}\n");
        assert_eq!(
            ask_files(&[("p.yaml", &all), ("k.yaml", &kill)], &list()).code,
            expected,
            "{what}"
        );
    }
}

#[test]
fn a_literal_is_normalised_for_what_it_is_compared_with() {
    let holds =
        |condition: &str, request: &Request| code(&with_grant(&format!("effect: deny, when: '{condition}'")), request);
    assert_eq!(holds(r#"context.args.owner == "ACME""#, &list()), "denied-by-rule");
    assert_eq!(
        holds(r#"["Acme", "x"].contains(context.args.owner)"#, &list()),
        "denied-by-rule"
    );
    assert_eq!(holds(r#"context.args.owner like "AC*""#, &list()), "denied-by-rule");
    assert_eq!(holds(r#"context.args.repo == "PAY-CORE""#, &list()), "granted");
    let read = request(
        "payments/coder",
        "production",
        "files.read",
        json!({"path": "/srv//app/."}),
    );
    assert_eq!(
        holds(r#"context.args.path == "/srv/x/../app""#, &read),
        "denied-by-rule"
    );
}

#[test]
fn the_principal_and_the_action_have_their_parents() {
    for condition in [
        r#"principal in Team::"payments" && principal in Agent::"coder" && principal in Ring::"standard""#,
        r#"principal == Deployment::"payments/coder" && principal.ring == 2 && principal.team == "payments""#,
        r#"principal.tags has tier && principal.tags.tier == "critical" && !(principal.tags has other)"#,
        r#"action == Action::"github.list" && action in Action::"github" && action in [Action::"read", Action::"write"]"#,
        r#"!(action in Action::"external") && context.session.calls == 0 && !(context has on_behalf_of)"#,
    ] {
        assert_eq!(
            code(&with_grant(&format!("effect: deny, when: '{condition}'")), &list()),
            "denied-by-rule",
            "{condition}"
        );
        assert_eq!(
            code(&with_grant(&format!("effect: deny, unless: '{condition}'")), &list()),
            "granted",
            "{condition}"
        );
    }
}
