//! The manifest: what a bundle says of itself, under its signatures.
//!
//! Canonical JSON enters and a [`Manifest`] leaves, and the reverse. It knows nothing of keys: a manifest that was read
//! is well formed, not true.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::value::Effect;
use crate::wire::json::{self, JsonError};
use crate::wire::layout::{MAX_SECTION_BYTES, MAX_SECTIONS};
use crate::wire::{Digest, Timestamp};

mod fields;
pub use fields::FieldError;
pub(crate) use fields::{Fields, count, text_or_null};

/// What a signature over a manifest is made for.
pub const PAYLOAD_TYPE: &str = "application/vnd.polity.manifest.v1+json";

/// What a bundle says of itself. A field that is absent in the JSON is an error, `features` apart; where a field may be
/// empty it is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The organisation's name.
    pub organization: String,
    /// Its place in the order of bundles.
    pub serial: Serial,
    /// When it was signed, by the signer's clock.
    pub issued: Timestamp,
    /// From this moment on it is in its grace, or answers nothing.
    pub expires: Timestamp,
    /// What still works for a while after `expires`; none means nothing.
    pub grace: Option<Grace>,
    /// The layout's version, equal to the header's, which is not signed.
    pub format: u32,
    /// The oldest runtime that understands the sections.
    pub min_runtime: Version,
    /// What it was compiled from.
    pub source: Source,
    /// What compiled it.
    pub compiler: Compiler,
    /// The approval trail that was verified; none in a bundle that is not attested.
    pub trail: Option<Trail>,
    /// The digest of the bundle that this one was built after.
    pub previous: Option<Digest>,
    /// Whether it was built from a commit whose approvals were verified. One that was not is signed by the `developer`
    /// role.
    pub attested: bool,
    /// What it answers for; none is everything.
    pub scope: Option<Scope>,
    /// The least serial of kill orders that the runtime must have seen; 0 expects none.
    pub least_orders: u64,
    /// What the runtime must be able to do beyond what every one does, by name: `rego`. In JSON it is left out where
    /// it is empty.
    pub features: BTreeSet<String>,
    /// Digest and length of each section. In a manifest to be packed it is empty.
    pub sections: BTreeMap<String, Section>,
}

/// The place of a bundle in its history. It grows along the trunk, and an epoch starts a new history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial {
    /// Which history: equal to the trust root's.
    pub epoch: u64,
    /// How many steps the trunk has, up to the commit it was built from.
    pub steps: u64,
}

/// What works after a bundle has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grace {
    /// From this moment on nothing does.
    pub until: Timestamp,
    /// The effects that still may be decided; not empty.
    pub effects: BTreeSet<Effect>,
}

/// A version of this crate. Pre-release versions have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

/// What a bundle was compiled from. A folder has none of it; an attested bundle has `reference`, `commit` and `tree`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Where the repository is to be found, as the builder named it.
    pub repository: Option<String>,
    /// The full name of the ref, `refs/heads/main`.
    pub reference: Option<String>,
    /// The commit's id.
    pub commit: Option<String>,
    /// The id of the tree.
    pub tree: Option<String>,
}

/// What compiled a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// Its version.
    pub version: String,
    /// The digest of its binary, where it could be told.
    pub digest: Option<Digest>,
}

/// The part of the history that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The commit up to which an earlier bundle had verified it; none where it was verified from its beginning.
    pub checkpoint: Option<String>,
    /// The commit from which it is verified: the trust root's.
    pub introductory: String,
    /// How many steps were verified since then.
    pub steps: u64,
}

/// The part of an organisation that a bundle answers for. In JSON `{"kind": "team", "name": "payments"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The deployments of one team.
    Team(String),
    /// One environment.
    Environment(String),
    /// One deployment, `team/agent`.
    Agent(String),
}

/// What the manifest says of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Their number.
    pub length: u64,
}

/// How far a bundle is through its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It decides everything.
    Live,
    /// It decides calls with the effects of its grace, and denies the others.
    Grace,
    /// It denies everything.
    Expired,
}

impl Manifest {
    /// How far the bundle is through its life.
    ///
    /// The moment that counts is the later of the host's and `issued`: a clock that stands before the bundle was made
    /// is wrong, and must not lengthen its life. There is no bound on how far ahead `issued` may be, since a host whose
    /// clock starts in 1970 must be able to load what was signed today; that a bundle is not dated ahead is for the
    /// signer to see to.
    #[inline]
    pub fn phase(&self, now_ms: i64) -> Phase {
        let now = self.effective_time(now_ms);
        match &self.grace {
            _ if now < self.expires.millis() => Phase::Live,
            Some(grace) if now < grace.until.millis() => Phase::Grace,
            _ => Phase::Expired,
        }
    }

    /// The later of the host's time and `issued`, in milliseconds since 1970.
    #[inline]
    pub fn effective_time(&self, now_ms: i64) -> i64 {
        now_ms.max(self.issued.millis())
    }

