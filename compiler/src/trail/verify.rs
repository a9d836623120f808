//! The induction: a trunk, the commit it is trusted up to, and an organisation in; a [`Trail`] out.
//!
//! What a verification comes to is told in the types of this file; `court` judges each step by the tree before
//! it. No cache is read here.

use std::collections::BTreeSet;
use std::sync::Arc;

use gix::ObjectId;

use super::change::Step;
use super::court::Court;
use super::error::TrailError;
use super::evidence::Grade;
use super::history::History;
use super::requirements::{Ask, Authors};
use super::state::States;
use super::upgrade::Made;

/// What to verify against.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'a> {
    /// The organisation.
    pub organization: &'a str,
    /// The ref that approvals must name.
    pub reference: &'a str,
    /// The commit that the trail begins at.
    pub introductory: ObjectId,
    /// Up to where it was verified before.
    pub checkpoint: Option<Checkpoint<'a>>,
}

/// A commit of which a bundle was built that is trusted.
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint<'a> {
    /// The commit.
    pub commit: ObjectId,
    /// What its tree came to.
    pub made: &'a Made,
}

/// What the history comes to.
#[derive(Debug)]
pub struct Trail {
    /// The first-parent chain, from the root.
    pub trunk: Vec<ObjectId>,
    /// The place in it of the commit that is trusted without looking.
    pub begin: usize,
    /// The place of the introductory commit.
    pub introductory: usize,
    /// What this compiler makes otherwise of the checkpoint, if it does.
    pub upgrade: Option<Judged>,
    /// What was judged, in order. The last one falls short unless the trail holds.
    pub steps: Vec<Judged>,
    /// Whether the organisation lives with one owner.
    pub sole_owner: bool,
}

/// One step, or several joined.
#[derive(Debug)]
pub struct Judged {
    /// The place of the commit before it.
    pub before: usize,
    /// The place of its last commit; the same as the one before of what another compiler makes of it.
    pub after: usize,
    /// What it does.
    pub step: Step,
    /// Who wrote it.
    pub authors: Arc<Authors>,
    /// What it needs, and what it has.
    pub answers: Vec<Answer>,
    /// Why its tree does not compile.
    pub broken: Option<String>,
}

/// An approval that is asked for, and what there is of it.
#[derive(Debug)]
pub struct Answer {
    /// What is asked.
    pub ask: Ask,
    /// What counts.
    pub given: Vec<Given>,
    /// What does not, and why.
    pub refused: Vec<Refused>,
    /// How many are missing.
    pub missing: usize,
    /// Who could give them.
    pub could: BTreeSet<String>,
    /// Who is asked, and lists no key that could prove it as strongly as it has to be.
    pub keyless: BTreeSet<String>,
    /// How many would be missing if everybody who could approved it: more than none, and somebody else has to be added.
    pub blocked: usize,
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Who gave it.
    pub person: String,
    /// How it is proved.
    pub grade: Grade,
    /// The key that proves it.
    pub fingerprint: Option<String>,
    /// The statement's digest, or the commit that the person signed.
    pub evidence: String,
    /// Whether the person wrote part of what it approves, which only an owner who is alone may.
    pub own: bool,
}

/// How the reason begins where a statement speaks of other effects.
pub const OTHER_EFFECTS: &str = "it was given when the change did something else, or other rules stood beside it,";

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Who is said to have given it.
    pub person: String,
    /// Why it does not count.
    pub why: String,
}

impl Answer {
    /// Whether what a person signs may count, or something that they signed does.
    pub fn may_count(&self, person: &str) -> bool {
        self.could.contains(person) || self.given.iter().any(|given| given.person == person)
    }
}

impl Judged {
    /// Whether everything that it needs is there.
    pub fn holds(&self) -> bool {
        self.broken.is_none() && self.answers.iter().all(|answer| answer.missing == 0)
    }
}

impl Trail {
    /// Whether the key of somebody's approval of a step is theirs. Keys are those of the tree before a step; of steps that
    /// were judged as one, those before the first: nobody approved the trees between. After a step that falls short no
    /// tree tells whose a key is.
    pub fn counts(&self, at: usize, given: &Given) -> bool {
        let of = |judged: &&Judged| judged.before < at && at <= judged.after;
        let Some(judged) = self.steps.iter().find(of) else {
            return at <= self.begin;
        };
        let mut counted = judged.answers.iter().flat_map(|answer| &answer.given);
        judged.after == judged.before + 1
            || counted.any(|one| one.person == given.person && one.fingerprint == given.fingerprint)
    }

    /// Whether everything was approved.
    pub fn holds(&self) -> bool {
        self.judged().all(Judged::holds)
    }

    /// What falls short.
    pub fn shortfalls(&self) -> impl Iterator<Item = &Judged> {
        self.judged().filter(|judged| !judged.holds())
    }

