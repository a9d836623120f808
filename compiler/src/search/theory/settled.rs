//! Values for what was asked of each sort: all of them, or none where one sort has none.

use std::collections::BTreeSet;

use polity_runtime::value::Kind;

use super::asked::{Asked, Number, Set, Text};
use super::number::{Bound, MOST_VARIABLES, Solved};
use super::sets::{self, Universe};
use super::text::{self, Constraint, Domain, Matcher, Piece};
use super::values::{self, ORDINARY_MOMENT};
use super::{DAY, Fault, JUNK, Part, State, address};
use crate::ir::{Constant, Function, Op, Term, Test};

impl Asked<'_, '_> {
    pub(super) fn finish(mut self) -> Option<Part> {
        if self.impossible {
            return None;
        }
        self.finish_bools()?;
        self.finish_addresses()?;
        self.finish_counts()?;
        self.finish_numbers()?;
        self.finish_sets()?;
        self.finish_texts()?;
        Some(self.part)
    }

    fn finish_bools(&mut self) -> Option<()> {
        for (at, allowed) in &self.bools {
            let value = allowed.first()?;
            self.part.states.insert(*at, State::Value(Constant::Bool(*value)));
        }
        Some(())
    }

    fn finish_addresses(&mut self) -> Option<()> {
        for (at, tests) in &self.addresses {
            match address::solve(tests) {
                Solved::Found(net) => {
                    self.part.states.insert(*at, State::Value(Constant::Ip(net)));
                }
                Solved::Never => return None,
                Solved::Open => self.part.open.extend(tests.iter().map(|(test, _)| (*test).clone())),
            }
        }
        Some(())
    }

    /// What is asked of the elements of a set bounds how many it has: numbers are found that sets can have.
    fn finish_counts(&mut self) -> Option<()> {
        let numbered = (1..).zip(&self.variables);
        let counted: Vec<(usize, Set)> = numbered
            .filter_map(|(at, number)| match number {
                Number::Count(set) => Some((at, *set)),
                _ => None,
            })
            .collect();
        if counted.is_empty() || self.variables.len() > MOST_VARIABLES {
            return Some(());
        }
        let closed = self.numbers.close()?;
        for (at, set) in counted {
            let (least, greatest) = closed.range(at);
            let range = (usize::try_from(least).ok()?, usize::try_from(greatest).ok()?);
            let demands = self.sets.get(&set).map_or(&[][..], Vec::as_slice);
            let ranges = self.among(set, |universe| sets::counts(demands, range, universe));
            let bounds = |&(least, greatest): &(usize, usize)| {
                let bound = |left, right, most| Some(Bound { left, right, most });
                let greatest = bound(at, 0, i128::try_from(greatest).ok()?)?;
                Some(vec![greatest, bound(0, at, -i128::try_from(least).ok()?)?])
            };
            let ways: Vec<Vec<Bound>> = ranges.iter().filter_map(bounds).collect();
            self.numbers.choices.push(ways);
        }
        Some(())
    }

