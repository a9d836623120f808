//! Helper packages: rules that a policy asks for by `import data.lib` or `data.lib.rule`, and that stand in another file
//! of the repository, in a package that is no policy's.
//!
//! What enters is the text of a policy and the tree; what leaves is one text, the policy's own with the rules of every
//! package that it asks for after it, and where each part of it stands. Each of those rules is called by its package and
//! its name, so that all that follows knows one module. Nothing here knows what a rule means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regorus::unstable::{Module, TokenKind};

use super::engine::{Tokens, tokens};
use super::module::{self, Index};
use super::parse::parse;
use super::source;
use crate::ast::Text;
use crate::diag::codes::rego::{BAD_PACKAGE, REGO_SYNTAX};
use crate::diag::{Diagnostic, Sink, nearest};
use crate::parse::MARK;
use crate::parse::document::team_of;
use crate::source::{SourceTree, Span};

/// The most packages that one policy comes to. A hundred times what people write.
const MOST: usize = 64;

/// The helper packages of a tree, by their paths below `data`.
#[derive(Debug, Default)]
pub(super) struct Packages(BTreeMap<Vec<String>, Arc<Package>>);

#[derive(Debug)]
struct Package {
    text: Text,
    path: String,
    rules: BTreeSet<String>,
}

impl Packages {
    /// Of a tree. What cannot be read is left out: [`check`] reports it.
    pub(super) fn new(tree: &SourceTree) -> Self {
        let mut all = BTreeMap::new();
        for (id, file) in tree.identified().filter(|(_, file)| is_helper(&file.path, &file.text)) {
            let text = source::of(id, &file.text);
            let Ok(module) = parse(&text) else { continue };
            let Some(path) = module::path(&module.package.refr) else {
                continue;
            };
            let package = Package {
                rules: module.policy.iter().map(|rule| module::name(rule)).collect(),
                path: file.path.clone(),
                text,
            };
            all.entry(path).or_insert_with(|| Arc::new(package));
        }
        Self(all)
    }

    /// The longest package that a path below `data` begins with.
    fn of(&self, names: &[String]) -> Option<(&[String], &Arc<Package>)> {
        let ways = (1..=names.len()).rev().filter_map(|length| names.get(..length));
        ways.into_iter()
            .find_map(|names| self.0.get_key_value(names))
            .map(|(path, package)| (path.as_slice(), package))
    }
}

impl Package {
    /// Whether a policy may ask for it: a team's own files serve that team alone.
    fn serves(&self, path: &str) -> bool {
        team_of(&self.path).is_none_or(|team| team_of(path) == Some(team))
    }
}

/// Whether a file is one of Rego and of a package that is no policy's.
pub(crate) fn is_helper(path: &str, text: &str) -> bool {
    let text = text.trim_start_matches(MARK);
    let line = || text.lines().find_map(|line| line.trim().strip_prefix("package "));
    let policy = |name: &str| {
        name.strip_prefix("polity")
            .is_some_and(|rest| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
    };
    path.ends_with(".rego") && line().is_some_and(|name| !policy(name.trim_start()))
}

/// Reports helper packages that cannot be read, that two files have, and that nothing asks for.
pub(super) fn check(tree: &SourceTree, sink: &mut Sink) {
    let helpers: Vec<_> = tree
        .identified()
        .filter(|(_, file)| is_helper(&file.path, &file.text))
        .collect();
    if helpers.is_empty() {
        return;
    }
    let all = Packages::new(tree);
    let mut asked: BTreeSet<Vec<String>> = BTreeSet::new();
    for (id, file) in tree.identified().filter(|(_, file)| file.path.ends_with(".rego")) {
        let Ok(module) = parse(&source::of(id, &file.text)) else {
            continue;
        };
        let own = module::path(&module.package.refr);
        let paths = module::data(&module);
        let named = paths
            .iter()
            .filter_map(|names| all.of(names))
            .map(|(path, _)| path.to_vec());
        asked.extend(named.filter(|path| own.as_ref() != Some(path)));
    }
    for (id, file) in helpers {
        let text = source::of(id, &file.text);
        let module = match parse(&text) {
            Ok(module) => module,
            Err(found) => {
                sink.push(*found);
                continue;
            }
        };
        let place = super::parse::place(id, module.package.refr.span());
        let path = module::path(&module.package.refr).unwrap_or_default();
        let name = module.package.refr.span().text();
        let mut said = |message: String, label: &str, help: &str| {
            sink.push(Diagnostic::new(&BAD_PACKAGE, message, place, label).with_help(help));
        };
        let first = all.0.get(&path);
        if first.is_some_and(|first| first.path != file.path) {
            let other = first.map_or("", |first| first.path.as_str());
            said(
                format!("`{other}` is `package {name}` too"),
                "a second file",
                "put both into one file",
            );
        } else if !asked.contains(&path) {
            let help = "write `package polity.NAME`, or `package polity[\"two-words\"]`: the rest of it is the policy's \
                        name; a package of helpers is asked for by `import data.NAME`";
            said(
                format!("`package {name}` names no policy, and no policy imports it"),
                "not `polity.NAME`",
                help,
            );
        }
    }
}

/// A policy with all that it asks for.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) text: String,
    pub(super) places: Places,
    /// The files whose rules it has, its own first.
    pub(super) files: Vec<String>,
}

