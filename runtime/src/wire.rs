//! The only codec: what the compiler writes with it, the runtime reads with it.
//!
//! Bytes and text enter; words, moments, digests and JSON values leave, and the reverse. Nothing here knows what a
//! bundle is for, or whether anything is to be trusted.

pub mod digest;
pub mod json;
pub mod layout;
pub mod time;
pub mod words;

pub use digest::{Digest, from_hex, to_hex};
pub use json::Json;
pub use time::Timestamp;

/// The bytes that a signature covers: DSSE's pre-authentication encoding (version 1).
///
/// It binds the payload type, so that a signature over a manifest can never pass for one over a trust root or a kill
/// order, whatever their bytes.
pub fn pre_authentication_encoding(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::pre_authentication_encoding;

    #[test]
    fn the_encoding_is_the_one_that_the_dsse_specification_shows() {
        assert_eq!(
            pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
