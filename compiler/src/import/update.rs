//! A document that people have worked on, and what its server says now, become the document with what has changed.
//!
//! What people wrote stays: classes, resources, data classes, variants, narrower types, comments, order. What the server
//! says otherwise than when it was confirmed is marked, so that nothing is built from it before somebody has looked. An
//! action that the server does not list any more is marked too, and never taken out: rules may name it. The text is
//! changed in as few places as can be; then it is read again, and must say what was meant.

use std::fmt;

use super::edit::{self, Edits, New, Unmanageable};
use super::{class, listing, nowhere, yaml};
use crate::ast::{Action, ActionClass, Body, Hints, Param, ParamType, Text, Tool, Unconfirmed, Unread};
use crate::diag::codes::import::UNCONFIRMED_EFFECT;
use crate::diag::{Severity, Sink};
use crate::parse::document::{self, Source};
use crate::parse::node::{Entry, Node};
use crate::parse::yaml as reader;
use crate::source::FileId;

/// The document as it is now.
#[derive(Debug)]
pub struct Updated {
    /// Its whole file.
    pub text: String,
    /// In the order of the document, then of the server's list.
    pub changes: Vec<Change>,
}

/// What is otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The server lists an action that the document did not have.
    Added(String),
    /// So does it, and somebody may have taken it out of the document before: it lacked one even then.
    AddedOrBack(String),
    /// Somebody took an action out of the document that the server listed then, and lists now: it stays out.
    TakenOut(String),
    /// The server defines one otherwise: in what.
    Changed(String, Vec<String>),
    /// The server does not list one any more.
    Gone(String),
    /// About the tool as a whole.
    Server(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(action) => write!(f, "+ {action}: new, to be confirmed"),
            Self::AddedOrBack(action) => write!(
                f,
                "+ {action}: new, or taken out here before; to be confirmed, or left out with `--without {action}`"
            ),
            Self::TakenOut(action) => write!(f, "  {action}: taken out here, and stays out"),
            Self::Changed(action, what) => write!(f, "~ {action}: {}, to be confirmed", what.join("; ")),
            Self::Gone(action) => write!(f, "- {action}: not listed any more, to be removed or confirmed"),
            Self::Server(what) => write!(f, "~ server: {what}"),
        }
    }
}

/// Brings a tool of a file up to date: the one of this name, or the only one. `listed` is what [`super::propose`] made of
/// the server's answer, `digest` that of the whole answer.
///
/// # Errors
/// A file that has errors, has no such tool, or is written in a way that cannot be changed in place.
pub fn update(text: &str, name: Option<&str>, listed: &Tool, digest: &str) -> Result<Updated, String> {
    let Existing { name, mut tool, root } = Existing::read(text, name)?;
    let mut update = Update {
        edits: Edits::new(text),
        changes: Vec::new(),
    };
    let merged = update.tool(&root, &mut tool, listed, digest);
    let Update { edits, changes } = update;
    let unmanageable = |Unmanageable| {
        "it is written in a way that cannot be changed in place: put `actions` and each action on lines of their own"
            .to_owned()
    };
    let text = merged.and_then(|()| edits.done()).map_err(unmanageable)?;
    says(&text, &name, tool).map_err(|_| unmanageable(Unmanageable))?;
    Ok(Updated { text, changes })
}

/// Whether the tool of this name in a file says what this one does.
///
/// # Errors
/// What the file has instead.
pub(super) fn says(text: &str, name: &str, tool: Tool) -> Result<(), String> {
    let read = Existing::read(text, Some(name))?;
    match said(name, read.tool) == said(name, tool) {
        true => Ok(()),
        false => Err("it reads back as something else".to_owned()),
    }
}

/// A tool as it stands in a file.
struct Existing {
    name: String,
    tool: Tool,
    root: Node,
}

