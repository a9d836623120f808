//! Which step brought each rule, and who approved it: a verified trail and what was compiled in, the bundle's section
//! out, and the reverse.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gix::ObjectId;
use polity_runtime::wire::json::{self, Json};

use super::change::inside;
use super::error::TrailError;
use super::history::{Change, History};
use super::state::rules_of_file;
use super::verify::{Given, Trail};
use crate::parse::TEMPLATES;
use crate::resolve::Organization;
use crate::source::SourceTree;
use polity_runtime::wire::Digest;

/// Where a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The trunk commit since which it is as it is.
    pub commit: String,
    /// Who approved that step, and how: `carol (signed)`. Nobody, of what everybody agreed to begin with.
    pub approved_by: Vec<String>,
}

/// The origin of each rule, by its name.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn origins(
    history: &History,
    trail: &Trail,
    organization: &Organization,
    tree: &SourceTree,
    previous: &BTreeMap<String, Origin>,
) -> Result<BTreeMap<String, Origin>, TrailError> {
    let places = places(history, &trail.trunk, organization, tree)?;
    let origins = places.into_iter().map(|(rule, at)| {
        let commit = trail.trunk.get(at).map(ToString::to_string).unwrap_or_default();
        let known = previous
            .get(&rule)
            .filter(|known| at <= trail.begin && known.commit == commit);
        let origin = known.cloned().unwrap_or_else(|| Origin {
            approved_by: approvers(trail, at),
            commit,
        });
        (rule, origin)
    });
    Ok(origins.collect())
}

/// Who approved the step that a place of the trunk belongs to.
fn approvers(trail: &Trail, at: usize) -> Vec<String> {
    let step = trail.steps.iter().find(|step| step.before < at && at <= step.after);
    let mut best: BTreeMap<&str, &Given> = BTreeMap::new();
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
        .map(|given| format!("{} ({})", given.person, given.grade))
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
        let trees = match (trunk.get(at - 1), trunk.get(at)) {
            (Some(before), Some(after)) => (history.commit(*before)?.tree, history.commit(*after)?.tree),
            _ => continue,
        };
        let changes = history.changes(Some(trees.0), trees.1)?;
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
        let rules = rules_of_file(&String::from_utf8_lossy(&history.blob(id)?));
        known.insert(id, rules.clone());
        Ok(rules)
    };
    Ok((side(change.before)?, side(change.after)?))
}

/// The section of a bundle.
pub fn to_bytes(origins: &BTreeMap<String, Origin>) -> Vec<u8> {
    let rules = origins.iter().map(|(name, origin)| {
        let people = origin.approved_by.iter().map(Json::string).collect();
        let value = Json::object([
            ("commit", Json::string(&origin.commit)),
            ("approved_by", Json::Array(people)),
        ]);
        (name.as_str(), value)
    });
    Json::object([("rules", Json::object(rules))]).to_string().into_bytes()
}

/// What [`to_bytes`] wrote. `None` where it is something else.
pub fn from_bytes(bytes: &[u8]) -> Option<BTreeMap<String, Origin>> {
    let Json::Object(mut members) = json::read_canonical(bytes).ok()? else {
        return None;
    };
    let Json::Object(rules) = members.remove("rules")? else {
        return None;
    };
    let origin = |(name, value): (String, Json)| {
        let Json::Object(mut members) = value else { return None };
        let (Json::String(commit), Json::Array(people)) = (members.remove("commit")?, members.remove("approved_by")?)
        else {
            return None;
        };
        let person = |one| match one {
            Json::String(text) => Some(text),
            _ => None,
        };
        let approved_by = people.into_iter().map(person).collect::<Option<_>>()?;
        Some((name, Origin { commit, approved_by }))
    };
    rules.into_iter().map(origin).collect()
}
