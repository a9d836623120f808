//! What tests of policies came to: text for a person, JSON for a script.
//!
//! In: a [`Report`], and the tree that its spans are of. Out: a `String`. Of what a template yields, the place where
//! it is used is shown: that is what the repository has.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};
use polity_runtime::decide::Outcome;
use polity_runtime::guard::Answer;
use serde::Serialize;

use super::{json, place::Places, visible};
use crate::ast::RuleEffect;
use crate::source::{SourceTree, Span};
use crate::suite::coverage::{Coverage, Missed, Ratio, RuleCoverage};
use crate::suite::{Answered, Expected, Failure, Looked, Report, Request, TestReport};

/// Grows when a field changes its meaning or goes away; new fields alone do not change it.
const VERSION: u32 = 1;

/// The most rules that are listed as never fired, and edges as never taken; JSON has all. Picked by gut feeling.
const LISTED: usize = 20;

/// How much of it a person reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// Colour, for a terminal.
    pub colour: bool,
    /// Every rule, with the edges that no test took.
    pub coverage: bool,
}

/// Failures, a line for each suite, a summary, and the coverage.
pub fn text(report: &Report, tree: &SourceTree, shown: Shown) -> String {
    let mut text = failures(report, tree, shown.colour);
    let mut places = Shower::new(tree);
    for suite in &report.suites {
        let failed = suite.tests.iter().filter(|test| test.failure.is_some()).count();
        let path = places.path(suite.span);
        let line = format!(
            "{} ({path}): {}",
            suite.name,
            counted(suite.tests.len() - failed, failed)
        );
        let _ = writeln!(text, "{}", visible::line(&line));
    }
    let [tests, rules, edges] = summary(report);
    let failed = report.count().1 > 0;
    let ink = paint(shown.colour, if failed { AnsiColor::Red } else { AnsiColor::Green });
    let _ = writeln!(text, "{ink}{tests}{ink:#}\n{rules}\n{edges}");
    coverage(&mut text, &report.coverage, &mut places, shown);
    text
}

/// How many tests passed, how many rules fired and how many edges were taken, a line each.
pub fn summary(report: &Report) -> [String; 3] {
    let (passed, failed) = report.count();
    let tests = passed + failed;
    let noun = if tests == 1 { "test" } else { "tests" };
    let coverage = &report.coverage;
    [
        format!("{tests} {noun}: {}", counted(passed, failed)),
        format!("rules: {} fired", share(coverage.fired())),
        format!(
            "edges of guards: {} taken, and {} for errors",
            share(coverage.edges()),
            of(coverage.errors())
        ),
    ]
}

/// The failures alone, an empty line after each.
pub fn failures(report: &Report, tree: &SourceTree, colour: bool) -> String {
    let mut text = String::new();
    let mut places = Shower::new(tree);
    for suite in &report.suites {
        for test in &suite.tests {
            if let Some(failure) = &test.failure {
                let ink = paint(colour, AnsiColor::Red);
                let title = visible::line(&format!("{}: {}", suite.name, test.name));
                let _ = writeln!(text, "{ink}failed{ink:#} {title}");
                let _ = writeln!(text, "  --> {}", places.shown(test.span));
                for line in details(failure, &mut places) {
                    let _ = writeln!(text, "  {line}");
                }
                text.push('\n');
            }
        }
    }
    text
}

/// What was expected, what came, and why: a line each.
pub(super) fn details(failure: &Failure, places: &mut Shower<'_>) -> Vec<String> {
    let Failure {
        request,
        expected,
        got,
        rules,
    } = failure;
    let mut lines = vec![
        format!("call      {}", call(request)),
        format!("expected  {}", expectation(expected)),
        format!("got       {}", answer(got)),
    ];
    if let Some(reason) = &got.reason {
        lines.push(format!("reason    {reason}"));
    }
    for rule in rules {
        lines.push(looked(rule, places));
        lines.extend(rule.path.iter().map(|step| format!("  {step}")));
    }
    lines.iter().map(|line| visible::line(line)).collect()
}

/// A call on one line.
pub(super) fn call(request: &Request) -> String {
    let Request {
        agent,
        environment,
        action,
        args,
        entities,
        holding,
        on_behalf_of,
        now,
    } = request;
    let mut said = format!("{agent} in {environment}: {action} {args}");
    if let Some(entities) = entities {
        let _ = write!(said, ", entities {entities}");
    }
    if !holding.is_empty() {
        let _ = write!(said, ", holding {}", holding.join(", "));
    }
    if let Some(person) = on_behalf_of {
        let _ = write!(said, ", on behalf of {person}");
    }
    let _ = write!(said, ", at {}", moment(*now));
    said
}

pub(super) fn moment(now: i64) -> String {
    polity_runtime::wire::Timestamp::from_millis(now)
        .map_or_else(|| format!("{now} ms since 1970"), |now| now.to_string())
}

pub(super) fn expectation(expected: &Expected) -> String {
    let Expected { effect, rule, code } = expected;
    let mut said = wanted(*effect).to_owned();
    if let Some(rule) = rule {
        let _ = write!(said, " by {rule}");
    }
    if let Some(code) = code {
        let _ = write!(said, " ({code})");
    }
    said
}

