//! A call in, what a condition reads of it out: the entities, the context, and what it touches, each template filled in.

use std::collections::BTreeMap;

use polity::ast::{Param, ParamType, Text};
use polity_runtime::value::Effect;
use serde_json::Value as Json;

use super::condition::Scope;
use super::selector::texts;
use super::value::{self, Errs, Origin, Value};
use super::{Call, Chosen, DeploymentRef, Naive, Request};

impl Naive<'_> {
    pub(super) fn scope(&self, call: &Call<'_>, resource: Result<String, Errs>) -> Scope {
        let Call {
            request,
            deployment,
            ring,
            action,
            ..
        } = call;
        let mut action_parents = vec![effect_name(action.effect).to_owned()];
        action_parents.push(action.tool.unwrap_or("credential").to_owned());
        if action.external {
            action_parents.push("external".to_owned());
        }
        if action.name != request.action {
            action_parents.push(request.action.clone());
        }
        self.bare_scope(
            *deployment,
            ring,
            request,
            action.params,
            (action.name.clone(), action_parents),
            resource,
        )
    }

    pub(super) fn bare_scope(
        &self,
        deployment: DeploymentRef<'_>,
        ring: &str,
        request: &Request,
        params: &[(Text, Param)],
        (action, action_parents): (String, Vec<String>),
        resource: Result<String, Errs>,
    ) -> Scope {
        let tags = self
            .tags(deployment.agent)
            .iter()
            .map(|(key, value)| (key.value.clone(), Value::text(&value.value)));
        let holding = request.holding.iter().map(Value::text).collect();
        let session = BTreeMap::from([
            ("holding".to_owned(), Value::Set(holding)),
            (
                "calls".to_owned(),
                i64::try_from(request.calls).map_or(Value::Poison, Value::Int),
            ),
        ]);
        let mut context = BTreeMap::from([
            ("args".to_owned(), value::arguments(params, &request.args)),
            ("session".to_owned(), Value::Record(session)),
            ("now".to_owned(), Value::DateTime(request.now)),
        ]);
        if let Some(person) = &request.on_behalf_of {
            context.insert("on_behalf_of".to_owned(), Value::text(person));
        }
        let parent = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
        Scope {
            principal: request.agent.clone(),
            principal_attributes: BTreeMap::from([
                ("agent".to_owned(), Value::text(deployment.agent)),
                ("team".to_owned(), Value::text(deployment.team)),
                ("ring".to_owned(), Value::Int(self.ring(ring).0)),
                ("tags".to_owned(), Value::Record(tags.collect())),
            ]),
            principal_parents: vec![
                parent("Agent", deployment.agent),
                parent("Team", deployment.team),
                parent("Ring", ring),
            ],
            action,
            action_parents,
            environment: request.environment.clone(),
            context: Value::Record(context),
            resource,
        }
    }
}

fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Write => "write",
        Effect::Destructive => "destructive",
    }
}

pub(super) fn name_of(resource: Result<&Vec<(char, bool)>, &Errs>) -> Result<String, Errs> {
    resource
        .map(|characters| characters.iter().map(|(c, _)| *c).collect())
        .map_err(|errs| *errs)
}

/// What the call touches, each template filled in.
pub(super) fn resources(action: &Chosen<'_>, args: &Json) -> Vec<Result<Vec<(char, bool)>, Errs>> {
    texts(action.resources.unwrap_or_default())
        .map(|template| fill(template, action.params, args))
        .collect()
}

fn fill(template: &str, params: &[(Text, Param)], args: &Json) -> Result<Vec<(char, bool)>, Errs> {
    let values = value::arguments(params, args);
    let mut filled = Vec::new();
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        let (name, after) = tail.split_once('}').ok_or(Errs)?;
        filled.extend(before.chars().map(|c| (c, false)));
        let (value, ty) = placeholder(name, params, &values)?;
        let (text, folded) = match value {
            Value::Text(text, origin) => (text, matches!(origin, Origin::Fold | Origin::Host)),
            Value::Int(number) => (number.to_string(), false),
            Value::Bool(value) => (value.to_string(), false),
            _ => return Err(Errs),
        };
        let alone = template.len() == name.len() + 2;
        let breaks_out = text.contains('/') || text == "." || text == ".." || text.chars().any(char::is_control);
        if breaks_out && !alone && !matches!(ty, ParamType::Path) {
            return Err(Errs);
        }
        filled.extend(text.chars().map(|c| (c, folded)));
        rest = after;
    }
    filled.extend(rest.chars().map(|c| (c, false)));
    Ok(filled)
}

/// An argument by its name, or a field of one by its dotted name.
fn placeholder<'p>(name: &str, params: &'p [(Text, Param)], values: &Value) -> Result<(Value, &'p ParamType), Errs> {
    let (first, field) = match name.split_once('.') {
        Some((first, field)) => (first, Some(field)),
        None => (name, None),
    };
    let (_, param) = params
        .iter()
        .find(|(declared, _)| declared.value == first)
        .ok_or(Errs)?;
    let Value::Record(values) = values else {
        return Err(Errs);
    };
    let value = values.get(first).ok_or(Errs)?;
    match (field, &param.ty.value) {
        (None, ty) => Ok((value.clone(), ty)),
        (Some(field), ParamType::Record(fields)) => placeholder(field, fields, value),
        (Some(_), _) => Err(Errs),
    }
}
