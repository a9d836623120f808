//! The statement that an approver signs: a base, a head and a person in, what to sign out.
//!
//! It is computed from the two trees, by what verifies it later. Signing and writing are for the caller.

use gix::ObjectId;

use super::change::{self, Step};
use super::error::TrailError;
use super::history::History;
use super::principals::{Principal, Principals};
use super::requirements::Authors;
use super::signature::Key;
use super::state::{State, States};
use super::statement::{Statement, Verdict};
use super::verify::{Judged, Trusted, review_upgrade};

/// What a branch does, as an approval of it has to say.
#[derive(Debug)]
pub struct Proposal {
    /// The commit of the trunk that it begins at.
    pub base: ObjectId,
    /// The commit that it ends at.
    pub head: ObjectId,
    /// What it does.
    pub step: Step,
    /// The statement, without an approver.
    statement: Statement,
    /// Whose keys are whose where it begins.
    principals: Principals,
}

/// What the branch that ends at `head` does to the trunk that ends at `trunk`.
///
/// # Errors
/// Where the two have nothing in common, or one of the trees does not compile.
pub fn propose(history: &History, reference: &str, trunk: ObjectId, head: ObjectId) -> Result<Proposal, TrailError> {
    propose_among(&States::new(history), history, reference, trunk, head)
}

/// As [`propose`], for whoever looks at several branches of one history: what was compiled is not compiled again.
///
/// # Errors
/// As [`propose`].
pub fn propose_among(
    states: &States<'_>,
    history: &History,
    reference: &str,
    trunk: ObjectId,
    head: ObjectId,
) -> Result<Proposal, TrailError> {
    let base = states.last_good(history.fork(trunk, head)?)?;
    let (before, after) = (states.of(base)?, states.of(head)?);
    for (commit, state) in [(base, &before), (head, &after)] {
        if let Some(message) = &state.broken {
            return Err(TrailError::BeginningBroken {
                commit: commit.to_string(),
                message: message.clone(),
            });
        }
    }
    let trees = (history.commit(base)?.tree, history.commit(head)?.tree);
    let changes = history.changes(Some(trees.0), trees.1)?;
    let step = change::step(history, &before, &after, &changes)?;
    Ok(Proposal::new(reference, (base, head), step, &before))
}

/// What this compiler makes otherwise of the checkpoint, to be approved on a branch that ends at `head`. Nothing where
/// it comes to the same.
///
/// # Errors
/// As [`review_upgrade`], which tells what the approval needs.
pub fn propose_upgrade(
    history: &History,
    trusted: Trusted<'_>,
    head: ObjectId,
) -> Result<Option<(Proposal, Judged)>, TrailError> {
    let (Some(checkpoint), Some(judged)) = (trusted.checkpoint, review_upgrade(history, head, trusted)?) else {
        return Ok(None);
    };
    let state = States::new(history).of(checkpoint.commit)?;
    let ends = (checkpoint.commit, head);
    let proposal = Proposal::new(trusted.reference, ends, judged.step.clone(), &state);
    Ok(Some((proposal, judged)))
}

impl Proposal {
    fn new(reference: &str, (base, head): (ObjectId, ObjectId), step: Step, before: &State) -> Self {
        let statement = Statement {
            organization: before.organization.name.clone(),
            reference: reference.to_owned(),
            base: base.to_string(),
            documents: step.documents.clone(),
            effects: step.effects.clone(),
            rules: before.rules_digest(),
            verdict: Verdict::Approve,
            approver: String::new(),
        };
        Self {
            base,
            head,
            step,
            statement,
            principals: before.principals.clone(),
        }
    }

    /// What one person says about it.
    pub fn statement(&self, approver: &str, verdict: Verdict) -> Statement {
        Statement {
            approver: approver.to_owned(),
            verdict,
            ..self.statement.clone()
        }
    }

    /// Whether somebody's approval cannot count towards it, as one of those who wrote it.
    pub fn excludes(&self, person: &str, authors: &Authors) -> bool {
        authors.excluded(&self.principals).contains(person)
    }

    /// Whose key it is in the tree that the branch begins at.
    pub fn holder(&self, key: &Key) -> Option<&Principal> {
        self.principals.holder(key)
    }
}
