//! Every offset and index of a table, checked once, after the signature and before the first decision.

use std::fmt;
use std::ops::Range;

use super::record::{
    action, approval, cell, deployment, entry, environment, given, kill, organization, placement, program, requirement,
    ring, rule, tool, variant,
};
use super::{Index, NONE, TableData};
use crate::guard::{self, Fit, Function, Guard, Op, Step, Term, Test, constant, resource};
use crate::rego::ProgramError;
use crate::value::{Parameters, Strings};

/// The cells of a piece, as counts are.
const PIECE: u32 = super::record::piece::CELLS as u32;

/// Why arrays are no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableError {
    /// A record does not hold together.
    Record {
        /// The array.
        section: &'static str,
        /// The record in it.
        record: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A program cannot be evaluated here.
    Program(ProgramError),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { section, record, fault } => {
                write!(f, "record {record} of section `{section}` is broken: {fault}")
            }
            Self::Program(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for TableError {}

/// Checks the whole table.
pub(super) fn validate(data: &TableData) -> Result<(), TableError> {
    let check = Check { data };
    check.strings()?;
    check.names()?;
    check.placements()?;
    check.actions()?;
    check.cells()?;
    check.guards()?;
    check.cold()
}

/// How deep terms may stand in each other: a decision follows them on the thread's stack. A condition nests 128
/// operators at most, and a document as deep as its parameters.
const MAX_TERM_DEPTH: u32 = 256;
/// How many terms one may be put together of, each counted as often as it is named: a decision works each out as often.
/// A condition has 16,384 bytes at most; the rest is room.
const MAX_TERM_SIZE: u32 = 1 << 16;

/// How many values a set may hold, sets within it included, each counted as often as it is named. Two sets are compared
/// value by value; more than any list that a policy's data can hold.
const MAX_SET_SIZE: u32 = 1 << 24;

const TOO_MUCH: &str = "it is put together of too many others";

/// How deep a term, or a set of sets, is, and of how many it is put together.
#[derive(Debug, Clone, Copy)]
struct Weight {
    depth: u32,
    size: u32,
}

impl Weight {
    fn is_bounded(self, size: u32) -> bool {
        self.depth <= MAX_TERM_DEPTH && self.size <= size
    }

    /// With one more part.
    fn with(self, part: Option<&Self>) -> Self {
        let part = part.copied().unwrap_or(Self { depth: 0, size: 1 });
        Self {
            depth: self.depth.max(part.depth.saturating_add(1)),
            size: self.size.saturating_add(part.size),
        }
    }
}

struct Check<'d> {
    data: &'d TableData,
}

type Checked = Result<(), TableError>;

/// Fails with the section and record unless it holds.
fn ensure(holds: bool, section: &'static str, record: usize, fault: &'static str) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(TableError::Record { section, record, fault })
    }
}

/// Whether a list lies within an array.
fn within<T>(array: &[T], first: u32, count: u32) -> bool {
    (first as usize)
        .checked_add(count as usize)
        .is_some_and(|end| end <= array.len())
}

/// Whether an id is of an array.
fn is_of<T>(array: &[T], id: u32) -> bool {
    (id as usize) < array.len()
}

