//! A Rego rule that no condition can say, kept whole: the text of its module becomes a program for the engine in the
//! runtime, and, for one action, the test that asks it.
//!
//! The program is compiled without its text, so comments and layout change nothing, and the same module gives the same
//! bytes. It is handed only those parts of the input document that the rule names, or a rule that it asks for, so that a
//! rule errs for what it reads, and depends on what it reads: that is told by the words of those rules, since every way
//! to the document begins with the word `input` or with a name that is imported for a part of it.

use std::collections::BTreeSet;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use polity_runtime::rego::ProgramFault;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::DeserializationResult;
use regorus::unstable::{Lexer, Source, Token, TokenKind};
use regorus::{Engine, PolicyLengthConfig, Value};

use super::asked::asked;
use super::module::{self, Index};
use super::parse::parse;
use crate::ast::Text;
use crate::ir::{Attribute, Condition, Constant, Field, Op, Program, Term, Test};
use crate::resolve::shape::{Parameter, Type};
use crate::resolve::{Action, Organization};
use crate::source::Span;

mod rewrite;

/// A rule kept whole.
#[derive(Debug, Clone)]
pub struct Whole {
    program: Arc<Program>,
    reads: Reads,
}

/// A rule of a module.
#[derive(Debug, Clone, Copy)]
pub struct Module<'m> {
    /// Where it stands: named in messages only.
    pub path: &'m str,
    /// All of it.
    pub text: &'m str,
    /// `data`, as a JSON object.
    pub data: &'m str,
    /// The path of the rule, `data.polity.refunds.allow`.
    pub entry: &'m str,
    /// What the rule is called, `refunds/allow`.
    pub rule: &'m str,
}

/// Why a rule cannot be kept whole either, as the rest of a sentence that begins with the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit(pub String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Compiles a rule.
///
/// # Errors
/// The engine refuses it, or the runtime would.
pub fn program(module: &Module<'_>) -> Result<Whole, Unfit> {
    let tokens = tokens(module.text)?;
    // What cannot be read the engine refuses, in its own words.
    let parsed = parse(&Text::new(module.text.to_owned(), Span::NOWHERE)).ok();
    let parsed = parsed.map(|parsed| (Index::new(&parsed), parsed));
    let (text, reads) = match &parsed {
        Some((index, parsed)) => {
            let entry = module.entry.rsplit('.').next().unwrap_or_default();
            let text = rewrite::rewritten(module.text, parsed, index, &tokens);
            (text, Reads::new(entry, parsed, index, &tokens))
        }
        None => (module.text.to_owned(), Reads::default()),
    };
    let module = &Module { text: &text, ..*module };
    let data =
        Value::from_json_str(module.data).map_err(|error| Unfit(format!("has data that cannot be read: {error}")))?;
    let canonical = data
        .to_json_str()
        .map_err(|error| Unfit(format!("has data that cannot be written: {error}")))?;
    // The parser and the compiler are written not to panic; what they take for granted is not ours to know.
    let compiled = catch_unwind(AssertUnwindSafe(|| compile(module, data)));
    let code = compiled.unwrap_or_else(|_| Err(Unfit("is beyond the engine, which gave up".to_owned())))?;
    polity_runtime::rego::check(&code, canonical.as_bytes()).map_err(|fault| match fault {
        ProgramFault::Broken(why) => Unfit(format!("is refused by the engine: {why}")),
        fault => Unfit(fault.to_string()),
    })?;
    let constants = constants(&code);
    let program = Program::new(module.rule.to_owned(), code, canonical.into_bytes(), constants);
    Ok(Whole {
        program: Arc::new(program),
        reads,
    })
}

fn compile(module: &Module<'_>, data: Value) -> Result<Vec<u8>, Unfit> {
    let refused = |why: String| Unfit(format!("is refused by the engine: {}", reason(&why)));
    let mut engine = Engine::new();
    engine.set_rego_v0(false);
    engine.set_policy_length_config(LENGTHS);
    engine.set_strict_builtin_errors(true);
    engine
        .add_policy(module.path.to_owned(), module.text.to_owned())
        .map_err(|error| refused(error.to_string()))?;
    engine.add_data(data).map_err(|error| refused(error.to_string()))?;
    let policy = engine
        .compile_with_entrypoint(&module.entry.into())
        .map_err(|error| refused(error.to_string()))?;
    let program =
        Compiler::compile_from_policy(&policy, &[module.entry]).map_err(|error| refused(error.to_string()))?;
    let mut program = (*program).clone();
    // For debuggers: the text itself, and where in it each instruction came from.
    program.sources.clear();
    program.instruction_spans.clear();
    program.serialize_binary().map_err(refused)
}

