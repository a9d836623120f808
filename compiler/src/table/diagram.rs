//! Guards while they are built: ordered, reduced, hash-consed diagrams with three answers.
//!
//! A node tests one thing and has edges for yes, no and error. Because every test comes to one of the three for
//! every call, reordering tests changes no answer: only the path walked. All operations are one: [`Diagrams::choose`].

use super::hash::HashMap;
use crate::ir::{Answer, Condition, Function, Op, Term, Test};

/// A diagram: a leaf or a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagram(u32);

impl Diagram {
    pub const NO: Self = Self(u32::MAX - 2);
    pub const YES: Self = Self(u32::MAX - 1);
    pub const ERROR: Self = Self(u32::MAX);

    /// The leaf of an answer.
    pub fn leaf(answer: Answer) -> Self {
        match answer {
            Answer::No => Self::NO,
            Answer::Yes => Self::YES,
            Answer::Error => Self::ERROR,
        }
    }

    /// The answer, of a leaf.
    pub fn answer(self) -> Option<Answer> {
        match self {
            Self::NO => Some(Answer::No),
            Self::YES => Some(Answer::Yes),
            Self::ERROR => Some(Answer::Error),
            Self(_) => None,
        }
    }

    /// The node's place in [`Diagrams::nodes`], of a node.
    pub fn index(self) -> Option<usize> {
        self.answer().is_none().then_some(self.0 as usize)
    }
}

/// A test by its place in [`Diagrams::tests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestId(pub u32);

/// Children were made before their parents, so they stand before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    pub test: TestId,
    pub yes: Diagram,
    pub no: Diagram,
    pub error: Diagram,
}

/// How many nodes one operation may make. A guard with more is no policy that a person reads; the figure keeps the
/// worst condition within a few megabytes and tens of milliseconds.
pub const MAX_NODES: usize = 20_000;

/// When less stack than this is left, more is taken: a call of `choose` needs well under a kilobyte.
const RED_ZONE: usize = 64 << 10;
/// How much is taken at once.
const SEGMENT: usize = 1 << 20;

/// The diagram would have more than [`MAX_NODES`] nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Which test comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// By what is tested: cheap tests first, and tests of one thing side by side. The same condition written another
    /// way gives the same diagram.
    Canonical,
    /// As written: for conditions that are small only so.
    Written,
}

/// All diagrams of a table. Equal functions of equal order have equal ids.
#[derive(Debug, Default)]
pub struct Diagrams {
    tests: Vec<Test>,
    /// Of each test, its rank among all: tests are interned before they are compared.
    test_ids: HashMap<Test, TestId>,
    nodes: Vec<Node>,
    node_ids: HashMap<Node, Diagram>,
    chosen: HashMap<[Diagram; 4], Diagram>,
    order: Option<Order>,
    /// In written order: the rank of each test that the condition at hand has.
    written: HashMap<TestId, u32>,
    budget: usize,
}

impl Diagrams {
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// The diagram of a condition in which everything settled was settled. Tries the canonical order, then the
    /// written one.
    ///
    /// # Errors
    /// Both are too large.
    pub fn build(&mut self, condition: &Condition) -> Result<Diagram, TooLarge> {
        self.in_order(Order::Canonical, condition)
            .or_else(|TooLarge| self.in_order(Order::Written, condition))
    }

    fn in_order(&mut self, order: Order, condition: &Condition) -> Result<Diagram, TooLarge> {
        if self.order != Some(order) || order == Order::Written {
            self.chosen.clear();
        }
        self.order = Some(order);
        self.written.clear();
        self.budget = MAX_NODES;
        let built = self.condition(condition);
        if built.is_err() {
            self.chosen.clear();
        }
        built
    }

    fn condition(&mut self, condition: &Condition) -> Result<Diagram, TooLarge> {
        match condition {
            Condition::Constant(answer) => Ok(Diagram::leaf(*answer)),
            Condition::Test(test) => Ok(self.test(test)),
            Condition::Not(inner) => {
                let inner = self.condition(inner)?;
                self.choose(inner, Diagram::NO, Diagram::YES, Diagram::ERROR)
            }
            Condition::And(left, right) => {
                let left = self.condition(left)?;
                if left.answer().is_some_and(|answer| answer != Answer::Yes) {
                    return Ok(left);
                }
                let right = self.condition(right)?;
                self.choose(left, right, Diagram::NO, Diagram::ERROR)
            }
            Condition::Or(left, right) => {
                let left = self.condition(left)?;
                if left.answer().is_some_and(|answer| answer != Answer::No) {
                    return Ok(left);
                }
                let right = self.condition(right)?;
                self.choose(left, Diagram::YES, right, Diagram::ERROR)
            }
            Condition::ErrorIsNo(inner) => {
                let inner = self.condition(inner)?;
                self.choose(inner, Diagram::YES, Diagram::NO, Diagram::NO)
            }
            Condition::If(test, then, otherwise) => {
                let test = self.condition(test)?;
                let then = self.condition(then)?;
                let otherwise = self.condition(otherwise)?;
                self.choose(test, then, otherwise, Diagram::ERROR)
            }
        }
    }

