//! Strings: which values several of them may have at once, so that patterns, globs, sets of words and the forms of
//! paths and hosts hold or do not hold. Constraints come in, texts or "none" go out; knows nothing of calls.
//!
//! Every constraint is a small automaton; all are followed together, character by character and string by string,
//! breadth first, so the shortest texts come out and an exhausted walk is a proof. A constraint may read several
//! strings one after the other with fixed text between: what a call touches, `repo:{owner}/{repo}`.

mod letters;
mod numbered;

use std::collections::BTreeSet;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use indexmap::IndexSet;
use numbered::Numbered;
use polity_runtime::value::{ANY, Automaton, SEGMENT, email, fold, host, path, url, url_path};

use super::number::Solved;
use crate::table::hash::Fold;

/// States of the joint automaton that are looked at before the rest is left open. Picked by gut feeling: some
/// milliseconds.
const MOST_STATES: usize = 12_000;
/// Parts of a pattern that fit a word of states.
const LONGEST_PATTERN: usize = 126;

/// What a string may be at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Domain {
    /// Anything.
    Any,
    /// Anything in lower case.
    Folded,
    /// A normal path.
    Path,
    /// A host.
    Host,
    /// The scheme of a url.
    Scheme,
    /// The host of a url.
    UrlHost,
    /// The path of a url.
    UrlPath,
    /// What stands before the `@` of an address.
    Local,
    /// One of these.
    Words(Vec<String>),
    /// A 64-bit integer as it stands in a resource.
    Integer,
}

/// What is asked of strings: a sequence that all of a matcher takes, or does not take.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) sequence: Vec<Piece>,
    pub(super) matcher: Matcher,
    /// Whether it must take it.
    pub(super) takes: bool,
}

/// Fixed text, or a string by its place; `true` where the pattern's letters are folded first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    String(usize, bool),
}

/// What takes a text.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// Characters and wildcards, as the runtime has them.
    Pattern(Vec<u32>),
    /// A regular expression, as the runtime has it.
    Regex(Arc<[u32]>),
    /// One of these, sorted.
    Words(Vec<String>),
    /// What may stand beside others in a resource.
    Safe,
    /// What a domain takes.
    Domain(Domain),
}

/// Where a matcher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// Parts of a pattern that may come next.
    Parts(u128),
    /// Words that begin so, and how many bytes are read.
    Range(u32, u32, u32),
    /// Of an automaton.
    At(u32),
    /// Of the small ones.
    Small(u8),
    /// Nothing can follow.
    Dead,
}

/// Finds one text for each domain.
pub(super) fn solve(domains: &[Domain], constraints: &[Constraint]) -> Solved<Vec<String>> {
    let mut all: Vec<Constraint> = constraints.to_vec();
    for (at, domain) in domains.iter().enumerate() {
        if *domain != Domain::Any {
            all.push(Constraint {
                sequence: vec![Piece::String(at, false)],
                matcher: Matcher::Domain(domain.clone()),
                takes: true,
            });
        }
    }
    let Some(letters) = letters(domains, &all) else {
        return Solved::Open;
    };
    let walk = Walk {
        domains,
        constraints: &all,
        letters,
    };
    let long = |one: &Constraint| matches!(&one.matcher, Matcher::Pattern(parts) if parts.len() > LONGEST_PATTERN);
    if all.iter().any(long) || !all.iter().all(|one| in_order(&one.sequence)) {
        return Solved::Open;
    }
    walk.ordinary().map_or_else(|| walk.search(), Solved::Found)
}

/// A walk reads the strings in their order, each once.
fn in_order(sequence: &[Piece]) -> bool {
    let read: Vec<usize> = sequence
        .iter()
        .filter_map(|piece| match piece {
            Piece::String(at, _) => Some(*at),
            Piece::Text(_) => None,
        })
        .collect();
    read.is_sorted_by(|a, b| a < b)
}

