//! A trail as text: what a step lacks, who could give it, and what there is.
//!
//! Text that comes from the repository is made visible, as in every report.

use std::fmt::Write as _;

use std::collections::BTreeSet;

use gix::ObjectId;

use super::visible::line as visible;
use crate::ast::Evidence;
use crate::trail::apart::Part;
use crate::trail::change::{Direction, Fact, Step};
use crate::trail::meaning::in_words;
use crate::trail::requirements::AskedBy;
use crate::trail::verify::{Answer, Judged, OTHER_EFFECTS, Trail, short};

/// The most lines of one kind that are shown of a step. The JSON has all.
const MOST_LINES: usize = 12;
/// And of the reasons why one rule asks: several rules ask for the same ones.
const MOST_REASONS: usize = 3;
/// Cells of one fact that are told, before they are counted.
const MOST_EFFECTS: usize = 5;

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
        let (what, were) = match judged.after - judged.before {
            0 => (
                format!("what this compiler makes of the checkpoint {}", id(judged.after)),
                "was",
            ),
            1 => (format!("the step {}", id(judged.after)), "was"),
            _ => (format!("the steps {}..{}", id(judged.before), id(judged.after)), "were"),
        };
        out.push_str(&shortfall(judged, &what, were));
        let before = id(judged.before);
        let blocked = judged.answers.iter().any(|answer| answer.blocked > 0);
        let brake = judged.answers.iter().any(|answer| answer.ask.by == AskedBy::Brake);
        let _ = match () {
            () if judged.broken.is_some() => writeln!(
                out,
                "  mend it by another step: both are then judged as one change, since {before}, and approved with `polity \
                 approve {before}..HEAD --key FILE`"
            ),
            () if judged.before == judged.after => writeln!(
                out,
                "  `polity approve --previous BUNDLE --trust FILE --key FILE` shows and approves it"
            ),
            () if brake || blocked => writeln!(
                out,
                "  or take it back by another step: what comes to nothing needs nobody"
            ),
            () => writeln!(
                out,
                "  on a branch of the trunk `polity approve {before}..HEAD --key FILE` shows and approves it; then merge that \
                 branch"
            ),
        };
        if judged.answers.iter().any(said_otherwise) && trail.begin == trail.introductory {
            out.push_str(
                "  an approval that was given with another version of polity may speak of other effects: `--previous BUNDLE` \
                 continues from what was verified with that version\n",
            );
        }
    }
    out
}

/// Whether some approval does not count for what it says of effects alone.
fn said_otherwise(answer: &Answer) -> bool {
    answer.missing > 0
        && answer
            .refused
            .iter()
            .any(|refused| refused.why.starts_with(OTHER_EFFECTS))
}

/// What one step lacks. `what` names it, in the singular or in the plural.
fn shortfall(judged: &Judged, what: &str, were: &str) -> String {
    let mut out = String::new();
    if let Some(message) = &judged.broken {
        let do_not = if were == "were" { "do not" } else { "does not" };
        let _ = writeln!(out, "error: {what} {do_not} compile: {}", visible(message));
        return out;
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for answer in judged.answers.iter().filter(|answer| answer.missing > 0) {
        let asks = match answer.ask.by {
            AskedBy::Owners => "ask",
            AskedBy::Rule(_) | AskedBy::Brake => "asks",
        };
        let _ = writeln!(
            out,
            "error: {what} {were} not approved as {} {asks}",
            visible(&answer.ask.by.to_string())
        );
        // Several rules ask for the same reasons, which are told once.
        let because: Vec<&str> = answer.ask.because.iter().map(String::as_str).collect();
        match because.iter().all(|what| told.contains(what)) {
            true => out.push_str("  because of the same\n"),
            false => reasons(&because, &mut out),
        }
        told.extend(because);
        answered(answer, &mut out);
    }
    if judged.answers.iter().any(|answer| answer.missing > 0) {
        list(&mut out, UNKNOWN, &judged.authors.unknown);
    }
    out
}

/// What leads a line about a commit whose author is not known.
const UNKNOWN: &str = "nobody knows who wrote all of it:";

/// What a branch does, what it needs, from whom, what it has and what is missing. `base` is where it begins, unless it
/// is about to be approved.
pub fn review(judged: &Judged, sole_owner: bool, base: Option<ObjectId>) -> String {
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
        effects(fact, &judged.step, &mut out);
    }
    for answer in &judged.answers {
        let state = if answer.missing == 0 {
            "approved"
        } else {
            "not approved yet"
        };
        let _ = writeln!(out, "{}: {state}", visible(&answer.ask.by.to_string()));
        let because: Vec<&str> = answer.ask.because.iter().map(String::as_str).collect();
        reasons(&because, &mut out);
        answered(answer, &mut out);
    }
    list(&mut out, UNKNOWN, &judged.authors.unknown);
    if judged.answers.is_empty() {
        out.push_str("it needs no approval\n");
    }
    let missing = |answer: &Answer| answer.missing > 0 && answer.blocked == 0 && answer.ask.by != AskedBy::Brake;
    if let Some(base) = base.filter(|_| judged.answers.iter().any(missing)) {
        let _ = writeln!(
            out,
            "`polity approve {}..HEAD --key FILE` gives an approval",
            short(base)
        );
    }
    out
}

