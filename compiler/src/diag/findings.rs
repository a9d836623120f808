//! All that the phases found becomes [`Findings`]: pragmas and lint levels applied, sorted, each once.
//!
//! It looks at no document: pragmas come in as the parser saw them, levels as `polity.yaml` set them. The same
//! diagnostics in any order give the same findings, so a run on more threads prints the same bytes.

use super::{Code, Diagnostic, Label, LintLevels, Severity, Sink, codes, levels::code_named};
use crate::{
    parse::node::Pragma,
    source::{SourceTree, Span, Spanned},
};

/// What a run has to say, ready to be rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// INVARIANT: sorted by path, position and code, without duplicates.
    diagnostics: Vec<Diagnostic>,
}

/// How many of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Sink {
    /// Applies the pragmas, then the levels, then sorts. A pragma silences a lint within what it covers whatever
    /// its level; neither silences an error.
    pub fn finish(self, tree: &SourceTree, levels: &LintLevels, pragmas: &[Pragma]) -> Findings {
        let mut diagnostics = self.found;
        silence(&mut diagnostics, pragmas);
        diagnostics.retain_mut(|found| match levels.apply(found.code, found.severity) {
            Some(severity) => {
                found.severity = severity;
                true
            }
            None => false,
        });
        for (cause, consequence) in CONSEQUENCES {
            if diagnostics.iter().any(|found| found.code == cause) {
                diagnostics.retain(|found| found.code != consequence);
            }
        }
        let mut placed: Vec<(Diagnostic, Option<(u32, String)>)> = diagnostics
            .into_iter()
            .map(|mut found| {
                let line = translate(&mut found, tree);
                (found, line)
            })
            .collect();
        placed.sort_by(|(a, of), (b, than)| key(a, tree).cmp(&key(b, tree)).then_with(|| of.cmp(than)));
        placed.dedup();
        Findings {
            diagnostics: once_a_use(placed),
        }
    }
}

impl Findings {
    /// The diagnostics, sorted.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.summary().errors > 0
    }
    /// How many of each severity.
    pub fn summary(&self) -> Summary {
        let count = |severity| {
            self.diagnostics
                .iter()
                .filter(|found| found.severity == severity)
                .count()
        };
        Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        }
    }
}

/// What is wrong only because something else is: where one was found, the other is not told.
const CONSEQUENCES: [(&Code, &Code); 2] = [
    (
        &codes::reference::UNKNOWN_PERSON,
        &codes::reference::APPROVAL_CANNOT_BE_MET,
    ),
    // Where a document may not stand, another of its kind is not the point.
    (
        &codes::document::KIND_NOT_ALLOWED_HERE,
        &codes::reference::TWO_ORGANIZATIONS,
    ),
];

/// Names the lines of the built-in template; what is wrong on several of them alike is told once.
fn once_a_use(placed: Vec<(Diagnostic, Option<(u32, String)>)>) -> Vec<Diagnostic> {
    // No lines where it is not of a built-in template.
    let mut told: Vec<(Diagnostic, Vec<u32>, String)> = Vec::new();
    for (found, place) in placed {
        let (line, template) = place.unzip();
        let template = template.unwrap_or_default();
        match (told.last_mut(), line) {
            (Some((last, lines, of)), Some(line)) if *last == found && *of == template => lines.push(line),
            _ => told.push((found, line.into_iter().collect(), template)),
        }
    }
    let named = told.into_iter().map(|(mut found, lines, template)| {
        let noun = if lines.len() == 1 { "line" } else { "lines" };
        let lines = lines.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        if !lines.is_empty() {
            let of = format!(" ({noun} {lines} of the built-in template `{template}`)");
            found.message.push_str(&of);
        }
        found
    });
    named.collect()
}

/// Says of what stands in a filled-in template where the template has it, and where the template is used. Gives the
/// line and the name of a built-in template, which no file of the repository shows.
fn translate(found: &mut Diagnostic, tree: &SourceTree) -> Option<(u32, String)> {
    let mut built_in = None;
    let mut uses: Vec<(Span, String)> = Vec::new();
    if let Some(label) = &mut found.primary
        && let Some(place) = tree.translate(label.span)
    {
        if let Some(line) = place.built_in_line {
            built_in = Some((line, place.template));
        } else {
            uses.push((place.used, place.template));
        }
        label.span = place.span;
    }
    for label in &mut found.related {
        if let Some(place) = tree.translate(label.span) {
            label.span = place.span;
            match place.built_in_line {
                Some(_) => {}
                None if uses.iter().any(|(used, _)| *used == place.used) => {}
                None => uses.push((place.used, place.template)),
            }
        }
    }
    for help in &mut found.help {
        if let Some((span, _)) = &mut help.replacement
            && let Some(place) = tree.translate(*span)
        {
            *span = place.span;
            if !place.verbatim {
                help.replacement = None;
            }
        }
    }
    let origin = uses.into_iter().map(|(span, template)| Label {
        span,
        text: format!("template `{template}` is used here"),
    });
    found.origin.extend(origin);
    built_in
}

