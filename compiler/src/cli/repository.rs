//! A path and a revision become a [`SourceTree`]: which reader takes them, and what to say where none does.

use std::path::Path;

use super::Failure;
use crate::diag::Sink;
use crate::source::{ReadError, SourceTree, read_folder, read_git};

/// The work tree as it is, or a revision.
pub(super) fn read(path: &Path, revision: Option<&str>) -> Result<(SourceTree, Sink), Failure> {
    let mut sink = Sink::default();
    let tree = match revision {
        Some(_) => read_git(path, revision, &mut sink),
        None => read_folder(path, &mut sink),
    };
    tree.map(|tree| (tree, sink)).map_err(|error| failure(&error))
}

/// A commit: the revision, else `HEAD`. With `or_folder` a folder that no commit holds is read as it is.
pub(super) fn read_commit(path: &Path, revision: Option<&str>, or_folder: bool) -> Result<(SourceTree, Sink), Failure> {
    let mut sink = Sink::default();
    match read_git(path, revision, &mut sink) {
        Ok(tree) => Ok((tree, sink)),
        Err(error) if or_folder && revision.is_none() && in_no_commit(&error) => read(path, None),
        Err(error @ ReadError::NotARepository { .. }) if !or_folder => {
            Err(failure(&error).with_help("`--unattested` takes a folder as it is, for a developer's machine"))
        }
        Err(error) => Err(failure(&error)),
    }
}

/// Whether there is no commit that could be meant, as opposed to one that cannot be trusted.
fn in_no_commit(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::NotARepository { .. } | ReadError::NotInCommit { .. } | ReadError::UnknownRevision { .. }
    )
}

fn failure(error: &ReadError) -> Failure {
    Failure::environment(error.to_string())
}
