//! Guards: the condition of one rule as an ordered, reduced diagram, and its evaluation.
//!
//! A node tests one thing about the call and has three edges: yes, no, error. The leaves are the same three answers.
//! Edges only lead forward in the array, so evaluation ends after at most as many steps as there are nodes; terms
//! refer only backwards, so they have a bounded depth. The arrays come from [`Table`]; nothing here knows of rules.

mod operand;
mod quick;
mod term;
mod test;

use crate::rego::ProgramBlame;
use crate::session::ClassSet;
use crate::table::Table;
use crate::value::{AUTOMATON, Automaton, Fault, Value};
#[cfg(feature = "rego")]
pub(crate) use operand::Operand;
#[cfg(not(feature = "rego"))]
use operand::Operand;
#[cfg(feature = "rego")]
pub(crate) use term::read;
pub use test::{Fit, Side, Step, Test, in_order, relation};

/// Where a guard starts: a node, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guard(pub u32);

impl Guard {
    /// Holds for no call.
    pub const NO: Self = Self(u32::MAX - 2);
    /// Holds for every call.
    pub const YES: Self = Self(u32::MAX - 1);
    /// Cannot be evaluated for any call.
    pub const ERROR: Self = Self(u32::MAX);

    /// The leaf that this is, if it is one.
    #[inline]
    pub fn leaf(self) -> Option<Answer> {
        // The three are the last numbers that there are.
        match self.0.checked_sub(Self::NO.0)? {
            0 => Some(Answer::No),
            1 => Some(Answer::Yes),
            _ => Some(Answer::Error),
        }
    }
}

/// What a guard comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "three answers")]
pub enum Answer {
    No,
    Yes,
    Error,
}

/// A node: `[head, a, b, yes, no, error]`. The first three words are a [`Test`].
pub type Node = [u32; 6];

/// What a node tests. The numbers are part of the bundle's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Op {
    /// The left term is present, whatever its type.
    Has = 0,
    /// The left term is a boolean, and true.
    IsTrue = 1,
    /// Two values of one type are equal.
    Equal = 2,
    /// `left < right`.
    Less = 3,
    /// `left <= right`.
    LessEqual = 4,
    /// The left string matches the pattern on the right.
    Like = 5,
    /// The left set has the right element.
    Contains = 6,
    /// The left set has every element of the right one.
    ContainsAll = 7,
    /// The left set has some element of the right one.
    ContainsAny = 8,
    /// The left set is empty.
    IsEmpty = 9,
    /// Of an address or range.
    IsIpv4 = 10,
    /// Of an address or range.
    IsIpv6 = 11,
    /// Of an address or range.
    IsLoopback = 12,
    /// Of an address or range.
    IsMulticast = 13,
    /// The left range lies within the right one.
    IsInRange = 14,
    /// The left resource matches the glob on the right.
    Glob = 15,
    /// The session holds the class on the right; the left is [`Term::Nothing`].
    Holds = 16,
    /// The left string names a person whom the table knows.
    KnownPerson = 17,
    /// The program on the left says yes of the document on the right.
    Program = 18,
    /// [`Test::Number`].
    Number = 19,
    /// [`Test::Text`].
    Text = 20,
    /// [`Test::Resource`].
    Resource = 21,
    /// [`Test::Among`].
    Among = 22,
}

impl Op {
    /// All of them, each at its number.
    pub const ALL: [Self; 23] = [
        Self::Has,
        Self::IsTrue,
        Self::Equal,
        Self::Less,
        Self::LessEqual,
        Self::Like,
        Self::Contains,
        Self::ContainsAll,
        Self::ContainsAny,
        Self::IsEmpty,
        Self::IsIpv4,
        Self::IsIpv6,
        Self::IsLoopback,
        Self::IsMulticast,
        Self::IsInRange,
        Self::Glob,
        Self::Holds,
        Self::KnownPerson,
        Self::Program,
        Self::Number,
        Self::Text,
        Self::Resource,
        Self::Among,
    ];

    /// From its number.
    #[inline]
    pub fn from_word(word: u32) -> Option<Self> {
        Self::ALL.get(word as usize).copied()
    }
}

