//! Who wrote a step: its commits in, people and agents by verified signatures out.
//!
//! Names and addresses are typed text: they take an approver away, and never give one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use gix::ObjectId;

use super::change::is_new_evidence;
use super::history::{Commit, History, Signed};
use super::principals::Principal;
use super::requirements::Authors;
use super::state::State;
use super::statement::Block;
use super::verify::short;
use crate::source::ReadError;

/// What is known of commits: whether somebody had to write them.
pub(super) type Wrote = RefCell<HashMap<ObjectId, bool>>;

/// Who wrote these commits, by the keys of the tree before the step, and of the one after it as well.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub(super) fn of<'c>(
    history: &History,
    wrote: &Wrote,
    commits: impl Iterator<Item = &'c Arc<Commit>>,
    before: &State,
    after: &State,
) -> Result<Authors, ReadError> {
    let mut authors = Authors::default();
    for commit in commits {
        if let Some(block) = Block::parse(&commit.message) {
            authors.named.extend(block.requesters);
        }
        let known = wrote.borrow().get(&commit.id).copied();
        let writes = match known {
            Some(writes) => writes,
            None => writes(history, commit)?,
        };
        wrote.borrow_mut().insert(commit.id, writes);
        if writes {
            author(commit, before, after, &mut authors);
        }
    }
    let owners = authors.agents.iter().filter_map(|agent| after.principals.owner(agent));
    authors.owners = owners.map(str::to_owned).collect();
    Ok(authors)
}

/// Whether somebody had to write what a commit does: not a mechanical merge, not nothing, not evidence alone.
fn writes(history: &History, commit: &Commit) -> Result<bool, ReadError> {
    if commit.malformed.is_some() {
        return Ok(true);
    }
    if commit.parents.len() > 1 {
        return Ok(!history.is_mechanical(commit));
    }
    let parent = commit.parents.first().map(|parent| history.commit(*parent)).transpose();
    let changes = parent.and_then(|parent| history.changes(parent.map(|parent| parent.tree), commit.tree));
    // What cannot be read was not made by anything mechanical.
    Ok(ReadError::unless_malformed(changes)?
        .is_none_or(|changes| changes.iter().any(|change| !is_new_evidence(history, change))))
}

/// What one commit's signature and text tell of who wrote it.
fn author(commit: &Commit, left: &State, right: &State, authors: &mut Authors) {
    let short = short(commit.id);
    let mut unknown = |why: String| authors.unknown.push(format!("{short} {why}"));
    if let Some(why) = &commit.malformed {
        unknown(format!("cannot be read: {why}"));
        return;
    }
    match commit.signed() {
        Signed::Unsigned => unknown("is not signed".to_owned()),
        Signed::Ambiguous => unknown("has two signatures, of which readers see different ones".to_owned()),
        Signed::Bad(error) => unknown(format!("is not validly signed: {error}")),
        Signed::By(signer) => {
            let mut holders = Vec::new();
            match left.principals.holder(&signer.key) {
                Some(holder @ (Principal::Person(_) | Principal::Agent(_))) => holders.push(holder.clone()),
                Some(Principal::Forge(name)) => {
                    unknown(format!("is signed by the merge bot `{name}`, so its authors are gone"));
                }
                None => unknown(format!(
                    "is signed by the key {}, which was nobody's before the step",
                    signer.key.fingerprint()
                )),
            }
            // A key that the step itself brings tells who wrote it, too: it can only take an approver away.
            holders.extend(right.principals.holder(&signer.key).cloned());
            for holder in holders {
                match holder {
                    Principal::Person(name) => authors.people.insert(name),
                    Principal::Agent(name) => authors.agents.insert(name),
                    Principal::Forge(_) => false,
                };
            }
        }
    }
    let co_authors = commit.message.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let address = value.rsplit_once('<')?.1.split_once('>')?.0;
        key.trim().eq_ignore_ascii_case("co-authored-by").then_some(address)
    });
    let typed = [commit.author.email.as_str(), commit.committer.email.as_str()];
    for address in typed.into_iter().chain(co_authors) {
        authors
            .named
            .extend(left.principals.by_email(address.trim()).map(str::to_owned));
    }
}
