//! What an organisation and its cells come to, in the arrays of the table: names, tools, deployments, rules, approvals
//! and cells, in canonical order.
//!
//! In: an [`Organization`] and its [`Cells`]. Out: [`TableData`]. Which rules reach which calls was settled before.

mod actions;
mod approvals;

use polity_runtime::table::{Admission, NONE, TableData, record, split};

use super::cells::{Cells, EntryDraft};
use super::diagram::Diagram;
use super::emit::{Emitter, Full, count};
use super::hash::HashMap;
use super::part::Kept;
use crate::ast::RuleEffect;
use crate::resolve::{Organization, TeamId};
use crate::source::{Revision, SourceTree};

/// Fills the arrays in, what of the organisation is kept.
pub(super) struct Writer<'w> {
    pub(super) organization: &'w Organization,
    pub(super) kept: Kept<'w>,
    pub(super) tree: &'w SourceTree,
    pub(super) emitter: Emitter,
}

impl Writer<'_> {
    pub(super) fn write(mut self, cells: Cells) -> Result<TableData, Full> {
        let roots: Vec<Diagram> = cells.roots();
        let guards = self.emitter.guards(&cells.diagrams, &roots)?;
        let guard = |diagram: Diagram| guards.get(&diagram).map_or(u32::MAX, |guard| guard.0);
        let emitter = &self.emitter;
        self.kept.people(&cells, |name| emitter.has(name));
        self.root()?;
        self.names()?;
        self.tools(&cells, &guard)?;
        self.deployments(&cells)?;
        self.rules()?;
        let approvals = self.approvals(&cells)?;
        self.cells(&cells, &guard, &approvals)?;
        Ok(self.finish())
    }

    fn root(&mut self) -> Result<(), Full> {
        let kept = &self.kept;
        for kill in self.organization.kills.iter().filter(|kill| kept.kill(kill)) {
            let record = [
                self.emitter.string(&kill.name.value)?,
                self.emitter.string(&kill.reason)?,
            ];
            self.emitter.data.kills.push(record);
        }
        let name = self.emitter.string(&self.organization.name)?;
        let everything = self.kill(|kill| kill.everything);
        let whole = u32::from(self.kept.is_whole());
        self.emitter.data.organization.push([name, everything, whole, 0]);
        Ok(())
    }

    /// The first kill that covers something, or [`NONE`].
    fn kill(&self, covers: impl Fn(&crate::resolve::Kill) -> bool) -> u32 {
        (0u32..)
            .zip(self.organization.kills.iter().filter(|kill| self.kept.kill(kill)))
            .find(|(_, kill)| covers(kill))
            .map_or(NONE, |(id, _)| id)
    }

    fn names(&mut self) -> Result<(), Full> {
        let organization = self.organization;
        for (id, environment) in (0u32..).zip(&organization.environments) {
            if self.kept.environment(id).is_none() {
                continue;
            }
            let rank = u32::try_from(environment.rank).unwrap_or(u32::MAX);
            let kill = self.kill(|kill| kill.environments.iter().any(|killed| killed.0 == id));
            let name = self.emitter.string(&environment.name.value)?;
            self.emitter.data.environments.push([name, rank, kill]);
        }
        for ring in &organization.rings {
            let name = self.emitter.string(&ring.name)?;
            let level = u32::try_from(ring.level).unwrap_or(u32::MAX);
            let per = u32::try_from(ring.rate.per.0).unwrap_or(u32::MAX);
            self.emitter
                .data
                .rings
                .push([name, level, ring.rate.count, per, ring.burst, ring.concurrent]);
        }
        for class in &organization.classes {
            let name = self.emitter.string(&class.name.value)?;
            self.emitter.data.classes.push([name]);
        }
        for (id, person) in (0u32..).zip(&organization.people) {
            if self.kept.person(id).is_none() {
                continue;
            }
            let name = self.emitter.string(&person.name.value)?;
            self.emitter.data.people.push([name]);
        }
        Ok(())
    }

    fn deployments(&mut self, cells: &Cells) -> Result<(), Full> {
        let organization = self.organization;
        let mut rows = cells.rows.iter();
        for (id, deployment) in (0u32..).zip(&organization.deployments) {
            if !self.kept.deployment(deployment) {
                continue;
            }
            let new = count(&self.emitter.data.deployments)?;
            let name = self.emitter.string(&deployment.name)?;
            let agent = organization
                .agents
                .get(deployment.agent.0 as usize)
                .map_or("", |agent| agent.name.value.as_str());
            let agent = self.emitter.string(agent)?;
            let team = organization.teams.get(deployment.team.0 as usize);
            let team_name = self.emitter.string(team.map_or("", |team| team.name.value.as_str()))?;
            let kill = self.kill(|kill| kill.deployments.iter().any(|killed| killed.0 == id));
            let first = count(&self.emitter.data.placements)?;
            for placement in &deployment.placements {
                if !self.kept.placement(deployment, placement) {
                    continue;
                }
                let admission = match organization.environments.get(placement.environment.0 as usize) {
                    Some(environment) if !environment.takes_ring(placement.ring) => Admission::RingNotInEnvironment,
                    _ if team
                        .and_then(|team| team.rings.as_ref())
                        .is_some_and(|rings| !rings.contains(&placement.ring)) =>
                    {
                        Admission::RingAboveCeiling
                    }
                    Some(environment) if environment.takes_enforcement(placement.enforcement) => Admission::Admitted,
                    _ => Admission::EnforcementNotTaken,
                };
                let [low, high] = split(placement.until.unwrap_or(i64::MAX));
                let given = count(&self.emitter.data.given)?;
                let row = rows.next().map_or(&[][..], Vec::as_slice);
                self.emitter
                    .data
                    .given
                    .extend(row.iter().map(|(tool, fragment)| [tool.0, *fragment]));
                let many = count(row)?;
                let record = [
                    new,
                    self.kept.environment(placement.environment.0).unwrap_or(NONE),
                    placement.ring.0,
                    admission as u32,
                    low,
                    high,
                    given,
                    many,
                ];
                self.emitter.data.placements.push(record);
            }
            let many = count(&self.emitter.data.placements)? - first;
            self.emitter
                .data
                .deployments
                .push([name, agent, team_name, first, many, kill]);
        }
        Ok(())
    }

    fn rules(&mut self) -> Result<(), Full> {
        for (id, rule) in (0u32..).zip(&self.organization.rules) {
            if self.kept.rule(id).is_none() {
                continue;
            }
            let name = self.emitter.string(&rule.name)?;
            let reason = self.emitter.optional(rule.reason.as_deref())?;
            let effect = match rule.effect {
                RuleEffect::Allow => 0,
                RuleEffect::RequireApproval => 1,
                RuleEffect::Deny => 2,
            };
            let limit = rule.limit.map_or((0, 0), |limit| {
                (limit.count, u32::try_from(limit.per.0).unwrap_or(u32::MAX))
            });
            // Of a rule that a template yields, the use is what the repository shows.
            let span = self.tree.used_at(rule.span);
            let path = self.tree.file(span.file).map_or("", |file| file.path.as_str());
            // With the commit it names a file of the repository, wherever in it the organisation lies.
            let path = match self.tree.revision() {
                Revision::Commit { .. } => self.emitter.string(&self.tree.in_repository(path))?,
                // Without one it names a file of the folder, wherever that lies today.
                Revision::Folder => self.emitter.string(path)?,
            };
            let line = self.tree.position(span).map_or(0, |(start, _)| start.line);
            self.emitter
                .data
                .rules
                .push([name, reason, effect, limit.0, limit.1, path, line, NONE]);
        }
        Ok(())
    }

    fn cells(
        &mut self,
        cells: &Cells,
        guard: &dyn Fn(Diagram) -> u32,
        approvals: &HashMap<(u32, Option<TeamId>), u32>,
    ) -> Result<(), Full> {
        self.emitter.data.fragments = cells.fragments.iter().map(|piece| [*piece]).collect();
        self.emitter.data.pieces = cells.pieces.clone();
        let mut runs: HashMap<Vec<[u32; 3]>, u32> = HashMap::default();
        for cell in &cells.cells {
            let entry = |entry: &EntryDraft| {
                let approval = entry
                    .approval
                    .and_then(|team| approvals.get(&(entry.rule, team)))
                    .copied()
                    .unwrap_or(NONE);
                [self.kept.rule(entry.rule).unwrap_or(NONE), guard(entry.guard), approval]
            };
            let mut first = [0; 4];
            let mut counts = [0; 4];
            for ((first, many), drafts) in
                first
                    .iter_mut()
                    .zip(&mut counts)
                    .zip([&cell.denies, &cell.grants, &cell.gates, &cell.observed])
            {
                let run: Vec<[u32; 3]> = drafts.iter().map(entry).collect();
                *many = count(&run)
                    .ok()
                    .filter(|many| *many <= record::cell::MAX_RUN)
                    .ok_or(Full)?;
                *first = match runs.get(&run) {
                    Some(first) => *first,
                    None => {
                        let data = &mut self.emitter.data;
                        let first = count(&data.entries)?;
                        data.entries.extend_from_slice(&run);
                        runs.insert(run, first);
                        first
                    }
                };
            }
            let [denies, grants, gates, observed] = first;
            let [counts, more] = record::cell::counts(counts, cell.ceiling);
            self.emitter
                .data
                .cells
                .push([denies, grants, gates, observed, counts, more]);
        }
        Ok(())
    }

    fn finish(mut self) -> TableData {
        let emitter = &self.emitter;
        let deployments = emitter.index(&emitter.data.deployments);
        let environments = emitter.index(&emitter.data.environments);
        // A call may name an action or a list of variants, never one of the variants.
        let actions = named_actions(
            emitter,
            self.organization
                .actions
                .iter()
                .map(|action| action.name == action.base),
        );
        let classes = emitter.index(&emitter.data.classes);
        let people = emitter.index(&emitter.data.people);
        let data = &mut self.emitter.data;
        data.deployment_index = deployments;
        data.environment_index = environments;
        data.action_index = actions;
        data.class_index = classes;
        data.person_index = people;
        self.emitter.data
    }
}

/// An index of the actions that a call may name, to their places among all.
fn named_actions(emitter: &Emitter, callable: impl Iterator<Item = bool>) -> polity_runtime::table::Index {
    let callable: Vec<bool> = callable.collect();
    let ids: Vec<u32> = (0u32..)
        .zip(&emitter.data.actions)
        .filter(|(id, _)| callable.get(*id as usize).copied().unwrap_or(true))
        .map(|(id, _)| id)
        .collect();
    let records: Vec<[u32; 12]> = ids
        .iter()
        .filter_map(|id| emitter.data.actions.get(*id as usize).copied())
        .collect();
    let mut index = emitter.index(&records);
    for slot in &mut index.slots {
        if let Some(id) = ids.get(*slot as usize) {
            *slot = *id;
        }
    }
    index
}
