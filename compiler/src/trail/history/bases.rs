//! Where two histories part: commits in, the newest ones that both have out. Dates have no say in it.

use std::collections::{BTreeSet, BinaryHeap, HashMap};

use gix::ObjectId;

use super::History;
use crate::source::ReadError;
use crate::trail::error::TrailError;

/// What is known of the lines of commits that lead to one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// How many commits the longest has: one more than that of any parent.
    generation: u32,
    /// Whether every date in them can be read.
    pub(super) dated: bool,
    /// Whether no commit in them claims to be older than a parent.
    pub(super) orderly: bool,
}

/// Of which sides a commit is an ancestor: those of the first, those of the other.
const BOTH: [bool; 2] = [true, true];

/// A commit that was met on the way down.
#[derive(Default, Clone, Copy)]
struct Met {
    sides: [bool; 2],
    /// Whether something newer that both sides have leads to it.
    older: bool,
}

/// Commits still to look at, those with the longest lines first: whatever leads to a commit is looked at before it.
#[derive(Default)]
struct Open {
    heap: BinaryHeap<(u32, ObjectId)>,
    met: HashMap<ObjectId, Met>,
    /// How many of them may still show a base, by side.
    left: [usize; 2],
}

impl Open {
    fn count(&mut self, met: Met, add: bool) {
        for (left, side) in self.left.iter_mut().zip(met.sides) {
            match (side && !met.older, add) {
                (true, true) => *left += 1,
                (true, false) => *left -= 1,
                (false, _) => {}
            }
        }
    }

    /// Learns of a commit what a child of it is.
    fn meet(&mut self, id: ObjectId, generation: u32, child: Met) {
        match self.met.get(&id).copied() {
            Some(before) => self.count(before, false),
            None => self.heap.push((generation, id)),
        }
        let met = self.met.entry(id).or_default();
        for (own, side) in met.sides.iter_mut().zip(child.sides) {
            *own |= side;
        }
        met.older |= child.older;
        let met = *met;
        self.count(met, true);
    }

    /// The next one; none where no base can follow.
    fn next(&mut self) -> Option<(ObjectId, Met)> {
        if self.left.contains(&0) {
            return None;
        }
        let (_, id) = self.heap.pop()?;
        let met = self.met.get(&id).copied()?;
        self.count(met, false);
        Some((id, met))
    }
}

impl History {
    /// The newest commit that both have, if it lies on the trunk of the first.
    ///
    /// # Errors
    /// Where there is none, or it does not lie there.
    pub fn fork(&self, trunk: ObjectId, branch: ObjectId) -> Result<ObjectId, TrailError> {
        let bases = self.bases(&[trunk], branch)?;
        let chain: HashMap<ObjectId, usize> = self.chain(trunk)?.into_iter().zip(0..).collect();
        match bases.iter().find(|base| !chain.contains_key(*base)) {
            Some(base) => Err(TrailError::ForkOffTrunk {
                commit: base.to_string(),
            }),
            None => {
                let newest = bases.into_iter().max_by_key(|base| chain.get(base).copied());
                newest.ok_or_else(|| TrailError::NoCommonCommit {
                    one: trunk.to_string(),
                    other: branch.to_string(),
                })
            }
        }
    }

    /// The commits that any of `ones` and the other have and that no other such commit has among its ancestors.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says, or one of the given is no commit.
    pub(super) fn bases(&self, ones: &[ObjectId], other: ObjectId) -> Result<BTreeSet<ObjectId>, ReadError> {
        let mut open = Open::default();
        let sides = ones.iter().map(|one| (*one, [true, false]));
        for (id, sides) in sides.chain([(other, [false, true])]) {
            self.commit(id)?;
            open.meet(id, self.line(id)?.generation, Met { sides, older: false });
        }
        let mut found = BTreeSet::new();
        while let Some((id, mut met)) = open.next() {
            if met.sides == BOTH && !met.older {
                found.insert(id);
                met.older = true;
            }
            for parent in self.parents(id)? {
                open.meet(parent, self.line(parent)?.generation, met);
            }
        }
        Ok(found)
    }

    /// The parents of a commit that stands behind another; of what is no commit there are none.
    fn parents(&self, id: ObjectId) -> Result<Vec<ObjectId>, ReadError> {
        let read = ReadError::unless_malformed(self.commit(id))?;
        Ok(read.map(|commit| commit.parents.clone()).unwrap_or_default())
    }

    /// What leads to a commit.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub(super) fn line(&self, id: ObjectId) -> Result<Line, ReadError> {
        let mut open = vec![id];
        let mut last = None;
        while let Some(id) = open.last().copied() {
            let known = self.lines.borrow().get(&id).copied();
            let line = match known {
                Some(known) => known,
                None => {
                    let parents = self.parents(id)?;
                    let unknown = parents
                        .iter()
                        .filter(|parent| !self.lines.borrow().contains_key(*parent));
                    let before = open.len();
                    open.extend(unknown.copied());
                    if open.len() > before {
                        continue;
                    }
                    let line = self.line_after(id, &parents)?;
                    self.lines.borrow_mut().insert(id, line);
                    line
                }
            };
            open.pop();
            last = Some(line);
        }
        last.ok_or_else(|| super::no_such_place(0))
    }

    /// The same, where it is known of the parents.
    fn line_after(&self, id: ObjectId, parents: &[ObjectId]) -> Result<Line, ReadError> {
        let moment = |id: ObjectId| {
            let read = ReadError::unless_malformed(self.commit(id))?;
            Ok::<_, ReadError>(read.and_then(|commit| commit.moment))
        };
        let own = moment(id)?;
        let mut line = Line {
            generation: 1,
            dated: own.is_some(),
            orderly: true,
        };
        for parent in parents {
            let Some(before) = self.lines.borrow().get(parent).copied() else {
                continue;
            };
            line.generation = line.generation.max(before.generation.saturating_add(1));
            line.dated &= before.dated;
            line.orderly &= before.orderly && moment(*parent)? <= own;
        }
        Ok(line)
    }
}
