//! Names in, what the documents declare under them out: kills, deployments and where they may work, what they were
//! given, actions and their variants, rings, rules.

use polity::ast::{ActionClass, Body, Enforcement, Placement, Text, Variant};
use polity_runtime::value::Effect;

use super::selector::{is_named, texts};
use super::value::Errs;
use super::{Asked, Chosen, DeploymentRef, Naive, Request, Standing};

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

impl<'a> Naive<'a> {
    /// Whether a kill covers the call. What nobody declared is covered by a kill of everything only.
    pub(super) fn killed(
        &self,
        request: &Request,
        deployment: Option<DeploymentRef<'_>>,
        asked: Option<Asked<'_>>,
    ) -> bool {
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
    pub(super) fn admitted(
        &self,
        deployment: DeploymentRef<'a>,
        request: &Request,
    ) -> Option<(&'a Placement, &'a str)> {
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

    pub(super) fn given(
        &self,
        deployment: DeploymentRef<'_>,
        placement: &Placement,
        asked: Asked<'_>,
        environment: &str,
    ) -> bool {
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
    pub(super) fn choose(
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

    pub(super) fn deployment(&self, name: &str) -> Option<DeploymentRef<'a>> {
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
    pub(super) fn asked(&self, name: &str) -> Option<Asked<'a>> {
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

    pub(super) fn environment(&self, name: &str) -> Option<&'a polity::ast::Environment> {
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

    pub(super) fn tags(&self, agent: &str) -> &'a [(Text, Text)] {
        let tags = self.documents.iter().find_map(|document| match &document.body {
            Body::Agent(found) if is_named(document, agent) => Some(found.tags.as_slice()),
            _ => None,
        });
        tags.unwrap_or_default()
    }

    /// Level, effects, and whether irreversible actions may be done. A ring that nobody declares may do nothing.
    pub(super) fn ring(&self, name: &str) -> (i64, Vec<Effect>, bool) {
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

    pub(super) fn rules(&self) -> impl Iterator<Item = Standing<'a>> {
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
