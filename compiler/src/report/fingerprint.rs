//! What tells one finding from another across revisions: stable while lines shift, and unique within a run.

use std::collections::BTreeMap;

use polity_runtime::wire::Digest;

use crate::diag::Findings;
use crate::source::SourceTree;

/// A fingerprint per finding, in their order: 64 hexadecimal digits over path, code and message. Equal findings of
/// one file are numbered.
pub(super) fn fingerprints(findings: &Findings, tree: &SourceTree) -> Vec<String> {
    let mut seen: BTreeMap<(String, &str, &str), u32> = BTreeMap::new();
    let one = |found: &'_ crate::diag::Diagnostic| {
        let file = found.primary.as_ref().and_then(|label| tree.file(label.span.file));
        let path = file.map(|file| file.path.clone()).or_else(|| found.path.clone());
        path.unwrap_or_default()
    };
    findings
        .diagnostics()
        .iter()
        .map(|found| {
            let path = one(found);
            let number = seen.entry((path.clone(), found.code.id, &found.message)).or_insert(0);
            *number += 1;
            Digest::of(format!("{path}\0{}\0{}\0{number}", found.code.id, found.message).as_bytes()).to_string()
        })
        .collect()
}
