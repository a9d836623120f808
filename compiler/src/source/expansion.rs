//! What templates were filled in to, as files that no repository holds: their text, and where each part of it was
//! written. Nothing here knows how a template is filled in.

use super::{FileId, SourceFile, SourceTree, Span, lines::Lines};

/// A template, filled in by one use.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// The path of the use, which settles whose the documents are, and the text that came of it.
    pub(super) file: SourceFile,
    pub(super) lines: Lines,
    /// The template's file; `None` for a built-in one.
    template: Option<FileId>,
    name: String,
    /// Where the use is written.
    used: Span,
    pieces: Vec<Piece>,
}

/// A part of an expansion's text, and the part of the template's text that it came of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// In the expansion.
    pub start: u32,
    /// In the expansion; one past the last byte.
    pub end: u32,
    /// In the template's file.
    pub source_start: u32,
    /// In the template's file; one past the last byte.
    pub source_end: u32,
    /// The template's line, from 1.
    pub line: u32,
    /// Whether it is the value of an expression, as opposed to the template's own text.
    pub filled: bool,
}

/// Where a part of an expansion was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// In the template; in the use where the template is built in.
    pub span: Span,
    /// Where the template was used.
    pub used: Span,
    /// The template's name.
    pub template: String,
    /// Its line, where it is built in: no file of the repository shows it.
    pub built_in_line: Option<u32>,
    /// Whether the text stands in the template as it stands in the expansion.
    pub verbatim: bool,
}

impl Expansion {
    /// Of a template, filled in at `used` to `text`. The pieces are in the text's order and do not overlap.
    pub fn new(path: &str, text: String, name: &str, template: Option<FileId>, used: Span, pieces: Vec<Piece>) -> Self {
        Self {
            lines: Lines::of(&text),
            file: SourceFile {
                path: path.to_owned(),
                text,
                blob: None,
            },
            template,
            name: name.to_owned(),
            used,
            pieces,
        }
    }

    /// The use's path and the text.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    fn piece(&self, offset: u32) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        self.pieces.get(after.checked_sub(1)?)
    }

    fn translate(&self, span: Span) -> Translated {
        let first = self.piece(span.start);
        let last = self.piece(span.end.saturating_sub(1).max(span.start));
        let inner = |piece: &Piece, offset: u32| {
            let within = piece.source_start + offset.saturating_sub(piece.start);
            within.min(piece.source_end)
        };
        let start = first.map_or(0, |piece| {
            if piece.filled {
                piece.source_start
            } else {
                inner(piece, span.start)
            }
        });
        let end = last.map_or(0, |piece| {
            if piece.filled {
                piece.source_end
            } else {
                inner(piece, span.end)
            }
        });
        // The end of what a loop yields may come of an earlier part of the template than its start.
        let end = if end < start {
            first.map_or(start, |piece| piece.source_end)
        } else {
            end
        };
        Translated {
            span: match self.template {
                Some(file) => Span { file, start, end },
                None => self.used,
            },
            used: self.used,
            template: self.name.clone(),
            built_in_line: match self.template {
                Some(_) => None,
                None => Some(first.map_or(1, |piece| piece.line)),
            },
            verbatim: self.template.is_some() && first == last && first.is_some_and(|piece| !piece.filled),
        }
    }
}

impl SourceTree {
    /// The same tree with what its templates were filled in to. The first gets [`FileId::EXPANSIONS`].
    pub fn with_expansions(&self, expansions: Vec<Expansion>) -> Self {
        Self {
            expansions,
            ..self.clone()
        }
    }

    /// What its templates were filled in to, in the order of their ids.
    pub fn expansions(&self) -> &[Expansion] {
        &self.expansions
    }

    pub(super) fn expansion(&self, id: FileId) -> Option<&Expansion> {
        let at = id.0.checked_sub(FileId::EXPANSIONS.0)?;
        self.expansions.get(at as usize)
    }

    /// Where a part of an expansion was written; `None` for a span of a file.
    pub fn translate(&self, span: Span) -> Option<Translated> {
        Some(self.expansion(span.file)?.translate(span))
    }

    /// The span itself, or the use of the template that it came of.
    pub fn used_at(&self, span: Span) -> Span {
        self.expansion(span.file).map_or(span, |expansion| expansion.used)
    }
}
