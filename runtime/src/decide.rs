//! `(&Table, State, Request) -> Decision`: pure, total, deny by default.
//!
//! The steps are those of the design's "The order", each where it stands there. The fast path gives ids; names,
//! reasons and sources are looked up from the cold part only when asked ([`crate::explain`]).

use crate::guard::{Answer, Call, Guard, Silent, Trace, evaluate};
use crate::route::{End, Route};
use crate::session::{Seat, State};
use crate::table::{
    ActionId, ApprovalId, Cell, DeploymentId, Entries, EnvironmentId, KillId, NONE, RuleId, Table, ToolId, record,
};
use crate::value::{Arguments, Effect};

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "three answers, from the strictest on")]
pub enum Outcome {
    Deny,
    RequireApproval,
    Allow,
}

impl Outcome {
    /// As a decision spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::RequireApproval => "require_approval",
            Self::Allow => "allow",
        }
    }
}

/// Why: the step that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A kill covers the agent, its team, the tool, the environment or everything.
    Killed,
    /// The bundle's lifetime is over, and its grace does not take this effect.
    Expired,
    /// The bundle has no such deployment.
    UnknownAgent,
    /// The bundle has no such environment.
    UnknownEnvironment,
    /// The bundle has no such action.
    UnknownAction,
    /// The agent is not deployed there, its deployment has ended, or what runs it is not taken.
    NotAdmitted,
    /// The deployment was not given the tool or credential.
    NotGiven,
    /// The call carries an argument that the action does not declare.
    UndeclaredArgument,
    /// No variant of the action takes the call.
    Unclassified,
    /// The ring excludes the action.
    RingCeiling,
    /// A deny rule matches.
    DeniedByRule,
    /// No allow rule matches.
    NoGrant,
    /// A matching rule asks for approval.
    ApprovalRequired,
    /// An allow rule matches, and nothing stands against it.
    Granted,
    /// The request cannot be read, or asks for what this runtime does not do (a chain of agents).
    InvalidRequest,
}

impl Code {
    /// As a decision spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Expired => "expired",
            Self::UnknownAgent => "unknown-agent",
            Self::UnknownEnvironment => "unknown-environment",
            Self::UnknownAction => "unknown-action",
            Self::NotAdmitted => "not-admitted",
            Self::NotGiven => "not-given",
            Self::UndeclaredArgument => "undeclared-argument",
            Self::Unclassified => "unclassified",
            Self::RingCeiling => "ring-ceiling",
            Self::DeniedByRule => "denied-by-rule",
            Self::NoGrant => "no-grant",
            Self::ApprovalRequired => "approval-required",
            Self::Granted => "granted",
            Self::InvalidRequest => "invalid-request",
        }
    }
}

/// Where the bundle is in its life at the moment of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Everything is decided.
    Live,
    /// Only these effects are: a bit per effect, the least for read.
    Grace(u8),
    /// Nothing is.
    Expired,
}

impl Phase {
    /// Whether a call of this effect may be decided now.
    #[inline]
    pub fn takes(self, effect: Effect) -> bool {
        match self {
            Self::Live => true,
            Self::Grace(effects) => effects & (1 << effect as u8) != 0,
            Self::Expired => false,
        }
    }
}

/// One call of an agent, as the table sees it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// The action; `None` where no action of the name that the host gave is known.
    pub action: Option<ActionId>,
    /// Its arguments, read for this action.
    pub arguments: &'r Arguments<'r>,
    /// The person for whom the agent works.
    pub on_behalf_of: Option<&'r str>,
    /// The effective time, milliseconds since 1970.
    pub now: i64,
    /// The bundle's phase at that time.
    pub phase: Phase,
}

/// The answer in ids. Small, and copied freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub outcome: Outcome,
    /// The step that decided.
    pub code: Code,
    /// The rule that decided, if one did: of several, the first by name.
    pub rule: Option<RuleId>,
    /// The kill that decided, if one did.
    pub kill: Option<KillId>,
    /// The action that the call was taken as: a variant, where there are some.
    pub action: Option<ActionId>,
    /// Whether a condition on the way could not be evaluated.
    pub erred: bool,
}

impl Decision {
    /// A refusal by a step that has no rule.
    pub fn refusal(code: Code) -> Self {
        Self {
            outcome: Outcome::Deny,
            code,
            rule: None,
            kill: None,
            action: None,
            erred: false,
        }
    }
}

