//! `(&Table, State, Request) -> Decision`: pure, total, deny by default.
//!
//! The steps are those of the design's "The order", each where it stands there. The fast path gives ids; names,
//! reasons and sources are looked up from the cold part only when asked ([`crate::explain`]).

use crate::guard::{Answer, Call, Guard, Silent, Trace, evaluate};
use crate::session::State;
use crate::table::{ActionId, ApprovalId, Cell, Entries, KillId, NONE, RuleId, Table, ToolId, record};
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
    match settle(table, state, request, observer) {
        Ok((action, cell)) => weigh(table, state, request, action, &cell, observer),
        Err(decision) => decision,
    }
}

/// Steps 1 to 7: everything before the rules. Gives the cell that decides.
#[inline(always)]
fn settle<'t, O: Observer>(
    table: &'t Table,
    state: &State<'_>,
    request: &Request<'_>,
    observer: &mut O,
) -> Result<(ActionId, Cell<'t>), Decision> {
    use record::action as a;
    if let Some(kill) = killed(table, state, request) {
        return Err(Decision {
            kill: Some(kill),
            ..Decision::refusal(Code::Killed)
        });
    }
    if request.phase == Phase::Expired {
        return Err(Decision::refusal(Code::Expired));
    }
    let refuse = |code| {
        Err(Decision {
            action: request.action,
            ..Decision::refusal(code)
        })
    };
    if state.seat.deployment.is_none() {
        return refuse(Code::UnknownAgent);
    }
    if state.seat.environment.is_none() {
        return refuse(Code::UnknownEnvironment);
    }
    let Some((action, record)) = request
        .action
        .and_then(|action| Some((action, table.action_record(action)?)))
    else {
        return refuse(Code::UnknownAction);
    };
    let plain = record[a::VARIANT_COUNT] == 0;
    // In the grace an action with variants waits until it is known which effect the call has.
    if request.phase != Phase::Live {
        let open = if plain {
            request.phase.takes(table.effect(action))
        } else {
            table
                .variants(action)
                .any(|(_, variant)| request.phase.takes(table.effect(variant)))
        };
        if !open {
            return refuse(Code::Expired);
        }
    }
    if request.now >= state.seat.until {
        return refuse(Code::NotAdmitted);
    }
    let (first, count) = state.seat.given;
    let Some(fragment) = table.fragment_among(first, count, ToolId(record[a::TOOL])) else {
        return refuse(Code::NotGiven);
    };
    if request.arguments.undeclared().is_some() {
        return refuse(Code::UndeclaredArgument);
    }
    let action = if plain {
        action
    } else {
        let taken = classify(table, state, request, action, observer);
        let Some(variant) = taken else {
            return Err(Decision {
                action: Some(action),
                ..Decision::refusal(Code::Unclassified)
            });
        };
        if !request.phase.takes(table.effect(variant)) {
            return Err(Decision {
                action: Some(variant),
                ..Decision::refusal(Code::Expired)
            });
        }
        variant
    };
    let Some(cell) = table.cell_id(fragment, action).and_then(|cell| table.cell(cell)) else {
        return Err(Decision {
            action: Some(action),
            ..Decision::refusal(Code::NoGrant)
        });
    };
    observer.cell(&cell);
    if cell.ceiling {
        return Err(Decision {
            action: Some(action),
            ..Decision::refusal(Code::RingCeiling)
        });
    }
    Ok((action, cell))
}

/// The kill that covers the call, if one does. Names that are unknown are covered by a kill of everything only.
#[inline]
fn killed(table: &Table, state: &State<'_>, request: &Request<'_>) -> Option<KillId> {
    let data = table.data();
    // Nearly always: then none of the records has to be fetched.
    if data.kills.is_empty() {
        None
    } else {
        kill_of(table, state, request)
    }
}

/// The kill, where there are some.
#[cold]
fn kill_of(table: &Table, state: &State<'_>, request: &Request<'_>) -> Option<KillId> {
    let data = table.data();
    let everything = data
        .organization
        .first()
        .map_or(NONE, |r| r[record::organization::KILL]);
    let of = |word: u32| (word != NONE).then_some(KillId(word));
    of(everything)
        .or_else(|| of(data.deployments.get(state.seat.deployment?.0 as usize)?[record::deployment::KILL]))
        .or_else(|| of(data.environments.get(state.seat.environment?.0 as usize)?[record::environment::KILL]))
        .or_else(|| {
            let tool = table.action_record(request.action?)?[record::action::TOOL];
            of(table.tool_record(ToolId(tool))?[record::tool::KILL])
        })
}

/// The variant that takes the call: the first whose test holds. A test that errs ends it: nothing takes the call.
fn classify<O: Observer>(
    table: &Table,
    state: &State<'_>,
    request: &Request<'_>,
    action: ActionId,
    observer: &mut O,
) -> Option<ActionId> {
    let call = call(state, request);
    for (guard, variant) in table.variants(action) {
        observer.enter(Kind::Variant, RuleId(variant.0));
        let answer = evaluate(table, guard, &call, observer);
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
fn weigh<O: Observer>(
    table: &Table,
    state: &State<'_>,
    request: &Request<'_>,
    action: ActionId,
    cell: &Cell<'_>,
    observer: &mut O,
) -> Decision {
    let call = call(state, request);
    let mut erred = false;
    let mut ask = |kind, &[rule, guard, _]: &[u32; 3]| {
        observer.enter(kind, RuleId(rule));
        let answer = evaluate(table, Guard(guard), &call, observer);
        observer.leave(answer);
        erred |= answer == Answer::Error;
        answer
    };
    // A deny that cannot be evaluated denies.
    let mut denied = None;
    for entry in cell.denies {
        if ask(Kind::Deny, entry) != Answer::No {
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
            let answer = ask(Kind::Grant, entry);
            // A grant that cannot be evaluated grants nothing, but its approval still binds.
            if answer == Answer::Yes {
                granted = granted.or(Some(rule));
            }
            if answer != Answer::No && binds {
                asked = first(asked, rule);
            }
        }
        if granted.is_some() || O::THOROUGH {
            for entry in cell.gates {
                // All that match bind, but the first by name is what a decision reports: the rest is looked up later.
                if ask(Kind::Gate, entry) != Answer::No {
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
            ask(Kind::Observed, entry);
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

/// The first of two rules by name: ids follow names.
#[inline]
fn first(asked: Option<RuleId>, rule: RuleId) -> Option<RuleId> {
    Some(asked.map_or(rule, |asked| asked.min(rule)))
}

#[inline]
fn call<'c>(state: &State<'c>, request: &Request<'c>) -> Call<'c> {
    Call {
        slots: request.arguments.slots(),
        now: request.now,
        calls: state.calls,
        holding: state.holding,
        on_behalf_of: request.on_behalf_of,
    }
}

/// The approvals and limits that a rule of a cell brings, by its entry.
pub(crate) fn approval_of(entries: Entries<'_>, rule: RuleId) -> Option<ApprovalId> {
    let entry = entries.iter().find(|entry| entry[record::entry::RULE] == rule.0)?;
    let approval = entry[record::entry::APPROVAL];
    (approval != NONE).then_some(ApprovalId(approval))
}
