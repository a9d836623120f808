//! `polity schema`: JSON Schemas of the kinds of document, for editors and for whoever generates documents.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Console, Exit, Failure, files, schema_cedar};
use crate::{
    diag::nearest,
    parse::document::{KINDS, schema},
    report::json,
};

/// Print the JSON Schema of a kind of document, or of all of them
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity schema                    every kind, told apart by `kind`
  polity schema Policy | jq .properties.rules
  polity schema --out schemas      a file a kind, and polity.json for all
  polity schema --cedar            of this folder, for its `.cedar` files
  polity check --write-modelines   names a schema in each file, for editors")]
pub(super) struct Arguments {
    /// The kind, as `kind:` names it; `Template` for a template's declaration
    kind: Option<String>,
    /// A folder for all of them
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    out: Option<PathBuf>,
    /// The Cedar schema of a repository instead: what its `.cedar` files are type-checked against
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = ".", conflicts_with_all = ["kind", "out"])]
    cedar: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    if let Some(path) = &arguments.cedar {
        return schema_cedar::print(path, console);
    }
    if let Some(folder) = &arguments.out {
        for path in write(folder)? {
            console.result(&format!("{}\n", path.display()))?;
        }
        return Ok(Exit::Yes);
    }
    let schema = match &arguments.kind {
        None => schema::of_all(),
        Some(kind) => schema::of_kind(kind).ok_or_else(|| unknown(kind))?,
    };
    console.result(&json::pretty(&schema))?;
    Ok(Exit::Yes)
}

/// The schema of every kind has this name.
pub(super) const ALL: &str = "polity";

/// Writes every schema that is not there as it should be, and gives the paths of all of them.
pub(super) fn write(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::path("cannot make", folder, &error))?;
    let mut schemas: Vec<(&str, Value)> = vec![(ALL, schema::of_all())];
    schemas.extend(
        KINDS
            .iter()
            .chain(&["Template"])
            .filter_map(|kind| Some((*kind, schema::of_kind(kind)?))),
    );
    let mut paths = Vec::new();
    for (name, schema) in schemas {
        let path = folder.join(format!("{name}.json"));
        let text = json::pretty(&schema);
        // Any file that is longer differs, so that no more than that is ever read.
        let most = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let there = path.is_file() && files::read(&path, "the schema", most).is_ok_and(|old| old == text.as_bytes());
        if !there {
            files::write_atomically(&path, "the schema", text.as_bytes())?;
        }
        paths.push(path);
    }
    Ok(paths)
}

fn unknown(kind: &str) -> Failure {
    let failure = Failure::misuse(format!("there is no kind `{kind}`"));
    let names = || KINDS.iter().copied().chain(["Template"]);
    let meant = names()
        .find(|name| name.eq_ignore_ascii_case(kind))
        .or_else(|| nearest(kind, names()));
    match meant {
        Some(name) => failure.with_help(format!("did you mean `{name}`?")),
        None => failure.with_help(format!("one of {}", names().collect::<Vec<_>>().join(", "))),
    }
}
