//! Lists the files of `example-org/` for `polity demo`, which has to work from the binary alone.
//!
//! In: the folder beside this package. Out: `example_org.rs` in the build's own folder, one path and text a file,
//! sorted. It knows nothing of what the files say.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-org");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, "", &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for (name, path) in files {
        // Writing to a `String` cannot fail. `{:?}` quotes a path as Rust does.
        let _ = writeln!(list, "    ({name:?}, include_str!({path:?})),");
    }
    list.push_str("]\n");
    #[expect(clippy::disallowed_methods, reason = "cargo says so where the build may write")]
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    #[expect(clippy::disallowed_methods, reason = "a build script writes what it generates")]
    fs::write(Path::new(&out).join("example_org.rs"), list)
}

/// Every file below `folder`, by its path with `/` between the segments.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            println!("cargo::rerun-if-changed={}", entry.path().display());
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path().canonicalize()?));
        }
    }
    Ok(())
}