/// Where the parts of a text come from: where each begins there, and what of its file it stands for.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Vec<(u32, Span)>);

impl Places {
    /// A place of the text as one of its file.
    pub(super) fn of(&self, span: Span) -> Span {
        let after = self.0.partition_point(|(start, ..)| *start <= span.start);
        let Some((start, origin)) = after.checked_sub(1).and_then(|at| self.0.get(at)) else {
            return span;
        };
        let whole = self
            .0
            .get(after)
            .is_some_and(|(next, _)| span.start == *start && span.end >= *next);
        let moved = |at: u32| (origin.start + at.saturating_sub(*start)).min(origin.end);
        Span {
            file: origin.file,
            start: moved(span.start),
            end: if whole { origin.end } else { moved(span.end) },
        }
    }
}

/// Puts the rules of all packages that a policy asks for after its own. `None` where it asks for none.
pub(super) fn join(policy: &Text, path: &str, packages: &Packages) -> Option<Result<Joined, Vec<Diagnostic>>> {
    if packages.0.is_empty() {
        return None;
    }
    let mut joiner = Joiner {
        packages,
        path,
        open: Vec::new(),
        known: BTreeSet::new(),
        made: BTreeMap::new(),
        words: BTreeMap::new(),
        found: Vec::new(),
        joined: Joined {
            text: String::new(),
            places: Places::default(),
            files: vec![path.to_owned()],
        },
    };
    joiner.add(policy, None)?;
    if joiner.open.is_empty() && joiner.found.is_empty() {
        return None;
    }
    while let Some(package) = joiner.open.pop() {
        let Some(found) = packages.0.get(&package) else {
            continue;
        };
        joiner.joined.files.push(found.path.clone());
        joiner.add(&found.text, Some(&package));
    }
    joiner.part();
    Some(match joiner.found.is_empty() {
        true => Ok(joiner.joined),
        false => Err(joiner.found),
    })
}

struct Joiner<'p> {
    packages: &'p Packages,
    /// Where the policy stands.
    path: &'p str,
    open: Vec<Vec<String>>,
    known: BTreeSet<Vec<String>>,
    /// What each rule of a package is called here: by that, the packages that have one of the name, and where.
    made: BTreeMap<String, Vec<(Vec<String>, Span)>>,
    /// The names that are written, each where it stands first.
    words: BTreeMap<String, Span>,
    found: Vec<Diagnostic>,
    joined: Joined,
}

/// What stands in the place of a part of a text.
type Edit = (usize, usize, String);

