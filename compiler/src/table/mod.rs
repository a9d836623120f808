//! [`RuleSet`] to [`Table`]: guards, cells, fragments and placements, in canonical order.
//!
//! The product of agents, environments and actions is never made. A placement's rules are sifted by tool into a
//! *signature*; placements with equal signatures for a tool share a fragment, and its cells are made once.

#![allow(missing_docs, reason = "fields and variants that are named for what they are")]

mod cells;
pub mod diagram;
mod emit;
mod guards;
pub(crate) mod hash;
mod part;
mod reach;
mod specialise;
mod steps;
mod unkilled;
mod write;

use polity_runtime::manifest::Scope;
use polity_runtime::table::{CellId, ClassId, NONE, Table, ToolId, record};

use crate::diag::codes::condition::CONDITION_TOO_LARGE;
use crate::diag::codes::source::TREE_TOO_LARGE;
use crate::diag::{Diagnostic, Sink};
use crate::ir::RuleSet;
use crate::resolve::Organization;
use crate::source::SourceTree;
use diagram::{Diagram, Diagrams};
use emit::{Emitter, count};
pub(crate) use guards::premise;
use part::Kept;
pub(crate) use specialise::{constants as compared, is_of_call};
pub(crate) use unkilled::without_kills;
use write::Writer;

/// Builds the table. Gives `None`, with a diagnostic, where a guard or the table is too large.
pub fn build(organization: &Organization, rules: &RuleSet, tree: &SourceTree, sink: &mut Sink) -> Option<Table> {
    emit(organization, rules, tree, None, sink)
}

/// Builds the table of a part of the organisation: its rows of the whole table, and what they lead to.
pub fn build_part(
    organization: &Organization,
    rules: &RuleSet,
    tree: &SourceTree,
    scope: &Scope,
    sink: &mut Sink,
) -> Option<Table> {
    emit(organization, rules, tree, Some(scope), sink)
}

fn emit(
    organization: &Organization,
    rules: &RuleSet,
    tree: &SourceTree,
    scope: Option<&Scope>,
    sink: &mut Sink,
) -> Option<Table> {
    let mut cells = match cells::make(organization, rules) {
        Ok(cells) => cells,
        Err(too_large) => {
            for at in too_large {
                if let Some(rule) = organization.rules.get(at) {
                    let message = format!("the condition of `{}` is too large to decide quickly", rule.name);
                    let help = "split the rule into several, each with a part of the condition";
                    let span = rule
                        .when
                        .as_ref()
                        .or(rule.unless.as_ref())
                        .or(rule.cedar.as_ref().map(|policy| &policy.text))
                        .map_or(rule.span, |text| text.span);
                    sink.push(Diagnostic::new(&CONDITION_TOO_LARGE, message, span, "").with_help(help));
                }
            }
            return None;
        }
    };
    let kept = match scope {
        None => Kept::all(organization),
        Some(scope) => Kept::part(organization, scope, &mut cells),
    };
    let writer = Writer {
        organization,
        kept,
        tree,
        emitter: Emitter::new(organization.classes.iter().map(|c| c.name.value.clone())),
    };
    let table = writer.write(cells).ok().and_then(|data| Table::new(data).ok());
    if table.is_none() {
        let message = "the organisation is larger than a bundle can hold";
        sink.push(
            Diagnostic::without_place(&TREE_TOO_LARGE, message).with_help("build parts of the organisation apart"),
        );
    }
    table
}

/// The table with one cell that denies just where a diagram says yes or errs, and decides nothing else: so that the
/// runtime itself says of a call what a condition that is in no rule comes to.
pub(crate) fn probe(table: &Table, diagrams: &Diagrams, at: Diagram, cell: CellId) -> Option<Table> {
    let classes = (0u32..)
        .zip(&table.data().classes)
        .map(|(id, _)| table.class_name(ClassId(id)).to_owned());
    let mut emitter = Emitter::after(table.data().clone(), classes);
    let guards = emitter.guards(diagrams, &[at]).ok()?;
    let guard = guards.get(&at)?.0;
    let mut data = emitter.data;
    let only = count(&data.entries).ok()?;
    data.entries.push([0, guard, NONE]);
    let [counts, more] = record::cell::counts([1, 0, 0, 0], false);
    *data.cells.get_mut(cell.0 as usize)? = [only, only, only, only, counts, more];
    Table::new(data).ok()
}

/// The tools of a placement with the fragment of each.
pub(crate) type Row = Vec<(ToolId, u32)>;
