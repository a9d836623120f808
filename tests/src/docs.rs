//! The reference pages of `compiler/docs/`: in come the table of fields, the tree of commands and the diagnostic codes,
//! out comes a page each, so that none of them can say something else than the program does.
//!
//! The examples of the kinds are the documents of `cases/model/`, which a suite compiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use polity::diag::{Code, Severity, codes};
use polity::expand::SHIPPED;
use polity::parse::document::form::{Form, Type};
use polity::parse::document::schema::TEMPLATE_DOC;
use polity::parse::document::{PARAMETER, Place, TABLE, TEMPLATE, TYPES};
use polity::report::page;

/// Every page by its path below `compiler/docs/`. `examples` are documents by kind.
pub fn pages(examples: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for kind in TABLE {
        let place = match kind.place {
            Place::Root => "Stands in `polity.yaml`.",
            Place::Organization => "Stands anywhere but under `teams/`.",
            Place::Anyone => "Stands anywhere; under `teams/<team>/` it is that team's.",
        };
        let example = examples.get(kind.name).map_or("", String::as_str);
        pages.insert(
            format!("kinds/{}.md", kind.name),
            self::kind(kind.name, kind.doc, place, kind.form, example),
        );
    }
    let template = SHIPPED.iter().find(|template| template.name == "own-repositories-only");
    let example = template.map_or("", |template| template.text);
    let place = "Stands in `templates/NAME.yaml`.";
    pages.insert(
        "kinds/Template.md".to_owned(),
        kind("Template", TEMPLATE_DOC, place, &TEMPLATE, example),
    );
    let polity = polity::cli::command();
    for command in polity.get_subcommands() {
        let name = command.get_name();
        pages.insert(
            format!("commands/{name}.md"),
            self::command(command, &format!("polity {name}"), 1),
        );
    }
    pages.insert("codes.md".to_owned(), code_list());
    for code in codes::all() {
        pages.insert(format!("codes/{}.md", code.id), code_page(code));
    }
    let index = index(&polity);
    pages.insert("README.md".to_owned(), index);
    pages
}

const GENERATED: &str =
    "<!-- Generated from the code: `POLITY_WRITE_DOCS=1 cargo test -p polity-tests --test docs` -->\n";

fn index(polity: &clap::Command) -> String {
    let mut text = format!("{GENERATED}\n# Reference\n\nThese pages are generated from the code that they describe.\n");
    text.push_str("\n## Commands\n\n| command | what it does |\n| --- | --- |\n");
    for command in polity.get_subcommands() {
        let name = command.get_name();
        let _ = writeln!(text, "| [`polity {name}`](commands/{name}.md) | {} |", about(command));
    }
    text.push_str("\n## Kinds of document\n\n| kind | what it is for |\n| --- | --- |\n");
    let kinds = TABLE.iter().map(|kind| (kind.name, kind.doc));
    for (name, doc) in kinds.chain([("Template", TEMPLATE_DOC)]) {
        let _ = writeln!(text, "| [`{name}`](kinds/{name}.md) | {doc} |");
    }
    text.push_str("\n`polity schema` prints the same as JSON Schema.\n");
    text.push_str("\n## Diagnostics\n\n[Every code](codes.md), what it means, and a page with examples.\n");
    text
}

fn code_list() -> String {
    let mut text = format!(
        "{GENERATED}\n# Diagnostic codes\n\n`polity explain CODE` prints the page of a code. An error cannot be silenced; \
         a warning or a note can, in `lints:` of `polity.yaml`, or by `# polity: allow CODE reason` above the node.\n\n\
         | code | severity | what it means |\n| --- | --- | --- |\n"
    );
    for code in codes::all() {
        let severity = match code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let meaning = page::meaning(code).replace('|', "\\|");
        let _ = writeln!(text, "| [`{0}`](codes/{0}.md) | {severity} | {meaning} |", code.id);
    }
    text
}

/// The page of a code, with the path of each example above it.
fn code_page(code: &Code) -> String {
    let line = |line: &str| match line.strip_prefix("```").and_then(|fence| fence.split_once(" path=")) {
        Some((language, path)) => format!("`{path}`:\n\n```{language}\n"),
        None => format!("{line}\n"),
    };
    let page: String = code.page.lines().map(line).collect();
    format!("{GENERATED}\n{page}")
}

fn kind(name: &str, doc: &str, place: &str, form: &'static Form, example: &str) -> String {
    let mut text = format!(
        "{GENERATED}\n# {name}\n\n{doc} {place}\n\n```yaml\n{}\n```\n",
        example.trim_end()
    );
    let mut ahead = vec![form];
    let mut seen: Vec<&'static Form> = Vec::new();
    while let Some(form) = ahead.pop() {
        if seen.iter().any(|known| std::ptr::eq(*known, form)) {
            continue;
        }
        let title = if seen.is_empty() { "Fields" } else { form.what };
        seen.push(form);
        let _ = write!(
            text,
            "\n## {title}\n\n| field | takes | required | meaning |\n| --- | --- | --- | --- |\n"
        );
        let mut below = Vec::new();
        for field in form.fields() {
            let required = if field.required { "yes" } else { "" };
            let takes = match field.name {
                "kind" => format!("`{name}`"),
                "type" if std::ptr::eq(form, &PARAMETER) => format!("`{}`", TYPES.join("`, `")),
                _ => takes(&field.ty, &mut below),
            };
            let _ = writeln!(
                text,
                "| `{}` | {takes} | {required} | {} |",
                field.name,
                field.doc.replace('|', "\\|")
            );
        }
        // The first that is met is described first.
        ahead.extend(below.into_iter().rev());
    }
    let _ = write!(
        text,
        "\nWhat fields must satisfy together is in the diagnostics, and in `polity schema {name}`.\n"
    );
    text
}

