//! Repositories that mean harm: each ends with its diagnostic and exit code 1, never with a panic and never unread.

use crate::harness::{Place, codes};

/// Checks the example organisation with one file more, and fails unless this code is among the errors.
#[track_caller]
fn refused(path: &str, bytes: impl AsRef<[u8]>, code: &str) {
    let place = Place::with_example();
    place.write(&format!("acme/{path}"), bytes);
    let ran = place.polity("check acme --format json").exits(1);
    let found = codes(&ran);
    assert!(
        found.iter().any(|found| found == code),
        "{path}: {code} is not in {found:?}"
    );
    // The text for people survives it as well, and no byte of a hostile file reaches the terminal unseen.
    let ran = place.polity("check acme").exits(1);
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\0'));
    place.build().exits(1);
    assert!(!place.at("acme.polity").exists());
}

/// A policy of payments with this condition.
fn policy(condition: &str) -> String {
    format!(
        "kind: Policy\nname: hostile\nrules:\n  a:\n    effect: allow\n    environments: [development]\n    \
         tools: [github]\n    when: '{condition}'\n"
    )
}

#[test]
fn bytes_that_are_no_text() {
    refused("a.yaml", b"kind: Team\nname: \xff\xfe\n", "not-utf8");
    refused("a.yaml", "kind: Group\nname: \"a\\eb\"\nmembers: [alice]\n", "bad-name");
    refused("a.yaml", "kind: Group\nname: \"a\\0b\"\nmembers: [alice]\n", "bad-name");
}

#[test]
fn what_is_too_large_or_too_deep() {
    refused("a.yaml", vec![b'['; 10_000_000], "file-too-large");
    refused("a.yaml", vec![b'['; 1_000_000], "yaml-too-deep");
    let nested: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    refused("a.yaml", nested, "yaml-too-deep");
    refused("a.yaml", "- ".repeat(100_000), "yaml-too-deep");
}

#[test]
fn aliases_that_multiply() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b]\n";
    refused("a.yaml", bomb, "yaml-anchor");
    refused("a.yaml", bomb, "yaml-alias");
}

#[test]
fn conditions_that_are_more_than_one() {
    let path = "teams/payments/hostile.yaml";
    for smuggled in [
        "true } unless { false",
        "true }; permit(principal, action, resource) when { true",
        "true // }",
        "true) || (true",
    ] {
        let place = Place::with_example();
        place.write(&format!("acme/{path}"), policy(smuggled));
        let ran = place.polity("check acme --format json");
        // A comment ends with its line and hides nothing; the rest is no expression.
        if smuggled.contains("//") {
            ran.exits(0);
        } else {
            assert!(
                codes(&ran.exits(1)).contains(&"condition-syntax".to_owned()),
                "{smuggled}"
            );
        }
    }
}

