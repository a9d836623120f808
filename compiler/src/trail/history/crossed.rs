//! Histories that cross: several merge bases in, the one tree that they come to out.
//!
//! Git merges the bases, for which it merges theirs, and so on down to the first crossing. Where two branches keep
//! merging each other, the next merge needs all of that again and one merge more. So it is kept by the bases, and
//! each crossing is merged once.

use std::collections::{BTreeSet, HashMap};

use gix::ObjectId;
use gix::merge::blob::builtin_driver::{binary, text};
use gix::merge::plumbing;
use gix::merge::tree::{Options, TreatAsUnresolved, TreeFavor, treat_as_unresolved};

use super::History;

/// How many crossings are merged. Each of two branches that merge each other is one, and leads to one more; three can be
/// made to lead to many, and nobody makes so many but to make others wait. A merge beyond them counts as written by
/// whoever signed it.
const MOST_CROSSINGS: usize = 50_000;

/// What bases come to, by the bases; nothing where that cannot be told.
pub(super) type Crossed = HashMap<BTreeSet<ObjectId>, Option<ObjectId>>;

/// What bases come to, as far as it is known.
enum Tree {
    Known(Option<ObjectId>),
    /// What these come to has to be known first.
    After(BTreeSet<ObjectId>),
}

impl History {
    /// The tree that several merge bases come to; nothing where there is none, or more than one could be meant.
    pub(super) fn crossed(&self, bases: &BTreeSet<ObjectId>) -> Option<ObjectId> {
        // As deep as the history crosses, which is as deep as somebody likes.
        let mut open = vec![bases.clone()];
        while let Some(bases) = open.last() {
            let mut tree = None;
            if !self.crossed.borrow().contains_key(bases) {
                if self.crossed.borrow().len() + open.len() > MOST_CROSSINGS {
                    return None;
                }
                match self.come_to(bases) {
                    Tree::After(before) => {
                        open.push(before);
                        continue;
                    }
                    Tree::Known(known) => tree = Some(known),
                }
            }
            if let (Some(bases), Some(tree)) = (open.pop(), tree) {
                self.crossed.borrow_mut().insert(bases, tree);
            }
        }
        self.crossed.borrow().get(bases).copied().flatten()
    }

    /// Where files conflict the first of two bases has its way, so it matters which is first: the older one, by dates.
    /// Where dates do not tell, both ways must come to the same.
    fn come_to(&self, bases: &BTreeSet<ObjectId>) -> Tree {
        let mut order = Vec::new();
        let mut told = true;
        for id in bases {
            let (Ok(commit), Ok(line)) = (self.commit(*id), self.line(*id)) else {
                return Tree::Known(None);
            };
            told &= line.orderly;
            order.push((commit.moment, *id));
        }
        order.sort_unstable();
        told &= order.is_sorted_by(|(one, _), (other, _)| one < other);
        let order: Vec<ObjectId> = order.into_iter().map(|(_, id)| id).collect();
        let one = self.in_turn(&order);
        match (one, order.as_slice()) {
            (Tree::Known(one), _) if told => Tree::Known(one),
            (Tree::Known(one), [first, second]) => match self.in_turn(&[*second, *first]) {
                Tree::Known(other) => Tree::Known(one.filter(|one| other == Some(*one))),
                after @ Tree::After(_) => after,
            },
            (Tree::Known(_), _) => Tree::Known(None),
            (after @ Tree::After(_), _) => after,
        }
    }

    /// Merges one after the other.
    fn in_turn(&self, order: &[ObjectId]) -> Tree {
        let tree = |id: ObjectId| self.commit(id).ok().map(|commit| commit.tree);
        let mut merged: Option<ObjectId> = None;
        for (at, next) in order.iter().enumerate() {
            let Some(theirs) = tree(*next) else {
                return Tree::Known(None);
            };
            let Some(ours) = merged else {
                merged = Some(theirs);
                continue;
            };
            let Ok(bases) = self.bases(order.get(..at).unwrap_or_default(), *next) else {
                return Tree::Known(None);
            };
            let base = match bases.first() {
                Some(only) if bases.len() == 1 => tree(*only),
                Some(_) => match self.crossed.borrow().get(&bases) {
                    Some(known) => *known,
                    None => return Tree::After(bases),
                },
                None => None,
            };
            let together = base.and_then(|base| self.merged_bases(base, ours, theirs));
            if together.is_none() {
                return Tree::Known(None);
            }
            merged = together;
        }
        Tree::Known(merged)
    }

    /// What two bases come to: as git does it, one side's where both changed the same, and what was before of files that
    /// cannot be put together.
    fn merged_bases(&self, base: ObjectId, ours: ObjectId, theirs: ObjectId) -> Option<ObjectId> {
        if !self.merges_quickly(base, ours, theirs) {
            return None;
        }
        let mut options = plumbing::tree::Options::from(self.memory.tree_merge_options().ok()?);
        options.blob_merge.is_virtual_ancestor = true;
        options.blob_merge.text.conflict = text::Conflict::ResolveWithOurs;
        options.blob_merge.resolve_binary_with = Some(binary::ResolveWith::Ancestor);
        options.symlink_conflicts = Some(binary::ResolveWith::Ancestor);
        let options = Options::from(options).with_tree_favor(Some(TreeFavor::Ancestor));
        let labels = text::Labels {
            current: Some("Temporary merge branch 1".into()),
            other: Some("Temporary merge branch 2".into()),
            ancestor: None,
        };
        let mut merged = self.memory.merge_trees(base, ours, theirs, labels, options).ok()?;
        let how = TreatAsUnresolved {
            content_merge: treat_as_unresolved::ContentMerge::Markers,
            tree_merge: treat_as_unresolved::TreeMerge::Undecidable,
        };
        if merged.has_unresolved_conflicts(how) {
            return None;
        }
        Some(merged.tree.write().ok()?.detach())
    }
}
