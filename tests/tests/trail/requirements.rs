//! What a step needs: from whom, and why.

use crate::world::{REFUNDS, RULES, World, refunds};

#[test]
fn a_step_that_was_approved_as_its_rule_asks_holds() {
    let mut world = World::new();
    world.approved_step(200);
    let trail = world.holds();
    assert_eq!(trail.steps.len(), 1);
    let answer = &trail.steps[0].answers[0];
    assert_eq!(answer.given[0].person, "carol");
    assert_eq!(answer.given[0].grade.to_string(), "signed");
    assert!(answer.given[0].fingerprint.as_ref().unwrap().starts_with("SHA256:"));
}

#[test]
fn a_step_that_nobody_approved_names_its_rule_and_who_could() {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank").merge();
    world.refused("was not approved as the approval rule `payments` asks");
    world.refused("these could approve it: carol, dave");
}
