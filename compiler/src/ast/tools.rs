//! Tools and credentials as they are written: actions, their parameters and variants, and what a server said of them.

use polity_runtime::value::Effect as ActionEffect;

use super::{Millis, Text};
use crate::source::{Span, Spanned};

#[derive(Debug, Default)]
pub struct Tool {
    pub description: Option<Text>,
    pub server: Option<Server>,
    pub strict: Option<Spanned<bool>>,
    /// Environment name to endpoint.
    pub endpoints: Vec<(Text, Endpoint)>,
    pub reads: Option<Vec<Text>>,
    pub resources: Option<Vec<Text>>,
    /// What only a call knows of its resources.
    pub resource: Option<ResourceType>,
    /// Short name to action, in the order written.
    pub actions: Vec<(Text, Action)>,
    /// The short names of actions that could not be read.
    pub unread: Vec<String>,
}

/// What a request may say of the resources of its call.
#[derive(Debug)]
pub struct ResourceType {
    /// Name to type.
    pub attributes: Vec<(Text, Param)>,
    /// The types of what they are in.
    pub within: Vec<Text>,
}

/// `command` or `url`, never both.
#[derive(Debug)]
pub struct Server {
    pub command: Option<Vec<Text>>,
    pub url: Option<Text>,
    pub digest: Option<Text>,
    pub span: Span,
}

#[derive(Debug)]
pub struct Endpoint {
    pub url: Option<Text>,
    pub credential: Option<Text>,
    pub span: Span,
}

#[derive(Debug, Default)]
pub struct Action {
    pub description: Option<Text>,
    pub class: ActionClass,
    pub params: Vec<(Text, Param)>,
    /// What else is declared.
    pub unread: Unread,
    pub variants: Vec<(Text, Variant)>,
    /// Nobody has confirmed the class yet: nothing is built while it stands.
    pub unconfirmed: Option<Spanned<Unconfirmed>>,
    /// What the server said of the action when it was imported.
    pub definition: Option<Definition>,
}

/// Why somebody has to look at what an action is said to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unconfirmed {
    /// Its class was proposed from the server's annotations.
    Proposed,
    /// The server defines it otherwise than when it was confirmed.
    Changed,
    /// The server does not list it any more.
    Gone,
}

impl Unconfirmed {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Changed => "changed",
            Self::Gone => "gone",
        }
    }
}

/// A server's definition of an action: for whoever confirms it, and for the next import. Nothing is decided by it.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    pub hints: Hints,
    /// `sha256:...` of the whole definition.
    pub digest: Option<Text>,
}

/// The annotations of an MCP tool that speak of what it does; absent where the server did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    pub read_only: Option<bool>,
    pub destructive: Option<bool>,
    pub idempotent: Option<bool>,
    pub open_world: Option<bool>,
}

/// What an action and a variant both may say.
#[derive(Debug, Default)]
pub struct ActionClass {
    pub effect: Option<Spanned<ActionEffect>>,
    pub external: Option<Spanned<bool>>,
    pub reversible: Option<Spanned<bool>>,
    pub reads: Option<Vec<Text>>,
    pub resources: Option<Vec<Text>>,
}

#[derive(Debug)]
pub struct Variant {
    /// A condition; absent: takes every call.
    pub when: Option<Text>,
    pub class: ActionClass,
}

/// A declared argument: `int` and `{type: int}` are the same here.
#[derive(Debug, Clone)]
pub struct Param {
    pub ty: Spanned<ParamType>,
    pub optional: bool,
    pub description: Option<Text>,
}

/// Parameters that were declared and could not be read: a condition that asks for one is right, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Unread {
    /// There may be any.
    pub all: bool,
    /// Their names, sorted.
    pub names: Vec<String>,
}

impl Unread {
    /// Whether there may be a parameter of that name. What is derived from one counts, too.
    pub fn has(&self, name: &str) -> bool {
        let declared = |name: &str| self.names.iter().any(|own| own == name);
        self.all
            || declared(name)
            || name
                .strip_suffix(polity_runtime::value::HOSTS_SUFFIX)
                .is_some_and(declared)
    }
}

#[derive(Debug, Clone)]
pub enum ParamType {
    String {
        fold: bool,
    },
    Int,
    Bool,
    Decimal,
    DateTime,
    Duration,
    Ip,
    Path,
    Host,
    Url,
    Email,
    Enum(Vec<Text>),
    /// Of a scalar, url or email.
    List(Box<ParamType>),
    /// Field name to field.
    Record(Vec<(Text, Param)>),
    /// Invisible to conditions.
    Opaque,
}

#[derive(Debug)]
pub struct Credential {
    pub environments: Vec<Text>,
    /// Some of them could not be read.
    pub unread: bool,
    pub max_ttl: Option<Spanned<Millis>>,
    pub owner: Option<Text>,
    /// A mapping of strings, kept for reports.
    pub issuer: Vec<(Text, Text)>,
}
