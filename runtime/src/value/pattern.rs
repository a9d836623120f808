//! Text and a pattern come in, whether the one matches the other goes out: Cedar's `like`, resource globs, case
//! folding, and what a placeholder in a resource may hold.
//!
//! A pattern is a sequence of words, each a character or one of the wildcards. Matching takes time in proportion to
//! the text times the pattern at worst, whatever both are, and never recurses.

use std::borrow::Cow;

/// Any characters, none included: the `*` of `like`, the `**` of a glob.
pub const ANY: u32 = u32::MAX;
/// Any characters but `/`, none included: the `*` of a glob.
pub const SEGMENT: u32 = u32::MAX - 1;

/// Cedar's `like`: whether all of the text matches a pattern of characters and [`ANY`].
#[must_use]
pub fn like(text: &str, pattern: &[u32]) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern);
    // Where to go on when a literal fails: with the last wildcard taking one character more. An earlier wildcard
    // need not be tried again, since what it could take the last one can.
    let mut retry = None;
    loop {
        if let [ANY, rest @ ..] = pattern {
            if rest.is_empty() {
                return true;
            }
            pattern = rest;
            retry = Some((text.clone(), rest));
            continue;
        }
        match (text.next(), pattern) {
            (None, rest) => return rest.is_empty(),
            (Some(char), [first, rest @ ..]) if *first == u32::from(char) => pattern = rest,
            _ => {
                let Some((from, after)) = &mut retry else { return false };
                // The text has not ended, so there is a character for the wildcard to take.
                from.next();
                (text, pattern) = (from.clone(), after);
            }
        }
    }
}

/// Whether all of a text, which comes in pieces, matches a pattern of characters, [`SEGMENT`] and [`ANY`].
///
/// Where a piece is folded (`true`; its text has been folded already) the pattern's characters are folded before they
/// are compared with it.
#[must_use]
pub fn glob(pieces: &[(&str, bool)], pattern: &[u32]) -> bool {
    let mut text = Text::new(pieces);
    let mut pattern = pattern;
    // Most patterns begin with what tells them apart.
    while let [first, rest @ ..] = pattern
        && !matches!(*first, ANY | SEGMENT)
    {
        match text.next() {
            Some((char, folded)) if is_char(*first, char, folded) => pattern = rest,
            _ => return false,
        }
    }
    match pattern {
        [] => text.next().is_none(),
        [ANY] => true,
        [SEGMENT] => !text.has_slash(),
        _ => simulate(text, pattern),
    }
}

/// What is left of a text in pieces: its characters, each with whether it is folded.
struct Text<'t> {
    chars: std::str::Chars<'t>,
    folded: bool,
    rest: std::slice::Iter<'t, (&'t str, bool)>,
}

impl<'t> Text<'t> {
    #[inline]
    fn new(pieces: &'t [(&'t str, bool)]) -> Self {
        Self {
            chars: "".chars(),
            folded: false,
            rest: pieces.iter(),
        }
    }

    #[inline]
    fn has_slash(self) -> bool {
        self.chars.as_str().as_bytes().contains(&b'/')
            || self.rest.into_iter().any(|(piece, _)| piece.as_bytes().contains(&b'/'))
    }
}

impl Iterator for Text<'_> {
    type Item = (char, bool);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(char) = self.chars.next() {
                return Some((char, self.folded));
            }
            let (piece, folded) = self.rest.next()?;
            (self.chars, self.folded) = (piece.chars(), *folded);
        }
    }
}

/// Without regard to case, character by character; what would become several characters, as `İ`, stays as it is.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    match text.chars().all(|char| fold_char(char) == char) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(fold_char).collect()),
    }
}

/// Whether a value may be put beside others in a resource: no `/`, no `.` or `..`, no control character.
#[must_use]
#[inline]
pub fn safe_in_resource(value: &str) -> bool {
    let bytes = value.as_bytes();
    // Most are short: all their bytes are in two words, some of them in both.
    let doubts = if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let [first, last] = [first, last].map(|word| doubtful(u64::from_le_bytes(*word)));
        if bytes.len() <= 16 { first | last } else { 1 }
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        doubtful(first << 32 | last)
    } else {
        1
    };
    doubts == 0 || safe_by_characters(value)
}

