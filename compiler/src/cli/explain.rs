//! `polity explain`: what a diagnostic code means, or how a decision came about.

use std::path::{Path, PathBuf};

use super::{
    Console, Exit, Failure, Format,
    answer::Asked,
    files,
    request::{self, Request},
    surroundings,
};
use crate::{
    diag::{Code, codes, nearest},
    report::{
        decision::{self, Explanation},
        page,
    },
};

/// Say what a diagnostic code means, or how a decision came about
#[derive(clap::Args)]
#[command(
    override_usage = "polity explain <CODE>\n       polity explain --list\n       polity explain <BUNDLE> --trust <FILE> --agent <TEAM/AGENT> --environment <ENVIRONMENT> --action <TOOL.ACTION> [OPTIONS]",
    after_help = "\
Examples:
  polity explain unknown-code
  polity explain acme.polity --trust trust.json --agent payments/refund-bot \\
      --environment production --action billing.refund --args '{\"amount\": 100}'"
)]
pub(super) struct Arguments {
    /// A diagnostic code, or a bundle
    #[arg(value_name = "CODE|BUNDLE", required_unless_present = "list")]
    subject: Option<String>,
    /// List every diagnostic code
    #[arg(long, visible_alias = "all", conflicts_with = "subject")]
    list: bool,
    /// The trust root, of a bundle
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// How to write the explanation of a decision
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    request: request::Flags,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Some(subject) = &arguments.subject else {
        only_for_a_bundle(&arguments, "--list")?;
        console.result(&page::list(codes::all(), console.colour()))?;
        return Ok(Exit::Yes);
    };
    match subject_of(subject) {
        Some(Subject::Code(code)) => {
            only_for_a_bundle(&arguments, subject)?;
            console.result(&page::page(code, console.colour()))?;
            Ok(Exit::Yes)
        }
        Some(Subject::Bundle) => explain_decision(PathBuf::from(subject), arguments, console),
        None => Err(unknown(subject)),
    }
}

/// What a word stands for.
enum Subject {
    Code(&'static Code),
    Bundle,
}

/// A code is a code even where a file happens to have its name; `./NAME` is then the file.
fn subject_of(word: &str) -> Option<Subject> {
    if let Some(code) = codes::named(word) {
        return Some(Subject::Code(code));
    }
    let path = Path::new(word);
    let is_path = path.extension().is_some_and(|extension| extension == "polity") || path.components().count() > 1;
    (is_path || path.exists()).then_some(Subject::Bundle)
}

fn unknown(word: &str) -> Failure {
    let failure = Failure::misuse(format!("`{word}` is neither a diagnostic code nor a bundle"));
    let failure = match nearest(word, codes::all().map(|code| code.id)) {
        Some(id) => failure.with_help(format!("did you mean `{id}`?")),
        None => failure,
    };
    failure.with_help("`polity explain --list` names every code")
}

/// A code takes no request: what was typed means something else than it looks.
fn only_for_a_bundle(arguments: &Arguments, subject: &str) -> Result<(), Failure> {
    let given = arguments
        .trust
        .as_ref()
        .map(|_| "--trust")
        .or(arguments.request.first_given());
    let given = given.or((arguments.format == Format::Json).then_some("--format json"));
    match given {
        Some(flag) => Err(Failure::misuse(format!(
            "`{flag}` belongs to a bundle, and `{subject}` is none"
        ))),
        None => Ok(()),
    }
}

fn explain_decision(path: PathBuf, arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Some(trust) = arguments.trust else {
        return Err(
            Failure::misuse("to explain a decision of a bundle takes `--trust FILE`, and a request")
                .with_help("`polity explain --help` has an example"),
        );
    };
    let now = arguments.request.now.map_or_else(surroundings::now, Ok)?;
    let request = arguments.request.request(now)?;
    let bundle = files::read(&path, "the bundle", files::LARGEST_BUNDLE)?;
    let trust = files::read(&trust, "the trust root", files::LARGEST_KEY)?;
    let explanation = explain(&bundle, &trust, &request)?;
    match arguments.format {
        Format::Text => console.result(&decision::explanation_text(&explanation, console.colour()))?,
        Format::Json => console.result(&decision::explanation_json(&explanation))?,
    }
    Ok(Exit::Yes)
}

/// Opens and verifies the bundle, decides the request as `decide` does, and says how the answer came about.
fn explain(bundle: &[u8], trust: &[u8], request: &Request) -> Result<Explanation, Failure> {
    Ok(Asked::open(bundle, trust, request.now)?.explain(request))
}
