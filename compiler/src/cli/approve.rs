//! `polity approve`: shows what a branch does, and signs and commits the word of whoever approves it.

use std::{
    io::{BufRead as _, IsTerminal as _},
    path::PathBuf,
};

use gix::ObjectId;
use gix::objs::tree::EntryKind;

use super::{Console, Exit, Failure, build::trust_root, files, ssh_agent, surroundings, trail};
use crate::ast::Moment;
use crate::report::trail as report;
use crate::trail::apart::apart;
use crate::trail::approve::{Proposal, propose, propose_upgrade};
use crate::trail::history::History;
use crate::trail::principals::Principal;
use crate::trail::signature::{self, APPROVAL, Key, Secret};
use crate::trail::state::States;
use crate::trail::statement::{Statement, Verdict};
use crate::trail::verify::{Judged, review};

/// Approve what a branch does
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity approve --key ~/.ssh/id_ed25519           the branch you are on
  polity approve main..HEAD --key ~/.ssh/id_ed25519_sk.pub
  polity approve --reject --key ~/.ssh/id_ed25519
  polity approve --dry-run                         only shows what it does
  polity approve --previous acme.polity --trust trust.json \\
    --key ~/.ssh/id_ed25519

The last one approves what a new compiler changes.

The key must be listed by your Person document on the trunk. Of a `.pub` file
the ssh-agent holds the secret half, as it does for a hardware key. What is
signed is written to `.polity/approvals/` and committed: push the branch.")]
pub(super) struct Arguments {
    /// What to approve: from where it leaves BASE to HEAD [default: REF..HEAD]
    #[arg(value_name = "BASE..HEAD")]
    range: Option<String>,
    /// The repository
    #[arg(long, default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// An OpenSSH key file, or the `.pub` file of a key that the ssh-agent holds
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    key: Option<PathBuf>,
    /// The ref that the branch is to be merged into
    #[arg(long = "ref", value_name = "REF", default_value = "refs/heads/main")]
    reference: String,
    /// Approve what this compiler makes otherwise of this bundle's commit than the one that built it
    #[arg(long, value_name = "BUNDLE", requires = "trust", conflicts_with_all = ["range", "reference"])]
    previous: Option<PathBuf>,
    /// With --previous: the trust root, which names the organisation and the ref
    #[arg(long, value_name = "FILE", requires = "previous")]
    trust: Option<PathBuf>,
    /// Say no instead: it is shown, and blocks nothing by itself
    #[arg(long)]
    reject: bool,
    /// Show what it does, and what it needs, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Asked {
        opened,
        proposal,
        judged,
        sole_owner,
    } = match &arguments.previous {
        None => branch(&arguments)?,
        Some(previous) => match upgrade(&arguments, previous)? {
            Some(asked) => asked,
            None => {
                console.remark("this compiler comes to the same as the previous bundle: there is nothing to approve\n");
                return Ok(Exit::Yes);
            }
        },
    };
    let history = &opened.history;
    console.result(&report::review(&judged, sole_owner, None))?;
    if proposal.step.facts.is_empty() {
        console.remark("there is nothing to approve\n");
        return Ok(Exit::Yes);
    }
    let Some(key) = arguments.key else {
        return Ok(Exit::Yes);
    };
    let verdict = if arguments.reject {
        Verdict::Reject
    } else {
        Verdict::Approve
    };
    if arguments.dry_run {
        // Nothing is signed, so the key need not be one that can.
        let person = Signing::read(&key).and_then(|signing| approver(&proposal, &signing.public()?));
        if let Ok(person) = person {
            console.remark(&own(history, &proposal, &judged, &person, verdict)?);
        }
        return Ok(Exit::Yes);
    }
    let signing = Signing::read(&key)?;
    let person = approver(&proposal, &signing.public()?)?;
    let branch = Branch::checked_out(history, opened.head)?;
    console.remark(&own(history, &proposal, &judged, &person, verdict)?);
    if !arguments.yes && !confirmed(&person, verdict, console)? {
        return Err(Failure::falls_short("nothing was signed"));
    }
    let signed = branch.sign(history, &proposal, &signing, verdict, surroundings::now()?)?;
    console.result(&format!("{}\n", signed.path))?;
    console.remark(&format!("{}; push the branch\n", signed.by_whom()));
    Ok(Exit::Yes)
}

