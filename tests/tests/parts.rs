//! Parts of an organisation: in come generated organisations and the example, out comes that a part decides as the
//! whole does for whoever is in it, denies everybody else, and holds nothing of theirs.

#![allow(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::collections::BTreeSet;

use polity::compile::Compiled;
use polity::diag::Sink;
use polity::table::build_part;
use polity_runtime::guard::{Test, constant};
use polity_runtime::manifest::Scope;
use polity_runtime::table::{Table, TableData};
use polity_tests::compare::{asked, compiled, is_readable};
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::naive::Outcome;
use polity_tests::requests::requests;
use rayon::prelude::*;

/// Organisations that are cut.
const SEEDS: u64 = 5;
/// Calls an organisation.
const CALLS: usize = 200;

fn part(compiled: &Compiled, scope: &Scope) -> Table {
    let Compiled {
        organization,
        rules,
        tree,
        ..
    } = compiled;
    build_part(organization, rules, tree, scope, &mut Sink::default()).unwrap()
}

/// Every part that somebody works in.
fn scopes(compiled: &Compiled) -> Vec<Scope> {
    let organization = &compiled.organization;
    let mut scopes = BTreeSet::new();
    for deployment in &organization.deployments {
        scopes.insert(("agent", deployment.name.clone()));
        scopes.insert((
            "team",
            organization.teams[deployment.team.0 as usize].name.value.clone(),
        ));
        for placement in &deployment.placements {
            let environment = &organization.environments[placement.environment.0 as usize];
            scopes.insert(("environment", environment.name.value.clone()));
        }
    }
    let scope = |(kind, name)| match kind {
        "agent" => Scope::Agent(name),
        "team" => Scope::Team(name),
        _ => Scope::Environment(name),
    };
    scopes.into_iter().map(scope).collect()
}

/// Whether a deployment and an environment are in a part.
fn covers(scope: &Scope, table: &Table, agent: &str, environment: &str) -> bool {
    match scope {
        Scope::Team(team) => agent
            .strip_prefix(team.as_str())
            .is_some_and(|rest| rest.starts_with('/')),
        Scope::Agent(name) => agent == name,
        Scope::Environment(name) => {
            let seat = table.deployment(agent).zip(table.environment(environment));
            environment == name
                && seat.is_some_and(|(agent, environment)| table.placement(agent, environment).is_some())
        }
    }
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Deny => 0,
        Outcome::RequireApproval => 1,
        Outcome::Allow => 2,
    }
}

#[test]
fn a_part_decides_as_the_whole_does_and_denies_everybody_else() {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    let counted = seeds.par_iter().map(|seed| {
        let files = small(*seed);
        let compiled = compiled(&files);
        let whole = compiled.table.as_ref().unwrap();
        let documents = load(&files);
        let calls = requests(&documents, *seed, CALLS);
        let (mut inside, mut granted, mut outside, mut strangers) = (0, 0, 0, 0);
        for scope in scopes(&compiled) {
            let part = part(&compiled, &scope);
            for call in calls.iter().filter(|call| is_readable(whole, call)) {
                let (says, said) = (asked(&part, call), asked(whole, call));
                let person = call.on_behalf_of.as_deref();
                let stranger = person.is_some_and(|person| whole.knows_person(person) && !part.knows_person(person));
                if !covers(&scope, whole, &call.agent, &call.environment) {
                    outside += 1;
                    assert_eq!(says.effect, Outcome::Deny, "{scope:?} {call:?}");
                    let codes = ["unknown-agent", "unknown-environment", "killed", "not-admitted"];
                    assert!(codes.contains(&says.code), "{scope:?} {call:?} {says:?}");
                } else if stranger {
                    // A part does not know whom none of its rules names: that counts against the call.
                    strangers += 1;
                    assert!(rank(says.effect) <= rank(said.effect), "{scope:?} {call:?}");
                } else {
                    inside += 1;
                    granted += usize::from(says.effect != Outcome::Deny);
                    assert_eq!(says, said, "{scope:?} {call:?}");
                }
            }
        }
        [inside, granted, outside, strangers]
    });
    let [inside, granted, outside, strangers] =
        counted.reduce(|| [0; 4], |a, b| std::array::from_fn(|at| a[at] + b[at]));
    assert!(
        inside > 1_000 && granted > 100 && outside > 1_000 && strangers > 0,
        "{inside} {granted} {outside} {strangers}"
    );
}

