//! Everything that is compared of one organisation, as it was worked out or as it was written down: for a revision that
//! is compared again.
//!
//! In: what a side says, or the bytes that were written of it. Out: what two sides may differ in. Records that are equal
//! byte for byte say the same and are not read. Whether bytes can be believed is for whoever kept them to know.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Item, Items, Subject};

/// Everything that is compared of one organisation, which [`Properties::of`] works out.
#[derive(Debug, Clone)]
pub struct Properties(Form);

#[derive(Debug, Clone)]
enum Form {
    WorkedOut(Items),
    /// A record for each subject, in the order of subjects. Names of properties stay where they are read, so the bytes
    /// are to stay too.
    Written(Vec<&'static [u8]>),
}

/// A subject, and what is said of it: most have several properties.
#[derive(Serialize)]
struct Said<'p>(&'p Subject, Vec<(&'static str, &'p Item)>);

/// As [`Said`], read.
#[derive(Deserialize)]
struct Record(Subject, #[serde(borrow)] Vec<(&'static str, Item)>);

impl From<Items> for Properties {
    fn from(items: Items) -> Self {
        Self(Form::WorkedOut(items))
    }
}

impl Properties {
    /// As bytes: each record with its length before it. `None` where one could not be written.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut put = |record: &[u8]| {
            bytes.extend(u32::try_from(record.len()).ok()?.to_le_bytes());
            bytes.extend(record);
            Some(())
        };
        match &self.0 {
            Form::Written(records) => records.iter().try_for_each(|record| put(record))?,
            Form::WorkedOut(items) => {
                let mut said: Option<Said<'_>> = None;
                for ((subject, what), item) in items {
                    match &mut said {
                        Some(Said(last, properties)) if *last == subject => properties.push((what, item)),
                        _ => {
                            if let Some(complete) = said.replace(Said(subject, vec![(what, item)])) {
                                put(&postcard::to_allocvec(&complete).ok()?)?;
                            }
                        }
                    }
                }
                if let Some(last) = said {
                    put(&postcard::to_allocvec(&last).ok()?)?;
                }
            }
        }
        Some(bytes)
    }

    /// What [`Properties::to_bytes`] wrote; `None` of what is cut short.
    pub fn from_bytes(mut bytes: &'static [u8]) -> Option<Self> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk()?;
            let (record, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            records.push(record);
            bytes = rest;
        }
        Some(Self(Form::Written(records)))
    }

    /// All of it.
    fn items(&self) -> Option<Cow<'_, Items>> {
        Some(match &self.0 {
            Form::WorkedOut(items) => Cow::Borrowed(items),
            Form::Written(records) => {
                let mut items = Items::new();
                for record in records {
                    put(read(record)?, &mut items);
                }
                Cow::Owned(items)
            }
        })
    }
}

/// Of both sides what either says otherwise, and what that has to be compared with. `None` where a record cannot be
/// read.
pub(super) fn differing<'p>(before: &'p Properties, after: &'p Properties) -> Option<[Cow<'p, Items>; 2]> {
    match (&before.0, &after.0) {
        (Form::Written(before), Form::Written(after)) => Some(apart(before, after)?.map(Cow::Owned)),
        _ => Some([before.items()?, after.items()?]),
    }
}

fn apart(before: &[&'static [u8]], after: &[&'static [u8]]) -> Option<[Items; 2]> {
    let mut items = [Items::new(), Items::new()];
    let [left, right] = &mut items;
    let (mut befores, mut afters) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let (one, other) = match (befores.peek(), afters.peek()) {
            (None, None) => break,
            (Some(one), Some(other)) if one == other => {
                befores.next();
                afters.next();
                continue;
            }
            (one, other) => (
                one.map_or(Some(None), |one| read(one).map(Some))?,
                other.map_or(Some(None), |other| read(other).map(Some))?,
            ),
        };
        let (takes_before, takes_after) = match (&one, &other) {
            (Some(Record(one, _)), Some(Record(other, _))) => (one <= other, other <= one),
            (one, other) => (one.is_some(), other.is_some()),
        };
        if let Some(record) = one.filter(|_| takes_before) {
            put(record, left);
            befores.next();
        }
        if let Some(record) = other.filter(|_| takes_after) {
            put(record, right);
            afters.next();
        }
    }
    // What is asked for one team is compared with what is asked for all of them alike.
    let of_teams = left.keys().chain(right.keys()).map(|(subject, _)| subject);
    let of_teams = of_teams.filter(|subject| subject.team.is_some());
    let alike: Vec<Subject> = of_teams
        .map(|subject| Subject {
            team: None,
            ..subject.clone()
        })
        .collect();
    for subject in alike {
        for (records, items) in [(before, &mut *left), (after, &mut *right)] {
            if let Some(record) = find(records, &subject)? {
                put(record, items);
            }
        }
    }
    Some(items)
}

/// The record of a subject, where there is one. `None` where a record cannot be read.
fn find(records: &[&'static [u8]], subject: &Subject) -> Option<Option<Record>> {
    let mut readable = true;
    let found = records.binary_search_by(|record| match read(record) {
        Some(Record(of, _)) => of.cmp(subject),
        None => {
            readable = false;
            std::cmp::Ordering::Less
        }
    });
    if !readable {
        return None;
    }
    match found.ok().and_then(|at| records.get(at)) {
        Some(record) => read(record).map(Some),
        None => Some(None),
    }
}

fn read(record: &'static [u8]) -> Option<Record> {
    let (record, rest) = postcard::take_from_bytes(record).ok()?;
    rest.is_empty().then_some(record)
}

fn put(Record(subject, properties): Record, items: &mut Items) {
    for (what, item) in properties {
        items.insert((subject.clone(), what), item);
    }
}
