//! Who there is: Organization, Person, Group, Forge, Team.

use super::fields::Fields;
use super::form::{DESCRIPTION, Field, Form, TEXTS, Type, optional, required};
use super::notation::EMAIL;
use super::reader::Reader;
use super::selector::effect;
use crate::ast::{Ceiling, Forge, Group, Organization, Person, Team};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;

/// What every named document has.
pub(super) const NAMED: &[Field] = &[
    required("kind", Type::Text, "which kind of document this is"),
    required("name", Type::Name, "unique within the kind"),
    DESCRIPTION,
];

pub(super) static ORGANIZATION: Form = Form {
    what: "an Organization",
    fields: &[
        NAMED,
        &[
            required("polity", Type::Text, "the edition, `v1`"),
            required("owners", TEXTS, "people or groups that approve whatever no rule covers"),
            optional("sole_owner", Type::Bool, "whether one owner is enough"),
            optional("bundle", Type::Fields(&BUNDLE), "how long a bundle holds"),
            optional(
                "lints",
                Type::Map(&Type::Name, &Type::OneOf(&["allow", "warn", "deny"])),
                "levels of lints: code to `allow`, `warn` or `deny`",
            ),
        ],
    ],
    may_be_empty: false,
};

static BUNDLE: Form = Form {
    what: "`bundle`",
    fields: &[&[
        optional("lifetime", Type::Duration, "how long a bundle holds; absent: 7 days"),
        optional(
            "grace",
            Type::Fields(&GRACE),
            "what holds for a while after the lifetime; absent: nothing",
        ),
    ]],
    may_be_empty: false,
};

static GRACE: Form = Form {
    what: "`grace`",
    fields: &[&[
        required("for", Type::Duration, "how long"),
        required("effects", Type::Effects, "which effects are still decided"),
    ]],
    may_be_empty: true,
};

/// The editions that this compiler knows.
pub(super) const EDITIONS: &[&str] = &["v1"];

pub(super) fn organization(reader: &mut Reader<'_>, fields: &mut Fields) -> Organization {
    let edition = fields.text("polity");
    if let Some(edition) = edition
        .as_ref()
        .filter(|edition| !EDITIONS.contains(&edition.value.as_str()))
    {
        let message = format!("there is no edition `{}`", edition.value);
        let found = Diagnostic::new(&codes::UNKNOWN_EDITION, message, edition.span, "unknown edition");
        reader
            .sink
            .push(found.with_help(format!("this compiler knows `{}`", EDITIONS.join("`, `"))));
    }
    let mut bundle = fields.fields("bundle");
    let mut grace = bundle.as_mut().and_then(|bundle| bundle.fields("grace"));
    Organization {
        edition,
        owners: fields.texts("owners").unwrap_or_default(),
        sole_owner: fields.bool("sole_owner"),
        bundle_lifetime: bundle.as_mut().and_then(|bundle| bundle.duration("lifetime")),
        grace_for: grace.as_mut().and_then(|grace| grace.duration("for")),
        grace_effects: grace
            .and_then(|mut grace| grace.words("effects", effect))
            .unwrap_or_default(),
        lints: fields.map_of_texts("lints"),
    }
}

pub(super) static PERSON: Form = Form {
    what: "a Person",
    fields: &[
        NAMED,
        &[
            optional("email", Type::Text, "where the person is reached"),
            optional("keys", TEXTS, "SSH public keys that sign approvals"),
        ],
    ],
    may_be_empty: false,
};

pub(super) fn person(reader: &mut Reader<'_>, fields: &mut Fields) -> Person {
    Person {
        email: reader.written(fields.text("email"), &EMAIL),
        keys: fields.texts("keys").unwrap_or_default(),
    }
}

pub(super) static GROUP: Form = Form {
    what: "a Group",
    fields: &[NAMED, &[optional("members", TEXTS, "people or groups")]],
    may_be_empty: false,
};

pub(super) fn group(_: &mut Reader<'_>, fields: &mut Fields) -> Group {
    Group {
        members: fields.texts("members").unwrap_or_default(),
    }
}

pub(super) static FORGE: Form = Form {
    what: "a Forge",
    fields: &[
        NAMED,
        &[required("keys", TEXTS, "SSH public keys that sign its merges")],
    ],
    may_be_empty: false,
};

pub(super) fn forge(_: &mut Reader<'_>, fields: &mut Fields) -> Forge {
    Forge {
        keys: fields.texts("keys").unwrap_or_default(),
    }
}

pub(super) static TEAM: Form = Form {
    what: "a Team",
    fields: &[
        NAMED,
        &[
            required("owners", TEXTS, "people or groups that answer for the team"),
            optional("owns", TEXTS, "globs over resources: `team.owns` in any rule"),
            optional(
                "ceiling",
                Type::Fields(&CEILING),
                "what its deployments can have at most",
            ),
        ],
    ],
    may_be_empty: false,
};

static CEILING: Form = Form {
    what: "`ceiling`",
    fields: &[&[
        optional("rings", TEXTS, "rings at most"),
        optional("tools", TEXTS, "tools at most"),
    ]],
    may_be_empty: false,
};

pub(super) fn team(_: &mut Reader<'_>, fields: &mut Fields) -> Team {
    Team {
        owners: fields.texts("owners").unwrap_or_default(),
        owns: fields.texts("owns").unwrap_or_default(),
        ceiling: fields.fields("ceiling").map(|mut ceiling| Ceiling {
            unread: ["rings", "tools"].iter().any(|name| ceiling.is_partial(name)),
            rings: ceiling.texts("rings"),
            tools: ceiling.texts("tools"),
        }),
    }
}
