//! `polity log`: who changed what, who approved it, and with which key.

mod select;

use std::path::PathBuf;

use serde::Serialize;

use gix::ObjectId;

use super::{
    Console, Exit, Failure, Format,
    build::trust_root,
    cache,
    check::MAIN,
    files,
    progress::{self, Progress},
    trail, values,
};
use crate::ast::Moment;
use crate::report::{json, trail as report};
use crate::trail::error::TrailError;
use crate::trail::history::History;
use crate::trail::ledger::{Entry, GivenFor, Ledger, Memo};
use crate::trail::verify::Trail;
use select::{Found, Select};

/// Show who changed what, and who approved it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity log --agent payments/bot --environment production
                      who approved this agent's access to production
  polity log --agent payments/bot --credential billing-db
  polity log --document policies/production.yaml
                      when did it last change, and who reviewed it
  polity log --person alice --since 2026-11-01T00:00:00Z
  polity log --trust trust.json      and whether every change was approved

The newest step comes first. A filter takes the documents that name what it
says, before or after the change. An agent together with an environment, a
credential or an action is its access: then those steps are shown that change
it, whichever document it came by (a rule, a template, a ring, a ceiling), and
both trees of each that might are compiled. What is claimed is nobody's
signature. An approval that names another ref than `refs/heads/main` says so;
with --trust those alone are shown that name the trust root's.

What was found out of each commit is kept in `.git/polity/`, which may be
deleted. `--trust` verifies without it, and no build ever reads it.")]
pub(super) struct Arguments {
    /// The repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The commit, branch or tag to look back from [default: HEAD]
    #[arg(long)]
    rev: Option<String>,
    /// Verify the history against this trust root, too
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Changes that name this agent: `bot` or `payments/bot`
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Changes that name this environment
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Changes in this team's folder, or that name it
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Changes that name this action or its tool
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Changes that name this credential
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
    /// Changes of documents whose path, name or `Kind/name` matches this glob
    #[arg(long, value_name = "GLOB")]
    document: Option<String>,
    /// Changes that this person wrote, approved or rejected
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Steps committed at this moment or later, by the committer's clock
    #[arg(long, value_name = "RFC3339", value_parser = values::moment)]
    since: Option<Moment>,
    /// Steps committed before this moment
    #[arg(long, value_name = "RFC3339", value_parser = values::moment)]
    until: Option<Moment>,
    /// How many steps at most
    #[arg(long, short = 'n', value_name = "COUNT")]
    most: Option<usize>,
    /// Read the whole history anew, and neither read nor write `.git/polity/`
    #[arg(long)]
    no_cache: bool,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let opened = trail::open(&arguments.path, arguments.rev.as_deref())?;
    let mut unapproved = String::new();
    let mut trail = None;
    let trust = match &arguments.trust {
        Some(path) => Some(trust_root(&files::read(path, "the trust root", files::LARGEST_KEY)?)?),
        None => None,
    };
    if let Some(trust) = &trust {
        let verified = trail::attest(&opened, trust, None)?;
        unapproved = report::shortfalls(&verified);
        if verified.sole_owner && verified.holds() {
            console.remark(report::SOLE_OWNER);
        }
        trail = Some(verified);
    }
    let fail = |error: TrailError| trail::failure(&error);
    let trunk = opened.history.chain(opened.head).map_err(|error| fail(error.into()))?;
    let place = cache::place(&opened.history);
    let memo = match arguments.no_cache {
        true => Memo::default(),
        false => cache::read(&place),
    };
    let wanted = trust.as_ref().map(|trust| GivenFor {
        organization: &trust.organization,
        reference: &trust.reference,
    });
    let ledger = Ledger::read(&opened.history, &trunk, memo, wanted).map_err(fail)?;
    let shown = progress::with_progress(console, "reading the history", |progress| {
        lines(&opened.history, (&ledger, trail.as_ref()), &trunk, &arguments, progress)
    });
    let shown = shown.map_err(fail)?;
    if !arguments.no_cache {
        cache::write(&place, &ledger.into_memo());
    }
    if shown.is_empty() {
        console.remark(&match trunk.len().saturating_sub(1) {
            0 => "note: the history is one commit, and nothing came after it\n".to_owned(),
            1 => "note: the one step since the first commit changes nothing that is asked for\n".to_owned(),
            steps => format!("note: none of the {steps} steps since the first commit changes what is asked for\n"),
        });
    }
    match arguments.format {
        Format::Json => console.result(&json::pretty(&Log {
            version: 1,
            approved: arguments.trust.is_some().then_some(unapproved.is_empty()),
            steps: shown,
        }))?,
        Format::Text => shown.iter().try_for_each(|line| console.result(&text(line)))?,
    }
    if !unapproved.is_empty() {
        console.remark(&unapproved);
        return Ok(Exit::FallsShort);
    }
    Ok(Exit::Yes)
}

