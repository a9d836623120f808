//! What a module's rules ask for: which of them lead to an answer, and what is said of those that do not.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable as syntax;

use super::module::{self, Group, Index};
use super::parse::{Entry, Fault, place};
use super::values::Const;
use crate::diag::Diagnostic;
use crate::diag::codes::rego::{REGO_OUTCOME, REGO_RECURSION, REGO_UNUSED};
use crate::source::FileId;

/// What is wrong with an answer that has a default and no rule. A default of `false` never holds, and anything else holds
/// for every call: nobody would see that from the rules.
pub(super) fn default_alone(group: &Group, entry: Entry, file: FileId) -> Option<Diagnostic> {
    let default = group.default.as_ref()?;
    if module::constant(default) == Some(Const::Bool(false)) {
        return None;
    }
    let name = entry.name();
    let message = format!("`{name}` has a default, and no rule");
    let span = place(file, default.span());
    let help = format!("write `{name} := true` where it holds for every call, or remove the default");
    Some(Diagnostic::new(&REGO_OUTCOME, message, span, "of every call").with_help(help))
}

/// Of each rule the rules that it asks for, directly or not.
pub(super) type Asked<'i> = BTreeMap<&'i str, BTreeSet<&'i str>>;

pub(super) fn asked(index: &Index) -> Asked<'_> {
    let calls: BTreeMap<&str, Vec<&str>> = index
        .groups
        .iter()
        .map(|(name, group)| {
            let names = module::names(group);
            let known = index.groups.keys().filter(|other| names.contains(*other));
            (name.as_str(), known.map(String::as_str).collect())
        })
        .collect();
    let reached = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = calls.get(from).cloned().unwrap_or_default();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(calls.get(next).into_iter().flatten());
            }
        }
        seen
    };
    calls.keys().map(|name| (*name, reached(name))).collect()
}

/// Rules that are called nearly as those that decide, and that none of them asks for: what they say would be lost.
pub(super) fn misspelt(index: &Index, asked: &Asked<'_>) -> Vec<Fault> {
    let decide = Entry::ALL.map(Entry::name);
    let unused = index.groups.iter().filter(|(name, _)| !used(name, asked));
    unused
        .filter_map(|(name, group)| {
            let near = crate::diag::nearest(name, decide).or_else(|| strict(name))?;
            Some(Fault {
                code: &REGO_OUTCOME,
                message: format!("`{name}` decides nothing, and no rule that decides asks for it"),
                span: span(group)?,
                label: String::new(),
                help: format!("did you mean `{near}`? else give it a name that is not so near, or remove it"),
            })
        })
        .collect()
}

/// The outcome that people and other tools read out of a name: a deny or a gate that is lost grants.
pub(super) fn strict(name: &str) -> Option<&'static str> {
    let words = ["deny", "denies", "denied", "violation", "violations"];
    let first = name.split('_').next().unwrap_or(name);
    let approval = |word: &str| matches!(word, "approval" | "approvals");
    match words.contains(&first) {
        true => Some(Entry::Deny.name()),
        false => name.split('_').any(approval).then(|| Entry::RequireApproval.name()),
    }
}

/// Whether a rule decides, or one that does asks for it.
fn used(name: &str, asked: &Asked<'_>) -> bool {
    let asks = |entry: &str| entry == name || asked.get(entry).is_some_and(|names| names.contains(name));
    Entry::ALL.map(Entry::name).into_iter().any(asks)
}

/// Rules that no rule that decides asks for.
pub(super) fn unused(index: &Index, asked: &Asked<'_>, file: FileId) -> Vec<Diagnostic> {
    let lost = |name: &str| !used(name, asked) && !name.starts_with("test_");
    let lost = index.groups.iter().filter(|(name, _)| lost(name));
    let said = |(name, group): (&String, &Group)| {
        let span = place(file, &span(group)?);
        let message = format!("no rule that decides asks for `{name}`");
        let found = Diagnostic::new(&REGO_UNUSED, message, span, "has no effect");
        Some(found.with_help("`allow`, `deny` and `require_approval` decide: ask for it there, or remove it"))
    };
    lost.filter_map(said).collect()
}

/// Rules that ask for themselves.
pub(super) fn recursive(index: &Index, asked: &Asked<'_>) -> Vec<Fault> {
    let reaches = |name: &str| asked.get(name).is_some_and(|names| names.contains(name));
    let found = index.groups.iter().filter(|(name, _)| reaches(name));
    found
        .filter_map(|(name, group)| {
            Some(Fault {
                code: &REGO_RECURSION,
                message: format!("`{name}` asks for itself"),
                span: group.defs.first()?.span.clone(),
                label: "comes to no answer".to_owned(),
                help: "rules and functions must not lead back to themselves; where two things share a name, rename one"
                    .to_owned(),
            })
        })
        .take(1)
        .collect()
}

/// Where a rule first stands, or its default where that is all there is of it.
fn span(group: &Group) -> Option<syntax::Span> {
    let default = || group.default.as_ref().map(|default| default.span().clone());
    group.defs.first().map(|def| def.span.clone()).or_else(default)
}
