//! What two revisions answer differently, for whoever reviews it: [`text`] for a terminal, [`markdown`] for a merge
//! request, [`json`] for scripts.
//!
//! In: [`Changes`], widest first. Out: a `String` that still fits a screen where one edit touches thousands of cells:
//! changes that are alike are one, with the first few of their places, and what is left is counted.

pub mod json;
pub mod markdown;
pub mod text;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use polity_runtime::decide::{Code, Outcome};

use crate::diff::{Change, Changes, Kind, Names, Told};
use crate::facts::{Direction, Fact};

/// What is said of changes that a kill hides for now.
const AFTER_KILLS: &str = "once a kill ends";
/// How many agents, environments or actions of one change are named.
const MOST_NAMED: usize = 3;

/// The heading of changes of a kind.
fn heading(kind: Kind) -> &'static str {
    match kind {
        Kind::Widened => "widened",
        Kind::NoLongerNeedsApproval => "widened: no longer needs approval",
        Kind::AsksLess => "widened: asks for less, or a limit is gone",
        Kind::NeedsApproval => "now needs approval",
        Kind::AsksMore => "asks for more",
        Kind::Narrowed => "narrowed",
        Kind::OtherRule => "same answer by another rule",
    }
}

/// The first few of some names, and how many more there are.
fn few(names: &BTreeSet<&str>, what: &str) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMED).copied().collect();
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown.join(", "),
        1 => format!("{} and 1 other {what}", shown.join(", ")),
        more => format!("{} and {more} other {what}s", shown.join(", ")),
    }
}

/// `payments/refund-bot` in production: `billing.refund`, amount > 5000
fn subject(change: &Change) -> String {
    let conditions = match change.cases.first().map(Vec::as_slice) {
        None | Some([]) => String::new(),
        Some(some) => format!(", {}", some.join(", ")),
    };
    format!(
        "{} in {}: {}{conditions}",
        few(&change.agents(), "agent"),
        few(&change.environments(), "environment"),
        few(&change.actions(), "action"),
    )
}

/// The cases after the first, a line each: `amount < 0`; what no case tells is `otherwise`.
fn further(change: &Change) -> Vec<String> {
    let told = |case: &Vec<String>| match case.as_slice() {
        [] => "otherwise".to_owned(),
        some => some.join(", "),
    };
    let mut lines: Vec<String> = change.cases.iter().skip(1).map(told).collect();
    // A first case without conditions says it of every call there.
    if change.more && change.cases.first().is_some_and(|first| !first.is_empty()) {
        lines.push("otherwise".to_owned());
    }
    lines.dedup();
    lines
}

/// `deny`, and why.
fn told(told: &Told) -> String {
    let outcome = told.outcome.as_str();
    let Some(code) = told.code else {
        return outcome.to_owned();
    };
    let granted = match &told.grant {
        Some(grant) => format!(", granted by {grant}"),
        None => String::new(),
    };
    match (&told.rule, &told.source) {
        (Some(rule), Some((path, line))) => format!("{outcome} by {rule} ({path}:{line}){granted}"),
        (Some(rule), None) => format!("{outcome} by {rule}{granted}"),
        (None, _) => format!("{outcome} ({})", reason(code)),
    }
}

/// Why no rule decided.
fn reason(code: Code) -> &'static str {
    match code {
        Code::Killed => "killed",
        Code::Expired => "expired",
        Code::UnknownAgent => "no such agent",
        Code::UnknownEnvironment => "no such environment",
        Code::UnknownAction => "no such action",
        Code::NotAdmitted => "not admitted there",
        Code::NotGiven => "the tool is not given",
        Code::UndeclaredArgument => "an argument that is not declared",
        Code::Unclassified => "no variant takes it",
        Code::RingCeiling => "above what the ring takes",
        Code::NoGrant => "no rule allows it",
        Code::DeniedByRule => "a rule denies it",
        Code::ApprovalRequired => "a rule asks",
        Code::Granted => "a rule allows it",
        Code::InvalidRequest => "it cannot be read",
    }
}

/// The call that shows a change, without what its subject says already.
fn example(change: &Change) -> Option<String> {
    let call = change.witness.as_ref()?;
    let mut text = format!("{} {}", call.action, call.arguments);
    if change.agents().len() > 1 || change.environments().len() > 1 {
        text = format!("{} in {}: {text}", call.agent, call.environment);
    }
    if !call.holding.is_empty() {
        text += &format!(", holding {}", call.holding.join(", "));
    }
    if let Some(person) = &call.on_behalf_of {
        text += &format!(", on behalf of {person}");
    }
    if call.calls > 0 {
        text += &format!(", after {} calls", call.calls);
    }
    Some(text + &format!(", at {}", call.moment()))
}

/// What people are asked, where that is what changed.
fn asks(change: &Change) -> Option<(String, String)> {
    let of = |told: &Told| match (told.outcome, told.asks.as_slice()) {
        (Outcome::RequireApproval, [_, ..]) => told.asks.join("; "),
        _ => "nobody is asked".to_owned(),
    };
    let asked = [&change.before, &change.after]
        .iter()
        .any(|told| told.outcome == Outcome::RequireApproval && !told.asks.is_empty());
    asked.then(|| (of(&change.before), of(&change.after)))
}

