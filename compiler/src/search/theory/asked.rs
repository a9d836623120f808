//! What answers ask of the values of a call, sorted by what can be reasoned about: numbers, strings, sets, addresses,
//! truths; and what is left. [`super::settled`] finds the values.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::{ANY, Kind, SEGMENT};

use super::number::{Bound, Numbers};
use super::sets::Demand;
use super::text::{Constraint, Domain, Matcher, Piece};
use super::values::{self, MOMENTS, ORDINARY_MOMENT};
use super::{DAY, Fault, Part, Theory};
use crate::ir::{Constant, Function, GlobPart, Op, PatternPart, ResourcePart, Term, Test};

/// A number that is reasoned about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Number {
    Argument(usize),
    Now,
    Calls,
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
            addresses: BTreeMap::new(),
            bools: BTreeMap::new(),
            part: Part::default(),
            impossible: false,
        }
    }
}

impl<'t> Asked<'_, 't> {
    /// What one answer asks.
    pub(super) fn ask(&mut self, test: &'t Test, yes: bool) {
        let placed = self.number(test, yes)
            || self.string(test, yes)
            || self.set(test, yes)
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
            } else {
                self.part.open.push(test.clone());
            }
        } else {
            self.unsafe_pieces.push(pieces);
        }
    }

    // Numbers.

    fn number(&mut self, test: &Test, yes: bool) -> bool {
        match test.op {
            Op::Less | Op::LessEqual | Op::Equal => {
                let (Some(left), Some(right)) = (self.linear(&test.left), self.linear(&test.right)) else {
                    return false;
                };
                // left - right <= most, with what is added on both sides taken over.
                let bound = |(left, more): (usize, i128), (right, less): (usize, i128), most: i128| Bound {
                    left,
                    right,
                    most: most + less - more,
                };
                let strict = if self.theory.fault == Some(Fault::Interval) {
                    -1
                } else {
                    0
                };
                match (test.op, yes) {
                    (Op::Less, true) => self.numbers.bounds.push(bound(left, right, -1)),
                    (Op::Less, false) => self.numbers.bounds.push(bound(right, left, 0)),
                    (Op::LessEqual, true) => self.numbers.bounds.push(bound(left, right, strict)),
                    (Op::LessEqual, false) => self.numbers.bounds.push(bound(right, left, -1)),
                    (_, true) => {
                        self.numbers.bounds.push(bound(left, right, 0));
                        self.numbers.bounds.push(bound(right, left, 0));
                    }
                    (_, false) => {
                        let apart = vec![vec![bound(right, left, -1)], vec![bound(left, right, -1)]];
                        self.numbers.choices.push(apart);
                    }
                }
                true
            }
            Op::Contains => {
                let Term::Constant(Constant::Set(values)) = &test.left else {
                    return false;
                };
                let Some(numbers) = values.iter().map(numeric).collect::<Option<Vec<i128>>>() else {
                    return false;
                };
                if numbers.is_empty() && self.linear(&test.right).is_none() {
                    return false;
                }
                let Some((at, more)) = self.linear(&test.right) else {
                    return false;
                };
                let most = |value: i128| Bound {
                    left: at,
                    right: 0,
                    most: value - more,
                };
                let least = |value: i128| Bound {
                    left: 0,
                    right: at,
                    most: more - value,
                };
                if yes {
                    let one = |value: &i128| vec![most(*value), least(*value)];
                    self.impossible |= numbers.is_empty();
                    self.numbers.choices.push(numbers.iter().map(one).collect());
                } else {
                    for value in numbers {
                        let apart = vec![vec![least(value + 1)], vec![most(value - 1)]];
                        self.numbers.choices.push(apart);
                    }
                }
                true
            }
            _ => false,
        }
    }

    /// A term as a variable and what is added to it.
    pub(super) fn linear(&mut self, term: &Term) -> Option<(usize, i128)> {
        Some(match term {
            Term::Constant(value) => (0, numeric(value)?),
            Term::Now => (self.variable(Number::Now), 0),
            Term::Calls => (self.variable(Number::Calls), 0),
            Term::Slot(slot) => {
                let at = self.theory.frame.argument(*slot)?;
                match self.theory.kind(at)? {
                    Kind::Int | Kind::Decimal | Kind::DateTime | Kind::Duration => {
                        (self.variable(Number::Argument(at)), 0)
                    }
                    _ => return None,
                }
            }
            Term::Apply(function, operands) => match (function, operands.as_slice()) {
                (Function::Add | Function::Offset, [left, right]) => match (self.linear(left)?, self.linear(right)?) {
                    ((0, more), (at, less)) | ((at, more), (0, less)) => (at, more + less),
                    _ => self.applied(term),
                },
                (Function::Subtract | Function::DurationSince, [left, right]) => {
                    match (self.linear(left)?, self.linear(right)?) {
                        ((at, more), (0, less)) => (at, more - less),
                        ((left, more), (right, less)) if left == right => (0, more - less),
                        _ => self.applied(term),
                    }
                }
                (Function::ToMilliseconds, [only]) => self.linear(only)?,
                (_, operands) => {
                    for operand in operands {
                        self.linear(operand)?;
                    }
                    self.applied(term)
                }
            },
            _ => return None,
        })
    }

    fn applied(&mut self, term: &Term) -> (usize, i128) {
        (self.variable(Number::Applied(term.clone())), 0)
    }

    fn variable(&mut self, number: Number) -> usize {
        if let Some(at) = self.variables.iter().position(|known| *known == number) {
            return at + 1;
        }
        let whole = (i128::from(i64::MIN), i128::from(i64::MAX));
        let moments = (i128::from(MOMENTS.0), i128::from(MOMENTS.1));
        let (least, greatest, ordinary) = match &number {
            Number::Now => (0, moments.1, i128::from(ORDINARY_MOMENT)),
            Number::Calls => (0, whole.1, 0),
            Number::Argument(at) => {
                let port = self.is_port(*at);
                match self.theory.kind(*at) {
                    Some(Kind::DateTime) => (moments.0, moments.1, i128::from(ORDINARY_MOMENT)),
                    Some(Kind::Decimal) => (whole.0, whole.1, 10_000),
                    Some(Kind::Duration) => (whole.0, whole.1, 3_600_000),
                    _ if port => (0, 65_535, 443),
                    _ => (whole.0, whole.1, 1),
                }
            }
            Number::Applied(Term::Apply(Function::ToTime, _)) => (0, DAY - 1, 0),
            Number::Applied(_) => (whole.0, whole.1, 0),
        };
        self.numbers.domains.push((least, greatest, ordinary));
        self.variables.push(number);
        self.variables.len()
    }

    fn is_port(&self, at: usize) -> bool {
        let arguments = self.theory.frame.arguments();
        let parent = arguments.get(at).and_then(|one| one.parent);
        parent
            .and_then(|parent| arguments.get(parent))
            .is_some_and(|parent| parent.takes.kind == Kind::Url)
    }

    // Strings.

    fn string(&mut self, test: &Test, yes: bool) -> bool {
        let (term, matcher) = match (test.op, &test.left, &test.right) {
            (Op::Like, term, Term::Pattern(parts)) => (term, Matcher::Pattern(like(parts))),
            (Op::Glob, term, Term::Glob(parts)) => (term, Matcher::Pattern(glob(parts))),
            (Op::Equal, term, Term::Constant(Constant::String(text)))
            | (Op::Equal, Term::Constant(Constant::String(text)), term) => (term, Matcher::Words(vec![text.clone()])),
            (Op::Contains, Term::Constant(Constant::Set(values)), term) => {
                let text = |value: &Constant| match value {
                    Constant::String(text) => Some(text.clone()),
                    _ => None,
                };
                let Some(mut words) = values.iter().map(text).collect::<Option<Vec<String>>>() else {
                    return false;
                };
                words.sort();
                (term, Matcher::Words(words))
            }
            _ => return false,
        };
        let globbed = test.op == Op::Glob;
        let mut sequence = Vec::new();
        match term {
            Term::Slot(slot) => {
                let Some(at) = self.theory.frame.argument(*slot) else {
                    return false;
                };
                sequence.push((Text::Argument(at), false));
            }
            Term::OnBehalfOf => sequence.push((Text::Behalf, false)),
            Term::Resource(parts) => return self.resource(parts, globbed, &matcher, yes),
            _ => return false,
        }
        if sequence.iter().any(|(text, _)| self.text_domain(*text).is_none()) {
            return false;
        }
        let constraint = Constraint {
            sequence: vec![Piece::String(0, false)],
            matcher,
            takes: yes,
        };
        self.texts.push((sequence, constraint));
        true
    }

    /// A resource that was read, so what stands in it may stand there.
    fn resource(&mut self, parts: &[ResourcePart], globbed: bool, matcher: &Matcher, yes: bool) -> bool {
        let mut strings: Vec<(Text, bool)> = Vec::new();
        let mut sequence = Vec::new();
        let mut safe = Vec::new();
        for part in parts {
            match part {
                ResourcePart::Literal(text) => sequence.push(Piece::Text(text.clone())),
                ResourcePart::Slot { slot, folded, free } => {
                    let Some(at) = self.theory.frame.argument(*slot) else {
                        return false;
                    };
                    let text = Text::Argument(at);
                    if self.text_domain(text).is_none() && self.written_domain(text).is_none() {
                        return false;
                    }
                    sequence.push(Piece::String(strings.len(), *folded && globbed));
                    strings.push((text, true));
                    if !free {
                        safe.push(text);
                    }
                }
            }
        }
        for text in safe {
            let constraint = Constraint {
                sequence: vec![Piece::String(0, false)],
                matcher: Matcher::Safe,
                takes: true,
            };
            self.texts.push((vec![(text, true)], constraint));
        }
        let constraint = Constraint {
            sequence,
            matcher: matcher.clone(),
            takes: yes,
        };
        self.texts.push((strings, constraint));
        true
    }

    /// What a string may be at all; `None` for what is no string.
    pub(super) fn text_domain(&self, text: Text) -> Option<Domain> {
        let at = match text {
            Text::Behalf => return Some(Domain::Any),
            Text::Argument(at) => at,
        };
        let arguments = self.theory.frame.arguments();
        let one = arguments.get(at)?;
        let parent = one
            .parent
            .and_then(|parent| arguments.get(parent))
            .map(|parent| parent.takes.kind);
        match (parent, one.path.last().map(String::as_str)) {
            (Some(Kind::Url), Some("host")) => Some(Domain::UrlHost),
            (Some(Kind::Url), Some("path")) => Some(Domain::UrlPath),
            (Some(Kind::Url), Some("scheme")) => Some(Domain::Scheme),
            (Some(Kind::Email), Some("host")) => Some(Domain::Host),
            (Some(Kind::Email), Some("local")) => Some(Domain::Local),
            _ if one.takes.kind == Kind::Hosts => None,
            _ => values::domain(&one.takes),
        }
    }

    /// How a number or a truth stands in a resource.
    pub(super) fn written_domain(&self, text: Text) -> Option<Domain> {
        let Text::Argument(at) = text else { return None };
        match self.theory.kind(at)? {
            Kind::Int => Some(Domain::Integer),
            Kind::Bool => Some(Domain::Words(vec!["false".to_owned(), "true".to_owned()])),
            _ => None,
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
                (set, vec![if yes { Demand::Has(all) } else { Demand::LacksSome(all) }])
            }
            (Op::ContainsAll, None, Some(set)) => {
                let Some(all) = constants(&test.left) else { return false };
                (set, vec![if yes { Demand::Within(all) } else { Demand::Beyond(all) }])
            }
            (Op::ContainsAny, Some(set), None) | (Op::ContainsAny, None, Some(set)) => {
                let other = constants(&test.right).or_else(|| constants(&test.left));
                let Some(some) = other else { return false };
                (set, vec![if yes { Demand::Some(some) } else { Demand::Lacks(some) }])
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

/// A number's value, whatever its type.
pub(super) fn numeric(value: &Constant) -> Option<i128> {
    match value {
        Constant::Int(value) | Constant::Decimal(value) | Constant::DateTime(value) | Constant::Duration(value) => {
            Some(i128::from(*value))
        }
        _ => None,
    }
}

fn like(parts: &[PatternPart]) -> Vec<u32> {
    let part = |part: &PatternPart| match part {
        PatternPart::Literal(letter) => u32::from(*letter),
        PatternPart::Any => ANY,
    };
    parts.iter().map(part).collect()
}

fn glob(parts: &[GlobPart]) -> Vec<u32> {
    let part = |part: &GlobPart| match part {
        GlobPart::Literal(letter) => u32::from(*letter),
        GlobPart::Segment => SEGMENT,
        GlobPart::Any => ANY,
    };
    parts.iter().map(part).collect()
}
