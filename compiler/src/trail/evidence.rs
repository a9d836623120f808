//! What people and merge bots said: the files of `.polity/approvals/` and the messages of trunk commits in, approvals
//! with their grade out, each with the reason why it does not count where it does not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use gix::ObjectId;
use polity_runtime::wire::Digest;

use super::history::{History, Signed};
use super::principals::{Principal, Principals};
use super::signature::{self, APPROVAL, SignatureError, Signer};
use super::statement::{Block, Statement};
use crate::ast::Evidence;
use crate::source::ReadError;

/// The largest statement that is read: as large as any file may be. The longest lists some thousand answers.
const LARGEST_EVIDENCE: u64 = crate::source::MAX_FILE_BYTES;

/// A statement in a trunk tree, and whatever signature lies beside it.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// The file's name without its extension.
    pub name: String,
    /// The statement, or what is wrong with it.
    pub statement: Result<Rc<Statement>, String>,
    /// Its signature.
    pub signature: Option<Arc<Sealed>>,
    /// What both files are.
    blobs: Blobs,
    /// The first commit of the trunk that was looked at, by its place, whose tree has it, and the one after the last. It
    /// may have been away in between; then there are two exhibits.
    pub from: usize,
    /// One past the last.
    pub until: usize,
}

/// A signature over a statement, verified when somebody asks: hardly any statement of a long trunk is about one step.
#[derive(Debug)]
pub struct Sealed {
    /// Nothing where it is no file, or too large for one.
    armour: Option<Vec<u8>>,
    statement: Vec<u8>,
    verified: OnceLock<Result<Signer, SignatureError>>,
}

impl Sealed {
    /// Whose key made it, if it holds.
    pub fn signer(&self) -> &Result<Signer, SignatureError> {
        self.verified.get_or_init(|| match &self.armour {
            Some(armour) => signature::verify(armour, APPROVAL, &self.statement),
            None => Err(SignatureError::Malformed),
        })
    }
}

/// How an approval is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nobody signed it.
    Claimed,
    /// A merge bot says so.
    Forge,
    /// The person signed it.
    Signed,
    /// The person touched the key that signed it.
    Present,
}

impl Grade {
    /// Whether it is at least what a rule asks for.
    pub fn satisfies(self, evidence: Evidence) -> bool {
        self >= match evidence {
            Evidence::Forge => Self::Forge,
            Evidence::Signed => Self::Signed,
            Evidence::Present => Self::Present,
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claimed => "claimed",
            Self::Forge => "forge",
            Self::Signed => "signed",
            Self::Present => "present",
        })
    }
}

impl Exhibit {
    /// Whether a tree has both files as they are.
    pub(super) fn stands_in(&self, history: &History, tree: ObjectId) -> Result<bool, ReadError> {
        let folder = history.approvals();
        let blob = |extension: &str| {
            let found = history.entry(tree, &format!("{folder}/{}.{extension}", self.name));
            let found = ReadError::unless_malformed(found)?.flatten();
            Ok(found.filter(|(mode, _)| mode.is_blob()).map(|(_, id)| id))
        };
        Ok((blob("json")?, blob("sig")?) == (Some(self.blobs.0), self.blobs.1))
    }
}

/// A statement, and its signature.
type Blobs = (ObjectId, Option<ObjectId>);

/// Reads the evidence of every tree of a trunk.
pub struct Archive<'h> {
    history: &'h History,
    /// What was read, by the ids of the statement and its signature: a file stands in many trees.
    read: RefCell<BTreeMap<Blobs, Rc<Read>>>,
}

struct Read {
    statement: Result<Rc<Statement>, String>,
    signature: Option<Arc<Sealed>>,
    digest: Digest,
}

impl<'h> Archive<'h> {
    /// Nothing read yet.
    pub fn new(history: &'h History) -> Self {
        Self {
            history,
            read: RefCell::default(),
        }
    }

