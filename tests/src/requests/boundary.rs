//! The constants of conditions, and the values on and around them.
//!
//! It looks at expressions one test at a time: every argument in a test is tried with every constant of that test,
//! and with what arithmetic may make of them. Too many values cost a little time; too few hide a bug.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{Expr, ExprKind, Literal, PatternElem, Var};
use polity::ast::{ParamType, Text};
use serde_json::{Value as Json, json};

use crate::normal;

/// A place below `context`.
type Place = Vec<String>;

/// Each place that a condition reads, with the constants that it is tested against.
#[derive(Debug, Default)]
pub(super) struct Boundaries {
    places: BTreeMap<Place, Vec<Constant>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Constant {
    Int(i64),
    Text(String),
    Decimal(i64),
    DateTime(i64),
    Duration(i64),
    Ip(String),
    /// The literal runs of a pattern, and the text with nothing or something for each star.
    Pattern(String),
}

impl Boundaries {
    pub(super) fn of(conditions: [&Option<Text>; 2]) -> Self {
        let mut boundaries = Boundaries::default();
        for text in conditions.into_iter().flatten() {
            if let Ok(expr) = text.value.parse::<Expr>() {
                boundaries.look(&expr);
            }
        }
        boundaries
    }

    /// Those of a policy of Cedar.
    pub(super) fn of_policy(text: &str) -> Self {
        let mut boundaries = Boundaries::default();
        if let Ok(policy) = cedar_policy_core::parser::parse_policy(None, text) {
            boundaries.look(&policy.condition());
        }
        boundaries
    }

    fn look(&mut self, expr: &Expr) {
        match expr.expr_kind() {
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.look(left);
                self.look(right);
            }
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => [test_expr, then_expr, else_expr]
                .into_iter()
                .for_each(|part| self.look(part)),
            ExprKind::UnaryApp { arg, .. } => self.look(arg),
            _ => {
                let (mut places, mut constants) = (Vec::new(), Vec::new());
                gather(expr, &mut places, &mut constants);
                for place in places {
                    self.places.entry(place).or_default().extend(constants.iter().cloned());
                }
            }
        }
    }

    /// Whether the condition reads this argument.
    pub(super) fn mentions(&self, path: &[String]) -> bool {
        self.under(path).next().is_some()
    }

    /// The argument's own place, those of its fields (a url's host), and of what is derived from it.
    fn under(&self, path: &[String]) -> impl Iterator<Item = (Option<&str>, &[Constant])> {
        let derived: Place = match path {
            [list] => vec!["args".to_owned(), format!("{list}_hosts")],
            _ => Vec::new(),
        };
        self.places.iter().filter_map(move |(place, constants)| {
            if *place == derived {
                return Some((Some("host"), constants.as_slice()));
            }
            let [args, rest @ ..] = place.as_slice() else {
                return None;
            };
            let field = rest.strip_prefix(path).filter(|_| args == "args")?;
            Some((field.first().map(String::as_str), constants.as_slice()))
        })
    }

    /// Arguments of a type on and around the constants.
    pub(super) fn values(&self, path: &[String], ty: &ParamType) -> Vec<Json> {
        let mut values = Vec::new();
        for (field, constants) in self.under(path) {
            values.extend(around(ty, field, constants));
        }
        if self.mentions(path)
            && let ParamType::Enum(names) = ty
        {
            values.extend(names.iter().map(|name| json!(name.value)));
            values.push(json!("no-such-value"));
        }
        values
    }

    pub(super) fn moments(&self, ordinary: i64) -> Vec<i64> {
        self.at(&["now"])
            .map_or(Vec::new(), |constants| moments(constants, ordinary))
    }

    pub(super) fn calls(&self) -> Vec<i64> {
        self.at(&["session", "calls"]).map_or(Vec::new(), integers)
    }

    pub(super) fn people(&self) -> Vec<String> {
        self.at(&["on_behalf_of"])
            .unwrap_or_default()
            .iter()
            .flat_map(texts)
            .collect()
    }

