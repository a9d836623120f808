//! Strings, constants, terms, patterns and guards into the flat arrays of the table, each once.

use std::sync::Arc;

use polity_runtime::guard::{self, Fit, Guard, Side, constant, relation, resource};
use polity_runtime::table::{Index, NONE, TableData, split};
use polity_runtime::value::{ANY, SEGMENT};

use super::diagram::{Diagram, Diagrams};
use super::hash::HashMap;
use super::specialise::pattern;
use super::steps::{fit, steps};
use crate::ir::{Constant, Function, GlobPart, Op, PatternPart, Program, ResourcePart, Term, Test};

/// A part of the table does not fit its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Fills the arrays.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    pub data: TableData,
    strings: HashMap<String, u32>,
    constants: HashMap<Constant, u32>,
    terms: HashMap<Term, u32>,
    lists: HashMap<Vec<u32>, u32>,
    classes: HashMap<String, u32>,
    programs: HashMap<Arc<Program>, u32>,
    blobs: HashMap<Vec<u8>, u32>,
}

/// The length of an array as an index.
pub(super) fn count<T>(array: &[T]) -> Result<u32, Full> {
    u32::try_from(array.len())
        .ok()
        .filter(|count| *count < guard::Term::MAX_INDEX)
        .ok_or(Full)
}

impl Emitter {
    /// An emitter that knows the data classes by name.
    pub(super) fn new(classes: impl Iterator<Item = String>) -> Self {
        let mut emitter = Self {
            classes: classes.zip(0u32..).collect(),
            ..Self::default()
        };
        emitter.data.string_offsets.push(0);
        emitter
    }

    /// Whether something that was written so far has this string.
    pub(super) fn has(&self, text: &str) -> bool {
        self.strings.contains_key(text)
    }

    /// An emitter that goes on where a table ends.
    pub(super) fn after(data: TableData, classes: impl Iterator<Item = String>) -> Self {
        Self {
            data,
            classes: classes.zip(0u32..).collect(),
            ..Self::default()
        }
    }

    /// A string's id.
    pub(super) fn string(&mut self, text: &str) -> Result<u32, Full> {
        if let Some(id) = self.strings.get(text) {
            return Ok(*id);
        }
        let id = count(&self.data.string_offsets)? - 1;
        self.data.string_text.push_str(text);
        self.data
            .string_offsets
            .push(u32::try_from(self.data.string_text.len()).map_err(|_| Full)?);
        self.strings.insert(text.to_owned(), id);
        Ok(id)
    }

    /// A string's id, or [`NONE`].
    pub(super) fn optional(&mut self, text: Option<&str>) -> Result<u32, Full> {
        text.map_or(Ok(NONE), |text| self.string(text))
    }

    /// Where a list stands in the pool of words.
    pub(super) fn list(&mut self, list: Vec<u32>) -> Result<u32, Full> {
        if let Some(at) = self.lists.get(&list) {
            return Ok(*at);
        }
        let at = count(&self.data.words)?;
        self.data.words.extend(&list);
        self.lists.insert(list, at);
        Ok(at)
    }

    fn constant(&mut self, value: &Constant) -> Result<u32, Full> {
        if let Some(id) = self.constants.get(value) {
            return Ok(*id);
        }
        let wide = |tag, value| {
            let [low, high] = split(value);
            [tag, low, high, 0, 0, 0]
        };
        let record = match value {
            Constant::Bool(value) => [constant::BOOL, u32::from(*value), 0, 0, 0, 0],
            Constant::Int(value) => wide(constant::INT, *value),
            Constant::Decimal(value) => wide(constant::DECIMAL, *value),
            Constant::DateTime(value) => wide(constant::DATETIME, *value),
            Constant::Duration(value) => wide(constant::DURATION, *value),
            Constant::String(text) => {
                let (start, length) = self.span(text)?;
                [constant::STRING, self.string(text)?, start, length, 0, 0]
            }
            Constant::Ip(net) => {
                let prefix = u32::from(net.prefix);
                match net.address {
                    std::net::IpAddr::V4(address) => [constant::IPV4, prefix, address.to_bits(), 0, 0, 0],
                    std::net::IpAddr::V6(address) => {
                        let [b, c, d, e] = words_of(address.to_bits());
                        [constant::IPV6, prefix, b, c, d, e]
                    }
                }
            }
            Constant::Set(values) => {
                let ids = values
                    .iter()
                    .map(|value| self.constant(value))
                    .collect::<Result<Vec<_>, _>>()?;
                let many = count(&ids)?;
                [constant::SET, self.list(ids)?, many, 0, 0, 0]
            }
        };
        let id = count(&self.data.constants)?;
        self.data.constants.push(record);
        self.constants.insert(value.clone(), id);
        Ok(id)
    }

