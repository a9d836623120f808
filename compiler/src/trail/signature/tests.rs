//! Signatures as `ssh-keygen` and hardware keys make them, and as they would be forged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::{Signer as _, SigningKey};
use ring::signature::RsaPublicKeyComponents;
use sha2::{Digest as _, Sha256};
use ssh_key::encoding::{Decode as _, Encode};
use ssh_key::public::{Ed25519PublicKey, SkEcdsaSha2NistP256, SkEd25519};

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
            &["rsa", "-b", "3070"],
            "the RSA key has 3070 bits, and 3072 are the least",
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

/// The same of a hardware key on P-256.
fn hardware_p256(flags: u8) -> (Key, Vec<u8>) {
    let (_folder, path) = key(&["ecdsa", "-b", "256"]);
    let secret = PrivateKey::from_openssh(text(path)).unwrap();
    let pair = secret.key_data().ecdsa().unwrap();
    let ssh_key::private::EcdsaKeypair::NistP256 { public, .. } = pair else {
        panic!("another curve")
    };
    let key = Key::of(KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(*public, "ssh:"))).unwrap();
    let trailer = [flags, 0, 0, 0, 9];
    let asked = to_sign(APPROVAL, b"x").unwrap();
    let body = [&Sha256::digest("ssh:")[..], &trailer, &Sha256::digest(&asked)[..]].concat();
    let signature: Signature = pair.sign(&body);
    (key, [signature.as_bytes(), &trailer].concat())
}

#[test]
fn a_hardware_key_on_p256_says_whether_it_was_touched() {
    for (flags, present) in [(0, false), (1, true), (4, false), (5, true)] {
        let (key, mut bytes) = hardware_p256(flags);
        let armoured = |bytes: &[u8]| armour(&key, "sk-ecdsa-sha2-nistp256@openssh.com", bytes);
        let good = armoured(&bytes);
        let signer = verify(good.as_bytes(), APPROVAL, b"x").unwrap();
        assert!(key.is_hardware());
        assert_eq!((signer.key, signer.present), (key.clone(), present), "{flags}");
        assert_eq!(verify(good.as_bytes(), APPROVAL, b"y"), Err(SignatureError::Invalid));
        let at = bytes.len() - HARDWARE_TRAILER;
        bytes[at] ^= USER_PRESENT;
        let forged = armoured(&bytes);
        assert_eq!(verify(forged.as_bytes(), APPROVAL, b"x"), Err(SignatureError::Invalid));
    }
}

/// Bytes in the armour of a signature, whatever they are.
struct Armour(Vec<u8>);

impl ssh_key::encoding::pem::PemLabel for Armour {
    const PEM_LABEL: &'static str = "SSH SIGNATURE";
}

impl Encode for Armour {
    fn encoded_len(&self) -> ssh_key::encoding::Result<usize> {
        Ok(self.0.len())
    }