/// A reference to a term: the kind in the top four bits, and an index in the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kinds are described in `encode`")]
pub enum Term {
    Nothing,
    /// Of `constants`.
    Constant(u32),
    /// Of the call's arguments.
    Slot(u32),
    Now,
    Calls,
    OnBehalfOf,
    /// The set of the names of the classes that the session holds.
    Holding,
    /// Of `terms`: a function.
    Apply(u32),
    /// A pattern in `words`: its length, then its characters.
    Pattern(u32),
    /// A data class, on the right of [`Op::Holds`].
    Class(u32),
    /// Of `programs`, on the left of [`Op::Program`].
    Program(u32),
}

impl Term {
    /// The largest index that a reference can carry.
    pub const MAX_INDEX: u32 = (1 << 28) - 1;

    /// To a word. An index above [`Self::MAX_INDEX`] gives `None`.
    pub fn encode(self) -> Option<u32> {
        let (kind, index) = match self {
            Self::Nothing => (0, 0),
            Self::Constant(index) => (1, index),
            Self::Slot(index) => (2, index),
            Self::Now => (3, 0),
            Self::Calls => (3, 1),
            Self::OnBehalfOf => (3, 2),
            Self::Holding => (3, 3),
            Self::Apply(index) => (4, index),
            Self::Pattern(index) => (5, index),
            Self::Class(index) => (6, index),
            Self::Program(index) => (7, index),
        };
        (index <= Self::MAX_INDEX).then_some((kind << 28) | index)
    }

    /// From a word.
    #[inline]
    pub fn decode(word: u32) -> Option<Self> {
        let index = word & Self::MAX_INDEX;
        Some(match (word >> 28, index) {
            (0, 0) => Self::Nothing,
            (1, _) => Self::Constant(index),
            (2, _) => Self::Slot(index),
            (3, 0) => Self::Now,
            (3, 1) => Self::Calls,
            (3, 2) => Self::OnBehalfOf,
            (3, 3) => Self::Holding,
            (4, _) => Self::Apply(index),
            (5, _) => Self::Pattern(index),
            (6, _) => Self::Class(index),
            (7, _) => Self::Program(index),
            _ => return None,
        })
    }
}

/// A function of `terms`: `[function, first operand in words, how many]`. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "Cedar's functions of the same names")]
pub enum Function {
    Add = 0,
    Subtract = 1,
    Multiply = 2,
    Negate = 3,
    Offset = 4,
    DurationSince = 5,
    ToDate = 6,
    ToTime = 7,
    ToMilliseconds = 8,
    ToSeconds = 9,
    ToMinutes = 10,
    ToHours = 11,
    ToDays = 12,
    /// A set of its operands.
    Set = 13,
    /// A resource: literals and slots put together; a slot errs unless it is safe beside others.
    Resource = 14,
    /// Its operands in order: a list in a document.
    List = 15,
    /// A document, or an object in one: of each field its key, how it is put in, what tells whether it is there, and
    /// its value. Only [`Op::Program`] looks at it.
    Record = 16,
    /// How many elements a set has: one among the arguments, or [`Term::Holding`].
    Count = 17,
}

impl Function {
    /// All of them, each at its number.
    pub const ALL: [Self; 18] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Negate,
        Self::Offset,
        Self::DurationSince,
        Self::ToDate,
        Self::ToTime,
        Self::ToMilliseconds,
        Self::ToSeconds,
        Self::ToMinutes,
        Self::ToHours,
        Self::ToDays,
        Self::Set,
        Self::Resource,
        Self::List,
        Self::Record,
        Self::Count,
    ];

    /// From its number.
    #[inline]
    pub fn from_word(word: u32) -> Option<Self> {
        Self::ALL.get(word as usize).copied()
    }
}

