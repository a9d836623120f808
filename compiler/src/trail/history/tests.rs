//! Histories that cross, compared with what is plain: sets of ancestors, and gix merging everything anew.

use std::collections::{BTreeMap, BTreeSet};

use gix::merge::tree::TreatAsUnresolved;
use gix::objs::Write as _;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, Repository};

use super::History;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

type Files = BTreeMap<&'static str, Vec<String>>;

/// A repository whose branches edit files and merge each other.
struct Branches {
    _folder: tempfile::TempDir,
    repository: Repository,
    /// The last commit of each.
    heads: Vec<ObjectId>,
    /// Every merge.
    merges: Vec<ObjectId>,
    made: i64,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Branches {
    fn new(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = gix::init(folder.path()).unwrap();
        let mut branches = Self {
            _folder: folder,
            repository,
            heads: Vec::new(),
            merges: Vec::new(),
            made: 0,
        };
        let lines: Vec<String> = (0..8).map(|line| format!("line {line}")).collect();
        let tree = branches.tree(&NAMES.into_iter().map(|name| (name, lines.clone())).collect());
        let root = branches.commit(tree, &[], 0);
        branches.heads = vec![root; count];
        branches
    }

    fn tree(&self, files: &Files) -> ObjectId {
        let mut editor = self.repository.edit_tree(self.repository.empty_tree().id).unwrap();
        for (name, lines) in files {
            let blob = self.repository.write_blob(lines.join("\n") + "\n").unwrap().detach();
            editor.upsert(*name, EntryKind::Blob, blob).unwrap();
        }
        editor.write().unwrap().detach()
    }

    fn files(&self, commit: ObjectId) -> Files {
        let tree = self.repository.find_commit(commit).unwrap().tree().unwrap();
        let read = |name: &'static str| {
            let entry = tree.lookup_entry_by_path(name).unwrap()?;
            let text = String::from_utf8(entry.object().unwrap().data.clone()).unwrap();
            Some((name, text.lines().map(str::to_owned).collect()))
        };
        NAMES.into_iter().chain(["d"]).filter_map(read).collect()
    }

    /// A commit, a minute after the last one but for so many.
    fn commit(&mut self, tree: ObjectId, parents: &[ObjectId], back: i64) -> ObjectId {
        self.made += 1;
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let typed = format!("t <t@t.example> {} +0000", 1_790_000_000 + (self.made - back) * 60);
        let bytes = format!(
            "tree {tree}\n{parents}author {typed}\ncommitter {typed}\n\n{}\n",
            self.made
        );
        self.repository
            .objects
            .write_buf(gix::objs::Kind::Commit, bytes.as_bytes())
            .unwrap()
    }

    /// Changes a line of a file, or now and then renames or removes one.
    fn edit(&mut self, branch: usize, dice: &mut Dice, back: i64) {
        let head = self.heads[branch];
        let mut files = self.files(head);
        let name = NAMES[dice.below(3) as usize];
        let text = format!("{} by {branch}", dice.below(3));
        match (dice.below(24), files.get_mut(name)) {
            (0, Some(_)) => drop(files.remove(name)),
            (1, Some(lines)) if name == "c" => {
                let lines = lines.clone();
                files.remove(name);
                files.insert("d", lines);
            }
            (_, Some(lines)) => {
                let at = dice.below(lines.len() as u64) as usize;
                lines[at] = text;
            }
            (_, None) => drop(files.insert(name, vec![text])),
        }
        let tree = self.tree(&files);
        self.heads[branch] = self.commit(tree, &[head], back);
    }

    /// What gix makes of merging two commits, conflicts and all, and whether there were any.
    fn merged(&self, ours: ObjectId, theirs: ObjectId) -> Option<(ObjectId, bool)> {
        let options = self.repository.tree_merge_options().unwrap();
        let merged = self
            .repository
            .merge_commits(ours, theirs, Default::default(), options.into());
        let mut merged = merged.ok()?;
        let conflicts = merged.tree_merge.has_unresolved_conflicts(TreatAsUnresolved::git());
        Some((merged.tree_merge.tree.write().unwrap().detach(), conflicts))
    }

    /// Merges one branch, as it was, into another: as git would, or where that conflicts by taking one side.
    fn merge(&mut self, branch: usize, other: ObjectId, dice: &mut Dice, back: i64) {
        let head = self.heads[branch];
        let tree = match self.merged(head, other) {
            Some((tree, false)) if dice.below(8) > 0 => tree,
            _ => {
                let side = if dice.below(2) == 0 { head } else { other };
                self.tree(&self.files(side))
            }
        };
        self.heads[branch] = self.commit(tree, &[head, other], back);
        self.merges.push(self.heads[branch]);
    }

    /// So many rounds in which all edit and all merge each other.
    fn rounds(&mut self, rounds: usize, dice: &mut Dice, back: &mut dyn FnMut(&mut Dice) -> i64) {
        for _ in 0..rounds {
            for branch in 0..self.heads.len() {
                let date = back(dice);
                self.edit(branch, dice, date);
            }
            let others = self.heads.clone();
            for branch in 0..others.len() {
                for (at, other) in others.iter().enumerate() {
                    if at != branch && dice.below(6) > 0 {
                        let date = back(dice);
                        self.merge(branch, *other, dice, date);
                    }
                }
            }
        }
    }

    fn history(&self) -> History {
        History::open(self.repository.path(), &self.heads[0].to_string())
            .unwrap()
            .0
    }

    /// Whether gix makes of a merge's parents what it is, everything merged anew.
    fn is_plainly_mechanical(&self, history: &History, merge: ObjectId) -> bool {
        let merge = history.commit(merge).unwrap();
        let [ours, theirs] = merge.parents.as_slice() else {
            return false;
        };
        self.merged(*ours, *theirs) == Some((merge.tree, false))
    }

