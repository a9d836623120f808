//! `polity test`: asks what the tests of a repository ask, and says which answers are not the expected ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use polity_runtime::table::Table;

use super::{Console, Exit, Failure, files, progress, repository, request, surroundings};
use crate::{
    ast::Moment,
    compile::{Ask, Compiled, Memo, compile, compile_with},
    diag::nearest,
    report::{
        junit::junit,
        suite::{self as shown, Shown},
        text, visible,
    },
    resolve::Organization,
    suite::{self, Request, Selection, changed::changed, record::record},
};

/// Run the tests of a repository's policies
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity test                           the folder you are in, as it is
  polity test --suite refunds --filter large
  polity test --coverage                which conditions no test decides
  polity test --base origin/main --coverage-min 100
                                        the rules that a branch changes
  polity test --format junit --out report.xml
  polity test --record calls.jsonl --out recorded.yaml

A case asks about a call and expects an answer; a matrix asks about every
combination of its agents, environments and actions, and expects that each cell
it does not list is denied. Tests ask what policies say: Kill documents do not
count, except in a case that expects `code: killed`.

--coverage-min is reached if that part of the rules is fired by some test, and
that part of the yes and no edges of their guards is taken by some test.

--record reads requests as `polity decide --requests` does, decides each, and
writes a Test document that passes.")]
pub(super) struct Arguments {
    /// The repository, or a folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// A commit, branch or tag instead of the work tree
    #[arg(long)]
    rev: Option<String>,
    /// Only the tests of this Test document; may be given several times
    #[arg(long = "suite", value_name = "NAME")]
    suites: Vec<String>,
    /// Only tests whose name, or whose suite's, holds this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show every rule, and the edges of its guards that no test takes
    #[arg(long)]
    coverage: bool,
    /// The coverage of rules that changed since this commit, branch or tag alone
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Exit with 1 if less is covered
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    coverage_min: Option<u64>,
    /// How to write what came of it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write tests from requests, one JSON object a line, instead; `-` is standard input
    #[arg(
        long,
        value_name = "REQUESTS",
        conflicts_with_all = ["suites", "filter", "coverage", "base", "coverage_min", "format"]
    )]
    record: Option<PathBuf>,
    /// What the recorded Test document is called
    #[arg(long, value_name = "NAME", requires = "record", default_value = "recorded", value_parser = name)]
    name: String,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// For a script
    Json,
    /// JUnit XML: every CI
    Junit,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let now = surroundings::now()?;
    let requests = match &arguments.record {
        Some(path) => {
            let bytes = files::read_or_standard_input(path, "the requests", files::LARGEST_REQUESTS)?;
            Some(request::lines(&bytes, now))
        }
        None => None,
    };
    let (path, rev) = (arguments.path.as_path(), arguments.rev.as_deref());
    let Some((compiled, table)) = compiled(path, rev, now, console)? else {
        return Ok(Exit::FallsShort);
    };
    match requests {
        Some(requests) => write(&arguments, &compiled, &table, &requests, console),
        None => test(&arguments, &compiled, &table, console),
    }
}

/// What a revision compiles to. Where it does not, that is said, and there is nothing.
fn compiled(
    path: &Path,
    rev: Option<&str>,
    now: Moment,
    console: &mut Console,
) -> Result<Option<(Compiled, Table)>, Failure> {
    let (tree, mut compiled) = progress::with_progress(console, "compiling", |_| {
        let (tree, sink) = repository::read(path, rev)?;
        let compiled = compile(&tree, now, sink);
        Ok((tree, compiled))
    })?;
    let Some(table) = compiled.table.take() else {
        console.remark(&text::folded(&compiled.findings, &tree, console.colour_on_error()));
        return Ok(None);
    };
    Ok(Some((compiled, table)))
}

