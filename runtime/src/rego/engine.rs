//! Programs decoded and checked at load, and their evaluation.
//!
//! A virtual machine is kept by each thread for each program that it asks, so that a decision takes no lock and makes
//! no machine. Machines keep nothing from one call to the next: the engine clears what it computed before it runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use regorus::Value;
use regorus::rvm::program::{DeserializationResult, RuleType};
use regorus::rvm::vm::{ExecutionMode, VmError};
use regorus::rvm::{Program as Code, RegoVM};

use super::builtins::{self, BUILTINS};
use super::input::Template;
use super::{MAX_INSTRUCTIONS, MAX_RULES, ProgramBlame, ProgramError, ProgramFault, bytes};
use crate::guard::{Blame, Call, Op, Term};
use crate::table::{Table, TableData, record, slice};

/// The programs of a table, and what each node hands to its own.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    all: Vec<Program>,
    /// By the term on the right of the nodes that ask.
    inputs: BTreeMap<u32, Template>,
}

#[derive(Debug)]
struct Program {
    code: Arc<Code>,
    data: Value,
}

impl Programs {
    /// Decodes and checks every program.
    pub(crate) fn load(table: &Table) -> Result<Self, ProgramError> {
        use record::program as p;
        let data: &TableData = table.data();
        let mut programs = Self::default();
        for r in &data.programs {
            let part = |first: usize, length: usize| {
                let word = |at: usize| r.get(at).copied().unwrap_or(0);
                slice(&data.program_bytes, word(first), word(length))
            };
            let program = Program::new(part(p::CODE, p::CODE_LENGTH), part(p::DATA, p::DATA_LENGTH));
            programs.all.push(program.map_err(|fault| ProgramError {
                rule: table.string(r[p::RULE]).to_owned(),
                fault,
            })?);
        }
        for &[op, left, right, ..] in &data.nodes {
            let (Some(Op::Program), Some(Term::Program(program)), Some(Term::Apply(id))) =
                (Op::from_word(op), Term::decode(left), Term::decode(right))
            else {
                continue;
            };
            if let Entry::Vacant(place) = programs.inputs.entry(id) {
                let template = Template::new(table, id).ok_or_else(|| ProgramError {
                    rule: name(table, program).to_owned(),
                    fault: ProgramFault::Broken("what it is handed is nested too deeply".to_owned()),
                })?;
                place.insert(template);
            }
        }
        Ok(programs)
    }
}

fn name(table: &Table, program: u32) -> &str {
    let record = table.data().programs.get(program as usize);
    record.map_or("", |r| table.string(r[record::program::RULE]))
}

/// Whether a program and its data would load.
///
/// # Errors
/// Why they would not.
pub fn check(code: &[u8], data: &[u8]) -> Result<(), ProgramFault> {
    Program::new(code, data).map(drop)
}

impl Program {
    fn new(code: &[u8], data: &[u8]) -> Result<Self, ProgramFault> {
        bytes::check(code)?;
        let broken = |why: &str| ProgramFault::Broken(why.to_owned());
        let mut code = match Code::deserialize_binary(code).map_err(ProgramFault::Broken)? {
            DeserializationResult::Complete(code) => code,
            DeserializationResult::Partial(code) => {
                let known = |name: &str| BUILTINS.binary_search(&name).is_ok();
                let unknown = code.builtin_info_table.iter().find(|builtin| !known(&builtin.name));
                return Err(match unknown {
                    Some(builtin) => ProgramFault::Builtin(builtin.name.clone()),
                    None => broken("a part of it cannot be read"),
                });
            }
        };
        if let Some(builtin) = code
            .builtin_info_table
            .iter()
            .find(|builtin| BUILTINS.binary_search(&builtin.name.as_str()).is_err())
        {
            return Err(ProgramFault::Builtin(builtin.name.clone()));
        }
        code.validate_limits().map_err(ProgramFault::Broken)?;
        let language = code.metadata.language.as_str();
        if code.has_host_await || code.rego_v0 || !(language.is_empty() || language == "rego") {
            return Err(broken("it is not of the language that is evaluated"));
        }
        if code.needs_runtime_recursion_check {
            return Err(ProgramFault::Refused("looks rules up by names that it computes"));
        }
        if code.rule_infos.len() > MAX_RULES {
            return Err(ProgramFault::Refused("has more rules and functions than are evaluated"));
        }
        for rule in &code.rule_infos {
            let several = rule.definitions.len() > 1 && !rule.early_exit_on_first_success;
            if rule.rule_type == RuleType::PartialObject || (rule.rule_type == RuleType::Complete && several) {
                let name = rule.name.rsplit('.').next().unwrap_or_default();
                return Err(ProgramFault::Disagree(name.to_owned()));
            }
        }
        if code.entry_points.len() != 1 {
            return Err(broken("it does not have one entry point"));
        }
        let text = std::str::from_utf8(data).map_err(|error| ProgramFault::Data(error.to_string()))?;
        let data = Value::from_json_str(text).map_err(|error| ProgramFault::Data(error.to_string()))?;
        builtins::harden(&mut code).ok_or_else(|| broken("it calls what it does not declare"))?;
        let program = Self {
            code: Arc::new(code),
            data,
        };
        program
            .machine()
            .map_err(|error| ProgramFault::Broken(error.to_string()))?;
        Ok(program)
    }

