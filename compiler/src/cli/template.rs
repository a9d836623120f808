//! `polity template`: the templates that are shipped with the program.

use std::fmt::Write as _;

use clap::Subcommand;

use super::{Console, Exit, Failure};
use crate::{diag::nearest, expand};

/// List the built-in templates, or show one
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity template list
  polity template show read-only-analyst")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name every built-in template, and say what it is for
    List,
    /// Print one as it is written
    Show {
        /// The template
        name: String,
    },
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match arguments.command {
        Command::List => console.result(&list())?,
        Command::Show { name } => console.result(expand::shipped(&name).ok_or_else(|| unknown(&name))?)?,
    }
    Ok(Exit::Yes)
}

/// A line a template: the name, and the first line of the file, which says what it is for.
fn list() -> String {
    let widest = expand::SHIPPED.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, template) in expand::SHIPPED {
        let about = template.lines().next().unwrap_or("").trim_start_matches(['#', ' ']);
        let _ = writeln!(text, "{name:widest$}  {about}");
    }
    text
}

fn unknown(name: &str) -> Failure {
    let failure = Failure::misuse(format!("there is no built-in template `{name}`"));
    match nearest(name, expand::SHIPPED.iter().map(|(name, _)| *name)) {
        Some(near) => failure.with_help(format!("did you mean `{near}`?")),
        None => failure.with_help("`polity template list` names them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_listed_with_what_it_is_for() {
        let list = list();
        assert_eq!(list.lines().count(), expand::SHIPPED.len());
        for (line, (name, text)) in list.lines().zip(expand::SHIPPED) {
            assert!(line.starts_with(name) && line.len() > name.len() + 20, "{line}");
            assert!(text.starts_with("# "), "{name} says what it is for in its first line");
        }
    }
}
