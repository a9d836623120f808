//! Rules that an engine decides: Rego that is no condition of a guard is kept whole in the bundle, as a program of
//! regorus' virtual machine, and a node of a guard asks it.
//!
//! With the feature `rego` each program is decoded and checked once, when the table is; without it a table that has one
//! is refused by the name of the rule, so that nothing is ever decided as if the rule were not there. A program sees
//! what the node hands it and nothing else: no clock, no network, no file, no chance.

#[cfg(feature = "rego")]
mod builtins;
#[cfg(feature = "rego")]
mod bytes;
#[cfg(feature = "rego")]
mod engine;
#[cfg(feature = "rego")]
mod input;
#[cfg(feature = "rego")]
#[cfg(test)]
mod tests;

use std::fmt;

#[cfg(feature = "rego")]
pub use builtins::BUILTINS;
#[cfg(feature = "rego")]
pub use engine::check;
#[cfg(feature = "rego")]
pub(crate) use engine::{Programs, ask};

/// What a manifest calls the ability that a bundle with programs needs.
pub const FEATURE: &str = "rego";

/// How many instructions of the virtual machine one answer may take. Policies take tens to hundreds; this many take a
/// few milliseconds. Nothing that was measured asked for more or less.
pub const MAX_INSTRUCTIONS: usize = 100_000;

/// How many rules and functions a program may have. Picked by gut feeling: what the machine forgets before it answers
/// grows with them.
pub const MAX_RULES: usize = 512;

/// How deep constants of a program may be nested.
pub const MAX_NESTING: usize = 64;

/// A program that cannot be evaluated here, so its bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramError {
    /// The rule that it decides, `policy/rule`.
    pub rule: String,
    /// What is wrong.
    pub fault: ProgramFault,
}

/// Why a program cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramFault {
    /// This runtime was built without the feature.
    NoEngine,
    /// It was serialised in another version of the format.
    Version {
        /// Its version.
        found: u32,
        /// The one that is read.
        known: u32,
    },
    /// It is no program, or not all of one.
    Broken(String),
    /// It calls a builtin that is not among those that see only their arguments.
    Builtin(String),
    /// It has several definitions of this name, whose values may differ. Where they do, Rego stops, and the machine goes
    /// on without a value, so that a deny might not match.
    Disagree(String),
    /// It is larger, or does more, than a program may.
    Refused(&'static str),
    /// Its data cannot be read.
    Data(String),
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = &self.rule;
        match &self.fault {
            ProgramFault::NoEngine => write!(
                f,
                "the rule `{rule}` is decided by a Rego program, and this runtime was built without the feature `{FEATURE}`"
            ),
            fault => write!(f, "the Rego program that decides the rule `{rule}` {fault}"),
        }
    }
}

impl fmt::Display for ProgramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEngine => write!(f, "needs the feature `{FEATURE}`"),
            Self::Version { found, known } => write!(
                f,
                "has the serialised form {found}, and this runtime reads {known}: build both from one release"
            ),
            Self::Broken(why) => write!(f, "is broken: {why}"),
            Self::Builtin(name) if name == "time.now_ns" => {
                f.write_str("calls `time.now_ns`: the time of the call is `input.now`")
            }
            Self::Builtin(name) => write!(f, "calls `{name}`, which no program may"),
            Self::Disagree(name) => write!(
                f,
                "puts `{name}` together of definitions whose values may differ: join them with `else`, or write one comprehension"
            ),
            Self::Refused(why) => f.write_str(why),
            Self::Data(why) => write!(f, "has data that cannot be read: {why}"),
        }
    }
}

impl std::error::Error for ProgramError {}
impl std::error::Error for ProgramFault {}

/// What went wrong while a program ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramBlame {
    /// It did not end within [`MAX_INSTRUCTIONS`].
    Budget,
    /// A builtin could not take what it was given, or two definitions disagree.
    Failed,
    /// It came to neither a boolean nor a set.
    Answer,
}

impl fmt::Display for ProgramBlame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget => write!(
                f,
                "its Rego program does not end within {MAX_INSTRUCTIONS} instructions"
            ),
            Self::Failed => f.write_str("its Rego program fails on this call"),
            Self::Answer => f.write_str("its Rego program comes to neither a boolean nor a set"),
        }
    }
}

#[cfg(not(feature = "rego"))]
#[cfg(test)]
mod without {
    use crate::table::{Table, TableData};

    #[test]
    fn a_table_with_a_program_is_refused_by_the_name_of_the_rule() {
        let data = TableData {
            string_offsets: vec![0, 6],
            string_text: "acme/r".into(),
            organization: vec![[0, u32::MAX, 1, 0]],
            programs: vec![[0, 0, 1, 0, 1]],
            program_bytes: vec![0],
            ..TableData::default()
        };
        let error = Table::new(data.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the rule `acme/r` is decided by a Rego program, and this runtime was built without the feature `rego`"
        );
        let none = TableData {
            programs: Vec::new(),
            ..data
        };
        assert!(Table::new(none).is_ok());
    }
}
