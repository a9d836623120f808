//! The template engine: a body and values in, text and where each part of it came from out.
//!
//! No type of the engine leaves this file. What a body may say is an explicit list, checked before anything runs: what
//! is not on it does not exist. One formatter writes every value as JSON; nothing turns it off.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::machinery::Token;
use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, OutputSpanKind, UndefinedBehavior, machinery};

/// The longest body, in bytes: a template that nobody can read whole is not reviewed.
pub(super) const MAX_BODY: usize = 64 << 10;
/// The most words in one pair of braces: an expression of that length has no reviewer, and each may nest the next.
const MAX_WORDS: usize = 400;
/// The most blocks of one template, for the same reasons.
const MAX_BLOCKS: usize = 400;
/// The stack that the engine has, in bytes: several times what that many words and blocks within each other take.
const STACK: usize = 16 << 20;
/// What one use may cost: an instruction is one, and so are 64 bytes of text made. Ten times what a template of a
/// hundred documents takes, and a few milliseconds.
const FUEL: u64 = 50_000;
/// The longest text that one use may yield, in bytes.
pub(super) const MAX_OUTPUT: usize = 1 << 20;

/// A `*` that went through `literal`, until it is known where it stands. Parameters refuse it.
pub(super) const LITERAL_STAR: char = '\u{FDD0}';
/// A `*` that went through `pattern`. Parameters refuse it.
pub(super) const PATTERN_STAR: char = '\u{FDD1}';

/// What a body may call on a value.
const FILTERS: &[&str] = &["join", "length", "literal", "lower", "pattern", "replace", "upper"];
/// What a body may ask of a value.
const TESTS: &[&str] = &["defined", "undefined"];

/// Something wrong with a body, and where in it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) place: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// It is no template, or says what a template may not.
    Syntax,
    /// It names what is declared nowhere.
    Unknown,
    /// It came to nothing with these values.
    Failed,
    /// It takes too long or yields too much.
    TooLarge,
}

/// What a body yields.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

/// A part of the text, and of the body that it came of.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) output: Range<usize>,
    pub(super) source: Range<usize>,
    pub(super) line: usize,
    pub(super) filled: bool,
}

/// Whether a body is one, whatever it will be filled in with. `declared` are the parameters.
pub(super) fn check(body: &str, declared: &[&str]) -> Vec<Fault> {
    if body.len() > MAX_BODY {
        let message = format!("the template is larger than {MAX_BODY} bytes");
        return vec![Fault {
            kind: FaultKind::TooLarge,
            place: 0..0,
            message,
            help: None,
        }];
    }
    let mut checker = Checker {
        body,
        names: declared.to_vec(),
        faults: Vec::new(),
    };
    if let Some(place) = too_deep(body) {
        checker.faults.push(Fault {
            kind: FaultKind::TooLarge,
            place,
            message: format!(
                "more than {MAX_WORDS} words in one pair of braces, or {MAX_BLOCKS} blocks in one template"
            ),
            help: Some("give parts of the expression names with `set`, or write two templates".to_owned()),
        });
        return checker.faults;
    }
    stacker::maybe_grow(STACK, STACK, || {
        match machinery::parse(body, "template", SyntaxConfig::default()) {
            Ok(tree) => checker.statement(&tree),
            Err(error) => checker.faults.push(fault(&error, body, FaultKind::Syntax)),
        }
    });
    checker.faults
}

/// Where a body has more than may be nested: the engine, and the check, go down one step for each operator and block.
fn too_deep(body: &str) -> Option<Range<usize>> {
    let (mut words, mut blocks) = (0, 0);
    // What is no word ends the walk, and is reported by the parser.
    for (token, span) in machinery::tokenize(body, false, SyntaxConfig::default()).map_while(Result::ok) {
        match token {
            Token::VariableStart => words = 0,
            Token::BlockStart => {
                words = 0;
                blocks += 1;
            }
            _ => words += 1,
        }
        if words > MAX_WORDS || blocks > MAX_BLOCKS {
            return Some(range(span));
        }
    }
    None
}

/// Fills a body in. It must have passed [`check`].
pub(super) fn render(body: &str, values: &BTreeMap<String, serde_json::Value>) -> Result<Rendered, Fault> {
    stacker::maybe_grow(STACK, STACK, || filled_in(body, values))
}

