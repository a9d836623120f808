//! A commit: its bytes in, what it says of itself and who signed it out. It knows no repository.

use std::sync::OnceLock;

use gix::ObjectId;

use crate::source::git;
use crate::trail::signature::{self, COMMIT, SignatureError, Signer};

/// A commit, as its own bytes say it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents; the first is the trunk's.
    pub parents: Vec<ObjectId>,
    /// Typed text: says nothing about who wrote it.
    pub author: Typed,
    /// Typed text likewise.
    pub committer: Typed,
    /// When it claims to have been made, as git reads it; absent where git cannot.
    pub(super) moment: Option<i64>,
    /// The message; what is not UTF-8 is replaced.
    pub message: String,
    /// How it is signed, not yet verified.
    signature: Signature,
    /// The same, once it is.
    verified: OnceLock<Signed>,
    /// Why it cannot be read. Nothing else is known of it then.
    pub malformed: Option<String>,
}

/// A name, an address and a time that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Seconds since 1970; 0 where it cannot be read.
    pub seconds: i64,
}

#[derive(Debug, Clone)]
enum Signature {
    None,
    /// More than one header, or one for another hash: two readers could see two signatures.
    Ambiguous,
    One {
        armour: Vec<u8>,
        payload: Vec<u8>,
    },
}

/// Who signed a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Nobody.
    Unsigned,
    /// It has several signatures, so none counts.
    Ambiguous,
    /// It has one that does not count.
    Bad(SignatureError),
    /// It holds.
    By(Signer),
}

impl Typed {
    /// Reads `name <address> seconds zone`, and of what is not like that as much as is.
    fn read(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let (name, rest) = line.split_once('<').unwrap_or((&line, ""));
        let (email, time) = rest.rsplit_once('>').unwrap_or((rest, ""));
        let seconds = time.split_ascii_whitespace().next();
        Self {
            name: name.trim().to_owned(),
            email: email.trim().to_owned(),
            seconds: seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_default(),
        }
    }
}

impl Commit {
    /// As its bytes say it.
    pub(super) fn of(id: ObjectId, data: &[u8], links: &git::Links<'_>) -> Self {
        let typed = |name: &[u8]| {
            let mut lines = links.rest.split(|byte| *byte == b'\n');
            Typed::read(lines.find_map(|line| line.strip_prefix(name)).unwrap_or_default())
        };
        Self {
            id,
            tree: links.tree,
            author: typed(b"author "),
            committer: typed(b"committer "),
            moment: gix::objs::CommitRefIter::from_bytes(data, id.kind())
                .committer()
                .ok()
                .map(|committer| committer.seconds()),
            message: String::from_utf8_lossy(links.message).into_owned(),
            parents: links.parents.clone(),
            signature: signature_of(data, id.kind()),
            verified: OnceLock::new(),
            malformed: None,
        }
    }

    /// Of which nothing is known but its id.
    pub(super) fn unreadable(id: ObjectId, message: String) -> Self {
        let nobody = || Typed::read(b"");
        Self {
            id,
            tree: ObjectId::empty_tree(id.kind()),
            parents: Vec::new(),
            author: nobody(),
            committer: nobody(),
            moment: None,
            message: String::new(),
            signature: Signature::None,
            verified: OnceLock::new(),
            malformed: Some(message),
        }
    }

    /// Who signed it.
    pub fn signed(&self) -> Signed {
        let verify = || match &self.signature {
            Signature::None => Signed::Unsigned,
            Signature::Ambiguous => Signed::Ambiguous,
            Signature::One { armour, payload } => match signature::verify(armour, COMMIT, payload) {
                Ok(signer) => Signed::By(signer),
                Err(error) => Signed::Bad(error),
            },
        };
        self.verified.get_or_init(verify).clone()
    }

    /// Its message's first line.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }
}

/// The signature header, and the commit without it: what was signed. Git joins several headers and other readers take
/// the first, so a commit with two is read as signed by none.
fn signature_of(data: &[u8], hash: gix::hash::Kind) -> Signature {
    let name: &[u8] = match hash {
        gix::hash::Kind::Sha1 => b"gpgsig ",
        _ => b"gpgsig-sha256 ",
    };
    let mut armour: Option<Vec<u8>> = None;
    let mut payload = Vec::with_capacity(data.len());
    let mut rest = data;
    let mut within = false;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        if line == b"\n" {
            break;
        }
        rest = after;
        if line.starts_with(b"gpgsig") {
            if armour.is_some() || !line.starts_with(name) {
                return Signature::Ambiguous;
            }
            armour = Some(line.get(name.len()..).unwrap_or_default().to_vec());
            within = true;
        } else if let (true, Some(armour), Some(folded)) = (within, &mut armour, line.strip_prefix(b" ")) {
            armour.extend_from_slice(folded);
        } else {
            within = false;
            payload.extend_from_slice(line);
        }
    }
    payload.extend_from_slice(rest);
    match armour {
        None => Signature::None,
        // Git ends its text at such a byte, and what is signed would be another thing than what is shown.
        Some(_) if data.contains(&0) => Signature::Ambiguous,
        Some(armour) => Signature::One { armour, payload },
    }
}
