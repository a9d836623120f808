//! Lists of arguments, and what a session holds: which elements a set must, may and may not have. Constraints come
//! in, elements or "none" go out. Exact, because every demand is met with as few elements as it takes.

use std::collections::BTreeSet;

use super::number::Solved;
use crate::ir::Constant;

/// Tries before the rest is left open. Picked by gut feeling.
const MOST_TRIES: u32 = 5_000;

/// Numbers of elements that are looked at one by one. Picked by gut feeling.
const MOST_COUNTS: usize = 100;

/// What is asked of a set.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// It has all of these.
    Has(Vec<Constant>),
    /// It has none of these.
    Lacks(Vec<Constant>),
    /// It has nothing but these.
    Within(Vec<Constant>),
    /// It lacks some of the first, or has some of the second.
    Either { lacks: Vec<Constant>, has: Vec<Constant> },
    /// It has one that is none of these.
    Beyond(Vec<Constant>),
    /// It is not this set.
    Differs(Vec<Constant>),
}

/// Which elements there are at all: all of them, or as many new ones as wanted.
pub(super) struct Universe<'u> {
    /// Whether an element can stand in such a set.
    pub(super) has: &'u dyn Fn(&Constant) -> bool,
    /// So many elements that are none of these, best first, or all that there are.
    pub(super) fresh: &'u dyn Fn(&BTreeSet<Constant>, usize) -> Vec<Constant>,
    /// How many there are, where no set has more elements than that because there are no more.
    pub(super) many: Option<usize>,
}

/// What is the same for every draft.
struct Sought<'s> {
    named: &'s BTreeSet<Constant>,
    count: Option<usize>,
    universe: &'s Universe<'s>,
}

#[derive(Debug, Clone, Default)]
struct Draft {
    has: BTreeSet<Constant>,
    lacks: BTreeSet<Constant>,
    within: Option<BTreeSet<Constant>>,
}

/// Finds the elements of such a set; where that is asked for, so many.
pub(super) fn solve(demands: &[Demand], count: Option<usize>, universe: &Universe<'_>) -> Solved<Vec<Constant>> {
    let mut tries = MOST_TRIES;
    within(demands, count, universe, &mut tries)
}

/// How many elements such a set can have, among these numbers: ranges, the first and the last included. Exact, or more
/// than can be where `MOST_COUNTS` or the tries do not reach.
pub(super) fn counts(
    demands: &[Demand],
    (least, greatest): (usize, usize),
    universe: &Universe<'_>,
) -> Vec<(usize, usize)> {
    // From here on every further element is one that nobody named, and of those there are enough: each number is as good
    // as the next.
    let alike = match universe.many {
        Some(many) => many,
        None => demands.iter().map(|demand| demand.names().count() + 1).sum(),
    };
    let last = alike.clamp(least, greatest);
    if last - least >= MOST_COUNTS {
        return vec![(least, greatest)];
    }
    let mut tries = MOST_TRIES;
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for count in least..=last {
        if within(demands, Some(count), universe, &mut tries) == Solved::Never {
            continue;
        }
        let end = if count == last && universe.many.is_none() {
            greatest
        } else {
            count
        };
        match ranges.last_mut() {
            Some((_, before)) if *before + 1 == count => *before = end,
            _ => ranges.push((count, end)),
        }
    }
    ranges
}

fn within(demands: &[Demand], count: Option<usize>, universe: &Universe<'_>, tries: &mut u32) -> Solved<Vec<Constant>> {
    let mut draft = Draft::default();
    let mut choices = Vec::new();
    for demand in demands {
        match demand {
            Demand::Has(all) => draft.has.extend(all.iter().cloned()),
            Demand::Lacks(all) => draft.lacks.extend(all.iter().cloned()),
            Demand::Within(all) => {
                let all: BTreeSet<Constant> = all.iter().cloned().collect();
                draft.within = Some(match draft.within.take() {
                    None => all,
                    Some(within) => within.intersection(&all).cloned().collect(),
                });
            }
            other => choices.push(other),
        }
    }
    // New elements must be none that anybody named.
    let named: BTreeSet<Constant> = demands.iter().flat_map(Demand::names).cloned().collect();
    let sought = Sought {
        named: &named,
        count,
        universe,
    };
    choose(draft, &choices, &sought, tries)
}

