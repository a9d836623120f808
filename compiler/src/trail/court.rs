//! A step on trial: a history, its evidence and two places of its trunk in, a [`Judged`] out.
//!
//! Each step is judged by the tree before it. One that lacks an approval or does not compile is joined with its
//! successors. Whether everything up to a commit holds follows from what the trunk has up to there: what a bundle was
//! built of is not judged otherwise later. What counts as an approval is settled in [`super::count`]; no cache is read
//! here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use gix::ObjectId;

use super::authors::{self, Wrote};
use super::change::{self, Step};
use super::error::TrailError;
use super::evidence::{self, Archive, Exhibit, Grade, Vouched};
use super::history::{Commit, History, Signed, no_such_place};
use super::principals::Principal;
use super::requirements::{Ask, AskedBy, asks, says_who_approves};
use super::state::{State, States};
use super::statement::DocumentId;
use super::upgrade;
use super::verify::{Answer, Given, Judged, Trusted};
use crate::source::ReadError;

/// How many beginnings are tried for a step that may be the last of a rebased branch. Whoever may push could name every
/// commit of a trunk as the base of a statement, and each takes as long as the step itself.
const MOST_JOINED: usize = 16;

/// How many steps are judged anew between two commits up to which everything holds, because evidence came later:
/// whoever may push could bring some with every commit, and each would have all of them judged.
const MOST_ANEW: usize = 10_000;

/// Every step, judged.
pub(super) struct Sat {
    /// In order. The last one falls short unless all of them hold.
    pub(super) steps: Vec<Judged>,
    /// Whether an approval may speak of steps before those as well, which then have to be judged, too.
    pub(super) reaches_back: bool,
}

/// What joining a step with those before it comes to.
#[derive(Default)]
struct Back {
    /// The first that holds, if one does.
    joined: Option<Judged>,
    /// Whether one might that begins before everything that is judged.
    reaches_back: bool,
}

/// What a judgement takes.
pub(super) struct Court<'h> {
    pub(super) history: &'h History,
    pub(super) trunk: &'h [ObjectId],
    pub(super) trusted: Trusted<'h>,
    /// The states, each compiled once.
    pub(super) states: States<'h>,
    pub(super) exhibits: Vec<Exhibit>,
    pub(super) vouched: Vec<Vouched>,
    /// Which of these commits somebody had to write: joined steps ask over and over.
    pub(super) wrote: RefCell<Wrote>,
    /// By the place of the commit that brings evidence: the earliest place that any of it speaks from.
    arrivals: BTreeMap<usize, usize>,
    /// From here on evidence is looked for.
    begin: usize,
    /// By place in the trunk: the commits that each step brings.
    brought: Vec<Vec<Arc<Commit>>>,
}

