//! Rego itself has no errors of the kind that count against a call, so regorus cannot tell whether one is lost. Which
//! calls must err is told here by what they carry, and a table whose error edges lead elsewhere is noticed.

use polity::compile::Compiled;
use polity_runtime::guard::Guard;
use polity_runtime::table::Table;
use polity_tests::compare::asked;
use polity_tests::naive::Request;
use serde_json::{Value as Json, json};

use super::{request, right};

/// Statements, each about one argument, and whether that is required.
const STATEMENTS: [(&str, &str, bool); 17] = [
    ("input.args.amount > 5000", "amount", true),
    ("not input.args.amount > 5000", "amount", true),
    ("input.args.amount in {1, 5000}", "amount", true),
    ("input.args.amount + 1 > 5000", "amount", true),
    ("input.args.currency == \"EUR\"", "currency", true),
    ("startswith(input.args.currency, \"E\")", "currency", true),
    ("lower(input.args.currency) == \"eur\"", "currency", true),
    ("input.args.currency < \"F\"", "currency", true),
    ("regex.match(`^[A-Z]{3}$`, input.args.currency)", "currency", true),
    ("input.args.note", "note", false),
    ("not contains(input.args.note, \"x\")", "note", false),
    ("some label in input.args.labels; label == \"bug\"", "labels", false),
    ("every label in input.args.labels { label != \"bug\" }", "labels", false),
    ("count(input.args.labels) > 1", "labels", false),
    ("msg := sprintf(\"%d\", [count(input.args.labels)])", "labels", false),
    ("count(input.args.labels) + 1 == 2", "labels", false),
    ("to_number(input.args.currency) > 5", "currency", true),
];

/// Calls, and whether what they carry under a name can be read.
fn calls(name: &str, required: bool) -> Vec<(Request, bool)> {
    let good = json!({"amount": 7, "currency": "7", "note": "please", "labels": ["bug"]});
    let mut calls = Vec::new();
    let mut call = |args: Json, readable: bool| {
        calls.push((request("payments/bot", "production", "billing.refund", args), readable));
    };
    call(good.clone(), true);
    for broken in [json!({"x": 1}), json!([[1]]), json!(1.5)] {
        let mut args = good.clone();
        args[name] = broken;
        call(args, false);
    }
    for other in ["amount", "note", "position"] {
        if other != name {
            let mut args = good.clone();
            args[other] = json!([[1]]);
            call(args, true);
        }
    }
    let mut args = good;
    args.as_object_mut().expect("arguments").remove(name);
    call(args, !required);
    calls
}

/// Whether each call errs just where it must, and each deny and gate then matches.
fn errs_where_it_must(table: &Table, calls: &[(Request, bool)]) -> bool {
    calls.iter().all(|(request, readable)| {
        let answer = asked(table, request);
        let fits = |rule: &str, matching: bool| {
            let erring = answer.erring.contains(rule);
            erring != *readable && (*readable || matching)
        };
        fits("p/deny", answer.denies.contains("p/deny"))
            && fits("p/require_approval", answer.gates.contains("p/require_approval"))
            && fits("p/allow", !answer.grants.contains("p/allow"))
    })
}

fn compiled(statement: &str) -> Compiled {
    let body = format!("if {{\n\t{}\n}}\n", statement.replace("; ", "\n\t"));
    let approval = "# METADATA\n# custom:\n#   approval: security:1\n";
    let policy =
        format!("package polity.p\n\nimport rego.v1\n\nallow {body}\ndeny {body}\n{approval}require_approval {body}");
    right(&[("policies/p.rego", &policy)])
}

#[test]
fn an_error_edge_that_leads_elsewhere_is_noticed() {
    for (statement, name, required) in STATEMENTS {
        let compiled = compiled(statement);
        let table = compiled.table.as_ref().expect("a table");
        let calls = calls(name, required);
        assert!(errs_where_it_must(table, &calls), "{statement}");
        // An error is a yes, or a no.
        for leaf in [Guard::YES, Guard::NO] {
            let nodes = table.data().nodes.len();
            let mut noticed = Vec::new();
            for at in 0..nodes {
                let mut data = table.data().clone();
                let node = &mut data.nodes[at];
                if node[5] != Guard::ERROR.0 {
                    continue;
                }
                node[5] = leaf.0;
                let Ok(mutant) = Table::new(data) else { continue };
                noticed.push(!errs_where_it_must(&mutant, &calls));
            }
            // A second test of an argument that was read never errs.
            let enough = match nodes {
                1 => !noticed.contains(&false),
                _ => true,
            };
            assert!(enough && noticed.contains(&true), "{statement}: {leaf:?} {noticed:?}");
        }
    }
}
