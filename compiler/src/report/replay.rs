//! Which recorded calls are answered otherwise: text for a person, JSON for a script.
//!
//! In: a [`Replay`]. Out: a `String`.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use polity_runtime::decide::Outcome;
use polity_runtime::explain::{Approval, Limit, Obligations, Requirement};
use serde::Serialize;

use super::suite::{RequestJson, answer, call, paint, request_json};
use super::{json, visible};
use crate::ast::Millis;
use crate::suite::replay::{Changed, Owed, Replay};

/// Grows when a field changes its meaning or goes away; new fields alone do not change it.
const VERSION: u32 = 1;

/// Every call that is answered otherwise, and how many there are.
pub fn text(replay: &Replay, colour: bool) -> String {
    let mut text = String::new();
    for changed in &replay.changed {
        one(&mut text, changed, colour);
    }
    let Replay {
        requests,
        unreadable,
        changed,
    } = replay;
    let (answers, owed): (Vec<&Changed>, Vec<&Changed>) = changed.iter().partition(|one| !one.is_obligation());
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{requests} requests: {} answered otherwise", answers.len());
    if !owed.is_empty() {
        let _ = write!(text, ", {} under other obligations", owed.len());
        let laxer = owed.iter().filter(|one| one.is_widened()).count();
        if laxer > 0 {
            let _ = write!(text, " ({laxer} not shown to be as strict)");
        }
    }
    if *unreadable > 0 {
        let _ = write!(text, ", {unreadable} unreadable and denied on both sides");
    }
    text.push('\n');
    text
}

fn one(text: &mut String, changed: &Changed, colour: bool) {
    let Changed {
        at,
        request,
        before,
        after,
    } = changed;
    // More is possible: red, as a reviewer's first look is for what widens.
    let ink = match (changed.is_widened(), changed.is_narrowed()) {
        (true, _) => AnsiColor::Red,
        (false, true) => AnsiColor::Green,
        (false, false) => AnsiColor::Yellow,
    };
    let ink = paint(colour, ink);
    let _ = writeln!(text, "{ink}request {}{ink:#} {}", at + 1, visible::line(&call(request)));
    for (side, owed) in [("before", before), ("after", after)] {
        let _ = writeln!(text, "  {side:<7} {}", visible::line(&answer(&owed.answered)));
        if changed.is_obligation() {
            for line in obliged(&owed.obligations) {
                let _ = writeln!(text, "          {}", visible::line(&line));
            }
        }
    }
}

/// What comes with an answer, a line each.
fn obliged(obligations: &Obligations) -> Vec<String> {
    let approvals = obligations.approvals.iter().map(approval);
    let limits = obligations.limits.iter().map(limit);
    let ttl = obligations
        .credential_ttl
        .map(|ttl| format!("credential for at most {}", Millis(ttl)));
    approvals.chain(limits).chain(ttl).collect()
}

/// Down to people: whom a group means is what a change of the group changes.
fn approval(approval: &Approval) -> String {
    let Approval {
        rule,
        require,
        timeout,
        separation,
        evidence,
    } = approval;
    let seats = require
        .iter()
        .map(|Requirement { from: _, count, people }| format!("{count} of {}", people.join(", ")));
    let seats = seats.collect::<Vec<_>>().join(", and ");
    let separation = if *separation { "" } else { ", without separation" };
    let timeout = Millis(*timeout);
    format!("{rule} asks for {seats} within {timeout}, {evidence} evidence{separation}")
}

fn limit(limit: &Limit) -> String {
    let Limit {
        of,
        count,
        per,
        burst,
        concurrent,
    } = limit;
    let mut said = format!("{of}: {count} in {}", Millis(i64::from(*per)));
    if let Some(burst) = burst {
        let _ = write!(said, ", burst {burst}");
    }
    if let Some(concurrent) = concurrent {
        let _ = write!(said, ", {concurrent} at once");
    }
    said
}

/// The same as one JSON object.
pub fn json(replay: &Replay) -> String {
    let changed = replay.changed.iter().map(|changed| ChangedJson {
        number: changed.at + 1,
        request: request_json(&changed.request),
        before: side(&changed.before),
        after: side(&changed.after),
        widened: changed.is_widened(),
        narrowed: changed.is_narrowed(),
    });
    json::pretty(&ReplayJson {
        version: VERSION,
        requests: replay.requests,
        unreadable: replay.unreadable,
        changed: changed.collect(),
    })
}

fn side(owed: &Owed) -> SideJson<'_> {
    SideJson {
        effect: Outcome::as_str(owed.answered.outcome),
        code: owed.answered.code,
        rule: owed.answered.rule.as_deref(),
        reason: owed.answered.reason.as_deref(),
        obligations: obliged(&owed.obligations),
    }
}

#[derive(Serialize)]
struct ReplayJson<'a> {
    version: u32,
    requests: usize,
    unreadable: usize,
    changed: Vec<ChangedJson<'a>>,
}

#[derive(Serialize)]
struct ChangedJson<'a> {
    number: usize,
    request: RequestJson<'a>,
    before: SideJson<'a>,
    after: SideJson<'a>,
    widened: bool,
    narrowed: bool,
}

#[derive(Serialize)]
struct SideJson<'a> {
    effect: &'a str,
    code: &'a str,
    rule: Option<&'a str>,
    reason: Option<&'a str>,
    obligations: Vec<String>,
}
