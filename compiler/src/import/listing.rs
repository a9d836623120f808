//! A `tools/list` answer in any of its wrappings becomes the definitions in it. What does not look like one is refused:
//! a list that is read in part would leave out what nobody then knows of.

use std::collections::BTreeSet;

use polity_runtime::wire::Digest;

use super::json::Json;
use super::{MAX_TOOLS, json};
use crate::ast::Hints;
use crate::report::visible;

/// What a server says of its tools.
#[derive(Debug)]
pub struct Listing {
    /// What the server calls itself, where that was written beside the list.
    pub server: Option<String>,
    /// In the order of the answer.
    pub definitions: Vec<Written>,
    /// `sha256:...` over the names and digests of all definitions, so that their order in the answer does not matter.
    pub digest: String,
}

/// One tool, as the server defines it.
#[derive(Debug)]
pub struct Written {
    /// Without a character that cannot be seen; it need not be a name that the model takes.
    pub name: String,
    /// The server's own text.
    pub description: Option<String>,
    /// Its annotations.
    pub hints: Hints,
    /// What is odd about them, as [`super::Remark::text`].
    pub faults: Vec<String>,
    /// Its `inputSchema`.
    pub schema: Option<Json>,
    /// Of the whole definition.
    pub digest: Digest,
}

impl Listing {
    /// Reads the pages of an answer, each a text: `{"tools": [...]}`, that as the `result` of a JSON-RPC response, or the
    /// list alone.
    ///
    /// # Errors
    /// What is not JSON or no such answer, a page that another should follow, and names that are hidden or stand twice.
    pub fn read(pages: &[Vec<u8>]) -> Result<Self, String> {
        let mut listing = Self {
            server: None,
            definitions: Vec::new(),
            digest: String::new(),
        };
        let mut names = BTreeSet::new();
        for (at, page) in pages.iter().enumerate() {
            let page =
                json::read(page).map_err(
                    |error| match page.starts_with(b"event:") || page.starts_with(b"data:") {
                        true => "it is a stream of events: hand over what stands after `data:`".to_owned(),
                        false => format!("this is no JSON that can be read: {error}"),
                    },
                )?;
            let answer = answer(&page)?;
            if let Some(server) = answer.server {
                listing.server.get_or_insert_with(|| server.to_owned());
            }
            if answer.more && at + 1 == pages.len() {
                return Err("`nextCursor` says that another page follows: hand over all of them".to_owned());
            }
            if listing.definitions.len() + answer.tools.len() > MAX_TOOLS {
                return Err(format!("it lists more than {MAX_TOOLS} tools"));
            }
            for tool in answer.tools {
                let written = Written::read(tool)?;
                if !names.insert(written.name.clone()) {
                    return Err(format!("two tools are called `{}`", written.name));
                }
                listing.definitions.push(written);
            }
        }
        if listing.definitions.is_empty() {
            return Err("it lists no tools".to_owned());
        }
        let members = listing.definitions.iter();
        let members: Vec<_> = members.map(|one| (one.name.as_str(), one.digest.to_string())).collect();
        listing.digest = digest(members.iter().map(|(name, digest)| (*name, digest.as_str())));
        Ok(listing)
    }

    /// Leaves a tool out; its definition still counts in the digest.
    ///
    /// # Errors
    /// A name that the server does not list.
    pub fn leave_out(&mut self, name: &str) -> Result<(), String> {
        let before = self.definitions.len();
        self.definitions.retain(|one| one.name != name);
        match self.definitions.len() < before {
            true => Ok(()),
            false => Err(format!("the server lists no `{}`", visible::line(name))),
        }
    }
}

/// The digest of a list: over an object that holds each definition's name and digest.
pub(super) fn digest<'d>(definitions: impl Iterator<Item = (&'d str, &'d str)>) -> String {
    let member = |(name, digest): (&str, &str)| (name.to_owned(), Json::String(digest.to_owned()));
    format!("sha256:{}", Json::Object(definitions.map(member).collect()).digest())
}

/// One page.
struct Answer<'j> {
    server: Option<&'j str>,
    tools: &'j [Json],
    more: bool,
}

