//! A commit of a git repository: a path and a revision in, a [`SourceTree`] out.
//!
//! No git binary, no environment and no configuration but the repository's own. Every object is hashed anew before
//! it is believed, because neither git nor the object store does so on reading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;
use gix::objs::{TagRef, TreeRef, tree::EntryKind};
use gix::{ObjectId, Repository};

use super::select::{Kind, MAX_FILE_BYTES, Selection};
use super::{ReadError, Revision, SourceTree};
use crate::diag::Sink;

/// The largest commit, tag or tree that is read, in bytes; a tree of a million entries has about half of it.
pub(crate) const MAX_OBJECT_BYTES: u64 = 64 << 20;
/// How many tags may point at each other before a commit; nobody nests more than two.
const MAX_TAGS: usize = 8;

/// Reads the organisation at a revision: of the repository at `path`, or of the one whose work tree holds `path`.
/// Absent, the revision is `HEAD`; else it is anything that `git rev-parse` takes for one commit. The organisation's
/// root is the nearest folder, from `path` up to the work tree's own, that holds `polity.yaml` in that commit.
///
/// # Errors
/// Whatever the outside world does not give: see [`ReadError`].
pub fn read_git(path: &Path, revision: Option<&str>, sink: &mut Sink) -> Result<SourceTree, ReadError> {
    let (repository, commit, prefix) = find(path, revision.unwrap_or("HEAD"))?;
    read_commit(&repository, commit, &prefix, sink)
}

/// The repository, the commit, and the folder of it that is the organisation's root.
fn find(path: &Path, revision: &str) -> Result<(Repository, ObjectId, String), ReadError> {
    let repository = open(path)?;
    let commit = commit_of(&repository, revision)?;
    let inside = place_in_work_tree(&repository, path);
    let prefix = organisation_root(&repository, commit, &inside)?;
    Ok((repository, commit, prefix))
}

/// What is read of a commit, before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The id of the tree that the organisation's root is: the same id is the same files.
    pub tree: String,
    /// The folder in which git keeps what all work trees share.
    pub git_folder: PathBuf,
}

/// Where [`read_git`] finds what it reads.
///
/// # Errors
/// As [`read_git`].
pub fn locate(path: &Path, revision: &str) -> Result<Located, ReadError> {
    let (repository, commit, prefix) = find(path, revision)?;
    let (tree, _) = commit_links(&repository, commit)?;
    Ok(Located {
        tree: root(&repository, commit, tree, &prefix)?.to_string(),
        git_folder: repository.common_dir().to_owned(),
    })
}

/// Whether a file or folder belongs to whoever runs this; not, where nobody can tell.
pub fn is_own(path: &Path) -> bool {
    gix::sec::Trust::from_path_ownership(path).is_ok_and(|trust| trust == gix::sec::Trust::Full)
}

