//! The guard of one rule for one class of calls: its time, what lifts it, its selectors and its conditions, in the
//! order in which they are looked at.

use polity_runtime::table::{ActionId, DeploymentId, EnvironmentId, RingId};

use super::diagram::{Diagram, Diagrams, TooLarge};
use super::hash::HashMap;
use super::specialise::{Known, Mentions, specialise};
use crate::ast::RuleEffect;
use crate::ir::{Answer, Condition, ConditionId, Constant, Cover, GlobPart, Op, RuleSet, Term, Test, Typed};
use crate::resolve::shape::ShapeId;
use crate::resolve::{AgentId, Behalf, Deployment, Organization, Placement, Resource, Resources, Scope, TeamId};

/// What a rule sees of a placement: no more than what its guard depends on, so that placements which do not differ
/// for the rule share its guard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    deployment: Option<DeploymentId>,
    agent: Option<AgentId>,
    /// Also what the team owns, and who its owners are.
    pub team: Option<TeamId>,
    ring: Option<RingId>,
    environment: Option<EnvironmentId>,
    /// Of each cover, whether it takes the placement.
    covers: Vec<bool>,
}

/// A rule, what it sees, and the action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'c> {
    pub rule: u32,
    pub view: &'c Seen,
    pub action: ActionId,
}

/// What a rule's guard depends on.
#[derive(Debug, Clone, Copy, Default)]
struct Depends {
    mentions: Mentions,
    /// Its guard differs from action to action of one shape.
    action: bool,
}

/// What each rule's guard depends on, worked out once.
pub(super) struct Views<'g> {
    rules: &'g RuleSet,
    depends: Vec<Depends>,
}

impl<'g> Views<'g> {
    pub(super) fn new(organization: &'g Organization, rules: &'g RuleSet) -> Self {
        let mut depends = Vec::new();
        for (rule, body) in organization.rules.iter().zip(&rules.bodies) {
            let mut one = Depends::default();
            let conditions = [&body.when, &body.unless]
                .into_iter()
                .chain(body.covers.iter().map(|cover| &cover.when))
                .flatten();
            for typed in conditions {
                let ids: Vec<&ConditionId> = match typed {
                    Typed::ByShape(map) => map.values().collect(),
                    Typed::ByAction(map) => {
                        one.action = true;
                        map.values().collect()
                    }
                };
                ids.into_iter()
                    .filter_map(|id| rules.conditions.get(id.0 as usize))
                    .for_each(|c| one.mentions.add(c));
            }
            let scopes = || std::iter::once(&rule.scope).chain(body.covers.iter().map(|cover| &cover.scope));
            one.action |= one.mentions.action || scopes().any(|scope| !scope.resources.is_empty());
            let owns = scopes()
                .flat_map(|scope| &scope.resources)
                .any(|resources| resources.team_owns);
            let owners = rule
                .approval
                .iter()
                .flat_map(|approval| &approval.require)
                .any(|one| one.team_owners);
            one.mentions.team |= owns || owners;
            depends.push(one);
        }
        Self { rules, depends }
    }

    /// Whether a rule sees the same of every placement.
    pub(super) fn sees_nothing(&self, rule: u32) -> bool {
        let depends = self.depends.get(rule as usize).copied().unwrap_or_default();
        let covered = self
            .rules
            .bodies
            .get(rule as usize)
            .is_some_and(|body| !body.covers.is_empty());
        !(covered || depends.mentions.caller())
    }

    /// What a rule sees of a placement.
    pub(super) fn see(&self, rule: u32, id: DeploymentId, deployment: &Deployment, placement: &Placement) -> Seen {
        let Some((depends, body)) = self
            .depends
            .get(rule as usize)
            .zip(self.rules.bodies.get(rule as usize))
        else {
            return Seen::default();
        };
        let mentions = depends.mentions;
        Seen {
            deployment: mentions.deployment.then_some(id),
            agent: (mentions.agent || mentions.tags).then_some(deployment.agent),
            team: mentions.team.then_some(deployment.team),
            ring: mentions.ring.then_some(placement.ring),
            environment: mentions.environment.then_some(placement.environment),
            covers: body
                .covers
                .iter()
                .map(|cover| cover.scope.takes_placement(id, placement.ring, placement.environment))
                .collect(),
        }
    }
}

