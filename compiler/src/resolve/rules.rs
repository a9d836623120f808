//! Policies, exceptions, kills, invariants and approval rules.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::table::{DeploymentId, EnvironmentId, ToolId};

use rayon::prelude::*;

use super::names::Names;
use super::people::{persons, sorted};
use super::selector::{Lookup, both};
use super::{Approval, ApprovalRule, Exception, Invariant, Kill, Organization, Requirement, Rule, Scope, TeamId};
use crate::ast::{self, Body, Documents, Evidence, Millis, RuleEffect, Selector, Text};
use crate::diag::codes::reference::{
    APPROVAL_CANNOT_BE_MET, EXCEPTION_OF_ALLOW, EXCEPTION_OUTRANKED, RESOURCES_NOT_DECLARED, UNKNOWN_PERSON,
    UNKNOWN_RULE,
};
use crate::diag::{Diagnostic, Sink};
use crate::written;

/// How long people have to answer where a rule does not say.
const DEFAULT_TIMEOUT: Millis = Millis(3_600_000);

pub(super) fn resolve(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    let lookup = Lookup::new(names, organization);
    let mut resolver = Resolver {
        names,
        organization,
        lookup: &lookup,
        sink,
    };
    let mut rules = policies(documents, names, resolver.organization, resolver.sink);
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    let exceptions = resolver.exceptions(documents, &rules);
    let kills = resolver.kills(documents);
    let invariants = resolver.invariants(documents);
    let approval_rules = resolver.approval_rules(documents);
    organization.invariants = invariants;
    organization.approval_rules = approval_rules;
    organization.rules = rules;
    organization.exceptions = exceptions;
    organization.kills = kills;
}

/// The rules of all policies. Policies do not look at each other, so a part of them is resolved on each thread.
fn policies(documents: &Documents, names: &Names, organization: &Organization, sink: &mut Sink) -> Vec<Rule> {
    let policies = sorted(documents, |b| if let Body::Policy(p) = b { Some(p) } else { None });
    let part = policies.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts: Vec<(Vec<Rule>, Sink)> = policies
        .par_chunks(part)
        .map(|part| {
            let mut sink = Sink::default();
            let lookup = Lookup::new(names, organization);
            let mut resolver = Resolver {
                names,
                organization,
                lookup: &lookup,
                sink: &mut sink,
            };
            let mut rules = Vec::new();
            for (name, document, policy) in part {
                let team = resolver.team(document);
                rules.extend(resolver.policy(name, team, policy));
            }
            (rules, sink)
        })
        .collect();
    let mut rules = Vec::new();
    for (part, found) in parts {
        rules.extend(part);
        sink.append(found);
    }
    rules
}

struct Resolver<'r> {
    names: &'r Names,
    organization: &'r Organization,
    lookup: &'r Lookup<'r>,
    sink: &'r mut Sink,
}

