//! Which rules the tests fire, and which edges of their guards they take.
//!
//! In: a table, and what an [`Observer`] of the runtime's own decision saw of each test. Out: for each rule whether it
//! fired, and its tests with the answers that no test of a policy gave. Nothing is evaluated here. An answer that no
//! call can get (`amount < 5` where `amount > 9` was said before) is none that a test could give, and does not count.
//!
//! A rule counts where it had a say: behind a deny that matched, neither grants nor gates do, and without a grant no
//! gate does. One rule has a guard for each class of calls; where two of them ask the same of arguments of the same
//! names, they are the same to whoever reads the rule, and count once.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::decide::{Kind, Observer};
use polity_runtime::explain::test_text;
use polity_runtime::guard::{Answer, Blame, Guard, Op, Side, Term, Test, Trace};
use polity_runtime::table::{ActionId, Cell, RuleId, Table, record};

use super::edges::Edges;
use crate::resolve::Organization;
use crate::search::{Shapes, reached};
use crate::source::Span;

/// What the tests reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By name.
    pub rules: Vec<RuleCoverage>,
}

/// What the tests reached of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCoverage {
    /// `policy/rule`
    pub name: String,
    /// The rule's own name, where it stands.
    pub span: Span,
    /// Some test made it match.
    pub fired: bool,
    /// Yes and no edges of its guards.
    pub edges: Ratio,
    /// Edges for what cannot be evaluated.
    pub errors: Ratio,
    /// Yes and no edges that no test took.
    pub missed: Vec<Missed>,
}

/// An edge that no test took.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missed {
    /// `context.args.amount <= 5000`
    pub test: String,
    /// The answer that it never gave.
    pub answer: Answer,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they are")]
pub struct Ratio {
    pub taken: u64,
    pub total: u64,
}

impl Ratio {
    /// In percent, rounded down: 100 is all of them. All of nothing is all.
    pub fn percent(self) -> u64 {
        (self.taken * 100).checked_div(self.total).unwrap_or(100)
    }

    fn add(&mut self, taken: bool) {
        self.total += 1;
        self.taken += u64::from(taken);
    }
}

impl Coverage {
    /// How many of the rules fired.
    pub fn fired(&self) -> Ratio {
        let mut fired = Ratio::default();
        self.rules.iter().for_each(|rule| fired.add(rule.fired));
        fired
    }

    /// How many of the yes and no edges were taken.
    pub fn edges(&self) -> Ratio {
        self.sum(|rule| rule.edges)
    }

    /// How many of the error edges were taken.
    pub fn errors(&self) -> Ratio {
        self.sum(|rule| rule.errors)
    }

    fn sum(&self, of: impl Fn(&RuleCoverage) -> Ratio) -> Ratio {
        self.rules.iter().map(of).fold(Ratio::default(), |sum, one| Ratio {
            taken: sum.taken + one.taken,
            total: sum.total + one.total,
        })
    }

    /// Whether both the rules and the edges reach a percentage.
    pub fn reaches(&self, percent: u64) -> bool {
        self.fired().percent() >= percent && self.edges().percent() >= percent
    }
}

/// Sees one decision: every rule that was asked, and the edges on the way through its guard.
#[derive(Debug, Default)]
pub(super) struct Walk {
    rules: Vec<Asked>,
    edges: Vec<(u32, Answer)>,
}

#[derive(Debug)]
struct Asked {
    kind: Kind,
    rule: RuleId,
    answer: Answer,
    /// The first of its edges.
    first: usize,
}

impl Trace for Walk {
    fn test(&mut self, node: u32, answer: Answer, _: Option<Blame>) {
        self.edges.push((node, answer));
    }
}

impl Observer for Walk {
    /// Of two denies that match both are tested, although either decides.
    const THOROUGH: bool = true;

