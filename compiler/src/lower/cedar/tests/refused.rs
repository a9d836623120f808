//! What is refused, and what is said of it.

use super::*;

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