/// What somebody's approval counts for who wrote part of what they approve; nothing where that does not matter.
fn own(
    history: &History,
    proposal: &Proposal,
    judged: &Judged,
    person: &str,
    verdict: Verdict,
) -> Result<String, Failure> {
    let counts = judged.answers.iter().any(|answer| answer.may_count(person));
    if verdict == Verdict::Reject || counts || !proposal.excludes(person, &judged.authors) {
        return Ok(String::new());
    }
    let ends = (proposal.base, proposal.head);
    let parts = apart(history, ends, &proposal.statement(person, verdict));
    Ok(report::own(person, &parts.map_err(|error| trail::failure(&error))?))
}

/// What is to be approved, and what it needs.
struct Asked {
    opened: trail::Opened,
    proposal: Proposal,
    judged: Judged,
    sole_owner: bool,
}

/// What a branch does to the trunk.
fn branch(arguments: &Arguments) -> Result<Asked, Failure> {
    let (base, head) = match &arguments.range {
        None => (None, "HEAD"),
        Some(range) => {
            let wrong = || Failure::misuse(format!("`{range}` is not of the form `BASE..HEAD`"));
            let (base, head) = range.split_once("..").ok_or_else(wrong)?;
            (
                Some(base).filter(|base| !base.is_empty()),
                if head.is_empty() { "HEAD" } else { head },
            )
        }
    };
    let opened = trail::open(&arguments.path, Some(head))?;
    let history = &opened.history;
    let trunk = match base {
        Some(base) => history.commit_of(base),
        None => history.tip(&arguments.reference),
    };
    let trunk = trunk.map_err(|error| trail::failure(&error.into()))?;
    let proposal =
        propose(history, &arguments.reference, trunk, opened.head).map_err(|error| trail::failure(&error))?;
    let review = review(history, trunk, opened.head, None, &arguments.reference);
    let review = review.map_err(|error| trail::failure(&error))?;
    Ok(Asked {
        opened,
        proposal,
        judged: review.judged,
        sole_owner: review.sole_owner,
    })
}

/// What this compiler makes otherwise of a bundle's commit. Nothing where it comes to the same.
fn upgrade(arguments: &Arguments, previous: &std::path::Path) -> Result<Option<Asked>, Failure> {
    let wanted = arguments.trust.as_deref();
    let wanted = wanted.ok_or_else(|| Failure::misuse("`--previous` takes `--trust FILE`, too"))?;
    let trust = trust_root(&files::read(wanted, "the trust root", files::LARGEST_KEY)?)?;
    let bytes = files::read(previous, "the previous bundle", files::LARGEST_BUNDLE)?;
    let previous = trail::previous(bytes, &trust, surroundings::now()?)?;
    let opened = trail::open(&arguments.path, None)?;
    let trusted = trail::trusted(&opened.history, &trust, Some(&previous))?;
    let found = propose_upgrade(&opened.history, trusted, opened.head).map_err(|error| trail::failure(&error))?;
    let sole_owner = |commit| States::new(&opened.history).of(commit);
    let sole_owner = found
        .as_ref()
        .map(|(proposal, _)| sole_owner(proposal.base))
        .transpose();
    let sole_owner = sole_owner.map_err(|error| trail::failure(&error.into()))?;
    Ok(found.map(|(proposal, judged)| Asked {
        opened,
        proposal,
        judged,
        sole_owner: sole_owner.is_some_and(|state| state.organization.sole_owner),
    }))
}

/// What was signed, and committed.
pub(super) struct Signed {
    /// The statement's file.
    pub(super) path: String,
    /// The commit that brings it, to which the branch now points.
    pub(super) commit: ObjectId,
    person: String,
    fingerprint: String,
}

