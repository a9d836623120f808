//! Two strings of bytes in, whether they are the same out. Most that a decision compares are short: those are compared
//! in place, without asking a function for it.

/// Whether they are the same, byte for byte.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() || a.len() > 32 {
        return a == b;
    }
    // The first sixteen and the last sixteen are all there is; likewise of eight, and of four.
    if let (Some(first), Some(last)) = (a.first_chunk::<16>(), a.last_chunk::<16>()) {
        return ends::<16>(first, last, b);
    }
    if let (Some(first), Some(last)) = (a.first_chunk::<8>(), a.last_chunk::<8>()) {
        return ends::<8>(first, last, b);
    }
    if let (Some(first), Some(last)) = (a.first_chunk::<4>(), a.last_chunk::<4>()) {
        return ends::<4>(first, last, b);
    }
    a.iter().eq(b)
}

/// Whether a string begins and ends so.
#[inline]
fn ends<const N: usize>(first: &[u8; N], last: &[u8; N], bytes: &[u8]) -> bool {
    bytes.first_chunk() == Some(first) && bytes.last_chunk() == Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length up to well beyond what is compared in place, and a difference at every byte.
    #[test]
    fn bytes_are_the_same_where_each_of_them_is() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(same(&bytes, &bytes.clone()), "{length}");
            assert!(!same(&bytes, &[&bytes[..], b"x"].concat()), "{length}");
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 1;
                assert!(!same(&bytes, &other), "{length} {at}");
            }
        }
    }
}
