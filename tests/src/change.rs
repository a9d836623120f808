//! Pairs of organisations that differ: documents in, the same with one thing changed out, the same for the same seed.
//!
//! A change may make an organisation that does not compile; whoever compares leaves those out.

use serde_yaml::{Mapping, Value};

use crate::generate::random::Random;
use crate::rewrite::Written;

/// What is changed, and a change of it. Says whether there was something to change.
type Change = fn(&mut Vec<Written>, &mut Random) -> bool;

/// Every way to change an organisation, by name.
pub const WAYS: [(&str, Change); 14] = [
    ("a rule is gone", |documents, random| {
        let policy = pick(documents, random, |one| one.is("Policy"));
        policy.and_then(Written::rules).is_some_and(|rules| {
            let names: Vec<Value> = rules.keys().cloned().collect();
            // The last rule stays: a policy has one.
            names.len() > 1 && rules.remove(random.pick(&names)).is_some()
        })
    }),
    ("a number is another", |documents, random| {
        rule_text(documents, random, |text, random| {
            let places: Vec<usize> = text
                .char_indices()
                .filter(|(at, letter)| {
                    letter.is_ascii_digit()
                        && !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '-')
                })
                .map(|(at, _)| at)
                .collect();
            if places.is_empty() {
                return None;
            }
            let at = *random.pick(&places);
            let digit = if text[at..].starts_with('1') { "2" } else { "1" };
            Some(format!("{}{digit}{}", &text[..at], &text[at + 1..]))
        })
    }),
    ("a comparison is another", |documents, random| {
        rule_text(documents, random, |text, random| {
            let swaps = [
                ("<=", ">"),
                ("==", "!="),
                (" < ", " <= "),
                ("&&", "||"),
                ("||", "&&"),
                ("*\"", "\""),
            ];
            let (from, to) = *random.pick(&swaps);
            text.contains(from).then(|| text.replacen(from, to, 1))
        })
    }),
    ("a condition is gone", |documents, random| {
        let field = *random.pick(&["when", "unless", "except", "holding", "resources", "on_behalf_of"]);
        rule(documents, random, |rule, _| rule.remove(field).is_some())
    }),
    ("an approval is gone", |documents, random| {
        rule(documents, random, |rule, _| {
            rule.get("effect").and_then(Value::as_str) == Some("allow") && rule.remove("approval").is_some()
        })
    }),
    ("an approval takes another number", |documents, random| {
        rule(documents, random, |rule, _| {
            let Some(require) = rule
                .get_mut("approval")
                .and_then(|approval| approval.get_mut("require"))
            else {
                return false;
            };
            let Some(first) = require.get_mut(0).and_then(Value::as_mapping_mut) else {
                return false;
            };
            let count = first.get("count").and_then(Value::as_i64).unwrap_or(1);
            first.insert("count".into(), Value::from(if count > 1 { 1 } else { 2 }));
            true
        })
    }),
    ("a rule has another effect", |documents, random| {
        rule(documents, random, |rule, _| {
            let effect = rule.get("effect").and_then(Value::as_str).unwrap_or_default();
            let to = if effect == "deny" { "allow" } else { "deny" };
            rule.insert("effect".into(), to.into());
            for field in ["approval", "limit", "expires", "observe_until"] {
                rule.remove(field);
            }
            true
        })
    }),
    ("an exception is gone", |documents, random| {
        remove(documents, random, "Exception")
    }),
    ("a deployment is gone", |documents, random| {
        remove(documents, random, "Deployment")
    }),
    ("a kill is gone", |documents, random| remove(documents, random, "Kill")),
    ("a placement has another ring", |documents, random| {
        placement(documents, random, |placement, random| {
            let ring = *random.pick(&["privileged", "trusted", "standard", "sandboxed"]);
            placement.insert("ring".into(), ring.into());
            true
        })
    }),
    ("a placement ends", |documents, random| {
        placement(documents, random, |placement, _| {
            if placement.remove("until").is_none() {
                placement.insert("until".into(), "2026-12-01".into());
            }
            true
        })
    }),
    ("a placement has a tool less", |documents, random| {
        placement(documents, random, |placement, random| {
            let Some(tools) = placement.get_mut("tools").and_then(Value::as_sequence_mut) else {
                return false;
            };
            if tools.len() < 2 {
                return false;
            }
            tools.remove(random.below(tools.len()));
            true
        })
    }),
    ("an action takes another argument", |documents, random| {
        let tool = pick(documents, random, |one| one.is("Tool"));
        let actions = tool
            .and_then(|tool| tool.value.get_mut("actions"))
            .and_then(Value::as_mapping_mut);
        let Some(actions) = actions else { return false };
        let names: Vec<Value> = actions.keys().cloned().collect();
        let Some(action) = actions.get_mut(random.pick(&names)).and_then(Value::as_mapping_mut) else {
            return false;
        };
        if !action.contains_key("params") {
            action.insert("params".into(), Value::Mapping(Mapping::new()));
        }
        let Some(params) = action.get_mut("params").and_then(Value::as_mapping_mut) else {
            return false;
        };
        let mut added = Mapping::new();
        added.insert("type".into(), "string".into());
        added.insert("optional".into(), true.into());
        params.insert("added".into(), Value::Mapping(added));
        true
    }),
];

