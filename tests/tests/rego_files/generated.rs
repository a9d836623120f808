//! Generated policies over calls at the boundaries of what they compare, and policies whose rules ask each other.

use polity_tests::generate::random::Random;
use polity_tests::naive::Request;
use serde_json::{Value as Json, json};

use super::{NOW, compared, request, right};

const DATA: &str = r#"{"currencies": ["EUR", "USD"], "caps": {"EUR": 5000, "USD": 100.5}, "steps": [1, 100, 5000], "teams": {"payments": {"most": 100}, "support": {"most": 1}}, "two": {"a": {"on": true}, "b": {"on": false}}}"#;

/// Statements of which bodies are made. `N` is a number, `MANY` a small one, `OP` an order, `CUR` a currency.
const STATEMENTS: [&str; 95] = [
    "input.args.amount OP N",
    "N OP input.args.amount",
    "input.args.amount OP 10.5",
    "input.args.amount + 1 OP N",
    "0 - input.args.amount OP N",
    "input.args.currency == CUR",
    "input.args.currency != CUR",
    "input.args.currency in {\"EUR\", \"GBP\"}",
    "not input.args.currency in data.currencies",
    "startswith(input.args.currency, \"E\")",
    "endswith(input.args.currency, \"R\")",
    "contains(input.args.currency, \"U\")",
    "glob.match(\"E*\", null, input.args.currency)",
    "strings.any_prefix_match(input.args.currency, [\"EU\", \"G\"])",
    "input.args.note == \"please\"",
    "contains(input.args.note, \"ea\")",
    "not input.args.note",
    "not contains(input.args.note, \"ea\")",
    "input.args.note != null",
    "input.args.note",
    "input.args.force",
    "not input.args.force",
    "input.args.force == false",
    "input.args.method == \"card\"",
    "input.args.method in [\"card\", \"cash\"]",
    "input.args.price OP 10.25",
    "input.args.price OP 10",
    "\"bug\" in input.args.labels",
    "not \"bug\" in input.args.labels",
    "count(input.args.labels) > 0",
    "count(input.args.labels) == 0",
    "count(input.args.labels) OP MANY",
    "MANY OP count(input.args.labels)",
    "n := count(input.args.labels); n OP MANY",
    "count(input.args.codes) OP input.args.amount",
    "input.args.owner == \"acme\"",
    "input.args.owner == lower(\"ACME\")",
    "net.cidr_contains(\"10.0.0.0/8\", input.args.address)",
    "input.args.position.line > 3",
    "input.args.position.column == 1",
    "not input.args.position.line",
    "input.environment == \"production\"",
    "input.environment in [\"staging\"]",
    "input.agent.team == \"payments\"",
    "input.agent.tags.tier == \"critical\"",
    "not input.agent.tags.tier",
    "input.agent.ring < 2",
    "input.action.name == \"billing.refund\"",
    "input.action.effect == \"read\"",
    "input.action.external",
    "startswith(input.action.name, \"files.\")",
    "input.session.calls OP 3",
    "\"customer-data\" in input.session.holding",
    "input.on_behalf_of == \"alice\"",
    "not input.on_behalf_of",
    "input.now OP \"2026-11-01T12:00:00Z\"",
    "input.now < \"2026-11-02\"",
    "time.parse_rfc3339_ns(input.now) OP time.parse_rfc3339_ns(\"2026-11-01T12:00:00Z\")",
    "some r in input.resources; startswith(r, \"file:/srv/\")",
    "every r in input.resources { glob.match(\"file:/srv/*\", [\"/\"], r) }",
    "some step in data.steps; input.args.amount == step",
    "every step in data.steps { input.args.amount >= step }",
    "cap := data.caps[input.args.currency]; input.args.amount > cap",
    "input.args.amount > object.get(data.caps, input.args.currency, 1)",
    "data.currencies[_] == input.args.currency",
    "regex.match(`^E.R$`, input.args.currency)",
    "not regex.match(`^[A-Z]{3}$`, input.args.currency)",
    "regex.match(`U`, input.args.currency)",
    "regex.match(`^(pl|x).*e$`, input.args.note)",
    "not regex.match(`^\\s*$`, input.args.note)",
    "regex.match(`^ca(sh|rd)$`, input.args.method)",
    "regex.match(`^ac\\w+$`, input.args.owner)",
    "some r in input.resources; regex.match(`^file:/srv/[^/]+$`, r)",
    "some name, two in data.two; two.on; name == \"a\"",
    "some label in input.args.labels; label == \"bug\"",
    "some label in input.args.labels; label in {\"bug\", \"y\"}; input.args.amount OP N",
    "some label in input.args.labels; not label in data.currencies",
    "every label in input.args.labels { label in [\"bug\", \"x\"] }",
    "every label in input.args.labels { label != \"bug\" }",
    "count({\"bug\", \"y\"} & {l | some l in input.args.labels}) > 0",
    "count({l | some l in input.args.labels} - {\"bug\"}) > 0",
    "input.args.labels == []",
    "input.args.currency OP \"EUR\"",
    "input.args.note OP \"p\"",
    "upper(input.args.note) == \"PLEA\"",
    "lower(input.args.currency) in {\"eur\", \"usd\"}",
    "startswith(lower(input.args.currency), \"e\")",
    "contains(lower(input.args.note), \"le\")",
    "trim_space(input.args.note) != \"\"",
    "input.args.amount OP 5e3",
    "[hour, minute, _] := time.clock(time.parse_rfc3339_ns(input.now)); hour OP 12; minute < 59",
    "[a, b] := [input.args.currency, input.args.amount]; a == \"EUR\"; b OP N",
    "some key, value in input.args; key == \"amount\"; value OP N",
    "data.caps.EUR == 5000; \"EUR\", 5000 in data.caps",
    "sprintf(\"%v %d\", [input.args.labels, input.args.amount])",
];

