//! What the outside world did not give: the reasons why no tree was read at all.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a repository or folder was not read. Nothing that an author of policy wrote is in here: that is a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// There is no git repository at or above the path.
    NotARepository {
        /// The path given.
        path: PathBuf,
        /// What was looked at.
        message: String,
    },
    /// The repository belongs to somebody else, who could have put anything into it.
    ForeignOwner {
        /// The repository.
        path: PathBuf,
    },
    /// The revision names no commit of the repository.
    UnknownRevision {
        /// As it was given.
        revision: String,
        /// Why.
        message: String,
    },
    /// A revision may mean several commits: whoever may push a tag must not choose among them.
    Ambiguous {
        /// As it was given.
        revision: String,
        /// What it may mean.
        meanings: Vec<String>,
    },
    /// The clone holds only the newest commits.
    Shallow {
        /// The repository.
        path: PathBuf,
    },
    /// The repository pretends other parents for some commits.
    Grafted {
        /// The grafts file.
        path: PathBuf,
    },
    /// The repository has git show another object in place of one.
    Replaced {
        /// The one that is not shown, as the ref names it.
        object: String,
    },
    /// The repository keeps its refs in another way than as files.
    Refs {
        /// The repository.
        path: PathBuf,
        /// What its configuration says of them.
        storage: String,
    },
    /// The commit has no such folder.
    NotInCommit {
        /// The folder, relative to the repository.
        path: String,
        /// The commit's id.
        commit: String,
    },
    /// An object is missing, or is not what its id says.
    Corrupt {
        /// The object's id.
        object: String,
        /// What is wrong with it.
        message: String,
    },
    /// An object is what its id says, and is nothing that git would write or anybody could read: whoever pushed it
    /// made it so. No other clone has it better.
    Malformed {
        /// The object's id.
        object: String,
        /// What is wrong with it.
        message: String,
    },
    /// The file system refused.
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        message: String,
    },
}

impl ReadError {
    /// What was read, or nothing of what is malformed: to be asked where that says as little as if it were not there.
    ///
    /// # Errors
    /// Every other one.
    pub fn unless_malformed<T>(found: Result<T, Self>) -> Result<Option<T>, Self> {
        match found {
            Err(error) if error.is_malformed() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Whether what was read is to blame, and not the clone that it was read from.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed { .. })
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            message: error.to_string(),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARepository { path, .. } => {
                write!(f, "there is no git repository at or above `{}`", path.display())
            }
            Self::ForeignOwner { path } => write!(
                f,
                "the repository `{}` belongs to another user; run as its owner, or make it yours with `chown`",
                path.display()
            ),
            Self::UnknownRevision { revision, message } => write!(f, "`{revision}` names no commit: {message}"),
            Self::Ambiguous { revision, meanings } => write!(
                f,
                "`{revision}` may mean {}: name the one that is meant in full, and look who made the others",
                meanings.join(" or ")
            ),
            Self::Shallow { path } => write!(
                f,
                "the repository `{}` is a shallow clone, whose history cannot be checked; run `git fetch --unshallow`, \
                 or clone with full depth (`GIT_DEPTH: 0`, `fetch-depth: 0`)",
                path.display()
            ),
            Self::Grafted { path } => write!(
                f,
                "`{}` gives commits other parents than their own, so the history cannot be checked; remove that file",
                path.display()
            ),
            Self::Replaced { object } => write!(
                f,
                "`refs/replace/{object}` has git show another object in place of {object}, so the history that git shows \
                 is not the one that would be checked; look who made it, and run `git replace -d {object}`"
            ),
            Self::Refs { path, storage } => write!(
                f,
                "the repository `{}` keeps its refs as `{storage}`, and only files are read; run \
                 `git refs migrate --ref-format=files`",
                path.display()
            ),
            Self::NotInCommit { path, commit } => write!(f, "commit {commit} has no folder `{path}`"),
            Self::Corrupt { object, message } => write!(
                f,
                "the object {object} is missing or not what its id says ({message}); run `git fsck`, or clone again, \
                 without `--filter`"
            ),
            Self::Malformed { object, message } => write!(
                f,
                "the object {object} is malformed ({message}), in every clone; take the commit that has it off the branch"
            ),
            Self::Io { path, message } => write!(f, "`{}` cannot be read: {message}", path.display()),
        }
    }
}

impl std::error::Error for ReadError {}
