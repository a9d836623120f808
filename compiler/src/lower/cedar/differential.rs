//! The lowered condition against Cedar's evaluator, on random well-typed conditions and random calls.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use polity_runtime::value::Slot;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::evaluate::{Call, Held, V, value};
use super::fixture::{folded, record, shape, text, vocabulary};
use super::{Parsed, Schema, lower, parse};
use crate::ast::Text;
use crate::ir::Constant;
use crate::lower::vocabulary::Vocabulary;
use crate::resolve::shape::{Parameter, Type};
use crate::source::{FileId, SourceFile, Span};

// --- The action, and random calls of it ---

fn words() -> Vocabulary {
    let mut vocabulary = vocabulary();
    let values = ["merge", "rebase", "squash"].map(str::to_owned).to_vec();
    vocabulary.shapes[1] = shape(vec![
        ("b", Type::Bool),
        ("c?", Type::Bool),
        ("d", Type::Decimal),
        ("e", Type::Enum(values)),
        ("f", folded()),
        ("i", Type::Ip),
        ("k", Type::List(Box::new(Type::Int))),
        ("l?", Type::List(Box::new(text()))),
        ("m?", Type::Int),
        ("n", Type::Int),
        ("o?", text()),
        ("q", record(vec![("v", Type::Int), ("w", Type::Bool)])),
        ("r?", record(vec![("x", Type::Int), ("y?", text())])),
        ("s", text()),
        ("t", Type::DateTime),
        ("u", Type::Duration),
    ]);
    // Another action's record of that name has a field that this one's has not.
    vocabulary
        .shapes
        .push(shape(vec![("q", record(vec![("nothing", Type::Int)]))]));
    vocabulary
}

const STRINGS: [&str; 5] = ["", "a", "ab", "merge", "payments"];
const INTS: [i64; 6] = [0, 1, -1, 2, i64::MAX, i64::MIN];
const IPS: [&str; 6] = ["10.0.0.1", "10.0.0.0/8", "127.0.0.1", "::1", "ff00::/8", "224.0.0.1/3"];
const DECIMALS: [&str; 4] = ["0.0", "1.5", "-0.5", "922337203685477.5807"];
const DATES: [&str; 4] = [
    "1970-01-01",
    "2026-11-01T12:30:00Z",
    "1969-12-31T23:00:00.001-0100",
    "0000-01-01",
];
const DURATIONS: [&str; 5] = ["0ms", "1d2h", "-90m", "9223372036854775807ms", "-9223372036854775808ms"];

/// A source of choices: proptest shrinks it towards the first alternative of each.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % n
    }
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn constant(function: &str, text: &str) -> V {
    value(&super::constants::extension(function, text).unwrap())
}

/// A value of a type: as JSON for Cedar and as the slot holds it.
fn random(c: &mut Choices<'_>, ty: &Type) -> (Json, V) {
    let extension = |function: &str, text: &str| {
        (
            json!({"__extn": {"fn": function, "arg": text}}),
            constant(function, text),
        )
    };
    match ty {
        Type::Bool => [(json!(true), V::Bool(true)), (json!(false), V::Bool(false))][c.below(2)].clone(),
        Type::Int => {
            let v = c.of(&INTS);
            (json!(v), V::Int(v))
        }
        Type::String { .. } => {
            let v = c.of(&STRINGS);
            (json!(v), V::Str(v.into()))
        }
        Type::Enum(values) => {
            let v = &values[c.below(values.len())];
            (json!(v), V::Str(v.clone()))
        }
        Type::Ip => extension("ip", c.of(&IPS)),
        Type::Decimal => extension("decimal", c.of(&DECIMALS)),
        Type::DateTime => extension("datetime", c.of(&DATES)),
        Type::Duration => extension("duration", c.of(&DURATIONS)),
        Type::List(element) => {
            let (json, values): (Vec<Json>, BTreeSet<V>) = (0..c.below(4)).map(|_| random(c, element)).unzip();
            (Json::Array(json), V::Set(values))
        }
        other => panic!("{other:?}"),
    }
}

