//! Verification: every way in which a bundle is not to be believed, with an error of its own.

use crate::manifest::tests::full;
use crate::manifest::{Manifest, Phase, Section};
use crate::trust::tests::{acme, key, sign};
use crate::wire::layout;

use super::*;

const NOW: i64 = 1_793_600_000_000;

fn sections() -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        ("cells".to_owned(), (0..13).collect()),
        ("names".to_owned(), b"payments/claude-code".to_vec()),
        ("tail".to_owned(), Vec::new()),
        ("trail".to_owned(), vec![0xff; 3]),
    ])
}

fn with_sections(mut manifest: Manifest) -> Manifest {
    manifest.sections = sections()
        .into_iter()
        .map(|(name, bytes)| {
            let length = u64::try_from(bytes.len()).unwrap();
            (
                name,
                Section {
                    sha256: Digest::of(&bytes),
                    length,
                },
            )
        })
        .collect();
    manifest
}

fn pack(manifest: &Manifest, keys: &[u8]) -> Vec<u8> {
    let bytes = manifest.to_bytes();
    layout::write(&bytes, &sign(PAYLOAD_TYPE, &bytes, keys), &sections())
}

fn load(bytes: &[u8], trust: &TrustRoot) -> Result<Verified, String> {
    let bundle = UnverifiedBundle::open(bytes.to_vec()).map_err(|error| error.to_string())?;
    bundle.verify(trust, NOW).map_err(|error| error.to_string())
}

/// A bundle of acme, signed by key 2, after a change to its manifest.
fn changed(change: fn(&mut Manifest)) -> UnverifiedBundle {
    let mut manifest = with_sections(full());
    change(&mut manifest);
    let keys: &[u8] = if manifest.attested { &[2] } else { &[5] };
    UnverifiedBundle::open(pack(&manifest, keys)).unwrap()
}

fn refused(change: fn(&mut Manifest)) -> VerifyError {
    changed(change).verify(&acme(), NOW).unwrap_err()
}

#[test]
fn a_sound_bundle_gives_its_manifest_and_sections() {
    let manifest = with_sections(full());
    let verified = load(&pack(&manifest, &[2]), &acme()).unwrap();
    assert_eq!(verified.manifest(), &manifest);
    assert_eq!(verified.to_sections(), sections());
    assert_eq!(verified.section("names"), Some(&b"payments/claude-code"[..]));
    assert_eq!(verified.section("other"), None);
    assert_eq!(verified.digest(), Digest::of(&manifest.to_bytes()));
    assert_eq!(
        verified.signers().collect::<Vec<_>>(),
        [crate::trust::key_id(&key(2).verifying_key())]
    );
}

#[test]
fn no_byte_can_be_changed() {
    let bytes = pack(&with_sections(full()), &[2]);
    let trust = acme();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(load(&changed, &trust).is_err(), "byte {at} changed by {flip:02x}");
        }
    }
}

#[test]
fn no_byte_can_be_cut_off_or_added() {
    let bytes = pack(&with_sections(full()), &[2]);
    let trust = acme();
    for length in 0..bytes.len() {
        assert!(load(&bytes[..length], &trust).is_err(), "cut to {length}");
    }
    for extra in [&[0][..], &[0; 8], b"x"] {
        let longer = [&bytes, extra].concat();
        let error = load(&longer, &trust).unwrap_err();
        assert_eq!(
            error,
            format!(
                "the bundle goes on after its last section, for {} more bytes",
                extra.len()
            )
        );
    }
    assert!(load(&[&bytes[..], &bytes[..]].concat(), &trust).is_err());
}

#[test]
fn a_signature_that_does_not_count_changes_nothing_whatever_becomes_of_it() {
    let manifest = with_sections(full());
    let bytes = pack(&manifest, &[2, 77]);
    let trust = acme();
    let stranger = crate::trust::key_id(&key(77).verifying_key());
    let at = bytes.windows(32).position(|window| window == stranger.0).unwrap();
    assert_eq!(load(&bytes, &trust).unwrap().manifest(), &manifest);
    let mut accepted = 0;
    for offset in 0..104 {
        let mut changed = bytes.clone();
        changed[at + offset] ^= 0x10;
        if let Ok(verified) = load(&changed, &trust) {
            accepted += 1;
            assert_eq!((verified.manifest(), verified.to_sections()), (&manifest, sections()));
        }
    }
    assert!(
        accepted > 0,
        "the signature of a key from another trust root is not needed"
    );
}

