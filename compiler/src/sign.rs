//! Signatures, made only by keys that may make them.
//!
//! Bytes, keys and the trust roots they are meant for enter; signatures leave. Every key is held against the trust root
//! before anything is signed, so that a wrong key is found here and not by the agents that would refuse the bundle.

use std::fmt;

use polity_runtime::trust::{self, Role, SuccessorError, TrustRoot};
use polity_runtime::wire::Digest;
use polity_runtime::wire::layout::{Signature, write_detached};

use crate::keys::SecretKey;

/// Signs a body for a role.
///
/// Several trust roots are given while keys are being exchanged, so that agents that have the old one and agents that
/// have the new one accept the same file.
///
/// # Errors
/// A key that has the role in none of the trust roots; fewer keys than one of them asks for.
pub fn sign(
    trusts: &[&TrustRoot],
    role: Role,
    payload_type: &str,
    body: &[u8],
    keys: &[SecretKey],
) -> Result<Vec<Signature>, SignError> {
    let mut ids: Vec<Digest> = Vec::new();
    for key in keys {
        let id = key.id();
        if !trusts.iter().any(|trust| trust.role_of(id) == Some(role)) {
            let has = trusts.iter().find_map(|trust| trust.role_of(id));
            return Err(SignError::NotInRole {
                key: id,
                comment: key.comment().to_owned(),
                role,
                has,
            });
        }
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    for trust in trusts {
        let set = trust.role(role).ok_or(SignError::NoKeys { role })?;
        let got = set.keys().filter(|(id, _)| ids.binary_search(id).is_ok()).count();
        if got < set.threshold() {
            return Err(SignError::TooFew {
                role,
                got,
                needed: set.threshold(),
            });
        }
    }
    let mut signatures: Vec<Signature> = keys.iter().map(|key| key.sign(payload_type, body)).collect();
    signatures.sort();
    signatures.dedup();
    Ok(signatures)
}

/// Signs the next version of a trust root, and gives the text of the file that lies beside it (`trust.json.sig`).
///
/// # Errors
/// Whatever [`sign`] refuses, and whatever an agent with the present version would.
pub fn sign_successor(present: &TrustRoot, next: &str, keys: &[SecretKey]) -> Result<String, SignError> {
    let parsed = TrustRoot::parse(next).map_err(|error| SignError::Successor(SuccessorError::Unreadable(error)))?;
    let signatures = sign(
        &[present, &parsed],
        Role::Root,
        trust::PAYLOAD_TYPE,
        next.as_bytes(),
        keys,
    )?;
    present
        .accept_successor(next, &signatures)
        .map_err(SignError::Successor)?;
    Ok(write_detached(trust::PAYLOAD_TYPE, &signatures))
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignError {
    /// A key may not sign this.
    NotInRole {
        /// Its id.
        key: Digest,
        /// What its maker noted.
        comment: String,
        /// The role it lacks.
        role: Role,
        /// The role it has.
        has: Option<Role>,
    },
    /// A trust root gives nobody the role.
    NoKeys {
        /// The role.
        role: Role,
    },
    /// More keys must sign.
    TooFew {
        /// The role.
        role: Role,
        /// How many are given.
        got: usize,
        /// How many must be.
        needed: usize,
    },
    /// The present trust root would not accept the new one.
    Successor(SuccessorError),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInRole {
                key,
                comment,
                role,
                has,
            } => {
                write!(f, "the key {key} (`{comment}`) may not sign this: the trust root ")?;
                match has {
                    Some(has) => write!(f, "gives it the role `{has}`, and `{role}` is needed"),
                    None => write!(f, "does not know it"),
                }
            }
            Self::NoKeys { role } => write!(f, "the trust root gives no key the role `{role}`"),
            Self::TooFew { role, got, needed } => {
                write!(
                    f,
                    "{got} of the {needed} keys of the role `{role}` that must sign are given"
                )
            }
            Self::Successor(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SignError {}

#[cfg(test)]
mod tests {
    use super::*;
    use polity_runtime::wire::Timestamp;
    use polity_runtime::wire::layout::read_detached;
    use zeroize::Zeroizing;

    fn key(role: Role, seed: u8) -> SecretKey {
        SecretKey::from_seed(role, &format!("key {seed}"), &Zeroizing::new([seed; 32]))
    }

    fn root(keys: &[u8], threshold: u64) -> TrustRoot {
        let mut trust = TrustRoot::new("acme", "refs/heads/main", Timestamp::from_millis(1).unwrap());
        let keys: Vec<_> = keys.iter().map(|seed| key(Role::Root, *seed).public()).collect();
        trust.set_role(Role::Root, &keys, threshold).unwrap();
        trust
            .set_role(Role::Bundle, &[key(Role::Bundle, 99).public()], 1)
            .unwrap();
        trust
    }

    fn refuse(trusts: &[&TrustRoot], keys: &[SecretKey]) -> String {
        sign(trusts, Role::Root, "t", b"body", keys).unwrap_err().to_string()
    }

    #[test]
    fn a_key_signs_only_what_the_trust_root_lets_it() {
        let trust = root(&[1, 2], 2);
        let keys = [key(Role::Root, 1), key(Role::Root, 2)];
        let signatures = sign(&[&trust], Role::Root, "t", b"body", &keys).unwrap();
        assert!(trust.check(Role::Root, "t", b"body", &signatures).is_ok());
        assert_eq!(
            refuse(&[&trust], &[key(Role::Root, 1), key(Role::Root, 99)]),
            format!(
                "the key {} (`key 99`) may not sign this: the trust root gives it the role `bundle`, and `root` is needed",
                key(Role::Root, 99).id()
            )
        );
        assert!(refuse(&[&trust], &[key(Role::Root, 5)]).ends_with("the trust root does not know it"));
        assert_eq!(
            refuse(&[&trust], &keys[..1]),
            "1 of the 2 keys of the role `root` that must sign are given"
        );
        let twice = [key(Role::Root, 1), key(Role::Root, 1)];
        assert_eq!(
            refuse(&[&trust], &twice),
            "1 of the 2 keys of the role `root` that must sign are given"
        );
        let none = sign(&[&trust], Role::Orders, "t", b"body", &[]);
        assert_eq!(none, Err(SignError::NoKeys { role: Role::Orders }));
    }

    #[test]
    fn a_successor_is_signed_so_that_the_present_trust_root_accepts_it() {
        let present = root(&[1], 1);
        let mut next = root(&[2, 3], 2);
        next.version = 2;
        let keys = [key(Role::Root, 1), key(Role::Root, 2), key(Role::Root, 3)];
        let detached = sign_successor(&present, &next.to_text(), &keys).unwrap();
        let signatures = read_detached(trust::PAYLOAD_TYPE, &detached).unwrap();
        assert_eq!(present.accept_successor(&next.to_text(), &signatures), Ok(next.clone()));
        assert!(matches!(
            sign_successor(&present, &next.to_text(), &keys[..2]),
            Err(SignError::TooFew { got: 1, .. })
        ));
        assert!(matches!(
            sign_successor(&present, &next.to_text(), &keys[1..]),
            Err(SignError::TooFew { got: 0, .. })
        ));
        next.version = 3;
        assert!(matches!(
            sign_successor(&present, &next.to_text(), &keys),
            Err(SignError::Successor(SuccessorError::Version { .. }))
        ));
        assert!(matches!(
            sign_successor(&present, "{}", &keys),
            Err(SignError::Successor(_))
        ));
    }
}
