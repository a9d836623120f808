//! Lints that look for a call: conditions that are always or never true, and rules that decide no call because others
//! decide it first.
//!
//! In: the organisation, its conditions and its table. Out: diagnostics. A lint is given only where the search proves
//! that there is no call; every look is short, and what it leaves open is not spoken of.

mod reach;

use std::collections::BTreeSet;

use polity_runtime::table::Table;
use rayon::prelude::*;

use crate::ast::{RuleEffect, Text};
use crate::diag::codes::lint::{CONDITION_ALWAYS_HOLDS, CONDITION_NEVER_HOLDS, RULE_SHADOWED, RULES_CONTRADICT};
use crate::diag::{Diagnostic, Sink};
use crate::ir::{ConditionId, RuleSet, Typed};
use crate::resolve::{Organization, Rule};
use crate::search::{ERROR, NO, YES};
use crate::source::{SourceTree, Span};
use reach::{Reach, Shadow};

/// How many rules are named that shadow another together.
const MOST_NAMED: usize = 3;

/// Runs the lints of what a table holds.
pub(crate) fn check(tree: &SourceTree, organization: &Organization, rules: &RuleSet, table: &Table, sink: &mut Sink) {
    let Some(reach) = Reach::new(organization, rules, table) else {
        return;
    };
    let looker = Looker {
        tree,
        organization,
        rules,
        reach: &reach,
    };
    let found: Vec<(Option<Diagnostic>, Option<Shadow>)> = (0..organization.rules.len())
        .into_par_iter()
        .map(|at| looker.rule(at))
        .collect();
    let mut shadows = Vec::new();
    for (at, (diagnostic, shadow)) in found.into_iter().enumerate() {
        diagnostic.into_iter().for_each(|found| sink.push(found));
        shadows.extend(shadow.map(|shadow| (at, shadow)));
    }
    // Of denies that cover each other one has to stay: the first by name.
    let mut gone: BTreeSet<usize> = BTreeSet::new();
    for (at, shadow) in shadows.into_iter().rev() {
        let again = match organization.rules.get(at).map(|rule| rule.effect) {
            Some(RuleEffect::Deny) => reach.shadow(at, &gone),
            _ => Some(shadow),
        };
        if let Some(shadow) = again {
            gone.insert(at);
            sink.push(looker.shadowed(at, &shadow));
        }
    }
}

struct Looker<'l> {
    tree: &'l SourceTree,
    organization: &'l Organization,
    rules: &'l RuleSet,
    reach: &'l Reach<'l>,
}