/// A constant: `[tag, a, b, c, d, e]`. The numbers are part of the format.
pub mod constant {
    /// `a` is 0 or 1.
    pub const BOOL: u32 = 0;
    /// `a`, `b`: the value, low word first. So are the next three.
    pub const INT: u32 = 1;
    /// Ten-thousandths.
    pub const DECIMAL: u32 = 2;
    /// Milliseconds since 1970.
    pub const DATETIME: u32 = 3;
    /// Milliseconds.
    pub const DURATION: u32 = 4;
    /// `a` is a string; `b` its first byte in the text, and `c` how many, so that it is reached in one step.
    pub const STRING: u32 = 5;
    /// `a` the prefix, `b` the address.
    pub const IPV4: u32 = 6;
    /// `a` the prefix, `b` to `e` the address, highest word first.
    pub const IPV6: u32 = 7;
    /// `a` the first of its elements in `words`, `b` how many: constants, sorted by value, no sets.
    pub const SET: u32 = 8;
}

/// In resource terms, how a slot is put in. Bits of the word before each operand.
pub mod resource {
    /// The operand is compared without regard to case.
    pub const FOLDED: u32 = 1;
    /// The operand may hold anything: it stands alone, or it is a path.
    pub const FREE: u32 = 2;
}

/// In records, how a field is put in. Bits of the word after its key.
pub mod record {
    /// It is left out where it is absent; else that errs.
    pub const OPTIONAL: u32 = 1;
}

/// Everything that a guard can look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'c> {
    /// The arguments.
    pub(crate) slots: &'c [Value<'c>],
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    /// Calls that the session made.
    pub(crate) calls: i64,
    /// What the session holds.
    pub(crate) holding: &'c ClassSet,
    /// For whom the agent works.
    pub(crate) on_behalf_of: Option<&'c str>,
}

/// Sees each test of an evaluation. [`Silent`] costs nothing.
pub trait Trace {
    /// A node was tested, with this answer; a fault says why it erred, and which slot was to blame if one was.
    fn test(&mut self, node: u32, answer: Answer, fault: Option<Blame>);
}

/// Sees nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Trace for Silent {
    #[inline]
    fn test(&mut self, _: u32, _: Answer, _: Option<Blame>) {}
}

/// Why a test erred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// An argument is missing.
    Missing(u32),
    /// An argument cannot be read.
    Argument(u32, Fault),
    /// The request says for nobody that the agent works, or for somebody unknown.
    OnBehalfOf,
    /// A calculation left its range.
    Overflow,
    /// A placeholder's value must not stand in a resource.
    Resource(u32),
    /// A Rego program failed.
    Program(ProgramBlame),
    /// The table is at fault; it cannot happen with a checked one.
    Table,
}

/// Walks a guard to its leaf. Many are a leaf already.
#[inline(always)]
pub(crate) fn evaluate<T: Trace>(table: &Table, guard: Guard, call: &Call<'_>, trace: &mut T) -> Answer {
    match guard.leaf() {
        Some(answer) => answer,
        None => walk(table, guard, call, trace),
    }
}

fn walk<T: Trace>(table: &Table, guard: Guard, call: &Call<'_>, trace: &mut T) -> Answer {
    const HAS: u32 = Op::Has as u32;
    const HOLDS: u32 = Op::Holds as u32;
    const NUMBER: u32 = Op::Number as u32;
    const TEXT: u32 = Op::Text as u32;
    const RESOURCE: u32 = Op::Resource as u32;
    const AMONG: u32 = Op::Among as u32;
    let nodes = table.data().nodes.as_slice();
    let Guard(mut at) = guard;
    while let Some(node) = nodes.get(at as usize) {
        let [head, _, _, yes, no, error] = *node;
        // What most conditions ask is answered from the node and the slot alone.
        let answer = match test::op(head) {
            NUMBER => quick::number(node, call),
            TEXT => quick::text(node, table, call),
            RESOURCE => quick::resource(node, table, call),
            AMONG => quick::among(node, table, call),
            HAS => quick::has(node, call),
            HOLDS => quick::holds(node, call),
            _ => general(node, table, call),
        };
        let next = match answer {
            Ok(true) => {
                trace.test(at, Answer::Yes, None);
                yes
            }
            Ok(false) => {
                trace.test(at, Answer::No, None);
                no
            }
            Err(blame) => {
                trace.test(at, Answer::Error, Some(blame));
                error
            }
        };
        // Edges lead forward: the table was checked, and this keeps the walk finite even if it had not been.
        if next <= at {
            return Answer::Error;
        }
        at = next;
    }
    // What is not a node is a leaf, one of the last three numbers that there are.
    match at.wrapping_sub(Guard::NO.0) {
        0 => Answer::No,
        1 => Answer::Yes,
        _ => Answer::Error,
    }
}

