//! Who sits where: places with those who may take them, and those who are there, in; how many stay empty out.

use std::collections::{BTreeMap, BTreeSet};

/// How many places stay empty when each person takes one at most: bipartite matching by augmenting paths.
pub(super) fn unseated(seats: &[(usize, BTreeSet<&str>)], people: &BTreeSet<&str>) -> usize {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut empty = 0_usize;
    for (seat, (count, _)) in seats.iter().enumerate() {
        let mut filled = 0_usize;
        while filled < *count && take(seats, people, seat, &mut taken, &mut BTreeSet::new()) {
            filled += 1;
        }
        empty = empty.saturating_add(count.saturating_sub(filled));
    }
    empty
}

/// Finds somebody for a seat, moving others where that frees one.
fn take<'p>(
    seats: &[(usize, BTreeSet<&'p str>)],
    people: &BTreeSet<&'p str>,
    seat: usize,
    taken: &mut BTreeMap<&'p str, usize>,
    tried: &mut BTreeSet<&'p str>,
) -> bool {
    let Some((_, able)) = seats.get(seat) else { return false };
    for person in able.intersection(people) {
        if !tried.insert(person) {
            continue;
        }
        let free = match taken.get(person).copied() {
            None => true,
            Some(holder) => take(seats, people, holder, taken, tried),
        };
        if free {
            taken.insert(person, seat);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_takes_one_seat() {
        let able = |count, people: &[&'static str]| (count, people.iter().copied().collect::<BTreeSet<_>>());
        let empty =
            |seats: &[(usize, BTreeSet<&str>)], people: &[&str]| unseated(seats, &people.iter().copied().collect());
        let two = [able(1, &["a", "b"]), able(1, &["a"])];
        assert_eq!(empty(&two, &["a"]), 1);
        assert_eq!(empty(&two, &["a", "b"]), 0);
        assert_eq!(empty(&two, &["b", "c"]), 1);
        assert_eq!(empty(&[able(2, &["a", "b"]), able(1, &["a", "b"])], &["a", "b"]), 1);
        assert_eq!(empty(&[able(usize::MAX, &["a"])], &["a"]), usize::MAX - 1);
        assert_eq!(empty(&[able(1, &[])], &["a"]), 1);
    }
}
