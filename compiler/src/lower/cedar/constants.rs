//! Constants of a condition: extension values read as Cedar reads them, strings normalised as the runtime
//! normalises the arguments that they are compared with.

use std::net::IpAddr;

use cedar_policy_core::ast::{
    Context, EntityUID, Expr, ExprKind, Literal, Request, RequestSchemaAllPass, Value, ValueKind,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use polity_runtime::value::IpNet;

use crate::ir::Constant;

/// A letter of a pattern as a string that ignores case is compared.
pub(super) fn fold_char(letter: char) -> char {
    polity_runtime::value::fold(letter.encode_utf8(&mut [0; 4]))
        .chars()
        .next()
        .unwrap_or(letter)
}

/// A host as arguments are compared with it: in ASCII by IDNA, then as the runtime has it. `None` of what is no host.
pub(super) fn host(text: &str) -> Option<String> {
    if let Ok(host) = polity_runtime::value::host(text) {
        return Some(host.into_owned());
    }
    // Inside a url an address of version 6 keeps its brackets.
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address
            .parse::<std::net::Ipv6Addr>()
            .ok()
            .map(|address| format!("[{address}]"));
    }
    let ascii = idna::domain_to_ascii(text).ok()?;
    polity_runtime::value::host(&ascii)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// `ip("...")`, `decimal("...")`, `datetime("...")` or `duration("...")`: Cedar itself says whether the text is
/// one, and which.
pub(super) fn extension(function: &str, text: &str) -> Option<Constant> {
    let literal = quoted(text);
    match function {
        "ip" => {
            evaluate(&format!("ip({literal}).isIpv4()"))?;
            let (address, prefix) = match text.split_once('/') {
                Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
                None => (text, None),
            };
            let address: IpAddr = address.parse().ok()?;
            let prefix = prefix.unwrap_or(if address.is_ipv4() { 32 } else { 128 });
            Some(Constant::Ip(IpNet { address, prefix }))
        }
        "decimal" => {
            evaluate(&format!("decimal({literal}).lessThan(decimal(\"0.0\"))"))?;
            let (whole, places) = text.split_once('.')?;
            let digits: i128 = format!("{whole}{places:0<4}").parse().ok()?;
            Some(Constant::Decimal(i64::try_from(digits).ok()?))
        }
        "datetime" => {
            let since = format!("datetime({literal}).durationSince(datetime(\"1970-01-01\")).toMilliseconds()");
            evaluate(&since).map(Constant::DateTime)
        }
        "duration" => evaluate(&format!("duration({literal}).toMilliseconds()")).map(Constant::Duration),
        _ => None,
    }
}

/// The text as a Cedar string. Only what such constants are made of; anything else is none of them.
fn quoted(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| c.is_ascii_graphic() && *c != '"' && *c != '\\')
        .collect();
    if plain == text {
        format!("\"{text}\"")
    } else {
        "\"?\"".to_owned()
    }
}

/// The integer, or the truth as one, that a constant expression comes to.
fn evaluate(text: &str) -> Option<i64> {
    let expr: Expr = text.parse().ok()?;
    if expr.subexpressions().any(|e| matches!(e.expr_kind(), ExprKind::Var(_))) {
        return None;
    }
    let nobody = || EntityUID::with_eid_and_type("Nobody", "").ok();
    let extensions = Extensions::all_available();
    let request = Request::new(
        (nobody()?, None),
        (nobody()?, None),
        (nobody()?, None),
        Context::empty(),
        None::<&RequestSchemaAllPass>,
        extensions,
    )
    .ok()?;
    let entities = Entities::new();
    let value: Value = Evaluator::new(request, &entities, extensions)
        .interpret(&expr, &std::collections::HashMap::default())
        .ok()?;
    match value.value {
        ValueKind::Lit(Literal::Long(number)) => Some(number),
        ValueKind::Lit(Literal::Bool(truth)) => Some(i64::from(truth)),
        _ => None,
    }
}
