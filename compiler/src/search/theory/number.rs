//! Integers, decimals, moments and lengths of time: differences between two of them that are bounded, and choices
//! between such bounds. Exact: bounds come in, values or "none" go out. Knows nothing of calls.
//!
//! `x - y <= c` for every pair, closed by shortest paths (Floyd and Warshall); a cycle below zero is a contradiction.

/// Larger than any difference of two 64-bit values, with room to add two.
const FAR: i128 = 1 << 100;
/// Tries of choices before the rest is left open. Picked by gut feeling: each is a handful of additions.
const MOST_TRIES: u32 = 2_000;
/// Variables at once: the closure takes their number cubed.
pub(super) const MOST_VARIABLES: usize = 48;

/// `left - right <= most`. Variable 0 is always zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) most: i128,
}

/// What a variable can be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Domain {
    /// The least that its type holds.
    pub(super) least: i128,
    /// The greatest.
    pub(super) greatest: i128,
    /// What it is where nobody asks.
    pub(super) ordinary: i128,
    /// Whether it is as near to that as can be where somebody asks; others are then at a bound that was asked for.
    pub(super) near: bool,
}

/// Bounds, and choices of which one alternative each must hold.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Of each variable but the first.
    pub(super) domains: Vec<Domain>,
    pub(super) bounds: Vec<Bound>,
    pub(super) choices: Vec<Vec<Vec<Bound>>>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Solved<T> {
    /// Such a thing.
    Found(T),
    /// There is none.
    Never,
    /// There may be one.
    Open,
}

/// The closed bounds: of each pair the greatest difference.
#[derive(Debug, Clone)]
pub(super) struct Closed {
    many: usize,
    most: Vec<i128>,
}

impl Numbers {
    /// Values of the variables, the first not included.
    pub(super) fn solve(&self) -> Solved<Vec<i128>> {
        if self.domains.len() > MOST_VARIABLES {
            return Solved::Open;
        }
        let Some(closed) = self.close() else {
            return Solved::Never;
        };
        let mut tries = MOST_TRIES;
        self.choose(closed, &mut tries)
    }

    /// The bounds without the choices, closed; `None` where they contradict each other.
    pub(super) fn close(&self) -> Option<Closed> {
        let many = self.domains.len() + 1;
        let mut closed = Closed {
            many,
            most: vec![FAR; many * many],
        };
        for at in 0..many {
            closed.set(at, at, 0);
        }
        for (at, domain) in (1..).zip(&self.domains) {
            closed.set(at, 0, domain.greatest);
            closed.set(0, at, -domain.least);
        }
        for bound in &self.bounds {
            closed.set(bound.left, bound.right, bound.most);
        }
        for middle in 0..many {
            for left in 0..many {
                for right in 0..many {
                    let around = closed.get(left, middle).saturating_add(closed.get(middle, right));
                    closed.set(left, right, around);
                }
            }
        }
        (0..many).all(|at| closed.get(at, at) >= 0).then_some(closed)
    }

    fn choose(&self, closed: Closed, tries: &mut u32) -> Solved<Vec<i128>> {
        let Some(left) = tries.checked_sub(1) else {
            return Solved::Open;
        };
        *tries = left;
        let Some(values) = self.values(closed.clone()) else {
            return Solved::Open;
        };
        let value = |at: usize| match at.checked_sub(1) {
            None => 0,
            Some(at) => values.get(at).copied().unwrap_or(0),
        };
        let holds = |bounds: &Vec<Bound>| {
            bounds
                .iter()
                .all(|bound| value(bound.left) - value(bound.right) <= bound.most)
        };
        // Only a choice that the values at hand do not make is looked at.
        let Some(broken) = self.choices.iter().find(|choice| !choice.iter().any(holds)) else {
            return Solved::Found(values);
        };
        let mut open = false;
        for alternative in broken {
            let mut narrowed = Some(closed.clone());
            for bound in alternative {
                narrowed = narrowed.and_then(|closed| closed.with(*bound));
            }
            let Some(narrowed) = narrowed else { continue };
            match self.choose(narrowed, tries) {
                Solved::Never => {}
                Solved::Open => open = true,
                found @ Solved::Found(_) => return found,
            }
        }
        if open { Solved::Open } else { Solved::Never }
    }

    /// One value after the other, each within what those before it leave: at a bound that was asked for, else
    /// ordinary.
    fn values(&self, mut closed: Closed) -> Option<Vec<i128>> {
        let mut values = Vec::new();
        for (at, domain) in (1..).zip(&self.domains) {
            let (low, high) = closed.range(at);
            let value = if low > domain.least && !domain.near {
                low
            } else if high < domain.greatest && !domain.near {
                high
            } else {
                domain.ordinary.clamp(low, high)
            };
            let at_most = Bound {
                left: at,
                right: 0,
                most: value,
            };
            let at_least = Bound {
                left: 0,
                right: at,
                most: -value,
            };
            closed = closed.with(at_most)?.with(at_least)?;
            values.push(value);
        }
        Some(values)
    }
}

impl Closed {
    pub(super) fn get(&self, left: usize, right: usize) -> i128 {
        self.most.get(left * self.many + right).copied().unwrap_or(FAR)
    }

    /// The least and the greatest that a variable can be.
    pub(super) fn range(&self, at: usize) -> (i128, i128) {
        (-self.get(0, at), self.get(at, 0))
    }

    fn set(&mut self, left: usize, right: usize, most: i128) {
        if let Some(place) = self.most.get_mut(left * self.many + right) {
            *place = (*place).min(most);
        }
    }

    /// With one more bound; `None` where it contradicts the others.
    fn with(mut self, bound: Bound) -> Option<Self> {
        if self.get(bound.left, bound.right) <= bound.most {
            return Some(self);
        }
        if self.get(bound.right, bound.left).saturating_add(bound.most) < 0 {
            return None;
        }
        self.set(bound.left, bound.right, bound.most);
        for left in 0..self.many {
            for right in 0..self.many {
                let around = self.get(left, bound.left) + bound.most + self.get(bound.right, right);
                self.set(left, right, around);
            }
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bound() -> impl Strategy<Value = Bound> {
        (0usize..4, 0usize..4, -4i128..4).prop_map(|(left, right, most)| Bound { left, right, most })
    }

    proptest! {
        #[test]
        fn values_are_found_exactly_where_there_are_some(
            bounds in proptest::collection::vec(bound(), 0..7),
            choices in proptest::collection::vec(proptest::collection::vec(proptest::collection::vec(bound(), 1..3), 1..3), 0..3),
        ) {
            let domains = [false, true, false].map(|near| Domain { least: -3, greatest: 3, ordinary: 0, near });
            let domains = domains.to_vec();
            let numbers = Numbers { domains, bounds: bounds.clone(), choices: choices.clone() };
            let holds = |values: &[i128]| {
                let value = |at: usize| if at == 0 { 0 } else { values[at - 1] };
                let one = |bound: &Bound| value(bound.left) - value(bound.right) <= bound.most;
                bounds.iter().all(one) && choices.iter().all(|choice| choice.iter().any(|all| all.iter().all(one)))
            };
            let range = || -3i128..=3;
            let exists = range().any(|a| range().any(|b| range().any(|c| holds(&[a, b, c]))));
            match numbers.solve() {
                Solved::Found(values) => {
                    prop_assert!(holds(&values));
                    prop_assert!(values.iter().all(|value| (-3..=3).contains(value)));
                }
                Solved::Never => prop_assert!(!exists),
                Solved::Open => prop_assert!(false, "left open"),
            }
        }
    }
}