/// Sees what a decision looks at. [`Silent`] costs nothing.
pub trait Observer: Trace {
    /// The cell that decides was found.
    fn cell(&mut self, cell: &Cell<'_>);
    /// A rule's guard is about to be evaluated.
    fn enter(&mut self, kind: Kind, rule: RuleId);
    /// It came to this.
    fn leave(&mut self, answer: Answer);
    /// Whether rules that can no longer change the answer are to be evaluated too.
    const THOROUGH: bool;
}

/// What a rule's guard decides in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the cell's lists")]
pub enum Kind {
    Deny,
    Grant,
    Gate,
    Observed,
    Variant,
}

impl Observer for Silent {
    #[inline]
    fn cell(&mut self, _: &Cell<'_>) {}
    #[inline]
    fn enter(&mut self, _: Kind, _: RuleId) {}
    #[inline]
    fn leave(&mut self, _: Answer) {}
    const THOROUGH: bool = false;
}

/// Decides one call. Changes nothing; the caller lets an allowed call's reads join the session.
#[inline]
pub fn decide<O: Observer>(table: &Table, state: &State<'_>, request: &Request<'_>, observer: &mut O) -> Decision {
    let route = request.action.and_then(|action| Route::find(table, state.seat, action));
    decide_along(table, state, request, route.as_ref(), observer)
}

/// The same where the way from the seat to the request's action is known: nothing, where the table has no such action.
#[inline(always)]
pub(crate) fn decide_along<O: Observer>(
    table: &Table,
    state: &State<'_>,
    request: &Request<'_>,
    route: Option<&Route>,
    observer: &mut O,
) -> Decision {
    let call = Call {
        slots: request.arguments.slots(),
        now: request.now,
        calls: state.calls,
        holding: state.holding,
        on_behalf_of: request.on_behalf_of,
    };
    match settle(table, state.seat, request, &call, route, observer) {
        Ok((action, cell)) => weigh(table, &call, action, &cell, observer),
        Err(decision) => decision,
    }
}

/// Steps 1 to 7: everything before the rules. Gives the cell that decides.
#[inline(always)]
fn settle<'t, O: Observer>(
    table: &'t Table,
    seat: &Seat,
    request: &Request<'_>,
    call: &Call<'_>,
    route: Option<&Route>,
    observer: &mut O,
) -> Result<(ActionId, Cell<'t>), Decision> {
    if let Some(kill) = killed(table, seat, request.action) {
        return Err(Decision {
            kill: Some(kill),
            ..Decision::refusal(Code::Killed)
        });
    }
    if request.phase == Phase::Expired {
        return Err(Decision::refusal(Code::Expired));
    }
    let refuse = |code, action| {
        Err(Decision {
            action,
            ..Decision::refusal(code)
        })
    };
    if seat.deployment.is_none() {
        return refuse(Code::UnknownAgent, request.action);
    }
    if seat.environment.is_none() {
        return refuse(Code::UnknownEnvironment, request.action);
    }
    let Some(route) = route else {
        return refuse(Code::UnknownAction, request.action);
    };
    let named = route.action;
    if request.phase != Phase::Live && !is_open(table, request.phase, named) {
        return refuse(Code::Expired, Some(named));
    }
    if request.now >= seat.until {
        return refuse(Code::NotAdmitted, Some(named));
    }
    let Some(end) = &route.end else {
        return refuse(Code::NotGiven, Some(named));
    };
    if request.arguments.undeclared().is_some() {
        return refuse(Code::UndeclaredArgument, Some(named));
    }
    let (action, record) = match end {
        End::NoCell => (named, None),
        End::Cell(record) => (named, Some(record)),
        End::Fragment(fragment) => {
            let Some(variant) = classify(table, call, named, observer) else {
                return refuse(Code::Unclassified, Some(named));
            };
            if !request.phase.takes(table.effect(variant)) {
                return refuse(Code::Expired, Some(variant));
            }
            let cell = table.cell_id(*fragment, variant);
            (variant, cell.and_then(|cell| table.cell_record(cell)))
        }
    };
    let Some(record) = record else {
        return refuse(Code::NoGrant, Some(action));
    };
    let cell = table.lists(record);
    observer.cell(&cell);
    if cell.ceiling {
        return refuse(Code::RingCeiling, Some(action));
    }
    Ok((action, cell))
}

/// Whether the grace takes the action. One with variants waits until it is known which effect the call has.
#[cold]
fn is_open(table: &Table, phase: Phase, action: ActionId) -> bool {
    let mut variants = table.variants(action).peekable();
    match variants.peek() {
        None => phase.takes(table.effect(action)),
        Some(_) => variants.any(|(_, variant)| phase.takes(table.effect(variant))),
    }
}

/// The kill that covers the call, if one does. Names that are unknown are covered by a kill of everything only.
#[inline]
fn killed(table: &Table, seat: &Seat, action: Option<ActionId>) -> Option<KillId> {
    let data = table.data();
    // Nearly always: then none of the records has to be fetched.
    if data.kills.is_empty() {
        None
    } else {
        kill_of(table, seat.deployment, seat.environment, action)
    }
}

/// The kill, where there are some.
#[cold]
fn kill_of(
    table: &Table,
    deployment: Option<DeploymentId>,
    environment: Option<EnvironmentId>,
    action: Option<ActionId>,
) -> Option<KillId> {
    let data = table.data();
    let everything = data
        .organization
        .first()
        .map_or(NONE, |r| r[record::organization::KILL]);
    let of = |word: u32| (word != NONE).then_some(KillId(word));
    of(everything)
        .or_else(|| of(data.deployments.get(deployment?.0 as usize)?[record::deployment::KILL]))
        .or_else(|| of(data.environments.get(environment?.0 as usize)?[record::environment::KILL]))
        .or_else(|| {
            let tool = table.action_record(action?)?[record::action::TOOL];
            of(table.tool_record(ToolId(tool))?[record::tool::KILL])
        })
}

/// The variant that takes the call: the first whose test holds. A test that errs ends it: nothing takes the call.
fn classify<O: Observer>(table: &Table, call: &Call<'_>, action: ActionId, observer: &mut O) -> Option<ActionId> {
    for (guard, variant) in table.variants(action) {
        observer.enter(Kind::Variant, RuleId(variant.0));
        let answer = evaluate(table, guard, call, observer);
        observer.leave(answer);
        match answer {
            Answer::Yes => return Some(variant),
            Answer::No => {}
            Answer::Error => return None,
        }
    }
    None
}

/// Steps 8 to 11: denies, then grants, then gates.
#[inline(always)]
fn weigh<O: Observer>(table: &Table, call: &Call<'_>, action: ActionId, cell: &Cell<'_>, observer: &mut O) -> Decision {
    let mut erred = false;
    // A deny that cannot be evaluated denies.
    let mut denied = None;
    for entry in cell.denies {
        let answer = ask(table, call, Kind::Deny, entry, observer);
        erred |= answer == Answer::Error;
        if answer != Answer::No {
            denied = denied.or(Some(RuleId(entry[record::entry::RULE])));
            if !O::THOROUGH {
                break;
            }
        }
    }
    let mut granted = None;
    let mut asked: Option<RuleId> = None;
    if denied.is_none() || O::THOROUGH {
        for entry in cell.grants {
            let binds = entry[record::entry::APPROVAL] != NONE;
            if granted.is_some() && !binds && !O::THOROUGH {
                continue;
            }
            let rule = RuleId(entry[record::entry::RULE]);
            // A grant that cannot be evaluated grants nothing, but its approval still binds.
            match ask(table, call, Kind::Grant, entry, observer) {
                Answer::No => continue,
                Answer::Yes => granted = granted.or(Some(rule)),
                Answer::Error => erred = true,
            }
            if binds {
                asked = first(asked, rule);
            }
        }
        if granted.is_some() || O::THOROUGH {
            for entry in cell.gates {
                let answer = ask(table, call, Kind::Gate, entry, observer);
                erred |= answer == Answer::Error;
                // All that match bind, but the first by name is what a decision reports: the rest is looked up later.
                if answer != Answer::No {
                    asked = first(asked, RuleId(entry[record::entry::RULE]));
                    if !O::THOROUGH {
                        break;
                    }
                }
            }
        }
    }
    if O::THOROUGH {
        for entry in cell.observed {
            erred |= ask(table, call, Kind::Observed, entry, observer) == Answer::Error;
        }
    }
    let (outcome, code, rule) = match (denied, granted, asked) {
        (Some(rule), _, _) => (Outcome::Deny, Code::DeniedByRule, Some(rule)),
        (None, None, _) => (Outcome::Deny, Code::NoGrant, None),
        (None, Some(_), Some(rule)) => (Outcome::RequireApproval, Code::ApprovalRequired, Some(rule)),
        (None, Some(rule), None) => (Outcome::Allow, Code::Granted, Some(rule)),
    };
    Decision {
        outcome,
        code,
        rule,
        kill: None,
        action: Some(action),
        erred,
    }
}

/// Evaluates the guard of a cell's entry.
#[inline(always)]
fn ask<O: Observer>(table: &Table, call: &Call<'_>, kind: Kind, entry: &[u32; 3], observer: &mut O) -> Answer {
    observer.enter(kind, RuleId(entry[record::entry::RULE]));
    let answer = evaluate(table, Guard(entry[record::entry::GUARD]), call, observer);
    observer.leave(answer);
    answer
}

/// The first of two rules by name: ids follow names.
#[inline]
fn first(asked: Option<RuleId>, rule: RuleId) -> Option<RuleId> {
    Some(asked.map_or(rule, |asked| asked.min(rule)))
}

/// The approvals and limits that a rule of a cell brings, by its entry.
pub(crate) fn approval_of(entries: Entries<'_>, rule: RuleId) -> Option<ApprovalId> {
    let entry = entries.iter().find(|entry| entry[record::entry::RULE] == rule.0)?;
    let approval = entry[record::entry::APPROVAL];
    (approval != NONE).then_some(ApprovalId(approval))
}
