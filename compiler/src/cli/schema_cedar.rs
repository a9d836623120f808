//! `polity schema --cedar`: what the `.cedar` files of a repository are type-checked against, in Cedar's own syntax.

use std::path::Path;

use super::{Console, Exit, Failure, repository, surroundings};
use crate::compile::compile;
use crate::lower::cedar_schema;

/// Prints the schema of a work tree, as far as that can be read: a policy that is wrong is mended with its help.
pub(super) fn print(path: &Path, console: &mut Console) -> Result<Exit, Failure> {
    let (tree, sink) = repository::read(path, None)?;
    let compiled = compile(&tree, surroundings::now()?, sink);
    let schema = cedar_schema(&compiled.organization).map_err(Failure::environment)?;
    console.result(&schema)?;
    if !schema.ends_with('\n') {
        console.result("\n")?;
    }
    if compiled.findings.has_errors() {
        console.remark("the repository has errors, and what they hide is missing here: `polity check` names them\n");
        return Ok(Exit::FallsShort);
    }
    Ok(Exit::Yes)
}
