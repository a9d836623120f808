//! `polity render`: the repository's rules in the form of other systems.

use std::path::PathBuf;

use super::{Console, Exit, Failure, repository, surroundings};
use crate::compile::compile;
use crate::report::codeowners::{Forge, codeowners};
use crate::report::text;

/// Write the approval rules as a forge reads them
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity render codeowners > .github/CODEOWNERS
  polity render codeowners --forge gitlab > .gitlab/CODEOWNERS

The forge then asks the same people to review. It decides nothing here: what
counts are the approvals in the history.")]
pub(super) struct Arguments {
    /// What to write
    #[arg(value_enum)]
    what: What,
    /// The repository, or a folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// A commit, branch or tag instead of the work tree
    #[arg(long)]
    rev: Option<String>,
    /// Whose syntax
    #[arg(long, value_enum, default_value_t = Syntax::Github)]
    forge: Syntax,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// A CODEOWNERS file
    Codeowners,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Syntax {
    /// GitHub: the last line that matches decides
    Github,
    /// GitLab: sections that must each be satisfied
    Gitlab,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let What::Codeowners = arguments.what;
    let (tree, sink) = repository::read(&arguments.path, arguments.rev.as_deref())?;
    let compiled = compile(&tree, surroundings::now()?, sink);
    if compiled.findings.has_errors() {
        console.remark(&text::findings(&compiled.findings, &tree, console.colour_on_error()));
        return Ok(Exit::FallsShort);
    }
    let forge = match arguments.forge {
        Syntax::Github => Forge::Github,
        Syntax::Gitlab => Forge::Gitlab,
    };
    let rendered = codeowners(&compiled.documents, &compiled.organization, forge);
    console.result(&rendered.text)?;
    for left_out in rendered.left_out {
        console.remark(&format!("note: {left_out}\n"));
    }
    Ok(Exit::Yes)
}
