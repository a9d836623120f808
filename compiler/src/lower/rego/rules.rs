//! Rules and functions: what a name comes to, from all its definitions.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Literal, Query, Ref, Span};

use super::lower::{Env, Lowerer, Out, Then};
use super::module::{self, Body, Def, Group, Kind};
use super::terms::Each;
use super::values::{Const, Val};
use super::visit;
use crate::diag::codes::rego::REGO_OUTCOME;
use crate::ir::Condition;
use crate::lower::condition::{ERROR, NO, YES};

/// A definition with its parameters bound, and when they match.
struct Bound<'d> {
    def: &'d Def,
    env: Env,
    matching: Condition,
}

/// What is made of what a definition comes to, if to anything.
type On<'t, 'a> = &'t mut dyn FnMut(&mut Lowerer<'a>, Option<Val>) -> Out<Condition>;

impl<'a> Lowerer<'a> {
    /// The rule that decides: it is true, or a set with an element.
    pub(super) fn entry(&mut self) -> Out<Condition> {
        let parsed = self.parsed;
        let name = parsed.entry.name();
        let Some(group) = parsed.index.groups.get(name) else {
            return Ok(NO);
        };
        match group.kind {
            Kind::Set => self.members(group, &mut |this, val| this.sound(&val)),
            _ => self.complete(group, &[], &mut |this, val| match val.plain() {
                Val::Const(Const::Bool(truth)) => Ok(if truth { YES } else { NO }),
                other => {
                    let message = format!("`{name}` comes to {}", other.describe());
                    let help = format!("write `{name} if ...` for a boolean, or `{name} contains \"why\" if ...`");
                    let said = (message, "neither a boolean nor a set");
                    match group.defs.first() {
                        Some(def) => this.wrong(&REGO_OUTCOME, &def.span, said, &help),
                        None => Ok(ERROR),
                    }
                }
            }),
        }
    }

    /// What a rule comes to.
    pub(super) fn rule(&mut self, name: &str, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let parsed = self.parsed;
        let Some(group) = parsed.index.groups.get(name) else {
            return self.outside(span, &format!("`{name}`, which is no rule of this file"));
        };
        match group.kind {
            Kind::Complete => self.complete(group, &[], k),
            Kind::Set => k(self, Val::Partial(name.to_owned())),
            Kind::Object => k(self, Val::Mapping(name.to_owned())),
            Kind::Function => self.outside(span, "a function that is not called"),
            Kind::Other => self.outside(span, &format!("`{name}`, which rules put together piece by piece")),
        }
    }

    /// What a function gives.
    pub(super) fn function(&mut self, name: &str, args: &[Val], span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let parsed = self.parsed;
        match parsed.index.groups.get(name) {
            Some(group) if group.kind == Kind::Function => self.complete(group, args, k),
            _ => self.outside(span, &format!("`{name}`, which is no function")),
        }
    }

    /// The elements that rules put into a set.
    pub(super) fn members(&mut self, group: &Group, k: Then<'_, 'a>) -> Out<Condition> {
        let mut any = NO;
        for def in &group.defs {
            let (Some(body), Some(key)) = (def.chain.first(), &def.key) else {
                return self.outside(&def.span, "this form of rule");
            };
            let stmts = body.query.as_ref().map_or(&[][..], |query| &query.stmts);
            let one = self.query(stmts, &Env::default(), &mut |this, env| this.value(key, env, k))?;
            any = self.either(any, one)?;
        }
        Ok(any)
    }

    /// What an object that rules make has under a key.
    pub(super) fn under(&mut self, name: &str, key: &Val, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        self.pairs(name, span, &mut |this, own, val| {
            let same = this.alike(span, key, &own)?;
            this.when(same, &mut |this| k(this, val.clone()))
        })
    }

