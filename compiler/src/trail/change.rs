//! What a step does: two states and the paths that differ in, facts out, each with its direction and its reach.
//!
//! A fact that is not proved equal or stricter widens. Who has to approve it is not known here.

use std::collections::{BTreeMap, BTreeSet};

use gix::objs::tree::EntryKind;
use polity_runtime::value::Effect;
use polity_runtime::wire::Digest;

use super::history::{Change, History};
use super::meaning;
use super::state::State;
use super::statement::{Cell, DocumentId, Sides};
use crate::parse::document::team_of;
use crate::source::ReadError;

/// What a step does, one fact at a time, and everything that an approval of it must list.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// The facts.
    pub facts: Vec<Fact>,
    /// The documents that differ.
    pub documents: BTreeMap<DocumentId, Sides<Digest>>,
    /// The answers that differ.
    pub effects: BTreeMap<Cell, Sides<String>>,
}

/// One thing that a step does.
#[derive(Debug, Clone)]
pub struct Fact {
    /// In words: `changes Policy refunds in teams/payments/refunds.yaml`.
    pub what: String,
    /// Whether more is allowed after it.
    pub direction: Direction,
    /// Whether it is about what is decided and obliged, as opposed to what is written.
    pub meaning: bool,
    /// The documents that may bring it about.
    pub documents: BTreeSet<DocumentId>,
    /// The answers that it is.
    pub effects: BTreeSet<Cell>,
    /// Whom it concerns; absent where that cannot be told, so that it may be anybody.
    pub reach: Option<Vec<Subject>>,
    /// Whose access it is about beside its answers, as exactly as can be told: for reports, and never for what is asked.
    pub access: Vec<Subject>,
    /// The teams it touches; absent: every team.
    pub teams: Option<BTreeSet<String>>,
}

/// The kind of what is no document, in a statement: dot-files, and whatever else is not compiled.
pub(super) const FILE: &str = "File";

/// Which way a fact goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More is allowed, or it could not be told.
    Widens,
    /// Less is allowed.
    Narrows,
    /// Nothing that is decided or obliged changes.
    Neutral,
}

/// One deployment in one environment doing one thing, on one side of the step. What is absent may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// `payments/refund-bot`
    pub deployment: Option<String>,
    /// Its ring there.
    pub ring: Option<String>,
    /// Its agent's tags.
    pub tags: Option<Vec<(String, String)>>,
    /// The environment.
    pub environment: Option<String>,
    /// The tool; `credential.<name>` for a credential.
    pub tool: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// Its effect.
    pub effect: Option<Effect>,
    /// Whether it is seen outside.
    pub external: Option<bool>,
    /// Whether it can be undone.
    pub reversible: Option<bool>,
}

/// What the step from one tree to another does. `changes` are the paths that differ between them.
///
/// # Errors
/// Where a changed file is missing or is not what its id says.
pub fn step(history: &History, before: &State, after: &State, changes: &[Change]) -> Result<Step, ReadError> {
    let mut step = Step {
        documents: compiled(before, after),
        ..Step::default()
    };
    if !step.documents.is_empty() {
        let ids: BTreeSet<DocumentId> = step.documents.keys().filter(|id| id.kind != "Test").cloned().collect();
        let compared = meaning::compare(before, after, &ids);
        let told = compared.is_some();
        step.facts
            .extend(step.documents.iter().map(|(id, sides)| document(id, sides, told)));
        let (facts, effects) = compared.unwrap_or_default();
        step.facts.extend(facts);
        step.effects = effects;
    }
    for (id, sides) in files(history, &step.documents, changes)? {
        step.facts.push(Fact {
            what: format!("{} `{}`", verb(&sides), id.path),
            direction: Direction::Neutral,
            meaning: false,
            documents: [id.clone()].into(),
            effects: BTreeSet::new(),
            reach: Some(Vec::new()),
            access: Vec::new(),
            teams: Some(team_of(&id.path).map(str::to_owned).into_iter().collect()),
        });
        step.documents.insert(id, sides);
    }
    Ok(step)
}

/// The documents of a step, whatever they mean.
///
/// # Errors
/// Where a changed file is missing or is not what its id says.
pub fn documents(
    history: &History,
    before: &State,
    after: &State,
    changes: &[Change],
) -> Result<BTreeSet<DocumentId>, ReadError> {
    let compiled = compiled(before, after);
    let files = files(history, &compiled, changes)?;
    Ok(compiled
        .into_keys()
        .chain(files.into_iter().map(|(id, _)| id))
        .collect())
}

