//! Every offset and index of a table, checked once, after the signature and before the first decision.

mod guards;

use std::fmt;
use std::ops::Range;

use super::record::{
    action, approval, cell, deployment, entry, environment, given, kill, organization, placement, program, requirement,
    ring, rule, tool, variant,
};
use super::{Index, NONE, TableData};
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
