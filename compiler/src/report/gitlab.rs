//! [`Findings`] as GitLab's code quality report: an array that a merge request shows beside the changed lines.

use serde_json::{Value, json};

use super::fingerprint::fingerprints;
use super::json::pretty;
use super::place::Places;
use crate::diag::{Findings, Severity};
use crate::source::SourceTree;

/// The findings, indented, with a line break at the end. What no line shows stands at the first of
/// the file that it is about, or of `polity.yaml`: GitLab drops what has no place.
pub fn findings(findings: &Findings, tree: &SourceTree) -> String {
    let mut places = Places::new(tree);
    let report: Vec<Value> = findings
        .diagnostics()
        .iter()
        .zip(fingerprints(findings, tree))
        .map(|(found, fingerprint)| {
            let place = found.primary.as_ref().and_then(|label| places.of(label.span));
            let unread = found.path.as_deref().unwrap_or("polity.yaml");
            let (path, line) = place.map_or((unread, 1), |place| (place.path, place.start.line));
            let help = found
                .help
                .first()
                .map(|help| format!(" ({})", help.text))
                .unwrap_or_default();
            json!({
                "description": format!("{}{help}", found.message),
                "check_name": found.code.id,
                "fingerprint": fingerprint,
                "severity": match found.severity {
                    Severity::Error => "critical",
                    Severity::Warning => "minor",
                    Severity::Note => "info",
                },
                "location": {"path": tree.in_repository(path), "lines": {"begin": line}},
            })
        })
        .collect();
    pretty(&report)
}
