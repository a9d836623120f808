//! What a newcomer does first: the README's commands in an empty folder, and the demo.

use std::path::Path;

use crate::harness::{POLITY, Place, codes, copy};

/// The README's own commands, with nothing but a shell, `polity` and a key.
#[cfg(unix)]
#[test]
fn the_readme_works_in_an_empty_folder() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## Ten minutes, from an empty folder").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap());
    let script: String = blocks
        .flat_map(str::lines)
        .filter(|line| !line.starts_with("cargo install"))
        .map(|line| line.replace("cd \"$(mktemp -d)\" && ", "") + "\n")
        .collect();
    assert!(script.contains("polity build acme --unattested"), "{script}");

    let place = Place::new();
    place.write(".bin/ssh-keygen", "#!/bin/sh\necho 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG6ok7KAIwnni/nbtWouzNbY3dtA6h86FxO5RWKjdxl c' > carol.pub\n");
    std::fs::set_permissions(place.at(".bin/ssh-keygen"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink(POLITY, place.at(".bin/polity")).unwrap();
    let path = format!("{}:{}", place.at(".bin").display(), std::env::var("PATH").unwrap());
    let ran = Command::new("sh")
        .args(["-eu", "-c", &script])
        .current_dir(place.path())
        .env("PATH", path)
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{out}{err}");
    let alone = "note: the organisation has one owner (`sole_owner: true`), who approves alone, what they wrote themselves \
                 included\n";
    assert_eq!(err, format!("{alone}2 files, nothing found\n"));
    assert!(out.contains("allow granted by refunds/small\n"), "{out}");

    // What the README says about it below.
    let asked = |arguments: &str, more: &[&str]| {
        let words = [
            "decide",
            "acme.polity",
            "--trust",
            "keys/trust.json",
            "--agent",
            "payments/refund-bot",
        ];
        let call = [
            "--environment",
            "development",
            "--action",
            "stripe.create_refund",
            "--args",
            arguments,
        ];
        place.words(&[&words, &call[..], more].concat(), &[]).exits(0).out
    };
    let one_more = asked(r#"{"payment_intent": "pi_1", "amount": 5001}"#, &[]);
    assert!(one_more.starts_with("deny no-grant\n"), "{one_more}");
    let text = asked(r#"{"payment_intent": "pi_1", "amount": "5000"}"#, &[]);
    assert!(
        text.starts_with("deny no-grant\n") && text.contains("`amount`: it is not of its declared type"),
        "{text}"
    );
    let policy = String::from_utf8(place.read("acme/teams/payments/refunds.yaml")).unwrap();
    place.write(
        "acme/teams/payments/refunds.yaml",
        policy.replace("create_refund", "create_refnud"),
    );
    let misspelt = place.polity("check acme --format json").exits(1);
    assert!(
        codes(&misspelt).contains(&"unknown-action".to_owned()),
        "{}",
        misspelt.out
    );
}

/// Every answer that the example's README shows is the one that its commands give.
#[cfg(unix)]
#[test]
fn the_examples_readme_says_what_its_commands_say() {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    let place = Place::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-org");
    copy(&example, &place.at("acme/example-org")).unwrap();
    place.commit();
    place.write("acme/.bin/README", "");
    symlink(POLITY, place.at("acme/.bin/polity")).unwrap();
    let readme = include_str!("../../../example-org/README.md");
    // What stands between two fences, by turns: prose, commands, prose, what they say.
    let mut script = String::new();
    let mut shown: Vec<&str> = Vec::new();
    for fenced in readme
        .split("\n```")
        .collect::<Vec<_>>()
        .chunks(2)
        .filter_map(|pair| pair.get(1))
    {
        match fenced.strip_prefix("sh\n") {
            Some(commands) => {
                script.push_str(&format!("echo '@@'\n{commands}\n"));
                shown.push("");
            }
            None => *shown.last_mut().unwrap() = fenced.trim_start(),
        }
    }
    let path = format!("{}:{}", place.at("acme/.bin").display(), std::env::var("PATH").unwrap());
    let ran = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.at("acme"))
        .env("PATH", path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let said: Vec<&str> = said.split("@@\n").skip(1).collect();
    assert_eq!(said.len(), shown.len(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut compared = 0;
    for (said, shown) in said.iter().zip(shown).filter(|(_, shown)| !shown.is_empty()) {
        assert_eq!(masked(said), masked(shown));
        compared += 1;
    }
    assert!(compared >= 7, "{compared}");
}

/// Without what another commit changes: ids of commits and of bundles, and a bundle's length.
fn masked(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let name = word.trim_start_matches("sha256:").trim_end_matches(',');
        let id = name.len() >= 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let length = word.starts_with('(') && word[1..].bytes().all(|byte| byte.is_ascii_digit());
        if id || length { "_".to_owned() } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.trim().lines().map(line).collect()
}

/// One run of the demo, since it compiles dozens of trees. What it prints is in the snapshot, so every run prints it.
#[test]
fn the_demo_says_the_same_every_time() {
    let place = Place::new();
    place.write("d/left-over", "x");
    place.write(
        "d/.polity-demo",
        "`polity demo` made this folder, and replaces it with everything in it when it runs again.\n",
    );
    let ran = place.polity("demo --out d").exits(0);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains('\u{1b}'), "colour is for terminals");
    insta::assert_snapshot!(lasting(&ran.out.replace(POLITY, "polity")));
    // What it leaves is what it says: a clean repository, a bundle that answers, keys that approve.
    assert!(!place.at("d/left-over").exists());
    let git = |words: &[&str]| place.git("d/organization", words);
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert_eq!(git(&["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(git(&["branch", "--format", "%(refname)"]).trim(), "refs/heads/main");
    place
        .polity("verify d/acme.polity --trust d/keys/trust.json --now 2026-11-23T09:00:00Z")
        .exits(0);
    place.write("d/organization/agents/agents.yaml", "");
    place
        .polity("approve HEAD~1.. --path d/organization --key d/keys/ssh/alice --dry-run")
        .exits(0);
    let policy = String::from_utf8(place.read("d/keys/ssh/alice")).unwrap();
    assert!(policy.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
}

/// Without what keys made anew change: fingerprints and ids.
fn lasting(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([' ', '\n', ',', ')', ';']);
        let id = bare.split("..").next().unwrap();
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        let hex = id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.len().is_multiple_of(4);
        let length = bare
            .strip_prefix('(')
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        match bare.strip_prefix("SHA256:") {
            _ if length => "(* ".to_owned(),
            Some(key) => word.replacen(key, "*", 1),
            None if hex => word.replacen(id, "*", 1),
            None => word.to_owned(),
        }
    };
    text.split_inclusive([' ', '\n']).map(word).collect()
}

#[test]
fn the_demo_takes_no_folder_that_is_not_its_own() {
    let place = Place::new();
    place.write("d/letters", "x");
    let ran = place.polity("demo --out d").exits(2);
    assert!(ran.err.contains("no demo made it"), "{}", ran.err);
    assert_eq!(place.read("d/letters"), b"x");
}
