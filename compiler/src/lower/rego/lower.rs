//! Queries become conditions: statements in the order written, each asked only where those before it hold.

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Ref};

use super::compare::Order;
use super::kinds::Met;
use super::module;
use super::parse::Parsed;
use super::values::{Const, Val};
use super::visit;
use super::{Failure, Lowered};
use crate::diag::{Code, Diagnostic, Severity};
use crate::ir::{Answer, Condition, Op, Term};
use crate::lower::condition::{
    Budget, ERROR, MAX_TESTS, NO, TooLarge, YES, and, choose, harmless, not, or, readable, test,
};
use crate::lower::vocabulary::{Vocabulary, VocabularyAction};
use crate::resolve::shape::Shape;
use crate::source::Span;

/// How many statements and elements are looked at: data that is large within data that is large makes nothing that a
/// person wrote. The figure keeps the worst policy within a tenth of a second an action.
const MAX_STEPS: usize = 100_000;

/// When less stack than this is left, more is taken.
const RED_ZONE: usize = 128 << 10;
const SEGMENT: usize = 1 << 20;

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Stop {
    /// The diagnostic is among the findings.
    Reported,
    TooLarge,
    /// Conditions cannot say it.
    Outside(Span, String),
}

impl From<TooLarge> for Stop {
    fn from(_: TooLarge) -> Self {
        Stop::TooLarge
    }
}

pub(super) type Out<T> = Result<T, Stop>;

/// What is made of a value that an expression has.
pub(super) type Then<'t, 'a> = &'t mut dyn FnMut(&mut Lowerer<'a>, Val) -> Out<Condition>;

/// Local names. One without a value is declared, and not bound yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Env {
    names: Vec<(String, Option<Val>)>,
}

impl Env {
    pub(super) fn get(&self, name: &str) -> Option<Option<&Val>> {
        let found = self.names.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, val)| val.as_ref())
    }

    pub(super) fn with(&self, name: &str, val: Option<Val>) -> Self {
        let mut names = self.names.clone();
        names.push((name.to_owned(), val));
        Self { names }
    }
}

pub(super) struct Lowerer<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) parsed: &'a Parsed,
    pub(super) action: &'a VocabularyAction,
    pub(super) shape: &'a Shape,
    pub(super) budget: Budget,
    pub(super) findings: Vec<Diagnostic>,
    /// Walks through lists of the call that stand in each other here.
    pub(super) walks: u16,
    pub(super) met: Met,
    steps: usize,
}

/// Lowers the rule of a document that [`Parsed`] is about.
pub(super) fn lower(vocabulary: &Vocabulary, parsed: &Parsed, action: usize) -> Result<Lowered, Failure> {
    let found = vocabulary.actions.get(action);
    let Some((action, shape)) = found.and_then(|a| Some((a, vocabulary.shapes.get(a.shape.0 as usize)?))) else {
        return Err(Failure::Wrong(Vec::new()));
    };
    let mut lowerer = Lowerer {
        vocabulary,
        parsed,
        action,
        shape,
        budget: Budget::new(),
        findings: Vec::new(),
        walks: 0,
        met: Met::default(),
        steps: MAX_STEPS,
    };
    let condition = lowerer.entry();
    let mut findings = lowerer.findings;
    findings.extend(lowerer.met.never_equal());
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
    findings.dedup();
    if findings.iter().any(|found| found.severity == Severity::Error) {
        return Err(Failure::Wrong(findings));
    }
    let whole = || {
        let group = parsed.index.groups.get(parsed.entry.name());
        let def = group.and_then(|group| group.defs.first());
        def.map_or(Span::NOWHERE, |def| parsed.span(&def.span))
    };
    match condition {
        Ok(condition) => Ok(Lowered { condition, findings }),
        Err(Stop::Outside(span, what)) => Err(Failure::Outside { span, what }),
        Err(Stop::TooLarge) => Err(Failure::Outside {
            span: whole(),
            what: format!("more than {MAX_TESTS} tests"),
        }),
        Err(Stop::Reported) => Err(Failure::Wrong(findings)),
    }
}

