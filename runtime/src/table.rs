//! The decision table: names, placements, fragments, cells and guards, as flat records of 32-bit words.
//!
//! [`TableData`] is what the compiler builds and what a bundle's sections hold; any value of it may be broken.
//! [`Table`] is the same after every index was checked once, so that a decision can follow them. It knows nothing
//! of signatures, of time limits of a bundle, or of where its bytes came from.
//!
//! A *placement* is a deployment in an environment. It lists the tools given, and each entry points to a
//! *fragment*: one cell per action of that tool, shared by all placements for which the same rules answer alike; it
//! is put together of *pieces*, which fragments share in turn. A
//! *cell* lists denies, grants, gates and observed rules in name order, each a rule and its guard.

mod codec;
mod index;
mod lookups;
pub mod record;
mod validate;

pub use codec::Sections;
pub use index::{Index, hash};
use lookups::Lookups;
pub use validate::TableError;

use crate::guard::Guard;
use crate::value::{Effect, Parameters, Strings};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    )*};
}

ids! {
    /// A string of the table.
    StrId;
    /// A deployment, `payments/claude-code`.
    DeploymentId;
    /// An environment.
    EnvironmentId;
    /// A deployment in an environment.
    PlacementId;
    /// A ring.
    RingId;
    /// A tool, or a credential seen as a tool with one action.
    ToolId;
    /// An action or a variant of one.
    ActionId;
    /// A data class.
    ClassId;
    /// A rule.
    RuleId;
    /// What a rule asks of people.
    ApprovalId;
    /// A kill document.
    KillId;
    /// A cell.
    CellId;
}

/// As many tools as are looked at one after the other.
const FEW: usize = 16;

/// Stands for "none" where a record refers to something optional.
pub const NONE: u32 = u32::MAX;

/// The flat arrays, public and unchecked. See [`record`] for what each word means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each array holds the records of the same name in `record`")]
pub struct TableData {
    pub string_offsets: Vec<u32>,
    pub string_text: String,
    pub words: Vec<u32>,
    pub organization: Vec<[u32; 4]>,
    pub deployment_index: Index,
    pub environment_index: Index,
    pub action_index: Index,
    pub class_index: Index,
    pub person_index: Index,
    pub deployments: Vec<[u32; 6]>,
    pub placements: Vec<[u32; 8]>,
    pub given: Vec<[u32; 2]>,
    pub environments: Vec<[u32; 3]>,
    pub rings: Vec<[u32; 6]>,
    pub tools: Vec<[u32; 5]>,
    pub actions: Vec<[u32; 12]>,
    pub variants: Vec<[u32; 2]>,
    pub parameters: Vec<[u32; 6]>,
    pub classes: Vec<[u32; 1]>,
    pub people: Vec<[u32; 1]>,
    pub fragments: Vec<[u32; 1]>,
    pub pieces: Vec<[u32; record::piece::CELLS]>,
    pub cells: Vec<[u32; 6]>,
    pub entries: Vec<[u32; 3]>,
    pub nodes: Vec<[u32; 6]>,
    pub terms: Vec<[u32; 3]>,
    pub constants: Vec<[u32; 6]>,
    pub kills: Vec<[u32; 2]>,
    pub approvals: Vec<[u32; 6]>,
    pub requirements: Vec<[u32; 5]>,
    pub rules: Vec<[u32; 8]>,
    pub programs: Vec<[u32; 5]>,
    pub program_bytes: Vec<u8>,
}

/// Whether a placement takes calls at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Admission {
    /// It does, until its end.
    Admitted = 0,
    /// The environment does not take the ring.
    RingNotInEnvironment = 1,
    /// The team's ceiling does not take the ring.
    RingAboveCeiling = 2,
    /// The environment does not take what the deployment is enforced by.
    EnforcementNotTaken = 3,
}

