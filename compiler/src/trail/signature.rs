//! SSH keys and signatures: text from documents and commits in, verified signers out.
//!
//! The only module that knows the crates `ssh-key` and `ring`. It does not know whose a key is, nor what was signed. Formats:
//! <https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.sshsig> and PROTOCOL.u2f beside it.

mod verify;

use std::fmt;

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, Mpint, PrivateKey, Signature, SshSig};
use zeroize::Zeroizing;

/// The namespace of an approval. A signature made for anything else is no approval.
pub const APPROVAL: &str = "polity-approval@v1";
/// The namespace in which git signs commits.
pub const COMMIT: &str = "git";
/// RSA keys below this size are refused: NIST SP 800-57 part 1 rev. 5, table 2, gives 3072 bits 128 bits of strength.
const LEAST_RSA_BITS: u32 = 3072;
/// RSA keys above this size are refused: whoever may push would have others calculate for long.
const MOST_RSA_BITS: u32 = 8192;
/// The flag of a hardware key that says that somebody touched it: the lowest bit of the first byte after the signature.
const USER_PRESENT: u8 = 1;
/// Flags and counter, which a hardware key signs along and `ssh-key` keeps at the signature's end.
const HARDWARE_TRAILER: usize = 5;

/// Verifies a signature over `message`, made for `namespace`.
///
/// # Errors
/// See [`SignatureError`]. Whose the key is, is for the caller to ask.
pub fn verify(armour: &[u8], namespace: &str, message: &[u8]) -> Result<Signer, SignatureError> {
    let text = std::str::from_utf8(armour).map_err(|_| SignatureError::Malformed)?;
    if let Some(format) = unsupported(text) {
        return Err(SignatureError::Unsupported(format));
    }
    let signature = SshSig::from_pem(text.trim_end()).map_err(|_| SignatureError::Malformed)?;
    if signature.version() != SshSig::VERSION {
        return Err(SignatureError::Malformed);
    }
    if signature.namespace() != namespace {
        return Err(SignatureError::Namespace {
            found: signature.namespace().to_owned(),
            wanted: namespace.to_owned(),
        });
    }
    let key = Key::of(signature.public_key().clone()).map_err(SignatureError::Key)?;
    // Nothing is said there today; ssh-keygen overlooks it, and others sign it along.
    if !signature.reserved().is_empty() {
        return Err(SignatureError::Malformed);
    }
    let signed =
        SshSig::signed_data(namespace, signature.hash_alg(), message).map_err(|_| SignatureError::Malformed)?;
    if !verify::holds(&key.data, &signed, signature.signature()) {
        return Err(SignatureError::Invalid);
    }
    let present = key.is_hardware() && {
        let bytes = signature.signature_bytes();
        let flags = bytes.len().checked_sub(HARDWARE_TRAILER).and_then(|at| bytes.get(at));
        flags.is_some_and(|flags| flags & USER_PRESENT != 0)
    };
    Ok(Signer { key, present })
}

/// The name of a format that is recognised and not verified.
fn unsupported(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    if text.starts_with("-----BEGIN PGP ") {
        return Some("OpenPGP");
    }
    text.starts_with("-----BEGIN SIGNED MESSAGE-----").then_some("X.509")
}

/// Who signed, as far as a signature tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The key.
    pub key: Key,
    /// Whether it is a hardware key and somebody touched it.
    pub present: bool,
}

/// A public key that may sign. Two spellings of one key are equal, and comments are no part of it.
#[derive(Clone)]
pub struct Key {
    /// INVARIANT: a kind of key that is supported, strong enough, and a point that is no weak one.
    data: KeyData,
    /// The wire form, which is one per key.
    bytes: Vec<u8>,
}

/// The fingerprint of a key as a document lists it, of any kind, without asking whether it can sign: a large
/// organisation lists thousands, and whether a point lies on its curve takes long to say. `None` for what is no key.
pub fn fingerprint(text: &str) -> Option<String> {
    let mut words = text.split_ascii_whitespace();
    let (algorithm, material) = (words.next()?, words.next()?);
    let key = ssh_key::PublicKey::from_openssh(&format!("{algorithm} {material}")).ok()?;
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}

