//! What is known of an entity, for a class of requests: its attributes and tags, wherever they are known.

use super::lower::{Lowerer, Out, Stop};
use super::reach::text;
use super::tree::{NO, Tree, YES, and, readable, settled};
use super::types::{Ent, FieldTy, Record, Ty, Uid, Val};
use super::world::Data;
use crate::ir::{Condition, Constant, Op, Term};

/// What is known of an entity.
#[derive(Clone, Copy)]
enum Seen<'d> {
    Stored(&'d Data),
    /// The resource, of which the request tells.
    Open,
    Nowhere,
}

impl<'a> Lowerer<'a> {
    /// What is made of what is known of an entity, whichever it turns out to be.
    fn known(&mut self, entity: &Ent, f: &mut dyn FnMut(&mut Self, Seen<'a>) -> Out<Tree<Val>>) -> Out<Tree<Val>> {
        let class = self.class()?;
        let mut part = |this: &mut Self, seen| match f(this, seen) {
            Err(Stop::Errs) => Ok(Tree::Errs),
            other => other,
        };
        let seen = |uid: &Uid| class.stored(uid).map_or(Seen::Nowhere, Seen::Stored);
        match entity {
            Ent::Open => part(self, Seen::Open),
            Ent::Given(uid) => {
                let stored = part(self, seen(uid))?;
                if !self.may_be_open(&uid.ty) {
                    return Ok(stored);
                }
                let id = self.open_id()?;
                let is = self.equal_terms(id, text(uid))?;
                let open = part(self, Seen::Open)?;
                Ok(Tree::If(is, Box::new(open), Box::new(stored)))
            }
            Ent::Asked(ty, term) => {
                let mut tree = part(self, Seen::Nowhere)?;
                for uid in class.of_type(ty) {
                    let is = self.equal_terms(term.clone(), text(&uid))?;
                    let stored = part(self, seen(&uid))?;
                    tree = Tree::If(is, Box::new(stored), Box::new(tree));
                }
                if self.may_be_open(ty) {
                    let id = self.open_id()?;
                    let is = self.equal_terms(term.clone(), id)?;
                    let open = part(self, Seen::Open)?;
                    tree = Tree::If(is, Box::new(open), Box::new(tree));
                }
                Ok(Tree::check(readable(term), tree))
            }
            _ => Err(Stop::Reported),
        }
    }

    /// `x.name`
    pub(super) fn read_attribute(&mut self, val: &Val, name: &str) -> Out<Tree<Val>> {
        match val {
            Val::Record(Record::Literal(fields)) => {
                let found = fields.iter().find(|(own, _)| own == name);
                found.map(|(_, val)| Tree::Leaf(val.clone())).ok_or(Stop::Errs)
            }
            Val::Record(Record::Asked(fields, slot)) => {
                let found = fields.iter().find(|field| field.name == name).ok_or(Stop::Errs)?;
                let there = slot.map_or(YES, |slot| readable(&Term::Slot(slot)));
                let own = self.sound(&found.val())?;
                let own = match &found.ty {
                    FieldTy::Record(_) => readable(&Term::Slot(found.slot)),
                    FieldTy::Plain(_) => own,
                };
                Ok(Tree::check(and(there, own), Tree::Leaf(found.val())))
            }
            Val::Entity(entity) => {
                let class = self.class()?;
                self.known(entity, &mut |_, seen| match seen {
                    Seen::Stored(data) => data
                        .attributes
                        .get(name)
                        .map(|val| Tree::Leaf(val.clone()))
                        .ok_or(Stop::Errs),
                    Seen::Open => {
                        let fields = class.open.iter().flat_map(|open| &open.attributes);
                        let field = fields.into_iter().find(|field| field.name == name).ok_or(Stop::Errs)?;
                        Ok(Tree::check(readable(&Term::Slot(field.slot)), Tree::Leaf(field.val())))
                    }
                    Seen::Nowhere => Err(Stop::Errs),
                })
            }
            _ => Err(Stop::Errs),
        }
    }

    /// `x has name`
    pub(super) fn has_attribute(&mut self, val: &Val, name: &str) -> Out<Condition> {
        match val {
            Val::Record(Record::Literal(fields)) => Ok(settled(fields.iter().any(|(own, _)| own == name))),
            Val::Record(Record::Asked(fields, slot)) => {
                let there = slot.map_or(YES, |slot| readable(&Term::Slot(slot)));
                let has = match fields.iter().find(|field| field.name == name) {
                    Some(field) => self.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?,
                    None => NO,
                };
                Ok(and(there, has))
            }
            Val::Entity(entity) => {
                let class = self.class()?;
                let tree = self.known(entity, &mut |this, seen| {
                    let has = match seen {
                        Seen::Stored(data) => settled(data.attributes.contains_key(name)),
                        Seen::Open => {
                            let mut fields = class.open.iter().flat_map(|open| &open.attributes);
                            match fields.find(|field| field.name == name) {
                                Some(field) => this.test(Op::Has, Term::Slot(field.slot), Term::Nothing)?,
                                None => NO,
                            }
                        }
                        Seen::Nowhere => NO,
                    };
                    Ok(Tree::Leaf(Val::Bool(has)))
                })?;
                self.truth(tree)
            }
            _ => Err(Stop::Errs),
        }
    }

    fn truth(&mut self, tree: Tree<Val>) -> Out<Condition> {
        self.over(tree, &mut |_, val| match val {
            Val::Bool(condition) => Ok(condition),
            _ => Err(Stop::Errs),
        })
    }

    /// `x.hasTag(key)`
    pub(super) fn has_tag(&mut self, val: &Val, key: &Val) -> Out<Condition> {
        let (Val::Entity(entity), Val::Term(key, Ty::Str(_))) = (val, key) else {
            return Err(Stop::Errs);
        };
        let class = self.class()?;
        let tree = self.known(entity, &mut |this, seen| {
            let has = match (seen, class.open.as_ref()) {
                (Seen::Stored(data), _) => {
                    let keys = data.tags.keys().map(|key| Constant::String(key.clone())).collect();
                    this.contains_text(keys, key.clone())?
                }
                (Seen::Open, Some(open)) => this.test(Op::Contains, Term::Slot(open.tag_keys), key.clone())?,
                _ => NO,
            };
            Ok(Tree::Leaf(Val::Bool(and(readable(key), has))))
        })?;
        self.truth(tree)
    }

    /// `x.getTag(key)`
    pub(super) fn get_tag(&mut self, val: &Val, key: &Val) -> Out<Tree<Val>> {
        let (Val::Entity(entity), Val::Term(key, Ty::Str(_))) = (val, key) else {
            return Err(Stop::Errs);
        };
        let class = self.class()?;
        let tree = self.known(entity, &mut |this, seen| match (seen, class.open.as_ref()) {
            (Seen::Stored(data), _) => {
                let mut tree = Tree::Errs;
                for (name, val) in &data.tags {
                    let is = this.equal_terms(key.clone(), Term::Constant(Constant::String(name.clone())))?;
                    tree = match is {
                        YES => return Ok(Tree::Leaf(val.clone())),
                        NO => tree,
                        is => Tree::If(is, Box::new(Tree::Leaf(this.copy_val(val)?)), Box::new(tree)),
                    };
                }
                Ok(tree)
            }
            (Seen::Open, Some(open)) => {
                let mut tree = Tree::Errs;
                for field in &open.tags {
                    let is = this.equal_terms(key.clone(), Term::Constant(Constant::String(field.name.clone())))?;
                    let own = Tree::check(readable(&Term::Slot(field.slot)), Tree::Leaf(field.val()));
                    tree = match is {
                        YES => return Ok(own),
                        NO => tree,
                        is => Tree::If(is, Box::new(own), Box::new(tree)),
                    };
                }
                Ok(tree)
            }
            _ => Err(Stop::Errs),
        })?;
        Ok(Tree::check(readable(key), tree))
    }
}
