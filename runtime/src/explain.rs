//! Ids to names, reasons, sources and the path walked: the cold side of a decision, looked up only when asked.
//!
//! [`explain`] decides the call once more, with an observer, and every rule of the cell is evaluated. It changes
//! nothing and never disagrees with [`decide`]: it is the same function.

mod describe;

use std::fmt;

use crate::decide::{Code, Decision, Kind, Observer, Outcome, Request, approval_of, decide};
use crate::guard::{Answer, Blame, Trace};
use crate::session::State;
use crate::table::{ActionId, Cell, NONE, RuleId, Table, join, record, slice};
use crate::value::Fault;

/// Everything that there is to say about a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Why, for a person: the rule's or the kill's reason, or what the code means here.
    pub reason: Option<String>,
    /// Every rule that was evaluated, denies first.
    pub rules: Vec<RuleTrace>,
    /// Conditions that could not be evaluated.
    pub errors: Vec<ConditionError>,
    /// What comes with the answer.
    pub obligations: Obligations,
    /// Names of rules that are observed for now, and would have matched.
    pub observed: Vec<String>,
    /// Where the deciding rule stands.
    pub source: Option<Source>,
}

/// A rule and the path through its guard.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTrace {
    /// What the rule does.
    pub kind: Kind,
    /// `policy/rule`; of a variant's test, the variant's name.
    pub name: String,
    /// What its guard came to.
    pub answer: Answer,
    /// The tests on the way.
    pub steps: Vec<Step>,
    /// The nodes of those tests, in the same order.
    pub nodes: Vec<u32>,
    /// Where it stands.
    pub source: Option<Source>,
}

/// A test on the way through a guard.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `context.args.amount <= 5000`
    pub test: String,
    /// What it came to.
    pub answer: Answer,
    /// Why it erred.
    pub fault: Option<String>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.fault, self.answer) {
            (Some(fault), _) => write!(f, "{}: error, {fault}", self.test),
            (None, Answer::Yes) => write!(f, "{}: yes", self.test),
            (None, _) => write!(f, "{}: no", self.test),
        }
    }
}

/// A condition that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConditionError {
    /// `policy/rule`, or the variant.
    pub rule: String,
    /// The argument to blame, where one is.
    pub argument: Option<String>,
    /// Why.
    pub fault: String,
}

/// What comes with an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obligations {
    /// All that matching rules ask for: every one must be satisfied.
    pub approvals: Vec<Approval>,
    /// The ring's limit, then those of all grants that match, by name. A grant whose own limit is used up does not match.
    pub limits: Vec<Limit>,
    /// Milliseconds that the credential may live.
    pub credential_ttl: Option<i64>,
}

/// What one rule asks of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// `policy/rule`.
    pub rule: String,
    /// Each must be met, by different people.
    pub require: Vec<Requirement>,
    /// Milliseconds.
    pub timeout: i64,
    /// The agent's owner and the person for whom it works do not count.
    pub separation: bool,
    /// `forge`, `signed`, `present`.
    pub evidence: &'static str,
}

/// So many people of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// People, groups, `team-owners`, `owners`, as written.
    pub from: Vec<String>,
    /// How many.
    pub count: u32,
    /// Whom `from` means.
    pub people: Vec<String>,
}

/// How often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// `ring/sandboxed`, or the rule.
    pub of: String,
    /// Calls,
    pub count: u32,
    /// in so many milliseconds.
    pub per: u32,
    /// The bucket's size, of a ring.
    pub burst: Option<u32>,
    /// At once, of a ring.
    pub concurrent: Option<u32>,
}

/// Where a rule stands in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Relative to the repository's root.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// The commit that brought it, where the trail says.
    pub commit: Option<String>,
}

/// Decides a call and says why.
pub fn explain(table: &Table, state: &State<'_>, request: &Request<'_>) -> Explanation {
    let mut recorder = Recorder::default();
    let decision = decide(table, state, request, &mut recorder);
    let named = Named {
        table,
        action: decision.action,
    };
    let rules: Vec<RuleTrace> = recorder.rules.iter().map(|raw| named.rule(raw)).collect();
    let errors = recorder.rules.iter().flat_map(|raw| named.errors(raw)).collect();
    let observed = rules
        .iter()
        .filter(|r| r.kind == Kind::Observed && r.answer != Answer::No)
        .map(|r| r.name.clone());
    Explanation {
        decision,
        reason: reason(table, state, &decision),
        errors,
        obligations: obligations(table, state, &decision, &recorder),
        observed: observed.collect(),
        source: decision.rule.and_then(|rule| named.source(rule)),
        rules,
    }
}

/// The test of a guard's node as text, `context.args.amount <= 5000`, over the arguments of an action.
pub fn test_text(table: &Table, action: ActionId, node: u32) -> String {
    describe::node(table, Some(action), node)
}

