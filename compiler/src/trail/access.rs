//! Whose access a step changes: what it does and a deployment's access to a tool or a credential in, what it does to
//! that access out, whichever document it came by.
//!
//! A cell that answers otherwise changes the access that it belongs to; so does what no cell holds, such as the ring's
//! isolation, the server behind a tool or who may approve a call. Who approved the step is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use polity_runtime::table::{ActionId, Table, ToolId, record};

use super::change::{Direction, Step, Subject};
use super::statement::Cell;

/// What is asked about. A part that is absent may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// `payments/bot`, or `bot` in any team.
    pub agent: String,
    /// The environment.
    pub environment: Option<String>,
    /// The tool; `credential.<name>` for a credential.
    pub tool: Option<String>,
    /// The action.
    pub action: Option<String>,
}

/// A tool or a credential that a deployment was given in an environment, by their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given {
    /// `payments/bot`
    pub deployment: String,
    /// The environment.
    pub environment: String,
    /// The tool; `credential.<name>` for a credential.
    pub tool: String,
}

impl Access {
    /// Exactly one access.
    pub fn of(given: &Given) -> Self {
        Self {
            agent: given.deployment.clone(),
            environment: Some(given.environment.clone()),
            tool: Some(given.tool.clone()),
            action: None,
        }
    }

    /// What a step does to it, in words. Empty where it does nothing to it.
    pub fn changed_by(&self, step: &Step) -> Vec<String> {
        let mut said = Vec::new();
        for fact in step.facts.iter().filter(|fact| fact.meaning) {
            let way = match fact.direction {
                Direction::Widens => "widens",
                Direction::Narrows => "narrows",
                Direction::Neutral => "decides by another rule",
            };
            let cells = fact.effects.iter().filter(|cell| self.has_cell(cell));
            said.extend(cells.map(|cell| format!("{way} {} in {}: {}", cell.agent, cell.environment, cell.action)));
            if fact.access.iter().any(|subject| self.covers(subject)) {
                said.push(fact.what.clone());
            }
        }
        said
    }

    /// Whether a step does anything to it.
    pub fn is_changed_by(&self, step: &Step) -> bool {
        // Cells are sorted by agent, and nobody reads through all of them for each of many thousand accesses.
        let first = |agent: &str| Cell {
            agent: agent.to_owned(),
            environment: String::new(),
            action: String::new(),
        };
        let mut cells: Box<dyn Iterator<Item = &Cell>> = match self.agent.contains('/') {
            true => {
                let own = step.effects.range(first(&self.agent)..).map(|(cell, _)| cell);
                let own = own.take_while(|cell| cell.agent == self.agent);
                Box::new(own.chain(step.effects.keys().take(1)))
            }
            false => Box::new(step.effects.keys()),
        };
        cells.any(|cell| self.has_cell(cell))
            || step
                .facts
                .iter()
                .flat_map(|fact| &fact.access)
                .any(|subject| self.covers(subject))
    }

    /// A lone star stands for more answers than are listed one by one.
    fn has_cell(&self, cell: &Cell) -> bool {
        cell.agent == "*"
            || (self.is_agent(&cell.agent)
                && self
                    .environment
                    .as_ref()
                    .is_none_or(|wanted| *wanted == cell.environment)
                && self.tool.as_ref().is_none_or(|tool| is_of_tool(&cell.action, tool))
                && self
                    .action
                    .as_ref()
                    .is_none_or(|action| is_action(&cell.action, action)))
    }

    fn covers(&self, subject: &Subject) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| match (wanted, found) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        // The tool of an action; a credential is its own action.
        let tool = self.action.as_deref().map(|action| match action.split_once('.') {
            Some((tool, _)) if tool != "credential" => tool.to_owned(),
            _ => action.to_owned(),
        });
        subject.deployment.as_ref().is_none_or(|found| self.is_agent(found))
            && same(&self.environment, &subject.environment)
            && same(&self.tool, &subject.tool)
            && same(&tool, &subject.tool)
            && match (&self.tool, &subject.action) {
                (Some(tool), Some(action)) => is_of_tool(action, tool),
                _ => true,
            }
            && match (&self.action, &subject.action) {
                (Some(wanted), Some(found)) => is_action(found, wanted),
                _ => true,
            }
    }

    fn is_agent(&self, deployment: &str) -> bool {
        match self.agent.contains('/') {
            true => self.agent == deployment,
            false => deployment.rsplit('/').next() == Some(&self.agent),
        }
    }
}