    /// A test's place, whether it was there or not.
    pub fn intern(&mut self, test: &Test) -> TestId {
        if let Some(id) = self.test_ids.get(test) {
            return *id;
        }
        let id = TestId(u32::try_from(self.tests.len()).unwrap_or(u32::MAX));
        self.tests.push(test.clone());
        self.test_ids.insert(test.clone(), id);
        id
    }

    /// A diagram of one test.
    fn test(&mut self, test: &Test) -> Diagram {
        let id = self.intern(test);
        let next = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
        self.written.entry(id).or_insert(next);
        self.node(id, Diagram::YES, Diagram::NO, Diagram::ERROR)
    }

    /// Where `c` says yes, `yes`; where it says no, `no`; where it errs, `error`.
    ///
    /// # Errors
    /// The result is too large.
    pub fn choose(&mut self, c: Diagram, yes: Diagram, no: Diagram, error: Diagram) -> Result<Diagram, TooLarge> {
        match c.answer() {
            Some(Answer::Yes) => return Ok(yes),
            Some(Answer::No) => return Ok(no),
            Some(Answer::Error) => return Ok(error),
            None => {}
        }
        if (yes, no, error) == (Diagram::YES, Diagram::NO, Diagram::ERROR) || (yes == no && no == error) {
            return Ok(if yes == Diagram::YES { c } else { yes });
        }
        let key = [c, yes, no, error];
        if let Some(known) = self.chosen.get(&key) {
            return Ok(*known);
        }
        self.budget = self.budget.checked_sub(1).ok_or(TooLarge)?;
        let Some(top) = key
            .iter()
            .filter_map(|diagram| self.top(*diagram))
            .min_by(|a, b| self.compare(*a, *b))
        else {
            return Ok(Diagram::ERROR);
        };
        let mut edges = [Diagram::ERROR; 3];
        for (answer, edge) in [Answer::Yes, Answer::No, Answer::Error].into_iter().zip(&mut edges) {
            let [c, yes, no, error] = key.map(|diagram| self.follow(diagram, top, answer));
            // As deep as there are tests on a path, which whoever wrote the policy decides.
            *edge = stacker::maybe_grow(RED_ZONE, SEGMENT, || self.choose(c, yes, no, error))?;
        }
        let [on_yes, on_no, on_error] = edges;
        let made = self.node(top, on_yes, on_no, on_error);
        self.chosen.insert(key, made);
        Ok(made)
    }

    /// The test of a node.
    fn top(&self, diagram: Diagram) -> Option<TestId> {
        self.nodes.get(diagram.index()?).map(|node| node.test)
    }

    /// What is left of a diagram once a test came to an answer.
    fn follow(&self, diagram: Diagram, test: TestId, answer: Answer) -> Diagram {
        match diagram.index().and_then(|index| self.nodes.get(index)) {
            Some(node) if node.test == test => match answer {
                Answer::Yes => node.yes,
                Answer::No => node.no,
                Answer::Error => node.error,
            },
            _ => diagram,
        }
    }

    /// A node, or what it reduces to.
    pub fn node(&mut self, test: TestId, yes: Diagram, no: Diagram, error: Diagram) -> Diagram {
        // A test that cannot err never takes its error edge: one spelling for all of them.
        let error = if self.errs(test) { error } else { Diagram::ERROR };
        if yes == no && (no == error || !self.errs(test)) {
            return yes;
        }
        let node = Node { test, yes, no, error };
        if let Some(known) = self.node_ids.get(&node) {
            return *known;
        }
        let made = Diagram(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX - 3));
        self.nodes.push(node);
        self.node_ids.insert(node, made);
        made
    }

    /// Whether a test can err at all.
    pub fn errs(&self, test: TestId) -> bool {
        self.tests.get(test.0 as usize).is_none_or(can_err)
    }

    fn compare(&self, a: TestId, b: TestId) -> std::cmp::Ordering {
        if a == b {
            return std::cmp::Ordering::Equal;
        }
        match self.order {
            Some(Order::Written) => self.written.get(&a).cmp(&self.written.get(&b)),
            _ => {
                let key = |id: TestId| {
                    self.tests
                        .get(id.0 as usize)
                        .map(|test| (cost(test), &test.left, test.op, &test.right))
                };
                key(a).cmp(&key(b))
            }
        }
    }
}

/// Whether a test can err at all: what looks only at what is always there and always well-formed cannot.
pub fn can_err(test: &Test) -> bool {
    let safe = |term: &Term| match term {
        Term::Nothing | Term::Constant(_) | Term::Now | Term::Calls | Term::Holding | Term::Held(_) => true,
        Term::Apply(Function::Count, of) => matches!(of.first(), Some(Term::Holding | Term::Held(_))),
        _ => false,
    };
    !(test.op == Op::Has || (safe(&test.left) && safe(&test.right)))
}

