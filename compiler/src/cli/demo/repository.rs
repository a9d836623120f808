//! Files become a git repository of one commit: a folder and texts in, the commit's id out.
//!
//! No git binary, no configuration of the user's. The same files give the same commit.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use gix::actor::SignatureRef;
use gix::objs::tree::EntryKind;

/// Who commits, and when: somebody of the example organisation, at a moment of its own.
const NAME: &str = "Alice";
const EMAIL: &str = "alice@acme.example";
const TIME: &str = "1795165200 +0000";

/// Writes the files into a new folder, and commits them as `main`. Gives the commit's id.
pub(super) fn create(root: &Path, files: &[(&str, &str)], message: &str) -> Result<String, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    // Isolated: nobody's hooks, templates or settings reach in.
    let repository = gix::ThreadSafeRepository::init_opts(
        root,
        gix::create::Kind::WithWorktree,
        gix::create::Options::default(),
        gix::open::Options::isolated(),
    )
    .map_err(|error| said(&error))?
    .to_thread_local();
    let empty = repository.empty_tree();
    let mut tree = repository.edit_tree(empty.id).map_err(|error| said(&error))?;
    for (path, text) in files {
        let place = root.join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(|error| said(&error))?;
        }
        let mut file = fs::File::create(&place).map_err(|error| said(&error))?;
        file.write_all(text.as_bytes()).map_err(|error| said(&error))?;
        let blob = repository.write_blob(text).map_err(|error| said(&error))?;
        tree.upsert(*path, EntryKind::Blob, blob)
            .map_err(|error| said(&error))?;
    }
    let tree = tree.write().map_err(|error| said(&error))?.detach();
    let author = SignatureRef {
        name: NAME.into(),
        email: EMAIL.into(),
        time: TIME,
    };
    let commit = repository
        .commit_as(
            author,
            author,
            "HEAD",
            message,
            tree,
            std::iter::empty::<gix::ObjectId>(),
        )
        .map_err(|error| said(&error))?
        .detach();
    // Without an index git would call every file of the work tree deleted and untracked at once.
    let mut index = repository.index_from_tree(&tree).map_err(|error| said(&error))?;
    index
        .write(gix::index::write::Options::default())
        .map_err(|error| said(&error))?;
    Ok(commit.to_string())
}
