//! From places in a scalar's decoded text back to places in the file, for the errors of what is written inside it.
//!
//! Takes the file's text and a scalar's span and style; knows nothing of what the scalar says.

use std::ops::Range;

use super::super::node::Style;
use crate::source::Span;

/// Where each part of a scalar's decoded text stands in the file.
///
/// Exact for plain and quoted scalars and literal blocks. A folded block, and a double-quoted scalar of several
/// lines, is not mapped: [`ScalarMap::source_range`] gives `None`, and the whole scalar is the best place.
#[derive(Debug, Clone)]
pub struct ScalarMap {
    span: Span,
    text: String,
    pieces: Vec<Piece>,
    exact: bool,
}

/// A run of decoded bytes. As long as its source: byte for byte; otherwise one escape or fold, indivisible.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    decoded: Range<usize>,
    source: Range<usize>,
}

impl ScalarMap {
    /// Decodes the scalar at `span` anew, keeping where each piece came from.
    pub fn new(source_text: &str, span: Span, style: Style) -> Self {
        let mut map = Self {
            span,
            text: String::new(),
            pieces: Vec::new(),
            exact: false,
        };
        let start = span.start as usize;
        let Some(written) = source_text.get(start..span.end as usize) else {
            return map;
        };
        let done = match style {
            Style::Plain => map.folded_lines(written, start, None),
            Style::SingleQuoted => map
                .between(written, '\'')
                .and_then(|inner| map.folded_lines(inner, start + 1, Some("''"))),
            Style::DoubleQuoted => map
                .between(written, '"')
                .and_then(|inner| map.double_quoted(inner, start + 1)),
            Style::Literal => {
                let rest = source_text.get(span.end as usize..).unwrap_or_default();
                map.literal(written, rest, start, parent_indent(source_text, start))
            }
            Style::Folded => None,
        };
        map.exact = done.is_some();
        map
    }

    /// The decoded text, where the map is exact: it must equal the scalar's.
    pub fn text(&self) -> Option<&str> {
        self.exact.then_some(self.text.as_str())
    }

