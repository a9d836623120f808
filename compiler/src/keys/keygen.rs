//! The keys of an organisation, one for each role, and the trust root that names them.
//!
//! A [`Keygen`] and seeds enter, a [`Keyring`] leaves; writing it to a folder is a step of its own.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use polity_runtime::trust::{Role, TrustError, TrustRoot};
use polity_runtime::wire::Timestamp;

use super::{KeyError, SecretKey, Seed};

/// How long a new trust root lives: a year, after which somebody with the root keys must have looked at it again.
pub const TRUST_LIFETIME_MS: i64 = 365 * 86_400_000;

/// Whose keys are made.
#[derive(Debug, Clone)]
pub struct Keygen {
    /// The organisation's name.
    pub organization: String,
    /// The ref that bundles are built from, usually `refs/heads/main`.
    pub reference: String,
    /// The commit that the approval trail starts from. Without one the trust root accepts no attested bundle.
    pub introductory: Option<String>,
    /// Whether the trust root is for a developer's machine, where bundles that nobody approved are accepted. It has a
    /// `developer` key then, and without this neither that role nor that permission.
    pub developer: bool,
    /// The moment of making, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Keys and the trust root that names them: one key a role, each threshold one.
#[derive(Debug)]
pub struct Keyring {
    /// The trust root.
    pub trust: TrustRoot,
    /// One key a role.
    pub keys: Vec<SecretKey>,
}

/// Makes a key for each role, and the trust root.
///
/// # Errors
/// Where a seed cannot be had, and where the organisation, the ref or the commit is not one.
pub fn keygen(request: &Keygen, mut seed: impl FnMut() -> io::Result<Seed>) -> Result<Keyring, KeygenError> {
    let Keygen {
        organization,
        reference,
        introductory,
        developer,
        now_ms,
    } = request;
    let moment = |ms| Timestamp::from_millis(ms).ok_or(KeygenError::Time { ms });
    let (now, expires) = (moment(*now_ms)?, moment(now_ms.saturating_add(TRUST_LIFETIME_MS))?);
    let mut trust = TrustRoot::new(organization, reference, expires);
    trust.introductory = introductory.clone();
    trust.allow_unattested = *developer;
    let mut keys = Vec::new();
    for role in Role::ALL
        .into_iter()
        .filter(|role| *developer || *role != Role::Developer)
    {
        let seed = seed().map_err(KeygenError::Randomness)?;
        let key = SecretKey::from_seed(role, &format!("{organization} {role} {now}"), &seed);
        trust.set_role(role, &[key.public()], 1).map_err(KeygenError::Trust)?;
        keys.push(key);
    }
    // Reading it back checks the fields that any text can be put into.
    let trust = TrustRoot::parse(&trust.to_text()).map_err(KeygenError::Trust)?;
    Ok(Keyring { trust, keys })
}

impl Keyring {
    /// Writes `trust.json` and a file a key (`root.key`, `bundle.key` and so on) to a folder, which is made if need be,
    /// and names the files.
    ///
    /// # Errors
    /// Nothing is written if any of the files is there already.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, KeygenError> {
        let path = |key: &SecretKey| folder.join(format!("{}.key", key.role()));
        let trust = folder.join("trust.json");
        let mut paths: Vec<PathBuf> = self.keys.iter().map(path).collect();
        paths.push(trust.clone());
        if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
            return Err(KeygenError::File(KeyError::Exists { path: path.clone() }));
        }
        std::fs::create_dir_all(folder).map_err(|error| KeygenError::File(KeyError::io(folder, error)))?;
        for key in &self.keys {
            key.write_new(&path(key)).map_err(KeygenError::File)?;
        }
        // Last, so that a trust root never names a key that was not kept.
        crate::bundle::write_atomically(&trust, self.trust.to_text().as_bytes())
            .map_err(|error| KeygenError::File(KeyError::io(&trust, error)))?;
        Ok(paths)
    }
}

