//! What a step means: two compiled states in, facts out, one for each way, team and environment that it touches.
//!
//! Answers are compared by [`crate::diff`], everything else by [`crate::facts`]; whatever neither proves equal or
//! stricter widens. Which document brings a fact about is not traced: every document that the step changes may.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::decide::Outcome;
use polity_runtime::table::{ActionId, DeploymentId, Table, ToolId};
use polity_runtime::wire::Digest;

use super::access::{self, Given};
use super::change::{Direction, Fact, Subject};
use super::contents::Contents;
use super::state::State;
use super::statement::{Cell, DocumentId, Sides};
use crate::diff::{Change, Told, diff};
use crate::facts::{self, facts};
use crate::parse::document::team_of;
use crate::resolve::Organization;

/// The most answers that a statement lists one by one. Above it lists their digest: nobody reads so many, and the
/// statement must stay within what is read of a file.
const MOST_CELLS: usize = 2_000;

/// What differs in meaning, and the answers that do.
pub(super) type Meaning = (Vec<Fact>, BTreeMap<Cell, Sides<String>>);

/// Compares what two states mean. `None` where it cannot be told.
pub(super) fn compare(before: &State, after: &State, documents: &BTreeSet<DocumentId>) -> Option<Meaning> {
    let tables = [before.table.as_ref()?, after.table.as_ref()?];
    let organizations = [&before.organization, &after.organization];
    let (mut all, effects) = of_tables(tables, organizations, documents)?;
    let sides = organizations.map(Placed::new);
    let told = facts(&before.organization, &after.organization);
    let ruled: BTreeSet<&str> = told.iter().filter_map(|fact| fact.subject.rule.as_deref()).collect();
    let reached = match ruled.is_empty() {
        true => [BTreeMap::new(), BTreeMap::new()],
        false => tables.map(|table| access::of_rules(table, &ruled)),
    };
    for fact in &told {
        all.push(Fact {
            access: concerned(fact, &sides, &reached),
            ..beside(fact, &sides, documents)
        });
    }
    Some((all, effects))
}

/// Compares what two tables answer; the organisations tell whom an answer concerns. `None` where it cannot be told.
pub(super) fn of_tables(
    [before, after]: [&Table; 2],
    organizations: [&Organization; 2],
    documents: &BTreeSet<DocumentId>,
) -> Option<Meaning> {
    // What policies would answer is asked about while something is stopped, too: the kill's end brings it all, and its
    // approval shows nothing of what was taken away meanwhile.
    let changes = diff(before, after).ok()?;
    let sides = organizations.map(Placed::new);
    let mut effects: BTreeMap<Cell, Sides<String>> = BTreeMap::new();
    let mut groups: BTreeMap<(u8, String, String), Group> = BTreeMap::new();
    for change in changes.answers() {
        let said = Sides {
            before: Some(told(&change.before, change)),
            after: Some(told(&change.after, change)),
        };
        let way = match () {
            () if change.kind.is_widened() => 0,
            () if change.kind.is_narrowed() => 1,
            () => 2,
        };
        for cell in cells(change) {
            let team = cell.agent.split('/').next().unwrap_or_default().to_owned();
            let group = groups.entry((way, team, cell.environment.clone())).or_default();
            let text = format!(
                "{} {} in {}: {}",
                change.kind.as_str(),
                cell.agent,
                cell.environment,
                cell.action
            );
            group.lead.get_or_insert(text);
            group
                .subjects
                .extend(sides.iter().filter_map(|side| side.subject(&cell)));
            let known = effects.entry(cell.clone()).or_insert(Sides {
                before: None,
                after: None,
            });
            join(&mut known.before, &said.before);
            join(&mut known.after, &said.after);
            group.cells.insert(cell);
        }
    }
    bind(&mut effects, after, organizations[1])?;
    let effects = bounded(effects, &mut groups);
    let mut all: Vec<Fact> = Vec::new();
    for ((way, team, _), group) in groups {
        let more = group.cells.len().saturating_sub(1);
        let lead = group.lead.unwrap_or_default();
        all.push(Fact {
            what: match more {
                0 => lead,
                more => format!("{lead}, and {more} more like it"),
            },
            direction: match way {
                0 => Direction::Widens,
                1 => Direction::Narrows,
                _ => Direction::Neutral,
            },
            meaning: true,
            documents: documents.clone(),
            effects: group.cells,
            reach: Some(group.subjects.into_iter().collect()),
            access: Vec::new(),
            teams: Some([team].into()),
        });
    }
    Some((all, effects))
}

