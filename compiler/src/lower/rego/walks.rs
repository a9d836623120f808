//! Walks through what only the call knows: the elements of a list, and sets that are made of them.
//!
//! A walk through a list asks whether some element is such that the rest holds. Where the rest compares the element with
//! constants alone that is a question of which of them the list has, and whether it has others; the element stands in
//! it as a slot that no call has, until it is told so. What else is asked of an element no condition says.

use std::collections::BTreeSet;

use polity_runtime::value::Slot;
use regorus::unstable::Span;

use super::lower::{Env, Lowerer, Out};
use super::terms::Each;
use super::values::{Join, Place, Val};
use crate::ir::{Condition, Constant, Op, Term, Test};
use crate::lower::condition::{NO, YES, and, choose, not, or, settled};
use crate::lower::types::Ty;
use crate::resolve::shape::Type;

impl<'a> Lowerer<'a> {
    /// What is made of the elements of a list of the call.
    pub(super) fn elements(&mut self, span: &Span, list: &Term, of: &Ty, k: Each<'_, 'a>) -> Out<Condition> {
        if !matches!(of, Ty::Str(_) | Ty::Int | Ty::Decimal | Ty::Ip) {
            return self.outside(span, "a walk through a list of this type");
        }
        let element = Term::Slot(Slot(u16::MAX.saturating_sub(self.walks)));
        self.walks += 1;
        let condition = k(self, Val::Position, Val::Term(element.clone(), of.clone()));
        self.walks -= 1;
        let condition = condition?;
        let mut named = BTreeSet::new();
        if !compares(&condition, &element, &mut named) {
            return self.outside(span, "a walk through a list that only the call knows");
        }
        let set = |items: BTreeSet<Constant>| Term::Constant(Constant::Set(items.into_iter().collect()));
        let mut groups: Vec<(Condition, BTreeSet<Constant>)> = Vec::new();
        for constant in &named {
            let copy = self.budget.copy(&condition)?;
            let one = with(copy, &element, Some(constant));
            match groups.iter_mut().find(|(known, _)| *known == one) {
                Some((_, constants)) => drop(constants.insert(constant.clone())),
                None => groups.push((one, [constant.clone()].into())),
            }
        }
        let rest = with(condition, &element, None);
        // An element that is none of them; that is asked in any case, so that what is no list errs.
        let others = match named.is_empty() {
            true => self.test(Op::IsEmpty, list.clone(), Term::Nothing)?,
            false => self.test(Op::ContainsAll, set(named), list.clone())?,
        };
        let mut any = self.both(not(others.clone()), rest.clone())?;
        if rest == NO {
            any = self.readable(list)?;
            any = self.both(any, NO)?;
        }
        for (one, constants) in groups {
            if one == NO {
                continue;
            }
            let there = match constants.len() {
                1 => {
                    let only = constants.into_iter().next().map_or(Term::Nothing, Term::Constant);
                    self.test(Op::Contains, list.clone(), only)?
                }
                _ => self.test(Op::ContainsAny, list.clone(), set(constants))?,
            };
            let one = self.both(there, one)?;
            any = match any {
                // It says no more than that the list can be read, as this does.
                Condition::And(_, ref no) if **no == NO => one,
                any => self.either(any, one)?,
            };
        }
        Ok(any)
    }

    /// What is made of the members of an object of the input, as far as the call has them.
    pub(super) fn fields(&mut self, span: &Span, place: &Place, k: Each<'_, 'a>) -> Out<Condition> {
        let seen = |ty: &Type| match ty {
            Type::Opaque => false,
            Type::List(of) => !matches!(**of, Type::Url(_) | Type::Email(_)),
            _ => true,
        };
        let vocabulary = self.vocabulary;
        let names: Vec<&str> = match place {
            Place::Args => {
                let parameters = self.shape.parameters.iter();
                parameters
                    .filter(|one| seen(&one.ty))
                    .map(|one| one.name.as_str())
                    .collect()
            }
            Place::Tags => vocabulary.tags.iter().map(String::as_str).collect(),
            _ => return self.outside(span, "a walk through a part of the input"),
        };
        let mut any = NO;
        for name in names {
            let key = || Val::Const(super::values::Const::Str(name.to_owned()));
            let one = self.field(place, name, span, &mut |this, val| k(this, key(), val))?;
            any = self.either(any, one)?;
        }
        Ok(any)
    }