/// Fills the slots of some parameters; what is left out of the JSON is absent.
fn fill(c: &mut Choices<'_>, parameters: &[Parameter], slots: &mut Vec<Held>, there: bool) -> Map<String, Json> {
    let mut json = Map::new();
    for parameter in parameters {
        let given = there && c.below(if parameter.optional { 3 } else { 8 }) != 1;
        let held = if let Type::Record(fields) = &parameter.ty {
            let inner = fill(c, fields, slots, given);
            given.then(|| (Json::Object(inner), V::Present))
        } else {
            given.then(|| random(c, &parameter.ty))
        };
        let slot = usize::from(parameter.slot.0);
        slots[slot] = match held {
            Some((value, held)) => {
                json.insert(parameter.name.clone(), value);
                Held::Value(held)
            }
            None => Held::Absent,
        };
    }
    json
}

// --- Random well-typed conditions ---

fn boolean(c: &mut Choices<'_>, depth: usize) -> String {
    let d = depth.saturating_sub(1);
    let n = if depth == 0 { 8 } else { 34 };
    let op = |c: &mut Choices<'_>| c.of(&["==", "!=", "<", "<=", ">", ">="]);
    let eq = |c: &mut Choices<'_>| c.of(&["==", "!="]);
    match c.below(n) {
        0 => "context.args.b".into(),
        1 => "true".into(),
        2 => format!(
            "(context.args has {})",
            c.of(&["b", "c", "m", "n", "o", "r", "s", "q", "amount"])
        ),
        3 => "(context.args has c && context.args.c)".into(),
        4 => "false".into(),
        5 => "context.args.q.w".into(),
        6 => c
            .of(&[
                "(principal in Team::\"payments\")",
                "(principal in [Team::\"payments\", Team::\"platform\"])",
                "(principal == Deployment::\"payments/claude-code\")",
                "(action in Action::\"github\")",
                "(action == Action::\"billing.refund\")",
                "(resource in Environment::\"production\")",
                "(resource is Resource in Environment::\"development\")",
                "(resource == Resource::\"repo:acme/pay\")",
                "(context has on_behalf_of)",
                "(principal.tags has tier)",
                "(context has session.calls)",
            ])
            .into(),
        7 => c
            .of(&[
                "(context.args has r && context.args.r has y)",
                "(context.args has r.y)",
                "(context.args.q has v)",
                "(context.args.q has nothing)",
                "(context.args has q.w)",
                "({a: context.args.n, b: context.args.b} has b)",
                "(context.args has r && context.args.r == context.args.r)",
                "(context.args.q == {v: context.args.n, w: true})",
                "(context.args.q == context.args.q)",
            ])
            .into(),
        8..=10 => format!("({} && {})", boolean(c, d), boolean(c, d)),
        11..=13 => format!("({} || {})", boolean(c, d), boolean(c, d)),
        14 => format!("!({})", boolean(c, d)),
        15 => format!("(if {} then {} else {})", boolean(c, d), boolean(c, d), boolean(c, d)),
        16 => format!("({} {} {})", boolean(c, d), eq(c), boolean(c, d)),
        17 | 18 => format!("({} {} {})", int(c, d), op(c), int(c, d)),
        19 | 20 => format!("({} {} {})", string(c, d), eq(c), string(c, d)),
        21 => format!(
            "({} like \"{}\")",
            string(c, d),
            c.of(&["*", "a*", "*b", "", "a\\*", "*e*g*"])
        ),
        22 => format!("({} {} {})", datetime(c, d), op(c), datetime(c, d)),
        23 => format!("({} {} {})", duration(c, d), op(c), duration(c, d)),
        24 => {
            let method = c.of(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
            format!("{}.{method}({})", decimal(c, d), decimal(c, d))
        }
        25 => format!("({} {} {})", decimal(c, d), eq(c), decimal(c, d)),
        26 => format!(
            "{}.{}()",
            ip(c, d),
            c.of(&["isIpv4", "isIpv6", "isLoopback", "isMulticast"])
        ),
        27 => format!("{}.isInRange({})", ip(c, d), ip(c, d)),
        28 => format!("{}.contains({})", ints(c, d), int(c, d)),
        29 => format!(
            "{}.{}({})",
            ints(c, d),
            c.of(&["containsAll", "containsAny"]),
            ints(c, d)
        ),
        30 => format!("{}.contains({})", strings(c, d), string(c, d)),
        31 => format!("({} == {})", strings(c, d), strings(c, d)),
        32 => format!("{}.isEmpty()", ints(c, d)),
        _ => {
            let m = c.of(&["merge", "squash"]);
            let all = [
                format!("(context.args.e == \"{m}\")"),
                format!("(context.args.f == \"{m}\")"),
                format!("[\"rebase\", \"{m}\"].contains(context.args.e)"),
                format!("[\"a\", \"{m}\"].contains(context.args.f)"),
                "[context.args.b, context.args has c].contains(true)".into(),
                "context.session.holding.contains(\"customer-data\")".into(),
                "(context.args.s == context.args.e)".into(),
                "{a: context.args.n, b: context.args.b}.b".into(),
                "({a: context.args.n, b: (context.args.s == \"a\")} == {a: 1, b: context.args.b})".into(),
            ];
            all[c.below(all.len())].clone()
        }
    }
}

fn either(c: &mut Choices<'_>, depth: usize, f: fn(&mut Choices<'_>, usize) -> String) -> String {
    format!("(if {} then {} else {})", boolean(c, depth), f(c, depth), f(c, depth))
}

