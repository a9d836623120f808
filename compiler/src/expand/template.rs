//! The templates that a tree can use: those shipped with the program, and those in its `templates/`.

use std::collections::BTreeMap;

use super::parameters::fits;
use super::render::{self, FaultKind};
use crate::ast;
use crate::diag::codes::expand as codes;
use crate::diag::{Code, Diagnostic, Sink};
use crate::parse::document::{Source, read_template};
use crate::parse::{TEMPLATES, yaml};
use crate::source::{FileId, SourceFile, SourceTree, Span};

/// A template that can be filled in.
#[derive(Debug)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its file; `None` where it is built in.
    pub file: Option<FileId>,
    /// The declaration and the body.
    pub text: String,
    /// What it takes.
    pub declaration: ast::Template,
    /// Where in the text its body starts.
    pub(super) body: usize,
    /// Whether nothing was wrong with it. A use of what is broken is not filled in, and says nothing more.
    pub(super) sound: bool,
}

/// A template that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// The template as it is written.
    pub text: &'static str,
    /// What it gives and what it refuses, in Markdown, with an example of its use.
    pub page: &'static str,
}

/// Declares the built-in templates, which are the files of the folder `templates/` beside the program's source.
macro_rules! shipped {
    ($($name:literal)*) => {
        /// The built-in templates, in the order of names.
        pub const SHIPPED: &[Shipped] = &[$(
            Shipped {
                name: $name,
                text: include_str!(concat!("../../../templates/", $name, ".yaml")),
                page: include_str!(concat!("../../../templates/", $name, ".md")),
            }
        ),*];
    };
}

shipped! {
    "ci-diagnoser"
    "code-automation"
    "credentials-need-a-person"
    "customer-support"
    "database-operator"
    "external-mutation-needs-a-person"
    "incident-responder"
    "no-destruction-in-production"
    "no-exfiltration"
    "own-repositories-only"
    "pull-request-fixer"
    "read-only-analyst"
    "release-manager"
    "short-lived-credentials"
}

/// The built-in template of a name.
pub fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

/// A built-in template, read.
pub fn built_in(name: &str) -> Option<Template> {
    let text = shipped(name)?.text;
    let file = SourceFile {
        path: format!("{TEMPLATES}{name}.yaml"),
        text: text.to_owned(),
        blob: None,
    };
    // What is shipped is sound, and a test says so.
    let mut template = read(Span::NOWHERE.file, &file, &mut Sink::default())?;
    template.file = None;
    Some(template)
}

/// Every template of a tree's own, by name. All that is wrong with one is reported, used or not.
pub(super) fn repository(tree: &SourceTree, sink: &mut Sink) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (id, file) in tree.identified() {
        let Some(name) = file.path.strip_prefix(TEMPLATES) else {
            continue;
        };
        let (name, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        if !matches!(extension, "yaml" | "yml") {
            continue;
        }
        let first = Span {
            file: id,
            start: 0,
            end: crate::parse::first_line(&file.text),
        };
        if name.contains('/') || extension == "yml" {
            let message = format!("`{}` is not where a template stands", file.path);
            let found = Diagnostic::new(&codes::BAD_TEMPLATE, message, first, "");
            sink.push(found.with_help("a template's file is `templates/NAME.yaml`"));
            continue;
        }
        if shipped(name).is_some() {
            let message = format!("`{name}` is a built-in template");
            let found = Diagnostic::new(&codes::TEMPLATE_NAME_TAKEN, message, first, "the name is taken");
            sink.push(found.with_help("give the file and the template another name"));
            continue;
        }
        if let Some(template) = read(id, file, sink) {
            templates.insert(name.to_owned(), template);
        }
    }
    templates
}

/// Reads one file: the declaration, then the body after the first line that is exactly `---`.
fn read(id: FileId, file: &SourceFile, sink: &mut Sink) -> Option<Template> {
    let mut found = Sink::default();
    let template = parts(id, file, &mut found);
    let sound = !found.has_errors();
    sink.append(found);
    template.map(|template| Template { sound, ..template })
}

