//! The values that are compared, and which way a change of each goes.
//!
//! In: the value of one thing before and after. Out: a direction, and both as text for a person. Where an order is
//! named, it is that of strictness; a change that no order settles widens.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::wire::Timestamp;
use serde::{Deserialize, Serialize};

use super::Direction::{self, Narrowed, Neutral, Widened};
use crate::ast::{Evidence, Millis, Moment, Rate};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Value {
    /// The subject is there; which way it goes if it comes, and if it goes.
    Exists { comes: Direction, goes: Direction },
    /// Not said of the subject itself, only of its parts.
    Silent,
    /// Fewer are stricter; none given means all. What covers all others is `*`.
    Fewer(Option<BTreeSet<String>>),
    /// More are stricter.
    More(BTreeSet<String>),
    /// Less is stricter, and so is any bound where there was none.
    Less(Option<i64>),
    /// As [`Value::Less`], of a length of time.
    Shorter(Option<Millis>),
    /// As [`Value::Less`], of a moment at which something ends.
    Sooner(Option<Moment>),
    /// Slower is stricter, and so is any rate where there was none.
    Slower(Option<Rate>),
    /// Greater is stricter: the place in an order, and how it is spelled.
    Stricter(i64, String),
    /// False is stricter.
    No(bool),
    /// True is stricter.
    Yes(bool),
    /// This text is the strictest; no other is proved stricter than another.
    Best(String, String),
    /// Any change widens.
    Any(Option<String>),
    /// No change matters.
    Plain(Option<String>),
    /// Whose approval is needed; none where nobody's is.
    Approval(Option<Approved>),
}

/// Whose approval is needed, and how it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Approved {
    pub(super) require: Vec<Seats>,
    /// None where it is not asked within a time.
    pub(super) timeout: Option<Millis>,
    pub(super) separation: bool,
    pub(super) evidence: Evidence,
    /// It is asked of a team's owners too, and this is what it is without them: each team says the whole.
    pub(super) partial: bool,
}

/// So many of these people, each with their keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Seats {
    pub(super) count: u32,
    pub(super) people: BTreeMap<String, BTreeSet<String>>,
}

/// Which way a change goes. `None` where it is no change of the subject that anybody is to hear of.
pub(super) fn direction(before: Option<&Value>, after: Option<&Value>) -> Option<Direction> {
    let settled = |narrowed: bool| if narrowed { Narrowed } else { Widened };
    Some(match (before, after) {
        (None, None) | (Some(Value::Silent), _) | (_, Some(Value::Silent)) => return None,
        (Some(Value::Approval(Some(one))), _) | (_, Some(Value::Approval(Some(one)))) if one.partial => return None,
        (None, Some(Value::Exists { comes, .. })) => *comes,
        (Some(Value::Exists { goes, .. }), None) => *goes,
        // How it would come and go is no property of it.
        (Some(Value::Exists { .. }), Some(Value::Exists { .. })) => return None,
        (Some(Value::Plain(_)), None) | (None | Some(Value::Plain(_)), Some(Value::Plain(_))) => Neutral,
        (Some(Value::Fewer(before)), Some(Value::Fewer(after))) => settled(match (before, after) {
            (None, _) => true,
            (_, None) => false,
            (Some(before), Some(after)) => before.contains("*") || after.is_subset(before),
        }),
        (Some(Value::More(before)), Some(Value::More(after))) => settled(after.is_superset(before)),
        (Some(Value::Less(before)), Some(Value::Less(after))) => settled(lower(*before, *after)),
        (Some(Value::Shorter(before)), Some(Value::Shorter(after))) => settled(lower(*before, *after)),
        (Some(Value::Sooner(before)), Some(Value::Sooner(after))) => settled(lower(*before, *after)),
        (Some(Value::Slower(before)), Some(Value::Slower(after))) => settled(match (before, after) {
            (None, _) => true,
            (_, None) => false,
            (Some(before), Some(after)) => slower(*before, *after),
        }),
        (Some(Value::Stricter(before, _)), Some(Value::Stricter(after, _))) => settled(after > before),
        (Some(Value::No(_)), Some(Value::No(after))) => settled(!after),
        (Some(Value::Yes(_)), Some(Value::Yes(after))) => settled(*after),
        (None | Some(Value::Best(..)), Some(Value::Best(after, best))) => settled(after == best),
        (Some(Value::Approval(before)), Some(Value::Approval(after))) => settled(match (before, after) {
            (None, _) => true,
            (_, None) => false,
            (Some(before), Some(after)) => after.satisfies(before),
        }),
        // A property that only one side has, or one whose sort is another.
        _ => Widened,
    })
}

