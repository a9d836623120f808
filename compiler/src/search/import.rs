//! The guards of a table become diagrams of a [`Space`]: words become the tests that the compiler knows, so that the
//! guards of two tables, or a guard and a condition that was just lowered, can be compared. Knows nothing of cells.

use std::sync::Arc;

use polity_runtime::guard::{self, Fit, Guard, Side, constant, relation, resource};
use polity_runtime::table::{ClassId, Table, record};
use polity_runtime::value::{ANY, AUTOMATON, IpNet, SEGMENT, Slot};

use super::Space;
use crate::ir::{Constant, Field, Function, GlobPart, Op, PatternPart, Program, ResourcePart, Term, Test};
use crate::lower::rego::engine::constants;
use crate::table::diagram::{Diagram, TestId};
use crate::table::hash::HashMap;

/// A table and its guards as diagrams.
#[derive(Debug)]
pub struct Imported<'t> {
    /// The table.
    pub table: &'t Table,
    /// Of each node, its diagram where slots keep their numbers.
    guards: Vec<Diagram>,
    /// Of each node, what it tests.
    tested: Vec<TestId>,
    people: Constant,
    /// The classes that the table knows, where there are others.
    known: Option<Vec<Constant>>,
    programs: Vec<Arc<Program>>,
    tests: HashMap<[u32; 3], Test>,
    /// Diagrams of guards whose slots got other numbers, by the number of the renaming.
    renamed: HashMap<(u32, u32), Diagram>,
}

/// Which slots get other numbers: `None` for one that keeps its own.
pub type Names<'n> = &'n dyn Fn(Slot) -> Slot;

impl<'t> Imported<'t> {
    /// Brings every guard in. Gives `None` for a table with a test that this compiler does not know.
    pub fn new(table: &'t Table, space: &mut Space) -> Option<Self> {
        Self::beside(table, table, space)
    }

    /// The same of a table that is compared with another.
    pub fn beside(table: &'t Table, other: &Table, space: &mut Space) -> Option<Self> {
        let classes = names(table, &table.data().classes);
        let all_known = names(other, &other.data().classes)
            .iter()
            .all(|class| classes.contains(class));
        let mut imported = Self {
            table,
            guards: Vec::new(),
            tested: Vec::new(),
            people: Constant::Set(names(table, &table.data().people)),
            known: (!all_known).then_some(classes),
            programs: programs(table)?,
            tests: HashMap::default(),
            renamed: HashMap::default(),
        };
        let nodes = &table.data().nodes;
        let mut guards = vec![Diagram::ERROR; nodes.len()];
        let mut tested = Vec::with_capacity(nodes.len());
        let mut ids: HashMap<[u32; 3], TestId> = HashMap::default();
        // Edges lead forward, so children come first from the end.
        for (at, &[op, left, right, yes, no, error]) in nodes.iter().enumerate().rev() {
            let words = [op, left, right];
            let id = match ids.get(&words) {
                Some(id) => *id,
                None => {
                    let test = imported.test(words)?;
                    let id = space.diagrams.intern(&test);
                    ids.insert(words, id);
                    imported.tests.insert(words, test);
                    id
                }
            };
            tested.push(id);
            let of = |word: u32| child(&guards, Guard(word));
            let made = space.diagrams.node(id, of(yes), of(no), of(error));
            if let Some(place) = guards.get_mut(at) {
                *place = made;
            }
        }
        tested.reverse();
        imported.guards = guards;
        imported.tested = tested;
        space.settle();
        Some(imported)
    }

    /// A guard where slots keep their numbers.
    pub fn guard(&self, guard: u32) -> Diagram {
        child(&self.guards, Guard(guard))
    }

    /// What a node of the table tests.
    pub(crate) fn tested(&self, node: u32) -> Option<TestId> {
        self.tested.get(node as usize).copied()
    }

    /// A guard with its slots renumbered; `renaming` tells one renaming from another.
    pub fn renamed(&mut self, space: &mut Space, guard: u32, renaming: u32, names: Names<'_>) -> Diagram {
        let Some(at) = Guard(guard).leaf().is_none().then_some(guard) else {
            return child(&[], Guard(guard));
        };
        if let Some(made) = self.renamed.get(&(renaming, at)) {
            return *made;
        }
        let Some(&[op, left, right, yes, no, error]) = self.table.data().nodes.get(at as usize) else {
            return Diagram::ERROR;
        };
        let edges = [yes, no, error]
            .map(|edge| stacker::maybe_grow(64 << 10, 1 << 20, || self.renamed(space, edge, renaming, names)));
        let [yes, no, error] = edges;
        let Some(test) = self.tests.get(&[op, left, right]) else {
            return Diagram::ERROR;
        };
        let id = space.diagrams.intern(&rename(test, names));
        let made = space.diagrams.node(id, yes, no, error);
        self.renamed.insert((renaming, at), made);
        made
    }

