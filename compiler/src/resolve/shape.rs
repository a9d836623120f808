//! The declared parameters of an action as the runtime will hold them: sorted, flattened, with slots numbered.
//!
//! Actions with the same parameters share one shape, so a condition is type-checked once for all of them.

#![allow(missing_docs, reason = "variants and fields that are named for what they are")]

use polity_runtime::value::Slot;

/// A shape by its place in [`super::Organization::shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(pub u32);

/// Parameters sorted by name, derived ones (`to_hosts`) included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Top-level parameters.
    pub parameters: Vec<Parameter>,
    /// How many slots its values fill.
    pub slots: u16,
}

/// A parameter or a field of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// As the call names it.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// A condition must guard it with `has`.
    pub optional: bool,
    /// Where its value is read to. Of a record, url, email or opaque value it holds only whether it is there.
    pub slot: Slot,
}

/// A parameter's type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `fold`: compared without regard to case.
    String {
        /// Lower-cased before it is compared.
        fold: bool,
    },
    Int,
    Bool,
    Decimal,
    DateTime,
    Duration,
    Ip,
    Path,
    Host,
    /// Sorted.
    Enum(Vec<String>),
    /// Of a scalar: a set in conditions. Of a url or email: only its presence is visible.
    List(Box<Type>),
    /// Fields sorted by name, each with a slot of its own.
    Record(Vec<Parameter>),
    /// Fields `host`, `path`, `port`, `scheme`: strings, and `port` an int (0 where the scheme has none).
    Url(Vec<Parameter>),
    /// Fields `host`, `local`: strings.
    Email(Vec<Parameter>),
    /// Derived: the set of hosts of the list called `to`.
    Hosts,
    Opaque,
}
