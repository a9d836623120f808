//! The reference evaluator: documents as written and a request in, an answer out.
//!
//! It follows the order of steps word by word, loops over every document for every request, compares strings, and
//! computes nothing beforehand; only the text of a condition is parsed once. It knows nothing of ids, sets, guards
//! or tables. The bundle's own expiry and the limits are not its business.

mod condition;
mod declared;
mod glob;
mod scope;
mod selector;
mod value;

#[cfg(test)]
mod cedar_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy_core::ast::Expr;
use polity::ast::{
    Action, Approval, Body, Document, Documents, Exception, Param, Placement, Policy, Rule, RuleEffect, Selector, Text,
    Tool,
};
use polity_runtime::value::Effect;
use serde_json::Value as Json;

pub use condition::{Scope, evaluate};
use scope::{name_of, resources};
use selector::{Quantifier, texts};
pub use value::{Errs, Origin, Value};

/// A call to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `payments/claude-code`
    pub agent: String,
    /// `production`
    pub environment: String,
    /// `github.merge_pull_request`, or `credential.billing-db`.
    pub action: String,
    /// A JSON object.
    pub args: Json,
    /// The data classes that the session holds.
    pub holding: Vec<String>,
    /// The person for whom the agent works.
    pub on_behalf_of: Option<String>,
    /// How many calls the session has made.
    pub calls: u64,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// What a decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Done at once.
    Allow,
    /// Done when people say so.
    RequireApproval,
    /// Not done.
    Deny,
}

/// The answer, and what it rests on. The sets are filled from step 8 on; before it they are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the decision comes to.
    pub effect: Outcome,
    /// Which step settled it.
    pub code: &'static str,
    /// `policy/rule`: the first by name of those that settled it.
    pub rule: Option<String>,
    /// The denies that match, erring ones included.
    pub denies: BTreeSet<String>,
    /// The grants that match; erring ones are not among them.
    pub grants: BTreeSet<String>,
    /// The gates that match, erring ones included.
    pub gates: BTreeSet<String>,
    /// The rules that erred, whatever their effect.
    pub erring: BTreeSet<String>,
    /// The denies and gates that only say what they would do until a moment, and would match or err.
    pub observed: BTreeSet<String>,
    /// What the matching rules ask for: rule to requirements, each a count and whom it takes.
    pub approvals: BTreeMap<String, Vec<(i64, Vec<String>)>>,
}

/// The evaluator of one organisation.
pub struct Naive<'a> {
    documents: &'a [Arc<Document>],
    /// What each condition's text parses to; nothing where it does not parse, and then it errs.
    conditions: BTreeMap<&'a str, Option<Expr>>,
}

/// A call whose agent, environment and action are known, admitted and classified.
struct Call<'a> {
    request: &'a Request,
    deployment: DeploymentRef<'a>,
    ring: &'a str,
    action: Chosen<'a>,
    /// Each character with whether its case matters; or that the resource cannot be made.
    resources: Vec<Result<Vec<(char, bool)>, Errs>>,
}

/// A deployment and where it works.
#[derive(Clone, Copy)]
struct DeploymentRef<'a> {
    agent: &'a str,
    team: &'a str,
    environments: &'a [(Text, Placement)],
}

/// An action as it was asked for, before a variant takes the call.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Tool(&'a str, &'a Tool, &'a Action),
    Credential(&'a str),
}

/// An action, or the variant of it that takes the call.
struct Chosen<'a> {
    /// With `/variant` where there is one.
    name: String,
    /// None for a credential.
    tool: Option<&'a str>,
    credential: Option<&'a str>,
    effect: Effect,
    external: bool,
    reversible: bool,
    params: &'a [(Text, Param)],
    resources: Option<&'a [Text]>,
}

/// A rule and the policy that it stands in.
struct Standing<'a> {
    name: String,
    document: &'a Document,
    policy: &'a Policy,
    rule: &'a Rule,
    effect: RuleEffect,
}

