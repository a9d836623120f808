//! A lint of where documents stand: folders that look like a team's, in which everything is the organisation's.

use strsim::osa_distance;
use unicode_normalization::UnicodeNormalization as _;

use crate::ast::{Body, Document, Documents};
use crate::diag::codes::folder::OUTSIDE_TEAMS;
use crate::diag::{Diagnostic, Sink};
use crate::resolve::Organization;
use crate::source::SourceTree;

/// The folder of teams.
const TEAMS: &str = "teams";

pub(super) fn check(tree: &SourceTree, documents: &Documents, organization: &Organization, sink: &mut Sink) {
    let mut told = None;
    for document in documents.documents.iter().filter(|document| reaches(document)) {
        let Some(file) = tree.file(document.file) else { continue };
        if told == Some(document.file) {
            continue;
        }
        let team = |name: &str| organization.teams.iter().any(|team| team.name.value == name);
        if let Some((folder, team)) = looks_like_a_team(&file.path, team) {
            told = Some(document.file);
            let span = document.name.as_ref().map_or(document.span, |name| name.span);
            let message =
                format!("`{folder}` is not the folder of the team `{team}`: what stands in it is the organisation's");
            let help = format!("move it to `{TEAMS}/{team}/`, or rename the folder");
            sink.push(Diagnostic::new(&OUTSIDE_TEAMS, message, span, "").with_help(help));
        }
    }
}

/// Whether it matters whose a document is. Where it says so itself, or only asks, it does not.
fn reaches(document: &Document) -> bool {
    matches!(
        document.body,
        Body::Policy(_) | Body::Exception(_) | Body::Invariant(_) | Body::Use(_)
    )
}

/// The part of a path that looks like a team's folder and is none, and the team.
fn looks_like_a_team(path: &str, team: impl Fn(&str) -> bool) -> Option<(&str, String)> {
    let folders = path.rsplit_once('/')?.0;
    let mut end = 0;
    let mut before: Option<(usize, &str)> = None;
    for (at, segment) in folders.split('/').enumerate() {
        end += segment.len() + usize::from(at > 0);
        if let Some((place, name)) = before
            && (place > 0 || name != TEAMS)
            && osa_distance(&folded(name), TEAMS) <= 1
            && team(&folded(segment))
        {
            return Some((path.get(..end)?, folded(segment)));
        }
        before = Some((at, segment));
    }
    None
}

/// A folder's name as somebody reads it who looks at neither case, width nor blanks.
fn folded(name: &str) -> String {
    let folded: String = name.trim().nfkc().collect();
    folded.to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_look_like_a_teams_are_told_from_those_that_are_and_those_that_do_not() {
        let found = |path| looks_like_a_team(path, |name| name == "payments").map(|(folder, _)| folder);
        assert_eq!(found("team/payments/a.yaml"), Some("team/payments"));
        assert_eq!(found("org/teams/payments/x/a.yaml"), Some("org/teams/payments"));
        assert_eq!(found("t\u{435}ams/payments/a.yaml"), Some("t\u{435}ams/payments"));
        assert_eq!(found("tems/Payments /a.yaml"), Some("tems/Payments "));
        for fine in [
            "teams/payments/a.yaml",
            "teams/payments/team/a.yaml",
            "team/a.yaml",
            "team/other/a.yaml",
            "policies/payments/a.yaml",
            "polity.yaml",
        ] {
            assert_eq!(found(fine), None, "{fine}");
        }
    }
}