    pub(super) fn mentions_holding(&self) -> bool {
        self.at(&["session", "holding"]).is_some()
    }

    pub(super) fn mentions_person(&self) -> bool {
        self.at(&["on_behalf_of"]).is_some()
    }

    fn at(&self, place: &[&str]) -> Option<&[Constant]> {
        let place: Place = place.iter().map(|part| (*part).to_owned()).collect();
        self.places.get(&place).map(Vec::as_slice)
    }
}

/// Every place and every constant below an expression.
fn gather(expr: &Expr, places: &mut Vec<Place>, constants: &mut Vec<Constant>) {
    if let Some(place) = place_of(expr) {
        places.push(place);
        return;
    }
    match expr.expr_kind() {
        ExprKind::Lit(Literal::Long(value)) => constants.push(Constant::Int(*value)),
        ExprKind::Lit(Literal::String(text)) => constants.push(Constant::Text(text.to_string())),
        ExprKind::Lit(_) => {}
        ExprKind::UnaryApp { arg, .. } => {
            gather(arg, places, constants);
            let negated = constants.iter().filter_map(|constant| match constant {
                Constant::Int(value) => value.checked_neg().map(Constant::Int),
                _ => None,
            });
            let negated: Vec<Constant> = negated.collect();
            constants.extend(negated);
        }
        ExprKind::BinaryApp { arg1, arg2, .. } => {
            gather(arg1, places, constants);
            gather(arg2, places, constants);
        }
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            let written = args.first().and_then(|arg| match arg.expr_kind() {
                ExprKind::Lit(Literal::String(text)) => Some(text.to_string()),
                _ => None,
            });
            let constant = written.and_then(|text| match fn_name.to_string().as_str() {
                "decimal" => normal::decimal_literal(&text).map(Constant::Decimal),
                "datetime" => normal::datetime_literal(&text).map(Constant::DateTime),
                "duration" => normal::duration(&text).map(Constant::Duration),
                "ip" => Some(Constant::Ip(text)),
                _ => None,
            });
            match constant {
                Some(constant) => constants.push(constant),
                None => args.iter().for_each(|arg| gather(arg, places, constants)),
            }
        }
        ExprKind::GetAttr { expr, .. } => gather(expr, places, constants),
        ExprKind::HasAttr { expr, attr } => {
            if let Some(mut place) = place_of(expr) {
                place.push(attr.to_string());
                places.push(place);
            }
        }
        ExprKind::ExtHasAttr { expr, attrs } => {
            if let Some(mut place) = place_of(expr) {
                place.extend(attrs.iter().map(ToString::to_string));
                places.push(place);
            }
        }
        ExprKind::Like { expr, pattern } => {
            gather(expr, places, constants);
            let text = pattern.iter().map(|part| match part {
                PatternElem::Char(c) => *c,
                PatternElem::Wildcard => '*',
            });
            constants.push(Constant::Pattern(text.collect()));
        }
        ExprKind::Set(items) => items.iter().for_each(|item| gather(item, places, constants)),
        ExprKind::Record(fields) => fields.values().for_each(|field| gather(field, places, constants)),
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => [test_expr, then_expr, else_expr]
            .into_iter()
            .for_each(|part| gather(part, places, constants)),
        ExprKind::And { left, right } | ExprKind::Or { left, right } => {
            gather(left, places, constants);
            gather(right, places, constants);
        }
        ExprKind::Is { .. } | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => {}
    }
}

/// `context.args.a.b` is the place args, a, b.
fn place_of(expr: &Expr) -> Option<Place> {
    match expr.expr_kind() {
        ExprKind::Var(Var::Context) => Some(Vec::new()),
        ExprKind::GetAttr { expr, attr } => {
            let mut place = place_of(expr)?;
            place.push(attr.to_string());
            Some(place)
        }
        _ => None,
    }
}

