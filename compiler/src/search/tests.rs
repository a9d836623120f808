//! One cell at a time: what a grant lets through, what must not be let through, and whether the search can tell. Each
//! line is a condition of an allow, one of what may never be allowed, and whether some call meets both.

mod numbers;

use crate::compile::{Ask, Memo, compile_with};
use crate::diag::Sink;
use crate::prove::{Violation, violations};
use crate::source::SourceTree;

const ORGANISATION: &str = concat!(
    include_str!("../../../tests/cases/organisation.yaml"),
    r#"kind: DataClass
name: customer-data
owner: carol
---
kind: DataClass
name: salaries
owner: carol
---
kind: Tool
name: t
actions:
  do:
    effect: write
    external: true
    reversible: true
    resources: ["repo:{owner}/{repo}"]
    params:
      owner: {type: string, fold: case}
      repo: string
      file: path
      amount: int
      other: int
      price: decimal
      when: datetime
      long: duration
      from: ip
      host: host
      link: {type: url, optional: true}
      to: {type: list, of: email}
      tags: {type: list, of: string, optional: true}
      flags: {type: list, of: bool, optional: true}
      modes: {type: list, of: {enum: [fast, safe, slow]}, optional: true}
      mode: {enum: [fast, safe, slow]}
      deep: {type: record, fields: {line: int, name: {type: string, optional: true}}, optional: true}
      force: bool
---
kind: Agent
name: bot
owner: carol
kill_contact: carol
---
kind: Deployment
agent: bot
team: payments
environments: {production: {ring: trusted, tools: [t], enforced_by: gateway}}
"#
);

/// What comes of a rule that allows, and an invariant that forbids; each a flow mapping's inside.
fn found(allow: &str, never: &str) -> Vec<Violation> {
    let rules = format!(
        "kind: Policy\nname: p\nrules: {{a: {{effect: allow, environments: [production], actions: [t.do]{allow}}}}}\n"
    );
    forbidden("rules.yaml", rules, never)
}

/// What comes of a file of rules, and an invariant that forbids.
fn forbidden(path: &str, rules: String, never: &str) -> Vec<Violation> {
    let allow = &rules;
    let invariant = format!("kind: Invariant\nname: i\nnever: {{outcome: [allow], actions: [t.do]{never}}}\n");
    let files = vec![
        ("polity.yaml".to_owned(), ORGANISATION.to_owned()),
        ("never.yaml".to_owned(), invariant),
        (path.to_owned(), rules.clone()),
    ];
    let compiled = compile_with(
        &SourceTree::from_files(files),
        &Memo::default(),
        Ask::Nothing,
        Sink::default(),
    );
    let Some(table) = &compiled.table else {
        let said: Vec<&str> = compiled
            .findings
            .diagnostics()
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        panic!("{allow} {never}: {said:?}");
    };
    violations(&compiled.organization, &compiled.rules, table)
}

/// Selectors stand as they are, conditions are quoted.
fn when(text: &str) -> String {
    match text {
        "" => String::new(),
        text if text.starts_with(',') => text.to_owned(),
        text => format!(", when: '{}'", text.replace('\'', "''")),
    }
}

fn check(allow: &str, never: &str, meets: Option<bool>, wrong: &mut Vec<String>) {
    let found = found(&when(allow), &when(never));
    judge(&found, (allow, never), meets, wrong);
}

fn judge(found: &[Violation], (allow, never): (&str, &str), meets: Option<bool>, wrong: &mut Vec<String>) {
    let told = match found {
        [] => Some(false),
        [one, ..] if found.iter().all(|one| one.witness.is_none()) && one.witness.is_none() => None,
        _ => Some(true),
    };
    if told != meets {
        wrong.push(format!("{told:?}: allow {allow}, never {never}"));
    }
}

