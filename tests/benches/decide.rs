//! Nanoseconds a decision: from three strings, from a session, with arguments read, and Cedar's authorizer beside it.
//!
//! The calls are drawn at random, and each waits for the answer to the last. All go to cells that some rule with a condition reaches; how many do is printed first.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use divan::{Bencher, black_box};
use polity_runtime::decide::Decision;
use polity_runtime::session::Session;
use polity_runtime::table::ActionId;
use polity_runtime::value::Arguments;
use polity_runtime::{Bundle, Call};
use polity_tests::cedar::Cedar;
use polity_tests::generate::{Parameters, generate};
use polity_tests::measure::{Asked, Compiled, NOW, calls, compiled, conditional_rules};

/// How many calls take turns: as many as a host decides again and again, and as many as leave neither the calls nor
/// what they touch of the table in the nearer caches. Powers of two: finding the next call should cost nothing.
const CALLS: [usize; 2] = [256, 4096];

/// The most.
const MOST: usize = CALLS[1];

/// Every size with every number of calls.
fn cases() -> impl Iterator<Item = Case> {
    CALLS
        .into_iter()
        .flat_map(|calls| (0..SIZES.len()).map(move |size| Case { size, calls }))
}

/// A size, and how many calls take turns.
#[derive(Debug, Clone, Copy)]
struct Case {
    size: usize,
    calls: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rules, _, reached, mixed) = &SIZES[self.size];
        let (least, most) = (reached.start(), reached.end());
        let mixed = if *mixed > 0 { " in YAML, Cedar and Rego" } else { "" };
        write!(
            f,
            "{rules} rules{mixed}, {least} to {most} of them conditional in a cell, {} calls",
            self.calls
        )
    }
}

/// Rules; how many conditional ones reach a cell in the mean; of how many the calls are taken; and how many of a hundred
/// policies are in Cedar, and as many in Rego.
const SIZES: [(usize, usize, RangeInclusive<usize>, usize); 6] = [
    (100, 2, 1..=16, 0),
    (1_000, 2, 1..=16, 0),
    (10_000, 2, 1..=16, 0),
    (10_000, 10, 8..=12, 0),
    (10_000, 50, 40..=60, 0),
    (10_000, 2, 1..=16, 33),
];

struct World {
    compiled: Compiled,
    asked: Vec<Asked>,
}

fn world(size: usize) -> &'static World {
    static WORLDS: [OnceLock<World>; SIZES.len()] = [const { OnceLock::new() }; SIZES.len()];
    WORLDS[size].get_or_init(|| {
        let (rules, mean, ref reached, mixed) = SIZES[size];
        let compiled = compiled(generate(&Parameters {
            rules,
            conditional_mean: mean,
            conditional_per_cell: mean * 8,
            cedar_percent: mixed,
            rego_percent: mixed,
            ..Parameters::default()
        }));
        let asked = calls(&compiled, reached, MOST);
        World { compiled, asked }
    })
}

fn main() {
    println!("conditional rules that reach the cell of a call:");
    for (at, (rules, ..)) in SIZES.iter().enumerate() {
        let world = world(at);
        let table = world.compiled.bundle.table();
        let reach = world.asked.iter().filter_map(|asked| {
            let action = table.action(&asked.action)?;
            // Of an action with variants, the first: its cell stands for the others'.
            let action = table.variants(action).next().map_or(action, |(_, variant)| variant);
            conditional_rules(table, &asked.agent, &asked.environment, action)
        });
        let reach: Vec<usize> = reach.collect();
        println!(
            "  {at}: {rules} rules, mean {:.1}, most {}, bundle {} bytes",
            reach.iter().sum::<usize>() as f64 / reach.len() as f64,
            reach.iter().max().unwrap_or(&0),
            world.compiled.bytes.len()
        );
    }
    divan::main();
}