/// The documents of what is compiled that differ.
fn compiled(before: &State, after: &State) -> BTreeMap<DocumentId, Sides<Digest>> {
    let ids: BTreeSet<&DocumentId> = before.digests.keys().chain(after.digests.keys()).collect();
    let sides = ids.into_iter().map(|id| {
        let sides = Sides {
            before: before.digests.get(id).copied(),
            after: after.digests.get(id).copied(),
        };
        (id.clone(), sides)
    });
    sides.filter(|(_, sides)| sides.before != sides.after).collect()
}

/// All other files that differ, evidence that is added apart.
fn files(
    history: &History,
    documents: &BTreeMap<DocumentId, Sides<Digest>>,
    changes: &[Change],
) -> Result<Vec<(DocumentId, Sides<Digest>)>, ReadError> {
    let compiled: BTreeSet<&str> = documents.keys().map(|id| id.path.as_str()).collect();
    let mut files = Vec::new();
    for change in changes.iter().filter(|change| !is_new_evidence(history, change)) {
        let path = inside(history, &change.path);
        if compiled.contains(path.as_str()) {
            continue;
        }
        let id = DocumentId {
            kind: FILE.to_owned(),
            name: "-".to_owned(),
            path,
        };
        let sides = Sides {
            before: change.before.map(|side| digest(history, side)).transpose()?,
            after: change.after.map(|side| digest(history, side)).transpose()?,
        };
        files.push((id, sides));
    }
    Ok(files)
}

/// A path as rules and statements name it: from the organisation's root, and with a slash before it where it lies
/// outside.
pub fn inside(history: &History, path: &str) -> String {
    match history.prefix() {
        "" => path.to_owned(),
        prefix => match path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => rest.to_owned(),
            None => format!("/{path}"),
        },
    }
}

/// Whether a change does nothing but add evidence.
pub fn is_new_evidence(history: &History, change: &Change) -> bool {
    let approvals = history.approvals();
    let name = change
        .path
        .strip_prefix(&approvals)
        .and_then(|rest| rest.strip_prefix('/'));
    let Some((stem, extension)) = name.and_then(|name| name.rsplit_once('.')) else {
        return false;
    };
    let plain = |kind| matches!(kind, EntryKind::Blob);
    change.before.is_none()
        && change.after.is_some_and(|(mode, _)| plain(mode.kind()))
        && matches!(extension, "json" | "sig")
        && Digest::parse(stem).is_some()
}

/// Content and mode: a link that takes the place of a file is another thing with the same bytes.
fn digest(history: &History, (mode, id): (gix::objs::tree::EntryMode, gix::ObjectId)) -> Result<Digest, ReadError> {
    if mode.kind() == EntryKind::Blob
        && let Some(bytes) = history.blob_within(id, crate::source::MAX_FILE_BYTES)?
    {
        return Ok(Digest::of(&bytes));
    }
    Ok(Digest::of(format!("{:o} {id}", mode.value()).as_bytes()))
}

/// That a document differs. Where it could not be told what that means it widens, for whomever.
fn document(id: &DocumentId, sides: &Sides<Digest>, told: bool) -> Fact {
    let (direction, reach) = match (told, id.kind.as_str()) {
        // A test asks questions and decides nothing.
        (true, _) | (_, "Test") => (Direction::Neutral, Some(Vec::new())),
        _ => (Direction::Widens, None),
    };
    let team = match id.kind.as_str() {
        "Team" => Some(id.name.as_str()),
        "Deployment" => id.name.split_once('/').map(|(team, _)| team),
        _ => team_of(&id.path),
    };
    Fact {
        what: format!("{} {} `{}` in `{}`", verb(sides), id.kind, id.name, id.path),
        direction,
        meaning: false,
        documents: [id.clone()].into(),
        effects: BTreeSet::new(),
        reach,
        access: Vec::new(),
        teams: team.map(|team| [team.to_owned()].into()),
    }
}

fn verb<T>(sides: &Sides<T>) -> &'static str {
    match (&sides.before, &sides.after) {
        (None, _) => "adds",
        (_, None) => "removes",
        _ => "changes",
    }
}

/// The digest of what stands at a path of a tree, as statements have it.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn file_digest(history: &History, tree: gix::ObjectId, path: &str) -> Result<Option<Digest>, ReadError> {
    let found = entry(history, tree, path)?.filter(|(mode, _)| !mode.is_tree());
    found.map(|side| digest(history, side)).transpose()
}

/// What stands at a path of a tree, folders included, as statements name it.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn entry(history: &History, tree: gix::ObjectId, path: &str) -> Result<Entered, ReadError> {
    let path = match (path.strip_prefix('/'), history.prefix()) {
        (Some(outside), _) => outside.to_owned(),
        (None, "") => path.to_owned(),
        (None, prefix) => format!("{prefix}/{path}"),
    };
    history.entry(tree, &path)
}

/// Mode and object of what stands at a path.
type Entered = Option<(gix::objs::tree::EntryMode, gix::ObjectId)>;
