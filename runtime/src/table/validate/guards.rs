//! Guards, and what they are put together of: nodes, terms, constants and steps. Everything that they name exists, edges
//! lead forward, and nothing is deeper or more work than a decision can afford.

use super::{Check, Checked, ensure, is_of, within};
use crate::guard::{self, Fit, Function, Guard, Op, Step, Term, Test, constant, in_order, resource};
use crate::table::slice;
use crate::value::{AUTOMATON, Automaton};

/// How deep terms may stand in each other: a decision follows them on the thread's stack. A condition nests 128
/// operators at most, and a document as deep as its parameters.
const MAX_TERM_DEPTH: u32 = 256;
/// How many terms one may be put together of, each counted as often as it is named: a decision works each out as often.
/// A condition has 16,384 bytes at most; the rest is room.
const MAX_TERM_SIZE: u32 = 1 << 16;

/// How many values a set may hold, sets within it included, each counted as often as it is named. Two sets are compared
/// value by value; more than any list that a policy's data can hold.
const MAX_SET_SIZE: u32 = 1 << 24;

const TOO_MUCH: &str = "it is put together of too many others";

/// How deep a term, or a set of sets, is, and of how many it is put together.
#[derive(Debug, Clone, Copy)]
struct Weight {
    depth: u32,
    size: u32,
}

impl Weight {
    fn is_bounded(self, size: u32) -> bool {
        self.depth <= MAX_TERM_DEPTH && self.size <= size
    }

    /// With one more part.
    fn with(self, part: Option<&Self>) -> Self {
        let part = part.copied().unwrap_or(Self { depth: 0, size: 1 });
        Self {
            depth: self.depth.max(part.depth.saturating_add(1)),
            size: self.size.saturating_add(part.size),
        }
    }
}

