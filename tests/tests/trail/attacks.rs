//! Objects, refs and trees that git itself would not write: made by hand, each with a twin that is not.

use std::fs;

use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{Kind, Write as _};
use polity_runtime::wire::Digest;

use crate::world::{APPROVAL, COMMIT, MAIN, REFUNDS, RULES, World, public, refunds, sign, with_signature};

/// A tree with entries put in as they are, whatever git thinks of them.
fn with_entries(world: &World, tree: ObjectId, more: &[(&str, &[u8], ObjectId)]) -> ObjectId {
    let tree = world.repository.find_tree(tree).unwrap();
    let mut bytes = Vec::new();
    for entry in tree.iter() {
        let entry = entry.unwrap();
        if !more.iter().any(|(_, name, _)| *name == entry.filename()) {
            bytes.extend(format!("{:o} ", entry.mode().value()).into_bytes());
            bytes.extend([entry.filename(), &b"\0"[..], entry.object_id().as_slice()].concat());
        }
    }
    for (mode, name, id) in more {
        bytes.extend([mode.as_bytes(), b" ", name, b"\0", id.as_slice()].concat());
    }
    world.repository.objects.write_buf(Kind::Tree, &bytes).unwrap()
}

/// Commits a tree to the branch, signed by frank, and fast-forwards the trunk to it.
fn forward_to(world: &mut World, tree: ObjectId) {
    let bytes = world.unsigned(&[world.head], "by hand", "frank");
    let rest = bytes.split_once('\n').unwrap().1;
    let bytes = format!("tree {tree}\n{rest}");
    let bytes = with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes()));
    world.head = world.write_commit(&bytes);
    world.forward();
}

#[test]
fn evidence_that_is_huge_or_no_file_at_all_counts_for_nothing() {
    let name = format!("{}.json", Digest::of(b"huge"));
    let mut world = World::new();
    world.approved_step(200);
    let huge = world.repository.write_blob(vec![b' '; (4 << 20) + 1]).unwrap().detach();
    let folder = world.repository.empty_tree().id;
    for evil in [huge, folder] {
        let tree = world.tree();
        let sub = |name: &str| {
            let found = world.git(&["rev-parse", &format!("{tree}:{name}")]);
            ObjectId::from_hex(found.as_bytes()).unwrap()
        };
        let approvals = with_entries(&world, sub(".polity/approvals"), &[("100644", name.as_bytes(), evil)]);
        let polity = with_entries(&world, sub(".polity"), &[("40000", b"approvals", approvals)]);
        let tree = with_entries(&world, tree, &[("40000", b".polity", polity)]);
        let trunk = world.main;
        forward_to(&mut world, tree);
        // Nobody has to approve it, and it keeps nobody from approving something else.
        world.holds();
        world.main = trunk;
        world.head = trunk;
    }
}

#[test]
fn a_link_in_place_of_the_approvals_holds_none() {
    for link in [true, false] {
        let mut world = World::new();
        world.write(REFUNDS, refunds(200)).commit("frank").approve(&["carol"]);
        if link {
            world.files.retain(|path, _| !path.starts_with(".polity/"));
            let target = (EntryKind::Link, b"../elsewhere".to_vec());
            world.files.insert(".polity/approvals".to_owned(), target);
            world.commit("frank");
        }
        world.merge();
        match link {
            true => world.refused("adds `.polity/approvals`"),
            false => drop(world.holds()),
        }
    }
}

#[test]
fn a_ref_that_is_called_like_the_trunks_is_not_it() {
    let mut world = World::new();
    world.approved_step(200);
    let trunk = world.main;
    let evil = world.object(&[trunk], "evil", "frank", "frank");
    world.git(&["update-ref", "refs/tags/refs/heads/main", &evil.to_string()]);
    world.git(&["update-ref", "refs/heads/refs/heads/main", &evil.to_string()]);
    assert_eq!(world.history().tip(MAIN).unwrap(), trunk);
    // A clone that has the trunk from its origin only.
    world.git(&["update-ref", "refs/remotes/origin/main", &trunk.to_string()]);
    world.git(&["update-ref", "-d", MAIN]);
    assert_eq!(world.history().tip(MAIN).unwrap(), trunk);
    world.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
    assert!(world.history().tip(MAIN).is_err());
    // What it was called does not matter to git.
    assert_eq!(
        world.git(&["rev-parse", MAIN]),
        evil.to_string(),
        "git itself is taken in"
    );
}

