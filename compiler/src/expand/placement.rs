//! Where filled-in values came to stand: each must be a whole YAML value, a whole key, or a whole literal within a
//! condition. Then no value can end what it stands in, and the documents are those that the template shows.
//!
//! Comes in: a rendered text, its parts, and the YAML that it was read as. Goes out: what is wrong, and the text with
//! the stars of `literal` and `pattern` written as their place takes them.

use std::collections::BTreeMap;

use super::render::{LITERAL_STAR, PATTERN_STAR, Part, Rendered};
use crate::diag::Diagnostic;
use crate::diag::codes::expand as codes;
use crate::parse::document::is_field;
use crate::parse::node::{Node, Style, Value};
use crate::parse::yaml::YamlDocument;
use crate::source::{FileId, Span};

/// Fields whose values are conditions.
const CONDITIONS: &[&str] = &["when", "unless"];
/// Fields whose values are globs.
const GLOBS: &[&str] = &[
    "actions",
    "agents",
    "credentials",
    "models",
    "owns",
    "paths",
    "resources",
    "tools",
];
/// Built so that a reader finds the same words wherever a value stands in the wrong place.
const WHOLE: &str = "a value fills a whole scalar: write the text around it inside the braces, as in";

/// A scalar or a key, by where it starts.
struct Slot<'n> {
    start: usize,
    end: usize,
    /// The nearest key above it.
    under: &'n str,
    /// Of a key, none.
    style: Option<Style>,
}

/// What the placement of all values comes to.
pub(super) struct Placed {
    pub(super) faults: Vec<Diagnostic>,
    /// For each part that is written otherwise in its place, the text.
    pub(super) rewritten: BTreeMap<usize, String>,
}

/// Looks at every value. `body` is what was filled in.
pub(super) fn check(file: FileId, rendered: &Rendered, body: &str, documents: &[YamlDocument]) -> Placed {
    let mut slots = Vec::new();
    let mut lists = BTreeMap::new();
    for document in documents {
        collect(&document.root, "", &mut slots, &mut lists);
    }
    slots.sort_by_key(|slot| slot.start);
    let comments: Vec<Span> = documents
        .iter()
        .flat_map(|document| document.comments.iter().map(|(span, _)| *span))
        .collect();
    let mut checker = Checker {
        file,
        text: &rendered.text,
        body,
        placed: Placed {
            faults: Vec::new(),
            rewritten: BTreeMap::new(),
        },
        scan: None,
    };
    for (at, part) in rendered.parts.iter().enumerate().filter(|(_, part)| part.filled) {
        let before = slots.partition_point(|slot| slot.start <= part.output.start);
        let slot = before.checked_sub(1).and_then(|last| Some((last, slots.get(last)?)));
        match slot.filter(|(_, slot)| slot.end >= part.output.end) {
            Some((_, slot)) if slot.start == part.output.start && slot.end == part.output.end => {
                checker.whole(at, part, slot);
            }
            Some((index, slot)) => checker.within(at, part, index, slot),
            None => {
                if let Some(under) = lists.get(&(part.output.start, part.output.end)) {
                    checker.stars(at, part, GLOBS.contains(under));
                } else if !commented(part, &comments) {
                    checker.misplaced(part, "the value does not stand in one place", None);
                }
            }
        }
    }
    checker.placed
}

/// Of a text that is no YAML: the values that touch other text, which is what usually breaks it.
pub(super) fn touching(file: FileId, rendered: &Rendered, body: &str) -> Vec<Diagnostic> {
    let mut checker = Checker {
        file,
        text: &rendered.text,
        body,
        placed: Placed {
            faults: Vec::new(),
            rewritten: BTreeMap::new(),
        },
        scan: None,
    };
    for part in rendered.parts.iter().filter(|part| part.filled) {
        let before = checker.before(part).chars().next_back();
        let after = checker.after(part).chars().next();
        let free = before.is_none_or(|c| c.is_whitespace() || "[{,(".contains(c))
            && after.is_none_or(|c| c.is_whitespace() || ",]}:).".contains(c));
        if !free {
            checker.misplaced(part, "the value touches other text", None);
        }
    }
    checker.placed.faults
}

