//! What a comparison has to know of a revision, and its form as sections: for a revision that is compared again.
//!
//! In: what a tree compiled to, or the sections that were written of it. Out: the other. A table is read as a runtime
//! reads one, with every index checked; whether what it says can be believed is for whoever kept the sections to know.

use std::collections::BTreeMap;

use polity_runtime::table::{Sections, Table, TableData};

use super::{Changes, Unreadable, diff};
use crate::compile::Compiled;
use crate::facts::{self, Properties};

/// The section beside those of the table. No array of a table is called so.
const PROPERTIES: &str = "properties";

/// What a comparison has to know of a revision that compiles.
#[derive(Debug, Clone)]
pub struct Side {
    /// What it answers.
    pub table: Table,
    /// What it says beside the answers.
    pub properties: Properties,
}

/// Compares what two revisions answer, and what no table holds.
///
/// # Errors
/// As [`diff`].
pub fn compare(before: &Side, after: &Side) -> Result<Changes, Unreadable> {
    let (changes, facts) = rayon::join(
        || diff(&before.table, &after.table),
        || facts::compare(&before.properties, &after.properties),
    );
    let facts = facts.ok_or(Unreadable)?;
    Ok(Changes { facts, ..changes? })
}

impl Side {
    /// Takes the table of a tree, and what it says beside; `None` where the tree does not compile.
    pub fn take(compiled: &mut Compiled) -> Option<Self> {
        Some(Self {
            table: compiled.table.take()?,
            properties: Properties::of(&compiled.organization),
        })
    }

    /// As sections, by name; `None` where something in it could not be written.
    pub fn to_sections(&self) -> Option<Sections> {
        let mut sections = self.table.data().to_sections();
        sections.insert(PROPERTIES.to_owned(), self.properties.to_bytes()?);
        Some(sections)
    }

    /// What [`Side::to_sections`] made; `None` of anything else.
    pub fn from_sections(sections: &BTreeMap<&str, &'static [u8]>) -> Option<Self> {
        let mut arrays: BTreeMap<&str, &[u8]> = sections.iter().map(|(name, bytes)| (*name, *bytes)).collect();
        arrays.remove(PROPERTIES)?;
        let properties = sections.get(PROPERTIES)?;
        Some(Self {
            table: Table::new(TableData::from_sections(&arrays).ok()?).ok()?,
            properties: Properties::from_bytes(properties)?,
        })
    }
}