    fn term(&mut self, term: &Term) -> Result<u32, Full> {
        let reference = match term {
            Term::Nothing => guard::Term::Nothing,
            Term::Constant(value) => guard::Term::Constant(self.constant(value)?),
            Term::Slot(slot) => guard::Term::Slot(u32::from(slot.0)),
            Term::OnBehalfOf => guard::Term::OnBehalfOf,
            Term::Now => guard::Term::Now,
            Term::Calls => guard::Term::Calls,
            Term::Holding | Term::Held(_) => guard::Term::Holding,
            Term::Pattern(parts) => guard::Term::Pattern(self.pattern(pattern(parts))?),
            Term::Glob(parts) => guard::Term::Pattern(self.pattern(glob(parts))?),
            Term::Regex(words) => guard::Term::Pattern(self.pattern(words.to_vec())?),
            Term::Apply(..) | Term::Set(_) | Term::Resource(_) => guard::Term::Apply(self.function(term)?),
            Term::Document(_) | Term::List(_) => guard::Term::Apply(self.function(term)?),
            Term::Program(program) => guard::Term::Program(self.program(program)?),
            // Settled for every class before anything is emitted.
            Term::Principal(_) | Term::ResourceName | Term::Entity(_) | Term::Environment => return Err(Full),
        };
        reference.encode().ok_or(Full)
    }

    /// A pattern: its length, then its parts.
    fn pattern(&mut self, mut parts: Vec<u32>) -> Result<u32, Full> {
        parts.insert(0, count(&parts)?);
        self.list(parts)
    }

    fn function(&mut self, term: &Term) -> Result<u32, Full> {
        if let Some(id) = self.terms.get(term) {
            return Ok(*id);
        }
        let (function, operands) = match term {
            Term::Apply(function, operands) => (runtime(*function), self.operands(operands)?),
            Term::Set(elements) => (guard::Function::Set, self.operands(elements)?),
            Term::List(items) => (guard::Function::List, self.operands(items)?),
            Term::Document(fields) => {
                let mut words = Vec::new();
                for field in fields {
                    words.extend([
                        self.string(&field.name)?,
                        u32::from(field.optional) * guard::record::OPTIONAL,
                        self.term(&field.there)?,
                        self.term(&field.value)?,
                    ]);
                }
                (guard::Function::Record, words)
            }
            Term::Resource(parts) => {
                let mut words = Vec::new();
                for part in parts {
                    let (flags, reference) = match part {
                        ResourcePart::Literal(text) => (
                            0,
                            guard::Term::Constant(self.constant(&Constant::String(text.clone()))?),
                        ),
                        ResourcePart::Slot { slot, folded, free } => {
                            let flags = (u32::from(*folded) * resource::FOLDED) | (u32::from(*free) * resource::FREE);
                            (flags, guard::Term::Slot(u32::from(slot.0)))
                        }
                    };
                    words.extend([flags, reference.encode().ok_or(Full)?]);
                }
                (guard::Function::Resource, words)
            }
            _ => return Err(Full),
        };
        let many = count(&operands)?;
        let first = self.list(operands)?;
        let id = count(&self.data.terms)?;
        self.data.terms.push([function as u32, first, many]);
        self.terms.insert(term.clone(), id);
        Ok(id)
    }

