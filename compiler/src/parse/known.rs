//! What was read of files, kept for the next tree in which they stand.
//!
//! In: a file and how to read it. Out: what comes of reading it, by what was kept where path and text are the same.
//! Nothing is known by its path alone.

use std::sync::{Arc, Mutex, PoisonError};

use super::Parsed;
use crate::diag::{Diagnostic, Sink};
use crate::source::{FileId, SourceFile};
use crate::table::hash::HashMap;

/// How many texts of one file are kept. Two revisions are compared at a time, and a change is sometimes taken back;
/// picked by gut feeling.
const MOST_TEXTS: usize = 4;

/// Files that were read.
#[derive(Debug, Default)]
pub struct KnownFiles {
    /// The latest text last.
    files: Mutex<HashMap<FileId, Vec<Version>>>,
}

/// One text of a file.
#[derive(Debug)]
struct Version {
    path: String,
    text: String,
    read: Arc<Read>,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) parsed: Parsed,
    pub(super) found: Vec<Diagnostic>,
}

impl KnownFiles {
    /// What reading a file gives. Spans hold the id, so a file that has another one is another file.
    pub(super) fn read(&self, id: FileId, file: &SourceFile, read: impl FnOnce() -> (Parsed, Sink)) -> Arc<Read> {
        let same = |version: &&Version| version.path == file.path && version.text == file.text;
        if let Some(versions) = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&id)
            && let Some(version) = versions.iter().find(same)
        {
            return Arc::clone(&version.read);
        }
        let (parsed, found) = read();
        let read = Arc::new(Read {
            parsed,
            found: found.into_diagnostics(),
        });
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = files.entry(id).or_default();
        if versions.len() >= MOST_TEXTS {
            versions.remove(0);
        }
        versions.push(Version {
            path: file.path.clone(),
            text: file.text.clone(),
            read: Arc::clone(&read),
        });
        read
    }
}
