//! Expressions become values: constants, terms of the call, or parts of the input document.

use regorus::unstable::{ArithOp, BinOp, Expr, Ref, Span};

use super::lower::{Env, Lowerer, Out, Then};
use super::module::{self, Kind};
use super::values::{Const, Gathered, Join, Num, Place, Val};
use crate::diag::codes::rego::REGO_SYNTAX;
use crate::ir::{Condition, Function, Term};
use crate::lower::condition::NO;
use crate::lower::types::{Kind as Spelling, Ty};

/// What is made of each element of a collection, with its key.
pub(super) type Each<'t, 'a> = &'t mut dyn FnMut(&mut Lowerer<'a>, Val, Val) -> Out<Condition>;

/// One step into a value.
#[derive(Clone, Copy)]
enum Step<'e> {
    Field(&'e str, &'e Span),
    Index(&'e Ref<Expr>),
}

impl<'a> Lowerer<'a> {
    /// What is made of each value that an expression has. Where it has none, nothing: "no".
    pub(super) fn value(&mut self, e: &Expr, env: &Env, k: Then<'_, 'a>) -> Out<Condition> {
        if let Some(constant) = module::constant(e) {
            return k(self, Val::Const(constant));
        }
        if self.is_test(e, env) {
            return self.tested(e, env, &mut |this, condition| this.truth(condition, k));
        }
        match e {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(e, env, k),
            Expr::Array { items, .. } => self.items(items, env, Vec::new(), &mut |this, items| {
                k(this, Val::Array(items).settled())
            }),
            Expr::Set { items, .. } => self.items(items, env, Vec::new(), &mut |this, items| {
                k(this, Val::Set(items).settled())
            }),
            Expr::Object { fields, .. } => {
                let mut keys = Vec::new();
                let mut values = Vec::new();
                for (_, key, value) in fields {
                    let Some(key) = module::constant(key) else {
                        return self.outside(key.span(), "an object with a key that is not written out");
                    };
                    keys.push(key);
                    values.push(value.clone());
                }
                self.items(&values, env, Vec::new(), &mut |this, values| {
                    k(this, Val::Object(keys.iter().cloned().zip(values).collect()).settled())
                })
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                let before = self.budget.left();
                let mut found = Vec::new();
                let whole = self.query(&query.stmts, env, &mut |this, env| {
                    this.value(term, env, &mut |_, val| {
                        found.push(val);
                        Ok(crate::lower::condition::YES)
                    })
                })?;
                // Where nothing was asked of the call every solution is one for each call.
                if self.budget.left() != before || super::lower::can_err(&whole) {
                    let gathered = Gathered {
                        term: term.clone(),
                        query: query.clone(),
                        env: env.clone(),
                        set: matches!(e, Expr::SetCompr { .. }),
                    };
                    return k(self, Val::Gathered(Box::new(gathered)));
                }
                let made = match e {
                    Expr::ArrayCompr { .. } => Val::Array(found),
                    _ => Val::Set(found),
                };
                k(self, made.settled())
            }
            Expr::ObjectCompr { .. } => self.outside(e.span(), "a comprehension of an object"),
            Expr::Call { fcn, params, span, .. } => self.call(fcn, params, span, env, k),
            Expr::UnaryExpr { expr, span, .. } => self.value(expr, env, &mut |this, val| match val {
                Val::Const(Const::Num(number)) => match number.ten_thousandths().and_then(|n| Num::scaled(-n)) {
                    Some(number) => k(this, Val::Const(Const::Num(number))),
                    None => this.outside(span, "a number of this size"),
                },
                Val::Term(term, Ty::Int) => k(this, Val::Term(Term::Apply(Function::Negate, vec![term]), Ty::Int)),
                _ => this.outside(span, "arithmetic on anything but whole numbers"),
            }),
            Expr::ArithExpr { span, op, lhs, rhs, .. } => self.value(lhs, env, &mut |this, a| {
                this.value(rhs, env, &mut |this, b| {
                    let val = this.arithmetic(span, op, &a, &b)?;
                    k(this, val)
                })
            }),
            Expr::BinExpr { span, op, lhs, rhs, .. } => self.value(lhs, env, &mut |this, a| {
                this.value(rhs, env, &mut |this, b| {
                    let join = match op {
                        BinOp::Union => Join::Union,
                        BinOp::Intersection => Join::Intersection,
                    };
                    let made = this.sets(span, join, a.clone(), b)?;
                    k(this, made)
                })
            }),
            other => self.outside(other.span(), "this expression"),
        }
    }