impl Resolver<'_> {
    /// The team under whose folder a document stands. An unknown one was reported, and reaches nobody: an id that no
    /// team has.
    fn team(&self, document: &ast::Document) -> Option<TeamId> {
        let name = document.team.as_ref()?;
        Some(TeamId(self.names.teams.id(name).unwrap_or(u32::MAX)))
    }

    fn policy(&mut self, name: &Text, team: Option<TeamId>, policy: &ast::Policy) -> Vec<Rule> {
        let outer = self.lookup.scope(&policy.scope, team, self.sink);
        let mut rules = Vec::new();
        for (rule_name, rule) in &policy.rules {
            let Some(effect) = rule.effect.map(|effect| effect.value) else {
                continue;
            };
            let own = self.lookup.scope(&rule.selector, team, self.sink);
            let mut scope = both(&outer, &own);
            if let Some(policy) = &rule.cedar {
                scope = both(&scope, &self.lookup.head(policy, self.sink));
            }
            if let Some(reach) = rule.rego.as_ref().and_then(|rego| rego.reach.as_ref()) {
                scope = self.within(scope, reach, team);
            }
            self.resources(&scope, &policy.scope, &rule.selector);
            let except = rule
                .except
                .as_ref()
                .map(|selector| self.except(selector, team, Some(&scope)));
            let approval = rule.approval.as_ref().map(|approval| self.approval(approval, &scope));
            rules.push(Rule {
                name: format!("{}/{}", name.value, rule_name.value),
                span: rule_name.span,
                team,
                effect,
                scope,
                except,
                when: rule.when.clone(),
                unless: rule.unless.clone(),
                cedar: rule.cedar.clone(),
                rego: rule.rego.clone(),
                approval,
                limit: rule.limit.map(|limit| limit.value),
                expires: rule.expires.map(|expires| expires.value),
                observe_until: rule.observe_until.map(|until| until.value),
                reason: rule.reason.as_ref().map(|reason| reason.value.trim_end().to_owned()),
            });
        }
        rules
    }

    /// What of a scope a rule can be about. Where that comes to nothing, or names what there is none of, it is left as it
    /// was, and what is wrong with the rule is said where all of it is looked at.
    fn within(&self, scope: Scope, reach: &Selector, team: Option<TeamId>) -> Scope {
        let mut unsaid = Sink::default();
        let narrowed = both(&scope, &self.lookup.scope(reach, team, &mut unsaid));
        let none = narrowed.actions.as_deref().is_some_and(<[_]>::is_empty)
            || narrowed.deployments.as_deref().is_some_and(<[_]>::is_empty)
            || narrowed.environments.as_deref().is_some_and(<[_]>::is_empty);
        match none || !unsaid.diagnostics().is_empty() {
            true => scope,
            false => narrowed,
        }
    }

    /// A rule's `except`, or an Exception to it. What it names need not lie within the rule, but must exist. It lifts
    /// nothing beyond the rule, so its `resources` look at none but the rule's actions.
    fn except(&mut self, selector: &Selector, team: Option<TeamId>, lifted: Option<&Scope>) -> Scope {
        let scope = self.lookup.scope(selector, team, self.sink);
        if let Some(lifted) = lifted.filter(|_| selector.resources.is_some()) {
            self.resources(&both(lifted, &scope), &Selector::default(), selector);
        }
        scope
    }

    /// `resources` over an action that declares none would never be looked at.
    fn resources(&mut self, scope: &Scope, outer: &Selector, own: &Selector) {
        let Some(span) = own
            .resources
            .as_ref()
            .or(outer.resources.as_ref())
            .map(|resources| resources.span)
        else {
            return;
        };
        let bare = (0u32..).zip(&self.organization.actions).find(|(id, action)| {
            action.resources.is_empty() && scope.takes_action(polity_runtime::table::ActionId(*id))
        });
        if let Some((_, action)) = bare {
            let message = format!(
                "`{}` declares no resources, so `resources` cannot be looked at",
                action.name
            );
            let help = "name the actions that the rule is about, or declare their `resources` on the tool";
            let diagnostic = Diagnostic::new(&RESOURCES_NOT_DECLARED, message, span, "");
            self.sink.push(
                diagnostic
                    .with_related(action.span, "the action is declared here")
                    .with_help(help),
            );
        }
    }

    fn approval(&mut self, approval: &ast::Approval, scope: &Scope) -> Approval {
        let separation = approval.separation.is_none_or(|separation| separation.value);
        let require: Vec<Requirement> = approval.require.iter().map(|one| self.requirement(one)).collect();
        self.can_be_met(approval, &require, separation, scope);
        Approval {
            require,
            timeout: approval.timeout.map_or(DEFAULT_TIMEOUT, |timeout| timeout.value),
            separation,
            evidence: approval.evidence.map_or(Evidence::Signed, |evidence| evidence.value),
        }
    }

    fn requirement(&mut self, written: &ast::Requirement) -> Requirement {
        let special = |name: &str| written.from.iter().any(|from| from.value == name);
        let named: Vec<Text> = written
            .from
            .iter()
            .filter(|from| from.value != "owners" && from.value != "team-owners")
            .cloned()
            .collect();
        let mut people: BTreeSet<_> = persons(&named, self.names, self.organization, self.sink)
            .into_iter()
            .collect();
        if special("owners") {
            people.extend(&self.organization.owners);
        }
        let mut from: Vec<String> = written.from.iter().map(|from| from.value.clone()).collect();
        from.sort();
        from.dedup();
        Requirement {
            from,
            count: written
                .count
                .map_or(1, |count| u32::try_from(count.value).unwrap_or(u32::MAX)),
            people: people.into_iter().collect(),
            team_owners: special("team-owners"),
        }
    }

    /// Somebody must be able to give the approval. How many own a team that a change touches is known only then.
    fn enough_people(&mut self, written: &ast::Requirement, asked: &Requirement) {
        let unknown = self
            .sink
            .diagnostics()
            .iter()
            .any(|found| *found.code == UNKNOWN_PERSON);
        if asked.team_owners || unknown || self.organization.uncounted || asked.count as usize <= asked.people.len() {
            return;
        }
        let message = format!(
            "this approval can never be given: it asks for {} of {} people",
            asked.count,
            asked.people.len()
        );
        let help = "lower the count, or name more people; without anybody who may approve it, a change is blocked";
        self.sink
            .push(Diagnostic::new(&APPROVAL_CANNOT_BE_MET, message, written.span, "").with_help(help));
    }

    /// Each person counts for one requirement: for every deployment that the rule reaches there must be an assignment.
    fn can_be_met(&mut self, approval: &ast::Approval, require: &[Requirement], separation: bool, scope: &Scope) {
        let wanted: usize = require.iter().map(|one| one.count as usize).sum();
        // With one person more than all requirements take together, nobody's exclusion matters.
        if require.iter().all(|one| one.people.len() > wanted) || self.organization.uncounted {
            return;
        }
        let organization = self.organization;
        let by_team = require.iter().any(|one| one.team_owners);
        // Few teams and owners stand behind many deployments: the first deployment of each pair is enough.
        let mut pairs: BTreeMap<(Option<TeamId>, Option<_>), DeploymentId> = BTreeMap::new();
        for ((team, owner), of_pair) in &self.lookup.by_owner {
            // Whoever was not given the tool is never asked about.
            let reached = |id: &&DeploymentId| {
                let named = scope.deployments.as_ref();
                let deployment = organization.deployments.get(id.0 as usize);
                named.is_none_or(|named| named.binary_search(id).is_ok())
                    && deployment.is_some_and(|deployment| reaches(organization, **id, deployment, scope))
            };
            if let Some(id) = of_pair.iter().find(reached) {
                let pair = (Some(*team).filter(|_| by_team), owner.filter(|_| separation));
                let first = pairs.entry(pair).or_insert(*id);
                *first = (*first).min(*id);
            }
        }
        let mut reached: BTreeMap<(Vec<_>, Option<_>), DeploymentId> = BTreeMap::new();
        for ((team, owner), id) in pairs {
            let owners = team
                .and_then(|team| organization.teams.get(team.0 as usize))
                .map(|team| team.owners.clone())
                .unwrap_or_default();
            let first = reached.entry((owners, owner)).or_insert(id);
            *first = (*first).min(id);
        }
        if reached.is_empty() && !require.iter().any(|one| one.team_owners) {
            // A rule that reaches nobody today must make sense for whoever comes tomorrow.
            let eligible: Vec<_> = require
                .iter()
                .map(|one| (one.count, one.people.iter().map(|person| person.0).collect()))
                .collect();
            if !assignable(&eligible) {
                let span = approval.require.first().map_or(approval.span, |first| first.span);
                let message = "this approval can never be given: there are too few people who could";
                self.sink
                    .push(Diagnostic::new(&APPROVAL_CANNOT_BE_MET, message, span, ""));
            }
        }
        for ((team_owners, excluded), id) in reached {
            let eligible: Vec<(u32, BTreeSet<u32>)> = require
                .iter()
                .map(|one| {
                    let owners = team_owners.iter().filter(|_| one.team_owners);
                    let people = one
                        .people
                        .iter()
                        .chain(owners)
                        .filter(|person| Some(**person) != excluded);
                    (one.count, people.map(|person| person.0).collect())
                })
                .collect();
            if !assignable(&eligible) {
                let name = organization
                    .deployments
                    .get(id.0 as usize)
                    .map_or("", |deployment| deployment.name.as_str());
                // Either one requirement is too much by itself, or they take the same people.
                let short = eligible
                    .iter()
                    .position(|(count, people)| *count as usize > people.len());
                let why = match short.and_then(|at| eligible.get(at)) {
                    Some((count, people)) if people.is_empty() => format!("it takes {count}, and nobody could give it"),
                    Some((count, people)) => format!("it takes {count}, and only {} could give it", people.len()),
                    None => "each person counts for one requirement, and there are too few".to_owned(),
                };
                let span = approval
                    .require
                    .get(short.unwrap_or(0))
                    .map_or(approval.span, |written| written.span);
                let message = format!("for `{name}` this approval can never be given: {why}");
                let mut diagnostic = Diagnostic::new(&APPROVAL_CANNOT_BE_MET, message, span, "")
                    .with_help("name more people, or lower `count`");
                let named = |one: &Requirement| {
                    let owners = team_owners.iter().filter(|_| one.team_owners);
                    one.people.iter().chain(owners).any(|person| Some(*person) == excluded)
                };
                if require.iter().any(named) {
                    diagnostic = diagnostic.with_help("the agent's owner does not count, because of `separation`");
                }
                self.sink.push(diagnostic);
                return;
            }
        }
    }

    fn exceptions(&mut self, documents: &Documents, rules: &[Rule]) -> Vec<Exception> {
        let mut all = Vec::new();
        for (name, document, exception) in
            sorted(documents, |b| if let Body::Exception(e) = b { Some(e) } else { None })
        {
            let team = self.team(document);
            let place = |to: &Text| rules.binary_search_by(|rule| rule.name.as_str().cmp(&to.value));
            let lifted = exception.to.as_ref().and_then(|to| rules.get(place(to).ok()?));
            let scope = self.except(&exception.selector, team, lifted.map(|rule| &rule.scope));
            if let Some(owner) = &exception.owner {
                self.names.person(owner, self.sink);
            }
            let (Some(to), Some(until)) = (&exception.to, exception.until) else {
                continue;
            };
            let Ok(rule) = place(to) else {
                let policy = to.value.split_once('/').map_or("", |(policy, _)| policy);
                if self.names.policies.is_broken(policy) || self.names.written.contains(&to.value) {
                    continue;
                }
                let message = format!("no rule is called `{}`", to.value);
                let diagnostic = Diagnostic::new(&UNKNOWN_RULE, message, to.span, "");
                self.sink.push(diagnostic.with_suggestion(
                    &to.value,
                    to.span,
                    rules.iter().map(|rule| rule.name.as_str()),
                ));
                continue;
            };
            let Some(lifted) = rules.get(rule) else { continue };
            if lifted.effect == RuleEffect::Allow {
                let message = format!("`{}` is an allow: there is nothing in it to lift", to.value);
                let help = "name the deny or the gate that is in the way; another allow grants more, a deny takes away";
                let diagnostic = Diagnostic::new(&EXCEPTION_OF_ALLOW, message, to.span, "");
                self.sink
                    .push(diagnostic.with_related(lifted.span, "the rule is here").with_help(help));
                continue;
            }
            if team.is_some() && lifted.team != team {
                let message = format!("a team's exception cannot lift `{}`, which is not the team's", to.value);
                let help =
                    "an exception to the organisation's rule stands outside `teams/`, where its owners approve it";
                let diagnostic = Diagnostic::new(&EXCEPTION_OUTRANKED, message, to.span, "");
                self.sink
                    .push(diagnostic.with_related(lifted.span, "the rule is here").with_help(help));
                continue;
            }
            all.push(Exception {
                name: name.clone(),
                to: rule,
                scope,
                when: exception.when.clone(),
                until: until.value,
                until_span: until.span,
                owner: exception.owner.as_ref().map(|owner| owner.value.clone()),
                reason: exception
                    .reason
                    .as_ref()
                    .map(|reason| reason.value.trim_end().to_owned()),
            });
        }
        all
    }

    fn kills(&mut self, documents: &Documents) -> Vec<Kill> {
        let mut all = Vec::new();
        for (name, _, kill) in sorted(documents, |b| if let Body::Kill(k) = b { Some(k) } else { None }) {
            let selects = kill.agents.is_some() || kill.teams.is_some();
            // What a kill names adds up, unlike the entries of a selector.
            let mut deployments: BTreeSet<DeploymentId> = BTreeSet::new();
            if selects {
                let by = |agents: Option<Vec<Text>>, teams: Option<Vec<Text>>| Selector {
                    agents,
                    teams,
                    ..Selector::default()
                };
                for selector in [by(kill.agents.clone(), None), by(None, kill.teams.clone())] {
                    let scope = self.lookup.scope(&selector, None, self.sink);
                    deployments.extend(scope.deployments.iter().flat_map(|list| list.iter()));
                }
            }
            let others = Selector {
                tools: kill.tools.clone(),
                environments: kill.environments.clone(),
                ..Selector::default()
            };
            let scope = self.lookup.scope(&others, None, self.sink);
            let environments: Vec<EnvironmentId> = scope.environments.unwrap_or_default();
            let tools: BTreeSet<ToolId> = kill.tools.iter().flatten().flat_map(|text| self.tools(text)).collect();
            all.push(Kill {
                name: name.clone(),
                reason: kill
                    .reason
                    .as_ref()
                    .map(|reason| reason.value.trim_end().to_owned())
                    .unwrap_or_default(),
                deployments: deployments.into_iter().collect(),
                tools: tools.into_iter().collect(),
                environments,
                everything: kill.everything.is_some_and(|everything| everything.value),
            });
        }
        all
    }

    /// Tools that an entry names, those without actions included.
    fn tools(&self, entry: &Text) -> Vec<ToolId> {
        let glob = super::Glob::new(&entry.value, '.');
        let matching = self
            .names
            .tools
            .names()
            .enumerate()
            .filter(|(_, name)| glob.matches(name));
        matching
            .map(|(id, _)| ToolId(u32::try_from(id).unwrap_or(u32::MAX)))
            .collect()
    }

    fn invariants(&mut self, documents: &Documents) -> Vec<Invariant> {
        let mut all = Vec::new();
        let written = sorted(documents, |b| if let Body::Invariant(i) = b { Some(i) } else { None });
        for (name, document, invariant) in written {
            let Some(never) = &invariant.never else { continue };
            let team = self.team(document);
            let mut outcomes: Vec<RuleEffect> = never.outcome.iter().map(|outcome| outcome.value).collect();
            outcomes.sort_unstable();
            outcomes.dedup();
            let scope = self.lookup.scope(&never.selector, team, self.sink);
            self.resources(&scope, &Selector::default(), &never.selector);
            all.push(Invariant {
                name: name.clone(),
                team,
                never: outcomes,
                scope,
                selectors: written::selector(&never.selector),
                when: never.when.clone(),
            });
        }
        all
    }

    fn approval_rules(&mut self, documents: &Documents) -> Vec<ApprovalRule> {
        let mut all = Vec::new();
        let written = sorted(
            documents,
            |b| if let Body::ApprovalRule(r) = b { Some(r) } else { None },
        );
        for (name, _, rule) in written {
            for change in &rule.when {
                self.lookup.scope(&change.selector, None, self.sink);
            }
            let require: Vec<Requirement> = rule.require.iter().map(|one| self.requirement(one)).collect();
            for (written, asked) in rule.require.iter().zip(&require) {
                self.enough_people(written, asked);
            }
            let mut changes: Vec<String> = rule.when.iter().map(written::change).collect();
            changes.sort();
            changes.dedup();
            all.push(ApprovalRule {
                name: name.clone(),
                changes,
                require,
                evidence: rule.evidence.map_or(Evidence::Signed, |evidence| evidence.value),
            });
        }
        all
    }
}

