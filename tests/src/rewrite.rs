//! Organisations rewritten: files to documents as trees, which tests rearrange, and back to files.
//!
//! What is written back is JSON, in the order of the keys as they were read: it says the same, and never depends on
//! how a scalar was spelled.

use serde::Deserialize;
use serde_yaml::{Mapping, Value};

/// A document and the file in which it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// `teams/payments/policies.yaml`
    pub path: String,
    /// A mapping.
    pub value: Value,
}

impl Written {
    /// Whether it is of a kind.
    pub fn is(&self, kind: &str) -> bool {
        self.text("kind") == kind
    }

    /// A string field; empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.value.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A policy's rules.
    pub fn rules(&mut self) -> Option<&mut Mapping> {
        if self.is("Policy") {
            self.value.get_mut("rules")?.as_mapping_mut()
        } else {
            None
        }
    }

    /// `teams/payments/` or nothing: what of the path has a meaning.
    pub fn folder(&self) -> &str {
        let inside = self.path.strip_prefix("teams/").and_then(|rest| rest.find('/'));
        inside.map_or("", |slash| &self.path["teams/".len()..][..=slash])
    }
}

/// Every document of every file.
///
/// # Panics
/// Where a file is no YAML.
pub fn read(files: &[(String, String)]) -> Vec<Written> {
    let of = |(path, text): &(String, String)| {
        let values = serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap());
        let written = values.map(|value| Written {
            path: path.clone(),
            value,
        });
        written.collect::<Vec<_>>()
    };
    files.iter().flat_map(of).collect()
}

/// Files again: the documents of one path in the order in which they come.
pub fn write(documents: &[Written]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for document in documents {
        let text = json(&document.value);
        match files.iter_mut().find(|(path, _)| *path == document.path) {
            Some((_, before)) => *before += &format!("---\n{text}\n"),
            None => files.push((document.path.clone(), format!("{text}\n"))),
        }
    }
    files
}

/// `policy/rule` and the effect of every rule.
pub fn rules(documents: &[Written]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for document in documents {
        let name = document.text("name").to_owned();
        for (rule, body) in document.clone().rules().into_iter().flatten() {
            let effect = body.get("effect").and_then(Value::as_str).unwrap_or_default();
            found.push((
                format!("{name}/{}", rule.as_str().unwrap_or_default()),
                effect.to_owned(),
            ));
        }
    }
    found
}

/// Without a rule, and without what lifts it.
pub fn without(documents: &[Written], rule: &str) -> Vec<Written> {
    let (policy, name) = rule.split_once('/').unwrap_or((rule, ""));
    let mut left = documents.to_vec();
    for document in &mut left {
        if document.text("name") == policy
            && let Some(rules) = document.rules()
        {
            rules.remove(name);
        }
    }
    left.retain_mut(|document| {
        let lifts = document.is("Exception") && document.text("to") == rule;
        let empty = document.rules().is_some_and(|rules| rules.is_empty());
        !lifts && !empty
    });
    left
}

fn json(value: &Value) -> String {
    match value {
        Value::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Sequence(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        Value::Mapping(fields) => {
            let field = |(key, value): (&Value, &Value)| format!("{}: {}", json(key), json(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        other => panic!("{other:?} in a document"),
    }
}
