//! Which step brought each rule and each access, and who approved it: a verified trail and what was compiled in, the
//! bundle's section out, and the reverse.
//!
//! A rule's origin is the step that last wrote it. An access's origin is the step that last changed what it comes to,
//! by whichever document: a deployment's row, a rule, a ring, a ceiling, a template, a group that is asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gix::ObjectId;
use polity_runtime::table::{RuleId, Table};
use polity_runtime::wire::json::{self, Json};

use super::access::{self, Access, Given};
use super::change::inside;
use super::error::TrailError;
use super::history::{Change, History};
use super::state::rules_of_file;
use super::verify::{self, Judged, Trail};
use crate::parse::TEMPLATES;
use crate::resolve::Organization;
use crate::source::SourceTree;
use polity_runtime::wire::Digest;

/// Where a rule, or an access, comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The trunk commit since which it is as it is.
    pub commit: String,
    /// Who approved that step, and how: `carol (signed)`. Nobody, of what everybody agreed to begin with.
    pub approved_by: Vec<String>,
}

/// The origin of everything that a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What everybody agreed to begin with: the origin of every access that is not listed.
    begin: String,
    /// Of each rule, since when it reads as it does.
    pub rules: BTreeMap<String, Origin>,
    /// Of each tool and credential that somebody was given, since when it is theirs as it is, whatever changed it.
    access: BTreeMap<Given, Origin>,
}

impl Provenance {
    /// Since when an access is as it is.
    pub fn access(&self, given: &Given) -> Origin {
        self.access.get(given).cloned().unwrap_or_else(|| Origin {
            commit: self.begin.clone(),
            approved_by: Vec::new(),
        })
    }

    /// Keeps what a table holds: a bundle for a part names no other part's rules, nor who approved them.
    pub fn retain(&mut self, table: &Table) {
        let count = u32::try_from(table.data().rules.len()).unwrap_or(u32::MAX);
        let rules: BTreeSet<&str> = (0..count).map(|id| table.rule_name(RuleId(id))).collect();
        self.rules.retain(|rule, _| rules.contains(rule.as_str()));
        let given: BTreeSet<Given> = access::all(table).into_iter().collect();
        self.access.retain(|one, _| given.contains(one));
    }
}

/// The origin of each rule of what was compiled, and of each access that its table gives.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn provenance(
    history: &History,
    trail: &Trail,
    (organization, tree, table): (&Organization, &SourceTree, &Table),
    previous: Option<Provenance>,
) -> Result<Provenance, TrailError> {
    let commit = |at: usize| trail.trunk.get(at).map(ToString::to_string).unwrap_or_default();
    // Where everything was judged, the bundle before has nothing to add.
    let previous = previous.filter(|_| trail.introductory < trail.begin);
    let (known_rules, mut access) = previous.map(|known| (known.rules, known.access)).unwrap_or_default();
    let places = places(history, &trail.trunk, organization, tree)?;
    let rules = places.into_iter().map(|(rule, at)| {
        let commit = commit(at);
        let known = known_rules
            .get(&rule)
            .filter(|known| at <= trail.begin && known.commit == commit);
        let origin = known.cloned().unwrap_or_else(|| Origin {
            approved_by: approvers(trail.steps.iter().find(|step| step.before < at && at <= step.after)),
            commit,
        });
        (rule, origin)
    });
    let rules = rules.collect();
    let all = access::all(table);
    let mut judged: Vec<&Judged> = trail.judged().collect();
    judged.sort_by_key(|judged| (judged.after, judged.before));
    for judged in judged.into_iter().filter(|judged| !judged.step.facts.is_empty()) {
        let origin = Origin {
            commit: commit(judged.after),
            approved_by: approvers(Some(judged)),
        };
        for given in &all {
            if Access::of(given).is_changed_by(&judged.step) {
                access.insert(given.clone(), origin.clone());
            }
        }
    }
    let given: BTreeSet<&Given> = all.iter().collect();
    access.retain(|one, _| given.contains(one));
    Ok(Provenance {
        begin: commit(trail.introductory),
        rules,
        access,
    })
}

/// Who approved a step.
fn approvers(step: Option<&Judged>) -> Vec<String> {
    let mut best: BTreeMap<&str, &verify::Given> = BTreeMap::new();
    for given in step
        .iter()
        .flat_map(|step| &step.answers)
        .flat_map(|answer| &answer.given)
    {
        let known = best.entry(&given.person).or_insert(given);
        if given.grade > known.grade {
            *known = given;
        }
    }
    best.values()
        .map(|given| {
            let own = if given.own { ", alone" } else { "" };
            format!("{} ({}{own})", given.person, given.grade)
        })
        .collect()
}

