//! The layout of a bundle: where the manifest, the signatures and the sections lie.
//!
//! ```text
//! magic             8 bytes
//! format version    u32
//! manifest length   u32
//! manifest          canonical JSON, then zeros to a multiple of 8
//! signature count   u64
//! signatures        each: key id (32 bytes), algorithm u32, length u32, the signature
//! sections          in the order of their names, each preceded by zeros to a multiple of 8
//! ```
//! All numbers are little-endian. The file ends with the last byte of the last section. There is no directory of
//! sections: names, order and lengths are the manifest's, which is signed, so no unsigned offset is ever followed.
//! What the layout leaves open (padding, order of signatures, bytes at the end) is fixed and checked, so that a bundle
//! has one encoding.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::words::Cursor;
use super::{Digest, from_hex, json, json::Json, to_hex};

/// The first bytes of every bundle. The first is no ASCII and the last is a newline, so that a transfer that mangles
/// text mangles this first (as PNG does).
pub const MAGIC: [u8; 8] = *b"\x89POLITY\n";
/// The oldest format that this reader reads.
pub const MIN_FORMAT: u32 = 1;
/// The newest format that this reader reads, and the one that is written.
pub const FORMAT: u32 = 1;
/// Sections start at multiples of this.
pub const ALIGNMENT: usize = 8;
/// The largest bundle. A hundred thousand agents take 9 MiB, so this is some twenty-five times what is foreseen.
pub const MAX_BUNDLE_BYTES: usize = 256 << 20;
/// The largest manifest. With every section that is allowed it takes some 10 KiB; the rest is for long names.
pub const MAX_MANIFEST_BYTES: usize = 64 << 10;
/// The most signatures. Picked by gut feeling: a threshold of several, for an old and a new trust root at once.
pub const MAX_SIGNATURES: usize = 16;
/// The most sections. Format 1 has fewer than twenty.
pub const MAX_SECTIONS: usize = 64;
/// The largest section: offsets within one are 32-bit and none comes near; a quarter of the largest bundle.
pub const MAX_SECTION_BYTES: u64 = 64 << 20;
/// The algorithm number of Ed25519 signatures. 2 is kept for the hybrid of Ed25519 and ML-DSA-65.
pub const ALGORITHM_ED25519: u32 = 1;

/// A signature and the key that it claims to be of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// The SHA-256 of the public key.
    pub key: Digest,
    /// The Ed25519 signature.
    pub bytes: [u8; 64],
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} by {})", to_hex(&self.bytes), self.key)
    }
}

/// What lies before the sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The format version of the header.
    pub format: u32,
    /// Where the manifest's bytes are.
    pub manifest: Range<usize>,
    /// In the order of their key ids, no key twice.
    pub signatures: Vec<Signature>,
    /// Where the sections begin.
    pub end: usize,
}

