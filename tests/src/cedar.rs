//! The rules of an organisation as Cedar policies, to measure Cedar's authorizer on them.
//!
//! A gate becomes a forbid, which costs Cedar the same. Whom a rule names becomes a group that they are in; data classes,
//! resources, exceptions and approvals are left out, so that Cedar has less to do than the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use polity::ast::RuleEffect;
use polity::resolve::Organization;
use polity::resolve::shape::{Parameter, Type};
use serde_json::{Map, Value as Json, json};

use crate::measure::Asked;

/// Policies with the requests that are asked of them.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    asked: Vec<(Request, Entities)>,
}

impl Cedar {
    /// Translates the rules, and makes the requests.
    ///
    /// # Panics
    /// Where Cedar does not read what was translated.
    pub fn new(organization: &Organization, asked: &[Asked]) -> Self {
        let mut text = String::new();
        let mut groups: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for rule in &organization.rules {
            let effect = match rule.effect {
                RuleEffect::Allow => "permit",
                RuleEffect::Deny | RuleEffect::RequireApproval => "forbid",
            };
            let principal = match &rule.scope.deployments {
                None => String::from("principal"),
                Some(list) => {
                    for id in list.iter() {
                        groups.entry(id.0 as usize).or_default().push(rule.name.clone());
                    }
                    format!("principal in Group::{:?}", rule.name)
                }
            };
            let action = match &rule.scope.actions {
                None => String::from("action"),
                Some(list) => {
                    let names: BTreeSet<&str> = list
                        .iter()
                        .filter_map(|id| organization.actions.get(id.0 as usize))
                        .map(|action| action.base.as_str())
                        .collect();
                    let names: Vec<String> = names.iter().map(|name| format!("Action::{name:?}")).collect();
                    format!("action in [{}]", names.join(", "))
                }
            };
            write!(text, "{effect}({principal}, {action}, resource)").expect("a string takes everything");
            if let Some(list) = &rule.scope.environments {
                let names = list
                    .iter()
                    .filter_map(|id| organization.environments.get(id.0 as usize));
                let names: Vec<String> = names
                    .map(|environment| format!("Environment::{:?}", environment.name.value))
                    .collect();
                write!(text, " when {{ resource in [{}] }}", names.join(", ")).expect("a string takes everything");
            }
            for (word, condition) in [("when", &rule.when), ("unless", &rule.unless)] {
                if let Some(condition) = condition {
                    write!(text, " {word} {{ {}\n}}", condition.value).expect("a string takes everything");
                }
            }
            text.push_str(";\n");
        }
        let asked = asked
            .iter()
            .filter_map(|asked| request(organization, &groups, asked))
            .collect();
        Self {
            authorizer: Authorizer::new(),
            policies: text.parse().expect("the rules are Cedar"),
            asked,
        }
    }

    /// Whether Cedar allows a call.
    pub fn decide(&self, at: usize) -> bool {
        let (request, entities) = &self.asked[at % self.asked.len()];
        self.authorizer
            .is_authorized(request, &self.policies, entities)
            .decision()
            == Decision::Allow
    }
}

/// Whether Cedar allows a call by policies in its own language. `Err` holds the answer where a policy erred.
///
/// # Panics
/// Where the call names nothing of the organisation, or Cedar does not read the policies.
pub fn authorized(organization: &Organization, policies: &str, asked: &Asked) -> Result<bool, bool> {
    let (request, entities) = request(organization, &BTreeMap::new(), asked).expect("a call of the organisation");
    let policies: PolicySet = policies.parse().expect("the policies are Cedar");
    let answer = Authorizer::new().is_authorized(&request, &policies, &entities);
    let allowed = answer.decision() == Decision::Allow;
    let erred = answer.diagnostics().errors().next().is_some();
    if erred { Err(allowed) } else { Ok(allowed) }
}

