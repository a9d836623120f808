//! The names that a condition may use: what the Cedar schema is generated from.

#![allow(missing_docs, reason = "variants and fields that are named for what they are")]

use polity_runtime::value::Effect;

use crate::resolve::shape::{Shape, ShapeId};

/// Everything that can be named, each list sorted.
#[derive(Debug, Default)]
pub struct Vocabulary {
    /// `payments/claude-code`
    pub deployments: Vec<String>,
    /// `claude-code`
    pub agents: Vec<String>,
    pub teams: Vec<String>,
    pub rings: Vec<String>,
    pub environments: Vec<String>,
    /// Keys of agents' tags.
    pub tags: Vec<String>,
    pub data_classes: Vec<String>,
    pub tools: Vec<String>,
    pub actions: Vec<VocabularyAction>,
    pub shapes: Vec<Shape>,
}

/// An action (a variant counts as one; so does `credential.NAME`, whose tool is `credential`).
#[derive(Debug)]
pub struct VocabularyAction {
    /// `github.merge_pull_request`, `github.pull_request_review_write/approve`, `credential.billing-db`.
    pub name: String,
    pub tool: String,
    pub effect: Effect,
    pub external: bool,
    pub shape: ShapeId,
    /// Whether it declares resources: `resource.name` is an error where it does not.
    pub has_resources: bool,
}