    /// Everything that lay in the folder of approvals at any commit of the trunk, from a place on.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn exhibits(&self, trunk: &[ObjectId], since: usize) -> Result<Vec<Exhibit>, ReadError> {
        let folder = self.history.approvals();
        // By name: the statement, its signature and the place since which both are as they are.
        let mut open: BTreeMap<String, (Option<ObjectId>, Option<ObjectId>, usize)> = BTreeMap::new();
        let mut all = Vec::new();
        let mut last: Option<ObjectId> = None;
        for (at, commit) in trunk.iter().enumerate().skip(since) {
            let tree = self.history.commit(*commit)?.tree;
            // A folder that nobody can read holds no evidence.
            let mut id = ReadError::unless_malformed(self.history.folder_at(tree, &folder))?.flatten();
            if last == id {
                continue;
            }
            let changed = match ReadError::unless_malformed(self.history.files_between(last, id))? {
                Some(changed) => changed,
                None => {
                    id = None;
                    self.history.files_between(last, id)?
                }
            };
            last = id;
            // A statement and its signature often come together, and are one exhibit.
            let mut touched: BTreeMap<String, (Option<ObjectId>, Option<ObjectId>)> = BTreeMap::new();
            for (file, now) in changed {
                let Some((name, extension)) = file.rsplit_once('.') else {
                    continue;
                };
                let known = open.get(name).map(|(json, sig, _)| (*json, *sig)).unwrap_or_default();
                let files = touched.entry(name.to_owned()).or_insert(known);
                match extension {
                    "json" => files.0 = now,
                    "sig" => files.1 = now,
                    _ => {}
                }
            }
            for (name, (json, sig)) in touched {
                let before = open.get(&name).copied();
                if before.is_some_and(|(one, other, _)| (one, other) == (json, sig)) {
                    continue;
                }
                if let Some((Some(json), sig, from)) = before {
                    all.push(self.exhibit((name.clone(), json, sig), from, at)?);
                }
                match (json, sig) {
                    (None, None) => drop(open.remove(&name)),
                    (json, sig) => drop(open.insert(name, (json, sig, at))),
                }
            }
        }
        for (name, (json, sig, from)) in open {
            if let Some(json) = json {
                all.push(self.exhibit((name, json, sig), from, trunk.len())?);
            }
        }
        all.sort_by(|a, b| (&a.name, a.from).cmp(&(&b.name, b.from)));
        Ok(all)
    }

    fn exhibit(
        &self,
        (name, statement, signature): (String, ObjectId, Option<ObjectId>),
        from: usize,
        until: usize,
    ) -> Result<Exhibit, ReadError> {
        let key = (statement, signature);
        let known = self.read.borrow().get(&key).cloned();
        let read = match known {
            Some(read) => read,
            None => {
                let read = Rc::new(self.read(statement, signature)?);
                self.read.borrow_mut().insert(key, read.clone());
                read
            }
        };
        let named = match &read.statement {
            Ok(_) if read.digest.to_string() != name => {
                Err("does not have its content's digest as its name".to_owned())
            }
            other => other.clone(),
        };
        Ok(Exhibit {
            name,
            statement: named,
            signature: read.signature.clone(),
            blobs: key,
            from,
            until,
        })
    }

    fn read(&self, statement: ObjectId, signature: Option<ObjectId>) -> Result<Read, ReadError> {
        // Anybody may add a file here, so whatever it is must only count for nothing.
        let Some(bytes) = self.history.blob_within(statement, LARGEST_EVIDENCE)? else {
            return Ok(Read {
                statement: Err(format!("is no file, or larger than {LARGEST_EVIDENCE} bytes")),
                signature: None,
                digest: Digest::of(b""),
            });
        };
        let signature = match signature {
            Some(id) => Some(Arc::new(Sealed {
                armour: self.history.blob_within(id, LARGEST_EVIDENCE)?,
                statement: bytes.clone(),
                verified: OnceLock::new(),
            })),
            None => None,
        };
        Ok(Read {
            statement: Statement::from_bytes(&bytes).map(Rc::new),
            signature,
            digest: Digest::of(&bytes),
        })
    }
}

/// What a merge bot vouches for in a trunk commit that it signed.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// The commit's place in the trunk.
    pub at: usize,
    /// The bot's key.
    pub signer: Signer,
    /// What it wrote.
    pub block: Block,
}

/// Reads the blocks of the trunk commits from a place on. Whose the keys are is not asked here.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub fn vouched(history: &History, trunk: &[ObjectId], from: usize) -> Result<Vec<Vouched>, ReadError> {
    let mut all = Vec::new();
    for (at, id) in trunk.iter().enumerate().skip(from) {
        let commit = history.commit(*id)?;
        if let Some(block) = Block::parse(&commit.message)
            && let Signed::By(signer) = commit.signed()
        {
            all.push(Vouched { at, signer, block });
        }
    }
    Ok(all)
}

/// A proof that a person gave a statement, under the keys of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How strong it is.
    pub grade: Grade,
    /// The fingerprint of the key that proves it; none where nothing does.
    pub fingerprint: Option<String>,
}

/// Who proves a statement, and how. `keys` are those of the tree before the step; `added` those of the tree before
/// the commit that added the evidence. A key must be the person's in both.
///
/// # Errors
/// Why the signature proves nothing, as the end of a sentence about the approval.
pub fn prove(exhibit: &Exhibit, statement: &Statement, keys: &Principals, added: &Principals) -> Result<Proof, String> {
    let Some(signature) = &exhibit.signature else {
        return Ok(Proof {
            grade: Grade::Claimed,
            fingerprint: None,
        });
    };
    let signer = signature.signer().as_ref().map_err(ToString::to_string)?;
    let fingerprint = signer.key.fingerprint();
    match keys.holder(&signer.key) {
        None => {
            return Err(format!(
                "its key {fingerprint} belongs to nobody in the tree before the step"
            ));
        }
        Some(Principal::Person(name)) if *name == statement.approver => {}
        Some(other) => {
            return Err(format!(
                "it says that `{}` gave it, and its key {fingerprint} is that of {other}",
                statement.approver
            ));
        }
    }
    if added.holder(&signer.key) != keys.holder(&signer.key) {
        return Err(format!(
            "its key {fingerprint} was not `{}`'s in the tree before the commit that added it",
            statement.approver
        ));
    }
    Ok(Proof {
        grade: if signer.present { Grade::Present } else { Grade::Signed },
        fingerprint: Some(fingerprint),
    })
}
