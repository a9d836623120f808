//! What the generators promise: the same bytes, valid references, and that everything turns up.

use std::collections::{BTreeMap, HashSet};

use polity::ast::{Body, Documents};

use super::*;
use crate::load::load;
use crate::naive::{Naive, Outcome};
use crate::requests::requests;

/// A tenth of the large organisation in each direction.
fn medium() -> Parameters {
    Parameters {
        teams: 10,
        deployments: 200,
        tools: 20,
        actions: 200,
        rules: 1_000,
        ..Parameters::default()
    }
}

fn rules(documents: &Documents) -> Vec<&polity::ast::Rule> {
    let policies = documents.documents.iter().filter_map(|document| match &document.body {
        Body::Policy(policy) => Some(policy),
        _ => None,
    });
    policies
        .flat_map(|policy| policy.rules.iter().map(|(_, rule)| rule))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(generate(&medium()), generate(&medium()));
    assert_eq!(small(7), small(7));
    assert_ne!(small(7), small(8));
    let documents = load(&small(7));
    assert_eq!(requests(&documents, 1, 300), requests(&documents, 1, 300));
}

#[test]
fn sizes_are_what_was_asked_for() {
    let documents = load(&generate(&medium()));
    let count = |is: &dyn Fn(&Body) -> bool| documents.documents.iter().filter(|document| is(&document.body)).count();
    assert_eq!(count(&|body| matches!(body, Body::Tool(_))), 20);
    assert_eq!(count(&|body| matches!(body, Body::Team(_))), 10);
    let deployments = count(&|body| matches!(body, Body::Deployment(_)));
    assert!((190..=200).contains(&deployments), "{deployments}");
    let rules = rules(&documents);
    assert_eq!(rules.len(), 1_000);
    let conditional = rules
        .iter()
        .filter(|rule| rule.when.is_some() || rule.unless.is_some())
        .count();
    assert!((250..420).contains(&conditional), "{conditional}");
}

#[test]
fn names_are_unique_and_every_condition_parses() {
    for seed in 0..60 {
        let documents = load(&small(seed));
        let mut names = HashSet::new();
        for document in &documents.documents {
            let name = match (&document.body, &document.name) {
                (Body::Deployment(deployment), _) => {
                    let team = document.team.as_deref().unwrap();
                    format!("{team}/{}", deployment.agent.as_ref().unwrap().value)
                }
                (_, Some(name)) => name.value.clone(),
                (_, None) => panic!("no name"),
            };
            assert!(
                names.insert((std::mem::discriminant(&document.body), name.clone())),
                "{name} twice"
            );
        }
        for rule in rules(&documents) {
            for text in [&rule.when, &rule.unless].into_iter().flatten() {
                assert!(
                    text.value.parse::<cedar_policy_core::ast::Expr>().is_ok(),
                    "{}",
                    text.value
                );
            }
        }
    }
}

#[test]
fn every_feature_turns_up_in_small_organisations() {
    let text: String = (0..150)
        .flat_map(small)
        .map(|(path, text)| format!("{path}\n{text}"))
        .collect();
    for feature in [
        "kind: Exception",
        "kind: Kill",
        "kind: Ring",
        "kind: Credential",
        "kind: Group",
        "kind: DataClass",
        "kind: ApprovalRule",
        "except: {",
        "when:",
        "unless:",
        "approval: {",
        "expires:",
        "observe_until:",
        "limit:",
        "resources: [team.owns]",
        "holding:",
        "on_behalf_of:",
        "tags: {",
        "rings: [",
        "teams: [",
        "tools: [",
        "credentials: [",
        "effects: [",
        "external: true",
        "reversible: false",
        "environments: [\"*\"]",
        "variants:",
        "strict: false",
        "enforced_by: none",
        "until: 2026",
        "ceiling:",
        "decimal(",
        "datetime(",
        "duration(",
        "ip(",
        "to_hosts",
        ".position.",
        "like ",
        "containsAll",
        "containsAny",
        "isEmpty",
        "isInRange",
        " has ",
        "if ",
        "||",
        "resource.name",
        "principal.tags",
        "action in",
        "context.session.holding",
        "context.session.calls",
        "context.now",
        "everything: true",
        "teams/payments/exceptions.yaml",
        "opaque",
        "fold: case",
    ] {
        assert!(text.contains(feature), "{feature}");
    }
}

/// The share of requests that each step settles, over many organisations: none is left out, and none is all.
#[test]
fn requests_reach_every_step() {
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut erring, mut all) = (0, 0);
    for seed in 0..150 {
        let documents = load(&small(seed));
        let naive = Naive::new(&documents);
        for request in requests(&documents, seed, 150) {
            let answer = naive.decide(&request);
            assert_eq!(answer.effect == Outcome::Allow, answer.code == "granted");
            *codes.entry(answer.code).or_default() += 1;
            erring += usize::from(!answer.erring.is_empty());
            all += 1;
        }
    }
    for code in [
        "killed",
        "unknown-agent",
        "unknown-environment",
        "unknown-action",
        "not-admitted",
        "not-given",
        "undeclared-argument",
        "unclassified",
        "ring-ceiling",
        "denied-by-rule",
        "no-grant",
        "approval-required",
        "granted",
    ] {
        let seen = codes.get(code).copied().unwrap_or(0);
        assert!(seen >= 20 && seen * 2 < all, "{code}: {seen} of {all}: {codes:?}");
    }
    assert!(erring * 50 > all, "{erring} of {all}");
}

/// A rule that nobody would miss is one that no request can tell is gone.
#[test]
fn removing_a_rule_is_noticed() {
    let (mut noticed, mut all) = (0, 0);
    for seed in 0..20 {
        let files = small(seed);
        let documents = load(&files);
        let asked = requests(&documents, seed, 500);
        let naive = Naive::new(&documents);
        let before: Vec<_> = asked.iter().map(|request| naive.decide(request)).collect();
        let mut without = load(&files);
        let removed =
            without
                .documents
                .iter_mut()
                .find_map(|document| match &mut std::sync::Arc::get_mut(document)?.body {
                    Body::Policy(policy) if !policy.rules.is_empty() => Some(policy.rules.remove(0)),
                    _ => None,
                });
        assert!(removed.is_some());
        let naive = Naive::new(&without);
        all += 1;
        noticed += usize::from(
            asked
                .iter()
                .zip(&before)
                .any(|(request, before)| naive.decide(request) != *before),
        );
    }
    // Some rules cannot match: a kill of everything, a ring's ceiling, a condition that contradicts itself.
    assert!(noticed * 10 >= all * 6, "{noticed} of {all}");
}

#[test]
fn policies_in_three_languages_become_conditions_of_one_table() {
    let files = generate(&Parameters {
        teams: 4,
        deployments: 30,
        tools: 6,
        actions: 50,
        rules: 200,
        conditional_percent: 60,
        cedar_percent: 33,
        rego_percent: 33,
        ..Parameters::default()
    });
    let compiled = polity::compile::compile(
        &polity::source::SourceTree::from_files(files),
        crate::measure::NOW,
        polity::diag::Sink::default(),
    );
    assert!(compiled.table.is_some());
    let rules = &compiled.organization.rules;
    let rego = rules.iter().filter(|rule| rule.rego.is_some()).count();
    let cedar = rules.iter().filter(|rule| rule.cedar.is_some()).count();
    assert!(
        rego > 30 && cedar > 30 && rules.len() - rego - cedar > 30,
        "{rego} {cedar}"
    );
    assert!(compiled.rules.bodies.iter().all(|body| body.beyond.is_none()));
}
