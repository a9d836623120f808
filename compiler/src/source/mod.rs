//! A git tree at a revision, or a folder, becomes a [`SourceTree`]: paths, bytes and where they came from.
//!
//! This is the last input before the bundle is written: no later step opens a file or a repository.

mod error;
mod expansion;
mod folder;
mod ids;
pub(crate) mod git;
mod lines;
mod select;
#[cfg(test)]
mod tests;

pub use error::ReadError;
pub use expansion::{Expansion, Piece, Translated};
pub use folder::{folder_root, read_folder};
pub use git::{Located, is_own, locate, read_git};
pub use ids::FileIds;
pub use lines::Position;
pub(crate) use select::EXTENSIONS;
pub use select::{
    MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_PATH_BYTES, MAX_TOTAL_BYTES, MAX_TREE_DEPTH, is_misleading,
};

use std::fmt;
use std::sync::Arc;

/// A file of a [`SourceTree`]. Ids are in the order of paths, and those of expansions come after those of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in one file. `start <= end`; both are offsets from the file's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Of what no file holds, such as a built-in ring.
    pub const NOWHERE: Self = Self {
        file: FileId(u32::MAX),
        start: 0,
        end: 0,
    };
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
    /// The same place, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: f(self.value),
            span: self.span,
        }
    }
}

/// One file as it was read. Everything here is UTF-8: what is not never gets in.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Relative to the tree's root, with `/` between segments and no leading `./`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The git blob's id in hexadecimal, where the tree came from git.
    pub blob: Option<String>,
}

/// Where a tree came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// A commit: full hexadecimal ids, and the length of its first-parent chain (1 for a root commit).
    Commit {
        /// The commit.
        id: String,
        /// Its tree.
        tree: String,
        /// How many commits its first-parent chain has.
        trunk_steps: u64,
    },
    /// A folder as it was found: never attested.
    Folder,
}

/// Every file that the compiler may look at, sorted by path, each path once.
#[derive(Debug, Clone)]
pub struct SourceTree {
    /// INVARIANT: sorted by path, each path once.
    files: Arc<Vec<SourceFile>>,
    /// INVARIANT: one for each file, rising, and below [`FileId::EXPANSIONS`].
    ids: Arc<Vec<FileId>>,
    /// INVARIANT: one for each file, of that file's text.
    lines: Arc<Vec<lines::Lines>>,
    /// What templates were filled in to. Their ids rise from [`FileId::EXPANSIONS`].
    expansions: Vec<Expansion>,
    revision: Revision,
    prefix: String,
}

impl SourceTree {
    /// A tree of these paths and texts, as a folder would give it. Of two texts at one path the first stays.
    pub fn from_files(files: Vec<(String, String)>) -> Self {
        let files = files
            .into_iter()
            .map(|(path, text)| SourceFile { path, text, blob: None });
        Self::new(files.collect(), Revision::Folder, String::new())
    }
    fn new(mut files: Vec<SourceFile>, revision: Revision, prefix: String) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|second, first| second.path == first.path);
        let lines = files.iter().map(|file| lines::Lines::of(&file.text)).collect();
        let ids = (0..FileId::EXPANSIONS.0).map(FileId).take(files.len()).collect();
        Self {
            files: Arc::new(files),
            ids: Arc::new(ids),
            lines: Arc::new(lines),
            expansions: Vec::new(),
            revision,
            prefix,
        }
    }
    /// All files, sorted by path.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }
    /// One file, or what a template was filled in to: that has the path of its use. An id that is not of this tree
    /// gives `None`.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        match self.expansion(id) {
            Some(expansion) => Some(&expansion.file),
            None => self.files.get(self.place(id)?),
        }
    }
    /// All files with their ids, sorted by path.
    pub fn identified(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.ids.iter().copied().zip(self.files.iter())
    }
    /// The file at a path.
    pub fn at_path(&self, path: &str) -> Option<(FileId, &SourceFile)> {
        let place = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some((*self.ids.get(place)?, self.files.get(place)?))
    }
    /// A file's place among all.
    fn place(&self, id: FileId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }
    /// Where the files came from.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
    /// Where in the repository, or the work tree, the organisation's root lies, without a slash at either end; empty at
    /// its own root and for a folder that is in none.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
    /// A path as the repository has it.
    pub fn in_repository(&self, path: &str) -> String {
        match self.prefix.as_str() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }
    /// Where a span starts and ends, as editors show it. `None` for a span that is not of this tree.
    pub fn position(&self, span: Span) -> Option<(Position, Position)> {
        let text = &self.file(span.file)?.text;
        let lines = match self.expansion(span.file) {
            Some(expansion) => &expansion.lines,
            None => self.lines.get(self.place(span.file)?)?,
        };
        Some((lines.position(text, span.start)?, lines.position(text, span.end)?))
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {}", self.0)
    }
}