/// Why no keys were made.
#[derive(Debug)]
pub enum KeygenError {
    /// The operating system gave no randomness.
    Randomness(io::Error),
    /// The moment cannot be written, or that a year later.
    Time {
        /// Milliseconds since 1970.
        ms: i64,
    },
    /// What was asked for makes no trust root.
    Trust(TrustError),
    /// A file could not be written.
    File(KeyError),
}

impl fmt::Display for KeygenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Randomness(error) => write!(f, "the operating system gave no randomness: {error}"),
            Self::Time { ms } => write!(f, "{ms} milliseconds since 1970 are no moment that can be written"),
            Self::Trust(error) => write!(f, "{error}"),
            Self::File(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for KeygenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn request(developer: bool) -> Keygen {
        Keygen {
            organization: "acme".to_owned(),
            reference: "refs/heads/main".to_owned(),
            introductory: Some("a".repeat(40)),
            developer,
            now_ms: 1_793_534_400_000,
        }
    }

    fn counted() -> impl FnMut() -> io::Result<Seed> {
        let mut next = 0;
        move || {
            next += 1;
            Ok(Zeroizing::new([next; 32]))
        }
    }

    #[test]
    fn only_a_developer_s_trust_root_allows_what_nobody_approved() {
        let ring = keygen(&request(false), counted()).unwrap();
        assert!(!ring.trust.allow_unattested && ring.trust.role(Role::Developer).is_none());
        assert_eq!(
            ring.keys.iter().map(SecretKey::role).collect::<Vec<_>>(),
            &Role::ALL[..4]
        );
        let ring = keygen(&request(true), counted()).unwrap();
        assert!(ring.trust.allow_unattested);
        for (role, key) in Role::ALL.into_iter().zip(&ring.keys) {
            assert_eq!(ring.trust.role_of(key.id()), Some(role));
        }
        assert_eq!(ring.trust.expires.to_string(), "2027-11-01T12:00:00Z");
    }

    #[test]
    fn files_are_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("keys");
        let ring = keygen(&request(true), counted()).unwrap();
        let paths = ring.write(&folder).unwrap();
        assert_eq!(paths.len(), 6);
        assert_eq!(
            SecretKey::read(&folder.join("orders.key")).unwrap().role(),
            Role::Orders
        );
        #[expect(clippy::disallowed_methods, reason = "a test looks at what was written")]
        let text = std::fs::read_to_string(folder.join("trust.json")).unwrap();
        assert_eq!(TrustRoot::parse(&text), Ok(ring.trust));

        std::fs::remove_file(folder.join("root.key")).unwrap();
        let other = keygen(&request(true), super::super::random_seed).unwrap();
        assert!(matches!(
            other.write(&folder),
            Err(KeygenError::File(KeyError::Exists { .. }))
        ));
        assert!(
            !folder.join("root.key").exists(),
            "nothing is written if anything is there"
        );
    }

    #[test]
    fn what_makes_no_trust_root_makes_no_keys() {
        let refuse = |change: fn(&mut Keygen)| {
            let mut request = request(false);
            change(&mut request);
            keygen(&request, counted()).unwrap_err()
        };
        assert!(matches!(
            refuse(|k| k.organization.clear()),
            KeygenError::Trust(TrustError::Field(_))
        ));
        assert!(matches!(
            refuse(|k| k.reference = "main".to_owned()),
            KeygenError::Trust(TrustError::Field(_))
        ));
        assert!(matches!(
            refuse(|k| k.introductory = Some("abc".to_owned())),
            KeygenError::Trust(TrustError::Field(_))
        ));
        assert!(matches!(refuse(|k| k.now_ms = i64::MAX), KeygenError::Time { .. }));
        let none = keygen(&request(false), || Err(io::Error::other("no")));
        assert!(matches!(none, Err(KeygenError::Randomness(_))));
        let same = keygen(&request(false), || Ok(Zeroizing::new([1; 32])));
        assert!(matches!(
            same,
            Err(KeygenError::Trust(TrustError::KeyInTwoRoles { .. }))
        ));
    }
}
