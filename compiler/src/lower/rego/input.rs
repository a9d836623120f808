//! The input document: `input.agent`, `.environment`, `.action`, `.resources`, `.args`, `.session`, `.on_behalf_of`,
//! `.now`.
//!
//! What agent, environment and action settle is a term that is settled when the table is made, or a constant; what the
//! call alone knows is a slot. An optional argument is undefined where it is absent; a required one errs.

use regorus::unstable::Span;

use super::lower::{Lowerer, Out, Then};
use super::values::{Place, Val};
use crate::diag::codes::condition::{UNKNOWN_ARGUMENT, UNKNOWN_ATTRIBUTE, UNSUPPORTED_CONDITION};
use crate::diag::codes::reference::UNKNOWN_TAG;
use crate::ir::{Attribute, Condition, Entity, Op, Term};
use crate::lower::condition::NO;
use crate::lower::types::{Declared, Kind, Ty};
use crate::resolve::shape::{Parameter, Type};

const INPUT: [&str; 8] = [
    "action",
    "agent",
    "args",
    "environment",
    "now",
    "on_behalf_of",
    "resources",
    "session",
];
const AGENT: [&str; 5] = ["agent", "name", "ring", "tags", "team"];
const ACTION: [&str; 5] = ["effect", "external", "name", "reversible", "tool"];
const SESSION: [&str; 2] = ["calls", "holding"];

impl<'a> Lowerer<'a> {
    /// What a part of the input has under a name.
    pub(super) fn field(&mut self, place: &Place, name: &str, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let named = |declared| Ty::Str(Kind::Name(declared));
        let principal = |attribute, ty| Val::Term(Term::Principal(attribute), ty);
        let action = self.action;
        let val = match (place, name) {
            (Place::Input, "agent") => Val::Place(Place::Agent),
            (Place::Input, "action") => Val::Place(Place::Action),
            (Place::Input, "args") => Val::Place(Place::Args),
            (Place::Input, "session") => Val::Place(Place::Session),
            (Place::Input, "resources") => Val::Resources,
            (Place::Input, "now") => Val::Moment(Term::Now),
            (Place::Input, "environment") => return self.environment(k),
            (Place::Input, "on_behalf_of") => {
                let there = self.test(Op::Has, Term::OnBehalfOf, Term::Nothing)?;
                return self.when(there, &mut |this| {
                    k(this, Val::Term(Term::OnBehalfOf, Ty::Str(Kind::Plain)))
                });
            }
            (Place::Input, _) => {
                let message = format!("the input has no `{name}`");
                return match self.instead(name) {
                    Some(help) => self.wrong(&UNKNOWN_ATTRIBUTE, span, (message, "no such name"), &help),
                    None => self.misnamed(&UNKNOWN_ATTRIBUTE, span, message, name, &INPUT),
                };
            }
            (Place::Agent, "name") => principal(Attribute::Deployment, named(Declared::Deployment)),
            (Place::Agent, "agent") => principal(Attribute::Agent, named(Declared::Agent)),
            (Place::Agent, "team") => principal(Attribute::Team, named(Declared::Team)),
            (Place::Agent, "ring") => principal(Attribute::Ring, Ty::Int),
            (Place::Agent, "tags") => Val::Place(Place::Tags),
            (Place::Agent, _) => return self.unknown(span, name, "`input.agent`", &AGENT),
            (Place::Tags, _) => return self.tag(name, span, k),
            (Place::Action, "name") => Val::Named(Declared::Action, action.name.clone()),
            (Place::Action, "tool") => Val::Named(Declared::Tool, action.tool.clone()),
            (Place::Action, "effect") => {
                let effect = action.effect.as_str();
                Val::Named(Declared::Effect, effect.to_owned())
            }
            (Place::Action, "external") => Val::Flag(action.external),
            (Place::Action, "reversible") => Val::Flag(action.reversible),
            (Place::Action, _) => return self.unknown(span, name, "`input.action`", &ACTION),
            (Place::Session, "calls") => Val::Term(Term::Calls, Ty::Int),
            (Place::Session, "holding") => Val::Term(Term::Holding, Ty::Set(Box::new(named(Declared::DataClass)))),
            (Place::Session, _) => return self.unknown(span, name, "`input.session`", &SESSION),
            (Place::Args, _) => {
                let shape = self.shape;
                return match shape.parameters.iter().find(|parameter| parameter.name == name) {
                    Some(parameter) => self.parameter(parameter, None, span, k),
                    None => self.undeclared(name, span),
                };
            }
            (Place::Record(record), _) => {
                let fields = fields(&record.ty);
                let Some(field) = fields.iter().find(|field| field.name == name) else {
                    let message = format!("the argument `{}` has no field `{name}`", record.name);
                    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                    return self.misnamed(&UNKNOWN_ARGUMENT, span, message, name, &names);
                };
                // Where the record itself cannot be read, nobody knows whether it has the field.
                let there = match field.optional {
                    true => self.readable(&Term::Slot(record.slot))?,
                    false => crate::lower::condition::YES,
                };
                let kind = match (&record.ty, name) {
                    (Type::Url(_) | Type::Email(_), "host") => Some(Kind::Host),
                    (Type::Url(_), "path") => Some(Kind::Path),
                    (Type::Url(_), "scheme") => Some(Kind::Folded),
                    _ => None,
                };
                return self.when(there, &mut |this| this.parameter(field, kind.clone(), span, k));
            }
        };
        k(self, val)
    }

