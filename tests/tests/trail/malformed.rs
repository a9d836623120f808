//! What somebody pushed that git would not write: it is not attested, no reader falls over it, and a later step that
//! takes it away again is judged like any other.

use gix::ObjectId;
use gix::objs::{Kind, Write as _};

use crate::bench::Bench;
use crate::world::{APPROVAL, COMMIT, MAIN, REFUNDS, World, refunds, sign, with_signature};

/// Adds entries to a tree as they are, whatever git thinks of them.
pub fn with_entries(world: &World, tree: ObjectId, more: &[(&str, &[u8], ObjectId)]) -> ObjectId {
    let tree = world.repository.find_tree(tree).unwrap();
    let mut bytes = tree.data.clone();
    for (mode, name, id) in more {
        bytes.extend([mode.as_bytes(), b" ", name, b"\0", id.as_slice()].concat());
    }
    world.repository.objects.write_buf(Kind::Tree, &bytes).unwrap()
}

/// A commit of a tree on the branch, signed by frank.
fn commit_tree(world: &mut World, tree: ObjectId) {
    let bytes = world.unsigned(&[world.head], "by hand", "frank");
    let rest = bytes.split_once('\n').unwrap().1;
    let bytes = format!("tree {tree}\n{rest}");
    let bytes = with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes()));
    world.head = world.write_commit(&bytes);
}

fn blob(world: &World, text: &str) -> ObjectId {
    world.repository.write_blob(text).unwrap().detach()
}

/// A folder that holds itself many times over.
fn endless(world: &World) -> ObjectId {
    let empty = world.repository.empty_tree().id;
    let mut tree = with_entries(world, empty, &[("100644", b"leaf", blob(world, "x\n"))]);
    for _ in 0..12 {
        let names: Vec<String> = (0..10).map(|name| format!("{name}")).collect();
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), tree)).collect();
        tree = with_entries(world, empty, &entries);
    }
    tree
}

/// Trees that nobody can read, or not all alike, and what is said of them.
fn trees(world: &World) -> Vec<(&'static str, ObjectId)> {
    let tree = world.tree();
    let empty = world.repository.empty_tree().id;
    let leaf = blob(world, "kind: Nonsense\n");
    let twice = with_entries(world, empty, &[("100644", b"a", leaf), ("100755", b"a", leaf)]);
    let cut = world
        .repository
        .objects
        .write_buf(Kind::Tree, b"100644 a\0abc")
        .unwrap();
    let with = |name: &[u8], mode: &str, id: ObjectId| with_entries(world, tree, &[(mode, name, id)]);
    vec![
        ("two of its entries have one name", with(b"README.md", "100644", leaf)),
        ("two of its entries have one name", with(b".zz", "40000", twice)),
        ("two of its entries have one name", with(b"zz", "40000", twice)),
        (
            "the name of one of its entries is a path",
            with(b"teams/payments/x.yaml", "100644", leaf),
        ),
        ("the name of one of its entries is a path", with(b"..", "100644", leaf)),
        ("the name of one of its entries is a path", with(b"", "100644", leaf)),
        ("it is no blob", with(b"zz.yaml", "100644", empty)),
        ("it is no tree", with(b"zz", "40000", leaf)),
        ("it is no tree", with(b".zz", "40000", leaf)),
        ("is malformed", with(b".zz", "40000", cut)),
        ("is malformed", cut),
        ("it is no tree", leaf),
        (
            "files and folders differ from the tree before",
            with(b".zz", "40000", endless(world)),
        ),
    ]
}

#[test]
fn a_tree_that_nobody_can_read_is_not_attested_and_is_no_end_of_the_trunk() {
    let count = trees(&World::new()).len();
    for at in 0..count {
        let mut world = World::new();
        world.approved_step(200);
        let (said, tree) = trees(&world)[at];
        commit_tree(&mut world, tree);
        world.forward();
        world.refused(said);
        world.refused("does not compile");
        // Nothing is lost: what was there before is there again.
        world.commit("frank").forward();
        assert_eq!(
            world.holds().steps.last().map(|step| step.after - step.before),
            Some(2),
            "{said}"
        );
        // And the trunk goes on.
        world.approved_step(300).holds();
    }
}

#[test]
fn what_takes_a_malformed_tree_away_and_changes_something_needs_an_approval() {
    for (approvers, holds) in [(&[][..], false), (&["carol"], true)] {
        let mut world = World::new();
        let (_, tree) = trees(&world)[0];
        commit_tree(&mut world, tree);
        world.forward();
        world.write(REFUNDS, refunds(200)).commit("frank");
        for person in approvers {
            // The trunk ends in what cannot be read, so the approval speaks from the commit before.
            let statement = world.statement(person);
            assert_eq!(statement.base, world.introductory.to_string());
            world.add_evidence(&statement, Some(sign(person, APPROVAL, &statement.to_bytes())));
        }
        world.commit("").merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("missing 1"),
        }
    }
}

