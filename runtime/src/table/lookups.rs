//! A table's arrays in, ids out, reached with fewer reads than the arrays take: what a bundle's indexes say, with the
//! place of each name beside its id, so that looking one up reads a slot and the name, and no record on the way; and the
//! cells of fragments. Made once when a table is; nothing of it is in a bundle. It knows of no call and no rule.

use super::index::{Index, MAX_PROBE, hash, place};
use super::record::piece::CELLS;
use super::{NONE, PlacementId, TableData, record, slice};
use crate::value::same;

/// Everything that is looked up by name, and the cells of fragments.
#[derive(Debug, Clone)]
pub(super) struct Lookups {
    pub(super) deployments: Names,
    pub(super) environments: Names,
    pub(super) actions: Names,
    pub(super) classes: Names,
    pub(super) people: Names,
    seats: Seats,
    /// The cells of the piece at each place in the table's fragments, [`CELLS`] a place: so an action's cell stands as
    /// many behind the first of its tool's fragment as its ordinal says, and finding it waits for no piece.
    cells: Box<[u32]>,
}

impl Lookups {
    /// Of arrays that were checked.
    pub(super) fn new(data: &TableData) -> Self {
        use record::{action, deployment, environment};
        let piece = |[piece]: &[u32; 1]| data.pieces.get(*piece as usize).copied().unwrap_or([NONE; CELLS]);
        let pieces: Vec<[u32; CELLS]> = data.fragments.iter().map(piece).collect();
        Self {
            deployments: Names::new(data, &data.deployment_index, &data.deployments, deployment::NAME),
            environments: Names::new(data, &data.environment_index, &data.environments, environment::NAME),
            actions: Names::new(data, &data.action_index, &data.actions, action::NAME),
            classes: Names::new(data, &data.class_index, &data.classes, 0),
            people: Names::new(data, &data.person_index, &data.people, 0),
            seats: Seats::new(data),
            cells: pieces.into_flattened().into(),
        }
    }

    /// The cell of the action of this ordinal in a fragment of its tool; [`NONE`] where it has none.
    #[inline]
    pub(super) fn cell(&self, fragment: u32, ordinal: u32) -> Option<u32> {
        let first = (fragment as usize).checked_mul(CELLS)?;
        self.cells.get(first.checked_add(ordinal as usize)?).copied()
    }

    /// The placement of two names, if it is found in one look. It may be in the table where it is not.
    #[inline]
    pub(super) fn seat<'t>(
        &self,
        data: &'t TableData,
        agent: &str,
        environment: &str,
    ) -> Option<(PlacementId, &'t [u32; 8])> {
        let id = self.seats.find(data, agent.as_bytes(), environment.as_bytes())?;
        Some((PlacementId(id), data.placements.get(id as usize)?))
    }
}

/// An index that knows where its names stand: finding one reads a slot and the name, and no record on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    seed: u64,
    slots: Box<[Slot]>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    id: u32,
    /// Where its name begins in the table's text, and how many bytes it has.
    start: u32,
    length: u32,
    /// The high half of its name's hash: another name in its place is nearly always told apart by this.
    tag: u32,
}

impl Names {
    /// An index of records, of which word `name` says what each is called.
    fn new<const N: usize>(data: &TableData, index: &Index, records: &[[u32; N]], name: usize) -> Self {
        let place = |id: u32| spot(data, *records.get(id as usize)?.get(name)?);
        let slot = |id: &u32| match place(*id) {
            Some((start, length)) => Slot {
                id: *id,
                start,
                length,
                tag: tag(hash(index.seed, slice(data.string_text.as_bytes(), start, length))),
            },
            None => Slot {
                id: NONE,
                start: 0,
                length: 0,
                tag: 0,
            },
        };
        Self {
            seed: index.seed,
            slots: index.slots.iter().map(slot).collect(),
        }
    }

