//! Records and their attributes: the arguments of the call, what else the context holds, and records written out.
//!
//! An argument's fields have slots of their own. Where the record is absent, or is no record, the runtime makes
//! them absent or invalid with it, so reading a field errs by itself. Asking whether it `has` a field must err
//! too, so such a test first reads the record's slot: a slot equals itself if it can be read, and errs if not.

use cedar_policy_core::ast::Expr;

use super::lower::{Lowerer, Out, Stop};
use super::tree::{NO, Tree, YES, and, choose, not, or, readable, settled};
use super::types::{Declared, Ent, Kind, Record, Ty, Val};
use crate::diag::codes::condition::{UNKNOWN_ARGUMENT, UNKNOWN_ATTRIBUTE};
use crate::ir::{Attribute, Condition, Constant, Op, Term};
use crate::resolve::shape::{Parameter, Type};
use crate::source::Span;

const CONTEXT: [&str; 4] = ["args", "now", "on_behalf_of", "session"];
const SESSION: [&str; 2] = ["calls", "holding"];
const PRINCIPAL: [&str; 4] = ["agent", "ring", "tags", "team"];

impl Lowerer<'_> {
    /// `x.attr` of anything but a record that is written out.
    pub(super) fn attribute(&mut self, e: &Expr, val: Val, attr: &str) -> Out<Val> {
        let plain = Ty::Str(Kind::Plain);
        match (&val, attr) {
            (Val::Record(Record::Context), "args") => Ok(Val::Record(Record::Args)),
            (Val::Record(Record::Context), "session") => {
                self.arguments_only(e, "context.session")?;
                Ok(Val::Record(Record::Session))
            }
            (Val::Record(Record::Context), "on_behalf_of") => {
                self.arguments_only(e, "context.on_behalf_of")?;
                Ok(Val::Term(Term::OnBehalfOf, plain))
            }
            (Val::Record(Record::Context), "now") => {
                self.arguments_only(e, "context.now")?;
                Ok(Val::Term(Term::Now, Ty::DateTime))
            }
            (Val::Record(Record::Context), _) => self.unknown(e, attr, "the context", CONTEXT),
            (Val::Record(Record::Session), "calls") => Ok(Val::Term(Term::Calls, Ty::Int)),
            (Val::Record(Record::Session), "holding") => {
                let element = Ty::Str(Kind::Name(Declared::DataClass));
                Ok(Val::Term(Term::Holding, Ty::Set(Box::new(element))))
            }
            (Val::Record(Record::Session), _) => self.unknown(e, attr, "the session", SESSION),
            (Val::Record(Record::Args), _) => {
                let shape = self.shape;
                match shape.parameters.iter().find(|parameter| parameter.name == attr) {
                    Some(parameter) => self.parameter(parameter),
                    // What could not be read was reported where it is declared.
                    None if shape.unread.has(attr) => Err(Stop::Reported),
                    None => {
                        let names = shape.parameters.iter().map(|p| p.name.as_str());
                        self.unknown_argument(e, attr, &format!("the action has no argument `{attr}`"), names)
                    }
                }
            }
            (Val::Record(Record::Param(record)), _) => {
                let fields = fields(&record.ty);
                match fields.iter().find(|field| field.name == attr) {
                    Some(field) => self.field(&record.ty, field),
                    None => {
                        let names = fields.iter().map(|field| field.name.as_str());
                        let message = format!("the argument `{}` has no field `{attr}`", record.name);
                        self.unknown_argument(e, attr, &message, names)
                    }
                }
            }
            (Val::Record(Record::Tags), _) => {
                self.known_tag(e, attr)?;
                Ok(Val::Term(Term::Principal(Attribute::Tag(attr.to_owned())), plain))
            }
            (Val::Entity(Ent::Principal), "agent") => {
                Ok(principal(Attribute::Agent, Ty::Str(Kind::Name(Declared::Agent))))
            }
            (Val::Entity(Ent::Principal), "team") => {
                Ok(principal(Attribute::Team, Ty::Str(Kind::Name(Declared::Team))))
            }
            (Val::Entity(Ent::Principal), "ring") => Ok(principal(Attribute::Ring, Ty::Int)),
            (Val::Entity(Ent::Principal), "tags") => Ok(Val::Record(Record::Tags)),
            (Val::Entity(Ent::Principal), _) => self.unknown(e, attr, "the principal", PRINCIPAL),
            (Val::Entity(Ent::Resource), "name") => {
                self.needs_resource(e)?;
                Ok(Val::Term(Term::ResourceName, plain))
            }
            (Val::Entity(Ent::Resource), _) => self.unknown(e, attr, "the resource", ["name"]),
            (Val::Entity(Ent::Action), _) => self.unknown(e, attr, "the action", []),
            (Val::Entity(Ent::Literal(ty, name)), _) => match (*ty, attr, name.split_once('/')) {
                ("Deployment", "agent", Some((_, agent))) => Ok(named(agent, Declared::Agent)),
                ("Deployment", "team", Some((team, _))) => Ok(named(team, Declared::Team)),
                ("Resource", "name", _) => Ok(Val::Term(Term::Constant(Constant::String(name.clone())), plain)),
                _ => self.unsupported(e, "attributes of an entity that is named in them"),
            },
            _ => self.wrong(e, &format!("only a record has attributes such as `{attr}`"), &val),
        }
    }

    /// `x has attr`
    pub(super) fn has(&mut self, e: &Expr, val: &Val, attr: &str) -> Out<Condition> {
        if self.world.is_some() {
            return self.has_attribute(val, attr);
        }
        match val {
            Val::Record(Record::Context) => match attr {
                "args" => Ok(YES),
                "on_behalf_of" => {
                    self.arguments_only(e, "context.on_behalf_of")?;
                    self.test(Op::Has, Term::OnBehalfOf, Term::Nothing)
                }
                "now" | "session" => {
                    self.arguments_only(e, &format!("context.{attr}"))?;
                    Ok(YES)
                }
                _ => self.unknown(e, attr, "the context", CONTEXT),
            },
            Val::Record(Record::Session) if SESSION.contains(&attr) => Ok(YES),
            Val::Record(Record::Session) => self.unknown(e, attr, "the session", SESSION),
            Val::Record(Record::Args) => {
                let shape = self.shape;
                if let Some(parameter) = shape.parameters.iter().find(|parameter| parameter.name == attr) {
                    return self.test(Op::Has, Term::Slot(parameter.slot), Term::Nothing);
                }
                // One rule may reach actions that have the argument and actions that do not. An argument that no
                // action has is a slip of the pen, and the rule would silently never fire.
                let shapes = &self.vocabulary.shapes;
                let names = || {
                    shapes
                        .iter()
                        .flat_map(|shape| shape.parameters.iter().map(|p| p.name.as_str()))
                };
                if shapes.iter().any(|shape| shape.unread.has(attr)) {
                    return Err(Stop::Reported);
                }
                if names().any(|name| name == attr) {
                    return Ok(NO);
                }
                if self.vocabulary.unread.any("Tool") {
                    return Err(Stop::Reported);
                }
                self.unknown_argument(e, attr, &format!("no action has an argument `{attr}`"), names())
            }
            Val::Record(Record::Param(record)) => {
                self.known_field(e, record, attr)?;
                let there = readable(&Term::Slot(record.slot));
                self.budget.spend(1)?;
                let has = match fields(&record.ty).iter().find(|field| field.name == attr) {
                    Some(field) => self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?,
                    None => NO,
                };
                Ok(and(there, has))
            }
            Val::Record(Record::Tags) => {
                self.known_tag(e, attr)?;
                self.test(Op::Has, Term::Principal(Attribute::Tag(attr.to_owned())), Term::Nothing)
            }
            Val::Record(Record::Literal(fields)) => {
                let mut evaluated = YES;
                for (_, field) in fields {
                    evaluated = and(evaluated, self.forced(e, field)?);
                }
                Ok(and(evaluated, settled(fields.iter().any(|(name, _)| name == attr))))
            }
            Val::Entity(Ent::Principal) if PRINCIPAL.contains(&attr) => Ok(YES),
            Val::Entity(Ent::Principal) => self.unknown(e, attr, "the principal", PRINCIPAL),
            Val::Entity(Ent::Resource) if attr == "name" => Ok(settled(self.action.has_resources)),
            Val::Entity(Ent::Resource) => self.told_has(e, attr),
            Val::Entity(Ent::Action) => self.unknown(e, attr, "the action", []),
            Val::Entity(Ent::Literal("Deployment", _)) if PRINCIPAL.contains(&attr) => Ok(YES),
            Val::Entity(Ent::Literal("Resource", _)) if attr == "name" => Ok(YES),
            Val::Entity(Ent::Literal(..)) => self.unsupported(e, "attributes of an entity that is named in them"),
            _ => self.wrong(e, "`has` asks about a record", val),
        }
    }

    /// `resource.attr` of what the request tells of the resource.
    pub(super) fn told_attribute(&mut self, e: &Expr, attr: &str) -> Out<Tree<Val>> {
        self.told_known(e, attr)?;
        self.needs_resource(e)?;
        let of = Type::Record(Vec::new());
        let declared = |fields: &[Parameter]| fields.iter().find(|field| field.name == attr).cloned();
        let first = self.shape.entities.first().map(|record| fields(&record.ty));
        if first.and_then(declared).is_none() {
            let names = first.unwrap_or_default().iter().map(|field| field.name.as_str());
            let message = format!("the tool declares no attribute `{attr}` of its resources");
            return self.unknown_argument(e, attr, &message, names);
        }
        self.told(&mut |this, fields| match declared(fields) {
            Some(field) => this.field(&of, &field).map(Tree::Leaf),
            None => Ok(Tree::Errs),
        })
    }

    /// `resource has attr`
    fn told_has(&mut self, e: &Expr, attr: &str) -> Out<Condition> {
        self.told_known(e, attr)?;
        let first = self.shape.entities.first().map(|record| fields(&record.ty));
        if !first.is_some_and(|fields| fields.iter().any(|field| field.name == attr)) || !self.action.has_resources {
            return Ok(NO);
        }
        let tree = self.told(&mut |this, fields| {
            let field = fields.iter().find(|field| field.name == attr);
            let slot = field.map_or(Term::Nothing, |field| Term::Slot(field.slot));
            Ok(Tree::Leaf(Val::Bool(this.test(Op::Has, slot, Term::Nothing)?)))
        })?;
        self.over(tree, &mut |_, val| match val {
            Val::Bool(condition) => Ok(condition),
            _ => Err(Stop::Errs),
        })
    }

    /// Refuses what no tool declares of its resources.
    fn told_known(&mut self, e: &Expr, attr: &str) -> Out<()> {
        let vocabulary = self.vocabulary;
        let told = vocabulary.told();
        if told.contains_key(attr) {
            return Ok(());
        }
        let span = self.attribute_span(e, attr);
        self.report_at(
            &UNKNOWN_ATTRIBUTE,
            span,
            format!("the resource has no attribute `{attr}`"),
            "no such attribute",
        );
        let names = || std::iter::once("name").chain(told.keys().copied());
        match crate::diag::nearest(attr, names()) {
            Some(_) => self.suggest(attr, names(), str::to_owned),
            None => self.help("it has `name`, and what its tool declares under `resource`"),
        }
        Err(Stop::Reported)
    }

    fn parameter(&mut self, parameter: &Parameter) -> Out<Val> {
        let slot = Term::Slot(parameter.slot);
        Ok(match (&parameter.ty, Ty::of(&parameter.ty)) {
            (Type::Bool, _) => Val::Bool(self.is_true(slot)?),
            (_, Some(ty)) => Val::Term(slot, ty),
            (Type::Record(_) | Type::Url(_) | Type::Email(_), None) => Val::Record(Record::Param(parameter.clone())),
            (_, None) => Val::Opaque(parameter.name.clone()),
        })
    }

    /// A field. Those of a url and an email are compared as the runtime normalises them, whatever type they have.
    fn field(&mut self, of: &Type, field: &Parameter) -> Out<Val> {
        let kind = match (of, field.name.as_str()) {
            (Type::Url(_) | Type::Email(_), "host") => Kind::Host,
            (Type::Url(_), "path") => Kind::Path,
            (Type::Url(_), "scheme") => Kind::Folded,
            _ => return self.parameter(field),
        };
        Ok(Val::Term(Term::Slot(field.slot), Ty::Str(kind)))
    }

    /// Yes if the value can be evaluated, an error if not. Said of what is evaluated and not looked at.
    pub(super) fn forced(&mut self, e: &Expr, val: &Val) -> Out<Condition> {
        self.visible(e, val)?;
        self.budget.spend(val.size())?;
        match val {
            Val::Term(term, _) => Ok(readable(term)),
            Val::Bool(condition) => Ok(super::tree::harmless(condition.clone())),
            Val::Record(Record::Literal(fields)) => {
                let mut all = YES;
                for (_, field) in fields {
                    all = and(all, self.forced(e, field)?);
                }
                Ok(all)
            }
            Val::Record(Record::Param(record)) => {
                let mut all = readable(&Term::Slot(record.slot));
                for field in fields(&record.ty) {
                    let has = self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?;
                    let val = self.field(&record.ty, field)?;
                    let read = self.forced(e, &val)?;
                    all = and(all, or(not(has), read));
                }
                Ok(all)
            }
            _ => Ok(YES),
        }
    }

    /// `a == b` of two records: the same fields, with equal values.
    pub(super) fn equal_records(&mut self, (a, x): (&Expr, Record), (b, y): (&Expr, Record)) -> Out<Condition> {
        let mut condition = self.forced(a, &Val::Record(x.clone()))?;
        condition = and(condition, self.forced(b, &Val::Record(y.clone()))?);
        let mut left = self.entries(a, x)?;
        let right = self.entries(b, y)?;
        for (name, has_y, y) in right {
            let at = left.iter().position(|(other, _, _)| *other == name);
            let both = match at.map(|at| left.remove(at)) {
                Some((_, has_x, x)) => {
                    let equal = self.equal((a, x), (b, y))?;
                    let without = not(self.budget.copy(&has_y)?);
                    choose(has_x, and(has_y, equal), without)
                }
                None => not(has_y),
            };
            self.budget.spend(3)?;
            condition = and(condition, both);
        }
        for (_, has, _) in left {
            condition = and(condition, not(has));
        }
        Ok(condition)
    }

    /// The fields of a record, each with whether it is there.
    fn entries(&mut self, e: &Expr, record: Record) -> Out<Vec<(String, Condition, Val)>> {
        match record {
            Record::Literal(fields) => Ok(fields.into_iter().map(|(name, val)| (name, YES, val)).collect()),
            Record::Param(record) => fields(&record.ty)
                .iter()
                .map(|field| {
                    let has = self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?;
                    Ok((field.name.clone(), has, self.field(&record.ty, field)?))
                })
                .collect(),
            Record::Context | Record::Args | Record::Session | Record::Tags | Record::Asked(..) => {
                self.unsupported(e, "a comparison of the whole context, all arguments or all tags")
            }
        }
    }

    /// One rule may reach actions whose record of that name has the field and actions whose record has not. A field that
    /// none has is a slip of the pen, and the rule would silently never fire.
    fn known_field(&mut self, e: &Expr, record: &Parameter, attr: &str) -> Out<()> {
        let shapes = &self.vocabulary.shapes;
        let mut all = shapes.iter().flat_map(|shape| alike(&record.name, &shape.parameters));
        if has_field(record, attr) || all.any(|one| has_field(one, attr)) {
            return Ok(());
        }
        let names = fields(&record.ty).iter().map(|field| field.name.as_str());
        let message = format!("the argument `{}` has no field `{attr}`", record.name);
        self.unknown_argument(e, attr, &message, names)
    }

    fn known_tag(&mut self, e: &Expr, tag: &str) -> Out<()> {
        if self.vocabulary.tags.iter().any(|known| known == tag) {
            return Ok(());
        }
        let tags = &self.vocabulary.tags;
        let span = self.attribute_span(e, tag);
        self.report_at(
            &UNKNOWN_ATTRIBUTE,
            span,
            format!("no agent has a tag `{tag}`"),
            "no such tag",
        );
        self.suggest(tag, tags.iter().map(String::as_str), str::to_owned);
        Err(Stop::Reported)
    }

    fn unknown<T, const N: usize>(&mut self, e: &Expr, attr: &str, of: &str, names: [&str; N]) -> Out<T> {
        let span = self.attribute_span(e, attr);
        self.report_at(
            &UNKNOWN_ATTRIBUTE,
            span,
            format!("{of} has no attribute `{attr}`"),
            "no such attribute",
        );
        if of == "the context" && self.shape.parameters.iter().any(|p| p.name == attr) {
            self.help(format!("arguments are in `context.args`: write `context.args.{attr}`"));
        } else if crate::diag::nearest(attr, names).is_some() {
            self.suggest(attr, names, str::to_owned);
        } else if N > 0 {
            self.help(format!("it has {}", names.map(|name| format!("`{name}`")).join(", ")));
        }
        Err(Stop::Reported)
    }

    fn unknown_argument<'n, T>(
        &mut self,
        e: &Expr,
        attr: &str,
        message: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> Out<T> {
        // Asking whether it is there and then reading it is one mistake.
        if self.reported(&UNKNOWN_ARGUMENT, &format!("`{attr}`")) {
            return Err(Stop::Reported);
        }
        let span = self.attribute_span(e, attr);
        self.report_at(&UNKNOWN_ARGUMENT, span, message, "not declared");
        let names: Vec<&str> = names.collect();
        if crate::diag::nearest(attr, names.iter().copied()).is_some() {
            self.suggest(attr, names, str::to_owned);
        } else {
            self.help("where only some of the rule's actions have it, ask first: `context.args has x && ...`");
        }
        Err(Stop::Reported)
    }

    /// The place of an attribute. Cedar gives every part of `a.b.c(d)` the place of the whole.
    fn attribute_span(&self, e: &Expr, attr: &str) -> Span {
        let found = e.source_loc().and_then(|loc| {
            let text = loc.snippet()?;
            let read = format!(".{attr}");
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let ends = |end: usize| !text.get(end..).is_some_and(|rest| rest.starts_with(word));
            let at = text
                .match_indices(&read)
                .find(|(at, read)| ends(at + read.len()))
                .map(|(at, _)| at + 1)
                .or_else(|| text.rfind(attr))?;
            let start = loc.start() + at;
            Some(self.parsed.place.locate(start..start + attr.len()))
        });
        found.unwrap_or_else(|| self.span(e))
    }
}

