//! Which calls a rule can match, and which of them are left to it by the denies beside it: guards and cells in, proofs
//! that there is none out.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::table::{ActionId, Table};

use crate::ast::RuleEffect;
use crate::ir::{ConditionId, RuleSet, Typed};
use crate::resolve::Organization;
use crate::resolve::shape::ShapeId;
use crate::search::{
    Answers, ERROR, Found, Frame, Goal, Imported, Literal, NO, Shapes, Solver, Space, Theory, YES, reached,
};
use crate::table::diagram::Diagram;
use crate::table::hash::HashMap;
use crate::table::is_of_call;

/// Steps of one look. A rule that decides some call is nearly always seen to in fewer; picked by gut feeling.
const STEPS: u32 = 400;
/// Looks at one rule before nothing is said of it: a rule of every agent and action stands in thousands of cells.
const MOST_LOOKS: usize = 64;

/// Guards and cells, by rule.
pub(super) struct Reach<'r> {
    organization: &'r Organization,
    space: Space,
    frames: HashMap<ActionId, Frame>,
    classes: Vec<String>,
    /// Of each rule, its guards and what they are over.
    guards: Vec<BTreeSet<(Diagram, ActionId)>>,
    /// Of each rule, where it stands; `None` where some cell has no deny beside it, or where there are too many.
    stands: Vec<Option<BTreeSet<Stand>>>,
    /// Of each condition that looks at the call alone, its diagram, and an action for each shape that it is over.
    conditions: HashMap<ConditionId, (Diagram, BTreeSet<ActionId>)>,
}

/// A guard of a rule, over the arguments of an action, and the denies beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Stand {
    guard: Diagram,
    shape: ActionId,
    denies: Vec<(usize, Diagram)>,
}

/// What leaves a rule nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shadow {
    /// These denies together.
    By(Vec<usize>),
    /// A deny of the very same calls.
    Same(usize),
}

impl<'r> Reach<'r> {
    /// `None` for a table that cannot be read.
    pub(super) fn new(organization: &'r Organization, rules: &RuleSet, table: &Table) -> Option<Self> {
        let mut space = Space::default();
        let imported = Imported::new(table, &mut space)?;
        let shapes = Shapes::new(table);
        let mut guards = vec![BTreeSet::new(); organization.rules.len()];
        let mut stands = vec![Some(BTreeSet::new()); organization.rules.len()];
        let mut frames = HashMap::default();
        for (cell, shape) in reached(table, &shapes) {
            let Some(cell) = table.cell(cell) else { continue };
            frames.entry(shape).or_insert_with(|| Frame::alone(table, shape));
            let place = |[rule, guard, _]: &[u32; 3]| (*rule as usize, imported.guard(*guard));
            let denies: Vec<(usize, Diagram)> = cell.denies.iter().map(place).collect();
            for (rule, guard) in cell.denies.iter().chain(cell.grants).chain(cell.gates).map(place) {
                if let Some(guards) = guards.get_mut(rule).filter(|guards| guards.len() <= MOST_LOOKS) {
                    guards.insert((guard, shape));
                }
                let Some(of_rule) = stands.get_mut(rule) else { continue };
                let Some(some) = of_rule.as_mut() else { continue };
                let others = denies.iter().filter(|(other, _)| *other != rule);
                let denies: Vec<(usize, Diagram)> = others.copied().collect();
                if denies.is_empty() || some.len() >= MOST_LOOKS {
                    *of_rule = None;
                } else {
                    some.insert(Stand { guard, shape, denies });
                }
            }
        }
        let mut reach = Self {
            organization,
            space,
            frames,
            classes: organization
                .classes
                .iter()
                .map(|class| class.name.value.clone())
                .collect(),
            guards,
            stands,
            conditions: HashMap::default(),
        };
        reach.conditions(rules, table, &shapes);
        Some(reach)
    }

    fn conditions(&mut self, rules: &RuleSet, table: &Table, shapes: &Shapes) {
        // Any action of a shape has its arguments.
        let mut example: BTreeMap<ShapeId, ActionId> = BTreeMap::new();
        for (id, action) in (0u32..).map(ActionId).zip(&self.organization.actions) {
            example.entry(action.shape).or_insert(shapes.of(id));
        }
        let written = rules
            .bodies
            .iter()
            .flat_map(|body| [&body.when, &body.unless])
            .flatten();
        for typed in written {
            // What looks at the action or the resource is told from its guards only.
            let Typed::ByShape(ids) = typed else { continue };
            for (shape, id) in ids {
                let (Some(example), Some(condition)) = (
                    example.get(shape),
                    rules.conditions.get(id.0 as usize).filter(|one| is_of_call(one)),
                ) else {
                    continue;
                };
                if !self.conditions.contains_key(id) {
                    let Ok(diagram) = self.space.diagrams.build(condition) else {
                        continue;
                    };
                    self.conditions.insert(*id, (diagram, BTreeSet::new()));
                }
                if let Some((_, over)) = self.conditions.get_mut(id) {
                    over.insert(*example);
                }
                self.frames
                    .entry(*example)
                    .or_insert_with(|| Frame::alone(table, *example));
            }
        }
        self.space.settle();
    }

