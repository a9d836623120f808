//! One `.rego` file to one Policy document: `allow`, `deny` and `require_approval` are its rules.
//!
//! Comes in: the file. Goes out: the document, or why it is none. Rego's grammar is `lower::rego`'s; METADATA comments,
//! which that grammar does not see, are read here. Which names exist is not known here.

use std::sync::Arc;

use super::node::{Entry, Node, Pragma, Value};
use super::{MARK, Parsed, cedar, document, scalar, yaml};
use crate::ast::{Approval, Body, Broken, Document, Policy, RegoPolicy, Rule, RuleEffect, Selector, Text};
use crate::diag::codes::document::{BAD_NAME, FIELD_NOT_FOR_EFFECT, MISSING_APPROVAL};
use crate::diag::codes::rego::{BAD_METADATA, BAD_PACKAGE};
use crate::diag::codes::yaml::MALFORMED_PRAGMA;
use crate::diag::{Diagnostic, Sink, nearest};
use crate::lower::rego::{Entry as Decides, RuleText, is_helper, read, text};
use crate::source::{FileId, SourceFile, Span, Spanned};

/// What METADATA may say, as OPA has it.
const METADATA: [&str; 10] = [
    "authors",
    "custom",
    "description",
    "entrypoint",
    "labels",
    "organizations",
    "related_resources",
    "schemas",
    "scope",
    "title",
];

/// How many reasons of a rule are shown. More are not read.
const MAX_REASONS: usize = 8;

