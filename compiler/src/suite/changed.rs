//! Which rules a change brings: those of a name that was not there, or that say something else.
//!
//! In: the documents of two revisions. Out: names, `policy/rule`. What is compared is what was written, places and
//! descriptions apart: a rule that moved to another file is the same rule, and one whose agents became more is too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::ast::{Approval, Body, Documents, Requirement, Rule, Selector, Text};
use crate::source::Spanned;

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
                let mut content = Content::default();
                // Under a team's folder a rule reaches that team alone.
                content.say("team", document.team.as_ref());
                content.selector("for", Some(&policy.scope));
                content.rule(rule);
                rules.insert(format!("{}/{}", policy_name.value, name.value), content.text);
            }
        }
    }
    rules
}

/// Fields as text, those that are absent left out. Strings are quoted, so that no value runs into the next.
#[derive(Default)]
struct Content {
    text: String,
}

impl Content {
    fn rule(&mut self, rule: &Rule) {
        // A field that is added to rules is a field to compare, or one that is left out here on purpose.
        let Rule {
            span: _,
            description: _,
            effect,
            selector,
            except,
            when,
            unless,
            approval,
            limit,
            expires,
            observe_until,
            reason,
        } = rule;
        self.value("effect", effect.as_ref());
        self.selector("selector", Some(selector));
        self.selector("except", except.as_ref());
        self.value("when", when.as_ref());
        self.value("unless", unless.as_ref());
        if let Some(approval) = approval {
            self.approval(approval);
        }
        self.value("limit", limit.as_ref());
        self.value("expires", expires.as_ref());
        self.value("observe_until", observe_until.as_ref());
        self.value("reason", reason.as_ref());
    }

    fn approval(&mut self, approval: &Approval) {
        let Approval {
            span: _,
            require,
            timeout,
            separation,
            evidence,
        } = approval;
        for requirement in require {
            let Requirement { span: _, from, count } = requirement;
            self.list("from", Some(from));
            self.value("count", count.as_ref());
        }
        self.value("timeout", timeout.as_ref());
        self.value("separation", separation.as_ref());
        self.value("evidence", evidence.as_ref());
    }

    fn selector(&mut self, name: &str, selector: Option<&Selector>) {
        let Some(selector) = selector else { return };
        let Selector {
            span: _,
            agents,
            teams,
            rings,
            tags,
            environments,
            tools,
            actions,
            effects,
            external,
            reversible,
            credentials,
            resources,
            holding,
            on_behalf_of,
        } = selector;
        self.say(name, Some("{"));
        self.list("agents", agents.as_deref());
        self.list("teams", teams.as_deref());
        self.list("rings", rings.as_deref());
        let mut tags: Vec<&(Text, Vec<Text>)> = tags.iter().flatten().collect();
        tags.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        for (key, values) in tags {
            self.value("tag", Some(key));
            self.list("of", Some(values));
        }
        self.list("environments", environments.as_deref());
        self.list("tools", tools.as_deref());
        self.list("actions", actions.as_deref());
        self.list("effects", effects.as_deref());
        self.value("external", external.as_ref());
        self.value("reversible", reversible.as_ref());
        self.list("credentials", credentials.as_deref());
        if let Some(resources) = resources {
            self.list("resources", Some(&resources.globs));
            self.say("team.owns", resources.team_owns.map(|_| true));
        }
        self.list("holding", holding.as_deref());
        self.list("on_behalf_of", on_behalf_of.as_deref());
        self.say(name, Some("}"));
    }

    /// A list's entries are alternatives: their order says nothing.
    fn list<T: std::fmt::Debug + Ord>(&mut self, name: &str, list: Option<&[Spanned<T>]>) {
        let values: Option<BTreeSet<&T>> = list.map(|list| list.iter().map(|entry| &entry.value).collect());
        self.say(name, values);
    }

    fn value<T: std::fmt::Debug>(&mut self, name: &str, value: Option<&Spanned<T>>) {
        self.say(name, value.map(|value| &value.value));
    }

    fn say(&mut self, name: &str, value: Option<impl std::fmt::Debug>) {
        if let Some(value) = value {
            // Writing to a `String` cannot fail.
            let _ = writeln!(self.text, "{name} {value:?}");
        }
    }
}
