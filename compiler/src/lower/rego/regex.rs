//! A regular expression becomes an automaton as the runtime reads it: the smallest that takes the same texts, so that
//! what it costs is known when compiling, and never depends on the text but by its length.
//!
//! The syntax and its meaning are those of the engine's own library, so a rule means the same whichever decides it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use polity_runtime::value::AUTOMATON;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

/// States before equal ones are joined. What is larger is left to the engine.
const MOST_STATES: usize = 1_000;
/// Transitions of an automaton: 128 KiB of a bundle, once for all rules that ask it. What people write comes to a
/// hundredth, but for `\w`, which names the words of all scripts.
const MOST_TRANSITIONS: usize = 32_768;
/// Bytes that may be taken while one is made. A hundred times what is kept.
const MOST_MEMORY: usize = 1 << 20;

/// Why there is no automaton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no expression; why, in words.
    Wrong(String),
    /// It would be too large, or looks at where words of all scripts begin.
    Large,
}

/// A state that takes whatever follows, or nothing at all, or one that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    Taken,
    Lost,
    In(StateID),
}

/// The words of an automaton, shared by every test that asks it.
type Shared = Result<Arc<[u32]>, Refused>;

/// The expressions of a policy that were made before: a rule is lowered for one action after the other.
#[derive(Debug, Default)]
pub(super) struct Made(Mutex<BTreeMap<String, Shared>>);

impl Made {
    /// The automaton of an expression.
    pub(super) fn automaton(&self, pattern: &str) -> Shared {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = made.get(pattern).cloned();
        known.unwrap_or_else(|| {
            let new = automaton(pattern).map(Arc::from);
            made.insert(pattern.to_owned(), new.clone());
            new
        })
    }
}

/// The words of the automaton that takes the texts in which an expression matches somewhere.
pub(crate) fn automaton(pattern: &str) -> Result<Vec<u32>, Refused> {
    syntax::parse(pattern).map_err(|error| Refused::Wrong(said(&error.to_string())))?;
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(MOST_MEMORY))
        .determinize_size_limit(Some(MOST_MEMORY));
    let dfa = dense::Builder::new()
        .configure(config)
        .thompson(thompson::Config::new().nfa_size_limit(Some(MOST_MEMORY)))
        .build(pattern)
        .map_err(|_| Refused::Large)?;
    let begins = start::Config::new().anchored(Anchored::No);
    let begins = dfa.start_state(&begins).map_err(|_| Refused::Large)?;
    // Bytes that every state takes alike.
    let classes = dfa.byte_classes();
    let mut samples: BTreeMap<u8, u8> = BTreeMap::new();
    for byte in 0..=u8::MAX {
        samples.entry(classes.get(byte)).or_insert(byte);
    }
    let samples: Vec<u8> = samples.into_values().collect();
    let after = |at: At, byte: u8| match at {
        At::In(state) => {
            let next = dfa.next_state(state, byte);
            match () {
                () if dfa.is_quit_state(next) => Err(Refused::Large),
                // It is told a byte late that a match ended; more of the text takes nothing away.
                () if dfa.is_match_state(next) => Ok(At::Taken),
                () if dfa.is_dead_state(next) => Ok(At::Lost),
                () => Ok(At::In(next)),
            }
        }
        settled => Ok(settled),
    };
    let mut numbers: BTreeMap<At, usize> = BTreeMap::from([(At::In(begins), 0)]);
    let mut order = vec![At::In(begins)];
    let mut rows: Vec<Vec<usize>> = Vec::new();
    while let Some(at) = order.get(rows.len()).copied() {
        let mut row = Vec::with_capacity(samples.len());
        for byte in &samples {
            let next = after(at, *byte)?;
            let number = *numbers.entry(next).or_insert_with(|| {
                order.push(next);
                order.len() - 1
            });
            row.push(number);
        }
        rows.push(row);
        if order.len() > MOST_STATES {
            return Err(Refused::Large);
        }
    }
    let takes: Vec<bool> = order
        .iter()
        .map(|at| match at {
            At::Taken => true,
            At::Lost => false,
            At::In(state) => dfa.is_match_state(dfa.next_eoi_state(*state)),
        })
        .collect();
    let (rows, takes) = smallest(&rows, &takes);
    let class_of = |byte: u8| {
        samples
            .iter()
            .rposition(|sample| classes.get(*sample) == classes.get(byte))
    };
    let map: Vec<usize> = (0..=u8::MAX).map(|byte| class_of(byte).unwrap_or(0)).collect();
    words(pattern, &rows, &takes, &map).ok_or(Refused::Large)
}

/// Joins states that take the same texts, and numbers them in the order in which they are reached.
fn smallest(rows: &[Vec<usize>], takes: &[bool]) -> (Vec<Vec<usize>>, Vec<bool>) {
    let mut group: Vec<usize> = takes.iter().map(|takes| usize::from(*takes)).collect();
    let of = |group: &[usize], state: usize| group.get(state).copied().unwrap_or(0);
    loop {
        let mut known: BTreeMap<(usize, Vec<usize>), usize> = BTreeMap::new();
        let next: Vec<usize> = rows
            .iter()
            .enumerate()
            .map(|(state, row)| {
                let key = (of(&group, state), row.iter().map(|to| of(&group, *to)).collect());
                let number = known.len();
                *known.entry(key).or_insert(number)
            })
            .collect();
        let before = group.iter().collect::<BTreeSet<_>>().len();
        let settled = known.len() == before;
        group = next;
        if settled {
            break;
        }
    }
    // The first state of each group stands for it; groups were numbered as their first states were reached.
    let mut firsts: BTreeMap<usize, usize> = BTreeMap::new();
    for (state, group) in group.iter().enumerate() {
        firsts.entry(*group).or_insert(state);
    }
    let row = |state: &usize| {
        let row = rows.get(*state).map_or(&[][..], Vec::as_slice);
        row.iter().map(|to| of(&group, *to)).collect()
    };
    let answers = firsts.values().map(|state| takes.get(*state).copied().unwrap_or(false));
    (firsts.values().map(row).collect(), answers.collect())
}

