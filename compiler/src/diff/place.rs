//! Two tables come in, paired by names; out go the pairs of sides that differ, each with the placements where it does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polity_runtime::decide::Code;
use polity_runtime::table::{ActionId, CellId, NONE, Table, ToolId, record};

use super::Names;
use crate::search::{Decided, Frame, Imported, Rules, Side, Sides, Space, Standing, given, of_tool, standing};
use crate::table::diagram::Diagram;
use crate::table::hash::HashMap;

/// A deployment in an environment.
pub(super) type Placement = (Arc<str>, Arc<str>);

/// What differs, and where.
pub(super) struct Placed<'t> {
    pub(super) tables: [&'t Table; 2],
    pub(super) space: Space,
    pub(super) rules: Rules,
    pub(super) frames: Vec<Frame>,
    /// Names of the data classes that either table knows.
    pub(super) classes: Vec<String>,
    pub(super) jobs: Vec<Job>,
    /// Placements that are alike in both tables for one tool.
    pub(super) alike: Vec<Arc<Vec<Placement>>>,
    /// How many actions in placements there are whose cells differ.
    pub(super) differing: usize,
}

/// Two sides to compare, and where they stand.
pub(super) struct Job {
    pub(super) frame: usize,
    pub(super) sides: [Side; 2],
    /// Placements and the action there.
    pub(super) places: Vec<(usize, Arc<str>)>,
}

/// One table's part.
struct One<'t> {
    table: &'t Table,
    sides: Sides<'t>,
    tools: BTreeMap<&'t str, ToolId>,
    /// Of each tool, the actions that a call can name.
    actions: HashMap<u32, BTreeMap<&'t str, ActionId>>,
    /// Of each fragment of a tool, a number that equal ones share.
    contents: HashMap<(u32, u32), u32>,
    /// The same of each piece and each cell.
    pieces: HashMap<u32, u32>,
    cells: HashMap<u32, u32>,
}

impl<'t> One<'t> {
    fn new(table: &'t Table, sides: Sides<'t>) -> Self {
        let data = table.data();
        let mut tools = BTreeMap::new();
        for (id, tool) in (0u32..).zip(&data.tools) {
            tools.insert(table.string(tool[record::tool::NAME]), ToolId(id));
        }
        let mut actions: HashMap<u32, BTreeMap<&str, ActionId>> = HashMap::default();
        for (id, action) in (0u32..).zip(&data.actions) {
            let name = table.string(action[record::action::NAME]);
            if table.action(name) == Some(ActionId(id)) {
                actions
                    .entry(action[record::action::TOOL])
                    .or_default()
                    .insert(name, ActionId(id));
            }
        }
        Self {
            table,
            sides,
            tools,
            actions,
            contents: HashMap::default(),
            pieces: HashMap::default(),
            cells: HashMap::default(),
        }
    }

