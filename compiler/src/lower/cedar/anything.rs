//! Operators over a [`Class`]: entities with attributes, tags and ancestors, sets of anything, values of any type.
//!
//! Here nothing was type-checked, so a wrong type is what it is to Cedar, an error of the evaluation. Every value that
//! comes in was evaluated without one, or is checked beside what is made of it.

use std::collections::BTreeSet;

use super::lower::{Lowerer, Out, Stop};
use super::tree::{NO, Tree, YES, and, boolean_term, choose, harmless, not, or, readable, settled};
use super::types::{Ent, Field, FieldTy, Record, Ty, Uid, Val};
use super::world::{Class, Data};
use crate::ir::{Answer, Condition, Constant, Op, Term};

/// What is known of an entity.
#[derive(Clone, Copy)]
enum Seen<'d> {
    Stored(&'d Data),
    /// The resource, of which the request tells.
    Open,
    Nowhere,
}

impl<'a> Lowerer<'a> {
    /// Yes if the value can be evaluated, an error if not.
    pub(super) fn sound(&mut self, val: &Val) -> Out<Condition> {
        self.budget.spend(1)?;
        Ok(match val {
            Val::Term(term, _) => readable(term),
            Val::Bool(condition) => {
                self.budget.spend(val.size())?;
                harmless(condition.clone())
            }
            Val::Entity(Ent::Asked(_, term)) => readable(term),
            Val::Entity(_) => YES,
            Val::Many(items) => self.all_sound(items.iter())?,
            Val::Record(Record::Literal(fields)) => self.all_sound(fields.iter().map(|(_, val)| val))?,
            Val::Record(Record::Asked(fields, slot)) => {
                let mut all = slot.map_or(YES, |slot| readable(&Term::Slot(slot)));
                for field in fields.iter() {
                    let has = self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?;
                    let read = self.sound(&field.val())?;
                    all = and(all, or(not(has), read));
                }
                all
            }
            Val::Record(_) | Val::Entities(_) | Val::Opaque(_) => return Err(Stop::Reported),
        })
    }

