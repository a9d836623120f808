//! The trust root: what it refuses to be, whose signatures count, and who may succeed it.

use ed25519_dalek::{Signer, SigningKey};

use super::*;

/// The key made of one repeated byte.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// Signs a body for a payload type.
pub(crate) fn sign(payload_type: &str, body: &[u8], keys: &[u8]) -> Vec<Signature> {
    let message = pre_authentication_encoding(payload_type, body);
    let mut signatures: Vec<_> = keys
        .iter()
        .map(|seed| {
            let key = key(*seed);
            Signature {
                key: key_id(&key.verifying_key()),
                bytes: key.sign(&message).to_bytes(),
            }
        })
        .collect();
    signatures.sort();
    signatures
}

/// The trust root of acme: key 1 is root, 2 bundle, 3 orders, 4 revivals, 5 developer.
pub(crate) fn acme() -> TrustRoot {
    let mut trust = TrustRoot::new(
        "acme",
        "refs/heads/main",
        Timestamp::parse("2027-11-01T00:00:00Z").unwrap(),
    );
    trust.introductory = Some("a".repeat(40));
    for (role, seed) in Role::ALL.into_iter().zip(1..) {
        trust.set_role(role, &[key(seed).verifying_key()], 1).unwrap();
    }
    trust
}

#[test]
fn a_trust_root_survives_writing_and_reading() {
    let mut trust = acme();
    assert_eq!(TrustRoot::parse(&trust.to_text()), Ok(trust.clone()));
    trust.orders_max_age_ms = Some(900_000);
    trust.introductory = None;
    trust
        .set_role(
            Role::Bundle,
            &[key(7).verifying_key(), key(8).verifying_key(), key(9).verifying_key()],
            2,
        )
        .unwrap();
    assert!(trust.to_text().contains("\"orders_max_age\": \"15m\""));
    assert_eq!(TrustRoot::parse(&trust.to_text()), Ok(trust));
}

#[test]
fn each_fault_of_the_file_has_its_own_message() {
    let text = acme().to_text();
    let hex = |seed: u8| to_hex(key(seed).verifying_key().as_bytes());
    let id = |seed: u8| key_id(&key(seed).verifying_key());
    let refuse = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        TrustRoot::parse(&text.replace(from, to)).unwrap_err().to_string()
    };
    assert_eq!(
        refuse("\"format\": 1", "\"format\": 2"),
        "the trust root has format 2, and this runtime reads 1"
    );
    assert_eq!(
        refuse("\"epoch\"", "\"eboch\""),
        "the trust root is not well formed: the field `epoch` is missing"
    );
    assert_eq!(
        refuse("\"epoch\"", "\"new\": 1, \"epoch\""),
        "the trust root is not well formed: there is no field `new`"
    );
    assert_eq!(
        refuse("\"orders\"", "\"order\""),
        "the trust root is not well formed: there is no field `roles.order`"
    );
    assert!(refuse("\"epoch\"", "\"version\": 1, \"epoch\"").contains("the key `version` stands twice"));
    assert!(refuse("refs/heads/main", "main").contains("`ref` must be the full name of a ref"));
    assert!(refuse(&"a".repeat(40), "abc").contains("`introductory` must be the full id of a commit"));
    assert!(
        refuse("\"orders_max_age\": null", "\"orders_max_age\": \"0s\"")
            .contains("`orders_max_age` must be a duration")
    );
    assert_eq!(
        refuse("\"version\": 1", "\"version\": 0"),
        "the versions of a trust root count from 1"
    );
    assert!(refuse("\"threshold\": 1", "\"threshold\": 0").contains("it must be from 1 to 1"));
    assert!(refuse("\"threshold\": 1", "\"threshold\": 2").contains("has 1 keys and a threshold of 2"));
    assert!(refuse("\"threshold\": 1", "\"threshold\": 9223372036854775807").contains("it must be from 1 to 1"));
    assert_eq!(
        refuse(&hex(2), &hex(1)),
        format!(
            "the key {} stands in the roles `root` and `bundle`: each role must have keys of its own",
            id(1)
        )
    );
    assert!(
        refuse("ed25519", "ed25519-ml-dsa-65")
            .contains("has a key of type `ed25519-ml-dsa-65`, which this build does not verify")
    );
    assert!(refuse("ed25519", "rsa").contains("has a key of type `rsa`, which this build does not verify"));
    assert!(refuse(&hex(2), &hex(2)[2..]).contains("which is no sound Ed25519 key"));
    assert!(refuse(&hex(2), &hex(2).to_uppercase()).contains("which is no sound Ed25519 key"));
    // The identity, of small order: anything is a signature by it.
    assert!(refuse(&hex(2), &format!("01{}", "00".repeat(31))).contains("which is no sound Ed25519 key"));
    // 2^255 - 19 + 3, a second spelling of the y coordinate 3.
    assert!(refuse(&hex(2), &format!("f0{}7f", "ff".repeat(30))).contains("which is no sound Ed25519 key"));
    assert!(matches!(
        TrustRoot::parse(&format!("{text}{}", " ".repeat(MAX_BYTES))),
        Err(TrustError::TooLarge { .. })
    ));
}

