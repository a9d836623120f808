//! Which answers of tests can hold together, and a call of which they hold.
//!
//! Answers of tests that look at the same arguments come in; out comes that no call gives them, or values that do.
//! What is said to be impossible is: every step that prunes is exact or too generous. What is said to be possible may
//! not be, where a test is beyond what is reasoned about here (a sum of two arguments, an element that is an
//! argument): such tests are named, values are tried for them, and the runtime has the last word.

mod address;
mod number;
mod tries;
pub(crate) mod text;
pub(crate) mod values;
mod sets;

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::{ANY, Kind, SEGMENT, Slot};

use super::frame::{Frame, JUNK};
use crate::ir::{Answer, Constant, Function, GlobPart, Op, PatternPart, ResourcePart, Term, Test};
use number::{Bound, Numbers, Solved};
use sets::{Demand, Universe};
use text::{Constraint, Domain, Matcher, Piece};
pub(crate) use tries::models;
use values::{MOMENTS, ORDINARY_MOMENT};

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
            Term::Holding => roots.push(Root::Holding),
            Term::Apply(_, terms) | Term::Set(terms) => terms.iter().for_each(|term| self.roots_of(term, roots)),
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
        let mut asked = Asked {
            theory: self,
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
        };
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
            Term::Apply(_, terms) | Term::Set(terms) => terms.iter().for_each(|term| self.readers_of(term, readers)),
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
    of(&test.left, read) || of(&test.right, read)
}

/// A number that is reasoned about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Number {
    Argument(usize),
    Now,
    Calls,
    /// What a function gives, whatever it is given.
    Applied(Term),
}

/// A string that is reasoned about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Text {
    Argument(usize),
    Behalf,
}

/// A set that is reasoned about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    Argument(usize),
    Holding,
}

