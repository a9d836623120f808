//! Any YAML value to canonical JSON text: keys sorted by their bytes, no whitespace, numbers as written.
//!
//! A plain scalar is read as YAML 1.2's core schema has it, and refused where any other reader would read it
//! otherwise: a test that asks about another argument than it shows proves nothing.

use super::reader::{Reader, shown};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;
use crate::parse::node::{Node, Style, Value};
use crate::parse::scalar;
use crate::parse::yaml::{Reading, plain_reading};

/// The value as JSON. `None` if any part of it is broken; every such part is reported.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    match &node.value {
        Value::Hole => None,
        Value::Scalar(text, Style::Plain) => plain(reader, node, text),
        Value::Scalar(text, _) => string(text),
        Value::List(entries) => {
            let entries: Vec<Option<String>> = entries.iter().map(|entry| read(reader, entry)).collect();
            let entries: Option<Vec<String>> = entries.into_iter().collect();
            Some(format!("[{}]", entries?.join(",")))
        }
        Value::Map(entries) => {
            let read = |(key, value): (&str, &Node)| Some(format!("{}:{}", string(key)?, read(reader, value)?));
            let mut sorted: Vec<_> = entries
                .iter()
                .map(|entry| (entry.key.value.as_str(), &entry.value))
                .collect();
            sorted.sort_by_key(|(key, _)| *key);
            let members: Vec<Option<String>> = sorted.into_iter().map(read).collect();
            let members: Option<Vec<String>> = members.into_iter().collect();
            Some(format!("{{{}}}", members?.join(",")))
        }
    }
}

fn plain(reader: &mut Reader<'_>, node: &Node, text: &str) -> Option<String> {
    let reading = plain_reading(text);
    match reading {
        // A date is a string to JSON, and to every reader that gives one back as it was written.
        Reading::String | Reading::Timestamp => return string(text),
        Reading::Bool(_) if scalar::boolean(text).is_some() => return Some(text.to_owned()),
        Reading::Int(_) | Reading::Float if is_number(text) => return Some(text.to_owned()),
        _ => {}
    }
    let reading = match reading {
        Reading::Disputed => "a string",
        reading => reading.describe(),
    };
    let message = format!(
        "`{}` is {reading} to some readers of YAML and something else to others",
        shown(text)
    );
    let quoted = format!("'{}'", text.replace('\'', "''"));
    let found = Diagnostic::new(&codes::NEEDS_QUOTES, message, node.span, "may be read in two ways");
    let found = found.with_replacement("put it in quotes if a string is meant", node.span, quoted);
    reader
        .sink
        .push(found.with_help("else write `true`, `false`, or a number in plain decimal digits"));
    None
}

/// A number that JSON and every YAML reads alike: no base, no exponent, no bare point, no leading zero.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let body = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match body.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (body, None),
    };
    // `-0` is a number to some and an integer to others.
    let zero = whole.starts_with('0') && (whole.len() > 1 || (text.starts_with('-') && fraction.is_none()));
    digits(whole) && !zero && fraction.is_none_or(digits)
}

fn string(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}
