//! Texts against the runtime's own matchers, and every short text against what is found.

use super::*;
use polity_runtime::value::{glob, like};
use proptest::prelude::*;

impl Constraint {
    /// Whether the texts meet it.
    fn holds(&self, texts: &[String]) -> bool {
        let mut state = self.matcher.start();
        for piece in &self.sequence {
            let (text, folded) = match piece {
                Piece::Text(text) => (text.as_str(), false),
                Piece::String(at, folded) => (texts.get(*at).map_or("", String::as_str), *folded),
            };
            state = text
                .chars()
                .fold(state, |state, letter| self.matcher.step(state, letter, folded));
        }
        self.matcher.is_end(state) == self.takes
    }
}

fn pattern(text: &str) -> Vec<u32> {
    let mut parts = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '*' if letters.next_if_eq(&'*').is_some() => ANY,
            '*' => SEGMENT,
            letter => u32::from(letter),
        });
    }
    parts
}

fn one(matcher: Matcher, takes: bool) -> Constraint {
    Constraint {
        sequence: vec![Piece::String(0, false)],
        matcher,
        takes,
    }
}

#[test]
fn patterns_that_exclude_each_other_are_told() {
    let both = |a: &str, b: &str| {
        let constraints = [
            one(Matcher::Pattern(pattern(a)), true),
            one(Matcher::Pattern(pattern(b)), true),
        ];
        solve(&[Domain::Any], &constraints)
    };
    assert_eq!(both("repo:acme/**", "repo:evil/**"), Solved::Never);
    assert!(matches!(both("repo:acme/**", "**/pay"), Solved::Found(_)));
    let within = [
        one(Matcher::Pattern(pattern("/srv/app/**")), true),
        one(Matcher::Pattern(pattern("/srv/**")), false),
    ];
    assert_eq!(solve(&[Domain::Path], &within), Solved::Never);
}

#[test]
fn a_resource_of_two_arguments_is_solved_together() {
    let resource = |glob: &str, takes| Constraint {
        sequence: vec![
            Piece::Text("repo:".into()),
            Piece::String(0, false),
            Piece::Text("/".into()),
            Piece::String(1, false),
        ],
        matcher: Matcher::Pattern(pattern(glob)),
        takes,
    };
    let safe = |at| Constraint {
        sequence: vec![Piece::String(at, false)],
        matcher: Matcher::Safe,
        takes: true,
    };
    let domains = [Domain::Any, Domain::Any];
    let found = solve(
        &domains,
        &[
            resource("repo:acme/pay-*", true),
            resource("repo:acme/pay-x", false),
            safe(0),
            safe(1),
        ],
    );
    let Solved::Found(texts) = found else {
        panic!("{found:?}")
    };
    assert_eq!(texts[0], "acme");
    assert!(texts[1].starts_with("pay-") && texts[1] != "pay-x");
    assert_eq!(
        solve(
            &domains,
            &[
                resource("repo:acme/*", false),
                resource("repo:acme/**", true),
                safe(0),
                safe(1)
            ]
        ),
        Solved::Never
    );
}

/// The same walk with nothing numbered, left out or given up early: every letter, and each state as it is.
fn plainly(domains: &[Domain], constraints: &[Constraint], most: usize) -> Solved<Vec<String>> {
    let mut letters = letters(domains, constraints).unwrap();
    let others = "/.-01~\u{e9}ij29".chars().filter(|letter| !letters.contains(letter));
    letters.extend(others.collect::<Vec<_>>());
    let walk = Walk {
        domains,
        constraints,
        letters,
    };
    let mut places = vec![(walk.start(), vec![String::new()])];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut at = 0;
    while let Some((place, texts)) = places.get(at).cloned() {
        at += 1;
        if place.0 as usize == domains.len() {
            return Solved::Found(texts[..domains.len()].to_vec());
        }
        for how in std::iter::once(None).chain(walk.letters.iter().copied().map(Some)) {
            let (mut next, mut texts) = (Place::default(), texts.clone());
            let lives = match how {
                Some(letter) => {
                    texts.last_mut().unwrap().push(letter);
                    walk.step(&place, letter, &mut next)
                }
                None => {
                    texts.push(String::new());
                    walk.turn(&place, &mut next) && (next.0 as usize != domains.len() || walk.is_end(&next))
                }
            };
            if lives && seen.insert(format!("{next:?}")) {
                if places.len() >= most {
                    return Solved::Open;
                }
                places.push((next, texts));
            }
        }
    }
    Solved::Never
}

/// Each is one more letter of a cycle somewhere, and none may stand there: so many at once take many states to follow,
/// most of which lead nowhere.
#[test]
fn many_patterns_with_many_stars_are_told_apart() {
    let words = ["abcd", "bcda", "cdab", "dabc", "acbd", "bdac", "aabb", "ddcc"];
    let pattern_of = |word: &str| {
        Matcher::Pattern(pattern(&format!(
            "**{}",
            word.chars().map(|letter| format!("{letter}**")).collect::<String>()
        )))
    };
    let long = one(pattern_of("abca"), true);
    let without = |many: usize| {
        let mut all: Vec<Constraint> = words[..many].iter().map(|word| one(pattern_of(word), false)).collect();
        all.push(long.clone());
        solve(&[Domain::Any], &all)
    };
    assert_eq!(without(8), Solved::Found(vec!["abca".to_owned()]));
    let mut all: Vec<Constraint> = words.iter().map(|word| one(pattern_of(word), false)).collect();
    all.push(one(pattern_of("abcabcd"), true));
    assert_eq!(solve(&[Domain::Any], &all), Solved::Never);
}

