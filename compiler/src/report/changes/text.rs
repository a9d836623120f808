//! Changes for a terminal.

use std::fmt::Write as _;

use super::{
    AFTER_KILLS, BESIDE, asks, beside_lines, came_and_went, example, further, heading, subject, summary, told,
};
use crate::diff::{Change, Changes};
use crate::facts::Direction;
use crate::report::visible;

/// How many changes are shown unless all are asked for: about a screen.
pub const SCREEN: usize = 8;

/// The changes, at most so many, with a line that sums them up at the end.
pub fn changes(changes: &Changes, most: usize, colour: bool) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    answers(&mut out, &changes.changes, "", most, colour);
    answers(
        &mut out,
        &changes.after_kills,
        &format!(", {AFTER_KILLS}"),
        most,
        colour,
    );
    for (direction, heading) in BESIDE {
        let facts = beside_lines(changes, direction, most == usize::MAX);
        if !facts.is_empty() {
            title(&mut out, heading, direction == Direction::Widened, colour);
        }
        for fact in facts.iter().take(most) {
            line(&mut out, 2, fact);
        }
        if facts.len() > most {
            line(
                &mut out,
                2,
                &format!("and {} more; --all shows them", facts.len() - most),
            );
        }
    }
    let names = came_and_went(&changes.names);
    if !names.is_empty() {
        title(&mut out, "came and went", false, colour);
        names.iter().for_each(|name| line(&mut out, 2, name));
    }
    out.push('\n');
    line(&mut out, 0, &summary(changes));
    out
}

/// Changes under the headings of their kinds, at most so many; `when` they come, if not at once.
fn answers(out: &mut String, changes: &[Change], when: &str, most: usize, colour: bool) {
    let mut last = None;
    for change in changes.iter().take(most) {
        if last != Some((change.kind, change.certain)) {
            last = Some((change.kind, change.certain));
            let possible = if change.certain {
                ""
            } else {
                " (possible: could not be decided)"
            };
            title(
                out,
                &format!("{}{when}{possible}", heading(change.kind)),
                change.kind.is_widened(),
                colour,
            );
        }
        line(out, 2, &subject(change));
        for case in further(change) {
            line(out, 6, &format!("or {case}"));
        }
        line(out, 6, &format!("{} -> {}", told(&change.before), told(&change.after)));
        if let Some((before, after)) = asks(change) {
            line(out, 6, &format!("asked: {before} -> {after}"));
        }
        if let Some(example) = example(change) {
            line(out, 6, &format!("for example {example}"));
        }
    }
    if changes.len() > most {
        line(
            out,
            2,
            &format!("and {} more changes; --all shows them", changes.len() - most),
        );
    }
}

fn title(out: &mut String, text: &str, loud: bool, colour: bool) {
    if !out.is_empty() {
        out.push('\n');
    }
    let style = match (colour, loud) {
        (false, _) => anstyle::Style::new(),
        (true, true) => anstyle::AnsiColor::Red.on_default().bold(),
        (true, false) => anstyle::Style::new().bold(),
    };
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "{style}{text}{style:#}");
}

fn line(out: &mut String, indent: usize, text: &str) {
    let _ = writeln!(out, "{:indent$}{}", "", visible::line(text));
}
