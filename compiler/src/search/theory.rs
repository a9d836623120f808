//! Which answers of tests can hold together, and a call of which they hold.
//!
//! Answers of tests that look at the same arguments come in; out comes that no call gives them, or values that do.
//! What is said to be impossible is: every step that prunes is exact or too generous. What is said to be possible may
//! not be, where a test is beyond what is reasoned about here (a sum of two arguments, an element that is an
//! argument, a program): such tests are named, values are tried for them, and the runtime has the last word.

mod address;
mod asked;
mod number;
mod tries;
pub(crate) mod text;
mod settled;
pub(crate) mod values;
mod sets;

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::{Kind, Slot};

use super::frame::{Frame, JUNK};
use crate::ir::{Answer, Constant, Function, Op, ResourcePart, Term, Test};
use asked::{Asked, numeric};
pub(crate) use tries::models;

/// Milliseconds of a day.
const DAY: i128 = 86_400_000;
/// Ways in which unreadable arguments explain errors that are tried before the rest is left open.
const MOST_BRANCHES: u32 = 256;

/// A mistake put into the reasoning on purpose, for tests that must notice it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `x <= c` is taken for `x < c`.
    Interval,
    /// Two patterns are never matched by one text.
    Patterns,
    /// A test never errs.
    Errors,
    /// The last grant of a cell is never looked at.
    LastGrant,
    /// Everything is always given.
    Absent,
}

/// What is reasoned about: an action's arguments and the classes that a session may hold.
#[derive(Debug)]
pub struct Theory<'f> {
    pub(crate) frame: &'f Frame,
    pub(crate) classes: &'f [String],
    pub(crate) fault: Option<Fault>,
}

/// What tests share: those of one call that share nothing are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Root {
    Argument(usize),
    Now,
    Calls,
    Behalf,
    Holding,
    Junk,
}

/// What an argument is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    Invalid,
    /// There, whatever it is.
    Present,
    Value(Constant),
}

/// What some answers ask of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Part {
    pub(crate) states: BTreeMap<usize, State>,
    pub(crate) null: BTreeSet<usize>,
    pub(crate) junk: Option<bool>,
    pub(crate) now: Option<i64>,
    pub(crate) calls: Option<i64>,
    pub(crate) behalf: Option<Option<String>>,
    pub(crate) holding: Option<Vec<String>>,
    /// Tests that nothing above answers for.
    pub(crate) open: Vec<Test>,
}

/// All of a call but who calls what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    pub(crate) states: Vec<State>,
    pub(crate) null: BTreeSet<usize>,
    pub(crate) junk: bool,
    pub(crate) now: i64,
    pub(crate) calls: i64,
    pub(crate) behalf: Option<String>,
    pub(crate) holding: Vec<String>,
}

impl Model {
    pub(crate) fn state(&self, at: usize) -> &State {
        self.states.get(at).unwrap_or(&State::Absent)
    }

    pub(crate) fn is_null(&self, at: usize) -> bool {
        self.null.contains(&at)
    }
}

const ABSENT: u8 = 1;
const INVALID: u8 = 2;
const VALUE: u8 = 4;

/// What is known of whether things are there.
#[derive(Debug, Clone, Default)]
struct Presence {
    arguments: BTreeMap<usize, u8>,
    behalf: Option<u8>,
    given: BTreeMap<usize, bool>,
    junk: Option<bool>,
}

/// What a test reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reader {
    Argument(usize),
    Behalf,
}

impl<'f> Theory<'f> {
    /// About the arguments of a frame, and sessions that may hold these classes.
    pub fn new(frame: &'f Frame, classes: &'f [String], fault: Option<Fault>) -> Self {
        Self { frame, classes, fault }
    }
}

