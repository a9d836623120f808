//! `polity verify`: whether a bundle is what a trust root asks for.

use std::{fmt::Write as _, path::PathBuf};

use serde::{Serialize, Serializer};

use polity_runtime::{bundle::UnverifiedBundle, manifest::Phase};

use super::{Console, Exit, Failure, Format, build::trust_root, files, part, surroundings, values};
use crate::{
    ast::Moment,
    report::{decision::Serial, json, visible},
};

/// Say whether a bundle can be trusted
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity verify acme.polity --trust trust.json
  polity verify acme.polity --trust trust.json --now 2026-12-31T00:00:00Z")]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// The trust root
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The moment to verify at [default: the clock]
    #[arg(long, value_name = "RFC3339", value_parser = values::moment)]
    now: Option<Moment>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let now = arguments.now.map_or_else(surroundings::now, Ok)?;
    let bundle = files::read(&arguments.bundle, "the bundle", files::LARGEST_BUNDLE)?;
    let trust = files::read(&arguments.trust, "the trust root", files::LARGEST_KEY)?;
    let verified = verify(&bundle, &trust, now)?;
    match arguments.format {
        Format::Text => console.result(&text(&verified))?,
        Format::Json => console.result(&json::pretty(&verified))?,
    }
    // Its signatures hold; whether it can be relied on is what was asked.
    Ok(if verified.status == EXPIRED {
        Exit::FallsShort
    } else {
        Exit::Yes
    })
}

/// The status of a bundle that denies everything.
const EXPIRED: &str = "expired";

/// A bundle whose signatures were verified.
#[derive(Serialize)]
pub(super) struct Verified {
    organization: String,
    serial: Serial,
    /// Of the manifest, in hexadecimal.
    digest: String,
    commit: Option<String>,
    attested: bool,
    /// The part that it answers for; none is everything.
    scope: Option<String>,
    /// `live`, `grace` or `expired` at the moment asked about.
    status: &'static str,
    #[serde(serialize_with = "as_timestamp")]
    issued: Moment,
    #[serde(serialize_with = "as_timestamp")]
    expires: Moment,
    /// The keys whose signatures hold, in the trust root's words.
    signed_by: Vec<String>,
}

pub(super) fn text(verified: &Verified) -> String {
    let Verified {
        organization,
        serial,
        digest,
        commit,
        attested,
        scope,
        status,
        issued,
        expires,
        signed_by,
    } = verified;
    let mut text = String::new();
    let mut say = |label: &str, what: &str| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{label:<10}{}", visible::line(what));
    };
    say(
        "verified",
        &format!("{organization} {serial}{}", if *attested { "" } else { ", UNATTESTED" }),
    );
    say("digest", &format!("sha256:{digest}"));
    if let Some(commit) = commit {
        say("commit", commit);
    }
    if let Some(scope) = scope {
        say("only", scope);
    }
    say("issued", &values::timestamp(*issued));
    let expires = values::timestamp(*expires);
    say(
        "expires",
        &if *status == "live" {
            expires
        } else {
            format!("{expires} ({status})")
        },
    );
    say("signed by", &signed_by.join(", "));
    text
}

fn as_timestamp<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&values::timestamp(*moment))
}

/// Verifies the bytes received against the trust root's bytes. A bundle that does not verify falls short.
pub(super) fn verify(bundle: &[u8], trust: &[u8], now: Moment) -> Result<Verified, Failure> {
    let trust = trust_root(trust)?;
    let falls_short = |error: &dyn std::fmt::Display| Failure::falls_short(error.to_string());
    let opened = UnverifiedBundle::open(bundle.to_vec()).map_err(|error| falls_short(&error))?;
    let verified = opened.verify(&trust, now).map_err(|error| falls_short(&error))?;
    // What was signed must also hold together: a bundle that verifies is one that loads.
    polity_runtime::Bundle::from_verified(&verified).map_err(|error| falls_short(&error))?;
    let manifest = verified.manifest();
    Ok(Verified {
        organization: manifest.organization.clone(),
        serial: Serial {
            epoch: manifest.serial.epoch,
            steps: manifest.serial.steps,
        },
        digest: verified.digest().to_string(),
        commit: manifest.source.commit.clone(),
        attested: manifest.attested,
        scope: manifest.scope.as_ref().map(part::describe),
        status: match manifest.phase(now) {
            Phase::Live => "live",
            Phase::Grace => "grace",
            Phase::Expired => EXPIRED,
        },
        issued: manifest.issued.millis(),
        expires: manifest.expires.millis(),
        signed_by: verified.signers().map(|key| key.to_string()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unattested_bundle_is_called_so() {
        let mut verified = Verified {
            organization: "acme".to_owned(),
            serial: Serial { epoch: 1, steps: 42 },
            digest: "9f86d081".to_owned(),
            commit: Some("89abcdef".to_owned()),
            attested: true,
            scope: None,
            status: "live",
            issued: 1_793_534_400_000,
            expires: 1_794_139_200_000,
            signed_by: vec!["ci".to_owned()],
        };
        insta::assert_snapshot!(text(&verified));
        assert!(json::line(&verified).contains(r#""expires":"2026-11-08T12:00:00Z""#));
        verified.attested = false;
        verified.scope = Some("team payments".to_owned());
        let shown = text(&verified);
        assert!(shown.starts_with("verified  acme 1.42, UNATTESTED\n"));
        assert!(shown.contains("only      team payments\n"), "{shown}");
    }
}
