//! Changes of a small organisation as a person, a merge request and a script read them.

use super::{json, markdown, text};
use crate::compile::{Ask, Memo, compile_with};
use crate::diag::Sink;
use crate::diff::{Changes, diff};
use crate::source::SourceTree;

const ORGANISATION: &str = concat!(
    include_str!("../../../../tests/cases/organisation.yaml"),
    r#"kind: Tool
name: billing
actions:
  refund: {effect: write, external: true, reversible: false, params: {amount: int, currency: string}}
  read: {effect: read}
---
kind: Agent
name: refund-bot
owner: carol
kill_contact: carol
---
kind: Agent
name: helper
owner: carol
kill_contact: carol
"#
);

fn table(rest: &str) -> polity_runtime::table::Table {
    let deployment = |agent: &str| {
        format!(
            "kind: Deployment\nagent: {agent}\nteam: payments\nenvironments: {{production: {{ring: standard, tools: [billing], enforced_by: gateway}}}}\n"
        )
    };
    let files = vec![
        ("polity.yaml".to_owned(), ORGANISATION.to_owned()),
        (
            "deployments.yaml".to_owned(),
            format!("{}---\n{}", deployment("refund-bot"), deployment("helper")),
        ),
        ("policies.yaml".to_owned(), rest.to_owned()),
    ];
    let compiled = compile_with(
        &SourceTree::from_files(files),
        &Memo::default(),
        Ask::Nothing,
        Sink::default(),
    );
    compiled
        .table
        .unwrap_or_else(|| panic!("{:#?}", compiled.findings.diagnostics()))
}

fn compared(before: &str, after: &str) -> Changes {
    diff(&table(before), &table(after)).unwrap()
}

const BEFORE: &str = "\
kind: Policy
name: refunds
for: {environments: [production]}
rules:
  small: {effect: allow, actions: [billing.refund], when: context.args.amount <= 5000}
  read: {effect: allow, actions: [billing.read]}
  dollars:
    effect: require_approval
    actions: [billing.refund]
    when: context.args.currency == \"USD\"
    approval: {require: [{from: [carol], count: 1}], separation: false}
";

#[test]
fn an_amount_that_was_raised_reads_as_a_person_would_say_it() {
    let after = BEFORE
        .replace("5000", "9000")
        .replace("  read: {effect: allow, actions: [billing.read]}\n", "");
    let changes = compared(BEFORE, &after);
    insta::assert_snapshot!("text", text::changes(&changes, text::SCREEN, false));
    insta::assert_snapshot!("markdown", markdown::changes(&changes));
    insta::assert_snapshot!("json", json::changes(&changes));
}

#[test]
fn a_comment_and_another_order_are_no_change() {
    let after = "# another order\n".to_owned()
        + &BEFORE.replace("  read: {effect: allow, actions: [billing.read]}\n", "")
        + "  read: {effect: allow, actions: [billing.read]}\n";
    assert!(compared(BEFORE, &after).is_empty());
    assert_eq!(text::changes(&compared(BEFORE, &after), 8, false), "");
}

#[test]
fn what_could_be_widened_elsewhere_is_not_hidden_by_what_is_narrowed() {
    // At most 5000 before; between 3000 and 9000 after: a narrowing and a widening of one cell.
    let after = BEFORE.replace("amount <= 5000", "amount > 3000 && context.args.amount <= 9000");
    let kinds: Vec<_> = compared(BEFORE, &after)
        .changes
        .iter()
        .map(|change| change.kind.as_str())
        .collect();
    assert!(kinds.contains(&"widened") && kinds.contains(&"narrowed"), "{kinds:?}");
}

#[test]
fn text_of_the_repository_ends_no_markup() {
    let after = BEFORE.replace("\"USD\"", "\"U`S`<!-- @all -->D\"");
    let comment = markdown::changes(&compared(BEFORE, &after));
    assert!(comment.starts_with(markdown::MARKER));
    // Only ever within code, whose fence is longer than any run of backticks in it.
    for line in comment.lines().filter(|line| line.contains("@all")) {
        assert!(line.contains("``"), "{line}");
    }
}

