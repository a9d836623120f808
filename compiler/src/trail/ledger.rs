//! Who changed what, and who said yes: one pass over the trunk in, its steps out.
//!
//! It compiles nothing, so it says who approved a step and not whether that was enough: [`super::verify`] says that.
//! Only files that a step changes are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use gix::ObjectId;
use polity_runtime::wire::Digest;

use super::error::TrailError;
use super::evidence::{self, Archive, Exhibit, Grade, Vouched};
use super::history::{Change, Commit, History, Signed};
use super::principals::{Principal, Principals};
use super::state::{of_file, words};
use super::statement::{Block, DocumentId, Sides, Verdict, claims};
use super::verify::Given;
use crate::ast::{Body, Documents};
use crate::diag::Sink;
use crate::parse;
use crate::parse::yaml;
use crate::source::{FileId, ReadError, SourceFile};

/// One step of the trunk.
#[derive(Debug)]
pub struct Entry {
    /// Its place in the trunk.
    pub at: usize,
    /// Its commit.
    pub commit: Commit,
    /// The documents that it changed, with what they name.
    pub documents: BTreeMap<DocumentId, Changed>,
    /// Who signed the commits that came with it, as far as that is known.
    pub written_by: BTreeSet<String>,
    /// Why of some part it is not.
    pub unknown: usize,
    /// Who approved it, strongest proof first.
    pub approvals: Vec<Given>,
    /// Who rejected it.
    pub rejections: Vec<String>,
    /// Lines of its message that claim an approval, which is none.
    pub claims: Vec<String>,
    /// Where it was discussed, where a merge bot says so.
    pub discussed: Option<String>,
}

/// A document that a step changed.
#[derive(Debug)]
pub struct Changed {
    /// Its digests.
    pub sides: Sides<Digest>,
    /// Every word in it, before and after.
    pub words: BTreeSet<String>,
}

/// Reads the steps of a trunk, oldest first.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn ledger(history: &History, trunk: &[ObjectId]) -> Result<Vec<Entry>, TrailError> {
    let exhibits = Archive::new(history).exhibits(trunk)?;
    let mut by_document: BTreeMap<&DocumentId, Vec<usize>> = BTreeMap::new();
    for (at, exhibit) in exhibits.iter().enumerate() {
        for id in exhibit
            .statement
            .iter()
            .flat_map(|statement| statement.documents.keys())
        {
            by_document.entry(id).or_default().push(at);
        }
    }
    let vouched = evidence::vouched(history, trunk, 0)?;
    let mut reader = Reader {
        history,
        files: HashMap::new(),
        keys: BTreeMap::new(),
        states: Vec::new(),
    };
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    let mut tree = None;
    for (at, id) in trunk.iter().enumerate() {
        let commit = history.commit(*id)?;
        let changes = history.changes(tree, commit.tree)?;
        tree = Some(commit.tree);
        let brought = history.brought(*id, &mut seen)?;
        // The keys before the step; before the first one, its own.
        let mut documents = reader.step(at, &changes)?;
        let before = reader.keys_at(at.saturating_sub(1));
        if at == 0 {
            documents.clear();
        }
        let (written_by, unknown) = writers(&brought, &before);
        let mut entry = Entry {
            at,
            documents,
            written_by,
            unknown,
            approvals: Vec::new(),
            rejections: Vec::new(),
            claims: claims(&commit.message).into_iter().map(str::to_owned).collect(),
            discussed: Block::parse(&commit.message).and_then(|block| block.reference),
            commit,
        };
        let about: BTreeSet<usize> = entry
            .documents
            .keys()
            .filter_map(|id| by_document.get(id))
            .flatten()
            .copied()
            .collect();
        for exhibit in about.into_iter().filter_map(|at| exhibits.get(at)) {
            word(exhibit, &mut entry, &before, &reader, &vouched);
        }
        entry
            .approvals
            .sort_by(|a, b| (b.grade, &a.person).cmp(&(a.grade, &b.person)));
        entries.push(entry);
    }
    Ok(entries)
}

/// Takes down what a statement says of a step, if it is about this very step.
fn word(exhibit: &Exhibit, entry: &mut Entry, before: &Principals, reader: &Reader<'_>, vouched: &[Vouched]) {
    let Ok(statement) = &exhibit.statement else { return };
    let covers = entry
        .documents
        .iter()
        .all(|(id, changed)| statement.documents.get(id) == Some(&changed.sides));
    if !covers || exhibit.until <= entry.at {
        return;
    }
    let added = reader.keys_at(exhibit.from.saturating_sub(1));
    let Ok(proof) = evidence::prove(exhibit, statement, before, &added) else {
        return;
    };
    let mut given = Given {
        person: statement.approver.clone(),
        grade: proof.grade,
        fingerprint: proof.fingerprint,
        evidence: exhibit.name.clone(),
    };
    if given.grade == Grade::Claimed {
        let bot = vouched.iter().find(|vouched| {
            let says = vouched
                .block
                .approvals
                .iter()
                .any(|digest| digest.to_string() == exhibit.name);
            says && vouched.at >= entry.at && matches!(before.holder(&vouched.signer.key), Some(Principal::Forge(_)))
        });
        if let Some(bot) = bot {
            given.grade = Grade::Forge;
            given.fingerprint = Some(bot.signer.key.fingerprint());
        }
    }
    match statement.verdict {
        Verdict::Reject if given.grade > Grade::Claimed => entry.rejections.push(given.person),
        Verdict::Reject => {}
        Verdict::Approve => {
            if let Some(known) = entry.approvals.iter_mut().find(|known| known.person == given.person) {
                if given.grade > known.grade {
                    *known = given;
                }
            } else {
                entry.approvals.push(given);
            }
        }
    }
}

