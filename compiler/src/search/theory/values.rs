//! Values as a call's JSON gives them, and values for what nobody asked about. Knows types, not tests.

use std::collections::BTreeSet;

use polity_runtime::value::{IpNet, Kind};
use serde_json::{Map, Value as Json};

use super::text::Domain;
use crate::ir::Constant;
use crate::search::frame::Takes;

/// 2026-01-01T00:00:00Z: the moment of a call that no rule asks about. Any would do; a fixed one, because nothing
/// that is compared may depend on today.
pub(crate) const ORDINARY_MOMENT: i64 = 1_767_225_600_000;
/// The first millisecond of the year 0000, and the last of 9999: RFC 3339 writes four digits.
const FOUR_DIGITS: (i64, i64) = (-62_167_219_200_000, 253_402_300_799_999);
/// 23:59, the farthest that a local time can be from UTC.
const FARTHEST_OFFSET: i64 = 86_340_000;
/// What `now` can be: calls are made since 1970.
pub(super) const NOWS: (i64, i64) = (0, FOUR_DIGITS.1);
/// What an argument can say: those years, each as much longer as an offset makes it.
const MOMENTS: (i64, i64) = (FOUR_DIGITS.0 - FARTHEST_OFFSET, FOUR_DIGITS.1 + FARTHEST_OFFSET);

/// All that 64 bits hold.
pub(super) const WHOLE: (i64, i64) = (i64::MIN, i64::MAX);

/// What a number of a kind is where nobody asks, and the least and the greatest that it can be.
pub(super) fn number(kind: Kind) -> (i64, (i64, i64)) {
    match kind {
        Kind::DateTime => (ORDINARY_MOMENT, MOMENTS),
        Kind::Decimal => (10_000, WHOLE),
        Kind::Duration => (3_600_000, WHOLE),
        _ => (1, WHOLE),
    }
}

/// A value of another type.
pub(crate) fn wrong(kind: Kind) -> Json {
    match kind {
        Kind::String | Kind::Path | Kind::Host | Kind::Url | Kind::Email | Kind::Enum => Json::from(7),
        _ => Json::from("not of its type"),
    }
}

/// A value as the call gives it.
pub(crate) fn json(value: &Constant, kind: Kind) -> Json {
    match value {
        Constant::Bool(value) => (*value).into(),
        Constant::Int(value) => (*value).into(),
        Constant::Decimal(value) => decimal(*value).into(),
        Constant::DateTime(value) => moment(*value).into(),
        Constant::Duration(value) => format!("{value}ms").into(),
        Constant::String(text) if kind == Kind::Int => {
            text.parse::<i64>().map_or_else(|_| text.as_str().into(), Json::from)
        }
        Constant::String(text) if kind == Kind::Bool => (text == "true").into(),
        Constant::String(text) => text.as_str().into(),
        Constant::Ip(net) => address(net).into(),
        Constant::Set(values) => values.iter().map(|value| json(value, kind)).collect(),
    }
}

/// Ten-thousandths, with no more places than it takes.
pub(crate) fn decimal(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, places) = (value.unsigned_abs() / 10_000, value.unsigned_abs() % 10_000);
    let places = format!("{places:04}");
    let places = places.trim_end_matches('0');
    format!("{sign}{whole}.{}", if places.is_empty() { "0" } else { places })
}

/// RFC 3339: in UTC, or with the offset that it takes to be in a year of four digits. Milliseconds where there is none.
pub(crate) fn moment(value: i64) -> String {
    let (moved, offset) = match value {
        value if value > FOUR_DIGITS.1 => (-FARTHEST_OFFSET, "-23:59"),
        value if value < FOUR_DIGITS.0 => (FARTHEST_OFFSET, "+23:59"),
        _ => (0, "Z"),
    };
    let local = value.saturating_add(moved);
    let since = jiff::SignedDuration::from_millis(local);
    // A time without a zone goes to the end of the year 9999, a `Timestamp` not quite.
    match jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(since) {
        Ok(written) if (FOUR_DIGITS.0..=FOUR_DIGITS.1).contains(&local) => format!("{written}{offset}"),
        _ => value.to_string(),
    }
}

/// An address without the length of a prefix that says nothing.
pub(crate) fn address(net: &IpNet) -> String {
    let text = net.to_string();
    let whole = if net.is_ipv4() { "/32" } else { "/128" };
    text.strip_suffix(whole).map_or(text.clone(), str::to_owned)
}

/// A url of its parts; those that do not matter are ordinary.
pub(crate) fn url(
    scheme: Option<&Constant>,
    host: Option<&Constant>,
    port: Option<&Constant>,
    path: Option<&Constant>,
) -> String {
    let text = |part: Option<&Constant>, ordinary: &str| match part {
        Some(Constant::String(text)) => text.clone(),
        _ => ordinary.to_owned(),
    };
    let port = match port {
        Some(Constant::Int(port)) => format!(":{port}"),
        _ => String::new(),
    };
    let (scheme, host, path) = (text(scheme, "https"), text(host, "host.example"), text(path, "/"));
    format!("{scheme}://{host}{port}{path}")
}

/// An address of its parts.
pub(crate) fn email(local: Option<&Constant>, host: Option<&Constant>) -> String {
    let text = |part: Option<&Constant>, ordinary: &str| match part {
        Some(Constant::String(text)) => text.clone(),
        _ => ordinary.to_owned(),
    };
    format!("{}@{}", text(local, "someone"), text(host, "host.example"))
}

