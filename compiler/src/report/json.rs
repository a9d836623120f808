//! [`Findings`] as one JSON object for scripts.
//!
//! In: findings and the tree they point into. Out: the object that diagnostics of `version` 1 are: lines and columns
//! count from 1, columns in characters, and an end is one past the last character. A place that no file has is null.

use serde::Serialize;

use super::rego::{self, Decided, DecidedJson};
use super::{place::Places, review, visible};
use crate::{
    diag::{Diagnostic, Findings, Help, Label, Severity, Summary},
    source::{SourceTree, Span},
    trail::verify::Review,
};

/// Grows when a field changes its meaning or goes away; new fields alone do not change it.
const VERSION: u32 = 1;

/// The findings, indented, with a line break at the end; who decides each Rego rule, under `rego`.
pub fn findings(findings: &Findings, tree: &SourceTree, decided: &[Decided]) -> String {
    pretty(&report(findings, tree, decided, None::<()>))
}

/// The same with what a branch needs to be merged, and has, under `approvals`.
pub fn reviewed(findings: &Findings, tree: &SourceTree, decided: &[Decided], reviewed: &Review) -> String {
    pretty(&report(findings, tree, decided, Some(review::review(reviewed))))
}

fn report<'a, A>(
    findings: &'a Findings,
    tree: &'a SourceTree,
    decided: &'a [Decided],
    approvals: Option<A>,
) -> ReportJson<'a, A> {
    let mut places = Places::new(tree);
    let Summary {
        errors,
        warnings,
        notes,
    } = findings.summary();
    ReportJson {
        version: VERSION,
        diagnostics: findings
            .diagnostics()
            .iter()
            .map(|found| diagnostic(found, &mut places))
            .collect(),
        summary: SummaryJson {
            errors,
            warnings,
            notes,
        },
        rego: rego::members(decided, &mut places),
        approvals,
    }
}

/// Any value as indented JSON that a terminal shows as it is, with a line break at the end.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // Nothing that is rendered here has keys that are not strings, the one thing that could fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{}\n", visible::json(&text))
}

/// Any value as one line of JSON, with a line break at the end.
pub(crate) fn line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    format!("{}\n", visible::json(&text))
}

fn diagnostic<'a>(found: &'a Diagnostic, places: &mut Places<'a>) -> DiagnosticJson<'a> {
    DiagnosticJson {
        code: found.code.id,
        severity: match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        message: &found.message,
        span: found.primary.as_ref().and_then(|label| span(label.span, places)),
        path: found.path.as_deref(),
        label: found.primary.as_ref().map_or("", |label| &label.text),
        related: found.related.iter().map(|label| labelled(label, places)).collect(),
        origin: found.origin.iter().map(|label| labelled(label, places)).collect(),
        help: found.help.iter().map(|advice| help(advice, places)).collect(),
        agents: found
            .agents
            .iter()
            .map(|(agent, environment)| AgentJson { agent, environment })
            .collect(),
    }
}

fn labelled<'a>(label: &'a Label, places: &mut Places<'a>) -> LabelJson<'a> {
    LabelJson {
        span: span(label.span, places),
        text: &label.text,
    }
}

fn help<'a>(advice: &'a Help, places: &mut Places<'a>) -> HelpJson<'a> {
    let replacement = advice.replacement.as_ref();
    HelpJson {
        text: &advice.text,
        replacement: replacement.map(|(place, text)| ReplacementJson {
            span: span(*place, places),
            text,
        }),
    }
}

pub(super) fn span<'a>(span: Span, places: &mut Places<'a>) -> Option<SpanJson<'a>> {
    let place = places.of(span)?;
    let [start, end] = [place.start, place.end].map(|at| PositionJson {
        line: at.line,
        column: at.column,
    });
    Some(SpanJson {
        path: place.path,
        start,
        end,
    })
}

#[derive(Serialize)]
struct ReportJson<'a, A> {
    version: u32,
    diagnostics: Vec<DiagnosticJson<'a>>,
    summary: SummaryJson,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rego: Vec<DecidedJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<A>,
}

#[derive(Serialize)]
struct DiagnosticJson<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    span: Option<SpanJson<'a>>,
    /// Of a file that was not read, and so has no span.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    label: &'a str,
    related: Vec<LabelJson<'a>>,
    origin: Vec<LabelJson<'a>>,
    help: Vec<HelpJson<'a>>,
    /// All of them, where the message names the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agents: Vec<AgentJson<'a>>,
}

#[derive(Serialize)]
struct AgentJson<'a> {
    agent: &'a str,
    environment: &'a str,
}

#[derive(Serialize)]
struct LabelJson<'a> {
    span: Option<SpanJson<'a>>,
    text: &'a str,
}

#[derive(Serialize)]
pub(super) struct SpanJson<'a> {
    path: &'a str,
    start: PositionJson,
    end: PositionJson,
}

#[derive(Serialize)]
struct PositionJson {
    line: usize,
    column: usize,
}

#[derive(Serialize)]
struct HelpJson<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<ReplacementJson<'a>>,
}

#[derive(Serialize)]
struct ReplacementJson<'a> {
    span: Option<SpanJson<'a>>,
    text: &'a str,
}

#[derive(Serialize)]
struct SummaryJson {
    errors: usize,
    warnings: usize,
    notes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diag::{LintLevels, Sink, codes::lint},
        source::FileId,
    };

    #[test]
    fn the_object_has_every_field_and_counts_characters() {
        let text = "# ü\nname: größe \u{202e}\n";
        let tree = SourceTree::from_files(vec![("a.yaml".to_owned(), text.to_owned())]);
        let place = Span {
            file: FileId(0),
            start: 11,
            end: 18,
        };
        let mut found = Diagnostic::new(&lint::UNKNOWN_CODE, "unknown \u{202e} name", place, "here")
            .with_related(
                Span {
                    file: FileId(0),
                    start: 0,
                    end: 1,
                },
                "a comment",
            )
            .with_help("ask somebody")
            .of_agents([("payments/bot".to_owned(), "production".to_owned())])
            .with_replacement("did you mean `b`?", place, "b");
        found.origin.push(Label {
            span: Span {
                file: FileId(7),
                start: 0,
                end: 1,
            },
            text: "of no file".to_owned(),
        });
        let mut sink = Sink::default();
        sink.push(found);
        sink.push(Diagnostic::without_place(&lint::UNUSED_PRAGMA, "nowhere"));
        let made = findings(&sink.finish(&tree, &LintLevels::default(), &[]), &tree, &[]);
        insta::assert_snapshot!(made);
        let read: serde_json::Value = serde_json::from_str(&made).unwrap();
        assert_eq!(read["diagnostics"][1]["message"], "unknown \u{202e} name");
    }

    #[test]
    fn nothing_found_is_an_object_too() {
        let tree = SourceTree::from_files(Vec::new());
        let made: serde_json::Value = serde_json::from_str(&findings(&Findings::default(), &tree, &[])).unwrap();
        assert_eq!(
            made,
            serde_json::json!({"version": 1, "diagnostics": [], "summary": {"errors": 0, "warnings": 0, "notes": 0}})
        );
    }
}
