//! Signatures as `ssh-keygen` and hardware keys make them, and as they would be forged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use ssh_key::public::{Ed25519PublicKey, SkEd25519};

use super::*;

/// A file's text.
fn text(path: impl AsRef<Path>) -> String {
    let mut text = String::new();
    let mut file = fs::File::open(path).unwrap();
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    text
}

fn keygen(folder: &Path, arguments: &[&str]) {
    let output = Command::new("ssh-keygen")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A key file in a folder of its own.
fn key(kind: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    keygen(
        folder.path(),
        &[&["-q", "-N", "", "-C", "a comment", "-f", "key", "-t"], kind].concat(),
    );
    let path = folder.path().join("key");
    (folder, path)
}

fn public(path: &Path) -> Key {
    Key::parse(&text(path.with_extension("pub"))).unwrap()
}

fn signed(path: &Path, namespace: &str, message: &[u8]) -> String {
    let folder = path.parent().unwrap();
    let file = folder.join("message");
    let mut written = fs::File::create(&file).unwrap();
    std::io::Write::write_all(&mut written, message).unwrap();
    let _ = fs::remove_file(folder.join("message.sig"));
    keygen(folder, &["-q", "-Y", "sign", "-f", "key", "-n", namespace, "message"]);
    text(folder.join("message.sig"))
}

#[test]
fn what_ssh_keygen_signs_holds_for_every_supported_kind_of_key() {
    for kind in [&["ed25519"][..], &["ecdsa", "-b", "256"], &["rsa", "-b", "3072"]] {
        let (_folder, path) = key(kind);
        let armour = signed(&path, APPROVAL, b"a statement");
        let signer = verify(armour.as_bytes(), APPROVAL, b"a statement").unwrap();
        assert_eq!((signer.key, signer.present), (public(&path), false), "{kind:?}");
        assert_eq!(
            verify(armour.as_bytes(), APPROVAL, b"another"),
            Err(SignatureError::Invalid)
        );
    }
}

#[test]
fn what_is_signed_here_holds_there() {
    let (_folder, path) = key(&["ed25519"]);
    let secret = Secret::parse(&text(&path)).unwrap();
    let armour = secret.sign(APPROVAL, b"a statement").unwrap();
    assert_eq!(
        armour,
        signed(&path, APPROVAL, b"a statement"),
        "Ed25519 is deterministic"
    );
    assert_eq!(
        verify(armour.as_bytes(), APPROVAL, b"a statement").unwrap().key,
        secret.public().unwrap()
    );
}

#[test]
fn a_signature_counts_for_its_namespace_only() {
    let (_folder, path) = key(&["ed25519"]);
    for (made, asked) in [(COMMIT, APPROVAL), (APPROVAL, COMMIT), ("file", APPROVAL)] {
        let armour = signed(&path, made, b"x");
        let error = verify(armour.as_bytes(), asked, b"x").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the signature was made for `{made}` and not for `{asked}`")
        );
        assert!(verify(armour.as_bytes(), made, b"x").is_ok());
    }
}

#[test]
fn keys_that_are_weak_or_unsupported_are_refused() {
    for (kind, why) in [
        (
            &["rsa", "-b", "2048"][..],
            "the RSA key has 2048 bits, and 3072 are the least",
        ),
        (
            &["ecdsa", "-b", "384"],
            "keys of the kind `ecdsa-sha2-nistp384` are not supported",
        ),
    ] {
        let (_folder, path) = key(kind);
        let text = text(path.with_extension("pub"));
        assert_eq!(Key::parse(&text).unwrap_err().to_string(), why);
        assert!(matches!(
            verify(signed(&path, COMMIT, b"x").as_bytes(), COMMIT, b"x"),
            Err(SignatureError::Key(_)),
        ));
    }
    // The neutral element: under it anybody's signature would hold.
    let weak = ssh_key::PublicKey::new(
        KeyData::Ed25519(Ed25519PublicKey([
            1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ])),
        "",
    );
    for wrong in [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 AAAA...alice",
        "nonsense",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAICvYBsl/DgCvGh/DMo+nY6kmlyPI24+sT5OvcdsYbW6Q",
        &weak.to_openssh().unwrap(),
    ] {
        assert_eq!(Key::parse(wrong), Err(KeyError::Malformed), "{wrong}");
    }
}