#[test]
fn strings_paths_hosts_and_resources_are_decided() {
    let mut wrong = Vec::new();
    for (allow, never, meets) in [
        (
            "context.args.repo like \"pay*\"",
            "context.args.repo like \"*core\"",
            true,
        ),
        (
            "context.args.repo like \"pay*\"",
            "!(context.args.repo like \"p*\")",
            false,
        ),
        ("context.args.repo == \"pay\"", "context.args.repo like \"x*\"", false),
        (
            "[\"a\", \"b\"].contains(context.args.repo)",
            "context.args.repo == \"c\"",
            false,
        ),
        (
            "context.args.file like \"/srv/*\"",
            "context.args.file like \"/etc/*\"",
            false,
        ),
        (
            "context.args.file like \"/srv/*\"",
            "context.args.file like \"*.yaml\"",
            true,
        ),
        (
            "context.args.host like \"*.acme.example\"",
            "context.args.host like \"*evil*\"",
            true,
        ),
        (
            "context.args.host == \"acme.example\"",
            "context.args.host like \"*evil*\"",
            false,
        ),
        ("context.args.host like \"*\"", "context.args.host like \"*/*\"", false),
        (
            "context.args.mode != \"fast\"",
            "context.args.mode == \"safe\" || context.args.mode == \"slow\"",
            true,
        ),
        (
            "context.args.mode != \"fast\" && context.args.mode != \"safe\"",
            "context.args.mode != \"slow\"",
            false,
        ),
        (
            ", resources: [\"repo:acme/*\"]",
            "context.args.owner == \"evil\"",
            false,
        ),
        (", resources: [\"repo:acme/*\"]", ", resources: [\"repo:*/pay\"]", true),
        (
            ", resources: [\"repo:acme/pay-*\"]",
            ", resources: [\"repo:acme/core\"]",
            false,
        ),
        (
            ", resources: [\"repo:ACME/*\"]",
            "context.args.owner != \"acme\"",
            false,
        ),
        (
            "context.args has link && context.args.link.host == \"acme.example\"",
            "context.args has link && context.args.link.scheme == \"http\"",
            true,
        ),
        (
            "context.args has link && context.args.link.host like \"*.example\"",
            "context.args has link && context.args.link.host == \"acme.test\"",
            false,
        ),
    ] {
        check(allow, never, Some(meets), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sets_addresses_presence_and_sessions_are_decided() {
    let mut wrong = Vec::new();
    for (allow, never, meets) in [
        (
            "[\"acme.example\"].containsAll(context.args.to_hosts)",
            "context.args.to_hosts.contains(\"evil.example\")",
            false,
        ),
        (
            "context.args.to_hosts.contains(\"acme.example\")",
            "context.args.to_hosts.contains(\"evil.example\")",
            true,
        ),
        (
            "context.args has tags && context.args.tags.containsAny([\"a\", \"b\"])",
            "context.args has tags && context.args.tags.isEmpty()",
            false,
        ),
        (
            "context.args.from.isInRange(ip(\"10.0.0.0/8\"))",
            "context.args.from.isInRange(ip(\"10.1.0.0/16\"))",
            true,
        ),
        (
            "context.args.from.isInRange(ip(\"10.0.0.0/8\"))",
            "context.args.from.isIpv6()",
            false,
        ),
        (
            "context.args.from.isLoopback()",
            "context.args.from.isMulticast()",
            false,
        ),
        ("context.args has link", "!(context.args has link)", false),
        (
            "context.args has deep && context.args.deep.line > 3",
            "!(context.args has deep)",
            false,
        ),
        (
            "context.args has deep && context.args.deep.line > 3",
            "context.args has deep && context.args.deep has name",
            true,
        ),
        ("context.args.force", "!context.args.force", false),
        (
            "!context.session.holding.contains(\"customer-data\")",
            ", holding: [customer-data]",
            false,
        ),
        (
            "!context.session.holding.contains(\"customer-data\")",
            ", holding: [salaries]",
            true,
        ),
        (", on_behalf_of: [carol]", ", on_behalf_of: [none]", false),
        (
            "context has on_behalf_of && context.on_behalf_of == \"carol\"",
            ", on_behalf_of: [carol]",
            true,
        ),
    ] {
        check(allow, never, Some(meets), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Only Rego counts: each line is the body of an allow in Rego, a condition in Cedar of what may never be allowed, and
/// whether some call meets both.
#[test]
fn what_cannot_be_decided_is_said_and_what_can_be_guessed_is_confirmed() {
    let mut wrong = Vec::new();
    for (allow, never, meets) in [
        ("context.args.amount * context.args.amount == 2", "", None),
        ("context.args.amount * 2 == 10", "", Some(true)),
        (
            "context.args.amount + context.args.other == 10",
            "context.args.amount == 4",
            Some(true),
        ),
        ("[context.args.repo, \"x\"].contains(\"y\")", "", Some(true)),
        ("context.args.repo == context.args.mode", "", Some(true)),
    ] {
        check(allow, never, meets, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_rule_that_is_only_observed_proves_nothing_yet() {
    let rules = "kind: Policy\nname: p\nrules:\n  a: {effect: allow, environments: [production], actions: [t.do]}\n  d: {effect: deny, actions: [t.do], OBSERVE}\n---\nkind: Invariant\nname: i\nnever: {outcome: [allow], actions: [t.do]}\n";
    let broken = |observe: &str| {
        let files = vec![
            ("polity.yaml".to_owned(), ORGANISATION.to_owned()),
            ("rules.yaml".to_owned(), rules.replace(", OBSERVE", observe)),
        ];
        let compiled = compile_with(
            &SourceTree::from_files(files),
            &Memo::default(),
            Ask::Nothing,
            Sink::default(),
        );
        violations(
            &compiled.organization,
            &compiled.rules,
            compiled.table.as_ref().unwrap(),
        )
    };
    assert!(broken("").is_empty());
    let found = broken(", observe_until: 2026-12-15");
    let (call, verdict) = found[0].witness.as_ref().unwrap();
    assert!(*call.moment() < *"2026-12-15" && verdict.rule.as_deref() == Some("p/a"));
}

#[test]
fn each_rule_of_a_cell_that_breaks_an_invariant_is_told() {
    let rules = "kind: Policy\nname: p\nfor: {environments: [production]}\nrules:\n  a: {effect: allow, actions: [t.do], when: context.args.amount < 5}\n  b: {effect: allow, actions: [t.do], when: context.args.amount > 50}\n  c: {effect: allow, actions: [t.do], when: context.args.amount == 3}\n";
    let found = forbidden("rules.yaml", rules.to_owned(), "");
    let rules: Vec<Option<&str>> = found
        .iter()
        .filter_map(|one| one.witness.as_ref())
        .map(|(_, verdict)| verdict.rule.as_deref())
        .collect();
    // The third never decides: the first holds wherever it does.
    assert_eq!(rules, [Some("p/a"), Some("p/b")]);
}