    /// The pairs of an object that rules make. Two definitions that give one key two values end Rego; so each key must
    /// be known, and given once.
    pub(super) fn pairs(&mut self, name: &str, span: &Span, k: Each<'_, 'a>) -> Out<Condition> {
        let parsed = self.parsed;
        let Some(group) = parsed.index.groups.get(name) else {
            return self.outside(span, "this object");
        };
        if group.default.is_some() {
            return self.outside(span, "an object with a default");
        }
        let mut keys: BTreeSet<Const> = BTreeSet::new();
        let mut unique = true;
        let mut any = NO;
        for def in &group.defs {
            let ([body], Some(key)) = (def.chain.as_slice(), &def.key) else {
                return self.outside(&def.span, "this form of rule");
            };
            let stmts = body.query.as_ref().map_or(&[][..], |query| &query.stmts);
            let one = self.query(stmts, &Env::default(), &mut |this, env| {
                this.value(key, env, &mut |this, key| {
                    unique &= matches!(key.clone().plain(), Val::Const(key) if keys.insert(key.clone()));
                    match &body.value {
                        Some(value) => this.value(value, env, &mut |this, val| k(this, key.clone(), val)),
                        None => k(this, key, Val::TRUE),
                    }
                })
            })?;
            any = self.either(any, one)?;
        }
        match unique {
            true => Ok(any),
            false => self.outside(
                span,
                &format!("`{name}`, whose keys only the call knows, or that has one twice"),
            ),
        }
    }