impl Theory<'_> {
    /// What a test looks at.
    pub(crate) fn roots(&self, test: &Test) -> Vec<Root> {
        let mut roots = Vec::new();
        self.roots_of(&test.left, &mut roots);
        self.roots_of(&test.right, &mut roots);
        roots.sort();
        roots.dedup();
        roots
    }

    fn roots_of(&self, term: &Term, roots: &mut Vec<Root>) {
        let argument = |slot: Slot| {
            if slot == JUNK {
                return Some(Root::Junk);
            }
            let at = self.frame.given(slot).or_else(|| self.frame.argument(slot))?;
            self.frame.arguments().get(at).map(|one| Root::Argument(one.root))
        };
        match term {
            Term::Slot(slot) => roots.extend(argument(*slot)),
            Term::Now => roots.push(Root::Now),
            Term::Calls => roots.push(Root::Calls),
            Term::OnBehalfOf => roots.push(Root::Behalf),
            Term::Holding | Term::Held(_) => roots.push(Root::Holding),
            Term::Apply(_, terms) | Term::Set(terms) | Term::List(terms) => {
                terms.iter().for_each(|term| self.roots_of(term, roots));
            }
            Term::Document(fields) => fields.iter().for_each(|field| {
                self.roots_of(&field.there, roots);
                self.roots_of(&field.value, roots);
            }),
            Term::Resource(parts) => parts.iter().for_each(|part| {
                if let ResourcePart::Slot { slot, .. } = part {
                    roots.extend(argument(*slot));
                }
            }),
            _ => {}
        }
    }

    /// What the answers ask of a call; `None` where no call gives them together.
    pub(crate) fn check(&self, answers: &[(&Test, Answer)]) -> Option<Part> {
        let mut presence = Presence::default();
        let mut explained: Vec<(&Test, Vec<Reader>, bool)> = Vec::new();
        // What one test could read errs in no other.
        let read: Vec<&Term> = answers
            .iter()
            .filter(|(_, answer)| *answer != Answer::Error)
            .flat_map(|(test, _)| [&test.left, &test.right])
            .collect();
        for (test, answer) in answers {
            if test.op == Op::Has {
                self.has(&test.left, *answer, &mut presence)?;
                continue;
            }
            let readers = self.readers(test);
            match answer {
                Answer::Error => {
                    let within = errs_within(test, &read);
                    match readers.as_slice() {
                        [] if !within => return None,
                        [only] if !within => presence.narrow(self, *only, ABSENT | INVALID)?,
                        _ => explained.push((test, readers, within)),
                    }
                }
                _ => {
                    for reader in readers {
                        presence.narrow(self, reader, VALUE)?;
                    }
                    // That a term equals itself says that it can be read, and is never false.
                    if *answer == Answer::No && test.op == Op::Equal && test.left == test.right {
                        return None;
                    }
                }
            }
        }
        let mut branches = MOST_BRANCHES;
        self.explain(presence, &explained, &mut Vec::new(), answers, &mut branches)
    }

    fn has(&self, term: &Term, answer: Answer, presence: &mut Presence) -> Option<()> {
        let there = match answer {
            Answer::Yes => true,
            Answer::No if self.fault == Some(Fault::Absent) => return None,
            Answer::No => false,
            Answer::Error => return None,
        };
        match term {
            Term::Slot(slot) if *slot == JUNK => {
                let known = *presence.junk.get_or_insert(there);
                (known == there).then_some(())
            }
            Term::Slot(slot) => match self.frame.given(*slot) {
                Some(at) => {
                    let known = *presence.given.entry(at).or_insert(there);
                    let parent = self.frame.arguments().get(at).and_then(|one| one.parent);
                    match (there, parent) {
                        // What is in a record is given only if the record is one.
                        (true, Some(parent)) => presence.narrow(self, Reader::Argument(parent), VALUE)?,
                        (false, None) => presence.narrow(self, Reader::Argument(at), ABSENT)?,
                        _ => {}
                    }
                    (known == there).then_some(())
                }
                None => {
                    let at = self.frame.argument(*slot)?;
                    presence.narrow(self, Reader::Argument(at), if there { INVALID | VALUE } else { ABSENT })
                }
            },
            Term::OnBehalfOf => presence.narrow(self, Reader::Behalf, if there { VALUE } else { ABSENT }),
            _ => Some(()),
        }
    }

    /// Tries each way in which errors come about that have several.
    fn explain<'t>(
        &self,
        presence: Presence,
        errors: &[(&'t Test, Vec<Reader>, bool)],
        within: &mut Vec<&'t Test>,
        answers: &[(&Test, Answer)],
        branches: &mut u32,
    ) -> Option<Part> {
        let Some(((test, readers, errs_within), rest)) = errors.split_first() else {
            return self.settle(&presence, within, answers);
        };
        let Some(left) = branches.checked_sub(1) else {
            // Left open: what is there so far is all that is asked.
            let tests = errors.iter().map(|(test, _, _)| (*test).clone());
            return Some(Part {
                open: tests.collect(),
                ..self.settle(&presence, within, answers)?
            });
        };
        *branches = left;
        for reader in readers {
            let mut next = presence.clone();
            if next.narrow(self, *reader, ABSENT | INVALID).is_some()
                && let Some(part) = self.explain(next, rest, within, answers, branches)
            {
                return Some(part);
            }
        }
        if !errs_within {
            return None;
        }
        let mut next = presence;
        for reader in readers {
            next.narrow(self, *reader, VALUE)?;
        }
        within.push(test);
        let part = self.explain(next, rest, within, answers, branches);
        within.pop();
        part
    }

    /// Values for what is there.
    fn settle(&self, presence: &Presence, within: &[&Test], answers: &[(&Test, Answer)]) -> Option<Part> {
        let mut asked = Asked::new(self);
        for (test, answer) in answers {
            if test.op == Op::Has || (test.op == Op::Equal && test.left == test.right) {
                continue;
            }
            match answer {
                Answer::Yes => asked.ask(test, true),
                Answer::No => asked.ask(test, false),
                Answer::Error => {}
            }
        }
        for test in within {
            asked.break_within(test);
        }
        let mut part = asked.finish()?;
        self.fill(presence, &mut part);
        Some(part)
    }

    /// What is there or not, for what got no value.
    fn fill(&self, presence: &Presence, part: &mut Part) {
        for (at, allowed) in &presence.arguments {
            let state = match allowed {
                _ if part.states.contains_key(at) => continue,
                allowed if allowed & VALUE != 0 => State::Present,
                allowed if allowed & ABSENT != 0 => State::Absent,
                _ => State::Invalid,
            };
            part.states.insert(*at, state);
        }
        for (at, given) in &presence.given {
            if *given && part.states.get(at).is_none_or(|state| *state == State::Absent) {
                let allowed = presence.arguments.get(at).copied().unwrap_or(VALUE);
                if allowed & VALUE != 0 {
                    part.states.insert(*at, State::Present);
                } else {
                    part.null.insert(*at);
                }
            }
        }
        part.junk = presence.junk;
        if part.behalf.is_none()
            && let Some(allowed) = presence.behalf
        {
            part.behalf = Some((allowed & ABSENT == 0).then(|| "somebody".to_owned()));
        }
    }

    /// What a test reads.
    fn readers(&self, test: &Test) -> Vec<Reader> {
        let mut readers = Vec::new();
        for term in [&test.left, &test.right] {
            self.readers_of(term, &mut readers);
        }
        readers.sort();
        readers.dedup();
        readers
    }

    fn readers_of(&self, term: &Term, readers: &mut Vec<Reader>) {
        let argument = |slot: Slot| self.frame.argument(slot).map(Reader::Argument);
        match term {
            Term::Slot(slot) => readers.extend(argument(*slot)),
            Term::OnBehalfOf => readers.push(Reader::Behalf),
            Term::Apply(_, terms) | Term::Set(terms) | Term::List(terms) => {
                terms.iter().for_each(|term| self.readers_of(term, readers));
            }
            // What is left out where it is absent is not read then.
            Term::Document(fields) => fields.iter().filter(|field| !field.optional).for_each(|field| {
                self.readers_of(&field.there, readers);
                self.readers_of(&field.value, readers);
            }),
            Term::Resource(parts) => parts.iter().for_each(|part| {
                if let ResourcePart::Slot { slot, .. } = part {
                    readers.extend(argument(*slot));
                }
            }),
            _ => {}
        }
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.frame.arguments().get(at).map(|one| one.takes.kind)
    }
}