/// Letters that matter to some constraint, and some that matter to none.
fn letters(domains: &[Domain], constraints: &[Constraint]) -> Option<Vec<char>> {
    let mut named: BTreeSet<char> = BTreeSet::new();
    for constraint in constraints {
        match &constraint.matcher {
            Matcher::Pattern(parts) => named.extend(
                parts
                    .iter()
                    .filter(|part| !matches!(**part, ANY | SEGMENT))
                    .filter_map(|part| char::from_u32(*part)),
            ),
            Matcher::Words(words) => named.extend(words.iter().flat_map(|word| word.chars())),
            Matcher::Regex(_) | Matcher::Safe | Matcher::Domain(_) => {}
        }
    }
    for domain in domains {
        if let Domain::Words(words) = domain {
            named.extend(words.iter().flat_map(|word| word.chars()));
        }
    }
    let folded: Vec<char> = named
        .iter()
        .flat_map(|letter| fold(&letter.to_string()).chars().collect::<Vec<_>>())
        .collect();
    // What nobody names is alike to all, except for what paths, hosts and resources are made of.
    let others = ('a'..='z')
        .chain('0'..='9')
        .filter(|letter| !named.contains(letter))
        .take(1);
    // Where only digits may stand, one that nobody names.
    let digits = ('2'..='9').filter(|letter| !named.contains(letter)).take(1);
    let beyond = ['~', '\u{e9}']
        .into_iter()
        .filter(|letter| !named.contains(letter))
        .take(1);
    let mut letters: Vec<char> = others
        .chain(['/', '.', '-', '0', '1'])
        .chain(digits)
        .chain(beyond)
        .collect();
    letters.retain(|letter| !named.contains(letter));
    let own: BTreeSet<char> = named.iter().chain(&folded).copied().collect();
    letters.splice(0..0, named.iter().copied().chain(folded));
    let automata: Vec<&[u32]> = constraints.iter().filter_map(|one| one.matcher.automaton()).collect();
    if !automata.is_empty() {
        letters.extend(letters::standing(&automata, &named)?);
    }
    let mut seen = BTreeSet::new();
    letters.retain(|letter| seen.insert(*letter));
    // Patterns and words tell only letters apart that they name, so one that stands for all others comes first.
    let names_all = |one: &Constraint| match &one.matcher {
        Matcher::Pattern(parts) => !parts.contains(&SEGMENT),
        Matcher::Words(_) => true,
        Matcher::Regex(_) | Matcher::Safe | Matcher::Domain(_) => false,
    };
    if constraints.iter().all(names_all) {
        let mut other = false;
        letters.retain(|letter| own.contains(letter) || !std::mem::replace(&mut other, true));
    }
    Some(letters)
}

struct Walk<'w> {
    domains: &'w [Domain],
    constraints: &'w [Constraint],
    letters: Vec<char>,
}

/// What has been read so far: the string at hand, and where every constraint is, in its sequence and its matcher.
type Place = (u32, Vec<(u32, State)>);

