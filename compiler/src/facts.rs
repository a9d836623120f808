//! What two organisations differ in, beside the answers that their tables give: who may approve, how agents are
//! confined, who they are, what they are connected to, and how long things hold.
//!
//! In: two [`Organization`]s. Out: [`Fact`]s, sorted. Ids differ from one revision to the next, so everything is
//! compared by name. Each side becomes a list of *items*, a value each (`value`) under a subject and a name; what is
//! said of them, and which way it goes, is settled once for each kind of value. Whatever is not proved equal or
//! stricter widens. Comments, order and files are not known here, nor is who has to approve a fact.

mod agents;
mod bundles;
mod environments;
mod people;
mod policies;
mod properties;
mod tools;
mod value;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use polity_runtime::table::{ActionId, DeploymentId, EnvironmentId, RingId, ToolId};

use crate::resolve::{Organization, PersonId, Requirement, TeamId};
use crate::trail::signature::fingerprint;
pub(crate) use bundles::named;
pub use bundles::{NOT_COMPARED, of_bundles};
pub use properties::Properties;
use value::Value;

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What it concerns.
    pub subject: Subject,
    /// What sort of thing it is.
    pub kind: Kind,
    /// Which of the subject's properties: `credentials.max_ttl`; empty where the subject itself came or went.
    pub what: &'static str,
    /// As it was, for a person; absent where there was nothing.
    pub before: Option<String>,
    /// As it is now.
    pub after: Option<String>,
    /// Which way it goes.
    pub direction: Direction,
}

/// Which way a fact goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// More is possible, or it could not be told.
    Widened,
    /// Less is possible.
    Narrowed,
    /// Nothing that is decided or obliged is otherwise.
    Neutral,
}

impl Direction {
    /// As reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Neutral => "neutral",
        }
    }
}

/// What a fact concerns: a document, and the part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The document's kind.
    pub document: &'static str,
    /// Its name; of a Deployment `team/agent`.
    pub name: String,
    /// The deployment, where it concerns one.
    pub deployment: Option<String>,
    /// The environment, where it concerns one.
    pub environment: Option<String>,
    /// The action, where it concerns one.
    pub action: Option<String>,
    /// The rule, `policy/rule`, where it concerns one.
    pub rule: Option<String>,
    /// The team, where it concerns one: what it owns, or whose owners are asked.
    pub team: Option<String>,
}

/// The sorts of things that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// The organisation itself: its owners, lints, the life of its bundles.
    Organization,
    /// People, groups, forges and their keys.
    Principal,
    /// A team: its owners, what it owns, its ceiling.
    Team,
    /// An environment: its rank, what it takes.
    Environment,
    /// What a ring lets agents do.
    Ring,
    /// How a ring confines them.
    Isolation,
    /// How often something may be done.
    Limit,
    /// A data class, or what reads one.
    DataClass,
    /// A tool and its actions.
    Tool,
    /// What runs a tool, and where it is reached.
    Server,
    /// A credential: where, for how long, from whom.
    Credential,
    /// An agent: who answers for it, when it is looked at again.
    Agent,
    /// What an agent is, and how it proves it.
    Identity,
    /// Where an agent works, in which ring, with what.
    Placement,
    /// Whose approval a call needs.
    Approval,
    /// What lifts a rule.
    Exception,
    /// What must never be possible.
    Invariant,
    /// Whose approval a change needs.
    ApprovalRule,
    /// What is stopped.
    Kill,
}

impl Kind {
    /// As reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Principal => "principal",
            Self::Team => "team",
            Self::Environment => "environment",
            Self::Ring => "ring",
            Self::Isolation => "isolation",
            Self::Limit => "limit",
            Self::DataClass => "data-class",
            Self::Tool => "tool",
            Self::Server => "server",
            Self::Credential => "credential",
            Self::Agent => "agent",
            Self::Identity => "identity",
            Self::Placement => "placement",
            Self::Approval => "approval",
            Self::Exception => "exception",
            Self::Invariant => "invariant",
            Self::ApprovalRule => "approval-rule",
            Self::Kill => "kill",
        }
    }
}

/// What differs from one organisation to the next, sorted by subject.
pub fn facts(before: &Organization, after: &Organization) -> Vec<Fact> {
    between(&items(before), &items(after))
}

