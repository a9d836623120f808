//! Statements in Rego that are right by type for all actions that a rule covers, and of a form that becomes conditions:
//! parameters in, text out.

use super::condition::{HOSTS, Names, PATHS, Parameter, Type, WORDS};
use super::random::Random;

/// One to three statements, a line each.
pub fn statements(random: &mut Random, parameters: &[Parameter], names: &Names) -> Vec<String> {
    let count = *random.pick(&[1, 1, 1, 2, 2, 3]);
    (0..count).map(|_| statement(random, parameters, names)).collect()
}

fn statement(random: &mut Random, parameters: &[Parameter], names: &Names) -> String {
    let readable: Vec<&Parameter> = parameters
        .iter()
        .filter(|parameter| scalar(&parameter.ty).is_some())
        .collect();
    if readable.is_empty() || random.percent(15) {
        return surroundings(random, names);
    }
    let parameter = random.pick(&readable);
    let place = format!("input.args.{}", parameter.name);
    match &parameter.ty {
        Type::List(_) if random.percent(30) => {
            format!(
                "count({place}) {} {}",
                random.pick(&["<", "<=", ">", ">="]),
                random.within(1, 20)
            )
        }
        Type::List(of) => format!("{} in {place}", constant(random, of)),
        ty => test(random, &place, ty),
    }
}

/// The type of what is compared with constants; `None` of what no statement here looks at.
fn scalar(ty: &Type) -> Option<&Type> {
    match ty {
        Type::List(of) if matches!(**of, Type::Text | Type::Int | Type::Enum(_)) => Some(of),
        Type::Text | Type::Folded | Type::Int | Type::Bool | Type::Path | Type::Host | Type::Enum(_) => Some(ty),
        _ => None,
    }
}

fn test(random: &mut Random, place: &str, ty: &Type) -> String {
    let order = *random.pick(&["<", "<=", ">", ">="]);
    match ty {
        Type::Bool => random.pick(&[place.to_owned(), format!("not {place}")]).clone(),
        Type::Int => match random.below(4) {
            0 => format!("{place} + {} < {}", random.below(100), random.within(1, 9_999)),
            1 => format!("{place} in {{{}, {}}}", random.below(100), random.below(9_999)),
            _ => format!("{place} {order} {}", random.within(1, 9_999)),
        },
        Type::Text | Type::Path if random.percent(40) => {
            let name = *random.pick(&["startswith", "endswith", "contains"]);
            format!("{name}({place}, {})", constant(random, ty))
        }
        ty => {
            let (first, second) = (constant(random, ty), constant(random, ty));
            match random.below(4) {
                0 => format!("{place} != {first}"),
                1 => format!("{place} in {{{first}, {second}}}"),
                2 => format!("not {place} == {first}"),
                _ => format!("{place} == {first}"),
            }
        }
    }
}

fn constant(random: &mut Random, ty: &Type) -> String {
    match ty {
        Type::Int => random.within(1, 9_999).to_string(),
        Type::Path => format!("{:?}", random.pick(&PATHS)),
        Type::Host => format!("{:?}", random.pick(&HOSTS)),
        Type::Enum(words) => format!("{:?}", random.pick(words)),
        _ => format!("{:?}", random.pick(&WORDS)),
    }
}

fn surroundings(random: &mut Random, names: &Names) -> String {
    match random.below(5) {
        0 if !names.classes.is_empty() => format!("{:?} in input.session.holding", random.pick(&names.classes)),
        1 => format!("input.session.calls > {}", random.below(50)),
        2 if !names.people.is_empty() => format!("input.on_behalf_of == {:?}", random.pick(&names.people)),
        3 if !names.tags.is_empty() => {
            let (key, values) = random.pick(&names.tags).clone();
            format!("input.agent.tags[{key:?}] == {:?}", random.pick(&values))
        }
        _ => format!("input.agent.ring >= {}", random.below(4)),
    }
}
