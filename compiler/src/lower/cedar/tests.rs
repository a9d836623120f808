//! What is accepted, what it comes to, and what is said of what is refused.

mod refused;

use polity_runtime::value::Slot;

use super::fixture::vocabulary;
use super::*;
use crate::ast::Text;
use crate::ir::{Answer, Attribute, Constant, Entity, Op, Term, Test};
use crate::source::{FileId, SourceFile, Span};

/// A file that holds the condition plainly at offset 10, and the condition.
fn parsed(condition: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let file = SourceFile {
        path: "x.yaml".into(),
        text: format!("    when: {condition}\n"),
        blob: None,
    };
    let span = Span {
        file: FileId(0),
        start: 10,
        end: 10 + condition.len() as u32,
    };
    parse::read(&Text::new(condition.to_owned(), span), &file).map_err(|finding| vec![*finding])
}

type Lower = fn(&Schema, &Vocabulary, &Parsed, usize) -> Result<Lowered, Vec<Diagnostic>>;

fn lowered_as(condition: &str, index: usize, f: Lower) -> Result<Lowered, Vec<Diagnostic>> {
    let vocabulary = vocabulary();
    let schema = Schema::new(&vocabulary);
    f(&schema, &vocabulary, &parsed(condition)?, index)
}

const REFUND: usize = 0;
const MERGE: usize = 2;

#[track_caller]
fn good(condition: &str, action: usize) -> Condition {
    match lowered_as(condition, action, lower) {
        Ok(lowered) => lowered.condition,
        Err(found) => panic!("`{condition}` is refused: {found:#?}"),
    }
}

/// Expects exactly one finding, of that code, whose span covers that text, and returns it.
#[track_caller]
fn bad(condition: &str, action: usize, code: &str, place: &str) -> Diagnostic {
    let found = match lowered_as(condition, action, lower) {
        Ok(lowered) => panic!("`{condition}` is taken: {lowered:#?}"),
        Err(found) => found,
    };
    assert_eq!(found.len(), 1, "{found:#?}");
    let finding = found.into_iter().next().unwrap();
    assert_eq!(finding.code.id, code, "{finding:#?}");
    let span = finding.primary.as_ref().unwrap().span;
    let spot = &condition[span.start as usize - 10..span.end as usize - 10];
    assert_eq!(spot, place, "{finding:#?}");
    finding
}

fn test(op: Op, left: Term, right: Term) -> Condition {
    Condition::Test(Test { op, left, right })
}

fn string(text: &str) -> Term {
    Term::Constant(Constant::String(text.into()))
}

#[test]
fn arguments_are_slots_and_comparisons_are_tests() {
    // Sorted: amount 0, command 1, currency 2, note 3, price 4.
    let amount = test(Op::LessEqual, Term::Slot(Slot(0)), Term::Constant(Constant::Int(5000)));
    let currency = test(Op::Equal, Term::Slot(Slot(2)), string("EUR"));
    assert_eq!(
        good(
            "context.args.amount <= 5000 && context.args.currency == \"EUR\"",
            REFUND
        ),
        Condition::And(Box::new(amount), Box::new(currency)),
    );
}

#[test]
fn sets_of_entities_are_compared_one_by_one() {
    let bot = good("principal == Deployment::\"payments/refund-bot\"", MERGE);
    let code = good("principal == Deployment::\"payments/claude-code\"", MERGE);
    let either = Condition::Or(Box::new(bot.clone()), Box::new(code));
    let set = |names: &[&str]| {
        let names: Vec<String> = names
            .iter()
            .map(|name| format!("Deployment::\"payments/{name}\""))
            .collect();
        format!("[{}]", names.join(", "))
    };
    let (one, both) = (set(&["refund-bot"]), set(&["refund-bot", "claude-code"]));
    assert_eq!(good(&format!("{both}.contains(principal)"), MERGE), either);
    assert_eq!(good(&format!("{both}.containsAll([principal])"), MERGE), either);
    assert_eq!(good(&format!("{both}.containsAny([principal])"), MERGE), either);
    assert_eq!(
        good(&format!("[principal] == {one}"), MERGE),
        Condition::And(Box::new(bot.clone()), Box::new(bot))
    );
    let yes = Condition::Constant(Answer::Yes);
    assert_eq!(good(&format!("{both}.containsAll({one})"), MERGE), yes);
    assert_eq!(good(&format!("{one} != {both}"), MERGE), yes);
    assert_eq!(good(&format!("{both}.containsAny({one})"), MERGE), yes);
    assert_eq!(
        good(&format!("{one}.containsAll({both})"), MERGE),
        Condition::Constant(Answer::No)
    );
}

