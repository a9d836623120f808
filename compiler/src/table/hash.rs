//! A hasher for keys that nobody outside chooses against us: ids, and conditions of a repository being compiled.
//!
//! The maps of the table are looked up millions of times, and the standard hasher takes most of that. The hash is the
//! runtime's folded multiplication, a word at a time. No order ever depends on it.

use std::collections;
use std::hash::{BuildHasherDefault, Hasher};

/// A map with the fast hasher.
pub(crate) type HashMap<K, V> = collections::HashMap<K, V, BuildHasherDefault<Fold>>;

/// An odd constant of full width: digits of pi, as good as any others.
const FACTOR: u64 = 0x243f_6a88_85a3_08d3;

/// The state so far.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.write_u64(rest.iter().fold(1, |word, byte| (word << 8) | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        // A zero state would forget what it is multiplied with.
        let product = u128::from(self.0 ^ value ^ (FACTOR >> 7)).wrapping_mul(u128::from(FACTOR));
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded")]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        self.0 = folded.wrapping_add(FACTOR);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::Fold;

    #[test]
    fn near_keys_hash_apart() {
        let of = |pair: (u32, u32)| BuildHasherDefault::<Fold>::default().hash_one(pair);
        let all: BTreeSet<u64> = (0..100).flat_map(|a| (0..100).map(move |b| of((a, b)))).collect();
        assert_eq!(all.len(), 10_000);
    }
}