/// Reads a file.
pub(super) fn file(id: FileId, file: &SourceFile, sink: &mut Sink) -> Parsed {
    let mut parsed = Parsed::default();
    let whole = Span {
        file: id,
        start: 0,
        end: narrow(file.text.len()),
    };
    let broken = |name: Option<String>| Broken {
        kind: Some("Policy".to_owned()),
        name,
    };
    if file.path.starts_with(super::TEMPLATES) {
        let message = "a template is no Rego file";
        let help = "keep the policy beside the others; templates are YAML, or Cedar with slots";
        let first = Span {
            end: super::first_line(&file.text),
            ..whole
        };
        sink.push(Diagnostic::new(&BAD_PACKAGE, message, first, "").with_help(help));
        return parsed;
    }
    // Its rules are read where a policy asks for them.
    if is_helper(&file.path, &file.text) {
        return parsed;
    }
    let text = text(id, &file.text);
    let mut document = match read(&text) {
        Ok(document) => document,
        Err(found) => {
            found.into_iter().for_each(|found| sink.push(found));
            parsed.documents.broken.push(broken(None));
            return parsed;
        }
    };
    document.findings.drain(..).for_each(|found| sink.push(found));
    let name = document.name;
    if !scalar::is_name(&name.value) {
        let message = format!("`{}` is no name for a policy", name.value);
        let help = match scalar::to_name(&name.value) {
            Some(name) if name.contains('-') => format!("write `package polity[\"{name}\"]`"),
            Some(name) => format!("write `package polity.{name}`"),
            None => "lower-case letters, digits and hyphens make a name".to_owned(),
        };
        sink.push(Diagnostic::new(&BAD_NAME, message, name.span, "").with_help(help));
        parsed.documents.broken.push(broken(None));
        return parsed;
    }
    let blocks = blocks(id, file, sink);
    let mut whole_document = true;
    let mut rules = Vec::new();
    let mut taken = Vec::new();
    let source = text;
    for text in document.rules.iter_mut() {
        let about: Vec<&Block> = blocks.iter().filter(|block| block.is_about(text, &file.text)).collect();
        taken.extend(about.iter().map(|block| block.span));
        match rule(text, &about, &source, sink) {
            Some(rule) => rules.push((Text::new(text.entry.name().to_owned(), text.span), rule)),
            None => whole_document = false,
        }
    }
    for block in blocks.iter().filter(|block| !taken.contains(&block.span)) {
        // An approval that nobody takes would be taken for one.
        if let Some(approval) = block.approval.as_ref() {
            let message = "this approval belongs to no rule that decides";
            let help = "write the METADATA right above `require_approval` or `allow`";
            sink.push(Diagnostic::new(&BAD_METADATA, message, approval.span, "").with_help(help));
            whole_document = false;
        }
    }
    parsed.pragmas = pragmas(id, &file.text, &document.rules, sink);
    if !whole_document {
        parsed.documents.broken.push(broken(Some(name.value.clone())));
    }
    parsed.documents.documents.push(Arc::new(Document {
        file: id,
        span: whole,
        name: Some(name),
        team: document::team_of(&file.path).map(str::to_owned),
        body: Body::Policy(Policy {
            description: None,
            scope: Selector::default(),
            rules,
            unread: Vec::new(),
        }),
    }));
    parsed
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// One rule, with what the METADATA above its definitions says.
fn rule(text: &mut RuleText, about: &[&Block], source: &Text, sink: &mut Sink) -> Option<Rule> {
    let name = text.entry.name();
    let mut approvals = about.iter().filter_map(|block| block.approval.as_ref());
    let asked = approvals.next();
    if let (Some(first), Some(second)) = (asked, approvals.next()) {
        let message = format!("`{name}` takes one approval, and this is another");
        let found = Diagnostic::new(&BAD_METADATA, message, second.span, "the second one");
        let found = found.with_related(first.span, "the first one is here");
        sink.push(found.with_help("a policy has one gate: put the other in a file of its own"));
        return None;
    }
    if about.iter().any(|block| block.broken) {
        return None;
    }
    let effect = match text.entry {
        Decides::Allow => RuleEffect::Allow,
        Decides::Deny => RuleEffect::Deny,
        Decides::RequireApproval => RuleEffect::RequireApproval,
    };
    match (effect, asked) {
        (RuleEffect::RequireApproval, None) => {
            let message = "this gate does not say whose approval it takes";
            let found = Diagnostic::new(&MISSING_APPROVAL, message, text.span, "no `custom.approval`");
            let help =
                "write above it\n# METADATA\n# custom:\n#   approval: {require: [{from: [team-owners], count: 1}]}";
            sink.push(found.with_help(help));
            return None;
        }
        (RuleEffect::Deny, Some(approval)) => {
            let message = "a deny takes no `approval`";
            let found = Diagnostic::new(&FIELD_NOT_FOR_EFFECT, message, approval.span, "");
            sink.push(found.with_help("call the rule `require_approval`, or leave the approval out"));
            return None;
        }
        _ => {}
    }
    let said = about.iter().find_map(|block| block.description.clone());
    let reason = said.or_else(|| match text.reasons.as_slice() {
        [] => None,
        reasons => {
            let more = if reasons.len() > MAX_REASONS { "; …" } else { "" };
            let reasons: Vec<&str> = reasons.iter().take(MAX_REASONS).map(String::as_str).collect();
            Some(Text::new(format!("{}{more}", reasons.join("; ")), text.span))
        }
    });
    Some(Rule {
        span: text.span,
        description: None,
        effect: Some(Spanned::new(effect, text.span)),
        selector: Selector {
            span: Some(text.span),
            ..Selector::default()
        },
        except: None,
        when: None,
        unless: None,
        cedar: None,
        rego: Some(RegoPolicy {
            text: source.clone(),
            entry: text.entry,
            heads: text.heads.clone(),
            reach: text.reach.take().map(Arc::new),
        }),
        approval: asked.map(|approval| approval.value.clone()),
        limit: None,
        expires: None,
        observe_until: None,
        reason,
    })
}

/// A METADATA comment.
struct Block {
    span: Span,
    /// For all definitions of the name below it.
    document: bool,
    description: Option<Text>,
    approval: Option<Spanned<Approval>>,
    /// A part of it could not be read.
    broken: bool,
}

impl Block {
    /// Whether it stands right above a definition of a rule.
    fn is_about(&self, text: &RuleText, source: &str) -> bool {
        let above = |head: &Span| {
            let between = source.get(self.span.end as usize..head.start as usize);
            between.is_some_and(|between| between.trim().is_empty() || between.trim() == "default")
        };
        text.heads.iter().any(above) || (self.document && self.above_default(text, source))
    }

    /// A default of the rule may stand first.
    fn above_default(&self, text: &RuleText, source: &str) -> bool {
        let rest = source.get(self.span.end as usize..).unwrap_or("").trim_start();
        let rest = rest.strip_prefix("default").unwrap_or("").trim_start();
        rest.strip_prefix(text.entry.name())
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    }
}

/// The METADATA comments of a file. Each is read in place: all else of the file is blanked out.
fn blocks(id: FileId, file: &SourceFile, sink: &mut Sink) -> Vec<Block> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut open: Option<(usize, Vec<(usize, &str)>)> = None;
    let mut close = |open: &mut Option<(usize, Vec<(usize, &str)>)>, sink: &mut Sink| {
        if let Some((start, lines)) = open.take() {
            found.push(block(id, file, start, &lines, sink));
        }
    };
    for line in file.text.split_inclusive('\n') {
        let comment = line.trim_start_matches(MARK).trim_start().strip_prefix('#');
        match (comment, &mut open) {
            (Some(comment), None) if comment.trim() == "METADATA" => open = Some((at, Vec::new())),
            (Some(_), Some((_, lines))) => lines.push((at, line)),
            (None, Some(_)) => close(&mut open, sink),
            _ => {}
        }
        at += line.len();
    }
    close(&mut open, sink);
    found
}

