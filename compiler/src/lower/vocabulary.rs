//! The names that a condition may use: what the Cedar schema is generated from.

#![allow(missing_docs, reason = "variants and fields that are named for what they are")]

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::Effect;

use crate::ir::ResourcePart;
use crate::resolve::Unread;
use crate::resolve::shape::{Shape, ShapeId, Type, WITHIN};

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
    /// What may be named, and could not be read.
    pub unread: Unread,
}

impl Vocabulary {
    /// What may be told of a resource, whichever tool's: attributes, sorted by name.
    pub fn told(&self) -> BTreeMap<&str, &Type> {
        let records = self.shapes.iter().filter_map(|shape| shape.entities.first());
        let fields = records.flat_map(|record| match &record.ty {
            Type::Record(fields) => fields.as_slice(),
            _ => &[],
        });
        fields
            .filter(|field| field.name != WITHIN)
            .map(|field| (field.name.as_str(), &field.ty))
            .collect()
    }

    /// The types of what a resource may be in, beside its environment.
    pub fn within(&self) -> BTreeSet<&str> {
        self.shapes
            .iter()
            .flat_map(|shape| &shape.within)
            .map(String::as_str)
            .collect()
    }
}

/// An action (a variant counts as one; so does `credential.NAME`, whose tool is `credential`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VocabularyAction {
    /// `github.merge_pull_request`, `github.pull_request_review_write/approve`, `credential.billing-db`.
    pub name: String,
    pub tool: String,
    pub effect: Effect,
    pub external: bool,
    pub reversible: bool,
    pub shape: ShapeId,
    /// Whether it declares resources: `resource.name` is an error where it does not.
    pub has_resources: bool,
    /// What a call touches, each a template over the arguments.
    pub resources: Vec<Vec<ResourcePart>>,
}