impl Looker<'_> {
    /// What is wrong with one rule by itself, or else whether others leave it nothing.
    fn rule(&self, at: usize) -> (Option<Diagnostic>, Option<Shadow>) {
        let (Some(rule), Some(body)) = (self.organization.rules.get(at), self.rules.bodies.get(at)) else {
            return (None, None);
        };
        // Whoever uses a template cannot change what it refuses, and may use it where there is nothing to refuse.
        if rule.effect != RuleEffect::Allow && self.tree.translate(rule.span).is_some() {
            return (None, None);
        }
        if !self.reach.is_reached(at) {
            // Another lint says so.
            return (None, None);
        }
        if !self.reach.can_match(at) {
            return (Some(self.dead(rule, body.when.as_ref(), body.unless.as_ref())), None);
        }
        let when = rule.when.as_ref().zip(body.when.as_ref());
        if let Some((text, typed)) = when
            && !self.some(typed, NO)
        {
            let message = format!("the condition of `{}` is always true", rule.name);
            let help = "remove it, or write what was meant";
            return (Some(found(&CONDITION_ALWAYS_HOLDS, message, text, help)), None);
        }
        let unless = rule.unless.as_ref().zip(body.unless.as_ref());
        if let Some((text, typed)) = unless
            && !self.some(typed, YES | ERROR)
        {
            let message = format!("the `unless` of `{}` is never true: it spares no call", rule.name);
            let help = "remove it, or write what was meant";
            return (Some(found(&CONDITION_NEVER_HOLDS, message, text, help)), None);
        }
        (None, self.reach.shadow(at, &BTreeSet::new()))
    }

    /// A rule that no call matches: why, as far as one of its parts is to blame.
    fn dead(&self, rule: &Rule, when: Option<&Typed>, unless: Option<&Typed>) -> Diagnostic {
        if let Some((text, typed)) = rule.when.as_ref().zip(when)
            && !self.some(typed, YES)
        {
            let message = format!("the condition of `{}` is never true: the rule never matches", rule.name);
            return found(
                &CONDITION_NEVER_HOLDS,
                message,
                text,
                "write what was meant, or remove the rule",
            );
        }
        if let Some((text, typed)) = rule.unless.as_ref().zip(unless)
            && !self.some(typed, NO)
        {
            let message = format!("the `unless` of `{}` is always true: the rule never matches", rule.name);
            return found(
                &CONDITION_ALWAYS_HOLDS,
                message,
                text,
                "write what was meant, or remove the rule",
            );
        }
        let message = format!(
            "`{}` can never match: what it asks of a call excludes itself",
            rule.name
        );
        let help = "its selectors, `except`, `when` and `unless` must leave a call; mend them, or remove the rule";
        Diagnostic::new(&CONDITION_NEVER_HOLDS, message, rule.span, "").with_help(help)
    }

    /// Whether some call gives a condition one of these answers, or it depends on more than the call.
    fn some(&self, typed: &Typed, answers: u8) -> bool {
        let ids: BTreeSet<ConditionId> = match typed {
            Typed::ByShape(ids) => ids.values().copied().collect(),
            Typed::ByAction(ids) => ids.values().copied().collect(),
        };
        ids.is_empty() || ids.into_iter().any(|id| self.reach.can_be(id, answers))
    }

    fn shadowed(&self, at: usize, shadow: &Shadow) -> Diagnostic {
        let rule = |at: usize| self.organization.rules.get(at);
        let name = |at: usize| rule(at).map_or("", |rule| rule.name.as_str());
        let span = rule(at).map_or(Span::NOWHERE, |rule| rule.span);
        let does = match rule(at).map(|rule| rule.effect) {
            Some(RuleEffect::Allow) => "allows",
            Some(RuleEffect::Deny) => "denies",
            _ => "asks about",
        };
        let mut found = match shadow {
            Shadow::Same(by) => {
                let message = format!("`{}` {does} the very calls that `{}` denies", name(at), name(*by));
                Diagnostic::new(&RULES_CONTRADICT, message, span, "")
                    .with_help("a deny always wins: remove the rule that was not meant")
            }
            Shadow::By(by) => {
                let names: Vec<String> = by
                    .iter()
                    .take(MOST_NAMED)
                    .map(|by| format!("`{}`", name(*by)))
                    .collect();
                let more = match by.len().saturating_sub(MOST_NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let verb = if by.len() == 1 { "denies" } else { "together deny" };
                let message = format!(
                    "`{}` never decides: {}{more} {verb} every call that it {does}",
                    name(at),
                    names.join(", "),
                );
                Diagnostic::new(&RULE_SHADOWED, message, span, "")
                    .with_help("narrow what denies these calls, or remove this rule")
            }
        };
        let by = match shadow {
            Shadow::Same(by) => std::slice::from_ref(by),
            Shadow::By(by) => by,
        };
        for one in by.iter().take(MOST_NAMED).filter_map(|by| rule(*by)) {
            found = found.with_related(self.tree.used_at(one.span), format!("`{}` is written here", one.name));
        }
        found
    }
}

fn found(code: &'static crate::diag::Code, message: String, text: &Text, help: &str) -> Diagnostic {
    Diagnostic::new(code, message, text.span, "").with_help(help)
}