impl Admission {
    /// From its word; what is not one admits nobody.
    fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Admitted,
            1 => Self::RingNotInEnvironment,
            2 => Self::RingAboveCeiling,
            _ => Self::EnforcementNotTaken,
        }
    }

    /// What a placement's record says, and until when it holds (milliseconds since 1970).
    #[inline]
    pub(crate) fn of(placement: &[u32; 8]) -> (Self, i64) {
        use record::placement::{ADMISSION, UNTIL};
        let until = join(placement[UNTIL], placement[UNTIL + 1]);
        (Self::from_word(placement[ADMISSION]), until)
    }

    /// For a person.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Admitted => "the deployment is admitted",
            Self::RingNotInEnvironment => "the environment does not take this ring",
            Self::RingAboveCeiling => "the team's ceiling does not take this ring",
            Self::EnforcementNotTaken => "the environment does not take what this deployment is enforced by",
        }
    }
}

/// A table of which every index was checked.
///
/// INVARIANT: [`TableData`] passed `validate`: every index is in bounds, lists are sorted as documented, guards and
/// terms refer only to what comes after (guards) or before (terms) them, so that evaluation ends.
#[derive(Debug, Clone)]
pub struct Table {
    data: TableData,
    lookups: Lookups,
    #[cfg(feature = "rego")]
    programs: std::sync::Arc<crate::rego::Programs>,
}

/// A list of entries of one kind of a cell.
pub type Entries<'t> = &'t [[u32; 3]];

/// The rules that reach one action in one placement.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'t> {
    /// Denies, by name.
    pub denies: Entries<'t>,
    /// Grants, by name.
    pub grants: Entries<'t>,
    /// Gates, by name.
    pub gates: Entries<'t>,
    /// Denies and gates that are observed for now.
    pub observed: Entries<'t>,
    /// The ring excludes the action.
    pub ceiling: bool,
}

impl Table {
    /// Checks every index once, and every program.
    ///
    /// # Errors
    /// Names the first array and record that is broken, or the rule whose program cannot be evaluated here.
    pub fn new(data: TableData) -> Result<Self, TableError> {
        validate::validate(&data)?;
        #[cfg(feature = "rego")]
        {
            let mut table = Self {
                lookups: Lookups::new(&data),
                data,
                programs: std::sync::Arc::default(),
            };
            if !table.data.programs.is_empty() {
                table.programs = crate::rego::Programs::load(&table).map_err(TableError::Program)?.into();
            }
            Ok(table)
        }
        #[cfg(not(feature = "rego"))]
        {
            let table = Self {
                lookups: Lookups::new(&data),
                data,
            };
            match table.data.programs.first() {
                None => Ok(table),
                Some(r) => Err(TableError::Program(crate::rego::ProgramError {
                    rule: table.string(r[record::program::RULE]).to_owned(),
                    fault: crate::rego::ProgramFault::NoEngine,
                })),
            }
        }
    }

    /// The programs, decoded.
    #[cfg(feature = "rego")]
    pub(crate) fn programs(&self) -> &crate::rego::Programs {
        &self.programs
    }

    /// What a runtime must be able to do beyond what every one does, as a manifest lists it.
    pub fn features(&self) -> std::collections::BTreeSet<String> {
        let rego = (!self.data.programs.is_empty()).then(|| crate::rego::FEATURE.to_owned());
        rego.into_iter().collect()
    }

    /// The arrays.
    pub fn data(&self) -> &TableData {
        &self.data
    }

    /// A string; empty for an id that is not of this table.
    #[inline]
    pub fn string(&self, id: u32) -> &str {
        let at = id as usize;
        match (self.data.string_offsets.get(at), self.data.string_offsets.get(at + 1)) {
            (Some(start), Some(end)) => self.data.string_text.get(*start as usize..*end as usize).unwrap_or(""),
            _ => "",
        }
    }

    /// A part of the text, reached in one step; empty where there is no such part.
    #[inline]
    pub(crate) fn text(&self, start: u32, length: u32) -> &str {
        let start = start as usize;
        self.data
            .string_text
            .get(start..start.saturating_add(length as usize))
            .unwrap_or("")
    }

    /// The same as bytes, without looking where characters begin.
    #[inline]
    pub(crate) fn bytes(&self, start: u32, length: u32) -> &[u8] {
        slice(self.data.string_text.as_bytes(), start, length)
    }

    /// A list of words; empty where it would leave the pool.
    #[inline]
    pub(crate) fn words(&self, first: u32, count: u32) -> &[u32] {
        slice(&self.data.words, first, count)
    }

