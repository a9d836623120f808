//! The text of a condition becomes a [`Parsed`] expression; how its offsets map back into the file.
//!
//! Types and names are not known here.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy_core::ast::{
    ActionConstraint, Annotations, Effect, Expr, ExprKind, PolicyID, PrincipalConstraint, ResourceConstraint, Template,
    Var,
};
use cedar_policy_core::parser::{Loc, err::ParseErrors};
use miette::Diagnostic as _;

use crate::ast::Text;
use crate::diag::codes::condition::{CONDITION_SYNTAX, CONDITION_TOO_LARGE};
use crate::diag::{Code, Diagnostic, Sink};
use crate::parse::{node::Style, yaml::ScalarMap};
use crate::source::{SourceFile, Span};

/// The longest condition, in bytes. A page of text; what is longer is data that belongs elsewhere.
pub const MAX_TEXT: usize = 16 * 1024;

/// How deeply operators may nest, a chain of `&&` counting one for each. Cedar's parser and every later step
/// recurse, and this keeps them within a stack of known size in an unoptimised build, which a test shows.
pub const MAX_DEPTH: usize = 128;

/// The stack that parsing and type-checking are given, in bytes. Cedar's checker spends some 20 KiB a level when
/// it is not optimised, and gives up where the stack runs low: with a stack of a known size, what is refused does
/// not depend on the thread that asks.
const STACK: usize = 16 * 1024 * 1024;

/// Runs with a stack of [`STACK`] bytes.
pub(super) fn with_stack<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK / 2, STACK, f)
}

/// How many brackets may stand open at once. Each costs the parser a dozen calls, an operator one.
const MAX_BRACKETS: usize = 24;

/// Where a condition's text stands in a file.
#[derive(Debug, Clone)]
pub struct TextPlace {
    /// The scalar, quotes included.
    pub span: Span,
    /// Whether the scalar spells the text byte for byte, so that a replacement needs no escapes.
    pub verbatim: bool,
    /// From the text back to the file, where that is known.
    map: Option<Map>,
}

#[derive(Debug, Clone)]
enum Map {
    /// The text of a YAML scalar.
    Scalar(Arc<ScalarMap>),
    /// The text stands in the file as it is.
    File,
}

impl TextPlace {
    /// Finds the text within its scalar. Where the scalar cannot be followed, every place is the whole.
    pub fn new(text: &Text, file: &SourceFile) -> Self {
        let span = text.span;
        let raw = file.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let style = match raw.as_bytes().first() {
            Some(b'"') => Style::DoubleQuoted,
            Some(b'\'') => Style::SingleQuoted,
            Some(b'|') => Style::Literal,
            Some(b'>') => Style::Folded,
            _ => Style::Plain,
        };
        let map = ScalarMap::new(&file.text, span, style);
        let map = (map.text() == Some(&text.value)).then(|| Map::Scalar(Arc::new(map)));
        let inner = |quote: char| raw.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let verbatim = raw == text.value || [inner('"'), inner('\'')].contains(&Some(&text.value));
        Self { span, verbatim, map }
    }

    /// Of a text that is no scalar, but stands in the file byte for byte.
    pub fn of_file(span: Span) -> Self {
        Self {
            span,
            verbatim: true,
            map: Some(Map::File),
        }
    }