/// Opens the repository at or around `path`, and refuses what would let its history be forged or cut short.
pub(crate) fn open(path: &Path) -> Result<Repository, ReadError> {
    // A relative path has no parents beyond its own parts, so nothing above the current folder would be found.
    let path = &std::fs::canonicalize(path).map_err(|error| ReadError::NotARepository {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    let discovery = gix::discover::upwards::Options {
        trust: gix::discover::upwards::TrustPolicy::Assume(gix::sec::Trust::Reduced),
        ..Default::default()
    };
    let (found, _) = gix::discover::upwards_opts(path, discovery).map_err(|error| ReadError::NotARepository {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    let place = match found {
        gix::discover::repository::Path::LinkedWorkTree { work_dir, .. } => work_dir,
        gix::discover::repository::Path::WorkTree(work_tree) => work_tree,
        gix::discover::repository::Path::Repository(git_dir) => git_dir,
    };
    let options = gix::open::Options::isolated()
        .bail_if_untrusted(true)
        .strict_config(true)
        .config_overrides([
            "core.useReplaceRefs=false",
            "core.commitGraph=false",
            // What git itself takes. A trunk is read tree by tree, and each is told by those before it.
            "core.deltaBaseCacheLimit=96m",
        ]);
    let repository = gix::open_opts(&place, options).map_err(|error| match error.dominant_class() {
        Some(gix::error::Class::PermissionDenied) => ReadError::ForeignOwner { path: place.clone() },
        _ => ReadError::Io {
            path: place.clone(),
            message: error.to_string(),
        },
    })?;
    // Opening by path decides about ownership; a repository that was opened with less trust is not read at all.
    if repository.git_dir_trust() != gix::sec::Trust::Full {
        return Err(ReadError::ForeignOwner { path: place });
    }
    if repository.is_shallow().map_err(|error| broken(&place, &error))? {
        return Err(ReadError::Shallow { path: place });
    }
    if let Some(storage) = repository.config_snapshot().string("extensions.refStorage")
        && !storage.eq_ignore_ascii_case(b"files")
    {
        let storage = storage.to_string();
        return Err(ReadError::Refs { path: place, storage });
    }
    let grafts = repository.common_dir().join("info").join("grafts");
    match std::fs::symlink_metadata(&grafts) {
        Ok(found) if !found.is_file() || found.len() > 0 => return Err(ReadError::Grafted { path: grafts }),
        _ => {}
    }
    // Never followed here. But git follows it, so whoever looks at the history would see another one than is judged.
    match replaced(&repository).map_err(|message| ReadError::Io { path: place, message })? {
        Some(object) => Err(ReadError::Replaced { object }),
        None => Ok(repository),
    }
}

/// The first object that git would show another one for.
fn replaced(repository: &Repository) -> Result<Option<String>, String> {
    const REPLACED: &str = "refs/replace/";
    let platform = repository.references().map_err(|error| error.to_string())?;
    let mut replaced = platform.prefixed(REPLACED).map_err(|error| error.to_string())?;
    let first = replaced.next().transpose().map_err(|error| error.to_string())?;
    let name = first.map(|reference| reference.name().as_bstr().to_string());
    Ok(name.map(|name| name.replacen(REPLACED, "", 1)))
}

/// The commit that a revision names.
pub(crate) fn commit_of(repository: &Repository, revision: &str) -> Result<ObjectId, ReadError> {
    let unknown = |message: String| ReadError::UnknownRevision {
        revision: revision.to_owned(),
        message,
    };
    unambiguous(repository, revision)?;
    let mut id = repository
        .rev_parse_single(revision)
        .map_err(|error| match repository.head() {
            Ok(head) if head.is_unborn() => unknown("the repository has no commit yet".to_owned()),
            _ => unknown(error.to_string()),
        })?
        .detach();
    for _ in 0..MAX_TAGS {
        let object = object(repository, id, MAX_OBJECT_BYTES)?;
        match object.kind {
            gix::objs::Kind::Commit => return Ok(id),
            gix::objs::Kind::Tag => {
                let tag = TagRef::from_bytes(&object.data, id.kind()).map_err(|error| malformed(id, &error))?;
                id = tag.target();
            }
            kind => return Err(unknown(format!("it is a {kind}, and a commit is needed"))),
        }
    }
    Err(unknown("it is a tag of a tag too many times over".to_owned()))
}

/// As few digits as git shows of a commit's id. A branch may well be called `cafe`.
const MIN_ABBREVIATION: usize = 7;

/// A short name must stand for one commit. Git has an order for the others, in which a tag, which comes with any clone,
/// wins over a branch, and over the beginning of a commit's id.
fn unambiguous(repository: &Repository, revision: &str) -> Result<(), ReadError> {
    let name = revision.split(['^', '~', ':']).next().unwrap_or_default();
    let name = name.split("@{").next().unwrap_or_default();
    let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_whole = is_hex && name.len() >= repository.object_hash().len_in_hex();
    if name.is_empty() || name == "HEAD" || is_whole {
        return Ok(());
    }
    let mut meanings: BTreeMap<ObjectId, String> = BTreeMap::new();
    let places = ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"].map(|place| format!("{place}{name}"));
    for place in &places {
        if let Ok(Some(mut found)) = repository.try_find_reference(place.as_str())
            && found.name().as_bstr() == place.as_str()
            && let Ok(id) = found.peel_to_id()
        {
            meanings.entry(id.detach()).or_insert_with(|| format!("`{place}`"));
        }
    }
    if is_hex
        && name.len() >= MIN_ABBREVIATION
        && let Ok(prefix) = gix::hash::Prefix::from_hex(name)
        && let Ok(Some(Ok(id))) = repository.objects.lookup_prefix(prefix, None)
    {
        meanings.entry(id).or_insert_with(|| format!("the object `{id}`"));
    }
    if meanings.len() < 2 {
        return Ok(());
    }
    Err(ReadError::Ambiguous {
        revision: revision.to_owned(),
        meanings: meanings.into_values().collect(),
    })
}

/// Reads a commit's files below `prefix`, which is empty or ends in no slash.
pub(crate) fn read_commit(
    repository: &Repository,
    commit: ObjectId,
    prefix: &str,
    sink: &mut Sink,
) -> Result<SourceTree, ReadError> {
    let trunk_steps = trunk_steps(repository, commit)?;
    read_commit_at(repository, commit, trunk_steps, prefix, sink)
}

/// As [`read_commit`], for a caller who knows how many commits the first-parent chain has.
pub(crate) fn read_commit_at(
    repository: &Repository,
    commit: ObjectId,
    trunk_steps: u64,
    prefix: &str,
    sink: &mut Sink,
) -> Result<SourceTree, ReadError> {
    let (tree, _) = commit_links(repository, commit)?;
    let root = root(repository, commit, tree, prefix)?;
    let mut selection = Selection::new(sink);
    let mut folders = vec![(root, Vec::new(), 0)];
    while let Some((id, path, depth)) = folders.pop() {
        let mut walk = Walk {
            repository,
            root,
            folders: &mut folders,
            selection: &mut selection,
        };
        if !walk.folder(id, &path, depth)? {
            break;
        }
    }
    let revision = Revision::Commit {
        id: commit.to_string(),
        tree: tree.to_string(),
        trunk_steps,
    };
    Ok(selection.finish(revision, prefix.to_owned()))
}

/// The folder of a commit's tree that is the organisation's root.
fn root(repository: &Repository, commit: ObjectId, tree: ObjectId, prefix: &str) -> Result<ObjectId, ReadError> {
    folder(repository, tree, prefix)?.ok_or_else(|| ReadError::NotInCommit {
        path: prefix.to_owned(),
        commit: commit.to_string(),
    })
}

struct Walk<'w, 's> {
    repository: &'w Repository,
    root: ObjectId,
    folders: &'w mut Vec<(ObjectId, Vec<u8>, usize)>,
    selection: &'w mut Selection<'s>,
}

impl Walk<'_, '_> {
    /// Looks at one folder; false when nothing more is to be read.
    fn folder(&mut self, id: ObjectId, prefix: &[u8], depth: usize) -> Result<bool, ReadError> {
        let data = tree(self.repository, id)?;
        let entries = TreeRef::from_bytes(&data, id.kind()).map_err(|error| malformed(id, &error))?;
        names_are_names(id, &entries)?;
        for entry in entries.entries {
            if !self.selection.count() {
                return Ok(false);
            }
            let mut path = prefix.to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(entry.filename);
            let child = entry.oid.to_owned();
            let kind = match entry.mode.kind() {
                EntryKind::Tree => {
                    if self.selection.enters(&path, depth + 1) {
                        self.folders.push((child, path, depth + 1));
                    }
                    continue;
                }
                EntryKind::Blob | EntryKind::BlobExecutable => Kind::File,
                EntryKind::Link => Kind::Link {
                    to_file: self.leads_to_file(prefix, child)?,
                },
                EntryKind::Commit => Kind::Submodule,
            };
            let Some(path) = self.selection.wants(&path, kind) else {
                continue;
            };
            let header = self
                .repository
                .find_header(child)
                .map_err(|error| corrupt(child, &error))?;
            if self.selection.fits(&path, header.size()) {
                let blob = object(self.repository, child, MAX_FILE_BYTES)?;
                if blob.kind != gix::objs::Kind::Blob {
                    return Err(malformed(child, &"it is no blob"));
                }
                self.selection.add(path, blob.data, Some(child.to_string()));
            }
        }
        Ok(true)
    }

    /// Whether a link leads, through no other link, to a regular file of the same tree.
    fn leads_to_file(&self, prefix: &[u8], link: ObjectId) -> Result<bool, ReadError> {
        // A link's text is a path, and no path is as long as this.
        let header = self
            .repository
            .find_header(link)
            .map_err(|error| corrupt(link, &error))?;
        if header.size() > 4096 {
            return Ok(false);
        }
        let target = object(self.repository, link, MAX_FILE_BYTES)?.data;
        let mut at: Vec<&[u8]> = prefix
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
            .collect();
        if target.starts_with(b"/") {
            return Ok(false);
        }
        for part in target.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    if at.pop().is_none() {
                        return Ok(false);
                    }
                }
                name => at.push(name),
            }
        }
        let Some((name, folders)) = at.split_last() else {
            return Ok(false);
        };
        let mut id = self.root;
        for folder in folders {
            match child(self.repository, id, folder)? {
                Some((EntryKind::Tree, next)) => id = next,
                _ => return Ok(false),
            }
        }
        let found = child(self.repository, id, name)?;
        Ok(matches!(found, Some((EntryKind::Blob | EntryKind::BlobExecutable, _))))
    }
}

/// How many commits the first-parent chain has; walked object by object, so that no commit-graph file has a say.
fn trunk_steps(repository: &Repository, commit: ObjectId) -> Result<u64, ReadError> {
    let mut steps = 1;
    let mut at = commit;
    while let (_, Some(parent)) = commit_links(repository, at)? {
        steps += 1;
        at = parent;
    }
    Ok(steps)
}

/// A commit's tree and first parent.
pub(crate) fn commit_links(repository: &Repository, id: ObjectId) -> Result<(ObjectId, Option<ObjectId>), ReadError> {
    let object = object(repository, id, MAX_OBJECT_BYTES)?;
    if object.kind != gix::objs::Kind::Commit {
        return Err(malformed(id, &"it is no commit"));
    }
    let links = Links::read(id, &object.data)?;
    Ok((links.tree, links.parents.first().copied()))
}

/// What a commit is made of. Git asks no more of one: who wrote it, and when, may be any text.
pub(crate) struct Links<'d> {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    /// The headers that follow.
    pub(crate) rest: &'d [u8],
    pub(crate) message: &'d [u8],
}

