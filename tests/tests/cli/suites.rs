//! `polity test`: exit codes, what is written where, and that a build asks the tests too.

use crate::harness::Place;

const SUITE: &str = "teams/payments/tests.yaml";

/// The example, with one line of its tests otherwise.
fn with(from: &str, to: &str) -> Place {
    let place = Place::with_example();
    let tests = String::from_utf8(place.read(&format!("acme/{SUITE}"))).unwrap();
    assert!(tests.contains(from), "{tests}");
    place.write(&format!("acme/{SUITE}"), tests.replacen(from, to, 1));
    place
}

#[test]
fn exit_codes_tell_passed_from_failed_from_misuse() {
    let place = Place::with_example();
    let ran = place.polity("test acme").exits(0);
    assert!(ran.out.contains("no test fires") && ran.err.is_empty(), "{}", ran.out);
    place.polity("test acme --coverage-min 0").exits(0);
    let little = place.polity("test acme --coverage-min 100").exits(1);
    assert!(little.err.contains("100 % was asked for"), "{}", little.err);
    place.polity("test acme --coverage-min 101").exits(2);
    place.polity("test nowhere").exits(2);
    // A suite that was renamed must not turn into one that passes.
    let near = place.polity("test acme --suite refund").exits(2);
    assert!(near.err.contains("did you mean `refunds`?"), "{}", near.err);
    place.polity("test acme --filter nothing-of-the-kind").exits(2);
    place.polity("test acme --suite refunds --filter small").exits(0);
    place.write("acme/broken.yaml", "kind: Nonsense\n");
    let broken = place.polity("test acme").exits(1);
    assert!(broken.err.contains("unknown-kind") && broken.out.is_empty());
}

#[test]
fn a_test_that_fails_is_shown_and_nothing_is_built() {
    let place = with(
        "amount: 5001}, expect: require_approval",
        "amount: 5001}, expect: allow",
    );
    let ran = place.polity("test acme").exits(1);
    for said in [
        "failed refunds: large",
        "teams/payments/tests.yaml:7:5",
        "expected  allow by refunds/large",
        "got       require_approval by refunds/large (approval-required)",
        "teams/payments/refunds.yaml:",
        "context.args.amount <= 5000: no",
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    let json = place.polity("test acme --format json").exits(1).json();
    assert_eq!((&json["version"], &json["summary"]["failed"]), (&1.into(), &1.into()));
    let built = place.build().exits(1);
    assert!(built.err.contains("failed refunds: large") && !place.at("acme.polity").exists());
    assert!(
        built.err.contains("\n1 of ") && built.err.contains(" tests failed"),
        "{}",
        built.err
    );
    // What is not asked for does not count.
    place.polity("test acme --filter small").exits(0);
    place.write(
        "acme/kill.yaml",
        "kind: Kill\nname: stop\neverything: true\nreason: an incident\n",
    );
    place.polity("test acme --filter small").exits(0);
}

#[test]
fn junit_goes_to_a_file() {
    let place = with("expect: allow, rule", "expect: deny, rule");
    let ran = place.polity("test acme --format junit --out report.xml").exits(1);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    let xml = String::from_utf8(place.read("report.xml")).unwrap();
    assert!(xml.contains(" failures=\"1\""), "{xml}");
}

#[test]
fn coverage_of_a_branch_is_that_of_the_rules_it_changes() {
    let place = Place::with_example();
    place.commit();
    let rules = |place: &Place, command: &str| -> Vec<String> {
        let json = place.polity(command).exits(0).json();
        let rules = json["coverage"]["rules"].as_array().unwrap().iter();
        rules.map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect()
    };
    let since = "test acme --base HEAD --format json";
    assert!(rules(&place, since).is_empty());
    place.polity("test acme --base HEAD --coverage-min 100").exits(0);
    let policy = "acme/teams/payments/refunds.yaml";
    let written = String::from_utf8(place.read(policy)).unwrap();
    place.write(
        policy,
        format!("# a comment\n{}", written.replace("<= 5000", "<= 4999")),
    );
    assert_eq!(rules(&place, &format!("{since} --filter negative")), ["refunds/small"]);
    place.polity("test acme --base nowhere").exits(2);
    // The other side may be a revision too.
    assert!(rules(&place, &format!("{since} --rev HEAD")).is_empty());
}

#[test]
fn a_recorded_log_passes_at_once() {
    let place = Place::with_example();
    let line = |amount: &str| {
        format!(
            r#"{{"agent":"payments/refund-bot","environment":"production","action":"stripe.create_refund","args":{{"payment_intent":"pi_1","amount":{amount}}},"now":"2026-11-23T09:00:00Z"}}"#
        )
    };
    let log = ["5000", "5001", "\"x\"", "5000"].map(line).join("\n");
    place.write("calls.jsonl", &log);
    let words = ["test", "acme", "--record", "calls.jsonl", "--out", "acme/recorded.yaml"];
    let ran = place.words(&words, &[]).exits(0);
    assert_eq!(ran.err, "3 cases, 1 requests repeated others\n");
    let ran = place.polity("test acme --suite recorded --format json").exits(0);
    assert_eq!(ran.json()["summary"]["passed"], 3);
    place.build().exits(0);
    // To standard output, and with what cannot be a case: that is said, and is not yes.
    place.write("calls.jsonl", format!("{log}\nnonsense\n"));
    let ran = place.polity("test acme --record calls.jsonl --name of-may").exits(1);
    assert!(ran.out.starts_with("kind: Test\nname: of-may\n"), "{}", ran.out);
    assert!(
        ran.err.contains("request 5 is left out: expected an object"),
        "{}",
        ran.err
    );
    place.polity("test acme --record calls.jsonl --suite refunds").exits(2);
    place.polity("test acme --name x").exits(2);
}
