//! Agents, and where they work, and with what.

use std::collections::BTreeMap;

use polity_runtime::table::{EnvironmentId, RingId, ToolId};

use super::names::{Names, look_up};
use super::people::{sorted, unknown_person};
use super::{Agent, Deployment, Organization, Placement, TeamId, of_kind};
use crate::ast::{self, Body, Documents, Enforcement, Text};
use crate::diag::codes::reference::{
    CREDENTIAL_NOT_HERE, DUPLICATE_NAME, NEVER_ADMITTED, TOOL_ABOVE_CEILING, UNKNOWN_CREDENTIAL,
};
use crate::diag::{Diagnostic, Sink};
use crate::source::Span;

pub(super) fn resolve(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    for (name, _, agent) in sorted(documents, |b| if let Body::Agent(a) = b { Some(a) } else { None }) {
        let tags = agent
            .tags
            .iter()
            .map(|(key, value)| (key.value.clone(), value.value.clone()))
            .collect();
        if let Some(contact) = &agent.kill_contact
            && !names.people.has(&contact.value)
            && !names.groups.has(&contact.value)
        {
            unknown_person(names, contact, sink);
        }
        organization.agents.push(Agent {
            name: name.clone(),
            owner: agent.owner.as_ref().and_then(|owner| names.person(owner, sink)),
            product: agent.product.clone(),
            git_keys: agent.git_keys.clone(),
            identity_keys: agent.identity_keys.clone(),
            tags,
            review_by: agent.review_by,
            kill_contact: agent.kill_contact.clone(),
        });
    }
    let mut all: BTreeMap<String, Deployment> = BTreeMap::new();
    for (document, written) in of_kind(documents, |b| if let Body::Deployment(d) = b { Some(d) } else { None }) {
        let Some(agent) = &written.agent else { continue };
        // Under a team's folder the team goes without saying, and another one was reported.
        let implied = document.team.as_ref().map(|team| Text::new(team.clone(), agent.span));
        let Some(team) = implied.as_ref().or(written.team.as_ref()) else {
            continue;
        };
        // The folder of an unknown team was reported already.
        let reported = document.team.as_ref().is_some_and(|folder| !names.teams.has(folder));
        let agent_id = names.agent(agent, sink);
        let team_id = if reported { None } else { names.team(team, sink) };
        let (Some(agent_id), Some(team_id)) = (agent_id, team_id) else {
            organization.unread.leave_out_of(&team.value);
            continue;
        };
        let name = format!("{}/{}", team.value, agent.value);
        if let Some(first) = all.get(&name) {
            let message = format!("`{}` is deployed twice by team `{}`", agent.value, team.value);
            let help = "a deployment lists all its environments: put both into one document";
            let diagnostic = Diagnostic::new(&DUPLICATE_NAME, message, agent.span, "the second one");
            sink.push(
                diagnostic
                    .with_related(first.span, "the first one is here")
                    .with_help(help),
            );
            continue;
        }
        let mut resolver = Resolver {
            names,
            organization,
            team: team_id,
            sink,
        };
        let placements = resolver.placements(written);
        all.insert(
            name.clone(),
            Deployment {
                name,
                span: agent.span,
                agent: agent_id,
                team: team_id,
                placements,
            },
        );
    }
    organization.deployments = all.into_values().collect();
}

struct Resolver<'r> {
    names: &'r Names,
    organization: &'r Organization,
    team: TeamId,
    sink: &'r mut Sink,
}

