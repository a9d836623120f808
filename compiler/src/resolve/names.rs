//! Who is called what: every name of every kind, each once, and the looking up of them.

use std::collections::BTreeMap;

use polity_runtime::table::{ClassId, EnvironmentId, RingId};

use super::{AgentId, PersonId, TeamId};
use crate::ast::{Body, Document, Documents, Text};
use crate::diag::codes::reference::{
    DUPLICATE_NAME, UNKNOWN_AGENT, UNKNOWN_CLASS, UNKNOWN_ENVIRONMENT, UNKNOWN_PERSON, UNKNOWN_RING, UNKNOWN_TEAM,
    UNKNOWN_TOOL,
};
use crate::diag::{Code, Diagnostic, Sink};
use crate::source::Span;

/// The rings that every edition has.
pub(super) const BUILT_IN_RINGS: [&str; 4] = ["privileged", "sandboxed", "standard", "trusted"];

/// The first place of each name of one kind, in order of name.
pub(super) type Index = BTreeMap<String, Span>;

/// Every name. A list's order is its ids' order.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) people: Index,
    pub(super) groups: Index,
    pub(super) teams: Index,
    pub(super) environments: Index,
    pub(super) rings: Index,
    pub(super) classes: Index,
    pub(super) tools: Index,
    pub(super) credentials: Index,
    pub(super) agents: Index,
}

impl Names {
    /// Collects the names, and reports those that are taken already.
    pub(super) fn collect(documents: &Documents, sink: &mut Sink) -> Self {
        let mut names = Self::default();
        let mut others: BTreeMap<(&str, &str), Span> = BTreeMap::new();
        for document in &documents.documents {
            let Some(name) = &document.name else { continue };
            let kind = kind(&document.body);
            let taken = match &document.body {
                Body::Person(_) => {
                    names.principal(&name.value).or_else(|| add(&mut names.people, name))
                }
                Body::Group(_) => names.principal(&name.value).or_else(|| add(&mut names.groups, name)),
                Body::Team(_) => names.principal(&name.value).or_else(|| add(&mut names.teams, name)),
                Body::Environment(_) => add(&mut names.environments, name),
                Body::Ring(_) => add(&mut names.rings, name),
                Body::DataClass(_) => add(&mut names.classes, name),
                Body::Tool(_) => add(&mut names.tools, name),
                Body::Credential(_) => add(&mut names.credentials, name),
                Body::Agent(_) => add(&mut names.agents, name),
                _ => {
                    let first = *others.entry((kind, &name.value)).or_insert(name.span);
                    (first != name.span).then_some(first)
                }
            };
            if let Some(first) = taken {
                sink.push(duplicate(kind, document, name, first));
            }
        }
        // A team may not be called like its members' group, but a ring may replace a built-in one.
        for ring in BUILT_IN_RINGS {
            names.rings.entry(ring.to_owned()).or_insert(Span::NOWHERE);
        }
        names
    }

    /// People, groups and teams share one namespace.
    fn principal(&self, name: &str) -> Option<Span> {
        [&self.people, &self.groups, &self.teams].into_iter().find_map(|index| index.get(name)).copied()
    }

    pub(super) fn person(&self, name: &Text, sink: &mut Sink) -> Option<PersonId> {
        look_up(&self.people, name, "person", &UNKNOWN_PERSON, sink).map(PersonId)
    }

    pub(super) fn team(&self, name: &Text, sink: &mut Sink) -> Option<TeamId> {
        look_up(&self.teams, name, "team", &UNKNOWN_TEAM, sink).map(TeamId)
    }

    pub(super) fn environment(&self, name: &Text, sink: &mut Sink) -> Option<EnvironmentId> {
        look_up(&self.environments, name, "environment", &UNKNOWN_ENVIRONMENT, sink).map(EnvironmentId)
    }

    pub(super) fn ring(&self, name: &Text, sink: &mut Sink) -> Option<RingId> {
        look_up(&self.rings, name, "ring", &UNKNOWN_RING, sink).map(RingId)
    }

    pub(super) fn class(&self, name: &Text, sink: &mut Sink) -> Option<ClassId> {
        look_up(&self.classes, name, "data class", &UNKNOWN_CLASS, sink).map(ClassId)
    }

    pub(super) fn agent(&self, name: &Text, sink: &mut Sink) -> Option<AgentId> {
        look_up(&self.agents, name, "agent", &UNKNOWN_AGENT, sink).map(AgentId)
    }

    pub(super) fn tool(&self, name: &Text, sink: &mut Sink) -> Option<u32> {
        look_up(&self.tools, name, "tool", &UNKNOWN_TOOL, sink)
    }
}

/// The place of a name in its list, which is its id.
pub(super) fn position(index: &Index, name: &str) -> Option<u32> {
    index.contains_key(name).then(|| u32::try_from(index.range::<str, _>(..name).count()).unwrap_or(u32::MAX))
}

/// The id of a name, or a diagnostic that suggests the nearest.
pub(super) fn look_up(index: &Index, name: &Text, noun: &str, code: &'static Code, sink: &mut Sink) -> Option<u32> {
    let found = position(index, &name.value);
    if found.is_none() {
        let message = format!("no {noun} is called `{}`", name.value);
        sink.push(
            Diagnostic::new(code, message, name.span, "")
                .with_suggestion(&name.value, name.span, index.keys().map(String::as_str)),
        );
    }
    found
}

/// Adds a name, or gives the place where it was first.
fn add(index: &mut Index, name: &Text) -> Option<Span> {
    match index.get(&name.value) {
        Some(first) => Some(*first),
        None => {
            index.insert(name.value.clone(), name.span);
            None
        }
    }
}

fn duplicate(kind: &str, document: &Document, name: &Text, first: Span) -> Diagnostic {
    let message = match document.body {
        Body::Person(_) | Body::Group(_) | Body::Team(_) => {
            format!("`{}` is taken: people, groups and teams share one namespace", name.value)
        }
        _ => format!("there are two {kind}s called `{}`", name.value),
    };
    Diagnostic::new(&DUPLICATE_NAME, message, name.span, "the second one").with_related(first, "the first one is here")
}

/// A document's kind, as it is written.
pub(crate) fn kind(body: &Body) -> &'static str {
    match body {
        Body::Organization(_) => "Organization",
        Body::Person(_) => "Person",
        Body::Group(_) => "Group",
        Body::Forge(_) => "Forge",
        Body::Team(_) => "Team",
        Body::Environment(_) => "Environment",
        Body::Ring(_) => "Ring",
        Body::DataClass(_) => "DataClass",
        Body::Tool(_) => "Tool",
        Body::Credential(_) => "Credential",
        Body::Agent(_) => "Agent",
        Body::Deployment(_) => "Deployment",
        Body::Policy(_) => "Policy",
        Body::Exception(_) => "Exception",
        Body::Invariant(_) => "Invariant",
        Body::Test(_) => "Test",
        Body::ApprovalRule(_) => "ApprovalRule",
        Body::Kill(_) => "Kill",
        Body::Use(_) => "Use",
    }
}
