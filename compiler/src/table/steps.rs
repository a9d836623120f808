//! A resource's template and a glob in; how each slot must fit, out, where the glob falls apart at the slots. Then a
//! call is not put together to be matched: each slot is compared with its own part of the glob.
//!
//! The template is known and its placeholders hold no `/` (a free one apart), so that a glob's segment is matched by
//! the same segment of the template. Where a glob's part cannot be told from its neighbour's there are no steps, and the
//! glob is matched as a whole.

use polity_runtime::guard::Fit;
use polity_runtime::value::{Slot, fold};

use crate::ir::{GlobPart, ResourcePart};

/// How one slot must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The slot.
    pub slot: Slot,
    /// It may hold anything.
    pub free: bool,
    /// Its part of the glob; letters are folded where the slot is.
    pub glob: Vec<GlobPart>,
    /// The glob contradicts a literal, so it matters only that the slot can be read.
    pub never: bool,
}

impl Step {
    /// How the slot must stand to a constant, and the constant. A [`Fit::Pattern`] has the glob instead.
    pub(super) fn fit(&self) -> (Fit, String) {
        if self.never {
            return (Fit::Never, String::new());
        }
        let letter = |part: &GlobPart| match part {
            GlobPart::Literal(letter) => Some(*letter),
            GlobPart::Segment | GlobPart::Any => None,
        };
        // In a slot that holds no `/` one star is as good as two.
        let star = |part: &GlobPart| match part {
            GlobPart::Any => true,
            GlobPart::Segment => !self.free,
            GlobPart::Literal(_) => false,
        };
        match fit(&self.glob, letter, star) {
            Some((Fit::Prefix, text)) if text.is_empty() => (Fit::Any, text),
            Some(found) => found,
            None => (Fit::Pattern, String::new()),
        }
    }
}

/// How a text that matches a pattern stands to a constant, where the pattern is letters with at most one star, at an
/// end. A star alone is the prefix of no letters.
pub(super) fn fit<P>(
    parts: &[P],
    letter: impl Fn(&P) -> Option<char>,
    star: impl Fn(&P) -> bool,
) -> Option<(Fit, String)> {
    let text = |parts: &[P]| parts.iter().map(&letter).collect::<Option<String>>();
    if let Some(whole) = text(parts) {
        return Some((Fit::Equal, whole));
    }
    let before = parts.split_last().filter(|(last, _)| star(last));
    if let Some(prefix) = before.and_then(|(_, before)| text(before)) {
        return Some((Fit::Prefix, prefix));
    }
    let (_, after) = parts.split_first().filter(|(first, _)| star(first))?;
    text(after).map(|suffix| (Fit::Suffix, suffix))
}

/// An item of a template: a literal's letter, or a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Letter(char),
    Slot { slot: Slot, folded: bool, free: bool },
}

/// The steps, one for each slot in the order of the template.
pub(super) fn steps(template: &[ResourcePart], glob: &[GlobPart]) -> Option<Vec<Step>> {
    let items = |part: &ResourcePart| match part {
        ResourcePart::Literal(text) => text.chars().map(Item::Letter).collect(),
        ResourcePart::Slot { slot, folded, free } => vec![Item::Slot {
            slot: *slot,
            folded: *folded,
            free: *free,
        }],
    };
    let items: Vec<Item> = template.iter().flat_map(items).collect();
    let mut found = Steps(Vec::new());
    if found.walk(&items, glob)? {
        return Some(found.0);
    }
    let mut never = Steps(Vec::new());
    never.anything(&items, true)?;
    never.0.iter_mut().for_each(|step| step.never = true);
    // A resource without slots is matched as a whole: there would be nothing to say it in.
    (!never.0.is_empty()).then_some(never.0)
}

struct Steps(Vec<Step>);

impl Steps {
    /// Follows both from the left. False where they contradict each other whatever the slots hold, `None` where they do
    /// not fall apart.
    fn walk(&mut self, items: &[Item], glob: &[GlobPart]) -> Option<bool> {
        let (mut items, mut glob) = (items, glob);
        loop {
            (items, glob) = match (items, glob) {
                ([], [] | [GlobPart::Any | GlobPart::Segment]) => return Some(true),
                // The rest of the glob takes whatever is left.
                (rest, [GlobPart::Any]) => return self.anything(rest, true).map(|()| true),
                // Up to here each letter and each slot has had its place.
                ([Item::Letter(letter), ..], [GlobPart::Literal(part), ..]) if letter != part => return Some(false),
                ([Item::Letter(_), ..], []) | ([], [GlobPart::Literal(_), ..]) => return Some(false),
                ([Item::Letter(letter), items @ ..], [GlobPart::Literal(part), glob @ ..]) if letter == part => {
                    (items, glob)
                }
                ([Item::Slot { free: true, .. }], part) => {
                    self.push(items.first()?, part);
                    return Some(true);
                }
                (items, glob) => {
                    let (segment, after) = split(items, |item| *item == Item::Letter('/'));
                    let (part, glob) = split(glob, |part| *part == GlobPart::Literal('/'));
                    self.segment(segment, after, part, glob)?
                }
            };
        }
    }