    /// The deployment of this name.
    #[inline]
    pub fn deployment(&self, name: &str) -> Option<DeploymentId> {
        self.lookups.deployments.find(&self.data, name).map(DeploymentId)
    }

    /// The environment of this name.
    #[inline]
    pub fn environment(&self, name: &str) -> Option<EnvironmentId> {
        self.lookups.environments.find(&self.data, name).map(EnvironmentId)
    }

    /// The action of this name. A variant is not an action that a call can name.
    #[inline]
    pub fn action(&self, name: &str) -> Option<ActionId> {
        self.lookups.actions.find(&self.data, name).map(ActionId)
    }

    /// The data class of this name.
    pub fn class(&self, name: &str) -> Option<ClassId> {
        self.lookups.classes.find(&self.data, name).map(ClassId)
    }

    /// Whether a person of this name is known.
    pub fn knows_person(&self, name: &str) -> bool {
        self.lookups.people.find(&self.data, name).is_some()
    }

    /// A class's name.
    pub fn class_name(&self, id: ClassId) -> &str {
        self.data
            .classes
            .get(id.0 as usize)
            .map_or("", |[name]| self.string(*name))
    }

    /// The placement of two names, if it is found in one look. It may be in the table where it is not.
    #[inline]
    pub(crate) fn seat(&self, agent: &str, environment: &str) -> Option<(PlacementId, &[u32; 8])> {
        self.lookups.seat(&self.data, agent, environment)
    }

    /// The deployment in the environment, if it is deployed there.
    #[inline]
    pub fn placement(&self, deployment: DeploymentId, environment: EnvironmentId) -> Option<PlacementId> {
        use record::{deployment as d, placement as p};
        let record = self.data.deployments.get(deployment.0 as usize)?;
        let first = record[d::PLACEMENTS];
        let found = slice(&self.data.placements, first, record[d::PLACEMENT_COUNT])
            .binary_search_by_key(&environment.0, |placement| placement[p::ENVIRONMENT])
            .ok()?;
        u32::try_from(found).ok().map(|found| PlacementId(first + found))
    }

    /// A placement's record.
    #[inline]
    pub(crate) fn placement_record(&self, id: PlacementId) -> Option<&[u32; 8]> {
        self.data.placements.get(id.0 as usize)
    }

    /// Whether the placement takes calls, and until when (milliseconds since 1970).
    #[inline]
    pub fn admission(&self, id: PlacementId) -> (Admission, i64) {
        self.placement_record(id)
            .map_or((Admission::EnforcementNotTaken, i64::MIN), Admission::of)
    }

    /// The fragment that decides a tool's actions in a placement, if the tool was given.
    #[inline]
    pub fn fragment(&self, placement: PlacementId, tool: ToolId) -> Option<u32> {
        use record::placement as p;
        let record = self.placement_record(placement)?;
        self.fragment_among(record[p::GIVEN], record[p::GIVEN_COUNT], tool)
    }

    /// The same among the tools given, whose place is known.
    #[inline(always)]
    pub(crate) fn fragment_among(&self, first: u32, count: u32, tool: ToolId) -> Option<u32> {
        use record::given as g;
        let given = slice(&self.data.given, first, count);
        // Looking at a few in turn is quicker than halving.
        let few = given.len() <= FEW;
        let found = match few {
            true => given.iter().find(|entry| entry[g::TOOL] == tool.0),
            false => {
                let found = given.binary_search_by_key(&tool.0, |entry| entry[g::TOOL]).ok();
                found.and_then(|found| given.get(found))
            }
        };
        found.map(|entry| entry[g::FRAGMENT])
    }

    /// The cell of an action in a fragment of its tool.
    #[inline(always)]
    pub fn cell_id(&self, fragment: u32, action: ActionId) -> Option<CellId> {
        let ordinal = self.action_record(action)?[record::action::FLAGS] >> record::action::ORDINAL;
        let cell = self.lookups.cell(fragment, ordinal)?;
        (cell != NONE).then_some(CellId(cell))
    }

