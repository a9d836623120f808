//! Tools: servers, endpoints, actions and their variants.

use polity_runtime::value::Effect;

use super::fields::Fields;
use super::form::{DESCRIPTION, Field, Form, TEXTS, Type, optional, required};
use super::notation::URL;
use super::people::NAMED;
use super::reader::{EFFECTS, Reader};
use super::selector::effect;
use crate::ast::{
    Action, ActionClass, Definition, Endpoint, Hints, Param, ResourceType, Server, Text, Tool, Unconfirmed, Unread,
    Variant,
};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;
use crate::diag::codes::import::UNCONFIRMED_EFFECT;
use crate::source::Spanned;

const READS: Field = optional(
    "reads",
    Type::MaybeEmpty(&Type::Text),
    "data classes that a session holds after the action",
);
const RESOURCES: Field = optional("resources", TEXTS, "what a call touches, with parameters in braces");

pub(super) static TOOL: Form = Form {
    what: "a Tool",
    fields: &[
        NAMED,
        &[
            optional(
                "server",
                Type::Fields(&SERVER),
                "the MCP server; absent: built in to the agent",
            ),
            optional(
                "strict",
                Type::Bool,
                "whether an argument that no parameter declares denies the call; absent: true",
            ),
            optional(
                "endpoints",
                Type::Map(&Type::Name, &Type::Fields(&ENDPOINT)),
                "environment to endpoint, where one has its own",
            ),
            READS,
            RESOURCES,
            optional(
                "resource",
                Type::Fields(&RESOURCE),
                "what only a call knows of its resources, and says beside its arguments",
            ),
            required(
                "actions",
                Type::Map(&Type::ForeignName, &Type::Fields(&ACTION)),
                "what it can do: name to action",
            ),
        ],
    ],
    may_be_empty: false,
};

static RESOURCE: Form = Form {
    what: "`resource`",
    fields: &[&[
        optional(
            "attributes",
            Type::Map(&Type::ForeignName, &Type::Parameter),
            "name to type",
        ),
        optional("in", TEXTS, "the types of entities that they are in"),
    ]],
    may_be_empty: false,
};

pub(super) static SERVER: Form = Form {
    what: "`server`",
    fields: &[&[
        optional("command", TEXTS, "the program and its arguments"),
        optional("url", Type::Text, "where it is reached"),
        optional("digest", Type::Text, "`sha256:...` of what runs there"),
    ]],
    may_be_empty: true,
};

static ENDPOINT: Form = Form {
    what: "an endpoint",
    fields: &[&[
        optional("url", Type::Text, "where it is reached"),
        optional("credential", Type::Text, "the credential that it is reached with"),
    ]],
    may_be_empty: false,
};

/// What an action and a variant both may say.
const CLASS: &[Field] = &[
    optional("effect", Type::OneOf(EFFECTS), "`read`, `write` or `destructive`"),
    optional("external", Type::Bool, "whether it is seen outside the organisation"),
    optional("reversible", Type::Bool, "whether it can be undone"),
    READS,
    RESOURCES,
];

pub(super) static ACTION: Form = Form {
    what: "an action",
    fields: &[
        CLASS,
        &[
            DESCRIPTION,
            optional(
                "params",
                Type::MaybeEmptyMap(&Type::ForeignName, &Type::Parameter),
                "the call's arguments: name to type",
            ),
            optional(
                "variants",
                Type::Map(&Type::Word, &Type::Fields(&VARIANT)),
                "the actions that this one call can be, tried in order",
            ),
            optional(
                "unconfirmed",
                Type::OneOf(UNCONFIRMED),
                "why somebody has to confirm what it does: an error until it is removed",
            ),
            optional(
                "definition",
                Type::Fields(&DEFINITION),
                "what the server said of it when it was imported",
            ),
        ],
    ],
    // What is missing is said with more words than "empty".
    may_be_empty: true,
};

const UNCONFIRMED: &[&str] = &["proposed", "changed", "gone"];

static DEFINITION: Form = Form {
    what: "`definition`",
    fields: &[&[
        optional(
            "hints",
            Type::Fields(&HINTS),
            "the annotations of the server, which bind nobody",
        ),
        optional("digest", Type::Text, "`sha256:...` of the whole definition"),
    ]],
    may_be_empty: false,
};

