//! `&Organization` to diagnostics: what is worth mending though nothing is wrong. Only looks; one file a subject.

mod agents;
mod folders;
mod names;
mod paths;
mod rules;
mod searched;
mod unused;

use std::collections::BTreeSet;

use crate::ast::{Documents, Moment};
use crate::diag::codes::lint::{
    AGENT_NOWHERE, ALLOW_NEVER_APPLIES, EMPTY_GROUP, RULE_NEVER_MATCHES, UNUSED_GROUP, UNUSED_TOOL,
};
use crate::diag::{Code, Diagnostic, Severity, Sink};
use crate::resolve::Organization;
use crate::source::SourceTree;
pub(crate) use names::check as check_names;
pub(crate) use searched::check as check_table;

/// Lints that say that something is nowhere in the whole repository. A misspelt name anywhere may be it.
const OF_ABSENCE: [&Code; 6] = [
    &AGENT_NOWHERE,
    &ALLOW_NEVER_APPLIES,
    &EMPTY_GROUP,
    &RULE_NEVER_MATCHES,
    &UNUSED_GROUP,
    &UNUSED_TOOL,
];

/// Runs every lint. Dates are compared with `now`. What may be but the consequence of an error that `sink` holds waits
/// until that is mended.
pub fn check(tree: &SourceTree, documents: &Documents, organization: &Organization, now: Moment, sink: &mut Sink) {
    let mut found = Sink::default();
    agents::check(documents, organization, now, &mut found);
    rules::check(tree, organization, now, &mut found);
    unused::check(documents, organization, &mut found);
    folders::check(tree, documents, organization, &mut found);
    paths::check(tree, documents, &mut found);
    let failing = sink.has_errors();
    let errors = sink.diagnostics().iter().filter(|one| one.severity == Severity::Error);
    let with_errors: BTreeSet<usize> = errors.filter_map(|error| document_of(documents, error)).collect();
    for lint in found.into_diagnostics() {
        let of_absence = failing && OF_ABSENCE.contains(&lint.code);
        let beside_an_error = document_of(documents, &lint).is_some_and(|at| with_errors.contains(&at));
        if !of_absence && !beside_an_error {
            sink.push(lint);
        }
    }
}

/// The place in the list of the document that a diagnostic points into.
fn document_of(documents: &Documents, found: &Diagnostic) -> Option<usize> {
    let span = found.primary.as_ref()?.span;
    // Documents are in the order of their files, and of their places there.
    let after = documents
        .documents
        .partition_point(|document| (document.file, document.span.start) <= (span.file, span.start));
    let at = after.checked_sub(1)?;
    let document = documents.documents.get(at)?;
    (document.file == span.file && span.start < document.span.end).then_some(at)
}
