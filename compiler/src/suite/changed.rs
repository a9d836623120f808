//! Which rules a change brings: those of a name that was not there, or that say something else.
//!
//! In: the documents of two revisions. Out: names, `policy/rule`. What is compared is what was written, places and
//! descriptions apart: a rule that moved to another file is the same rule, and one whose agents became more is too.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{Body, Documents};
use crate::written;

/// The rules of `after` that are not of `before`.
pub fn changed(before: &Documents, after: &Documents) -> BTreeSet<String> {
    let before = rules(before);
    let mut changed = rules(after);
    changed.retain(|name, content| before.get(name) != Some(content));
    changed.into_keys().collect()
}

/// Every rule by name, with the text of what it says.
fn rules(documents: &Documents) -> BTreeMap<String, String> {
    let mut rules = BTreeMap::new();
    for document in &documents.documents {
        if let (Some(policy_name), Body::Policy(policy)) = (&document.name, &document.body) {
            for (name, rule) in &policy.rules {
                // Under a team's folder a rule reaches that team alone.
                let content = written::rule(document.team.as_deref(), policy, rule);
                rules.insert(format!("{}/{}", policy_name.value, name.value), content);
            }
        }
    }
    rules
}
