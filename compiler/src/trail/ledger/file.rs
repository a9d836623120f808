//! One file of one commit, as the ledger sees it: its text in, its documents with their digests and words, and whose
//! keys it lists, out.

use std::collections::BTreeSet;

use polity_runtime::wire::Digest;

use super::super::principals::Principals;
use super::super::state::{of_file, words};
use super::super::statement::DocumentId;
use crate::ast::Body;
use crate::diag::Sink;
use crate::parse;
use crate::parse::yaml;
use crate::source::{EXTENSIONS, FileId, SourceFile};

/// One file's documents.
pub(super) struct File {
    /// Each with its digest and every word in it.
    pub(super) documents: Vec<(DocumentId, Digest, BTreeSet<String>)>,
}

impl File {
    pub(super) fn read(path: &str, text: String) -> Self {
        let file = source(path, text);
        let words = words(&file);
        let documents = of_file(&file).into_iter().zip(words);
        Self {
            documents: documents.map(|((id, digest), words)| (id, digest, words)).collect(),
        }
    }
}

/// Whether a path of the organisation is one that is compiled.
pub(super) fn is_compiled(path: &str) -> bool {
    let hidden = path.split('/').any(|part| part.starts_with('.')) || path.starts_with('/');
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    !hidden && EXTENSIONS.contains(&extension)
}

/// Whose keys a file lists, where it has any such document.
pub(super) fn keys(path: &str, text: &str) -> Option<Principals> {
    let names_some = ["kind: Person", "kind: Forge", "kind: Agent"];
    if !names_some.iter().any(|kind| text.contains(kind)) || path.starts_with(parse::TEMPLATES) {
        return None;
    }
    let file = source(path, text.to_owned());
    let mut unheard = Sink::default();
    let documents = yaml::read(FileId(0), &file.text, &mut unheard);
    let parsed = parse::documents(FileId(0), &file, documents, &mut unheard).documents;
    let of = |body: &Body| matches!(body, Body::Person(_) | Body::Forge(_) | Body::Agent(_));
    let any = parsed.documents.iter().any(|document| of(&document.body));
    any.then(|| Principals::of(&parsed))
}

fn source(path: &str, text: String) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        text,
        blob: None,
    }
}