impl Check<'_> {
    pub(super) fn guard(&self, guard: u32) -> bool {
        Guard(guard).leaf().is_some() || is_of(&self.data.nodes, guard)
    }

    pub(super) fn guards(&self) -> Checked {
        let d = self.data;
        for (at, &[head, a, b, yes, no, error]) in d.nodes.iter().enumerate() {
            let known = match Test::decode([head, a, b]) {
                Some(Test::General(op, left, right)) => {
                    !matches!(op, Op::Number | Op::Text | Op::Resource | Op::Among)
                        && self.term(left, usize::MAX)
                        && self.term(right, usize::MAX)
                        && self.asks(op, left, right)
                }
                Some(Test::Number { .. }) => true,
                Some(Test::Text { start, length, .. }) => self.is_text(start, length),
                Some(Test::Among { first, count, .. }) => self.among(first, count),
                Some(Test::Resource { term, steps, count }) => self.steps(term, steps, count),
                None => false,
            };
            ensure(known, "nodes", at, "the test does not exist, or looks at what does not")?;
            let forward = |edge: u32| Guard(edge).leaf().is_some() || (is_of(&d.nodes, edge) && edge as usize > at);
            ensure(
                [yes, no, error].into_iter().all(forward),
                "nodes",
                at,
                "an edge does not lead forward",
            )?;
        }
        // What each asks for when its parts are worked out one by one, as they are.
        let mut weights: Vec<Weight> = Vec::with_capacity(d.terms.len());
        for (at, &[function, first, count]) in d.terms.iter().enumerate() {
            let function = Function::from_word(function);
            ensure(function.is_some(), "terms", at, "the function does not exist")?;
            let operands = slice(&d.words, first, count);
            ensure(
                operands.len() == count as usize,
                "terms",
                at,
                "the operands leave the array",
            )?;
            let known = match function {
                // Flags and a term, in turn.
                Some(Function::Resource) => operands.as_chunks::<2>().0.iter().all(|[_, term]| self.word(*term, at)),
                Some(Function::Record) => {
                    let (fields, rest) = operands.as_chunks::<4>();
                    rest.is_empty() && fields.iter().all(|field| self.field(field, at))
                }
                Some(Function::Count) => matches!(operands, [set] if self.counts(*set)),
                _ => operands.iter().all(|term| self.word(*term, at)),
            };
            ensure(known, "terms", at, "an operand does not exist, or comes later")?;
            let parts = operands.iter().enumerate().filter(|(place, _)| match function {
                Some(Function::Resource) => place % 2 == 1,
                Some(Function::Record) => place % 4 == 3,
                _ => true,
            });
            let weight = parts.fold(Weight { depth: 1, size: 1 }, |sum, (_, word)| {
                match Term::decode(*word) {
                    Some(Term::Apply(id)) => sum.with(weights.get(id as usize)),
                    _ => sum.with(None),
                }
            });
            ensure(weight.is_bounded(MAX_TERM_SIZE), "terms", at, TOO_MUCH)?;
            weights.push(weight);
        }
        weights.clear();
        for (at, &[tag, a, b, c, ..]) in d.constants.iter().enumerate() {
            let sound = match tag {
                constant::STRING => self.text(a) && self.spans(a, b, c),
                constant::IPV4 => a <= 32,
                constant::IPV6 => a <= 128,
                constant::SET => {
                    let elements = slice(&d.words, a, b);
                    elements.len() == b as usize && elements.iter().all(|id| (*id as usize) < at)
                }
                _ => tag <= constant::SET,
            };
            ensure(sound, "constants", at, "the value is broken")?;
            let elements = if tag == constant::SET {
                slice(&d.words, a, b)
            } else {
                &[]
            };
            let weight = elements.iter().fold(Weight { depth: 1, size: 1 }, |sum, id| {
                sum.with(weights.get(*id as usize))
            });
            ensure(weight.is_bounded(MAX_SET_SIZE), "constants", at, TOO_MUCH)?;
            weights.push(weight);
        }
        Ok(())
    }

    /// A term in a word.
    fn word(&self, word: u32, before: usize) -> bool {
        Term::decode(word).is_some_and(|term| self.term(term, before))
    }

    /// A program stands on the left of the operator that asks one, and a document on its right; neither elsewhere.
    fn asks(&self, op: Op, left: Term, right: Term) -> bool {
        let program = |term| matches!(term, Term::Program(_));
        if op != Op::Program {
            return !program(left) && !program(right);
        }
        let Term::Apply(id) = right else {
            return false;
        };
        let function = self
            .data
            .terms
            .get(id as usize)
            .and_then(|[function, ..]| Function::from_word(*function));
        program(left) && function == Some(Function::Record)
    }

    /// A field of a document.
    fn field(&self, &[key, flags, there, value]: &[u32; 4], at: usize) -> bool {
        let told = matches!(
            Term::decode(there),
            Some(Term::Nothing | Term::Slot(_) | Term::OnBehalfOf)
        );
        self.text(key) && flags & !guard::record::OPTIONAL == 0 && told && self.word(there, at) && self.word(value, at)
    }

    /// What holds each of its elements once: an argument, or what the session holds.
    fn counts(&self, set: u32) -> bool {
        let set = Term::decode(set);
        matches!(set, Some(Term::Slot(_) | Term::Holding)) && set.is_some_and(|set| self.term(set, usize::MAX))
    }

    /// A term that a test, or a function that stands at `before`, may refer to.
    fn term(&self, term: Term, before: usize) -> bool {
        let d = self.data;
        match term {
            Term::Constant(id) => is_of(&d.constants, id),
            Term::Apply(id) => is_of(&d.terms, id) && (id as usize) < before,
            Term::Pattern(at) => d.words.get(at as usize).is_some_and(|length| {
                let start = at.saturating_add(1);
                within(&d.words, start, *length) && is_pattern(crate::table::slice(&d.words, start, *length))
            }),
            Term::Class(id) => is_of(&d.classes, id),
            Term::Program(id) => is_of(&d.programs, id),
            Term::Slot(slot) => u16::try_from(slot).is_ok(),
            Term::Nothing | Term::Now | Term::Calls | Term::OnBehalfOf | Term::Holding => true,
        }
    }

    /// A part of the text.
    fn is_text(&self, start: u32, length: u32) -> bool {
        let start = start as usize;
        let end = start.checked_add(length as usize);
        end.is_some_and(|end| self.data.string_text.get(start..end).is_some())
    }

    /// The constants of a set: each is there, and they stand in order, so that each is found.
    fn among(&self, first: u32, count: u32) -> bool {
        let d = self.data;
        let Some(length) = count.checked_mul(2).filter(|length| within(&d.words, first, *length)) else {
            return false;
        };
        let (pairs, _) = slice(&d.words, first, length).as_chunks::<2>();
        let bytes = |[start, length]: &[u32; 2]| slice(d.string_text.as_bytes(), *start, *length);
        count > 0
            && pairs.iter().all(|[start, length]| self.is_text(*start, *length))
            && pairs.is_sorted_by(|a, b| in_order(bytes(a), bytes(b)).is_lt())
    }

    /// The steps of a resource: one for each of its slots, which says the same of it.
    fn steps(&self, term: u32, steps: u32, count: u32) -> bool {
        let d = self.data;
        let Some(&[function, first, words]) = d.terms.get(term as usize) else {
            return false;
        };
        let pairs = slice(&d.words, first, words).as_chunks::<2>().0.iter();
        let slots = pairs.filter_map(|[flags, word]| match Term::decode(*word) {
            Some(Term::Slot(slot)) => Some((slot, flags & resource::FREE != 0)),
            _ => None,
        });
        let Some(length) = count.checked_mul(3).filter(|length| within(&d.words, steps, *length)) else {
            return false;
        };
        let steps = slice(&d.words, steps, length).as_chunks::<3>().0.iter();
        let steps = steps.map(|words| {
            let step = Step::decode(*words)?;
            let known = match step.fit {
                Fit::Pattern | Fit::Never => within(&d.words, step.start, step.length),
                Fit::Equal | Fit::Prefix | Fit::Suffix | Fit::Any => self.is_text(step.start, step.length),
            };
            known.then_some((step.slot, step.free))
        });
        Function::from_word(function) == Some(Function::Resource) && slots.map(Some).eq(steps)
    }
}

