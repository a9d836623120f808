//! Tools, what runs them, their actions, and credentials.

use std::collections::BTreeSet;

use polity_runtime::table::ToolId;
use polity_runtime::value::Slot;

use super::Direction::Neutral;
use super::value::Value;
use super::{Kind, Subject, View, document, grants};
use crate::ast::RuleEffect;
use crate::ir::ResourcePart;
use crate::resolve::shape::{Parameter, Shape, ShapeId, Type};
use crate::resolve::{Action, Base, Resource, Scope, Tool};

pub(super) fn items(view: &mut View<'_>) {
    let organization = view.organization;
    let placements = || {
        organization
            .deployments
            .iter()
            .flat_map(|deployment| &deployment.placements)
    };
    let given: BTreeSet<ToolId> = placements()
        .flat_map(|placement| placement.given.iter().copied())
        .collect();
    for (id, tool) in (0u32..).map(ToolId).zip(&organization.tools) {
        match &tool.credential {
            None => self::tool(view, tool, given.contains(&id)),
            Some(_) => credential(view, tool, given.contains(&id)),
        }
    }
    let lifting = holding_grants(view);
    for action in &organization.actions {
        self::action(view, action, lifting);
    }
    for base in &organization.bases {
        self::base(view, base);
    }
}

fn tool(view: &mut View<'_>, tool: &Tool, given: bool) {
    let subject = document("Tool", &tool.name);
    let [comes, goes] = grants(given);
    view.exists(&subject, Kind::Tool, comes, goes);
    view.put(&subject, Kind::Tool, "strict", Value::Yes(tool.strict));
    let server = tool.server.as_ref();
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Server, what, value);
    let command = server.and_then(|server| server.command.as_ref());
    let command = command.map(|words| words.iter().map(|word| format!("{:?}", word.value)).collect::<Vec<_>>());
    put(view, "server.command", Value::Any(command.map(|words| words.join(" "))));
    let url = server
        .and_then(|server| server.url.as_ref())
        .map(|url| url.value.clone());
    put(view, "server.url", Value::Any(url));
    let digest = server.and_then(|server| server.digest.as_ref());
    // A server that was any is now this one; that it is another one than before is no such thing.
    let digests = digest.map(|digest| BTreeSet::from([digest.value.clone()]));
    put(view, "server.digest", Value::Fewer(digests));
    for endpoint in &tool.endpoints {
        let subject = Subject {
            environment: Some(endpoint.environment.clone()),
            ..subject.clone()
        };
        let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Server, what, value);
        put(view, "endpoint.url", Value::Any(endpoint.url.clone()));
        put(view, "endpoint.credential", Value::Any(endpoint.credential.clone()));
    }
}

fn credential(view: &mut View<'_>, tool: &Tool, given: bool) {
    let Some(credential) = &tool.credential else { return };
    let subject = document("Credential", &credential.name.value);
    let [comes, goes] = grants(given);
    view.exists(&subject, Kind::Credential, comes, goes);
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Credential, what, value);
    let environments = credential.environments.iter().map(|id| view.environment(*id)).collect();
    put(view, "environments", Value::Fewer(Some(environments)));
    put(view, "max_ttl", Value::Shorter(Some(credential.max_ttl)));
    let owner = credential.owner.map(|owner| view.person(owner));
    put(view, "owner", Value::Any(owner));
    let issuer: BTreeSet<String> = credential
        .issuer
        .iter()
        .map(|(key, value)| format!("{key}: {value:?}"))
        .collect();
    let issuer: Vec<String> = issuer.into_iter().collect();
    put(view, "issuer", Value::Any(Some(issuer.join(", "))));
}

fn action(view: &mut View<'_>, action: &Action, lifting: bool) {
    let subject = self::subject(view, action.tool, &action.name);
    if subject.document != "Tool" {
        return;
    }
    // What it is answered with is in the cells, whether it is new or gone.
    view.exists(&subject, Kind::Tool, Neutral, Neutral);
    let put = |view: &mut View<'_>, kind, what, value| view.put(&subject, kind, what, value);
    // Rules and rings take hold of an action by its class: one that says it does less is held by fewer.
    let class = Value::Stricter(action.effect as i64, action.effect.as_str().to_owned());
    put(view, Kind::Tool, "effect", class);
    put(view, Kind::Tool, "external", Value::Yes(action.external));
    put(view, Kind::Tool, "reversible", Value::No(action.reversible));
    let reads: BTreeSet<String> = action
        .reads
        .iter()
        .filter_map(|id| view.organization.classes.get(id.0 as usize))
        .map(|class| class.name.value.clone())
        .collect();
    let reads = match lifting {
        // Somebody is granted more for what a session holds, so holding more is not stricter.
        true => Value::Any(Some(reads.into_iter().collect::<Vec<_>>().join(", "))),
        false => Value::More(reads),
    };
    put(view, Kind::DataClass, "reads", reads);
    let shape = view.organization.shapes.get(action.shape.0 as usize);
    let resources: BTreeSet<String> = action.resources.iter().map(|one| resource(one, shape)).collect();
    let resources: Vec<String> = resources.into_iter().collect();
    put(view, Kind::Tool, "resources", Value::Any(Some(resources.join(", "))));
    let params = parameters(view, action.shape);
    put(view, Kind::Tool, "params", Value::Any(Some(params)));
}

