//! The induction: a trunk, the commit it is trusted up to, and an organisation in; a [`Trail`] out.
//!
//! Each step is judged by the tree before it. A step that lacks an approval or does not compile is joined with its
//! successors. No cache is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gix::ObjectId;

use super::authors;
use super::change::{self, Step};
use super::error::TrailError;
use super::evidence::{self, Archive, Exhibit, Grade, Vouched};
use super::history::{Commit, History, Signed};
use super::principals::Principal;
use super::requirements::{Ask, AskedBy, Authors, asks};
use super::seats::unseated;
use super::state::{State, States};
use super::statement::{DocumentId, Statement, Verdict as Word};
use crate::source::ReadError;

/// What to verify against.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'a> {
    /// The organisation.
    pub organization: &'a str,
    /// The ref that approvals must name.
    pub reference: &'a str,
    /// The commit that the trail begins at.
    pub introductory: ObjectId,
    /// The commit up to which it was verified before.
    pub checkpoint: Option<ObjectId>,
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
    /// The place of its last commit.
    pub after: usize,
    /// What it does.
    pub step: Step,
    /// Who wrote it.
    pub authors: Authors,
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
}

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Who is said to have given it.
    pub person: String,
    /// Why it does not count.
    pub why: String,
}

impl Judged {
    /// Whether everything that it needs is there.
    pub fn holds(&self) -> bool {
        self.broken.is_none() && self.answers.iter().all(|answer| answer.missing == 0)
    }
}

impl Trail {
    /// Whether every step was approved.
    pub fn holds(&self) -> bool {
        self.steps.iter().all(Judged::holds)
    }

    /// What falls short.
    pub fn shortfalls(&self) -> impl Iterator<Item = &Judged> {
        self.steps.iter().filter(|judged| !judged.holds())
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
        Some(commit) => place(history, &trunk, commit, "the checkpoint")?,
    };
    if begin < introductory {
        return Err(TrailError::Previous(
            "it was built from before the introductory commit".to_owned(),
        ));
    }
    let court = Court::new(history, &trunk, trusted, begin)?;
    let steps = court.sit(begin)?;
    let sole_owner = court.states.of(head)?.organization.sole_owner;
    Ok(Trail {
        trunk,
        begin,
        introductory,
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

/// What a judgement takes.
pub struct Court<'h> {
    history: &'h History,
    trunk: &'h [ObjectId],
    trusted: Trusted<'h>,
    /// The states, each compiled once.
    pub states: States<'h>,
    exhibits: Vec<Exhibit>,
    vouched: Vec<Vouched>,
    /// By place in the trunk: the commits that each step brings.
    brought: Vec<Vec<Commit>>,
}

impl<'h> Court<'h> {
    /// Reads the evidence of the trunk, and the commits that each step after `begin` brings.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn new(
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
        Ok(Self {
            history,
            trunk,
            trusted,
            states: States::new(history),
            exhibits: Archive::new(history).exhibits(trunk)?,
            vouched: evidence::vouched(history, trunk, begin + 1)?,
            brought,
        })
    }

    fn id(&self, at: usize) -> Result<ObjectId, TrailError> {
        let missing = || ReadError::UnknownRevision {
            revision: at.to_string(),
            message: "the trunk is shorter".to_owned(),
        };
        Ok(*self.trunk.get(at).ok_or_else(missing)?)
    }

    fn state(&self, at: usize) -> Result<Rc<State>, TrailError> {
        Ok(self.states.of(self.id(at)?)?)
    }

    /// Judges every step after `begin`.
    fn sit(&self, begin: usize) -> Result<Vec<Judged>, TrailError> {
        let first = self.state(begin)?;
        if let Some(message) = &first.broken {
            return Err(TrailError::BeginningBroken {
                commit: self.id(begin)?.to_string(),
                message: message.clone(),
            });
        }
        if first.organization.name != self.trusted.organization {
            return Err(TrailError::Organization {
                found: first.organization.name.clone(),
                wanted: self.trusted.organization.to_owned(),
            });
        }
        drop(first);
        let mut steps: Vec<Judged> = Vec::new();
        let mut before = begin;
        let mut failed: Option<Judged> = None;
        for after in begin + 1..self.trunk.len() {
            let mut judged = self.judge(before, after)?;
            if !judged.holds() && judged.broken.is_none() {
                for (earlier, joined) in self.joined_back(&steps, &judged)? {
                    if joined.holds() {
                        steps.retain(|step| step.before < earlier);
                        judged = joined;
                        break;
                    }
                }
            }
            if !judged.holds() {
                // What is told is why the first step fell short, unless it is only that it does not compile yet.
                match &failed {
                    Some(first) if first.broken.is_none() => {}
                    _ => failed = Some(judged),
                }
                continue;
            }
            failed = None;
            before = after;
            steps.push(judged);
        }
        steps.extend(failed);
        Ok(steps)
    }

    /// A step judged together with steps before it that hold already, as when a branch of several commits is rebased
    /// onto the trunk and its first commits need less than the approval says. An approval then counts only if it lists
    /// every document that any of the steps touched, as it is at the end, and none may be touched by two of them: what
    /// one brought cannot be taken back, nor what was taken back be brought again, under cover of an older approval.
    fn joined_back(&self, steps: &[Judged], last: &Judged) -> Result<Vec<(usize, Judged)>, TrailError> {
        let about = |exhibit: &&Exhibit| {
            let statement = exhibit.statement.as_ref().ok()?;
            let mut listed = statement.documents.keys();
            listed
                .any(|id| last.step.documents.contains_key(id))
                .then(|| statement.base.clone())
        };
        let bases: BTreeSet<String> = self.exhibits.iter().filter_map(|exhibit| about(&exhibit)).collect();
        let mut all = Vec::new();
        let mut touched: BTreeSet<DocumentId> = last.step.documents.keys().cloned().collect();
        for step in steps.iter().rev() {
            if !step.step.documents.keys().all(|id| touched.insert(id.clone())) {
                break;
            }
            if bases.contains(&self.id(step.before)?.to_string()) {
                all.push((step.before, self.judge_all(step.before, last.after, &touched)?));
            }
        }
        Ok(all)
    }

    /// Judges what leads from one commit of the trunk to a later one.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn judge(&self, before: usize, after: usize) -> Result<Judged, TrailError> {
        self.judge_all(before, after, &BTreeSet::new())
    }