fn answer(page: &Json) -> Result<Answer<'_>, String> {
    let result = match (page, page.get("tools"), page.get("result")) {
        (Json::Array(tools), ..) => {
            return Ok(Answer {
                server: None,
                tools,
                more: false,
            });
        }
        (Json::Object(_), Some(_), None) => page,
        (Json::Object(_), None, Some(result)) => result,
        (Json::Object(_), Some(_), Some(_)) => {
            return Err("it has both `tools` and `result`: which of them is meant cannot be told".to_owned());
        }
        (Json::Object(_), None, None) => {
            return Err(match page.get("error") {
                Some(error) => {
                    let message = error.get("message").and_then(Json::as_str).unwrap_or("no message");
                    format!("the server answered with an error: {}", visible::line(message))
                }
                None => "it has neither `tools` nor `result`: the answer to `tools/list` is asked for".to_owned(),
            });
        }
        (other, ..) => {
            return Err(format!(
                "it is {}: the answer to `tools/list` is asked for",
                other.what()
            ));
        }
    };
    let tools = match result.get("tools") {
        Some(Json::Array(tools)) => tools,
        Some(other) => return Err(format!("`tools` is {}: a list is asked for", other.what())),
        None => return Err("its `result` has no `tools`".to_owned()),
    };
    Ok(Answer {
        server: server_name(result).or_else(|| server_name(page)),
        tools,
        more: result.get("nextCursor").is_some_and(|cursor| *cursor != Json::Null),
    })
}

/// Some tools write what the server said of itself beside the list.
fn server_name(json: &Json) -> Option<&str> {
    json.get("serverInfo")?.get("name")?.as_str()
}

impl Written {
    fn read(tool: &Json) -> Result<Self, String> {
        let Json::Object(_) = tool else {
            return Err(format!("one of its tools is {}: an object is asked for", tool.what()));
        };
        let name = match tool.get("name") {
            Some(Json::String(name)) => name,
            Some(other) => return Err(format!("the name of a tool is {}: a string is asked for", other.what())),
            None => return Err("one of its tools has no name".to_owned()),
        };
        plain(name, "the name of a tool")?;
        let text = |key: &str| match tool.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!(
                "`{key}` of `{name}` is {}: a string is asked for",
                other.what()
            )),
        };
        let schema = match tool.get("inputSchema") {
            None | Some(Json::Null) => None,
            Some(schema @ Json::Object(_)) => Some(schema.clone()),
            Some(other) => {
                let what = other.what();
                return Err(format!("`inputSchema` of `{name}` is {what}: an object is asked for"));
            }
        };
        let mut faults = Vec::new();
        let hints = hints(name, tool.get("annotations"), &mut faults)?;
        Ok(Self {
            name: name.clone(),
            description: text("description")?.or(text("title")?),
            hints,
            faults,
            schema,
            digest: tool.digest(),
        })
    }
}

/// The annotations of a tool. One that is no boolean counts as not given, and the default is the stricter reading.
fn hints(name: &str, annotations: Option<&Json>, faults: &mut Vec<String>) -> Result<Hints, String> {
    match annotations {
        None | Some(Json::Null | Json::Object(_)) => {}
        Some(other) => {
            return Err(format!(
                "`annotations` of `{name}` is {}: an object is asked for",
                other.what()
            ));
        }
    }
    let mut hint = |key: &str| match annotations.and_then(|all| all.get(key)) {
        None | Some(Json::Null) => None,
        Some(Json::Bool(hint)) => Some(*hint),
        Some(other) => {
            faults.push(format!(
                "has a `{key}` that is {}: it counts as not given",
                other.what()
            ));
            None
        }
    };
    let hints = Hints {
        read_only: hint("readOnlyHint"),
        destructive: hint("destructiveHint"),
        idempotent: hint("idempotentHint"),
        open_world: hint("openWorldHint"),
    };
    if hints.read_only == Some(true) && hints.destructive == Some(true) {
        faults.push("calls itself both read-only and destructive: the stricter is proposed".to_owned());
    }
    Ok(hints)
}

/// A name in which everything can be seen. What cannot is no accident.
pub(super) fn plain(name: &str, what: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err(format!("{what} is empty"));
    }
    match name.chars().find(|c| visible::is_hidden(*c)) {
        Some(hidden) => Err(format!(
            "{what} holds the character U+{:04X}, which cannot be seen: `{}`",
            u32::from(hidden),
            visible::line(name)
        )),
        None => Ok(()),
    }
}
