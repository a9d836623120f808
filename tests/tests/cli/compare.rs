//! `polity diff`: what is compared with what, what is read, and what the exit code says.

use crate::harness::Place;

/// Refunds up to 9,000 at once, where it was 5,000.
fn raise(place: &Place) {
    let path = "acme/teams/payments/refunds.yaml";
    let policy = String::from_utf8(place.read(path)).unwrap();
    let raised = policy
        .replace("context.args.amount <= 5000'", "context.args.amount <= 9000'")
        .replace("context.args.amount > 5000'", "context.args.amount > 9000'");
    assert_ne!(raised, policy);
    place.write(path, raised);
}

#[test]
fn a_change_is_told_with_a_call_and_widening_fails_where_it_is_asked_to() {
    let place = Place::with_example();
    // By night a refund asks finance whichever grant it has, and the two have other limits: that is a change of its own.
    std::fs::remove_file(place.at("acme/teams/payments/policies/office-hours.cedar")).unwrap();
    place.write("acme/teams/payments/tests.yaml", "# none\n");
    place.commit();
    let nothing = place.polity("diff --path acme").exits(0);
    assert_eq!(
        (nothing.out.as_str(), nothing.err.contains("answered as before")),
        ("", true)
    );
    raise(&place);
    let told = place.polity("diff --path acme").exits(0);
    assert!(
        told.out
            .contains("payments/refund-bot in production: stripe.create_refund"),
        "{}",
        told.out
    );
    assert!(told.out.contains("amount > 5000"), "{}", told.out);
    place.polity("diff --path acme --fail-on widened").exits(1);
    let json = place.polity("diff --path acme --format json").exits(0).json();
    assert_eq!(json["version"], 1);
    assert_eq!(json["summary"]["widened"], true);
    let witness = &json["changes"][0]["witness"];
    assert!(witness["args"]["amount"].as_i64().unwrap() > 5000, "{witness}");
    let comment = place.polity("diff HEAD --path acme --format markdown").exits(0);
    assert!(comment.out.starts_with("<!-- polity-diff -->\n"), "{}", comment.out);
    // Committed, it lies between two revisions, and turned round it is a narrowing.
    place.git("acme", &["commit", "-aqm", "two"]);
    assert_eq!(place.polity("diff HEAD~1..HEAD --path acme").exits(0).out, told.out);
    place.polity("diff HEAD..HEAD~1 --path acme --fail-on widened").exits(0);
    place
        .polity("diff HEAD..HEAD~1 --path acme --fail-on widened,narrowed")
        .exits(1);
    place.polity("diff HEAD..HEAD --path acme --fail-on any").exits(0);
}

#[test]
fn a_comment_is_no_change_and_a_side_that_does_not_compile_is_shown() {
    let place = Place::with_example();
    place.commit();
    let path = "acme/policies/clusters.yaml";
    let policy = String::from_utf8(place.read(path)).unwrap();
    place.write(path, format!("# another comment\n{policy}"));
    place.polity("diff --path acme --fail-on any").exits(0);
    place.write("acme/broken.yaml", "kind: Group\nname: x\nmembers: [nobody]\n");
    let broken = place.polity("diff --path acme").exits(1);
    assert!(broken.err.contains("the work tree does not compile"), "{}", broken.err);
    place.polity("diff nowhere --path acme").exits(2);
    place.polity("diff a.polity --path acme").exits(2);
}

#[test]
fn two_bundles_are_compared_under_a_trust_root() {
    let place = Place::with_example();
    place.build().exits(0);
    std::fs::rename(place.at("acme.polity"), place.at("old.polity")).unwrap();
    raise(&place);
    // They expect what is changed here.
    place.write("acme/teams/payments/tests.yaml", "# none\n");
    place.build().exits(0);
    place.polity("diff old.polity acme.polity").exits(2);
    let told = place.polity("diff old.polity acme.polity --trust keys/trust.json --fail-on widened");
    assert!(told.exits(1).out.contains("amount > 5000"));
}

/// Whoever reads two bundles learns what became of limits, lifetimes and people too, though no answer is another.
#[test]
fn what_bundles_oblige_to_is_compared() {
    let place = Place::with_example();
    place.build().exits(0);
    std::fs::rename(place.at("acme.polity"), place.at("old.polity")).unwrap();
    let same = place.polity("diff old.polity old.polity --trust keys/trust.json --fail-on any");
    assert!(same.exits(0).err.contains("are in no bundle"));
    let path = "acme/teams/payments/refunds.yaml";
    let policy = String::from_utf8(place.read(path)).unwrap();
    assert!(policy.contains("limit: 20/h"), "{policy}");
    place.write(path, policy.replace("limit: 20/h", "limit: 200/h"));
    place.build().exits(0);
    let diff = |sides: &str, more: &str| place.polity(&format!("diff {sides} --trust keys/trust.json {more}"));
    let told = diff("old.polity acme.polity", "--fail-on widened --format json").exits(1);
    assert!(told.out.contains("limit: 20 in 1h -> 200 in 1h"), "{}", told.out);
    assert!(
        told.out.contains("\"widened\": true") && told.out.contains("not_compared"),
        "{}",
        told.out
    );
    diff("acme.polity old.polity", "--fail-on widened").exits(0);
    diff("acme.polity old.polity", "--fail-on narrowed --format markdown").exits(1);
}

#[test]
fn an_invariant_that_does_not_hold_stops_check_and_build() {
    let place = Place::with_example();
    let path = "acme/invariants/invariants.yaml";
    let invariants = String::from_utf8(place.read(path)).unwrap();
    let more = "---\nkind: Invariant\nname: no-refunds-over-forty\nnever: {outcome: [allow], actions: [stripe.create_refund], when: 'context.args has amount && context.args.amount > 4000'}\n";
    place.write(path, format!("{invariants}{more}"));
    let checked = place.polity("check acme").exits(1);
    assert!(checked.out.contains("invariant-violated"), "{}", checked.out);
    assert!(checked.out.contains("refunds/small"), "{}", checked.out);
    place.build().exits(1);
}
