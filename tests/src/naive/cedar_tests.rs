//! The interpreter against Cedar's own evaluator, over generated conditions and boundary requests.
//!
//! Calls whose arguments are all readable and compared as they are: there the two must agree to the error.

use std::str::FromStr;

use cedar_policy::{Context, Entities, EntityUid, EvalResult, Expression, eval_expression};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{generate, load::load, requests::requests};

/// The value without its origin, as both evaluators get it. Nothing where something in it cannot be read.
fn plain(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Poison => return None,
        Value::Text(text, _) => Value::text(text),
        Value::Set(items) => Value::Set(items.iter().map(plain).collect::<Option<_>>()?),
        Value::Record(fields) => Value::Record(
            fields
                .iter()
                .map(|(name, value)| Some((name.clone(), plain(value)?)))
                .collect::<Option<_>>()?,
        ),
        other => other.clone(),
    })
}

fn as_cedar(value: &Value) -> Json {
    let extension = |name: &str, arg: String| json!({"__extn": {"fn": name, "arg": arg}});
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Text(text, _) => json!(text),
        Value::Decimal(value) => {
            let sign = if *value < 0 { "-" } else { "" };
            extension(
                "decimal",
                format!(
                    "{sign}{}.{:04}",
                    value.unsigned_abs() / 10_000,
                    value.unsigned_abs() % 10_000
                ),
            )
        }
        Value::DateTime(moment) => json!({"__extn": {"fn": "offset", "args": [
            {"__extn": {"fn": "datetime", "arg": "1970-01-01"}}, extension("duration", format!("{moment}ms"))]}}),
        Value::Duration(length) => extension("duration", format!("{length}ms")),
        Value::Ip(address, prefix) => extension("ip", format!("{address}/{prefix}")),
        Value::Set(items) => Json::Array(items.iter().map(as_cedar).collect()),
        Value::Record(fields) => Json::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), as_cedar(value)))
                .collect(),
        ),
        Value::Entity(kind, id) => json!({"__entity": {"type": kind, "id": id}}),
        Value::Poison => unreachable!("made plain before"),
    }
}

fn cedar_says(text: &str, scope: &Scope) -> Result<bool, Errs> {
    let uid =
        |kind: &str, id: &str| EntityUid::from_type_name_and_id(kind.parse().unwrap(), cedar_policy::EntityId::new(id));
    let entity = |kind: &str, id: &str, attrs: Json, parents: Vec<(String, String)>| {
        let parents: Vec<Json> = parents
            .iter()
            .map(|(kind, id)| json!({"type": kind, "id": id}))
            .collect();
        json!({"uid": {"type": kind, "id": id}, "attrs": attrs, "parents": parents})
    };
    let resource = scope.resource.clone().unwrap();
    let action_parents = scope
        .action_parents
        .iter()
        .map(|parent| ("Action".to_owned(), parent.clone()))
        .collect();
    let environment = vec![("Environment".to_owned(), scope.environment.clone())];
    let attributes = as_cedar(&Value::Record(scope.principal_attributes.clone()));
    let entities = json!([
        entity(
            "Deployment",
            &scope.principal,
            attributes,
            scope.principal_parents.clone()
        ),
        entity("Action", &scope.action, json!({}), action_parents),
        entity("Resource", &resource, json!({"name": resource}), environment),
    ]);
    let entities = Entities::from_json_value(entities, None).unwrap();
    let context = Context::from_json_value(as_cedar(&scope.context), None).unwrap();
    let (principal, action) = (uid("Deployment", &scope.principal), uid("Action", &scope.action));
    let request = cedar_policy::Request::new(principal, action, uid("Resource", &resource), context, None).unwrap();
    match eval_expression(&request, &entities, &Expression::from_str(text).unwrap()) {
        Ok(EvalResult::Bool(value)) => Ok(value),
        Ok(other) => panic!("{text} is {other:?}"),
        Err(_) => Err(Errs),
    }
}

/// How many conditions were compared, and how many of them held and erred.
fn compare(seed: u64) -> [usize; 3] {
    let documents = load(&generate::small(seed));
    let naive = Naive::new(&documents);
    let mut seen = [0; 3];
    for request in requests(&documents, seed, 40) {
        let (Some(deployment), Some(Asked::Tool(tool, _, action))) =
            (naive.deployment(&request.agent), naive.asked(&request.action))
        else {
            continue;
        };
        let parents = vec![tool.to_owned(), "write".to_owned()];
        let mut scope = naive.bare_scope(
            deployment,
            "standard",
            &request,
            &action.params,
            (request.action.clone(), parents),
            Ok("repo:acme/pay".to_owned()),
        );
        let Some(context) = plain(&scope.context) else { continue };
        scope.context = context;
        for (text, expr) in &naive.conditions {
            let expr = expr.as_ref().unwrap_or_else(|| panic!("`{text}` does not parse"));
            let ours = condition::holds(expr, &scope);
            assert_eq!(ours, cedar_says(text, &scope), "{text}\n{:#?}", request.args);
            seen[0] += 1;
            seen[1] += usize::from(ours == Ok(true));
            seen[2] += usize::from(ours == Err(Errs));
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_interpreter_agrees_with_cedar(seed in any::<u64>()) {
        compare(seed);
    }
}

#[test]
fn the_comparison_sees_yes_no_and_error() {
    let mut seen = [0; 3];
    for seed in 0..10 {
        for (sum, more) in seen.iter_mut().zip(compare(seed)) {
            *sum += more;
        }
    }
    let [all, yes, errors] = seen;
    assert!(yes > 100 && errors > 100 && all - yes - errors > 100, "{seen:?}");
}