/// Whether a deployment has a call that the scope covers, as far as its placements tell.
fn reaches(organization: &Organization, id: DeploymentId, deployment: &super::Deployment, scope: &Scope) -> bool {
    deployment.placements.iter().any(|placement| {
        scope.takes_placement(id, placement.ring, placement.environment)
            && placement.given.iter().any(|tool| {
                let tool = organization.tools.get(tool.0 as usize);
                tool.is_some_and(|tool| scope.actions_of(tool).next().is_some())
            })
    })
}

/// Whether every requirement can have its people at once, each person for one requirement: bipartite matching by
/// augmenting paths. A count larger than its people fails at once, so the work is bounded by the people named.
fn assignable(requirements: &[(u32, BTreeSet<u32>)]) -> bool {
    let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
    let seats = requirements.iter().enumerate();
    for (seat, (count, people)) in seats {
        if *count as usize > people.len() {
            return false;
        }
        for _ in 0..*count {
            if !augment(requirements, seat, &mut taken, &mut BTreeSet::new()) {
                return false;
            }
        }
    }
    true
}

/// Finds a person for a seat, moving others to other people where that frees one.
fn augment(
    requirements: &[(u32, BTreeSet<u32>)],
    seat: usize,
    taken: &mut BTreeMap<u32, usize>,
    tried: &mut BTreeSet<u32>,
) -> bool {
    let Some((_, people)) = requirements.get(seat) else {
        return false;
    };
    for person in people {
        if !tried.insert(*person) {
            continue;
        }
        let free = match taken.get(person).copied() {
            None => true,
            Some(holder) => augment(requirements, holder, taken, tried),
        };
        if free {
            taken.insert(*person, seat);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_counts_for_one_requirement() {
        let set = |ids: &[u32]| ids.iter().copied().collect::<BTreeSet<u32>>();
        assert!(assignable(&[(1, set(&[1, 2])), (1, set(&[1]))]));
        assert!(!assignable(&[(1, set(&[1])), (1, set(&[1]))]));
        assert!(!assignable(&[(2, set(&[1]))]));
        assert!(assignable(&[(2, set(&[1, 2, 3])), (1, set(&[1]))]));
        assert!(!assignable(&[(2, set(&[1, 2])), (1, set(&[1, 2]))]));
    }
}