fn request(
    organization: &Organization,
    groups: &BTreeMap<usize, Vec<String>>,
    asked: &Asked,
) -> Option<(Request, Entities)> {
    let at = organization
        .deployments
        .iter()
        .position(|deployment| deployment.name == asked.agent)?;
    let deployment = &organization.deployments[at];
    let agent = &organization.agents[deployment.agent.0 as usize];
    let environment = organization
        .environments
        .iter()
        .position(|e| e.name.value == asked.environment)?;
    let placement = deployment
        .placements
        .iter()
        .find(|p| p.environment.0 as usize == environment)?;
    let action = organization.actions.iter().find(|action| action.base == asked.action)?;
    let id = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let ring = &organization.rings[placement.ring.0 as usize];
    let team = &organization.teams[deployment.team.0 as usize].name.value;
    let mut parents = vec![id("Agent", &agent.name.value), id("Team", team), id("Ring", &ring.name)];
    parents.extend(groups.get(&at).into_iter().flatten().map(|group| id("Group", group)));
    let tags: Map<String, Json> = agent
        .tags
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    let attributes = json!({"agent": agent.name.value, "team": team, "ring": ring.level, "tags": tags});
    // A credential is its own tool, and no entity is its own parent.
    let groups: Vec<Json> = organization
        .groups(action)
        .into_iter()
        .filter(|group| *group != asked.action)
        .map(|group| id("Action", group))
        .collect();
    let entities = json!([
        {"uid": id("Deployment", &asked.agent), "attrs": attributes, "parents": parents},
        {"uid": id("Action", &asked.action), "attrs": {}, "parents": groups},
        {"uid": id("Resource", "r"), "attrs": {"name": "r"}, "parents": [id("Environment", &asked.environment)]},
    ]);
    let written: Map<String, Json> = serde_json::from_str(&asked.args).ok()?;
    let shape = &organization.shapes[action.shape.0 as usize];
    let mut context = json!({
        "args": record(&shape.parameters, &written),
        "session": {"holding": [], "calls": 0},
        "now": extension("datetime", "2026-11-15T12:00:00Z"),
    });
    if let Some(person) = &asked.on_behalf_of {
        context["on_behalf_of"] = json!(person);
    }
    let uid = |kind: &str, id: &str| EntityUid::from_json(json!({"type": kind, "id": id})).ok();
    let request = Request::new(
        uid("Deployment", &asked.agent)?,
        uid("Action", &asked.action)?,
        uid("Resource", "r")?,
        Context::from_json_value(context, None).expect("the context is Cedar's"),
        None,
    );
    let entities = Entities::from_json_value(entities, None).expect("the entities are Cedar's");
    Some((request.ok()?, entities))
}

fn extension(name: &str, argument: &str) -> Json {
    json!({"__extn": {"fn": name, "arg": argument}})
}

fn record(parameters: &[Parameter], written: &Map<String, Json>) -> Json {
    let fields = parameters.iter().filter_map(|parameter| {
        let value = written.get(&parameter.name)?;
        Some((parameter.name.clone(), value_of(&parameter.ty, value)))
    });
    Json::Object(fields.collect())
}

fn value_of(ty: &Type, value: &Json) -> Json {
    let text = value.as_str().unwrap_or_default();
    match ty {
        Type::Decimal => extension("decimal", text),
        Type::DateTime => extension("datetime", text),
        Type::Duration => extension("duration", text),
        Type::Ip => extension("ip", text),
        Type::Url(_) => {
            let host = text
                .trim_start_matches("https://")
                .split('/')
                .next()
                .unwrap_or_default();
            json!({"scheme": "https", "host": host, "port": 443, "path": "/a/b"})
        }
        Type::Email(_) => {
            let (local, host) = text.split_once('@').unwrap_or_default();
            json!({"local": local, "host": host})
        }
        Type::List(of) => value
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| value_of(of, item))
            .collect(),
        Type::Record(fields) => value.as_object().map_or(Json::Null, |written| record(fields, written)),
        _ => value.clone(),
    }
}
