//! Says what is wrong with a YAML file: places and the parser's errors in, diagnostics out.
//!
//! A file reports a bounded number of them, and one cause is reported once.

use std::borrow::Cow;

use granit_parser::{ErrorKind, ScanError};

use super::super::node::{Entry, Node, Style, Value};
use super::{MAX_DEPTH, Reading, codes, plain_reading};
use crate::diag::{Code, Diagnostic, Sink};
use crate::source::{FileId, Span, Spanned};

/// After so many errors a file is not read by anybody; a hostile one could have a million.
const MAX_FAULTS: usize = 100;

pub(super) struct Faults<'t, 's> {
    file: FileId,
    text: &'t str,
    sink: &'s mut Sink,
    count: usize,
    /// The line of the last tab reported: a key and its mapping start at the same place.
    tab_at: Option<usize>,
    /// Text that was reported as a whole: what else is wrong within has the same cause.
    said: std::ops::Range<usize>,
}

/// What a reviewer cannot see about a character, where that is so.
fn unprintable(found: char) -> Option<&'static str> {
    Some(match found {
        // Printable ASCII first: it is nearly everything.
        ' '..='~' | '\n' | '\t' => return None,
        '\r' => "a carriage return without a line feed: some programs end the line here and some do not",
        '\u{feff}' => "a byte-order mark inside the file",
        '\u{85}' | '\u{2028}' | '\u{2029}' => "a line separator that only some YAML readers end the line at",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            "a character that changes the order in which the text is shown"
        }
        '\u{200b}' | '\u{2060}' | '\u{ad}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' => "a character that is not shown",
        '\u{0}'..='\u{9f}' => "a control character",
        '\u{fffe}' | '\u{ffff}' => "a code point that is no character",
        _ => return None,
    })
}

/// Whether a character is one that a file may not hold.
pub(in super::super) fn is_unprintable(found: char) -> bool {
    found != '\r' && unprintable(found).is_some()
}

impl<'t, 's> Faults<'t, 's> {
    pub(super) fn new(file: FileId, text: &'t str, sink: &'s mut Sink) -> Self {
        Self {
            file,
            text,
            sink,
            count: 0,
            tab_at: None,
            said: 0..0,
        }
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.count += 1;
        match self.count {
            ..MAX_FAULTS => self.sink.push(diagnostic),
            MAX_FAULTS => self
                .sink
                .push(diagnostic.with_help("the rest of the file was not read")),
            _ => {}
        }
    }

    /// Whether so much was found wrong that reading on serves nobody.
    pub(super) fn enough(&self) -> bool {
        self.count >= MAX_FAULTS
    }