#[test]
fn random_mutations_are_refused_and_never_panic() {
    // xorshift64, seeded: the same mutations in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % bound
    };
    let bytes = pack(&with_sections(full()), &[2]);
    let trust = acme();
    for _ in 0..20_000 {
        let mut mutant = bytes.clone();
        for _ in 0..=random(4) {
            let at = random(mutant.len());
            match random(6) {
                0 => mutant[at] = u8::try_from(random(256)).unwrap(),
                1 => mutant[at] ^= 1 << random(8),
                2 => mutant.truncate(at.max(1)),
                3 => mutant.insert(at, u8::try_from(random(256)).unwrap()),
                4 => drop(mutant.remove(at)),
                _ => {
                    let (from, length) = (random(mutant.len()), random(64));
                    let piece: Vec<u8> = mutant.iter().skip(from).take(length).copied().collect();
                    mutant.splice(at..at, piece);
                }
            }
            if mutant.is_empty() {
                mutant.push(0);
            }
        }
        if mutant != bytes {
            assert!(load(&mutant, &trust).is_err());
        }
        // The same bytes as a manifest that was signed: what the parser sees once a signer is hostile or wrong.
        let _ = Manifest::from_bytes(&mutant);
        let start = random(mutant.len());
        if let Some(rest) = mutant.get(start..) {
            let _ = UnverifiedBundle::open([&bytes[..20], rest].concat()).map(|bundle| bundle.verify(&trust, NOW));
        }
    }
}

#[test]
fn mutated_manifests_under_a_good_signature_never_panic() {
    let manifest = with_sections(full()).to_bytes();
    let trust = acme();
    for at in 0..manifest.len() {
        for byte in [b'0', b'"', b'}', b'9', b'-', 0xff] {
            let mut changed = manifest.clone();
            changed[at] = byte;
            let bytes = layout::write(&changed, &sign(PAYLOAD_TYPE, &changed, &[2]), &sections());
            if let Ok(verified) = load(&bytes, &trust) {
                assert_eq!(verified.manifest().to_bytes(), changed);
            }
        }
    }
}

#[test]
fn who_must_sign_is_the_trust_root_s_to_say() {
    let manifest = with_sections(full());
    let mut trust = acme();
    let refuse = |trust: &TrustRoot, keys: &[u8]| load(&pack(&manifest, keys), trust).unwrap_err();
    let id = |seed| crate::trust::key_id(&key(seed).verifying_key());
    let unsigned = "the bundle is not signed as it must be: ";
    assert_eq!(refuse(&trust, &[]), format!("{unsigned}nobody signed it"));
    assert_eq!(
        refuse(&trust, &[77]),
        format!(
            "{unsigned}it is signed by key {}, which the trust root does not know",
            id(77)
        )
    );
    assert_eq!(
        refuse(&trust, &[3]),
        format!(
            "{unsigned}it is signed by key {}, which has the role `orders` and may not sign this",
            id(3)
        )
    );
    // An attested bundle needs the role `bundle`, even where `developer` may sign others.
    trust.allow_unattested = true;
    assert_eq!(
        refuse(&trust, &[5]),
        format!("{unsigned}0 of the 1 keys of the role `bundle` that must sign it did")
    );
    trust
        .set_role(
            Role::Bundle,
            &[key(2).verifying_key(), key(12).verifying_key(), key(13).verifying_key()],
            2,
        )
        .unwrap();
    assert_eq!(
        refuse(&trust, &[2]),
        format!("{unsigned}1 of the 2 keys of the role `bundle` that must sign it did")
    );
    assert_eq!(
        refuse(&trust, &[2, 5, 77]),
        format!("{unsigned}1 of the 2 keys of the role `bundle` that must sign it did")
    );
    assert!(load(&pack(&manifest, &[2, 13]), &trust).is_ok());
    let bytes = manifest.to_bytes();
    let for_another_purpose = layout::write(&bytes, &sign(crate::trust::PAYLOAD_TYPE, &bytes, &[2]), &sections());
    assert_eq!(
        load(&for_another_purpose, &acme()).unwrap_err(),
        format!("{unsigned}the signature by key {} does not hold", id(2))
    );
}

#[test]
fn an_unattested_bundle_needs_a_developer_s_trust_root_and_the_developer_s_key() {
    let unattested = |m: &mut Manifest| (m.attested, m.trail) = (false, None);
    assert_eq!(refused(unattested), VerifyError::Unattested);
    let mut trust = acme();
    trust.allow_unattested = true;
    assert!(changed(unattested).verify(&trust, NOW).is_ok());
    let mut manifest = with_sections(full());
    unattested(&mut manifest);
    let error = load(&pack(&manifest, &[2]), &trust).unwrap_err();
    assert!(
        error.ends_with("0 of the 1 keys of the role `developer` that must sign it did"),
        "{error}"
    );
    // Built from a folder.
    let folder = changed(|m| (m.attested, m.trail, m.source) = (false, None, Default::default()));
    assert!(folder.verify(&trust, NOW).is_ok());
    // Of another ref all the same.
    let branch = changed(|m| (m.attested, m.source.reference) = (false, Some("refs/heads/x".to_owned())));
    assert!(matches!(branch.verify(&trust, NOW), Err(VerifyError::Reference { .. })));
}