#[test]
fn evidence_that_cannot_be_read_counts_for_nothing_and_hinders_nobody() {
    for name in [&b"approvals"[..], b"other"] {
        let mut world = World::new();
        world.approved_step(200);
        let leaf = blob(&world, "x");
        let sub = |path: &str| {
            let found = world.git(&["rev-parse", &format!("{MAIN}^{{tree}}:{path}")]);
            ObjectId::from_hex(found.as_bytes()).unwrap()
        };
        let polity = with_entries(
            &world,
            sub(".polity"),
            &[("100644", name, leaf), ("100644", name, leaf)],
        );
        let tree = {
            let mut editor = world.repository.edit_tree(world.tree()).unwrap();
            editor
                .upsert(".polity", gix::objs::tree::EntryKind::Tree, polity)
                .unwrap();
            editor.write().unwrap().detach()
        };
        commit_tree(&mut world, tree);
        world.forward();
        world.refused("two of its entries have one name");
        world.commit("frank").forward();
        world.holds();
    }
}

#[test]
fn a_second_parent_that_is_no_commit_is_an_author_whom_nobody_knows() {
    let objects = |world: &World| {
        let write = |kind, bytes: &[u8]| world.repository.objects.write_buf(kind, bytes).unwrap();
        vec![
            write(Kind::Commit, b"nonsense"),
            write(Kind::Blob, b"a blob"),
            world.tree(),
            write(
                Kind::Tag,
                format!(
                    "object {}\ntype commit\ntag x\ntagger t <t@t> 1 +0000\n\nx\n",
                    world.main
                )
                .as_bytes(),
            ),
        ]
    };
    for at in 0..4 {
        for (approvers, holds) in [(&["carol"][..], false), (&["carol", "dave"], true)] {
            let mut world = World::new();
            world.write(REFUNDS, refunds(200)).commit("frank").approve(approvers);
            let odd = objects(&world)[at];
            let parents = [world.main, world.head, odd];
            world.head = world.object(&parents, "Merge", "frank", "frank");
            world.forward();
            match holds {
                true => drop(world.holds()),
                false => world.refused("cannot be read"),
            }
        }
    }
}

#[test]
fn a_branch_that_was_malformed_on_its_way_does_not_keep_the_trunk_from_being_judged() {
    let mut world = World::new();
    let (_, tree) = trees(&world)[1];
    world.write(REFUNDS, refunds(200)).commit("frank");
    commit_tree(&mut world, tree);
    world.commit("frank").approve(&["carol"]).merge();
    world.holds();
}

#[test]
fn an_unreadable_trunk_is_mended_with_the_commands() {
    let mut world = World::new();
    world.approved_step(200);
    let (_, tree) = trees(&world)[2];
    commit_tree(&mut world, tree);
    world.forward();
    let mut bench = Bench::new(world);
    bench
        .build("a.polity", "")
        .exits(1)
        .says("two of its entries have one name")
        .says("does not compile");
    bench.polity("log repo").exits(0).says("approved by carol");
    bench
        .polity("log repo --trust keys/trust.json")
        .exits(1)
        .says("does not compile");
    bench.world.write(REFUNDS, refunds(300)).commit("frank");
    bench.check_out();
    let carol = bench.secret("carol");
    bench
        .polity("check repo --base main")
        .exits(1)
        .says("these could approve it: carol, dave");
    bench
        .polity(&format!("approve --path repo --key {carol} --yes"))
        .exits(0);
    bench.polity("check repo --base main").exits(0);
    bench.world.git(&["update-ref", MAIN, "work"]);
    bench.build("a.polity", "").exits(0);
    bench.polity("log repo --trust keys/trust.json").exits(0);
    bench
        .polity("log repo --agent payments/bot --environment production")
        .exits(0)
        .says("approved by carol");
}

#[test]
fn a_trunk_whose_policies_do_not_compile_is_mended_with_the_commands() {
    let mut world = World::new();
    world.write(REFUNDS, "kind: Nonsense\n").commit("frank").merge();
    let mut bench = Bench::new(world);
    bench.build("a.polity", "").exits(1).says("does not compile");
    bench.world.write(REFUNDS, refunds(200)).commit("frank");
    bench.check_out();
    let dave = bench.secret("dave");
    bench.polity("check repo --base main").exits(1).says("not approved yet");
    bench
        .polity(&format!("approve --path repo --key {dave} --yes"))
        .exits(0);
    bench.polity("check repo --base main").exits(0);
    bench.world.git(&["checkout", "-q", "main"]);
    bench.world.git(&["merge", "-q", "--no-ff", "-m", "merge", "work"]);
    bench.build("a.polity", "").exits(0);
}
