//! A world that is known when compiling: any Cedar schema, its entities, and a class of requests of one principal,
//! action and resource. What only the request knows is read from slots, and is typed by the schema.
//!
//! This is how policies about other types than the organisation's own are lowered: by the same code, over another
//! world. Comes in: texts in Cedar's formats. Goes out: [`Condition`]s, and the slots' values of a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy_core::ast::{
    Context, Effect, Eid, EntityType, EntityUID, Expr, ExprKind, Literal, PartialValue, Policy, PolicySet, Value,
};
use cedar_policy_core::entities::json::NullContextSchema;
use cedar_policy_core::entities::{ContextJsonParser, EntityJsonParser, TCComputation};
use cedar_policy_core::est;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::parser::parse_policyset;
use cedar_policy_core::validator::types::Type;
use cedar_policy_core::validator::{CoreSchema, ValidatorSchema, context_schema_for_action};
use polity_runtime::value::{self as runtime, Slot};

use super::lower::{Lowerer, Sees, Stop};
use super::parse::{Parsed, TextPlace, with_stack};
use super::slots::{Layout, fill, put, uid, val};
use super::tree::Budget;
use super::types::{Field, Uid, Val};
use crate::diag::Diagnostic;
use crate::ir::Condition;
use crate::lower::vocabulary::{Vocabulary, VocabularyAction};
use crate::resolve::shape::{Shape, ShapeId};
use crate::source::Span;

/// A schema and the entities that are known.
#[derive(Debug)]
pub struct World {
    schema: ValidatorSchema,
    entities: BTreeMap<Uid, Data>,
}

/// What is known of an entity.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) attributes: BTreeMap<String, Val>,
    pub(super) tags: BTreeMap<String, Val>,
    parents: Vec<Uid>,
    /// As they were read, for the request that brings them.
    raw: Raw,
}

#[derive(Debug, Default)]
struct Raw {
    attributes: BTreeMap<String, Value>,
    tags: BTreeMap<String, Value>,
}

/// Policies of one text.
#[derive(Debug)]
pub struct Policies(PolicySet);

/// The context of a request.
#[derive(Debug)]
pub struct Asked(BTreeMap<String, Value>);

/// A policy of a class of requests.
#[derive(Debug)]
pub struct Lowered {
    /// `policy0`, `policy1`: their order in the text.
    pub id: String,
    /// `forbid`, not `permit`.
    pub forbids: bool,
    /// When it is satisfied; or why it is refused, in words.
    pub condition: Result<Condition, String>,
}

/// Requests of one principal, action and resource.
#[derive(Debug)]
pub struct Class<'w> {
    world: &'w World,
    pub(super) principal: Uid,
    pub(super) action: Uid,
    pub(super) resource: Uid,
    /// Where the resource's attributes and ancestors come with the request.
    pub(super) open: Option<Open>,
    pub(super) context: Arc<[Field]>,
    slots: u16,
    /// Whether the request was parsed by the schema's type of its context.
    typed: bool,
}

/// The resource, where the request tells what it is.
#[derive(Debug)]
pub(super) struct Open {
    /// Its id, as [`Uid::text`] spells it.
    pub(super) id: Slot,
    /// The texts of its ancestors.
    pub(super) ancestors: Slot,
    pub(super) attributes: Vec<Field>,
    /// Its tags, by every key that a policy spells or an entity of its type has.
    pub(super) tags: Vec<Field>,
    pub(super) tag_keys: Slot,
}