impl Check<'_> {
    fn strings(&self) -> Checked {
        let (offsets, text) = (&self.data.string_offsets, &self.data.string_text);
        ensure(
            offsets.first() == Some(&0),
            "string_offsets",
            0,
            "the first offset is not zero",
        )?;
        for (at, pair) in offsets.windows(2).enumerate() {
            let ordered = matches!(pair, [a, b] if a <= b && text.is_char_boundary(*b as usize));
            ensure(ordered, "string_offsets", at, "the string does not lie within the text")?;
        }
        let last = offsets.last().map_or(0, |last| *last as usize);
        ensure(last == text.len(), "string_offsets", offsets.len(), "text is left over")
    }

    /// A string's id.
    fn text(&self, id: u32) -> bool {
        (id as usize) + 1 < self.data.string_offsets.len()
    }

    /// Whether a string stands where a constant says that it does.
    fn spans(&self, id: u32, start: u32, length: u32) -> bool {
        let offset = |at: usize| self.data.string_offsets.get(at).copied();
        let id = id as usize;
        offset(id) == Some(start) && offset(id + 1) == start.checked_add(length)
    }

    fn text_or_none(&self, id: u32) -> bool {
        id == NONE || self.text(id)
    }

    fn names(&self) -> Checked {
        let d = self.data;
        self.index("deployment_index", &d.deployment_index, d.deployments.len())?;
        self.index("environment_index", &d.environment_index, d.environments.len())?;
        self.index("action_index", &d.action_index, d.actions.len())?;
        self.index("class_index", &d.class_index, d.classes.len())?;
        self.index("person_index", &d.person_index, d.people.len())?;
        ensure(d.organization.len() == 1, "organization", 0, "there must be one record")?;
        for r in &d.organization {
            ensure(
                self.text(r[organization::NAME]),
                "organization",
                0,
                "the name is not a string",
            )?;
            ensure(
                self.kill(r[organization::KILL]),
                "organization",
                0,
                "the kill does not exist",
            )?;
        }
        for (at, r) in d.environments.iter().enumerate() {
            ensure(
                self.text(r[environment::NAME]),
                "environments",
                at,
                "the name is not a string",
            )?;
            ensure(
                self.kill(r[environment::KILL]),
                "environments",
                at,
                "the kill does not exist",
            )?;
        }
        for (at, r) in d.rings.iter().enumerate() {
            ensure(self.text(r[ring::NAME]), "rings", at, "the name is not a string")?;
        }
        for (at, [name]) in d.classes.iter().enumerate() {
            ensure(self.text(*name), "classes", at, "the name is not a string")?;
        }
        for (at, [name]) in d.people.iter().enumerate() {
            ensure(self.text(*name), "people", at, "the name is not a string")?;
        }
        Ok(())
    }

    fn index(&self, section: &'static str, index: &Index, count: usize) -> Checked {
        let size = index.slots.len();
        ensure(
            size == 0 || size.is_power_of_two(),
            section,
            0,
            "the number of slots is not a power of two",
        )?;
        for (at, id) in index.slots.iter().enumerate() {
            ensure(
                *id == NONE || (*id as usize) < count,
                section,
                at,
                "the slot names nothing",
            )?;
        }
        Ok(())
    }

    fn kill(&self, id: u32) -> bool {
        id == NONE || is_of(&self.data.kills, id)
    }

    fn placements(&self) -> Checked {
        let d = self.data;
        for (at, r) in d.deployments.iter().enumerate() {
            let named = [deployment::NAME, deployment::AGENT, deployment::TEAM];
            ensure(
                named.iter().all(|f| r.get(*f).is_some_and(|id| self.text(*id))),
                "deployments",
                at,
                "a name is not a string",
            )?;
            ensure(
                self.kill(r[deployment::KILL]),
                "deployments",
                at,
                "the kill does not exist",
            )?;
            let list = super::slice(&d.placements, r[deployment::PLACEMENTS], r[deployment::PLACEMENT_COUNT]);
            ensure(
                list.len() == r[deployment::PLACEMENT_COUNT] as usize,
                "deployments",
                at,
                "the placements leave the array",
            )?;
            ensure(
                list.is_sorted_by(|a, b| a[placement::ENVIRONMENT] < b[placement::ENVIRONMENT]),
                "deployments",
                at,
                "the placements are not sorted",
            )?;
            ensure(
                list.iter().all(|p| p[placement::DEPLOYMENT] as usize == at),
                "deployments",
                at,
                "a placement is another deployment's",
            )?;
        }
        for (at, r) in d.placements.iter().enumerate() {
            ensure(
                is_of(&d.environments, r[placement::ENVIRONMENT]),
                "placements",
                at,
                "the environment does not exist",
            )?;
            ensure(
                is_of(&d.rings, r[placement::RING]),
                "placements",
                at,
                "the ring does not exist",
            )?;
            let list = super::slice(&d.given, r[placement::GIVEN], r[placement::GIVEN_COUNT]);
            ensure(
                list.len() == r[placement::GIVEN_COUNT] as usize,
                "placements",
                at,
                "the tools given leave the array",
            )?;
            ensure(
                list.is_sorted_by(|a, b| a[given::TOOL] < b[given::TOOL]),
                "placements",
                at,
                "the tools given are not sorted",
            )?;
        }
        for (at, r) in d.given.iter().enumerate() {
            let cells = d.tools.get(r[given::TOOL] as usize).map(|t| t[tool::ACTION_COUNT]);
            ensure(cells.is_some(), "given", at, "the tool does not exist")?;
            ensure(
                within(&d.fragments, r[given::FRAGMENT], cells.unwrap_or(0).div_ceil(PIECE)),
                "given",
                at,
                "the fragment leaves the array",
            )?;
        }
        Ok(())
    }

    fn actions(&self) -> Checked {
        let d = self.data;
        let strings = Strings {
            offsets: &d.string_offsets,
            text: &d.string_text,
        };
        for (at, r) in d.tools.iter().enumerate() {
            ensure(self.text(r[tool::NAME]), "tools", at, "the name is not a string")?;
            ensure(self.kill(r[tool::KILL]), "tools", at, "the kill does not exist")?;
            ensure(
                within(&d.actions, r[tool::ACTIONS], r[tool::ACTION_COUNT]),
                "tools",
                at,
                "the actions leave the array",
            )?;
        }
        for (at, r) in d.actions.iter().enumerate() {
            ensure(self.text(r[action::NAME]), "actions", at, "the name is not a string")?;
            ensure(
                is_of(&d.tools, r[action::TOOL]),
                "actions",
                at,
                "the tool does not exist",
            )?;
            ensure(
                r[action::FLAGS] & action::EFFECT_MASK <= 2,
                "actions",
                at,
                "the effect does not exist",
            )?;
            // One that is only a list of variants has no cell, so no place.
            let tool = d.tools.get(r[action::TOOL] as usize);
            let place = tool.and_then(|r| u32::try_from(at).ok()?.checked_sub(r[tool::ACTIONS]));
            ensure(
                r[action::VARIANT_COUNT] > 0 || place == Some(r[action::FLAGS] >> action::ORDINAL),
                "actions",
                at,
                "it has another place in its tool",
            )?;
            ensure(
                within(&d.variants, r[action::VARIANTS], r[action::VARIANT_COUNT]),
                "actions",
                at,
                "the variants leave the array",
            )?;
            let reads = super::slice(&d.words, r[action::READS], r[action::READ_COUNT]);
            let known = reads.len() == r[action::READ_COUNT] as usize && reads.iter().all(|id| is_of(&d.classes, *id));
            ensure(known, "actions", at, "a data class that it reads does not exist")?;
            let Some(end) = r[action::PARAMETERS].checked_add(r[action::PARAMETER_COUNT]) else {
                return ensure(false, "actions", at, "the parameters leave the array");
            };
            let slots = u16::try_from(r[action::SLOTS]);
            ensure(slots.is_ok(), "actions", at, "there are too many slots")?;
            let top: Range<u32> = r[action::PARAMETERS]..end;
            let parameters = Parameters {
                records: &d.parameters,
                words: &d.words,
                strings,
                top,
                slots: slots.unwrap_or(0),
                strict: true,
            };
            ensure(parameters.validate(), "actions", at, "a parameter is broken")?;
        }
        for (at, r) in d.variants.iter().enumerate() {
            ensure(
                self.guard(r[variant::GUARD]),
                "variants",
                at,
                "the guard does not exist",
            )?;
            let has_cell = d
                .actions
                .get(r[variant::ACTION] as usize)
                .is_some_and(|a| a[action::VARIANT_COUNT] == 0);
            ensure(
                has_cell,
                "variants",
                at,
                "it takes the call as an action without a cell",
            )?;
        }
        Ok(())
    }

    fn cells(&self) -> Checked {
        let d = self.data;
        for (at, [id]) in d.fragments.iter().enumerate() {
            ensure(is_of(&d.pieces, *id), "fragments", at, "the piece does not exist")?;
        }
        for (at, cells) in d.pieces.iter().enumerate() {
            let known = cells.iter().all(|id| *id == NONE || is_of(&d.cells, *id));
            ensure(known, "pieces", at, "the cell does not exist")?;
        }
        for (at, r) in d.cells.iter().enumerate() {
            let runs = [cell::DENIES, cell::GRANTS, cell::GATES, cell::OBSERVED].map(|list| cell::run(r, list));
            let inside = runs.iter().all(|(first, count)| within(&d.entries, *first, *count));
            ensure(inside, "cells", at, "the rules leave the array")?;
        }
        for (at, r) in d.entries.iter().enumerate() {
            ensure(
                is_of(&d.rules, r[entry::RULE]),
                "entries",
                at,
                "the rule does not exist",
            )?;
            ensure(self.guard(r[entry::GUARD]), "entries", at, "the guard does not exist")?;
            let approval = r[entry::APPROVAL];
            ensure(
                approval == NONE || is_of(&d.approvals, approval),
                "entries",
                at,
                "the approval does not exist",
            )?;
        }
        Ok(())
    }

    fn guard(&self, guard: u32) -> bool {
        Guard(guard).leaf().is_some() || is_of(&self.data.nodes, guard)
    }

    fn guards(&self) -> Checked {
        let d = self.data;
        for (at, &[head, a, b, yes, no, error]) in d.nodes.iter().enumerate() {
            let known = match Test::decode([head, a, b]) {
                Some(Test::General(op, left, right)) => {
                    !matches!(op, Op::Number | Op::Text | Op::Resource)
                        && self.term(left, usize::MAX)
                        && self.term(right, usize::MAX)
                        && self.asks(op, left, right)
                }
                Some(Test::Number { .. }) => true,
                Some(Test::Text { start, length, .. }) => self.is_text(start, length),
                Some(Test::Resource { term, steps, count }) => self.steps(term, steps, count),
                None => false,
            };
            ensure(known, "nodes", at, "the test does not exist, or looks at what does not")?;
            let forward = |edge: u32| Guard(edge).leaf().is_some() || (is_of(&d.nodes, edge) && edge as usize > at);
            ensure(
                [yes, no, error].into_iter().all(forward),
                "nodes",
                at,
                "an edge does not lead forward",
            )?;
        }
        // What each asks for when its parts are worked out one by one, as they are.
        let mut weights: Vec<Weight> = Vec::with_capacity(d.terms.len());
        for (at, &[function, first, count]) in d.terms.iter().enumerate() {
            let function = Function::from_word(function);
            ensure(function.is_some(), "terms", at, "the function does not exist")?;
            let operands = super::slice(&d.words, first, count);
            ensure(
                operands.len() == count as usize,
                "terms",
                at,
                "the operands leave the array",
            )?;
            let known = match function {
                // Flags and a term, in turn.
                Some(Function::Resource) => operands.as_chunks::<2>().0.iter().all(|[_, term]| self.word(*term, at)),
                Some(Function::Record) => {
                    let (fields, rest) = operands.as_chunks::<4>();
                    rest.is_empty() && fields.iter().all(|field| self.field(field, at))
                }
                _ => operands.iter().all(|term| self.word(*term, at)),
            };
            ensure(known, "terms", at, "an operand does not exist, or comes later")?;
            let parts = operands.iter().enumerate().filter(|(place, _)| match function {
                Some(Function::Resource) => place % 2 == 1,
                Some(Function::Record) => place % 4 == 3,
                _ => true,
            });
            let weight = parts.fold(Weight { depth: 1, size: 1 }, |sum, (_, word)| {
                match Term::decode(*word) {
                    Some(Term::Apply(id)) => sum.with(weights.get(id as usize)),
                    _ => sum.with(None),
                }
            });
            ensure(weight.is_bounded(MAX_TERM_SIZE), "terms", at, TOO_MUCH)?;
            weights.push(weight);
        }
        weights.clear();
        for (at, &[tag, a, b, c, ..]) in d.constants.iter().enumerate() {
            let sound = match tag {
                constant::STRING => self.text(a) && self.spans(a, b, c),
                constant::IPV4 => a <= 32,
                constant::IPV6 => a <= 128,
                constant::SET => {
                    let elements = super::slice(&d.words, a, b);
                    elements.len() == b as usize && elements.iter().all(|id| (*id as usize) < at)
                }
                _ => tag <= constant::SET,
            };
            ensure(sound, "constants", at, "the value is broken")?;
            let elements = if tag == constant::SET {
                super::slice(&d.words, a, b)
            } else {
                &[]
            };
            let weight = elements.iter().fold(Weight { depth: 1, size: 1 }, |sum, id| {
                sum.with(weights.get(*id as usize))
            });
            ensure(weight.is_bounded(MAX_SET_SIZE), "constants", at, TOO_MUCH)?;
            weights.push(weight);
        }
        Ok(())
    }

    /// A term in a word.
    fn word(&self, word: u32, before: usize) -> bool {
        Term::decode(word).is_some_and(|term| self.term(term, before))
    }

    /// A program stands on the left of the operator that asks one, and a document on its right; neither elsewhere.
    fn asks(&self, op: Op, left: Term, right: Term) -> bool {
        let program = |term| matches!(term, Term::Program(_));
        if op != Op::Program {
            return !program(left) && !program(right);
        }
        let Term::Apply(id) = right else {
            return false;
        };
        let function = self
            .data
            .terms
            .get(id as usize)
            .and_then(|[function, ..]| Function::from_word(*function));
        program(left) && function == Some(Function::Record)
    }

    /// A field of a document.
    fn field(&self, &[key, flags, there, value]: &[u32; 4], at: usize) -> bool {
        let told = matches!(
            Term::decode(there),
            Some(Term::Nothing | Term::Slot(_) | Term::OnBehalfOf)
        );
        self.text(key) && flags & !guard::record::OPTIONAL == 0 && told && self.word(there, at) && self.word(value, at)
    }

    /// A term that a test, or a function that stands at `before`, may refer to.
    fn term(&self, term: Term, before: usize) -> bool {
        let d = self.data;
        match term {
            Term::Constant(id) => is_of(&d.constants, id),
            Term::Apply(id) => is_of(&d.terms, id) && (id as usize) < before,
            Term::Pattern(at) => d
                .words
                .get(at as usize)
                .is_some_and(|length| within(&d.words, at.saturating_add(1), *length)),
            Term::Class(id) => is_of(&d.classes, id),
            Term::Program(id) => is_of(&d.programs, id),
            Term::Slot(slot) => u16::try_from(slot).is_ok(),
            Term::Nothing | Term::Now | Term::Calls | Term::OnBehalfOf | Term::Holding => true,
        }
    }

    /// A part of the text.
    fn is_text(&self, start: u32, length: u32) -> bool {
        let start = start as usize;
        let end = start.checked_add(length as usize);
        end.is_some_and(|end| self.data.string_text.get(start..end).is_some())
    }

    /// The steps of a resource: one for each of its slots, which says the same of it.
    fn steps(&self, term: u32, steps: u32, count: u32) -> bool {
        let d = self.data;
        let Some(&[function, first, words]) = d.terms.get(term as usize) else {
            return false;
        };
        let pairs = super::slice(&d.words, first, words).as_chunks::<2>().0.iter();
        let slots = pairs.filter_map(|[flags, word]| match Term::decode(*word) {
            Some(Term::Slot(slot)) => Some((slot, flags & resource::FREE != 0)),
            _ => None,
        });
        let Some(length) = count.checked_mul(3).filter(|length| within(&d.words, steps, *length)) else {
            return false;
        };
        let steps = super::slice(&d.words, steps, length).as_chunks::<3>().0.iter();
        let steps = steps.map(|words| {
            let step = Step::decode(*words)?;
            let known = match step.fit {
                Fit::Pattern | Fit::Never => within(&d.words, step.start, step.length),
                Fit::Equal | Fit::Prefix | Fit::Suffix | Fit::Any => self.is_text(step.start, step.length),
            };
            known.then_some((step.slot, step.free))
        });
        Function::from_word(function) == Some(Function::Resource) && slots.map(Some).eq(steps)
    }

    fn cold(&self) -> Checked {
        let d = self.data;
        for (at, r) in d.kills.iter().enumerate() {
            ensure(
                self.text(r[kill::NAME]) && self.text(r[kill::REASON]),
                "kills",
                at,
                "a text is missing",
            )?;
        }
        for (at, r) in d.approvals.iter().enumerate() {
            let list = within(
                &d.requirements,
                r[approval::REQUIREMENTS],
                r[approval::REQUIREMENT_COUNT],
            );
            ensure(
                list && r[approval::REQUIREMENT_COUNT] > 0,
                "approvals",
                at,
                "it requires nothing",
            )?;
            ensure(
                r[approval::EVIDENCE] <= 2,
                "approvals",
                at,
                "the grade of evidence does not exist",
            )?;
        }
        for (at, r) in d.requirements.iter().enumerate() {
            ensure(r[requirement::COUNT] > 0, "requirements", at, "it asks for nobody")?;
            let from = super::slice(&d.words, r[requirement::FROM], r[requirement::FROM_COUNT]);
            let people = super::slice(&d.words, r[requirement::PEOPLE], r[requirement::PEOPLE_COUNT]);
            let whole = from.len() == r[requirement::FROM_COUNT] as usize
                && people.len() == r[requirement::PEOPLE_COUNT] as usize;
            let known = from.iter().all(|id| self.text(*id)) && people.iter().all(|id| is_of(&d.people, *id));
            ensure(
                whole && known,
                "requirements",
                at,
                "somebody that it asks does not exist",
            )?;
        }
        for (at, r) in d.programs.iter().enumerate() {
            let within = |first, length| within(&d.program_bytes, first, length);
            let inside = within(r[program::CODE], r[program::CODE_LENGTH])
                && within(r[program::DATA], r[program::DATA_LENGTH])
                && self.text(r[program::RULE]);
            ensure(inside, "programs", at, "it leaves the array, or names no rule")?;
        }
        for (at, r) in d.rules.iter().enumerate() {
            let texts = self.text(r[rule::NAME]) && self.text(r[rule::PATH]);
            ensure(
                texts && self.text_or_none(r[rule::REASON]) && self.text_or_none(r[rule::COMMIT]),
                "rules",
                at,
                "a text is missing",
            )?;
            ensure(r[rule::EFFECT] <= 2, "rules", at, "the effect does not exist")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    /// A table of terms each of which is the sum of the one before and of one more operand.
    fn sums(count: u32, doubled: bool) -> TableData {
        let word = |term: Term| term.encode().unwrap();
        let before = |at: u32| {
            at.checked_sub(1)
                .map_or(word(Term::Calls), |before| word(Term::Apply(before)))
        };
        let other = |at: u32| if doubled { before(at) } else { word(Term::Calls) };
        TableData {
            string_offsets: vec![0, 6],
            string_text: "acme/r".into(),
            organization: vec![[0, NONE, 0, 0]],
            words: (0..count).flat_map(|at| [before(at), other(at)]).collect(),
            terms: (0..count).map(|at| [Function::Add as u32, at * 2, 2]).collect(),
            ..TableData::default()
        }
    }

    #[test]
    fn a_term_is_neither_deeper_nor_more_work_than_a_decision_can_afford() {
        let refused = |data: TableData| Table::new(data).err().map(|error| error.to_string());
        let fault = |record| Some(format!("record {record} of section `terms` is broken: {TOO_MUCH}"));
        assert_eq!(refused(sums(MAX_TERM_DEPTH, false)), None);
        assert_eq!(refused(sums(MAX_TERM_DEPTH + 1, false)), fault(MAX_TERM_DEPTH));
        assert_eq!(refused(sums(1_000_000, false)), fault(MAX_TERM_DEPTH));
        // Each names the one before twice, so each is twice the work: 2^(n + 1) - 1 with what it ends in.
        assert_eq!(refused(sums(15, true)), None);
        assert_eq!(refused(sums(16, true)), fault(15));
        let mut sets = sums(0, false);
        sets.words = (0..1_000).collect();
        sets.constants = std::iter::once([constant::INT, 1, 0, 0, 0, 0])
            .chain((0..1_000).map(|at| [constant::SET, at, 1, 0, 0, 0]))
            .collect();
        let fault = format!("record {MAX_TERM_DEPTH} of section `constants` is broken: {TOO_MUCH}");
        assert_eq!(refused(sets), Some(fault));
    }
}