    /// As [`Court::judge`]; an approval must list `touched`, too.
    fn judge_all(&self, before: usize, after: usize, touched: &BTreeSet<DocumentId>) -> Result<Judged, TrailError> {
        let (left, right) = (self.state(before)?, self.state(after)?);
        let trees = (
            self.history.commit(self.id(before)?)?.tree,
            self.history.commit(self.id(after)?)?.tree,
        );
        let changes = self.history.changes(Some(trees.0), trees.1)?;
        let step = change::step(self.history, &left, &right, &changes)?;
        let mut judged = Judged {
            before,
            after,
            step,
            authors: Authors::default(),
            answers: Vec::new(),
            broken: right.broken.clone(),
        };
        // Whoever wrote what needs no approval is of no interest, unless a rule asks about what agents wrote.
        if judged.broken.is_some() || judged.step.facts.is_empty() {
            return Ok(judged);
        }
        let commits = (before + 1..=after).flat_map(|at| self.brought.get(at).into_iter().flatten());
        judged.authors = authors::of(self.history, commits, &left, &right)?;
        for mut ask in asks(&left, &judged.step, &judged.authors) {
            ask.documents.extend(touched.iter().cloned());
            let answer = match ask.by {
                AskedBy::Brake => self.brake(ask, before, after, &left),
                _ => self.answer(ask, before, &left, &judged)?,
            };
            judged.answers.push(answer);
        }
        Ok(judged)
    }

    /// A step that adds kills counts if somebody who may stop an agent signed a commit of it.
    fn brake(&self, ask: Ask, before: usize, after: usize, left: &State) -> Answer {
        let people: BTreeSet<String> = ask.seats.iter().flat_map(|seat| seat.people.iter().cloned()).collect();
        let mut given = Vec::new();
        for commit in (before + 1..=after).flat_map(|at| self.brought.get(at).into_iter().flatten()) {
            if let Signed::By(signer) = commit.signed()
                && let Some(Principal::Person(name)) = left.principals.holder(&signer.key)
                && people.contains(name)
            {
                given.push(Given {
                    person: name.clone(),
                    grade: if signer.present { Grade::Present } else { Grade::Signed },
                    fingerprint: Some(signer.key.fingerprint()),
                    evidence: commit.id.to_string(),
                });
            }
        }
        Answer {
            missing: usize::from(given.is_empty()),
            could: people,
            ask,
            given,
            refused: Vec::new(),
        }
    }

