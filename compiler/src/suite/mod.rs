//! Tests of policies: a table is asked every call that a Test document names, and its answers are compared.
//!
//! In: an [`Organization`] with its suites, and the [`Table`] that was made of it. Out: a [`Report`]. Every answer is
//! the runtime's own ([`ask`]), and so is the path walked, from which [`coverage`] is counted. Nothing here knows how
//! a report is shown.
//!
//! Tests ask what policies say. A Kill overrides policies, and must never wait until tests are mended: a case is asked
//! as if there were none, unless it expects `code: killed`.

pub mod ask;
pub mod changed;
pub mod coverage;
mod edges;
pub mod record;
pub mod replay;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use polity_runtime::decide::{Code, Decision, Kind, Outcome};
use polity_runtime::explain::{Explanation, RuleTrace};
use polity_runtime::guard::Answer;
use polity_runtime::table::Table;
use rayon::prelude::*;

use crate::ast::RuleEffect;
use crate::resolve::{Case, Matrix, Organization, Suite};
use crate::search::Shapes;
use crate::source::Span;
use crate::table::without_kills;
pub use ask::{Question, Request};
pub use coverage::Coverage;
use coverage::{Tally, Walk};

/// How many tests a thread takes at a time. Small enough to share out ten thousand, large enough that what a thread
/// has seen is put together seldom; picked by gut feeling.
const PART: usize = 512;

/// The most rules that are shown where none of several grants matched. Picked by gut feeling.
const SHOWN: usize = 5;

/// Which tests, and the coverage of which rules.
#[derive(Debug, Default)]
pub struct Selection<'s> {
    /// Only suites of these names; none names all.
    pub suites: &'s [String],
    /// Only tests whose name, or whose suite's, holds this.
    pub filter: Option<&'s str>,
    /// Coverage of these rules only.
    pub rules: Option<&'s std::collections::BTreeSet<String>>,
}

/// What the tests came to.
#[derive(Debug, Default)]
pub struct Report {
    /// By name; those of which a test was selected.
    pub suites: Vec<SuiteReport>,
    /// What they reached.
    pub coverage: Coverage,
}

/// What one Test document came to.
#[derive(Debug)]
pub struct SuiteReport {
    /// The document's name.
    pub name: String,
    /// Where that stands.
    pub span: Span,
    /// In the order written: cases, then the cells of matrices.
    pub tests: Vec<TestReport>,
}

/// What one test came to.
#[derive(Debug)]
pub struct TestReport {
    /// Unique in its suite.
    pub name: String,
    /// Where it is written.
    pub span: Span,
    /// Absent where it passed.
    pub failure: Option<Box<Failure>>,
}

/// What was expected, and what came instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The call.
    pub request: Request,
    /// What was expected.
    pub expected: Expected,
    /// What came.
    pub got: Answered,
    /// The rules that tell why, the deciding one first.
    pub rules: Vec<Looked>,
}

/// The answer that a test expects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a case")]
pub struct Expected {
    pub effect: RuleEffect,
    pub rule: Option<String>,
    pub code: Option<String>,
}

/// An answer, with names in place of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub outcome: Outcome,
    /// The step that decided.
    pub code: &'static str,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// Why, for a person.
    pub reason: Option<String>,
}

/// A rule that a decision looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// `policy/rule`; of a variant's test, the variant.
    pub name: String,
    /// Where it stands.
    pub span: Option<Span>,
    /// Whether it decided.
    pub decides: bool,
    /// What its condition came to; absent where the call has nothing to do with the rule.
    pub answer: Option<Answer>,
    /// The path through its guard: `context.args.amount <= 5000: no`.
    pub path: Vec<String>,
}

impl Report {
    /// How many tests passed, and how many failed.
    pub fn count(&self) -> (usize, usize) {
        let tests = self.suites.iter().flat_map(|suite| &suite.tests);
        let failed = tests.clone().filter(|test| test.failure.is_some()).count();
        (tests.count() - failed, failed)
    }
}

