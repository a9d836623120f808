//! Cedar's integration tests, our own cases in their format, and generated ones, decided by our tables.
//!
//! `CEDAR_INTEGRATION_TESTS` names a folder of such tests, `CEDAR_GENERATED_TESTS` how many to generate:
//! `CEDAR_INTEGRATION_TESTS=../cedar-integration-tests cargo test --release -p polity-tests --test cedar_corpus -- --nocapture`

use std::path::Path;

use polity::ir::{Condition, Constant, Op, Term, Test};
use polity::lower::cedar::world::Lowered;
use polity_tests::corpus::generate::test;
use polity_tests::corpus::{Count, Ready, Report, run, run_files};
use rayon::prelude::*;

/// Generated tests where the environment does not say, and requests of each.
const SEEDS: u64 = 10;
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
                    format!(
                        "seed {seed}\n{}\n{} {}",
                        texts.policies,
                        serde_json::json!([request.principal, request.action, request.resource]),
                        request.context
                    )
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
    assert!(
        count.refusals() * 50 < count.requests().max(1),
        "2 in 100 are refused at most\n{count}"
    );
}

#[test]
fn generated_requests_with_context_are_decided_as_cedar_decides_them() {
    let seeds = std::env::var("CEDAR_GENERATED_TESTS").map_or(SEEDS, |many| many.parse().expect("a number"));
    let report = generated(seeds, &whole);
    println!("{report}");
    agrees(&report.known);
    agrees(&report.asked);
    // A comparison of nothing would agree too.
    assert!(report.known.agree > SEEDS as usize * REQUESTS * 9 / 10);
}

/// Ours, in the same format: what Cedar's authorizer says stands in them, and is asked for again.
#[test]
fn our_own_cases_are_decided_as_cedar_decides_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/cedar");
    let report = run(&folder, &whole);
    println!("{report}");
    assert!(report.files >= 37, "{report}");
    assert_eq!(report.known.refusals() + report.asked.refusals(), 0, "{report}");
    agrees(&report.known);
    agrees(&report.asked);
    assert!(report.known.stricter > 0, "a forbid errs in none of them");
}

#[test]
fn the_public_corpus_is_decided_as_cedar_decides_it() {
    let Some(folder) = std::env::var_os("CEDAR_INTEGRATION_TESTS") else {
        return;
    };
    let started = std::time::Instant::now();
    let report = run(Path::new(&folder), &whole);
    println!(
        "{report}\n{} requests, each twice, in {:.1?}",
        report.known.requests(),
        started.elapsed()
    );
    assert!(report.known.requests() > 0, "the folder has no tests");
    agrees(&report.known);
    agrees(&report.asked);
}

/// What a condition becomes; `None` where there is nothing in it to break so.
type Fault = fn(&Condition) -> Option<Condition>;

/// The first test of a condition that can be broken, broken.
fn in_a_test(condition: &Condition, fault: &dyn Fn(&Test) -> Option<Test>) -> Option<Condition> {
    let inner = |inner: &Condition| in_a_test(inner, fault).map(Box::new);
    let two = |a: &Condition, b: &Condition| match inner(a) {
        Some(broken) => Some((broken, Box::new(b.clone()))),
        None => Some((Box::new(a.clone()), inner(b)?)),
    };
    match condition {
        Condition::Constant(_) => None,
        Condition::Test(test) => fault(test).map(Condition::Test),
        Condition::Not(a) => inner(a).map(Condition::Not),
        Condition::ErrorIsNo(a) => inner(a).map(Condition::ErrorIsNo),
        Condition::And(a, b) => two(a, b).map(|(a, b)| Condition::And(a, b)),
        Condition::Or(a, b) => two(a, b).map(|(a, b)| Condition::Or(a, b)),
        Condition::If(c, a, b) => inner(c).map(|c| Condition::If(c, a.clone(), b.clone())),
    }
}

fn off_by_one(condition: &Condition) -> Option<Condition> {
    let more = |term: &Term| match term {
        Term::Constant(Constant::Int(value)) => Some(Term::Constant(Constant::Int(value.checked_add(1)?))),
        _ => None,
    };
    in_a_test(condition, &|test| {
        let left = more(&test.left);
        let right = more(&test.right);
        (left.is_some() || right.is_some()).then(|| Test {
            op: test.op,
            left: left.unwrap_or_else(|| test.left.clone()),
            right: right.unwrap_or_else(|| test.right.clone()),
        })
    })
}

fn at_most_for_less(condition: &Condition) -> Option<Condition> {
    in_a_test(condition, &|test| {
        let op = match test.op {
            Op::Less => Op::LessEqual,
            Op::LessEqual => Op::Less,
            _ => return None,
        };
        Some(Test { op, ..test.clone() })
    })
}

fn error_is_no(condition: &Condition) -> Option<Condition> {
    Some(Condition::ErrorIsNo(Box::new(condition.clone())))
}

fn otherwise(condition: &Condition) -> Option<Condition> {
    Some(Condition::Not(Box::new(condition.clone())))
}

/// The other side of `&&` first: no answer changes but where one side errs.
fn the_other_side_first(condition: &Condition) -> Option<Condition> {
    match condition {
        Condition::And(a, b) => Some(Condition::And(b.clone(), a.clone())),
        Condition::Or(a, b) => Some(Condition::Or(b.clone(), a.clone())),
        _ => None,
    }
}

/// A test of the tests: what is broken on purpose is told from Cedar's answer.
#[test]
fn a_broken_policy_does_not_go_unseen() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/cedar");
    let names = ["boundaries", "forbid-errs", "order-of-evaluation", "several-reasons"];
    let files = names.map(|name| folder.join(name).with_extension("json"));
    let faults: [(&str, Fault); 5] = [
        ("an integer off by one", off_by_one),
        ("at most for less", at_most_for_less),
        ("an error that is a no", error_is_no),
        ("yes for no and no for yes", otherwise),
        ("the other side first", the_other_side_first),
    ];
    let found = |broken: &(dyn Fn(&mut Vec<Lowered>) + Sync)| {
        let report = run_files(&folder, &files, broken);
        [report.known, report.asked].map(|count| count.disagreements.len())
    };
    assert_eq!(found(&whole), [0, 0]);
    for (name, fault) in faults {
        let seen = found(&|policies| {
            for policy in policies.iter_mut() {
                if let Some(broken) = policy.condition.as_ref().ok().and_then(fault) {
                    policy.condition = Ok(broken);
                }
            }
        });
        println!("{name}: {seen:?} requests tell");
        assert!(seen.iter().all(|many| *many > 0), "{name} goes unseen: {seen:?}");
    }
    let dropped = found(&|policies| policies.retain(|policy| !policy.forbids));
    println!("a forbid that was dropped: {dropped:?} requests tell");
    assert!(dropped.iter().all(|many| *many > 0), "{dropped:?}");
}
