//! A node of a guard as text: `context.args.amount <= 5000`. The text is for people; nothing parses it.

use crate::guard::{Fit, Function, Op, Side, Step, Term, Test, constant, relation, resource};
use crate::table::{ActionId, Table, join, record, slice};
use crate::value::{ANY, Automaton, ENTITY_NAME, SEGMENT};
use crate::wire::Timestamp;

/// A node's test.
pub(super) fn node(table: &Table, action: Option<ActionId>, node: u32) -> String {
    let Some(&[head, a, b, ..]) = table.data().nodes.get(node as usize) else {
        return String::new();
    };
    let side = |side, surroundings| match side {
        Side::Slot(slot) => term(table, action, Term::Slot(slot)),
        Side::Surroundings => term(table, action, surroundings),
    };
    match Test::decode([head, a, b]) {
        Some(Test::General(op, left, right)) => general(table, action, op, left, right),
        Some(Test::Number {
            side: of,
            tag,
            relation,
            value,
        }) => format!(
            "{} {} {}",
            side(of, Term::Now),
            match relation {
                relation::LESS => "<",
                relation::EQUAL => "==",
                relation::GREATER => ">",
                _ if relation & relation::LESS != 0 => "<=",
                _ => ">=",
            },
            wide(tag, value)
        ),
        Some(Test::Text {
            side: of,
            fit,
            start,
            length,
        }) => {
            let (side, text) = (side(of, Term::OnBehalfOf), table.text(start, length));
            match fit {
                Fit::Equal => format!("{side} == {text:?}"),
                Fit::Prefix => format!("{side} like {:?}", format!("{text}*")),
                Fit::Suffix => format!("{side} like {:?}", format!("*{text}")),
                Fit::Any | Fit::Pattern | Fit::Never => String::new(),
            }
        }
        Some(Test::Among { side: of, first, count }) => {
            let pairs = table.words(first, count.saturating_mul(2)).as_chunks::<2>().0.iter();
            let mut texts: Vec<&str> = pairs.map(|[start, length]| table.text(*start, *length)).collect();
            // As a set of constants lists them.
            texts.sort_unstable();
            let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
            format!("[{}].contains({})", texts.join(", "), side(of, Term::OnBehalfOf))
        }
        Some(Test::Resource {
            term: id, steps, count, ..
        }) => {
            let (left, right) = (apply(table, action, id), fitted(table, id, steps, count));
            format!("resource {left} matches {right:?}")
        }
        None => String::new(),
    }
}

/// A test of two terms.
fn general(table: &Table, action: Option<ActionId>, op: Op, left: Term, right: Term) -> String {
    let pattern = match (op, right) {
        (Op::Like, Term::Pattern(at)) => Some(pattern(table, at, "*")),
        _ => None,
    };
    let regex = match (op, right) {
        (Op::Like, Term::Pattern(at)) => Automaton::new(words(table, at)).map(|automaton| automaton.text()),
        _ => None,
    };
    let (left, right) = (term(table, action, left), term(table, action, right));
    match op {
        Op::Has if left == TOLD => "the request tells of a resource".into(),
        Op::Has => match left.rsplit_once('.') {
            Some((record, field)) => format!("{record} has {field}"),
            None => format!("has {left}"),
        },
        Op::IsTrue => left,
        Op::Equal => format!("{left} == {right}"),
        Op::Less => format!("{left} < {right}"),
        Op::LessEqual => format!("{left} <= {right}"),
        Op::Like => match regex {
            Some(regex) => format!("{left} matches the expression {regex:?}"),
            None => format!("{left} like {:?}", pattern.unwrap_or(right)),
        },
        Op::Contains => format!("{left}.contains({right})"),
        Op::ContainsAll => format!("{left}.containsAll({right})"),
        Op::ContainsAny => format!("{left}.containsAny({right})"),
        Op::IsEmpty => format!("{left}.isEmpty()"),
        Op::IsIpv4 => format!("{left}.isIpv4()"),
        Op::IsIpv6 => format!("{left}.isIpv6()"),
        Op::IsLoopback => format!("{left}.isLoopback()"),
        Op::IsMulticast => format!("{left}.isMulticast()"),
        Op::IsInRange => format!("{left}.isInRange({right})"),
        Op::Glob => format!("resource {left} matches {right}"),
        Op::Holds => format!("the session holds {right}"),
        Op::KnownPerson => format!("{left} is known"),
        Op::Program => left,
        Op::Number | Op::Text | Op::Resource | Op::Among => String::new(),
    }
}

