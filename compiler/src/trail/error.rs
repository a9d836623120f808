//! Why a history cannot be looked at as a trail at all. That a change lacks an approval is no error: see
//! a verdict of [`super::verify`].

use std::fmt;

use crate::source::ReadError;

/// What makes a history no trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailError {
    /// The repository cannot be trusted or read.
    Read(ReadError),
    /// The trust root does not say where the trail begins.
    NoIntroductory,
    /// The commit from which the trail is verified is not on the first-parent chain.
    NotOnTrunk {
        /// The commit it should go through.
        commit: String,
        /// What that commit is: `the introductory commit`.
        what: &'static str,
        /// Whether it is an ancestor by another parent, as after a merge the wrong way round.
        foxtrot: bool,
    },
    /// The built commit is not on the ref's first-parent chain.
    NotOnRef {
        /// The commit.
        commit: String,
        /// The ref.
        reference: String,
    },
    /// The ref is not in the repository.
    NoRef {
        /// The ref.
        reference: String,
    },
    /// The commit that the trail begins at does not compile.
    BeginningBroken {
        /// The commit.
        commit: String,
        /// The first of its errors.
        message: String,
    },
    /// The commit that a trail is continued from does not compile with this compiler.
    CheckpointBroken {
        /// The commit.
        commit: String,
        /// The first of its errors.
        message: String,
    },
    /// The repository is another organisation's.
    Organization {
        /// Its name.
        found: String,
        /// The one that is trusted.
        wanted: String,
    },
    /// Two commits with nothing in common.
    NoCommonCommit {
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// A branch began at a commit that is on no trunk.
    ForkOffTrunk {
        /// That commit.
        commit: String,
    },
    /// A bundle that nothing can be continued from.
    Previous(String),
}

impl TrailError {
    /// Whether the history falls short, as opposed to an environment that does not work.
    pub fn falls_short(&self) -> bool {
        !matches!(self, Self::Read(_))
    }

    /// What to do.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoIntroductory => {
                "set `introductory` in the trust root to the full id of the commit that everybody agreed to begin with"
            }
            Self::NotOnTrunk { foxtrot: true, .. } => {
                "merge the branch into the trunk, so that the trunk stays the first parent"
            }
            Self::NotOnTrunk { .. } => {
                "the history was rewritten, or this is another branch: restore it, or agree on a new introductory \
                 commit and a new epoch"
            }
            Self::CheckpointBroken { .. } => {
                "mend it and build with the compiler of the previous bundle once more, and continue from what that builds"
            }
            Self::NotOnRef { .. } => "build a commit of that ref, or bring this one to it by a merge request",
            Self::NoRef { .. } => "fetch it, or build in a clone that has it",
            Self::ForkOffTrunk { .. } => "rebase the branch onto the trunk",
            _ => return None,
        })
    }
}

impl From<ReadError> for TrailError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::NoIntroductory => f.write_str("the trust root names no introductory commit to verify the trail from"),
            Self::NotOnTrunk {
                commit,
                what,
                foxtrot: false,
            } => write!(f, "{what} {commit} is not on the first-parent chain of what is built"),
            Self::NotOnTrunk {
                commit,
                what,
                foxtrot: true,
            } => write!(
                f,
                "{what} {commit} is an ancestor by a second parent only: the trunk was merged into a branch (a foxtrot \
                 merge)"
            ),
            Self::NotOnRef { commit, reference } => {
                write!(
                    f,
                    "{commit} is not on the first-parent chain of `{reference}`, which the trust root names"
                )
            }
            Self::NoRef { reference } => {
                write!(f, "the repository has no `{reference}`, which the trust root names")
            }
            Self::BeginningBroken { commit, message } => {
                write!(f, "the trail begins at {commit}, which does not compile: {message}")
            }
            Self::CheckpointBroken { commit, message } => write!(
                f,
                "the previous bundle was built from {commit}, which does not compile with this compiler: {message}"
            ),
            Self::Organization { found, wanted } => {
                write!(
                    f,
                    "the repository is of the organisation `{found}`, and the trust root of `{wanted}`"
                )
            }
            Self::NoCommonCommit { one, other } => write!(f, "{one} and {other} have no commit in common"),
            Self::ForkOffTrunk { commit } => {
                write!(
                    f,
                    "the branch begins at {commit}, which is not on the trunk's first-parent chain"
                )
            }
            Self::Previous(message) => write!(f, "the previous bundle cannot be continued: {message}"),
        }
    }
}

impl std::error::Error for TrailError {}
