//! A strict subset of JSON, with one canonical form.
//!
//! Text enters, a [`Json`] leaves, and the reverse. The canonical form is that of RFC 8785 for the values that we
//! have: no white space, keys sorted bytewise, integers only, and in strings only `"`, `\` and control characters
//! escaped, by the short form where there is one. [`read_canonical`] accepts nothing else, so that a value has one
//! encoding and a digest of it means something. [`read`] is for files that people edit: it takes white space, any
//! order of keys and any escape; duplicate keys are errors in both.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// A value. Numbers are integers: nothing that we sign is a fraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, sorted by key.
    Object(BTreeMap<String, Json>),
}

/// How deep values nest. A trust root nests five deep; the rest is room. It bounds the reader's recursion.
pub const MAX_DEPTH: usize = 16;

/// Reads the canonical form and nothing else.
///
/// # Errors
/// Whatever [`read`] refuses, and text that differs in any byte from what a [`Json`] displays as.
pub fn read_canonical(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::NotText {
        at: error.valid_up_to(),
    })?;
    let value = read(text)?;
    let canonical = value.to_string();
    if canonical == text {
        return Ok(value);
    }
    let at = canonical
        .bytes()
        .zip(text.bytes())
        .take_while(|(ours, theirs)| ours == theirs)
        .count();
    Err(JsonError::NotCanonical { at })
}

/// Reads JSON as people write it, within the subset.
///
/// # Errors
/// Text that is not JSON, duplicate keys, numbers that are not 64-bit integers, nesting beyond [`MAX_DEPTH`], and
/// anything after the value.
pub fn read(text: &str) -> Result<Json, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_white_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    }
}

