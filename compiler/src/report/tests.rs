//! The formats of forges, over one tree with a file whose name and text need escaping.

use super::{github, gitlab, sarif};
use crate::diag::codes::lint::UNUSED_PRAGMA;
use crate::diag::codes::reference::UNKNOWN_TOOL;
use crate::diag::codes::source::NOT_UTF8;
use crate::diag::{Diagnostic, Findings, LintLevels, Sink};
use crate::source::{FileId, SourceTree, Span};

fn found() -> (SourceTree, Findings) {
    let path = "teams/a b,c:d/x%.yaml".to_owned();
    let tree = SourceTree::from_files(vec![(path, "kind: ü\ntools: [githup]\n".to_owned())]);
    let span = |start, end| Span {
        file: FileId(0),
        start,
        end,
    };
    let mut sink = Sink::default();
    sink.push(Diagnostic::new(&UNUSED_PRAGMA, "100% unused,\nreally", span(0, 4), ""));
    for _ in 0..2 {
        let diagnostic = Diagnostic::new(&UNKNOWN_TOOL, "no tool is called `githup`", span(17, 23), "here");
        sink.push(
            diagnostic
                .with_replacement("did you mean `github`?", span(17, 23), "github")
                .with_related(span(0, 4), "kind"),
        );
    }
    sink.push(Diagnostic::new(
        &UNKNOWN_TOOL,
        "no tool is called `githup`",
        span(9, 14),
        "",
    ));
    sink.push(Diagnostic::without_place(&UNKNOWN_TOOL, "nowhere"));
    let findings = sink.finish(&tree, &LintLevels::default(), &[]);
    (tree, findings)
}

#[test]
fn sarif_has_a_rule_per_code_a_region_and_a_fix() {
    let (tree, findings) = found();
    let log: serde_json::Value = serde_json::from_str(&sarif::findings(&findings, &tree)).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for (rule, code) in rules.iter().zip([&UNKNOWN_TOOL, &UNUSED_PRAGMA]) {
        assert_eq!(rule["id"], code.id);
        assert_eq!(rule["help"]["markdown"], code.page);
        assert!(rule["shortDescription"]["text"].is_string());
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&run["results"]).unwrap());
}

#[test]
fn gitlab_gives_each_finding_a_fingerprint_of_its_own() {
    let (tree, findings) = found();
    let text = gitlab::findings(&findings, &tree);
    let report: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let all: std::collections::BTreeSet<&str> = report
        .iter()
        .map(|entry| entry["fingerprint"].as_str().unwrap())
        .collect();
    assert_eq!(all.len(), report.len());
    insta::assert_snapshot!(text);
}

#[test]
fn a_fingerprint_survives_a_shift_of_lines() {
    let (tree, findings) = found();
    let mut file = tree.files()[0].clone();
    file.text.insert_str(0, "# a comment\n");
    let shifted = SourceTree::from_files(vec![(file.path, file.text)]);
    assert_eq!(
        super::fingerprint::fingerprints(&findings, &tree),
        super::fingerprint::fingerprints(&findings, &shifted)
    );
}

#[test]
fn github_commands_escape_what_would_end_them() {
    let (tree, findings) = found();
    insta::assert_snapshot!(github::findings(&findings, &tree));
}

#[test]
fn a_file_that_was_not_read_is_named_all_the_same() {
    let tree = SourceTree::from_files(vec![("polity.yaml".to_owned(), String::new())]);
    let mut sink = Sink::default();
    sink.push(Diagnostic::without_place(&NOT_UTF8, "no text").about(b"teams/a b.yaml"));
    let findings = sink.finish(&tree, &LintLevels::default(), &[]);
    let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    let gitlab = read(&gitlab::findings(&findings, &tree));
    assert_eq!(gitlab[0]["location"]["path"], "teams/a b.yaml");
    let sarif = read(&sarif::findings(&findings, &tree));
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "teams/a%20b.yaml");
    assert_eq!(
        github::findings(&findings, &tree),
        "::error file=teams/a b.yaml,title=not-utf8::no text\n"
    );
    let json = read(&super::json::findings(&findings, &tree, &[]));
    assert_eq!(json["diagnostics"][0]["path"], "teams/a b.yaml");
}