    fn actions(&self, tool: Option<ToolId>) -> impl Iterator<Item = (&'t str, ActionId)> + '_ {
        let list = tool.and_then(|tool| self.actions.get(&tool.0));
        list.into_iter().flatten().map(|(name, id)| (*name, *id))
    }

    fn action(&self, tool: Option<ToolId>, name: &str) -> Option<ActionId> {
        self.actions.get(&tool?.0)?.get(name).copied()
    }

    /// A number that fragments of a tool share whose cells are equal.
    fn content(
        &mut self,
        space: &mut Space,
        rules: &mut Rules,
        contents: &mut Contents,
        tool: ToolId,
        fragment: u32,
    ) -> u32 {
        use record::{piece, tool as t};
        if let Some(known) = self.contents.get(&(tool.0, fragment)) {
            return *known;
        }
        let data = self.table.data();
        let many = data
            .tools
            .get(tool.0 as usize)
            .map_or(0, |r| r[t::ACTION_COUNT] as usize);
        let first = fragment as usize;
        let run = data
            .fragments
            .get(first..first.saturating_add(many.div_ceil(piece::CELLS)));
        let pieces = run.unwrap_or_default().iter();
        let numbers = pieces
            .map(|[piece]| self.piece(space, rules, contents, *piece))
            .collect();
        let number = contents.list(numbers);
        self.contents.insert((tool.0, fragment), number);
        number
    }

    /// A number that equal pieces share.
    fn piece(&mut self, space: &mut Space, rules: &mut Rules, contents: &mut Contents, piece: u32) -> u32 {
        if let Some(known) = self.pieces.get(&piece) {
            return *known;
        }
        let cells = self
            .table
            .data()
            .pieces
            .get(piece as usize)
            .copied()
            .unwrap_or([NONE; record::piece::CELLS]);
        let numbers = cells.map(|cell| {
            if cell == NONE {
                return NONE;
            }
            if let Some(known) = self.cells.get(&cell) {
                return *known;
            }
            let decided = self.sides.cell(space, rules, &Frame::default(), 0, CellId(cell));
            let number = contents.decided(decided);
            self.cells.insert(cell, number);
            number
        });
        let number = contents.list(numbers.to_vec());
        self.pieces.insert(piece, number);
        number
    }

    /// The classified actions of a tool, and the variants of those that have some, by name.
    fn shape(&self, tool: ToolId) -> Vec<(&'t str, Vec<(Diagram, &'t str)>)> {
        use record::tool as t;
        let Some(r) = self.table.data().tools.get(tool.0 as usize) else {
            return Vec::new();
        };
        let table = self.table;
        let classified = (r[t::ACTIONS]..r[t::ACTIONS].saturating_add(r[t::ACTION_COUNT]))
            .map(|id| (table.action_name(ActionId(id)), Vec::new()));
        let variants = self.actions(Some(tool)).map(|(name, id)| {
            let variants = table.variants(id);
            let variants = variants.map(|(guard, action)| (self.sides.plain(guard.0), table.action_name(action)));
            (name, variants.collect())
        });
        classified.chain(variants).collect()
    }
}

/// Numbers for equal things.
#[derive(Default)]
struct Contents {
    cells: HashMap<Decided, u32>,
    lists: HashMap<Vec<u32>, u32>,
}

impl Contents {
    fn decided(&mut self, decided: Decided) -> u32 {
        let next = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        *self.cells.entry(decided).or_insert(next)
    }

    fn list(&mut self, list: Vec<u32>) -> u32 {
        let next = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        *self.lists.entry(list).or_insert(next)
    }
}

/// Pairs everything; of two tables that were given without their kills only what those stop in one of them. Gives
/// `None` where a table cannot be read.
pub(super) fn place<'t>([before, after]: [&'t Table; 2], killed: Option<[&Table; 2]>) -> Option<Placed<'t>> {
    let mut space = Space::default();
    let mut rules = Rules::default();
    let tables = [before, after];
    let first = Imported::beside(before, after, &mut space)?;
    let second = Imported::beside(after, before, &mut space)?;
    let first = Sides::new(first, 0, &mut rules);
    let mut ones = [
        One::new(before, first),
        One::new(after, Sides::new(second, 1, &mut rules)),
    ];
    let mut frames = Frames::default();
    let alike_tools = alike_tools(&mut ones, &mut frames);
    let groups = groups(&mut ones, &mut space, &mut rules, &alike_tools, killed);
    let mut jobs: Vec<Job> = Vec::new();
    let mut known: HashMap<(usize, [Side; 2]), usize> = HashMap::default();
    let mut alike = Vec::new();
    let mut differing = 0;
    for ((tool, standings), placements) in groups {
        let at = alike.len();
        let many = placements.len();
        alike.push(Arc::new(placements));
        let ids = [0, 1].map(|which| ones.get(which).and_then(|one| one.tools.get(tool).copied()));
        let names: BTreeSet<&str> = ones
            .iter()
            .zip(ids)
            .flat_map(|(one, id)| one.actions(id).map(|(name, _)| name).collect::<Vec<_>>())
            .collect();
        for name in names {
            let actions = [0, 1].map(|which| {
                let one = ones.get(which)?;
                one.action(ids.get(which).copied().flatten(), name)
            });
            let frame = frames.of(&ones, actions);
            let mut sides = Vec::new();
            for ((one, standing), action) in ones.iter_mut().zip(standings).zip(actions) {
                sides.push(match (standing, action) {
                    (Standing::Refused(code), _) => Side::refused(code),
                    (Standing::Open(..), None) => Side::refused(Code::UnknownAction),
                    (Standing::Open(fragment, until), Some(action)) => {
                        let (made, renaming) = frames.get(frame);
                        one.sides
                            .side(&mut space, &mut rules, made, renaming, (fragment, until), action)
                    }
                });
            }
            let Ok(sides) = <[Side; 2]>::try_from(sides) else {
                continue;
            };
            let [left, right] = &sides;
            if left == right || (refuses(left) && refuses(right)) {
                continue;
            }
            differing += many;
            let place = (at, Arc::from(name));
            match known.get(&(frame, sides.clone())) {
                Some(job) => {
                    if let Some(job) = jobs.get_mut(*job) {
                        job.places.push(place);
                    }
                }
                None => {
                    known.insert((frame, sides.clone()), jobs.len());
                    jobs.push(Job {
                        frame,
                        sides,
                        places: vec![place],
                    });
                }
            }
        }
    }
    space.settle();
    let classes: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| table.data().classes.iter().map(|[name]| table.string(*name).to_owned()))
        .collect();
    Some(Placed {
        tables,
        space,
        rules,
        frames: frames.all,
        classes: classes.into_iter().collect(),
        jobs,
        alike,
        differing,
    })
}

