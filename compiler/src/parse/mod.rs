//! [`SourceTree`] to [`Documents`]: total. What is broken is a hole with a diagnostic, and never hides what stands
//! beside it.

mod known;
pub mod node;
pub mod yaml;
pub mod scalar;
pub mod document;
pub(crate) mod cedar;
pub(crate) mod entities;
mod rego;

use std::sync::Arc;

use rayon::prelude::*;

use crate::ast::{Broken, Documents};
use crate::diag::Sink;
use crate::source::{FileId, SourceFile, SourceTree, Span};
use document::Source;
pub use known::KnownFiles;
use node::{Entry, Pragma, Value};
use yaml::YamlDocument;

/// The folder of an organisation's own templates.
pub const TEMPLATES: &str = "templates/";

/// What was written, and the comments that silence lints.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The documents, in the order of paths and then of lines.
    pub documents: Documents,
    /// `# polity: allow ...`
    pub pragmas: Vec<Pragma>,
}

/// Reads every file of a tree.
pub fn parse(tree: &SourceTree, sink: &mut Sink) -> Parsed {
    parse_with(tree, &KnownFiles::default(), sink)
}

/// Reads every file of a tree, but for those that are known.
pub fn parse_with(tree: &SourceTree, known: &KnownFiles, sink: &mut Sink) -> Parsed {
    crate::lower::rego::check(tree, sink);
    let files: Vec<(FileId, &SourceFile)> = tree.identified().collect();
    let read = |(id, file): &(FileId, &SourceFile)| known.read(*id, file, || self::file(*id, file));
    let read: Vec<Arc<known::Read>> = files.par_iter().map(read).collect();
    let mut all = Parsed::default();
    for read in read {
        let Parsed { documents, pragmas } = &read.parsed;
        all.documents.documents.extend_from_slice(&documents.documents);
        all.documents.broken.extend_from_slice(&documents.broken);
        all.pragmas.extend_from_slice(pragmas);
        read.found.iter().for_each(|found| sink.push(found.clone()));
    }
    all
}

/// Reads one file.
fn file(id: FileId, file: &SourceFile) -> (Parsed, Sink) {
    let mut sink = Sink::default();
    let parsed = Parsed::default();
    let extension = file.path.rsplit_once('.').map_or("", |(_, extension)| extension);
    // Templates are no documents: the next step fills them in.
    let template = file.path.starts_with(TEMPLATES);
    match extension {
        "yaml" | "yml" if template => return (parsed, sink),
        "yaml" | "yml" => {}
        "cedar" if template => return (parsed, sink),
        "cedar" => {
            let parsed = cedar::file(id, file, &mut sink);
            return (parsed, sink);
        }
        "rego" => {
            let parsed = rego::file(id, file, &mut sink);
            return (parsed, sink);
        }
        _ => return (parsed, sink),
    }
    let read = yaml::read(id, &file.text, &mut sink);
    let parsed = documents(id, file, read, &mut sink);
    (parsed, sink)
}

/// The kind of each document of a file. `None` where it holds no documents, or one that cannot be told.
pub fn kinds(file: &SourceFile) -> Option<Vec<&'static str>> {
    let yaml = file.path.ends_with(".yaml") || file.path.ends_with(".yml");
    if !yaml || file.path.starts_with(TEMPLATES) {
        return None;
    }
    let mut sink = Sink::default();
    let read = yaml::read(FileId(0), &file.text, &mut sink);
    let known = |kind: String| document::KINDS.iter().copied().find(|known| *known == kind);
    let kinds: Option<Vec<&'static str>> = read.iter().map(|read| broken(read).kind.and_then(known)).collect();
    kinds.filter(|kinds| !kinds.is_empty() && !sink.has_errors())
}

/// The documents of one file, or of an expansion, from its YAML.
pub(crate) fn documents(id: FileId, file: &SourceFile, documents: Vec<YamlDocument>, sink: &mut Sink) -> Parsed {
    let mut parsed = Parsed::default();
    let comments: Vec<Span> = documents
        .iter()
        .flat_map(|document| document.comments.iter().map(|(span, _)| *span))
        .collect();
    for document in documents {
        let source = Source {
            file: id,
            path: &file.path,
            text: &file.text,
            comments: &comments,
        };
        match document.root.value {
            Value::Hole => parsed.documents.broken.push(broken(&document)),
            _ => match document::read(&source, &document.root, sink) {
                Some(read) => parsed.documents.documents.push(Arc::new(read)),
                None => parsed.documents.broken.push(broken(&document)),
            },
        }
        parsed.pragmas.extend(document.pragmas);
    }
    parsed
}

/// Which document it was, as far as that can be told.
fn broken(document: &YamlDocument) -> Broken {
    let entries: &[Entry] = match &document.root.value {
        Value::Map(entries) => entries,
        _ => &document.before_break,
    };
    let text = |key: &str| {
        entries
            .iter()
            .find(|entry| entry.key.value == key)
            .and_then(|entry| match &entry.value.value {
                Value::Scalar(text, _) => Some(text.clone()),
                _ => None,
            })
    };
    Broken {
        kind: text("kind").filter(|kind| document::KINDS.contains(&kind.as_str())),
        name: text("name"),
    }
}

/// The byte-order mark, with which some editors begin a file. There it says nothing, in whatever language.
pub(crate) const MARK: char = '\u{feff}';

/// The length of a text's first line.
pub(crate) fn first_line(text: &str) -> u32 {
    u32::try_from(text.lines().next().map_or(0, str::len)).unwrap_or(u32::MAX)
}
