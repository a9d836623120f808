//! What is accepted, what it comes to, and what is said of what is refused.

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

#[test]
fn every_slip_has_its_message() {
    let said = bad("context.args.amuont > 5", REFUND, "unknown-argument", "amuont");
    assert_eq!(said.message, "the action has no argument `amuont`");
    assert_eq!(said.help[0].text, "did you mean `amount`?");
    assert_eq!(said.help[0].replacement.as_ref().unwrap().1, "amount");
    bad("context.args has amuont", REFUND, "unknown-argument", "amuont");
    let said = bad("context.amount > 5", REFUND, "unknown-attribute", "amount");
    assert_eq!(
        said.help[0].text,
        "arguments are in `context.args`: write `context.args.amount`"
    );
    bad("principal.tems == \"x\"", REFUND, "unknown-attribute", "tems");
    bad("principal.tags has teir", REFUND, "unknown-attribute", "teir");
    let said = bad(
        "context.args.note == \"x\"",
        REFUND,
        "unguarded-optional",
        "context.args.note",
    );
    assert_eq!(said.help[0].text, "write `context.args has note && ...` before it");
    let said = bad(
        "context.args.amount == \"5\"",
        REFUND,
        "condition-type",
        "context.args.amount == \"5\"",
    );
    assert_eq!(said.message, "this compares a number with a string");
    bad(
        "context.args.amount like \"5*\"",
        REFUND,
        "condition-type",
        "context.args.amount",
    );
    bad(
        "context.args.currency < 5",
        REFUND,
        "condition-type",
        "context.args.currency",
    );
    bad(
        "context.args.price < decimal(\"1.0\")",
        REFUND,
        "condition-type",
        "context.args.price",
    );
    bad(
        "context.args.owner == context.args.repo",
        MERGE,
        "condition-type",
        "context.args.owner == context.args.repo",
    );
    let said = bad(
        "principal in Team::\"paymets\"",
        REFUND,
        "unknown-entity",
        "Team::\"paymets\"",
    );
    assert_eq!(said.help[0].replacement.as_ref().unwrap().1, "Team::\"payments\"");
    bad(
        "action == Action::\"github.merge\"",
        REFUND,
        "unknown-entity",
        "Action::\"github.merge\"",
    );
    bad(
        "principal is Deploymnt",
        REFUND,
        "unknown-entity",
        "principal is Deploymnt",
    );
    bad(
        "context.session.holding.contains(\"customer-dta\")",
        REFUND,
        "unknown-entity",
        "\"customer-dta\"",
    );
    bad("principal.team == \"paymnts\"", REFUND, "unknown-entity", "\"paymnts\"");
    bad(
        "context.args has method && context.args.method == \"sqash\"",
        MERGE,
        "not-in-enum",
        "\"sqash\"",
    );
    bad("resource.name == \"x\"", REFUND, "no-resource", "resource.name");
    bad(
        "context.args has blob && context.args.blob == context.args.blob",
        MERGE,
        "unsupported-condition",
        "context.args.blob",
    );
    bad(
        "principal.hasTag(\"tier\")",
        MERGE,
        "unsupported-condition",
        "principal.hasTag(\"tier\")",
    );
    bad("context.args.host == \"a b\"", MERGE, "invalid-constant", "\"a b\"");
    bad("context.args.file == \"../x\"", MERGE, "invalid-constant", "\"../x\"");
    bad("context.args.number", MERGE, "condition-type", "context.args.number");
    bad(
        "context.args.repo.contains(\"x\")",
        MERGE,
        "condition-type",
        "context.args.repo.contains(\"x\")",
    );
    bad(
        "[1, \"a\"].contains(context.args.number)",
        MERGE,
        "condition-type",
        "[1, \"a\"]",
    );
}

#[test]
fn a_set_holds_entities_of_one_type() {
    let set = "[Team::\"payments\", Ring::\"trusted\"]";
    bad(&format!("principal in {set}"), REFUND, "condition-type", set);
    assert!(matches!(
        good("principal in [Team::\"payments\", Team::\"platform\"]", REFUND),
        Condition::Or(..)
    ));
}

#[test]
fn two_slips_are_both_reported() {
    let found = lowered_as("context.args.amuont > 5 && context.args.note == \"x\"", REFUND, lower).unwrap_err();
    let codes: Vec<&str> = found.iter().map(|d| d.code.id).collect();
    // The checker stops at what it cannot type, so the second shows once the first is mended.
    assert_eq!(codes.first(), Some(&"unknown-argument"));
    let found = lowered_as(
        "context.args.amuont > 5 && context.args.curency == \"x\"",
        REFUND,
        lower,
    )
    .unwrap_err();
    assert_eq!(found.len(), 2);
}

#[test]
fn whether_an_opaque_argument_is_there_can_be_asked() {
    let slot = shape_slot("blob").unwrap();
    assert_eq!(
        good("context.args has blob", MERGE),
        test(Op::Has, Term::Slot(slot), Term::Nothing)
    );
}

#[test]
fn like_on_a_command_is_a_lint() {
    let lowered = lowered_as("context.args.command like \"npm test*\"", REFUND, lower).unwrap();
    assert_eq!(lowered.findings.len(), 1);
    assert_eq!(lowered.findings[0].code.id, "like-on-command");
    assert_eq!(lowered.findings[0].severity, Severity::Warning);
}

