//! What is said about a condition while it is lowered: findings at their places, and what stops for them.

use cedar_policy_core::ast::Expr;

use super::lower::{Lowerer, Out, Stop};
use super::types::{Ty, Val};
use crate::diag::codes::condition::{CONDITION_TYPE, UNSUPPORTED_CONDITION};
use crate::diag::{Code, Diagnostic, nearest};
use crate::ir::Term;
use crate::source::Span;

impl Lowerer<'_> {
    pub(super) fn span(&self, e: &Expr) -> Span {
        self.parsed.span_of(e.source_loc())
    }

    /// Adds a finding. For which action it is, whoever asked about it adds.
    pub(super) fn report(
        &mut self,
        code: &'static Code,
        e: &Expr,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        let span = self.span(e);
        self.report_at(code, span, message, label);
    }

    pub(super) fn report_at(
        &mut self,
        code: &'static Code,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.findings.push(Diagnostic::new(code, message, span, label));
    }

    /// Whether there is a finding of this code whose message says this.
    pub(super) fn reported(&self, code: &'static Code, text: &str) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|found| found.code == code && found.message.contains(text))
    }

    /// Adds advice to the last finding.
    pub(super) fn help(&mut self, text: impl Into<String>) {
        if let Some(last) = self.findings.pop() {
            self.findings.push(last.with_help(text));
        }
    }

    /// Adds "did you mean" to the last finding; `spelled` makes a name what stands in the text.
    pub(super) fn suggest<'b>(
        &mut self,
        written: &str,
        candidates: impl IntoIterator<Item = &'b str>,
        spelled: impl Fn(&str) -> String,
    ) {
        let Some(name) = nearest(written, candidates) else {
            return;
        };
        let Some(last) = self.findings.pop() else { return };
        let text = format!("did you mean `{name}`?");
        let last = match (&last.primary, self.parsed.place.verbatim) {
            (Some(label), true) => {
                let span = label.span;
                last.with_replacement(text, span, spelled(name))
            }
            // The span is the whole scalar: a replacement would swallow the condition.
            _ => last.with_help(text),
        };
        self.findings.push(last);
    }

    /// Something else is needed than what is there.
    pub(super) fn wrong<T>(&mut self, e: &Expr, needed: &str, found: &Val) -> Out<T> {
        if self.world.is_some() {
            return Err(Stop::Errs);
        }
        self.visible(e, found)?;
        let found = found.describe();
        self.report(
            &CONDITION_TYPE,
            e,
            format!("{needed}, and this is {found}"),
            found.clone(),
        );
        Err(Stop::Reported)
    }

    pub(super) fn incomparable<T>(&mut self, a: &Expr, b: &Expr, x: &str, y: &str) -> Out<T> {
        if self.world.is_some() {
            return Err(Stop::Errs);
        }
        let (a, b) = (self.span(a), self.span(b));
        let span = Span {
            start: a.start.min(b.start),
            end: a.end.max(b.end),
            ..a
        };
        self.report_at(
            &CONDITION_TYPE,
            span,
            format!("this compares {x} with {y}"),
            "never equal",
        );
        Err(Stop::Reported)
    }

    /// Two terms as terms of one type.
    pub(super) fn alike(&mut self, (a, x, tx): (&Expr, Term, Ty), (b, y, ty): (&Expr, Term, Ty)) -> Out<(Term, Term)> {
        let Some(joined) = tx.join(&ty) else {
            return self.incomparable(a, b, &tx.describe(), &ty.describe());
        };
        let (x, y) = (self.adapt(a, x, &tx, &joined), self.adapt(b, y, &ty, &joined));
        Ok((x?, y?))
    }

    pub(super) fn unsupported<T>(&mut self, e: &Expr, what: &str) -> Out<T> {
        self.report(&UNSUPPORTED_CONDITION, e, format!("conditions do not take {what}"), "");
        Err(Stop::Reported)
    }

    /// Refuses an opaque argument: only whether it is there can be asked.
    pub(super) fn visible(&mut self, e: &Expr, val: &Val) -> Out<()> {
        let Val::Opaque(name) = val else { return Ok(()) };
        let message = format!("`{name}` is opaque: a condition can only ask whether it is there");
        self.report(&UNSUPPORTED_CONDITION, e, message, "not readable");
        self.help(format!(
            "write `context.args has {name}`, or declare a type that conditions can read"
        ));
        Err(Stop::Reported)
    }
}
