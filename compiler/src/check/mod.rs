//! `&Organization` to diagnostics: what is worth mending though nothing is wrong. Only looks; one file a subject.

mod agents;
mod rules;
mod unused;

use crate::ast::{Documents, Moment};
use crate::diag::Sink;
use crate::resolve::Organization;

/// Runs every lint. Dates are compared with `now`.
pub fn check(documents: &Documents, organization: &Organization, now: Moment, sink: &mut Sink) {
    agents::check(documents, organization, now, sink);
    rules::check(organization, now, sink);
    unused::check(documents, organization, sink);
}
