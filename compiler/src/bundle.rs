//! A manifest, sections and keys become the bytes of a bundle, and the bytes a file.
//!
//! Packing knows nothing of what the sections mean, reads no clock, and gives the same bytes for the same input. What
//! it gives was read back and verified under the trust roots it is meant for.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use polity_runtime::bundle::{OpenError, UnverifiedBundle};
use polity_runtime::manifest::{Manifest, PAYLOAD_TYPE, Section};
use polity_runtime::trust::{Role, TrustRoot};
use polity_runtime::verify::VerifyError;
use polity_runtime::wire::Digest;
use polity_runtime::wire::layout;

use crate::keys::SecretKey;
use crate::sign::{SignError, sign};

/// Packs and signs a bundle for the agents that have one of the trust roots: usually one is given, and two while keys
/// are being exchanged.
///
/// The role that signs follows from `attested`. `sections` of the manifest are filled in here.
///
/// # Errors
/// Keys that may not sign or are too few, and a bundle that one of the trust roots would refuse at the moment it is
/// issued.
pub fn pack(
    mut manifest: Manifest,
    sections: &BTreeMap<String, Vec<u8>>,
    trusts: &[&TrustRoot],
    keys: &[SecretKey],
) -> Result<Vec<u8>, PackError> {
    manifest.sections = sections
        .iter()
        .map(|(name, bytes)| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            (
                name.clone(),
                Section {
                    sha256: Digest::of(bytes),
                    length,
                },
            )
        })
        .collect();
    let role = if manifest.attested {
        Role::Bundle
    } else {
        Role::Developer
    };
    let body = manifest.to_bytes();
    let signatures = sign(trusts, role, PAYLOAD_TYPE, &body, keys).map_err(PackError::Sign)?;
    let bytes = layout::write(&body, &signatures, sections);
    let bundle = UnverifiedBundle::open(bytes).map_err(PackError::Layout)?;
    for trust in trusts {
        let verified = bundle
            .clone()
            .verify(trust, manifest.issued.millis())
            .map_err(PackError::Refused)?;
        if *verified.manifest() != manifest {
            return Err(PackError::Altered);
        }
    }
    Ok(bundle.into_bytes())
}

/// Writes a file whole or not at all: beside it first, then to the disk, then in its place. Whatever interrupts this
/// leaves what was there before.
///
/// # Errors
/// Those of the file system.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, true, |file| file.write_all(bytes))
}

/// As [`write_atomically`], in the place of a file whose permissions stay.
///
/// # Errors
/// As [`write_atomically`], and where no file is there.
pub fn rewrite_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let permissions = std::fs::symlink_metadata(path)?.permissions();
    put(path, true, |file| {
        file.set_permissions(permissions)?;
        file.write_all(bytes)
    })
}

/// As [`write_atomically`], a file that is new: what is there already stays, and is an error.
///
/// # Errors
/// Those of the file system.
pub fn create_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, false, |file| file.write_all(bytes))
}

fn put(path: &Path, replace: bool, fill: impl FnOnce(&mut std::fs::File) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".polity-");
    // What is written here is public; without this the file could be read by its owner only. The umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // Dropped on any error below, which removes it.
    let mut file = builder.tempfile_in(folder)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    match replace {
        true => file.persist(path)?,
        false => file.persist_noclobber(path)?,
    };
    // The new name is on the disk only once the folder is. Not every system can open one.
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// Why no bundle was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackError {
    /// The keys do not suffice, or are the wrong ones.
    Sign(SignError),
    /// It would be too large.
    Layout(OpenError),
    /// A trust root that it is meant for would refuse it.
    Refused(VerifyError),
    /// It would not read back as it was written: a number in the manifest is beyond 63 bits.
    Altered,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign(error) => write!(f, "{error}"),
            Self::Layout(error) => write!(f, "{error}"),
            Self::Refused(error) => write!(f, "agents would refuse this bundle: {error}"),
            Self::Altered => f.write_str("a number in the manifest is too large to be written"),
        }
    }
}

impl std::error::Error for PackError {}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