    /// What a node tests.
    fn test(&self, words: [u32; 3]) -> Option<Test> {
        match guard::Test::decode(words)? {
            guard::Test::General(op, left, right) => self.general(op, left, right),
            guard::Test::Number {
                side,
                tag,
                relation,
                value,
            } => {
                let side = match side {
                    Side::Slot(slot) => Term::Slot(Slot(u16::try_from(slot).ok()?)),
                    Side::Surroundings => Term::Now,
                };
                number(side, relation, wide(tag, value)?)
            }
            guard::Test::Text {
                side,
                fit,
                start,
                length,
            } => {
                let side = match side {
                    Side::Slot(slot) => Term::Slot(Slot(u16::try_from(slot).ok()?)),
                    Side::Surroundings => Term::OnBehalfOf,
                };
                text(side, fit, self.text(start, length)?)
            }
            guard::Test::Among { side, first, count } => {
                let (pairs, []) = self.words(first, count.checked_mul(2)?)?.as_chunks::<2>() else {
                    return None;
                };
                let text = |[start, length]: &[u32; 2]| Some(Constant::String(self.text(*start, *length)?.to_owned()));
                let mut texts = pairs.iter().map(text).collect::<Option<Vec<_>>>()?;
                texts.sort_unstable();
                Some(Test {
                    op: Op::Contains,
                    left: Term::Constant(Constant::Set(texts)),
                    right: match side {
                        Side::Slot(slot) => Term::Slot(Slot(u16::try_from(slot).ok()?)),
                        Side::Surroundings => Term::OnBehalfOf,
                    },
                })
            }
            guard::Test::Resource { term, steps, count } => self.resource(term, steps, count),
        }
    }

    /// A test of two terms.
    fn general(&self, op: guard::Op, left: guard::Term, right: guard::Term) -> Option<Test> {
        let test = |op, left, right| Some(Test { op, left, right });
        match op {
            guard::Op::Holds => match right {
                guard::Term::Class(class) => {
                    let name = self.table.class_name(ClassId(class)).to_owned();
                    test(Op::Contains, Term::Holding, Term::Constant(Constant::String(name)))
                }
                _ => None,
            },
            // Whom the bundle knows differs from table to table: here it is a set like another.
            guard::Op::KnownPerson => test(Op::Contains, Term::Constant(self.people.clone()), self.term(left)?),
            guard::Op::Like | guard::Op::Glob => {
                let guard::Term::Pattern(at) = right else { return None };
                let words = self.pattern(at)?;
                if op == guard::Op::Like && words.first() == Some(&AUTOMATON) {
                    return test(Op::Like, self.term(left)?, Term::Regex(words.into()));
                }
                if op == guard::Op::Like {
                    return test(Op::Like, self.term(left)?, Term::Pattern(like(words)?));
                }
                let left = match left {
                    guard::Term::Slot(slot) => Term::Resource(vec![ResourcePart::Slot {
                        slot: Slot(u16::try_from(slot).ok()?),
                        folded: false,
                        free: false,
                    }]),
                    other => self.term(other)?,
                };
                test(Op::Glob, left, Term::Glob(glob(words)?))
            }
            other => Some(by_name(operator(other)?, self.term(left)?, self.term(right)?)),
        }
    }

    /// A resource against the glob that its steps come from.
    fn resource(&self, term: u32, steps: u32, count: u32) -> Option<Test> {
        let left = self.apply(term)?;
        let Term::Resource(template) = &left else { return None };
        let (steps, []) = self.words(steps, count.checked_mul(3)?)?.as_chunks::<3>() else {
            return None;
        };
        let steps = steps.iter().map(|words| guard::Step::decode(*words));
        let steps = steps.collect::<Option<Vec<_>>>()?;
        let test = |whole, left: &Term| {
            Some(Test {
                op: Op::Glob,
                left: left.clone(),
                right: Term::Glob(whole),
            })
        };
        if let Some(never) = steps.iter().find(|step| step.fit == Fit::Never) {
            return test(glob(self.words(never.start, never.length)?)?, &left);
        }
        let mut steps = steps.into_iter();
        let mut whole = Vec::new();
        for part in template {
            let ResourcePart::Slot { free, .. } = part else {
                if let ResourcePart::Literal(text) = part {
                    whole.extend(text.chars().map(GlobPart::Literal));
                }
                continue;
            };
            let step = steps.next()?;
            let star = if *free { GlobPart::Any } else { GlobPart::Segment };
            if step.fit == Fit::Pattern {
                whole.extend(glob(self.words(step.start, step.length)?)?);
                continue;
            }
            let letters = self.text(step.start, step.length)?.chars().map(GlobPart::Literal);
            match step.fit {
                Fit::Equal => whole.extend(letters),
                Fit::Prefix => whole.extend(letters.chain([star])),
                Fit::Suffix => whole.extend([star].into_iter().chain(letters)),
                Fit::Any | Fit::Pattern | Fit::Never => whole.push(star),
            }
        }
        test(whole, &left)
    }

