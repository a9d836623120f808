//! What an expression comes to: a constant of Rego, a term of the call, or a part of the input document.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use regorus::unstable::{Expr, Query, Ref};

use super::lower::Env;
use crate::ir::{Condition, Term};
use crate::lower::types::{Declared, Ty};
use crate::resolve::shape::Parameter;

/// A value that is known when compiling. The order is this program's own, and no operator's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Const {
    Null,
    Bool(bool),
    Num(Num),
    Str(String),
    Array(Vec<Const>),
    Set(BTreeSet<Const>),
    Object(BTreeMap<Const, Const>),
}

/// A number, in one spelling of each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Num {
    Int(i64),
    /// Ten-thousandths; never a whole number.
    Dec(i64),
    /// As written: more than conditions hold.
    Other(String),
}

/// What an expression comes to.
#[derive(Debug, Clone)]
pub(super) enum Val {
    Const(Const),
    /// The name of something declared, known when compiling: what it is compared with must be declared too.
    Named(Declared, String),
    /// A boolean of the call, told apart.
    Flag(bool),
    /// A string, a number, an address, or a list of such (a set to conditions). Never a boolean: those are told apart
    /// where they are read.
    Term(Term, Ty),
    /// A moment as RFC 3339 text.
    Moment(Term),
    /// A moment in nanoseconds since 1970.
    Nanos(Term),
    /// A part of the input document.
    Place(Place),
    /// `input.resources`
    Resources,
    Array(Vec<Val>),
    Set(Vec<Val>),
    Object(Vec<(Const, Val)>),
    /// A set that rules make, by their name.
    Partial(String),
    /// An object that rules make, by their name.
    Mapping(String),
    /// A comprehension over what only the call knows.
    Gathered(Box<Gathered>),
    /// A set made of two, of which only the call knows what they hold.
    Joined(Join, Box<(Val, Val)>),
    /// A text of the call, changed.
    Changed(Change, Term),
    /// Where an element stands in a list of the call: its order is not told.
    Position,
    /// How many there are, of what this says whether there is none.
    Count(Condition),
    /// A string that nothing looks at: a message.
    Text,
}

/// An array or a set of whatever the solutions of a query give.
#[derive(Debug, Clone)]
pub(super) struct Gathered {
    pub(super) term: Ref<Expr>,
    pub(super) query: Ref<Query>,
    /// The names around it.
    pub(super) env: Env,
    pub(super) set: bool,
}

/// How two sets make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Union,
    Intersection,
    Difference,
}

/// What is done to a text before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Lower,
    Upper,
    Trim,
}

impl Change {
    /// As a noun.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lower => "`lower`",
            Self::Upper => "`upper`",
            Self::Trim => "`trim_space`",
        }
    }
}

/// An object of the input document.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Input,
    Agent,
    Tags,
    Action,
    Args,
    Session,
    /// An argument that is a record.
    Record(Parameter),
}

impl Num {
    /// Reads a number as Rego and JSON write it.
    pub(super) fn parse(text: &str) -> Self {
        let other = || Self::Other(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (digits, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
        let places = places.trim_end_matches('0');
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(places) {
            return other();
        }
        // So many zeros are appended to the digits that they are ten-thousandths.
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>();
        let zeros = exponent.map(|exponent| exponent.saturating_add(4).saturating_sub_unsigned(places.len() as u64));
        let scaled = match zeros {
            Ok(zeros @ 0..=24) => format!("{whole}{places}{:0<1$}", "", usize::try_from(zeros).unwrap_or(0)).parse(),
            _ => return other(),
        };
        let Ok(scaled): Result<i128, _> = scaled else {
            return other();
        };
        Self::scaled(if negative { -scaled } else { scaled }).unwrap_or_else(other)
    }

    /// The number of so many ten-thousandths.
    pub(super) fn scaled(ten_thousandths: i128) -> Option<Self> {
        if ten_thousandths % 10_000 == 0 {
            return i64::try_from(ten_thousandths / 10_000).ok().map(Self::Int);
        }
        i64::try_from(ten_thousandths).ok().map(Self::Dec)
    }

    /// Its ten-thousandths.
    pub(super) fn ten_thousandths(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(i128::from(*number) * 10_000),
            Self::Dec(number) => Some(i128::from(*number)),
            Self::Other(_) => None,
        }
    }
}

impl Const {
    /// As a noun, with its article.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Num(_) => "a number",
            Self::Str(_) => "a string",
            Self::Array(_) => "an array",
            Self::Set(_) => "a set",
            Self::Object(_) => "an object",
        }
    }
}

impl Val {
    pub(super) const TRUE: Self = Self::Const(Const::Bool(true));

