//! Which rule of a way decides a call, and what must hold for it to be that one: rules of one answer are asked by name,
//! and the first that holds decides. Knows nothing of what is searched for.

use polity_runtime::decide::Outcome;

use super::side::{Alternative, CellRules, Decided, Entry, Goal};
use super::{ERROR, NO, YES};

/// A rule that may be the one that decides; none where no grant holds, or no rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decider {
    Rule(Entry),
    NoGrant,
    Refusal,
}

impl Decider {
    /// The rule, in [`Rules`](super::Rules).
    pub(crate) fn name(&self) -> Option<u32> {
        match self {
            Self::Rule(entry) => Some(entry.rule),
            Self::NoGrant | Self::Refusal => None,
        }
    }

    pub(crate) fn is_rule(&self) -> bool {
        matches!(self, Self::Rule(_))
    }

    /// In the order in which the first that holds decides. The same rule with another guard is another decider.
    pub(crate) fn all(way: &Alternative, outcome: Outcome) -> Vec<Self> {
        let cell = match (&way.decided, outcome) {
            (Decided::Cell(cell), _) => cell,
            (Decided::Refused(_), Outcome::Deny) => return vec![Decider::Refusal],
            (Decided::Refused(_), _) => return Vec::new(),
        };
        match outcome {
            Outcome::Deny => {
                let denies = cell.denies.iter().copied().map(Decider::Rule);
                denies.chain([Decider::NoGrant]).collect()
            }
            Outcome::RequireApproval => binding_by_name(cell).into_iter().map(Decider::Rule).collect(),
            Outcome::Allow => {
                let plain = cell.grants.iter().filter(|grant| grant.approval.is_none());
                plain.copied().map(Decider::Rule).collect()
            }
        }
    }

    /// What must hold for a way to be taken and this rule to be the one that decides there.
    pub(crate) fn goal(way: &Alternative, outcome: Outcome, deciders: &[Self], at: usize) -> Goal {
        let goal = match way.goals(outcome, None).into_iter().next() {
            // A denial has two goals, of which the premises are wanted only.
            Some(goal) if outcome != Outcome::Deny => goal,
            _ => way.premise(),
        };
        let matching = match outcome {
            Outcome::Allow => YES,
            _ => YES | ERROR,
        };
        let goal = deciders.iter().take(at).fold(goal, |goal, decider| match decider {
            Decider::Rule(entry) => goal.and(entry.guard, !matching & (NO | YES | ERROR)),
            Decider::NoGrant | Decider::Refusal => goal,
        });
        match (deciders.get(at), &way.decided) {
            (Some(Decider::Rule(entry)), _) => goal.and(entry.guard, matching),
            (_, Decided::Cell(cell)) => cell
                .grants
                .iter()
                .fold(goal, |goal, grant| goal.and(grant.guard, NO | ERROR)),
            (_, Decided::Refused(_)) => goal,
        }
    }
}

/// What asks people, by name: the order of grants and of gates is that of names, so they are merged.
fn binding_by_name(cell: &CellRules) -> Vec<Entry> {
    // Positions among all rules of the cell tell names apart by order without looking at them.
    let mut grants = cell.grants.iter().filter(|grant| grant.approval.is_some()).peekable();
    let mut gates = cell.gates.iter().peekable();
    let mut merged = Vec::new();
    loop {
        let next = match (grants.peek(), gates.peek()) {
            (Some(grant), Some(gate)) if grant.order <= gate.order => grants.next(),
            (Some(_), None) => grants.next(),
            (_, Some(_)) => gates.next(),
            (None, None) => return merged,
        };
        merged.extend(next);
    }
}