impl Joiner<'_> {
    /// Adds a text, the policy's own or that of a package.
    fn add(&mut self, text: &Text, package: Option<&[String]>) -> Option<()> {
        let module = parse(text).ok()?;
        let tokens = tokens(&text.value).ok()?;
        let index = Index::new(&module);
        let mut edits = Vec::new();
        let header = self.header(&module, &tokens, package, &mut edits);
        if let Some(package) = package {
            let place = super::parse::place(text.span.file, module.package.refr.span());
            for name in index.groups.keys() {
                let made = self.made.entry(mangled(package, name)).or_default();
                made.push((package.to_vec(), place));
            }
        }
        let mut skip = 0;
        for at in 0..tokens.len() {
            let Some((kind, span)) = tokens.get(at).map(|token| (&token.0, &token.1)) else {
                continue;
            };
            let field = at
                .checked_sub(1)
                .and_then(|at| tokens.get(at))
                .is_some_and(|before| before.1.text() == ".");
            if *kind != TokenKind::Ident || field || at < skip || span.start < header {
                continue;
            }
            let place = super::parse::place(text.span.file, span);
            self.words.entry(span.text().to_owned()).or_insert(place);
            let (mut names, mut ends) = steps(&tokens, at);
            let imported = index.imports.get(span.text());
            let is_data = |path: &Vec<String>| path.first().is_some_and(|first| first == "data");
            if let Some(path) =
                imported.filter(|path| is_data(path) && self.packages.of(path.get(1..).unwrap_or_default()).is_some())
            {
                let before = path.len() - 1;
                names.splice(..1, path.iter().cloned());
                ends.splice(..1, vec![span.end; before + 1]);
            }
            if names.first().is_some_and(|first| first == "data") {
                if let Some((taken, name)) = self.asked(names.get(1..).unwrap_or_default(), text, span) {
                    let end = ends.get(taken).copied().unwrap_or(span.end);
                    skip = tokens.partition_point(|token| token.1.start < end);
                    edits.push((span.start as usize, end as usize, name));
                }
            } else if let Some(package) = package {
                let own = index
                    .groups
                    .contains_key(span.text())
                    .then(|| mangled(package, span.text()));
                let other = imported.map(|path| path.join("."));
                if let Some(name) = own.or(other) {
                    edits.push((span.start as usize, span.end as usize, name));
                }
            }
        }
        self.append(text, edits);
        Some(())
    }

    /// Tells of rules of packages that are called as something else is: they would be one rule.
    fn part(&mut self) {
        for (name, of) in &self.made {
            let place = match (of.as_slice(), self.words.get(name)) {
                ([_, (_, place), ..], _) | ([_], Some(place)) => *place,
                _ => continue,
            };
            let packages: Vec<String> = of.iter().map(|(path, _)| format!("`{}`", path.join("."))).collect();
            let message = format!(
                "a rule of package {} is called `{name}` here, and so is another",
                packages.join(" and ")
            );
            let found = Diagnostic::new(&REGO_SYNTAX, message, place, "called alike");
            self.found.push(found.with_help("give one of them another name"));
        }
    }

    /// What stands before the rules: of a package all of it goes, of a policy the imports of packages. Where it ends.
    fn header(&mut self, module: &Module, tokens: &Tokens, package: Option<&[String]>, edits: &mut Vec<Edit>) -> u32 {
        let first = module.policy.iter().map(|rule| rule.span().start).min();
        let end = first.unwrap_or(u32::MAX);
        if package.is_some() {
            let from = tokens.first().map_or(0, |token| token.1.start);
            let last = tokens.iter().rev().find(|token| token.1.start < end);
            let to = last.map_or(from, |token| token.1.end + u32::from(token.0 == TokenKind::String));
            edits.push((from as usize, to as usize, String::new()));
            return end;
        }
        for import in &module.imports {
            let path = module::path(&import.refr).unwrap_or_default();
            let [first, names @ ..] = path.as_slice() else { continue };
            if first == "data" && self.packages.of(names).is_some() {
                let start = import.span.start;
                let next = tokens
                    .iter()
                    .find(|token| token.1.start > start && matches!(token.1.text(), "import") || token.1.start >= end);
                let to = next.map_or(import.span.end, |next| next.1.start);
                edits.push((start as usize, to as usize, "\n".to_owned()));
            }
        }
        end
    }

    /// A rule of a package by its path: how many names it takes, and what the rule is called here.
    fn asked(&mut self, names: &[String], text: &Text, span: &regorus::unstable::Span) -> Option<(usize, String)> {
        let (path, package) = self.packages.of(names)?;
        let place = super::parse::place(text.span.file, span);
        let mut wrong = |message: String, help: String| {
            let found = Diagnostic::new(&REGO_SYNTAX, message, place, "not to be seen from here");
            self.found.push(found.with_help(help));
            None
        };
        let dotted = path.join(".");
        let Some(name) = names.get(path.len()) else {
            let help = format!("name one of its rules: `data.{dotted}.NAME`");
            return wrong(format!("`data.{dotted}` is a package as a whole"), help);
        };
        if !package.rules.contains(name) {
            let near = nearest(name, package.rules.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("it stands in `{}`", package.path),
                |near| format!("did you mean `{near}`?"),
            );
            return wrong(format!("`package {dotted}` has no rule `{name}`"), help);
        }
        if !package.serves(self.path) {
            let help = "move it out of the team's folder, or the policy into it".to_owned();
            return wrong(format!("`{}` is a team's, and this policy is not", package.path), help);
        }
        let path = path.to_vec();
        if self.known.len() < MOST && self.known.insert(path.clone()) {
            self.open.push(path.clone());
        }
        Some((path.len() + 1, mangled(&path, name)))
    }

    /// The text as the edits make it, with where its parts come from.
    fn append(&mut self, text: &Text, mut edits: Vec<Edit>) {
        edits.sort();
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let joined = &mut self.joined;
        if !joined.text.is_empty() {
            joined.text.push('\n');
        }
        let mut from = 0;
        let last = (text.value.len(), text.value.len(), String::new());
        for (start, end, insert) in edits.into_iter().chain([last]) {
            if start < from {
                continue;
            }
            let part = |start: usize, end: usize| Span {
                file: text.span.file,
                start: narrow(start),
                end: narrow(end),
            };
            joined.places.0.push((narrow(joined.text.len()), part(from, start)));
            joined.text.push_str(text.value.get(from..start).unwrap_or_default());
            joined.places.0.push((narrow(joined.text.len()), part(start, end)));
            joined.text.push_str(&insert);
            from = end;
        }
    }
}

