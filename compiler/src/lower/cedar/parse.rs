//! The text of a condition becomes a [`Parsed`] expression; how its offsets map back into the file.
//!
//! Types and names are not known here.

use std::ops::Range;
use std::str::FromStr;

use cedar_policy_core::ast::{
    ActionConstraint, Annotations, Effect, Expr, ExprKind, PolicyID, PrincipalConstraint, ResourceConstraint, Template,
    Var,
};
use cedar_policy_core::parser::Loc;
use miette::Diagnostic as _;

use crate::ast::Text;
use crate::diag::codes::condition::{CONDITION_SYNTAX, CONDITION_TOO_LARGE};
use crate::diag::{Diagnostic, Sink};
use crate::source::{SourceFile, Span};

/// The longest condition, in bytes. A page of text; what is longer is data that belongs elsewhere.
pub const MAX_TEXT: usize = 16 * 1024;

/// How deeply operators may nest, a chain of `&&` counting one for each. Cedar's parser and every later step
/// recurse; this keeps them within a two-megabyte stack in an unoptimised build, which a test shows.
pub const MAX_DEPTH: usize = 128;

/// How many brackets may stand open at once. Each costs the parser a dozen calls, an operator one.
const MAX_BRACKETS: usize = 24;

/// Where a condition's text stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPlace {
    /// The scalar, quotes included.
    pub span: Span,
    /// The offset in the file of the text's first byte, where the scalar spells the text byte for byte.
    pub exact: Option<u32>,
}

impl TextPlace {
    /// Finds the text within its scalar: plain, or quoted without escapes. Any other style points at the whole.
    pub fn new(text: &Text, file: &SourceFile) -> Self {
        let span = text.span;
        let raw = file.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let inner = |quote: char| raw.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let exact = if raw == text.value {
            Some(span.start)
        } else if inner('"') == Some(&text.value) || inner('\'') == Some(&text.value) {
            Some(span.start + 1)
        } else {
            None
        };
        Self { span, exact }
    }

    /// The place of a range of the decoded text. Every span of a condition's diagnostic is made here.
    pub fn locate(&self, range: Range<usize>) -> Span {
        let at = |offset: usize| -> Option<u32> { self.exact?.checked_add(u32::try_from(offset).ok()?) };
        match (at(range.start), at(range.end)) {
            (Some(start), Some(end)) if start <= end && end <= self.span.end => Span { start, end, ..self.span },
            _ => self.span,
        }
    }
}

/// A condition that parses. Whether it makes sense for an action is for [`super::lower()`] to say.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub(super) expr: Expr,
    /// The same expression as the body of a policy: the form that Cedar's type-checker takes. It is built from
    /// the parsed expression, not from text, so `true } unless { false` cannot become a second clause.
    pub(super) template: Template,
    pub(super) place: TextPlace,
}

impl Parsed {
    /// Whether what it means may differ between two actions of one shape.
    pub fn mentions_action(&self) -> bool {
        self.mentions(Var::Action)
    }
    /// Whether it looks at the principal.
    pub fn mentions_principal(&self) -> bool {
        self.mentions(Var::Principal)
    }
    /// Whether it looks at the resource.
    pub fn mentions_resource(&self) -> bool {
        self.mentions(Var::Resource)
    }
    /// Where its text stands.
    pub fn place(&self) -> TextPlace {
        self.place
    }

    fn mentions(&self, var: Var) -> bool {
        self.expr
            .subexpressions()
            .any(|e| matches!(e.expr_kind(), ExprKind::Var(found) if *found == var))
    }

    pub(super) fn span_of(&self, loc: Option<&Loc>) -> Span {
        match loc {
            Some(loc) => self.place.locate(loc.start()..loc.end()),
            None => self.place.span,
        }
    }
}