    fn cell(&mut self, _: &Cell<'_>) {}

    fn enter(&mut self, kind: Kind, rule: RuleId) {
        self.rules.push(Asked {
            kind,
            rule,
            answer: Answer::Error,
            first: self.edges.len(),
        });
    }

    fn leave(&mut self, answer: Answer) {
        if let Some(last) = self.rules.last_mut() {
            last.answer = answer;
        }
    }
}

/// An edge of a rule's guard: the rule, the action that stands for the names of its arguments, the node, the answer.
type Edge = (RuleId, ActionId, u32, Answer);

/// What some tests reached.
#[derive(Debug, Default)]
pub(super) struct Tally {
    fired: BTreeSet<RuleId>,
    edges: BTreeSet<Edge>,
}

impl Tally {
    /// Takes in what a test saw, and makes the walk ready for the next.
    pub(super) fn add(&mut self, shapes: &Shapes, action: Option<ActionId>, walk: &mut Walk) {
        let shape = action.map_or(ActionId(u32::MAX), |action| shapes.of(action));
        let denied = walk.rules.iter().any(|asked| asked.kind == Kind::Deny && asked.fires());
        let granted = walk
            .rules
            .iter()
            .any(|asked| asked.kind == Kind::Grant && asked.fires());
        let ends = walk.rules.iter().skip(1).map(|asked| asked.first);
        for (asked, end) in walk.rules.iter().zip(ends.chain([walk.edges.len()])) {
            let counts = match asked.kind {
                Kind::Deny => true,
                Kind::Grant => !denied,
                Kind::Gate => !denied && granted,
                Kind::Observed | Kind::Variant => false,
            };
            if !counts {
                continue;
            }
            if asked.fires() {
                self.fired.insert(asked.rule);
            }
            let edges = walk.edges.get(asked.first..end).unwrap_or_default();
            self.edges
                .extend(edges.iter().map(|(node, answer)| (asked.rule, shape, *node, *answer)));
        }
        walk.rules.clear();
        walk.edges.clear();
    }

    /// Takes in what other tests reached.
    pub(super) fn append(&mut self, other: Self) {
        self.fired.extend(other.fired);
        self.edges.extend(other.edges);
    }
}

impl Asked {
    /// A deny or a gate that cannot be evaluated matches; a grant does not.
    fn fires(&self) -> bool {
        match self.kind {
            Kind::Grant => self.answer == Answer::Yes,
            _ => self.answer != Answer::No,
        }
    }
}

/// Puts what the tests reached beside what there is to reach, for the rules that `wanted` takes.
pub(super) fn coverage(
    organization: &Organization,
    table: &Table,
    shapes: &Shapes,
    tally: &Tally,
    wanted: impl Fn(&str) -> bool,
) -> Coverage {
    let mut points: BTreeMap<RuleId, BTreeMap<u32, Point>> = BTreeMap::new();
    let mut nodes = Nodes::new(table);
    for (rule, guard, shape) in guards(table, shapes) {
        if !wanted(table.rule_name(rule)) {
            continue;
        }
        let points = points.entry(rule).or_default();
        for (node, alike) in nodes.below(guard, shape) {
            let point = points.entry(alike).or_insert_with(|| Point {
                node,
                shape,
                taken: [false; 3],
                places: Vec::new(),
            });
            if point.places.len() <= MOST_PLACES {
                point.places.push((guard, shape, node));
            }
            for (taken, answer) in point.taken.iter_mut().zip(ANSWERS) {
                *taken |= tally.edges.contains(&(rule, shape, node, answer));
            }
        }
    }
    let mut edges = Edges::new(table);
    // Whether it was taken, or could have been.
    let mut counts = |point: &Point, taken: bool, answer: Answer| {
        let known = edges.as_mut().filter(|_| !taken && point.places.len() <= MOST_PLACES);
        known.is_none_or(|edges| {
            let mut places = point.places.iter();
            places.any(|(guard, shape, node)| edges.can_be_taken(*guard, *shape, *node, answer))
        })
    };
    // A rule's id is its place by name, in the table and in the organisation alike.
    let rules = (0u32..).map(RuleId).zip(&organization.rules);
    let rules = rules.filter(|(_, rule)| wanted(&rule.name)).map(|(id, rule)| {
        let mut covered = RuleCoverage {
            name: rule.name.clone(),
            span: rule.span,
            fired: tally.fired.contains(&id),
            edges: Ratio::default(),
            errors: Ratio::default(),
            missed: Vec::new(),
        };
        for point in points.remove(&id).unwrap_or_default().into_values() {
            let [yes, no, error] = point.taken;
            for (taken, answer) in [(yes, Answer::Yes), (no, Answer::No)] {
                if !counts(&point, taken, answer) {
                    continue;
                }
                covered.edges.add(taken);
                if !taken {
                    let test = test_text(table, point.shape, point.node);
                    covered.missed.push(Missed { test, answer });
                }
            }
            if can_err(table, point.node) && counts(&point, error, Answer::Error) {
                covered.errors.add(error);
            }
        }
        covered.missed.sort();
        covered.missed.dedup();
        covered
    });
    Coverage { rules: rules.collect() }
}

const ANSWERS: [Answer; 3] = [Answer::Yes, Answer::No, Answer::Error];

/// A test of a rule's guards, by the first node that stands for it.
#[derive(Debug)]
struct Point {
    node: u32,
    shape: ActionId,
    /// In the order of [`ANSWERS`].
    taken: [bool; 3],
    /// Every node that it stands for, with its guard; one more than [`MOST_PLACES`] where there are too many.
    places: Vec<(Guard, ActionId, u32)>,
}

/// Guards that are looked at before a test that is alike in all of them counts. Picked by gut feeling.
const MOST_PLACES: usize = 16;

/// Every guard of every rule that some admitted deployment can come to, each once.
fn guards(table: &Table, shapes: &Shapes) -> BTreeSet<(RuleId, Guard, ActionId)> {
    let mut guards = BTreeSet::new();
    for (cell, shape) in reached(table, shapes) {
        let Some(cell) = table.cell(cell) else { continue };
        for entry in [cell.denies, cell.grants, cell.gates].into_iter().flatten() {
            guards.insert((
                RuleId(entry[record::entry::RULE]),
                Guard(entry[record::entry::GUARD]),
                shape,
            ));
        }
    }
    guards
}

/// The nodes of guards, and which of them are alike: the same test over arguments of the same names, and alike below.
struct Nodes<'t> {
    table: &'t Table,
    /// By test and by what follows each answer.
    interned: BTreeMap<(String, [u32; 3]), u32>,
    known: BTreeMap<(u32, ActionId), u32>,
    below: BTreeMap<(Guard, ActionId), Vec<(u32, u32)>>,
}

