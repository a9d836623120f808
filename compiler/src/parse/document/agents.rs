//! Who acts and with what: Agent, Deployment, Kill, Use.

use super::fields::{Fields, Read};
use super::form::{DESCRIPTION, Form, TEXTS, Type, optional, required};
use super::notation::VERSIONS;
use super::people::NAMED;
use super::places::{ENFORCEMENT, enforcement};
use super::reader::Reader;
use crate::ast::{Agent, Deployment, Kill, Placement, Product, Unread, Use};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;
use crate::source::Spanned;

pub(super) static AGENT: Form = Form {
    what: "an Agent",
    fields: &[
        NAMED,
        &[
            required("owner", Type::Text, "the person who answers for it"),
            optional("product", Type::Fields(&PRODUCT), "what runs"),
            optional("git", Type::Fields(&KEYS), "keys that sign its commits"),
            optional("identity", Type::Fields(&KEYS), "keys that prove to its host who it is"),
            optional(
                "tags",
                Type::Map(&Type::Word, &Type::Text),
                "key to value, for selectors and conditions",
            ),
            optional("review_by", Type::Moment, "when somebody looks at it again"),
            optional(
                "kill_contact",
                Type::Text,
                "the person or group that may stop it at once",
            ),
        ],
    ],
    may_be_empty: false,
};

static PRODUCT: Form = Form {
    what: "`product`",
    fields: &[&[
        required("name", Type::Text, "the product's name"),
        optional("versions", Type::Text, "which versions, such as `\">=2.1\"`"),
        optional("models", TEXTS, "which models, as globs"),
    ]],
    may_be_empty: true,
};

static KEYS: Form = Form {
    what: "this mapping",
    fields: &[&[required("keys", TEXTS, "public keys")]],
    may_be_empty: true,
};

pub(super) fn agent(reader: &mut Reader<'_>, fields: &mut Fields) -> Agent {
    let mut tags_unread = fields.is_hole("tags");
    let mut tags = Vec::new();
    for (key, value) in fields.map("tags") {
        match value.into_text() {
            Some(value) => tags.push((key, value)),
            None => tags_unread = true,
        }
    }
    Agent {
        description: fields.text("description"),
        owner: fields.text("owner"),
        product: fields.fields("product").map(|mut product| Product {
            name: product.text("name"),
            versions: reader.written(product.text("versions"), &VERSIONS),
            models: product.texts("models").unwrap_or_default(),
        }),
        git_keys: fields
            .fields("git")
            .and_then(|mut git| git.texts("keys"))
            .unwrap_or_default(),
        identity_keys: fields
            .fields("identity")
            .and_then(|mut identity| identity.texts("keys"))
            .unwrap_or_default(),
        tags,
        tags_unread,
        review_by: fields.moment("review_by"),
        kill_contact: fields.text("kill_contact"),
    }
}

pub(super) static DEPLOYMENT: Form = Form {
    what: "a Deployment",
    fields: &[&[
        required("kind", Type::Text, "which kind of document this is"),
        DESCRIPTION,
        required("agent", Type::Text, "the agent that works here"),
        optional("team", Type::Text, "the team that it works for; implied under `teams/`"),
        required(
            "environments",
            Type::Map(&Type::Name, &Type::Fields(&PLACEMENT)),
            "where it works: environment to ring, tools and credentials",
        ),
    ]],
    may_be_empty: false,
};

static PLACEMENT: Form = Form {
    what: "a deployment's environment",
    fields: &[&[
        required("ring", Type::Text, "the ring that it runs in"),
        optional("tools", TEXTS, "the tools that it is given"),
        optional("credentials", TEXTS, "the credentials that it is given"),
        optional(
            "enforced_by",
            ENFORCEMENT,
            "where its calls are stopped; absent: nowhere",
        ),
        optional("until", Type::Moment, "when the deployment ends"),
    ]],
    may_be_empty: true,
};

pub(super) fn deployment(reader: &mut Reader<'_>, fields: &mut Fields) -> Deployment {
    let team = fields.text("team");
    match (&reader.team, &team) {
        (Some(folder), Some(team)) if *folder != team.value => {
            let message = format!("a Deployment of team `{}` under `teams/{folder}/`", team.value);
            let found = Diagnostic::new(&codes::TEAM_MISMATCH, message, team.span, "another team");
            let help = format!("leave `team` out, or move the document to `teams/{}/`", team.value);
            reader.sink.push(found.with_help(help));
        }
        (None, None) if !fields.has("team") => {
            reader.missing(
                fields,
                "team",
                "outside `teams/` a Deployment names the team that it works for",
            );
        }
        _ => {}
    }
    let environments = fields.map_of_forms("environments").into_iter();
    Deployment {
        agent: fields.text("agent"),
        team,
        environments: environments
            .map(|(environment, mut fields)| {
                let placement = Placement {
                    span: fields.span,
                    unread: fields.is_hole("enforced_by"),
                    ring: fields.text("ring"),
                    tools: fields.texts("tools").unwrap_or_default(),
                    credentials: fields.texts("credentials").unwrap_or_default(),
                    enforced_by: fields.word("enforced_by", enforcement),
                    until: fields.moment("until"),
                };
                (environment, placement)
            })
            .collect(),
    }
}

pub(super) static KILL: Form = Form {
    what: "a Kill",
    fields: &[
        NAMED,
        &[
            optional("agents", TEXTS, "agents, or `team/agent`"),
            optional("teams", TEXTS, "teams"),
            optional("tools", TEXTS, "tools"),
            optional("environments", TEXTS, "environments"),
            optional("everything", Type::Bool, "`true` stops everything"),
            required("reason", Type::Prose, "why"),
        ],
    ],
    may_be_empty: false,
};

/// What a Kill may name, `everything` apart.
pub(super) const KILLED: &[&str] = &["agents", "teams", "tools", "environments"];

pub(super) fn kill(reader: &mut Reader<'_>, fields: &mut Fields) -> Kill {
    let names = KILLED.iter().any(|name| fields.has(name));
    let written = fields.has("everything");
    let everything = fields.bool("everything");
    // A value that is broken has its own diagnostic: only a `false` that was understood kills nothing.
    let kills = names || (written && everything.as_ref().is_none_or(|everything| everything.value));
    if !kills {
        let found = Diagnostic::new(
            &codes::EMPTY_KILL,
            "a Kill that kills nothing",
            fields.at,
            "nothing is killed",
        );
        reader
            .sink
            .push(found.with_help("name `agents`, `teams`, `tools` or `environments`, or say `everything: true`"));
    }
    Kill {
        agents: fields.texts("agents"),
        teams: fields.texts("teams"),
        tools: fields.texts("tools"),
        environments: fields.texts("environments"),
        everything,
        reason: fields.text("reason"),
    }
}

pub(super) static USE: Form = Form {
    what: "a Use",
    fields: &[
        NAMED,
        &[
            required("template", Type::Text, "the template that is filled in"),
            optional(
                "with",
                Type::MaybeEmptyMap(&Type::ForeignName, &Type::Json),
                "its parameters: name to value",
            ),
        ],
    ],
    may_be_empty: false,
};

pub(super) fn filled(_: &mut Reader<'_>, fields: &mut Fields) -> Use {
    let mut unread = Unread {
        all: fields.is_hole("with"),
        names: Vec::new(),
    };
    let mut with = Vec::new();
    for (name, value) in fields.map("with") {
        match value.value {
            Read::Text(json) => with.push((name, Spanned::new(json, value.span))),
            _ => unread.names.push(name.value),
        }
    }
    Use {
        template: fields.text("template"),
        with,
        unread,
    }
}
