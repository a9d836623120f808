//! What several fields of one mapping must satisfy together, as JSON Schema: in comes a form, out come the schemas
//! that hold beside its fields. The words are those that the reader's own checks go by.

use serde_json::{Map, Value, json};

use super::{Definitions, of_type};
use crate::diag::codes;
use crate::parse::document::form::{Form, Type};
use crate::parse::document::selector::{CHANGE_SELECTOR, SELECTOR};
use crate::parse::document::{agents, parameter, people, policies, suite, template, tools};

/// The rules of a form; none for most.
pub(super) fn rules(form: &'static Form, definitions: &mut Definitions) -> Vec<Value> {
    let is = |other: &'static Form| std::ptr::eq(form, other);
    match () {
        () if is(&people::ORGANIZATION) => organization(),
        () if is(&policies::POLICY) => policy(),
        () if is(&policies::RULE) => rule(),
        () if is(&policies::EXCEPTION) => exception(),
        () if is(&CHANGE_SELECTOR) => vec![json!({"dependentSchemas": {"any": {"maxProperties": 1}}})],
        () if is(&agents::KILL) => kill(),
        () if is(&tools::SERVER) => vec![json!({"oneOf": each(&["command", "url"])})],
        () if is(&tools::ACTION) => action(),
        () if is(&suite::TEST) => test(),
        () if is(&parameter::PARAMETER) => parameter(definitions),
        () if is(&template::TEMPLATE) => vec![json!({"properties": {"params": {"propertyNames": {
            "pattern": template::PARAMETER_PATTERN,
            "not": {"enum": template::RESERVED},
        }}}})],
        () if is(&template::TEMPLATE_PARAMETER) => template_parameter(),
        () => Vec::new(),
    }
}

/// A schema for each field: it must be there.
fn each(fields: &[&str]) -> Vec<Value> {
    fields.iter().map(|field| json!({"required": [field]})).collect()
}

/// A field is one of some words.
fn among(field: &str, words: &[&str]) -> Value {
    json!({"properties": {field: {"enum": words}}, "required": [field]})
}

fn organization() -> Vec<Value> {
    let ids: Vec<&str> = codes::all().map(|code| code.id).collect();
    vec![json!({"properties": {
        "polity": {"enum": people::EDITIONS},
        "lints": {"propertyNames": {"enum": ids}},
    }})]
}

/// An allow says where and what, itself or in the policy's `for`.
fn policy() -> Vec<Value> {
    let asks = |of_for: Value, of_rule: Value| {
        let rule = json!({"if": among("effect", &["allow"]), "then": of_rule});
        json!({
            "if": {"properties": {"for": of_for}, "required": ["for"]},
            "else": {"properties": {"rules": {"additionalProperties": rule}}},
        })
    };
    let environments = json!({"required": ["environments"]});
    let target = json!({"anyOf": each(policies::TARGETS)});
    vec![asks(environments.clone(), environments), asks(target.clone(), target)]
}

/// What an effect does not take may not stand beside it, and a gate says whose approval it takes.
fn rule() -> Vec<Value> {
    let mut rules: Vec<Value> = policies::OUTCOMES
        .iter()
        .map(|effect| {
            let refused = policies::FOR_EFFECTS
                .iter()
                .filter(|(_, effects, _)| !effects.contains(effect));
            let refused: Map<String, Value> = refused
                .map(|(field, ..)| ((*field).to_owned(), Value::Bool(false)))
                .collect();
            json!({"if": among("effect", &[*effect]), "then": {"properties": refused}})
        })
        .collect();
    rules.push(json!({"if": among("effect", &["require_approval"]), "then": {"required": ["approval"]}}));
    rules
}

fn exception() -> Vec<Value> {
    let selectors: Vec<&str> = SELECTOR.iter().map(|field| field.name).collect();
    vec![
        json!({"anyOf": each(&selectors)}),
        json!({"properties": {"to": {"pattern": "^[^/]+/[^/]+$"}}}),
    ]
}

fn kill() -> Vec<Value> {
    let mut some = each(agents::KILLED);
    some.push(json!({"properties": {"everything": {"const": true}}, "required": ["everything"]}));
    vec![json!({"anyOf": some})]
}

/// An action says what it does, or each of its variants does; what an action says holds for its variants.
fn action() -> Vec<Value> {
    let changes = || among("effect", &["write", "destructive"]);
    let of_variants = |variant: Value| json!({"properties": {"variants": {"additionalProperties": variant}}});
    let mut rules = vec![
        json!({"anyOf": each(&["effect", "variants"])}),
        json!({
            "if": {"required": ["effect"]},
            "else": of_variants(json!({"required": ["effect"]})),
        }),
    ];
    for field in ["external", "reversible"] {
        let there = || json!({"required": [field]});
        rules.push(json!({"if": there(), "else": {"allOf": [
            {"if": {"required": ["variants"]}, "else": {"if": changes(), "then": there()}},
            of_variants(json!({"if": changes(), "then": there()})),
            {"if": changes(), "then": of_variants(json!({"if": {"required": ["effect"]}, "else": there()}))},
        ]}}));
    }
    rules
}

/// A test tests something, and each of its calls is whole, of its own or from the defaults.
fn test() -> Vec<Value> {
    let mut rules = vec![json!({"anyOf": each(&["cases", "matrix"])})];
    for (list, needs) in [("cases", suite::CASE_NEEDS), ("matrix", suite::MATRIX_NEEDS)] {
        for need in needs {
            rules.push(json!({
                "if": {"properties": {"defaults": {"required": [need]}}, "required": ["defaults"]},
                "else": {"properties": {list: {"items": {"required": [need]}}}},
            }));
        }
    }
    rules
}

/// A parameter has a type, which `enum` implies, and what goes with that type.
fn parameter(definitions: &mut Definitions) -> Vec<Value> {
    let mut rules = typed(parameter::TYPES, parameter::GOES_WITH, |field| field != "fold");
    let listed: Vec<&str> = parameter::listed().collect();
    rules.push(json!({"properties": {"of": {"anyOf": [
        {"enum": listed},
        {"allOf": [of_type(&Type::Parameter, definitions), {
            "type": "object",
            "properties": {"type": {"not": {"enum": parameter::NOT_LISTED}}, "optional": {"const": false}},
        }]},
    ]}}}));
    rules
}

fn template_parameter() -> Vec<Value> {
    let mut rules = typed(template::TYPES, template::GOES_WITH, |_| true);
    let unbounded = json!({"anyOf": [among("type", template::UNBOUNDED), {"not": {"required": ["type"]}}]});
    rules.push(json!({"if": unbounded, "then": {"properties": {"min": false, "max": false}}}));
    rules.push(json!({"dependentSchemas": {"default": {"properties": {"optional": {"const": false}}}}}));
    rules
}

/// A type by name, implied by `enum`, and the fields that only one type takes. `needed`: whether that type needs it.
fn typed(types: &[&str], goes_with: &[(&str, &str)], needed: impl Fn(&str) -> bool) -> Vec<Value> {
    let mut rules = vec![
        json!({"anyOf": each(&["type", "enum"])}),
        json!({"properties": {"type": {"enum": types}}}),
    ];
    for (field, ty) in goes_with {
        let mut beside = json!({"properties": {"type": {"const": ty}}});
        if field != ty {
            super::extend(&mut beside, json!({"required": ["type"]}));
        }
        rules.push(json!({"dependentSchemas": {*field: beside}}));
        if needed(field) {
            rules.push(json!({"if": among("type", &[*ty]), "then": {"required": [field]}}));
        }
    }
    rules
}
