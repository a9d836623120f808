//! The trunk of a repository: an open repository in, commits, their parts and what changed between trees out.
//!
//! Every object is hashed anew when it is read, and parents are those that the commits themselves name: no replaced
//! object, graft, shallow boundary or commit-graph file has a say. It knows nothing of approvals.

mod bases;
mod commit;
mod crossed;
mod folder;
mod merge;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use gix::objs::tree::EntryMode;
use gix::{ObjectId, Repository};

use crate::diag::Sink;
use crate::source::{ReadError, SourceTree, git};
use bases::Line;
pub use commit::{Commit, Signed, Typed};
use crossed::Crossed;
use folder::{Folder, Trees};

/// Where approvals lie, below the organisation's root.
pub const APPROVALS: &str = ".polity/approvals";

/// A repository whose history is read, and where in it the organisation lies.
pub struct History {
    repository: Repository,
    /// The same, in which what merging writes stays in memory: nothing here may change the repository.
    memory: Repository,
    /// Below it everything is the organisation's; empty at the repository's root.
    prefix: String,
    /// Trees that were read, by id: the same folder stands in most commits.
    trees: RefCell<Trees>,
    /// Commits that were read, by id: the same one is asked for by each part of a verification.
    commits: RefCell<HashMap<ObjectId, Arc<Commit>>>,
    /// How long the lines are that lead to commits: each merge asks for its own.
    lines: RefCell<HashMap<ObjectId, Line>>,
    /// What merge bases come to, where there are several: those of the next merge lead to the same.
    crossed: RefCell<Crossed>,
}

/// Files by name, with what stands there after.
pub type FilesBetween = Vec<(String, Option<ObjectId>)>;

/// How many files and folders may differ between two trees: twice as many as policy files may stand in one, and more.
const MOST_CHANGES: usize = 250_000;

/// How many trees in a row a report looks past that nobody can read; nobody makes so many but to make others wait.
const MOST_MALFORMED: usize = 8;

/// A path whose content differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From the repository's root; what is not UTF-8 is escaped.
    pub path: String,
    /// Mode and object before; absent where nothing stood there.
    pub before: Option<(EntryMode, ObjectId)>,
    /// And after.
    pub after: Option<(EntryMode, ObjectId)>,
}

impl History {
    /// Opens the repository at or around `path`; `revision` tells, with the path, where the organisation's root is.
    ///
    /// # Errors
    /// A repository that is shallow, grafted, foreign or broken, or has objects replaced, and a revision that names no
    /// commit.
    pub fn open(path: &Path, revision: &str) -> Result<(Self, ObjectId), ReadError> {
        let repository = git::open(path)?;
        let head = git::commit_of(&repository, revision)?;
        let inside = git::place_in_work_tree(&repository, path);
        let prefix = git::organisation_root(&repository, head, &inside)?;
        let history = Self {
            memory: repository.clone().with_object_memory(),
            repository,
            prefix,
            trees: RefCell::default(),
            commits: RefCell::default(),
            lines: RefCell::default(),
            crossed: RefCell::default(),
        };
        Ok((history, head))
    }

    /// The repository, for what writes into it.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The folder in which git keeps what all work trees share.
    pub fn git_folder(&self) -> &Path {
        self.repository.common_dir()
    }

    /// Where the organisation lies.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// Where it names none.
    pub fn commit_of(&self, revision: &str) -> Result<ObjectId, ReadError> {
        git::commit_of(&self.repository, revision)
    }

    /// The commit that a ref points to: the ref itself, or in a clone the one that follows it at `origin`.
    ///
    /// # Errors
    /// Where there is neither.
    pub fn tip(&self, reference: &str) -> Result<ObjectId, ReadError> {
        let here = self.exactly(reference);
        match (here, reference.strip_prefix("refs/heads/")) {
            (Err(ReadError::UnknownRevision { .. }), Some(branch)) => {
                self.exactly(&format!("refs/remotes/origin/{branch}"))
            }
            (here, _) => here,
        }
    }

    /// The commit of a ref of exactly this name. As a revision the name would be looked for below `refs/tags/` and
    /// `refs/heads/` as well, and whoever may push a branch could push one that is called like the trunk's ref.
    fn exactly(&self, reference: &str) -> Result<ObjectId, ReadError> {
        let unknown = |message: String| ReadError::UnknownRevision {
            revision: reference.to_owned(),
            message,
        };
        let found = self.repository.try_find_reference(reference);
        let found = found.map_err(|error| unknown(error.to_string()))?;
        let found = found.filter(|found| found.name().as_bstr() == reference);
        let mut found = found.ok_or_else(|| unknown("there is no ref of that name".to_owned()))?;
        let id = found.follow_to_object().map_err(|error| unknown(error.to_string()))?;
        self.commit_of(&id.detach().to_string())
    }

