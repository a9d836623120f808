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