impl Walk<'_> {
    /// Texts that a person would write, if they do.
    fn ordinary(&self) -> Option<Vec<String>> {
        let likely = |domain: &Domain| -> &[&str] {
            match domain {
                Domain::Path => &["/example"],
                Domain::Host => &["host.example"],
                Domain::Integer => &["1"],
                Domain::Scheme => &["https"],
                Domain::UrlHost => &["host.example"],
                Domain::UrlPath => &["/", "/example"],
                Domain::Local => &["someone"],
                Domain::Words(_) => &[],
                Domain::Any | Domain::Folded => &["example", "other"],
            }
        };
        let [domain] = self.domains else { return None };
        let fits = |text: &&&str| {
            let (mut place, mut next) = (self.start(), Place::default());
            for letter in text.chars() {
                if !self.step(&place, letter, &mut next) {
                    return false;
                }
                std::mem::swap(&mut place, &mut next);
            }
            self.turn(&place, &mut next) && self.is_end(&next)
        };
        likely(domain).iter().find(fits).map(|text| vec![(*text).to_owned()])
    }

    fn search(&self) -> Solved<Vec<String>> {
        let mut numbered: Vec<Numbered<'_>> = self
            .constraints
            .iter()
            .map(|one| Numbered::new(one, &self.letters))
            .collect();
        let (string, start) = self.start();
        let start = numbered
            .iter_mut()
            .zip(start)
            .map(|(one, (piece, state))| one.begin(piece, state));
        let Some(start) = start.collect() else {
            return Solved::Never;
        };
        let (mut at, mut place, mut next) = (0, (string, start), numbered::Place::default());
        // Every place once, in the order in which they were reached; what comes after `at` is still open.
        let mut places: IndexSet<numbered::Place, BuildHasherDefault<Fold>> = IndexSet::default();
        // Of each the one that it was reached from, and how.
        let mut trail: Vec<(usize, Option<char>)> = vec![(0, None)];
        let mut doubtful = false;
        places.insert(place.clone());
        while let Some(open) = places.get_index(at) {
            place.clone_from(open);
            let end = self.domains.len();
            if place.0 as usize == end {
                let found = texts(&trail, at, end);
                if found.iter().zip(self.domains).all(|(text, domain)| domain.has(text)) {
                    return Solved::Found(found);
                }
                doubtful = true;
            } else {
                let letters = self.letters.iter().copied().enumerate().map(Some);
                for how in std::iter::once(None).chain(letters) {
                    let lives = match how {
                        Some((letter, _)) => numbered::step(&mut numbered, &place, letter, &mut next),
                        None => numbered::turn(&mut numbered, &place, end, &mut next),
                    };
                    if !lives || places.contains(&next) {
                        continue;
                    }
                    if places.len() >= MOST_STATES {
                        return Solved::Open;
                    }
                    places.insert(next.clone());
                    trail.push((at, how.map(|(_, letter)| letter)));
                }
            }
            at += 1;
        }
        if doubtful { Solved::Open } else { Solved::Never }
    }

    fn start(&self) -> Place {
        let places = self.constraints.iter().map(|one| {
            let state = one.matcher.start();
            one.fixed(0, state)
        });
        (0, places.collect())
    }

    /// What comes after one more letter of the string at hand, into `next`; false where nothing can come of it.
    fn step(&self, (at, places): &Place, letter: char, next: &mut Place) -> bool {
        next.0 = *at;
        next.1.clear();
        for (one, (piece, state)) in self.constraints.iter().zip(places) {
            let state = match one.sequence.get(*piece as usize) {
                Some(Piece::String(string, folded)) if *string == *at as usize => {
                    one.matcher.step(*state, letter, *folded)
                }
                _ => *state,
            };
            if one.takes && state == State::Dead {
                return false;
            }
            next.1.push((*piece, state));
        }
        true
    }

    /// Likewise where the string at hand ends.
    fn turn(&self, (at, places): &Place, next: &mut Place) -> bool {
        next.0 = *at + 1;
        next.1.clear();
        for (one, (piece, state)) in self.constraints.iter().zip(places) {
            let place = match one.sequence.get(*piece as usize) {
                Some(Piece::String(string, _)) if *string == *at as usize => one.fixed(*piece + 1, *state),
                _ => (*piece, *state),
            };
            if one.takes && place.1 == State::Dead {
                return false;
            }
            // A sequence that is over has its answer.
            if place.0 as usize == one.sequence.len() && one.matcher.is_end(place.1) != one.takes {
                return false;
            }
            next.1.push(place);
        }
        true
    }

    fn is_end(&self, (_, places): &Place) -> bool {
        self.constraints
            .iter()
            .zip(places)
            .all(|(one, (_, state))| one.matcher.is_end(*state) == one.takes)
    }
}

/// The texts along a trail.
fn texts(trail: &[(usize, Option<char>)], mut at: usize, many: usize) -> Vec<String> {
    let mut steps = Vec::new();
    while at != 0 {
        let Some((from, how)) = trail.get(at) else { break };
        steps.push(*how);
        at = *from;
    }
    let mut texts = vec![String::new()];
    for step in steps.into_iter().rev() {
        match (step, texts.last_mut()) {
            (Some(letter), Some(text)) => text.push(letter),
            _ => texts.push(String::new()),
        }
    }
    texts.truncate(many);
    texts
}

impl Constraint {
    /// Reads the fixed text that stands next.
    fn fixed(&self, mut piece: u32, mut state: State) -> (u32, State) {
        while let Some(Piece::Text(text)) = self.sequence.get(piece as usize) {
            state = text
                .chars()
                .fold(state, |state, letter| self.matcher.step(state, letter, false));
            piece += 1;
        }
        (piece, state)
    }
}

