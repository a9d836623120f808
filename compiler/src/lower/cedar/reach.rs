//! What an entity is in, for a class of requests: settled where both are known, a test where the request brings one.
//!
//! What is in the resource is in whatever the resource is in, and where only the request tells what that is, each entity
//! that may be the resource is a door to it.

use std::collections::BTreeSet;

use super::lower::{Lowerer, Out, Stop};
use super::tree::{ERROR, NO, and, choose, or, settled};
use super::types::{Ent, Ty, Uid, Val};
use super::world::Class;
use crate::ir::{Condition, Constant, Op, Term};

impl<'a> Lowerer<'a> {
    pub(super) fn class(&self) -> Out<&'a Class<'a>> {
        self.world.ok_or(Stop::Reported)
    }

    pub(super) fn type_of(&self, ent: &Ent) -> String {
        match (ent, self.world) {
            (Ent::Open, Some(class)) => class.resource.ty.clone(),
            _ => ent.type_name().to_owned(),
        }
    }

    /// The text by which an entity is compared.
    pub(super) fn text_of(&self, ent: &Ent) -> Out<Term> {
        match ent {
            Ent::Given(uid) => Ok(text(uid)),
            Ent::Asked(_, term) => Ok(term.clone()),
            Ent::Open => self.open_id(),
            _ => Err(Stop::Reported),
        }
    }

    pub(super) fn open_id(&self) -> Out<Term> {
        let open = self.class()?.open.as_ref().ok_or(Stop::Reported)?;
        Ok(Term::Slot(open.id))
    }

    pub(super) fn above(&self) -> Out<Term> {
        let open = self.class()?.open.as_ref().ok_or(Stop::Reported)?;
        Ok(Term::Slot(open.ancestors))
    }

    /// Whether an entity of that type may be the resource of which the request tells.
    pub(super) fn may_be_open(&self, ty: &str) -> bool {
        self.world
            .is_some_and(|class| class.open.is_some() && class.resource.ty == ty)
    }

    /// `a in b`
    pub(super) fn is_within(&mut self, a: &Val, b: &Val) -> Out<Condition> {
        let Val::Entity(entity) = a else { return Err(Stop::Errs) };
        let found = match b {
            Val::Entity(group) => self.reaches(entity, group)?,
            Val::Many(items) => {
                let mut any = NO;
                for item in items {
                    let Val::Entity(group) = item else {
                        return Err(Stop::Errs);
                    };
                    any = or(any, self.reaches(entity, group)?);
                }
                any
            }
            Val::Term(set, Ty::Set(of)) if matches!(**of, Ty::Entity(_)) => self.reaches_any(entity, set, of)?,
            // Of a set that is not one of entities, Cedar asks whether its elements are: one without any is none.
            Val::Term(set, Ty::Set(_)) => {
                let empty = self.empty(set)?;
                choose(empty, NO, ERROR)
            }
            _ => return Err(Stop::Errs),
        };
        let (a, b) = (self.sound(a)?, self.sound(b)?);
        Ok(and(a, and(b, found)))
    }