/// Takes out the lints that a pragma covers, and puts in a diagnostic for each pragma that is of no use.
fn silence(diagnostics: &mut Vec<Diagnostic>, pragmas: &[Pragma]) {
    // A lint may wait until the errors are mended: what is there to be silenced is known only then.
    let failing = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let mut lints = Vec::new();
    for pragma in pragmas {
        let written = Spanned::new(pragma.code.clone(), pragma.span);
        match code_named(&written) {
            Err(mut diagnostic) => {
                // The span is the whole comment's: a replacement would take the reason with it.
                for help in &mut diagnostic.help {
                    help.replacement = None;
                }
                diagnostics.push(*diagnostic);
            }
            Ok(code) if code.severity == Severity::Error => {
                let message = format!("`{}` is an error, which no comment silences", code.id);
                diagnostics.push(
                    Diagnostic::new(&codes::lint::NOT_A_LINT, message, pragma.span, "not a lint")
                        .with_help("remove the comment and mend what the error points at"),
                );
            }
            Ok(code) => lints.push((pragma, code)),
        }
    }
    // A pragma that allows `unused-pragma` is looked at last: what it silences is only known then.
    let (about_pragmas, others): (Vec<_>, Vec<_>) = lints
        .into_iter()
        .partition(|(_, code)| **code == codes::lint::UNUSED_PRAGMA);
    for group in [others, about_pragmas] {
        let unused = take_covered(diagnostics, &group);
        diagnostics.extend(unused.into_iter().filter(|_| !failing));
    }
}

