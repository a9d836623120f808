//! A branch commit by commit, as a fast-forward brings it or the trunk has it: a base, a head and a statement in, what each
//! of its commits is asked and whether the statement would count towards it out.
//!
//! Whoever wrote a later commit is no author of an earlier one, so what is blocked as one change need not be.

use gix::ObjectId;

use super::court::Court;
use super::error::TrailError;
use super::history::History;
use super::statement::Statement;
use super::verify::{Judged, Trusted};

/// How many commits of a branch are judged one by one, each of which is compiled: more than a person reviews.
const MOST_PARTS: usize = 50;

/// What one commit does, or several of which only the last compiles.
#[derive(Debug)]
pub struct Part {
    /// The last of them.
    pub commit: ObjectId,
    /// What it does, needs and has.
    pub judged: Judged,
    /// Whether the statement would count towards something that it needs.
    pub counts: bool,
}

/// The parts of what leads from a base to a head. None where there is but one, or too many, or where they are no chain of
/// first parents: then nothing brings them one by one.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn apart(
    history: &History,
    (base, head): (ObjectId, ObjectId),
    statement: &Statement,
) -> Result<Vec<Part>, TrailError> {
    let chain = history.chain(head)?;
    let commits = |begin: &usize| (2..=MOST_PARTS).contains(&(chain.len() - 1 - begin));
    let Some(begin) = chain.iter().position(|id| *id == base).filter(commits) else {
        return Ok(Vec::new());
    };
    let trusted = Trusted {
        organization: &statement.organization,
        reference: &statement.reference,
        introductory: base,
        checkpoint: None,
    };
    let court = Court::new(history, &chain, trusted, begin)?;
    court.begin(begin)?;
    let mut parts = Vec::new();
    let mut before = begin;
    for (after, commit) in chain.iter().copied().enumerate().skip(begin + 1) {
        let judged = court.judge(before, after, chain.len())?;
        if judged.broken.is_some() {
            continue;
        }
        let left = court.state(before)?;
        let in_time = court.in_time(statement, before)?.is_ok();
        let counts = in_time
            && judged.answers.iter().any(|answer| {
                answer.may_count(&statement.approver) && court.about(&answer.ask, statement, &left, &judged).is_ok()
            });
        parts.push(Part { commit, judged, counts });
        before = after;
    }
    Ok(parts)
}
