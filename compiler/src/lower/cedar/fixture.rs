//! A small organisation for the tests: two tools, a credential, and arguments of most types.

use polity_runtime::value::{Effect, Slot};

use crate::lower::vocabulary::{Vocabulary, VocabularyAction};
use crate::resolve::shape::{Parameter, Shape, ShapeId, Type};

/// Parameters from names and types (`?` ends an optional one's name), slots numbered in order.
pub(super) fn shape(list: Vec<(&str, Type)>) -> Shape {
    let mut slots = 0;
    let parameters = parameters(list, &mut slots);
    Shape {
        parameters,
        slots,
        ..Shape::default()
    }
}

fn parameters(mut list: Vec<(&str, Type)>, slots: &mut u16) -> Vec<Parameter> {
    list.sort_by(|a, b| a.0.cmp(b.0));
    let mut numbered = Vec::new();
    for (name, ty) in list {
        let slot = Slot(*slots);
        *slots += 1;
        let optional = name.ends_with('?');
        let ty = renumber(ty, slots);
        numbered.push(Parameter {
            name: name.trim_end_matches('?').to_owned(),
            ty,
            optional,
            slot,
        });
    }
    numbered
}

fn renumber(ty: Type, slots: &mut u16) -> Type {
    let mut again = |fields: Vec<Parameter>| {
        fields
            .into_iter()
            .map(|mut field| {
                field.slot = Slot(*slots);
                *slots += 1;
                field
            })
            .collect()
    };
    match ty {
        Type::Record(fields) => Type::Record(again(fields)),
        Type::Url(fields) => Type::Url(again(fields)),
        Type::Email(fields) => Type::Email(again(fields)),
        ty => ty,
    }
}

pub(super) fn record(list: Vec<(&str, Type)>) -> Type {
    Type::Record(parameters(list, &mut 0))
}

pub(super) fn text() -> Type {
    Type::String { fold: false }
}

pub(super) fn folded() -> Type {
    Type::String { fold: true }
}

fn url() -> Type {
    let Type::Record(fields) = record(vec![
        ("host", text()),
        ("path", text()),
        ("port", Type::Int),
        ("scheme", text()),
    ]) else {
        unreachable!()
    };
    Type::Url(fields)
}

fn action(name: &str, tool: &str, effect: Effect, external: bool, shape: u32, has_resources: bool) -> VocabularyAction {
    VocabularyAction {
        name: name.into(),
        tool: tool.into(),
        effect,
        external,
        shape: ShapeId(shape),
        has_resources,
        reversible: true,
        resources: Vec::new(),
    }
}

pub(super) fn vocabulary() -> Vocabulary {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let enumerated = Type::Enum(names(&["merge", "rebase", "squash"]));
    Vocabulary {
        deployments: names(&["payments/claude-code", "payments/refund-bot"]),
        agents: names(&["claude-code", "refund-bot"]),
        teams: names(&["payments", "platform"]),
        rings: names(&["sandboxed", "standard", "trusted"]),
        environments: names(&["development", "production"]),
        tags: names(&["tier"]),
        data_classes: names(&["customer-data", "source-code"]),
        tools: names(&["billing", "github"]),
        actions: vec![
            action("billing.refund", "billing", Effect::Write, true, 0, false),
            action("credential.billing-db", "credential", Effect::Read, false, 2, false),
            action("github.merge_pull_request", "github", Effect::Write, true, 1, true),
            action("github.review/approve", "github", Effect::Write, true, 1, true),
        ],
        shapes: vec![
            shape(vec![
                ("amount", Type::Int),
                ("currency", text()),
                ("note?", text()),
                ("price", Type::Decimal),
                ("command", text()),
            ]),
            shape(vec![
                ("blob?", Type::Opaque),
                ("draft", Type::Bool),
                ("file", Type::Path),
                ("from", Type::Ip),
                ("host", Type::Host),
                ("link", url()),
                ("method?", enumerated),
                ("number", Type::Int),
                ("owner", folded()),
                ("position?", record(vec![("line", Type::Int), ("side?", text())])),
                ("repo", text()),
                ("reviewers?", Type::List(Box::new(text()))),
                ("to_hosts", Type::Hosts),
                ("until", Type::DateTime),
            ]),
            shape(vec![]),
        ],
        unread: crate::resolve::Unread::default(),
    }
}
