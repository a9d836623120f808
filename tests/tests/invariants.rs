//! Invariants are proved and refuted exactly: a call at a boundary that an invariant forbids is found, and whatever is
//! reported to break one breaks it by the documents too. What an invariant is about is told by a deny with the same
//! selectors: the reference evaluator knows nothing of invariants.

#![allow(clippy::disallowed_methods, reason = "a test may be told how much to do")]

use polity::compile::{Ask, Memo, compile_with};
use polity::diag::Sink;
use polity::prove::{Violation, violations};
use polity::source::SourceTree;
use polity_tests::compare::is_readable;
use polity_tests::generate::random::Random;
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::naive::{Naive, Outcome, Request};
use polity_tests::requests::requests;
use polity_tests::rewrite::{Written, read, write};
use rayon::prelude::*;
use serde_yaml::{Mapping, Value};

/// Organisations, unless `POLITY_SEEDS` says how many.
const SEEDS: u64 = 6;
/// Calls an organisation.
const CALLS: usize = 240;
/// Invariants an organisation.
const INVARIANTS: usize = 3;

/// What is forbidden.
const OUTCOMES: [&[&str]; 3] = [&["allow"], &["allow", "require_approval"], &["require_approval"]];

const SELECTORS: [&str; 14] = [
    "agents",
    "teams",
    "rings",
    "tags",
    "environments",
    "tools",
    "actions",
    "effects",
    "external",
    "reversible",
    "credentials",
    "resources",
    "holding",
    "on_behalf_of",
];

/// What an organisation-wide rule is about: its selectors and its condition.
fn about(documents: &[Written], random: &mut Random) -> Option<Mapping> {
    let policies: Vec<&Written> = documents
        .iter()
        .filter(|one| one.is("Policy") && one.folder().is_empty())
        .collect();
    if policies.is_empty() {
        return None;
    }
    let policy = random.pick(&policies);
    let rules = policy.value.get("rules")?.as_mapping()?;
    let all: Vec<&Value> = rules.values().collect();
    let rule = random.pick(&all);
    let mut found = Mapping::new();
    let outer = policy.value.get("for");
    for key in SELECTORS.into_iter().chain(["when"]) {
        let value = rule.get(key).or_else(|| outer.and_then(|outer| outer.get(key)));
        if let Some(value) = value {
            found.insert(key.into(), value.clone());
        }
    }
    (!found.is_empty()).then_some(found)
}

fn document(path: &str, fields: Mapping) -> Written {
    Written {
        path: path.to_owned(),
        value: Value::Mapping(fields),
    }
}

fn mapping(fields: &[(&str, Value)]) -> Mapping {
    fields
        .iter()
        .map(|(key, value)| (Value::from(*key), value.clone()))
        .collect()
}

/// The documents with an invariant, and with a deny about the same calls.
fn with(documents: &[Written], about: &Mapping, outcomes: &[&str]) -> [Vec<Written>; 2] {
    let mut never = about.clone();
    never.insert("outcome".into(), outcomes.iter().map(|one| Value::from(*one)).collect());
    let invariant = mapping(&[
        ("kind", "Invariant".into()),
        ("name", "probe".into()),
        ("never", never.into()),
    ]);
    let mut deny = about.clone();
    deny.insert("effect".into(), "deny".into());
    let rules = mapping(&[("probe", deny.into())]);
    let policy = mapping(&[
        ("kind", "Policy".into()),
        ("name", "probe-policy".into()),
        ("rules", rules.into()),
    ]);
    [invariant, policy].map(|added| {
        let mut all = documents.to_vec();
        all.push(document("probe.yaml", added));
        all
    })
}

fn spelled(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::RequireApproval => "require_approval",
        Outcome::Deny => "deny",
    }
}

#[derive(Default)]
struct Counts {
    held: usize,
    broken: usize,
    open: usize,
    calls: usize,
}

fn check(seed: u64, counts: &mut Counts) {
    let documents = read(&small(seed));
    let mut random = Random::new(seed ^ 0x1a7);
    for _ in 0..INVARIANTS {
        let Some(about) = about(&documents, &mut random) else {
            continue;
        };
        let outcomes = *random.pick(&OUTCOMES);
        let [proved, probed] = with(&documents, &about, outcomes).map(|all| write(&all));
        let tree = SourceTree::from_files(proved);
        let compiled = compile_with(&tree, &Memo::default(), Ask::Nothing, Sink::default());
        let Some(table) = &compiled.table else { continue };
        let found = violations(&compiled.organization, &compiled.rules, table);
        let (plain, probe) = (load(&write(&documents)), load(&probed));
        let (plain, probe) = (Naive::new(&plain), Naive::new(&probe));
        let breaks = |request: &Request| {
            let is_about = probe.decide(request).denies.contains("probe-policy/probe");
            is_about && outcomes.contains(&spelled(plain.decide(request).effect))
        };
        for violation in &found {
            let Some((call, _)) = &violation.witness else { continue };
            let request = Request {
                agent: call.agent.clone(),
                environment: call.environment.clone(),
                action: call.action.clone(),
                args: call.arguments.clone(),
                holding: call.holding.clone(),
                on_behalf_of: call.on_behalf_of.clone(),
                calls: u64::try_from(call.calls).unwrap(),
                now: call.now,
            };
            assert!(breaks(&request), "seed {seed}: {about:?} is not broken by {request:#?}");
        }
        for request in requests(&load(&write(&documents)), seed, CALLS) {
            if is_readable(table, &request) && breaks(&request) {
                let place = (request.agent.clone(), request.environment.clone());
                let rule = plain.decide(&request).rule;
                // By the rule that decides it, or left open there.
                let told = |one: &Violation| match &one.witness {
                    Some((_, verdict)) => verdict.rule == rule && one.agents.contains(&place),
                    None => one.agents.contains(&place),
                };
                assert!(
                    found.iter().any(told),
                    "seed {seed}: {about:?} is broken by {request:#?}, {rule:?}"
                );
                counts.calls += 1;
            }
        }
        counts.open += usize::from(found.iter().any(|one| one.witness.is_none()));
        counts.broken += usize::from(found.iter().any(|one| one.witness.is_some()));
        counts.held += usize::from(found.is_empty());
    }
}

#[test]
fn what_an_invariant_forbids_is_found_and_nothing_else() {
    let seeds = std::env::var("POLITY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let all: Vec<u64> = (0..seeds).collect();
    let each: Vec<Counts> = all
        .par_iter()
        .map(|seed| {
            let mut counts = Counts::default();
            check(*seed, &mut counts);
            counts
        })
        .collect();
    let sum = |of: fn(&Counts) -> usize| each.iter().map(of).sum::<usize>();
    let (held, broken, open, calls) = (sum(|c| c.held), sum(|c| c.broken), sum(|c| c.open), sum(|c| c.calls));
    println!("{held} hold, {broken} are broken, {open} are open; {calls} calls break one");
    assert!(held > 3 && broken > 1 && calls > 5);
}