fn around(ty: &ParamType, field: Option<&str>, constants: &[Constant]) -> Vec<Json> {
    match ty {
        ParamType::Int => integers(constants).into_iter().map(|value| json!(value)).collect(),
        ParamType::Bool => vec![json!(true), json!(false)],
        ParamType::Decimal => {
            let values = constants.iter().filter_map(|constant| match constant {
                Constant::Decimal(value) => Some([value.saturating_sub(1), *value, value.saturating_add(1)]),
                _ => None,
            });
            values.flatten().map(|value| json!(decimal(value))).collect()
        }
        ParamType::DateTime => moments(constants, 1_794_744_000_000)
            .into_iter()
            .map(|value| json!(rfc3339(value)))
            .collect(),
        ParamType::Duration => {
            let lengths = constants.iter().filter_map(|constant| match constant {
                Constant::Duration(length) => Some(*length),
                // `toMinutes`
                Constant::Int(count) => count.checked_mul(60_000),
                _ => None,
            });
            lengths
                .flat_map(|length| [length - 1, length, length + 1])
                .map(|length| json!(format!("{length}ms")))
                .collect()
        }
        ParamType::Ip => {
            let mut values = vec![
                json!("10.0.0.0"),
                json!("10.255.255.255"),
                json!("11.0.0.0"),
                json!("127.0.0.1"),
                json!("::1"),
                json!("fe80::1"),
            ];
            for constant in constants {
                if let Constant::Ip(text) = constant {
                    let address = text.split('/').next().unwrap_or(text);
                    values.extend([json!(text), json!(address), json!(format!("{address}/1"))]);
                }
            }
            values
        }
        ParamType::Url => strings(constants)
            .flat_map(|text| match field {
                Some("scheme") => vec![format!("{text}://acme.example/"), format!("{text}s://acme.example/")],
                Some("path") if text.starts_with('/') => vec![format!("https://acme.example{text}")],
                Some("path") => vec![format!("https://acme.example/{text}")],
                _ => vec![format!("https://{text}/srv"), format!("http://{text}:8080")],
            })
            .chain(
                integers(constants)
                    .into_iter()
                    .map(|port| format!("https://acme.example:{port}/etc")),
            )
            .map(Json::from)
            .collect(),
        ParamType::Email => strings(constants)
            .map(|text| match field {
                Some("local") => json!(format!("{text}@acme.example")),
                _ => json!(format!("pay@{text}")),
            })
            .collect(),
        ParamType::List(of) => {
            let mut items = around(of, field, constants);
            items.dedup();
            let mut values = vec![json!([])];
            values.extend(items.iter().map(|item| json!([item])));
            values.extend(items.windows(2).map(|pair| json!(pair)));
            values.push(Json::Array(items));
            values
        }
        ParamType::Record(_) | ParamType::Opaque => Vec::new(),
        ParamType::String { .. } | ParamType::Path | ParamType::Host | ParamType::Enum(_) => {
            strings(constants).map(Json::from).collect()
        }
    }
}

fn strings(constants: &[Constant]) -> impl Iterator<Item = String> {
    constants.iter().flat_map(texts)
}

/// A string, what is almost it, and what a pattern takes and nearly takes.
fn texts(constant: &Constant) -> Vec<String> {
    match constant {
        Constant::Text(text) => {
            let mut shorter = text.clone();
            shorter.pop();
            vec![text.clone(), format!("{text}x"), shorter, text.to_ascii_uppercase()]
        }
        Constant::Pattern(pattern) => {
            let filled = |with: &str| pattern.replace('*', with);
            let bare = filled("");
            let mut shorter = bare.clone();
            shorter.pop();
            let beheaded = bare.chars().skip(1).collect();
            let mut values = vec![
                filled("x"),
                filled("a/b"),
                format!("x{bare}"),
                format!("{bare}x"),
                shorter,
                beheaded,
                bare,
            ];
            // Each prefix that ends before a star.
            values.extend(
                pattern
                    .match_indices('*')
                    .map(|(place, _)| pattern[..place].replace('*', "")),
            );
            values
        }
        _ => Vec::new(),
    }
}

