//! What programs call: the builtins that they may, each so that its failure ends the program.
//!
//! The machine takes an error within a rule for "undefined", whatever it is told about strictness, and a deny that
//! meets one would never match. So every builtin is called by way of one that turns its error into a limit that was
//! exceeded, which the machine lets nothing absorb; and arithmetic, which the machine has instructions for, is
//! rewritten into calls of such builtins. On the way the size of what they give is bounded.

use std::cell::Cell;
use std::sync::OnceLock;

use regorus::rvm::instructions::BuiltinCallParams;
use regorus::rvm::program::BuiltinInfo;
use regorus::rvm::vm::VmError;
use regorus::rvm::{Instruction, Program as Code};
use regorus::unstable::{BuiltinFcn, Expr, Ref, Span};
use regorus::{LimitError, Value};

use super::ProgramBlame;

/// The builtins that a program may call, sorted: what they give depends on their arguments alone, and is not larger
/// than what a policy could write down. Missing are those that ask a clock, the network, the host or chance, those
/// that print, and those that make long lists or numbers of short ones (`numbers.range`, `net.cidr_expand`,
/// `bits.lsh`).
pub const BUILTINS: [&str; 99] = [
    "__builtin_sets.intersection",
    "__builtin_sets.union",
    "abs",
    "array.concat",
    "array.reverse",
    "array.slice",
    "base64.decode",
    "base64.encode",
    "base64.is_valid",
    "base64url.decode",
    "base64url.encode",
    "base64url.encode_no_pad",
    "bits.and",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "glob.match",
    "glob.quote_meta",
    "hex.decode",
    "hex.encode",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "json.filter",
    "json.is_valid",
    "json.marshal",
    "json.remove",
    "json.unmarshal",
    "lower",
    "max",
    "min",
    "net.cidr_contains",
    "net.cidr_is_valid",
    "object.filter",
    "object.get",
    "object.keys",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
    "product",
    "regex.find_all_string_submatch_n",
    "regex.find_n",
    "regex.is_valid",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "replace",
    "round",
    "semver.compare",
    "semver.is_valid",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.replace_n",
    "strings.reverse",
    "substring",
    "sum",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.diff",
    "time.format",
    "time.parse_duration_ns",
    "time.parse_ns",
    "time.parse_rfc3339_ns",
    "time.weekday",
    "to_number",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "units.parse",
    "units.parse_bytes",
    "upper",
];

/// How many bytes the builtins of one answer may give in all. Picked by gut feeling: a thousand times what policies make.
const MAX_MADE: u64 = 4 << 20;

/// How many bits a number may have. What is longer no policy means.
const MAX_BITS: u64 = 4096;