/// Rules and functions that bodies ask. They ask no more than those before them.
const HELPERS: [(&str, &str); 13] = [
    (
        "large if input.args.amount > 5000\n\nlarge if input.args.price > 10\n",
        "large",
    ),
    ("default small := false\n\nsmall if input.args.amount < 100\n", "small"),
    (
        "tier := \"gold\" if input.args.amount > 5000\n\nelse := \"silver\" if input.args.amount > 99\n\nelse := \"none\"\n",
        "tier == \"silver\"",
    ),
    (
        "limit(x) := 100 if x == \"EUR\"\n\nlimit(x) := 1 if x != \"EUR\"\n",
        "input.args.amount > limit(input.args.currency)",
    ),
    (
        "rate(\"EUR\") := 2\n\nrate(\"USD\") := 3\n\nrate(_) := 5 if input.args.force\n",
        "rate(input.args.currency) > 2",
    ),
    (
        "names contains \"a\" if input.args.amount > 99\n\nnames contains input.args.currency if input.args.note\n",
        "\"EUR\" in names",
    ),
    (
        "reasons contains \"x\" if input.args.amount < 0\n\nreasons contains \"y\" if not input.args.note\n",
        "count(reasons) == 0",
    ),
    (
        "most := data.teams[input.agent.team].most\n",
        "input.args.amount > most",
    ),
    (
        "noted(x) if contains(x, \"plea\")\n\nnoted(x) if x == \"\"\n",
        "noted(input.args.note)",
    ),
    ("flag := input.args.force\n", "flag"),
    (
        "by[\"EUR\"] := 100 if input.args.note\n\nby[\"USD\"] := 99\n",
        "input.args.amount > by[input.args.currency]",
    ),
    (
        "caps[name] := cap if {\n\tsome name, cap in data.caps\n\tcap > 1000\n}\n",
        "caps[input.args.currency] == input.args.amount",
    ),
    (
        "seen contains l if {\n\tsome l in input.args.labels\n\tl != \"x\"\n}\n",
        "count(seen & {\"bug\"}) == 0",
    ),
];

fn statement(random: &mut Random) -> String {
    let text = STATEMENTS[random.below(STATEMENTS.len())];
    let order = ["<", "<=", ">", ">=", "==", "!="][random.below(6)];
    let number = ["0", "1", "99", "100", "4999", "5000", "5001", "-1"][random.below(8)];
    let currency = ["\"EUR\"", "\"USD\"", "\"\""][random.below(3)];
    let small = ["0", "1", "2", "3"][random.below(4)];
    let text = text.replace("OP", order).replace("MANY", small);
    text.replace('N', number).replace("CUR", currency)
}