/// A test of two terms.
fn general(&[op, left, right, ..]: &Node, table: &Table, call: &Call<'_>) -> Result<bool, Blame> {
    let op = Op::from_word(op).ok_or(Blame::Table)?;
    let left = Term::decode(left).ok_or(Blame::Table)?;
    let right = Term::decode(right).ok_or(Blame::Table)?;
    match op {
        // That a term equals itself says that it can be read: the one thing that can be asked of a record as a whole.
        Op::Equal if left == right => readable(table, left, call),
        Op::Equal => Ok(term::read(table, left, call)?.equals(table, &term::read(table, right, call)?)),
        Op::Less => term::read(table, left, call)?.less(&term::read(table, right, call)?),
        Op::LessEqual => term::read(table, right, call)?
            .less(&term::read(table, left, call)?)
            .map(|greater| !greater),
        Op::IsTrue => match term::read(table, left, call)? {
            Operand::Bool(value) => Ok(value),
            _ => Err(Blame::Table),
        },
        Op::Like => {
            let Term::Pattern(at) = right else {
                return Err(Blame::Table);
            };
            let pattern = term::pattern(table, at);
            let automaton = matches!(pattern, [AUTOMATON, ..]);
            if let (Term::Apply(id), false) = (left, automaton) {
                return term::like(table, id, pattern, call);
            }
            let Operand::Str(text) = term::read(table, left, call)? else {
                return Err(Blame::Table);
            };
            if automaton {
                let automaton = Automaton::new(pattern).ok_or(Blame::Table)?;
                automaton.takes(&text).ok_or(Blame::Table)
            } else {
                Ok(crate::value::like(&text, pattern))
            }
        }
        Op::Contains => term::read(table, left, call)?.contains(table, &term::read(table, right, call)?),
        Op::ContainsAll => {
            let (set, of) = (term::read(table, left, call)?, term::read(table, right, call)?);
            of.any(table, |e| Ok(!set.contains(table, e)?)).map(|lacking| !lacking)
        }
        Op::ContainsAny => {
            let (set, of) = (term::read(table, left, call)?, term::read(table, right, call)?);
            of.any(table, |e| set.contains(table, e))
        }
        Op::IsEmpty => term::read(table, left, call)?.is_empty(),
        Op::IsIpv4 => Ok(term::read(table, left, call)?.ip()?.address.is_ipv4()),
        Op::IsIpv6 => Ok(term::read(table, left, call)?.ip()?.address.is_ipv6()),
        Op::IsLoopback => Ok(term::read(table, left, call)?.ip()?.is_loopback()),
        Op::IsMulticast => Ok(term::read(table, left, call)?.ip()?.is_multicast()),
        Op::IsInRange => {
            let inner = term::read(table, left, call)?.ip()?;
            Ok(inner.is_in_range(&term::read(table, right, call)?.ip()?))
        }
        Op::Glob => match right {
            Term::Pattern(at) => term::glob(table, left, term::pattern(table, at), call),
            _ => Err(Blame::Table),
        },
        Op::KnownPerson => match term::read(table, left, call)? {
            Operand::Str(name) => Ok(table.knows_person(&name)),
            _ => Err(Blame::Table),
        },
        Op::Has | Op::Holds | Op::Number | Op::Text | Op::Resource | Op::Among => Err(Blame::Table),
        #[cfg(feature = "rego")]
        Op::Program => crate::rego::ask(table, left, right, call),
        // No table with such a node loads.
        #[cfg(not(feature = "rego"))]
        Op::Program => Err(Blame::Table),
    }
}

/// Whether a term can be read: yes, or the error of reading it.
fn readable(table: &Table, term: Term, call: &Call<'_>) -> Result<bool, Blame> {
    match term {
        Term::Slot(slot) if call.slots.get(slot as usize) == Some(&Value::Present) => Ok(true),
        _ => term::read(table, term, call).map(|_| true),
    }
}
