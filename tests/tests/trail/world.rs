//! A small organisation in a git repository, whose history a test writes commit by commit.
//!
//! Objects are written with gix, so that a test can make any commit, well formed or not. Keys come of names, so that
//! every run makes the same commits.

use polity_tests::git::git;
use std::collections::BTreeMap;
use std::path::Path;

use gix::ObjectId;
use gix::objs::tree::EntryKind;
use polity::report::trail::shortfalls;
use polity::trail::approve::propose;
use polity::trail::error::TrailError;
use polity::trail::history::History;
use polity::trail::state::States;
use polity::trail::statement::{Statement, Verdict};
use polity::trail::upgrade::Made;
use polity::trail::verify::{Trail, Trusted, verify};
use sha2::{Digest as _, Sha256};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

pub const MAIN: &str = "refs/heads/main";
pub const COMMIT: &str = "git";
pub const APPROVAL: &str = "polity-approval@v1";

/// A path's content: bytes and what kind of entry it is.
pub type Files = BTreeMap<String, (EntryKind, Vec<u8>)>;

pub struct World {
    pub folder: tempfile::TempDir,
    pub repository: gix::Repository,
    /// The trunk's last commit.
    pub main: ObjectId,
    /// The branch's last commit; the trunk's where there is none.
    pub head: ObjectId,
    /// The files of `head`, as they are being edited.
    pub files: Files,
    pub introductory: ObjectId,
    pub organization: &'static str,
    commits: i64,
}

/// A folder in memory where there is one: git makes a folder for every other object, and a disk is slow at that.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// The key of a name.
pub fn key(name: &str) -> PrivateKey {
    let seed: [u8; 32] = Sha256::digest(name).into();
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed)), name).unwrap()
}

pub fn public(name: &str) -> String {
    key(name).public_key().to_openssh().unwrap()
}

pub fn sign(name: &str, namespace: &str, message: &[u8]) -> String {
    let signature = key(name).sign(namespace, HashAlg::Sha512, message).unwrap();
    signature.to_pem(LineEnding::LF).unwrap()
}

/// The policy that most tests widen: how much a refund may be.
pub fn refunds(most: u32) -> String {
    format!(
        "kind: Policy\nname: refunds\nrules:\n  small:\n    effect: allow\n    agents: [payments/bot]\n    \
         environments: [production]\n    actions: [billing.refund]\n    when: context.args.amount <= {most}\n"
    )
}

pub const REFUNDS: &str = "teams/payments/refunds.yaml";
pub const RULES: &str = "rules.yaml";

fn person(name: &str) -> String {
    format!(
        "kind: Person\nname: {name}\nemail: {name}@acme.example\nkeys: [\"{}\"]\n",
        public(name)
    )
}

/// Owners alice and bob, who are the group `security`; carol and dave own the team payments, erin no more than an
/// agent.
fn organization() -> Files {
    let people: Vec<String> = ["alice", "bob", "carol", "dave", "erin", "frank"].map(person).into();
    let files = [
        ("polity.yaml", "polity: v1\nkind: Organization\nname: acme\nowners: [security]\n".to_owned()),
        ("people.yaml", people.join("---\n")),
        (
            "groups.yaml",
            format!(
                "kind: Group\nname: security\nmembers: [alice, bob]\n---\nkind: Forge\nname: gitlab\nkeys: [\"{}\"]\n",
                public("gitlab")
            ),
        ),
        ("team.yaml", "kind: Team\nname: payments\nowners: [carol, dave]\n".to_owned()),
        (
            "environments.yaml",
            "kind: Environment\nname: production\nrank: 3\n---\nkind: Environment\nname: staging\nrank: 1\n".to_owned(),
        ),
        (
            "tools.yaml",
            "kind: Tool\nname: billing\nactions:\n  refund:\n    effect: write\n    external: true\n    \
             reversible: true\n    params: {amount: int}\n"
                .to_owned(),
        ),
        (
            "agents.yaml",
            format!(
                "kind: Agent\nname: bot\nowner: erin\nkill_contact: frank\ngit: {{keys: [\"{}\"]}}\n",
                public("bot")
            ),
        ),
        (
            "teams/payments/deployment.yaml",
            "kind: Deployment\nagent: bot\nenvironments:\n  production: {ring: standard, tools: [billing], enforced_by: \
             gateway}\n  staging: {ring: standard, tools: [billing], enforced_by: gateway}\n"
                .to_owned(),
        ),
        (REFUNDS, refunds(100)),
        (
            RULES,
            "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/payments/**\"]}\nrequire: [{from: \
             [team-owners], count: 1}]\n"
                .to_owned(),
        ),
        ("README.md", "About.\n".to_owned()),
    ];
    let file = |(path, text): (&str, String)| (path.to_owned(), (EntryKind::Blob, text.into_bytes()));
    files.map(file).into()
}

