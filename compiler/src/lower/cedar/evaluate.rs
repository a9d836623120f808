//! A straightforward evaluator of conditions, for the tests: three-valued, in Cedar's order, and nothing clever.

use std::collections::BTreeSet;

use polity_runtime::value::IpNet;

use crate::ir::{Answer, Attribute, Condition, Constant, Entity, Function, Op, PatternPart, Term, Test};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum V {
    Present,
    Bool(bool),
    Int(i64),
    Decimal(i64),
    DateTime(i64),
    Duration(i64),
    Str(String),
    Ip(IpNet),
    Set(BTreeSet<V>),
}

#[derive(Debug, Clone)]
pub(super) enum Held {
    Absent,
    Invalid,
    Value(V),
}

pub(super) struct Call {
    pub(super) slots: Vec<Held>,
    pub(super) on_behalf_of: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) calls: i64,
    pub(super) now: i64,
}

pub(super) struct Errs;

impl Call {
    pub(super) fn condition(&self, condition: &Condition) -> Result<bool, Errs> {
        match condition {
            Condition::Constant(Answer::Yes) => Ok(true),
            Condition::Constant(Answer::No) => Ok(false),
            Condition::Constant(Answer::Error) => Err(Errs),
            Condition::Test(test) => self.test(test),
            Condition::Not(a) => Ok(!self.condition(a)?),
            Condition::ErrorIsNo(a) => Ok(self.condition(a).unwrap_or(false)),
            Condition::And(a, b) => Ok(self.condition(a)? && self.condition(b)?),
            Condition::Or(a, b) => Ok(self.condition(a)? || self.condition(b)?),
            Condition::If(a, b, c) => {
                if self.condition(a)? {
                    self.condition(b)
                } else {
                    self.condition(c)
                }
            }
        }
    }

    fn test(&self, Test { op, left, right }: &Test) -> Result<bool, Errs> {
        match op {
            Op::Has => {
                return Ok(match left {
                    Term::Slot(slot) => !matches!(self.slots[slot.0 as usize], Held::Absent),
                    Term::OnBehalfOf => self.on_behalf_of.is_some(),
                    Term::Principal(Attribute::Tag(_)) => self.tier.is_some(),
                    other => panic!("{other:?}"),
                });
            }
            Op::PrincipalIn => {
                let Term::Entity(entity) = right else { panic!() };
                return Ok(match entity {
                    Entity::Deployment(name) => name == "payments/claude-code",
                    Entity::Agent(name) => name == "claude-code",
                    Entity::Team(name) => name == "payments",
                    Entity::Ring(name) => name == "trusted",
                    other => panic!("{other:?}"),
                });
            }
            Op::ResourceIn => return Ok(*right == Term::Entity(Entity::Environment("production".into()))),
            Op::Like => {
                let (V::Str(subject), Term::Pattern(pattern)) = (self.term(left)?, right) else {
                    panic!()
                };
                return Ok(like(&subject.chars().collect::<Vec<_>>(), pattern));
            }
            _ => {}
        }
        let a = self.term(left)?;
        let b = if *right == Term::Nothing {
            V::Present
        } else {
            self.term(right)?
        };
        Ok(match (op, a, b) {
            (Op::IsTrue, V::Bool(a), _) => a,
            (Op::Equal, a, b) => a == b,
            (Op::Less, a, b) => a < b,
            (Op::LessEqual, a, b) => a <= b,
            (Op::Contains, V::Set(a), b) => a.contains(&b),
            (Op::ContainsAll, V::Set(a), V::Set(b)) => b.is_subset(&a),
            (Op::ContainsAny, V::Set(a), V::Set(b)) => !a.is_disjoint(&b),
            (Op::IsEmpty, V::Set(a), _) => a.is_empty(),
            (Op::IsIpv4, V::Ip(a), _) => a.address.is_ipv4(),
            (Op::IsIpv6, V::Ip(a), _) => a.address.is_ipv6(),
            (Op::IsLoopback, V::Ip(a), _) => {
                a.address.is_loopback() && a.prefix >= if a.address.is_ipv4() { 8 } else { 128 }
            }
            (Op::IsMulticast, V::Ip(a), _) => {
                a.address.is_multicast() && a.prefix >= if a.address.is_ipv4() { 4 } else { 8 }
            }
            (Op::IsInRange, V::Ip(a), V::Ip(b)) => {
                let bits = |ip: &IpNet| match ip.address {
                    std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, true),
                    std::net::IpAddr::V6(v6) => (u128::from(v6), false),
                };
                let mask = u128::MAX.checked_shl(128 - u32::from(b.prefix)).unwrap_or(0);
                bits(&a).1 == bits(&b).1 && a.prefix >= b.prefix && bits(&a).0 & mask == bits(&b).0 & mask
            }
            other => panic!("{other:?}"),
        })
    }

    fn term(&self, term: &Term) -> Result<V, Errs> {
        Ok(match term {
            Term::Constant(constant) => value(constant),
            Term::Slot(slot) => match &self.slots[slot.0 as usize] {
                Held::Value(value) => value.clone(),
                Held::Absent | Held::Invalid => return Err(Errs),
            },
            Term::OnBehalfOf => V::Str(self.on_behalf_of.clone().ok_or(Errs)?),
            Term::Now => V::DateTime(self.now),
            Term::Calls => V::Int(self.calls),
            Term::Holding => V::Set([V::Str("customer-data".into())].into()),
            Term::Principal(Attribute::Agent) => V::Str("claude-code".into()),
            Term::Principal(Attribute::Team) => V::Str("payments".into()),
            Term::Principal(Attribute::Ring) => V::Int(1),
            Term::Principal(Attribute::Tag(_)) => V::Str(self.tier.clone().ok_or(Errs)?),
            Term::ResourceName => V::Str("repo:acme/pay".into()),
            Term::Set(terms) => V::Set(terms.iter().map(|term| self.term(term)).collect::<Result<_, _>>()?),
            Term::Apply(function, terms) => {
                let args: Vec<V> = terms.iter().map(|term| self.term(term)).collect::<Result<_, _>>()?;
                apply(*function, &args).ok_or(Errs)?
            }
            other => panic!("{other:?}"),
        })
    }
}