#[test]
fn a_role_without_keys_is_left_out_except_root() {
    let mut trust = TrustRoot::new("acme", "refs/heads/main", Timestamp::from_millis(1).unwrap());
    trust.set_role(Role::Bundle, &[key(2).verifying_key()], 1).unwrap();
    assert_eq!(TrustRoot::parse(&trust.to_text()), Err(TrustError::NoRoot));
    trust.set_role(Role::Root, &[key(1).verifying_key()], 1).unwrap();
    let trust = TrustRoot::parse(&trust.to_text()).unwrap();
    assert_eq!(trust.role(Role::Orders), None);
    assert_eq!(
        trust.require(Role::Orders, &BTreeSet::new()),
        Err(SignatureError::NoKeys { role: Role::Orders })
    );
}

#[test]
fn a_key_cannot_stand_twice_to_meet_a_threshold_alone() {
    let twice = [key(2).verifying_key(), key(2).verifying_key()];
    let error = acme().set_role(Role::Bundle, &twice, 2).unwrap_err();
    assert!(matches!(error, TrustError::DuplicateKey { role: Role::Bundle, .. }));
    let many: Vec<_> = (0..17).map(|seed| key(100 + seed).verifying_key()).collect();
    assert_eq!(
        acme().set_role(Role::Bundle, &many, 1),
        Err(TrustError::TooManyKeys {
            role: Role::Bundle,
            count: 17
        })
    );
}

#[test]
fn one_signature_given_twice_counts_once() {
    let mut trust = acme();
    trust
        .set_role(Role::Root, &[key(1).verifying_key(), key(11).verifying_key()], 2)
        .unwrap();
    let once = sign("t", b"body", &[1]);
    let twice = [once[0], once[0]];
    let short = SignatureError::Threshold {
        role: Role::Root,
        got: 1,
        needed: 2,
    };
    assert_eq!(trust.check(Role::Root, "t", b"body", &twice), Err(short));
    assert!(
        trust
            .check(Role::Root, "t", b"body", &sign("t", b"body", &[1, 11]))
            .is_ok()
    );
}

#[test]
fn the_next_trust_root_needs_both_root_thresholds() {
    let present = acme();
    let mut next = acme();
    next.version = 2;
    next.set_role(Role::Root, &[key(21).verifying_key(), key(22).verifying_key()], 2)
        .unwrap();
    let text = next.to_text();
    let offer = |text: &str, keys: &[u8]| present.accept_successor(text, &sign(PAYLOAD_TYPE, text.as_bytes(), keys));
    assert_eq!(offer(&text, &[1, 21, 22]), Ok(next.clone()));
    assert!(matches!(
        offer(&text, &[21, 22]),
        Err(SuccessorError::Present(SignatureError::UnknownKey { role: None, .. }))
    ));
    assert!(matches!(offer(&text, &[1]), Err(SuccessorError::Next(_))));
    assert!(matches!(
        offer(&text, &[1, 21]),
        Err(SuccessorError::Next(SignatureError::Threshold {
            got: 1,
            needed: 2,
            ..
        }))
    ));
    assert!(matches!(
        offer(&text, &[]),
        Err(SuccessorError::Present(SignatureError::Unsigned))
    ));
    assert!(matches!(
        offer(&text, &[2]),
        Err(SuccessorError::Present(SignatureError::UnknownKey {
            role: Some(Role::Bundle),
            ..
        }))
    ));
    let wrong_type = sign(crate::manifest::PAYLOAD_TYPE, text.as_bytes(), &[1, 21, 22]);
    assert!(matches!(
        present.accept_successor(&text, &wrong_type),
        Err(SuccessorError::Present(SignatureError::Bad { .. }))
    ));

    let changed = |change: fn(&mut TrustRoot)| {
        let mut next = next.clone();
        change(&mut next);
        offer(&next.to_text(), &[1, 21, 22]).unwrap_err()
    };
    assert_eq!(
        changed(|t| t.version = 3),
        SuccessorError::Version { found: 3, present: 1 }
    );
    assert_eq!(
        changed(|t| t.version = 1),
        SuccessorError::Version { found: 1, present: 1 }
    );
    assert!(matches!(
        changed(|t| t.organization = "other".to_owned()),
        SuccessorError::Organization { .. }
    ));
    let mut later = acme();
    later.epoch = 4;
    let signatures = sign(PAYLOAD_TYPE, text.as_bytes(), &[1, 21, 22]);
    assert_eq!(
        later.accept_successor(&text, &signatures),
        Err(SuccessorError::Epoch { found: 0, present: 4 })
    );
    let broken = "{}";
    assert!(matches!(offer(broken, &[1]), Err(SuccessorError::Unreadable(_))));
}

proptest::proptest! {
    #[test]
    fn a_changed_file_is_refused_or_means_what_it_says(at in 0_usize..4096, byte in 0_u8..=255, cut in 0_usize..3) {
        let mut bytes = acme().to_text().into_bytes();
        let at = at % bytes.len();
        match cut {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => bytes.truncate(at),
        }
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(trust) = TrustRoot::parse(&text)
        {
            proptest::prop_assert_eq!(TrustRoot::parse(&trust.to_text()), Ok(trust));
        }
    }
}
