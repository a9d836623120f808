//! Placements to signatures, signatures to fragments, fragments to cells.

use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, Hash};

use indexmap::IndexSet;
use polity_runtime::table::record::piece;
use polity_runtime::table::{ActionId, DeploymentId, NONE, ToolId};
use rayon::prelude::*;

use super::Row;
use super::diagram::{Diagram, Diagrams};
use super::guards::{Context, Guards, Seen, Views};
use super::hash::{Fold, HashMap};
use super::reach::{Reach, Sifted};
use crate::ast::RuleEffect;
use crate::ir::RuleSet;
use crate::resolve::{Deployment, Organization, Placement, Rule, TeamId};

/// Placements that are sifted before their rules are put into cells: enough for every thread, and few enough that what
/// was sifted is soon given back.
const AT_ONCE: usize = 1_024;

/// What decides: everything that the table holds beyond names.
pub(super) struct Cells {
    pub diagrams: Diagrams,
    /// Of each placement, in the order of deployments and environments.
    pub rows: Vec<Row>,
    /// Pieces by their ids; a fragment is a run of them.
    pub fragments: Vec<u32>,
    /// Cells by their ids.
    pub pieces: Vec<[u32; piece::CELLS]>,
    pub cells: Vec<CellDraft>,
    /// Of each base, the test of each variant.
    pub variants: Vec<Vec<Diagram>>,
}

/// A cell before it has a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct CellDraft {
    pub denies: Vec<EntryDraft>,
    pub grants: Vec<EntryDraft>,
    pub gates: Vec<EntryDraft>,
    pub observed: Vec<EntryDraft>,
    pub ceiling: bool,
}

impl CellDraft {
    /// All entries in the order in which they are written.
    pub(super) fn entries(&self) -> impl Iterator<Item = &EntryDraft> {
        self.denies
            .iter()
            .chain(&self.grants)
            .chain(&self.gates)
            .chain(&self.observed)
    }
}

/// A rule in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EntryDraft {
    pub rule: u32,
    pub guard: Diagram,
    /// What it asks of people, if it asks: for which team, where that matters.
    pub approval: Option<Option<TeamId>>,
}

impl Cells {
    /// Every diagram that is referred to.
    pub(super) fn roots(&self) -> Vec<Diagram> {
        let entries = self
            .cells
            .iter()
            .flat_map(|cell| cell.entries().map(|entry| entry.guard));
        entries
            .chain(self.variants.iter().flatten().copied())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

/// The rules that reach a placement, each with what it sees of the placement; and the ring's ceiling. Placements with
/// equal signatures for a tool are decided alike there.
type Signature = (Vec<(u32, u32)>, u64);

/// Makes every cell. Gives the rules whose guards are too large.
///
/// What placements have in common is found by a thread at a time, which numbers things in the order in which they are
/// met; what is longer, sifting the rules of the next and putting those found into cells, is done by all. So the
/// numbers do not depend on how many there are.
pub(super) fn make(organization: &Organization, rules: &RuleSet) -> Result<Cells, Vec<usize>> {
    let views = Views::new(organization, rules);
    let reach = Reach::new(organization, &views);
    let placements: Vec<(DeploymentId, &Deployment, &Placement)> = (0u32..)
        .map(DeploymentId)
        .zip(&organization.deployments)
        .flat_map(|(id, deployment)| {
            deployment
                .placements
                .iter()
                .map(move |placement| (id, deployment, placement))
        })
        .collect();
    let mut seen: Numbered<Seen> = Numbered::default();
    let mut lines = Lines {
        organization,
        guards: Guards::new(organization, rules, &views),
        all: Vec::new(),
        ids: HashMap::default(),
        made: HashMap::default(),
        too_large: BTreeSet::new(),
    };
    let mut fragments: HashMap<(ToolId, Signature), usize> = HashMap::default();
    let mut store = Store::default();
    let mut rows: Vec<Vec<(ToolId, usize)>> = Vec::with_capacity(placements.len());
    let sift = |some: Option<&&[(DeploymentId, &Deployment, &Placement)]>| -> Vec<Sifted> {
        let some = some.copied().unwrap_or_default().par_iter();
        some.map(|(id, deployment, placement)| reach.sift(*id, deployment, placement))
            .collect()
    };
    let mut chunks = placements.chunks(AT_ONCE).peekable();
    let mut sifted = sift(chunks.peek());
    while let Some(some) = chunks.next() {
        let these = some.iter().zip(std::mem::take(&mut sifted));
        let find = || {
            let mut fresh: Vec<Fresh> = Vec::new();
            for ((_, _, placement), mut sifted) in these {
                let numbers: Vec<u32> = sifted.seen.into_iter().map(|view| number(&mut seen, view)).collect();
                for (_, view) in sifted.by_tool.iter_mut().flatten() {
                    *view = numbers.get(*view as usize).copied().unwrap_or(u32::MAX);
                }
                let ceiling = ceiling(organization, placement);
                let of_tools = placement.given.iter().zip(sifted.by_tool);
                let row = of_tools.map(|(tool, of_tool)| {
                    let next = fragments.len();
                    let fragment =
                        *fragments
                            .entry((*tool, (of_tool, ceiling)))
                            .or_insert_with_key(|(tool, (rules, ceiling))| {
                                fresh.push(lines.of(*tool, rules, *ceiling, placement, &seen));
                                next
                            });
                    (*tool, fragment)
                });
                rows.push(row.collect());
            }
            fresh
        };
        // While one thread finds what these have in common, the others sift the next.
        let fresh;
        (fresh, sifted) = rayon::join(find, || sift(chunks.peek()));
        // A few groups a thread: the last to be done is then not waited for long.
        let group = fresh.len().div_ceil(4 * rayon::current_num_threads()).max(1);
        let groups: Vec<Group> = fresh
            .par_chunks(group)
            .map(|fresh| Group::of(fresh, &lines.all))
            .collect();
        groups.into_iter().for_each(|group| store.add(group));
    }
    let variants = rules.variants.iter().map(|tests| {
        let test = |test: &Option<_>| lines.guards.variant(*test).unwrap_or(Diagram::ERROR);
        tests.iter().map(test).collect()
    });
    let variants = variants.collect();
    if !lines.too_large.is_empty() {
        return Err(lines.too_large.into_iter().collect());
    }
    let first = |fragment: usize| store.first.get(fragment).copied().unwrap_or(NONE);
    Ok(Cells {
        diagrams: lines.guards.into_diagrams(),
        rows: rows
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|(tool, fragment)| (tool, first(fragment)))
                    .collect()
            })
            .collect(),
        fragments: store.fragments,
        pieces: store.pieces.all,
        cells: store.cells.into_iter().collect(),
        variants,
    })
}

