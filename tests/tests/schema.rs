//! The JSON Schemas of `polity schema`, judged by a validator that did not come from this project: in come the
//! documents of the model's page, of the example organisation, of the codes' pages and of the reader's own tests;
//! out comes that the schemas take what the reader takes, and refuse what it refuses for its shape.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use polity::diag::{Severity, Sink, codes};
use polity::expand::{SHIPPED, Shipped};
use polity::parse::document::{KINDS, schema};
use polity::parse::parse;
use polity::source::SourceTree;
use serde::Deserialize as _;
use serde_json::{Value, json};

/// Every schema, made ready once.
struct Schemas {
    all: Validator,
    kinds: BTreeMap<&'static str, Validator>,
}

impl Schemas {
    fn new() -> Self {
        let ready = |schema: &Value| jsonschema::draft202012::new(schema).unwrap();
        let kinds = KINDS.iter().chain(&["Template"]);
        Self {
            all: ready(&schema::of_all()),
            kinds: kinds
                .map(|kind| (*kind, ready(&schema::of_kind(kind).unwrap())))
                .collect(),
        }
    }

    /// What both schemas that a document could follow say of it, which must be the same.
    fn take(&self, document: &Value) -> Result<(), String> {
        let said = |validator: &Validator| -> Vec<String> {
            let errors = validator.iter_errors(document);
            errors
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect()
        };
        let of_all = said(&self.all);
        if let Some(own) = document["kind"].as_str().and_then(|kind| self.kinds.get(kind)) {
            assert_eq!(of_all.is_empty(), said(own).is_empty(), "{document}");
        }
        match of_all.as_slice() {
            [] => Ok(()),
            errors => Err(errors.join("\n")),
        }
    }
}

