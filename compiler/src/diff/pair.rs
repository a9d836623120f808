//! Pairs of sides come in; of each, a call for every way in which they differ goes out, or that there may be one.

use std::collections::BTreeSet;
use std::sync::Arc;

use polity_runtime::decide::Outcome;
use polity_runtime::explain::Approval;
use rayon::prelude::*;

use super::place::{Job, Placed};
use super::{Call, Kind, Told};
use crate::ir::Answer;
use crate::search::{Alternative, CellRules, Model};
use crate::search::{
    Asks, Decided, Decider, ERROR, Entry, Fault, Found, Frame, Goal, NO, Solver, Theory, Trail, Verdict, YES, ask,
    binding, conditions,
};
use crate::table::diagram::{Diagram, TestId};

/// How many cases of one difference are told apart. Picked by gut feeling: more are not read on a line.
const MOST_CASES: usize = 4;

/// A difference of a pair.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    pub(super) kind: Kind,
    pub(super) certain: bool,
    pub(super) before: Told,
    pub(super) after: Told,
    pub(super) cases: Vec<Vec<String>>,
    pub(super) more: bool,
    pub(super) witness: Option<Call>,
}

/// What was found of one job.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) differences: Vec<Difference>,
    /// Whether every question had an answer.
    pub(super) decided: bool,
}

/// Looks at every pair.
pub(super) fn examine(placed: &Placed<'_>, fault: Option<Fault>) -> Vec<Examined> {
    placed.jobs.par_iter().map(|job| one(placed, job, fault)).collect()
}

fn one(placed: &Placed<'_>, job: &Job, fault: Option<Fault>) -> Examined {
    let (Some(frame), Some((agent, environment, action))) = (placed.frames.get(job.frame), example(placed, job)) else {
        return Examined::default();
    };
    let theory = Theory::new(frame, &placed.classes, fault);
    let mut pair = Pair {
        placed,
        frame,
        solver: Solver::new(&placed.space, theory),
        fault,
        call: [agent, environment, action],
        examined: Examined {
            differences: Vec::new(),
            decided: true,
        },
    };
    let [before, after] = &job.sides;
    for left in &before.alternatives {
        for right in &after.alternatives {
            if left.decided != right.decided {
                pair.compare(left, right);
            }
        }
    }
    pair.examined
}

/// A placement and an action where the pair stands.
fn example(placed: &Placed<'_>, job: &Job) -> Option<(Arc<str>, Arc<str>, Arc<str>)> {
    let (at, action) = job.places.first()?;
    let (agent, environment) = placed.alike.get(*at)?.first()?;
    Some((Arc::clone(agent), Arc::clone(environment), Arc::clone(action)))
}

/// A call, what both tables say to it, and the answers with which it was found.
type Shown = (Call, [Verdict; 2], Trail);