fn filled_in(body: &str, values: &BTreeMap<String, serde_json::Value>) -> Result<Rendered, Fault> {
    let environment = environment();
    let failed = |error: &Error| fault(error, body, FaultKind::Failed);
    let template = environment
        .template_from_str(body)
        .map_err(|error| fault(&error, body, FaultKind::Syntax))?;
    let (text, spans) = template
        .render_with_spans(Value::from_pairs(
            values.iter().map(|(name, value)| (name.as_str(), own(value))),
        ))
        .map_err(|error| failed(&error))?;
    if text.len() > MAX_OUTPUT {
        return Err(Fault {
            kind: FaultKind::TooLarge,
            place: 0..0,
            message: format!("the template yields more than {MAX_OUTPUT} bytes"),
            help: None,
        });
    }
    let parts = spans.iter().map(|span| Part {
        output: span.output_range(),
        source: span.source_range(),
        line: span.line(),
        filled: span.kind() == OutputSpanKind::Expression,
    });
    Ok(Rendered {
        parts: parts.collect(),
        text,
    })
}

/// A value of a use as one of the engine's. A use gives no null, no fraction and no mapping.
fn own(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Number(number) => number.as_i64().map_or(Value::UNDEFINED, Value::from),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(entries) => Value::from(entries.iter().map(own).collect::<Vec<Value>>()),
        serde_json::Value::Null | serde_json::Value::Object(_) => Value::UNDEFINED,
    }
}

/// An engine that knows nothing but what is added here: no file, no clock, no chance.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    environment.set_formatter(|output, _, value| {
        let json = json(value).map_err(|message| Error::new(ErrorKind::InvalidOperation, message))?;
        output.write_str(&json).map_err(Error::from)
    });
    environment.add_filter("literal", |value: Value| starred(&value, LITERAL_STAR));
    environment.add_filter("pattern", |value: Value| starred(&value, PATTERN_STAR));
    environment.add_filter("lower", |text: String| text.to_lowercase());
    environment.add_filter("upper", |text: String| text.to_uppercase());
    environment.add_filter("length", |value: Value| {
        let count = value.as_str().map(|text| text.chars().count()).or(value.len());
        count.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "this has no length"))
    });
    environment.add_filter("replace", |text: String, from: String, to: String| {
        let grown = text
            .len()
            .saturating_add(text.len().saturating_add(1).saturating_mul(to.len()));
        if grown > MAX_OUTPUT {
            return Err(Error::new(ErrorKind::OutOfFuel, "the text grows too long"));
        }
        Ok(text.replace(&from, &to))
    });
    environment.add_filter("join", |values: Vec<String>, between: Option<String>| {
        let between = between.unwrap_or_default();
        let length = values.iter().map(|value| value.len() + between.len()).sum::<usize>();
        if length > MAX_OUTPUT {
            return Err(Error::new(ErrorKind::OutOfFuel, "the text grows too long"));
        }
        Ok(values.join(&between))
    });
    environment.add_test("defined", |value: &Value| !value.is_undefined());
    environment.add_test("undefined", |value: &Value| value.is_undefined());
    environment
}

/// The only way in which a value becomes text.
fn json(value: &Value) -> Result<String, String> {
    let mut text = String::new();
    write(value, &mut text, 0)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String, depth: usize) -> Result<(), String> {
    // Lists of lists stand nowhere in a document.
    const DEEPEST: usize = 4;
    if depth > DEEPEST || text.len() > MAX_OUTPUT {
        return Err("the value is too large".to_owned());
    }
    match value.kind() {
        ValueKind::Undefined => return Err("the value is undefined".to_owned()),
        ValueKind::None => return Err("the value is null, which no document holds".to_owned()),
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number if value.is_integer() => match i64::try_from(value.clone()) {
            Ok(number) => text.push_str(&number.to_string()),
            Err(_) => return Err("the number is too large".to_owned()),
        },
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if number.is_finite() => text.push_str(&number.to_string()),
            _ => return Err("the number is not finite".to_owned()),
        },
        ValueKind::String => {
            let written = value.as_str().and_then(|value| serde_json::to_string(value).ok());
            text.push_str(&written.ok_or("the text cannot be written")?);
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let entries = value.try_iter().map_err(|_| "the value is no list")?;
            text.push('[');
            for (at, entry) in entries.enumerate() {
                if at > 0 {
                    text.push_str(", ");
                }
                write(&entry, text, depth + 1)?;
            }
            text.push(']');
        }
        other => return Err(format!("a value of this kind cannot be filled in: {other}")),
    }
    Ok(())
}

