//! JSON that somebody else wrote: bytes in; a tree out, or why not; and the one text of a tree that a digest is of.
//!
//! A key that stands twice is refused, since two readers would read two things; so is what nests too deep or holds
//! too much. Objects keep the order in which they were written. Nothing here knows what the values mean.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use polity_runtime::wire::{Digest, Json as Wire};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How deep values may nest. A schema nests two levels for each of its own; servers in use stay below 30. It bounds the
/// recursion of whatever walks a tree.
pub const MAX_DEPTH: usize = 64;
/// How many values one text may hold. The largest servers in use have some thousands; picked by gut feeling.
pub const MAX_VALUES: usize = 500_000;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as precise as RFC 8785 has it.
    Number(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object in the order written, each key once.
    Object(Vec<(String, Json)>),
}

/// Reads one text.
///
/// # Errors
/// What is not JSON, a key that stands twice in an object, and what is beyond [`MAX_DEPTH`] or [`MAX_VALUES`].
pub fn read(bytes: &[u8]) -> Result<Json, String> {
    let left = Cell::new(MAX_VALUES);
    let seed = Seed { depth: 0, left: &left };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

impl Json {
    /// The value of a key; `None` where this is no object, too.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Self::Object(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
    /// The text, of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
    /// The entries, of an array; of anything else none.
    pub fn entries(&self) -> &[Json] {
        match self {
            Self::Array(entries) => entries,
            _ => &[],
        }
    }
    /// The members, of an object; of anything else none.
    pub fn members(&self) -> &[(String, Json)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }
    /// What it is, for messages.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
    /// The SHA-256 of the canonical text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_string().as_bytes())
    }
}

/// The canonical text of RFC 8785: no white space, keys sorted by their UTF-16 units, numbers as ECMAScript has them.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => f.write_str(&number(*value)),
            Self::String(text) => string(text, f),
            Self::Array(entries) => {
                f.write_char('[')?;
                for (at, entry) in entries.iter().enumerate() {
                    write!(f, "{}{entry}", if at == 0 { "" } else { "," })?;
                }
                f.write_char(']')
            }
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                f.write_char('{')?;
                for (at, (key, value)) in sorted.into_iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    string(key, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn string(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", Wire::string(text))
}

/// `Number::toString` of ECMAScript: the shortest digits that read back alike, plain from 1e-6 up to 1e21.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let shortest = format!("{:e}", value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if value < 0.0 { "-" } else { "" };
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // Where the point stands, counted from the first digit.
    let point = exponent + 1;
    match point {
        _ if length <= point && point <= 21 => format!("{sign}{digits}{}", zeros(point - length)),
        1..=21 => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        }
        -5..=0 => format!("{sign}0.{}{digits}", zeros(-point)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e{exponent:+}")
        }
    }
}

/// Reads a value at some depth, and counts it.
#[derive(Clone, Copy)]
struct Seed<'c> {
    depth: usize,
    left: &'c Cell<usize>,
}

impl Seed<'_> {
    fn inner(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(D::Error::custom(format!("it holds more than {MAX_VALUES} values")));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    #[expect(clippy::cast_precision_loss, reason = "RFC 8785 has numbers as 64-bit floats")]
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }
    #[expect(clippy::cast_precision_loss, reason = "RFC 8785 has numbers as 64-bit floats")]
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }
    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_element_seed(self.inner())? {
            entries.push(entry);
        }
        Ok(Json::Array(entries))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let (mut members, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(key) = access.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice in one object")));
            }
            members.push((key, access.next_value_seed(self.inner())?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_text_is_that_of_rfc_8785() {
        // The examples of the RFC: its section 3.2.2, and numbers of its appendix B.
        let read = read(
            r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#
                .as_bytes(),
        );
        assert_eq!(
            read.unwrap().to_string(),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
             \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (5e-324, "5e-324"),
            (-1.797_693_134_862_315_7e308, "-1.7976931348623157e+308"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (295_147_905_179_352_830_000.0, "295147905179352830000"),
            (9.999_999_999_999_997e22, "9.999999999999997e+22"),
            (1e21, "1e+21"),
            (999_999_999_999_999_900_000.0, "999999999999999900000"),
            (0.000_001, "0.000001"),
            (1e-7, "1e-7"),
            (333_333_333.333_333_25, "333333333.33333325"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn keys_are_sorted_by_utf_16_units() {
        // Of RFC 8785, section 3.2.3.
        let read = read(
            r#"{"\u20ac": 0, "\r": 0, "\ufb33": 0, "1": 0, "\ud83d\ude00": 0, "\u0080": 0, "\u00f6": 0}"#.as_bytes(),
        );
        let text = read.unwrap().to_string();
        assert_eq!(
            text,
            "{\"\\r\":0,\"1\":0,\"\u{80}\":0,\"ö\":0,\"€\":0,\"😀\":0,\"\u{fb33}\":0}"
        );
    }

    #[test]
    fn what_two_readers_could_read_otherwise_is_refused() {
        for (text, why) in [
            (r#"{"a": 1, "a": 1}"#, "`a` stands twice"),
            (r#"[{"b": {"\u0061": 1, "a": 2}}]"#, "`a` stands twice"),
            ("{} {}", "trailing characters"),
            ("[1,]", "trailing comma"),
            ("{1: 2}", "key must be a string"),
            (r#"["\ud800"]"#, "hex escape"),
            ("[NaN]", "expected value"),
            ("", "EOF"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_refused() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(nested(MAX_DEPTH + 1).as_bytes()).is_ok());
        for depth in [MAX_DEPTH + 2, 127, 128, 100_000] {
            let error = read(nested(depth).as_bytes()).unwrap_err();
            assert!(error.contains("deeper than"), "{error}");
        }
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(read(many.as_bytes()).unwrap_err().contains("more than"));
    }
}