fn principal(attribute: Attribute, ty: Ty) -> Val {
    Val::Term(Term::Principal(attribute), ty)
}

/// The name of something declared, which is known.
fn named(name: &str, declared: Declared) -> Val {
    let constant = Term::Constant(Constant::String(name.to_owned()));
    Val::Term(constant, Ty::Str(Kind::Name(declared)))
}

/// The fields of a record, url or email.
fn fields(ty: &Type) -> &[Parameter] {
    match ty {
        Type::Record(fields) | Type::Url(fields) | Type::Email(fields) => fields,
        _ => &[],
    }
}

fn has_field(record: &Parameter, name: &str) -> bool {
    fields(&record.ty).iter().any(|field| field.name == name)
}

/// The parameters, and fields of parameters, of that name.
fn alike<'p>(name: &str, parameters: &'p [Parameter]) -> Vec<&'p Parameter> {
    let mut open: Vec<&Parameter> = parameters.iter().collect();
    let mut found = Vec::new();
    while let Some(parameter) = open.pop() {
        open.extend(fields(&parameter.ty));
        found.extend((parameter.name == name).then_some(parameter));
    }
    found
}

/// `{a: x, b: y}.a`: the other fields are evaluated too, and may err.
pub(super) fn pick(this: &mut Lowerer<'_>, e: &Expr, all: Vec<(String, Val)>, attr: &str) -> Out<Tree<Val>> {
    let mut picked = None;
    let mut evaluated = YES;
    for (name, val) in all {
        if name == attr {
            picked = Some(val);
        } else {
            evaluated = and(evaluated, this.forced(e, &val)?);
        }
    }
    match picked {
        Some(val) => Ok(Tree::check(evaluated, Tree::Leaf(val))),
        None => this.unknown(e, attr, "the record", []),
    }
}
