//! Values that depend on a test: `if a then b else c` where a term stands, until the test is lifted around it.

use super::lower::{Out, Stop};
use super::types::{Record, Val};
use crate::ir::{Answer, Condition, Constant, Op, Term, Test};

/// How many tests one condition may come to. Lifting an `if` out of a term copies what stands beside it; far
/// beyond what anybody writes by hand, and small enough that every later step stays quick.
pub const MAX_TESTS: usize = 4096;

/// A value, after the tests that it depends on.
#[derive(Debug, Clone)]
pub(super) enum Tree<T> {
    Leaf(T),
    If(Condition, Box<Tree<T>>, Box<Tree<T>>),
    /// The condition must not err, whatever else it says: it is part of something evaluated and thrown away.
    Check(Condition, Box<Tree<T>>),
    /// Evaluating it errs.
    Errs,
}

/// The condition grew beyond [`MAX_TESTS`].
#[derive(Debug)]
pub(super) struct TooLarge;

/// Counts what is made, so that copying cannot explode.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: MAX_TESTS }
    }

    pub(super) fn spend(&mut self, tests: usize) -> Result<(), TooLarge> {
        self.left = self.left.checked_sub(tests).ok_or(TooLarge)?;
        Ok(())
    }

    pub(super) fn copy(&mut self, condition: &Condition) -> Result<Condition, TooLarge> {
        self.spend(size(condition))?;
        Ok(condition.clone())
    }
}

fn size(condition: &Condition) -> usize {
    match condition {
        Condition::Constant(_) | Condition::Test(_) => 1,
        Condition::Not(a) | Condition::ErrorIsNo(a) => 1 + size(a),
        Condition::And(a, b) | Condition::Or(a, b) => 1 + size(a) + size(b),
        Condition::If(a, b, c) => 1 + size(a) + size(b) + size(c),
    }
}

/// The tests that a tree of values holds: what copying it costs.
pub(super) fn size_of(tree: &Tree<Val>) -> usize {
    match tree {
        Tree::Leaf(val) => val.size(),
        Tree::If(test, yes, no) => size(test) + size_of(yes) + size_of(no),
        Tree::Check(check, rest) => size(check) + size_of(rest),
        Tree::Errs => 0,
    }
}

impl Val {
    /// The tests that it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Val::Bool(condition) => size(condition) - 1,
            Val::Record(Record::Literal(fields)) => fields.iter().map(|(_, field)| field.size()).sum(),
            Val::Many(items) => items.iter().map(Val::size).sum(),
            Val::Record(_) | Val::Term(..) | Val::Entity(_) | Val::Entities(_) | Val::Opaque(_) => 0,
        }
    }
}

impl<T> Tree<T> {
    pub(super) fn check(condition: Condition, rest: Tree<T>) -> Tree<T> {
        if condition == YES {
            rest
        } else {
            Tree::Check(condition, Box::new(rest))
        }
    }

    /// Replaces each leaf by a tree. What errs for one leaf errs there alone.
    pub(super) fn then<U>(self, f: &mut impl FnMut(T) -> Out<Tree<U>>) -> Out<Tree<U>> {
        Ok(match self {
            Tree::Leaf(value) => match f(value) {
                Err(Stop::Errs) => Tree::Errs,
                other => other?,
            },
            Tree::If(test, yes, no) => Tree::If(test, Box::new(yes.then(f)?), Box::new(no.then(f)?)),
            Tree::Check(check, rest) => Tree::Check(check, Box::new(rest.then(f)?)),
            Tree::Errs => Tree::Errs,
        })
    }
}

impl Tree<Condition> {
    /// The condition that the tree stands for.
    pub(super) fn condition(self) -> Condition {
        match self {
            Tree::Leaf(condition) => condition,
            Tree::If(test, yes, no) => choose(test, yes.condition(), no.condition()),
            Tree::Check(check, rest) => and(harmless(check), rest.condition()),
            Tree::Errs => ERROR,
        }
    }
}

pub(super) const YES: Condition = Condition::Constant(Answer::Yes);
pub(super) const ERROR: Condition = Condition::Constant(Answer::Error);
pub(super) const NO: Condition = Condition::Constant(Answer::No);

pub(super) fn settled(yes: bool) -> Condition {
    if yes { YES } else { NO }
}

/// Yes, unless the condition errs.
pub(super) fn harmless(condition: Condition) -> Condition {
    match condition {
        NO | YES => YES,
        ERROR => ERROR,
        Condition::Test(Test {
            op: Op::Equal,
            left,
            right,
        }) if left == right => test(Op::Equal, left, right),
        condition => or(condition, YES),
    }
}

/// Cedar's `&&`. A side is dropped only where evaluation would not look at it, or where it is a constant.
pub(super) fn and(left: Condition, right: Condition) -> Condition {
    match (left, right) {
        (NO, _) => NO,
        (ERROR, _) => ERROR,
        (YES, right) => right,
        (left, YES) => left,
        (left, right) => Condition::And(Box::new(left), Box::new(right)),
    }
}

/// Cedar's `||`, with the same care.
pub(super) fn or(left: Condition, right: Condition) -> Condition {
    match (left, right) {
        (YES, _) => YES,
        (ERROR, _) => ERROR,
        (NO, right) => right,
        (left, NO) => left,
        (left, right) => Condition::Or(Box::new(left), Box::new(right)),
    }
}

pub(super) fn not(condition: Condition) -> Condition {
    match condition {
        YES => NO,
        NO => YES,
        Condition::Not(inner) => *inner,
        condition => Condition::Not(Box::new(condition)),
    }
}

/// Cedar's `if`.
pub(super) fn choose(test: Condition, yes: Condition, no: Condition) -> Condition {
    match (test, yes, no) {
        (YES, yes, _) => yes,
        (NO, _, no) => no,
        (ERROR, _, _) => ERROR,
        (test, YES, NO) => test,
        (test, NO, YES) => not(test),
        (test, yes, no) => Condition::If(Box::new(test), Box::new(yes), Box::new(no)),
    }
}

pub(super) fn test(op: Op, left: Term, right: Term) -> Condition {
    Condition::Test(Test { op, left, right })
}

/// Yes if the term can be evaluated, an error if not.
pub(super) fn readable(term: &Term) -> Condition {
    match term {
        Term::Constant(_) | Term::Now | Term::Calls | Term::Holding => YES,
        term => test(Op::Equal, term.clone(), term.clone()),
    }
}

/// The term for a boolean that a condition gives, where one term says it.
pub(super) fn boolean_term(condition: &Condition) -> Option<Term> {
    match condition {
        Condition::Constant(Answer::Yes) => Some(Term::Constant(Constant::Bool(true))),
        Condition::Constant(Answer::No) => Some(Term::Constant(Constant::Bool(false))),
        Condition::Test(Test {
            op: Op::IsTrue, left, ..
        }) => Some(left.clone()),
        _ => None,
    }
}
