//! A verified bundle, asked: the runtime's decisions with their names, as [`report::decision`](decision) writes them.

use polity_runtime::decide::{Code, Decision, Kind, Outcome};
use polity_runtime::explain::{self, Explanation, RuleTrace, Source};
use polity_runtime::guard::Answer;
use polity_runtime::{Bundle, Call};

use super::{Failure, build::trust_root, request::Request};
use crate::ast::Moment;
use crate::report::decision::{self, Effect};
use crate::suite::ask;
use crate::trail::access;
use crate::trail::provenance::{self, Origin, Provenance};

/// A bundle to ask. Each request is decided alone: a new session that holds what it says, no call made.
pub(super) struct Asked {
    bundle: Bundle,
    /// Which step brought each rule and each access, where the bundle is attested.
    provenance: Option<Provenance>,
}

impl Asked {
    /// Opens and verifies a bundle.
    pub(super) fn open(bundle: &[u8], trust: &[u8], now: Moment) -> Result<Self, Failure> {
        let trust = trust_root(trust)?;
        let bundle =
            Bundle::load(bundle.to_vec(), &trust, now).map_err(|error| Failure::falls_short(error.to_string()))?;
        let provenance = match bundle.trail() {
            Some(trail) => Some(provenance::from_bytes(trail).ok_or_else(|| {
                Failure::falls_short("the bundle's trail cannot be read: it was made by another version")
            })?),
            None => None,
        };
        Ok(Self { bundle, provenance })
    }

    /// What is decided. What cannot be read is denied.
    pub(super) fn decide(&self, request: &Result<Request, String>) -> decision::Decision {
        match request {
            Ok(request) => self.explain(request).decision,
            Err(wrong) => self.refusal(wrong),
        }
    }

    /// What is decided, and how it came about.
    pub(super) fn explain(&self, request: &Request) -> decision::Explanation {
        let mut session = self.bundle.session(&request.agent, &request.environment);
        for class in &request.holding {
            if !self.bundle.hold(&mut session, class) {
                return self.unreadable(&ask::unknown_class(class));
            }
        }
        let action = self.bundle.action(&request.action);
        let arguments = match ask::arguments(self.bundle.table(), action, &request.args, request.entities.as_deref()) {
            Ok(arguments) => arguments,
            Err(wrong) => return self.unreadable(&wrong),
        };
        let call = Call {
            action,
            arguments: &arguments,
            on_behalf_of: request.on_behalf_of.as_deref(),
            now: request.now,
        };
        let mut explanation = self.bundle.explain(&session, &call);
        ask::blame(&mut explanation, &arguments, &request.action);
        decision::Explanation {
            decision: decision::Decision {
                access: self.access(request),
                ..self.decision(&explanation)
            },
            steps: self.steps(&explanation, request),
            rules: explanation
                .rules
                .iter()
                // As which variant the call is taken is a step; where none takes it, their tests say why.
                .filter(|trace| trace.kind != Kind::Variant || explanation.decision.code == Code::Unclassified)
                .map(|trace| self.rule(trace, &explanation.rules))
                .collect(),
        }
    }

    fn unreadable(&self, wrong: &str) -> decision::Explanation {
        decision::Explanation {
            decision: self.refusal(wrong),
            steps: Vec::new(),
            rules: Vec::new(),
        }
    }

    fn refusal(&self, wrong: &str) -> decision::Decision {
        let explanation = Explanation {
            decision: Bundle::refuse_unreadable(),
            reason: Some(wrong.to_owned()),
            rules: Vec::new(),
            errors: Vec::new(),
            obligations: explain::Obligations::default(),
            observed: Vec::new(),
            source: None,
        };
        self.decision(&explanation)
    }

    fn decision(&self, explanation: &Explanation) -> decision::Decision {
        let manifest = self.bundle.manifest();
        let decided = &explanation.decision;
        let obligations = &explanation.obligations;
        decision::Decision {
            effect: effect(decided.outcome),
            code: decided.code.as_str().to_owned(),
            rule: decided.rule.map(|rule| self.bundle.table().rule_name(rule).to_owned()),
            reason: explanation.reason.clone(),
            errors: explanation
                .errors
                .iter()
                .map(|error| decision::Fault {
                    rule: Some(error.rule.clone()),
                    argument: error.argument.clone(),
                    fault: error.fault.clone(),
                })
                .collect(),
            obligations: decision::Obligations {
                approval: obligations.approvals.iter().map(approval).collect(),
                limits: obligations.limits.iter().map(limit).collect(),
                credential_ttl: obligations.credential_ttl.map(decision::Duration),
            },
            observed: explanation.observed.clone(),
            challenge: None,
            source: explanation.source.as_ref().map(|source| {
                let rule = decided.rule.map(|rule| self.bundle.table().rule_name(rule));
                self.source(rule, source)
            }),
            access: None,
            bundle: decision::Bundle {
                organization: manifest.organization.clone(),
                digest: self.bundle.digest().to_string(),
                serial: decision::Serial {
                    epoch: manifest.serial.epoch,
                    steps: manifest.serial.steps,
                },
                commit: manifest.source.commit.clone(),
            },
        }
    }

