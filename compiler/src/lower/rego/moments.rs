//! A moment beside a text: `input.now` and datetimes are RFC 3339 text, and an order of them is one of texts.

use regorus::unstable::{BoolOp, Expr, Span};

use super::compare::Order;
use super::kinds::written;
use super::lower::{Lowerer, Out};
use super::module;
use super::values::{Const, Val};
use crate::diag::Diagnostic;
use crate::diag::codes::condition::INVALID_CONSTANT;
use crate::diag::codes::rego::REGO_MOMENT_AS_TEXT;
use crate::ir::{Condition, Constant, Term};
use crate::lower::condition::not;

/// A side of a comparison: what it comes to, and how it is written.
type Side<'v> = (&'v Val, &'v Expr);

impl Lowerer<'_> {
    /// Says where an order of texts is not that of moments.
    pub(super) fn lint_moment(&mut self, span: &Span, op: &BoolOp, a: Side<'_>, b: Side<'_>) {
        let text = match (a.0, b.0) {
            (Val::Moment(_), Val::Const(Const::Str(text))) | (Val::Const(Const::Str(text)), Val::Moment(_)) => text,
            _ => return,
        };
        let op = match op {
            BoolOp::Lt => "<",
            BoolOp::Le => "<=",
            BoolOp::Gt => ">",
            BoolOp::Ge => ">=",
            BoolOp::Eq | BoolOp::Ne => return,
        };
        // A date alone begins every text of its day.
        if polity_runtime::wire::Timestamp::parse(text).is_none() {
            return;
        }
        let side = |e: &Expr| match module::constant(e) {
            Some(Const::Str(text)) => Some(format!("time.parse_rfc3339_ns(\"{text}\")")),
            _ => written(e).map(|path| format!("time.parse_rfc3339_ns({path})")),
        };
        let exact = match (side(a.1), side(b.1)) {
            (Some(a), Some(b)) => format!("`{a} {op} {b}`"),
            _ => "`time.parse_rfc3339_ns` of both".to_owned(),
        };
        let help = match text.strip_suffix("T00:00:00Z") {
            Some(day) => format!("compare {exact}, or with `{day}`, the date alone"),
            None => format!("compare {exact}"),
        };
        let message = "this orders a moment as text, which is wrong within a second".to_owned();
        let label = "a `.` comes before a `Z`";
        let found = Diagnostic::new(&REGO_MOMENT_AS_TEXT, message, self.span(span), label);
        self.findings.push(found.with_help(help));
    }

    /// A moment, as RFC 3339 text, beside another text: only where the order of texts is one of moments.
    pub(super) fn moment(&mut self, span: &Span, order: Order, term: &Term, text: &str) -> Out<Condition> {
        let day = format!("{text}T00:00:00Z");
        let parse = |text: &str| polity_runtime::wire::Timestamp::parse(text).map(|moment| moment.millis());
        let constant = |moment: i64| Term::Constant(Constant::DateTime(moment));
        if let Some(day) = parse(&day) {
            // What begins with the date comes after it.
            return match order {
                Order::Less | Order::LessEqual => self.ordered(Order::Less, term.clone(), constant(day)),
                Order::Greater | Order::GreaterEqual => self.ordered(Order::GreaterEqual, term.clone(), constant(day)),
                Order::Equal | Order::Unequal => {
                    let message = format!("a moment is never the text `{text}`");
                    let help = "compare it with `<` or `>=`, or with `2026-12-01T00:00:00Z`";
                    self.wrong(&INVALID_CONSTANT, span, (message, ""), help)
                }
            };
        }
        let Some(moment) = parse(text) else {
            let message = format!("`{text}` is no moment as `input.now` is spelled");
            let help = "write `2026-12-01T00:00:00Z`, or a date alone for its beginning";
            return self.wrong(&INVALID_CONSTANT, span, (message, ""), help);
        };
        if matches!(order, Order::Equal | Order::Unequal) {
            return self.ordered(order, term.clone(), constant(moment));
        }
        if moment % 1000 != 0 {
            return self.outside(span, "an order of texts within a second");
        }
        // Within the second of the text the moments are spelled with decimals, and as texts come before it.
        let next = constant(moment.saturating_add(999));
        let before = self.ordered(Order::LessEqual, term.clone(), next)?;
        let same = self.ordered(Order::Equal, term.clone(), constant(moment))?;
        match order {
            Order::Less => self.both(not(same), before),
            Order::LessEqual => Ok(before),
            Order::Greater => Ok(not(before)),
            _ => {
                let less = self.both(not(same), before)?;
                Ok(not(less))
            }
        }
    }
}
