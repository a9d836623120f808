//! How many elements a list has, compared in each way with small numbers, with other lists and with arguments: calls in
//! which lists are as long as that and a little more or less, and repeat elements, are put to regorus too.

use polity::compile::Compiled;
use polity::diff::{Kind, diff};
use polity_runtime::decide;
use polity_runtime::explain::test_text;
use polity_runtime::table::Table;
use polity_tests::compare::asked;
use polity_tests::generate::random::Random;
use polity_tests::naive::{Outcome, Request};
use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::{answer, compared, engine, holds, request, right};

const ORDERS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];
const DATA: &str = r#"{"most": {"EUR": 2, "USD": 4}, "sizes": [1, 3], "set": ["bug", "x"]}"#;

/// Expressions that compare how many labels there are, for each order and each small number.
const COMPARISONS: [&str; 15] = [
    "count(input.args.labels) OP K",
    "K OP count(input.args.labels)",
    "n := count(input.args.labels); n OP K",
    "count(input.args.labels) OP K.5",
    "count(input.args.labels) + 1 OP K",
    "2 * count(input.args.labels) - 1 OP K",
    "count(input.args.labels) + count(input.args.codes) OP K",
    "\"bug\" in input.args.labels; count(input.args.labels) OP K",
    "count(input.session.holding) OP K",
    "count(input.session.holding) + input.session.calls OP K",
    "count(input.args.labels) OP object.get(data.most, input.args.currency, K)",
    "some size in data.sizes; count(input.args.labels) OP size + K",
    "many(input.args.labels) OP K",
    "count({l | some l in input.args.labels}) OP K",
    "all := [l | some l in input.args.labels]; count(all) OP K",
];

/// The same, beside something that is no number.
const OTHERS: [&str; 7] = [
    "count(input.args.labels) OP count(input.args.codes)",
    "count(input.args.labels) OP input.args.amount",
    "input.args.amount OP count(input.args.codes)",
    "count(input.args.labels) OP count(input.args.labels)",
    "count(input.args.labels) OP count(data.set)",
    "count(input.args.labels) OP data.most[input.args.currency]",
    "count(input.args.labels) OP data.sizes[_]",
];

/// Whole bodies.
const BODIES: [&str; 7] = [
    "count(input.args.labels) in {0, 3}",
    "not count(input.args.labels) in data.sizes",
    "every size in data.sizes { count(input.args.labels) > size }",
    "msg := sprintf(\"%d\", [count(input.args.labels)]); msg",
    "is_number(count(input.args.labels))",
    "lists := [input.args.labels, [\"bug\", \"v\"]]; count({l | some l in lists[_]}) > 0",
    "some name, most in data.most; count(input.args.labels) > most; name == input.args.currency",
];

/// A policy whose three rules have these bodies.
fn policy(bodies: &[String]) -> String {
    let mut text = String::from("package polity.p\n\nimport rego.v1\n\nmany(list) := count(list)\n");
    let approval = "# METADATA\n# custom:\n#   approval: security:1\n";
    for (rule, body) in ["allow", "deny", "require_approval"].into_iter().zip(bodies) {
        let above = if rule == "require_approval" { approval } else { "" };
        text.push_str(&format!(
            "\n{above}{rule} if {{\n\t{}\n}}\n",
            body.replace("; ", "\n\t")
        ));
    }
    text
}

/// Calls with every number of labels up to one more than is asked for, some of them twice.
fn calls() -> Vec<Request> {
    let lists = |items: &[Json]| {
        let mut lists: Vec<Option<Json>> = (0..=items.len()).map(|many| Some(json!(items[..many]))).collect();
        let twice: Vec<Json> = items
            .iter()
            .take(2)
            .flat_map(|item| [item.clone(), item.clone()])
            .collect();
        lists.extend([Some(json!(twice)), Some(Json::Null), None]);
        lists
    };
    let labels = lists(&["x", "bug", "y", "z", "é", "X"].map(Json::from));
    let codes = lists(&[3, -1, 0, 7].map(Json::from));
    let mut calls = Vec::new();
    for (at, labels) in labels.iter().enumerate() {
        for (other, codes) in codes.iter().enumerate() {
            let currency = ["EUR", "USD", "GBP"][(at + other) % 3];
            let mut args = json!({"amount": (at * 7 + other * 3) % 6, "currency": currency});
            for (name, list) in [("labels", labels), ("codes", codes)] {
                if let Some(list) = list {
                    args[name] = list.clone();
                }
            }
            let mut call = request("payments/bot", "production", "billing.refund", args);
            call.calls = (other % 3) as u64;
            call.holding = ["customer-data"].iter().take(at % 2).map(ToString::to_string).collect();
            calls.push(call);
        }
    }
    calls
}