#[derive(Default)]
struct Group {
    lead: Option<String>,
    cells: BTreeSet<Cell>,
    subjects: BTreeSet<Subject>,
}

fn cells(change: &Change) -> impl Iterator<Item = Cell> {
    change.places.iter().flat_map(|place| {
        place.placements.iter().flat_map(|(agent, environment)| {
            place.actions.iter().map(|action| Cell {
                agent: agent.to_string(),
                environment: environment.to_string(),
                action: action.to_string(),
            })
        })
    })
}

/// What stands between an answer in words and the digest of what decides it.
const OF: &str = ", of ";

/// An answer as people are told it, without the digest of what decides it.
pub(crate) fn in_words(answer: &str) -> &str {
    match answer.rsplit_once(OF) {
        Some((words, digest)) if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) => words,
        _ => answer,
    }
}

/// What is said of an answer is for people, and leaves things out; so is what stands beside the change and did not change
/// with it. An approval holds for the cell as it came to be, with all that decides there.
fn bind(effects: &mut BTreeMap<Cell, Sides<String>>, after: &Table, organization: &Organization) -> Option<()> {
    if effects.is_empty() {
        return Some(());
    }
    let mut contents = Contents::new(after, organization)?;
    for (cell, sides) in effects {
        if let Some(text) = &mut sides.after {
            text.push_str(&format!("{OF}{}", contents.digest(cell)));
        }
    }
    Some(())
}

/// What one side answers, in words: the answer, the rule, whom it asks, and for which calls.
fn told(told: &Told, change: &Change) -> String {
    let outcome = match told.outcome {
        Outcome::Allow => "allow",
        Outcome::RequireApproval => "require_approval",
        Outcome::Deny => "deny",
    };
    let mut text = outcome.to_owned();
    for part in told.rule.iter().chain(&told.grant).chain(&told.asks) {
        text.push_str(" by ");
        text.push_str(part);
    }
    let cases: Vec<String> = change.cases.iter().map(|case| case.join(" and ")).collect();
    if cases.iter().any(|case| !case.is_empty()) {
        text.push_str(" when ");
        text.push_str(&cases.join(" or "));
    }
    text
}

fn join(known: &mut Option<String>, more: &Option<String>) {
    match (known.as_mut(), more) {
        (None, more) => known.clone_from(more),
        (Some(known), Some(more)) => {
            known.push_str("; ");
            known.push_str(more);
        }
        (Some(_), None) => {}
    }
}

/// More answers than anybody reads become one, which stands for their digest.
fn bounded(
    effects: BTreeMap<Cell, Sides<String>>,
    groups: &mut BTreeMap<(u8, String, String), Group>,
) -> BTreeMap<Cell, Sides<String>> {
    if effects.len() <= MOST_CELLS {
        return effects;
    }
    let text: String = effects
        .iter()
        .map(|(cell, sides)| format!("{cell:?} {sides:?}\n"))
        .collect();
    let every = Cell {
        agent: "*".to_owned(),
        environment: "*".to_owned(),
        action: "*".to_owned(),
    };
    for group in groups.values_mut() {
        group.cells = [every.clone()].into();
    }
    let digest = format!("{} answers, {}", effects.len(), Digest::of(text.as_bytes()));
    let sides = Sides {
        before: None,
        after: Some(digest),
    };
    [(every, sides)].into()
}