impl World {
    /// Reads a schema, in Cedar's own form or as JSON, and entities as JSON.
    ///
    /// # Errors
    /// In words, where Cedar does not take one of them.
    pub fn new(schema: &str, entities: serde_json::Value) -> Result<Self, String> {
        let extensions = Extensions::all_available();
        let schema = if schema.trim_start().starts_with('{') {
            ValidatorSchema::from_json_str(schema, extensions).map_err(|error| error.to_string())?
        } else {
            ValidatorSchema::from_cedarschema_str(schema, extensions)
                .map_err(|error| error.to_string())?
                .0
        };
        let core = CoreSchema::new(&schema);
        let parser = EntityJsonParser::new(Some(&core), extensions, TCComputation::ComputeNow);
        let read = parser.from_json_value(entities).map_err(|error| error.to_string())?;
        let mut known = BTreeMap::new();
        for entity in read.iter() {
            let values = |of: &mut dyn Iterator<Item = (String, PartialValue)>| {
                let value = |(name, value)| match value {
                    PartialValue::Value(value) => Ok((name, value)),
                    PartialValue::Residual(_) => Err("an entity has an unknown attribute".to_owned()),
                };
                of.map(value).collect::<Result<BTreeMap<String, Value>, String>>()
            };
            let attributes = values(&mut entity.attrs().map(|(name, value)| (name.to_string(), value.clone())))?;
            let tags = values(&mut entity.tags().map(|(name, value)| (name.to_string(), value.clone())))?;
            let lowered = |values: &BTreeMap<String, Value>| -> Result<BTreeMap<String, Val>, String> {
                let one = |(name, value): (&String, &Value)| Some((name.clone(), val(value)?));
                let all = values.iter().map(one).collect::<Option<_>>();
                all.ok_or_else(|| "an entity has a value that is not known".to_owned())
            };
            let data = Data {
                attributes: lowered(&attributes)?,
                tags: lowered(&tags)?,
                parents: entity.parents().map(uid).collect(),
                raw: Raw { attributes, tags },
            };
            known.insert(uid(entity.uid()), data);
        }
        Ok(Self {
            schema,
            entities: known,
        })
    }

    /// Reads the context of requests of an action, as JSON.
    ///
    /// # Errors
    /// In words, where it is not of the type that the schema gives it.
    pub fn context(&self, (ty, id): (&str, &str), context: serde_json::Value) -> Result<Asked, String> {
        let extensions = Extensions::all_available();
        let uid = entity(ty, id)?;
        let schema = context_schema_for_action(&self.schema, &uid);
        let read = match &schema {
            Some(_) => ContextJsonParser::new(schema.as_ref(), extensions).from_json_value(context),
            None => ContextJsonParser::new(None::<&NullContextSchema>, extensions).from_json_value(context),
        };
        match read.map_err(|error| error.to_string())? {
            Context::Value(context) => {
                let known = context.iter().map(|(name, value)| (name.to_string(), value.clone()));
                Ok(Asked(known.collect()))
            }
            Context::RestrictedResidual(_) => Err("the context holds an unknown".to_owned()),
        }
    }