    fn program(&mut self, program: &Arc<Program>) -> Result<u32, Full> {
        if let Some(id) = self.programs.get(program) {
            return Ok(*id);
        }
        let rule = self.string(&program.rule)?;
        let (code, code_length) = self.bytes(&program.code)?;
        let (data, data_length) = self.bytes(&program.data)?;
        let id = count(&self.data.programs)?;
        self.data.programs.push([rule, code, code_length, data, data_length]);
        self.programs.insert(Arc::clone(program), id);
        Ok(id)
    }

    /// Where bytes of programs stand, and how many they are. Rules of one file share their data.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(u32, u32), Full> {
        let at = match self.blobs.get(bytes) {
            Some(at) => *at,
            None => {
                let at = count(&self.data.program_bytes)?;
                self.data.program_bytes.extend_from_slice(bytes);
                self.blobs.insert(bytes.to_vec(), at);
                at
            }
        };
        Ok((at, count(bytes)?))
    }

    fn operands(&mut self, terms: &[Term]) -> Result<Vec<u32>, Full> {
        terms.iter().map(|term| self.term(term)).collect()
    }

    /// A test's operator and operands. Tests of what the session holds look at class ids.
    fn test(&mut self, test: &Test) -> Result<[u32; 3], Full> {
        if let (Op::Contains, Term::Holding, Term::Constant(Constant::String(class))) =
            (test.op, &test.left, &test.right)
            && let Some(id) = self.classes.get(class)
        {
            let class = guard::Term::Class(*id).encode().ok_or(Full)?;
            return Ok([
                guard::Op::Holds as u32,
                guard::Term::Nothing.encode().ok_or(Full)?,
                class,
            ]);
        }
        if let Some(quick) = self.quick(test)? {
            return quick.encode().ok_or(Full);
        }
        Ok([
            operator(test.op).ok_or(Full)? as u32,
            self.term(&test.left)?,
            self.term(&test.right)?,
        ])
    }

    /// A test that stands whole in its node.
    fn quick(&mut self, test: &Test) -> Result<Option<guard::Test>, Full> {
        if let (Op::Glob, Term::Resource(template), Term::Glob(glob)) = (test.op, &test.left, &test.right) {
            return self.resource(&test.left, template, glob);
        }
        if let (Op::Like, Some(side), Term::Pattern(parts)) = (test.op, string_side(&test.left), &test.right) {
            return fit_of(parts).map(|(fit, text)| self.text(side, fit, &text)).transpose();
        }
        if let (Op::Contains, Term::Constant(Constant::Set(values)), Some(side)) =
            (test.op, &test.left, string_side(&test.right))
        {
            return self.among(side, values);
        }
        let (side, value, swapped) = match (&test.left, &test.right) {
            (side, Term::Constant(value)) => (side, value, false),
            (Term::Constant(value), side) => (side, value, true),
            _ => return Ok(None),
        };
        if let (Op::Equal, Constant::String(text), Some(side)) = (test.op, value, string_side(side)) {
            return self.text(side, Fit::Equal, text).map(Some);
        }
        let (tag, value) = match value {
            Constant::Int(value) => (constant::INT, *value),
            Constant::Decimal(value) => (constant::DECIMAL, *value),
            Constant::DateTime(value) => (constant::DATETIME, *value),
            Constant::Duration(value) => (constant::DURATION, *value),
            _ => return Ok(None),
        };
        let side = match side {
            Term::Slot(slot) => Side::Slot(u32::from(slot.0)),
            Term::Now => Side::Surroundings,
            _ => return Ok(None),
        };
        let relation = match (test.op, swapped) {
            (Op::Equal, _) => relation::EQUAL,
            (Op::Less, false) => relation::LESS,
            (Op::Less, true) => relation::GREATER,
            (Op::LessEqual, false) => relation::LESS | relation::EQUAL,
            (Op::LessEqual, true) => relation::GREATER | relation::EQUAL,
            _ => return Ok(None),
        };
        Ok(Some(guard::Test::Number {
            side,
            tag,
            relation,
            value,
        }))
    }

    fn text(&mut self, side: Side, fit: Fit, text: &str) -> Result<guard::Test, Full> {
        let (start, length) = self.span(text)?;
        Ok(guard::Test::Text {
            side,
            fit,
            start,
            length,
        })
    }

    /// A string among constants, where all of them are strings and there is one.
    fn among(&mut self, side: Side, values: &[Constant]) -> Result<Option<guard::Test>, Full> {
        let texts = values.iter().map(|value| match value {
            Constant::String(text) => Some(text.as_str()),
            _ => None,
        });
        let Some(mut texts) = texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty()) else {
            return Ok(None);
        };
        texts.sort_unstable_by(|a, b| guard::in_order(a.as_bytes(), b.as_bytes()));
        texts.dedup();
        let mut words = Vec::new();
        for text in &texts {
            let (start, length) = self.span(text)?;
            words.extend([start, length]);
        }
        Ok(Some(guard::Test::Among {
            side,
            first: self.list(words)?,
            count: count(&texts)?,
        }))
    }

    /// Where a string stands in the text.
    fn span(&mut self, text: &str) -> Result<(u32, u32), Full> {
        let id = self.string(text)?;
        let start = self.data.string_offsets.get(id as usize).copied().ok_or(Full)?;
        Ok((start, u32::try_from(text.len()).map_err(|_| Full)?))
    }

    /// A resource against a glob that falls apart at its slots.
    fn resource(
        &mut self,
        term: &Term,
        template: &[ResourcePart],
        glob: &[GlobPart],
    ) -> Result<Option<guard::Test>, Full> {
        let whole = glob;
        let Some(steps) = steps(template, glob) else {
            return Ok(None);
        };
        let mut words = Vec::new();
        for step in &steps {
            let (fit, text) = step.fit();
            let (start, length) = match fit {
                Fit::Pattern | Fit::Never => {
                    let pattern = self::glob(if fit == Fit::Never { whole } else { &step.glob });
                    let length = count(&pattern)?;
                    (self.list(pattern)?, length)
                }
                Fit::Any => (0, 0),
                Fit::Equal | Fit::Prefix | Fit::Suffix => self.span(&text)?,
            };
            let step = guard::Step {
                slot: u32::from(step.slot.0),
                free: step.free,
                fit,
                start,
                length,
            };
            words.extend(step.encode().ok_or(Full)?);
        }
        Ok(Some(guard::Test::Resource {
            term: self.function(term)?,
            steps: self.list(words)?,
            count: count(&steps)?,
        }))
    }

    /// Writes every diagram that a root reaches; gives what becomes of each root. Parents stand before children.
    pub(super) fn guards(&mut self, diagrams: &Diagrams, roots: &[Diagram]) -> Result<HashMap<Diagram, Guard>, Full> {
        let nodes = diagrams.nodes();
        let mut reached = vec![false; nodes.len()];
        let mut open: Vec<usize> = roots.iter().filter_map(|root| root.index()).collect();
        while let Some(index) = open.pop() {
            match reached.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            if let Some(node) = nodes.get(index) {
                open.extend([node.yes, node.no, node.error].into_iter().filter_map(Diagram::index));
            }
        }
        // Children were made first: in reverse every edge leads forward.
        let kept: Vec<usize> = (0..nodes.len())
            .rev()
            .filter(|index| reached.get(*index) == Some(&true))
            .collect();
        let mut place = vec![Guard::ERROR; nodes.len()];
        // After what stands there already.
        let first = count(&self.data.nodes)?;
        for (at, index) in (first..).zip(&kept) {
            if let Some(slot) = place.get_mut(*index) {
                *slot = Guard(at);
            }
        }
        count(&kept)?;
        let guard_of = |diagram: Diagram| match diagram.index() {
            Some(index) => place.get(index).copied().unwrap_or(Guard::ERROR),
            None => match diagram {
                Diagram::NO => Guard::NO,
                Diagram::YES => Guard::YES,
                _ => Guard::ERROR,
            },
        };
        let mut written: HashMap<u32, [u32; 3]> = HashMap::default();
        for index in &kept {
            let Some(node) = nodes.get(*index) else { continue };
            let [op, left, right] = match written.get(&node.test.0) {
                Some(words) => *words,
                None => {
                    let test = diagrams.tests().get(node.test.0 as usize).ok_or(Full)?;
                    let words = self.test(test)?;
                    written.insert(node.test.0, words);
                    words
                }
            };
            let edges = [node.yes, node.no, node.error].map(|edge| guard_of(edge).0);
            let [yes, no, error] = edges;
            self.data.nodes.push([op, left, right, yes, no, error]);
        }
        Ok(roots.iter().map(|root| (*root, guard_of(*root))).collect())
    }

    /// An index over the names of records, which are already in place.
    pub(super) fn index<const N: usize>(&self, records: &[[u32; N]]) -> Index {
        let name = |record: &[u32; N]| -> &str {
            let id = record.first().copied().unwrap_or(NONE) as usize;
            let range = self
                .data
                .string_offsets
                .get(id)
                .zip(self.data.string_offsets.get(id + 1));
            range
                .and_then(|(start, end)| self.data.string_text.get(*start as usize..*end as usize))
                .unwrap_or("")
        };
        Index::build(records.iter().map(name))
    }
}

