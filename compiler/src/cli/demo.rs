//! `polity demo`: an organisation's repository with its history, made, checked, built, asked and broken before your eyes.
//!
//! Every step is the command's own: what is printed here is what `keygen`, `build`, `approve`, `verify`, `decide` and
//! `log` do. The demo brings the example organisation and a clock of its own, so that it says the same every day; keys
//! are made anew, and with them the ids of commits.

pub(super) mod example;
mod history;
mod merges;
mod people;
mod repository;

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use anstyle::Style;
use serde::Deserialize;

use self::example::{Mistake, Question};
use self::history::{Files, History as Story};
use self::merges::{MAIN, Made};
use self::people::People;
use self::repository::Workshop;
use super::{
    Console, Exit, Failure, answer::Asked, build, console::Captured, files, keygen, progress, surroundings, trail,
    values, verify,
};
use crate::{
    ast::Moment,
    compile::compile,
    diag::{Findings, LintLevels, Severity, Sink},
    report::{decision, text},
    source::SourceTree,
    trail::{approve::propose, verify::short},
};

/// Make an example organisation, and show what Polity does with it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity demo
  git -C polity-demo/organization log --graph --stat")]
pub(super) struct Arguments {
    /// Where everything is left to look at; what an earlier demo left there is replaced
    #[arg(long, value_name = "DIR", default_value = "polity-demo")]
    out: PathBuf,
}

/// The organisation of the example.
const ORGANIZATION: &str = "acme";
/// A question and its answer stand on one line of at most so many characters: about as wide as the table above them.
const WIDEST: usize = 122;
/// Says that a folder was made by the demo, which may therefore replace it.
const MARKER: &str = ".polity-demo";
const MARKER_TEXT: &str = "`polity demo` made this folder, and replaces it with everything in it when it runs again.\n";

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let questions = example::questions()?;
    let mistake = example::mistake()?;
    let demo = Demo {
        organization: arguments.out.join("organization"),
        keys: arguments.out.join("keys"),
        bundle: arguments.out.join(format!("{ORGANIZATION}.polity")),
        program: surroundings::program(),
        // The answers depend on exceptions that end, so the clock stands where the first question puts it.
        now: questions.iter().map(|question| question.request.now).min().unwrap_or(0),
    };
    prepare(&arguments.out)?;
    let (people, story, made) = demo.make(console)?;
    demo.table(&made, console)?;
    demo.build(&made, console)?;
    demo.stopped(console)?;
    demo.approve(&people, &story, &made, console)?;
    let asked = demo.verify(console)?;
    demo.ask(&asked, &questions, console)?;
    demo.look_back(console)?;
    demo.blunder(&mistake, console)?;
    demo.leave(&questions, console)?;
    Ok(Exit::Yes)
}

/// Makes the folder anew. One that the demo did not make is left alone.
fn prepare(out: &Path) -> Result<(), Failure> {
    let cannot = |error: &io::Error| Failure::path("cannot make the folder", out, error);
    let refuse = || {
        Failure::environment(format!("`{}` is there already, and no demo made it", out.display()))
            .with_help("name another folder with `--out`, or move this one away")
    };
    match fs::symlink_metadata(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(&error)),
        Ok(found) if !found.is_dir() => return Err(refuse()),
        Ok(_) => {
            let empty = fs::read_dir(out).map_err(|error| cannot(&error))?.next().is_none();
            let marker = files::read(&out.join(MARKER), "the marker", files::LARGEST_KEY);
            if !empty && marker.ok().as_deref() != Some(MARKER_TEXT.as_bytes()) {
                return Err(refuse());
            }
            fs::remove_dir_all(out).map_err(|error| Failure::path("cannot replace", out, &error))?;
        }
    }
    fs::create_dir_all(out).map_err(|error| cannot(&error))?;
    files::write_atomically(&out.join(MARKER), "the marker", MARKER_TEXT.as_bytes())
}