    /// The class of the requests of a principal, an action and a resource, each a type and an id. `open`: what is known
    /// of the resource comes with the request.
    ///
    /// # Errors
    /// In words, where the schema gives a type that no slot has.
    pub fn class(
        &self,
        policies: &Policies,
        [principal, action, resource]: [(&str, &str); 3],
        open: bool,
    ) -> Result<Class<'_>, String> {
        let of = |(ty, id): (&str, &str)| Ok::<_, String>(uid(&entity(ty, id)?));
        let (principal, action, resource) = (of(principal)?, of(action)?, of(resource)?);
        let mut layout = Layout { next: 0 };
        let (context, typed) = match self.schema.context_type(&entity(&action.ty, &action.id)?) {
            Some(Type::Record { attrs, .. }) => {
                let fields = attrs.iter().map(|(name, ty)| (name.to_string(), &*ty.attr_type));
                (layout.fields(fields)?, true)
            }
            _ => (Vec::new(), false),
        };
        let open = match open {
            false => None,
            true => Some(self.open(policies, &resource, &mut layout)?),
        };
        Ok(Class {
            world: self,
            principal,
            action,
            resource,
            open,
            context: context.into(),
            slots: layout.next,
            typed,
        })
    }

    fn open(&self, policies: &Policies, resource: &Uid, layout: &mut Layout) -> Result<Open, String> {
        let name: EntityType = resource.ty.parse().map_err(|_| "the resource has no type".to_owned())?;
        let ty = self.schema.get_entity_type(&name);
        let mut fields = Vec::new();
        if let Some(ty) = ty {
            let declared = ty.attributes().iter();
            fields = layout.fields(declared.map(|(name, ty)| (name.to_string(), &*ty.attr_type)))?;
        }
        // No other key can name a tag that the resource has.
        let mut tags = Vec::new();
        if let Some(tag) = ty.and_then(|ty| ty.tag_type()) {
            let mut keys = policies.strings();
            let alike = self.entities.iter().filter(|(uid, _)| uid.ty == resource.ty);
            keys.extend(alike.flat_map(|(_, data)| data.tags.keys().cloned()));
            for key in keys {
                tags.extend(layout.fields(std::iter::once((key, tag)))?);
            }
        }
        Ok(Open {
            id: layout.slot()?,
            ancestors: layout.slot()?,
            attributes: fields,
            tags,
            tag_keys: layout.slot()?,
        })
    }
}

impl Policies {
    /// Reads policies in Cedar's own form.
    ///
    /// # Errors
    /// In words, where Cedar does not take them.
    pub fn new(text: &str) -> Result<Self, String> {
        with_stack(|| parse_policyset(text).map_err(|error| error.to_string())).map(Self)
    }

    /// Reads policies in Cedar's JSON form.
    ///
    /// # Errors
    /// In words, where Cedar does not take them.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let read: est::PolicySet = serde_json::from_str(text).map_err(|error| error.to_string())?;
        PolicySet::try_from(read).map(Self).map_err(|error| error.to_string())
    }

    /// Every string that stands in a policy, each once.
    fn strings(&self) -> BTreeSet<String> {
        let conditions: Vec<Expr> = self.0.policies().map(Policy::condition).collect();
        let all = conditions.iter().flat_map(Expr::subexpressions);
        all.filter_map(|e| match e.expr_kind() {
            ExprKind::Lit(Literal::String(text)) => Some(text.to_string()),
            _ => None,
        })
        .collect()
    }
}

