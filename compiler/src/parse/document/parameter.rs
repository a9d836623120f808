//! A declared argument: `int`, `list of string`, or `{type: ..., optional: true}`.

use super::fields::{Fields, Read};
use super::form::{DESCRIPTION, Form, TEXTS, Type, optional};
use super::reader::{Reader, shown};
use crate::ast::{Param, ParamType, Text};
use crate::diag::codes::document as codes;
use crate::diag::{Diagnostic, nearest};
use crate::parse::node::{Node, Value};
use crate::source::{Span, Spanned};

/// The long form.
pub static PARAMETER: Form = Form {
    what: "a parameter",
    fields: &[&[
        optional("type", Type::Text, "the type's name; implied by `enum`"),
        optional("optional", Type::Bool, "whether a call may leave it out"),
        DESCRIPTION,
        optional(
            "fold",
            Type::OneOf(&["case"]),
            "`case`: compared without regard to case, of a string",
        ),
        optional("enum", TEXTS, "the values that it takes"),
        optional("of", Type::Parameter, "the type of a list's entries"),
        optional(
            "fields",
            Type::Map(&Type::ForeignName, &Type::Parameter),
            "the fields of a record",
        ),
    ]],
    may_be_empty: false,
};

/// The names of types.
pub const TYPES: &[&str] = &[
    "string", "int", "bool", "decimal", "datetime", "duration", "ip", "path", "host", "url", "email", "enum", "list",
    "record", "opaque",
];

/// Types to come, whose names nothing else may take: commands and queries that are parsed, not matched.
const RESERVED: &[&str] = &["shell", "sql"];

/// A field, and the type that it belongs to. All but `fold` are what their type needs.
pub(super) const GOES_WITH: &[(&str, &str)] = &[
    ("fold", "string"),
    ("enum", "enum"),
    ("of", "list"),
    ("fields", "record"),
];

/// Types that say too little alone.
pub(super) const COMPOSED: &[&str] = &["enum", "list", "record"];

/// Types that a list cannot be of.
pub(super) const NOT_LISTED: &[&str] = &["list", "record", "opaque"];

/// Types whose names say all about them.
fn plain_names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().copied().filter(|name| !COMPOSED.contains(name))
}

/// Types that a list can be of, and that need no more words.
pub(super) fn listed() -> impl Iterator<Item = &'static str> {
    plain_names().filter(|name| !NOT_LISTED.contains(name))
}

/// Every parameter that is written as one word, or as `list of ...`.
pub(super) fn short_forms() -> Vec<String> {
    let lists = listed().map(|name| format!("list of {name}"));
    plain_names().map(str::to_owned).chain(lists).collect()
}

/// Reads a parameter in either form.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, label: &str, at: Span) -> Option<Param> {
    if let Value::Map(_) = &node.value {
        let fields = reader.fields(node, &PARAMETER, at)?;
        return long(reader, fields);
    }
    let (text, _) = reader.scalar(node, &Type::Parameter, label)?;
    let written = Spanned::new(text.to_owned(), node.span);
    let ty = match text.strip_prefix("list of ") {
        Some(of) => {
            let of = plain(reader, &written, of)?;
            ParamType::List(Box::new(entry(reader, of, node.span)?))
        }
        None => plain(reader, &written, text)?,
    };
    Some(Param {
        ty: Spanned::new(ty, node.span),
        optional: false,
        description: None,
    })
}

fn long(reader: &mut Reader<'_>, mut fields: Fields) -> Option<Param> {
    let optional = fields.bool("optional").is_some_and(|optional| optional.value);
    let description = fields.text("description");
    let ty = match (fields.has("type"), fields.text("type")) {
        (true, None) => return None,
        (_, Some(ty)) => ty,
        (false, None) if fields.has("enum") => Spanned::new("enum".to_owned(), fields.span),
        (false, None) => {
            reader.missing(&fields, "type", "the type's name, or `enum` with the values");
            return None;
        }
    };
    for (name, of) in GOES_WITH {
        let beside = fields.key(name).filter(|_| ty.value != *of);
        if let Some(key) = beside.filter(|_| TYPES.contains(&ty.value.as_str())) {
            let message = format!("`{name}` does not go with `{}`", ty.value);
            let found = Diagnostic::new(&codes::BAD_PARAMETER, message, key, "").with_related(ty.span, "the type");
            reader
                .sink
                .push(found.with_help(format!("`{name}` belongs to the type `{of}`")));
            return None;
        }
        if *name != "fold" && ty.value == *of && !fields.has(name) {
            reader.missing(&fields, name, &format!("the type `{of}` takes it"));
            return None;
        }
    }
    let value = match ty.value.as_str() {
        "string" => ParamType::String {
            fold: fields.text("fold").is_some(),
        },
        // Which values it takes is not known.
        "enum" if fields.is_partial("enum") => return None,
        "enum" => ParamType::Enum(fields.texts("enum")?),
        "list" => {
            let of = fields.parameter("of")?;
            if of.optional {
                let message = "an entry of a list cannot be optional";
                reader
                    .sink
                    .push(Diagnostic::new(&codes::BAD_PARAMETER, message, of.ty.span, ""));
            }
            ParamType::List(Box::new(entry(reader, of.ty.value, of.ty.span)?))
        }
        "record" => {
            // Of a record with a field that could not be read, nothing is known.
            let fields = fields.map("fields").into_iter();
            let fields = fields.map(|(name, read)| Some((name, read.into_parameter()?)));
            ParamType::Record(fields.collect::<Option<_>>()?)
        }
        other => plain(reader, &ty, other)?,
    };
    Some(Param {
        ty: Spanned::new(value, ty.span),
        optional,
        description,
    })
}

