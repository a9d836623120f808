//! The tests that stand whole in their node: its three words and the call in, yes, no or why not out. Each answers as
//! the general test would that it stands for; the workspace's comparison with a reference evaluator holds it to that.

use super::test::{self, Fit, relation};
use super::{Blame, Call, Term, constant, term};
use crate::table::{Table, join, slice};
use crate::value::{self, Value};

/// A number, moment or span against the constant in the node.
#[inline]
pub(super) fn number(words: [u32; 3], call: &Call<'_>) -> Result<bool, Blame> {
    let [_, low, high] = words;
    let (tag, number) = match test::slot(words) {
        None => (constant::DATETIME, call.now),
        Some(slot) => match call.slots.get(slot) {
            Some(Value::Int(number)) => (constant::INT, *number),
            Some(Value::Decimal(number)) => (constant::DECIMAL, *number),
            Some(Value::DateTime(number)) => (constant::DATETIME, *number),
            Some(Value::Duration(number)) => (constant::DURATION, *number),
            other => return other_type(slot, other, test::relation_of(words) == relation::EQUAL),
        },
    };
    let wanted = test::relation_of(words);
    if tag != test::tag(words) {
        return if wanted == relation::EQUAL {
            Ok(false)
        } else {
            Err(Blame::Table)
        };
    }
    let constant = join(low, high);
    let found = match number.cmp(&constant) {
        std::cmp::Ordering::Less => relation::LESS,
        std::cmp::Ordering::Equal => relation::EQUAL,
        std::cmp::Ordering::Greater => relation::GREATER,
    };
    Ok(wanted & found != 0)
}

/// A string against the constant whose place the node says.
#[inline]
pub(super) fn text(words: [u32; 3], table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let [_, start, length] = words;
    let fit = test::fit(words).ok_or(Blame::Table)?;
    let text: &str = match test::slot(words) {
        None => call.on_behalf_of.ok_or(Blame::OnBehalfOf)?,
        Some(slot) => match call.slots.get(slot) {
            Some(Value::Str(text)) => text,
            other => return other_type(slot, other, fit == Fit::Equal),
        },
    };
    Ok(fits(table, text, fit, start, length))
}

/// Whether a string stands to its constant as it must. Bytes say what characters would: both are UTF-8.
#[inline]
fn fits(table: &Table, text: &str, fit: Fit, start: u32, length: u32) -> bool {
    let text_bytes = text.as_bytes();
    match fit {
        Fit::Equal => text_bytes == table.bytes(start, length),
        Fit::Prefix => text_bytes.starts_with(table.bytes(start, length)),
        Fit::Suffix => text_bytes.ends_with(table.bytes(start, length)),
        Fit::Any => true,
        Fit::Pattern => value::glob(&[(text, false)], slice(&table.data().words, start, length)),
        Fit::Never => false,
    }
}

/// A resource against a glob, slot by slot. All slots are looked at: one that cannot be read is an error, whatever
/// the others say.
#[inline]
pub(super) fn resource([head, _, first]: [u32; 3], table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let (steps, _) = slice(&table.data().words, first, (head >> 16) * 3).as_chunks::<3>();
    let mut matches = true;
    for words in steps {
        matches &= step(*words, table, call)?;
    }
    Ok(matches)
}

#[inline]
fn step(words: [u32; 3], table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let [head, start, length] = words;
    let slot = head >> 16;
    let fit = test::fit(words).ok_or(Blame::Table)?;
    let text: &str = match call.slots.get(slot as usize).ok_or(Blame::Table)? {
        Value::Str(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Int(number) => return Ok(fits(table, &number.to_string(), fit, start, length)),
        value => return Err(term::blame(slot, value)),
    };
    if !test::is_free(words) && !value::safe_in_resource(text) {
        return Err(Blame::Resource(slot));
    }
    Ok(fits(table, text, fit, start, length))
}

/// Whether a slot, or somebody for whom the agent works, is there.
#[inline]
pub(super) fn has([_, left, _]: [u32; 3], call: &Call<'_>) -> Result<bool, Blame> {
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
#[inline]
pub(super) fn holds([_, _, right]: [u32; 3], call: &Call<'_>) -> Result<bool, Blame> {
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
