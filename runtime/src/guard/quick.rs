//! The tests that stand whole in their node: its three words and the call in, yes, no or why not out. Each answers as
//! the general test would that it stands for; the workspace's comparison with a reference evaluator holds it to that.

use std::cmp::Ordering;

use super::test::{self, Fit, in_order, relation};
use super::{Blame, Call, Node, Term, constant, term};
use crate::table::{Table, join, slice};
use crate::value::{self, Value, same};

/// A number, moment or span against the constant in the node.
#[inline(never)]
pub(super) fn number(&[head, low, high, ..]: &Node, call: &Call<'_>) -> Result<bool, Blame> {
    let (tag, number) = match test::slot(head) {
        None => (constant::DATETIME, call.now),
        Some(slot) => match call.slots.get(slot) {
            Some(Value::Int(number)) => (constant::INT, *number),
            Some(Value::Decimal(number)) => (constant::DECIMAL, *number),
            Some(Value::DateTime(number)) => (constant::DATETIME, *number),
            Some(Value::Duration(number)) => (constant::DURATION, *number),
            other => return other_type(slot, other, test::relation_of(head) == relation::EQUAL),
        },
    };
    let wanted = test::relation_of(head);
    if tag != test::tag(head) {
        return if wanted == relation::EQUAL {
            Ok(false)
        } else {
            Err(Blame::Table)
        };
    }
    let constant = join(low, high);
    let found = match number.cmp(&constant) {
        Ordering::Less => relation::LESS,
        Ordering::Equal => relation::EQUAL,
        Ordering::Greater => relation::GREATER,
    };
    Ok(wanted & found != 0)
}

/// A string against the constant whose place the node says.
#[inline(never)]
pub(super) fn text(&[head, start, length, ..]: &Node, table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let fit = test::fit(head).ok_or(Blame::Table)?;
    let text = match string(head, call, fit == Fit::Equal) {
        Ok(text) => text,
        Err(answer) => return answer,
    };
    if fit == Fit::Equal {
        return Ok(equals(table, text, start, length));
    }
    Ok(fits(table, text, fit, start, length))
}

/// The string of a side; of one that holds none, what a test of it comes to.
#[inline(always)]
fn string<'c>(head: u32, call: &Call<'c>, equality: bool) -> Result<&'c str, Result<bool, Blame>> {
    match test::slot(head) {
        None => call.on_behalf_of.ok_or(Err(Blame::OnBehalfOf)),
        Some(slot) => match call.slots.get(slot) {
            Some(Value::Str(text)) => Ok(text),
            other => Err(other_type(slot, other, equality)),
        },
    }
}

/// A string among the constants whose places the node says.
#[inline(never)]
pub(super) fn among(&[head, first, count, ..]: &Node, table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let text = match string(head, call, true) {
        Ok(text) => text,
        Err(answer) => return answer,
    };
    let (pairs, _) = slice(&table.data().words, first, count.saturating_mul(2)).as_chunks::<2>();
    let text = text.as_bytes();
    // Lengths alone rule out nearly all of a few: no text is read for those.
    Ok(if pairs.len() <= FEW {
        pairs
            .iter()
            .any(|[start, length]| *length as usize == text.len() && same(table.bytes(*start, *length), text))
    } else {
        let found = pairs.binary_search_by(|[start, length]| in_order(table.bytes(*start, *length), text));
        found.is_ok()
    })
}

/// As many constants as are looked at one after the other.
const FEW: usize = 8;

/// Whether a string is its constant. Lengths alone rule out most.
#[inline]
fn equals(table: &Table, text: &str, start: u32, length: u32) -> bool {
    text.len() == length as usize && same(text.as_bytes(), table.bytes(start, length))
}

/// Whether a string stands to its constant as it must. Bytes say what characters would: both are UTF-8.
#[inline]
fn fits(table: &Table, text: &str, fit: Fit, start: u32, length: u32) -> bool {
    let constant = || table.bytes(start, length);
    let bytes = text.as_bytes();
    match fit {
        Fit::Equal => equals(table, text, start, length),
        Fit::Prefix => (bytes.get(..length as usize)).is_some_and(|first| same(first, constant())),
        Fit::Suffix => {
            let rest = bytes.len().checked_sub(length as usize);
            rest.and_then(|at| bytes.get(at..))
                .is_some_and(|last| same(last, constant()))
        }
        Fit::Any => true,
        Fit::Pattern => value::glob(&[(text, false)], slice(&table.data().words, start, length)),
        Fit::Never => false,
    }
}

/// A resource against a glob, slot by slot. All slots are looked at: one that cannot be read is an error, whatever
/// the others say.
#[inline(never)]
pub(super) fn resource(&[head, _, first, ..]: &Node, table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let (steps, _) = slice(&table.data().words, first, (head >> 16) * 3).as_chunks::<3>();
    let mut matches = true;
    for words in steps {
        matches &= step(*words, table, call)?;
    }
    Ok(matches)
}

#[inline]
fn step([head, start, length]: [u32; 3], table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let slot = head >> 16;
    let fit = test::fit(head).ok_or(Blame::Table)?;
    let text: &str = match call.slots.get(slot as usize) {
        Some(Value::Str(text)) => text,
        other => return other_step(slot, other, |text| fits(table, text, fit, start, length)),
    };
    if !test::is_free(head) && !value::safe_in_resource(text) {
        return Err(Blame::Resource(slot));
    }
    Ok(fits(table, text, fit, start, length))
}

/// A step whose slot holds no string: what stands in the resource for it, if anything does, is safe.
#[cold]
fn other_step(slot: u32, value: Option<&Value<'_>>, fits: impl Fn(&str) -> bool) -> Result<bool, Blame> {
    match value {
        Some(Value::Bool(true)) => Ok(fits("true")),
        Some(Value::Bool(false)) => Ok(fits("false")),
        Some(Value::Int(number)) => Ok(fits(&number.to_string())),
        Some(value) => Err(term::blame(slot, value)),
        None => Err(Blame::Table),
    }
}

/// Whether a slot, or somebody for whom the agent works, is there.
#[inline(never)]
pub(super) fn has(&[_, left, ..]: &Node, call: &Call<'_>) -> Result<bool, Blame> {
    match Term::decode(left) {
        Some(Term::Slot(slot)) => match call.slots.get(slot as usize) {
            Some(Value::Absent) => Ok(false),
            Some(_) => Ok(true),
            None => Err(Blame::Table),
        },
        Some(Term::OnBehalfOf) => Ok(call.on_behalf_of.is_some()),
        _ => Err(Blame::Table),
    }
}

/// Whether the session holds a class.
#[inline(never)]
pub(super) fn holds(&[_, _, right, ..]: &Node, call: &Call<'_>) -> Result<bool, Blame> {
    match Term::decode(right) {
        Some(Term::Class(class)) => Ok(call.holding.contains(class)),
        _ => Err(Blame::Table),
    }
}

/// A slot that does not hold what its constant is: one that cannot be read errs; a value of another type is not equal,
/// and in no order.
#[cold]
fn other_type(slot: usize, value: Option<&Value<'_>>, equality: bool) -> Result<bool, Blame> {
    let slot = u32::try_from(slot).map_err(|_| Blame::Table)?;
    match value {
        Some(value @ (Value::Absent | Value::Invalid(_) | Value::Present)) => Err(term::blame(slot, value)),
        Some(_) if equality => Ok(false),
        _ => Err(Blame::Table),
    }
}
