//! What another compiler made of a tree: the table of a bundle and the same tree compiled here in, what differs out, as
//! a step that has to be approved like any other.
//!
//! Answers are compared by [`crate::diff`]; what no cell holds is compared name by name. Bytes alone may differ: where
//! a table is packed otherwise and says the same, there is nothing to approve. Whatever cannot be told widens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use polity_runtime::load::{Bundle, TRAIL};
use polity_runtime::table::{NONE, Table, record};
use polity_runtime::verify::Verified;
use polity_runtime::wire::Digest;

use super::change::{Direction, Fact, Step, Subject};
use super::meaning;
use super::state::State;
use super::statement::{DocumentId, Sides};
use crate::facts;

/// The kind of what an approval lists where it is of a compiler: no document of a tree that compiles is of it.
pub const COMPILER: &str = "Compiler";

/// What a compiler made of a tree.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its version, for messages.
    compiler: String,
    /// The digest of each section of the table.
    sections: BTreeMap<String, Digest>,
    /// The table; absent where this compiler cannot read it.
    table: Option<Table>,
}

impl Made {
    /// What a bundle holds.
    pub fn of_bundle(verified: &Verified) -> Self {
        let manifest = verified.manifest();
        let sections = manifest.sections.iter().filter(|(name, _)| *name != TRAIL);
        Self {
            compiler: manifest.compiler.version.clone(),
            sections: sections.map(|(name, section)| (name.clone(), section.sha256)).collect(),
            table: Bundle::from_verified(verified)
                .ok()
                .map(|bundle| bundle.table().clone()),
        }
    }

    /// What this compiler makes of a tree that compiles to `table`.
    pub fn here(table: &Table) -> Self {
        let sections = table.data().to_sections();
        Self {
            compiler: env!("CARGO_PKG_VERSION").to_owned(),
            sections: sections
                .iter()
                .map(|(name, bytes)| (name.clone(), Digest::of(bytes)))
                .collect(),
            table: Some(table.clone()),
        }
    }

    /// What an approval binds to.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        for (name, digest) in &self.sections {
            let _ = writeln!(text, "{name} {digest}");
        }
        Digest::of(text.as_bytes())
    }
}

/// What a statement that approves another compiler lists.
pub fn document() -> DocumentId {
    DocumentId {
        kind: COMPILER.to_owned(),
        name: "polity".to_owned(),
        path: "-".to_owned(),
    }
}

/// What this compiler makes otherwise of a tree than the one whose bundle it continues. `None` where it comes to the
/// same, or `state` is broken and decides nothing.
pub(super) fn step(made: &Made, state: &State) -> Option<Step> {
    let table = state.table.as_ref()?;
    let here = Made::here(table);
    if made.sections == here.sections {
        return None;
    }
    let documents: BTreeSet<DocumentId> = [document()].into();
    let fact = |what: String| Fact {
        what,
        direction: Direction::Widens,
        meaning: true,
        documents: documents.clone(),
        effects: BTreeSet::new(),
        reach: None,
        access: vec![Subject::default()],
        teams: None,
    };
    let compared = made.table.as_ref().and_then(|before| {
        let (mut facts, effects) = meaning::of_tables([before, table], [&state.organization; 2], &documents)?;
        facts.extend(beside(before, table).map(&fact));
        Some((facts, effects))
    });
    let (mut facts, effects) = compared.unwrap_or_else(|| {
        let unread = "the previous bundle's table cannot be compared by this compiler, so anything may be otherwise";
        (vec![fact(unread.to_owned())], BTreeMap::new())
    });
    if facts.is_empty() {
        return None;
    }
    let what = format!(
        "this compiler ({}) makes something else of the tree than the previous bundle's ({}) did",
        here.compiler, made.compiler
    );
    let lead = Fact {
        direction: Direction::Neutral,
        meaning: false,
        access: Vec::new(),
        ..fact(what)
    };
    facts.insert(0, lead);
    let sides = Sides {
        before: Some(made.digest()),
        after: Some(here.digest()),
    };
    Some(Step {
        facts,
        documents: [(document(), sides)].into(),
        effects,
    })
}

/// What differs beside the answers, in words.
fn beside(before: &Table, after: &Table) -> impl Iterator<Item = String> {
    let (before, after) = (items(before), items(after));
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    names.into_iter().filter_map(move |name| {
        let none = "not there";
        let [was, is] = [&before, &after].map(|side| side.get(&name).map_or(none, String::as_str));
        (was != is).then(|| format!("{name} was {was} and is {is}"))
    })
}