fn apply(function: Function, args: &[V]) -> Option<V> {
    const DAY: i64 = 86_400_000;
    Some(match (function, args) {
        (Function::Add, [V::Int(a), V::Int(b)]) => V::Int(a.checked_add(*b)?),
        (Function::Subtract, [V::Int(a), V::Int(b)]) => V::Int(a.checked_sub(*b)?),
        (Function::Multiply, [V::Int(a), V::Int(b)]) => V::Int(a.checked_mul(*b)?),
        (Function::Negate, [V::Int(a)]) => V::Int(a.checked_neg()?),
        (Function::Offset, [V::DateTime(a), V::Duration(b)]) => V::DateTime(a.checked_add(*b)?),
        (Function::DurationSince, [V::DateTime(a), V::DateTime(b)]) => V::Duration(a.checked_sub(*b)?),
        (Function::ToDate, [V::DateTime(a)]) => V::DateTime(a.checked_sub(a.rem_euclid(DAY))?),
        (Function::ToTime, [V::DateTime(a)]) => V::Duration(a.rem_euclid(DAY)),
        (Function::ToMilliseconds, [V::Duration(a)]) => V::Int(*a),
        (Function::ToSeconds, [V::Duration(a)]) => V::Int(a / 1000),
        (Function::ToMinutes, [V::Duration(a)]) => V::Int(a / 60_000),
        (Function::ToHours, [V::Duration(a)]) => V::Int(a / 3_600_000),
        (Function::ToDays, [V::Duration(a)]) => V::Int(a / DAY),
        (Function::Count, [V::Set(a)]) => V::Int(i64::try_from(a.len()).ok()?),
        other => panic!("{other:?}"),
    })
}

pub(super) fn value(constant: &Constant) -> V {
    match constant {
        Constant::Bool(v) => V::Bool(*v),
        Constant::Int(v) => V::Int(*v),
        Constant::Decimal(v) => V::Decimal(*v),
        Constant::DateTime(v) => V::DateTime(*v),
        Constant::Duration(v) => V::Duration(*v),
        Constant::String(v) => V::Str(v.clone()),
        Constant::Ip(v) => V::Ip(*v),
        Constant::Set(items) => V::Set(items.iter().map(value).collect()),
    }
}

fn like(subject: &[char], pattern: &[PatternPart]) -> bool {
    match pattern.split_first() {
        None => subject.is_empty(),
        Some((PatternPart::Literal(c), rest)) => subject.first() == Some(c) && like(&subject[1..], rest),
        Some((PatternPart::Any, rest)) => (0..=subject.len()).any(|n| like(&subject[n..], rest)),
    }
}