fn int(c: &mut Choices<'_>, depth: usize) -> String {
    let d = depth.saturating_sub(1);
    match c.below(if depth == 0 { 4 } else { 9 }) {
        0 => "context.args.n".into(),
        1 => c.of(&["0", "1", "-1", "2", "9223372036854775807"]).into(),
        2 => c
            .of(&["context.session.calls", "principal.ring", "context.args.q.v"])
            .into(),
        3 => "(if context.args has m then context.args.m else 1)".into(),
        4 => format!("({} {} {})", int(c, d), c.of(&["+", "-", "*"]), int(c, d)),
        5 => format!("(-{})", int(c, d)),
        6 => format!(
            "{}.{}()",
            duration(c, d),
            c.of(&["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"])
        ),
        7 => format!("{{a: {}, b: {}}}.a", int(c, d), int(c, d)),
        _ => either(c, d, int),
    }
}

fn string(c: &mut Choices<'_>, depth: usize) -> String {
    match c.below(if depth == 0 { 5 } else { 6 }) {
        0 => "context.args.s".into(),
        1 => format!("\"{}\"", c.of(&STRINGS)),
        2 => "(if context.args has o then context.args.o else \"\")".into(),
        3 => c
            .of(&[
                "resource.name",
                "(if principal.tags has tier then principal.tags.tier else \"a\")",
            ])
            .into(),
        4 => "(if context has on_behalf_of then context.on_behalf_of else \"a\")".into(),
        _ => either(c, depth - 1, string),
    }
}

fn literal_or(c: &mut Choices<'_>, argument: &str, function: &str, literals: &[&str]) -> String {
    if c.below(2) == 0 {
        argument.into()
    } else {
        format!("{function}(\"{}\")", c.of(literals))
    }
}

fn datetime(c: &mut Choices<'_>, depth: usize) -> String {
    let d = depth.saturating_sub(1);
    match c.below(if depth == 0 { 2 } else { 5 }) {
        0 => literal_or(c, "context.args.t", "datetime", &DATES),
        1 => "context.now".into(),
        2 => format!("{}.offset({})", datetime(c, d), duration(c, d)),
        3 => format!("{}.toDate()", datetime(c, d)),
        _ => either(c, d, datetime),
    }
}

fn duration(c: &mut Choices<'_>, depth: usize) -> String {
    let d = depth.saturating_sub(1);
    match c.below(if depth == 0 { 1 } else { 3 }) {
        0 => literal_or(c, "context.args.u", "duration", &DURATIONS),
        1 => format!("{}.durationSince({})", datetime(c, d), datetime(c, d)),
        _ => format!("{}.toTime()", datetime(c, d)),
    }
}

