//! The manifest: one spelling for each, every field needed, and the order of bundles.

use super::*;

/// A manifest with every field that may be null given.
pub(crate) fn full() -> Manifest {
    Manifest {
        organization: "acme".to_owned(),
        serial: Serial { epoch: 0, steps: 41 },
        issued: Timestamp::parse("2026-11-01T12:00:00Z").unwrap(),
        expires: Timestamp::parse("2026-11-08T12:00:00Z").unwrap(),
        grace: Some(Grace {
            until: Timestamp::parse("2026-11-10T12:00:00Z").unwrap(),
            effects: BTreeSet::from([Effect::Read]),
        }),
        format: crate::wire::layout::FORMAT,
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
            digest: Some(Digest([5; 32])),
        },
        trail: Some(Trail {
            checkpoint: Some("b".repeat(40)),
            introductory: "a".repeat(40),
            steps: 41,
        }),
        previous: Some(Digest([6; 32])),
        attested: true,
        scope: Some(Scope::Team("payments".to_owned())),
        least_orders: 3,
        features: BTreeSet::new(),
        sections: BTreeMap::new(),
    }
}

#[test]
fn features_are_listed_once_each_in_order_or_not_at_all() {
    let mut manifest = full();
    manifest.features = BTreeSet::from(["later".to_owned(), "rego".to_owned()]);
    let text = String::from_utf8(manifest.to_bytes()).unwrap();
    for wrong in ["[]", r#"["rego","later"]"#, r#"["rego","rego"]"#, "[1]", "null"] {
        let text = text.replace(r#"["later","rego"]"#, wrong);
        let found = Manifest::from_bytes(text.as_bytes());
        assert!(
            matches!(found, Err(ManifestError::Field(FieldError::Wrong { .. }))),
            "{wrong}: {found:?}"
        );
    }
}

#[test]
fn a_manifest_survives_writing_and_reading() {
    let mut bare = full();
    (bare.grace, bare.trail, bare.previous, bare.scope, bare.attested) = (None, None, None, None, false);
    (bare.source, bare.compiler.digest) = (Source::default(), None);
    bare.features = BTreeSet::from(["later".to_owned(), "rego".to_owned()]);
    bare.sections.insert(
        "cells".to_owned(),
        Section {
            sha256: Digest([7; 32]),
            length: 12,
        },
    );
    for manifest in [full(), bare] {
        assert_eq!(Manifest::from_bytes(&manifest.to_bytes()), Ok(manifest));
    }
}

#[test]
fn only_the_canonical_form_with_exactly_its_fields_is_read() {
    let text = String::from_utf8(full().to_bytes()).unwrap();
    let read = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Manifest::from_bytes(text.replacen(from, to, 1).as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read("{\"attested\"", "{ \"attested\""),
        "the manifest is not canonical: byte 1 departs from the canonical form"
    );
    assert_eq!(
        read("\"previous\"", "\"previouz\""),
        "the manifest is not well formed: the field `previous` is missing"
    );
    assert_eq!(
        read("\"trail\"", "\"traces\":1,\"trail\""),
        "the manifest is not well formed: there is no field `traces`"
    );
    assert_eq!(
        read("{\"epoch\":0", "{\"apoch\":1,\"epoch\":0"),
        "the manifest is not well formed: there is no field `serial.apoch`"
    );
    assert_eq!(
        read("\"epoch\":0", "\"epoch\":-1"),
        "the manifest is not well formed: `serial.epoch` must be a number that is not negative"
    );
    assert!(read("2026-11-01T12:00:00Z", "2026-11-01 12:00:00Z").contains("`issued` must be a moment"));
    assert!(read("\"0.1.0\"}", "null}").contains("`compiler.version` must be a string"));
    assert!(read("[\"read\"]", "[\"write\",\"read\"]").contains("`grace.effects` must be a list in order"));
    assert!(read("[\"read\"]", "[\"all\"]").contains("`grace.effects`"));
    assert!(read("\"team\"", "\"teem\"").contains("`scope.kind`"));
    assert!(read("\"min_runtime\":\"0.1.0\"", "\"min_runtime\":\"0.01.0\"").contains("`min_runtime`"));
    assert_eq!(
        read("[\"read\"]", "[]"),
        "the grace in the manifest ends before it starts, or allows nothing"
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let refuse = |change: fn(&mut Manifest)| {
        let mut manifest = full();
        change(&mut manifest);
        Manifest::from_bytes(&manifest.to_bytes()).unwrap_err()
    };
    assert_eq!(refuse(|m| m.expires = m.issued), ManifestError::Lifetime);
    assert_eq!(
        refuse(|m| m.grace.as_mut().unwrap().until = m.expires),
        ManifestError::Grace
    );
    assert_eq!(refuse(|m| m.trail = None), ManifestError::AttestedWithoutSource);
    assert_eq!(
        refuse(|m| m.source.reference = None),
        ManifestError::AttestedWithoutSource
    );
    let section = Section {
        sha256: Digest([7; 32]),
        length: 1,
    };
    let named = |m: &mut Manifest, name: &str, length| {
        m.sections.insert(name.to_owned(), Section { length, ..section });
    };
    assert!(matches!(
        refuse(|m| {
            m.sections.insert(
                "A b".to_owned(),
                Section {
                    sha256: Digest([7; 32]),
                    length: 1,
                },
            );
        }),
        ManifestError::SectionName { .. }
    ));
    let mut large = full();
    named(&mut large, "cells", MAX_SECTION_BYTES + 1);
    assert!(matches!(
        Manifest::from_bytes(&large.to_bytes()),
        Err(ManifestError::SectionTooLarge { .. })
    ));
    let mut many = full();
    (0..=MAX_SECTIONS).for_each(|i| named(&mut many, &format!("s{i}"), 1));
    assert_eq!(
        Manifest::from_bytes(&many.to_bytes()),
        Err(ManifestError::TooManySections {
            count: MAX_SECTIONS + 1
        })
    );
}

#[test]
fn a_bundle_lives_then_has_its_grace_then_nothing_whatever_the_clock_says() {
    let manifest = full();
    let at = |text: &str| manifest.phase(Timestamp::parse(text).unwrap().millis());
    assert_eq!(at("2026-11-08T11:59:59.999Z"), Phase::Live);
    assert_eq!(at("2026-11-08T12:00:00Z"), Phase::Grace);
    assert_eq!(at("2026-11-10T11:59:59.999Z"), Phase::Grace);
    assert_eq!(at("2026-11-10T12:00:00Z"), Phase::Expired);
    assert_eq!(manifest.phase(i64::MAX), Phase::Expired);
    // Before it was issued, it is as it was when issued.
    assert_eq!(manifest.phase(i64::MIN), Phase::Live);
    assert_eq!(manifest.effective_time(0), manifest.issued.millis());
    let mut without = full();
    without.grace = None;
    assert_eq!(without.phase(without.expires.millis()), Phase::Expired);
}

#[test]
fn bundles_are_ordered_by_epoch_then_steps_then_issue() {
    let position = |epoch, steps, issued| Position {
        serial: Serial { epoch, steps },
        issued: Timestamp::from_millis(issued).unwrap(),
    };
    let highest = position(1, 10, 100);
    let stand = |one: Position, digest| one.succession(Digest([digest; 32]), &highest, Digest([0; 32]));
    assert_eq!(stand(position(2, 0, 0), 1), Succession::Newer);
    assert_eq!(stand(position(1, 11, 0), 1), Succession::Newer);
    assert_eq!(stand(position(1, 10, 101), 1), Succession::Newer);
    assert_eq!(stand(highest, 0), Succession::Same);
    assert_eq!(stand(highest, 1), Succession::Conflicting);
    assert_eq!(stand(position(1, 10, 99), 0), Succession::Older);
    assert_eq!(stand(position(1, 9, 101), 0), Succession::Older);
    assert_eq!(stand(position(0, 99, 999), 0), Succession::Older);
}

#[test]
fn versions_compare_by_number() {
    assert!(Version::parse("0.10.0").unwrap() > Version::parse("0.9.9").unwrap());
    for wrong in ["1", "1.2", "1.2.3.4", "1.2.3-rc1", "01.2.3", "+1.2.3", "1.2.", ""] {
        assert_eq!(Version::parse(wrong), None, "{wrong}");
    }
    assert_eq!(Version::current().to_string(), env!("CARGO_PKG_VERSION"));
}