impl Signed {
    /// Whose signature it is.
    pub(super) fn by_whom(&self) -> String {
        format!("signed by {} with {}", self.person, self.fingerprint)
    }
}

fn approver(proposal: &Proposal, key: &Key) -> Result<String, Failure> {
    match proposal.holder(key) {
        Some(Principal::Person(name)) => Ok(name.clone()),
        Some(other) => Err(Failure::falls_short(format!(
            "the key {} is that of {other}, and only people approve",
            key.fingerprint()
        ))),
        None => Err(
            Failure::falls_short(format!("the key {} belongs to nobody on the trunk", key.fingerprint()))
                .with_help("list it in your Person document first, by a merge request of its own"),
        ),
    }
}

fn confirmed(person: &str, verdict: Verdict, console: &mut Console) -> Result<bool, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::misuse("nobody is there to be asked").with_help("`--yes` signs without asking"));
    }
    console.remark(&format!("{verdict} as {person}? [y/N] "));
    let mut line = String::new();
    let read = input.lock().read_line(&mut line);
    read.map_err(|error| Failure::environment(format!("cannot read the answer: {error}")))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// What signs.
pub(super) enum Signing {
    File(Box<Secret>),
    Agent { key: Key, socket: PathBuf },
}

impl Signing {
    fn read(path: &std::path::Path) -> Result<Self, Failure> {
        let bytes = zeroize::Zeroizing::new(files::read_regular(path, "the key", files::LARGEST_KEY)?);
        let text = std::str::from_utf8(&bytes).map_err(|error| Failure::path("cannot use the key", path, &error))?;
        if let Ok(key) = Key::parse(text) {
            let socket = surroundings::ssh_agent().ok_or_else(|| {
                Failure::environment("`SSH_AUTH_SOCK` names no ssh-agent, which would hold the secret half of that key")
            })?;
            return Ok(Self::Agent { key, socket });
        }
        let secret = Secret::parse(text).map_err(|error| Failure::path("cannot use the key", path, &error))?;
        Ok(Self::File(Box::new(secret)))
    }

    fn public(&self) -> Result<Key, Failure> {
        match self {
            Self::File(secret) => secret.public().map_err(|error| Failure::environment(error.to_string())),
            Self::Agent { key, .. } => Ok(key.clone()),
        }
    }

    fn sign(&self, statement: &Statement) -> Result<String, Failure> {
        let bytes = statement.to_bytes();
        let fail = |error: signature::SignatureError| Failure::environment(error.to_string());
        match self {
            Self::File(secret) => secret.sign(APPROVAL, &bytes).map_err(fail),
            Self::Agent { key, socket } => {
                let to_sign = signature::to_sign(APPROVAL, &bytes).map_err(fail)?;
                let blob = ssh_agent::sign(socket, key, &to_sign)?;
                key.armour(APPROVAL, &blob).map_err(fail)
            }
        }
    }
}

/// The branch that the statement is committed to.
pub(super) struct Branch {
    head: ObjectId,
    name: gix::refs::FullName,
}

impl Branch {
    /// The branch that is checked out, if it is the one that was looked at.
    pub(super) fn checked_out(history: &History, head: ObjectId) -> Result<Self, Failure> {
        let repository = history.repository();
        let here = repository.head_id().map(gix::Id::detach).ok();
        let name = repository.head_name().ok().flatten();
        match (here, name) {
            (Some(here), Some(name)) if here == head => Ok(Self { head, name }),
            _ => Err(
                Failure::misuse("the statement is committed to the branch that is approved, and another is here")
                    .with_help("check that branch out first"),
            ),
        }
    }

