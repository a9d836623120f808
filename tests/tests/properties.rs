//! What adding, leaving out and rearranging can never do: the order of files, documents and rules does not matter, a
//! deny or a gate never grants, an allow takes nothing away, and the day of the build is not in the table.

use std::collections::BTreeSet;

use polity::compile::compile;
use polity::diag::Sink;
use polity::source::SourceTree;
use polity_runtime::table::Table;
use polity_tests::compare::{COMPILED_AT, asked, compiled, is_readable};
use polity_tests::generate::random::Random;
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::naive::{Answer, Outcome, Request};
use polity_tests::requests::requests;
use polity_tests::rewrite::{Written, read, rules, without, write};
use proptest::prelude::*;
use serde_yaml::Value;

/// Calls an organisation.
const CALLS: usize = 250;

fn table(documents: &[Written]) -> Table {
    compiled(&write(documents)).table.expect("a table")
}

/// An organisation's documents and the calls at its boundaries.
fn organisation(seed: u64) -> (Vec<Written>, Vec<Request>) {
    let files = small(seed);
    let calls = requests(&load(&files), seed, CALLS);
    (read(&files), calls)
}

/// What both tables say to every call.
fn both<'c>(
    calls: &'c [Request],
    before: &'c Table,
    after: &'c Table,
) -> impl Iterator<Item = (&'c Request, Answer, Answer)> {
    let readable = |call: &&Request| is_readable(before, call) && is_readable(after, call);
    calls
        .iter()
        .filter(readable)
        .map(|call| (call, asked(before, call), asked(after, call)))
}

fn shuffle<T>(random: &mut Random, items: &mut [T]) {
    for at in (1..items.len()).rev() {
        items.swap(at, random.below(at + 1));
    }
}

/// Documents in another order, in other files of the same folders; rules in another order.
fn rearranged(documents: &[Written], random: &mut Random) -> Vec<Written> {
    let mut documents = documents.to_vec();
    shuffle(random, &mut documents);
    for document in &mut documents {
        if document.path != "polity.yaml" {
            let folder = document.folder();
            let teams = if folder.is_empty() { "" } else { "teams/" };
            document.path = format!("{teams}{folder}{}/{}.yaml", random.below(3), random.below(4));
        }
        if let Some(rules) = document.rules() {
            let mut all: Vec<(Value, Value)> = std::mem::take(rules).into_iter().collect();
            shuffle(random, &mut all);
            rules.extend(all);
        }
    }
    documents
}

/// A name that sorts the other way round.
fn renamed(name: &str) -> String {
    let turned = name.bytes().map(|byte| match byte {
        b'a'..=b'z' => char::from(b'a' + b'z' - byte),
        b'0'..=b'9' => char::from(b'0' + b'9' - byte),
        other => char::from(other),
    });
    format!("p{}", turned.collect::<String>())
}

fn renamed_rule(rule: &str) -> String {
    let (policy, rule) = rule.split_once('/').unwrap();
    format!("{}/{}", renamed(policy), renamed(rule))
}

fn with_names_turned(documents: &[Written]) -> Vec<Written> {
    let mut documents = documents.to_vec();
    for document in &mut documents {
        if document.is("Policy") {
            let name = renamed(document.text("name"));
            document.value["name"] = name.into();
            let rules = document.rules().unwrap();
            *rules = std::mem::take(rules)
                .into_iter()
                .map(|(name, rule)| (renamed(name.as_str().unwrap()).into(), rule))
                .collect();
        }
        if document.is("Exception") {
            let to = renamed_rule(document.text("to"));
            document.value["to"] = to.into();
        }
    }
    documents
}

fn with_rules_renamed(answer: Answer) -> Answer {
    let set = |rules: BTreeSet<String>| rules.iter().map(|rule| renamed_rule(rule)).collect();
    Answer {
        effect: answer.effect,
        code: answer.code,
        rule: None,
        denies: set(answer.denies),
        grants: set(answer.grants),
        gates: set(answer.gates),
        erring: set(answer.erring),
        observed: set(answer.observed),
        approvals: answer
            .approvals
            .into_iter()
            .map(|(rule, asks)| (renamed_rule(&rule), asks))
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_files_documents_and_rules_never_matters(seed in 0u64..1 << 32) {
        let (documents, calls) = organisation(seed);
        let other = rearranged(&documents, &mut Random::new(seed));
        prop_assert_ne!(&documents, &other);
        for (call, before, after) in both(&calls, &table(&documents), &table(&other)) {
            prop_assert_eq!(before, after, "{:?}", call);
        }
    }

    #[test]
    fn names_of_policies_and_rules_are_only_names(seed in 0u64..1 << 32) {
        let (documents, calls) = organisation(seed);
        for (call, before, after) in both(&calls, &table(&documents), &table(&with_names_turned(&documents))) {
            let rule = after.rule.clone();
            prop_assert_eq!(with_rules_renamed(before.clone()), Answer { rule: None, ..after.clone() }, "{:?}", call);
            // Of several that decide, the first by name is the one reported.
            let decided = match after.effect {
                Outcome::Allow => after.grants.first().cloned(),
                Outcome::RequireApproval => after.approvals.keys().next().cloned(),
                Outcome::Deny => after.denies.first().cloned(),
            };
            prop_assert_eq!(rule, decided, "{:?}", call);
        }
    }

    #[test]
    fn a_deny_or_a_gate_never_grants(seed in 0u64..1 << 32) {
        let (documents, calls) = organisation(seed);
        let with = table(&documents);
        let strict = rules(&documents).into_iter().filter(|(_, effect)| effect != "allow");
        for (rule, _) in strict.take(3) {
            for (call, without, with) in both(&calls, &table(&without(&documents, &rule)), &with) {
                // The strictest is the greatest.
                prop_assert!(with.effect >= without.effect, "{}: {:?}", rule, call);
                prop_assert_eq!(with.grants, without.grants, "{}: {:?}", rule, call);
            }
        }
    }

    #[test]
    fn an_allow_takes_no_deny_no_gate_and_no_other_approval_away(seed in 0u64..1 << 32) {
        let (documents, calls) = organisation(seed);
        let with = table(&documents);
        let grants = rules(&documents).into_iter().filter(|(_, effect)| effect == "allow");
        for (rule, _) in grants.take(3) {
            for (call, without, with) in both(&calls, &table(&without(&documents, &rule)), &with) {
                prop_assert_eq!(&with.denies, &without.denies, "{}: {:?}", rule, call);
                prop_assert_eq!(&with.gates, &without.gates, "{}: {:?}", rule, call);
                prop_assert!(with.effect != Outcome::Allow || without.effect != Outcome::RequireApproval);
                for (other, asks) in &without.approvals {
                    prop_assert_eq!(Some(asks), with.approvals.get(other), "{}: {:?}", rule, call);
                }
            }
        }
    }

    #[test]
    fn the_day_of_the_build_is_not_in_the_table(seed in 0u64..1 << 32, years in 1i64..200) {
        let tree = SourceTree::from_files(small(seed));
        let at = |now| compile(&tree, now, Sink::default()).table.expect("a table");
        let later = COMPILED_AT + years * 31_557_600_000;
        let (today, then) = (at(COMPILED_AT), at(later));
        prop_assert_eq!(today.data(), then.data());
    }
}