impl Key {
    /// Reads `ssh-ed25519 AAAA... comment`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(algorithm), Some(material)) = (words.next(), words.next()) else {
            return Err(KeyError::Malformed);
        };
        let key =
            ssh_key::PublicKey::from_openssh(&format!("{algorithm} {material}")).map_err(|_| KeyError::Malformed)?;
        Self::of(key.key_data().clone())
    }

    fn of(data: KeyData) -> Result<Self, KeyError> {
        match &data {
            KeyData::Ed25519(key) => point(&key.0)?,
            KeyData::SkEd25519(key) => point(&key.public_key().0)?,
            KeyData::Rsa(key) => {
                let bits = bits(key.n());
                if bits < LEAST_RSA_BITS {
                    return Err(KeyError::Short { bits });
                }
                if bits > MOST_RSA_BITS {
                    return Err(KeyError::Long { bits });
                }
            }
            // OpenSSH takes no compressed point either: one key would have two spellings.
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) if !point.is_compressed() => {}
            KeyData::SkEcdsaSha2NistP256(key) if !key.ec_point().is_compressed() => {}
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(_)) | KeyData::SkEcdsaSha2NistP256(_) => {
                return Err(KeyError::Malformed);
            }
            other => return Err(KeyError::Unsupported(other.algorithm().to_string())),
        }
        let bytes = ssh_key::PublicKey::new(data.clone(), "")
            .to_bytes()
            .map_err(|_| KeyError::Malformed)?;
        Ok(Self { data, bytes })
    }

    /// Whether it is a key whose secret half cannot leave its device.
    pub fn is_hardware(&self) -> bool {
        matches!(self.data, KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_))
    }

    /// As `ssh-keygen -l` shows it: `SHA256:...`.
    pub fn fingerprint(&self) -> String {
        self.data.fingerprint(HashAlg::Sha256).to_string()
    }

    /// As a document lists it: `ssh-ed25519 AAAA...`.
    ///
    /// # Errors
    /// None for a key that was read.
    pub fn to_openssh(&self) -> Result<String, KeyError> {
        let key = ssh_key::PublicKey::new(self.data.clone(), "");
        key.to_openssh().map_err(|_| KeyError::Malformed)
    }

    /// The wire form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What its secret half is told by: whoever has that of a key may say that it is in a device, and sign as if it were.
    pub fn material(&self) -> &[u8] {
        match &self.data {
            KeyData::Ed25519(key) => &key.0,
            KeyData::SkEd25519(key) => &key.public_key().0,
            KeyData::Ecdsa(key) => key.as_sec1_bytes(),
            KeyData::SkEcdsaSha2NistP256(key) => key.ec_point().as_bytes(),
            _ => &self.bytes,
        }
    }

    /// An armoured signature from what an ssh-agent gave for [`to_sign`].
    ///
    /// # Errors
    /// Where the blob is no signature.
    pub fn armour(&self, namespace: &str, blob: &[u8]) -> Result<String, SignatureError> {
        let signature = Signature::try_from(blob).map_err(|_| SignatureError::Malformed)?;
        SshSig::new(self.data.clone(), namespace, HashAlg::Sha512, signature)
            .and_then(|signed| signed.to_pem(LineEnding::LF))
            .map_err(|_| SignatureError::Malformed)
    }

    /// Whether an ssh-agent must be asked for a SHA-2 signature.
    pub fn is_rsa(&self) -> bool {
        matches!(self.data.algorithm(), Algorithm::Rsa { .. })
    }
}

/// The size of a number, of which only the whole bytes would be told otherwise.
fn bits(number: &Mpint) -> u32 {
    let bytes = number.as_positive_bytes().unwrap_or_default();
    let unused = bytes.first().map_or(0, |byte| byte.leading_zeros());
    let all = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_mul(8);
    all.saturating_sub(unused)
}