/// A name, with the constant steps that follow it, and where each ends.
fn steps(tokens: &Tokens, at: usize) -> (Vec<String>, Vec<u32>) {
    let mut names = Vec::new();
    let mut ends = Vec::new();
    let mut rest = tokens.get(at..).unwrap_or_default();
    if let [first, after @ ..] = rest {
        names.push(first.1.text().to_owned());
        ends.push(first.1.end);
        rest = after;
    }
    let symbol = |token: &regorus::unstable::Token, text: &str| token.0 == TokenKind::Symbol && token.1.text() == text;
    loop {
        match rest {
            [dot, name, after @ ..] if symbol(dot, ".") && name.0 == TokenKind::Ident => {
                names.push(name.1.text().to_owned());
                ends.push(name.1.end);
                rest = after;
            }
            [open, name, close, after @ ..]
                if symbol(open, "[")
                    && symbol(close, "]")
                    && name.0 == TokenKind::String
                    && !name.1.text().contains('\\') =>
            {
                names.push(name.1.text().trim_matches('"').to_owned());
                ends.push(close.1.end);
                rest = after;
            }
            _ => return (names, ends),
        }
    }
}

/// What a rule of a package is called beside the rules of a policy.
fn mangled(package: &[String], name: &str) -> String {
    let plain = |part: &String| part.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let package: Vec<String> = package.iter().map(plain).collect();
    format!("{}__{name}", package.join("__"))
}
