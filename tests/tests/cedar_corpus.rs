//! Cedar's integration tests, our own cases in their format, and generated ones, decided by our tables.
//!
//! `CEDAR_INTEGRATION_TESTS` names a folder of such tests; without it only our own run.

use std::path::Path;

use polity::lower::cedar::world::Lowered;
use polity_tests::corpus::generate::test;
use polity_tests::corpus::{Count, Ready, Report, Verdict, run};
use rayon::prelude::*;

/// Generated tests, and requests of each.
const SEEDS: u64 = 400;
const REQUESTS: usize = 8;

fn whole(_: &mut Vec<Lowered>) {}

/// Both runs over generated tests, policies broken on purpose.
fn generated(seeds: u64, broken: &(dyn Fn(&mut Vec<Lowered>) + Sync)) -> Report {
    let one = |seed: u64| {
        let (texts, requests) = test(seed, REQUESTS);
        let ready = Ready::new(&texts).unwrap_or_else(|why| panic!("{why}"));
        let mut report = Report::default();
        for request in &requests {
            for (open, count) in [(false, &mut report.known), (true, &mut report.asked)] {
                count.add(ready.judge(request, open, broken), || {
                    format!("seed {seed}\n{}\n{} {}", texts.policies, serde_json::json!([request.principal, request.action, request.resource]), request.context)
                });
            }
        }
        report
    };
    let mut all = Report::default();
    for report in (0..seeds).into_par_iter().map(one).collect::<Vec<_>>() {
        all.append(report);
    }
    all
}

fn agrees(count: &Count) {
    assert!(count.disagreements.is_empty(), "{count}");
    assert!(count.refusals() * 50 < count.requests().max(1), "2 in 100 are refused at most\n{count}");
}

#[test]
fn generated_requests_with_context_are_decided_as_cedar_decides_them() {
    let report = generated(SEEDS, &whole);
    println!("{report}");
    agrees(&report.known);
    agrees(&report.asked);
}
