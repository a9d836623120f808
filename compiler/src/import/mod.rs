//! A server's `tools/list` answer becomes a Tool document: JSON in; a document out, with what was left out of it.
//!
//! # Steps
//! | step | from | to |
//! | --- | --- | --- |
//! | [`json`] | bytes | [`json::Json`]: bounded, each key once |
//! | [`listing`] | `Json` | [`Listing`]: the definitions of the tools, their hints and digests |
//! | [`schema`] | a definition's `inputSchema` | the parameters of an action |
//! | [`propose`] | `Listing` | [`crate::ast::Tool`], every action of it unconfirmed |
//! | [`yaml`] | `Tool` | a document as a person would write it |
//! | [`update`] | a document, `Tool` | the document, with what has changed in its place |
//!
//! Everything that the server says is a claim of somebody else's. Names stand as they are or not at all; texts are
//! quoted, or left out; what its annotations say of effects is a proposal, read the stricter way, which nothing is
//! built from until a person has removed the mark.

pub mod json;
pub mod listing;
pub mod schema;
pub mod yaml;
pub mod update;
mod edit;

use std::fmt;

use polity_runtime::value::Effect;

use crate::ast::{Action, ActionClass, Definition, Hints, Server, Tool, Unconfirmed, Unread};
use crate::parse::scalar;
use crate::report::visible;
use crate::source::{MAX_FILE_BYTES, Span, Spanned};
pub use listing::Listing;

/// The largest answer that is read, in bytes. The largest in use are below 1 MiB; the rest is room.
pub const MAX_BYTES: u64 = 16 << 20;
/// How many tools one server may list. The largest in use list some hundreds; picked by gut feeling.
pub const MAX_TOOLS: usize = 2_000;
/// The longest description that is taken over, in characters: what fits on a line or two. The rest is cut off.
pub const MAX_DESCRIPTION: usize = 160;

/// For whoever opens the document.
const HEADER: &str = "\
# Imported from the `tools/list` of an MCP server. What a server says of itself is a proposal: find out what each action
# does, mend `effect`, `external`, `reversible` and `params`, and remove `unconfirmed`.
";

/// What became of a server's answer.
#[derive(Debug)]
pub struct Imported {
    /// The tool, every action unconfirmed.
    pub tool: Tool,
    /// What the document does not hold as the server has it, in the server's order.
    pub remarks: Vec<Remark>,
}

/// Something that a person should know of before they confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// `list_issues`, `list_issues.filter`; what stands there is the server's own text.
    pub place: String,
    /// What was done, and why: a clause without a subject.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.place, self.text)
    }
}

/// How the server is started or reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// The program and its arguments.
    Command(Vec<String>),
    /// The address.
    Url(String),
}

/// Proposes a tool.
///
/// # Errors
/// A schema that cannot be followed (references that lead in a circle or out of it), and more parameters than an action
/// or a document may have.
pub fn propose(listing: &Listing, reached: Option<&Reached>) -> Result<Imported, String> {
    let mut remarks = Vec::new();
    let mut types = schema::Types::new();
    let mut actions = Vec::new();
    for definition in &listing.definitions {
        let name = &definition.name;
        if !scalar::is_foreign_name(name) {
            remarks.push(Remark {
                place: name.clone(),
                text: "is left out, so that calls of it are denied: an action's name is made of letters, digits, `_`, \
                       `-` and `.`, a point not first, at most 128"
                    .to_owned(),
            });
            continue;
        }
        let mut remark = |text: String| {
            remarks.push(Remark {
                place: name.clone(),
                text,
            });
        };
        definition.faults.iter().cloned().for_each(&mut remark);
        let description = definition.description.as_deref().and_then(|text| {
            let described = described(text);
            if described.is_none() {
                remark("has a description that holds characters which cannot be seen: it is left out".to_owned());
            }
            described.filter(|text| !text.is_empty())
        });
        let params = types
            .parameters(name, definition.schema.as_ref(), &mut remarks)
            .map_err(|why| format!("the schema of `{name}` {why}"))?;
        let action = Action {
            description: description.map(nowhere),
            class: class(definition.hints),
            params,
            unread: Unread::default(),
            variants: Vec::new(),
            unconfirmed: Some(nowhere(Unconfirmed::Proposed)),
            definition: Some(Definition {
                hints: definition.hints,
                digest: Some(nowhere(format!("sha256:{}", definition.digest))),
            }),
        };
        actions.push((nowhere(name.clone()), action));
    }
    let server = reached.map(|reached| server(reached, listing));
    let tool = Tool {
        server,
        actions,
        ..Tool::default()
    };
    Ok(Imported { tool, remarks })
}

/// Writes the document, and reads it again: it must say what was meant.
///
/// # Errors
/// A name that no tool may have, and a document that is too large for a repository.
pub fn document(name: &str, tool: Tool) -> Result<String, String> {
    let text = format!("{HEADER}{}", yaml::tool(name, &tool));
    fits(&text)?;
    update::says(&text, name, tool).map_err(|why| format!("the document would not say what is meant: {why}"))?;
    Ok(text)
}

/// Whether a document can be read from a repository afterwards.
///
/// # Errors
/// That it is too large.
pub fn fits(document: &str) -> Result<(), String> {
    match u64::try_from(document.len()).is_ok_and(|length| length <= MAX_FILE_BYTES) {
        true => Ok(()),
        false => Err(format!("the document would be larger than {MAX_FILE_BYTES} bytes")),
    }
}

/// What a server's hints say of an action, read the stricter way: what it does not say is MCP's default (it writes, may
/// destroy, and reaches the open world), and nothing that it can say makes a change reversible.
pub fn class(hints: Hints) -> ActionClass {
    let destroys = hints.destructive;
    let effect = match (hints.read_only.unwrap_or(false), destroys) {
        // It cannot both destroy and change nothing.
        (true, Some(true)) => Effect::Destructive,
        (true, _) => Effect::Read,
        (false, Some(false)) => Effect::Write,
        (false, _) => Effect::Destructive,
    };
    let open_world = hints.open_world.unwrap_or(true);
    let changes = effect != Effect::Read;
    ActionClass {
        effect: Some(nowhere(effect)),
        // A read is not external unless it says so: a search sends its query somewhere.
        external: (changes || open_world).then(|| nowhere(open_world)),
        reversible: changes.then(|| nowhere(false)),
        ..ActionClass::default()
    }
}

fn server(reached: &Reached, listing: &Listing) -> Server {
    let (command, url) = match reached {
        Reached::Command(words) => (Some(words.iter().map(|word| nowhere(word.clone())).collect()), None),
        Reached::Url(url) => (None, Some(nowhere(url.clone()))),
    };
    Server {
        command,
        url,
        digest: Some(nowhere(listing.digest.clone())),
        span: Span::NOWHERE,
    }
}

/// A value that no file holds.
pub(crate) fn nowhere<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::NOWHERE)
}

/// The first line of a description, cut where it is long. `None` where somebody would read something else than stands
/// there.
fn described(text: &str) -> Option<String> {
    if text
        .chars()
        .any(|c| visible::is_hidden(c) && !matches!(c, '\n' | '\r' | '\t'))
    {
        return None;
    }
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    let line = line.replace(['\t', '\r'], " ");
    let cut: String = line.chars().take(MAX_DESCRIPTION).collect();
    Some(if cut.len() < line.len() {
        format!("{}...", cut.trim_end())
    } else {
        cut
    })
}

#[cfg(test)]
mod tests;