/// The glob that a resource's steps come from: its literals, and what each slot must be.
fn fitted(table: &Table, id: u32, steps: u32, count: u32) -> String {
    let Some(&[_, first, words]) = table.data().terms.get(id as usize) else {
        return String::new();
    };
    let mut steps = table
        .words(steps, count.saturating_mul(3))
        .as_chunks::<3>()
        .0
        .iter()
        .filter_map(|words| Step::decode(*words));
    if let Some(never) = steps.clone().find(|step| step.fit == Fit::Never) {
        return letters(slice(&table.data().words, never.start, never.length), "**");
    }
    let piece = |&[flags, word]: &[u32; 2]| match Term::decode(word) {
        Some(Term::Constant(id)) => text(table, id).to_owned(),
        _ => {
            let Some(step) = steps.next() else {
                return String::new();
            };
            let star = if flags & resource::FREE != 0 { "**" } else { "*" };
            let text = table.text(step.start, step.length);
            match step.fit {
                Fit::Equal => text.to_owned(),
                Fit::Prefix => format!("{text}{star}"),
                Fit::Suffix => format!("{star}{text}"),
                Fit::Any => star.to_owned(),
                Fit::Pattern | Fit::Never => letters(slice(&table.data().words, step.start, step.length), "**"),
            }
        }
    };
    table.words(first, words).as_chunks::<2>().0.iter().map(piece).collect()
}

/// A string constant.
fn text(table: &Table, id: u32) -> &str {
    match table.data().constants.get(id as usize) {
        Some(&[constant::STRING, text, ..]) => table.string(text),
        _ => "",
    }
}

/// A pattern whose length stands before it.
fn pattern(table: &Table, at: u32, any: &str) -> String {
    letters(words(table, at), any)
}

fn words(table: &Table, at: u32) -> &[u32] {
    let length = table.data().words.get(at as usize).copied().unwrap_or(0);
    slice(&table.data().words, at.saturating_add(1), length)
}

fn letters(words: &[u32], any: &str) -> String {
    let part = |part: &u32| match *part {
        ANY => any.to_owned(),
        SEGMENT => "*".to_owned(),
        letter => char::from_u32(letter).map(|c| c.to_string()).unwrap_or_default(),
    };
    words.iter().map(part).collect()
}

/// The argument that is read to a slot.
pub(super) fn slot(table: &Table, action: Option<ActionId>, slot: u32) -> String {
    match path(table, action, slot) {
        Some(path) if path.starts_with(ENTITY_NAME) => told(&path),
        Some(path) => path,
        None => format!("argument {slot}"),
    }
}

fn path(table: &Table, action: Option<ActionId>, slot: u32) -> Option<String> {
    let record = action.and_then(|action| table.action_record(action))?;
    let (first, count) = (
        record[record::action::PARAMETERS],
        record[record::action::PARAMETER_COUNT],
    );
    find(table, first, count, slot)
}

/// The name of a resource that the request tells of.
const TOLD: &str = "the resource told of";

/// What is told of a resource, as a condition spells it.
fn told(path: &str) -> String {
    match path.split_once('.') {
        Some((_, attribute)) => format!("resource.{attribute}"),
        None => TOLD.to_owned(),
    }
}

/// The path of the parameter with this slot among some records and what is below them.
fn find(table: &Table, first: u32, count: u32, wanted: u32) -> Option<String> {
    slice(&table.data().parameters, first, count)
        .iter()
        .find_map(|&[name, kind, slot, child, children, _]| {
            let name = table.string(name);
            if slot == wanted {
                return Some(name.to_owned());
            }
            // Only records, urls and emails have named fields: kinds 9, 10 and 13 of the parameter records.
            matches!(kind & 0xff, 9 | 10 | 13)
                .then(|| find(table, child, children, wanted))
                .flatten()
                .map(|rest| format!("{name}.{rest}"))
        })
}

fn term(table: &Table, action: Option<ActionId>, term: Term) -> String {
    match term {
        Term::Nothing => String::new(),
        Term::Constant(id) => constant(table, id),
        Term::Slot(id) => match path(table, action, id) {
            Some(path) if path.starts_with(ENTITY_NAME) => told(&path),
            _ => format!("context.args.{}", slot(table, action, id)),
        },
        Term::Now => "context.now".into(),
        Term::Calls => "context.session.calls".into(),
        Term::OnBehalfOf => "context.on_behalf_of".into(),
        Term::Holding => "context.session.holding".into(),
        Term::Apply(id) => apply(table, action, id),
        Term::Pattern(at) => format!("{:?}", pattern(table, at, "**")),
        Term::Class(id) => format!("{:?}", table.class_name(crate::table::ClassId(id))),
        Term::Program(id) => {
            let rule = table
                .data()
                .programs
                .get(id as usize)
                .map(|r| table.string(r[record::program::RULE]));
            format!("the Rego program of {}", rule.unwrap_or_default())
        }
    }
}

