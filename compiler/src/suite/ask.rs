//! One call, decided from a table by the runtime's own decision: what `polity test`, `--record` and a replay ask.
//!
//! A bundle decides for agents, and only a verified one. Here the compiler asks the table that it has just made, or
//! compiled from a revision: the answer is of use to whoever writes policies, and to no agent. A call is decided
//! alone, as `decide --requests` does it: a session that holds what the call says, no calls made, full limits; and
//! within the lifetime of a bundle, since a table has none.

use polity_runtime::decide::{Decision, Observer, Phase, Request as Asked, decide as decided};
use polity_runtime::explain::{Explanation, explain as explained};
use polity_runtime::session::{ClassSet, Seat, State};
use polity_runtime::table::{ActionId, Table};
use polity_runtime::value::Arguments;

use crate::ast::Moment;

/// One call. Names are as typed: what the table does not know, it denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `team/agent`.
    pub agent: String,
    /// Where it acts.
    pub environment: String,
    /// What it does.
    pub action: String,
    /// The text of a JSON object, with whatever keys it repeats.
    pub args: String,
    /// What is told of the resources of the call, a JSON array as the runtime reads it.
    pub entities: Option<String>,
    /// Data classes that the session holds.
    pub holding: Vec<String>,
    /// A person.
    pub on_behalf_of: Option<String>,
    /// The moment of the call.
    pub now: Moment,
}

impl Request {
    /// The same call, borrowed.
    pub fn question(&self) -> Question<'_> {
        Question {
            agent: &self.agent,
            environment: &self.environment,
            action: &self.action,
            args: &self.args,
            entities: self.entities.as_deref(),
            holding: &self.holding,
            on_behalf_of: self.on_behalf_of.as_deref(),
            now: self.now,
        }
    }
}

/// A [`Request`] whose parts are somebody else's.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields of `Request`")]
pub struct Question<'q> {
    pub agent: &'q str,
    pub environment: &'q str,
    pub action: &'q str,
    pub args: &'q str,
    pub entities: Option<&'q str>,
    pub holding: &'q [String],
    pub on_behalf_of: Option<&'q str>,
    pub now: Moment,
}

/// Decides a call.
///
/// # Errors
/// It cannot be read, which denies it; says why.
pub fn decide<O: Observer>(table: &Table, question: &Question<'_>, observer: &mut O) -> Result<Decision, String> {
    with(table, question, |state, request| {
        decided(table, state, request, observer)
    })
}

/// Decides a call, and says how that came about.
///
/// # Errors
/// As [`decide`].
pub fn explain(table: &Table, question: &Question<'_>) -> Result<Explanation, String> {
    with(table, question, |state, request| {
        let mut explanation = explained(table, state, request);
        blame(&mut explanation, request.arguments, question.action);
        explanation
    })
}

fn with<T>(table: &Table, question: &Question<'_>, ask: impl FnOnce(&State<'_>, &Asked<'_>) -> T) -> Result<T, String> {
    let mut holding = ClassSet::default();
    for class in question.holding {
        holding.insert(table.class(class).ok_or_else(|| unknown_class(class))?.0);
    }
    let action = table.action(question.action);
    let arguments = arguments(table, action, question.args, question.entities)?;
    let state = State {
        seat: &Seat::resolve(table, question.agent, question.environment),
        holding: &holding,
        calls: 0,
    };
    let request = Asked {
        action,
        arguments: &arguments,
        on_behalf_of: question.on_behalf_of,
        now: question.now,
        phase: Phase::Live,
    };
    Ok(ask(&state, &request))
}

/// Reads the arguments of a call, and what is told of its resources. Those of an action that nobody knows are not
/// looked at.
///
/// # Errors
/// They are no JSON object, or repeat a key; or the entities are no array of them.
pub(crate) fn arguments<'a>(
    table: &Table,
    action: Option<ActionId>,
    text: &'a str,
    entities: Option<&'a str>,
) -> Result<Arguments<'a>, String> {
    let mut arguments = Arguments::new();
    let Some(action) = action else { return Ok(arguments) };
    let parameters = table.parameters(action);
    let read = arguments.read_json(&parameters, text);
    read.map_err(|error| format!("the arguments cannot be read: {error}"))?;
    if let Some(entities) = entities {
        let read = arguments.read_entities_json(&parameters, entities);
        read.map_err(|error| format!("what is told of resources cannot be read: {error}"))?;
    }
    Ok(arguments)
}

/// What is said of a session that holds something unheard of.
pub(crate) fn unknown_class(class: &str) -> String {
    format!("the bundle has no data class `{class}`, so what holding it forbids is not known")
}

/// Names the argument that an action does not declare, where that is the reason.
pub(crate) fn blame(explanation: &mut Explanation, arguments: &Arguments<'_>, action: &str) {
    if explanation.decision.code == polity_runtime::decide::Code::UndeclaredArgument
        && let Some(argument) = arguments.undeclared()
    {
        explanation.reason = Some(format!("`{action}` declares no argument `{argument}`"));
    }
}
