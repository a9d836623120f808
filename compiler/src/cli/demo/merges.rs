//! Merge requests become commits: what each wrote in, branches, approvals and a trunk out.
//!
//! Approvals are given by what `polity approve` runs. How a forge would merge is done here, object by object.

use std::collections::BTreeMap;
use std::path::Path;

use gix::ObjectId;

use super::history::{Files, History as Story, Merged, Request};
use super::people::People;
use super::repository::{Draft, Workshop};
use crate::ast::Moment;
use crate::cli::{Failure, approve::Branch, trail};
use crate::trail::approve::{Proposal, propose_among};
use crate::trail::history::History;
use crate::trail::state::States;
use crate::trail::statement::Verdict;

/// The trunk.
pub(super) const MAIN: &str = "refs/heads/main";
/// Where a branch lies as long as it is not merged.
const BRANCH: &str = "refs/heads/merge-request";
/// Whoever wrote down what everybody agreed on, and when.
pub(super) const FOUNDER: &str = "alice";
pub(super) const FOUNDED: Moment = 1_790_845_200_000;
/// And what he wrote.
pub(super) const BEGINNING: &str = "acme: what its owners agreed on";
const MINUTE: Moment = 60_000;

/// A repository with its history.
pub(super) struct Made {
    /// The commit that trust begins at.
    pub(super) introductory: ObjectId,
    /// The last one.
    pub(super) tip: ObjectId,
    /// How the commits of the trunk came there, by their ids.
    pub(super) merged: BTreeMap<String, Merged>,
}

/// Does what the story says, in a repository that is empty.
pub(super) fn make(root: &Path, workshop: &Workshop, people: &People, story: &Story) -> Result<Made, Failure> {
    let tree = workshop.tree(None, &story.begin)?;
    let introductory = workshop.commit(&Draft {
        tree,
        parents: &[],
        author: FOUNDER,
        committer: FOUNDER,
        at: FOUNDED,
        message: BEGINNING,
        secret: Some(people.secret(FOUNDER)?),
    })?;
    workshop.check_out(MAIN, introductory)?;
    workshop.index(introductory)?;
    let opened = trail::open(root, None)?;
    let states = States::new(&opened.history);
    let mut trunk = Trunk {
        workshop,
        people,
        history: &opened.history,
        states: &states,
        before: introductory,
        tip: introductory,
        merged: BTreeMap::new(),
    };
    for request in &story.requests {
        trunk.request(request)?;
    }
    let Trunk { tip, merged, .. } = trunk;
    workshop.check_out(MAIN, tip)?;
    Ok(Made {
        introductory,
        tip,
        merged,
    })
}

/// Has people approve what the branch that is checked out does since `base`. Gives each with the commit of his word.
pub(super) fn approve(
    history: &History,
    people: &People,
    proposal: &Proposal,
    by: &[String],
    since: Moment,
) -> Result<Vec<(String, ObjectId)>, Failure> {
    let mut given = Vec::new();
    let (mut head, mut at) = (proposal.head, since);
    for name in by {
        at += 20 * MINUTE;
        let branch = Branch::checked_out(history, head)?;
        head = branch
            .sign(history, proposal, &people.signing(name)?, Verdict::Approve, at)?
            .commit;
        given.push((name.clone(), head));
    }
    Ok(given)
}

/// The trunk as it grows.
struct Trunk<'t> {
    workshop: &'t Workshop,
    people: &'t People,
    history: &'t History,
    states: &'t States<'t>,
    /// Where it ended before the last merge request.
    before: ObjectId,
    tip: ObjectId,
    merged: BTreeMap<String, Merged>,
}

impl Trunk<'_> {
    fn request(&mut self, request: &Request) -> Result<(), Failure> {
        let files = request.files();
        let fork = if request.behind { self.before } else { self.tip };
        let (mut head, mut at) = (fork, request.at);
        for commit in &request.commits {
            let tree = self.workshop.tree(Some(self.workshop.tree_of(head)?), &commit.files)?;
            head = self.signed(tree, &[head], &commit.by, at, &commit.message)?;
            at += 10 * MINUTE;
        }
        self.workshop.check_out(BRANCH, head)?;
        let mut given = Vec::new();
        if !request.approved_by.is_empty() {
            let proposal = propose_among(self.states, self.history, MAIN, fork, head);
            let proposal = proposal.map_err(|error| trail::failure(&error))?;
            given = approve(self.history, self.people, &proposal, &request.approved_by, at)?;
        }
        let approved = given.last().map_or(head, |(_, commit)| *commit);
        self.before = self.tip;
        // Four hours later, when everybody was asked.
        self.merge(request, &files, approved, &given, request.at + 240 * MINUTE)?;
        self.workshop.check_out(MAIN, self.tip)?;
        self.workshop.remove(BRANCH)?;
        Ok(())
    }

    fn merge(
        &mut self,
        request: &Request,
        files: &Files,
        branch: ObjectId,
        given: &[(String, ObjectId)],
        at: Moment,
    ) -> Result<(), Failure> {
        let trunk = self.workshop.tree_of(self.tip)?;
        let whole = || {
            let tree = self.workshop.tree(Some(trunk), files)?;
            self.workshop.with_approvals(tree, self.workshop.tree_of(branch)?)
        };
        match request.merged {
            Merged::Squash => {
                self.tip = self.signed(whole()?, &[self.tip], &request.by, at, &request.title)?;
                self.merged.insert(self.tip.to_string(), Merged::Squash);
            }
            Merged::Merge => {
                self.tip = self.signed(whole()?, &[self.tip, branch], &request.by, at, &request.title)?;
                self.merged.insert(self.tip.to_string(), Merged::Merge);
            }
            Merged::Rebase => {
                for commit in &request.commits {
                    let tree = self
                        .workshop
                        .tree(Some(self.workshop.tree_of(self.tip)?), &commit.files)?;
                    self.tip = self.signed(tree, &[self.tip], &commit.by, at, &commit.message)?;
                    self.merged.insert(self.tip.to_string(), Merged::Rebase);
                }
                for (person, commit) in given {
                    let tree = self.workshop.tree_of(self.tip)?;
                    let tree = self.workshop.with_approvals(tree, self.workshop.tree_of(*commit)?)?;
                    self.tip = self.workshop.commit(&Draft {
                        tree,
                        parents: &[self.tip],
                        author: person,
                        committer: &request.by,
                        at,
                        message: &format!("approve: {person} approves what came before"),
                        secret: None,
                    })?;
                }
            }
        }
        Ok(())
    }

    fn signed(
        &self,
        tree: ObjectId,
        parents: &[ObjectId],
        by: &str,
        at: Moment,
        message: &str,
    ) -> Result<ObjectId, Failure> {
        self.workshop.commit(&Draft {
            tree,
            parents,
            author: by,
            committer: by,
            at,
            message,
            secret: Some(self.people.secret(by)?),
        })
    }
}
