//! Checking and building: exit codes, what stays on the disk, and that one input gives one output.

use std::fs;

use crate::harness::{Place, codes};

const BUILD: &str = "build acme --unattested --trust keys/trust.json --key keys/developer.key --out acme.polity --issued 2026-11-23T09:00:00Z";

#[test]
fn exit_codes_tell_yes_from_no_from_misuse() {
    let place = Place::with_example();
    place.polity("check acme").exits(0);
    place.polity("check acme --fromat json").exits(2);
    place.polity("check nowhere").exits(2);
    place.polity("check acme --rev main").exits(2);
    place.polity("verify nowhere.polity --trust keys/trust.json").exits(2);
    // What is in no repository has no approvals either.
    place
        .polity("build acme --trust keys/trust.json --key keys/bundle.key --out x")
        .exits(2);
    place.commit();
    place
        .polity("build acme --trust keys/trust.json --key keys/bundle.key --out x")
        .exits(1);
    assert!(!place.at("x").exists());
    place.build().exits(0);
    // What is allowed at every hour.
    let customer = r#"{"customer": "cus_1"}"#;
    let bot = |more: &[&str]| place.decide("payments/refund-bot", "stripe.list_payment_intents", customer, more);
    let slack = |more: &[&str]| place.decide("payments/refund-bot", "slack.slack_post_message", "{}", more);
    bot(&["--exit-code"]).exits(0);
    slack(&[]).exits(0);
    slack(&["--exit-code"]).exits(1);
    place.write("acme/broken.yaml", "kind: Group\nname: x\nmembers: [nobody]\n");
    place.polity("check acme").exits(1);
    // The commit is built, not the work tree: what is not committed was approved by nobody. That is said.
    let built = place.build().exits(0);
    assert!(
        built.err.contains("`broken.yaml` is another in the work tree"),
        "{}",
        built.err
    );
    let named = place
        .words(
            &[
                "build",
                "acme",
                "--rev",
                "HEAD",
                "--unattested",
                "--trust",
                "keys/trust.json",
                "--key",
                "keys/developer.key",
                "--out",
                "acme.polity",
            ],
            &[],
        )
        .exits(0);
    assert_eq!(named.err, "", "a revision that is named is what is meant");
    place.commit();
    place.build().exits(1);
    // One error is enough, whatever is asked for beside it.
    place.write("acme/broken.yaml", "kind: Nonsense\n");
    place.polity("check acme --format json").exits(1);
}

#[test]
fn a_relative_path_finds_the_repository_around_it() {
    let place = Place::with_example();
    place.commit();
    place.write("acme/inner/sub/note.txt", "x");
    place.polity("check acme --rev HEAD").exits(0);
    let built = place.build().exits(0);
    let shown = place.polity("inspect acme.polity").exits(0);
    let commit = place.git("acme", &["rev-parse", "HEAD"]);
    assert!(shown.out.contains(&commit), "{}{}", built.out, shown.out);
}

#[test]
fn a_build_that_fails_leaves_the_old_bundle() {
    let place = Place::with_example();
    place.build().exits(0);
    let old = place.read("acme.polity");
    let polity = String::from_utf8(place.read("acme/polity.yaml")).unwrap();
    place.write(
        "acme/polity.yaml",
        polity.replace("owners: [security]", "owners: [nobody]"),
    );
    place.build().exits(1);
    place.write("acme/polity.yaml", &polity);
    // A key of the wrong role, a key that is none, and a folder in the way.
    place.polity(&BUILD.replace("developer.key", "bundle.key")).exits(1);
    place.write("not.key", "nonsense");
    place.polity(&BUILD.replace("keys/developer.key", "not.key")).exits(2);
    fs::create_dir(place.at("in-the-way")).unwrap();
    place
        .polity(&BUILD.replace("--out acme.polity", "--out in-the-way"))
        .exits(2);
    assert_eq!(place.read("acme.polity"), old);
    let names = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_build_that_is_killed_leaves_a_whole_bundle() {
    let place = Place::with_example();
    place.build().exits(0);
    let old = place.read("acme.polity");
    for _ in 0..5 {
        let words: Vec<&str> = BUILD.split(' ').collect();
        let mut build = place.command(&words, &[]).spawn().unwrap();
        build.kill().unwrap();
        build.wait().unwrap();
        if place.read("acme.polity") != old {
            place.polity("verify acme.polity --trust keys/trust.json").exits(0);
        }
    }
}

#[test]
fn one_commit_gives_one_bundle() {
    let place = Place::with_example();
    place.commit();
    place.git("", &["clone", "-q", "--bare", "acme", "bare.git"]);
    place.git("", &["clone", "-q", "acme", "elsewhere"]);
    place.write("elsewhere/policies/not-committed.yaml", "kind: Nonsense\n");
    let build = |path: &str, out: &str, threads: &str| {
        let command = format!("build {path} --unattested --trust keys/trust.json --key keys/developer.key --out {out}");
        let words: Vec<&str> = command.split(' ').collect();
        let environment = [("SOURCE_DATE_EPOCH", "1795424400"), ("RAYON_NUM_THREADS", threads)];
        place.words(&words, &environment).exits(0);
        place.read(out)
    };
    let first = build("acme", "1.polity", "1");
    for (path, out, threads) in [
        ("acme", "2.polity", "4"),
        ("acme/teams", "3.polity", "2"),
        ("elsewhere", "4.polity", "3"),
        ("bare.git", "5.polity", "1"),
    ] {
        assert!(build(path, out, threads) == first, "{path} with {threads} threads");
    }
    // The moment of issue is part of what is signed.
    place.polity(&BUILD.replace("09:00:00Z", "09:00:01Z")).exits(0);
    assert!(place.read("acme.polity") != first);
}

#[cfg(unix)]
#[test]
fn secret_keys_are_their_owners_and_never_shown() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::with_example();
    let said = [
        place
            .polity("keygen --developer --organization acme --out more")
            .exits(0),
        place.build().exits(0),
        place
            .polity("keygen --developer --organization acme --out more")
            .exits(2),
        place
            .polity("verify keys/developer.key --trust keys/trust.json")
            .exits(1),
        place.polity("verify acme.polity --trust keys/developer.key").exits(1),
        place.polity("inspect acme.polity").exits(0),
    ];
    for role in ["root", "bundle", "orders", "revivals", "developer"] {
        for folder in ["keys", "more"] {
            let name = format!("{folder}/{role}.key");
            let mode = fs::metadata(place.at(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            let text = String::from_utf8(place.read(&name)).unwrap();
            let secret = text.lines().find_map(|line| line.strip_prefix("secret: ")).unwrap();
            for ran in &said {
                assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{name}");
            }
        }
    }
    // A key that others can read is no secret.
    fs::set_permissions(place.at("keys/developer.key"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_ne!(place.build().exit, Some(0));
}

#[test]
fn findings_have_one_shape_for_scripts() {
    let place = Place::with_example();
    place.write("acme/more.yaml", "kind: Group\nname: more\nmembers: [alcie]\n");
    let ran = place.polity("check acme --format json").exits(1);
    let found = ran.json();
    let list = found["diagnostics"].as_array().unwrap();
    let one = list.iter().find(|one| one["severity"] == "error").unwrap();
    for field in ["code", "severity", "message"] {
        assert!(one[field].is_string(), "{one}");
    }
    assert!(
        one.to_string().contains("more.yaml") && one.to_string().contains("alice"),
        "{one}"
    );
    assert!(codes(&ran).contains(&"unknown-person".to_owned()), "{}", ran.out);
    assert_eq!(ran.err, "", "nothing but JSON");
}