/// `allow by refunds/small (granted)`
pub fn answer(answered: &Answered) -> String {
    let by = answered
        .rule
        .as_ref()
        .map(|rule| format!(" by {rule}"))
        .unwrap_or_default();
    format!("{}{by} ({})", answered.outcome.as_str(), answered.code)
}

fn looked(rule: &Looked, places: &mut Shower<'_>) -> String {
    let name = &rule.name;
    let said = match (rule.decides, rule.answer) {
        (true, Some(Answer::Error)) => format!("decided by `{name}`, which cannot be evaluated"),
        (true, _) => format!("decided by `{name}`"),
        (false, Some(Answer::Yes)) => format!("`{name}` matches"),
        (false, Some(Answer::No)) => format!("`{name}` does not match"),
        (false, Some(Answer::Error)) => format!("`{name}` cannot be evaluated"),
        (false, None) => format!("`{name}` does not reach this call"),
    };
    match rule.span {
        Some(span) => format!("{said} --> {}", places.shown(span)),
        None => said,
    }
}

fn coverage(text: &mut String, coverage: &Coverage, places: &mut Shower<'_>, shown: Shown) {
    let faint = if shown.colour {
        Style::new().dimmed()
    } else {
        Style::new()
    };
    if shown.coverage {
        for rule in &coverage.rules {
            let fires = if rule.fired { "fires" } else { "never fires" };
            let edges = match rule.edges.total {
                0 => String::new(),
                _ => format!(", {} edges", of(rule.edges)),
            };
            let line = format!("  {} {fires}{edges}", rule.name);
            let _ = writeln!(
                text,
                "{} {faint}{}{faint:#}",
                visible::line(&line),
                places.shown(rule.span)
            );
            for missed in rule.missed.iter().take(LISTED) {
                let _ = writeln!(text, "    {}", visible::line(&never(missed)));
            }
            more(text, rule.missed.len(), "    ");
        }
        return;
    }
    let silent: Vec<&RuleCoverage> = coverage.rules.iter().filter(|rule| !rule.fired).collect();
    if !silent.is_empty() {
        text.push_str("no test fires\n");
    }
    for rule in silent.iter().take(LISTED) {
        let name = visible::line(&rule.name);
        let _ = writeln!(text, "  {name} {faint}{}{faint:#}", places.shown(rule.span));
    }
    more(text, silent.len(), "  ");
}

fn more(text: &mut String, all: usize, indent: &str) {
    if let Some(more) = all.checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "{indent}and {more} more: `--format json` lists all");
    }
}

/// `context.args.amount <= 5000: never no`
fn never(missed: &Missed) -> String {
    format!("{}: never {}", missed.test, word(missed.answer))
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::No => "no",
        Answer::Yes => "yes",
        Answer::Error => "error",
    }
}

fn share(ratio: Ratio) -> String {
    format!("{} ({} %)", of(ratio), ratio.percent())
}

fn of(ratio: Ratio) -> String {
    format!("{} of {}", ratio.taken, ratio.total)
}

/// `9 passed, 1 failed`
fn counted(passed: usize, failed: usize) -> String {
    match failed {
        0 => format!("{passed} passed"),
        _ => format!("{passed} passed, {failed} failed"),
    }
}

pub(super) fn paint(colour: bool, ink: AnsiColor) -> Style {
    match colour {
        true => ink.on_default().effects(Effects::BOLD),
        false => Style::new(),
    }
}

fn wanted(effect: RuleEffect) -> &'static str {
    match effect {
        RuleEffect::Allow => Outcome::Allow.as_str(),
        RuleEffect::RequireApproval => Outcome::RequireApproval.as_str(),
        RuleEffect::Deny => Outcome::Deny.as_str(),
    }
}

/// Where something is, as the repository shows it.
pub(super) struct Shower<'t> {
    tree: &'t SourceTree,
    places: Places<'t>,
}

impl<'t> Shower<'t> {
    pub(super) fn new(tree: &'t SourceTree) -> Self {
        Self {
            tree,
            places: Places::new(tree),
        }
    }

    fn at(&mut self, span: Span) -> Option<(&'t str, usize, usize)> {
        let place = self.places.of(self.tree.used_at(span))?;
        Some((place.path, place.start.line, place.start.column))
    }

    /// `policies/money.yaml:5:3`
    pub(super) fn shown(&mut self, span: Span) -> String {
        self.at(span).map_or_else(String::new, |(path, line, column)| {
            format!("{}:{line}:{column}", visible::line(path))
        })
    }

    pub(super) fn path(&mut self, span: Span) -> &'t str {
        self.at(span).map_or("", |(path, ..)| path)
    }

    pub(super) fn line(&mut self, span: Span) -> usize {
        self.at(span).map_or(0, |(_, line, _)| line)
    }
}

