//! Files keep their ids from one tree to the next, so that what was read of a file can be used where it stands again.
//!
//! In: trees of one repository, in any order. Out: the same trees, in which a path has the id that it had before. Ids
//! stay in the order of paths, so nothing that is sorted by them comes out otherwise.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{FileId, SourceTree};

impl FileId {
    /// The first id of what templates are filled in to; those of files are below.
    pub const EXPANSIONS: Self = Self(1 << 31);
}

/// The ids that paths were given so far.
#[derive(Debug, Default)]
pub struct FileIds {
    /// INVARIANT: ids rise with the paths.
    known: BTreeMap<String, FileId>,
}

impl FileIds {
    /// The tree, with the id for each path that it had in the trees before. Paths that are new get ids between those
    /// of their neighbours; where there is no room left, all start anew.
    pub fn align(&mut self, tree: &SourceTree) -> SourceTree {
        let paths = || tree.files().iter().map(|file| file.path.as_str());
        if !self.learn(paths()) {
            self.known.clear();
            self.learn(paths());
        }
        // Fewer files than ids were read, so each path has one by now.
        let ids = paths().filter_map(|path| self.known.get(path).copied());
        SourceTree {
            ids: Arc::new(ids.collect()),
            ..tree.clone()
        }
    }

    /// Gives every path an id. False where there is no room for one.
    fn learn<'p>(&mut self, paths: impl Iterator<Item = &'p str>) -> bool {
        let mut run: Vec<&str> = Vec::new();
        let mut room = true;
        for path in paths {
            if self.known.contains_key(path) {
                continue;
            }
            // What is known between the last new path and this one ends a run of neighbours.
            if let Some(last) = run.last()
                && self.between(last, path)
            {
                room &= self.spread(&run);
                run.clear();
            }
            run.push(path);
        }
        room && self.spread(&run)
    }

    fn between(&self, first: &str, second: &str) -> bool {
        let range = (Bound::Excluded(first), Bound::Excluded(second));
        self.known.range::<str, _>(range).next().is_some()
    }

    /// Spreads a run of new paths over the ids between its neighbours.
    fn spread(&mut self, run: &[&str]) -> bool {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return true;
        };
        let below = (Bound::Unbounded, Bound::Excluded(*first));
        let above = (Bound::Excluded(*last), Bound::Unbounded);
        let low = self
            .known
            .range::<str, _>(below)
            .next_back()
            .map_or(0, |(_, id)| u64::from(id.0) + 1);
        let high = self
            .known
            .range::<str, _>(above)
            .next()
            .map_or(FileId::EXPANSIONS, |(_, id)| *id);
        let step = u64::from(high.0).saturating_sub(low) / (run.len() as u64 + 1);
        if step == 0 {
            return false;
        }
        for (at, path) in (1..).zip(run) {
            // Below `high`, which has 31 bits.
            let id = u32::try_from(low + at * step).unwrap_or(u32::MAX);
            self.known.insert((*path).to_owned(), FileId(id));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[String]) -> SourceTree {
        SourceTree::from_files(paths.iter().map(|path| (path.clone(), path.clone())).collect())
    }

    fn ids(tree: &SourceTree) -> Vec<(String, FileId)> {
        let of = tree.identified().map(|(id, file)| (file.path.clone(), id));
        of.collect()
    }

    #[test]
    fn a_path_keeps_its_id_and_ids_stay_in_order() {
        let mut known = FileIds::default();
        let mut before: BTreeMap<String, FileId> = BTreeMap::new();
        for round in 0..60u32 {
            let paths: Vec<String> = (0..=round).map(|at| format!("{:02}", at * 37 % 61)).collect();
            let aligned = known.align(&tree(&paths));
            let now = ids(&aligned);
            assert_eq!(now.len(), paths.len());
            assert!(now.is_sorted_by(|(_, a), (_, b)| a < b), "{now:?}");
            for (path, id) in now {
                assert_eq!(*before.entry(path.clone()).or_insert(id), id, "{path}");
                assert_eq!(aligned.file(id).unwrap().text, path);
            }
        }
    }

    #[test]
    fn where_there_is_no_room_left_ids_start_anew_and_are_right() {
        let mut known = FileIds::default();
        let mut paths = vec!["a".to_owned(), "b".to_owned()];
        // Each stands before all that came after `a`, in half of what is left.
        for round in 0..80 {
            paths.push(format!("a{}", "0".repeat(100 - round)));
            let aligned = known.align(&tree(&paths));
            assert!(ids(&aligned).is_sorted_by(|(_, a), (_, b)| a < b));
            assert!(
                aligned
                    .identified()
                    .all(|(id, file)| aligned.file(id).unwrap().path == file.path)
            );
        }
    }
}
