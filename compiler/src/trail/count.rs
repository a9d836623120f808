//! Which approvals count: what is asked and the evidence in, an [`Answer`] out, with why each of the others does not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use gix::ObjectId;
use polity_runtime::wire::Digest;

use super::change;
use super::court::Court;
use super::error::TrailError;
use super::evidence::{self, Exhibit, Grade};
use super::principals::Principal;
use super::requirements::{Ask, OWNERS};
use super::seats::unseated;
use super::state::State;
use super::statement::{DocumentId, Statement, Verdict};
use super::upgrade::COMPILER;
use super::verify::{Answer, Given, Judged, OTHER_EFFECTS, Refused, short};
use crate::parse::TEMPLATES;
use crate::source::ReadError;

/// Mode and object of what stands at a path, if anything does.
type Stands = Option<(u16, ObjectId)>;

impl Court<'_> {
    /// What there is of an approval that is asked for, of a step after the first of two places of the trunk, and by the
    /// evidence that there is up to the second.
    pub(super) fn answer(
        &self,
        ask: Ask,
        (before, known): (usize, usize),
        left: &State,
        judged: &Judged,
    ) -> Result<Answer, TrailError> {
        let mut excluded = judged.authors.excluded(&left.principals);
        // Nobody else could ever approve what an owner wrote who is alone; that every report shows.
        let alone = alone(&ask, left, judged).filter(|owner| excluded.remove(owner));
        let mut given: BTreeMap<String, Given> = BTreeMap::new();
        let mut refused: BTreeSet<Refused> = BTreeSet::new();
        let eligible: BTreeSet<&String> = ask.seats.iter().flat_map(|seat| &seat.people).collect();
        // Evidence lies in the step's own tree, or in any later one.
        let there = |exhibit: &&Exhibit| exhibit.until > before + 1 && exhibit.from <= known;
        for exhibit in self.exhibits.iter().filter(there) {
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
            if is_no_news(&ask, exhibit, &statement, before, judged) {
                continue;
            }
            let counted = self.count(&ask, exhibit, &statement, (before, known), left, judged)?;
            let counted = counted.and_then(|mut given| {
                given.own = alone.as_ref() == Some(&given.person);
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
        let left_over = eligible
            .into_iter()
            .filter(|person| !excluded.contains(*person) && !given.contains_key(*person));
        let (could, keyless): (BTreeSet<String>, BTreeSet<String>) = left_over
            .cloned()
            .partition(|person| left.principals.can_prove(person, ask.evidence));
        let all: BTreeSet<&str> = people.iter().copied().chain(could.iter().map(String::as_str)).collect();
        let blocked = unseated(&seats, &all);
        refused.retain(|one| !given.contains_key(&one.person));
        Ok(Answer {
            given: given.into_values().collect(),
            refused: refused.into_iter().collect(),
            missing,
            could,
            keyless,
            blocked,
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
        (before, known): (usize, usize),
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
        let added = self.in_force_before(self.added(exhibit)?)?;
        let proof = match evidence::prove(exhibit, statement, &left.principals, &added.principals) {
            Ok(proof) => proof,
            Err(why) => return Ok(Err(why)),
        };
        let mut given = Given {
            person: statement.approver.clone(),
            grade: proof.grade,
            fingerprint: proof.fingerprint,
            evidence: exhibit.name.clone(),
            own: false,
        };
        if given.grade == Grade::Claimed
            && let Some(bot) = self.vouching(exhibit, before + 1..=known, left)?
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
    pub(super) fn about(&self, ask: &Ask, statement: &Statement, left: &State, judged: &Judged) -> Result<(), String> {
        if statement.organization != self.trusted.organization {
            return Err(format!(
                "it was given for the organisation `{}`",
                statement.organization
            ));
        }
        if statement.reference != self.trusted.reference {
            return Err(format!("it was given for `{}`", statement.reference));
        }
        if statement.verdict != Verdict::Approve {
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
                    "{OTHER_EFFECTS} for {} in {}: {}",
                    cell.agent, cell.environment, cell.action
                ));
            }
        }
        Ok(())
    }

    /// Whether the state that a statement was given for is the one before the step: its base is that commit, or an
    /// earlier one since which no document that it lists changed.
    pub(super) fn in_time(&self, statement: &Statement, before: usize) -> Result<Result<(), String>, TrailError> {
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
        // Where everything that is listed stands as at a commit that was looked at, it is the same there.
        let mut looked_at = BTreeSet::new();
        for at in base..=before {
            let same = self.stands(statement, at)?;
            if same.is_some_and(|same| !looked_at.insert(same)) {
                continue;
            }
            if let Some(id) = self.differs(statement, at)? {
                let where_ = short(self.id(at)?);
                return Ok(Err(format!(
                    "`{id}` changed since its base: at {where_} it is not what was approved"
                )));
            }
        }
        Ok(Ok(()))
    }

    /// The files at a commit of which the documents that a statement lists are made, so that not every tree of a long
    /// trunk has to be compiled. Nothing where they cannot be told.
    fn stands(&self, statement: &Statement, at: usize) -> Result<Option<Vec<Stands>>, TrailError> {
        let tree = self.history.commit(self.id(at)?)?.tree;
        let mut all = Vec::new();
        // What templates are filled in to is made of them, too, as the edition has it.
        let also = ["polity.yaml", TEMPLATES.trim_end_matches('/')];
        for path in statement.documents.keys().map(|id| id.path.as_str()).chain(also) {
            match ReadError::unless_malformed(change::entry(self.history, tree, path))? {
                None => return Ok(None),
                Some(found) => all.push(found.map(|(mode, id)| (mode.value(), id))),
            }
        }
        let of_compiler = statement.documents.keys().any(|id| id.kind == COMPILER);
        Ok(Some(all).filter(|_| !of_compiler))
    }

    /// A document that is not, at a commit, what a statement has as its state before.
    fn differs(&self, statement: &Statement, at: usize) -> Result<Option<DocumentId>, TrailError> {
        let state = self.state(at)?;
        for (id, sides) in &statement.documents {
            let found = match id.kind.as_str() {
                _ if !state.readable => return Ok(Some(id.clone())),
                change::FILE => match self.file(id, at) {
                    Err(TrailError::Read(error)) if error.is_malformed() => return Ok(Some(id.clone())),
                    found => found?,
                },
                COMPILER => self.made(at)?,
                _ => state.digests.get(id).copied(),
            };
            if found != sides.before {
                return Ok(Some(id.clone()));
            }
        }
        Ok(None)
    }

    /// What the compiler of the checkpoint's bundle made of the checkpoint: of no other commit it is known.
    fn made(&self, at: usize) -> Result<Option<Digest>, TrailError> {
        let id = self.id(at)?;
        let checkpoint = self.trusted.checkpoint.filter(|checkpoint| checkpoint.commit == id);
        Ok(checkpoint.map(|checkpoint| checkpoint.made.digest()))
    }

    fn file(&self, id: &DocumentId, at: usize) -> Result<Option<Digest>, TrailError> {
        let tree = self.history.commit(self.id(at)?)?.tree;
        Ok(change::file_digest(self.history, tree, &id.path)?)
    }

    /// The key of a merge bot that vouches for a statement in the step or later; the bot's in the tree before the step
    /// and in the one before its commit.
    fn vouching(
        &self,
        exhibit: &Exhibit,
        places: RangeInclusive<usize>,
        left: &State,
    ) -> Result<Option<String>, TrailError> {
        for vouched in self.vouched.iter().filter(|vouched| places.contains(&vouched.at)) {
            let says = vouched
                .block
                .approvals
                .iter()
                .any(|digest| digest.to_string() == exhibit.name);
            let holder = left.principals.holder(&vouched.signer.key);
            if !says || !matches!(holder, Some(Principal::Forge(_))) {
                continue;
            }
            let there = self.in_force_before(vouched.at)?;
            if there.principals.holder(&vouched.signer.key) == holder {
                return Ok(Some(vouched.signer.key.fingerprint()));
            }
        }
        Ok(None)
    }
}

/// Whether a statement is about another change: of nothing that the step touches, or of something else that it came to
/// before. A document that is changed a hundred times has a hundred of those.
fn is_no_news(ask: &Ask, exhibit: &Exhibit, statement: &Statement, before: usize, judged: &Judged) -> bool {
    let step = &judged.step.documents;
    let same = |id: &DocumentId| statement.documents.get(id) == step.get(id);
    let earlier = exhibit.from <= before && !ask.documents.iter().all(same);
    earlier || !statement.documents.keys().any(|id| step.contains_key(id))
}

/// The owner who may approve what they wrote: the only one of an organisation that says `sole_owner: true`, or the only one
/// who lists a key where no forge can vouch for the others, and where nobody but owners is asked. Not what an agent of theirs wrote, which has to be looked at and signed as their own; nor
/// what nobody signed, of which no one knows that it is theirs.
fn alone(ask: &Ask, left: &State, judged: &Judged) -> Option<String> {
    let organization = &left.organization;
    let owners = organization.owners.iter();
    let mut owners: Vec<_> = owners
        .filter_map(|owner| organization.people.get(owner.0 as usize))
        .collect();
    if owners.len() > 1 && organization.forges.is_empty() {
        owners.retain(|owner| !owner.keys.is_empty());
    }
    let [owner] = owners.as_slice() else {
        return None;
    };
    let owner = &owner.name.value;
    let owners_only = ask.seats.iter().all(|seat| seat.from == OWNERS);
    let agents = judged.authors.agents.iter();
    let by_agent = agents
        .filter_map(|agent| left.principals.owner(agent))
        .any(|of| of == owner);
    (organization.sole_owner && owners_only && !by_agent).then(|| owner.clone())
}
