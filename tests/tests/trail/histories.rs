//! Histories that were rewritten, cut short or forged.

use std::fs;
use std::process::Command;

use polity::source::ReadError;
use polity::trail::error::TrailError;
use polity::trail::history::History;
use polity::trail::verify::{Checkpoint, Trusted};

use crate::world::{MAIN, REFUNDS, World, refunds};

/// Two approved steps.
fn two_steps() -> World {
    let mut world = World::new();
    world.approved_step(200);
    world.approved_step(300);
    world
}

fn read_error(world: &World) -> ReadError {
    match world.verify() {
        Err(TrailError::Read(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(trail) => panic!("the trail was read, and holds: {}", trail.holds()),
    }
}

#[test]
fn a_rewound_trunk_does_not_have_what_was_verified() {
    let mut world = two_steps();
    let made = world.made(world.main);
    let trusted = Trusted {
        checkpoint: Some(Checkpoint {
            commit: world.main,
            made: &made,
        }),
        ..world.trusted()
    };
    assert!(world.verify_with(trusted).unwrap().holds());
    let back = world.history().commit(world.main).unwrap().parents[0];
    world.set_main(back);
    let error = world.verify_with(trusted).unwrap_err();
    assert!(error.to_string().contains("the checkpoint"), "{error}");
    assert!(
        error.to_string().contains("is not on the first-parent chain"),
        "{error}"
    );
    // Without the checkpoint it is a history like any other: rollback is for whoever loads the bundle to refuse.
    world.holds();
}

#[test]
fn the_tip_of_another_branch_is_not_the_trunk() {
    let mut world = two_steps();
    world.write("README.md", "Other.\n").commit("frank");
    let tip = world.head;
    let (history, _) = History::open(world.path(), &tip.to_string()).unwrap();
    assert_ne!(history.tip(MAIN).unwrap(), tip);
    assert!(!history.chain(history.tip(MAIN).unwrap()).unwrap().contains(&tip));
    assert!(history.tip("refs/heads/nowhere").is_err());
}

#[test]
fn a_foxtrot_merge_is_named() {
    let mut world = World::new();
    world.write("README.md", "Branch.\n").commit("frank");
    let branch = world.head;
    world.head = world.main;
    world.write("README.md", "About.\n");
    world.approved_step(200);
    let made = world.made(world.main);
    let trusted = Trusted {
        checkpoint: Some(Checkpoint {
            commit: world.main,
            made: &made,
        }),
        ..world.trusted()
    };
    world.write("README.md", "Branch.\n");
    let parents = [branch, world.main];
    let foxtrot = world.object(&parents, "Merge main", "frank", "frank");
    let trunk = world.object(&[parents[1], parents[0]], "Merge branch", "frank", "frank");
    world.set_main(foxtrot);
    let error = world.verify_with(trusted).unwrap_err();
    assert!(error.to_string().contains("a foxtrot merge"), "{error}");
    // From the beginning it is a history like any other: what it brings was approved.
    world.holds();
    world.set_main(trunk);
    assert!(world.verify_with(trusted).unwrap().holds());
    world.holds();
}

#[test]
fn a_history_without_the_introductory_commit_is_another_one() {
    let mut world = two_steps();
    let introductory = world.introductory;
    world.introductory = world.object(&[], "another beginning", "mallory", "mallory");
    world.refused("the introductory commit");
    world.introductory = introductory;
    world.holds();
}

#[test]
fn the_beginning_must_compile_and_be_ours() {
    let world = two_steps();
    let trusted = Trusted {
        organization: "evil",
        ..world.trusted()
    };
    let error = world.verify_with(trusted).unwrap_err();
    assert!(error.to_string().contains("is of the organisation `acme`"), "{error}");
    let world = World::with(&[("broken.yaml", "kind: Nonsense\n")]);
    world.refused("does not compile");
}

#[test]
fn a_replaced_object_is_refused_by_its_name() {
    let mut world = two_steps();
    let real = world.main;
    let evil = world
        .write(REFUNDS, refunds(9_999))
        .object(&[real], "evil", "frank", "frank");
    world.git(&["replace", &real.to_string(), &evil.to_string()]);
    assert_eq!(
        world.git(&["show", "-s", "--format=%s", MAIN]),
        "evil",
        "git itself is taken in"
    );
    let error = read_error(&world).to_string();
    assert!(error.contains(&format!("git replace -d {real}")), "{error}");
    world.git(&["replace", "-d", &real.to_string()]);
    let trail = world.holds();
    assert_eq!(trail.trunk.last(), Some(&real));
}

#[test]
fn grafts_and_shallow_clones_are_refused() {
    let world = two_steps();
    let grafts = world.path().join(".git/info/grafts");
    fs::create_dir_all(grafts.parent().unwrap()).unwrap();
    fs::write(&grafts, format!("{} {}\n", world.main, world.introductory)).unwrap();
    assert!(matches!(read_error(&world), ReadError::Grafted { .. }));
    fs::remove_file(&grafts).unwrap();
    world.holds();
    fs::write(world.path().join(".git/shallow"), format!("{}\n", world.main)).unwrap();
    let error = read_error(&world);
    assert!(error.to_string().contains("git fetch --unshallow"), "{error}");
    fs::remove_file(world.path().join(".git/shallow")).unwrap();
    world.holds();
}

#[test]
fn a_forged_commit_graph_has_no_say() {
    let world = two_steps();
    world.git(&["commit-graph", "write", "--reachable"]);
    let graph = world.path().join(".git/objects/info/commit-graph");
    let mut bytes = fs::read(&graph).unwrap();
    // Every commit is given the parent "none": position 0x70000000 in both words of the commit data.
    let count = usize::try_from(world.git(&["rev-list", "--all", "--count"]).parse::<u32>().unwrap()).unwrap();
    let chunk = |name: &[u8; 4]| {
        let at = bytes.windows(4).position(|window| window == name).unwrap();
        let offset: [u8; 8] = bytes[at + 4..at + 12].try_into().unwrap();
        usize::try_from(u64::from_be_bytes(offset)).unwrap()
    };
    let data = chunk(b"CDAT");
    for commit in 0..count {
        let at = data + commit * 36 + 20;
        bytes[at..at + 4].copy_from_slice(&0x7000_0000_u32.to_be_bytes());
        bytes[at + 4..at + 8].copy_from_slice(&0x7000_0000_u32.to_be_bytes());
    }
    let mut permissions = fs::metadata(&graph).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&graph, permissions).unwrap();
    fs::write(&graph, bytes).unwrap();
    assert_eq!(
        world.git(&["-c", "core.commitGraph=true", "rev-list", "--count", MAIN]),
        "1",
        "git itself is taken in"
    );
    assert_eq!(world.holds().trunk.len(), 3);
}

#[test]
fn a_swapped_object_is_noticed() {
    let world = two_steps();
    world.holds();
    let swap = |id: &str, with: &str| {
        let path = |id: &str| world.path().join(format!(".git/objects/{}/{}", &id[..2], &id[2..]));
        let bytes = fs::read(path(with)).unwrap();
        fs::remove_file(path(id)).unwrap();
        fs::write(path(id), bytes).unwrap();
    };
    let blob = world.git(&["rev-parse", &format!("{MAIN}:{REFUNDS}")]);
    let other = world.git(&["rev-parse", &format!("{}:{REFUNDS}", world.introductory)]);
    swap(&blob, &other);
    let error = read_error(&world);
    assert!(error.to_string().contains("missing or not what its id says"), "{error}");
}

#[test]
fn a_missing_object_is_an_error_and_not_the_end() {
    let world = two_steps();
    let parent = world.git(&["rev-parse", &format!("{MAIN}^2")]);
    fs::remove_file(
        world
            .path()
            .join(format!(".git/objects/{}/{}", &parent[..2], &parent[2..])),
    )
    .unwrap();
    assert!(matches!(read_error(&world), ReadError::Corrupt { .. }));
}

/// Environment variables that redirect git have no say: this very test, run again with them set.
#[test]
fn the_environment_of_git_is_ignored() {
    if std::env::var_os("GIT_REPLACE_REF_BASE").is_some() {
        let world = two_steps();
        world.holds();
        return;
    }
    let elsewhere = World::new();
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args(["--exact", "histories::the_environment_of_git_is_ignored"])
        .env("GIT_REPLACE_REF_BASE", "refs/heads/")
        .env("GIT_DIR", elsewhere.path().join(".git"))
        .env("GIT_OBJECT_DIRECTORY", elsewhere.path().join(".git/objects"))
        .env("GIT_SHALLOW_FILE", "/dev/null/none")
        .env("GIT_GRAFT_FILE", "/dev/null/none")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.useReplaceRefs")
        .env("GIT_CONFIG_VALUE_0", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// What lies in `.git/polity` is nothing that a verification reads.
#[test]
fn a_poisoned_cache_is_not_read() {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank").merge();
    let cache = world.path().join(".git/polity");
    fs::create_dir_all(&cache).unwrap();
    for name in ["ledger", "verified", "cache"] {
        fs::write(cache.join(name), format!("{} verified\n", world.main)).unwrap();
    }
    world.refused("missing 1");
}

#[test]
fn continuing_from_a_checkpoint_comes_to_the_same() {
    let mut world = two_steps();
    let made = world.made(world.main);
    let checkpoint = Checkpoint {
        commit: world.main,
        made: &made,
    };
    world.approved_step(400);
    let from = |world: &World, checkpoint| {
        world
            .verify_with(Trusted {
                checkpoint,
                ..world.trusted()
            })
            .unwrap()
    };
    assert!(from(&world, None).holds());
    let short = from(&world, Some(checkpoint));
    assert!(short.holds());
    assert_eq!(short.steps.len(), 1);
    world.write(REFUNDS, refunds(500)).commit("frank").merge();
    for checkpoint in [None, Some(checkpoint)] {
        assert!(!from(&world, checkpoint).holds());
    }
}

#[test]
fn a_step_that_does_not_compile_is_joined_with_the_next() {
    let mut world = World::new();
    world.write(REFUNDS, "kind: Nonsense\n").commit("frank").forward();
    world.refused("does not compile");
    world.write(REFUNDS, refunds(200)).commit("frank");
    // The approval is of the whole, from the last state that compiled.
    world.main = world.introductory;
    let statement = world.statement("carol");
    let signature = crate::world::sign("carol", crate::world::APPROVAL, &statement.to_bytes());
    world.add_evidence(&statement, Some(signature));
    world.commit("").forward();
    let trail = world.holds();
    assert_eq!((trail.steps[0].before, trail.steps[0].after), (0, 2));
}