fn parts(id: FileId, file: &SourceFile, sink: &mut Sink) -> Option<Template> {
    let span = |start: usize, end: usize| Span {
        file: id,
        start: u32::try_from(start).unwrap_or(u32::MAX),
        end: u32::try_from(end).unwrap_or(u32::MAX),
    };
    let first = span(0, crate::parse::first_line(&file.text) as usize);
    let mut bad = |message: &str, span, help: &str| {
        sink.push(Diagnostic::new(&codes::BAD_TEMPLATE, message, span, "").with_help(help));
    };
    let Some((end, body)) = split(&file.text) else {
        let help = "after the declaration comes a line `---`, and then the documents";
        bad("a template without a body", first, help);
        return None;
    };
    let declaration = file.text.get(..end)?;
    let mut inner = Sink::default();
    let documents = yaml::read(id, declaration, &mut inner);
    let [document] = documents.as_slice() else {
        if !inner.has_errors() {
            let help = "it begins with `kind: Template`, a name and `params`; `---` comes after it";
            bad("a template without a declaration", first, help);
        }
        sink.append(inner);
        return None;
    };
    let comments: Vec<Span> = document.comments.iter().map(|(span, _)| *span).collect();
    let source = Source {
        file: id,
        path: &file.path,
        text: declaration,
        comments: &comments,
    };
    let read = read_template(&source, &document.root, &mut inner);
    sink.append(inner);
    let read = read?;
    let stem = file.path.strip_prefix(TEMPLATES)?.strip_suffix(".yaml")?;
    if let Some(name) = read.name.as_ref().filter(|name| name.value != stem) {
        let message = format!("the template is called `{}` and its file `{stem}.yaml`", name.value);
        let found = Diagnostic::new(&codes::BAD_TEMPLATE, message, name.span, "not the file's name");
        sink.push(found.with_replacement("give it the file's name", name.span, stem));
    }
    for (name, parameter) in &read.params {
        let Some(default) = &parameter.default else { continue };
        let value = serde_json::from_str(&default.value).map_err(|_| "this is no value".to_owned());
        if let Err(message) = value.and_then(|value| fits(&value, parameter)) {
            let message = format!("the default of `{}`: {message}", name.value);
            sink.push(Diagnostic::new(
                &codes::BAD_TEMPLATE_ARGUMENT,
                message,
                default.span,
                "",
            ));
        }
    }
    let names: Vec<&str> = read.params.iter().map(|(name, _)| name.value.as_str()).collect();
    for fault in render::check(file.text.get(body..)?, &names) {
        let place = span(body + fault.place.start, body + fault.place.end);
        let found = Diagnostic::new(code(fault.kind), fault.message, place, "");
        sink.push(match fault.help {
            Some(help) => found.with_help(help),
            None => found,
        });
    }
    Some(Template {
        name: stem.to_owned(),
        file: Some(id),
        text: file.text.clone(),
        declaration: read,
        body,
        sound: true,
    })
}

/// Which diagnostic a fault of the engine is.
pub(super) fn code(kind: FaultKind) -> &'static Code {
    match kind {
        FaultKind::Syntax => &codes::TEMPLATE_SYNTAX,
        FaultKind::Unknown => &codes::UNKNOWN_TEMPLATE_PARAMETER,
        FaultKind::Failed => &codes::TEMPLATE_FAILED,
        FaultKind::TooLarge => &codes::TEMPLATE_TOO_LARGE,
    }
}

/// Where the declaration ends and where the body starts.
fn split(text: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        if line.trim_end_matches(['\n', '\r']) == "---" {
            return Some((start, end));
        }
        start = end;
    }
    None
}

impl Template {
    /// The text that is filled in.
    pub fn body(&self) -> &str {
        self.text.get(self.body..).unwrap_or("")
    }

    /// In which line of the file the body starts, from 1.
    pub(super) fn body_line(&self) -> usize {
        self.text.get(..self.body).unwrap_or("").matches('\n').count() + 1
    }
}
