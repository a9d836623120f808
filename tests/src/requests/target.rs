//! What a request is aimed at: a rule or an exception, where its boundaries lie, and one thing put exactly on one.

use polity::ast::{Action, Body, Documents, Selector, Text};
use serde_json::{Value as Json, json};

use super::arguments::{leaves, wrong};
use super::boundary::{Boundaries, glob_values};
use super::{ORDINARY_MOMENT, World};
use crate::naive::Request;

/// One thing about a call, put exactly somewhere.
#[derive(Debug, Clone)]
pub(super) enum Focus {
    /// An argument, by its path, with a value or taken away.
    Argument(Vec<String>, Option<Json>),
    Now(i64),
    Calls(i64),
    Holding(Vec<String>),
    Person(Option<String>),
    Agent(String),
    Environment(String),
}

impl Focus {
    /// Puts it into a request.
    pub(super) fn apply(&self, request: &mut Request) {
        match self {
            Focus::Argument(path, value) => {
                let Some((last, parents)) = path.split_last() else {
                    return;
                };
                let mut place = &mut request.args;
                for parent in parents {
                    if !place[parent].is_object() {
                        place[parent] = json!({});
                    }
                    place = &mut place[parent];
                }
                let Json::Object(fields) = place else { return };
                match value {
                    Some(value) => fields.insert(last.clone(), value.clone()),
                    None => fields.remove(last),
                };
            }
            Focus::Now(now) => request.now = *now,
            Focus::Calls(calls) => request.calls = u64::try_from(*calls).unwrap_or(0),
            Focus::Holding(classes) => request.holding.clone_from(classes),
            Focus::Person(person) => request.on_behalf_of.clone_from(person),
            Focus::Agent(agent) => request.agent.clone_from(agent),
            Focus::Environment(environment) => request.environment.clone_from(environment),
        }
    }
}

/// A rule or an exception: what it selects and where its boundaries lie.
#[derive(Default)]
pub(super) struct Target<'a> {
    pub(super) selectors: Vec<&'a Selector>,
    /// `except`, whose boundaries are the rule's too, but which does not say where the rule holds.
    pub(super) excepted: Option<&'a Selector>,
    pub(super) team: Option<&'a str>,
    pub(super) moments: Vec<i64>,
    pub(super) boundaries: Boundaries,
}

pub(super) fn targets(documents: &Documents) -> Vec<Target<'_>> {
    let mut targets = Vec::new();
    for document in &documents.documents {
        let team = document.team.as_deref();
        match &document.body {
            Body::Policy(policy) => {
                for (_, rule) in &policy.rules {
                    let moments = [&rule.expires, &rule.observe_until];
                    targets.push(Target {
                        selectors: vec![&policy.scope, &rule.selector],
                        excepted: rule.except.as_ref(),
                        team,
                        moments: moments.into_iter().flatten().map(|moment| moment.value).collect(),
                        boundaries: match &rule.cedar {
                            Some(policy) => Boundaries::of_policy(&policy.text.value),
                            None => Boundaries::of([&rule.when, &rule.unless]),
                        },
                    });
                }
            }
            Body::Exception(exception) => targets.push(Target {
                selectors: vec![&exception.selector],
                excepted: None,
                team,
                moments: exception.until.iter().map(|moment| moment.value).collect(),
                boundaries: Boundaries::of([&exception.when, &None]),
            }),
            _ => {}
        }
    }
    targets
}