/// The widest line, and the longest text, that is compiled.
const LENGTHS: PolicyLengthConfig = PolicyLengthConfig {
    max_col: NonZeroU32::new(16 << 10).unwrap(),
    max_file_bytes: NonZeroUsize::new(1 << 20).unwrap(),
    max_lines: NonZeroUsize::new(20_000).unwrap(),
};

/// What a message of the engine says, without the lines that show the place.
fn reason(message: &str) -> &str {
    let told = message.lines().find_map(|line| line.trim().strip_prefix("error: "));
    told.or_else(|| message.lines().find(|line| !line.trim().is_empty()))
        .unwrap_or(message)
        .trim()
}

/// The numbers and strings that a program names.
pub(crate) fn constants(code: &[u8]) -> Vec<Constant> {
    let Ok(DeserializationResult::Complete(program)) = regorus::rvm::Program::deserialize_binary(code) else {
        return Vec::new();
    };
    let constant = |value: &Value| match value {
        Value::String(text) => Some(Constant::String(text.to_string())),
        Value::Number(_) => value.as_i64().ok().map(Constant::Int),
        _ => None,
    };
    program.literals.iter().filter_map(constant).collect()
}

impl Whole {
    /// Whether what it is handed differs between actions of one shape.
    pub fn mentions_action(&self) -> bool {
        self.reads.wants(&["action"]) || self.reads.wants(&["resources"])
    }

    /// The test that asks it of a call of an action.
    ///
    /// # Errors
    /// It reads an argument that no condition sees.
    pub fn condition(&self, organization: &Organization, action: &Action) -> Result<Condition, Unfit> {
        Ok(Condition::Test(Test {
            op: Op::Program,
            left: Term::Program(Arc::clone(&self.program)),
            right: Term::Document(self.document(organization, action)?),
        }))
    }

    /// The input document, as far as it is read.
    fn document(&self, organization: &Organization, action: &Action) -> Result<Vec<Field>, Unfit> {
        let reads = &self.reads;
        let principal = |attribute| Term::Principal(attribute);
        let object = |name: &str, fields: Vec<(&str, Term)>| {
            let read = fields.into_iter().filter(|(field, _)| reads.wants(&[name, field]));
            (
                name.to_owned(),
                Term::Document(read.map(|(field, value)| always(field, value)).collect()),
            )
        };
        let mut args = Vec::new();
        let shape = organization.shapes.get(action.shape.0 as usize);
        for parameter in shape.map_or(&[][..], |shape| &shape.parameters) {
            if !reads.wants(&["args", &parameter.name]) {
                continue;
            }
            match value(parameter) {
                Some(value) => args.push(field(parameter, value)),
                None if reads.names(&["args", &parameter.name]) => {
                    return Err(Unfit(format!(
                        "reads `input.args.{}` of `{}`, which no condition sees",
                        parameter.name, action.name
                    )));
                }
                None => {}
            }
        }
        let tool = organization.tools.get(action.tool.0 as usize);
        let tool = tool
            .filter(|tool| tool.credential.is_none())
            .map_or("credential", |tool| tool.name.as_str());
        let effect = action.effect.as_str();
        let resources = action
            .resources
            .iter()
            .map(|resource| Term::Resource(resource.parts.clone()));
        let all = [
            object(
                "agent",
                vec![
                    ("name", principal(Attribute::Deployment)),
                    ("agent", principal(Attribute::Agent)),
                    ("team", principal(Attribute::Team)),
                    ("ring", principal(Attribute::Ring)),
                    ("tags", principal(Attribute::Tags)),
                ],
            ),
            ("environment".to_owned(), Term::Environment),
            object(
                "action",
                vec![
                    ("name", text(&action.name)),
                    ("tool", text(tool)),
                    ("effect", text(effect)),
                    ("external", Term::Constant(Constant::Bool(action.external))),
                    ("reversible", Term::Constant(Constant::Bool(action.reversible))),
                ],
            ),
            ("resources".to_owned(), Term::List(resources.collect())),
            ("args".to_owned(), Term::Document(args)),
            object("session", vec![("holding", Term::Holding), ("calls", Term::Calls)]),
            ("now".to_owned(), Term::Now),
        ];
        let read = all.into_iter().filter(|(name, _)| reads.wants(&[name]));
        let mut document: Vec<Field> = read.map(|(name, value)| always(&name, value)).collect();
        if reads.wants(&["on_behalf_of"]) {
            document.push(Field {
                name: "on_behalf_of".to_owned(),
                optional: true,
                there: Term::OnBehalfOf,
                value: Term::OnBehalfOf,
            });
        }
        Ok(document)
    }
}

