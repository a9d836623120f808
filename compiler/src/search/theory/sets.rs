//! Lists of arguments, and what a session holds: which elements a set must, may and may not have. Constraints come
//! in, elements or "none" go out. Exact, because every demand is met with as few elements as it takes.

use std::collections::BTreeSet;

use super::number::Solved;
use crate::ir::Constant;

/// Tries before the rest is left open. Picked by gut feeling.
const MOST_TRIES: u32 = 5_000;

/// What is asked of a set.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// It has all of these.
    Has(Vec<Constant>),
    /// It has none of these.
    Lacks(Vec<Constant>),
    /// It has nothing but these.
    Within(Vec<Constant>),
    /// It has one of these, or, where that is said, one that is not among the others.
    Some(Vec<Constant>),
    /// It lacks one of these.
    LacksSome(Vec<Constant>),
    /// It has one that is none of these.
    Beyond(Vec<Constant>),
    /// It is not this set.
    Differs(Vec<Constant>),
}

/// Which elements there are at all: all of them, or as many new ones as wanted.
pub(super) struct Universe<'u> {
    /// Whether an element can stand in such a set.
    pub(super) has: &'u dyn Fn(&Constant) -> bool,
    /// Elements that are none of these, best first.
    pub(super) fresh: &'u dyn Fn(&BTreeSet<Constant>) -> Option<Constant>,
}

#[derive(Debug, Clone, Default)]
struct Draft {
    has: BTreeSet<Constant>,
    lacks: BTreeSet<Constant>,
    within: Option<BTreeSet<Constant>>,
}

/// Finds the elements of such a set.
pub(super) fn solve(demands: &[Demand], universe: &Universe<'_>) -> Solved<Vec<Constant>> {
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
    let mut tries = MOST_TRIES;
    choose(draft, &choices, &named, universe, &mut tries)
}

fn choose(
    draft: Draft,
    choices: &[&Demand],
    named: &BTreeSet<Constant>,
    universe: &Universe<'_>,
    tries: &mut u32,
) -> Solved<Vec<Constant>> {
    let Some(left) = tries.checked_sub(1) else {
        return Solved::Open;
    };
    *tries = left;
    if !draft.is_possible(universe) {
        return Solved::Never;
    }
    let Some((first, rest)) = choices.split_first() else {
        return Solved::Found(draft.has.into_iter().collect());
    };
    if first.is_met(&draft.has) && !first.is_lack() {
        return choose(draft, rest, named, universe, tries);
    }
    let mut open = false;
    let mut attempt = |next: Draft, tries: &mut u32| match choose(next, rest, named, universe, tries) {
        Solved::Never => None,
        Solved::Open => {
            open = true;
            None
        }
        found @ Solved::Found(_) => Some(found),
    };
    if let Demand::LacksSome(list) | Demand::Differs(list) = first {
        for one in list {
            let mut next = draft.clone();
            next.lacks.insert(one.clone());
            if let Some(found) = attempt(next, tries) {
                return found;
            }
        }
    }
    let mut more: Vec<Constant> = match first {
        Demand::Some(list) => list.clone(),
        Demand::Beyond(list) | Demand::Differs(list) => {
            let beyond = |one: &&Constant| !list.contains(one);
            let taken: BTreeSet<Constant> = named.union(&draft.has).cloned().collect();
            let fresh = (universe.fresh)(&taken);
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
    fn is_possible(&self, universe: &Universe<'_>) -> bool {
        self.has.is_disjoint(&self.lacks)
            && self.within.as_ref().is_none_or(|within| self.has.is_subset(within))
            && self.has.iter().all(|one| (universe.has)(one))
    }
}

impl Demand {
    fn names(&self) -> &[Constant] {
        match self {
            Self::Has(list)
            | Self::Lacks(list)
            | Self::Within(list)
            | Self::Some(list)
            | Self::LacksSome(list)
            | Self::Beyond(list)
            | Self::Differs(list) => list,
        }
    }

    /// Whether more elements could break it again.
    fn is_lack(&self) -> bool {
        matches!(self, Self::LacksSome(_) | Self::Differs(_))
    }

    fn is_met(&self, has: &BTreeSet<Constant>) -> bool {
        match self {
            Self::Has(list) => list.iter().all(|one| has.contains(one)),
            Self::Lacks(list) => !list.iter().any(|one| has.contains(one)),
            Self::Within(list) => has.iter().all(|one| list.contains(one)),
            Self::Some(list) => list.iter().any(|one| has.contains(one)),
            Self::LacksSome(list) => list.iter().any(|one| !has.contains(one)),
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
            list().prop_map(Demand::Some),
            list().prop_map(Demand::LacksSome),
            list().prop_map(Demand::Beyond),
            list().prop_map(Demand::Differs),
        ]
    }

    proptest! {
        #[test]
        fn a_set_is_found_exactly_where_there_is_one(demands in proptest::collection::vec(demand(), 0..6)) {
            let universe = Universe {
                has: &|_| true,
                fresh: &|taken| (0..).map(Constant::Int).find(|one| !taken.contains(one)),
            };
            let holds = |set: &BTreeSet<Constant>| demands.iter().all(|demand| demand.is_met(set));
            let exists = (0u32..128).any(|bits| {
                let set = (0..7).filter(|at| bits >> at & 1 == 1).map(|at| Constant::Int(i64::from(at))).collect();
                holds(&set)
            });
            match solve(&demands, &universe) {
                Solved::Found(set) => prop_assert!(holds(&set.into_iter().collect())),
                Solved::Never => prop_assert!(!exists),
                Solved::Open => prop_assert!(false),
            }
        }
    }
}
