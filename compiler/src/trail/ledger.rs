//! Who changed what, and who said yes: a trunk in, its steps out, each told when it is asked for.
//!
//! It compiles nothing, so it says who approved a step and not whether that was enough: [`super::verify`] says that.
//! One pass looks at trees alone; files are read of the steps that are asked about, and signatures verified of those
//! that are shown. A [`Memo`] may spare both: it says nothing that anybody relies on.

mod file;
mod memo;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use gix::ObjectId;
use polity_runtime::wire::Digest;
use rayon::prelude::*;

use super::access::Access;
use super::error::TrailError;
use super::evidence::{self, Archive, Exhibit, Grade, Sealed, Vouched};
use super::history::{Change, Commit, History, Signed, no_such_place};
use super::principals::{Principal, Principals};
use super::signature::Key;
use super::statement::{Block, DocumentId, Sides, Verdict, claims};
use super::verify::Given;
use crate::source::ReadError;
use file::{File, is_compiled};
pub use memo::Memo;

/// One step of the trunk.
#[derive(Debug)]
pub struct Entry {
    /// Its place in the trunk.
    pub at: usize,
    /// Its commit.
    pub commit: Arc<Commit>,
    /// The documents that it changed, with what they name.
    pub documents: Rc<Documents>,
    /// Who signed the commits that came with it, as far as that is known.
    pub written_by: BTreeSet<String>,
    /// Why of some part it is not.
    pub unknown: usize,
    /// Who approved it, strongest proof first.
    pub approvals: Vec<Approval>,
    /// Who rejected it.
    pub rejections: Vec<String>,
    /// Lines of its message that claim an approval, which is none.
    pub claims: Vec<String>,
    /// Where it was discussed, where a merge bot says so.
    pub discussed: Option<String>,
}

/// Somebody's word on a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who gave it, and how it is proved.
    pub given: Given,
    /// The ref that it was given for.
    pub reference: String,
}

/// What approvals have to be given for.
#[derive(Debug, Clone, Copy)]
pub struct GivenFor<'a> {
    /// The organisation.
    pub organization: &'a str,
    /// The ref.
    pub reference: &'a str,
}

/// The documents that a step changed.
pub type Documents = BTreeMap<DocumentId, Changed>;

/// A document that a step changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its digests.
    pub sides: Sides<Digest>,
    /// Every word in it, before and after.
    pub words: BTreeSet<String>,
}

/// The steps of a trunk.
pub struct Ledger<'h> {
    history: &'h History,
    trunk: &'h [ObjectId],
    /// The place of each commit of the trunk.
    places: HashMap<ObjectId, usize>,
    /// By place: the commits that each step brings.
    brought: Vec<Vec<ObjectId>>,
    /// From which place of the trunk on which keys hold.
    keys: Vec<(usize, Rc<Principals>)>,
    exhibits: Vec<Exhibit>,
    by_document: BTreeMap<DocumentId, Vec<usize>>,
    vouched: Vec<Vouched>,
    files: Files<'h>,
    memo: RefCell<Memo>,
}

