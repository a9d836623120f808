//! Globs, by the plainest recursion: a pattern and a text in, yes or no out.

/// `*` stays between separators, `**` crosses them, everything else stands for itself.
pub(super) fn matches(pattern: &str, text: &str, separator: char) -> bool {
    let text: Vec<(char, bool)> = text.chars().map(|c| (c, false)).collect();
    matches_folded(pattern, &text, separator)
}

/// Each character of the text says whether it came from a value whose case does not matter: there the pattern's
/// own case does not matter either.
pub(super) fn matches_folded(pattern: &str, text: &[(char, bool)], separator: char) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    walk(&pattern, text, separator)
}

fn walk(pattern: &[char], text: &[(char, bool)], separator: char) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', '*', rest @ ..] => (0..=text.len()).any(|skipped| walk(rest, &text[skipped..], separator)),
        ['*', rest @ ..] => {
            let segment = text.iter().position(|(c, _)| *c == separator).unwrap_or(text.len());
            (0..=segment).any(|skipped| walk(rest, &text[skipped..], separator))
        }
        [literal, rest @ ..] => match text {
            [(c, folded), tail @ ..] => {
                let same = c == literal || (*folded && crate::normal::fold(&literal.to_string()) == c.to_string());
                same && walk(rest, tail, separator)
            }
            [] => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_in_its_segment_and_two_cross() {
        assert!(matches("repo:acme/*", "repo:acme/pay", '/'));
        assert!(matches("repo:acme/*", "repo:acme/", '/'));
        assert!(!matches("repo:acme/*", "repo:acme/a/b", '/'));
        assert!(matches("repo:acme/**", "repo:acme/a/b", '/'));
        assert!(matches("github.merge_*", "github.merge_pull_request", '.'));
        assert!(!matches("*", "github.merge", '.'));
        assert!(matches("*-*", "a-b", '.'));
        assert!(!matches("a", "ab", '.'));
    }

    #[test]
    fn a_folded_character_takes_either_case_of_the_pattern() {
        let text: Vec<(char, bool)> = "repo:acme".chars().enumerate().map(|(at, c)| (c, at > 4)).collect();
        assert!(matches_folded("repo:ACME", &text, '/'));
        assert!(!matches_folded("REPO:acme", &text, '/'));
    }
}
