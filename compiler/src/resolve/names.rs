//! Who is called what: every name of every kind, each once, and the looking up of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// The names of one kind, each with its first place and, in order of name, its id.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: BTreeMap<String, (Span, u32)>,
    /// Names of documents that could not be read, and whether one of them had none that was legible.
    broken: BTreeSet<String>,
    broken_unnamed: bool,
}

impl Index {
    /// The id of a name.
    pub(super) fn id(&self, name: &str) -> Option<u32> {
        self.entries.get(name).map(|(_, id)| *id)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Whether a name is of the document that stands there, not of a second one.
    pub(super) fn is_at(&self, name: &Text) -> bool {
        self.entries
            .get(&name.value)
            .is_some_and(|(span, _)| *span == name.span)
    }

    /// Whether the name may be that of a document which could not be read: it is not unknown, then.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken_unnamed || self.broken.contains(name)
    }

    /// Whether any document of the kind could not be read.
    pub(super) fn any_broken(&self) -> bool {
        self.broken_unnamed || !self.broken.is_empty()
    }

    /// The names that could not be read, and whether there are some without a name.
    pub(super) fn broken(&self) -> (&BTreeSet<String>, bool) {
        (&self.broken, self.broken_unnamed)
    }

    /// The names, in the order of their ids.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Adds a name, or gives the place where it was first.
    fn add(&mut self, name: &Text) -> Option<Span> {
        match self.entries.get(&name.value) {
            Some((first, _)) => Some(*first),
            None => {
                self.entries.insert(name.value.clone(), (name.span, 0));
                None
            }
        }
    }

    /// Numbers the names, and takes note of what could not be read.
    fn finish(&mut self, kind: &str, documents: &Documents) {
        for ((_, id), number) in self.entries.values_mut().zip(0u32..) {
            *id = number;
        }
        for broken in &documents.broken {
            if broken.kind.as_deref().is_none_or(|own| own == kind) {
                match &broken.name {
                    Some(name) => self.broken.extend([name.clone()]),
                    None => self.broken_unnamed = true,
                }
            }
        }
        // Likewise a document whose name alone was not legible. A Deployment has none.
        let unnamed = |document: &Arc<Document>| document.name.is_none() && self::kind(&document.body) == kind;
        self.broken_unnamed |= kind != "Deployment" && documents.documents.iter().any(unnamed);
    }
}

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
    /// Only to know which of them could not be read.
    pub(super) policies: Index,
    /// Likewise.
    pub(super) deployments: Index,
    /// Some agent's tags could not be read.
    pub(super) tags_unread: bool,
    /// Every action, variant and rule that was written, with its full name: one that is left out for an error of its
    /// own is not unknown.
    pub(super) written: BTreeSet<String>,
}

impl Names {
    /// Collects the names, and reports those that are taken already.
    pub(super) fn collect(documents: &Documents, sink: &mut Sink) -> Self {
        let mut names = Self::default();
        let mut others: BTreeMap<(&str, &str), Span> = BTreeMap::new();
        for document in &documents.documents {
            let Some(name) = &document.name else { continue };
            names.parts(&name.value, &document.body);
            let kind = kind(&document.body);
            let taken = match &document.body {
                Body::Person(_) => names.principal(&name.value).or_else(|| names.people.add(name)),
                Body::Group(_) => names.principal(&name.value).or_else(|| names.groups.add(name)),
                Body::Team(_) => names.principal(&name.value).or_else(|| names.teams.add(name)),
                Body::Environment(_) => names.environments.add(name),
                Body::Ring(_) => names.rings.add(name),
                Body::DataClass(_) => names.classes.add(name),
                Body::Tool(_) => names.tools.add(name),
                Body::Credential(_) => names.credentials.add(name),
                Body::Agent(_) => names.agents.add(name),
                _ => {
                    let first = *others.entry((kind, &name.value)).or_insert(name.span);
                    (first != name.span).then_some(first)
                }
            };
            if let Some(first) = taken {
                sink.push(duplicate(kind, document, name, first));
            }
        }
        // A tool always has actions: where none could be read, that was reported.
        let none = |document: &&Arc<Document>| matches!(&document.body, Body::Tool(tool) if tool.actions.is_empty());
        let unread = documents
            .documents
            .iter()
            .filter(none)
            .filter_map(|document| document.name.as_ref());
        names.tools.broken.extend(unread.map(|name| name.value.clone()));
        for ring in BUILT_IN_RINGS {
            names.rings.entries.entry(ring.to_owned()).or_insert((Span::NOWHERE, 0));
        }
        names.people.finish("Person", documents);
        names.groups.finish("Group", documents);
        names.teams.finish("Team", documents);
        names.environments.finish("Environment", documents);
        names.rings.finish("Ring", documents);
        names.classes.finish("DataClass", documents);
        names.tools.finish("Tool", documents);
        names.credentials.finish("Credential", documents);
        names.agents.finish("Agent", documents);
        names.policies.finish("Policy", documents);
        names.deployments.finish("Deployment", documents);
        names
    }