impl<'t> Nodes<'t> {
    fn new(table: &'t Table) -> Self {
        Self {
            table,
            interned: BTreeMap::new(),
            known: BTreeMap::new(),
            below: BTreeMap::new(),
        }
    }

    /// Each node that a guard reaches, with what it is alike to.
    fn below(&mut self, guard: Guard, shape: ActionId) -> Vec<(u32, u32)> {
        if let Some(known) = self.below.get(&(guard, shape)) {
            return known.clone();
        }
        let mut reached: BTreeSet<u32> = BTreeSet::new();
        let mut open = vec![guard];
        while let Some(at) = open.pop() {
            if at.leaf().is_none() && reached.insert(at.0) {
                open.extend(self.children(at.0).map(Guard));
            }
        }
        // Edges lead forward: from the last node on, what is below a node is known.
        let found: Vec<(u32, u32)> = reached
            .iter()
            .rev()
            .map(|node| (*node, self.alike(*node, shape)))
            .collect();
        self.below.insert((guard, shape), found.clone());
        found
    }

    fn children(&self, node: u32) -> [u32; 3] {
        match self.table.data().nodes.get(node as usize) {
            Some(&[_, _, _, yes, no, error]) => [yes, no, error],
            None => [Guard::ERROR.0; 3],
        }
    }

    fn alike(&mut self, node: u32, shape: ActionId) -> u32 {
        if let Some(known) = self.known.get(&(node, shape)) {
            return *known;
        }
        // A leaf stands for itself; its number is none that is handed out.
        let of = |child: u32| self.known.get(&(child, shape)).copied().unwrap_or(child);
        let key = (test_text(self.table, shape, node), self.children(node).map(of));
        let next = u32::try_from(self.interned.len()).unwrap_or(u32::MAX);
        let id = *self.interned.entry(key).or_insert(next);
        self.known.insert((node, shape), id);
        id
    }
}

/// Whether a test can fail to be evaluated: whether it reads something that a call may lack or get wrong.
fn can_err(table: &Table, node: u32) -> bool {
    let Some(&[head, a, b, ..]) = table.data().nodes.get(node as usize) else {
        return true;
    };
    let reads = |term| {
        !matches!(
            term,
            Term::Nothing
                | Term::Constant(_)
                | Term::Now
                | Term::Calls
                | Term::Holding
                | Term::Pattern(_)
                | Term::Class(_)
        )
    };
    match Test::decode([head, a, b]) {
        Some(Test::General(op, left, right)) => !matches!(op, Op::Has | Op::Holds) && (reads(left) || reads(right)),
        // The time is always there.
        Some(Test::Number { side, .. }) => side != Side::Surroundings,
        Some(Test::Text { .. } | Test::Among { .. } | Test::Resource { .. }) | None => true,
    }
}
