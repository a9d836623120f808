//! Tools, their actions and variants, and credentials seen as tools with one action.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::table::{ActionId, ClassId, EnvironmentId, ToolId};
use polity_runtime::value::Effect;

use super::ENTITY_TYPES;
use super::names::Names;
use super::people::{self, sorted};
use super::shape::{self, Parameter, Shape, ShapeId, Type};
use super::{Action, Base, Credential, Endpoint, Organization, Resource, Server, Tool};
use crate::ast::{self, ActionClass, Body, Documents, Millis, Text};
use crate::diag::codes::cedar::BAD_RESOURCE_TYPE;
use crate::diag::codes::reference::{
    CREDENTIAL_NOT_HERE, CREDENTIAL_OUTLIVES_ENVIRONMENT, DERIVED_NAME_TAKEN, RESOURCE_PLACEHOLDER,
    TOO_MANY_PARAMETERS, UNKNOWN_CREDENTIAL, UNREACHABLE_VARIANT,
};
use crate::diag::{Diagnostic, Sink};
use crate::ir::ResourcePart;
use crate::source::Span;

pub(super) fn resolve(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    let mut shapes = Shapes::default();
    let mut attributes = BTreeMap::new();
    let tools = sorted(documents, |b| if let Body::Tool(t) = b { Some(t) } else { None });
    for (name, _, tool) in tools {
        let mut resolver = Resolver {
            names,
            organization,
            shapes: &mut shapes,
            attributes: &mut attributes,
            sink,
        };
        resolver.tool(name, tool);
    }
    for (name, _, credential) in sorted(documents, |b| if let Body::Credential(c) = b { Some(c) } else { None }) {
        let mut resolver = Resolver {
            names,
            organization,
            shapes: &mut shapes,
            attributes: &mut attributes,
            sink,
        };
        resolver.credential(name, credential);
    }
    organization.shapes = shapes.list;
    endpoints(documents, names, organization, sink);
    people::ceilings(documents, names, organization, sink);
}

/// An endpoint is reached with a credential of its environment.
fn endpoints(documents: &Documents, names: &Names, organization: &Organization, sink: &mut Sink) {
    let tools = sorted(documents, |b| if let Body::Tool(t) = b { Some(t) } else { None });
    let all = tools.iter().flat_map(|(_, _, tool)| &tool.endpoints);
    for (environment, endpoint) in all {
        let credentials = || organization.tools.iter().filter_map(|tool| tool.credential.as_ref());
        let named = endpoint
            .credential
            .as_ref()
            .and_then(|written| Some((written, credentials().find(|one| one.name.value == written.value)?)));
        let (Some((written, credential)), Some(here)) = (named, names.environments.id(&environment.value)) else {
            continue;
        };
        if credential.is_for(EnvironmentId(here)) {
            continue;
        }
        let message = format!(
            "credential `{}` is not for `{}`: nothing is reached with it there",
            written.value, environment.value
        );
        let its = organization.environments_of(credential);
        sink.push(
            Diagnostic::new(&CREDENTIAL_NOT_HERE, message, written.span, "")
                .with_related(credential.name.span, "its environments are declared here")
                .with_help(format!("it is for `{}`: name another one here", its.join("`, `"))),
        );
    }
}

/// Shapes, each once.
#[derive(Default)]
struct Shapes {
    list: Vec<Shape>,
    ids: BTreeMap<u64, Vec<ShapeId>>,
}

impl Shapes {
    fn intern(&mut self, shape: Shape) -> ShapeId {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        shape.hash(&mut hasher);
        let bucket = self.ids.entry(hasher.finish()).or_default();
        if let Some(id) = bucket.iter().find(|id| self.list.get(id.0 as usize) == Some(&shape)) {
            return *id;
        }
        let id = ShapeId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        bucket.push(id);
        self.list.push(shape);
        id
    }
}

struct Resolver<'r> {
    names: &'r Names,
    organization: &'r mut Organization,
    shapes: &'r mut Shapes,
    /// Of each attribute that may be told of a resource its type, and where it was declared first.
    attributes: &'r mut BTreeMap<String, (Type, Span)>,
    sink: &'r mut Sink,
}