impl<'a> Naive<'a> {
    /// An evaluator of these documents, whose templates have been expanded.
    pub fn new(documents: &'a Documents) -> Naive<'a> {
        let mut conditions = BTreeMap::new();
        let mut policies: Vec<&'a str> = Vec::new();
        let mut parse = |text: &'a Option<Text>| {
            if let Some(text) = text {
                conditions
                    .entry(text.value.as_str())
                    .or_insert_with(|| text.value.parse().ok());
            }
        };
        for document in &documents.documents {
            match &document.body {
                Body::Policy(policy) => {
                    for (_, rule) in &policy.rules {
                        parse(&rule.when);
                        parse(&rule.unless);
                        if let Some(policy) = &rule.cedar {
                            policies.push(policy.text.value.as_str());
                        }
                    }
                }
                Body::Exception(exception) => parse(&exception.when),
                Body::Tool(tool) => {
                    let variants = tool.actions.iter().flat_map(|(_, action)| &action.variants);
                    variants.for_each(|(_, variant)| parse(&variant.when));
                }
                _ => {}
            }
        }
        // A policy of Cedar with its head, as Cedar itself puts both together.
        for text in policies {
            let parsed = cedar_policy_core::parser::parse_policy(None, text);
            conditions.insert(text, parsed.ok().map(|policy| policy.condition()));
        }
        Naive {
            documents: &documents.documents,
            conditions,
        }
    }

    /// Decides one call.
    pub fn decide(&self, request: &Request) -> Answer {
        let deployment = self.deployment(&request.agent);
        let asked = self.asked(&request.action);

        // 1. A kill.
        if self.killed(request, deployment, asked) {
            return denied("killed");
        }
        // 3. What nobody declared.
        let Some(deployment) = deployment else {
            return denied("unknown-agent");
        };
        if self.environment(&request.environment).is_none() {
            return denied("unknown-environment");
        }
        let Some(asked) = asked else {
            return denied("unknown-action");
        };
        // 4. Who may not work here.
        let Some((placement, ring)) = self.admitted(deployment, request) else {
            return denied("not-admitted");
        };
        // 5. What it was not given.
        if !self.given(deployment, placement, asked, &request.environment) {
            return denied("not-given");
        }
        // 6. What the call says and nobody declared, and what kind of call it is.
        let (params, strict) = match asked {
            Asked::Tool(_, tool, action) => (
                action.params.as_slice(),
                tool.strict.as_ref().is_none_or(|strict| strict.value),
            ),
            Asked::Credential(_) => (&[][..], true),
        };
        if strict && value::carries_undeclared(params, &request.args) {
            return denied("undeclared-argument");
        }
        let Some(action) = self.choose(asked, deployment, ring, request) else {
            return denied("unclassified");
        };
        // 7. The most that the ring can ever do.
        let (_, effects, irreversible) = self.ring(ring);
        if !effects.contains(&action.effect) || (!action.reversible && !irreversible) {
            return denied("ring-ceiling");
        }
        let resources = resources(&action, &request.args);
        let call = Call {
            request,
            deployment,
            ring,
            action,
            resources,
        };
        self.judge(&call)
    }

    /// Steps 8 to 11: every rule of every policy.
    fn judge(&self, call: &Call<'_>) -> Answer {
        let mut answer = denied("no-grant");
        for standing in self.rules() {
            let matched = self.matches(&standing, call);
            if matched == Ok(false) {
                continue;
            }
            let name = standing.name.clone();
            let observed = standing.rule.observe_until.as_ref();
            if observed.is_some_and(|until| call.request.now < until.value) {
                answer.observed.insert(name);
                continue;
            }
            if matched == Err(Errs) {
                answer.erring.insert(name.clone());
            }
            match standing.effect {
                RuleEffect::Deny => answer.denies.insert(name.clone()),
                RuleEffect::RequireApproval => answer.gates.insert(name.clone()),
                // An error grants nothing.
                RuleEffect::Allow => matched == Ok(true) && answer.grants.insert(name.clone()),
            };
            // A gate always asks; a grant only if it says so, and then even if it errs.
            let asks = standing.effect == RuleEffect::RequireApproval
                || (standing.effect == RuleEffect::Allow && standing.rule.approval.is_some());
            if asks {
                answer
                    .approvals
                    .insert(name, requirements(standing.rule.approval.as_ref()));
            }
        }
        // 8. A deny.
        if let Some(rule) = answer.denies.first().cloned() {
            return Answer {
                code: "denied-by-rule",
                rule: Some(rule),
                ..answer
            };
        }
        // 9. No grant.
        let Some(grant) = answer.grants.first().cloned() else {
            return answer;
        };
        // 10. Somebody has to be asked.
        if let Some(rule) = answer.approvals.keys().next().cloned() {
            return Answer {
                effect: Outcome::RequireApproval,
                code: "approval-required",
                rule: Some(rule),
                ..answer
            };
        }
        // 11. Granted.
        Answer {
            effect: Outcome::Allow,
            code: "granted",
            rule: Some(grant),
            ..answer
        }
    }