fn decimal(c: &mut Choices<'_>, depth: usize) -> String {
    if depth > 0 && c.below(4) == 3 {
        return either(c, depth - 1, decimal);
    }
    literal_or(c, "context.args.d", "decimal", &DECIMALS)
}

fn ip(c: &mut Choices<'_>, depth: usize) -> String {
    if depth > 0 && c.below(4) == 3 {
        return either(c, depth - 1, ip);
    }
    literal_or(c, "context.args.i", "ip", &IPS)
}

fn ints(c: &mut Choices<'_>, depth: usize) -> String {
    match c.below(2) {
        0 => "context.args.k".into(),
        _ => format!("[{}, {}]", int(c, depth), int(c, depth)),
    }
}

fn strings(c: &mut Choices<'_>, depth: usize) -> String {
    match c.below(2) {
        0 => format!("[{}, {}]", string(c, depth), string(c, depth)),
        _ => "(if context.args has l then context.args.l else [\"a\"])".into(),
    }
}

// --- The comparison ---

fn read(condition: &str) -> Parsed {
    let file = SourceFile {
        path: "x".into(),
        text: condition.into(),
        blob: None,
    };
    let span = Span {
        file: FileId(0),
        start: 0,
        end: condition.len() as u32,
    };
    parse::read(&Text::new(condition.into(), span), &file).unwrap_or_else(|e| panic!("{condition}: {}", e.message))
}

