//! A decision and its explanation, as text for people and JSON for scripts.
//!
//! In: plain structs that mirror what a decision says; whoever asked the runtime fills them in. Out: a `String`.
//! It decides nothing and looks nothing up.

mod text;

use std::fmt;

use serde::{Serialize, Serializer};

pub use text::{brief, explanation_text, text};

use super::json;

/// What was decided, with names in place of the runtime's ids. Serialises to the fields that every decision has;
/// what is not there is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The answer.
    pub effect: Effect,
    /// Why, for a program: `granted`, `denied-by-rule`, `unknown-agent`.
    pub code: String,
    /// `policy/rule`, the one that decided; of several the first by name.
    pub rule: Option<String>,
    /// The deciding rule's `reason`.
    pub reason: Option<String>,
    /// Conditions that could not be evaluated.
    pub errors: Vec<Fault>,
    /// What the answer asks of whoever carries it out.
    pub obligations: Obligations,
    /// Rules that are only observed and would have matched, `policy/rule`.
    pub observed: Vec<String>,
    /// What a person signs to approve the call.
    pub challenge: Option<serde_json::Value>,
    /// Where the deciding rule was written, and by whom approved.
    pub source: Option<Source>,
    /// Since when the agent has the tool or the credential there as it has it now, and who approved that; of what it was
    /// not given, and of a bundle that is not attested, nothing.
    pub access: Option<Access>,
    /// The bundle that answered.
    pub bundle: Bundle,
}

/// The three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call may be made.
    Allow,
    /// The call may be made once people have said yes.
    RequireApproval,
    /// The call may not be made.
    Deny,
}

impl Effect {
    /// As a decision spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::RequireApproval => "require_approval",
            Self::Deny => "deny",
        }
    }
}

/// A condition that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The rule whose condition it is, `policy/rule`.
    pub rule: Option<String>,
    /// The argument that was missing or of the wrong type.
    pub argument: Option<String>,
    /// What is wrong with it, in words.
    pub fault: String,
}

/// What the answer asks of whoever carries it out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Obligations {
    /// Every one must be met.
    pub approval: Vec<Approval>,
    /// What was counted.
    pub limits: Vec<Limit>,
    /// How long a credential obtained by this call may live.
    pub credential_ttl: Option<Duration>,
}

/// The approval that one rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// `policy/rule`.
    pub rule: String,
    /// So many people from each.
    pub require: Vec<Requirement>,
    /// How long the challenge stands.
    pub timeout: Option<Duration>,
    /// Neither the agent's owner nor the person it works for counts.
    pub separation: bool,
    /// `forge`, `signed` or `present`.
    pub evidence: String,
}

/// So many people from these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// People and groups.
    pub from: Vec<String>,
    /// How many.
    pub count: u32,
}

/// A limit that the call counts against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// `policy/rule`, or `ring/NAME`.
    pub of: String,
    /// As written: `20/h`.
    pub rate: String,
    /// How many at once before the rate holds.
    pub burst: Option<u32>,
    /// How many at the same time.
    pub concurrent: Option<u32>,
}

/// Milliseconds; written as documents write it, `15m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(pub i64);

/// Where the deciding rule was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Relative to the repository.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// The commit that last changed the rule, or the bundle's.
    pub commit: Option<String>,
    /// Who approved that change.
    pub approved_by: Vec<String>,
}

/// An agent's access to a tool or a credential in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// The tool; `credential.<name>` for a credential.
    pub tool: String,
    /// The commit that last changed what the agent may do with it, by whichever document.
    pub commit: String,
    /// Who approved that change.
    pub approved_by: Vec<String>,
}

/// The bundle that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bundle {
    /// Whose it is.
    pub organization: String,
    /// Of its manifest, in hexadecimal.
    pub digest: String,
    /// Its place in the order of bundles.
    pub serial: Serial,
    /// The commit it was built from.
    pub commit: Option<String>,
}

/// The place of a bundle in its history; shown as `epoch.steps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Serial {
    /// Which history.
    pub epoch: u64,
    /// How many steps its trunk has.
    pub steps: u64,
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.steps)
    }
}

/// A decision and the way to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What was decided.
    pub decision: Decision,
    /// What was settled before any rule was looked at, in order: `payments/claude-code is deployed in production`.
    pub steps: Vec<String>,
    /// Every rule that the call's cell holds, by name.
    pub rules: Vec<RuleTrace>,
}

/// One rule and what its condition came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// `policy/rule`.
    pub rule: String,
    /// What it does when it matches.
    pub effect: Effect,
    /// For now it only says what it would do: it counted for nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
    /// What its condition came to.
    pub outcome: Outcome,
    /// The path through its guard: `amount <= 5000: no`.
    pub steps: Vec<String>,
    /// Where it was written.
    pub source: Option<Source>,
}

/// What a rule's condition came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rule matches.
    Matches,
    /// It does not.
    DoesNotMatch,
    /// It could not be evaluated: a deny and a gate hold, an allow grants nothing.
    Error,
    /// A stronger rule had decided before it was asked.
    NotAsked,
}

/// A decision as indented JSON.
pub fn json(decision: &Decision) -> String {
    json::pretty(decision)
}

/// A decision as one line of JSON, for one answer a line.
pub fn json_line(decision: &Decision) -> String {
    json::line(decision)
}

/// A decision and how it came about, as indented JSON.
pub fn explanation_json(explanation: &Explanation) -> String {
    json::pretty(explanation)
}

impl Duration {
    /// In the greatest unit that divides it: `15m`, `90s`.
    fn text(self) -> String {
        const UNITS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        let unit = UNITS.into_iter().find(|(length, _)| self.0 % length == 0);
        unit.map_or_else(
            || format!("{}ms", self.0),
            |(length, name)| format!("{}{name}", self.0 / length),
        )
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests;