impl World {
    /// The organisation and one commit, which everybody agreed on.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same with some files written otherwise.
    pub fn with(other: &[(&str, &str)]) -> Self {
        let folder = folder();
        let repository = gix::init(folder.path()).unwrap();
        let null = ObjectId::null(gix::hash::Kind::Sha1);
        let mut files = organization();
        for (path, text) in other {
            files.insert((*path).to_owned(), (EntryKind::Blob, text.as_bytes().to_vec()));
        }
        let mut world = Self {
            folder,
            repository,
            main: null,
            head: null,
            files,
            introductory: null,
            organization: "acme",
            commits: 0,
        };
        let id = world.object(&[], "begin", "alice", "alice");
        world.head = id;
        world.set_main(id);
        world.introductory = id;
        world
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn git(&self, words: &[&str]) -> String {
        git(self.path(), words)
    }

    pub fn write(&mut self, path: &str, text: impl AsRef<[u8]>) -> &mut Self {
        self.files
            .insert(path.to_owned(), (EntryKind::Blob, text.as_ref().to_vec()));
        self
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.files[path].1.clone()).unwrap()
    }

    pub fn replace(&mut self, path: &str, from: &str, to: &str) -> &mut Self {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, text.replace(from, to))
    }

    pub fn remove(&mut self, path: &str) -> &mut Self {
        assert!(self.files.remove(path).is_some(), "{path}");
        self
    }

    /// The tree of the files.
    pub fn tree(&self) -> ObjectId {
        let empty = self.repository.empty_tree().id;
        let mut editor = self.repository.edit_tree(empty).unwrap();
        for (path, (kind, bytes)) in &self.files {
            let id = match kind {
                EntryKind::Commit => ObjectId::from_hex(bytes).unwrap(),
                _ => self.repository.write_blob(bytes).unwrap().detach(),
            };
            editor.upsert(path.as_str(), *kind, id).unwrap();
        }
        editor.write().unwrap().detach()
    }

    /// A commit's bytes without a signature. Both names are typed text.
    pub fn unsigned(&mut self, parents: &[ObjectId], message: &str, author: &str) -> String {
        self.commits += 1;
        let time = 1_790_000_000 + self.commits * 60;
        let typed = format!("{author} <{author}@acme.example> {time} +0000");
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let tree = self.tree();
        format!("tree {tree}\n{parents}author {typed}\ncommitter {typed}\n\n{message}\n")
    }

    pub fn write_commit(&self, bytes: &str) -> ObjectId {
        use gix::objs::Write as _;
        let id = self
            .repository
            .objects
            .write_buf(gix::objs::Kind::Commit, bytes.as_bytes());
        id.unwrap()
    }

    /// A commit of the files, typed by `author` and signed with the key of `signer`, unless that is empty.
    pub fn object(&mut self, parents: &[ObjectId], message: &str, author: &str, signer: &str) -> ObjectId {
        let bytes = self.unsigned(parents, message, author);
        let bytes = match signer {
            "" => bytes,
            signer => with_signature(&bytes, &sign(signer, COMMIT, bytes.as_bytes())),
        };
        self.write_commit(&bytes)
    }

    /// Commits the files to the branch, written and signed by one person.
    pub fn commit(&mut self, by: &str) -> &mut Self {
        self.commit_as(by, by, "a change")
    }

    pub fn commit_as(&mut self, author: &str, signer: &str, message: &str) -> &mut Self {
        self.head = self.object(&[self.head], message, author, signer);
        self
    }

    pub fn history(&self) -> History {
        History::open(self.path(), &self.head.to_string()).unwrap().0
    }

    /// What somebody who approves the branch signs.
    pub fn statement(&self, person: &str) -> Statement {
        let proposal = propose(&self.history(), MAIN, self.main, self.head).unwrap();
        proposal.statement(person, Verdict::Approve)
    }

    /// Puts a statement and its signature among the files.
    pub fn add_evidence(&mut self, statement: &Statement, signature: Option<String>) -> String {
        let name = statement.digest().to_string();
        self.write(&format!(".polity/approvals/{name}.json"), statement.to_bytes());
        if let Some(signature) = signature {
            self.write(&format!(".polity/approvals/{name}.sig"), signature);
        }
        name
    }

    /// Has each approve the branch as it is, and commits that to it, unsigned as a bot would.
    pub fn approve(&mut self, people: &[&str]) -> &mut Self {
        for person in people {
            let statement = self.statement(person);
            let signature = sign(person, APPROVAL, &statement.to_bytes());
            self.add_evidence(&statement, Some(signature));
        }
        self.commit_as("bot", "", "approvals")
    }

    /// Merges the branch into the trunk, as a forge does it.
    pub fn merge(&mut self) -> &mut Self {
        self.merge_by("gitlab", "Merge branch")
    }

    pub fn merge_by(&mut self, signer: &str, message: &str) -> &mut Self {
        let id = self.object(&[self.main, self.head], message, signer, signer);
        self.head = id;
        self.set_main(id);
        self
    }

    /// One commit on the trunk with the branch's files.
    pub fn squash(&mut self, signer: &str, message: &str) -> &mut Self {
        let id = self.object(&[self.main], message, "squash", signer);
        self.head = id;
        self.set_main(id);
        self
    }

    /// The trunk becomes the branch, as after a fast-forward.
    pub fn forward(&mut self) -> &mut Self {
        self.set_main(self.head);
        self
    }

    pub fn set_main(&mut self, id: ObjectId) {
        self.main = id;
        let any = gix::refs::transaction::PreviousValue::Any;
        self.repository.reference(MAIN, id, any, "test").unwrap();
    }

    /// Changes a policy of the payments team as erin, approved by carol who owns it, and merges it.
    pub fn approved_step(&mut self, most: u32) -> &mut Self {
        self.write(REFUNDS, refunds(most))
            .commit("frank")
            .approve(&["carol"])
            .merge()
    }

    pub fn trusted(&self) -> Trusted<'static> {
        Trusted {
            organization: self.organization,
            reference: MAIN,
            introductory: self.introductory,
            checkpoint: None,
        }
    }

    /// What this compiler makes of a commit.
    pub fn made(&self, commit: ObjectId) -> Made {
        let state = States::new(&self.history()).of(commit).unwrap();
        Made::here(state.table.as_ref().unwrap())
    }

    pub fn verify(&self) -> Result<Trail, TrailError> {
        self.verify_with(self.trusted())
    }

    pub fn verify_with(&self, trusted: Trusted<'_>) -> Result<Trail, TrailError> {
        let (history, head) = History::open(self.path(), MAIN).map_err(TrailError::Read)?;
        verify(&history, head, trusted)
    }

    /// The trunk's trail holds.
    #[track_caller]
    pub fn holds(&self) -> Trail {
        let trail = self.verify().unwrap();
        assert!(trail.holds(), "{}", shortfalls(&trail));
        trail
    }

    /// It does not, and the report says so in these words.
    #[track_caller]
    pub fn refused(&self, words: &str) {
        let said = match self.verify() {
            Ok(trail) if trail.holds() => panic!("the trail holds, where `{words}` was expected"),
            Ok(trail) => shortfalls(&trail),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(words), "expected `{words}` in:\n{said}");
    }
}

/// A commit's bytes with a signature in its header.
pub fn with_signature(bytes: &str, signature: &str) -> String {
    let (headers, message) = bytes.split_once("\n\n").unwrap();
    let folded = signature.trim_end().replace('\n', "\n ");
    format!("{headers}\ngpgsig {folded}\n\n{message}")
}
