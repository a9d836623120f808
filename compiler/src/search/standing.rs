//! Steps 1 to 5 of a decision, which no call changes but by its time: whether a deployment may call a tool at all.

use polity_runtime::decide::Code;
use polity_runtime::table::{Admission, DeploymentId, EnvironmentId, NONE, PlacementId, Table, ToolId, record};

/// What a table says of a tool in a placement before any action is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standing {
    /// Every call is refused.
    Refused(Code),
    /// A fragment decides, until a moment.
    Open(u32, i64),
}

/// A placement and the moment it ends, or why there is none.
pub(crate) type Stands = Result<(PlacementId, i64), Code>;

/// The placement of an agent in an environment.
pub(crate) fn standing(table: &Table, agent: &str, environment: &str) -> Stands {
    let data = table.data();
    let killed = |word: Option<u32>| word.is_some_and(|word| word != NONE);
    let deployment = table.deployment(agent);
    let found = table.environment(environment);
    let of_deployment = |DeploymentId(id)| data.deployments.get(id as usize).map(|r| r[record::deployment::KILL]);
    let of_environment = |EnvironmentId(id)| data.environments.get(id as usize).map(|r| r[record::environment::KILL]);
    if killed(data.organization.first().map(|r| r[record::organization::KILL]))
        || killed(deployment.and_then(of_deployment))
        || killed(found.and_then(of_environment))
    {
        return Err(Code::Killed);
    }
    let deployment = deployment.ok_or(Code::UnknownAgent)?;
    let found = found.ok_or(Code::UnknownEnvironment)?;
    let placement = table.placement(deployment, found).ok_or(Code::NotAdmitted)?;
    match table.admission(placement) {
        (Admission::Admitted, until) => Ok((placement, until)),
        _ => Err(Code::NotAdmitted),
    }
}

/// What the table says of a tool there; of none, that it knows no such action.
pub(crate) fn of_tool(table: &Table, stands: Stands, tool: Option<ToolId>) -> Standing {
    let killed = tool
        .and_then(|tool| table.data().tools.get(tool.0 as usize))
        .is_some_and(|r| r[record::tool::KILL] != NONE);
    let (placement, until) = match stands {
        _ if killed => return Standing::Refused(Code::Killed),
        Err(code) => return Standing::Refused(code),
        Ok(found) => found,
    };
    let Some(tool) = tool else {
        return Standing::Refused(Code::UnknownAction);
    };
    match table.fragment(placement, tool) {
        Some(fragment) => Standing::Open(fragment, until),
        None => Standing::Refused(Code::NotGiven),
    }
}

/// The tools given in a placement, by name.
pub(crate) fn given(table: &Table, stands: Stands) -> impl Iterator<Item = &str> {
    use record::{given as g, placement as p};
    let data = table.data();
    let record = stands
        .ok()
        .and_then(|(placement, _)| data.placements.get(placement.0 as usize));
    let range = record.map_or(0..0, |r| {
        let first = r[p::GIVEN] as usize;
        first..first.saturating_add(r[p::GIVEN_COUNT] as usize)
    });
    let name = move |entry: &[u32; 2]| {
        let tool = data.tools.get(entry[g::TOOL] as usize);
        tool.map_or("", |r| table.string(r[record::tool::NAME]))
    };
    data.given.get(range).unwrap_or_default().iter().map(name)
}