#[test]
fn what_the_name_of_an_entity_says_can_be_read() {
    let same = |left: &str, attribute: Attribute| test(Op::Equal, string(left), Term::Principal(attribute));
    let bot = "Deployment::\"payments/refund-bot\"";
    assert_eq!(
        good(&format!("{bot}.team == principal.team"), MERGE),
        same("payments", Attribute::Team)
    );
    assert_eq!(
        good(&format!("{bot}.agent == principal.agent"), MERGE),
        same("refund-bot", Attribute::Agent)
    );
    let name = test(Op::Equal, string("repo:a/b"), Term::ResourceName);
    assert_eq!(good("Resource::\"repo:a/b\".name == resource.name", MERGE), name);
    let ring = format!("{bot}.ring");
    bad(&format!("{ring} < 2"), MERGE, "unsupported-condition", &ring);
}

#[test]
fn constants_take_on_the_form_of_what_they_meet() {
    let right = |condition: &str| match good(condition, MERGE) {
        Condition::Test(Test { right, .. }) => right,
        other => panic!("{other:?}"),
    };
    assert_eq!(right("context.args.owner == \"ACME\""), string("acme"));
    assert_eq!(right("context.args.file == \"/srv/../etc/\""), string("/etc"));
    assert_eq!(
        right("context.args.host == \"B\u{fc}cher.Example.\""),
        string("xn--bcher-kva.example")
    );
    assert_eq!(
        right("context.args.link.host == \"ACME.example\""),
        string("acme.example")
    );
    assert_eq!(right("context.args.repo == \"ACME\""), string("ACME"));
    let hosts = Condition::Test(Test {
        op: Op::ContainsAll,
        left: Term::Constant(Constant::Set(vec![Constant::String("acme.example".into())])),
        right: match shape_slot("to_hosts") {
            Some(slot) => Term::Slot(slot),
            None => panic!(),
        },
    });
    assert_eq!(
        good(
            "[\"Acme.Example\", \"acme.example.\"].containsAll(context.args.to_hosts)",
            MERGE
        ),
        hosts
    );
}

fn shape_slot(name: &str) -> Option<Slot> {
    vocabulary().shapes[1]
        .parameters
        .iter()
        .find(|p| p.name == name)
        .map(|p| p.slot)
}

#[test]
fn like_ignores_case_where_the_argument_does() {
    use crate::ir::PatternPart::{Any, Literal};
    let right = |condition: &str| match good(condition, MERGE) {
        Condition::Test(Test { right, .. }) => right,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        right("context.args.owner like \"A*\""),
        Term::Pattern(vec![Literal('a'), Any])
    );
    assert_eq!(
        right("context.args.repo like \"A\\*\""),
        Term::Pattern(vec![Literal('A'), Literal('*')])
    );
    bad(
        "context.args.file like \"/srv/../*\"",
        MERGE,
        "invalid-constant",
        "context.args.file like \"/srv/../*\"",
    );
}

#[test]
fn what_is_asked_of_the_action_is_settled() {
    assert_eq!(
        good("action in Action::\"github\"", MERGE),
        Condition::Constant(Answer::Yes)
    );
    assert_eq!(
        good("action in [Action::\"read\", Action::\"billing\"]", MERGE),
        Condition::Constant(Answer::No)
    );
    assert_eq!(
        good("action in Action::\"github.review\"", 3),
        Condition::Constant(Answer::Yes)
    );
    assert_eq!(
        good("action == Action::\"github.review\"", 3),
        Condition::Constant(Answer::No)
    );
    // What only one action has may be read behind a test of the action, or of the argument.
    assert_eq!(
        good("action == Action::\"billing.refund\" && context.args.amount > 3", MERGE),
        Condition::Constant(Answer::No)
    );
    assert_eq!(
        good("context.args has amount && context.args.amount > 3", MERGE),
        Condition::Constant(Answer::No)
    );
}

#[test]
fn a_required_argument_may_still_be_missing_at_run_time() {
    // Cedar's typed tree drops the right side of each of these: declared types say that it is never looked at.
    let has = test(Op::Has, Term::Slot(Slot(0)), Term::Nothing);
    let currency = test(Op::Equal, Term::Slot(Slot(2)), string("EUR"));
    assert_eq!(
        good("context.args has amount || context.args.currency == \"EUR\"", REFUND),
        Condition::Or(Box::new(has.clone()), Box::new(currency.clone())),
    );
    assert_eq!(
        good("!(context.args has amount) && context.args.currency == \"EUR\"", REFUND),
        Condition::And(
            Box::new(Condition::Not(Box::new(has.clone()))),
            Box::new(currency.clone())
        ),
    );
    assert_eq!(
        good(
            "if context.args has amount then false else context.args.currency == \"EUR\"",
            REFUND
        ),
        Condition::If(
            Box::new(has),
            Box::new(Condition::Constant(Answer::No)),
            Box::new(currency)
        ),
    );
    // And what is written there is checked, although Cedar does not look.
    bad(
        "context.args has amount || context.args.curency == \"EUR\"",
        REFUND,
        "unknown-argument",
        "curency",
    );
}

