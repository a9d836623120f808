//! The fourteen selectors, wherever they stand, and the selectors of changes.

use polity_runtime::value::Effect;

use super::fields::{Fields, Read, texts};
use super::form::{Field, Form, TEXTS, Type, optional};
use super::notation::PATHS;
use super::reader::Reader;
use crate::ast::{ChangeSelector, Resources, Selector};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;

/// The fields of every selector.
pub(super) static SELECTOR: &[Field] = &[
    optional(
        "agents",
        TEXTS,
        "agents in every team, or `team/agent` for one deployment",
    ),
    optional("teams", TEXTS, "teams"),
    optional("rings", TEXTS, "rings that the agent runs in"),
    optional(
        "tags",
        Type::Map(&Type::Word, &TEXTS),
        "tags of the agent: key to list of values",
    ),
    optional("environments", TEXTS, "environments"),
    optional("tools", TEXTS, "tools; `[\"*\"]` for all"),
    optional(
        "actions",
        TEXTS,
        "actions by full name or glob: `*` stays between dots, `**` crosses them; `[\"*\"]` for all",
    ),
    optional("effects", Type::Effects, "read, write, destructive; `[\"*\"]` for all"),
    optional(
        "external",
        Type::Bool,
        "whether the action is seen outside the organisation",
    ),
    optional("reversible", Type::Bool, "whether the action can be undone"),
    optional("credentials", TEXTS, "credentials that are obtained"),
    optional(
        "resources",
        TEXTS,
        "globs over what the call touches: `*` stays between slashes, `**` crosses them, so `[\"**\"]` is all; or `[team.owns]`",
    ),
    optional("holding", TEXTS, "data classes that the session has read"),
    optional(
        "on_behalf_of",
        TEXTS,
        "people or groups that the agent works for, or `none`",
    ),
];

/// A selector that stands alone.
pub(super) static SELECTOR_FORM: Form = Form {
    what: "a selector",
    fields: &[SELECTOR],
    may_be_empty: false,
};

static CHANGE: &[Field] = &[
    optional("widens", Type::Bool, "the change allows more"),
    optional("narrows", Type::Bool, "the change allows less"),
    optional("kinds", Type::List(&CHANGE_KIND), "kinds of the documents that change"),
    optional("paths", TEXTS, "globs over the files that change"),
    optional("author", Type::OneOf(&["agent"]), "who wrote the change: `agent`"),
];

static CHANGE_KIND: Type = Type::OneOf(super::CHANGE_KINDS);

static ALTERNATIVE: Form = Form {
    what: "an alternative",
    fields: &[CHANGE, SELECTOR],
    may_be_empty: false,
};

/// `when` of an approval rule.
pub(super) static CHANGE_SELECTOR: Form = Form {
    what: "a selector of changes",
    fields: &[
        CHANGE,
        SELECTOR,
        &[optional(
            "any",
            Type::List(&Type::Fields(&ALTERNATIVE)),
            "alternatives, each a selector of changes",
        )],
    ],
    may_be_empty: false,
};

/// Takes the selectors out of a form that has them. Where one of them could not be read, nobody knows which calls are
/// meant: it takes none, so that nothing is said of calls that it would never have taken.
pub(super) fn selector(fields: &mut Fields) -> Selector {
    let broken = SELECTOR.iter().any(|field| fields.is_hole(field.name));
    let mut selector = Selector {
        span: Some(fields.span),
        agents: fields.texts("agents"),
        teams: fields.texts("teams"),
        rings: fields.texts("rings"),
        tags: fields.has("tags").then(|| {
            let tags = fields.map("tags").into_iter();
            tags.filter_map(|(key, values)| match values.value {
                Read::List(values) => Some((key, texts(values))),
                _ => None,
            })
            .collect()
        }),
        environments: fields.texts("environments"),
        tools: fields.texts("tools"),
        actions: fields.texts("actions"),
        effects: fields.words("effects", effect),
        external: fields.bool("external"),
        reversible: fields.bool("reversible"),
        credentials: fields.texts("credentials"),
        resources: resources(fields),
        holding: fields.texts("holding"),
        on_behalf_of: fields.texts("on_behalf_of"),
    };
    if broken {
        selector.actions.get_or_insert_default().clear();
    }
    selector
}

/// Takes no call.
pub(super) fn nothing() -> Selector {
    Selector {
        actions: Some(Vec::new()),
        ..Selector::default()
    }
}

/// The selector under a key.
pub(super) fn nested(fields: &mut Fields, name: &str) -> Option<Selector> {
    fields.fields(name).map(|mut nested| selector(&mut nested))
}

/// Whether any selector was written.
pub(super) fn is_selective(fields: &Fields) -> bool {
    SELECTOR.iter().any(|field| fields.has(field.name))
}

/// `team.owns` stands for what the deployment's team owns; anything else is a glob.
fn resources(fields: &mut Fields) -> Option<Resources> {
    let list = fields.list("resources")?;
    let (owns, globs): (Vec<_>, Vec<_>) = texts(list.value)
        .into_iter()
        .partition(|glob| glob.value == "team.owns");
    Some(Resources {
        span: list.span,
        globs,
        team_owns: owns.first().map(|entry| entry.span),
    })
}

/// The alternatives of an approval rule's `when`.
pub(super) fn changes(reader: &mut Reader<'_>, mut fields: Fields) -> Vec<ChangeSelector> {
    let Some(any) = fields.key("any") else {
        return vec![change(reader, fields)];
    };
    if let Some(beside) = fields.slots.iter().find(|slot| slot.name != "any") {
        let message = format!("`any` stands alone, and `{}` is beside it", beside.name);
        let found = Diagnostic::new(&codes::ANY_NOT_ALONE, message, beside.key, "beside `any`")
            .with_related(any, "the alternatives are here");
        reader.sink.push(found.with_help(format!(
            "repeat `{}` in each alternative that it is meant for",
            beside.name
        )));
    }
    let any = fields.forms("any").into_iter();
    any.map(|fields| change(reader, fields)).collect()
}

fn change(reader: &mut Reader<'_>, mut fields: Fields) -> ChangeSelector {
    ChangeSelector {
        span: fields.span,
        widens: fields.bool("widens"),
        narrows: fields.bool("narrows"),
        kinds: fields.texts("kinds"),
        paths: fields.texts("paths").map(|paths| {
            let read = paths.into_iter().map(|path| reader.written(Some(path), &PATHS));
            read.flatten().collect()
        }),
        author: fields.text("author"),
        selector: selector(&mut fields),
    }
}

/// An effect by its name.
pub(super) fn effect(word: &str) -> Option<Effect> {
    match word {
        "read" => Some(Effect::Read),
        "write" => Some(Effect::Write),
        "destructive" => Some(Effect::Destructive),
        _ => None,
    }
}
