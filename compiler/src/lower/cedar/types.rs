//! The types of what stands in a condition, finer than Cedar's: which strings are compared how.

use crate::ir::{Condition, Term};
use crate::resolve::shape::{Parameter, Type};

/// The type of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    Int,
    Decimal,
    DateTime,
    Duration,
    Ip,
    Str(Kind),
    Set(Box<Ty>),
}

/// How a string is compared, and what it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Written in the condition: takes on the kind of what it is compared with.
    Literal,
    /// As it stands.
    Plain,
    /// Without regard to case.
    Folded,
    Path,
    Host,
    /// One of these.
    Enum(Vec<String>),
    /// The name of something that the repository declares.
    Name(Declared),
}

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    Agent,
    Team,
    DataClass,
}

/// What an expression comes to, before it is asked for as a condition or a term.
#[derive(Debug, Clone)]
pub(super) enum Val {
    Term(Term, Ty),
    Bool(Condition),
    Record(Record),
    Entity(Ent),
    /// A set of entities.
    Entities(Vec<Ent>),
    /// An argument of which only the presence is visible: its name.
    Opaque(String),
}

/// A record, by what its attributes are.
#[derive(Debug, Clone)]
pub(super) enum Record {
    Context,
    Args,
    Session,
    Tags,
    /// An argument, or a field of one, with its parameter.
    Param(Parameter),
    /// Written in the condition.
    Literal(Vec<(String, Val)>),
}

/// An entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ent {
    Principal,
    Action,
    Resource,
    /// Its type and name; both are known to exist.
    Literal(&'static str, String),
}

impl Ent {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Ent::Principal => "Deployment",
            Ent::Action => "Action",
            Ent::Resource => "Resource",
            Ent::Literal(ty, _) => ty,
        }
    }
}

impl Kind {
    /// How two strings are compared with each other, if they can be.
    ///
    /// A folded string and a plain one cannot: one side has lost its case, so equality would be an accident.
    pub(super) fn join(&self, other: &Kind) -> Option<Kind> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Kind::Literal, k) | (k, Kind::Literal) => Some(k.clone()),
            // Names and the members of an enumeration are compared as they stand. The repository's names are
            // lower case already, so they may meet folded strings and hosts.
            (Kind::Name(_) | Kind::Enum(_) | Kind::Plain, Kind::Name(_) | Kind::Enum(_) | Kind::Plain) => {
                Some(Kind::Plain)
            }
            (Kind::Name(_), k @ (Kind::Folded | Kind::Host)) | (k @ (Kind::Folded | Kind::Host), Kind::Name(_)) => {
                Some(k.clone())
            }
            _ => None,
        }
    }

    /// As a noun, with its article.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Kind::Literal | Kind::Plain | Kind::Name(_) => "a string",
            Kind::Folded => "a string that ignores case",
            Kind::Path => "a path",
            Kind::Host => "a host",
            Kind::Enum(_) => "one of a few strings",
        }
    }
}

impl Ty {
    /// The type of a parameter that is a term; `None` of a record or an opaque one.
    pub(super) fn of(ty: &Type) -> Option<Ty> {
        Some(match ty {
            Type::String { fold: false } => Ty::Str(Kind::Plain),
            Type::String { fold: true } => Ty::Str(Kind::Folded),
            Type::Int => Ty::Int,
            Type::Bool => Ty::Bool,
            Type::Decimal => Ty::Decimal,
            Type::DateTime => Ty::DateTime,
            Type::Duration => Ty::Duration,
            Type::Ip => Ty::Ip,
            Type::Path => Ty::Str(Kind::Path),
            Type::Host => Ty::Str(Kind::Host),
            Type::Enum(values) => Ty::Str(Kind::Enum(values.clone())),
            Type::Hosts => Ty::Set(Box::new(Ty::Str(Kind::Host))),
            Type::List(element) => match **element {
                Type::List(_) | Type::Hosts => return None,
                _ => Ty::Set(Box::new(Ty::of(element)?)),
            },
            Type::Record(_) | Type::Url(_) | Type::Email(_) | Type::Opaque => return None,
        })
    }

    /// The type that two terms have in common, if they can be compared.
    pub(super) fn join(&self, other: &Ty) -> Option<Ty> {
        match (self, other) {
            (Ty::Str(a), Ty::Str(b)) => a.join(b).map(Ty::Str),
            (Ty::Set(a), Ty::Set(b)) => a.join(b).map(|element| Ty::Set(Box::new(element))),
            (a, b) => (a == b).then(|| a.clone()),
        }
    }

    /// As a noun, with its article.
    pub(super) fn describe(&self) -> String {
        match self {
            Ty::Bool => "a boolean".to_owned(),
            Ty::Int => "a number".to_owned(),
            Ty::Decimal => "a decimal".to_owned(),
            Ty::DateTime => "a datetime".to_owned(),
            Ty::Duration => "a duration".to_owned(),
            Ty::Ip => "an ip address".to_owned(),
            Ty::Str(kind) => kind.describe().to_owned(),
            Ty::Set(element) => {
                let element = element.describe();
                let noun = element.split_once(' ').map_or(element.as_str(), |(_, noun)| noun);
                format!("a set (each element {noun})")
            }
        }
    }
}

impl Val {
    /// As a noun, with its article.
    pub(super) fn describe(&self) -> String {
        match self {
            Val::Term(_, ty) => ty.describe(),
            Val::Bool(_) => "a boolean".to_owned(),
            Val::Record(_) => "a record".to_owned(),
            Val::Entity(_) => "an entity".to_owned(),
            Val::Entities(_) => "a set of entities".to_owned(),
            Val::Opaque(_) => "an opaque value".to_owned(),
        }
    }
}