    /// What there is of an approval that is asked for.
    fn answer(&self, ask: Ask, before: usize, left: &State, judged: &Judged) -> Result<Answer, TrailError> {
        let excluded = judged.authors.excluded(&left.principals);
        let mut given: BTreeMap<String, Given> = BTreeMap::new();
        let mut refused: BTreeSet<Refused> = BTreeSet::new();
        let eligible: BTreeSet<&String> = ask.seats.iter().flat_map(|seat| &seat.people).collect();
        // Evidence lies in the step's own tree, or in any later one.
        for exhibit in self.exhibits.iter().filter(|exhibit| exhibit.until > before + 1) {
            let statement = match &exhibit.statement {
                Ok(statement) => statement.clone(),
                Err(why) => {
                    refused.insert(Refused {
                        person: "?".to_owned(),
                        why: format!("the statement {} {why}", exhibit.name),
                    });
                    continue;
                }
            };
            // Approvals of other changes are no news.
            if !statement
                .documents
                .keys()
                .any(|id| judged.step.documents.contains_key(id))
            {
                continue;
            }
            let counted = self.count(&ask, exhibit, &statement, before, left, judged)?;
            let counted = counted.and_then(|given| {
                let person = &given.person;
                if excluded.contains(person) {
                    return Err(self.why_excluded(person, judged));
                }
                if !eligible.contains(person) {
                    return Err(format!("{person} is not among those whom {} asks", ask.by));
                }
                Ok(given)
            });
            match counted {
                Ok(one) => {
                    let best = given.entry(one.person.clone()).or_insert_with(|| one.clone());
                    if one.grade > best.grade {
                        *best = one;
                    }
                }
                Err(why) => {
                    refused.insert(Refused {
                        person: statement.approver.clone(),
                        why,
                    });
                }
            }
        }
        let people: BTreeSet<&str> = given.keys().map(String::as_str).collect();
        let seats: Vec<(usize, BTreeSet<&str>)> = ask
            .seats
            .iter()
            .map(|seat| (seat.count, seat.people.iter().map(String::as_str).collect()))
            .collect();
        let missing = unseated(&seats, &people);
        let could = eligible
            .into_iter()
            .filter(|person| !excluded.contains(*person) && !given.contains_key(*person))
            .cloned()
            .collect();
        refused.retain(|one| !given.contains_key(&one.person));
        Ok(Answer {
            given: given.into_values().collect(),
            refused: refused.into_iter().collect(),
            missing,
            could,
            ask,
        })
    }

    fn why_excluded(&self, person: &str, judged: &Judged) -> String {
        let authors = &judged.authors;
        if authors.people.contains(person) {
            return format!("{person} wrote part of the change");
        }
        if authors.named.contains(person) {
            return format!("{person} is named as an author, committer or requester of the change");
        }
        format!("{person} owns an agent that wrote part of the change")
    }

    /// Whether a statement is an approval of what asks, and how it is proved.
    fn count(
        &self,
        ask: &Ask,
        exhibit: &Exhibit,
        statement: &Statement,
        before: usize,
        left: &State,
        judged: &Judged,
    ) -> Result<Result<Given, String>, TrailError> {
        if let Err(why) = self.about(ask, statement, left, judged) {
            return Ok(Err(why));
        }
        if let Err(why) = self.in_time(statement, before)? {
            return Ok(Err(why));
        }
        // What lay in the first tree was there when everybody agreed to begin with it.
        let added = self.state(exhibit.from.saturating_sub(1))?;
        let proof = match evidence::prove(exhibit, statement, &left.principals, &added.principals) {
            Ok(proof) => proof,
            Err(why) => return Ok(Err(why)),
        };
        let mut given = Given {
            person: statement.approver.clone(),
            grade: proof.grade,
            fingerprint: proof.fingerprint,
            evidence: exhibit.name.clone(),
        };
        if given.grade == Grade::Claimed
            && let Some(bot) = self.vouching(exhibit, before, left)?
        {
            given.grade = Grade::Forge;
            given.fingerprint = Some(bot);
        }
        if !given.grade.satisfies(ask.evidence) {
            let wanted = match ask.evidence {
                crate::ast::Evidence::Forge => Grade::Forge,
                crate::ast::Evidence::Signed => Grade::Signed,
                crate::ast::Evidence::Present => Grade::Present,
            };
            return Ok(Err(format!(
                "it is of the grade `{}`, and `{wanted}` is asked for",
                given.grade
            )));
        }
        Ok(Ok(given))
    }