fn text(text: &str) -> Term {
    Term::Constant(Constant::String(text.to_owned()))
}

fn always(name: &str, value: Term) -> Field {
    Field {
        name: name.to_owned(),
        optional: false,
        there: Term::Nothing,
        value,
    }
}

fn field(parameter: &Parameter, value: Term) -> Field {
    Field {
        name: parameter.name.clone(),
        optional: parameter.optional,
        there: Term::Slot(parameter.slot),
        value,
    }
}

/// An argument in the document; nothing of one that no condition sees.
fn value(parameter: &Parameter) -> Option<Term> {
    match &parameter.ty {
        Type::Opaque => None,
        Type::List(of) if matches!(**of, Type::Url(_) | Type::Email(_)) => None,
        Type::Record(fields) | Type::Url(fields) | Type::Email(fields) => {
            let seen = fields.iter().filter_map(|one| Some(field(one, value(one)?)));
            Some(Term::Document(seen.collect()))
        }
        _ => Some(Term::Slot(parameter.slot)),
    }
}

/// The words of a module, in their order.
pub(super) type Tokens = Vec<Token>;

pub(super) fn tokens(text: &str) -> Result<Tokens, Unfit> {
    let unread = |error: &dyn fmt::Display| Unfit(format!("cannot be read: {}", reason(&error.to_string())));
    let source = Source::from_contents(String::new(), text.to_owned()).map_err(|e| unread(&e))?;
    let mut lexer = Lexer::new(&source);
    lexer.set_max_col(LENGTHS.max_col);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token().map_err(|error| unread(&error))?;
        if token.0 == TokenKind::Eof {
            return Ok(tokens);
        }
        tokens.push(token);
    }
}

/// The parts of the input document that a rule names, or a rule that it asks for, each by its path; the empty path is
/// all of it.
#[derive(Debug, Clone, Default)]
struct Reads {
    paths: BTreeSet<Vec<String>>,
}

impl Reads {
    /// Of one rule: what only its neighbours read does not make it err.
    fn new(entry: &str, module: &regorus::unstable::Module, index: &Index, tokens: &Tokens) -> Self {
        let asked = asked(index);
        let own = |name: &str| name == entry || asked.get(entry).is_some_and(|names| names.contains(name));
        // Of each rule where it begins, and whether it is asked; it ends where the next begins.
        let mut rules: Vec<(u32, bool)> = module
            .policy
            .iter()
            .map(|rule| (rule.span().start, own(&module::name(rule))))
            .collect();
        rules.sort_unstable();
        let mut reads = Self::default();
        for (at, token) in tokens.iter().enumerate() {
            let after = rules.partition_point(|(start, _)| *start <= token.1.start);
            let of = after.checked_sub(1).and_then(|rule| rules.get(rule));
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            if token.0 != TokenKind::Ident
                || !of.is_some_and(|(_, asked)| *asked)
                || before.is_some_and(|before| is(before, "."))
            {
                continue;
            }
            let rest = path(tokens.get(at + 1..).unwrap_or_default());
            if token.1.text() == "input" {
                reads.paths.insert(rest);
            } else if let Some([first, imported @ ..]) = index.imports.get(token.1.text()).map(Vec::as_slice)
                && first == "input"
            {
                reads.paths.insert([imported, &rest].concat());
            }
        }
        reads
    }

    /// Whether something at this path, in it, or around it is named.
    fn wants(&self, path: &[&str]) -> bool {
        self.paths
            .iter()
            .any(|named| named.iter().zip(path).all(|(a, b)| a == b))
    }

    /// Whether this path, or something in it, is named.
    fn names(&self, path: &[&str]) -> bool {
        self.paths
            .iter()
            .any(|named| named.len() >= path.len() && named.iter().zip(path).all(|(a, b)| a == b))
    }
}

fn is(token: &Token, symbol: &str) -> bool {
    token.0 == TokenKind::Symbol && token.1.text() == symbol
}

/// The names that follow the word `input`, as far as they are written out.
fn path(mut rest: &[Token]) -> Vec<String> {
    let mut path = Vec::new();
    loop {
        match rest {
            [dot, name, after @ ..] if is(dot, ".") && name.0 == TokenKind::Ident => {
                path.push(name.1.text().to_owned());
                rest = after;
            }
            [open, name, close, after @ ..]
                if is(open, "[") && is(close, "]") && name.0 == TokenKind::String && !name.1.text().contains('\\') =>
            {
                path.push(name.1.text().trim_matches('"').to_owned());
                rest = after;
            }
            _ => return path,
        }
    }
}

#[cfg(test)]
mod tests;