    /// Two sets made one.
    pub(super) fn sets(&mut self, span: &Span, join: Join, a: Val, b: Val) -> Out<Val> {
        match (a, b) {
            (Val::Const(Const::Set(a)), Val::Const(Const::Set(b))) => Ok(Val::Const(Const::Set(match join {
                Join::Union => &a | &b,
                Join::Intersection => &a & &b,
                Join::Difference => &a - &b,
            }))),
            (a, b) if a.is_set() && b.is_set() => Ok(Val::Joined(join, Box::new((a, b)))),
            _ => self.outside(span, "sets put together of what only the call knows"),
        }
    }

    /// Several expressions, each combination of their values.
    pub(super) fn items(
        &mut self,
        items: &[Ref<Expr>],
        env: &Env,
        so_far: Vec<Val>,
        k: &mut dyn FnMut(&mut Self, Vec<Val>) -> Out<Condition>,
    ) -> Out<Condition> {
        let Some((first, rest)) = items.split_first() else {
            return k(self, so_far);
        };
        self.value(first, env, &mut |this, val| {
            let mut so_far = so_far.clone();
            so_far.push(val);
            this.items(rest, env, so_far, k)
        })
    }

    /// A name, and the steps from it.
    fn reference(&mut self, e: &Expr, env: &Env, k: Then<'_, 'a>) -> Out<Condition> {
        let mut steps = Vec::new();
        let mut at = e;
        loop {
            match at {
                Expr::RefDot { refr, field, .. } => {
                    steps.push(Step::Field(field.0.text(), &field.0));
                    at = refr;
                }
                Expr::RefBrack { refr, index, .. } => {
                    steps.push(Step::Index(index));
                    at = refr;
                }
                _ => break,
            }
        }
        steps.reverse();
        let Expr::Var { span, .. } = at else {
            return self.value(at, env, &mut |this, val| this.steps(val, &steps, env, k));
        };
        let name = span.text();
        match env.get(name) {
            Some(Some(val)) => return self.steps(val.clone(), &steps, env, k),
            Some(None) => return self.outside(span, &format!("`{name}` before it is bound")),
            None => {}
        }
        let parsed = self.parsed;
        match name {
            "input" => self.steps(Val::Place(Place::Input), &steps, env, k),
            "data" => {
                let names: Vec<&str> = steps.iter().map_while(|step| step.name()).collect();
                self.data(&names, span, &mut |this, taken, val| {
                    this.steps(val, steps.get(taken..).unwrap_or_default(), env, k)
                })
            }
            _ if parsed.index.groups.contains_key(name) => {
                self.rule(name, span, &mut |this, val| this.steps(val, &steps, env, k))
            }
            _ => {
                let Some(path) = parsed.index.imports.get(name) else {
                    // regorus takes names that a later statement binds.
                    return self.outside(span, &format!("`{name}` before it is bound"));
                };
                let (first, inner) = path
                    .split_first()
                    .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
                let names: Vec<&str> = inner.iter().map(String::as_str).collect();
                if first == "data" {
                    return self.data(&names, span, &mut |this, taken, val| {
                        let own: Vec<Step<'_>> = names.iter().skip(taken).map(|name| Step::Field(name, span)).collect();
                        this.steps(val, &own, env, &mut |this, val| this.steps(val, &steps, env, k))
                    });
                }
                let own: Vec<Step<'_>> = names.iter().map(|name| Step::Field(name, span)).collect();
                self.steps(Val::Place(Place::Input), &own, env, &mut |this, val| {
                    this.steps(val, &steps, env, k)
                })
            }
        }
    }

