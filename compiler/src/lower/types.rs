//! The types of terms, finer than those of parameters: which strings are compared how.

use std::sync::Arc;

use crate::resolve::shape::Type;

/// The type of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lower) enum Ty {
    Bool,
    Int,
    Decimal,
    DateTime,
    Duration,
    Ip,
    Str(Kind),
    Set(Box<Ty>),
    /// An entity of that type, by its text. Of a class of requests only, as is the next.
    Entity(Arc<str>),
    /// A set or a record as an element of a set: compared as a whole, by its text.
    Whole,
}

/// How a string is compared, and what it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lower) enum Kind {
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
pub(in crate::lower) enum Declared {
    Agent,
    Team,
    DataClass,
    Deployment,
    Environment,
    Action,
    Tool,
    Effect,
}

impl Kind {
    /// How two strings are compared with each other, if they can be.
    ///
    /// A folded string and a plain one cannot: one side has lost its case, so equality would be an accident.
    pub(in crate::lower) fn join(&self, other: &Kind) -> Option<Kind> {
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

    /// Whether it is in lower case wherever it is compared.
    pub(in crate::lower) fn folds(&self) -> bool {
        matches!(self, Kind::Folded | Kind::Host)
    }

    /// As a noun, with its article.
    pub(in crate::lower) fn describe(&self) -> &'static str {
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
    pub(in crate::lower) fn of(ty: &Type) -> Option<Ty> {
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
    pub(in crate::lower) fn join(&self, other: &Ty) -> Option<Ty> {
        match (self, other) {
            (Ty::Str(a), Ty::Str(b)) => a.join(b).map(Ty::Str),
            (Ty::Set(a), Ty::Set(b)) => a.join(b).map(|element| Ty::Set(Box::new(element))),
            (a, b) => (a == b).then(|| a.clone()),
        }
    }

    /// As a noun, with its article.
    pub(in crate::lower) fn describe(&self) -> String {
        match self {
            Ty::Bool => "a boolean".to_owned(),
            Ty::Int => "a number".to_owned(),
            Ty::Decimal => "a decimal".to_owned(),
            Ty::DateTime => "a datetime".to_owned(),
            Ty::Duration => "a duration".to_owned(),
            Ty::Ip => "an ip address".to_owned(),
            Ty::Str(kind) => kind.describe().to_owned(),
            Ty::Entity(_) => "an entity".to_owned(),
            Ty::Whole => "a value".to_owned(),
            Ty::Set(element) => {
                let element = element.describe();
                let noun = element.split_once(' ').map_or(element.as_str(), |(_, noun)| noun);
                format!("a set (each element {noun})")
            }
        }
    }
}
