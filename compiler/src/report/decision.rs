//! A decision and its explanation, as text for people and JSON for scripts.
//!
//! In: plain structs that mirror what a decision says; whoever asked the runtime fills them in. Out: a `String`.
//! It decides nothing and looks nothing up.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Effects, Style};
use serde::{Serialize, Serializer};

use super::{json, visible};

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

/// A decision in a few lines.
pub fn text(decision: &Decision, colour: bool) -> String {
    let mut text = String::new();
    let ink = ink(decision.effect, colour);
    let faint = if colour { Style::new().dimmed() } else { Style::new() };
    let by = decision
        .rule
        .as_deref()
        .map(|rule| format!(" by {}", visible::line(rule)))
        .unwrap_or_default();
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        text,
        "{ink}{}{ink:#} {}{by}",
        name(decision.effect),
        visible::line(&decision.code)
    );
    let mut say = |label: &str, what: &str| {
        let _ = writeln!(text, "  {faint}{label:<11}{faint:#}{}", visible::line(what));
    };
    if let Some(reason) = &decision.reason {
        say("reason", reason);
    }
    for fault in &decision.errors {
        say("error", &described(fault));
    }
    for approval in &decision.obligations.approval {
        say(
            "approval",
            &format!("{} asks for {}", approval.rule, required(approval)),
        );
    }
    for limit in &decision.obligations.limits {
        say("limit", &limited(limit));
    }
    if let Some(ttl) = decision.obligations.credential_ttl {
        say("credential", &format!("for at most {}", ttl.text()));
    }
    if !decision.observed.is_empty() {
        say("observed", &decision.observed.join(", "));
    }
    if let Some(source) = &decision.source {
        say("source", &written(source));
    }
    let Bundle {
        organization,
        digest,
        serial,
        commit,
    } = &decision.bundle;
    let commit = commit
        .as_deref()
        .map(|id| format!(", commit {}", short(id)))
        .unwrap_or_default();
    say("bundle", &format!("{organization} {serial}, {}{commit}", short(digest)));
    text
}

/// A decision as indented JSON.
pub fn json(decision: &Decision) -> String {
    json::pretty(decision)
}

/// A decision as one line of JSON, for one answer a line.
pub fn json_line(decision: &Decision) -> String {
    json::line(decision)
}

/// A decision, and how it came about.
pub fn explanation_text(explanation: &Explanation, colour: bool) -> String {
    let mut text = text(&explanation.decision, colour);
    if !explanation.steps.is_empty() {
        text.push_str("\nbefore any rule\n");
        for step in &explanation.steps {
            let _ = writeln!(text, "  {}", visible::line(step));
        }
    }
    if !explanation.rules.is_empty() {
        text.push_str("\nrules\n");
    }
    for rule in &explanation.rules {
        let ink = match rule.outcome {
            Outcome::Matches | Outcome::Error => ink(rule.effect, colour),
            Outcome::DoesNotMatch | Outcome::NotAsked => Style::new(),
        };
        let outcome = match rule.outcome {
            Outcome::Matches => "matches",
            Outcome::DoesNotMatch => "does not match",
            Outcome::Error => "cannot be evaluated",
            Outcome::NotAsked => "was not asked",
        };
        let _ = writeln!(
            text,
            "  {ink}{}{ink:#} {}: {outcome}",
            name(rule.effect),
            visible::line(&rule.rule)
        );
        for step in &rule.steps {
            let _ = writeln!(text, "    {}", visible::line(step));
        }
        if let Some(source) = &rule.source {
            let _ = writeln!(text, "    at {}", visible::line(&written(source)));
        }
    }
    text
}

/// A decision and how it came about, as indented JSON.
pub fn explanation_json(explanation: &Explanation) -> String {
    json::pretty(explanation)
}

fn ink(effect: Effect, colour: bool) -> Style {
    let colour_of = match effect {
        Effect::Allow => AnsiColor::Green,
        Effect::RequireApproval => AnsiColor::Yellow,
        Effect::Deny => AnsiColor::Red,
    };
    if colour {
        colour_of.on_default().effects(Effects::BOLD)
    } else {
        Style::new()
    }
}

fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::RequireApproval => "require_approval",
        Effect::Deny => "deny",
    }
}

fn described(fault: &Fault) -> String {
    let of = fault
        .rule
        .as_deref()
        .map(|rule| format!("{rule}: "))
        .unwrap_or_default();
    let argument = fault
        .argument
        .as_deref()
        .map(|argument| format!("`{argument}`: "))
        .unwrap_or_default();
    format!("{of}{argument}{}", fault.fault)
}

fn required(approval: &Approval) -> String {
    let all = approval
        .require
        .iter()
        .map(|one| format!("{} from {}", one.count, one.from.join(" or ")));
    let mut said = all.collect::<Vec<_>>().join(", and ");
    if let Some(timeout) = approval.timeout {
        let _ = write!(said, " within {}", timeout.text());
    }
    let _ = write!(said, ", {} evidence", approval.evidence);
    if !approval.separation {
        said.push_str(", without separation");
    }
    said
}