    /// The environment by its name, whichever it is.
    fn environment(&mut self, k: Then<'_, 'a>) -> Out<Condition> {
        let vocabulary = self.vocabulary;
        let mut whole = NO;
        for name in vocabulary.environments.iter().rev() {
            let entity = Term::Entity(Entity::Environment(name.clone()));
            let here = self.test(Op::ResourceIn, Term::Nothing, entity)?;
            let then = k(self, Val::Named(Declared::Environment, name.clone()))?;
            whole = self.choose(here, then, whole)?;
        }
        Ok(whole)
    }

    /// The names that an object of the input has.
    pub(super) fn names<'p>(&self, place: &'p Place) -> Vec<&'p str>
    where
        'a: 'p,
    {
        let (shape, vocabulary) = (self.shape, self.vocabulary);
        let named = |fields: &'p [Parameter]| fields.iter().map(|field| field.name.as_str()).collect();
        match place {
            Place::Input => INPUT.to_vec(),
            Place::Agent => AGENT.to_vec(),
            Place::Tags => vocabulary.tags.iter().map(String::as_str).collect(),
            Place::Action => ACTION.to_vec(),
            Place::Args => named(&shape.parameters),
            Place::Session => SESSION.to_vec(),
            Place::Record(record) => named(fields(&record.ty)),
        }
    }

    fn tag(&mut self, name: &str, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let vocabulary = self.vocabulary;
        if !vocabulary.tags.iter().any(|tag| tag == name) {
            let names: Vec<&str> = vocabulary.tags.iter().map(String::as_str).collect();
            return self.misnamed(&UNKNOWN_TAG, span, format!("no agent has a tag `{name}`"), name, &names);
        }
        let tag = Term::Principal(Attribute::Tag(name.to_owned()));
        let there = self.test(Op::Has, tag.clone(), Term::Nothing)?;
        self.when(there, &mut |this| k(this, Val::Term(tag.clone(), Ty::Str(Kind::Plain))))
    }

    /// An argument, or a field of one.
    fn parameter(&mut self, parameter: &Parameter, kind: Option<Kind>, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let slot = Term::Slot(parameter.slot);
        let there = match parameter.optional {
            true => self.test(Op::Has, slot.clone(), Term::Nothing)?,
            false => crate::lower::condition::YES,
        };
        let val = match (&parameter.ty, kind, Ty::of(&parameter.ty)) {
            (_, Some(kind), _) => Val::Term(slot, Ty::Str(kind)),
            (Type::Bool, ..) => {
                let truth = self.test(Op::IsTrue, slot, Term::Nothing)?;
                return self.when(there, &mut |this| this.truth(truth.clone(), k));
            }
            (Type::DateTime, ..) => Val::Moment(slot),
            (_, _, Some(ty)) => Val::Term(slot, ty),
            (Type::Record(_) | Type::Url(_) | Type::Email(_), _, None) => Val::Place(Place::Record(parameter.clone())),
            (Type::List(_), _, None) => {
                let name = &parameter.name;
                let message = format!("of `{name}`, a list of urls or addresses, policies see the hosts alone");
                let help = format!(
                    "ask `{name}_hosts`; where whole addresses matter, or how many there are, declare it `list of string`"
                );
                return self.wrong(&UNSUPPORTED_CONDITION, span, (message, "not readable"), &help);
            }
            (_, _, None) => {
                let message = format!("`{}` is opaque: no policy can look at it", parameter.name);
                let help = "declare a type that conditions can read";
                return self.wrong(&UNSUPPORTED_CONDITION, span, (message, "not readable"), help);
            }
        };
        self.when(there, &mut |this| k(this, val.clone()))
    }

    /// An argument that the action does not declare is never there. One that no action has is a slip of the pen, and the
    /// rule would silently never fire.
    fn undeclared(&mut self, name: &str, span: &Span) -> Out<Condition> {
        let shapes = &self.vocabulary.shapes;
        let mut names: Vec<&str> = shapes
            .iter()
            .flat_map(|shape| shape.parameters.iter().map(|parameter| parameter.name.as_str()))
            .collect();
        if names.contains(&name) {
            return Ok(NO);
        }
        // What could not be read was reported where it is declared.
        if self.vocabulary.unread.any("Tool") || shapes.iter().any(|shape| shape.unread.has(name)) {
            return Err(super::lower::Stop::Reported);
        }
        names.sort_unstable();
        names.dedup();
        self.misnamed(
            &UNKNOWN_ARGUMENT,
            span,
            format!("no action has an argument `{name}`"),
            name,
            &names,
        )
    }

    /// Where something is that other documents have at their top.
    fn instead(&self, name: &str) -> Option<String> {
        let mut parameters = self.vocabulary.shapes.iter().flat_map(|shape| &shape.parameters);
        Some(match name {
            "parameters" | "params" | "arguments" | "request" => "a call's arguments are `input.args`".to_owned(),
            "user" | "person" | "principal" | "subject" => {
                "the agent is `input.agent.name`, and whom it works for, if anybody, `input.on_behalf_of`".to_owned()
            }
            _ if parameters.any(|parameter| parameter.name == name) => format!("did you mean `input.args.{name}`?"),
            _ if ACTION.contains(&name) => format!("did you mean `input.action.{name}`?"),
            _ if AGENT.contains(&name) => format!("did you mean `input.agent.{name}`?"),
            _ => return None,
        })
    }

    fn unknown(&mut self, span: &Span, name: &str, of: &str, names: &[&str]) -> Out<Condition> {
        self.misnamed(&UNKNOWN_ATTRIBUTE, span, format!("{of} has no `{name}`"), name, names)
    }

    fn misnamed(
        &mut self,
        code: &'static crate::diag::Code,
        span: &Span,
        message: String,
        name: &str,
        names: &[&str],
    ) -> Out<Condition> {
        let help = match crate::diag::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() || names.len() > 12 => String::new(),
            None => {
                let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("there are {}", all.join(", "))
            }
        };
        self.wrong(code, span, (message, "no such name"), &help)
    }
}

fn fields(ty: &Type) -> &[Parameter] {
    match ty {
        Type::Record(fields) | Type::Url(fields) | Type::Email(fields) => fields,
        _ => &[],
    }
}