/// Diagnostics in the order of their places, whatever order they were found in.
fn key(diagnostic: &Diagnostic) -> (Option<Span>, &str, &str) {
    let place = diagnostic.primary.as_ref().map(|label| label.span);
    (place, diagnostic.code.id, &diagnostic.message)
}

impl<'a> Lowerer<'a> {
    /// The statements of a query, and what is made of each solution.
    pub(super) fn query(
        &mut self,
        stmts: &[LiteralStmt],
        env: &Env,
        k: &mut dyn FnMut(&mut Self, &Env) -> Out<Condition>,
    ) -> Out<Condition> {
        stacker::maybe_grow(RED_ZONE, SEGMENT, || self.statements(stmts, env, k))
    }

    fn statements(
        &mut self,
        stmts: &[LiteralStmt],
        env: &Env,
        k: &mut dyn FnMut(&mut Self, &Env) -> Out<Condition>,
    ) -> Out<Condition> {
        self.step(stmts)?;
        let Some((stmt, rest)) = stmts.split_first() else {
            return k(self, env);
        };
        if let Some(with) = stmt.with_mods.first() {
            return self.outside(&with.span, "`with`, which looks at another input than the call");
        }
        match &stmt.literal {
            Literal::SomeVars { vars, .. } => {
                let declared = vars.iter().fold(env.clone(), |env, var| env.with(var.text(), None));
                self.query(rest, &declared, k)
            }
            Literal::SomeIn {
                key,
                value,
                collection,
                span,
            } => self.value(collection, env, &mut |this, of| {
                this.each(span, of, &mut |this, index, item| {
                    let mut inner = env.clone();
                    let mut matching = YES;
                    if let Some(key) = key {
                        matching = this.pattern(key, index, &mut inner)?;
                    }
                    let own = this.pattern(value, item, &mut inner)?;
                    let matching = this.both(matching, own)?;
                    this.when(matching, &mut |this| this.query(rest, &inner, k))
                })
            }),
            Literal::Expr { expr, .. } => match expr.as_ref() {
                Expr::AssignExpr { op, lhs, rhs, .. } => self.assign((op, lhs, rhs), rest, env, k),
                expr => {
                    let holds = self.holds(expr, env)?;
                    self.when(holds, &mut |this| this.query(rest, env, k))
                }
            },
            // Whether there is none, or one for which it is not so: Rego's implementations differ.
            Literal::NotExpr { expr, .. } if super::rules::iterates(expr) => self.outside(
                expr.span(),
                "`[_]` under `not`, which is read in two ways: give it a rule of its own",
            ),
            Literal::NotExpr { expr, .. } => {
                let holds = self.holds(expr, env)?;
                self.when(not(holds), &mut |this| this.query(rest, env, k))
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                span,
            } => self.value(domain, env, &mut |this, of| {
                // There is none for which it does not hold.
                let lacking = this.each(span, of, &mut |this, index, item| {
                    let inner = env.with(value.text(), Some(item));
                    let inner = match key {
                        Some(key) => inner.with(key.text(), Some(index)),
                        None => inner,
                    };
                    this.query(&query.stmts, &inner, &mut |_, _| Ok(YES)).map(not)
                })?;
                this.when(not(lacking), &mut |this| this.query(rest, env, k))
            }),
        }
    }