fn limited(limit: &Limit) -> String {
    let mut said = format!("{}: {}", limit.of, limit.rate);
    if let Some(burst) = limit.burst {
        let _ = write!(said, ", burst {burst}");
    }
    if let Some(concurrent) = limit.concurrent {
        let _ = write!(said, ", {concurrent} at once");
    }
    said
}

fn written(source: &Source) -> String {
    let mut said = format!("{}:{}", source.path, source.line);
    if let Some(commit) = &source.commit {
        let _ = write!(said, ", commit {}", short(commit));
    }
    if !source.approved_by.is_empty() {
        let _ = write!(said, ", approved by {}", source.approved_by.join(", "));
    }
    said
}

/// As much of a hexadecimal id as tells it from others at a glance, as git shows it.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
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
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            path: "teams/payments/refunds.yaml".to_owned(),
            line: 12,
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            approved_by: vec!["alice".to_owned(), "carol".to_owned()],
        }
    }

    fn decision() -> Decision {
        Decision {
            effect: Effect::RequireApproval,
            code: "approval-required".to_owned(),
            rule: Some("refunds/large".to_owned()),
            reason: Some("large refunds are looked at".to_owned()),
            errors: vec![Fault {
                rule: Some("guardrails/eu-only".to_owned()),
                argument: Some("region".to_owned()),
                fault: "the argument is missing".to_owned(),
            }],
            obligations: Obligations {
                approval: vec![Approval {
                    rule: "refunds/large".to_owned(),
                    require: vec![
                        Requirement {
                            from: vec!["finance".to_owned()],
                            count: 2,
                        },
                        Requirement {
                            from: vec!["alice".to_owned(), "bob".to_owned()],
                            count: 1,
                        },
                    ],
                    timeout: Some(Duration(3_600_000)),
                    separation: true,
                    evidence: "signed".to_owned(),
                }],
                limits: vec![Limit {
                    of: "ring/standard".to_owned(),
                    rate: "20/s".to_owned(),
                    burst: Some(40),
                    concurrent: Some(8),
                }],
                credential_ttl: Some(Duration(90_000)),
            },
            observed: vec!["trial/no-dollars".to_owned()],
            challenge: None,
            source: Some(source()),
            bundle: Bundle {
                organization: "acme".to_owned(),
                digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
                serial: Serial { epoch: 1, steps: 42 },
                commit: Some("89abcdef0123456789abcdef0123456789abcdef".to_owned()),
            },
        }
    }

    fn denied() -> Decision {
        Decision {
            effect: Effect::Deny,
            code: "unknown-agent".to_owned(),
            rule: None,
            reason: None,
            errors: Vec::new(),
            obligations: Obligations::default(),
            observed: Vec::new(),
            source: None,
            ..decision()
        }
    }

    #[test]
    fn a_decision_says_what_it_asks_and_where_it_comes_from() {
        insta::assert_snapshot!(text(&decision(), false));
    }

    #[test]
    fn json_has_every_field_whatever_was_decided() {
        insta::assert_snapshot!("decision_json", json(&decision()));
        insta::assert_snapshot!("decision_json_line", json_line(&denied()));
    }

    #[test]
    fn the_answer_has_its_colour_on_a_terminal_only() {
        assert!(text(&denied(), true).starts_with("\u{1b}[1m\u{1b}[31mdeny\u{1b}[0m unknown-agent\n"));
        assert!(text(&denied(), false).starts_with("deny unknown-agent\n"));
    }

    #[test]
    fn hostile_names_cannot_rewrite_the_terminal() {
        let mut hostile = denied();
        hostile.reason = Some("\u{1b}[2Jallow granted\n".to_owned());
        assert!(text(&hostile, false).contains(r"\u{1b}[2Jallow granted\n"));
    }

    #[test]
    fn an_explanation_shows_the_path_through_every_rule() {
        let trace = |rule: &str, effect, outcome, steps: &[&str]| RuleTrace {
            rule: rule.to_owned(),
            effect,
            outcome,
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            source: Some(source()),
        };
        let explanation = Explanation {
            decision: decision(),
            steps: vec!["payments/refund-bot is deployed in production in ring standard".to_owned()],
            rules: vec![
                trace(
                    "guardrails/eu-only",
                    Effect::RequireApproval,
                    Outcome::Error,
                    &["region == \"eu\": error, the argument is missing"],
                ),
                trace(
                    "refunds/large",
                    Effect::Allow,
                    Outcome::Matches,
                    &["amount <= 5000: no", "currency == \"EUR\": yes"],
                ),
                trace(
                    "refunds/small",
                    Effect::Allow,
                    Outcome::DoesNotMatch,
                    &["amount <= 5000: no"],
                ),
            ],
        };
        insta::assert_snapshot!("explanation_text", explanation_text(&explanation, false));
        insta::assert_snapshot!("explanation_json", explanation_json(&explanation));
    }

    #[test]
    fn durations_take_the_greatest_unit_that_divides_them() {
        let shown = [604_800_000, 7_200_000, 900_000, 90_000, 1_500].map(|length| Duration(length).text());
        assert_eq!(shown, ["7d", "2h", "15m", "90s", "1500ms"]);
    }
}
