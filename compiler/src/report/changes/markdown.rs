//! Changes as a comment on a merge request: a hidden marker first, so that a bot can update its one comment; what is
//! widened open to the eye, the rest folded.

use std::fmt::Write as _;

use super::{
    AFTER_KILLS, BESIDE, asks, beside_lines, came_and_went, example, further, heading, subject, summary, told,
};
use crate::diff::{Change, Changes, Kind};
use crate::facts::Direction;
use crate::report::visible;

/// What a bot looks for to find the comment that it made before.
pub const MARKER: &str = "<!-- polity-diff -->";
/// How many changes of a kind are written out.
const MOST: usize = 25;

/// The comment.
pub fn changes(changes: &Changes) -> String {
    let mut out = told_of(changes);
    if let Some(what) = changes.not_compared {
        let _ = writeln!(out, "\n{}.", capital(what));
    }
    out
}

fn told_of(changes: &Changes) -> String {
    let mut out = format!("{MARKER}\n### What this change does\n\n");
    if changes.is_empty() {
        out.push_str("Nothing is answered otherwise.\n");
        return out;
    }
    let _ = writeln!(out, "{}\n", capital(&escaped(&summary(changes))));
    let kinds = [
        Kind::Widened,
        Kind::NoLongerNeedsApproval,
        Kind::AsksLess,
        Kind::NeedsApproval,
        Kind::AsksMore,
        Kind::Narrowed,
        Kind::OtherRule,
    ];
    let all = [
        (&changes.changes, String::new()),
        (&changes.after_kills, format!(", {AFTER_KILLS}")),
    ];
    for ((all, when), kind) in all.iter().flat_map(|of| kinds.map(|kind| (of, kind))) {
        let items: Vec<String> = all.iter().filter(|change| change.kind == kind).map(item).collect();
        section(&mut out, &format!("{}{when}", heading(kind)), kind.is_widened(), &items);
    }
    for (direction, heading) in BESIDE {
        let lines = beside_lines(changes, direction, false);
        let items: Vec<String> = lines.iter().map(|line| format!("- {}\n", escaped(line))).collect();
        section(&mut out, heading, direction == Direction::Widened, &items);
    }
    let names: Vec<String> = came_and_went(&changes.names)
        .iter()
        .map(|name| format!("- {}\n", escaped(name)))
        .collect();
    section(&mut out, "came and went", true, &names);
    out
}

/// A heading and its items; folded where it is not open.
fn section(out: &mut String, heading: &str, open: bool, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let heading = format!("{} ({})", capital(heading), items.len());
    if open {
        let _ = writeln!(out, "#### {heading}\n");
    } else {
        let _ = writeln!(out, "<details><summary>{heading}</summary>\n");
    }
    items.iter().take(MOST).for_each(|item| out.push_str(item));
    if items.len() > MOST {
        let _ = writeln!(out, "- and {} more", items.len() - MOST);
    }
    out.push('\n');
    if !open {
        out.push_str("</details>\n\n");
    }
}

fn item(change: &Change) -> String {
    let possible = if change.certain {
        ""
    } else {
        "**possible, could not be decided:** "
    };
    let mut out = format!("- {possible}{}  \n", code(&subject(change)));
    for case in further(change) {
        let _ = writeln!(out, "  or {}  ", code(&case));
    }
    let _ = writeln!(
        out,
        "  {} → {}  ",
        code(&told(&change.before)),
        code(&told(&change.after))
    );
    if let Some((before, after)) = asks(change) {
        let _ = writeln!(out, "  asked: {} → {}  ", code(&before), code(&after));
    }
    if let Some(example) = example(change) {
        let _ = writeln!(out, "  for example {}", code(&example));
    }
    out
}

/// Text of the repository as code that nothing in it can end.
fn code(text: &str) -> String {
    let text = visible::line(text);
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text as itself: nothing in it is markup.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in visible::line(text).chars() {
        if matches!(
            letter,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '@' | '!'
        ) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