#[test]
fn a_comment_and_blanks_are_no_part_of_a_key() {
    let text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0f5yxRmwaie2V2pynqMtZpg8MWQWKBSTd3FGBClAN+";
    let one = Key::parse(text).unwrap();
    for other in [
        format!("{text} erin@laptop"),
        text.replace(' ', "  "),
        format!(" {text}\t"),
    ] {
        assert_eq!(one, Key::parse(&other).unwrap(), "{other}");
    }
    let (_folder, other) = key(&["ed25519"]);
    assert_ne!(one, public(&other));
}

#[test]
fn other_formats_are_named_and_broken_ones_refused() {
    let unsupported = |text: &str| verify(text.as_bytes(), COMMIT, b"x").unwrap_err();
    assert_eq!(
        unsupported("-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----"),
        SignatureError::Unsupported("OpenPGP")
    );
    assert_eq!(
        unsupported("-----BEGIN SIGNED MESSAGE-----\nMIA\n-----END SIGNED MESSAGE-----"),
        SignatureError::Unsupported("X.509")
    );
    let (_folder, path) = key(&["ed25519"]);
    let good = signed(&path, COMMIT, b"x");
    for broken in [
        String::new(),
        good.replace("U1NIU0lH", "U1NIU0lI"),
        good.replace("-----END SSH SIGNATURE-----", ""),
        good.replace("SSH SIGNATURE", "SSH SIGNATUR"),
        good.chars().take(good.len() / 2).collect(),
        format!("{good}{good}"),
        format!("x{good}"),
    ] {
        assert_eq!(unsupported(&broken), SignatureError::Malformed, "{broken}");
    }
    assert!(verify(&[0xff, 0xfe], COMMIT, b"x").is_err());
}

/// A signature as a hardware key makes it: over the hash of the application, flags, counter and hash of the message.
fn hardware(flags: u8) -> (Key, String) {
    let secret = SigningKey::from_bytes(&[7; 32]);
    let point = Ed25519PublicKey(secret.verifying_key().to_bytes());
    let key = Key::of(KeyData::SkEd25519(SkEd25519::new(point, "ssh:"))).unwrap();
    let trailer = [flags, 0, 0, 0, 9];
    let asked = to_sign(APPROVAL, b"x").unwrap();
    let body = [&Sha256::digest("ssh:")[..], &trailer, &Sha256::digest(&asked)[..]].concat();
    let signature = [&secret.sign(&body).to_bytes()[..], &trailer].concat();
    let signature = Signature::new(Algorithm::SkEd25519, signature).unwrap();
    let armour = key.armour(APPROVAL, &Vec::try_from(signature).unwrap()).unwrap();
    (key, armour)
}

#[test]
fn a_hardware_key_says_whether_it_was_touched() {
    for (flags, present) in [(0, false), (1, true), (4, false), (5, true)] {
        let (key, armour) = hardware(flags);
        let signer = verify(armour.as_bytes(), APPROVAL, b"x").unwrap();
        assert!(key.is_hardware());
        assert_eq!((signer.key, signer.present), (key, present), "{flags}");
        assert_eq!(verify(armour.as_bytes(), APPROVAL, b"y"), Err(SignatureError::Invalid));
    }
}

#[test]
fn the_presence_flag_cannot_be_set_afterwards() {
    let (_, armour) = hardware(0);
    let mut signature = SshSig::from_pem(&armour).unwrap();
    let mut bytes = signature.signature_bytes().to_vec();
    let at = bytes.len() - HARDWARE_TRAILER;
    bytes[at] |= USER_PRESENT;
    let forged = Signature::new(Algorithm::SkEd25519, bytes).unwrap();
    signature = SshSig::new(signature.public_key().clone(), APPROVAL, HashAlg::Sha512, forged).unwrap();
    let forged = signature.to_pem(LineEnding::LF).unwrap();
    assert_eq!(verify(forged.as_bytes(), APPROVAL, b"x"), Err(SignatureError::Invalid));
}

#[test]
fn a_key_file_with_a_passphrase_is_named() {
    let folder = tempfile::tempdir().unwrap();
    keygen(folder.path(), &["-q", "-N", "secret", "-f", "key", "-t", "ed25519"]);
    let text = text(folder.path().join("key"));
    assert_eq!(Secret::parse(&text).err(), Some(SecretError::Encrypted));
    assert_eq!(Secret::parse("nonsense").err(), Some(SecretError::Malformed));
}
