//! `polity demo`: an organisation's repository, made, checked, built, asked and changed before your eyes.

use std::path::{Path, PathBuf};

use super::{Console, Exit, Failure};

/// Make an example organisation, and show what Polity does with it
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  polity demo && cd polity-demo && git log --oneline")]
pub(super) struct Arguments {
    /// Where everything is left to look at
    #[arg(long, value_name = "DIR", default_value = "polity-demo")]
    out: PathBuf,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    demo(&arguments.out, console)?;
    Ok(Exit::Yes)
}

/// Makes the repository with its signed, reviewed history, then checks, builds, verifies, asks and changes it.
fn demo(_out: &Path, _console: &mut Console) -> Result<(), Failure> {
    Err(Failure::environment("the example organisation is not connected"))
}
