//! The constants of a policy: `data` as the JSON files beside it make it up.
//!
//! Each file is an object, and `data` holds the members of all of them, whatever the files are called, as OPA loads a
//! folder. A member that two files set is an error, so that no order of files decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::packages::Packages;
use super::values::{Const, Num};
use crate::diag::codes::rego::BAD_DATA;
use crate::diag::{Diagnostic, Sink};
use crate::parse::MARK;
use crate::source::{FileId, SourceFile, SourceTree, Span};

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What `data` is to the policies of a folder.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) members: BTreeMap<Const, Const>,
    /// Every file could be read.
    pub(super) whole: bool,
}

/// The constants of every folder that has any, each read once.
#[derive(Debug, Default)]
pub struct Folders {
    folders: BTreeMap<String, Arc<Data>>,
    pub(super) packages: Packages,
}

impl Folders {
    /// Of a tree. What cannot be read is left out: `check` reports it.
    pub fn new(tree: &SourceTree) -> Self {
        let one = |(folder, files): (&str, Vec<(FileId, &SourceFile)>)| {
            let mut sink = Sink::default();
            let members = read(tree, &files, &mut sink);
            let whole = !sink.has_errors();
            (folder.to_owned(), Arc::new(Data { members, whole }))
        };
        Self {
            folders: by_folder(tree).into_iter().map(one).collect(),
            packages: Packages::new(tree),
        }
    }

    /// What `data` is to a policy and the packages that it asks for; or a member that two folders set differently.
    pub(super) fn around(&self, paths: &[String]) -> Result<Arc<Data>, String> {
        let mut all = Data {
            whole: true,
            ..Data::default()
        };
        for path in paths {
            let own = self.beside(path);
            all.whole &= own.whole;
            for (key, value) in &own.members {
                if all
                    .members
                    .insert(key.clone(), value.clone())
                    .is_some_and(|before| before != *value)
                {
                    return Err(if let Const::Str(name) = key {
                        name.clone()
                    } else {
                        String::new()
                    });
                }
            }
        }
        Ok(Arc::new(all))
    }

    /// What `data` is to the policies beside a file.
    pub(super) fn beside(&self, path: &str) -> Arc<Data> {
        let found = self.folders.get(folder(path)).cloned();
        found.unwrap_or_else(|| {
            Arc::new(Data {
                whole: true,
                ..Data::default()
            })
        })
    }
}

/// Reports what is wrong with the data of the policies of a tree.
pub(super) fn check(tree: &SourceTree, sink: &mut Sink) {
    let policies = tree.files().iter().filter(|file| file.path.ends_with(".rego"));
    let folders: BTreeSet<&str> = policies.map(|file| folder(&file.path)).collect();
    for (_, files) in by_folder(tree).into_iter().filter(|(at, _)| folders.contains(at)) {
        read(tree, &files, sink);
    }
}

/// The JSON files of a tree.
fn by_folder(tree: &SourceTree) -> BTreeMap<&str, Vec<(FileId, &SourceFile)>> {
    let mut folders: BTreeMap<&str, Vec<(FileId, &SourceFile)>> = BTreeMap::new();
    for (id, file) in tree.identified().filter(|(_, file)| file.path.ends_with(".json")) {
        folders.entry(folder(&file.path)).or_default().push((id, file));
    }
    folders
}

fn read(tree: &SourceTree, files: &[(FileId, &SourceFile)], sink: &mut Sink) -> BTreeMap<Const, Const> {
    let mut all: BTreeMap<Const, Const> = BTreeMap::new();
    let mut by: BTreeMap<Const, FileId> = BTreeMap::new();
    for &(id, file) in files {
        let whole = Span {
            file: id,
            start: 0,
            end: crate::parse::first_line(&file.text),
        };
        let text = file.text.strip_prefix(MARK).unwrap_or(&file.text);
        let members = match serde_json::from_str::<Const>(text) {
            Ok(Const::Object(members)) => members,
            Ok(other) => {
                let message = format!(
                    "`{}` is data of the policies beside it, and is {}",
                    file.path,
                    other.describe()
                );
                let help = "write an object: its members are `data.NAME`";
                sink.push(Diagnostic::new(&BAD_DATA, message, whole, "no object").with_help(help));
                continue;
            }
            Err(error) => {
                let mark = u32::try_from(file.text.len() - text.len()).unwrap_or(0);
                let start = mark + place(text, error.line(), error.column());
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
                let message = format!("`{}` is no JSON that can be data: {said}", file.path);
                let span = Span {
                    file: id,
                    start,
                    end: start,
                };
                let help = "the policies beside it read it as `data`; move it elsewhere if they should not";
                sink.push(Diagnostic::new(&BAD_DATA, message, span, "").with_help(help));
                continue;
            }
        };
        for (key, value) in members {
            let name = if let Const::Str(name) = &key { name.as_str() } else { "" };
            let taken = by.get(&key).and_then(|id| tree.file(*id));
            let message = match (name, taken) {
                ("polity", _) => "`data.polity` is where the policies themselves are".to_owned(),
                (_, Some(other)) => format!("`data.{name}` is set by `{}` too", other.path),
                _ => {
                    by.insert(key.clone(), id);
                    all.insert(key, value);
                    continue;
                }
            };
            let help = "give each file members of its own";
            sink.push(Diagnostic::new(&BAD_DATA, message, whole, "set again").with_help(help));
        }
    }
    all
}

/// The members of `data` as a JSON object.
pub(super) fn json(members: &BTreeMap<Const, Const>) -> String {
    plain(&Const::Object(members.clone())).to_string()
}

fn plain(constant: &Const) -> serde_json::Value {
    use serde_json::Value;
    match constant {
        Const::Null => Value::Null,
        Const::Bool(truth) => Value::Bool(*truth),
        Const::Num(Num::Int(number)) => Value::from(*number),
        Const::Num(Num::Dec(number)) => {
            let sign = if *number < 0 { "-" } else { "" };
            let (whole, places) = (number.unsigned_abs() / 10_000, number.unsigned_abs() % 10_000);
            serde_json::from_str(&format!("{sign}{whole}.{places:04}")).unwrap_or_default()
        }
        Const::Num(Num::Other(text)) => serde_json::from_str(text).unwrap_or_default(),
        Const::Str(text) => Value::from(text.as_str()),
        Const::Array(items) => items.iter().map(plain).collect(),
        Const::Set(items) => items.iter().map(plain).collect(),
        Const::Object(fields) => {
            let field = |(key, value): (&Const, &Const)| match key {
                Const::Str(key) => Some((key.clone(), plain(value))),
                _ => None,
            };
            Value::Object(fields.iter().filter_map(field).collect())
        }
    }
}

/// The byte that a line and a column name.
fn place(text: &str, line: usize, column: usize) -> u32 {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    u32::try_from((before + column.saturating_sub(1)).min(text.len())).unwrap_or(u32::MAX)
}
