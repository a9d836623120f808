//! A git repository in the making: files, people and what they did in, signed commits out.
//!
//! No git binary, no configuration of the user's. It knows nothing of what the files say.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit};
use gix::refs::{FullName, Target};

use super::history::Files;
use crate::ast::Moment;
use crate::cli::Failure;
use crate::trail::history::APPROVALS;
use crate::trail::signature::{COMMIT, Secret};

/// The repository, and where its work tree is.
pub(super) struct Workshop {
    repository: gix::Repository,
    root: PathBuf,
}

/// A commit to be made.
pub(super) struct Draft<'d> {
    pub(super) tree: ObjectId,
    pub(super) parents: &'d [ObjectId],
    pub(super) author: &'d str,
    pub(super) committer: &'d str,
    pub(super) at: Moment,
    pub(super) message: &'d str,
    /// Unsigned without.
    pub(super) secret: Option<&'d Secret>,
}

impl Workshop {
    /// Begins a repository in a new folder.
    pub(super) fn new(root: &Path) -> Result<Self, Failure> {
        // Isolated: nobody's hooks, templates or settings reach in.
        let made = gix::ThreadSafeRepository::init_opts(
            root,
            gix::create::Kind::WithWorktree,
            gix::create::Options::default(),
            gix::open::Options::isolated(),
        );
        let made = made.map_err(|error| Failure::path("cannot make the repository", root, &error))?;
        Ok(Self {
            repository: made.to_thread_local(),
            root: root.to_owned(),
        })
    }

    /// A tree like another, with these files written.
    pub(super) fn tree(&self, base: Option<ObjectId>, files: &Files) -> Result<ObjectId, Failure> {
        let base = base.unwrap_or_else(|| self.repository.empty_tree().id);
        let mut editor = self.repository.edit_tree(base).map_err(|error| self.fail(&error))?;
        for (path, text) in files {
            let blob = self.repository.write_blob(text).map_err(|error| self.fail(&error))?;
            editor
                .upsert(path.as_str(), EntryKind::Blob, blob)
                .map_err(|error| self.fail(&error))?;
        }
        Ok(editor.write().map_err(|error| self.fail(&error))?.detach())
    }

    /// A tree like another, with the approvals of a third.
    pub(super) fn with_approvals(&self, base: ObjectId, of: ObjectId) -> Result<ObjectId, Failure> {
        let of = self.repository.find_tree(of).map_err(|error| self.fail(&error))?;
        let folder = of.lookup_entry_by_path(APPROVALS).map_err(|error| self.fail(&error))?;
        let Some(folder) = folder else { return Ok(base) };
        let folder = folder.object().map_err(|error| self.fail(&error))?.into_tree();
        let mut editor = self.repository.edit_tree(base).map_err(|error| self.fail(&error))?;
        for entry in folder.iter() {
            let entry = entry.map_err(|error| self.fail(&error))?;
            let path = format!("{APPROVALS}/{}", entry.filename());
            editor
                .upsert(path.as_str(), EntryKind::Blob, entry.object_id())
                .map_err(|error| self.fail(&error))?;
        }
        Ok(editor.write().map_err(|error| self.fail(&error))?.detach())
    }

    /// Writes a commit, with the signature that git would make.
    pub(super) fn commit(&self, draft: &Draft<'_>) -> Result<ObjectId, Failure> {
        let typed = |name: &str| gix::actor::Signature {
            name: name.into(),
            email: format!("{name}@acme.example").into(),
            time: gix::date::Time {
                seconds: draft.at / 1000,
                offset: 0,
            },
        };
        let mut commit = gix::objs::Commit {
            tree: draft.tree,
            parents: draft.parents.iter().copied().collect(),
            author: typed(draft.author),
            committer: typed(draft.committer),
            encoding: None,
            message: format!("{}\n", draft.message).into(),
            extra_headers: Vec::new(),
        };
        if let Some(secret) = draft.secret {
            let mut payload = Vec::new();
            gix::objs::WriteTo::write_to(&commit, &mut payload).map_err(|error| self.fail(&error))?;
            let armour = secret.sign(COMMIT, &payload).map_err(|error| self.fail(&error))?;
            commit.extra_headers.push(("gpgsig".into(), armour.trim_end().into()));
        }
        let id = self
            .repository
            .write_object(&commit)
            .map_err(|error| self.fail(&error))?;
        Ok(id.detach())
    }

    /// The tree of a commit.
    pub(super) fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, Failure> {
        let commit = self.repository.find_commit(commit).map_err(|error| self.fail(&error))?;
        Ok(commit.tree_id().map_err(|error| self.fail(&error))?.detach())
    }

    /// Points a branch at a commit, and HEAD at the branch.
    pub(super) fn check_out(&self, branch: &str, commit: ObjectId) -> Result<(), Failure> {
        self.change(branch, Target::Object(commit))?;
        self.change("HEAD", Target::Symbolic(self.name(branch)?))
    }

    /// Takes a branch away.
    pub(super) fn remove(&self, branch: &str) -> Result<(), Failure> {
        let change = Change::Delete {
            expected: PreviousValue::Any,
            log: gix::refs::transaction::RefLog::AndReference,
        };
        self.edit(branch, change)
    }

    fn change(&self, name: &str, new: Target) -> Result<(), Failure> {
        let change = Change::Update {
            log: LogChange::default(),
            expected: PreviousValue::Any,
            new,
        };
        self.edit(name, change)
    }

    fn edit(&self, name: &str, change: Change) -> Result<(), Failure> {
        let edit = RefEdit {
            change,
            name: self.name(name)?,
            deref: false,
        };
        // Who moved a ref is told nowhere but in its log.
        let who = gix::actor::SignatureRef {
            name: "polity demo".into(),
            email: "".into(),
            time: "0 +0000",
        };
        let edited = self.repository.edit_references_as([edit], Some(who));
        edited.map(drop).map_err(|error| self.fail(&error))
    }

    fn name(&self, name: &str) -> Result<FullName, Failure> {
        name.try_into()
            .map_err(|error: gix::validate::reference::name::Error| self.fail(&error))
    }

    /// Writes the index of a commit, without which nothing can be committed to it.
    pub(super) fn index(&self, commit: ObjectId) -> Result<(), Failure> {
        let tree = self.tree_of(commit)?;
        let mut index = self
            .repository
            .index_from_tree(&tree)
            .map_err(|error| self.fail(&error))?;
        index
            .write(gix::index::write::Options::default())
            .map_err(|error| self.fail(&error))
    }

    /// Writes these files to the work tree.
    pub(super) fn write(&self, files: &Files) -> Result<(), Failure> {
        for (path, text) in files {
            let place = self.root.join(path);
            let write = || {
                fs::create_dir_all(place.parent().unwrap_or(&self.root))?;
                fs::File::create(&place)?.write_all(text.as_bytes())
            };
            write().map_err(|error| Failure::path("cannot write", &place, &error))?;
        }
        Ok(())
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::path("cannot make the repository", &self.root, error)
    }
}
