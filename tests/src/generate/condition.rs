//! Conditions that are right by type for all actions that a rule covers: parameters in, Cedar text out.

use super::random::Random;

/// A parameter's type, as far as a condition can look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `string`
    Text,
    /// `{type: string, fold: case}`
    Folded,
    /// `int`
    Int,
    /// `bool`
    Bool,
    /// `decimal`
    Decimal,
    /// `datetime`
    DateTime,
    /// `duration`
    Duration,
    /// `ip`
    Ip,
    /// `path`
    Path,
    /// `host`
    Host,
    /// `url`
    Url,
    /// `email`
    Email,
    /// `{enum: [...]}`
    Enum(Vec<String>),
    /// A list of a scalar, url or email.
    List(Box<Type>),
    /// `{type: record, fields: ...}`
    Record(Vec<Parameter>),
    /// `opaque`
    Opaque,
}

/// A parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As the call names it.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether a condition must guard it with `has`.
    pub optional: bool,
}

/// What a condition may name besides the arguments.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Agents with a deployment in scope.
    pub agents: Vec<String>,
    /// Deployments in scope.
    pub deployments: Vec<String>,
    /// Teams.
    pub teams: Vec<String>,
    /// Rings in use.
    pub rings: Vec<String>,
    /// Environments.
    pub environments: Vec<String>,
    /// Tools.
    pub tools: Vec<String>,
    /// Tag keys and some of their values.
    pub tags: Vec<(String, Vec<String>)>,
    /// Data classes.
    pub classes: Vec<String>,
    /// People.
    pub people: Vec<String>,
}

/// What both the constants of conditions and the arguments of calls are taken from, where the two must meet.
pub const WORDS: [&str; 8] = [
    "acme",
    "pay",
    "pay-core",
    "docs",
    "docs-site",
    "infra",
    "main",
    "release",
];
/// Hosts.
pub const HOSTS: [&str; 5] = [
    "acme.example",
    "api.acme.example",
    "mail.acme.example",
    "evil.example",
    "acme.example.evil.test",
];
/// Paths.
pub const PATHS: [&str; 6] = [
    "/srv/app",
    "/srv/app/config",
    "/etc",
    "/etc/passwd",
    "/home/dev/work",
    "src/main.rs",
];
/// Addresses and ranges.
pub const ADDRESSES: [&str; 6] = [
    "10.0.0.0/8",
    "10.1.2.3",
    "192.168.0.0/16",
    "127.0.0.1",
    "::1",
    "2001:db8::/32",
];

/// A condition of one to four tests. `resources`: whether every covered action declares what it touches.
pub fn condition(random: &mut Random, parameters: &[Parameter], names: &Names, resources: bool) -> String {
    let count = *random.pick(&[1, 1, 1, 2, 2, 3, 4]);
    let mut text = test(random, parameters, names, resources);
    for _ in 1..count {
        let other = test(random, parameters, names, resources);
        text = match random.below(8) {
            0..4 => format!("{text} && {other}"),
            4..6 => format!("({text}) || ({other})"),
            6 => format!(
                "if {text} then {other} else {}",
                test(random, parameters, names, resources)
            ),
            _ => format!("!({text}) && {other}"),
        };
        text = format!("({text})");
    }
    match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) if count > 1 => inner.to_owned(),
        _ => text,
    }
}

/// Of the arguments, mostly.
fn test(random: &mut Random, parameters: &[Parameter], names: &Names, resources: bool) -> String {
    let readable: Vec<&Parameter> = parameters
        .iter()
        .filter(|parameter| parameter.ty != Type::Opaque)
        .collect();
    if readable.is_empty() || random.percent(20) {
        return surroundings(random, names, resources);
    }
    let ints: Vec<&&Parameter> = readable
        .iter()
        .filter(|parameter| parameter.ty == Type::Int && !parameter.optional)
        .collect();
    if let [first, second, ..] = ints.as_slice()
        && random.percent(10)
    {
        return format!("context.args.{} < context.args.{}", first.name, second.name);
    }
    let parameter = random.pick(&readable);
    if random.percent(8) && parameter.optional {
        return format!("context.args has {}", parameter.name);
    }
    guarded(random, "context.args", parameter)
}

