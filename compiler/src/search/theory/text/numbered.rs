//! The states of constraints by number: where a matcher comes from each by each letter is worked out once, and a place of
//! many constraints is a few words. A walk asks for the same again from thousands of places.

use std::hash::BuildHasherDefault;

use indexmap::IndexSet;
use polity_runtime::value::ANY;

use super::{Constraint, Matcher, Piece, State};
use crate::table::hash::Fold;

/// What has been read so far, as [`super::Place`] has it, with states by number.
pub(super) type Place = (u32, Vec<(u32, u32)>);

/// Not worked out yet.
const UNKNOWN: u32 = u32::MAX;
/// Nothing can come of it, whatever follows.
const LOST: u32 = u32::MAX - 1;

/// The states of one constraint.
pub(super) struct Numbered<'w> {
    one: &'w Constraint,
    letters: &'w [char],
    states: IndexSet<State, BuildHasherDefault<Fold>>,
    /// By state, letter and whether the letter is folded: the state after it.
    after: Vec<u32>,
}

impl<'w> Numbered<'w> {
    pub(super) fn new(one: &'w Constraint, letters: &'w [char]) -> Self {
        Self {
            one,
            letters,
            states: IndexSet::default(),
            after: Vec::new(),
        }
    }

    /// Where it begins; none where nothing can come of that.
    pub(super) fn begin(&mut self, piece: u32, state: State) -> Option<(u32, u32)> {
        let state = self.living(state);
        (state != LOST).then_some((piece, state))
    }

    /// The number of a state.
    fn number(&mut self, state: State) -> u32 {
        let (number, new) = self.states.insert_full(self.one.matcher.reduced(state));
        if new {
            self.after.resize(self.after.len() + 2 * self.letters.len(), UNKNOWN);
        }
        u32::try_from(number).unwrap_or(LOST)
    }

    fn state(&self, number: u32) -> State {
        self.states.get_index(number as usize).copied().unwrap_or(State::Dead)
    }

    /// The number of a state, unless it is one of which nothing can come.
    fn living(&mut self, state: State) -> u32 {
        let lost = match self.one.takes {
            true => state == State::Dead,
            false => self.one.matcher.takes_all(state),
        };
        if lost { LOST } else { self.number(state) }
    }

    fn step(&mut self, number: u32, letter: usize, folded: bool) -> u32 {
        let slot = (number as usize * self.letters.len() + letter) * 2 + usize::from(folded);
        if let Some(known) = self.after.get(slot).filter(|known| **known != UNKNOWN) {
            return *known;
        }
        let read = self.letters.get(letter).copied().unwrap_or_default();
        let after = self.living(self.one.matcher.step(self.state(number), read, folded));
        if let Some(slot) = self.after.get_mut(slot) {
            *slot = after;
        }
        after
    }
}

/// What comes after one more letter of the string at hand, into `next`; false where nothing can come of it.
pub(super) fn step(all: &mut [Numbered<'_>], (at, places): &Place, letter: usize, next: &mut Place) -> bool {
    next.0 = *at;
    next.1.clear();
    for (one, (piece, state)) in all.iter_mut().zip(places) {
        let state = match one.one.sequence.get(*piece as usize) {
            Some(Piece::String(string, folded)) if *string == *at as usize => one.step(*state, letter, *folded),
            _ => *state,
        };
        if state == LOST {
            return false;
        }
        next.1.push((*piece, state));
    }
    true
}

/// Likewise where the string at hand ends; after the last of them everything must have its answer.
pub(super) fn turn(all: &mut [Numbered<'_>], (at, places): &Place, strings: usize, next: &mut Place) -> bool {
    next.0 = *at + 1;
    next.1.clear();
    let last = next.0 as usize == strings;
    for (one, (piece, state)) in all.iter_mut().zip(places) {
        let constraint = one.one;
        let (piece, state) = match constraint.sequence.get(*piece as usize) {
            Some(Piece::String(string, _)) if *string == *at as usize => {
                let (piece, state) = constraint.fixed(*piece + 1, one.state(*state));
                (piece, one.living(state))
            }
            _ => (*piece, *state),
        };
        if state == LOST {
            return false;
        }
        // A sequence that is over has its answer.
        let over = last || piece as usize == constraint.sequence.len();
        if over && constraint.matcher.is_end(one.state(state)) != constraint.takes {
            return false;
        }
        next.1.push((piece, state));
    }
    true
}

impl Matcher {
    /// The same state without what makes no difference: whatever goes on from a part before a wildcard that is reached
    /// goes on from the wildcard, too.
    fn reduced(&self, state: State) -> State {
        let (Self::Pattern(parts), State::Parts(states)) = (self, state) else {
            return state;
        };
        let reached = |at: &usize| states >> at & 1 == 1;
        let last = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| **part == ANY)
            .map(|(at, _)| at);
        last.rev()
            .find(reached)
            .map_or(state, |at| State::Parts(states >> at << at))
    }

    /// Whether it takes whatever may follow.
    fn takes_all(&self, state: State) -> bool {
        match (self, state) {
            (Self::Pattern(parts), State::Parts(states)) => {
                parts.last() == Some(&ANY) && states >> (parts.len() - 1) & 1 == 1
            }
            _ => false,
        }
    }
}