/// Each integer, one below, one above, and what sums and products of two of them may need.
fn integers(constants: &[Constant]) -> Vec<i64> {
    let plain: Vec<i64> = constants
        .iter()
        .filter_map(|constant| match constant {
            Constant::Int(value) => Some(*value),
            _ => None,
        })
        .collect();
    let mut values = plain.clone();
    for a in &plain {
        for b in &plain {
            values.extend([a.checked_sub(*b), a.checked_div(*b)].into_iter().flatten());
        }
    }
    if !plain.is_empty() {
        values.push(i64::MAX);
    }
    let mut values: Vec<i64> = values
        .into_iter()
        .flat_map(|value| [value.saturating_sub(1), value, value.saturating_add(1)])
        .collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Each moment, a millisecond before and after; and where lengths of time play a part, that far from it.
fn moments(constants: &[Constant], ordinary: i64) -> Vec<i64> {
    const DAY: i64 = 86_400_000;
    let mut bases = Vec::new();
    let mut lengths = Vec::new();
    for constant in constants {
        match constant {
            Constant::DateTime(moment) => bases.push(*moment),
            Constant::Duration(length) => lengths.push(*length),
            _ => {}
        }
    }
    if bases.is_empty() {
        bases.push(ordinary - ordinary.rem_euclid(DAY));
    }
    let mut values = Vec::new();
    for base in bases {
        let near = lengths
            .iter()
            .flat_map(|length| [base + length, base - length])
            .chain([base, base + DAY]);
        values.extend(near.flat_map(|moment| [moment - 1, moment, moment + 1]));
    }
    values
}

/// Values for a placeholder of a resource that a glob looks at: parts of the glob, near misses, and what may not
/// stand in one.
pub(super) fn glob_values(glob: &str, ty: &ParamType) -> Vec<Json> {
    let mut values = Vec::new();
    match ty {
        ParamType::String { .. } | ParamType::Enum(_) | ParamType::Host => {
            for part in glob.split(['/', ':', '@']) {
                let bare = part.replace('*', "");
                values.extend([
                    bare.clone(),
                    format!("{bare}x"),
                    format!("x{bare}"),
                    bare.to_ascii_uppercase(),
                ]);
            }
            values.extend(["a/b", ".", "..", "x\u{1}", ""].map(str::to_owned));
        }
        ParamType::Path => {
            let bare = glob.rsplit(':').next().unwrap_or(glob);
            for with in ["", "x", "x/y", "../x"] {
                values.push(bare.replace("**", with).replace('*', with));
            }
        }
        _ => {}
    }
    values.into_iter().map(Json::from).collect()
}

/// Ten-thousandths as text.
fn decimal(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    format!("{sign}{}.{:04}", magnitude / 10_000, magnitude % 10_000)
}

/// Milliseconds since 1970 as text, found by asking the reader: no second calendar to get wrong.
pub(super) fn rfc3339(moment: i64) -> String {
    const DAY: i64 = 86_400_000;
    let day = moment.div_euclid(DAY) * DAY;
    let rest = moment.rem_euclid(DAY);
    // 400 years have 146,097 days, so this is off by one at most.
    let guess = 1970 + (day / DAY * 400).div_euclid(146_097);
    let begun = |year: &i64| normal::moment(&format!("{year:04}-01-01")).is_some_and(|start| start <= day);
    let year = (guess - 1..=guess + 1).rev().find(begun).unwrap_or(guess);
    let dates = (1..=12).flat_map(|month| (1..=31).map(move |day| format!("{year:04}-{month:02}-{day:02}")));
    let date = dates
        .into_iter()
        .find(|date| normal::moment(date) == Some(day))
        .unwrap_or_else(|| "1970-01-01".to_owned());
    let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{date}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", rest % 1_000)
}
