//! Terms: what a test compares. Reading one gives a value or says why it cannot be had.

use std::borrow::Cow;

use super::operand::Operand;
use super::{Blame, Call, Function, Term, constant, resource};
use crate::table::{ClassId, Table, slice};
use crate::value::{self, Value};

/// Milliseconds of a day, and of the units of a duration.
const DAY: i64 = 86_400_000;

/// The value of a term.
#[inline]
pub(crate) fn read<'a>(table: &'a Table, term: Term, call: &Call<'a>) -> Result<Operand<'a>, Blame> {
    match term {
        Term::Slot(slot) => match call.slots.get(slot as usize) {
            Some(value) => Operand::of_value(value).ok_or_else(|| blame(slot, value)),
            None => Err(Blame::Table),
        },
        Term::Constant(id) => Operand::of_constant(table, id).ok_or(Blame::Table),
        Term::Now => Ok(Operand::DateTime(call.now)),
        Term::Calls => Ok(Operand::Int(call.calls)),
        Term::OnBehalfOf => call
            .on_behalf_of
            .map(|name| Operand::Str(Cow::Borrowed(name)))
            .ok_or(Blame::OnBehalfOf),
        Term::Holding => {
            let names = call
                .holding
                .iter()
                .map(|class| Operand::Str(Cow::Borrowed(table.class_name(ClassId(class)))));
            Ok(Operand::Made(names.collect()))
        }
        Term::Apply(id) => apply(table, id, call),
        Term::Nothing | Term::Pattern(_) | Term::Class(_) | Term::Program(_) => Err(Blame::Table),
    }
}

/// Why a slot cannot be read.
#[cold]
pub(super) fn blame(slot: u32, value: &Value<'_>) -> Blame {
    match value {
        Value::Absent => Blame::Missing(slot),
        Value::Invalid(fault) => Blame::Argument(slot, *fault),
        _ => Blame::Table,
    }
}

/// The value of a function. Operands refer only to earlier terms, so this ends.
fn apply<'a>(table: &'a Table, id: u32, call: &Call<'a>) -> Result<Operand<'a>, Blame> {
    let &[function, first, count] = table.data().terms.get(id as usize).ok_or(Blame::Table)?;
    let function = Function::from_word(function).ok_or(Blame::Table)?;
    let operands = table.words(first, count);
    let operand = |word: u32| {
        let term = Term::decode(word).ok_or(Blame::Table)?;
        match term {
            Term::Apply(inner) if inner >= id => Err(Blame::Table),
            term => read(table, term, call),
        }
    };
    match function {
        Function::Set => {
            return operands
                .iter()
                .map(|word| operand(*word))
                .collect::<Result<_, _>>()
                .map(Operand::Made);
        }
        Function::Resource => {
            let pieces = pieces(table, pairs(table, id)?, call)?;
            return Ok(Operand::Str(pieces.iter().map(|(text, _)| text.as_ref()).collect()));
        }
        // Documents are made by whoever asks a program.
        Function::List | Function::Record => return Err(Blame::Table),
        _ => {}
    }
    match *operands {
        [only] => unary(function, &operand(only)?),
        [left, right] => {
            let left = operand(left)?;
            binary(function, &left, &operand(right)?)
        }
        _ => Err(Blame::Table),
    }
}

fn unary<'a>(function: Function, operand: &Operand<'_>) -> Result<Operand<'a>, Blame> {
    Ok(match (function, operand) {
        (Function::Negate, Operand::Int(a)) => Operand::Int(a.checked_neg().ok_or(Blame::Overflow)?),
        (Function::ToDate, Operand::DateTime(a)) => {
            Operand::DateTime(a.div_euclid(DAY).checked_mul(DAY).ok_or(Blame::Overflow)?)
        }
        (Function::ToTime, Operand::DateTime(a)) => Operand::Duration(a.rem_euclid(DAY)),
        (Function::ToMilliseconds, Operand::Duration(a)) => Operand::Int(*a),
        (Function::ToSeconds, Operand::Duration(a)) => Operand::Int(a / 1000),
        (Function::ToMinutes, Operand::Duration(a)) => Operand::Int(a / 60_000),
        (Function::ToHours, Operand::Duration(a)) => Operand::Int(a / 3_600_000),
        (Function::ToDays, Operand::Duration(a)) => Operand::Int(a / DAY),
        (Function::Count, set) => Operand::Int(set.count()?),
        _ => return Err(Blame::Table),
    })
}

fn binary<'a>(function: Function, left: &Operand<'_>, right: &Operand<'_>) -> Result<Operand<'a>, Blame> {
    let value = match (function, left, right) {
        (Function::Add, Operand::Int(a), Operand::Int(b)) => a.checked_add(*b).map(Operand::Int),
        (Function::Subtract, Operand::Int(a), Operand::Int(b)) => a.checked_sub(*b).map(Operand::Int),
        (Function::Multiply, Operand::Int(a), Operand::Int(b)) => a.checked_mul(*b).map(Operand::Int),
        (Function::Offset, Operand::DateTime(a), Operand::Duration(b)) => a.checked_add(*b).map(Operand::DateTime),
        (Function::DurationSince, Operand::DateTime(a), Operand::DateTime(b)) => {
            a.checked_sub(*b).map(Operand::Duration)
        }
        _ => return Err(Blame::Table),
    };
    value.ok_or(Blame::Overflow)
}

