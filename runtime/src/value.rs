//! The arguments of a call: their types, their normalisation, and the slots that they are read into.
//!
//! A call's arguments come in as JSON text (`Arguments::read_json`, of the feature `json`) or as a tree
//! ([`Arguments::read`]), and go out as one [`Value`] a slot, as the action's [`Parameters`] number them. The compiler normalises constants with the same
//! functions, so that both sides of a comparison are spelled alike. Knows neither rules nor conditions.

mod arguments;
mod automaton;
mod email;
mod host;
mod input;
mod ip;
#[cfg(any(test, feature = "json"))]
mod json;
mod number;
mod parameters;
mod path;
mod pattern;
mod same;
mod time;
mod url;

pub use arguments::{Arguments, MAX_LIST};
pub use automaton::{AUTOMATON, Automaton};
pub use email::{Email, email};
pub use host::host;
pub use input::{ArgumentsError, Input, MAX_DEPTH, MAX_TEXT};
pub use ip::ip;
pub use number::decimal;
pub use parameters::{ENTITY, ENTITY_NAME, FOLD, HOSTS_SUFFIX, Kind, OPTIONAL, Parameter, Parameters, Strings};
pub use path::path;
pub use pattern::{ANY, SEGMENT, fold, glob, like, safe_in_resource};
pub(crate) use same::same;
pub use time::{datetime, duration};
pub use url::{Url, url, url_path};

/// What an action does. Ordered: destructive is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Changes something.
    Write,
    /// Destroys something.
    Destructive,
}

impl Effect {
    /// All of them, from the least on.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Destructive];

    /// As documents, bundles and policies spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

/// A value of a term: an argument after normalisation, a constant, or what an operator made of them.
///
/// `List` is sorted and without duplicates, as Cedar's sets compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// Not given, or null. Reading it errs.
    Absent,
    /// Given, and not of its type. Reading it errs; `has` is true of it.
    Invalid(Fault),
    /// A record, url, email, opaque value, or list of such: only that it is there is visible.
    Present,
    /// A boolean.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// Ten-thousandths.
    Decimal(i64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Milliseconds.
    Duration(i64),
    /// A string, enum, path or host, after normalisation.
    Str(std::borrow::Cow<'a, str>),
    /// An address or a range of addresses.
    Ip(IpNet),
    /// A set.
    List(Vec<Value<'a>>),
}

impl Value<'_> {
    /// Whether `has` is true of it: it is given, whatever its type.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !matches!(self, Value::Absent)
    }
}

/// Why an argument cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Not of the declared type.
    WrongType,
    /// Of the type, and outside what it can hold (an overflow, too many places, not in the enum).
    OutOfRange,
    /// Cannot be normalised safely (a path that climbs out, a host that is not ASCII, userinfo in a url).
    Unsafe,
}

/// An address with a prefix length, as Cedar's `ip` has it: `10.0.0.0/8`, `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpNet {
    /// The address as written (host bits are kept).
    pub address: std::net::IpAddr,
    /// At most 32 for version 4 and 128 for version 6.
    pub prefix: u8,
}

/// A slot of a parameter shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);