/// Named as MCP names them.
static HINTS: Form = Form {
    what: "`hints`",
    fields: &[&[
        optional("readOnlyHint", Type::Bool, "the server says that it changes nothing"),
        optional("destructiveHint", Type::Bool, "the server says that it may destroy"),
        optional("idempotentHint", Type::Bool, "the server says that twice is as once"),
        optional(
            "openWorldHint",
            Type::Bool,
            "the server says that it reaches beyond itself",
        ),
    ]],
    may_be_empty: false,
};

pub(super) static VARIANT: Form = Form {
    what: "a variant",
    fields: &[
        CLASS,
        &[
            DESCRIPTION,
            optional("when", Type::Condition, "which calls it takes; absent: every call"),
        ],
    ],
    may_be_empty: true,
};

pub(super) fn tool(reader: &mut Reader<'_>, fields: &mut Fields) -> Tool {
    let endpoints = fields.map_of_forms("endpoints").into_iter();
    let endpoints = endpoints.map(|(environment, mut fields)| {
        let endpoint = Endpoint {
            span: fields.span,
            url: reader.written(fields.text("url"), &URL),
            credential: fields.text("credential"),
        };
        (environment, endpoint)
    });
    let endpoints = endpoints.collect();
    let (actions, mut unread) = fields.map_with_holes("actions");
    Tool {
        description: fields.text("description"),
        server: fields.fields("server").map(|server| self::server(reader, server)),
        strict: fields.bool("strict"),
        endpoints,
        reads: fields.texts("reads"),
        resources: fields.texts("resources"),
        resource: fields.fields("resource").map(|mut resource| ResourceType {
            attributes: parameters(&mut resource, "attributes").0,
            within: resource.texts("in").unwrap_or_default(),
        }),
        actions: actions
            .into_iter()
            .map(|(name, fields)| action(reader, name, fields, &mut unread))
            .collect(),
        unread,
    }
}

fn server(reader: &mut Reader<'_>, mut fields: Fields) -> Server {
    let wrong = match (fields.key("command"), fields.key("url")) {
        (Some(_), Some(url)) => Some((
            "`server` has both `command` and `url`",
            url,
            "keep the one that is used",
        )),
        (None, None) => Some((
            "`server` has neither `command` nor `url`",
            fields.at,
            "say how it is started or reached; leave `server` out if the tool is built in to the agent",
        )),
        _ => None,
    };
    if let Some((message, at, help)) = wrong {
        reader
            .sink
            .push(Diagnostic::new(&codes::BAD_SERVER, message, at, "").with_help(help));
    }
    Server {
        span: fields.span,
        command: fields.texts("command"),
        url: reader.written(fields.text("url"), &URL),
        digest: fields.text("digest"),
    }
}

fn action(reader: &mut Reader<'_>, name: Text, mut fields: Fields, unread: &mut Vec<String>) -> (Text, Action) {
    let here = Written::of(&fields);
    let split = fields.has("variants");
    let class = class(&mut fields);
    if !split {
        here.complete(reader, &format!("action `{}`", name.value), &class, &name);
    }
    let mut variants = Vec::new();
    for (variant, mut fields) in fields.map_of_forms("variants") {
        let written = here.or(Written::of(&fields));
        let own = self::class(&mut fields);
        let joined = ActionClass {
            effect: own.effect.or(class.effect),
            ..ActionClass::default()
        };
        written.complete(
            reader,
            &format!("variant `{}/{}`", name.value, variant.value),
            &joined,
            &variant,
        );
        if fields.is_hole("when") {
            // Which calls it takes is not known. It would take all without.
            unread.push(format!("{}/{}", name.value, variant.value));
            continue;
        }
        let when = fields.text("when");
        variants.push((variant, Variant { when, class: own }));
    }
    let unconfirmed = fields.word("unconfirmed", unconfirmed);
    if let Some(mark) = unconfirmed {
        self::unconfirmed_effect(reader, &name, mark);
    }
    let all_unread = fields.is_hole("params");
    let (params, names) = parameters(&mut fields, "params");
    let action = Action {
        description: fields.text("description"),
        class,
        params,
        unread: Unread { all: all_unread, names },
        variants,
        unconfirmed,
        definition: fields.fields("definition").map(definition),
    };
    (name, action)
}

