//! Comparisons and membership. What is compared with an argument is normalised as the argument is.

use std::collections::BTreeSet;

use polity_runtime::value::fold;
use regorus::unstable::{BoolOp, Expr, Span};

use super::lower::{Env, Lowerer, Out, Stop};
use super::values::{Const, Num, Val};
use crate::diag::Diagnostic;
use crate::diag::codes::condition::INVALID_CONSTANT;
use crate::ir::{Condition, Constant, Function, Op, Term};
use crate::lower::condition::{NO, YES, not};
use crate::lower::constants::{Misspelt, normalised};
use crate::lower::types::{Kind, Ty};
use crate::resolve::shape::Type;

/// How two values stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Order {
    fn of(op: &BoolOp) -> Self {
        match op {
            BoolOp::Eq => Self::Equal,
            BoolOp::Ne => Self::Unequal,
            BoolOp::Lt => Self::Less,
            BoolOp::Le => Self::LessEqual,
            BoolOp::Gt => Self::Greater,
            BoolOp::Ge => Self::GreaterEqual,
        }
    }

    /// With its sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            same => same,
        }
    }

    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        }
    }

    /// Whether a number of elements that stands so to a number is just that of none (true), or any but that (false).
    fn of_none(self, number: i64) -> Option<bool> {
        match (self, number) {
            (Self::Equal | Self::LessEqual, 0) | (Self::Less, 1) => Some(true),
            (Self::Unequal | Self::Greater, 0) | (Self::GreaterEqual, 1) => Some(false),
            _ => None,
        }
    }

    /// What is asked of whole numbers beside one that lies above this one and below the next.
    fn floored(self) -> Option<Self> {
        match self {
            Self::Equal | Self::Unequal => None,
            Self::Less | Self::LessEqual => Some(Self::LessEqual),
            Self::Greater | Self::GreaterEqual => Some(Self::Greater),
        }
    }
}

/// Nanoseconds in a millisecond.
const NANOS: i64 = 1_000_000;

impl<'a> Lowerer<'a> {
    /// Whether an expression is true or false wherever it is defined.
    pub(super) fn is_test(&self, e: &Expr, env: &Env) -> bool {
        match e {
            Expr::BoolExpr { .. } | Expr::Membership { .. } => true,
            Expr::Call { fcn, .. } => self.is_predicate(fcn, env),
            _ => false,
        }
    }

    /// What is made of the condition that such an expression is.
    pub(super) fn tested(
        &mut self,
        e: &Expr,
        env: &Env,
        k: &mut dyn FnMut(&mut Self, Condition) -> Out<Condition>,
    ) -> Out<Condition> {
        match e {
            Expr::BoolExpr { span, op, lhs, rhs, .. } => self.value(lhs, env, &mut |this, a| {
                this.value(rhs, env, &mut |this, b| {
                    let order = Order::of(op);
                    let condition = this.compare(span, order, &a, &b)?;
                    this.meets(span, order, (&a, Some(lhs)), (&b, Some(rhs)));
                    this.lint_moment(span, op, (&a, lhs), (&b, rhs));
                    k(this, condition)
                })
            }),
            Expr::Membership {
                span,
                key: None,
                value,
                collection,
                ..
            } => self.value(value, env, &mut |this, val| {
                this.value(collection, env, &mut |this, of| {
                    let condition = this.member(span, &of, &val)?;
                    this.meets_in(span, &of, (&val, Some(value)));
                    k(this, condition)
                })
            }),
            Expr::Membership {
                span,
                key: Some(key),
                value,
                collection,
                ..
            } => self.items(
                &[key.clone(), value.clone(), collection.clone()],
                env,
                Vec::new(),
                &mut |this, found| {
                    let [key, val, of] = found.as_slice() else {
                        return Ok(NO);
                    };
                    let sound = this.sound(&Val::Array(vec![key.clone(), val.clone()]))?;
                    let any = this.each(span, of.clone(), &mut |this, at, item| {
                        let same = this.alike(span, key, &at)?;
                        this.when(same, &mut |this| this.alike(span, val, &item))
                    })?;
                    let condition = this.both(sound, any)?;
                    k(this, condition)
                },
            ),
            Expr::Call { fcn, params, span, .. } => self.predicate(fcn, params, span, env, k),
            other => self.outside(other.span(), "this expression"),
        }
    }

    pub(super) fn equal(&mut self, span: &Span, a: &Val, b: &Val) -> Out<Condition> {
        self.compare(span, Order::Equal, a, b)
    }