fn apply(table: &Table, action: Option<ActionId>, id: u32) -> String {
    let Some(&[function, first, count]) = table.data().terms.get(id as usize) else {
        return String::new();
    };
    let words = table.words(first, count);
    let of = |word: &u32| match Term::decode(*word) {
        Some(Term::Apply(inner)) if inner >= id => String::new(),
        Some(decoded) => term(table, action, decoded),
        None => String::new(),
    };
    let method = |name: &str| match words {
        [receiver, rest @ ..] => format!(
            "{}.{name}({})",
            of(receiver),
            rest.iter().map(of).collect::<Vec<_>>().join(", ")
        ),
        [] => String::new(),
    };
    let infix = |op: &str| format!("({})", words.iter().map(of).collect::<Vec<_>>().join(op));
    match Function::from_word(function) {
        Some(Function::Add) => infix(" + "),
        Some(Function::Subtract) => infix(" - "),
        Some(Function::Multiply) => infix(" * "),
        Some(Function::Negate) => format!("-{}", words.iter().map(of).collect::<String>()),
        Some(Function::Offset) => method("offset"),
        Some(Function::DurationSince) => method("durationSince"),
        Some(Function::ToDate) => method("toDate"),
        Some(Function::ToTime) => method("toTime"),
        Some(Function::ToMilliseconds) => method("toMilliseconds"),
        Some(Function::ToSeconds) => method("toSeconds"),
        Some(Function::ToMinutes) => method("toMinutes"),
        Some(Function::ToHours) => method("toHours"),
        Some(Function::ToDays) => method("toDays"),
        Some(Function::Set) => format!("[{}]", words.iter().map(of).collect::<Vec<_>>().join(", ")),
        Some(Function::Resource) => {
            let piece = |&[flags, word]: &[u32; 2]| match Term::decode(word) {
                Some(Term::Slot(id)) if flags & resource::FOLDED != 0 => {
                    format!("{{{}|fold}}", slot(table, action, id))
                }
                Some(Term::Slot(id)) => format!("{{{}}}", slot(table, action, id)),
                Some(Term::Constant(id)) => text(table, id).to_owned(),
                _ => String::new(),
            };
            words.as_chunks::<2>().0.iter().map(piece).collect()
        }
        // As Rego has it, the one language that counts.
        Some(Function::Count) => format!("count({})", words.iter().map(of).collect::<String>()),
        Some(Function::List) => format!("[{}]", words.iter().map(of).collect::<Vec<_>>().join(", ")),
        // What a program is handed is no part of what its test says.
        Some(Function::Record) | None => String::new(),
    }
}

fn constant(table: &Table, id: u32) -> String {
    let Some(&[tag, a, b, c, d, e]) = table.data().constants.get(id as usize) else {
        return String::new();
    };
    match tag {
        constant::BOOL => (a != 0).to_string(),
        constant::INT | constant::DECIMAL | constant::DATETIME | constant::DURATION => wide(tag, join(a, b)),
        constant::STRING => format!("{:?}", table.string(a)),
        constant::IPV4 => format!("ip(\"{}/{a}\")", std::net::Ipv4Addr::from(b)),
        constant::IPV6 => {
            let high = (u128::from(b) << 96) | (u128::from(c) << 64);
            let low = (u128::from(d) << 32) | u128::from(e);
            format!("ip(\"{}/{a}\")", std::net::Ipv6Addr::from(high | low))
        }
        constant::SET => {
            let all: Vec<String> = table
                .words(a, b)
                .iter()
                .filter(|inner| **inner < id)
                .map(|inner| constant(table, *inner))
                .collect();
            format!("[{}]", all.join(", "))
        }
        _ => String::new(),
    }
}

/// A constant of 64 bits.
fn wide(tag: u32, value: i64) -> String {
    match tag {
        constant::INT => value.to_string(),
        constant::DECIMAL => {
            let sign = if value < 0 { "-" } else { "" };
            format!(
                "decimal(\"{sign}{}.{:04}\")",
                value.unsigned_abs() / 10_000,
                value.unsigned_abs() % 10_000
            )
        }
        constant::DATETIME => match Timestamp::from_millis(value) {
            Some(moment) => format!("datetime(\"{moment}\")"),
            None => format!("datetime at {value} ms"),
        },
        _ => format!("duration(\"{value}ms\")"),
    }
}
