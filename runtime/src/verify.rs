//! An [`UnverifiedBundle`] and a [`TrustRoot`] become a [`Verified`] bundle, or an error that says what is wrong.
//!
//! The order matters. Signatures are checked over the manifest's bytes before these are parsed; what the manifest says
//! of itself is then held against the trust root; and the sections are hashed last. Whether a bundle is newer than the
//! last one, and whether it has expired, is not asked here: an expired bundle loads, and its decisions say so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use crate::bundle::{OpenError, UnverifiedBundle};
use crate::manifest::{Manifest, ManifestError, PAYLOAD_TYPE, Version};
use crate::trust::{Role, SignatureError, TrustRoot};
use crate::wire::layout::place_sections;
use crate::wire::{Digest, Timestamp};

/// A bundle whose signatures hold, whose manifest is for this trust root, and whose sections are those it was signed
/// with. That the sections make sense is not said.
#[derive(Debug, Clone)]
pub struct Verified {
    /// INVARIANT: every field was read from `bytes`, which were verified.
    bytes: Vec<u8>,
    manifest: Manifest,
    digest: Digest,
    sections: BTreeMap<String, Range<usize>>,
    signers: BTreeSet<Digest>,
}

impl UnverifiedBundle {
    /// Verifies everything that can be told from the bundle, the trust root and the time.
    ///
    /// `now_ms` is the host's time in milliseconds since 1970; the later of it and the manifest's `issued` counts.
    ///
    /// # Errors
    /// See [`VerifyError`]: one variant a cause.
    pub fn verify(self, trust: &TrustRoot, now_ms: i64) -> Result<Verified, VerifyError> {
        // Which of the two roles must have signed is written in the manifest, so both are tried first: no byte of it
        // is parsed that none of their keys signed.
        let signers = trust
            .signers(
                &[Role::Bundle, Role::Developer],
                PAYLOAD_TYPE,
                self.manifest_bytes(),
                self.signatures(),
            )
            .map_err(VerifyError::Signature)?;
        let manifest = self.claimed_manifest().map_err(VerifyError::Manifest)?;
        if !manifest.attested && !trust.allow_unattested {
            return Err(VerifyError::Unattested);
        }
        let role = if manifest.attested {
            Role::Bundle
        } else {
            Role::Developer
        };
        let signers = signers.get(&role).cloned().unwrap_or_default();
        trust.require(role, &signers).map_err(VerifyError::Signature)?;
        check_claims(&manifest, trust, self.envelope.format, now_ms)?;
        let sections = self.find_sections(&manifest)?;
        Ok(Verified {
            digest: self.digest(),
            bytes: self.bytes,
            manifest,
            sections,
            signers,
        })
    }

    fn find_sections(&self, manifest: &Manifest) -> Result<BTreeMap<String, Range<usize>>, VerifyError> {
        let lengths = manifest
            .sections
            .iter()
            .map(|(name, section)| (name.as_str(), section.length));
        let (places, rest) = place_sections(&self.bytes, self.envelope.end, lengths).map_err(VerifyError::Layout)?;
        if rest != 0 {
            return Err(VerifyError::TrailingBytes { count: rest });
        }
        for (name, section) in &manifest.sections {
            let bytes = places
                .get(name)
                .and_then(|place| self.bytes.get(place.clone()))
                .unwrap_or_default();
            if Digest::of(bytes) != section.sha256 {
                return Err(VerifyError::SectionHash { name: name.clone() });
            }
        }
        Ok(places)
    }
}

/// Holds what the manifest says of itself against the trust root.
fn check_claims(manifest: &Manifest, trust: &TrustRoot, format: u32, now_ms: i64) -> Result<(), VerifyError> {
    if manifest.effective_time(now_ms) >= trust.expires.millis() {
        return Err(VerifyError::TrustExpired { expired: trust.expires });
    }
    if manifest.organization != trust.organization {
        return Err(VerifyError::Organization {
            found: manifest.organization.clone(),
            wanted: trust.organization.clone(),
        });
    }
    if manifest.serial.epoch != trust.epoch {
        return Err(VerifyError::Epoch {
            found: manifest.serial.epoch,
            wanted: trust.epoch,
        });
    }
    // A folder has no ref. Only a bundle that is not attested can lack one: `Manifest::from_bytes` sees to that.
    if let Some(found) = manifest
        .source
        .reference
        .as_ref()
        .filter(|found| **found != trust.reference)
    {
        return Err(VerifyError::Reference {
            found: found.clone(),
            wanted: trust.reference.clone(),
        });
    }
    if manifest.attested {
        let wanted = trust.introductory.as_ref().ok_or(VerifyError::NoIntroductory)?;
        let found = manifest
            .trail
            .as_ref()
            .map(|trail| trail.introductory.as_str())
            .unwrap_or_default();
        if found != wanted {
            return Err(VerifyError::Introductory {
                found: found.to_owned(),
                wanted: wanted.clone(),
            });
        }
    }
    if manifest.format != format {
        return Err(VerifyError::Format {
            header: format,
            manifest: manifest.format,
        });
    }
    if manifest.min_runtime > Version::current() {
        return Err(VerifyError::MinRuntime {
            needed: manifest.min_runtime,
        });
    }
    Ok(())
}