fn policy(random: &mut Random) -> String {
    let mut text = String::from("package polity.p\n\nimport rego.v1\n");
    let helpers: Vec<&(&str, &str)> = (0..random.within(0, 3))
        .map(|_| &HELPERS[random.below(HELPERS.len())])
        .collect();
    let mut written: Vec<&str> = Vec::new();
    for (rule, _) in &helpers {
        if !written.contains(rule) {
            text.push_str(&format!("\n{rule}"));
            written.push(rule);
        }
    }
    let body = |random: &mut Random| {
        let mut lines = Vec::new();
        for _ in 0..random.within(1, 3) {
            let line = match helpers.is_empty() || random.percent(60) {
                true => statement(random),
                false => helpers[random.below(helpers.len())].1.to_owned(),
            };
            // What is bound is bound once.
            let binds = line.contains(":=") || line.contains("some ");
            let negated = !binds
                && !line.contains(';')
                && !line.contains("[_]")
                && !line.starts_with("not ")
                && !line.starts_with("every ");
            lines.push(if negated && random.percent(20) {
                format!("not {line}")
            } else {
                line
            });
            if binds {
                break;
            }
        }
        format!("{{\n\t{}\n}}", lines.join("\n\t").replace("; ", "\n\t"))
    };
    for _ in 0..random.within(1, 2) {
        text.push_str(&format!("\nallow if {}\n", body(random)));
    }
    for _ in 0..random.within(1, 3) {
        match random.below(3) {
            0 => text.push_str(&format!("\ndeny contains \"no\" if {}\n", body(random))),
            1 => text.push_str(&format!("\ndeny contains input.args.note if {}\n", body(random))),
            _ => {
                let body = body(random);
                let message = "\tmsg := sprintf(\"no %v\", [input.args.amount])\n}";
                let body = body.strip_suffix('}').unwrap_or(&body).to_owned();
                text.push_str(&format!("\ndeny contains msg if {body}{message}\n"));
            }
        }
    }
    text.push_str("\n# METADATA\n# scope: document\n# custom:\n#   approval: security:1\n");
    text.push_str(&format!("require_approval if {}\n", body(random)));
    text
}

fn pick<'v>(random: &mut Random, values: &'v [Json]) -> &'v Json {
    &values[random.below(values.len())]
}

/// A call near the boundaries of the statements; some carry what cannot be read.
pub(super) fn call(random: &mut Random) -> Request {
    let (agent, environment) = [
        ("payments/bot", "production"),
        ("payments/bot", "staging"),
        ("support/helper", "production"),
    ][random.below(3)];
    let broken = random.percent(10);
    let (action, args) = match random.below(8) {
        0 => ("billing.list", json!({})),
        1 => {
            let paths = [json!("/srv/a"), json!("/srv/a/b"), json!("/srv"), json!("/etc/x")];
            let args = json!({"source": pick(random, &paths), "destination": pick(random, &paths)});
            ("files.move", args)
        }
        _ => {
            let amounts: Vec<Json> = [
                -5001, -5000, -101, -100, -99, -1, 0, 1, 2, 10, 11, 99, 100, 101, 4998, 4999, 5000, 5001, 5002,
            ]
            .map(Json::from)
            .to_vec();
            let mut args = json!({
                "amount": pick(random, &amounts),
                "currency": pick(random, &[json!("EUR"), json!("USD"), json!("GBP"), json!("")]),
            });
            let optional: [(&str, &[Json]); 9] = [
                (
                    "note",
                    &[
                        json!("please"),
                        json!("plea"),
                        json!(""),
                        json!("ea"),
                        json!("no"),
                        json!(null),
                    ],
                ),
                ("force", &[json!(true), json!(false)]),
                ("method", &[json!("card"), json!("cash"), json!("wire")]),
                (
                    "price",
                    &[
                        json!(10.25),
                        json!(10.2499),
                        json!(10.2501),
                        json!(10),
                        json!(9.9999),
                        json!(10.0001),
                    ],
                ),
                (
                    "labels",
                    &[
                        json!([]),
                        json!(["bug"]),
                        json!(["bug", "bug"]),
                        json!(["x", "bug"]),
                        json!(["x"]),
                        json!(["x", "bug", "y", "x"]),
                    ],
                ),
                (
                    "codes",
                    &[json!([]), json!([7]), json!([7, 7, 7]), json!([3, 1]), json!([1, 2, 3])],
                ),
                ("owner", &[json!("acme"), json!("acme2"), json!("")]),
                (
                    "address",
                    &[
                        json!("10.0.0.1"),
                        json!("11.0.0.1"),
                        json!("::1"),
                        json!("9.255.255.255"),
                    ],
                ),
                (
                    "position",
                    &[
                        json!({"column": 1}),
                        json!({"line": 3, "column": 2}),
                        json!({"line": 4, "column": 1}),
                    ],
                ),
            ];
            for (name, values) in optional {
                if random.percent(50) {
                    args[name] = pick(random, values).clone();
                }
            }
            if broken {
                let name = ["amount", "currency", "note", "force", "labels", "position"][random.below(6)];
                args[name] = pick(random, &[json!({"x": 1}), json!([[1]]), json!(null), json!(1.5)]).clone();
            }
            ("billing.refund", args)
        }
    };
    let mut call = request(agent, environment, action, args);
    call.calls = random.within(2, 4) as u64;
    call.now = NOW + [-1000, 0, 1000, 43_199_000, 43_200_000][random.below(5)];
    if random.percent(40) {
        call.on_behalf_of = Some(["alice", "bob"][random.below(2)].into());
    }
    if random.percent(30) {
        call.holding.push("customer-data".into());
    }
    call
}

