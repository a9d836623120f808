//! Rego, wrapped: the text of a `.rego` file becomes conditions, or diagnostics.
//!
//! What comes in is the text, the constants of the JSON files beside it and a [`Vocabulary`]; what goes out is the
//! project's own [`Condition`] and its own diagnostics. No type of regorus leaves this module.
//!
//! Rego has three outcomes where a condition has three others. What is *undefined* does not match: it becomes "no",
//! and `not` of it "yes". A *required* argument that is missing, or any argument that cannot be read, is an error here,
//! where Rego has it undefined or compares it by a total order of types: the rule then errs, which counts against the
//! call. A query is looked at in the order written, and its first statement that fails ends it; of several bodies of
//! one rule all are looked at, so that their order says nothing.

mod asked;
mod builtins;
mod compare;
mod data;
pub mod engine;
mod foreign;
mod input;
mod kinds;
mod lower;
mod module;
mod moments;
mod packages;
mod parse;
mod reach;
mod regex;
mod rules;
mod source;
mod terms;
mod texts;
mod values;
mod visit;
mod walks;

pub use data::Folders;
pub(crate) use packages::is_helper;
pub use parse::{Document, Entry, Parsed, RuleText, read};
pub(crate) use source::of as text;

#[cfg(test)]
pub(crate) use regex::automaton;

use super::vocabulary::Vocabulary;
use crate::diag::{Diagnostic, Sink};
use crate::ir::Condition;
use crate::source::{SourceTree, Span};

/// What one rule was lowered to for one action.
#[derive(Debug)]
pub struct Lowered {
    /// What it means.
    pub condition: Condition,
    /// Lints.
    pub findings: Vec<Diagnostic>,
}

/// Why there is no condition.
#[derive(Debug)]
pub enum Failure {
    /// The policy is wrong.
    Wrong(Vec<Diagnostic>),
    /// The policy may be right, and no condition can say it.
    Outside {
        /// Where.
        span: Span,
        /// What it is, as a noun.
        what: String,
    },
}

/// Reports what is wrong with what the policies of a tree share: their data, and packages of helpers.
pub fn check(tree: &SourceTree, sink: &mut Sink) {
    data::check(tree, sink);
    packages::check(tree, sink);
}

/// Lowers `allow`, `deny` or `require_approval` of a document for one action, by its place in [`Vocabulary::actions`].
///
/// Actions of one shape get the same answer unless [`Parsed::mentions_action`].
///
/// # Errors
/// The policy is wrong, or beyond what a condition can say.
pub fn lower(vocabulary: &Vocabulary, parsed: &Parsed, action: usize) -> Result<Lowered, Failure> {
    lower::lower(vocabulary, parsed, action)
}
