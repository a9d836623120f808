//! Entities in a condition: principal, action, resource, and those named in it.
//!
//! What is asked of the action is settled here; what is asked of the principal and the environment is left to
//! the table, which knows them.

use cedar_policy_core::ast::{EntityUID, Expr};

use super::lower::{Lowerer, Out, Stop};
use super::schema::groups;
use super::tree::{NO, YES, settled};
use super::types::Ent;
use crate::diag::codes::condition::{NO_RESOURCE, UNKNOWN_ENTITY};
use crate::ir::{Condition, Constant, Entity, Op, Term};

const TYPES: [&str; 7] = [
    "Action",
    "Agent",
    "Deployment",
    "Environment",
    "Resource",
    "Ring",
    "Team",
];

impl Lowerer<'_> {
    /// An entity written in the condition: its type and its name must exist.
    pub(super) fn entity_literal(&mut self, e: &Expr, uid: &EntityUID) -> Out<Ent> {
        let ty = self.known_type(e, &uid.entity_type().to_string())?;
        let name: &str = uid.eid().as_ref();
        let vocabulary = self.vocabulary;
        let among = |names: &[String]| names.iter().any(|known| known == name);
        let known = match ty {
            "Deployment" => among(&vocabulary.deployments),
            "Agent" => among(&vocabulary.agents),
            "Team" => among(&vocabulary.teams),
            "Ring" => among(&vocabulary.rings),
            "Environment" => among(&vocabulary.environments),
            "Action" => {
                self.is_in_action(name)
                    || vocabulary.actions.iter().any(|action| action.name == name)
                    || crate::resolve::ACTION_GROUPS.contains(&name)
                    || vocabulary.actions.iter().any(|action| groups(action).contains(&name))
            }
            // Which resources there are, only the calls know.
            _ => true,
        };
        if known {
            return Ok(Ent::Literal(ty, name.to_owned()));
        }
        let noun = ty.to_lowercase();
        self.report(
            &UNKNOWN_ENTITY,
            e,
            format!("there is no {noun} `{name}`"),
            format!("no such {noun}"),
        );
        let spelled = |name: &str| format!("{ty}::\"{name}\"");
        match ty {
            "Deployment" => self.suggest(name, vocabulary.deployments.iter().map(String::as_str), spelled),
            "Agent" => self.suggest(name, vocabulary.agents.iter().map(String::as_str), spelled),
            "Team" => self.suggest(name, vocabulary.teams.iter().map(String::as_str), spelled),
            "Ring" => self.suggest(name, vocabulary.rings.iter().map(String::as_str), spelled),
            "Environment" => self.suggest(name, vocabulary.environments.iter().map(String::as_str), spelled),
            _ => {
                let names = vocabulary.actions.iter();
                let names = names.flat_map(|action| groups(action).into_iter().chain([action.name.as_str()]));
                self.suggest(name, names, spelled);
            }
        }
        Err(Stop::Reported)
    }

    /// Refuses a type of entity that does not exist.
    pub(super) fn known_type(&mut self, e: &Expr, name: &str) -> Out<&'static str> {
        if let Some(ty) = TYPES.into_iter().find(|known| *known == name) {
            return Ok(ty);
        }
        self.report(
            &UNKNOWN_ENTITY,
            e,
            format!("there is no type of entity `{name}`"),
            "no such type",
        );
        let near = crate::diag::nearest(name, TYPES).map(|near| format!("did you mean `{near}`?"));
        self.help(near.unwrap_or_else(|| format!("there are {}", TYPES.map(|ty| format!("`{ty}`")).join(", "))));
        Err(Stop::Reported)
    }

    /// Whether the action at hand is, or is in, the action or group of that name.
    fn is_in_action(&self, name: &str) -> bool {
        self.action.name == name || groups(self.action).contains(&name)
    }

    /// `a == b`
    pub(super) fn same_entity(&mut self, e: &Expr, a: &Ent, b: &Ent) -> Out<Condition> {
        match (a, b) {
            (a, b) if a == b => Ok(YES),
            (a, b) if a.type_name() != b.type_name() => Ok(NO),
            (Ent::Principal, Ent::Literal(_, name)) | (Ent::Literal(_, name), Ent::Principal) => self.test(
                Op::PrincipalIn,
                Term::Nothing,
                Term::Entity(Entity::Deployment(name.clone())),
            ),
            (Ent::Action, Ent::Literal(_, name)) | (Ent::Literal(_, name), Ent::Action) => {
                Ok(settled(self.action.name == *name))
            }
            (Ent::Resource, Ent::Literal(_, name)) | (Ent::Literal(_, name), Ent::Resource) => {
                self.needs_resource(e)?;
                let name = Term::Constant(Constant::String(name.clone()));
                self.test(Op::Equal, Term::ResourceName, name)
            }
            (Ent::Literal(..), Ent::Literal(..)) => Ok(NO),
            // Of one type, and neither equal nor a literal: there are no two such.
            _ => Ok(NO),
        }
    }

    /// `a in b`
    pub(super) fn inside(&mut self, e: &Expr, a: &Ent, b: &Ent) -> Out<Condition> {
        match (a, b) {
            (a, b) if a == b => Ok(YES),
            (Ent::Principal, Ent::Literal(ty, name)) => {
                let name = name.clone();
                let entity = match *ty {
                    "Deployment" => Entity::Deployment(name),
                    "Agent" => Entity::Agent(name),
                    "Team" => Entity::Team(name),
                    "Ring" => Entity::Ring(name),
                    _ => return Ok(NO),
                };
                self.test(Op::PrincipalIn, Term::Nothing, Term::Entity(entity))
            }
            (Ent::Action, Ent::Literal("Action", name)) => Ok(settled(self.is_in_action(name))),
            (Ent::Resource, Ent::Literal("Environment", name)) => {
                let entity = Term::Entity(Entity::Environment(name.clone()));
                self.test(Op::ResourceIn, Term::Nothing, entity)
            }
            (Ent::Resource, Ent::Literal("Resource", _)) => self.same_entity(e, a, b),
            (Ent::Action | Ent::Resource, Ent::Literal(..)) => Ok(NO),
            _ => self.unsupported(
                e,
                "`in` with anything but `principal`, `action` or `resource` on its left",
            ),
        }
    }

    /// Refuses to look at the resource of an action that declares none.
    pub(super) fn needs_resource(&mut self, e: &Expr) -> Out<()> {
        if self.action.has_resources {
            return Ok(());
        }
        self.report(
            &NO_RESOURCE,
            e,
            "the condition looks at the resource, and the action declares none",
            "no resource",
        );
        self.help("add `resources:` to the action, or keep the rule to actions that have them");
        Err(Stop::Reported)
    }
}
