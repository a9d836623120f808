//! Whose approval a step needs: its facts, its authors and the state before it in, what is asked out.
//!
//! The rules, people and teams are those of the tree before the step, so that no step has a say in what it needs.
//! Which approvals there are is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::change::{Direction, FILE, Fact, Step, Subject};
use super::principals::Principals;
use super::state::State;
use super::statement::{Cell, DocumentId};
use super::upgrade::COMPILER;
use crate::ast::{self, Body, ChangeSelector, Evidence, Selector, Text};
use crate::resolve::{Glob, PersonId};

/// Kinds that say who may do what to whom: an owner looks at every change of one, and of what all of them come to.
const ROOT_KINDS: [&str; 12] = [
    COMPILER,
    "Organization",
    "Person",
    "Group",
    "Forge",
    "Team",
    "Environment",
    "Ring",
    "Tool",
    "Credential",
    "ApprovalRule",
    "Invariant",
];

/// Whether a document may say who approves what, whose keys are whose, or whom an agent's work excludes.
pub(super) fn says_who_approves(id: &DocumentId) -> bool {
    id.kind == "Agent" || ROOT_KINDS.contains(&id.kind.as_str())
}

/// How a requirement names the organisation's owners.
pub(super) const OWNERS: &str = "owners";

/// Who wrote a step, as far as signatures tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authors {
    /// People whose key signed a part of it, or whose agent's key did: none of them counts towards it.
    pub people: BTreeSet<String>,
    /// Agents whose key signed a part of it.
    pub agents: BTreeSet<String>,
    /// Who owns those agents in the tree after it.
    pub owners: BTreeSet<String>,
    /// People whom typed text names. They do not count either; text can take an approver away and never give one.
    pub named: BTreeSet<String>,
    /// Why the author of some part is not known: one approver more is needed then.
    pub unknown: Vec<String>,
}

/// An approval that a step needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub by: AskedBy,
    /// So many people of these, each counted for one seat.
    pub seats: Vec<Seat>,
    /// How strongly each approval must be proved.
    pub evidence: Evidence,
    /// What the step does that makes it ask, in words.
    pub because: Vec<String>,
    /// What an approval must list.
    pub documents: BTreeSet<DocumentId>,
    /// And of the answers.
    pub effects: BTreeSet<Cell>,
}

/// Who asks for an approval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskedBy {
    /// An approval rule.
    Rule(String),
    /// Nobody else does, or an owner has to look at it whoever else does.
    Owners,
    /// Only kills are added: whoever may stop an agent has signed the commit.
    Brake,
}

/// So many from these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// As the rule has it: `security`, `the owners of payments`.
    pub from: String,
    /// How many.
    pub count: usize,
    /// Everybody who may sit here, authors among them.
    pub people: BTreeSet<String>,
}

/// A fact that raises a requirement, and what the rule requires.
type Raised<'a> = (&'a Fact, &'a [ast::Requirement]);