/// Writes the canonical form.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Int(value) => write!(f, "{value}"),
            Json::String(value) => write_string(f, value),
            Json::Array(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Json::Object(members) => {
                f.write_char('{')?;
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    write_string(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

impl Json {
    /// An object of the given members.
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
        Json::Object(
            members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    /// A string.
    pub fn string(text: impl Into<String>) -> Json {
        Json::String(text.into())
    }

    /// Writes the value indented by two spaces a level, for files that people read. [`read`] takes it back.
    pub fn to_pretty(&self) -> String {
        let mut out = String::new();
        self.pretty(0, &mut out);
        out.push('\n');
        out
    }

    fn pretty(&self, level: usize, out: &mut String) {
        let line = |out: &mut String, first: &mut bool| {
            out.push_str(if std::mem::take(first) { "\n" } else { ",\n" });
            out.push_str(&"  ".repeat(level + 1));
        };
        let mut first = true;
        match self {
            Json::Array(items) if !items.is_empty() => {
                out.push('[');
                for item in items {
                    line(out, &mut first);
                    item.pretty(level + 1, out);
                }
                out.push('\n');
                out.push_str(&"  ".repeat(level));
                out.push(']');
            }
            Json::Object(members) if !members.is_empty() => {
                out.push('{');
                for (key, value) in members {
                    line(out, &mut first);
                    out.push_str(&Json::string(key).to_string());
                    out.push_str(": ");
                    value.pretty(level + 1, out);
                }
                out.push('\n');
                out.push_str(&"  ".repeat(level));
                out.push('}');
            }
            other => out.push_str(&other.to_string()),
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\t' => f.write_str("\\t")?,
            '\n' => f.write_str("\\n")?,
            '\u{c}' => f.write_str("\\f")?,
            '\r' => f.write_str("\\r")?,
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(c))?,
            _ => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// Why text was not read. `at` counts bytes from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// Not UTF-8.
    NotText {
        /// Where.
        at: usize,
    },
    /// Something else was expected here.
    Unexpected {
        /// Where.
        at: usize,
        /// What would have been right.
        expected: &'static str,
    },
    /// A key stands twice in one object.
    DuplicateKey {
        /// Where the second one ends.
        at: usize,
        /// The key.
        key: String,
    },
    /// A fraction, an exponent, or an integer beyond 64 bits.
    Number {
        /// Where.
        at: usize,
    },
    /// Deeper than [`MAX_DEPTH`].
    TooDeep {
        /// Where.
        at: usize,
    },
    /// Read well, and not written canonically.
    NotCanonical {
        /// The first byte that differs from the canonical form.
        at: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText { at } => write!(f, "byte {at} is not UTF-8"),
            Self::Unexpected { at, expected } => write!(f, "byte {at}: expected {expected}"),
            Self::DuplicateKey { at, key } => write!(f, "byte {at}: the key `{}` stands twice", key.escape_debug()),
            Self::Number { at } => write!(f, "byte {at}: a number must be a 64-bit integer"),
            Self::TooDeep { at } => write!(f, "byte {at}: nested deeper than {MAX_DEPTH}"),
            Self::NotCanonical { at } => write!(f, "byte {at} departs from the canonical form"),
        }
    }
}

impl std::error::Error for JsonError {}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep { at: self.at });
        }
        self.skip_white_space();
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.string().map(Json::String),
            Some('-' | '0'..='9') => self.number(),
            _ => {
                for (word, value) in [
                    ("null", Json::Null),
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                ] {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.unexpected("a value"))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members = BTreeMap::new();
        self.expect('{', "`{`")?;
        if self.eat('}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_white_space();
            let key = self.string()?;
            if members.contains_key(&key) {
                return Err(JsonError::DuplicateKey { at: self.at, key });
            }
            self.expect(':', "`:`")?;
            let value = self.value(depth + 1)?;
            members.insert(key, value);
            if self.eat('}') {
                return Ok(Json::Object(members));
            }
            self.expect(',', "`,` or `}`")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.expect('[', "`[`")?;
        if self.eat(']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(']') {
                return Ok(Json::Array(items));
            }
            self.expect(',', "`,` or `]`")?;
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let at = self.at;
        let digits: String = self
            .rest()
            .chars()
            .take_while(|c| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .collect();
        self.at += digits.len();
        let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
        // JSON knows no leading zeros, and minus zero would be a second spelling of zero.
        if (unsigned.starts_with('0') && digits != "0") || digits.contains('+') {
            return Err(JsonError::Number { at });
        }
        digits.parse().map(Json::Int).map_err(|_| JsonError::Number { at })
    }

    fn string(&mut self) -> Result<String, JsonError> {
        if self.next() != Some('"') {
            return Err(self.unexpected("a string"));
        }
        let mut out = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(out),
                Some('\\') => out.push(self.escape()?),
                Some(c) if c >= ' ' => out.push(c),
                _ => return Err(self.unexpected("the end of the string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let c = match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.code_unit()?;
                let decoded = if (0xd800..0xdc00).contains(&first) {
                    if (self.next(), self.next()) != (Some('\\'), Some('u')) {
                        return Err(self.unexpected("the second half of a surrogate pair"));
                    }
                    let second = self.code_unit()?;
                    char::decode_utf16([first, second]).next().and_then(Result::ok)
                } else {
                    char::from_u32(u32::from(first))
                };
                return decoded.ok_or_else(|| self.unexpected("a character"));
            }
            _ => return Err(self.unexpected("an escape")),
        };
        Ok(c)
    }

    fn code_unit(&mut self) -> Result<u16, JsonError> {
        let mut unit = 0u16;
        for _ in 0..4 {
            let digit = self
                .next()
                .and_then(|c| c.to_digit(16))
                .and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        }
        Ok(unit)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_white_space();
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char, expected: &'static str) -> Result<(), JsonError> {
        if self.eat(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &'static str) -> JsonError {
        JsonError::Unexpected { at: self.at, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_canonical_is_read_by_people_s_reader_only() {
        for text in [
            "{\"b\":1,\"a\":2}",
            "{ \"a\":1}",
            "[1, 2]",
            "[1]\n",
            r#""\u0041""#,
            r#""\u000A""#,
            r#""\/""#,
            r#""\ud83d\ude00""#,
            r#""\u001F""#,
        ] {
            assert!(read(text).is_ok(), "{text}");
            assert!(
                matches!(read_canonical(text.as_bytes()), Err(JsonError::NotCanonical { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_json_or_outside_the_subset_is_refused() {
        for text in [
            "",
            "{",
            "{}}",
            "nul",
            "nulll",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "'a'",
            "1.0",
            "1e3",
            "01",
            "-0",
            "+1",
            "-",
            "--1",
            "9223372036854775808",
            "\"\u{1}\"",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "[1 2]",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "\u{feff}1",
            "//\n1",
            "NaN",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":1}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(matches!(read_canonical(b"\"\xff\""), Err(JsonError::NotText { at: 1 })));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert!(matches!(read(&nested(100_000)), Err(JsonError::TooDeep { .. })));
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::Int),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Json::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_survives_writing_and_reading(value in any_json()) {
            prop_assert_eq!(&read_canonical(value.to_string().as_bytes()).unwrap(), &value);
            prop_assert_eq!(&read(&value.to_pretty()).unwrap(), &value);
        }

        #[test]
        fn whatever_is_read_is_written_back_byte_for_byte(text in "[\\[\\]{}\",:0-9a\\\\ntrue-]{0,12}") {
            if let Ok(value) = read_canonical(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
