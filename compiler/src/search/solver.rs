//! A goal comes in, a call that meets it goes out, or that there is none.
//!
//! Answers are assigned test by test along the guards that must come to something; every assignment is checked by
//! the [`Theory`] together with those that it shares an argument with, and what is forced is assigned before anything
//! is tried. A call counts only when whoever asked has confirmed it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::side::{Goal, Literal};
use super::theory::{Fault, Model, Part, Root, Theory, models};
use super::{Answers, ERROR, NO, STEPS, Space, YES};
use crate::ir::{Answer, Test};
use crate::table::diagram::{Diagram, Node, TestId};
use crate::table::hash::HashMap;

/// What the search came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<W> {
    /// A call, as whoever asked made of it.
    Witness(W),
    /// No call meets the goal.
    Never,
    /// The steps ran out, or what was found could not be confirmed: one may.
    Unsettled,
}

/// The answers with which a call was found.
pub type Trail = BTreeMap<TestId, Answer>;

/// Searches one action's cells.
#[derive(Debug)]
pub struct Solver<'s> {
    space: &'s Space,
    theory: Theory<'s>,
    /// What answers that share arguments came to.
    checked: HashMap<Vec<(TestId, Answer)>, Option<Rc<Part>>>,
    roots: HashMap<TestId, Rc<[Root]>>,
    /// Calls of which all these answers hold are not looked for: each list is of one case.
    told: Vec<Vec<(TestId, Answer)>>,
    most: u32,
    steps: u32,
}

/// Where a search is.
#[derive(Debug, Clone, Default)]
struct Place {
    answers: Trail,
    /// What guards must come to.
    required: BTreeMap<Diagram, Answers>,
}

/// Makes of a model what was asked for, if it is confirmed.
type Confirm<'c, W> = &'c mut dyn FnMut(&Model, &Trail) -> Option<W>;

impl<'s> Solver<'s> {
    /// A search over the diagrams of a space, whose slots are those of the theory's frame.
    pub fn new(space: &'s Space, theory: Theory<'s>) -> Self {
        Self {
            space,
            theory,
            checked: HashMap::default(),
            roots: HashMap::default(),
            told: Vec::new(),
            most: STEPS,
            steps: 0,
        }
    }

    /// The same, and each goal takes no more steps than this: for what is only worth a short look.
    pub(crate) fn within(self, most: u32) -> Self {
        Self { most, ..self }
    }

    /// From now on only calls are looked for of which not all of these answers hold, until [`Self::forget`].
    pub(crate) fn but(&mut self, case: Vec<(TestId, Answer)>) {
        self.told.push(case);
    }

    /// Looks for every call again.
    pub(crate) fn forget(&mut self) {
        self.told.clear();
    }

    /// The first of the goals that a call meets. All of them together may take a few times what one may.
    pub(crate) fn any<W>(&mut self, goals: &[Goal], confirm: Confirm<'_, W>) -> Found<W> {
        let mut unsettled = false;
        let mut left = self.most * 5;
        for goal in goals {
            if left == 0 {
                return Found::Unsettled;
            }
            let found = self.solve(goal, confirm);
            left = left.saturating_sub(self.most - self.steps);
            match found {
                Found::Never => {}
                Found::Unsettled => unsettled = true,
                found @ Found::Witness(_) => return found,
            }
        }
        if unsettled { Found::Unsettled } else { Found::Never }
    }

    /// A call that meets the goal.
    pub(crate) fn solve<W>(&mut self, goal: &Goal, confirm: Confirm<'_, W>) -> Found<W> {
        self.steps = self.most;
        self.search(Place::default(), goal, confirm)
    }

