//! `polity check`: reads a repository, and says what is wrong with it.

use std::path::{Path, PathBuf};

use super::{Console, Exit, Failure, modelines, progress, repository, surroundings};
use crate::{
    ast::Moment,
    compile::compile,
    diag::Findings,
    report::{github, gitlab, json, sarif, text},
    source::SourceTree,
};

/// Say what is wrong with a repository
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity check                          the folder you are in, as it is
  polity check acme --rev origin/main   a branch of another repository
  polity check --format json | jq '.diagnostics[].code'
  polity check --format sarif > polity.sarif
  polity check --write-modelines        editors then know what each file may say
  polity explain unknown-code           what a diagnostic means")]
pub(super) struct Arguments {
    /// The repository, or a folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// A commit, branch or tag instead of the work tree
    #[arg(long)]
    rev: Option<String>,
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
    let checked = progress::with_progress(console, "checking", |_| {
        check(&arguments.path, arguments.rev.as_deref(), now)
    });
    let Checked { tree, findings } = checked?;
    match arguments.format {
        Format::Text => console.result(&text::findings(&findings, &tree, console.colour()))?,
        Format::Json => console.result(&json::findings(&findings, &tree))?,
        Format::Sarif => console.result(&sarif::findings(&findings, &tree))?,
        Format::Github => console.result(&github::findings(&findings, &tree))?,
        Format::Gitlab => console.result(&gitlab::findings(&findings, &tree))?,
    }
    if findings.has_errors() {
        return Ok(Exit::FallsShort);
    }
    if findings.diagnostics().is_empty() {
        console.remark(&format!("{} files, nothing found\n", tree.files().len()));
    }
    Ok(Exit::Yes)
}

/// What was checked, and what was found there.
pub(super) struct Checked {
    pub(super) tree: SourceTree,
    pub(super) findings: Findings,
}

/// Reads the work tree, or the revision, and runs every phase up to the table. `now` is what dates are compared with.
pub(super) fn check(path: &Path, rev: Option<&str>, now: Moment) -> Result<Checked, Failure> {
    let (tree, sink) = repository::read(path, rev)?;
    let mut compiled = compile(&tree, now, sink);
    let findings = std::mem::take(&mut compiled.findings);
    // The process is about to end: giving back the memory of a large repository piece by piece only takes time.
    std::mem::forget(compiled);
    Ok(Checked { tree, findings })
}
