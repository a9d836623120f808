//! What is answered, and that whatever is answered checks clean.

use std::io::Cursor;

use proptest::prelude::*;

use super::answers::Given;
use super::*;

const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG6ok7KAIwnni/nbtWouzNbY3dtA6h86FxO5RWKjdxl",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAvS8eLWnGGyjQ6y4ul8KBxLNBO5m2pD4W1okF1MY4m",
];
/// 2026-11-22T00:00:00Z
const NOW: Moment = 1_795_305_600_000;

fn console() -> Console {
    Console::plain(Box::new(io::sink()), Box::new(io::sink()))
}

fn alice() -> Owner {
    answers::owner(&format!("alice <alice@acme.example> {}", KEYS[0])).unwrap()
}

fn given() -> Given {
    Given {
        name: Some("acme".to_owned()),
        owners: vec![alice()],
        team: Some("payments".to_owned()),
        agent: Some("analyst".to_owned()),
        environments: Vec::new(),
    }
}

#[test]
fn an_owner_is_a_name_an_address_and_a_key() {
    let owner = answers::owner(&format!(" alice  <alice@acme.example>  {} alice@laptop", KEYS[0])).unwrap();
    assert_eq!(
        (owner.name.as_str(), owner.email.as_str(), owner.key.as_deref()),
        ("alice", "alice@acme.example", Some(KEYS[0]))
    );
    assert_eq!(answers::owner("bob <b@x>").unwrap().key, None);
    for (wrong, why) in [
        ("", "expected `NAME"),
        ("alice", "expected `NAME"),
        ("alice alice@acme.example", "expected `NAME"),
        ("alice <alice@acme.example", "expected `NAME"),
        ("Alice Smith <a@b>", "did you mean `alice-smith`"),
        ("a\nkind: Kill <a@b>", "a name is made of"),
        ("a <b>", "no e-mail address"),
        ("a <@b>", "no e-mail address"),
        ("a <b@c@d>", "no e-mail address"),
        ("a <b@c\n>", "no e-mail address"),
        ("a <b@\u{202e}c>", "no e-mail address"),
        (
            "a <b@c> ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ",
            "ssh-keygen -t ed25519",
        ),
        ("a <b@c> ssh-ed25519", "ssh-keygen -t ed25519"),
        (
            "a <b@c> ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG6ok7KAIwnni",
            "ssh-keygen -t ed25519",
        ),
        ("a <b@c> -----BEGIN OPENSSH PRIVATE KEY-----", "ssh-keygen -t ed25519"),
    ] {
        let error = answers::owner(wrong).unwrap_err();
        assert!(error.contains(why), "{wrong}: {error}");
    }
    let hidden = format!("a <b@c> {}\u{200b}", KEYS[0]);
    assert!(answers::owner(&hidden).is_err());
}

#[test]
fn what_flags_do_not_say_is_named() {
    let complete = given().complete().unwrap();
    assert_eq!(complete.environments, ["development", "production"]);
    let error = Given {
        name: None,
        agent: None,
        ..given()
    }
    .complete()
    .unwrap_err();
    assert_eq!(error.exit(), Exit::Misuse);
    assert!(error.message().ends_with("`--name`, `--agent`"), "{}", error.message());
}

#[test]
fn questions_are_asked_until_the_answer_is_one() {
    let typed = format!(
        "Acme Inc.\nacme\n\nalice <alice@acme.example> {}\nbob\nbob <bob@acme.example> {}\n\n../etc\npayments\ndev, prod\n\n",
        KEYS[0], KEYS[1]
    );
    let answers = Given::default().asked(&mut Cursor::new(typed), &mut console()).unwrap();
    assert_eq!(
        (answers.name.as_str(), answers.team.as_str(), answers.agent.as_str()),
        ("acme", "payments", "analyst")
    );
    assert_eq!(
        answers
            .owners
            .iter()
            .map(|owner| owner.name.as_str())
            .collect::<Vec<_>>(),
        ["alice", "bob"]
    );
    assert_eq!(answers.environments, ["dev", "prod"]);
    // What a flag said is not asked for; an end of the input is no answer.
    let answers = given().asked(&mut Cursor::new("\n"), &mut console()).unwrap();
    assert_eq!(answers.environments, ["development", "production"]);
    let error = Given::default()
        .asked(&mut Cursor::new("acme\n"), &mut console())
        .unwrap_err();
    assert!(error.message().contains("not answered"), "{}", error.message());
}

