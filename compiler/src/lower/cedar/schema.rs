//! A [`Vocabulary`] becomes the schema that Cedar's type-checker judges conditions by.
//!
//! Deployments, agents and resources are not in it: there may be thousands, and the checker never looks at an
//! entity's name. Names are checked against the vocabulary while lowering, with suggestions.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{EntityType, EntityUID};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::json_schema::Fragment;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv;
use cedar_policy_core::validator::{RawName, ValidatorSchema};
use cedar_policy_core::validator::{ValidationError, ValidationMode};
use serde_json::{Map, Value, json};

use super::parse::Parsed;
use crate::lower::vocabulary::{Vocabulary, VocabularyAction};
use crate::resolve::shape::{Parameter, Shape, Type};

/// What conditions are type-checked against. Built once for a repository.
#[derive(Debug)]
pub struct Schema {
    checker: Result<Checker, String>,
}

#[derive(Debug)]
struct Checker {
    schema: ValidatorSchema,
    principal: EntityType,
    resource: EntityType,
    /// By place in [`Vocabulary::actions`].
    actions: Vec<EntityUID>,
}

/// What the type-checker says of a condition.
pub(super) enum Checked {
    /// Well-typed.
    Fine,
    /// Not, for these reasons; sometimes it gives none.
    Wrong(Vec<ValidationError>),
    /// There is no schema to judge by. Nothing may be built.
    NoSchema(String),
}

impl Schema {
    /// The schema of a vocabulary.
    pub fn new(vocabulary: &Vocabulary) -> Self {
        Self {
            checker: checker(vocabulary),
        }
    }

    /// Judges a condition for one action.
    pub(super) fn check(&self, parsed: &Parsed, action: usize) -> Checked {
        let checker = match &self.checker {
            Ok(checker) => checker,
            Err(message) => return Checked::NoSchema(message.clone()),
        };
        let Some((action, context)) = checker
            .actions
            .get(action)
            .and_then(|uid| Some((uid, checker.schema.context_type(uid)?)))
        else {
            return Checked::NoSchema("the action is not in the vocabulary".to_owned());
        };
        let environment = RequestEnv::DeclaredAction {
            principal: &checker.principal,
            action,
            resource: &checker.resource,
            context,
            principal_slot: None,
            resource_slot: None,
        };
        let typechecker = Typechecker::new(&checker.schema, ValidationMode::Strict);
        match typechecker.typecheck_by_single_request_env(&parsed.template, &environment) {
            PolicyCheck::Success(_) => Checked::Fine,
            // Always false is no fault by itself: `action == Action::"b" && ...` is, for every action but one.
            PolicyCheck::Irrelevant(errors, _) if errors.is_empty() => Checked::Fine,
            PolicyCheck::Irrelevant(errors, _) | PolicyCheck::Fail(errors) => Checked::Wrong(errors),
        }
    }
}

/// The schema in Cedar's own syntax, for editors and for whoever validates policies before they are committed.
///
/// # Errors
/// Where Cedar cannot write it: a name that its syntax has no word for.
pub fn cedar_schema(vocabulary: &Vocabulary) -> Result<String, String> {
    let fragment = Fragment::<RawName>::from_json_value(document(vocabulary)).map_err(|error| error.to_string())?;
    fragment.to_cedarschema().map_err(|error| error.to_string())
}