#[test]
fn one_edit_that_touches_many_rules_alike_fits_a_few_lines() {
    use crate::facts::{Direction, Fact, Kind, Subject};
    let fact = |at: usize| Fact {
        subject: Subject {
            document: "Policy",
            name: "refunds".to_owned(),
            rule: Some(format!("refunds/r{at}")),
            ..Subject::default()
        },
        kind: Kind::Limit,
        what: "limit",
        before: Some("1 in 1h".to_owned()),
        after: Some(format!("{at} in 1h")),
        direction: Direction::Widened,
    };
    let of = |many: usize| Changes {
        facts: (10..10 + many).map(fact).collect(),
        ..Changes::default()
    };
    assert_eq!(
        text::changes(&of(12), text::SCREEN, false),
        "widened beside the rules\n  rule refunds/r10: limit: 1 in 1h -> 10 in 1h\n  rule refunds/r11: limit: 1 in 1h -> 11 in 1h\n  likewise limit: refunds/r12, refunds/r13, refunds/r14 and 7 other rules (10 more)\n\n12 widened\n"
    );
    assert_eq!(text::changes(&of(12), usize::MAX, false).lines().count(), 15);
    assert_eq!(text::changes(&of(3), text::SCREEN, false).lines().count(), 6);
}

#[test]
fn every_rule_and_every_case_of_a_cell_is_told() {
    let before = "kind: Policy\nname: p\nfor: {environments: [production]}\nrules: {a: {effect: allow, actions: [billing.read]}}\n";
    let after = "\
kind: Policy
name: p
for: {environments: [production]}
rules:
  a: {effect: allow, actions: [billing.read]}
  either: {effect: allow, actions: [billing.refund], when: context.args.amount < 10 || context.args.amount > 100}
  euros: {effect: allow, actions: [billing.refund], when: context.args.currency == \"EUR\"}
";
    let changes = compared(before, after);
    insta::assert_snapshot!("cases", text::changes(&changes, text::SCREEN, false));
    insta::assert_snapshot!("cases-markdown", markdown::changes(&changes));
    assert!(changes.changes.iter().all(|change| change.certain && !change.more));
}

#[test]
fn what_a_kill_hides_is_told_as_what_comes_once_it_ends() {
    let kill = "---\nkind: Kill\nname: stop\nagents: [payments/refund-bot]\nreason: an incident\n";
    let raised = BEFORE.replace("5000", "9000");
    let [before, after] = [BEFORE, raised.as_str()].map(|policy| format!("{policy}{kill}"));
    let changes = compared(&before, &after);
    let told = text::changes(&changes, text::SCREEN, false);
    // The helper is not killed: what it may do changes now.
    insta::assert_snapshot!("after-kills", told);
    let hidden =
        |change: &crate::diff::Change| change.agents().into_iter().collect::<Vec<_>>() == ["payments/refund-bot"];
    assert!(!changes.after_kills.is_empty() && changes.after_kills.iter().all(hidden));
    assert!(
        changes
            .changes
            .iter()
            .all(|change| !change.agents().contains("payments/refund-bot"))
    );
    assert!(markdown::changes(&changes).contains("Widened, once a kill ends"));
    assert!(json::changes(&changes).contains("\"after_kills\""));
    // A kill that comes or goes hides nothing else.
    assert!(compared(BEFORE, &before).after_kills.is_empty());
    assert!(compared(&before, BEFORE).after_kills.is_empty());
    // All is hidden, and yet it is widened.
    let everything = "---\nkind: Kill\nname: stop\neverything: true\nreason: an incident\n";
    let [before, after] = [BEFORE, raised.as_str()].map(|policy| format!("{policy}{everything}"));
    let changes = compared(&before, &after);
    assert!(changes.changes.is_empty() && changes.is_widened() && !changes.is_empty());
}