    /// A machine for it.
    fn machine(&self) -> Result<RegoVM, VmError> {
        let mut machine = RegoVM::new();
        machine.load_program(Arc::clone(&self.code));
        machine.set_data(self.data.clone())?;
        machine.set_max_instructions(MAX_INSTRUCTIONS);
        // In this mode rules that call rules take memory, not the thread's stack.
        machine.set_execution_mode(ExecutionMode::Suspendable);
        Ok(machine)
    }

    /// Runs it.
    fn run(&self, input: Value) -> Result<Value, ProgramBlame> {
        let mut machine = match take(&self.code) {
            Some(machine) => machine,
            None => self.machine().map_err(|_| ProgramBlame::Failed)?,
        };
        machine.set_input(input);
        builtins::begin();
        // Some builtins panic on what they do not expect (`sprintf("%½", [1])`): here that is an error like another.
        // A machine that failed is not used again.
        let run = catch_unwind(AssertUnwindSafe(|| machine.execute_entry_point_by_index(0)));
        match run {
            Ok(Ok(value)) => {
                machine.set_input(Value::Undefined);
                keep(machine);
                Ok(value)
            }
            Ok(Err(VmError::InstructionLimitExceeded { .. })) => Err(ProgramBlame::Budget),
            Ok(Err(error)) => Err(builtins::blame(&error)),
            Err(_) => Err(ProgramBlame::Failed),
        }
    }
}

/// How many machines a thread keeps: of the programs that it asked last. Picked by gut feeling; one is a few
/// kilobytes.
const KEPT: usize = 32;

thread_local! {
    static MACHINES: RefCell<Vec<RegoVM>> = const { RefCell::new(Vec::new()) };
}

/// The thread's machine for a program. It holds the program, so another program is never at the same address.
fn take(code: &Arc<Code>) -> Option<RegoVM> {
    let take = |machines: &RefCell<Vec<RegoVM>>| {
        let mut machines = machines.try_borrow_mut().ok()?;
        let at = machines
            .iter()
            .rposition(|machine| Arc::ptr_eq(machine.get_program(), code))?;
        Some(machines.remove(at))
    };
    MACHINES.try_with(take).ok().flatten()
}

fn keep(machine: RegoVM) {
    // Where the thread is ending, the machine ends too.
    let _ = MACHINES.try_with(|machines| {
        if let Ok(mut machines) = machines.try_borrow_mut() {
            if machines.len() >= KEPT {
                machines.remove(0);
            }
            machines.push(machine);
        }
    });
}

/// Asks a program: yes for true and for a set with an element; no for false, for an empty set and for undefined.
pub(crate) fn ask(table: &Table, left: Term, right: Term, call: &Call<'_>) -> Result<bool, Blame> {
    let programs = table.programs();
    let (Term::Program(id), Term::Apply(input)) = (left, right) else {
        return Err(Blame::Table);
    };
    let program = programs.all.get(id as usize).ok_or(Blame::Table)?;
    let template = programs.inputs.get(&input).ok_or(Blame::Table)?;
    let input = template.make(table, call)?;
    match program.run(input).map_err(Blame::Program)? {
        Value::Bool(answer) => Ok(answer),
        Value::Set(reasons) => Ok(!reasons.is_empty()),
        Value::Undefined => Ok(false),
        _ => Err(Blame::Program(ProgramBlame::Answer)),
    }
}