/// The same, of a value of any length and any characters.
#[inline(never)]
fn safe_by_characters(value: &str) -> bool {
    let (chunks, rest) = value.as_bytes().as_chunks::<8>();
    let doubts = chunks
        .iter()
        .fold(0, |doubts, chunk| doubts | doubtful(u64::from_le_bytes(*chunk)));
    let doubts = rest
        .iter()
        .fold(doubts, |doubts, byte| doubts | doubtful(u64::from(*byte) | HARMLESS));
    !matches!(value, "." | "..") && (doubts == 0 || has_no_separator(value))
}

/// Seven bytes that leave no doubt, above a place for one more.
const HARMLESS: u64 = u64::from_le_bytes([0, b'a', b'a', b'a', b'a', b'a', b'a', b'a']);

/// Not 0 where one of eight bytes is `/`, a control character of ASCII, or a part of a character beyond ASCII.
#[inline]
fn doubtful(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    // A byte below `n` borrows from its highest bit, for `n` up to 128; a lower byte's borrow is a doubt already.
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let slash = below(word ^ (ONES * u64::from(b'/')), 1);
    let delete = below(word ^ (ONES * 0x7f), 1);
    (word | below(word, 0x20) | slash | delete) & HIGH
}

#[cold]
fn has_no_separator(value: &str) -> bool {
    !value.chars().any(|char| char == '/' || char.is_control())
}

/// Unicode's simple case folding, by way of the capital: a final sigma and a long `s` have the same one as the letters
/// that they stand for. A letter whose other case is several characters stays as it is.
fn fold_char(char: char) -> char {
    fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
        chars.next().filter(|_| chars.next().is_none())
    }
    if char.is_ascii() {
        return char.to_ascii_lowercase();
    }
    let lower = only(char.to_lowercase()).unwrap_or(char);
    match only(lower.to_uppercase()) {
        // Its capital is that of another letter, which only Turkish and Azeri tell from it.
        _ if lower == 'ı' => lower,
        Some(upper) => only(upper.to_lowercase()).unwrap_or(lower),
        None => lower,
    }
}

fn is_char(part: u32, char: char, folded: bool) -> bool {
    match folded {
        false => part == u32::from(char),
        true => char::from_u32(part).is_some_and(|part| fold_char(part) == char),
    }
}

/// Follows all ways to match at once. State `i` is "part `i` comes next".
fn simulate(text: impl Iterator<Item = (char, bool)>, pattern: &[u32]) -> bool {
    if pattern.len() < 64 {
        simulate_short(text, pattern)
    } else {
        simulate_long(text, pattern)
    }
}

/// Where one word holds all states.
fn simulate_short(text: impl Iterator<Item = (char, bool)>, pattern: &[u32]) -> bool {
    let wild = pattern
        .iter()
        .rev()
        .fold(0u64, |mask, part| mask << 1 | u64::from(matches!(*part, ANY | SEGMENT)));
    // A wildcard may take no character, so the state after it is reached with it.
    let enter = |mut states: u64| {
        loop {
            let reached = states | (states & wild) << 1;
            if reached == states {
                return states;
            }
            states = reached;
        }
    };
    let mut current = enter(1);
    for (char, folded) in text {
        let mut next = 0;
        while current != 0 {
            let bit = current & current.wrapping_neg();
            current ^= bit;
            next |= match pattern.get(bit.trailing_zeros() as usize) {
                Some(&ANY) => bit,
                Some(&SEGMENT) if char != '/' => bit,
                Some(&part) if part != SEGMENT && is_char(part, char, folded) => bit << 1,
                _ => 0,
            };
        }
        if next == 0 {
            return false;
        }
        current = enter(next);
    }
    current >> pattern.len() & 1 == 1
}

