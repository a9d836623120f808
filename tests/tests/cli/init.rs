//! `polity init`: a new organisation checks clean at once, and its README's commands work.

use std::process::Stdio;

use crate::harness::{POLITY, Place, Ran, codes};

const ALICE: &str =
    "alice <alice@acme.example> ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG6ok7KAIwnni/nbtWouzNbY3dtA6h86FxO5RWKjdxl alice";
const BOB: &str =
    "bob <bob@acme.example> ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAvS8eLWnGGyjQ6y4ul8KBxLNBO5m2pD4W1okF1MY4m";

fn init(place: &Place, folder: &str, more: &[&str]) -> Ran {
    let words = [
        "init", folder, "--name", "acme", "--team", "payments", "--agent", "analyst", "--owner", ALICE,
    ];
    place.words(&[&words, more].concat(), &[])
}

/// Nothing above a note.
fn clean(place: &Place, folder: &str) {
    let found = place.polity(&format!("check {folder} --format json")).exits(0).json();
    assert_eq!(
        (&found["summary"]["errors"], &found["summary"]["warnings"]),
        (&0.into(), &0.into()),
        "{found}"
    );
}

#[test]
fn a_new_organisation_checks_clean() {
    let place = Place::new();
    let two = init(&place, "two", &["--owner", BOB]).exits(0);
    assert!(two.out.lines().any(|line| line == "two/polity.yaml"), "{}", two.out);
    assert!(!two.err.contains("note:"), "{}", two.err);
    clean(&place, "two");
    let one = init(&place, "one", &["--environment", "production"]).exits(0);
    assert!(one.err.contains("sole_owner: true"), "{}", one.err);
    clean(&place, "one");
    let later = place.words(
        &[
            "init",
            "later",
            "--name",
            "acme",
            "--team",
            "t",
            "--agent",
            "a",
            "--owner",
            "bob <b@c.example>",
        ],
        &[],
    );
    assert!(later.exits(0).err.contains("`bob` has no key"));
    clean(&place, "later");
    let three = init(
        &place,
        "three",
        &[
            "--environment",
            "a",
            "--environment",
            "b",
            "--environment",
            "c",
            "--owner",
            BOB,
        ],
    );
    three.exits(0);
    clean(&place, "three");
    place.polity("init shown --example").exits(0);
    // Its dates will come; what stands in it is right all the same.
    place.polity("check shown").exits(0);
    assert!(!place.at("shown/.demo").exists());
    // An empty repository is a good place to begin.
    std::fs::create_dir(place.at("repository")).unwrap();
    place.git("repository", &["init", "-q"]);
    init(&place, "repository", &[]).exits(0);
    place.git("repository", &["add", "-A"]);
    place.git("repository", &["commit", "-q", "-m", "one"]);
    place.polity("check repository --rev HEAD").exits(0);
}

#[cfg(unix)]
#[test]
fn the_readme_of_a_new_organisation_works() {
    use std::os::unix::fs::symlink;

    let place = Place::new();
    init(&place, "acme", &[]).exits(0);
    let readme = String::from_utf8(place.read("acme/README.md")).unwrap();
    let (_, script) = readme.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    std::fs::create_dir(place.at("bin")).unwrap();
    symlink(POLITY, place.at("bin/polity")).unwrap();
    let run = |script: &str| {
        let ran = std::process::Command::new("sh")
            .args(["-eu", "-c", script])
            .current_dir(place.at("acme"))
            .env(
                "PATH",
                format!("{}:{}", place.at("bin").display(), std::env::var("PATH").unwrap()),
            )
            .env_remove("SOURCE_DATE_EPOCH")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let out = run(script);
    assert!(out.contains("allow granted by analyst/reads\n"), "{out}");
    // What it says of the keys and of a deletion.
    place.git("acme", &["init", "-q"]);
    place.git("acme", &["add", "-A"]);
    let kept = place.git("acme", &["ls-files"]);
    assert!(!kept.contains("keys/") && !kept.contains("acme.polity"), "{kept}");
    let (_, decide) = script.split_once("polity decide").unwrap();
    let out = run(&format!("polity decide{}", decide.replace("read_file", "delete_file")));
    assert!(out.starts_with("deny "), "{out}");
}

#[test]
fn what_is_there_stays() {
    let place = Place::new();
    init(&place, "acme", &[]).exits(0);
    let before = place.read("acme/polity.yaml");
    init(&place, "acme", &["--owner", BOB]).exits(2);
    let forced = init(&place, "acme", &["--owner", BOB, "--force"]).exits(2);
    assert!(
        forced.err.contains("is there already: nothing is written"),
        "{}",
        forced.err
    );
    assert_eq!(place.read("acme/polity.yaml"), before);
    place.write("other/notes.txt", "mine");
    init(&place, "other", &[]).exits(2);
    init(&place, "other", &["--force"]).exits(0);
    assert_eq!(place.read("other/notes.txt"), b"mine");
    place.write("file", "x");
    init(&place, "file", &["--force"]).exits(2);
    assert_eq!(place.read("file"), b"x");
}

#[test]
fn what_is_missing_is_named_and_what_is_hostile_is_refused() {
    let place = Place::new();
    let mut asked = place.command(&["init", "acme", "--name", "acme"], &[]);
    let ran = asked.stdin(Stdio::null()).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("`--owner`, `--team`, `--agent`"), "{said}");
    for hostile in [
        "Acme",
        "../acme",
        "a b",
        "a\nkind: Kill",
        "-a",
        "a\u{202e}",
        "a: b",
        "",
        &"a".repeat(65),
    ] {
        for flag in ["--name", "--team", "--agent", "--environment"] {
            place.words(&["init", "acme", flag, hostile], &[]).exits(2);
        }
    }
    let other = [
        "init", "acme", "--name", "acme", "--team", "alice", "--agent", "a", "--owner", ALICE,
    ];
    let clash = place.words(&other, &[]).exits(2);
    assert!(clash.err.contains("error[duplicate-name]"), "{}", clash.err);
    place
        .words(&["init", "acme", "--example", "--name", "acme"], &[])
        .exits(2);
    assert!(!place.at("acme").exists());
}

#[test]
fn a_mistake_in_it_is_still_found() {
    let place = Place::new();
    init(&place, "acme", &[]).exits(0);
    let tool = String::from_utf8(place.read("acme/tools/workspace.yaml")).unwrap();
    place.write(
        "acme/tools/workspace.yaml",
        tool.replace("effect: read\n", "effect: reed\n"),
    );
    let found = place.polity("check acme --format json").exits(1);
    assert!(codes(&found).contains(&"unknown-value".to_owned()), "{}", found.out);
}