impl<'h> Ledger<'h> {
    /// Looks at every tree of a trunk. Statements that were given for something else than `wanted` are left out.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn read(
        history: &'h History,
        trunk: &'h [ObjectId],
        memo: Memo,
        wanted: Option<GivenFor<'_>>,
    ) -> Result<Self, TrailError> {
        let mut exhibits = Archive::new(history).exhibits(trunk, 0)?;
        exhibits.retain(|exhibit| match (&exhibit.statement, wanted) {
            (Ok(said), Some(wanted)) => said.reference == wanted.reference && said.organization == wanted.organization,
            _ => true,
        });
        let mut by_document: BTreeMap<DocumentId, Vec<usize>> = BTreeMap::new();
        for (at, exhibit) in exhibits.iter().enumerate() {
            let statement = exhibit.statement.iter();
            for id in statement.flat_map(|statement| statement.documents.keys()) {
                by_document.entry(id.clone()).or_default().push(at);
            }
        }
        let mut ledger = Self {
            history,
            trunk,
            places: trunk.iter().enumerate().map(|(at, id)| (*id, at)).collect(),
            brought: Vec::new(),
            keys: Vec::new(),
            exhibits,
            by_document,
            vouched: evidence::vouched(history, trunk, 0)?,
            files: Files::new(history),
            memo: RefCell::new(memo),
        };
        let mut seen = BTreeSet::new();
        let mut holders = BTreeMap::new();
        for (at, id) in trunk.iter().enumerate() {
            let brought = history.brought(*id, &mut seen)?;
            ledger.brought.push(brought.iter().map(|commit| commit.id).collect());
            ledger.follow_keys(at, *id, &mut holders)?;
        }
        Ok(ledger)
    }

    /// The documents that the step at a place changed. The first commit changed none: everybody agreed to begin there.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn documents(&self, at: usize) -> Result<Rc<Documents>, TrailError> {
        let Some(id) = self.trunk.get(at).filter(|_| at > 0) else {
            return Ok(Rc::default());
        };
        if let Some(known) = self.memo.borrow().documents(*id) {
            return Ok(known);
        }
        let mut documents = Documents::new();
        for change in self.changes(at)? {
            let path = super::change::inside(self.history, &change.path);
            if !is_compiled(&path) {
                continue;
            }
            let (before, after) = (
                self.files.of(&path, change.before)?,
                self.files.of(&path, change.after)?,
            );
            for (id, digest, words) in before.iter().flat_map(|file| &file.documents) {
                let changed = documents.entry(id.clone()).or_insert_with(Changed::nothing);
                changed.sides.before = Some(*digest);
                changed.words.extend(words.iter().cloned());
            }
            for (id, digest, words) in after.iter().flat_map(|file| &file.documents) {
                let changed = documents.entry(id.clone()).or_insert_with(Changed::nothing);
                changed.sides.after = Some(*digest);
                changed.words.extend(words.iter().cloned());
            }
        }
        documents.retain(|_, changed| changed.sides.before != changed.sides.after);
        let documents = Rc::new(documents);
        self.memo.borrow_mut().put_documents(*id, documents.clone());
        Ok(documents)
    }

    /// When a step was committed, by the committer's clock: milliseconds since 1970.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn moment(&self, at: usize) -> Result<i64, TrailError> {
        let id = self.trunk.get(at).ok_or_else(|| TrailError::Read(no_such_place(at)))?;
        Ok(self.history.commit(*id)?.committer.seconds.saturating_mul(1000))
    }

    /// Verifies the signatures of everything that these steps bring, several at a time: the dearest part of a ledger.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn verify_signatures(&self, places: &[usize]) -> Result<(), TrailError> {
        let ids = places.iter().filter_map(|at| self.brought.get(*at)).flatten();
        let unknown: Vec<ObjectId> = {
            let memo = self.memo.borrow();
            ids.filter(|id| !memo.has_signer(**id)).copied().collect()
        };
        let commits = unknown.iter().map(|id| self.history.commit(*id));
        let commits: Vec<Arc<Commit>> = commits.collect::<Result<_, _>>()?;
        let signers: Vec<Option<Key>> = commits.par_iter().map(|commit| signer(commit)).collect();
        let mut memo = self.memo.borrow_mut();
        for (id, signer) in unknown.into_iter().zip(signers) {
            memo.put_signer(id, signer.as_ref());
        }
        drop(memo);
        let mut about = BTreeSet::new();
        for at in places {
            let documents = self.documents(*at)?;
            about.extend(documents.keys().filter_map(|id| self.by_document.get(id)).flatten());
        }
        let seals = about.into_iter().filter_map(|at: &usize| self.exhibits.get(*at));
        let seals: Vec<&Arc<Sealed>> = seals.filter_map(|exhibit| exhibit.signature.as_ref()).collect();
        seals.par_iter().for_each(|seal| {
            let _ = seal.signer();
        });
        Ok(())
    }

    /// Reads what these steps changed, several files at a time, so that it need not be read one by one.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn read_documents(&self, places: impl Iterator<Item = usize>) -> Result<(), TrailError> {
        let mut wanted = BTreeMap::new();
        for at in places.filter(|at| *at > 0) {
            let known = self
                .trunk
                .get(at)
                .is_none_or(|id| self.memo.borrow().documents(*id).is_some());
            if known {
                continue;
            }
            for change in self.changes(at)? {
                let path = super::change::inside(self.history, &change.path);
                if is_compiled(&path) {
                    for (_, id) in change
                        .before
                        .iter()
                        .chain(&change.after)
                        .filter(|(mode, _)| mode.is_blob())
                    {
                        self.files.want(&path, *id, &mut wanted)?;
                    }
                }
            }
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let read = wanted.into_par_iter().map(|(key, text)| {
            let file = Arc::new(File::read(&key.0, text));
            (key, file)
        });
        let read: Vec<_> = read.collect();
        self.files.read.borrow_mut().extend(read);
        Ok(())
    }

    /// What a trunk commit does to an access, from what is remembered or else from `find`; `None` is not remembered.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn done(
        &self,
        commit: ObjectId,
        access: &Access,
        find: impl FnOnce() -> Result<Option<Vec<String>>, TrailError>,
    ) -> Result<Option<Vec<String>>, TrailError> {
        if let Some(known) = self.memo.borrow().done(commit, access) {
            return Ok(Some(known));
        }
        let found = find()?;
        if let Some(found) = &found {
            self.memo.borrow_mut().put_done(commit, access, found.clone());
        }
        Ok(found)
    }

    /// All that is known of the step at a place.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn entry(&self, at: usize) -> Result<Entry, TrailError> {
        self.verify_signatures(&[at])?;
        let missing = || TrailError::Read(no_such_place(at));
        let commit = self.history.commit(*self.trunk.get(at).ok_or_else(missing)?)?;
        let documents = self.documents(at)?;
        // The keys before the step; before the first one, its own.
        let before = self.keys_at(at.saturating_sub(1));
        let (written_by, unknown) = self.writers(at, &before);
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
            .filter_map(|id| self.by_document.get(id))
            .flatten()
            .copied()
            .collect();
        for exhibit in about.into_iter().filter_map(|at| self.exhibits.get(at)) {
            if self.is_in_time(exhibit, &entry)? {
                self.word(exhibit, &mut entry, &before);
            }
        }
        entry
            .approvals
            .sort_by(|a, b| (b.given.grade, &a.given.person).cmp(&(a.given.grade, &b.given.person)));
        Ok(entry)
    }

    /// What was found out, to be remembered: of this trunk alone.
    pub fn into_memo(self) -> Memo {
        let ids: BTreeSet<ObjectId> = self.brought.iter().flatten().copied().collect();
        let mut memo = self.memo.into_inner();
        memo.retain(&ids);
        memo
    }

    fn changes(&self, at: usize) -> Result<Vec<Change>, ReadError> {
        self.history.changes_at(self.trunk, at)
    }

    /// Takes down whose keys hold from a place on, where that changes. `holders` are the files that list keys.
    fn follow_keys(
        &mut self,
        at: usize,
        id: ObjectId,
        holders: &mut BTreeMap<String, Rc<Principals>>,
    ) -> Result<(), ReadError> {
        let known = self.memo.borrow().changes_keys(id);
        if known == Some(false) {
            return Ok(());
        }
        let mut changed = at == 0;
        for change in self.changes(at)? {
            let path = super::change::inside(self.history, &change.path);
            if !is_compiled(&path) {
                continue;
            }
            changed |= holders.remove(&path).is_some();
            if let Some(keys) = self.files.keys(&path, change.after)? {
                holders.insert(path, keys);
                changed = true;
            }
        }
        self.memo.borrow_mut().put_changes_keys(id, changed);
        if changed {
            let mut all = Principals::default();
            holders.values().for_each(|keys| all.merge(keys));
            self.keys.push((at, Rc::new(all)));
        }
        Ok(())
    }

    fn keys_at(&self, at: usize) -> Rc<Principals> {
        let after = self.keys.partition_point(|(from, _)| *from <= at);
        let found = after.checked_sub(1).and_then(|index| self.keys.get(index));
        found.map_or_else(Rc::default, |(_, keys)| keys.clone())
    }

    /// Who signed the commits of a step, merges and all, and how many nobody known did.
    fn writers(&self, at: usize, keys: &Principals) -> (BTreeSet<String>, usize) {
        let memo = self.memo.borrow();
        let mut known = BTreeSet::new();
        let mut unknown = 0;
        for id in self.brought.get(at).into_iter().flatten() {
            match memo.signer(*id).as_ref().and_then(|key| keys.holder(key)) {
                Some(Principal::Forge(_)) => {}
                Some(holder) => {
                    known.insert(holder.to_string());
                }
                None => unknown += 1,
            }
        }
        (known, unknown)
    }

    /// Whether what a step changed was, until then, as a statement has it since its base: an approval that was put to
    /// use once says nothing of the next time. One whose base this trunk does not have was given for another.
    fn is_in_time(&self, exhibit: &Exhibit, entry: &Entry) -> Result<bool, TrailError> {
        let Ok(statement) = &exhibit.statement else {
            return Ok(false);
        };
        let base = ObjectId::from_hex(statement.base.as_bytes()).ok();
        let Some(base) = base
            .and_then(|base| self.places.get(&base))
            .filter(|base| **base < entry.at)
        else {
            return Ok(false);
        };
        for at in base + 1..entry.at {
            if self.documents(at)?.keys().any(|id| entry.documents.contains_key(id)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes down what a statement says of a step, if it is about this very step.
    fn word(&self, exhibit: &Exhibit, entry: &mut Entry, before: &Principals) {
        let Ok(statement) = &exhibit.statement else { return };
        let covers = entry
            .documents
            .iter()
            .all(|(id, changed)| statement.documents.get(id) == Some(&changed.sides));
        if !covers || exhibit.until <= entry.at {
            return;
        }
        let added = self.keys_at(exhibit.from.saturating_sub(1));
        let Ok(proof) = evidence::prove(exhibit, statement, before, &added) else {
            return;
        };
        let mut given = Given {
            person: statement.approver.clone(),
            grade: proof.grade,
            fingerprint: proof.fingerprint,
            evidence: exhibit.name.clone(),
            own: false,
        };
        if given.grade == Grade::Claimed {
            let bot = self.vouched.iter().find(|vouched| {
                let says = vouched
                    .block
                    .approvals
                    .iter()
                    .any(|digest| digest.to_string() == exhibit.name);
                let bot = before.holder(&vouched.signer.key);
                says && vouched.at >= entry.at && matches!(bot, Some(Principal::Forge(_)))
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
                let reference = statement.reference.clone();
                let mut all = entry.approvals.iter_mut();
                match all.find(|known| (&known.given.person, &known.reference) == (&given.person, &reference)) {
                    Some(known) if given.grade > known.given.grade => known.given = given,
                    Some(_) => {}
                    None => entry.approvals.push(Approval { given, reference }),
                }
            }
        }
    }
}

impl Changed {
    fn nothing() -> Self {
        Self {
            sides: Sides {
                before: None,
                after: None,
            },
            words: BTreeSet::new(),
        }
    }
}

fn signer(commit: &Commit) -> Option<Key> {
    match commit.signed() {
        Signed::By(signer) => Some(signer.key),
        _ => None,
    }
}

/// How many texts are kept: those of a long trunk, and not of every file that ever was.
const KEPT_TEXTS: usize = 16_384;

/// Files that were read, by path and blob.
struct Files<'h> {
    history: &'h History,
    read: RefCell<HashMap<(String, ObjectId), Arc<File>>>,
    /// Their texts, each read once: whose keys a file lists is asked before what else it says.
    texts: RefCell<HashMap<ObjectId, Rc<str>>>,
}

/// What stands on one side of a change.
type Entered = Option<(gix::objs::tree::EntryMode, ObjectId)>;

impl<'h> Files<'h> {
    fn new(history: &'h History) -> Self {
        Self {
            history,
            read: RefCell::default(),
            texts: RefCell::default(),
        }
    }

    /// The documents of a file; none where no file stands there.
    fn of(&self, path: &str, side: Entered) -> Result<Option<Arc<File>>, ReadError> {
        let Some((_, id)) = side.filter(|(mode, _)| mode.is_blob()) else {
            return Ok(None);
        };
        let key = (path.to_owned(), id);
        if let Some(known) = self.read.borrow().get(&key) {
            return Ok(Some(known.clone()));
        }
        let read = Arc::new(File::read(path, self.text(id)?.to_string()));
        self.read.borrow_mut().insert(key, read.clone());
        Ok(Some(read))
    }

    /// Whose keys a file lists, where it has any such document.
    fn keys(&self, path: &str, side: Entered) -> Result<Option<Rc<Principals>>, ReadError> {
        let Some((_, id)) = side.filter(|(mode, _)| mode.is_blob()) else {
            return Ok(None);
        };
        Ok(file::keys(path, &self.text(id)?).map(Rc::new))
    }

    /// Adds the text of a file that was not read yet.
    fn want(
        &self,
        path: &str,
        id: ObjectId,
        wanted: &mut BTreeMap<(String, ObjectId), String>,
    ) -> Result<(), ReadError> {
        let key = (path.to_owned(), id);
        if !self.read.borrow().contains_key(&key) && !wanted.contains_key(&key) {
            let text = self.text(id)?.to_string();
            wanted.insert(key, text);
        }
        Ok(())
    }

    fn text(&self, id: ObjectId) -> Result<Rc<str>, ReadError> {
        if let Some(known) = self.texts.borrow().get(&id) {
            return Ok(known.clone());
        }
        // What is too large to be read does not compile either, so it says nothing.
        let bytes = self.history.blob_within(id, crate::source::MAX_FILE_BYTES)?;
        let text: Rc<str> = String::from_utf8_lossy(&bytes.unwrap_or_default()).into();
        let mut texts = self.texts.borrow_mut();
        if texts.len() >= KEPT_TEXTS {
            texts.clear();
        }
        texts.insert(id, text.clone());
        Ok(text)
    }
}