/// Parses the text of a condition; what is wrong with it goes to the sink.
pub fn parse(text: &Text, file: &SourceFile, sink: &mut Sink) -> Option<Parsed> {
    let place = TextPlace::new(text, file);
    if let Err(finding) = bounded(&text.value, &place) {
        sink.push(finding);
        return None;
    }
    match Expr::from_str(&text.value) {
        Ok(expr) => Some(Parsed {
            template: Template::new(
                PolicyID::from_string("condition"),
                None,
                Annotations::new(),
                Effect::Permit,
                PrincipalConstraint::any(),
                ActionConstraint::any(),
                ResourceConstraint::any(),
                Some(expr.clone()),
            ),
            expr,
            place,
        }),
        Err(errors) => {
            // The first is the cause; what the parser says after it has recovered is mostly an echo.
            let error = errors.iter().next();
            let range = error
                .and_then(|e| e.labels())
                .and_then(|mut labels| labels.next())
                .map(|label| label.offset()..label.offset() + label.len());
            let span = range.map_or(place.span, |range| place.locate(range));
            let said = error.map_or_else(|| "it cannot be read".to_owned(), ToString::to_string);
            let mut finding = Diagnostic::new(&CONDITION_SYNTAX, format!("this is not a condition: {said}"), span, "here");
            if text.value.contains('\'') && !text.value.contains('"') {
                finding = finding.with_help("strings stand in double quotes, not in single ones");
            } else if let Some(help) = error.and_then(|e| e.help().map(|help| help.to_string())) {
                finding = finding.with_help(help);
            }
            sink.push(finding);
            None
        }
    }
}

/// Whether the parser can be trusted with the text: it recurses, and nothing in it counts how deep.
///
/// The estimate is never too low: within one pair of brackets each operator and each `.` since the last comma
/// can nest at most one level, and brackets add up.
fn bounded(text: &str, place: &TextPlace) -> Result<(), Diagnostic> {
    let too_large = |message: String, at: Range<usize>| {
        Diagnostic::new(&CONDITION_TOO_LARGE, message, place.locate(at), "")
            .with_help("split it into several rules, or compare with a set: `[\"a\", \"b\"].contains(x)`")
    };
    if text.len() > MAX_TEXT {
        return Err(too_large(
            format!("a condition has at most {MAX_TEXT} bytes, and this one has {}", text.len()),
            0..text.len(),
        ));
    }
    let mut levels: Vec<usize> = vec![0];
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                while let Some((_, c)) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if chars.peek().is_some_and(|(_, c)| *c == '/') => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
            }
            '(' | '[' | '{' => levels.push(1),
            ')' | ']' | '}' => {
                if levels.len() > 1 {
                    levels.pop();
                }
            }
            ',' => {
                if levels.len() > 1
                    && let Some(level) = levels.last_mut()
                {
                    *level = 1;
                }
            }
            // `&&`, `||`, `==`, `<=`, `!=` and `::` count once, for their last character.
            '&' | '|' | '=' | '<' | '>' | '!' | ':' if chars.peek().is_some_and(|(_, next)| *next == c || *next == '=') => {}
            '&' | '|' | '=' | '<' | '>' | '!' | '+' | '-' | '*' | '.' | '%' | '/' => count(&mut levels),
            'i' | 'h' | 'l' | 't' | 'e' if keyword(text, at) => count(&mut levels),
            _ => {}
        }
        let depth: usize = levels.iter().sum();
        if depth > MAX_DEPTH || levels.len() > MAX_BRACKETS {
            return Err(too_large(
                format!("a condition nests at most {MAX_DEPTH} operators and {MAX_BRACKETS} brackets deep"),
                at..at + c.len_utf8(),
            ));
        }
    }
    Ok(())
}

fn count(levels: &mut [usize]) {
    if let Some(level) = levels.last_mut() {
        *level += 1;
    }
}

/// Whether an operator that is a word begins here.
fn keyword(text: &str, at: usize) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..at).and_then(|s| s.chars().next_back());
    let rest = text.get(at..).unwrap_or("");
    let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
    !before.is_some_and(word)
        && matches!(rest.get(..end), Some("if" | "then" | "else" | "in" | "is" | "has" | "like"))
}