fn block(id: FileId, file: &SourceFile, start: usize, lines: &[(usize, &str)], sink: &mut Sink) -> Block {
    let end = lines.last().map_or(start, |(at, line)| at + line.trim_end().len());
    let end = end.max(
        start
            + file
                .text
                .get(start..)
                .and_then(|rest| rest.lines().next())
                .map_or(0, str::len),
    );
    let mut blank: Vec<u8> = file.text.bytes().map(|b| if b == b'\n' { b } else { b' ' }).collect();
    for (at, line) in lines {
        let Some(hash) = line.find('#') else { continue };
        for (offset, byte) in line.bytes().enumerate().skip(hash + 1) {
            if let Some(place) = blank.get_mut(at + offset) {
                *place = byte;
            }
        }
    }
    let mut block = Block {
        span: Span {
            file: id,
            start: narrow(start),
            end: narrow(end),
        },
        document: false,
        description: None,
        approval: None,
        broken: false,
    };
    let text = String::from_utf8(blank).unwrap_or_default();
    let mut heard = Sink::default();
    let documents = yaml::read(id, &text, &mut heard);
    if heard.has_errors() {
        block.broken = true;
        sink.append(heard);
        return block;
    }
    let bad = |span: Span, message: &str, help: &str, sink: &mut Sink| {
        sink.push(Diagnostic::new(&BAD_METADATA, message, span, "").with_help(help));
    };
    let entries: &[Entry] = match documents.as_slice() {
        [only] => match &only.root.value {
            Value::Map(entries) => entries,
            _ => {
                bad(
                    block.span,
                    "METADATA is no mapping",
                    "write `# title: ...` and the like, a key a line",
                    sink,
                );
                block.broken = true;
                return block;
            }
        },
        _ => &[],
    };
    for Entry { key, value } in entries {
        match (key.value.as_str(), &value.value) {
            ("scope", Value::Scalar(scope, _)) => match scope.as_str() {
                "rule" => {}
                "document" => block.document = true,
                _ => {
                    let help = "write `rule`, or `document` for all definitions of the name";
                    bad(value.span, &format!("`{scope}` is no scope of a rule"), help, sink);
                    block.broken = true;
                }
            },
            ("description", Value::Scalar(text, _)) => {
                block.description = Some(Text::new(text.trim_end().to_owned(), value.span));
            }
            ("title", Value::Scalar(text, _)) => {
                let text = || Text::new(text.trim_end().to_owned(), value.span);
                block.description.get_or_insert_with(text);
            }
            ("custom", Value::Map(entries)) => custom(file, entries, &mut block, sink),
            (key_text, _) if METADATA.contains(&key_text) && !matches!(key_text, "scope" | "custom") => {}
            (key_text, _) => {
                let near = nearest(key_text, METADATA).map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| "what other programs read stands under `custom`".to_owned());
                bad(
                    key.span,
                    &format!("METADATA has no `{key_text}` of this form"),
                    &help,
                    sink,
                );
                block.broken = true;
            }
        }
    }
    block
}

