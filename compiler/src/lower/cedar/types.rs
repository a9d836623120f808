//! The types of what stands in a condition, finer than Cedar's: which strings are compared how.

use std::sync::Arc;

use polity_runtime::value::Slot;

use super::tree::{NO, YES, test};
use crate::ir::{Condition, Constant, Op, Term};
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
    /// An entity of that type, by [`Uid::text`]. Of a class of requests only, as is the next.
    Entity(Arc<str>),
    /// A set or a record as an element of a set: compared as a whole, by [`Val::whole`].
    Whole,
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
    /// A set by its elements, whatever they are. Of a class of requests only.
    Many(Vec<Val>),
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
    /// Written in the condition, or known.
    Literal(Vec<(String, Val)>),
    /// A record of a class of requests; the context itself has no slot.
    Asked(Arc<[Field]>, Option<Slot>),
}

/// A value that a class of requests brings.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) slot: Slot,
    pub(super) ty: FieldTy,
}

#[derive(Debug, Clone)]
pub(super) enum FieldTy {
    Plain(Ty),
    Record(Arc<[Field]>),
}

impl Field {
    /// The value.
    pub(super) fn val(&self) -> Val {
        let term = Term::Slot(self.slot);
        match &self.ty {
            FieldTy::Plain(Ty::Bool) => Val::Bool(test(Op::IsTrue, term, Term::Nothing)),
            FieldTy::Plain(Ty::Entity(ty)) => Val::Entity(Ent::Asked(ty.clone(), term)),
            FieldTy::Plain(ty) => Val::Term(term, ty.clone()),
            FieldTy::Record(fields) => Val::Record(Record::Asked(fields.clone(), Some(self.slot))),
        }
    }
}

/// An entity by its type and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Uid {
    pub(super) ty: String,
    pub(super) id: String,
}

impl Uid {
    /// How it is compared with one that the request brings.
    pub(super) fn text(&self) -> String {
        format!("{}::{:?}", self.ty, self.id)
    }
}

/// An entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ent {
    Principal,
    Action,
    Resource,
    /// Its type and name; both are known to exist.
    Literal(&'static str, String),
    /// One that is known when compiling. Of a class of requests only, as are the next two.
    Given(Uid),
    /// One that the request brings: its type, and its text.
    Asked(Arc<str>, Term),
    /// The resource, of which the request tells everything.
    Open,
}

impl Ent {
    pub(super) fn type_name(&self) -> &str {
        match self {
            Ent::Principal => "Deployment",
            Ent::Action => "Action",
            Ent::Resource => "Resource",
            Ent::Literal(ty, _) => ty,
            Ent::Given(uid) => &uid.ty,
            Ent::Asked(ty, _) => ty,
            Ent::Open => "",
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

impl Val {
    /// A text that two values share if and only if they are equal; `None` of one that is not known.
    pub(super) fn whole(&self) -> Option<String> {
        Some(match self {
            Val::Bool(YES) => "true".to_owned(),
            Val::Bool(NO) => "false".to_owned(),
            Val::Term(Term::Constant(Constant::Set(_)), _) => return None,
            Val::Term(Term::Constant(constant), _) => format!("{constant:?}"),
            Val::Entity(Ent::Given(uid)) => uid.text(),
            Val::Many(items) => {
                let mut all: Vec<String> = items.iter().map(Val::whole).collect::<Option<_>>()?;
                all.sort();
                all.dedup();
                format!("[{}]", all.join(", "))
            }
            Val::Record(Record::Literal(fields)) => {
                let field = |(name, val): &(String, Val)| Some(format!("{name:?}: {}", val.whole()?));
                let mut all: Vec<String> = fields.iter().map(field).collect::<Option<_>>()?;
                all.sort();
                format!("{{{}}}", all.join(", "))
            }
            _ => return None,
        })
    }

    /// As a noun, with its article.
    pub(super) fn describe(&self) -> String {
        match self {
            Val::Term(_, ty) => ty.describe(),
            Val::Bool(_) => "a boolean".to_owned(),
            Val::Record(_) => "a record".to_owned(),
            Val::Entity(_) => "an entity".to_owned(),
            Val::Entities(_) => "a set of entities".to_owned(),
            Val::Many(_) => "a set".to_owned(),
            Val::Opaque(_) => "an opaque value".to_owned(),
        }
    }
}
