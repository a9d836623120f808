//! Conditions put together, with what a constant settles settled at once; and how large one may become.
//!
//! Every language's lowering makes its conditions with these. A part is left out only where evaluation never looks at it.

use crate::ir::{Answer, Condition, Constant, Function, Op, Term, Test};

/// How many tests one condition may come to. Lifting an `if` out of a term copies what stands beside it; far
/// beyond what anybody writes by hand, and small enough that every later step stays quick.
pub const MAX_TESTS: usize = 4096;

/// The condition grew beyond [`MAX_TESTS`].
#[derive(Debug)]
pub(in crate::lower) struct TooLarge;

/// Counts what is made, so that copying cannot explode.
#[derive(Debug)]
pub(in crate::lower) struct Budget {
    left: usize,
}

impl Budget {
    pub(in crate::lower) fn new() -> Self {
        Self { left: MAX_TESTS }
    }

    pub(in crate::lower) fn spend(&mut self, tests: usize) -> Result<(), TooLarge> {
        self.left = self.left.checked_sub(tests).ok_or(TooLarge)?;
        Ok(())
    }

    /// How much is left: what was made since is the difference.
    pub(in crate::lower) fn left(&self) -> usize {
        self.left
    }

    pub(in crate::lower) fn copy(&mut self, condition: &Condition) -> Result<Condition, TooLarge> {
        self.spend(size(condition))?;
        Ok(condition.clone())
    }
}

pub(in crate::lower) fn size(condition: &Condition) -> usize {
    match condition {
        Condition::Constant(_) | Condition::Test(_) => 1,
        Condition::Not(a) | Condition::ErrorIsNo(a) => 1 + size(a),
        Condition::And(a, b) | Condition::Or(a, b) => 1 + size(a) + size(b),
        Condition::If(a, b, c) => 1 + size(a) + size(b) + size(c),
    }
}

pub(in crate::lower) const YES: Condition = Condition::Constant(Answer::Yes);
pub(in crate::lower) const ERROR: Condition = Condition::Constant(Answer::Error);
pub(in crate::lower) const NO: Condition = Condition::Constant(Answer::No);

pub(in crate::lower) fn settled(yes: bool) -> Condition {
    if yes { YES } else { NO }
}

/// Yes, unless the condition errs.
pub(in crate::lower) fn harmless(condition: Condition) -> Condition {
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
pub(in crate::lower) fn and(left: Condition, right: Condition) -> Condition {
    match (left, right) {
        (NO, _) => NO,
        (ERROR, _) => ERROR,
        (YES, right) => right,
        (left, YES) => left,
        (left, right) => Condition::And(Box::new(left), Box::new(right)),
    }
}

/// Cedar's `||`, with the same care.
pub(in crate::lower) fn or(left: Condition, right: Condition) -> Condition {
    match (left, right) {
        (YES, _) => YES,
        (ERROR, _) => ERROR,
        (NO, right) => right,
        (left, NO) => left,
        (left, right) => Condition::Or(Box::new(left), Box::new(right)),
    }
}

pub(in crate::lower) fn not(condition: Condition) -> Condition {
    match condition {
        YES => NO,
        NO => YES,
        Condition::Not(inner) => *inner,
        condition => Condition::Not(Box::new(condition)),
    }
}

/// Cedar's `if`.
pub(in crate::lower) fn choose(test: Condition, yes: Condition, no: Condition) -> Condition {
    match (test, yes, no) {
        (YES, yes, _) => yes,
        (NO, _, no) => no,
        (ERROR, _, _) => ERROR,
        (test, YES, NO) => test,
        (test, NO, YES) => not(test),
        (test, yes, no) => Condition::If(Box::new(test), Box::new(yes), Box::new(no)),
    }
}

pub(in crate::lower) fn test(op: Op, left: Term, right: Term) -> Condition {
    Condition::Test(Test { op, left, right })
}

/// Yes if the term can be evaluated, an error if not.
pub(in crate::lower) fn readable(term: &Term) -> Condition {
    match term {
        Term::Constant(_) | Term::Now | Term::Calls | Term::Holding | Term::Held(_) => YES,
        // One spelling for what is the same question.
        Term::Apply(Function::Count, of) => match of.as_slice() {
            [set] => readable(set),
            _ => ERROR,
        },
        term => test(Op::Equal, term.clone(), term.clone()),
    }
}

/// The term for a boolean that a condition gives, where one term says it.
pub(in crate::lower) fn boolean_term(condition: &Condition) -> Option<Term> {
    match condition {
        Condition::Constant(Answer::Yes) => Some(Term::Constant(Constant::Bool(true))),
        Condition::Constant(Answer::No) => Some(Term::Constant(Constant::Bool(false))),
        Condition::Test(Test {
            op: Op::IsTrue, left, ..
        }) => Some(left.clone()),
        _ => None,
    }
}
