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

/// A commit on top of the trunk whose bytes are what `make` makes of a good one's, its headers before the message.
fn by_hand(world: &mut World, make: impl Fn(&str) -> String) {
    let bytes = world.unsigned(&[world.main], "by hand", "frank");
    let (headers, message) = bytes.split_once("\n\n").unwrap();
    let bytes = format!("{}\n\n{message}", make(headers));
    let signature = sign("frank", COMMIT, bytes.as_bytes()).trim_end().replace('\n', "\n ");
    let (headers, message) = bytes.split_once("\n\n").unwrap();
    let signed = format!("{headers}\ngpgsig {signature}\n\n{message}");
    world.head = world.write_commit(&signed);
}

/// What becomes of a line of a commit's header.
fn line(headers: &str, name: &str, make: impl Fn(&str) -> String) -> String {
    let lines = headers.lines().map(|line| match line.starts_with(name) {
        true => make(line),
        false => line.to_owned(),
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

type Make = Box<dyn Fn(&str) -> String>;

#[test]
fn whoever_a_trunk_commit_says_wrote_it_may_be_any_text() {
    let twice = |line: &str| format!("{line}\n{line}");
    let odd: Vec<(&str, Make)> = vec![
        ("no author", Box::new(|all| line(all, "author ", |_| String::new()))),
        (
            "no committer",
            Box::new(|all| line(all, "committer ", |_| String::new())),
        ),
        ("two authors", Box::new(move |all| line(all, "author ", twice))),
        ("two committers", Box::new(move |all| line(all, "committer ", twice))),
        (
            "a bare author",
            Box::new(|all| line(all, "author ", |_| "author ".to_owned())),
        ),
        (
            "brackets",
            Box::new(|all| line(all, "author ", |_| "author >a< <b<c>> 1 2 3".to_owned())),
        ),
        ("no name of a header", Box::new(|all| format!("{all}\nx"))),
        ("an empty header", Box::new(|all| format!("{all}\n "))),
        (
            "a carriage return",
            Box::new(|all| line(all, "author ", |line| format!("{line}\r"))),
        ),
        (
            "a tree at the end",
            Box::new(|all| format!("{all}\n{}", all.lines().next().unwrap())),
        ),
        (
            "a parent at the end",
            Box::new(|all| format!("{all}\nparent {}", "1".repeat(40))),
        ),
    ];
    let changed = |make: &Make, approvers: &[&str]| {
        let mut world = World::new();
        world.write(REFUNDS, refunds(200)).commit("frank").approve(approvers);
        by_hand(&mut world, make);
        world.forward();
        world
    };
    for (what, make) in &odd {
        // Nobody's word is taken for it, and nobody is kept from giving theirs.
        let refused = changed(make, &[])
            .verify()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!refused.holds(), "{what}");
        let trail = changed(make, &["carol"]).verify().unwrap();
        assert!(trail.holds(), "{what}");
        assert_eq!(trail.steps[0].authors.people, ["frank".to_owned()].into(), "{what}");
    }
    // A NUL in the header or in the message: what git shows of it is not what was signed.
    let nul: [Make; 2] = [
        Box::new(|all| line(all, "author ", |line| line.replace("frank", "fr\0ank"))),
        Box::new(|all| format!("{all}\n\nshown\0hidden\n")),
    ];
    for make in &nul {
        changed(make, &["carol"]).refused("missing 1");
        changed(make, &["carol", "dave"]).holds();
    }
}

/// What nobody can tell the tree or the parents of, git included, and what is said of it.
fn unreadable() -> Vec<(&'static str, Make)> {
    let first = |all: &str| all.lines().next().unwrap().to_owned();
    vec![
        (
            "it names no tree",
            Box::new(|all| line(all, "tree ", |_| String::new())),
        ),
        ("it names no tree", Box::new(|_| String::new())),
        (
            "it names no tree",
            Box::new(move |all| format!("{}\n{}", all.lines().nth(1).unwrap(), first(all))),
        ),
        (
            "one of its headers names no object",
            Box::new(|all| line(all, "tree ", |line| format!("{line} "))),
        ),
        (
            "one of its headers names no object",
            Box::new(|all| line(all, "tree ", |line| format!("{line}\r"))),
        ),
        (
            "one of its headers names no object",
            Box::new(|all| line(all, "tree ", |line| line[..20].to_owned())),
        ),
        (
            "one of its headers names no object",
            Box::new(|all| line(all, "tree ", |_| format!("tree {}", "1".repeat(64)))),
        ),
        (
            "one of its headers names no object",
            Box::new(|all| line(all, "parent ", |_| "parent of all".to_owned())),
        ),
        (
            "one of its headers names no object",
            Box::new(|all| line(all, "parent ", |line| line.replace("parent ", "parent  "))),
        ),
        // Between the tree and its parents nothing may stand: this one has none, and a trunk without a beginning.
        (
            "is not on the first-parent chain",
            Box::new(|all| line(all, "tree ", |line| format!("{line}\n{line}"))),
        ),
        (
            "is not on the first-parent chain",
            Box::new(|all| line(all, "parent ", |line| format!("x\n{line}"))),
        ),
    ]
}

#[test]
fn a_trunk_commit_that_is_malformed_itself_is_taken_off_and_nothing_is_lost() {
    for (said, make) in unreadable() {
        let mut world = World::new();
        world.approved_step(200);
        let trunk = world.main;
        by_hand(&mut world, make);
        let bad = world.head;
        world.forward();
        world.refused(said);
        // What is put on top of it hides nothing.
        world.commit("frank").forward();
        world.refused(said);
        // Off the trunk it may lie about, as a branch or as what a merge brings along.
        let any = gix::refs::transaction::PreviousValue::Any;
        world.repository.reference("refs/heads/evil", bad, any, "test").unwrap();
        world.set_main(trunk);
        world.head = trunk;
        world.holds();
        world.approved_step(300).holds();
    }
}

#[test]
fn a_malformed_trunk_is_told_by_every_command_with_what_to_do() {
    let mut world = World::new();
    world.approved_step(200);
    let trunk = world.main;
    let (said, make) = unreadable().remove(0);
    by_hand(&mut world, make);
    world.forward();
    let mut bench = Bench::new(world);
    let carol = bench.secret("carol");
    let (reference, branch) = (bench.world.main, trunk);
    for command in [
        "log repo".to_owned(),
        "log repo --trust keys/trust.json".to_owned(),
        format!("check repo --rev {branch} --base {reference}"),
        format!("approve {reference}..{branch} --path repo --key {carol} --yes"),
    ] {
        bench
            .polity(&command)
            .exits(2)
            .says(said)
            .says("take the commit that has it off the branch");
    }
    bench.build("a.polity", "").exits(2).says(said);
    // Its twin: taken off.
    bench.world.set_main(trunk);
    bench.build("a.polity", "").exits(0);
    bench.polity("log repo --trust keys/trust.json").exits(0);
}
