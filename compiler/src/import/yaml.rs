//! A Tool becomes the text of a document, as a person would write it; and any text becomes one YAML scalar.
//!
//! What comes out reads back as what went in, whatever it was: this is the one place where foreign text meets YAML.

use std::fmt::Write as _;

use crate::ast::{Action, ActionClass, Definition, Endpoint, Hints, Param, ParamType, Server, Text, Tool, Variant};
use crate::parse::yaml::{Reading, plain_reading};
use crate::report::visible;

/// A document of the kind Tool. All of it is written but spans and comments.
pub fn tool(name: &str, tool: &Tool) -> String {
    let mut lines = Lines::default();
    lines.put(0, "kind", "Tool");
    lines.put(0, "name", &scalar(name));
    lines.text(0, "description", tool.description.as_ref());
    if let Some(server) = &tool.server {
        lines.server(server);
    }
    if let Some(strict) = tool.strict {
        lines.put(0, "strict", &strict.value.to_string());
    }
    if !tool.endpoints.is_empty() {
        lines.open(0, "endpoints");
        for (environment, endpoint) in &tool.endpoints {
            lines.put(1, &scalar(&environment.value), &self::endpoint(endpoint));
        }
    }
    lines.texts(0, "reads", tool.reads.as_deref());
    lines.texts(0, "resources", tool.resources.as_deref());
    lines.open(0, "actions");
    let mut text = lines.0;
    for (name, action) in &tool.actions {
        text.push_str(&self::action(&name.value, action, 1));
    }
    text
}

/// The lines of one action, at a level of indentation.
pub fn action(name: &str, action: &Action, level: usize) -> String {
    let mut lines = Lines::default();
    lines.open(level, &scalar(name));
    let level = level + 1;
    if let Some(mark) = action.unconfirmed {
        lines.put(level, "unconfirmed", mark.value.as_str());
    }
    lines.text(level, "description", action.description.as_ref());
    lines.class(level, &action.class);
    if !action.params.is_empty() {
        lines.open(level, "params");
        for (name, param) in &action.params {
            lines.put(level + 1, &scalar(&name.value), &self::param(param));
        }
    }
    if !action.variants.is_empty() {
        lines.open(level, "variants");
        for (name, Variant { when, class }) in &action.variants {
            lines.open(level + 1, &scalar(&name.value));
            if let Some(when) = when {
                lines.put(level + 2, "when", &quoted(&when.value));
            }
            lines.class(level + 2, class);
        }
    }
    if let Some(definition) = &action.definition {
        lines.put(level, "definition", &self::definition(definition));
    }
    lines.0
}

/// A parameter, on one line: its type's name, or a mapping where there is more to say.
pub fn param(param: &Param) -> String {
    let mut more = Vec::new();
    let name = match &param.ty.value {
        ParamType::String { fold } => {
            more.extend(fold.then(|| "fold: case".to_owned()));
            "string"
        }
        ParamType::Int => "int",
        ParamType::Bool => "bool",
        ParamType::Decimal => "decimal",
        ParamType::DateTime => "datetime",
        ParamType::Duration => "duration",
        ParamType::Ip => "ip",
        ParamType::Path => "path",
        ParamType::Host => "host",
        ParamType::Url => "url",
        ParamType::Email => "email",
        ParamType::Opaque => "opaque",
        ParamType::Enum(values) => {
            more.push(format!("enum: {}", list(values)));
            "enum"
        }
        ParamType::List(of) => {
            more.push(format!("of: {}", self::param(&plain(of))));
            "list"
        }
        ParamType::Record(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, field)| format!("{}: {}", scalar(&name.value), self::param(field)));
            more.push(format!("fields: {{{}}}", fields.collect::<Vec<_>>().join(", ")));
            "record"
        }
    };
    if param.optional {
        more.push("optional: true".to_owned());
    }
    if let Some(description) = &param.description {
        more.push(format!("description: {}", quoted(&description.value)));
    }
    // `enum` says by itself what the type is.
    match (name, more.is_empty()) {
        ("enum", _) => format!("{{{}}}", more.join(", ")),
        (_, true) => name.to_owned(),
        (_, false) => format!("{{type: {name}, {}}}", more.join(", ")),
    }
}

