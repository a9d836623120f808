//! `# polity: allow CODE reason`: comments in, [`Pragma`]s with what they cover out.
//!
//! A pragma covers the entry or list item that begins on the next line that is not a comment, or the whole
//! document when it stands above the document's first line. Whether there is such a code is not known here.

use std::collections::BTreeMap;

use super::super::node::{Node, Pragma, Value};
use super::faults::Faults;
use super::{YamlDocument, codes};
use crate::diag::Diagnostic;
use crate::source::Span;

/// Gives each document its comments, and the pragmas among them.
pub(super) fn attach(
    documents: &mut [YamlDocument],
    mut comments: Vec<(Span, bool)>,
    text: &str,
    faults: &mut Faults<'_, '_>,
) {
    comments.sort_unstable();
    let mut places = None;
    for ((span, trailing), below) in comments.iter().copied().zip(lines_below(text, &comments)) {
        // A comment belongs to the document that the line below it belongs to: the last that begins there or before.
        let begun = documents.partition_point(|document| document.span.start as usize <= below.unwrap_or(text.len()));
        let owner = begun.checked_sub(1);
        let comment = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        if let Some(body) = comment.trim_start_matches('#').trim().strip_prefix("polity:") {
            let places = places.get_or_insert_with(|| Places::of(documents));
            let covers = if trailing {
                None
            } else {
                below.and_then(|below| places.find(text, below))
            };
            if let Some(pragma) = read(body, span, trailing, covers, faults)
                && let Some(document) = owner.and_then(|owner| documents.get_mut(owner))
            {
                document.pragmas.push(pragma);
            }
        }
        if let Some(document) = owner.and_then(|owner| documents.get_mut(owner)) {
            document.comments.push((span, trailing));
        }
    }
}

fn read(body: &str, span: Span, trailing: bool, covers: Option<Covers>, faults: &mut Faults<'_, '_>) -> Option<Pragma> {
    let fault = |message: String| {
        Diagnostic::new(&codes::MALFORMED_PRAGMA, message, span, "")
            .with_help("write `# polity: allow CODE reason` on a line of its own, right above what it is about")
    };
    let mut words = body.split_whitespace();
    let (verb, code) = (words.next(), words.next());
    let reason = words.collect::<Vec<_>>().join(" ");
    let (Some("allow"), Some(code)) = (verb, code) else {
        faults.push(fault("a `polity:` comment says neither `allow` nor what".to_owned()));
        return None;
    };
    if reason.is_empty() {
        faults.push(fault(format!("nothing says why `{code}` is allowed")));
        return None;
    }
    if trailing {
        faults.push(fault(
            "a `polity:` comment stands behind something on its line".to_owned(),
        ));
        return None;
    }
    match covers {
        Some(Covers::Node(covers)) => Some(Pragma {
            span,
            code: code.to_owned(),
            reason,
            covers,
        }),
        // The document is a hole: its error is all there is to say.
        Some(Covers::Broken) => None,
        None => {
            faults.push(fault("a `polity:` comment stands above nothing".to_owned()));
            None
        }
    }
}

#[derive(Clone, Copy)]
enum Covers {
    Node(Span),
    Broken,
}

/// Where entries, list items and documents begin.
struct Places {
    documents: Vec<(Span, u32, bool)>,
    entries: BTreeMap<u32, Span>,
    items: BTreeMap<u32, Span>,
}

impl Places {
    fn of(documents: &[YamlDocument]) -> Self {
        let mut places = Self {
            documents: Vec::new(),
            entries: BTreeMap::new(),
            items: BTreeMap::new(),
        };
        for document in documents {
            let broken = document.root.value == Value::Hole;
            places.documents.push((document.span, document.root.span.start, broken));
            places.walk(&document.root);
        }
        places
    }

    fn walk(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => {
                for item in items {
                    self.items.entry(item.span.start).or_insert(item.span);
                    self.walk(item);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    let span = Span {
                        end: entry.value.span.end.max(entry.key.span.end),
                        ..entry.key.span
                    };
                    self.entries.entry(span.start).or_insert(span);
                    self.walk(&entry.value);
                }
            }
            Value::Scalar(..) | Value::Hole => {}
        }
    }

    /// What begins on a line, given the place of its first character.
    fn find(&self, text: &str, line: usize) -> Option<Covers> {
        let at = u32::try_from(line).ok()?;
        let last = self
            .documents
            .partition_point(|(span, ..)| span.start <= at)
            .checked_sub(1)?;
        let (span, root, broken) = self.documents.get(last)?;
        if *broken {
            return Some(Covers::Broken);
        }
        if at == span.start || at == *root {
            return Some(Covers::Node(*span));
        }
        let rest = text.get(line..)?;
        let item = match rest
            .strip_prefix('-')
            .filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']))
        {
            Some(rest) => {
                let start = u32::try_from(line + 1 + (rest.len() - rest.trim_start().len())).ok()?;
                self.items.get(&start)
            }
            None => self.entries.get(&at).or_else(|| self.items.get(&at)),
        };
        item.copied().map(Covers::Node)
    }
}

/// Of each comment the first character of the next line that is neither blank nor a comment. From the last to the
/// first, so that a long run of comments is passed over once and not once for each of them.
fn lines_below(text: &str, comments: &[(Span, bool)]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = Vec::with_capacity(comments.len());
    let mut after: Option<&(Span, bool)> = None;
    for comment in comments.iter().rev() {
        let end = comment.0.end as usize;
        let run = after.is_some_and(|(next, trailing)| {
            !trailing
                && text
                    .get(end..next.start as usize)
                    .is_some_and(|between| between.trim().is_empty())
        });
        let below = if run {
            found.last().copied().flatten()
        } else {
            line_below(text, end)
        };
        found.push(below);
        after = Some(comment);
    }
    found.reverse();
    found
}

/// The first character of the next line that is neither blank nor a comment.
fn line_below(text: &str, end: usize) -> Option<usize> {
    let mut at = end + text.get(end..)?.find('\n')? + 1;
    for line in text.get(at..)?.split_inclusive('\n') {
        let words = line.trim_start();
        if !words.is_empty() && !words.starts_with('#') {
            return Some(at + (line.len() - words.len()));
        }
        at += line.len();
    }
    None
}
