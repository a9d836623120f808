//! Questions about texts that a regular expression answers: the order of two, and texts that were changed before they
//! are compared.

use std::sync::Arc;

use regorus::unstable::Span;

use super::builtins::Where;
use super::lower::{Lowerer, Out};
use super::regex::Refused;
use super::values::Change;
use crate::diag::codes::condition::INVALID_CONSTANT;
use crate::ir::{Condition, Op, Term};
use crate::lower::condition::NO;

/// The longest text whose order is told, in characters: each is a level of the expression. People compare words.
const MOST_LETTERS: usize = 48;

impl Lowerer<'_> {
    /// Whether a text of the call matches an expression.
    pub(super) fn matches(&mut self, span: &Span, term: &Term, pattern: &str) -> Out<Condition> {
        let words = self.automaton(span, pattern, pattern)?;
        self.test(Op::Like, term.clone(), Term::Regex(words))
    }

    /// Whether a text of the call that is in lower case matches an expression, whose case says nothing then.
    pub(super) fn matches_folded(&mut self, span: &Span, term: &Term, pattern: &str) -> Out<Condition> {
        let words = self.automaton(span, &format!("(?i){pattern}"), pattern)?;
        self.test(Op::Like, term.clone(), Term::Regex(words))
    }

    /// The automaton of an expression, which was written so.
    pub(super) fn automaton(&mut self, span: &Span, pattern: &str, written: &str) -> Out<Arc<[u32]>> {
        match self.parsed.expressions.automaton(pattern) {
            Ok(words) => {
                self.budget.spend(words.len() / 64)?;
                Ok(words)
            }
            Err(Refused::Wrong(why)) => {
                let message = format!("`{written}` is no regular expression: {why}");
                let help = "the syntax is that of RE2: no look-around, and no back-references";
                self.wrong(&INVALID_CONSTANT, span, (message, ""), help)
            }
            Err(Refused::Large) => self.outside(span, "a regular expression that comes to too many states"),
        }
    }

    /// Whether a text of the call comes before a text, or is that.
    pub(super) fn before(&mut self, span: &Span, term: &Term, text: &str, or_equal: bool) -> Out<Condition> {
        match before(text, or_equal) {
            Some(pattern) => self.matches(span, term, &pattern),
            None if text.is_empty() && !or_equal => {
                let readable = self.readable(term)?;
                self.both(readable, NO)
            }
            None => self.outside(span, "an order of texts"),
        }
    }

    /// Whether a text of the call, once it was changed, has a text in it.
    pub(super) fn changed(
        &mut self,
        span: &Span,
        (change, term): (Change, &Term),
        at: Option<Where>,
        text: &str,
    ) -> Out<Condition> {
        match pattern(change, at, text) {
            Spelled::As(pattern) => self.matches(span, term, &pattern),
            Spelled::Never => {
                let readable = self.readable(term)?;
                self.both(readable, NO)
            }
            Spelled::Unknown => self.outside(span, change.name()),
        }
    }
}

/// An expression for the texts that come before one.
fn before(text: &str, or_equal: bool) -> Option<String> {
    if text.chars().count() > MOST_LETTERS || (text.is_empty() && !or_equal) {
        return None;
    }
    // From the end: what may follow where all letters so far were equal.
    let mut rest = if or_equal { Some(String::new()) } else { None };
    for letter in text.chars().rev() {
        let equal = rest.map(|rest| format!("{}{rest}", one(letter)));
        let less = previous(letter).map(|last| format!(r"[\x{{0}}-\x{{{:x}}}].*", u32::from(last)));
        let ways: Vec<String> = equal.into_iter().chain(less).collect();
        rest = Some(format!("(?:{})?", ways.join("|")));
    }
    Some(format!("^(?s:{})$", rest.unwrap_or_default()))
}

fn one(letter: char) -> String {
    format!(r"\x{{{:x}}}", u32::from(letter))
}

/// The character before one, in the order of texts.
fn previous(letter: char) -> Option<char> {
    match letter {
        '\u{e000}' => Some('\u{d7ff}'),
        letter => u32::from(letter).checked_sub(1).and_then(char::from_u32),
    }
}

/// How texts are spelled that a change makes one of another.
#[derive(Debug, PartialEq, Eq)]
enum Spelled {
    As(String),
    Never,
    Unknown,
}

