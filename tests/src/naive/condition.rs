//! A tree-walking interpreter of Cedar's parsed expressions: an expression and a scope in, a value or an error out.
//!
//! It works on the untyped tree and on dynamic values, and knows neither the schema nor the type checker.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Pattern, PatternElem, UnaryOp, Var};

use super::value::{Errs, Origin, Value, contains, contains_all, equal};
use crate::normal;

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// What the four variables of a condition stand for.
pub struct Scope {
    /// `payments/claude-code`
    pub principal: String,
    /// `agent`, `team`, `ring`, `tags`.
    pub principal_attributes: BTreeMap<String, Value>,
    /// The entities that the principal is in, itself apart.
    pub principal_parents: Vec<(String, String)>,
    /// The action's full name, its variant included.
    pub action: String,
    /// The names of the action entities that it is in, itself apart.
    pub action_parents: Vec<String>,
    /// The environment, in which the resource is.
    pub environment: String,
    /// `context`.
    pub context: Value,
    /// `resource.name`, or that it has none or cannot be made.
    pub resource: Result<String, Errs>,
}

/// Whether a condition holds.
pub fn holds(expr: &Expr, scope: &Scope) -> Result<bool, Errs> {
    boolean(evaluate(expr, scope)?)
}

/// The value of an expression.
pub fn evaluate(expr: &Expr, scope: &Scope) -> Result<Value, Errs> {
    Ok(match expr.expr_kind() {
        ExprKind::Lit(literal) => match literal {
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Long(value) => Value::Int(*value),
            Literal::String(value) => Value::Text(value.to_string(), Origin::Literal),
            Literal::EntityUID(uid) => Value::Entity(
                uid.entity_type().to_string(),
                AsRef::<str>::as_ref(uid.eid()).to_owned(),
            ),
        },
        ExprKind::Var(Var::Principal) => Value::Entity("Deployment".to_owned(), scope.principal.clone()),
        ExprKind::Var(Var::Action) => Value::Entity("Action".to_owned(), scope.action.clone()),
        ExprKind::Var(Var::Resource) => Value::Entity("Resource".to_owned(), scope.resource.clone()?),
        ExprKind::Var(Var::Context) => scope.context.clone(),
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => {
            let chosen = if holds(test_expr, scope)? { then_expr } else { else_expr };
            evaluate(chosen, scope)?
        }
        ExprKind::And { left, right } => Value::Bool(holds(left, scope)? && holds(right, scope)?),
        ExprKind::Or { left, right } => Value::Bool(holds(left, scope)? || holds(right, scope)?),
        ExprKind::UnaryApp { op, arg } => match (op, evaluate(arg, scope)?) {
            (UnaryOp::Not, value) => Value::Bool(!boolean(value)?),
            (UnaryOp::Neg, Value::Int(value)) => Value::Int(value.checked_neg().ok_or(Errs)?),
            (UnaryOp::IsEmpty, Value::Set(items)) => Value::Bool(items.is_empty()),
            _ => return Err(Errs),
        },
        // Whether the resource is in an environment does not depend on its name, so it holds of an action that
        // touches none and of one whose name cannot be made.
        ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg1,
            arg2,
        } if is_variable(arg1, Var::Resource) => {
            let parents = [("Environment".to_owned(), scope.environment.clone())];
            let itself = scope.resource.clone().ok().map(|name| ("Resource".to_owned(), name));
            Value::Bool(is_in(itself.iter().chain(&parents), &evaluate(arg2, scope)?)?)
        }
        ExprKind::BinaryApp { op, arg1, arg2 } => {
            let (left, right) = (evaluate(arg1, scope)?, evaluate(arg2, scope)?);
            binary(*op, left, right, scope)?
        }
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            let args = args
                .iter()
                .map(|arg| evaluate(arg, scope))
                .collect::<Result<Vec<_>, _>>()?;
            extension(&fn_name.to_string(), &args)?
        }
        ExprKind::GetAttr { expr, attr } if is_variable(expr, Var::Resource) && attr == "name" => {
            Value::text(scope.resource.clone()?)
        }
        ExprKind::GetAttr { expr, attr } => read(&evaluate(expr, scope)?, attr, scope)?,
        ExprKind::HasAttr { expr, attr } => Value::Bool(has(&evaluate(expr, scope)?, attr, scope)?),
        ExprKind::ExtHasAttr { expr, attrs } => {
            let mut value = evaluate(expr, scope)?;
            let last = attrs.len() - 1;
            for (at, attr) in attrs.iter().enumerate() {
                if !has(&value, attr, scope)? {
                    return Ok(Value::Bool(false));
                }
                if at < last {
                    value = read(&value, attr, scope)?;
                }
            }
            Value::Bool(true)
        }
        ExprKind::Like { expr, pattern } => match evaluate(expr, scope)? {
            Value::Text(text, origin) => Value::Bool(is_like(pattern, &text, origin)),
            _ => return Err(Errs),
        },
        ExprKind::Is { expr, entity_type } if is_variable(expr, Var::Resource) => {
            Value::Bool(entity_type.to_string() == "Resource")
        }
        ExprKind::Is { expr, entity_type } => match evaluate(expr, scope)? {
            Value::Entity(kind, _) => Value::Bool(kind == entity_type.to_string()),
            _ => return Err(Errs),
        },
        ExprKind::Set(items) => Value::Set(
            items
                .iter()
                .map(|item| evaluate(item, scope))
                .collect::<Result<_, _>>()?,
        ),
        ExprKind::Record(fields) => {
            let field = |(name, value): (&_, &Expr)| Ok((ToString::to_string(name), evaluate(value, scope)?));
            Value::Record(fields.iter().map(field).collect::<Result<_, _>>()?)
        }
        ExprKind::Slot(_) | ExprKind::Unknown(_) => return Err(Errs),
    })
}