    pub(super) fn offset(&self, at: usize) -> u32 {
        // The text was found to be shorter than `MAX_TEXT`.
        u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX)
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let start = self.offset(start);
        Span {
            file: self.file,
            start,
            end: self.offset(end).max(start),
        }
    }

    fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Reports what a reviewer cannot see, and gives the text with each such character replaced by as many bytes
    /// of something harmless, so that the rest of the file is still read.
    pub(super) fn unprintable(&mut self) -> Cow<'t, str> {
        let text = self.text;
        let mut clean: Option<String> = None;
        let mut returns = false;
        for (at, found) in text.char_indices() {
            let ends_line = found == '\r' && text.as_bytes().get(at + 1) == Some(&b'\n');
            let begins_file = found == '\u{feff}' && at == 0;
            let Some(what) = unprintable(found).filter(|_| !ends_line && !begins_file) else {
                continue;
            };
            if self.enough() {
                break;
            }
            let code_point = u32::from(found);
            let end = at + found.len_utf8();
            let place = self.span(at, end);
            // A file in which every line ends so is one mistake.
            if found != '\r' || !std::mem::replace(&mut returns, true) {
                self.push(
                    Diagnostic::new(
                        &codes::CONTROL_CHARACTER,
                        format!("the file holds U+{code_point:04X}"),
                        place,
                        what,
                    )
                    .with_help(match found {
                        '\r' => "end every line of the file with a line feed, or with both",
                        _ => "remove it, or write it as an escape such as `\\u0085` between double quotes",
                    }),
                );
            }
            let filler = if found == '\r' { "\n" } else { "_" };
            let replaced = clean.get_or_insert_with(|| text.to_owned());
            replaced.replace_range(at..end, &filler.repeat(end - at));
        }
        clean.map_or(Cow::Borrowed(text), Cow::Owned)
    }

    pub(super) fn too_large(&mut self, at: usize, why: String) {
        let place = self.span(at, at);
        self.push(
            Diagnostic::new(&codes::YAML_TOO_LARGE, why, place, "the rest is not read")
                .with_help("divide it into several files"),
        );
    }

    pub(super) fn too_deep(&mut self, at: usize) {
        let place = self.span(at, at + 1);
        let message = format!("lists and mappings stand more than {MAX_DEPTH} deep in each other");
        self.push(
            Diagnostic::new(&codes::YAML_TOO_DEEP, message, place, "one too many starts here")
                .with_help("no kind of document needs a tenth of that: write it flatter"),
        );
    }

    pub(super) fn tab(&mut self, line: usize, start: usize) {
        if self.tab_at.replace(line) == Some(line) {
            return;
        }
        let place = self.span(line, start);
        let message = "a tab is used for indentation";
        self.push(
            Diagnostic::new(
                &codes::YAML_SYNTAX,
                message,
                place,
                "YAML readers disagree about its width",
            )
            .with_help("indent with spaces"),
        );
    }

    pub(super) fn unknown_event(&mut self, start: usize, end: usize) {
        let place = self.span(start, end);
        self.push(Diagnostic::new(
            &codes::YAML_SYNTAX,
            "this construct is not supported",
            place,
            "",
        ));
    }

    pub(super) fn anchor(&mut self, start: usize, end: usize) {
        if self.said.contains(&start) {
            return;
        }
        let name = self.slice(start, end);
        let place = self.span(start, end);
        self.push(
            Diagnostic::new(&codes::YAML_ANCHOR, format!("`{name}` is an anchor"), place, "")
                .with_help("remove it; what documents share goes into a group, a policy or a template")
                .with_help("if it is meant as text, quote the whole value or put it under `|`"),
        );
    }

    pub(super) fn alias(&mut self, start: usize, end: usize) {
        if self.said.contains(&start) {
            return;
        }
        let name = self.slice(start, end);
        let place = self.span(start, end);
        let message = format!("`{name}` is read as an alias, not as text");
        let fault = Diagnostic::new(&codes::YAML_ALIAS, message, place, "an unquoted `*` begins an alias");
        let rest = self.text.get(end..).unwrap_or_default().trim_start_matches([' ', '\t']);
        let alone = rest.is_empty() || rest.starts_with(['\n', '\r', ',', ']', '}', '#']);
        self.push(if alone {
            fault.with_replacement("quote it", place, quoted(name))
        } else {
            fault.with_help("quote the whole value or put it under `|`")
        });
    }

    /// `end` is where the tagged value ends: what follows the tag on its line is part of what was meant.
    pub(super) fn tag(&mut self, from: usize, to: usize, end: usize) {
        let name = self.slice(from, to.max(from));
        let place = self.span(from, to);
        let message = format!("`{name}` is read as a tag, not as text");
        let fault = Diagnostic::new(&codes::YAML_TAG, message, place, "an unquoted `!` begins a tag");
        let fault = match self.value_on_line(from) {
            Some(value) if value.start == from && value.end >= end && !name.starts_with("!!") => {
                self.said = value.clone();
                self.with_quoting(fault, value)
            }
            _ if name.starts_with("!!") => {
                fault.with_help("remove the tag; if it is meant as text, quote the whole value or put it under `|`")
            }
            // Of a condition, which is all but always what begins so, the rest says the opposite.
            _ => fault
                .with_help("quote the whole value, its `!` included, or put it under `|`; nothing here takes a tag"),
        };
        self.push(fault);
    }

    pub(super) fn null(&mut self, key: Option<Spanned<String>>, start: usize, end: usize) {
        let written = self.slice(start, end);
        let fault = match (&key, written) {
            (Some(key), "") => {
                let message = format!("`{}` has no value", key.value);
                Diagnostic::new(&codes::NULL_VALUE, message, key.span, "nothing stands after it")
            }
            (None, "") => {
                let place = self.last_before(start);
                Diagnostic::new(&codes::NULL_VALUE, "a list item is empty", place, "")
            }
            _ => {
                let message = format!("`{written}` is null, which means nothing here");
                Diagnostic::new(&codes::NULL_VALUE, message, self.span(start, end), "")
            }
        };
        self.push(fault.with_help("leave it out altogether, or give it a value; text is quoted"));
    }

    /// A finished key: what it says, or `None` when it is refused. `quiet` says nothing about it.
    pub(super) fn key(&mut self, node: Node, quiet: bool) -> Option<Spanned<String>> {
        let span = node.span;
        let written = self.slice(span.start as usize, span.end as usize);
        let fault = match node.value {
            Value::Hole => return None,
            Value::Scalar(text, Style::Plain) if text == "<<" => Diagnostic::new(
                &codes::YAML_MERGE_KEY,
                "`<<` merges another mapping into this one",
                span,
                "",
            )
            .with_help("write the entries out; what documents share goes into a policy or a template"),
            Value::Scalar(text, Style::Plain) => {
                let what = match plain_reading(&text) {
                    Reading::String => return Some(Spanned::new(text, span)),
                    Reading::Null => "nothing",
                    Reading::Bool(_) => "true or false",
                    Reading::Int(_) | Reading::Float => "a number",
                    Reading::Timestamp => "a date",
                    Reading::Disputed => "something other than text by some YAML readers",
                };
                let message = match written {
                    "" => "a key is missing before `:`".to_owned(),
                    _ => format!("the key `{written}` is read as {what}"),
                };
                let fault = Diagnostic::new(&codes::NON_STRING_KEY, message, span, "a key must be text");
                if !written.is_empty() {
                    let fault = fault.with_replacement("quote it", span, format!("\"{written}\""));
                    if !quiet {
                        self.push(fault);
                    }
                    // It is what it looks like to whoever refers to it.
                    return Some(Spanned::new(text, span));
                }
                fault.with_help("write a key")
            }
            Value::Scalar(text, _) => return Some(Spanned::new(text, span)),
            Value::List(_) | Value::Map(_) => {
                let message = "a key is a list or a mapping";
                let fault = Diagnostic::new(&codes::NON_STRING_KEY, message, span, "a key must be text");
                if self.slice((span.start as usize).saturating_sub(1), span.start as usize + 1) == "{{" {
                    fault.with_help("`{{ }}` is filled in only in the body of a template, under `templates/`")
                } else {
                    fault.with_help("quote it if it is meant as text")
                }
            }
        };
        if !quiet {
            self.push(fault);
        }
        None
    }

    /// Reports keys that are there twice, and leaves each once, without a value: nobody can say which was meant.
    pub(super) fn duplicates(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let key = |place: &usize| entries.get(*place).map(|entry| entry.key.value.as_str());
        order.sort_by(|a, b| key(a).cmp(&key(b)).then(a.cmp(b)));
        let mut again = Vec::new();
        for group in order.chunk_by(|a, b| key(a) == key(b)) {
            if let [first, rest @ ..] = group {
                again.extend(rest.iter().map(|place| (*place, *first)));
            }
        }
        again.sort_unstable();
        let mut drop = vec![false; entries.len()];
        for (place, first) in again {
            if let Some(drop) = drop.get_mut(place) {
                *drop = true;
            }
            if self.enough() {
                continue;
            }
            let (Some(second), Some(origin)) = (entries.get(place), entries.get(first)) else {
                continue;
            };
            let message = format!("`{}` is there twice", second.key.value);
            let fault = Diagnostic::new(&codes::DUPLICATE_KEY, message, second.key.span, "the second time")
                .with_related(origin.key.span, "the first time")
                .with_help("keep one of them; YAML readers disagree about which one counts");
            self.push(fault);
            // Which of two values is meant nobody knows. A mapping's own parts are looked at all the same, and who refers
            // to it is not told that it is unknown.
            if let Some(origin) = entries
                .get_mut(first)
                .filter(|origin| !matches!(origin.value.value, Value::Map(_)))
            {
                origin.value.value = Value::Hole;
            }
        }
        let mut drop = drop.into_iter();
        entries.retain(|_| drop.next() != Some(true));
        entries
    }

    /// What the parser could not read.
    pub(super) fn syntax(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or_default().min(self.text.len());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(at);
        }
        if *error.kind() == ErrorKind::TooManyComments {
            return self.too_large(at, "too many comments follow each other".to_owned());
        }
        if self.said.contains(&at) {
            return;
        }
        let line = self.slice(0, at).rfind('\n').map_or(0, |newline| newline + 1);
        let indentation = self.slice(line, at);
        if is_tab(error.kind()) && indentation.contains('\t') && indentation.trim().is_empty() {
            return self.tab(line, at);
        }
        let place = self.visible(at);
        if is_directive(error.kind()) {
            self.push(
                Diagnostic::new(
                    &codes::YAML_DIRECTIVE,
                    "a line that begins with `%` is a directive",
                    place,
                    "",
                )
                .with_help("remove it: nothing that a policy needs is said by a directive"),
            );
            return;
        }
        let value = self.value_on_line(at).filter(|value| value.start <= at);
        let first = value
            .as_ref()
            .and_then(|value| self.slice(value.start, value.end).chars().next());
        let code: &'static Code = match first {
            Some('!') => &codes::YAML_TAG,
            Some('*') => &codes::YAML_ALIAS,
            Some('&') => &codes::YAML_ANCHOR,
            _ => &codes::YAML_SYNTAX,
        };
        let (message, help) = explain(error.kind(), self.text.get(at..).and_then(|rest| rest.chars().next()));
        let fault = Diagnostic::new(code, message, place, "");
        let meant_as_text = match (first, error.kind()) {
            (Some('!' | '*' | '&' | '%' | '@' | '`'), _)
            | (Some('"'), ErrorKind::InvalidTrailingDoubleQuotedScalar)
            | (Some('\''), ErrorKind::InvalidTrailingSingleQuotedScalar)
            | (Some('[' | '{'), ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry) => true,
            (Some(first), ErrorKind::MappingValueNotAllowed) => !matches!(first, '[' | '{' | '"' | '\''),
            _ => false,
        };
        let fault = match value {
            Some(value) if meant_as_text => self.with_quoting(fault, value),
            _ => match help {
                Some(help) => fault.with_help(help),
                None => fault,
            },
        };
        self.push(fault);
    }

    /// The character at a place, or the last one before it that can be shown.
    fn visible(&self, at: usize) -> Span {
        let rest = self.slice(at, self.text.len());
        match rest.chars().next() {
            Some(found) if !found.is_whitespace() => self.span(at, at + found.len_utf8()),
            _ => self.last_before(at),
        }
    }

    fn last_before(&self, at: usize) -> Span {
        let before = self.slice(0, at).trim_end();
        match before.chars().next_back() {
            Some(found) => self.span(before.len() - found.len_utf8(), before.len()),
            None => self.span(at, at),
        }
    }

    /// What stands after `key: ` or `- ` on the line of a place.
    fn value_on_line(&self, at: usize) -> Option<std::ops::Range<usize>> {
        let start = self.slice(0, at).rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.get(start..)?.lines().next()?;
        let mut rest = line.trim_start();
        while let Some(item) = rest.strip_prefix("- ") {
            rest = item.trim_start();
        }
        let key = rest.split_once(':').filter(|(key, value)| {
            value.starts_with([' ', '\t'])
                && !key.is_empty()
                && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        });
        let value = key.map_or(rest, |(_, value)| value).trim();
        // A block scalar's own indicator is no value, and neither is nothing.
        if value.is_empty() || value.starts_with(['|', '>', '#']) {
            return None;
        }
        let from = start + (value.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        Some(from..from + value.len())
    }

    fn with_quoting(&self, fault: Diagnostic, value: std::ops::Range<usize>) -> Diagnostic {
        let written = self.slice(value.start, value.end);
        let help = "if it is meant as text, quote the whole value or put it under `|`";
        if written.contains(" #") {
            fault.with_help(help)
        } else {
            fault.with_replacement(help, self.span(value.start, value.end), quoted(written))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::InvalidBlockEntryWhitespace
            | ErrorKind::InvalidMappingValueWhitespace
    )
}

fn is_directive(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DirectiveDisallowed
            | ErrorKind::DuplicateVersionDirective
            | ErrorKind::UnsupportedYamlMajorVersion
            | ErrorKind::DuplicateTagDirective
            | ErrorKind::MissingDocumentEndBeforeDirective
            | ErrorKind::InvalidDirectiveTerminator
            | ErrorKind::MissingYamlVersionSeparator
            | ErrorKind::MissingDirectiveName
            | ErrorKind::InvalidDirectiveName
            | ErrorKind::DirectiveByteLimitExceeded { .. }
            | ErrorKind::TooManyReservedDirectiveParams { .. }
            | ErrorKind::YamlVersionTooLong
            | ErrorKind::MissingYamlVersion
            | ErrorKind::InvalidTagDirectiveTerminator
            | ErrorKind::ExpectedTagDirectiveBang
    )
}

