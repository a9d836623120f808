//! Tools, their actions, and the parameters that calls of them take.

use polity_runtime::table::{record, split};
use polity_runtime::value::Effect;

use super::Writer;
use crate::resolve::shape::{Parameter, Shape, Type};
use crate::table::cells::Cells;
use crate::table::diagram::Diagram;
use crate::table::emit::{Full, count};

impl Writer<'_> {
    /// Tools, their actions, and the parameters of each shape once.
    pub(super) fn tools(&mut self, cells: &Cells, guard: &dyn Fn(Diagram) -> u32) -> Result<(), Full> {
        let organization = self.organization;
        for (id, tool) in (0u32..).zip(&organization.tools) {
            let name = self.emitter.string(&tool.name)?;
            let kill = self.kill(|kill| kill.tools.iter().any(|killed| killed.0 == id));
            let flags = u32::from(tool.strict) * record::tool::STRICT
                + u32::from(tool.credential.is_some()) * record::tool::CREDENTIAL;
            self.emitter
                .data
                .tools
                .push([name, tool.first_action, tool.action_count, kill, flags]);
        }
        let mut shapes = Vec::new();
        for shape in &organization.shapes {
            shapes.push(self.shape(shape)?);
        }
        let shape_of = |id: u32| shapes.get(id as usize).copied().unwrap_or((0, 0, 0));
        for (at, action) in organization.actions.iter().enumerate() {
            let name = self.emitter.string(&action.name)?;
            let tool = organization.tools.get(action.tool.0 as usize);
            let ordinal = at.checked_sub(tool.map_or(0, |tool| tool.first_action as usize));
            let ordinal = ordinal.and_then(|ordinal| u32::try_from(ordinal).ok());
            let ordinal = ordinal
                .filter(|ordinal| *ordinal <= record::action::MAX_ORDINAL)
                .ok_or(Full)?;
            let effect = match action.effect {
                Effect::Read => 0,
                Effect::Write => 1,
                Effect::Destructive => 2,
            };
            let flags = effect
                + u32::from(action.external) * record::action::EXTERNAL
                + u32::from(action.reversible) * record::action::REVERSIBLE
                + (ordinal << record::action::ORDINAL);
            let (first, many, slots) = shape_of(action.shape.0);
            let reads: Vec<u32> = action.reads.iter().map(|class| class.0).collect();
            let read_count = count(&reads)?;
            let reads = self.emitter.list(reads)?;
            let credential = tool.and_then(|tool| tool.credential.as_ref());
            let [low, high] = split(credential.map_or(0, |credential| credential.max_ttl.0));
            self.emitter.data.actions.push([
                name,
                action.tool.0,
                flags,
                first,
                many,
                slots,
                0,
                0,
                reads,
                read_count,
                low,
                high,
            ]);
        }
        for (base, tests) in organization.bases.iter().zip(&cells.variants) {
            let name = self.emitter.string(&base.name)?;
            let (first, many, slots) = shape_of(base.shape.0);
            let variants = count(&self.emitter.data.variants)?;
            for ((_, action), test) in base.variants.iter().zip(tests) {
                self.emitter.data.variants.push([guard(*test), action.0]);
            }
            let variant_count = count(&base.variants)?;
            self.emitter.data.actions.push([
                name,
                base.tool.0,
                0,
                first,
                many,
                slots,
                variants,
                variant_count,
                0,
                0,
                0,
                0,
            ]);
        }
        Ok(())
    }

    /// A shape's parameters: the first top-level record, how many, and how many slots.
    fn shape(&mut self, shape: &Shape) -> Result<(u32, u32, u32), Full> {
        // What is told of resources comes first: no parameter's name sorts before its own.
        let all = [shape.entities.as_slice(), &shape.parameters].concat();
        let first = self.parameters(&all)?;
        Ok((first, count(&all)?, u32::from(shape.slots)))
    }

    /// Contiguous records; what is below them comes after.
    fn parameters(&mut self, parameters: &[Parameter]) -> Result<u32, Full> {
        let first = count(&self.emitter.data.parameters)?;
        for parameter in parameters {
            let name = self.emitter.string(&parameter.name)?;
            let told = parameter.name.starts_with(polity_runtime::value::ENTITY_NAME);
            let flags = u32::from(parameter.optional) * polity_runtime::value::OPTIONAL
                + u32::from(told) * polity_runtime::value::ENTITY;
            self.emitter.data.parameters.push([
                name,
                kind(&parameter.ty) | (flags << 8),
                u32::from(parameter.slot.0),
                0,
                0,
                0,
            ]);
        }
        for (at, parameter) in (first..).zip(parameters) {
            self.below(at, &parameter.ty)?;
        }
        Ok(first)
    }

    /// Fills in what a record refers to.
    fn below(&mut self, at: u32, ty: &Type) -> Result<(), Full> {
        let (child, children, flags) = match ty {
            Type::Record(fields) | Type::Url(fields) | Type::Email(fields) if !fields.is_empty() => {
                (self.parameters(fields)?, count(fields)?, 0)
            }
            Type::Enum(values) => {
                let ids = values
                    .iter()
                    .map(|value| self.emitter.string(value))
                    .collect::<Result<Vec<_>, _>>()?;
                let many = count(&ids)?;
                (self.emitter.list(ids)?, many, 0)
            }
            Type::List(of) => {
                let element = count(&self.emitter.data.parameters)?;
                let name = self.emitter.string("")?;
                self.emitter.data.parameters.push([name, kind(of), 0, 0, 0, 0]);
                self.below(element, of)?;
                (element, 1, 0)
            }
            Type::String { fold: true } => (0, 0, polity_runtime::value::FOLD),
            _ => (0, 0, 0),
        };
        if let Some(record) = self.emitter.data.parameters.get_mut(at as usize) {
            record[1] |= flags << 8;
            record[3] = child;
            record[4] = children;
        }
        Ok(())
    }
}

/// The number of a parameter's type in its record.
fn kind(ty: &Type) -> u32 {
    match ty {
        Type::String { .. } => 0,
        Type::Int => 1,
        Type::Bool => 2,
        Type::Decimal => 3,
        Type::DateTime => 4,
        Type::Duration => 5,
        Type::Ip => 6,
        Type::Path => 7,
        Type::Host => 8,
        Type::Url(_) => 9,
        Type::Email(_) => 10,
        Type::Enum(_) => 11,
        Type::List(_) => 12,
        Type::Record(_) => 13,
        Type::Opaque => 14,
        Type::Hosts => 15,
    }
}