    fn search<W>(&mut self, mut place: Place, goal: &Goal, confirm: Confirm<'_, W>) -> Found<W> {
        loop {
            let Some(open) = self.commit(&mut place, goal) else {
                return Found::Never;
            };
            match self.next(&place) {
                Next::Dead => return Found::Never,
                Next::Forced(test, answer) => {
                    if self.steps == 0 {
                        return Found::Unsettled;
                    }
                    if !self.assign(&mut place, test, answer) {
                        return Found::Never;
                    }
                }
                Next::Branch(test, answers) => {
                    return self.each(answers.into_iter(), &place, goal, confirm, |solver, place, answer| {
                        solver.assign(place, test, *answer)
                    });
                }
                Next::Done => match open {
                    None => return self.leaf(&place, confirm),
                    Some(literals) => {
                        return self.each(literals.into_iter(), &place, goal, confirm, |_, place, literal| {
                            require(place, *literal);
                            true
                        });
                    }
                },
            }
        }
    }

    /// Tries one way after the other.
    fn each<W, T>(
        &mut self,
        ways: impl Iterator<Item = T>,
        place: &Place,
        goal: &Goal,
        confirm: Confirm<'_, W>,
        go: impl Fn(&mut Self, &mut Place, &T) -> bool,
    ) -> Found<W> {
        let mut unsettled = false;
        for way in ways {
            if self.steps == 0 {
                return Found::Unsettled;
            }
            let mut next = place.clone();
            if !go(self, &mut next, &way) {
                continue;
            }
            // As deep as there are tests and choices on a path.
            let found = stacker::maybe_grow(128 << 10, 1 << 20, || self.search(next, goal, confirm));
            match found {
                Found::Never => {}
                Found::Unsettled => unsettled = true,
                found @ Found::Witness(_) => return found,
            }
        }
        if unsettled { Found::Unsettled } else { Found::Never }
    }

    /// Requires what the lists leave no choice about. Gives the shortest list that leaves one, if there is one;
    /// `None` where a list cannot hold any more.
    fn commit(&self, place: &mut Place, goal: &Goal) -> Option<Option<Vec<Literal>>> {
        loop {
            let mut changed = false;
            let mut shortest: Option<Vec<Literal>> = None;
            for clause in &goal.clauses {
                let mut open = Vec::new();
                let mut holds = false;
                for literal in clause {
                    let required = place
                        .required
                        .get(&literal.diagram)
                        .copied()
                        .unwrap_or(NO | YES | ERROR);
                    let reach = self.space.reach(self.residual(literal.diagram, &place.answers)) & required;
                    if reach & literal.allowed == 0 {
                        continue;
                    }
                    if reach & !literal.allowed == 0 {
                        holds = true;
                        break;
                    }
                    open.push(*literal);
                }
                if holds {
                    continue;
                }
                match open.as_slice() {
                    [] => return None,
                    [only] => {
                        require(place, *only);
                        changed = true;
                    }
                    _ if shortest.as_ref().is_none_or(|best| open.len() < best.len()) => shortest = Some(open),
                    _ => {}
                }
            }
            if !changed {
                return Some(shortest);
            }
        }
    }

    /// What is left of a guard once the answers at hand are followed.
    fn residual(&self, mut at: Diagram, answers: &Trail) -> Diagram {
        while let Some(node) = self.space.node(at) {
            match answers.get(&node.test) {
                Some(answer) => at = follow(&node, *answer),
                None => break,
            }
        }
        at
    }

    /// The test with the fewest answers left to try, among those that required guards stand at.
    fn next(&self, place: &Place) -> Next {
        let mut best: Option<(TestId, Vec<Answer>)> = None;
        for (diagram, required) in &place.required {
            let at = self.residual(*diagram, &place.answers);
            let reach = self.space.reach(at);
            if reach & required == 0 {
                return Next::Dead;
            }
            if reach & !required == 0 {
                continue;
            }
            let Some(node) = self.space.node(at) else { continue };
            let mut answers: Vec<Answer> = vec![Answer::Yes, Answer::No];
            if self.space.diagrams.errs(node.test) && self.theory.fault != Some(Fault::Errors) {
                answers.push(Answer::Error);
            }
            answers.retain(|answer| self.space.reach(follow(&node, *answer)) & required != 0);
            match answers.as_slice() {
                [] => return Next::Dead,
                [only] => return Next::Forced(node.test, *only),
                _ if best.as_ref().is_none_or(|(_, known)| answers.len() < known.len()) => {
                    best = Some((node.test, answers));
                }
                _ => {}
            }
        }
        best.map_or(Next::Done, |(test, answers)| Next::Branch(test, answers))
    }