/// A fact that no cell holds. Whom it concerns is what it names; a part that it does not name may be anything.
fn beside(fact: &facts::Fact, sides: &[Placed<'_>; 2], documents: &BTreeSet<DocumentId>) -> Fact {
    let named = &fact.subject;
    let own = documents
        .iter()
        .find(|id| id.kind == named.document && id.name == named.name);
    let mut subject = Subject {
        deployment: named.deployment.clone(),
        environment: named.environment.clone(),
        action: named.action.clone(),
        ..Subject::default()
    };
    let teams: Option<BTreeSet<String>> = match (named.document, own) {
        _ if named.team.is_some() => Some(named.team.iter().cloned().collect()),
        ("Team", _) => Some([named.name.clone()].into()),
        ("Deployment", _) => named.name.split_once('/').map(|(team, _)| [team.to_owned()].into()),
        ("Environment", _) => {
            subject.environment = Some(named.name.clone());
            Some(teams(sides, |placed, at| {
                placed.environment(at) == Some(named.name.as_str())
            }))
        }
        ("Ring", _) => {
            subject.ring = Some(named.name.clone());
            Some(teams(sides, |placed, at| placed.ring(at) == Some(named.name.as_str())))
        }
        ("Tool", _) => {
            subject.tool = Some(named.name.clone());
            Some(teams(sides, |placed, at| placed.gives(at, &named.name)))
        }
        ("Credential", _) => {
            let tool = format!("credential.{}", named.name);
            subject.tool = Some(tool.clone());
            Some(teams(sides, |placed, at| placed.gives(at, &tool)))
        }
        ("Organization" | "Person" | "Group" | "Forge" | "ApprovalRule" | "DataClass", _) => Some(BTreeSet::new()),
        (_, Some(id)) => team_of(&id.path).map(|team| [team.to_owned()].into()),
        _ => None,
    };
    Fact {
        what: fact.to_string(),
        direction: match fact.direction {
            facts::Direction::Widened => Direction::Widens,
            facts::Direction::Narrowed => Direction::Narrows,
            facts::Direction::Neutral => Direction::Neutral,
        },
        meaning: true,
        documents: documents.clone(),
        effects: BTreeSet::new(),
        reach: Some(vec![subject]),
        access: Vec::new(),
        teams,
    }
}

/// Whose access a fact beside the answers is about. A group, a key or an owner is nobody's in particular: where it
/// matters to somebody's calls there is a fact about the rule that asks them.
fn concerned(fact: &facts::Fact, sides: &[Placed<'_>; 2], reached: &[BTreeMap<String, Vec<Given>>; 2]) -> Vec<Subject> {
    let named = &fact.subject;
    if let Some(rule) = &named.rule {
        let of_team = |given: &&Given| match &named.team {
            Some(team) => given.deployment.split('/').next() == Some(team),
            None => true,
        };
        let all = reached.iter().filter_map(|side| side.get(rule)).flatten();
        let all: BTreeSet<&Given> = all.filter(of_team).collect();
        return all.into_iter().cloned().map(Subject::from).collect();
    }
    let placed = |test: &dyn Fn(&Placed<'_>, &At<'_>) -> bool| -> Vec<Subject> {
        let mut all = BTreeSet::new();
        for side in sides {
            all.extend(side.placements.iter().filter(|at| test(side, at)).map(|at| Subject {
                deployment: Some(at.deployment.to_owned()),
                environment: side.environment(at).map(str::to_owned),
                ..Subject::default()
            }));
        }
        all.into_iter().collect()
    };
    let whole = Subject {
        deployment: named.deployment.clone(),
        environment: named.environment.clone(),
        action: named.action.clone(),
        ..Subject::default()
    };
    match named.document {
        "Deployment" if fact.what == "given" => {
            let [before, after] = sides.each_ref().map(|side| side.given(&whole));
            let differ = before.symmetric_difference(&after);
            let tool = |tool: &String| Subject {
                tool: Some(tool.clone()),
                ..whole.clone()
            };
            differ.map(tool).collect()
        }
        "Deployment" => vec![whole],
        // What these say of answers is in the cells; here it is what no cell holds.
        "Agent" if matches!(fact.what, "tags" | "review_by" | "kill_contact") => Vec::new(),
        "Agent" => placed(&|_, at| at.deployment.rsplit('/').next() == Some(&named.name)),
        "Ring" if fact.what.starts_with("isolation.") || fact.what.starts_with("limits.") => {
            placed(&|side, at| side.ring(at) == Some(named.name.as_str()))
        }
        "Environment" if fact.what == "credentials.max_ttl" => {
            let tools = sides.iter().flat_map(|side| &side.organization.tools);
            let credentials = tools.filter(|tool| tool.name.starts_with("credential."));
            let names: BTreeSet<&String> = credentials.map(|tool| &tool.name).collect();
            let subject = |name: &String| Subject {
                environment: Some(named.name.clone()),
                tool: Some(name.clone()),
                ..whole.clone()
            };
            names.into_iter().map(subject).collect()
        }
        "Tool" => vec![Subject {
            tool: Some(named.name.clone()),
            ..whole
        }],
        "Credential" => vec![Subject {
            tool: Some(format!("credential.{}", named.name)),
            ..whole
        }],
        "Kill" => sides.iter().flat_map(|side| side.killed(&named.name)).collect(),
        _ => Vec::new(),
    }
}

/// Teams of which some deployment is placed so, on either side.
fn teams(sides: &[Placed<'_>; 2], test: impl Fn(&Placed<'_>, &At<'_>) -> bool) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for side in sides {
        for at in &side.placements {
            if test(side, at) {
                all.extend(at.deployment.split('/').next().map(str::to_owned));
            }
        }
    }
    all
}

/// One side's placements and actions, by name.
struct Placed<'o> {
    organization: &'o Organization,
    placements: Vec<At<'o>>,
    by_name: BTreeMap<(&'o str, &'o str), usize>,
    actions: BTreeMap<&'o str, ActionId>,
}

/// A deployment in an environment.
struct At<'o> {
    deployment: &'o str,
    id: DeploymentId,
    placement: &'o crate::resolve::Placement,
}