/// What `polity log --format json` says, as far as it is shown.
#[derive(Deserialize)]
struct Log {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    commit: String,
    time: String,
    title: String,
    written_by: Vec<String>,
    approvals: Vec<Approval>,
}

#[derive(Deserialize)]
struct Approval {
    person: String,
}

struct Demo {
    organization: PathBuf,
    keys: PathBuf,
    bundle: PathBuf,
    /// How this program was called.
    program: String,
    /// Where the demo's clock stands.
    now: Moment,
}

impl Demo {
    fn make(&self, console: &mut Console) -> Result<(People, Story, Made), Failure> {
        heading("An organisation in git, and who changed it", console)?;
        let (people, story, made, count) = progress::with_progress(console, "writing its history", |_| {
            let mut files: Files = example::files();
            let people = People::renew(&mut files)?;
            people.write(&self.ssh())?;
            let story = Story::of(&files)?;
            let workshop = Workshop::new(&self.organization)?;
            let made = merges::make(&self.organization, &workshop, &people, &story)?;
            workshop.write(&files)?;
            workshop.index(made.tip)?;
            Ok::<_, Failure>((people, story, made, files.len()))
        })?;
        console.result(&format!(
            "{count} files of `{ORGANIZATION}`, changed by {} merge requests, are in {}. Every key was made just now, \
             so every signature is real.\n",
            story.requests.len(),
            shown(&self.organization)
        ))?;
        Ok((people, story, made))
    }