/// What the approval of somebody counts for who wrote part of a branch: nothing of it as one change, and commit by commit
/// what the parts say.
pub fn own(person: &str, parts: &[Part]) -> String {
    let mut out = format!("note: {} wrote part of it, or an agent of theirs did:", visible(person));
    let asked = |part: &&Part| !part.judged.answers.is_empty();
    let (counts, not): (Vec<&Part>, Vec<&Part>) = parts.iter().filter(asked).partition(|part| part.counts);
    if counts.is_empty() {
        out.push_str(" this approval does not count, and somebody else has to approve it\n");
        return out;
    }
    out.push_str(" as one change, which a merge or a squash makes of it, this approval does not count\n");
    let names = |parts: &[&Part]| {
        parts
            .iter()
            .map(|part| short(part.commit))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = write!(
        out,
        "  commit by commit, as the trunk has it after a fast-forward, it counts for {}",
        names(&counts)
    );
    let _ = match not.as_slice() {
        [] => writeln!(out, ", and nothing else of it needs an approval"),
        not => writeln!(out, ", and somebody else has to approve {}", names(not)),
    };
    out
}

/// What a fact does to answers, as an approval binds to it: a few of the cells, and for which calls.
fn effects(fact: &Fact, step: &Step, out: &mut String) {
    let side = |side: &Option<String>| in_words(side.as_deref().unwrap_or("nothing")).to_owned();
    let told = fact
        .effects
        .iter()
        .filter_map(|cell| Some((cell, step.effects.get(cell)?)));
    for (cell, sides) in told.take(MOST_EFFECTS) {
        let (before, after) = (side(&sides.before), side(&sides.after));
        let whose = format!("{} in {}: {}", cell.agent, cell.environment, cell.action);
        let _ = writeln!(out, "  {}", visible(&format!("{whose}: {before} -> {after}")));
    }
    if let Some(more) = fact.effects.len().checked_sub(MOST_EFFECTS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more, each of which `polity diff` shows with a call");
    }
}

/// Why somebody is asked.
fn reasons(because: &[&str], out: &mut String) {
    for what in because.iter().take(MOST_REASONS) {
        let _ = writeln!(out, "  because: {}", visible(what));
    }
    if let Some(more) = because.len().checked_sub(MOST_REASONS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more");
    }
}

/// What an approval asks for, what it has and what is missing.
fn answered(answer: &Answer, out: &mut String) {
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
    // What nobody can read says least, and anybody can add as much of it as they like.
    let (unread, read): (Vec<_>, Vec<_>) = answer.refused.iter().partition(|refused| refused.person == "?");
    for refused in read.iter().chain(&unread).take(MOST_LINES) {
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
    let names = |people: &BTreeSet<String>| visible(&people.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    let could = names(&answer.could);
    let _ = match (answer.could.is_empty(), &answer.ask.by) {
        (true, _) if answer.keyless.is_empty() => writeln!(out, "  blocked: nobody who may approve it is left"),
        (true, _) => writeln!(out, "  blocked: nobody who may approve it has a key to do it with"),
        (false, AskedBy::Brake) => writeln!(out, "  missing: a commit signed by one of {could}, which adds the kill"),
        (false, _) => writeln!(out, "  missing {}; these could approve it: {could}", answer.missing),
    };
    if answer.blocked > 0 && !answer.could.is_empty() {
        let _ = writeln!(
            out,
            "  blocked: if all of them did, {} would still be missing",
            answer.blocked
        );
    }
    if !answer.keyless.is_empty() {
        let (whose, kind) = match (answer.keyless.len(), answer.ask.evidence) {
            (1, Evidence::Present) => ("the Person document of", "no hardware key (`sk-ssh-ed25519`)"),
            (_, Evidence::Present) => ("the Person documents of", "no hardware key (`sk-ssh-ed25519`)"),
            (1, _) => ("the Person document of", "no key (`keys`)"),
            _ => ("the Person documents of", "no key (`keys`)"),
        };
        let lists = if answer.keyless.len() == 1 { "lists" } else { "list" };
        let _ = writeln!(out, "  {whose} {} {lists} {kind}", names(&answer.keyless));
    }
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
