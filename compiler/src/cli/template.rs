//! `polity template`: the templates that are shipped with the program.

use std::fmt::Write as _;

use clap::Subcommand;

use super::{Console, Exit, Failure};
use crate::{
    diag::nearest,
    expand::{self, Shipped},
};

/// List the built-in templates, or show one
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity template list
  polity template show read-only-analyst
  polity template show read-only-analyst --source")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name every built-in template, and say what it is for
    List,
    /// Say what one gives and refuses, how it is used, and which parameters it takes
    Show {
        /// The template
        name: String,
        /// Print the template as it is written instead
        #[arg(long)]
        source: bool,
    },
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match arguments.command {
        Command::List => console.result(&list())?,
        Command::Show { name, source } => {
            let shipped = expand::shipped(&name).ok_or_else(|| unknown(&name))?;
            match source {
                true => console.result(shipped.text)?,
                false => console.result(&page(shipped))?,
            }
        }
    }
    Ok(Exit::Yes)
}

/// A line a template: the name, and the first line of the file, which says what it is for.
fn list() -> String {
    let widest = expand::SHIPPED
        .iter()
        .map(|shipped| shipped.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for Shipped {
        name, text: template, ..
    } in expand::SHIPPED
    {
        let about = template.lines().next().unwrap_or("").trim_start_matches(['#', ' ']);
        let _ = writeln!(text, "{name:widest$}  {about}");
    }
    text
}

/// The page as it is written, and the parameters as the template declares them: a list by hand would grow old.
fn page(shipped: &Shipped) -> String {
    let mut text = format!("{}\n## Parameters\n\n", shipped.page);
    let declared = expand::built_in(shipped.name).map(|template| template.declaration.params);
    for (name, parameter) in declared.unwrap_or_default() {
        let about = parameter.description.as_ref().map_or("", |text| text.value.as_str());
        let absent = match &parameter.default {
            Some(default) => format!("; `{}` unless given", default.value),
            None if parameter.optional => "; may be left out".to_owned(),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "- `{}`: {about} ({}{absent})",
            name.value,
            expand::wanted(&parameter.ty)
        );
    }
    text
}

fn unknown(name: &str) -> Failure {
    let failure = Failure::misuse(format!("there is no built-in template `{name}`"));
    match nearest(name, expand::SHIPPED.iter().map(|shipped| shipped.name)) {
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
        for (line, Shipped { name, text, .. }) in list.lines().zip(expand::SHIPPED) {
            assert!(line.starts_with(name) && line.len() > name.len() + 20, "{line}");
            assert!(text.starts_with("# "), "{name} says what it is for in its first line");
        }
    }

    #[test]
    fn every_page_lists_every_parameter() {
        for shipped in expand::SHIPPED {
            let page = page(shipped);
            let template = expand::built_in(shipped.name).unwrap();
            assert!(page.starts_with(&format!("# {}\n", shipped.name)), "{page}");
            for (name, parameter) in &template.declaration.params {
                assert!(parameter.description.is_some(), "{}: {}", shipped.name, name.value);
                assert!(page.contains(&format!("\n- `{}`: ", name.value)), "{}", name.value);
            }
        }
    }
}