impl Presence {
    /// Lets something be only what is allowed, and what follows for what it is in and what is in it.
    fn narrow(&mut self, theory: &Theory<'_>, reader: Reader, allowed: u8) -> Option<()> {
        let at = match reader {
            Reader::Behalf => {
                let known = self.behalf.unwrap_or(ABSENT | VALUE) & allowed;
                self.behalf = Some(known);
                return (known != 0).then_some(());
            }
            Reader::Argument(at) => at,
        };
        let arguments = theory.frame.arguments();
        let at = arguments.get(at).map_or(at, |one| one.presence);
        let one = arguments.get(at)?;
        let all = if one.takes.kind == Kind::Opaque {
            ABSENT | VALUE
        } else {
            ABSENT | INVALID | VALUE
        };
        let before = self.arguments.get(&at).copied().unwrap_or(all);
        let now = before & allowed;
        self.arguments.insert(at, now);
        if now == 0 {
            return None;
        }
        if now == before {
            return Some(());
        }
        if let Some(parent) = one.parent {
            // What is read of a record that is none is as broken as it, and of one that is absent absent.
            let above = match now {
                VALUE => VALUE,
                now if now & ABSENT == 0 => INVALID | VALUE,
                ABSENT => ABSENT | VALUE,
                _ => ABSENT | INVALID | VALUE,
            };
            self.narrow(theory, Reader::Argument(parent), above)?;
        }
        let below = match now {
            ABSENT => ABSENT,
            INVALID => INVALID,
            now if now & ABSENT != 0 && now & VALUE == 0 => ABSENT | INVALID,
            _ => return Some(()),
        };
        let fields: Vec<usize> = (0..arguments.len())
            .filter(|field| {
                arguments
                    .get(*field)
                    .is_some_and(|one| one.parent == Some(at) && one.presence == *field)
            })
            .collect();
        for field in fields {
            self.narrow(theory, Reader::Argument(field), below)?;
        }
        Some(())
    }
}

/// Whether a test can err though everything that it reads can be read.
fn errs_within(test: &Test, read: &[&Term]) -> bool {
    fn of(term: &Term, read: &[&Term]) -> bool {
        match term {
            term if read.contains(&term) => false,
            Term::Apply(function, terms) => {
                matches!(
                    function,
                    Function::Add
                        | Function::Subtract
                        | Function::Multiply
                        | Function::Negate
                        | Function::Offset
                        | Function::DurationSince
                        | Function::ToDate
                ) || terms.iter().any(|term| of(term, read))
            }
            Term::Set(terms) => terms.iter().any(|term| of(term, read)),
            Term::Resource(parts) => parts
                .iter()
                .any(|part| matches!(part, ResourcePart::Slot { free: false, .. })),
            _ => false,
        }
    }
    // What a program does is not reasoned about.
    test.op == Op::Program || of(&test.left, read) || of(&test.right, read)
}
