//! Calls of a log: recorded as tests, and replayed.

use proptest::prelude::*;

use super::super::record::{self, record};
use super::super::replay::{self, replay};
use super::*;

/// A call with arguments of this text.
fn request(args: &str) -> Request {
    Request {
        agent: "payments/bot".to_owned(),
        environment: "production".to_owned(),
        action: "billing.refund".to_owned(),
        args: args.to_owned(),
        entities: None,
        holding: Vec::new(),
        on_behalf_of: None,
        now: NOW,
    }
}

/// What was recorded, put into the repository and run.
fn again(recorded: &record::Recorded) -> Report {
    let files = [
        ("polity.yaml".to_owned(), ORGANIZATION.to_owned()),
        ("policies/refunds.yaml".to_owned(), POLICY.to_owned()),
        ("tests/t.yaml".to_owned(), CASES.to_owned()),
        ("tests/recorded.yaml".to_owned(), recorded.yaml.clone()),
    ];
    let compiled = compile(&SourceTree::from_files(files.to_vec()), NOW, Sink::default());
    run(&compiled.organization, table(&compiled), &Selection::default())
}

#[test]
fn recorded_calls_become_a_test_that_passes() {
    let compiled = made(&[("tests/t.yaml", CASES)]);
    let table = table(&compiled);
    let small = r#"{"currency": "EUR", "amount": 100}"#;
    let requests = [
        Ok(request(small)),
        // The same call at another time says nothing new.
        Ok(Request {
            now: NOW + 1500,
            ..request(small)
        }),
        Ok(request(
            r#"{"amount": 9000, "currency": "€ \"\\ \u0000 \u202e 😀: - #"}"#,
        )),
        Ok(Request {
            holding: vec!["customers".to_owned()],
            on_behalf_of: Some("bob".to_owned()),
            ..request("{}")
        }),
        Ok(Request {
            agent: "nobody/bot".to_owned(),
            action: "no.such".to_owned(),
            ..request("{}")
        }),
        Ok(Request {
            environment: "nowhere".to_owned(),
            ..request("{}")
        }),
        Ok(Request {
            action: "billing.refund/x".to_owned(),
            ..request(small)
        }),
        Ok(request(
            r#"{"amount": 1, "other": {"a": [1, -2.50, true, {"b": "c"}]}}"#,
        )),
        Err("expected an object".to_owned()),
        Ok(request(r#"{"amount": 1, "amount": 2}"#)),
        Ok(request(r#"{"amount": 1e3, "currency": "EUR"}"#)),
        Ok(Request {
            holding: vec!["unheard-of".to_owned()],
            ..request("{}")
        }),
        Ok(Request {
            on_behalf_of: Some("mallory".to_owned()),
            ..request("{}")
        }),
    ];
    let recorded = record(&compiled.organization, table, "refunds", &requests);
    insta::assert_snapshot!(recorded.yaml);
    insta::assert_debug_snapshot!(recorded.left_out);
    assert_eq!((recorded.cases, recorded.repeated), (7, 1));
    assert_eq!(again(&recorded).count(), (10, 0));
    let nothing = record(&compiled.organization, table, "refunds", &[]);
    assert_eq!(nothing, record::Recorded::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_recorded_parses_and_passes(
        texts in prop::collection::vec(any::<String>(), 1..6),
        amount in any::<i64>(),
        name in "[a-z]{0,8}|no|null|1e3|0x1|~",
    ) {
        let compiled = made(&[("tests/t.yaml", CASES)]);
        let requests: Vec<Result<Request, String>> = texts
            .iter()
            .map(|text| {
                let mut args = serde_json::json!({"amount": amount, "currency": text});
                args[text.as_str()] = serde_json::json!(text);
                Ok(Request { agent: format!("payments/{name}"), ..request(&args.to_string()) })
            })
            .chain([Ok(request(&format!("{{\"amount\": {amount}, \"currency\": \"EUR\"}}")))])
            .collect();
        let recorded = record(&compiled.organization, table(&compiled), "recorded", &requests);
        prop_assert!(recorded.cases > 0);
        prop_assert_eq!(again(&recorded).count(), (3 + recorded.cases, 0));
    }
}

#[test]
fn a_replay_says_which_answers_change() {
    let before = made(&[]);
    let changed_to = |policy: &str| {
        let files = vec![
            ("polity.yaml".to_owned(), ORGANIZATION.to_owned()),
            ("policies/refunds.yaml".to_owned(), policy.to_owned()),
        ];
        compile(&SourceTree::from_files(files), NOW, Sink::default())
            .table
            .unwrap()
    };
    let left = table(&before);
    let call = |amount: u32, currency: &str| {
        Ok(request(&format!(
            "{{\"amount\": {amount}, \"currency\": \"{currency}\"}}"
        )))
    };
    let requests = [
        call(100, "EUR"),
        call(5500, "EUR"),
        call(9000, "EUR"),
        Err("nonsense".to_owned()),
        call(100, "USD"),
        Ok(Request {
            agent: "payments/nobody".to_owned(),
            ..request("{}")
        }),
    ];
    assert_eq!(
        replay(left, left, &requests),
        replay::Replay {
            requests: 6,
            unreadable: 1,
            changed: Vec::new()
        }
    );
    // A reason and a comment are no answer.
    let worded = POLICY.replace("dollars are refunded by people", "by people");
    assert!(replay(left, &changed_to(&worded), &requests).changed.is_empty());

    let wider = changed_to(&POLICY.replace("5000", "6000"));
    let changed = replay(left, &wider, &requests).changed;
    let [one] = changed.as_slice() else {
        panic!("{changed:?}")
    };
    assert_eq!(
        (one.at, one.before.answered.outcome, one.after.answered.outcome),
        (1, Outcome::RequireApproval, Outcome::Allow)
    );
    assert_eq!(one.after.answered.rule.as_deref(), Some("refunds/small"));
    assert!(!one.is_obligation());

    insta::assert_snapshot!(crate::report::replay::json(&replay(left, &wider, &requests)));

    // The same answer, and other people who give the approval.
    let other = changed_to(&POLICY.replace("from: [security]", "from: [bob]"));
    let changed = replay(left, &other, &requests).changed;
    assert_eq!(
        changed
            .iter()
            .map(|one| (one.at, one.is_obligation()))
            .collect::<Vec<_>>(),
        [(1, true), (2, true)]
    );
    assert!(changed.iter().all(|one| one.is_widened() && one.is_narrowed()));

    // The same answer, of fewer people or under a higher limit, is more; the reverse is less.
    let ways = |before: &Table, after: &Table| {
        let changed = replay(before, after, &requests).changed;
        changed
            .iter()
            .map(|one| (one.at, one.is_widened(), one.is_narrowed()))
            .collect::<Vec<_>>()
    };
    let limited = |limit: &str| {
        changed_to(&POLICY.replacen("effect: allow\n", &format!("effect: allow\n    limit: {limit}\n"), 1))
    };
    let (few, many) = (limited("20/h"), limited("200/h"));
    let [(at, true, false)] = ways(&few, &many)[..] else {
        panic!("{:?}", ways(&few, &many))
    };
    assert_eq!(ways(&many, &few), [(at, false, true)]);
    assert_eq!(ways(&few, left), [(at, true, false)]);
    assert_eq!(ways(left, &few), [(at, false, true)]);
    let all = replay(
        left,
        &changed_to(
            &POLICY
                .replace("5000", "6000")
                .replace("from: [security]", "from: [bob]"),
        ),
        &requests,
    );
    insta::assert_snapshot!(crate::report::replay::text(&all, false));
}
