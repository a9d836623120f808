//! Every field is shown, nothing hostile gets through, and colour is for terminals.

use super::*;

fn source() -> Source {
    Source {
        path: "teams/payments/refunds.yaml".to_owned(),
        line: 12,
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        approved_by: vec!["alice".to_owned(), "carol".to_owned()],
    }
}

fn access() -> Access {
    Access {
        tool: "billing".to_owned(),
        commit: "89abcdef0123456789abcdef0123456789abcdef".to_owned(),
        approved_by: vec!["bob (signed)".to_owned()],
    }
}

fn decision() -> Decision {
    Decision {
        effect: Effect::RequireApproval,
        code: "approval-required".to_owned(),
        rule: Some("refunds/large".to_owned()),
        reason: Some("large refunds are looked at".to_owned()),
        errors: vec![Fault {
            rule: Some("guardrails/eu-only".to_owned()),
            argument: Some("region".to_owned()),
            fault: "the argument is missing".to_owned(),
        }],
        obligations: Obligations {
            approval: vec![Approval {
                rule: "refunds/large".to_owned(),
                require: vec![
                    Requirement {
                        from: vec!["finance".to_owned()],
                        count: 2,
                    },
                    Requirement {
                        from: vec!["alice".to_owned(), "bob".to_owned()],
                        count: 1,
                    },
                ],
                timeout: Some(Duration(3_600_000)),
                separation: true,
                evidence: "signed".to_owned(),
            }],
            limits: vec![Limit {
                of: "ring/standard".to_owned(),
                rate: "20/s".to_owned(),
                burst: Some(40),
                concurrent: Some(8),
            }],
            credential_ttl: Some(Duration(90_000)),
        },
        observed: vec!["trial/no-dollars".to_owned()],
        challenge: None,
        source: Some(source()),
        access: Some(access()),
        bundle: Bundle {
            organization: "acme".to_owned(),
            digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            serial: Serial { epoch: 1, steps: 42 },
            commit: Some("89abcdef0123456789abcdef0123456789abcdef".to_owned()),
        },
    }
}

fn denied() -> Decision {
    Decision {
        effect: Effect::Deny,
        code: "unknown-agent".to_owned(),
        rule: None,
        reason: None,
        errors: Vec::new(),
        obligations: Obligations::default(),
        observed: Vec::new(),
        source: None,
        ..decision()
    }
}

#[test]
fn a_decision_says_what_it_asks_and_where_it_comes_from() {
    insta::assert_snapshot!(text(&decision(), false));
}

#[test]
fn json_has_every_field_whatever_was_decided() {
    insta::assert_snapshot!("decision_json", json(&decision()));
    insta::assert_snapshot!("decision_json_line", json_line(&denied()));
}

#[test]
fn the_answer_has_its_colour_on_a_terminal_only() {
    assert!(text(&denied(), true).starts_with("\u{1b}[1m\u{1b}[31mdeny\u{1b}[0m unknown-agent\n"));
    assert!(text(&denied(), false).starts_with("deny unknown-agent\n"));
}

#[test]
fn hostile_names_cannot_rewrite_the_terminal() {
    let mut hostile = denied();
    hostile.reason = Some("\u{1b}[2Jallow granted\n".to_owned());
    assert!(text(&hostile, false).contains(r"\u{1b}[2Jallow granted\n"));
}

#[test]
fn an_explanation_shows_the_path_through_every_rule() {
    let trace = |rule: &str, effect, outcome, steps: &[&str]| RuleTrace {
        rule: rule.to_owned(),
        effect,
        observed: false,
        outcome,
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        source: Some(source()),
    };
    let explanation = Explanation {
        decision: decision(),
        steps: vec!["payments/refund-bot is deployed in production in ring standard".to_owned()],
        rules: vec![
            trace(
                "guardrails/eu-only",
                Effect::RequireApproval,
                Outcome::Error,
                &["region == \"eu\": error, the argument is missing"],
            ),
            trace(
                "refunds/large",
                Effect::Allow,
                Outcome::Matches,
                &["amount <= 5000: no", "currency == \"EUR\": yes"],
            ),
            trace(
                "refunds/small",
                Effect::Allow,
                Outcome::DoesNotMatch,
                &["amount <= 5000: no"],
            ),
        ],
    };
    insta::assert_snapshot!("explanation_text", explanation_text(&explanation, false));
    insta::assert_snapshot!("explanation_json", explanation_json(&explanation));
}

#[test]
fn a_rule_that_is_only_observed_is_not_shown_as_one_that_denies() {
    let trace = |observed| RuleTrace {
        rule: "guardrails/eu-only".to_owned(),
        effect: Effect::Deny,
        observed,
        outcome: Outcome::Matches,
        steps: Vec::new(),
        source: None,
    };
    let explanation = |observed| Explanation {
        decision: decision(),
        steps: Vec::new(),
        rules: vec![trace(observed)],
    };
    let text = |observed| explanation_text(&explanation(observed), false);
    assert!(text(true).ends_with("  deny guardrails/eu-only, which is only observed: matches\n"));
    assert!(text(false).ends_with("  deny guardrails/eu-only: matches\n"));
    assert!(explanation_json(&explanation(true)).contains("\"observed\": true"));
}

#[test]
fn durations_take_the_greatest_unit_that_divides_them() {
    let shown = [604_800_000, 7_200_000, 900_000, 90_000, 1_500].map(|length| Duration(length).text());
    assert_eq!(shown, ["7d", "2h", "15m", "90s", "1500ms"]);
}