    /// Whether two values are equal, where values of different types simply are not.
    pub(super) fn alike(&mut self, span: &Span, a: &Val, b: &Val) -> Out<Condition> {
        let before = self.findings.len();
        match self.equal(span, a, b) {
            Err(Stop::Reported) => {
                self.findings.truncate(before);
                let (a, b) = (self.sound(a)?, self.sound(b)?);
                let sound = self.both(a, b)?;
                self.both(sound, NO)
            }
            other => other,
        }
    }

    pub(super) fn compare(&mut self, span: &Span, order: Order, a: &Val, b: &Val) -> Out<Condition> {
        let (a, b) = (&self.named(span, a, b)?, &self.named(span, b, a)?);
        let settled = |yes: bool| Ok(if yes { YES } else { NO });
        let unequal = order == Order::Unequal;
        match (a, b) {
            (Val::Const(a), Val::Const(b)) => match known(order, a, b) {
                Some(yes) => settled(yes),
                None => self.mismatch(span, &Val::Const(a.clone()), &Val::Const(b.clone())),
            },
            // Whether that is meant is told by all that is compared here.
            (a, b) if a.differs(b) && matches!(order, Order::Equal | Order::Unequal) => {
                let sound = self.sound(&Val::Array(vec![a.clone(), b.clone()]))?;
                self.both(sound, if unequal { YES } else { NO })
            }
            (a, b) if a.differs(b) => self.mismatch(span, a, b),
            (Val::Const(_), other) => self.compare(span, order.turned(), other, a),
            (Val::Term(term, ty), Val::Const(constant)) => self.with_constant(span, order, (term, ty), constant),
            (Val::Moment(term), Val::Const(Const::Str(text))) => self.moment(span, order, term, text),
            (Val::Nanos(term), Val::Const(Const::Num(Num::Int(nanos)))) => {
                let exact = nanos.rem_euclid(NANOS) == 0;
                let constant = Constant::DateTime(nanos.div_euclid(NANOS));
                self.beside(order, term.clone(), constant, exact)
            }
            (Val::Changed(change, term), Val::Const(Const::Str(text)))
                if matches!(order, Order::Equal | Order::Unequal) =>
            {
                let same = self.changed(span, (*change, term), None, text)?;
                Ok(if unequal { not(same) } else { same })
            }
            // Whether there is anything in it.
            (set, Val::Const(Const::Set(items)))
                if set.is_set() && items.is_empty() && matches!(order, Order::Equal | Order::Unequal) =>
            {
                let count = self.count(set, span)?;
                self.compare(span, order, &count, &Val::Const(Const::Num(Num::Int(0))))
            }
            (Val::Count(none), Val::Const(Const::Num(Num::Int(number)))) => {
                self.budget.spend(1)?;
                match order.of_none(*number) {
                    Some(true) => Ok(none.clone()),
                    Some(false) => Ok(not(none.clone())),
                    None => self.outside(span, "a number of elements other than none or some"),
                }
            }
            (Val::Moment(x), Val::Moment(y)) | (Val::Nanos(x), Val::Nanos(y)) => {
                // Texts of moments are ordered as the moments are to the second, and not within one.
                if matches!(a, Val::Moment(_)) && !matches!(order, Order::Equal | Order::Unequal) {
                    return self.outside(span, "an order of two texts");
                }
                self.ordered(order, x.clone(), y.clone())
            }
            (Val::Term(x, tx), Val::Term(y, ty)) => {
                let Some(joined) = tx.join(ty) else {
                    return self.mismatch(span, a, b);
                };
                match (&joined, order) {
                    (Ty::Set(_), _) => self.outside(span, "lists compared with each other"),
                    (Ty::Str(_) | Ty::Ip, Order::Equal | Order::Unequal) => self.ordered(order, x.clone(), y.clone()),
                    (Ty::Str(_) | Ty::Ip, _) => self.outside(span, "an order of two texts"),
                    _ => self.ordered(order, x.clone(), y.clone()),
                }
            }
            (Val::Array(x), Val::Array(y)) if matches!(order, Order::Equal | Order::Unequal) => {
                if x.len() != y.len() {
                    return self.outside(span, "arrays of different lengths compared with each other");
                }
                let mut same = YES;
                for (x, y) in x.iter().zip(y) {
                    let null = |val: &Val| matches!(val, Val::Const(Const::Null));
                    if x.differs(y) && !null(x) && !null(y) {
                        return self.mismatch(span, x, y);
                    }
                    let one = self.compare(span, Order::Equal, x, y)?;
                    same = self.both(same, one)?;
                }
                Ok(if unequal { not(same) } else { same })
            }
            (Val::Array(x), Val::Const(Const::Array(y))) => {
                let y = Val::Array(y.iter().cloned().map(Val::Const).collect());
                self.compare(span, order, &Val::Array(x.clone()), &y)
            }
            (a, b) if scalar(a) && scalar(b) => self.mismatch(span, a, b),
            (a, b) => {
                let changed = |val| matches!(val, &Val::Changed(..));
                let what = match (a.describe(), b.describe()) {
                    (one, other) if one == other && (changed(a) || changed(b)) => {
                        format!("{one} that was changed, compared with another")
                    }
                    (one, other) => format!("a comparison of {one} with {other}"),
                };
                self.outside(span, &what)
            }
        }
    }