    /// The steps of the trunk, as `polity log` tells them.
    fn table(&self, made: &Made, console: &mut Console) -> Result<(), Failure> {
        let steps = self.log()?;
        let begins = made.introductory.to_string();
        let mut rows = vec![["commit", "day", "by", "what", "written by", "approved by"].map(str::to_owned)];
        rows.push([
            begins.chars().take(8).collect(),
            values::timestamp(merges::FOUNDED)
                .get(5..10)
                .unwrap_or_default()
                .to_owned(),
            String::new(),
            merges::BEGINNING.to_owned(),
            merges::FOUNDER.to_owned(),
            "trust begins here".to_owned(),
        ]);
        for step in steps.iter().rev() {
            let by = made.merged.get(&step.commit).map_or("", |merged| merged.word());
            let approved: Vec<&str> = step.approvals.iter().map(|given| given.person.as_str()).collect();
            rows.push([
                step.commit.chars().take(8).collect(),
                step.time.get(5..10).unwrap_or_default().to_owned(),
                by.to_owned(),
                step.title.clone(),
                step.written_by.join(", "),
                match approved.as_slice() {
                    [] => "nobody".to_owned(),
                    people => people.join(", "),
                },
            ]);
        }
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..6).map(width).collect();
        for (at, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let ink = if at == 0 { dimmed(console) } else { Style::new() };
            console.result(&format!("{ink}{}{ink:#}\n", line.trim_end()))?;
        }
        Ok(())
    }

    /// What `polity log` says of the history, newest first.
    fn log(&self) -> Result<Vec<Step>, Failure> {
        let said = Captured::default();
        let mut aside = Console::plain(Box::new(said.clone()), Box::new(said.clone()));
        let organization = shown(&self.organization);
        let words = [self.program.as_str(), "log", &organization, "--format", "json"];
        super::run_on(words.map(OsString::from), &mut aside);
        let log: Log = serde_json::from_str(&said.text())
            .map_err(|error| Failure::falls_short(format!("the history cannot be read: {error}")))?;
        Ok(log.steps)
    }

    /// Makes the keys of a pipeline, and builds what was approved.
    fn build(&self, made: &Made, console: &mut Console) -> Result<(), Failure> {
        heading("Build what was approved", console)?;
        let (keys, introductory) = (shown(&self.keys), made.introductory.to_string());
        let command = [
            "keygen",
            "--organization",
            ORGANIZATION,
            "--introductory",
            &introductory,
            "--out",
            &keys,
        ];
        self.command(console, &command)?;
        let order = keygen::Order {
            organization: ORGANIZATION.to_owned(),
            reference: MAIN.to_owned(),
            introductory: Some(introductory),
            developer: false,
            now: self.now,
        };
        let written = keygen::keygen(&order, &self.keys)?;
        let names: Vec<_> = written.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        console.result(&format!("{}\n", names.join(" ")))?;
        self.built(&["--rev", "main~1"], Some("main~1"), None, console)
    }

    /// Builds, and says so.
    fn built(
        &self,
        words: &[&str],
        rev: Option<&str>,
        previous: Option<Vec<u8>>,
        console: &mut Console,
    ) -> Result<(), Failure> {
        self.command(console, &self.build_command(words))?;
        let built = self.try_to_build(rev, previous, console)?;
        let Some(bundle) = built.bundle.filter(|_| !built.findings.has_errors()) else {
            let said = text::findings(&built.findings, &built.tree, console.colour_on_error());
            console.remark(&said);
            console.remark(&built.unapproved.unwrap_or_default());
            return Err(Failure::falls_short("the example organisation does not build"));
        };
        files::write_atomically(&self.bundle, "the bundle", &bundle.bytes)?;
        console.result(&build::written(&self.bundle, &bundle, false, None))
    }

    /// Tries to build what nobody approved.
    fn stopped(&self, console: &mut Console) -> Result<(), Failure> {
        heading("Build what nobody approved", console)?;
        let bundle = shown(&self.bundle);
        self.command(console, &self.build_command(&["--previous", &bundle]))?;
        let built = self.try_to_build(None, Some(self.previous()?), console)?;
        match (built.unapproved, built.bundle) {
            (Some(unapproved), None) => console.result(&unapproved),
            _ => Err(Failure::falls_short("the last merge request was to be stopped")),
        }
    }

    /// Has those approve it who were not asked, and builds.
    fn approve(&self, people: &People, story: &Story, made: &Made, console: &mut Console) -> Result<(), Failure> {
        heading("Have it approved by those whom the rules name", console)?;
        let opened = trail::open(&self.organization, None)?;
        let history = &opened.history;
        let base = history
            .commit(made.tip)
            .map_err(|error| trail::failure(&error.into()))?;
        let base = *base
            .parents
            .first()
            .ok_or_else(|| Failure::falls_short("the history is too short"))?;
        let proposal = propose(history, MAIN, base, made.tip).map_err(|error| trail::failure(&error))?;
        let asked = story
            .requests
            .last()
            .map_or(&[][..], |request| &request.approved_afterwards_by);
        let signed = merges::approve(history, people, &proposal, asked, self.now)?;
        for (name, _) in &signed {
            let (range, path) = (format!("{}..HEAD", short(base)), shown(&self.organization));
            let key = shown(&self.ssh().join(name));
            self.command(console, &["approve", &range, "--path", &path, "--key", &key, "--yes"])?;
        }
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        console.result(&format!(
            "signed by {}, each with a key of their own\n",
            names.join(", ")
        ))?;
        let bundle = shown(&self.bundle);
        self.built(&["--previous", &bundle], None, Some(self.previous()?), console)
    }

    /// The bundle that a build continues from.
    fn previous(&self) -> Result<Vec<u8>, Failure> {
        files::read(&self.bundle, "the previous bundle", files::LARGEST_BUNDLE)
    }

    fn try_to_build(
        &self,
        rev: Option<&str>,
        previous: Option<Vec<u8>>,
        console: &Console,
    ) -> Result<build::Built, Failure> {
        let order = build::Order {
            path: self.organization.clone(),
            rev: rev.map(str::to_owned),
            trust: files::read(&self.trust(), "the trust root", files::LARGEST_KEY)?,
            keys: vec![self.keys.join("bundle.key")],
            unattested: false,
            previous,
            scope: None,
            engine: true,
            issued: self.now,
        };
        progress::with_progress(console, "building", |progress| build::build(&order, progress))
    }

    fn verify(&self, console: &mut Console) -> Result<Asked, Failure> {
        heading("Verify it, as an agent does when it starts, and ask it", console)?;
        let (bundle, trust) = (shown(&self.bundle), shown(&self.trust()));
        let now = values::timestamp(self.now);
        self.command(console, &["verify", &bundle, "--trust", &trust, "--now", &now])?;
        let bundle = files::read(&self.bundle, "the bundle", files::LARGEST_BUNDLE)?;
        let trust = files::read(&self.trust(), "the trust root", files::LARGEST_KEY)?;
        let said = verify::text(&verify::verify(&bundle, &trust, self.now)?);
        for line in said
            .lines()
            .filter(|line| ["verified", "expires"].contains(&label(line)))
        {
            console.result(&format!("{line}\n"))?;
        }
        Asked::open(&bundle, &trust, self.now)
    }

    fn ask(&self, asked: &Asked, questions: &[Question], console: &mut Console) -> Result<(), Failure> {
        let faint = dimmed(console);
        for (at, question) in questions.iter().enumerate() {
            let request = &question.request;
            let decision = asked.decide(&Ok(request.clone()));
            let answer = decision::brief(&decision, console.colour());
            let head = answer.lines().next().unwrap_or_default();
            // The first call and its answer are shown whole; of the others what was asked, and what decides.
            if at == 0 {
                let (agent, environment, action) = (&request.agent, &request.environment, &request.action);
                console.result(&format!(
                    "{}\n  {faint}{agent} in {environment}: {action} {}{}{faint:#}\n",
                    question.title,
                    request.args,
                    circumstances(question, self.now)
                ))?;
                answer
                    .lines()
                    .try_for_each(|line| console.result(&format!("  {line}\n")))?;
            } else {
                let apart = match question.title.chars().count() + head.chars().count() {
                    0..=WIDEST => "  ",
                    _ => "\n  ",
                };
                console.result(&format!("{}{apart}{head}\n", question.title))?;
            }
            if let Some(difference) = question.differs(&decision) {
                return Err(Failure::falls_short(format!("to `{}`: {difference}", question.title)));
            }
        }
        console.result(&format!(
            "{} questions, and each answer is the one that was meant.\n",
            questions.len()
        ))
    }

    /// The question that every auditor asks first.
    fn look_back(&self, console: &mut Console) -> Result<(), Failure> {
        heading("Who approved this agent's access to a key of production?", console)?;
        let organization = shown(&self.organization);
        let log = [
            "log",
            &organization,
            "--agent",
            "reliability/on-call",
            "--credential",
            "kube-production",
        ];
        self.command(console, &log)?;
        let words = std::iter::once(self.program.as_str()).chain(log);
        match super::run_on(words.map(OsString::from), console) {
            Exit::Yes => Ok(()),
            _ => Err(Failure::falls_short("the history cannot be read")),
        }
    }

    /// Makes a mistake in memory, and shows the diagnostic that it gives.
    fn blunder(&self, mistake: &Mistake, console: &mut Console) -> Result<(), Failure> {
        heading(&format!("Make a mistake on purpose: {}", mistake.title), console)?;
        let tree = SourceTree::from_files(mistake.made()?);
        let compiled = compile(&tree, self.now, Sink::default());
        let errors = only(&compiled.findings, &tree, &|severity| severity == Severity::Error);
        let said = text::findings(&errors, &tree, console.colour());
        let (said, _) = said.split_once("\n\n").unwrap_or((&said, ""));
        console.result(&format!("{said}\n"))?;
        if compiled.table.is_some() || !errors.diagnostics().iter().all(|found| found.code.id == mistake.code) {
            return Err(Failure::falls_short(format!(
                "the mistake in `{}` was to give `{}`, and nothing else",
                mistake.path, mistake.code
            )));
        }
        Ok(())
    }

    fn leave(&self, questions: &[Question], console: &mut Console) -> Result<(), Failure> {
        heading("What lies where", console)?;
        let rows = [
            (
                shown(&self.organization),
                "the organisation, a git repository: start with its README.md",
            ),
            (
                shown(&self.keys),
                "the trust root that an agent is given, and a pipeline's secret keys",
            ),
            (shown(&self.ssh()), "the key of each person, to approve or commit with"),
            (shown(&self.bundle), "the signed bundle that answered"),
        ];
        let width = rows.iter().map(|(path, _)| path.chars().count()).max().unwrap_or(0);
        for (path, what) in &rows {
            console.result(&format!("{path:<width$}  {what}\n"))?;
        }
        heading(
            "Try next: why was that allowed; change a rule; commit it to a branch",
            console,
        )?;
        if let Some(question) = questions.first() {
            let request = &question.request;
            let (bundle, trust, now) = (shown(&self.bundle), shown(&self.trust()), values::timestamp(self.now));
            let explain = [
                "explain",
                &bundle,
                "--trust",
                &trust,
                "--agent",
                &request.agent,
                "--environment",
                &request.environment,
                "--action",
                &request.action,
                "--args",
                &request.args,
                "--now",
                &now,
            ];
            self.command(console, &explain)?;
        }
        self.command(console, &["check", &shown(&self.organization)])?;
        self.command(console, &["check", &shown(&self.organization), "--base", "main"])
    }

    fn trust(&self) -> PathBuf {
        self.keys.join("trust.json")
    }

    /// Where everybody's keys are.
    fn ssh(&self) -> PathBuf {
        self.keys.join("ssh")
    }

    fn build_command(&self, more: &[&str]) -> Vec<String> {
        let paths = [
            &self.organization,
            &self.trust(),
            &self.keys.join("bundle.key"),
            &self.bundle,
        ];
        let [organization, trust, key, bundle] = paths.map(|path| shown(path));
        let issued = values::timestamp(self.now);
        let words = [
            "build",
            &organization,
            "--trust",
            &trust,
            "--key",
            &key,
            "--issued",
            &issued,
            "--out",
            &bundle,
        ];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// Shows a command as it can be typed.
    fn command(&self, console: &mut Console, arguments: &[impl AsRef<str>]) -> Result<(), Failure> {
        let faint = dimmed(console);
        let words = std::iter::once(self.program.as_str()).chain(arguments.iter().map(AsRef::as_ref));
        let line = words.map(quoted).collect::<Vec<_>>().join(" ");
        console.result(&format!("{faint}$ {line}{faint:#}\n"))
    }
}

