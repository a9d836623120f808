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
    assert!(!example::mistakes().unwrap().is_empty());
}

#[test]
fn words_are_quoted_for_a_shell() {
    assert_eq!(quoted("a/b.c"), "a/b.c");
    assert_eq!(quoted("{\"a\": 1}"), "'{\"a\": 1}'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted(""), "''");
}