/// The place in the trunk since which each rule reads as it does.
fn places(
    history: &History,
    trunk: &[ObjectId],
    organization: &Organization,
    tree: &SourceTree,
) -> Result<BTreeMap<String, usize>, TrailError> {
    // What came of a template changes with it, and a template's text may reach any of its uses.
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut expanded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in &organization.rules {
        let at = tree.used_at(rule.span);
        let path = tree.file(at.file).map(|file| file.path.clone()).unwrap_or_default();
        let of = if at == rule.span { &mut written } else { &mut expanded };
        of.entry(path).or_default().insert(rule.name.clone());
    }
    let mut places = BTreeMap::new();
    let mut digests: HashMap<ObjectId, BTreeMap<String, Digest>> = HashMap::new();
    for at in (1..trunk.len()).rev() {
        if written.is_empty() && expanded.is_empty() {
            break;
        }
        let changes = history.changes_at(trunk, at)?;
        let template = changes
            .iter()
            .any(|change| inside(history, &change.path).starts_with(TEMPLATES));
        if template {
            let all = std::mem::take(&mut expanded).into_values().flatten();
            places.extend(all.map(|rule| (rule, at)));
        }
        for change in &changes {
            let path = inside(history, &change.path);
            let rules = expanded.remove(&path).into_iter().flatten();
            places.extend(rules.map(|rule| (rule, at)));
            let Some(rules) = written.get_mut(&path) else { continue };
            let (before, after) = sides(history, change, &mut digests)?;
            rules.retain(|rule| {
                let same = after.contains_key(rule) && before.get(rule) == after.get(rule);
                if !same {
                    places.insert(rule.clone(), at);
                }
                same
            });
            if rules.is_empty() {
                written.remove(&path);
            }
        }
    }
    let rest = written.into_values().chain(expanded.into_values()).flatten();
    places.extend(rest.map(|rule| (rule, 0)));
    Ok(places)
}

type Rules = BTreeMap<String, Digest>;

fn sides(
    history: &History,
    change: &Change,
    known: &mut HashMap<ObjectId, Rules>,
) -> Result<(Rules, Rules), TrailError> {
    let mut side = |side: Option<(gix::objs::tree::EntryMode, ObjectId)>| -> Result<Rules, TrailError> {
        let Some((_, id)) = side.filter(|(mode, _)| mode.is_blob()) else {
            return Ok(Rules::new());
        };
        if let Some(rules) = known.get(&id) {
            return Ok(rules.clone());
        }
        let bytes = history
            .blob_within(id, crate::source::MAX_FILE_BYTES)?
            .unwrap_or_default();
        let rules = rules_of_file(&String::from_utf8_lossy(&bytes));
        known.insert(id, rules.clone());
        Ok(rules)
    };
    Ok((side(change.before)?, side(change.after)?))
}

/// The section of a bundle: each origin once, and by rule and access its place among them.
pub fn to_bytes(provenance: &Provenance) -> Vec<u8> {
    let all = provenance.rules.values().chain(provenance.access.values());
    let origins: BTreeSet<&Origin> = all.collect();
    let places: BTreeMap<&Origin, u32> = origins.iter().copied().zip(0..).collect();
    let place = |origin: &Origin| Json::Int(places.get(origin).copied().map_or(0, i64::from));
    let origins = origins.iter().map(|origin| {
        let people = origin.approved_by.iter().map(Json::string).collect();
        Json::object([
            ("commit", Json::string(&origin.commit)),
            ("approved_by", Json::Array(people)),
        ])
    });
    let rules = provenance.rules.iter();
    let access = provenance.access.iter().map(|(given, origin)| {
        Json::Array(vec![
            Json::string(&given.deployment),
            Json::string(&given.environment),
            Json::string(&given.tool),
            place(origin),
        ])
    });
    let section = Json::object([
        ("begin", Json::string(&provenance.begin)),
        ("origins", Json::Array(origins.collect())),
        (
            "rules",
            Json::object(rules.map(|(name, origin)| (name.as_str(), place(origin)))),
        ),
        ("access", Json::Array(access.collect())),
    ]);
    section.to_string().into_bytes()
}

/// What [`to_bytes`] wrote. `None` where it is something else.
pub fn from_bytes(bytes: &[u8]) -> Option<Provenance> {
    let mut section = members(json::read_canonical(bytes).ok()?)?;
    let begin = text(section.remove("begin")?)?;
    let origin = |one| {
        let mut one = members(one)?;
        Some(Origin {
            commit: text(one.remove("commit")?)?,
            approved_by: list(one.remove("approved_by")?)?
                .into_iter()
                .map(text)
                .collect::<Option<_>>()?,
        })
    };
    let origins = list(section.remove("origins")?)?.into_iter().map(origin);
    let origins: Vec<Origin> = origins.collect::<Option<_>>()?;
    let place = |one| match one {
        Json::Int(at) => origins.get(usize::try_from(at).ok()?).cloned(),
        _ => None,
    };
    let rules = members(section.remove("rules")?)?.into_iter();
    let rules = rules
        .map(|(name, at)| Some((name, place(at)?)))
        .collect::<Option<_>>()?;
    let given = |one| {
        let [deployment, environment, tool, at] = <[Json; 4]>::try_from(list(one)?).ok()?;
        let given = Given {
            deployment: text(deployment)?,
            environment: text(environment)?,
            tool: text(tool)?,
        };
        Some((given, place(at)?))
    };
    let access = list(section.remove("access")?)?.into_iter().map(given);
    Some(Provenance {
        begin,
        rules,
        access: access.collect::<Option<_>>()?,
    })
}

fn members(json: Json) -> Option<BTreeMap<String, Json>> {
    match json {
        Json::Object(members) => Some(members),
        _ => None,
    }
}

fn list(json: Json) -> Option<Vec<Json>> {
    match json {
        Json::Array(items) => Some(items),
        _ => None,
    }
}

fn text(json: Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text),
        _ => None,
    }
}
