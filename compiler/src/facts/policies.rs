//! What rules oblige to, what lifts them, what must never be, who approves changes, and what is stopped.

use std::collections::BTreeSet;

use super::Direction::{Narrowed, Widened};
use super::value::{Approved, Value};
use super::{Kind, Subject, View, document, people};
use crate::ast::{RuleEffect, Text};
use crate::resolve::{ApprovalRule, Exception, Invariant, Kill, Requirement, Rule, Scope, TeamId};

/// Whose approval a call needs.
pub(super) const APPROVAL: &str = "approval";
/// Whose approval a change needs.
pub(super) const REQUIRE: &str = "require";

pub(super) fn items(view: &mut View<'_>) {
    let organization = view.organization;
    for rule in &organization.rules {
        self::rule(view, rule);
    }
    for exception in &organization.exceptions {
        self::exception(view, exception);
    }
    for invariant in &organization.invariants {
        self::invariant(view, invariant);
    }
    for rule in &organization.approval_rules {
        approval_rule(view, rule);
    }
    for kill in &organization.kills {
        self::kill(view, kill);
    }
}

/// Of a rule only what it obliges to: whether it is there, and what it answers, is in the cells.
fn rule(view: &mut View<'_>, rule: &Rule) {
    let policy = rule.name.split_once('/').map_or("", |(policy, _)| policy);
    let subject = Subject {
        rule: Some(rule.name.clone()),
        ..document("Policy", policy)
    };
    view.put(&subject, Kind::Approval, "", Value::Silent);
    // A limit on what is not granted, and an approval of what is denied, oblige to nothing: what became of the rule is
    // told by the answers.
    let limit = match rule.effect {
        RuleEffect::Allow => Value::Slower(rule.limit),
        RuleEffect::Deny | RuleEffect::RequireApproval => Value::Silent,
    };
    view.put(&subject, Kind::Limit, "limit", limit);
    let Some(approval) = &rule.approval else {
        let nobody = match rule.effect {
            RuleEffect::Deny => Value::Silent,
            RuleEffect::Allow | RuleEffect::RequireApproval => Value::Approval(None),
        };
        view.put(&subject, Kind::Approval, APPROVAL, nobody);
        return;
    };
    for (team, of) in asked(view, &approval.require, rule.team) {
        let approved = Approved {
            require: view.required(&approval.require, team),
            timeout: Some(approval.timeout),
            separation: approval.separation,
            evidence: approval.evidence,
            partial: team.is_none() && approval.require.iter().any(|one| one.team_owners),
        };
        let subject = Subject {
            team: of,
            ..subject.clone()
        };
        view.put(&subject, Kind::Approval, APPROVAL, Value::Approval(Some(approved)));
    }
}

/// The teams that make a difference to requirements, by name; none where no team does.
fn asked(view: &View<'_>, require: &[Requirement], only: Option<TeamId>) -> Vec<(Option<TeamId>, Option<String>)> {
    if !require.iter().any(|one| one.team_owners) {
        return vec![(None, None)];
    }
    let teams = (0u32..).map(TeamId).take(view.organization.teams.len());
    let teams = teams.filter(|team| only.is_none_or(|only| only == *team));
    // What there is no team for is asked of nobody in particular: the rest of it is still compared.
    let each = teams.map(|team| (Some(team), view.team(team)));
    each.chain([(None, None)]).collect()
}

fn exception(view: &mut View<'_>, exception: &Exception) {
    let organization = view.organization;
    let rule = organization.rules.get(exception.to).map(|rule| rule.name.clone());
    let subject = document("Exception", &exception.name.value);
    view.exists(&subject, Kind::Exception, Widened, Narrowed);
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Exception, what, value);
    put(view, "to", Value::Any(rule));
    let when = written(&exception.when);
    put(view, "when", Value::Any(when));
    view.put(&subject, Kind::Exception, "until", Value::Sooner(Some(exception.until)));
    put(view, "owner", Value::Plain(exception.owner.clone()));
    put(view, "reason", Value::Plain(exception.reason.clone()));
    scope(view, &subject, Kind::Exception, &exception.scope);
}