    /// The place of a range of the decoded text. Every span of a condition's diagnostic is made here.
    pub fn locate(&self, range: Range<usize>) -> Span {
        let found = match self.map.as_ref() {
            Some(Map::Scalar(map)) => map.source_range(range),
            Some(Map::File) => {
                let offset = |at: usize| Some(self.span.start.checked_add(u32::try_from(at).ok()?)?.min(self.span.end));
                offset(range.start).zip(offset(range.end)).map(|(start, end)| Span {
                    start,
                    end,
                    ..self.span
                })
            }
            None => None,
        };
        found.unwrap_or(self.span)
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
    /// The same, type-checked as what is asked only where `premise` holds.
    pub fn after(&self, premise: &Parsed) -> Self {
        Self {
            template: condition(Expr::and(premise.expr.clone(), self.expr.clone())),
            ..self.clone()
        }
    }
    /// Whether it asks anywhere whether there is an attribute of this name.
    pub(super) fn asks_for(&self, attribute: &str) -> bool {
        let mut parts = self.expr.subexpressions();
        parts.any(|e| matches!(e.expr_kind(), ExprKind::HasAttr { attr, .. } if attr == attribute))
    }
    /// Where its text stands.
    pub fn place(&self) -> &TextPlace {
        &self.place
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
    read(text, file).map_err(|finding| sink.push(*finding)).ok()
}

pub(super) fn read(text: &Text, file: &SourceFile) -> Result<Parsed, Box<Diagnostic>> {
    let place = TextPlace::new(text, file);
    bounded(&text.value, &place, "a condition")?;
    let expr = with_stack(|| Expr::from_str(&text.value).map_err(Box::new))
        .map_err(|errors| syntax(&errors, text, &place, &CONDITION_SYNTAX, "a condition"))?;
    let template = condition(expr.clone());
    Ok(Parsed { expr, template, place })
}

/// An expression as the body of a policy.
fn condition(expr: Expr) -> Template {
    Template::new(
        PolicyID::from_string("condition"),
        None,
        Annotations::new(),
        Effect::Permit,
        PrincipalConstraint::any(),
        ActionConstraint::any(),
        ResourceConstraint::any(),
        Some(expr),
    )
}

/// What Cedar's parser says of a text, in our words.
pub(super) fn syntax(
    errors: &ParseErrors,
    text: &Text,
    place: &TextPlace,
    code: &'static Code,
    what: &str,
) -> Box<Diagnostic> {
    // The first is the cause; what the parser says after it has recovered is mostly an echo.
    let error = errors.iter().next();
    let range = error
        .and_then(|e| e.labels())
        .and_then(|mut labels| labels.next())
        .map(|label| label.offset()..label.offset() + label.len());
    let at = range
        .clone()
        .and_then(|range| text.value.get(range))
        .unwrap_or_default();
    let before = range
        .clone()
        .and_then(|range| text.value.get(..range.start))
        .unwrap_or("");
    let meant = in_cedar(at.trim()).or_else(|| unended(before));
    let span = range.map_or(place.span, |range| place.locate(range));
    let said = error.map_or_else(|| "it cannot be read".to_owned(), ToString::to_string);
    let finding = Diagnostic::new(code, format!("this is not {what}: {said}"), span, "here");
    let single = text.value.contains('\'') && !text.value.contains('"');
    let quotes = || single.then(|| "strings stand in double quotes, not in single ones".to_owned());
    let its_own = || error.and_then(|e| e.help().map(|help| help.to_string()));
    Box::new(match meant.or_else(quotes).or_else(its_own) {
        Some(help) => finding.with_help(help),
        None => finding,
    })
}

/// Where a policy does not end, the first thing that is no part of it stands after the next one's `permit` or `forbid`.
fn unended(before: &str) -> Option<String> {
    let policy = ["permit", "forbid"]
        .into_iter()
        .find_map(|effect| before.trim_end().strip_suffix(effect))?;
    let apart = policy.ends_with(|c: char| c.is_whitespace() || c == '}' || c == ')');
    (apart && !policy.trim().is_empty()).then(|| "a policy ends with `;`: the one before this has none".to_owned())
}

/// How Cedar says what other languages say so.
fn in_cedar(written: &str) -> Option<String> {
    let help = match written {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!(...)`",
        "null" | "None" | "nil" | "undefined" => "whether an argument is there is asked so: `context.args has x`",
        _ if written.starts_with("args.") => "arguments are in `context.args`: write `context.args.x`",
        _ if [".startsWith(", ".endsWith(", ".includes(", ".matches("]
            .iter()
            .any(|method| written.contains(method)) =>
        {
            "a string is matched with `like`, where a star takes any text: `context.args.x like \"a*\"`"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// Whether the parser can be trusted with the text: it recurses, and nothing in it counts how deep.
pub(super) fn bounded(text: &str, place: &TextPlace, what: &str) -> Result<(), Box<Diagnostic>> {
    let too_large = |message: String| {
        let finding = Diagnostic::new(&CONDITION_TOO_LARGE, message, place.span, "");
        Box::new(finding.with_help("split it into several rules, or compare with a set: `[\"a\", \"b\"].contains(x)`"))
    };
    if text.len() > MAX_TEXT {
        let length = text.len();
        return Err(too_large(format!(
            "{what} has at most {MAX_TEXT} bytes, and this one has {length}"
        )));
    }
    let depth = nesting(text);
    if depth.operators > MAX_DEPTH || depth.brackets > MAX_BRACKETS {
        return Err(too_large(format!(
            "{what} nests at most {MAX_DEPTH} operators and {MAX_BRACKETS} brackets deep"
        )));
    }
    Ok(())
}

#[derive(Default)]
struct Nesting {
    operators: usize,
    brackets: usize,
}

/// What stands between two brackets, or two commas in them.
#[derive(Default)]
struct Level {
    /// `&&`, `||` and `if` so far: a chain of them nests as deep as it is long.
    chain: usize,
    /// Every other operator in the operand at hand, and in the deepest one so far.
    operand: usize,
    deepest: usize,
    /// The deepest item before the last comma.
    items: usize,
}

impl Level {
    fn next_operand(&mut self) {
        self.deepest = self.deepest.max(self.operand);
        self.operand = 0;
    }
    fn next_item(&mut self) {
        self.next_operand();
        self.items = self.items.max(self.chain + self.deepest);
        (self.chain, self.deepest) = (0, 0);
    }
}

/// How deep the expression nests. Never too low: an operand counts as nested in every operator of its chain.
fn nesting(text: &str) -> Nesting {
    let mut found = Nesting::default();
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
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
            '/' if next == Some('/') => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            '(' | '[' | '{' => {
                outer.push(std::mem::take(&mut level));
                found.brackets = found.brackets.max(outer.len());
            }
            ')' | ']' | '}' => {
                level.next_item();
                let inside = level.items;
                level = outer.pop().unwrap_or_default();
                level.operand += 1 + inside;
            }
            ',' => level.next_item(),
            '&' | '|' => {
                level.chain += 1;
                level.next_operand();
                chars.next_if(|(_, next)| *next == c);
            }
            // Two characters, one operator.
            '=' | '<' | '>' | '!' if next == Some('=') => {
                level.operand += 1;
                chars.next();
            }
            '=' | '<' | '>' | '!' | '+' | '-' | '*' | '/' | '%' | '.' | ':' => level.operand += 1,
            'i' if word_at(text, at) == Some("if") => {
                level.chain += 1;
                level.next_operand();
            }
            't' | 'e' if matches!(word_at(text, at), Some("then" | "else")) => level.next_operand(),
            'i' | 'h' | 'l' if matches!(word_at(text, at), Some("in" | "is" | "has" | "like")) => level.operand += 1,
            _ => {}
        }
    }
    // What was never closed nests in what it was opened in.
    while let Some(mut above) = outer.pop() {
        level.next_item();
        above.operand += 1 + level.items;
        level = above;
    }
    level.next_item();
    found.operators = level.items;
    found
}

/// The word that begins there, if one does.
fn word_at(text: &str, at: usize) -> Option<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..at).and_then(|s| s.chars().next_back());
    if before.is_some_and(word) {
        return None;
    }
    let rest = text.get(at..)?;
    rest.get(..rest.find(|c| !word(c)).unwrap_or(rest.len()))
}
