//! Names to ids by open addressing: a folded-multiply hash, at most half full, the key compared in full.
//!
//! The seed is chosen when the table is built, so that the longest probe is short; it is bounded here, so that a
//! name made to collide costs a bounded number of comparisons. An [`Index`] is what a bundle holds; what looks
//! names up is made of it when the table is ([`Lookups`](super::lookups::Lookups)).

use super::NONE;

/// The longest run of slots that a lookup looks at. The builder tries seeds until every name fits; at half load and
/// with a hash that spreads, the first few seeds do.
pub(super) const MAX_PROBE: u32 = 16;

/// How many seeds the builder tries before it doubles the number of slots.
const SEEDS: u64 = 64;

/// A hash table of ids. Empty slots hold [`NONE`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// What the hash starts from.
    pub seed: u64,
    /// A power of two of them, or none at all.
    pub slots: Vec<u32>,
}

impl Index {
    /// An index of names, which are distinct, to their places.
    ///
    /// Deterministic: the same names give the same slots.
    pub fn build<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Self {
        let count = names.clone().count();
        if count == 0 {
            return Self::default();
        }
        let mut size = (count * 2).next_power_of_two();
        loop {
            if let Some(index) = (1..=SEEDS).find_map(|seed| Self::try_build(names.clone(), seed, size)) {
                return index;
            }
            size *= 2;
        }
    }

    fn try_build<'n>(names: impl Iterator<Item = &'n str>, seed: u64, size: usize) -> Option<Self> {
        let mut slots = vec![NONE; size];
        for (id, name) in (0u32..).zip(names) {
            let start = hash(seed, name.as_bytes());
            let free = (0..MAX_PROBE)
                .map(|step| place(start, step, size))
                .find(|at| slots.get(*at) == Some(&NONE))?;
            *slots.get_mut(free)? = id;
        }
        Some(Self { seed, slots })
    }
}

/// The slot of a probe; `size` is a power of two.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mask keeps it within the slots")]
pub(super) fn place(hash: u64, step: u32, size: usize) -> usize {
    (hash as usize).wrapping_add(step as usize) & (size - 1)
}

/// Folded multiplication over sixteen bytes at a time, after the family of wyhash; not for secrets.
#[inline]
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    // Odd constants of full width: the digits of pi, as good as any others.
    const A: u64 = 0x243f_6a88_85a3_08d3;
    const B: u64 = 0x1319_8a2e_0370_7345;
    let mix = |state: u64, a: u64, b: u64| fold(a ^ state, b ^ state.rotate_left(32) ^ A);
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    let mut state = (seed ^ (bytes.len() as u64).rotate_left(32)).wrapping_mul(B);
    // The last sixteen bytes, or the first and last of fewer: reading what was read already is harmless.
    let (a, b) = if let Some(last) = bytes.last_chunk::<16>() {
        // All before them, sixteen at a time: of a name of up to 32 bytes, the first alone.
        let before = bytes.len().saturating_sub(1) / 16;
        let (chunks, _) = bytes.as_chunks::<16>();
        for chunk in chunks.iter().take(before) {
            let (a, b) = halves(*chunk);
            state = mix(state, a, b);
        }
        halves(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (half(first), half(last))
    } else {
        (bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)), 0)
    };
    mix(state, a, b)
}

/// The two words of sixteen bytes.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the two halves are wanted")]
fn halves(bytes: [u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(bytes);
    (both as u64, (both >> 64) as u64)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte anywhere in a name of any length counts.
    #[test]
    fn names_that_differ_in_one_byte_hash_apart() {
        let mut all = std::collections::BTreeSet::new();
        let mut count = 0;
        for length in 0..70 {
            let name = vec![b'a'; length];
            all.insert(hash(1, &name));
            count += 1;
            for at in 0..length {
                let mut other = name.clone();
                other[at] = b'b';
                all.insert(hash(1, &other));
                count += 1;
            }
        }
        assert_eq!(all.len(), count);
    }
}