/// Whether every call is refused before any rule is asked.
fn refuses(side: &Side) -> bool {
    side.alternatives
        .iter()
        .all(|one| matches!(one.decided, Decided::Refused(_)))
}

/// A tool and what each table says of it, with the placements where they do. Only what may differ.
type Groups<'t> = BTreeMap<(&'t str, [Standing; 2]), Vec<Placement>>;

fn groups<'t>(
    ones: &mut [One<'t>; 2],
    space: &mut Space,
    rules: &mut Rules,
    alike_tools: &BTreeSet<&'t str>,
    killed: Option<[&Table; 2]>,
) -> Groups<'t> {
    let mut groups: HashMap<(&'t str, [Standing; 2]), Vec<Placement>> = HashMap::default();
    let mut contents = Contents::default();
    let mut text: HashMap<&'t str, Arc<str>> = HashMap::default();
    let environments = |table: &'t Table, agent: &str| -> Vec<&'t str> {
        use record::{deployment as d, placement as p};
        let data = table.data();
        let Some(r) = table
            .deployment(agent)
            .and_then(|id| data.deployments.get(id.0 as usize))
        else {
            return Vec::new();
        };
        let first = r[d::PLACEMENTS] as usize;
        let placements = data
            .placements
            .get(first..first.saturating_add(r[d::PLACEMENT_COUNT] as usize));
        let name = |placement: &[u32; 8]| {
            let environment = data.environments.get(placement[p::ENVIRONMENT] as usize);
            environment.map_or("", |r| table.string(r[record::environment::NAME]))
        };
        placements.unwrap_or_default().iter().map(name).collect()
    };
    let [before, after] = ones;
    let agents: BTreeSet<&str> = [before.table, after.table]
        .into_iter()
        .flat_map(|table| {
            let records = table.data().deployments.iter();
            records.map(move |r| table.string(r[record::deployment::NAME]))
        })
        .collect();
    for agent in agents {
        let mut at: Vec<&str> = environments(before.table, agent);
        at.extend(environments(after.table, agent));
        at.sort_unstable();
        at.dedup();
        for environment in at {
            let standings = [
                standing(before.table, agent, environment),
                standing(after.table, agent, environment),
            ];
            let [left, right] = standings;
            let mut tools: Vec<&str> = given(before.table, left).chain(given(after.table, right)).collect();
            tools.sort_unstable();
            tools.dedup();
            for tool in tools {
                let ids = [before.tools.get(tool).copied(), after.tools.get(tool).copied()];
                let [first, second] = ids;
                let stops = |(table, id): (&Table, Option<ToolId>)| {
                    of_tool(table, standing(table, agent, environment), id) == Standing::Refused(Code::Killed)
                };
                if killed.is_some_and(|tables| !tables.into_iter().zip(ids).any(stops)) {
                    continue;
                }
                let pair = [of_tool(before.table, left, first), of_tool(after.table, right, second)];
                match (pair, ids) {
                    ([Standing::Refused(_), Standing::Refused(_)], _) => continue,
                    ([Standing::Open(a, until), Standing::Open(b, end)], [Some(first), Some(second)])
                        if until == end
                            && alike_tools.contains(tool)
                            && before.content(space, rules, &mut contents, first, a)
                                == after.content(space, rules, &mut contents, second, b) =>
                    {
                        continue;
                    }
                    _ => {}
                }
                let mut shared = |name: &'t str| Arc::clone(text.entry(name).or_insert_with(|| Arc::from(name)));
                let placement = (shared(agent), shared(environment));
                groups.entry((tool, pair)).or_default().push(placement);
            }
        }
    }
    groups.into_iter().collect::<BTreeMap<_, _>>()
}

