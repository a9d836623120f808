//! The trust root: whose signatures count, and for what.
//!
//! The text of `trust.json` enters, and a [`TrustRoot`] leaves; or a [`TrustRoot`] and the next version of the file with
//! its signatures enter, and the next [`TrustRoot`] leaves. It knows nothing of bundles: it counts signatures over bytes.
//!
//! # Keys and roles
//! A key stands in one role only, in a developer's trust root too: a key that signs bundles must not be able to change
//! who signs bundles, nor a kill order pass for a revival. A role that the file leaves out has no keys, and what only
//! that role may sign is refused; `root` must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ed25519_dalek::VerifyingKey;

use crate::manifest::{FieldError, Fields, count, text_or_null};
use crate::wire::json::{self, Json};
use crate::wire::layout::Signature;
use crate::wire::time::{read_duration, write_duration};
use crate::wire::{Digest, Timestamp, from_hex, pre_authentication_encoding, to_hex};

mod error;
pub use error::{SignatureError, SuccessorError, TrustError};

/// What a signature over a trust root is made for. It covers the file's bytes as they are.
pub const PAYLOAD_TYPE: &str = "application/vnd.polity.trust.v1+json";
/// The version of the file's form.
pub const FORMAT: i64 = 1;
/// The largest file that is read; five roles full of keys take a quarter of it.
pub const MAX_BYTES: usize = 64 << 10;
/// The most keys in a role. Picked by gut feeling: as many as can sign one bundle.
pub const MAX_KEYS: usize = 16;

/// Whose signatures count, for which organisation, ref and history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRoot {
    /// The organisation whose bundles are accepted.
    pub organization: String,
    /// Counts the versions of the file, from 1.
    pub version: u64,
    /// From this moment on it accepts nothing.
    pub expires: Timestamp,
    /// The ref that bundles are built from.
    pub reference: String,
    /// The commit that the approval trail starts from. Without one no attested bundle can be accepted.
    pub introductory: Option<String>,
    /// The history that bundles belong to. A new one starts a new order of serials.
    pub epoch: u64,
    /// Whether the `developer` role may sign what nobody approved.
    pub allow_unattested: bool,
    /// How old the last kill orders may be, in milliseconds; none is any age.
    pub orders_max_age_ms: Option<i64>,
    /// INVARIANT: no key stands in two roles, each threshold can be met, and `root` is among them if it was parsed.
    roles: BTreeMap<Role, KeySet>,
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The next trust root.
    Root,
    /// Attested bundles.
    Bundle,
    /// Kill orders.
    Orders,
    /// Revivals, which cancel kill orders.
    Revivals,
    /// Bundles that are not attested.
    Developer,
}

/// The keys of a role, and how many of them must sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    keys: BTreeMap<Digest, VerifyingKey>,
    threshold: usize,
}

/// The id of a public key: the SHA-256 of its 32 bytes.
pub fn key_id(public: &VerifyingKey) -> Digest {
    Digest::of(public.as_bytes())
}