/// An action that is a list of variants.
fn base(view: &mut View<'_>, base: &Base) {
    let subject = self::subject(view, base.tool, &base.name);
    let variants = base.variants.iter().map(|(when, id)| {
        let name = view.action(*id);
        let name = name.rsplit_once('/').map_or("", |(_, variant)| variant).to_owned();
        match when {
            Some(when) => format!("{name} when {}", when.value.trim()),
            None => name,
        }
    });
    let variants: Vec<String> = variants.collect();
    view.put(&subject, Kind::Tool, "", Value::Silent);
    // In the order in which they are tried.
    let value = Value::Any(Some(variants.join("; ")));
    view.put(&subject, Kind::Tool, "variants", value);
}

fn subject(view: &View<'_>, tool: ToolId, action: &str) -> Subject {
    let credential = view
        .organization
        .tools
        .get(tool.0 as usize)
        .is_some_and(|tool| tool.credential.is_some());
    Subject {
        action: Some(action.to_owned()),
        ..document(if credential { "Credential" } else { "Tool" }, &view.tool(tool))
    }
}

/// Whether some rule may grant more, or hold back less, because of what a session holds.
fn holding_grants(view: &View<'_>) -> bool {
    let organization = view.organization;
    let looks = |scope: &Scope| !scope.holding.is_empty();
    let said = |text: &Option<crate::ast::Text>| text.as_ref().is_some_and(|text| text.value.contains("holding"));
    let rules = organization.rules.iter().any(|rule| {
        let allows = rule.effect == RuleEffect::Allow && looks(&rule.scope);
        // A condition may look at it in either sense.
        allows || rule.except.as_ref().is_some_and(looks) || said(&rule.when) || said(&rule.unless)
    });
    let exceptions = organization
        .exceptions
        .iter()
        .any(|one| looks(&one.scope) || said(&one.when));
    rules || exceptions
}

/// `repo:{owner}/{repo}`
fn resource(resource: &Resource, shape: Option<&Shape>) -> String {
    let name = |slot: Slot| {
        shape
            .and_then(|shape| named(&shape.parameters, slot))
            .unwrap_or_default()
    };
    resource
        .parts
        .iter()
        .map(|part| match part {
            ResourcePart::Literal(text) => text.clone(),
            ResourcePart::Slot { slot, .. } => format!("{{{}}}", name(*slot)),
        })
        .collect()
}

/// The path of the parameter in a slot.
fn named(parameters: &[Parameter], slot: Slot) -> Option<String> {
    parameters.iter().find_map(|parameter| {
        if parameter.slot == slot {
            return Some(parameter.name.clone());
        }
        let inner = match &parameter.ty {
            Type::Record(fields) | Type::Url(fields) | Type::Email(fields) => named(fields, slot),
            _ => None,
        };
        inner.map(|inner| format!("{}.{inner}", parameter.name))
    })
}

/// `amount: int, note?: string`
fn parameters(view: &View<'_>, shape: ShapeId) -> String {
    let shape = view.organization.shapes.get(shape.0 as usize);
    shape.map_or_else(String::new, |shape| fields(&shape.parameters))
}

fn fields(parameters: &[Parameter]) -> String {
    let said = parameters.iter().map(|parameter| {
        let optional = if parameter.optional { "?" } else { "" };
        format!("{}{optional}: {}", parameter.name, kind(&parameter.ty))
    });
    said.collect::<Vec<_>>().join(", ")
}

fn kind(ty: &Type) -> String {
    match ty {
        Type::String { fold: false } => "string".to_owned(),
        Type::String { fold: true } => "string, folded".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Decimal => "decimal".to_owned(),
        Type::DateTime => "datetime".to_owned(),
        Type::Duration => "duration".to_owned(),
        Type::Ip => "ip".to_owned(),
        Type::Path => "path".to_owned(),
        Type::Host => "host".to_owned(),
        Type::Enum(values) => format!("enum {values:?}"),
        Type::List(of) => format!("list of {}", kind(of)),
        Type::Record(inner) => format!("record {{{}}}", fields(inner)),
        Type::Url(_) => "url".to_owned(),
        Type::Email(_) => "email".to_owned(),
        Type::Hosts => "hosts".to_owned(),
        Type::Opaque => "opaque".to_owned(),
    }
}
