//! A decision and its explanation in a few lines for a person.
//!
//! In: the structs of [`decision`](super). Out: text in which names from a bundle are made visible.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};

use super::{Access, Approval, Bundle, Decision, Effect, Explanation, Fault, Limit, Outcome, Source};
use crate::report::visible;

/// A decision in a few lines.
pub fn text(decision: &Decision, colour: bool) -> String {
    let mut text = brief(decision, colour);
    let faint = if colour { Style::new().dimmed() } else { Style::new() };
    let Bundle {
        organization,
        digest,
        serial,
        commit,
    } = &decision.bundle;
    let commit = commit
        .as_deref()
        .map(|id| format!(", commit {}", short(id)))
        .unwrap_or_default();
    let bundle = format!("{organization} {serial}, {}{commit}", short(digest));
    let _ = writeln!(text, "  {faint}{:<11}{faint:#}{}", "bundle", visible::line(&bundle));
    text
}

/// A decision without the bundle, for whoever knows which one answers.
pub fn brief(decision: &Decision, colour: bool) -> String {
    let mut text = String::new();
    let ink = ink(decision.effect, colour);
    let faint = if colour { Style::new().dimmed() } else { Style::new() };
    let by = decision
        .rule
        .as_deref()
        .map(|rule| format!(" by {}", visible::line(rule)))
        .unwrap_or_default();
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        text,
        "{ink}{}{ink:#} {}{by}",
        decision.effect.as_str(),
        visible::line(&decision.code)
    );
    let mut say = |label: &str, what: &str| {
        let _ = writeln!(text, "  {faint}{label:<11}{faint:#}{}", visible::line(what));
    };
    if let Some(reason) = &decision.reason {
        say("reason", reason);
    }
    for fault in &decision.errors {
        say("error", &described(fault));
    }
    for approval in &decision.obligations.approval {
        say(
            "approval",
            &format!("{} asks for {}", approval.rule, required(approval)),
        );
    }
    for limit in &decision.obligations.limits {
        say("limit", &limited(limit));
    }
    if let Some(ttl) = decision.obligations.credential_ttl {
        say("credential", &format!("for at most {}", ttl.text()));
    }
    if !decision.observed.is_empty() {
        say("observed", &decision.observed.join(", "));
    }
    if let Some(source) = &decision.source {
        say("source", &written(source));
    }
    if let Some(access) = &decision.access {
        say("access", &accessed(access));
    }
    text
}

/// A decision, and how it came about.
pub fn explanation_text(explanation: &Explanation, colour: bool) -> String {
    let mut text = text(&explanation.decision, colour);
    if !explanation.steps.is_empty() {
        text.push_str("\nbefore any rule\n");
        for step in &explanation.steps {
            let _ = writeln!(text, "  {}", visible::line(step));
        }
    }
    if !explanation.rules.is_empty() {
        text.push_str("\nrules\n");
    }
    for rule in &explanation.rules {
        let ink = match rule.outcome {
            _ if rule.observed => Style::new(),
            Outcome::Matches | Outcome::Error => ink(rule.effect, colour),
            Outcome::DoesNotMatch | Outcome::NotAsked => Style::new(),
        };
        let outcome = match rule.outcome {
            Outcome::Matches => "matches",
            Outcome::DoesNotMatch => "does not match",
            Outcome::Error => "cannot be evaluated",
            Outcome::NotAsked => "was not asked",
        };
        let _ = writeln!(
            text,
            "  {ink}{}{ink:#} {}{}: {outcome}",
            rule.effect.as_str(),
            visible::line(&rule.rule),
            if rule.observed { ", which is only observed" } else { "" }
        );
        for step in &rule.steps {
            let _ = writeln!(text, "    {}", visible::line(step));
        }
        if let Some(source) = &rule.source {
            let _ = writeln!(text, "    at {}", visible::line(&written(source)));
        }
    }
    text
}

fn ink(effect: Effect, colour: bool) -> Style {
    let colour_of = match effect {
        Effect::Allow => AnsiColor::Green,
        Effect::RequireApproval => AnsiColor::Yellow,
        Effect::Deny => AnsiColor::Red,
    };
    if colour {
        colour_of.on_default().effects(Effects::BOLD)
    } else {
        Style::new()
    }
}

fn described(fault: &Fault) -> String {
    let of = fault
        .rule
        .as_deref()
        .map(|rule| format!("{rule}: "))
        .unwrap_or_default();
    let argument = fault
        .argument
        .as_deref()
        .map(|argument| format!("`{argument}`: "))
        .unwrap_or_default();
    format!("{of}{argument}{}", fault.fault)
}

fn required(approval: &Approval) -> String {
    let all = approval
        .require
        .iter()
        .map(|one| format!("{} from {}", one.count, one.from.join(" or ")));
    let mut said = all.collect::<Vec<_>>().join(", and ");
    if let Some(timeout) = approval.timeout {
        let _ = write!(said, " within {}", timeout.text());
    }
    let _ = write!(said, ", {} evidence", approval.evidence);
    if !approval.separation {
        said.push_str(", without separation");
    }
    said
}

fn limited(limit: &Limit) -> String {
    let mut said = format!("{}: {}", limit.of, limit.rate);
    if let Some(burst) = limit.burst {
        let _ = write!(said, ", burst {burst}");
    }
    if let Some(concurrent) = limit.concurrent {
        let _ = write!(said, ", {concurrent} at once");
    }
    said
}

fn written(source: &Source) -> String {
    let mut said = format!("{}:{}", source.path, source.line);
    if let Some(commit) = &source.commit {
        let _ = write!(said, ", commit {}", short(commit));
    }
    if !source.approved_by.is_empty() {
        let _ = write!(said, ", approved by {}", source.approved_by.join(", "));
    }
    said
}

fn accessed(access: &Access) -> String {
    let mut said = format!("to {} as since commit {}", access.tool, short(&access.commit));
    if !access.approved_by.is_empty() {
        let _ = write!(said, ", approved by {}", access.approved_by.join(", "));
    }
    said
}

/// As much of a hexadecimal id as tells it from others at a glance, as git shows it.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
