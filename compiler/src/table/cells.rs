//! Placements to signatures, signatures to fragments, fragments to cells.

use std::collections::BTreeSet;

use polity_runtime::table::record::piece;
use polity_runtime::table::{ActionId, DeploymentId, EnvironmentId, NONE, RingId, ToolId};
use rayon::prelude::*;

use super::Row;
use super::diagram::{Diagram, Diagrams};
use super::guards::{Context, Guards, Seen, Views};
use super::hash::HashMap;
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
pub(super) fn make(organization: &Organization, rules: &RuleSet) -> Result<Cells, Vec<usize>> {
    let views = Views::new(organization, rules);
    let mut guards = Guards::new(organization, rules, &views);
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
    let mut seen: HashMap<Seen, u32> = HashMap::default();
    let mut all_seen: Vec<Seen> = Vec::new();
    let mut fragments: HashMap<(ToolId, Signature), u32> = HashMap::default();
    let mut runs: HashMap<(ToolId, Vec<u32>), u32> = HashMap::default();
    let mut cells = Cells {
        diagrams: Diagrams::default(),
        rows: Vec::new(),
        fragments: Vec::new(),
        pieces: Vec::new(),
        cells: Vec::new(),
        variants: Vec::new(),
    };
    let mut cell_ids: HashMap<CellDraft, u32> = HashMap::default();
    let mut pieces = Pieces::default();
    let mut made = HashMap::default();
    let mut too_large = BTreeSet::new();
    for some in placements.chunks(AT_ONCE) {
        let sifted: Vec<Sifted> = some
            .par_iter()
            .map(|(id, deployment, placement)| reach.sift(*id, deployment, placement))
            .collect();
        for ((_, _, placement), mut sifted) in some.iter().zip(sifted) {
            let numbers: Vec<u32> = sifted
                .seen
                .into_iter()
                .map(|view| {
                    let next = u32::try_from(all_seen.len()).unwrap_or(u32::MAX);
                    *seen.entry(view).or_insert_with_key(|view| {
                        all_seen.push(view.clone());
                        next
                    })
                })
                .collect();
            for (_, view) in sifted.by_tool.iter_mut().flatten() {
                *view = numbers.get(*view as usize).copied().unwrap_or(u32::MAX);
            }
            let by_tool = sifted.by_tool;
            let ceiling = ceiling(organization, placement);
            let mut row = Row::new();
            for (tool, of_tool) in placement.given.iter().zip(by_tool) {
                let key = (*tool, (of_tool, ceiling));
                let fragment = match fragments.get(&key) {
                    Some(fragment) => *fragment,
                    None => {
                        let mut maker = Maker {
                            organization,
                            guards: &mut guards,
                            seen: &all_seen,
                            made: &mut made,
                            too_large: &mut too_large,
                        };
                        let mut run = Vec::new();
                        for cell in maker.cells(*tool, &key.1.0, placement) {
                            let next = u32::try_from(cells.cells.len()).unwrap_or(u32::MAX);
                            let id = *cell_ids.entry(cell).or_insert_with_key(|cell| {
                                cells.cells.push(cell.clone());
                                next
                            });
                            run.push(id);
                        }
                        // Signatures that differ may come to the same cells.
                        let run: Vec<u32> = run.chunks(piece::CELLS).map(|cells| pieces.intern(cells)).collect();
                        let first = match runs.get(&(*tool, run.clone())) {
                            Some(first) => *first,
                            None => {
                                let first = u32::try_from(cells.fragments.len()).unwrap_or(u32::MAX);
                                cells.fragments.extend_from_slice(&run);
                                runs.insert((*tool, run), first);
                                first
                            }
                        };
                        fragments.insert(key, first);
                        first
                    }
                };
                row.push((*tool, fragment));
            }
            cells.rows.push(row);
        }
    }
    for tests in &rules.variants {
        cells.variants.push(
            tests
                .iter()
                .map(|test| guards.variant(*test).unwrap_or(Diagram::ERROR))
                .collect(),
        );
    }
    cells.pieces = pieces.all;
    cells.diagrams = guards.into_diagrams();
    if too_large.is_empty() {
        Ok(cells)
    } else {
        Err(too_large.into_iter().collect())
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

struct Maker<'m, 'g> {
    organization: &'m Organization,
    guards: &'m mut Guards<'g>,
    seen: &'m [Seen],
    made: &'m mut HashMap<(u32, u32, u32), Made>,
    too_large: &'m mut BTreeSet<usize>,
}

/// What a rule comes to for an action, where it sees the same of the placement: its guard, the guard of its
/// observation, and what it asks of people.
type Made = (Diagram, Diagram, Option<Option<TeamId>>);

impl Maker<'_, '_> {
    /// The cells of a tool's actions, in their order.
    fn cells(&mut self, tool: ToolId, rules: &[(u32, u32)], placement: &Placement) -> Vec<CellDraft> {
        let organization = self.organization;
        let Some(tool) = organization.tools.get(tool.0 as usize) else {
            return Vec::new();
        };
        let ring = organization.rings.get(placement.ring.0 as usize);
        let draft = |at: u32| CellDraft {
            ceiling: ring
                .zip(organization.actions.get(at as usize))
                .is_some_and(|(ring, action)| {
                    !ring.effects.contains(&action.effect) || (!action.reversible && !ring.irreversible)
                }),
            ..CellDraft::default()
        };
        let mut cells: Vec<CellDraft> = (tool.first_action..tool.first_action + tool.action_count)
            .map(draft)
            .collect();
        for (id, view) in rules {
            let Some(rule) = organization.rules.get(*id as usize) else {
                continue;
            };
            for action in rule.scope.actions_of(tool) {
                match cells.get_mut((action.0 - tool.first_action) as usize) {
                    Some(cell) if !cell.ceiling => self.put(cell, *id, *view, action, rule),
                    _ => {}
                }
            }
        }
        cells
    }

    /// Puts a rule into the lists where it belongs.
    fn put(&mut self, cell: &mut CellDraft, id: u32, view: u32, action: ActionId, rule: &Rule) {
        let made = self.made.get(&(id, view, action.0)).copied();
        let Some((guard, observed, approval)) = made.or_else(|| self.entry(id, view, action, rule)) else {
            return;
        };
        if guard != Diagram::NO {
            let list = match rule.effect {
                RuleEffect::Deny => &mut cell.denies,
                RuleEffect::Allow => &mut cell.grants,
                RuleEffect::RequireApproval => &mut cell.gates,
            };
            list.push(EntryDraft {
                rule: id,
                guard,
                approval,
            });
        }
        if observed != Diagram::NO {
            cell.observed.push(EntryDraft {
                rule: id,
                guard: observed,
                approval: None,
            });
        }
    }
}

impl Maker<'_, '_> {
    /// Makes the guards of a rule, and keeps them. Gives `None`, and takes note, where they are too large.
    fn entry(&mut self, id: u32, view: u32, action: ActionId, rule: &Rule) -> Option<Made> {
        let seen = self.seen.get(view as usize)?;
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

/// Which rules reach which placements and tools, found without asking each rule of each placement.
struct Reach<'r> {
    organization: &'r Organization,
    views: &'r Views<'r>,
    /// Rules that name deployments, by deployment.
    named: HashMap<DeploymentId, Vec<u32>>,
    /// Rules that reach every deployment, by what they reach.
    open: HashMap<(ToolId, RingId, EnvironmentId), Vec<u32>>,
    /// Of each rule, a bit a tool.
    tools: Vec<Vec<u64>>,
}

/// What reaches a placement.
struct Sifted {
    /// What rules see of it, each once.
    seen: Vec<Seen>,
    /// Of each tool that it was given, the rules that cover an action of it, by id, each with what it sees.
    by_tool: Vec<Vec<(u32, u32)>>,
}

impl<'r> Reach<'r> {
    fn new(organization: &'r Organization, views: &'r Views<'r>) -> Self {
        let mut named: HashMap<DeploymentId, Vec<u32>> = HashMap::default();
        let mut everywhere = Vec::new();
        let words = organization.tools.len().div_ceil(64);
        let mut tools = Vec::new();
        for (id, rule) in (0u32..).zip(&organization.rules) {
            match &rule.scope.deployments {
                Some(list) => list
                    .iter()
                    .for_each(|deployment| named.entry(*deployment).or_default().push(id)),
                None => everywhere.push((id, rule)),
            }
            let mut bits = vec![0u64; words];
            let mut touch = |action: &crate::resolve::Action| {
                if let Some(word) = bits.get_mut((action.tool.0 / 64) as usize) {
                    *word |= 1 << (action.tool.0 % 64);
                }
            };
            match &rule.scope.actions {
                Some(list) => list
                    .iter()
                    .filter_map(|id| organization.actions.get(id.0 as usize))
                    .for_each(&mut touch),
                None => organization.actions.iter().for_each(&mut touch),
            }
            tools.push(bits);
        }
        let mut reach = Self {
            organization,
            views,
            named,
            open: HashMap::default(),
            tools,
        };
        for placement in organization.deployments.iter().flat_map(|one| &one.placements) {
            for tool in &placement.given {
                let key = (*tool, placement.ring, placement.environment);
                if !reach.open.contains_key(&key) {
                    let reaches = |(id, rule): &&(u32, &Rule)| {
                        reach.touches(*id, *tool) && rule.scope.takes_place(placement.ring, placement.environment)
                    };
                    let rules = everywhere.iter().filter(reaches).map(|(id, _)| *id).collect();
                    reach.open.insert(key, rules);
                }
            }
        }
        reach
    }

    /// The rules that reach a placement, by the tools that it was given.
    fn sift(&self, id: DeploymentId, deployment: &Deployment, placement: &Placement) -> Sifted {
        let takes = |rule: &&u32| {
            let rule = self.organization.rules.get(**rule as usize);
            rule.is_some_and(|rule| rule.scope.takes_place(placement.ring, placement.environment))
        };
        let named = self.named.get(&id).map_or(&[][..], Vec::as_slice);
        let named: Vec<u32> = named.iter().filter(takes).copied().collect();
        let mut seen = vec![Seen::default()];
        let mut numbers: HashMap<u32, u32> = HashMap::default();
        let mut see = |rule: u32| {
            if self.views.sees_nothing(rule) {
                return (rule, 0);
            }
            let number = *numbers.entry(rule).or_insert_with(|| {
                let view = self.views.see(rule, id, deployment, placement);
                let known = seen.iter().position(|known| *known == view).unwrap_or_else(|| {
                    seen.push(view);
                    seen.len() - 1
                });
                u32::try_from(known).unwrap_or(u32::MAX)
            });
            (rule, number)
        };
        let mut by_tool = Vec::with_capacity(placement.given.len());
        for tool in &placement.given {
            let open = self.open.get(&(*tool, placement.ring, placement.environment));
            let open = open.map_or(&[][..], Vec::as_slice);
            let mut of_tool = Vec::with_capacity(open.len() + named.len());
            // Both are sorted, and no rule is in both.
            let mut open = open.iter().copied().peekable();
            for rule in named.iter().copied().filter(|rule| self.touches(*rule, *tool)) {
                while let Some(before) = open.next_if(|before| *before < rule) {
                    of_tool.push(see(before));
                }
                of_tool.push(see(rule));
            }
            of_tool.extend(open.map(&mut see));
            by_tool.push(of_tool);
        }
        Sifted { seen, by_tool }
    }

    /// Whether a rule covers an action of the tool.
    fn touches(&self, rule: u32, tool: ToolId) -> bool {
        let word = self
            .tools
            .get(rule as usize)
            .and_then(|bits| bits.get((tool.0 / 64) as usize));
        word.is_some_and(|word| word & (1 << (tool.0 % 64)) != 0)
    }
}
