//! `polity check`: reads a repository, and says what is wrong with it.

use std::path::{Path, PathBuf};

use super::{Console, Exit, Failure, build::trust_root, files, modelines, progress, repository, surroundings, trail};
use crate::{
    ast::Moment,
    compile::compile,
    diag::Findings,
    report::{self, github, gitlab, json, rego, sarif, text},
    source::SourceTree,
    trail::verify::{Review, review},
};

/// The ref that approvals name unless a trust root names another.
pub(super) const MAIN: &str = "refs/heads/main";

/// Say what is wrong with a repository
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity check                          the folder you are in, as it is
  polity check acme --rev origin/main   a branch of another repository
  polity check --format json | jq '.diagnostics[].code'
  polity check --format sarif > polity.sarif
  polity check --write-modelines        editors then know what each file may say
  polity check --base origin/main       what a branch needs, and has, before it
                                        may be merged
  polity explain unknown-code           what a diagnostic means

Where there are rules in Rego, it says which of them are compiled into the table
and which the engine decides, and why. `--format json` says so under `rego`:
rule, decided_by, because, span.

With --base the commit that is checked out is checked, or --rev, and exit code 1
says that an approval is missing. `--format json` then has a member `approvals`:

  organization, ref, base, head   what was looked at
  approved, sole_owner, broken    may it be merged; why it does not compile
  changes[]        what; direction: widens, narrows or neutral
  written_by       people, agents, named, unknown
  asks[]           by: rule, owners or kills; rule, because, evidence
    needs[]        from, count, people
    has[]          person, grade, key, evidence, own
    refused[]      person, why
    missing, could how many are missing, and who could be one
    keyless        who may approve and lists no key to do it with
    blocked        how many would be missing if all of them did")]
pub(super) struct Arguments {
    /// The repository, or a folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// A commit, branch or tag instead of the work tree
    #[arg(long)]
    rev: Option<String>,
    /// Say whose approval the branch needs that leaves the trunk at or before this commit
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// With --base: the trust root, which names the organisation and the ref
    #[arg(long, value_name = "FILE", requires = "base")]
    trust: Option<PathBuf>,
    /// Show every finding, however many say the same; other formats always do
    #[arg(long)]
    all: bool,
    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write JSON Schemas to `.polity/schema/`, and name them in each document's first line
    #[arg(long, conflicts_with = "rev")]
    write_modelines: bool,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// For a script
    Json,
    /// SARIF 2.1.0: code scanning, editors
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab's code quality report
    Gitlab,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let now = surroundings::now()?;
    if arguments.write_modelines {
        console.remark(&modelines::write(&arguments.path)?);
    }
    // What is not committed can be approved by nobody, so with a base it is a commit that is looked at.
    let head = arguments.base.as_ref().map(|_| "HEAD");
    let rev = arguments.rev.as_deref().or(head);
    let checked = progress::with_progress(console, "checking", |_| check(&arguments.path, rev, now));
    let Checked {
        tree,
        findings,
        decided,
        sole_owner,
    } = checked?;
    let review = arguments.base.as_ref().filter(|_| !findings.has_errors());
    let review = review.map(|base| reviewed(base, &arguments)).transpose();
    // What was found is told even where the branch cannot be looked at.
    let found = review.as_ref().ok().and_then(Option::as_ref);
    let said = found.map(|review| report::trail::review(&review.judged, review.sole_owner, Some(review.base)));
    let said = said.unwrap_or_default();
    match arguments.format {
        Format::Text => {
            let engines = rego::text(&decided, &tree);
            let shown = match arguments.all {
                true => text::findings(&findings, &tree, console.colour()),
                false => text::folded(&findings, &tree, console.colour()),
            };
            console.result(&(shown + &engines + &said))?;
        }
        Format::Json => console.result(&match found {
            Some(review) => json::reviewed(&findings, &tree, &decided, review),
            None => json::findings(&findings, &tree, &decided),
        })?,
        Format::Sarif => console.result(&sarif::findings(&findings, &tree))?,
        Format::Github => console.result(&github::findings(&findings, &tree))?,
        Format::Gitlab => console.result(&gitlab::findings(&findings, &tree))?,
    }
    // A review says so itself.
    if sole_owner && found.is_none() {
        console.remark(report::trail::SOLE_OWNER);
    }
    // Those formats are for findings; whoever reads the log of the run wants to know as well.
    if matches!(arguments.format, Format::Sarif | Format::Github | Format::Gitlab) {
        console.remark(&said);
    }
    if findings.has_errors() {
        return Ok(Exit::FallsShort);
    }
    if let Some(review) = review? {
        return match review.judged.holds() {
            true => Ok(Exit::Yes),
            false => Ok(Exit::FallsShort),
        };
    }
    if findings.diagnostics().is_empty() {
        console.remark(&format!("{} files, nothing found\n", tree.files().len()));
    }
    Ok(Exit::Yes)
}

/// What a branch needs, from whom, what it has and what is missing.
fn reviewed(base: &str, arguments: &Arguments) -> Result<Review, Failure> {
    let trust = match &arguments.trust {
        Some(path) => Some(trust_root(&files::read(path, "the trust root", files::LARGEST_KEY)?)?),
        None => None,
    };
    let opened = trail::open(&arguments.path, arguments.rev.as_deref())?;
    let trunk = opened
        .history
        .commit_of(base)
        .map_err(|error| trail::failure(&error.into()))?;
    let organization = trust.as_ref().map(|trust| trust.organization.as_str());
    let reference = trust.as_ref().map_or(MAIN, |trust| trust.reference.as_str());
    review(&opened.history, trunk, opened.head, organization, reference).map_err(|error| trail::failure(&error))
}

/// What was checked, and what was found there.
pub(super) struct Checked {
    pub(super) tree: SourceTree,
    pub(super) findings: Findings,
    /// Who decides each Rego rule; nothing while an error stands.
    pub(super) decided: Vec<rego::Decided>,
    /// Whether one owner approves alone.
    pub(super) sole_owner: bool,
}

/// Reads the work tree, or the revision, and runs every phase up to the table. `now` is what dates are compared with.
pub(super) fn check(path: &Path, rev: Option<&str>, now: Moment) -> Result<Checked, Failure> {
    let (tree, sink) = repository::read(path, rev)?;
    let mut compiled = compile(&tree, now, sink);
    let findings = std::mem::take(&mut compiled.findings);
    let decided = match &compiled.table {
        Some(_) => rego::decided(&compiled.organization, &compiled.rules),
        None => Vec::new(),
    };
    let sole_owner = compiled.organization.sole_owner;
    // The process is about to end: giving back the memory of a large repository piece by piece only takes time.
    std::mem::forget(compiled);
    Ok(Checked {
        tree,
        findings,
        decided,
        sole_owner,
    })
}
