//! A YAML value and a [`Type`] to a checked value. Every rule about one value alone is here; rules that look at
//! several fields are with the kinds. One broken value is one diagnostic, and its neighbours are read all the same.

use super::fields::{Fields, Read, Slot};
use super::form::{Field, Form, Type};
use super::{KINDS, Source, json, parameter};
use crate::ast::Text;
use crate::diag::codes::document as codes;
use crate::diag::{Code, Diagnostic, Sink, nearest};
use crate::parse::node::{Entry, Node, Style, Value};
use crate::parse::scalar::{self, Fault};
use crate::parse::yaml::{Reading, plain_reading};
use crate::source::{Span, Spanned};

/// What reading a document needs beside its nodes.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source<'a>,
    /// The team under whose folder the document stands.
    pub(super) team: Option<String>,
    pub(super) sink: &'a mut Sink,
}

/// The effects by name, in their order.
pub(super) const EFFECTS: &[&str] = &["read", "write", "destructive"];

impl Reader<'_> {
    /// Reads a value; `label` is what it is called in messages, `at` the key above it.
    pub(super) fn read(&mut self, node: &Node, ty: &Type, label: &str, at: Span) -> Option<Spanned<Read>> {
        if matches!(node.value, Value::Hole) {
            return None;
        }
        let read = match ty {
            Type::Text | Type::Prose | Type::Name | Type::Word | Type::ForeignName | Type::Condition => {
                Read::Text(self.text(node, ty, label)?)
            }
            Type::OneOf(words) => Read::Text(self.one_of(node, words, label)?),
            Type::Bool => Read::Bool(self.bool(node, label)?),
            Type::Int(least) => Read::Int(self.int(node, *least, label)?),
            Type::Duration => Read::Duration(self.measure(node, ty, label, scalar::duration)?),
            Type::Rate => Read::Rate(self.measure(node, ty, label, scalar::rate)?),
            Type::Size => Read::Int(self.measure(node, ty, label, scalar::size)?),
            Type::Moment => {
                let parse = |text: &str| scalar::moment(text).ok_or(Fault::Form);
                Read::Moment(self.measure(node, ty, label, parse)?)
            }
            Type::Effects => Read::List(self.effects(node, label, at)?),
            Type::List(entry) => Read::List(self.list(node, entry, label, at, false)?),
            Type::MaybeEmpty(entry) => Read::List(self.list(node, entry, label, at, true)?),
            Type::Map(key, value) => Read::Map(self.map(node, key, value, label, false)?),
            Type::MaybeEmptyMap(key, value) => Read::Map(self.map(node, key, value, label, true)?),
            Type::Fields(form) => Read::Fields(self.fields(node, form, at)?),
            Type::Parameter => Read::Parameter(parameter::read(self, node, label, at)?),
            Type::Json => Read::Text(json::read(self, node)?),
            Type::JsonObject => {
                self.entries(node, ty, label)?;
                Read::Text(json::read(self, node)?)
            }
        };
        Some(Spanned::new(read, node.span))
    }

    /// Reads a mapping with fixed keys. What is unknown or missing is reported; the rest is there.
    pub(super) fn fields(&mut self, node: &Node, form: &'static Form, at: Span) -> Option<Fields> {
        let entries = self.entries(node, &Type::Fields(form), form.what)?;
        if entries.is_empty() && !form.may_be_empty {
            let message = format!("{} says nothing", form.what);
            let found = Diagnostic::new(&codes::EMPTY_MAPPING, message, node.span, "empty");
            self.sink.push(found.with_help("leave it out, or say what is meant"));
            return None;
        }
        let mut fields = Fields {
            form,
            span: node.span,
            at,
            slots: Vec::new(),
        };
        let mut unknown = Vec::new();
        for entry in entries {
            match form.field(&entry.key.value) {
                Some(field) => {
                    let value = self.read(&entry.value, &field.ty, &format!("`{}`", field.name), entry.key.span);
                    fields.slots.push(Slot {
                        name: field.name,
                        key: entry.key.span,
                        value,
                    });
                }
                // That it is no text was reported.
                None if self.source.is_disputed(&entry.key) => {}
                None => unknown.push(entry),
            }
        }
        for entry in unknown {
            self.unknown_key(&mut fields, entry);
        }
        for field in form.fields().filter(|field| field.required) {
            if !fields.has(field.name) {
                self.missing(&fields, field.name, field.doc);
            }
        }
        Some(fields)
    }

    /// Says that a field is missing.
    pub(super) fn missing(&mut self, fields: &Fields, name: &str, doc: &str) {
        let message = format!("{} needs `{name}`", fields.form.what);
        let found = Diagnostic::new(&codes::MISSING_FIELD, message, fields.at, format!("no `{name}`"));
        self.sink.push(found.with_help(format!("add `{name}`: {doc}")));
    }

    /// A key that the form does not have. A misspelt one counts as what was meant, so that nobody misses what stands
    /// under it.
    fn unknown_key(&mut self, fields: &mut Fields, entry: &Entry) {
        let key = &entry.key;
        let what = fields.form.what;
        let message = format!("{what} has no `{}`", key.value);
        let found = Diagnostic::new(&codes::UNKNOWN_KEY, message, key.span, "unknown key");
        let meant = nearest(&key.value, fields.form.fields().map(|field| field.name))
            .or_else(|| plural(fields.form, &key.value))
            .and_then(|name| fields.form.field(name));
        if let Some(field) = meant {
            if !fields.has(field.name) {
                fields.slots.push(Slot {
                    name: field.name,
                    key: key.span,
                    value: self.presumed(&entry.value, field, key.span),
                });
            }
            let help = format!("did you mean `{}`?", field.name);
            self.sink.push(found.with_replacement(help, key.span, field.name));
            return;
        }
        if let Some((_, _, help)) = HINTS.iter().find(|(form, name, _)| *form == what && *name == key.value) {
            self.sink.push(found.with_help(*help));
            return;
        }
        let homes = homes(fields.form, &key.value);
        self.sink.push(match homes.as_slice() {
            [] => {
                let names: Vec<&str> = fields.form.fields().map(|field| field.name).collect();
                found.with_help(format!("{what} takes `{}`", names.join("`, `")))
            }
            [home] => found.with_help(format!("`{}` belongs to {home}", key.value)),
            [first, second, ..] => found.with_help(format!("`{}` belongs to {first}, or to {second}", key.value)),
        });
    }

    /// What stands under a misspelt key, if it is of the kind that was presumably meant.
    fn presumed(&mut self, node: &Node, field: &Field, at: Span) -> Option<Spanned<Read>> {
        let before = std::mem::take(self.sink);
        let value = self.read(node, &field.ty, &format!("`{}`", field.name), at);
        let found = std::mem::replace(self.sink, before);
        value.filter(|_| found.diagnostics().is_empty())
    }

    /// The entries of a mapping.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, ty: &Type, label: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => self.wrong_shape(node, ty, label),
        }
    }

    fn map(
        &mut self,
        node: &Node,
        key: &Type,
        ty: &Type,
        label: &str,
        empty: bool,
    ) -> Option<Vec<(Text, Spanned<Read>)>> {
        let entries = self.entries(node, &Type::JsonObject, label)?;
        if entries.is_empty() && !empty {
            let found = Diagnostic::new(&codes::EMPTY_MAPPING, format!("{label} is empty"), node.span, "empty");
            self.sink.push(found.with_help("leave it out, or say what is meant"));
            return None;
        }
        let mut read = Vec::with_capacity(entries.len());
        for entry in entries {
            // The value is read even where the key is broken: both are then mended in one go.
            let label = format!("`{}`", entry.key.value);
            let value = self.read(&entry.value, ty, &label, entry.key.span);
            let named =
                self.source.is_disputed(&entry.key) || self.spelled(&entry.key.value, key, "a key", entry.key.span);
            if named {
                let value = value.unwrap_or(Spanned::new(Read::Hole, entry.value.span));
                read.push((entry.key.clone(), value));
            }
        }
        Some(read)
    }

    fn list(&mut self, node: &Node, ty: &Type, label: &str, at: Span, empty: bool) -> Option<Vec<Spanned<Read>>> {
        let Value::List(entries) = &node.value else {
            return self.wrong_shape(node, &Type::List(&Type::Text), label);
        };
        if entries.is_empty() && !empty {
            let message = format!("{label} is an empty list");
            let found = Diagnostic::new(&codes::EMPTY_LIST, message, node.span, "empty");
            self.sink
                .push(found.with_help(format!("leave {label} out, or name at least one entry")));
            return None;
        }
        let label = format!("an entry of {label}");
        let nested = matches!(ty, Type::Fields(_));
        let read = |entry: &Node| {
            let read = self.read(entry, ty, &label, if nested { entry.span } else { at });
            read.unwrap_or(Spanned::new(Read::Hole, entry.span))
        };
        Some(entries.iter().map(read).collect())
    }

    /// `"*"` stands for every effect: it is spelled out, and never implied by absence.
    fn effects(&mut self, node: &Node, label: &str, at: Span) -> Option<Vec<Spanned<Read>>> {
        const WORDS: &[&str] = &["read", "write", "destructive", "*"];
        let words = self.list(node, &Type::OneOf(WORDS), label, at, false)?;
        let mut effects = Vec::new();
        for word in words {
            match &word.value {
                Read::Text(star) if star == "*" => {
                    effects.extend(
                        EFFECTS
                            .iter()
                            .map(|e| Spanned::new(Read::Text((*e).to_owned()), word.span)),
                    );
                }
                _ => effects.push(word),
            }
        }
        Some(effects)
    }

    fn text(&mut self, node: &Node, ty: &Type, label: &str) -> Option<String> {
        if let (Type::Condition, Value::Map(_) | Value::List(_)) = (ty, &node.value) {
            let message = format!("{label} is read as a collection, not as a condition");
            return self.needs_quotes(&codes::CONDITION_NEEDS_QUOTES, message, node, None);
        }
        let (text, style) = self.scalar(node, ty, label)?;
        if style == Style::Plain {
            let reading = plain_reading(text);
            if !matches!(reading, Reading::String | Reading::Timestamp) {
                let message = format!(
                    "`{text}` may be read as {}, and {label} takes a string",
                    reading.describe()
                );
                return self.needs_quotes(&codes::NEEDS_QUOTES, message, node, Some(text));
            }
            if matches!(ty, Type::Condition) {
                self.plain_condition(node, text, label)?;
            }
        }
        self.spelled(text, ty, label, node.span).then(|| text.to_owned())
    }

    /// A plain condition that YAML could cut short. What remains after the cut is often still a condition, and a
    /// wider one.
    fn plain_condition(&mut self, node: &Node, text: &str, label: &str) -> Option<()> {
        let mark = if text.contains('#') {
            "contains `#`"
        } else if text.contains(": ") {
            "contains `: `"
        } else if text.starts_with(['!', '[', '{', '"']) {
            "begins with a character that YAML has a use for"
        } else if self.source.comment_follows(node.span) {
            "is followed by a comment, which may have been meant as part of it"
        } else {
            return Some(());
        };
        let message = format!("{label} {mark}");
        self.needs_quotes(&codes::CONDITION_NEEDS_QUOTES, message, node, Some(text))
    }

    fn needs_quotes<T>(&mut self, code: &'static Code, message: String, node: &Node, text: Option<&str>) -> Option<T> {
        let found = Diagnostic::new(code, message, node.span, "not quoted");
        self.sink.push(match text {
            Some(text) => {
                let quoted = format!("'{}'", text.replace('\'', "''"));
                found.with_replacement("put it in quotes", node.span, quoted)
            }
            None => found.with_help("put it in single quotes, or under `|`"),
        });
        None
    }

    /// Whether a text may stand where this type is asked for.
    fn spelled(&mut self, text: &str, ty: &Type, label: &str, span: Span) -> bool {
        let holds = match ty {
            Type::Name => scalar::is_name(text),
            Type::Word => scalar::is_word(text),
            Type::ForeignName => scalar::is_foreign_name(text),
            _ => return self.readable(text, ty, label, span),
        };
        let spelling = ty.spelling();
        // What it holds that cannot be seen was reported.
        if !holds && self.source.is_visible(span) {
            let found = Diagnostic::new(
                &codes::BAD_NAME,
                format!("`{}` is not a name", shown(text)),
                span,
                label,
            );
            let suggestion = matches!(ty, Type::Name).then(|| scalar::to_name(text)).flatten();
            self.sink.push(match suggestion {
                Some(name) => found.with_replacement(format!("a name such as `{name}`: {spelling}"), span, name),
                None => found.with_help(format!("a name is made of {spelling}")),
            });
        }
        holds
    }

    fn readable(&mut self, text: &str, ty: &Type, label: &str, span: Span) -> bool {
        let prose = matches!(ty, Type::Prose);
        let lines = prose || matches!(ty, Type::Condition);
        let (message, help) = if text.trim().is_empty() {
            (
                format!("{label} is empty"),
                "leave it out, or say what is meant".to_owned(),
            )
        } else if let Some(hidden) = scalar::hidden_character(text, lines, prose) {
            let message = format!(
                "{label} holds the character U+{:04X}, which cannot be seen",
                u32::from(hidden)
            );
            (
                message,
                "remove it: what is reviewed must be what is compiled".to_owned(),
            )
        } else {
            return true;
        };
        self.sink
            .push(Diagnostic::new(&codes::BAD_TEXT, message, span, "").with_help(help));
        false
    }

    fn one_of(&mut self, node: &Node, words: &[&'static str], label: &str) -> Option<String> {
        let (text, _) = self.scalar(node, &Type::Text, label)?;
        if words.contains(&text) {
            return Some(text.to_owned());
        }
        let message = format!("{label} cannot be `{}`", shown(text));
        let found = Diagnostic::new(&codes::UNKNOWN_VALUE, message, node.span, "unknown value");
        self.sink.push(match nearest(text, words.iter().copied()) {
            Some(word) => found.with_replacement(format!("did you mean `{word}`?"), node.span, word),
            None => found.with_help(format!("one of `{}`", words.join("`, `"))),
        });
        None
    }

    fn bool(&mut self, node: &Node, label: &str) -> Option<bool> {
        let (text, style) = self.scalar(node, &Type::Bool, label)?;
        if let (Style::Plain, Some(value)) = (style, scalar::boolean(text)) {
            return Some(value);
        }
        let message = match style {
            Style::Plain => format!("{label} is `true` or `false`, not `{}`", shown(text)),
            _ => format!("{label} is `true` or `false`, and `{}` in quotes is text", shown(text)),
        };
        let found = Diagnostic::new(&codes::NOT_A_BOOLEAN, message, node.span, "not a boolean");
        let meant = match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some("true"),
            "false" | "no" | "off" | "n" => Some("false"),
            _ => None,
        };
        self.sink.push(match meant {
            Some(word) => found.with_replacement(format!("write `{word}`, without quotes"), node.span, word),
            None => found.with_help("write `true` or `false`, without quotes"),
        });
        None
    }

    fn int(&mut self, node: &Node, least: i64, label: &str) -> Option<i64> {
        let (text, style) = self.scalar(node, &Type::Int(least), label)?;
        let message = match (style, scalar::integer(text)) {
            (Style::Plain, Ok(value)) if value >= least => return Some(value),
            (Style::Plain, Ok(_)) => {
                let message = format!("{label} is at least {least}");
                self.sink
                    .push(Diagnostic::new(&codes::OUT_OF_RANGE, message, node.span, "too small"));
                return None;
            }
            (_, Err(Fault::Overflow)) => {
                let message = format!("{label} is more than can be held");
                self.sink
                    .push(Diagnostic::new(&codes::OUT_OF_RANGE, message, node.span, "too large"));
                return None;
            }
            (Style::Plain, _) => format!("{label} is a whole number, not `{}`", shown(text)),
            _ => format!("{label} is a whole number, and `{}` in quotes is text", shown(text)),
        };
        let found = Diagnostic::new(&codes::NOT_AN_INTEGER, message, node.span, "not a whole number");
        self.sink
            .push(found.with_help("write decimal digits without quotes, leading zeros or underscores"));
        None
    }

    /// A duration, rate, size or date: plain or quoted.
    fn measure<T>(&mut self, node: &Node, ty: &Type, label: &str, parse: fn(&str) -> Result<T, Fault>) -> Option<T> {
        let (text, _) = self.scalar(node, ty, label)?;
        let fault = match parse(text) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let (code, help) = match ty {
            Type::Duration => (&codes::BAD_DURATION, "write `90s`, `15m`, `2h` or `7d`"),
            Type::Rate => (&codes::BAD_RATE, "write `5/s`, `30/m`, `20/h` or `100/d`"),
            Type::Size => (&codes::BAD_SIZE, "write `64Ki`, `512Mi` or `2Gi`"),
            _ => (
                &codes::BAD_DATE,
                "write `2026-12-31` (the start of that day in UTC) or `2026-12-31T12:00:00Z`",
            ),
        };
        let message = match fault {
            Fault::Form => format!("{label} is {}, not `{}`", ty.expected(), shown(text)),
            Fault::Zero => format!("{label} may not be zero"),
            Fault::Overflow => format!("{label} is more than can be held"),
        };
        self.sink
            .push(Diagnostic::new(code, message, node.span, "").with_help(help));
        None
    }

    /// A scalar's text.
    pub(super) fn scalar<'n>(&mut self, node: &'n Node, ty: &Type, label: &str) -> Option<(&'n str, Style)> {
        match &node.value {
            Value::Scalar(text, style) => Some((text, *style)),
            _ => self.wrong_shape(node, ty, label),
        }
    }

    fn wrong_shape<T>(&mut self, node: &Node, ty: &Type, label: &str) -> Option<T> {
        let is = match &node.value {
            Value::Hole => return None,
            Value::Scalar(..) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        };
        let message = format!("{label} takes {}, not {is}", ty.expected());
        let found = Diagnostic::new(&codes::WRONG_SHAPE, message, node.span, is);
        self.sink.push(match (&node.value, ty) {
            (Value::Scalar(text, style), Type::List(_)) => {
                let entry = if *style == Style::Plain && !text.contains([',', '[', ']', '{', '}']) {
                    text.clone()
                } else {
                    format!("'{}'", text.replace('\'', "''"))
                };
                found.with_replacement("write a list with one entry", node.span, format!("[{entry}]"))
            }
            _ => found,
        });
        None
    }
}

