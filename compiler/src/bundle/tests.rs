//! Packing and atomic writing: what is refused before a bundle is written, and what is left when writing fails.

use std::collections::BTreeSet;

use polity_runtime::manifest::{Compiler, Grace, Serial, Source, Trail, Version};
use polity_runtime::value::Effect;
use polity_runtime::wire::Timestamp;

use super::*;
use crate::keys::{Keygen, Keyring, keygen};

/// The moment at which the bundles of these tests are issued.
pub(super) const ISSUED: &str = "2026-11-01T12:00:00Z";

/// The keys of a role are made of one repeated byte: `first` for root, the next for bundle and so on.
pub(super) fn ring(developer: bool, first: u8) -> Keyring {
    let request = Keygen {
        organization: "acme".to_owned(),
        reference: "refs/heads/main".to_owned(),
        introductory: Some("a".repeat(40)),
        developer,
        now_ms: Timestamp::parse("2026-10-01T00:00:00Z").unwrap().millis(),
    };
    let mut next = first;
    keygen(&request, || {
        next += 1;
        Ok(zeroize::Zeroizing::new([next - 1; 32]))
    })
    .unwrap()
}

/// The key of a role.
pub(super) fn take(ring: Keyring, role: Role) -> Vec<SecretKey> {
    ring.keys.into_iter().filter(|key| key.role() == role).collect()
}

/// An attested manifest of acme.
pub(super) fn manifest() -> Manifest {
    Manifest {
        organization: "acme".to_owned(),
        serial: Serial { epoch: 0, steps: 41 },
        issued: Timestamp::parse(ISSUED).unwrap(),
        expires: Timestamp::parse("2026-11-08T12:00:00Z").unwrap(),
        grace: Some(Grace {
            until: Timestamp::parse("2026-11-10T12:00:00Z").unwrap(),
            effects: BTreeSet::from([Effect::Read]),
        }),
        format: layout::FORMAT,
        min_runtime: Version {
            major: 0,
            minor: 1,
            patch: 0,
        },
        source: Source {
            repository: Some("https://git.acme.example/governance".to_owned()),
            reference: Some("refs/heads/main".to_owned()),
            commit: Some("c".repeat(40)),
            tree: Some("d".repeat(40)),
        },
        compiler: Compiler {
            version: "0.1.0".to_owned(),
            digest: None,
        },
        trail: Some(Trail {
            checkpoint: None,
            introductory: "a".repeat(40),
            steps: 41,
        }),
        previous: None,
        attested: true,
        scope: None,
        least_orders: 0,
        features: BTreeSet::new(),
        sections: BTreeMap::new(),
    }
}

/// Sections whose lengths are no multiples of the alignment, and an empty one.
pub(super) fn sections() -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        ("cells".to_owned(), (0..13).collect()),
        ("names".to_owned(), b"payments/claude-code".to_vec()),
        ("none".to_owned(), Vec::new()),
        ("trail".to_owned(), vec![0xff; 3]),
    ])
}

#[test]
fn the_same_input_gives_the_same_bytes_and_they_load() {
    let trust = ring(false, 1).trust;
    let pack = || pack(manifest(), &sections(), &[&trust], &take(ring(false, 1), Role::Bundle)).unwrap();
    let bytes = pack();
    assert_eq!(bytes, pack());
    let verified = UnverifiedBundle::open(bytes)
        .unwrap()
        .verify(&trust, manifest().issued.millis())
        .unwrap();
    assert_eq!(verified.to_sections(), sections());
    assert_eq!(verified.manifest().serial, manifest().serial);
}

#[test]
fn a_bundle_that_needs_what_no_runtime_knows_verifies_and_does_not_load() {
    let trust = ring(false, 1).trust;
    let mut manifest = manifest();
    manifest.features = BTreeSet::from(["rego".to_owned(), "telepathy".to_owned()]);
    let now = manifest.issued.millis();
    let bytes = pack(manifest, &sections(), &[&trust], &take(ring(false, 1), Role::Bundle)).unwrap();
    let verified = UnverifiedBundle::open(bytes).unwrap().verify(&trust, now).unwrap();
    let error = polity_runtime::Bundle::from_verified(&verified).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle needs the feature `telepathy`, which this runtime does not have"
    );
}

