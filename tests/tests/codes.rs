//! The pages of the diagnostic codes, run: in come the blocks of each page, laid over the small organisation of
//! `compiler/src/diag/codes/base`; out comes that the bad example shows its code, and that the good one is clean.
//!
//! What a reader of a message sees is held by one snapshot a code. Nothing here knows how a code is found.
//!
//! A block's first word says how its lines become a file: `yaml`, `json`, `cedar`, `rego` and
//! `text` as they stand, `hex` as bytes, `zeros` as
//! so many of them, `repeat` as so many copies with `{n}` counted up, `symlink` as a link to its line, `special` as a
//! pipe, `submodule` as a commit of another repository. Blocks of one path follow each other in one file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use jsonschema::Validator;
use polity::ast::Moment;
use polity::compile::compile;
use polity::diag::{Code, Findings, Severity, Sink, codes};
use polity::report::{gitlab, page, sarif, text};
use polity::source::{SourceTree, read_folder, read_git};
use serde_json::{Value, json};

/// 2026-11-22T00:00:00Z
const NOW: Moment = 1_795_305_600_000;
/// Errors that a bad example may show beside its own, each with the reason why it is no second error for one cause.
const TOGETHER: [(&str, &str); 0] = [];

#[test]
fn the_base_is_clean() {
    let found = run(&[]);
    assert_eq!(found.text, "");
}

#[test]
fn bad_examples_show_their_code_and_good_ones_are_clean() {
    let mut wrong = Vec::new();
    for code in codes::all() {
        let (bad, good) = examples(code);
        let found = run(&bad);
        if !found.has(code) {
            wrong.push(format!("{}: the bad example does not show it\n{}", code.id, found.text));
        }
        let others: Vec<_> = found
            .errors()
            .filter(|id| *id != code.id && !TOGETHER.contains(&(code.id, id)))
            .collect();
        if !others.is_empty() {
            wrong.push(format!(
                "{}: the bad example shows {others:?} too\n{}",
                code.id, found.text
            ));
        }
        let found = run(&good);
        if found.has(code) || found.errors().next().is_some() {
            wrong.push(format!("{}: the good example is not clean\n{}", code.id, found.text));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn messages_read_as_they_were_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for code in codes::all() {
            insta::assert_snapshot!(code.id, run(&examples(code).0).text);
        }
    });
}

#[test]
fn every_finding_is_written_as_sarif_and_gitlab_have_it() {
    let (sarif_schema, gitlab_schema) = (sarif_schema(), gitlab_schema());
    let check = |schema: &Validator, written: &Value, code: &Code| {
        let errors = schema.iter_errors(written);
        let errors: Vec<String> = errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {}", code.id, errors.join("\n"));
    };
    let mut results = 0;
    for code in codes::all() {
        let found = run(&examples(code).0);
        let log: Value = serde_json::from_str(&sarif::findings(&found.findings, &found.tree)).unwrap();
        check(&sarif_schema, &log, code);
        let run = &log["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            results += 1;
        }
        let report: Value = serde_json::from_str(&gitlab::findings(&found.findings, &found.tree)).unwrap();
        check(&gitlab_schema, &report, code);
        let entries = report.as_array().unwrap();
        let prints: BTreeSet<&str> = entries
            .iter()
            .map(|entry| entry["fingerprint"].as_str().unwrap())
            .collect();
        assert_eq!(prints.len(), entries.len(), "{}", code.id);
    }
    assert!(results > 100, "{results}");
    // The validators do look.
    assert!(!sarif_schema.is_valid(&json!({"version": "2.1.0"})));
    assert!(!gitlab_schema.is_valid(&json!([{"description": "a"}])));
}