    fn ancestors(history: &History, id: ObjectId) -> BTreeSet<ObjectId> {
        let mut all = BTreeSet::new();
        history.brought(id, &mut all).unwrap();
        all
    }
}

#[test]
fn bases_are_what_sets_of_ancestors_say() {
    let mut several = 0;
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let mut branches = Branches::new(2 + seed as usize % 3);
        branches.rounds(4, &mut dice, &mut |dice| dice.below(40) as i64);
        let history = branches.history();
        for merge in &branches.merges {
            let parents = history.commit(*merge).unwrap().parents.clone();
            let of = |id: ObjectId| Branches::ancestors(&history, id);
            let both: BTreeSet<ObjectId> = of(parents[0]).intersection(&of(parents[1])).copied().collect();
            let newest = both.iter().filter(|id| {
                let newer = |other: &ObjectId| other != *id && of(*other).contains(*id);
                !both.iter().any(newer)
            });
            let newest: BTreeSet<ObjectId> = newest.copied().collect();
            assert_eq!(history.bases(&parents[..1], parents[1]).unwrap(), newest);
            several += usize::from(newest.len() > 1);
        }
    }
    assert!(several > 10, "{several}");
}

#[test]
fn a_merge_is_mechanical_if_merging_everything_anew_says_so() {
    // Merges of several bases by what they are, and how many were called mechanical.
    let (mut crossed, mut mechanical) = (0, 0);
    for seed in 0..10 {
        let mut dice = Dice(seed);
        let mut branches = Branches::new(2 + usize::from(seed % 4 == 3));
        branches.rounds(5, &mut dice, &mut |_| 0);
        let history = branches.history();
        for merge in branches.merges.iter().rev() {
            let commit = history.commit(*merge).unwrap();
            let is = history.is_mechanical(&commit);
            assert_eq!(is, branches.is_plainly_mechanical(&history, *merge), "{seed}: {merge}");
            if history.bases(&commit.parents[..1], commit.parents[1]).unwrap().len() > 1 {
                crossed += 1;
                mechanical += usize::from(is);
            }
        }
    }
    assert!(
        mechanical > 20 && crossed > mechanical + 20,
        "{mechanical} of {crossed}"
    );
}

#[test]
fn where_dates_tell_nothing_no_more_is_mechanical() {
    let mut mechanical = 0;
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let mut branches = Branches::new(2);
        // Some at the same moment, some before what they follow.
        branches.rounds(3, &mut dice, &mut |dice| dice.below(6) as i64);
        let history = branches.history();
        for merge in &branches.merges {
            if history.is_mechanical(&history.commit(*merge).unwrap()) {
                mechanical += 1;
                assert!(branches.is_plainly_mechanical(&history, *merge), "{seed}: {merge}");
            }
        }
    }
    assert!(mechanical > 20, "{mechanical}");
}

/// Both sides wrote the same line, and each kept its own in the merge. What merging them once more comes to depends on
/// which base is first.
#[test]
fn of_two_bases_in_conflict_the_older_is_first_where_dates_say_which_it_is() {
    // Of the other side's edit: at the same moment, before what it follows, and after ours.
    for (back, is) in [(1, false), (3, false), (0, true)] {
        let mut branches = Branches::new(2);
        for branch in 0..2 {
            let mut files = branches.files(branches.heads[branch]);
            files.get_mut("a").unwrap()[0] = format!("by {branch}");
            let tree = branches.tree(&files);
            let head = branches.heads[branch];
            branches.heads[branch] = branches.commit(tree, &[head], if branch == 1 { back } else { 0 });
        }
        let edited = branches.heads.clone();
        for (branch, other) in [(0, 1), (1, 0)] {
            let tree = branches.tree(&branches.files(edited[branch]));
            branches.heads[branch] = branches.commit(tree, &[edited[branch], edited[other]], 0);
        }
        let sides = branches.heads.clone();
        let either = sides.clone().into_iter().map(|side| {
            let tree = branches.tree(&branches.files(side));
            branches.commit(tree, &sides, 0)
        });
        let either: Vec<ObjectId> = either.collect();
        branches.heads[0] = either[0];
        let history = branches.history();
        assert_eq!(history.bases(&sides[..1], sides[1]).unwrap().len(), 2);
        let mechanical = either
            .iter()
            .map(|merge| history.is_mechanical(&history.commit(*merge).unwrap()));
        assert_eq!(mechanical.collect::<Vec<_>>(), [false, is], "{back}");
    }
}

#[test]
fn each_crossing_is_merged_once_however_deep() {
    let rounds = 260;
    let mut dice = Dice(1);
    let mut branches = Branches::new(2);
    for _ in 0..rounds {
        for (branch, name) in NAMES.into_iter().enumerate().take(2) {
            let head = branches.heads[branch];
            let mut files = branches.files(head);
            files.get_mut(name).unwrap()[0] = dice.below(1_000_000).to_string();
            let tree = branches.tree(&files);
            branches.heads[branch] = branches.commit(tree, &[head], 0);
        }
        let edited = branches.heads.clone();
        let mut files = branches.files(edited[0]);
        files.insert(NAMES[1], branches.files(edited[1])[NAMES[1]].clone());
        let tree = branches.tree(&files);
        for (branch, other) in [(0, 1), (1, 0)] {
            branches.heads[branch] = branches.commit(tree, &[edited[branch], edited[other]], 0);
            branches.merges.push(branches.heads[branch]);
        }
    }
    let history = branches.history();
    // The last one first: everything before it has to be known.
    for merge in branches.merges.iter().rev() {
        assert!(history.is_mechanical(&history.commit(*merge).unwrap()));
    }
    assert_eq!(history.crossed.borrow().len(), rounds - 1);
}