impl Target<'_> {
    /// Everything about this rule that has a boundary, for one of the actions that it may cover.
    pub(super) fn focuses(&self, world: &World<'_>, action: Option<&(String, &str, &Action)>) -> Vec<Focus> {
        let mut focuses = Vec::new();
        for moment in &self.moments {
            focuses.extend([moment - 1, *moment, moment + 1].map(Focus::Now));
        }
        if let Some((_, _, action)) = action {
            for (path, ty) in leaves(&action.params, &mut Vec::new()) {
                let mut values = self.boundaries.values(&path, ty);
                values.extend(self.globs().flat_map(|glob| glob_values(glob, ty)));
                focuses.extend(
                    values
                        .into_iter()
                        .map(|value| Focus::Argument(path.clone(), Some(value))),
                );
                if self.boundaries.mentions(&path) {
                    focuses.push(Focus::Argument(path.clone(), None));
                    focuses.push(Focus::Argument(path.clone(), Some(Json::Null)));
                    focuses.push(Focus::Argument(path.clone(), Some(wrong(ty))));
                }
            }
            for (_, variant) in &action.variants {
                let boundaries = Boundaries::of([&variant.when, &None]);
                for (path, ty) in leaves(&action.params, &mut Vec::new()) {
                    let values = boundaries.values(&path, ty);
                    focuses.extend(
                        values
                            .into_iter()
                            .map(|value| Focus::Argument(path.clone(), Some(value))),
                    );
                }
            }
        }
        focuses.extend(self.boundaries.moments(ORDINARY_MOMENT).into_iter().map(Focus::Now));
        focuses.extend(self.boundaries.calls().into_iter().map(Focus::Calls));
        if self.boundaries.mentions_holding() || self.all().any(|selector| selector.holding.is_some()) {
            focuses.push(Focus::Holding(Vec::new()));
            focuses.extend(
                world
                    .classes
                    .iter()
                    .map(|class| Focus::Holding(vec![(*class).to_owned()])),
            );
            focuses.push(Focus::Holding(
                world.classes.iter().map(|class| (*class).to_owned()).collect(),
            ));
        }
        let people: Vec<&Text> = self
            .all()
            .filter_map(|selector| selector.on_behalf_of.as_ref())
            .flatten()
            .collect();
        if !people.is_empty() || self.boundaries.mentions_person() {
            focuses.push(Focus::Person(None));
            focuses.push(Focus::Person(Some("nobody-knows-me".to_owned())));
            focuses.extend(
                world
                    .people
                    .iter()
                    .take(20)
                    .map(|person| Focus::Person(Some((*person).to_owned()))),
            );
            focuses.extend(
                self.boundaries
                    .people()
                    .into_iter()
                    .map(|person| Focus::Person(Some(person))),
            );
        }
        if self.all().any(|selector| selector.agents.is_some()) {
            let some = world
                .places
                .iter()
                .filter(|place| self.team.is_none_or(|team| team == place.team));
            focuses.extend(some.take(12).map(|place| Focus::Agent(place.deployment.clone())));
        }
        if self.all().any(|selector| selector.environments.is_some()) {
            focuses.extend(
                world
                    .environments
                    .iter()
                    .map(|name| Focus::Environment((*name).to_owned())),
            );
        }
        focuses
    }

    fn all(&self) -> impl Iterator<Item = &Selector> {
        self.selectors.iter().copied().chain(self.excepted)
    }

    fn globs(&self) -> impl Iterator<Item = &str> {
        self.all()
            .filter_map(|selector| selector.resources.as_ref())
            .flat_map(|resources| &resources.globs)
            .map(|glob| glob.value.as_str())
    }

    /// Whether a selector of names lets this one through, as far as this can be told without care: what a request is
    /// aimed at, not what is true.
    pub(super) fn roughly(&self, list: impl Fn(&Selector) -> Option<&Vec<Text>>, names: &[&str]) -> bool {
        self.selectors
            .iter()
            .filter_map(|selector| list(selector))
            .all(|entries| {
                entries
                    .iter()
                    .any(|entry| names.iter().any(|name| roughly_matches(&entry.value, name)))
            })
    }
}

/// The parts between stars appear in this order.
pub(super) fn roughly_matches(glob: &str, name: &str) -> bool {
    if !glob.contains('*') {
        return glob == name;
    }
    let mut rest = name;
    glob.split('*').all(|part| match rest.find(part) {
        Some(place) => {
            rest = &rest[place + part.len()..];
            true
        }
        None => false,
    })
}