#[test]
fn conditions_that_are_too_large() {
    let path = "teams/payments/hostile.yaml";
    for large in [
        format!("{}true{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("{}true", "!".repeat(20_000)),
        ["true"; 20_000].join(" && "),
    ] {
        refused(path, policy(&large), "condition-too-large");
    }
    // Below the bound on bytes, the depth alone must not end the process.
    for deep in [
        format!("{}true{}", "(".repeat(8000), ")".repeat(8000)),
        format!("{}true", "!".repeat(16_000)),
    ] {
        let place = Place::with_example();
        place.write(&format!("acme/{path}"), policy(&deep));
        place.polity("check acme").exits(1);
    }
}

#[test]
fn names_that_lead_in_circles_or_to_two_things() {
    let cycle = "kind: Group\nname: one\nmembers: [two]\n---\nkind: Group\nname: two\nmembers: [one]\n";
    refused("a.yaml", cycle, "group-cycle");
    let twice = "kind: Group\nname: one\nmembers: [alice]\n---\nkind: Group\nname: one\nmembers: [bob]\n";
    refused("a.yaml", twice, "duplicate-name");
    refused(
        "a.yaml",
        "kind: Group\nname: one\nname: two\nmembers: [alice]\n",
        "duplicate-key",
    );
}

#[cfg(unix)]
#[test]
fn links_and_files_that_are_none() {
    use std::ffi::OsStr;
    use std::os::unix::{ffi::OsStrExt, fs::symlink};

    let place = Place::with_example();
    symlink("/etc/passwd", place.at("acme/a.yaml")).unwrap();
    assert!(codes(&place.polity("check acme --format json").exits(1)).contains(&"symlink-in-tree".to_owned()));
    place.commit();
    let committed = place.polity("check acme --rev HEAD --format json").exits(1);
    assert!(codes(&committed).contains(&"symlink-in-tree".to_owned()));

    let place = Place::with_example();
    let name = place.at("acme").join(OsStr::from_bytes(b"a\xff.yaml"));
    // Some file systems take no such name; git does.
    if std::fs::write(name, "kind: Team\n").is_ok() {
        assert!(codes(&place.polity("check acme --format json").exits(1)).contains(&"bad-path".to_owned()));
        place.commit();
        let committed = place.polity("check acme --rev HEAD --format json").exits(1);
        assert!(codes(&committed).contains(&"bad-path".to_owned()));
    }
}

#[test]
fn a_submodule_brings_no_policy() {
    let place = Place::with_example();
    place.commit();
    let commit = place.git("acme", &["rev-parse", "HEAD"]);
    place.git(
        "acme",
        &[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{commit},teams/other"),
        ],
    );
    place.git("acme", &["commit", "-q", "-m", "two"]);
    let ran = place.polity("check acme --rev HEAD --format json").exits(1);
    assert!(
        codes(&ran).iter().any(|code| code.contains("submodule")),
        "{:?}",
        codes(&ran)
    );
    place.build().exits(1);
}

/// A key is a file. Whatever else stands there is refused before it is opened, since a pipe would wait for a writer.
#[cfg(unix)]
#[test]
fn keys_that_are_no_files() {
    let place = Place::with_example();
    place.commit();
    let made = std::process::Command::new("mkfifo").arg(place.at("pipe")).status();
    assert!(made.unwrap().success());
    for key in ["pipe", "keys"] {
        let build = format!("build acme --unattested --trust keys/trust.json --key {key} --out x");
        for command in [build, format!("approve HEAD..HEAD --path acme --key {key} --yes")] {
            let ran = place.polity(&command);
            let nothing = ran.err.contains("there is nothing to approve");
            assert!(
                nothing || ran.err.contains("it is no regular file"),
                "{command}: {}",
                ran.err
            );
        }
    }
}

#[test]
fn a_trust_root_is_for_an_organisation_that_can_be_called_so() {
    let place = Place::new();
    let ran = place.polity("keygen --organization Acme --out keys").exits(2);
    assert!(ran.err.contains("did you mean `acme`?"), "{}", ran.err);
    assert!(!place.at("keys").exists());
}

#[test]
fn a_forge_is_told_the_path_that_the_repository_has() {
    let place = Place::with_example();
    place.write("acme/a.yaml", "kind: Grup\nname: a\n");
    place.write("acme/b.yaml", b"kind: \xff\n");
    place.write(".git/HEAD", "ref: refs/heads/main\n");
    for (format, written) in [
        ("github", ["file=acme/a.yaml,", "file=acme/b.yaml,"]),
        ("gitlab", ["\"path\": \"acme/a.yaml\"", "\"path\": \"acme/b.yaml\""]),
        ("sarif", ["\"uri\": \"acme/a.yaml\"", "\"uri\": \"acme/b.yaml\""]),
    ] {
        let ran = place.polity(&format!("check acme --format {format}")).exits(1);
        for written in written {
            assert!(ran.out.contains(written), "{format}: {written}\n{}", ran.out);
        }
    }
}