    fn encode(&self, writer: &mut impl ssh_key::encoding::Writer) -> ssh_key::encoding::Result<()> {
        writer.write(&self.0)
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A signature of a key, put together by hand: what other programs refuse to write.
fn armour(key: &Key, algorithm: &str, bytes: &[u8]) -> String {
    // Flags and counter stand behind the signature of a hardware key.
    let (bytes, trailer) = match key.is_hardware() {
        true => bytes.split_at(bytes.len() - HARDWARE_TRAILER),
        false => (bytes, &b""[..]),
    };
    let signature = [string(algorithm.as_bytes()), string(bytes), trailer.to_vec()].concat();
    let parts = [
        string(&key.bytes),
        string(APPROVAL.as_bytes()),
        string(b""),
        string(b"sha512"),
        string(&signature),
    ];
    let all = [b"SSHSIG\0\0\0\x01", parts.concat().as_slice()].concat();
    ssh_key::encoding::EncodePem::encode_pem_string(&Armour(all), LineEnding::LF).unwrap()
}

/// A key, the name of its signature's algorithm, and the signature.
fn raw(kind: &[&str]) -> (Key, String, Vec<u8>) {
    let (_folder, path) = key(kind);
    let signature = SshSig::from_pem(signed(&path, APPROVAL, b"x")).unwrap();
    let algorithm = match signature.algorithm() {
        Algorithm::Rsa { .. } => "rsa-sha2-512".to_owned(),
        other => other.to_string(),
    };
    (public(&path), algorithm, signature.signature_bytes().to_vec())
}

#[test]
fn a_signature_on_p256_is_two_numbers_spelt_in_one_way() {
    let (key, algorithm, good) = raw(&["ecdsa", "-b", "256"]);
    let holds = |bytes: &[u8]| verify(armour(&key, &algorithm, bytes).as_bytes(), APPROVAL, b"x").is_ok();
    assert!(holds(&good));
    let mut rest = good.as_slice();
    let number = |rest: &mut &[u8]| Mpint::decode(rest).unwrap().as_bytes().to_vec();
    let (r, s) = (number(&mut rest), number(&mut rest));
    let both = |r: &[u8], s: &[u8]| holds(&[string(r), string(s)].concat());
    assert!(both(&r, &s));
    let order = [
        0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    for (r, s) in [
        ([&[0], r.as_slice()].concat(), s.clone()),
        (r.clone(), [&[0], s.as_slice()].concat()),
        (s.clone(), r.clone()),
        (Vec::new(), s.clone()),
        (r.clone(), Vec::new()),
        (r.clone(), vec![0]),
        (r.clone(), order.to_vec()),
        (r.clone(), [&[1], [0; 32].as_slice()].concat()),
        (r.clone(), s.iter().map(|byte| !byte).collect()),
    ] {
        assert!(!both(&r, &s), "{r:x?} {s:x?}");
    }
    assert!(!holds(&[good.as_slice(), &[0]].concat()));
    assert!(!holds(&good[..good.len() - 1]));
    assert!(
        !holds(&[&r[r.len() - 31..], &s[s.len() - 31..]].concat()),
        "two numbers of one size"
    );
}

#[test]
fn an_rsa_signature_is_as_long_as_its_key_and_names_its_hash() {
    let (key, algorithm, good) = raw(&["rsa", "-b", "3072"]);
    let said = |algorithm: &str, bytes: &[u8]| {
        verify(armour(&key, algorithm, bytes).as_bytes(), APPROVAL, b"x").map(|signer| signer.key)
    };
    assert_eq!(said(&algorithm, &good), Ok(key.clone()));
    for name in ["rsa-sha2-256", "ssh-rsa"] {
        assert_eq!(said(name, &good), Err(SignatureError::Invalid), "{name}");
    }
    for name in ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-384"] {
        assert!(said(name, &good).is_err(), "{name}");
    }
    for wrong in [
        [&[0], good.as_slice()].concat(),
        good[1..].to_vec(),
        Vec::new(),
        vec![0xff; good.len()],
    ] {
        assert!(said(&algorithm, &wrong).is_err());
    }
}

#[test]
fn rsa_with_sha_1_is_refused() {
    let vector = |name: &str| {
        text(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src/trail/signature/vectors")
                .join(name),
        )
    };
    let old = vector("rsa-sha1.sig");
    for good in ["rsa-sha256.sig", "rsa-sha512.sig"] {
        let signer = verify(vector(good).as_bytes(), APPROVAL, b"a statement").unwrap();
        assert_eq!(&signer.key.data, SshSig::from_pem(&old).unwrap().public_key(), "{good}");
    }
    assert_eq!(
        verify(old.as_bytes(), APPROVAL, b"a statement"),
        Err(SignatureError::Invalid)
    );
    // Nothing is wrong with it but the hash.
    let signature = SshSig::from_pem(&old).unwrap();
    let key = signature.public_key().rsa().unwrap();
    let (n, e) = (
        key.n().as_positive_bytes().unwrap(),
        key.e().as_positive_bytes().unwrap(),
    );
    let sha1 = &ring::signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
    let message = to_sign(APPROVAL, b"a statement").unwrap();
    let holds = RsaPublicKeyComponents { n, e }.verify(sha1, &message, signature.signature_bytes());
    assert!(holds.is_ok());
}

/// An RSA key of these numbers.
fn rsa(e: &[u8], n: &[u8]) -> Result<Key, KeyError> {
    let wire = [string(b"ssh-rsa"), string(e), string(n)].concat();
    let key = ssh_key::PublicKey::from_bytes(&wire).map_err(|_| KeyError::Malformed)?;
    Key::of(key.key_data().clone())
}

#[test]
fn an_rsa_key_has_at_most_8192_bits_and_one_spelling() {
    let modulus = |bytes: usize| {
        let mut n = vec![0xff; bytes + 1];
        n[0] = 0;
        n
    };
    let e = [1, 0, 1];
    assert!(rsa(&e, &modulus(1024)).is_ok());
    let longer = [&[1], &modulus(1024)[1..]].concat();
    assert_eq!(rsa(&e, &longer), Err(KeyError::Long { bits: 8193 }));
    for (e, n) in [
        (&[0, 1, 0, 1][..], modulus(384)),
        (&e, modulus(384)[1..].to_vec()),
        (&e, [&[0], modulus(384).as_slice()].concat()),
        (&[], modulus(384)),
        (&[0xff], modulus(384)),
    ] {
        assert_eq!(rsa(e, &n), Err(KeyError::Malformed), "{e:x?}");
    }
}

#[test]
fn an_exponent_under_which_anything_holds_verifies_nothing() {
    // To the power of one, a signature is the padded hash itself, which anybody can write.
    let message = to_sign(APPROVAL, b"x").unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA512, &message);
    let named = [
        0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04,
        0x40,
    ];
    let (_, _, signature) = raw(&["rsa", "-b", "3072"]);
    let size = signature.len();
    let mut forged = vec![0, 1];
    forged.resize(size - named.len() - hash.as_ref().len() - 1, 0xff);
    forged.push(0);
    forged.extend(named);
    forged.extend(hash.as_ref());
    assert_eq!(forged.len(), size);
    let modulus = [&[0], vec![0xff; size].as_slice()].concat();
    for e in [
        &[1][..],
        &[2],
        &[1, 0, 0],
        &[2, 0, 0, 0, 1],
        &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let key = rsa(e, &modulus).unwrap();
        let armour = armour(&key, "rsa-sha2-512", &forged);
        assert_eq!(
            verify(armour.as_bytes(), APPROVAL, b"x"),
            Err(SignatureError::Invalid),
            "{e:x?}"
        );
    }
}

#[test]
fn a_point_in_its_short_form_is_no_key() {
    for kind in ["ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com"] {
        let (_folder, path) = key(&["ecdsa", "-b", "256"]);
        let KeyData::Ecdsa(point) = public(&path).data else {
            panic!("another kind")
        };
        let long = point.as_sec1_bytes();
        let short = [&[2 + (long[64] & 1)], &long[1..33]].concat();
        let read = |point: &[u8]| {
            let mut wire = [string(kind.as_bytes()), string(b"nistp256"), string(point)].concat();
            if kind.starts_with("sk-") {
                wire.extend(string(b"ssh:"));
            }
            let key = ssh_key::PublicKey::from_bytes(&wire).unwrap();
            Key::of(key.key_data().clone())
        };
        assert!(read(long).is_ok(), "{kind}");
        assert_eq!(read(&short), Err(KeyError::Malformed), "{kind}");
    }
}

#[test]
fn what_stands_where_nothing_is_said_makes_a_signature_malformed() {
    let (key, algorithm, good) = raw(&["ed25519"]);
    let good = armour(&key, &algorithm, &good);
    assert!(verify(good.as_bytes(), APPROVAL, b"x").is_ok());
    let signature = SshSig::from_pem(&good).unwrap();
    let mut bytes = signature.encode_vec().unwrap();
    let at = bytes
        .windows(10)
        .position(|window| window == b"\0\0\0\x06sha512")
        .unwrap();
    bytes.splice(at - 4..at, string(b"more"));
    let forged = ssh_key::encoding::EncodePem::encode_pem_string(&Armour(bytes), LineEnding::LF).unwrap();
    assert_eq!(SshSig::from_pem(&forged).unwrap().reserved(), b"more");
    assert_eq!(
        verify(forged.as_bytes(), APPROVAL, b"x"),
        Err(SignatureError::Malformed)
    );
}

#[test]
fn a_key_file_with_a_passphrase_is_named() {
    let folder = tempfile::tempdir().unwrap();
    keygen(folder.path(), &["-q", "-N", "secret", "-f", "key", "-t", "ed25519"]);
    let text = text(folder.path().join("key"));
    assert_eq!(Secret::parse(&text).err(), Some(SecretError::Encrypted));
    assert_eq!(Secret::parse("nonsense").err(), Some(SecretError::Malformed));
}