/// Whether a call of a placement and an action is one that a scope and a condition are about; `None` where all are.
/// Of what the call touches any counts, as in a deny.
pub(crate) fn premise(
    organization: &Organization,
    rules: &RuleSet,
    (scope, when): (&Scope, Option<&Typed>),
    (id, deployment, placement): (DeploymentId, &Deployment, &Placement),
    action: ActionId,
) -> Option<Condition> {
    let settled = scope.resources.is_empty() && scope.holding.is_empty() && scope.on_behalf_of.is_empty();
    if settled && when.is_none() {
        return None;
    }
    let views = Views {
        rules,
        depends: Vec::new(),
    };
    let guards = Guards::new(organization, rules, &views);
    let view = Seen {
        deployment: Some(id),
        agent: Some(deployment.agent),
        team: Some(deployment.team),
        ring: Some(placement.ring),
        environment: Some(placement.environment),
        covers: Vec::new(),
    };
    let context = Context {
        rule: u32::MAX,
        view: &view,
        action,
    };
    let class = Class::new(organization, &context);
    let mut parts = guards.selected(scope, &class, false);
    parts.push(guards.conditions(when, None, &class, false));
    Some(all(parts))
}

/// Makes guards, each once.
pub(super) struct Guards<'g> {
    organization: &'g Organization,
    rules: &'g RuleSet,
    views: &'g Views<'g>,
    diagrams: Diagrams,
    made: HashMap<Key, Result<Diagram, TooLarge>>,
}

/// What two calls must share for their guards to be the same: the rule, whether it is observed, what it sees, the
/// shape or the action, and which covers take the action.
type Key = (u32, bool, Seen, Result<ActionId, ShapeId>, Vec<bool>);

impl<'g> Guards<'g> {
    pub(super) fn new(organization: &'g Organization, rules: &'g RuleSet, views: &'g Views<'g>) -> Self {
        Self {
            organization,
            rules,
            views,
            diagrams: Diagrams::default(),
            made: HashMap::default(),
        }
    }

    pub(super) fn into_diagrams(self) -> Diagrams {
        self.diagrams
    }

    /// The test of a variant; without one it takes every call.
    pub(super) fn variant(&mut self, test: Option<ConditionId>) -> Result<Diagram, TooLarge> {
        match test {
            None => Ok(Diagram::YES),
            Some(id) => match self.rules.conditions.get(id.0 as usize) {
                Some(condition) => self.diagrams.build(&specialise(condition, &NOBODY, None)),
                None => Ok(Diagram::ERROR),
            },
        }
    }

    /// The guard of a rule; `observed`: while it only says what it would do.
    pub(super) fn rule(&mut self, context: &Context<'_>, observed: bool) -> Result<Diagram, TooLarge> {
        let (Some(depends), Some(body), Some(action)) = (
            self.views.depends.get(context.rule as usize),
            self.rules.bodies.get(context.rule as usize),
            self.organization.actions.get(context.action.0 as usize),
        ) else {
            return Ok(Diagram::ERROR);
        };
        let of = if depends.action {
            Ok(context.action)
        } else {
            Err(action.shape)
        };
        let covering: Vec<bool> = body
            .covers
            .iter()
            .map(|cover| cover.scope.takes_action(context.action))
            .collect();
        let key = (context.rule, observed, context.view.clone(), of, covering);
        if let Some(made) = self.made.get(&key) {
            return *made;
        }
        let condition = self.condition(context, observed);
        let made = self.diagrams.build(&condition);
        self.made.insert(key, made);
        made
    }

    /// The whole rule as one condition, settled for the class.
    fn condition(&self, context: &Context<'_>, observed: bool) -> Condition {
        let (Some(rule), Some(body)) = (
            self.organization.rules.get(context.rule as usize),
            self.rules.bodies.get(context.rule as usize),
        ) else {
            return ERROR;
        };
        let class = Class::new(self.organization, context);
        let granting = rule.effect == RuleEffect::Allow;
        let mut parts = Vec::new();
        if let Some(expires) = rule.expires {
            parts.push(test(Op::Less, Term::Now, moment(expires)));
        }
        if let Some(until) = rule.observe_until {
            parts.push(if observed {
                test(Op::Less, Term::Now, moment(until))
            } else {
                test(Op::LessEqual, moment(until), Term::Now)
            });
        }
        for (cover, takes) in body.covers.iter().zip(&context.view.covers) {
            if *takes && cover.scope.takes_action(context.action) {
                parts.push(Condition::Not(Box::new(self.covered(cover, &class))));
            }
        }
        parts.extend(self.selected(&rule.scope, &class, granting));
        parts.push(self.conditions(body.when.as_ref(), body.unless.as_ref(), &class, granting));
        all(parts)
    }