/// Why bytes are not a bundle at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// The bytes end before what they announce.
    Truncated {
        /// What is missing.
        what: &'static str,
    },
    /// Another kind of file.
    BadMagic,
    /// Written by a later compiler than this runtime understands.
    FutureFormat {
        /// The version of the file.
        found: u32,
    },
    /// A format that is not read any more, or never was.
    UnknownFormat {
        /// The version of the file.
        found: u32,
    },
    /// Larger than [`MAX_BUNDLE_BYTES`].
    Oversized {
        /// The size of the file.
        bytes: usize,
    },
    /// Larger than [`MAX_MANIFEST_BYTES`].
    ManifestTooLarge {
        /// The length that the header announces.
        bytes: u32,
    },
    /// More than [`MAX_SIGNATURES`].
    TooManySignatures {
        /// How many the file announces.
        count: u64,
    },
    /// A signature of a kind that this runtime does not verify.
    UnknownAlgorithm {
        /// Its number.
        algorithm: u32,
    },
    /// A signature that is not of the length of its kind.
    SignatureLength {
        /// The length that is announced.
        bytes: u32,
    },
    /// Signatures are not in the order of their keys, or one key signed twice.
    SignatureOrder,
    /// A byte that must be zero is not.
    Padding {
        /// Where, from the beginning of the file.
        at: usize,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { what } => write!(f, "the bundle is cut short: its {what} is incomplete"),
            Self::BadMagic => f.write_str("this is not a bundle: it does not begin as one"),
            Self::FutureFormat { found } => {
                write!(
                    f,
                    "the bundle has format {found}, and this runtime reads up to {FORMAT}: update the runtime"
                )
            }
            Self::UnknownFormat { found } => {
                write!(f, "the bundle has format {found}, which this runtime does not read")
            }
            Self::Oversized { bytes } => {
                write!(
                    f,
                    "the bundle has {bytes} bytes, and {MAX_BUNDLE_BYTES} are the most that are read"
                )
            }
            Self::ManifestTooLarge { bytes } => {
                write!(
                    f,
                    "the manifest has {bytes} bytes, and {MAX_MANIFEST_BYTES} are the most that are read"
                )
            }
            Self::TooManySignatures { count } => {
                write!(
                    f,
                    "the bundle has {count} signatures, and {MAX_SIGNATURES} are the most that are read"
                )
            }
            Self::UnknownAlgorithm { algorithm } => {
                write!(
                    f,
                    "the bundle has a signature of kind {algorithm}, which this runtime cannot verify"
                )
            }
            Self::SignatureLength { bytes } => write!(f, "a signature has {bytes} bytes instead of 64"),
            Self::SignatureOrder => f.write_str("the signatures are not in the order of their keys, each key once"),
            Self::Padding { at } => write!(f, "byte {at} is padding, and not zero"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Writes a bundle. The signatures are put in order; one key's second signature is dropped.
///
/// Whether the result keeps to the limits is for [`read_envelope`] to say: the compiler reads back what it writes.
pub fn write(manifest: &[u8], signatures: &[Signature], sections: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(FORMAT.to_le_bytes());
    // A manifest beyond 4 GiB cannot be; were it, the length written would be refused by the reader.
    out.extend(u32::try_from(manifest.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(manifest);
    pad(&mut out);
    let signatures: BTreeMap<Digest, [u8; 64]> = signatures.iter().map(|one| (one.key, one.bytes)).collect();
    out.extend(u64::try_from(signatures.len()).unwrap_or(u64::MAX).to_le_bytes());
    for (key, bytes) in signatures {
        out.extend(key.0);
        out.extend(ALGORITHM_ED25519.to_le_bytes());
        out.extend(64u32.to_le_bytes());
        out.extend(bytes);
    }
    for bytes in sections.values() {
        pad(&mut out);
        out.extend(bytes);
    }
    out
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

/// Reads what lies before the sections. Nothing of it is trusted yet.
///
/// # Errors
/// See [`OpenError`].
pub fn read_envelope(bytes: &[u8]) -> Result<Envelope, OpenError> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(OpenError::Oversized { bytes: bytes.len() });
    }
    let truncated = |what| OpenError::Truncated { what };
    let mut cursor = Cursor::new(bytes);
    match cursor.array() {
        Some(MAGIC) => {}
        None if MAGIC.starts_with(bytes) => return Err(truncated("header")),
        _ => return Err(OpenError::BadMagic),
    }
    let format = cursor.u32().ok_or(truncated("header"))?;
    match format {
        MIN_FORMAT..=FORMAT => {}
        found if found > FORMAT => return Err(OpenError::FutureFormat { found }),
        found => return Err(OpenError::UnknownFormat { found }),
    }
    let length = cursor.u32().ok_or(truncated("header"))?;
    let manifest_bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if manifest_bytes > MAX_MANIFEST_BYTES {
        return Err(OpenError::ManifestTooLarge { bytes: length });
    }
    let start = cursor.position();
    cursor.take(manifest_bytes).ok_or(truncated("manifest"))?;
    let manifest = start..cursor.position();
    skip_padding(&mut cursor, "manifest")?;
    let signatures = read_signatures(&mut cursor)?;
    Ok(Envelope {
        format,
        manifest,
        signatures,
        end: cursor.position(),
    })
}

fn read_signatures(cursor: &mut Cursor<'_>) -> Result<Vec<Signature>, OpenError> {
    let truncated = || OpenError::Truncated {
        what: "list of signatures",
    };
    let count = cursor.u64().ok_or_else(truncated)?;
    if usize::try_from(count).unwrap_or(usize::MAX) > MAX_SIGNATURES {
        return Err(OpenError::TooManySignatures { count });
    }
    let mut signatures: Vec<Signature> = Vec::new();
    for _ in 0..count {
        let key = Digest(cursor.array().ok_or_else(truncated)?);
        match cursor.u32().ok_or_else(truncated)? {
            ALGORITHM_ED25519 => {}
            algorithm => return Err(OpenError::UnknownAlgorithm { algorithm }),
        }
        match cursor.u32().ok_or_else(truncated)? {
            64 => {}
            bytes => return Err(OpenError::SignatureLength { bytes }),
        }
        let bytes = cursor.array().ok_or_else(truncated)?;
        if signatures.last().is_some_and(|last| last.key >= key) {
            return Err(OpenError::SignatureOrder);
        }
        signatures.push(Signature { key, bytes });
    }
    Ok(signatures)
}

/// Finds the sections that follow an envelope, given their names and lengths.
///
/// # Errors
/// [`OpenError::Truncated`] and [`OpenError::Padding`]; the number of bytes that follow the last section, if any, is
/// given beside the sections.
pub fn place_sections<'n>(
    bytes: &[u8],
    end: usize,
    lengths: impl IntoIterator<Item = (&'n str, u64)>,
) -> Result<(BTreeMap<String, Range<usize>>, usize), OpenError> {
    let truncated = || OpenError::Truncated { what: "sections" };
    let mut cursor = Cursor::new(bytes);
    cursor.take(end).ok_or_else(truncated)?;
    let mut places = BTreeMap::new();
    for (name, length) in lengths {
        skip_padding(&mut cursor, "sections")?;
        let start = cursor.position();
        cursor
            .take(usize::try_from(length).map_err(|_| truncated())?)
            .ok_or_else(truncated)?;
        places.insert(name.to_owned(), start..cursor.position());
    }
    Ok((places, cursor.remaining()))
}

fn skip_padding(cursor: &mut Cursor<'_>, what: &'static str) -> Result<(), OpenError> {
    let at = cursor.position();
    let padding = cursor
        .take(at.next_multiple_of(ALIGNMENT) - at)
        .ok_or(OpenError::Truncated { what })?;
    match padding.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(offset) => Err(OpenError::Padding { at: at + offset }),
    }
}

/// Writes signatures that lie beside the file they sign (`trust.json.sig`), as JSON.
pub fn write_detached(payload_type: &str, signatures: &[Signature]) -> String {
    let signatures: BTreeMap<Digest, [u8; 64]> = signatures.iter().map(|one| (one.key, one.bytes)).collect();
    let list = signatures.iter().map(|(key, bytes)| {
        Json::object([
            ("key", Json::string(key.to_string())),
            ("signature", Json::string(to_hex(bytes))),
        ])
    });
    Json::object([
        ("payload_type", Json::string(payload_type)),
        ("signatures", Json::Array(list.collect())),
    ])
    .to_pretty()
}

/// Reads what [`write_detached`] writes; none if it is anything else, or for another payload type.
pub fn read_detached(payload_type: &str, text: &str) -> Option<Vec<Signature>> {
    // Two keys and their punctuation take 250 bytes a signature.
    if text.len() > 1024 * (MAX_SIGNATURES + 1) {
        return None;
    }
    let Json::Object(mut members) = json::read(text).ok()? else {
        return None;
    };
    let (Json::String(found), Json::Array(list)) = (members.remove("payload_type")?, members.remove("signatures")?)
    else {
        return None;
    };
    if found != payload_type || !members.is_empty() || list.len() > MAX_SIGNATURES {
        return None;
    }
    let mut signatures: Vec<Signature> = Vec::new();
    for item in list {
        let Json::Object(mut item) = item else { return None };
        let (Json::String(key), Json::String(bytes)) = (item.remove("key")?, item.remove("signature")?) else {
            return None;
        };
        let one = Signature {
            key: Digest::parse(&key)?,
            bytes: from_hex(&bytes)?,
        };
        if !item.is_empty() || signatures.last().is_some_and(|last| last.key >= one.key) {
            return None;
        }
        signatures.push(one);
    }
    Some(signatures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vec<u8> {
        let signatures = [
            Signature {
                key: Digest([9; 32]),
                bytes: [1; 64],
            },
            Signature {
                key: Digest([3; 32]),
                bytes: [2; 64],
            },
        ];
        let sections = BTreeMap::from([("a".to_owned(), vec![1, 2, 3]), ("b".to_owned(), vec![4])]);
        write(b"{\"a\":1}..", &signatures, &sections)
    }

    #[test]
    fn what_is_written_is_found_again() {
        let bytes = small();
        let envelope = read_envelope(&bytes).unwrap();
        assert_eq!(&bytes[envelope.manifest.clone()], b"{\"a\":1}..");
        assert_eq!(
            envelope.signatures.iter().map(|one| one.key.0[0]).collect::<Vec<_>>(),
            [3, 9]
        );
        let (places, rest) = place_sections(&bytes, envelope.end, [("a", 3), ("b", 1)]).unwrap();
        assert_eq!(
            (&bytes[places["a"].clone()], &bytes[places["b"].clone()], rest),
            (&[1, 2, 3][..], &[4][..], 0)
        );
        assert!(places.values().all(|place| place.start % ALIGNMENT == 0));
    }

    #[test]
    fn each_fault_of_the_layout_has_its_own_error() {
        let broken = |at: usize, byte: u8| {
            let mut bytes = small();
            bytes[at] = byte;
            read_envelope(&bytes).unwrap_err()
        };
        assert_eq!(broken(0, b'P'), OpenError::BadMagic);
        assert_eq!(broken(8, 2), OpenError::FutureFormat { found: 2 });
        assert_eq!(broken(8, 0), OpenError::UnknownFormat { found: 0 });
        assert_eq!(broken(14, 2), OpenError::ManifestTooLarge { bytes: 9 + (2 << 16) });
        assert_eq!(broken(13, 0xff), OpenError::Truncated { what: "manifest" });
        assert_eq!(broken(31, 1), OpenError::Padding { at: 31 });
        assert_eq!(broken(32, 17), OpenError::TooManySignatures { count: 17 });
        assert_eq!(broken(40, 10), OpenError::SignatureOrder);
        assert_eq!(broken(72, 2), OpenError::UnknownAlgorithm { algorithm: 2 });
        assert_eq!(broken(76, 63), OpenError::SignatureLength { bytes: 63 });
        let mut twice = small();
        twice.copy_within(40..72, 144);
        assert_eq!(
            read_envelope(&twice),
            Err(OpenError::SignatureOrder),
            "one key, two signatures"
        );
        assert_eq!(read_envelope(b"\x89POL"), Err(OpenError::Truncated { what: "header" }));
        assert_eq!(read_envelope(b"PK\x03\x04"), Err(OpenError::BadMagic));
        assert_eq!(
            read_envelope(&vec![0; MAX_BUNDLE_BYTES + 1]),
            Err(OpenError::Oversized {
                bytes: MAX_BUNDLE_BYTES + 1
            })
        );
    }

    #[test]
    fn detached_signatures_are_read_for_their_payload_type_only() {
        let signatures = [
            Signature {
                key: Digest([3; 32]),
                bytes: [2; 64],
            },
            Signature {
                key: Digest([9; 32]),
                bytes: [1; 64],
            },
        ];
        let text = write_detached("a", &signatures);
        assert_eq!(read_detached("a", &text).unwrap(), signatures);
        assert_eq!(read_detached("b", &text), None);
        assert_eq!(read_detached("a", &text.replace("\"key\"", "\"kay\"")), None);
        let twice = text.replace(&"09".repeat(32), &"03".repeat(32));
        assert_eq!(read_detached("a", &twice), None, "one key, two signatures");
    }
}