    /// The id whose name this is, in the table that the index was made of.
    #[inline]
    pub(super) fn find(&self, data: &TableData, name: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let name = name.as_bytes();
        let hash = hash(self.seed, name);
        for step in 0..MAX_PROBE {
            let slot = self.slots.get(place(hash, step, self.slots.len()))?;
            if slot.id == NONE {
                return None;
            }
            if slot.tag == tag(hash) && is_at(data, slot.start, slot.length, name) {
                return Some(slot.id);
            }
        }
        None
    }
}

/// Agents and environments to placements, in one look: what is not in it may be in the table all the same.
#[derive(Debug, Clone, Default)]
struct Seats {
    /// The high half of a hash, and the placement; a power of two of them, or none at all.
    slots: Box<[(u32, u32)]>,
    /// Of each placement where its agent's name begins in the table's text, how many bytes it has, and the same of its
    /// environment's: comparing the names waits for no record.
    names: Box<[[u32; 4]]>,
}

impl Seats {
    /// The placements that deployments have.
    fn new(data: &TableData) -> Self {
        use record::{deployment as d, placement};
        let size = match data.placements.len() {
            0 => 0,
            count => (count * 2).next_power_of_two(),
        };
        let mut seats = Self {
            slots: vec![(0, NONE); size].into(),
            names: vec![[0; 4]; data.placements.len()].into(),
        };
        for deployment in &data.deployments {
            let (first, count) = (deployment[d::PLACEMENTS], deployment[d::PLACEMENT_COUNT]);
            for (id, record) in (first..).zip(slice(&data.placements, first, count)) {
                let environment = data.environments.get(record[placement::ENVIRONMENT] as usize);
                let environment = environment.and_then(|e| spot(data, e[record::environment::NAME]));
                if let (Some(agent), Some(environment)) = (spot(data, deployment[d::NAME]), environment) {
                    seats.insert(data, id, agent, environment);
                }
            }
        }
        seats
    }

    /// Puts a placement of these names in, unless too many are near its place already.
    fn insert(&mut self, data: &TableData, id: u32, agent: (u32, u32), environment: (u32, u32)) {
        let text = |(start, length)| slice(data.string_text.as_bytes(), start, length);
        let (hash, size) = (Self::hash(text(agent), text(environment)), self.slots.len());
        if size == 0 {
            return;
        }
        let mut near = (0..MAX_PROBE).map(|step| place(hash, step, size));
        let free = near.find(|at| self.slots.get(*at).is_some_and(|(_, id)| *id == NONE));
        let slot = free.and_then(|at| self.slots.get_mut(at));
        if let (Some(slot), Some(names)) = (slot, self.names.get_mut(id as usize)) {
            *slot = (tag(hash), id);
            *names = [agent.0, agent.1, environment.0, environment.1];
        }
    }

    #[inline]
    fn hash(agent: &[u8], environment: &[u8]) -> u64 {
        hash(hash(1, environment), agent)
    }

    /// The placement of these names.
    #[inline]
    fn find(&self, data: &TableData, agent: &[u8], environment: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = Self::hash(agent, environment);
        for step in 0..MAX_PROBE {
            let (tagged, id) = *self.slots.get(place(hash, step, self.slots.len()))?;
            if id == NONE {
                return None;
            }
            if tagged == tag(hash)
                && let Some(&[a, a_length, e, e_length]) = self.names.get(id as usize)
                && is_at(data, a, a_length, agent)
                && is_at(data, e, e_length, environment)
            {
                return Some(id);
            }
        }
        None
    }
}

#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Where a string begins in the table's text, and how many bytes it has; nothing for an id that is not of this table.
fn spot(data: &TableData, id: u32) -> Option<(u32, u32)> {
    let at = id as usize;
    let (start, end) = (*data.string_offsets.get(at)?, *data.string_offsets.get(at + 1)?);
    Some((start, end.checked_sub(start)?))
}

