//! The templates that come with the program, each filled in for an organisation that it does not know: what its page
//! promises is what the table decides, and no value of a parameter adds or changes anything but itself.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use polity::ast::{TemplateParam, TemplateType};
use polity::compile::{Compiled, compile};
use polity::diag::Sink;
use polity::expand::{SHIPPED, Shipped, built_in};
use polity::source::SourceTree;
use polity_tests::compare::COMPILED_AT;
use polity_tests::suite::run;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[path = "../cases/hostile-values.rs"]
mod values;

use values::PIECES;

const BASE: &str = include_str!("../cases/templates/base.yaml");
/// Declared apart, because one of the templates declares it.
const PRODUCTION: &str = "{kind: Environment, name: production, rank: 2}\n";
/// Grants everything: what is denied beside it is refused by a rule, or by a ring, and not for want of a grant.
const OPEN: &str =
    "kind: Policy\nname: zz-open\nrules:\n  all: {effect: allow, environments: [\"*\"], effects: [\"*\"]}\n";

/// The template's organisation, with more files.
fn compiled(template: &str, more: &[(&str, &str)]) -> (SourceTree, Compiled) {
    let mut files = vec![("polity.yaml".to_owned(), BASE.to_owned())];
    if template != "short-lived-credentials" {
        files.push(("environments/production.yaml".to_owned(), PRODUCTION.to_owned()));
    }
    files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let tree = SourceTree::from_files(files);
    let compiled = compile(&tree, COMPILED_AT, Sink::default());
    (tree, compiled)
}

/// What there is to say about it.
fn findings(compiled: &Compiled) -> Vec<String> {
    let found = compiled.findings.diagnostics().iter();
    found
        .map(|found| format!("{}: {}", found.code.id, found.message))
        .collect()
}

#[test]
fn every_template_decides_as_its_cases_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/templates");
    for Shipped { name, .. } in SHIPPED {
        let cases = fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        for open in [false, true] {
            let beside = if open { OPEN } else { "# nothing\n" };
            // Those cases name the rule that grants everything.
            let documents: Vec<&str> = cases
                .split("\n---\n")
                .filter(|document| open || !document.contains("name: though-granted"))
                .collect();
            let cases = documents.join("\n---\n");
            let (_, compiled) = compiled(name, &[("policies/use.yaml", &cases), ("policies/open.yaml", beside)]);
            // Not a warning either: whoever uses a template cannot mend it.
            assert_eq!(findings(&compiled), Vec::<String>::new(), "{name}");
            let ran = run(&compiled, |suite| (suite == "though-granted") == open);
            assert!(ran > 0, "{name} has no cases");
        }
    }
}

/// The use that a page shows.
fn example(shipped: &Shipped) -> &'static str {
    let (_, after) = shipped.page.split_once("```yaml\n").unwrap();
    after.split_once("```").unwrap().0
}

#[test]
fn every_page_shows_a_use_that_compiles() {
    for shipped in SHIPPED {
        let (_, compiled) = compiled(shipped.name, &[("policies/use.yaml", example(shipped))]);
        assert_eq!(findings(&compiled), Vec::<String>::new(), "{}", shipped.name);
        assert!(compiled.table.is_some());
        for section in ["\n## What it gives\n", "\n## Use it\n"] {
            assert!(shipped.page.contains(section), "{}: {section}", shipped.name);
        }
    }
}

#[test]
fn a_credential_that_outlives_the_baseline_is_an_error() {
    let cases = "kind: Use\nname: use\ntemplate: short-lived-credentials\nwith: {rank: 2, at_most: 10m}\n";
    let (_, compiled) = compiled("short-lived-credentials", &[("policies/use.yaml", cases)]);
    let found = findings(&compiled);
    assert!(
        found.len() == 1 && found[0].starts_with("credential-outlives-environment: `database-admin` may live for 15m"),
        "{found:?}"
    );
}

/// Stands for a parameter's value, in the expansion that the others are compared with.
const MARKER: &str = "zqmarkerqz";
/// What refuses a value. Everything else is a value that was taken.
const REFUSALS: [&str; 4] = [
    "control-character",
    "bad-template-argument",
    "template-value-in-glob",
    "misplaced-template-value",
];

