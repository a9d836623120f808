//! Selectors, read as they are written: a selector and a call in; yes, no, or that it cannot be told, out.

use polity::ast::{Body, Selector, Text};

use super::glob;
use super::value::Errs;
use super::{Call, Naive};

/// Whether every resource must match, or one is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// A deny or a gate.
    Any,
    /// An allow, an `except` or an Exception.
    All,
}

impl Naive<'_> {
    /// All that the selectors say, in the order static parts, resources, holding, on_behalf_of: the first that does
    /// not hold settles it, the first that errs makes the whole err.
    pub(super) fn selected(
        &self,
        selectors: &[&Selector],
        call: &Call<'_>,
        quantifier: Quantifier,
    ) -> Result<bool, Errs> {
        if !selectors
            .iter()
            .all(|selector| self.selected_statically(selector, call))
        {
            return Ok(false);
        }
        for selector in selectors {
            if let Some(resources) = &selector.resources {
                let mut globs: Vec<&str> = texts(&resources.globs).collect();
                if resources.team_owns.is_some() {
                    globs.extend(self.owned_by(call.deployment.team));
                }
                if !resources_match(&globs, call, quantifier)? {
                    return Ok(false);
                }
            }
        }
        for selector in selectors {
            if let Some(classes) = &selector.holding
                && !call.request.holding.iter().any(|held| any_glob(classes, held))
            {
                return Ok(false);
            }
        }
        for selector in selectors {
            if let Some(people) = &selector.on_behalf_of
                && !self.works_for(people, call.request.on_behalf_of.as_deref())?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What depends on the agent, the environment and the action alone.
    fn selected_statically(&self, selector: &Selector, call: &Call<'_>) -> bool {
        let (deployment, action) = (&call.deployment, &call.action);
        // `claude-code` is that agent in every team, `payments/claude-code` one deployment.
        let agent_matches = |entry: &str| match entry.contains('/') {
            true => glob::matches(entry, &call.request.agent, '/'),
            false => glob::matches(entry, deployment.agent, '/'),
        };
        let tag_matches = |key: &str, values: &[Text]| {
            self.tags(deployment.agent)
                .iter()
                .any(|(written, value)| written.value == key && any_glob(values, &value.value))
        };
        let holds = [
            selector
                .agents
                .as_ref()
                .is_none_or(|entries| texts(entries).any(agent_matches)),
            selector
                .teams
                .as_ref()
                .is_none_or(|entries| any_glob(entries, deployment.team)),
            selector
                .rings
                .as_ref()
                .is_none_or(|entries| any_glob(entries, call.ring)),
            selector
                .tags
                .as_ref()
                .is_none_or(|tags| tags.iter().all(|(key, values)| tag_matches(&key.value, values))),
            selector
                .environments
                .as_ref()
                .is_none_or(|entries| any_glob(entries, &call.request.environment)),
            selector
                .tools
                .as_ref()
                .is_none_or(|entries| action.tool.is_some_and(|tool| any_glob(entries, tool))),
            selector
                .actions
                .as_ref()
                .is_none_or(|entries| texts(entries).any(|entry| action_matches(entry, call))),
            selector
                .effects
                .as_ref()
                .is_none_or(|effects| effects.iter().any(|effect| effect.value == action.effect)),
            selector
                .external
                .as_ref()
                .is_none_or(|external| external.value == action.external),
            selector
                .reversible
                .as_ref()
                .is_none_or(|reversible| reversible.value == action.reversible),
            selector
                .credentials
                .as_ref()
                .is_none_or(|entries| action.credential.is_some_and(|name| any_glob(entries, name))),
        ];
        holds.into_iter().all(|holds| holds)
    }

    /// The person is named, or is in a group that is named; `none` is nobody. A person whom no document declares
    /// cannot be told apart from one who is named, so that is an error.
    fn works_for(&self, entries: &[Text], person: Option<&str>) -> Result<bool, Errs> {
        let Some(person) = person else {
            return Ok(texts(entries).any(|entry| entry == "none"));
        };
        if !self
            .documents
            .iter()
            .any(|document| matches!(document.body, Body::Person(_)) && is_named(document, person))
        {
            return Err(Errs);
        }
        let groups = self.groups_of(person);
        Ok(any_glob(entries, person) || groups.iter().any(|group| any_glob(entries, group)))
    }

    /// Every group that has the name among its members, directly or through another group.
    fn groups_of(&self, member: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut names = vec![member.to_owned()];
        while let Some(name) = names.pop() {
            for document in self.documents {
                if let (Body::Group(group), Some(group_name)) = (&document.body, &document.name)
                    && texts(&group.members).any(|member| member == name)
                    && !found.contains(&group_name.value)
                {
                    found.push(group_name.value.clone());
                    names.push(group_name.value.clone());
                }
            }
        }
        found
    }

    fn owned_by(&self, team: &str) -> Vec<&str> {
        let document = self
            .documents
            .iter()
            .find(|document| matches!(document.body, Body::Team(_)) && is_named(document, team));
        match document.map(|document| &document.body) {
            Some(Body::Team(team)) => texts(&team.owns).collect(),
            _ => Vec::new(),
        }
    }
}

/// Whether a document has this name.
pub(super) fn is_named(document: &polity::ast::Document, name: &str) -> bool {
    document.name.as_ref().is_some_and(|written| written.value == name)
}

/// The strings of a list.
pub(super) fn texts(entries: &[Text]) -> impl Iterator<Item = &str> {
    entries.iter().map(|entry| entry.value.as_str())
}

/// Names have no segments: a star takes any of them.
fn any_glob(entries: &[Text], name: &str) -> bool {
    texts(entries).any(|entry| glob::matches(entry, name, '\0'))
}

/// A selector of the action covers its variants. A lone `*` is every action, as it is every name elsewhere.
fn action_matches(entry: &str, call: &Call<'_>) -> bool {
    entry == "*" || glob::matches(entry, &call.request.action, '.') || glob::matches(entry, &call.action.name, '.')
}

fn resources_match(globs: &[&str], call: &Call<'_>, quantifier: Quantifier) -> Result<bool, Errs> {
    if call.resources.is_empty() {
        return Err(Errs);
    }
    for resource in &call.resources {
        let resource = resource.as_ref().map_err(|_| Errs)?;
        let matched = globs.iter().any(|glob| glob::matches_folded(glob, resource, '/'));
        match (quantifier, matched) {
            (Quantifier::Any, true) => return Ok(true),
            (Quantifier::All, false) => return Ok(false),
            _ => {}
        }
    }
    Ok(quantifier == Quantifier::All)
}
