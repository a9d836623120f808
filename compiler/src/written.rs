//! What was written as text, places and descriptions apart: two texts are equal where the same was said.
//!
//! In: parts of documents. Out: text that is compared, and that a person can read. What names come to is not known.

use std::collections::BTreeSet;

use crate::ast::{Approval, CedarPolicy, ChangeSelector, Link, Policy, RegoPolicy, Requirement, Rule, Selector, Text};
use crate::source::Spanned;

/// What a rule says, with what its policy says for all of its rules, and the team that it is of.
pub(crate) fn rule(team: Option<&str>, policy: &Policy, rule: &Rule) -> String {
    let mut content = Content::default();
    content.say("team", team);
    content.selector("for", Some(&policy.scope));
    content.rule(rule);
    content.finish()
}

/// What a selector says.
pub(crate) fn selector(selector: &Selector) -> String {
    let mut content = Content::default();
    content.selected(selector);
    content.finish()
}

/// What a selector of changes says.
pub(crate) fn change(change: &ChangeSelector) -> String {
    let ChangeSelector {
        span: _,
        widens,
        narrows,
        kinds,
        paths,
        author,
        selector,
    } = change;
    let mut content = Content::default();
    content.value("widens", widens.as_ref());
    content.value("narrows", narrows.as_ref());
    content.list("kinds", kinds.as_deref());
    content.list("paths", paths.as_deref());
    content.value("author", author.as_ref());
    content.selected(selector);
    content.finish()
}

/// Fields as text, those that are absent left out. Strings are quoted, so that no value runs into the next.
#[derive(Default)]
struct Content {
    said: Vec<String>,
}

impl Content {
    fn finish(self) -> String {
        self.said.join(", ")
    }

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
            cedar,
            rego,
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
        if let Some(CedarPolicy { text, links, .. }) = cedar {
            // The rest was read from its text.
            self.value("cedar", Some(text));
            let named = |link: &Link| (link.ty.clone(), link.id.value.clone());
            self.say("principal", links.principal.as_ref().map(named));
            self.say("resource", links.resource.as_ref().map(named));
        }
        if let Some(RegoPolicy {
            text,
            entry,
            heads: _,
            reach: _,
        }) = rego
        {
            self.value("rego", Some(text));
            self.say("entry", Some(entry.name()));
        }
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
        if let Some(selector) = selector {
            let mut inner = Self::default();
            inner.selected(selector);
            self.said.push(format!("{name} {{{}}}", inner.finish()));
        }
    }

    fn selected(&mut self, selector: &Selector) {
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
            self.said.push(format!("{name} {value:?}"));
        }
    }
}
