//! A YAML value as it was written: span and style on every key and value.
//!
//! What could be read otherwise than it looks (tags, anchors, aliases, merge keys, directives, non-string or
//! duplicate keys, null) never becomes a node: the reader reports it and leaves a [`Value::Hole`].

use crate::source::{Span, Spanned};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value's own text, without its key.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: YAML decides whether it is a string, and so do we, by the stricter reading.
    Plain,
    /// `'...'`
    SingleQuoted,
    /// `"..."`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar: its text after YAML's escapes, and its style.
    Scalar(String, Style),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written; each key once.
    Map(Vec<Entry>),
    /// Something broken that has its diagnostic already: say nothing more about it.
    Hole,
}

/// A key with its value, and the `# polity:` comment above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

/// `# polity: allow CODE reason`, and what it stands above.
#[derive(Debug, Clone, PartialEq)]
pub struct Pragma {
    /// The comment's place.
    pub span: Span,
    /// The code that is allowed.
    pub code: String,
    /// Why.
    pub reason: String,
    /// The node below it, whose diagnostics it silences.
    pub covers: Span,
}
