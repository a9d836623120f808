//! [`Findings`] as SARIF 2.1.0, for code scanning and editors: one rule per code that was found, with its page.
//!
//! Columns count Unicode code points. Paths are relative to the organisation's root, without a leading `./`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fingerprint::fingerprints;
use super::json::pretty;
use super::page::meaning;
use super::place::Places;
use crate::diag::{Code, Diagnostic, Findings, Label, Severity};
use crate::source::{SourceTree, Span};

/// The findings as one SARIF log, indented, with a line break at the end.
pub fn findings(findings: &Findings, tree: &SourceTree) -> String {
    let mut places = Places::new(tree);
    let codes: BTreeMap<&str, &Code> = findings
        .diagnostics()
        .iter()
        .map(|found| (found.code.id, found.code))
        .collect();
    let index: BTreeMap<&str, usize> = codes.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results: Vec<Value> = findings
        .diagnostics()
        .iter()
        .zip(fingerprints(findings, tree))
        .map(|(found, fingerprint)| result(found, &fingerprint, index.get(found.code.id), &mut places))
        .collect();
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "polity",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.values().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.id,
        "shortDescription": {"text": meaning(code)},
        "help": {"text": code.page, "markdown": code.page},
        "defaultConfiguration": {"level": level(code.severity)},
    })
}

fn result(found: &Diagnostic, fingerprint: &str, rule: Option<&usize>, places: &mut Places<'_>) -> Value {
    let help = found.help.iter().map(|help| format!("\nhelp: {}", help.text));
    let label = found
        .primary
        .as_ref()
        .filter(|label| !label.text.is_empty())
        .map(|label| format!("\n{}", label.text));
    let text: String = std::iter::once(found.message.clone())
        .chain(label)
        .chain(help)
        .collect();
    let mut result = json!({
        "ruleId": found.code.id,
        "ruleIndex": rule,
        "level": level(found.severity),
        "message": {"text": text},
        "partialFingerprints": {"polity/v1": fingerprint},
        "locations": locations(found, places),
    });
    let related: Vec<Value> = found
        .related
        .iter()
        .chain(&found.origin)
        .filter_map(|label| location(label, places))
        .collect();
    let fixes: Vec<Value> = found
        .help
        .iter()
        .filter_map(|help| {
            let (span, text) = help.replacement.as_ref()?;
            let (path, region) = region(*span, places)?;
            Some(json!({
                "description": {"text": help.text},
                "artifactChanges": [{
                    "artifactLocation": {"uri": path},
                    "replacements": [{"deletedRegion": region, "insertedContent": {"text": text}}],
                }],
            }))
        })
        .collect();
    if let Some(object) = result.as_object_mut() {
        if !related.is_empty() {
            object.insert("relatedLocations".to_owned(), related.into());
        }
        if !fixes.is_empty() {
            object.insert("fixes".to_owned(), fixes.into());
        }
    }
    result
}

/// Where it is: a place, or at least a file.
fn locations(found: &Diagnostic, places: &mut Places<'_>) -> Vec<Value> {
    let unread = found
        .path
        .iter()
        .map(|path| json!({"physicalLocation": {"artifactLocation": {"uri": uri(&places.in_repository(path))}}}))
        .collect::<Vec<_>>();
    let place = found.primary.iter().filter_map(|label| location(label, places));
    place.chain(unread).collect()
}

fn location(label: &Label, places: &mut Places<'_>) -> Option<Value> {
    let (path, region) = region(label.span, places)?;
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": path}, "region": region}});
    if let Some(object) = location.as_object_mut().filter(|_| !label.text.is_empty()) {
        object.insert("message".to_owned(), json!({"text": label.text}));
    }
    Some(location)
}

/// A path as a relative URI, and the region in it.
fn region(span: Span, places: &mut Places<'_>) -> Option<(String, Value)> {
    let place = places.of(span)?;
    let region = json!({
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    });
    Some((uri(&places.in_repository(place.path)), region))
}

/// A path with everything escaped that a relative URI may not hold.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@!$&'()*+,;=".contains(&byte);
    path.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
