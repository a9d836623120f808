//! `polity inspect`: what a bundle says of itself.

use std::path::PathBuf;

use serde::Serialize;

use super::{Console, Exit, Failure, Format, files};
use crate::report::json;

/// Show what a bundle says of itself
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity inspect acme.polity --trust trust.json
  polity inspect unknown.polity

Without a trust root nothing that is shown is verified, and the output says so.")]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// The trust root; without one, nothing is verified
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let bundle = files::read(&arguments.bundle, "the bundle", files::LARGEST_BUNDLE)?;
    let trust = arguments.trust.as_deref();
    let trust = trust
        .map(|path| files::read(path, "the trust root", files::LARGEST_KEY))
        .transpose()?;
    let inspected = inspect(&bundle, trust.as_deref())?;
    match arguments.format {
        Format::Text => console.result(&text(&inspected))?,
        Format::Json => console.result(&json::pretty(&inspected))?,
    }
    Ok(Exit::Yes)
}

/// What a bundle says of itself.
#[derive(Serialize)]
struct Inspected {
    /// Whether a trust root vouches for the rest.
    verified: bool,
    /// The manifest as it was received.
    manifest: serde_json::Value,
    /// How much of each thing is in it: `deployments`, 12.
    contents: Vec<(String, u64)>,
}

fn text(inspected: &Inspected) -> String {
    let mut text = String::new();
    text.push_str(match inspected.verified {
        true => "verified against the trust root\n",
        false => "UNVERIFIED: no trust root was given, and anybody can have written what follows\n",
    });
    text.push_str(&json::pretty(&inspected.manifest));
    for (name, count) in &inspected.contents {
        text.push_str(&format!("{count:>9} {name}\n"));
    }
    text
}

/// Reads the manifest, and verifies it where there is a trust root. With one, a bundle that does not verify falls
/// short, and nothing of it is shown.
fn inspect(_bundle: &[u8], _trust: Option<&[u8]>) -> Result<Inspected, Failure> {
    Err(Failure::environment("the runtime's reader is not connected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_verified_says_so_first() {
        let mut inspected = Inspected {
            verified: false,
            manifest: serde_json::json!({"organization": "\u{202e}acme"}),
            contents: vec![("deployments".to_owned(), 12)],
        };
        insta::assert_snapshot!(text(&inspected));
        inspected.verified = true;
        assert!(!text(&inspected).contains("UNVERIFIED"));
    }
}
