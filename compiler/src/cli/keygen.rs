//! `polity keygen`: a trust root, and the secret keys of its roles.

use std::path::{Path, PathBuf};

use super::{Console, Exit, Failure, surroundings, values};
use crate::{ast::Moment, keys};

/// Make a trust root and the secret keys of its roles
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity keygen --out keys --organization acme \\
      --introductory \"$(git -C acme rev-parse HEAD)\"
  polity keygen --out dev --organization acme --developer

With --developer the trust root takes unattested bundles: for your own machine.
Keep the secret keys out of the repository; ship `trust.json` with the agents.")]
pub(super) struct Arguments {
    /// A folder for the files; none of them may be there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The organisation that the trust root is for
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    organization: String,
    /// The branch that bundles are built from
    #[arg(long = "ref", value_name = "REF", default_value = "refs/heads/main")]
    reference: String,
    /// The commit at which trust begins
    #[arg(long, value_name = "COMMIT")]
    introductory: Option<String>,
    /// A trust root that takes unattested bundles, for a developer's machine
    #[arg(long)]
    developer: bool,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let order = Order {
        organization: arguments.organization,
        reference: arguments.reference,
        introductory: arguments.introductory,
        developer: arguments.developer,
        now: surroundings::now()?,
    };
    for path in keygen(&order, &arguments.out)? {
        let secret = path.extension().is_some_and(|extension| extension == "key");
        console.result(&format!(
            "{}{}\n",
            path.display(),
            if secret { " (secret)" } else { "" }
        ))?;
    }
    Ok(Exit::Yes)
}

/// Whose keys to make.
pub(super) struct Order {
    pub(super) organization: String,
    pub(super) reference: String,
    pub(super) introductory: Option<String>,
    pub(super) developer: bool,
    pub(super) now: Moment,
}

/// Makes the keys from the system's randomness and the trust root that names them, writes them to the folder, and
/// names the files. None may be there yet: keys are never replaced.
pub(super) fn keygen(order: &Order, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let request = keys::Keygen {
        organization: order.organization.clone(),
        reference: order.reference.clone(),
        introductory: order.introductory.clone(),
        developer: order.developer,
        now_ms: order.now,
    };
    let made = keys::keygen(&request, keys::random_seed).map_err(|error| Failure::misuse(error.to_string()))?;
    made.write(folder)
        .map_err(|error| Failure::environment(error.to_string()))
}