fn collect<'n>(
    node: &'n Node,
    under: &'n str,
    slots: &mut Vec<Slot<'n>>,
    lists: &mut BTreeMap<(usize, usize), &'n str>,
) {
    let (start, end) = (node.span.start as usize, node.span.end as usize);
    match &node.value {
        Value::Scalar(_, style) => slots.push(Slot {
            start,
            end,
            under,
            style: Some(*style),
        }),
        Value::List(entries) => {
            lists.insert((start, end), under);
            entries.iter().for_each(|entry| collect(entry, under, slots, lists));
        }
        Value::Map(entries) => {
            for entry in entries {
                slots.push(Slot {
                    start: entry.key.span.start as usize,
                    end: entry.key.span.end as usize,
                    under: &entry.key.value,
                    style: None,
                });
                collect(&entry.value, &entry.key.value, slots, lists);
            }
        }
        Value::Hole => {}
    }
}

/// Whether a value stands within a comment that the template began.
fn commented(part: &Part, comments: &[Span]) -> bool {
    let before = comments.partition_point(|comment| (comment.start as usize) <= part.output.start);
    let comment = before.checked_sub(1).and_then(|last| comments.get(last));
    comment.is_some_and(|comment| comment.end as usize >= part.output.end)
}

struct Checker<'t> {
    file: FileId,
    text: &'t str,
    body: &'t str,
    placed: Placed,
    /// The condition that is being read, how far, and what the reader is in.
    scan: Option<(usize, usize, Lexeme)>,
}

/// What a place within a Cedar expression is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lexeme {
    Code,
    Text,
    Escape,
    Slash,
    Comment,
}

impl Lexeme {
    fn next(self, c: char, style: Style) -> Self {
        match (self, c) {
            (Self::Code | Self::Slash, '"') => Self::Text,
            (Self::Code, '/') => Self::Slash,
            (Self::Slash, '/') => Self::Comment,
            (Self::Code | Self::Slash, _) => Self::Code,
            (Self::Text, '"') => Self::Code,
            (Self::Text, '\\') => Self::Escape,
            (Self::Text | Self::Escape, _) => Self::Text,
            // Other styles fold lines, and what began as a comment goes on to the end.
            (Self::Comment, '\n') if style == Style::Literal => Self::Code,
            (Self::Comment, _) => Self::Comment,
        }
    }
}

