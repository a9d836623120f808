//! A trail as text: what a step lacks, who could give it, and what there is.
//!
//! Text that comes from the repository is made visible, as in every report.

use std::fmt::Write as _;

use super::visible::line as visible;
use crate::trail::change::Direction;
use crate::trail::requirements::AskedBy;
use crate::trail::verify::{Answer, Judged, Trail, short};

/// The most lines of one kind that are shown of a step. The JSON has all.
const MOST_LINES: usize = 12;

/// What every report says of an organisation with one owner.
pub const SOLE_OWNER: &str = "note: the organisation has one owner (`sole_owner: true`), who approves alone, what they wrote \
                              themselves included\n";

/// Why a trail does not hold; empty where it does.
pub fn shortfalls(trail: &Trail) -> String {
    let mut out = String::new();
    if trail.sole_owner && !trail.holds() {
        out.push_str(SOLE_OWNER);
    }
    for judged in trail.shortfalls() {
        let id = |at: usize| trail.trunk.get(at).copied().map(short).unwrap_or_default();
        let what = match judged.after - judged.before {
            0 => format!("what this compiler makes of the checkpoint {}", id(judged.after)),
            1 => format!("the step {}", id(judged.after)),
            _ => format!("the steps {}..{}", id(judged.before), id(judged.after)),
        };
        out.push_str(&shortfall(judged, &what));
        if judged.before == judged.after {
            out.push_str("  `polity approve --previous BUNDLE --trust FILE --key FILE` shows and approves it\n");
        }
    }
    out
}

/// What one step lacks. `what` names it.
pub fn shortfall(judged: &Judged, what: &str) -> String {
    let mut out = String::new();
    if let Some(message) = &judged.broken {
        let _ = writeln!(out, "error: {what} does not compile: {}", visible(message));
        return out;
    }
    for answer in judged.answers.iter().filter(|answer| answer.missing > 0) {
        let _ = writeln!(
            out,
            "error: {what} was not approved as {} asks",
            visible(&answer.ask.by.to_string())
        );
        answered(answer, &mut out);
    }
    if judged.answers.iter().any(|answer| answer.missing > 0) {
        list(&mut out, "it is not known who wrote it", &judged.authors.unknown);
    }
    out
}

/// What a branch does, what it needs, from whom, what it has and what is missing.
pub fn review(judged: &Judged, sole_owner: bool) -> String {
    let mut out = String::new();
    if sole_owner {
        out.push_str(SOLE_OWNER);
    }
    if let Some(message) = &judged.broken {
        let _ = writeln!(out, "it does not compile: {}", visible(message));
        return out;
    }
    for fact in &judged.step.facts {
        let way = match fact.direction {
            Direction::Widens => "widens",
            Direction::Narrows => "narrows",
            Direction::Neutral => "neutral",
        };
        let _ = writeln!(out, "{way}: {}", visible(&fact.what));
    }
    for answer in &judged.answers {
        let state = if answer.missing == 0 {
            "approved"
        } else {
            "not approved yet"
        };
        let _ = writeln!(out, "{}: {state}", visible(&answer.ask.by.to_string()));
        answered(answer, &mut out);
    }
    list(&mut out, "it is not known who wrote it:", &judged.authors.unknown);
    if judged.answers.is_empty() {
        out.push_str("it needs no approval\n");
    }
    out
}

/// What an approval asks for, what it has and what is missing.
pub fn answered(answer: &Answer, out: &mut String) {
    list(out, "because it", &answer.ask.because);
    let seats: Vec<String> = answer
        .ask
        .seats
        .iter()
        .map(|seat| format!("{} of {}", seat.count, seat.from))
        .collect();
    let evidence = format!("{:?}", answer.ask.evidence).to_lowercase();
    let _ = writeln!(out, "  needs {}, {evidence}", visible(&seats.join(", and ")));
    for given in &answer.given {
        let key = given.fingerprint.as_deref().unwrap_or("no key");
        let own = if given.own {
            ", of what they wrote themselves"
        } else {
            ""
        };
        let _ = writeln!(out, "  has {}: {} by {key}{own}", visible(&given.person), given.grade);
    }
    for refused in answer.refused.iter().take(MOST_LINES) {
        let _ = writeln!(
            out,
            "  does not count, from {}: {}",
            visible(&refused.person),
            visible(&refused.why)
        );
    }
    if answer.missing == 0 {
        return;
    }
    let could: Vec<&str> = answer.could.iter().map(String::as_str).collect();
    let _ = match (could.as_slice(), &answer.ask.by) {
        ([], _) => writeln!(out, "  blocked: nobody who may approve it is left"),
        (could, AskedBy::Brake) => writeln!(
            out,
            "  missing: a commit signed by one of {}",
            visible(&could.join(", "))
        ),
        (could, _) => writeln!(
            out,
            "  missing {}; these could approve it: {}",
            answer.missing,
            visible(&could.join(", "))
        ),
    };
}

fn list(out: &mut String, lead: &str, lines: &[String]) {
    for line in lines.iter().take(MOST_LINES) {
        let _ = writeln!(out, "  {lead} {}", visible(line));
    }
    if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more");
    }
}

/// One line as a terminal may show it.
pub fn shown(line: &str) -> String {
    visible(line)
}