    /// Makes something of the elements that there are for a set.
    fn among<T>(&self, set: Set, make: impl FnOnce(&Universe<'_>) -> T) -> T {
        let element = self.element(set);
        let classes = self.theory.classes;
        let is_class = |value: &Constant| matches!(value, Constant::String(name) if classes.contains(name));
        make(&Universe {
            has: &|value| element.map_or_else(|| is_class(value), |takes| values::is_element(takes, value)),
            fresh: &|taken, many| match element {
                Some(takes) => values::fresh(takes, taken, many),
                None => {
                    let all = classes.iter().cloned().map(Constant::String);
                    all.filter(|one| !taken.contains(one)).take(many).collect()
                }
            },
            many: element.map_or(Some(classes.len()), values::many),
        })
    }

    fn finish_sets(&mut self) -> Option<()> {
        for (set, demands) in &self.sets {
            let count = self.counts.get(set).copied();
            let found = match self.among(*set, |universe| sets::solve(demands, count, universe)) {
                Solved::Found(found) => found,
                Solved::Never if count.is_none() => return None,
                // Another number of elements may do.
                Solved::Never => {
                    let open = self.marker(&Number::Count(*set));
                    self.part.open.push(open);
                    continue;
                }
                Solved::Open => continue,
            };
            match set {
                Set::Argument(at) => {
                    self.part.states.insert(*at, State::Value(Constant::Set(found)));
                }
                Set::Holding => {
                    let names = found.into_iter().filter_map(|one| match one {
                        Constant::String(name) => Some(name),
                        _ => None,
                    });
                    self.part.holding = Some(names.collect());
                }
            }
        }
        Some(())
    }

    fn finish_numbers(&mut self) -> Option<()> {
        let mut found = match self.numbers.solve() {
            Solved::Found(found) => found,
            Solved::Never => return None,
            Solved::Open => {
                let open: Vec<Test> = self.variables.iter().map(|number| self.marker(number)).collect();
                self.part.open.extend(open);
                Vec::new()
            }
        };
        let applied: Vec<(usize, Term)> = self
            .variables
            .iter()
            .enumerate()
            .filter_map(|(at, number)| match number {
                Number::Applied(term) => Some((at, term.clone())),
                _ => None,
            })
            .collect();
        if !applied.is_empty() && !self.clock(&applied, &mut found)? {
            // What is applied must come of what it is applied to: tried, with the values at hand as a beginning.
            for (at, term) in &applied {
                let value = found.get(*at).and_then(|value| i64::try_from(*value).ok()).unwrap_or(0);
                self.part.open.push(Test {
                    op: Op::Equal,
                    left: term.clone(),
                    right: Term::Constant(Constant::Int(value)),
                });
            }
        }
        for (number, value) in self.variables.iter().zip(&found) {
            let value = i64::try_from(*value).ok()?;
            match number {
                Number::Now => self.part.now = Some(value),
                Number::Calls => self.part.calls = Some(value),
                Number::Count(set) => drop(self.counts.insert(*set, usize::try_from(value).ok()?)),
                Number::Argument(at) => {
                    let value = match self.theory.kind(*at) {
                        Some(Kind::Decimal) => Constant::Decimal(value),
                        Some(Kind::DateTime) => Constant::DateTime(value),
                        Some(Kind::Duration) => Constant::Duration(value),
                        _ => Constant::Int(value),
                    };
                    self.part.states.insert(*at, State::Value(value));
                }
                Number::Applied(_) => {}
            }
        }
        Some(())
    }

    /// Stands for a number that has to be tried.
    fn marker(&self, number: &Number) -> Test {
        let left = match number {
            Number::Argument(at) => self.slot(*at),
            Number::Now => Term::Now,
            Number::Calls => Term::Calls,
            Number::Count(set) => {
                let set = match set {
                    Set::Argument(at) => self.slot(*at),
                    Set::Holding => Term::Holding,
                };
                Term::Apply(Function::Count, vec![set])
            }
            Number::Applied(term) => term.clone(),
        };
        Test {
            op: Op::Has,
            left,
            right: Term::Nothing,
        }
    }

    /// Where all that is applied is the day or the time of day of one moment: a moment with such a day and time.
    /// Gives false where it is something else, or where the values found will not do.
    fn clock(&mut self, applied: &[(usize, Term)], found: &mut [i128]) -> Option<bool> {
        let closed = self.numbers.close()?;
        let mut base = None;
        let (mut day, mut time) = ((i128::MIN, i128::MAX), (0, DAY - 1));
        for (at, term) in applied {
            let Term::Apply(function, operands) = term else {
                return Some(false);
            };
            let ([only], true) = (
                operands.as_slice(),
                matches!(function, Function::ToDate | Function::ToTime),
            ) else {
                return Some(false);
            };
            let Some((of, 0)) = self.linear(only) else {
                return Some(false);
            };
            if of == 0 || *base.get_or_insert(of) != of {
                return Some(false);
            }
            let range = (-closed.get(0, at + 1), closed.get(at + 1, 0));
            match function {
                Function::ToDate => day = range,
                _ => time = range,
            }
        }
        let Some(base) = base else { return Some(false) };
        let (low, high) = (-closed.get(0, base), closed.get(base, 0));
        // The first days and the last: between them no day differs from another but by what a choice says.
        let first = low.max(day.0).div_euclid(DAY);
        let last = high.min(day.1.saturating_add(DAY - 1)).div_euclid(DAY);
        let ordinary = i128::from(ORDINARY_MOMENT)
            .div_euclid(DAY)
            .clamp(first.min(last), last.max(first));
        let exhaustive = last - first < 6;
        for one in [ordinary, first, first + 1, first + 2, last - 2, last - 1, last] {
            let start = one * DAY;
            if one < first || one > last || start < day.0 || start > day.1 {
                continue;
            }
            let from = time.0.max(low - start);
            let to = time.1.min(high - start);
            if from > to {
                continue;
            }
            if let Some(place) = found.get_mut(base - 1) {
                *place = start + from;
            }
            let whole = self.numbers.choices.is_empty() && self.variables.len() == applied.len() + 1;
            return Some(whole);
        }
        // Only bounds on this moment, its day and its time were at play: there is none.
        if exhaustive && self.variables.len() == applied.len() + 1 {
            return None;
        }
        Some(false)
    }

    fn finish_texts(&mut self) -> Option<()> {
        let numeric: BTreeSet<usize> = self
            .variables
            .iter()
            .filter_map(|number| match number {
                Number::Argument(at) => Some(*at),
                _ => None,
            })
            .chain(self.bools.keys().copied())
            .collect();
        for (strings, _) in &self.texts {
            for (text, _) in strings {
                if let Text::Argument(at) = text
                    && numeric.contains(at)
                {
                    // A number that bounds and a resource both ask about.
                    self.part.open.push(Test {
                        op: Op::Has,
                        left: self.slot(*at),
                        right: Term::Nothing,
                    });
                } else if !self.strings.contains(text) {
                    self.strings.push(*text);
                }
            }
        }
        self.texts.retain(|(strings, _)| {
            !strings
                .iter()
                .any(|(text, _)| matches!(text, Text::Argument(at) if numeric.contains(at)))
        });
        let choices = self.unsafe_pieces.clone();
        let mut open = false;
        if self.unsafe_texts(&choices, &mut Vec::new(), &mut open) {
            return Some(());
        }
        if !open {
            return None;
        }
        for (strings, _) in &self.texts {
            for (text, _) in strings {
                if let Text::Argument(at) = text {
                    self.part.open.push(Test {
                        op: Op::Has,
                        left: self.slot(*at),
                        right: Term::Nothing,
                    });
                }
            }
        }
        Some(())
    }

    fn slot(&self, at: usize) -> Term {
        let slot = self.theory.frame.arguments().get(at).map_or(JUNK, |one| one.slot);
        Term::Slot(slot)
    }

    /// Chooses for each resource that must err what makes it err; then finds texts.
    fn unsafe_texts(&mut self, choices: &[Vec<Text>], chosen: &mut Vec<Text>, open: &mut bool) -> bool {
        let Some((first, rest)) = choices.split_first() else {
            return self.solve_texts(chosen, open);
        };
        for text in first {
            chosen.push(*text);
            let done = self.unsafe_texts(rest, chosen, open);
            chosen.pop();
            if done {
                return true;
            }
        }
        false
    }

    fn solve_texts(&mut self, unsafe_ones: &[Text], open: &mut bool) -> bool {
        let mut strings = self.strings.clone();
        strings.extend(unsafe_ones);
        // Strings that are read together are solved together, in the order in which resources read them.
        let mut found: Vec<(Text, String)> = Vec::new();
        let mut done: BTreeSet<Text> = BTreeSet::new();
        for text in &strings {
            if done.contains(text) {
                continue;
            }
            let mut group = vec![*text];
            loop {
                let before = group.len();
                for (read, _) in &self.texts {
                    if read.iter().any(|(one, _)| group.contains(one)) {
                        for (one, _) in read {
                            if !group.contains(one) {
                                group.push(*one);
                            }
                        }
                    }
                }
                if group.len() == before {
                    break;
                }
            }
            self.order(&mut group);
            done.extend(group.iter().copied());
            let place = |text: &Text| group.iter().position(|one| one == text).unwrap_or(0);
            let mut constraints: Vec<Constraint> = Vec::new();
            for (read, constraint) in &self.texts {
                if !read.iter().any(|(one, _)| group.contains(one)) {
                    continue;
                }
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => Piece::Text(text.clone()),
                    Piece::String(at, folded) => {
                        Piece::String(read.get(*at).map_or(0, |(text, _)| place(text)), *folded)
                    }
                };
                constraints.push(Constraint {
                    sequence: constraint.sequence.iter().map(piece).collect(),
                    ..constraint.clone()
                });
            }
            for text in unsafe_ones.iter().filter(|text| group.contains(text)) {
                constraints.push(Constraint {
                    sequence: vec![Piece::String(place(text), false)],
                    matcher: Matcher::Safe,
                    takes: false,
                });
            }
            let positive = |one: &&Constraint| one.takes && matches!(one.matcher, Matcher::Pattern(_));
            if self.theory.fault == Some(Fault::Patterns) && constraints.iter().filter(positive).count() > 1 {
                return false;
            }
            let domains: Vec<Domain> = group
                .iter()
                .map(|text| {
                    self.text_domain(*text)
                        .or_else(|| self.written_domain(*text))
                        .unwrap_or(Domain::Any)
                })
                .collect();
            match text::solve(&domains, &constraints) {
                Solved::Found(texts) => found.extend(group.into_iter().zip(texts)),
                Solved::Never => return false,
                Solved::Open => {
                    *open = true;
                    return false;
                }
            }
        }
        for (text, value) in found {
            match text {
                Text::Behalf => self.part.behalf = Some(Some(value)),
                Text::Argument(at) => {
                    self.part.states.insert(at, State::Value(Constant::String(value)));
                }
            }
        }
        true
    }

    /// In an order in which every resource reads its strings, where there is one.
    fn order(&self, group: &mut Vec<Text>) {
        group.sort();
        for _ in 0..group.len() {
            for (read, _) in &self.texts {
                for pair in read.windows(2) {
                    let [(first, _), (second, _)] = pair else { continue };
                    let place = |text: &Text| group.iter().position(|one| one == text);
                    if let (Some(first), Some(second)) = (place(first), place(second))
                        && first > second
                    {
                        let moved = group.remove(first);
                        group.insert(second, moved);
                    }
                }
            }
        }
    }
}
