//! From a [`SourceTree`] to a table: every step in turn, each as far as it can go.

use polity_runtime::table::Table;

use crate::ast::{Broken, Documents, Moment};
use crate::check::check;
use crate::diag::{Findings, LintLevels, Sink};
use crate::expand::expand;
use crate::ir::RuleSet;
use crate::lower::lower;
use crate::parse::{Parsed, parse};
use crate::prove::prove;
use crate::resolve::{Organization, resolve};
use crate::source::SourceTree;
use crate::table;

/// What a tree compiles to.
#[derive(Debug)]
pub struct Compiled {
    /// The tree, with what its templates were filled in to: spans are of this one. Those of the findings are of the
    /// tree that came in.
    pub tree: SourceTree,
    /// What was written.
    pub documents: Documents,
    /// With names resolved.
    pub organization: Organization,
    /// Over one condition language.
    pub rules: RuleSet,
    /// Absent where there is an error.
    pub table: Option<Table>,
    /// What was found, by every step.
    pub findings: Findings,
}

/// Compiles a tree, and proves its invariants. `now` is what dates are compared with in lints; the table does not
/// depend on it. `sink` holds what was found while the tree was read.
pub fn compile(tree: &SourceTree, now: Moment, sink: Sink) -> Compiled {
    run(tree, now, sink, true)
}

/// As [`compile`], and proves nothing: for comparing revisions, one of which may break an invariant.
pub fn compile_unproved(tree: &SourceTree, now: Moment, sink: Sink) -> Compiled {
    run(tree, now, sink, false)
}

fn run(tree: &SourceTree, now: Moment, mut sink: Sink, proved: bool) -> Compiled {
    let unread = sink.has_errors();
    let mut parsed = parse(tree, &mut sink);
    if unread {
        // What was not read may have declared any name: that was reported, and none of them is called unknown too.
        parsed.documents.broken.push(Broken { kind: None, name: None });
    }
    let tree = &expand(tree, &mut parsed, &mut sink);
    let Parsed { documents, pragmas } = parsed;
    let organization = resolve(&documents, &mut sink);
    let levels = LintLevels::read(&organization.lints, &mut sink);
    // Lints are asked only where names resolved: a rule that lost its action to an error would be called dead besides.
    let resolved = !sink.has_errors();
    let mut lints = Sink::default();
    let ((), rules) = rayon::join(
        || {
            if resolved {
                check(tree, &documents, &organization, now, &mut lints);
            }
        },
        || lower(&organization, tree, &mut sink),
    );
    sink.append(lints);
    // There is no other way to a table: nothing is built while an error stands.
    let table = if sink.has_errors() {
        None
    } else {
        table::build(&organization, &rules, tree, &mut sink)
    };
    if let Some(table) = table.as_ref().filter(|_| proved) {
        prove(&organization, &rules, table, &mut sink);
    }
    let findings = sink.finish(tree, &levels, &pragmas);
    let table = table.filter(|_| !findings.has_errors());
    Compiled {
        tree: tree.clone(),
        documents,
        organization,
        rules,
        table,
        findings,
    }
}
