//! `polity decide`: what a bundle answers to a call, or to many.

use std::path::PathBuf;

use super::{
    Console, Exit, Failure, Format,
    answer::Asked,
    files,
    request::{self, Request},
    surroundings,
};
use crate::{
    ast::Moment,
    report::decision::{self, Decision, Effect},
};

/// Ask a bundle what it answers to a call
#[derive(clap::Args)]
#[command(
    override_usage = "polity decide <BUNDLE> --trust <FILE> --agent <TEAM/AGENT> --environment <ENVIRONMENT> --action <TOOL.ACTION> [OPTIONS]\n       polity decide <BUNDLE> --trust <FILE> --requests <FILE> [OPTIONS]",
    after_help = "\
Examples:
  polity decide acme.polity --trust trust.json --agent payments/refund-bot \\
      --environment production --action billing.refund --args '{\"amount\": 100}'
  polity decide acme.polity --trust trust.json --requests calls.jsonl

A line of --requests is an object with `agent`, `environment`, `action`, and
where they apply `args`, `entities`, `holding`, `on_behalf_of` and `now`. Each
is decided alone, and one that cannot be read is denied. The answers come in
order, a line of JSON each, or as for a person with `--format text`.

The exit code is 0 whatever the answer. With --exit-code it is 0 if every answer
is `allow`, and 1 if one is not."
)]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// The trust root
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// Requests, one JSON object a line; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["agent", "environment", "action", "args", "holding", "on_behalf_of"])]
    requests: Option<PathBuf>,
    /// How to write the answer [default: text; json with --requests]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Exit with 1 unless every answer is `allow`
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    request: request::Flags,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let now = arguments.request.now.map_or_else(surroundings::now, Ok)?;
    let many = arguments.requests.is_some();
    let requests = match &arguments.requests {
        None => vec![Ok(arguments.request.request(now)?)],
        Some(path) => {
            let bytes = files::read_or_standard_input(path, "the requests", files::LARGEST_REQUESTS)?;
            let requests = request::lines(&bytes, now);
            for (number, wrong) in requests
                .iter()
                .enumerate()
                .filter_map(|(at, line)| Some((at + 1, line.as_ref().err()?)))
            {
                console.remark(&format!(
                    "{}: request {number} cannot be read, and is denied: {wrong}\n",
                    path.display()
                ));
            }
            requests
        }
    };
    let bundle = files::read(&arguments.bundle, "the bundle", files::LARGEST_BUNDLE)?;
    let trust = files::read(&arguments.trust, "the trust root", files::LARGEST_KEY)?;
    let format = arguments
        .format
        .unwrap_or(if many { Format::Json } else { Format::Text });
    let mut allowed = true;
    decide(&bundle, &trust, now, &requests, &mut |decision| {
        allowed &= decision.effect == Effect::Allow;
        console.result(&match format {
            Format::Text => decision::text(decision, console.colour()),
            Format::Json if many => decision::json_line(decision),
            Format::Json => decision::json(decision),
        })
    })?;
    Ok(if arguments.exit_code && !allowed {
        Exit::FallsShort
    } else {
        Exit::Yes
    })
}

/// Opens and verifies the bundle, decides each request alone (a new session that holds what it says, full limits,
/// no state kept), and hands every decision over in the order of the requests.
fn decide(
    bundle: &[u8],
    trust: &[u8],
    now: Moment,
    requests: &[Result<Request, String>],
    answer: &mut dyn FnMut(&Decision) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let asked = Asked::open(bundle, trust, now)?;
    requests.iter().try_for_each(|request| answer(&asked.decide(request)))
}