impl Checker<'_> {
    fn before(&self, part: &Part) -> &str {
        self.text.get(..part.output.start).unwrap_or("")
    }

    fn after(&self, part: &Part) -> &str {
        self.text.get(part.output.end..).unwrap_or("")
    }

    fn written(&self, part: &Part) -> &str {
        self.text.get(part.output.clone()).unwrap_or("")
    }

    /// The expression that a value came of.
    fn source(&self, part: &Part) -> &str {
        self.body.get(part.source.clone()).unwrap_or("").trim()
    }

    fn span(&self, part: &Part) -> Span {
        Span {
            file: self.file,
            start: u32::try_from(part.output.start).unwrap_or(u32::MAX),
            end: u32::try_from(part.output.end).unwrap_or(u32::MAX),
        }
    }

    fn misplaced(&mut self, part: &Part, message: &str, help: Option<String>) {
        let around = |c: char| c.is_whitespace() || "[]{},:".contains(c);
        let before = self.before(part).rsplit(around).next().unwrap_or("");
        let after = self.after(part).split(around).next().unwrap_or("");
        let quoted = |text: &str, join: [&str; 2]| match text.trim_matches(['"', '\'']) {
            "" => String::new(),
            text => format!("{}\"{text}\"{}", join[0], join[1]),
        };
        let source = self.source(part);
        let help = help.unwrap_or_else(|| {
            let (before, after) = (quoted(before, ["", " ~ "]), quoted(after, [" ~ ", ""]));
            if before.is_empty() && after.is_empty() {
                format!("{WHOLE} `{{{{ {source} ~ \"-y\" }}}}`")
            } else {
                format!("{WHOLE} `{{{{ {before}{source}{after} }}}}`")
            }
        });
        let message = format!("`{{{{ {source} }}}}` is not the whole of what it stands in: {message}");
        let found = Diagnostic::new(&codes::MISPLACED_TEMPLATE_VALUE, message, self.span(part), "");
        self.placed.faults.push(found.with_help(help));
    }

    /// A value that is a whole scalar or key.
    fn whole(&mut self, at: usize, part: &Part, slot: &Slot<'_>) {
        if CONDITIONS.contains(&slot.under) && slot.style.is_some() {
            let help = "write the condition in the template, and fill in only what it compares with";
            self.misplaced(
                part,
                "it would be a condition that nobody reviewed",
                Some(help.to_owned()),
            );
            return;
        }
        if slot.style.is_none() && is_field(slot.under) {
            let message = format!("as a key, `{}` would mean something else than a name", slot.under);
            let help = "give the use another name";
            self.misplaced(part, &message, Some(help.to_owned()));
            return;
        }
        self.stars(at, part, slot.style.is_some() && GLOBS.contains(&slot.under));
    }

    /// A value that is part of a scalar: of a condition only, and there a whole literal.
    fn within(&mut self, at: usize, part: &Part, index: usize, slot: &Slot<'_>) {
        let style = match slot.style {
            Some(style) if CONDITIONS.contains(&slot.under) => style,
            _ => return self.misplaced(part, "other text stands beside it", None),
        };
        if matches!(style, Style::SingleQuoted | Style::DoubleQuoted) {
            let help = "write the condition under `|`, without quotes around it".to_owned();
            return self.misplaced(part, "the condition stands in quotes", Some(help));
        }
        let (from, state) = match self.scan {
            Some((scanned, from, state)) if scanned == index => (from, state),
            _ => (slot.start, Lexeme::Code),
        };
        let passed = self.text.get(from..part.output.start).unwrap_or("");
        let state = passed.chars().fold(state, |state, c| state.next(c, style));
        let before = self.text.get(slot.start..part.output.start).unwrap_or("");
        let part_of = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_\"\\".contains(c));
        if state != Lexeme::Code || part_of(before.chars().next_back()) || part_of(self.after(part).chars().next()) {
            let help = "a value in a condition is a whole literal, with its own quotes: write it without any";
            return self.misplaced(part, "it is part of a literal or of a comment", Some(help.to_owned()));
        }
        // A value is JSON, so that what follows it is code again.
        self.scan = Some((index, part.output.end, Lexeme::Code));
        let words = before.trim_end();
        let pattern = words
            .strip_suffix("like")
            .is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        if pattern {
            self.wild(part);
            let text = self
                .written(part)
                .replace(LITERAL_STAR, "\\*")
                .replace(PATTERN_STAR, "*");
            self.rewrite(at, part, text);
        } else {
            self.stars(at, part, false);
        }
    }

    /// Writes the stars as they are, if the place takes them.
    fn stars(&mut self, at: usize, part: &Part, glob: bool) {
        if glob {
            self.wild(part);
            if self.written(part).contains(LITERAL_STAR) {
                let message = format!(
                    "`{{{{ {} }}}}` holds a `*`, which a glob cannot take literally",
                    self.source(part)
                );
                let found = Diagnostic::new(&codes::TEMPLATE_VALUE_IN_GLOB, message, self.span(part), "");
                self.placed
                    .faults
                    .push(found.with_help("give the use a value without `*`"));
            }
        }
        let text = self.written(part).replace([LITERAL_STAR, PATTERN_STAR], "*");
        self.rewrite(at, part, text);
    }

    /// A `*` that the template does not show is the parameter's, and would match more than anybody reviewed.
    fn wild(&mut self, part: &Part) {
        let count = |text: &str| text.matches('*').count();
        if count(self.written(part)) <= count(self.source(part)) {
            return;
        }
        let message = format!("`{{{{ {} }}}}` brings a `*` into a pattern", self.source(part));
        let found = Diagnostic::new(&codes::TEMPLATE_VALUE_IN_GLOB, message, self.span(part), "");
        let help = "put the parameter through `| literal`, or through `| pattern` where a pattern is meant";
        self.placed.faults.push(found.with_help(help));
    }

    fn rewrite(&mut self, at: usize, part: &Part, text: String) {
        if text != self.written(part) {
            self.placed.rewritten.insert(at, text);
        }
    }
}