/// An expression for the texts that are, once changed, equal to one, or have it at a place.
fn pattern(change: Change, at: Option<Where>, text: &str) -> Spelled {
    if !text.is_ascii() {
        return Spelled::Unknown;
    }
    let body = match (change, at) {
        (Change::Trim, None) if text.trim() == text => format!(r"\s*{}\s*", text.chars().map(one).collect::<String>()),
        (Change::Trim, None) => return Spelled::Never,
        (Change::Lower, _) if text.contains(|c: char| c.is_ascii_uppercase()) => return Spelled::Never,
        (Change::Upper, None) if text.contains(|c: char| c.is_ascii_lowercase()) => return Spelled::Never,
        // One letter of these is spelled by two or three when it is written large.
        (Change::Upper, None) if ["SS", "FF", "FI", "FL", "ST"].iter().any(|two| text.contains(two)) => {
            return Spelled::Unknown;
        }
        (Change::Lower, _) | (Change::Upper, None) => {
            let last = text.chars().count().saturating_sub(1);
            let open = matches!(at, Some(Where::Start | Where::Anywhere));
            let letter = |(at, letter): (usize, char)| match (change, letter) {
                // A large dotted one is a small one with a dot after it.
                (Change::Lower, 'i') if open && at == last => "[iI\u{130}]".to_owned(),
                (Change::Lower, 'k') => "[kK\u{212a}]".to_owned(),
                (Change::Upper, 'I') => "[iI\u{131}]".to_owned(),
                (Change::Upper, 'S') => "[sS\u{17f}]".to_owned(),
                (_, letter) if letter.is_ascii_alphabetic() => {
                    format!("[{}{}]", letter.to_ascii_lowercase(), letter.to_ascii_uppercase())
                }
                (_, letter) => one(letter),
            };
            text.chars().enumerate().map(letter).collect()
        }
        (Change::Trim | Change::Upper, Some(_)) => return Spelled::Unknown,
    };
    let (start, end) = match at {
        None => ("^", "$"),
        Some(Where::Start) => ("^", ""),
        Some(Where::End) => ("", "$"),
        Some(Where::Anywhere) => ("", ""),
    };
    Spelled::As(format!("{start}(?:{body}){end}"))
}

#[cfg(test)]
mod tests {
    use polity_runtime::value::Automaton;

    use super::*;
    use crate::lower::rego::automaton;

    const TEXTS: [&str; 32] = [
        "",
        "a",
        "A",
        "b",
        "m",
        "M",
        "ma",
        "main",
        "MAIN",
        "mainx",
        "maio",
        "k",
        "\u{212a}",
        "i",
        "I",
        "\u{130}",
        "\u{131}",
        "ki",
        "\u{212a}\u{130}",
        "s",
        "\u{17f}",
        "\u{df}",
        " main ",
        "\u{a0}main\n",
        " ma in",
        "\u{0}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{10ffff}",
        "é",
        "main\u{307}",
        "xkix",
    ];

    fn takes(pattern: &str, text: &str) -> bool {
        let words = automaton(pattern).unwrap();
        Automaton::new(&words).unwrap().takes(text).unwrap()
    }

    #[test]
    fn texts_are_ordered_as_texts_are() {
        for text in TEXTS {
            for or_equal in [false, true] {
                let Some(pattern) = before(text, or_equal) else {
                    assert_eq!((text, or_equal), ("", false));
                    continue;
                };
                for other in TEXTS {
                    let expected = if or_equal { other <= text } else { other < text };
                    assert_eq!(takes(&pattern, other), expected, "{other:?} {or_equal} {text:?}");
                }
            }
        }
    }

    #[test]
    fn changed_texts_are_told_by_how_they_are_spelled() {
        for text in TEXTS.into_iter().chain(["ss", "MAI", "MAIN", "main\n"]) {
            for change in [Change::Lower, Change::Upper, Change::Trim] {
                for at in [None, Some(Where::Start), Some(Where::End), Some(Where::Anywhere)] {
                    let pattern = pattern(change, at, text);
                    for other in TEXTS {
                        let made = match change {
                            Change::Lower => other.to_lowercase(),
                            Change::Upper => other.to_uppercase(),
                            Change::Trim => other.trim().to_owned(),
                        };
                        let expected = at.map_or(made == text, |at| at.holds(&made, text));
                        let found = match &pattern {
                            Spelled::As(pattern) => takes(pattern, other),
                            Spelled::Never => false,
                            Spelled::Unknown => continue,
                        };
                        assert_eq!(found, expected, "{change:?} {at:?} {other:?} {text:?}");
                    }
                }
            }
        }
    }

    /// What is written out above is all that there is: of no other character a change makes a letter of ASCII.
    #[test]
    fn no_other_character_becomes_a_letter() {
        let odd = |made: fn(char) -> String| -> String {
            let odd = |letter: &char| !letter.is_ascii() && made(*letter).contains(|c: char| c.is_ascii());
            ('\u{80}'..=char::MAX)
                .filter(odd)
                .filter(|letter| made(*letter).is_ascii())
                .collect()
        };
        assert_eq!(odd(|letter| letter.to_lowercase().collect()), "\u{212a}");
        assert_eq!(
            odd(|letter| letter.to_uppercase().collect()),
            "\u{df}\u{131}\u{17f}\u{fb00}\u{fb01}\u{fb02}\u{fb03}\u{fb04}\u{fb05}\u{fb06}"
        );
    }
}
