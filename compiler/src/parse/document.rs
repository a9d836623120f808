//! One YAML value to one [`Document`]: its kind, its place, its fields.
//!
//! Comes in: a node, where it stands, and the comments of its file. Goes out: the document, with a diagnostic for
//! everything that is broken, and a hole in its place. Whether a name exists is not known here. One table of
//! [`Form`]s drives the reading, the suggestions and the JSON Schema.

mod agents;
mod fields;
pub mod form;
mod json;
mod notation;
mod parameter;
mod people;
mod places;
mod policies;
mod reader;
pub mod schema;
mod selector;
mod suite;
mod template;
mod tools;

use crate::ast::{Body, Document, Template, Text};
use crate::diag::codes::document as codes;
use crate::diag::{Diagnostic, Sink};
use crate::parse::node::{Entry, Node, Value};
use crate::parse::yaml::{Reading, is_unprintable, plain_reading};
use crate::source::{FileId, Span};
use fields::Fields;
use form::Form;
use reader::{Reader, nearest_kind, shown};

pub use parameter::{PARAMETER, TYPES};
pub use template::TEMPLATE;

/// Where a document stands. An expanded document has the path of its use and the text of its expansion.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file that spans are of.
    pub file: FileId,
    /// Its place settles what the document may be, and whose it is.
    pub path: &'a str,
    /// The file's text: tells which comments stand on a condition's line.
    pub text: &'a str,
    /// Every comment of the file, from `#` to the end of its line, in their order.
    pub comments: &'a [Span],
}

/// Where documents of a kind may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In `polity.yaml`.
    Root,
    /// Anywhere but under `teams/<team>/`.
    Organization,
    /// Anywhere; under `teams/<team>/` it is that team's.
    Anyone,
}

/// A kind of document.
#[derive(Debug)]
pub struct Kind {
    /// As `kind:` names it.
    pub name: &'static str,
    /// What a document of this kind is for: one sentence or two, for help and for editors.
    pub doc: &'static str,
    /// Its fields, `kind` and `name` among them.
    pub form: &'static Form,
    /// Where it may stand.
    pub place: Place,
    build: fn(&mut Reader<'_>, &mut Fields) -> Body,
}

impl Kind {
    /// Names that a document of this kind may not have.
    fn reserved(&self) -> &'static [&'static str] {
        match self.name {
            "Person" | "Group" | "Team" => &["owners", "team-owners", "none"],
            "Tool" => &["read", "write", "destructive", "external", "credential"],
            _ => &[],
        }
    }
}

