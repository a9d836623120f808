//! Names to ids by open addressing: a folded-multiply hash, at most half full, the key compared in full.
//!
//! The seed is chosen when the table is built, so that the longest probe is short; it is bounded here, so that a
//! name made to collide costs a bounded number of comparisons.

use super::NONE;

/// The longest run of slots that a lookup looks at. The builder tries seeds until every name fits; at half load and
/// with a hash that spreads, the first few seeds do.
const MAX_PROBE: u32 = 16;

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

    /// The id whose name this is, as `is` says; it knows nothing of an id that is no record's.
    #[inline]
    pub fn find(&self, name: &str, is: impl Fn(u32) -> Option<bool>) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let start = hash(self.seed, name.as_bytes());
        for step in 0..MAX_PROBE {
            let id = *self.slots.get(place(start, step, self.slots.len()))?;
            if id == NONE {
                return None;
            }
            if is(id) == Some(true) {
                return Some(id);
            }
        }
        None
    }
}

/// The slot of a probe; `size` is a power of two.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mask keeps it within the slots")]
fn place(hash: u64, step: u32, size: usize) -> usize {
    (hash as usize).wrapping_add(step as usize) & (size - 1)
}

/// Folded multiplication over eight bytes at a time, after the family of wyhash; not for secrets.
#[inline]
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    // Odd constants of full width: the digits of pi, as good as any others.
    const A: u64 = 0x243f_6a88_85a3_08d3;
    const B: u64 = 0x1319_8a2e_0370_7345;
    let mut state = seed ^ A ^ (bytes.len() as u64).wrapping_mul(B);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        state = fold(state ^ u64::from_le_bytes(*chunk), B);
    }
    if !rest.is_empty() {
        // The last eight bytes, or all of them where there are fewer: reading what was read already is harmless.
        let tail = match bytes.last_chunk::<8>() {
            Some(last) => u64::from_le_bytes(*last),
            None => rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
        };
        state = fold(state ^ tail, B);
    }
    fold(state, A)
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

    #[test]
    fn every_name_is_found_and_no_other() {
        let names: Vec<String> = (0..5000).map(|i| format!("team-{}/agent-{i}", i % 50)).collect();
        let index = Index::build(names.iter().map(String::as_str));
        assert!(index.slots.len() >= 2 * names.len());
        let find = |name: &str| index.find(name, |id| Some(names.get(id as usize)? == name));
        for (i, name) in (0u32..).zip(&names) {
            assert_eq!(find(name), Some(i));
            assert_eq!(find(&format!("{name}x")), None);
        }
        assert_eq!(find(""), None);
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Index::build(std::iter::empty()).find("a", |_| Some(true)), None);
    }

    #[test]
    fn names_that_differ_only_in_a_tail_byte_hash_apart() {
        let all: std::collections::BTreeSet<u64> = ["", "a", "b", "aaaaaaaa", "aaaaaaab", "aaaaaaaaa", "aaaaaaaab"]
            .iter()
            .map(|n| hash(1, n.as_bytes()))
            .collect();
        assert_eq!(all.len(), 7);
    }
}