    /// A cell's lists.
    pub fn cell(&self, id: CellId) -> Option<Cell<'_>> {
        self.cell_record(id).map(|record| self.lists(record))
    }

    /// A cell's record.
    #[inline]
    pub(crate) fn cell_record(&self, id: CellId) -> Option<&[u32; 6]> {
        self.data.cells.get(id.0 as usize)
    }

    /// The lists of a cell's record.
    #[inline(always)]
    pub(crate) fn lists(&self, record: &[u32; 6]) -> Cell<'_> {
        use record::cell as c;
        let list = |list| {
            let (first, count) = c::run(record, list);
            slice(&self.data.entries, first, count)
        };
        Cell {
            denies: list(c::DENIES),
            grants: list(c::GRANTS),
            gates: list(c::GATES),
            observed: list(c::OBSERVED),
            ceiling: c::ceiling(record),
        }
    }

    /// An action's record.
    #[inline]
    pub(crate) fn action_record(&self, id: ActionId) -> Option<&[u32; 12]> {
        self.data.actions.get(id.0 as usize)
    }

    /// What an action's arguments are read with. An id that is not of this table declares nothing.
    pub fn parameters(&self, id: ActionId) -> Parameters<'_> {
        use record::action as a;
        let data = &self.data;
        let strings = Strings {
            offsets: &data.string_offsets,
            text: &data.string_text,
        };
        let none = Parameters {
            records: &data.parameters,
            words: &data.words,
            strings,
            top: 0..0,
            slots: 0,
            strict: true,
        };
        let Some(r) = self.action_record(id) else { return none };
        let strict = self
            .tool_record(ToolId(r[a::TOOL]))
            .is_none_or(|tool| tool[record::tool::FLAGS] & record::tool::STRICT != 0);
        let top = r[a::PARAMETERS]..r[a::PARAMETERS].saturating_add(r[a::PARAMETER_COUNT]);
        Parameters {
            top,
            slots: u16::try_from(r[a::SLOTS]).unwrap_or(0),
            strict,
            ..none
        }
    }

    /// An action's name.
    pub fn action_name(&self, id: ActionId) -> &str {
        self.action_record(id)
            .map_or("", |r| self.string(r[record::action::NAME]))
    }

    /// An action's effect; what is not one is the worst.
    #[inline]
    pub fn effect(&self, id: ActionId) -> Effect {
        match self
            .action_record(id)
            .map(|r| r[record::action::FLAGS] & record::action::EFFECT_MASK)
        {
            Some(0) => Effect::Read,
            Some(1) => Effect::Write,
            _ => Effect::Destructive,
        }
    }

    /// The variants of an action, in the order in which they are tried: a guard and what it takes the call as.
    #[inline]
    pub fn variants(&self, id: ActionId) -> impl Iterator<Item = (Guard, ActionId)> {
        use record::action as a;
        let list = self.action_record(id).map_or(&[][..], |r| {
            slice(&self.data.variants, r[a::VARIANTS], r[a::VARIANT_COUNT])
        });
        list.iter().map(|[guard, action]| (Guard(*guard), ActionId(*action)))
    }

    /// A tool's record.
    #[inline]
    pub(crate) fn tool_record(&self, id: ToolId) -> Option<&[u32; 5]> {
        self.data.tools.get(id.0 as usize)
    }

    /// A rule's record.
    #[inline]
    pub(crate) fn rule_record(&self, id: RuleId) -> Option<&[u32; 8]> {
        self.data.rules.get(id.0 as usize)
    }

    /// A rule's name, `policy/rule`.
    pub fn rule_name(&self, id: RuleId) -> &str {
        self.rule_record(id).map_or("", |r| self.string(r[record::rule::NAME]))
    }
}

/// A part of an array; empty where it would leave it.
#[inline]
pub(crate) fn slice<T>(array: &[T], first: u32, count: u32) -> &[T] {
    let first = first as usize;
    array.get(first..first.saturating_add(count as usize)).unwrap_or(&[])
}

/// A 64-bit value of two words, low word first.
#[inline]
pub(crate) fn join(low: u32, high: u32) -> i64 {
    (u64::from(low) | (u64::from(high) << 32)).cast_signed()
}

/// The two words of a 64-bit value, low word first.
pub fn split(value: i64) -> [u32; 2] {
    let value = value.cast_unsigned();
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are wanted")]
    let low = value as u32;
    [low, u32::try_from(value >> 32).unwrap_or(u32::MAX)]
}
