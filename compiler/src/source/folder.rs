//! A folder as it is found on disk: paths in, a [`SourceTree`] out, never attested.
//!
//! Links are never followed, and each file is opened once: what was looked at is what is read.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::select::{Kind, MAX_FILE_BYTES, Selection};
use super::{ReadError, Revision, SourceTree};
use crate::diag::Sink;

/// Reads the organisation in a folder of the file system. Inside a work tree, the organisation's root is the
/// nearest folder, from this one up to the work tree's own, that holds `polity.yaml`.
///
/// # Errors
/// [`ReadError::Io`] when the folder, or something in it, cannot be read.
pub fn read_folder(path: &Path, sink: &mut Sink) -> Result<SourceTree, ReadError> {
    let given = folder(path)?;
    let root = organisation_root(&given);
    let mut selection = Selection::new(sink);
    let mut folders = vec![(root.clone(), Vec::new(), 0)];
    while let Some((folder, path, depth)) = folders.pop() {
        if !walk(&root, &folder, &path, depth, &mut folders, &mut selection)? {
            break;
        }
    }
    Ok(selection.finish(Revision::Folder, prefix(&root)))
}

/// Where a folder lies in the work tree that it is in, with `/` between segments; empty where it is in none.
fn prefix(root: &Path) -> String {
    let work_tree = root.ancestors().find(|folder| folder.join(".git").exists());
    let inside = work_tree.and_then(|work_tree| root.strip_prefix(work_tree).ok());
    let parts = inside.into_iter().flat_map(Path::components);
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    parts.unwrap_or_default().join("/")
}

/// Where the organisation lies that [`read_folder`] reads.
///
/// # Errors
/// [`ReadError::Io`] when there is no such folder.
pub fn folder_root(path: &Path) -> Result<PathBuf, ReadError> {
    Ok(organisation_root(&folder(path)?))
}

fn folder(path: &Path) -> Result<PathBuf, ReadError> {
    let given = fs::canonicalize(path).map_err(|error| ReadError::io(path, &error))?;
    if !given.is_dir() {
        return Err(ReadError::Io {
            path: path.to_owned(),
            message: "it is not a folder".to_owned(),
        });
    }
    Ok(given)
}

type Folder = (PathBuf, Vec<u8>, usize);

/// Looks at one folder; false when nothing more is to be read.
fn walk(
    root: &Path,
    folder: &Path,
    prefix: &[u8],
    depth: usize,
    folders: &mut Vec<Folder>,
    selection: &mut Selection<'_>,
) -> Result<bool, ReadError> {
    let fail = |error: std::io::Error| ReadError::io(folder, &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        if !selection.count() {
            return Ok(false);
        }
        entries.push(entry.map_err(fail)?);
    }
    if depth > 0 && entries.iter().any(|entry| entry.file_name() == ".git") {
        selection.wants(prefix, Kind::Submodule);
        return Ok(true);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let mut path = prefix.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(entry.file_name().as_encoded_bytes());
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            if selection.enters(&path, depth + 1) {
                folders.push((entry.path(), path, depth + 1));
            }
            continue;
        }
        let kind = if kind.is_symlink() {
            Kind::Link {
                to_file: leads_to_file(root, folder, &entry.path()),
            }
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Special
        };
        let Some(path) = selection.wants(&path, kind) else {
            continue;
        };
        let bytes = read_once(&entry.path()).map_err(|error| ReadError::io(&entry.path(), &error))?;
        match bytes {
            Read::Bytes(bytes) => selection.add(path, bytes, None),
            Read::TooLarge(size) => {
                selection.fits(&path, size);
            }
            Read::Replaced(kind) => {
                selection.wants(path.as_bytes(), kind);
            }
        }
    }
    Ok(true)
}

enum Read {
    Bytes(Vec<u8>),
    TooLarge(u64),
    /// Since the folder was listed, something else came to stand there.
    Replaced(Kind),
}

/// Opens a file once, and believes only what the open file says of itself.
fn read_once(path: &Path) -> std::io::Result<Read> {
    let listed = fs::symlink_metadata(path)?;
    if listed.file_type().is_symlink() {
        return Ok(Read::Replaced(Kind::Link { to_file: false }));
    }
    if !listed.is_file() {
        return Ok(Read::Replaced(Kind::Special));
    }
    let file = fs::File::open(path)?;
    let opened = file.metadata()?;
    if !same_file(&listed, &opened) {
        return Ok(Read::Replaced(Kind::Link { to_file: false }));
    }
    if opened.len() > MAX_FILE_BYTES {
        return Ok(Read::TooLarge(opened.len()));
    }
    let mut bytes = Vec::new();
    // One byte more than fits, so that a file that grew is found out.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(Read::Bytes(bytes))
}

#[cfg(unix)]
fn same_file(listed: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    listed.dev() == opened.dev() && listed.ino() == opened.ino() && opened.is_file()
}

#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}

/// Whether a link leads, through no other link, to a regular file below the root.
fn leads_to_file(root: &Path, folder: &Path, link: &Path) -> bool {
    let Ok(target) = fs::read_link(link) else { return false };
    let mut at = folder.to_owned();
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if at != root => {
                at.pop();
            }
            Component::Normal(name) => {
                at.push(name);
                if fs::symlink_metadata(&at).is_ok_and(|found| found.file_type().is_symlink()) {
                    return false;
                }
            }
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    fs::symlink_metadata(&at).is_ok_and(|found| found.is_file())
}

fn organisation_root(given: &Path) -> PathBuf {
    let mut candidate = None;
    for folder in given.ancestors() {
        if candidate.is_none() && folder.join("polity.yaml").is_file() {
            candidate = Some(folder.to_owned());
        }
        if folder.join(".git").exists() {
            return candidate.unwrap_or_else(|| given.to_owned());
        }
    }
    // In no work tree, a folder above has nothing to say about this one.
    given.to_owned()
}
