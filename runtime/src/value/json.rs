//! JSON text comes in, tokens go out: RFC 8259 and no more, in one pass, strings borrowed where nothing is escaped.
//!
//! Numbers stay text, because a decimal must be exact and a 64-bit float is not. A lone surrogate is an error, as no
//! string can hold it.

use std::borrow::Cow;

use super::ArgumentsError;
use super::input::{Token, Tokens};

/// A JSON text and how far it has been read.
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str) -> Json<'a> {
        Json { text, at: 0 }
    }

    fn malformed<T>(&self) -> Result<T, ArgumentsError> {
        Err(ArgumentsError::Malformed(self.at))
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no blank, which is not taken.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest();
        let blanks = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    /// Takes the byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), ArgumentsError> {
        if self.take(byte) { Ok(()) } else { self.malformed() }
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, ArgumentsError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.malformed();
        }
        self.at += word.len();
        Ok(token)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<Token<'a>, ArgumentsError> {
        let from = self.at;
        self.skip_one(b"-");
        if !self.skip_one(b"0") && self.skip_digits() == 0 {
            return self.malformed();
        }
        if self.skip_one(b".") && self.skip_digits() == 0 {
            return self.malformed();
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            if self.skip_digits() == 0 {
                return self.malformed();
            }
        }
        Ok(Token::Number(self.slice(from, self.at)?))
    }

    fn skip_one(&mut self, any: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|byte| any.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn skip_digits(&mut self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    /// A string whose opening quotation mark has been taken.
    fn string(&mut self) -> Result<Cow<'a, str>, ArgumentsError> {
        let plain = self.plain()?;
        if self.skip_one(b"\"") {
            return Ok(Cow::Borrowed(plain));
        }
        let mut unescaped = plain.to_owned();
        while !self.skip_one(b"\"") {
            unescaped.push(self.escape()?);
            unescaped.push_str(self.plain()?);
        }
        Ok(Cow::Owned(unescaped))
    }

    /// What comes before the next quotation mark or backslash.
    fn plain(&mut self) -> Result<&'a str, ArgumentsError> {
        let from = self.at;
        let length = self
            .rest()
            .iter()
            .position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ');
        self.at += length.unwrap_or(self.rest().len());
        match self.rest().first() {
            Some(b'"' | b'\\') => self.slice(from, self.at),
            _ => self.malformed(),
        }
    }

    fn escape(&mut self) -> Result<char, ArgumentsError> {
        let &[b'\\', letter, ..] = self.rest() else {
            return self.malformed();
        };
        self.at += 2;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return self.malformed(),
        })
    }

    /// What `\uXXXX` stands for, or the surrogate pair `\uXXXX\uXXXX`.
    fn unicode(&mut self) -> Result<char, ArgumentsError> {
        let first = self.unit()?;
        let char = match first {
            0xd800..0xdc00 if self.rest().starts_with(b"\\u") => {
                self.at += 2;
                let second = self.unit()?;
                char::decode_utf16([first, second]).next().and_then(Result::ok)
            }
            _ => char::from_u32(u32::from(first)),
        };
        char.map_or_else(|| self.malformed(), Ok)
    }

    fn unit(&mut self) -> Result<u16, ArgumentsError> {
        let Some(digits) = self.rest().first_chunk::<4>() else {
            return self.malformed();
        };
        let mut unit = 0;
        for &digit in digits {
            let Some(digit) = char::from(digit)
                .to_digit(16)
                .and_then(|digit| u16::try_from(digit).ok())
            else {
                return self.malformed();
            };
            unit = unit << 4 | digit;
        }
        self.at += 4;
        Ok(unit)
    }

    fn slice(&self, from: usize, to: usize) -> Result<&'a str, ArgumentsError> {
        self.text.get(from..to).ok_or(ArgumentsError::Malformed(from))
    }
}