#[test]
fn where_objects_and_refs_are_kept_does_not_matter() {
    let mut world = World::new();
    world.approved_step(200);
    world.git(&["pack-refs", "--all"]);
    world.git(&["repack", "-adq"]);
    world.holds();
    let elsewhere = crate::world::folder();
    let objects = world.path().join(".git/objects");
    let moved = elsewhere.path().join("objects");
    // Across file systems a folder is not renamed, and git copies it as well.
    world.git(&[
        "clone",
        "-q",
        "--bare",
        ".",
        elsewhere.path().join("clone").to_str().unwrap(),
    ]);
    fs::rename(elsewhere.path().join("clone/objects"), &moved).unwrap();
    fs::remove_dir_all(objects.join("pack")).unwrap();
    fs::create_dir_all(objects.join("info")).unwrap();
    fs::write(objects.join("info/alternates"), format!("{}\n", moved.display())).unwrap();
    world.holds();
    // A trunk that is another name for a branch is judged as what it points to.
    world.write(REFUNDS, refunds(300)).commit("frank");
    world.git(&["update-ref", "refs/heads/other", &world.head.to_string()]);
    world.git(&["symbolic-ref", MAIN, "refs/heads/other"]);
    world.refused("`payments`");
}

#[test]
fn a_tag_in_place_of_a_commit_is_followed_as_a_ref_and_refused_as_a_parent() {
    let mut world = World::new();
    world.approved_step(200);
    let trunk = world.main;
    let tag = format!("object {trunk}\ntype commit\ntag main\ntagger t <t@t.example> 1790000000 +0000\n\nx\n");
    let tag = world.repository.objects.write_buf(Kind::Tag, tag.as_bytes()).unwrap();
    fs::write(world.path().join(".git/refs/heads/main"), format!("{tag}\n")).unwrap();
    assert_eq!(world.holds().trunk.last(), Some(&trunk));
    world.set_main(trunk);
    world.head = world.object(&[tag], "on a tag", "frank", "frank");
    world.forward();
    world.refused("it is no commit");
}

#[test]
fn headers_of_a_commit_hide_no_signature() {
    let make = |header: &str, message: &str, signed: bool, approvers: &[&str]| {
        let mut world = World::new();
        world.write(REFUNDS, refunds(200));
        let bytes = world.unsigned(&[world.head], message, "frank");
        let (headers, message) = bytes.split_once("\n\n").unwrap();
        let bytes = format!("{headers}\n{header}\n{message}");
        let bytes = match signed {
            true => with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes())),
            false => bytes,
        };
        world.head = world.write_commit(&bytes);
        world.approve(approvers).merge();
        world
    };
    let signature = sign("frank", COMMIT, b"another").trim_end().replace('\n', "\n ");
    let nested = format!(
        "mergetag object {}\n type commit\n gpgsig {signature}\n",
        "1".repeat(40)
    );
    make("encoding ISO-8859-1\n", "a change", true, &["carol"]).holds();
    make(&nested, "a change", true, &["carol"]).holds();
    make(&nested, "a change", false, &["carol"]).refused("is not signed");
    make(&nested, "a change", false, &["carol", "dave"]).holds();
    make("", "a change\0with more", true, &["carol"]).refused("missing 1");
    make("", "a change\0with more", true, &["carol", "dave"]).holds();
    make("gpgsig-more x\n", "a change", true, &["carol"]).refused("missing 1");
    make("", "a change\r\n\r\nwith more", true, &["carol"]).holds();
}

#[test]
fn a_name_in_a_tree_is_no_path() {
    for name in [&b"teams/payments/more.yaml"[..], b"..", b"."] {
        let mut world = World::new();
        let blob = world.repository.write_blob("kind: Nonsense\n").unwrap().detach();
        let tree = with_entries(&world, world.tree(), &[("100644", name, blob)]);
        forward_to(&mut world, tree);
        world.refused("the name of one of its entries is a path");
    }
    let mut world = World::new();
    let blob = world.repository.write_blob("x\n").unwrap().detach();
    let tree = with_entries(&world, world.tree(), &[("100644", b"zz.md", blob)]);
    forward_to(&mut world, tree);
    world.holds();
}

