//! Helper packages: rules of other files of the repository that a policy asks for.

use polity::diag::Diagnostic;

use super::{answer, built, request, right};
use polity_tests::naive::Outcome;
use serde_json::json;

const HELPERS: &str =
    "package lib.money\n\nimport rego.v1\n\nlarge if input.args.amount > data.most\n\nfee(x) := x + 1\n";
const ALL: &str = "kind: Policy\nname: all\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [\"*\"]}\n";

fn policy(body: &str) -> String {
    format!("package polity.p\n\nimport rego.v1\nimport data.lib.money\n\n{body}\n")
}

#[test]
fn a_policy_asks_the_rules_of_a_package() {
    let data = ("lib/most.json", "{\"most\": 100}");
    let effect = |body: &str, amount: i64| {
        let compiled = right(&[
            ("policies/p.rego", &policy(body)),
            ("lib/money.rego", HELPERS),
            ("all.yaml", ALL),
            data,
        ]);
        let args = json!({"amount": amount, "currency": "EUR"});
        answer(
            &compiled,
            &request("payments/bot", "production", "billing.refund", args),
        )
        .effect
    };
    for body in [
        "deny if money.large",
        "deny if data.lib.money.large",
        "deny if money.fee(input.args.amount) > 101",
    ] {
        assert_eq!(effect(body, 101), Outcome::Deny, "{body}");
        assert_eq!(effect(body, 100), Outcome::Allow, "{body}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let said = |files: &[(&str, &str)]| {
        let (compiled, found) = built(files);
        assert!(compiled.table.is_none(), "{files:?}");
        let all = compiled.findings.diagnostics();
        let place = |one: &Diagnostic| {
            let span = one.primary.as_ref().expect("a place").span;
            let file = compiled.tree.file(span.file).expect("a file");
            let text = file.text.get(span.start as usize..span.end as usize);
            format!("{} {} {:?}", one.code.id, file.path, text.unwrap_or_default())
        };
        let codes: Vec<String> = all
            .iter()
            .filter(|one| found.contains(&one.code.id))
            .map(place)
            .collect();
        codes.join("\n")
    };
    let uses = policy("deny if money.large");
    let data = ("policies/most.json", "{\"most\": 100}");
    let cases = [
        // A slip of the pen in the package itself.
        (
            "lib/money.rego",
            HELPERS.replace("amount", "amuont"),
            "unknown-argument lib/money.rego \"amuont\"",
        ),
        (
            "lib/money.rego",
            HELPERS.replace("data.most", "data.mots"),
            "unknown-attribute lib/money.rego \"data.mots\"",
        ),
        (
            "lib/money.rego",
            HELPERS.replace("large", "lagre"),
            "rego-syntax policies/p.rego \"money\"",
        ),
        (
            "lib/money.rego",
            HELPERS.replace("data.most", "large"),
            "rego-recursion lib/money.rego \"large\"",
        ),
        (
            "lib/money.rego",
            HELPERS.replace("data.most", "time.now_ns()"),
            "impure-builtin lib/money.rego \"time.now_ns\"",
        ),
        (
            "lib/money.rego",
            HELPERS.replace("data.most", "nosuch"),
            "rego-syntax lib/money.rego \"nosuch\"",
        ),
        (
            "teams/support/money.rego",
            HELPERS.to_owned(),
            "rego-syntax policies/p.rego \"money\"",
        ),
        (
            "lib/money.rego",
            HELPERS.replace("lib.money", "lib.other"),
            "unknown-attribute policies/p.rego \"data.lib.money\"",
        ),
    ];
    for (path, helpers, expected) in cases {
        let found = said(&[("policies/p.rego", &uses), (path, &helpers), data]);
        assert!(found.contains(expected), "{expected}\n{found}\n{helpers}");
    }
    // One that nobody asks for would be taken for a policy.
    let found = said(&[("lib/money.rego", HELPERS), data]);
    assert_eq!(found, "bad-package lib/money.rego \"lib.money\"");
    let found = said(&[
        ("policies/p.rego", &uses),
        ("a.rego", HELPERS),
        ("b.rego", HELPERS),
        data,
    ]);
    assert!(found.contains("bad-package b.rego \"lib.money\""), "{found}");
    // Names that would be one: of two packages, and of a package and of the policy itself.
    let dashed = HELPERS.replace("lib.money", "lib[\"mo-ney\"]");
    let other = HELPERS.replace("lib.money", "lib.mo_ney");
    let both =
        "package polity.p\n\nimport rego.v1\n\ndeny if data.lib[\"mo-ney\"].large\n\ndeny if data.lib.mo_ney.large\n";
    let found = said(&[("policies/p.rego", both), ("a.rego", &dashed), ("b.rego", &other), data]);
    assert!(found.contains("rego-syntax a.rego \"lib[\\\"mo-ney\\\"]\""), "{found}");
    let own = policy("deny if money.large\n\nlib__money__large if false");
    let found = said(&[("policies/p.rego", &own), ("lib/money.rego", HELPERS), data]);
    assert!(
        found.contains("rego-syntax policies/p.rego \"lib__money__large\""),
        "{found}"
    );
}