    /// What an `except` or an exception covers: where it cannot be evaluated, nothing.
    fn covered(&self, cover: &Cover, class: &Class<'_>) -> Condition {
        let mut parts = Vec::new();
        if let Some(until) = cover.until {
            parts.push(test(Op::Less, Term::Now, moment(until)));
        }
        parts.extend(self.selected(&cover.scope, class, true));
        parts.push(self.conditions(cover.when.as_ref(), None, class, true));
        Condition::ErrorIsNo(Box::new(all(parts)))
    }

    /// What of a scope the call decides: resources, classes held, for whom.
    fn selected(&self, scope: &Scope, class: &Class<'_>, every: bool) -> Vec<Condition> {
        let resources = scope
            .resources
            .iter()
            .map(|resources| self.resources(resources, class, every));
        let holding = scope.holding.iter().map(|classes| {
            any(classes
                .iter()
                .filter_map(|id| self.organization.classes.get(id.0 as usize))
                .map(|held| {
                    test(
                        Op::Contains,
                        Term::Holding,
                        Term::Constant(Constant::String(held.name.value.clone())),
                    )
                }))
        });
        let behalf = scope.on_behalf_of.iter().map(|behalf| self.behalf(behalf));
        resources.chain(holding).chain(behalf).collect()
    }

    /// A deny or a gate looks for any resource that matches, an allow and what lifts a rule for all of them.
    fn resources(&self, resources: &Resources, class: &Class<'_>, every: bool) -> Condition {
        let owned = class
            .owns
            .iter()
            .filter(|_| resources.team_owns)
            .map(|glob| &glob.value);
        let globs: Vec<&Vec<GlobPart>> = resources.globs.iter().chain(owned).collect();
        let one = |resource: &Resource| {
            let left = || Term::Resource(resource.parts.clone());
            let matching = any(globs
                .iter()
                .map(|glob| test(Op::Glob, left(), Term::Glob((*glob).clone()))));
            // With no glob at all nothing matches, and what cannot be put together still errs.
            if globs.is_empty() {
                all(vec![test(Op::Glob, left(), Term::Glob(vec![GlobPart::Any])), NO])
            } else {
                matching
            }
        };
        let each = class.resources.iter().map(one);
        match (class.resources.is_empty(), every) {
            // Reported when names were resolved: there is nothing to look at.
            (true, _) => ERROR,
            (false, true) => all(each.collect()),
            (false, false) => any(each),
        }
    }

    fn behalf(&self, behalf: &Behalf) -> Condition {
        let given = test(Op::Has, Term::OnBehalfOf, Term::Nothing);
        let mut names: Vec<Constant> = behalf
            .people
            .iter()
            .filter_map(|id| self.organization.people.get(id.0 as usize))
            .map(|person| Constant::String(person.name.value.clone()))
            .collect();
        names.sort();
        // Somebody unknown is neither of these nor surely none of them.
        let among = Condition::If(
            Box::new(test(Op::KnownPerson, Term::OnBehalfOf, Term::Nothing)),
            Box::new(test(
                Op::Contains,
                Term::Constant(Constant::Set(names)),
                Term::OnBehalfOf,
            )),
            Box::new(ERROR),
        );
        let absent = if behalf.nobody { YES } else { NO };
        Condition::If(Box::new(given), Box::new(among), Box::new(absent))
    }

    /// `when` and not `unless`, for the action at hand. Where either looks at the resource both are asked of each
    /// resource in turn, so that they are always asked of the same one.
    fn conditions(&self, when: Option<&Typed>, unless: Option<&Typed>, class: &Class<'_>, every: bool) -> Condition {
        let chosen = |typed: &Typed| {
            let id = match typed {
                Typed::ByShape(map) => map.get(&class.shape),
                Typed::ByAction(map) => map.get(&class.action),
            };
            id.and_then(|id| self.rules.conditions.get(id.0 as usize))
                .unwrap_or(&ERROR)
        };
        let (when, unless) = (when.map(chosen), unless.map(chosen));
        let once = |resource: Option<&Resource>| {
            let of = |condition: &Condition| specialise(condition, &class.known(), resource);
            let lifted = unless.map(|condition| Condition::Not(Box::new(of(condition))));
            all(when.map(of).into_iter().chain(lifted).collect())
        };
        let mut mentions = Mentions::default();
        when.into_iter()
            .chain(unless)
            .for_each(|condition| mentions.add(condition));
        // Without a resource, what reads its name errs.
        if !mentions.resource || class.resources.is_empty() {
            return once(None);
        }
        let each = class.resources.iter().map(|resource| once(Some(resource)));
        if every { all(each.collect()) } else { any(each) }
    }
}

