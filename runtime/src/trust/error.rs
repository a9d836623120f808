//! Why a trust root, or what claims to be signed under one, is refused.

use std::fmt;

use super::{FORMAT, MAX_BYTES, MAX_KEYS, Role};
use crate::manifest::FieldError;
use crate::wire::Digest;
use crate::wire::json::JsonError;

/// Why signatures do not suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureError {
    /// There is none.
    Unsigned,
    /// None is by a key that may sign this.
    UnknownKey {
        /// The first of the keys that did sign.
        key: Digest,
        /// The role in which the trust root has it, if it has it.
        role: Option<Role>,
    },
    /// A signature by a key that may sign this does not hold.
    Bad {
        /// The key.
        key: Digest,
    },
    /// The trust root gives nobody this role.
    NoKeys {
        /// The role.
        role: Role,
    },
    /// Too few keys signed.
    Threshold {
        /// Of this role.
        role: Role,
        /// How many did.
        got: usize,
        /// How many must.
        needed: usize,
    },
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("nobody signed it"),
            Self::UnknownKey { key, role: None } => {
                write!(f, "it is signed by key {key}, which the trust root does not know")
            }
            Self::UnknownKey { key, role: Some(role) } => {
                write!(
                    f,
                    "it is signed by key {key}, which has the role `{role}` and may not sign this"
                )
            }
            Self::Bad { key } => write!(f, "the signature by key {key} does not hold"),
            Self::NoKeys { role } => write!(f, "the trust root gives no key the role `{role}`"),
            Self::Threshold { role, got, needed } => {
                write!(
                    f,
                    "{got} of the {needed} keys of the role `{role}` that must sign it did"
                )
            }
        }
    }
}

impl std::error::Error for SignatureError {}

/// Why text is no trust root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustError {
    /// Larger than [`MAX_BYTES`].
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON.
    Json(JsonError),
    /// A field is missing, unknown or ill-typed.
    Field(FieldError),
    /// The file has a form of another version.
    Format {
        /// That version.
        found: i64,
    },
    /// Versions count from 1.
    VersionZero,
    /// Nobody has the role `root`.
    NoRoot,
    /// A threshold is zero, or above the number of keys.
    Threshold {
        /// The role.
        role: Role,
        /// What is asked.
        threshold: u64,
        /// What there is.
        keys: usize,
    },
    /// A key stands twice in one role.
    DuplicateKey {
        /// The role.
        role: Role,
        /// The key's id.
        key: Digest,
    },
    /// A key stands in two roles.
    KeyInTwoRoles {
        /// The key's id.
        key: Digest,
        /// Both.
        roles: [Role; 2],
    },
    /// More than [`MAX_KEYS`].
    TooManyKeys {
        /// The role.
        role: Role,
        /// How many.
        count: usize,
    },
    /// A key of a type that this build does not verify. It is refused, since leaving it out would change what the
    /// threshold means.
    UnsupportedKeyType {
        /// The role.
        role: Role,
        /// The type.
        kind: String,
    },
    /// No Ed25519 public key, or a weak one.
    BadKey {
        /// The role.
        role: Role,
        /// What was given.
        public: String,
    },
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(
                f,
                "the trust root has {bytes} bytes, and {MAX_BYTES} are the most that are read"
            ),
            Self::Json(error) => write!(f, "the trust root is not JSON as it must be: {error}"),
            Self::Field(error) => write!(f, "the trust root is not well formed: {error}"),
            Self::Format { found } => write!(f, "the trust root has format {found}, and this runtime reads {FORMAT}"),
            Self::VersionZero => f.write_str("the versions of a trust root count from 1"),
            Self::NoRoot => f.write_str("the trust root gives no key the role `root`"),
            Self::Threshold { role, threshold, keys } => {
                write!(
                    f,
                    "the role `{role}` has {keys} keys and a threshold of {threshold}: it must be from 1 to {keys}"
                )
            }
            Self::DuplicateKey { role, key } => write!(f, "the role `{role}` has the key {key} twice"),
            Self::KeyInTwoRoles {
                key,
                roles: [one, other],
            } => {
                write!(
                    f,
                    "the key {key} stands in the roles `{one}` and `{other}`: each role must have keys of its own"
                )
            }
            Self::TooManyKeys { role, count } => {
                write!(
                    f,
                    "the role `{role}` has {count} keys, and {MAX_KEYS} are the most that are read"
                )
            }
            Self::UnsupportedKeyType { role, kind } => {
                let kind = kind.escape_debug();
                write!(
                    f,
                    "the role `{role}` has a key of type `{kind}`, which this build does not verify"
                )
            }
            Self::BadKey { role, public } => {
                write!(
                    f,
                    "the role `{role}` has `{}`, which is no sound Ed25519 key",
                    public.escape_debug()
                )
            }
        }
    }
}

impl std::error::Error for TrustError {}

/// Why a file is not the next trust root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuccessorError {
    /// The present version's `root` keys did not sign it.
    Present(SignatureError),
    /// It cannot be read.
    Unreadable(TrustError),
    /// Its own `root` keys did not sign it.
    Next(SignatureError),
    /// It is another organisation's.
    Organization {
        /// Whose.
        found: String,
    },
    /// It is not the next version.
    Version {
        /// Its version.
        found: u64,
        /// The present one.
        present: u64,
    },
    /// It goes back to an earlier history.
    Epoch {
        /// Its epoch.
        found: u64,
        /// The present one.
        present: u64,
    },
}

impl fmt::Display for SuccessorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(error) => write!(f, "the trust root in force does not accept the new one: {error}"),
            Self::Unreadable(error) => write!(f, "the new trust root cannot be read: {error}"),
            Self::Next(error) => write!(f, "the new trust root does not accept itself: {error}"),
            Self::Organization { found } => {
                write!(
                    f,
                    "the new trust root is of another organisation, `{}`",
                    found.escape_debug()
                )
            }
            Self::Version { found, present } => {
                write!(
                    f,
                    "the new trust root has version {found}, and only the one after {present} can follow it"
                )
            }
            Self::Epoch { found, present } => {
                write!(
                    f,
                    "the new trust root has epoch {found}, and {present} has begun already"
                )
            }
        }
    }
}

impl std::error::Error for SuccessorError {}