    /// `x := e`, `x = e`, `e = x`, or `=` of two that are known.
    fn assign(
        &mut self,
        (op, lhs, rhs): (&AssignOp, &Ref<Expr>, &Ref<Expr>),
        rest: &[LiteralStmt],
        env: &Env,
        k: &mut dyn FnMut(&mut Self, &Env) -> Out<Condition>,
    ) -> Out<Condition> {
        let new = |e: &Expr| match e {
            Expr::Var { span, .. } => {
                let name = span.text();
                match env.get(name) {
                    Some(bound) => (*op == AssignOp::ColEq || bound.is_none()).then(|| name.to_owned()),
                    None if *op == AssignOp::ColEq || name == "_" => Some(name.to_owned()),
                    None => {
                        let index = &self.parsed.index;
                        let known = matches!(name, "input" | "data")
                            || index.groups.contains_key(name)
                            || index.imports.contains_key(name);
                        (!known).then(|| name.to_owned())
                    }
                }
            }
            _ => None,
        };
        let (name, of) = match (new(lhs), new(rhs)) {
            (Some(name), _) => (name, rhs),
            (None, Some(name)) if *op == AssignOp::Eq => (name, lhs),
            _ if *op == AssignOp::Eq && !composite(lhs) && !composite(rhs) => {
                let span = lhs.span();
                let same = self.value(lhs, env, &mut |this, a| {
                    this.value(rhs, env, &mut |this, b| {
                        let same = this.equal(span, &a, &b)?;
                        this.meets(span, Order::Equal, (&a, Some(lhs)), (&b, Some(rhs)));
                        Ok(same)
                    })
                })?;
                return self.when(same, &mut |this| this.query(rest, env, k));
            }
            _ => {
                if let Expr::Array { items, .. } = lhs.as_ref() {
                    return self.apart((items, rhs), rest, env, k);
                }
                return self.outside(lhs.span(), "a pattern that takes a value apart");
            }
        };
        let used = uses(rest, &name);
        self.value(of, env, &mut |this, val| {
            let inner = env.with(&name, Some(val.clone()));
            // What is never looked at must be readable all the same.
            let sound = if used { YES } else { this.sound(&val)? };
            this.when(sound, &mut |this| this.query(rest, &inner, k))
        })
    }

    /// `[a, _, 5] := e`: an array of as many elements, each bound or equal.
    fn apart(
        &mut self,
        (items, of): (&[Ref<Expr>], &Ref<Expr>),
        rest: &[LiteralStmt],
        env: &Env,
        k: &mut dyn FnMut(&mut Self, &Env) -> Out<Condition>,
    ) -> Out<Condition> {
        let span = of.span();
        self.value(of, env, &mut |this, val| {
            let found = match val {
                Val::Array(found) => found,
                Val::Const(Const::Array(found)) => found.into_iter().map(Val::Const).collect(),
                Val::Const(_) | Val::Flag(_) => return Ok(NO),
                other => return this.outside(span, &format!("a pattern that takes {} apart", other.describe())),
            };
            if found.len() != items.len() {
                return Ok(NO);
            }
            let mut inner = env.clone();
            let mut matching = YES;
            for (item, val) in items.iter().zip(found) {
                let one = match item.as_ref() {
                    Expr::Var { span, .. } if span.text() == "_" => YES,
                    Expr::Var { span, .. } if inner.get(span.text()).is_some_and(|known| known.is_some()) => {
                        return this.outside(span, "a pattern with a name that is bound");
                    }
                    _ => this.pattern(item, val, &mut inner)?,
                };
                matching = this.both(matching, one)?;
            }
            this.when(matching, &mut |this| this.query(rest, &inner, k))
        })
    }

    /// What stands before `in` of `some`: a new name, or a constant that the element must be.
    fn pattern(&mut self, e: &Expr, val: Val, env: &mut Env) -> Out<Condition> {
        match e {
            Expr::Var { span, .. } => {
                *env = env.with(span.text(), Some(val));
                Ok(YES)
            }
            e => match module::constant(e) {
                Some(constant) => self.alike(e.span(), &val, &Val::Const(constant)),
                None => self.outside(e.span(), "a pattern that takes elements apart"),
            },
        }
    }

