//! Numbers that look random and follow from a seed alone: the same on every machine and in every release.

/// SplitMix64 (Steele, Lea and Flood, 2014): one addition and three multiplications a number.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number under a limit, which is not zero. The bias of the remainder is of no account here.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.number() % limit as u64).unwrap()
    }
    /// A number of a range, both ends included.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
    /// True so many times in a hundred.
    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
    /// One of several.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
    /// So many different ones of several, or all, in their order.
    pub fn sample<T: Clone>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut places: Vec<usize> = (0..from.len()).collect();
        while places.len() > count {
            let out = self.below(places.len());
            places.remove(out);
        }
        places.into_iter().map(|place| from[place].clone()).collect()
    }
    /// Another sequence, which leaves this one where it would be however long the other is used.
    pub fn fork(&mut self) -> Random {
        Random(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first two values for the seed 1234567, as other implementations print them.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.number(), 6_457_827_717_110_365_317);
        assert_eq!(random.number(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_sample_has_no_duplicates() {
        let mut random = Random::new(1);
        let sample = random.sample(&[1, 2, 3, 4, 5], 3);
        assert_eq!(sample.len(), 3);
        assert!(sample.is_sorted_by(|a, b| a < b));
    }
}
