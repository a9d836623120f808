//! What rules ask of people, each once.

use std::collections::BTreeMap;

use polity_runtime::table::split;

use super::Writer;
use crate::ast::Evidence;
use crate::resolve::{Approval, TeamId};
use crate::table::cells::Cells;
use crate::table::emit::{Full, count};
use crate::table::hash::HashMap;

impl Writer<'_> {
    /// What rules ask of people: `team-owners` means other people for another team, so one approval a team.
    pub(super) fn approvals(&mut self, cells: &Cells) -> Result<HashMap<(u32, Option<TeamId>), u32>, Full> {
        let mut wanted: BTreeMap<(u32, Option<u32>), ()> = BTreeMap::new();
        for entry in cells.cells.iter().flat_map(|cell| cell.entries()) {
            if let Some(team) = entry.approval {
                wanted.insert((entry.rule, team.map(|team| team.0)), ());
            }
        }
        let mut written: HashMap<(Approval, Option<u32>), u32> = HashMap::default();
        let mut ids = HashMap::default();
        for (rule, team) in wanted.into_keys() {
            let Some(approval) = self
                .organization
                .rules
                .get(rule as usize)
                .and_then(|rule| rule.approval.as_ref())
            else {
                continue;
            };
            let key = (approval.clone(), team);
            let id = match written.get(&key) {
                Some(id) => *id,
                None => {
                    let id = self.approval(approval, team.map(TeamId))?;
                    written.insert(key, id);
                    id
                }
            };
            ids.insert((rule, team.map(TeamId)), id);
        }
        Ok(ids)
    }

    fn approval(&mut self, approval: &Approval, team: Option<TeamId>) -> Result<u32, Full> {
        let first = count(&self.emitter.data.requirements)?;
        let mut records = Vec::new();
        for one in &approval.require {
            let mut from = Vec::new();
            for name in &one.from {
                from.push(self.emitter.string(name)?);
            }
            let owners = team
                .and_then(|team| self.organization.teams.get(team.0 as usize))
                .map_or(&[][..], |team| team.owners.as_slice());
            let owners = owners.iter().filter(|_| one.team_owners);
            let people = one.people.iter().chain(owners);
            let mut people: Vec<u32> = people.filter_map(|person| self.kept.person(person.0)).collect();
            people.sort_unstable();
            people.dedup();
            let (many, several) = (count(&from)?, count(&people)?);
            records.push([
                one.count,
                self.emitter.list(from)?,
                many,
                self.emitter.list(people)?,
                several,
            ]);
        }
        let many = count(&records)?;
        self.emitter.data.requirements.extend(records);
        let [low, high] = split(approval.timeout.0);
        let evidence = match approval.evidence {
            Evidence::Forge => 0,
            Evidence::Signed => 1,
            Evidence::Present => 2,
        };
        let id = count(&self.emitter.data.approvals)?;
        self.emitter
            .data
            .approvals
            .push([first, many, low, high, u32::from(approval.separation), evidence]);
        Ok(id)
    }
}