/// Marks every `*` of a string, or of a list's strings.
fn starred(value: &Value, star: char) -> Result<Value, Error> {
    let one = |text: &str| text.replace('*', &star.to_string());
    if let Some(text) = value.as_str() {
        return Ok(Value::from(one(text)));
    }
    let refused = || {
        Error::new(
            ErrorKind::InvalidOperation,
            "this filter takes a string, or a list of strings",
        )
    };
    if value.kind() != ValueKind::Seq {
        return Err(refused());
    }
    let entries = value
        .try_iter()?
        .map(|entry| entry.as_str().map(one).ok_or_else(refused));
    Ok(Value::from(entries.collect::<Result<Vec<String>, Error>>()?))
}

fn fault(error: &Error, body: &str, kind: FaultKind) -> Fault {
    let kind = match error.kind() {
        ErrorKind::OutOfFuel => FaultKind::TooLarge,
        _ => kind,
    };
    let message = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "the template takes too many steps, or makes too much text".to_owned(),
        (ErrorKind::UndefinedError, None) => "the value is undefined".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    let line = || {
        let line = error.line()?.checked_sub(1)?;
        let start: usize = body.split_inclusive('\n').take(line).map(str::len).sum();
        let length = body.get(start..)?.lines().next().map_or(0, str::len);
        Some(start..start + length)
    };
    let place = error.range().filter(|range| body.get(range.clone()).is_some());
    let help = match error.kind() {
        ErrorKind::UndefinedError => Some("ask `is defined` first, or give the parameter a default".to_owned()),
        ErrorKind::OutOfFuel => Some("write fewer loops within loops".to_owned()),
        _ => None,
    };
    Fault {
        kind,
        place: place.or_else(line).unwrap_or(0..0),
        message,
        help,
    }
}

/// Looks at everything that a body says, and lets through what is listed here.
struct Checker<'b> {
    body: &'b str,
    /// Parameters, and what the body itself has named so far.
    names: Vec<&'b str>,
    faults: Vec<Fault>,
}

impl<'b> Checker<'b> {
    fn refuse(&mut self, place: Range<usize>, what: &str, help: &str) {
        self.faults.push(Fault {
            kind: FaultKind::Syntax,
            place,
            message: format!("a template has no {what}"),
            help: Some(help.to_owned()),
        });
    }

