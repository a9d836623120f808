//! What commands share that verify a history: a path, a revision and a trust root in, a verified trail or what it lacks
//! out.

use std::path::Path;

use gix::ObjectId;
use polity_runtime::bundle::UnverifiedBundle;
use polity_runtime::trust::TrustRoot;
use polity_runtime::verify::Verified;

use super::Failure;
use crate::ast::Moment;
use crate::source::ReadError;
use crate::trail::error::TrailError;
use crate::trail::history::History;
use crate::trail::upgrade::Made;
use crate::trail::verify::{Checkpoint, Trail, Trusted, verify};

/// A repository, and the commit that is looked at.
pub(super) struct Opened {
    pub(super) history: History,
    pub(super) head: ObjectId,
}

/// Opens a repository at a revision.
pub(super) fn open(path: &Path, revision: Option<&str>) -> Result<Opened, Failure> {
    let (history, head) = History::open(path, revision.unwrap_or("HEAD")).map_err(|error| failure(&error.into()))?;
    Ok(Opened { history, head })
}

/// What a trust root says about where a trail begins, and what it is for.
pub(super) fn trusted<'t>(
    history: &History,
    trust: &'t TrustRoot,
    previous: Option<&'t Previous>,
) -> Result<Trusted<'t>, Failure> {
    let wanted = trust
        .introductory
        .as_deref()
        .ok_or_else(|| failure(&TrailError::NoIntroductory))?;
    let introductory = ObjectId::from_hex(wanted.as_bytes()).map_err(|_| failure(&TrailError::NoIntroductory))?;
    // Told apart from a commit that is there and on another branch: this repository does not have it at all.
    history.commit(introductory).map_err(|error| match error {
        ReadError::Corrupt { .. } if !history.has(introductory) => failure(&TrailError::NotOnTrunk {
            commit: wanted.to_owned(),
            what: "the introductory commit",
            foxtrot: false,
        }),
        error => failure(&error.into()),
    })?;
    Ok(Trusted {
        organization: &trust.organization,
        reference: &trust.reference,
        introductory,
        checkpoint: previous.map(|previous| Checkpoint {
            commit: previous.commit,
            made: &previous.made,
        }),
    })
}

/// Verifies the history of a commit of the trunk.
pub(super) fn attest(opened: &Opened, trust: &TrustRoot, previous: Option<&Previous>) -> Result<Trail, Failure> {
    let Opened { history, head } = opened;
    let reference = &trust.reference;
    let tip = history.tip(reference).map_err(|error| match error {
        ReadError::UnknownRevision { .. } => failure(&TrailError::NoRef {
            reference: reference.clone(),
        }),
        error => failure(&error.into()),
    })?;
    let chain = history.chain(tip).map_err(|error| failure(&error.into()))?;
    if !chain.contains(head) {
        return Err(failure(&TrailError::NotOnRef {
            commit: head.to_string(),
            reference: reference.clone(),
        }));
    }
    let trusted = trusted(history, trust, previous)?;
    verify(history, *head, trusted).map_err(|error| failure(&error))
}

/// A bundle that a build continues from.
pub(super) struct Previous {
    pub(super) verified: Verified,
    pub(super) commit: ObjectId,
    pub(super) made: Made,
}

/// Reads the bundle to continue from. It must verify, be attested, and be of the same history.
pub(super) fn previous(bytes: Vec<u8>, trust: &TrustRoot, now: Moment) -> Result<Previous, Failure> {
    let refuse = |message: &str| failure(&TrailError::Previous(message.to_owned()));
    let opened = UnverifiedBundle::open(bytes).map_err(|error| refuse(&error.to_string()))?;
    let verified = opened.verify(trust, now).map_err(|error| refuse(&error.to_string()))?;
    let manifest = verified.manifest();
    if !manifest.attested {
        return Err(refuse("it is not attested, so nobody verified its history"));
    }
    if manifest.scope.is_some() {
        return Err(refuse(
            "it answers for a part only; continue from one that answers for everything",
        ));
    }
    if manifest.source.reference.as_deref() != Some(trust.reference.as_str()) {
        return Err(refuse("it was built from another ref"));
    }
    let introductory = manifest.trail.as_ref().map(|trail| trail.introductory.as_str());
    if introductory != trust.introductory.as_deref() {
        return Err(refuse("its trail begins at another commit"));
    }
    let commit = manifest.source.commit.as_deref().unwrap_or_default();
    let commit = ObjectId::from_hex(commit.as_bytes()).map_err(|_| refuse("it names no commit"))?;
    let made = Made::of_bundle(&verified);
    Ok(Previous { verified, commit, made })
}

/// An error of the trail, with the exit code that it has.
pub(super) fn failure(error: &TrailError) -> Failure {
    let message = error.to_string();
    let failure = match error.falls_short() {
        true => Failure::falls_short(message),
        false => Failure::environment(message),
    };
    match error.help() {
        Some(help) => failure.with_help(help),
        None => failure,
    }
}
