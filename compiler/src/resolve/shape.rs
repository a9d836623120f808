//! The declared parameters of an action as the runtime will hold them: sorted, flattened, with slots numbered.
//!
//! Actions with the same parameters share one shape, so a condition is type-checked once for all of them.

#![allow(missing_docs, reason = "variants and fields that are named for what they are")]

use polity_runtime::value::{HOSTS_SUFFIX, Slot};

use crate::ast::{Param, ParamType, ResourceType, Text, Unread};

/// A shape by its place in [`super::Organization::shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(pub u32);

/// Parameters sorted by name, derived ones (`to_hosts`) included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Top-level parameters.
    pub parameters: Vec<Parameter>,
    /// What a request may tell of the resources of the call: a record for each that it can touch, whose slot holds the
    /// resource's name. Its fields are what the tool declares, and `in`.
    pub entities: Vec<Parameter>,
    /// The types of what those resources are in.
    pub within: Vec<String>,
    /// Parameters whose declaration could not be read.
    pub unread: Unread,
    /// How many slots its values fill.
    pub slots: u16,
}

/// A parameter or a field of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// As the call names it.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// A condition must guard it with `has`.
    pub optional: bool,
    /// Where its value is read to. Of a record, url, email or opaque value it holds only whether it is there.
    pub slot: Slot,
}

/// A parameter's type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `fold`: compared without regard to case.
    String {
        /// Lower-cased before it is compared.
        fold: bool,
    },
    Int,
    Bool,
    Decimal,
    DateTime,
    Duration,
    Ip,
    Path,
    Host,
    /// Sorted.
    Enum(Vec<String>),
    /// Of a scalar: a set in conditions. Of a url or email: only its presence is visible.
    List(Box<Type>),
    /// Fields sorted by name, each with a slot of its own.
    Record(Vec<Parameter>),
    /// Fields `host`, `path`, `port`, `scheme`: strings, and `port` an int (0 where the scheme has none).
    Url(Vec<Parameter>),
    /// Fields `host`, `local`: strings.
    Email(Vec<Parameter>),
    /// Derived: the set of hosts of a list of hosts, urls or emails.
    Hosts,
    Opaque,
}

impl Shape {
    /// The parameter of a name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// The most slots that one action may have; a call with more arguments is no tool call. Picked by gut feeling.
pub const MAX_SLOTS: u16 = 1024;

/// The field of what is told of a resource that holds what it is in.
pub const WITHIN: &str = "in";

/// The name of the set that is derived from a list of hosts, urls or emails: of `to` it is `to_hosts`.
pub fn hosts_of(list: &str) -> String {
    format!("{list}{HOSTS_SUFFIX}")
}

fn has_hosts(ty: &Type) -> bool {
    matches!(ty, Type::List(of) if matches!(**of, Type::Url(_) | Type::Email(_) | Type::Host))
}

/// The declared parameter that has the name of what is derived from another one, and that other one.
pub fn taken_name(params: &[(Text, Param)]) -> Option<(&Text, &Text)> {
    let listed = params.iter().filter(|(_, param)| match &param.ty.value {
        ParamType::List(of) => matches!(**of, ParamType::Url | ParamType::Email | ParamType::Host),
        _ => false,
    });
    listed
        .filter_map(|(list, _)| {
            let derived = hosts_of(&list.value);
            let (taken, _) = params.iter().find(|(name, _)| name.value == derived)?;
            Some((taken, list))
        })
        .min_by_key(|(taken, _)| taken.span)
}

/// Lays declared parameters out, and what may be told of so many resources. Gives `None` where there are too many.
pub fn build(params: &[(Text, Param)], told: Option<(&ResourceType, usize)>) -> Option<Shape> {
    let mut layout = Layout { next: 0 };
    let mut parameters = layout.fields(params)?;
    let lists: Vec<(String, bool)> = parameters
        .iter()
        .filter(|list| has_hosts(&list.ty))
        .map(|list| (hosts_of(&list.name), list.optional))
        .collect();
    for (name, optional) in lists {
        parameters.push(Parameter {
            name,
            ty: Type::Hosts,
            optional,
            slot: layout.slot()?,
        });
    }
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    let mut entities = Vec::new();
    let mut within = Vec::new();
    if let Some((told, many)) = told {
        for number in 0..many {
            let slot = layout.slot()?;
            let mut fields = layout.fields(&told.attributes)?;
            fields.iter_mut().for_each(|field| field.optional = true);
            fields.push(Parameter {
                name: WITHIN.to_owned(),
                ty: Type::List(Box::new(Type::String { fold: false })),
                optional: true,
                slot: layout.slot()?,
            });
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            entities.push(Parameter {
                name: format!("{}{number:04}", polity_runtime::value::ENTITY_NAME),
                ty: Type::Record(fields),
                optional: true,
                slot,
            });
        }
        within = told.within.iter().map(|name| name.value.clone()).collect();
        within.sort();
        within.dedup();
    }
    Some(Shape {
        parameters,
        entities,
        within,
        unread: Unread::default(),
        slots: layout.next,
    })
}

/// Numbers slots.
struct Layout {
    next: u16,
}

impl Layout {
    fn slot(&mut self) -> Option<Slot> {
        let slot = Slot(self.next);
        self.next = self.next.checked_add(1).filter(|next| *next <= MAX_SLOTS)?;
        Some(slot)
    }