    /// Where a range of bytes of the decoded text stands in the file; an empty range is a place between two bytes.
    pub fn source_range(&self, range: Range<usize>) -> Option<Span> {
        if !self.exact || range.start > range.end || range.end > self.text.len() {
            return None;
        }
        let start = self.place(range.start, false)?;
        let end = if range.is_empty() {
            start
        } else {
            self.place(range.end, true)?
        };
        Some(Span {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end.max(start)).ok()?,
            ..self.span
        })
    }

    /// The source place of a decoded one. `closing`: the end of the piece before it, not the start of that after.
    fn place(&self, at: usize, closing: bool) -> Option<usize> {
        let next = self.pieces.partition_point(|piece| {
            if closing {
                piece.decoded.end < at
            } else {
                piece.decoded.end <= at
            }
        });
        let Some(piece) = self.pieces.get(next) else {
            // The end of the text is the end of its last piece.
            return Some(
                self.pieces
                    .last()
                    .map_or(self.span.start as usize, |piece| piece.source.end),
            );
        };
        let into = at.checked_sub(piece.decoded.start)?;
        Some(if piece.decoded.len() == piece.source.len() {
            piece.source.start + into
        } else if closing {
            piece.source.end
        } else {
            piece.source.start
        })
    }

    fn push(&mut self, text: &str, source: Range<usize>) {
        if text.is_empty() {
            return;
        }
        let from = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece {
            decoded: from..self.text.len(),
            source,
        });
    }

    fn between<'w>(&self, written: &'w str, quote: char) -> Option<&'w str> {
        written.strip_prefix(quote)?.strip_suffix(quote)
    }

    /// Plain and single-quoted text: line breaks fold to a space, or to one break less where there are several.
    fn folded_lines(&mut self, written: &str, start: usize, escape: Option<&str>) -> Option<()> {
        let mut breaks = 0;
        let mut broken_at = start;
        let mut at = start;
        let last = written.split('\n').count() - 1;
        for (number, line) in written.split('\n').enumerate() {
            let mut from = at;
            let mut shown = line.strip_suffix('\r').unwrap_or(line);
            if number < last {
                shown = shown.trim_end_matches([' ', '\t']);
            }
            if number > 0 {
                let trimmed = shown.trim_start_matches([' ', '\t']);
                from += shown.len() - trimmed.len();
                shown = trimmed;
            }
            // In quotes the first and the last line count even when they are empty.
            let counts = !shown.is_empty() || number == 0 || (number == last && escape.is_some());
            if counts {
                match breaks {
                    0 => {}
                    1 => self.push(" ", broken_at..from),
                    more => self.push(&"\n".repeat(more - 1), broken_at..from),
                }
                breaks = 0;
                self.unescaped(shown, from, escape);
                broken_at = from + shown.len();
            }
            breaks += 1;
            at += line.len() + 1;
        }
        Some(())
    }

    fn unescaped(&mut self, mut shown: &str, mut from: usize, escape: Option<&str>) {
        while let Some((before, after)) = escape.and_then(|escape| shown.split_once(escape)) {
            self.push(before, from..from + before.len());
            from += before.len();
            self.push("'", from..from + 2);
            from += 2;
            shown = after;
        }
        self.push(shown, from..from + shown.len());
    }

    fn double_quoted(&mut self, inner: &str, start: usize) -> Option<()> {
        if inner.contains('\n') {
            return None;
        }
        let mut rest = inner;
        let mut at = start;
        while let Some((before, escape)) = rest.split_once('\\') {
            self.push(before, at..at + before.len());
            at += before.len();
            let mut letters = escape.chars();
            let letter = letters.next()?;
            let (decoded, digits) = match letter {
                '0' => ('\0', 0),
                'a' => ('\u{7}', 0),
                'b' => ('\u{8}', 0),
                't' | '\t' => ('\t', 0),
                'n' => ('\n', 0),
                'v' => ('\u{b}', 0),
                'f' => ('\u{c}', 0),
                'r' => ('\r', 0),
                'e' => ('\u{1b}', 0),
                ' ' | '"' | '/' | '\\' => (letter, 0),
                'N' => ('\u{85}', 0),
                '_' => ('\u{a0}', 0),
                'L' => ('\u{2028}', 0),
                'P' => ('\u{2029}', 0),
                // A surrogate is half a character: `char` refuses it, and the scalar stays unmapped.
                'x' | 'u' | 'U' => {
                    let digits = match letter {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    (
                        char::from_u32(u32::from_str_radix(escape.get(1..=digits)?, 16).ok()?)?,
                        digits,
                    )
                }
                _ => return None,
            };
            let width = 1 + letter.len_utf8() + digits;
            self.push(decoded.encode_utf8(&mut [0; 4]), at..at + width);
            at += width;
            rest = escape.get(width - 1..)?;
        }
        self.push(rest, at..at + rest.len());
        Some(())
    }

    /// A literal block. `rest` is the file after it, where the blank lines are that `+` keeps.
    fn literal(&mut self, written: &str, rest: &str, start: usize, parent: Option<usize>) -> Option<()> {
        // A header alone is a block without text.
        let (header, body) = written.split_once('\n')?;
        let settings = header.strip_prefix('|')?.split([' ', '\t', '\r']).next()?;
        let given = settings
            .chars()
            .find_map(|c| c.to_digit(10))
            .and_then(|digit| usize::try_from(digit).ok());
        let indent = match given {
            // An indicator counts from the parent's indentation, which a scalar alone does not show.
            Some(given) => parent? + given,
            None => body
                .split('\n')
                .find(|line| !line.trim_matches([' ', '\r']).is_empty())
                .map(|line| line.len() - line.trim_start_matches(' ').len())?,
        };
        let mut at = start + header.len() + 1;
        let lines: Vec<&str> = body.split('\n').collect();
        for (number, line) in lines.iter().enumerate() {
            let shown = line.strip_suffix('\r').unwrap_or(line);
            let content = shown.get(indent.min(shown.len() - shown.trim_start_matches(' ').len())..)?;
            let from = at + (shown.len() - content.len());
            self.push(content, from..from + content.len());
            let end = at + line.len();
            if number + 1 < lines.len() {
                self.push("\n", from + content.len()..end + 1);
            }
            at = end + 1;
        }
        let end = start + written.len();
        let ended = rest.starts_with(['\n', '\r']);
        // Blank lines that are longer than the indentation are text, and so are those that `+` keeps: nobody points
        // there, so such a block is not mapped.
        let blank = rest.get(..rest.len() - rest.trim_start().len()).unwrap_or_default();
        let below = blank.split('\n').count() - usize::from(blank.len() < rest.len());
        let mut lines = blank.split('\n').take(below).skip(1);
        if settings.contains('+') || lines.any(|line| line.trim_end_matches('\r').len() > indent) {
            return None;
        }
        if ended && !settings.contains('-') {
            self.push("\n", end..end + if rest.starts_with('\r') { 2 } else { 1 });
        }
        Some(())
    }
}

/// The indentation of the mapping whose value starts at `start`; `None` where the line has a dash as well.
fn parent_indent(text: &str, start: usize) -> Option<usize> {
    let before = text.get(..start)?;
    let line = before
        .rfind('\n')
        .map_or(before, |newline| before.get(newline + 1..).unwrap_or_default());
    let key = line.trim_start_matches(' ');
    (!key.is_empty() && !key.starts_with('-')).then_some(line.len() - key.len())
}
