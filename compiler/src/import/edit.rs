//! Small changes to the text of a YAML document, by the places of its nodes: everything else stays as somebody wrote it,
//! comments and all. Whether the result says what was meant is for the caller to see by reading it again.

use std::ops::Range;

use crate::parse::node::{Entry, Node, Value};

/// A text, and what is to become of it.
pub(super) struct Edits<'t> {
    text: &'t str,
    edits: Vec<(Range<usize>, String)>,
}

/// Where a key goes that is not there yet.
#[derive(Clone, Copy)]
pub(super) enum New<'k> {
    /// First of all, right below the key whose value the mapping is.
    Below(&'k Entry),
    After(&'k str),
    Last,
}

/// What the text does not allow; the caller says what to do instead.
#[derive(Debug)]
pub(super) struct Unmanageable;

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            edits: Vec::new(),
        }
    }

    /// The text with every change made.
    pub(super) fn done(mut self) -> Result<String, Unmanageable> {
        // What is put in at one place stays in the order in which it was.
        self.edits
            .sort_by_key(|(place, _)| (place.start, place.end > place.start));
        let (mut text, mut at) = (String::with_capacity(self.text.len()), 0);
        for (place, new) in &self.edits {
            text.push_str(self.text.get(at..place.start).ok_or(Unmanageable)?);
            text.push_str(new);
            at = place.end;
        }
        text.push_str(self.text.get(at..).ok_or(Unmanageable)?);
        Ok(text)
    }

    /// Gives a key of a mapping another value, on one line.
    pub(super) fn set(&mut self, map: &Node, key: &str, value: &str, new: New<'_>) -> Result<(), Unmanageable> {
        match entry(map, key) {
            Some(Entry { key, value: old }) => {
                self.replace(offset(key.span.end)..offset(old.span.end), format!(": {value}"));
                Ok(())
            }
            None => {
                let line = format!("{key}: {value}");
                match new {
                    New::Below(above) => self.put_first(map, above, &line),
                    New::Last => self.append(map, &line),
                    New::After(key) => self.put_after(map, entry(map, key).ok_or(Unmanageable)?, &line),
                }
            }
        }
    }

    /// Adds lines at the end of a block mapping, indented as its keys are; one entry at the end of a flow mapping.
    pub(super) fn append(&mut self, map: &Node, lines: &str) -> Result<(), Unmanageable> {
        let Value::Map(entries) = &map.value else {
            return Err(Unmanageable);
        };
        self.put_after(map, entries.last().ok_or(Unmanageable)?, lines)
    }

    fn put_after(&mut self, map: &Node, before: &Entry, lines: &str) -> Result<(), Unmanageable> {
        let end = offset(before.value.span.end);
        if self.is_flow(map) {
            self.replace(end..end, format!(", {lines}"));
            return if lines.contains('\n') {
                Err(Unmanageable)
            } else {
                Ok(())
            };
        }
        let indent = self.indent(before)?.to_owned();
        let end = self.end_of_line(end);
        let lines: String = lines.lines().map(|line| format!("\n{indent}{line}")).collect();
        self.replace(end..end, lines);
        Ok(())
    }

    fn put_first(&mut self, map: &Node, above: &Entry, line: &str) -> Result<(), Unmanageable> {
        let Value::Map(entries) = &map.value else {
            return Err(Unmanageable);
        };
        let first = entries.first().ok_or(Unmanageable)?;
        if self.is_flow(map) {
            let start = offset(first.key.span.start);
            self.replace(start..start, format!("{line}, "));
            return Ok(());
        }
        let indent = self.indent(first)?.to_owned();
        // Above the comments of what was first until now.
        let end = self.end_of_line(offset(above.key.span.end));
        self.replace(end..end, format!("\n{indent}{line}"));
        Ok(())
    }

    /// Takes an entry of a block mapping out, its lines whole.
    pub(super) fn remove(&mut self, map: &Node, key: &str) -> Result<(), Unmanageable> {
        let entry = entry(map, key).filter(|_| !self.is_flow(map)).ok_or(Unmanageable)?;
        let indent = self.indent(entry)?.len();
        // From the line break before it, so that what is appended after it still has a place.
        let start = offset(entry.key.span.start)
            .checked_sub(indent + 1)
            .ok_or(Unmanageable)?;
        let end = self.end_of_line(offset(entry.value.span.end));
        self.replace(start..end, String::new());
        Ok(())
    }

    pub(super) fn is_flow(&self, node: &Node) -> bool {
        let text = self.text.get(offset(node.span.start)..);
        text.is_some_and(|text| text.starts_with(['{', '[']))
    }

    fn replace(&mut self, place: Range<usize>, new: String) {
        self.edits.push((place, new));
    }

    /// The blanks before a key that begins its line.
    fn indent(&self, entry: &Entry) -> Result<&'t str, Unmanageable> {
        let before = self.text.get(..offset(entry.key.span.start)).ok_or(Unmanageable)?;
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        match line.bytes().all(|byte| byte == b' ') {
            true => Ok(line),
            false => Err(Unmanageable),
        }
    }

    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find('\n').unwrap_or(rest.len())
    }
}

/// A key of a mapping.
pub(super) fn entry<'n>(map: &'n Node, key: &str) -> Option<&'n Entry> {
    match &map.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key.value == key),
        _ => None,
    }
}

fn offset(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