/// A test of a parameter, behind `has` where it may be missing.
fn guarded(random: &mut Random, record: &str, parameter: &Parameter) -> String {
    let (name, place) = (&parameter.name, format!("{record}.{}", parameter.name));
    let inner = match &parameter.ty {
        Type::Record(fields) => {
            let field = random.pick(fields).clone();
            guarded(random, &place, &field)
        }
        Type::List(of) if matches!(**of, Type::Email | Type::Url) && record == "context.args" => {
            let hosts = format!("{record}.{name}_hosts");
            let test = elements(random, &hosts, &Type::Host);
            return if parameter.optional {
                format!("({record} has {name}_hosts && {test})")
            } else {
                test
            };
        }
        Type::List(of) => elements(random, &place, of),
        ty => atom(random, &place, ty),
    };
    match (parameter.optional, random.below(6)) {
        (false, _) => inner,
        (true, 0) => format!("(if {record} has {name} then {inner} else {})", random.percent(50)),
        (true, _) => format!("({record} has {name} && {inner})"),
    }
}

fn atom(random: &mut Random, place: &str, ty: &Type) -> String {
    match ty {
        Type::Int => integer(random, place),
        Type::Bool => random
            .pick(&[place.to_owned(), format!("!{place}"), format!("{place} == true")])
            .clone(),
        Type::Decimal => {
            let constant = format!("decimal(\"{}.{}\")", random.below(2_000), random.below(10_000));
            let method = random.pick(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
            if random.percent(15) {
                format!("{place} == {constant}")
            } else {
                format!("{place}.{method}({constant})")
            }
        }
        Type::DateTime => moment(random, place),
        Type::Duration => match random.below(3) {
            0 => format!("{place}.toMinutes() < {}", random.within(1, 600)),
            _ => format!("{place} {} duration(\"{}\")", comparison(random), length(random)),
        },
        Type::Ip => match random.below(5) {
            0 => format!("{place}.isIpv4()"),
            1 => format!("{place}.isLoopback()"),
            2 => format!("{place} == ip(\"{}\")", random.pick(&ADDRESSES)),
            _ => format!("{place}.isInRange(ip(\"{}\"))", random.pick(&ADDRESSES)),
        },
        Type::Path if random.percent(50) => format!("{place} like {}", literal(format!("{}*", random.pick(&PATHS)))),
        Type::Host if random.percent(40) => format!("{place} like {}", literal(format!("*.{}", random.pick(&HOSTS)))),
        Type::Url => match random.below(4) {
            0 => format!("{place}.scheme == \"https\""),
            1 => format!("{place}.port {} {}", comparison(random), random.pick(&[80, 443, 8080])),
            2 => atom(random, &format!("{place}.path"), &Type::Path),
            _ => atom(random, &format!("{place}.host"), &Type::Host),
        },
        Type::Email => match random.below(4) {
            0 => format!("{place}.local == {}", literal(random.pick(&WORDS))),
            _ => atom(random, &format!("{place}.host"), &Type::Host),
        },
        Type::Text | Type::Folded if random.percent(40) => {
            let constant = constant(random, ty);
            let pattern = match random.below(3) {
                0 => format!("{constant}*"),
                1 => format!("*{constant}"),
                _ => format!("{}*{constant}*", random.pick(&WORDS)),
            };
            format!("{place} like {}", literal(&pattern))
        }
        // Strings of every kind.
        _ => {
            let (first, second) = (constant(random, ty), constant(random, ty));
            match random.below(4) {
                0 => format!("{place} != {}", literal(&first)),
                1 => format!("[{}, {}].contains({place})", literal(&first), literal(&second)),
                _ => format!("{place} == {}", literal(&first)),
            }
        }
    }
}

fn integer(random: &mut Random, place: &str) -> String {
    let constant = random.within(1, 9_999);
    match random.below(8) {
        0 => format!("{place} + {} < {constant}", random.below(100)),
        1 => format!("{place} * {} <= {constant}", random.within(2, 9)),
        2 => format!("-{place} < -{constant}"),
        3 => format!("[{constant}, {}].contains({place})", random.below(100)),
        _ => format!("{place} {} {constant}", comparison(random)),
    }
}

fn moment(random: &mut Random, place: &str) -> String {
    match random.below(5) {
        0 => format!(
            "{place}.toTime() {} duration(\"{}h\")",
            comparison(random),
            random.within(1, 23)
        ),
        1 => format!("{place}.toDate() == datetime(\"{}\")", date(random)),
        2 => format!(
            "{place}.durationSince(datetime(\"{}\")) < duration(\"{}\")",
            date(random),
            length(random)
        ),
        3 => format!(
            "{place}.offset(duration(\"{}\")) < datetime(\"{}\")",
            length(random),
            date(random)
        ),
        _ => format!(
            "{place} {} datetime(\"{}T12:00:00.000Z\")",
            comparison(random),
            date(random)
        ),
    }
}

/// A set of elements of a type.
fn elements(random: &mut Random, place: &str, of: &Type) -> String {
    let mut written = || match of {
        Type::Int => random.below(50).to_string(),
        _ => literal(constant(random, of)),
    };
    let (first, second) = (written(), written());
    match random.below(7) {
        _ if matches!(of, Type::Url | Type::Email) => format!("{place}.isEmpty()"),
        0 => format!("{place}.containsAll([{first}, {second}])"),
        1 => format!("{place}.containsAny([{first}, {second}])"),
        2 => format!("[{first}, {second}].containsAll({place})"),
        3 => format!("{place} == [{first}, {second}]"),
        4 => format!("!{place}.isEmpty()"),
        _ => format!("{place}.contains({first})"),
    }
}

/// What is not an argument: the session, the time, the person, the principal, the action, the resource.
fn surroundings(random: &mut Random, names: &Names, resources: bool) -> String {
    let options = if resources { 13 } else { 12 };
    match random.below(options) {
        0 => format!("context.session.calls {} {}", comparison(random), random.within(1, 50)),
        1 if !names.classes.is_empty() => format!(
            "context.session.holding.contains({})",
            literal(random.pick(&names.classes))
        ),
        2 => moment(random, "context.now"),
        3 => format!(
            "(context has on_behalf_of && context.on_behalf_of == {})",
            literal(random.pick(&names.people))
        ),
        4 => format!("principal in Team::{}", literal(random.pick(&names.teams))),
        5 => format!("principal in Ring::{}", literal(random.pick(&names.rings))),
        6 => format!("principal.ring {} {}", comparison(random), random.below(4)),
        7 if !names.tags.is_empty() => {
            let (key, values) = random.pick(&names.tags).clone();
            format!(
                "(principal.tags has {key} && principal.tags.{key} == {})",
                literal(random.pick(&values))
            )
        }
        8 => format!(
            "action in Action::{}",
            literal(random.pick(&["read", "write", "destructive", "external"]))
        ),
        9 => format!("resource in Environment::{}", literal(random.pick(&names.environments))),
        10 => match random.below(3) {
            0 => format!("principal == Deployment::{}", literal(random.pick(&names.deployments))),
            1 => format!("principal in Agent::{}", literal(random.pick(&names.agents))),
            _ => format!("principal.team == {}", literal(random.pick(&names.teams))),
        },
        11 => format!("action in Action::{}", literal(random.pick(&names.tools))),
        12 => format!("resource.name like {}", literal(format!("*{}*", random.pick(&WORDS)))),
        _ => "context has on_behalf_of".to_owned(),
    }
}

/// A string that a value of the type may well be. Folded ones are written in any case, paths not always in their
/// normal form: the compiler normalises them.
fn constant(random: &mut Random, ty: &Type) -> String {
    match ty {
        Type::Folded if random.percent(30) => random.pick(&WORDS).to_ascii_uppercase(),
        Type::Path if random.percent(20) => "/srv/app/../../etc".to_owned(),
        Type::Path => (*random.pick(&PATHS)).to_owned(),
        Type::Host if random.percent(20) => "API.Acme.Example.".to_owned(),
        Type::Host => (*random.pick(&HOSTS)).to_owned(),
        Type::Enum(values) => random.pick(values).clone(),
        _ => (*random.pick(&WORDS)).to_owned(),
    }
}

fn comparison(random: &mut Random) -> &'static str {
    const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];
    COMPARISONS[random.below(COMPARISONS.len())]
}

/// A day near the end of 2026, where the generated organisations live.
pub fn date(random: &mut Random) -> String {
    format!("2026-{:02}-{:02}", random.within(10, 12), random.within(1, 28))
}

fn length(random: &mut Random) -> String {
    format!("{}{}", random.within(1, 90), random.pick(&["s", "m", "h", "d"]))
}

/// A Cedar string, or a pattern.
fn literal(text: impl AsRef<str>) -> String {
    format!("\"{}\"", text.as_ref())
}