fn cedar(condition: &str, args: Map<String, Json>, call: &Call) -> Option<bool> {
    use cedar_policy::{Context, Entities, Expression, Request, eval_expression};
    let mut context = json!({
        "args": args,
        "session": {"holding": ["customer-data"], "calls": call.calls},
        "now": {"__extn": {"fn": "datetime", "arg": "2026-11-01T12:00:00Z"}},
    });
    if let Some(name) = &call.on_behalf_of {
        context["on_behalf_of"] = json!(name);
    }
    let tags = call.tier.as_ref().map_or(json!({}), |tier| json!({"tier": tier}));
    let action = "github.merge_pull_request";
    let entity = |ty: &str, id: &str| json!({"type": ty, "id": id});
    let entities = json!([
        {"uid": entity("Deployment", "payments/claude-code"),
         "attrs": {"agent": "claude-code", "team": "payments", "ring": 1, "tags": tags},
         "parents": [entity("Agent", "claude-code"), entity("Team", "payments"), entity("Ring", "trusted")]},
        {"uid": entity("Action", action), "attrs": {},
         "parents": [entity("Action", "github"), entity("Action", "write"), entity("Action", "external")]},
        {"uid": entity("Resource", "repo:acme/pay"), "attrs": {"name": "repo:acme/pay"},
         "parents": [entity("Environment", "production")]},
    ]);
    let request = Request::new(
        "Deployment::\"payments/claude-code\"".parse().unwrap(),
        format!("Action::\"{action}\"").parse().unwrap(),
        "Resource::\"repo:acme/pay\"".parse().unwrap(),
        Context::from_json_value(context, None).unwrap(),
        None,
    )
    .unwrap();
    let entities = Entities::from_json_value(entities, None).unwrap();
    match eval_expression(&request, &entities, &condition.parse::<Expression>().unwrap()) {
        Ok(cedar_policy::EvalResult::Bool(truth)) => Some(truth),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

thread_local! {
    static WORDS: (Vocabulary, Schema) = {
        let vocabulary = words();
        let schema = Schema::new(&vocabulary);
        (vocabulary, schema)
    };
}

fn compare(expression: &[u8], values: &[u8], broken: &[u8]) {
    let condition = boolean(&mut Choices(expression.iter()), 4);
    WORDS.with(|(vocabulary, schema)| {
        let file_text = read_bounded(&condition);
        let Some(parsed) = file_text else { return };
        let lowered = match lower(schema, vocabulary, &parsed, 2) {
            Ok(lowered) => lowered.condition,
            Err(found) if found.iter().all(|d| d.code.id == "condition-too-large") => return,
            Err(found) => {
                let said: Vec<_> = found.iter().map(|d| &d.message).collect();
                panic!("`{condition}` is refused: {said:?}")
            }
        };
        let shape = &vocabulary.shapes[1];
        let mut c = Choices(values.iter());
        let mut call = Call {
            slots: vec![Held::Absent; usize::from(shape.slots)],
            on_behalf_of: (c.below(2) == 1).then(|| "alice".to_owned()),
            tier: (c.below(2) == 1).then(|| "a".to_owned()),
            calls: c.below(3) as i64,
            now: super::constants::extension("datetime", "2026-11-01T12:00:00Z")
                .map(|now| match now {
                    Constant::DateTime(now) => now,
                    other => panic!("{other:?}"),
                })
                .unwrap(),
        };
        let args = fill(&mut c, &shape.parameters, &mut call.slots, true);
        let mut said = String::new();
        write!(said, "{condition}\nargs: {args:?}\nlowered: {lowered:?}").unwrap();
        let oracle = cedar(&condition, args, &call);
        assert_eq!(call.condition(&lowered).ok(), oracle, "{said}");

        // Make some arguments invalid. An answer that is no error must not have depended on them.
        for parameter in &shape.parameters {
            spoil(&mut Choices(broken.iter()), parameter, &mut call.slots, false);
        }
        if let Ok(answer) = call.condition(&lowered) {
            assert_eq!(Some(answer), oracle, "with broken slots {:?}: {said}", call.slots);
        }
    });
}

fn spoil(c: &mut Choices<'_>, parameter: &Parameter, slots: &mut [Held], all: bool) {
    let Slot(slot) = parameter.slot;
    let slot = &mut slots[usize::from(slot)];
    let spoilt =
        all || (!matches!(slot, Held::Absent) && c.0.len() > 0 && c.below(4) == usize::from(parameter.slot.0 % 4));
    if spoilt {
        *slot = Held::Invalid;
    }
    if let Type::Record(fields) = &parameter.ty {
        for field in fields {
            spoil(c, field, slots, spoilt);
        }
    }
}

fn read_bounded(condition: &str) -> Option<Parsed> {
    let file = SourceFile {
        path: "x".into(),
        text: condition.into(),
        blob: None,
    };
    let span = Span {
        file: FileId(0),
        start: 0,
        end: condition.len() as u32,
    };
    match parse::read(&Text::new(condition.into(), span), &file) {
        Ok(parsed) => Some(parsed),
        Err(found) if found.code.id == "condition-too-large" => None,
        Err(found) => panic!("{condition}: {}", found.message),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_lowered_condition_says_what_cedar_says(
        expression in proptest::collection::vec(any::<u8>(), 0..120),
        values in proptest::collection::vec(any::<u8>(), 60),
        broken in proptest::collection::vec(any::<u8>(), 20),
    ) {
        compare(&expression, &values, &broken);
    }
}

#[test]
fn missing_required_arguments_are_decided_as_cedar_decides_them() {
    for condition in [
        "context.args has n || context.args.b",
        "if context.args has n then context.args.b else context.args.s == \"a\"",
        "!(context.args has n) && context.args.q.w",
        "context.args.q == {v: 1, w: true}",
        "context.args.q has v",
        "[context.args.n, 1].contains(1)",
        "{a: context.args.n, b: true}.b",
        "(context.args.n == 1) == (context.args.b && context.args.q.w)",
    ] {
        WORDS.with(|(vocabulary, schema)| {
            let lowered = lower(schema, vocabulary, &read(condition), 2).unwrap().condition;
            let shape = &vocabulary.shapes[1];
            for seed in 0..400_u32 {
                let bytes: Vec<u8> = (0..60_u32)
                    .map(|i| (seed.wrapping_mul(2_654_435_761).rotate_left(i) >> 7) as u8)
                    .collect();
                let mut call = Call {
                    slots: vec![Held::Absent; usize::from(shape.slots)],
                    on_behalf_of: None,
                    tier: None,
                    calls: 0,
                    now: 0,
                };
                let args = fill(&mut Choices(bytes.iter()), &shape.parameters, &mut call.slots, true);
                let oracle = cedar(condition, args.clone(), &call);
                assert_eq!(call.condition(&lowered).ok(), oracle, "{condition} {args:?}");
            }
        });
    }
}
