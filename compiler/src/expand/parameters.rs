//! The values that a use gives, checked against what the template declares.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ast::{self, TemplateParam, TemplateType, Text};
use crate::diag::codes::expand as codes;
use crate::diag::{Diagnostic, Sink};
use crate::parse::scalar;
use crate::source::Span;

/// The longest string, in bytes: longer than any name or condition, shorter than what hides something.
const MAX_STRING: usize = 4096;
/// The most entries of a list: as many repositories as a team has.
const MAX_ENTRIES: usize = 500;
/// The most that one use gives, in bytes of JSON.
const MAX_ARGUMENTS: usize = 32 << 10;

/// The values of all parameters, defaults included. `None` if anything is wrong with them; all of it is reported.
pub(super) fn filled(
    given: &ast::Use,
    at: Span,
    template: &str,
    declared: &[(Text, TemplateParam)],
    sink: &mut Sink,
) -> Option<BTreeMap<String, Value>> {
    let mut values = BTreeMap::new();
    let mut good = true;
    let size: usize = given
        .with
        .iter()
        .map(|(name, value)| name.value.len() + value.value.len())
        .sum();
    if size > MAX_ARGUMENTS {
        let message = format!("the values are larger than {MAX_ARGUMENTS} bytes together");
        sink.push(Diagnostic::new(&codes::TEMPLATE_TOO_LARGE, message, at, ""));
        return None;
    }
    for (name, value) in &given.with {
        let Some((_, parameter)) = declared.iter().find(|(declared, _)| declared.value == name.value) else {
            let message = format!("template `{template}` has no parameter `{}`", name.value);
            let found = Diagnostic::new(
                &codes::UNKNOWN_TEMPLATE_PARAMETER,
                message,
                name.span,
                "unknown parameter",
            );
            let names: Vec<&str> = declared.iter().map(|(name, _)| name.value.as_str()).collect();
            let near = crate::diag::nearest(&name.value, names.iter().copied());
            sink.push(match near {
                Some(_) => found.with_suggestion(&name.value, name.span, names),
                None if names.is_empty() => found.with_help("it takes none"),
                None => found.with_help(format!("it takes `{}`", names.join("`, `"))),
            });
            good = false;
            continue;
        };
        let read = serde_json::from_str(&value.value).map_err(|_| "this is no value".to_owned());
        match read.and_then(|value| fits(&value, parameter).map(|()| value)) {
            Ok(value) => {
                values.insert(name.value.clone(), value);
            }
            Err(message) => {
                let message = format!("`{}` of template `{template}`: {message}", name.value);
                sink.push(Diagnostic::new(&codes::BAD_TEMPLATE_ARGUMENT, message, value.span, ""));
                good = false;
            }
        }
    }
    for (name, parameter) in declared {
        if given.with.iter().any(|(given, _)| given.value == name.value) {
            continue;
        }
        // What could not be read was reported.
        if given.unread.has(&name.value) {
            good = false;
            continue;
        }
        match &parameter.default {
            Some(default) => {
                if let Ok(value) = serde_json::from_str(&default.value) {
                    values.insert(name.value.clone(), value);
                }
            }
            None if parameter.optional => {}
            // A name that was misspelt was reported, with the one that is meant.
            None if misspelt(given, declared, &name.value) => good = false,
            None => {
                let message = format!("template `{template}` needs `{}`", name.value);
                let found = Diagnostic::new(&codes::MISSING_TEMPLATE_PARAMETER, message, at, "");
                let help = match &parameter.description {
                    Some(description) => format!("add `{}` under `with`: {}", name.value, description.value.trim()),
                    None => format!("add `{}` under `with`: {}", name.value, wanted(&parameter.ty)),
                };
                sink.push(found.with_help(help));
                good = false;
            }
        }
    }
    good.then_some(values)
}

/// Whether a use gives a parameter that does not exist, and this is the one that it is told about.
fn misspelt(given: &ast::Use, declared: &[(Text, TemplateParam)], name: &str) -> bool {
    let known = |name: &str| declared.iter().any(|(declared, _)| declared.value == name);
    let names = || declared.iter().map(|(name, _)| name.value.as_str());
    let mut unknown = given.with.iter().filter(|(given, _)| !known(&given.value));
    unknown.any(|(given, _)| crate::diag::nearest(&given.value, names()) == Some(name))
}

/// Whether a value is of a parameter's type; what is wrong if not.
pub(super) fn fits(value: &Value, parameter: &TemplateParam) -> Result<(), String> {
    typed(value, &parameter.ty)?;
    let (measure, what) = match value {
        Value::Number(number) => (number.as_i64(), "the value"),
        Value::String(text) => (i64::try_from(text.chars().count()).ok(), "the length"),
        Value::Array(entries) => (i64::try_from(entries.len()).ok(), "the number of entries"),
        _ => return Ok(()),
    };
    let Some(measure) = measure else {
        return Err("the value is too large".to_owned());
    };
    match (parameter.min, parameter.max) {
        (Some(min), _) if measure < min.value => {
            Err(format!("{what} is {measure}, and at least {} is asked", min.value))
        }
        (_, Some(max)) if measure > max.value => {
            Err(format!("{what} is {measure}, and at most {} is allowed", max.value))
        }
        _ => Ok(()),
    }
}

fn typed(value: &Value, ty: &TemplateType) -> Result<(), String> {
    match (ty, value) {
        (TemplateType::Bool, Value::Bool(_)) => Ok(()),
        (TemplateType::Int, Value::Number(number)) if number.as_i64().is_some() => Ok(()),
        (TemplateType::String, Value::String(text)) => readable(text),
        (TemplateType::Name, Value::String(text)) if scalar::is_name(text) => Ok(()),
        (TemplateType::Enum(words), Value::String(text)) if words.iter().any(|word| word.value == *text) => Ok(()),
        (TemplateType::List(of), Value::Array(entries)) if entries.len() <= MAX_ENTRIES => {
            entries.iter().try_for_each(|entry| typed(entry, of))
        }
        (TemplateType::List(_), Value::Array(_)) => Err(format!("a list has at most {MAX_ENTRIES} entries")),
        _ => Err(format!("{} is expected", wanted(ty))),
    }
}

/// Characters that show nothing, or that end a line for some readers of YAML and not for others.
fn readable(text: &str) -> Result<(), String> {
    if text.len() > MAX_STRING {
        return Err(format!("a string has at most {MAX_STRING} bytes"));
    }
    let hidden = scalar::hidden_character(text, false, false).or_else(|| text.chars().find(|&c| refused(c)));
    match hidden {
        Some(c) => Err(format!("the string holds U+{:04X}, which cannot be seen", u32::from(c))),
        None => Ok(()),
    }
}

fn refused(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{180E}' | '\u{FDD0}'..='\u{FDEF}' | '\u{E0000}'..='\u{E007F}')
        // The last two of every plane are no characters, here and for ever.
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// What a type takes, in words.
pub(crate) fn wanted(ty: &TemplateType) -> String {
    match ty {
        TemplateType::Name => "a name".to_owned(),
        TemplateType::String => "a string".to_owned(),
        TemplateType::Int => "a whole number".to_owned(),
        TemplateType::Bool => "`true` or `false`".to_owned(),
        TemplateType::Enum(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
            format!("one of `{}`", words.join("`, `"))
        }
        TemplateType::List(of) => format!("a list, and for each entry {}", wanted(of)),
    }
}
