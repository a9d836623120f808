//! Numbers, moments, numbers of elements and what is calculated of them: whether the search can tell what they can be.

use super::*;

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
        // It never errs, and is never both.
        (
            "",
            "context.now.durationSince(datetime(\"2026-10-14\")) < duration(\"53d\") && !(principal in Agent::\"bot\")",
            false,
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