fn compiled(policy: &str) -> Compiled {
    let compiled = right(&[("policies/p.rego", policy), ("policies/data.json", DATA)]);
    assert!(
        compiled.rules.bodies.iter().all(|body| body.beyond.is_none()),
        "kept for the engine: {policy}"
    );
    compiled
}

fn bodies() -> Vec<String> {
    let mut all: Vec<String> = BODIES.map(String::from).to_vec();
    for order in ORDERS {
        for text in OTHERS {
            all.push(text.replace("OP", order));
        }
        for (at, text) in COMPARISONS.iter().enumerate() {
            // The plain ones with each number.
            let numbers = (0..=4).filter(|number| at < 3 || number % 3 == 0);
            all.extend(numbers.map(|number| text.replace("OP", order).replace('K', &number.to_string())));
        }
    }
    let negated = |body: &String| (!body.contains("; ") && !body.contains("[_]")).then(|| format!("not {body}"));
    let every: Vec<String> = all.iter().step_by(4).filter_map(negated).collect();
    all.extend(
        every
            .into_iter()
            .filter(|body| !body.starts_with("not every") && !body.starts_with("not not")),
    );
    all
}

#[test]
fn numbers_of_elements_are_what_regorus_says() {
    let (bodies, calls) = (bodies(), calls());
    let stricter = bodies.par_chunks(3).map(|bodies| {
        let policy = policy(bodies);
        compared(&policy, DATA, &compiled(&policy), &calls)
    });
    // All that is asked of these calls can be read.
    assert_eq!(stricter.sum::<usize>(), 0);
}

/// A table that counts otherwise than regorus does is noticed.
#[test]
fn another_number_of_elements_is_noticed() {
    let calls = calls();
    for (body, faulty) in [
        ("count(input.args.labels) > 3", "count(input.args.labels) >= 3"),
        ("count(input.args.labels) > 3", "count(input.args.labels) > 4"),
        ("count(input.args.labels) > 3", "3 > count(input.args.labels)"),
        ("count(input.args.labels) > 3", "count(input.args.codes) > 3"),
        ("count(input.args.labels) <= 3", "not count(input.args.labels) > 3"),
        ("count(input.args.labels) == 1", "count(input.args.labels) > 0"),
    ] {
        let all = |body: &str| policy(&[0; 3].map(|_| body.to_owned()));
        let table = compiled(&all(faulty));
        let noticed = std::panic::catch_unwind(|| compared(&all(body), DATA, &table, &calls));
        assert!(noticed.is_err(), "{faulty} for {body}");
    }
}

/// What a list holds twice counts once, whichever language a rule is written in.
#[test]
fn an_element_counts_once() {
    let policy = policy(&["true", "count(input.args.labels) > 2", "count(input.args.labels) == 2"].map(String::from));
    let compiled = compiled(&policy);
    let code = |labels: Json| {
        let args = json!({"amount": 1, "currency": "EUR", "labels": labels});
        answer(
            &compiled,
            &request("payments/bot", "production", "billing.refund", args),
        )
        .code
    };
    assert_eq!(code(json!(["a", "a", "a"])), "granted");
    assert_eq!(code(json!(["a", "b", "a"])), "approval-required");
    assert_eq!(code(json!(["a", "b", "a", "c"])), "denied-by-rule");
    // What cannot be read counts against the call.
    assert_eq!(code(json!(["a", 7])), "denied-by-rule");
    assert_eq!(code(json!("a")), "denied-by-rule");
}

/// Statements about lists, of which some hold together and some do not.
fn statement(random: &mut Random) -> String {
    let text = *random.pick(&[
        "count(input.args.labels) OP K",
        "count(input.args.labels) OP K",
        "count(input.args.codes) OP K",
        "count(input.args.labels) OP count(input.args.codes)",
        "count(input.args.codes) OP input.args.amount",
        "count(input.args.labels) + 1 OP input.args.amount",
        "count(input.session.holding) OP K",
        "input.args.amount OP K",
        "\"bug\" in input.args.labels",
        "not \"x\" in input.args.labels",
        "3 in input.args.codes",
        "not 0 in input.args.codes",
        "every label in input.args.labels { label in {\"bug\", \"x\"} }",
        "every code in input.args.codes { code in {0, 3} }",
        "not input.args.labels",
        "\"customer-data\" in input.session.holding",
    ]);
    let order = ORDERS[random.below(ORDERS.len())];
    let text = text.replace("OP", order);
    text.replace('K', &random.below(5).to_string())
}

/// What is denied, of what is allowed otherwise.
fn denied(statements: &[String]) -> (String, Table) {
    let policy = policy(&["true".to_owned(), statements.join("; ")]);
    let table = compiled(&policy).table.expect("a table");
    (policy, table)
}

