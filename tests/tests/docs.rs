//! The pages of `compiler/docs/` are what the code generates. With `POLITY_WRITE_DOCS` set they are written.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use polity::parse::document::KINDS;
use polity_tests::docs::pages;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The first document of each kind among those of the model's page, which `model.rs` compiles.
fn examples() -> BTreeMap<String, String> {
    let files = fs::read_dir(root().join("tests/cases/model")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    // What the page declares comes before what only completes it.
    files.sort_by_key(|path| (path.ends_with("fixture.yaml"), path.clone()));
    let mut examples = BTreeMap::new();
    for path in files {
        for document in fs::read_to_string(&path).unwrap().split("\n---\n") {
            let kind = document.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
            let kind = kind.split('#').next().unwrap().trim().to_owned();
            examples.entry(kind).or_insert_with(|| document.to_owned());
        }
    }
    examples
}

fn written(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = Path::new(below).join(entry.file_name()).to_str().unwrap().to_owned();
        match entry.file_type().unwrap().is_dir() {
            true => written(folder, &name, found),
            false => drop(found.insert(name)),
        }
    }
}

#[test]
fn the_reference_pages_are_what_the_code_says() {
    let examples = examples();
    for kind in KINDS {
        assert!(examples.contains_key(*kind), "no example of {kind}");
    }
    let folder = root().join("compiler/docs");
    let pages = pages(&examples);
    if std::env::var_os("POLITY_WRITE_DOCS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        for (path, text) in &pages {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let mut found = BTreeSet::new();
    written(&folder, "", &mut found);
    assert_eq!(
        found,
        pages.keys().cloned().collect(),
        "`POLITY_WRITE_DOCS=1` writes them"
    );
    for (path, text) in &pages {
        let there = fs::read_to_string(folder.join(path)).unwrap();
        assert!(
            there == *text,
            "`{path}` is not what the code says: `POLITY_WRITE_DOCS=1` writes it"
        );
    }
    links_lead_somewhere(&folder, &pages);
}

fn links_lead_somewhere(folder: &Path, pages: &BTreeMap<String, String>) {
    for (page, text) in pages {
        let at = folder.join(page);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if !path.is_empty() {
                assert!(at.parent().unwrap().join(path).exists(), "{page}: {link}");
            }
            let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
            let plain = |heading: &str| heading.to_lowercase().replace(' ', "-").replace(['`', '\''], "");
            assert!(
                anchor.is_empty() || headings.map(plain).any(|heading| heading == anchor),
                "{page}: {link}"
            );
        }
    }
}
