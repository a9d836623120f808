//! Which steps of a history are asked for: the filters in, of each step what it changes of what they ask out.
//!
//! Filters take documents by the words in them, without compiling anything. An agent's access is more than words: there
//! the trees on both sides of a step are compiled, of steps alone that might change it.

use gix::ObjectId;

use super::Arguments;
use crate::ast::Moment;
use crate::parse::document::team_of;
use crate::resolve::Glob;
use crate::trail::access::Access;
use crate::trail::change;
use crate::trail::error::TrailError;
use crate::trail::history::History;
use crate::trail::ledger::{Changed, Documents, Ledger};
use crate::trail::state::States;
use crate::trail::statement::DocumentId;

/// How far back a tree is looked for that compiles: a trunk that was broken for longer is told by what it names.
const MOST_BROKEN: usize = 32;

/// What is asked of each step.
pub(super) struct Select<'a> {
    history: &'a History,
    trunk: &'a [ObjectId],
    ledger: &'a Ledger<'a>,
    wanted: &'a Arguments,
    access: Option<Access>,
    states: States<'a>,
}

/// What a step changes of what is asked about.
pub(super) struct Found {
    /// Its documents, in words.
    pub(super) documents: Vec<String>,
    /// What it does to the access that is asked about, in words.
    pub(super) effects: Vec<String>,
}

impl<'a> Select<'a> {
    pub(super) fn new(
        history: &'a History,
        trunk: &'a [ObjectId],
        ledger: &'a Ledger<'a>,
        wanted: &'a Arguments,
    ) -> Self {
        Self {
            history,
            trunk,
            ledger,
            wanted,
            access: access(wanted),
            states: States::new(history),
        }
    }

    /// What the step at a place changes of what is asked about; `None` where it changes nothing of it.
    pub(super) fn step(&self, at: usize) -> Result<Option<Found>, TrailError> {
        if !in_time(self.ledger.moment(at)?, self.wanted) {
            return Ok(None);
        }
        let all = self.ledger.documents(at)?;
        let Some(access) = &self.access else {
            let documents = documents(&all, |id, changed| concerns(id, changed, self.wanted));
            let effects = Vec::new();
            return Ok((!documents.is_empty()).then_some(Found { documents, effects }));
        };
        if !all.keys().any(|id| may_reach(id, access)) {
            return Ok(None);
        }
        let Some(effects) = self.done(at, access)? else {
            // Of a tree that does not compile nobody can tell what it means, only what it names.
            let documents = documents(&all, |id, changed| concerns(id, changed, self.wanted));
            let effects = vec!["does not compile".to_owned()];
            return Ok((!documents.is_empty()).then_some(Found { documents, effects }));
        };
        let documents = documents(&all, |id, changed| {
            may_reach(id, access) && in_place(id, changed, self.wanted)
        });
        Ok((!effects.is_empty() && !documents.is_empty()).then_some(Found { documents, effects }))
    }

    /// What a step does to an access, since the last tree before it that compiles; `None` where its own does not.
    fn done(&self, at: usize, access: &Access) -> Result<Option<Vec<String>>, TrailError> {
        let Some(after) = self.trunk.get(at) else {
            return Ok(None);
        };
        self.ledger.done(*after, access, || {
            let right = self.states.of(*after)?;
            if right.broken.is_some() {
                return Ok(None);
            }
            for before in self.trunk.iter().take(at).rev().take(MOST_BROKEN) {
                let left = self.states.of(*before)?;
                if left.broken.is_none() {
                    let step = change::step(self.history, &left, &right, &[])?;
                    return Ok(Some(access.changed_by(&step)));
                }
            }
            Ok(None)
        })
    }
}

