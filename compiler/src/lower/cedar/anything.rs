//! Operators over a class of requests: equality of anything, sets of anything.
//!
//! Here nothing was type-checked, so a wrong type is what it is to Cedar, an error of the evaluation. Every value that
//! comes in was evaluated without one, or is checked beside what is made of it. What entities are in, and what is known
//! of them, is for `reach` and `seen`.

use super::lower::{Lowerer, Out, Stop};
use super::tree::{NO, Tree, YES, and, boolean_term, choose, harmless, not, or, readable, settled};
use super::types::{Ent, Field, Record, Ty, Val};
use crate::ir::{Condition, Constant, Op, Term};

impl Lowerer<'_> {
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
    pub(super) fn never(&mut self, x: &Val, y: &Val) -> Out<Condition> {
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

    pub(super) fn empty(&mut self, set: &Term) -> Out<Condition> {
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

    pub(super) fn refuse<T>(&mut self, what: &str) -> Out<T> {
        let e = &self.parsed.expr;
        self.unsupported(e, what)
    }
}
