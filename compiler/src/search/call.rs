//! A concrete call, and what a table says to it: the runtime has the last word on everything that is found.

use polity_runtime::decide::{Code, Decision, Kind, Outcome, Phase, Request};
use polity_runtime::explain::{Approval, Explanation, explain};
use polity_runtime::guard;
use polity_runtime::session::{ClassSet, Seat, State};
use polity_runtime::table::Table;
use polity_runtime::value::Arguments;
use serde_json::Value as Json;

use super::frame::Frame;
use super::theory::{Model, values};

/// A call that anybody can make again.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `payments/claude-code`
    pub agent: String,
    /// The environment.
    pub environment: String,
    /// As a call names it: never a variant.
    pub action: String,
    /// A JSON object.
    pub arguments: Json,
    /// The data classes that the session holds.
    pub holding: Vec<String>,
    /// The person for whom the agent works.
    pub on_behalf_of: Option<String>,
    /// Calls that the session has made.
    pub calls: i64,
    /// Milliseconds since 1970.
    pub now: i64,
}

impl Call {
    /// The call that a model makes of an agent, an environment and an action. Of two tables that declare an argument
    /// differently, one is preferred.
    pub(crate) fn new(
        (agent, environment, action): (&str, &str, &str),
        frame: &Frame,
        model: &Model,
        prefer: usize,
    ) -> Self {
        Self {
            agent: agent.to_owned(),
            environment: environment.to_owned(),
            action: action.to_owned(),
            arguments: frame.json(model, prefer),
            holding: model.holding.clone(),
            on_behalf_of: model.behalf.clone(),
            calls: model.calls,
            now: model.now,
        }
    }
}

impl Call {
    /// When, in RFC 3339.
    pub fn moment(&self) -> String {
        values::moment(self.now)
    }
}

/// What a table says to a call, as far as two of them are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub outcome: Outcome,
    /// The step that decided.
    pub code: Code,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The file and the line where it stands.
    pub source: Option<(String, u32)>,
    /// What is asked of people.
    pub approvals: Vec<Approval>,
    /// The grants that hold.
    pub grants: Vec<String>,
}

/// Asks a table. A class that it does not know cannot be held there.
pub fn ask(table: &Table, call: &Call) -> Verdict {
    let Explanation {
        decision,
        rules,
        obligations,
        source,
        ..
    } = explained(table, call);
    let holds = rules
        .into_iter()
        .filter(|trace| trace.kind == Kind::Grant && trace.answer == guard::Answer::Yes);
    let Decision {
        outcome, code, rule, ..
    } = decision;
    Verdict {
        outcome,
        code,
        rule: rule.map(|rule| table.rule_name(rule).to_owned()),
        source: source.map(|source| (source.path, source.line)),
        approvals: obligations.approvals,
        grants: holds.map(|trace| trace.name).collect(),
    }
}

/// What a table says to a call, with the path walked.
pub(crate) fn explained(table: &Table, call: &Call) -> Explanation {
    let mut holding = ClassSet::default();
    for class in call.holding.iter().filter_map(|name| table.class(name)) {
        holding.insert(class.0);
    }
    let state = State {
        seat: &Seat::resolve(table, &call.agent, &call.environment),
        holding: &holding,
        calls: call.calls,
    };
    let action = table.action(&call.action);
    let text = call.arguments.to_string();
    let mut arguments = Arguments::new();
    if let Some(action) = action {
        // Arguments that cannot be read are all invalid, and so decided.
        let _ = arguments.read_json(&table.parameters(action), &text);
    }
    let request = Request {
        action,
        arguments: &arguments,
        on_behalf_of: call.on_behalf_of.as_deref(),
        now: call.now,
        phase: Phase::Live,
    };
    explain(table, &state, &request)
}