impl Resolver<'_> {
    fn placements(&mut self, written: &ast::Deployment) -> Vec<Placement> {
        let mut placements: BTreeMap<EnvironmentId, Placement> = BTreeMap::new();
        for (name, placement) in &written.environments {
            let environment = self.names.environment(name, self.sink);
            let ring = placement
                .ring
                .as_ref()
                .and_then(|ring| self.names.ring(ring, self.sink).map(|id| (ring, id)));
            let given = self.given(environment, placement);
            let (Some(environment), Some((ring_text, ring))) = (environment, ring) else {
                continue;
            };
            let enforcement = placement.enforced_by.map_or(Enforcement::None, |by| by.value);
            self.admission(name, environment, ring_text, ring, placement, enforcement);
            placements.insert(
                environment,
                Placement {
                    span: placement.span,
                    environment,
                    ring,
                    given,
                    enforcement,
                    until: placement.until.map(|until| until.value),
                },
            );
        }
        placements.into_values().collect()
    }

    /// A deployment that can never be admitted is an error: whoever wrote it believes that it works.
    fn admission(
        &mut self,
        name: &Text,
        environment: EnvironmentId,
        ring_text: &Text,
        ring: RingId,
        placement: &ast::Placement,
        enforcement: Enforcement,
    ) {
        let Some(place) = self.organization.environments.get(environment.0 as usize) else {
            return;
        };
        if !place.unread && !place.takes_ring(ring) {
            let message = format!(
                "`{}` does not take ring `{}`: the deployment is never admitted there",
                name.value, ring_text.value
            );
            let help = self.rings(place.rings.as_deref().unwrap_or_default());
            let diagnostic = Diagnostic::new(&NEVER_ADMITTED, message, ring_text.span, "");
            self.sink.push(
                diagnostic
                    .with_related(place.name.span, "the environment is declared here")
                    .with_help(help),
            );
        }
        if let Some(team) = self.organization.teams.get(self.team.0 as usize)
            && let Some(rings) = team
                .rings
                .as_ref()
                .filter(|rings| !team.unread && !rings.contains(&ring))
        {
            let message = format!(
                "team `{}` may not have ring `{}`: the deployment is never admitted",
                team.name.value, ring_text.value
            );
            let help = self.rings(rings);
            let diagnostic = Diagnostic::new(&NEVER_ADMITTED, message, ring_text.span, "");
            self.sink.push(
                diagnostic
                    .with_related(team.name.span, "its ceiling is declared here")
                    .with_help(help),
            );
        }
        if !place.unread && !placement.unread && !place.takes_enforcement(enforcement) {
            let span: Span = placement.enforced_by.map_or(name.span, |by| by.span);
            let message = format!(
                "`{}` does not take a deployment {}: it is never admitted there",
                name.value,
                match enforcement {
                    Enforcement::None => "that nothing enforces".to_owned(),
                    other => format!("whose `enforced_by` is `{}`", spell(other)),
                }
            );
            let takes: Vec<&str> = match &place.enforced_by {
                Some(list) => list.iter().map(|by| spell(*by)).collect(),
                None => vec!["embedded", "hook", "gateway", "container"],
            };
            let help = format!("say `enforced_by`, one of `{}`", takes.join("`, `"));
            let diagnostic = Diagnostic::new(&NEVER_ADMITTED, message, span, "");
            self.sink.push(
                diagnostic
                    .with_related(place.name.span, "the environment is declared here")
                    .with_help(help),
            );
        }
    }

    fn rings(&self, rings: &[RingId]) -> String {
        let name = |ring: &RingId| {
            self.organization
                .rings
                .get(ring.0 as usize)
                .map(|ring| format!("`{}`", ring.name))
        };
        format!(
            "it takes {}",
            rings.iter().filter_map(name).collect::<Vec<_>>().join(", ")
        )
    }

    /// Tools and credentials, sorted. What the team's ceiling excludes is reported and not given.
    fn given(&mut self, environment: Option<EnvironmentId>, placement: &ast::Placement) -> Vec<ToolId> {
        let organization = self.organization;
        let mut given = Vec::new();
        for text in &placement.tools {
            let Some(id) = self.names.tool(text, self.sink).map(ToolId) else {
                continue;
            };
            let team = organization.teams.get(self.team.0 as usize);
            let above =
                |team: &&super::Team| !team.unread && team.tools.as_ref().is_some_and(|tools| !tools.contains(&id));
            if let Some(team) = team.filter(above) {
                let message = format!(
                    "team `{}` may not have `{}`: it is never given",
                    team.name.value, text.value
                );
                let diagnostic = Diagnostic::new(&TOOL_ABOVE_CEILING, message, text.span, "");
                self.sink.push(
                    diagnostic
                        .with_related(team.name.span, "its ceiling is declared here")
                        .with_help("take it out here, or add it to the team's `ceiling`"),
                );
                continue;
            }
            given.push(id);
        }
        for text in &placement.credentials {
            let index = &self.names.credentials;
            let Some(id) = look_up(index, text, "credential", &UNKNOWN_CREDENTIAL, self.sink) else {
                continue;
            };
            let tools = u32::try_from(self.names.tools.names().count()).unwrap_or(u32::MAX);
            let id = ToolId(tools.saturating_add(id));
            let credential = organization
                .tools
                .get(id.0 as usize)
                .and_then(|tool| tool.credential.as_ref());
            let here = environment
                .zip(credential)
                .is_none_or(|(here, credential)| credential.is_for(here));
            if !here {
                let name = |id: EnvironmentId| {
                    organization
                        .environments
                        .get(id.0 as usize)
                        .map(|e| e.name.value.as_str())
                };
                let message = format!(
                    "credential `{}` is not for `{}`: it is never given there",
                    text.value,
                    environment.and_then(name).unwrap_or_default()
                );
                let mut diagnostic = Diagnostic::new(&CREDENTIAL_NOT_HERE, message, text.span, "");
                if let Some(credential) = credential {
                    let its = organization.environments_of(credential);
                    diagnostic = diagnostic
                        .with_related(credential.name.span, "its environments are declared here")
                        .with_help(format!("it is for `{}`: take it out here", its.join("`, `")));
                }
                self.sink.push(diagnostic);
                continue;
            }
            given.push(id);
        }
        given.sort_unstable();
        given.dedup();
        given
    }
}

/// As it is written.
pub(crate) fn spell(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Embedded => "embedded",
        Enforcement::Hook => "hook",
        Enforcement::Gateway => "gateway",
        Enforcement::Container => "container",
        Enforcement::External => "external",
        Enforcement::None => "none",
    }
}