fn checker(vocabulary: &Vocabulary) -> Result<Checker, String> {
    let schema = ValidatorSchema::from_json_value(document(vocabulary), Extensions::all_available())
        .map_err(|error| error.to_string())?;
    let name = |text: &str| EntityType::from_normalized_str(text).map_err(|error| error.to_string());
    let actions = vocabulary
        .actions
        .iter()
        .map(|action| EntityUID::with_eid_and_type("Action", &action.name).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    Ok(Checker {
        schema,
        principal: name("Deployment")?,
        resource: name("Resource")?,
        actions,
    })
}

/// The groups that an action is in.
pub(super) fn groups(action: &VocabularyAction) -> Vec<&str> {
    crate::resolve::groups(&action.name, &action.tool, action.effect, action.external)
}

fn document(vocabulary: &Vocabulary) -> Value {
    let always = crate::resolve::ACTION_GROUPS;
    let mut actions: BTreeMap<&str, Value> = always.into_iter().map(|group| (group, json!({}))).collect();
    for action in &vocabulary.actions {
        for group in groups(action) {
            actions.entry(group).or_insert_with(|| json!({}));
        }
    }
    for action in &vocabulary.actions {
        let groups: Vec<Value> = groups(action).into_iter().map(|group| json!({"id": group})).collect();
        let context = format!("Shape{}", action.shape.0);
        actions.insert(
            &action.name,
            json!({
                "memberOf": groups,
                "appliesTo": {"principalTypes": ["Deployment"], "resourceTypes": ["Resource"], "context": {"type": context}},
            }),
        );
    }
    let shapes: Map<String, Value> = vocabulary
        .shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| (format!("Shape{index}"), context(shape)))
        .collect();
    let tags: Map<String, Value> = vocabulary
        .tags
        .iter()
        .map(|tag| (tag.clone(), json!({"type": "String", "required": false})))
        .collect();
    let mut attributes = Map::new();
    attributes.insert("name".to_owned(), json!({"type": "String"}));
    for (name, ty) in vocabulary.told() {
        let mut ty = typed(ty);
        if let Value::Object(fields) = &mut ty {
            fields.insert("required".to_owned(), json!(false));
        }
        attributes.insert(name.to_owned(), ty);
    }
    let within = vocabulary.within();
    let above: Vec<&str> = std::iter::once("Environment").chain(within.iter().copied()).collect();
    let mut types = json!({
            "Deployment": {
                "memberOfTypes": ["Agent", "Team", "Ring"],
                "shape": record([
                    ("agent", json!({"type": "String"})),
                    ("team", json!({"type": "String"})),
                    ("ring", json!({"type": "Long"})),
                    ("tags", json!({"type": "Record", "attributes": tags})),
                ]),
            },
            "Agent": {},
            "Team": enumerated(&vocabulary.teams),
            "Ring": enumerated(&vocabulary.rings),
            "Environment": enumerated(&vocabulary.environments),
            "Resource": {
                "memberOfTypes": above,
                "shape": {"type": "Record", "attributes": attributes},
            },
    });
    for name in within {
        if let Value::Object(types) = &mut types {
            types.insert(name.to_owned(), json!({}));
        }
    }
    json!({"": {
        "commonTypes": shapes,
        "entityTypes": types,
        "actions": actions,
    }})
}

/// Cedar has no enumeration without members.
fn enumerated(names: &[String]) -> Value {
    if names.is_empty() {
        json!({})
    } else {
        json!({"enum": names})
    }
}

fn context(shape: &Shape) -> Value {
    let strings = json!({"type": "Set", "element": {"type": "String"}});
    record([
        ("args", parameters(&shape.parameters)),
        (
            "session",
            record([("holding", strings), ("calls", json!({"type": "Long"}))]),
        ),
        ("on_behalf_of", json!({"type": "String", "required": false})),
        ("now", extension("datetime")),
    ])
}

fn parameters(parameters: &[Parameter]) -> Value {
    let attributes: Map<String, Value> = parameters
        .iter()
        .map(|parameter| {
            let mut ty = typed(&parameter.ty);
            if let Value::Object(fields) = &mut ty {
                fields.insert("required".to_owned(), json!(!parameter.optional));
            }
            (parameter.name.clone(), ty)
        })
        .collect();
    json!({"type": "Record", "attributes": attributes})
}

fn typed(ty: &Type) -> Value {
    match ty {
        Type::String { .. } | Type::Path | Type::Host | Type::Enum(_) => json!({"type": "String"}),
        Type::Int => json!({"type": "Long"}),
        Type::Bool => json!({"type": "Boolean"}),
        Type::Decimal => extension("decimal"),
        Type::DateTime => extension("datetime"),
        Type::Duration => extension("duration"),
        Type::Ip => extension("ipaddr"),
        Type::Hosts => json!({"type": "Set", "element": {"type": "String"}}),
        Type::Record(fields) | Type::Url(fields) | Type::Email(fields) => parameters(fields),
        Type::List(element) => match **element {
            // A record without fields: it is there or not, and nothing more can be asked of it.
            Type::Record(_) | Type::Url(_) | Type::Email(_) | Type::Opaque | Type::List(_) | Type::Hosts => record([]),
            _ => json!({"type": "Set", "element": typed(element)}),
        },
        Type::Opaque => record([]),
    }
}

fn extension(name: &str) -> Value {
    json!({"type": "Extension", "name": name})
}

fn record<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    let attributes: Map<String, Value> = attributes.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect();
    json!({"type": "Record", "attributes": attributes})
}