    /// Its place in the order of bundles.
    pub fn position(&self) -> Position {
        Position {
            serial: self.serial,
            issued: self.issued,
        }
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        fields::write(self).to_string().into_bytes()
    }

    /// Reads exactly the canonical form, with exactly the fields that there are.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let json = json::read_canonical(bytes).map_err(ManifestError::Json)?;
        let manifest = fields::read(json).map_err(ManifestError::Field)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.issued >= self.expires {
            return Err(ManifestError::Lifetime);
        }
        if self
            .grace
            .as_ref()
            .is_some_and(|grace| grace.until <= self.expires || grace.effects.is_empty())
        {
            return Err(ManifestError::Grace);
        }
        if self.sections.len() > MAX_SECTIONS {
            return Err(ManifestError::TooManySections {
                count: self.sections.len(),
            });
        }
        for (name, section) in &self.sections {
            if !is_section_name(name) {
                return Err(ManifestError::SectionName { name: name.clone() });
            }
            if section.length > MAX_SECTION_BYTES {
                return Err(ManifestError::SectionTooLarge {
                    name: name.clone(),
                    bytes: section.length,
                });
            }
        }
        let source = &self.source;
        if self.attested
            && (self.trail.is_none() || source.reference.is_none() || source.commit.is_none() || source.tree.is_none())
        {
            return Err(ManifestError::AttestedWithoutSource);
        }
        Ok(())
    }
}

/// Section names are lower-case words joined by dashes, at most 32 bytes long.
fn is_section_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Where a bundle stands: a bundle may follow another only if its position is greater, or it is the very same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Compared first.
    pub serial: Serial,
    /// Compared where the serials are equal: the same commit may be signed again, to live longer.
    pub issued: Timestamp,
}

/// How a bundle stands to the highest that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// Later: it becomes the highest.
    Newer,
    /// The same one.
    Same,
    /// Earlier: a rollback, refused.
    Older,
    /// At the same position with another digest: two bundles claim one place, refused.
    Conflicting,
}

impl Position {
    /// How a bundle at this position, with this digest, stands to the highest that was seen.
    pub fn succession(&self, digest: Digest, highest: &Position, highest_digest: Digest) -> Succession {
        match self.cmp(highest) {
            std::cmp::Ordering::Greater => Succession::Newer,
            std::cmp::Ordering::Less => Succession::Older,
            std::cmp::Ordering::Equal if digest == highest_digest => Succession::Same,
            std::cmp::Ordering::Equal => Succession::Conflicting,
        }
    }
}

impl Version {
    /// The version of this runtime.
    pub fn current() -> Self {
        // Cargo refuses a package whose version has no three numbers, so the fallback is never taken; it is the one
        // that refuses every bundle.
        Self::parse(concat!(
            env!("CARGO_PKG_VERSION_MAJOR"),
            ".",
            env!("CARGO_PKG_VERSION_MINOR"),
            ".",
            env!("CARGO_PKG_VERSION_PATCH")
        ))
        .unwrap_or(Self {
            major: 0,
            minor: 0,
            patch: 0,
        })
    }

    /// Reads `1.2.3`, without leading zeros.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next()??,
        };
        (version.to_string() == text).then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.steps)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(name) => write!(f, "team={name}"),
            Self::Environment(name) => write!(f, "environment={name}"),
            Self::Agent(name) => write!(f, "agent={name}"),
        }
    }
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestError {
    /// Not JSON, or not its canonical form.
    Json(JsonError),
    /// A field is missing, unknown or ill-typed.
    Field(FieldError),
    /// It expires before it is issued.
    Lifetime,
    /// The grace ends before it starts, or allows nothing.
    Grace,
    /// More sections than are read.
    TooManySections {
        /// How many.
        count: usize,
    },
    /// A section has a name that none can have.
    SectionName {
        /// The name.
        name: String,
    },
    /// A section is larger than any that is read.
    SectionTooLarge {
        /// The section.
        name: String,
        /// Its length.
        bytes: u64,
    },
    /// It says that it is attested and does not say what was.
    AttestedWithoutSource,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the manifest is not canonical: {error}"),
            Self::Field(error) => write!(f, "the manifest is not well formed: {error}"),
            Self::Lifetime => f.write_str("the manifest expires before it is issued"),
            Self::Grace => f.write_str("the grace in the manifest ends before it starts, or allows nothing"),
            Self::TooManySections { count } => {
                write!(
                    f,
                    "the manifest has {count} sections, and {MAX_SECTIONS} are the most that are read"
                )
            }
            Self::SectionName { name } => write!(f, "no section can be called `{}`", name.escape_debug()),
            Self::SectionTooLarge { name, bytes } => {
                write!(
                    f,
                    "section `{name}` has {bytes} bytes, and {MAX_SECTION_BYTES} are the most that are read"
                )
            }
            Self::AttestedWithoutSource => {
                f.write_str("the manifest says that it is attested, and names no trail, ref, commit or tree")
            }
        }
    }
}

impl std::error::Error for ManifestError {}

#[cfg(test)]
pub(crate) mod tests;