/// Asks every selected test.
pub fn run(organization: &Organization, table: &Table, selection: &Selection<'_>) -> Report {
    let suites: Vec<(&Suite, Vec<Test<'_>>)> = organization
        .suites
        .iter()
        .filter(|suite| selection.suites.is_empty() || selection.suites.contains(&suite.name.value))
        .map(|suite| (suite, selected(suite, selection.filter)))
        .filter(|(_, tests)| !tests.is_empty())
        .collect();
    let runner = Runner {
        organization,
        killing: table,
        table: &without_kills(table),
        shapes: Shapes::new(table),
    };
    let all: Vec<&Test<'_>> = suites.iter().flat_map(|(_, tests)| tests).collect();
    let parts: Vec<(Vec<Option<Box<Failure>>>, Tally)> = all.par_chunks(PART).map(|part| runner.part(part)).collect();
    let mut tally = Tally::default();
    let mut failures = Vec::with_capacity(all.len());
    for (part, reached) in parts {
        failures.extend(part);
        tally.append(reached);
    }
    let mut failures = failures.into_iter();
    let reports = suites.into_iter().map(|(suite, tests)| SuiteReport {
        name: suite.name.value.clone(),
        span: suite.name.span,
        tests: tests
            .into_iter()
            .zip(failures.by_ref())
            .map(|(test, failure)| TestReport {
                name: test.name.into_owned(),
                span: test.span,
                failure,
            })
            .collect(),
    });
    let suites = reports.collect();
    let wanted = |rule: &str| selection.rules.is_none_or(|rules| rules.contains(rule));
    Report {
        suites,
        coverage: coverage::coverage(organization, table, &runner.shapes, &tally, wanted),
    }
}

/// One test, ready to be asked.
struct Test<'s> {
    name: Cow<'s, str>,
    span: Span,
    question: Question<'s>,
    expect: RuleEffect,
    rule: Option<&'s str>,
    code: Option<&'s str>,
}

/// The tests of a suite that the filter takes. Names are made unique before, so that a filter changes none.
fn selected<'s>(suite: &'s Suite, filter: Option<&str>) -> Vec<Test<'s>> {
    let mut tests: Vec<Test<'s>> = suite.cases.iter().map(case).collect();
    for matrix in &suite.matrices {
        tests.extend(cells(matrix));
    }
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for test in &mut tests {
        let mut name = test.name.clone();
        while let Some(times) = taken.get_mut(name.as_ref()) {
            *times += 1;
            name = Cow::Owned(format!("{} ({times})", test.name));
        }
        taken.insert(name.clone().into_owned(), 1);
        test.name = name;
    }
    if let Some(wanted) = filter.filter(|wanted| !suite.name.value.contains(*wanted)) {
        tests.retain(|test| test.name.contains(wanted));
    }
    tests
}

fn case(case: &Case) -> Test<'_> {
    let name = match &case.name {
        Some(name) => Cow::Borrowed(name.as_str()),
        None => Cow::Owned(format!("{} {} {}", case.agent, case.environment, case.action)),
    };
    Test {
        name,
        span: case.span,
        question: Question {
            agent: &case.agent,
            environment: &case.environment,
            action: &case.action,
            args: &case.asking.args,
            entities: case.asking.entities.as_deref(),
            holding: &case.asking.holding,
            on_behalf_of: case.asking.on_behalf_of.as_deref(),
            now: case.asking.now,
        },
        expect: case.expect,
        rule: case.rule.as_deref(),
        code: case.code.as_deref(),
    }
}

/// Every cell of a matrix: one that is not listed is expected to be denied.
fn cells(matrix: &Matrix) -> impl Iterator<Item = Test<'_>> {
    let agents = matrix.agents.iter();
    let placed = agents.flat_map(|agent| matrix.environments.iter().map(move |environment| (agent, environment)));
    let calls =
        placed.flat_map(|(agent, environment)| matrix.actions.iter().map(move |action| (agent, environment, action)));
    calls.map(|(agent, environment, action)| {
        let name = format!("{agent} {environment} {action}");
        let (expect, span) = *matrix.expect.get(&name).unwrap_or(&(RuleEffect::Deny, matrix.span));
        Test {
            name: Cow::Owned(name),
            span,
            question: Question {
                agent,
                environment,
                action,
                args: &matrix.asking.args,
                entities: matrix.asking.entities.as_deref(),
                holding: &matrix.asking.holding,
                on_behalf_of: matrix.asking.on_behalf_of.as_deref(),
                now: matrix.asking.now,
            },
            expect,
            rule: None,
            code: None,
        }
    })
}

struct Runner<'r> {
    organization: &'r Organization,
    /// With the kills that are in force.
    killing: &'r Table,
    /// Without.
    table: &'r Table,
    shapes: Shapes,
}