/// What came and went, a line each.
fn came_and_went(names: &Names) -> Vec<String> {
    let lists = [
        ("new agent", &names.new_agents),
        ("new environment", &names.new_environments),
        ("new tool", &names.new_tools),
        ("removed agent", &names.removed_agents),
        ("removed environment", &names.removed_environments),
        ("removed tool", &names.removed_tools),
    ];
    let line = |(what, list): &(&str, &Vec<String>)| {
        let plural = if list.len() == 1 { "" } else { "s" };
        let names: BTreeSet<&str> = list.iter().map(String::as_str).collect();
        let short = what.split(' ').next_back().unwrap_or("one");
        (!list.is_empty()).then(|| format!("{what}{plural}: {}", few(&names, short)))
    };
    lists.iter().filter_map(line).collect()
}

/// What differs beside the answers, under the headings that it is told under.
const BESIDE: [(Direction, &str); 3] = [
    (Direction::Widened, "widened beside the rules"),
    (Direction::Narrowed, "narrowed beside the rules"),
    (Direction::Neutral, "otherwise beside the rules"),
];

fn beside(changes: &Changes, direction: Direction) -> impl Iterator<Item = &Fact> {
    changes.facts.iter().filter(move |fact| fact.direction == direction)
}

/// Facts of one sort that are told in full; of more than one above that, the rest are named in a line.
const MOST_ALIKE: usize = 2;

/// Whether it is of a rule, the document's kind, which property, and whether it was and is there.
type Sort<'f> = (bool, &'f str, &'f str, [bool; 2]);

/// What differs beside the answers, a line each. One edit of a group touches every rule that asks it: unless all are
/// wanted, the first few of a sort stand for the rest, which are named.
fn beside_lines(changes: &Changes, direction: Direction, all: bool) -> Vec<String> {
    let mut sorts: Vec<(Sort<'_>, Vec<&Fact>)> = Vec::new();
    for fact in beside(changes, direction) {
        let subject = &fact.subject;
        let sides = [fact.before.is_some(), fact.after.is_some()];
        let sort = (subject.rule.is_some(), subject.document, fact.what, sides);
        match sorts.iter_mut().find(|(known, _)| *known == sort) {
            Some((_, facts)) => facts.push(fact),
            None => sorts.push((sort, vec![fact])),
        }
    }
    let mut lines = Vec::new();
    for ((of_rule, document, what, sides), facts) in sorts {
        let told = match all || facts.len() <= MOST_ALIKE + 1 {
            true => facts.len(),
            false => MOST_ALIKE,
        };
        let (told, left) = facts.split_at(told);
        lines.extend(told.iter().map(|fact| fact.said()));
        if left.is_empty() {
            continue;
        }
        let names: BTreeSet<&str> = left
            .iter()
            .map(|fact| fact.subject.rule.as_deref().unwrap_or(&fact.subject.name))
            .collect();
        let noun = if of_rule { "rule" } else { document };
        let what = match (what, sides) {
            ("", [false, true]) => "new".to_owned(),
            ("", _) => "gone".to_owned(),
            (what, _) => what.to_owned(),
        };
        lines.push(format!("likewise {what}: {} ({} more)", few(&names, noun), left.len()));
    }
    lines
}

/// How much there is of what, and whether all of it was decided.
fn summary(changes: &Changes) -> String {
    let count = |fits: &dyn Fn(Kind) -> bool| changes.changes.iter().filter(|change| fits(change.kind)).count();
    let parts = [
        (
            count(&Kind::is_widened) + beside(changes, Direction::Widened).count(),
            "widened",
        ),
        (
            count(&Kind::is_narrowed) + beside(changes, Direction::Narrowed).count(),
            "narrowed",
        ),
        (count(&|kind| kind == Kind::OtherRule), "by another rule"),
        (beside(changes, Direction::Neutral).count(), "otherwise"),
        (changes.after_kills.len(), AFTER_KILLS),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(many, _)| *many > 0)
        .map(|(many, what)| format!("{many} {what}"))
        .collect();
    let cells: usize = changes.differing;
    let decided = match cells - changes.decided.min(cells) {
        0 => String::new(),
        open => format!(", {open} of them not decided for certain"),
    };
    let agents: BTreeSet<&str> = changes.answers().flat_map(Change::agents).collect();
    let plural = |many: usize, what: &str| format!("{many} {what}{}", if many == 1 { "" } else { "s" });
    let what = match parts.is_empty() {
        true => "nothing is answered otherwise".to_owned(),
        false => parts.join(", "),
    };
    // Cells may differ and answer every call alike, and what stands beside the rules lies in no cell.
    match agents.len() {
        0 => what,
        agents => format!(
            "{what}, in {} of {}{decided}",
            plural(cells, "cell"),
            plural(agents, "agent")
        ),
    }
}
