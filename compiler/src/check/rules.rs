//! Lints of rules and exceptions: what can never match, what is dead under a ring's ceiling, what has expired.

use rayon::prelude::*;

use crate::ast::{Moment, RuleEffect};
use crate::diag::codes::lint::{
    ALLOW_NEVER_APPLIES, EXCEPTION_EXPIRED, EXCEPTION_EXPIRES_SOON, RULE_EXPIRED, RULE_NEVER_MATCHES,
};
use crate::diag::{Diagnostic, Sink};
use crate::resolve::{Deployment, Organization, Rule};
use crate::source::SourceTree;

/// How long before its end an exception is announced: long enough for a renewal to be reviewed.
const SOON: i64 = 30 * 24 * 3_600_000;

pub(super) fn check(tree: &SourceTree, organization: &Organization, now: Moment, sink: &mut Sink) {
    let unreached: Vec<Option<Diagnostic>> = organization
        .rules
        .par_iter()
        .map(|rule| reach(organization, rule))
        .collect();
    for (rule, unreached) in organization.rules.iter().zip(unreached) {
        // A template refuses what some use of it may meet, and whoever uses it cannot take that out.
        let guard = rule.effect != RuleEffect::Allow && tree.translate(rule.span).is_some();
        if let Some(diagnostic) = unreached.filter(|found| !guard || *found.code != RULE_NEVER_MATCHES) {
            sink.push(diagnostic);
        }
        if rule.expires.is_some_and(|expires| expires <= now) {
            let message = format!("`{}` has expired: it allows nothing", rule.name);
            sink.push(
                Diagnostic::new(&RULE_EXPIRED, message, rule.span, "").with_help("remove it, or set a later `expires`"),
            );
        }
    }
    for exception in &organization.exceptions {
        let name = &exception.name.value;
        if exception.until <= now {
            let message = format!("exception `{name}` has expired: it lifts nothing");
            let help = "remove it, or set a later `until`";
            sink.push(Diagnostic::new(&EXCEPTION_EXPIRED, message, exception.until_span, "").with_help(help));
        } else if exception.until - now <= SOON {
            let message = format!("exception `{name}` ends within 30 days");
            let help = "renew it in time, or let it end";
            sink.push(Diagnostic::new(&EXCEPTION_EXPIRES_SOON, message, exception.until_span, "").with_help(help));
        }
    }
}

/// Whether a rule can reach any call at all, and an allow any call that no ring forbids.
fn reach(organization: &Organization, rule: &Rule) -> Option<Diagnostic> {
    let mut met = false;
    let mut placed = false;
    for deployment in deployments(organization, rule) {
        for placement in &deployment.placements {
            if !rule.scope.takes_place(placement.ring, placement.environment) {
                continue;
            }
            placed = true;
            let ring = organization.rings.get(placement.ring.0 as usize)?;
            let given = placement.given.iter();
            let tools = given.filter_map(|tool| organization.tools.get(tool.0 as usize));
            for action in tools.flat_map(|tool| rule.scope.actions_of(tool)) {
                let Some(action) = organization.actions.get(action.0 as usize) else {
                    continue;
                };
                met = true;
                if rule.effect != RuleEffect::Allow
                    || (ring.effects.contains(&action.effect) && (action.reversible || ring.irreversible))
                {
                    return None;
                }
            }
        }
    }
    Some(if met {
        let message = format!(
            "`{}` allows nothing: the rings of the agents that it names exclude every action that it covers",
            rule.name
        );
        let help = "a ring's ceiling holds whatever the rules say: deploy to another ring, or remove the rule";
        Diagnostic::new(&ALLOW_NEVER_APPLIES, message, rule.span, "").with_help(help)
    } else {
        let empty = |all: Option<usize>| all == Some(0);
        let why = if empty(rule.scope.actions.as_ref().map(|all| all.len())) {
            "no action is all that it asks for"
        } else if empty(rule.scope.deployments.as_ref().map(|all| all.len())) {
            "no deployment is all that it asks for"
        } else if !placed {
            "no deployment that it names works in such a ring and environment"
        } else {
            "no deployment that it names was given a tool or credential that it covers"
        };
        let message = format!("`{}` can never match: {why}", rule.name);
        let help = "check its selectors against the deployments, or remove it";
        Diagnostic::new(&RULE_NEVER_MATCHES, message, rule.span, "").with_help(help)
    })
}

/// The deployments that a rule names.
fn deployments<'o>(organization: &'o Organization, rule: &'o Rule) -> Box<dyn Iterator<Item = &'o Deployment> + 'o> {
    match &rule.scope.deployments {
        Some(list) => Box::new(list.iter().filter_map(|id| organization.deployments.get(id.0 as usize))),
        None => Box::new(organization.deployments.iter()),
    }
}
