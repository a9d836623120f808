//! Recorded calls become a Test document that parses, and passes at once.
//!
//! In: the calls of a log, and the table that answers them. Out: YAML, and why a call could not be written down. Whether
//! a case can be written is asked of the compiler's own reader: each is read back, and must be the same call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use polity_runtime::decide::{Code, Outcome};
use polity_runtime::guard::Silent;
use polity_runtime::table::Table;
use polity_runtime::wire::Timestamp;
use rayon::prelude::*;
use serde_json::value::RawValue;

use super::ask::{self, Request};
use crate::ast::Body;
use crate::diag::Sink;
use crate::lower::cedar::policies::entity_text;
use crate::parse::parse;
use crate::report::visible;
use crate::resolve::Organization;
use crate::source::SourceTree;
use crate::table::without_kills;

/// What became of the calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// A Test document; empty where there is no case to write.
    pub yaml: String,
    /// How many cases it has.
    pub cases: usize,
    /// How many calls say the same as an earlier one, times apart.
    pub repeated: usize,
    /// Calls that cannot be cases, by their place from 0, and why.
    pub left_out: Vec<(usize, String)>,
}

/// Writes a case for each call. The suite gets this name, or a number after it where a Test is called so already.
pub fn record(
    organization: &Organization,
    table: &Table,
    name: &str,
    requests: &[Result<Request, String>],
) -> Recorded {
    let table = &*without_kills(table);
    let written: Vec<Result<Written, String>> = requests
        .par_iter()
        .map(|request| match request {
            Ok(request) => write(organization, table, request),
            Err(wrong) => Err(wrong.clone()),
        })
        .collect();
    let mut recorded = Recorded::default();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut named: BTreeMap<String, u32> = BTreeMap::new();
    let mut cases = String::new();
    for (at, case) in written.into_iter().enumerate() {
        let case = match case {
            Ok(case) => case,
            Err(wrong) => {
                recorded.left_out.push((at, wrong));
                continue;
            }
        };
        if !seen.insert(format!("{}{}", case.call, case.answer)) {
            recorded.repeated += 1;
            continue;
        }
        let times = named.entry(case.title.clone()).or_insert(0);
        *times += 1;
        let number = if *times > 1 { format!(" {times}") } else { String::new() };
        let title = quoted(&format!("{}{number}", case.title));
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            cases,
            "  - {{name: {title}, {}, now: {}, {}}}",
            case.call, case.now, case.answer
        );
        recorded.cases += 1;
    }
    if recorded.cases > 0 {
        recorded.yaml = format!("kind: Test\nname: {}\ncases:\n{cases}", free(organization, name));
    }
    recorded
}

