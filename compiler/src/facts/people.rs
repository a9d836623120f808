//! The organisation, its people, groups, merge bots and teams.

use std::collections::BTreeSet;

use super::Direction::{Narrowed, Neutral, Widened};
use super::value::Value;
use super::{Kind, Subject, View, document, grants, material};
use crate::ast::Text;
use crate::ir::GlobPart;
use crate::resolve::{Team, TeamId};

pub(super) fn items(view: &mut View<'_>) {
    organization(view);
    let organization = view.organization;
    for person in &organization.people {
        let subject = document("Person", &person.name.value);
        // A key may be put behind an approval elsewhere; that is told there too.
        let [comes, goes] = grants(!person.keys.is_empty());
        view.exists(&subject, Kind::Principal, comes, goes);
        view.put(&subject, Kind::Principal, "keys", keys(&person.keys));
        let email = person.email.as_ref().map(|email| email.value.clone());
        view.put(&subject, Kind::Principal, "email", Value::Plain(email));
    }
    for group in &organization.groups {
        let subject = document("Group", &group.name.value);
        view.exists(&subject, Kind::Principal, Neutral, Neutral);
        let members = Value::Fewer(Some(view.people(&group.members)));
        view.put(&subject, Kind::Principal, "members", members);
    }
    for forge in &organization.forges {
        let subject = document("Forge", &forge.name.value);
        view.exists(&subject, Kind::Principal, Widened, Narrowed);
        view.put(&subject, Kind::Principal, "keys", keys(&forge.keys));
    }
    for (id, team) in (0u32..).map(TeamId).zip(&organization.teams) {
        let deployed = organization.deployments.iter().any(|deployment| deployment.team == id);
        self::team(view, team, deployed);
    }
}

/// Keys that prove who somebody is, by their material: a comment after it is no part of it.
pub(super) fn keys(keys: &[Text]) -> Value {
    Value::Fewer(Some(keys.iter().map(|key| material(&key.value)).collect()))
}

fn organization(view: &mut View<'_>) {
    let organization = view.organization;
    // There is one, whatever it is called: a new name is no new organisation.
    let subject = document("Organization", "");
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Organization, what, value);
    put(view, "name", Value::Any(Some(organization.name.clone())));
    let owners = Value::Fewer(Some(view.people(&organization.owners)));
    put(view, "owners", owners);
    put(view, "sole_owner", Value::No(organization.sole_owner));
    put(view, "bundle.lifetime", Value::Shorter(Some(organization.lifetime)));
    put(
        view,
        "bundle.grace.for",
        Value::Shorter(Some(organization.grace.period)),
    );
    let effects = organization
        .grace
        .effects
        .iter()
        .map(|effect| effect.as_str().to_owned());
    put(view, "bundle.grace.effects", Value::Fewer(Some(effects.collect())));
    for (code, level) in &organization.lints {
        let subject = document("Organization", &code.value);
        let level = Value::Best(level.value.clone(), "deny".to_owned());
        view.put(&subject, Kind::Organization, "lints", level);
    }
}

fn team(view: &mut View<'_>, team: &Team, deployed: bool) {
    let subject = Subject {
        team: Some(team.name.value.clone()),
        ..document("Team", &team.name.value)
    };
    let [comes, goes] = grants(deployed);
    view.exists(&subject, Kind::Team, comes, goes);
    let owners = Value::Fewer(Some(view.people(&team.owners)));
    view.put(&subject, Kind::Team, "owners", owners);
    // An allow of `team.owns` grants more with it, and a deny denies more.
    let owns: BTreeSet<String> = team.owns.iter().map(|glob| self::glob(&glob.value)).collect();
    let owns: Vec<String> = owns.into_iter().collect();
    view.put(&subject, Kind::Team, "owns", Value::Any(Some(owns.join(", "))));
    let rings = team
        .rings
        .as_ref()
        .map(|rings| rings.iter().map(|id| view.ring(*id)).collect());
    view.put(&subject, Kind::Team, "ceiling.rings", Value::Fewer(rings));
    let tools = team
        .tools
        .as_ref()
        .map(|tools| tools.iter().map(|id| view.tool(*id)).collect());
    view.put(&subject, Kind::Team, "ceiling.tools", Value::Fewer(tools));
}

/// A glob as it was written.
pub(super) fn glob(parts: &[GlobPart]) -> String {
    parts
        .iter()
        .map(|part| match part {
            GlobPart::Literal(letter) => letter.to_string(),
            GlobPart::Segment => "*".to_owned(),
            GlobPart::Any => "**".to_owned(),
        })
        .collect()
}