fn choose(draft: Draft, choices: &[&Demand], sought: &Sought<'_>, tries: &mut u32) -> Solved<Vec<Constant>> {
    let Sought { named, universe, .. } = sought;
    let Some(left) = tries.checked_sub(1) else {
        return Solved::Open;
    };
    *tries = left;
    if !draft.is_possible(sought) {
        return Solved::Never;
    }
    let Some((first, rest)) = choices.split_first() else {
        return draft.filled(sought).map_or(Solved::Never, Solved::Found);
    };
    if first.is_settled(&draft.has) {
        return choose(draft, rest, sought, tries);
    }
    let mut open = false;
    let mut attempt = |next: Draft, tries: &mut u32| match choose(next, rest, sought, tries) {
        Solved::Never => None,
        Solved::Open => {
            open = true;
            None
        }
        found @ Solved::Found(_) => Some(found),
    };
    if let Demand::Either { lacks: list, .. } | Demand::Differs(list) = first {
        for one in list {
            let mut next = draft.clone();
            next.lacks.insert(one.clone());
            if let Some(found) = attempt(next, tries) {
                return found;
            }
        }
    }
    let mut more: Vec<Constant> = match first {
        Demand::Either { has, .. } => has.clone(),
        Demand::Beyond(list) | Demand::Differs(list) => {
            let beyond = |one: &&Constant| !list.contains(one);
            let taken: BTreeSet<Constant> = named.union(&draft.has).cloned().collect();
            let fresh = (universe.fresh)(&taken, 1);
            fresh.into_iter().chain(named.iter().filter(beyond).cloned()).collect()
        }
        _ => Vec::new(),
    };
    more.retain(|one| (universe.has)(one));
    for one in more {
        let mut next = draft.clone();
        next.has.insert(one);
        if let Some(found) = attempt(next, tries) {
            return found;
        }
    }
    if open { Solved::Open } else { Solved::Never }
}

impl Draft {
    fn is_possible(&self, sought: &Sought<'_>) -> bool {
        self.has.is_disjoint(&self.lacks)
            && self.within.as_ref().is_none_or(|within| self.has.is_subset(within))
            && self.has.iter().all(|one| (sought.universe.has)(one))
            && sought.count.is_none_or(|count| self.has.len() <= count)
    }

    /// With as many more elements as it takes: all that was asked for holds of it whatever else it has of what it may.
    fn filled(self, sought: &Sought<'_>) -> Option<Vec<Constant>> {
        let Self { mut has, lacks, within } = self;
        let Some(count) = sought.count else {
            return Some(has.into_iter().collect());
        };
        let missing = |has: &BTreeSet<Constant>| count.saturating_sub(has.len());
        if within.is_none() {
            // Those that nobody named say least.
            let taken = sought.named.union(&has).cloned().collect();
            let fresh = (sought.universe.fresh)(&taken, missing(&has));
            has.extend(fresh);
        }
        for one in within.as_ref().unwrap_or(sought.named) {
            if missing(&has) == 0 {
                break;
            }
            if !lacks.contains(one) && (sought.universe.has)(one) {
                has.insert(one.clone());
            }
        }
        (missing(&has) == 0).then(|| has.into_iter().collect())
    }
}

impl Demand {
    /// It has some of these.
    pub(super) fn some(has: Vec<Constant>) -> Self {
        let lacks = Vec::new();
        Self::Either { lacks, has }
    }

    fn names(&self) -> impl Iterator<Item = &Constant> {
        let (list, more): (_, &[Constant]) = match self {
            Self::Has(list) | Self::Lacks(list) | Self::Within(list) | Self::Beyond(list) | Self::Differs(list) => {
                (list, &[])
            }
            Self::Either { lacks, has } => (lacks, has),
        };
        list.iter().chain(more)
    }

    /// Whether these elements meet one of the demands that leave a choice, whatever else there is.
    fn is_settled(&self, has: &BTreeSet<Constant>) -> bool {
        match self {
            Self::Either { has: some, .. } => some.iter().any(|one| has.contains(one)),
            Self::Beyond(_) => self.is_met(has),
            Self::Differs(list) => has.iter().any(|one| !list.contains(one)),
            _ => false,
        }
    }

