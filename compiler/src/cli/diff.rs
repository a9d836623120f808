//! `polity diff`: what a change does, as opposed to what it says.

use std::path::{Path, PathBuf};

use polity_runtime::{Bundle, decide::Outcome, table::Table};

use super::{
    Console, Exit, Failure,
    build::trust_root,
    files,
    progress::{self, Progress},
    repository,
    request::{self, Request},
    surroundings,
};
use crate::{
    ast::Moment,
    compile::{Memo, compile_both},
    diag::Findings,
    diff::{Changes, diff},
    facts::facts,
    report::changes::{json, markdown, text},
    report::replay as replays,
    report::text::findings,
    source::SourceTree,
    suite::replay::{Changed, Replay, replay},
};

/// Say what a change does: which calls are answered otherwise, and how
#[derive(clap::Args)]
#[command(
    override_usage = "polity diff [BASE[..HEAD]] [OPTIONS]\n       polity diff <OLD.polity> <NEW.polity> --trust <FILE> [OPTIONS]",
    after_help = "\
Examples:
  polity diff                            what is not committed yet
  polity diff main                       the work tree against a branch
  polity diff main..HEAD                 two revisions
  polity diff v1..v2 --format markdown   a comment on a merge request
  polity diff old.polity new.polity --trust trust.json
  polity diff main --requests calls.jsonl

With --requests the calls of a log are decided by both sides, as `polity decide
--requests` takes them, and only those that are answered otherwise are shown.

Every change comes with a call that shows it, decided by both sides. What cannot
be decided is called possible, and counts. Comments and order are no change.

The exit code is 0 whatever differs. With --fail-on it is 1 if something is
widened (or narrowed, or differs at all). It is 1 too where a side does not
compile."
)]
pub(super) struct Arguments {
    /// Revisions, `BASE..HEAD`; only a base: against the work tree. Or two bundles
    #[arg(value_name = "BASE..HEAD", num_args = 0..=2)]
    sides: Vec<String>,
    /// The repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// The trust root of two bundles
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Recorded requests, one JSON object a line: decide these by both sides instead of searching
    #[arg(long, value_name = "LOG")]
    requests: Option<PathBuf>,
    /// Exit with 1 if there is such a change; may be given several times
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    /// Show every change, however many there are
    #[arg(long)]
    all: bool,
    /// How to write the changes
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What fails a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Somebody may do more, or it could not be excluded
    Widened,
    /// Somebody may do less
    Narrowed,
    /// Anything differs
    Any,
}

/// How changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// For a comment on a merge request
    Markdown,
    /// For a script
    Json,
}

/// What is compared.
#[derive(Debug, PartialEq, Eq)]
enum Sides {
    /// A revision, and another or the work tree.
    Revisions(String, Option<String>),
    Bundles(PathBuf, PathBuf),
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let now = surroundings::now()?;
    let sides = sides(&arguments.sides)?;
    let log = match &arguments.requests {
        Some(_) if arguments.format == Format::Markdown => {
            return Err(Failure::misuse("recorded requests are told as text or as JSON"));
        }
        Some(path) => Some(request::lines(
            &files::read(path, "the requests", files::LARGEST_REQUESTS)?,
            now,
        )),
        None => None,
    };
    let compared = progress::with_progress(console, "comparing", |progress| match &sides {
        Sides::Revisions(base, head) => revisions(&arguments.path, base, head.as_deref(), log.as_deref(), progress),
        Sides::Bundles(old, new) => bundles(old, new, arguments.trust.as_deref(), log.as_deref(), now),
    })?;
    let changes = match compared {
        Compared::Changes(changes) => changes,
        Compared::Replayed(replay) => return replayed(&replay, &arguments, console),
        Compared::Broken(broken) => {
            for (what, tree, found) in &broken {
                console.remark(&format!("{what} does not compile\n"));
                let said = findings(found, tree, console.colour_on_error());
                console.remark(&said);
            }
            return Ok(Exit::FallsShort);
        }
    };
    let most = if arguments.all { usize::MAX } else { text::SCREEN };
    match arguments.format {
        Format::Text => console.result(&text::changes(&changes, most, console.colour()))?,
        Format::Markdown => console.result(&markdown::changes(&changes))?,
        Format::Json => console.result(&json::changes(&changes))?,
    }
    if changes.is_empty() && arguments.format == Format::Text {
        console.remark("every call is answered as before\n");
    }
    if matches!(sides, Sides::Bundles(..)) {
        let beside = "bundles hold no servers, isolation or owners: those are compared between revisions";
        console.remark(&format!("{beside}\n"));
    }
    let fails = arguments.fail_on.iter().any(|on| match on {
        FailOn::Widened => changes.is_widened(),
        FailOn::Narrowed => changes.is_narrowed(),
        FailOn::Any => !changes.is_empty(),
    });
    Ok(if fails { Exit::FallsShort } else { Exit::Yes })
}

