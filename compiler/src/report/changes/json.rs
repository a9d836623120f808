//! Changes as one JSON object for scripts.

use serde::Serialize;
use serde_json::Value as Json;

use crate::diff::{Call, Change, Changes, Told};
use crate::report::json::pretty;

/// Grows when a field changes its meaning or goes away; new fields alone do not change it.
const VERSION: u32 = 1;

/// The changes, indented, with a line break at the end.
pub fn changes(changes: &Changes) -> String {
    let names = &changes.names;
    pretty(&ReportJson {
        version: VERSION,
        summary: SummaryJson {
            widened: changes.is_widened(),
            narrowed: changes.is_narrowed(),
            changes: changes.changes.len(),
            cells: changes.differing,
            decided: changes.decided,
        },
        changes: changes.changes.iter().map(change).collect(),
        after_kills: changes.after_kills.iter().map(change).collect(),
        facts: changes
            .facts
            .iter()
            .map(|fact| FactJson {
                direction: fact.direction.as_str(),
                text: fact.said(),
            })
            .collect(),
        not_compared: changes.not_compared,
        new: NamesJson {
            agents: &names.new_agents,
            environments: &names.new_environments,
            tools: &names.new_tools,
        },
        removed: NamesJson {
            agents: &names.removed_agents,
            environments: &names.removed_environments,
            tools: &names.removed_tools,
        },
    })
}

fn change(change: &Change) -> ChangeJson<'_> {
    ChangeJson {
        kind: change.kind.as_str(),
        widened: change.kind.is_widened(),
        narrowed: change.kind.is_narrowed(),
        certain: change.certain,
        before: told(&change.before),
        after: told(&change.after),
        conditions: change.cases.first().map_or(&[], Vec::as_slice),
        cases: &change.cases,
        more_cases: change.more,
        agents: change.agents().into_iter().collect(),
        environments: change.environments().into_iter().collect(),
        actions: change.actions().into_iter().collect(),
        cells: change.cells(),
        witness: change.witness.as_ref().map(call),
    }
}

fn told(told: &Told) -> ToldJson<'_> {
    ToldJson {
        effect: told.outcome.as_str(),
        code: told.code.map(polity_runtime::decide::Code::as_str),
        rule: told.rule.as_deref(),
        source: told
            .source
            .as_ref()
            .map(|(path, line)| SourceJson { path, line: *line }),
        grant: told.grant.as_deref(),
        asks: &told.asks,
    }
}

fn call(call: &Call) -> CallJson<'_> {
    CallJson {
        agent: &call.agent,
        environment: &call.environment,
        action: &call.action,
        args: &call.arguments,
        holding: &call.holding,
        on_behalf_of: call.on_behalf_of.as_deref(),
        calls: call.calls,
        now: call.moment(),
    }
}

#[derive(Serialize)]
struct ReportJson<'c> {
    version: u32,
    summary: SummaryJson,
    changes: Vec<ChangeJson<'c>>,
    /// What comes once kills end that hide it for now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after_kills: Vec<ChangeJson<'c>>,
    facts: Vec<FactJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<&'c str>,
    new: NamesJson<'c>,
    removed: NamesJson<'c>,
}

#[derive(Serialize)]
struct SummaryJson {
    widened: bool,
    narrowed: bool,
    changes: usize,
    cells: usize,
    decided: usize,
}

#[derive(Serialize)]
struct ChangeJson<'c> {
    kind: &'static str,
    widened: bool,
    narrowed: bool,
    certain: bool,
    before: ToldJson<'c>,
    after: ToldJson<'c>,
    /// Of the witness: the first of the cases.
    conditions: &'c [String],
    cases: &'c [Vec<String>],
    /// Whether there may be calls that none of the cases tells.
    more_cases: bool,
    agents: Vec<&'c str>,
    environments: Vec<&'c str>,
    actions: Vec<&'c str>,
    cells: usize,
    witness: Option<CallJson<'c>>,
}

#[derive(Serialize)]
struct ToldJson<'c> {
    effect: &'static str,
    code: Option<&'static str>,
    rule: Option<&'c str>,
    source: Option<SourceJson<'c>>,
    grant: Option<&'c str>,
    asks: &'c [String],
}

#[derive(Serialize)]
struct SourceJson<'c> {
    path: &'c str,
    line: u32,
}

/// As `decide --requests` takes it; how many calls were made is beside it.
#[derive(Serialize)]
struct CallJson<'c> {
    agent: &'c str,
    environment: &'c str,
    action: &'c str,
    args: &'c Json,
    holding: &'c [String],
    on_behalf_of: Option<&'c str>,
    calls: i64,
    now: String,
}

#[derive(Serialize)]
struct FactJson {
    direction: &'static str,
    text: String,
}

#[derive(Serialize)]
struct NamesJson<'c> {
    agents: &'c [String],
    environments: &'c [String],
    tools: &'c [String],
}