fn custom(file: &SourceFile, entries: &[Entry], block: &mut Block, sink: &mut Sink) {
    for Entry { key, value } in entries {
        if key.value != "approval" {
            // Other programs may keep their own there; a slip of the pen must not take an approval away.
            if nearest(&key.value, ["approval"]).is_some() {
                let message = format!("`custom.{}` says nothing to anybody", key.value);
                let found = Diagnostic::new(&BAD_METADATA, message, key.span, "");
                sink.push(found.with_help("did you mean `approval`?"));
                block.broken = true;
            }
            continue;
        }
        let read = match &value.value {
            Value::Scalar(text, _) => {
                let require = cedar::requirements(text, value.span);
                if require.is_none() {
                    let message = format!("`{text}` does not say whose approval it takes, and how many of them");
                    let help = "write `security:1`, or `{require: [{from: [security], count: 1}], timeout: 1h}`";
                    sink.push(Diagnostic::new(&BAD_METADATA, message, value.span, "").with_help(help));
                }
                require.map(|require| Approval {
                    span: value.span,
                    require,
                    timeout: None,
                    separation: None,
                    evidence: None,
                })
            }
            _ => approval(file, value, sink),
        };
        match read {
            Some(approval) => block.approval = Some(Spanned::new(approval, value.span)),
            None => block.broken = true,
        }
    }
}

fn approval(file: &SourceFile, node: &Node, sink: &mut Sink) -> Option<Approval> {
    let mut heard = Sink::default();
    let source = document::Source {
        file: node.span.file,
        path: &file.path,
        text: &file.text,
        comments: &[],
    };
    let read = document::read_approval(&source, node, &mut heard);
    let failed = heard.has_errors();
    sink.append(heard);
    read.filter(|_| !failed)
}

/// `# polity: allow CODE reason` above a definition silences a lint for the whole rule.
fn pragmas(id: FileId, text: &str, rules: &[RuleText], sink: &mut Sink) -> Vec<Pragma> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some(body) = line
            .trim()
            .strip_prefix('#')
            .and_then(|comment| comment.trim().strip_prefix("polity:"))
        else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let span = Span {
            file: id,
            start: narrow(start + indent),
            end: narrow(start + line.trim_end().len()),
        };
        let rest = text.get(at..).unwrap_or("");
        let comments: usize = rest
            .split_inclusive('\n')
            .take_while(|line| line.trim_start().starts_with('#'))
            .map(str::len)
            .sum();
        let below = narrow(at + comments);
        let head = rules
            .iter()
            .flat_map(|rule| &rule.heads)
            .find(|head| head.start == below);
        let mut words = body.split_whitespace();
        let (verb, code) = (words.next(), words.next());
        let reason = words.collect::<Vec<_>>().join(" ");
        match (verb, code, head) {
            (Some("allow"), Some(code), Some(head)) if !reason.is_empty() => found.push(Pragma {
                span,
                code: code.to_owned(),
                reason,
                covers: Span {
                    end: narrow(text.len()),
                    ..*head
                },
            }),
            _ => sink.push(
                Diagnostic::new(&MALFORMED_PRAGMA, "a `polity:` comment that silences nothing", span, "").with_help(
                    "write `# polity: allow CODE reason` on a line of its own, right above a rule that decides",
                ),
            ),
        }
    }
    found
}
