//! Whether a merge's tree is what merging its parents comes to: a commit in, yes or not surely out.
//!
//! File by file, and line by line where both sides changed one, from the trees of a base, of both sides and of the merge
//! alone. That sees nothing of the clone: not its index, not what `.gitattributes` says there, not how it is configured.
//! Only what it cannot settle, since files were renamed or histories cross, is left to gix.

use std::collections::BTreeSet;

use gix::ObjectId;
use gix::diff::blob::{Algorithm, InternedInput};
use gix::merge::blob::Resolution;
use gix::merge::blob::builtin_driver::text::{Conflict, Labels, Merge};
use gix::merge::tree::TreatAsUnresolved;
use gix::objs::tree::EntryKind;

use super::folder::Entry;
use super::{Commit, History};
use crate::source::{MAX_FILE_BYTES, ReadError};

/// Those of a base, of ours, of theirs and of the merge.
type Four = [Option<Entry>; 4];

/// Git merges by the second; what was merged by the first reads the same almost everywhere.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Myers, Algorithm::Histogram];

impl History {
    /// Whether a merge's tree is what merging its two parents gives without a conflict: then whoever merged wrote
    /// nothing. Of no other commit it is true.
    pub fn is_mechanical(&self, commit: &Commit) -> bool {
        let [ours, theirs] = commit.parents.as_slice() else {
            return false;
        };
        let tree = |id: &ObjectId| self.commit(*id).ok().map(|commit| commit.tree);
        let (Ok(bases), Some(our_tree), Some(their_tree)) = (self.bases(&[*ours], *theirs), tree(ours), tree(theirs))
        else {
            return false;
        };
        let single = bases.first().filter(|_| bases.len() == 1);
        // Where one side did nothing the other is what comes of it, however its trees look.
        if single == Some(ours) {
            return their_tree == commit.tree;
        }
        if single == Some(theirs) {
            return our_tree == commit.tree;
        }
        // Gix gives up where it meets a date that it cannot read.
        let dated = [ours, theirs]
            .iter()
            .all(|id| self.line(**id).is_ok_and(|line| line.dated));
        let base = match single {
            Some(single) => tree(single),
            None if dated => self.crossed(&bases),
            None => None,
        };
        let Some(base) = base else { return false };
        if !self.merges_quickly(base, our_tree, their_tree) {
            return false;
        }
        let four = [base, our_tree, their_tree, commit.tree].map(|id| Some((EntryKind::Tree.into(), id)));
        if single.is_some() && self.comes_of(four).unwrap_or(false) {
            return true;
        }
        // A file that one side renamed, and histories that cross, are left to git's own way.
        let options = self.memory.tree_merge_options();
        let (true, Ok(options)) = (dated, options) else {
            return false;
        };
        let merged = self
            .memory
            .merge_trees(base, our_tree, their_tree, Labels::default(), options);
        let Ok(mut merged) = merged else { return false };
        if merged.has_unresolved_conflicts(TreatAsUnresolved::git()) {
            return false;
        }
        matches!(merged.tree.write(), Ok(tree) if tree.detach() == commit.tree)
    }

    /// Whether merging two trees ends soon: it walks whatever differs, and merges line by line what both sides changed,
    /// and has no bound of its own to either.
    pub(super) fn merges_quickly(&self, base: ObjectId, ours: ObjectId, theirs: ObjectId) -> bool {
        let changed = |side: ObjectId| self.changes(Some(base), side).ok();
        let (Some(ours_did), Some(theirs_did)) = (changed(ours), changed(theirs)) else {
            return false;
        };
        let paths: BTreeSet<&str> = ours_did.iter().map(|change| change.path.as_str()).collect();
        let both = theirs_did.iter().filter(|change| paths.contains(change.path.as_str()));
        let both: BTreeSet<&str> = both.map(|change| change.path.as_str()).collect();
        let mut of_both = ours_did
            .iter()
            .chain(&theirs_did)
            .filter(|change| both.contains(change.path.as_str()))
            .flat_map(|change| change.before.into_iter().chain(change.after));
        of_both.all(|(mode, id)| {
            let header = self.memory.find_header(id).ok();
            !mode.is_blob() || header.is_some_and(|header| header.size() <= MAX_FILE_BYTES)
        })
    }

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
