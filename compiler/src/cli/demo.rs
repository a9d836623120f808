//! `polity demo`: an organisation's repository, made, checked, built, asked and broken before your eyes.
//!
//! Every step is the command's own: what is printed here is what `check`, `keygen`, `build`, `verify`, `decide` and
//! `explain` do. The demo brings the example organisation and a clock of its own, so that it says the same every day.

pub(super) mod example;
mod repository;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anstyle::Style;

use self::example::{Mistake, Question};
use super::{
    Console, Exit, Failure, answer::Asked, build, check, files, keygen, progress, surroundings, values, verify,
};
use crate::{
    ast::Moment,
    compile::compile,
    diag::{Findings, LintLevels, Severity, Sink},
    report::{decision, suite::summary, text},
    source::SourceTree,
    suite::{self, Selection},
};

/// Make an example organisation, and show what Polity does with it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity demo
  git -C polity-demo/organization log --stat")]
pub(super) struct Arguments {
    /// Where everything is left to look at; what an earlier demo left there is replaced
    #[arg(long, value_name = "DIR", default_value = "polity-demo")]
    out: PathBuf,
}

/// The organisation of the example.
const ORGANIZATION: &str = "acme";
/// Says that a folder was made by the demo, which may therefore replace it.
const MARKER: &str = ".polity-demo";
const MARKER_TEXT: &str = "`polity demo` made this folder, and replaces it with everything in it when it runs again.\n";

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let questions = example::questions()?;
    let mistakes = example::mistakes()?;
    let demo = Demo {
        organization: arguments.out.join("organization"),
        keys: arguments.out.join("keys"),
        bundle: arguments.out.join(format!("{ORGANIZATION}.polity")),
        program: surroundings::program(),
        // The answers depend on exceptions that end, so the clock stands where the first question puts it.
        now: questions.iter().map(|question| question.request.now).min().unwrap_or(0),
    };
    prepare(&arguments.out)?;
    demo.commit(console)?;
    demo.check(console)?;
    demo.test(console)?;
    demo.build(console)?;
    let asked = demo.verify(console)?;
    demo.ask(&asked, &questions, console)?;
    demo.explain(&asked, &questions, console)?;
    for mistake in &mistakes {
        demo.blunder(mistake, console)?;
    }
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
    fn commit(&self, console: &mut Console) -> Result<(), Failure> {
        heading("An organisation in git", console)?;
        let message = "acme: the organisation as it stands\n";
        let commit = repository::create(&self.organization, example::FILES, message)
            .map_err(|error| Failure::path("cannot make the repository", &self.organization, &error))?;
        let (files, place) = (example::FILES.len(), self.organization.display());
        let commit = commit.get(..12).unwrap_or(&commit);
        console.result(&format!(
            "{files} files of the organisation `{ORGANIZATION}` are in {place}, as commit {commit} on `main`.\n"
        ))
    }

    fn check(&self, console: &mut Console) -> Result<(), Failure> {
        heading("Check it", console)?;
        self.command(console, &["check", &shown(&self.organization)])?;
        let checked = check::check(&self.organization, None, self.now)?;
        // Notes would fill pages: what they come to is enough here.
        let told = only(&checked.findings, &checked.tree, &|severity| severity != Severity::Note);
        console.result(&text::findings(&told, &checked.tree, console.colour()))?;
        let (files, notes) = (checked.tree.files().len(), checked.findings.summary().notes);
        if told.diagnostics().is_empty() {
            console.result(&format!("{files} files, nothing wrong"))?;
            console.result(&match notes {
                0 => "\n".to_owned(),
                _ => format!(", and {notes} notes\n"),
            })?;
        }
        match checked.findings.has_errors() {
            true => Err(Failure::falls_short("the example organisation has errors")),
            false => Ok(()),
        }
    }

    fn test(&self, console: &mut Console) -> Result<(), Failure> {
        heading("Ask what its tests ask", console)?;
        self.command(console, &["test", &shown(&self.organization)])?;
        let (tree, sink) = crate::cli::repository::read(&self.organization, None)?;
        let compiled = compile(&tree, self.now, sink);
        let table = compiled.table.as_ref();
        let table = table.ok_or_else(|| Failure::falls_short("the example organisation has errors"))?;
        let report = suite::run(&compiled.organization, table, &Selection::default());
        console.result(&format!("{}\n", summary(&report).join("\n")))?;
        match report.count() {
            (_, 0) => Ok(()),
            _ => Err(Failure::falls_short("a test of the example organisation fails")),
        }
    }

    fn build(&self, console: &mut Console) -> Result<(), Failure> {
        heading("Make keys for this machine, and build", console)?;
        let keys = shown(&self.keys);
        let keygen = ["keygen", "--developer", "--organization", ORGANIZATION, "--out", &keys];
        self.command(console, &keygen)?;
        let order = keygen::Order {
            organization: ORGANIZATION.to_owned(),
            reference: "refs/heads/main".to_owned(),
            introductory: None,
            developer: true,
            now: self.now,
        };
        let made = keygen::keygen(&order, &self.keys)?;
        let names: Vec<_> = made.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        console.result(&format!("{}\n", names.join(" ")))?;

        let key = self.keys.join("developer.key");
        self.command(console, &self.build_command())?;
        let order = build::Order {
            path: self.organization.clone(),
            rev: None,
            trust: files::read(&self.trust(), "the trust root", files::LARGEST_KEY)?,
            keys: vec![key],
            unattested: true,
            previous: None,
            scope: None,
            engine: true,
            issued: self.now,
        };
        let built = progress::with_progress(console, "building", |progress| build::build(&order, progress))?;
        let Some(bundle) = built.bundle.filter(|_| !built.findings.has_errors()) else {
            console.remark(&text::findings(&built.findings, &built.tree, console.colour_on_error()));
            return Err(Failure::falls_short("the example organisation does not build"));
        };
        files::write_atomically(&self.bundle, "the bundle", &bundle.bytes)?;
        console.result(&build::written(&self.bundle, &bundle, order.unattested, None))
    }

    fn verify(&self, console: &mut Console) -> Result<Asked, Failure> {
        heading("Verify it, as an agent does when it starts", console)?;
        let (bundle, trust) = (shown(&self.bundle), shown(&self.trust()));
        self.command(console, &["verify", &bundle, "--trust", &trust])?;
        let bundle = files::read(&self.bundle, "the bundle", files::LARGEST_BUNDLE)?;
        let trust = files::read(&self.trust(), "the trust root", files::LARGEST_KEY)?;
        console.result(&verify::text(&verify::verify(&bundle, &trust, self.now)?))?;
        Asked::open(&bundle, &trust, self.now)
    }

    fn ask(&self, asked: &Asked, questions: &[Question], console: &mut Console) -> Result<(), Failure> {
        heading("Ask it", console)?;
        let faint = dimmed(console);
        for question in questions {
            let request = &question.request;
            let decision = asked.decide(&Ok(request.clone()));
            let (agent, environment, action) = (&request.agent, &request.environment, &request.action);
            console.result(&format!(
                "{}\n  {faint}{agent} in {environment}: {action} {}{}{faint:#}\n",
                question.title,
                request.args,
                circumstances(question, self.now)
            ))?;
            let answer = decision::brief(&decision, console.colour());
            for line in answer.lines() {
                console.result(&format!("  {line}\n"))?;
            }
            if let Some(difference) = question.differs(&decision) {
                return Err(Failure::falls_short(format!("to `{}`: {difference}", question.title)));
            }
            console.result("\n")?;
        }
        console.result(&format!(
            "{} questions, and each answer is the one that was meant.\n",
            questions.len()
        ))
    }

    /// One answer in full: every rule that was looked at, and what its condition came to.
    fn explain(&self, asked: &Asked, questions: &[Question], console: &mut Console) -> Result<(), Failure> {
        let explained = |question: &&Question| question.request.action == "kubernetes.pods_delete";
        let Some(question) = questions.iter().find(explained) else {
            return Ok(());
        };
        heading("See how an answer came about", console)?;
        console.result(&format!("{}\n", question.title))?;
        let explanation = asked.explain(&question.request);
        console.result(&decision::explanation_text(&explanation, console.colour()))
    }

    /// Makes a mistake in memory, and shows the diagnostic that it gives.
    fn blunder(&self, mistake: &Mistake, console: &mut Console) -> Result<(), Failure> {
        heading(&format!("Make a mistake on purpose: {}", mistake.title), console)?;
        let tree = SourceTree::from_files(mistake.made()?);
        let compiled = compile(&tree, self.now, Sink::default());
        let errors = only(&compiled.findings, &tree, &|severity| severity == Severity::Error);
        console.result(&text::findings(&errors, &tree, console.colour()))?;
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
                "the trust root that an agent is given, and secret keys for this machine",
            ),
            (shown(&self.bundle), "the signed bundle that answered"),
        ];
        let width = rows.iter().map(|(path, _)| path.chars().count()).max().unwrap_or(0);
        for (path, what) in &rows {
            console.result(&format!("{path:<width$}  {what}\n"))?;
        }
        console.result("\nTry next. Why was that refund allowed? Change the amount, and ask again:\n")?;
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
        console.result("\nWhat does a diagnostic mean?\n")?;
        self.command(console, &["explain", "unknown-action"])?;
        console.result("\nChange a rule under teams/ there, and see what is said of it:\n")?;
        self.command(console, &["check", &shown(&self.organization)])
    }

    fn trust(&self) -> PathBuf {
        self.keys.join("trust.json")
    }

    fn build_command(&self) -> Vec<String> {
        let paths = [
            &self.organization,
            &self.trust(),
            &self.keys.join("developer.key"),
            &self.bundle,
        ];
        let [organization, trust, key, bundle] = paths.map(|path| shown(path));
        let issued = values::timestamp(self.now);
        [
            "build",
            &organization,
            "--unattested",
            "--trust",
            &trust,
            "--key",
            &key,
            "--issued",
            &issued,
            "--out",
            &bundle,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Shows a command as it can be typed.
    fn command(&self, console: &mut Console, arguments: &[impl AsRef<str>]) -> Result<(), Failure> {
        let faint = dimmed(console);
        let words = std::iter::once(self.program.as_str()).chain(arguments.iter().map(AsRef::as_ref));
        let line = words.map(quoted).collect::<Vec<_>>().join(" ");
        console.result(&format!("{faint}$ {line}{faint:#}\n"))
    }
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
    console.result(&format!("\n{bold}{text}{bold:#}\n\n"))
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