#[derive(Serialize)]
struct Log {
    version: u32,
    /// Whether every step was approved; null where no trust root says from where on.
    approved: Option<bool>,
    steps: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    commit: String,
    /// By the committer's clock, which is the committer's to set.
    time: String,
    title: String,
    documents: Vec<String>,
    /// What it does to the access that is asked about; empty where none is.
    effects: Vec<String>,
    written_by: Vec<String>,
    /// How many of its commits nobody known has signed.
    unknown_authors: usize,
    approvals: Vec<Approval>,
    rejected_by: Vec<String>,
    claims: Vec<String>,
    discussed: Option<String>,
}

#[derive(Serialize)]
struct Approval {
    person: String,
    grade: String,
    key: Option<String>,
    statement: String,
    /// What it was given for; with a trust root always its own.
    #[serde(rename = "ref")]
    reference: String,
}

/// How many steps' files are read at once: enough for every processor, and few where the first steps answer.
const AT_A_TIME: usize = 256;

/// The steps that are asked for, newest first. Who wrote a step is found out only of those that may be shown.
fn lines(
    history: &History,
    (ledger, trail): (&Ledger<'_>, Option<&Trail>),
    trunk: &[ObjectId],
    wanted: &Arguments,
    progress: &Progress,
) -> Result<Vec<Line>, TrailError> {
    let most = wanted.most.unwrap_or(usize::MAX);
    let select = Select::new(history, trunk, ledger, wanted);
    let mut places = Vec::new();
    for at in (1..trunk.len()).rev() {
        if wanted.person.is_none() && places.len() >= most {
            break;
        }
        if (trunk.len() - 1 - at).is_multiple_of(AT_A_TIME) {
            ledger.read_documents((at.saturating_sub(AT_A_TIME) + 1..=at).rev())?;
        }
        if let Some(found) = select.step(at)? {
            places.push((at, found));
            progress.say(&format!("looking at the {} steps before", at - 1));
        }
    }
    let shown: Vec<usize> = places.iter().map(|(at, _)| *at).collect();
    ledger.verify_signatures(&shown)?;
    let mut shown = Vec::new();
    for (at, found) in places {
        if shown.len() >= most {
            break;
        }
        let mut entry = ledger.entry(at)?;
        if let Some(trail) = trail {
            entry.approvals.retain(|one| trail.counts(at, &one.given));
        }
        shown.extend(line(&entry, found, wanted));
    }
    Ok(shown)
}

fn line(entry: &Entry, found: Found, wanted: &Arguments) -> Option<Line> {
    let moment = entry.commit.committer.seconds.saturating_mul(1000);
    if let Some(person) = &wanted.person {
        let wrote = entry.written_by.contains(person) || entry.rejections.contains(person);
        if !wrote && !entry.approvals.iter().any(|one| one.given.person == *person) {
            return None;
        }
    }
    Some(Line {
        commit: entry.commit.id.to_string(),
        time: values::timestamp(moment),
        title: entry.commit.title().to_owned(),
        documents: found.documents,
        effects: found.effects,
        written_by: entry.written_by.iter().cloned().collect(),
        unknown_authors: entry.unknown,
        approvals: entry
            .approvals
            .iter()
            .map(|one| Approval {
                person: one.given.person.clone(),
                grade: one.given.grade.to_string(),
                key: one.given.fingerprint.clone(),
                statement: one.given.evidence.clone(),
                reference: one.reference.clone(),
            })
            .collect(),
        rejected_by: entry.rejections.clone(),
        claims: entry.claims.clone(),
        discussed: entry.discussed.clone(),
    })
}

fn text(line: &Line) -> String {
    let commit = line.commit.get(..12).unwrap_or(&line.commit);
    let approvals: Vec<String> = line
        .approvals
        .iter()
        .map(|given| {
            let key = given.key.as_deref().unwrap_or("no key");
            // Without a trust root nobody says which ref this is.
            let elsewhere = match given.reference.as_str() {
                MAIN => String::new(),
                other => format!(", for {other}"),
            };
            format!("{} ({}, {key}{elsewhere})", given.person, given.grade)
        })
        .collect();
    let approved = match approvals.as_slice() {
        [] => "approved by nobody".to_owned(),
        list => format!("approved by {}", list.join(", ")),
    };
    let mut written: Vec<String> = line.written_by.clone();
    if line.unknown_authors > 0 {
        written.push(format!("{} unsigned or unknown", line.unknown_authors));
    }
    let what = match line.documents.as_slice() {
        [first, _, _, _, ..] => format!("{first} and {} more", line.documents.len() - 1),
        few => few.join("; "),
    };
    let does = match line.effects.as_slice() {
        [] => String::new(),
        [only] => format!("; {only}"),
        [first, more @ ..] => format!("; {first}, and {} more", more.len()),
    };
    let mut said = format!(
        "{commit} {} {what}{does}; {approved}; written by {}",
        line.time,
        written.join(", ")
    );
    for person in &line.rejected_by {
        said.push_str(&format!("; rejected by {person}"));
    }
    for claim in &line.claims {
        said.push_str(&format!("; claimed: {claim}"));
    }
    format!("{}\n", report::shown(&said))
}