    /// `data`, or a rule of this file by its whole name; how many of the names were taken.
    fn data(
        &mut self,
        names: &[&str],
        span: &Span,
        k: &mut dyn FnMut(&mut Self, usize, Val) -> Out<Condition>,
    ) -> Out<Condition> {
        let parsed = self.parsed;
        if names.first() != Some(&"polity") {
            // Without a name it is all of it, which holds the policies too.
            let Some((first, rest)) = names.split_first() else {
                return self.outside(span, "`data` as a whole");
            };
            let key = |name: &str| Const::Str(name.to_owned());
            let Some(mut found) = parsed.data.members.get(&key(first)) else {
                return Ok(NO);
            };
            // Only what is asked for is copied.
            let mut taken = 1;
            for name in rest {
                let Const::Object(fields) = found else { break };
                let Some(inner) = fields.get(&key(name)) else {
                    return Ok(NO);
                };
                found = inner;
                taken += 1;
            }
            return k(self, taken, Val::Const(found.clone()));
        }
        let package = parsed.package.len();
        let own = names
            .get(..package)
            .is_some_and(|names| names.iter().eq(&parsed.package));
        match names.get(package) {
            Some(rule) if own => self.rule(rule, span, &mut |this, val| k(this, package + 1, val)),
            _ => {
                let message = format!("`data.{}` is no rule of this file", names.join("."));
                let help = "a policy looks at its own rules and at the JSON files beside it: write the rule here too";
                self.wrong(&REGO_SYNTAX, span, (message, "not to be seen from here"), help)
            }
        }
    }

