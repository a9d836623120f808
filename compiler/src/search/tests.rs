//! One cell at a time: what a grant lets through, what must not be let through, and whether the search can tell. Each
//! line is a condition of an allow, one of what may never be allowed, and whether some call meets both.

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
fn numbers_and_moments_are_decided() {
    let mut wrong = Vec::new();
    for (allow, never, meets) in [
        ("context.args.amount < 5", "context.args.amount > 3", true),
        ("context.args.amount < 5", "context.args.amount > 4", false),
        ("context.args.amount == 5", "context.args.amount != 5", false),
        (
            "[1, 2, 3].contains(context.args.amount)",
            "context.args.amount > 2",
            true,
        ),
        (
            "[1, 2, 3].contains(context.args.amount)",
            "context.args.amount > 3",
            false,
        ),
        (
            "context.args.amount < context.args.other",
            "context.args.amount >= context.args.other",
            false,
        ),
        (
            "context.args.amount < context.args.other",
            "context.args.amount + 1 == context.args.other",
            true,
        ),
        (
            "context.args.amount + 1 < context.args.other",
            "context.args.amount + 1 == context.args.other",
            false,
        ),
        (
            "context.args.price.lessThan(decimal(\"5.0\"))",
            "context.args.price.greaterThan(decimal(\"4.9999\"))",
            false,
        ),
        (
            "context.args.price.lessThan(decimal(\"5.0\"))",
            "context.args.price.greaterThan(decimal(\"4.9998\"))",
            true,
        ),
        (
            "context.now < datetime(\"2027-01-01\")",
            "context.now >= datetime(\"2027-01-01\")",
            false,
        ),
        (
            "context.now.toTime() < duration(\"9h\")",
            "context.now.toTime() > duration(\"8h\")",
            true,
        ),
        (
            "context.now.toTime() < duration(\"9h\")",
            "context.now.toTime() > duration(\"10h\")",
            false,
        ),
        (
            "context.now >= datetime(\"2027-01-01T10:00:00Z\") && context.now < datetime(\"2027-01-01T11:00:00Z\")",
            "context.now.toTime() < duration(\"9h\")",
            false,
        ),
        (
            "context.args.long > duration(\"1h\")",
            "context.args.long < duration(\"61m\")",
            true,
        ),
        ("context.args.amount * 3 <= 9252", "context.args.amount >= 3084", true),
        ("context.args.amount * 3 <= 9252", "context.args.amount >= 3085", false),
        ("-context.args.amount < -3199", "context.args.amount <= 3199", false),
        ("context.args.amount * 3 == 10", "", false),
        (
            "context.args.long.toHours() == 2",
            "context.args.long < duration(\"2h\")",
            false,
        ),
        (
            "context.args.long.toHours() == 2",
            "context.args.long >= duration(\"179m\")",
            true,
        ),
        ("context.session.calls < 3", "context.session.calls == 2", true),
        ("context.session.calls < 3", "context.session.calls < 0", false),
        (
            "context.args.when < context.now",
            "context.args.when > datetime(\"2030-01-01\")",
            true,
        ),
    ] {
        check(allow, never, Some(meets), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
fn numbers_of_elements_are_decided() {
    let has = |test: &str| format!("context.args has tags && {test}");
    let within = |set: &str| has(&format!("{set}.containsAll(context.args.tags)"));
    let mut wrong = Vec::new();
    for (allow, never, meets) in [
        (
            "count(input.args.tags) > 3; count(input.args.tags) < 4",
            String::new(),
            false,
        ),
        (
            "count(input.args.tags) > 3; count(input.args.tags) < 5",
            String::new(),
            true,
        ),
        ("count(input.args.tags) < 0", String::new(), false),
        ("not count(input.args.tags) >= 0", has("true"), false),
        (
            "not count(input.args.tags) > 3",
            "!(context.args has tags)".into(),
            true,
        ),
        ("count(input.args.tags) < 1", has("!context.args.tags.isEmpty()"), false),
        ("count(input.args.tags) == 2", within("[\"a\"]"), false),
        ("count(input.args.tags) == 2", within("[\"a\", \"b\"]"), true),
        ("count(input.args.tags) != 2", within("[\"a\", \"b\"]"), true),
        (
            "count(input.args.tags) != 2",
            has("context.args.tags == [\"a\", \"b\"]"),
            false,
        ),
        ("count(input.args.tags) + 1 > 3", within("[\"a\", \"b\"]"), false),
        ("2 * count(input.args.tags) >= 4", within("[\"a\", \"b\"]"), true),
        (
            "count(input.args.tags) == 1",
            has("context.args.tags.containsAll([\"a\", \"b\"])"),
            false,
        ),
        (
            "count(input.args.tags) == 2",
            has("context.args.tags.containsAll([\"a\", \"b\"])"),
            true,
        ),
        (
            "count(input.args.tags) == 1; \"a\" in input.args.tags",
            has("context.args.tags.containsAny([\"b\", \"c\"])"),
            false,
        ),
        (
            "count(input.args.tags) == 1",
            has("context.args.tags != [\"a\"] && [\"a\"].containsAll(context.args.tags)"),
            false,
        ),
        ("count(input.args.tags) > 4096", String::new(), false),
        ("count(input.args.tags) > 4095", String::new(), true),
        ("count(input.args.modes) > 3", String::new(), false),
        ("count(input.args.flags) > 2", String::new(), false),
        ("count(input.args.flags) > 1", String::new(), true),
        ("count(input.args.modes) > 2", String::new(), true),
        (
            "count(input.args.modes) == 3",
            "context.args has modes && !context.args.modes.contains(\"slow\")".into(),
            false,
        ),
        (
            "count(input.args.to_hosts) > 1",
            "[\"acme.example\"].containsAll(context.args.to_hosts)".into(),
            false,
        ),
        (
            "count(input.args.to_hosts) > 2",
            "context.args.to_hosts.contains(\"acme.example\")".into(),
            true,
        ),
        (
            "count(input.args.tags) == input.args.amount",
            has("context.args.amount < 0"),
            false,
        ),
        (
            "count(input.args.tags) == input.args.amount",
            has("context.args.amount == 7"),
            true,
        ),
        (
            "count(input.args.tags) > input.args.amount",
            has("context.args.amount > 4095"),
            false,
        ),
        (
            "count(input.args.tags) > count(input.args.to_hosts)",
            has("context.args.tags.isEmpty()"),
            false,
        ),
        (
            "count(input.args.tags) > count(input.args.to_hosts)",
            within("[\"a\"]"),
            true,
        ),
        (
            "count(input.args.tags) > count(input.args.to_hosts)",
            has("[\"a\"].containsAll(context.args.tags) && !context.args.to_hosts.isEmpty()"),
            false,
        ),
        ("count(input.session.holding) > 2", String::new(), false),
        ("count(input.session.holding) > 1", ", holding: [salaries]".into(), true),
        (
            "count(input.session.holding) == 1; \"customer-data\" in input.session.holding",
            ", holding: [salaries]".into(),
            false,
        ),
        // Beyond the theory, and yet tried.
        (
            "count(input.args.tags) + count(input.args.to_hosts) > 10",
            String::new(),
            true,
        ),
    ] {
        let body = allow.replace("; ", "\n\t");
        let rego = format!(
            "package polity.p\n\nallow if {{\n\tinput.environment == \"production\"\n\tinput.action.name == \"t.do\"\n\t{body}\n}}\n"
        );
        let found = forbidden("p.rego", rego, &when(&never));
        judge(&found, (allow, &never), Some(meets), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

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
fn whether_a_sum_leaves_its_range_is_decided() {
    let mut wrong = Vec::new();
    // What an invariant's own condition errs for counts as meant by it.
    for (allow, never, meets) in [
        (
            "context.args.amount > 7000 && context.args.amount <= 7706",
            "context.args.amount * 6 <= 5100",
            false,
        ),
        ("context.args.amount > 7000", "context.args.amount * 6 <= 5100", true),
        (
            "context.args.amount > 1537228672809129301",
            "context.args.amount * 6 <= 5100",
            true,
        ),
        (
            "context.args.amount > 7000 && context.args.amount <= 1537228672809129301",
            "context.args.amount * 6 <= 5100",
            false,
        ),
        (
            "context.args.amount > -5 && context.args.amount < 5",
            "-(context.args.amount * 3 - 4) > 100",
            false,
        ),
        ("context.args.amount < 5", "-context.args.amount < -7", true),
        (
            "context.args.amount < 5 && context.args.amount * 2 < 8",
            "-context.args.amount < -7",
            false,
        ),
        (
            "context.args.when < datetime(\"2026-01-01\")",
            "context.args.when.offset(duration(\"-1d\")) > datetime(\"2027-01-01\")",
            false,
        ),
        (
            "context.args.when < datetime(\"2026-01-01\")",
            "context.args.when.durationSince(datetime(\"2026-01-01\")).toDays() > 1",
            false,
        ),
        (
            "context.args.when < datetime(\"2026-01-01\")",
            "context.args.when.toDate() > datetime(\"2026-01-02\")",
            false,
        ),
        (
            "context.session.calls < 10",
            "context.session.calls * 1000 > 10000",
            false,
        ),
        // No two moments that a call can say are farther apart than a duration tells.
        (
            "context.args.when > datetime(\"1900-01-01\")",
            "context.now.durationSince(context.args.when) > duration(\"100000000h\")",
            false,
        ),
        (
            "context.args.when < datetime(\"2026-01-01\")",
            "context.args.when.durationSince(context.now) > duration(\"1h\") && context.now > datetime(\"2026-01-01\")",
            false,
        ),
        (
            "context.args.when.durationSince(context.now) > duration(\"1h\")",
            "context.args.when.durationSince(context.now) < duration(\"3600002ms\")",
            true,
        ),
        (
            "context.args.amount < 0 && context.args.other >= 0",
            "context.args.amount - context.args.other > 0",
            true,
        ),
        (
            "context.args.amount < 0 && context.args.other >= 0 && context.args.other < 5 && context.args.amount > -9",
            "context.args.amount - context.args.other > 0",
            false,
        ),
    ] {
        check(allow, never, Some(meets), &mut wrong);
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
