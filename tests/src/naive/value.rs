//! Values as a condition sees them, and the call's arguments turned into them.
//!
//! An argument that is there and cannot be read is [`Value::Poison`]: `has` is true of it, and reading it errs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use polity::ast::{Param, ParamType, Text};
use serde_json::Value as Json;

use crate::normal;

/// Evaluating failed: a missing or poisoned argument, a wrong type, an overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errs;

/// Where a string came from, which says how a literal is normalised before it is compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Compared as it is.
    Plain,
    /// Written in a condition.
    Literal,
    /// A folded argument.
    Fold,
    /// A `path` argument.
    Path,
    /// A `host` argument, or the host of a url or an email.
    Host,
}

/// A dynamic value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// Cedar's Long.
    Int(i64),
    /// A string and its origin.
    Text(String, Origin),
    /// Ten-thousandths.
    Decimal(i64),
    /// Milliseconds since 1970.
    DateTime(i64),
    /// Milliseconds.
    Duration(i64),
    /// An address and its prefix length.
    Ip(IpAddr, u8),
    /// A set; duplicates do no harm.
    Set(Vec<Value>),
    /// A record.
    Record(BTreeMap<String, Value>),
    /// `Team::"payments"`: its type and its id.
    Entity(String, String),
    /// There, and unreadable.
    Poison,
}

impl Value {
    /// A string that is compared as it is.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into(), Origin::Plain)
    }
}

/// Cedar's `==`, with literals normalised for what they are compared with.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b))
        | (Value::Decimal(a), Value::Decimal(b))
        | (Value::DateTime(a), Value::DateTime(b))
        | (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Text(a, Origin::Literal), Value::Text(b, origin)) => normalise_literal(a, *origin) == *b,
        (Value::Text(a, origin), Value::Text(b, Origin::Literal)) => *a == normalise_literal(b, *origin),
        (Value::Text(a, _), Value::Text(b, _)) => a == b,
        (Value::Ip(a, m), Value::Ip(b, n)) => a == b && m == n,
        (Value::Set(a), Value::Set(b)) => contains_all(a, b) && contains_all(b, a),
        (Value::Record(a), Value::Record(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        (Value::Entity(a, m), Value::Entity(b, n)) => a == b && m == n,
        _ => false,
    }
}

/// Cedar's `contains`.
pub fn contains(set: &[Value], element: &Value) -> bool {
    set.iter().any(|candidate| equal(candidate, element))
}

/// Cedar's `containsAll`.
pub fn contains_all(set: &[Value], subset: &[Value]) -> bool {
    subset.iter().all(|element| contains(set, element))
}

/// A constant that has no normal form is compared as it was written, and so equals nothing.
fn normalise_literal(text: &str, origin: Origin) -> String {
    match origin {
        Origin::Plain | Origin::Literal => text.to_owned(),
        Origin::Fold => normal::fold(text),
        Origin::Path => normal::path(text).unwrap_or_else(|| text.to_owned()),
        Origin::Host => normal::host(text).unwrap_or_else(|| text.to_owned()),
    }
}

/// `context.args`: what is declared and given, and the hosts derived of lists: of `to` they are `to_hosts`.
pub fn arguments(params: &[(Text, Param)], args: &Json) -> Value {
    let mut record = BTreeMap::new();
    for (name, param) in params {
        let Some(given) = args.get(&name.value).filter(|given| !given.is_null()) else {
            continue;
        };
        let value = argument(&param.ty.value, given);
        if let Some(hosts) = hosts(&param.ty.value, &value) {
            record.insert(format!("{}_hosts", name.value), hosts);
        }
        record.insert(name.value.clone(), value);
    }
    Value::Record(record)
}

/// Whether the call says something that nobody declared, at the top or inside a record.
pub fn carries_undeclared(params: &[(Text, Param)], args: &Json) -> bool {
    let Json::Object(given) = args else {
        return !args.is_null();
    };
    given.iter().any(
        |(key, value)| match params.iter().find(|(name, _)| name.value == *key) {
            None => true,
            Some((_, param)) => match &param.ty.value {
                ParamType::Record(fields) if value.is_object() => carries_undeclared(fields, value),
                _ => false,
            },
        },
    )
}

fn argument(ty: &ParamType, given: &Json) -> Value {
    readable(ty, given).unwrap_or(Value::Poison)
}

fn readable(ty: &ParamType, given: &Json) -> Option<Value> {
    Some(match ty {
        ParamType::String { fold: false } => Value::text(given.as_str()?),
        ParamType::String { fold: true } => Value::Text(normal::fold(given.as_str()?), Origin::Fold),
        ParamType::Int => Value::Int(given.as_i64()?),
        ParamType::Bool => Value::Bool(given.as_bool()?),
        ParamType::Decimal => Value::Decimal(match given {
            Json::String(text) => normal::decimal(text)?,
            Json::Number(number) => normal::decimal(&number.to_string())?,
            _ => return None,
        }),
        ParamType::DateTime => Value::DateTime(normal::datetime(given.as_str()?)?),
        ParamType::Duration => Value::Duration(normal::duration(given.as_str()?)?),
        ParamType::Ip => {
            let (address, prefix) = normal::ip(given.as_str()?)?;
            Value::Ip(address, prefix)
        }
        ParamType::Path => Value::Text(normal::path(given.as_str()?)?, Origin::Path),
        ParamType::Host => Value::Text(normal::host(given.as_str()?)?, Origin::Host),
        ParamType::Enum(values) => {
            let given = given.as_str()?;
            values.iter().find(|value| value.value == given)?;
            Value::text(given)
        }
        ParamType::Url => {
            let url = normal::url(given.as_str()?)?;
            record([
                ("scheme", Value::text(url.scheme)),
                ("host", Value::Text(url.host, Origin::Host)),
                ("port", Value::Int(url.port)),
                ("path", Value::Text(url.path, Origin::Path)),
            ])
        }
        ParamType::Email => {
            let (local, host) = normal::email(given.as_str()?)?;
            record([("local", Value::text(local)), ("host", Value::Text(host, Origin::Host))])
        }
        ParamType::List(of) => Value::Set(
            given
                .as_array()?
                .iter()
                .map(|item| readable(of, item))
                .collect::<Option<_>>()?,
        ),
        ParamType::Record(fields) => {
            given.as_object()?;
            arguments(fields, given)
        }
        ParamType::Opaque => return None,
    })
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// A list of urls, hosts or emails called `to` brings the set of their hosts.
fn hosts(ty: &ParamType, value: &Value) -> Option<Value> {
    let ParamType::List(of) = ty else { return None };
    if !matches!(**of, ParamType::Url | ParamType::Host | ParamType::Email) {
        return None;
    }
    let Value::Set(items) = value else {
        return Some(Value::Poison);
    };
    let host = |item: &Value| match item {
        Value::Record(fields) => fields.get("host").cloned(),
        other => Some(other.clone()),
    };
    Some(
        items
            .iter()
            .map(host)
            .collect::<Option<_>>()
            .map_or(Value::Poison, Value::Set),
    )
}
