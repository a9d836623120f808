//! Cedar, wrapped: the text of a condition becomes [`ir::Condition`](crate::ir::Condition), or diagnostics.
//!
//! What comes in is a [`Vocabulary`] (what may be named) and the decoded text of one condition; what goes out is
//! the project's own condition and its own diagnostics. No type of Cedar leaves this module, and this module does
//! not know rules, selectors or YAML.
//!
//! A condition is looked at twice. Cedar's strict type-checker judges it for the action at hand, and has the last
//! word on what is well-typed and on which optional argument is guarded. What is lowered is the expression as it
//! was written, never the typed tree that the checker returns: that one leaves out whatever the *declared* types
//! make unreachable (`context.args has amount || x` loses `x` where `amount` is required), and a call that lacks
//! a required argument would be decided by a condition that nobody wrote.

mod anything;
mod constants;
mod entities;
mod lower;
mod messages;
mod parse;
pub mod policies;
mod reach;
mod records;
mod remarks;
mod schema;
mod seen;
mod slots;
mod terms;
mod tree;
mod types;
pub mod world;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod evaluate;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use super::condition::MAX_TESTS;
pub use parse::{MAX_DEPTH, MAX_TEXT, Parsed, TextPlace, parse};
pub use schema::{Schema, cedar_schema};

use super::vocabulary::Vocabulary;
use crate::diag::{Diagnostic, Severity};
use crate::ir::Condition;

/// What a condition was lowered to, and what is worth saying about it (never an error).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowered {
    /// What it means.
    pub condition: Condition,
    /// Lints.
    pub findings: Vec<Diagnostic>,
}

/// Whether a parameter of that name has a command or a query in it.
pub(super) fn is_command(name: &str) -> bool {
    lower::COMMANDS.contains(&name.to_lowercase().as_str())
}

/// Lowers a condition of a rule for one action, by its place in [`Vocabulary::actions`].
///
/// Actions of one shape, with equal `has_resources`, get the same answer unless [`Parsed::mentions_action`]: what
/// is said about the action is settled here, so that `action == Action::"a" && context.args.only_in_a` may stand
/// in a rule over many actions.
pub fn lower(
    schema: &Schema,
    vocabulary: &Vocabulary,
    parsed: &Parsed,
    action: usize,
) -> Result<Lowered, Vec<Diagnostic>> {
    run(schema, vocabulary, parsed, action, lower::Sees::Everything)
}

/// Lowers the test of a variant, for which `action` is any variant of the action: it may look at `context.args`
/// only, because which action a call is must be known before anybody asks who calls.
pub fn lower_variant_test(
    schema: &Schema,
    vocabulary: &Vocabulary,
    parsed: &Parsed,
    action: usize,
) -> Result<Lowered, Vec<Diagnostic>> {
    run(schema, vocabulary, parsed, action, lower::Sees::ArgumentsOnly)
}

fn run(
    schema: &Schema,
    vocabulary: &Vocabulary,
    parsed: &Parsed,
    action: usize,
    sees: lower::Sees,
) -> Result<Lowered, Vec<Diagnostic>> {
    let (condition, mut findings) = parse::with_stack(|| {
        let (condition, mut findings) = lower::lower(vocabulary, parsed, action, sees);
        let failed = condition.is_none();
        findings.extend(messages::typecheck(schema, parsed, action, failed));
        (condition, findings)
    });
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
    findings.dedup();
    match condition {
        Some(condition) if findings.iter().all(|d| d.severity != Severity::Error) => {
            Ok(Lowered { condition, findings })
        }
        _ => Err(findings),
    }
}

/// Diagnostics in the order of their places, whatever order they were found in.
fn key(diagnostic: &Diagnostic) -> (Option<crate::source::Span>, &str, &str) {
    (
        diagnostic.primary.as_ref().map(|label| label.span),
        diagnostic.code.id,
        &diagnostic.message,
    )
}