impl Runner<'_> {
    fn part(&self, tests: &[&Test<'_>]) -> (Vec<Option<Box<Failure>>>, Tally) {
        let mut tally = Tally::default();
        let mut walk = Walk::default();
        let failures = tests.iter().map(|test| self.ask(test, &mut walk, &mut tally)).collect();
        (failures, tally)
    }

    fn ask(&self, test: &Test<'_>, walk: &mut Walk, tally: &mut Tally) -> Option<Box<Failure>> {
        let table = match test.code {
            Some(code) if code == Code::Killed.as_str() => self.killing,
            _ => self.table,
        };
        let decision = ask::decide(table, &test.question, walk);
        let action = decision.as_ref().ok().and_then(|decision| decision.action);
        tally.add(&self.shapes, action, walk);
        let passes = match &decision {
            Ok(decision) => passes(table, test, decision),
            // What cannot be read is denied, by no step that a test could name.
            Err(_) => test.expect == RuleEffect::Deny && test.rule.is_none() && test.code.is_none(),
        };
        (!passes).then(|| Box::new(self.failure(table, test)))
    }

    fn failure(&self, table: &Table, test: &Test<'_>) -> Failure {
        let expected = Expected {
            effect: test.expect,
            rule: test.rule.map(str::to_owned),
            code: test.code.map(str::to_owned),
        };
        let question = &test.question;
        let request = Request {
            agent: question.agent.to_owned(),
            environment: question.environment.to_owned(),
            action: question.action.to_owned(),
            args: question.args.to_owned(),
            entities: question.entities.map(str::to_owned),
            holding: question.holding.to_vec(),
            on_behalf_of: question.on_behalf_of.map(str::to_owned),
            now: question.now,
        };
        let (got, rules) = match ask::explain(table, question) {
            Ok(explanation) => (
                answered(table, &explanation),
                self.looked(table, &explanation, test.rule),
            ),
            Err(wrong) => (refused(wrong), Vec::new()),
        };
        Failure {
            request,
            expected,
            got,
            rules,
        }
    }

    /// The deciding rule; then the one that was expected to; and where no grant matched, the grants.
    fn looked(&self, table: &Table, explanation: &Explanation, expected: Option<&str>) -> Vec<Looked> {
        let decision = &explanation.decision;
        let deciding = decision.rule.map(|rule| table.rule_name(rule));
        let counted = |trace: &&RuleTrace| matches!(trace.kind, Kind::Deny | Kind::Grant | Kind::Gate);
        let traces = || explanation.rules.iter().filter(counted);
        let mut looked = Vec::new();
        if let Some(trace) = traces().find(|trace| Some(trace.name.as_str()) == deciding) {
            looked.push(self.traced(trace, true));
        }
        if let Some(expected) = expected.filter(|expected| Some(*expected) != deciding) {
            looked.push(match traces().find(|trace| trace.name == expected) {
                Some(trace) => self.traced(trace, false),
                None => Looked {
                    name: expected.to_owned(),
                    span: self.span(expected),
                    decides: false,
                    answer: None,
                    path: Vec::new(),
                },
            });
        }
        let told = |code: Code, kind: Kind| {
            let of_kind = explanation.rules.iter().filter(move |trace| trace.kind == kind);
            of_kind.filter(move |trace| decision.code == code && Some(trace.name.as_str()) != expected)
        };
        let more = told(Code::NoGrant, Kind::Grant).chain(told(Code::Unclassified, Kind::Variant));
        looked.extend(more.take(SHOWN).map(|trace| self.traced(trace, false)));
        looked
    }

    fn traced(&self, trace: &RuleTrace, decides: bool) -> Looked {
        Looked {
            name: trace.name.clone(),
            span: self.span(&trace.name),
            decides,
            answer: Some(trace.answer),
            path: trace.steps.iter().map(ToString::to_string).collect(),
        }
    }

    fn span(&self, rule: &str) -> Option<Span> {
        let rules = &self.organization.rules;
        let at = rules.binary_search_by(|other| other.name.as_str().cmp(rule)).ok()?;
        rules.get(at).map(|rule| rule.span)
    }
}

fn passes(table: &Table, test: &Test<'_>, decision: &Decision) -> bool {
    let rule = decision.rule.map(|rule| table.rule_name(rule));
    let expected = match test.expect {
        RuleEffect::Allow => Outcome::Allow,
        RuleEffect::RequireApproval => Outcome::RequireApproval,
        RuleEffect::Deny => Outcome::Deny,
    };
    decision.outcome == expected
        && test.rule.is_none_or(|expected| rule == Some(expected))
        && test.code.is_none_or(|expected| decision.code.as_str() == expected)
}

/// An explained decision's answer.
fn answered(table: &Table, explanation: &Explanation) -> Answered {
    let decision = &explanation.decision;
    Answered {
        outcome: decision.outcome,
        code: decision.code.as_str(),
        rule: decision.rule.map(|rule| table.rule_name(rule).to_owned()),
        reason: explanation.reason.clone(),
    }
}

/// The answer to a call that cannot be read.
fn refused(wrong: String) -> Answered {
    Answered {
        outcome: Outcome::Deny,
        code: Code::InvalidRequest.as_str(),
        rule: None,
        reason: Some(wrong),
    }
}
