//! The arguments of a call: their types, their normalisation, and the slots that they are read into.

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
