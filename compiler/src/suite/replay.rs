//! Recorded calls, decided from two tables: which answers a change of policy changes.
//!
//! In: the tables of two revisions and the calls of a log. Out: the calls whose answer, or what comes with it, is
//! another. Both sides answer as the runtime does, kills included.

use polity_runtime::decide::Outcome;
use polity_runtime::explain::{Explanation, Limit, Obligations};
use polity_runtime::guard::Silent;
use polity_runtime::table::Table;
use rayon::prelude::*;

use super::ask::{self, Request};
use super::{Answered, answered, refused};

/// What became of the calls of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// How many calls there were.
    pub requests: usize,
    /// How many could not be read: both sides deny them.
    pub unreadable: usize,
    /// Those with another answer, in the order of the log.
    pub changed: Vec<Changed>,
}

/// A call that is answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its place among the calls, from 0.
    pub at: usize,
    /// The call.
    pub request: Request,
    /// The answer before.
    pub before: Owed,
    /// The answer now.
    pub after: Owed,
}

impl Changed {
    /// Whether the answer is the same, and only what comes with it is not: who approves, a limit, a credential's life.
    pub fn is_obligation(&self) -> bool {
        self.before.answered.outcome == self.after.answered.outcome
    }

    /// Whether more is allowed, or it cannot be excluded: of the same answer, where something that came with it does no
    /// more.
    pub fn is_widened(&self) -> bool {
        match self.is_obligation() {
            true => !keeps(&self.before.obligations, &self.after.obligations),
            false => self.after.answered.outcome > self.before.answered.outcome,
        }
    }

    /// Whether less is allowed.
    pub fn is_narrowed(&self) -> bool {
        match self.is_obligation() {
            true => !keeps(&self.after.obligations, &self.before.obligations),
            false => self.after.answered.outcome < self.before.answered.outcome,
        }
    }
}

/// Whether all that came with an answer comes with it still, as it was or with less in it: every approval, every limit,
/// and a credential that lives no longer.
fn keeps(before: &Obligations, after: &Obligations) -> bool {
    let Obligations {
        approvals,
        limits,
        credential_ttl,
    } = before;
    let limited = |limit: &Limit| after.limits.iter().any(|other| is_within(other, limit));
    let lives = match (credential_ttl, after.credential_ttl) {
        (Some(before), Some(after)) => after <= *before,
        (None, _) => true,
        (Some(_), None) => false,
    };
    lives && limits.iter().all(limited) && approvals.iter().all(|asked| after.approvals.contains(asked))
}

/// Whether a limit lets through no more than another of the same rule or ring.
fn is_within(limit: &Limit, other: &Limit) -> bool {
    let least =
        |limit: Option<u32>, other: Option<u32>| other.is_none_or(|other| limit.is_some_and(|own| own <= other));
    limit.of == other.of
        && limit.per == other.per
        && limit.count <= other.count
        && least(limit.burst, other.burst)
        && least(limit.concurrent, other.concurrent)
}

/// An answer, and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The answer.
    pub answered: Answered,
    /// What comes with it.
    pub obligations: Obligations,
}

/// Decides each call from both tables.
pub fn replay(left: &Table, right: &Table, requests: &[Result<Request, String>]) -> Replay {
    let read: Vec<(usize, &Request)> = requests
        .iter()
        .enumerate()
        .filter_map(|(at, request)| Some((at, request.as_ref().ok()?)))
        .collect();
    let changed = read
        .par_iter()
        .filter_map(|(at, request)| changed(left, right, *at, request));
    Replay {
        requests: requests.len(),
        unreadable: requests.len() - read.len(),
        changed: changed.collect(),
    }
}

fn changed(left: &Table, right: &Table, at: usize, request: &Request) -> Option<Changed> {
    let question = request.question();
    let quick = |table| {
        let decision = ask::decide(table, &question, &mut Silent);
        decision.map_or(Outcome::Deny, |decision| decision.outcome)
    };
    let outcomes = [quick(left), quick(right)];
    // Two denials oblige to nothing, and most calls of a log need no more than this.
    if outcomes == [Outcome::Deny; 2] {
        return None;
    }
    let [before, after] = [left, right].map(|table| owed(table, ask::explain(table, &question)));
    let same = before.answered.outcome == after.answered.outcome && before.obligations == after.obligations;
    (!same).then(|| Changed {
        at,
        request: request.clone(),
        before,
        after,
    })
}

fn owed(table: &Table, explained: Result<Explanation, String>) -> Owed {
    match explained {
        Ok(explanation) => Owed {
            answered: answered(table, &explanation),
            obligations: explanation.obligations,
        },
        Err(wrong) => Owed {
            answered: refused(wrong),
            obligations: Obligations::default(),
        },
    }
}