    fn statements(&mut self, statements: &[Stmt<'b>]) {
        let known = self.names.len();
        for statement in statements {
            self.statement(statement);
        }
        self.names.truncate(known);
    }

    fn statement(&mut self, statement: &Stmt<'b>) {
        let (what, at) = match statement {
            Stmt::Template(template) => return self.statements(&template.children),
            Stmt::EmitRaw(_) => return,
            Stmt::EmitExpr(emit) => return self.expression(&emit.expr, Inside::Plain),
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr, Inside::Plain);
                self.statements(&condition.true_body);
                return self.statements(&condition.false_body);
            }
            Stmt::ForLoop(each) => {
                self.expression(&each.iter, Inside::Plain);
                if each.recursive {
                    self.refuse(range(each.span()), "recursive loop", "write a loop within a loop");
                }
                let known = self.names.len();
                self.bind(&each.target);
                self.names.push("loop");
                if let Some(filter) = &each.filter_expr {
                    self.expression(filter, Inside::Plain);
                }
                self.statements(&each.body);
                self.names.truncate(known);
                return self.statements(&each.else_body);
            }
            Stmt::Set(set) => {
                self.expression(&set.expr, Inside::Kept);
                return self.bind(&set.target);
            }
            Stmt::WithBlock(with) => {
                let known = self.names.len();
                for (target, value) in &with.assignments {
                    self.expression(value, Inside::Kept);
                    self.bind(target);
                }
                self.statements(&with.body);
                self.names.truncate(known);
                return;
            }
            Stmt::SetBlock(it) => ("`set` of a block", it.span()),
            Stmt::AutoEscape(it) => ("`autoescape`: every value is written as JSON", it.span()),
            Stmt::FilterBlock(it) => ("`filter` of a block", it.span()),
            Stmt::Do(it) => ("`do`", it.span()),
        };
        let help = "a template has `for`, `if`, `set` and `with`, and fills values in with `{{ }}`";
        self.refuse(self.opening(range(at)), what, help);
    }

    /// The first line of a place: a block is long.
    fn opening(&self, place: Range<usize>) -> Range<usize> {
        let text = self.body.get(place.clone()).unwrap_or("");
        let first = text.lines().next().map_or(0, str::len);
        place.start..place.start + first
    }

    fn bind(&mut self, target: &Expr<'b>) {
        match target {
            Expr::Var(name) => self.names.push(name.id),
            other => self.refuse(range(other.span()), "unpacking", "give the value one name"),
        }
    }

    fn expression(&mut self, expression: &Expr<'b>, inside: Inside) {
        match expression {
            Expr::Const(_) => {}
            Expr::Var(name) => self.name(name.id, range(name.span())),
            Expr::UnaryOp(it) => self.expression(&it.expr, inside),
            // Lists that are added or multiplied are made only when they are walked, which costs no fuel.
            Expr::BinOp(it) if grows(it.op, &it.left, &it.right) => {
                let help = "join text with `~`; add only numbers that are written out";
                self.refuse(range(it.span()), "`*` or `**`, nor a `+` without a number", help);
            }
            Expr::BinOp(it) => {
                self.expression(&it.left, inside);
                self.expression(&it.right, inside);
            }
            Expr::Compare(it) => {
                self.expression(&it.expr, inside);
                it.ops.iter().for_each(|op| self.expression(&op.expr, inside));
            }
            Expr::IfExpr(it) => {
                self.expression(&it.test_expr, inside);
                self.expression(&it.true_expr, inside);
                it.false_expr.iter().for_each(|it| self.expression(it, inside));
            }
            Expr::Slice(it) => {
                self.expression(&it.expr, inside);
                for bound in [&it.start, &it.stop, &it.step].into_iter().flatten() {
                    self.expression(bound, inside);
                }
            }
            Expr::GetItem(it) => {
                self.expression(&it.expr, inside);
                self.expression(&it.subscript_expr, inside);
            }
            Expr::GetAttr(it) => match &it.expr {
                Expr::Var(name) if name.id == "loop" => self.name("loop", range(name.span())),
                _ => self.refuse(range(it.span()), "attributes", "no parameter has any"),
            },
            Expr::Filter(it) => {
                it.expr.iter().for_each(|it| self.expression(it, inside));
                self.arguments(&it.args, inside);
                if !FILTERS.contains(&it.name) {
                    let help = format!("filters are `{}`", FILTERS.join("`, `"));
                    self.refuse(range(it.span()), &format!("filter `{}`", it.name), &help);
                }
            }
            Expr::Test(it) => {
                self.expression(&it.expr, inside);
                self.arguments(&it.args, inside);
                if !TESTS.contains(&it.name) {
                    let help = "tests are `defined` and `undefined`; compare with `==`, `<` and `in`";
                    self.refuse(range(it.span()), &format!("test `{}`", it.name), help);
                }
            }
            // A list of lists, kept and doubled, is small in memory and endless to walk.
            Expr::List(it) if inside != Inside::Plain => {
                let help = "write the list in the loop, or take it as a parameter";
                self.refuse(range(it.span()), "list within a list, or under a name", help);
            }
            Expr::List(it) => it.items.iter().for_each(|it| self.expression(it, Inside::List)),
            Expr::Call(it) => self.refuse(range(it.span()), "functions", "filters stand after `|`"),
            Expr::Map(it) => self.refuse(range(it.span()), "mappings", "write the keys in the document"),
            Expr::Tuple(it) => self.refuse(range(it.span()), "tuples", "write a list"),
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'b>], inside: Inside) {
        for argument in arguments {
            match argument {
                CallArg::Pos(it) => self.expression(it, inside),
                CallArg::Kwarg(_, it) | CallArg::PosSplat(it) | CallArg::KwargSplat(it) => {
                    self.refuse(range(it.span()), "named or spread arguments", "give them in order");
                }
            }
        }
    }

    fn name(&mut self, name: &str, place: Range<usize>) {
        if self.names.contains(&name) {
            return;
        }
        let near = crate::diag::nearest(name, self.names.iter().copied());
        self.faults.push(Fault {
            kind: FaultKind::Unknown,
            place,
            message: format!("the template declares no parameter `{name}`"),
            help: Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it under `params`".to_owned(),
            }),
        });
    }
}

/// Whether an operator may make a value out of proportion to its operands.
fn grows(op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>) -> bool {
    let number = |side: &Expr<'_>| matches!(side, Expr::Const(it) if it.value.kind() == ValueKind::Number);
    match op {
        BinOpKind::Mul | BinOpKind::Pow => true,
        BinOpKind::Add => !number(left) && !number(right),
        _ => false,
    }
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// In a `{{ }}`, a condition, or what a loop goes over.
    Plain,
    /// In what is given a name.
    Kept,
    /// In a list.
    List,
}

fn range(span: machinery::Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}