    /// The first-parent chain from the root to `head`, oldest first.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn chain(&self, head: ObjectId) -> Result<Vec<ObjectId>, ReadError> {
        let mut chain = vec![head];
        let mut at = head;
        while let Some(parent) = self.commit(at)?.parents.first() {
            chain.push(*parent);
            at = *parent;
        }
        chain.reverse();
        Ok(chain)
    }

    /// A commit.
    ///
    /// # Errors
    /// Where it is missing or is not what its id says.
    pub fn commit(&self, id: ObjectId) -> Result<Arc<Commit>, ReadError> {
        if let Some(known) = self.commits.borrow().get(&id) {
            return Ok(known.clone());
        }
        let commit = Arc::new(self.read_commit(id)?);
        self.commits.borrow_mut().insert(id, commit.clone());
        Ok(commit)
    }

    /// Whether the repository has an object, readable or not.
    pub fn has(&self, id: ObjectId) -> bool {
        self.repository.has_object(id)
    }

    fn read_commit(&self, id: ObjectId) -> Result<Commit, ReadError> {
        let object = git::object(&self.repository, id, git::MAX_OBJECT_BYTES)?;
        if object.kind != gix::objs::Kind::Commit {
            return Err(git::malformed(id, &"it is no commit"));
        }
        let links = git::Links::read(id, &object.data)?;
        Ok(Commit::of(id, &object.data, &links))
    }

    /// A tree's files at a commit, as the compiler reads them.
    ///
    /// # Errors
    /// As `git::read_commit`.
    pub fn source(&self, commit: ObjectId, steps: u64, sink: &mut Sink) -> Result<SourceTree, ReadError> {
        git::read_commit_at(&self.repository, commit, steps, &self.prefix, sink)
    }

    /// A file's bytes; `None` where it is larger than `limit`, or the tree names something else as a file. Either is
    /// easily pushed, and neither may keep a history from being verified.
    ///
    /// # Errors
    /// Where it is missing or not what its id says.
    pub fn blob_within(&self, id: ObjectId, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let header = self
            .repository
            .find_header(id)
            .map_err(|error| git::corrupt(id, &error))?;
        match header.kind() == gix::objs::Kind::Blob && header.size() <= limit {
            true => Ok(Some(git::object(&self.repository, id, limit)?.data)),
            false => Ok(None),
        }
    }

    /// The files whose names differ between two folders, and what stands under them: nothing where no file does.
    ///
    /// # Errors
    /// Where a tree is missing or is not what its id says.
    pub fn files_between(&self, before: Option<ObjectId>, after: Option<ObjectId>) -> Result<FilesBetween, ReadError> {
        let folder = |id: Option<ObjectId>| id.map_or_else(|| Ok(Rc::default()), |id| self.folder(id));
        let (left, right) = (folder(before)?, folder(after)?);
        let file = |entry: Option<folder::Entry>| entry.filter(|(mode, _)| mode.is_blob()).map(|(_, id)| id);
        let differing = left.differing(&right).into_iter();
        Ok(differing
            .filter_map(|(name, _, after)| Some((std::str::from_utf8(name).ok()?.to_owned(), file(after))))
            .collect())
    }

    /// The id of a folder of a tree.
    ///
    /// # Errors
    /// Where a tree is missing or is not what its id says.
    pub fn folder_at(&self, tree: ObjectId, folder: &str) -> Result<Option<ObjectId>, ReadError> {
        let mut at = tree;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            match self.folder(at)?.get(part.as_bytes()) {
                Some((mode, id)) if mode.is_tree() => at = id,
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// What stands at a path of a tree, a folder among it.
    ///
    /// # Errors
    /// Where a tree is missing or is not what its id says.
    pub fn entry(&self, tree: ObjectId, path: &str) -> Result<Option<(EntryMode, ObjectId)>, ReadError> {
        let mut at = tree;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            // A name that was escaped when it was shown is looked up as it was shown.
            let folder = self.folder(at)?;
            let found = match part.contains('\\') {
                false => folder.get(part.as_bytes()),
                true => folder
                    .entries()
                    .iter()
                    .find(|(name, _)| shown(name) == part)
                    .map(|(_, found)| *found),
            };
            match (found, parts.peek()) {
                (Some((mode, id)), Some(_)) if mode.is_tree() => at = id,
                (Some(found), None) => return Ok(Some(found)),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The folder of approvals, from the repository's root.
    pub fn approvals(&self) -> String {
        match self.prefix.as_str() {
            "" => APPROVALS.to_owned(),
            prefix => format!("{prefix}/{APPROVALS}"),
        }
    }

    /// What differs between two trees, by path; from nothing where `before` is absent.
    ///
    /// # Errors
    /// Where a tree is missing or is not what its id says.
    pub fn changes(&self, before: Option<ObjectId>, after: ObjectId) -> Result<Vec<Change>, ReadError> {
        let id = after;
        let mut changes = Vec::new();
        let mut open = vec![(String::new(), before, Some(after))];
        let mut looked_at = 0_usize;
        while let Some((path, before, after)) = open.pop() {
            if before == after {
                continue;
            }
            // A tree that contains itself many times over has no end, and takes a few objects.
            looked_at += 1;
            if looked_at + changes.len() > MOST_CHANGES {
                return Err(git::malformed(
                    after.unwrap_or(id),
                    &format!("more than {MOST_CHANGES} files and folders differ from the tree before"),
                ));
            }
            let folder = |id: Option<ObjectId>| id.map_or_else(|| Ok(Rc::default()), |id| self.folder(id));
            let (left, right) = (folder(before)?, folder(after)?);
            for (name, one, other) in left.differing(&right) {
                let path = match path.as_str() {
                    "" => shown(name),
                    path => format!("{path}/{}", shown(name)),
                };
                let is_tree = |entry: Option<(EntryMode, ObjectId)>| entry.filter(|(mode, _)| mode.is_tree());
                let is_file = |entry: Option<(EntryMode, ObjectId)>| entry.filter(|(mode, _)| !mode.is_tree());
                if is_file(one) != is_file(other) {
                    changes.push(Change {
                        path: path.clone(),
                        before: is_file(one),
                        after: is_file(other),
                    });
                }
                let (below, above) = (is_tree(one).map(|(_, id)| id), is_tree(other).map(|(_, id)| id));
                if below != above {
                    open.push((path, below, above));
                }
            }
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }

    /// What the commit at a place of a trunk changed since the last one before it whose tree can be read. Nothing where
    /// its own cannot be. For reports: what is judged is judged tree by tree.
    ///
    /// # Errors
    /// Where a tree is missing or is not what its id says.
    pub fn changes_at(&self, trunk: &[ObjectId], at: usize) -> Result<Vec<Change>, ReadError> {
        let Some(after) = trunk.get(at) else {
            return Ok(Vec::new());
        };
        let after = self.commit(*after)?.tree;
        if at == 0 {
            return Ok(ReadError::unless_malformed(self.changes(None, after))?.unwrap_or_default());
        }
        for before in trunk.iter().take(at).rev().take(MOST_MALFORMED) {
            let before = self.commit(*before)?.tree;
            if let Some(changes) = ReadError::unless_malformed(self.changes(Some(before), after))? {
                return Ok(changes);
            }
        }
        Ok(Vec::new())
    }

    fn folder(&self, id: ObjectId) -> Result<Rc<Folder>, ReadError> {
        if let Some(known) = self.trees.borrow().get(id) {
            return Ok(known);
        }
        let folder = Rc::new(Folder::read(id, &git::tree(&self.memory, id)?)?);
        self.trees.borrow_mut().keep(id, &folder);
        Ok(folder)
    }

    /// The commits that `commit` brings and `seen` does not have, which then has them: itself first. Those of the
    /// other parents stand behind it.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn brought(&self, commit: ObjectId, seen: &mut BTreeSet<ObjectId>) -> Result<Vec<Arc<Commit>>, ReadError> {
        let mut open = vec![commit];
        let mut brought = Vec::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            // What stands behind the trunk may be anything that somebody pushed, and keeps nobody from judging its tree.
            let read = match self.commit(id) {
                Err(ReadError::Malformed { message, .. }) if id != commit => Arc::new(Commit::unreadable(id, message)),
                read => read?,
            };
            open.extend(read.parents.iter().rev().copied());
            brought.push(read);
        }
        Ok(brought)
    }
}

/// There is no such place in a trunk.
pub(super) fn no_such_place(at: usize) -> ReadError {
    ReadError::UnknownRevision {
        revision: at.to_string(),
        message: "the trunk is shorter".to_owned(),
    }
}

/// A name as text: what is not UTF-8 is escaped, and so is what escapes, since no two names may be one.
fn shown(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(name) => name.replace('\\', "\\\\"),
        Err(_) => name.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests;