fn unconfirmed(word: &str) -> Option<Unconfirmed> {
    let all = [Unconfirmed::Proposed, Unconfirmed::Changed, Unconfirmed::Gone];
    all.into_iter().find(|mark| mark.as_str() == word)
}

/// What a server says of itself is a proposal. It counts once a person has removed the mark, in a change of theirs.
fn unconfirmed_effect(reader: &mut Reader<'_>, name: &Text, mark: Spanned<Unconfirmed>) {
    let name = &name.value;
    let (message, help) = match mark.value {
        Unconfirmed::Proposed => (
            format!("what `{name}` does was proposed by an import, and nobody has confirmed it"),
            "find out what it does, mend `effect`, `external` and `reversible`, and remove `unconfirmed`",
        ),
        Unconfirmed::Changed => (
            format!("the server defines `{name}` otherwise than when it was confirmed"),
            "see whether `effect`, `external`, `reversible` and `params` still hold, and remove `unconfirmed`",
        ),
        Unconfirmed::Gone => (
            format!("the server does not list `{name}` any more"),
            "remove the action, or `unconfirmed` if the server has it all the same",
        ),
    };
    let found = Diagnostic::new(&UNCONFIRMED_EFFECT, message, mark.span, "not confirmed");
    reader.sink.push(found.with_help(help));
}

fn definition(mut fields: Fields) -> Definition {
    let mut hints = Hints::default();
    if let Some(mut written) = fields.fields("hints") {
        let mut hint = |name| written.bool(name).map(|hint| hint.value);
        hints = Hints {
            read_only: hint("readOnlyHint"),
            destructive: hint("destructiveHint"),
            idempotent: hint("idempotentHint"),
            open_world: hint("openWorldHint"),
        };
    }
    Definition {
        hints,
        digest: fields.text("digest"),
    }
}

/// Names and types, and the names of those whose types could not be read.
fn parameters(fields: &mut Fields, field: &str) -> (Vec<(Text, Param)>, Vec<String>) {
    let (mut params, mut unread) = (Vec::new(), Vec::new());
    for (name, read) in fields.map(field) {
        match read.into_parameter() {
            Some(param) => params.push((name, param)),
            None => unread.push(name.value),
        }
    }
    unread.sort();
    (params, unread)
}

fn class(fields: &mut Fields) -> ActionClass {
    ActionClass {
        effect: fields.word("effect", effect),
        external: fields.bool("external"),
        reversible: fields.bool("reversible"),
        reads: fields.texts("reads"),
        resources: fields.texts("resources"),
    }
}

/// Which parts of a classification were written, broken or not.
#[derive(Clone, Copy)]
struct Written {
    effect: bool,
    external: bool,
    reversible: bool,
}

impl Written {
    fn of(fields: &Fields) -> Self {
        Self {
            effect: fields.has("effect"),
            external: fields.has("external"),
            reversible: fields.has("reversible"),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            effect: self.effect || other.effect,
            external: self.external || other.external,
            reversible: self.reversible || other.reversible,
        }
    }

    /// An action says what it does, and unless it only reads, whether it is seen and whether it can be undone.
    fn complete(self, reader: &mut Reader<'_>, what: &str, class: &ActionClass, name: &Text) {
        let changes = class.effect.as_ref().is_some_and(|effect| effect.value != Effect::Read);
        let mut missing = Vec::new();
        if !self.effect {
            missing.push("`effect`");
        }
        if changes && !self.external {
            missing.push("`external`");
        }
        if changes && !self.reversible {
            missing.push("`reversible`");
        }
        if missing.is_empty() {
            return;
        }
        let message = format!("{what} does not say its {}", missing.join(" and "));
        let found = Diagnostic::new(&codes::UNCLASSIFIED_ACTION, message, name.span, "not classified");
        reader.sink.push(if self.effect {
            found.with_help(
                "an action that changes something says `external: true` or `false`, and `reversible: true` or `false`",
            )
        } else {
            found.with_help("add `effect`: `read`, `write` or `destructive`")
        });
    }
}