impl TrustRoot {
    /// Reads `trust.json`. That this file may be trusted is for whoever ships it to see to.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        if text.len() > MAX_BYTES {
            return Err(TrustError::TooLarge { bytes: text.len() });
        }
        let json = json::read(text).map_err(TrustError::Json)?;
        // Asked before anything else: what a later form has instead of these fields cannot be told.
        if let Json::Object(members) = &json
            && let Some(Json::Int(found)) = members.get("format")
            && *found != FORMAT
        {
            return Err(TrustError::Format { found: *found });
        }
        let (mut trust, roles) = Fields::read("", json, |f| {
            f.count("format")?;
            let trust = TrustRoot {
                organization: f.text("organization")?,
                version: f.count("version")?,
                expires: f.time("expires")?,
                reference: f.parsed("ref", "the full name of a ref, such as `refs/heads/main`", |text| {
                    text.starts_with("refs/").then(|| text.to_owned())
                })?,
                introductory: f.nullable("introductory", |f, name| {
                    f.parsed(name, "the full id of a commit", |text| {
                        is_commit_id(text).then(|| text.to_owned())
                    })
                })?,
                epoch: f.count("epoch")?,
                allow_unattested: f.boolean("allow_unattested")?,
                orders_max_age_ms: f.nullable("orders_max_age", |f, name| {
                    f.parsed(name, "a duration such as `15m`", read_duration)
                })?,
                roles: BTreeMap::new(),
            };
            let roles = f.object("roles", |f| {
                let present: Vec<Role> = Role::ALL.into_iter().filter(|role| f.has(role.name())).collect();
                present
                    .into_iter()
                    .map(|role| Ok((role, f.object(role.name(), read_role)?)))
                    .collect::<Result<Vec<_>, _>>()
            })?;
            Ok((trust, roles))
        })
        .map_err(TrustError::Field)?;
        for (role, WrittenRole { keys, threshold }) in roles {
            let keys = keys.iter().map(|key| key.read(role)).collect::<Result<Vec<_>, _>>()?;
            trust.set_role(role, &keys, threshold)?;
        }
        if !trust.roles.contains_key(&Role::Root) {
            return Err(TrustError::NoRoot);
        }
        if trust.version == 0 {
            return Err(TrustError::VersionZero);
        }
        Ok(trust)
    }

    /// Gives a role its keys.
    ///
    /// # Errors
    /// Keys that stand twice, in this role or another; weak keys; a threshold that is zero or cannot be met.
    pub fn set_role(&mut self, role: Role, keys: &[VerifyingKey], threshold: u64) -> Result<(), TrustError> {
        let mut set = BTreeMap::new();
        for key in keys {
            let id = key_id(key);
            if key.is_weak() || !is_canonical_point(key.as_bytes()) {
                return Err(TrustError::BadKey {
                    role,
                    public: to_hex(key.as_bytes()),
                });
            }
            if set.insert(id, *key).is_some() {
                return Err(TrustError::DuplicateKey { role, key: id });
            }
            if let Some((other, _)) = self
                .roles
                .iter()
                .find(|(other, set)| **other != role && set.keys.contains_key(&id))
            {
                return Err(TrustError::KeyInTwoRoles {
                    key: id,
                    roles: [*other, role],
                });
            }
        }
        if set.len() > MAX_KEYS {
            return Err(TrustError::TooManyKeys { role, count: set.len() });
        }
        let met = usize::try_from(threshold)
            .ok()
            .filter(|threshold| (1..=set.len()).contains(threshold));
        let threshold = met.ok_or(TrustError::Threshold {
            role,
            threshold,
            keys: set.len(),
        })?;
        self.roles.insert(role, KeySet { keys: set, threshold });
        Ok(())
    }

    /// A trust root without any key yet, version 1, epoch 0.
    pub fn new(organization: &str, reference: &str, expires: Timestamp) -> Self {
        Self {
            organization: organization.to_owned(),
            version: 1,
            expires,
            reference: reference.to_owned(),
            introductory: None,
            epoch: 0,
            allow_unattested: false,
            orders_max_age_ms: None,
            roles: BTreeMap::new(),
        }
    }

    /// The keys of a role; none if it has none.
    pub fn role(&self, role: Role) -> Option<&KeySet> {
        self.roles.get(&role)
    }

    /// The text of `trust.json`. [`TrustRoot::parse`] reads it back.
    pub fn to_text(&self) -> String {
        let roles = self.roles.iter().map(|(role, set)| {
            let keys = set.keys.values().map(|key| {
                Json::object([
                    ("type", Json::string(ED25519)),
                    ("public", Json::string(to_hex(key.as_bytes()))),
                ])
            });
            let threshold = count(u64::try_from(set.threshold).unwrap_or(u64::MAX));
            (
                role.name(),
                Json::object([("keys", Json::Array(keys.collect())), ("threshold", threshold)]),
            )
        });
        Json::object([
            ("format", Json::Int(FORMAT)),
            ("organization", Json::string(&self.organization)),
            ("version", count(self.version)),
            ("expires", Json::string(self.expires.to_string())),
            ("ref", Json::string(&self.reference)),
            ("introductory", text_or_null(&self.introductory)),
            ("epoch", count(self.epoch)),
            ("allow_unattested", Json::Bool(self.allow_unattested)),
            (
                "orders_max_age",
                self.orders_max_age_ms
                    .map_or(Json::Null, |ms| Json::String(write_duration(ms))),
            ),
            ("roles", Json::object(roles)),
        ])
        .to_pretty()
    }

    /// The next version of the file, if those who may have signed it: a threshold of this version's `root` keys and one
    /// of the next version's, over the bytes of the file, with [`PAYLOAD_TYPE`]. The signatures lie beside it
    /// (`trust.json.sig`; see [`crate::wire::layout::read_detached`]).
    ///
    /// Whether this version has expired is not asked: one that was offline for long steps through the versions it
    /// missed, and only the last must be in force, which `verify` asks.
    ///
    /// # Errors
    /// See [`SuccessorError`].
    pub fn accept_successor(&self, text: &str, signatures: &[Signature]) -> Result<TrustRoot, SuccessorError> {
        self.check(Role::Root, PAYLOAD_TYPE, text.as_bytes(), signatures)
            .map_err(SuccessorError::Present)?;
        let next = TrustRoot::parse(text).map_err(SuccessorError::Unreadable)?;
        next.check(Role::Root, PAYLOAD_TYPE, text.as_bytes(), signatures)
            .map_err(SuccessorError::Next)?;
        if next.organization != self.organization {
            return Err(SuccessorError::Organization {
                found: next.organization,
            });
        }
        if Some(next.version) != self.version.checked_add(1) {
            return Err(SuccessorError::Version {
                found: next.version,
                present: self.version,
            });
        }
        if next.epoch < self.epoch {
            return Err(SuccessorError::Epoch {
                found: next.epoch,
                present: self.epoch,
            });
        }
        Ok(next)
    }

    /// Who of a role signed, if there are enough of them.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn check(
        &self,
        role: Role,
        payload_type: &str,
        body: &[u8],
        signatures: &[Signature],
    ) -> Result<BTreeSet<Digest>, SignatureError> {
        let mut signers = self.signers(&[role], payload_type, body, signatures)?;
        let signers = signers.remove(&role).unwrap_or_default();
        self.require(role, &signers)?;
        Ok(signers)
    }

    /// Who signed, of the roles given.
    ///
    /// A signature by a key of those roles must hold, or all is refused. One by any other key counts for nothing and
    /// harms nothing: during a rotation one bundle is signed for the old trust root and for the new.
    pub(crate) fn signers(
        &self,
        roles: &[Role],
        payload_type: &str,
        body: &[u8],
        signatures: &[Signature],
    ) -> Result<BTreeMap<Role, BTreeSet<Digest>>, SignatureError> {
        let message = pre_authentication_encoding(payload_type, body);
        let mut signers: BTreeMap<Role, BTreeSet<Digest>> = BTreeMap::new();
        for Signature { key: id, bytes } in signatures {
            for role in roles {
                let Some(key) = self.roles.get(role).and_then(|set| set.keys.get(id)) else {
                    continue;
                };
                key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(bytes))
                    .map_err(|_| SignatureError::Bad { key: *id })?;
                signers.entry(*role).or_default().insert(*id);
            }
        }
        match signatures.first() {
            None => Err(SignatureError::Unsigned),
            Some(first) if signers.is_empty() => Err(SignatureError::UnknownKey {
                key: first.key,
                role: self.role_of(first.key),
            }),
            Some(_) => Ok(signers),
        }
    }

    /// Whether enough keys of a role are among the signers.
    pub(crate) fn require(&self, role: Role, signers: &BTreeSet<Digest>) -> Result<(), SignatureError> {
        let set = self.roles.get(&role).ok_or(SignatureError::NoKeys { role })?;
        let got = signers.iter().filter(|key| set.keys.contains_key(key)).count();
        if got < set.threshold {
            return Err(SignatureError::Threshold {
                role,
                got,
                needed: set.threshold,
            });
        }
        Ok(())
    }

    /// The role that a key stands in.
    pub fn role_of(&self, key: Digest) -> Option<Role> {
        self.roles
            .iter()
            .find(|(_, set)| set.keys.contains_key(&key))
            .map(|(role, _)| *role)
    }
}

