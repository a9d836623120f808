//! Everything that is compared of one organisation, and its form as bytes: for a revision that is compared again.
//!
//! In: what a side says, or the bytes that were written of it. Out: the other. Whether bytes can be believed is for
//! whoever kept them to know.

use serde::{Deserialize, Serialize};

use super::{Item, Items, Subject};

/// Everything that is compared of one organisation, which is made by [`Properties::of`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties(pub(super) Items);

/// A subject, and what is said of it: most have several properties.
#[derive(Serialize)]
struct Written<'p>(&'p Subject, Vec<(&'static str, &'p Item)>);

/// As [`Written`], read.
#[derive(Deserialize)]
struct Read(Subject, #[serde(borrow)] Vec<(&'static str, Item)>);

impl Properties {
    /// As JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut all: Vec<Written<'_>> = Vec::new();
        for ((subject, what), item) in &self.0 {
            match all.last_mut() {
                Some(Written(last, properties)) if *last == subject => properties.push((what, item)),
                _ => all.push(Written(subject, vec![(what, item)])),
            }
        }
        // No map, and no number that JSON lacks, is in them; what cannot be written cannot be read either.
        serde_json::to_vec(&all).unwrap_or_default()
    }

    /// What [`Properties::to_bytes`] wrote; `None` of anything else. Names of properties stay where they are read, so
    /// the bytes are to stay too.
    pub fn from_bytes(bytes: &'static [u8]) -> Option<Self> {
        let all: Vec<Read> = serde_json::from_slice(bytes).ok()?;
        let items = all.into_iter().flat_map(|Read(subject, properties)| {
            let named = move |(what, item)| ((subject.clone(), what), item);
            properties.into_iter().map(named)
        });
        Some(Self(items.collect()))
    }
}
