//! Whether a tree is what merging two trees comes to: the trees of a base, of both sides and of a merge in, yes or
//! not surely out.
//!
//! File by file, and line by line where both sides changed one. It sees the four trees and nothing of the clone: not
//! its index, not what `.gitattributes` says there, not how it is configured. Files that were renamed are not followed.

use gix::diff::blob::{Algorithm, InternedInput};
use gix::merge::blob::Resolution;
use gix::merge::blob::builtin_driver::text::{Conflict, Labels, Merge};
use gix::objs::tree::EntryKind;

use super::History;
use super::folder::Entry;
use crate::source::{MAX_FILE_BYTES, ReadError};

/// Those of a base, of ours, of theirs and of the merge.
type Four = [Option<Entry>; 4];

/// Git merges by the second; what was merged by the first reads the same almost everywhere.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Myers, Algorithm::Histogram];

impl History {
    /// Whether each file of the merge is what the side has that changed it, or both sides' changes together.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says, or is malformed.
    pub(super) fn comes_of(&self, trees: Four) -> Result<bool, ReadError> {
        let mut open = vec![trees];
        let mut looked_at = 0_usize;
        while let Some(four) = open.pop() {
            looked_at += 1;
            if looked_at > super::MOST_CHANGES {
                return Ok(false);
            }
            let folder = |entry: Option<Entry>| match entry {
                Some((mode, id)) if mode.is_tree() => self.folder(id),
                _ => Ok(Default::default()),
            };
            let [base, ours, theirs, merged] = [folder(four[0])?, folder(four[1])?, folder(four[2])?, folder(four[3])?];
            // Whatever neither side changed must stand in the merge as it did.
            let mut names: Vec<&[u8]> = Vec::new();
            for other in [&ours, &theirs, &merged] {
                names.extend(base.differing(other).into_iter().map(|(name, ..)| name));
            }
            names.sort_unstable();
            names.dedup();
            for name in names {
                let four = [&base, &ours, &theirs, &merged].map(|folder| folder.get(name));
                match settled(four) {
                    Some(true) => {}
                    Some(false) => return Ok(false),
                    None if four.iter().flatten().all(|(mode, _)| mode.is_tree()) => open.push(four),
                    None => {
                        if !self.is_merged_text(four)? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }

    /// Whether both sides changed the lines of one file, nowhere the same ones, and the merge has both.
    fn is_merged_text(&self, four: Four) -> Result<bool, ReadError> {
        let [Some(base), Some(ours), Some(theirs), Some(merged)] = four else {
            return Ok(false);
        };
        let file = |kind| matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable);
        let all = [base, ours, theirs, merged];
        if !all.iter().all(|(mode, _)| file(mode.kind())) {
            return Ok(false);
        }
        let mode = if ours.0 == base.0 { theirs.0 } else { ours.0 };
        if mode != merged.0 {
            return Ok(false);
        }
        let mut texts = Vec::new();
        for (_, id) in all {
            match self.blob_within(id, MAX_FILE_BYTES)? {
                Some(text) if !text.contains(&0) => texts.push(text),
                _ => return Ok(false),
            }
        }
        let [base, ours, theirs, merged] = texts.as_slice() else {
            return Ok(false);
        };
        let comes = |algorithm| {
            let mut out = Vec::new();
            let mut input = InternedInput::default();
            let merge = Merge::new(&mut input, ours, base, theirs, algorithm);
            let how = merge.run(&mut out, Labels::default(), Conflict::default());
            how == Resolution::Complete && out == *merged
        };
        Ok(ALGORITHMS.into_iter().any(comes))
    }
}

/// Whether the merge has what it must, where no two sides have to be put together; `None` where they have.
fn settled([base, ours, theirs, merged]: Four) -> Option<bool> {
    match () {
        () if ours == theirs => Some(merged == ours),
        () if base == ours => Some(merged == theirs),
        () if base == theirs => Some(merged == ours),
        () => None,
    }
}