#[test]
fn entities_are_left_to_the_table() {
    let principal = |entity| test(Op::PrincipalIn, Term::Nothing, Term::Entity(entity));
    assert_eq!(
        good("principal in Team::\"payments\"", MERGE),
        principal(Entity::Team("payments".into()))
    );
    assert_eq!(
        good("principal == Deployment::\"payments/claude-code\"", MERGE),
        principal(Entity::Deployment("payments/claude-code".into())),
    );
    assert_eq!(good("principal is Deployment", MERGE), Condition::Constant(Answer::Yes));
    assert_eq!(
        good("principal == Agent::\"claude-code\"", MERGE),
        Condition::Constant(Answer::No)
    );
    assert_eq!(
        good("resource in Environment::\"production\"", REFUND),
        test(
            Op::ResourceIn,
            Term::Nothing,
            Term::Entity(Entity::Environment("production".into()))
        ),
    );
    assert_eq!(
        good("resource == Resource::\"repo:acme/pay\"", MERGE),
        test(Op::Equal, Term::ResourceName, string("repo:acme/pay")),
    );
    let tier = || Term::Principal(Attribute::Tag("tier".into()));
    assert_eq!(
        good("principal.tags has tier && principal.tags.tier == \"critical\"", MERGE),
        Condition::And(
            Box::new(test(Op::Has, tier(), Term::Nothing)),
            Box::new(test(Op::Equal, tier(), string("critical"))),
        ),
    );
}

#[test]
fn an_if_among_terms_is_lifted_around_the_test() {
    let over = |limit| test(Op::Less, Term::Slot(Slot(0)), Term::Constant(Constant::Int(limit)));
    let currency = test(Op::Equal, Term::Slot(Slot(2)), string("EUR"));
    assert_eq!(
        good(
            "context.args.amount < (if context.args.currency == \"EUR\" then 5 else 6)",
            REFUND
        ),
        Condition::If(Box::new(currency), Box::new(over(5)), Box::new(over(6))),
    );
    let lifted: Vec<String> = (0..12)
        .map(|i| format!("(if context.args.amount == {i} then 1 else 2)"))
        .collect();
    bad(
        &format!("[{}].contains(3)", lifted.join(", ")),
        REFUND,
        "condition-too-large",
        &format!("[{}].contains(3)", lifted.join(", ")),
    );
}

#[test]
fn extension_constants_are_read_as_cedar_reads_them() {
    let right = |condition: &str| match good(condition, REFUND) {
        Condition::Test(Test {
            right: Term::Constant(right),
            ..
        }) => right,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        right("context.args.price == decimal(\"-0.5\")"),
        Constant::Decimal(-5000)
    );
    assert_eq!(
        right("context.now == datetime(\"1970-01-02T00:00:00+0100\")"),
        Constant::DateTime(82_800_000)
    );
    assert_eq!(
        right("context.now.toTime() == duration(\"-1d1ms\")"),
        Constant::Duration(-86_400_001)
    );
    bad(
        "context.args.price == decimal(\"1.23456\")",
        REFUND,
        "invalid-constant",
        "\"1.23456\"",
    );
    bad(
        "context.now < datetime(\"2026-02-30\")",
        REFUND,
        "invalid-constant",
        "\"2026-02-30\"",
    );
    bad(
        "context.args.from.isInRange(ip(\"10.0.0.0/33\"))",
        MERGE,
        "invalid-constant",
        "\"10.0.0.0/33\"",
    );
}

const PIECES: &[&str] = &[
    "context",
    ".args",
    ".amount",
    ".position",
    ".line",
    " has ",
    " like ",
    " in ",
    " is ",
    " && ",
    " || ",
    "!",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "a: ",
    " == ",
    " < ",
    " + ",
    "-",
    "1",
    "\"a\"",
    "\"*",
    "\\",
    "true",
    "principal",
    "action",
    "resource",
    "Team::\"payments\"",
    "Action::\"",
    "\"",
    "ip(\"::1\")",
    "if ",
    " then ",
    " else ",
    ".contains(",
    ".isEmpty()",
    ".tags",
    ".now",
    ".toDate()",
    "?principal",
    "@",
    "//",
    "\n",
    "\u{e9}",
    "datetime(",
    ".link",
    ".host",
    "Foo::Bar::\"x\"",
];

#[test]
fn conditions_are_lowered_in_parallel() {
    fn shared<T: Send + Sync>() {}
    shared::<Schema>();
    shared::<Parsed>();
}
