//! What answers ask of the values of a call, sorted by what can be reasoned about: numbers, strings, sets, addresses,
//! truths; and what is left. [`super::settled`] finds the values.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::{ANY, Kind, SEGMENT};

use super::number::{Bound, Numbers};
use super::sets::Demand;
use super::text::{Constraint, Domain, Matcher, Piece};
use super::values::{self, LAST_MOMENT, MOMENTS, ORDINARY_MOMENT};
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
                let (Some(left), Some(right)) = (self.scaled(&test.left), self.scaled(&test.right)) else {
                    return false;
                };
                self.compare(test, left, right, yes)
            }
            Op::Contains => {
                let Term::Constant(Constant::Set(values)) = &test.left else {
                    return false;
                };
                let Some(numbers) = values.iter().map(numeric).collect::<Option<Vec<i128>>>() else {
                    return false;
                };
                let Some(scaled) = self.scaled(&test.right) else {
                    return false;
                };
                let most = |value: i128| scaled.at_most(value);
                let least = |value: i128| scaled.at_least(value);
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

    /// What a comparison asks. Always placed: what it cannot be told of stays a variable of its own.
    fn compare(&mut self, test: &Test, left: Scaled, right: Scaled, yes: bool) -> bool {
        let strict = if self.theory.fault == Some(Fault::Interval) {
            1
        } else {
            0
        };
        // `left <= right - less`, or `right <= left - less`.
        let (swapped, less) = match (test.op, yes) {
            (Op::Less, true) => (false, 1),
            (Op::Less, false) => (true, 0),
            (Op::LessEqual, true) => (false, strict),
            (Op::LessEqual, false) => (true, 1),
            (_, _) => (false, 0),
        };
        if left.is_constant() || right.is_constant() {
            let (scaled, value, turned) = if left.is_constant() {
                (right, left.more, true)
            } else {
                (left, right.more, false)
            };
            if test.op == Op::Equal {
                if yes {
                    self.numbers
                        .bounds
                        .extend([scaled.at_most(value), scaled.at_least(value)]);
                } else {
                    let apart = vec![vec![scaled.at_least(value + 1)], vec![scaled.at_most(value - 1)]];
                    self.numbers.choices.push(apart);
                }
            } else if swapped == turned {
                self.numbers.bounds.push(scaled.at_most(value - less));
            } else {
                self.numbers.bounds.push(scaled.at_least(value + less));
            }
            return true;
        }
        let (Some(left), Some(right)) = (self.linear(&test.left), self.linear(&test.right)) else {
            return false;
        };
        // left - right <= most, with what is added on both sides taken over.
        let bound = |(left, more): (usize, i128), (right, less): (usize, i128), most: i128| Bound {
            left,
            right,
            most: most + less - more,
        };
        match (test.op, yes, swapped) {
            (Op::Equal, true, _) => {
                self.numbers.bounds.push(bound(left, right, 0));
                self.numbers.bounds.push(bound(right, left, 0));
            }
            (Op::Equal, false, _) => {
                let apart = vec![vec![bound(right, left, -1)], vec![bound(left, right, -1)]];
                self.numbers.choices.push(apart);
            }
            (_, _, false) => self.numbers.bounds.push(bound(left, right, -less)),
            (_, _, true) => self.numbers.bounds.push(bound(right, left, -less)),
        }
        true
    }

    /// A term as a variable and what is added to it; one that is scaled besides is a variable of its own.
    pub(super) fn linear(&mut self, term: &Term) -> Option<(usize, i128)> {
        let scaled = self.scaled(term)?;
        Some(if scaled.times == 1 && scaled.divided == 1 {
            (scaled.at, scaled.more)
        } else {
            self.applied(term)
        })
    }

    /// A term as a variable that is multiplied, divided and added to.
    fn scaled(&mut self, term: &Term) -> Option<Scaled> {
        Some(match term {
            Term::Constant(value) => Scaled::plain(0, numeric(value)?),
            Term::Now => Scaled::plain(self.variable(Number::Now), 0),
            Term::Calls => Scaled::plain(self.variable(Number::Calls), 0),
            Term::Slot(slot) => {
                let at = self.theory.frame.argument(*slot)?;
                match self.theory.kind(at)? {
                    Kind::Int | Kind::Decimal | Kind::DateTime | Kind::Duration => {
                        Scaled::plain(self.variable(Number::Argument(at)), 0)
                    }
                    _ => return None,
                }
            }
            Term::Apply(function, operands) => {
                let mut of = Vec::new();
                for operand in operands {
                    of.push(self.scaled(operand)?);
                }
                match combined(*function, &of) {
                    Some(scaled) => scaled,
                    None => {
                        let (at, more) = self.applied(term);
                        Scaled::plain(at, more)
                    }
                }
            }
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
            Number::Now => (0, i128::from(LAST_MOMENT), i128::from(ORDINARY_MOMENT)),
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

/// `(times * x + inner) / divided + more`, rounded towards zero where it is divided. Variable 0 is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scaled {
    at: usize,
    times: i128,
    inner: i128,
    divided: i128,
    more: i128,
}

impl Scaled {
    fn plain(at: usize, more: i128) -> Self {
        Self {
            at,
            times: 1,
            inner: 0,
            divided: 1,
            more,
        }
    }

    fn is_constant(&self) -> bool {
        self.at == 0
    }

    fn with(self, more: i128) -> Self {
        Self {
            more: self.more + more,
            ..self
        }
    }

    /// Multiplied; `None` where it is divided already, or grows beyond reason.
    fn multiplied(self, by: i128) -> Option<Self> {
        let times = self.times.checked_mul(by)?;
        let fits = self.divided == 1 && by != 0 && times.unsigned_abs() < 1 << 64;
        fits.then(|| Self {
            times,
            more: self.more.saturating_mul(by),
            ..self
        })
    }

    /// Divided, rounding towards zero; `None` where it is divided already.
    fn divided(self, by: i128) -> Option<Self> {
        (self.divided == 1).then_some(Self {
            inner: self.more,
            divided: by,
            more: 0,
            ..self
        })
    }

    /// What the variable may be for the whole to be at most this.
    fn at_most(&self, value: i128) -> Bound {
        let quotient = value - self.more;
        // The greatest number that gives it when it is divided and rounded towards zero.
        let greatest = if quotient >= 0 {
            quotient * self.divided + self.divided - 1
        } else {
            quotient * self.divided
        };
        let product = greatest - self.inner;
        if self.times > 0 {
            self.below(product.div_euclid(self.times))
        } else {
            self.above(-product.div_euclid(-self.times))
        }
    }

    /// What the variable may be for the whole to be at least this.
    fn at_least(&self, value: i128) -> Bound {
        let quotient = value - self.more;
        let least = if quotient > 0 {
            quotient * self.divided
        } else {
            quotient * self.divided - (self.divided - 1)
        };
        let product = least - self.inner;
        if self.times > 0 {
            self.above(-(-product).div_euclid(self.times))
        } else {
            self.below((-product).div_euclid(-self.times))
        }
    }

    fn below(&self, most: i128) -> Bound {
        Bound {
            left: self.at,
            right: 0,
            most,
        }
    }

    fn above(&self, least: i128) -> Bound {
        Bound {
            left: 0,
            right: self.at,
            most: -least,
        }
    }
}

/// What a function makes of terms of one variable; `None` where it is more than that.
fn combined(function: Function, of: &[Scaled]) -> Option<Scaled> {
    let units = |by: i128| match of {
        [only] => only.divided(by),
        _ => None,
    };
    match (function, of) {
        (Function::Add | Function::Offset, [left, right]) if right.is_constant() => Some(left.with(right.more)),
        (Function::Add | Function::Offset, [left, right]) if left.is_constant() => Some(right.with(left.more)),
        (Function::Subtract | Function::DurationSince, [left, right]) if right.is_constant() => {
            Some(left.with(-right.more))
        }
        (Function::Subtract | Function::DurationSince, [left, right]) if left.is_constant() => {
            Some(right.multiplied(-1)?.with(left.more))
        }
        (Function::Subtract | Function::DurationSince, [left, right])
            if (left.at, left.times) == (right.at, right.times) && left.divided == 1 && right.divided == 1 =>
        {
            Some(Scaled::plain(0, left.more - right.more))
        }
        (Function::Multiply, [one, factor]) | (Function::Multiply, [factor, one]) if factor.is_constant() => {
            one.multiplied(factor.more)
        }
        (Function::Negate, [only]) => only.multiplied(-1),
        (Function::ToMilliseconds, [only]) => Some(*only),
        (Function::ToSeconds, _) => units(1_000),
        (Function::ToMinutes, _) => units(60_000),
        (Function::ToHours, _) => units(3_600_000),
        (Function::ToDays, _) => units(DAY),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_on_what_is_scaled_are_exact(
            times in prop_oneof![-4i128..0, 1i128..5],
            inner in -9i128..9,
            divided in 1i128..5,
            more in -5i128..5,
            value in -20i128..20,
        ) {
            let inner = if divided == 1 { 0 } else { inner };
            let scaled = Scaled { at: 1, times, inner, divided, more };
            let (most, least) = (scaled.at_most(value), scaled.at_least(value));
            let holds = |bound: &Bound, x: i128| if bound.left == 1 { x <= bound.most } else { -x <= bound.most };
            for x in -200i128..200 {
                let whole = (times * x + inner) / divided + more;
                prop_assert_eq!(whole <= value, holds(&most, x), "{}", x);
                prop_assert_eq!(whole >= value, holds(&least, x), "{}", x);
            }
        }
    }
}
