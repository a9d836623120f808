//! The table of [`Form`]s as JSON Schema (2020-12), for editors: in come the forms and the spellings that the reader
//! itself goes by, out comes a schema for one kind, or one that covers them all.
//!
//! A schema says less than the reader: it cannot know where a file stands, whether a name resolves, or how YAML was
//! written. It never refuses what the reader takes. Nothing here reads a document.

mod together;

use serde_json::{Map, Value, json};

use super::form::{Field, Form, Type};
use super::reader::EFFECTS;
use super::{KINDS, Kind, PARAMETER, TABLE, TEMPLATE, parameter};
use crate::parse::scalar::{self, Spelling};

/// The dialect that every schema here is written in.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a template is for; its declaration is no document of the organisation's, and stands in no table.
pub const TEMPLATE_DOC: &str = "The first document of a file under `templates/`: what the template is for, and the \
    parameters that a Use fills in. The body after the next `---` yields documents.";

/// The schema of one kind, `Template` included. `None` where there is no such kind.
pub fn of_kind(name: &str) -> Option<Value> {
    let mut definitions = Definitions::default();
    let (doc, body) = match TABLE.iter().find(|kind| kind.name == name) {
        Some(kind) => (kind.doc, document(kind, &mut definitions)),
        None if name == "Template" => (TEMPLATE_DOC, form(&TEMPLATE, &mut definitions)),
        None => return None,
    };
    Some(whole(name, doc, body, definitions))
}

/// One schema for every document that a file outside `templates/` may hold, told apart by `kind`.
pub fn of_all() -> Value {
    let mut definitions = Definitions::default();
    let mut choices = Vec::new();
    for kind in TABLE {
        let body = document(kind, &mut definitions);
        let mut named = json!({"title": kind.name, "description": kind.doc});
        extend(&mut named, body);
        definitions.written.insert(kind.name.to_owned(), named);
        choices.push(json!({
            "if": {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]},
            "then": reference(kind.name),
        }));
    }
    let body = json!({
        "type": "object",
        "properties": {"kind": {"enum": KINDS, "description": "which kind of document this is"}},
        "required": ["kind"],
        "allOf": choices,
    });
    whole(
        "Polity",
        "A document of an organisation's repository.",
        body,
        definitions,
    )
}

/// Forms that stand in several places are written once.
#[derive(Default)]
struct Definitions {
    written: Map<String, Value>,
}

fn whole(title: &str, doc: &str, body: Value, definitions: Definitions) -> Value {
    let mut schema = json!({"$schema": DIALECT, "title": title, "description": doc});
    extend(&mut schema, body);
    if let (Some(object), false) = (schema.as_object_mut(), definitions.written.is_empty()) {
        object.insert("$defs".to_owned(), Value::Object(definitions.written));
    }
    schema
}

fn document(kind: &Kind, definitions: &mut Definitions) -> Value {
    let mut schema = form(kind.form, definitions);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "kind".to_owned(),
            json!({"const": kind.name, "description": "which kind of document this is"}),
        );
        if let (Some(name), [_, ..]) = (properties.get_mut("name"), kind.reserved()) {
            extend(name, json!({"not": {"enum": kind.reserved()}}));
        }
    }
    schema
}

/// A mapping with fixed keys.
fn form(form: &'static Form, definitions: &mut Definitions) -> Value {
    let mut properties = Map::new();
    for field in form.fields() {
        properties.insert(field.name.to_owned(), property(field, definitions));
    }
    let required: Vec<&str> = form
        .fields()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        extend(&mut schema, json!({"required": required}));
    } else if !form.may_be_empty {
        extend(&mut schema, json!({"minProperties": 1}));
    }
    let rules = together::rules(form, definitions);
    if !rules.is_empty() {
        extend(&mut schema, json!({"allOf": rules}));
    }
    schema
}

fn property(field: &Field, definitions: &mut Definitions) -> Value {
    let mut schema = of_type(&field.ty, definitions);
    // A pattern says little to a reader: what it stands for is told beside it.
    let description = match &field.ty {
        Type::Name | Type::Word | Type::ForeignName => format!("{}; made of {}", field.doc, field.ty.spelling()),
        Type::Duration | Type::Rate | Type::Size => format!("{}; {}", field.doc, field.ty.expected()),
        Type::Moment => format!("{}; a date such as `2026-12-31`, or RFC 3339", field.doc),
        Type::Condition => format!("{}; a Cedar expression, in quotes or under `|`", field.doc),
        _ => field.doc.to_owned(),
    };
    extend(&mut schema, json!({"description": description}));
    schema
}

