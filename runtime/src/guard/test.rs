//! What a node tests: three words in, the test that they spell out, and back. Evaluating one is not done here.
//!
//! Most tests compare one slot with a constant. Those stand whole in their node, so that answering takes the node and
//! the slot; all others name two terms.

use std::cmp::Ordering;

use super::{Op, Term, constant};

/// What a node tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// An operator over two terms: `[op, left, right]`.
    General(Op, Term, Term),
    /// A number, moment or span against a constant: `[head, low word, high word]`.
    Number {
        /// What is compared: a slot, or the time.
        side: Side,
        /// Which of [`constant`]'s four 64-bit types both are.
        tag: u32,
        /// How the side must stand to the constant: bits of [`relation`].
        relation: u32,
        /// The constant.
        value: i64,
    },
    /// A string against a constant: `[head, first byte in the text, how many]`.
    Text {
        /// What is compared: a slot, or for whom the agent works.
        side: Side,
        /// How: as [`Fit::of_text`] allows.
        fit: Fit,
        /// The constant's first byte in the table's text.
        start: u32,
        /// How many bytes.
        length: u32,
    },
    /// A string among constants: `[head, first pair in words, how many]`.
    Among {
        /// What is looked for: a slot, or for whom the agent works.
        side: Side,
        /// Where the pairs begin in `words`: of each constant its first byte in the table's text, and how many. The
        /// shortest come first, those of one length in the order of their bytes.
        first: u32,
        /// How many constants; at least one.
        count: u32,
    },
    /// A resource against a glob that falls into one [`Step`] for each slot of the resource, and agrees with its
    /// literals: `[head, term, first step in words]`.
    Resource {
        /// The term, a [`Function::Resource`](super::Function::Resource).
        term: u32,
        /// Where the steps begin in `words`, three each.
        steps: u32,
        /// How many.
        count: u32,
    },
}

/// What is compared with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// An argument.
    Slot(u32),
    /// The one thing of its type that is no argument: of numbers the time, of strings for whom the agent works.
    Surroundings,
}

/// How a string stands to a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Fit {
    /// It is the constant.
    Equal = 0,
    /// It begins with it.
    Prefix = 1,
    /// It ends with it.
    Suffix = 2,
    /// It is any that can be read.
    Any = 3,
    /// It matches a glob in `words`.
    Pattern = 4,
    /// It never does: the glob of the whole resource, which is in `words`, contradicts a literal.
    Never = 5,
}

impl Fit {
    /// Whether it is about a text alone, and needs no glob.
    pub fn of_text(self) -> bool {
        matches!(self, Self::Equal | Self::Prefix | Self::Suffix)
    }
}

/// The order of the constants of [`Test::Among`]: by length, then by bytes.
#[inline]
pub fn in_order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// How a number stands to a constant, a bit each.
pub mod relation {
    /// It is less.
    pub const LESS: u32 = 1;
    /// It is equal.
    pub const EQUAL: u32 = 2;
    /// It is greater.
    pub const GREATER: u32 = 4;
}

/// How one slot of a resource stands to its part of the glob: `[head, a, b]` in `words`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The slot.
    pub slot: u32,
    /// It may hold anything: it stands alone, or it is a path.
    pub free: bool,
    /// How it must stand.
    pub fit: Fit,
    /// The first byte in the table's text, or the first word of the glob in `words`.
    pub start: u32,
    /// How many.
    pub length: u32,
}

const TAG: u32 = 8;
const RELATION: u32 = 12;
const SURROUNDINGS: u32 = 1 << 15;
const FREE: u32 = 1 << 12;
const SLOT: u32 = 16;

/// The operator's number.
#[inline]
pub(super) fn op(head: u32) -> u32 {
    head & 0xff
}

/// The slot, where the side is one.
#[inline]
pub(super) fn slot(head: u32) -> Option<usize> {
    (head & SURROUNDINGS == 0).then_some((head >> SLOT) as usize)
}

/// The tag of a number's type.
#[inline]
pub(super) fn tag(head: u32) -> u32 {
    head >> TAG & 0xf
}

/// The relation that a number is to have.
#[inline]
pub(super) fn relation_of(head: u32) -> u32 {
    head >> RELATION & 7
}

/// How a string is to stand to its constant; what is not known fits nothing.
#[inline]
pub(super) fn fit(head: u32) -> Option<Fit> {
    Some(match head >> TAG & 0xf {
        0 => Fit::Equal,
        1 => Fit::Prefix,
        2 => Fit::Suffix,
        3 => Fit::Any,
        4 => Fit::Pattern,
        5 => Fit::Never,
        _ => return None,
    })
}

/// Whether a step's slot may hold anything.
#[inline]
pub(super) fn is_free(head: u32) -> bool {
    head & FREE != 0
}

impl Side {
    fn encode(self) -> Option<u32> {
        match self {
            Self::Slot(slot) => Some(u32::from(u16::try_from(slot).ok()?) << SLOT),
            Self::Surroundings => Some(SURROUNDINGS),
        }
    }

    fn decode(head: u32) -> Option<Self> {
        match (head & SURROUNDINGS, head >> SLOT) {
            (0, slot) => Some(Self::Slot(slot)),
            (_, 0) => Some(Self::Surroundings),
            _ => None,
        }
    }
}