    /// Whether some deployment can come to the rule.
    pub(super) fn is_reached(&self, rule: usize) -> bool {
        self.guards.get(rule).is_some_and(|guards| !guards.is_empty())
    }

    /// Whether a call may match the rule.
    pub(super) fn can_match(&self, rule: usize) -> bool {
        let Some(guards) = self.guards.get(rule) else {
            return true;
        };
        let wanted = self.matching(rule);
        let met = |(guard, shape): &(Diagram, ActionId)| self.possible(*shape, &Goal::default().and(*guard, wanted));
        guards.len() > MOST_LOOKS || guards.iter().any(met)
    }

    /// Whether a condition may come to one of these answers; true of what is not known.
    pub(super) fn can_be(&self, condition: ConditionId, answers: Answers) -> bool {
        self.conditions.get(&condition).is_none_or(|(diagram, over)| {
            over.iter()
                .any(|shape| self.possible(*shape, &Goal::default().and(*diagram, answers)))
        })
    }

    /// The denies that leave a rule no call, those that are gone left out; `None` where they may leave it one.
    pub(super) fn shadow(&self, rule: usize, gone: &BTreeSet<usize>) -> Option<Shadow> {
        let wanted = self.matching(rule);
        let stands = self.stands.get(rule)?.as_ref()?;
        let left = |stand: &Stand| -> Vec<(usize, Diagram)> {
            let denies = stand.denies.iter().filter(|(deny, _)| !gone.contains(deny));
            denies.copied().collect()
        };
        let stands: BTreeSet<Stand> = stands
            .iter()
            .map(|stand| Stand {
                denies: left(stand),
                ..stand.clone()
            })
            .collect();
        if stands.iter().any(|stand| stand.denies.is_empty()) {
            return None;
        }
        let leaves = |stand: &Stand, denies: &[(usize, Diagram)]| {
            let own = Goal::default().and(stand.guard, wanted);
            let goal = denies.iter().fold(own, |goal, (_, deny)| goal.and(*deny, NO));
            self.possible(stand.shape, &goal)
        };
        if stands.iter().any(|stand| leaves(stand, &stand.denies)) {
            return None;
        }
        // One that does it everywhere says more than all that stand there.
        let mut common: Option<BTreeSet<usize>> = None;
        for stand in &stands {
            let denies: BTreeSet<usize> = stand.denies.iter().map(|(deny, _)| *deny).collect();
            common = Some(match common {
                Some(common) => common.intersection(&denies).copied().collect(),
                None => denies,
            });
        }
        let alone = common.into_iter().flatten().find(|deny| {
            stands.iter().all(|stand| {
                let only: Vec<_> = stand.denies.iter().filter(|(one, _)| one == deny).copied().collect();
                !leaves(stand, &only)
            })
        });
        Some(match alone {
            Some(deny) if self.is_same(rule, deny) => Shadow::Same(deny),
            Some(deny) => Shadow::By(vec![deny]),
            None => {
                let all: BTreeSet<usize> = stands
                    .iter()
                    .flat_map(|stand| stand.denies.iter().map(|(deny, _)| *deny))
                    .collect();
                Shadow::By(all.into_iter().collect())
            }
        })
    }

    /// Whether an allow or a gate and a deny stand in the same places with the same guards.
    fn is_same(&self, rule: usize, deny: usize) -> bool {
        let of = |rule: usize| self.guards.get(rule);
        let scope = |rule: usize| self.organization.rules.get(rule).map(|rule| &rule.scope);
        self.effect(rule) != Some(RuleEffect::Deny)
            && of(rule) == of(deny)
            && scope(rule).zip(scope(deny)).is_some_and(|(a, b)| {
                (&a.deployments, &a.rings, &a.environments, &a.actions)
                    == (&b.deployments, &b.rings, &b.environments, &b.actions)
            })
    }

    fn effect(&self, rule: usize) -> Option<RuleEffect> {
        self.organization.rules.get(rule).map(|rule| rule.effect)
    }

    /// The answers with which a rule matches.
    fn matching(&self, rule: usize) -> Answers {
        match self.effect(rule) {
            Some(RuleEffect::Allow) => YES,
            _ => YES | ERROR,
        }
    }

    /// Whether a call may meet the goal: false only where there is none.
    fn possible(&self, shape: ActionId, goal: &Goal) -> bool {
        // Most rules ask nothing of the call.
        let settled = |clause: &Vec<Literal>| clause.iter().any(|one| met(one.diagram, one.allowed));
        if goal.clauses.iter().all(settled) {
            return true;
        }
        let Some(frame) = self.frames.get(&shape) else {
            return true;
        };
        let theory = Theory::new(frame, &self.classes, None);
        let mut solver = Solver::new(&self.space, theory).within(STEPS);
        !matches!(solver.solve(goal, &mut |_, _| Some(())), Found::Never)
    }
}

/// Whether a diagram is settled, as wanted.
fn met(diagram: Diagram, allowed: Answers) -> bool {
    match diagram {
        Diagram::YES => allowed & YES != 0,
        Diagram::NO => allowed & NO != 0,
        Diagram::ERROR => allowed & ERROR != 0,
        _ => false,
    }
}
