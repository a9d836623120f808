//! Secret keys: made, written to files of their own, and read again.
//!
//! A seed, or the path of a key file, enters; a [`SecretKey`] leaves, which signs and never shows what is secret in it.
//! What a key may sign is written in the trust root; the role in a key file only says what it was made for.
//!
//! A key file is five lines of text:
//! ```text
//! polity-secret-key v1 ed25519
//! role: bundle
//! comment: acme bundle 2026-11-22T09:30:00Z
//! public: <64 hexadecimal digits>
//! secret: <64 hexadecimal digits>
//! ```

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use polity_runtime::trust::{Role, key_id};
use polity_runtime::wire::layout::Signature;
use polity_runtime::wire::{Digest, from_hex, pre_authentication_encoding, to_hex};
use zeroize::Zeroizing;

mod keygen;
pub use keygen::{Keygen, KeygenError, Keyring, TRUST_LIFETIME_MS, keygen};

/// Thirty-two random bytes, wiped from memory when dropped.
pub type Seed = Zeroizing<[u8; 32]>;

/// The first line of a key file.
const HEADER: &str = "polity-secret-key v1 ed25519";
/// The largest key file that is read. One takes less than 300 bytes, and a comment no more than the rest.
const MAX_FILE_BYTES: usize = 4096;

/// A key that signs. Wiped from memory when dropped.
pub struct SecretKey {
    role: Role,
    /// INVARIANT: without control characters, so that it stays on its line.
    comment: String,
    key: SigningKey,
}

impl SecretKey {
    /// The key of a seed. Control characters in the comment become spaces.
    pub fn from_seed(role: Role, comment: &str, seed: &Seed) -> Self {
        let comment = comment.replace(char::is_control, " ").trim().to_owned();
        Self {
            role,
            comment,
            key: SigningKey::from_bytes(seed),
        }
    }

    /// What it was made for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What its maker noted.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Its public half.
    pub fn public(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The id by which trust roots and signatures name it.
    pub fn id(&self) -> Digest {
        key_id(&self.public())
    }

    /// Signs a body for one purpose. Whether the key may is for [`crate::sign`] to ask.
    pub(crate) fn sign(&self, payload_type: &str, body: &[u8]) -> Signature {
        let message = pre_authentication_encoding(payload_type, body);
        Signature {
            key: self.id(),
            bytes: self.key.sign(&message).to_bytes(),
        }
    }

    /// Writes a new key file that only its owner can read.
    ///
    /// # Errors
    /// A file that is there is never overwritten: [`KeyError::Exists`].
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let fail = |error| KeyError::io(path, error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(fail)?;
        file.write_all(self.to_text().as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| {
                // Half a key is none. Should it stay all the same, it is refused when it is read.
                let _ = std::fs::remove_file(path);
                fail(error)
            })
    }

    /// Reads a key file.
    ///
    /// On Unix a file that others than its owner may read or write is refused: a key that somebody else had is not a
    /// secret. Elsewhere permissions are not looked at.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let fail = |error| KeyError::io(path, error);
        let no_file = || KeyError::Malformed {
            path: path.to_owned(),
            why: "it is no regular file",
        };
        // Opening a pipe would wait for somebody to write.
        if !std::fs::metadata(path).map_err(fail)?.is_file() {
            return Err(no_file());
        }
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(no_file());
        }
        // Asked of the open file, so that it cannot be exchanged in between.
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o7777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Readable {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        // As large as can be from the start: growing would leave copies of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_BYTES + 1));
        let limit = u64::try_from(MAX_FILE_BYTES + 1).unwrap_or(u64::MAX);
        file.take(limit).read_to_string(&mut text).map_err(fail)?;
        Self::parse(&text).map_err(|why| KeyError::Malformed {
            path: path.to_owned(),
            why,
        })
    }

