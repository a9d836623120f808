//! Rules that are about some calls alone: they are looked at for those, and mean for every call what regorus says.

use polity_tests::generate::random::Random;

use super::generated::call;
use super::{compared, right};

/// Bodies of a rule, and to how many actions, placements' environments and deployments it is narrowed.
const CASES: [(&str, [Option<usize>; 3]); 15] = [
    ("deny if input.action.name == \"billing.refund\"", [Some(1), None, None]),
    ("deny if \"billing.refund\" == input.action.name", [Some(1), None, None]),
    ("deny if input.action.tool == \"files\"", [Some(1), None, None]),
    (
        "deny if startswith(input.action.name, \"billing.\")",
        [Some(2), None, None],
    ),
    // What else begins so is not told by a selector.
    ("deny if startswith(input.action.name, \"bil\")", [None, None, None]),
    (
        "deny if {\n\tinput.environment in {\"production\"}\n\tinput.action.effect == \"write\"\n\tinput.args.amount > 5\n}",
        [Some(2), Some(1), None],
    ),
    (
        "deny if {\n\tinput.agent.team == \"payments\"\n\tinput.action.name in [\"billing.refund\", \"files.move\"]\n}",
        [Some(2), None, Some(1)],
    ),
    ("deny if input.agent.name == \"support/helper\"", [None, None, Some(1)]),
    // Any of several definitions.
    (
        "deny if {\n\tinput.action.tool == \"files\"\n\tinput.environment == \"staging\"\n}\n\ndeny if input.action.name == \"billing.list\"",
        [Some(2), None, None],
    ),
    (
        "deny if input.action.tool == \"files\"\n\ndeny if input.args.amount > 5",
        [None, None, None],
    ),
    // An `else` is another body.
    (
        "deny := true if {\n\tinput.action.tool == \"files\"\n} else := input.args.amount > 5000",
        [None, None, None],
    ),
    // A test that stands after one that may err spares no call that error.
    (
        "deny if {\n\tinput.args.amount > 5\n\tinput.action.name == \"billing.refund\"\n}",
        [None, None, None],
    ),
    (
        "default allow := true\n\nallow := false if input.action.tool == \"files\"",
        [None, None, None],
    ),
    (
        "import input.action as a\n\ndeny if a.tool == \"files\"",
        [Some(1), None, None],
    ),
    (
        "deny contains \"files\" if input.action.tool == \"files\"",
        [Some(1), None, None],
    ),
];

#[test]
fn rules_are_looked_at_for_the_calls_that_they_can_be_about() {
    for (body, wanted) in CASES {
        let policy = format!("package polity.p\n\nimport rego.v1\n\n{body}\n");
        let compiled = right(&[("policies/p.rego", &policy)]);
        let rule = compiled.organization.rules.iter().find(|rule| rule.rego.is_some());
        let scope = &rule.expect("the rule").scope;
        let found = [
            scope.actions.as_ref().map(|all| all.len()),
            scope.environments.as_ref().map(Vec::len),
            scope.deployments.as_ref().map(|all| all.len()),
        ];
        assert_eq!(found, wanted, "{policy}");
        let mut random = Random::new(5);
        let requests: Vec<_> = (0..60).map(|_| call(&mut random)).collect();
        compared(&policy, "{}", &compiled, &requests);
    }
}