impl Resolver<'_> {
    fn tool(&mut self, name: &Text, tool: &ast::Tool) {
        let id = ToolId(next(&self.organization.tools));
        let first_action = next(&self.organization.actions);
        let mut written: Vec<&(Text, ast::Action)> = tool.actions.iter().collect();
        written.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        for (short, action) in written {
            self.action(id, name, tool, short, action);
        }
        if let Some(told) = &tool.resource {
            self.told(told, tool);
        }
        for (environment, endpoint) in &tool.endpoints {
            self.names.environment(environment, self.sink);
            if let Some(credential) = &endpoint.credential {
                let index = &self.names.credentials;
                super::names::look_up(index, credential, "credential", &UNKNOWN_CREDENTIAL, self.sink);
            }
        }
        let mut endpoints: Vec<Endpoint> = tool
            .endpoints
            .iter()
            .map(|(environment, endpoint)| Endpoint {
                environment: environment.value.clone(),
                url: endpoint.url.as_ref().map(|url| url.value.clone()),
                credential: endpoint.credential.as_ref().map(|name| name.value.clone()),
            })
            .collect();
        endpoints.sort_by(|a, b| a.environment.cmp(&b.environment));
        let server = tool.server.as_ref().map(|server| Server {
            span: server.span,
            command: server.command.clone(),
            url: server.url.clone(),
            digest: server.digest.clone(),
        });
        self.organization.tools.push(Tool {
            name: name.value.clone(),
            span: name.span,
            strict: tool.strict.is_none_or(|strict| strict.value),
            credential: None,
            server,
            endpoints,
            first_action,
            action_count: next(&self.organization.actions) - first_action,
        });
    }

    fn action(&mut self, id: ToolId, tool_name: &Text, tool: &ast::Tool, short: &Text, action: &ast::Action) {
        if let Some((taken, list)) = shape::taken_name(&action.params) {
            let message = format!(
                "`{}` is derived from the list `{}`: no parameter may be called so beside it",
                taken.value, list.value
            );
            self.sink
                .push(Diagnostic::new(&DERIVED_NAME_TAKEN, message, taken.span, "").with_help("give it another name"));
            return;
        }
        let variants = action.variants.iter().map(|(_, variant)| &variant.class);
        let touched = std::iter::once(&action.class)
            .chain(variants)
            .filter_map(|class| class.resources.as_ref().or(tool.resources.as_ref()));
        let most = touched.map(Vec::len).max().unwrap_or(0);
        let told = tool.resource.as_ref().map(|told| (told, most));
        let Some(mut shape) = shape::build(&action.params, told) else {
            let message = format!(
                "`{}` has more than {} parameters, nested ones included",
                short.value,
                shape::MAX_SLOTS
            );
            self.sink.push(
                Diagnostic::new(&TOO_MANY_PARAMETERS, message, short.span, "")
                    .with_help("declare what no rule looks into as one parameter of the type `opaque`"),
            );
            return;
        };
        shape.unread = action.unread.clone();
        let base = format!("{}.{}", tool_name.value, short.value);
        let templates = |written: &Option<Vec<Text>>, sink: &mut Sink| {
            written.as_ref().map(|all| {
                // One that is wrong is declared all the same: nobody is told that there is none.
                let literal = |text: &Text| Resource {
                    parts: vec![ResourcePart::Literal(text.value.clone())],
                };
                all.iter()
                    .map(|text| resource(text, &shape, sink).unwrap_or_else(|| literal(text)))
                    .collect::<Vec<_>>()
            })
        };
        let class = &action.class;
        // What the tool says is for actions that say nothing: its placeholders need not fit the others.
        let resources = match &class.resources {
            Some(_) => templates(&class.resources, self.sink),
            None => templates(&tool.resources, self.sink),
        };
        let resources = resources.unwrap_or_default();
        let reads_of_tool = tool.reads.as_deref().unwrap_or_default();
        let reads = class.reads.as_deref().unwrap_or(reads_of_tool);
        let settled = |own: &ActionClass| {
            let effect = own.effect.or(class.effect)?.value;
            let external = own
                .external
                .or(class.external)
                .map(|v| v.value)
                .or((effect == Effect::Read).then_some(false))?;
            let reversible = own
                .reversible
                .or(class.reversible)
                .map(|v| v.value)
                .or((effect == Effect::Read).then_some(true))?;
            Some((effect, external, reversible))
        };
        let own_resources: Vec<_> = action
            .variants
            .iter()
            .map(|(_, variant)| templates(&variant.class.resources, self.sink))
            .collect();
        let shape = self.shapes.intern(shape);
        let new = |name: String,
                   span: Span,
                   (effect, external, reversible),
                   reads: Vec<ClassId>,
                   resources: Vec<Resource>| Action {
            name,
            base: base.clone(),
            span,
            tool: id,
            effect,
            external,
            reversible,
            reads,
            resources,
            shape,
        };
        if action.variants.is_empty() {
            let reads = self.classes(reads);
            if let Some(settled) = settled(&ActionClass::default()) {
                self.organization
                    .actions
                    .push(new(base.clone(), short.span, settled, reads, resources));
            }
            return;
        }
        let mut variants: Vec<(usize, &Text, &ast::Variant)> = action
            .variants
            .iter()
            .enumerate()
            .map(|(order, (name, variant))| (order, name, variant))
            .collect();
        variants.sort_by(|(_, a, _), (_, b, _)| a.value.cmp(&b.value));
        let mut tried = Vec::new();
        for (order, name, variant) in variants {
            let reads = self.classes(variant.class.reads.as_deref().unwrap_or(reads));
            let resources = own_resources
                .get(order)
                .cloned()
                .flatten()
                .unwrap_or_else(|| resources.clone());
            let Some(settled) = settled(&variant.class) else {
                continue;
            };
            let action = ActionId(next(&self.organization.actions));
            let full = format!("{base}/{}", name.value);
            self.organization
                .actions
                .push(new(full, name.span, settled, reads, resources));
            tried.push((order, name, variant.when.clone(), action));
        }
        tried.sort_by_key(|(order, ..)| *order);
        let open = tried.iter().position(|(_, _, when, _)| when.is_none());
        if let Some((_, name, ..)) = open.and_then(|open| tried.get(open + 1)) {
            let message = format!(
                "variant `{}` is never reached: the one before it takes every call",
                name.value
            );
            let help = "variants are tried in order: put the one without `when` last";
            self.sink
                .push(Diagnostic::new(&UNREACHABLE_VARIANT, message, name.span, "").with_help(help));
        }
        let variants = tried.into_iter().map(|(_, _, when, action)| (when, action)).collect();
        self.organization.bases.push(Base {
            name: base,
            tool: id,
            shape,
            variants,
        });
    }

    /// What may be told of resources: names that nothing else has, and for one name one type in all tools.
    fn told(&mut self, told: &ast::ResourceType, tool: &ast::Tool) {
        let mut wrong = |message: String, span: Span, help: &str| {
            self.sink
                .push(Diagnostic::new(&BAD_RESOURCE_TYPE, message, span, "").with_help(help));
        };
        for (name, _) in &told.attributes {
            if name.value == "name" || name.value == shape::WITHIN {
                let message = format!("`{}` is an attribute that every resource has", name.value);
                wrong(message, name.span, "give it another name");
            }
        }
        for name in &told.within {
            let identifier = name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && name.value.starts_with(|c: char| c.is_ascii_uppercase());
            if ENTITY_TYPES.contains(&name.value.as_str()) {
                let message = format!("`{}` is a type that there is already", name.value);
                wrong(
                    message,
                    name.span,
                    "name the type of what the resources are in, such as `Folder`",
                );
            } else if !identifier {
                let message = format!("`{}` is no name for a type of entities", name.value);
                wrong(
                    message,
                    name.span,
                    "a capital letter begins it, and letters, digits and `_` make it: `Folder`",
                );
            }
        }
        let touches = |class: &ActionClass| class.resources.is_some();
        let any = tool.resources.is_some()
            || tool.actions.iter().any(|(_, action)| {
                touches(&action.class) || action.variants.iter().any(|(_, variant)| touches(&variant.class))
            });
        let first = told.attributes.first().map(|(name, _)| name).or(told.within.first());
        if let Some(first) = first.filter(|_| !any) {
            let message = "no action of the tool declares resources of which this could be told".to_owned();
            wrong(message, first.span, "add `resources` to the tool or to its actions");
        }
        for (name, param) in &told.attributes {
            let Some(shape) = shape::build(std::slice::from_ref(&(name.clone(), param.clone())), None) else {
                continue;
            };
            let Some(ty) = shape.parameters.first().map(|own| own.ty.clone()) else {
                continue;
            };
            let known = self
                .attributes
                .entry(name.value.clone())
                .or_insert_with(|| (ty.clone(), name.span));
            if known.0 != ty {
                let message = format!("another tool gives `{}` of its resources another type", name.value);
                let found = Diagnostic::new(&BAD_RESOURCE_TYPE, message, name.span, "");
                let found = found.with_related(known.1, "the other one is here");
                self.sink
                    .push(found.with_help("an attribute has one type: give one of them another name"));
            }
        }
    }

    fn classes(&mut self, written: &[Text]) -> Vec<ClassId> {
        let mut classes: Vec<ClassId> = written
            .iter()
            .filter_map(|class| self.names.class(class, self.sink))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    fn credential(&mut self, name: &Text, credential: &ast::Credential) {
        let id = ToolId(next(&self.organization.tools));
        let first_action = next(&self.organization.actions);
        let mut environments: Vec<_> = credential
            .environments
            .iter()
            .filter_map(|text| self.names.environment(text, self.sink))
            .collect();
        environments.sort_unstable();
        environments.dedup();
        let written: BTreeSet<&str> = credential.environments.iter().map(|text| text.value.as_str()).collect();
        let written = written.len();
        if let Some(ttl) = credential.max_ttl {
            for id in &environments {
                let Some(environment) = self.organization.environments.get(id.0 as usize) else {
                    continue;
                };
                if let Some(most) = environment.credentials_max_ttl.filter(|most| *most < ttl.value) {
                    let message = format!(
                        "`{}` may live for {}, and no credential of `{}` for more than {most}",
                        name.value, ttl.value, environment.name.value
                    );
                    let diagnostic = Diagnostic::new(&CREDENTIAL_OUTLIVES_ENVIRONMENT, message, ttl.span, "");
                    let spelled = most.to_string();
                    self.sink.push(
                        diagnostic
                            .with_related(environment.name.span, "the environment is declared here")
                            .with_replacement(format!("write at most `{spelled}`"), ttl.span, spelled),
                    );
                }
            }
        }
        let full = format!("credential.{}", name.value);
        let shape = self.shapes.intern(Shape::default());
        let owner = credential
            .owner
            .as_ref()
            .and_then(|owner| self.names.person(owner, self.sink));
        let issuer = credential.issuer.iter();
        let issuer = issuer
            .map(|(key, value)| (key.value.clone(), value.value.clone()))
            .collect();
        self.organization.actions.push(Action {
            name: full.clone(),
            base: full.clone(),
            span: name.span,
            tool: id,
            effect: Effect::Read,
            external: false,
            reversible: true,
            reads: Vec::new(),
            resources: Vec::new(),
            shape,
        });
        self.organization.tools.push(Tool {
            name: full,
            span: name.span,
            strict: true,
            credential: Some(Credential {
                name: name.clone(),
                unread: credential.unread || environments.len() < written,
                environments,
                max_ttl: credential.max_ttl.map_or(Millis(0), |ttl| ttl.value),
                owner,
                issuer,
            }),
            server: None,
            endpoints: Vec::new(),
            first_action,
            action_count: 1,
        });
    }
}