fn test(arguments: &Arguments, compiled: &Compiled, table: &Table, console: &mut Console) -> Result<Exit, Failure> {
    known(&arguments.suites, &compiled.organization)?;
    let rules = match &arguments.base {
        None => None,
        Some(base) => Some(progress::with_progress(console, "compiling the base", |_| {
            since(&arguments.path, base, compiled)
        })?),
    };
    let selection = Selection {
        suites: &arguments.suites,
        filter: arguments.filter.as_deref(),
        rules: rules.as_ref(),
    };
    let started = surroundings::stopwatch();
    let report = progress::with_progress(console, "testing", |_| {
        suite::run(&compiled.organization, table, &selection)
    });
    let seconds = started.elapsed().as_secs_f64();
    // A suite that was renamed must not turn into one that passes.
    if let Some(filter) = arguments.filter.as_ref().filter(|_| report.suites.is_empty()) {
        return Err(Failure::misuse(format!("no test's name holds `{filter}`")));
    }
    let result = match arguments.format {
        Format::Text => {
            let shown = Shown {
                colour: console.colour() && arguments.out.is_none(),
                coverage: arguments.coverage,
            };
            shown::text(&report, &compiled.tree, shown)
        }
        Format::Json => shown::json(&report, &compiled.tree),
        Format::Junit => junit(&report, &compiled.tree, seconds),
    };
    put(arguments.out.as_deref(), &result, console)?;
    let covered = arguments
        .coverage_min
        .is_none_or(|percent| report.coverage.reaches(percent));
    if let Some(percent) = arguments.coverage_min.filter(|_| !covered) {
        let (fired, edges) = (report.coverage.fired().percent(), report.coverage.edges().percent());
        console.remark(&format!(
            "{fired} % of the rules and {edges} % of the edges are covered, and {percent} % was asked for\n"
        ));
    }
    let (_, failed) = report.count();
    Ok(if failed == 0 && covered {
        Exit::Yes
    } else {
        Exit::FallsShort
    })
}

/// Each name must be of a Test document.
fn known(suites: &[String], organization: &Organization) -> Result<(), Failure> {
    let names = || organization.suites.iter().map(|suite| suite.name.value.as_str());
    match suites.iter().find(|wanted| !names().any(|name| name == *wanted)) {
        None => Ok(()),
        Some(unknown) => {
            let failure = Failure::misuse(format!("no Test document is called `{unknown}`"));
            Err(match nearest(unknown, names()) {
                Some(near) => failure.with_help(format!("did you mean `{near}`?")),
                None => failure,
            })
        }
    }
}

/// The rules that are not as they were at the base. One that does not compile is read as far as it can be: a rule that
/// was broken there has changed.
fn since(path: &Path, base: &str, compiled: &Compiled) -> Result<BTreeSet<String>, Failure> {
    let (tree, sink) = repository::read(path, Some(base))?;
    let before = compile_with(&tree, &Memo::default(), Ask::Nothing, sink);
    Ok(changed(&before.documents, &compiled.documents))
}

/// Writes tests from requests.
fn write(
    arguments: &Arguments,
    compiled: &Compiled,
    table: &Table,
    requests: &[Result<Request, String>],
    console: &mut Console,
) -> Result<Exit, Failure> {
    let recorded = progress::with_progress(console, "recording", |_| {
        record(&compiled.organization, table, &arguments.name, requests)
    });
    for (at, wrong) in &recorded.left_out {
        console.remark(&format!("request {} is left out: {}\n", at + 1, visible::line(wrong)));
    }
    if recorded.cases > 0 {
        put(arguments.out.as_deref(), &recorded.yaml, console)?;
    }
    let (cases, repeated) = (recorded.cases, recorded.repeated);
    console.remark(&format!("{cases} cases, {repeated} requests repeated others\n"));
    Ok(match recorded.left_out.is_empty() && cases > 0 {
        true => Exit::Yes,
        false => Exit::FallsShort,
    })
}

fn put(out: Option<&Path>, result: &str, console: &mut Console) -> Result<(), Failure> {
    match out {
        Some(path) => files::write_atomically(path, "the result", result.as_bytes()),
        None => console.result(result),
    }
}

/// A document's name.
fn name(typed: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = typed.bytes().next().is_some_and(letter) && typed.bytes().all(|byte| letter(byte) || byte == b'-');
    match valid {
        true => Ok(typed.to_owned()),
        false => Err("a name is made of `a` to `z`, `0` to `9` and `-`".to_owned()),
    }
}
