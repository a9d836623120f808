//! `polity keygen`: a trust root, and the secret keys of its roles.

use std::path::PathBuf;

use super::{Console, Exit, Failure, files};

/// Make a trust root and the secret keys of its roles
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity keygen --out keys --organization acme --introductory 4f2c...
  polity keygen --out dev --organization acme --developer   for bundles that only your machine takes

Keep the secret keys out of the repository; ship `trust.json` with the agents.")]
pub(super) struct Arguments {
    /// A folder for the files; none of them may be there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The organisation that the trust root is for
    #[arg(long, value_name = "NAME")]
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
    let made = keygen(&Order {
        organization: arguments.organization,
        reference: arguments.reference,
        introductory: arguments.introductory,
        developer: arguments.developer,
    })?;
    let folder = arguments.out;
    // All names are looked at first: half a set of keys is worse than none.
    if let Some(taken) = made
        .iter()
        .map(|file| folder.join(&file.name))
        .find(|path| path.exists())
    {
        return Err(Failure::misuse(format!("`{}` is there already", taken.display()))
            .with_help("name another folder: keys are never replaced"));
    }
    std::fs::create_dir_all(&folder).map_err(|error| Failure::path("cannot create the folder", &folder, &error))?;
    for file in made {
        let path = folder.join(&file.name);
        files::create(&path, file.what, &file.bytes, file.secret)?;
        console.result(&format!(
            "{}{}\n",
            path.display(),
            if file.secret { " (secret)" } else { "" }
        ))?;
    }
    Ok(Exit::Yes)
}

/// Whose keys to make.
#[expect(dead_code, reason = "read by `keygen` as soon as signing is connected")]
struct Order {
    organization: String,
    reference: String,
    introductory: Option<String>,
    developer: bool,
}

/// A file to write.
struct KeyFile {
    /// Within the folder.
    name: String,
    /// `the trust root`, `the secret key`.
    what: &'static str,
    bytes: Vec<u8>,
    /// For its owner's eyes only.
    secret: bool,
}

/// Makes the keys from the system's randomness, and the trust root that names them.
fn keygen(_order: &Order) -> Result<Vec<KeyFile>, Failure> {
    Err(Failure::environment("signing is not connected"))
}
