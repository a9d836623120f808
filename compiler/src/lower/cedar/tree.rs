//! Values that depend on a test: `if a then b else c` where a term stands, until the test is lifted around it.

use super::lower::{Out, Stop};
use super::types::{Record, Val};
use crate::ir::Condition;
pub(super) use crate::lower::condition::*;

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