#[test]
fn the_keys_are_those_of_the_role_that_the_manifest_asks_for() {
    let trust = ring(true, 1).trust;
    let with = |manifest: Manifest, role| pack(manifest, &sections(), &[&trust], &take(ring(true, 1), role));
    let mut unattested = manifest();
    (unattested.attested, unattested.trail) = (false, None);
    assert!(with(manifest(), Role::Bundle).is_ok());
    assert!(with(unattested.clone(), Role::Developer).is_ok());
    for (manifest, role) in [
        (manifest(), Role::Developer),
        (unattested.clone(), Role::Bundle),
        (manifest(), Role::Root),
    ] {
        assert!(matches!(
            with(manifest, role),
            Err(PackError::Sign(SignError::NotInRole { .. }))
        ));
    }
    assert!(matches!(
        pack(manifest(), &sections(), &[&trust], &[]),
        Err(PackError::Sign(SignError::TooFew { .. }))
    ));
    let mut strict = trust.clone();
    strict.allow_unattested = false;
    let refused = pack(
        unattested,
        &sections(),
        &[&strict],
        &take(ring(true, 1), Role::Developer),
    );
    assert_eq!(refused, Err(PackError::Refused(VerifyError::Unattested)));
}

#[test]
fn one_bundle_serves_the_old_trust_root_and_the_new() {
    let (old, new) = (ring(false, 1), ring(false, 11));
    let trusts = [old.trust.clone(), new.trust.clone()];
    let mut keys = take(old, Role::Bundle);
    keys.extend(take(new, Role::Bundle));
    let bytes = pack(manifest(), &sections(), &[&trusts[0], &trusts[1]], &keys).unwrap();
    for trust in &trusts {
        let bundle = UnverifiedBundle::open(bytes.clone()).unwrap();
        assert!(bundle.verify(trust, manifest().issued.millis()).is_ok());
    }
    let one_key = pack(manifest(), &sections(), &[&trusts[0], &trusts[1]], &keys[..1]);
    assert!(matches!(one_key, Err(PackError::Sign(SignError::TooFew { .. }))));
}

#[test]
fn what_agents_would_refuse_is_not_packed() {
    let trust = ring(false, 1).trust;
    let refuse = |change: fn(&mut Manifest), sections: &BTreeMap<String, Vec<u8>>| {
        let mut manifest = manifest();
        change(&mut manifest);
        pack(manifest, sections, &[&trust], &take(ring(false, 1), Role::Bundle)).unwrap_err()
    };
    let refused = |error| matches!(error, PackError::Refused(_));
    assert!(refused(refuse(|m| m.organization = "other".to_owned(), &sections())));
    assert!(refused(refuse(|m| m.expires = m.issued, &sections())));
    assert!(refused(refuse(|m| m.trail = None, &sections())));
    assert!(refused(refuse(
        |_| (),
        &BTreeMap::from([("No Name".to_owned(), Vec::new())])
    )));
    assert_eq!(refuse(|m| m.least_orders = u64::MAX, &sections()), PackError::Altered);
    let many = (0..=layout::MAX_SECTIONS)
        .map(|i| (format!("s{i}"), Vec::new()))
        .collect();
    assert!(refused(refuse(|_| (), &many)));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test looks at what was written")]
fn an_interrupted_write_leaves_the_old_file_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("acme.polity");
    write_atomically(&path, b"old").unwrap();
    let interrupted = put(&path, true, |file| {
        file.write_all(b"ne")?;
        assert_eq!(std::fs::read(&path).unwrap(), b"old", "half of the new one is not seen");
        Err(io::Error::other("the disk is full"))
    });
    assert_eq!(interrupted.unwrap_err().to_string(), "the disk is full");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    write_atomically(&path, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(write_atomically(&dir.path().join("no/such/folder"), b"new").is_err());
}