    /// Whether a statement is about this very change.
    fn about(&self, ask: &Ask, statement: &Statement, left: &State, judged: &Judged) -> Result<(), String> {
        if statement.organization != self.trusted.organization {
            return Err(format!(
                "it was given for the organisation `{}`",
                statement.organization
            ));
        }
        if statement.reference != self.trusted.reference {
            return Err(format!("it was given for `{}`", statement.reference));
        }
        if statement.verdict != Word::Approve {
            return Err("it is a rejection".to_owned());
        }
        if statement.rules != left.rules_digest() {
            return Err("it was given under other approval rules".to_owned());
        }
        for id in &ask.documents {
            let Some(listed) = statement.documents.get(id) else {
                return Err(format!("it does not list `{id}`"));
            };
            if judged.step.documents.get(id) != Some(listed) {
                return Err(format!("it was given for other content of `{id}`"));
            }
        }
        for cell in &ask.effects {
            if statement.effects.get(cell) != judged.step.effects.get(cell) {
                return Err(format!(
                    "it was given when the change did not do this to {} in {}: {}",
                    cell.agent, cell.environment, cell.action
                ));
            }
        }
        Ok(())
    }

    /// Whether the state that a statement was given for is the one before the step: its base is that commit, or an
    /// earlier one since which no document that it lists changed.
    fn in_time(&self, statement: &Statement, before: usize) -> Result<Result<(), String>, TrailError> {
        let named = ObjectId::from_hex(statement.base.as_bytes()).ok();
        let until = self.trunk.iter().take(before + 1);
        let base = named
            .and_then(|named| until.rev().position(|id| *id == named))
            .map(|back| before - back);
        let Some(base) = base else {
            return Ok(Err(format!(
                "its base {} is not on the trunk before the step",
                statement.base.get(..12).unwrap_or(&statement.base)
            )));
        };
        for at in base..=before {
            if let Some(id) = self.differs(statement, at)? {
                let where_ = short(self.id(at)?);
                return Ok(Err(format!(
                    "`{id}` changed since its base: at {where_} it is not what was approved"
                )));
            }
        }
        Ok(Ok(()))
    }

    /// A document that is not, at a commit, what a statement has as its state before.
    fn differs(&self, statement: &Statement, at: usize) -> Result<Option<DocumentId>, TrailError> {
        let state = self.state(at)?;
        for (id, sides) in &statement.documents {
            let found = match id.kind.as_str() {
                "File" => self.file(id, at)?,
                _ => state.digests.get(id).copied(),
            };
            if found != sides.before {
                return Ok(Some(id.clone()));
            }
        }
        Ok(None)
    }

    fn file(&self, id: &DocumentId, at: usize) -> Result<Option<polity_runtime::wire::Digest>, TrailError> {
        let tree = self.history.commit(self.id(at)?)?.tree;
        Ok(change::file_digest(self.history, tree, &id.path)?)
    }

    /// The key of a merge bot that vouches for a statement in the step or later; the bot's in the tree before the step
    /// and in the one before its commit.
    fn vouching(&self, exhibit: &Exhibit, before: usize, left: &State) -> Result<Option<String>, TrailError> {
        for vouched in self.vouched.iter().filter(|vouched| vouched.at > before) {
            let says = vouched
                .block
                .approvals
                .iter()
                .any(|digest| digest.to_string() == exhibit.name);
            let holder = left.principals.holder(&vouched.signer.key);
            if !says || !matches!(holder, Some(Principal::Forge(_))) {
                continue;
            }
            let there = self.state(vouched.at.saturating_sub(1))?;
            if there.principals.holder(&vouched.signer.key) == holder {
                return Ok(Some(vouched.signer.key.fingerprint()));
            }
        }
        Ok(None)
    }
}

/// An id as people read it.
pub fn short(id: ObjectId) -> String {
    let text = id.to_string();
    text.get(..12).unwrap_or(&text).to_owned()
}

/// Judges what a branch would bring if it were merged now: from where it left the trunk to its last commit.
///
/// # Errors
/// Where the two have nothing in common, or the place where they part is on no trunk.
pub fn review(
    history: &History,
    trunk: ObjectId,
    head: ObjectId,
    organization: Option<&str>,
    reference: &str,
) -> Result<Judged, TrailError> {
    let base = history.fork(trunk, head)?;
    let mut chain = history.chain(base)?;
    let before = chain.len().saturating_sub(1);
    if head != base {
        chain.push(head);
    }
    let first = States::new(history).of(base)?;
    if let Some(message) = &first.broken {
        return Err(TrailError::BeginningBroken {
            commit: base.to_string(),
            message: message.clone(),
        });
    }
    let found = first.organization.name.clone();
    if let Some(wanted) = organization.filter(|wanted| *wanted != found) {
        return Err(TrailError::Organization {
            found,
            wanted: wanted.to_owned(),
        });
    }
    let trusted = Trusted {
        organization: &found,
        reference,
        introductory: base,
        checkpoint: None,
    };
    let court = Court::new(history, &chain, trusted, before)?;
    court.judge(before, chain.len().saturating_sub(1))
}