/// Whether an action is the tool's: `github.merge`, or a credential, which is its own action.
fn is_of_tool(action: &str, tool: &str) -> bool {
    match action.strip_prefix(tool) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

/// An action, or a variant of it.
fn is_action(found: &str, wanted: &str) -> bool {
    match found.strip_prefix(wanted) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

/// Everything that a table gives to somebody.
pub fn all(table: &Table) -> Vec<Given> {
    given(table).map(|(given, ..)| given).collect()
}

/// The access that a call makes use of, where the agent was given the tool.
pub fn of_call(table: &Table, deployment: &str, environment: &str, action: &str) -> Option<Given> {
    let placement = table.placement(table.deployment(deployment)?, table.environment(environment)?)?;
    let data = table.data();
    let called = data.actions.get(table.action(action)?.0 as usize)?;
    let tool = ToolId(called[record::action::TOOL]);
    table.fragment(placement, tool)?;
    let name = data.tools.get(tool.0 as usize)?[record::tool::NAME];
    Some(Given {
        deployment: deployment.to_owned(),
        environment: environment.to_owned(),
        tool: table.string(name).to_owned(),
    })
}

/// By rule, the accesses that it has a say in. Only of those rules.
pub(super) fn of_rules(table: &Table, wanted: &BTreeSet<&str>) -> BTreeMap<String, Vec<Given>> {
    let mut reached: HashMap<(u32, u32), BTreeSet<String>> = HashMap::new();
    let mut all: BTreeMap<String, Vec<Given>> = BTreeMap::new();
    for (given, tool, fragment) in given(table) {
        let rules = reached
            .entry((tool.0, fragment))
            .or_insert_with(|| rules(table, tool, fragment, wanted));
        for rule in rules.iter() {
            all.entry(rule.clone()).or_default().push(given.clone());
        }
    }
    all
}

/// The rules among those that have a say in a fragment.
fn rules(table: &Table, tool: ToolId, fragment: u32, wanted: &BTreeSet<&str>) -> BTreeSet<String> {
    use record::tool as t;
    let Some(r) = table.data().tools.get(tool.0 as usize) else {
        return BTreeSet::new();
    };
    let actions = r[t::ACTIONS]..r[t::ACTIONS].saturating_add(r[t::ACTION_COUNT]);
    let cells = actions.filter_map(|action| table.cell(table.cell_id(fragment, ActionId(action))?));
    let entries = cells.flat_map(|cell| [cell.denies, cell.grants, cell.gates]).flatten();
    let names = entries.map(|entry| table.rule_name(polity_runtime::table::RuleId(entry[record::entry::RULE])));
    names.filter(|name| wanted.contains(name)).map(str::to_owned).collect()
}

fn given(table: &Table) -> impl Iterator<Item = (Given, ToolId, u32)> + '_ {
    use record::{deployment, environment, given as g, placement as p, tool};
    let data = table.data();
    let name = |id: Option<u32>| id.map_or("", |id| table.string(id)).to_owned();
    data.placements.iter().flat_map(move |placement| {
        let first = placement[p::GIVEN] as usize;
        let list = data
            .given
            .get(first..first.saturating_add(placement[p::GIVEN_COUNT] as usize));
        list.unwrap_or_default().iter().map(move |entry| {
            let who = data.deployments.get(placement[p::DEPLOYMENT] as usize);
            let place = data.environments.get(placement[p::ENVIRONMENT] as usize);
            let what = data.tools.get(entry[g::TOOL] as usize);
            let given = Given {
                deployment: name(who.map(|r| r[deployment::NAME])),
                environment: name(place.map(|r| r[environment::NAME])),
                tool: name(what.map(|r| r[tool::NAME])),
            };
            (given, ToolId(entry[g::TOOL]), entry[g::FRAGMENT])
        })
    })
}

impl From<Given> for Subject {
    fn from(given: Given) -> Self {
        Self {
            deployment: Some(given.deployment),
            environment: Some(given.environment),
            tool: Some(given.tool),
            ..Self::default()
        }
    }
}