    /// All definitions together: those that come to something must agree.
    fn complete(&mut self, group: &Group, args: &[Val], k: Then<'_, 'a>) -> Out<Condition> {
        let mut bound = Vec::new();
        for def in &group.defs {
            if let Some(one) = self.bind(def, args)? {
                bound.push(one);
            }
        }
        let yes = |bound: &Bound<'_>| match bound.def.chain.as_slice() {
            [only] => is_true(only),
            _ => false,
        };
        if !bound.iter().all(yes) {
            return self.definitions(&bound, None, group.default.as_ref(), k);
        }
        let mut any = NO;
        for one in bound {
            let Some(body) = one.def.chain.first() else { continue };
            let holds = self.when(one.matching, &mut |this| this.body(body, &one.env))?;
            any = self.either(any, holds)?;
        }
        let then = if any == NO || any == ERROR {
            NO
        } else {
            k(self, Val::TRUE)?
        };
        let otherwise = if any == YES || any == ERROR {
            NO
        } else {
            self.default(group.default.as_ref(), k)?
        };
        self.choose(any, then, otherwise)
    }

    fn default(&mut self, default: Option<&Ref<Expr>>, k: Then<'_, 'a>) -> Out<Condition> {
        match default {
            Some(value) => self.value(value, &Env::default(), k),
            None => Ok(NO),
        }
    }

    /// One definition after the other; `current` is what those before came to.
    fn definitions(
        &mut self,
        defs: &[Bound<'_>],
        current: Option<&Val>,
        default: Option<&Ref<Expr>>,
        k: Then<'_, 'a>,
    ) -> Out<Condition> {
        let Some((first, rest)) = defs.split_first() else {
            return match current {
                Some(val) => k(self, val.clone()),
                None => self.default(default, k),
            };
        };
        let matching = first.matching.clone();
        let then = match &matching {
            &NO | &ERROR => NO,
            _ => self.chain(
                &first.def.chain,
                &first.env,
                &mut |this, found| match (found, current) {
                    (None, current) => this.definitions(rest, current, default, k),
                    (Some(val), None) => this.definitions(rest, Some(&val), default, k),
                    (Some(a), Some(b)) => match (a.plain(), b.clone().plain()) {
                        (Val::Const(a), Val::Const(b)) if a == b => this.definitions(rest, current, default, k),
                        // Rego refuses to choose.
                        (Val::Const(_), Val::Const(_)) => Ok(ERROR),
                        _ => this.outside(&first.def.span, "several definitions whose values only the call knows"),
                    },
                },
            )?,
        };
        let otherwise = match &matching {
            &YES | &ERROR => NO,
            _ => self.definitions(rest, current, default, k)?,
        };
        self.choose(matching, then, otherwise)
    }

    /// The first body that holds, and what it comes to.
    fn chain(&mut self, chain: &[Body], env: &Env, on: On<'_, 'a>) -> Out<Condition> {
        let Some((body, rest)) = chain.split_first() else {
            return on(self, None);
        };
        let constant = match &body.value {
            None => Some(Const::Bool(true)),
            Some(value) => module::constant(value),
        };
        let stmts = body.query.as_ref().map_or(&[][..], |query| &query.stmts);
        let (holds, then) = match (&body.value, constant) {
            (Some(value), None) => {
                if body.query.as_ref().is_some_and(|query| several(query)) || (iterates(value) && !gathers(value)) {
                    return self.outside(value.span(), "a value that several solutions may give");
                }
                let defined = &mut |this: &mut Self, env: &Env| this.value(value, env, &mut |_, _| Ok(YES));
                let defined = self.query(stmts, env, defined)?;
                let then = match defined {
                    NO | ERROR => NO,
                    _ => self.query(stmts, env, &mut |this, env| {
                        this.value(value, env, &mut |this, val| on(this, Some(val)))
                    })?,
                };
                (defined, then)
            }
            (_, constant) => {
                let holds = self.body(body, env)?;
                let val = Val::Const(constant.unwrap_or(Const::Bool(true)));
                let then = if holds == NO || holds == ERROR {
                    NO
                } else {
                    on(self, Some(val))?
                };
                (holds, then)
            }
        };
        let otherwise = if holds == YES || holds == ERROR {
            NO
        } else {
            self.chain(rest, env, on)?
        };
        self.choose(holds, then, otherwise)
    }

    fn body(&mut self, body: &Body, env: &Env) -> Out<Condition> {
        match &body.query {
            Some(query) => self.query(&query.stmts, env, &mut |_, _| Ok(YES)),
            None => Ok(YES),
        }
    }

    /// Parameters with what a call gives them; nothing where they never match.
    fn bind<'d>(&mut self, def: &'d Def, args: &[Val]) -> Out<Option<Bound<'d>>> {
        if def.params.len() != args.len() {
            return self.outside(&def.span, "a function that is called with another number of arguments");
        }
        let mut env = Env::default();
        let mut matching = YES;
        for (param, arg) in def.params.iter().zip(args) {
            let own = match param.as_ref() {
                Expr::Var { span, .. } if span.text() == "_" => YES,
                Expr::Var { span, .. } if env.get(span.text()).is_some() => {
                    return self.outside(span, "a parameter that stands twice");
                }
                Expr::Var { span, .. } => {
                    env = env.with(span.text(), Some(arg.clone()));
                    YES
                }
                other => match module::constant(other) {
                    Some(constant) => self.alike(other.span(), arg, &Val::Const(constant))?,
                    None => return self.outside(other.span(), "a parameter that takes an argument apart"),
                },
            };
            matching = self.both(matching, own)?;
        }
        Ok((matching != NO).then_some(Bound { def, env, matching }))
    }
}

fn is_true(body: &Body) -> bool {
    match &body.value {
        None => true,
        Some(value) => module::constant(value) == Some(Const::Bool(true)),
    }
}

/// Whether a query may have several solutions that differ.
fn several(query: &Query) -> bool {
    query.stmts.iter().any(|stmt| match &stmt.literal {
        Literal::SomeVars { .. } | Literal::SomeIn { .. } => true,
        Literal::Expr { expr, .. } => matches!(expr.as_ref(), Expr::AssignExpr { .. }) && iterates(expr),
        Literal::NotExpr { .. } | Literal::Every { .. } => false,
    })
}

/// Whether an expression is one value of whatever solutions there are.
fn gathers(e: &Expr) -> bool {
    matches!(
        e,
        Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. }
    )
}

/// Whether `[_]` stands in an expression.
pub(super) fn iterates(e: &Expr) -> bool {
    let mut found = false;
    visit::expr(e, &mut |e| {
        found |= matches!(e, Expr::RefBrack { index, .. } if matches!(index.as_ref(), Expr::Var { span, .. } if span.text() == "_"));
    });
    found
}
