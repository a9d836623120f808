//! Constants of a condition: extension values read as Cedar reads them, strings normalised as the runtime
//! normalises the arguments that they are compared with.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use cedar_policy_core::ast::{Literal, Name, PartialValue, Value, ValueKind};
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
