//! Which files of a tree are read: paths, kinds and bytes in, a [`SourceTree`] and diagnostics out.
//!
//! The one set of rules for commits and folders. It opens nothing, and knows nothing of what a file says.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::{Revision, SourceFile, SourceTree};
use crate::diag::codes::source as codes;
use crate::diag::{Code, Diagnostic, Sink};

/// The largest file that is read, in bytes. Nobody reviews one of this size.
pub const MAX_FILE_BYTES: u64 = 4 << 20;
/// How many policy files a tree may have: two orders above the largest organisation thought of.
pub const MAX_FILES: usize = 100_000;
/// How many bytes all policy files may have together. They are held in memory, with their trees.
pub const MAX_TOTAL_BYTES: u64 = 256 << 20;
/// How many entries of any kind are looked at. A tree that contains itself many times over has no end.
pub const MAX_ENTRIES: usize = 1_000_000;
/// The longest path, in bytes; what Linux opens is four times as long.
pub const MAX_PATH_BYTES: usize = 1024;
/// How deeply folders may stand in each other; picked by gut feeling.
pub const MAX_TREE_DEPTH: usize = 64;

/// What the names of files that are read end in, after the last dot.
pub(crate) const EXTENSIONS: [&str; 5] = ["yaml", "yml", "cedar", "rego", "json"];
/// Names whose place in the tree means something, so that nothing may be taken for them.
const RESERVED: [&str; 3] = ["polity.yaml", "teams", "templates"];

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// Whether it leads to a regular file of the same tree.
    Link {
        to_file: bool,
    },
    Submodule,
    Special,
}

pub(super) struct Selection<'s> {
    sink: &'s mut Sink,
    files: Vec<SourceFile>,
    bytes: u64,
    entries: usize,
    /// Each path and folder as it would be on a machine that ignores case, and as it was first written.
    folded: BTreeMap<String, String>,
    full: bool,
}

impl<'s> Selection<'s> {
    pub(super) fn new(sink: &'s mut Sink) -> Self {
        let folded = RESERVED.map(|name| (name.to_owned(), name.to_owned())).into();
        Self {
            sink,
            files: Vec::new(),
            bytes: 0,
            entries: 0,
            folded,
            full: false,
        }
    }

