//! Which rules of `.rego` files the table decides, and which the engine, as lines for a person and as JSON.
//!
//! In: an organisation with its rules lowered, without an error. Out: text, or the member `rego` of the object that
//! `polity check --format json` prints. Why a rule is left to the engine was found when it was lowered.

use std::fmt::Write;

use serde::Serialize;

use super::json::SpanJson;
use super::{json, place::Places, visible};
use crate::ir::{Beyond, RuleSet};
use crate::resolve::Organization;
use crate::source::{SourceTree, Span};

/// How many rules are listed one by one. With more, only those of the engine are; more than a screen is not read.
const LISTED: usize = 20;

/// Who decides a rule of a `.rego` file.
#[derive(Debug, Clone)]
pub struct Decided {
    rule: String,
    span: Span,
    /// What only the engine can look at; absent of a rule that is conditions of the table.
    beyond: Option<Beyond>,
}

/// All rules of `.rego` files, in the order of the organisation's.
pub fn decided(organization: &Organization, rules: &RuleSet) -> Vec<Decided> {
    let all = organization.rules.iter().zip(&rules.bodies);
    all.filter(|(rule, _)| rule.rego.is_some())
        .map(|(rule, body)| Decided {
            rule: rule.name.clone(),
            span: rule.span,
            beyond: body.beyond.clone(),
        })
        .collect()
}

/// A line that counts them, and one for each that is listed. Nothing where there is none.
pub fn text(decided: &[Decided], tree: &SourceTree) -> String {
    let mut text = String::new();
    if decided.is_empty() {
        return text;
    }
    let engine = decided.iter().filter(|one| one.beyond.is_some()).count();
    let (table, all) = (decided.len() - engine, decided.len());
    let rules = if all == 1 { "rule" } else { "rules" };
    let _ = writeln!(
        text,
        "{all} Rego {rules}: {table} compiled into the table, {engine} decided by the engine"
    );
    let mut places = Places::new(tree);
    let some: Vec<&Decided> = decided
        .iter()
        .filter(|one| all <= LISTED || one.beyond.is_some())
        .collect();
    for one in some.iter().take(LISTED) {
        let why = one.beyond.as_ref();
        let (by, span) = why.map_or(("table", one.span), |beyond| ("engine", beyond.span));
        let place = places.of(span);
        let place = place.map_or_else(String::new, |place| format!(" {}:{}", place.path, place.start.line));
        let why = why.map_or_else(String::new, |beyond| format!(": it looks at {}", beyond.what));
        let _ = writeln!(
            text,
            "{}",
            visible::line(&format!("  {by:<6} {}{place}{why}", one.rule))
        );
    }
    if let Some(more) = some.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more: `--format json` lists every one");
    }
    text
}

/// Each of them, for the member `rego`.
pub(super) fn members<'a>(decided: &'a [Decided], places: &mut Places<'a>) -> Vec<DecidedJson<'a>> {
    let one = |one: &'a Decided| DecidedJson {
        rule: &one.rule,
        decided_by: if one.beyond.is_some() { "engine" } else { "table" },
        because: one.beyond.as_ref().map(|beyond| beyond.what.as_str()),
        span: json::span(one.beyond.as_ref().map_or(one.span, |beyond| beyond.span), places),
    };
    decided.iter().map(one).collect()
}

#[derive(Serialize)]
pub(super) struct DecidedJson<'a> {
    rule: &'a str,
    decided_by: &'static str,
    /// What it looks at that no condition can; null of a rule that the table decides.
    because: Option<&'a str>,
    /// Where that stands, or else the rule.
    span: Option<SpanJson<'a>>,
}