impl Verified {
    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the bundle.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The ids of the keys that signed it, of the role that had to.
    pub fn signers(&self) -> impl Iterator<Item = Digest> {
        self.signers.iter().copied()
    }

    /// The bytes of a section.
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        self.sections.get(name).and_then(|place| self.bytes.get(place.clone()))
    }

    /// All sections, in the order of their names.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.sections
            .iter()
            .map(|(name, place)| (name.as_str(), self.bytes.get(place.clone()).unwrap_or_default()))
    }

    /// All sections, copied.
    pub fn to_sections(&self) -> BTreeMap<String, Vec<u8>> {
        self.sections()
            .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
            .collect()
    }
}

/// Why a bundle is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyError {
    /// Those who must sign it did not.
    Signature(SignatureError),
    /// The manifest cannot be read.
    Manifest(ManifestError),
    /// The sections are not laid out as they must be.
    Layout(OpenError),
    /// Something follows the last section.
    TrailingBytes {
        /// How many bytes.
        count: usize,
    },
    /// A section is not the one that was signed.
    SectionHash {
        /// The section.
        name: String,
    },
    /// Nobody approved what it was built from, and the trust root does not allow that.
    Unattested,
    /// The trust root accepts nothing any more.
    TrustExpired {
        /// Since when.
        expired: Timestamp,
    },
    /// Another organisation's bundle.
    Organization {
        /// Whose.
        found: String,
        /// The trust root's.
        wanted: String,
    },
    /// A bundle of another history.
    Epoch {
        /// Its epoch.
        found: u64,
        /// The trust root's.
        wanted: u64,
    },
    /// Built from another ref.
    Reference {
        /// Its ref.
        found: String,
        /// The trust root's.
        wanted: String,
    },
    /// The bundle is attested, and the trust root does not say from which commit on.
    NoIntroductory,
    /// Its trail starts from another commit.
    Introductory {
        /// Its commit.
        found: String,
        /// The trust root's.
        wanted: String,
    },
    /// The header, which is not signed, has another format than the manifest.
    Format {
        /// The header's.
        header: u32,
        /// The manifest's.
        manifest: u32,
    },
    /// It needs a later runtime.
    MinRuntime {
        /// At least this one.
        needed: Version,
    },
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => write!(f, "the bundle is not signed as it must be: {error}"),
            Self::Manifest(error) => write!(f, "{error}"),
            Self::Layout(error) => write!(f, "{error}"),
            Self::TrailingBytes { count } => {
                write!(f, "the bundle goes on after its last section, for {count} more bytes")
            }
            Self::SectionHash { name } => write!(f, "section `{name}` is not the one that was signed"),
            Self::Unattested => f.write_str(
                "the bundle is not attested (nobody's approval was verified), and the trust root does not allow that",
            ),
            Self::TrustExpired { expired } => write!(f, "the trust root has expired, on {expired}"),
            Self::Organization { found, wanted } => write!(
                f,
                "the bundle is of the organisation `{}`, and the trust root of `{wanted}`",
                found.escape_debug()
            ),
            Self::Epoch { found, wanted } => {
                write!(
                    f,
                    "the bundle is of epoch {found}, and the trust root of epoch {wanted}"
                )
            }
            Self::Reference { found, wanted } => {
                write!(
                    f,
                    "the bundle was built from `{}`, and the trust root wants `{wanted}`",
                    found.escape_debug()
                )
            }
            Self::NoIntroductory => f.write_str(
                "the bundle is attested, and the trust root names no introductory commit from which to trust its trail",
            ),
            Self::Introductory { found, wanted } => write!(
                f,
                "the trail of the bundle starts from commit {}, and the trust root wants {wanted}",
                found.escape_debug()
            ),
            Self::Format { header, manifest } => {
                write!(
                    f,
                    "the bundle's header says format {header}, and its manifest format {manifest}"
                )
            }
            Self::MinRuntime { needed } => {
                write!(
                    f,
                    "the bundle needs runtime {needed} or later, and this is {}",
                    Version::current()
                )
            }
        }
    }
}

impl std::error::Error for VerifyError {}

#[cfg(test)]
mod tests;
