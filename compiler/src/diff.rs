//! `(&Table, &Table) -> Changes`: on which calls two tables differ, and how.
//!
//! Placements are paired by name; what no table change touches is equal by construction and costs a comparison.
//! Where cells differ, the [`search`](crate::search) looks for a call of every kind of difference: for each answer
//! before another after, and for the same answer by another rule, under other obligations. Each change carries a call
//! on which both tables were asked, or says that it is only possible. Whatever is not shown to be equal or stricter
//! counts as widened. Knows nothing of documents, so a comment changes nothing.

mod group;
mod pair;
mod place;
mod side;

use std::borrow::Cow;
use std::collections::BTreeSet;

use polity_runtime::decide::{Code, Outcome};
use polity_runtime::table::Table;

use crate::facts::{Direction, Fact};
pub use crate::search::{Call, Fault};
use crate::table::without_kills;
pub use side::{Side, compare};

/// Everything that differs.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// What the tables answer differently, widest first.
    pub changes: Vec<Change>,
    /// What they would answer differently if nothing were killed, where a kill hides it: it comes with the kill's end.
    pub after_kills: Vec<Change>,
    /// What no cell holds and yet matters: isolation, servers, owners, limits. Who knows both organisations puts them
    /// here; two tables cannot tell.
    pub facts: Vec<Fact>,
    /// What was not compared, in words: of two bundles, what neither holds.
    pub not_compared: Option<&'static str>,
    /// Deployments, environments and tools that only one of the tables knows.
    pub names: Names,
    /// Actions in placements whose cells differ.
    pub differing: usize,
    /// Of those, the ones for which every question was decided.
    pub decided: usize,
}

/// What came and went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names, sorted")]
pub struct Names {
    pub new_agents: Vec<String>,
    pub removed_agents: Vec<String>,
    pub new_environments: Vec<String>,
    pub removed_environments: Vec<String>,
    pub new_tools: Vec<String>,
    pub removed_tools: Vec<String>,
}

impl Names {
    /// Whether nothing came or went.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How an answer changed. Ordered as a reviewer wants to read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// More is allowed: what was denied is allowed or asked about.
    Widened,
    /// What was asked about is allowed at once: widened too.
    NoLongerNeedsApproval,
    /// It is asked about as before, of fewer people or with less proof; or a limit is gone: widened too.
    AsksLess,
    /// What was allowed at once is asked about.
    NeedsApproval,
    /// It is asked about as before, and of more people or with more proof.
    AsksMore,
    /// Less is allowed.
    Narrowed,
    /// The same answer, by another rule.
    OtherRule,
}

impl Kind {
    /// Whether it gives somebody more than before.
    pub fn is_widened(self) -> bool {
        matches!(self, Self::Widened | Self::NoLongerNeedsApproval | Self::AsksLess)
    }

    /// Whether it gives somebody less than before.
    pub fn is_narrowed(self) -> bool {
        matches!(self, Self::Narrowed | Self::NeedsApproval | Self::AsksMore)
    }

    /// What an answer that became another came to.
    pub fn of(before: Outcome, after: Outcome) -> Option<Self> {
        Some(match (before, after) {
            (before, after) if before == after => return None,
            (Outcome::Deny, _) => Self::Widened,
            (Outcome::RequireApproval, Outcome::Allow) => Self::NoLongerNeedsApproval,
            (Outcome::Allow, Outcome::RequireApproval) => Self::NeedsApproval,
            (_, _) => Self::Narrowed,
        })
    }

    /// As JSON spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::NoLongerNeedsApproval => "no-longer-needs-approval",
            Self::AsksLess => "asks-less",
            Self::NeedsApproval => "needs-approval",
            Self::AsksMore => "asks-more",
            Self::Narrowed => "narrowed",
            Self::OtherRule => "other-rule",
        }
    }
}

/// What one table says, in a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// The answer.
    pub outcome: Outcome,
    /// The step that decided; absent where it is only possible.
    pub code: Option<Code>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Where that rule stands.
    pub source: Option<(String, u32)>,
    /// The first rule that allows it, where another decided: of what is asked about.
    pub grant: Option<String>,
    /// Whom it asks, `rule: 2 of finance`.
    pub asks: Vec<String>,
}