    /// What is left of a segment of the template, and of the glob. Gives where both go on.
    fn segment<'i, 'g>(
        &mut self,
        segment: &[Item],
        after: &'i [Item],
        part: &[GlobPart],
        glob: &'g [GlobPart],
    ) -> Option<(&'i [Item], &'g [GlobPart])> {
        match (segment, part) {
            (all, [GlobPart::Segment]) => {
                self.anything(all, false)?;
                Some((after, glob))
            }
            // `**` at the end takes what is left of the slot, and all that follows it. What stands before it holds no
            // `/`, so it lies within the slot.
            ([slot @ Item::Slot { free: false, .. }], [start @ .., GlobPart::Any])
                if glob.is_empty() && !start.contains(&GlobPart::Any) =>
            {
                self.push(slot, &[start, &[GlobPart::Segment]].concat());
                self.anything(after, true)?;
                Some((&[], &[]))
            }
            ([slot @ Item::Slot { free: false, .. }], part) if !part.contains(&GlobPart::Any) => {
                self.push(slot, part);
                Some((after, glob))
            }
            // `pay-*@*` of a slot, `@` and more: before the first `@` the letters lie within the slot, and the stars
            // take everything else.
            (
                [slot @ Item::Slot { free: false, .. }, Item::Letter(between), rest @ ..],
                [
                    start @ ..,
                    GlobPart::Segment,
                    GlobPart::Literal(letter),
                    GlobPart::Segment,
                ],
            ) if between == letter
                && start
                    .iter()
                    .all(|part| matches!(part, GlobPart::Literal(one) if one != letter)) =>
            {
                self.push(slot, &[start, &[GlobPart::Segment]].concat());
                self.anything(rest, false)?;
                Some((after, glob))
            }
            _ => None,
        }
    }

    /// Whatever the slots of these items hold.
    fn anything(&mut self, items: &[Item], across: bool) -> Option<()> {
        for item in items {
            match item {
                Item::Letter(_) => {}
                Item::Slot { free: true, .. } if !across => return None,
                Item::Slot { .. } => self.push(item, &[if across { GlobPart::Any } else { GlobPart::Segment }]),
            }
        }
        Some(())
    }

    fn push(&mut self, item: &Item, glob: &[GlobPart]) {
        let Item::Slot { slot, folded, free } = *item else {
            return;
        };
        let folded = |part: &GlobPart| match part {
            GlobPart::Literal(letter) if folded => fold_letter(*letter),
            other => other.clone(),
        };
        let mut glob: Vec<GlobPart> = glob.iter().map(folded).collect();
        if !free {
            for part in &mut glob {
                if *part == GlobPart::Any {
                    *part = GlobPart::Segment;
                }
            }
        }
        self.0.push(Step {
            slot,
            free,
            glob,
            never: false,
        });
    }
}

/// A letter as a folded text has it.
fn fold_letter(letter: char) -> GlobPart {
    let mut buffer = [0; 4];
    let folded = fold(letter.encode_utf8(&mut buffer)).chars().next();
    GlobPart::Literal(folded.unwrap_or(letter))
}

/// Before the first item that is a boundary, and from it on.
fn split<T>(items: &[T], is_boundary: impl Fn(&T) -> bool) -> (&[T], &[T]) {
    let at = items.iter().position(is_boundary).unwrap_or(items.len());
    items.split_at(at)
}

#[cfg(test)]
mod tests {
    use polity_runtime::value::{ANY, SEGMENT, glob};

    use super::*;

