//! Lints of agents and deployments: admitted nowhere, overdue for review, nobody to call in production.

use std::collections::BTreeSet;

use crate::ast::{Documents, Moment};
use crate::diag::codes::lint::{AGENT_NOWHERE, DEPLOYMENT_ENDED, NO_KILL_CONTACT, REVIEW_OVERDUE};
use crate::diag::{Diagnostic, Sink};
use crate::resolve::Organization;

pub(super) fn check(_: &Documents, organization: &Organization, now: Moment, sink: &mut Sink) {
    let top = organization
        .environments
        .iter()
        .map(|environment| environment.rank)
        .max();
    let mut deployed = BTreeSet::new();
    for deployment in &organization.deployments {
        deployed.insert(deployment.agent);
        for placement in &deployment.placements {
            if placement.until.is_some_and(|until| until <= now) {
                let message = format!("`{}` has ended here: every call is denied", deployment.name);
                let help = "remove the environment from the deployment, or set a later `until`";
                sink.push(Diagnostic::new(&DEPLOYMENT_ENDED, message, placement.span, "").with_help(help));
            }
            let environment = organization.environments.get(placement.environment.0 as usize);
            let agent = organization.agents.get(deployment.agent.0 as usize);
            let Some((environment, agent)) = environment.zip(agent) else {
                continue;
            };
            if Some(environment.rank) == top && agent.kill_contact.is_none() {
                let message = format!(
                    "`{}` works in `{}`, and nobody is named who may stop it",
                    agent.name.value, environment.name.value
                );
                let diagnostic = Diagnostic::new(&NO_KILL_CONTACT, message, agent.name.span, "");
                sink.push(
                    diagnostic
                        .with_related(placement.span, "it is deployed here")
                        .with_help("name a `kill_contact`: a person or a group"),
                );
            }
        }
    }
    for (id, agent) in (0u32..).map(crate::resolve::AgentId).zip(&organization.agents) {
        if !deployed.contains(&id) {
            let message = format!("no team deploys agent `{}`", agent.name.value);
            let help = "write a Deployment for it, or remove it";
            sink.push(Diagnostic::new(&AGENT_NOWHERE, message, agent.name.span, "").with_help(help));
        }
        if let Some(review) = agent.review_by.filter(|review| review.value <= now) {
            let message = format!("the review of agent `{}` is overdue", agent.name.value);
            let help = "review what it may do, and set the next date";
            sink.push(Diagnostic::new(&REVIEW_OVERDUE, message, review.span, "").with_help(help));
        }
    }
}
