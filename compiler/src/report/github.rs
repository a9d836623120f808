//! [`Findings`] as workflow commands, which GitHub Actions turns into annotations.
//!
//! GitHub shows ten of each kind a step, so errors come first; all of them are written, and the log keeps the rest.

use std::fmt::Write as _;

use super::place::Places;
use crate::diag::{Diagnostic, Findings, Severity};
use crate::source::SourceTree;

/// The findings, one command a line.
pub fn findings(findings: &Findings, tree: &SourceTree) -> String {
    let mut places = Places::new(tree);
    let mut sorted: Vec<&Diagnostic> = findings.diagnostics().iter().collect();
    sorted.sort_by_key(|found| std::cmp::Reverse(found.severity));
    let mut text = String::new();
    for found in sorted {
        let command = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties = String::new();
        if let Some(place) = found.primary.as_ref().and_then(|label| places.of(label.span)) {
            let (start, end) = (place.start, place.end);
            // Writing to a `String` cannot fail.
            let _ = write!(
                properties,
                "file={},line={},endLine={},",
                property(&tree.in_repository(place.path)),
                start.line,
                end.line
            );
            // Columns over several lines mean nothing to GitHub.
            if start.line == end.line {
                let _ = write!(properties, "col={},endColumn={},", start.column, end.column);
            }
        } else if let Some(path) = &found.path {
            let _ = write!(properties, "file={},", property(&tree.in_repository(path)));
        }
        let help: String = found.help.iter().map(|help| format!("\nhelp: {}", help.text)).collect();
        let _ = writeln!(
            text,
            "::{command} {properties}title={}::{}",
            property(found.code.id),
            data(&format!("{}{help}", found.message))
        );
    }
    text
}

/// What stands after `::` may hold no line break.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands in a property may hold neither that nor the marks between properties.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