/// The schema that OASIS published.
fn sarif_schema() -> Validator {
    let published = include_str!("../schemas/sarif-schema-2.1.0.json");
    // A bracket that closes nothing stands for itself in the schema's dialect, and is an error in the validator's.
    let readable = published.replace("[a-zA-Z]{2}]?$", r"[a-zA-Z]{2}\\]?$");
    let schema = serde_json::from_str(&readable).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// What GitLab's documentation asks of a code quality report: an array, and of each entry these fields, a severity of
/// its list, and a relative path without a leading `./`.
fn gitlab_schema() -> Validator {
    let text = json!({"type": "string", "minLength": 1});
    let schema = json!({"type": "array", "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": text,
            "check_name": text,
            "fingerprint": text,
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^./]"},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    }});
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn pages_explain_themselves() {
    for code in codes::all() {
        let shown = page::page(code, false);
        let first = shown.lines().next().unwrap_or_default();
        assert!(first.ends_with(&format!("[{}]", code.id)), "{first}");
        assert!(!shown.contains("```"), "{}: a fence is shown\n{shown}", code.id);
        let listed = page::list([code], false);
        assert!(
            listed.trim_end().chars().count() < 150,
            "the first sentence is long: {listed}"
        );
    }
}

#[test]
fn one_cause_gives_one_error() {
    let replaced = [
        // Who refers to what could not be read is not told that it is unknown; nor is it called unused.
        (
            "agents/claude-code.yaml",
            "kind: Agent\nname: claude-code\nowner: [dana]\n",
            "wrong-shape",
        ),
        (
            "people/security.yaml",
            "kind: Group\nname: security\nmembers: [\n",
            "yaml-syntax",
        ),
        ("people/people.yaml", "kind: Person\nname: !alice\n", "yaml-tag"),
        (
            "people/payments.yaml",
            "kind: Team\nname: payments\nowners: ~\n",
            "null-value",
        ),
        (
            "tools/github.yaml",
            "kind: Tool\nname: github\nactions: {}\n",
            "empty-mapping",
        ),
        (
            "polity.yaml",
            "polity: v1\nkind: Organization\nname: acme\nowners: [\n",
            "yaml-syntax",
        ),
        (
            "polity.yaml",
            "polity: v1\nkind: Organization\nname: acme\nowners: [securty]\n",
            "unknown-person",
        ),
        (
            "teams/payments/claude-code.yaml",
            "kind: Deployment\nagent: claude-code\nenvironments: {development: {ring: trusted, tools: [github], enforced_by: sidecar}}\n",
            "unknown-value",
        ),
        (
            "teams/payments/claude-code.yaml",
            "kind: Deployment\nagent: claude-cod\nenvironments: {development: {ring: trusted, tools: [github], enforced_by: gateway}}\n",
            "unknown-agent",
        ),
    ];
    for (path, text, code) in replaced {
        let found = run(&[Block {
            word: "yaml".to_owned(),
            path: path.to_owned(),
            times: 1,
            lines: text.to_owned(),
        }]);
        let codes: Vec<_> = found.findings.diagnostics().iter().map(|found| found.code.id).collect();
        assert_eq!(codes, [code], "{path}\n{}", found.text);
    }
}

#[test]
fn where_the_organisation_cannot_be_read_its_teams_have_their_owners() {
    let block = |path: &str, text: &str| Block {
        word: "yaml".to_owned(),
        path: path.to_owned(),
        times: 1,
        lines: text.to_owned(),
    };
    let gates = "\
kind: Policy
name: gates
rules:
  team: {effect: require_approval, actions: [github.merge_pull_request], approval: {require: [{from: [team-owners], count: 1}], timeout: 1h}}
  owners: {effect: require_approval, actions: [github.merge_pull_request], approval: {require: [{from: [owners], count: 1}], timeout: 1h}}
";
    let broken = "polity: v1\nkind: Organization\nname: acme\nowners: [\n";
    let found = run(&[block("polity.yaml", broken), block("policies/gates.yaml", gates)]);
    let codes: Vec<_> = found.findings.diagnostics().iter().map(|found| found.code.id).collect();
    assert_eq!(codes, ["yaml-syntax"], "{}", found.text);
}

#[test]
fn what_is_left_out_for_its_own_error_is_not_unknown_too() {
    let lines = "\
kind: Tool
name: jira
actions:
  create: {effect: write}
---
kind: Policy
name: jira
rules:
  no-issues: {effect: deny, actions: [jira.create]}
  gate: {effect: gate, actions: [billing.refund]}
---
kind: Exception
name: refunds
to: jira/gate
agents: [claude-code]
reason: RISK-812
owner: carol
until: 2027-03-31
";
    let block = Block {
        word: "yaml".to_owned(),
        path: "jira.yaml".to_owned(),
        times: 1,
        lines: lines.to_owned(),
    };
    let found = run(&[block]);
    assert_eq!(
        found.errors().collect::<Vec<_>>(),
        ["unclassified-action", "unknown-value"],
        "{}",
        found.text
    );
}

#[test]
fn a_file_that_is_not_read_takes_no_name_away() {
    let block = Block {
        word: "hex".to_owned(),
        path: "agents/claude-code.yaml".to_owned(),
        times: 1,
        lines: "ff".to_owned(),
    };
    let found = run(&[block]);
    assert_eq!(found.errors().collect::<Vec<_>>(), ["not-utf8"], "{}", found.text);
}

/// A block of a page.
struct Block {
    word: String,
    path: String,
    times: usize,
    lines: String,
}

/// What an example comes to.
struct Found {
    tree: SourceTree,
    findings: Findings,
    text: String,
}

impl Found {
    fn has(&self, code: &Code) -> bool {
        self.findings.diagnostics().iter().any(|found| found.code == code)
    }

    /// The codes of the errors, each once.
    fn errors(&self) -> impl Iterator<Item = &'static str> {
        let errors = self
            .findings
            .diagnostics()
            .iter()
            .filter(|found| found.severity == Severity::Error);
        errors.map(|found| found.code.id).collect::<BTreeSet<_>>().into_iter()
    }
}

/// The blocks of both examples.
fn examples(code: &Code) -> (Vec<Block>, Vec<Block>) {
    let (_, examples) = code.page.split_once("\n## Bad\n").unwrap();
    let (bad, good) = examples.split_once("\n## Good\n").unwrap();
    (blocks(code.id, bad), blocks(code.id, good))
}

fn blocks(id: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            open = !open;
            if open {
                let mut words = fence.split(' ');
                let word = words.next().unwrap_or_default().to_owned();
                let mut block = Block {
                    word,
                    path: String::new(),
                    times: 1,
                    lines: String::new(),
                };
                for word in words {
                    match word.split_once('=') {
                        Some(("path", path)) => path.clone_into(&mut block.path),
                        Some(("times", times)) => block.times = times.parse().unwrap(),
                        _ => panic!("{id}.md: `{word}` means nothing here"),
                    }
                }
                blocks.push(block);
            }
        } else if open {
            let block = blocks.last_mut().unwrap();
            block.lines.push_str(line);
            block.lines.push('\n');
        } else {
            assert!(line.is_empty(), "{id}.md: `{line}` stands between the blocks");
        }
    }
    blocks
}