/// Keeps what a decision looked at.
#[derive(Debug, Default)]
struct Recorder {
    rules: Vec<Raw>,
    entries: Vec<[u32; 3]>,
}

#[derive(Debug)]
struct Raw {
    kind: Kind,
    rule: RuleId,
    answer: Answer,
    tests: Vec<(u32, Answer, Option<Blame>)>,
}

impl Trace for Recorder {
    fn test(&mut self, node: u32, answer: Answer, blame: Option<Blame>) {
        if let Some(last) = self.rules.last_mut() {
            last.tests.push((node, answer, blame));
        }
    }
}

impl Observer for Recorder {
    const THOROUGH: bool = true;

    fn cell(&mut self, cell: &Cell<'_>) {
        self.entries = [cell.denies, cell.grants, cell.gates].concat();
    }

    fn enter(&mut self, kind: Kind, rule: RuleId) {
        self.rules.push(Raw {
            kind,
            rule,
            answer: Answer::Error,
            tests: Vec::new(),
        });
    }

    fn leave(&mut self, answer: Answer) {
        if let Some(last) = self.rules.last_mut() {
            last.answer = answer;
        }
    }
}

/// Turns ids of one action's rules into names.
struct Named<'t> {
    table: &'t Table,
    action: Option<ActionId>,
}

impl Named<'_> {
    fn rule(&self, raw: &Raw) -> RuleTrace {
        let step = |(node, answer, blame): &(u32, Answer, Option<Blame>)| Step {
            test: describe::node(self.table, self.action, *node),
            answer: *answer,
            fault: blame.map(|blame| self.blame(blame).1),
        };
        RuleTrace {
            kind: raw.kind,
            name: self.name(raw),
            answer: raw.answer,
            steps: raw.tests.iter().map(step).collect(),
            nodes: raw.tests.iter().map(|(node, _, _)| *node).collect(),
            source: if raw.kind == Kind::Variant {
                None
            } else {
                self.source(raw.rule)
            },
        }
    }

    fn name(&self, raw: &Raw) -> String {
        match raw.kind {
            Kind::Variant => self.table.action_name(ActionId(raw.rule.0)).to_owned(),
            _ => self.table.rule_name(raw.rule).to_owned(),
        }
    }

    /// A rule that erred, with each test that was to blame.
    fn errors(&self, raw: &Raw) -> Vec<ConditionError> {
        if raw.answer != Answer::Error {
            return Vec::new();
        }
        let blamed = raw
            .tests
            .iter()
            .filter_map(|(_, _, blame)| *blame)
            .map(|blame| self.blame(blame));
        let mut errors: Vec<ConditionError> = blamed
            .map(|(argument, fault)| ConditionError {
                rule: self.name(raw),
                argument,
                fault,
            })
            .collect();
        if errors.is_empty() {
            let fault = match raw.tests.last() {
                Some((node, answer, _)) => {
                    let test = describe::node(self.table, self.action, *node);
                    let answer = if *answer == Answer::Yes { "so" } else { "not so" };
                    format!("it cannot be evaluated where this is {answer}: {test}")
                }
                None => "it can never be evaluated".into(),
            };
            errors.push(ConditionError {
                rule: self.name(raw),
                argument: None,
                fault,
            });
        }
        errors.sort();
        errors.dedup();
        errors
    }

    /// The argument to blame and why.
    fn blame(&self, blame: Blame) -> (Option<String>, String) {
        let name = |slot| Some(describe::slot(self.table, self.action, slot));
        match blame {
            Blame::Missing(slot) => (name(slot), "it is missing".into()),
            Blame::Argument(slot, Fault::WrongType) => (name(slot), "it is not of its declared type".into()),
            Blame::Argument(slot, Fault::OutOfRange) => (name(slot), "it is outside what its type can hold".into()),
            Blame::Argument(slot, Fault::Unsafe) => (name(slot), "it cannot be normalised safely".into()),
            Blame::OnBehalfOf => (None, "it is not known for whom the agent works".into()),
            Blame::Overflow => (None, "a calculation overflows".into()),
            Blame::Resource(slot) => (
                name(slot),
                "it may not stand in a resource: it holds a `/`, a dot segment or a control character".into(),
            ),
            Blame::Program(blame) => (None, blame.to_string()),
            Blame::Table => (None, "the table is at fault".into()),
        }
    }

    fn source(&self, rule: RuleId) -> Option<Source> {
        let r = self.table.rule_record(rule)?;
        let commit = r[record::rule::COMMIT];
        Some(Source {
            path: self.table.string(r[record::rule::PATH]).to_owned(),
            line: r[record::rule::LINE],
            commit: (commit != NONE).then(|| self.table.string(commit).to_owned()),
        })
    }
}