    /// Everything that was judged, in order.
    pub fn judged(&self) -> impl Iterator<Item = &Judged> {
        self.upgrade.iter().chain(&self.steps)
    }
}

/// Verifies the history of `head`.
///
/// # Errors
/// A history that is no trail at all: see [`TrailError`].
pub fn verify(history: &History, head: ObjectId, trusted: Trusted<'_>) -> Result<Trail, TrailError> {
    let trunk = history.chain(head)?;
    let introductory = place(history, &trunk, trusted.introductory, "the introductory commit")?;
    let begin = match trusted.checkpoint {
        None => introductory,
        Some(checkpoint) => place(history, &trunk, checkpoint.commit, "the checkpoint")?,
    };
    if begin < introductory {
        return Err(TrailError::Previous(
            "it was built from before the introductory commit".to_owned(),
        ));
    }
    let court = Court::new(history, &trunk, trusted, begin)?;
    let upgrade = court.upgrade(begin)?;
    let sole_owner = court.states.of(head)?.organization.sole_owner;
    let mut sat = court.sit(begin)?;
    let mut begin = begin;
    if sat.reaches_back && introductory < begin {
        // An approval may speak of steps on both sides of the checkpoint, of which that says too little.
        let whole = Trusted {
            checkpoint: None,
            ..trusted
        };
        sat = Court::new(history, &trunk, whole, introductory)?.sit(introductory)?;
        begin = introductory;
    }
    let steps = sat.steps;
    Ok(Trail {
        trunk,
        begin,
        introductory,
        upgrade,
        steps,
        sole_owner,
    })
}

/// The place of a commit in the trunk, which must go through it.
fn place(history: &History, trunk: &[ObjectId], commit: ObjectId, what: &'static str) -> Result<usize, TrailError> {
    if let Some(at) = trunk.iter().position(|id| *id == commit) {
        return Ok(at);
    }
    // Its being there by another parent tells a merge the wrong way round from another history.
    let mut seen = BTreeSet::new();
    if let Some(head) = trunk.last() {
        history.brought(*head, &mut seen)?;
    }
    Err(TrailError::NotOnTrunk {
        commit: commit.to_string(),
        what,
        foxtrot: seen.contains(&commit),
    })
}

/// An id as people read it.
pub fn short(id: ObjectId) -> String {
    let text = id.to_string();
    text.get(..12).unwrap_or(&text).to_owned()
}

/// What a branch would bring if it were merged now.
#[derive(Debug)]
pub struct Review {
    /// The organisation, as the trunk has it.
    pub organization: String,
    /// The ref that approvals must name.
    pub reference: String,
    /// Where the branch left the trunk.
    pub base: ObjectId,
    /// Its last commit.
    pub head: ObjectId,
    /// Whether the organisation lives with one owner.
    pub sole_owner: bool,
    /// What it does, needs and has.
    pub judged: Judged,
}

/// Judges what a branch would bring: from where it left the trunk to its last commit. Where the trunk does not compile
/// there, from the last commit before that does: what broke it is judged together with what mends it.
///
/// # Errors
/// Where the two have nothing in common, or the place where they part is on no trunk.
pub fn review(
    history: &History,
    trunk: ObjectId,
    head: ObjectId,
    organization: Option<&str>,
    reference: &str,
) -> Result<Review, TrailError> {
    let left = history.fork(trunk, head)?;
    let mut chain = history.chain(left)?;
    let states = States::new(history);
    let base = states.last_good(left)?;
    let before = chain.iter().position(|id| *id == base).unwrap_or_default();
    if head != left {
        chain.push(head);
    }
    let first = states.of(base)?;
    let found = first.organization.name.clone();
    let trusted = Trusted {
        organization: organization.unwrap_or(&found),
        reference,
        introductory: base,
        checkpoint: None,
    };
    let court = Court::new(history, &chain, trusted, before)?;
    court.begin(before)?;
    let judged = court.judge(before, chain.len().saturating_sub(1), chain.len())?;
    Ok(Review {
        organization: found.clone(),
        reference: reference.to_owned(),
        base,
        head,
        sole_owner: first.organization.sole_owner,
        judged,
    })
}

/// Judges what this compiler makes otherwise of the checkpoint than its bundle has. `head` may be a branch that begins
/// at the checkpoint or later, and brings approvals. Nothing where it comes to the same.
///
/// # Errors
/// Where the checkpoint is not on the first-parent chain of `head`, or does not compile here.
pub fn review_upgrade(history: &History, head: ObjectId, trusted: Trusted<'_>) -> Result<Option<Judged>, TrailError> {
    let Some(checkpoint) = trusted.checkpoint else {
        return Ok(None);
    };
    let trunk = history.chain(head)?;
    let begin = place(history, &trunk, checkpoint.commit, "the checkpoint")?;
    let court = Court::new(history, &trunk, trusted, begin)?;
    court.begin(begin)?;
    court.upgrade(begin)
}