/// Lays blocks over the base and compiles.
#[expect(clippy::disallowed_methods, reason = "an example is neither a bundle nor a key")]
fn run(blocks: &[Block]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/src/diag/codes/base"),
        root,
    );
    let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut commit = None;
    for block in blocks {
        let path = root.join(&block.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let line = block.lines.trim_end();
        match block.word.as_str() {
            "yaml" | "json" | "cedar" | "rego" | "text" => {
                files.entry(&block.path).or_default().extend(block.lines.as_bytes())
            }
            "repeat" => {
                let file = files.entry(&block.path).or_default();
                (0..block.times).for_each(|n| file.extend(block.lines.replace("{n}", &n.to_string()).as_bytes()));
            }
            "hex" => {
                let bytes = line
                    .split_whitespace()
                    .map(|byte| u8::from_str_radix(byte, 16).unwrap());
                files.entry(&block.path).or_default().extend(bytes);
            }
            "zeros" => files
                .entry(&block.path)
                .or_default()
                .extend(vec![0; line.parse().unwrap()]),
            "symlink" => std::os::unix::fs::symlink(line, path).unwrap(),
            "special" => succeed(Command::new("mkfifo").arg(path)),
            "submodule" => commit = Some(format!("160000,{line},{}", block.path)),
            word => panic!("a block of `{word}` is of no kind"),
        }
    }
    for (path, bytes) in files {
        fs::write(root.join(path), bytes).unwrap();
    }
    let mut sink = Sink::default();
    let tree = match commit {
        None => read_folder(root, &mut sink),
        Some(entry) => {
            git(root, &["init", "--quiet"]);
            git(root, &["add", "--all"]);
            git(root, &["update-index", "--add", "--cacheinfo", &entry]);
            git(root, &["commit", "--quiet", "--message", "policy: the example"]);
            read_git(root, None, &mut sink)
        }
    };
    found(tree.unwrap(), sink)
}

fn found(tree: SourceTree, sink: Sink) -> Found {
    let findings = compile(&tree, NOW, sink).findings;
    // A thousand errors are read no better than the first few.
    let text = text::findings(&findings, &tree, false)
        .lines()
        .take(60)
        .collect::<Vec<_>>()
        .join("\n");
    Found { tree, findings, text }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

fn git(root: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(root).args(arguments);
    // Whatever the machine's own configuration says, the commit is the same.
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "dana")
            .env(format!("GIT_{role}_EMAIL"), "dana@acme.example");
    }
    succeed(&mut git);
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
