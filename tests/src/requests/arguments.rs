//! Arguments for a call: of the right types, of the wrong ones, and by their paths.

use polity::ast::{Param, ParamType, Text};
use serde_json::{Map, Value as Json, json};

use super::ORDINARY_MOMENT;
use super::boundary::rfc3339;
use super::target::Target;
use crate::generate::condition::{ADDRESSES, HOSTS, PATHS, WORDS};
use crate::generate::random::Random;

/// Arguments of the right types, many of them from the rule's own constants; now and then one is missing or wrong.
pub(super) fn arguments(
    params: &[(Text, Param)],
    path: &mut Vec<String>,
    target: &Target<'_>,
    random: &mut Random,
) -> Map<String, Json> {
    let mut args = Map::new();
    for (name, param) in params {
        path.push(name.value.clone());
        let own = target.boundaries.values(path, &param.ty.value);
        let value = match (&param.ty.value, random.below(100)) {
            (_, 0) => None,
            (_, 1..40) if param.optional => None,
            (_, 1) => Some(Json::Null),
            (ty, 2) => Some(wrong(ty)),
            (ParamType::Record(fields), _) => Some(Json::Object(arguments(fields, path, target, random))),
            (_, 3..75) if !own.is_empty() => Some(random.pick(&own).clone()),
            (ty, _) => Some(example(ty, random)),
        };
        path.pop();
        args.extend(value.map(|value| (name.value.clone(), value)));
    }
    // At the top or inside a record, wherever this is called.
    if random.percent(2) {
        args.insert("nobody_declared_this".to_owned(), json!(1));
    }
    args
}

/// A value that the type takes.
fn example(ty: &ParamType, random: &mut Random) -> Json {
    match ty {
        ParamType::String { fold: true } if random.percent(30) => json!(random.pick(&WORDS).to_ascii_uppercase()),
        ParamType::String { .. } | ParamType::Opaque => json!(random.pick(&WORDS)),
        ParamType::Int => json!(random.below(10_000)),
        ParamType::Bool => json!(random.percent(50)),
        ParamType::Decimal => json!(format!("{}.{}", random.below(2_000), random.below(100))),
        ParamType::DateTime => json!(rfc3339(ORDINARY_MOMENT + random.below(5_000_000) as i64 * 1_000)),
        ParamType::Duration => json!(format!("{}m", random.below(2_000))),
        ParamType::Ip => json!(random.pick(&ADDRESSES)),
        ParamType::Path => json!(random.pick(&PATHS)),
        ParamType::Host => json!(random.pick(&HOSTS)),
        ParamType::Url => json!(format!(
            "https://{}{}",
            random.pick(&HOSTS),
            if random.percent(50) { "/srv/app" } else { ":8080/etc" }
        )),
        ParamType::Email => json!(format!("{}@{}", random.pick(&WORDS), random.pick(&HOSTS))),
        ParamType::Enum(values) => json!(random.pick(values).value),
        ParamType::List(of) => {
            let count = random.below(4);
            Json::Array((0..count).map(|_| example(of, random)).collect())
        }
        ParamType::Record(_) => json!({}),
    }
}

/// A value that the type does not take.
pub(super) fn wrong(ty: &ParamType) -> Json {
    match ty {
        ParamType::Int => json!(1.5),
        ParamType::Enum(_) => json!("no-such-value"),
        ParamType::Path => json!("../climbs/out"),
        ParamType::Host => json!("höst.example"),
        ParamType::Url => json!("https://user@acme.example/"),
        ParamType::List(_) => json!([true, {}]),
        ParamType::String { .. } | ParamType::Opaque => json!(7),
        _ => json!("neither this nor that"),
    }
}

/// Every argument that is no record, by its path.
pub(super) fn leaves<'p>(params: &'p [(Text, Param)], path: &mut Vec<String>) -> Vec<(Vec<String>, &'p ParamType)> {
    let mut found = Vec::new();
    for (name, param) in params {
        path.push(name.value.clone());
        match &param.ty.value {
            ParamType::Record(fields) => found.extend(leaves(fields, path)),
            ty => found.push((path.clone(), ty)),
        }
        path.pop();
    }
    found
}
