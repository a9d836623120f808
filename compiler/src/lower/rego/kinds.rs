//! Values of different types are never equal. A comparison that meets only such values is a slip of the pen, and the
//! rule would silently never fire; one that meets values of one type too, as that of `object.get(input.args, "x", null)`
//! with null, asks which of them it is.

use std::collections::BTreeMap;

use regorus::unstable::{Expr, Span};

use super::compare::Order;
use super::lower::Lowerer;
use super::module;
use super::values::{Const, Val};
use crate::diag::Diagnostic;
use crate::diag::codes::condition::CONDITION_TYPE;
use crate::source;

/// More names than these help nobody.
const MOST_NAMES: usize = 12;

/// What comparisons have met.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// By their places: what is said of each that has met no two values of one type so far.
    found: BTreeMap<source::Span, Option<Diagnostic>>,
    /// Types of the defaults that values which are compared would have, if they were not there.
    spare: Vec<Option<&'static str>>,
}

impl Met {
    pub(super) fn never_equal(self) -> impl Iterator<Item = Diagnostic> {
        self.found.into_values().flatten()
    }

    /// What follows looks at something that would else be of a type; until [`Met::spared`].
    pub(super) fn spare(&mut self, kind: Option<&'static str>) {
        self.spare.push(kind);
    }

    pub(super) fn spared(&mut self) {
        self.spare.pop();
    }
}

/// A side of a comparison: what it comes to, and how it is written.
type Side<'v> = (&'v Val, Option<&'v Expr>);

impl Lowerer<'_> {
    /// Takes note of two values that are compared for equality.
    pub(super) fn meets(&mut self, span: &Span, order: Order, a: Side<'_>, b: Side<'_>) {
        if !matches!(order, Order::Equal | Order::Unequal) {
            return;
        }
        let known = |side: Side<'_>| matches!(side.0, Val::Const(_));
        let place = self.span(span);
        let spare = |val: &Val| val.kind().is_some_and(|kind| self.met.spare.contains(&Some(kind)));
        if !a.0.differs(b.0) || (known(a) && spare(a.0)) || (known(b) && spare(b.0)) {
            self.met.found.insert(place, None);
            return;
        }
        let null = |side: Side<'_>| matches!(side.0, Val::Const(Const::Null));
        // Data may hold anything; and what is there is not null, which is what `!=` then says.
        if (known(a) && known(b))
            || (order == Order::Unequal && (null(a) || null(b)))
            || self.met.found.contains_key(&place)
        {
            return;
        }
        let help = match (null(a), null(b)) {
            (true, _) => absent(b),
            (_, true) => absent(a),
            _ => self.inside(a).or_else(|| self.inside(b)),
        };
        let found = self.unlike(span, a.0, b.0, help);
        self.met.found.insert(place, Some(found));
    }

    /// The elements that are written out of what a value is looked for in.
    pub(super) fn meets_in(&mut self, span: &Span, of: &Val, val: Side<'_>) {
        let constants = super::compare::elements(of);
        for item in constants.into_iter().cloned().map(Val::Const) {
            self.meets(span, Order::Equal, val, (&item, None));
        }
        if let Val::Array(items) | Val::Set(items) = of {
            for item in items {
                self.meets(span, Order::Equal, val, (item, None));
            }
        }
    }

    /// Two values of types that are never compared.
    pub(super) fn unlike(&self, span: &Span, a: &Val, b: &Val, said: Option<String>) -> Diagnostic {
        let message = format!("this compares {} with {}", a.describe(), b.describe());
        let help = "Rego would order values of different types by their types: compare values of one type";
        let found = Diagnostic::new(&CONDITION_TYPE, message, self.span(span), "never meant");
        match said {
            Some(said) => found.with_help(said),
            None => found.with_help(help),
        }
    }

    /// The names in an object.
    fn inside(&self, (val, e): Side<'_>) -> Option<String> {
        let Val::Place(place) = val else { return None };
        let names = self.names(place);
        if names.is_empty() || names.len() > MOST_NAMES {
            return Some("an object is equal to no other value: compare what is in it".to_owned());
        }
        let whole = e.and_then(written);
        let name = |name: &&str| match &whole {
            Some(whole) => format!("`{whole}.{name}`"),
            None => format!("`.{name}`"),
        };
        let names: Vec<String> = names.iter().map(name).collect();
        Some(format!("compare what is in it: {}", names.join(", ")))
    }
}

/// What to write instead of a comparison with null.
fn absent((val, e): Side<'_>) -> Option<String> {
    let name = e.and_then(written).filter(|name| name.starts_with("input."));
    let name = name.as_deref().unwrap_or("input.args.note");
    let ask = match val {
        // `not` of it alone holds where it is false, too.
        Val::Flag(_) => format!("not is_boolean({name})"),
        _ => format!("not {name}"),
    };
    Some(format!("what would be null is absent: write `{ask}`"))
}

/// A path, where it can be written with dots.
pub(super) fn written(e: &Expr) -> Option<String> {
    let path = module::path(e)?;
    let word = |name: &String| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    path.iter().all(word).then(|| path.join("."))
}
