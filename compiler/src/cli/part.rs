//! `--for KEY=NAME`: a part of an organisation, by what was typed. One bundle answers for one part.

use polity_runtime::manifest::Scope;

use super::Failure;
use crate::{diag::nearest, resolve::Organization};

/// A part as it is typed. The error is the end of a sentence that names the flag.
pub(super) fn scope(typed: &str) -> Result<Scope, String> {
    let expected = || {
        "expected a part, such as `team=payments`, `environment=production` or `agent=payments/refund-bot`".to_owned()
    };
    match typed.split_once('=') {
        Some((_, "")) => Err(expected()),
        Some(("team", name)) => Ok(Scope::Team(name.to_owned())),
        Some(("environment", name)) => Ok(Scope::Environment(name.to_owned())),
        Some(("agent", name)) => Ok(Scope::Agent(name.to_owned())),
        _ => Err(expected()),
    }
}

/// A part for a person: `team payments`.
pub(super) fn describe(scope: &Scope) -> String {
    let (kind, name) = parts(scope);
    format!("{kind} {name}")
}

fn parts(scope: &Scope) -> (&'static str, &str) {
    match scope {
        Scope::Team(name) => ("team", name),
        Scope::Environment(name) => ("environment", name),
        Scope::Agent(name) => ("agent", name),
    }
}

/// Falls short where the organisation has no such part, or nothing works there: what answers for nobody is a mistake.
pub(super) fn known(organization: &Organization, scope: &Scope) -> Result<(), Failure> {
    let (kind, name) = parts(scope);
    let names: Vec<&str> = match scope {
        Scope::Team(_) => organization.teams.iter().map(|team| team.name.value.as_str()).collect(),
        Scope::Environment(_) => organization
            .environments
            .iter()
            .map(|environment| environment.name.value.as_str())
            .collect(),
        Scope::Agent(_) => organization
            .deployments
            .iter()
            .map(|deployment| deployment.name.as_str())
            .collect(),
    };
    if !names.contains(&name) {
        let failure = Failure::falls_short(format!("the organisation has no {kind} `{name}`"));
        return Err(match (nearest(name, names.iter().copied()), scope) {
            (Some(near), _) => failure.with_help(format!("did you mean `{near}`?")),
            (None, Scope::Agent(_)) => failure.with_help("an agent is named as it is deployed: `team/agent`"),
            (None, _) => failure.with_help(format!("one of `{}`", names.join("`, `"))),
        });
    }
    let works = organization.deployments.iter().any(|deployment| match scope {
        Scope::Team(_) => organization
            .teams
            .get(deployment.team.0 as usize)
            .is_some_and(|team| team.name.value == name),
        Scope::Environment(_) => deployment.placements.iter().any(|placement| {
            let environment = organization.environments.get(placement.environment.0 as usize);
            environment.is_some_and(|environment| environment.name.value == name)
        }),
        Scope::Agent(_) => true,
    });
    match works {
        true => Ok(()),
        false => Err(Failure::falls_short(format!("no agent is deployed in {kind} `{name}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_key_and_a_name() {
        assert_eq!(scope("team=payments"), Ok(Scope::Team("payments".to_owned())));
        assert_eq!(scope("agent=a/b"), Ok(Scope::Agent("a/b".to_owned())));
        for wrong in ["payments", "team=", "teams=payments", "=payments", ""] {
            assert!(scope(wrong).is_err(), "{wrong}");
        }
    }
}