    fn is_met(&self, has: &BTreeSet<Constant>) -> bool {
        match self {
            Self::Has(list) => list.iter().all(|one| has.contains(one)),
            Self::Lacks(list) => !list.iter().any(|one| has.contains(one)),
            Self::Within(list) => has.iter().all(|one| list.contains(one)),
            Self::Either { lacks, has: some } => {
                lacks.iter().any(|one| !has.contains(one)) || some.iter().any(|one| has.contains(one))
            }
            Self::Beyond(list) => has.iter().any(|one| !list.contains(one)),
            Self::Differs(list) => !has.iter().eq(list.iter().collect::<BTreeSet<_>>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand() -> impl Strategy<Value = Demand> {
        let list = || {
            proptest::collection::btree_set(0i64..4, 0..4)
                .prop_map(|set| set.into_iter().map(Constant::Int).collect::<Vec<_>>())
        };
        prop_oneof![
            list().prop_map(Demand::Has),
            list().prop_map(Demand::Lacks),
            list().prop_map(Demand::Within),
            list().prop_map(Demand::some),
            (list(), list()).prop_map(|(lacks, has)| Demand::Either { lacks, has }),
            list().prop_map(Demand::Beyond),
            list().prop_map(Demand::Differs),
        ]
    }

    /// All numbers, or just the first few.
    fn universe<'u>(
        many: Option<usize>,
        fresh: &'u dyn Fn(&BTreeSet<Constant>, usize) -> Vec<Constant>,
    ) -> Universe<'u> {
        Universe {
            has: &|_| true,
            fresh,
            many,
        }
    }

    fn numbers(many: Option<usize>, taken: &BTreeSet<Constant>, wanted: usize) -> Vec<Constant> {
        let all = (0..i64::try_from(many.unwrap_or(9_999)).unwrap()).map(Constant::Int);
        all.filter(|one| !taken.contains(one)).take(wanted).collect()
    }

    proptest! {
        #[test]
        fn a_set_is_found_exactly_where_there_is_one(
            demands in proptest::collection::vec(demand(), 0..6),
            count in proptest::option::of(0usize..7),
            many in prop_oneof![Just(None), Just(Some(4)), Just(Some(5))],
        ) {
            let fresh = |taken: &BTreeSet<Constant>, wanted| numbers(many, taken, wanted);
            let universe = universe(many, &fresh);
            let holds = |set: &BTreeSet<Constant>| {
                demands.iter().all(|demand| demand.is_met(set)) && count.is_none_or(|count| set.len() == count)
            };
            let members = many.unwrap_or(12);
            let sets = || (0u32..1 << members).map(|bits| -> BTreeSet<Constant> {
                (0..members).filter(|at| bits >> at & 1 == 1).map(|at| Constant::Int(i64::try_from(at).unwrap())).collect()
            });
            match solve(&demands, count, &universe) {
                Solved::Found(set) => {
                    let many = set.len();
                    let set: BTreeSet<Constant> = set.into_iter().collect();
                    prop_assert!(holds(&set) && set.len() == many);
                    prop_assert!(set.iter().all(|one| numbers(Some(members), &BTreeSet::new(), members).contains(one)));
                }
                Solved::Never => prop_assert!(!sets().any(|set| holds(&set))),
                Solved::Open => prop_assert!(false),
            }
        }

        #[test]
        fn a_set_can_have_exactly_the_numbers_of_elements_that_are_told(
            demands in proptest::collection::vec(demand(), 0..4),
            least in 0usize..4,
            further in 0usize..5,
            many in prop_oneof![Just(None), Just(Some(4)), Just(Some(5))],
        ) {
            let fresh = |taken: &BTreeSet<Constant>, wanted| numbers(many, taken, wanted);
            let universe = universe(many, &fresh);
            let greatest = (least + further).min(many.unwrap_or(usize::MAX));
            prop_assume!(least <= greatest);
            let ranges = counts(&demands, (least, greatest), &universe);
            prop_assert!(ranges.iter().all(|(from, to)| least <= *from && from <= to && *to <= greatest));
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", ranges);
            let members = many.unwrap_or(12);
            let possible: BTreeSet<usize> = (0u32..1 << members)
                .map(|bits| (0..members).filter(|at| bits >> at & 1 == 1).map(|at| Constant::Int(i64::try_from(at).unwrap())).collect())
                .filter(|set: &BTreeSet<Constant>| demands.iter().all(|demand| demand.is_met(set)))
                .map(|set| set.len())
                .collect();
            for count in least..=greatest {
                let told = ranges.iter().any(|(from, to)| (from..=to).contains(&&count));
                prop_assert_eq!(told, possible.contains(&count), "{}", count);
            }
        }
    }
}