/// Removes what one group of pragmas silences; gives back a diagnostic for each that silenced nothing.
fn take_covered(diagnostics: &mut Vec<Diagnostic>, pragmas: &[(&Pragma, &'static Code)]) -> Vec<Diagnostic> {
    let mut used = vec![false; pragmas.len()];
    diagnostics.retain(|found| {
        // A lint that a phase raised as an error is one.
        let Some(place) = found.primary.as_ref().filter(|_| found.severity != Severity::Error) else {
            return true;
        };
        let mut silenced = false;
        for ((pragma, code), used) in pragmas.iter().zip(&mut used) {
            if *code == found.code && contains(pragma.covers, place.span) {
                *used = true;
                silenced = true;
            }
        }
        !silenced
    });
    let unused = pragmas.iter().zip(used).filter(|(_, used)| !used);
    unused
        .map(|((pragma, code), _)| {
            let message = format!("comment allows `{}`, and there is none below it", code.id);
            Diagnostic::new(&codes::lint::UNUSED_PRAGMA, message, pragma.span, "silences nothing")
                .with_help("remove the comment")
        })
        .collect()
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// Path, position, code; then all the rest, so that no two different diagnostics are left in chance's order.
/// What has no place comes first: it is about the whole repository.
fn key<'a>(found: &'a Diagnostic, tree: &'a SourceTree) -> impl Ord + 'a {
    let place = found.primary.as_ref().map(|label| {
        let path = tree.file(label.span.file).map(|file| file.path.as_str());
        (path, label.span.start, label.span.end)
    });
    (
        (place, found.code.id, found.severity),
        (
            &found.message,
            &found.primary,
            &found.related,
            &found.origin,
            &found.help,
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        diag::Level,
        source::{FileId, Span},
    };

    const LINT: &Code = &codes::lint::UNUSED_PRAGMA;
    const ERROR: &Code = &codes::lint::UNKNOWN_CODE;

    fn tree() -> SourceTree {
        SourceTree::from_files(vec![
            ("b.yaml".to_owned(), "x".repeat(100)),
            ("a.yaml".to_owned(), "y".repeat(100)),
        ])
    }

    fn span(file: u32, start: u32, end: u32) -> Span {
        Span {
            file: FileId(file),
            start,
            end,
        }
    }

    fn pragma(code: &str, at: u32, covers: Span) -> Pragma {
        Pragma {
            span: span(0, at, at + 5),
            code: code.to_owned(),
            reason: "because".to_owned(),
            covers,
        }
    }

    fn finish(found: Vec<Diagnostic>, levels: &[(&'static Code, Level)], pragmas: &[Pragma]) -> Vec<String> {
        let findings = Sink { found }.finish(&tree(), &LintLevels::new(levels), pragmas);
        let lines = findings.diagnostics().iter();
        lines
            .map(|d| format!("{:?} {} {}", d.severity, d.code.id, d.message))
            .collect()
    }

    #[test]
    fn findings_are_sorted_by_path_position_and_code_and_are_there_once() {
        let found = vec![
            Diagnostic::new(LINT, "late", span(1, 0, 1), ""),
            Diagnostic::new(LINT, "second", span(0, 9, 10), ""),
            Diagnostic::new(ERROR, "first", span(0, 3, 10), ""),
            Diagnostic::new(LINT, "same place, later code", span(0, 3, 10), ""),
            Diagnostic::new(LINT, "late", span(1, 0, 1), ""),
            Diagnostic::without_place(ERROR, "nowhere"),
        ];
        assert_eq!(
            finish(found, &[], &[]),
            [
                "Error unknown-code nowhere",
                "Error unknown-code first",
                "Warning unused-pragma same place, later code",
                "Warning unused-pragma second",
                "Warning unused-pragma late",
            ]
        );
    }

    #[test]
    fn levels_promote_and_silence_lints_and_leave_errors() {
        let found = || {
            vec![
                Diagnostic::new(LINT, "lint", span(0, 0, 1), ""),
                Diagnostic::new(ERROR, "error", span(0, 2, 3), ""),
            ]
        };
        assert_eq!(
            finish(found(), &[(LINT, Level::Deny)], &[]),
            ["Error unused-pragma lint", "Error unknown-code error"]
        );
        assert_eq!(
            finish(found(), &[(LINT, Level::Allow), (ERROR, Level::Allow)], &[]),
            ["Error unknown-code error"]
        );
    }

    #[test]
    fn a_pragma_silences_its_lint_below_it_and_nowhere_else() {
        let found = vec![
            Diagnostic::new(LINT, "covered", span(0, 12, 14), ""),
            Diagnostic::new(LINT, "reaches out", span(0, 18, 22), ""),
            Diagnostic::new(LINT, "another file", span(1, 12, 14), ""),
        ];
        assert_eq!(
            finish(
                found,
                &[(LINT, Level::Deny)],
                &[pragma("unused-pragma", 0, span(0, 10, 20))]
            ),
            ["Error unused-pragma reaches out", "Error unused-pragma another file"]
        );
    }

    #[test]
    fn a_pragma_never_silences_an_error() {
        let covers = span(0, 10, 20);
        let mut raised = Diagnostic::new(LINT, "raised by a phase", span(0, 14, 15), "");
        raised.severity = Severity::Error;
        let found = vec![Diagnostic::new(ERROR, "error", span(0, 12, 14), ""), raised];
        assert_eq!(
            finish(
                found,
                &[],
                &[pragma("unknown-code", 0, covers), pragma("unused-pragma", 6, covers)]
            ),
            [
                "Error not-a-lint `unknown-code` is an error, which no comment silences",
                "Error unknown-code error",
                "Error unused-pragma raised by a phase",
            ]
        );
    }

    #[test]
    fn a_pragma_with_an_unknown_code_is_an_error() {
        assert_eq!(
            finish(Vec::new(), &[], &[pragma("unsued-pragma", 0, span(0, 10, 20))]),
            ["Error unknown-code diagnostic code that does not exist: `unsued-pragma`"]
        );
    }

    proptest! {
        #[test]
        fn the_order_in_which_phases_report_does_not_matter(
            places in prop::collection::vec((0u32..2, 0u32..4, 0u32..3, any::<bool>()), 0..12),
            seed in any::<prop::sample::Index>(),
        ) {
            let made: Vec<_> = places
                .iter()
                .map(|&(file, start, length, lint)| {
                    let code = if lint { LINT } else { ERROR };
                    Diagnostic::new(code, format!("{length}"), span(file, start, start + length), "")
                })
                .collect();
            let mut turned = made.clone();
            if !turned.is_empty() {
                let by = seed.index(turned.len());
                turned.rotate_left(by);
                turned.reverse();
            }
            prop_assert_eq!(finish(made, &[], &[]), finish(turned, &[], &[]));
        }
    }
}