    /// Assigns an answer; false where it cannot hold with the others.
    fn assign(&mut self, place: &mut Place, test: TestId, answer: Answer) -> bool {
        self.steps = self.steps.saturating_sub(1);
        place.answers.insert(test, answer);
        let holds = |(test, answer): &(TestId, Answer)| place.answers.get(test) == Some(answer);
        if self.told.iter().any(|case| case.iter().all(holds)) {
            return false;
        }
        let group = self.group(test, &place.answers);
        self.check(&group).is_some()
    }

    /// The answers that share an argument with a test's, directly or by way of others.
    fn group(&mut self, test: TestId, answers: &Trail) -> Vec<(TestId, Answer)> {
        let mut roots: BTreeSet<Root> = self.roots(test).iter().copied().collect();
        let mut inside: BTreeMap<TestId, Answer> = BTreeMap::new();
        loop {
            let before = inside.len();
            for (other, answer) in answers {
                if inside.contains_key(other) {
                    continue;
                }
                let own = self.roots(*other);
                if *other == test || own.iter().any(|root| roots.contains(root)) {
                    inside.insert(*other, *answer);
                    roots.extend(own.iter());
                }
            }
            if inside.len() == before {
                return inside.into_iter().collect();
            }
        }
    }

    fn roots(&mut self, test: TestId) -> Rc<[Root]> {
        if let Some(known) = self.roots.get(&test) {
            return Rc::clone(known);
        }
        let roots: Rc<[Root]> = self
            .test(test)
            .map(|test| self.theory.roots(test))
            .unwrap_or_default()
            .into();
        self.roots.insert(test, Rc::clone(&roots));
        roots
    }

    fn test(&self, id: TestId) -> Option<&'s Test> {
        self.space.tests().get(id.0 as usize)
    }

    fn check(&mut self, group: &[(TestId, Answer)]) -> Option<Rc<Part>> {
        if let Some(known) = self.checked.get(group) {
            return known.clone();
        }
        let answers: Vec<(&Test, Answer)> = group
            .iter()
            .filter_map(|(id, answer)| Some((self.test(*id)?, *answer)))
            .collect();
        let part = self.theory.check(&answers).map(Rc::new);
        self.checked.insert(group.to_vec(), part.clone());
        part
    }

    /// Everything that was asked for holds, as far as it was reasoned about: a call, if the runtime agrees.
    fn leaf<W>(&mut self, place: &Place, confirm: Confirm<'_, W>) -> Found<W> {
        let mut parts: Vec<Rc<Part>> = Vec::new();
        let mut done: BTreeSet<TestId> = BTreeSet::new();
        let tests: Vec<TestId> = place.answers.keys().copied().collect();
        for test in tests {
            if done.contains(&test) {
                continue;
            }
            let group = self.group(test, &place.answers);
            done.extend(group.iter().map(|(id, _)| *id));
            match self.check(&group) {
                Some(part) => parts.push(part),
                None => return Found::Never,
            }
        }
        let borrowed: Vec<&Part> = parts.iter().map(AsRef::as_ref).collect();
        for model in models(&self.theory, &borrowed) {
            if let Some(witness) = confirm(&model, &place.answers) {
                return Found::Witness(witness);
            }
        }
        // As dear as a few assignments.
        self.steps = self.steps.saturating_sub(20);
        Found::Unsettled
    }
}

/// What to do next.
enum Next {
    /// A guard cannot come to what it must.
    Dead,
    Forced(TestId, Answer),
    Branch(TestId, Vec<Answer>),
    /// Every guard comes to what it must.
    Done,
}

fn follow(node: &Node, answer: Answer) -> Diagram {
    match answer {
        Answer::Yes => node.yes,
        Answer::No => node.no,
        Answer::Error => node.error,
    }
}

fn require(place: &mut Place, literal: Literal) {
    let required = place.required.entry(literal.diagram).or_insert(NO | YES | ERROR);
    *required &= literal.allowed;
}
