//! What one table says of one action in one placement, and what must hold of a call for it to say so.
//!
//! A [`Side`] is alternatives of which every call takes one: a refusal, or a cell, each under premises (before its
//! end, with declared arguments, as this variant). An outcome asked of it gives [`Goal`]s, one of which must be met.

use std::sync::Arc;

use polity_runtime::decide::{Code, Outcome};
use polity_runtime::table::{ActionId, CellId, NONE, Table, record};
use polity_runtime::value::Slot;

use super::frame::Frame;
use super::{Answers, ERROR, Fault, Imported, NO, Space, YES};
use crate::ir::{Constant, Op, Term, Test};
use crate::table::diagram::Diagram;
use crate::table::hash::HashMap;

/// A guard must come to one of these answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Literal {
    /// The guard.
    pub diagram: Diagram,
    /// The answers.
    pub allowed: Answers,
}

/// Of each list one must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goal {
    /// The lists.
    pub clauses: Vec<Vec<Literal>>,
}

impl Goal {
    /// With one more that must hold.
    pub fn and(mut self, diagram: Diagram, allowed: Answers) -> Self {
        self.clauses.push(vec![Literal { diagram, allowed }]);
        self
    }

    /// What meets both.
    pub fn with(&self, other: &Goal) -> Self {
        Self {
            clauses: self.clauses.iter().chain(&other.clauses).cloned().collect(),
        }
    }
}

/// A rule of a cell. Equal ones say the same; where they stand among others does not matter.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name, in [`Rules`].
    pub rule: u32,
    /// When it matches.
    pub guard: Diagram,
    /// What it asks of people, in [`Rules`].
    pub approval: Option<u32>,
    /// Its own limit: calls, in so many milliseconds; none for none.
    pub limit: Option<(u32, u32)>,
    /// Its place among all rules of its cell by name.
    pub order: u32,
}

impl Entry {
    fn said(&self) -> (u32, Diagram, Option<u32>, Option<(u32, u32)>) {
        (self.rule, self.guard, self.approval, self.limit)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.said() == other.said()
    }
}

impl Eq for Entry {}

impl std::hash::Hash for Entry {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.said().hash(state);
    }
}

/// The rules that reach an action, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CellRules {
    /// What refuses.
    pub denies: Vec<Entry>,
    /// What allows.
    pub grants: Vec<Entry>,
    /// What asks.
    pub gates: Vec<Entry>,
}

/// What is decided under some premises.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Decided {
    /// No rule is asked.
    Refused(Code),
    /// The rules of a cell decide.
    Cell(Arc<CellRules>),
}

/// One of the ways that a call can take.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alternative {
    /// What must hold for a call to take it.
    pub premises: Vec<Literal>,
    /// What is decided then.
    pub decided: Decided,
}

/// What a table says of an action in a placement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Side {
    /// Every call takes one.
    pub alternatives: Vec<Alternative>,
}

/// What rules are called and what they ask, over all tables.
#[derive(Debug, Default)]
pub struct Rules {
    names: Vec<String>,
    name_ids: HashMap<String, u32>,
    approvals: Vec<Asks>,
    approval_ids: HashMap<Asks, u32>,
}

/// What a rule asks of people, as it was written: who is behind a group's name is not a cell's affair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asks {
    /// So many of these.
    pub require: Vec<(u32, Vec<String>)>,
    /// Milliseconds to answer.
    pub timeout: i64,
    /// The owner and whoever the agent works for do not count.
    pub separation: bool,
    /// 0 forge, 1 signed, 2 present.
    pub evidence: u32,
}

impl Asks {
    /// Whether whoever satisfies this one has satisfied the other.
    pub fn covers(&self, other: &Asks) -> bool {
        let mut mine: Vec<&(u32, Vec<String>)> = self.require.iter().collect();
        let met = other.require.iter().all(|(count, from)| {
            // Each person counts once, so each requirement is met by one of its own.
            let found = mine
                .iter()
                .position(|(own, people)| own >= count && people.iter().all(|one| from.contains(one)));
            found.map(|at| mine.remove(at)).is_some()
        });
        met && self.timeout <= other.timeout && self.separation >= other.separation && self.evidence >= other.evidence
    }
}

