//! Approval rules as a CODEOWNERS file: documents in, text out, with what such a file cannot say.
//!
//! A forge knows people by their address. GitHub takes the last line that matches a file, GitLab asks each section;
//! see <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>
//! and <https://docs.gitlab.com/user/project/codeowners/reference/>.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::ast::{ApprovalRule, Body, Documents, Requirement};
use crate::resolve::{Organization, PersonId};

/// Whose syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// One list; the last match decides.
    Github,
    /// Sections, each with a number of approvals.
    Gitlab,
}

/// The file, and what it could not say.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The file.
    pub text: String,
    /// In words, one sentence each.
    pub left_out: Vec<String>,
}

/// Writes the file. Everything has the organisation's owners; a path that a rule names has those whom it asks, too.
pub fn codeowners(documents: &Documents, organization: &Organization, forge: Forge) -> Rendered {
    let mut rendered = Rendered::default();
    let owners: BTreeSet<PersonId> = organization.owners.iter().copied().collect();
    let mut lines: BTreeMap<String, BTreeSet<PersonId>> = BTreeMap::new();
    let mut sections = Vec::new();
    for document in &documents.documents {
        let (Body::ApprovalRule(rule), Some(name)) = (&document.body, &document.name) else {
            continue;
        };
        let globs = globs(rule, &name.value, &mut rendered.left_out);
        for (at, require) in (1..).zip(&rule.require) {
            let asked: BTreeSet<_> = globs
                .iter()
                .flat_map(|glob| asked(glob, require, organization))
                .collect();
            for (glob, people) in &asked {
                lines.entry(glob.clone()).or_default().extend(people);
            }
            // GitLab takes sections of one name for one, in which the last line that matches decides.
            let section = match at {
                1 => name.value.clone(),
                at => format!("{} {at}", name.value),
            };
            sections.push((section, count(require), asked));
        }
    }
    let out = &mut rendered.text;
    out.push_str("# Written by `polity render codeowners`. What counts are the approvals in the history.\n");
    match forge {
        Forge::Github => {
            let mut all = String::new();
            line(&mut all, "*", &owners, organization, &mut rendered.left_out);
            for (glob, people) in &lines {
                // The last match decides, so a narrower line has to name whoever a wider one names.
                line(
                    &mut all,
                    glob,
                    &people.union(&owners).copied().collect(),
                    organization,
                    &mut rendered.left_out,
                );
            }
            out.push_str(&all);
        }
        Forge::Gitlab => {
            let mut all = String::from("[owners]\n");
            line(&mut all, "*", &owners, organization, &mut rendered.left_out);
            for (name, count, asked) in sections {
                let _ = writeln!(all, "\n[{name}][{count}]");
                for (glob, people) in asked {
                    line(&mut all, &glob, &people, organization, &mut rendered.left_out);
                }
            }
            out.push_str(&all);
        }
    }
    rendered.left_out.sort();
    rendered.left_out.dedup();
    rendered
}

fn count(require: &Requirement) -> i64 {
    require.count.as_ref().map_or(1, |count| count.value)
}

/// The files that a rule is about, as far as files tell.
fn globs(rule: &ApprovalRule, name: &str, left_out: &mut Vec<String>) -> Vec<String> {
    let mut globs = Vec::new();
    for change in &rule.when {
        match &change.paths {
            Some(paths) => globs.extend(paths.iter().map(|path| format!("/{}", path.value))),
            // By effect or kind: any file may bring it about.
            None => {
                left_out.push(format!(
                    "`{name}` asks by what a change does, so its people are asked about every policy file"
                ));
                globs.extend(["/**/*.yaml", "/**/*.cedar", "/**/*.rego", "/**/*.json"].map(str::to_owned));
            }
        }
    }
    globs
}

/// Whom one requirement asks about the files of a glob. Owners of a team are asked about the team's folder.
fn asked(glob: &str, require: &Requirement, organization: &Organization) -> Vec<(String, BTreeSet<PersonId>)> {
    let mut people = BTreeSet::new();
    let mut by_team = false;
    for from in &require.from {
        match from.value.as_str() {
            "team-owners" => by_team = true,
            "owners" => people.extend(&organization.owners),
            name => {
                let person = organization
                    .people
                    .iter()
                    .zip(0..)
                    .find(|(person, _)| person.name.value == name);
                people.extend(person.map(|(_, id)| PersonId(id)));
                let group = organization.groups.iter().find(|group| group.name.value == name);
                people.extend(group.into_iter().flat_map(|group| &group.members));
            }
        }
    }
    if !by_team {
        return vec![(glob.to_owned(), people)];
    }
    let team = |team: &crate::resolve::Team| {
        let folder = format!("/teams/{}/", team.name.value);
        let narrower = glob
            .strip_prefix("/teams/")
            .map(|rest| rest.split('/').next().unwrap_or(rest));
        let about = match narrower {
            Some(name) if name == team.name.value => glob.to_owned(),
            Some(name) if !name.contains('*') => return None,
            _ => folder,
        };
        Some((about, people.iter().chain(&team.owners).copied().collect()))
    };
    organization.teams.iter().filter_map(team).collect()
}

fn line(
    out: &mut String,
    glob: &str,
    people: &BTreeSet<PersonId>,
    organization: &Organization,
    left_out: &mut Vec<String>,
) {
    let mut addresses = Vec::new();
    for person in people.iter().filter_map(|id| organization.people.get(id.0 as usize)) {
        match &person.email {
            Some(email) => addresses.push(email.value.as_str()),
            None => left_out.push(format!(
                "`{}` has no email, by which a forge would know them",
                person.name.value
            )),
        }
    }
    if !addresses.is_empty() {
        let _ = writeln!(out, "{} {}", glob.replace(' ', "\\ "), addresses.join(" "));
    }
}
