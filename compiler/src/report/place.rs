//! A span as a person counts: path, line and column, both from 1, columns in characters.
//!
//! In: a tree and a span of it. Out: a [`Place`], and the lines it is on. A span that points outside its file is
//! drawn in to the nearest character: a wrong caret is better than a lost diagnostic.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::source::{FileId, SourceTree, Span};

/// Looks places up. Remembers where the lines of each file begin, so that many findings in one file cost little.
pub(crate) struct Places<'t> {
    tree: &'t SourceTree,
    known: BTreeMap<FileId, Lines<'t>>,
}

/// Where a span is.
pub(crate) struct Place<'t> {
    /// The file.
    pub(crate) path: &'t str,
    /// Its whole text.
    pub(crate) text: &'t str,
    /// The span's first character.
    pub(crate) start: Position,
    /// One past its last character.
    pub(crate) end: Position,
}

/// A character of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// Byte offset of the line's first character.
    pub(crate) line_start: usize,
    /// Byte offset of the character itself.
    pub(crate) offset: usize,
}

struct Lines<'t> {
    path: &'t str,
    text: &'t str,
    /// The byte offset of each line's first character.
    starts: Vec<usize>,
}

impl<'t> Places<'t> {
    /// Of this tree.
    pub(crate) fn new(tree: &'t SourceTree) -> Self {
        Self {
            tree,
            known: BTreeMap::new(),
        }
    }

    /// A path as forges know it, which know no organisation's root but the repository's.
    pub(crate) fn in_repository(&self, path: &str) -> String {
        self.tree.in_repository(path)
    }

    /// Where the span is; `None` where its file is not of this tree.
    pub(crate) fn of(&mut self, span: Span) -> Option<Place<'t>> {
        let lines = match self.known.entry(span.file) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let file = self.tree.file(span.file)?;
                let breaks = file.text.match_indices('\n').map(|(at, _)| at + 1);
                let starts = std::iter::once(0).chain(breaks).collect();
                entry.insert(Lines {
                    path: &file.path,
                    text: &file.text,
                    starts,
                })
            }
        };
        let start = lines.position(span.start as usize);
        let end = lines.position((span.end as usize).max(start.offset));
        Some(Place {
            path: lines.path,
            text: lines.text,
            start,
            end,
        })
    }
}

impl Lines<'_> {
    fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let line_start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(line_start..offset).unwrap_or("");
        Position {
            line,
            column: before.chars().count() + 1,
            line_start,
            offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, start: u32, end: u32) -> [(usize, usize); 2] {
        let tree = SourceTree::from_files(vec![("a.yaml".to_owned(), text.to_owned())]);
        let place = Places::new(&tree)
            .of(Span {
                file: FileId(0),
                start,
                end,
            })
            .unwrap();
        [place.start, place.end].map(|position| (position.line, position.column))
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        assert_eq!(at("abc\nde\n", 0, 1), [(1, 1), (1, 2)]);
        assert_eq!(at("abc\nde\n", 5, 6), [(2, 2), (2, 3)]);
        assert_eq!(at("é: ü\r\nx", 4, 6), [(1, 4), (1, 5)]);
        assert_eq!(at("abc\nde\n", 7, 7), [(3, 1), (3, 1)]);
    }

    #[test]
    fn a_span_outside_its_file_is_drawn_in() {
        assert_eq!(at("abc", 90, 95), [(1, 4), (1, 4)]);
        assert_eq!(at("é", 1, 2), [(1, 1), (1, 2)]);
        assert_eq!(at("", 0, 0), [(1, 1), (1, 1)]);
        assert_eq!(at("abc", 2, 1), [(1, 3), (1, 3)]);
    }

    #[test]
    fn a_file_of_another_tree_has_no_place() {
        let tree = SourceTree::from_files(Vec::new());
        assert!(
            Places::new(&tree)
                .of(Span {
                    file: FileId(0),
                    start: 0,
                    end: 0
                })
                .is_none()
        );
    }
}