/// As [`facts`], of what is known of each side. `None` where what was written of one cannot be read.
pub fn compare(before: &Properties, after: &Properties) -> Option<Vec<Fact>> {
    let [before, after] = properties::differing(before, after)?;
    Some(between(&before, &after))
}

fn between(before: &Items, after: &Items) -> Vec<Fact> {
    let keys: BTreeSet<&(Subject, &'static str)> = before.keys().chain(after.keys()).collect();
    let mut facts: Vec<Fact> = keys
        .into_iter()
        .filter_map(|(subject, what)| {
            let sides = [(before, after), (after, before)].map(|(own, other)| side(own, other, subject, what));
            match sides {
                [Side::Known(before), Side::Known(after)] => compared(subject, what, before, after),
                _ => None,
            }
        })
        .collect();
    facts.sort();
    facts
}

/// What one side says of a property.
enum Side<'i> {
    /// This, or nothing.
    Known(Option<&'i Item>),
    /// The subject as a whole is not there, which is said once.
    Told,
}

fn side<'i>(own: &'i Items, other: &Items, subject: &Subject, what: &'static str) -> Side<'i> {
    let key = (subject.clone(), what);
    if let Some(item) = own.get(&key) {
        return Side::Known(Some(item));
    }
    let lacks = |subject: Subject| {
        let whole = (subject, "");
        other.contains_key(&whole) && !own.contains_key(&whole)
    };
    if !what.is_empty() && lacks(subject.clone()) {
        return Side::Told;
    }
    // What is asked for a team where its owners count is asked for all teams alike where they do not.
    if let Some(team) = subject
        .team
        .as_ref()
        .filter(|_| matches!(what, policies::APPROVAL | policies::REQUIRE))
    {
        let alike = Subject {
            team: None,
            ..subject.clone()
        };
        let of_team = Subject {
            team: Some(team.clone()),
            ..document("Team", team)
        };
        return match lacks(alike.clone()) || lacks(of_team) {
            true => Side::Told,
            false => Side::Known(own.get(&(alike, what))),
        };
    }
    Side::Known(None)
}

fn compared(subject: &Subject, what: &'static str, before: Option<&Item>, after: Option<&Item>) -> Option<Fact> {
    let [then, now] = [before, after].map(|item| item.map(|item| &item.value));
    if then == now {
        return None;
    }
    let direction = value::direction(then, now)?;
    let (said_before, said_after) = value::said(then, now);
    Some(Fact {
        subject: subject.clone(),
        kind: after.or(before)?.kind,
        what,
        before: said_before,
        after: said_after,
        direction,
    })
}

/// `Environment production: credentials.max_ttl: 15m -> 1h (widened)`, `Agent helper is new (widened)`
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.said(), self.direction.as_str())
    }
}

impl Fact {
    /// What is otherwise, for a person; not which way it goes.
    pub fn said(&self) -> String {
        let mut said = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.say(&mut said);
        said
    }

    fn say(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let Subject {
            document,
            name,
            deployment: _,
            environment,
            action,
            rule,
            team,
        } = &self.subject;
        let plain = *document != "Tool" || action.is_none();
        match (rule, action) {
            (Some(rule), _) => write!(f, "rule {rule}")?,
            (None, Some(action)) if !plain => write!(f, "action {action}")?,
            _ => write!(f, "{document}")?,
        }
        if rule.is_none() && plain && !name.is_empty() {
            write!(f, " {name}")?;
        }
        if let Some(environment) = environment.as_ref().filter(|environment| *environment != name) {
            write!(f, " in {environment}")?;
        }
        // A deployment's name has its team in it.
        if let Some(team) = team.as_ref().filter(|team| *team != name && *document != "Deployment") {
            write!(f, " for team {team}")?;
        }
        if !self.what.is_empty() {
            write!(f, ": {}", self.what)?;
        }
        match (&self.before, &self.after) {
            (None, Some(_)) if self.what.is_empty() => write!(f, " is new")?,
            (Some(_), None) if self.what.is_empty() => write!(f, " is gone")?,
            (before, after) => {
                let said = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
                write!(f, ": {} -> {}", said(before), said(after))?;
            }
        }
        Ok(())
    }
}

/// A value under its subject and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Item {
    kind: Kind,
    value: Value,
}