/// An Ed25519 key must be a point, and not one of the few under which a signature says nothing.
fn point(bytes: &[u8; 32]) -> Result<(), KeyError> {
    match ed25519_dalek::VerifyingKey::from_bytes(bytes) {
        Ok(key) if !key.is_weak() => Ok(()),
        _ => Err(KeyError::Malformed),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl Eq for Key {}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

/// The bytes that an ssh-agent signs so that [`Key::armour`] makes a signature of them.
///
/// # Errors
/// None for a namespace that is not empty.
pub fn to_sign(namespace: &str, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
    SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(|_| SignatureError::Malformed)
}

/// A secret key from an OpenSSH key file, which signs. `ssh-key` wipes it from memory when it is dropped.
pub struct Secret(PrivateKey);

impl Secret {
    /// Reads `-----BEGIN OPENSSH PRIVATE KEY-----`.
    ///
    /// # Errors
    /// An encrypted key, a hardware key's handle, and what is no key.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let key = PrivateKey::from_openssh(text).map_err(|_| SecretError::Malformed)?;
        if key.is_encrypted() {
            return Err(SecretError::Encrypted);
        }
        let public = Key::of(key.public_key().key_data().clone()).map_err(SecretError::Key)?;
        if public.is_hardware() {
            return Err(SecretError::Hardware);
        }
        Ok(Self(key))
    }

    /// The Ed25519 key of thirty-two random bytes.
    ///
    /// # Errors
    /// None: any such bytes are a key.
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> Result<Self, KeyError> {
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(seed));
        PrivateKey::new(pair, comment)
            .map(Self)
            .map_err(|_| KeyError::Malformed)
    }

    /// As OpenSSH keeps it in a file.
    ///
    /// # Errors
    /// None for a key that was made or read.
    pub fn to_openssh(&self) -> Result<Zeroizing<String>, KeyError> {
        self.0.to_openssh(LineEnding::LF).map_err(|_| KeyError::Malformed)
    }

    /// Its public half.
    ///
    /// # Errors
    /// None for a key that was read.
    pub fn public(&self) -> Result<Key, KeyError> {
        Key::of(self.0.public_key().key_data().clone())
    }

    /// An armoured signature, the same that `ssh-keygen -Y sign` makes.
    ///
    /// # Errors
    /// Where the key cannot sign.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SignatureError> {
        self.0
            .sign(namespace, HashAlg::Sha512, message)
            .and_then(|signed| signed.to_pem(LineEnding::LF))
            .map_err(|_| SignatureError::Invalid)
    }
}

/// Why a text is no key that may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// Not a public key as OpenSSH writes it.
    Malformed,
    /// A kind of key that is not supported.
    Unsupported(String),
    /// An RSA key that is too short.
    Short {
        /// Its size.
        bits: u32,
    },
    /// An RSA key that is too long.
    Long {
        /// Its size.
        bits: u32,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("it is no public key as OpenSSH writes it"),
            Self::Unsupported(algorithm) => write!(f, "keys of the kind `{algorithm}` are not supported"),
            Self::Short { bits } => write!(f, "the RSA key has {bits} bits, and {LEAST_RSA_BITS} are the least"),
            Self::Long { bits } => write!(f, "the RSA key has {bits} bits, and {MOST_RSA_BITS} are the most"),
        }
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureError {
    /// OpenPGP or X.509: recognised, and not verified here.
    Unsupported(&'static str),
    /// Not an SSH signature.
    Malformed,
    /// Made for something else.
    Namespace {
        /// What it was made for.
        found: String,
        /// What it would have to be made for.
        wanted: String,
    },
    /// Made with a key that is not supported.
    Key(KeyError),
    /// It does not hold over what was signed.
    Invalid,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(format) => {
                write!(
                    f,
                    "the signature is in the format {format}, which is not supported: sign with an SSH key"
                )
            }
            Self::Malformed => f.write_str("the signature is malformed: it is no SSH signature"),
            Self::Namespace { found, wanted } => write!(
                f,
                "the signature was made for `{}` and not for `{wanted}`",
                found.escape_debug()
            ),
            Self::Key(error) => write!(f, "the signature's key cannot be used: {error}"),
            Self::Invalid => f.write_str("the signature does not hold over what it should have signed"),
        }
    }
}

/// Why a key file does not sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretError {
    /// Not a secret key as OpenSSH writes it.
    Malformed,
    /// It is protected by a passphrase.
    Encrypted,
    /// It only points to a device.
    Hardware,
    /// Of a kind that is not supported.
    Key(KeyError),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = "load it into an ssh-agent with `ssh-add`, and name its `.pub` file instead";
        match self {
            Self::Malformed => f.write_str("it is no secret key as OpenSSH writes it"),
            Self::Encrypted => write!(f, "it is protected by a passphrase: {agent}"),
            Self::Hardware => write!(f, "its secret is in a device: {agent}"),
            Self::Key(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests;
