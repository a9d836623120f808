//! The tests that stand whole in their node: its three words and the call in, yes, no or why not out. Each answers as
//! the general test would that it stands for; the workspace's comparison with a reference evaluator holds it to that.

use std::cmp::Ordering;

use super::test::{self, Fit, in_order, relation};
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
        Ordering::Less => relation::LESS,
        Ordering::Equal => relation::EQUAL,
        Ordering::Greater => relation::GREATER,
    };
    Ok(wanted & found != 0)
}

/// A string against the constant whose place the node says.
#[inline]
pub(super) fn text(words: [u32; 3], table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let [_, start, length] = words;
    let fit = test::fit(words).ok_or(Blame::Table)?;
    let text = match string(words, call, fit == Fit::Equal) {
        Ok(text) => text,
        Err(answer) => return answer,
    };
    Ok(fits(table, text, fit, start, length))
}

/// The string of a side; of one that holds none, what a test of it comes to.
#[inline(always)]
fn string<'c>(words: [u32; 3], call: &Call<'c>, equality: bool) -> Result<&'c str, Result<bool, Blame>> {
    match test::slot(words) {
        None => call.on_behalf_of.ok_or(Err(Blame::OnBehalfOf)),
        Some(slot) => match call.slots.get(slot) {
            Some(Value::Str(text)) => Ok(text),
            other => Err(other_type(slot, other, equality)),
        },
    }
}

/// A string among the constants whose places the node says.
#[inline(never)]
pub(super) fn among(words: [u32; 3], table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let [_, first, count] = words;
    let text = match string(words, call, true) {
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

/// Equality of bytes, most of which are few: those are compared here, without asking a function for it.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    const HALF: usize = 8;
    if a.len() != b.len() || a.len() > 2 * HALF {
        return a == b;
    }
    // The first eight and the last eight are all there is; likewise of four.
    if let (Some(first), Some(last)) = (a.first_chunk::<HALF>(), a.last_chunk::<HALF>()) {
        return b.first_chunk() == Some(first) && b.last_chunk() == Some(last);
    }
    if let (Some(first), Some(last)) = (a.first_chunk::<4>(), a.last_chunk::<4>()) {
        return b.first_chunk() == Some(first) && b.last_chunk() == Some(last);
    }
    a.iter().eq(b)
}

/// As many constants as are looked at one after the other.
const FEW: usize = 8;

/// Whether a string stands to its constant as it must. Bytes say what characters would: both are UTF-8.
#[inline]
fn fits(table: &Table, text: &str, fit: Fit, start: u32, length: u32) -> bool {
    let constant = || table.bytes(start, length);
    let bytes = text.as_bytes();
    match fit {
        Fit::Equal => bytes.len() == length as usize && same(bytes, constant()),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length up to well beyond what is compared in place, and a difference at every byte.
    #[test]
    fn bytes_are_the_same_where_each_of_them_is() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(same(&bytes, &bytes.clone()), "{length}");
            assert!(!same(&bytes, &[&bytes[..], b"x"].concat()), "{length}");
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 1;
                assert!(!same(&bytes, &other), "{length} {at}");
            }
        }
    }
}