/// Says which recorded calls are answered otherwise. A line that nobody could read fails too: it was not compared.
fn replayed(replay: &Replay, arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match arguments.format {
        Format::Json => console.result(&replays::json(replay))?,
        Format::Text | Format::Markdown => console.result(&replays::text(replay, console.colour()))?,
    }
    let outcomes = |changed: &Changed| (changed.before.answered.outcome, changed.after.answered.outcome);
    let some = |holds: &dyn Fn(Outcome, Outcome) -> bool| {
        replay.changed.iter().any(|changed| {
            let (before, after) = outcomes(changed);
            holds(before, after)
        })
    };
    let fails = arguments.fail_on.iter().any(|on| match on {
        FailOn::Widened => some(&|before, after| after > before),
        FailOn::Narrowed => some(&|before, after| after < before),
        FailOn::Any => !replay.changed.is_empty(),
    });
    Ok(if fails || replay.unreadable > 0 {
        Exit::FallsShort
    } else {
        Exit::Yes
    })
}

/// What the words name.
fn sides(words: &[String]) -> Result<Sides, Failure> {
    let head = || "HEAD".to_owned();
    let is_bundle = |word: &String| {
        Path::new(word)
            .extension()
            .is_some_and(|extension| extension == "polity")
    };
    match words {
        [] => Ok(Sides::Revisions(head(), None)),
        [one] if is_bundle(one) => {
            Err(Failure::misuse("a bundle is compared with another")
                .with_help("name two bundles: `OLD.polity NEW.polity`"))
        }
        [one] => match one.split_once("..") {
            None => Ok(Sides::Revisions(one.clone(), None)),
            Some((_, rest)) if rest.starts_with('.') => Err(Failure::misuse("`...` is not understood")
                .with_help("write `BASE..HEAD`, with `git merge-base` for the base where the branches parted")),
            Some((base, to)) => {
                let or_head = |word: &str| if word.is_empty() { head() } else { word.to_owned() };
                Ok(Sides::Revisions(or_head(base), Some(or_head(to))))
            }
        },
        [old, new] => Ok(Sides::Bundles(old.into(), new.into())),
        _ => Err(Failure::misuse("at most two sides can be compared")),
    }
}

/// A line of a log each, or why it cannot be read.
type Log = [Result<Request, String>];

enum Compared {
    Changes(Changes),
    Replayed(Replay),
    /// Sides that do not compile: what they are, and what was found.
    Broken(Vec<(String, SourceTree, Findings)>),
}

fn revisions(
    path: &Path,
    base: &str,
    head: Option<&str>,
    log: Option<&Log>,
    progress: &Progress,
) -> Result<Compared, Failure> {
    progress.say("reading both sides");
    let before = repository::read(path, Some(base))?;
    let after = repository::read(path, head)?;
    progress.say("compiling both sides");
    let [mut before, mut after] = compile_both([before, after], &Memo::default());
    let changes = match (&before.table, &after.table) {
        (Some(old), Some(new)) if let Some(log) = log => return Ok(Compared::Replayed(replay(old, new, log))),
        (Some(old), Some(new)) => {
            progress.say("searching for calls that tell them apart");
            let mut changes = compare(old, new)?;
            changes.facts = facts(&before.organization, &after.organization);
            changes
        }
        _ => {
            let after_name = head.map_or_else(|| "the work tree".to_owned(), |head| format!("`{head}`"));
            let mut broken = Vec::new();
            for (what, compiled) in [(format!("`{base}`"), &mut before), (after_name, &mut after)] {
                if compiled.table.is_none() {
                    broken.push((what, compiled.tree.clone(), std::mem::take(&mut compiled.findings)));
                }
            }
            return Ok(Compared::Broken(broken));
        }
    };
    // The process is about to end: giving back the memory of two large repositories only takes time.
    std::mem::forget((before, after));
    Ok(Compared::Changes(changes))
}

fn bundles(old: &Path, new: &Path, trust: Option<&Path>, log: Option<&Log>, now: Moment) -> Result<Compared, Failure> {
    let Some(trust) = trust else {
        return Err(Failure::misuse("two bundles are compared only if both can be trusted")
            .with_help("`--trust FILE` names the trust root that they are verified with"));
    };
    let trust = trust_root(&files::read(trust, "the trust root", files::LARGEST_KEY)?)?;
    let load = |path: &Path| {
        let bytes = files::read(path, "the bundle", files::LARGEST_BUNDLE)?;
        Bundle::load(bytes, &trust, now).map_err(|error| Failure::falls_short(format!("`{}`: {error}", path.display())))
    };
    let (old, new) = (load(old)?, load(new)?);
    match log {
        Some(log) => Ok(Compared::Replayed(replay(old.table(), new.table(), log))),
        None => compare(old.table(), new.table()).map(Compared::Changes),
    }
}

fn compare(before: &Table, after: &Table) -> Result<Changes, Failure> {
    diff(before, after).map_err(|_| Failure::falls_short("a side holds tests that this program does not know"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_read_as_git_reads_it() {
        let of = |words: &[&str]| sides(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let revisions = |base: &str, head: Option<&str>| Sides::Revisions(base.to_owned(), head.map(str::to_owned));
        for (words, wanted) in [
            (&[][..], revisions("HEAD", None)),
            (&["main"], revisions("main", None)),
            (&["main..HEAD"], revisions("main", Some("HEAD"))),
            (&["main.."], revisions("main", Some("HEAD"))),
            (&["..topic"], revisions("HEAD", Some("topic"))),
            (
                &["a.polity", "b.polity"],
                Sides::Bundles("a.polity".into(), "b.polity".into()),
            ),
        ] {
            assert_eq!(of(words).as_ref(), Ok(&wanted), "{words:?}");
        }
        assert!(of(&["a.polity"]).is_err() && of(&["main...HEAD"]).is_err());
    }
}