    /// Whether an entity is, or is in, another.
    fn reaches(&mut self, entity: &Ent, group: &Ent) -> Out<Condition> {
        let target = self.text_of(group)?;
        let ty = self.type_of(group);
        let equal = |this: &mut Self, entity: &Ent| match this.type_of(entity) == ty {
            true => this
                .text_of(entity)
                .and_then(|text| this.equal_terms(text, target.clone())),
            false => Ok(NO),
        };
        let from = |this: &mut Self, uid: &Uid| {
            let mut found = match group {
                Ent::Given(group) => settled(this.class()?.within(uid).contains(group)),
                _ => {
                    let all = this.class()?.within(uid).into_iter();
                    let names = all.filter(|uid| uid.ty == ty).map(|uid| Constant::String(uid.text()));
                    this.contains_text(names.collect(), target.clone())?
                }
            };
            for door in this.doors(uid)? {
                let above = this.above()?;
                let beyond = this.test(Op::Contains, above, target.clone())?;
                found = or(found, and(door, beyond));
            }
            Ok::<_, Stop>(found)
        };
        match entity {
            Ent::Given(uid) => from(self, uid),
            Ent::Open => {
                let own = equal(self, entity)?;
                let above = self.above()?;
                let beyond = self.test(Op::Contains, above, target.clone())?;
                Ok(or(own, beyond))
            }
            Ent::Asked(of, term) => {
                let mut found = equal(self, entity)?;
                for uid in self.class()?.of_type(of) {
                    let reached = from(self, &uid)?;
                    if reached != NO {
                        let is = self.equal_terms(term.clone(), text(&uid))?;
                        found = or(found, and(is, reached));
                    }
                }
                if self.may_be_open(of) {
                    let (id, above) = (self.open_id()?, self.above()?);
                    let is = self.equal_terms(term.clone(), id)?;
                    let beyond = self.test(Op::Contains, above, target.clone())?;
                    found = or(found, and(is, beyond));
                }
                Ok(found)
            }
            _ => Err(Stop::Reported),
        }
    }

    /// Whether an entity is, or is in, one of a set that the request brings.
    fn reaches_any(&mut self, entity: &Ent, set: &Term, of: &Ty) -> Out<Condition> {
        let Ty::Entity(ty) = of else { return Err(Stop::Errs) };
        let from = |this: &mut Self, uid: &Uid| {
            let all = this.class()?.within(uid).into_iter();
            let mut names: Vec<Constant> = all
                .filter(|uid| *uid.ty == **ty)
                .map(|uid| Constant::String(uid.text()))
                .collect();
            names.sort();
            let mut found = match names.is_empty() {
                true => NO,
                false => this.test(Op::ContainsAny, set.clone(), Term::Constant(Constant::Set(names)))?,
            };
            for door in this.doors(uid)? {
                let above = this.above()?;
                let beyond = this.test(Op::ContainsAny, set.clone(), above)?;
                found = or(found, and(door, beyond));
            }
            Ok::<_, Stop>(found)
        };
        match entity {
            Ent::Given(uid) => from(self, uid),
            Ent::Open => {
                let (id, above) = (self.open_id()?, self.above()?);
                let own = self.test(Op::Contains, set.clone(), id)?;
                let beyond = self.test(Op::ContainsAny, set.clone(), above)?;
                Ok(or(own, beyond))
            }
            Ent::Asked(own, term) => {
                let mut found = self.test(Op::Contains, set.clone(), term.clone())?;
                for uid in self.class()?.of_type(own) {
                    let reached = from(self, &uid)?;
                    if reached != NO {
                        let is = self.equal_terms(term.clone(), text(&uid))?;
                        found = or(found, and(is, reached));
                    }
                }
                if self.may_be_open(own) {
                    let (id, above) = (self.open_id()?, self.above()?);
                    let is = self.equal_terms(term.clone(), id)?;
                    let beyond = self.test(Op::ContainsAny, set.clone(), above)?;
                    found = or(found, and(is, beyond));
                }
                Ok(found)
            }
            _ => Err(Stop::Reported),
        }
    }

    pub(super) fn contains_text(&mut self, mut names: Vec<Constant>, target: Term) -> Out<Condition> {
        names.sort();
        names.dedup();
        match names.is_empty() {
            true => Ok(NO),
            false => self.test(Op::Contains, Term::Constant(Constant::Set(names)), target),
        }
    }

    /// For each entity that one is in and that may be the resource: that it is.
    fn doors(&mut self, uid: &Uid) -> Out<Vec<Condition>> {
        let class = self.class()?;
        let all: BTreeSet<Uid> = class.within(uid).into_iter().collect();
        let may: Vec<Uid> = all.into_iter().filter(|uid| self.may_be_open(&uid.ty)).collect();
        may.iter()
            .map(|uid| {
                let id = self.open_id()?;
                self.equal_terms(id, text(uid))
            })
            .collect()
    }
}

pub(super) fn text(uid: &Uid) -> Term {
    Term::Constant(Constant::String(uid.text()))
}