/// What a difference is that is looked for.
enum Wanted<'w> {
    /// One answer before, another after.
    Outcomes(Outcome, Outcome),
    /// An answer before and one after, by these rules.
    Decided([Outcome; 2], [Option<&'w str>; 2]),
    /// What this rule asked before is asked by none after.
    AsksLess(&'w Asks),
    /// What this rule asks after was asked by none before.
    AsksMore(&'w Asks),
    /// This grant holds after; before only grants with a tighter limit did.
    Unlimited(&'w str),
}

struct Pair<'p> {
    placed: &'p Placed<'p>,
    frame: &'p Frame,
    solver: Solver<'p>,
    fault: Option<Fault>,
    call: [Arc<str>; 3],
    examined: Examined,
}

const OUTCOMES: [Outcome; 3] = [Outcome::Deny, Outcome::RequireApproval, Outcome::Allow];

impl Pair<'_> {
    /// Everything that two ways may differ in.
    fn compare(&mut self, left: &Alternative, right: &Alternative) {
        for before in OUTCOMES {
            for after in OUTCOMES {
                if before != after {
                    self.outcomes((left, right), before, after);
                }
            }
        }
        if let (Decided::Cell(mine), Decided::Cell(theirs)) = (&left.decided, &right.decided) {
            for outcome in OUTCOMES {
                self.pairs((left, right), [outcome, outcome]);
            }
            self.approvals((left, mine), (right, theirs));
            self.limits((left, mine), (right, theirs));
        }
    }

    /// One answer before and another after: of each pair of rules that decide so. Whether there is such a call at all
    /// is asked first.
    fn outcomes(&mut self, (left, right): (&Alternative, &Alternative), before: Outcome, after: Outcome) {
        let goals = product(&left.goals(before, self.fault), &right.goals(after, self.fault));
        let wanted = Wanted::Outcomes(before, after);
        match self.find(&goals, &wanted) {
            Found::Never => {}
            Found::Unsettled => self.possible(&wanted),
            Found::Witness(found) => {
                let known = self.examined.differences.len();
                self.pairs((left, right), [before, after]);
                let rules = [&found.1[0].rule, &found.1[1].rule];
                let pairs = self.examined.differences.get(known..).unwrap_or_default();
                let told = pairs
                    .iter()
                    .any(|one| one.certain && [&one.before.rule, &one.after.rule] == rules);
                if !told {
                    let case = self.case((left, right), &found);
                    self.tell(&wanted, found, &[case], true);
                }
            }
        }
    }

    /// Of each pair of rules that could decide so, where one of them is not the same in both, a call.
    fn pairs(&mut self, (left, right): (&Alternative, &Alternative), outcomes: [Outcome; 2]) {
        let placed = self.placed;
        let name = |decider: &Decider| decider.name().map(|rule| placed.rules.name(rule));
        let [before, after] = outcomes;
        let (first, second) = (Decider::all(left, before), Decider::all(right, after));
        // What decides on the one side as on the other, for the answer of the other.
        let both = [Decider::all(left, after), Decider::all(right, before)];
        let seconds: Vec<Goal> = (0..second.len())
            .map(|at| Decider::goal(right, after, &second, at))
            .collect();
        for (at, one) in first.iter().enumerate() {
            let goal = Decider::goal(left, before, &first, at);
            for (other, rest) in second.iter().zip(&seconds) {
                let told = one.name() == other.name() && before == after;
                if !told && can_both(outcomes, [one, other], &both) {
                    let wanted = Wanted::Decided(outcomes, [name(one), name(other)]);
                    self.look((left, right), &[goal.with(rest)], &wanted);
                }
            }
        }
    }

    /// Approvals that are asked on one side, and nothing as strict on the other.
    fn approvals(&mut self, (left, mine): (&Alternative, &CellRules), (right, theirs): (&Alternative, &CellRules)) {
        let placed = self.placed;
        let asks = |entry: &Entry| entry.approval.and_then(|id| placed.rules.asks(id));
        let base = product(
            &left.goals(Outcome::RequireApproval, self.fault),
            &right.goals(Outcome::RequireApproval, self.fault),
        );
        for (own, other, less) in [(mine, theirs, true), (theirs, mine, false)] {
            for entry in binding(own) {
                let Some(asked) = asks(entry) else { continue };
                let covering = |one: &&Entry| asks(one).is_some_and(|asks| asks.covers(asked));
                let goals: Vec<Goal> = base
                    .iter()
                    .map(|goal| {
                        let goal = goal.clone().and(entry.guard, YES | ERROR);
                        binding(other)
                            .filter(covering)
                            .fold(goal, |goal, one| goal.and(one.guard, NO))
                    })
                    .collect();
                let wanted = if less {
                    Wanted::AsksLess(asked)
                } else {
                    Wanted::AsksMore(asked)
                };
                self.look((left, right), &goals, &wanted);
            }
        }
    }

    /// Grants that hold where before only tighter limited ones did.
    fn limits(&mut self, (left, mine): (&Alternative, &CellRules), (right, theirs): (&Alternative, &CellRules)) {
        if mine.grants.iter().all(|grant| grant.limit.is_none()) {
            return;
        }
        for outcome in [Outcome::RequireApproval, Outcome::Allow] {
            let base = product(&left.goals(outcome, self.fault), &right.goals(outcome, self.fault));
            for grant in &theirs.grants {
                let as_loose = |one: &&Entry| is_as_loose(one.limit, grant.limit);
                let goals: Vec<Goal> = base
                    .iter()
                    .map(|goal| {
                        let goal = goal.clone().and(grant.guard, YES);
                        let loose = mine.grants.iter().filter(as_loose);
                        loose.fold(goal, |goal, one| goal.and(one.guard, NO | ERROR))
                    })
                    .collect();
                let name = self.placed.rules.name(grant.rule);
                self.look((left, right), &goals, &Wanted::Unlimited(name));
            }
        }
    }

    /// Looks for calls, a few cases of them, and keeps what came of it.
    fn look(&mut self, sides: (&Alternative, &Alternative), goals: &[Goal], wanted: &Wanted<'_>) {
        let mut first: Option<Shown> = None;
        let mut cases: Vec<Vec<(TestId, Answer)>> = Vec::new();
        let more = loop {
            match self.find(goals, wanted) {
                Found::Never => break false,
                Found::Unsettled if cases.is_empty() => return self.possible(wanted),
                Found::Witness(found) if cases.len() < MOST_CASES => {
                    let case = self.case(sides, &found);
                    first.get_or_insert(found);
                    cases.push(case.clone());
                    if case.is_empty() {
                        break false;
                    }
                    self.solver.but(case);
                }
                Found::Unsettled | Found::Witness(_) => break true,
            }
        };
        self.solver.forget();
        if let Some(first) = first {
            self.tell(wanted, first, &cases, more);
        }
    }

    /// A call that meets one of the goals, what both tables say to it, and the answers with which it was found.
    fn find(&mut self, goals: &[Goal], wanted: &Wanted<'_>) -> Found<Shown> {
        if goals.is_empty() {
            return Found::Never;
        }
        let (placed, frame, call) = (self.placed, self.frame, self.call.clone());
        let mut confirm = |model: &Model, trail: &Trail| {
            confirmed(placed, frame, &call, model, wanted).map(|(call, verdicts)| (call, verdicts, trail.clone()))
        };
        self.solver.any(goals, &mut confirm)
    }

    /// A difference that a call shows, and of what cases it is.
    fn tell(
        &mut self,
        wanted: &Wanted<'_>,
        (call, [before, after], _): Shown,
        cases: &[Vec<(TestId, Answer)>],
        more: bool,
    ) {
        let all = self.placed.space.tests();
        let mut said: Vec<Vec<String>> = Vec::new();
        for case in cases {
            let answers = case.iter();
            let answers = answers.filter_map(|(id, answer)| Some((all.get(id.0 as usize)?, *answer)));
            let case = conditions(self.frame, answers);
            if !said.contains(&case) {
                said.push(case);
            }
        }
        self.examined.differences.push(Difference {
            kind: kind(wanted),
            certain: true,
            before: told(&before),
            after: told(&after),
            cases: said,
            more,
            witness: Some(call),
        });
    }

    /// A difference that cannot be excluded.
    fn possible(&mut self, wanted: &Wanted<'_>) {
        self.examined.decided = false;
        let (before, after) = outcomes(wanted);
        self.examined.differences.push(Difference {
            kind: kind(wanted),
            certain: false,
            before: possibly(before),
            after: possibly(after),
            cases: Vec::new(),
            more: true,
            witness: None,
        });
    }

    /// What of a trail says where the change is: answers that what changed looked at, and what decided.
    fn case(&self, (left, right): (&Alternative, &Alternative), (_, verdicts, trail): &Shown) -> Vec<(TestId, Answer)> {
        let mut guards: BTreeSet<Diagram> = BTreeSet::new();
        let both = [(left, right, &verdicts[0]), (right, left, &verdicts[1])];
        for (own, other, verdict) in both {
            for premise in &own.premises {
                if !other.premises.contains(premise) {
                    guards.insert(premise.diagram);
                }
            }
            let Decided::Cell(cell) = &own.decided else { continue };
            let empty = CellRules::default();
            let (theirs, compared) = match &other.decided {
                Decided::Cell(cell) => (&**cell, true),
                Decided::Refused(_) => (&empty, false),
            };
            for (mine, theirs) in [
                (&cell.denies, &theirs.denies),
                (&cell.grants, &theirs.grants),
                (&cell.gates, &theirs.gates),
            ] {
                for entry in mine {
                    let name = self.placed.rules.name(entry.rule);
                    let decided = verdict.rule.as_deref() == Some(name) || verdict.grants.iter().any(|one| one == name);
                    if decided || (compared && !theirs.contains(entry)) {
                        guards.insert(entry.guard);
                    }
                }
            }
        }
        let tests = tests_of(self.placed, &guards);
        let said = trail.iter().filter(|(id, _)| tests.contains(id));
        said.map(|(id, answer)| (*id, *answer)).collect()
    }
}

/// Every test that the guards look at.
fn tests_of(placed: &Placed<'_>, guards: &BTreeSet<Diagram>) -> BTreeSet<TestId> {
    let mut tests = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<Diagram> = guards.iter().copied().collect();
    while let Some(at) = open.pop() {
        let Some(node) = placed.space.node(at) else { continue };
        if seen.insert(at) {
            tests.insert(node.test);
            open.extend([node.yes, node.no, node.error]);
        }
    }
    tests
}

/// Both at once, each of the one with each of the other.
fn product(left: &[Goal], right: &[Goal]) -> Vec<Goal> {
    left.iter()
        .flat_map(|one| right.iter().map(|other| one.with(other)))
        .collect()
}

/// Whether one rule may decide before and the other after. `sides` are the rules before that could give the answer after,
/// and those after that could give the answer before: what is the same on both sides holds on both.
fn can_both([before, after]: [Outcome; 2], [one, other]: [&Decider; 2], [mine, theirs]: &[Vec<Decider>; 2]) -> bool {
    if before == after {
        return !(theirs.contains(one) && mine.contains(other));
    }
    // The rule of the stricter answer decides on both sides, if it is there.
    let (stricter, known) = if before < after { (one, theirs) } else { (other, mine) };
    if stricter.is_rule() && known.contains(stricter) {
        return false;
    }
    // A grant that is on both sides, and none that holds.
    match (before, after) {
        (Outcome::Deny, Outcome::Allow) => *one != Decider::NoGrant || !mine.contains(other),
        (Outcome::Allow, Outcome::Deny) => *other != Decider::NoGrant || !theirs.contains(one),
        _ => true,
    }
}

/// Whether a grant with the first limit lets through whatever one with the second does.
fn is_as_loose(one: Option<(u32, u32)>, other: Option<(u32, u32)>) -> bool {
    match (one, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((count, per)), Some((calls, time))) => {
            count >= calls && u64::from(count) * u64::from(time) >= u64::from(calls) * u64::from(per)
        }
    }
}

fn kind(wanted: &Wanted<'_>) -> Kind {
    match wanted {
        Wanted::Outcomes(before, after) | Wanted::Decided([before, after], _) => {
            Kind::of(*before, *after).unwrap_or(Kind::OtherRule)
        }
        Wanted::AsksLess(_) | Wanted::Unlimited(_) => Kind::AsksLess,
        Wanted::AsksMore(_) => Kind::AsksMore,
    }
}

/// What is answered before and after.
fn outcomes(wanted: &Wanted<'_>) -> (Outcome, Outcome) {
    match wanted {
        Wanted::Outcomes(before, after) | Wanted::Decided([before, after], _) => (*before, *after),
        Wanted::AsksLess(_) | Wanted::AsksMore(_) => (Outcome::RequireApproval, Outcome::RequireApproval),
        Wanted::Unlimited(_) => (Outcome::Allow, Outcome::Allow),
    }
}

/// The call that a model makes, if both tables say to it what is wanted.
fn confirmed(
    placed: &Placed<'_>,
    frame: &Frame,
    [agent, environment, action]: &[Arc<str>; 3],
    model: &Model,
    wanted: &Wanted<'_>,
) -> Option<(Call, [Verdict; 2])> {
    let [before, after] = placed.tables;
    // An argument that both declare differently has one value in a call.
    [1, 0].into_iter().find_map(|prefer| {
        let call = Call::new((agent, environment, action), frame, model, prefer);
        let verdicts = [ask(before, &call), ask(after, &call)];
        holds(&verdicts, wanted).then_some((call, verdicts))
    })
}

fn holds([before, after]: &[Verdict; 2], wanted: &Wanted<'_>) -> bool {
    let asks = |verdict: &Verdict| verdict.approvals.iter().map(asked).collect::<Vec<_>>();
    let both = |outcome: Outcome| before.outcome == outcome && after.outcome == outcome;
    match wanted {
        Wanted::Outcomes(first, second) => before.outcome == *first && after.outcome == *second,
        Wanted::Decided([first, second], rules) => {
            before.outcome == *first
                && after.outcome == *second
                && [before.rule.as_deref(), after.rule.as_deref()] == *rules
        }
        Wanted::AsksLess(asked) => {
            both(Outcome::RequireApproval)
                && asks(before).contains(asked)
                && !asks(after).iter().any(|one| one.covers(asked))
        }
        Wanted::AsksMore(asked) => {
            both(Outcome::RequireApproval)
                && asks(after).contains(asked)
                && !asks(before).iter().any(|one| one.covers(asked))
        }
        Wanted::Unlimited(name) => {
            before.outcome == after.outcome
                && before.outcome != Outcome::Deny
                && after.grants.iter().any(|grant| grant == name)
        }
    }
}

/// What an explained decision asks, as tables are compared.
fn asked(approval: &Approval) -> Asks {
    let mut require: Vec<(u32, Vec<String>)> = approval
        .require
        .iter()
        .map(|one| (one.count, one.from.clone()))
        .collect();
    require.sort();
    Asks {
        require,
        timeout: approval.timeout,
        separation: approval.separation,
        evidence: match approval.evidence {
            "forge" => 0,
            "signed" => 1,
            _ => 2,
        },
    }
}

fn told(verdict: &Verdict) -> Told {
    let asks = verdict.approvals.iter().map(|approval| {
        let require = approval
            .require
            .iter()
            .map(|one| format!("{} of {}", one.count, one.from.join(", ")));
        format!("`{}` asks {}", approval.rule, require.collect::<Vec<_>>().join(" and "))
    });
    Told {
        outcome: verdict.outcome,
        code: Some(verdict.code),
        rule: verdict.rule.clone(),
        source: verdict.source.clone(),
        grant: (verdict.outcome != Outcome::Deny)
            .then(|| {
                verdict
                    .grants
                    .first()
                    .filter(|grant| Some(*grant) != verdict.rule.as_ref())
                    .cloned()
            })
            .flatten(),
        asks: asks.collect(),
    }
}

fn possibly(outcome: Outcome) -> Told {
    Told {
        outcome,
        code: None,
        rule: None,
        source: None,
        grant: None,
        asks: Vec::new(),
    }
}
