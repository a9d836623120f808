//! Which calls a rule can be about at all, told by the statements that its bodies begin with: `input.action.name ==
//! "billing.refund"`, `input.environment in {"production"}`.
//!
//! What comes out is a selector that holds wherever the rule could hold or err, and for more. It only spares the other
//! calls from being looked at one by one: what the rule means is told by the conditions that are made of all of it.

use std::collections::BTreeSet;

use polity_runtime::value::Effect;
use regorus::unstable::{BoolOp, Expr, Literal, LiteralStmt};

use super::module::{self, Body, Group, Index};
use super::values::Const;
use crate::ast::{Selector, Text};
use crate::source::{Span, Spanned};

/// What a statement looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Actions,
    Effects,
    Environments,
    Teams,
    Agents,
}

/// A part with the names, or patterns, of which one must be met.
type Test = (Part, BTreeSet<String>);

/// The selector of a rule that decides. `None`: it may be about any call.
pub(super) fn selector(index: &Index, group: &Group, span: Span) -> Option<Selector> {
    let by_default = group.default.as_ref().map(|value| module::constant(value));
    if !matches!(by_default, None | Some(Some(Const::Bool(false)))) {
        return None;
    }
    let bodies: Vec<&Body> = group.defs.iter().flat_map(|def| &def.chain).collect();
    let ways: Vec<Vec<Test>> = bodies.iter().map(|body| leading(index, body)).collect();
    let any = |part: Part| -> Option<Vec<Text>> {
        let mut all = BTreeSet::new();
        for way in &ways {
            let (_, names) = way.iter().find(|(own, _)| *own == part)?;
            all.extend(names.iter().cloned());
        }
        Some(all.into_iter().map(|name| Text::new(name, span)).collect())
    };
    let effects = any(Part::Effects).map(|names| {
        let effects = names.iter().filter_map(|name| effect(&name.value));
        effects.map(|effect| Spanned::new(effect, span)).collect()
    });
    let found = Selector {
        span: Some(span),
        agents: any(Part::Agents),
        teams: any(Part::Teams),
        environments: any(Part::Environments),
        actions: any(Part::Actions),
        effects,
        ..Selector::default()
    };
    let parts = [&found.agents, &found.teams, &found.environments, &found.actions];
    (found.effects.is_some() || parts.into_iter().any(Option::is_some)).then_some(found)
}

/// The tests that a body begins with. None of them can err, so where one fails nothing that stands after it is looked
/// at.
fn leading(index: &Index, body: &Body) -> Vec<Test> {
    let stmts = body.query.as_ref().map_or(&[][..], |query| &query.stmts);
    stmts.iter().map_while(|stmt| test(index, stmt)).collect()
}

fn test(index: &Index, stmt: &LiteralStmt) -> Option<Test> {
    let Literal::Expr { expr, .. } = &stmt.literal else {
        return None;
    };
    if !stmt.with_mods.is_empty() {
        return None;
    }
    match expr.as_ref() {
        Expr::BoolExpr {
            op: BoolOp::Eq,
            lhs,
            rhs,
            ..
        } => {
            let (path, name) = match (text(lhs), text(rhs)) {
                (None, Some(name)) => (lhs, name),
                (Some(name), None) => (rhs, name),
                _ => return None,
            };
            named(&place(index, path)?, [name])
        }
        Expr::Membership {
            key: None,
            value,
            collection,
            ..
        } => {
            let (Expr::Array { items, .. } | Expr::Set { items, .. }) = collection.as_ref() else {
                return None;
            };
            let names: Vec<String> = items.iter().map(|item| text(item)).collect::<Option<_>>()?;
            named(&place(index, value)?, names)
        }
        Expr::Call { fcn, params, .. } => {
            let [whole, start] = params.as_slice() else { return None };
            let own = index.groups.contains_key("startswith");
            let of_name = module::path(fcn)? == ["startswith"] && !own && place(index, whole)? == ["action", "name"];
            let tool = text(start).filter(|_| of_name)?.strip_suffix('.')?.to_owned();
            named(&["action".to_owned(), "tool".to_owned()], [tool])
        }
        _ => None,
    }
}

fn text(e: &Expr) -> Option<String> {
    match module::constant(e)? {
        Const::Str(text) => Some(text),
        _ => None,
    }
}

fn effect(name: &str) -> Option<Effect> {
    Effect::ALL.into_iter().find(|effect| effect.as_str() == name)
}

/// A place in the input document.
fn place(index: &Index, e: &Expr) -> Option<Vec<String>> {
    let mut path = module::path(e)?;
    let (first, rest) = path.split_first()?;
    if let Some(imported) = index.imports.get(first) {
        path = imported.iter().chain(rest).cloned().collect();
    }
    let (first, rest) = path.split_first()?;
    (first == "input" && !index.groups.contains_key(first)).then(|| rest.to_vec())
}

/// That a part of the input is one of these names. What a selector would read as a pattern is left alone.
fn named(place: &[String], names: impl IntoIterator<Item = String>) -> Option<Test> {
    let names: BTreeSet<String> = names.into_iter().collect();
    let plain = |name: &String| !name.is_empty() && !name.contains(['*', '/']);
    let parts: Vec<&str> = place.iter().map(String::as_str).collect();
    let (part, fits): (Part, fn(&String) -> bool) = match parts.as_slice() {
        // A variant's own name has a `/`, which selectors have as well.
        ["action", "name"] => (Part::Actions, |name| name.contains('.') && !name.contains('*')),
        ["action", "tool"] => {
            let all = names.iter().map(|name| format!("{name}.**")).collect();
            return names.iter().all(plain).then_some((Part::Actions, all));
        }
        ["action", "effect"] => (Part::Effects, |name| effect(name).is_some()),
        ["environment"] => (Part::Environments, |_| true),
        ["agent", "team"] => (Part::Teams, |_| true),
        ["agent", "agent"] => (Part::Agents, |name| !name.contains('/')),
        ["agent", "name"] => (Part::Agents, |name| name.contains('/')),
        _ => return None,
    };
    let ok = !names.is_empty() && names.iter().all(|name| fits(name) && !name.contains('*'));
    ok.then_some((part, names))
}
