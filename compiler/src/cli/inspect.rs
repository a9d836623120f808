//! `polity inspect`: what a bundle says of itself.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Serialize;

use polity_runtime::bundle::UnverifiedBundle;

use super::{Console, Exit, Failure, Format, build::trust_root, files, surroundings};
use crate::{ast::Moment, report::json};

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
    let inspected = inspect(&bundle, trust.as_deref(), surroundings::now()?)?;
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
fn inspect(bundle: &[u8], trust: Option<&[u8]>, now: Moment) -> Result<Inspected, Failure> {
    let falls_short = |error: &dyn std::fmt::Display| Failure::falls_short(error.to_string());
    let opened = UnverifiedBundle::open(bundle.to_vec()).map_err(|error| falls_short(&error))?;
    let manifest = serde_json::from_slice(opened.manifest_bytes())
        .map_err(|error| Failure::falls_short(format!("the manifest cannot be read: {error}")))?;
    let Some(trust) = trust else {
        opened.claimed_manifest().map_err(|error| falls_short(&error))?;
        return Ok(Inspected {
            verified: false,
            manifest,
            contents: Vec::new(),
        });
    };
    let verified = opened
        .verify(&trust_root(trust)?, now)
        .map_err(|error| falls_short(&error))?;
    let loaded = polity_runtime::Bundle::from_verified(&verified).map_err(|error| falls_short(&error))?;
    let data = loaded.table().data();
    let contents = [
        ("deployments", data.deployments.len()),
        ("placements", data.placements.len()),
        ("environments", data.environments.len()),
        ("tools and credentials", data.tools.len()),
        ("actions", data.actions.len()),
        ("rules", data.rules.len()),
        (
            "fragments",
            data.given
                .iter()
                .map(|[_, fragment]| fragment)
                .collect::<BTreeSet<_>>()
                .len(),
        ),
        ("cells", data.cells.len()),
        ("guard nodes", data.nodes.len()),
        ("kills", data.kills.len()),
    ];
    let programs = (!data.programs.is_empty()).then_some(("Rego programs", data.programs.len()));
    let contents = contents.into_iter().chain(programs);
    let contents = contents.map(|(name, count)| (name.to_owned(), u64::try_from(count).unwrap_or(u64::MAX)));
    Ok(Inspected {
        verified: true,
        manifest,
        contents: contents.collect(),
    })
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
