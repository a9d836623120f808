//! What revisions compiled to, for the next comparison: a [`Side`] for the id of a tree.
//!
//! A file has the layout of a bundle: a label (of which tree, by which program, the digest of each section), a signature
//! over it, the sections. It is signed with a key of the user's that lies outside of every repository, so a folder
//! `.git/` that somebody else filled, or that a pipeline kept from another job, is of no effect. What does not verify,
//! is of another program or is cut short was never written, as far as anybody can tell. Knows nothing of why a side is
//! asked for; a comparison that decides whether something may be merged does not ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ed25519_dalek::Signature;
use polity_runtime::trust::Role;
use polity_runtime::wire::{Digest, layout, pre_authentication_encoding};
use serde::{Deserialize, Serialize};

use super::super::{files, surroundings};
use crate::diff::Side;
use crate::keys::{KeyError, SecretKey, random_seed};
use crate::source::is_own;

/// What a signature over a label is for.
const PAYLOAD_TYPE: &str = "application/vnd.polity.side.v1+json";
/// How many revisions are kept. A review looks at a branch and at what it leaves, again and again; picked by gut feeling.
const MOST: usize = 8;
/// How many bytes they may take together. A revision of 5,000 deployments and 10,000 rules takes some twenty million.
const MOST_BYTES: u64 = 256 << 20;
/// What follows the name of an entry.
const ENDING: &str = "side";

/// The sides that are kept of one repository.
pub(in crate::cli) struct Sides {
    folder: PathBuf,
    key: SecretKey,
    /// The digest of the program that runs: another one may make something else of the same tree.
    program: Digest,
}

/// What the signature is over.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    program: String,
    tree: String,
    /// The digest and the length of each section.
    sections: BTreeMap<String, (String, u64)>,
}

impl Sides {
    /// The sides kept below this `.git/`. `None` where nothing can be kept: the user has no folder for a key, or the
    /// folder below `.git/` is not theirs.
    pub(in crate::cli) fn open(git_folder: &Path) -> Option<Self> {
        let above = git_folder.join("polity");
        let folder = above.join("sides");
        if !super::made(&above) || !super::made(&folder) {
            return None;
        }
        Some(Self {
            folder,
            key: key()?,
            program: surroundings::program_digest()?,
        })
    }

    /// What a tree compiled to, where it is known.
    pub(in crate::cli) fn read(&self, tree: &str) -> Option<Side> {
        let bytes = super::plain(&self.place(tree), u64::try_from(layout::MAX_BUNDLE_BYTES).ok()?)?;
        // Names of properties stay where they were read. A process compares once.
        let bytes: &'static [u8] = bytes.leak();
        let envelope = layout::read_envelope(bytes).ok()?;
        let label = bytes.get(envelope.manifest)?;
        let own = envelope.signatures.iter().find(|one| one.key == self.key.id())?;
        let signed = pre_authentication_encoding(PAYLOAD_TYPE, label);
        let signature = Signature::from_bytes(&own.bytes);
        self.key.public().verify_strict(&signed, &signature).ok()?;
        let label: Label = serde_json::from_slice(label).ok()?;
        if label.program != self.program.to_string() || label.tree != tree {
            return None;
        }
        let lengths = label
            .sections
            .iter()
            .map(|(name, (_, length))| (name.as_str(), *length));
        let (places, rest) = layout::place_sections(bytes, envelope.end, lengths).ok()?;
        let mut sections = BTreeMap::new();
        for (name, (digest, _)) in &label.sections {
            let section = bytes.get(places.get(name)?.clone())?;
            if Digest::of(section).to_string() != *digest {
                return None;
            }
            sections.insert(name.as_str(), section);
        }
        (rest == 0).then(|| Side::from_sections(&sections)).flatten()
    }

    /// Keeps what a tree compiled to, and throws away what is oldest of too much.
    pub(in crate::cli) fn write(&self, tree: &str, side: &Side) {
        let Some(sections) = side.to_sections() else { return };
        let label = Label {
            program: self.program.to_string(),
            tree: tree.to_owned(),
            sections: sections
                .iter()
                .map(|(name, bytes)| {
                    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    (name.clone(), (Digest::of(bytes).to_string(), length))
                })
                .collect(),
        };
        let Ok(label) = serde_json::to_vec(&label) else { return };
        let signature = self.key.sign(PAYLOAD_TYPE, &label);
        let bytes = layout::write(&label, &[signature], &sections);
        if bytes.len() > layout::MAX_BUNDLE_BYTES {
            return;
        }
        // A clone that cannot be written to is compared as well as any other.
        let _ = files::write_atomically(&self.place(tree), "what a revision compiled to", &bytes);
        self.prune();
    }

    /// One file for each program and tree.
    fn place(&self, tree: &str) -> PathBuf {
        let name = Digest::of(format!("{}\n{tree}", self.program).as_bytes());
        self.folder.join(format!("{name}.{ENDING}"))
    }

    /// Whatever lies here was put here by this program: entries, and what is left of writing one that was interrupted.
    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut all: Vec<(std::time::SystemTime, PathBuf, u64)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, entry.path(), metadata.len()))
            })
            .collect();
        // The newest first; the name settles what was written at once.
        all.sort_by(|a, b| b.cmp(a));
        let mut bytes = 0u64;
        for (at, (_, path, length)) in all.iter().enumerate() {
            bytes = bytes.saturating_add(*length);
            if at >= MOST || bytes > MOST_BYTES {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// The key of this user on this machine, made where there is none yet.
fn key() -> Option<SecretKey> {
    let folder = surroundings::state_folder()?.join("polity");
    let place = folder.join("cache.key");
    if !place.exists() {
        std::fs::create_dir_all(&folder).ok()?;
        let made = SecretKey::from_seed(
            Role::Developer,
            "what this machine keeps for itself",
            &random_seed().ok()?,
        );
        match made.write_new(&place) {
            // Another run was faster.
            Ok(()) | Err(KeyError::Exists { .. }) => {}
            Err(_) => return None,
        }
    }
    // A key that others can read or put there says nothing.
    SecretKey::read(&place).ok().filter(|_| is_own(&place))
}