impl<'d> Links<'d> {
    pub(crate) fn read(id: ObjectId, data: &'d [u8]) -> Result<Self, ReadError> {
        let (headers, message) = match data.find(b"\n\n") {
            Some(end) => (data.get(..=end), data.get(end + 2..)),
            None => (Some(data), None),
        };
        let mut rest = headers.unwrap_or_default();
        let mut link = |name: &[u8]| -> Result<Option<ObjectId>, ReadError> {
            let Some(value) = rest.strip_prefix(name) else {
                return Ok(None);
            };
            let wrong = || malformed(id, &"one of its headers names no object");
            let end = value.find_byte(b'\n').ok_or_else(wrong)?;
            let found = ObjectId::from_hex(value.get(..end).unwrap_or_default()).map_err(|_| wrong())?;
            if found.kind() != id.kind() {
                return Err(wrong());
            }
            rest = value.get(end + 1..).unwrap_or_default();
            Ok(Some(found))
        };
        let tree = link(b"tree ")?.ok_or_else(|| malformed(id, &"it names no tree"))?;
        let mut parents = Vec::new();
        while let Some(parent) = link(b"parent ")? {
            parents.push(parent);
        }
        Ok(Self {
            tree,
            parents,
            rest,
            message: message.unwrap_or_default(),
        })
    }
}

