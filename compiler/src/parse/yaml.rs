//! One YAML file to marked trees: text in, [`YamlDocument`]s and diagnostics out.
//!
//! Everything that could be read otherwise than it looks is refused here. What a key means, and whether a value
//! fits it, is not known here.

mod faults;
mod pragma;
mod reading;
mod scalar_map;
#[cfg(test)]
mod tests;

pub(super) use faults::is_unprintable;
pub use reading::{Reading, plain_reading};
pub use scalar_map::ScalarMap;

use std::borrow::Cow;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span as Mark, StrInput, StructureStyle};

use self::faults::Faults;
use super::node::{Entry, Node, Pragma, Style, Value};
use crate::diag::Sink;
use crate::diag::codes::yaml as codes;
use crate::source::{FileId, Span, Spanned};

/// The longest text that is parsed, in bytes. Spans are 32-bit, and nobody reviews a policy file of this size.
pub const MAX_TEXT: usize = 64 << 20;
/// How deeply lists and mappings may stand in each other. The deepest kind needs seven; picked by gut feeling.
pub const MAX_DEPTH: usize = 64;
/// How many keys and values one file may have: above what a reviewer can read, below what fills a memory.
pub const MAX_NODES: usize = 500_000;
/// How many documents one file may have; picked by gut feeling.
pub const MAX_DOCUMENTS: usize = 10_000;
/// How many comments may follow each other. The parser holds them back, so the number has to be bounded.
const MAX_COMMENTS_IN_A_ROW: usize = 20_000;

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlDocument {
    /// The value; a [`Value::Hole`] when a syntax error left none that could be trusted.
    pub root: Node,
    /// From the document's `---`, or its first character, to the end of its value.
    pub span: Span,
    /// The `# polity:` comments in it and right above it.
    pub pragmas: Vec<Pragma>,
    /// Every comment in it or above it, and whether something stands before the comment on its line.
    pub comments: Vec<(Span, bool)>,
    /// Of a document whose root is a hole: the entries of the root mapping that were complete before the break.
    /// They tell which document it was; nothing may be decided by them.
    pub before_break: Vec<Entry>,
}

impl YamlDocument {
    /// The comment that follows `span` on the line where `span` ends.
    pub fn comment_after(&self, text: &str, span: Span) -> Option<Span> {
        let next = self.comments.partition_point(|(comment, _)| comment.start < span.end);
        let (comment, trailing) = self.comments.get(next)?;
        let between = text.get(span.end as usize..comment.start as usize)?;
        (*trailing && !between.contains('\n')).then_some(*comment)
    }
}

/// Reads every document of a file; total. An empty document (nothing but comments) is no document.
pub fn read(file: FileId, text: &str, sink: &mut Sink) -> Vec<YamlDocument> {
    let mut faults = Faults::new(file, text, sink);
    if text.len() > MAX_TEXT {
        faults.too_large(0, format!("the file is larger than {MAX_TEXT} bytes"));
        return Vec::new();
    }
    let clean = faults.unprintable();
    if faults.enough() {
        return Vec::new();
    }
    let mut reader = Reader {
        text: &clean,
        faults,
        stack: Vec::new(),
        nodes: 0,
        cursor: 0,
        root: None,
        opened: None,
        empty: false,
        comments: Vec::new(),
        documents: Vec::new(),
    };
    reader.run();
    let Reader {
        mut faults,
        comments,
        mut documents,
        ..
    } = reader;
    pragma::attach(&mut documents, comments, &clean, &mut faults);
    documents
}

struct Reader<'t, 's> {
    text: &'t str,
    faults: Faults<'t, 's>,
    stack: Vec<Frame>,
    nodes: usize,
    /// The end of the last token, where the search for a block scalar's header starts.
    cursor: usize,
    root: Option<Node>,
    /// Where the current document began, and whether it has a `---`.
    opened: Option<(usize, bool)>,
    /// Whether the current document's value is nothing at all.
    empty: bool,
    comments: Vec<(Span, bool)>,
    documents: Vec<YamlDocument>,
}

