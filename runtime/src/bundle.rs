//! Bytes become an [`UnverifiedBundle`]: something with the shape of a bundle, of which nothing is believed.
//!
//! What it knows is where the manifest and the signatures lie. It has no `decide`, and its sections cannot be reached:
//! [`verify`](UnverifiedBundle::verify) turns it into a [`Verified`](crate::verify::Verified), which has them.

use crate::manifest::{Manifest, ManifestError};
use crate::wire::Digest;
pub use crate::wire::layout::OpenError;
use crate::wire::layout::{self, Envelope, Signature};

/// A file with the layout of a bundle. Nothing was verified, so nothing in it can be reached but what it claims:
/// ```compile_fail
/// fn look(bundle: &polity_runtime::bundle::UnverifiedBundle) -> Option<&[u8]> {
///     bundle.section("cells")
/// }
/// ```
/// Only what was verified has sections:
/// ```
/// fn look(bundle: &polity_runtime::verify::Verified) -> Option<&[u8]> {
///     bundle.section("cells")
/// }
/// ```
#[derive(Debug, Clone)]
pub struct UnverifiedBundle {
    pub(crate) bytes: Vec<u8>,
    /// INVARIANT: read from `bytes`.
    pub(crate) envelope: Envelope,
}

impl UnverifiedBundle {
    /// Looks at the header, the manifest's bounds and the signatures' form, and at nothing else.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(bytes: Vec<u8>) -> Result<Self, OpenError> {
        let envelope = layout::read_envelope(&bytes)?;
        Ok(Self { bytes, envelope })
    }

    /// The file, as it was opened.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the manifest claims, for people to look at. Anybody can write anything there.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn claimed_manifest(&self) -> Result<Manifest, ManifestError> {
        Manifest::from_bytes(self.manifest_bytes())
    }

    /// The manifest's bytes, as received.
    pub fn manifest_bytes(&self) -> &[u8] {
        self.bytes.get(self.envelope.manifest.clone()).unwrap_or_default()
    }

    /// The digest of the bundle: of its manifest's bytes, which hold the digests of all sections. Signing again
    /// does not change it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.manifest_bytes())
    }

    /// The signatures, in the order of their key ids.
    pub fn signatures(&self) -> &[Signature] {
        &self.envelope.signatures
    }
}