/// Calls that are answered otherwise in one way, and by the same rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// How.
    pub kind: Kind,
    /// Whether a call shows it; else it could not be excluded.
    pub certain: bool,
    /// What the first table says.
    pub before: Told,
    /// What the second says.
    pub after: Told,
    /// For which calls, a list a case: `amount > 5000`. Of one that is only possible none.
    pub cases: Vec<Vec<String>>,
    /// Whether there may be calls of this change that none of the cases tells.
    pub more: bool,
    /// Where.
    pub places: Vec<Place>,
    /// A call that shows it.
    pub witness: Option<Call>,
}

/// Placements and actions of which every pair changed alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Deployment and environment.
    pub placements: std::sync::Arc<Vec<(std::sync::Arc<str>, std::sync::Arc<str>)>>,
    /// Actions, as calls name them.
    pub actions: Vec<std::sync::Arc<str>>,
}

impl Change {
    /// How many agents in environments times actions changed.
    pub fn cells(&self) -> usize {
        self.places
            .iter()
            .map(|place| place.placements.len() * place.actions.len())
            .sum()
    }

    /// The deployments, sorted.
    pub fn agents(&self) -> BTreeSet<&str> {
        self.placements().map(|(agent, _)| agent).collect()
    }

    /// The environments, sorted.
    pub fn environments(&self) -> BTreeSet<&str> {
        self.placements().map(|(_, environment)| environment).collect()
    }

    /// The actions, sorted.
    pub fn actions(&self) -> BTreeSet<&str> {
        self.places
            .iter()
            .flat_map(|place| &place.actions)
            .map(AsRef::as_ref)
            .collect()
    }

    /// Whether an agent's calls of an action in an environment are among those that changed.
    pub fn covers(&self, agent: &str, environment: &str, action: &str) -> bool {
        self.places.iter().any(|place| {
            place.actions.iter().any(|one| &**one == action)
                && place
                    .placements
                    .iter()
                    .any(|(own, at)| &**own == agent && &**at == environment)
        })
    }

    fn placements(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.places.iter().flat_map(|place| place.placements.iter());
        all.map(|(agent, environment)| (&**agent, &**environment))
    }
}

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.answers().next().is_none() && self.facts.is_empty() && self.names.is_empty()
    }

    /// Whether anything is widened, or cannot be told not to be.
    pub fn is_widened(&self) -> bool {
        self.answers().any(|change| change.kind.is_widened()) || self.has_fact(Direction::Widened)
    }

    /// Every change of an answer, those that a kill hides for now after the others.
    pub fn answers(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().chain(&self.after_kills)
    }

    fn has_fact(&self, direction: Direction) -> bool {
        self.facts.iter().any(|fact| fact.direction == direction)
    }

    /// Whether anything is narrowed.
    pub fn is_narrowed(&self) -> bool {
        self.answers().any(|change| change.kind.is_narrowed()) || self.has_fact(Direction::Narrowed)
    }
}

/// A side holds what this compiler does not know, as a test in a table: it was made by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Compares two tables.
///
/// # Errors
/// One of them cannot be read.
pub fn diff(before: &Table, after: &Table) -> Result<Changes, Unreadable> {
    diff_with(before, after, None)
}

/// As [`diff`], with a mistake put into the reasoning: for tests that must notice it.
///
/// # Errors
/// As [`diff`].
pub fn diff_with(before: &Table, after: &Table, fault: Option<Fault>) -> Result<Changes, Unreadable> {
    let mut changes = answers([before, after], None, fault)?;
    changes.names = place::names(before, after);
    let bare = [before, after].map(without_kills);
    if bare.iter().any(|table| matches!(table, Cow::Owned(_))) {
        let hidden = answers([&bare[0], &bare[1]], Some([before, after]), fault)?;
        changes.differing += hidden.differing;
        changes.decided += hidden.decided;
        changes.after_kills = hidden.changes;
    }
    Ok(changes)
}

/// What two tables answer differently; of two without their kills only what those stop in one of them.
fn answers(tables: [&Table; 2], killed: Option<[&Table; 2]>, fault: Option<Fault>) -> Result<Changes, Unreadable> {
    let placed = place::place(tables, killed).ok_or(Unreadable)?;
    let found = pair::examine(&placed, fault);
    Ok(group::group(&placed, &found))
}
