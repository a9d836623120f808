//! `polity schema`: schemas for editors and for whoever generates or checks what goes into a repository.

use std::path::PathBuf;

use super::{Console, Exit, Failure, schema_cedar};

/// Print the Cedar schema of a repository
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity schema --cedar                 of the folder you are in
  polity schema --cedar acme > acme.cedarschema")]
pub(super) struct Arguments {
    /// The schema that `.cedar` files of the repository are type-checked against
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = ".", required = true)]
    cedar: PathBuf,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    schema_cedar::print(&arguments.cedar, console)
}