#[test]
fn names_that_do_not_go_together_are_refused_in_the_parsers_words() {
    let of = |change: fn(&mut Given)| {
        let mut given = given();
        change(&mut given);
        sound(&texts::files(&given.complete().unwrap()), NOW, &mut console())
    };
    assert_eq!(of(|_| {}), Ok(()));
    assert!(
        of(|given| given.team = Some("alice".to_owned())).is_err(),
        "a person's name"
    );
    assert!(of(|given| given.team = Some("owners".to_owned())).is_err(), "reserved");
    assert!(
        of(|given| given.agent = Some("no-destruction".to_owned())).is_err(),
        "a policy's name"
    );
    assert!(of(|given| given.owners.push(alice())).is_err(), "twice");
    assert!(
        of(|given| given.environments = vec!["a".to_owned(), "a".to_owned()]).is_err(),
        "twice"
    );
    let shared = |given: &mut Given| {
        given.owners.push(Owner {
            name: "bob".to_owned(),
            ..alice()
        });
    };
    assert!(of(shared).is_err(), "a key of two people");
}

#[test]
fn owners_whose_keys_follow_later_check_clean() {
    let owner = |name: &str, key: bool| Owner {
        name: name.to_owned(),
        key: alice().key.filter(|_| key),
        ..alice()
    };
    for (owners, sole) in [
        (vec![owner("ann", true), owner("ben", false)], true),
        (vec![owner("ann", false), owner("ben", true), owner("cy", false)], true),
        (vec![owner("ann", false), owner("ben", false)], false),
        (vec![owner("ann", false)], true),
    ] {
        let answers = Given { owners, ..given() }.complete().unwrap();
        let files = texts::files(&answers);
        assert_eq!(sound(&files, NOW, &mut console()), Ok(()));
        let (_, organization) = files.iter().find(|(path, _)| path == "polity.yaml").unwrap();
        // Who cannot sign is no owner beside one who can: that one could not approve what they wrote, and nobody else.
        let line = organization.lines().find(|line| line.starts_with("owners: ")).unwrap();
        let named = answers.owners.iter().filter(|owner| line.contains(&owner.name));
        assert_eq!(named.count() == 1, sole, "{organization}");
        assert_eq!(organization.contains("\nsole_owner: true\n"), sole, "{organization}");
        let said = remarks(&answers).join("\n");
        assert_eq!(said.contains("`sole_owner: true` is set"), sole, "{said}");
    }
}

#[test]
fn the_example_checks_clean() {
    assert_eq!(sound(&example(), NOW, &mut console()), Ok(()));
}

#[test]
fn nothing_is_written_over_or_through() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let files = texts::files(&given().complete().unwrap());
    fs::create_dir(root.join(".git")).unwrap();
    vacant(root, false).unwrap();
    fs::create_dir(root.join("people")).unwrap();
    fs::File::create(root.join("people/people.yaml")).unwrap();
    assert!(vacant(root, false).is_err());
    vacant(root, true).unwrap();
    let error = write(root, &files).unwrap_err();
    assert!(error.message().contains("is there already"), "{}", error.message());
    assert!(!root.join("polity.yaml").exists(), "all or nothing");
    assert_eq!(fs::metadata(root.join("people/people.yaml")).unwrap().len(), 0);
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        fs::remove_dir_all(root.join("people")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.join("people")).unwrap();
        assert!(write(root, &files).unwrap_err().message().contains("is no folder"));
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        fs::remove_file(root.join("people")).unwrap();
    }
    write(root, &files).unwrap();
    assert!(write(root, &files).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Names are as hostile as the parser lets them be: words and numbers that YAML reads otherwise.
    #[test]
    fn whatever_is_answered_checks_clean(
        drawn in prop::collection::btree_set(prop_oneof![
            "[a-z0-9][a-z0-9-]{0,12}",
            prop::sample::select(vec!["null", "yes", "on", "1e3", "0x10", "017", "2026-12-31", "true", "y", "none-", "1-1"]).prop_map(str::to_owned),
        ], 7),
        owners in 1..3usize,
        environments in 1..3usize,
    ) {
        let reserved = ["owners", "team-owners", "none", "no-destruction", "workspace"];
        prop_assume!(drawn.iter().all(|name| !reserved.contains(&name.as_str())));
        let mut names = drawn.into_iter();
        let mut next = || names.next().unwrap();
        let owners = KEYS.iter().take(owners).map(|key| answers::owner(&format!("{} <{}@{}> {key}", next(), "a", "b")).unwrap());
        let given = Given {
            owners: owners.collect(),
            name: Some(next()),
            team: Some(next()),
            agent: Some(next()),
            environments: (0..environments).map(|_| next()).collect(),
        };
        let files = texts::files(&given.clone().complete().unwrap());
        prop_assert_eq!(sound(&files, NOW, &mut console()), Ok(()), "{:?}", given);
    }
}
