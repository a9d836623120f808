//! The command line: typed arguments in, a call into the library, a rendering out.
//!
//! This is the edge. The clock, the environment, files named on the command line and the terminal are read and
//! written here and below, and come to the library as values. One file a command, named as it is.

mod answer;
mod approve;
mod build;
mod cache;
mod check;
mod completions;
mod console;
mod decide;
mod demo;
mod diff;
mod explain;
mod failure;
mod files;
mod import;
mod init;
mod inspect;
mod keygen;
mod log;
mod man;
mod modelines;
mod part;
mod progress;
mod render;
mod repository;
mod request;
mod schema;
mod schema_cedar;
mod ssh_agent;
mod surroundings;
mod template;
mod test;
mod trail;
mod values;
mod verify;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use console::Console;
pub use failure::{Exit, Failure};

/// The stack of each thread that compiles, in bytes. Parsers and checkers of conditions and templates ask for 16 MiB,
/// and each would map and give back that much where its thread has less. What is never touched costs nothing.
const STACK: usize = 32 << 20;

/// Runs `polity` with these arguments, the first of which is the program's own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let mut console = Console::standard();
    // It fails where threads run already or cannot be had: the work is then done with what there is.
    rayon::ThreadPoolBuilder::new().stack_size(STACK).build_global().ok();
    run_on(arguments, &mut console)
}

/// As [`run`], on a console of the caller's.
pub fn run_on(arguments: impl IntoIterator<Item = OsString>, console: &mut Console) -> Exit {
    let done = match Polity::try_parse_from(arguments) {
        Ok(Polity { command }) => command.run(console),
        Err(error) => told(&error, console),
    };
    // What stands in a buffer is lost if the program ends without a flush, and nobody would hear of it.
    match done.and_then(|exit| console.flush().map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            console.failure(&failure);
            failure.exit()
        }
    }
}

/// The commands and their arguments, for completions, man pages and whoever documents them.
pub fn command() -> clap::Command {
    Polity::command()
}

/// Compiles an organisation's AI-agent governance from a git repository into one signed bundle, and answers from it.
#[derive(Parser)]
#[command(name = "polity", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Polity {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Results go to standard output, everything else to standard error.
Exit codes: 0 yes; 1 the repository or the request falls short; 2 misuse, or an
environment that does not work.";

#[derive(Subcommand)]
enum Command {
    Init(init::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Diff(diff::Arguments),
    Build(build::Arguments),
    Verify(verify::Arguments),
    Inspect(inspect::Arguments),
    Approve(approve::Arguments),
    Log(log::Arguments),
    Decide(decide::Arguments),
    Explain(explain::Arguments),
    Keygen(keygen::Arguments),
    Render(render::Arguments),
    Schema(schema::Arguments),
    Template(template::Arguments),
    Import(import::Arguments),
    Demo(demo::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    fn run(self, console: &mut Console) -> Result<Exit, Failure> {
        match self {
            Self::Init(arguments) => init::run(arguments, console),
            Self::Check(arguments) => check::run(arguments, console),
            Self::Test(arguments) => test::run(arguments, console),
            Self::Diff(arguments) => diff::run(arguments, console),
            Self::Build(arguments) => build::run(arguments, console),
            Self::Verify(arguments) => verify::run(arguments, console),
            Self::Inspect(arguments) => inspect::run(arguments, console),
            Self::Approve(arguments) => approve::run(arguments, console),
            Self::Log(arguments) => log::run(arguments, console),
            Self::Decide(arguments) => decide::run(arguments, console),
            Self::Explain(arguments) => explain::run(arguments, console),
            Self::Keygen(arguments) => keygen::run(arguments, console),
            Self::Render(arguments) => render::run(arguments, console),
            Self::Schema(arguments) => schema::run(arguments, console),
            Self::Template(arguments) => template::run(arguments, console),
            Self::Import(arguments) => import::run(arguments, console),
            Self::Demo(arguments) => demo::run(arguments, console),
            Self::Completions(arguments) => completions::run(arguments, console),
            Self::Man(arguments) => man::run(arguments, console),
        }
    }
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// For a script.
    Json,
}

/// What clap has to say: help that was asked for is a result, anything else is misuse.
fn told(error: &clap::Error, console: &mut Console) -> Result<Exit, Failure> {
    let shown = error.render();
    if error.use_stderr() {
        let text = if console.colour_on_error() {
            shown.ansi().to_string()
        } else {
            shown.to_string()
        };
        console.remark(&text);
        return Ok(Exit::Misuse);
    }
    let text = if console.colour() {
        shown.ansi().to_string()
    } else {
        shown.to_string()
    };
    console.result(&text)?;
    Ok(Exit::Yes)
}

#[cfg(test)]
mod tests;
