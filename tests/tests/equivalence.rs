//! The table's answer is the documents' answer: every call at a boundary of every rule, decided by both.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use polity_tests::compare::{Comparison, compare, compiled};
use polity_tests::generate::{mixed, small};
use polity_tests::load::load;
use polity_tests::requests::requests;
use polity_tests::suite::run;
use rayon::prelude::*;

/// Organisations that are generated and compared, unless `POLITY_SEEDS` says how many.
const SEEDS: u64 = 48;

/// Calls an organisation: enough for every boundary of every rule of a small one.
const CALLS: usize = 800;

fn compared(files: &[(String, String)], seed: u64) -> Comparison {
    let table = compiled(files).table.expect("a table");
    let documents = load(files);
    compare(&documents, &table, &requests(&documents, seed, CALLS))
}

/// The files of an organisation, by a path from this package.
fn folder(path: &str) -> Vec<(String, String)> {
    fn read(folder: &Path, inside: &str, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            let inside = format!("{inside}{}", name.to_str().unwrap());
            if path.is_dir() {
                read(&path, &format!("{inside}/"), files);
            } else if [".yaml", ".cedar", ".rego", ".json"]
                .iter()
                .any(|end| inside.ends_with(end))
                && !inside.starts_with('.')
            {
                files.push((inside, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), "", &mut files);
    files
}

fn check(what: &str, comparison: &Comparison) {
    if let Some(first) = comparison.disagreements.first() {
        panic!("{what}: {} calls, the first: {first}", comparison.disagreements.len());
    }
}

#[test]
fn the_table_answers_as_the_documents_do() {
    let seeds = std::env::var("POLITY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let first = std::env::var("POLITY_FIRST_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut erring, mut observed) = (0, 0);
    let all: Vec<u64> = (first..first + seeds).collect();
    let comparisons = all.par_iter().map(|seed| {
        let comparison = compared(&small(*seed), *seed);
        check(&format!("seed {seed}"), &comparison);
        comparison
    });
    for comparison in comparisons.collect::<Vec<_>>() {
        erring += comparison.erring;
        observed += comparison.observed;
        for (code, count) in comparison.codes {
            *codes.entry(code).or_default() += count;
        }
    }
    println!("{codes:?}, {erring} with an error, {observed} with an observed rule");
    // What is never asked about is not compared.
    for code in [
        "killed",
        "unknown-agent",
        "unknown-environment",
        "unknown-action",
        "not-admitted",
        "not-given",
        "undeclared-argument",
        "unclassified",
        "ring-ceiling",
        "denied-by-rule",
        "no-grant",
        "approval-required",
        "granted",
    ] {
        assert!(codes.get(code).is_some_and(|count| *count > 20), "{code}: {codes:?}");
    }
    assert!(erring > 1_000 && observed > 100, "{erring} {observed}");
}

#[test]
fn policies_of_cedar_answer_as_they_are_written() {
    let comparisons = (0..SEEDS / 3).into_par_iter().map(|seed| {
        let files = mixed(seed, 60);
        assert!(
            seed > 3 || files.iter().any(|(path, _)| path.ends_with(".cedar")),
            "seed {seed}"
        );
        let comparison = compared(&files, seed);
        check(&format!("seed {seed}"), &comparison);
        comparison
    });
    let comparisons: Vec<Comparison> = comparisons.collect();
    let count = |code| comparisons.iter().filter_map(|one| one.codes.get(code)).sum::<usize>();
    let counts = ["denied-by-rule", "approval-required", "granted", "no-grant"].map(count);
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    assert!(comparisons.iter().map(|one| one.erring).sum::<usize>() > 200);
}

#[test]
fn the_example_is_decided_as_its_documents_say() {
    let mut files = folder("../example-org");
    assert!(files.len() > 40);
    // Its own tests first: every case of every team.
    assert!(run(&compiled(&files), |_| true) > 100);
    // The reference reads no Rego, which has suites of its own. Tests name the rules of all.
    let read = |path: &str| path.ends_with(".yaml") || path.ends_with(".cedar");
    files.retain(|(path, _)| read(path) && !path.ends_with("tests.yaml"));
    let compiled = compiled(&files);
    let table = compiled.table.expect("a table");
    // What a template yields is read again by the reference; what it is filled in to is not judged here.
    files.retain(|(path, _)| !path.starts_with("templates/"));
    let expansions = compiled.tree.expansions().iter().map(|expansion| expansion.file());
    files.extend(expansions.map(|file| (file.path.clone(), file.text.clone())));
    let documents = load(&files);
    let comparison = compare(&documents, &table, &requests(&documents, 1, 2_500));
    check("example-org", &comparison);
    for code in [
        "granted",
        "approval-required",
        "denied-by-rule",
        "no-grant",
        "ring-ceiling",
    ] {
        assert!(comparison.codes.contains_key(code), "{code}: {:?}", comparison.codes);
    }
}

#[test]
fn a_bank_is_decided_as_its_documents_say() {
    let files = folder("cases/bank");
    assert_eq!(run(&compiled(&files), |_| true), 14);
    let comparison = compared(&files, 1);
    check("the bank", &comparison);
    let codes = &comparison.codes;
    for code in [
        "granted",
        "approval-required",
        "denied-by-rule",
        "no-grant",
        "unclassified",
        "ring-ceiling",
        "killed",
    ] {
        assert!(codes.get(code).is_some_and(|count| *count > 5), "{code}: {codes:?}");
    }
}