/// The reason given by the rule or the kill, or what the code means here.
fn reason(table: &Table, state: &State<'_>, decision: &Decision) -> Option<String> {
    let text = |id: u32| (id != NONE).then(|| table.string(id).to_owned());
    if let Some(kill) = decision.kill {
        let r = table.data().kills.get(kill.0 as usize)?;
        return text(r[record::kill::REASON]);
    }
    if let Some(rule) = decision.rule {
        return text(table.rule_record(rule)?[record::rule::REASON]);
    }
    let said = match decision.code {
        Code::NotAdmitted => match state.seat.placement {
            Some(placement) => match table.admission(placement) {
                (crate::table::Admission::Admitted, _) => "the deployment has ended",
                (why, _) => why.describe(),
            },
            None => "the agent is not deployed in this environment",
        },
        Code::Expired => "the bundle's lifetime is over",
        Code::UnknownAgent => "the bundle has no such deployment",
        Code::UnknownEnvironment => "the bundle has no such environment",
        Code::UnknownAction => "the bundle has no such action",
        Code::NotGiven => "the deployment was not given this tool or credential",
        Code::UndeclaredArgument => "the call carries an argument that the action does not declare",
        Code::Unclassified => "no variant of the action takes this call",
        Code::RingCeiling => "the ring excludes this action",
        Code::NoGrant => "no rule allows it",
        Code::InvalidRequest => "the request cannot be read",
        Code::Killed | Code::DeniedByRule | Code::ApprovalRequired | Code::Granted => return None,
    };
    Some(said.to_owned())
}

fn obligations(table: &Table, state: &State<'_>, decision: &Decision, recorder: &Recorder) -> Obligations {
    let mut obligations = Obligations::default();
    if decision.outcome == Outcome::Deny {
        return obligations;
    }
    let binding = recorder.rules.iter().filter(|raw| match raw.kind {
        Kind::Grant | Kind::Gate => raw.answer != Answer::No,
        Kind::Deny | Kind::Observed | Kind::Variant => false,
    });
    obligations.approvals = binding
        .filter_map(|raw| approval(table, &recorder.entries, raw.rule))
        .collect();
    obligations.approvals.sort_by(|a, b| a.rule.cmp(&b.rule));
    let ring = state
        .seat
        .placement
        .and_then(|p| table.placement_record(p))
        .map(|r| r[record::placement::RING]);
    if let Some(r) = ring.and_then(|ring| table.data().rings.get(ring as usize)) {
        use record::ring;
        obligations.limits.push(Limit {
            of: format!("ring/{}", table.string(r[ring::NAME])),
            count: r[ring::RATE],
            per: r[ring::PER],
            burst: Some(r[ring::BURST]),
            concurrent: Some(r[ring::CONCURRENT]),
        });
    }
    let granted = recorder
        .rules
        .iter()
        .filter(|raw| raw.kind == Kind::Grant && raw.answer == Answer::Yes);
    for (rule, r) in granted.filter_map(|raw| Some((raw.rule, table.rule_record(raw.rule)?))) {
        if r[record::rule::LIMIT] > 0 {
            obligations.limits.push(Limit {
                of: table.rule_name(rule).to_owned(),
                count: r[record::rule::LIMIT],
                per: r[record::rule::LIMIT_PER],
                burst: None,
                concurrent: None,
            });
        }
    }
    if let Some(r) = decision.action.and_then(|action| table.action_record(action)) {
        let ttl = join(r[record::action::TTL], r[record::action::TTL + 1]);
        obligations.credential_ttl = (ttl > 0).then_some(ttl);
    }
    obligations
}

/// What a rule asks of people, if it asks.
fn approval(table: &Table, entries: &[[u32; 3]], rule: RuleId) -> Option<Approval> {
    use record::{approval as a, requirement as q};
    let id = approval_of(entries, rule)?;
    let r = table.data().approvals.get(id.0 as usize)?;
    let requirements = slice(&table.data().requirements, r[a::REQUIREMENTS], r[a::REQUIREMENT_COUNT]);
    let requirement = |r: &[u32; 5]| Requirement {
        from: table
            .words(r[q::FROM], r[q::FROM_COUNT])
            .iter()
            .map(|id| table.string(*id).to_owned())
            .collect(),
        count: r[q::COUNT],
        people: table
            .words(r[q::PEOPLE], r[q::PEOPLE_COUNT])
            .iter()
            .filter_map(|id| {
                table
                    .data()
                    .people
                    .get(*id as usize)
                    .map(|[name]| table.string(*name).to_owned())
            })
            .collect(),
    };
    Some(Approval {
        rule: table.rule_name(rule).to_owned(),
        require: requirements.iter().map(requirement).collect(),
        timeout: join(r[a::TIMEOUT], r[a::TIMEOUT + 1]),
        separation: r[a::SEPARATION] != 0,
        evidence: match r[a::EVIDENCE] {
            0 => "forge",
            1 => "signed",
            _ => "present",
        },
    })
}
