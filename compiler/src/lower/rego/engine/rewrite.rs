//! The text of a module becomes one that the machine takes as Rego means it.
//!
//! Where the machine and Rego part: `x := e` holds there though `e` is undefined, so that `not f(x)` after it does; and
//! of several definitions of a rule whose values may differ none is told from another. So a statement is added that
//! asks whether `x` is there, and definitions get names of their own, which one rule joins: it fails where they disagree,
//! as Rego does. What is written is compiled and never shown.

use std::collections::BTreeSet;
use std::fmt::Write;

use regorus::unstable::{AssignOp, Expr, Literal, Module, Query, TokenKind};

use super::Tokens;
use crate::lower::rego::module::{self, Def, Group, Index, Kind};
use crate::lower::rego::visit;

/// The text of a module, rewritten.
pub(super) fn rewritten(text: &str, module: &Module, index: &Index, tokens: &Tokens) -> String {
    let mut edits: Vec<(usize, String)> = Vec::new();
    visit::queries(module, &mut |query| bound(query, tokens, &mut edits));
    let mut joined = String::new();
    for (name, group) in &index.groups {
        if disagree(group) {
            join(name, group, index, &mut edits, &mut joined);
        }
    }
    edits.sort();
    let mut made = String::with_capacity(text.len() + joined.len());
    let mut from = 0;
    for (at, insert) in edits {
        made.push_str(text.get(from..at).unwrap_or_default());
        made.push_str(&insert);
        from = at;
    }
    made.push_str(text.get(from..).unwrap_or_default());
    made.push_str(&joined);
    made
}

/// After each `x := e` of a query, whether `x` is there.
fn bound(query: &Query, tokens: &Tokens, edits: &mut Vec<(usize, String)>) {
    for stmt in &query.stmts {
        let Literal::Expr { expr, .. } = &stmt.literal else {
            continue;
        };
        let Expr::AssignExpr {
            op: AssignOp::ColEq,
            lhs,
            rhs,
            ..
        } = expr.as_ref()
        else {
            continue;
        };
        let Expr::Var { span, .. } = lhs.as_ref() else { continue };
        if span.text() != "_" && module::constant(rhs).is_none() && stmt.with_mods.is_empty() {
            let name = span.text();
            let close = match bare(query, tokens) {
                true => {
                    edits.push((query.span.start as usize, "{ ".to_owned()));
                    " }"
                }
                false => "",
            };
            edits.push((end(stmt.span.end, tokens), format!("; {name} == {name}{close}")));
        }
    }
}

/// Whether a query is the one statement after an `if` that has no braces: a second one needs them.
fn bare(query: &Query, tokens: &Tokens) -> bool {
    let at = tokens.partition_point(|token| token.1.start < query.span.start);
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let braces = tokens.get(at).is_some_and(|token| token.1.text() == "{");
    !braces && before.is_some_and(|before| before.1.text() == "if")
}

/// Where the last token ends of what ends here: a string is given without its closing quote.
fn end(at: u32, tokens: &Tokens) -> usize {
    let quoted = |kind: &TokenKind| matches!(kind, TokenKind::String | TokenKind::RawString);
    let last = tokens.iter().rev().find(|token| match quoted(&token.0) {
        true => token.1.start <= at,
        false => token.1.start < at,
    });
    last.map_or(at, |token| token.1.end + u32::from(quoted(&token.0))) as usize
}

/// Whether definitions of a rule or function may come to different values.
fn disagree(group: &Group) -> bool {
    let constant = |def: &Def| match def.chain.as_slice() {
        [only] => match &only.value {
            None => Some(None),
            Some(value) => module::constant(value).map(Some),
        },
        _ => None,
    };
    let values: BTreeSet<_> = group.defs.iter().map(constant).collect();
    let heads: BTreeSet<u32> = group.defs.iter().map(|def| def.span.start).collect();
    let equal = values.len() == 1 && !values.contains(&None);
    matches!(group.kind, Kind::Complete | Kind::Function)
        && !equal
        && heads.len() == group.defs.len()
        && heads.len() > 1
}

/// Gives each definition a name of its own, and writes the rule that joins them.
fn join(name: &str, group: &Group, index: &Index, edits: &mut Vec<(usize, String)>, joined: &mut String) {
    let mut own = format!("{name}__");
    while index.groups.keys().any(|taken| taken.starts_with(&own)) {
        own.push('_');
    }
    let parameters = group.defs.first().map_or(0, |def| def.params.len());
    let names: Vec<String> = (0..parameters).map(|at| format!("a{at}")).collect();
    let call = match group.kind {
        Kind::Function => format!("({})", names.join(", ")),
        _ => String::new(),
    };
    let mut all = Vec::new();
    for (at, def) in group.defs.iter().enumerate() {
        edits.push((
            def.span.start as usize + name.len(),
            own[name.len()..].to_owned() + &at.to_string(),
        ));
        all.push(format!("{{w | w := {own}{at}{call}; w == w}}"));
    }
    // Of one value the rest is none; of several the division fails.
    let _ = write!(
        joined,
        "\n{name}{call} := v if {{\n\tall := {}\n\tcount(all) > 0\n\t1 % floor(1 / count(all)) == 0\n\tv := [w | some w in all][0]\n}}\n",
        all.join(" | ")
    );
}