/// What a line of an answer is about: its first word, without colour.
fn label(line: &str) -> &str {
    let line = line.trim_start();
    let line = line.strip_prefix("\u{1b}[2m").unwrap_or(line);
    line.split([' ', '\u{1b}']).next().unwrap_or_default()
}

/// Those of some severities.
fn only(findings: &Findings, tree: &SourceTree, severities: &dyn Fn(Severity) -> bool) -> Findings {
    let mut chosen = Sink::default();
    let found = findings.diagnostics().iter();
    for found in found.filter(|found| severities(found.severity)) {
        chosen.push(found.clone());
    }
    chosen.finish(tree, &LintLevels::default(), &[])
}

fn heading(text: &str, console: &mut Console) -> Result<(), Failure> {
    let bold = if console.colour() {
        Style::new().bold()
    } else {
        Style::new()
    };
    console.result(&format!("\n{bold}{text}{bold:#}\n"))
}

fn dimmed(console: &Console) -> Style {
    if console.colour() {
        Style::new().dimmed()
    } else {
        Style::new()
    }
}

/// What a question says beside the call itself.
fn circumstances(question: &Question, now: Moment) -> String {
    let request = &question.request;
    let mut said = String::new();
    if !request.holding.is_empty() {
        said.push_str(&format!(", holding {}", request.holding.join(", ")));
    }
    if let Some(person) = &request.on_behalf_of {
        said.push_str(&format!(", on behalf of {person}"));
    }
    if request.now != now {
        said.push_str(&format!(", at {}", values::timestamp(request.now)));
    }
    said
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