/// Who signed these commits, merges and all, and how many nobody known did.
fn writers(commits: &[Commit], keys: &Principals) -> (BTreeSet<String>, usize) {
    let mut known = BTreeSet::new();
    let mut unknown = 0;
    for commit in commits {
        match commit.signed() {
            Signed::By(signer) => match keys.holder(&signer.key) {
                Some(Principal::Forge(_)) => {}
                Some(holder) => {
                    known.insert(holder.to_string());
                }
                None => unknown += 1,
            },
            _ => unknown += 1,
        }
    }
    (known, unknown)
}

/// One file's documents.
struct File {
    documents: Vec<(DocumentId, Digest, BTreeSet<String>)>,
    keys: Option<Principals>,
}

struct Reader<'h> {
    history: &'h History,
    files: HashMap<(String, ObjectId), Rc<File>>,
    /// By path: whose keys a file lists.
    keys: BTreeMap<String, Rc<File>>,
    /// From which place of the trunk on which keys hold.
    states: Vec<(usize, Rc<Principals>)>,
}

impl Reader<'_> {
    fn step(&mut self, at: usize, changes: &[Change]) -> Result<BTreeMap<DocumentId, Changed>, ReadError> {
        let mut documents: BTreeMap<DocumentId, Changed> = BTreeMap::new();
        let mut keys_changed = at == 0;
        for change in changes {
            let path = super::change::inside(self.history, &change.path);
            let hidden = path.split('/').any(|part| part.starts_with('.')) || path.starts_with('/');
            let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
            if hidden || !matches!(extension, "yaml" | "yml" | "cedar" | "rego" | "json") {
                continue;
            }
            let before = self.file(&path, change.before)?;
            let after = self.file(&path, change.after)?;
            keys_changed |= [&before, &after].into_iter().flatten().any(|file| file.keys.is_some());
            match &after {
                Some(file) if file.keys.is_some() => self.keys.insert(path.clone(), file.clone()),
                _ => self.keys.remove(&path),
            };
            for (id, digest, words) in before.iter().flat_map(|file| &file.documents) {
                let changed = documents.entry(id.clone()).or_insert_with(nothing);
                changed.sides.before = Some(*digest);
                changed.words.extend(words.iter().cloned());
            }
            for (id, digest, words) in after.iter().flat_map(|file| &file.documents) {
                let changed = documents.entry(id.clone()).or_insert_with(nothing);
                changed.sides.after = Some(*digest);
                changed.words.extend(words.iter().cloned());
            }
        }
        if keys_changed {
            let mut all = Principals::default();
            for file in self.keys.values() {
                if let Some(keys) = &file.keys {
                    all.merge(keys);
                }
            }
            self.states.push((at, Rc::new(all)));
        }
        documents.retain(|_, changed| changed.sides.before != changed.sides.after);
        Ok(documents)
    }

    fn keys_at(&self, at: usize) -> Rc<Principals> {
        let after = self.states.partition_point(|(from, _)| *from <= at);
        let found = after.checked_sub(1).and_then(|index| self.states.get(index));
        found.map_or_else(Rc::default, |(_, keys)| keys.clone())
    }

    fn file(
        &mut self,
        path: &str,
        side: Option<(gix::objs::tree::EntryMode, ObjectId)>,
    ) -> Result<Option<Rc<File>>, ReadError> {
        let Some((mode, id)) = side else { return Ok(None) };
        if !mode.is_blob() {
            return Ok(None);
        }
        let key = (path.to_owned(), id);
        if let Some(known) = self.files.get(&key) {
            return Ok(Some(known.clone()));
        }
        let text = String::from_utf8_lossy(&self.history.blob(id)?).into_owned();
        let read = Rc::new(read(path, text));
        self.files.insert(key, read.clone());
        Ok(Some(read))
    }
}

fn nothing() -> Changed {
    Changed {
        sides: Sides {
            before: None,
            after: None,
        },
        words: BTreeSet::new(),
    }
}

fn read(path: &str, text: String) -> File {
    let file = SourceFile {
        path: path.to_owned(),
        text,
        blob: None,
    };
    let words = words(&file);
    let documents = of_file(&file).into_iter().zip(words);
    let documents = documents.map(|((id, digest), words)| (id, digest, words)).collect();
    File {
        documents,
        keys: keys(&file),
    }
}

/// Whose keys a file lists, where it has any such document.
fn keys(file: &SourceFile) -> Option<Principals> {
    let names_some = ["kind: Person", "kind: Forge", "kind: Agent"];
    if !names_some.iter().any(|kind| file.text.contains(kind)) || file.path.starts_with(parse::TEMPLATES) {
        return None;
    }
    let mut unheard = Sink::default();
    let documents = yaml::read(FileId(0), &file.text, &mut unheard);
    let parsed = parse::documents(FileId(0), file, documents, &mut unheard).documents;
    let of = |body: &Body| matches!(body, Body::Person(_) | Body::Forge(_) | Body::Agent(_));
    let any = parsed.documents.iter().any(|document| of(&document.body));
    any.then(|| Principals::of(&Documents { ..parsed }))
}
