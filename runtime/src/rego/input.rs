//! What a program is handed: a document of the call's values in the shape that a term of the table gives it.
//!
//! What does not depend on the call is made once at load, and shared by all calls.

use std::collections::BTreeMap;

use regorus::Value;

use crate::guard::{self, Blame, Call, Function, Operand, Term, record};
use crate::table::{Table, slice};
use crate::value;
use crate::wire::Timestamp;

/// How deep the document may be: deeper than arguments can be nested.
const MAX_DEPTH: usize = value::MAX_DEPTH + 4;

/// A part of the document.
#[derive(Debug)]
pub(super) enum Template {
    /// The same for every call.
    Fixed(Value),
    /// A value of the call.
    Read(Term),
    List(Vec<Template>),
    Object(Vec<Field>),
}

#[derive(Debug)]
pub(super) struct Field {
    key: Value,
    /// Left out where `there` is absent.
    optional: bool,
    /// What tells whether it is there, and readable; nothing for what always is.
    there: Term,
    value: Template,
}

impl Template {
    /// The document that a term describes.
    pub(super) fn new(table: &Table, id: u32) -> Option<Self> {
        Self::term(table, Term::Apply(id), 0)
    }

    fn term(table: &Table, term: Term, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        let id = match term {
            Term::Constant(id) => return plain(table, &Operand::of_constant(table, id)?).ok().map(Self::Fixed),
            Term::Apply(id) => id,
            other => return Some(Self::Read(other)),
        };
        let &[function, first, count] = table.data().terms.get(id as usize)?;
        let words = slice(&table.data().words, first, count);
        let inner = |word: u32| match Term::decode(word)? {
            Term::Apply(inner) if inner >= id => None,
            term => Self::term(table, term, depth + 1),
        };
        match Function::from_word(function)? {
            Function::List => {
                let items: Vec<Self> = words.iter().map(|word| inner(*word)).collect::<Option<_>>()?;
                Some(match items.iter().map(Self::fixed).collect::<Option<Vec<Value>>>() {
                    Some(values) => Self::Fixed(Value::from(values)),
                    None => Self::List(items),
                })
            }
            Function::Record => {
                let field = |&[key, flags, there, value]: &[u32; 4]| {
                    Some(Field {
                        key: Value::from(table.string(key)),
                        optional: flags & record::OPTIONAL != 0,
                        there: Term::decode(there)?,
                        value: inner(value)?,
                    })
                };
                let fields: Vec<Field> = words.as_chunks::<4>().0.iter().map(field).collect::<Option<_>>()?;
                let known = |field: &Field| match field.there {
                    Term::Nothing => Some((field.key.clone(), field.value.fixed()?)),
                    _ => None,
                };
                Some(match fields.iter().map(known).collect::<Option<BTreeMap<_, _>>>() {
                    Some(values) => Self::Fixed(Value::from(values)),
                    None => Self::Object(fields),
                })
            }
            _ => Some(Self::Read(term)),
        }
    }

    fn fixed(&self) -> Option<Value> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// The document for a call, or why a value in it cannot be had.
    pub(super) fn make(&self, table: &Table, call: &Call<'_>) -> Result<Value, Blame> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Read(term) => plain(table, &guard::read(table, *term, call)?),
            Self::List(items) => {
                let items: Vec<Value> = items
                    .iter()
                    .map(|item| item.make(table, call))
                    .collect::<Result<_, _>>()?;
                Ok(Value::from(items))
            }
            Self::Object(fields) => {
                let mut object = BTreeMap::new();
                for field in fields {
                    if field.is_there(call)? {
                        object.insert(field.key.clone(), field.value.make(table, call)?);
                    }
                }
                Ok(Value::from(object))
            }
        }
    }
}

impl Field {
    /// Whether it stands in the document of a call; errs where it must and cannot.
    fn is_there(&self, call: &Call<'_>) -> Result<bool, Blame> {
        match self.there {
            Term::Slot(slot) => match call.slots.get(slot as usize) {
                Some(value::Value::Absent) if self.optional => Ok(false),
                Some(value::Value::Absent) => Err(Blame::Missing(slot)),
                Some(value::Value::Invalid(fault)) => Err(Blame::Argument(slot, *fault)),
                Some(_) => Ok(true),
                None => Err(Blame::Table),
            },
            Term::OnBehalfOf if call.on_behalf_of.is_some() => Ok(true),
            Term::OnBehalfOf if self.optional => Ok(false),
            Term::OnBehalfOf => Err(Blame::OnBehalfOf),
            _ => Ok(true),
        }
    }
}

/// A value as the engine sees it.
fn plain(table: &Table, operand: &Operand<'_>) -> Result<Value, Blame> {
    let all = |values: &mut dyn Iterator<Item = Result<Value, Blame>>| {
        values.collect::<Result<Vec<Value>, Blame>>().map(Value::from)
    };
    Ok(match operand {
        Operand::Bool(value) => Value::from(*value),
        Operand::Int(value) | Operand::Duration(value) => Value::from(*value),
        Operand::Decimal(value) => decimal(*value).ok_or(Blame::Overflow)?,
        Operand::DateTime(value) => Value::from(Timestamp::from_millis(*value).ok_or(Blame::Overflow)?.to_string()),
        Operand::Str(text) => Value::from(text.as_ref()),
        Operand::Ip(net) => Value::from(address(net)),
        Operand::Values(values) => {
            let value = |value| plain(table, &Operand::of_value(value).ok_or(Blame::Table)?);
            all(&mut values.iter().map(value))?
        }
        Operand::Constants(ids) => {
            let value = |id: &u32| plain(table, &Operand::of_constant(table, *id).ok_or(Blame::Table)?);
            all(&mut ids.iter().map(value))?
        }
        Operand::Made(values) => all(&mut values.iter().map(|value| plain(table, value)))?,
    })
}

/// A decimal as a number; nothing where the engine's number would be another one.
fn decimal(ten_thousandths: i64) -> Option<Value> {
    if ten_thousandths % 10_000 == 0 {
        return Some(Value::from(ten_thousandths / 10_000));
    }
    // Decimals of at most fifteen digits are as many floating-point numbers, in the same order.
    if ten_thousandths.unsigned_abs() >= 1_000_000_000_000_000 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "none is lost below 2 to the 53rd")]
    let number = ten_thousandths as f64 / 10_000.0;
    Some(Value::from(number))
}

/// An address as it is written: with its prefix where it is a range.
fn address(net: &value::IpNet) -> String {
    let whole = if net.address.is_ipv4() { 32 } else { 128 };
    if net.prefix == whole {
        net.address.to_string()
    } else {
        format!("{}/{}", net.address, net.prefix)
    }
}