/// The report as one JSON object.
pub fn json(report: &Report, tree: &SourceTree) -> String {
    let mut places = Shower::new(tree);
    let (passed, failed) = report.count();
    let suites = report.suites.iter().map(|suite| SuiteJson {
        name: &suite.name,
        path: places.path(suite.span),
        tests: suite.tests.iter().map(|test| test_json(test, &mut places)).collect(),
    });
    let suites = suites.collect();
    let Coverage { rules } = &report.coverage;
    let rules = rules.iter().map(|rule| RuleJson {
        rule: &rule.name,
        path: places.path(rule.span),
        line: places.line(rule.span),
        fired: rule.fired,
        edges: RatioJson::of(rule.edges),
        error_edges: RatioJson::of(rule.errors),
        missed: rule
            .missed
            .iter()
            .map(|missed| MissedJson {
                test: &missed.test,
                answer: word(missed.answer),
            })
            .collect(),
    });
    let rules = rules.collect();
    json::pretty(&ReportJson {
        version: VERSION,
        summary: SummaryJson {
            tests: passed + failed,
            passed,
            failed,
        },
        suites,
        coverage: CoverageJson {
            fired: RatioJson::of(report.coverage.fired()),
            edges: RatioJson::of(report.coverage.edges()),
            error_edges: RatioJson::of(report.coverage.errors()),
            rules,
        },
    })
}

fn test_json<'a>(test: &'a TestReport, places: &mut Shower<'a>) -> TestJson<'a> {
    TestJson {
        name: &test.name,
        line: places.line(test.span),
        passed: test.failure.is_none(),
        failure: test.failure.as_ref().map(|failure| failure_json(failure, places)),
    }
}

/// A call for scripts.
pub(super) fn request_json(request: &Request) -> RequestJson<'_> {
    let Request {
        agent,
        environment,
        action,
        args,
        entities,
        holding,
        on_behalf_of,
        now,
    } = request;
    RequestJson {
        agent,
        environment,
        action,
        // What could not be read is shown as it stands.
        args: serde_json::from_str(args).unwrap_or_else(|_| serde_json::Value::String(args.clone())),
        entities: entities.as_deref(),
        holding,
        on_behalf_of: on_behalf_of.as_deref(),
        now: moment(*now),
    }
}

fn failure_json<'a>(failure: &'a Failure, places: &mut Shower<'a>) -> FailureJson<'a> {
    FailureJson {
        request: request_json(&failure.request),
        expected: AnswerJson {
            effect: wanted(failure.expected.effect),
            rule: failure.expected.rule.as_deref(),
            code: failure.expected.code.as_deref(),
            reason: None,
        },
        got: AnswerJson {
            effect: failure.got.outcome.as_str(),
            rule: failure.got.rule.as_deref(),
            code: Some(failure.got.code),
            reason: failure.got.reason.as_deref(),
        },
        rules: failure
            .rules
            .iter()
            .map(|rule| LookedJson {
                rule: &rule.name,
                path: rule.span.map(|span| places.path(span)),
                line: rule.span.map(|span| places.line(span)),
                decides: rule.decides,
                answer: rule.answer.map(word),
                steps: &rule.path,
            })
            .collect(),
    }
}

#[derive(Serialize)]
struct ReportJson<'a> {
    version: u32,
    summary: SummaryJson,
    suites: Vec<SuiteJson<'a>>,
    coverage: CoverageJson<'a>,
}

#[derive(Serialize)]
struct SummaryJson {
    tests: usize,
    passed: usize,
    failed: usize,
}

#[derive(Serialize)]
struct SuiteJson<'a> {
    name: &'a str,
    path: &'a str,
    tests: Vec<TestJson<'a>>,
}

#[derive(Serialize)]
struct TestJson<'a> {
    name: &'a str,
    line: usize,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureJson<'a>>,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    request: RequestJson<'a>,
    expected: AnswerJson<'a>,
    got: AnswerJson<'a>,
    rules: Vec<LookedJson<'a>>,
}

#[derive(Serialize)]
pub(super) struct RequestJson<'a> {
    agent: &'a str,
    environment: &'a str,
    action: &'a str,
    args: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<&'a str>,
    holding: &'a [String],
    on_behalf_of: Option<&'a str>,
    now: String,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    effect: &'a str,
    rule: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct LookedJson<'a> {
    rule: &'a str,
    path: Option<&'a str>,
    line: Option<usize>,
    decides: bool,
    answer: Option<&'a str>,
    steps: &'a [String],
}

#[derive(Serialize)]
struct CoverageJson<'a> {
    fired: RatioJson,
    edges: RatioJson,
    error_edges: RatioJson,
    rules: Vec<RuleJson<'a>>,
}

#[derive(Serialize)]
struct RatioJson {
    taken: u64,
    total: u64,
    percent: u64,
}

impl RatioJson {
    fn of(ratio: Ratio) -> Self {
        Self {
            taken: ratio.taken,
            total: ratio.total,
            percent: ratio.percent(),
        }
    }
}

#[derive(Serialize)]
struct RuleJson<'a> {
    rule: &'a str,
    path: &'a str,
    line: usize,
    fired: bool,
    edges: RatioJson,
    error_edges: RatioJson,
    missed: Vec<MissedJson<'a>>,
}

#[derive(Serialize)]
struct MissedJson<'a> {
    test: &'a str,
    answer: &'static str,
}