/// Frames, each once.
#[derive(Default)]
struct Frames {
    all: Vec<Frame>,
    renamings: Vec<u32>,
    known: HashMap<[Option<u32>; 2], usize>,
}

impl Frames {
    fn of(&mut self, ones: &[One<'_>; 2], actions: [Option<ActionId>; 2]) -> usize {
        // Actions of one shape share their parameters, and so their frames.
        let shape = |one: &One<'_>, action: ActionId| {
            let r = one.table.data().actions.get(action.0 as usize)?;
            (r[record::action::PARAMETER_COUNT] > 0).then(|| r[record::action::PARAMETERS])
        };
        let [before, after] = ones;
        let [left, right] = actions;
        let tool_flags = |one: &One<'_>, action: Option<ActionId>| {
            action.map(|action| {
                let strict = one.table.parameters(action).strict;
                shape(one, action).map_or(0, |at| at + 1) * 2 + u32::from(strict)
            })
        };
        let key = [tool_flags(before, left), tool_flags(after, right)];
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let frame = Frame::new(
            left.map(|action| (before.table, action)),
            right.map(|action| (after.table, action)),
        );
        let at = self.all.len();
        // Slots keep their numbers where both tables have the same arguments, and where one has none at all.
        let renaming = if frame.is_shared() {
            0
        } else {
            u32::try_from(at + 1).unwrap_or(u32::MAX)
        };
        self.all.push(frame);
        self.renamings.push(renaming);
        self.known.insert(key, at);
        at
    }

    fn get(&self, at: usize) -> (&Frame, u32) {
        static NONE: std::sync::OnceLock<Frame> = std::sync::OnceLock::new();
        match (self.all.get(at), self.renamings.get(at)) {
            (Some(frame), Some(renaming)) => (frame, *renaming),
            _ => (NONE.get_or_init(Frame::default), 0),
        }
    }
}

/// Tools whose actions, arguments and variants are the same in both tables.
fn alike_tools<'t>(ones: &mut [One<'t>; 2], frames: &mut Frames) -> BTreeSet<&'t str> {
    let [before, after] = &*ones;
    let mut alike = BTreeSet::new();
    for (name, left) in &before.tools {
        let Some(right) = after.tools.get(name) else { continue };
        let mine: Vec<(&str, ActionId)> = before.actions(Some(*left)).collect();
        let theirs: Vec<(&str, ActionId)> = after.actions(Some(*right)).collect();
        let same = before.shape(*left) == after.shape(*right)
            && mine.len() == theirs.len()
            && mine.iter().zip(&theirs).all(|((name, left), (other, right))| {
                let frame = frames.of(ones, [Some(*left), Some(*right)]);
                name == other && frames.get(frame).0.is_shared()
            });
        if same {
            alike.insert(*name);
        }
    }
    alike
}

/// What only one of the tables knows.
pub(super) fn names(before: &Table, after: &Table) -> Names {
    let deployments = |table: &Table| -> BTreeSet<String> {
        let records = table.data().deployments.iter();
        records
            .map(|r| table.string(r[record::deployment::NAME]).to_owned())
            .collect()
    };
    let environments = |table: &Table| -> BTreeSet<String> {
        let records = table.data().environments.iter();
        records
            .map(|r| table.string(r[record::environment::NAME]).to_owned())
            .collect()
    };
    let tools = |table: &Table| -> BTreeSet<String> {
        let records = table.data().tools.iter();
        records
            .map(|r| table.string(r[record::tool::NAME]).to_owned())
            .collect()
    };
    let gone = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    let (old, new) = (deployments(before), deployments(after));
    let (old_places, new_places) = (environments(before), environments(after));
    let (old_tools, new_tools) = (tools(before), tools(after));
    Names {
        new_agents: gone(&new, &old),
        removed_agents: gone(&old, &new),
        new_environments: gone(&new_places, &old_places),
        removed_environments: gone(&old_places, &new_places),
        new_tools: gone(&new_tools, &old_tools),
        removed_tools: gone(&old_tools, &new_tools),
    }
}
