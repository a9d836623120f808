//! What was found out of commits before: bytes in and out, by the id of the commit.
//!
//! Everything in it follows from its commit and from this compiler, so it never grows stale; and whoever can write the
//! file can write anything into it, so it serves to show a history and never to judge one. What cannot be read is
//! forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gix::ObjectId;
use polity_runtime::wire::Digest;
use serde::{Deserialize, Serialize};

use super::super::access::Access;
use super::super::signature::Key;
use super::super::statement::{DocumentId, Sides};
use super::{Changed, Documents};

/// Grows with every change of what is remembered, or of how it is found out.
const VERSION: u32 = 1;

/// What is known of commits.
#[derive(Debug, Default)]
pub struct Memo {
    commits: BTreeMap<ObjectId, Known>,
    /// Whether there is more than was read.
    grown: bool,
}

#[derive(Debug, Default)]
struct Known {
    documents: Option<Rc<Documents>>,
    changes_keys: Option<bool>,
    /// The key that signed it; nobody's where it is not validly signed.
    signer: Option<Option<Key>>,
    /// By access, what it does to it.
    done: BTreeMap<String, Vec<String>>,
}

impl Memo {
    /// Reads what [`Memo::to_bytes`] wrote; nothing where it is anything else, or another compiler's.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::parse(bytes).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let file: File = serde_json::from_slice(bytes).ok()?;
        if file.version != VERSION || file.compiler != env!("CARGO_PKG_VERSION") {
            return None;
        }
        let mut commits = BTreeMap::new();
        for (id, record) in file.commits {
            commits.insert(ObjectId::from_hex(id.as_bytes()).ok()?, record.known()?);
        }
        Some(Self { commits, grown: false })
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let commits = self.commits.iter();
        let file = File {
            version: VERSION,
            compiler: env!("CARGO_PKG_VERSION").to_owned(),
            commits: commits.map(|(id, known)| (id.to_string(), known.record())).collect(),
        };
        serde_json::to_vec(&file).unwrap_or_default()
    }

    /// Whether it is worth writing.
    pub fn has_grown(&self) -> bool {
        self.grown
    }

    pub(super) fn documents(&self, id: ObjectId) -> Option<Rc<Documents>> {
        self.commits.get(&id)?.documents.clone()
    }

    pub(super) fn put_documents(&mut self, id: ObjectId, documents: Rc<Documents>) {
        self.known(id).documents = Some(documents);
    }

    pub(super) fn changes_keys(&self, id: ObjectId) -> Option<bool> {
        self.commits.get(&id)?.changes_keys
    }

    pub(super) fn put_changes_keys(&mut self, id: ObjectId, changed: bool) {
        if self.changes_keys(id) != Some(changed) {
            self.known(id).changes_keys = Some(changed);
        }
    }

    pub(super) fn has_signer(&self, id: ObjectId) -> bool {
        self.commits.get(&id).is_some_and(|known| known.signer.is_some())
    }

    /// The key that signed a commit, where one did.
    pub(super) fn signer(&self, id: ObjectId) -> Option<Key> {
        self.commits.get(&id)?.signer.clone()?
    }

    pub(super) fn put_signer(&mut self, id: ObjectId, signer: Option<&Key>) {
        self.known(id).signer = Some(signer.cloned());
    }

    pub(super) fn done(&self, id: ObjectId, access: &Access) -> Option<Vec<String>> {
        self.commits.get(&id)?.done.get(&key(access)).cloned()
    }

    pub(super) fn put_done(&mut self, id: ObjectId, access: &Access, done: Vec<String>) {
        self.known(id).done.insert(key(access), done);
    }

    pub(super) fn retain(&mut self, ids: &BTreeSet<ObjectId>) {
        self.commits.retain(|id, _| ids.contains(id));
    }

    fn known(&mut self, id: ObjectId) -> &mut Known {
        self.grown = true;
        self.commits.entry(id).or_default()
    }
}

/// Names have no spaces.
fn key(access: &Access) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
    let parts = [&access.environment, &access.tool, &access.action].map(part);
    format!("{} {}", access.agent, parts.join(" "))
}

/// The file. Fields that are not there are not known.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    compiler: String,
    commits: BTreeMap<String, Record>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<Document>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<bool>,
    /// Empty where nobody validly signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    done: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    id: String,
    before: Option<String>,
    after: Option<String>,
    words: BTreeSet<String>,
}

impl Known {
    fn record(&self) -> Record {
        let document = |(id, changed): (&DocumentId, &Changed)| Document {
            id: id.to_string(),
            before: changed.sides.before.map(|digest| digest.to_string()),
            after: changed.sides.after.map(|digest| digest.to_string()),
            words: changed.words.clone(),
        };
        let documents = self.documents.as_ref();
        Record {
            documents: documents.map(|documents| documents.iter().map(document).collect()),
            keys: self.changes_keys,
            done: self.done.clone(),
            signer: self.signer.as_ref().map(|key| {
                key.as_ref()
                    .map_or_else(String::new, |key| key.to_openssh().unwrap_or_default())
            }),
        }
    }
}

impl Record {
    fn known(self) -> Option<Known> {
        let digest = |side: Option<String>| match side {
            None => Some(None),
            Some(text) => Digest::parse(&text).map(Some),
        };
        let document = |one: Document| {
            let sides = Sides {
                before: digest(one.before)?,
                after: digest(one.after)?,
            };
            let words = one.words;
            Some((DocumentId::parse(&one.id)?, Changed { sides, words }))
        };
        let documents = match self.documents {
            None => None,
            Some(all) => Some(Rc::new(all.into_iter().map(document).collect::<Option<Documents>>()?)),
        };
        let signer = match self.signer.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => Some(Some(Key::parse(text).ok()?)),
        };
        Some(Known {
            documents,
            changes_keys: self.keys,
            signer,
            done: self.done,
        })
    }
}