impl Rules {
    /// A rule's name.
    pub fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("", String::as_str)
    }

    /// What is asked.
    pub fn asks(&self, id: u32) -> Option<&Asks> {
        self.approvals.get(id as usize)
    }

    fn rule(&mut self, name: &str) -> u32 {
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.name_ids.insert(name.to_owned(), id);
        id
    }

    fn approval(&mut self, asks: Asks) -> u32 {
        if let Some(id) = self.approval_ids.get(&asks) {
            return *id;
        }
        let id = u32::try_from(self.approvals.len()).unwrap_or(u32::MAX);
        self.approvals.push(asks.clone());
        self.approval_ids.insert(asks, id);
        id
    }
}

/// Makes the sides of one table.
#[derive(Debug)]
pub struct Sides<'t> {
    imported: Imported<'t>,
    /// 0 the first of two tables, 1 the second.
    which: usize,
    /// Of each rule of the table, its name in [`Rules`].
    rules: Vec<u32>,
    approvals: HashMap<u32, u32>,
    cells: HashMap<(u32, u32), Arc<CellRules>>,
}

impl<'t> Sides<'t> {
    /// The sides of the first table (0) or the second (1).
    pub fn new(imported: Imported<'t>, which: usize, rules: &mut Rules) -> Self {
        let table = imported.table;
        let names = table.data().rules.iter();
        let rules = names.map(|r| rules.rule(table.string(r[record::rule::NAME]))).collect();
        Self {
            imported,
            which,
            rules,
            approvals: HashMap::default(),
            cells: HashMap::default(),
        }
    }