/// What a type takes, with a link to the form that it leads to.
fn takes(ty: &Type, below: &mut Vec<&'static Form>) -> String {
    let mut form = |form: &'static Form| {
        below.push(form);
        format!("[{}](#{})", form.what, anchor(form.what))
    };
    match ty {
        Type::Text => "text".to_owned(),
        Type::Prose => "text, of several lines too".to_owned(),
        Type::Name => "name".to_owned(),
        Type::Word => "word".to_owned(),
        Type::ForeignName => "name as the server has it".to_owned(),
        Type::Condition => "condition".to_owned(),
        Type::Bool => "`true` or `false`".to_owned(),
        Type::Int(i64::MIN) => "whole number".to_owned(),
        Type::Int(least) => format!("whole number, at least {least}"),
        Type::Duration => "duration: `15m`".to_owned(),
        Type::Rate => "rate: `20/h`".to_owned(),
        Type::Moment => "date: `2026-12-31` or RFC 3339".to_owned(),
        Type::Size => "size: `512Mi`".to_owned(),
        Type::OneOf(words) => format!("`{}`", words.join("`, `")),
        Type::Effects => "list of effects, or `[\"*\"]`".to_owned(),
        Type::List(entry) => format!("list of {}", takes(entry, below)),
        Type::MaybeEmpty(entry) => format!("list of {}, may be empty", takes(entry, below)),
        Type::Map(key, value) => format!("{} to {}", takes(key, below), takes(value, below)),
        Type::MaybeEmptyMap(key, value) => format!("{} to {}, may be empty", takes(key, below), takes(value, below)),
        Type::Fields(fields) => form(fields),
        Type::Parameter => format!("type, `list of` one, or {}", form(&PARAMETER)),
        Type::Json => "any value but null".to_owned(),
        Type::JsonObject => "any mapping without null".to_owned(),
    }
}

/// A heading's anchor as forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

fn about(command: &clap::Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn command(command: &clap::Command, name: &str, level: usize) -> String {
    let mut text = String::new();
    if level == 1 {
        let _ = writeln!(text, "{GENERATED}");
    }
    let long = command
        .get_long_about()
        .map_or_else(|| about(command), ToString::to_string);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    // A command that was not run does not know what it stands below.
    let usage = match usage.strip_prefix("polity ") {
        Some(_) => usage.to_owned(),
        None => usage.replacen(command.get_name(), name, 1),
    };
    let lines: Vec<&str> = usage.lines().map(str::trim).collect();
    let _ = write!(
        text,
        "{} `{name}`\n\n{}.\n\n```\n{}\n```\n",
        "#".repeat(level),
        long.trim_end_matches('.'),
        lines.join("\n")
    );
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let arguments: Vec<&clap::Arg> = arguments.filter(|argument| argument.get_id() != "help").collect();
    if !arguments.is_empty() {
        let _ = write!(text, "\n| argument | meaning |\n| --- | --- |\n");
    }
    for argument in arguments {
        let _ = writeln!(
            text,
            "| {} | {} |",
            written(argument),
            meaning(argument).replace('|', "\\|")
        );
    }
    if let Some(after) = command.get_after_help() {
        let after = after.to_string();
        let (examples, rest) = match after.strip_prefix("Examples:\n") {
            Some(examples) => examples.split_once("\n\n").unwrap_or((examples, "")),
            None => ("", after.as_str()),
        };
        if !examples.is_empty() {
            let lines: Vec<&str> = examples
                .lines()
                .map(|line| line.strip_prefix("  ").unwrap_or(line))
                .collect();
            let _ = write!(text, "\nExamples:\n\n```\n{}\n```\n", lines.join("\n"));
        }
        for paragraph in rest.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            let _ = write!(text, "\n{}\n", paragraph.trim_end().replace('\n', " "));
        }
    }
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let _ = write!(
            text,
            "\n{}",
            self::command(below, &format!("{name} {}", below.get_name()), level + 1)
        );
    }
    text
}

fn written(argument: &clap::Arg) -> String {
    let values: Vec<String> = argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|value| format!("<{value}>"))
        .collect();
    let values = if argument.get_action().takes_values() {
        values.join(" ")
    } else {
        String::new()
    };
    let names: Vec<String> = [
        argument.get_short().map(|short| format!("-{short}")),
        argument.get_long().map(|long| format!("--{long}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let written = format!("{} {values}", names.join(", "));
    let required = if argument.is_required_set() { ", required" } else { "" };
    format!("`{}`{required}", written.trim().replace('|', "\\|"))
}

fn meaning(argument: &clap::Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        let _ = write!(text, ": {}", values.join(", "));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(text, "; default {}", defaults.join(", "));
    }
    text
}