impl Existing {
    fn read(text: &str, wanted: Option<&str>) -> Result<Self, String> {
        let mut sink = Sink::default();
        let file = FileId(0);
        let documents = reader::read(file, text, &mut sink);
        let comments: Vec<_> = documents
            .iter()
            .flat_map(|one| one.comments.iter().map(|(span, _)| *span))
            .collect();
        let source = Source {
            file,
            path: "tool.yaml",
            text,
            comments: &comments,
        };
        let mut found = Vec::new();
        for written in documents {
            let Some(read) = document::read(&source, &written.root, &mut sink) else {
                continue;
            };
            if let (Body::Tool(tool), Some(name)) = (read.body, read.name)
                && wanted.is_none_or(|wanted| wanted == name.value)
            {
                found.push(Self {
                    name: name.value,
                    tool,
                    root: written.root,
                });
            }
        }
        let error =
            |found: &&crate::diag::Diagnostic| found.severity == Severity::Error && *found.code != UNCONFIRMED_EFFECT;
        if let Some(error) = sink.diagnostics().iter().find(error) {
            return Err(format!("it has errors, which `polity check` shows: {}", error.message));
        }
        match (found.pop(), wanted) {
            (Some(one), _) if found.is_empty() => Ok(one),
            (Some(_), _) => Err("it has several tools: say which with `--name`".to_owned()),
            (None, Some(name)) => Err(format!("it has no tool `{name}`")),
            (None, None) => Err("it has no tool".to_owned()),
        }
    }
}

/// All that a tool says, whatever the order of its actions and parameters.
fn said(name: &str, mut tool: Tool) -> String {
    tool.actions.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
    for (_, action) in &mut tool.actions {
        action.params.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
    }
    yaml::tool(name, &tool)
}

/// What the last import saw, as far as the digests that it left in a document tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// What the server lists now: whatever the document lacks, somebody took out.
    Same,
    /// Another list, all of which the document had.
    All,
    /// Another list, of which the document had less.
    Less,
    /// Nothing is known of it.
    None,
}

impl Memory {
    fn of(tool: &Tool, digest: &str) -> Self {
        let server = tool.server.as_ref().and_then(|server| server.digest.as_ref());
        let Some(server) = server.map(|digest| digest.value.as_str()) else {
            return Self::None;
        };
        if server == digest {
            return Self::Same;
        }
        let defined = tool.actions.iter().filter_map(|(name, action)| {
            let digest = action.definition.as_ref()?.digest.as_ref()?;
            let gone = action.unconfirmed.is_some_and(|mark| mark.value == Unconfirmed::Gone);
            let digest = digest.value.strip_prefix("sha256:")?;
            (!gone).then_some((name.value.as_str(), digest))
        });
        let defined: Vec<_> = defined.collect();
        match defined.is_empty() {
            true => Self::None,
            false if listing::digest(defined.into_iter()) == server => Self::All,
            false => Self::Less,
        }
    }
}

struct Update<'t> {
    edits: Edits<'t>,
    changes: Vec<Change>,
}