impl KeySet {
    /// The ids of the keys and the keys, in the order of the ids.
    pub fn keys(&self) -> impl Iterator<Item = (Digest, &VerifyingKey)> {
        self.keys.iter().map(|(id, key)| (*id, key))
    }

    /// How many of them must sign; at least one, and at most as many as there are.
    pub fn threshold(&self) -> usize {
        self.threshold
    }
}

impl Role {
    /// Every role, in the order of the file.
    pub const ALL: [Role; 5] = [Role::Root, Role::Bundle, Role::Orders, Role::Revivals, Role::Developer];

    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Bundle => "bundle",
            Role::Orders => "orders",
            Role::Revivals => "revivals",
            Role::Developer => "developer",
        }
    }

    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of key that this runtime verifies.
const ED25519: &str = "ed25519";

struct WrittenRole {
    keys: Vec<WrittenKey>,
    threshold: u64,
}

struct WrittenKey {
    kind: String,
    public: String,
}

fn read_role(f: &mut Fields) -> Result<WrittenRole, FieldError> {
    let read_key = |f: &mut Fields| {
        Ok(WrittenKey {
            kind: f.text("type")?,
            public: f.text("public")?,
        })
    };
    let keys = f
        .array("keys")?
        .into_iter()
        .map(|key| Fields::read("roles.keys", key, read_key))
        .collect::<Result<_, _>>()?;
    Ok(WrittenRole {
        keys,
        threshold: f.count("threshold")?,
    })
}

impl WrittenKey {
    fn read(&self, role: Role) -> Result<VerifyingKey, TrustError> {
        if self.kind != ED25519 {
            return Err(TrustError::UnsupportedKeyType {
                role,
                kind: self.kind.clone(),
            });
        }
        from_hex(&self.public)
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .ok_or_else(|| TrustError::BadKey {
                role,
                public: self.public.clone(),
            })
    }
}

/// Whether the y coordinate is below the field's prime, 2^255 - 19. A few points have a second encoding that is not,
/// and a key must have one id.
fn is_canonical_point(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    *first < 0xed || middle.iter().any(|byte| *byte != 0xff) || last & 0x7f != 0x7f
}

fn is_commit_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
pub(crate) mod tests;
