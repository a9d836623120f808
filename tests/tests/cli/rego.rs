//! Rules in Rego: who decides them is said, and a build can be told to take none that only the engine decides.

use serde_json::json;

use crate::harness::Place;

/// The example with a rule that no condition can say.
fn with_shouting() -> Place {
    let place = Place::with_example();
    let policy = "package polity.shouting\n\nimport rego.v1\n\ndeny contains \"shouting\" if {\n\tinput.action.name == \"stripe.list_payment_intents\"\n\tupper(input.args.customer) == input.args.customer\n}\n";
    place.write("acme/policies/shouting.rego", policy);
    place
}

#[test]
fn each_rule_is_said_to_be_compiled_or_left_to_the_engine_and_why() {
    let place = with_shouting();
    let said = place.polity("check acme").exits(0).out;
    let listed: Vec<&str> = said.lines().skip_while(|line| !line.contains("Rego rules")).collect();
    assert_eq!(
        listed,
        [
            "3 Rego rules: 2 compiled into the table, 1 decided by the engine",
            "  table  replicas/require_approval teams/platform/replicas.rego:11",
            "  table  residency/deny policies/residency.rego:10",
            "  engine shouting/deny policies/shouting.rego:7: it looks at a string that was changed, compared with another",
        ],
        "{said}"
    );
    let told = place.polity("check acme --format json").exits(0).json();
    let rules = told["rego"].as_array().unwrap();
    let last = rules.last().unwrap();
    assert_eq!((rules.len(), &rules[0]["decided_by"]), (3, &json!("table")));
    assert_eq!(
        (&last["rule"], &last["decided_by"], &last["span"]["path"]),
        (
            &json!("shouting/deny"),
            &json!("engine"),
            &json!("policies/shouting.rego")
        )
    );
    assert!(
        last["because"].as_str().unwrap().contains("a string that was changed"),
        "{last}"
    );
}

#[test]
fn many_rules_are_counted_and_those_of_the_engine_are_listed() {
    let place = with_shouting();
    for number in 0..30 {
        let policy = format!(
            "package polity[\"many-{number}\"]\n\nimport rego.v1\n\ndeny if {{\n\tinput.action.name == \"stripe.list_payment_intents\"\n\tinput.args.customer == \"{number}\"\n}}\n"
        );
        place.write(&format!("acme/policies/many-{number}.rego"), policy);
    }
    let said = place.polity("check acme").exits(0).out;
    assert!(
        said.contains("33 Rego rules: 32 compiled into the table, 1 decided by the engine\n  engine shouting/deny")
    );
    assert!(!said.contains("  table"), "{said}");
}

#[test]
fn a_build_without_the_engine_takes_no_rule_that_needs_it() {
    let place = with_shouting();
    let build = "build acme --unattested --trust keys/trust.json --key keys/developer.key --out acme.polity";
    let refused = place.polity(&format!("{build} --no-rego-engine")).exits(1);
    assert!(
        refused
            .err
            .contains("only a Rego engine can decide `shouting/deny` in policies/shouting.rego:5"),
        "{}",
        refused.err
    );
    assert!(!place.at("acme.polity").exists());
    place.polity(build).exits(0);
    // Whoever reads the bundle sees that it takes the engine before a runtime refuses it.
    let bundle = String::from_utf8_lossy(&place.read("acme.polity")).into_owned();
    assert!(bundle.contains(r#""features":["rego"]"#));
    let ask = |customer: &str| {
        let arguments = json!({"customer": customer}).to_string();
        let ran = place.decide("payments/refund-bot", "stripe.list_payment_intents", &arguments, &[]);
        let said = ran.json();
        (said["effect"].clone(), said["rule"].clone())
    };
    assert_eq!(ask("CUS_1"), (json!("deny"), json!("shouting/deny")));
    assert_eq!(ask("cus_1").0, json!("allow"));
    // Without that rule the same repository builds for every runtime.
    place.remove("acme/policies/shouting.rego");
    place.polity(&format!("{build} --no-rego-engine")).exits(0);
    let bundle = String::from_utf8_lossy(&place.read("acme.polity")).into_owned();
    assert!(!bundle.contains(r#""features""#));
}
