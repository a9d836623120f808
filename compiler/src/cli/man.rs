//! `polity man`: the manual pages, made from the same definitions as `--help`.

use std::path::PathBuf;

use super::{Console, Exit, Failure};

/// Write the manual pages
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity man | man -l -
  polity man --out ~/.local/share/man/man1")]
pub(super) struct Arguments {
    /// A folder for one page a command [default: the main page, to standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Some(folder) = arguments.out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(super::command()).render(&mut page);
        rendered.map_err(|error| Failure::environment(format!("cannot render the page: {error}")))?;
        console.bytes(&page)?;
        return Ok(Exit::Yes);
    };
    let written = std::fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(super::command(), &folder));
    written.map_err(|error| Failure::path("cannot write the pages to", &folder, &error))?;
    Ok(Exit::Yes)
}
