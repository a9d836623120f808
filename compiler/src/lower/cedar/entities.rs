//! Entities in a condition: principal, action, resource, and those named in it.
//!
//! What is asked of the action is settled here; what is asked of the principal and the environment is left to
//! the table, which knows them.

use cedar_policy_core::ast::{EntityUID, Expr};

use super::lower::{Lowerer, Out, Stop};
use super::schema::groups;
use super::tree::{NO, Tree, YES, and, or, settled};
use super::types::{Ent, Uid, Val};
use crate::diag::codes::condition::{NO_RESOURCE, UNKNOWN_ENTITY};
use crate::ir::{Condition, Constant, Entity, Op, Term};
use crate::resolve::ENTITY_TYPES;
use crate::resolve::shape::{Parameter, Type, WITHIN};

impl Lowerer<'_> {
    /// An entity written in the condition: its type and its name must exist.
    pub(super) fn entity_literal(&mut self, e: &Expr, uid: &EntityUID) -> Out<Ent> {
        let written = uid.entity_type().to_string();
        if self.vocabulary.within().contains(written.as_str()) {
            return Ok(Ent::Given(super::slots::uid(uid)));
        }
        let ty = self.known_type(e, &written)?;
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
        if vocabulary.unread.may_be(ty, name) {
            return Err(Stop::Reported);
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
        if let Some(ty) = ENTITY_TYPES.into_iter().find(|known| *known == name) {
            return Ok(ty);
        }
        if self.vocabulary.within().contains(name) {
            return Ok("");
        }
        self.report(
            &UNKNOWN_ENTITY,
            e,
            format!("there is no type of entity `{name}`"),
            "no such type",
        );
        let near = crate::diag::nearest(name, ENTITY_TYPES).map(|near| format!("did you mean `{near}`?"));
        self.help(near.unwrap_or_else(|| format!("there are {}", ENTITY_TYPES.map(|ty| format!("`{ty}`")).join(", "))));
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

    /// Whether an entity is one of these.
    pub(super) fn among(&mut self, e: &Expr, entity: &Ent, set: &[Ent]) -> Out<Condition> {
        let mut any = NO;
        for member in set {
            any = or(any, self.same_entity(e, entity, member)?);
        }
        Ok(any)
    }

    /// Whether each of some entities is one of these.
    pub(super) fn all_among(&mut self, e: &Expr, some: &[Ent], set: &[Ent]) -> Out<Condition> {
        let mut all = YES;
        for entity in some {
            all = and(all, self.among(e, entity, set)?);
        }
        Ok(all)
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
            (Ent::Resource, Ent::Given(group)) => self.told_within(e, group),
            (_, Ent::Given(_)) => Ok(NO),
            (Ent::Action | Ent::Resource, Ent::Literal(..)) => Ok(NO),
            _ => self.unsupported(
                e,
                "`in` with anything but `principal`, `action` or `resource` on its left",
            ),
        }
    }

    /// `resource in Folder::"x"`: what the request tells. Where it tells nothing of the resource, nobody knows.
    fn told_within(&mut self, e: &Expr, group: &Uid) -> Out<Condition> {
        if !self.shape.within.contains(&group.ty) {
            return Ok(NO);
        }
        self.needs_resource(e)?;
        let text = Term::Constant(Constant::String(group.text()));
        let tree = self.told(&mut |this, fields| {
            let Some(within) = fields.iter().find(|field| field.name == WITHIN) else {
                return Ok(Tree::Leaf(Val::Bool(NO)));
            };
            let contains = this.test(Op::Contains, Term::Slot(within.slot), text.clone())?;
            Ok(Tree::Leaf(Val::Bool(contains)))
        })?;
        self.over(tree, &mut |_, val| match val {
            Val::Bool(condition) => Ok(condition),
            _ => Err(Stop::Errs),
        })
    }

    /// What is made of what the request tells of the resource at hand. It errs where it tells nothing of it.
    pub(super) fn told(&mut self, f: &mut impl FnMut(&mut Self, &[Parameter]) -> Out<Tree<Val>>) -> Out<Tree<Val>> {
        let shape = self.shape;
        let mut tree = Tree::Errs;
        for entity in shape.entities.iter().rev() {
            let Type::Record(fields) = &entity.ty else { continue };
            let has = self.test(Op::Has, Term::Slot(entity.slot), Term::Nothing)?;
            let same = self.test(Op::Equal, Term::Slot(entity.slot), Term::ResourceName)?;
            let found = f(self, fields)?;
            tree = Tree::If(and(has, same), Box::new(found), Box::new(tree));
        }
        Ok(tree)
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
