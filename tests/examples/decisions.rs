//! Decides the calls of a generated organisation again and again, for a profiler to watch.
//!
//! `decisions RULES CALLS TIMES`: so many rules, calls drawn, and times that each is decided.

use polity_runtime::Call;
use polity_runtime::session::Session;
use polity_runtime::value::Arguments;
use polity_tests::generate::{Parameters, generate};
use polity_tests::measure::{NOW, calls, compiled};

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [rules, many, times] = numbers[..] else {
        panic!("three numbers are wanted")
    };
    let compiled = compiled(generate(&Parameters {
        rules,
        ..Parameters::default()
    }));
    let asked = calls(&compiled, &(1..=usize::MAX), many);
    let bundle = &compiled.bundle;
    let mut ready: Vec<(Session, Call<'_>)> = Vec::new();
    let read: Vec<Arguments<'_>> = asked
        .iter()
        .map(|asked| {
            let mut arguments = Arguments::new();
            if let Some(action) = bundle.action(&asked.action) {
                let read = arguments.read_json(&bundle.parameters(action), &asked.args);
                read.expect("the arguments are an object");
            }
            arguments
        })
        .collect();
    for (asked, arguments) in asked.iter().zip(&read) {
        let call = Call {
            action: bundle.action(&asked.action),
            arguments,
            on_behalf_of: asked.on_behalf_of.as_deref(),
            now: NOW,
        };
        ready.push((bundle.session(&asked.agent, &asked.environment), call));
    }
    println!("{} allowed", decide(bundle, &mut ready, times));
}

/// What the profiler is to look at.
#[inline(never)]
fn decide(bundle: &polity_runtime::Bundle, ready: &mut [(Session, Call<'_>)], times: usize) -> usize {
    let mut allowed = 0;
    for _ in 0..times {
        for (session, call) in &mut *ready {
            let decision = bundle.decide(session, call);
            allowed += usize::from(decision.outcome == polity_runtime::decide::Outcome::Allow);
        }
    }
    allowed
}