/// The id that the next one gets.
fn next<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// Reads `repo:{owner}/{repo}`.
fn resource(text: &Text, shape: &Shape, sink: &mut Sink) -> Option<Resource> {
    let mut parts = Vec::new();
    let mut rest = text.value.as_str();
    while let Some(open) = rest.find(['{', '}']) {
        let (literal, tail) = rest.split_at(open);
        if !literal.is_empty() {
            parts.push(ResourcePart::Literal(literal.to_owned()));
        }
        let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) else {
            let message = format!("`{}` has a brace without its other half", text.value);
            sink.push(Diagnostic::new(&RESOURCE_PLACEHOLDER, message, text.span, ""));
            return None;
        };
        let parameter = placeholder(name, text, shape, sink)?;
        parts.push(ResourcePart::Slot {
            slot: parameter.slot,
            folded: matches!(parameter.ty, Type::String { fold: true } | Type::Host),
            free: parameter.ty == Type::Path,
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(ResourcePart::Literal(rest.to_owned()));
    }
    // What stands alone cannot be confused with what stands beside it.
    if let [ResourcePart::Slot { free, .. }] = parts.as_mut_slice() {
        *free = true;
    }
    Some(Resource { parts })
}

/// The parameter that a placeholder names: a scalar whose text is plain.
fn placeholder<'s>(path: &str, text: &Text, shape: &'s Shape, sink: &mut Sink) -> Option<&'s Parameter> {
    let mut fields: &[Parameter] = &shape.parameters;
    let mut found = None;
    for name in path.split('.') {
        let next = fields.iter().find(|parameter| parameter.name == name);
        if next.is_none() && shape.unread.has(path.split('.').next().unwrap_or(path)) {
            return None;
        }
        let Some(parameter) = next else {
            let message = format!("the placeholder `{{{path}}}` names no parameter of this action");
            let candidates = fields.iter().map(|parameter| parameter.name.as_str());
            let mut diagnostic = Diagnostic::new(&RESOURCE_PLACEHOLDER, message, text.span, "");
            if let Some(nearest) = crate::diag::nearest(name, candidates) {
                diagnostic = diagnostic.with_help(format!("did you mean `{{{nearest}}}`?"));
            }
            sink.push(diagnostic);
            return None;
        };
        fields = match &parameter.ty {
            Type::Record(fields) | Type::Url(fields) | Type::Email(fields) => fields,
            _ => &[],
        };
        found = Some(parameter);
    }
    let plain = found.filter(|parameter| {
        matches!(
            parameter.ty,
            Type::String { .. } | Type::Int | Type::Bool | Type::Path | Type::Host | Type::Enum(_)
        )
    });
    if plain.is_none() {
        let message = format!(
            "`{{{path}}}` cannot stand in a resource: only strings, enums, paths, hosts, integers and booleans can"
        );
        sink.push(Diagnostic::new(&RESOURCE_PLACEHOLDER, message, text.span, ""));
    }
    plain
}