impl Update<'_> {
    fn tool(&mut self, root: &Node, mine: &mut Tool, listed: &Tool, digest: &str) -> Result<(), Unmanageable> {
        let before = Memory::of(mine, digest);
        self.server(root, mine, digest)?;
        let actions = &edit::entry(root, "actions").ok_or(Unmanageable)?.value;
        for (name, action) in &mut mine.actions {
            let node = edit::entry(actions, &name.value).ok_or(Unmanageable)?;
            match listed.actions.iter().find(|(theirs, _)| theirs.value == name.value) {
                Some((_, theirs)) => self.action(node, action, theirs)?,
                None if action.unconfirmed.is_some_and(|mark| mark.value == Unconfirmed::Gone) => {}
                None => {
                    self.mark(node, action, Unconfirmed::Gone)?;
                    self.changes.push(Change::Gone(name.value.clone()));
                }
            }
        }
        for (name, theirs) in &listed.actions {
            if mine.actions.iter().any(|(mine, _)| mine.value == name.value) {
                continue;
            }
            let name_ = name.value.clone();
            if before == Memory::Same {
                self.changes.push(Change::TakenOut(name_));
                continue;
            }
            self.edits.append(actions, &yaml::action(&name.value, theirs, 0))?;
            self.changes.push(match before {
                Memory::Less => Change::AddedOrBack(name_),
                _ => Change::Added(name_),
            });
            let added = Action {
                description: theirs.description.clone(),
                class: copied(&theirs.class),
                params: theirs.params.clone(),
                unread: Unread::default(),
                variants: Vec::new(),
                unconfirmed: theirs.unconfirmed,
                definition: theirs.definition.clone(),
            };
            mine.actions.push((name.clone(), added));
        }
        Ok(())
    }

    /// The digest of the whole list. One in a document that no import wrote may be that of an image: it stays.
    fn server(&mut self, root: &Node, mine: &mut Tool, digest: &str) -> Result<(), Unmanageable> {
        let imported = mine.actions.iter().any(|(_, action)| action.definition.is_some());
        let Some(server) = &mut mine.server else {
            return Ok(());
        };
        let old = server.digest.as_ref().map(|old| old.value.clone());
        match old {
            Some(old) if old == digest => {}
            Some(old) if !imported => {
                let said =
                    format!("the digest stays, as no import wrote it: {old}; that of the definitions is {digest}");
                self.changes.push(Change::Server(said));
            }
            old => {
                let node = &edit::entry(root, "server").ok_or(Unmanageable)?.value;
                self.edits.set(node, "digest", &yaml::scalar(digest), New::Last)?;
                server.digest = Some(nowhere(digest.to_owned()));
                let old = old.unwrap_or_else(|| "none".to_owned());
                self.changes.push(Change::Server(format!("digest {old} -> {digest}")));
            }
        }
        Ok(())
    }

    fn action(&mut self, at: &Entry, mine: &mut Action, theirs: &Action) -> Result<(), Unmanageable> {
        let digest = |action: &Action| {
            action
                .definition
                .as_ref()?
                .digest
                .as_ref()
                .map(|digest| digest.value.clone())
        };
        let mark = mine.unconfirmed.map(|mark| mark.value);
        let gone = mark == Some(Unconfirmed::Gone);
        if digest(mine) == digest(theirs) && !gone {
            return Ok(());
        }
        let mut what = Vec::new();
        let hints = |action: &Action| action.definition.as_ref().map(|definition| definition.hints);
        match (hints(mine), hints(theirs)) {
            (Some(old), Some(new)) => differing(old, new, &mut what),
            _ => what.push("no import has seen it before".to_owned()),
        }
        if gone {
            what.push("it is listed again".to_owned());
        }
        let node = &at.value;
        self.params(node, mine, theirs, &mut what)?;
        if mark == Some(Unconfirmed::Proposed) {
            // Nobody has confirmed anything; where nobody has changed the proposal either, there is a new one.
            let old = hints(mine).map(class);
            if old.is_some_and(|old| values(&old) == values(&mine.class)) {
                self.class(node, mine, theirs, &mut what)?;
            }
        } else {
            let effect = |action: &Action| action.class.effect.map(|effect| effect.value.as_str());
            if mine.variants.is_empty() && effect(mine) != effect(theirs) {
                what.push(format!(
                    "an import would propose `effect: {}`",
                    effect(theirs).unwrap_or_default()
                ));
            }
            self.mark(at, mine, Unconfirmed::Changed)?;
        }
        if let Some(definition) = &theirs.definition {
            self.edits
                .set(node, "definition", &yaml::definition(definition), New::Last)?;
            mine.definition = Some(definition.clone());
        }
        if what.is_empty() {
            what.push("its description, its output or a constraint is another".to_owned());
        }
        self.changes.push(Change::Changed(at.key.value.clone(), what));
        Ok(())
    }

    fn mark(&mut self, at: &Entry, mine: &mut Action, mark: Unconfirmed) -> Result<(), Unmanageable> {
        mine.unconfirmed = Some(nowhere(mark));
        self.edits.set(&at.value, "unconfirmed", mark.as_str(), New::Below(at))
    }

    fn class(
        &mut self,
        node: &Node,
        mine: &mut Action,
        theirs: &Action,
        what: &mut Vec<String>,
    ) -> Result<(), Unmanageable> {
        let (old, new) = (values(&mine.class), values(&theirs.class));
        for ((key, old), (_, new)) in old.into_iter().zip(new) {
            match (old, new) {
                (old, new) if old == new => {}
                (_, Some(new)) => {
                    what.push(format!("`{key}: {new}` is proposed"));
                    self.edits.set(node, key, &new, New::After("effect"))?;
                }
                (_, None) => self.edits.remove(node, key)?,
            }
        }
        mine.class.effect = theirs.class.effect;
        mine.class.external = theirs.class.external;
        mine.class.reversible = theirs.class.reversible;
        Ok(())
    }

    /// Parameters as the server has them now; of a type that people wrote, what still fits stays.
    fn params(
        &mut self,
        node: &Node,
        mine: &mut Action,
        theirs: &Action,
        what: &mut Vec<String>,
    ) -> Result<(), Unmanageable> {
        let mut merged = Vec::new();
        let mut changed = Vec::new();
        for (name, old) in &mine.params {
            let Some((_, new)) = theirs.params.iter().find(|(theirs, _)| theirs.value == name.value) else {
                what.push(format!("`{}` is gone", name.value));
                changed.push((name, None));
                continue;
            };
            let mut new = new.clone();
            new.description.clone_from(&old.description);
            if fits(&old.ty.value, &new.ty.value) {
                new.ty = old.ty.clone();
            }
            let (before, after) = (yaml::param(old), yaml::param(&new));
            if before != after {
                what.push(format!("`{}` is {after}, was {before}", name.value));
                changed.push((name, Some(after)));
            }
            merged.push((name.clone(), new));
        }
        for (name, new) in &theirs.params {
            if !mine.params.iter().any(|(mine, _)| mine.value == name.value) {
                what.push(format!("`{}` is new: {}", name.value, yaml::param(new)));
                changed.push((name, Some(yaml::param(new))));
                merged.push((name.clone(), new.clone()));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let written = edit::entry(node, "params").map(|entry| &entry.value);
        match written.filter(|params| !self.edits.is_flow(params) && !merged.is_empty()) {
            Some(params) => {
                for (name, value) in changed {
                    let key = &name.value;
                    match value {
                        None => self.edits.remove(params, key)?,
                        Some(value) if edit::entry(params, key).is_some() => {
                            self.edits.set(params, key, &value, New::Last)?
                        }
                        Some(value) => {
                            let line = format!("{}: {value}", yaml::scalar(key));
                            self.edits.append(params, &line)?;
                        }
                    }
                }
            }
            None => {
                let all = merged.iter();
                let all = all.map(|(name, param)| format!("{}: {}", yaml::scalar(&name.value), yaml::param(param)));
                let all = format!("{{{}}}", all.collect::<Vec<_>>().join(", "));
                self.edits.set(node, "params", &all, New::Last)?;
            }
        }
        mine.params = merged;
        Ok(())
    }
}

/// What the hints say otherwise.
fn differing(old: Hints, new: Hints, what: &mut Vec<String>) {
    let said = |hint: Option<bool>| hint.map_or("not given".to_owned(), |hint| hint.to_string());
    for (name, old, new) in [
        ("readOnlyHint", old.read_only, new.read_only),
        ("destructiveHint", old.destructive, new.destructive),
        ("idempotentHint", old.idempotent, new.idempotent),
        ("openWorldHint", old.open_world, new.open_world),
    ] {
        if old != new {
            what.push(format!("{name} {} -> {}", said(old), said(new)));
        }
    }
}

/// The three values of a class that an import proposes, as they are written.
fn values(class: &ActionClass) -> [(&'static str, Option<String>); 3] {
    [
        ("effect", class.effect.map(|effect| effect.value.as_str().to_owned())),
        ("external", class.external.map(|external| external.value.to_string())),
        (
            "reversible",
            class.reversible.map(|reversible| reversible.value.to_string()),
        ),
    ]
}

fn copied(class: &ActionClass) -> ActionClass {
    ActionClass {
        effect: class.effect,
        external: class.external,
        reversible: class.reversible,
        ..ActionClass::default()
    }
}

/// Whether a type that people wrote says no less than the server's, so that it may stay.
fn fits(mine: &ParamType, theirs: &ParamType) -> bool {
    use ParamType as T;
    let same = |fields: &[(Text, Param)], other: &[(Text, Param)]| {
        fields.len() == other.len()
            && fields.iter().all(|(name, field)| {
                let other = other.iter().find(|(other, _)| other.value == name.value);
                other.is_some_and(|(_, other)| {
                    field.optional == other.optional && fits(&field.ty.value, &other.ty.value)
                })
            })
    };
    match (mine, theirs) {
        // Nobody sees into it, or the server says nothing of what is in it.
        (T::Opaque, _) | (_, T::Opaque) => true,
        // Everything but a number, a boolean and a collection is a string to the server.
        (T::Int | T::Bool | T::List(_) | T::Record(_), T::String { .. }) => false,
        (_, T::String { .. }) => true,
        (T::Int, T::Decimal) => true,
        (T::List(mine), T::List(theirs)) => fits(mine, theirs),
        (T::Record(mine), T::Record(theirs)) => same(mine, theirs),
        (T::Enum(mine), T::Enum(theirs)) => yaml::list(mine) == yaml::list(theirs),
        _ => std::mem::discriminant(mine) == std::mem::discriminant(theirs),
    }
}

#[cfg(test)]
mod tests;
