//! The text of a `.rego` file becomes a module of regorus, within bounds: what it is called, which of its rules
//! decide, and on demand the whole for [`super::lower()`].

use std::sync::Arc;

use regorus::unstable as syntax;
use regorus::unstable::Module;

use super::asked::{asked, default_alone, misspelt, recursive, strict, unused};
use super::data::{self, Data, Folders};
use super::module::{self, Index};
use super::packages::{self, Joined, Places};
use super::values::Const;
use super::{engine, foreign, reach, regex};
use crate::ast::{RegoPolicy, Selector, Text};
use crate::diag::codes::condition::UNKNOWN_ATTRIBUTE;
use crate::diag::codes::rego::{BAD_DATA, BAD_PACKAGE, REGO_OUTCOME, REGO_SYNTAX};
use crate::diag::{Code, Diagnostic};
use crate::source::{FileId, SourceTree, Span};

/// The longest policy, in bytes. A hundred times what people write.
pub(super) const MAX_TEXT: usize = 256 * 1024;
/// How deep brackets may stand in each other. The parser tries each opening bracket in two ways, so that time doubles
/// with each; nobody writes half as many.
pub(super) const MAX_DEPTH: usize = 12;
/// How long a line may be, in characters.
const MAX_LINE: u32 = 16 * 1024;

/// A rule of a document that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
    /// `require_approval`
    RequireApproval,
}

impl Entry {
    pub(super) const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::RequireApproval];

    /// As it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::RequireApproval => "require_approval",
        }
    }
}

/// A file as far as it can be read without knowing any names.
#[derive(Debug)]
pub struct Document {
    /// `polity.NAME`
    pub name: Text,
    /// Those of its rules that decide.
    pub rules: Vec<RuleText>,
    /// Lints.
    pub findings: Vec<Diagnostic>,
}

/// What decides, as it is written.
#[derive(Debug)]
pub struct RuleText {
    /// Which it is.
    pub entry: Entry,
    /// The head of its first definition.
    pub span: Span,
    /// The heads of all of them.
    pub heads: Vec<Span>,
    /// The reasons that it gives, as far as they are constant.
    pub reasons: Vec<String>,
    /// Which calls it can be about, where that is told at once.
    pub reach: Option<Selector>,
}

/// What is wrong, before its place is one of this program.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: &'static Code,
    pub(super) message: String,
    pub(super) span: syntax::Span,
    pub(super) label: String,
    pub(super) help: String,
}

/// A module with everything that it can look at but the call.
#[derive(Debug)]
pub struct Parsed {
    pub(super) index: Index,
    pub(super) data: Arc<Data>,
    /// Members of `data` that are looked at and that no file has.
    lacking: Vec<(String, Span)>,
    /// `polity.refunds` as its parts.
    pub(super) package: Vec<String>,
    pub(super) entry: Entry,
    pub(super) file: FileId,
    /// Where its text comes from, where some of it is of other files.
    places: Places,
    /// That text.
    text: Text,
    /// What is wrong with it as a whole.
    faults: Vec<Diagnostic>,
    /// Its regular expressions, as they are met.
    pub(super) expressions: regex::Made,
    /// `data.polity.refunds.deny`
    entry_point: String,
}

impl Parsed {
    /// Whether the answer differs between actions with equal parameters.
    pub fn mentions_action(&self) -> bool {
        self.index.mentions_action
    }

    /// The policy of a rule, which [`read`] took before. `None` where it did not.
    pub fn new(policy: &RegoPolicy, tree: &SourceTree, folders: &Folders) -> Option<Self> {
        let file = policy.text.span.file;
        let path = &tree.file(file)?.path;
        let mut faults = Vec::new();
        let (text, places, data) = match packages::join(&policy.text, path, &folders.packages) {
            None => (policy.text.clone(), Places::default(), folders.beside(path)),
            Some(Err(found)) => {
                faults = found;
                (policy.text.clone(), Places::default(), folders.beside(path))
            }
            Some(Ok(Joined { text, places, files })) => {
                let data = folders.around(&files).unwrap_or_else(|name| {
                    let message = format!(
                        "`data.{name}` is one thing beside this policy, and another beside a package that it asks for"
                    );
                    let found = Diagnostic::new(&BAD_DATA, message, policy.text.span, "");
                    faults.push(found.with_help("give each file members of its own"));
                    folders.beside(path)
                });
                let span = Span {
                    end: u32::try_from(text.len()).unwrap_or(u32::MAX),
                    ..policy.text.span
                };
                (Text::new(text, span), places, data)
            }
        };
        let module = match parse(&text) {
            Ok(module) => module,
            Err(found) => {
                faults.push(moved(*found, &places));
                parse(&policy.text).ok()?
            }
        };
        let joined = faults.is_empty() && text.value != policy.text.value;
        if joined || (faults.is_empty() && module::calls_out(&module, &Index::new(&module))) {
            faults.extend(
                together(&text, &module, policy.entry)
                    .into_iter()
                    .map(|found| moved(found, &places)),
            );
        }
        let lacking = match data.whole {
            true => module::lacking(&module, &data.members),
            // It may have stood in a file that could not be read.
            false => Vec::new(),
        };
        let lacking = lacking
            .into_iter()
            .map(|(name, span)| (name, places.of(place(file, &span))));
        Some(Self {
            index: Index::new(&module),
            lacking: lacking.collect(),
            data,
            package: module::path(&module.package.refr)?,
            entry: policy.entry,
            expressions: regex::Made::default(),
            file,
            places,
            text,
            faults,
            entry_point: entry_point(&module, policy.entry),
        })
    }