const NO: Condition = Condition::Constant(Answer::No);
const YES: Condition = Condition::Constant(Answer::Yes);
const ERROR: Condition = Condition::Constant(Answer::Error);

/// What the tests of variants know of the caller, which they may not look at.
const NOBODY: Known<'_> = Known {
    deployment: "",
    agent: "",
    team: "",
    ring: "",
    ring_level: 0,
    tags: &[],
    environment: "",
    action: &[],
};

/// What is known of a class of calls. What the rule does not depend on is empty, and never looked at.
struct Class<'c> {
    deployment: &'c str,
    agent: &'c str,
    tags: &'c [(String, String)],
    team: &'c str,
    owns: &'c [crate::source::Spanned<Vec<GlobPart>>],
    ring: &'c str,
    ring_level: i64,
    environment: &'c str,
    names: Vec<String>,
    resources: &'c [Resource],
    action: ActionId,
    shape: ShapeId,
}

impl<'c> Class<'c> {
    fn new(organization: &'c Organization, context: &Context<'_>) -> Self {
        let view = context.view;
        let agent = view.agent.and_then(|id| organization.agents.get(id.0 as usize));
        let team = view.team.and_then(|id| organization.teams.get(id.0 as usize));
        let ring = view.ring.and_then(|id| organization.rings.get(id.0 as usize));
        let deployment = view
            .deployment
            .and_then(|id| organization.deployments.get(id.0 as usize));
        let environment = view
            .environment
            .and_then(|id| organization.environments.get(id.0 as usize));
        let action = organization.actions.get(context.action.0 as usize);
        Self {
            deployment: deployment.map_or("", |deployment| deployment.name.as_str()),
            agent: agent.map_or("", |agent| agent.name.value.as_str()),
            tags: agent.map_or(&[], |agent| agent.tags.as_slice()),
            team: team.map_or("", |team| team.name.value.as_str()),
            owns: team.map_or(&[], |team| team.owns.as_slice()),
            ring: ring.map_or("", |ring| ring.name.as_str()),
            ring_level: ring.map_or(i64::MAX, |ring| ring.level),
            environment: environment.map_or("", |environment| environment.name.value.as_str()),
            names: action.map(|action| names(organization, action)).unwrap_or_default(),
            resources: action.map_or(&[], |action| action.resources.as_slice()),
            action: context.action,
            shape: action.map_or(ShapeId(u32::MAX), |action| action.shape),
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            deployment: self.deployment,
            agent: self.agent,
            team: self.team,
            ring: self.ring,
            ring_level: self.ring_level,
            tags: self.tags,
            environment: self.environment,
            action: &self.names,
        }
    }
}

/// The action entities that an action is, or is in.
fn names(organization: &Organization, action: &crate::resolve::Action) -> Vec<String> {
    let tool = organization.tools.get(action.tool.0 as usize);
    let group = match tool {
        Some(tool) if tool.credential.is_none() => tool.name.clone(),
        _ => "credential".to_owned(),
    };
    let effect = action.effect.as_str();
    let external = action.external.then(|| "external".to_owned());
    [action.name.clone(), action.base.clone(), group, effect.to_owned()]
        .into_iter()
        .chain(external)
        .collect()
}

fn test(op: Op, left: Term, right: Term) -> Condition {
    Condition::Test(Test { op, left, right })
}

fn moment(moment: i64) -> Term {
    Term::Constant(Constant::DateTime(moment))
}

/// All of them, the first first.
fn all(parts: Vec<Condition>) -> Condition {
    join(&parts, &|left, right| Condition::And(Box::new(left), Box::new(right))).unwrap_or(YES)
}

/// Any of them, the first first.
fn any(parts: impl Iterator<Item = Condition>) -> Condition {
    let parts: Vec<Condition> = parts.collect();
    join(&parts, &|left, right| Condition::Or(Box::new(left), Box::new(right))).unwrap_or(NO)
}

/// Joins halves, so that a list of any length makes a tree that is not deep. Both joins are associative.
fn join(parts: &[Condition], with: &dyn Fn(Condition, Condition) -> Condition) -> Option<Condition> {
    match parts {
        [] => None,
        [only] => Some(only.clone()),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            match (join(left, with), join(right, with)) {
                (Some(left), Some(right)) => Some(with(left, right)),
                (one, None) | (None, one) => one,
            }
        }
    }
}