fn simulate_long(text: impl Iterator<Item = (char, bool)>, pattern: &[u32]) -> bool {
    let words = pattern.len() / 64 + 1;
    let mut states = vec![0; words * 2];
    let (mut current, mut next) = states.split_at_mut(words);
    enter(current, pattern, 0);
    for (char, folded) in text {
        next.fill(0);
        let mut alive = false;
        for (word, &states) in current.iter().enumerate() {
            let mut states = states;
            while states != 0 {
                let state = word * 64 + states.trailing_zeros() as usize;
                states &= states - 1;
                let to = match pattern.get(state) {
                    Some(&ANY) => state,
                    Some(&SEGMENT) if char != '/' => state,
                    Some(&part) if part != SEGMENT && is_char(part, char, folded) => state + 1,
                    _ => continue,
                };
                enter(next, pattern, to);
                alive = true;
            }
        }
        if !alive {
            return false;
        }
        std::mem::swap(&mut current, &mut next);
    }
    current
        .get(pattern.len() / 64)
        .is_some_and(|word| word >> (pattern.len() % 64) & 1 == 1)
}

/// Marks a state, and what it reaches without a character: a wildcard may take none.
fn enter(states: &mut [u64], pattern: &[u32], mut state: usize) {
    loop {
        let Some(word) = states.get_mut(state / 64) else { return };
        let bit = 1 << (state % 64);
        // What is marked has had all that it reaches marked.
        if *word & bit != 0 {
            return;
        }
        *word |= bit;
        match pattern.get(state) {
            Some(&(ANY | SEGMENT)) => state += 1,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `*` for [`ANY`].
    fn like_pattern(text: &str) -> Vec<u32> {
        text.chars()
            .map(|char| if char == '*' { ANY } else { u32::from(char) })
            .collect()
    }

    /// `*` for [`SEGMENT`], `**` for [`ANY`].
    fn glob_pattern(text: &str) -> Vec<u32> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            parts.push(match char {
                '*' if chars.next_if_eq(&'*').is_some() => ANY,
                '*' => SEGMENT,
                char => u32::from(char),
            });
        }
        parts
    }

    fn naive(text: &[(char, bool)], pattern: &[u32]) -> bool {
        match (text, pattern) {
            (_, [ANY, rest @ ..]) => (0..=text.len()).any(|taken| naive(&text[taken..], rest)),
            (_, [SEGMENT, rest @ ..]) => {
                let most = text.iter().position(|(char, _)| *char == '/').unwrap_or(text.len());
                (0..=most).any(|taken| naive(&text[taken..], rest))
            }
            ([(char, folded), text @ ..], [part, rest @ ..]) => {
                let part = char::from_u32(*part).unwrap();
                (if *folded { fold_char(part) } else { part }) == *char && naive(text, rest)
            }
            (text, pattern) => text.is_empty() && pattern.is_empty(),
        }
    }

    #[test]
    fn like_takes_the_whole_text() {
        for (text, pattern, matches) in [
            ("", "", true),
            ("", "*", true),
            ("a", "", false),
            ("docs/a", "docs*", true),
            ("docs", "docs*", true),
            ("doc", "docs*", false),
            ("a.rs.bak", "*.rs", false),
            ("a.rs.rs", "*.rs", true),
            ("abcbc", "a*bc", true),
            ("é日本", "é*本", true),
            ("a/b\nc\0", "a*\0", true),
        ] {
            assert_eq!(like(text, &like_pattern(pattern)), matches, "{text} like {pattern}");
        }
    }

    #[test]
    fn a_star_stays_within_a_segment_and_two_cross() {
        for (text, pattern, matches) in [
            ("repo:acme/pay", "repo:acme/*", true),
            ("repo:acme/pay/x", "repo:acme/*", false),
            ("repo:acme/pay/x", "repo:acme/**", true),
            ("repo:acme/", "repo:acme/*", true),
            ("/srv/a/b/c.yaml", "/srv/**/*.yaml", true),
            ("/srv/c.yaml", "/srv/**/*.yaml", false),
            ("branch:acme/pay@main", "branch:acme/*@ma*", true),
            ("branch:acme/pay/x@main", "branch:acme/*@ma*", false),
            ("a/b", "*/*", true),
            ("a/b/c", "*/*", false),
            ("", "**", true),
        ] {
            assert_eq!(
                glob(&[(text, false)], &glob_pattern(pattern)),
                matches,
                "{text} against {pattern}"
            );
        }
    }

    #[test]
    fn a_folded_piece_ignores_case_and_the_rest_does_not() {
        let pattern = glob_pattern("repo:ACME/Pay");
        assert!(glob(
            &[("repo:", false), ("acme", true), ("/", false), ("pay", true)],
            &pattern
        ));
        assert!(!glob(
            &[("REPO:", false), ("acme", true), ("/", false), ("pay", true)],
            &pattern
        ));
        assert!(!glob(
            &[("repo:", false), ("acme", true), ("/", false), ("pay", false)],
            &pattern
        ));
    }

    #[test]
    fn hostile_patterns_stay_fast() {
        let text = "a".repeat(20_000);
        assert!(!glob(
            &[(&text, false)],
            &glob_pattern(&format!("{}b", "**a".repeat(20)))
        ));
        assert!(!glob(
            &[(&text, false)],
            &glob_pattern(&format!("{}b", "*a".repeat(20)))
        ));
        assert!(!glob(
            &[(&text, false)],
            &glob_pattern(&format!("**{}b", "a*".repeat(20)))
        ));
        assert!(!like(&text, &like_pattern(&format!("{}b", "*a".repeat(20)))));
        let long = glob_pattern(&format!("**{}", "a".repeat(1_000)));
        assert!(glob(&[(&text, false)], &long));
        assert!(!glob(&[(&text, false), ("b", false)], &long));
    }

    #[test]
    fn folding_is_idempotent_and_keeps_the_number_of_characters() {
        for char in char::MIN..=char::MAX {
            assert_eq!(fold_char(fold_char(char)), fold_char(char), "{char:?}");
        }
        assert_eq!(fold("ACME-Ärger"), "acme-ärger");
        assert!(matches!(fold("acme"), Cow::Borrowed(_)));
        // Two characters in lower case: unchanged.
        assert_eq!(fold("İ"), "İ");
        assert_eq!(fold("ẞ"), "ß");
        assert_ne!(fold("ẞ"), "ss");
        // The Kelvin sign is a `k` to Unicode, the Cyrillic and the fullwidth letters are none.
        assert_eq!(fold("\u{212a}"), "k");
        assert_ne!(fold("АСМЕ"), "acme");
        assert_ne!(fold("ＡＣＭＥ"), "acme");
        // What is written otherwise at a word's end, or was once, is the same letter.
        assert_eq!(fold("ΤΈΛΟΣ"), fold("τέλος"));
        assert_eq!(fold("ſecret"), "secret");
        assert_eq!(fold("\u{b5}"), fold("\u{39c}"));
        // A dotless `i` is a letter of its own.
        assert_eq!(fold("ıI"), "ıi");
    }

    #[test]
    fn a_placeholder_adds_no_segment() {
        for value in ["a/b", "/", ".", "..", "a\0", "a\nb", "\u{85}", "\u{7f}"] {
            assert!(!safe_in_resource(value), "{value:?}");
        }
        for value in ["", "pay", "...", ".git", "a..b", "a b", "*", "é"] {
            assert!(safe_in_resource(value), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn like_agrees_with_a_naive_matcher(text in "[ab]{0,10}", pattern in "[ab*]{0,8}") {
            let chars: Vec<_> = text.chars().map(|char| (char, false)).collect();
            prop_assert_eq!(like(&text, &like_pattern(&pattern)), naive(&chars, &like_pattern(&pattern)));
        }

        #[test]
        fn glob_agrees_with_a_naive_matcher(
            pieces in proptest::collection::vec(("[abÄ/]{0,4}", any::<bool>()), 0..4),
            pattern in "([abAä/]|\\*|\\*\\*){0,8}",
        ) {
            let pieces: Vec<_> =
                pieces.iter().map(|(text, folded)| (if *folded { fold(text) } else { (**text).into() }, *folded)).collect();
            let borrowed: Vec<_> = pieces.iter().map(|(text, folded)| (&**text, *folded)).collect();
            let chars: Vec<_> =
                borrowed.iter().flat_map(|&(text, folded)| text.chars().map(move |char| (char, folded))).collect();
            let pattern = glob_pattern(&pattern);
            let expected = naive(&chars, &pattern);
            prop_assert_eq!(glob(&borrowed, &pattern), expected);
            prop_assert_eq!(simulate_short(chars.iter().copied(), &pattern), expected);
            prop_assert_eq!(simulate_long(chars.iter().copied(), &pattern), expected);
        }
    }
}