/// A reference to a form, which is written the first time that it is met: forms may hold themselves.
fn referred(form: &'static Form, definitions: &mut Definitions) -> Value {
    let name = name(form);
    if !definitions.written.contains_key(&name) {
        definitions.written.insert(name.clone(), Value::Null);
        let written = self::form(form, definitions);
        definitions.written.insert(name.clone(), written);
    }
    reference(&name)
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// A form's name among the definitions: `a deployment's environment` is `deployment-s-environment`.
fn name(form: &Form) -> String {
    let words = form.what.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["a" | "an", rest @ ..] => rest.join("-"),
        words => words.join("-"),
    }
}

fn of_type(ty: &Type, definitions: &mut Definitions) -> Value {
    match ty {
        Type::Text => text(false, false),
        Type::Prose => text(true, true),
        Type::Condition => text(true, false),
        Type::Name => spelled(&scalar::NAME),
        Type::Word => spelled(&scalar::WORD),
        Type::ForeignName => spelled(&scalar::FOREIGN_NAME),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int(i64::MIN) => json!({"type": "integer"}),
        Type::Int(least) => json!({"type": "integer", "minimum": least}),
        Type::Duration => measure(&scalar::duration_pattern()),
        Type::Rate => measure(&scalar::rate_pattern()),
        Type::Size => measure(&scalar::size_pattern()),
        Type::Moment => measure(scalar::MOMENT_PATTERN),
        Type::OneOf(words) => json!({"enum": words}),
        Type::Effects => {
            let words: Vec<&str> = EFFECTS.iter().copied().chain(["*"]).collect();
            json!({"type": "array", "minItems": 1, "items": {"enum": words}})
        }
        Type::List(entry) => json!({"type": "array", "minItems": 1, "items": of_type(entry, definitions)}),
        Type::MaybeEmpty(entry) => json!({"type": "array", "items": of_type(entry, definitions)}),
        Type::Map(key, value) => {
            let mut schema = map(key, value, definitions);
            extend(&mut schema, json!({"minProperties": 1}));
            schema
        }
        Type::MaybeEmptyMap(key, value) => map(key, value, definitions),
        Type::Fields(form) => referred(form, definitions),
        Type::Parameter => json!({"anyOf": [
            {"type": "string", "enum": parameter::short_forms()},
            referred(&PARAMETER, definitions),
        ]}),
        Type::Json => any_value(definitions),
        Type::JsonObject => json!({"type": "object", "additionalProperties": any_value(definitions)}),
    }
}

fn map(key: &Type, value: &'static Type, definitions: &mut Definitions) -> Value {
    json!({
        "type": "object",
        "propertyNames": of_type(key, definitions),
        "additionalProperties": of_type(value, definitions),
    })
}

/// Only keywords of the dialect are used: strict validators refuse others.
fn text(lines: bool, prose: bool) -> Value {
    json!({"type": "string", "pattern": scalar::readable_pattern(lines, prose)})
}

fn spelled(spelling: &Spelling) -> Value {
    json!({"type": "string", "pattern": spelling.pattern(), "maxLength": spelling.longest})
}

fn measure(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// Anything but null, at any depth.
fn any_value(definitions: &mut Definitions) -> Value {
    const NAME: &str = "value";
    definitions.written.entry(NAME).or_insert_with(|| {
        json!({
            "type": ["string", "number", "boolean", "array", "object"],
            "items": reference(NAME),
            "additionalProperties": reference(NAME),
        })
    });
    reference(NAME)
}

/// Adds the members of one object to another.
fn extend(schema: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (schema.as_object_mut(), more) {
        object.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_forms_never_share_a_definition() {
        let mut seen: Vec<(String, &'static Form)> = Vec::new();
        let mut ahead: Vec<&'static Form> = TABLE
            .iter()
            .map(|kind| kind.form)
            .chain([&TEMPLATE, &PARAMETER])
            .collect();
        while let Some(form) = ahead.pop() {
            let name = name(form);
            match seen.iter().find(|(known, _)| *known == name) {
                Some((_, known)) => assert!(std::ptr::eq(*known, form), "two forms are called `{name}`"),
                None => {
                    seen.push((name, form));
                    ahead.extend(form.fields().filter_map(|field| field.ty.form()));
                }
            }
        }
        assert!(seen.len() > 30, "{}", seen.len());
    }

    #[test]
    fn every_rule_across_fields_finds_its_form() {
        let written = of_all().to_string();
        for rule in ["deny", "dependentSchemas", "\"not\":{\"enum\":[\"owners\""] {
            assert!(written.contains(rule), "{rule}");
        }
    }
}
