//! Names of files that look like others, or like none.

use gix::ObjectId;
use gix::objs::tree::EntryKind;

use crate::malformed::with_entries;
use crate::world::{APPROVAL, COMMIT, RULES, World, sign, with_signature};

#[test]
fn what_some_system_takes_for_a_dot_file_is_one() {
    for path in [
        ".github/workflows/sign.sh",
        "\u{200c}.github/workflows/sign.sh",
        ".\u{200c}github/workflows/sign.sh",
        "\u{ff0e}github/workflows/sign.sh",
        "\u{2024}gitlab-ci",
        "docs/ .hidden/run.sh",
        "\u{feff}.gitattributes",
        ".mailmap",
        ".gitmodules",
    ] {
        let mut world = World::new();
        world.write(path, "run: evil\n").commit("frank").merge();
        world.refused("the organisation's owners");
        let mut world = World::new();
        world
            .write(path, "run: evil\n")
            .commit("frank")
            .approve(&["alice"])
            .merge();
        world.holds();
    }
    let mut world = World::new();
    world
        .write("docs/a.b.md", "x")
        .write("docs/a\u{2026}md", "y")
        .commit("frank")
        .merge();
    world.holds();
}

#[test]
fn a_rule_about_a_path_is_about_every_way_to_write_it() {
    let rule = "kind: ApprovalRule\nname: pipeline\nwhen: {paths: [\"ci/**\"]}\nrequire: [{from: [erin], count: 1}]\n";
    for path in ["ci/run.sh", "CI/run.sh", "c\u{200b}i/run.sh", "\u{ff43}\u{ff49}/run.sh"] {
        for (approvers, holds) in [(&[][..], false), (&["erin"], true)] {
            let mut world = World::with(&[(RULES, rule)]);
            world.write(path, "evil").commit("frank");
            if !approvers.is_empty() {
                world.approve(approvers);
            }
            world.merge();
            match holds {
                true => drop(world.holds()),
                false => world.refused("`pipeline`"),
            }
        }
    }
}

/// One name has a byte that is no text, and is shown escaped; the other is the very text that is shown.
#[test]
fn two_names_are_never_one_document() {
    let name = |bytes: &[u8]| [b"run-", bytes].concat();
    for (with_second, holds) in [(false, true), (true, false)] {
        let mut world = World::new();
        let blob = |world: &World, text: &str| world.repository.write_blob(text).unwrap().detach();
        let root = world.tree();
        let harmless = blob(&world, "harmless\n");
        let evil = blob(&world, "evil\n");
        let empty = world.repository.empty_tree().id;
        let folder = |world: &World, entries: &[(&str, &[u8], ObjectId)]| {
            let ci = with_entries(world, empty, entries);
            let mut editor = world.repository.edit_tree(root).unwrap();
            editor.upsert(".ci", EntryKind::Tree, ci).unwrap();
            editor.write().unwrap().detach()
        };
        let (one, two) = (name(b"\\xff"), name(b"\xff"));
        let commit = |world: &mut World, tree: ObjectId| {
            let bytes = world.unsigned(&[world.head], "by hand", "frank");
            let bytes = format!("tree {tree}\n{}", bytes.split_once('\n').unwrap().1);
            let bytes = with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes()));
            world.head = world.write_commit(&bytes);
        };
        let tree = folder(&world, &[("100644", &one, harmless)]);
        commit(&mut world, tree);
        let statement = world.statement("alice");
        if with_second {
            let tree = folder(&world, &[("100644", &one, harmless), ("100644", &two, evil)]);
            commit(&mut world, tree);
        }
        // The evidence goes into the tree as it is.
        let stem = format!(".polity/approvals/{}", statement.digest());
        let signature = sign("alice", APPROVAL, &statement.to_bytes());
        let tree = {
            let tree = world.history().commit(world.head).unwrap().tree;
            let (json, sig) = (
                world.repository.write_blob(statement.to_bytes()).unwrap().detach(),
                blob(&world, &signature),
            );
            let mut editor = world.repository.edit_tree(tree).unwrap();
            editor.upsert(format!("{stem}.json"), EntryKind::Blob, json).unwrap();
            editor.upsert(format!("{stem}.sig"), EntryKind::Blob, sig).unwrap();
            editor.write().unwrap().detach()
        };
        // All of it is one step.
        world.head = world.main;
        commit(&mut world, tree);
        world.forward();
        match holds {
            true => drop(world.holds()),
            false => world.refused("it does not list `File - .ci/run-"),
        }
    }
}
