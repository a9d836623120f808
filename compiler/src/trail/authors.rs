//! Who wrote a step: its commits in, people and agents by verified signatures out.
//!
//! Names and addresses are typed text: they take an approver away, and never give one.

use std::collections::HashMap;
use std::sync::Arc;

use gix::ObjectId;

use super::change::is_new_evidence;
use super::history::{Commit, History, Signed};
use super::principals::{Principal, Principals};
use super::requirements::Authors;
use super::state::State;
use super::statement::Block;
use super::verify::short;
use crate::source::ReadError;

/// What was found out of commits. Steps that fall short are joined with all that follow, one by one, so what was told of
/// the first of them is not told again.
#[derive(Default)]
pub(super) struct Wrote {
    /// Whether somebody had to write them.
    known: HashMap<ObjectId, bool>,
    /// Who wrote the longest step that was asked about last.
    last: Option<Told>,
    /// How many commits were looked at, each time that one was.
    #[cfg(test)]
    looked_at: usize,
}

/// Who wrote what leads from one place of the trunk to another.
struct Told {
    before: usize,
    after: usize,
    /// Whose keys were whose after it.
    keys: Principals,
    authors: Arc<Authors>,
}

/// Who wrote what leads from one place of the trunk to another, by the keys of the tree before it, and of the one after
/// it as well. `brought` are the commits that each place of the trunk brings.
///
/// # Errors
/// Where an object is missing or is not what its id says.
pub(super) fn of(
    history: &History,
    wrote: &mut Wrote,
    brought: &[Vec<Arc<Commit>>],
    (before, after): (usize, usize),
    (left, right): (&State, &State),
) -> Result<Arc<Authors>, ReadError> {
    let last = wrote.last.take();
    let last = last.filter(|told| told.before == before && told.after <= after && told.keys == right.principals);
    let mut told = last.unwrap_or_else(|| Told {
        before,
        after: before,
        keys: right.principals.clone(),
        authors: Arc::default(),
    });
    let authors = Arc::make_mut(&mut told.authors);
    let commits = brought.get(told.after + 1..=after).unwrap_or_default();
    for commit in commits.iter().flatten() {
        #[cfg(test)]
        {
            wrote.looked_at += 1;
        }
        if let Some(block) = Block::parse(&commit.message) {
            authors.named.extend(block.requesters);
        }
        let writes = match wrote.known.get(&commit.id) {
            Some(writes) => *writes,
            None => writes(history, commit)?,
        };
        wrote.known.insert(commit.id, writes);
        if writes {
            author(commit, left, right, authors);
        }
    }
    let owners = authors.agents.iter().filter_map(|agent| right.principals.owner(agent));
    authors.owners = owners.map(str::to_owned).collect();
    told.after = after;
    let authors = told.authors.clone();
    wrote.last = Some(told);
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

#[cfg(test)]
mod tests;