    /// As a noun, with its article.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Const(constant) => constant.describe().to_owned(),
            Self::Term(_, ty @ Ty::Set(_)) => ty.describe().replace("a set", "a list"),
            Self::Term(_, ty) => ty.describe(),
            Self::Flag(_) => Ty::Bool.describe(),
            Self::Moment(_) => "a datetime".to_owned(),
            Self::Nanos(_) | Self::Count(_) | Self::Position => "a number".to_owned(),
            Self::Place(_) | Self::Object(_) | Self::Mapping(_) => "an object".to_owned(),
            Self::Resources | Self::Array(_) => "an array".to_owned(),
            Self::Gathered(gathered) if !gathered.set => "an array".to_owned(),
            Self::Set(_) | Self::Partial(_) | Self::Gathered(_) | Self::Joined(..) => "a set".to_owned(),
            Self::Named(..) | Self::Text | Self::Changed(..) => "a string".to_owned(),
        }
    }

    /// Whether it is a set to Rego.
    pub(super) fn is_set(&self) -> bool {
        match self {
            Self::Const(constant) => matches!(constant, Const::Set(_)),
            Self::Gathered(gathered) => gathered.set,
            Self::Set(_) | Self::Partial(_) | Self::Joined(..) => true,
            _ => false,
        }
    }

    /// What Rego calls its type.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::Const(Const::Null) => "null",
            Self::Const(Const::Bool(_)) | Self::Flag(_) | Self::Term(_, Ty::Bool) => "boolean",
            Self::Const(Const::Num(_)) | Self::Nanos(_) | Self::Count(_) | Self::Position => "number",
            Self::Term(_, Ty::Int | Ty::Decimal | Ty::Duration) => "number",
            Self::Const(Const::Str(_))
            | Self::Named(..)
            | Self::Text
            | Self::Changed(..)
            | Self::Moment(_)
            | Self::Term(_, Ty::Str(_) | Ty::Ip) => "string",
            Self::Const(Const::Array(_)) | Self::Array(_) | Self::Resources | Self::Term(_, Ty::Set(_)) => "array",
            set if set.is_set() => "set",
            Self::Gathered(_) => "array",
            Self::Const(Const::Object(_)) | Self::Object(_) | Self::Place(_) | Self::Mapping(_) => "object",
            _ => return None,
        })
    }

    /// Whether it is of another type, and so never equal.
    pub(super) fn differs(&self, other: &Self) -> bool {
        matches!((self.kind(), other.kind()), (Some(own), Some(other)) if own != other)
    }

    /// As a constant like any other, where it is a name or a boolean.
    pub(super) fn plain(self) -> Self {
        match self {
            Self::Named(_, name) => Self::Const(Const::Str(name)),
            Self::Flag(truth) => Self::Const(Const::Bool(truth)),
            other => other,
        }
    }

    /// The constant that it is, if all of it is known.
    pub(super) fn settled(self) -> Self {
        let all = |items: &[Val]| {
            let constant = |item: &Val| match item {
                Val::Const(constant) => Some(constant.clone()),
                Val::Named(_, name) => Some(Const::Str(name.clone())),
                Val::Flag(truth) => Some(Const::Bool(*truth)),
                _ => None,
            };
            items.iter().map(constant).collect::<Option<Vec<Const>>>()
        };
        match self {
            Self::Array(items) => match all(&items) {
                Some(items) => Self::Const(Const::Array(items)),
                None => Self::Array(items),
            },
            Self::Set(items) => match all(&items) {
                Some(items) => Self::Const(Const::Set(items.into_iter().collect())),
                None => Self::Set(items),
            },
            Self::Object(fields) => {
                let field = |(key, value): &(Const, Val)| match value {
                    Val::Const(value) => Some((key.clone(), value.clone())),
                    Val::Named(_, name) => Some((key.clone(), Const::Str(name.clone()))),
                    Val::Flag(truth) => Some((key.clone(), Const::Bool(*truth))),
                    _ => None,
                };
                match fields.iter().map(field).collect::<Option<BTreeMap<_, _>>>() {
                    Some(fields) => Self::Const(Const::Object(fields)),
                    None => Self::Object(fields),
                }
            }
            other => other,
        }
    }
}

impl<'de> Deserialize<'de> for Const {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads JSON; a key that stands twice is an error.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Const;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Const, E> {
        Ok(Const::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Const, E> {
        Ok(Const::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Const, E> {
        Ok(Const::Num(Num::Int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Const, E> {
        Ok(Const::Num(Num::parse(&value.to_string())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Const, E> {
        Ok(Const::Num(Num::parse(&value.to_string())))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Const, E> {
        Ok(Const::Str(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Const, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Const::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Const, A::Error> {
        let mut all = BTreeMap::new();
        while let Some((key, value)) = fields.next_entry::<String, Const>()? {
            if all.insert(Const::Str(key.clone()), value).is_some() {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
        }
        Ok(Const::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling_each() {
        assert_eq!(Num::parse("10.50"), Num::Dec(105_000));
        assert_eq!(Num::parse("-0.0001"), Num::Dec(-1));
        assert_eq!(Num::parse("5.0"), Num::Int(5));
        assert_eq!(Num::parse("9223372036854775807"), Num::Int(i64::MAX));
        assert_eq!(
            Num::parse("9223372036854775808"),
            Num::Other("9223372036854775808".into())
        );
        assert_eq!(Num::parse("0.00001"), Num::Other("0.00001".into()));
        assert_eq!(Num::parse("1e3"), Num::Int(1000));
        assert_eq!(Num::parse("1.5E+2"), Num::Int(150));
        assert_eq!(Num::parse("-25e-3"), Num::Dec(-250));
        assert_eq!(Num::parse("25e-5"), Num::Other("25e-5".into()));
        assert_eq!(Num::parse("12345e-4"), Num::Dec(12_345));
        assert_eq!(Num::parse("1e300"), Num::Other("1e300".into()));
        assert_eq!(Num::parse("1e"), Num::Other("1e".into()));
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        assert!(serde_json::from_str::<Const>(r#"{"a": 1, "a": 2}"#).is_err());
        assert!(serde_json::from_str::<Const>(r#"{"a": {"b": 1}, "c": [null, 1.5]}"#).is_ok());
    }
}