/// The documents of a text, read by another reader than the project's. `None` where that one cannot read it. A text
/// of comments alone has none.
fn documents(text: &str) -> Option<Vec<Value>> {
    let read = serde_yaml::Deserializer::from_str(text).map(|document| {
        let value = serde_yaml::Value::deserialize(document).ok()?;
        serde_json::to_value(value).ok()
    });
    let read: Option<Vec<Value>> = read.collect();
    read.map(|documents| documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Whether the project's reader takes a file's documents, and the codes of what it says if not.
fn refused(path: &str, text: &str) -> BTreeSet<&'static str> {
    let mut sink = Sink::default();
    parse(
        &SourceTree::from_files(vec![(path.to_owned(), text.to_owned())]),
        &mut sink,
    );
    let errors = sink
        .diagnostics()
        .iter()
        .filter(|found| found.severity == Severity::Error);
    errors.map(|found| found.code.id).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every YAML file below a folder, dot-folders apart.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
            match path.extension().is_some_and(|extension| extension == "yaml") {
                _ if hidden => {}
                true => files.push(path),
                false if path.is_dir() => ahead.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

const EVERYTHING: &str = include_str!("../../compiler/src/parse/document/everything.yaml");

#[test]
fn the_schemas_are_schemas() {
    for schema in KINDS
        .iter()
        .chain(&["Template"])
        .map(|kind| schema::of_kind(kind).unwrap())
        .chain([schema::of_all()])
    {
        assert_eq!(schema["$schema"], schema::DIALECT);
        if let Err(error) = jsonschema::draft202012::meta::validate(&schema) {
            panic!("{}: {error}", schema["title"]);
        }
    }
    assert_eq!(schema::of_kind("Polcy"), None);
}

#[test]
fn every_document_that_the_project_shows_follows_its_schema() {
    let schemas = Schemas::new();
    let mut files: Vec<(PathBuf, String)> = ["tests/cases/model", "example-org", "compiler/src/diag/codes/base"]
        .iter()
        .flat_map(|folder| yaml_files(&root().join(folder)))
        .filter(|path| !path.components().any(|part| part.as_os_str() == "templates"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    files.push((PathBuf::from("everything.yaml"), EVERYTHING.to_owned()));
    let mut kinds = BTreeSet::new();
    for (path, text) in files {
        for document in documents(&text).unwrap() {
            if let Err(errors) = schemas.take(&document) {
                panic!("{}: {errors}", path.display());
            }
            let kind = document["kind"].as_str().unwrap().to_owned();
            for (other, validator) in &schemas.kinds {
                assert!(
                    *other == kind || !validator.is_valid(&document),
                    "a {kind} passes for a {other}"
                );
            }
            kinds.insert(kind);
        }
    }
    assert_eq!(kinds, KINDS.iter().map(|kind| (*kind).to_owned()).collect());
}

#[test]
fn every_template_that_comes_with_polity_follows_its_schema() {
    let schemas = Schemas::new();
    for Shipped { name, text, .. } in SHIPPED {
        let declaration = text.split("\n---\n").next().unwrap();
        let documents = documents(declaration).unwrap();
        let [document] = documents.as_slice() else {
            panic!("{name}")
        };
        assert!(schemas.kinds["Template"].is_valid(document), "{name}");
        assert!(
            !schemas.all.is_valid(document),
            "a template's declaration is no document of its own"
        );
    }
}

#[test]
fn what_a_generated_organisation_writes_follows_its_schema() {
    let schemas = Schemas::new();
    for seed in 0..4 {
        for (path, text) in polity_tests::generate::small(seed) {
            for document in documents(&text).unwrap() {
                if let Err(errors) = schemas.take(&document) {
                    panic!("{path}: {errors}");
                }
            }
        }
    }
}

/// Codes that say that a document is not shaped as its kind is, of which a schema can know.
const SHAPES: &[&str] = &[
    "any-not-alone",
    "bad-date",
    "bad-duration",
    "bad-name",
    "bad-parameter",
    "bad-rate",
    "bad-server",
    "bad-size",
    "bad-target",
    "bad-text",
    "empty-kill",
    "empty-list",
    "empty-mapping",
    "empty-test",
    "exception-for-everybody",
    "field-not-for-effect",
    "incomplete-allow",
    "incomplete-case",
    "missing-approval",
    "missing-field",
    "missing-kind",
    "not-a-boolean",
    "not-an-integer",
    "null-value",
    "out-of-range",
    "reserved-name",
    "reserved-type",
    "unclassified-action",
    "unknown-edition",
    "unknown-key",
    "unknown-kind",
    "unknown-type",
    "unknown-value",
    "wrong-shape",
];

/// Codes of what the reader takes, and a later step refuses: the schema may know it too.
const LATER: &[&str] = &["unknown-code"];

#[test]
fn the_pages_of_the_codes_agree_with_the_schemas() {
    let schemas = Schemas::new();
    let mut missed: BTreeSet<&str> = SHAPES.iter().copied().collect();
    let mut wrong = Vec::new();
    for code in codes::all() {
        let (_, examples) = code.page.split_once("\n## Bad\n").unwrap();
        for (path, text) in blocks(examples) {
            let Some(documents) = documents(&text) else { continue };
            let said: Vec<String> = documents
                .iter()
                .filter_map(|document| schemas.take(document).err())
                .collect();
            if !said.is_empty() {
                missed.remove(code.id);
            }
            // What the reader takes, no schema refuses.
            if !said.is_empty() && refused(&path, &text).is_empty() && !LATER.contains(&code.id) {
                wrong.push(format!("{} ({path}): {}", code.id, said.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(missed.is_empty(), "no schema refuses the bad examples of {missed:?}");
}

/// The YAML files of a page's examples, templates apart.
fn blocks(examples: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    for part in examples.split("```yaml path=").skip(1) {
        let (path, rest) = part.split_once('\n').unwrap();
        let text = rest.split("```").next().unwrap();
        if !path.starts_with("templates/") && !path.contains(' ') {
            blocks.push((path.to_owned(), text.to_owned()));
        }
    }
    blocks
}

/// What the reader refuses in a mutant, and no schema can: what depends on two values at once, or on the
/// file's place; what others read by rules that no pattern says; or what is written as it should be, and waits for a
/// person.
const BEYOND: &[&str] = &[
    "bad-email",
    "bad-paths",
    "bad-url",
    "bad-versions",
    "team-mismatch",
    "unconfirmed-effect",
    "unknown-cell",
];

#[test]
fn the_reader_and_the_schemas_agree_on_every_small_change() {
    let schemas = Schemas::new();
    let replacements = [
        json!("a"),
        json!(""),
        json!("1"),
        json!(1),
        json!(-1),
        json!(true),
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"a": "b"}),
    ];
    let (mut refusals, mut all) = (0, 0);
    let mut wrong = Vec::new();
    for document in documents(EVERYTHING).unwrap() {
        let mut mutants = Vec::new();
        for place in places(&document) {
            let node = document.pointer(&place).unwrap();
            for replacement in replacements.iter().filter(|replacement| *replacement != node) {
                let mut mutant = document.clone();
                *mutant.pointer_mut(&place).unwrap() = replacement.clone();
                mutants.push(mutant);
            }
            if let Some(entries) = node.as_object() {
                for key in entries.keys() {
                    let mut mutant = document.clone();
                    mutant.pointer_mut(&place).unwrap().as_object_mut().unwrap().remove(key);
                    mutants.push(mutant);
                }
                let mut mutant = document.clone();
                mutant.pointer_mut(&place).unwrap()["surplus"] = json!("a");
                mutants.push(mutant);
            }
        }
        for mutant in mutants {
            // Outside its team's folder a Deployment needs `team`, which no schema knows.
            let path = match document["kind"].as_str() {
                Some("Organization") => "polity.yaml",
                Some("Deployment") => "teams/marker/x.yaml",
                _ => "x.yaml",
            };
            let reader = refused(path, &mutant.to_string());
            // The schema of all kinds is made of the same definitions: a sample of the mutants goes through both.
            let own = &schemas.kinds[document["kind"].as_str().unwrap()];
            let schema = match all % 10 {
                0 => schemas.take(&mutant),
                _ => own.validate(&mutant).map_err(|error| error.to_string()),
            };
            all += 1;
            refusals += usize::from(schema.is_err());
            let beyond = reader.iter().all(|code| BEYOND.contains(code));
            match (reader.is_empty(), &schema) {
                (true, Err(errors)) => wrong.push(format!("the schema alone refuses {mutant}\n{errors}")),
                (false, Ok(())) if !beyond => wrong.push(format!("the reader alone refuses {mutant}\n{reader:?}")),
                _ => {}
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {all} differ\n{}",
        wrong.len(),
        wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n\n")
    );
    assert!(refusals > 1000 && all > refusals, "{refusals} of {all}");
}

/// JSON pointers to every value of a document but itself and its kind.
fn places(document: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    let mut at = 0;
    while let Some(place) = places.get(at).cloned() {
        match document.pointer(&place).unwrap() {
            Value::Object(entries) => {
                let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
                places.extend(entries.keys().map(|key| format!("{place}/{}", escaped(key))));
            }
            Value::Array(entries) => places.extend((0..entries.len()).map(|at| format!("{place}/{at}"))),
            _ => {}
        }
        at += 1;
    }
    places.retain(|place| place != "/kind");
    places
}