/// Cheap tests first: what compares words, what walks text, what puts text together, what asks an engine.
fn cost(test: &Test) -> u8 {
    let of = |term: &Term| match term {
        Term::Program(_) => 3,
        Term::Apply(..) | Term::Set(_) | Term::Resource(_) => 2,
        Term::Pattern(_) | Term::Regex(_) => 1,
        _ => 0,
    };
    of(&test.left).max(of(&test.right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Constant;
    use polity_runtime::value::Slot;
    use proptest::prelude::*;

    fn atom(slot: u16) -> Condition {
        Condition::Test(Test {
            op: Op::IsTrue,
            left: Term::Slot(Slot(slot)),
            right: Term::Nothing,
        })
    }

    fn below(slot: u16, limit: i64) -> Condition {
        let right = Term::Constant(Constant::Int(limit));
        Condition::Test(Test {
            op: Op::Less,
            left: Term::Slot(Slot(slot)),
            right,
        })
    }

    fn conditions() -> impl Strategy<Value = Condition> {
        let leaf = prop_oneof![
            (0u16..4).prop_map(atom),
            (0u16..4, 0i64..3).prop_map(|(slot, limit)| below(slot, limit)),
            prop_oneof![Just(Answer::Yes), Just(Answer::No), Just(Answer::Error)].prop_map(Condition::Constant),
        ];
        leaf.prop_recursive(5, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|c| Condition::Not(c.into())),
                inner.clone().prop_map(|c| Condition::ErrorIsNo(c.into())),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| Condition::And(a.into(), b.into())),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| Condition::Or(a.into(), b.into())),
                (inner.clone(), inner.clone(), inner).prop_map(|(c, a, b)| Condition::If(c.into(), a.into(), b.into())),
            ]
        })
    }

    /// What a condition comes to when each test comes to what `world` says of it.
    fn direct(condition: &Condition, world: &dyn Fn(&Test) -> Answer) -> Answer {
        match condition {
            Condition::Constant(answer) => *answer,
            Condition::Test(test) => world(test),
            Condition::Not(inner) => match direct(inner, world) {
                Answer::Yes => Answer::No,
                Answer::No => Answer::Yes,
                Answer::Error => Answer::Error,
            },
            Condition::And(a, b) => match direct(a, world) {
                Answer::Yes => direct(b, world),
                other => other,
            },
            Condition::Or(a, b) => match direct(a, world) {
                Answer::No => direct(b, world),
                other => other,
            },
            Condition::If(c, a, b) => match direct(c, world) {
                Answer::Yes => direct(a, world),
                Answer::No => direct(b, world),
                Answer::Error => Answer::Error,
            },
            Condition::ErrorIsNo(inner) => match direct(inner, world) {
                Answer::Error => Answer::No,
                other => other,
            },
        }
    }

    fn walk(diagrams: &Diagrams, mut at: Diagram, world: &dyn Fn(&Test) -> Answer) -> Answer {
        loop {
            let Some(index) = at.index() else {
                return at.answer().unwrap();
            };
            let node = diagrams.nodes()[index];
            at = match world(&diagrams.tests()[node.test.0 as usize]) {
                Answer::Yes => node.yes,
                Answer::No => node.no,
                Answer::Error => node.error,
            };
        }
    }

    proptest! {
        #[test]
        fn a_diagram_means_what_its_condition_means(condition in conditions(), seed in any::<u64>()) {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut diagrams = Diagrams::default();
            let canonical = diagrams.build(&condition).unwrap();
            let written = diagrams.in_order(Order::Written, &condition).unwrap();
            for round in 0..32u64 {
                let world = |test: &Test| {
                    let mut hasher = DefaultHasher::new();
                    (seed, round, test).hash(&mut hasher);
                    [Answer::No, Answer::Yes, Answer::Error][(hasher.finish() % 3) as usize]
                };
                let expected = direct(&condition, &world);
                prop_assert_eq!(walk(&diagrams, canonical, &world), expected);
                prop_assert_eq!(walk(&diagrams, written, &world), expected);
            }
        }
    }

    #[test]
    fn the_same_meaning_has_the_same_diagram() {
        let mut diagrams = Diagrams::default();
        let not = |c| Condition::Not(Box::new(c));
        let a = diagrams
            .build(&Condition::If(atom(0).into(), atom(1).into(), atom(2).into()))
            .unwrap();
        let b = diagrams
            .build(&Condition::If(not(atom(0)).into(), atom(2).into(), atom(1).into()))
            .unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn a_condition_that_is_large_in_canonical_order_is_built_in_the_written_one() {
        // Pairs that stand apart in canonical order: exponential there, linear as written.
        let pair = |i: u16| Condition::And(atom(i).into(), atom(i + 20).into());
        let all = (1..20).fold(pair(0), |or, i| Condition::Or(or.into(), pair(i).into()));
        let mut diagrams = Diagrams::default();
        assert_eq!(diagrams.in_order(Order::Canonical, &all), Err(TooLarge));
        assert!(diagrams.build(&all).is_ok());
    }
}