/// Everything that a step needs. Nothing where no rule asks and it changes nothing that is decided.
pub fn asks(before: &State, step: &Step, authors: &Authors) -> Vec<Ask> {
    if let Some(brake) = brake(before, step) {
        return vec![brake];
    }
    let mut asked: BTreeMap<AskedBy, (Evidence, Vec<Raised<'_>>)> = BTreeMap::new();
    let owner: [ast::Requirement; 0] = [];
    for fact in &step.facts {
        let mut matched = false;
        let mut by_path = false;
        for (name, rule) in rules(before) {
            let Some(how) = matches(rule, fact, authors) else {
                continue;
            };
            // What only may be covered is asked about here, and an owner is asked as well.
            matched |= how.surely;
            by_path |= how.by_path;
            let evidence = rule
                .evidence
                .as_ref()
                .map_or(Evidence::Signed, |evidence| evidence.value);
            let entry = asked
                .entry(AskedBy::Rule(name.to_owned()))
                .or_insert((evidence, Vec::new()));
            entry.1.push((fact, &rule.require));
        }
        let written = !fact.meaning;
        let of_root = written && fact.documents.iter().any(|id| ROOT_KINDS.contains(&id.kind.as_str()));
        let dot_file = written && fact.documents.iter().any(|id| is_dot_file(&id.path));
        let unasked = fact.direction != Direction::Neutral && !matched;
        if unasked || of_root || (dot_file && !by_path) {
            let entry = asked.entry(AskedBy::Owners).or_insert((Evidence::Signed, Vec::new()));
            entry.1.push((fact, &owner));
        }
    }
    let mut all = Vec::new();
    for (by, (evidence, facts)) in asked {
        let mut seats: Vec<Seat> = Vec::new();
        let mut add = |seat: Seat| {
            if !seats.contains(&seat) {
                seats.push(seat);
            }
        };
        match by {
            AskedBy::Owners | AskedBy::Brake => add(Seat {
                from: OWNERS.to_owned(),
                count: 1,
                people: owners(before),
            }),
            AskedBy::Rule(_) => {
                for (fact, require) in &facts {
                    for one in *require {
                        self::seats(before, fact, one).into_iter().for_each(&mut add);
                    }
                }
            }
        }
        // Whoever wrote the unsigned part may be among those who approve: one more person has to look.
        if !authors.unknown.is_empty() {
            seats.push(Seat {
                from: "any of these, because not every commit tells who wrote it".to_owned(),
                count: 1,
                people: seats.iter().flat_map(|seat| seat.people.iter().cloned()).collect(),
            });
        }
        let mut because: Vec<String> = Vec::new();
        let (mut documents, mut effects) = (BTreeSet::new(), BTreeSet::new());
        for (fact, _) in facts {
            if !because.contains(&fact.what) {
                because.push(fact.what.clone());
            }
            documents.extend(fact.documents.iter().cloned());
            effects.extend(fact.effects.iter().cloned());
        }
        all.push(Ask {
            by,
            seats,
            evidence,
            because,
            documents,
            effects,
        });
    }
    all
}

fn rules(state: &State) -> impl Iterator<Item = (&str, &ast::ApprovalRule)> {
    state
        .documents
        .documents
        .iter()
        .filter_map(|document| match &document.body {
            Body::ApprovalRule(rule) => Some((document.name.as_ref()?.value.as_str(), rule)),
            _ => None,
        })
}

/// A step that only adds kills: a brake must not wait.
fn brake(before: &State, step: &Step) -> Option<Ask> {
    let only_kills = !step.documents.is_empty()
        && step
            .documents
            .iter()
            .all(|(id, sides)| id.kind == "Kill" && sides.before.is_none());
    if !only_kills {
        return None;
    }
    let mut people = owners(before);
    for team in &before.organization.teams {
        people.extend(names(before, &team.owners));
    }
    for contact in before.principals.kill_contacts() {
        people.extend(named(before, contact));
    }
    Some(Ask {
        by: AskedBy::Brake,
        seats: vec![Seat {
            from: "owners, team owners and kill contacts".to_owned(),
            count: 1,
            people,
        }],
        evidence: Evidence::Signed,
        because: step.facts.iter().map(|fact| fact.what.clone()).collect(),
        documents: step.documents.keys().cloned().collect(),
        effects: BTreeSet::new(),
    })
}

/// That a rule is, or may be, about a fact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Matched {
    by_path: bool,
    /// About the whole of it, whatever is not known of it.
    surely: bool,
}

/// Whether any alternative of a rule may be about a fact.
fn matches(rule: &ast::ApprovalRule, fact: &Fact, authors: &Authors) -> Option<Matched> {
    let mut matched: Option<Matched> = None;
    for change in &rule.when {
        if let Some(surely) = alternative(change, fact, authors) {
            let known = matched.get_or_insert_default();
            known.by_path |= change.paths.is_some();
            known.surely |= surely;
        }
    }
    matched
}

/// Whether an alternative may be about a fact; and whether it surely is, about the whole of it.
fn alternative(change: &ChangeSelector, fact: &Fact, authors: &Authors) -> Option<bool> {
    let way = |wanted: Option<bool>, direction| wanted.is_none_or(|wanted| wanted == (fact.direction == direction));
    // What is neither a document nor a dot-file decides nothing: only a path asks about it.
    let aside = |id: &DocumentId| id.kind == FILE && !is_dot_file(&id.path);
    if change.paths.is_none() && fact.documents.iter().any(aside) {
        return None;
    }
    if !way(change.widens.as_ref().map(|value| value.value), Direction::Widens)
        || !way(change.narrows.as_ref().map(|value| value.value), Direction::Narrows)
    {
        return None;
    }
    let kind = |id: &DocumentId| match &change.kinds {
        Some(kinds) => kinds.iter().any(|kind| kind.value == id.kind),
        None => true,
    };
    let path = |id: &DocumentId| match &change.paths {
        Some(globs) => globs.iter().any(|glob| path_matches(&glob.value, &id.path)),
        None => true,
    };
    // Which of the documents brings a fact about is not traced: any may, and only all do surely.
    let may = fact.documents.iter().any(kind) && fact.documents.iter().any(path);
    if !may && (change.kinds.is_some() || change.paths.is_some()) {
        return None;
    }
    let mut surely = fact.documents.iter().all(|id| kind(id) && path(id));
    if change.author.is_some() {
        // Of an unsigned part nobody knows that no agent wrote it.
        if authors.agents.is_empty() && authors.unknown.is_empty() {
            return None;
        }
        surely &= !authors.agents.is_empty();
    }
    if !selects(&change.selector) {
        return Some(surely);
    }
    let Some(subjects) = &fact.reach else {
        return Some(false);
    };
    let found: Vec<Option<bool>> = subjects.iter().map(|one| subject(&change.selector, one)).collect();
    let any = found.iter().any(Option::is_some);
    any.then(|| surely && found.iter().all(|one| *one == Some(true)))
}