    /// What the module looks at of `data` and no file has: a deny that asks for it would never hold.
    pub fn lacking(&self) -> Vec<Diagnostic> {
        let one = |(name, span): &(String, Span)| {
            let message = format!("no JSON file beside this policy has a member `{name}`");
            let known = self.data.members.keys().filter_map(|key| match key {
                Const::Str(key) => Some(key.as_str()),
                _ => None,
            });
            let help = match crate::diag::nearest(name, known) {
                Some(near) => format!("did you mean `data.{near}`?"),
                None => {
                    "`data` is what the JSON files of this folder hold, and the packages of the repository's other \
                         `.rego` files: no file has this one"
                        .to_owned()
                }
            };
            Diagnostic::new(&UNKNOWN_ATTRIBUTE, message, *span, "never defined").with_help(help)
        };
        self.faults
            .iter()
            .cloned()
            .chain(self.lacking.iter().map(one))
            .collect()
    }

    /// The rule kept whole, for the engine.
    ///
    /// # Errors
    /// The engine cannot take it either.
    pub fn whole(&self, rule: &str) -> Result<engine::Whole, engine::Unfit> {
        engine::program(&engine::Module {
            path: "policy.rego",
            text: &self.text.value,
            data: &data::json(&self.data.members),
            entry: &self.entry_point,
            rule,
        })
    }

    /// A place of the module.
    pub(super) fn span(&self, span: &syntax::Span) -> Span {
        self.places.of(place(self.file, span))
    }
}

/// What is said of a text, said of the file where it stands.
fn moved(mut found: Diagnostic, places: &Places) -> Diagnostic {
    if let Some(label) = &mut found.primary {
        label.span = places.of(label.span);
    }
    found
}

/// What is wrong with a policy and the packages that it asks for, together.
fn together(text: &Text, module: &Module, entry: Entry) -> Vec<Diagnostic> {
    let index = Index::new(module);
    let mut faults = foreign::impure(module, &index);
    faults.extend(foreign::strangers(module, &index));
    faults.extend(recursive(&index, &asked(&index)));
    let said = |fault: Fault| {
        let span = place(text.span.file, &fault.span);
        Diagnostic::new(fault.code, fault.message, span, fault.label).with_help(fault.help)
    };
    let found: Vec<Diagnostic> = faults.into_iter().map(said).collect();
    if !found.is_empty() {
        return found;
    }
    evaluable(text, module, [entry])
        .err()
        .map(|found| *found)
        .into_iter()
        .collect()
}

/// Where something stands. Strings are given without their quotes.
pub(super) fn place(file: FileId, span: &syntax::Span) -> Span {
    let text = span.source.contents();
    let quoted = |at: u32| matches!(text.as_bytes().get(at as usize), Some(b'"' | b'`'));
    let before = span.start.saturating_sub(1);
    match span.start > 0 && quoted(before) && quoted(span.end) {
        true => Span {
            file,
            start: before,
            end: span.end + 1,
        },
        // What ends in a string ends before its quote.
        false => Span {
            file,
            start: span.start,
            end: span.end.max(span.start),
        },
    }
}