/// What answers ask of values.
struct Asked<'a, 't> {
    theory: &'a Theory<'a>,
    numbers: Numbers,
    variables: Vec<Number>,
    strings: Vec<Text>,
    texts: Vec<(Vec<(Text, bool)>, Constraint)>,
    /// Of each resource that must err: the strings of which one must not stand in it.
    unsafe_pieces: Vec<Vec<Text>>,
    sets: BTreeMap<Set, Vec<Demand>>,
    addresses: BTreeMap<usize, Vec<(&'t Test, bool)>>,
    bools: BTreeMap<usize, BTreeSet<bool>>,
    part: Part,
    impossible: bool,
}

impl<'t> Asked<'_, 't> {
    /// What one answer asks.
    fn ask(&mut self, test: &'t Test, yes: bool) {
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
    fn break_within(&mut self, test: &Test) {
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
    fn linear(&mut self, term: &Term) -> Option<(usize, i128)> {
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
    fn text_domain(&self, text: Text) -> Option<Domain> {
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
    fn written_domain(&self, text: Text) -> Option<Domain> {
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

    // The end.

    fn finish(mut self) -> Option<Part> {
        if self.impossible {
            return None;
        }
        self.finish_bools()?;
        self.finish_addresses()?;
        self.finish_sets()?;
        self.finish_numbers()?;
        self.finish_texts()?;
        Some(self.part)
    }

    fn finish_bools(&mut self) -> Option<()> {
        for (at, allowed) in &self.bools {
            let value = allowed.first()?;
            self.part.states.insert(*at, State::Value(Constant::Bool(*value)));
        }
        Some(())
    }

    fn finish_addresses(&mut self) -> Option<()> {
        for (at, tests) in &self.addresses {
            match address::solve(tests) {
                Solved::Found(net) => {
                    self.part.states.insert(*at, State::Value(Constant::Ip(net)));
                }
                Solved::Never => return None,
                Solved::Open => self.part.open.extend(tests.iter().map(|(test, _)| (*test).clone())),
            }
        }
        Some(())
    }

    fn finish_sets(&mut self) -> Option<()> {
        for (set, demands) in &self.sets {
            let element = match set {
                Set::Holding => None,
                Set::Argument(at) => self
                    .theory
                    .frame
                    .arguments()
                    .get(*at)
                    .and_then(|one| one.takes.element.as_deref()),
            };
            let classes = self.theory.classes;
            let is_class = |value: &Constant| matches!(value, Constant::String(name) if classes.contains(name));
            let universe = Universe {
                has: &|value| element.map_or_else(|| is_class(value), |takes| values::is_element(takes, value)),
                fresh: &|taken| match element {
                    Some(takes) => values::fresh(takes, taken),
                    None => {
                        let all = classes.iter().cloned().map(Constant::String);
                        all.into_iter().find(|one| !taken.contains(one))
                    }
                },
            };
            let found = match sets::solve(demands, &universe) {
                Solved::Found(found) => found,
                Solved::Never => return None,
                Solved::Open => continue,
            };
            match set {
                Set::Argument(at) => {
                    self.part.states.insert(*at, State::Value(Constant::Set(found)));
                }
                Set::Holding => {
                    let names = found.into_iter().filter_map(|one| match one {
                        Constant::String(name) => Some(name),
                        _ => None,
                    });
                    self.part.holding = Some(names.collect());
                }
            }
        }
        Some(())
    }

    fn finish_numbers(&mut self) -> Option<()> {
        if self.variables.is_empty() {
            return Some(());
        }
        let mut found = match self.numbers.solve() {
            Solved::Found(found) => found,
            Solved::Never => return None,
            Solved::Open => {
                let open: Vec<Test> = self.variables.iter().map(|number| self.marker(number)).collect();
                self.part.open.extend(open);
                Vec::new()
            }
        };
        let applied: Vec<(usize, Term)> = self
            .variables
            .iter()
            .enumerate()
            .filter_map(|(at, number)| match number {
                Number::Applied(term) => Some((at, term.clone())),
                _ => None,
            })
            .collect();
        if !applied.is_empty() && !self.clock(&applied, &mut found)? {
            // What is applied must come of what it is applied to: tried, with the values at hand as a beginning.
            for (at, term) in &applied {
                let value = found.get(*at).and_then(|value| i64::try_from(*value).ok()).unwrap_or(0);
                self.part.open.push(Test {
                    op: Op::Equal,
                    left: term.clone(),
                    right: Term::Constant(Constant::Int(value)),
                });
            }
        }
        for (number, value) in self.variables.iter().zip(&found) {
            let value = i64::try_from(*value).ok()?;
            match number {
                Number::Now => self.part.now = Some(value),
                Number::Calls => self.part.calls = Some(value),
                Number::Argument(at) => {
                    let value = match self.theory.kind(*at) {
                        Some(Kind::Decimal) => Constant::Decimal(value),
                        Some(Kind::DateTime) => Constant::DateTime(value),
                        Some(Kind::Duration) => Constant::Duration(value),
                        _ => Constant::Int(value),
                    };
                    self.part.states.insert(*at, State::Value(value));
                }
                Number::Applied(_) => {}
            }
        }
        Some(())
    }

    /// Stands for a number that has to be tried.
    fn marker(&self, number: &Number) -> Test {
        let left = match number {
            Number::Argument(at) => self.slot(*at),
            Number::Now => Term::Now,
            Number::Calls => Term::Calls,
            Number::Applied(term) => term.clone(),
        };
        Test {
            op: Op::Has,
            left,
            right: Term::Nothing,
        }
    }

    /// Where all that is applied is the day or the time of day of one moment: a moment with such a day and time.
    /// Gives false where it is something else, or where the values found will not do.
    fn clock(&mut self, applied: &[(usize, Term)], found: &mut [i128]) -> Option<bool> {
        let Some(closed) = self.numbers.close() else {
            return None;
        };
        let mut base = None;
        let (mut day, mut time) = ((i128::MIN, i128::MAX), (0, DAY - 1));
        for (at, term) in applied {
            let Term::Apply(function, operands) = term else {
                return Some(false);
            };
            let ([only], true) = (
                operands.as_slice(),
                matches!(function, Function::ToDate | Function::ToTime),
            ) else {
                return Some(false);
            };
            let Some((of, 0)) = self.linear(only) else {
                return Some(false);
            };
            if of == 0 || *base.get_or_insert(of) != of {
                return Some(false);
            }
            let range = (-closed.get(0, at + 1), closed.get(at + 1, 0));
            match function {
                Function::ToDate => day = range,
                _ => time = range,
            }
        }
        let Some(base) = base else { return Some(false) };
        let (low, high) = (-closed.get(0, base), closed.get(base, 0));
        // The first days and the last: between them no day differs from another but by what a choice says.
        let first = low.max(day.0).div_euclid(DAY);
        let last = high.min(day.1.saturating_add(DAY - 1)).div_euclid(DAY);
        let ordinary = i128::from(ORDINARY_MOMENT)
            .div_euclid(DAY)
            .clamp(first.min(last), last.max(first));
        let exhaustive = last - first < 6;
        for one in [ordinary, first, first + 1, first + 2, last - 2, last - 1, last] {
            let start = one * DAY;
            if one < first || one > last || start < day.0 || start > day.1 {
                continue;
            }
            let from = time.0.max(low - start);
            let to = time.1.min(high - start);
            if from > to {
                continue;
            }
            if let Some(place) = found.get_mut(base - 1) {
                *place = start + from;
            }
            let whole = self.numbers.choices.is_empty() && self.variables.len() == applied.len() + 1;
            return Some(whole);
        }
        // Only bounds on this moment, its day and its time were at play: there is none.
        if exhaustive && self.variables.len() == applied.len() + 1 {
            return None;
        }
        Some(false)
    }

    fn finish_texts(&mut self) -> Option<()> {
        let numeric: BTreeSet<usize> = self
            .variables
            .iter()
            .filter_map(|number| match number {
                Number::Argument(at) => Some(*at),
                _ => None,
            })
            .chain(self.bools.keys().copied())
            .collect();
        for (strings, _) in &self.texts {
            for (text, _) in strings {
                if let Text::Argument(at) = text
                    && numeric.contains(at)
                {
                    // A number that bounds and a resource both ask about.
                    self.part.open.push(Test {
                        op: Op::Has,
                        left: self.slot(*at),
                        right: Term::Nothing,
                    });
                } else if !self.strings.contains(text) {
                    self.strings.push(*text);
                }
            }
        }
        self.texts.retain(|(strings, _)| {
            !strings
                .iter()
                .any(|(text, _)| matches!(text, Text::Argument(at) if numeric.contains(at)))
        });
        let choices = self.unsafe_pieces.clone();
        let mut open = false;
        if self.unsafe_texts(&choices, &mut Vec::new(), &mut open) {
            return Some(());
        }
        if !open {
            return None;
        }
        for (strings, _) in &self.texts {
            for (text, _) in strings {
                if let Text::Argument(at) = text {
                    self.part.open.push(Test {
                        op: Op::Has,
                        left: self.slot(*at),
                        right: Term::Nothing,
                    });
                }
            }
        }
        Some(())
    }

    fn slot(&self, at: usize) -> Term {
        let slot = self.theory.frame.arguments().get(at).map_or(JUNK, |one| one.slot);
        Term::Slot(slot)
    }

    /// Chooses for each resource that must err what makes it err; then finds texts.
    fn unsafe_texts(&mut self, choices: &[Vec<Text>], chosen: &mut Vec<Text>, open: &mut bool) -> bool {
        let Some((first, rest)) = choices.split_first() else {
            return self.solve_texts(chosen, open);
        };
        for text in first {
            chosen.push(*text);
            let done = self.unsafe_texts(rest, chosen, open);
            chosen.pop();
            if done {
                return true;
            }
        }
        false
    }

    fn solve_texts(&mut self, unsafe_ones: &[Text], open: &mut bool) -> bool {
        let mut strings = self.strings.clone();
        strings.extend(unsafe_ones);
        // Strings that are read together are solved together, in the order in which resources read them.
        let mut found: Vec<(Text, String)> = Vec::new();
        let mut done: BTreeSet<Text> = BTreeSet::new();
        for text in &strings {
            if done.contains(text) {
                continue;
            }
            let mut group = vec![*text];
            loop {
                let before = group.len();
                for (read, _) in &self.texts {
                    if read.iter().any(|(one, _)| group.contains(one)) {
                        for (one, _) in read {
                            if !group.contains(one) {
                                group.push(*one);
                            }
                        }
                    }
                }
                if group.len() == before {
                    break;
                }
            }
            self.order(&mut group);
            done.extend(group.iter().copied());
            let place = |text: &Text| group.iter().position(|one| one == text).unwrap_or(0);
            let mut constraints: Vec<Constraint> = Vec::new();
            for (read, constraint) in &self.texts {
                if !read.iter().any(|(one, _)| group.contains(one)) {
                    continue;
                }
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => Piece::Text(text.clone()),
                    Piece::String(at, folded) => {
                        Piece::String(read.get(*at).map_or(0, |(text, _)| place(text)), *folded)
                    }
                };
                constraints.push(Constraint {
                    sequence: constraint.sequence.iter().map(piece).collect(),
                    ..constraint.clone()
                });
            }
            for text in unsafe_ones.iter().filter(|text| group.contains(text)) {
                constraints.push(Constraint {
                    sequence: vec![Piece::String(place(text), false)],
                    matcher: Matcher::Safe,
                    takes: false,
                });
            }
            let positive = |one: &&Constraint| one.takes && matches!(one.matcher, Matcher::Pattern(_));
            if self.theory.fault == Some(Fault::Patterns) && constraints.iter().filter(positive).count() > 1 {
                return false;
            }
            let domains: Vec<Domain> = group
                .iter()
                .map(|text| {
                    self.text_domain(*text)
                        .or_else(|| self.written_domain(*text))
                        .unwrap_or(Domain::Any)
                })
                .collect();
            match text::solve(&domains, &constraints) {
                Solved::Found(texts) => found.extend(group.into_iter().zip(texts)),
                Solved::Never => return false,
                Solved::Open => {
                    *open = true;
                    return false;
                }
            }
        }
        for (text, value) in found {
            match text {
                Text::Behalf => self.part.behalf = Some(Some(value)),
                Text::Argument(at) => {
                    self.part.states.insert(at, State::Value(Constant::String(value)));
                }
            }
        }
        true
    }

    /// In an order in which every resource reads its strings, where there is one.
    fn order(&self, group: &mut Vec<Text>) {
        group.sort();
        for _ in 0..group.len() {
            for (read, _) in &self.texts {
                for pair in read.windows(2) {
                    let [(first, _), (second, _)] = pair else { continue };
                    let place = |text: &Text| group.iter().position(|one| one == text);
                    if let (Some(first), Some(second)) = (place(first), place(second))
                        && first > second
                    {
                        let moved = group.remove(first);
                        group.insert(second, moved);
                    }
                }
            }
        }
    }
}

/// A number's value, whatever its type.
fn numeric(value: &Constant) -> Option<i128> {
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