thread_local! {
    /// Bytes that may still be made for the answer at hand.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// An answer is about to be asked for.
pub(super) fn begin() {
    let _ = LEFT.try_with(|left| left.set(MAX_MADE));
}

/// How a failure is told through the machine: as usage of a limit of zero.
const FAILED: u64 = 1;
const TOO_MUCH: u64 = 2;

fn stop(usage: u64) -> LimitError {
    LimitError::MemoryLimitExceeded { usage, limit: 0 }
}

/// What an error of the machine was.
pub(super) fn blame(error: &VmError) -> ProgramBlame {
    match error {
        VmError::MemoryLimitExceeded {
            usage: TOO_MUCH,
            limit: 0,
            ..
        } => ProgramBlame::Budget,
        _ => ProgramBlame::Failed,
    }
}

/// Lets a program fail by what it calls, and calculate by calls. `None` where it calls what it does not declare.
pub(super) fn harden(code: &mut Code) -> Option<()> {
    code.resolved_builtins.clear();
    for builtin in &code.builtin_info_table {
        let at = BUILTINS.binary_search(&builtin.name.as_str()).ok()?;
        code.resolved_builtins.push(*CHECKED.get(at)?);
    }
    let first = u16::try_from(code.builtin_info_table.len()).ok()?;
    for (name, function) in &ARITHMETIC {
        code.builtin_info_table.push(BuiltinInfo {
            name: (*name).to_owned(),
            num_args: 2,
        });
        code.resolved_builtins.push(*function);
    }
    for instruction in &mut code.instructions {
        use Instruction::{Add, Div, Mod, Mul, Sub};
        let (operation, dest, left, right) = match *instruction {
            Add { dest, left, right } => (0, dest, left, right),
            Sub { dest, left, right } => (1, dest, left, right),
            Mul { dest, left, right } => (2, dest, left, right),
            Div { dest, left, right } => (3, dest, left, right),
            Mod { dest, left, right } => (4, dest, left, right),
            _ => continue,
        };
        let calls = &mut code.instruction_data.builtin_call_params;
        let params_index = u16::try_from(calls.len()).ok()?;
        calls.push(BuiltinCallParams {
            dest,
            builtin_index: first.checked_add(operation)?,
            num_args: 2,
            args: [left, right, 0, 0, 0, 0, 0, 0],
        });
        *instruction = Instruction::BuiltinCall { params_index };
    }
    Some(())
}

/// Functions with names beside them: [`BuiltinFcn`] is one with how many arguments it takes.
macro_rules! checked {
    ($($at:literal),*) => {
        [$((checked::<$at, _>, 0)),*]
    };
}

/// [`BUILTINS`], each checked.
#[rustfmt::skip]
static CHECKED: [BuiltinFcn; BUILTINS.len()] = checked![
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59,
    60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
    80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98
];

/// What stands for the machine's own instructions.
static ARITHMETIC: [(&str, BuiltinFcn); 5] = [
    ("+", (arithmetic::<'+', _>, 2)),
    ("-", (arithmetic::<'-', _>, 2)),
    ("*", (arithmetic::<'*', _>, 2)),
    ("/", (arithmetic::<'/', _>, 2)),
    ("%", (arithmetic::<'%', _>, 2)),
];

/// A builtin by its place in [`BUILTINS`], such that its failure ends the program.
fn checked<const AT: usize, E: From<LimitError>>(
    span: &Span,
    params: &[Ref<Expr>],
    arguments: &[Value],
    _: bool,
) -> Result<Value, E> {
    static INNER: OnceLock<Vec<Option<BuiltinFcn>>> = OnceLock::new();
    let inner = INNER.get_or_init(|| {
        let find = |name: &&str| regorus::unstable::BUILTINS.get(*name).copied();
        BUILTINS.iter().map(find).collect()
    });
    let Some((function, _)) = inner.get(AT).copied().flatten() else {
        return Err(stop(FAILED).into());
    };
    let value = function(span, params, arguments, true).map_err(|_| stop(FAILED))?;
    Ok(charge(value)?)
}

/// Arithmetic, of numbers; `-` also of sets.
fn arithmetic<const OPERATION: char, E: From<LimitError>>(
    _: &Span,
    _: &[Ref<Expr>],
    arguments: &[Value],
    _: bool,
) -> Result<Value, E> {
    let failed = || stop(FAILED);
    let [left, right] = arguments else {
        return Err(failed().into());
    };
    if let ('-', Value::Set(left), Value::Set(right)) = (OPERATION, left, right) {
        return Ok(Value::from(left.difference(right)));
    }
    let (Ok(a), Ok(b)) = (left.as_number(), right.as_number()) else {
        return Err(failed().into());
    };
    let none = *right == Value::from(0u64);
    let result = match OPERATION {
        '+' => a.add(b),
        '-' => a.sub(b),
        '*' => a.mul(b),
        '/' if !none => a.clone().divide(b),
        '%' if !none && a.is_integer() && b.is_integer() => a.clone().modulo(b),
        _ => return Err(failed().into()),
    };
    let number = result.map_err(|_| failed())?;
    Ok(charge(Value::from(number))?)
}

/// The value, if there is room for it.
fn charge(value: Value) -> Result<Value, LimitError> {
    let size = match &value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => 16 * items.len() as u64,
        Value::Set(items) => 16 * items.len() as u64,
        Value::Object(fields) => 32 * fields.len() as u64,
        Value::Number(number) if number.as_i64().is_none() && number.is_integer() => {
            let bits = number.as_big().map_or(0, |big| big.bits());
            if bits > MAX_BITS {
                return Err(stop(TOO_MUCH));
            }
            bits / 8
        }
        _ => 0,
    };
    let left = LEFT.try_with(|left| left.get().checked_sub(size).inspect(|less| left.set(*less)));
    match left {
        Ok(Some(_)) => Ok(value),
        _ => Err(stop(TOO_MUCH)),
    }
}
