//! Uses of templates become documents: [`Parsed`] with uses in, `Parsed` with what came of them out, and the tree with
//! the texts that they were read from.
//!
//! Every expansion is a file of its own that no repository holds. Its path is the use's, so that its place settles
//! whose the documents are; its spans are told in terms of the template when the findings are finished.

mod cedar;
mod parameters;
mod placement;
mod render;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use parameters::wanted;
pub use template::{SHIPPED, Shipped, Template, built_in, shipped};

use std::collections::BTreeMap;

use crate::ast::{self, Body, Broken, Document};
use crate::diag::codes::expand as codes;
use crate::diag::{Diagnostic, Label, Sink};
use crate::parse::{Parsed, documents, yaml};
use crate::source::{Expansion, FileId, Piece, SourceTree, Span};
use render::{Fault, Part, Rendered};
use template::code;

/// The most that all uses of a repository may yield together, in bytes: what the files of a large repository have.
const MAX_EXPANDED: usize = 32 << 20;

/// Fills in every use.
pub fn expand(tree: &SourceTree, parsed: &mut Parsed, sink: &mut Sink) -> SourceTree {
    let own = template::repository(tree, sink);
    cedar::check(tree, |name| own.contains_key(name) || shipped(name).is_some(), sink);
    let mut expander = Expander {
        tree,
        own,
        built_in: BTreeMap::new(),
        expansions: Vec::new(),
        yielded: Parsed::default(),
        size: 0,
        sink,
    };
    for document in &parsed.documents.documents {
        if let Body::Use(filled) = &document.body
            && expander.one(document, filled).is_none()
        {
            // What would have come of it is unknown: whoever refers to it is not told so.
            expander
                .yielded
                .documents
                .broken
                .push(Broken { kind: None, name: None });
        }
    }
    let Expander {
        expansions, yielded, ..
    } = expander;
    parsed.documents.documents.extend(yielded.documents.documents);
    parsed.documents.broken.extend(yielded.documents.broken);
    parsed.pragmas.extend(yielded.pragmas);
    // What came of a Cedar template stands in the template's own file.
    let documents = &mut parsed.documents.documents;
    documents.sort_by_key(|document| (document.file, document.span.start));
    tree.with_expansions(expansions)
}

struct Expander<'a> {
    tree: &'a SourceTree,
    own: BTreeMap<String, Template>,
    /// Those that were used so far.
    built_in: BTreeMap<String, Template>,
    expansions: Vec<Expansion>,
    yielded: Parsed,
    size: usize,
    sink: &'a mut Sink,
}

impl Expander<'_> {
    /// One use. `None` where nothing came of it; why is in the sink.
    fn one(&mut self, document: &Document, filled: &ast::Use) -> Option<()> {
        let written = filled.template.as_ref()?;
        let name = written.value.as_str();
        if let Some(template) = cedar::find(self.tree, name) {
            let came = cedar::used(self.tree, &template, document, filled, self.sink)?;
            self.yielded.documents.documents.extend(came.documents.documents);
            self.yielded.documents.broken.extend(came.documents.broken);
            self.yielded.pragmas.extend(came.pragmas);
            return Some(());
        }
        if !self.own.contains_key(name)
            && !self.built_in.contains_key(name)
            && let Some(template) = built_in(name)
        {
            self.built_in.insert(name.to_owned(), template);
        }
        let Some(template) = self.own.get(name).or_else(|| self.built_in.get(name)) else {
            // A file that could not be read as a template was reported.
            let file = format!("{}{name}.yaml", crate::parse::TEMPLATES);
            if self.tree.at_path(&file).is_none() {
                let message = format!("there is no template `{name}`");
                let found = Diagnostic::new(&codes::UNKNOWN_TEMPLATE, message, written.span, "unknown template");
                let shipped = SHIPPED.iter().map(|shipped| shipped.name);
                let names: Vec<&str> = self.own.keys().map(String::as_str).chain(shipped).collect();
                self.sink.push(match crate::diag::nearest(name, names.iter().copied()) {
                    Some(_) => found.with_suggestion(name, written.span, names),
                    None => found.with_help("`polity template list` names the built-in ones"),
                });
            }
            return None;
        };
        if !template.sound {
            return None;
        }
        let at = document.name.as_ref().map_or(document.span, |name| name.span);
        let values = parameters::filled(filled, at, name, &template.declaration.params, self.sink)?;
        let rendered = match render::render(template.body(), &values) {
            Ok(rendered) => rendered,
            Err(fault) => {
                let found = failed(fault, template, written.span);
                self.sink.push(found);
                return None;
            }
        };
        self.size += rendered.text.len();
        if self.size > MAX_EXPANDED {
            let message = format!("templates yield more than {MAX_EXPANDED} bytes together");
            self.sink
                .push(Diagnostic::new(&codes::TEMPLATE_TOO_LARGE, message, written.span, ""));
            return None;
        }
        let path = self.tree.file(document.file)?.path.clone();
        let id = FileId(FileId::EXPANSIONS.0 + u32::try_from(self.expansions.len()).ok()?);
        let mut found = Sink::default();
        let (rendered, read) = read(id, rendered, template.body(), &mut found);
        let expansion = expansion(&path, rendered, template, written.span);
        if let Some(read) = read {
            let came = documents(id, expansion.file(), read, &mut found);
            for document in came.documents.documents {
                if let Body::Use(inner) = &document.body {
                    let message = "a template that uses a template";
                    let at = inner.template.as_ref().map_or(document.span, |name| name.span);
                    let inside = Diagnostic::new(&codes::TEMPLATE_IN_TEMPLATE, message, at, "a use within a template");
                    found.push(inside.with_help("write what it would yield into this one, or use both side by side"));
                } else {
                    self.yielded.documents.documents.push(document);
                }
            }
            self.yielded.documents.broken.extend(came.documents.broken);
            self.yielded.pragmas.extend(came.pragmas);
        } else {
            self.yielded.documents.broken.push(Broken { kind: None, name: None });
        }
        self.expansions.push(expansion);
        self.sink.append(found);
        Some(())
    }
}