    /// Whether an expression, as a statement, holds: it is defined, and not false.
    pub(super) fn holds(&mut self, e: &Expr, env: &Env) -> Out<Condition> {
        if self.is_test(e, env) {
            return self.tested(e, env, &mut |_, condition| Ok(condition));
        }
        self.value(e, env, &mut |this, val| match val.plain() {
            Val::Const(Const::Bool(truth)) => Ok(if truth { YES } else { NO }),
            val => this.sound(&val),
        })
    }

    /// Yes where a value can be had, an error where it cannot be read.
    pub(super) fn sound(&mut self, val: &Val) -> Out<Condition> {
        match val {
            Val::Term(term, _) | Val::Moment(term) | Val::Nanos(term) | Val::Changed(_, term) => self.readable(term),
            Val::Place(super::values::Place::Record(record)) => self.readable(&Term::Slot(record.slot)),
            Val::Array(items) | Val::Set(items) => self.all_sound(items.iter()),
            Val::Object(fields) => self.all_sound(fields.iter().map(|(_, val)| val)),
            Val::Count(none) => Ok(harmless(self.budget.copy(none)?)),
            // It is there whatever it holds; what it is made of must be readable.
            Val::Gathered(gathered) => {
                let any = self.any(gathered.term.span(), val)?;
                Ok(harmless(any))
            }
            Val::Joined(_, two) => {
                let (a, b) = (self.sound(&two.0)?, self.sound(&two.1)?);
                self.both(a, b)
            }
            Val::Const(_)
            | Val::Named(..)
            | Val::Flag(_)
            | Val::Place(_)
            | Val::Resources
            | Val::Partial(_)
            | Val::Mapping(_)
            | Val::Position
            | Val::Text => Ok(YES),
        }
    }

