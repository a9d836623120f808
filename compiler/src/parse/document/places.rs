//! Where agents work and what they may reach there: Environment, Ring, DataClass, Credential.

use super::fields::Fields;
use super::form::{Form, TEXTS, Type, optional, required};
use super::people::NAMED;
use super::reader::Reader;
use super::selector::effect;
use crate::ast::{Credential, DataClass, Enforcement, Environment, Isolation, Ring, RingLimits};

pub(super) static ENVIRONMENT: Form = Form {
    what: "an Environment",
    fields: &[
        NAMED,
        &[
            required(
                "rank",
                Type::Int(0),
                "a whole number; reaching a higher rank is widening",
            ),
            optional("rings", TEXTS, "which rings may run here; absent: all"),
            optional(
                "enforced_by",
                Type::List(&ENFORCEMENT),
                "what a deployment must name to be admitted; absent: anything but none and external",
            ),
            optional("credentials", Type::Fields(&CREDENTIALS), "bounds on credentials"),
        ],
    ],
    may_be_empty: false,
};

static CREDENTIALS: Form = Form {
    what: "`credentials` of an Environment",
    fields: &[&[required(
        "max_ttl",
        Type::Duration,
        "how long a credential lives at most",
    )]],
    may_be_empty: true,
};

/// Where calls are stopped.
pub(super) const ENFORCEMENT: Type = Type::OneOf(&["embedded", "hook", "gateway", "container", "external", "none"]);

/// A kind of enforcement by its name.
pub(super) fn enforcement(word: &str) -> Option<Enforcement> {
    match word {
        "embedded" => Some(Enforcement::Embedded),
        "hook" => Some(Enforcement::Hook),
        "gateway" => Some(Enforcement::Gateway),
        "container" => Some(Enforcement::Container),
        "external" => Some(Enforcement::External),
        "none" => Some(Enforcement::None),
        _ => None,
    }
}

pub(super) fn environment(_: &mut Reader<'_>, fields: &mut Fields) -> Environment {
    let unread = ["rings", "enforced_by"].iter().any(|name| fields.is_partial(name));
    Environment {
        unread,
        rank: fields.int("rank"),
        rings: fields.texts("rings"),
        enforced_by: fields.words("enforced_by", enforcement),
        credentials_max_ttl: fields
            .fields("credentials")
            .and_then(|mut bounds| bounds.duration("max_ttl")),
    }
}

pub(super) static RING: Form = Form {
    what: "a Ring",
    fields: &[
        NAMED,
        &[
            required("level", Type::Int(0), "a whole number; 0 is the most privileged"),
            required(
                "effects",
                Type::Effects,
                "the most that an agent in this ring can ever do",
            ),
            optional(
                "irreversible",
                Type::Bool,
                "whether it may do what cannot be undone; absent: as in the built-in ring of that name, else `false`",
            ),
            optional(
                "limits",
                Type::Fields(&LIMITS),
                "how much it may call; what is absent is as in the built-in ring of that name, else as in `sandboxed`",
            ),
            optional(
                "isolation",
                Type::Fields(&ISOLATION),
                "how its process is confined; what is absent is as in the built-in ring of that name, else as in `sandboxed`",
            ),
        ],
    ],
    may_be_empty: false,
};

static LIMITS: Form = Form {
    what: "`limits`",
    fields: &[&[
        optional("rate", Type::Rate, "calls in a time"),
        optional("burst", Type::Int(1), "calls at once"),
        optional("concurrent", Type::Int(1), "calls that run at the same time"),
    ]],
    may_be_empty: false,
};

/// An empty list says "none", where an absent one leaves it to the built-in ring.
const LISTED: Type = Type::MaybeEmpty(&Type::Text);

static ISOLATION: Form = Form {
    what: "`isolation`",
    fields: &[&[
        optional("user", Type::Text, "`nonroot`, or a user"),
        optional(
            "rootfs",
            Type::OneOf(&["read-only", "writable"]),
            "`read-only` or `writable`",
        ),
        optional("tmpfs", LISTED, "paths in memory"),
        optional("writable", LISTED, "paths that can be written"),
        optional("capabilities", LISTED, "Linux capabilities that are kept"),
        optional("seccomp", Type::Text, "`default`, or a profile"),
        optional("hosts", LISTED, "hosts that can be reached"),
        optional("subprocess", Type::Bool, "whether it may start processes"),
        optional("pids", Type::Int(1), "processes at most"),
        optional("memory", Type::Size, "memory at most"),
    ]],
    may_be_empty: false,
};

pub(super) fn ring(_: &mut Reader<'_>, fields: &mut Fields) -> Ring {
    Ring {
        level: fields.int("level"),
        effects: fields.words("effects", effect),
        irreversible: fields.bool("irreversible"),
        limits: fields
            .fields("limits")
            .map_or_else(RingLimits::default, |mut limits| RingLimits {
                rate: limits.rate("rate"),
                burst: limits.int("burst"),
                concurrent: limits.int("concurrent"),
            }),
        isolation: fields
            .fields("isolation")
            .map_or_else(Isolation::default, |mut isolation| Isolation {
                user: isolation.text("user"),
                rootfs: isolation.text("rootfs"),
                tmpfs: isolation.texts("tmpfs"),
                writable: isolation.texts("writable"),
                capabilities: isolation.texts("capabilities"),
                seccomp: isolation.text("seccomp"),
                hosts: isolation.texts("hosts"),
                subprocess: isolation.bool("subprocess"),
                pids: isolation.int("pids"),
                memory: isolation.int("memory"),
            }),
    }
}

pub(super) static DATA_CLASS: Form = Form {
    what: "a DataClass",
    fields: &[NAMED, &[required("owner", Type::Text, "the person who answers for it")]],
    may_be_empty: false,
};

pub(super) fn data_class(_: &mut Reader<'_>, fields: &mut Fields) -> DataClass {
    DataClass {
        owner: fields.text("owner"),
    }
}

pub(super) static CREDENTIAL: Form = Form {
    what: "a Credential",
    fields: &[
        NAMED,
        &[
            required("environments", TEXTS, "where it can be obtained"),
            required("max_ttl", Type::Duration, "how long it lives at most"),
            required("owner", Type::Text, "the person who answers for it"),
            optional(
                "issuer",
                Type::Map(&Type::ForeignName, &Type::Text),
                "who issues it, for reports",
            ),
        ],
    ],
    may_be_empty: false,
};

pub(super) fn credential(_: &mut Reader<'_>, fields: &mut Fields) -> Credential {
    Credential {
        unread: fields.is_partial("environments"),
        environments: fields.texts("environments").unwrap_or_default(),
        max_ttl: fields.duration("max_ttl"),
        owner: fields.text("owner"),
        issuer: fields.map_of_texts("issuer"),
    }
}