    /// A value, and what is in it.
    fn steps(&mut self, val: Val, steps: &[Step<'_>], env: &Env, k: Then<'_, 'a>) -> Out<Condition> {
        let Some((first, rest)) = steps.split_first() else {
            return k(self, val);
        };
        let mut then = |this: &mut Self, val: Val| this.steps(val, rest, env, k);
        match *first {
            Step::Field(name, span) => self.at(&val, &Val::Const(Const::Str(name.to_owned())), span, &mut then),
            Step::Index(index) => match index.as_ref() {
                Expr::Var { span, .. } if span.text() == "_" => {
                    self.each(span, val, &mut |this, _, item| then(this, item))
                }
                Expr::Var { span, .. } if self.unbound(span.text(), env) => {
                    let name = span.text();
                    self.outside(
                        span,
                        &format!("`[{name}]`, which goes through all of it: `some {name} in ...` is taken"),
                    )
                }
                index => self.value(index, env, &mut |this, key| {
                    this.at(&val, &key, index.span(), &mut then)
                }),
            },
        }
    }

    fn unbound(&self, name: &str, env: &Env) -> bool {
        let index = &self.parsed.index;
        match env.get(name) {
            Some(bound) => bound.is_none(),
            None => {
                !matches!(name, "input" | "data")
                    && !index.groups.contains_key(name)
                    && !index.imports.contains_key(name)
            }
        }
    }

    /// What a value has under a key.
    pub(super) fn at(&mut self, val: &Val, key: &Val, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let key = &key.clone().plain();
        match (val, key) {
            (Val::Flag(_), Val::Const(_)) => Ok(NO),
            (Val::Place(place), Val::Const(Const::Str(name))) => self.field(&place.clone(), name, span, k),
            (Val::Place(_), _) => self.outside(span, "a name in the input that only the call knows"),
            (Val::Const(Const::Object(fields)), Val::Const(key)) => match fields.get(key) {
                Some(found) => k(self, Val::Const(found.clone())),
                None => Ok(NO),
            },
            (Val::Const(Const::Array(items)), Val::Const(Const::Num(Num::Int(at)))) => {
                match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
                    Some(found) => k(self, Val::Const(found.clone())),
                    None => Ok(NO),
                }
            }
            (Val::Const(Const::Set(items)), Val::Const(key)) => match items.contains(key) {
                true => k(self, Val::Const(key.clone())),
                false => Ok(NO),
            },
            // What only the call knows may be any of the keys.
            (Val::Const(Const::Object(fields)), Val::Term(..)) => {
                let mut any = NO;
                for (name, found) in fields {
                    let same = self.alike(span, key, &Val::Const(name.clone()))?;
                    let one = self.when(same, &mut |this| k(this, Val::Const(found.clone())))?;
                    any = self.either(any, one)?;
                }
                Ok(any)
            }
            (Val::Mapping(name), _) => self.under(&name.clone(), key, span, k),
            (Val::Const(Const::Set(_)) | Val::Set(_) | Val::Partial(_), _) => {
                let member = self.member(span, val, key)?;
                self.when(member, &mut |this| k(this, key.clone()))
            }
            (Val::Object(fields), Val::Const(key)) => match fields.iter().find(|(name, _)| name == key) {
                Some((_, found)) => k(self, found.clone()),
                None => Ok(NO),
            },
            (Val::Array(items), Val::Const(Const::Num(Num::Int(at)))) => {
                match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
                    Some(found) => k(self, found.clone()),
                    None => Ok(NO),
                }
            }
            (Val::Term(_, Ty::Set(_)) | Val::Resources, _) => self.outside(span, "an element of a list by its place"),
            (Val::Const(_), Val::Const(_)) => Ok(NO),
            _ => self.outside(span, &format!("a look into {}", val.describe())),
        }
    }

    /// What is made of each element of a collection, with its key. One solution is enough.
    pub(super) fn each(&mut self, span: &Span, of: Val, k: Each<'_, 'a>) -> Out<Condition> {
        let number = |at: usize| Val::Const(Const::Num(Num::Int(i64::try_from(at).unwrap_or(i64::MAX))));
        let pairs: Vec<(Val, Val)> = match of {
            Val::Const(Const::Array(items)) => items
                .into_iter()
                .map(Val::Const)
                .enumerate()
                .map(|(at, item)| (number(at), item))
                .collect(),
            Val::Const(Const::Set(items)) => items
                .into_iter()
                .map(|item| (Val::Const(item.clone()), Val::Const(item)))
                .collect(),
            Val::Const(Const::Object(fields)) => fields
                .into_iter()
                .map(|(key, item)| (Val::Const(key), Val::Const(item)))
                .collect(),
            Val::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(at, item)| (number(at), item))
                .collect(),
            Val::Set(items) => items.into_iter().map(|item| (item.clone(), item)).collect(),
            Val::Object(fields) => fields.into_iter().map(|(key, item)| (Val::Const(key), item)).collect(),
            Val::Resources => {
                let action = self.action;
                let name = |parts: &Vec<_>| Val::Term(Term::Resource(parts.clone()), Ty::Str(Spelling::Plain));
                action
                    .resources
                    .iter()
                    .map(name)
                    .enumerate()
                    .map(|(at, item)| (number(at), item))
                    .collect()
            }
            Val::Partial(name) => {
                let parsed = self.parsed;
                let Some(group) = parsed.index.groups.get(&name).filter(|group| group.kind == Kind::Set) else {
                    return self.outside(span, "this set");
                };
                return self.members(group, &mut |this, item| k(this, item.clone(), item));
            }
            Val::Term(list, Ty::Set(of)) => return self.elements(span, &list, &of, k),
            Val::Place(place) => return self.fields(span, &place, k),
            Val::Gathered(gathered) => return self.gathered(&gathered, k),
            Val::Joined(join, two) => return self.joined(span, join, &two.0, &two.1, k),
            Val::Mapping(name) => return self.pairs(&name, span, k),
            // There is nothing in a scalar.
            Val::Const(_) | Val::Flag(_) => return Ok(NO),
            other => return self.outside(span, &format!("a walk through {}", other.describe())),
        };
        let mut any = NO;
        for (key, item) in pairs {
            let one = self.query(&[], &Env::default(), &mut |this, _| k(this, key.clone(), item.clone()))?;
            any = self.either(any, one)?;
        }
        Ok(any)
    }

    fn arithmetic(&mut self, span: &Span, op: &ArithOp, a: &Val, b: &Val) -> Out<Val> {
        let term = |val: &Val| match val {
            Val::Const(Const::Num(Num::Int(number))) => Some(Term::Constant(crate::ir::Constant::Int(*number))),
            Val::Term(term, Ty::Int) => Some(term.clone()),
            _ => None,
        };
        match (a, b) {
            (Val::Const(Const::Num(a)), Val::Const(Const::Num(b))) => {
                let made = a
                    .ten_thousandths()
                    .zip(b.ten_thousandths())
                    .and_then(|(a, b)| match op {
                        ArithOp::Add => a.checked_add(b).and_then(Num::scaled),
                        ArithOp::Sub => a.checked_sub(b).and_then(Num::scaled),
                        ArithOp::Mul => {
                            let product = a.checked_mul(b)?;
                            (product % 10_000 == 0)
                                .then_some(product / 10_000)
                                .and_then(Num::scaled)
                        }
                        ArithOp::Div => {
                            let scaled = a.checked_mul(10_000)?;
                            (b != 0 && scaled % b == 0).then(|| scaled / b).and_then(Num::scaled)
                        }
                        ArithOp::Mod => {
                            let whole = a % 10_000 == 0 && b % 10_000 == 0 && b != 0;
                            whole.then(|| a % b).and_then(Num::scaled)
                        }
                    });
                match made {
                    Some(number) => Ok(Val::Const(Const::Num(number))),
                    None => self.outside(span, "a calculation whose result is not exact to four places"),
                }
            }
            (a, b) if *op == ArithOp::Sub && (a.is_set() || b.is_set()) => {
                self.sets(span, Join::Difference, a.clone(), b.clone())
            }
            _ => {
                let function = match op {
                    ArithOp::Add => Some(Function::Add),
                    ArithOp::Sub => Some(Function::Subtract),
                    ArithOp::Mul => Some(Function::Multiply),
                    ArithOp::Div | ArithOp::Mod => None,
                };
                match (function, term(a), term(b)) {
                    (Some(function), Some(a), Some(b)) => {
                        self.budget.spend(1)?;
                        Ok(Val::Term(Term::Apply(function, vec![a, b]), Ty::Int))
                    }
                    _ => self.outside(span, "arithmetic other than `+`, `-` and `*` on whole numbers"),
                }
            }
        }
    }

    /// A call of a function of the file, or of a builtin.
    fn call(&mut self, fcn: &Expr, params: &[Ref<Expr>], span: &Span, env: &Env, k: Then<'_, 'a>) -> Out<Condition> {
        let Some(path) = module::path(fcn) else {
            return self.outside(span, "this call");
        };
        let parsed = self.parsed;
        let own = path
            .strip_prefix(&["data".to_owned()][..])
            .and_then(|rest| rest.strip_prefix(&parsed.package[..]));
        let name = match own {
            Some([name]) => name.clone(),
            _ => path.join("."),
        };
        if parsed.index.groups.contains_key(&name) {
            return self.items(params, env, Vec::new(), &mut |this, args| {
                this.function(&name, &args, span, k)
            });
        }
        self.builtin(&name, params, span, env, k)
    }
}

impl<'e> Step<'e> {
    /// The name that it is, if it is one.
    fn name(&self) -> Option<&'e str> {
        match self {
            Self::Field(name, _) => Some(name),
            Self::Index(_) => None,
        }
    }
}