/// The YAML of a rendered text, if every value stands where it may; and the text with stars written as their places
/// take them.
fn read(id: FileId, rendered: Rendered, body: &str, sink: &mut Sink) -> (Rendered, Option<Vec<yaml::YamlDocument>>) {
    let mut found = Sink::default();
    let first = yaml::read(id, &rendered.text, &mut found);
    if found.has_errors() {
        let touching = placement::touching(id, &rendered, body);
        if touching.is_empty() {
            sink.append(found);
        }
        touching.into_iter().for_each(|fault| sink.push(fault));
        return (rendered, None);
    }
    let placed = placement::check(id, &rendered, body, &first);
    let broken = !placed.faults.is_empty();
    placed.faults.into_iter().for_each(|fault| sink.push(fault));
    if broken {
        return (rendered, None);
    }
    if placed.rewritten.is_empty() {
        sink.append(found);
        return (rendered, Some(first));
    }
    let rendered = rewrite(&rendered, &placed.rewritten);
    let second = yaml::read(id, &rendered.text, sink);
    (rendered, Some(second))
}

/// The text with some of its parts written otherwise.
fn rewrite(rendered: &Rendered, rewritten: &BTreeMap<usize, String>) -> Rendered {
    let mut text = String::with_capacity(rendered.text.len());
    let mut parts = Vec::with_capacity(rendered.parts.len());
    for (at, part) in rendered.parts.iter().enumerate() {
        let start = text.len();
        match rewritten.get(&at) {
            Some(otherwise) => text.push_str(otherwise),
            None => text.push_str(rendered.text.get(part.output.clone()).unwrap_or("")),
        }
        parts.push(Part {
            output: start..text.len(),
            ..part.clone()
        });
    }
    Rendered { text, parts }
}

fn expansion(path: &str, rendered: Rendered, template: &Template, used: Span) -> Expansion {
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    let pieces = rendered.parts.iter().map(|part| Piece {
        start: narrow(part.output.start),
        end: narrow(part.output.end),
        source_start: narrow(template.body + part.source.start),
        source_end: narrow(template.body + part.source.end),
        line: narrow(template.body_line() + part.line - 1),
        filled: part.filled,
    });
    let pieces = pieces.collect();
    Expansion::new(path, rendered.text, &template.name, template.file, used, pieces)
}

/// A template that came to nothing with the values of one use.
fn failed(fault: Fault, template: &Template, used: Span) -> Diagnostic {
    let start = template.body + fault.place.start;
    let line = template.text.get(..start).unwrap_or("").matches('\n').count() + 1;
    let found = match template.file {
        Some(file) => {
            let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            let span = Span {
                file,
                start: narrow(start),
                end: narrow(template.body + fault.place.end),
            };
            let mut found = Diagnostic::new(code(fault.kind), fault.message, span, "");
            found.origin.push(Label {
                span: used,
                text: format!("template `{}` is used here", template.name),
            });
            found
        }
        None => {
            let message = format!(
                "{} (line {line} of the built-in template `{}`)",
                fault.message, template.name
            );
            Diagnostic::new(code(fault.kind), message, used, "")
        }
    };
    match fault.help {
        Some(help) => found.with_help(help),
        None => found,
    }
}