    /// Has whoever holds the key sign what the branch does, and commits that to it.
    pub(super) fn sign(
        &self,
        history: &History,
        proposal: &Proposal,
        signing: &Signing,
        verdict: Verdict,
        now: Moment,
    ) -> Result<Signed, Failure> {
        let public = signing.public()?;
        let person = approver(proposal, &public)?;
        let statement = proposal.statement(&person, verdict);
        let armour = signing.sign(&statement)?;
        // An agent that signs something else, or a broken key, is noticed here and not on the trunk.
        signature::verify(armour.as_bytes(), APPROVAL, &statement.to_bytes())
            .map_err(|error| Failure::environment(format!("the signature cannot be used: {error}")))?;
        let (path, commit) = self.commit(history, &statement, &armour, &person, now)?;
        let fingerprint = public.fingerprint();
        Ok(Signed {
            path,
            commit,
            person,
            fingerprint,
        })
    }

    /// Commits the statement and its signature, and puts both into the work tree and its index. Gives the file's path
    /// and the commit.
    fn commit(
        &self,
        history: &History,
        statement: &Statement,
        armour: &str,
        person: &str,
        now: Moment,
    ) -> Result<(String, ObjectId), Failure> {
        let repository = history.repository();
        let fail =
            |error: &dyn std::fmt::Display| Failure::environment(format!("cannot commit the statement: {error}"));
        let stem = format!("{}/{}", history.approvals(), statement.digest());
        let written = [
            (format!("{stem}.json"), statement.to_bytes()),
            (format!("{stem}.sig"), armour.as_bytes().to_vec()),
        ];
        let parent = history
            .commit(self.head)
            .map_err(|error| trail::failure(&error.into()))?;
        let mut editor = repository.edit_tree(parent.tree).map_err(|error| fail(&error))?;
        let mut blobs = Vec::new();
        for (path, bytes) in &written {
            let id = repository.write_blob(bytes).map_err(|error| fail(&error))?.detach();
            editor
                .upsert(path.as_str(), EntryKind::Blob, id)
                .map_err(|error| fail(&error))?;
            blobs.push((path, id));
        }
        let tree = editor.write().map_err(|error| fail(&error))?.detach();
        let who = gix::actor::Signature {
            name: person.into(),
            email: "".into(),
            time: gix::date::Time {
                seconds: now / 1000,
                offset: 0,
            },
        };
        let (verb, message) = match statement.verdict {
            Verdict::Approve => ("approve", "approves"),
            Verdict::Reject => ("reject", "rejects"),
        };
        let message = format!("{verb}: {person} {message} what came since {}\n", statement.base);
        let mut time = gix::date::parse::TimeBuf::default();
        let who = who.to_ref(&mut time);
        // The ref moves only if it still is where it was looked at.
        let commit = repository
            .commit_as(who, who, self.name.clone(), &message, tree, [self.head])
            .map_err(|error| fail(&error))?
            .detach();
        if let Some(folder) = repository.workdir() {
            for (path, bytes) in &written {
                let path = folder.join(path);
                let parent = path.parent().unwrap_or(folder);
                std::fs::create_dir_all(parent).map_err(|error| Failure::path("cannot make", parent, &error))?;
                files::write_atomically(&path, "the statement", bytes)?;
            }
            index(repository, &blobs).map_err(|error| fail(&error))?;
        }
        Ok((format!("{stem}.json"), commit))
    }
}

/// Without this the index would show the new files as removed. The rest of it stays as it is.
fn index(repository: &gix::Repository, files: &[(&String, ObjectId)]) -> Result<(), String> {
    let mut index = repository.open_index().map_err(|error| error.to_string())?;
    for (path, id) in files {
        let path: &gix::bstr::BStr = path.as_str().into();
        index.remove_entries(|_, found, _| found == path);
        let (stat, flags) = (gix::index::entry::Stat::default(), gix::index::entry::Flags::empty());
        index.dangerously_push_entry(stat, *id, flags, gix::index::entry::Mode::FILE, path);
    }
    index.sort_entries();
    // What git keeps beside the entries describes the index as it was.
    let options = gix::index::write::Options {
        extensions: gix::index::write::Extensions::None,
        skip_hash: false,
    };
    index.write(options).map_err(|error| error.to_string())
}