/// The name, with a number after it where it is taken.
fn free(organization: &Organization, name: &str) -> String {
    let taken = |name: &str| organization.suites.iter().any(|suite| suite.name.value == name);
    let numbered = (2u32..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// One case in pieces.
struct Written {
    /// What it is about, for its name.
    title: String,
    /// The call without its moment: two that agree here ask the same.
    call: String,
    now: String,
    answer: String,
}

fn write(organization: &Organization, table: &Table, request: &Request) -> Result<Written, String> {
    let decision = ask::decide(table, &request.question(), &mut Silent)?;
    // A test names what there is, unless it is about a name that is unknown.
    if let Some(person) = &request.on_behalf_of
        && !organization.people.iter().any(|known| known.name.value == *person)
    {
        return Err(format!("no person is called `{person}`"));
    }
    let now = Timestamp::from_millis(request.now).ok_or("the moment lies outside the years 1970 to 9999")?;
    let effect = match decision.outcome {
        Outcome::Allow => "allow",
        Outcome::RequireApproval => "require_approval",
        Outcome::Deny => "deny",
    };
    let mut holding = request.holding.clone();
    holding.sort();
    holding.dedup();
    let fields = [
        ("agent", &request.agent),
        ("environment", &request.environment),
        ("action", &request.action),
    ];
    let mut call: Vec<String> = fields
        .map(|(name, value)| format!("{name}: {}", quoted(value)))
        .to_vec();
    let args: serde_json::Value = serde_json::from_str(&request.args).map_err(|error| error.to_string())?;
    if args.as_object().is_some_and(|args| !args.is_empty()) {
        call.push(format!("args: {}", arguments(&request.args)?));
    }
    if let Some(entities) = request.entities.as_ref().filter(|told| told.as_str() != "{}") {
        call.push(format!("entities: {}", told(entities)?));
    }
    if !holding.is_empty() {
        let classes: Vec<String> = holding.iter().map(|class| quoted(class)).collect();
        call.push(format!("holding: [{}]", classes.join(", ")));
    }
    if let Some(person) = &request.on_behalf_of {
        call.push(format!("on_behalf_of: {}", quoted(person)));
    }
    let rule = decision
        .rule
        .map(|rule| format!(", rule: {}", quoted(table.rule_name(rule))));
    let written = Written {
        title: visible::line(&format!("{} {effect}", request.action)),
        call: call.join(", "),
        now: quoted(&now.to_string()),
        answer: format!(
            "expect: {effect}{}, code: {}",
            rule.unwrap_or_default(),
            decision.code.as_str()
        ),
    };
    same(table, request, decision.code, &written)?;
    Ok(written)
}

/// Reads a case back: it must be one that the reader takes, and be answered the same.
fn same(table: &Table, request: &Request, code: Code, written: &Written) -> Result<(), String> {
    let Written {
        title,
        call,
        now,
        answer,
    } = written;
    let title = quoted(title);
    let text = format!("kind: Test\nname: t\ncases:\n  - {{name: {title}, {call}, now: {now}, {answer}}}\n");
    let mut sink = Sink::default();
    let parsed = parse(&SourceTree::from_files(vec![("t.yaml".to_owned(), text)]), &mut sink);
    if let Some(found) = sink.diagnostics().first() {
        return Err(format!("it cannot be written as a case: {}", found.message));
    }
    let read = parsed
        .documents
        .documents
        .iter()
        .find_map(|document| match &document.body {
            Body::Test(test) => test.cases.first(),
            _ => None,
        });
    let read = read.ok_or("it cannot be written as a case")?;
    let args = read.request.args.as_ref().map_or("{}", |args| args.value.as_str());
    let again = Request {
        args: args.to_owned(),
        entities: read.request.entities.as_ref().map(|told| told.value.clone()),
        ..request.clone()
    };
    let told = |request: &Request| ask::decide(table, &request.question(), &mut Silent);
    match (told(request), told(&again)) {
        (Ok(meant), Ok(read)) if meant == read && read.code == code => Ok(()),
        _ => Err("it cannot be written as a case: YAML would say something else".to_owned()),
    }
}

/// What is told of resources, as YAML in Cedar's form: what `entities` of a Test says.
fn told(json: &str) -> Result<String, String> {
    let wrong = || "what is told of resources is not as the runtime reads it".to_owned();
    let resources: BTreeMap<String, BTreeMap<String, &RawValue>> = serde_json::from_str(json).map_err(|_| wrong())?;
    let mut entities = Vec::new();
    for (name, mut attributes) in resources {
        let above: Vec<String> = match attributes.remove("in") {
            Some(above) => serde_json::from_str(above.get()).map_err(|_| wrong())?,
            None => Vec::new(),
        };
        let mut entity = vec![format!("uid: {{type: Resource, id: {}}}", quoted(&name))];
        let mut attrs = Vec::new();
        for (attribute, value) in attributes {
            attrs.push(format!("{}: {}", quoted(&attribute), arguments(value.get())?));
        }
        if !attrs.is_empty() {
            entity.push(format!("attrs: {{{}}}", attrs.join(", ")));
        }
        let mut parents = Vec::new();
        for parent in &above {
            let (ty, id) = entity_text(parent).ok_or_else(wrong)?;
            parents.push(format!("{{type: {}, id: {}}}", quoted(&ty), quoted(&id)));
        }
        if !parents.is_empty() {
            entity.push(format!("parents: [{}]", parents.join(", ")));
        }
        entities.push(format!("{{{}}}", entity.join(", ")));
    }
    match entities.is_empty() {
        // A list without elements says nothing.
        true => Err("nothing is told of any resource".to_owned()),
        false => Ok(format!("[{}]", entities.join(", "))),
    }
}

/// The arguments as YAML: the same JSON, its strings quoted as both languages read them, its numbers as they stand.
fn arguments(json: &str) -> Result<String, String> {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('"') {
        let (before, string) = rest.split_at(at);
        text.push_str(&spaced(before));
        let mut read = serde_json::Deserializer::from_str(string).into_iter::<String>();
        let value = read.next().and_then(Result::ok).ok_or("the arguments are not JSON")?;
        text.push_str(&quoted(&value));
        rest = string.get(read.byte_offset()..).unwrap_or_default();
    }
    text.push_str(&spaced(rest));
    Ok(text)
}

/// What stands between strings, on one line, with a blank where YAML wants one.
fn spaced(between: &str) -> String {
    let dense: String = between.split_ascii_whitespace().collect();
    dense.replace(':', ": ").replace(',', ", ")
}

/// A string in double quotes as YAML and JSON both read it, with nothing in it that is not seen.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            _ if visible::is_hidden(character) => {
                let code = u32::from(character);
                // Writing to a `String` cannot fail.
                let _ = match code {
                    0..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