#[test]
fn the_manifest_is_held_against_the_trust_root() {
    assert!(matches!(
        refused(|m| m.organization = "other".to_owned()),
        VerifyError::Organization { .. }
    ));
    assert_eq!(
        refused(|m| m.serial.epoch = 1),
        VerifyError::Epoch { found: 1, wanted: 0 }
    );
    assert!(matches!(
        refused(|m| m.source.reference = Some("refs/heads/x".to_owned())),
        VerifyError::Reference { .. }
    ));
    assert!(matches!(
        refused(|m| m.trail.as_mut().unwrap().introductory = "b".repeat(40)),
        VerifyError::Introductory { .. }
    ));
    assert_eq!(
        refused(|m| m.format = 2),
        VerifyError::Format { header: 1, manifest: 2 }
    );
    let needed = Version {
        major: 999,
        minor: 0,
        patch: 0,
    };
    assert!(
        matches!(refused(|m| m.min_runtime.major = 999), VerifyError::MinRuntime { needed: found } if found.major == needed.major)
    );
    let mut trust = acme();
    trust.introductory = None;
    assert_eq!(
        changed(|_| ()).verify(&trust, NOW).unwrap_err(),
        VerifyError::NoIntroductory
    );
}

#[test]
fn sections_that_are_swapped_missing_or_added_are_refused() {
    let hash = |name: &str| VerifyError::SectionHash { name: name.to_owned() };
    assert_eq!(
        refused(|m| m.sections.get_mut("names").unwrap().sha256 = Digest([0; 32])),
        hash("names")
    );
    assert_eq!(
        refused(|m| m.sections.get_mut("trail").unwrap().length = 2),
        VerifyError::TrailingBytes { count: 1 }
    );
    assert!(matches!(
        refused(|m| m.sections.get_mut("trail").unwrap().length = 4),
        VerifyError::Layout(OpenError::Truncated { .. })
    ));
    assert!(matches!(
        refused(|m| m.sections.get_mut("trail").unwrap().length = 1 << 26),
        VerifyError::Layout(OpenError::Truncated { .. })
    ));
    assert!(matches!(
        refused(|m| assert!(m.sections.remove("cells").is_some())),
        VerifyError::Layout(_) | VerifyError::SectionHash { .. }
    ));
    assert!(matches!(
        refused(|m| assert!(m.sections.remove("trail").is_some())),
        VerifyError::TrailingBytes { .. }
    ));
    let extra = |m: &mut Manifest| {
        m.sections.insert(
            "zz".to_owned(),
            Section {
                sha256: Digest::of(b"x"),
                length: 1,
            },
        );
    };
    assert!(matches!(
        refused(extra),
        VerifyError::Layout(OpenError::Truncated { .. })
    ));
}

#[test]
fn an_expired_bundle_loads_and_an_expired_trust_root_accepts_nothing() {
    let trust = acme();
    let late = full().grace.unwrap().until.millis();
    let verified = changed(|_| ()).verify(&trust, late).unwrap();
    assert_eq!(verified.manifest().phase(late), Phase::Expired);
    let expired = VerifyError::TrustExpired { expired: trust.expires };
    assert_eq!(
        changed(|_| ()).verify(&trust, trust.expires.millis()).unwrap_err(),
        expired
    );
    assert!(changed(|_| ()).verify(&trust, trust.expires.millis() - 1).is_ok());
    // A clock that was set back does not revive the trust root: what it signed later tells.
    let later = changed(|m| {
        (m.issued, m.grace) = (Timestamp::parse("2027-11-01T00:00:00Z").unwrap(), None);
        m.expires = Timestamp::parse("2027-11-02T00:00:00Z").unwrap();
    });
    assert_eq!(later.verify(&trust, 0).unwrap_err(), expired);
}

#[test]
fn errors_of_every_kind_say_something_of_their_own() {
    let bundle = changed(|_| ());
    let expired = VerifyError::TrustExpired {
        expired: acme().expires,
    };
    assert_eq!(
        expired.to_string(),
        "the trust root has expired, on 2027-11-01T00:00:00Z"
    );
    assert_eq!(bundle.claimed_manifest().unwrap().organization, "acme");
    let messages = [
        refused(|m| m.organization = "other".to_owned()),
        refused(|m| m.serial.epoch = 1),
        refused(|m| m.format = 2),
        refused(|m| m.attested = false),
        refused(|m| m.min_runtime.major = 999),
        refused(|m| m.source.reference = Some("refs/heads/x".to_owned())),
        refused(|m| m.sections.get_mut("names").unwrap().sha256 = Digest([0; 32])),
        expired,
    ]
    .map(|error| error.to_string());
    assert_eq!(messages.iter().collect::<BTreeSet<_>>().len(), messages.len());
}