#[test]
fn the_test_of_a_variant_looks_at_arguments_only() {
    assert!(lowered_as("context.args.draft", 3, lower_variant_test).is_ok());
    for condition in [
        "principal.team == \"payments\"",
        "context.session.calls > 3",
        "context has on_behalf_of",
        "action in Action::\"read\"",
    ] {
        let found = lowered_as(condition, 3, lower_variant_test).unwrap_err();
        assert_eq!(found[0].code.id, "variant-test", "{condition}");
    }
}

#[test]
fn a_condition_cannot_close_its_clause() {
    let found = parsed("true } unless { false").unwrap_err();
    assert_eq!(found[0].code.id, "condition-syntax");
    let span = found[0].primary.as_ref().unwrap().span;
    assert_eq!((span.start, span.end), (15, 16));
    assert_eq!(parsed("context.args.x ==").unwrap_err()[0].code.id, "condition-syntax");
    assert_eq!(parsed("").unwrap_err()[0].code.id, "condition-syntax");
    assert_eq!(
        parsed("a = 'x'").unwrap_err()[0].help[0].text,
        "strings stand in double quotes, not in single ones"
    );
    assert!(parsed("true // } unless { false").is_ok());
}

#[test]
fn hostile_text_is_refused_before_it_is_parsed() {
    let hostile = [
        "(".repeat(10_000),
        "!".repeat(10_000),
        "-".repeat(10_000),
        format!("true{}", " && true".repeat(1000)),
        format!("1{} > 0", "+1".repeat(5000)),
        format!("context{}", ".a".repeat(5000)),
        format!("context{}", "[\"a\"]".repeat(2000)),
        format!("{}true", "if true then true else ".repeat(600)),
        "[".repeat(100) + &"]".repeat(100),
        format!("\"{}\" == \"\"", "a".repeat(MAX_TEXT)),
        format!("true{}", " in true".repeat(1000)),
    ];
    for text in hostile {
        let found = parsed(&text).expect_err(&text[..40.min(text.len())]);
        assert_eq!(found[0].code.id, "condition-too-large", "{}", &text[..40]);
    }
}

#[test]
fn what_is_within_the_bounds_needs_no_more_than_a_small_stack() {
    let nested = |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    let within = [
        format!("true{}", " && context.args.amount == 1".repeat(120)),
        format!("context.args.amount == 1{}", " + 1".repeat(110)),
        nested("(", ")", 20),
        nested("!(", ")", 20),
        nested("(true == ", ")", 20),
        nested("[", "].contains(true)", 20),
        nested("{a: ", "}.a", 20),
        format!("{}true", "if context.args.amount == 1 then true else ".repeat(20)),
        format!("{}true", "context.args.amount == 1 || ".repeat(120)),
    ];
    let run = move || {
        for text in within {
            match lowered_as(&text, REFUND, lower) {
                Ok(_) => {}
                Err(found) => panic!("{text}: {found:#?}"),
            }
        }
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn places_are_exact_where_the_scalar_spells_the_text() {
    let place = |raw: &str, value: &str| {
        let file = SourceFile {
            path: "x.yaml".into(),
            text: format!("when: {raw}"),
            blob: None,
        };
        let span = Span {
            file: FileId(0),
            start: 6,
            end: 6 + raw.len() as u32,
        };
        let located = TextPlace::new(&Text::new(value.to_owned(), span), &file).locate(2..4);
        (located.start, located.end)
    };
    assert_eq!(place("abcdef", "abcdef"), (8, 10));
    assert_eq!(place("'abcdef'", "abcdef"), (9, 11));
    assert_eq!(place("\"abcdef\"", "abcdef"), (9, 11));
    assert_eq!(place("\"ab\\tef\"", "ab\tef"), (9, 12));
    assert_eq!(place("|\n  abcdef\n", "abcdef\n"), (12, 14));
    assert_eq!(place("\"ab\\tef\"", "another text"), (6, 14));
}

#[test]
fn hosts_are_normalised() {
    let host = crate::lower::constants::host;
    assert_eq!(host("A.Example.").as_deref(), Some("a.example"));
    assert_eq!(host("B\u{fc}cher.Example").as_deref(), Some("xn--bcher-kva.example"));
    assert_eq!(host("a/b"), None);
    assert_eq!(super::constants::fold_char('\u{130}'), '\u{130}');
}

#[test]
fn mentions_are_seen() {
    let parsed = parsed("action in Action::\"read\" && resource.name like \"x\"").unwrap();
    assert!(parsed.mentions_action() && parsed.mentions_resource() && !parsed.mentions_principal());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_makes_the_compiler_panic(picks in proptest::collection::vec(0..PIECES.len(), 0..40), action in 0..5_usize) {
        let text: String = picks.into_iter().map(|pick| PIECES[pick]).collect();
        let taken = lowered_as(&text, action, lower);
        // What is refused says why.
        if let Err(found) = taken {
            assert!(found.iter().any(|d| d.severity == Severity::Error), "{text}: {found:?}");
        }
    }
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