    fn all_sound<'v>(&mut self, vals: impl Iterator<Item = &'v Val>) -> Out<Condition> {
        let mut all = YES;
        for val in vals {
            let one = self.sound(val)?;
            all = self.both(all, one)?;
        }
        Ok(all)
    }

    pub(super) fn readable(&mut self, term: &Term) -> Out<Condition> {
        self.budget.spend(1)?;
        Ok(readable(term))
    }

    // Conditions put together, counted.

    pub(super) fn test(&mut self, op: Op, left: Term, right: Term) -> Out<Condition> {
        let weight = |term: &Term| match term {
            Term::Constant(crate::ir::Constant::Set(items)) => items.len() / 4,
            Term::Pattern(parts) => parts.len() / 16,
            _ => 0,
        };
        self.budget.spend(1 + weight(&left) + weight(&right))?;
        Ok(test(op, left, right))
    }

    pub(super) fn both(&mut self, a: Condition, b: Condition) -> Out<Condition> {
        self.budget.spend(usize::from(!settled(&a) && !settled(&b)))?;
        Ok(and(a, b))
    }

    /// Where a condition holds, what follows from there; what follows is not looked at where it cannot.
    pub(super) fn when(
        &mut self,
        condition: Condition,
        then: &mut dyn FnMut(&mut Self) -> Out<Condition>,
    ) -> Out<Condition> {
        if condition == NO || condition == ERROR {
            return Ok(condition);
        }
        let then = then(self)?;
        self.both(condition, then)
    }

    /// One of two, as a condition says.
    pub(super) fn choose(&mut self, condition: Condition, yes: Condition, no: Condition) -> Out<Condition> {
        if yes == no && !can_err(&condition) {
            return Ok(yes);
        }
        self.budget.spend(usize::from(!settled(&condition)))?;
        Ok(choose(condition, yes, no))
    }

    /// What is made of true and of false, as a condition says.
    pub(super) fn truth(&mut self, condition: Condition, k: Then<'_, 'a>) -> Out<Condition> {
        match condition {
            YES => k(self, Val::Flag(true)),
            NO => k(self, Val::Flag(false)),
            ERROR => Ok(ERROR),
            condition => {
                let (yes, no) = (k(self, Val::Flag(true))?, k(self, Val::Flag(false))?);
                self.choose(condition, yes, no)
            }
        }
    }

    /// Either of two solutions. Both are looked at: where one errs, the whole does, whichever stands first.
    pub(super) fn either(&mut self, a: Condition, b: Condition) -> Out<Condition> {
        match (a, b) {
            (NO, other) | (other, NO) => Ok(other),
            (ERROR, _) | (_, ERROR) => Ok(ERROR),
            (YES, other) | (other, YES) => Ok(harmlessly(other)),
            (a, b) if !can_err(&b) => {
                self.budget.spend(1)?;
                Ok(or(a, b))
            }
            (a, b) => {
                let read = harmless(self.budget.copy(&b)?);
                self.budget.spend(2)?;
                Ok(choose(a, read, b))
            }
        }
    }

    fn step(&mut self, stmts: &[LiteralStmt]) -> Out<()> {
        match self.steps.checked_sub(1) {
            Some(left) => self.steps = left,
            None => {
                let what = format!("more than {MAX_STEPS} steps over its data");
                return match stmts.first() {
                    Some(stmt) => self.outside(&stmt.span, &what),
                    None => Err(Stop::TooLarge),
                };
            }
        }
        Ok(())
    }

    // What is said.

    pub(super) fn span(&self, span: &regorus::unstable::Span) -> Span {
        self.parsed.span(span)
    }

    /// Conditions cannot say it.
    pub(super) fn outside<T>(&self, span: &regorus::unstable::Span, what: &str) -> Out<T> {
        Err(Stop::Outside(self.span(span), what.to_owned()))
    }

    pub(super) fn wrong<T>(
        &mut self,
        code: &'static Code,
        span: &regorus::unstable::Span,
        (message, label): (String, &str),
        help: &str,
    ) -> Out<T> {
        let found = Diagnostic::new(code, message, self.span(span), label);
        self.findings
            .push(if help.is_empty() { found } else { found.with_help(help) });
        Err(Stop::Reported)
    }

    pub(super) fn mismatch<T>(&mut self, span: &regorus::unstable::Span, a: &Val, b: &Val) -> Out<T> {
        self.findings.push(self.unlike(span, a, b, None));
        Err(Stop::Reported)
    }
}

fn settled(condition: &Condition) -> bool {
    matches!(condition, Condition::Constant(_))
}

fn harmlessly(condition: Condition) -> Condition {
    if can_err(&condition) { harmless(condition) } else { YES }
}

/// Whether a condition can err at all.
pub(super) fn can_err(condition: &Condition) -> bool {
    match condition {
        Condition::Constant(answer) => *answer == Answer::Error,
        Condition::Test(test) => {
            let settled = matches!(test.op, Op::PrincipalIn | Op::ActionIn | Op::ResourceIn);
            !settled && crate::table::diagram::can_err(test)
        }
        Condition::Not(inner) => can_err(inner),
        Condition::And(a, b) | Condition::Or(a, b) => can_err(a) || can_err(b),
        Condition::If(a, b, c) => can_err(a) || can_err(b) || can_err(c),
        Condition::ErrorIsNo(_) => false,
    }
}

fn composite(e: &Expr) -> bool {
    matches!(e, Expr::Array { .. } | Expr::Object { .. })
}

/// Whether a name is looked at in statements.
fn uses(stmts: &[LiteralStmt], name: &str) -> bool {
    let mut found = false;
    let mut see = |e: &Expr| found |= matches!(e, Expr::Var { span, .. } if span.text() == name);
    for stmt in stmts {
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { collection, .. } => visit::expr(collection, &mut see),
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => visit::expr(expr, &mut see),
            Literal::Every { domain, query, .. } => {
                visit::expr(domain, &mut see);
                visit::query(query, &mut see);
            }
        }
    }
    found
}
