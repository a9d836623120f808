//! The reference evaluator: documents as written and a request in, an answer out.
//!
//! It follows the order of steps word by word, loops over every document for every request, compares strings, and
//! computes nothing beforehand; only the text of a condition is parsed once. It knows nothing of ids, sets, guards
//! or tables. The bundle's own expiry and the limits are not its business.

mod condition;
mod glob;
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
    Action, ActionClass, Approval, Body, Document, Documents, Enforcement, Exception, Param, ParamType, Placement,
    Policy, Rule, RuleEffect, Selector, Text, Tool, Variant,
};
use polity_runtime::value::Effect;
use serde_json::Value as Json;

pub use condition::{Scope, evaluate};
use selector::{Quantifier, is_named, texts};
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

/// The built-in rings: name, level, effects, whether irreversible actions may be done.
const BUILT_IN_RINGS: [(&str, i64, &[Effect], bool); 4] = [
    (
        "privileged",
        0,
        &[Effect::Read, Effect::Write, Effect::Destructive],
        true,
    ),
    ("trusted", 1, &[Effect::Read, Effect::Write, Effect::Destructive], true),
    ("standard", 2, &[Effect::Read, Effect::Write], true),
    ("sandboxed", 3, &[Effect::Read], false),
];

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

    fn scope(&self, call: &Call<'_>, resource: Result<String, Errs>) -> Scope {
        let Call {
            request,
            deployment,
            ring,
            action,
            ..
        } = call;
        let mut action_parents = vec![effect_name(action.effect).to_owned()];
        action_parents.push(action.tool.unwrap_or("credential").to_owned());
        if action.external {
            action_parents.push("external".to_owned());
        }
        if action.name != request.action {
            action_parents.push(request.action.clone());
        }
        self.bare_scope(
            *deployment,
            ring,
            request,
            action.params,
            (action.name.clone(), action_parents),
            resource,
        )
    }

    fn bare_scope(
        &self,
        deployment: DeploymentRef<'_>,
        ring: &str,
        request: &Request,
        params: &[(Text, Param)],
        (action, action_parents): (String, Vec<String>),
        resource: Result<String, Errs>,
    ) -> Scope {
        let tags = self
            .tags(deployment.agent)
            .iter()
            .map(|(key, value)| (key.value.clone(), Value::text(&value.value)));
        let holding = request.holding.iter().map(Value::text).collect();
        let session = BTreeMap::from([
            ("holding".to_owned(), Value::Set(holding)),
            (
                "calls".to_owned(),
                i64::try_from(request.calls).map_or(Value::Poison, Value::Int),
            ),
        ]);
        let mut context = BTreeMap::from([
            ("args".to_owned(), value::arguments(params, &request.args)),
            ("session".to_owned(), Value::Record(session)),
            ("now".to_owned(), Value::DateTime(request.now)),
        ]);
        if let Some(person) = &request.on_behalf_of {
            context.insert("on_behalf_of".to_owned(), Value::text(person));
        }
        let parent = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
        Scope {
            principal: request.agent.clone(),
            principal_attributes: BTreeMap::from([
                ("agent".to_owned(), Value::text(deployment.agent)),
                ("team".to_owned(), Value::text(deployment.team)),
                ("ring".to_owned(), Value::Int(self.ring(ring).0)),
                ("tags".to_owned(), Value::Record(tags.collect())),
            ]),
            principal_parents: vec![
                parent("Agent", deployment.agent),
                parent("Team", deployment.team),
                parent("Ring", ring),
            ],
            action,
            action_parents,
            environment: request.environment.clone(),
            context: Value::Record(context),
            resource,
        }
    }

    /// Whether a kill covers the call. What nobody declared is covered by a kill of everything only.
    fn killed(&self, request: &Request, deployment: Option<DeploymentRef<'_>>, asked: Option<Asked<'_>>) -> bool {
        let names = |entries: &Option<Vec<Text>>, name: &str| {
            entries
                .as_ref()
                .is_some_and(|entries| texts(entries).any(|entry| entry == name))
        };
        self.documents.iter().any(|document| {
            let Body::Kill(kill) = &document.body else { return false };
            let everything = kill.everything.as_ref().is_some_and(|everything| everything.value);
            let agent = deployment.is_some_and(|deployment| {
                names(&kill.agents, deployment.agent)
                    || names(&kill.agents, &request.agent)
                    || names(&kill.teams, deployment.team)
            });
            let tool = matches!(asked, Some(Asked::Tool(tool, ..)) if names(&kill.tools, tool));
            let environment =
                self.environment(&request.environment).is_some() && names(&kill.environments, &request.environment);
            everything || agent || tool || environment
        })
    }

    /// The placement and its ring, if the deployment may work in the environment at this time.
    fn admitted(&self, deployment: DeploymentRef<'a>, request: &Request) -> Option<(&'a Placement, &'a str)> {
        let (_, placement) = deployment
            .environments
            .iter()
            .find(|(name, _)| name.value == request.environment)?;
        let ring = placement.ring.as_ref()?.value.as_str();
        let environment = self.environment(&request.environment)?;
        let ceiling = self.ceiling(deployment.team);
        let enforcement = placement
            .enforced_by
            .as_ref()
            .map_or(Enforcement::None, |enforcement| enforcement.value);
        let enforced = match &environment.enforced_by {
            Some(accepted) => accepted.iter().any(|accepted| accepted.value == enforcement),
            None => !matches!(enforcement, Enforcement::None | Enforcement::External),
        };
        let current = placement.until.as_ref().is_none_or(|until| request.now < until.value);
        let takes_ring = |rings: Option<&Vec<Text>>| rings.is_none_or(|rings| texts(rings).any(|name| name == ring));
        let taken =
            takes_ring(environment.rings.as_ref()) && takes_ring(ceiling.and_then(|ceiling| ceiling.rings.as_ref()));
        (current && enforced && taken).then_some((placement, ring))
    }

    fn given(&self, deployment: DeploymentRef<'_>, placement: &Placement, asked: Asked<'_>, environment: &str) -> bool {
        match asked {
            Asked::Tool(tool, ..) => {
                let ceiling = self.ceiling(deployment.team).and_then(|ceiling| ceiling.tools.as_ref());
                texts(&placement.tools).any(|given| given == tool)
                    && ceiling.is_none_or(|tools| texts(tools).any(|name| name == tool))
            }
            Asked::Credential(name) => {
                let exists = self.documents.iter().any(|document| match &document.body {
                    Body::Credential(credential) => {
                        is_named(document, name) && texts(&credential.environments).any(|entry| entry == environment)
                    }
                    _ => false,
                });
                exists && texts(&placement.credentials).any(|given| given == name)
            }
        }
    }

    /// The variant that takes the call, or the action itself where it has none. A test that errs ends the search.
    fn choose(
        &self,
        asked: Asked<'a>,
        deployment: DeploymentRef<'_>,
        ring: &str,
        request: &Request,
    ) -> Option<Chosen<'a>> {
        let (tool_name, tool, action) = match asked {
            Asked::Tool(name, tool, action) => (name, tool, action),
            Asked::Credential(name) => {
                return Some(Chosen {
                    name: request.action.clone(),
                    tool: None,
                    credential: Some(name),
                    effect: Effect::Read,
                    external: false,
                    reversible: true,
                    params: &[],
                    resources: None,
                });
            }
        };
        let chosen = |suffix: String, own: Option<&'a ActionClass>| {
            let classes = || own.into_iter().chain([&action.class]);
            Some(Chosen {
                name: format!("{}{suffix}", request.action),
                tool: Some(tool_name),
                credential: None,
                effect: classes().find_map(|class| class.effect.as_ref())?.value,
                external: classes()
                    .find_map(|class| class.external.as_ref())
                    .is_some_and(|external| external.value),
                reversible: classes()
                    .find_map(|class| class.reversible.as_ref())
                    .is_none_or(|reversible| reversible.value),
                params: &action.params,
                resources: classes()
                    .find_map(|class| class.resources.as_deref())
                    .or(tool.resources.as_deref()),
            })
        };
        if action.variants.is_empty() {
            return chosen(String::new(), None);
        }
        let scope = self.bare_scope(
            deployment,
            ring,
            request,
            &action.params,
            (request.action.clone(), vec![tool_name.to_owned()]),
            Err(Errs),
        );
        for (name, Variant { when, class }) in &action.variants {
            if self.condition(when.as_ref(), true, &scope).ok()? {
                return chosen(format!("/{}", name.value), Some(class));
            }
        }
        None
    }

    fn deployment(&self, name: &str) -> Option<DeploymentRef<'a>> {
        self.documents.iter().find_map(|document| {
            let Body::Deployment(deployment) = &document.body else {
                return None;
            };
            let agent = deployment.agent.as_ref()?.value.as_str();
            let team = deployment
                .team
                .as_ref()
                .map(|team| team.value.as_str())
                .or(document.team.as_deref())?;
            (format!("{team}/{agent}") == name).then_some(DeploymentRef {
                agent,
                team,
                environments: &deployment.environments,
            })
        })
    }

    /// An action as a caller names it: never a variant.
    fn asked(&self, name: &str) -> Option<Asked<'a>> {
        self.documents.iter().find_map(|document| {
            let own = document.name.as_ref()?.value.as_str();
            match &document.body {
                Body::Tool(tool) => {
                    let action = tool
                        .actions
                        .iter()
                        .find(|(short, _)| format!("{own}.{}", short.value) == name);
                    action.map(|(_, action)| Asked::Tool(own, tool, action))
                }
                Body::Credential(_) => (format!("credential.{own}") == name).then_some(Asked::Credential(own)),
                _ => None,
            }
        })
    }

    fn environment(&self, name: &str) -> Option<&'a polity::ast::Environment> {
        self.documents.iter().find_map(|document| match &document.body {
            Body::Environment(environment) if is_named(document, name) => Some(environment),
            _ => None,
        })
    }

    fn ceiling(&self, team: &str) -> Option<&'a polity::ast::Ceiling> {
        self.documents.iter().find_map(|document| match &document.body {
            Body::Team(found) if is_named(document, team) => found.ceiling.as_ref(),
            _ => None,
        })
    }

    fn tags(&self, agent: &str) -> &'a [(Text, Text)] {
        let tags = self.documents.iter().find_map(|document| match &document.body {
            Body::Agent(found) if is_named(document, agent) => Some(found.tags.as_slice()),
            _ => None,
        });
        tags.unwrap_or_default()
    }

    /// Level, effects, and whether irreversible actions may be done. A ring that nobody declares may do nothing.
    fn ring(&self, name: &str) -> (i64, Vec<Effect>, bool) {
        let built_in = BUILT_IN_RINGS.iter().find(|(ring, ..)| *ring == name);
        let declared = self.documents.iter().find_map(|document| match &document.body {
            Body::Ring(ring) if is_named(document, name) => Some(ring),
            _ => None,
        });
        let (level, effects, irreversible) = built_in
            .map_or((i64::MAX, Vec::new(), false), |(_, level, effects, irreversible)| {
                (*level, effects.to_vec(), *irreversible)
            });
        let Some(ring) = declared else {
            return (level, effects, irreversible);
        };
        (
            ring.level.as_ref().map_or(level, |level| level.value),
            ring.effects
                .as_ref()
                .map_or(effects, |effects| effects.iter().map(|effect| effect.value).collect()),
            ring.irreversible
                .as_ref()
                .map_or(irreversible, |irreversible| irreversible.value),
        )
    }

    fn rules(&self) -> impl Iterator<Item = Standing<'a>> {
        self.documents.iter().flat_map(|document| {
            let (policy, policy_name) = match (&document.body, &document.name) {
                (Body::Policy(policy), Some(name)) => (Some(policy), name.value.as_str()),
                _ => (None, ""),
            };
            policy.into_iter().flat_map(move |policy| {
                policy.rules.iter().filter_map(move |(name, rule)| {
                    Some(Standing {
                        name: format!("{policy_name}/{}", name.value),
                        document,
                        policy,
                        rule,
                        effect: rule.effect.as_ref()?.value,
                    })
                })
            })
        })
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

fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Write => "write",
        Effect::Destructive => "destructive",
    }
}

fn name_of(resource: Result<&Vec<(char, bool)>, &Errs>) -> Result<String, Errs> {
    resource
        .map(|characters| characters.iter().map(|(c, _)| *c).collect())
        .map_err(|errs| *errs)
}

/// What the call touches, each template filled in.
fn resources(action: &Chosen<'_>, args: &Json) -> Vec<Result<Vec<(char, bool)>, Errs>> {
    texts(action.resources.unwrap_or_default())
        .map(|template| fill(template, action.params, args))
        .collect()
}

fn fill(template: &str, params: &[(Text, Param)], args: &Json) -> Result<Vec<(char, bool)>, Errs> {
    let values = value::arguments(params, args);
    let mut filled = Vec::new();
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        let (name, after) = tail.split_once('}').ok_or(Errs)?;
        filled.extend(before.chars().map(|c| (c, false)));
        let (value, ty) = placeholder(name, params, &values)?;
        let (text, folded) = match value {
            Value::Text(text, origin) => (text, matches!(origin, Origin::Fold | Origin::Host)),
            Value::Int(number) => (number.to_string(), false),
            Value::Bool(value) => (value.to_string(), false),
            _ => return Err(Errs),
        };
        let alone = template.len() == name.len() + 2;
        let breaks_out = text.contains('/') || text == "." || text == ".." || text.chars().any(char::is_control);
        if breaks_out && !alone && !matches!(ty, ParamType::Path) {
            return Err(Errs);
        }
        filled.extend(text.chars().map(|c| (c, folded)));
        rest = after;
    }
    filled.extend(rest.chars().map(|c| (c, false)));
    Ok(filled)
}

/// An argument by its name, or a field of one by its dotted name.
fn placeholder<'p>(name: &str, params: &'p [(Text, Param)], values: &Value) -> Result<(Value, &'p ParamType), Errs> {
    let (first, field) = match name.split_once('.') {
        Some((first, field)) => (first, Some(field)),
        None => (name, None),
    };
    let (_, param) = params
        .iter()
        .find(|(declared, _)| declared.value == first)
        .ok_or(Errs)?;
    let Value::Record(values) = values else {
        return Err(Errs);
    };
    let value = values.get(first).ok_or(Errs)?;
    match (field, &param.ty.value) {
        (None, ty) => Ok((value.clone(), ty)),
        (Some(field), ParamType::Record(fields)) => placeholder(field, fields, value),
        (Some(_), _) => Err(Errs),
    }
}