/// Whether a bound is at most another; none is no bound.
fn lower<T: Ord>(before: Option<T>, after: Option<T>) -> bool {
    match (before, after) {
        (None, _) => true,
        (_, None) => false,
        (Some(before), Some(after)) => after <= before,
    }
}

/// Whether a bucket holds no more, and is filled no faster: then it never lets through what the other stops.
fn slower(before: Rate, after: Rate) -> bool {
    let speed = |rate: Rate, other: Rate| i128::from(rate.count) * i128::from(other.per.0);
    after.count <= before.count && speed(after, before) <= speed(before, after)
}

impl Approved {
    /// Whether whatever satisfies this satisfies the other too.
    fn satisfies(&self, other: &Self) -> bool {
        let in_time = match (self.timeout, other.timeout) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(others)) => own <= others,
        };
        in_time
            && (self.separation || !other.separation)
            && self.evidence >= other.evidence
            && self.fills(&other.require)
    }

    /// Whether for each of the other's requirements there is one here that is as strict, each for one.
    fn fills(&self, others: &[Seats]) -> bool {
        let mut free: Vec<&Seats> = self.require.iter().collect();
        // The most particular first: what only few take is not given to one that is content with more.
        let mut wanted: Vec<&Seats> = others.iter().collect();
        wanted.sort_by_key(|seats| seats.people.len());
        wanted.into_iter().all(|other| {
            let found = free.iter().position(|own| own.implies(other));
            found.map(|at| free.remove(at)).is_some()
        })
    }
}

impl Seats {
    /// Whether people who fill these seats fill the others: as many, and none who was not among them, by no other key.
    fn implies(&self, other: &Self) -> bool {
        self.count >= other.count
            && self.people.iter().all(|(name, keys)| {
                let known = other.people.get(name);
                known.is_some_and(|known| keys.is_subset(known))
            })
    }

    fn said(&self, keys: bool) -> String {
        let people = self.people.iter().map(|(name, of)| match keys && !of.is_empty() {
            true => format!("{name} [{}]", joined(of)),
            false => name.clone(),
        });
        let people: Vec<String> = people.collect();
        format!("{} of {}", self.count, people.join(", "))
    }
}

/// Both sides for a person. Keys are shown where nothing else tells them apart.
pub(super) fn said(before: Option<&Value>, after: Option<&Value>) -> (Option<String>, Option<String>) {
    let plain = (
        before.map(|value| value.said(false)),
        after.map(|value| value.said(false)),
    );
    match plain.0 == plain.1 {
        true => (
            before.map(|value| value.said(true)),
            after.map(|value| value.said(true)),
        ),
        false => plain,
    }
}

impl Value {
    fn said(&self, keys: bool) -> String {
        let nothing = || "nothing".to_owned();
        match self {
            Self::Exists { .. } | Self::Silent => "there".to_owned(),
            Self::Fewer(None) => "all".to_owned(),
            Self::Fewer(Some(set)) | Self::More(set) => match set.is_empty() {
                true => "none".to_owned(),
                false => joined(set),
            },
            Self::Less(bound) => bound.map_or_else(|| "no bound".to_owned(), |bound| bound.to_string()),
            Self::Shorter(bound) => bound.map_or_else(|| "no bound".to_owned(), |bound| bound.to_string()),
            Self::Sooner(end) => end.map_or_else(|| "no end".to_owned(), moment),
            Self::Slower(rate) => rate.map_or_else(
                || "no limit".to_owned(),
                |rate| format!("{} in {}", rate.count, rate.per),
            ),
            Self::Stricter(_, text) | Self::Best(text, _) => text.clone(),
            Self::No(flag) | Self::Yes(flag) => flag.to_string(),
            Self::Any(text) | Self::Plain(text) => text.clone().unwrap_or_else(nothing),
            Self::Approval(None) => "nobody's approval".to_owned(),
            Self::Approval(Some(approved)) => {
                let seats: Vec<String> = approved.require.iter().map(|seats| seats.said(keys)).collect();
                let within = approved
                    .timeout
                    .map_or_else(String::new, |timeout| format!(" within {timeout}"));
                let separation = if approved.separation {
                    ""
                } else {
                    ", without separation"
                };
                let evidence = match approved.evidence {
                    Evidence::Forge => "forge",
                    Evidence::Signed => "signed",
                    Evidence::Present => "present",
                };
                format!("{}{within}, {evidence} evidence{separation}", seats.join(" and "))
            }
        }
    }
}

fn joined(set: &BTreeSet<String>) -> String {
    set.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn moment(millis: Moment) -> String {
    Timestamp::from_millis(millis).map_or_else(|| format!("{millis} ms since 1970"), |moment| moment.to_string())
}