/// Things with the numbers that they were given, in the order in which they were met.
type Numbered<T> = IndexSet<T, BuildHasherDefault<Fold>>;

/// The number of a thing, a new one where it was not met before.
fn number<T: Eq + Hash>(among: &mut Numbered<T>, thing: T) -> u32 {
    let (at, _) = among.insert_full(thing);
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What of the ring a cell depends on: which effects it takes, and whether it takes what cannot be undone.
fn ceiling(organization: &Organization, placement: &Placement) -> u64 {
    let Some(ring) = organization.rings.get(placement.ring.0 as usize) else {
        return 0;
    };
    ring.effects
        .iter()
        .fold(u64::from(ring.irreversible) << 8, |bits, effect| {
            bits | (1 << *effect as u64)
        })
}

/// A rule in a fragment: what it puts into the cells, each by its place in the tool. Ceilings are left out.
struct Line {
    rule: u32,
    effect: RuleEffect,
    made: Vec<(u32, Made)>,
}

/// What a rule comes to for an action, where it sees the same of the placement: its guard, the guard of its
/// observation, and what it asks of people.
type Made = (Diagram, Diagram, Option<Option<TeamId>>);

/// A fragment whose cells are not yet made.
struct Fresh {
    tool: ToolId,
    /// Of each action, whether the ring stops it.
    ceilings: Vec<bool>,
    /// By their numbers, in the order of their rules.
    lines: Vec<u32>,
}

/// Every line, each once.
struct Lines<'l> {
    organization: &'l Organization,
    guards: Guards<'l>,
    all: Vec<Line>,
    /// Of each tool and ceiling, the lines by rule and view.
    ids: HashMap<(ToolId, u64), HashMap<(u32, u32), u32>>,
    made: HashMap<(u32, u32, u32), Made>,
    too_large: BTreeSet<usize>,
}

impl Lines<'_> {
    /// What is to be put into the cells of a tool's actions, by which lines.
    fn of(
        &mut self,
        tool: ToolId,
        rules: &[(u32, u32)],
        bits: u64,
        placement: &Placement,
        seen: &Numbered<Seen>,
    ) -> Fresh {
        let organization = self.organization;
        let ring = organization.rings.get(placement.ring.0 as usize);
        let of_tool = organization.tools.get(tool.0 as usize);
        let actions = of_tool.map_or(0..0, |tool| tool.first_action..tool.first_action + tool.action_count);
        let stops = |at: u32| {
            ring.zip(organization.actions.get(at as usize))
                .is_some_and(|(ring, action)| {
                    !ring.effects.contains(&action.effect) || (!action.reversible && !ring.irreversible)
                })
        };
        let ceilings: Vec<bool> = actions.map(stops).collect();
        let mut known = self.ids.remove(&(tool, bits)).unwrap_or_default();
        let lines = rules.iter().map(|(rule, view)| {
            *known
                .entry((*rule, *view))
                .or_insert_with(|| self.line(tool, &ceilings, *rule, *view, seen))
        });
        let lines = lines.collect();
        self.ids.insert((tool, bits), known);
        Fresh { tool, ceilings, lines }
    }

    fn line(&mut self, tool: ToolId, ceilings: &[bool], id: u32, view: u32, seen: &Numbered<Seen>) -> u32 {
        let organization = self.organization;
        let mut line = Line {
            rule: id,
            effect: RuleEffect::Deny,
            made: Vec::new(),
        };
        let of_tool = organization.tools.get(tool.0 as usize);
        if let Some((rule, tool)) = organization.rules.get(id as usize).zip(of_tool) {
            line.effect = rule.effect;
            for action in rule.scope.actions_of(tool) {
                let at = action.0 - tool.first_action;
                if ceilings.get(at as usize).is_some_and(|stopped| !stopped) {
                    let made = self.made.get(&(id, view, action.0)).copied();
                    let made = made.or_else(|| self.entry(id, view, action, rule, seen));
                    line.made.extend(made.map(|made| (at, made)));
                }
            }
        }
        self.all.push(line);
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }

    /// Makes the guards of a rule, and keeps them. Gives `None`, and takes note, where they are too large.
    fn entry(&mut self, id: u32, view: u32, action: ActionId, rule: &Rule, seen: &Numbered<Seen>) -> Option<Made> {
        let seen = seen.get_index(view as usize)?;
        let context = Context {
            rule: id,
            view: seen,
            action,
        };
        let guard = self.guards.rule(&context, false);
        let observed = match rule.observe_until {
            Some(_) => self.guards.rule(&context, true),
            None => Ok(Diagram::NO),
        };
        let (Ok(guard), Ok(observed)) = (guard, observed) else {
            self.too_large.insert(id as usize);
            return None;
        };
        let approval = rule.approval.as_ref().map(|approval| {
            let by_team = approval.require.iter().any(|one| one.team_owners);
            seen.team.filter(|_| by_team)
        });
        let made = (guard, observed, approval);
        self.made.insert((id, view, action.0), made);
        Some(made)
    }
}