/// A path matches as it is written and as a system sees it that ignores case and normalisation.
fn path_matches(glob: &str, path: &str) -> bool {
    let fold = |text: &str| {
        text.nfkc()
            .filter(|letter| !crate::source::is_misleading(*letter))
            .collect::<String>()
            .to_lowercase()
            .nfkc()
            .collect::<String>()
    };
    Glob::new(glob, '/').matches(path) || Glob::new(&fold(glob), '/').matches(&fold(path))
}

/// Whether any selector is given.
fn selects(selector: &Selector) -> bool {
    let Selector {
        span: _,
        agents,
        teams,
        rings,
        tags,
        environments,
        tools,
        actions,
        effects,
        external,
        reversible,
        credentials,
        resources,
        holding,
        on_behalf_of,
    } = selector;
    let lists = [
        agents,
        teams,
        rings,
        environments,
        tools,
        actions,
        credentials,
        holding,
        on_behalf_of,
    ];
    lists.iter().any(|list| list.is_some())
        || tags.is_some()
        || effects.is_some()
        || external.is_some()
        || reversible.is_some()
        || resources.is_some()
}

/// Whether a selector may cover a subject, and whether it surely does. What only a call decides (`resources`,
/// `holding`, `on_behalf_of`) may.
fn subject(selector: &Selector, one: &Subject) -> Option<bool> {
    let mut surely = selector.resources.is_none() && selector.holding.is_none() && selector.on_behalf_of.is_none();
    let mut holds = |known: Option<bool>| {
        surely &= known.is_some();
        known.unwrap_or(true)
    };
    let any = |list: &Option<Vec<Text>>, name: Option<&str>, test: &dyn Fn(&str, &str) -> bool| match (list, name) {
        (None, _) => Some(true),
        (Some(_), None) => None,
        (Some(list), Some(name)) => Some(list.iter().any(|entry| test(&entry.value, name))),
    };
    let glob = |separator: char| move |entry: &str, name: &str| Glob::new(entry, separator).matches(name);
    let deployment = one.deployment.as_deref();
    let team = deployment.and_then(|name| name.split('/').next());
    let agents = |entry: &str, name: &str| match entry.contains('/') {
        true => Glob::new(entry, '/').matches(name),
        false => Glob::new(entry, '/').matches(name.rsplit('/').next().unwrap_or(name)),
    };
    let actions = |entry: &str, name: &str| {
        let base = name.split_once('/').map_or(name, |(base, _)| base);
        Glob::new(entry, '.').matches(name) || Glob::new(entry, '.').matches(base)
    };
    let credentials = |entry: &str, name: &str| {
        let name = name.strip_prefix("credential.");
        name.is_some_and(|name| Glob::new(entry, '/').matches(name))
    };
    let equal = |wanted: Option<bool>, found: Option<bool>| match (wanted, found) {
        (None, _) => Some(true),
        (Some(wanted), found) => found.map(|found| found == wanted),
    };
    let effects = match (&selector.effects, one.effect) {
        (None, _) => Some(true),
        (Some(list), found) => found.map(|found| list.iter().any(|effect| effect.value == found)),
    };
    let tags = match (&selector.tags, &one.tags) {
        (None, _) => Some(true),
        (Some(_), None) => None,
        (Some(wanted), Some(tags)) => Some(wanted.iter().all(|(key, values)| {
            let found = tags.iter().find(|(name, _)| *name == key.value);
            found.is_some_and(|(_, value)| values.iter().any(|wanted| wanted.value == *value))
        })),
    };
    let covers = holds(any(&selector.agents, deployment, &agents))
        && holds(any(&selector.teams, team, &glob('/')))
        && holds(any(&selector.rings, one.ring.as_deref(), &glob('/')))
        && holds(any(&selector.environments, one.environment.as_deref(), &glob('/')))
        && holds(any(&selector.tools, one.tool.as_deref(), &glob('.')))
        && holds(any(&selector.actions, one.action.as_deref(), &actions))
        && holds(any(&selector.credentials, one.tool.as_deref(), &credentials))
        && holds(effects)
        && holds(equal(selector.external.as_ref().map(|value| value.value), one.external))
        && holds(equal(
            selector.reversible.as_ref().map(|value| value.value),
            one.reversible,
        ))
        && holds(tags);
    covers.then_some(surely)
}