#[test]
fn the_table_agrees_with_regorus() {
    let mut stricter = 0;
    for seed in 0..80 {
        let mut random = Random::new(seed);
        let policy = policy(&mut random);
        let compiled = right(&[("policies/p.rego", &policy), ("policies/data.json", DATA)]);
        let requests: Vec<Request> = (0..50).map(|_| call(&mut random)).collect();
        stricter += compared(&policy, DATA, &compiled, &requests);
    }
    // Otherwise what cannot be read was not asked about.
    assert!(stricter > 50, "{stricter}");
}

/// Statements that only the engine decides.
const KEPT: [&str; 6] = [
    "count([l | l := input.args.labels[_]; l != input.args.currency; l == \"x\"]) == 0",
    "some label in input.args.labels; startswith(label, \"b\")",
    "count([l | some l in input.args.labels; l != \"x\"]) > 1",
    "regex.match(input.args.currency, \"EUR\")",
    "upper(input.args.note) == \"PLEASE SS\"",
    "substring(input.agent.team, 0, 3) == \"pay\"",
];

#[test]
fn what_is_kept_for_the_engine_agrees_with_regorus() {
    for statement in KEPT {
        let body = statement.replace("; ", "\n\t");
        let policy =
            format!("package polity.p\n\nimport rego.v1\n\ndeny if {{\n\t{body}\n}}\n\nallow if not {statement}\n");
        let policy = match statement.contains(';') {
            true => policy.replace(&format!("allow if not {statement}"), "allow if not deny"),
            false => policy,
        };
        let compiled = right(&[("policies/p.rego", &policy), ("policies/data.json", DATA)]);
        let kept = compiled
            .findings
            .diagnostics()
            .iter()
            .filter(|one| one.code.id == "rego-needs-engine");
        assert_eq!(kept.count(), 2, "{policy}");
        let mut random = Random::new(11);
        let requests: Vec<Request> = (0..50).map(|_| call(&mut random)).collect();
        compared(&policy, DATA, &compiled, &requests);
    }
}

/// A table of another policy than regorus is given is noticed.
#[test]
fn a_table_that_says_something_else_is_noticed() {
    let policy = "package polity.p\n\nimport rego.v1\n\nallow if input.args.amount < 100\n\ndeny contains \"a\" if input.args.amount > 5000\n\ndeny contains \"b\" if {\n\tnot input.args.note\n\tinput.args.currency == \"EUR\"\n}\n";
    let faults = [
        ("amount > 5000", "amount > 5001"),
        ("amount < 100", "amount <= 100"),
        ("deny contains \"b\" if {", "other contains \"b\" if {"),
        ("not input.args.note", "input.args.note"),
        ("\"EUR\"", "\"USD\""),
        ("input.args.amount < 100", "not input.args.amount >= 100"),
    ];
    let mut random = Random::new(3);
    let requests: Vec<Request> = (0..200).map(|_| call(&mut random)).collect();
    for (at, by) in faults {
        let faulty = policy.replace(at, by);
        let compiled = right(&[("policies/p.rego", &faulty)]);
        let noticed = std::panic::catch_unwind(|| compared(policy, "{}", &compiled, &requests));
        // Of what is missing, the last differs for actions without the argument alone.
        assert!(noticed.is_err(), "{faulty}");
    }
    let compiled = right(&[("policies/p.rego", policy)]);
    compared(policy, "{}", &compiled, &requests);
}

#[test]
fn each_statement_agrees_with_regorus() {
    for text in STATEMENTS {
        for order in ["<", "<=", ">", ">=", "==", "!="] {
            if !text.contains("OP") && order != "<" {
                continue;
            }
            let statement = text.replace("OP", order).replace("MANY", "2").replace('N', "5000");
            let statement = statement.replace("CUR", "\"EUR\"");
            let body = statement.replace("; ", "\n\t");
            let policy = format!("package polity.p\n\nimport rego.v1\n\ndeny if {{\n\t{body}\n}}\n\nallow if true\n");
            let compiled = right(&[("policies/p.rego", &policy), ("policies/data.json", DATA)]);
            let mut random = Random::new(7);
            let requests: Vec<Request> = (0..50).map(|_| call(&mut random)).collect();
            compared(&policy, DATA, &compiled, &requests);
        }
    }
}