#[test]
fn a_tree_without_end_is_refused_and_not_walked() {
    let mut world = World::new();
    let mut tree = world.repository.empty_tree().id;
    let leaf = world.repository.write_blob("x\n").unwrap().detach();
    tree = with_entries(&world, tree, &[("100644", b"leaf", leaf)]);
    for _ in 0..12 {
        let names: Vec<String> = (0..10).map(|name| format!("{name}")).collect();
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), tree)).collect();
        tree = with_entries(&world, world.repository.empty_tree().id, &entries);
    }
    let whole = with_entries(&world, world.tree(), &[("40000", b".zz", tree)]);
    forward_to(&mut world, whole);
    world.refused("files and folders differ from the tree before");
}

#[test]
fn keys_that_change_hands_take_their_past_with_them() {
    let (alice, carol) = (public("alice"), public("carol"));
    for (key, holds) in [("carol", false), ("alice", true)] {
        let mut world = World::new();
        let text = world.text("people.yaml");
        let text = text.replace(&alice, "?").replace(&carol, &alice).replace('?', &carol);
        world
            .write("people.yaml", text)
            .commit("frank")
            .approve(&["bob"])
            .merge();
        world.write(REFUNDS, refunds(200)).commit("frank");
        let statement = world.statement("carol");
        world.add_evidence(&statement, Some(sign(key, APPROVAL, &statement.to_bytes())));
        world.commit("").merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("it says that `carol` gave it, and its key"),
        }
    }
}

#[test]
fn a_group_under_an_old_name_is_judged_by_the_old_members() {
    let rule =
        "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [security], count: 1}]\n";
    for (approvers, holds) in [(&["frank", "erin"][..], false), (&["alice"], true)] {
        let mut world = World::with(&[(RULES, rule)]);
        let renamed = "kind: Group\nname: security\nmembers: [frank, erin]\n---\nkind: Group\nname: trusted\nmembers: [alice, bob]";
        world
            .replace(
                "groups.yaml",
                "kind: Group\nname: security\nmembers: [alice, bob]",
                renamed,
            )
            .replace("polity.yaml", "[security]", "[trusted]")
            .write(REFUNDS, refunds(200));
        world.commit("dave").approve(approvers).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("is not among those whom"),
        }
    }
}

#[cfg(unix)]
#[test]
fn a_repository_of_somebody_else_is_not_judged() {
    use std::os::unix::fs::chown;
    let mut world = World::new();
    world.approved_step(200);
    world.holds();
    // Only root may give files away; for everybody else there is nothing to try.
    match chown(world.path().join(".git"), Some(12_345), None) {
        Ok(()) => world.refused("belongs to another user"),
        Err(_) => eprintln!("not tried: only root can make a repository somebody else's"),
    }
}

/// What a committer's clock says decides nothing, and no reader falls over it.
#[test]
fn commits_of_any_time_are_judged_alike() {
    for time in [
        "0 +0000",
        "1 -2400",
        "-1 +0000",
        "4102444800 +0000",
        "9223372036854775807 +9999",
        "99999999999999999999 +0000",
        "tomorrow",
        "",
    ] {
        for (approvers, holds) in [(&["carol"][..], true), (&["erin"], false)] {
            let mut world = World::new();
            world.write(REFUNDS, refunds(200));
            let bytes = world.unsigned(&[world.head], "a change", "frank");
            let now = bytes.split("author frank <frank@acme.example> ").nth(1).unwrap();
            let now = now.lines().next().unwrap().to_owned();
            let bytes = bytes.replace(&now, time);
            let bytes = with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes()));
            world.head = world.write_commit(&bytes);
            // The statement speaks of trees, and the merge that follows has a clock of its own.
            world.approve(approvers).forward();
            match holds {
                true => drop(world.holds()),
                false => world.refused("missing 1"),
            }
            crate::bench::Bench::new(world)
                .polity("log repo")
                .exits(0)
                .says("written by frank");
        }
    }
}