    fn all_sound<'v>(&mut self, vals: impl Iterator<Item = &'v Val>) -> Out<Condition> {
        let mut all = YES;
        for val in vals {
            all = and(all, self.sound(val)?);
        }
        Ok(all)
    }

    /// No, once both are evaluated.
    fn never(&mut self, x: &Val, y: &Val) -> Out<Condition> {
        let (x, y) = (self.sound(x)?, self.sound(y)?);
        Ok(and(x, and(y, NO)))
    }

    /// `x == y`: of two types, it is false.
    pub(super) fn same(&mut self, x: &Val, y: &Val) -> Out<Condition> {
        match (x, y) {
            (Val::Term(a, ta), Val::Term(b, tb)) => match (ta, tb) {
                (Ty::Set(ta), Ty::Set(tb)) if ta != tb => {
                    let (a, b) = (self.empty(a)?, self.empty(b)?);
                    Ok(and(a, b))
                }
                _ if ta == tb => self.equal_terms(a.clone(), b.clone()),
                _ => self.never(x, y),
            },
            (Val::Bool(a), Val::Bool(b)) => self.same_truth(a.clone(), b.clone()),
            (Val::Entity(a), Val::Entity(b)) => self.same_one(a, b),
            (Val::Record(a), Val::Record(b)) => self.same_fields(a, b),
            (Val::Many(_), Val::Many(_) | Val::Term(_, Ty::Set(_))) | (Val::Term(_, Ty::Set(_)), Val::Many(_)) => {
                let (all, back) = (self.all_in(x, y)?, self.all_in(y, x)?);
                Ok(and(all, back))
            }
            _ => self.never(x, y),
        }
    }

    pub(super) fn same_truth(&mut self, x: Condition, y: Condition) -> Out<Condition> {
        match (boolean_term(&x), boolean_term(&y)) {
            (Some(x), Some(y)) => self.equal_terms(x, y),
            _ => {
                let same = self.budget.copy(&y)?;
                self.budget.spend(2)?;
                Ok(choose(x, same, not(y)))
            }
        }
    }

    fn same_one(&mut self, a: &Ent, b: &Ent) -> Out<Condition> {
        if self.type_of(a) != self.type_of(b) {
            return self.never(&Val::Entity(a.clone()), &Val::Entity(b.clone()));
        }
        let (a, b) = (self.text_of(a)?, self.text_of(b)?);
        self.equal_terms(a, b)
    }

    fn same_fields(&mut self, x: &Record, y: &Record) -> Out<Condition> {
        let whole = (
            self.sound(&Val::Record(x.clone()))?,
            self.sound(&Val::Record(y.clone()))?,
        );
        let mut all = and(whole.0, whole.1);
        let mut left = self.fields(x)?;
        for (name, has_y, y) in self.fields(y)? {
            let at = left.iter().position(|(other, _, _)| *other == name);
            let both = match at.map(|at| left.remove(at)) {
                Some((_, has_x, x)) => {
                    let equal = self.same(&x, &y)?;
                    let without = not(has_y.clone());
                    choose(has_x, and(has_y, equal), without)
                }
                None => not(has_y),
            };
            self.budget.spend(3)?;
            all = and(all, both);
        }
        for (_, has, _) in left {
            all = and(all, not(has));
        }
        Ok(all)
    }

    fn fields(&mut self, record: &Record) -> Out<Vec<(String, Condition, Val)>> {
        match record {
            Record::Literal(fields) => {
                self.budget.spend(fields.len())?;
                Ok(fields
                    .iter()
                    .map(|(name, val)| (name.clone(), YES, val.clone()))
                    .collect())
            }
            Record::Asked(fields, _) => {
                let field = |field: &Field| {
                    let has = self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?;
                    Ok((field.name.clone(), has, field.val()))
                };
                fields.iter().map(field).collect()
            }
            _ => Err(Stop::Reported),
        }
    }

    // Sets.

    fn empty(&mut self, set: &Term) -> Out<Condition> {
        self.test(Op::IsEmpty, set.clone(), Term::Nothing)
    }

    /// `set.isEmpty()`
    pub(super) fn no_member(&mut self, set: &Val) -> Out<Condition> {
        match set {
            Val::Many(items) => Ok(settled(items.is_empty())),
            Val::Term(set, Ty::Set(_)) => self.empty(set),
            _ => Err(Stop::Errs),
        }
    }

    /// `set.contains(val)`
    pub(super) fn member(&mut self, set: &Val, val: &Val) -> Out<Condition> {
        match set {
            Val::Many(items) => {
                let mut any = NO;
                for item in items {
                    any = or(any, self.same(item, val)?);
                }
                let sound = self.sound(val)?;
                Ok(and(sound, any))
            }
            Val::Term(term, Ty::Set(of)) => match self.element(of, val)? {
                Some(element) => {
                    let term = term.clone();
                    self.over(element, &mut |this, element| {
                        this.test(Op::Contains, term.clone(), element)
                    })
                }
                None => self.never(set, val),
            },
            _ => Err(Stop::Errs),
        }
    }

    /// `sup.containsAll(sub)`
    pub(super) fn all_in(&mut self, sup: &Val, sub: &Val) -> Out<Condition> {
        match (sup, sub) {
            (Val::Many(_) | Val::Term(_, Ty::Set(_)), Val::Many(items)) => {
                let mut all = self.sound(sup)?;
                for item in items {
                    all = and(all, self.member(sup, item)?);
                }
                Ok(all)
            }
            // There are two truths: each of them is in the one, or not in the other.
            (Val::Many(_), Val::Term(term, Ty::Set(of))) if **of == Ty::Bool => {
                let mut all = YES;
                for truth in [true, false] {
                    let constant = Term::Constant(Constant::Bool(truth));
                    let there = self.test(Op::Contains, term.clone(), constant)?;
                    let here = self.member(sup, &Val::Bool(settled(truth)))?;
                    all = and(all, choose(there, here, YES));
                }
                Ok(all)
            }
            (Val::Many(items), Val::Term(term, Ty::Set(of))) => match self.elements(of, items)? {
                Some(set) => self.test(Op::ContainsAll, set, term.clone()),
                None => self.empty(term),
            },
            (Val::Term(a, Ty::Set(of_a)), Val::Term(b, Ty::Set(of_b))) if of_a == of_b => {
                self.test(Op::ContainsAll, a.clone(), b.clone())
            }
            (Val::Term(a, Ty::Set(_)), Val::Term(b, Ty::Set(_))) => {
                let empty = self.empty(b)?;
                Ok(and(readable(a), empty))
            }
            _ => Err(Stop::Errs),
        }
    }

    /// `x.containsAny(y)`
    pub(super) fn any_in(&mut self, x: &Val, y: &Val) -> Out<Condition> {
        match (x, y) {
            (Val::Many(_) | Val::Term(_, Ty::Set(_)), Val::Many(items)) => {
                let mut any = NO;
                for item in items {
                    any = or(any, self.member(x, item)?);
                }
                let sound = self.sound(x)?;
                Ok(and(sound, any))
            }
            (Val::Many(_), Val::Term(_, Ty::Set(_))) => self.any_in(y, x),
            (Val::Term(a, Ty::Set(of_a)), Val::Term(b, Ty::Set(of_b))) if of_a == of_b => {
                self.test(Op::ContainsAny, a.clone(), b.clone())
            }
            (Val::Term(_, Ty::Set(_)), Val::Term(_, Ty::Set(_))) => self.never(x, y),
            _ => Err(Stop::Errs),
        }
    }

    /// A value as an element of a set that the request brings; `None` where no such set has it.
    fn element(&mut self, of: &Ty, val: &Val) -> Out<Option<Tree<Term>>> {
        let truth = |truth| Box::new(Tree::Leaf(Term::Constant(Constant::Bool(truth))));
        Ok(match (of, val) {
            (Ty::Bool, Val::Bool(condition)) => Some(match boolean_term(condition) {
                Some(term) => Tree::Leaf(term),
                None => Tree::If(self.budget.copy(condition)?, truth(true), truth(false)),
            }),
            (Ty::Entity(ty), Val::Entity(ent)) if **ty == *self.type_of(ent) => Some(Tree::Leaf(self.text_of(ent)?)),
            (Ty::Whole, val) => match val.whole() {
                Some(text) => Some(Tree::Leaf(Term::Constant(Constant::String(text)))),
                None if matches!(val, Val::Many(_) | Val::Record(_) | Val::Term(_, Ty::Set(_))) => {
                    return self.refuse("a set of sets or records that the request brings, beside one that it makes");
                }
                None => None,
            },
            (ty, Val::Term(term, found)) if ty == found => Some(Tree::Leaf(term.clone())),
            _ => None,
        })
    }

    /// The elements that a set of that type may have, as one term; `None` where there are none.
    fn elements(&mut self, of: &Ty, items: &[Val]) -> Out<Option<Term>> {
        let mut terms = Vec::new();
        for item in items {
            match self.element(of, item)? {
                None => {}
                Some(Tree::Leaf(term)) => terms.push(term),
                // Only a boolean is no term, and sets of those do not come here.
                Some(_) => return Err(Stop::Reported),
            }
        }
        let constant = |term: &Term| match term {
            Term::Constant(constant) => Some(constant.clone()),
            _ => None,
        };
        let constants: Option<Vec<Constant>> = terms.iter().map(constant).collect();
        Ok(match constants {
            _ if terms.is_empty() => None,
            Some(mut constants) => {
                constants.sort();
                constants.dedup();
                Some(Term::Constant(Constant::Set(constants)))
            }
            None => Some(Term::Set(terms)),
        })
    }

    fn refuse<T>(&mut self, what: &str) -> Out<T> {
        let e = &self.parsed.expr;
        self.unsupported(e, what)
    }

    // Entities.

    fn class(&self) -> Out<&'a Class<'a>> {
        self.world.ok_or(Stop::Reported)
    }

    pub(super) fn type_of(&self, ent: &Ent) -> String {
        match (ent, self.world) {
            (Ent::Open, Some(class)) => class.resource.ty.clone(),
            _ => ent.type_name().to_owned(),
        }
    }

    /// The text by which an entity is compared.
    fn text_of(&self, ent: &Ent) -> Out<Term> {
        match ent {
            Ent::Given(uid) => Ok(text(uid)),
            Ent::Asked(_, term) => Ok(term.clone()),
            Ent::Open => self.open_id(),
            _ => Err(Stop::Reported),
        }
    }

    fn open_id(&self) -> Out<Term> {
        let open = self.class()?.open.as_ref().ok_or(Stop::Reported)?;
        Ok(Term::Slot(open.id))
    }

    fn above(&self) -> Out<Term> {
        let open = self.class()?.open.as_ref().ok_or(Stop::Reported)?;
        Ok(Term::Slot(open.ancestors))
    }

    /// Whether an entity of that type may be the resource of which the request tells.
    fn may_be_open(&self, ty: &str) -> bool {
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
                choose(empty, NO, Condition::Constant(Answer::Error))
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

    fn contains_text(&mut self, mut names: Vec<Constant>, target: Term) -> Out<Condition> {
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

    /// What is made of what is known of an entity, whichever it turns out to be.
    fn known(&mut self, entity: &Ent, f: &mut dyn FnMut(&mut Self, Seen<'a>) -> Out<Tree<Val>>) -> Out<Tree<Val>> {
        let class = self.class()?;
        let mut part = |this: &mut Self, seen| match f(this, seen) {
            Err(Stop::Errs) => Ok(Tree::Errs),
            other => other,
        };
        let seen = |uid: &Uid| class.stored(uid).map_or(Seen::Nowhere, Seen::Stored);
        match entity {
            Ent::Open => part(self, Seen::Open),
            Ent::Given(uid) => {
                let stored = part(self, seen(uid))?;
                if !self.may_be_open(&uid.ty) {
                    return Ok(stored);
                }
                let id = self.open_id()?;
                let is = self.equal_terms(id, text(uid))?;
                let open = part(self, Seen::Open)?;
                Ok(Tree::If(is, Box::new(open), Box::new(stored)))
            }
            Ent::Asked(ty, term) => {
                let mut tree = part(self, Seen::Nowhere)?;
                for uid in class.of_type(ty) {
                    let is = self.equal_terms(term.clone(), text(&uid))?;
                    let stored = part(self, seen(&uid))?;
                    tree = Tree::If(is, Box::new(stored), Box::new(tree));
                }
                if self.may_be_open(ty) {
                    let id = self.open_id()?;
                    let is = self.equal_terms(term.clone(), id)?;
                    let open = part(self, Seen::Open)?;
                    tree = Tree::If(is, Box::new(open), Box::new(tree));
                }
                Ok(Tree::check(readable(term), tree))
            }
            _ => Err(Stop::Reported),
        }
    }

    /// `x.name`
    pub(super) fn read_attribute(&mut self, val: &Val, name: &str) -> Out<Tree<Val>> {
        match val {
            Val::Record(Record::Literal(fields)) => {
                let found = fields.iter().find(|(own, _)| own == name);
                found.map(|(_, val)| Tree::Leaf(val.clone())).ok_or(Stop::Errs)
            }
            Val::Record(Record::Asked(fields, slot)) => {
                let found = fields.iter().find(|field| field.name == name).ok_or(Stop::Errs)?;
                let there = slot.map_or(YES, |slot| readable(&Term::Slot(slot)));
                let own = self.sound(&found.val())?;
                let own = match &found.ty {
                    FieldTy::Record(_) => readable(&Term::Slot(found.slot)),
                    FieldTy::Plain(_) => own,
                };
                Ok(Tree::check(and(there, own), Tree::Leaf(found.val())))
            }
            Val::Entity(entity) => {
                let class = self.class()?;
                self.known(entity, &mut |_, seen| match seen {
                    Seen::Stored(data) => data
                        .attributes
                        .get(name)
                        .map(|val| Tree::Leaf(val.clone()))
                        .ok_or(Stop::Errs),
                    Seen::Open => {
                        let fields = class.open.iter().flat_map(|open| &open.attributes);
                        let field = fields.into_iter().find(|field| field.name == name).ok_or(Stop::Errs)?;
                        Ok(Tree::check(readable(&Term::Slot(field.slot)), Tree::Leaf(field.val())))
                    }
                    Seen::Nowhere => Err(Stop::Errs),
                })
            }
            _ => Err(Stop::Errs),
        }
    }

    /// `x has name`
    pub(super) fn has_attribute(&mut self, val: &Val, name: &str) -> Out<Condition> {
        match val {
            Val::Record(Record::Literal(fields)) => Ok(settled(fields.iter().any(|(own, _)| own == name))),
            Val::Record(Record::Asked(fields, slot)) => {
                let there = slot.map_or(YES, |slot| readable(&Term::Slot(slot)));
                let has = match fields.iter().find(|field| field.name == name) {
                    Some(field) => self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?,
                    None => NO,
                };
                Ok(and(there, has))
            }
            Val::Entity(entity) => {
                let class = self.class()?;
                let tree = self.known(entity, &mut |this, seen| {
                    let has = match seen {
                        Seen::Stored(data) => settled(data.attributes.contains_key(name)),
                        Seen::Open => {
                            let mut fields = class.open.iter().flat_map(|open| &open.attributes);
                            match fields.find(|field| field.name == name) {
                                Some(field) => this.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?,
                                None => NO,
                            }
                        }
                        Seen::Nowhere => NO,
                    };
                    Ok(Tree::Leaf(Val::Bool(has)))
                })?;
                self.truth(tree)
            }
            _ => Err(Stop::Errs),
        }
    }

    fn truth(&mut self, tree: Tree<Val>) -> Out<Condition> {
        self.over(tree, &mut |_, val| match val {
            Val::Bool(condition) => Ok(condition),
            _ => Err(Stop::Errs),
        })
    }

    /// `x.hasTag(key)`
    pub(super) fn has_tag(&mut self, val: &Val, key: &Val) -> Out<Condition> {
        let (Val::Entity(entity), Val::Term(key, Ty::Str(_))) = (val, key) else {
            return Err(Stop::Errs);
        };
        let class = self.class()?;
        let tree = self.known(entity, &mut |this, seen| {
            let has = match (seen, class.open.as_ref()) {
                (Seen::Stored(data), _) => {
                    let keys = data.tags.keys().map(|key| Constant::String(key.clone())).collect();
                    this.contains_text(keys, key.clone())?
                }
                (Seen::Open, Some(open)) => this.test(Op::Contains, Term::Slot(open.tag_keys), key.clone())?,
                _ => NO,
            };
            Ok(Tree::Leaf(Val::Bool(and(readable(key), has))))
        })?;
        self.truth(tree)
    }

    /// `x.getTag(key)`
    pub(super) fn get_tag(&mut self, val: &Val, key: &Val) -> Out<Tree<Val>> {
        let (Val::Entity(entity), Val::Term(key, Ty::Str(_))) = (val, key) else {
            return Err(Stop::Errs);
        };
        let class = self.class()?;
        let tree = self.known(entity, &mut |this, seen| match (seen, class.open.as_ref()) {
            (Seen::Stored(data), _) => {
                let mut tree = Tree::Errs;
                for (name, val) in &data.tags {
                    let is = this.equal_terms(key.clone(), Term::Constant(Constant::String(name.clone())))?;
                    tree = match is {
                        YES => return Ok(Tree::Leaf(val.clone())),
                        NO => tree,
                        is => Tree::If(is, Box::new(Tree::Leaf(this.copy_val(val)?)), Box::new(tree)),
                    };
                }
                Ok(tree)
            }
            (Seen::Open, Some(open)) => {
                let mut tree = Tree::Errs;
                for field in &open.tags {
                    let is = this.equal_terms(key.clone(), Term::Constant(Constant::String(field.name.clone())))?;
                    let own = Tree::check(readable(&Term::Slot(field.slot)), Tree::Leaf(field.val()));
                    tree = match is {
                        YES => return Ok(own),
                        NO => tree,
                        is => Tree::If(is, Box::new(own), Box::new(tree)),
                    };
                }
                Ok(tree)
            }
            _ => Err(Stop::Errs),
        })?;
        Ok(Tree::check(readable(key), tree))
    }
}

fn text(uid: &Uid) -> Term {
    Term::Constant(Constant::String(uid.text()))
}