/// The access that the filters ask about: an agent, and something that it may do.
fn access(wanted: &Arguments) -> Option<Access> {
    let agent = wanted.agent.clone()?;
    let environment = wanted.environment.clone();
    let credential = wanted.credential.as_ref().map(|name| format!("credential.{name}"));
    // A word without a dot is a tool with everything that it does.
    let (action, tool) = match wanted.action.clone() {
        Some(action) if action.contains('.') => (Some(action), credential),
        tool => (None, credential.or(tool)),
    };
    let specific = environment.is_some() || tool.is_some() || action.is_some();
    specific.then_some(Access {
        agent,
        environment,
        tool,
        action,
    })
}

/// Whether a document can have a say in an access at all: what stands in a team's folder reaches that team alone, and a
/// test nobody.
fn may_reach(id: &DocumentId, access: &Access) -> bool {
    let team = access.agent.split_once('/').map(|(team, _)| team);
    match (team, team_of(&id.path)) {
        (Some(team), Some(of)) if team != of => false,
        _ => id.kind != "Test",
    }
}

fn in_time(moment: Moment, wanted: &Arguments) -> bool {
    wanted.since.is_none_or(|since| moment >= since) && wanted.until.is_none_or(|until| moment < until)
}

/// What a step does to the documents that are asked for, in words.
fn documents(all: &Documents, asked: impl Fn(&DocumentId, &Changed) -> bool) -> Vec<String> {
    all.iter()
        .filter(|(id, changed)| asked(id, changed))
        .map(|(id, changed)| {
            let verb = match (&changed.sides.before, &changed.sides.after) {
                (None, _) => "adds",
                (_, None) => "removes",
                _ => "changes",
            };
            format!("{verb} {} {} in {}", id.kind, id.name, id.path)
        })
        .collect()
}

/// Whether a document names everything that the filters ask for.
fn concerns(id: &DocumentId, changed: &Changed, wanted: &Arguments) -> bool {
    asked(&wanted.agent, |agent| {
        let (team, bare) = agent
            .split_once('/')
            .map_or((None, agent), |(team, bare)| (Some(team), bare));
        let of_kind = id.kind == "Deployment" || id.kind == "Agent";
        let deployed = match team {
            Some(_) => id.name == agent,
            None => id.name.rsplit('/').next() == Some(bare),
        };
        (of_kind && (deployed || id.kind == "Agent" && id.name == bare))
            || (!of_kind && (names(changed, agent, '/') || names(changed, bare, '/')))
    }) && asked(&wanted.environment, |name| {
        names(changed, name, '/') || (id.kind == "Environment" && id.name == name)
    }) && asked(&wanted.action, |name| {
        let tool = name.split('.').next().unwrap_or(name);
        names(changed, name, '.') || names(changed, tool, '.')
    }) && asked(&wanted.credential, |name| {
        names(changed, name, '.') || names(changed, &format!("credential.{name}"), '.')
    }) && in_place(id, changed, wanted)
}

/// Whether it is a document of those that are asked for, whatever access it is about.
fn in_place(id: &DocumentId, changed: &Changed, wanted: &Arguments) -> bool {
    asked(&wanted.team, |name| {
        let own = id.path.starts_with(&format!("teams/{name}/")) || (id.kind == "Team" && id.name == name);
        own || names(changed, name, '/')
    }) && asked(&wanted.document, |glob| {
        let glob = Glob::new(glob, '/');
        let called = format!("{}/{}", id.kind, id.name);
        [id.path.as_str(), id.name.as_str(), &called]
            .iter()
            .any(|name| glob.matches(name))
    })
}

fn asked(filter: &Option<String>, test: impl Fn(&str) -> bool) -> bool {
    filter.as_deref().is_none_or(test)
}

/// Whether a document has a word, or a glob that takes it.
fn names(changed: &Changed, word: &str, separator: char) -> bool {
    changed.words.contains(word)
        || changed.words.iter().any(|found| {
            // A lone star names everything and so nobody in particular.
            found.contains('*')
                && !found.trim_matches(['*', '.', '/']).is_empty()
                && Glob::new(found, separator).matches(word)
        })
}
