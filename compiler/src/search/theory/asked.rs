//! What answers ask of the values of a call, sorted by what can be reasoned about: numbers, strings, sets, addresses,
//! truths; and what is left. [`super::settled`] finds the values.

mod numbers;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::{Kind, MAX_LIST};

use super::number::Numbers;
use super::sets::Demand;
use super::text::Constraint;
use super::{Part, Theory, values};
use crate::ir::{Constant, Op, ResourcePart, Term, Test};
use crate::search::frame::Takes;
pub(super) use numbers::numeric;

/// A number that is reasoned about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Number {
    Argument(usize),
    Now,
    Calls,
    /// How many elements a set has.
    Count(Set),
    /// What a function gives, whatever it is given.
    Applied(Term),
}

/// A string that is reasoned about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Text {
    Argument(usize),
    Behalf,
}

/// A set that is reasoned about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Set {
    Argument(usize),
    Holding,
}

/// What answers ask of values.
pub(super) struct Asked<'a, 't> {
    pub(super) theory: &'a Theory<'a>,
    pub(super) numbers: Numbers,
    pub(super) variables: Vec<Number>,
    pub(super) strings: Vec<Text>,
    pub(super) texts: Vec<(Vec<(Text, bool)>, Constraint)>,
    /// Of each resource that must err: the strings of which one must not stand in it.
    pub(super) unsafe_pieces: Vec<Vec<Text>>,
    pub(super) sets: BTreeMap<Set, Vec<Demand>>,
    /// How many elements sets have, once that is found.
    pub(super) counts: BTreeMap<Set, usize>,
    pub(super) addresses: BTreeMap<usize, Vec<(&'t Test, bool)>>,
    pub(super) bools: BTreeMap<usize, BTreeSet<bool>>,
    pub(super) part: Part,
    pub(super) impossible: bool,
}

impl<'a> Asked<'a, '_> {
    pub(super) fn new(theory: &'a Theory<'a>) -> Self {
        Self {
            theory,
            numbers: Numbers::default(),
            variables: Vec::new(),
            strings: Vec::new(),
            texts: Vec::new(),
            unsafe_pieces: Vec::new(),
            sets: BTreeMap::new(),
            counts: BTreeMap::new(),
            addresses: BTreeMap::new(),
            bools: BTreeMap::new(),
            part: Part::default(),
            impossible: false,
        }
    }
}

impl<'a, 't> Asked<'a, 't> {
    /// What one answer asks.
    pub(super) fn ask(&mut self, test: &'t Test, yes: bool) {
        self.keep_within(test);
        let placed = self.number(test, yes)
            || self.string(test, yes)
            || self.set(test, yes)
            || self.held(test, yes)
            || self.address(test, yes)
            || self.boolean(test, yes);
        if !placed {
            self.part.open.push(test.clone());
        }
    }

    /// A test must err though all that it reads can be read.
    pub(super) fn break_within(&mut self, test: &Test) {
        let mut pieces = Vec::new();
        for term in [&test.left, &test.right] {
            if let Term::Resource(parts) = term {
                for part in parts {
                    if let ResourcePart::Slot { slot, free: false, .. } = part
                        && let Some(at) = self.theory.frame.argument(*slot)
                        && self.text_domain(Text::Argument(at)).is_some()
                    {
                        pieces.push(Text::Argument(at));
                    }
                }
            }
        }
        if pieces.is_empty() {
            // A number or a truth can stand in any resource; a sum may leave its range.
            let resource = [&test.left, &test.right]
                .iter()
                .any(|term| matches!(term, Term::Resource(_)));
            if resource {
                self.impossible = true;
            } else if !self.leave_range(test) {
                self.part.open.push(test.clone());
            }
        } else {
            self.unsafe_pieces.push(pieces);
        }
    }

    // Sets.

    fn set(&mut self, test: &Test, yes: bool) -> bool {
        let constants = |term: &Term| match term {
            Term::Constant(Constant::Set(values)) => Some(values.clone()),
            _ => None,
        };
        let (left, right) = (self.set_of(&test.left), self.set_of(&test.right));
        let (set, demands) = match (test.op, left, right) {
            (Op::Contains, Some(set), _) => {
                let Term::Constant(value) = &test.right else {
                    return false;
                };
                let one = vec![value.clone()];
                (set, vec![if yes { Demand::Has(one) } else { Demand::Lacks(one) }])
            }
            (Op::ContainsAll, Some(set), None) => {
                let Some(all) = constants(&test.right) else {
                    return false;
                };
                (
                    set,
                    vec![if yes {
                        Demand::Has(all)
                    } else {
                        Demand::Either {
                            lacks: all,
                            has: Vec::new(),
                        }
                    }],
                )
            }
            (Op::ContainsAll, None, Some(set)) => {
                let Some(all) = constants(&test.left) else { return false };
                (set, vec![if yes { Demand::Within(all) } else { Demand::Beyond(all) }])
            }
            (Op::ContainsAny, Some(set), None) | (Op::ContainsAny, None, Some(set)) => {
                let other = constants(&test.right).or_else(|| constants(&test.left));
                let Some(some) = other else { return false };
                (set, vec![if yes { Demand::some(some) } else { Demand::Lacks(some) }])
            }
            (Op::IsEmpty, Some(set), _) => {
                let none = Vec::new();
                (
                    set,
                    vec![if yes {
                        Demand::Within(none)
                    } else {
                        Demand::Beyond(none)
                    }],
                )
            }
            (Op::Equal, Some(set), None) | (Op::Equal, None, Some(set)) => {
                let other = constants(&test.right).or_else(|| constants(&test.left));
                let Some(all) = other else { return false };
                let demands = if yes {
                    vec![Demand::Has(all.clone()), Demand::Within(all)]
                } else {
                    vec![Demand::Differs(all)]
                };
                (set, demands)
            }
            _ => return false,
        };
        self.sets.entry(set).or_default().extend(demands);
        true
    }

