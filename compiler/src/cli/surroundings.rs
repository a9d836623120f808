//! The clock and the environment: read here and nowhere else.

use std::io::Read as _;

use polity_runtime::wire::Digest;
use sha2::{Digest as _, Sha256};

use super::Failure;
use crate::ast::Moment;

/// The machine's idea of now.
///
/// # Errors
/// Where the clock stands before 1970 or beyond what a moment can hold.
pub(super) fn now() -> Result<Moment, Failure> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch
        .ok()
        .and_then(|elapsed| Moment::try_from(elapsed.as_millis()).ok())
        .ok_or_else(|| Failure::environment("the clock of this machine stands before 1970"))
}

/// Measures from now on, for reports that say how long something took.
pub(super) fn stopwatch() -> std::time::Instant {
    #[expect(clippy::disallowed_methods, reason = "a duration for people; it decides nothing")]
    std::time::Instant::now()
}

/// How this program was called, so that a command that is shown can be typed as it stands.
pub(super) fn program() -> String {
    let called = std::env::args_os().next();
    called.map_or_else(|| "polity".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// `SOURCE_DATE_EPOCH`: seconds since 1970, as <https://reproducible-builds.org/specs/source-date-epoch/> has it.
///
/// # Errors
/// Where it is set to something else: a build that quietly took the clock would not be the one asked for.
pub(super) fn source_date_epoch() -> Result<Option<Moment>, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment comes in as a value from here on"
    )]
    let set = std::env::var_os("SOURCE_DATE_EPOCH");
    set.map(|value| epoch(&value.to_string_lossy())).transpose()
}

/// Where this user's programs keep what is of this machine alone, as the XDG base directory specification has it.
pub(super) fn state_folder() -> Option<std::path::PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment comes in as a value from here on"
    )]
    let set = std::env::var_os("XDG_STATE_HOME").map(std::path::PathBuf::from);
    let home = || Some(std::env::home_dir()?.join(".local").join("state"));
    // A relative one is to be ignored, says the specification.
    let folder = set.filter(|path| path.is_absolute()).or_else(home)?;
    folder.is_absolute().then_some(folder)
}

/// The digest of the program that runs, where it can be read.
pub(super) fn program_digest() -> Option<Digest> {
    let mut file = std::fs::File::open(std::env::current_exe().ok()?).ok()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(Digest(hasher.finalize().into())),
            read => hasher.update(buffer.get(..read)?),
        }
    }
}

/// Where the ssh-agent listens.
pub(super) fn ssh_agent() -> Option<std::path::PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment comes in as a value from here on"
    )]
    let set = std::env::var_os("SSH_AUTH_SOCK");
    set.filter(|path| !path.is_empty()).map(std::path::PathBuf::from)
}

fn epoch(value: &str) -> Result<Moment, Failure> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if digits { value.parse::<Moment>().ok() } else { None };
    seconds
        .and_then(|seconds| seconds.checked_mul(1000))
        .filter(|moment| *moment <= super::values::LATEST)
        .ok_or_else(|| {
            Failure::misuse(format!(
                "`SOURCE_DATE_EPOCH` is not a number of seconds since 1970: `{value}`"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_plain_number_of_seconds() {
        assert_eq!(epoch("1767225600"), Ok(1_767_225_600_000));
        for wrong in [
            "",
            " 1",
            "+1",
            "-1",
            "1.5",
            "tomorrow",
            "99999999999999999999",
            "9223372036854775807",
        ] {
            assert!(epoch(wrong).is_err(), "{wrong}");
        }
    }
}
