//! Whom a policy can reach, with what, and around whom its rules are written.

use std::collections::{BTreeMap, BTreeSet};

use super::selectors::environments;
use crate::generate::condition::Names;
use crate::generate::organisation::{Deployment, Organisation, Placement};
use crate::generate::random::Random;
use crate::generate::yaml::list;

/// Whom a policy can reach, and with what.
pub(super) struct Reach<'o> {
    pub(super) team: Option<&'o str>,
    pub(super) deployments: Vec<&'o Deployment>,
    pub(super) environments: Vec<String>,
    pub(super) tools: Vec<String>,
    pub(super) names: Names,
}

impl<'o> Reach<'o> {
    /// All deployments, or those of one team.
    pub(super) fn new(organisation: &'o Organisation, team: Option<&'o str>) -> Self {
        let deployments: Vec<&Deployment> = organisation
            .deployments
            .iter()
            .filter(|deployment| team.is_none_or(|team| deployment.team == team))
            .collect();
        let placements = || deployments.iter().flat_map(|deployment| &deployment.placements);
        let sorted = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>();
        let given: BTreeSet<String> = placements()
            .flat_map(|placement| placement.tools.iter().cloned())
            .collect();
        let agents: BTreeSet<String> = deployments.iter().map(|deployment| deployment.agent.clone()).collect();
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for agent in organisation.agents.iter().filter(|agent| agents.contains(&agent.name)) {
            for (key, value) in &agent.tags {
                let values = tags.entry(key.clone()).or_default();
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
        let environments = sorted(placements().map(|placement| placement.environment.clone()).collect());
        let tools = sorted(given);
        let names = Names {
            agents: sorted(agents),
            deployments: deployments
                .iter()
                .map(|deployment| format!("{}/{}", deployment.team, deployment.agent))
                .collect(),
            teams: sorted(deployments.iter().map(|deployment| deployment.team.clone()).collect()),
            rings: sorted(placements().map(|placement| placement.ring.clone()).collect()),
            environments: environments.clone(),
            tools: tools.clone(),
            tags: tags.into_iter().collect(),
            classes: organisation.classes.clone(),
            people: organisation.people.clone(),
        };
        Self {
            team,
            environments,
            tools,
            names,
            deployments,
        }
    }

    /// Somebody, preferably where the policy holds.
    pub(super) fn anchor(&self, narrowed: &Narrowed<'o>, random: &mut Random) -> Anchor<'o> {
        if let Some(anchor) = narrowed.agents {
            return anchor;
        }
        let holds = |anchor: &Anchor<'_>| {
            let environments = narrowed.environments.as_ref();
            environments.is_none_or(|environments| environments.contains(&anchor.placement.environment))
        };
        // Drawn until one is near: some placement lies in each environment that the reach has.
        loop {
            let deployment = *random.pick(&self.deployments);
            let placement = random.pick(&deployment.placements);
            let anchor = Anchor { deployment, placement };
            if holds(&anchor) {
                return anchor;
            }
        }
    }
}

/// A deployment at work: each rule is written around one, so that most rules have somebody to match.
#[derive(Clone, Copy)]
pub(super) struct Anchor<'o> {
    pub(super) deployment: &'o Deployment,
    pub(super) placement: &'o Placement,
}

/// What a policy's `for` says already.
#[derive(Default)]
pub(super) struct Narrowed<'o> {
    pub(super) environments: Option<Vec<String>>,
    /// Around whom its agents were chosen: its rules are written around the same one.
    pub(super) agents: Option<Anchor<'o>>,
}

impl Narrowed<'_> {
    pub(super) fn environments(&self, reach: &Reach<'_>, anchor: Anchor<'_>, random: &mut Random) -> String {
        match &self.environments {
            Some(some) => format!("environments: {}", list(some)),
            None => environments(reach, anchor, random),
        }
    }
}