/// Whether a name is the text at a spot.
#[inline]
fn is_at(data: &TableData, start: u32, length: u32, name: &[u8]) -> bool {
    let start = start as usize;
    length as usize == name.len()
        && (data.string_text.as_bytes().get(start..start.saturating_add(name.len()))).is_some_and(|own| same(own, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of deployments of these names, each deployed in as many of these environments as its place says.
    fn table(agents: &[String], environments: &[String]) -> TableData {
        let mut data = TableData {
            string_offsets: vec![0],
            ..TableData::default()
        };
        for name in environments.iter().chain(agents) {
            data.string_text.push_str(name);
            data.string_offsets.push(u32::try_from(data.string_text.len()).unwrap());
        }
        data.environments = (0..).take(environments.len()).map(|name| [name, 0, NONE]).collect();
        for (at, name) in (0..agents.len()).zip(u32::try_from(environments.len()).unwrap()..) {
            let first = u32::try_from(data.placements.len()).unwrap();
            let count = u32::try_from(at % (environments.len() + 1)).unwrap();
            data.deployments.push([name, name, name, first, count, NONE]);
            let deployment = u32::try_from(at).unwrap();
            data.placements
                .extend((0..count).map(|e| [deployment, e, 0, 0, 0, 0, 0, 0]));
        }
        data.deployment_index = Index::build(agents.iter().map(String::as_str));
        data.environment_index = Index::build(environments.iter().map(String::as_str));
        data
    }

    fn many() -> Vec<String> {
        let team = |i: usize| {
            if i.is_multiple_of(3) {
                "t".to_owned()
            } else {
                format!("a-team-of-many-letters-{}", i % 50)
            }
        };
        (0..1200).map(|i| format!("{}/agent-{i}", team(i))).collect()
    }

    #[test]
    fn every_name_is_found_and_no_other() {
        let all = many();
        let data = table(&all, &[]);
        let lookups = Lookups::new(&data);
        for (i, name) in (0u32..).zip(&all) {
            assert_eq!(lookups.deployments.find(&data, name), Some(i));
            assert_eq!(lookups.deployments.find(&data, &format!("{name}x")), None);
        }
        assert_eq!(lookups.deployments.find(&data, ""), None);
    }

    #[test]
    fn names_of_every_length_are_told_apart() {
        let all: Vec<String> = (0..70).map(|length| "a".repeat(length)).collect();
        let data = table(&all, &[]);
        let lookups = Lookups::new(&data);
        for (i, name) in (0u32..).zip(&all) {
            assert_eq!(lookups.deployments.find(&data, name), Some(i));
            for at in 0..name.len() {
                let mut other = name.clone();
                other.replace_range(at..=at, "b");
                assert_eq!(lookups.deployments.find(&data, &other), None, "{other}");
            }
        }
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let data = table(&[], &[]);
        let lookups = Lookups::new(&data);
        assert_eq!(lookups.deployments.find(&data, "a"), None);
        assert_eq!(lookups.deployments.find(&data, ""), None);
        assert_eq!(lookups.seat(&data, "a", "b"), None);
    }

    /// What is found in one look is what was placed; and nearly everything is found so.
    #[test]
    fn a_seat_is_that_of_both_names() {
        let (agents, environments) = (many(), ["development", "staging", "production"].map(str::to_owned));
        let data = table(&agents, &environments);
        let lookups = Lookups::new(&data);
        let mut found = 0;
        for (at, agent) in agents.iter().enumerate() {
            let own = &data.deployments[at];
            for (e, environment) in (0u32..).zip(&environments) {
                let placed = own[record::deployment::PLACEMENT_COUNT] > e;
                let seat = lookups.seat(&data, agent, environment);
                if let Some((id, record)) = seat {
                    assert!(placed, "{agent} {environment}");
                    assert_eq!(id.0, own[record::deployment::PLACEMENTS] + e);
                    assert_eq!(record[record::placement::ENVIRONMENT], e);
                    found += 1;
                }
                assert_eq!(lookups.seat(&data, environment, agent), None);
                assert_eq!(lookups.seat(&data, &format!("{agent}x"), environment), None);
            }
        }
        assert!(
            found * 100 >= data.placements.len() * 99,
            "{found} of {}",
            data.placements.len()
        );
    }
}