    /// The table.
    pub fn table(&self) -> &'t Table {
        self.imported.table
    }

    /// What the table says of an action whose tool was given, with this fragment, until a moment. `renaming` tells
    /// frames in which the slots have other numbers from one another; 0 is for those in which they keep theirs.
    pub fn side(
        &mut self,
        space: &mut Space,
        rules: &mut Rules,
        frame: &Frame,
        renaming: u32,
        (fragment, until): (u32, i64),
        action: ActionId,
    ) -> Side {
        let ways = self.ways(space, rules, frame, renaming, (fragment, until), action);
        Side {
            alternatives: ways.into_iter().map(|(_, way)| way).collect(),
        }
    }

    /// The alternatives of [`Self::side`], each with the action that a call is taken as there.
    pub fn ways(
        &mut self,
        space: &mut Space,
        rules: &mut Rules,
        frame: &Frame,
        renaming: u32,
        (fragment, until): (u32, i64),
        action: ActionId,
    ) -> Vec<(Option<ActionId>, Alternative)> {
        let table = self.imported.table;
        let mut alternatives = Vec::new();
        let mut premises = Vec::new();
        if until != i64::MAX {
            let before = test(space, Op::Less, Term::Now, Term::Constant(Constant::DateTime(until)));
            alternatives.push((None, refused(&premises, before, NO, Code::NotAdmitted)));
            premises.push(literal(before, YES));
        }
        if !frame.is_shared() {
            let undeclared = undeclared(space, &frame.undeclared(self.which));
            if undeclared != Diagram::NO {
                alternatives.push((None, refused(&premises, undeclared, YES, Code::UndeclaredArgument)));
                premises.push(literal(undeclared, NO));
            }
        }
        let variants: Vec<_> = table.variants(action).collect();
        if variants.is_empty() {
            let decided = self.decided(space, rules, frame, renaming, fragment, action);
            alternatives.push((Some(action), Alternative { premises, decided }));
            return alternatives;
        }
        for (guard, variant) in variants {
            let guard = self.guard(space, frame, renaming, guard.0);
            let decided = self.decided(space, rules, frame, renaming, fragment, variant);
            let mut taken = premises.clone();
            taken.push(literal(guard, YES));
            let taken = Alternative {
                premises: taken,
                decided,
            };
            alternatives.push((Some(variant), taken));
            alternatives.push((None, refused(&premises, guard, ERROR, Code::Unclassified)));
            premises.push(literal(guard, NO));
        }
        let untaken = Alternative {
            premises,
            decided: Decided::Refused(Code::Unclassified),
        };
        alternatives.push((None, untaken));
        // What its own premises rule out is no way at all.
        alternatives.retain(|(_, one)| {
            one.premises
                .iter()
                .all(|premise| space.reach(premise.diagram) & premise.allowed != 0)
        });
        alternatives
    }

    /// A guard where slots keep their numbers.
    pub(crate) fn plain(&self, guard: u32) -> Diagram {
        self.imported.guard(guard)
    }

    fn guard(&mut self, space: &mut Space, frame: &Frame, renaming: u32, guard: u32) -> Diagram {
        if renaming == 0 || self.which == 0 {
            return self.imported.guard(guard);
        }
        let made = self
            .imported
            .renamed(space, guard, renaming, &|slot: Slot| frame.second(slot));
        space.settle();
        made
    }

    fn decided(
        &mut self,
        space: &mut Space,
        rules: &mut Rules,
        frame: &Frame,
        renaming: u32,
        fragment: u32,
        action: ActionId,
    ) -> Decided {
        match self.imported.table.cell_id(fragment, action) {
            Some(id) => self.cell(space, rules, frame, renaming, id),
            None => Decided::Refused(Code::NoGrant),
        }
    }

    /// What a cell decides.
    pub(crate) fn cell(
        &mut self,
        space: &mut Space,
        rules: &mut Rules,
        frame: &Frame,
        renaming: u32,
        id: CellId,
    ) -> Decided {
        let table = self.imported.table;
        let Some(cell) = table.cell(id) else {
            return Decided::Refused(Code::NoGrant);
        };
        if cell.ceiling {
            return Decided::Refused(Code::RingCeiling);
        }
        let CellId(at) = id;
        if let Some(known) = self.cells.get(&(at, renaming)) {
            return Decided::Cell(Arc::clone(known));
        }
        // Grants and gates are told apart by name, so their places are those among both.
        let mut order: Vec<u32> = cell.grants.iter().chain(cell.gates).map(|[rule, _, _]| *rule).collect();
        order.sort_unstable();
        let mut lists = [cell.denies, cell.grants, cell.gates].map(|entries| {
            let entry = |&[rule, guard, approval]: &[u32; 3]| Entry {
                order: u32::try_from(order.partition_point(|other| *other < rule)).unwrap_or(u32::MAX),
                rule: self.rules.get(rule as usize).copied().unwrap_or(u32::MAX),
                guard: self.guard(space, frame, renaming, guard),
                approval: (approval != NONE).then(|| self.approval(rules, approval)),
                limit: limit(table, rule),
            };
            entries.iter().map(entry).collect::<Vec<_>>()
        });
        let [denies, grants, gates] = &mut lists;
        let made = Arc::new(CellRules {
            denies: std::mem::take(denies),
            grants: std::mem::take(grants),
            gates: std::mem::take(gates),
        });
        self.cells.insert((at, renaming), Arc::clone(&made));
        Decided::Cell(made)
    }

    fn approval(&mut self, rules: &mut Rules, id: u32) -> u32 {
        use record::{approval as a, requirement as q};
        if let Some(known) = self.approvals.get(&id) {
            return *known;
        }
        let data = self.imported.table.data();
        let Some(r) = data.approvals.get(id as usize) else {
            return u32::MAX;
        };
        let range = |first: u32, count: u32| first as usize..(first as usize).saturating_add(count as usize);
        let requirements = data
            .requirements
            .get(range(r[a::REQUIREMENTS], r[a::REQUIREMENT_COUNT]))
            .unwrap_or_default();
        let requirement = |one: &[u32; 5]| {
            let from = data
                .words
                .get(range(one[q::FROM], one[q::FROM_COUNT]))
                .unwrap_or_default();
            let from = from.iter().map(|id| self.imported.table.string(*id).to_owned());
            (one[q::COUNT], from.collect())
        };
        let mut require: Vec<(u32, Vec<String>)> = requirements.iter().map(requirement).collect();
        require.sort();
        let asks = Asks {
            require,
            timeout: (u64::from(r[a::TIMEOUT]) | (u64::from(r[a::TIMEOUT + 1]) << 32)).cast_signed(),
            separation: r[a::SEPARATION] != 0,
            evidence: r[a::EVIDENCE],
        };
        let made = rules.approval(asks);
        self.approvals.insert(id, made);
        made
    }
}

impl Side {
    /// A side that refuses every call.
    pub fn refused(code: Code) -> Self {
        Self {
            alternatives: vec![Alternative {
                premises: Vec::new(),
                decided: Decided::Refused(code),
            }],
        }
    }