    fn to_text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(to_hex(self.key.as_bytes()));
        let public = to_hex(self.public().as_bytes());
        let (role, comment) = (self.role, &self.comment);
        Zeroizing::new(format!(
            "{HEADER}\nrole: {role}\ncomment: {comment}\npublic: {public}\nsecret: {}\n",
            *secret
        ))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_FILE_BYTES {
            return Err("it is too long to be a key");
        }
        let lines: Vec<&str> = text.lines().collect();
        let [HEADER, role, comment, public, secret] = lines.as_slice() else {
            return Err("it does not begin as a key file does, or has not its five lines");
        };
        let role = role
            .strip_prefix("role: ")
            .and_then(Role::from_name)
            .ok_or("its second line names no role")?;
        let comment = comment.strip_prefix("comment:").ok_or("its third line is no comment")?;
        let public = public
            .strip_prefix("public: ")
            .ok_or("its fourth line is no public key")?;
        let secret = secret
            .strip_prefix("secret: ")
            .and_then(from_hex::<32>)
            .ok_or("its last line is no secret key")?;
        let key = Self::from_seed(role, comment, &Zeroizing::new(secret));
        if to_hex(key.public().as_bytes()) != public {
            return Err("its public key is not that of its secret key");
        }
        Ok(key)
    }
}

/// Shows who it is, never what is secret.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({} {})", self.role, self.id())
    }
}

/// A seed from the operating system. It is called at the edge; everything else takes seeds as arguments.
///
/// # Errors
/// Where the operating system has no randomness to give.
pub fn random_seed() -> io::Result<Seed> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(seed)
}

/// Why a key file was not read or written.
#[derive(Debug)]
pub enum KeyError {
    /// The file is there already.
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// Others than its owner may read or write it.
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is no key file.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong. It never quotes the file, which may be another secret.
        why: &'static str,
    },
}

impl KeyError {
    fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        if error.kind() == io::ErrorKind::AlreadyExists {
            Self::Exists { path }
        } else {
            Self::Io { path, error }
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists { path } => {
                write!(
                    f,
                    "`{}` is there already, and a key is never overwritten",
                    path.display()
                )
            }
            Self::Io { path, error } => write!(f, "`{}`: {error}", path.display()),
            Self::Readable { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` has mode {mode:04o}, so that others can get at the secret key: run `chmod 600 {path}`"
                )
            }
            Self::Malformed { path, why } => write!(f, "`{}` is not a key file: {why}", path.display()),
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_seed(Role::Bundle, "acme\nrole: root", &Zeroizing::new([7; 32]))
    }

    #[test]
    fn a_key_survives_its_file_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle.key");
        key().write_new(&path).unwrap();
        let read = SecretKey::read(&path).unwrap();
        assert_eq!(
            (read.id(), read.role(), read.comment()),
            (key().id(), Role::Bundle, "acme role: root")
        );
        let other = SecretKey::from_seed(Role::Root, "", &Zeroizing::new([8; 32]));
        assert!(matches!(other.write_new(&path), Err(KeyError::Exists { .. })));
        assert_eq!(SecretKey::read(&path).unwrap().id(), key().id());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle.key");
        key().write_new(&path).unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        for open in [0o640, 0o604, 0o620, 0o602, 0o644, 0o666] {
            mode(open);
            let error = SecretKey::read(&path).unwrap_err().to_string();
            assert!(
                error.ends_with(&format!("run `chmod 600 {}`", path.display())),
                "{error}"
            );
        }
        for closed in [0o600, 0o400] {
            mode(closed);
            assert!(SecretKey::read(&path).is_ok());
        }
        assert!(matches!(
            SecretKey::read(dir.path()),
            Err(KeyError::Malformed { .. } | KeyError::Io { .. })
        ));
    }

    #[test]
    fn nothing_that_is_shown_holds_the_secret() {
        let secret = "07".repeat(32);
        let text = key().to_text();
        assert!(text.contains(&secret));
        assert!(!format!("{:?}{:#?}", key(), key()).contains(&secret));
        for broken in [
            text.replace("role: bundle", "role: king"),
            text.replace("public: ", "public: 00"),
            text.replace("secret: ", "secret: 0"),
        ] {
            let why = SecretKey::parse(&broken).unwrap_err();
            assert!(!why.contains("0707"), "{why}");
        }
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let text = key().to_text();
        assert!(SecretKey::parse(&text).is_ok());
        for broken in [
            String::new(),
            "-----BEGIN OPENSSH PRIVATE KEY-----\n".to_owned(),
            text.replace("v1", "v2"),
            text.replace("comment", "note"),
            format!("{}more\n", *text),
            text.replace("secret: 07", "secret: 08"),
            format!("{}{}", *text, " ".repeat(MAX_FILE_BYTES)),
        ] {
            assert!(SecretKey::parse(&broken).is_err(), "{broken}");
        }
    }
}