    /// A name as a constant. What it is compared with must be declared, or the rule would silently never fire.
    fn named(&mut self, span: &Span, val: &Val, beside: &Val) -> Out<Val> {
        if let (Val::Named(declared, _), Val::Const(Const::Str(text))) = (val, beside) {
            self.spelled(span, text, &Kind::Name(*declared))?;
        }
        Ok(val.clone().plain())
    }

    /// `a op b` of two terms of one type.
    pub(super) fn ordered(&mut self, order: Order, a: Term, b: Term) -> Out<Condition> {
        match order {
            Order::Equal => self.test(Op::Equal, a, b),
            Order::Unequal => self.test(Op::Equal, a, b).map(not),
            Order::Less => self.test(Op::Less, a, b),
            Order::LessEqual => self.test(Op::LessEqual, a, b),
            Order::Greater => self.test(Op::Less, b, a),
            Order::GreaterEqual => self.test(Op::LessEqual, b, a),
        }
    }

    /// A term beside a number, or beside what lies between that number and the next.
    fn beside(&mut self, order: Order, term: Term, constant: Constant, exact: bool) -> Out<Condition> {
        match (exact, order.floored()) {
            (true, _) => self.ordered(order, term, Term::Constant(constant)),
            (false, Some(floored)) => self.ordered(floored, term, Term::Constant(constant)),
            (false, None) => {
                let readable = self.readable(&term)?;
                self.both(readable, if order == Order::Unequal { YES } else { NO })
            }
        }
    }

    fn with_constant(
        &mut self,
        span: &Span,
        order: Order,
        (term, ty): (&Term, &Ty),
        constant: &Const,
    ) -> Out<Condition> {
        let val = || Val::Term(term.clone(), ty.clone());
        match (ty, constant) {
            (Ty::Int | Ty::Duration | Ty::Decimal, Const::Num(Num::Other(_))) => {
                self.outside(span, "a number of this size, or with more than four places")
            }
            (Ty::Int, Const::Num(Num::Int(number))) if let Some(set) = counted(term) => {
                let none = |this: &mut Self| this.test(Op::IsEmpty, set.clone(), Term::Nothing);
                match order.of_none(*number) {
                    Some(true) => none(self),
                    Some(false) => none(self).map(not),
                    None => self.beside(order, term.clone(), Constant::Int(*number), true),
                }
            }
            (Ty::Int, Const::Num(Num::Int(number))) => self.beside(order, term.clone(), Constant::Int(*number), true),
            (Ty::Int, Const::Num(Num::Dec(number))) => {
                let floor = Constant::Int(number.div_euclid(10_000));
                self.beside(order, term.clone(), floor, false)
            }
            (Ty::Duration, Const::Num(Num::Int(number))) => {
                self.beside(order, term.clone(), Constant::Duration(*number), true)
            }
            (Ty::Duration, Const::Num(Num::Dec(number))) => {
                let floor = Constant::Duration(number.div_euclid(10_000));
                self.beside(order, term.clone(), floor, false)
            }
            (Ty::Decimal, Const::Num(number)) => {
                match number.ten_thousandths().and_then(|number| i64::try_from(number).ok()) {
                    Some(number) => self.beside(order, term.clone(), Constant::Decimal(number), true),
                    None => self.outside(span, "a number of this size"),
                }
            }
            (Ty::Str(kind), Const::Str(text)) if !matches!(order, Order::Equal | Order::Unequal) => {
                let text = if kind.folds() { fold(text) } else { text.into() };
                let before = self.before(span, term, &text, matches!(order, Order::LessEqual | Order::Greater))?;
                Ok(match order {
                    Order::Greater | Order::GreaterEqual => not(before),
                    _ => before,
                })
            }
            (Ty::Ip, Const::Str(_)) if !matches!(order, Order::Equal | Order::Unequal) => {
                self.outside(span, "an order of texts")
            }
            (Ty::Str(kind), Const::Str(text)) => {
                let constant = self.spelled(span, text, kind)?;
                self.ordered(order, term.clone(), Term::Constant(constant))
            }
            (Ty::Ip, Const::Str(text)) => {
                let constant = self.address(span, text)?;
                self.ordered(order, term.clone(), Term::Constant(constant))
            }
            (Ty::Set(_), Const::Array(items)) if items.is_empty() && matches!(order, Order::Equal | Order::Unequal) => {
                let count = self.count(&val(), span)?;
                self.compare(span, order, &count, &Val::Const(Const::Num(Num::Int(0))))
            }
            (Ty::Set(_), Const::Array(_)) => self.outside(span, "a list compared with an array"),
            _ => self.mismatch(span, &val(), &Val::Const(constant.clone())),
        }
    }

