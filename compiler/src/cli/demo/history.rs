//! The merge requests that made the example what it is: its files and `.demo/history.json` in, the files before the
//! first of them and what each commit wrote out.
//!
//! The list says what was there before, never what is there now: that stands in the example itself, and nowhere else.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::example::broken;
use crate::ast::Moment;
use crate::cli::{Failure, values};

/// Texts by path.
pub(super) type Files = BTreeMap<String, String>;

/// The list, in the example.
pub(super) const LIST: &str = ".demo/history.json";

/// What led from the first commit to the example.
pub(super) struct History {
    /// The files that everybody began with.
    pub(super) begin: Files,
    /// What came then, in order.
    pub(super) requests: Vec<Request>,
}

/// One merge request.
pub(super) struct Request {
    pub(super) title: String,
    pub(super) merged: Merged,
    /// Who merged it.
    pub(super) by: String,
    /// When its first commit was made.
    pub(super) at: Moment,
    /// Whether it began before the last one was merged.
    pub(super) behind: bool,
    pub(super) approved_by: Vec<String>,
    /// Who approved it when it was on the trunk already.
    pub(super) approved_afterwards_by: Vec<String>,
    pub(super) commits: Vec<Commit>,
}

/// How it came to the trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Merged {
    Squash,
    Rebase,
    Merge,
}

impl Merged {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Squash => "squash",
            Self::Rebase => "rebase",
            Self::Merge => "merge",
        }
    }
}

/// One of its commits.
pub(super) struct Commit {
    pub(super) by: String,
    pub(super) message: String,
    /// The files that it wrote, as they were afterwards.
    pub(super) files: Files,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequest {
    title: String,
    merged: Merged,
    by: String,
    at: String,
    #[serde(default)]
    behind: bool,
    approved_by: Vec<String>,
    #[serde(default)]
    approved_afterwards_by: Vec<String>,
    commits: Vec<WrittenCommit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCommit {
    by: String,
    message: String,
    edits: Vec<Edit>,
}

/// What a commit did to one file. With nothing but a path it wrote the whole of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    path: String,
    /// It wrote everything from this text on.
    from: Option<String>,
    /// It wrote the lines that hold this text.
    lines: Option<String>,
    /// It wrote this text...
    now: Option<String>,
    /// ...in the place of this one.
    was: Option<String>,
}

impl History {
    /// Takes back one commit after another, from the last to the first.
    pub(super) fn of(end: &Files) -> Result<Self, Failure> {
        let list = end.get(LIST).map_or("", String::as_str);
        let written: Vec<WrittenRequest> =
            serde_json::from_str(list).map_err(|error| broken(&format!("`{LIST}`: {error}")))?;
        let mut files = end.clone();
        let mut requests = Vec::new();
        for request in written.into_iter().rev() {
            let mut commits = Vec::new();
            for commit in request.commits.into_iter().rev() {
                let mut left = Files::new();
                for edit in commit.edits.iter().rev() {
                    if let Some(text) = files.get(&edit.path) {
                        left.entry(edit.path.clone()).or_insert_with(|| text.clone());
                    }
                    undo(&mut files, edit)?;
                }
                commits.insert(
                    0,
                    Commit {
                        by: commit.by,
                        message: commit.message,
                        files: left,
                    },
                );
            }
            let at = values::moment(&request.at).map_err(|error| broken(&format!("`{LIST}`: {error}")))?;
            requests.insert(
                0,
                Request {
                    title: request.title,
                    merged: request.merged,
                    by: request.by,
                    at,
                    behind: request.behind,
                    approved_by: request.approved_by,
                    approved_afterwards_by: request.approved_afterwards_by,
                    commits,
                },
            );
        }
        Ok(Self { begin: files, requests })
    }
}

impl Request {
    /// The files that it wrote, as they were in the end.
    pub(super) fn files(&self) -> Files {
        let all = self.commits.iter().flat_map(|commit| commit.files.clone());
        all.collect()
    }
}

fn undo(files: &mut Files, edit: &Edit) -> Result<(), Failure> {
    let wrong = |what: &str| broken(&format!("`{LIST}`: `{}` has {what}", edit.path));
    let text = files.get_mut(&edit.path).ok_or_else(|| wrong("no text"))?;
    let once = |part: &str| match text.matches(part).count() {
        1 => Ok(()),
        0 => Err(wrong(&format!("no `{part}`"))),
        _ => Err(wrong(&format!("`{part}` more than once"))),
    };
    match edit {
        Edit { from: Some(from), .. } => {
            once(from)?;
            let at = text.find(from).unwrap_or(text.len());
            text.truncate(at);
        }
        Edit { lines: Some(lines), .. } => {
            let kept: String = text
                .split_inclusive('\n')
                .filter(|line| !line.contains(lines))
                .collect();
            if kept.len() == text.len() {
                return Err(wrong(&format!("no `{lines}`")));
            }
            *text = kept;
        }
        Edit {
            now: Some(now),
            was: Some(was),
            ..
        } => {
            once(now)?;
            *text = text.replacen(now, was, 1);
        }
        _ => drop(files.remove(&edit.path)),
    }
    Ok(())
}