/// Keys that are looked for where they cannot be: form, key, and why.
const HINTS: &[(&str, &str, &str)] = &[
    ("a Deployment", "name", "it has no name of its own: it is `team/agent`"),
    (
        "an action",
        "when",
        "a condition on what an action is stands on its variants; one on who may call it, in a rule",
    ),
    ("an Exception", "unless", "turn the condition round and write `when`"),
    ("an Exception", "expires", "an Exception ends with `until`"),
];

/// What else has a field of that name: first below this form, then anywhere.
fn homes(form: &'static Form, name: &str) -> Vec<&'static str> {
    let (mut seen, mut homes) = (Vec::new(), Vec::new());
    form.homes(name, &mut seen, &mut homes);
    for kind in super::TABLE {
        kind.form.homes(name, &mut seen, &mut homes);
    }
    homes
}

/// A selector in the singular is further from its plural than a misspelling: `environment`, `credential`.
fn plural(form: &'static Form, written: &str) -> Option<&'static str> {
    let plural = format!("{written}s");
    let found = form.fields().map(|field| field.name).find(|name| *name == plural);
    found.filter(|_| form.selects())
}

/// A text short enough for a message, on one line.
pub(super) fn shown(text: &str) -> String {
    /// Longer than any value that is nearly right; picked by gut feeling.
    const LONGEST: usize = 60;
    let line: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().count() > LONGEST {
        format!("{line}...")
    } else {
        line
    }
}

/// The kind that was meant, whatever the case it was written in.
pub(super) fn nearest_kind(written: &str) -> Option<&'static str> {
    nearest(written, KINDS.iter().copied())
}