/// The cells of some fragments, each once, and of each fragment its tool and which they are.
struct Group {
    cells: Numbered<CellDraft>,
    runs: Vec<(ToolId, Vec<u32>)>,
}

impl Group {
    fn of(fragments: &[Fresh], lines: &[Line]) -> Self {
        let mut group = Self {
            cells: Numbered::default(),
            runs: Vec::with_capacity(fragments.len()),
        };
        for fragment in fragments {
            let draft = |ceiling: &bool| CellDraft {
                ceiling: *ceiling,
                ..CellDraft::default()
            };
            let mut cells: Vec<CellDraft> = fragment.ceilings.iter().map(draft).collect();
            for line in fragment.lines.iter().filter_map(|line| lines.get(*line as usize)) {
                for (at, made) in &line.made {
                    if let Some(cell) = cells.get_mut(*at as usize) {
                        cell.put(line, *made);
                    }
                }
            }
            let run = cells.into_iter().map(|cell| number(&mut group.cells, cell)).collect();
            group.runs.push((fragment.tool, run));
        }
        group
    }
}

impl CellDraft {
    /// Puts a rule into the lists where it belongs.
    fn put(&mut self, line: &Line, (guard, observed, approval): Made) {
        let entry = |guard, approval| EntryDraft {
            rule: line.rule,
            guard,
            approval,
        };
        if guard != Diagram::NO {
            let list = match line.effect {
                RuleEffect::Deny => &mut self.denies,
                RuleEffect::Allow => &mut self.grants,
                RuleEffect::RequireApproval => &mut self.gates,
            };
            list.push(entry(guard, approval));
        }
        if observed != Diagram::NO {
            self.observed.push(entry(observed, None));
        }
    }
}

/// All cells, the runs of them, and where each fragment begins.
#[derive(Default)]
struct Store {
    cells: Numbered<CellDraft>,
    pieces: Pieces,
    fragments: Vec<u32>,
    /// Of each fragment, by number.
    first: Vec<u32>,
    runs: HashMap<(ToolId, Vec<u32>), u32>,
}

impl Store {
    fn add(&mut self, group: Group) {
        let cells = group.cells.into_iter();
        let numbers: Vec<u32> = cells.map(|cell| number(&mut self.cells, cell)).collect();
        for (tool, run) in group.runs {
            let cell = |cell: u32| numbers.get(cell as usize).copied().unwrap_or(NONE);
            let run: Vec<u32> = run.into_iter().map(cell).collect();
            let run: Vec<u32> = run
                .chunks(piece::CELLS)
                .map(|cells| self.pieces.intern(cells))
                .collect();
            // Signatures that differ may come to the same cells.
            let first = match self.runs.get(&(tool, run.clone())) {
                Some(first) => *first,
                None => {
                    let first = u32::try_from(self.fragments.len()).unwrap_or(NONE);
                    self.fragments.extend_from_slice(&run);
                    self.runs.insert((tool, run), first);
                    first
                }
            };
            self.first.push(first);
        }
    }
}

/// Runs of a few cells, each once.
#[derive(Default)]
struct Pieces {
    all: Vec<[u32; piece::CELLS]>,
    ids: HashMap<[u32; piece::CELLS], u32>,
}

impl Pieces {
    fn intern(&mut self, cells: &[u32]) -> u32 {
        let mut piece = [NONE; piece::CELLS];
        piece.iter_mut().zip(cells).for_each(|(place, cell)| *place = *cell);
        *self.ids.entry(piece).or_insert_with(|| {
            self.all.push(piece);
            u32::try_from(self.all.len() - 1).unwrap_or(NONE)
        })
    }
}