/// Declares the kinds: what a document of it is for, name, form, place, and what builds the body.
macro_rules! kinds {
    ($(#[doc = $doc:literal] $name:ident $form:path, $place:ident, $build:path;)*) => {
        /// The names of all kinds that stand in YAML, templates apart.
        pub const KINDS: &[&str] = &[$(stringify!($name)),*];

        /// What an approval rule may ask about: all kinds, and what stands in files of its own.
        pub const CHANGE_KINDS: &[&str] = &[$(stringify!($name),)* "Template", "Cedar", "Rego"];

        /// All kinds.
        pub static TABLE: &[Kind] = &[$(Kind {
            name: stringify!($name),
            doc: $doc.trim_ascii(),
            form: &$form,
            place: Place::$place,
            build: |reader, fields| Body::$name($build(reader, fields)),
        }),*];
    };
}

kinds! {
    /// The organisation: who approves what no rule covers, how long a bundle holds, and how loud each lint is. There is one, in `polity.yaml`.
    Organization people::ORGANIZATION, Root, people::organization;
    /// Somebody who owns, approves or is worked for. The keys sign approvals.
    Person people::PERSON, Organization, people::person;
    /// People, and groups of people, under one name.
    Group people::GROUP, Organization, people::group;
    /// The merge bot of a forge, whose signed merges carry approvals.
    Forge people::FORGE, Organization, people::forge;
    /// Who answers for deployments: its owners, what it owns, and what its deployments can have at most.
    Team people::TEAM, Organization, people::team;
    /// Where agents work: its rank, the rings that may run there, and what must stop an agent's calls.
    Environment places::ENVIRONMENT, Organization, places::environment;
    /// How far an agent is trusted: the most that it can ever do, how much it may call, and how its process is confined. Four are built in, and a document of the same name replaces one.
    Ring places::RING, Organization, places::ring;
    /// A class of data. A session that has read some holds it from then on, and rules can look at that.
    DataClass places::DATA_CLASS, Organization, places::data_class;
    /// What an agent can call: its server, its actions, their arguments, and what each of them does.
    Tool tools::TOOL, Organization, tools::tool;
    /// A secret that an agent can obtain for a time. Obtaining it is the action `credential.NAME`, with effect read.
    Credential places::CREDENTIAL, Organization, places::credential;
    /// What an agent is: its owner, its product, its keys, and whom to call. Where it works says a Deployment.
    Agent agents::AGENT, Anyone, agents::agent;
    /// Where an agent works for a team, in which ring, and with which tools and credentials. It has no name of its own: it is `team/agent`.
    Deployment agents::DEPLOYMENT, Anyone, agents::deployment;
    /// Rules: what is allowed, what is denied, and what takes somebody's approval. Neither the order of rules nor that of files decides anything.
    Policy policies::POLICY, Anyone, policies::policy;
    /// Lifts one deny or gate for somebody, for a time. An organisation's rule is lifted by an organisation's exception only.
    Exception policies::EXCEPTION, Anyone, policies::exception;
    /// An outcome that no call of some sort may ever have, whatever the rules say.
    Invariant policies::INVARIANT, Anyone, policies::invariant;
    /// Calls, and the answers that the policies must give to them.
    Test suite::TEST, Anyone, suite::test;
    /// Which changes to this repository somebody must approve, and who.
    ApprovalRule policies::APPROVAL_RULE, Organization, policies::approval_rule;
    /// Stops agents, teams, tools, environments or everything, whatever any rule allows.
    Kill agents::KILL, Organization, agents::kill;
    /// Fills in a template: what the template yields stands where the use stands.
    Use agents::USE, Anyone, agents::filled;
}

/// Reads one document. `None` where nothing can be known about it; what is wrong is in the sink.
pub fn read(source: &Source<'_>, root: &Node, sink: &mut Sink) -> Option<Document> {
    let mut reader = Reader {
        source,
        team: team_of(source.path).map(str::to_owned),
        sink,
    };
    let entries = match &root.value {
        Value::Hole => return None,
        Value::Map(entries) => entries,
        Value::List(_) | Value::Scalar(..) => {
            let message = "a document is a mapping with `kind` and `name`";
            reader.sink.push(Diagnostic::new(
                &codes::WRONG_SHAPE,
                message,
                root.span,
                "not a mapping",
            ));
            return None;
        }
    };
    let (kind, at) = reader.kind(root, entries)?;
    reader.place(kind, at);
    let mut fields = reader.fields(root, kind.form, name_key(entries).unwrap_or(at))?;
    let name = kind.form.field("name").and_then(|_| fields.text("name"));
    reader.reserved(kind, name.as_ref());
    // The kind was read above; descriptions of the kinds that keep none are for whoever reads the file.
    fields.text("kind");
    let body = (kind.build)(&mut reader, &mut fields);
    fields.text("description");
    debug_assert_eq!(
        fields.left_over().next(),
        None,
        "a field of {} is read by nobody",
        kind.name
    );
    Some(Document {
        file: source.file,
        span: root.span,
        name,
        team: reader.team,
        body,
    })
}

/// Reads the first document of a file under `templates/`.
pub fn read_template(source: &Source<'_>, root: &Node, sink: &mut Sink) -> Option<Template> {
    let mut reader = Reader {
        source,
        team: None,
        sink,
    };
    template::declaration(&mut reader, root)
}

/// Reads an `approval` that stands in no document.
pub(super) fn read_approval(source: &Source<'_>, node: &Node, sink: &mut Sink) -> Option<crate::ast::Approval> {
    let mut reader = Reader {
        source,
        team: None,
        sink,
    };
    policies::approval_of(&mut reader, node)
}

/// Whether some mapping of a document has a field of this name.
pub fn is_field(name: &str) -> bool {
    TABLE.iter().any(|kind| {
        let mut homes = Vec::new();
        kind.form.homes(name, &mut Vec::new(), &mut homes);
        !homes.is_empty()
    })
}

/// The team under whose folder a path lies: `teams/<team>/...`.
pub fn team_of(path: &str) -> Option<&str> {
    let (team, file) = path.strip_prefix("teams/")?.split_once('/')?;
    (!team.is_empty() && !file.is_empty()).then_some(team)
}

/// Where the name is written, to point at when something else is missing.
fn name_key(entries: &[Entry]) -> Option<Span> {
    entries
        .iter()
        .find(|entry| entry.key.value == "name")
        .map(|entry| entry.value.span)
}

impl Reader<'_> {
    /// The document's kind, and where it is written.
    fn kind(&mut self, root: &Node, entries: &[Entry]) -> Option<(&'static Kind, Span)> {
        let Some(entry) = entries.iter().find(|entry| entry.key.value == "kind") else {
            let start = entries.first().map_or(root.span, |entry| entry.key.span);
            let found = Diagnostic::new(&codes::MISSING_KIND, "a document without `kind`", start, "no `kind`");
            let misspelt = entries
                .iter()
                .find(|entry| entry.key.value.eq_ignore_ascii_case("kind"));
            self.sink.push(match misspelt {
                Some(entry) => found.with_replacement("did you mean `kind`?", entry.key.span, "kind"),
                None => found.with_help(format!("add `kind`: one of {}", KINDS.join(", "))),
            });
            return None;
        };
        if matches!(entry.value.value, Value::Hole) {
            return None;
        }
        let (text, _) = self.scalar(&entry.value, &form::Type::Text, "`kind`")?;
        if let Some(kind) = TABLE.iter().find(|kind| kind.name == text) {
            return Some((kind, entry.value.span));
        }
        let message = format!("there is no kind `{}`", shown(text));
        let found = Diagnostic::new(&codes::UNKNOWN_KIND, message, entry.value.span, "unknown kind");
        self.sink.push(match (text, nearest_kind(text)) {
            ("Template", _) => found.with_help("a template is the first document of a file under `templates/`"),
            ("Cedar", _) => found.with_help("Cedar policies stand in files whose names end in `.cedar`"),
            ("Rego", _) => found.with_help("Rego policies stand in files whose names end in `.rego`"),
            (_, Some(kind)) => found.with_replacement(format!("did you mean `{kind}`?"), entry.value.span, kind),
            (_, None) => found.with_help(format!("one of {}", KINDS.join(", "))),
        });
        None
    }

    /// A kind that may not stand here is still read, so that what refers to it finds it.
    fn place(&mut self, kind: &Kind, at: Span) {
        let help = match (kind.place, &self.team) {
            (Place::Root, _) if self.source.path != "polity.yaml" => {
                "it stands in `polity.yaml`, at the top of the repository"
            }
            (Place::Organization, Some(_)) => "it belongs to the organisation: move it out of `teams/`",
            _ => return,
        };
        let message = match &self.team {
            Some(team) => format!("`{}` may not stand under `teams/{team}/`", kind.name),
            None => format!("`{}` may not stand in `{}`", kind.name, self.source.path),
        };
        self.sink
            .push(Diagnostic::new(&codes::KIND_NOT_ALLOWED_HERE, message, at, "not here").with_help(help));
    }

    /// Names that mean something else wherever they are written.
    fn reserved(&mut self, kind: &Kind, name: Option<&Text>) {
        let reserved = kind.reserved();
        let Some(name) = name.filter(|name| reserved.contains(&name.value.as_str())) else {
            return;
        };
        let what = kind.form.what;
        let message = format!("{what} may not be called `{}`", name.value);
        let found = Diagnostic::new(&codes::RESERVED_NAME, message, name.span, "reserved");
        self.sink
            .push(found.with_help(format!("reserved here: `{}`", reserved.join("`, `"))));
    }
}

impl Source<'_> {
    /// Whether a value is read as it stands in the file: what cannot be seen there was replaced.
    fn is_visible(&self, value: Span) -> bool {
        let written = self.text.get(value.start as usize..value.end as usize);
        written.is_none_or(|written| !written.contains(is_unprintable))
    }

    /// Whether a key is no text to some readers of YAML: it stands there without quotes.
    fn is_disputed(&self, key: &Text) -> bool {
        let written = self.text.get(key.span.start as usize..key.span.end as usize);
        written == Some(key.value.as_str()) && plain_reading(&key.value) != Reading::String
    }

    /// Whether a comment stands on the line on which a value ends, right after it.
    fn comment_follows(&self, value: Span) -> bool {
        let next = self.comments.partition_point(|comment| comment.start < value.end);
        let Some(comment) = self.comments.get(next) else {
            return false;
        };
        // Between a plain scalar in flow style and the comment may stand brackets and other fields; the comment
        // is then after those, and not about the condition.
        self.text
            .get(value.end as usize..comment.start as usize)
            .is_some_and(|between| between.chars().all(|c| c == ' ' || c == '\t'))
    }
}

#[cfg(test)]
mod tests;
