//! Merges that bring more, or less, than either side had.

use gix::ObjectId;

use crate::world::{APPROVAL, REFUNDS, World, refunds, sign};

const DENY: &str = "kind: Policy\nname: stop\nrules:\n  all:\n    effect: deny\n    actions: [billing.refund]\n    agents: [payments/bot]\n";
const STOP: &str = "teams/payments/stop.yaml";

/// Merges by hand: whatever the files are now, signed by one person.
fn by_hand(world: &mut World, parents: &[ObjectId], signer: &str) {
    let id = world.object(parents, "Merge", signer, signer);
    world.head = id;
    world.set_main(id);
}

#[test]
fn a_merge_that_adds_what_neither_side_had_is_a_change() {
    let make = |evil: bool| {
        let mut world = World::new();
        world.write("README.md", "More.\n").commit("frank");
        let (main, branch) = (world.main, world.head);
        if evil {
            world.write(REFUNDS, refunds(10_000));
        }
        by_hand(&mut world, &[main, branch], "carol");
        world
    };
    make(true).refused("changes Policy `refunds`");
    make(false).holds();
}

/// The trunk takes a deny, approved, while a branch that began before it is open.
fn revoked_beside_a_branch() -> (World, ObjectId) {
    let mut world = World::new();
    world.write("README.md", "More.\n").commit("frank");
    let branch = world.head;
    world.head = world.main;
    world
        .write("README.md", "About.\n")
        .write(STOP, DENY)
        .commit("frank")
        .approve(&["carol"])
        .merge();
    (world, branch)
}

#[test]
fn a_merge_that_drops_what_the_trunk_revoked_is_a_change() {
    // `-s ours` on the branch, then merged the wrong way round in content: the deny is gone.
    let (mut world, branch) = revoked_beside_a_branch();
    let main = world.main;
    world.remove(STOP).write("README.md", "More.\n");
    by_hand(&mut world, &[main, branch], "carol");
    world.refused("removes Policy `stop`");
    let (mut world, branch) = revoked_beside_a_branch();
    let main = world.main;
    world.write("README.md", "More.\n");
    by_hand(&mut world, &[main, branch], "carol");
    world.holds();
}

#[test]
fn a_stale_second_parent_brings_nothing_back_unseen() {
    // The tree is the branch's own: against its last parent the merge shows no difference at all.
    let (mut world, branch) = revoked_beside_a_branch();
    let main = world.main;
    world
        .files
        .retain(|path, _| path != STOP && !path.starts_with(".polity/"));
    world.write("README.md", "More.\n");
    assert_eq!(world.tree(), world.history().commit(branch).unwrap().tree);
    by_hand(&mut world, &[main, branch], "gitlab");
    world.refused("removes Policy `stop`");
}

/// Both sides changed the same line; the merge settles it.
fn conflict(settled: u32, signer: &str, approvers: &[&str]) -> World {
    let mut world = World::new();
    world.write(REFUNDS, refunds(150)).commit("frank").approve(&["dave"]);
    let (branch, evidence) = (world.head, world.files.clone());
    world.files.retain(|path, _| !path.starts_with(".polity/"));
    world.head = world.main;
    world
        .write(REFUNDS, refunds(120))
        .commit("frank")
        .approve(&["dave"])
        .merge();
    world
        .files
        .extend(evidence.into_iter().filter(|(path, _)| path.starts_with(".polity/")));
    let main = world.main;
    world.write(REFUNDS, refunds(settled));
    // A merge commit on the branch settles it, and what that comes to is approved before it reaches the trunk.
    world.head = world.object(&[branch, main], "Settle", signer, signer);
    match approvers {
        [] => world.merge(),
        approvers => world.approve(approvers).merge(),
    };
    world
}

#[test]
fn settling_a_conflict_is_writing() {
    conflict(150, "frank", &["carol"]).holds();
    conflict(9_000, "frank", &[]).refused("it was given for other content");
    conflict(150, "frank", &[]).refused("it was given for other content");
    conflict(150, "carol", &["carol"]).refused("carol wrote part of the change");
    conflict(150, "carol", &["dave"]).holds();
}

