//! Constants of a condition: extension values read as Cedar reads them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use cedar_policy_core::ast::{Literal, Name, PartialValue, Value, ValueKind};
use cedar_policy_core::extensions::Extensions;
use polity_runtime::value::IpNet;

use crate::ir::Constant;
pub(super) use crate::lower::constants::fold_char;

/// `ip("...")`, `decimal("...")`, `datetime("...")` or `duration("...")`: Cedar itself says whether the text is
/// one, and which.
pub(super) fn extension(function: &str, text: &str) -> Option<Constant> {
    let made = || call(function, &[Value::from(text)]);
    match function {
        "ip" => {
            made()?;
            let (address, prefix) = match text.split_once('/') {
                Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
                None => (text, None),
            };
            let address: IpAddr = address.parse().ok()?;
            let prefix = prefix.unwrap_or(if address.is_ipv4() { 32 } else { 128 });
            Some(Constant::Ip(IpNet { address, prefix }))
        }
        "decimal" => {
            made()?;
            let (whole, places) = text.split_once('.')?;
            let digits: i128 = format!("{whole}{places:0<4}").parse().ok()?;
            Some(Constant::Decimal(i64::try_from(digits).ok()?))
        }
        "datetime" => {
            let epoch = call("datetime", &[Value::from("1970-01-01")])?;
            milliseconds(call("durationSince", &[made()?, epoch])?).map(Constant::DateTime)
        }
        "duration" => milliseconds(made()?).map(Constant::Duration),
        _ => None,
    }
}

fn milliseconds(duration: Value) -> Option<i64> {
    match call("toMilliseconds", &[duration])?.value {
        ValueKind::Lit(Literal::Long(number)) => Some(number),
        _ => None,
    }
}

/// What one of Cedar's extension functions gives.
fn call(function: &str, arguments: &[Value]) -> Option<Value> {
    /// Parsing a name is what would cost most here.
    static NAMES: LazyLock<BTreeMap<&str, Name>> = LazyLock::new(|| {
        let names = [
            "ip",
            "decimal",
            "datetime",
            "duration",
            "durationSince",
            "toMilliseconds",
        ];
        let parsed = names.into_iter().map(|name| Some((name, name.parse().ok()?)));
        parsed.flatten().collect()
    });
    let function = Extensions::all_available().func(NAMES.get(function)?).ok()?;
    match function.call(arguments).ok()? {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}
