//! What an expression comes to: a term, a record, an entity, a set.

use std::sync::Arc;

use polity_runtime::value::Slot;

use super::tree::{NO, YES, test};
use crate::ir::{Condition, Constant, Op, Term};
pub(super) use crate::lower::types::{Declared, Kind, Ty};
use crate::resolve::shape::Parameter;

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