fn is_variable(expr: &Expr, variable: Var) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(var) if *var == variable)
}

fn boolean(value: Value) -> Result<bool, Errs> {
    match value {
        Value::Bool(value) => Ok(value),
        _ => Err(Errs),
    }
}

/// Reading: absent and poisoned alike err.
fn read(value: &Value, attribute: &str, scope: &Scope) -> Result<Value, Errs> {
    match fields(value, scope)?.get(attribute) {
        None | Some(Value::Poison) => Err(Errs),
        Some(value) => Ok(value.clone()),
    }
}

/// Being there: poisoned or not.
fn has(value: &Value, attribute: &str, scope: &Scope) -> Result<bool, Errs> {
    Ok(fields(value, scope)?.contains_key(attribute))
}

fn fields<'v>(value: &'v Value, scope: &'v Scope) -> Result<&'v BTreeMap<String, Value>, Errs> {
    match value {
        Value::Record(fields) => Ok(fields),
        Value::Entity(kind, id) if kind == "Deployment" && *id == scope.principal => Ok(&scope.principal_attributes),
        _ => Err(Errs),
    }
}

fn binary(op: BinaryOp, left: Value, right: Value, scope: &Scope) -> Result<Value, Errs> {
    Ok(match (op, left, right) {
        (BinaryOp::Eq, left, right) => Value::Bool(equal(&left, &right)),
        (BinaryOp::Less, left, right) => Value::Bool(compare(&left, &right)?.is_lt()),
        (BinaryOp::LessEq, left, right) => Value::Bool(compare(&left, &right)?.is_le()),
        (BinaryOp::Add, Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(b).ok_or(Errs)?),
        (BinaryOp::Sub, Value::Int(a), Value::Int(b)) => Value::Int(a.checked_sub(b).ok_or(Errs)?),
        (BinaryOp::Mul, Value::Int(a), Value::Int(b)) => Value::Int(a.checked_mul(b).ok_or(Errs)?),
        (BinaryOp::In, Value::Entity(kind, id), right) => {
            let parents = match kind.as_str() {
                "Deployment" if id == scope.principal => scope.principal_parents.clone(),
                "Action" if id == scope.action => scope
                    .action_parents
                    .iter()
                    .map(|parent| ("Action".to_owned(), parent.clone()))
                    .collect(),
                _ => Vec::new(),
            };
            let itself = (kind, id);
            Value::Bool(is_in([&itself].into_iter().chain(&parents), &right)?)
        }
        (BinaryOp::Contains, Value::Set(set), element) => Value::Bool(contains(&set, &element)),
        (BinaryOp::ContainsAll, Value::Set(set), Value::Set(subset)) => Value::Bool(contains_all(&set, &subset)),
        (BinaryOp::ContainsAny, Value::Set(set), Value::Set(other)) => {
            Value::Bool(other.iter().any(|element| contains(&set, element)))
        }
        _ => return Err(Errs),
    })
}

/// Whether one of these entities is the one on the right, or one of the set on the right.
fn is_in<'e>(mut entities: impl Iterator<Item = &'e (String, String)>, right: &Value) -> Result<bool, Errs> {
    let targets = match right {
        Value::Set(items) => items.clone(),
        single => vec![single.clone()],
    };
    if !targets.iter().all(|target| matches!(target, Value::Entity(..))) {
        return Err(Errs);
    }
    Ok(entities.any(|(kind, id)| contains(&targets, &Value::Entity(kind.clone(), id.clone()))))
}

fn compare(left: &Value, right: &Value) -> Result<std::cmp::Ordering, Errs> {
    match (left, right) {
        (Value::Int(a), Value::Int(b))
        | (Value::DateTime(a), Value::DateTime(b))
        | (Value::Duration(a), Value::Duration(b)) => Ok(a.cmp(b)),
        _ => Err(Errs),
    }
}

