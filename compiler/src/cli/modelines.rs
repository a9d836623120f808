//! The comment that tells an editor which schema a file follows: `check --write-modelines`.
//!
//! In comes a folder; out go the schemas in `.polity/schema/` and one line at the top of each file of documents. A
//! file that cannot be read, links, and comments that name another schema are left as they are. The path is relative,
//! so that it holds in every clone.

use std::path::Path;

use super::{Failure, files, schema};
use crate::{
    diag::Sink,
    parse::kinds,
    source::{SourceFile, folder_root, read_folder},
};

/// Where the schemas lie, from the organisation's root. Dot-folders are not compiled.
const FOLDER: [&str; 2] = [".polity", "schema"];

/// How the comment begins, whichever schema it names.
const MODELINE: &str = "# yaml-language-server:";

/// Writes the schemas and the comments, and says what was done.
pub(super) fn write(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: crate::source::ReadError| Failure::environment(error.to_string());
    let root = folder_root(path).map_err(unreadable)?;
    let mut sink = Sink::default();
    let tree = read_folder(path, &mut sink).map_err(unreadable)?;
    let mut folder = root.clone();
    for name in FOLDER {
        folder.push(name);
        real_folder(&folder)?;
    }
    schema::write(&folder)?;
    let (mut changed, mut there, mut left) = (0_usize, 0_usize, 0_usize);
    for file in tree.files() {
        let Some(kinds) = kinds(file) else { continue };
        let schema = match kinds.split_first() {
            Some((first, rest)) if rest.iter().all(|kind| kind == first) => first,
            _ => schema::ALL,
        };
        match with_modeline(file, schema) {
            Edit::There => there += 1,
            Edit::Another => left += 1,
            Edit::To(text) => {
                replace(&root.join(&file.path), &file.text, &text)?;
                changed += 1;
            }
        }
    }
    let another = match left {
        0 => String::new(),
        left => format!(", {left} follow a schema of their own"),
    };
    Ok(format!(
        "modelines: {changed} written, {there} were there{another}; schemas in {}\n",
        FOLDER.join("/")
    ))
}

/// A folder that is one, and no link that leads elsewhere.
fn real_folder(folder: &Path) -> Result<(), Failure> {
    match std::fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Failure::environment(format!(
            "cannot write schemas to `{}`: it is no folder",
            folder.display()
        ))),
        Err(_) => std::fs::create_dir(folder).map_err(|error| Failure::path("cannot make", folder, &error)),
    }
}

/// Writes the new text, if the file is still what was read.
fn replace(path: &Path, old: &str, new: &str) -> Result<(), Failure> {
    let most = u64::try_from(old.len()).unwrap_or(u64::MAX);
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    if !is_file || files::read(path, "the file", most)? != old.as_bytes() {
        return Err(Failure::environment(format!(
            "`{}` changed while it was read",
            path.display()
        )));
    }
    files::rewrite_atomically(path, "the file", new.as_bytes())
}

/// What becomes of a file.
#[derive(Debug, PartialEq)]
enum Edit {
    /// It names its schema already.
    There,
    /// It names a schema of somebody else's.
    Another,
    To(String),
}

fn with_modeline(file: &SourceFile, schema: &str) -> Edit {
    let up = "../".repeat(file.path.matches('/').count());
    let ours = FOLDER.join("/");
    let line = format!("{MODELINE} $schema={up}{ours}/{schema}.json");
    let text = file.text.as_str();
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let (mark, body) = text.split_at_checked(start).unwrap_or(("", text));
    // An editor takes the comment from anywhere above the first value.
    let mut at = start;
    for old in body.split_inclusive('\n') {
        let bare = old.trim_end_matches(['\n', '\r']);
        if bare.starts_with(MODELINE) {
            if bare == line {
                return Edit::There;
            }
            if !bare.contains(&ours) {
                return Edit::Another;
            }
            let (before, rest) = text.split_at_checked(at).unwrap_or(("", text));
            let after = rest.strip_prefix(bare).unwrap_or_default();
            return Edit::To(format!("{before}{line}{after}"));
        }
        if !bare.trim().is_empty() && !bare.starts_with('#') {
            break;
        }
        at += old.len();
    }
    let ending = match text.find('\n').and_then(|at| text.get(..at)) {
        Some(first) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    };
    Edit::To(format!("{mark}{line}{ending}{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(path: &str, text: &str) -> Edit {
        let file = crate::source::SourceTree::from_files(vec![(path.to_owned(), text.to_owned())]);
        with_modeline(&file.files()[0], "Policy")
    }

    #[test]
    fn the_line_comes_first_and_the_rest_stays_byte_for_byte() {
        let line = "# yaml-language-server: $schema=../../.polity/schema/Policy.json";
        for (text, expected) in [
            ("kind: Policy", format!("{line}\nkind: Policy")),
            (
                "kind: Policy\r\nname: a\r\n",
                format!("{line}\r\nkind: Policy\r\nname: a\r\n"),
            ),
            (
                "\u{feff}---\nkind: Policy\n",
                format!("\u{feff}{line}\n---\nkind: Policy\n"),
            ),
            ("# why\nkind: Policy\n", format!("{line}\n# why\nkind: Policy\n")),
            // One that names another of our schemas is mended where it stands.
            (
                "# why\r\n# yaml-language-server: $schema=../.polity/schema/Tool.json\r\n\r\nkind: Policy\r\n",
                format!("# why\r\n{line}\r\n\r\nkind: Policy\r\n"),
            ),
        ] {
            let Edit::To(once) = edited("teams/x/p.yaml", text) else {
                panic!("{text:?} is not edited")
            };
            assert_eq!(once, expected);
            assert_eq!(edited("teams/x/p.yaml", &once), Edit::There);
        }
    }

    #[test]
    fn a_schema_of_somebody_elses_is_left_alone() {
        let text = "# yaml-language-server: $schema=https://acme.example/policy.json\nkind: Policy\n";
        assert_eq!(edited("p.yaml", text), Edit::Another);
    }

    #[test]
    fn at_the_root_the_path_goes_down_at_once() {
        let Edit::To(text) = edited("polity.yaml", "kind: Policy\n") else {
            panic!("it is not edited")
        };
        assert!(text.starts_with("# yaml-language-server: $schema=.polity/schema/Policy.json\n"));
    }
}