/// The seats of one requirement, as one fact asks for it: `team-owners` are those of each team it touches.
fn seats(before: &State, fact: &Fact, require: &ast::Requirement) -> Vec<Seat> {
    let count = require
        .count
        .as_ref()
        .map_or(1, |count| usize::try_from(count.value).unwrap_or(usize::MAX));
    let mut people = BTreeSet::new();
    let mut from = Vec::new();
    let mut by_team = false;
    for entry in &require.from {
        match entry.value.as_str() {
            "team-owners" => by_team = true,
            OWNERS => {
                from.push(OWNERS.to_owned());
                people.extend(owners(before));
            }
            name => {
                from.push(name.to_owned());
                people.extend(named(before, name));
            }
        }
    }
    if !by_team {
        return vec![Seat {
            from: from.join(", "),
            count,
            people,
        }];
    }
    let seat = |team: &str, more: BTreeSet<String>| {
        let mut from = from.clone();
        from.push(format!("the owners of {team}"));
        Seat {
            from: from.join(", "),
            count,
            people: people.union(&more).cloned().collect(),
        }
    };
    let known: BTreeMap<&str, &[PersonId]> = before
        .organization
        .teams
        .iter()
        .map(|team| (team.name.value.as_str(), team.owners.as_slice()))
        .collect();
    let touched: BTreeSet<&str> = match &fact.teams {
        Some(teams) => teams.iter().map(String::as_str).collect(),
        None => known.keys().copied().collect(),
    };
    if touched.is_empty() {
        return vec![seat("the organisation", owners(before))];
    }
    let each = touched.into_iter().map(|team| match known.get(team) {
        Some(list) => seat(team, names(before, list)),
        // Nobody owns a team before it is there.
        None => seat("the organisation", owners(before)),
    });
    each.collect()
}

fn owners(state: &State) -> BTreeSet<String> {
    names(state, &state.organization.owners)
}

fn names(state: &State, people: &[PersonId]) -> BTreeSet<String> {
    let person = |id: &PersonId| state.organization.people.get(id.0 as usize);
    people
        .iter()
        .filter_map(person)
        .map(|person| person.name.value.clone())
        .collect()
}

/// A person, or everybody in a group.
fn named(state: &State, name: &str) -> BTreeSet<String> {
    let organization = &state.organization;
    if organization.people.iter().any(|person| person.name.value == name) {
        return [name.to_owned()].into();
    }
    let group = organization.groups.iter().find(|group| group.name.value == name);
    group.map(|group| names(state, &group.members)).unwrap_or_default()
}

/// Whether a segment begins with a dot, or does to a system that sees no difference between one letter and another, or
/// none in a letter that is not shown: pipelines and what decides about owners and ignored files lie there.
fn is_dot_file(path: &str) -> bool {
    let begins = |part: &str| {
        let folded: String = part.nfkc().filter(|letter| !is_unseen(*letter)).collect();
        folded.starts_with('.')
    };
    path.split('/').any(|part| part.starts_with('.') || begins(part))
}

/// What a file system may leave out of a name: HFS+ ignores these, and others show nothing for them.
fn is_unseen(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || crate::source::is_misleading(letter)
}

impl Authors {
    /// Everybody who does not count towards the step: who wrote it, whom text names, and who owns an agent that did,
    /// by the tree before it or by the one after it.
    pub fn excluded(&self, principals: &Principals) -> BTreeSet<String> {
        let owners = self.agents.iter().filter_map(|agent| principals.owner(agent));
        let people = self.people.iter().chain(&self.named).map(String::as_str);
        let known: BTreeSet<String> = people.chain(owners).map(str::to_owned).collect();
        known.union(&self.owners).cloned().collect()
    }
}

impl fmt::Display for AskedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(name) => write!(f, "the approval rule `{name}`"),
            Self::Owners => f.write_str("the organisation's owners"),
            Self::Brake => f.write_str("the rule for kills"),
        }
    }
}