    /// Takes note of the parts of a document that others refer to.
    fn parts(&mut self, name: &str, body: &Body) {
        match body {
            Body::Tool(tool) => {
                for (short, action) in &tool.actions {
                    let action_name = format!("{name}.{}", short.value);
                    let variants = action.variants.iter();
                    self.written
                        .extend(variants.map(|(variant, _)| format!("{action_name}/{}", variant.value)));
                    self.written.insert(action_name);
                }
                let unread = tool.unread.iter();
                self.written.extend(unread.map(|short| format!("{name}.{short}")));
            }
            Body::Agent(agent) => self.tags_unread |= agent.tags_unread,
            Body::Policy(policy) => {
                let rules = policy.rules.iter();
                self.written
                    .extend(rules.map(|(rule, _)| format!("{name}/{}", rule.value)));
                let unread = policy.unread.iter();
                self.written.extend(unread.map(|rule| format!("{name}/{rule}")));
            }
            _ => {}
        }
    }

    /// People, groups and teams share one namespace.
    fn principal(&self, name: &str) -> Option<Span> {
        [&self.people, &self.groups, &self.teams]
            .into_iter()
            .find_map(|index| index.entries.get(name))
            .map(|(span, _)| *span)
    }

    pub(super) fn person(&self, name: &Text, sink: &mut Sink) -> Option<PersonId> {
        let noun = match (self.groups.has(&name.value), self.teams.has(&name.value)) {
            (true, _) => "group",
            (_, true) => "team",
            _ => return look_up(&self.people, name, "person", &UNKNOWN_PERSON, sink).map(PersonId),
        };
        let message = format!("no person is called `{}`", name.value);
        let help = format!("that is a {noun}: name one person");
        sink.push(Diagnostic::new(&UNKNOWN_PERSON, message, name.span, "").with_help(help));
        None
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

/// The id of a name, or a diagnostic that suggests the nearest.
pub(super) fn look_up(index: &Index, name: &Text, noun: &str, code: &'static Code, sink: &mut Sink) -> Option<u32> {
    let found = index.id(&name.value);
    if found.is_none() && !index.is_broken(&name.value) {
        let message = format!("no {noun} is called `{}`", name.value);
        sink.push(Diagnostic::new(code, message, name.span, "").with_suggestion(&name.value, name.span, index.names()));
    }
    found
}

fn duplicate(kind: &str, document: &Document, name: &Text, first: Span) -> Diagnostic {
    let message = match document.body {
        Body::Person(_) | Body::Group(_) | Body::Team(_) => {
            format!(
                "`{}` is taken: people, groups and teams share one namespace",
                name.value
            )
        }
        _ => format!("`{}` is taken: another {kind} has that name", name.value),
    };
    Diagnostic::new(&DUPLICATE_NAME, message, name.span, "the second one")
        .with_related(first, "the first one is here")
        .with_help("rename one of them")
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
