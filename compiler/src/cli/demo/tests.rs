//! The demo itself is run by the suite; here is what it refuses, and what it brings.

use super::*;

#[test]
fn a_folder_that_no_demo_made_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("mine");
    fs::create_dir(&out).unwrap();
    prepare(&out).unwrap();
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "an empty folder is taken");
    fs::File::create(out.join("old")).unwrap();
    prepare(&out).unwrap();
    assert!(!out.join("old").exists(), "a demo's folder is replaced");
    fs::remove_file(out.join(MARKER)).unwrap();
    fs::File::create(out.join("letters")).unwrap();
    assert!(prepare(&out).unwrap_err().message().contains("no demo made it"));
    assert!(out.join("letters").exists());
    assert!(prepare(&out.join("letters")).is_err(), "a file is no folder");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_demo_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    prepare(&folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("real"), folder.path().join("link")).unwrap();
    assert!(prepare(&folder.path().join("link")).is_err());
    assert!(folder.path().join("real").join(MARKER).exists());
}

#[test]
fn the_example_is_in_the_binary() {
    assert!(example::FILES.is_sorted_by_key(|(path, _)| *path));
    assert!(example::questions().unwrap().len() >= 12);
    example::mistake().unwrap();
}

#[test]
fn words_are_quoted_for_a_shell() {
    assert_eq!(quoted("a/b.c"), "a/b.c");
    assert_eq!(quoted("{\"a\": 1}"), "'{\"a\": 1}'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted(""), "''");
}

#[test]
fn the_history_leads_from_its_beginning_to_the_example() {
    let end = example::files();
    let story = Story::of(&end).unwrap();
    let mut files = story.begin.clone();
    assert!(story.requests.len() >= 12, "{}", story.requests.len());
    for request in &story.requests {
        for commit in &request.commits {
            assert!(!commit.files.is_empty(), "{}", commit.message);
            for (path, text) in &commit.files {
                let before = files.insert(path.clone(), text.clone());
                assert_ne!(before.as_ref(), Some(text), "{}: {path}", commit.message);
            }
        }
    }
    assert_eq!(files, end);
    let unasked: Vec<_> = story
        .requests
        .iter()
        .filter(|request| request.approved_by.is_empty())
        .collect();
    assert_eq!(unasked.len(), 1);
    assert_eq!(story.requests.last().unwrap().title, unasked[0].title);
}

#[test]
fn a_history_that_does_not_fit_the_files_says_where() {
    let mut files = example::files();
    files.insert("policies/money.yaml".to_owned(), "kind: Policy\n".to_owned());
    let failure = Story::of(&files).err().unwrap();
    assert!(
        failure.message().contains("`policies/money.yaml` has no `"),
        "{}",
        failure.message()
    );
}

#[test]
fn keys_that_are_made_take_the_place_of_those_that_nobody_has() {
    let mut files = example::files();
    let before = files["people/people.yaml"].clone();
    let people = People::renew(&mut files).unwrap();
    let after = &files["people/people.yaml"];
    let key = people.secret("alice").unwrap().public().unwrap().to_openssh().unwrap();
    assert!(after.contains(&key) && !before.contains(&key));
    let keys = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("keys:"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(keys(&before).iter().zip(keys(after)).all(|(old, new)| *old != new));
    assert!(people.secret("nobody").is_err());
}
