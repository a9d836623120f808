//! A lint of the globs of approval rules: those that ask of files which are compiled, and match none of them.

use crate::ast::{Body, Documents};
use crate::diag::codes::lint::PATH_MATCHES_NOTHING;
use crate::diag::{Diagnostic, Sink};
use crate::resolve::Glob;
use crate::source::{EXTENSIONS, SourceTree};

pub(super) fn check(tree: &SourceTree, documents: &Documents, sink: &mut Sink) {
    for document in &documents.documents {
        let Body::ApprovalRule(rule) = &document.body else {
            continue;
        };
        for glob in rule.when.iter().filter_map(|when| when.paths.as_ref()).flatten() {
            let matching = Glob::new(&glob.value, '/');
            if is_of_compiled(&glob.value, tree) && !tree.files().iter().any(|file| matching.matches(&file.path)) {
                let message = format!("no file is `{}`: the rule asks nobody about it", glob.value);
                let help = "name a file or a folder that is there";
                sink.push(Diagnostic::new(&PATH_MATCHES_NOTHING, message, glob.span, "").with_help(help));
            }
        }
    }
}

/// Whether a glob is about files that would have been read: by how they are called, or by the folder that they are in.
fn is_of_compiled(glob: &str, tree: &SourceTree) -> bool {
    if glob.split('/').any(|segment| segment.starts_with('.')) {
        return false;
    }
    let folder = glob.split_once('/').map(|(folder, _)| format!("{folder}/"));
    // Data may be anybody's: only in a folder that is read is it known to be missing.
    let extension = glob.rsplit_once('.').map_or("", |(_, extension)| extension);
    (EXTENSIONS.contains(&extension) && extension != "json")
        || folder.is_some_and(|folder| tree.files().iter().any(|file| file.path.starts_with(&folder)))
}
