//! Letters that stand for all others, where automata are followed: of those that every automaton, and whatever else is
//! asked, takes alike, one.
//!
//! Automata come in, letters go out. An automaton reads bytes, so what it takes alike is told by the bytes of a letter.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::{Automaton, fold};

/// Letters beyond ASCII that are tried for one length of their encoding. Expressions that name scripts come to more:
/// what is asked of those is left open. Picked by gut feeling.
const MOST: usize = 4_096;

/// How the letters beyond ASCII are encoded: ranges of bytes, one after the other.
const ENCODINGS: [&[(u8, u8)]; 8] = [
    &[(0xc2, 0xdf), (0x80, 0xbf)],
    &[(0xe0, 0xe0), (0xa0, 0xbf), (0x80, 0xbf)],
    &[(0xe1, 0xec), (0x80, 0xbf), (0x80, 0xbf)],
    &[(0xed, 0xed), (0x80, 0x9f), (0x80, 0xbf)],
    &[(0xee, 0xef), (0x80, 0xbf), (0x80, 0xbf)],
    &[(0xf0, 0xf0), (0x90, 0xbf), (0x80, 0xbf), (0x80, 0xbf)],
    &[(0xf1, 0xf3), (0x80, 0xbf), (0x80, 0xbf), (0x80, 0xbf)],
    &[(0xf4, 0xf4), (0x80, 0x8f), (0x80, 0xbf), (0x80, 0xbf)],
];

/// The state of an automaton after a letter.
pub(super) fn after(words: &[u32], state: u32, letter: char) -> Option<u32> {
    let automaton = Automaton::new(words)?;
    let mut bytes = [0; 4];
    let mut bytes = letter.encode_utf8(&mut bytes).bytes();
    bytes.try_fold(state, |state, byte| automaton.step(state, byte))
}

/// Letters that stand for all those that nobody names. `None` where there are too many of them.
pub(super) fn standing(automata: &[&[u32]], named: &BTreeSet<char>) -> Option<Vec<char>> {
    let ordinary = ('a'..='z').chain('0'..='9').chain('A'..='Z');
    let ascii = ordinary.chain('\0'..='\x7f');
    let control = '\u{80}'..='\u{9f}';
    let mut all: Vec<char> = ascii.chain(control).collect();
    for encoding in ENCODINGS {
        let bytes: Vec<Vec<u8>> = encoding.iter().map(|range| alike(automata, *range)).collect();
        if bytes.iter().map(Vec::len).product::<usize>() > MOST {
            return None;
        }
        let mut spelled: Vec<Vec<u8>> = vec![Vec::new()];
        for next in &bytes {
            let longer = spelled
                .iter()
                .flat_map(|begun| next.iter().map(move |byte| [begun.as_slice(), &[*byte]].concat()));
            spelled = longer.collect();
        }
        all.extend(
            spelled
                .iter()
                .filter_map(|bytes| std::str::from_utf8(bytes).ok()?.chars().next()),
        );
    }
    let mut seen = BTreeSet::new();
    all.retain(|letter| !named.contains(letter) && seen.insert((sort(*letter), moves(automata, *letter))));
    Some(all)
}

/// Of the bytes of a range that all automata take alike, the first and the last: letters may be large or small.
fn alike(automata: &[&[u32]], (first, last): (u8, u8)) -> Vec<u8> {
    let mut groups: BTreeMap<Vec<Vec<Option<u32>>>, (u8, u8)> = BTreeMap::new();
    for byte in first..=last {
        let steps = automata.iter().map(|words| {
            let states = states(words);
            let automaton = Automaton::new(words);
            (0..states).map(|state| automaton?.step(state, byte)).collect()
        });
        groups.entry(steps.collect()).or_insert((byte, byte)).1 = byte;
    }
    let ends = groups.into_values().flat_map(|(first, last)| [first, last]);
    ends.collect::<BTreeSet<u8>>().into_iter().collect()
}

/// None of what is no automaton.
fn states(words: &[u32]) -> u32 {
    Automaton::new(words).map_or(0, |automaton| automaton.states())
}

/// Where a letter leads from each state.
fn moves(automata: &[&[u32]], letter: char) -> Vec<Vec<Option<u32>>> {
    let of = |words: &&[u32]| (0..states(words)).map(|state| after(words, state, letter)).collect();
    automata.iter().map(of).collect()
}

/// What paths, hosts, resources and folding take alike.
fn sort(letter: char) -> u32 {
    match letter {
        'a'..='z' => 'a'.into(),
        'A'..='Z' => 'A'.into(),
        '2'..='9' => '2'.into(),
        letter if letter.is_ascii() => letter.into(),
        letter if letter.is_control() => 0x80,
        letter => {
            let text = letter.to_string();
            0x100 + u32::from(fold(&text) == text.as_str())
        }
    }
}
