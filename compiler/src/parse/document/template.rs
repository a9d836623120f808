//! The declaration of a template: its name, what it is for, and the parameters that it takes.

use super::fields::{Fields, Read};
use super::form::{DESCRIPTION, Form, TEXTS, Type, optional, required};
use super::reader::Reader;
use crate::ast::{Template, TemplateParam, TemplateType, Text};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;
use crate::parse::node::{Node, Value};
use crate::source::Spanned;

/// A template's first document.
pub static TEMPLATE: Form = Form {
    what: "a Template",
    fields: &[&[
        required("kind", Type::OneOf(&["Template"]), "`Template`"),
        required("name", Type::Name, "the file's name without `.yaml`"),
        DESCRIPTION,
        optional(
            "params",
            Type::MaybeEmptyMap(&Type::ForeignName, &Type::Fields(&TEMPLATE_PARAMETER)),
            "what a use fills in: name to type",
        ),
    ]],
    may_be_empty: false,
};

pub(super) static TEMPLATE_PARAMETER: Form = Form {
    what: "a template's parameter",
    fields: &[&[
        optional("type", Type::OneOf(TYPES), "the type's name; implied by `enum`"),
        optional("enum", TEXTS, "the values that it takes"),
        optional("of", Type::OneOf(ENTRIES), "the type of a list's entries"),
        optional("min", Type::Int(i64::MIN), "the least value, or the least length"),
        optional("max", Type::Int(i64::MIN), "the greatest value, or the greatest length"),
        optional("default", Type::Json, "the value where a use gives none"),
        optional(
            "optional",
            Type::Bool,
            "whether a use may leave it out, without a default",
        ),
        DESCRIPTION,
    ]],
    may_be_empty: false,
};

pub(super) const TYPES: &[&str] = &["name", "string", "int", "bool", "enum", "list"];
const ENTRIES: &[&str] = &["name", "string", "int", "bool"];

/// A field, and the type that takes it and needs it.
pub(super) const GOES_WITH: &[(&str, &str)] = &[("enum", "enum"), ("of", "list")];

/// Types without `min` and `max`.
pub(super) const UNBOUNDED: &[&str] = &["bool", "enum", "name"];

/// What a template's parameter is called: a word of the template language, and a name of none of its own.
pub(super) const PARAMETER_PATTERN: &str = "^[a-z][a-z0-9_]*$";

/// Words that mean something else within a template's body.
pub(super) const RESERVED: &[&str] = &[
    "loop", "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else", "self",
];

pub(super) fn declaration(reader: &mut Reader<'_>, root: &Node) -> Option<Template> {
    let at = match &root.value {
        Value::Map(entries) => entries.first().map_or(root.span, |entry| entry.key.span),
        _ => root.span,
    };
    let mut fields = reader.fields(root, &TEMPLATE, at)?;
    let params = fields.map("params").into_iter();
    let params = params.filter_map(|(name, value)| match value.value {
        Read::Fields(fields) => parameter(reader, &name, fields).map(|parameter| (name, parameter)),
        _ => None,
    });
    let params = params.collect();
    Some(Template {
        name: fields.text("name"),
        description: fields.text("description"),
        params,
    })
}

fn parameter(reader: &mut Reader<'_>, name: &Text, mut fields: Fields) -> Option<TemplateParam> {
    let mut bad = |message: String, span, help: &str| {
        let found = Diagnostic::new(&codes::BAD_PARAMETER, message, span, "");
        reader.sink.push(found.with_help(help));
    };
    let mut letters = name.value.bytes();
    let identifier = letters.next().is_some_and(|b| b.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !RESERVED.contains(&name.value.as_str());
    if !identifier {
        let message = format!("`{}` cannot be a template's parameter", name.value);
        let help = "a template's parameter is made of lower-case letters, digits and `_`, a letter first";
        bad(message, name.span, help);
        return None;
    }
    if !fields.has("type") && !fields.has("enum") {
        reader.missing(&fields, "type", "the type's name, or `enum` with the values");
        return None;
    }
    let written = fields.text("type");
    let ty = match written.as_ref() {
        Some(ty) => ty.value.clone(),
        // A type that was written and broken was reported.
        None if fields.has("type") => return None,
        None => "enum".to_owned(),
    };
    for (key, of) in GOES_WITH {
        if let Some(at) = fields.key(key).filter(|_| ty != *of) {
            bad(format!("`{key}` does not go with `{ty}`"), at, "remove one of the two");
            return None;
        }
        if ty == *of && !fields.has(key) {
            reader.missing(&fields, key, &format!("the type `{of}` takes it"));
            return None;
        }
    }
    let (min, max) = (fields.int("min"), fields.int("max"));
    if let Some(bound) = min.or(max).filter(|_| UNBOUNDED.contains(&ty.as_str())) {
        bad(format!("`{ty}` takes no bounds"), bound.span, "remove `min` and `max`");
        return None;
    }
    if let (Some(min), Some(max)) = (min, max)
        && min.value > max.value
    {
        bad("`min` is greater than `max`".to_owned(), min.span, "no value fits both");
        return None;
    }
    let optional = fields.bool("optional");
    let default = fields.any("default");
    if let (Some(optional), Some(_)) = (optional.filter(|it| it.value), &default) {
        let help = "remove `optional`: a use may leave out what has a default";
        bad(
            "a parameter with a default is never absent".to_owned(),
            optional.span,
            help,
        );
    }
    let default = default.and_then(Spanned::into_text);
    let ty = match ty.as_str() {
        "enum" => TemplateType::Enum(fields.texts("enum")?),
        "list" => TemplateType::List(Box::new(simple(&fields.text("of")?.value)?)),
        other => simple(other)?,
    };
    Some(TemplateParam {
        ty,
        min,
        max,
        default,
        optional: optional.is_some_and(|it| it.value),
        description: fields.text("description"),
    })
}

fn simple(name: &str) -> Option<TemplateType> {
    Some(match name {
        "name" => TemplateType::Name,
        "string" => TemplateType::String,
        "int" => TemplateType::Int,
        "bool" => TemplateType::Bool,
        _ => return None,
    })
}