/// The parser's error in the words of somebody who writes a policy, and what to do where that is not plain.
fn explain(kind: &ErrorKind, found: Option<char>) -> (String, Option<&'static str>) {
    use ErrorKind as K;
    let (message, help) = match kind {
        K::UnclosedFlowCollection { open } => {
            return (
                format!("`{open}` is never closed"),
                Some("close it, or quote the value if it is meant as text"),
            );
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), None);
        }
        K::UnexpectedCharacter { character } => {
            return (
                format!("a value cannot begin with `{character}`"),
                Some("quote the whole value or put it under `|`"),
            );
        }
        K::UnexpectedEofFlowSequence | K::UnexpectedEofFlowMapping | K::UnexpectedEofImplicitFlowMapping => (
            "the file ends inside a list or mapping in brackets",
            Some("close the bracket"),
        ),
        K::ExpectedFlowMappingSeparator => ("`,` or `}` is missing", None),
        K::ExpectedFlowSequenceSeparator => ("`,` or `]` is missing", None),
        K::MisplacedFlowCollectionEnd => ("a closing bracket was never opened", None),
        K::MappingValueNotAllowed => (
            "`: ` begins a mapping, and none can begin here",
            Some("quote the value, or indent the line as its neighbours are"),
        ),
        K::MappingKeyNotAllowed => ("no key can stand here", Some("indent the line as its neighbours are")),
        K::ExpectedBlockMappingKey if found == Some('-') => (
            "a list item stands where a key is expected",
            Some("indent the line as its neighbours are"),
        ),
        K::ExpectedBlockMappingKey | K::SimpleKeyExpected | K::InvalidSimpleKey => (
            "a key with `:` is expected here",
            Some("indent the line as its neighbours are; a key stands on one line and is followed by `: `"),
        ),
        K::ExpectedBlockSequenceEntry => (
            "a list item with `- ` is expected here",
            Some("indent the line as its neighbours are"),
        ),
        K::BlockSequenceEntryNotAllowed => (
            "a list item cannot begin here",
            Some("put it on a line of its own, or write the list as `[a, b]`"),
        ),
        K::BlockEntryInFlowCollection => ("`- ` cannot stand inside brackets", Some("write `[a, b]`")),
        K::InvalidIndentation | K::InvalidFlowScalarIndent | K::InvalidBlockScalarIndent => (
            "the indentation fits no line above",
            Some("indent the line as its neighbours are"),
        ),
        K::InvalidQuotedScalarIndent | K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar => (
            "a quote is never closed",
            Some("close it on the line where it is opened"),
        ),
        kind if is_tab(kind) => ("a tab stands where only spaces can", Some("write spaces")),
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => (
            "something follows the closing quote",
            Some("quote the whole value or put it under `|`"),
        ),
        K::UnknownQuotedScalarEscape => (
            "there is no such escape",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        K::InvalidQuotedScalarHexEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate
        | K::InvalidUnicodeEscape => ("the escape names no character", None),
        K::CommentInterceptedScalar => (
            "a comment stands inside a value of several lines",
            Some("quote the value or put it under `|`, and move the comment above the key"),
        ),
        K::CommentNotSeparated => ("`#` needs a space before it to begin a comment", None),
        K::InvalidBlockScalarHeader | K::ZeroBlockScalarIndent => {
            ("the text has to begin on the line after `|` or `>`", None)
        }
        K::InvalidDocumentEnd => ("something follows `...` on its line", None),
        K::BomInsideDocument => ("a byte-order mark stands inside the file", None),
        K::MissingAnchorOrAliasName => (
            "a value cannot begin with `*` or `&`",
            Some("quote the whole value or put it under `|`"),
        ),
        K::UndeclaredTagHandle | K::InvalidTagTerminator | K::ExpectedTagBang | K::MissingTagUri => (
            "an unquoted `!` begins a tag",
            Some("quote the whole value or put it under `|`"),
        ),
        K::FlowMappingValueAdjacentCollection | K::InvalidColonPlacement => ("`:` cannot stand here", None),
        K::PlainScalarStartsWithDashFlowIndicator => ("a value cannot begin with `-` here", Some("quote it")),
        other => return (format!("this is no valid YAML: {other}"), None),
    };
    (message.to_owned(), help)
}
