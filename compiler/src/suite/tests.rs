//! Small organisations, their tests, and what these come to.

mod log;

use std::collections::BTreeSet;

use super::changed::changed;
use super::*;
use crate::compile::{Compiled, compile};
use crate::diag::Sink;
use crate::report::junit::junit;
use crate::report::suite::{Shown, json, text};
use crate::source::SourceTree;

/// 2026-11-22T00:00:00Z
const NOW: i64 = 1_795_305_600_000;

const ORGANIZATION: &str = r#"polity: v1
kind: Organization
name: acme
owners: [security]
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
rank: 3
---
kind: Environment
name: staging
rank: 1
---
kind: DataClass
name: customers
owner: alice
---
kind: Tool
name: billing
actions:
  refund:
    effect: write
    external: true
    reversible: false
    params: {amount: int, currency: string, note: {type: string, optional: true}}
  look: {effect: read, params: {id: string}}
---
kind: Agent
name: bot
owner: alice
---
kind: Deployment
agent: bot
team: payments
environments:
  production: {ring: standard, tools: [billing], enforced_by: gateway}
  staging: {ring: standard, tools: [billing], enforced_by: gateway}
---
kind: Deployment
agent: bot
team: support
environments:
  staging: {ring: standard, tools: [billing], enforced_by: gateway}
"#;

const POLICY: &str = r#"kind: Policy
name: refunds
for: {environments: [production], agents: [payments/bot]}
rules:
  small:
    effect: allow
    actions: [billing.refund]
    when: context.args.amount <= 5000
  large:
    effect: allow
    actions: [billing.refund]
    when: context.args.amount > 5000
    approval: {require: [{from: [security], count: 1}]}
  no-dollars:
    effect: deny
    actions: [billing.refund]
    when: context.args.currency == "USD"
    reason: dollars are refunded by people
"#;

/// The table, or what stands in its way.
#[track_caller]
fn table(compiled: &Compiled) -> &Table {
    let found = compiled.findings.diagnostics().iter();
    let found: Vec<_> = found.map(|found| (found.code.id, &found.message)).collect();
    compiled.table.as_ref().unwrap_or_else(|| panic!("{found:?}"))
}

fn made(files: &[(&str, &str)]) -> Compiled {
    let all = [("polity.yaml", ORGANIZATION), ("policies/refunds.yaml", POLICY)];
    let files = all
        .iter()
        .chain(files)
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    compile(&SourceTree::from_files(files.collect()), NOW, Sink::default())
}

/// Runs the tests of a document, over the organisation above.
fn ran(test: &str) -> (Compiled, Report) {
    let compiled = made(&[("tests/t.yaml", test)]);
    let report = run(&compiled.organization, table(&compiled), &Selection::default());
    (compiled, report)
}

/// The codes of what is found.
fn found(files: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let compiled = made(files);
    let found = compiled.findings.diagnostics().iter();
    found.map(|found| (found.code.id, found.message.clone())).collect()
}

fn failed(report: &Report) -> Vec<&str> {
    let tests = report.suites.iter().flat_map(|suite| &suite.tests);
    tests
        .filter(|test| test.failure.is_some())
        .map(|test| test.name.as_str())
        .collect()
}

const CASES: &str = r#"kind: Test
name: refunds
defaults: {agent: payments/bot, environment: production, action: billing.refund, now: "2026-11-01T12:00:00Z"}
cases:
  - {name: small, args: {amount: 100, currency: EUR}, expect: allow, rule: refunds/small, code: granted}
  - {name: large, args: {amount: 9000, currency: EUR}, expect: require_approval, rule: refunds/large}
  - {name: dollars, args: {amount: 100, currency: USD}, expect: deny, rule: refunds/no-dollars}
"#;

#[test]
fn answers_as_expected_pass() {
    let (_, report) = ran(CASES);
    assert_eq!(report.count(), (3, 0));
}