impl Matcher {
    fn automaton(&self) -> Option<&[u32]> {
        match self {
            Self::Regex(words) => Some(words),
            _ => None,
        }
    }

    fn start(&self) -> State {
        match self {
            Self::Pattern(parts) => enter(parts, 1),
            Self::Regex(_) => State::At(0),
            Self::Words(words) => State::Range(0, u32::try_from(words.len()).unwrap_or(u32::MAX), 0),
            Self::Domain(Domain::Words(words)) => State::Range(0, u32::try_from(words.len()).unwrap_or(u32::MAX), 0),
            Self::Safe | Self::Domain(_) => State::Small(0),
        }
    }

    fn step(&self, state: State, letter: char, folded: bool) -> State {
        match (self, state) {
            (_, State::Dead) => State::Dead,
            (Self::Pattern(parts), State::Parts(states)) => {
                let mut next = 0u128;
                let mut rest = states;
                while rest != 0 {
                    let bit = rest & rest.wrapping_neg();
                    rest ^= bit;
                    next |= match parts.get(bit.trailing_zeros() as usize) {
                        Some(&ANY) => bit,
                        Some(&SEGMENT) if letter != '/' => bit,
                        Some(&part) if part != SEGMENT && is_letter(part, letter, folded) => bit << 1,
                        _ => 0,
                    };
                }
                enter(parts, next)
            }
            (Self::Regex(words), State::At(state)) => {
                letters::after(words, state, letter).map_or(State::Dead, State::At)
            }
            (Self::Words(words) | Self::Domain(Domain::Words(words)), State::Range(low, high, read)) => {
                narrow(words, (low, high, read), letter)
            }
            (Self::Safe, State::Small(at)) => match (at, letter) {
                (_, '/') => State::Small(4),
                (4, _) => State::Small(4),
                (_, letter) if letter.is_control() => State::Small(4),
                (0, '.') => State::Small(1),
                (1, '.') => State::Small(2),
                _ => State::Small(3),
            },
            (Self::Domain(domain), State::Small(at)) => domain.step(at, letter),
            _ => State::Dead,
        }
    }

    fn is_end(&self, state: State) -> bool {
        match (self, state) {
            (Self::Pattern(parts), State::Parts(states)) => states >> parts.len() & 1 == 1,
            (Self::Regex(words), State::At(state)) => {
                Automaton::new(words).is_some_and(|automaton| automaton.accepts(state))
            }
            (Self::Words(words) | Self::Domain(Domain::Words(words)), State::Range(low, high, read)) => {
                low < high && words.get(low as usize).is_some_and(|word| word.len() == read as usize)
            }
            // The empty text, and what is not dots alone.
            (Self::Safe, State::Small(at)) => matches!(at, 0 | 3),
            (Self::Domain(domain), State::Small(at)) => domain.is_end(at),
            _ => false,
        }
    }
}