    /// A string as values of a kind are compared.
    pub(super) fn spelled(&mut self, span: &Span, text: &str, kind: &Kind) -> Out<Constant> {
        match normalised(text.to_owned(), kind, self.vocabulary) {
            Ok(text) => Ok(Constant::String(text)),
            // Another action has an argument of this name that can be so; this one's never is.
            Err(Misspelt { .. }) if self.elsewhere(text, kind) => Ok(Constant::String(text.to_owned())),
            Err(Misspelt { unread: true, .. }) => Err(Stop::Reported),
            Err(Misspelt {
                code,
                message,
                label,
                help,
                names,
                unread: false,
            }) => {
                let near = crate::diag::nearest(text, names.iter().map(String::as_str));
                let help = near.map(|near| format!("did you mean `{near}`?")).or(help);
                let found = Diagnostic::new(code, message, self.span(span), label);
                self.findings.push(match help {
                    Some(help) => found.with_help(help),
                    None => found,
                });
                Err(Stop::Reported)
            }
        }
    }

    /// Whether an argument that is called as one of this kind is may be a text that this one cannot be.
    fn elsewhere(&self, text: &str, kind: &Kind) -> bool {
        let Kind::Enum(values) = kind else { return false };
        let all = || self.vocabulary.shapes.iter().flat_map(|shape| &shape.parameters);
        let own = all().filter(|one| matches!(&one.ty, Type::Enum(own) if own == values));
        let names: BTreeSet<&str> = own.map(|one| one.name.as_str()).collect();
        all()
            .filter(|one| names.contains(one.name.as_str()))
            .any(|one| match &one.ty {
                Type::Enum(others) => others.iter().any(|other| other == text),
                Type::String { .. } => true,
                _ => false,
            })
    }

    /// An address or a range as it is spelled in the input.
    fn address(&mut self, span: &Span, text: &str) -> Out<Constant> {
        match super::builtins::network(text) {
            Some(net) if super::builtins::spelled(&net) == text => Ok(Constant::Ip(net)),
            _ => {
                let message = format!("`{text}` is not an ip address as the input spells it");
                self.wrong(
                    &INVALID_CONSTANT,
                    span,
                    (message, ""),
                    "write `10.0.0.1`, `::1` or `10.0.0.0/8`",
                )
            }
        }
    }