/// The calls that are lifted: fewer are stricter.
fn scope(view: &mut View<'_>, subject: &Subject, kind: Kind, scope: &Scope) {
    let organization = view.organization;
    let put = |view: &mut View<'_>, what, value| view.put(subject, kind, what, value);
    let deployments = scope
        .deployments
        .as_ref()
        .map(|all| all.iter().map(|id| view.deployment(*id)).collect());
    put(view, "agents", Value::Fewer(deployments));
    let rings = scope
        .rings
        .as_ref()
        .map(|all| all.iter().map(|id| view.ring(*id)).collect());
    put(view, "rings", Value::Fewer(rings));
    let environments = scope
        .environments
        .as_ref()
        .map(|all| all.iter().map(|id| view.environment(*id)).collect());
    put(view, "environments", Value::Fewer(environments));
    let actions = scope
        .actions
        .as_ref()
        .map(|all| all.iter().map(|id| view.action(*id)).collect());
    put(view, "actions", Value::Fewer(actions));
    // What is left for the call: each part must hold, and of each part any alternative.
    let resources: BTreeSet<String> = scope
        .resources
        .iter()
        .map(|part| {
            let globs = part.globs.iter().map(|glob| people::glob(glob));
            let mut globs: BTreeSet<String> = globs.collect();
            globs.extend(part.team_owns.then(|| "team.owns".to_owned()));
            joined(globs)
        })
        .collect();
    put(view, "resources", Value::Any(Some(joined(resources))));
    let class = |id: &polity_runtime::table::ClassId| {
        let class = organization.classes.get(id.0 as usize);
        class.map_or_else(String::new, |class| class.name.value.clone())
    };
    let holding: BTreeSet<String> = scope
        .holding
        .iter()
        .map(|part| joined(part.iter().map(class).collect()))
        .collect();
    put(view, "holding", Value::Any(Some(joined(holding))));
    let behalf: BTreeSet<String> = scope
        .on_behalf_of
        .iter()
        .map(|part| {
            let mut people = view.people(&part.people);
            people.extend(part.nobody.then(|| "none".to_owned()));
            joined(people)
        })
        .collect();
    put(view, "on_behalf_of", Value::Any(Some(joined(behalf))));
}

fn invariant(view: &mut View<'_>, invariant: &Invariant) {
    let subject = Subject {
        team: invariant.team.and_then(|team| view.team(team)),
        ..document("Invariant", &invariant.name.value)
    };
    view.exists(&subject, Kind::Invariant, Narrowed, Widened);
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Invariant, what, value);
    let outcomes = invariant.never.iter().map(|outcome| match outcome {
        RuleEffect::Allow => "allow".to_owned(),
        RuleEffect::Deny => "deny".to_owned(),
        RuleEffect::RequireApproval => "require_approval".to_owned(),
    });
    put(view, "never.outcome", Value::More(outcomes.collect()));
    put(view, "never", Value::Any(Some(invariant.selectors.clone())));
    put(view, "never.when", Value::Any(written(&invariant.when)));
}

/// Adding one takes from the owners what it asks of others, so neither its coming nor its going is proved stricter.
fn approval_rule(view: &mut View<'_>, rule: &ApprovalRule) {
    let subject = document("ApprovalRule", &rule.name.value);
    view.exists(&subject, Kind::ApprovalRule, Widened, Widened);
    let changes = rule.changes.join(" or ");
    view.put(&subject, Kind::ApprovalRule, "when", Value::Any(Some(changes)));
    for (team, of) in asked(view, &rule.require, None) {
        let approved = Approved {
            require: view.required(&rule.require, team),
            timeout: None,
            separation: true,
            evidence: rule.evidence,
            partial: team.is_none() && rule.require.iter().any(|one| one.team_owners),
        };
        let subject = Subject {
            team: of,
            ..subject.clone()
        };
        view.put(&subject, Kind::ApprovalRule, REQUIRE, Value::Approval(Some(approved)));
    }
}

fn kill(view: &mut View<'_>, kill: &Kill) {
    let subject = document("Kill", &kill.name.value);
    view.exists(&subject, Kind::Kill, Narrowed, Widened);
    // A field that is added to kills is a field to compare.
    let Kill {
        name: _,
        reason,
        deployments,
        tools,
        environments,
        everything,
    } = kill;
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Kill, what, value);
    let deployments = deployments.iter().map(|id| view.deployment(*id)).collect();
    put(view, "agents", Value::More(deployments));
    let tools = tools.iter().map(|id| view.tool(*id)).collect();
    put(view, "tools", Value::More(tools));
    let environments = environments.iter().map(|id| view.environment(*id)).collect();
    put(view, "environments", Value::More(environments));
    put(view, "everything", Value::Yes(*everything));
    put(view, "reason", Value::Plain(Some(reason.clone())));
}

/// A condition as it was written.
fn written(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.value.trim().to_owned())
}

fn joined(set: BTreeSet<String>) -> String {
    set.into_iter().collect::<Vec<_>>().join(", ")
}