/// A type that its name says all about.
fn plain(reader: &mut Reader<'_>, written: &Text, name: &str) -> Option<ParamType> {
    Some(match name {
        "string" => ParamType::String { fold: false },
        "int" => ParamType::Int,
        "bool" => ParamType::Bool,
        "decimal" => ParamType::Decimal,
        "datetime" => ParamType::DateTime,
        "duration" => ParamType::Duration,
        "ip" => ParamType::Ip,
        "path" => ParamType::Path,
        "host" => ParamType::Host,
        "url" => ParamType::Url,
        "email" => ParamType::Email,
        "opaque" => ParamType::Opaque,
        _ => {
            unknown(reader, written, name);
            return None;
        }
    })
}

fn unknown(reader: &mut Reader<'_>, written: &Text, name: &str) {
    let span = written.span;
    let found = match name {
        _ if COMPOSED.contains(&name) => {
            let found = Diagnostic::new(
                &codes::BAD_PARAMETER,
                format!("`{name}` alone says too little"),
                span,
                "",
            );
            found.with_help(match name {
                "list" => "write `list of string`, or `{type: list, of: string}`",
                "record" => "write `{type: record, fields: {line: int}}`",
                _ => "write `{enum: [merge, squash]}`",
            })
        }
        _ if RESERVED.contains(&name) => {
            let message = format!("the type `{name}` is reserved for later");
            let found = Diagnostic::new(&codes::RESERVED_TYPE, message, span, "reserved");
            found.with_help("write `string`; a `like` on it matches text, not what the text does")
        }
        _ => {
            let message = format!("there is no type `{}`", shown(name));
            let found = Diagnostic::new(&codes::UNKNOWN_TYPE, message, span, "unknown type");
            match meant(name) {
                Some(ty) => {
                    found.with_replacement(format!("did you mean `{ty}`?"), span, written.value.replace(name, ty))
                }
                None => found.with_help(match name.strip_prefix("list of ") {
                    Some(element) => format!(
                        "here `list` and `of` stand apart: `{{type: list, of: {}}}`",
                        shown(element)
                    ),
                    None => format!("one of `{}`", TYPES.join("`, `")),
                }),
            }
        }
    };
    reader.sink.push(found);
}

/// What other schema languages call it, or the nearest name.
fn meant(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "integer" | "long" | "i64" => Some("int"),
        "boolean" => Some("bool"),
        "text" | "str" => Some("string"),
        "number" | "float" | "double" => Some("decimal"),
        "date" | "time" | "timestamp" | "date-time" => Some("datetime"),
        "object" | "map" | "struct" => Some("record"),
        "array" | "set" => Some("list"),
        "uri" => Some("url"),
        "any" | "json" => Some("opaque"),
        lower => nearest(lower, TYPES.iter().copied()),
    }
}

/// What may be listed: a scalar, a url, an email.
fn entry(reader: &mut Reader<'_>, of: ParamType, span: Span) -> Option<ParamType> {
    let name = match &of {
        ParamType::List(_) => "list",
        ParamType::Record(_) => "record",
        ParamType::Opaque => "opaque",
        _ => return Some(of),
    };
    debug_assert!(NOT_LISTED.contains(&name), "`{name}` is on the list");
    let message = format!("a list cannot be of `{name}`");
    let found = Diagnostic::new(&codes::BAD_PARAMETER, message, span, "");
    reader
        .sink
        .push(found.with_help("a list is of a scalar, `url` or `email`; declare the whole as `opaque`"));
    None
}

impl Fields {
    fn parameter(&mut self, name: &str) -> Option<Param> {
        self.any(name)?.into_parameter()
    }
}

impl Spanned<Read> {
    /// The parameter, if it is one.
    pub(super) fn into_parameter(self) -> Option<Param> {
        match self.value {
            Read::Parameter(parameter) => Some(parameter),
            _ => None,
        }
    }
}