    /// Where a rule was written, and who approved it. A bundle that is not attested knows its own commit only.
    fn source(&self, rule: Option<&str>, source: &Source) -> decision::Source {
        let bundled = || self.bundle.manifest().source.commit.clone();
        let origin = rule.and_then(|rule| self.provenance.as_ref()?.rules.get(rule));
        decision::Source {
            path: source.path.clone(),
            line: source.line,
            commit: origin.map(|origin| origin.commit.clone()).or_else(bundled),
            approved_by: origin.map(|origin| origin.approved_by.clone()).unwrap_or_default(),
        }
    }

    /// Since when the agent has the tool that it calls, where it was given it.
    fn access(&self, request: &Request) -> Option<decision::Access> {
        let given = access::of_call(
            self.bundle.table(),
            &request.agent,
            &request.environment,
            &request.action,
        )?;
        let Origin { commit, approved_by } = self.provenance.as_ref()?.access(&given);
        Some(decision::Access {
            tool: given.tool,
            commit,
            approved_by,
        })
    }

    /// What was settled before any rule was looked at.
    fn steps(&self, explanation: &Explanation, request: &Request) -> Vec<String> {
        let decided: &Decision = &explanation.decision;
        let mut steps = Vec::new();
        let reached = |code: Code| decided.code >= code;
        if matches!(decided.code, Code::Killed | Code::Expired | Code::InvalidRequest) {
            return steps;
        }
        if reached(Code::NotAdmitted) {
            steps.push(format!(
                "`{}`, `{}` and `{}` are in the bundle",
                request.agent, request.environment, request.action
            ));
        }
        if reached(Code::NotGiven) {
            steps.push(format!(
                "`{}` is deployed in `{}`, and admitted",
                request.agent, request.environment
            ));
        }
        if reached(Code::UndeclaredArgument) {
            steps.push("it was given the tool".to_owned());
        }
        if reached(Code::RingCeiling) {
            let taken = decided
                .action
                .map_or("", |action| self.bundle.table().action_name(action));
            steps.push(format!("the call is taken as `{taken}`"));
        }
        if reached(Code::DeniedByRule) {
            steps.push("its ring takes the action".to_owned());
        }
        steps
    }

    fn rule(&self, trace: &RuleTrace, all: &[RuleTrace]) -> decision::RuleTrace {
        // What is observed for now stands among the denies or gates, too, for when it no longer is.
        let gates = |other: &RuleTrace| other.name == trace.name && other.kind == Kind::Gate;
        decision::RuleTrace {
            rule: trace.name.clone(),
            effect: match trace.kind {
                Kind::Grant | Kind::Variant => Effect::Allow,
                Kind::Gate => Effect::RequireApproval,
                Kind::Observed if all.iter().any(gates) => Effect::RequireApproval,
                Kind::Deny | Kind::Observed => Effect::Deny,
            },
            observed: trace.kind == Kind::Observed,
            outcome: match trace.answer {
                Answer::Yes => decision::Outcome::Matches,
                Answer::No => decision::Outcome::DoesNotMatch,
                Answer::Error => decision::Outcome::Error,
            },
            steps: trace.steps.iter().map(ToString::to_string).collect(),
            source: trace
                .source
                .as_ref()
                .map(|source| self.source(Some(&trace.name), source)),
        }
    }
}

fn effect(outcome: Outcome) -> Effect {
    match outcome {
        Outcome::Allow => Effect::Allow,
        Outcome::RequireApproval => Effect::RequireApproval,
        Outcome::Deny => Effect::Deny,
    }
}

fn approval(approval: &explain::Approval) -> decision::Approval {
    let requirement = |one: &explain::Requirement| decision::Requirement {
        from: one.from.clone(),
        count: one.count,
    };
    decision::Approval {
        rule: approval.rule.clone(),
        require: approval.require.iter().map(requirement).collect(),
        timeout: Some(decision::Duration(approval.timeout)),
        separation: approval.separation,
        evidence: approval.evidence.to_owned(),
    }
}

fn limit(limit: &explain::Limit) -> decision::Limit {
    let unit = match limit.per {
        1_000 => "s".to_owned(),
        60_000 => "m".to_owned(),
        3_600_000 => "h".to_owned(),
        86_400_000 => "d".to_owned(),
        other => format!("{other}ms"),
    };
    decision::Limit {
        of: limit.of.clone(),
        rate: format!("{}/{unit}", limit.count),
        burst: limit.burst,
        concurrent: limit.concurrent,
    }
}
