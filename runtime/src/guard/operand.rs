//! What a term comes to while a test looks at it: borrowed where it can be.

use std::borrow::Cow;

use super::{Blame, constant};
use crate::table::{Table, join};
use crate::value::{IpNet, Value};

/// A value, borrowed from the arguments or the table.
#[derive(Debug, Clone)]
pub(crate) enum Operand<'a> {
    Bool(bool),
    Int(i64),
    Decimal(i64),
    DateTime(i64),
    Duration(i64),
    Str(Cow<'a, str>),
    Ip(IpNet),
    /// A set among the arguments.
    Values(&'a [Value<'a>]),
    /// A set among the constants: their ids, sorted by value.
    Constants(&'a [u32]),
    /// A set made by the condition; may repeat elements.
    Made(Vec<Operand<'a>>),
}

impl<'a> Operand<'a> {
    /// An argument's value; what cannot be read gives `None`.
    #[inline]
    pub(crate) fn of_value(value: &'a Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Decimal(value) => Self::Decimal(*value),
            Value::DateTime(value) => Self::DateTime(*value),
            Value::Duration(value) => Self::Duration(*value),
            Value::Str(text) => Self::Str(Cow::Borrowed(text)),
            Value::Ip(net) => Self::Ip(*net),
            Value::List(values) => Self::Values(values),
            Value::Absent | Value::Invalid(_) | Value::Present => return None,
        })
    }

    /// A constant of the table.
    #[inline]
    pub(crate) fn of_constant(table: &'a Table, id: u32) -> Option<Self> {
        let &[tag, a, b, c, d, e] = table.data().constants.get(id as usize)?;
        Some(match tag {
            constant::BOOL => Self::Bool(a != 0),
            constant::INT => Self::Int(join(a, b)),
            constant::DECIMAL => Self::Decimal(join(a, b)),
            constant::DATETIME => Self::DateTime(join(a, b)),
            constant::DURATION => Self::Duration(join(a, b)),
            constant::STRING => Self::Str(Cow::Borrowed(table.text(b, c))),
            constant::IPV4 => Self::Ip(IpNet {
                address: std::net::Ipv4Addr::from(b).into(),
                prefix: u8::try_from(a).ok()?,
            }),
            constant::IPV6 => {
                let high = (u128::from(b) << 96) | (u128::from(c) << 64);
                let low = (u128::from(d) << 32) | u128::from(e);
                Self::Ip(IpNet {
                    address: std::net::Ipv6Addr::from(high | low).into(),
                    prefix: u8::try_from(a).ok()?,
                })
            }
            constant::SET => Self::Constants(table.words(a, b)),
            _ => return None,
        })
    }

    /// Equality of two values. Values of two types are not equal, as Cedar has it.
    #[inline]
    pub(super) fn equals(&self, table: &Table, other: &Operand<'_>) -> bool {
        match (self, other) {
            (Operand::Str(a), Operand::Str(b)) => a == b,
            (Operand::Int(a), Operand::Int(b))
            | (Operand::Decimal(a), Operand::Decimal(b))
            | (Operand::DateTime(a), Operand::DateTime(b))
            | (Operand::Duration(a), Operand::Duration(b)) => a == b,
            (Operand::Bool(a), Operand::Bool(b)) => a == b,
            (Operand::Ip(a), Operand::Ip(b)) => a == b,
            _ => self.same_set(table, other),
        }
    }

    /// Equality of two sets: each has what the other has.
    fn same_set(&self, table: &Table, other: &Operand<'_>) -> bool {
        let within = |set: &Operand<'_>, of: &Operand<'_>| of.any(table, |e| Ok(!set.contains(table, e)?)) == Ok(false);
        within(other, self) && within(self, other)
    }

    /// `self < other`, of two ordered values of one type.
    #[inline]
    pub(super) fn less(&self, other: &Operand<'_>) -> Result<bool, Blame> {
        match (self, other) {
            (Operand::Int(a), Operand::Int(b))
            | (Operand::Decimal(a), Operand::Decimal(b))
            | (Operand::DateTime(a), Operand::DateTime(b))
            | (Operand::Duration(a), Operand::Duration(b)) => Ok(a < b),
            _ => Err(Blame::Table),
        }
    }

    /// Whether this set has the element.
    pub(super) fn contains(&self, table: &Table, element: &Operand<'_>) -> Result<bool, Blame> {
        match self {
            Self::Values(values) => Ok(values
                .iter()
                .filter_map(Operand::of_value)
                .any(|v| v.equals(table, element))),
            Self::Constants(ids) => match element {
                // The constants of a set are sorted by value, and strings are what large sets hold.
                Operand::Str(text) => Ok(ids
                    .binary_search_by(|id| constant_text(table, *id).cmp(text.as_bytes()))
                    .is_ok()),
                _ => Ok(ids
                    .iter()
                    .filter_map(|id| Operand::of_constant(table, *id))
                    .any(|v| v.equals(table, element))),
            },
            Self::Made(values) => Ok(values.iter().any(|v| v.equals(table, element))),
            _ => Err(Blame::Table),
        }
    }

    /// Whether this set has an element for which something holds: looks at them in order until it does, or errs.
    pub(super) fn any(
        &self,
        table: &Table,
        mut holds: impl FnMut(&Operand<'_>) -> Result<bool, Blame>,
    ) -> Result<bool, Blame> {
        let found = match self {
            Self::Values(values) => values
                .iter()
                .find_map(|value| until(Operand::of_value(value), &mut holds)),
            Self::Constants(ids) => ids
                .iter()
                .find_map(|id| until(Operand::of_constant(table, *id), &mut holds)),
            Self::Made(values) => values.iter().find_map(|value| match holds(value) {
                Ok(false) => None,
                other => Some(other),
            }),
            _ => return Err(Blame::Table),
        };
        found.unwrap_or(Ok(false))
    }

    /// Whether this set has no element.
    pub(super) fn is_empty(&self) -> Result<bool, Blame> {
        match self {
            Self::Values(values) => Ok(values.is_empty()),
            Self::Constants(ids) => Ok(ids.is_empty()),
            Self::Made(values) => Ok(values.is_empty()),
            _ => Err(Blame::Table),
        }
    }

    /// How many elements this set has. One of the arguments holds each once, and so does a session; a set of constants,
    /// or one that a condition makes of terms, is not to be counted, and the loader takes no table that does.
    pub(super) fn count(&self) -> Result<i64, Blame> {
        let count = match self {
            Self::Values(values) => values.len(),
            Self::Made(values) => values.len(),
            _ => return Err(Blame::Table),
        };
        i64::try_from(count).map_err(|_| Blame::Overflow)
    }

    /// An address.
    pub(super) fn ip(&self) -> Result<IpNet, Blame> {
        match self {
            Self::Ip(net) => Ok(*net),
            _ => Err(Blame::Table),
        }
    }
}

/// Asks of one element: nothing where the next is to be asked.
#[inline]
fn until(
    element: Option<Operand<'_>>,
    holds: &mut impl FnMut(&Operand<'_>) -> Result<bool, Blame>,
) -> Option<Result<bool, Blame>> {
    match element.ok_or(Blame::Table).and_then(|element| holds(&element)) {
        Ok(false) => None,
        other => Some(other),
    }
}

/// The text of a string constant, whose bytes are in the order of its characters; empty for another.
fn constant_text(table: &Table, id: u32) -> &[u8] {
    match table.data().constants.get(id as usize) {
        Some(&[constant::STRING, _, start, length, ..]) => table.bytes(start, length),
        _ => b"",
    }
}