fn pick<'d>(
    documents: &'d mut [Written],
    random: &mut Random,
    fits: impl Fn(&Written) -> bool,
) -> Option<&'d mut Written> {
    let fitting: Vec<usize> = (0..documents.len()).filter(|at| fits(&documents[*at])).collect();
    if fitting.is_empty() {
        return None;
    }
    documents.get_mut(*random.pick(&fitting))
}

fn remove(documents: &mut Vec<Written>, random: &mut Random, kind: &str) -> bool {
    let fitting: Vec<usize> = (0..documents.len()).filter(|at| documents[*at].is(kind)).collect();
    if fitting.is_empty() {
        return false;
    }
    documents.remove(*random.pick(&fitting));
    true
}

/// Tries some rules until one is changed.
fn rule(documents: &mut [Written], random: &mut Random, change: impl Fn(&mut Mapping, &mut Random) -> bool) -> bool {
    for _ in 0..30 {
        let Some(rules) = pick(documents, random, |one| one.is("Policy")).and_then(Written::rules) else {
            return false;
        };
        let names: Vec<Value> = rules.keys().cloned().collect();
        if names.is_empty() {
            continue;
        }
        let name = random.pick(&names).clone();
        if let Some(rule) = rules.get_mut(&name).and_then(Value::as_mapping_mut)
            && change(rule, random)
        {
            return true;
        }
    }
    false
}

fn rule_text(
    documents: &mut [Written],
    random: &mut Random,
    change: impl Fn(&str, &mut Random) -> Option<String>,
) -> bool {
    rule(documents, random, |rule, random| {
        let field = if rule.contains_key("when") { "when" } else { "unless" };
        let Some(text) = rule.get(field).and_then(Value::as_str) else {
            return false;
        };
        let Some(changed) = change(text, random) else {
            return false;
        };
        rule.insert(field.into(), changed.into());
        true
    })
}

fn placement(
    documents: &mut [Written],
    random: &mut Random,
    change: impl Fn(&mut Mapping, &mut Random) -> bool,
) -> bool {
    let deployment = pick(documents, random, |one| one.is("Deployment"));
    let environments = deployment
        .and_then(|one| one.value.get_mut("environments"))
        .and_then(Value::as_mapping_mut);
    let Some(environments) = environments else { return false };
    let names: Vec<Value> = environments.keys().cloned().collect();
    let name = random.pick(&names).clone();
    environments
        .get_mut(&name)
        .and_then(Value::as_mapping_mut)
        .is_some_and(|placement| change(placement, random))
}
