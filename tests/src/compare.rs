//! The table against the reference evaluator: a call decided by both, and what they say differently.
//!
//! Everything that a decision rests on is compared, not only the answer: a deny that was lost behind another deny
//! shows all the same.

use std::collections::{BTreeMap, BTreeSet};

use polity::ast::Documents;
use polity::compile::{Compiled, compile};
use polity::diag::Sink;
use polity::source::SourceTree;
use polity_runtime::decide::{self, Decision, Kind, Phase, decide};
use polity_runtime::explain::explain;
use polity_runtime::guard::{self, Silent};
use polity_runtime::session::{ClassSet, Seat, State};
use polity_runtime::table::Table;
use polity_runtime::value::Arguments;

use crate::naive::{Answer, Naive, Outcome, Request};

/// The moment with which lints compare dates: 2026-11-15T12:00:00Z.
pub const COMPILED_AT: i64 = 1_794_744_000_000;

/// Compiles files that are known to be valid.
///
/// # Panics
/// Where they are not, with every diagnostic.
pub fn compiled(files: &[(String, String)]) -> Compiled {
    let tree = SourceTree::from_files(files.to_vec());
    let compiled = compile(&tree, COMPILED_AT, Sink::default());
    let errors: Vec<String> = compiled
        .findings
        .diagnostics()
        .iter()
        .filter(|found| found.severity == polity::diag::Severity::Error)
        .map(|found| {
            let place = found.primary.as_ref().and_then(|label| {
                let path = &tree.file(label.span.file)?.path;
                Some(format!("{path}:{}", tree.position(label.span)?.0.line))
            });
            format!("{} {}: {}", place.unwrap_or_default(), found.code.id, found.message)
        })
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    compiled
}

/// What the table says to a call, in the reference evaluator's terms.
///
/// # Panics
/// Where the fast path and the explained one disagree.
pub fn asked(table: &Table, request: &Request) -> Answer {
    let mut holding = ClassSet::default();
    for class in request.holding.iter().filter_map(|name| table.class(name)) {
        holding.insert(class.0);
    }
    let state = State {
        seat: &Seat::resolve(table, &request.agent, &request.environment),
        holding: &holding,
        calls: i64::try_from(request.calls).unwrap_or(i64::MAX),
    };
    let action = table.action(&request.action);
    let text = request.args.to_string();
    let mut arguments = Arguments::new();
    if let Some(action) = action
        && arguments.read_json(&table.parameters(action), &text).is_err()
    {
        panic!("arguments that cannot be read: {text}");
    }
    let call = decide::Request {
        action,
        arguments: &arguments,
        on_behalf_of: request.on_behalf_of.as_deref(),
        now: request.now,
        phase: Phase::Live,
    };
    let explained = explain(table, &state, &call);
    let fast = decide(table, &state, &call, &mut Silent);
    let settled = |decision: Decision| Decision {
        erred: false,
        ..decision
    };
    assert_eq!(settled(fast), settled(explained.decision), "the fast path: {request:?}");
    assert!(explained.decision.erred || !fast.erred, "{request:?}");
    let decision = explained.decision;
    let with = |kind: Kind, answers: &[guard::Answer]| -> BTreeSet<String> {
        let chosen = explained
            .rules
            .iter()
            .filter(|trace| trace.kind == kind && answers.contains(&trace.answer));
        chosen.map(|trace| trace.name.clone()).collect()
    };
    let matching = [guard::Answer::Yes, guard::Answer::Error];
    let erring = [Kind::Deny, Kind::Grant, Kind::Gate].map(|kind| with(kind, &[guard::Answer::Error]));
    let approvals = explained.obligations.approvals.iter().map(|approval| {
        let require = approval.require.iter();
        let require = require.map(|one| (i64::from(one.count), one.from.clone()));
        (approval.rule.clone(), require.collect())
    });
    Answer {
        effect: match decision.outcome {
            decide::Outcome::Deny => Outcome::Deny,
            decide::Outcome::RequireApproval => Outcome::RequireApproval,
            decide::Outcome::Allow => Outcome::Allow,
        },
        code: decision.code.as_str(),
        rule: decision.rule.map(|rule| table.rule_name(rule).to_owned()),
        denies: with(Kind::Deny, &matching),
        grants: with(Kind::Grant, &[guard::Answer::Yes]),
        gates: with(Kind::Gate, &matching),
        erring: erring.into_iter().flatten().collect(),
        observed: with(Kind::Observed, &matching),
        approvals: approvals.collect(),
    }
}

/// Whether the table knows everything that the session holds; a host refuses a call that says otherwise.
pub fn is_readable(table: &Table, request: &Request) -> bool {
    request.holding.iter().all(|class| table.class(class).is_some())
}

/// A call on which the two disagree.
#[derive(Debug)]
pub struct Disagreement {
    /// The call.
    pub request: Request,
    /// What the reference evaluator says.
    pub naive: Answer,
    /// What the table says.
    pub table: Answer,
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:#?}\nthe documents say {:#?}\nthe table says {:#?}",
            self.request, self.naive, self.table
        )
    }
}

/// What came of comparing: how many calls there were of each code, and the calls on which the two disagree.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Calls by the code of the reference evaluator's answer.
    pub codes: BTreeMap<&'static str, usize>,
    /// Calls in which some rule erred.
    pub erring: usize,
    /// Calls in which some rule was observed.
    pub observed: usize,
    /// All of them, in the order of the calls.
    pub disagreements: Vec<Disagreement>,
}

/// Decides every call by both.
pub fn compare(documents: &Documents, table: &Table, requests: &[Request]) -> Comparison {
    let mut comparison = Comparison::default();
    let expected = expected(documents, table, requests);
    for (_, said) in &expected {
        *comparison.codes.entry(said.code).or_default() += 1;
        comparison.erring += usize::from(!said.erring.is_empty());
        comparison.observed += usize::from(!said.observed.is_empty());
    }
    comparison.disagreements = disagreements(table, &expected).collect();
    comparison
}

/// What the documents say to every call that a host would let through.
pub fn expected(documents: &Documents, table: &Table, requests: &[Request]) -> Vec<(Request, Answer)> {
    let naive = Naive::new(documents);
    let readable = requests.iter().filter(|request| is_readable(table, request));
    let said = |request: &Request| {
        let mut said = naive.decide(request);
        if said.effect == Outcome::Deny {
            // What is refused asks nobody.
            said.approvals.clear();
        }
        (request.clone(), said)
    };
    readable.map(said).collect()
}

/// The calls to which the table says something else.
pub fn disagreements<'d>(
    table: &'d Table,
    expected: &'d [(Request, Answer)],
) -> impl Iterator<Item = Disagreement> + 'd {
    expected.iter().filter_map(|(request, naive)| {
        let table = asked(table, request);
        (table != *naive).then(|| Disagreement {
            request: request.clone(),
            naive: naive.clone(),
            table,
        })
    })
}
