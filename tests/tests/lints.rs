//! What a lint calls dead is dead: without all the rules that are said to match or to decide nothing, the documents,
//! read by the reference evaluator, answer every call as before.

use std::collections::BTreeSet;
use std::sync::Arc;

use polity::ast::Body;
use polity::compile::compile;
use polity::diag::Sink;
use polity::source::SourceTree;
use polity_tests::compare::COMPILED_AT;
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::naive::Naive;
use polity_tests::requests::requests;

/// Organisations that are looked at.
const SEEDS: u64 = 6;
/// Calls of each, at the boundaries of its conditions.
const CALLS: usize = 300;

/// Rules that are said to come to nothing. A condition that says nothing is another matter: its rule may decide.
fn dead(files: &[(String, String)]) -> BTreeSet<String> {
    let compiled = compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default());
    let found = compiled.findings.diagnostics().iter();
    let found = found.filter(|found| match found.code.id {
        "rule-shadowed" | "rules-contradict" => true,
        "condition-never-holds" | "condition-always-holds" => found.message.contains("never match"),
        _ => false,
    });
    let name = |message: &str| message.split('`').find(|part| part.contains('/')).map(str::to_owned);
    found.filter_map(|found| name(&found.message)).collect()
}

#[test]
fn rules_that_are_called_dead_decide_no_call() {
    let mut all = 0;
    for seed in 0..SEEDS {
        let files = small(seed);
        let dead = dead(&files);
        all += dead.len();
        let (documents, mut without) = (load(&files), load(&files));
        for document in &mut without.documents {
            let document = Arc::get_mut(document).unwrap();
            let Some(policy) = document.name.clone() else { continue };
            if let Body::Policy(body) = &mut document.body {
                let lives = |rule: &str| !dead.contains(&format!("{}/{rule}", policy.value));
                body.rules.retain(|(name, _)| lives(&name.value));
            }
        }
        let (with, without) = (Naive::new(&documents), Naive::new(&without));
        for call in requests(&documents, seed, CALLS) {
            let (one, other) = (with.decide(&call), without.decide(&call));
            assert_eq!(one.effect, other.effect, "seed {seed}, without {dead:?}: {call:#?}");
        }
    }
    assert!(all > 3, "{all} rules are called dead");
}

#[test]
fn a_digest_of_nothing_pins_nothing() {
    let base = include_str!("../cases/templates/base.yaml");
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    for (written, pinned) in [
        (digest, true),
        ("sha256:...", false),
        ("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", false),
        (&digest.to_uppercase(), false),
    ] {
        let files = vec![
            ("polity.yaml".to_owned(), base.replacen(digest, written, 1)),
            (
                "production.yaml".to_owned(),
                "{kind: Environment, name: production, rank: 2}\n".to_owned(),
            ),
        ];
        let compiled = compile(&SourceTree::from_files(files), COMPILED_AT, Sink::default());
        let mut found = compiled.findings.diagnostics().iter();
        let told = found.any(|found| found.code.id == "unpinned-server" && found.message.contains("`github`"));
        assert_eq!(told, !pinned, "{written}");
    }
}

/// A name that nobody has is told in whatever language it is written, at its place.
#[test]
fn names_that_nobody_has_are_told_in_every_language() {
    let yaml = "kind: Policy\nname: lints\nrules:\n  all: {effect: allow, environments: [\"*\"], actions: [\"*\"]}\n  r:\n    effect: deny\n    actions: [billing.refund]\n    when: context has on_behalf_of && CONDITION\n";
    let cedar = "@id(\"r\") forbid (principal, action, resource) when { context has on_behalf_of && CONDITION };\n";
    let rego = "package polity.z\n\ndeny if {\n\tinput.action.name == \"billing.refund\"\n\tCONDITION\n}\n";
    let organisation = include_str!("../cases/rego/organisation.yaml");
    let told = |path: &str, text: &str, condition: &str| -> Vec<(String, String)> {
        let text = text.replace("CONDITION", condition);
        let files = vec![
            ("polity.yaml".to_owned(), organisation.to_owned()),
            (path.to_owned(), text.clone()),
        ];
        let compiled = compile(&SourceTree::from_files(files), COMPILED_AT, Sink::default());
        assert!(!compiled.findings.has_errors(), "{condition}: {:?}", compiled.findings);
        let found = compiled.findings.diagnostics().iter();
        let found = found.filter(|found| found.code.id == "unknown-name");
        let at = |span: polity::source::Span| text[span.start as usize..span.end as usize].to_owned();
        found
            .map(|found| (found.message.clone(), at(found.primary.as_ref().expect("a place").span)))
            .collect()
    };
    let same = |conditions: [&str; 2], expected: &[(&str, &str)]| {
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(message, at)| ((*message).to_owned(), (*at).to_owned()))
            .collect();
        let [condition, of_rego] = conditions;
        assert_eq!(told("p/y.yaml", yaml, condition), expected, "{condition}");
        assert_eq!(told("p/c.cedar", cedar, condition), expected, "{condition}");
        assert_eq!(told("p/z.rego", rego, of_rego), expected, "{of_rego}");
    };
    same(
        ["context.on_behalf_of == \"alcie\"", "input.on_behalf_of == \"alcie\""],
        &[("nobody is called `alcie`", "alcie")],
    );
    same(
        [
            "!([\"alcie\", \"bob\"].contains(context.on_behalf_of))",
            "not input.on_behalf_of in {\"alcie\", \"bob\"}",
        ],
        &[("nobody is called `alcie`", "alcie")],
    );
    same(
        [
            "context.on_behalf_of like \"al*\"",
            "startswith(input.on_behalf_of, \"al\")",
        ],
        &[],
    );
    same(
        [
            "principal.tags has tier && principal.tags.tier == \"crtical\"",
            "input.agent.tags.tier == \"crtical\"",
        ],
        &[("no agent has the tag `tier: crtical`", "crtical")],
    );
    same(
        [
            "principal.team like \"paymets*\"",
            "startswith(input.agent.team, \"paymets\")",
        ],
        &[("no team's name is like `paymets*`", "paymets")],
    );
    same(
        [
            "context.on_behalf_of == \"security\"",
            "input.on_behalf_of == \"security\"",
        ],
        &[(
            "`security` is a group, and whoever an agent works for is a person",
            "security",
        )],
    );
    let level = told("p/y.yaml", yaml, "principal.ring == 7");
    assert_eq!(level, [("no ring has the level 7".to_owned(), "r".to_owned())]);
    assert_eq!(told("p/y.yaml", yaml, "principal.ring < 7"), []);
}