impl Test {
    /// To the first three words of a node. `None` where a part does not fit its place.
    pub fn encode(self) -> Option<[u32; 3]> {
        Some(match self {
            Self::General(op, left, right) => [op as u32, left.encode()?, right.encode()?],
            Self::Number {
                side,
                tag,
                relation,
                value,
            } => {
                let [low, high] = crate::table::split(value);
                let how = (tag & 0xf) << TAG | (relation & 7) << RELATION;
                [Op::Number as u32 | how | side.encode()?, low, high]
            }
            Self::Text {
                side,
                fit,
                start,
                length,
            } => [Op::Text as u32 | (fit as u32) << TAG | side.encode()?, start, length],
            Self::Among { side, first, count } => [Op::Among as u32 | side.encode()?, first, count],
            Self::Resource { term, steps, count } => {
                let count = u32::from(u16::try_from(count).ok()?) << SLOT;
                [Op::Resource as u32 | count, term, steps]
            }
        })
    }

    /// From the first three words of a node. `None` where they spell nothing, or nothing in the one way that it is
    /// written.
    pub fn decode(words: [u32; 3]) -> Option<Self> {
        let [head, a, b] = words;
        let test = match Op::from_word(op(head))? {
            Op::Number => Self::Number {
                side: Side::decode(head)?,
                tag: match tag(head) {
                    tag @ (constant::INT | constant::DECIMAL | constant::DATETIME | constant::DURATION) => tag,
                    _ => return None,
                },
                relation: relation_of(head),
                value: crate::table::join(a, b),
            },
            Op::Text => Self::Text {
                side: Side::decode(head)?,
                fit: fit(head).filter(|fit| fit.of_text())?,
                start: a,
                length: b,
            },
            Op::Among => Self::Among {
                side: Side::decode(head)?,
                first: a,
                count: b,
            },
            Op::Resource => Self::Resource {
                term: a,
                steps: b,
                count: head >> SLOT,
            },
            op => Self::General(op, Term::decode(a)?, Term::decode(b)?),
        };
        // One test, one spelling: nothing hides in bits that nobody reads.
        (test.encode() == Some(words)).then_some(test)
    }
}

impl Step {
    /// To three words. `None` where the slot does not fit its place.
    pub fn encode(self) -> Option<[u32; 3]> {
        let slot = u32::from(u16::try_from(self.slot).ok()?) << SLOT;
        let free = if self.free { FREE } else { 0 };
        Some([slot | free | (self.fit as u32) << TAG, self.start, self.length])
    }

    /// From three words.
    pub fn decode(words: [u32; 3]) -> Option<Self> {
        let [head, start, length] = words;
        let step = Self {
            slot: head >> SLOT,
            free: is_free(head),
            fit: fit(head)?,
            start,
            length,
        };
        (step.encode() == Some(words)).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some tests of each sort, at the ends of what their parts can be.
    fn some() -> Vec<Test> {
        let mut some = vec![
            Test::General(Op::Has, Term::Slot(3), Term::Nothing),
            Test::General(Op::Less, Term::Now, Term::Constant(Term::MAX_INDEX)),
            Test::Resource {
                term: u32::MAX,
                steps: 7,
                count: u32::from(u16::MAX),
            },
        ];
        for side in [Side::Slot(0), Side::Slot(u32::from(u16::MAX)), Side::Surroundings] {
            some.push(Test::Among {
                side,
                first: u32::MAX,
                count: 3,
            });
            for fit in [Fit::Equal, Fit::Prefix, Fit::Suffix] {
                some.push(Test::Text {
                    side,
                    fit,
                    start: u32::MAX,
                    length: 1,
                });
            }
            for tag in [constant::INT, constant::DECIMAL, constant::DATETIME, constant::DURATION] {
                some.extend((0..8).map(|relation| Test::Number {
                    side,
                    tag,
                    relation,
                    value: i64::MIN + 1,
                }));
            }
        }
        some
    }

    #[test]
    fn a_test_is_read_as_it_was_written() {
        for test in some() {
            let words = test.encode();
            assert_eq!(words.and_then(Test::decode), Some(test), "{words:?}");
        }
    }

    /// A bit more or less is another test, or none: two spellings of one test would escape every comparison of words.
    #[test]
    fn no_test_has_two_spellings() {
        for test in some() {
            let Some([head, a, b]) = test.encode() else {
                panic!("{test:?} does not fit");
            };
            for bit in 0..32 {
                let other = Test::decode([head ^ (1 << bit), a, b]);
                assert_ne!(other, Some(test), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_step_is_read_as_it_was_written() {
        for fit in [Fit::Equal, Fit::Prefix, Fit::Suffix, Fit::Any, Fit::Pattern, Fit::Never] {
            for free in [false, true] {
                let step = Step {
                    slot: u32::from(u16::MAX),
                    free,
                    fit,
                    start: 5,
                    length: u32::MAX,
                };
                let words = step.encode();
                assert_eq!(words.and_then(Step::decode), Some(step), "{words:?}");
            }
        }
        let beyond = Step {
            slot: 1 << 16,
            free: false,
            fit: Fit::Any,
            start: 0,
            length: 0,
        };
        assert_eq!(beyond.encode(), None);
    }
}