/// Everything that is compared of one side.
type Items = BTreeMap<(Subject, &'static str), Item>;

fn items(organization: &Organization) -> Items {
    let mut view = View {
        organization,
        items: Items::new(),
    };
    people::items(&mut view);
    environments::items(&mut view);
    tools::items(&mut view);
    agents::items(&mut view);
    policies::items(&mut view);
    view.items
}

impl Properties {
    /// What an organisation says.
    pub fn of(organization: &Organization) -> Self {
        items(organization).into()
    }
}

/// One side, and the items found so far.
struct View<'o> {
    organization: &'o Organization,
    items: Items,
}

impl<'o> View<'o> {
    /// Takes note that something is there, and of which way it goes if it comes, and if it goes.
    fn exists(&mut self, subject: &Subject, kind: Kind, comes: Direction, goes: Direction) {
        self.put(subject, kind, "", Value::Exists { comes, goes });
    }

    fn put(&mut self, subject: &Subject, kind: Kind, what: &'static str, value: Value) {
        self.items.insert((subject.clone(), what), Item { kind, value });
    }

    fn person(&self, id: PersonId) -> String {
        let person = self.organization.people.get(id.0 as usize);
        person.map_or_else(String::new, |person| person.name.value.clone())
    }

    fn people(&self, ids: &[PersonId]) -> BTreeSet<String> {
        ids.iter().map(|id| self.person(*id)).collect()
    }

    /// People with each of their keys: whoever has another key is proved in another way.
    fn keyed(&self, ids: impl IntoIterator<Item = PersonId>) -> BTreeMap<String, BTreeSet<String>> {
        let people = ids
            .into_iter()
            .filter_map(|id| self.organization.people.get(id.0 as usize));
        people
            .map(|person| {
                let keys = person.keys.iter().map(|key| material(&key.value)).collect();
                (person.name.value.clone(), keys)
            })
            .collect()
    }

    /// What requirements come to, for the deployments of a team.
    fn required(&self, require: &[Requirement], team: Option<TeamId>) -> Vec<value::Seats> {
        let owners = team.and_then(|team| self.organization.teams.get(team.0 as usize));
        let owners = owners.map_or(&[][..], |team| team.owners.as_slice());
        let mut seats: Vec<value::Seats> = require
            .iter()
            .map(|one| {
                let owners = owners.iter().filter(|_| one.team_owners);
                value::Seats {
                    count: one.count,
                    people: self.keyed(one.people.iter().chain(owners).copied()),
                }
            })
            .collect();
        seats.sort();
        seats
    }

    fn ring(&self, id: RingId) -> String {
        let ring = self.organization.rings.get(id.0 as usize);
        ring.map_or_else(String::new, |ring| ring.name.clone())
    }

    fn tool(&self, id: ToolId) -> String {
        let tool = self.organization.tools.get(id.0 as usize);
        tool.map_or_else(String::new, |tool| tool.name.clone())
    }

    fn environment(&self, id: EnvironmentId) -> String {
        let environment = self.organization.environments.get(id.0 as usize);
        environment.map_or_else(String::new, |environment| environment.name.value.clone())
    }

    fn deployment(&self, id: DeploymentId) -> String {
        let deployment = self.organization.deployments.get(id.0 as usize);
        deployment.map_or_else(String::new, |deployment| deployment.name.clone())
    }

    fn action(&self, id: ActionId) -> String {
        let action = self.organization.actions.get(id.0 as usize);
        action.map_or_else(String::new, |action| action.name.clone())
    }

    fn team(&self, id: TeamId) -> Option<String> {
        let team = self.organization.teams.get(id.0 as usize);
        team.map(|team| team.name.value.clone())
    }
}

/// A document as a whole.
fn document(document: &'static str, name: &str) -> Subject {
    Subject {
        document,
        name: name.to_owned(),
        ..Subject::default()
    }
}

/// What tells a public key from others: its fingerprint, as people compare it.
fn material(key: &str) -> String {
    // An agent's key for its host is no key of OpenSSH's.
    fingerprint(key).unwrap_or_else(|| key.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// Of what grants reach: wider once it is there, narrower once it is gone.
fn grants(reaches: bool) -> [Direction; 2] {
    match reaches {
        true => [Direction::Widened, Direction::Narrowed],
        false => [Direction::Neutral, Direction::Neutral],
    }
}
