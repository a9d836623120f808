//! The same sources give the same table: in whatever order they come, however many threads there are, and wherever
//! they are read from.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::path::Path;
use std::process::Command;
use std::{fs, iter};

use polity::compile::compile;
use polity::diag::Sink;
use polity::source::{SourceTree, read_folder, read_git};
use polity_runtime::table::Sections;
use polity_tests::compare::COMPILED_AT;
use polity_tests::generate::{Parameters, generate, small};

/// Enough of everything for the work to be spread over threads.
fn medium() -> Vec<(String, String)> {
    generate(&Parameters {
        teams: 6,
        deployments: 60,
        tools: 10,
        actions: 60,
        rules: 200,
        ..Parameters::default()
    })
}

fn sections(tree: &SourceTree) -> Sections {
    let compiled = compile(tree, COMPILED_AT, Sink::default());
    compiled.table.expect("a table").data().to_sections()
}

fn of(files: Vec<(String, String)>) -> Sections {
    sections(&SourceTree::from_files(files))
}

fn write(folder: &Path, files: &[(String, String)]) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@acme.example",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
}

#[test]
fn the_order_in_which_files_come_does_not_matter() {
    for files in (0..5).map(small).chain(iter::once(medium())) {
        let mut turned = files.clone();
        turned.reverse();
        assert!(files != turned);
        assert!(of(files) == of(turned));
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| of(medium()))
    };
    let one = on(1);
    for threads in [2, 3, 8] {
        assert!(one == on(threads), "{threads} threads");
    }
}

#[test]
fn a_folder_and_a_commit_of_it_give_one_table() {
    let files = medium();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files);
    let mut sink = Sink::default();
    let from_folder = sections(&read_folder(folder.path(), &mut sink).unwrap());
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "all"]);
    // Under one folder of a larger repository it is the same organisation.
    let nested = tempfile::tempdir().unwrap();
    write(&nested.path().join("governance"), &files);
    git(nested.path(), &["init", "-q", "-b", "main"]);
    git(nested.path(), &["add", "-A"]);
    git(nested.path(), &["commit", "-q", "-m", "all"]);
    let from_git = sections(&read_git(folder.path(), None, &mut sink).unwrap());
    let from_nested = sections(&read_git(&nested.path().join("governance"), None, &mut sink).unwrap());
    assert!(!sink.has_errors());
    assert!(from_folder == of(files), "a folder and the files in it");
    assert!(from_folder == from_git, "a folder and a commit of it");
    // What a decision names is a file of the repository, so only the texts differ.
    let without_texts = |all: &Sections| {
        let mut all = all.clone();
        all.retain(|name, _| !name.starts_with("string-"));
        all
    };
    assert!(from_folder != from_nested);
    assert!(
        without_texts(&from_folder) == without_texts(&from_nested),
        "the root and a folder of a repository"
    );
}
