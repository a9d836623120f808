//! `polity init`: the files of a new organisation, which check clean at once.
//!
//! What is to be written is compiled before a byte of it is: names that the parser refuses, or that are taken twice, are
//! refused by the same rules and in the same words. No file that is there already is replaced.

mod answers;
mod texts;

use std::{
    fs, io,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use self::answers::{Answers, Owner};
use super::{Console, Exit, Failure, demo::example, files, surroundings, values};
use crate::{
    ast::Moment,
    compile::compile,
    diag::{Severity, Sink},
    report::{text, visible},
    source::SourceTree,
};

/// Write the files of a new organisation
///
/// On a terminal it asks for what no flag says; elsewhere flags have to say it all.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity init acme
  polity init acme --name acme --team payments --agent analyst \\
      --owner 'alice <alice@acme.example> ssh-ed25519 AAAA...' \\
      --owner 'bob <bob@acme.example> ssh-ed25519 AAAA...'
  polity init acme --example")]
pub(super) struct Arguments {
    /// Where to write them: a new folder, or one with nothing in it but `.git`
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// What the organisation is called
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    name: Option<String>,
    /// A person who owns it, `NAME <EMAIL> KEY`; twice or more, so that one approves what another wrote.
    /// KEY is an SSH public key of the type ssh-ed25519, and may follow later
    #[arg(long = "owner", value_name = "OWNER", value_parser = answers::owner)]
    owners: Vec<Owner>,
    /// Its first team
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    team: Option<String>,
    /// The first agent of that team; it only reads
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    agent: Option<String>,
    /// An environment, from the least to the most exposed; if absent, development and production
    #[arg(long = "environment", value_name = "NAME", value_parser = values::name)]
    environments: Vec<String>,
    /// The example organisation that comes with Polity, instead of one of your own
    #[arg(long, conflicts_with_all = ["name", "owners", "team", "agent", "environments"])]
    example: bool,
    /// Also where other files are; none of them is ever replaced
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    // Before anything is asked: nobody answers questions for a folder that cannot be written to.
    vacant(&arguments.folder, arguments.force)?;
    let (files, remarks) = if arguments.example {
        // It came with the program, and its dates may have come since: that is for `check` to say.
        (example(), Vec::new())
    } else {
        let given = answers::Given {
            name: arguments.name,
            owners: arguments.owners,
            team: arguments.team,
            agent: arguments.agent,
            environments: arguments.environments,
        };
        let answers = match io::stdin().is_terminal() && console.interactive() {
            true => given.asked(&mut io::stdin().lock(), console)?,
            false => given.complete()?,
        };
        let files = texts::files(&answers);
        sound(&files, surroundings::now()?, console)?;
        (files, remarks(&answers))
    };
    write(&arguments.folder, &files)?;
    for (path, _) in &files {
        console.result(&format!("{}\n", arguments.folder.join(path).display()))?;
    }
    for remark in remarks {
        console.remark(&format!("note: {remark}\n"));
    }
    console.remark(&format!(
        "next: read {}, then `polity check {}`\n",
        arguments.folder.join("README.md").display(),
        arguments.folder.display()
    ));
    Ok(Exit::Yes)
}

/// The example organisation; what a dot hides in it is the demo's own.
fn example() -> Vec<(String, String)> {
    let shown = example::FILES.iter().filter(|(path, _)| !path.starts_with('.'));
    shown
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// What is good enough to begin with, and not good enough to stay.
fn remarks(answers: &Answers) -> Vec<String> {
    let mut remarks = Vec::new();
    if let [owner] = answers.owners.as_slice() {
        remarks.push(format!(
            "`{}` owns the organisation alone, so `sole_owner: true` is set, which every report shows: add a second owner, \
             and remove it",
            owner.name
        ));
    }
    if let (Some(signer), [_, _, ..]) = (answers.signer(), answers.owners.as_slice()) {
        remarks.push(format!(
            "owners approve by signing, and `{}` alone has a key, so `sole_owner: true` is set, which every report shows: \
             list another's key, name them in `polity.yaml`, and remove it",
            signer.name
        ));
    }
    for owner in answers.owners.iter().filter(|owner| owner.key.is_none()) {
        remarks.push(format!(
            "`{}` has no key, and can approve nothing until `people/people.yaml` has one",
            owner.name
        ));
    }
    remarks
}

/// Refuses a folder that has something in it, unless that was asked for.
fn vacant(folder: &Path, force: bool) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::path("cannot use the folder", folder, error);
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot(&error)),
        Ok(found) if !found.is_dir() => return Err(cannot(&"it is a file")),
        Ok(_) => {}
    }
    for entry in fs::read_dir(folder).map_err(|error| cannot(&error))? {
        let entry = entry.map_err(|error| cannot(&error))?;
        if entry.file_name() != ".git" && !force {
            let failure = Failure::environment(format!("`{}` is not empty", folder.display()));
            return Err(failure.with_help("name a new folder, or say `--force`: what is there is never replaced"));
        }
    }
    Ok(())
}

/// Compiles what is to be written. What is worse than a note stands in the way, and is shown.
fn sound(files: &[(String, String)], now: Moment, console: &mut Console) -> Result<(), Failure> {
    let tree = SourceTree::from_files(files.to_vec());
    let compiled = compile(&tree, now, Sink::default());
    let mut found = compiled.findings.diagnostics().iter();
    if found.all(|found| found.severity == Severity::Note) {
        return Ok(());
    }
    console.remark(&text::folded(&compiled.findings, &tree, console.colour_on_error()));
    Err(Failure::misuse("nothing is written, as it would not check clean").with_help("choose other names"))
}

/// Writes every file, or none that would replace another.
fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let taken = |path: &Path| fs::symlink_metadata(path).is_ok();
    for (path, _) in files {
        if taken(&folder.join(path)) {
            let there = folder.join(path);
            let failure = Failure::environment(format!("`{}` is there already: nothing is written", there.display()));
            return Err(failure.with_help("name a new folder, or move the file away"));
        }
        // A link would lead out of the folder.
        let below = Path::new(path).ancestors().skip(1).map(|parent| folder.join(parent));
        for parent in below.filter(|parent| parent != folder && taken(parent)) {
            if !fs::symlink_metadata(&parent).is_ok_and(|found| found.is_dir()) {
                return Err(Failure::environment(format!("`{}` is no folder", parent.display())));
            }
        }
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::path("cannot make the folder", parent, &error))?;
        }
        files::create_atomically(&path, "the file", text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