/// Reads a document.
///
/// # Errors
/// What keeps it from being one; several where they do not follow from each other.
pub fn read(text: &Text) -> Result<Document, Vec<Diagnostic>> {
    let file = text.span.file;
    let module = parse(text).map_err(|found| vec![*found])?;
    let package = module.package.refr.span();
    let name = match module::path(&module.package.refr).as_deref() {
        Some([polity, name]) if polity == "polity" => Text::new(name.clone(), place(file, package)),
        _ => {
            let message = format!("`package {}` names no policy", package.text());
            let found = Diagnostic::new(&BAD_PACKAGE, message, place(file, package), "not `polity.NAME`");
            let help =
                "write `package polity.NAME`, or `package polity[\"two-words\"]`: the rest of it is the policy's name";
            return Err(vec![found.with_help(help)]);
        }
    };
    let index = Index::new(&module);
    let mut faults = foreign::impure(&module, &index);
    faults.extend(foreign::strangers(&module, &index));
    faults.extend(module::shapeless(&index));
    let asked = asked(&index);
    faults.extend(recursive(&index, &asked));
    if Entry::ALL.iter().any(|entry| index.groups.contains_key(entry.name())) {
        faults.extend(misspelt(&index, &asked));
    }
    let mut found: Vec<Diagnostic> = faults
        .into_iter()
        .map(|fault| {
            let span = place(file, &fault.span);
            Diagnostic::new(fault.code, fault.message, span, fault.label).with_help(fault.help)
        })
        .collect();
    let mut rules = Vec::new();
    for entry in Entry::ALL {
        let Some(group) = index.groups.get(entry.name()) else {
            continue;
        };
        let heads: Vec<Span> = group.defs.iter().map(|def| place(file, &def.span)).collect();
        let Some(span) = heads.first().copied() else {
            found.extend(default_alone(group, entry, file));
            continue;
        };
        rules.push(RuleText {
            entry,
            span,
            heads,
            reasons: module::reasons(group),
            reach: reach::selector(&index, group, span),
        });
    }
    if rules.is_empty() && found.is_empty() {
        let message = format!("`{}` decides nothing", name.value);
        let diagnostic = Diagnostic::new(
            &REGO_OUTCOME,
            message,
            name.span,
            "no `allow`, `deny` or `require_approval`",
        );
        let strangers = index
            .groups
            .keys()
            .filter(|name| Entry::ALL.iter().all(|entry| entry.name() != name.as_str()));
        let near = strangers.into_iter().find_map(|name| {
            let near = crate::diag::nearest(name, Entry::ALL.map(Entry::name)).or_else(|| strict(name))?;
            Some(format!("`{name}` is no answer: did you mean `{near}`?"))
        });
        let tests = !index.groups.is_empty() && index.groups.keys().all(|name| name.starts_with("test_"));
        let defaults = Entry::ALL.iter().any(|entry| index.groups.contains_key(entry.name()));
        let help = || match tests {
            true => {
                "tests are documents of kind Test: write them so, and keep this file in a folder whose name begins \
                     with a dot"
            }
            false if defaults => {
                "a default alone says when nothing else does: write the rule that it is the default of, or remove the file"
            }
            false => "write rules of these names, or remove the file: who reads its name takes it for a rule",
        };
        found.push(diagnostic.with_help(near.unwrap_or_else(|| help().to_owned())));
    }
    // What regorus itself would not evaluate has no meaning to lower.
    if found.is_empty()
        && !module::calls_out(&module, &index)
        && let Err(fault) = evaluable(text, &module, rules.iter().map(|rule| rule.entry))
    {
        found.push(*fault);
    }
    if found.is_empty() {
        let findings = unused(&index, &asked, file);
        Ok(Document { name, rules, findings })
    } else {
        Err(found)
    }
}

/// Whether regorus compiles the rules: names that are never bound, builtins that it does not have.
fn evaluable(text: &Text, module: &Module, rules: impl IntoIterator<Item = Entry>) -> Result<(), Box<Diagnostic>> {
    let mut engine = regorus::Engine::new();
    engine.set_policy_length_config(lengths());
    let failed = |said: &str| refused(text, said);
    engine
        .add_policy(String::from("policy.rego"), text.value.clone())
        .map_err(|error| failed(&error.to_string()))?;
    for entry in rules {
        let path: std::sync::Arc<str> = entry_point(module, entry).into();
        engine
            .compile_with_entrypoint(&path)
            .map_err(|error| failed(&error.to_string()))?;
    }
    Ok(())
}

/// The path of a rule that decides.
fn entry_point(module: &Module, entry: Entry) -> String {
    format!("data.{}.{}", module.package.refr.span().text(), entry.name())
}