impl Class<'_> {
    /// How many slots its requests fill.
    pub fn slots(&self) -> u16 {
        self.slots
    }

    /// Lowers every policy for this class, in the order of their ids.
    pub fn lower(&self, policies: &Policies) -> Vec<Lowered> {
        let mut lowered: Vec<Lowered> = policies
            .0
            .policies()
            .map(|policy| Lowered {
                id: policy.id().to_string(),
                forbids: policy.effect() == Effect::Forbid,
                condition: with_stack(|| self.one(policy)),
            })
            .collect();
        lowered.sort_by(|a, b| (a.id.len(), &a.id).cmp(&(b.id.len(), &b.id)));
        lowered
    }

    fn one(&self, policy: &Policy) -> Result<Condition, String> {
        let vocabulary = Vocabulary::default();
        let action = VocabularyAction {
            name: self.action.text(),
            tool: String::new(),
            effect: runtime::Effect::Read,
            external: false,
            reversible: true,
            shape: ShapeId(0),
            has_resources: false,
            resources: Vec::new(),
        };
        let parsed = Parsed {
            expr: policy.condition(),
            template: policy.template().clone(),
            place: TextPlace::of_file(Span::NOWHERE),
        };
        let shape = Shape::default();
        let mut lowerer = Lowerer {
            vocabulary: &vocabulary,
            parsed: &parsed,
            action: &action,
            shape: &shape,
            sees: Sees::Everything,
            world: Some(self),
            budget: Budget::new(),
            findings: Vec::new(),
        };
        lowerer.condition(&parsed.expr).map_err(|stop| match stop {
            Stop::TooLarge => "it comes to too many tests".to_owned(),
            Stop::Reported | Stop::Errs => {
                let said: Vec<String> = lowerer.findings.iter().map(said).collect();
                if said.is_empty() {
                    "it has no meaning here".to_owned()
                } else {
                    said.join("; ")
                }
            }
        })
    }

    /// The values of the slots of a request with this context.
    ///
    /// # Errors
    /// In words, where the context is not of the type that the schema gives it.
    pub fn call(&self, context: &Asked) -> Result<Vec<runtime::Value<'static>>, String> {
        let Asked(context) = context;
        if !self.typed && !context.is_empty() {
            return Err("the schema gives the context of the action no type".to_owned());
        }
        let mut slots = vec![runtime::Value::Absent; usize::from(self.slots)];
        let given = |name: &str| context.get(name);
        fill(&self.context, &given, &mut slots)?;
        if let Some(open) = &self.open {
            let data = self.world.entities.get(&self.resource);
            let attribute = |name: &str| data.and_then(|data| data.raw.attributes.get(name));
            fill(&open.attributes, &attribute, &mut slots)?;
            let tag = |name: &str| data.and_then(|data| data.raw.tags.get(name));
            fill(&open.tags, &tag, &mut slots)?;
            let texts = |texts: BTreeSet<String>| {
                let text = |text| runtime::Value::Str(std::borrow::Cow::Owned(text));
                runtime::Value::List(texts.into_iter().map(text).collect())
            };
            let above: BTreeSet<String> = self.reached(&self.resource, true).iter().map(Uid::text).collect();
            let keys = data.iter().flat_map(|data| data.tags.keys().cloned()).collect();
            put(&mut slots, open.ancestors, texts(above));
            put(&mut slots, open.tag_keys, texts(keys));
            put(&mut slots, open.id, runtime::Value::Str(self.resource.text().into()));
        }
        Ok(slots)
    }

    /// What is known of an entity; of the resource nothing, where the request tells.
    pub(super) fn stored(&self, uid: &Uid) -> Option<&Data> {
        let hidden = self.open.is_some() && *uid == self.resource;
        self.world.entities.get(uid).filter(|_| !hidden)
    }

    /// The entities of a type of which something is known.
    pub(super) fn of_type(&self, ty: &str) -> Vec<Uid> {
        let all = self.world.entities.keys().filter(|uid| uid.ty == ty);
        all.filter(|uid| self.stored(uid).is_some()).cloned().collect()
    }

    /// An entity with everything that it is in.
    pub(super) fn within(&self, uid: &Uid) -> Vec<Uid> {
        let mut all = self.reached(uid, false);
        all.insert(uid.clone());
        all.into_iter().collect()
    }

    /// What an entity is in; `whole`: what the request tells counts too.
    fn reached(&self, uid: &Uid, whole: bool) -> BTreeSet<Uid> {
        let mut found = BTreeSet::new();
        let mut open = vec![uid.clone()];
        while let Some(next) = open.pop() {
            let data = if whole {
                self.world.entities.get(&next)
            } else {
                self.stored(&next)
            };
            for parent in data.iter().flat_map(|data| &data.parents) {
                if found.insert(parent.clone()) {
                    open.push(parent.clone());
                }
            }
        }
        found
    }
}

/// An entity by its type, which may lie in a namespace, and its id as it is.
fn entity(ty: &str, id: &str) -> Result<EntityUID, String> {
    let ty: EntityType = ty.parse().map_err(|error| format!("`{ty}` is no type: {error}"))?;
    Ok(EntityUID::from_components(ty, Eid::new(id), None))
}

/// What a refusal says, without its place.
fn said(finding: &Diagnostic) -> String {
    let message = finding.message.as_str();
    message
        .rsplit_once(", for `")
        .map_or(message, |(said, _)| said)
        .to_owned()
}