/// The nearest folder with `polity.yaml`, from `inside` upwards; `inside` itself where there is none.
pub(crate) fn organisation_root(repository: &Repository, commit: ObjectId, inside: &str) -> Result<String, ReadError> {
    if inside.is_empty() {
        return Ok(String::new());
    }
    let (tree, _) = commit_links(repository, commit)?;
    let mut at = inside;
    loop {
        if let Some(folder) = folder(repository, tree, at)?
            && let Some((EntryKind::Blob | EntryKind::BlobExecutable, _)) = child(repository, folder, b"polity.yaml")?
        {
            return Ok(at.to_owned());
        }
        if at.is_empty() {
            return Ok(inside.to_owned());
        }
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// Where `path` lies in the repository's work tree, with `/` between segments; empty at its root.
pub(crate) fn place_in_work_tree(repository: &Repository, path: &Path) -> String {
    let Some(work_tree) = repository.workdir() else {
        return String::new();
    };
    let real = |path: &Path| -> Option<PathBuf> { std::fs::canonicalize(path).ok() };
    let (Some(root), Some(path)) = (real(work_tree), real(path)) else {
        return String::new();
    };
    let inside = path.strip_prefix(&root).unwrap_or(Path::new(""));
    if inside.starts_with(".git") {
        return String::new();
    }
    let parts: Vec<_> = inside
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

pub(crate) fn folder(repository: &Repository, tree: ObjectId, path: &str) -> Result<Option<ObjectId>, ReadError> {
    let mut id = tree;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        match child(repository, id, part.as_bytes())? {
            Some((EntryKind::Tree, next)) => id = next,
            _ => return Ok(None),
        }
    }
    Ok(Some(id))
}

pub(crate) fn child(
    repository: &Repository,
    id: ObjectId,
    name: &[u8],
) -> Result<Option<(EntryKind, ObjectId)>, ReadError> {
    let data = tree(repository, id)?;
    let entries = TreeRef::from_bytes(&data, id.kind()).map_err(|error| malformed(id, &error))?;
    let found = entries.entries.iter().find(|entry| entry.filename.as_bytes() == name);
    Ok(found.map(|entry| (entry.mode.kind(), entry.oid.to_owned())))
}

pub(crate) fn tree(repository: &Repository, id: ObjectId) -> Result<Vec<u8>, ReadError> {
    let object = object(repository, id, MAX_OBJECT_BYTES)?;
    if object.kind == gix::objs::Kind::Tree {
        Ok(object.data)
    } else {
        Err(malformed(id, &"it is no tree"))
    }
}

/// One object, hashed anew: bytes that were swapped under an id are an error.
pub(crate) fn object(repository: &Repository, id: ObjectId, limit: u64) -> Result<gix::ObjectDetached, ReadError> {
    let header = repository.find_header(id).map_err(|error| corrupt(id, &error))?;
    if header.size() > limit {
        let message = format!("it has {} bytes; at most {limit} are read", header.size());
        return Err(malformed(id, &message));
    }
    let object = repository
        .find_object(id)
        .map_err(|error| corrupt(id, &error))?
        .detach();
    gix::objs::Data::new(&object.data, object.kind, id.kind())
        .verify_checksum(&id)
        .map_err(|error| corrupt(id, &error))?;
    Ok(object)
}

pub(crate) fn corrupt(id: ObjectId, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Corrupt {
        object: id.to_string(),
        message: error.to_string(),
    }
}

pub(crate) fn malformed(id: ObjectId, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Malformed {
        object: id.to_string(),
        message: error.to_string(),
    }
}

/// No two entries of a tree may have one name, and no name may be a path: other readers would see other files.
pub(crate) fn names_are_names(id: ObjectId, tree: &TreeRef<'_>) -> Result<(), ReadError> {
    let misleads = |name: &[u8]| name.contains(&b'/') || matches!(name, b"" | b"." | b"..");
    let mut names: Vec<&[u8]> = tree.entries.iter().map(|entry| entry.filename.as_bytes()).collect();
    if names.iter().any(|name| misleads(name)) {
        return Err(malformed(id, &"the name of one of its entries is a path"));
    }
    // Git sorts a folder as if its name ended in a slash, so two of one name need not stand beside each other.
    names.sort_unstable();
    match names
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
    {
        true => Err(malformed(id, &"two of its entries have one name")),
        false => Ok(()),
    }
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Io {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