impl Domain {
    /// One more letter of what the domain holds; states are explained where they are entered.
    fn step(&self, at: u8, letter: char) -> State {
        let to = match self {
            Self::Any | Self::Words(_) => Some(0),
            Self::Folded => {
                let text = letter.to_string();
                (fold(&text) == text.as_str()).then_some(0)
            }
            // 0 nothing yet, 1 the root, 2 one dot of a segment, 3 two, 4 a segment, 5 a slash, 6 one dot and nothing else.
            Self::UrlPath if at == 0 && letter != '/' => None,
            Self::Path | Self::UrlPath => match (at, letter) {
                (_, '\0') => None,
                (0, '/') => Some(1),
                (4, '/') => Some(5),
                (_, '/') => None,
                (0, '.') => Some(6),
                (1 | 5, '.') => Some(2),
                (2 | 6, '.') => Some(3),
                _ => Some(4),
            },
            // 0 before a label, 1 in one, 2 after a hyphen in one.
            Self::Host => match (at, letter) {
                (_, 'a'..='z' | '0'..='9' | '_') => Some(1),
                (1 | 2, '-') => Some(2),
                (1, '.') => Some(0),
                _ => None,
            },
            // As a host; 7 after a bracket, 3 after a dot.
            Self::UrlHost => match (at, letter) {
                (0, '[') | (7, _) => Some(7),
                (_, 'a'..='z' | '0'..='9' | '_') => Some(1),
                (1 | 2, '-') => Some(2),
                (1, '.') => Some(3),
                _ => None,
            },
            // 0 nothing, 1 letters.
            Self::Scheme => match (at, letter) {
                (_, 'a'..='z') | (1, '0'..='9' | '+' | '-' | '.') => Some(1),
                _ => None,
            },
            // 0 before an atom, 1 in one.
            Self::Local => match (at, letter) {
                (1, '.') => Some(0),
                (_, '.') => None,
                (_, letter) if letter.is_ascii_graphic() && letter != '@' => Some(1),
                _ => None,
            },
            // 0 nothing, 1 a sign, 2 a zero, 3 digits.
            Self::Integer => match (at, letter) {
                (0, '-') => Some(1),
                (0, '0') => Some(2),
                (0 | 1, '1'..='9') | (3, '0'..='9') => Some(3),
                _ => None,
            },
        };
        to.map_or(State::Dead, State::Small)
    }

    fn is_end(&self, at: u8) -> bool {
        match self {
            Self::Any | Self::Words(_) | Self::Folded => true,
            Self::Path | Self::UrlPath => matches!(at, 1 | 4 | 6),
            Self::Host | Self::Scheme | Self::Local => at == 1,
            Self::UrlHost => matches!(at, 0 | 1 | 7),
            Self::Integer => matches!(at, 2 | 3),
        }
    }

    /// Whether it has the text, as the runtime's own reader has it.
    pub(super) fn has(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Scheme => url(&format!("{text}://host.example/")).is_ok_and(|url| url.scheme == text),
            Self::UrlHost if text.is_empty() => true,
            Self::UrlHost => url(&format!("https://{text}/")).is_ok_and(|url| url.host == text),
            Self::UrlPath => url_path(text).is_ok_and(|normal| normal == text),
            Self::Local => email(&format!("{text}@host.example")).is_ok_and(|email| email.local == text),
            Self::Folded => fold(text) == text,
            Self::Path => path(text).is_ok_and(|normal| normal == text),
            Self::Host => host(text).is_ok_and(|normal| normal == text),
            Self::Words(words) => words.iter().any(|word| word == text),
            Self::Integer => text.parse::<i64>().is_ok(),
        }
    }
}

/// The words among these that go on with a letter.
fn narrow(words: &[String], (low, high, read): (u32, u32, u32), letter: char) -> State {
    let mut buffer = [0; 4];
    let next = letter.encode_utf8(&mut buffer).as_bytes();
    let goes_on = |word: &String| {
        word.as_bytes()
            .get(read as usize..)
            .is_some_and(|rest| rest.starts_with(next))
    };
    let range = words.get(low as usize..high as usize).unwrap_or_default();
    // Sorted by bytes, so those that go on alike stand together.
    let Some(first) = range.iter().position(goes_on) else {
        return State::Dead;
    };
    let many = range.iter().skip(first).take_while(|word| goes_on(word)).count();
    let place = |offset: usize| low.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
    let read = read.saturating_add(u32::try_from(next.len()).unwrap_or(u32::MAX));
    State::Range(place(first), place(first + many), read)
}

/// A wildcard may take nothing, so what follows it may come next as well.
fn enter(parts: &[u32], states: u128) -> State {
    let mut states = states;
    for (at, part) in parts.iter().enumerate() {
        if matches!(*part, ANY | SEGMENT) && states >> at & 1 == 1 {
            states |= 1 << (at + 1);
        }
    }
    if states == 0 { State::Dead } else { State::Parts(states) }
}

fn is_letter(part: u32, letter: char, folded: bool) -> bool {
    if !folded {
        return part == u32::from(letter);
    }
    char::from_u32(part).is_some_and(|part| {
        let mut buffer = [0; 4];
        fold(part.encode_utf8(&mut buffer)).chars().eq([letter])
    })
}

#[cfg(test)]
mod tests;
