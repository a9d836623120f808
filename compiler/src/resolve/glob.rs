//! Globs over names: `*` stays within a segment, `**` crosses. Of an action, segments lie between dots.

use crate::ir::GlobPart;

/// A selector entry over names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<GlobPart>,
    separator: char,
}

impl Glob {
    /// Reads an entry. `separator` is what `*` does not cross. `*` alone is everything.
    pub fn new(text: &str, separator: char) -> Self {
        let parts = if text == "*" { vec![GlobPart::Any] } else { parts(text) };
        Self { parts, separator }
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        if !self.starts(name) {
            return false;
        }
        // Which prefixes of the glob match the text read so far: at most as many as there are parts.
        let mut alive = vec![false; self.parts.len() + 1];
        let mut next = alive.clone();
        close(&self.parts, &mut alive, 0);
        for letter in name.chars() {
            next.fill(false);
            for (at, part) in self.parts.iter().enumerate() {
                if alive.get(at) != Some(&true) {
                    continue;
                }
                match part {
                    GlobPart::Literal(expected) if *expected == letter => close(&self.parts, &mut next, at + 1),
                    GlobPart::Segment if letter != self.separator => close(&self.parts, &mut next, at),
                    GlobPart::Any => close(&self.parts, &mut next, at),
                    GlobPart::Literal(_) | GlobPart::Segment => {}
                }
            }
            std::mem::swap(&mut alive, &mut next);
        }
        alive.last() == Some(&true)
    }

    /// Whether the letters before the first wildcard are there: most names fail here, cheaply.
    fn starts(&self, name: &str) -> bool {
        let mut letters = name.chars();
        let literal = self.parts.iter().map_while(|part| {
            if let GlobPart::Literal(letter) = part {
                Some(letter)
            } else {
                None
            }
        });
        literal.into_iter().all(|expected| letters.next() == Some(*expected))
    }

    /// Whether it has a wildcard.
    pub fn is_pattern(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, GlobPart::Literal(_)))
    }
}

/// Marks a state, and those that wildcards reach from it without reading anything.
fn close(parts: &[GlobPart], alive: &mut [bool], mut at: usize) {
    loop {
        if let Some(state) = alive.get_mut(at) {
            *state = true;
        }
        match parts.get(at) {
            Some(GlobPart::Segment | GlobPart::Any) => at += 1,
            _ => return,
        }
    }
}

/// A glob's parts.
pub(super) fn parts(text: &str) -> Vec<GlobPart> {
    let mut parts = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '*' {
            parts.push(GlobPart::Literal(letter));
            continue;
        }
        let mut part = GlobPart::Segment;
        while letters.next_if_eq(&'*').is_some() {
            part = GlobPart::Any;
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_segment() {
        let matches = |glob: &str, name: &str| Glob::new(glob, '.').matches(name);
        assert!(matches("github.merge_*", "github.merge_pull_request"));
        assert!(!matches("github.*", "github.a.b"));
        assert!(matches("github.**", "github.a.b"));
        assert!(matches("*", "github.a.b"));
        assert!(!matches("github.merge", "github.merge_pull_request"));
        assert!(matches("*.get_*", "slack.get_x"));
        assert!(!matches("*.get_*", "slack.x.get_x"));
        assert!(matches("**x", "x"));
    }
}
