//! Values of Cedar's, and the slots that hold those of a request: by the types of a schema.

use std::borrow::Cow;

use cedar_policy_core::ast::{EntityUID, Expr, ExprKind, Literal, RestrictedExpr, Value, ValueKind};
use cedar_policy_core::validator::types::{EntityKind, Type};
use polity_runtime::value::{self as runtime, Slot};

use super::constants;
use super::tree::settled;
use super::types::{Ent, Field, FieldTy, Kind, Record, Ty, Uid, Val};
use crate::ir::{Constant, Term};

/// Numbers slots.
pub(super) struct Layout {
    pub(super) next: u16,
}

impl Layout {
    pub(super) fn slot(&mut self) -> Result<Slot, String> {
        let slot = Slot(self.next);
        self.next = self.next.checked_add(1).ok_or("a request has too many values")?;
        Ok(slot)
    }

    pub(super) fn fields<'t>(
        &mut self,
        declared: impl Iterator<Item = (String, &'t Type)>,
    ) -> Result<Vec<Field>, String> {
        self.each(&mut { declared })
    }

    fn each(&mut self, declared: &mut dyn Iterator<Item = (String, &Type)>) -> Result<Vec<Field>, String> {
        let field = |(name, ty): (String, &Type)| {
            let slot = self.slot()?;
            let ty = match ty {
                Type::Record { attrs, .. } => {
                    let fields = attrs.iter().map(|(name, ty)| (name.to_string(), &*ty.attr_type));
                    FieldTy::Record(self.fields(fields)?.into())
                }
                other => FieldTy::Plain(plain(other).ok_or_else(|| format!("no argument has the type `{other}`"))?),
            };
            Ok(Field { name, slot, ty })
        };
        declared.map(field).collect()
    }
}

/// The type of a slot.
fn plain(ty: &Type) -> Option<Ty> {
    Some(match ty {
        Type::Bool(_) => Ty::Bool,
        Type::Long => Ty::Int,
        Type::String => Ty::Str(Kind::Plain),
        Type::Entity(EntityKind::Entity(one)) => Ty::Entity(one.get_single_entity()?.to_string().into()),
        Type::ExtensionType { name } => match name.to_string().as_str() {
            "decimal" => Ty::Decimal,
            "ipaddr" => Ty::Ip,
            "datetime" => Ty::DateTime,
            "duration" => Ty::Duration,
            _ => return None,
        },
        Type::Set { element_type } => {
            let element = match element_type.as_deref() {
                None | Some(Type::Set { .. } | Type::Record { .. } | Type::Never) => Ty::Whole,
                Some(element) => plain(element)?,
            };
            Ty::Set(Box::new(element))
        }
        Type::Never | Type::Record { .. } | Type::Entity(EntityKind::AnyEntity) => return None,
    })
}

/// Fills in the slots of some fields.
pub(super) fn fill<'v>(
    fields: &[Field],
    given: &dyn Fn(&str) -> Option<&'v Value>,
    slots: &mut [runtime::Value<'static>],
) -> Result<(), String> {
    for field in fields {
        let Some(value) = given(&field.name) else { continue };
        let read = match (&field.ty, &value.value) {
            (FieldTy::Plain(ty), _) => runtime_value(ty, value),
            (FieldTy::Record(fields), ValueKind::Record(record)) => {
                let inner = |name: &str| record.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
                fill(fields, &inner, slots)?;
                Some(runtime::Value::Present)
            }
            (FieldTy::Record(_), _) => None,
        };
        let read = read.ok_or_else(|| format!("`{}` is not of the type that the schema gives it", field.name))?;
        put(slots, field.slot, read);
    }
    Ok(())
}

/// A value as a slot holds it; `None` of one of another type.
fn runtime_value(ty: &Ty, value: &Value) -> Option<runtime::Value<'static>> {
    let text = |text: String| runtime::Value::Str(Cow::Owned(text));
    let lowered = val(value)?;
    Some(match (ty, lowered) {
        (Ty::Bool, Val::Bool(condition)) => runtime::Value::Bool(condition == settled(true)),
        (Ty::Entity(ty), Val::Entity(Ent::Given(uid))) if *uid.ty == **ty => text(uid.text()),
        (Ty::Whole, val) => text(val.whole()?),
        (Ty::Set(element), Val::Many(_)) => {
            let ValueKind::Set(set) = &value.value else { return None };
            let mut items: Vec<_> = set
                .iter()
                .map(|item| runtime_value(element, item))
                .collect::<Option<_>>()?;
            items.sort();
            items.dedup();
            runtime::Value::List(items)
        }
        (ty, Val::Term(Term::Constant(constant), found)) if found == *ty => match constant {
            Constant::Int(value) => runtime::Value::Int(value),
            Constant::Decimal(value) => runtime::Value::Decimal(value),
            Constant::DateTime(value) => runtime::Value::DateTime(value),
            Constant::Duration(value) => runtime::Value::Duration(value),
            Constant::String(value) => text(value),
            Constant::Ip(value) => runtime::Value::Ip(value),
            Constant::Bool(_) | Constant::Set(_) => return None,
        },
        _ => return None,
    })
}

pub(super) fn uid(uid: &EntityUID) -> Uid {
    Uid {
        ty: uid.entity_type().to_string(),
        id: uid.eid().as_ref().to_string(),
    }
}

/// A value that is known.
pub(super) fn val(value: &Value) -> Option<Val> {
    let constant = |constant, ty| Val::Term(Term::Constant(constant), ty);
    Some(match &value.value {
        ValueKind::Lit(Literal::Bool(truth)) => Val::Bool(settled(*truth)),
        ValueKind::Lit(Literal::Long(number)) => constant(Constant::Int(*number), Ty::Int),
        ValueKind::Lit(Literal::String(text)) => constant(Constant::String(text.to_string()), Ty::Str(Kind::Plain)),
        ValueKind::Lit(Literal::EntityUID(one)) => Val::Entity(Ent::Given(uid(one))),
        ValueKind::Set(set) => Val::Many(set.iter().map(val).collect::<Option<_>>()?),
        ValueKind::Record(record) => {
            let fields = record.iter().map(|(name, value)| Some((name.to_string(), val(value)?)));
            Val::Record(Record::Literal(fields.collect::<Option<_>>()?))
        }
        ValueKind::ExtensionValue(value) => {
            let written: Expr = RestrictedExpr::from(value.as_ref().clone()).into();
            let known = extension(&written)?;
            let ty = match known {
                Constant::Decimal(_) => Ty::Decimal,
                Constant::Ip(_) => Ty::Ip,
                Constant::DateTime(_) => Ty::DateTime,
                _ => Ty::Duration,
            };
            constant(known, ty)
        }
    })
}

/// An extension value, by the call that makes it.
fn extension(e: &Expr) -> Option<Constant> {
    let ExprKind::ExtensionFunctionApp { fn_name, args } = e.expr_kind() else {
        return None;
    };
    match (fn_name.to_string().as_str(), args.as_slice()) {
        ("offset", [moment, length]) => match (extension(moment)?, extension(length)?) {
            (Constant::DateTime(moment), Constant::Duration(length)) => {
                Some(Constant::DateTime(moment.checked_add(length)?))
            }
            _ => None,
        },
        (name, [text]) => match text.expr_kind() {
            ExprKind::Lit(Literal::String(text)) => constants::extension(name, text),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn put(slots: &mut [runtime::Value<'static>], slot: Slot, value: runtime::Value<'static>) {
    if let Some(place) = slots.get_mut(usize::from(slot.0)) {
        *place = value;
    }
}