/// A list of elements; of urls and addresses their hosts are known.
pub(crate) fn list(elements: Option<&Constant>, takes: Option<&Takes>) -> Json {
    let Some(Constant::Set(elements)) = elements else {
        return Json::Array(Vec::new());
    };
    let kind = takes.map_or(Kind::String, |takes| takes.kind);
    let one = |element: &Constant| match kind {
        Kind::Url => url(None, Some(element), None, None).into(),
        Kind::Email => email(None, Some(element)).into(),
        kind => json(element, kind),
    };
    elements.iter().map(one).collect()
}

/// A value for a required argument that nobody asked about.
pub(crate) fn ordinary(takes: &Takes) -> Json {
    match takes.kind {
        Kind::String | Kind::Opaque | Kind::Hosts => "example".into(),
        Kind::Int => 1.into(),
        Kind::Bool => false.into(),
        Kind::Decimal => "1.0".into(),
        Kind::DateTime => moment(ORDINARY_MOMENT).into(),
        Kind::Duration => "1h".into(),
        Kind::Ip => "192.0.2.1".into(),
        Kind::Path => "/example".into(),
        Kind::Host => "host.example".into(),
        Kind::Url => url(None, None, None, None).into(),
        Kind::Email => email(None, None).into(),
        Kind::Enum => takes.values.first().map_or("", String::as_str).into(),
        Kind::List => Json::Array(Vec::new()),
        Kind::Record => Json::Object(Map::new()),
    }
}

/// What strings of a type can be at all; `None` for a type that is no string.
pub(super) fn domain(takes: &Takes) -> Option<Domain> {
    Some(match takes.kind {
        Kind::String if takes.fold => Domain::Folded,
        Kind::String => Domain::Any,
        Kind::Path => Domain::Path,
        Kind::Host | Kind::Hosts => Domain::Host,
        Kind::Enum => Domain::Words(takes.values.clone()),
        _ => return None,
    })
}

/// Whether a value can be an element of such a list.
pub(super) fn is_element(takes: &Takes, value: &Constant) -> bool {
    match (takes.kind, value) {
        (Kind::Int, Constant::Int(_))
        | (Kind::Bool, Constant::Bool(_))
        | (Kind::Decimal, Constant::Decimal(_))
        | (Kind::Duration, Constant::Duration(_))
        | (Kind::Ip, Constant::Ip(_)) => true,
        (Kind::DateTime, Constant::DateTime(moment)) => (MOMENTS.0..=MOMENTS.1).contains(moment),
        (Kind::Url, Constant::String(text)) => Domain::UrlHost.has(text) && !text.is_empty(),
        (Kind::Email, Constant::String(text)) => Domain::Host.has(text),
        (_, Constant::String(text)) => domain(takes).is_some_and(|domain| domain.has(text)),
        _ => false,
    }
}

/// How many elements there are at all; nothing where there are more than any list holds.
pub(super) fn many(takes: &Takes) -> Option<usize> {
    match takes.kind {
        Kind::Bool => Some(2),
        Kind::Enum => Some(takes.values.iter().collect::<BTreeSet<_>>().len()),
        Kind::List | Kind::Record | Kind::Opaque => Some(0),
        _ => None,
    }
}

/// So many elements that are none of these, or all that there are.
pub(super) fn fresh(takes: &Takes, taken: &BTreeSet<Constant>, many: usize) -> Vec<Constant> {
    let new = |all: &mut dyn Iterator<Item = Constant>| -> Vec<Constant> {
        all.filter(|one| !taken.contains(one)).take(many).collect()
    };
    let text = |shape: fn(u32) -> String| new(&mut (1..).map(shape).map(Constant::String));
    let number = |shape: fn(i64) -> Constant| new(&mut (1..).map(shape));
    match takes.kind {
        Kind::Int => number(Constant::Int),
        Kind::Decimal => number(|at| Constant::Decimal(at * 10_000)),
        Kind::DateTime => number(|at| Constant::DateTime(ORDINARY_MOMENT + at)),
        Kind::Duration => number(|at| Constant::Duration(at * 1000)),
        Kind::Bool => new(&mut [false, true].into_iter().map(Constant::Bool)),
        Kind::Ip => {
            // 192.0.2.0 and what follows.
            let address = |at: u32| std::net::Ipv4Addr::from(at).into();
            new(&mut (0xc000_0200..=u32::MAX).map(|at| {
                Constant::Ip(IpNet {
                    address: address(at),
                    prefix: 32,
                })
            }))
        }
        Kind::Enum => new(&mut takes.values.iter().cloned().map(Constant::String)),
        Kind::Path => text(|at| format!("/other-{at}")),
        Kind::Host | Kind::Url | Kind::Email | Kind::Hosts => text(|at| format!("other-{at}.example")),
        Kind::String => text(|at| format!("other-{at}")),
        Kind::List | Kind::Record | Kind::Opaque => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_what_an_argument_can_say_are_written_as_it_is_read() {
        for value in [
            MOMENTS.0,
            FOUR_DIGITS.0 - 1,
            FOUR_DIGITS.0,
            -1,
            0,
            FOUR_DIGITS.1,
            FOUR_DIGITS.1 + 1,
            MOMENTS.1,
        ] {
            let written = moment(value);
            assert_eq!(polity_runtime::value::datetime(&written), Ok(value), "{written}");
        }
        assert_eq!(moment(MOMENTS.1 + 1), (MOMENTS.1 + 1).to_string());
    }
}