    /// Whether a collection has a value.
    pub(super) fn member(&mut self, span: &Span, of: &Val, val: &Val) -> Out<Condition> {
        if let Val::Flag(_) = val {
            return self.member(span, of, &val.clone().plain());
        }
        if let Val::Named(declared, name) = val {
            let texts = elements(of).into_iter();
            let texts: Vec<&str> = texts
                .filter_map(|item| {
                    if let Const::Str(text) = item {
                        Some(text.as_str())
                    } else {
                        None
                    }
                })
                .collect();
            let before = self.findings.len();
            let known = texts
                .iter()
                .filter(|text| self.spelled(span, text, &Kind::Name(*declared)).is_ok())
                .count();
            if known == 0 && !texts.is_empty() {
                return Err(Stop::Reported);
            }
            self.findings.truncate(before);
            return self.member(span, of, &Val::Const(Const::Str(name.clone())));
        }
        match (of, val) {
            // Elements of other types are none of these: what is left is one test.
            (Val::Const(Const::Array(_) | Const::Set(_) | Const::Object(_)), Val::Term(term, ty @ Ty::Str(kind))) => {
                let items = elements(of);
                let texts: Vec<&String> = items
                    .iter()
                    .filter_map(|item| if let Const::Str(text) = item { Some(text) } else { None })
                    .collect();
                if texts.is_empty() && !items.is_empty() {
                    return self.mismatch(span, &Val::Term(term.clone(), ty.clone()), of);
                }
                // A list may hold more than the argument can be; one that holds nothing of it is about something else.
                let before = self.findings.len();
                let mut set = Vec::new();
                for text in texts {
                    match self.spelled(span, text, kind) {
                        Ok(constant) => set.push(constant),
                        Err(Stop::Reported) => {}
                        Err(stop) => return Err(stop),
                    }
                }
                if set.is_empty() && !items.is_empty() {
                    return Err(Stop::Reported);
                }
                self.findings.truncate(before);
                set.sort();
                set.dedup();
                self.test(Op::Contains, Term::Constant(Constant::Set(set)), term.clone())
            }
            (Val::Term(set, Ty::Set(of)), Val::Const(constant)) => {
                let element = match (of.as_ref(), constant) {
                    (Ty::Str(kind), Const::Str(text)) => self.spelled(span, text, kind)?,
                    (Ty::Int, Const::Num(Num::Int(number))) => Constant::Int(*number),
                    (Ty::Bool, Const::Bool(truth)) => Constant::Bool(*truth),
                    (Ty::Decimal, Const::Num(number)) => {
                        match number.ten_thousandths().and_then(|number| i64::try_from(number).ok()) {
                            Some(number) => Constant::Decimal(number),
                            None => return self.outside(span, "a number of this size"),
                        }
                    }
                    (Ty::Ip, Const::Str(text)) => self.address(span, text)?,
                    (Ty::DateTime | Ty::Duration, _) => return self.outside(span, "a list of times"),
                    _ => {
                        let of = Val::Term(set.clone(), Ty::Set(of.clone()));
                        return self.mismatch(span, &Val::Const(constant.clone()), &of);
                    }
                };
                self.test(Op::Contains, set.clone(), Term::Constant(element))
            }
            (Val::Term(set, Ty::Set(of)), Val::Term(term, ty)) => match of.join(ty) {
                Some(_) => self.test(Op::Contains, set.clone(), term.clone()),
                None => self.mismatch(
                    span,
                    &Val::Term(term.clone(), ty.clone()),
                    &Val::Term(set.clone(), Ty::Set(of.clone())),
                ),
            },
            (Val::Term(_, Ty::Set(_)), _) => self.outside(span, "`in` a list, of this value"),
            (Val::Const(Const::Str(_) | Const::Num(_) | Const::Bool(_) | Const::Null), _) => Ok(NO),
            (
                Val::Term(..)
                | Val::Flag(_)
                | Val::Moment(_)
                | Val::Nanos(_)
                | Val::Count(_)
                | Val::Text
                | Val::Changed(..),
                _,
            ) => self.mismatch(span, val, of),
            _ => {
                let sound = self.sound(val)?;
                let any = self.each(span, of.clone(), &mut |this, _, item| this.alike(span, val, &item))?;
                self.both(sound, any)
            }
        }
    }
}

pub(super) fn elements(of: &Val) -> Vec<&Const> {
    match of {
        Val::Const(Const::Array(items)) => items.iter().collect(),
        Val::Const(Const::Set(items)) => items.iter().collect(),
        Val::Const(Const::Object(fields)) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// Whether a value is compared as one thing.
fn scalar(val: &Val) -> bool {
    match val {
        Val::Const(constant) => !matches!(constant, Const::Array(_) | Const::Set(_) | Const::Object(_)),
        Val::Term(_, ty) => !matches!(ty, Ty::Set(_)),
        Val::Moment(_) | Val::Nanos(_) | Val::Count(_) => true,
        _ => false,
    }
}

/// The set whose elements a term counts.
fn counted(term: &Term) -> Option<&Term> {
    match term {
        Term::Apply(Function::Count, of) => of.first(),
        _ => None,
    }
}

/// How two constants stand to each other; `None` where Rego would order their types.
fn known(order: Order, a: &Const, b: &Const) -> Option<bool> {
    if matches!(order, Order::Equal | Order::Unequal) {
        return Some((a == b) == (order == Order::Equal));
    }
    Some(match (a, b) {
        (Const::Num(x), Const::Num(y)) => order.holds(x.ten_thousandths()?.cmp(&y.ten_thousandths()?)),
        (Const::Str(x), Const::Str(y)) => order.holds(x.cmp(y)),
        _ => return None,
    })
}