    /// Parameters of one level, sorted by name.
    fn fields(&mut self, params: &[(Text, Param)]) -> Option<Vec<Parameter>> {
        let mut sorted: Vec<&(Text, Param)> = params.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        sorted.dedup_by(|(a, _), (b, _)| a.value == b.value);
        let mut parameters = Vec::new();
        for (name, param) in sorted {
            let slot = self.slot()?;
            let ty = self.ty(&param.ty.value)?;
            parameters.push(Parameter {
                name: name.value.clone(),
                ty,
                optional: param.optional,
                slot,
            });
        }
        Some(parameters)
    }

    fn ty(&mut self, ty: &ParamType) -> Option<Type> {
        Some(match ty {
            ParamType::String { fold } => Type::String { fold: *fold },
            ParamType::Int => Type::Int,
            ParamType::Bool => Type::Bool,
            ParamType::Decimal => Type::Decimal,
            ParamType::DateTime => Type::DateTime,
            ParamType::Duration => Type::Duration,
            ParamType::Ip => Type::Ip,
            ParamType::Path => Type::Path,
            ParamType::Host => Type::Host,
            ParamType::Opaque => Type::Opaque,
            ParamType::Enum(values) => {
                let mut values: Vec<String> = values.iter().map(|value| value.value.clone()).collect();
                values.sort();
                values.dedup();
                Type::Enum(values)
            }
            ParamType::List(of) => match **of {
                // Elements have no slots: only that the list is there is visible.
                ParamType::Url => Type::List(Box::new(Type::Url(Vec::new()))),
                ParamType::Email => Type::List(Box::new(Type::Email(Vec::new()))),
                _ => Type::List(Box::new(self.ty(of)?)),
            },
            ParamType::Record(fields) => Type::Record(self.fields(fields)?),
            ParamType::Url => Type::Url(self.parts(&["host", "path", "port", "scheme"])?),
            ParamType::Email => Type::Email(self.parts(&["host", "local"])?),
        })
    }

    /// The fields of a url or an email, which are always there.
    fn parts(&mut self, names: &[&str]) -> Option<Vec<Parameter>> {
        let part = |name: &&str| {
            let ty = match *name {
                "port" => Type::Int,
                "host" => Type::Host,
                "path" => Type::Path,
                _ => Type::String { fold: false },
            };
            Some(Parameter {
                name: (*name).to_owned(),
                ty,
                optional: false,
                slot: self.slot()?,
            })
        };
        names.iter().map(part).collect()
    }
}