    /// What is made of the elements of two sets put together.
    pub(super) fn joined(&mut self, span: &Span, join: Join, a: &Val, b: &Val, k: Each<'_, 'a>) -> Out<Condition> {
        if join == Join::Union {
            let one = self.each(span, a.clone(), k)?;
            let other = self.each(span, b.clone(), k)?;
            return self.either(one, other);
        }
        self.each(span, a.clone(), &mut |this, key, item| {
            let member = this.member(span, b, &item)?;
            let holds = if join == Join::Intersection {
                member
            } else {
                not(member)
            };
            this.when(holds, &mut |this| k(this, key.clone(), item.clone()))
        })
    }

    /// Whether a collection has an element.
    pub(super) fn any(&mut self, span: &Span, of: &Val) -> Out<Condition> {
        self.each(span, of.clone(), &mut |this, _, item| this.sound(&item))
    }

    /// What is made of each thing that a comprehension gathers.
    pub(super) fn gathered(&mut self, of: &super::values::Gathered, k: Each<'_, 'a>) -> Out<Condition> {
        let env: &Env = &of.env;
        self.query(&of.query.stmts, env, &mut |this, env| {
            this.value(&of.term, env, &mut |this, item| {
                let key = if of.set { item.clone() } else { Val::Position };
                k(this, key, item)
            })
        })
    }
}

/// Whether a condition looks at an element by comparing it with constants alone; with which.
fn compares(condition: &Condition, element: &Term, named: &mut BTreeSet<Constant>) -> bool {
    match condition {
        Condition::Constant(_) => true,
        Condition::Not(a) | Condition::ErrorIsNo(a) => compares(a, element, named),
        Condition::And(a, b) | Condition::Or(a, b) => compares(a, element, named) && compares(b, element, named),
        Condition::If(a, b, c) => [a, b, c].into_iter().all(|one| compares(one, element, named)),
        Condition::Test(Test { op, left, right }) => match (op, left, right) {
            (Op::Equal, a, b) if a == element && b == element => true,
            (Op::Equal, Term::Constant(constant), other) | (Op::Equal, other, Term::Constant(constant))
                if other == element =>
            {
                named.insert(constant.clone());
                true
            }
            (Op::Contains, Term::Constant(Constant::Set(items)), other) if other == element => {
                named.extend(items.iter().cloned());
                true
            }
            (_, a, b) => !mentions(a, element) && !mentions(b, element),
        },
    }
}

fn mentions(term: &Term, element: &Term) -> bool {
    match term {
        Term::Apply(_, terms) | Term::Set(terms) | Term::List(terms) => {
            terms.iter().any(|term| mentions(term, element))
        }
        term => term == element,
    }
}

/// The condition where the element is a constant, or none of those that it is compared with.
fn with(condition: Condition, element: &Term, constant: Option<&Constant>) -> Condition {
    let inner = |condition: Box<Condition>| with(*condition, element, constant);
    match condition {
        Condition::Not(a) => not(inner(a)),
        Condition::And(a, b) => and(inner(a), inner(b)),
        Condition::Or(a, b) => or(inner(a), inner(b)),
        Condition::If(a, b, c) => choose(inner(a), inner(b), inner(c)),
        Condition::ErrorIsNo(a) => Condition::ErrorIsNo(Box::new(inner(a))),
        Condition::Constant(_) => condition,
        Condition::Test(Test { op, left, right }) => match (op, &left, &right) {
            (Op::Equal, a, b) if a == element && b == element => YES,
            (Op::Equal, Term::Constant(other), term) | (Op::Equal, term, Term::Constant(other)) if term == element => {
                settled(constant == Some(other))
            }
            (Op::Contains, Term::Constant(Constant::Set(items)), term) if term == element => {
                settled(constant.is_some_and(|constant| items.contains(constant)))
            }
            _ => Condition::Test(Test { op, left, right }),
        },
    }
}