fn pairs() -> Vec<[Vec<String>; 2]> {
    let pair = |seed| {
        let mut random = Random::new(seed);
        let before: Vec<String> = (0..random.within(1, 3)).map(|_| statement(&mut random)).collect();
        let mut after = before.clone();
        let at = random.below(after.len());
        after[at] = statement(&mut random);
        if random.percent(20) {
            after.push(statement(&mut random));
        }
        [before, after]
    };
    (0..60).map(pair).collect()
}

/// Two policies are told apart just where a call is, and by a call that regorus answers as the difference says.
#[test]
fn differences_in_numbers_of_elements_are_found() {
    let calls = calls();
    let one = |bodies: &[Vec<String>; 2]| {
        let [before, after] = bodies.each_ref().map(|body| denied(body));
        let changes = diff(&before.1, &after.1).expect("two tables").changes;
        let effects = |call: &Request| [&before.1, &after.1].map(|table| asked(table, call).effect);
        for call in &calls {
            let [old, new] = effects(call);
            let wanted = Kind::of(outcome(old), outcome(new));
            assert!(
                wanted.is_none_or(|kind| changes.iter().any(|change| change.kind == kind)),
                "{bodies:#?}\n{call:#?}\n{changes:#?}"
            );
        }
        for change in &changes {
            let Some(witness) = &change.witness else { continue };
            let mut call = request(
                &witness.agent,
                &witness.environment,
                &witness.action,
                witness.arguments.clone(),
            );
            (call.calls, call.holding) = (witness.calls.unsigned_abs(), witness.holding.clone());
            let said = [&before.0, &after.0].map(|policy| {
                let denied = holds(&mut engine(policy, DATA), "deny", &call);
                if denied == Some(true) {
                    Outcome::Deny
                } else {
                    Outcome::Allow
                }
            });
            let told = (change.before.outcome, change.after.outcome);
            // What cannot be read is denied, and Rego knows nothing of that.
            if effects(&call).map(outcome) == said.map(outcome) {
                assert_eq!(said.map(outcome), [told.0, told.1], "{bodies:#?}\n{change:#?}");
            } else {
                assert!(!asked(&before.1, &call).erring.is_empty() || !asked(&after.1, &call).erring.is_empty());
            }
        }
        let open = changes.iter().filter(|change| change.witness.is_none()).count();
        (changes.len(), open)
    };
    let found: Vec<(usize, usize)> = pairs().par_iter().map(one).collect();
    let (changes, open) = found.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(changes > 40 && open == 0, "{changes} {open}");
}

/// A table counts the classes that it knows: one more to be known is a difference, and not one that is overlooked.
#[test]
fn classes_that_only_one_revision_knows_are_counted_there() {
    let (text, before) = denied(&["count(input.session.holding) > 1".to_owned()]);
    let class = "kind: DataClass\nname: salaries\nowner: alice\n";
    let after = right(&[("policies/p.rego", &text), ("class.yaml", class)])
        .table
        .expect("a table");
    let kinds = |a: &Table, b: &Table| -> Vec<Kind> {
        let changes = diff(a, b).expect("two tables").changes;
        changes
            .iter()
            .map(|change| change.kind)
            .filter(|kind| *kind != Kind::OtherRule)
            .collect()
    };
    let narrowed = Kind::of(decide::Outcome::Allow, decide::Outcome::Deny).expect("a kind");
    assert!(kinds(&before, &after).contains(&narrowed));
    assert!(kinds(&after, &after).is_empty());
}

/// It is told as Rego's authors write it.
#[test]
fn a_number_of_elements_is_told_as_it_is_written() {
    let statements = ["count(input.args.labels) > 3", "count(input.session.holding) == 1"].map(String::from);
    let (_, table) = denied(&statements);
    let action = table.action("billing.refund").expect("an action");
    let nodes = 0..u32::try_from(table.data().nodes.len()).expect("few nodes");
    let told: Vec<String> = nodes.map(|node| test_text(&table, action, node)).collect();
    assert!(told.contains(&"3 < count(context.args.labels)".to_owned()), "{told:?}");
    assert!(
        told.contains(&"count(context.session.holding) == 1".to_owned()),
        "{told:?}"
    );
    let (_, other) = denied(&["count(input.args.labels) > 4".to_owned(), statements[1].clone()]);
    let changes = diff(&table, &other).expect("two tables").changes;
    let told: Vec<&str> = changes
        .iter()
        .flat_map(|one| one.cases.iter().flatten())
        .map(String::as_str)
        .collect();
    for line in ["count(labels) > 3", "count(labels) <= 4", "count(session.holding) == 1"] {
        assert!(told.contains(&line), "{told:?}");
    }
}

fn outcome(outcome: Outcome) -> decide::Outcome {
    match outcome {
        Outcome::Deny => decide::Outcome::Deny,
        Outcome::RequireApproval => decide::Outcome::RequireApproval,
        Outcome::Allow => decide::Outcome::Allow,
    }
}