/// Four words of a 128-bit value, highest first.
fn words_of(bits: u128) -> [u32; 4] {
    let word = |shift: u32| u32::try_from((bits >> shift) & 0xffff_ffff).unwrap_or(u32::MAX);
    [word(96), word(64), word(32), word(0)]
}

fn glob(parts: &[GlobPart]) -> Vec<u32> {
    let part = |part: &GlobPart| match part {
        GlobPart::Literal(letter) => u32::from(*letter),
        GlobPart::Segment => SEGMENT,
        GlobPart::Any => ANY,
    };
    parts.iter().map(part).collect()
}

/// What a string is compared with in a node: a slot, or for whom the agent works.
fn string_side(term: &Term) -> Option<Side> {
    match term {
        Term::Slot(slot) => Some(Side::Slot(u32::from(slot.0))),
        Term::OnBehalfOf => Some(Side::Surroundings),
        _ => None,
    }
}

/// A pattern that is a constant with at most one `*`, at an end.
fn fit_of(parts: &[PatternPart]) -> Option<(Fit, String)> {
    let letter = |part: &PatternPart| match part {
        PatternPart::Literal(letter) => Some(*letter),
        PatternPart::Any => None,
    };
    fit(parts, letter, |part| *part == PatternPart::Any)
}

fn operator(op: Op) -> Option<guard::Op> {
    Some(match op {
        Op::Has => guard::Op::Has,
        Op::IsTrue => guard::Op::IsTrue,
        Op::Equal => guard::Op::Equal,
        Op::Less => guard::Op::Less,
        Op::LessEqual => guard::Op::LessEqual,
        Op::Like => guard::Op::Like,
        Op::Contains => guard::Op::Contains,
        Op::ContainsAll => guard::Op::ContainsAll,
        Op::ContainsAny => guard::Op::ContainsAny,
        Op::IsEmpty => guard::Op::IsEmpty,
        Op::IsIpv4 => guard::Op::IsIpv4,
        Op::IsIpv6 => guard::Op::IsIpv6,
        Op::IsLoopback => guard::Op::IsLoopback,
        Op::IsMulticast => guard::Op::IsMulticast,
        Op::IsInRange => guard::Op::IsInRange,
        Op::Glob => guard::Op::Glob,
        Op::KnownPerson => guard::Op::KnownPerson,
        Op::Program => guard::Op::Program,
        Op::PrincipalIn | Op::ActionIn | Op::ResourceIn => return None,
    })
}

fn runtime(function: Function) -> guard::Function {
    match function {
        Function::Add => guard::Function::Add,
        Function::Subtract => guard::Function::Subtract,
        Function::Multiply => guard::Function::Multiply,
        Function::Negate => guard::Function::Negate,
        Function::Offset => guard::Function::Offset,
        Function::DurationSince => guard::Function::DurationSince,
        Function::ToDate => guard::Function::ToDate,
        Function::ToTime => guard::Function::ToTime,
        Function::ToMilliseconds => guard::Function::ToMilliseconds,
        Function::ToSeconds => guard::Function::ToSeconds,
        Function::ToMinutes => guard::Function::ToMinutes,
        Function::ToHours => guard::Function::ToHours,
        Function::ToDays => guard::Function::ToDays,
        Function::Count => guard::Function::Count,
    }
}
