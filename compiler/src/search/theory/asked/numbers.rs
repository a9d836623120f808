//! What answers ask of numbers, moments and lengths of time: terms of one variable that is multiplied, divided and
//! added to become bounds of it, and differences of two variables bounds of both.
//!
//! In: tests with their answers. Out: bounds and choices among them, in [`Asked::numbers`]. Values are found elsewhere.

use polity_runtime::value::Kind;

use super::{Asked, Number};
use crate::ir::{Constant, Function, Op, Term, Test};
use crate::search::theory::number::{Bound, Domain};
use crate::search::theory::values::{self, NOWS, ORDINARY_MOMENT, WHOLE};
use crate::search::theory::{DAY, Fault};

/// What a number can be.
const LEAST: i128 = WHOLE.0 as i128;
const GREATEST: i128 = WHOLE.1 as i128;

impl Asked<'_, '_> {
    pub(super) fn number(&mut self, test: &Test, yes: bool) -> bool {
        match test.op {
            Op::Less | Op::LessEqual | Op::Equal => {
                let (Some(left), Some(right)) = (self.summed(&test.left), self.summed(&test.right)) else {
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
                let Some(sum) = self.summed(&test.right) else {
                    return false;
                };
                let most = |value: i128| sum.at_most(value);
                let least = |value: i128| sum.at_least(value);
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

    /// What must hold for a test to be evaluated: nothing in it leaves the range of its type.
    pub(super) fn keep_within(&mut self, test: &Test) {
        let mut sums = Vec::new();
        self.sums(&test.left, &mut sums);
        self.sums(&test.right, &mut sums);
        for sum in sums {
            self.numbers.bounds.extend([sum.at_most(GREATEST), sum.at_least(LEAST)]);
        }
    }

    /// What must hold for a test not to be evaluated though all that it reads can be read: something in it leaves the
    /// range of its type. False where it may err in a way that is not reasoned about.
    pub(super) fn leave_range(&mut self, test: &Test) -> bool {
        let mut sums = Vec::new();
        let all = self.sums(&test.left, &mut sums) && self.sums(&test.right, &mut sums);
        if all {
            let ways = sums
                .iter()
                .flat_map(|sum| [vec![sum.at_least(GREATEST + 1)], vec![sum.at_most(LEAST - 1)]]);
            self.numbers.choices.push(ways.collect());
        }
        all
    }

    /// What is calculated in a term, as far as it is of one variable. False where some of it is not.
    fn sums(&mut self, term: &Term, sums: &mut Vec<Sum>) -> bool {
        match term {
            // It is there where the set is.
            Term::Apply(Function::Count, _) => true,
            Term::Apply(function, operands) => {
                let mut all = true;
                for operand in operands {
                    all &= self.sums(operand, sums);
                }
                match function {
                    // These only take away.
                    Function::ToTime
                    | Function::ToMilliseconds
                    | Function::ToSeconds
                    | Function::ToMinutes
                    | Function::ToHours
                    | Function::ToDays => all,
                    _ if !all => false,
                    _ => {
                        let (least, greatest) = self.span(term);
                        if LEAST <= least && greatest <= GREATEST {
                            return true;
                        }
                        let sum = self.operands(operands).and_then(|of| sum(*function, &of));
                        sums.extend(sum);
                        sum.is_some()
                    }
                }
            }
            Term::Slot(_) | Term::Now | Term::Calls | Term::Constant(_) => true,
            _ => false,
        }
    }

    /// What a comparison asks. Always placed: what it cannot be told of stays a variable of its own.
    fn compare(&mut self, test: &Test, left: Sum, right: Sum, yes: bool) -> bool {
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
        if let Some((sum, value, turned)) = match (left.constant(), right.constant()) {
            (Some(value), _) => Some((right, value, true)),
            (None, Some(value)) => Some((left, value, false)),
            (None, None) => None,
        } {
            if test.op == Op::Equal {
                if yes {
                    self.numbers.bounds.extend([sum.at_most(value), sum.at_least(value)]);
                } else {
                    let apart = vec![vec![sum.at_least(value + 1)], vec![sum.at_most(value - 1)]];
                    self.numbers.choices.push(apart);
                }
            } else if swapped == turned {
                self.numbers.bounds.push(sum.at_most(value - less));
            } else {
                self.numbers.bounds.push(sum.at_least(value + less));
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
    pub(in crate::search::theory) fn linear(&mut self, term: &Term) -> Option<(usize, i128)> {
        let scaled = self.scaled(term)?;
        Some(if scaled.is_plain() {
            (scaled.at, scaled.more)
        } else {
            self.applied(term)
        })
    }

    /// A term as a variable that is multiplied, divided and added to; a difference of two is one of its own.
    fn scaled(&mut self, term: &Term) -> Option<Scaled> {
        Some(match self.summed(term)? {
            Sum::One(scaled) => scaled,
            Sum::Difference(..) => self.alone(term),
        })
    }

    /// A term as what is calculated of a variable, or as the difference of two.
    fn summed(&mut self, term: &Term) -> Option<Sum> {
        Some(Sum::One(match term {
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
            Term::Apply(Function::Count, operands) => {
                let set = self.counted(operands)?;
                // What holds so many elements must have some.
                self.sets.entry(set).or_default();
                Scaled::plain(self.variable(Number::Count(set)), 0)
            }
            Term::Apply(function, operands) => {
                let of = self.operands(operands)?;
                match sum(*function, &of) {
                    Some(sum) => return Some(sum),
                    None => self.alone(term),
                }
            }
            _ => return None,
        }))
    }

    fn operands(&mut self, operands: &[Term]) -> Option<Vec<Scaled>> {
        operands.iter().map(|operand| self.scaled(operand)).collect()
    }

    /// What a function gives as a variable of its own.
    fn alone(&mut self, term: &Term) -> Scaled {
        let (at, more) = self.applied(term);
        Scaled::plain(at, more)
    }

    fn applied(&mut self, term: &Term) -> (usize, i128) {
        (self.variable(Number::Applied(term.clone())), 0)
    }

    fn variable(&mut self, number: Number) -> usize {
        if let Some(at) = self.variables.iter().position(|known| *known == number) {
            return at + 1;
        }
        let (least, greatest) = self.range(&number);
        let ordinary = match &number {
            Number::Now => i128::from(ORDINARY_MOMENT),
            Number::Argument(at) if self.is_port(*at) => 443,
            Number::Argument(at) => i128::from(self.theory.kind(*at).map_or(1, |kind| values::number(kind).0)),
            Number::Count(_) | Number::Calls | Number::Applied(_) => 0,
        };
        let near = matches!(number, Number::Count(_));
        self.numbers.domains.push(Domain {
            least,
            greatest,
            ordinary,
            near,
        });
        self.variables.push(number);
        self.variables.len()
    }

    /// The least and the greatest that a number can be.
    fn range(&self, number: &Number) -> (i128, i128) {
        let wide = |(least, greatest): (i64, i64)| (i128::from(least), i128::from(greatest));
        match number {
            Number::Count(set) => (0, self.most_elements(*set)),
            Number::Now => wide(NOWS),
            Number::Calls => (0, GREATEST),
            Number::Argument(at) if self.is_port(*at) => (0, 65_535),
            Number::Argument(at) => wide(self.theory.kind(*at).map_or(WHOLE, |kind| values::number(kind).1)),
            Number::Applied(term) => self.within(term),
        }
    }

    /// Between what a term lies that can be evaluated.
    fn within(&self, term: &Term) -> (i128, i128) {
        let (least, greatest) = self.span(term);
        (least.max(LEAST), greatest.min(GREATEST))
    }

    /// Between what a term lies whose operands can be evaluated; beyond 64 bits where it may leave them.
    fn span(&self, term: &Term) -> (i128, i128) {
        let number = match term {
            Term::Constant(value) => return numeric(value).map_or((LEAST, GREATEST), |value| (value, value)),
            Term::Now => Some(Number::Now),
            Term::Calls => Some(Number::Calls),
            Term::Slot(slot) => self.theory.frame.argument(*slot).map(Number::Argument),
            Term::Apply(Function::Count, operands) => self.counted(operands).map(Number::Count),
            Term::Apply(function, operands) => {
                let of: Vec<(i128, i128)> = operands.iter().map(|operand| self.within(operand)).collect();
                return spanned(*function, &of);
            }
            _ => None,
        };
        number.map_or((LEAST, GREATEST), |number| self.range(&number))
    }

    fn is_port(&self, at: usize) -> bool {
        let arguments = self.theory.frame.arguments();
        let parent = arguments.get(at).and_then(|one| one.parent);
        parent
            .and_then(|parent| arguments.get(parent))
            .is_some_and(|parent| parent.takes.kind == Kind::Url)
    }
}

/// What is calculated of one variable, or of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sum {
    One(Scaled),
    /// The first less the second, both plain.
    Difference(Scaled, Scaled),
}

impl Sum {
    fn constant(&self) -> Option<i128> {
        match self {
            Self::One(scaled) if scaled.is_constant() => Some(scaled.more),
            _ => None,
        }
    }

    fn at_most(&self, value: i128) -> Bound {
        match self {
            Self::One(scaled) => scaled.at_most(value),
            Self::Difference(left, right) => Bound {
                left: left.at,
                right: right.at,
                most: value - left.more + right.more,
            },
        }
    }

    fn at_least(&self, value: i128) -> Bound {
        match self {
            Self::One(scaled) => scaled.at_least(value),
            Self::Difference(left, right) => Self::Difference(*right, *left).at_most(-value),
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

    /// Whether it is a variable and what is added to it.
    fn is_plain(&self) -> bool {
        self.times == 1 && self.divided == 1
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

/// What a function makes of its operands, as far as that is reasoned about.
fn sum(function: Function, of: &[Scaled]) -> Option<Sum> {
    if let Some(one) = combined(function, of) {
        return Some(Sum::One(one));
    }
    match (function, of) {
        (Function::Subtract | Function::DurationSince, [left, right]) if left.is_plain() && right.is_plain() => {
            Some(Sum::Difference(*left, *right))
        }
        _ => None,
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

/// Between what a function's value lies where its operands lie between these; as wide as a number where it is unknown.
fn spanned(function: Function, of: &[(i128, i128)]) -> (i128, i128) {
    let divided = |by: i128, (least, greatest): (i128, i128)| (least / by, greatest / by);
    match (function, of) {
        (Function::Add | Function::Offset, [left, right]) => (left.0 + right.0, left.1 + right.1),
        (Function::Subtract | Function::DurationSince, [left, right]) => (left.0 - right.1, left.1 - right.0),
        (Function::Multiply, [left, right]) => {
            let ends = [left.0 * right.0, left.0 * right.1, left.1 * right.0, left.1 * right.1];
            ends.into_iter().fold((i128::MAX, i128::MIN), |(least, greatest), end| {
                (least.min(end), greatest.max(end))
            })
        }
        (Function::Negate, [only]) => (-only.1, -only.0),
        (Function::ToMilliseconds, [only]) => *only,
        (Function::ToSeconds, [only]) => divided(1_000, *only),
        (Function::ToMinutes, [only]) => divided(60_000, *only),
        (Function::ToHours, [only]) => divided(3_600_000, *only),
        (Function::ToDays, [only]) => divided(DAY, *only),
        (Function::ToTime, [_]) => (0, DAY - 1),
        (Function::ToDate, [only]) => (only.0.div_euclid(DAY) * DAY, only.1.div_euclid(DAY) * DAY),
        _ => (LEAST, GREATEST),
    }
}

/// A number's value, whatever its type.
pub(in crate::search::theory) fn numeric(value: &Constant) -> Option<i128> {
    match value {
        Constant::Int(value) | Constant::Decimal(value) | Constant::DateTime(value) | Constant::Duration(value) => {
            Some(i128::from(*value))
        }
        _ => None,
    }
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
