//! `polity build`: compiles a revision, signs the bundle and writes it, whole or not at all.

use std::path::PathBuf;

use super::{
    Console, Exit, Failure, files,
    progress::{self, Progress},
    surroundings, values,
};
use crate::{ast::Moment, diag::Findings, report::text, source::SourceTree};

/// Compile a revision into a signed bundle
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity build --trust trust.json --key bundle.key --out acme.polity
  polity build acme --rev v1.4 --trust trust.json \\
      --key a.key --key b.key --out acme.polity
  polity build --unattested --trust dev/trust.json --key dev/developer.key \\
      --out dev.polity

The moment of issue is --issued, else SOURCE_DATE_EPOCH, else the clock. The
same commit, compiler and moment give the same bytes.")]
pub(super) struct Arguments {
    /// The repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The commit, branch or tag to build [default: HEAD; with --unattested the work tree]
    #[arg(long)]
    rev: Option<String>,
    /// The trust root that the bundle must satisfy
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// A secret key to sign with; may be given several times
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// Where to write the bundle
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
    /// Do not verify the approvals: such a bundle is for a developer's own machine
    #[arg(long)]
    unattested: bool,
    /// The moment of issue
    #[arg(long, value_name = "RFC3339", value_parser = values::moment)]
    issued: Option<Moment>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let order = Order {
        issued: moment_of_issue(arguments.issued)?,
        trust: files::read(&arguments.trust, "the trust root", files::LARGEST_KEY)?,
        keys: arguments.keys,
        path: arguments.path,
        rev: arguments.rev,
        unattested: arguments.unattested,
    };
    let Built { tree, findings, bundle } =
        progress::with_progress(console, "building", |progress| build(&order, progress))?;
    let said = text::findings(&findings, &tree, console.colour_on_error());
    console.remark(&said);
    let Some(bundle) = bundle.filter(|_| !findings.has_errors()) else {
        return Ok(Exit::FallsShort);
    };
    files::write_atomically(&arguments.out, "the bundle", &bundle.bytes)?;
    let kind = if order.unattested { ", unattested" } else { "" };
    let (out, digest, size) = (arguments.out.display(), bundle.digest, bundle.bytes.len());
    console.result(&format!("{out} sha256:{digest} ({size} bytes{kind})\n"))?;
    Ok(Exit::Yes)
}

fn moment_of_issue(given: Option<Moment>) -> Result<Moment, Failure> {
    match given {
        Some(moment) => Ok(moment),
        None => surroundings::source_date_epoch()?.map_or_else(surroundings::now, Ok),
    }
}

/// What to build, with everything that it takes.
#[expect(dead_code, reason = "read by `build` as soon as the phases are connected")]
struct Order {
    path: PathBuf,
    /// `None`: HEAD, or with `unattested` the work tree.
    rev: Option<String>,
    /// The trust root's bytes.
    trust: Vec<u8>,
    /// A key file each.
    keys: Vec<PathBuf>,
    unattested: bool,
    issued: Moment,
}

/// What came of it. Without a bundle, or with errors among the findings, nothing is written.
struct Built {
    tree: SourceTree,
    findings: Findings,
    bundle: Option<SignedBundle>,
}

/// A bundle's bytes, and its digest in hexadecimal.
struct SignedBundle {
    bytes: Vec<u8>,
    digest: String,
}

/// Reads, checks, proves, signs and packs.
fn build(_order: &Order, progress: &Progress) -> Result<Built, Failure> {
    progress.say("reading the repository");
    Err(Failure::environment(
        "the phases from reading to signing are not connected",
    ))
}