/// Every string of a table.
fn strings(data: &TableData) -> BTreeSet<&str> {
    let ends = data.string_offsets.windows(2);
    ends.map(|ends| &data.string_text[ends[0] as usize..ends[1] as usize])
        .collect()
}

#[test]
fn a_part_of_a_team_holds_nothing_of_another() {
    let mut fewer = 0;
    for seed in 0..SEEDS {
        let compiled = compiled(&small(seed));
        let organization = &compiled.organization;
        for (id, team) in organization.teams.iter().enumerate() {
            let scope = Scope::Team(team.name.value.clone());
            if !scopes(&compiled).contains(&scope) {
                continue;
            }
            let part = part(&compiled, &scope);
            let strings = strings(part.data());
            let of_others = |other: u32| other as usize != id;
            for rule in organization
                .rules
                .iter()
                .filter(|rule| rule.team.is_some_and(|team| of_others(team.0)))
            {
                assert!(
                    !strings.contains(rule.name.as_str()),
                    "{} {}",
                    team.name.value,
                    rule.name
                );
            }
            for deployment in organization
                .deployments
                .iter()
                .filter(|deployment| of_others(deployment.team.0))
            {
                assert!(
                    !strings.contains(deployment.name.as_str()),
                    "{} {}",
                    team.name.value,
                    deployment.name
                );
            }
            for (other, name) in organization.teams.iter().enumerate().filter(|(other, _)| *other != id) {
                let folder = format!("teams/{}/", name.name.value);
                assert!(
                    strings.iter().all(|text| !text.starts_with(&folder)),
                    "{other} {folder}"
                );
            }
            assert_eq!(part.data().organization[0][2], 0);
            // Every rule that is there decides something there.
            let used: BTreeSet<u32> = part.data().entries.iter().map(|entry| entry[0]).collect();
            assert_eq!(used.len(), part.data().rules.len());
            // And everybody who is there is asked for something, or named by a condition.
            let data = part.data();
            let asked: BTreeSet<u32> = data
                .requirements
                .iter()
                .flat_map(|[_, _, _, first, many]| &data.words[*first as usize..(first + many) as usize])
                .copied()
                .collect();
            let named = |name: u32| {
                let constant = |value: &[u32; 6]| value[0] == constant::STRING && value[1] == name;
                let is_text = |start: u32, length: u32| {
                    let start = start as usize;
                    data.string_text.get(start..start + length as usize) == Some(part.string(name))
                };
                // A constant that is compared with one argument stands in its node.
                let in_node = |node: &[u32; 6]| match Test::decode([node[0], node[1], node[2]]) {
                    Some(Test::Text { start, length, .. }) => is_text(start, length),
                    Some(Test::Among { first, count, .. }) => {
                        let words = &data.words[first as usize..(first + 2 * count) as usize];
                        let (pairs, _) = words.as_chunks::<2>();
                        pairs.iter().any(|[start, length]| is_text(*start, *length))
                    }
                    _ => false,
                };
                data.constants.iter().any(constant) || data.nodes.iter().any(in_node)
            };
            for (person, [name]) in (0u32..).zip(&data.people) {
                assert!(asked.contains(&person) || named(*name), "{scope:?}: person {person}");
            }
            fewer += usize::from(data.people.len() < organization.people.len());
        }
    }
    assert!(fewer > 5, "{fewer}");
}
