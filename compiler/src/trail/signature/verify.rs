//! Whether a signature holds: a key, the bytes that were to be signed and a signature in, yes or no out.
//!
//! `ssh-key` has told the parts of key and signature apart; ed25519-dalek and ring calculate. It does not know what
//! the bytes mean. Where a key and a signature are not of one kind, the signature does not hold.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use sha2::{Digest as _, Sha256};
use ssh_key::encoding::{Decode as _, Reader as _};
use ssh_key::public::{EcdsaPublicKey, KeyData, RsaPublicKey};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, Mpint, Signature};

use super::HARDWARE_TRAILER;

/// The bytes of a number below the order of P-256.
const SCALAR: usize = 32;

/// Whether `signature` is the key's, over `message`.
pub(super) fn holds(key: &KeyData, message: &[u8], signature: &Signature) -> bool {
    let bytes = signature.as_bytes();
    match (key, signature.algorithm()) {
        (KeyData::Ed25519(key), Algorithm::Ed25519) => ed25519(&key.0, message, bytes),
        (KeyData::SkEd25519(key), Algorithm::SkEd25519) => touched(key.application(), message, bytes)
            .is_some_and(|(message, bytes)| ed25519(&key.public_key().0, &message, bytes)),
        (
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)),
            Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            },
        ) => p256(point.as_bytes(), message, bytes),
        (KeyData::SkEcdsaSha2NistP256(key), Algorithm::SkEcdsaSha2NistP256) => {
            touched(key.application(), message, bytes)
                .is_some_and(|(message, bytes)| p256(key.ec_point().as_bytes(), &message, bytes))
        }
        (KeyData::Rsa(key), Algorithm::Rsa { hash: Some(hash) }) => rsa(key, hash, message, bytes),
        // `ssh-rsa` names no hash and means SHA-1, which is broken; the rest are keys and signatures of two kinds.
        _ => false,
    }
}

/// What a hardware key signs instead of the message: it, hashed, behind what the key says of itself; and the signature
/// without that.
fn touched<'s>(application: &str, message: &[u8], bytes: &'s [u8]) -> Option<(Vec<u8>, &'s [u8])> {
    let (signature, trailer) = bytes.split_at_checked(bytes.len().checked_sub(HARDWARE_TRAILER)?)?;
    let signed = [&Sha256::digest(application)[..], trailer, &Sha256::digest(message)[..]].concat();
    Some((signed, signature))
}

fn ed25519(point: &[u8; 32], message: &[u8], bytes: &[u8]) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(point);
    let signature = ed25519_dalek::Signature::from_slice(bytes);
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify_strict(message, &signature).is_ok(),
        _ => false,
    }
}

/// The signature is two numbers, each spelt in one way only.
fn p256(point: &[u8], message: &[u8], mut bytes: &[u8]) -> bool {
    let mut scalar = || {
        let number = Mpint::decode(&mut bytes).ok()?;
        let number = number.as_positive_bytes()?;
        let mut padded = [0_u8; SCALAR];
        padded
            .get_mut(SCALAR.checked_sub(number.len())?..)?
            .copy_from_slice(number);
        Some(padded)
    };
    let (Some(r), Some(s)) = (scalar(), scalar()) else {
        return false;
    };
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    bytes.is_finished() && key.verify(message, &[r, s].concat()).is_ok()
}

/// PKCS#1 v1.5. The size of the key was looked at when it was read; ring takes no exponent below 3, none of more than
/// 33 bits and no even one, and no signature shorter than the modulus.
fn rsa(key: &RsaPublicKey, hash: HashAlg, message: &[u8], bytes: &[u8]) -> bool {
    let (Some(n), Some(e)) = (key.n().as_positive_bytes(), key.e().as_positive_bytes()) else {
        return false;
    };
    let parameters = match hash {
        HashAlg::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        HashAlg::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        _ => return false,
    };
    RsaPublicKeyComponents { n, e }
        .verify(parameters, message, bytes)
        .is_ok()
}
