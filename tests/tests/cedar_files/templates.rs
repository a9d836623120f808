//! Cedar templates and what their uses come to.

use polity::compile::Compiled;
use polity_tests::naive::Outcome;

use crate::{built, call, decide, refund};

const TEMPLATE: &str = r#"@id("refunds") permit(principal in ?principal, action == Action::"billing.refund", resource in ?resource)
when { context.args.amount < 100 };
"#;

fn used(with: &str) -> (Compiled, Vec<&'static str>) {
    let filled = format!("kind: Use\nname: payments-refunds\ntemplate: refunds\nwith: {{{with}}}\n");
    built(&[("templates/refunds.cedar", TEMPLATE), ("uses/refunds.yaml", &filled)])
}

#[test]
fn a_use_fills_in_the_slots_of_a_template() {
    let (compiled, found) = used("principal: 'Team::\"payments\"', resource: 'Environment::\"production\"'");
    assert_eq!(found, [""; 0], "{:#?}", compiled.findings.diagnostics());
    let allowed = (Outcome::Allow, Some("payments-refunds/refunds".to_owned()));
    assert_eq!(decide(&compiled, &refund(99)), allowed);
    assert_eq!(decide(&compiled, &refund(100)).0, Outcome::Deny);
    let elsewhere = |agent, environment| call(agent, environment, "billing.refund", refund(1).args);
    assert_eq!(
        decide(&compiled, &elsewhere("payments/bot", "staging")).0,
        Outcome::Deny
    );
    assert_eq!(
        decide(&compiled, &elsewhere("support/helper", "production")).0,
        Outcome::Deny
    );
}

#[test]
fn a_use_that_does_not_fit_its_template_is_refused() {
    let cases = [
        ("principal: 'Team::\"payments\"'", "missing-template-parameter"),
        (
            "principal: payments, resource: 'Environment::\"production\"'",
            "bad-template-argument",
        ),
        (
            "principal: 'Team::\"payments\"', resource: 'Environment::\"production\"', action: 'x'",
            "unknown-template-parameter",
        ),
        (
            "principal: 'Team::\"paymnts\"', resource: 'Environment::\"production\"'",
            "unknown-team",
        ),
        (
            "principal: 'Environment::\"staging\"', resource: 'Environment::\"production\"'",
            "impossible-scope",
        ),
    ];
    for (with, code) in cases {
        let (compiled, found) = used(with);
        assert_eq!(found, [code], "{with}\n{:#?}", compiled.findings.diagnostics());
        let place = compiled
            .findings
            .diagnostics()
            .iter()
            .find(|one| one.code.id == code)
            .unwrap();
        let span = place.primary.as_ref().unwrap().span;
        assert_eq!(
            compiled.tree.file(span.file).unwrap().path,
            "uses/refunds.yaml",
            "{code}"
        );
    }
    // What is wrong with a template is said whether or not it is used.
    let (_, found) = built(&[("templates/x.cedar", "permit(principal in ?principal, action, resource")]);
    assert_eq!(found, ["cedar-syntax"]);
    let (_, found) = built(&[("templates/x.cedar", "permit(principal, action, resource);")]);
    assert_eq!(found, ["bad-template"]);
    // A team's use reaches that team's deployments alone.
    let filled = "kind: Use\nname: ours\ntemplate: refunds\nwith: {principal: 'Agent::\"bot\"', resource: 'Environment::\"production\"'}\n";
    let (compiled, found) = built(&[
        ("templates/refunds.cedar", TEMPLATE),
        ("teams/payments/use.yaml", filled),
    ]);
    assert_eq!(found, [""; 0]);
    assert_eq!(decide(&compiled, &refund(1)).0, Outcome::Allow);
    let (_, found) = built(&[
        ("templates/refunds.cedar", TEMPLATE),
        ("teams/support/use.yaml", filled),
    ]);
    assert_eq!(found, ["matches-nothing-here"]);
}