/// Everything in a table that is no answer of a cell, by name: ids differ from one compiler to the next. Reasons and
/// places in files decide nothing, and are left out.
fn items(table: &Table) -> BTreeMap<String, String> {
    use record::{action, deployment, environment, kill, organization, placement, ring, rule, tool};
    let data = table.data();
    let text = |id: u32| table.string(id);
    let stopped = |id: u32| match data.kills.get(id as usize) {
        Some(record) => format!("stopped by `{}`", text(record[kill::NAME])),
        None if id == NONE => "running".to_owned(),
        None => "unknown".to_owned(),
    };
    let mut items: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: String, value: String| {
        // Two things of one name would hide each other: both are kept.
        let known = items.entry(name).or_default();
        let _ = write!(known, "{}{value}", if known.is_empty() { "" } else { "; " });
    };
    for r in &data.organization {
        let whole = r[organization::WHOLE];
        put(
            format!("the organisation `{}`", text(r[organization::NAME])),
            format!("{}, whole {whole}", stopped(r[organization::KILL])),
        );
    }
    let agent = |id: u32| {
        let record = data.deployments.get(id as usize);
        record.map_or("?", |record| text(record[deployment::NAME]))
    };
    for r in &data.deployments {
        put(
            format!("the deployment `{}`", text(r[deployment::NAME])),
            format!(
                "`{}` of `{}`, {}",
                text(r[deployment::AGENT]),
                text(r[deployment::TEAM]),
                stopped(r[deployment::KILL])
            ),
        );
    }
    for r in &data.placements {
        let place = data.environments.get(r[placement::ENVIRONMENT] as usize);
        let ring = data.rings.get(r[placement::RING] as usize);
        put(
            format!(
                "the ring of `{}` in `{}`",
                agent(r[placement::DEPLOYMENT]),
                place.map_or("?", |record| text(record[environment::NAME]))
            ),
            format!("`{}`", ring.map_or("?", |record| text(record[ring::NAME]))),
        );
    }
    for r in &data.environments {
        put(
            format!("the environment `{}`", text(r[environment::NAME])),
            format!("of rank {}, {}", r[environment::RANK], stopped(r[environment::KILL])),
        );
    }
    for r in &data.rings {
        put(
            format!("the ring `{}`", text(r[ring::NAME])),
            format!(
                "of level {}, {} calls in {} ms, {} at once, {} at the same time",
                r[ring::LEVEL],
                r[ring::RATE],
                r[ring::PER],
                r[ring::BURST],
                r[ring::CONCURRENT]
            ),
        );
    }
    for r in &data.tools {
        put(
            format!("the tool `{}`", text(r[tool::NAME])),
            format!("of flags {}, {}", r[tool::FLAGS], stopped(r[tool::KILL])),
        );
    }
    for r in &data.actions {
        let reads = named(table, &data.classes, r[action::READS], r[action::READ_COUNT]);
        let (low, high) = (r[action::TTL], r[action::TTL + 1]);
        put(
            format!("the action `{}`", text(r[action::NAME])),
            format!("of flags {}, reading [{reads}], for {high}:{low} ms", r[action::FLAGS]),
        );
    }
    for [name] in &data.classes {
        put(format!("the data class `{}`", text(*name)), "there".to_owned());
    }
    for [name] in &data.people {
        put(format!("the person `{}`", text(*name)), "there".to_owned());
    }
    for r in &data.rules {
        put(
            format!("the rule `{}`", text(r[rule::NAME])),
            format!(
                "of effect {}, {} calls in {} ms",
                r[rule::EFFECT],
                r[rule::LIMIT],
                r[rule::LIMIT_PER]
            ),
        );
    }
    for (name, asked) in approvals(table) {
        put(
            format!("whom `{name}` asks"),
            asked.into_iter().collect::<Vec<_>>().join("; "),
        );
    }
    items
}

/// The names of a list of classes or people, sorted.
fn named(table: &Table, of: &[[u32; 1]], first: u32, count: u32) -> String {
    let names: Vec<String> = facts::named(table, of, first, count).into_iter().collect();
    names.join(", ")
}

/// By rule, everything that any of its cells asks of people, down to who they are.
fn approvals(table: &Table) -> BTreeMap<&str, BTreeSet<String>> {
    use record::{approval, entry, requirement, rule};
    let data = table.data();
    let mut all: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for r in data.entries.iter().filter(|r| r[entry::APPROVAL] != NONE) {
        let Some(asked) = data.approvals.get(r[entry::APPROVAL] as usize) else {
            continue;
        };
        let first = asked[approval::REQUIREMENTS] as usize;
        let many = asked[approval::REQUIREMENT_COUNT] as usize;
        let list = data.requirements.get(first..first.saturating_add(many));
        let mut text = format!(
            "within {}:{} ms, separation {}, evidence {}:",
            asked[approval::TIMEOUT + 1],
            asked[approval::TIMEOUT],
            asked[approval::SEPARATION],
            asked[approval::EVIDENCE]
        );
        for one in list.unwrap_or_default() {
            let (first, count) = (one[requirement::PEOPLE], one[requirement::PEOPLE_COUNT]);
            let people = named(table, &data.people, first, count);
            let _ = write!(text, " {} of [{people}]", one[requirement::COUNT]);
        }
        let name = data.rules.get(r[entry::RULE] as usize);
        let name = name.map_or("?", |record| table.string(record[rule::NAME]));
        all.entry(name).or_default().insert(text);
    }
    all
}
