//! Less than everything: which rows of the whole table a part holds.
//!
//! In come the cells of the whole organisation and a [`Scope`]; the cells that no deployment of the part reaches are
//! dropped, and what is left is not made anew, so that a part decides as the whole does. Tools, actions, rings and
//! data classes are the organisation's words and stay, so that a refusal has the same code. Rules, reasons, sources
//! and people stay only where something in the part comes to them.

use std::collections::BTreeSet;

use polity_runtime::manifest::Scope;
use polity_runtime::table::NONE;
use polity_runtime::table::record::piece;

use super::cells::Cells;
use crate::resolve::{Deployment, Organization, PersonId, Placement};

/// What a table holds of an organisation: each by its id there, with the id that it has in the table.
#[derive(Debug)]
pub(super) struct Kept<'o> {
    scope: Option<&'o Scope>,
    organization: &'o Organization,
    rules: Ids,
    people: Ids,
}

/// Old ids to new ones, in their order.
#[derive(Debug)]
enum Ids {
    All,
    Some(Vec<u32>),
}

impl Ids {
    fn new(kept: BTreeSet<u32>) -> Self {
        Self::Some(kept.into_iter().collect())
    }

    fn id(&self, old: u32) -> Option<u32> {
        match self {
            Self::All => Some(old),
            Self::Some(kept) => u32::try_from(kept.binary_search(&old).ok()?).ok(),
        }
    }
}

impl<'o> Kept<'o> {
    /// All of it.
    pub(super) fn all(organization: &'o Organization) -> Self {
        Self {
            scope: None,
            organization,
            rules: Ids::All,
            people: Ids::All,
        }
    }

    /// A part of it; drops the cells that the part does not reach.
    pub(super) fn part(organization: &'o Organization, scope: &'o Scope, cells: &mut Cells) -> Self {
        let mut kept = Self {
            scope: Some(scope),
            ..Self::all(organization)
        };
        prune(&kept, cells);
        let rules = cells
            .cells
            .iter()
            .flat_map(|cell| cell.entries())
            .map(|entry| entry.rule);
        kept.rules = Ids::new(rules.collect());
        kept
    }

    /// Keeps only the people whom an approval of the cells asks, or whom a guard names.
    pub(super) fn people(&mut self, cells: &Cells, named: impl Fn(&str) -> bool) {
        if self.scope.is_none() {
            return;
        }
        let mut people: BTreeSet<PersonId> = BTreeSet::new();
        for entry in cells.cells.iter().flat_map(|cell| cell.entries()) {
            let rule = self.organization.rules.get(entry.rule as usize);
            let (Some(approval), Some(team)) = (rule.and_then(|rule| rule.approval.as_ref()), entry.approval) else {
                continue;
            };
            let owners = team.and_then(|team| self.organization.teams.get(team.0 as usize));
            for one in &approval.require {
                people.extend(&one.people);
                people.extend(owners.iter().filter(|_| one.team_owners).flat_map(|team| &team.owners));
            }
        }
        let mut ids: BTreeSet<u32> = people.into_iter().map(|person| person.0).collect();
        let all = (0u32..).zip(&self.organization.people);
        ids.extend(all.filter(|(_, person)| named(&person.name.value)).map(|(id, _)| id));
        self.people = Ids::new(ids);
    }

    /// Whether the table is of the whole organisation.
    pub(super) fn is_whole(&self) -> bool {
        self.scope.is_none()
    }

    /// Whether a placement is in the table.
    pub(super) fn placement(&self, deployment: &Deployment, placement: &Placement) -> bool {
        match self.scope {
            None => true,
            Some(Scope::Environment(_)) => self.environment(placement.environment.0).is_some(),
            Some(_) => self.deployment(deployment),
        }
    }

    /// Whether a deployment is in the table.
    pub(super) fn deployment(&self, deployment: &Deployment) -> bool {
        match self.scope {
            None => true,
            Some(Scope::Team(name)) => {
                let team = self.organization.teams.get(deployment.team.0 as usize);
                team.is_some_and(|team| team.name.value == *name)
            }
            Some(Scope::Agent(name)) => deployment.name == *name,
            Some(Scope::Environment(_)) => deployment
                .placements
                .iter()
                .any(|placement| self.environment(placement.environment.0).is_some()),
        }
    }

    /// An environment's id in the table.
    pub(super) fn environment(&self, old: u32) -> Option<u32> {
        let Some(Scope::Environment(name)) = self.scope else {
            return Some(old);
        };
        let environment = self.organization.environments.get(old as usize)?;
        (environment.name.value == *name).then_some(0)
    }

    /// A rule's id in the table.
    pub(super) fn rule(&self, old: u32) -> Option<u32> {
        self.rules.id(old)
    }

    /// A person's id in the table.
    pub(super) fn person(&self, old: u32) -> Option<u32> {
        self.people.id(old)
    }

    /// Whether a kill stops anything that is in the table.
    pub(super) fn kill(&self, kill: &crate::resolve::Kill) -> bool {
        let deployments = &self.organization.deployments;
        self.is_whole()
            || kill.everything
            || !kill.tools.is_empty()
            || kill
                .environments
                .iter()
                .any(|killed| self.environment(killed.0).is_some())
            || kill
                .deployments
                .iter()
                .filter_map(|killed| deployments.get(killed.0 as usize))
                .any(|deployment| self.deployment(deployment))
    }
}

/// Drops the rows of other placements, and then what no row leads to any more. The order of what is left stays.
fn prune(kept: &Kept<'_>, cells: &mut Cells) {
    let organization = kept.organization;
    let placements = organization.deployments.iter().flat_map(|deployment| {
        let placements = deployment.placements.iter();
        placements.map(|placement| kept.placement(deployment, placement))
    });
    let stays: Vec<bool> = placements.collect();
    let mut at = stays.iter();
    cells.rows.retain(|_| at.next().copied().unwrap_or(false));

    let mut fragments = BTreeSet::new();
    for (tool, first) in cells.rows.iter().flatten() {
        let tool = organization.tools.get(tool.0 as usize);
        let many = tool.map_or(0, |tool| tool.action_count as usize).div_ceil(piece::CELLS);
        fragments.extend((*first..).take(many));
    }
    let fragments = Ids::new(fragments);
    retain(&mut cells.fragments, &fragments);
    // A tool without actions has an empty run, which is anywhere.
    cells
        .rows
        .iter_mut()
        .flatten()
        .for_each(|(_, first)| *first = fragments.id(*first).unwrap_or(0));

    let pieces = Ids::new(cells.fragments.iter().copied().collect());
    retain(&mut cells.pieces, &pieces);
    cells
        .fragments
        .iter_mut()
        .for_each(|piece| *piece = pieces.id(*piece).unwrap_or(NONE));

    let used = cells.pieces.iter().flatten().copied().filter(|cell| *cell != NONE);
    let used = Ids::new(used.collect());
    retain(&mut cells.cells, &used);
    cells
        .pieces
        .iter_mut()
        .flatten()
        .for_each(|cell| *cell = used.id(*cell).unwrap_or(NONE));
}

/// Keeps the elements whose places have a new id.
fn retain<T>(list: &mut Vec<T>, ids: &Ids) {
    let mut at = 0u32..;
    list.retain(|_| at.next().and_then(|old| ids.id(old)).is_some());
}
