//! Where a ledger's [`Memo`] lies between two runs: below `.git/`, so that it is of this clone alone.
//!
//! It only spares time. A file that is not there, cannot be read or cannot be written is no error, and what verifies a
//! history for a bundle has no way to it.

use std::path::{Path, PathBuf};

use super::files;
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
    // Whatever is no plain file may never end.
    let plain = std::fs::symlink_metadata(place).is_ok_and(|found| found.is_file());
    let bytes = plain.then(|| files::read(place, "the ledger", LARGEST).ok()).flatten();
    bytes.map(|bytes| Memo::from_bytes(&bytes)).unwrap_or_default()
}

pub(super) fn write(place: &Path, memo: &Memo) {
    if !memo.has_grown() {
        return;
    }
    let Some(folder) = place.parent() else { return };
    if std::fs::create_dir(folder).is_ok() || folder.is_dir() {
        // A clone that cannot be written to is asked as well as any other.
        let _ = files::write_atomically(place, "the ledger", &memo.to_bytes());
    }
}