impl<'a> Tokens<'a> for Json<'a> {
    fn value(&mut self) -> Result<Token<'a>, ArgumentsError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Token::Str)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.word("{", Token::Map),
            Some(b'[') => self.word("[", Token::List),
            Some(b't') => self.word("true", Token::Bool(true)),
            Some(b'f') => self.word("false", Token::Bool(false)),
            Some(b'n') => self.word("null", Token::Null),
            _ => self.malformed(),
        }
    }

    fn element(&mut self, first: bool) -> Result<bool, ArgumentsError> {
        if self.take(b']') {
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(true)
    }

    fn key(&mut self, first: bool) -> Result<Option<Cow<'a, str>>, ArgumentsError> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !first {
            self.expect(b',')?;
        }
        self.expect(b'"')?;
        let key = self.string()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    fn end(&mut self) -> Result<(), ArgumentsError> {
        if self.peek().is_none() {
            Ok(())
        } else {
            self.malformed()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The text read as a tree, by way of the tokens.
    fn read(text: &str) -> Result<Value, ArgumentsError> {
        let mut json = Json::new(text);
        let value = tree(&mut json)?;
        json.end()?;
        Ok(value)
    }

    fn tree(json: &mut Json<'_>) -> Result<Value, ArgumentsError> {
        Ok(match json.value()? {
            Token::Null => Value::Null,
            Token::Bool(value) => value.into(),
            Token::Int(value) => value.into(),
            Token::Number(text) => serde_json::from_str(text).map_err(|_| ArgumentsError::Malformed(0))?,
            Token::Str(text) => text.into(),
            Token::List => {
                let (mut list, mut first) = (Vec::new(), true);
                while json.element(std::mem::take(&mut first))? {
                    list.push(tree(json)?);
                }
                list.into()
            }
            Token::Map => {
                let (mut map, mut first) = (serde_json::Map::new(), true);
                while let Some(key) = json.key(std::mem::take(&mut first))? {
                    map.insert(key.into_owned(), tree(json)?);
                }
                map.into()
            }
        })
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1,}",
            "{,}",
            "{\"a\" 1}",
            "{a:1}",
            "{'a':1}",
            "nul",
            "nulll",
            "truefalse",
            "True",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "Infinity",
            "-Infinity",
            "1_000",
            "\"",
            "\"\\\"",
            "\"\n\"",
            "\"\0\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800x\"",
            "\"\\ud800\\n\"",
            "\"\\ud800\\ud800\"",
            "\"\\udc00\\ud800\"",
            "// c\n1",
            "/* c */ 1",
            "1 2",
            "{} {}",
            "\u{feff}{}",
            "\u{a0}1",
            "[1\u{2028}]",
            "{\"a\":1 \"b\":2}",
            "[",
            "[[",
            "\\u0022a\\u0022",
            "{\"a\":}",
        ] {
            assert!(read(text).is_err(), "{text:?}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn reads_escapes() {
        assert_eq!(
            read(r#""\ud83d\ude00 \u0000\/\"\\\b\f\n\r\t\u00E9""#),
            Ok("😀 \0/\"\\\u{8}\u{c}\n\r\té".into())
        );
    }

    #[test]
    fn a_number_of_any_size_is_text() {
        let digits = "9".repeat(10_000);
        assert_eq!(Json::new(&digits).value(), Ok(Token::Number(&digits)));
        assert_eq!(Json::new("1e999999999").value(), Ok(Token::Number("1e999999999")));
        assert_eq!(Json::new("-0.00E+7]").value(), Ok(Token::Number("-0.00E+7")));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}|[\"\\\\\u{0}-\u{20}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-c\"é]{0,3}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_another_library_writes(value in any_json()) {
            prop_assert_eq!(read(&value.to_string()), Ok(value.clone()));
            prop_assert_eq!(read(&serde_json::to_string_pretty(&value).unwrap()), Ok(value));
        }

        #[test]
        fn takes_what_another_library_takes(text in "[\\[\\]{}:,\"a\\\\ud8c0tn0-9.eE+ -]{0,12}|[\\[{]\"?[a1,:\"\\]} ]{0,8}[\\]}]") {
            prop_assert_eq!(read(&text).ok(), serde_json::from_str(&text).ok());
        }
    }
}
