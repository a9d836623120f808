//! One cause is told once: mistakes that authors make, and all that is said of each.

use polity::compile::compile;
use polity::diag::{Severity, Sink};
use polity::source::SourceTree;
use polity_tests::compare::COMPILED_AT;

const BASE: &str = include_str!("../cases/templates/base.yaml");

/// Every error, as `code: message`.
fn told(base: &str, more: &str) -> Vec<String> {
    let production = "{kind: Environment, name: production, rank: 2}\n";
    let files = [
        ("polity.yaml", base),
        ("environments/production.yaml", production),
        ("policies/more.yaml", more),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
    let found = compiled.findings.diagnostics().iter();
    let errors = found.filter(|found| found.severity == Severity::Error);
    errors
        .map(|found| format!("{}: {}", found.code.id, found.message))
        .collect()
}

/// What is said to do about the first error.
fn helped(more: &str) -> String {
    let files = [("polity.yaml", BASE), ("policies/more.yaml", more)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
    let mut found = compiled.findings.diagnostics().iter();
    let syntax = found.find(|found| found.code.id == "condition-syntax").unwrap();
    syntax.help.iter().map(|help| help.text.clone()).collect()
}

fn rule(action: &str, when: &str) -> String {
    format!("kind: Policy\nname: p\nrules:\n  r: {{effect: deny, actions: [{action}], when: '{when}'}}\n")
}

#[test]
fn an_owner_who_is_misspelt_is_not_also_too_few() {
    let gate = "kind: Use\nname: u\ntemplate: external-mutation-needs-a-person\n";
    assert_eq!(told(BASE, gate), Vec::<String>::new());
    let base = BASE.replace("owners: [alice, bob]", "owners: [alicia]");
    assert_eq!(
        told(&base, gate),
        ["unknown-person: no person or group is called `alicia`"]
    );
}

#[test]
fn an_argument_that_is_misspelt_is_told_where_it_stands_first() {
    let asked = rule(
        "billing.refund",
        "context.args has amuont && context.args.amuont > 5 && context.args.amuont < 9",
    );
    assert_eq!(
        told(BASE, &asked),
        ["unknown-argument: no action has an argument `amuont`"]
    );
    let read = rule("billing.refund", "context.args.amuont > 5 && context.args.amuont < 9");
    assert_eq!(
        told(BASE, &read),
        ["unknown-argument: the action has no argument `amuont`"]
    );
}

#[test]
fn what_is_guarded_is_not_called_unguarded_beside_another_error() {
    let base = BASE.replace(
        "amount: {type: int, optional: true}",
        "amount: {type: decimal, optional: true}",
    );
    assert_ne!(base, BASE);
    let guarded = rule(
        "billing.refund",
        "context.args has amount && context.args.amount > 5 && context.args.amount < 9",
    );
    let decimals = "condition-type: decimals are compared with methods, not with operators";
    assert_eq!(told(&base, &guarded), [decimals, decimals]);
    let bare = rule("billing.refund", "context.args.amount > 5");
    let unguarded = "unguarded-optional: `amount` is optional, and read without asking whether it is there";
    assert_eq!(told(BASE, &bare), [unguarded]);
}

#[test]
fn a_parameter_that_is_misspelt_is_not_also_missing() {
    let filled = "kind: Use\nname: u\ntemplate: no-exfiltration\nwith: {clases: [customer-data]}\n";
    let unknown = "unknown-template-parameter: template `no-exfiltration` has no parameter `clases`";
    assert_eq!(told(BASE, filled), [unknown]);
    let bare = "kind: Use\nname: u\ntemplate: no-exfiltration\nwith: {name: x}\n";
    assert_eq!(
        told(BASE, bare),
        ["missing-template-parameter: template `no-exfiltration` needs `classes`"]
    );
}

#[test]
fn what_is_wrong_on_several_lines_of_a_built_in_template_is_told_once() {
    let filled = "kind: Use\nname: u\ntemplate: customer-support\nwith: {name: x, team: payments, owner: alice, \
        kill_contact: security, environments: [production], tools: [billing], classes: [customer-data], \
        payment: billing.refund, amount: cents, alone: 1, most: 2, approvers: [security]}\n";
    let told = told(BASE, filled);
    let [one] = told.as_slice() else { panic!("{told:?}") };
    let start = "unknown-argument: no action has an argument `cents` (lines ";
    assert!(
        one.starts_with(start) && one.ends_with(" of the built-in template `customer-support`)"),
        "{one}"
    );
}

#[test]
fn words_of_other_languages_are_told_in_cedars() {
    for (when, help) in [
        ("context.args has amount and true", "`&&`"),
        ("true or false", "`||`"),
        ("context.args.amount != null", "`context.args has x`"),
        ("args.amount > 5", "`context.args.x`"),
        ("context.args.payment.startsWith(\"pi_\")", "`like`"),
    ] {
        let said = helped(&rule("billing.refund", when));
        assert!(said.contains(help), "{when}: {said}");
    }
}