/// One use for every parameter of every template, with `value` in that parameter's place: template and parameter to
/// what came of it, `None` where the value was refused.
fn filled(value: &str) -> BTreeMap<String, Option<String>> {
    let mut uses = Vec::new();
    for (at, shipped) in SHIPPED.iter().enumerate() {
        let written: Value = serde_yaml::from_str(example(shipped)).unwrap();
        let template = built_in(shipped.name).unwrap();
        for (name, parameter) in &template.declaration.params {
            let mut with = written["with"].clone();
            with[&name.value] = held(parameter, value);
            let name = format!("{at}-{}", name.value.replace('_', "-"));
            let filled = json!({"kind": "Use", "name": name, "template": shipped.name, "with": with});
            uses.push((format!("policies/{name}.yaml"), format!("{filled}\n")));
        }
    }
    let more: Vec<(&str, &str)> = uses.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (tree, compiled) = compiled("", &more);
    assert!(compiled.table.is_none(), "these uses contradict each other");
    let path = |id| tree.file(id).unwrap().path.clone();
    let mut refused: Vec<String> = Vec::new();
    for found in compiled.findings.diagnostics() {
        if REFUSALS.contains(&found.code.id) {
            refused.push(path(found.primary.as_ref().unwrap().span.file));
        }
    }
    let expansions = compiled.tree.expansions().iter().map(|expansion| expansion.file());
    let texts: BTreeMap<&str, &str> = expansions
        .map(|file| (file.path.as_str(), file.text.as_str()))
        .collect();
    let taken = |path: &String| {
        let text = texts.get(path.as_str()).map(|text| (*text).to_owned());
        if refused.contains(path) {
            return None;
        }
        Some(text.unwrap_or_else(|| panic!("{path} was neither refused nor filled in")))
    };
    uses.iter().map(|(path, _)| (path.clone(), taken(path))).collect()
}

/// A value as a parameter holds it: by itself, or as the one entry of a list.
fn held(parameter: &TemplateParam, value: &str) -> Value {
    match parameter.ty {
        TemplateType::List(_) => json!([value]),
        _ => json!(value),
    }
}

/// The documents of an expansion as trees, with every condition as the tree that Cedar reads.
fn trees(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let read = |document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut trees: Vec<Value> = documents.map(read).collect();
    trees.iter_mut().for_each(conditions);
    trees
}

fn conditions(tree: &mut Value) {
    match tree {
        Value::Array(entries) => entries.iter_mut().for_each(conditions),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| key == "when" || key == "unless") {
                    Some(text) => *value = condition(text),
                    None => conditions(value),
                }
            }
        }
        _ => {}
    }
}

fn condition(text: &str) -> Value {
    let policy = format!("permit(principal, action, resource) when {{ {text} }};");
    let policy = cedar_policy::Policy::from_str(&policy).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut tree = policy.to_json().unwrap();
    patterns(&mut tree);
    tree
}

/// A pattern is a list of characters; as a string it is compared like any other. A wildcard is a NUL there.
fn patterns(tree: &mut Value) {
    match tree {
        Value::Array(entries) => entries.iter_mut().for_each(patterns),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_array().filter(|_| key == "pattern") {
                    Some(parts) => {
                        let part = |part: &Value| part["Literal"].as_str().unwrap_or("\0").to_owned();
                        *value = Value::String(parts.iter().map(part).collect());
                    }
                    None => patterns(value),
                }
            }
        }
        _ => {}
    }
}

/// The tree that a value is to give: the marker's, with the value where the marker stands.
fn substituted(tree: &Value, value: &str) -> Value {
    match tree {
        Value::String(text) => Value::String(text.replace(MARKER, value)),
        Value::Array(entries) => entries.iter().map(|entry| substituted(entry, value)).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, field)| (key.clone(), substituted(field, value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_value_fills_its_own_place_and_no_other(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8)) {
        let value: String = pieces.concat();
        static EXPECTED: LazyLock<BTreeMap<String, Option<String>>> = LazyLock::new(|| filled(MARKER));
        let expected = &*EXPECTED;
        // Strings are taken as they are; names, words and numbers refuse the marker too.
        prop_assert!(expected.values().flatten().count() > 40);
        for (path, text) in filled(&value) {
            match (text, &expected[&path]) {
                (None, _) => {}
                (Some(text), Some(marked)) => {
                    let marked: Vec<Value> = trees(marked).iter().map(|tree| substituted(tree, &value)).collect();
                    prop_assert_eq!(trees(&text), marked, "{}", path);
                }
                (Some(text), None) => prop_assert!(false, "{} refuses a plain word and takes {:?}: {}", path, value, text),
            }
        }
    }
}
