//! Asks an ssh-agent for a signature: a key and the bytes to sign in, the signature's wire form out.
//!
//! The protocol is that of <https://www.rfc-editor.org/rfc/rfc9987> ; two of its messages are enough. What comes back
//! is verified before it is used, so a broken agent can at most fail.

use std::path::Path;

use super::Failure;
use crate::trail::signature::Key;

/// `SSH_AGENTC_SIGN_REQUEST`
const SIGN_REQUEST: u8 = 13;
/// `SSH_AGENT_SIGN_RESPONSE`
const SIGN_RESPONSE: u8 = 14;
/// `SSH_AGENT_RSA_SHA2_512`: without it an RSA key would sign with SHA-1.
const RSA_SHA2_512: u32 = 4;
/// The longest answer that is read; a signature of a large RSA key has less than a thousandth of it.
const MOST: u32 = 256 << 10;

/// Has the agent at a socket sign.
#[cfg(unix)]
pub(super) fn sign(socket: &Path, key: &Key, message: &[u8]) -> Result<Vec<u8>, Failure> {
    use std::io::{Read as _, Write as _};

    let fail = |error: std::io::Error| Failure::path("cannot talk to the ssh-agent at", socket, &error);
    let mut body = vec![SIGN_REQUEST];
    for part in [key.as_bytes(), message] {
        body.extend(length(part.len())?.to_be_bytes());
        body.extend(part);
    }
    let flags = if key.is_rsa() { RSA_SHA2_512 } else { 0 };
    body.extend(flags.to_be_bytes());
    let mut stream = std::os::unix::net::UnixStream::connect(socket).map_err(fail)?;
    stream.write_all(&length(body.len())?.to_be_bytes()).map_err(fail)?;
    stream.write_all(&body).map_err(fail)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size).map_err(fail)?;
    let size = u32::from_be_bytes(size);
    if size > MOST {
        return Err(Failure::environment("the ssh-agent's answer is too long"));
    }
    let mut answer = Vec::new();
    stream.take(u64::from(size)).read_to_end(&mut answer).map_err(fail)?;
    let signature = match answer.split_first() {
        Some((&SIGN_RESPONSE, rest)) => rest.get(4..),
        _ => None,
    };
    let refused = || {
        Failure::environment(format!("the ssh-agent does not sign with {}", key.fingerprint()))
            .with_help("`ssh-add -l` lists the keys that it holds; a hardware key may have to be touched")
    };
    signature.map(<[u8]>::to_vec).ok_or_else(refused)
}

/// Elsewhere there is no socket to connect to.
#[cfg(not(unix))]
pub(super) fn sign(_: &Path, _: &Key, _: &[u8]) -> Result<Vec<u8>, Failure> {
    Err(Failure::environment("an ssh-agent is asked on Unix only").with_help("sign with a key file"))
}

#[cfg(unix)]
fn length(bytes: usize) -> Result<u32, Failure> {
    u32::try_from(bytes).map_err(|_| Failure::environment("what is to be signed is too long"))
}