impl<'o> Placed<'o> {
    fn new(organization: &'o Organization) -> Self {
        let mut placements = Vec::new();
        let mut by_name = BTreeMap::new();
        for (deployment, id) in organization.deployments.iter().zip(0..) {
            for placement in &deployment.placements {
                if let Some(environment) = organization.environments.get(placement.environment.0 as usize) {
                    by_name.insert(
                        (deployment.name.as_str(), environment.name.value.as_str()),
                        placements.len(),
                    );
                }
                placements.push(At {
                    deployment: &deployment.name,
                    id: DeploymentId(id),
                    placement,
                });
            }
        }
        let actions = organization.actions.iter().zip(0..);
        Self {
            organization,
            placements,
            by_name,
            actions: actions
                .map(|(action, id)| (action.name.as_str(), ActionId(id)))
                .collect(),
        }
    }

    fn environment(&self, at: &At<'_>) -> Option<&str> {
        let environment = self.organization.environments.get(at.placement.environment.0 as usize);
        environment.map(|environment| environment.name.value.as_str())
    }

    fn ring(&self, at: &At<'_>) -> Option<&str> {
        let ring = self.organization.rings.get(at.placement.ring.0 as usize);
        ring.map(|ring| ring.name.as_str())
    }

    fn gives(&self, at: &At<'_>, name: &str) -> bool {
        let named = |tool: &ToolId| {
            let tool = self.organization.tools.get(tool.0 as usize);
            tool.is_some_and(|tool| tool.name == name)
        };
        at.placement.given.iter().any(named)
    }

    /// The tools and credentials that a placement was given.
    fn given(&self, at: &Subject) -> BTreeSet<String> {
        let key = (
            at.deployment.as_deref().unwrap_or_default(),
            at.environment.as_deref().unwrap_or_default(),
        );
        let placed = self.by_name.get(&key).and_then(|at| self.placements.get(*at));
        let ids = placed.iter().flat_map(|at| &at.placement.given);
        let tool = |id: &ToolId| self.organization.tools.get(id.0 as usize).map(|tool| tool.name.clone());
        ids.filter_map(tool).collect()
    }

    /// Whom a kill stops.
    fn killed(&self, name: &str) -> Vec<Subject> {
        let organization = self.organization;
        let Some(kill) = organization.kills.iter().find(|kill| kill.name.value == name) else {
            return Vec::new();
        };
        if kill.everything {
            return vec![Subject::default()];
        }
        let deployments = kill.deployments.iter().map(|id| Subject {
            deployment: organization
                .deployments
                .get(id.0 as usize)
                .map(|found| found.name.clone()),
            ..Subject::default()
        });
        let tools = kill.tools.iter().map(|id| Subject {
            tool: organization.tools.get(id.0 as usize).map(|found| found.name.clone()),
            ..Subject::default()
        });
        let environments = kill.environments.iter().map(|id| Subject {
            environment: organization
                .environments
                .get(id.0 as usize)
                .map(|found| found.name.value.clone()),
            ..Subject::default()
        });
        deployments.chain(tools).chain(environments).collect()
    }

    /// What is known of a cell on this side; nothing where it has no such placement.
    fn subject(&self, cell: &Cell) -> Option<Subject> {
        let at = self.by_name.get(&(cell.agent.as_str(), cell.environment.as_str()))?;
        let at = self.placements.get(*at)?;
        let action = self.actions.get(cell.action.as_str());
        let action = action.and_then(|id| self.organization.actions.get(id.0 as usize));
        let tool = action.and_then(|action| self.organization.tools.get(action.tool.0 as usize));
        let deployment = self.organization.deployments.get(at.id.0 as usize)?;
        let agent = self.organization.agents.get(deployment.agent.0 as usize);
        Some(Subject {
            deployment: Some(cell.agent.clone()),
            ring: self.ring(at).map(str::to_owned),
            tags: agent.map(|agent| agent.tags.clone()),
            environment: Some(cell.environment.clone()),
            tool: tool.map(|tool| tool.name.clone()),
            action: Some(cell.action.clone()),
            effect: action.map(|action| action.effect),
            external: action.map(|action| action.external),
            reversible: action.map(|action| action.reversible),
        })
    }
}