    /// Whether a rule matches a call, or errs; a rule that is observed as if it no longer were.
    fn matches(&self, standing: &Standing<'_>, call: &Call<'_>) -> Result<bool, Errs> {
        let Standing {
            document, policy, rule, ..
        } = standing;
        let now = call.request.now;
        // A team's policy reaches that team's deployments alone.
        if document
            .team
            .as_deref()
            .is_some_and(|team| team != call.deployment.team)
        {
            return Ok(false);
        }
        if rule.expires.as_ref().is_some_and(|expires| now >= expires.value) {
            return Ok(false);
        }
        if rule
            .except
            .as_ref()
            .is_some_and(|except| self.covered(except, None, call))
            || self.lifted(standing, call)
        {
            return Ok(false);
        }
        let quantifier = if standing.effect == RuleEffect::Allow {
            Quantifier::All
        } else {
            Quantifier::Any
        };
        // A head is part of what is evaluated; one that names a resource is about calls that touch some.
        match &rule.cedar {
            Some(policy) if policy.names_resource && call.resources.is_empty() => return Ok(false),
            Some(_) => {}
            None if !self.selected(&[&policy.scope, &rule.selector], call, quantifier)? => return Ok(false),
            None => {}
        }
        // The condition is asked of each resource that the call touches; of a call that touches none, once.
        let mut names: Vec<Result<String, Errs>> = call
            .resources
            .iter()
            .map(|resource| name_of(resource.as_ref()))
            .collect();
        if names.is_empty() {
            names.push(Err(Errs));
        }
        for resource in names {
            let scope = self.scope(call, resource);
            let whole = rule.cedar.as_ref().map(|policy| &policy.text);
            let holds = self.condition(whole.or(rule.when.as_ref()), true, &scope)?
                && !self.condition(rule.unless.as_ref(), false, &scope)?;
            match (quantifier, holds) {
                (Quantifier::Any, true) => return Ok(true),
                (Quantifier::All, false) => return Ok(false),
                _ => {}
            }
        }
        Ok(quantifier == Quantifier::All)
    }

    /// An Exception in force that covers the call. A team's reaches its deployments and its rules alone.
    fn lifted(&self, standing: &Standing<'_>, call: &Call<'_>) -> bool {
        standing.effect != RuleEffect::Allow
            && self.documents.iter().any(|document| {
                let Body::Exception(exception) = &document.body else {
                    return false;
                };
                let Exception {
                    to,
                    selector,
                    when,
                    until,
                    ..
                } = exception;
                let may = match (&document.team, &standing.document.team) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(theirs), Some(its)) => theirs == its && theirs == call.deployment.team,
                };
                may && to.as_ref().is_some_and(|to| to.value == standing.name)
                    && until.as_ref().is_some_and(|until| call.request.now < until.value)
                    && self.covered(selector, when.as_ref(), call)
            })
    }

    /// What cannot be evaluated covers nothing.
    fn covered(&self, selector: &Selector, when: Option<&Text>, call: &Call<'_>) -> bool {
        if self.selected(&[selector], call, Quantifier::All) != Ok(true) {
            return false;
        }
        let names = call.resources.iter().map(|resource| name_of(resource.as_ref()));
        let names: Vec<_> = if call.resources.is_empty() {
            vec![Err(Errs)]
        } else {
            names.collect()
        };
        names
            .into_iter()
            .all(|resource| self.condition(when, true, &self.scope(call, resource)) == Ok(true))
    }

    fn condition(&self, text: Option<&Text>, absent: bool, scope: &Scope) -> Result<bool, Errs> {
        let Some(text) = text else { return Ok(absent) };
        match self.conditions.get(text.value.as_str()) {
            Some(Some(expr)) => condition::holds(expr, scope),
            _ => Err(Errs),
        }
    }
}

fn denied(code: &'static str) -> Answer {
    Answer {
        effect: Outcome::Deny,
        code,
        rule: None,
        denies: BTreeSet::new(),
        grants: BTreeSet::new(),
        gates: BTreeSet::new(),
        erring: BTreeSet::new(),
        observed: BTreeSet::new(),
        approvals: BTreeMap::new(),
    }
}

fn requirements(approval: Option<&Approval>) -> Vec<(i64, Vec<String>)> {
    let requirements = approval.map_or(&[][..], |approval| approval.require.as_slice());
    let read = |requirement: &polity::ast::Requirement| {
        let count = requirement.count.as_ref().map_or(1, |count| count.value);
        // Whose approval it is does not depend on the order in which they are written.
        let mut from: Vec<String> = texts(&requirement.from).map(str::to_owned).collect();
        from.sort();
        (count, from)
    };
    requirements.iter().map(read).collect()
}