/// The words, with bytes joined that every state takes alike.
fn words(pattern: &str, rows: &[Vec<usize>], takes: &[bool], map: &[usize]) -> Option<Vec<u32>> {
    let column = |class: usize| -> Vec<usize> { rows.iter().filter_map(|row| row.get(class).copied()).collect() };
    let mut columns: Vec<Vec<usize>> = Vec::new();
    let mut bytes: Vec<u8> = Vec::new();
    let mut known: BTreeMap<usize, u8> = BTreeMap::new();
    for class in map {
        let number = match known.get(class) {
            Some(number) => *number,
            None => {
                let own = column(*class);
                let place = columns.iter().position(|column| *column == own).unwrap_or_else(|| {
                    columns.push(own);
                    columns.len() - 1
                });
                let number = u8::try_from(place).ok()?;
                known.insert(*class, number);
                number
            }
        };
        bytes.push(number);
    }
    if columns.len() * rows.len() > MOST_TRANSITIONS {
        return None;
    }
    let narrow = |number: usize| u32::try_from(number).ok();
    let mut words = vec![AUTOMATON, narrow(pattern.chars().count())?];
    words.extend(pattern.chars().map(u32::from));
    words.extend([narrow(columns.len())?, narrow(rows.len())?]);
    words.extend(bytes.as_chunks::<4>().0.iter().map(|four| u32::from_le_bytes(*four)));
    for state in 0..rows.len() {
        for column in &columns {
            words.push(narrow(*column.get(state)?)?);
        }
    }
    words.extend(takes.chunks(32).map(|some| {
        let bits = some.iter().rev();
        bits.fold(0u32, |word, takes| word << 1 | u32::from(*takes))
    }));
    Some(words)
}

/// The last line of what the parser says: those before it show the expression.
fn said(message: &str) -> String {
    let last = message.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or(message).trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use polity_runtime::value::Automaton;

    use super::*;

    const TEXTS: [&str; 26] = [
        "",
        "a",
        "A",
        "b",
        "ab",
        "abc",
        "xabcx",
        "a1",
        "C0123",
        "c0123",
        "é",
        "É",
        "aé",
        "日本",
        "\n",
        "a\nb",
        "a b",
        "42",
        "-42",
        "3.14",
        "a.b",
        "feature/x",
        "release-1.2",
        "aaa",
        "ＡＢ",
        "٣",
    ];

    #[test]
    fn it_takes_what_the_expression_matches() {
        let patterns = [
            "",
            "a",
            "^a$",
            "^a",
            "a$",
            "a|b",
            "^(a|b)+$",
            "^[a-z]+$",
            "^C[0-9A-Z]+$",
            ".",
            "^.$",
            "^.*$",
            r"^\d+$",
            r"\d",
            r"^-?\d+(\.\d+)?$",
            "(?i)abc",
            "^(?s).$",
            r"^release-\d+\.\d+$",
            "^feature/",
            "a{2,3}",
            "^[^/]+$",
            "é",
            r"\bab\b|x",
            "^$",
            r"[^\x00-\x7F]",
        ];
        for pattern in patterns {
            let oracle = regex_automata::dfa::regex::Regex::new(pattern);
            let words = match automaton(pattern) {
                Ok(words) => words,
                // Where words of all scripts begin is told by no automaton over bytes.
                Err(refused) => {
                    assert_eq!(refused, Refused::Large);
                    assert!(pattern.contains(r"\b"), "{pattern} {refused:?}");
                    continue;
                }
            };
            let automaton = Automaton::new(&words).unwrap();
            assert!(automaton.is_sound(), "{pattern}");
            assert_eq!(automaton.text(), pattern);
            for text in TEXTS {
                let takes = oracle.as_ref().unwrap().is_match(text);
                assert_eq!(automaton.takes(text), Some(takes), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn expressions_that_take_the_same_texts_are_the_same_automaton() {
        let of = |pattern: &str| {
            let words = automaton(pattern).unwrap();
            words[2 + pattern.chars().count()..].to_vec()
        };
        assert_eq!(of("^(a|b)+$"), of("^[ab][ab]*$"));
        assert_ne!(of("^(a|b)+$"), of("^[ab]*$"));
    }

    #[test]
    fn what_is_wrong_or_large_is_refused() {
        assert!(matches!(automaton("(a"), Err(Refused::Wrong(why)) if why.contains("unclosed group")));
        assert_eq!(automaton("(a|b)*a(a|b){12}$").err(), Some(Refused::Large));
        assert_eq!(automaton("(.*a){40}.{40}").err(), Some(Refused::Large));
        assert!(automaton("^(a?){400}b$").is_ok());
    }
}