fn plain(of: &ParamType) -> Param {
    Param {
        ty: super::nowhere(of.clone()),
        optional: false,
        description: None,
    }
}

/// What a server said, on one line.
pub fn definition(definition: &Definition) -> String {
    let Hints {
        read_only,
        destructive,
        idempotent,
        open_world,
    } = definition.hints;
    let hints = [
        ("readOnlyHint", read_only),
        ("destructiveHint", destructive),
        ("idempotentHint", idempotent),
        ("openWorldHint", open_world),
    ];
    let hints: Vec<String> = hints
        .into_iter()
        .filter_map(|(name, hint)| Some(format!("{name}: {}", hint?)))
        .collect();
    let mut parts = Vec::new();
    if !hints.is_empty() {
        parts.push(format!("hints: {{{}}}", hints.join(", ")));
    }
    if let Some(digest) = &definition.digest {
        parts.push(format!("digest: {}", scalar(&digest.value)));
    }
    format!("{{{}}}", parts.join(", "))
}

fn endpoint(endpoint: &Endpoint) -> String {
    let parts = [("url", &endpoint.url), ("credential", &endpoint.credential)];
    let parts = parts
        .into_iter()
        .filter_map(|(name, text)| Some(format!("{name}: {}", scalar(&text.as_ref()?.value))));
    format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
}

/// Texts as a list on one line.
pub fn list(texts: &[Text]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| scalar(&text.value)).collect();
    format!("[{}]", texts.join(", "))
}

/// Any text as one scalar or key, good in block and in flow style.
pub fn scalar(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-./@".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(word);
    match plain && plain_reading(text) == Reading::String {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Any text as one scalar in block style: without quotes where it is plainly words.
fn prose(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || " ,.;()/_-'".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(word) && !text.ends_with(' ');
    match plain && plain_reading(text) == Reading::String {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Any text in quotes, on one line.
fn quoted(text: &str) -> String {
    // YAML has no way to write the two noncharacters but as escapes.
    let hidden = |c: char| visible::is_hidden(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(['"', '\\']) && !text.chars().any(hidden) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        // Writing to a `String` cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\t' => write!(out, "\\t"),
            c if hidden(c) => write!(out, "\\U{:08x}", u32::from(c)),
            c => write!(out, "{c}"),
        };
    }
    out.push('"');
    out
}

/// Lines of a document, each a key and what is under it.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn put(&mut self, level: usize, key: &str, value: &str) {
        let _ = writeln!(self.0, "{:width$}{key}: {value}", "", width = 2 * level);
    }
    fn open(&mut self, level: usize, key: &str) {
        let _ = writeln!(self.0, "{:width$}{key}:", "", width = 2 * level);
    }
    fn text(&mut self, level: usize, key: &str, text: Option<&Text>) {
        if let Some(text) = text {
            self.put(level, key, &prose(&text.value));
        }
    }
    fn texts(&mut self, level: usize, key: &str, texts: Option<&[Text]>) {
        if let Some(texts) = texts {
            self.put(level, key, &list(texts));
        }
    }
    fn server(&mut self, server: &Server) {
        self.open(0, "server");
        self.texts(1, "command", server.command.as_deref());
        for (key, text) in [("url", &server.url), ("digest", &server.digest)] {
            if let Some(text) = text {
                self.put(1, key, &scalar(&text.value));
            }
        }
    }
    fn class(&mut self, level: usize, class: &ActionClass) {
        if let Some(effect) = class.effect {
            self.put(level, "effect", effect.value.as_str());
        }
        for (key, value) in [("external", class.external), ("reversible", class.reversible)] {
            if let Some(value) = value {
                self.put(level, key, &value.value.to_string());
            }
        }
        self.texts(level, "reads", class.reads.as_deref());
        self.texts(level, "resources", class.resources.as_deref());
    }
}
