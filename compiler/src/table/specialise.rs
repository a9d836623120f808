//! A condition for one class of calls: what agent, environment and action settle is settled here.

use polity_runtime::value::{Automaton, like};

use crate::ir::{Answer, Attribute, Condition, Constant, Entity, Field, Op, PatternPart, Term, Test};
use crate::resolve::Resource;

/// What is known of the calls of a class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    /// `payments/claude-code`
    pub deployment: &'k str,
    pub agent: &'k str,
    pub team: &'k str,
    pub ring: &'k str,
    pub ring_level: i64,
    pub tags: &'k [(String, String)],
    pub environment: &'k str,
    /// What the action may be called: its name, its name without the variant, its tool, its effect, `external`.
    pub action: &'k [String],
}

/// The condition with everything known put in. `resource` stands for `resource.name`.
pub(super) fn specialise(condition: &Condition, known: &Known<'_>, resource: Option<&Resource>) -> Condition {
    let of = |inner: &Condition| specialise(inner, known, resource);
    match condition {
        Condition::Constant(answer) => Condition::Constant(*answer),
        Condition::Test(test) => settle(test, known, resource),
        Condition::Not(inner) => match of(inner) {
            Condition::Constant(Answer::Yes) => Condition::Constant(Answer::No),
            Condition::Constant(Answer::No) => Condition::Constant(Answer::Yes),
            other => Condition::Not(Box::new(other)),
        },
        Condition::And(left, right) => match of(left) {
            Condition::Constant(Answer::Yes) => of(right),
            settled @ Condition::Constant(_) => settled,
            left => Condition::And(Box::new(left), Box::new(of(right))),
        },
        Condition::Or(left, right) => match of(left) {
            Condition::Constant(Answer::No) => of(right),
            settled @ Condition::Constant(_) => settled,
            left => Condition::Or(Box::new(left), Box::new(of(right))),
        },
        Condition::ErrorIsNo(inner) => match of(inner) {
            Condition::Constant(Answer::Error) => Condition::Constant(Answer::No),
            settled @ Condition::Constant(_) => settled,
            inner => Condition::ErrorIsNo(Box::new(inner)),
        },
        Condition::If(test, then, otherwise) => match of(test) {
            Condition::Constant(Answer::Yes) => of(then),
            Condition::Constant(Answer::No) => of(otherwise),
            settled @ Condition::Constant(Answer::Error) => settled,
            test => Condition::If(Box::new(test), Box::new(of(then)), Box::new(of(otherwise))),
        },
    }
}

fn settle(test: &Test, known: &Known<'_>, resource: Option<&Resource>) -> Condition {
    let answer = |yes: bool| Condition::Constant(if yes { Answer::Yes } else { Answer::No });
    match (test.op, &test.left, &test.right) {
        (Op::PrincipalIn, _, Term::Entity(entity)) => {
            return answer(match entity {
                Entity::Deployment(name) => name == known.deployment,
                Entity::Agent(name) => name == known.agent,
                Entity::Team(name) => name == known.team,
                Entity::Ring(name) => name == known.ring,
                Entity::Environment(_) | Entity::Action(_) | Entity::Resource(_) => false,
            });
        }
        (Op::ActionIn, _, Term::Entity(entity)) => {
            return answer(matches!(entity, Entity::Action(name) if known.action.contains(name)));
        }
        (Op::ResourceIn, _, Term::Entity(entity)) => {
            return answer(matches!(entity, Entity::Environment(name) if name == known.environment));
        }
        (Op::Has, Term::Principal(Attribute::Tag(key)), _) => return answer(known.tags.iter().any(|(k, _)| k == key)),
        _ => {}
    }
    let (Some(left), Some(right)) = (term(&test.left, known, resource), term(&test.right, known, resource)) else {
        return Condition::Constant(Answer::Error);
    };
    match constants(test.op, &left, &right) {
        Some(yes) => answer(yes),
        None => Condition::Test(Test {
            op: test.op,
            left,
            right,
        }),
    }
}

/// A term with what is known put in; `None` where reading it errs for every call of the class.
fn term(written: &Term, known: &Known<'_>, resource: Option<&Resource>) -> Option<Term> {
    let all = |terms: &[Term]| {
        terms
            .iter()
            .map(|one| term(one, known, resource))
            .collect::<Option<Vec<_>>>()
    };
    let string = |text: &str| Some(Term::Constant(Constant::String(text.to_owned())));
    match written {
        Term::Principal(attribute) => match attribute {
            Attribute::Agent => string(known.agent),
            Attribute::Team => string(known.team),
            Attribute::Deployment => string(known.deployment),
            Attribute::Ring => Some(Term::Constant(Constant::Int(known.ring_level))),
            Attribute::Tag(key) => known
                .tags
                .iter()
                .find(|(k, _)| k == key)
                .and_then(|(_, value)| string(value)),
            Attribute::RingName => string(known.ring),
            Attribute::Tags => Some(Term::Document(
                known
                    .tags
                    .iter()
                    .map(|(name, value)| Field {
                        name: name.clone(),
                        optional: false,
                        there: Term::Nothing,
                        value: Term::Constant(Constant::String(value.clone())),
                    })
                    .collect(),
            )),
        },
        Term::Environment => string(known.environment),
        Term::Document(fields) => {
            let field = |field: &Field| {
                Some(Field {
                    value: term(&field.value, known, resource)?,
                    ..field.clone()
                })
            };
            Some(Term::Document(fields.iter().map(field).collect::<Option<_>>()?))
        }
        Term::List(items) => Some(Term::List(all(items)?)),
        Term::ResourceName => resource.map(|resource| Term::Resource(resource.parts.clone())),
        Term::Apply(function, operands) => Some(Term::Apply(*function, all(operands)?)),
        Term::Set(elements) => {
            let elements = all(elements)?;
            let constant = |term: &Term| {
                if let Term::Constant(value) = term {
                    Some(value.clone())
                } else {
                    None
                }
            };
            Some(match elements.iter().map(constant).collect::<Option<Vec<_>>>() {
                Some(mut values) => {
                    values.sort();
                    values.dedup();
                    Term::Constant(Constant::Set(values))
                }
                None => Term::Set(elements),
            })
        }
        other => Some(other.clone()),
    }
}

