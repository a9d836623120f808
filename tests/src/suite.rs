//! Policy tests, decided by the table: what a document of the kind `Test` says in, the first difference out, as a panic.

use polity::ast::{RuleEffect, Test, TestDefaults, Text};
use polity_runtime::table::Table;
use serde_json::json;

use crate::compare::asked;
use crate::naive::{Outcome, Request};

/// Decides every case and every cell of a suite, and says how many there were.
///
/// # Panics
/// Where an answer is another than the one expected.
pub fn run(table: &Table, test: &Test, suite: &str) -> usize {
    for case in &test.cases {
        let what = format!("{suite}: {}", case.name.as_ref().map_or("", |name| &name.value));
        let answer = asked(table, &request(&test.defaults, &case.request));
        assert_eq!(
            answer.effect,
            outcome(case.expect.as_ref().unwrap().value),
            "{what}: {answer:#?}"
        );
        if let Some(rule) = &case.rule {
            assert_eq!(answer.rule.as_deref(), Some(rule.value.as_str()), "{what}: {answer:#?}");
        }
        if let Some(code) = &case.code {
            assert_eq!(answer.code, code.value, "{what}: {answer:#?}");
        }
    }
    let mut cells = 0;
    for matrix in &test.matrix {
        let of = |axis: &[Text]| axis.iter().map(|entry| entry.value.clone()).collect::<Vec<_>>();
        for agent in of(&matrix.agents) {
            for environment in of(&matrix.environments) {
                for action in of(&matrix.actions) {
                    let cell = format!("{agent} {environment} {action}");
                    let expected = matrix.expect.iter().find(|(name, _)| name.value == cell);
                    let expected = expected.map_or(Outcome::Deny, |(_, effect)| outcome(effect.value));
                    let call = Request {
                        agent: agent.clone(),
                        environment: environment.clone(),
                        action,
                        ..rest(&test.defaults, &matrix.request)
                    };
                    assert_eq!(asked(table, &call).effect, expected, "{suite}: {cell}");
                    cells += 1;
                }
            }
        }
    }
    test.cases.len() + cells
}

fn outcome(effect: RuleEffect) -> Outcome {
    match effect {
        RuleEffect::Allow => Outcome::Allow,
        RuleEffect::Deny => Outcome::Deny,
        RuleEffect::RequireApproval => Outcome::RequireApproval,
    }
}

fn request(defaults: &TestDefaults, case: &TestDefaults) -> Request {
    let text = |of: fn(&TestDefaults) -> &Option<Text>| {
        let text = of(case).as_ref().or(of(defaults).as_ref());
        text.map(|text| text.value.clone()).unwrap_or_default()
    };
    Request {
        agent: text(|request| &request.agent),
        environment: text(|request| &request.environment),
        action: text(|request| &request.action),
        ..rest(defaults, case)
    }
}

/// What a case and a matrix both have.
fn rest(defaults: &TestDefaults, case: &TestDefaults) -> Request {
    let args = case.args.as_ref().or(defaults.args.as_ref());
    let holding = case.holding.as_ref().or(defaults.holding.as_ref());
    let behalf = case.on_behalf_of.as_ref().or(defaults.on_behalf_of.as_ref());
    Request {
        agent: String::new(),
        environment: String::new(),
        action: String::new(),
        args: args.map_or_else(|| json!({}), |args| serde_json::from_str(&args.value).unwrap()),
        holding: holding.into_iter().flatten().map(|class| class.value.clone()).collect(),
        on_behalf_of: behalf.map(|person| person.value.clone()),
        calls: 0,
        now: case.now.or(defaults.now).unwrap().value,
    }
}
