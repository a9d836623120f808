//! An expression becomes a value: a term, a record, an entity, or a choice between such.

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, UnaryOp, Var};

use super::constants;
use super::lower::{Lowerer, Out, Sees, Stop};
use super::records::pick;
use super::tree::{Tree, YES, boolean_term, size_of, test};
use super::types::{Ent, Kind, Record, Ty, Val};
use crate::diag::codes::condition::{CONDITION_TYPE, INVALID_CONSTANT, VARIANT_TEST};
use crate::ir::{Condition, Constant, Function, Op, Term};
use crate::lower::constants::{Misspelt, normalised};

impl Lowerer<'_> {
    /// An expression as whatever it is.
    pub(super) fn value(&mut self, e: &Expr) -> Out<Tree<Val>> {
        match self.evaluated(e) {
            Err(Stop::Errs) => Ok(Tree::Errs),
            other => other,
        }
    }

    fn evaluated(&mut self, e: &Expr) -> Out<Tree<Val>> {
        if Self::is_condition(e) {
            return Ok(Tree::Leaf(Val::Bool(self.condition(e)?)));
        }
        let leaf = |val| Ok(Tree::Leaf(val));
        match e.expr_kind() {
            ExprKind::Lit(Literal::Long(number)) => leaf(Val::Term(Term::Constant(Constant::Int(*number)), Ty::Int)),
            ExprKind::Lit(Literal::String(text)) => leaf(Val::Term(
                Term::Constant(Constant::String(text.to_string())),
                Ty::Str(if self.world.is_some() {
                    Kind::Plain
                } else {
                    Kind::Literal
                }),
            )),
            ExprKind::Lit(Literal::EntityUID(uid)) if self.world.is_some() => {
                leaf(Val::Entity(Ent::Given(super::slots::uid(uid))))
            }
            ExprKind::Lit(Literal::EntityUID(uid)) => leaf(Val::Entity(self.entity_literal(e, uid)?)),
            ExprKind::Var(var) => leaf(self.variable(e, *var)?),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => {
                let test = self.condition(test_expr);
                match test {
                    Ok(YES) => return self.value(then_expr),
                    Ok(super::tree::NO) => return self.value(else_expr),
                    Ok(super::tree::ERROR) => return Ok(Tree::Errs),
                    _ => {}
                }
                let (yes, no) = (self.value(then_expr), self.value(else_expr));
                self.budget.spend(1)?;
                Ok(Tree::If(test?, Box::new(yes?), Box::new(no?)))
            }
            ExprKind::GetAttr { expr, attr } => {
                let tree = self.value(expr)?;
                tree.then(&mut |val| self.get(e, val, attr))
            }
            ExprKind::Set(items) => self.set(e, items),
            ExprKind::Record(fields) => {
                let trees = self.values(fields.values())?;
                let names: Vec<String> = fields.keys().map(ToString::to_string).collect();
                trees.then(&mut |vals: Vec<Val>| {
                    let fields = names.iter().cloned().zip(vals).collect();
                    self.made(Val::Record(Record::Literal(fields)))
                })
            }
            ExprKind::UnaryApp { op: UnaryOp::Neg, arg } => self.arithmetic(Function::Negate, &[arg]),
            ExprKind::BinaryApp { op, arg1, arg2 } => match op {
                BinaryOp::Add => self.arithmetic(Function::Add, &[arg1, arg2]),
                BinaryOp::Sub => self.arithmetic(Function::Subtract, &[arg1, arg2]),
                BinaryOp::Mul => self.arithmetic(Function::Multiply, &[arg1, arg2]),
                BinaryOp::GetTag if self.world.is_some() => {
                    let (x, y) = (self.value(arg1)?, self.value(arg2)?);
                    x.then(&mut |x| {
                        let y = self.copy(&y)?;
                        y.then(&mut |y| self.get_tag(&x, &y))
                    })
                }
                _ => self.unsupported(e, "entity tags: write `principal.tags has x && principal.tags.x`"),
            },
            ExprKind::ExtensionFunctionApp { fn_name, args } => self.extension_value(e, &fn_name.to_string(), args),
            ExprKind::Slot(_) => self.unsupported(e, "template slots"),
            _ => self.unsupported(e, "this expression"),
        }
    }

    /// A set or record of a class of requests is evaluated where it is made, whatever is asked of it then.
    fn made(&mut self, val: Val) -> Out<Tree<Val>> {
        let check = match self.world {
            Some(_) => self.sound(&val)?,
            None => YES,
        };
        Ok(Tree::check(check, Tree::Leaf(val)))
    }

    fn variable(&mut self, e: &Expr, var: Var) -> Out<Val> {
        if let Some(class) = self.world {
            return Ok(match var {
                Var::Principal => Val::Entity(Ent::Given(class.principal.clone())),
                Var::Action => Val::Entity(Ent::Given(class.action.clone())),
                Var::Resource if class.open.is_some() => Val::Entity(Ent::Open),
                Var::Resource => Val::Entity(Ent::Given(class.resource.clone())),
                Var::Context => Val::Record(Record::Asked(class.context.clone(), None)),
            });
        }
        let val = match var {
            Var::Context => return Ok(Val::Record(Record::Context)),
            Var::Principal => Val::Entity(Ent::Principal),
            Var::Action => Val::Entity(Ent::Action),
            Var::Resource => Val::Entity(Ent::Resource),
        };
        self.arguments_only(e, &var.to_string())?;
        Ok(val)
    }

    /// Refuses what the test of a variant may not look at.
    pub(super) fn arguments_only(&mut self, e: &Expr, what: &str) -> Out<()> {
        if self.sees == Sees::Everything {
            return Ok(());
        }
        self.report(
            &VARIANT_TEST,
            e,
            format!("the test of a variant looks at `{what}`"),
            "not an argument",
        );
        self.help("look at `context.args` only; who may do it is for a policy to say");
        Err(Stop::Reported)
    }

    /// Several expressions, each combination of their values.
    fn values<'e>(&mut self, items: impl Iterator<Item = &'e Expr>) -> Out<Tree<Vec<Val>>> {
        let trees: Vec<Out<Tree<Val>>> = items.map(|item| self.value(item)).collect();
        let mut all = Tree::Leaf(Vec::new());
        for tree in trees {
            let tree = tree?;
            all = match tree {
                Tree::Leaf(val) => all.then(&mut |mut vals: Vec<Val>| {
                    vals.push(self.copy_val(&val)?);
                    Ok(Tree::Leaf(vals))
                })?,
                tree => all.then(&mut |vals: Vec<Val>| {
                    let tree = self.copy(&tree)?;
                    tree.then(&mut |val| {
                        let mut vals = self.copy_vals(&vals)?;
                        vals.push(val);
                        Ok(Tree::Leaf(vals))
                    })
                })?,
            };
        }
        Ok(all)
    }

    fn set(&mut self, e: &Expr, items: &[Expr]) -> Out<Tree<Val>> {
        if self.world.is_some() {
            let tree = self.values(items.iter())?;
            return tree.then(&mut |vals: Vec<Val>| self.made(Val::Many(vals)));
        }
        if items.is_empty() {
            self.report(&CONDITION_TYPE, e, "a set without elements has no type", "empty");
            self.help("write `x.isEmpty()` to ask whether a set is empty");
            return Err(Stop::Reported);
        }
        let tree = self.values(items.iter())?;
        tree.then(&mut |vals: Vec<Val>| {
            let mut entities = Vec::new();
            for val in &vals {
                if let Val::Entity(entity) = val {
                    entities.push(entity.clone());
                }
            }
            if entities.len() == vals.len() {
                let first = entities.first().map(Ent::type_name);
                if let Some(other) = entities.iter().map(Ent::type_name).find(|ty| Some(*ty) != first) {
                    let message = format!(
                        "a set holds entities of two types, `{}` and `{other}`",
                        first.unwrap_or_default()
                    );
                    self.report(&CONDITION_TYPE, e, message, "elements of two types");
                    self.help("ask twice: `principal in Team::\"a\" || principal in Ring::\"b\"`");
                    return Err(Stop::Reported);
                }
                return Ok(Tree::Leaf(Val::Entities(entities)));
            }
            let mut terms = Tree::Leaf(Vec::new());
            for (item, val) in items.iter().zip(vals) {
                let tree = self.term(item, val)?;
                terms = match tree {
                    Tree::Leaf(term) => terms.then(&mut |mut terms: Vec<(Term, Ty)>| {
                        terms.push(term.clone());
                        Ok(Tree::Leaf(terms))
                    })?,
                    tree => terms.then(&mut |terms: Vec<(Term, Ty)>| {
                        tree.clone().then(&mut |term| {
                            self.budget.spend(1 + terms.len())?;
                            let mut terms = terms.clone();
                            terms.push(term);
                            Ok(Tree::Leaf(terms))
                        })
                    })?,
                };
            }
            terms.then(&mut |terms| self.set_of(e, items, terms).map(Tree::Leaf))
        })
    }

    /// A set of terms, which must be of one type.
    fn set_of(&mut self, e: &Expr, items: &[Expr], terms: Vec<(Term, Ty)>) -> Out<Val> {
        let mut joined: Option<Ty> = None;
        for (_, ty) in &terms {
            joined = match joined {
                None => Some(ty.clone()),
                Some(so_far) => match so_far.join(ty) {
                    Some(both) => Some(both),
                    None => {
                        let message = format!("a set holds {} beside {}", so_far.describe(), ty.describe());
                        self.report(&CONDITION_TYPE, e, message, "elements of two types");
                        return Err(Stop::Reported);
                    }
                },
            };
        }
        let Some(joined) = joined else {
            return Err(Stop::Reported);
        };
        let mut adapted = Vec::with_capacity(terms.len());
        for (item, (term, ty)) in items.iter().zip(terms) {
            adapted.push(self.adapt(item, term, &ty, &joined)?);
        }
        let constants: Option<Vec<Constant>> = adapted
            .iter()
            .map(|term| {
                if let Term::Constant(constant) = term {
                    Some(constant.clone())
                } else {
                    None
                }
            })
            .collect();
        let term = match constants {
            Some(constants) => Term::Constant(constant_set(constants)),
            None => Term::Set(adapted),
        };
        Ok(Val::Term(term, Ty::Set(Box::new(joined))))
    }

    /// A value as a term, or as a choice between two for a boolean that no single term gives.
    pub(super) fn term(&mut self, e: &Expr, val: Val) -> Out<Tree<(Term, Ty)>> {
        match val {
            Val::Term(term, ty) => Ok(Tree::Leaf((term, ty))),
            Val::Bool(condition) => Ok(match boolean_term(&condition) {
                Some(term) => Tree::Leaf((term, Ty::Bool)),
                None => {
                    let truth = |truth| Box::new(Tree::Leaf((Term::Constant(Constant::Bool(truth)), Ty::Bool)));
                    Tree::If(condition, truth(true), truth(false))
                }
            }),
            other => {
                self.visible(e, &other)?;
                self.unsupported(
                    e,
                    &format!("{} where a string, a number or the like is needed", other.describe()),
                )
            }
        }
    }

    fn arithmetic(&mut self, function: Function, args: &[&Expr]) -> Out<Tree<Val>> {
        let tree = self.values(args.iter().copied())?;
        tree.then(&mut |vals: Vec<Val>| {
            let mut terms = Vec::new();
            for (arg, val) in args.iter().zip(vals) {
                match val {
                    Val::Term(term, Ty::Int) => terms.push(term),
                    _ if self.world.is_some() => return Err(Stop::Errs),
                    Val::Term(_, Ty::Str(_)) if function == Function::Add => {
                        self.report(&CONDITION_TYPE, arg, "strings cannot be joined", "a string");
                        return Err(Stop::Reported);
                    }
                    Val::Term(_, Ty::DateTime | Ty::Duration) => {
                        self.report(&CONDITION_TYPE, arg, "`+` and `-` are for numbers", "not a number");
                        self.help("write `t.offset(duration(\"1h\"))` or `t.durationSince(other)`");
                        return Err(Stop::Reported);
                    }
                    other => return self.wrong(arg, "arithmetic needs numbers", &other),
                }
            }
            Ok(Tree::Leaf(Val::Term(Term::Apply(function, terms), Ty::Int)))
        })
    }

    /// A function of an extension type that gives a boolean; `None` of any other.
    pub(super) fn extension_test(&mut self, e: &Expr, name: &str, args: &[Expr]) -> Out<Option<Condition>> {
        use Ty::{Decimal, Ip};
        let (op, types, swapped): (Op, &[Ty], bool) = match name {
            "isIpv4" => (Op::IsIpv4, &[Ip], false),
            "isIpv6" => (Op::IsIpv6, &[Ip], false),
            "isLoopback" => (Op::IsLoopback, &[Ip], false),
            "isMulticast" => (Op::IsMulticast, &[Ip], false),
            "isInRange" => (Op::IsInRange, &[Ip, Ip], false),
            "lessThan" => (Op::Less, &[Decimal, Decimal], false),
            "lessThanOrEqual" => (Op::LessEqual, &[Decimal, Decimal], false),
            "greaterThan" => (Op::Less, &[Decimal, Decimal], true),
            "greaterThanOrEqual" => (Op::LessEqual, &[Decimal, Decimal], true),
            _ => return Ok(None),
        };
        let tree = self.typed(e, name, args, types)?;
        let condition = self.over(tree, &mut |this, terms| {
            let mut terms = terms.into_iter();
            let (first, second) = (
                terms.next().unwrap_or(Term::Nothing),
                terms.next().unwrap_or(Term::Nothing),
            );
            if swapped {
                this.test(op, second, first)
            } else {
                this.test(op, first, second)
            }
        })?;
        Ok(Some(condition))
    }

    /// A function of an extension type that gives a term.
    fn extension_value(&mut self, e: &Expr, name: &str, args: &[Expr]) -> Out<Tree<Val>> {
        use Ty::{DateTime, Duration, Int};
        let (function, types, result): (Function, &[Ty], Ty) = match name {
            "ip" | "decimal" | "datetime" | "duration" => return self.constructed(e, name, args),
            "offset" => (Function::Offset, &[DateTime, Duration], DateTime),
            "durationSince" => (Function::DurationSince, &[DateTime, DateTime], Duration),
            "toDate" => (Function::ToDate, &[DateTime], DateTime),
            "toTime" => (Function::ToTime, &[DateTime], Duration),
            "toMilliseconds" => (Function::ToMilliseconds, &[Duration], Int),
            "toSeconds" => (Function::ToSeconds, &[Duration], Int),
            "toMinutes" => (Function::ToMinutes, &[Duration], Int),
            "toHours" => (Function::ToHours, &[Duration], Int),
            "toDays" => (Function::ToDays, &[Duration], Int),
            _ => return self.unsupported(e, &format!("the function `{name}`")),
        };
        let tree = self.typed(e, name, args, types)?;
        tree.then(&mut |terms| Ok(Tree::Leaf(Val::Term(Term::Apply(function, terms), result.clone()))))
    }

    /// Arguments of a function, which must be of these types.
    fn typed(&mut self, e: &Expr, name: &str, args: &[Expr], types: &[Ty]) -> Out<Tree<Vec<Term>>> {
        if args.len() != types.len() {
            // The value that a method is called on counts for Cedar, and not for who reads it.
            let message = format!(
                "`{name}` takes {} arguments, and is given {}",
                types.len() - 1,
                args.len().saturating_sub(1)
            );
            self.report(&CONDITION_TYPE, e, message, "");
            return Err(Stop::Reported);
        }
        let tree = self.values(args.iter())?;
        tree.then(&mut |vals: Vec<Val>| {
            let mut terms = Vec::new();
            for ((arg, val), ty) in args.iter().zip(vals).zip(types) {
                match val {
                    Val::Term(term, found) if found == *ty => terms.push(term),
                    other => return self.wrong(arg, &format!("`{name}` needs {}", ty.describe()), &other),
                }
            }
            Ok(Tree::Leaf(terms))
        })
    }

    /// As [`Self::constructor`]; of a class of requests the text may be one that is known.
    fn constructed(&mut self, e: &Expr, name: &str, args: &[Expr]) -> Out<Tree<Val>> {
        let ([arg], true) = (args, self.world.is_some()) else {
            return self.constructor(e, name, args).map(Tree::Leaf);
        };
        let tree = self.value(arg)?;
        tree.then(&mut |val| match val {
            Val::Term(Term::Constant(Constant::String(text)), _) => {
                self.constructor(e, name, &[Expr::val(text)]).map(Tree::Leaf)
            }
            Val::Term(_, Ty::Str(_)) => self.constructor(e, name, args).map(Tree::Leaf),
            _ => Err(Stop::Errs),
        })
    }

    /// `ip("10.0.0.0/8")` and the like.
    fn constructor(&mut self, e: &Expr, name: &str, args: &[Expr]) -> Out<Val> {
        let [arg] = args else {
            self.report(&CONDITION_TYPE, e, format!("`{name}` takes one string"), "");
            return Err(Stop::Reported);
        };
        let ExprKind::Lit(Literal::String(text)) = arg.expr_kind() else {
            if self.world.is_some() {
                return self.unsupported(
                    e,
                    "a value of an extension type that is made of what only the request knows",
                );
            }
            self.report(
                &CONDITION_TYPE,
                arg,
                format!("`{name}` takes a string written in the condition"),
                "not a constant",
            );
            self.help(format!("declare the argument as `{name}`: it is then read as one"));
            return Err(Stop::Reported);
        };
        let Some(constant) = constants::extension(name, text) else {
            if self.world.is_some() {
                return Err(Stop::Errs);
            }
            let ty = if name == "ip" { "ip address" } else { name };
            self.report(
                &INVALID_CONSTANT,
                arg,
                format!("`{text}` is not a {ty}").replace("a ip", "an ip"),
                "",
            );
            self.help(match name {
                "ip" => "write `10.0.0.1`, `10.0.0.0/8`, `::1` or `fc00::/7`",
                "decimal" => "write a sign, digits, a point and one to four digits: `12.50`",
                "datetime" => "write `2026-11-01`, `2026-11-01T12:00:00Z` or `2026-11-01T12:00:00+0100`",
                _ => "write `90s`, `15m`, `2h`, `7d` or `1d12h`",
            });
            return Err(Stop::Reported);
        };
        let ty = match name {
            "ip" => Ty::Ip,
            "decimal" => Ty::Decimal,
            "datetime" => Ty::DateTime,
            _ => Ty::Duration,
        };
        Ok(Val::Term(Term::Constant(constant), ty))
    }

    /// A term of one type as one of a type that it joins to: constants are normalised, everything else stays.
    pub(super) fn adapt(&mut self, e: &Expr, term: Term, from: &Ty, to: &Ty) -> Out<Term> {
        if from == to {
            return Ok(term);
        }
        match (term, from, to) {
            (Term::Constant(constant), from, to) => Ok(Term::Constant(self.adapt_constant(e, constant, from, to)?)),
            (Term::Set(terms), Ty::Set(from), Ty::Set(to)) => {
                let terms = terms.into_iter().map(|term| self.adapt(e, term, from, to));
                Ok(Term::Set(terms.collect::<Out<_>>()?))
            }
            (term, _, _) => Ok(term),
        }
    }

    fn adapt_constant(&mut self, e: &Expr, constant: Constant, from: &Ty, to: &Ty) -> Out<Constant> {
        match (constant, from, to) {
            (Constant::Set(items), Ty::Set(from), Ty::Set(to)) => {
                let items: Vec<Out<Constant>> = items
                    .into_iter()
                    .map(|item| self.adapt_constant(e, item, from, to))
                    .collect();
                Ok(constant_set(items.into_iter().collect::<Out<_>>()?))
            }
            (Constant::String(text), Ty::Str(Kind::Literal), Ty::Str(kind)) => {
                self.adapt_string(e, text, kind).map(Constant::String)
            }
            (constant, _, _) => Ok(constant),
        }
    }

    fn adapt_string(&mut self, e: &Expr, text: String, kind: &Kind) -> Out<String> {
        let Misspelt {
            code,
            message,
            label,
            help,
            names,
            unread: _,
        } = match normalised(text.clone(), kind, self.vocabulary) {
            Ok(text) => return Ok(text),
            Err(Misspelt { unread: true, .. }) => return Err(Stop::Reported),
            Err(misspelt) => misspelt,
        };
        let span = self.span(literal(e, &text).unwrap_or(e));
        self.report_at(code, span, message, label);
        if let Some(help) = help {
            self.help(help);
        }
        self.suggest(&text, names.iter().map(String::as_str), |name| format!("\"{name}\""));
        Err(Stop::Reported)
    }

    // Copies, counted.

    pub(super) fn copy(&mut self, tree: &Tree<Val>) -> Out<Tree<Val>> {
        self.budget.spend(size_of(tree))?;
        Ok(tree.clone())
    }

    pub(super) fn copy_val(&mut self, val: &Val) -> Out<Val> {
        self.budget.spend(val.size())?;
        Ok(val.clone())
    }

    fn copy_vals(&mut self, vals: &[Val]) -> Out<Vec<Val>> {
        self.budget.spend(vals.len())?;
        vals.iter().map(|val| self.copy_val(val)).collect()
    }

    /// `x.attr`
    fn get(&mut self, e: &Expr, val: Val, attr: &str) -> Out<Tree<Val>> {
        if self.world.is_some() {
            return self.read_attribute(&val, attr);
        }
        match val {
            Val::Entity(Ent::Resource) if attr != "name" => self.told_attribute(e, attr),
            Val::Record(Record::Literal(fields)) => pick(self, e, fields, attr),
            val => self.attribute(e, val, attr).map(Tree::Leaf),
        }
    }

    /// `x has a.b.c`: each step is asked only where the one before it is there.
    pub(super) fn has_all(&mut self, e: &Expr, val: Val, attrs: &[&str]) -> Out<Condition> {
        let Some((first, rest)) = attrs.split_first() else {
            return Ok(YES);
        };
        let has = self.has(e, &val, first)?;
        if rest.is_empty() || has == super::tree::NO {
            return Ok(has);
        }
        let tree = self.get(e, val, first)?;
        let rest = self.over(tree, &mut |this, val| this.has_all(e, val, rest))?;
        Ok(super::tree::and(has, rest))
    }

    /// A boolean parameter as a condition.
    pub(super) fn is_true(&mut self, term: Term) -> Out<Condition> {
        self.budget.spend(1)?;
        Ok(test(Op::IsTrue, term, Term::Nothing))
    }
}

/// Sorted, without duplicates.
fn constant_set(mut items: Vec<Constant>) -> Constant {
    items.sort();
    items.dedup();
    Constant::Set(items)
}

/// Where that string is written within an expression.
fn literal<'e>(e: &'e Expr, text: &str) -> Option<&'e Expr> {
    e.subexpressions()
        .find(|e| matches!(e.expr_kind(), ExprKind::Lit(Literal::String(found)) if found == text))
}