fn extension(name: &str, args: &[Value]) -> Result<Value, Errs> {
    let value = match (name, args) {
        ("ip", [Value::Text(text, _)]) => normal::ip(text).map(|(address, prefix)| Value::Ip(address, prefix)),
        ("decimal", [Value::Text(text, _)]) => normal::decimal_literal(text).map(Value::Decimal),
        ("datetime", [Value::Text(text, _)]) => normal::datetime_literal(text).map(Value::DateTime),
        ("duration", [Value::Text(text, _)]) => normal::duration(text).map(Value::Duration),
        ("lessThan", [Value::Decimal(a), Value::Decimal(b)]) => Some(Value::Bool(a < b)),
        ("lessThanOrEqual", [Value::Decimal(a), Value::Decimal(b)]) => Some(Value::Bool(a <= b)),
        ("greaterThan", [Value::Decimal(a), Value::Decimal(b)]) => Some(Value::Bool(a > b)),
        ("greaterThanOrEqual", [Value::Decimal(a), Value::Decimal(b)]) => Some(Value::Bool(a >= b)),
        ("isIpv4", [Value::Ip(address, _)]) => Some(Value::Bool(address.is_ipv4())),
        ("isIpv6", [Value::Ip(address, _)]) => Some(Value::Bool(address.is_ipv6())),
        ("isLoopback", [Value::Ip(address, prefix)]) => Some(Value::Bool(
            address.is_loopback() && *prefix >= if address.is_ipv4() { 8 } else { 128 },
        )),
        ("isMulticast", [Value::Ip(address, prefix)]) => Some(Value::Bool(
            address.is_multicast() && *prefix >= if address.is_ipv4() { 4 } else { 8 },
        )),
        ("isInRange", [Value::Ip(inner, m), Value::Ip(outer, n)]) => {
            Some(Value::Bool(is_within((*inner, *m), (*outer, *n))))
        }
        ("offset", [Value::DateTime(at), Value::Duration(by)]) => at.checked_add(*by).map(Value::DateTime),
        ("durationSince", [Value::DateTime(a), Value::DateTime(b)]) => a.checked_sub(*b).map(Value::Duration),
        ("toDate", [Value::DateTime(at)]) => at.checked_sub(at.rem_euclid(DAY)).map(Value::DateTime),
        ("toTime", [Value::DateTime(at)]) => Some(Value::Duration(at.rem_euclid(DAY))),
        ("toMilliseconds", [Value::Duration(length)]) => Some(Value::Int(*length)),
        ("toSeconds", [Value::Duration(length)]) => Some(Value::Int(length / 1_000)),
        ("toMinutes", [Value::Duration(length)]) => Some(Value::Int(length / 60_000)),
        ("toHours", [Value::Duration(length)]) => Some(Value::Int(length / 3_600_000)),
        ("toDays", [Value::Duration(length)]) => Some(Value::Int(length / DAY)),
        _ => None,
    };
    value.ok_or(Errs)
}

/// Bit by bit: the outer network's prefix is no longer, and the inner address begins with it.
fn is_within(inner: (std::net::IpAddr, u8), outer: (std::net::IpAddr, u8)) -> bool {
    let bits = |address: std::net::IpAddr| -> Vec<bool> {
        let bytes = match address {
            std::net::IpAddr::V4(address) => address.octets().to_vec(),
            std::net::IpAddr::V6(address) => address.octets().to_vec(),
        };
        bytes
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
            .collect()
    };
    let fixed = usize::from(outer.1);
    inner.0.is_ipv4() == outer.0.is_ipv4()
        && inner.1 >= outer.1
        && bits(inner.0).iter().take(fixed).eq(bits(outer.0).iter().take(fixed))
}

fn is_like(pattern: &Pattern, text: &str, origin: Origin) -> bool {
    let text: Vec<char> = text.chars().collect();
    let parts: Vec<PatternElem> = pattern
        .iter()
        .copied()
        .flat_map(|part| normalise_part(part, origin))
        .collect();
    walk(&parts, &text)
}

/// The letters of a pattern lose their case where the text lost its own.
fn normalise_part(part: PatternElem, origin: Origin) -> Vec<PatternElem> {
    match (part, origin) {
        (PatternElem::Char(c), Origin::Fold | Origin::Host) => crate::normal::fold(&c.to_string())
            .chars()
            .map(PatternElem::Char)
            .collect(),
        (part, _) => vec![part],
    }
}

fn walk(pattern: &[PatternElem], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [PatternElem::Wildcard, rest @ ..] => (0..=text.len()).any(|skipped| walk(rest, &text[skipped..])),
        [PatternElem::Char(c), rest @ ..] => text.first() == Some(c) && walk(rest, &text[1..]),
    }
}