#[test]
fn a_failure_shows_what_was_expected_what_came_and_why() {
    let test = CASES
        .replace("amount: 100, currency: EUR", "amount: 5001, currency: EUR")
        .replace("USD", "\"USD\\u202e\"");
    let (compiled, report) = ran(&test);
    assert_eq!(failed(&report), ["small", "dollars"]);
    let shown = Shown {
        colour: false,
        coverage: true,
    };
    insta::assert_snapshot!(text(&report, &compiled.tree, shown));
    insta::assert_snapshot!(json(&report, &compiled.tree));
    let coloured = Shown {
        colour: true,
        ..Shown::default()
    };
    let coloured = text(&report, &compiled.tree, coloured);
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mfailed\u{1b}[0m"), "{coloured}");
}

#[test]
fn the_rule_and_the_code_must_be_the_expected_ones() {
    let other_rule = CASES.replace("rule: refunds/no-dollars", "rule: refunds/large");
    assert_eq!(failed(&ran(&other_rule).1), ["dollars"]);
    let other_code = CASES.replace("code: granted", "code: denied-by-rule");
    assert_eq!(failed(&ran(&other_code).1), ["small"]);
}

#[test]
fn a_cell_that_is_not_listed_is_expected_to_be_denied() {
    let matrix = |expect: &str| {
        format!(
            r#"kind: Test
name: who
matrix:
  - agents: [payments/bot, support/bot, payments/bot]
    environments: [production, staging]
    actions: [billing.refund, billing.look]
    args: {{amount: 100, currency: EUR}}
    now: "2026-11-01T12:00:00Z"
    expect: {expect}
"#
        )
    };
    let (_, report) = ran(&matrix("{\"payments/bot production billing.refund\": allow}"));
    assert_eq!(report.count(), (8, 0), "two agents, two environments, two actions");
    let (_, report) = ran(&matrix("{}"));
    assert_eq!(failed(&report), ["payments/bot production billing.refund"]);
    let (_, report) = ran(&matrix("{\"payments/bot staging billing.refund\": require_approval}"));
    assert_eq!(
        failed(&report),
        [
            "payments/bot production billing.refund",
            "payments/bot staging billing.refund"
        ]
    );
    let outside = matrix("{\"payments/bot development billing.refund\": allow}");
    let found = found(&[("tests/t.yaml", &outside)]);
    assert!(matches!(found.as_slice(), [("unknown-cell", _)]), "{found:?}");
}

#[test]
fn names_are_unique_and_stay_so_when_filtered() {
    let (compiled, report) = ran(&CASES
        .replace("name: dollars", "name: small")
        .replace("name: large, ", ""));
    let names = |report: &Report| -> Vec<String> {
        let tests = report.suites.iter().flat_map(|suite| &suite.tests);
        tests.map(|test| test.name.clone()).collect()
    };
    let all = ["small", "payments/bot production billing.refund", "small (2)"];
    assert_eq!(names(&report), all);
    let table = table(&compiled);
    let filtered = |filter: &str| {
        let selection = Selection {
            filter: Some(filter),
            ..Selection::default()
        };
        names(&run(&compiled.organization, table, &selection))
    };
    assert_eq!(filtered("(2)"), ["small (2)"]);
    assert_eq!(filtered("refunds"), all, "the suite's name counts too");
    assert!(filtered("nothing").is_empty());
}

#[test]
fn a_name_that_nothing_has_is_found_before_a_test_runs() {
    let test = |from: &str, to: &str| found(&[("tests/t.yaml", &CASES.replace(from, to))]);
    for (from, to, code, help) in [
        (
            "agent: payments/bot",
            "agent: payments/bto",
            "unknown-agent",
            "payments/bto",
        ),
        ("agent: payments/bot", "agent: bot", "unknown-agent", "bot"),
        (
            "environment: production",
            "environment: prodution",
            "unknown-environment",
            "prodution",
        ),
        (
            "action: billing.refund",
            "action: billing.refnd",
            "unknown-action",
            "refnd",
        ),
        ("rule: refunds/large", "rule: refunds/lagre", "unknown-rule", "lagre"),
        (
            "{name: large,",
            "{name: large, holding: [customer],",
            "unknown-data-class",
            "customer",
        ),
        (
            "{name: large,",
            "{name: large, on_behalf_of: alcie,",
            "unknown-person",
            "alcie",
        ),
    ] {
        let found = test(from, to);
        assert!(
            matches!(found.as_slice(), [(one, said)] if *one == code && said.contains(help)),
            "{to}: {found:?}"
        );
    }
    // Whoever asks for the refusal of an unknown name may write one; a later name is then not looked at either.
    for case in [
        "{agent: payments/nobody, action: no.such, expect: deny, code: unknown-agent}",
        "{environment: nowhere, action: no.such, expect: deny, code: unknown-environment}",
        "{action: no.such, expect: deny, code: unknown-action}",
    ] {
        let (_, report) = ran(&format!("{CASES}  - {case}\n"));
        assert_eq!(report.count(), (4, 0), "{case}");
    }
    let early = "  - {agent: payments/nobody, action: no.such, expect: deny, code: unknown-action}\n";
    let found = found(&[("tests/t.yaml", &format!("{CASES}{early}"))]);
    assert!(matches!(found.as_slice(), [("unknown-agent", _)]), "{found:?}");
}

#[test]
fn a_teams_tests_ask_about_its_own_deployments() {
    let test = CASES.replace("agent: payments/bot", "agent: support/bot");
    let found = found(&[("teams/payments/t.yaml", &test)]);
    assert!(matches!(found.as_slice(), [("matches-nothing-here", _)]), "{found:?}");
    assert!(made(&[("teams/payments/t.yaml", CASES)]).table.is_some());
}

#[test]
fn a_kill_waits_for_no_test() {
    let kill = "kind: Kill\nname: stop\nagents: [payments/bot]\nreason: an incident\n";
    let killed = "  - {name: killed, args: {amount: 100, currency: EUR}, expect: deny, code: killed}\n";
    let test = format!("{CASES}{killed}");
    for (kill, failing) in [(kill, vec![]), ("", vec!["killed"])] {
        let compiled = made(&[("tests/t.yaml", &test), ("kill.yaml", kill)]);
        let report = run(&compiled.organization, table(&compiled), &Selection::default());
        assert_eq!(failed(&report), failing);
    }
}

#[test]
fn coverage_counts_rules_that_had_a_say_and_edges_that_were_taken() {
    let of = |report: &Report, rule: &str| {
        let rule = report.coverage.rules.iter().find(|one| one.name == rule).unwrap();
        let missed: Vec<String> = rule
            .missed
            .iter()
            .map(|one| format!("{} {:?}", one.test, one.answer))
            .collect();
        (
            rule.fired,
            rule.edges.taken,
            rule.edges.total,
            rule.errors.taken,
            missed.join(", "),
        )
    };
    let none = |text: &str| text.lines().take(4).collect::<Vec<_>>().join("\n");
    let with = |cases: &str| ran(&format!("{}\n{cases}", none(CASES))).1;

    let report = with("  - {name: small, args: {amount: 100, currency: EUR}, expect: allow}\n");
    assert_eq!(
        of(&report, "refunds/small"),
        (true, 1, 2, 0, "context.args.amount <= 5000 No".to_owned())
    );
    // `amount > 5000` is the same test, answered the other way round.
    assert!(!of(&report, "refunds/large").0);
    assert_eq!(of(&report, "refunds/no-dollars").1, 1);
    assert!(!report.coverage.reaches(50) && report.coverage.reaches(33));

    // Behind a deny that matches no grant has a say.
    let report = with("  - {name: dollars, args: {amount: 100, currency: USD}, expect: deny}\n");
    assert_eq!(
        of(&report, "refunds/small"),
        (false, 0, 2, 0, of(&report, "refunds/small").4)
    );
    assert!(of(&report, "refunds/no-dollars").0);

    // What cannot be evaluated is an edge of its own.
    let report = with("  - {name: none, args: {currency: EUR}, expect: deny}\n");
    assert_eq!(of(&report, "refunds/small").3, 1);
    assert!(!of(&report, "refunds/small").0, "an allow that errs grants nothing");

    let (_, report) = ran(CASES);
    assert_eq!(report.coverage.fired(), coverage::Ratio { taken: 3, total: 3 });
    assert_eq!(report.coverage.edges().percent(), 100, "{:?}", report.coverage);
    assert!(report.coverage.reaches(100));
    assert!(Coverage::default().reaches(100), "all of nothing");
}

#[test]
fn an_edge_that_no_call_can_take_is_none_to_test() {
    // Behind `amount > 9` the amount was read, and is not below 5.
    let policy = r#"kind: Policy
name: large
for: {environments: [production], agents: [payments/bot]}
rules:
  odd:
    effect: deny
    actions: [billing.refund]
    when: context.args.amount > 9 && (context.args.amount < 5 || context.args.currency == "XXX")
"#;
    let test = r#"kind: Test
name: odd
defaults: {agent: payments/bot, environment: production, action: billing.refund, now: "2026-11-01T12:00:00Z"}
cases:
  - {args: {amount: 3, currency: EUR}, expect: allow}
  - {args: {amount: 7, currency: EUR}, expect: allow}
  - {args: {amount: 10, currency: EUR}, expect: allow}
  - {args: {amount: 10, currency: XXX}, expect: deny, rule: large/odd}
"#;
    let compiled = made(&[("p.yaml", policy), ("t.yaml", test)]);
    let report = run(&compiled.organization, table(&compiled), &Selection::default());
    let rule = report
        .coverage
        .rules
        .iter()
        .find(|one| one.name == "large/odd")
        .unwrap();
    assert_eq!(rule.missed, []);
    assert_eq!(rule.edges.taken, rule.edges.total, "{rule:?}");
    // Either may be missing: where `amount` is, both tests of it say so, and where it was read, neither does.
    assert_eq!(rule.errors.total, 3, "{rule:?}");
}

#[test]
fn one_condition_over_many_actions_is_covered_once() {
    let policy = r#"kind: Policy
name: notes
for: {environments: [production], agents: [payments/bot]}
rules:
  all: {effect: deny, tools: [more], when: context.args has note && context.args.note == "x"}
"#;
    // The argument stands in another slot of each action.
    let tool = r#"kind: Tool
name: more
actions:
  a: {effect: read, params: {note: {type: string, optional: true}}}
  b: {effect: read, params: {alpha: string, beta: int, note: {type: string, optional: true}}}
"#;
    let organization = ORGANIZATION.replace("tools: [billing]", "tools: [billing, more]");
    let test = r#"kind: Test
name: notes
defaults: {agent: payments/bot, environment: production, now: "2026-11-01T12:00:00Z"}
cases:
  - {action: more.a, expect: deny}
  - {action: more.a, args: {note: x}, expect: deny, rule: notes/all}
  - {action: more.b, args: {note: z}, expect: deny}
"#;
    let files = [
        ("polity.yaml", organization.as_str()),
        ("p.yaml", policy),
        ("t.yaml", tool),
        ("x.yaml", test),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let compiled = compile(&SourceTree::from_files(files.to_vec()), NOW, Sink::default());
    let report = run(&compiled.organization, table(&compiled), &Selection::default());
    assert_eq!(report.count(), (3, 0));
    let [rule] = report.coverage.rules.as_slice() else {
        panic!()
    };
    assert_eq!(rule.edges, coverage::Ratio { taken: 4, total: 4 }, "{rule:?}");
}

#[test]
fn a_rule_changes_with_what_it_says_and_not_with_where_it_stands() {
    let documents = |path: &str, policy: &str| {
        let files = vec![(path.to_owned(), policy.to_owned())];
        compile(&SourceTree::from_files(files), NOW, Sink::default()).documents
    };
    let before = documents("a.yaml", POLICY);
    let names = |path: &str, policy: &str| {
        changed(&before, &documents(path, policy))
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert!(names("b.yaml", &format!("# a comment\n{POLICY}")).is_empty());
    let described = POLICY.replace("    effect: deny\n", "    effect: deny\n    description: words\n");
    assert!(names("a.yaml", &described).is_empty());
    assert_eq!(
        names("a.yaml", &POLICY.replace("<= 5000", "<= 6000")),
        ["refunds/small"]
    );
    assert_eq!(
        names("a.yaml", &POLICY.replace("no-dollars:", "no-euros:")),
        ["refunds/no-euros"]
    );
    assert_eq!(
        names("a.yaml", &POLICY.replace("count: 1", "count: 2")),
        ["refunds/large"]
    );
    let all = ["refunds/large", "refunds/no-dollars", "refunds/small"];
    assert_eq!(names("a.yaml", &POLICY.replace("[production]", "[staging]")), all);
    assert_eq!(
        names("teams/payments/a.yaml", POLICY),
        all,
        "it reaches that team alone"
    );
}

#[test]
fn ten_thousand_cases_each_get_their_own_answer() {
    let mut cases = CASES.lines().take(4).collect::<Vec<_>>().join("\n");
    for number in 0..10_000u32 {
        let (amount, currency) = (
            number.wrapping_mul(7919) % 10_000,
            if number % 3 == 0 { "USD" } else { "EUR" },
        );
        let right = match (currency, amount) {
            ("USD", _) => "deny",
            (_, 0..=5000) => "allow",
            _ => "require_approval",
        };
        // Every hundredth expects what does not come.
        let expect = match (number % 100, right) {
            (0, "allow") => "deny",
            (0, _) => "allow",
            _ => right,
        };
        cases.push_str(&format!(
            "\n  - {{name: \"{number}\", args: {{amount: {amount}, currency: {currency}}}, expect: {expect}}}"
        ));
    }
    let (_, report) = ran(&format!("{cases}\n"));
    let wrong: Vec<String> = (0..10_000).step_by(100).map(|number| number.to_string()).collect();
    assert_eq!(failed(&report), wrong);
    assert_eq!(report.coverage.fired().percent(), 100);
}

#[test]
fn junit_is_read_by_others() {
    let test = CASES
        .replace("name: large", r#"name: "a]]> <b> & \"c\"""#)
        .replace("9000, currency: EUR", r#"9000, currency: "\uffff\u0007<]]>""#)
        .replace("expect: require_approval", "expect: deny");
    let (compiled, report) = ran(&test);
    let xml = junit(&report, &compiled.tree, 0.003);
    let read = junit_parser::from_reader(xml.as_bytes()).unwrap();
    assert_eq!((read.tests, read.failures, read.errors), (3, 1, 0));
    assert!((read.time - 0.003).abs() < 1e-9);
    let [suite] = read.suites.as_slice() else {
        panic!("{xml}")
    };
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures), ("refunds", 3, 1));
    let classes: BTreeSet<_> = suite.cases.iter().map(|case| case.classname.clone().unwrap()).collect();
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), ["tests/t.yaml: refunds"]);
    let names: BTreeSet<_> = suite.cases.iter().map(|case| case.original_name.clone()).collect();
    assert_eq!(names.len(), 3);
    assert!(names.contains("a]]> <b> & \"c\""), "{names:?}");
    let failure = suite.cases.iter().find_map(|case| match &case.status {
        junit_parser::TestStatus::Failure(failure) => Some(failure),
        _ => None,
    });
    let failure = failure.unwrap();
    assert!(
        failure
            .text
            .contains("decided by `refunds/large` --> policies/refunds.yaml:9:3"),
        "{}",
        failure.text
    );
    assert!(
        failure.text.contains("context.args.amount <= 5000: no"),
        "{}",
        failure.text
    );
    // This reader puts a line break between two sections.
    let whole = failure.text.replace('\n', "");
    assert!(whole.contains("\u{fffd}\\u0007<]]>\""), "{}", failure.text);
    assert!(failure.message.contains("expected deny"), "{}", failure.message);
    insta::assert_snapshot!(xml);
    let nothing = junit(&Report::default(), &compiled.tree, 0.0);
    assert_eq!(junit_parser::from_reader(nothing.as_bytes()).unwrap().tests, 0);
}