#[test]
fn whoever_only_pressed_merge_may_approve() {
    // Carol signs a merge that is mechanical: she wrote nothing.
    let mut world = World::new();
    world
        .write(REFUNDS, refunds(200))
        .commit("frank")
        .approve(&["carol"])
        .merge_by("carol", "Merge");
    world.holds();
    // The same with one word more is hers.
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank").approve(&["carol"]);
    world.write("NOTES.md", "x").merge_by("carol", "Merge");
    world.refused("carol wrote part of the change");
}

/// Two branches that keep merging each other, and whoever merges them is asked about the change.
#[test]
fn whoever_merges_branches_that_cross_wrote_nothing_either() {
    for (written, holds) in [("", true), ("And more.\n", false)] {
        let mut world = World::with(&[("one.md", "0"), ("two.md", "0")]);
        world.write(REFUNDS, refunds(200)).commit("frank");
        let mut sides = [world.head; 2];
        for round in ["1", "2", "3"] {
            let before = world.files.clone();
            let mut edited = sides;
            for (side, file) in edited.iter_mut().zip(["one.md", "two.md"]) {
                world.files = before.clone();
                world.write(file, round);
                *side = world.object(&[*side], "a change", "frank", "frank");
            }
            world.files = before;
            let add = if round == "3" { written } else { "" };
            world.write("one.md", round).write("two.md", format!("{round}{add}"));
            let mut merge = |parents: [ObjectId; 2]| world.object(&parents, "Merge", "carol", "carol");
            sides = [merge([edited[0], edited[1]]), merge([edited[1], edited[0]])];
        }
        // The last merge finds two bases, and they have two.
        world.head = world.object(&sides, "Merge", "carol", "carol");
        world.approve(&["carol"]).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("carol wrote part of the change"),
        }
    }
}

/// Both sides changed the same file, at its two ends. What comes of it depends on nothing that lies in this clone.
#[test]
fn a_merge_is_mechanical_in_every_clone() {
    let lines = |first: &str, last: &str| {
        let middle: String = (2..20).map(|line| format!("{line}\n")).collect();
        format!("{first}\n{middle}{last}\n")
    };
    for (merged, holds) in [(lines("one", "twenty"), true), (lines("one", "Twenty"), false)] {
        let mut world = World::with(&[("notes.md", &lines("1", "20"))]);
        world
            .write(REFUNDS, refunds(200))
            .write("notes.md", lines("1", "twenty"));
        world.commit("frank");
        // She was asked about the policy, and speaks of nothing else.
        let mut statement = world.statement("carol");
        statement.documents.retain(|id, _| id.path == REFUNDS);
        world.add_evidence(&statement, Some(sign("carol", APPROVAL, &statement.to_bytes())));
        world.commit("");
        let (branch, files) = (world.head, world.files.clone());
        world.head = world.main;
        world.files.retain(|path, _| !path.starts_with(".polity/"));
        world.write(REFUNDS, refunds(100)).write("notes.md", lines("one", "20"));
        world.commit("frank").merge();
        world.files = files;
        world.write("notes.md", merged);
        world.head = branch;
        world.merge_by("carol", "Merge");
        for index in [None, Some("nonsense")] {
            if let Some(index) = index {
                std::fs::write(world.path().join(".git/index"), index).unwrap();
            }
            match holds {
                true => drop(world.holds()),
                false => world.refused("carol wrote part of the change"),
            }
        }
    }
}

#[test]
fn an_octopus_is_judged_by_its_tree() {
    let make = |most: u32, approvers: &[&str]| {
        let mut world = World::new();
        world.write("README.md", "One.\n").commit("frank");
        let one = world.head;
        world.head = world.main;
        world
            .write("README.md", "About.\n")
            .write("NOTES.md", "Two.\n")
            .commit("frank");
        let two = world.head;
        world.write("README.md", "One.\n").write(REFUNDS, refunds(most));
        if !approvers.is_empty() {
            world.commit("frank").approve(approvers);
        }
        let main = world.main;
        by_hand(&mut world, &[main, one, two], "frank");
        world
    };
    make(100, &[]).holds();
    make(200, &[]).refused("`payments`");
    make(200, &["carol"]).holds();
}

#[test]
fn a_second_root_is_judged_by_its_tree() {
    let make = |most: u32| {
        let mut world = World::new();
        let other = world.object(&[], "another beginning", "frank", "frank");
        let main = world.main;
        world.write(REFUNDS, refunds(most));
        by_hand(&mut world, &[main, other], "frank");
        world
    };
    make(100).holds();
    make(200).refused("`payments`");
}