fn lengths() -> regorus::PolicyLengthConfig {
    let default = regorus::PolicyLengthConfig::default();
    regorus::PolicyLengthConfig {
        max_col: std::num::NonZeroU32::new(MAX_LINE).unwrap_or(default.max_col),
        ..default
    }
}

pub(super) fn parse(text: &Text) -> Result<Module, Box<Diagnostic>> {
    let large = |message: String, help: &str| {
        let span = Span {
            end: text.span.start + crate::parse::first_line(&text.value),
            ..text.span
        };
        Err(Box::new(
            Diagnostic::new(&REGO_SYNTAX, message, span, "").with_help(help),
        ))
    };
    if text.value.len() > MAX_TEXT {
        return large(
            format!("the policy is longer than {MAX_TEXT} bytes"),
            "keep long lists in a JSON file beside it",
        );
    }
    if depth(&text.value) > MAX_DEPTH {
        let message = format!("brackets stand more than {MAX_DEPTH} deep in each other");
        return large(message, "give the inner parts names of their own");
    }
    let failed = |error: &dyn std::fmt::Display| refused(text, &error.to_string());
    let source = syntax::Source::from_contents(String::new(), text.value.clone()).map_err(|error| failed(&error))?;
    let parsed = || {
        let mut parser = syntax::Parser::new(&source)?;
        if let Some(longest) = std::num::NonZeroU32::new(MAX_LINE) {
            parser.set_max_col(longest);
        }
        parser.enable_rego_v1()?;
        parser.parse()
    };
    parsed().map_err(|error| failed(&error))
}

/// What regorus says of a text, at the line and column that it names.
fn refused(text: &Text, said: &str) -> Box<Diagnostic> {
    // `--> FILE:LINE:COLUMN`, lines of source, then `error: ...`.
    let mut at = text.span.start..text.span.start + crate::parse::first_line(&text.value);
    let numbers = said.split("--> ").nth(1).and_then(|rest| rest.lines().next());
    if let Some((line, column)) = numbers.and_then(|place| {
        let mut parts = place.rsplit(':');
        let column: usize = parts.next()?.trim().parse().ok()?;
        let line: usize = parts.next()?.trim().parse().ok()?;
        Some((line, column))
    }) {
        let before: usize = text
            .value
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let rest = text.value.get(before..).unwrap_or("");
        let line = rest.lines().next().unwrap_or("");
        let start = line
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(line.len(), |(at, _)| at);
        let word = line.get(start..).unwrap_or("");
        let length = word
            .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
            .unwrap_or(word.len())
            .max(1);
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let start = text.span.start + narrow(before + start);
        at = start..(start + narrow(length)).min(text.span.end.max(start));
    }
    let said = said.rsplit("error: ").next().unwrap_or(said);
    let said = said.lines().next().unwrap_or(said).trim().trim_end_matches('.');
    let span = Span {
        start: at.start,
        end: at.end,
        ..text.span
    };
    let found = Diagnostic::new(&REGO_SYNTAX, format!("this is no Rego policy: {said}"), span, "");
    let old = said.contains("`if` keyword is required");
    Box::new(match old {
        true => found.with_help(
            "policies are written in Rego's first version: `allow if { ... }`, `deny contains msg if { ... }`",
        ),
        false => found,
    })
}

/// How deep brackets stand in each other, outside strings and comments.
fn depth(text: &str) -> usize {
    let (mut depth, mut most) = (0usize, 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '#' => while chars.next().is_some_and(|c| c != '\n') {},
            '`' => while chars.next().is_some_and(|c| c != '`') {},
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' | '\n' => break,
                        _ => {}
                    }
                }
            }
            '(' | '[' | '{' => {
                depth += 1;
                most = most.max(depth);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::super::module::Kind;
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_are_not_counted() {
        assert_eq!(depth("a := [1, {2}] # ((((\nb := \"[[[\\\"[[\" # [\nc := `[[[`"), 2);
    }

    #[test]
    fn kinds_are_told_apart() {
        let text = "package polity.x\nimport rego.v1\nallow if input.args.a\nnames contains \"a\"\nf(x) := x + 1\nm[k] := 1 if some k in [1]\n";
        let text = Text::new(text.to_owned(), Span::NOWHERE);
        let index = Index::new(&parse(&text).unwrap());
        let kind = |name: &str| index.groups.get(name).map(|group| group.kind);
        assert_eq!(kind("allow"), Some(Kind::Complete));
        assert_eq!(kind("names"), Some(Kind::Set));
        assert_eq!(kind("f"), Some(Kind::Function));
        assert_eq!(kind("m"), Some(Kind::Object));
    }
}