    fn set_of(&self, term: &Term) -> Option<Set> {
        match term {
            Term::Holding => Some(Set::Holding),
            Term::Slot(slot) => {
                let at = self.theory.frame.argument(*slot)?;
                let one = self.theory.frame.arguments().get(at)?;
                match one.takes.kind {
                    Kind::List => Some(Set::Argument(at)),
                    // The hosts of a list are its elements, or all of its elements that can be seen.
                    Kind::Hosts => Some(Set::Argument(one.presence)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What is asked of the classes held where not all of them are seen. Those that are not are neither here nor there.
    fn held(&mut self, test: &Test, yes: bool) -> bool {
        let seen_but = |seen: &[Constant], all: &[Constant]| {
            let others = seen.iter().filter(|class| !all.contains(class));
            others.cloned().collect::<Vec<_>>()
        };
        let some = |some: Vec<Constant>, yes| if yes { Demand::some(some) } else { Demand::Lacks(some) };
        let demands = match (test.op, &test.left, &test.right) {
            (Op::IsEmpty, Term::Held(seen), _) => vec![some(seen.clone(), !yes)],
            (Op::ContainsAll, Term::Constant(Constant::Set(all)), Term::Held(seen)) => {
                vec![some(seen_but(seen, all), !yes)]
            }
            (Op::Equal, Term::Held(seen), Term::Constant(Constant::Set(all)))
            | (Op::Equal, Term::Constant(Constant::Set(all)), Term::Held(seen))
                if all.iter().all(|class| seen.contains(class)) =>
            {
                let (all, others) = (all.clone(), seen_but(seen, all));
                if yes {
                    vec![Demand::Has(all), Demand::Lacks(others)]
                } else {
                    vec![Demand::Either {
                        lacks: all,
                        has: others,
                    }]
                }
            }
            _ => return false,
        };
        self.sets.entry(Set::Holding).or_default().extend(demands);
        true
    }

    /// The set of which a function tells how many elements it has.
    fn counted(&self, operands: &[Term]) -> Option<Set> {
        match operands {
            [set] => self.set_of(set),
            _ => None,
        }
    }

    /// How many elements such a set has at most.
    fn most_elements(&self, set: Set) -> i128 {
        let most = match self.element(set) {
            None => self.theory.classes.len(),
            Some(takes) => values::many(takes).unwrap_or(MAX_LIST).min(MAX_LIST),
        };
        i128::try_from(most).unwrap_or(i128::MAX)
    }

    /// What the elements of an argument are; nothing of classes.
    pub(super) fn element(&self, set: Set) -> Option<&'a Takes> {
        match set {
            Set::Holding => None,
            Set::Argument(at) => {
                let one = self.theory.frame.arguments().get(at)?;
                one.takes.element.as_deref()
            }
        }
    }

    // Addresses and truths.

    fn address(&mut self, test: &'t Test, yes: bool) -> bool {
        let is_constant = |term: &Term| matches!(term, Term::Constant(_) | Term::Nothing);
        let slot = match (&test.left, &test.right) {
            (Term::Slot(slot), other) | (other, Term::Slot(slot)) if is_constant(other) => *slot,
            _ => return false,
        };
        match self.theory.frame.argument(slot) {
            Some(at) if self.theory.kind(at) == Some(Kind::Ip) => {
                self.addresses.entry(at).or_default().push((test, yes));
                true
            }
            _ => false,
        }
    }

    fn boolean(&mut self, test: &Test, yes: bool) -> bool {
        let mut narrow = |term: &Term, allowed: &[bool]| {
            let Term::Slot(slot) = term else { return false };
            let Some(at) = self.theory.frame.argument(*slot) else {
                return false;
            };
            if self.theory.kind(at) != Some(Kind::Bool) {
                return false;
            }
            let known = self.bools.entry(at).or_insert_with(|| BTreeSet::from([false, true]));
            known.retain(|value| allowed.contains(value));
            true
        };
        match (test.op, &test.left, &test.right) {
            (Op::IsTrue, term, _) => narrow(term, &[yes]),
            (Op::Equal, term, Term::Constant(Constant::Bool(value)))
            | (Op::Equal, Term::Constant(Constant::Bool(value)), term) => narrow(term, &[*value == yes]),
            (Op::Contains, Term::Constant(Constant::Set(values)), term) => {
                let allowed: Vec<bool> = [false, true]
                    .into_iter()
                    .filter(|value| values.contains(&Constant::Bool(*value)) == yes)
                    .collect();
                narrow(term, &allowed)
            }
            _ => false,
        }
    }
}
