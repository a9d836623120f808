//! The induction: a trunk, the commit it is trusted up to, and an organisation in; a [`Trail`] out.
//!
//! Each step is judged by the tree before it. A step that lacks an approval or does not compile is joined with its
//! successors. No cache is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gix::ObjectId;

use super::change::{self, Step, is_new_evidence};
use super::error::TrailError;
use super::evidence::{self, Archive, Exhibit, Grade, Vouched};
use super::history::{Commit, History, Signed};
use super::principals::Principal;
use super::requirements::{Ask, AskedBy, Authors, asks};
use super::state::{State, States};
use super::statement::{DocumentId, Statement, Verdict as Word};
use crate::source::ReadError;

/// How far back harmless steps are taken together with one that lacks an approval: a rebased branch of more commits
/// than this is squashed by whoever merges it.
const MOST_JOINED_BACK: usize = 64;

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
        // The places from which a step may begin: `before`, and those from which nothing but harmless steps lead to it.
        let mut harmless = vec![begin];
        let mut failed: Option<Judged> = None;
        for after in begin + 1..self.trunk.len() {
            let mut judged = self.judge(before, after)?;
            if !judged.holds() && judged.broken.is_none() {
                for earlier in harmless.iter().rev().skip(1).take(MOST_JOINED_BACK) {
                    let joined = self.judge(*earlier, after)?;
                    if joined.holds() {
                        steps.retain(|step| step.before < *earlier);
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
            match judged.answers.is_empty() {
                true => harmless.push(after),
                false => harmless = vec![after],
            }
            steps.push(judged);
        }
        steps.extend(failed);
        Ok(steps)
    }

    /// Judges what leads from one commit of the trunk to a later one.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn judge(&self, before: usize, after: usize) -> Result<Judged, TrailError> {
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
        judged.authors = self.authors(before, after, &left, &right)?;
        for ask in asks(&left, &judged.step, &judged.authors) {
            let answer = match ask.by {
                AskedBy::Brake => self.brake(ask, before, after, &left),
                _ => self.answer(ask, before, &left, &judged)?,
            };
            judged.answers.push(answer);
        }
        Ok(judged)
    }

    /// Who wrote the commits between two places.
    fn authors(&self, before: usize, after: usize, left: &State, right: &State) -> Result<Authors, TrailError> {
        let mut authors = Authors::default();
        for at in before + 1..=after {
            for commit in self.brought.get(at).into_iter().flatten() {
                if !self.writes(commit)? {
                    continue;
                }
                let on_trunk = self.trunk.get(at) == Some(&commit.id);
                self.author(commit, on_trunk, left, right, &mut authors);
            }
        }
        Ok(authors)
    }

    /// Whether somebody had to write what a commit does: not a mechanical merge, not nothing, not evidence alone.
    fn writes(&self, commit: &Commit) -> Result<bool, TrailError> {
        if commit.parents.len() > 1 {
            return Ok(!self.history.is_mechanical(commit));
        }
        let parent = match commit.parents.first() {
            Some(parent) => Some(self.history.commit(*parent)?.tree),
            None => None,
        };
        let changes = self.history.changes(parent, commit.tree)?;
        Ok(changes.iter().any(|change| !is_new_evidence(self.history, change)))
    }

    fn author(&self, commit: &Commit, on_trunk: bool, left: &State, right: &State, authors: &mut Authors) {
        let short = short(commit.id);
        let mut unknown = |why: String| authors.unknown.push(format!("{short} {why}"));
        match commit.signed() {
            Signed::Unsigned => unknown("is not signed".to_owned()),
            Signed::Ambiguous => unknown("has two signatures, of which readers see different ones".to_owned()),
            Signed::Bad(error) => unknown(format!("is not validly signed: {error}")),
            Signed::By(signer) => {
                let mut holders = Vec::new();
                match left.principals.holder(&signer.key) {
                    Some(holder @ (Principal::Person(_) | Principal::Agent(_))) => holders.push(holder.clone()),
                    Some(Principal::Forge(name)) => {
                        unknown(format!("is signed by the merge bot `{name}`, so its authors are gone"));
                    }
                    None => unknown(format!(
                        "is signed by the key {}, which was nobody's before the step",
                        signer.key.fingerprint()
                    )),
                }
                // A key that the step itself brings tells who wrote it, too: it can only take an approver away.
                holders.extend(right.principals.holder(&signer.key).cloned());
                for holder in holders {
                    match holder {
                        Principal::Person(name) => authors.people.insert(name),
                        Principal::Agent(name) => authors.agents.insert(name),
                        Principal::Forge(_) => false,
                    };
                }
            }
        }
        let co_authors = commit.message.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            let address = value.rsplit_once('<')?.1.split_once('>')?.0;
            key.trim().eq_ignore_ascii_case("co-authored-by").then_some(address)
        });
        let typed = [commit.author.email.as_str(), commit.committer.email.as_str()];
        for address in typed.into_iter().chain(co_authors) {
            authors
                .named
                .extend(left.principals.by_email(address.trim()).map(str::to_owned));
        }
        if on_trunk && let Some(block) = super::statement::Block::parse(&commit.message) {
            authors.named.extend(block.requesters);
        }
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
        let base = self
            .trunk
            .iter()
            .take(before + 1)
            .rposition(|id| id.to_string() == statement.base);
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

/// How many places stay empty when each person takes one at most: bipartite matching by augmenting paths.
fn unseated(seats: &[(usize, BTreeSet<&str>)], people: &BTreeSet<&str>) -> usize {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut empty = 0_usize;
    for (seat, (count, _)) in seats.iter().enumerate() {
        let mut filled = 0_usize;
        while filled < *count && take(seats, people, seat, &mut taken, &mut BTreeSet::new()) {
            filled += 1;
        }
        empty = empty.saturating_add(count.saturating_sub(filled));
    }
    empty
}

/// Finds somebody for a seat, moving others where that frees one.
fn take<'p>(
    seats: &[(usize, BTreeSet<&'p str>)],
    people: &BTreeSet<&'p str>,
    seat: usize,
    taken: &mut BTreeMap<&'p str, usize>,
    tried: &mut BTreeSet<&'p str>,
) -> bool {
    let Some((_, able)) = seats.get(seat) else { return false };
    for person in able.intersection(people) {
        if !tried.insert(person) {
            continue;
        }
        let free = match taken.get(person).copied() {
            None => true,
            Some(holder) => take(seats, people, holder, taken, tried),
        };
        if free {
            taken.insert(person, seat);
            return true;
        }
    }
    false
}

/// An id as people read it.
pub fn short(id: ObjectId) -> String {
    let text = id.to_string();
    text.get(..12).unwrap_or(&text).to_owned()
}
