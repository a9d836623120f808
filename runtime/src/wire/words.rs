//! Little-endian words, read where they lie.
//!
//! Bytes of a section enter, numbers leave. The bytes are not copied and need no alignment in memory; a section holds
//! whole words or is refused, so that an index is checked once against [`Words::len`].

/// Words of `N` bytes over bytes that are a whole number of them.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a, const N: usize>(&'a [[u8; N]]);

/// Unsigned 16-bit words.
pub type U16s<'a> = Words<'a, 2>;
/// Unsigned 32-bit words.
pub type U32s<'a> = Words<'a, 4>;
/// Unsigned 64-bit words.
pub type U64s<'a> = Words<'a, 8>;

impl<'a, const N: usize> Words<'a, N> {
    /// The words of some bytes; none if bytes are left over.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<N>();
        rest.is_empty().then_some(Self(words))
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

macro_rules! words_of {
    ($($number:ty, $n:literal;)*) => {$(
        impl<'a> Words<'a, $n> {
            /// The word at an index, counted in words.
            #[inline]
            pub fn get(self, index: usize) -> Option<$number> {
                self.0.get(index).map(|bytes| <$number>::from_le_bytes(*bytes))
            }

            /// All of them, in order.
            pub fn iter(self) -> impl ExactSizeIterator<Item = $number> + 'a {
                self.0.iter().map(|bytes| <$number>::from_le_bytes(*bytes))
            }
        }
    )*};
}
words_of! { u16, 2; u32, 4; u64, 8; }

/// Takes fields off the front of some bytes; every step is checked against the end.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were taken.
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The next 32-bit word.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next 64-bit word.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian_and_whole() {
        let bytes = [1, 0, 0, 0, 0, 2, 0, 0];
        let words = U32s::new(&bytes).unwrap();
        assert_eq!(
            (words.len(), words.get(0), words.get(1), words.get(2)),
            (2, Some(1), Some(512), None)
        );
        assert_eq!(words.iter().collect::<Vec<_>>(), [1, 512]);
        assert_eq!(U64s::new(&bytes).unwrap().get(0), Some(0x0200_0000_0001));
        assert_eq!(U16s::new(&bytes).unwrap().get(2), Some(512));
        assert!(U64s::new(&bytes[1..]).is_none());
        assert!(U32s::new(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_cursor_stops_at_the_end_and_stays_there() {
        let mut cursor = Cursor::new(&[7, 0, 0, 0, 9]);
        assert_eq!(cursor.u32(), Some(7));
        assert_eq!(cursor.u32(), None);
        assert_eq!(cursor.take(usize::MAX), None);
        assert_eq!((cursor.position(), cursor.remaining()), (4, 1));
        assert_eq!(cursor.take(1), Some(&[9][..]));
        assert_eq!(cursor.u64(), None);
    }
}