impl<'h> Court<'h> {
    /// Reads the evidence of the trunk, and the commits that each step after `begin` brings.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub(super) fn new(
        history: &'h History,
        trunk: &'h [ObjectId],
        trusted: Trusted<'h>,
        begin: usize,
    ) -> Result<Self, TrailError> {
        let mut seen = BTreeSet::new();
        let mut brought = Vec::new();
        for (at, commit) in trunk.iter().enumerate() {
            let commits = history.brought(*commit, &mut seen)?;
            brought.push(if at > begin { commits } else { Vec::new() });
        }
        let exhibits = Archive::new(history).exhibits(trunk, begin)?;
        let vouched = evidence::vouched(history, trunk, begin + 1)?;
        Ok(Self {
            history,
            trunk,
            trusted,
            states: States::new(history),
            arrivals: arrivals(trunk, &exhibits, &vouched),
            exhibits,
            vouched,
            begin,
            wrote: RefCell::default(),
            brought,
        })
    }

    pub(super) fn id(&self, at: usize) -> Result<ObjectId, TrailError> {
        let missing = || no_such_place(at);
        Ok(*self.trunk.get(at).ok_or_else(missing)?)
    }

    pub(super) fn state(&self, at: usize) -> Result<Rc<State>, TrailError> {
        Ok(self.states.of(self.id(at)?)?)
    }

    /// The state in force before a commit, whose keys are to prove what it adds: that of the last tree before it that
    /// compiles. One that does not judges nothing, and takes nobody's key away or gives any.
    pub(super) fn in_force_before(&self, at: usize) -> Result<Rc<State>, TrailError> {
        let mut at = at.saturating_sub(1);
        loop {
            let state = self.state(at)?;
            if state.broken.is_none() || at == 0 {
                return Ok(state);
            }
            at -= 1;
        }
    }

    /// Judges every step after `begin`, and joins those that fall short with their successors.
    ///
    /// # Errors
    /// A beginning that nothing can be judged from, and objects that are missing or are not what their ids say.
    pub(super) fn sit(&self, begin: usize) -> Result<Sat, TrailError> {
        self.begin(begin)?;
        let mut steps: Vec<Judged> = Vec::new();
        let mut reaches_back = false;
        // Up to here everything holds, by the evidence that there is so far.
        let mut before = begin;
        let mut anew = 0_usize;
        let mut failed: Option<Judged> = None;
        for after in begin + 1..self.trunk.len() {
            // Evidence that comes later may part what has to be joined until then.
            let arrived = self
                .arrivals
                .get(&after)
                .is_some_and(|speaks_from| *speaks_from <= before);
            let first = match arrived && anew < MOST_ANEW {
                true => before + 1,
                false => after,
            };
            anew = anew.saturating_add(after - first);
            for at in first..=after {
                let mut judged = self.judge(before, at, after)?;
                if !judged.holds() && judged.broken.is_none() {
                    let back = self.joined_back(&steps, &judged, after)?;
                    reaches_back |= back.reaches_back;
                    judged = back.joined.unwrap_or(judged);
                }
                if judged.holds() {
                    steps.retain(|step| step.before < judged.before);
                    failed = None;
                    before = at;
                    steps.push(judged);
                    continue;
                }
                // What is told is why the first step fell short, unless it is only that it does not compile yet.
                match &failed {
                    Some(first) if first.broken.is_none() => {}
                    _ => failed = Some(judged),
                }
            }
            if before == after {
                anew = 0;
            }
        }
        if let Some(failed) = failed {
            // With everything that was said since.
            let told = self.judge(failed.before, failed.after, self.trunk.len())?;
            steps.push(if told.holds() { failed } else { told });
        }
        Ok(Sat { steps, reaches_back })
    }

    /// What everything is judged from must compile, and be of the organisation that is trusted.
    pub(super) fn begin(&self, begin: usize) -> Result<(), TrailError> {
        let first = self.state(begin)?;
        if let Some(message) = &first.broken {
            let (commit, message) = (self.id(begin)?.to_string(), message.clone());
            return Err(match self.trusted.checkpoint {
                None => TrailError::BeginningBroken { commit, message },
                Some(_) => TrailError::CheckpointBroken { commit, message },
            });
        }
        if first.organization.name != self.trusted.organization {
            return Err(TrailError::Organization {
                found: first.organization.name.clone(),
                wanted: self.trusted.organization.to_owned(),
            });
        }
        Ok(())
    }

    /// A step judged together with steps before it that hold already, as when a branch of several commits is rebased
    /// onto the trunk and its first commits need less than the approval says. An approval then counts only if it lists
    /// every document that any of the steps touched, as it is at the end, and none may be touched by two of them: what
    /// one brought cannot be taken back, nor what was taken back be brought again, under cover of an older approval. A
    /// step that changed who may approve what is in force: nothing after it is judged by the tree before it.
    fn joined_back(&self, steps: &[Judged], last: &Judged, known: usize) -> Result<Back, TrailError> {
        let about = |exhibit: &&Exhibit| {
            let statement = exhibit.statement.as_ref().ok()?;
            let mut changed = last.step.documents.keys();
            changed
                .all(|id| statement.documents.contains_key(id))
                .then(|| statement.base.clone())
        };
        let there = self.exhibits.iter().filter(|exhibit| exhibit.from <= known);
        let bases: BTreeSet<String> = there.filter_map(|exhibit| about(&exhibit)).collect();
        let mut tried = 0_usize;
        let mut touched: BTreeSet<DocumentId> = last.step.documents.keys().cloned().collect();
        for step in steps.iter().rev() {
            let Some(documents) = self.touched(step)? else {
                return Ok(Back::default());
            };
            if documents.iter().any(says_who_approves) || !documents.into_iter().all(|id| touched.insert(id)) {
                return Ok(Back::default());
            }
            if bases.contains(&self.id(step.before)?.to_string()) && tried < MOST_JOINED {
                tried += 1;
                let joined = self.judge_all(step.before, last.after, &touched, known)?;
                if joined.holds() {
                    return Ok(Back {
                        joined: Some(joined),
                        reaches_back: false,
                    });
                }
            }
        }
        let mut earlier = self.trunk.iter().take(self.begin);
        Ok(Back {
            joined: None,
            reaches_back: earlier.any(|id| bases.contains(&id.to_string())),
        })
    }

    /// Every document that a commit of a step touched, taken back again or not; nothing where that cannot be told.
    fn touched(&self, step: &Judged) -> Result<Option<BTreeSet<DocumentId>>, TrailError> {
        if step.after <= step.before + 1 {
            return Ok(Some(step.step.documents.keys().cloned().collect()));
        }
        let mut touched = BTreeSet::new();
        for at in step.before..step.after {
            let (left, right) = (self.state(at)?, self.state(at + 1)?);
            let tree = |at: usize| Ok::<_, TrailError>(self.history.commit(self.id(at)?)?.tree);
            let changes = ReadError::unless_malformed(self.history.changes(Some(tree(at)?), tree(at + 1)?))?;
            let Some(changes) = changes.filter(|_| left.readable && right.readable) else {
                return Ok(None);
            };
            touched.extend(change::documents(self.history, &left, &right, &changes)?);
        }
        Ok(Some(touched))
    }

    /// Judges what this compiler makes otherwise of the checkpoint than the one whose bundle is continued. Nothing where
    /// it comes to the same. Nobody in the organisation wrote it, so nobody is excluded.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub(super) fn upgrade(&self, begin: usize) -> Result<Option<Judged>, TrailError> {
        let Some(checkpoint) = self.trusted.checkpoint else {
            return Ok(None);
        };
        let state = self.state(begin)?;
        let Some(step) = upgrade::step(checkpoint.made, &state) else {
            return Ok(None);
        };
        let mut judged = Judged {
            before: begin,
            after: begin,
            step,
            authors: Arc::default(),
            answers: Vec::new(),
            broken: None,
        };
        for ask in asks(&state, &judged.step, &judged.authors) {
            let answer = self.answer(ask, (begin, self.trunk.len()), &state, &judged)?;
            judged.answers.push(answer);
        }
        Ok(Some(judged))
    }

    /// Judges what leads from one commit of the trunk to a later one, by the evidence that there is up to `known`.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub(super) fn judge(&self, before: usize, after: usize, known: usize) -> Result<Judged, TrailError> {
        self.judge_all(before, after, &BTreeSet::new(), known)
    }

    /// As [`Court::judge`]; an approval must list `touched`, too.
    fn judge_all(
        &self,
        before: usize,
        after: usize,
        touched: &BTreeSet<DocumentId>,
        known: usize,
    ) -> Result<Judged, TrailError> {
        let (left, right) = (self.state(before)?, self.state(after)?);
        let trees = (
            self.history.commit(self.id(before)?)?.tree,
            self.history.commit(self.id(after)?)?.tree,
        );
        let (changes, broken) = match self.history.changes(Some(trees.0), trees.1) {
            Err(error) if error.is_malformed() => (Vec::new(), Some(error.to_string())),
            changes => (changes?, right.broken.clone()),
        };
        let mut judged = Judged {
            before,
            after,
            step: change::step(self.history, &left, &right, &changes)?,
            authors: Arc::default(),
            answers: Vec::new(),
            broken,
        };
        // Whoever wrote what needs no approval is of no interest, unless a rule asks about what agents wrote.
        if judged.broken.is_some() || judged.step.facts.is_empty() {
            return Ok(judged);
        }
        let wrote = &mut self.wrote.borrow_mut();
        judged.authors = authors::of(self.history, wrote, &self.brought, (before, after), (&left, &right))?;
        for mut ask in asks(&left, &judged.step, &judged.authors) {
            ask.documents.extend(touched.iter().cloned());
            let answer = match ask.by {
                AskedBy::Brake => self.brake(ask, before, after, &left, &judged.step)?,
                _ => self.answer(ask, (before, known), &left, &judged)?,
            };
            judged.answers.push(answer);
        }
        Ok(judged)
    }

    /// The place of the commit that added an exhibit. Of what was there where this verification begins, the trees before
    /// are looked at only now, since hardly any of it is about a later step.
    pub(super) fn added(&self, exhibit: &Exhibit) -> Result<usize, TrailError> {
        let mut from = exhibit.from;
        if from == self.begin {
            while let Some(before) = from.checked_sub(1) {
                let tree = self.history.commit(self.id(before)?)?.tree;
                if !exhibit.stands_in(self.history, tree)? {
                    break;
                }
                from = before;
            }
        }
        Ok(from)
    }

    /// A step that adds kills counts if somebody who may stop an agent signed the commit that added each: one that they
    /// signed for something else, and that somebody brings along, says nothing.
    fn brake(&self, ask: Ask, before: usize, after: usize, left: &State, step: &Step) -> Result<Answer, TrailError> {
        let people: BTreeSet<String> = ask.seats.iter().flat_map(|seat| seat.people.iter().cloned()).collect();
        let mut open: BTreeSet<&DocumentId> = step.documents.keys().collect();
        let mut given = Vec::new();
        for commit in (before + 1..=after).flat_map(|at| self.brought.get(at).into_iter().flatten()) {
            let Signed::By(signer) = commit.signed() else { continue };
            let Some(Principal::Person(name)) = left.principals.holder(&signer.key) else {
                continue;
            };
            if !people.contains(name) {
                continue;
            }
            let mut brings = false;
            for (id, sides) in &step.documents {
                let has = |commit: ObjectId| -> Result<bool, TrailError> {
                    let written = self.states.written_at(commit, &id.path)?;
                    Ok(written
                        .iter()
                        .any(|(found, digest)| found == id && Some(*digest) == sides.after))
                };
                let had = commit.parents.first().map(|parent| has(*parent)).transpose()?;
                if has(commit.id)? && had != Some(true) {
                    open.remove(id);
                    brings = true;
                }
            }
            if brings {
                given.push(Given {
                    person: name.clone(),
                    grade: if signer.present { Grade::Present } else { Grade::Signed },
                    fingerprint: Some(signer.key.fingerprint()),
                    evidence: commit.id.to_string(),
                    own: false,
                });
            }
        }
        let (could, keyless): (BTreeSet<String>, BTreeSet<String>) = people
            .into_iter()
            .partition(|person| left.principals.can_prove(person, ask.evidence));
        Ok(Answer {
            missing: usize::from(!open.is_empty()),
            blocked: usize::from(!open.is_empty() && could.is_empty()),
            could,
            keyless,
            ask,
            given,
            refused: Vec::new(),
        })
    }
}

/// By the place of the commit that brings evidence: the earliest place that any of it speaks from. It can count for no
/// step that begins before that.
fn arrivals(trunk: &[ObjectId], exhibits: &[Exhibit], vouched: &[Vouched]) -> BTreeMap<usize, usize> {
    let places: HashMap<String, usize> = trunk.iter().map(ToString::to_string).zip(0..).collect();
    let mut arrivals: BTreeMap<usize, usize> = BTreeMap::new();
    let mut speaks_from: HashMap<&str, usize> = HashMap::new();
    let mut arrives = |at: usize, from: usize| {
        let known = arrivals.entry(at).or_insert(from);
        *known = from.min(*known);
    };
    for exhibit in exhibits {
        let base = exhibit
            .statement
            .as_ref()
            .ok()
            .and_then(|statement| places.get(&statement.base));
        if let Some(base) = base {
            arrives(exhibit.from, *base);
            speaks_from.insert(&exhibit.name, *base);
        }
    }
    for vouched in vouched {
        for digest in &vouched.block.approvals {
            if let Some(base) = speaks_from.get(digest.to_string().as_str()) {
                arrives(vouched.at, *base);
            }
        }
    }
    arrivals
}
