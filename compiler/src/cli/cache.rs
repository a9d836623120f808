//! Where what was found out lies between two runs: below `.git/`, so that it is of this clone alone.
//!
//! It only spares time. A file that is not there, cannot be read or cannot be written is no error, and what verifies a
//! history for a bundle has no way to it.

pub(super) mod sides;

use std::path::{Path, PathBuf};

use super::files;
use crate::source::is_own;
use crate::trail::history::History;
use crate::trail::ledger::Memo;

/// A record of a step takes half a kilobyte: half a million steps.
const LARGEST: u64 = 256 << 20;

/// The file of this compiler.
pub(super) fn place(history: &History) -> PathBuf {
    let name = format!("ledger-{}.json", env!("CARGO_PKG_VERSION"));
    history.git_folder().join("polity").join(name)
}

pub(super) fn read(place: &Path) -> Memo {
    let bytes = plain(place, LARGEST);
    bytes.map(|bytes| Memo::from_bytes(&bytes)).unwrap_or_default()
}

pub(super) fn write(place: &Path, memo: &Memo) {
    if !memo.has_grown() {
        return;
    }
    if place.parent().is_some_and(made) {
        // A clone that cannot be written to is asked as well as any other.
        let _ = files::write_atomically(place, "the ledger", &memo.to_bytes());
    }
}

/// The bytes of a file in a folder of the user's own.
fn plain(place: &Path, largest: u64) -> Option<Vec<u8>> {
    // Whatever is no plain file may never end, and what a link leads to is not ours.
    let is_plain = std::fs::symlink_metadata(place).is_ok_and(|found| found.is_file());
    let trusted = is_plain && place.parent().is_some_and(is_folder);
    trusted.then(|| files::read(place, "it", largest).ok()).flatten()
}

/// Whether there is such a folder of the user's own now.
fn made(folder: &Path) -> bool {
    // It is there, or it cannot be made: which, is told by looking.
    let _ = std::fs::create_dir(folder);
    is_folder(folder)
}

/// A link may lead to where somebody else writes, and a folder of somebody else's is written by them.
fn is_folder(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) && is_own(folder)
}