/// Whether a pattern is one: of what begins as an automaton does, the whole is one, and leads nowhere beyond itself.
fn is_pattern(words: &[u32]) -> bool {
    match words.first() {
        Some(&AUTOMATON) => Automaton::new(words).is_some_and(|automaton| automaton.is_sound()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Side;
    use crate::table::{NONE, Table, TableData};

    /// A table of terms each of which is the sum of the one before and of one more operand.
    fn sums(count: u32, doubled: bool) -> TableData {
        let word = |term: Term| term.encode().unwrap();
        let before = |at: u32| {
            at.checked_sub(1)
                .map_or(word(Term::Calls), |before| word(Term::Apply(before)))
        };
        let other = |at: u32| if doubled { before(at) } else { word(Term::Calls) };
        TableData {
            string_offsets: vec![0, 6],
            string_text: "acme/r".into(),
            organization: vec![[0, NONE, 0, 0]],
            words: (0..count).flat_map(|at| [before(at), other(at)]).collect(),
            terms: (0..count).map(|at| [Function::Add as u32, at * 2, 2]).collect(),
            ..TableData::default()
        }
    }

    #[test]
    fn a_term_is_neither_deeper_nor_more_work_than_a_decision_can_afford() {
        let refused = |data: TableData| Table::new(data).err().map(|error| error.to_string());
        let fault = |record| Some(format!("record {record} of section `terms` is broken: {TOO_MUCH}"));
        assert_eq!(refused(sums(MAX_TERM_DEPTH, false)), None);
        assert_eq!(refused(sums(MAX_TERM_DEPTH + 1, false)), fault(MAX_TERM_DEPTH));
        assert_eq!(refused(sums(1_000_000, false)), fault(MAX_TERM_DEPTH));
        // Each names the one before twice, so each is twice the work: 2^(n + 1) - 1 with what it ends in.
        assert_eq!(refused(sums(15, true)), None);
        assert_eq!(refused(sums(16, true)), fault(15));
        let mut sets = sums(0, false);
        sets.words = (0..1_000).collect();
        sets.constants = std::iter::once([constant::INT, 1, 0, 0, 0, 0])
            .chain((0..1_000).map(|at| [constant::SET, at, 1, 0, 0, 0]))
            .collect();
        let fault = format!("record {MAX_TERM_DEPTH} of section `constants` is broken: {TOO_MUCH}");
        assert_eq!(refused(sets), Some(fault));
    }

    /// A set that is put together of terms may hold one value twice, so that it has no count.
    #[test]
    fn only_what_holds_each_element_once_is_counted() {
        let table = |operands: &[Term]| {
            let words: Vec<u32> = operands.iter().map(|term| term.encode().unwrap()).collect();
            let many = u32::try_from(words.len()).unwrap();
            Table::new(TableData {
                string_offsets: vec![0, 6],
                string_text: "acme/r".into(),
                organization: vec![[0, NONE, 0, 0]],
                words,
                constants: vec![[constant::SET, 0, 0, 0, 0, 0]],
                terms: vec![[Function::Set as u32, 0, 0], [Function::Count as u32, 0, many]],
                ..TableData::default()
            })
            .is_ok()
        };
        assert!(table(&[Term::Slot(3)]));
        assert!(table(&[Term::Holding]));
        assert!(!table(&[Term::Constant(0)]), "a constant");
        assert!(!table(&[Term::Apply(0)]), "terms put together");
        assert!(!table(&[Term::Slot(1 << 16)]), "no slot");
        assert!(!table(&[Term::Now]) && !table(&[Term::Calls]), "no set");
        assert!(
            !table(&[]) && !table(&[Term::Slot(0), Term::Slot(1)]),
            "not one operand"
        );
    }

    /// A set of texts out of order would hide some of them from a search that halves it.
    #[test]
    fn the_texts_of_a_set_are_there_and_in_order() {
        let table = |pairs: &[[u32; 2]], count: u32| {
            let test = Test::Among {
                side: Side::Surroundings,
                first: 0,
                count,
            };
            let [head, a, b] = test.encode().unwrap();
            Table::new(TableData {
                string_offsets: vec![0, 6],
                string_text: "acme/r".into(),
                organization: vec![[0, NONE, 0, 0]],
                words: pairs.concat(),
                nodes: vec![[head, a, b, Guard::YES.0, Guard::NO.0, Guard::ERROR.0]],
                ..TableData::default()
            })
            .is_ok()
        };
        // `r`, `ac`, `me`: the shortest first, then by their bytes.
        assert!(table(&[[5, 1], [0, 2], [2, 2]], 3));
        assert!(!table(&[[0, 2], [5, 1], [2, 2]], 3), "a longer one first");
        assert!(!table(&[[5, 1], [2, 2], [0, 2]], 3), "not by bytes");
        assert!(!table(&[[5, 1], [5, 1]], 2), "twice the same");
        assert!(!table(&[[5, 2]], 1), "beyond the text");
        assert!(!table(&[[5, 1]], 2), "beyond the words");
        assert!(!table(&[], 0), "none");
        assert!(!table(&[[5, 1]], u32::MAX), "more than can be counted");
    }
}
