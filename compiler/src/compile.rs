//! From a [`SourceTree`] to a table: every step in turn, each as far as it can go.
//!
//! Where several revisions of a repository are compiled, a [`Memo`] keeps what files and conditions came to. It is
//! asked by content alone, so the same tables and diagnostics come out with it as without.

use std::sync::{Mutex, PoisonError};

use polity_runtime::table::Table;

use crate::ast::{Broken, Documents, Moment};
use crate::check::{check, check_names, check_table};
use crate::diag::{Findings, LintLevels, Severity, Sink};
use crate::expand::expand;
use crate::ir::RuleSet;
use crate::lower::{KnownConditions, lower};
use crate::parse::node::Pragma;
use crate::parse::{KnownFiles, Parsed, parse_with};
use crate::prove::prove;
use crate::resolve::{Organization, resolve};
use crate::source::{FileIds, SourceTree};
use crate::table;

/// What a tree compiles to.
#[derive(Debug)]
pub struct Compiled {
    /// The tree, with what its templates were filled in to. Spans are of this one; with a [`Memo`] a file may have
    /// another id here than in the tree that came in.
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

/// What is asked of a tree beside its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Lints, by the dates at this moment, and that the invariants hold.
    Everything(Moment),
    /// That the invariants hold. What a lint says makes no tree a broken one, whatever level it was given.
    Proofs,
    /// Nothing: a revision that breaks an invariant is compared all the same. Of lints as above.
    Nothing,
}

/// What compilations of one repository share: each file is read once, and each condition lowered once.
#[derive(Debug, Default)]
pub struct Memo {
    ids: Mutex<FileIds>,
    files: KnownFiles,
    conditions: KnownConditions,
}

/// Compiles a tree, runs the lints, and proves its invariants. `now` is what dates are compared with in lints; the table
/// does not depend on it. `sink` holds what was found while the tree was read.
pub fn compile(tree: &SourceTree, now: Moment, sink: Sink) -> Compiled {
    let memo = Memo::default();
    Stage::parse(tree.clone(), &memo, sink)
        .resolve()
        .lower(&memo, Ask::Everything(now))
        .finish(Ask::Everything(now))
}

/// Compiles a tree, with what is known of others.
pub fn compile_with(tree: &SourceTree, memo: &Memo, ask: Ask, sink: Sink) -> Compiled {
    let tree = memo.align(tree);
    Stage::parse(tree, memo, sink).resolve().lower(memo, ask).finish(ask)
}

/// Compiles two trees that are to be compared. What both hold is worked out once, and what is not shared side by side.
pub fn compile_both(trees: [(SourceTree, Sink); 2], memo: &Memo) -> [Compiled; 2] {
    let [before, after] = trees.map(|(tree, sink)| Stage::parse(memo.align(&tree), memo, sink));
    let (before, after) = rayon::join(|| before.resolve(), || after.resolve());
    let [before, after] = [before, after].map(|stage| stage.lower(memo, Ask::Nothing));
    rayon::join(|| before.finish(Ask::Nothing), || after.finish(Ask::Nothing)).into()
}

impl Memo {
    fn align(&self, tree: &SourceTree) -> SourceTree {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).align(tree)
    }
}

/// A compilation on its way; each step gives the next.
struct Stage<T> {
    /// What came of the last step.
    made: T,
    tree: SourceTree,
    documents: Documents,
    pragmas: Vec<Pragma>,
    sink: Sink,
}

/// What names came to.
struct Resolved {
    organization: Organization,
    levels: LintLevels,
}

impl<T> Stage<T> {
    fn with<U>(self, next: impl FnOnce(T) -> U) -> Stage<U> {
        Stage {
            made: next(self.made),
            tree: self.tree,
            documents: self.documents,
            pragmas: self.pragmas,
            sink: self.sink,
        }
    }
}

impl Stage<()> {
    fn parse(tree: SourceTree, memo: &Memo, mut sink: Sink) -> Self {
        let unread = sink.has_errors();
        let mut parsed = parse_with(&tree, &memo.files, &mut sink);
        if unread {
            // What was not read may have declared any name: that was reported, and none of them is called unknown too.
            parsed.documents.broken.push(Broken { kind: None, name: None });
        }
        let tree = expand(&tree, &mut parsed, &mut sink);
        let Parsed { documents, pragmas } = parsed;
        Self {
            made: (),
            tree,
            documents,
            pragmas,
            sink,
        }
    }

    fn resolve(mut self) -> Stage<Resolved> {
        let organization = resolve(&self.documents, &mut self.sink);
        let levels = LintLevels::read(&organization.lints, &mut self.sink);
        self.with(|()| Resolved { organization, levels })
    }
}

impl Stage<Resolved> {
    fn lower(mut self, memo: &Memo, ask: Ask) -> Stage<(Resolved, RuleSet)> {
        // Lints are asked only where names resolved: a rule that lost its action to an error would be called dead
        // besides.
        let asked = match ask {
            Ask::Everything(now) if !self.sink.has_errors() => Some(now),
            _ => None,
        };
        let organization = &self.made.organization;
        let mut lints = Sink::default();
        let ((), rules) = rayon::join(
            || {
                if let Some(now) = asked {
                    check(&self.tree, &self.documents, organization, now, &mut lints);
                }
            },
            || lower(organization, &self.tree, &memo.conditions, &mut self.sink),
        );
        self.sink.append(lints);
        self.with(|made| (made, rules))
    }
}

impl Stage<(Resolved, RuleSet)> {
    fn finish(self, ask: Ask) -> Compiled {
        let Stage {
            made: (Resolved { organization, levels }, rules),
            tree,
            documents,
            pragmas,
            mut sink,
        } = self;
        // There is no other way to a table: nothing is built while an error stands.
        let table = if sink.has_errors() {
            None
        } else {
            table::build(&organization, &rules, &tree, &mut sink)
        };
        let linted = matches!(ask, Ask::Everything(_));
        if let Some(table) = table.as_ref().filter(|_| ask != Ask::Nothing) {
            let mut lints = Sink::default();
            rayon::join(
                || prove(&organization, &rules, table, &mut sink),
                || {
                    if linted {
                        check_names(&tree, &organization, &rules, &mut lints);
                        check_table(&tree, &organization, &rules, table, &mut lints);
                    }
                },
            );
            sink.append(lints);
        }
        if !linted {
            sink.retain(|found| found.severity == Severity::Error);
        }
        let findings = sink.finish(&tree, &levels, &pragmas);
        let table = table.filter(|_| !findings.has_errors());
        Compiled {
            tree,
            documents,
            organization,
            rules,
            table,
            findings,
        }
    }
}
