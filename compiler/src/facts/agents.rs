//! Agents, and where they work, in which ring, with what.

use std::collections::BTreeSet;

use super::Direction::{Narrowed, Widened};
use super::value::Value;
use super::{Kind, Subject, View, document, environments, grants, people};
use crate::ast::Product;
use crate::resolve::{Agent, AgentId, Deployment, Placement};

pub(super) fn items(view: &mut View<'_>) {
    let organization = view.organization;
    for (id, agent) in (0u32..).map(AgentId).zip(&organization.agents) {
        let deployed = organization.deployments.iter().any(|deployment| deployment.agent == id);
        self::agent(view, agent, deployed);
    }
    for deployment in &organization.deployments {
        for placement in &deployment.placements {
            self::placement(view, deployment, placement);
        }
    }
}

fn agent(view: &mut View<'_>, agent: &Agent, deployed: bool) {
    let subject = document("Agent", &agent.name.value);
    // What its keys sign counts as its own, and no longer as its owner's to approve.
    let [comes, goes] = grants(deployed || !agent.git_keys.is_empty());
    view.exists(&subject, Kind::Agent, comes, goes);
    // A field that is added to agents is a field to compare.
    let Agent {
        name: _,
        owner,
        product,
        git_keys,
        identity_keys,
        tags,
        review_by,
        kill_contact,
    } = agent;
    let put = |view: &mut View<'_>, kind, what, value| view.put(&subject, kind, what, value);
    // The owner does not count among those who approve the agent's calls.
    let owner = owner.map(|owner| view.person(owner));
    put(view, Kind::Agent, "owner", Value::Any(owner));
    let contact = kill_contact.as_ref().map(|contact| contact.value.clone());
    put(view, Kind::Agent, "kill_contact", Value::Any(contact));
    put(
        view,
        Kind::Agent,
        "review_by",
        Value::Sooner(review_by.map(|moment| moment.value)),
    );
    let tags: BTreeSet<String> = tags.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let tags: Vec<String> = tags.into_iter().collect();
    put(view, Kind::Agent, "tags", Value::Any(Some(tags.join(", "))));
    let text = |text: &Option<crate::ast::Text>| text.as_ref().map(|text| text.value.clone());
    let (name, versions, models) = match product {
        Some(Product { name, versions, models }) => (text(name), text(versions), models.as_slice()),
        None => (None, None, &[][..]),
    };
    put(view, Kind::Identity, "product.name", Value::Any(name));
    put(view, Kind::Identity, "product.versions", Value::Any(versions));
    // None named is any.
    let models = (!models.is_empty()).then(|| models.iter().map(|model| model.value.clone()).collect());
    put(view, Kind::Identity, "product.models", Value::Fewer(models));
    put(view, Kind::Identity, "git.keys", people::keys(git_keys));
    put(view, Kind::Identity, "identity.keys", people::keys(identity_keys));
}

fn placement(view: &mut View<'_>, deployment: &Deployment, placement: &Placement) {
    let subject = Subject {
        deployment: Some(deployment.name.clone()),
        environment: Some(view.environment(placement.environment)),
        team: view.team(deployment.team),
        ..document("Deployment", &deployment.name)
    };
    let Placement {
        span: _,
        environment: _,
        ring,
        given,
        enforcement,
        until,
    } = placement;
    view.exists(&subject, Kind::Placement, Widened, Narrowed);
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Placement, what, value);
    // Which of two rings is stricter depends on everything that they say.
    let ring = view.ring(*ring);
    put(view, "ring", Value::Any(Some(ring)));
    let given = given.iter().map(|tool| view.tool(*tool)).collect();
    put(view, "given", Value::Fewer(Some(given)));
    let enforced = environments::enforcement(*enforcement);
    put(view, "enforced_by", Value::Any(Some(enforced.to_owned())));
    put(view, "until", Value::Sooner(*until));
}