/// A list or mapping that is still open.
struct Frame {
    start: usize,
    flow: bool,
    /// Inside a key that is no string: that was reported, and says all there is to say.
    quiet: bool,
    hole: bool,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map(Vec<Entry>, Key),
}

enum Key {
    Awaited,
    Read(Spanned<String>),
    /// Reported already; the entry is dropped.
    Refused,
}

/// Whether to go on with the current document.
enum Flow {
    On,
    Abandon,
    Stop,
}

impl Reader<'_, '_> {
    fn run(&mut self) {
        let text = self.text;
        let mut parser = Parser::new_from_str_with_options(text, options());
        while let Some(event) = parser.next_event() {
            let flow = match event {
                Ok((event, mark)) => self.event(event, mark),
                Err(error) => {
                    self.faults.syntax(&error);
                    Flow::Abandon
                }
            };
            match flow {
                _ if self.faults.enough() => break,
                Flow::On => {}
                Flow::Abandon => {
                    self.close_document(true);
                    if !self.next_document(&mut parser) {
                        break;
                    }
                }
                Flow::Stop => break,
            }
        }
        if self.opened.is_some() {
            self.close_document(true);
        }
    }

    /// Leaves the current document; false when the parser cannot go on.
    fn next_document<'a>(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> bool {
        match parser.proceed_next_document() {
            Ok(_) => true,
            Err(error) => {
                self.faults.syntax(&error);
                false
            }
        }
    }

    fn event(&mut self, event: Event<'_>, mark: Mark) -> Flow {
        let (start, end) = bytes(&mark);
        let tag = mark.tag_span().as_ref().map(bytes);
        let flow = match event {
            Event::Comment(..) => {
                let span = self.faults.span(start, end);
                self.comments.push((span, !self.opens_line(start)));
                return Flow::On;
            }
            Event::StreamStart | Event::StreamEnd => Flow::On,
            Event::DocumentStart(explicit, _) => {
                if self.documents.len() >= MAX_DOCUMENTS {
                    let why = format!("the file has more than {MAX_DOCUMENTS} documents");
                    self.faults.too_large(start, why);
                    return Flow::Stop;
                }
                self.opened = Some((start, explicit));
                self.root = None;
                self.empty = false;
                // The parser may mark an implicit start with the first token's span: that is not used up yet.
                if explicit {
                    self.cursor = end;
                }
                return Flow::On;
            }
            Event::DocumentEnd => {
                self.close_document(false);
                Flow::On
            }
            Event::Anchor(..) => {
                if !self.is_quiet() {
                    self.faults.anchor(start, end);
                }
                return Flow::On;
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                if !self.is_quiet() {
                    self.faults.alias(start, end);
                }
                self.hole(start, end)
            }
            Event::Scalar(value, style, _, tag_of_node) => {
                self.indented_by_tab(start);
                let tagged = tag_of_node.is_some().then(|| tag.unwrap_or((start, end)));
                self.scalar(value, style, (start, end), tagged)
            }
            Event::SequenceStart(style, _, tag_of_node) => {
                let start = if matches!(style, StructureStyle::Block) {
                    self.dash_before(start)
                } else {
                    start
                };
                self.tagged_collection(tag_of_node.is_some(), tag.unwrap_or((start, end)));
                self.open(start, style, tag_of_node.is_some(), Inside::List(Vec::new()))
            }
            Event::MappingStart(style, _, tag_of_node) => {
                self.tagged_collection(tag_of_node.is_some(), tag.unwrap_or((start, end)));
                self.open(
                    start,
                    style,
                    tag_of_node.is_some(),
                    Inside::Map(Vec::new(), Key::Awaited),
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            // A kind of event that this version of the parser does not have: nothing is known of its meaning.
            _ => {
                self.faults.unknown_event(start, end);
                Flow::Abandon
            }
        };
        self.cursor = self.cursor.max(end);
        flow
    }

    fn scalar(
        &mut self,
        value: Cow<'_, str>,
        style: ScalarStyle,
        (start, end): (usize, usize),
        tag: Option<(usize, usize)>,
    ) -> Flow {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let (start, end) = match style {
            Style::Literal | Style::Folded => self.block_extent(style, start, end),
            _ => (start, end),
        };
        if let Some((from, to)) = tag {
            if !self.is_quiet() {
                self.faults.tag(from, to, end);
            }
            return self.hole(start, end);
        }
        let in_key = matches!(
            self.stack.last(),
            Some(Frame {
                inside: Inside::Map(_, Key::Awaited),
                ..
            })
        );
        if style == Style::Plain && !in_key && plain_reading(&value) == Reading::Null {
            if self.stack.is_empty() && start == end {
                self.empty = true;
            } else if !self.is_quiet() && !self.key_refused() {
                let key = match self.stack.last() {
                    Some(Frame {
                        inside: Inside::Map(_, Key::Read(key)),
                        ..
                    }) => Some(key.clone()),
                    _ => None,
                };
                self.faults.null(key, start, end);
            }
            return self.hole(start, end);
        }
        let span = self.faults.span(start, end);
        self.node(Node {
            span,
            value: Value::Scalar(value.into_owned(), style),
        })
    }

    fn hole(&mut self, start: usize, end: usize) -> Flow {
        let span = self.faults.span(start, end);
        self.node(Node {
            span,
            value: Value::Hole,
        })
    }

    /// Puts a finished value where it belongs: the root, the next item, the next key or the value of the last key.
    fn node(&mut self, node: Node) -> Flow {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let why = format!("the file has more than {MAX_NODES} keys and values");
            self.faults.too_large(node.span.start as usize, why);
            return Flow::Stop;
        }
        let quiet = self.is_quiet();
        match self.stack.last_mut().map(|frame| &mut frame.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map(entries, key)) => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => *key = self.faults.key(node, quiet).map_or(Key::Refused, Key::Read),
                Key::Read(key) => entries.push(Entry { key, value: node }),
                Key::Refused => {}
            },
        }
        Flow::On
    }

    fn open(&mut self, start: usize, style: StructureStyle, hole: bool, inside: Inside) -> Flow {
        self.indented_by_tab(start);
        if self.stack.len() >= MAX_DEPTH {
            self.faults.too_deep(start);
            return Flow::Abandon;
        }
        let in_key = matches!(
            self.stack.last(),
            Some(Frame {
                inside: Inside::Map(_, Key::Awaited),
                ..
            })
        );
        let quiet = self.is_quiet() || in_key;
        let flow = matches!(style, StructureStyle::Flow);
        self.stack.push(Frame {
            start,
            flow,
            quiet,
            hole,
            inside,
        });
        Flow::On
    }

    fn close(&mut self, end: usize) -> Flow {
        let Some(frame) = self.stack.pop() else {
            return Flow::Abandon;
        };
        let (value, last) = match frame.inside {
            Inside::List(items) => {
                let last = items.last().map(|item| item.span.end);
                (Value::List(items), last)
            }
            Inside::Map(entries, _) => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.key.span.end));
                let entries = if frame.quiet {
                    entries
                } else {
                    self.faults.duplicates(entries)
                };
                (Value::Map(entries), last)
            }
        };
        // A block collection ends, for the parser, where the next token starts: too far for a reader's eye.
        let end = match last {
            Some(last) if !frame.flow => last as usize,
            _ => end,
        };
        let span = self.faults.span(frame.start, end);
        let value = if frame.hole { Value::Hole } else { value };
        self.node(Node { span, value })
    }

    /// Ends the current document, whole or broken.
    fn close_document(&mut self, broken: bool) {
        let opened = self.opened.take();
        let mut stack = std::mem::take(&mut self.stack);
        let root = self.root.take();
        if !broken && (self.empty || root.is_none()) {
            return;
        }
        let (start, explicit) = opened.unwrap_or((self.cursor, false));
        let before_break = if stack.is_empty() {
            Vec::new()
        } else {
            match stack.swap_remove(0).inside {
                Inside::Map(entries, _) => entries,
                Inside::List(_) => Vec::new(),
            }
        };
        let root = match root {
            Some(root) if !broken => root,
            _ => Node {
                span: self.faults.span(start, self.cursor.max(start)),
                value: Value::Hole,
            },
        };
        let span = Span {
            start: if explicit {
                self.faults.offset(start)
            } else {
                root.span.start
            },
            ..root.span
        };
        self.documents.push(YamlDocument {
            root,
            span,
            pragmas: Vec::new(),
            comments: Vec::new(),
            before_break,
        });
    }

    fn tagged_collection(&mut self, tagged: bool, (start, end): (usize, usize)) {
        if tagged && !self.is_quiet() {
            self.faults.tag(start, end, end);
        }
    }

    fn is_quiet(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.quiet)
    }

    fn key_refused(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                inside: Inside::Map(_, Key::Refused),
                ..
            })
        )
    }

    /// From the `|` or `>` to the end of the last line that holds text.
    fn block_extent(&self, style: Style, start: usize, end: usize) -> (usize, usize) {
        let sign = if style == Style::Literal { b'|' } else { b'>' };
        let mut header = start;
        let mut at = self.cursor;
        let source = self.text.as_bytes();
        while let Some(byte) = source.get(at).filter(|_| at < start) {
            if *byte == sign {
                header = at;
                break;
            }
            if *byte == b'#' {
                at += source
                    .get(at..)
                    .map_or(1, |rest| rest.iter().take_while(|b| **b != b'\n').count());
            } else {
                at += 1;
            }
        }
        let written = self.text.get(header..end).unwrap_or_default();
        let filled = written.trim_end().len();
        let rest = written.get(filled..).unwrap_or_default();
        // Spaces behind the last words are text, spaces on a line of their own are not.
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        (header, header + filled + spaces)
    }

    /// A list without an indentation of its own starts, for the parser, at its first item: take the dash instead.
    fn dash_before(&self, start: usize) -> usize {
        if self.text.get(start..).is_some_and(|rest| rest.starts_with('-')) {
            return start;
        }
        let before = self.text.get(self.cursor.min(start)..start).unwrap_or_default();
        before.rfind('-').map_or(start, |dash| self.cursor.min(start) + dash)
    }

    fn opens_line(&self, at: usize) -> bool {
        self.line_before(at).trim_start_matches('\u{feff}').trim().is_empty()
    }

    fn line_before(&self, at: usize) -> &str {
        let before = self.text.get(..at).unwrap_or_default();
        before
            .rfind('\n')
            .and_then(|newline| before.get(newline + 1..))
            .unwrap_or(before)
    }

    /// YAML forbids tabs in indentation, the parser lets some pass, and other readers take them otherwise.
    fn indented_by_tab(&mut self, start: usize) {
        let before = self.line_before(start);
        if before.contains('\t') && before.chars().all(|c| matches!(c, ' ' | '\t' | '-' | '?' | ':')) {
            let line = start - before.len();
            self.faults.tab(line, start);
        }
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.block_scalar_eof_without_line_feed = true;
    options.emit_unresolved_aliases = true;
    options.emit_anchor_events = true;
    options.max_buffered_comment_events = MAX_COMMENTS_IN_A_ROW;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options
}

/// The parser reads from a `&str` and so knows every byte offset; zero would only ever point at the file's start.
fn bytes(mark: &Mark) -> (usize, usize) {
    mark.byte_range().map_or((0, 0), |range| (range.start, range.end))
}