/// A pattern: its length stands before it.
#[inline]
pub(super) fn pattern(table: &Table, at: u32) -> &[u32] {
    match table.data().words.get(at as usize) {
        Some(length) => slice(&table.data().words, at.saturating_add(1), *length),
        None => &[],
    }
}

/// As many pieces as most resources have: more are put together on the heap.
const FEW: usize = 8;

/// Whether a resource matches a glob. A resource is a string, or pieces of which some are folded.
pub(super) fn glob(table: &Table, term: Term, glob: &[u32], call: &Call<'_>) -> Result<bool, Blame> {
    match term {
        Term::Apply(id) => in_pieces(table, id, call, |parts| value::glob(parts, glob)),
        // A slot that fills a whole segment, or stands alone.
        Term::Slot(slot) => match read(table, term, call)? {
            Operand::Str(text) if value::safe_in_resource(&text) => Ok(value::glob(&[(&text, false)], glob)),
            Operand::Str(_) => Err(Blame::Resource(slot)),
            _ => Err(Blame::Table),
        },
        _ => Err(Blame::Table),
    }
}

/// Whether a resource's name matches a pattern of `like`: its case counts everywhere, and a star takes a `/` too.
pub(super) fn like(table: &Table, id: u32, pattern: &[u32], call: &Call<'_>) -> Result<bool, Blame> {
    in_pieces(table, id, call, |parts| {
        parts.iter_mut().for_each(|(_, folded)| *folded = false);
        value::glob(parts, pattern)
    })
}

/// What a resource's pieces come to, without putting them together where they are written somewhere.
fn in_pieces<'a>(
    table: &'a Table,
    id: u32,
    call: &Call<'a>,
    matches: impl Fn(&mut [(&str, bool)]) -> bool,
) -> Result<bool, Blame> {
    let pairs = pairs(table, id)?;
    let mut few = [("", false); FEW];
    if let Some(parts) = few.get_mut(..pairs.len())
        && borrowed(table, pairs, call, parts)?
    {
        return Ok(matches(parts));
    }
    let pieces = pieces(table, pairs, call)?;
    let mut parts: Vec<(&str, bool)> = pieces.iter().map(|(text, folded)| (text.as_ref(), *folded)).collect();
    Ok(matches(&mut parts))
}

/// A resource's operands: flags and a term each.
#[inline]
fn pairs(table: &Table, id: u32) -> Result<&[[u32; 2]], Blame> {
    let &[function, first, count] = table.data().terms.get(id as usize).ok_or(Blame::Table)?;
    match table.words(first, count).as_chunks::<2>() {
        (pairs, []) if Function::from_word(function) == Some(Function::Resource) => Ok(pairs),
        _ => Err(Blame::Table),
    }
}

/// Puts a resource together: its pieces, each with whether it is folded.
fn pieces<'a>(table: &'a Table, pairs: &[[u32; 2]], call: &Call<'a>) -> Result<Vec<(Cow<'a, str>, bool)>, Blame> {
    let piece = |pair: &[u32; 2]| {
        let text = match piece(table, pair, call)? {
            Piece::Text(text) => Cow::Borrowed(text),
            Piece::Number(value) => Cow::Owned(value.to_string()),
        };
        Ok((text, pair[0] & resource::FOLDED != 0))
    };
    pairs.iter().map(piece).collect()
}

/// The same into memory that is there already. Gives false where a piece is not written anywhere yet.
#[inline]
fn borrowed<'a>(
    table: &'a Table,
    pairs: &[[u32; 2]],
    call: &Call<'a>,
    parts: &mut [(&'a str, bool)],
) -> Result<bool, Blame> {
    for (pair, part) in pairs.iter().zip(parts) {
        let Piece::Text(text) = piece(table, pair, call)? else {
            return Ok(false);
        };
        *part = (text, pair[0] & resource::FOLDED != 0);
    }
    Ok(true)
}

/// What stands in a resource for an operand.
enum Piece<'a> {
    Text(&'a str),
    Number(i64),
}

#[inline]
fn piece<'a>(table: &'a Table, &[flags, word]: &[u32; 2], call: &Call<'a>) -> Result<Piece<'a>, Blame> {
    let slot = match Term::decode(word).ok_or(Blame::Table)? {
        Term::Slot(slot) => slot,
        Term::Constant(id) => {
            return match table.data().constants.get(id as usize) {
                Some(&[constant::STRING, _, start, length, ..]) => Ok(Piece::Text(table.text(start, length))),
                _ => Err(Blame::Table),
            };
        }
        _ => return Err(Blame::Table),
    };
    let text: &'a str = match call.slots.get(slot as usize).ok_or(Blame::Table)? {
        Value::Str(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Int(value) => return Ok(Piece::Number(*value)),
        value => return Err(blame(slot, value)),
    };
    if flags & resource::FREE == 0 && !value::safe_in_resource(text) {
        return Err(Blame::Resource(slot));
    }
    Ok(Piece::Text(text))
}
