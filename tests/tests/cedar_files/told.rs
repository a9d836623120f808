//! What only a call knows of its resources: declared on the tool, told beside the arguments, read by conditions.

use polity::compile::Compiled;
use polity_tests::naive::Outcome;

use crate::{NOW, built};

const DRIVE: &str = r#"
kind: Tool
name: drive
resource:
  attributes: {owner: string, size: int, labels: {type: list, of: string}}
  in: [Folder]
actions:
  copy:
    effect: write
    external: false
    reversible: true
    params: {from: string, to: string}
    resources: ["file:{from}", "file:{to}"]
---
kind: Agent
name: filer
owner: bob
---
kind: Deployment
agent: filer
team: payments
environments:
  production: {ring: standard, tools: [drive], enforced_by: gateway}
"#;

const COPIES: &str = r#"
@id("small") permit(principal, action == Action::"drive.copy", resource)
when { resource has owner && resource.owner == "alice" && resource has size && resource.size < 10 };
@id("vault") forbid(principal, action, resource in Folder::"vault");
"#;

/// What is decided of a copy of `a` to `b`, with what is told of them.
fn copied(compiled: &Compiled, entities: Option<&str>) -> (Outcome, Option<String>) {
    use polity_runtime::decide::{self, Phase};
    use polity_runtime::guard::Silent;
    use polity_runtime::session::{ClassSet, Seat, State};
    use polity_runtime::value::Arguments;
    let table = compiled
        .table
        .as_ref()
        .unwrap_or_else(|| panic!("{:#?}", compiled.findings.diagnostics()));
    let action = table.action("drive.copy").expect("the action");
    let mut arguments = Arguments::new();
    arguments
        .read_json(&table.parameters(action), r#"{"from": "a", "to": "b"}"#)
        .expect("arguments");
    if let Some(entities) = entities {
        arguments
            .read_entities_json(&table.parameters(action), entities)
            .expect("entities");
    }
    let holding = ClassSet::default();
    let state = State {
        seat: &Seat::resolve(table, "payments/filer", "production"),
        holding: &holding,
        calls: 0,
    };
    let request = decide::Request {
        action: Some(action),
        arguments: &arguments,
        on_behalf_of: None,
        now: NOW,
        phase: Phase::Live,
    };
    let decision = decide::decide(table, &state, &request, &mut Silent);
    let outcome = match decision.outcome {
        decide::Outcome::Allow => Outcome::Allow,
        decide::Outcome::Deny => Outcome::Deny,
        decide::Outcome::RequireApproval => Outcome::RequireApproval,
    };
    (outcome, decision.rule.map(|rule| table.rule_name(rule).to_owned()))
}

#[test]
fn what_only_the_call_knows_of_its_resources_is_told_with_it() {
    let (compiled, found) = built(&[("tools/drive.yaml", DRIVE), ("policies/copies.cedar", COPIES)]);
    assert_eq!(found, [""; 0], "{:#?}", compiled.findings.diagnostics());
    let told = |a: &str, b: &str| copied(&compiled, Some(&format!(r#"{{"file:a": {a}, "file:b": {b}}}"#)));
    let good = r#"{"owner": "alice", "size": 9, "in": []}"#;
    assert_eq!(told(good, good), (Outcome::Allow, Some("copies/small".into())));
    // All of them must be what a permit asks for, and none what a forbid does.
    assert_eq!(
        told(good, r#"{"owner": "alice", "size": 10, "in": []}"#),
        (Outcome::Deny, None)
    );
    assert_eq!(told(r#"{"size": 9, "in": []}"#, good), (Outcome::Deny, None));
    let vault = r#"{"owner": "alice", "size": 9, "in": ["Folder::\"x\"", "Folder::\"vault\""]}"#;
    let denied = (Outcome::Deny, Some("copies/vault".to_owned()));
    assert_eq!(told(vault, good), denied);
    assert_eq!(told(good, vault), denied);
    // Of what nothing is told nobody knows whether it is in the vault: the forbid errs, and holds.
    assert_eq!(copied(&compiled, None), denied);
    assert_eq!(copied(&compiled, Some(&format!(r#"{{"file:a": {good}}}"#))), denied);
    assert_eq!(
        copied(&compiled, Some(&format!(r#"{{"file:a": {good}, "file:c": {good}}}"#))),
        denied
    );
    // A value of another type cannot be read.
    assert_eq!(
        told(good, r#"{"owner": "alice", "size": "9", "in": []}"#).0,
        Outcome::Deny
    );
}

#[test]
fn a_test_tells_of_resources_as_a_request_does() {
    let case = |owner: &str, expect: &str| {
        format!(
            "  - args: {{from: a, to: b}}\n    expect: {expect}\n    entities:\n      - {{uid: {{type: Resource, id: \"file:a\"}}, attrs: {{owner: {owner}, size: 9}}, parents: [{{type: Folder, id: x}}]}}\n      - {{uid: {{type: Resource, id: \"file:b\"}}, attrs: {{owner: alice, size: 9}}}}\n"
        )
    };
    let test = format!(
        "kind: Test\nname: told\ndefaults: {{agent: payments/filer, environment: production, action: drive.copy, now: \"2026-11-01T12:00:00Z\"}}\ncases:\n{}{}  - {{args: {{from: a, to: b}}, expect: deny, rule: copies/vault}}\n",
        case("alice", "allow"),
        case("bob", "deny")
    );
    let files = [
        ("tools/drive.yaml", DRIVE),
        ("policies/copies.cedar", COPIES),
        ("tests/told.yaml", test.as_str()),
    ];
    let (compiled, found) = built(&files);
    assert_eq!(found, [""; 0], "{:#?}", compiled.findings.diagnostics());
    let table = compiled.table.as_ref().expect("a table");
    let report = polity::suite::run(&compiled.organization, table, &polity::suite::Selection::default());
    assert_eq!(report.count(), (3, 0));
}

#[test]
fn what_is_told_of_resources_is_recorded_with_the_call() {
    use polity::suite::ask::Request;
    let (compiled, _) = built(&[("tools/drive.yaml", DRIVE), ("policies/copies.cedar", COPIES)]);
    let table = compiled.table.as_ref().expect("a table");
    let call = |entities: Option<&str>| {
        Ok(Request {
            agent: "payments/filer".to_owned(),
            environment: "production".to_owned(),
            action: "drive.copy".to_owned(),
            args: r#"{"from": "a", "to": "b"}"#.to_owned(),
            entities: entities.map(str::to_owned),
            holding: Vec::new(),
            on_behalf_of: None,
            now: NOW,
        })
    };
    let alice = r##"{"owner": "alice", "size": 9, "labels": ["x: \u00e9", "#"], "in": []}"##;
    let both = |second: &str| format!(r#"{{"file:a": {alice}, "file:b": {second}}}"#);
    let calls = [
        call(None),
        call(Some(&both(alice))),
        call(Some(&both(
            r#"{"owner": "alice", "size": 9, "in": ["Folder::\"va\\\"ult\"", "Folder::\"vault\""]}"#,
        ))),
        call(Some(&both(r#"{"in": []}"#))),
        // What a resource is in cannot be left open in Cedar's form.
        call(Some(&both("{}"))),
        // A key that stands twice cannot be read.
        call(Some(r#"{"file:a": {}, "file:a": {}}"#)),
    ];
    let recorded = polity::suite::record::record(&compiled.organization, table, "told", &calls);
    assert_eq!((recorded.cases, recorded.left_out.len()), (4, 2), "{recorded:?}");
    assert!(
        recorded
            .yaml
            .contains(r#"parents: [{type: "Folder", id: "va\"ult"}, {type: "Folder", id: "vault"}]"#),
        "{}",
        recorded.yaml
    );
    let files = [
        ("tools/drive.yaml", DRIVE),
        ("policies/copies.cedar", COPIES),
        ("tests/told.yaml", recorded.yaml.as_str()),
    ];
    let (compiled, found) = built(&files);
    assert_eq!(found, [""; 0], "{:#?}", compiled.findings.diagnostics());
    let table = compiled.table.as_ref().expect("a table");
    let report = polity::suite::run(&compiled.organization, table, &polity::suite::Selection::default());
    assert_eq!(report.count(), (4, 0), "{}", recorded.yaml);
    assert_eq!(recorded.yaml.matches("expect: allow").count(), 1, "{}", recorded.yaml);
}

#[test]
fn nothing_is_told_of_a_resource_by_an_argument() {
    let (compiled, _) = built(&[("tools/drive.yaml", DRIVE), ("policies/copies.cedar", COPIES)]);
    let table = compiled.table.as_ref().expect("a table");
    let parameters = table.parameters(table.action("drive.copy").expect("the action"));
    let mut arguments = polity_runtime::value::Arguments::new();
    let spoofed = "{\"from\": \"a\", \"to\": \"b\", \"\\u00010000\": {\"owner\": \"alice\"}}";
    arguments.read_json(&parameters, spoofed).expect("arguments");
    assert_eq!(arguments.undeclared(), Some("\u{1}0000"));
    let third = r#"{"file:a": {}, "file:b": {}, "file:c": {}}"#;
    assert!(arguments.read_entities_json(&parameters, third).is_err());
    let undeclared = r#"{"file:a": {"colour": "red"}}"#;
    arguments
        .read_json(&parameters, r#"{"from": "a", "to": "b"}"#)
        .expect("arguments");
    arguments.read_entities_json(&parameters, undeclared).expect("entities");
    assert_eq!(arguments.undeclared(), Some("colour"));
}

#[test]
fn what_no_tool_declares_of_its_resources_is_refused() {
    let cases = [
        (
            "permit(principal, action == Action::\"drive.copy\", resource) when { resource.owner == \"x\" };",
            "unguarded-optional",
        ),
        (
            "permit(principal, action == Action::\"drive.copy\", resource) when { resource has colour };",
            "unknown-attribute",
        ),
        (
            "permit(principal, action == Action::\"files.move\", resource) when { resource has owner && resource.owner == \"x\" };",
            "",
        ),
        (
            "permit(principal, action == Action::\"drive.copy\", resource in Shelf::\"x\");",
            "unknown-entity",
        ),
        (
            "permit(principal, action == Action::\"drive.copy\", resource) when { resource.size < \"x\" };",
            "condition-type",
        ),
    ];
    for (text, code) in cases {
        let (compiled, mut found) = built(&[("tools/drive.yaml", DRIVE), ("policies/copies.cedar", text)]);
        found.dedup();
        let expected: Vec<&str> = Some(code).filter(|code| !code.is_empty()).into_iter().collect();
        let seen: Vec<&str> = found
            .into_iter()
            .filter(|id| *id != "unguarded-optional" || code == *id)
            .collect();
        assert_eq!(seen, expected, "{text}\n{:#?}", compiled.findings.diagnostics());
    }
}

#[test]
fn what_a_resource_is_in_is_of_a_type_that_exists_even_where_the_action_has_no_resources() {
    let typo = r#"forbid(principal, action, resource in Enviroment::"production");"#;
    let over = r#"forbid(principal, action == Action::"billing.refund", resource in Enviroment::"production");"#;
    for policy in [typo, over] {
        let (compiled, codes) = built(&[("tools/drive.yaml", DRIVE), ("policies/typo.cedar", policy)]);
        assert_eq!(codes, ["unknown-entity"]);
        let mut found = compiled.findings.diagnostics().iter();
        let found = found.find(|found| found.code.id == "unknown-entity").unwrap();
        let span = found.primary.as_ref().unwrap().span;
        let text = &compiled.tree.file(span.file).unwrap().text;
        assert_eq!(
            &text[span.start as usize..span.end as usize],
            "Enviroment::\"production\""
        );
        assert_eq!(found.help[0].text, "did you mean `Environment`?");
    }
}