    fn parts(text: &str) -> Vec<GlobPart> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            parts.push(match char {
                '*' if chars.next_if_eq(&'*').is_some() => GlobPart::Any,
                '*' => GlobPart::Segment,
                char => GlobPart::Literal(char),
            });
        }
        parts
    }

    fn words(parts: &[GlobPart]) -> Vec<u32> {
        let word = |part: &GlobPart| match part {
            GlobPart::Literal(letter) => u32::from(*letter),
            GlobPart::Segment => SEGMENT,
            GlobPart::Any => ANY,
        };
        parts.iter().map(word).collect()
    }

    /// `{a}` is a slot, `{a|fold}` a folded one, `{a|free}` a free one.
    fn template(text: &str) -> Vec<ResourcePart> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut slots = 0;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').unwrap();
            if !before.is_empty() {
                parts.push(ResourcePart::Literal(before.to_owned()));
            }
            parts.push(ResourcePart::Slot {
                slot: Slot(slots),
                folded: name.ends_with("|fold"),
                free: name.ends_with("|free"),
            });
            slots += 1;
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(ResourcePart::Literal(rest.to_owned()));
        }
        parts
    }

    const TEMPLATES: [&str; 9] = [
        "repo:{a}/{b}",
        "repo:{a|fold}/{b|fold}",
        "branch:{a}/{b}@{c}",
        "{a}",
        "{a|free}",
        "file:{a|free}",
        "db/{a}/table-{b}/x",
        "{a}{b}",
        "{a|free}:{b}",
    ];

    const GLOBS: [&str; 26] = [
        "**",
        "*",
        "repo:**",
        "repo:a/**",
        "repo:a/b",
        "repo:A/b*",
        "repo:*/*b",
        "repo:a**",
        "repo:*a*/b",
        "repo:a*b**",
        "repo:*/a*b",
        "branch:a/b*@*",
        "branch:a/b@*",
        "branch:*/*",
        "branch:**@b",
        "a",
        "a*",
        "/a/**",
        "/a/*",
        "file:/a/**/b",
        "file:/a/b",
        "db/a/table-b/x",
        "db/*/table-*/x",
        "db/**",
        "repo:a/b/",
        "*/b",
    ];

    const VALUES: [&str; 10] = ["", "a", "b", "ab", "aab", "a@b", "b@", "@", "bb", "repo:a"];
    const PATHS: [&str; 7] = ["/", "/a", "/a/b", "/a/b/b", "a", "/ab", ""];

    /// Every template against every glob with all values: what falls apart says what the whole says.
    #[test]
    fn steps_say_what_the_whole_glob_says() {
        let mut planned = 0;
        for written in TEMPLATES {
            let template = template(written);
            let slots: Vec<&ResourcePart> = template
                .iter()
                .filter(|part| matches!(part, ResourcePart::Slot { .. }))
                .collect();
            for pattern in GLOBS {
                let whole = parts(pattern);
                let Some(steps) = steps(&template, &whole) else {
                    continue;
                };
                planned += 1;
                assert_eq!(steps.len(), slots.len(), "{written} against {pattern}");
                let choices: Vec<&[&str]> = slots
                    .iter()
                    .map(|slot| match slot {
                        ResourcePart::Slot { free: true, .. } => &PATHS[..],
                        _ => &VALUES[..],
                    })
                    .collect();
                let mut at = vec![0; slots.len()];
                loop {
                    let values: Vec<&str> = at.iter().zip(&choices).map(|(at, choice)| choice[*at]).collect();
                    let mut given = values.iter();
                    let text: Vec<(&str, bool)> = template
                        .iter()
                        .map(|part| match part {
                            ResourcePart::Literal(text) => (text.as_str(), false),
                            ResourcePart::Slot { folded, .. } => (*given.next().unwrap(), *folded),
                        })
                        .collect();
                    let expected = glob(&text, &words(&whole));
                    let apart = steps.iter().zip(&values).all(|(step, value)| match step.fit() {
                        (Fit::Equal, text) => *value == text,
                        (Fit::Prefix, text) => value.starts_with(&text),
                        (Fit::Suffix, text) => value.ends_with(&text),
                        (Fit::Any, _) => true,
                        (Fit::Never, _) => false,
                        (Fit::Pattern, _) => glob(&[(value, false)], &words(&step.glob)),
                    });
                    assert_eq!(apart, expected, "{written} against {pattern} with {values:?}");
                    // The next of all combinations.
                    let Some(place) = (0..at.len()).find(|place| at[*place] + 1 < choices[*place].len()) else {
                        break;
                    };
                    at[place] += 1;
                    at[..place].fill(0);
                }
            }
        }
        assert!(planned > 120, "only {planned} fell apart");
    }

    #[test]
    fn what_is_common_falls_apart() {
        for (written, pattern, fits) in [
            (
                "repo:{a}/{b}",
                "repo:acme/pay-*",
                vec![(Fit::Equal, "acme"), (Fit::Prefix, "pay-")],
            ),
            (
                "repo:{a|fold}/{b}",
                "repo:ACME/**",
                vec![(Fit::Equal, "acme"), (Fit::Any, "")],
            ),
            (
                "branch:{a}/{b}@{c}",
                "branch:acme/pay-*@*",
                vec![(Fit::Equal, "acme"), (Fit::Prefix, "pay-"), (Fit::Any, "")],
            ),
            ("{a|free}", "/srv/**", vec![(Fit::Prefix, "/srv/")]),
            ("file:{a|free}", "repo:acme/*", vec![(Fit::Never, "")]),
            ("host:{a}", "host:*.example", vec![(Fit::Suffix, ".example")]),
        ] {
            let steps = steps(&template(written), &parts(pattern)).unwrap_or_default();
            let found: Vec<(Fit, String)> = steps.iter().map(Step::fit).collect();
            let fits: Vec<(Fit, String)> = fits.into_iter().map(|(fit, text)| (fit, text.to_owned())).collect();
            assert_eq!(found, fits, "{written} against {pattern}");
        }
    }
}