    /// Counts an entry; false when the tree is larger than is read, and the walk must end.
    pub(super) fn count(&mut self) -> bool {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            self.too_large(format!("the tree has more than {MAX_ENTRIES} files and folders"));
        }
        !self.full
    }

    /// Whether to look into a folder whose path has so many segments.
    pub(super) fn enters(&mut self, path: &[u8], depth: usize) -> bool {
        if hidden(path) {
            return false;
        }
        if depth > MAX_TREE_DEPTH {
            let message = format!(
                "folders stand more than {MAX_TREE_DEPTH} deep in each other: `{}`",
                shown(path)
            );
            self.too_large(message);
            return false;
        }
        true
    }

    /// Whether a file is to be read; gives its path as text. What hides policy is reported.
    pub(super) fn wants(&mut self, path: &[u8], kind: Kind) -> Option<String> {
        let extension = extension(path);
        if hidden(path) {
            return None;
        }
        let policy = extension
            .as_deref()
            .is_some_and(|extension| EXTENSIONS.contains(&extension));
        match kind {
            Kind::Submodule => {
                let message = format!("`{}` is a submodule, and what it holds is not read", shown(path));
                self.report(
                    &codes::SUBMODULE_IN_TREE,
                    path,
                    message,
                    "copy what is needed into the repository, or move it into a dot-folder",
                );
                return None;
            }
            Kind::Link { to_file } => {
                if policy || !to_file {
                    let message = format!("`{}` is a symbolic link, and links are not followed", shown(path));
                    self.report(
                        &codes::SYMLINK_IN_TREE,
                        path,
                        message,
                        "put the file or folder itself here",
                    );
                }
                return None;
            }
            Kind::File | Kind::Special => {}
        }
        if !policy {
            if let Some(lower) = extension.map(|extension| extension.to_lowercase())
                && EXTENSIONS.contains(&lower.as_str())
            {
                let message = format!("`{}` is not read, because of the case of its extension", shown(path));
                self.report(
                    &codes::EXTENSION_CASE,
                    path,
                    message,
                    format!("end the name in `.{lower}`"),
                );
            }
            return None;
        }
        if kind == Kind::Special {
            let message = format!("`{}` is no regular file", shown(path));
            self.report(&codes::SPECIAL_FILE, path, message, "put a regular file here");
            return None;
        }
        let path = self.usable(path)?;
        if self.collides(&path) {
            return None;
        }
        if self.files.len() >= MAX_FILES {
            self.too_large(format!("the tree has more than {MAX_FILES} policy files"));
            return None;
        }
        Some(path)
    }

    /// Whether a file of this size may be read at all.
    pub(super) fn fits(&mut self, path: &str, size: u64) -> bool {
        if size > MAX_FILE_BYTES {
            let message = format!("`{path}` has {size} bytes; at most {MAX_FILE_BYTES} are read");
            self.report(
                &codes::FILE_TOO_LARGE,
                path.as_bytes(),
                message,
                "divide it into several files",
            );
            return false;
        }
        if self.bytes.saturating_add(size) > MAX_TOTAL_BYTES {
            self.too_large(format!(
                "the policy files have more than {MAX_TOTAL_BYTES} bytes together"
            ));
            return false;
        }
        true
    }

    /// Takes a file in. `bytes` may be longer than was said before it was read: it is looked at again.
    pub(super) fn add(&mut self, path: String, bytes: Vec<u8>, blob: Option<String>) {
        let size = bytes.len() as u64;
        if !self.fits(&path, size) {
            return;
        }
        self.bytes += size;
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push(SourceFile { path, text, blob }),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let message = format!("`{path}` is not UTF-8: byte {} belongs to no character", at + 1);
                self.report(&codes::NOT_UTF8, path.as_bytes(), message, "save it as UTF-8");
            }
        }
    }

    pub(super) fn finish(self, revision: Revision, prefix: String) -> SourceTree {
        SourceTree::new(self.files, revision, prefix)
    }

    fn usable(&mut self, path: &[u8]) -> Option<String> {
        let why = match std::str::from_utf8(path) {
            Err(_) => "is not UTF-8",
            Ok(_) if path.len() > MAX_PATH_BYTES => "is too long",
            Ok(path) if path.chars().any(char::is_control) => "holds a control character",
            Ok(path) if path.chars().any(is_misleading) => "holds a character that is not shown as it is",
            Ok(path) if path.contains('\\') => "holds a backslash, which some systems take for a separator",
            Ok(path) if path.split('/').any(|part| part.is_empty() || part == "..") => {
                "has a segment that names no file"
            }
            Ok(path) => return Some(path.to_owned()),
        };
        let message = format!("the path `{}` {why}", shown(path));
        self.report(&codes::BAD_PATH, path, message, "rename it");
        None
    }

    /// Whether the path, or a folder on its way, differs from another in nothing but case or normalisation.
    fn collides(&mut self, path: &str) -> bool {
        let first = path.split('/').next().unwrap_or(path);
        let plain: String = first
            .trim_matches([' ', '.'])
            .nfkc()
            .collect::<String>()
            .to_lowercase()
            .nfkc()
            .collect();
        if plain != first.nfc().collect::<String>().to_lowercase() && RESERVED.contains(&plain.as_str()) {
            let message = format!("`{first}` differs from `{plain}` only in blanks, dots or the width of its letters");
            let help = format!("call it `{plain}`, or something else");
            self.report(&codes::PATH_COLLISION, path.as_bytes(), message, help);
            return true;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let part = path.get(..end).unwrap_or(path);
            let folded: String = part.nfc().collect::<String>().to_lowercase().nfc().collect();
            match self.folded.get(&folded) {
                Some(first) if first != part => {
                    let message = format!("`{part}` differs from `{first}` only in case or Unicode normalisation");
                    self.report(
                        &codes::PATH_COLLISION,
                        path.as_bytes(),
                        message,
                        "rename one of them, so that no system takes the two for one",
                    );
                    return true;
                }
                Some(_) => {}
                None => {
                    self.folded.insert(folded, part.to_owned());
                }
            }
        }
        false
    }

    fn too_large(&mut self, message: String) {
        if !std::mem::replace(&mut self.full, true) {
            let help = "keep what is no policy in another repository or in a dot-folder";
            self.sink
                .push(Diagnostic::without_place(&codes::TREE_TOO_LARGE, message).with_help(help));
        }
    }

    fn report(&mut self, code: &'static Code, path: &[u8], message: impl Into<String>, help: impl Into<String>) {
        self.sink
            .push(Diagnostic::without_place(code, message).about(path).with_help(help));
    }
}

/// Whether a segment of the path begins with a dot.
fn hidden(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|part| part.starts_with(b"."))
}

fn extension(path: &[u8]) -> Option<String> {
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    std::str::from_utf8(name.get(dot + 1..)?).ok().map(str::to_owned)
}

/// Whether a character is not shown as it is.
pub fn is_misleading(found: char) -> bool {
    matches!(found, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A path as it may be printed: what is not printable is escaped.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path)
        .chars()
        .flat_map(|found| {
            let escaped = found.is_control() || is_misleading(found);
            let (plain, escape) = if escaped {
                (None, Some(found.escape_unicode()))
            } else {
                (Some(found), None)
            };
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect()
}
