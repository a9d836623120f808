//! `polity completions`: a script that completes `polity` in a shell.

use clap_complete::Shell;

use super::{Console, Exit, Failure};

/// Print a script that completes `polity` in your shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  source <(polity completions bash)
  polity completions zsh > ~/.zfunc/_polity
  polity completions fish > ~/.config/fish/completions/polity.fish")]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "polity", &mut script);
    console.bytes(&script)?;
    Ok(Exit::Yes)
}