/// The place of the next call. It waits for the answer to the last, of which `none` keeps no bit: all calls take their
/// turn, where an answer that led to different places would soon go round among a few dozen of them.
fn next(at: usize, decision: &Decision, none: usize, calls: usize) -> usize {
    let rule = decision.rule.map_or(7, |rule| rule.0 as usize);
    (at * 1229 + 1 + ((2 * rule + decision.outcome as usize) & none)) & (calls - 1)
}

/// Each call's action and arguments, read before.
fn read<'w>(bundle: &Bundle, asked: &'w [Asked]) -> Vec<(Option<ActionId>, Arguments<'w>)> {
    let read = |asked: &'w Asked| {
        let action = bundle.action(&asked.action);
        let mut arguments = Arguments::new();
        if let Some(action) = action {
            arguments
                .read_json(&bundle.parameters(action), &asked.args)
                .expect("the arguments are an object");
        }
        (action, arguments)
    };
    asked.iter().map(read).collect()
}

#[divan::bench(args = cases(), sample_count = 100, sample_size = 4096)]
fn from_three_strings(bencher: Bencher<'_, '_>, case: Case) {
    let World { compiled, asked } = world(case.size);
    let read = read(&compiled.bundle, asked);
    let (mut at, none) = (0, black_box(0));
    bencher.bench_local(|| {
        let (call, (_, arguments)) = (&asked[at], &read[at]);
        let decision = compiled.bundle.decide_once(
            &call.agent,
            &call.environment,
            &Call {
                action: compiled.bundle.action(&call.action),
                arguments,
                on_behalf_of: call.on_behalf_of.as_deref(),
                now: NOW,
            },
        );
        at = next(at, &decision, none, case.calls);
        decision
    });
}

#[divan::bench(args = cases(), sample_count = 100, sample_size = 4096)]
fn from_a_session(bencher: Bencher<'_, '_>, case: Case) {
    let World { compiled, asked } = world(case.size);
    let read = read(&compiled.bundle, asked);
    let mut sessions: Vec<Session> = asked
        .iter()
        .map(|call| compiled.bundle.session(&call.agent, &call.environment))
        .collect();
    let (mut at, none) = (0, black_box(0));
    bencher.bench_local(|| {
        let (call, (action, arguments)) = (&asked[at], &read[at]);
        let decision = compiled.bundle.decide(
            &mut sessions[at],
            &Call {
                action: *action,
                arguments,
                on_behalf_of: call.on_behalf_of.as_deref(),
                now: NOW,
            },
        );
        at = next(at, &decision, none, case.calls);
        decision
    });
}

#[divan::bench(args = [2], sample_count = 100, sample_size = 4096)]
fn reading_arguments(bencher: Bencher<'_, '_>, size: usize) {
    let World { compiled, asked } = world(size);
    let mut at = 0;
    let mut arguments = Arguments::new();
    bencher.bench_local(|| {
        let call = &asked[at];
        if let Some(action) = compiled.bundle.action(&call.action) {
            let read = arguments.read_json(&compiled.bundle.parameters(action), black_box(&call.args));
            read.expect("the arguments are an object");
        }
        at = (at * 5 + 1) % MOST;
    });
}

/// The same rules as Cedar policies; its requests and entities are made beforehand.
#[divan::bench(args = 0..3, sample_count = 20, sample_size = 8)]
fn cedar(bencher: Bencher<'_, '_>, size: usize) {
    static CEDARS: OnceLock<BTreeMap<usize, Cedar>> = OnceLock::new();
    let cedars = CEDARS.get_or_init(|| {
        let of = |at| (at, Cedar::new(&world(at).compiled.organization, &world(at).asked[..64]));
        (0..3).map(of).collect()
    });
    let cedar = &cedars[&size];
    let mut at = 0;
    bencher.bench_local(|| {
        let allowed = cedar.decide(at);
        at = (at * 5 + 1 + usize::from(allowed) * 2) % 64;
        allowed
    });
}