/// What a test between constants comes to; `None` where the call is needed after all.
pub(crate) fn constants(op: Op, left: &Term, right: &Term) -> Option<bool> {
    let Term::Constant(left) = left else { return None };
    if let (Op::Like, Constant::String(text), Term::Pattern(parts)) = (op, left, right) {
        return Some(like(text, &pattern(parts)));
    }
    if let (Op::Like, Constant::String(text), Term::Regex(words)) = (op, left, right) {
        return Automaton::new(words)?.takes(text);
    }
    if op == Op::IsTrue {
        return if let Constant::Bool(value) = left {
            Some(*value)
        } else {
            None
        };
    }
    if op == Op::IsEmpty {
        return if let Constant::Set(values) = left {
            Some(values.is_empty())
        } else {
            None
        };
    }
    let Term::Constant(right) = right else { return None };
    let ordered = || match (left, right) {
        (Constant::Int(a), Constant::Int(b))
        | (Constant::Decimal(a), Constant::Decimal(b))
        | (Constant::DateTime(a), Constant::DateTime(b))
        | (Constant::Duration(a), Constant::Duration(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match (op, left, right) {
        (Op::Equal, _, _) => Some(left == right),
        (Op::Less, _, _) => ordered().map(|order| order.is_lt()),
        (Op::LessEqual, _, _) => ordered().map(|order| order.is_le()),
        (Op::Contains, Constant::Set(set), element) => Some(set.contains(element)),
        (Op::ContainsAll, Constant::Set(set), Constant::Set(of)) => {
            Some(of.iter().all(|element| set.contains(element)))
        }
        (Op::ContainsAny, Constant::Set(set), Constant::Set(of)) => {
            Some(of.iter().any(|element| set.contains(element)))
        }
        _ => None,
    }
}

/// A pattern as the runtime reads it.
pub(super) fn pattern(parts: &[PatternPart]) -> Vec<u32> {
    let part = |part: &PatternPart| match part {
        PatternPart::Literal(letter) => u32::from(*letter),
        PatternPart::Any => polity_runtime::value::ANY,
    };
    parts.iter().map(part).collect()
}

/// Whether a condition looks at nothing but the call: what it comes to is the same for every class.
pub(crate) fn is_of_call(condition: &Condition) -> bool {
    let mut mentions = Mentions::default();
    mentions.add(condition);
    mentions == Mentions::default()
}

/// What of the class a condition looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    pub deployment: bool,
    pub agent: bool,
    pub team: bool,
    pub ring: bool,
    pub tags: bool,
    pub environment: bool,
    pub action: bool,
    pub resource: bool,
}

impl Mentions {
    /// Whether it looks at who calls, or where.
    pub(super) fn caller(self) -> bool {
        self.deployment || self.agent || self.team || self.ring || self.tags || self.environment
    }

    /// Adds what a condition looks at.
    pub(super) fn add(&mut self, condition: &Condition) {
        match condition {
            Condition::Constant(_) => {}
            Condition::Test(test) => {
                match (test.op, &test.right) {
                    (Op::PrincipalIn, Term::Entity(entity)) => match entity {
                        Entity::Agent(_) => self.agent = true,
                        Entity::Team(_) => self.team = true,
                        Entity::Ring(_) => self.ring = true,
                        _ => self.deployment = true,
                    },
                    (Op::ActionIn, _) => self.action = true,
                    (Op::ResourceIn, _) => self.environment = true,
                    _ => {}
                }
                self.term(&test.left);
                self.term(&test.right);
            }
            Condition::Not(inner) | Condition::ErrorIsNo(inner) => self.add(inner),
            Condition::And(a, b) | Condition::Or(a, b) => {
                self.add(a);
                self.add(b);
            }
            Condition::If(c, a, b) => {
                self.add(c);
                self.add(a);
                self.add(b);
            }
        }
    }

    fn term(&mut self, term: &Term) {
        match term {
            Term::Principal(Attribute::Agent) => self.agent = true,
            Term::Principal(Attribute::Team) => self.team = true,
            Term::Principal(Attribute::Ring | Attribute::RingName) => self.ring = true,
            Term::Principal(Attribute::Deployment) => self.deployment = true,
            Term::Principal(Attribute::Tag(_) | Attribute::Tags) => self.tags = true,
            Term::Environment => self.environment = true,
            Term::ResourceName => {
                self.resource = true;
                self.action = true;
            }
            Term::Apply(_, terms) | Term::Set(terms) | Term::List(terms) => {
                terms.iter().for_each(|inner| self.term(inner));
            }
            Term::Document(fields) => fields.iter().for_each(|field| self.term(&field.value)),
            _ => {}
        }
    }
}