    fn text(&self, start: u32, length: u32) -> Option<&'t str> {
        let start = start as usize;
        self.table
            .data()
            .string_text
            .get(start..start.checked_add(length as usize)?)
    }

    fn pattern(&self, at: u32) -> Option<&[u32]> {
        let words = &self.table.data().words;
        let length = *words.get(at as usize)? as usize;
        let first = at as usize + 1;
        words.get(first..first.checked_add(length)?)
    }

    fn words(&self, first: u32, count: u32) -> Option<&'t [u32]> {
        let first = first as usize;
        self.table.data().words.get(first..first.checked_add(count as usize)?)
    }

    fn term(&self, term: guard::Term) -> Option<Term> {
        Some(match term {
            guard::Term::Nothing => Term::Nothing,
            guard::Term::Constant(id) => Term::Constant(self.constant(id)?),
            guard::Term::Slot(slot) => Term::Slot(Slot(u16::try_from(slot).ok()?)),
            guard::Term::Now => Term::Now,
            guard::Term::Calls => Term::Calls,
            guard::Term::OnBehalfOf => Term::OnBehalfOf,
            // Which classes the bundle knows differs from table to table, and it sees no others.
            guard::Term::Holding => self.known.clone().map_or(Term::Holding, Term::Held),
            guard::Term::Apply(id) => self.apply(id)?,
            guard::Term::Program(id) => Term::Program(Arc::clone(self.programs.get(id as usize)?)),
            guard::Term::Pattern(_) | guard::Term::Class(_) => return None,
        })
    }

    fn apply(&self, id: u32) -> Option<Term> {
        let &[function, first, count] = self.table.data().terms.get(id as usize)?;
        let words = self.words(first, count)?;
        let operand = |word: &u32| match guard::Term::decode(*word)? {
            guard::Term::Apply(inner) if inner >= id => None,
            term => self.term(term),
        };
        let operands = || words.iter().map(operand).collect::<Option<Vec<_>>>();
        let function = guard::Function::from_word(function)?;
        Some(match function {
            guard::Function::Set => Term::Set(operands()?),
            guard::Function::List => Term::List(operands()?),
            guard::Function::Record => {
                let (fields, []) = words.as_chunks::<4>() else {
                    return None;
                };
                let field = |[key, flags, there, value]: &[u32; 4]| {
                    Some(Field {
                        name: self.table.string(*key).to_owned(),
                        optional: flags & guard::record::OPTIONAL != 0,
                        there: operand(there)?,
                        value: operand(value)?,
                    })
                };
                Term::Document(fields.iter().map(field).collect::<Option<_>>()?)
            }
            guard::Function::Resource => {
                let (pairs, []) = words.as_chunks::<2>() else {
                    return None;
                };
                let part = |&[flags, word]: &[u32; 2]| match guard::Term::decode(word)? {
                    guard::Term::Slot(slot) => Some(ResourcePart::Slot {
                        slot: Slot(u16::try_from(slot).ok()?),
                        folded: flags & resource::FOLDED != 0,
                        free: flags & resource::FREE != 0,
                    }),
                    guard::Term::Constant(id) => match self.constant(id)? {
                        Constant::String(text) => Some(ResourcePart::Literal(text)),
                        _ => None,
                    },
                    _ => None,
                };
                Term::Resource(pairs.iter().map(part).collect::<Option<_>>()?)
            }
            other => Term::Apply(named(other)?, operands()?),
        })
    }

    fn constant(&self, id: u32) -> Option<Constant> {
        let &[tag, a, b, c, d, e] = self.table.data().constants.get(id as usize)?;
        let value = (u64::from(a) | (u64::from(b) << 32)).cast_signed();
        Some(match tag {
            constant::BOOL => Constant::Bool(a != 0),
            constant::INT | constant::DECIMAL | constant::DATETIME | constant::DURATION => wide(tag, value)?,
            constant::STRING => Constant::String(self.table.string(a).to_owned()),
            constant::IPV4 => Constant::Ip(IpNet {
                address: std::net::Ipv4Addr::from(b).into(),
                prefix: u8::try_from(a).ok()?,
            }),
            constant::IPV6 => {
                let high = (u128::from(b) << 96) | (u128::from(c) << 64);
                let low = (u128::from(d) << 32) | u128::from(e);
                Constant::Ip(IpNet {
                    address: std::net::Ipv6Addr::from(high | low).into(),
                    prefix: u8::try_from(a).ok()?,
                })
            }
            constant::SET => {
                let elements = self.words(a, b)?.iter().filter(|inner| **inner < id);
                Constant::Set(elements.map(|inner| self.constant(*inner)).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

/// The programs of a table. Two tables are compared: equal programs are equal tests, wherever they came from.
fn programs(table: &Table) -> Option<Vec<Arc<Program>>> {
    let data = table.data();
    let bytes = |first: u32, length: u32| {
        let first = first as usize;
        data.program_bytes
            .get(first..first.checked_add(length as usize)?)
            .map(<[u8]>::to_vec)
    };
    let program = |r: &[u32; 5]| {
        use record::program as p;
        let code = bytes(r[p::CODE], r[p::CODE_LENGTH])?;
        let data = bytes(r[p::DATA], r[p::DATA_LENGTH])?;
        let constants = constants(&code);
        Some(Arc::new(Program::new(
            table.string(r[p::RULE]).to_owned(),
            code,
            data,
            constants,
        )))
    };
    data.programs.iter().map(program).collect()
}

/// What an edge leads to.
fn child(guards: &[Diagram], to: Guard) -> Diagram {
    match to {
        Guard::NO => Diagram::NO,
        Guard::YES => Diagram::YES,
        Guard::ERROR => Diagram::ERROR,
        Guard(at) => guards.get(at as usize).copied().unwrap_or(Diagram::ERROR),
    }
}

/// A test over other slots.
/// A test of two terms. One that asks for classes by name alone asks every table that knows them alike.
fn by_name(op: Op, left: Term, right: Term) -> Test {
    let known = |seen: &[Constant], named: &Constant| match named {
        Constant::Set(all) => all.iter().all(|class| seen.contains(class)),
        class => seen.contains(class),
    };
    let (left, right) = match (op, left, right) {
        (Op::Contains | Op::ContainsAll | Op::ContainsAny, Term::Held(seen), Term::Constant(named))
            if known(&seen, &named) =>
        {
            (Term::Holding, Term::Constant(named))
        }
        (Op::ContainsAny, Term::Constant(named), Term::Held(seen)) if known(&seen, &named) => {
            (Term::Constant(named), Term::Holding)
        }
        terms => (terms.1, terms.2),
    };
    Test { op, left, right }
}

/// The names in these records, sorted.
fn names(table: &Table, records: &[[u32; 1]]) -> Vec<Constant> {
    let name = |[name]: &[u32; 1]| Constant::String(table.string(*name).to_owned());
    let mut names: Vec<Constant> = records.iter().map(name).collect();
    names.sort();
    names
}

fn rename(test: &Test, names: Names<'_>) -> Test {
    Test {
        op: test.op,
        left: renamed(&test.left, names),
        right: renamed(&test.right, names),
    }
}

fn renamed(term: &Term, names: Names<'_>) -> Term {
    let all = |terms: &[Term]| terms.iter().map(|one| renamed(one, names)).collect();
    match term {
        Term::Slot(slot) => Term::Slot(names(*slot)),
        Term::Apply(function, operands) => Term::Apply(*function, all(operands)),
        Term::Set(elements) => Term::Set(all(elements)),
        Term::List(items) => Term::List(all(items)),
        Term::Document(fields) => {
            let field = |field: &Field| Field {
                there: renamed(&field.there, names),
                value: renamed(&field.value, names),
                ..field.clone()
            };
            Term::Document(fields.iter().map(field).collect())
        }
        Term::Resource(parts) => {
            let part = |part: &ResourcePart| match part {
                ResourcePart::Slot { slot, folded, free } => ResourcePart::Slot {
                    slot: names(*slot),
                    folded: *folded,
                    free: *free,
                },
                literal @ ResourcePart::Literal(_) => literal.clone(),
            };
            Term::Resource(parts.iter().map(part).collect())
        }
        other => other.clone(),
    }
}

fn like(words: &[u32]) -> Option<Vec<PatternPart>> {
    let part = |word: &u32| match *word {
        ANY => Some(PatternPart::Any),
        letter => char::from_u32(letter).map(PatternPart::Literal),
    };
    words.iter().map(part).collect()
}

fn glob(words: &[u32]) -> Option<Vec<GlobPart>> {
    let part = |word: &u32| match *word {
        ANY => Some(GlobPart::Any),
        SEGMENT => Some(GlobPart::Segment),
        letter => char::from_u32(letter).map(GlobPart::Literal),
    };
    words.iter().map(part).collect()
}

/// A constant of 64 bits.
fn wide(tag: u32, value: i64) -> Option<Constant> {
    Some(match tag {
        constant::INT => Constant::Int(value),
        constant::DECIMAL => Constant::Decimal(value),
        constant::DATETIME => Constant::DateTime(value),
        constant::DURATION => Constant::Duration(value),
        _ => return None,
    })
}

/// A number against a constant, as a condition says it.
fn number(side: Term, relation: u32, value: Constant) -> Option<Test> {
    use relation::{EQUAL, GREATER, LESS};
    let value = Term::Constant(value);
    let (op, left, right) = match relation {
        EQUAL => (Op::Equal, side, value),
        LESS => (Op::Less, side, value),
        GREATER => (Op::Less, value, side),
        _ if relation == LESS | EQUAL => (Op::LessEqual, side, value),
        _ if relation == GREATER | EQUAL => (Op::LessEqual, value, side),
        _ => return None,
    };
    Some(Test { op, left, right })
}

/// A string against a constant, as a condition says it.
fn text(side: Term, fit: Fit, text: &str) -> Option<Test> {
    let letters = text.chars().map(PatternPart::Literal);
    let (op, right) = match fit {
        Fit::Equal => (Op::Equal, Term::Constant(Constant::String(text.to_owned()))),
        Fit::Prefix => (Op::Like, Term::Pattern(letters.chain([PatternPart::Any]).collect())),
        Fit::Suffix => {
            let parts = [PatternPart::Any].into_iter().chain(letters);
            (Op::Like, Term::Pattern(parts.collect()))
        }
        Fit::Any | Fit::Pattern | Fit::Never => return None,
    };
    Some(Test { op, left: side, right })
}

fn operator(op: guard::Op) -> Option<Op> {
    Some(match op {
        guard::Op::Has => Op::Has,
        guard::Op::IsTrue => Op::IsTrue,
        guard::Op::Equal => Op::Equal,
        guard::Op::Less => Op::Less,
        guard::Op::LessEqual => Op::LessEqual,
        guard::Op::Contains => Op::Contains,
        guard::Op::ContainsAll => Op::ContainsAll,
        guard::Op::ContainsAny => Op::ContainsAny,
        guard::Op::IsEmpty => Op::IsEmpty,
        guard::Op::IsIpv4 => Op::IsIpv4,
        guard::Op::IsIpv6 => Op::IsIpv6,
        guard::Op::IsLoopback => Op::IsLoopback,
        guard::Op::IsMulticast => Op::IsMulticast,
        guard::Op::IsInRange => Op::IsInRange,
        guard::Op::Program => Op::Program,
        guard::Op::Like
        | guard::Op::Glob
        | guard::Op::Holds
        | guard::Op::KnownPerson
        | guard::Op::Number
        | guard::Op::Text
        | guard::Op::Resource
        | guard::Op::Among => return None,
    })
}

fn named(function: guard::Function) -> Option<Function> {
    Some(match function {
        guard::Function::Add => Function::Add,
        guard::Function::Subtract => Function::Subtract,
        guard::Function::Multiply => Function::Multiply,
        guard::Function::Negate => Function::Negate,
        guard::Function::Offset => Function::Offset,
        guard::Function::DurationSince => Function::DurationSince,
        guard::Function::ToDate => Function::ToDate,
        guard::Function::ToTime => Function::ToTime,
        guard::Function::ToMilliseconds => Function::ToMilliseconds,
        guard::Function::ToSeconds => Function::ToSeconds,
        guard::Function::ToMinutes => Function::ToMinutes,
        guard::Function::ToHours => Function::ToHours,
        guard::Function::ToDays => Function::ToDays,
        guard::Function::Count => Function::Count,
        guard::Function::Set | guard::Function::Resource | guard::Function::List | guard::Function::Record => {
            return None;
        }
    })
}