    /// What must hold of a call for this outcome: one of these.
    pub fn goals(&self, outcome: Outcome, fault: Option<Fault>) -> Vec<Goal> {
        self.alternatives
            .iter()
            .flat_map(|one| one.goals(outcome, fault))
            .collect()
    }
}

impl Alternative {
    /// What must hold of a call for it to be taken.
    pub fn premise(&self) -> Goal {
        Goal {
            clauses: self.premises.iter().map(|premise| vec![*premise]).collect(),
        }
    }

    /// What must hold of a call for this outcome here: one of these.
    pub fn goals(&self, outcome: Outcome, fault: Option<Fault>) -> Vec<Goal> {
        let cell = match (&self.decided, outcome) {
            (Decided::Refused(_), Outcome::Deny) => return vec![self.premise()],
            (Decided::Refused(_), _) => return Vec::new(),
            (Decided::Cell(cell), _) => cell,
        };
        let grants = match (fault, cell.grants.split_last()) {
            (Some(Fault::LastGrant), Some((_, rest))) if !rest.is_empty() => rest,
            _ => cell.grants.as_slice(),
        };
        let some = |goal: Goal, literals: Vec<Literal>| {
            let mut goal = goal;
            goal.clauses.push(literals);
            goal
        };
        let undenied = || {
            cell.denies
                .iter()
                .fold(self.premise(), |goal, deny| goal.and(deny.guard, NO))
        };
        match outcome {
            Outcome::Deny => {
                let mut goals = Vec::new();
                if !cell.denies.is_empty() {
                    let denies = cell.denies.iter().map(|deny| literal(deny.guard, YES | ERROR));
                    goals.push(some(self.premise(), denies.collect()));
                }
                let ungranted = grants
                    .iter()
                    .fold(self.premise(), |goal, grant| goal.and(grant.guard, NO | ERROR));
                goals.push(ungranted);
                goals
            }
            Outcome::RequireApproval => {
                let granted = grants.iter().map(|grant| literal(grant.guard, YES));
                let binding = binding(cell).map(|entry| literal(entry.guard, YES | ERROR));
                vec![some(some(undenied(), granted.collect()), binding.collect())]
            }
            Outcome::Allow => {
                let unasked = binding(cell).fold(undenied(), |goal, entry| goal.and(entry.guard, NO));
                let plain = grants.iter().filter(|grant| grant.approval.is_none());
                vec![some(unasked, plain.map(|grant| literal(grant.guard, YES)).collect())]
            }
        }
    }
}

/// What asks people when it matches or errs: gates, and grants that carry an approval.
pub(crate) fn binding(cell: &CellRules) -> impl Iterator<Item = &Entry> {
    let grants = cell.grants.iter().filter(|grant| grant.approval.is_some());
    grants.chain(&cell.gates)
}

fn limit(table: &Table, rule: u32) -> Option<(u32, u32)> {
    let r = table.data().rules.get(rule as usize)?;
    (r[record::rule::LIMIT] > 0).then(|| (r[record::rule::LIMIT], r[record::rule::LIMIT_PER]))
}

pub(crate) fn literal(diagram: Diagram, allowed: Answers) -> Literal {
    Literal { diagram, allowed }
}

fn refused(premises: &[Literal], diagram: Diagram, allowed: Answers, code: Code) -> Alternative {
    let mut premises = premises.to_vec();
    premises.push(literal(diagram, allowed));
    Alternative {
        premises,
        decided: Decided::Refused(code),
    }
}

/// A diagram of one test.
fn test(space: &mut Space, op: Op, left: Term, right: Term) -> Diagram {
    let id = space.diagrams.intern(&Test { op, left, right });
    let made = space.diagrams.node(id, Diagram::YES, Diagram::NO, Diagram::ERROR);
    space.settle();
    made
}

/// Whether any of these is there.
fn undeclared(space: &mut Space, slots: &[Slot]) -> Diagram {
    let mut made = Diagram::NO;
    for slot in slots.iter().rev() {
        let id = space.diagrams.intern(&Test {
            op: Op::Has,
            left: Term::Slot(*slot),
            right: Term::Nothing,
        });
        made = space.diagrams.node(id, Diagram::YES, made, Diagram::ERROR);
    }
    space.settle();
    made
}