proptest! {
    #[test]
    fn a_walk_tells_what_one_without_numbers_tells(
        patterns in proptest::collection::vec(("([ab/A]|\\*|\\*\\*){0,7}", any::<bool>(), any::<bool>(), 0..4u8), 1..5),
    ) {
        let domains = [Domain::Any, Domain::Any];
        let constraints: Vec<_> = patterns.iter().map(|(text, takes, folded, over)| Constraint {
            sequence: match over {
                0 => vec![Piece::String(0, *folded)],
                1 => vec![Piece::String(1, *folded)],
                2 => vec![Piece::String(0, *folded), Piece::Text("/".to_owned()), Piece::String(1, false)],
                _ => vec![Piece::Text("a".to_owned()), Piece::String(1, *folded), Piece::Text("b".to_owned())],
            },
            matcher: Matcher::Pattern(pattern(text)),
            takes: *takes,
        }).collect();
        let found = solve(&domains, &constraints);
        match plainly(&domains, &constraints, 800) {
            Solved::Open => {}
            plain => prop_assert_eq!(found, plain),
        }
    }

    #[test]
    fn what_is_found_matches_and_never_means_never(
        patterns in proptest::collection::vec(("([ab/]|\\*|\\*\\*){0,4}", any::<bool>()), 1..4),
    ) {
        let constraints: Vec<_> =
            patterns.iter().map(|(text, takes)| one(Matcher::Pattern(pattern(text)), *takes)).collect();
        let holds = |text: &str| patterns.iter().all(|(glob_text, takes)| glob(&[(text, false)], &pattern(glob_text)) == *takes);
        match solve(&[Domain::Any], &constraints) {
            Solved::Found(texts) => prop_assert!(holds(&texts[0]), "{texts:?}"),
            Solved::Never => {
                let mut all = vec![String::new()];
                for _ in 0..5 {
                    for text in &all {
                        prop_assert!(!holds(text), "{text}");
                    }
                    all = all.iter().flat_map(|text| "ab/c".chars().map(move |letter| format!("{text}{letter}"))).collect();
                }
            }
            Solved::Open => prop_assert!(false),
        }
    }

    #[test]
    fn a_text_is_taken_as_the_runtime_takes_it(text in "[abA/]{0,6}", pattern_text in "([abA/]|\\*|\\*\\*){0,5}") {
        let parts = pattern(&pattern_text);
        let takes = |folded| Constraint {
            sequence: vec![Piece::String(0, folded)],
            matcher: Matcher::Pattern(parts.clone()),
            takes: true,
        };
        prop_assert_eq!(takes(false).holds(std::slice::from_ref(&text)), glob(&[(&text, false)], &parts));
        prop_assert_eq!(takes(true).holds(&[fold(&text).into_owned()]), glob(&[(&fold(&text), true)], &parts));
        if !parts.contains(&SEGMENT) {
            prop_assert_eq!(takes(false).holds(std::slice::from_ref(&text)), like(&text, &parts));
        }
    }
}

fn regex(text: &str, takes: bool) -> Constraint {
    one(
        Matcher::Regex(crate::lower::rego::automaton(text).unwrap().into()),
        takes,
    )
}

/// What letters stand for must be told for all automata together: that no text is left is a proof.
#[test]
fn expressions_are_followed_together() {
    let word = |words: &[&str], takes| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        one(Matcher::Words(words), takes)
    };
    let found = [
        vec![regex("^[a-z]+$", true), regex("^[a-m]*$", false)],
        vec![regex("^[aeiou]$", true), regex("^[a-m]$", false)],
        vec![regex("^[A-Z]$", true), word(&["A"], false)],
        vec![regex("^.$", true), regex("^[\\x00-\\x7f]*$", false)],
        vec![regex("^[éè]$", true), regex("é", false)],
        vec![regex("a", true), regex("b", true), regex("^.{2}$", true)],
        vec![
            regex("^release-[0-9]+$", true),
            one(Matcher::Pattern(pattern("release-1*")), false),
        ],
    ];
    for constraints in found {
        let texts = match solve(&[Domain::Any], &constraints) {
            Solved::Found(texts) => texts,
            other => panic!("{other:?} {constraints:?}"),
        };
        assert_eq!(texts.len(), 1);
    }
    let never = [
        vec![
            regex("^[aeiou]$", true),
            regex("^[a-m]$", true),
            word(&["a", "e", "i"], false),
        ],
        vec![regex("^(a|b)+$", true), regex("^[ab][ab]*$", false)],
        vec![regex("^[a-z]+$", true), regex("[0-9]", true)],
        vec![regex("^[éè]$", true), regex("é", false), regex("è", false)],
        vec![regex("^E.*R$", true), one(Matcher::Pattern(pattern("E**R")), false)],
    ];
    for constraints in never {
        let solved = solve(&[Domain::Any], &constraints);
        assert!(matches!(solved, Solved::Never), "{solved:?} {constraints:?}");
    }
    // In a list of words, as of an enum.
    let words = Domain::Words(vec!["card".to_owned(), "cash".to_owned(), "wire".to_owned()]);
    let solved = solve(&[words], &[regex("^ca(sh|rd)$", false)]);
    assert!(
        matches!(&solved, Solved::Found(texts) if texts == &["wire"]),
        "{solved:?}"
    );
}
