//! `polity diff`: what a change does, as opposed to what it says.

use std::path::{Path, PathBuf};

use polity_runtime::Bundle;

use super::{
    Console, Exit, Failure,
    build::trust_root,
    cache::sides::Sides,
    files,
    progress::{self, Progress},
    repository,
    request::{self, Request},
    surroundings,
};
use crate::{
    ast::Moment,
    compile::{Ask, Memo, compile_both, compile_with},
    diag::Findings,
    diff::{Changes, Side, Unreadable, compare, diff},
    facts::{NOT_COMPARED, of_bundles},
    report::changes::{json, markdown, text},
    report::replay as replays,
    report::text::findings,
    source::{Located, SourceTree, locate},
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

Every change is of one rule before and one after, and comes with a call that
shows it, decided by both sides. Its other cases follow with `or`; the last is
`or otherwise` where there may be more. What cannot be decided is called
possible, and counts. What a kill hides for now is told as what comes once it
ends. Comments and order are no change.

The exit code is 0 whatever differs. With --fail-on it is 1 if something is
widened (or narrowed, or differs at all). It is 1 too where a side does not
compile.

What a revision compiled to is kept in `.git/polity/`, which may be deleted, so
that it is compiled once. It is signed with a key of yours that lies outside the
repository, below $XDG_STATE_HOME or ~/.local/state, and what that key did not
sign is compiled anew. With --fail-on both sides always are: what decides
whether a change is merged trusts nothing that an earlier run left behind."
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
    /// Compile both sides anew, and neither read nor write `.git/polity/`
    #[arg(long)]
    no_cache: bool,
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
enum Compare {
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
        Compare::Revisions(base, head) => {
            let asked = Asked {
                path: &arguments.path,
                base,
                head: head.as_deref(),
                log: log.as_deref(),
                // Whoever could write what is kept could decide what is merged.
                cached: !arguments.no_cache && arguments.fail_on.is_empty(),
            };
            revisions(&asked, progress)
        }
        Compare::Bundles(old, new) => bundles(old, new, arguments.trust.as_deref(), log.as_deref(), now),
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
    if let Some(what) = changes.not_compared {
        console.remark(&format!("{what}\n"));
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
    let fails = arguments.fail_on.iter().any(|on| match on {
        FailOn::Widened => replay.changed.iter().any(Changed::is_widened),
        FailOn::Narrowed => replay.changed.iter().any(Changed::is_narrowed),
        FailOn::Any => !replay.changed.is_empty(),
    });
    Ok(if fails || replay.unreadable > 0 {
        Exit::FallsShort
    } else {
        Exit::Yes
    })
}

/// What the words name.
fn sides(words: &[String]) -> Result<Compare, Failure> {
    let head = || "HEAD".to_owned();
    let is_bundle = |word: &String| {
        Path::new(word)
            .extension()
            .is_some_and(|extension| extension == "polity")
    };
    match words {
        [] => Ok(Compare::Revisions(head(), None)),
        [one] if is_bundle(one) => {
            Err(Failure::misuse("a bundle is compared with another")
                .with_help("name two bundles: `OLD.polity NEW.polity`"))
        }
        [one] => match one.split_once("..") {
            None => Ok(Compare::Revisions(one.clone(), None)),
            Some((_, rest)) if rest.starts_with('.') => Err(Failure::misuse("`...` is not understood")
                .with_help("write `BASE..HEAD`, with `git merge-base` for the base where the branches parted")),
            Some((base, to)) => {
                let or_head = |word: &str| if word.is_empty() { head() } else { word.to_owned() };
                Ok(Compare::Revisions(or_head(base), Some(or_head(to))))
            }
        },
        [old, new] => Ok(Compare::Bundles(old.into(), new.into())),
        _ => Err(Failure::misuse("at most two sides can be compared")),
    }
}

/// A line of a log each, or why it cannot be read.
type Log = [Result<Request, String>];

enum Compared {
    Changes(Box<Changes>),
    Replayed(Replay),
    Broken(Broken),
}

/// What is compared, each a revision or the work tree.
struct Asked<'a> {
    path: &'a Path,
    base: &'a str,
    head: Option<&'a str>,
    log: Option<&'a Log>,
    /// Whether what is known of a revision counts, and is kept.
    cached: bool,
}

fn revisions(asked: &Asked<'_>, progress: &Progress) -> Result<Compared, Failure> {
    let revisions = [Some(asked.base), asked.head];
    let located = revisions.map(|revision| {
        // What cannot be found is told by whoever reads it.
        let located = revision.filter(|_| asked.cached)?;
        locate(asked.path, located).ok()
    });
    // Both are of one repository.
    let kept = located.iter().flatten().next();
    let kept = kept.and_then(|located| Sides::open(&located.git_folder));
    let known = |at: &Option<Located>| kept.as_ref()?.read(&at.as_ref()?.tree);
    let [before, after] = &located;
    let (before, after) = rayon::join(|| known(before), || known(after));
    let known = [before, after];
    let is_known = known.each_ref().map(Option::is_some);
    let sides = match complete(known, asked.path, revisions, progress)? {
        Ok(sides) => sides,
        Err(broken) => return Ok(Compared::Broken(broken)),
    };
    let keep = || {
        for ((side, located), is_known) in sides.iter().zip(&located).zip(is_known) {
            if let (Some(kept), Some(located), false) = (&kept, located, is_known) {
                kept.write(&located.tree, side);
            }
        }
    };
    let [before, after] = &sides;
    let compared = || match asked.log {
        Some(log) => Ok(Compared::Replayed(replay(&before.table, &after.table, log))),
        None => {
            progress.say("searching for calls that tell them apart");
            compare(before, after)
                .map(|changes| Compared::Changes(Box::new(changes)))
                .map_err(unreadable)
        }
    };
    let (compared, ()) = rayon::join(compared, keep);
    // The process is about to end: giving back the memory of two large repositories only takes time.
    std::mem::forget(sides);
    compared
}

/// Sides that do not compile: what they are, and what was found.
type Broken = Vec<(String, SourceTree, Findings)>;

/// Compiles what is not known.
fn complete(
    known: [Option<Side>; 2],
    path: &Path,
    revisions: [Option<&str>; 2],
    progress: &Progress,
) -> Result<Result<[Side; 2], Broken>, Failure> {
    let [before, after] = revisions;
    let known = match known {
        [Some(before), Some(after)] => return Ok(Ok([before, after])),
        known => known,
    };
    progress.say("reading what is to be compared");
    let read = |known: &Option<Side>, revision| match known {
        Some(_) => Ok(None),
        None => repository::read(path, revision).map(Some),
    };
    let [known_before, known_after] = &known;
    let trees = [read(known_before, before)?, read(known_after, after)?];
    progress.say("compiling it");
    let memo = Memo::default();
    let mut compiled = match trees {
        [Some(before), Some(after)] => compile_both([before, after], &memo).map(Some),
        trees => trees.map(|tree| tree.map(|(tree, sink)| compile_with(&tree, &memo, Ask::Nothing, sink))),
    };
    let mut broken = Vec::new();
    for (compiled, revision) in compiled.iter_mut().zip(revisions) {
        if let Some(compiled) = compiled.as_mut().filter(|compiled| compiled.table.is_none()) {
            let name = revision.map_or_else(|| "the work tree".to_owned(), |revision| format!("`{revision}`"));
            broken.push((name, compiled.tree.clone(), std::mem::take(&mut compiled.findings)));
        }
    }
    let [before, after] = &mut compiled;
    let [known_before, known_after] = known;
    let (before, after) = rayon::join(
        || known_before.or_else(|| Side::take(before.as_mut()?)),
        || known_after.or_else(|| Side::take(after.as_mut()?)),
    );
    std::mem::forget(compiled);
    Ok(match (before, after) {
        (Some(before), Some(after)) => Ok([before, after]),
        _ => Err(broken),
    })
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
        None => {
            let changes = diff(old.table(), new.table()).map_err(unreadable)?;
            Ok(Compared::Changes(Box::new(Changes {
                facts: of_bundles(&old, &new),
                not_compared: Some(NOT_COMPARED),
                ..changes
            })))
        }
    }
}

fn unreadable(_: Unreadable) -> Failure {
    Failure::falls_short("a side holds what this program does not know")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_read_as_git_reads_it() {
        let of = |words: &[&str]| sides(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let revisions = |base: &str, head: Option<&str>| Compare::Revisions(base.to_owned(), head.map(str::to_owned));
        for (words, wanted) in [
            (&[][..], revisions("HEAD", None)),
            (&["main"], revisions("main", None)),
            (&["main..HEAD"], revisions("main", Some("HEAD"))),
            (&["main.."], revisions("main", Some("HEAD"))),
            (&["..topic"], revisions("HEAD", Some("topic"))),
            (
                &["a.polity", "b.polity"],
                Compare::Bundles("a.polity".into(), "b.polity".into()),
            ),
        ] {
            assert_eq!(of(words).as_ref(), Ok(&wanted), "{words:?}");
        }
        assert!(of(&["a.polity"]).is_err() && of(&["main...HEAD"]).is_err());
    }
}
