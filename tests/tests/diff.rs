//! Two revisions are told apart exactly: every call at a boundary of their rules that is answered otherwise lies in a
//! change that was found, and every change shows a call to which the documents, read by the reference evaluator, say
//! what the change says. Mistakes put into the search are noticed.

#![allow(clippy::disallowed_methods, reason = "a test may be told how much to do")]

use std::collections::BTreeMap;

use polity::compile::compile;
use polity::diag::Sink;
use polity::diff::{Change, Changes, Fault, Kind, diff, diff_with};
use polity::search::Call;
use polity::source::SourceTree;
use polity_runtime::decide;
use polity_runtime::table::Table;
use polity_tests::change::WAYS;
use polity_tests::compare::{COMPILED_AT, is_readable};
use polity_tests::generate::random::Random;
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::naive::{Answer, Naive, Outcome, Request};
use polity_tests::requests::requests;
use polity_tests::rewrite::{read, write};
use rayon::prelude::*;

/// Organisations that are changed in every way, unless `POLITY_SEEDS` says how many.
const SEEDS: u64 = 3;
/// Calls a pair, half from each side.
const CALLS: usize = 240;

/// The table, where the files compile.
fn table(files: &[(String, String)]) -> Option<Table> {
    compile(&SourceTree::from_files(files.to_vec()), COMPILED_AT, Sink::default()).table
}

struct Pair {
    what: String,
    files: [Vec<(String, String)>; 2],
    tables: [Table; 2],
}

/// An organisation and what it becomes; nothing where there is nothing to change, or it does not compile.
fn changed(seed: u64, way: usize) -> Option<Pair> {
    let (what, change) = WAYS[way];
    let files = small(seed);
    let mut documents = read(&files);
    let before = write(&documents);
    let mut random = Random::new(seed ^ (way as u64) << 32);
    if !change(&mut documents, &mut random) {
        return None;
    }
    let after = write(&documents);
    let tables = [table(&before)?, table(&after)?];
    Some(Pair {
        what: format!("seed {seed}, {what}"),
        files: [before, after],
        tables,
    })
}

/// Calls that tell the two apart if any do.
fn calls(pair: &Pair, seed: u64) -> Vec<(Request, Answer, Answer)> {
    let [before, after] = [0, 1].map(|side| load(&pair.files[side]));
    let naive = [Naive::new(&before), Naive::new(&after)];
    let mut calls = requests(&before, seed, CALLS / 2);
    calls.extend(requests(&after, seed + 1, CALLS / 2));
    calls
        .into_iter()
        .filter(|call| pair.tables.iter().all(|table| is_readable(table, call)))
        .map(|call| {
            let [before, after] = says(pair, &naive, &call);
            (call, before, after)
        })
        .collect()
}

/// What both sides' documents say to a call, each of which sees the classes that it knows.
fn says(pair: &Pair, naive: &[Naive<'_>; 2], call: &Request) -> [Answer; 2] {
    [0, 1].map(|side| {
        let mut seen = call.clone();
        seen.holding.retain(|class| pair.tables[side].class(class).is_some());
        naive[side].decide(&seen)
    })
}

fn outcome(outcome: Outcome) -> decide::Outcome {
    match outcome {
        Outcome::Deny => decide::Outcome::Deny,
        Outcome::RequireApproval => decide::Outcome::RequireApproval,
        Outcome::Allow => decide::Outcome::Allow,
    }
}

/// Whether rules were asked: who is refused before is refused by no rule.
fn is_ruled(code: &str) -> bool {
    matches!(code, "denied-by-rule" | "no-grant" | "granted" | "approval-required")
}

/// What a call shows to have changed, if anything.
fn shown(before: &Answer, after: &Answer) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Kind::of(outcome(before.effect), outcome(after.effect))
        .into_iter()
        .collect();
    if before.effect == after.effect {
        if before.rule != after.rule && is_ruled(before.code) && is_ruled(after.code) {
            kinds.push(Kind::OtherRule);
        }
        if before.effect == Outcome::RequireApproval {
            let covered = |asks: &[(i64, Vec<String>)], by: &Answer| by.approvals.values().any(|other| other == asks);
            if before.approvals.values().any(|asks| !covered(asks, after)) {
                kinds.push(Kind::AsksLess);
            }
            if after.approvals.values().any(|asks| !covered(asks, before)) {
                kinds.push(Kind::AsksMore);
            }
        }
    }
    kinds
}

fn request(call: &Call) -> Request {
    Request {
        agent: call.agent.clone(),
        environment: call.environment.clone(),
        action: call.action.clone(),
        args: call.arguments.clone(),
        holding: call.holding.clone(),
        on_behalf_of: call.on_behalf_of.clone(),
        calls: u64::try_from(call.calls).unwrap(),
        now: call.now,
    }
}

/// What is wrong with the changes; nothing where they are exact, as far as the calls tell.
fn wrong(pair: &Pair, changes: &Changes, calls: &[(Request, Answer, Answer)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let documents = [0, 1].map(|side| load(&pair.files[side]));
    let naive = [Naive::new(&documents[0]), Naive::new(&documents[1])];
    for change in &changes.changes {
        let Some(witness) = &change.witness else { continue };
        let call = request(witness);
        let [before, after] = says(pair, &naive, &call);
        let said = (outcome(before.effect), outcome(after.effect));
        if said != (change.before.outcome, change.after.outcome) {
            wrong.push(format!("the documents say {said:?} to the witness of {change:#?}"));
        }
        if !change.covers(&witness.agent, &witness.environment, &witness.action) {
            wrong.push(format!("a witness lies outside of {change:#?}"));
        }
    }
    for (call, before, after) in calls {
        for kind in shown(before, after) {
            // By the very rules that decide it; who is refused before any rule is asked is told once for all rules.
            let by_rules = |change: &Change| {
                let told = [&change.before, &change.after];
                let ruled = told
                    .iter()
                    .all(|told| told.code.is_some_and(|code| is_ruled(code.as_str())));
                matches!(kind, Kind::AsksLess | Kind::AsksMore)
                    || !change.certain
                    || !ruled
                    || (change.before.rule == before.rule && change.after.rule == after.rule)
            };
            // What is asked otherwise may be asked as strictly by another: that is for the search to tell.
            let lies = changes.changes.iter().any(|change| {
                let same = change.kind == kind
                    || (matches!(kind, Kind::AsksLess | Kind::AsksMore)
                        && matches!(change.kind, Kind::AsksLess | Kind::AsksMore | Kind::OtherRule));
                same && by_rules(change)
                    && (change.before.outcome, change.after.outcome) == (outcome(before.effect), outcome(after.effect))
                    && change.covers(&call.agent, &call.environment, &call.action)
            });
            if !lies {
                wrong.push(format!(
                    "{kind:?} is in no change: {call:#?}\nbefore {before:#?}\nafter {after:#?}"
                ));
            }
        }
    }
    wrong
}

fn pairs() -> Vec<(u64, usize)> {
    let seeds = std::env::var("POLITY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let first = std::env::var("POLITY_FIRST_SEED").map_or(0, |seed| seed.parse().unwrap());
    (first..first + seeds)
        .flat_map(|seed| (0..WAYS.len()).map(move |way| (seed, way)))
        .collect()
}

/// Cells that differ, those decided, calls that tell the two apart, and changes by kind.
type Told = (usize, usize, usize, BTreeMap<Kind, usize>);

#[test]
fn every_call_that_is_answered_otherwise_lies_in_a_change() {
    let all = pairs();
    let told: Vec<Told> = all
        .par_iter()
        .filter_map(|(seed, way)| {
            let pair = changed(*seed, *way)?;
            let changes = diff(&pair.tables[0], &pair.tables[1]).unwrap();
            let calls = calls(&pair, *seed);
            let wrong = wrong(&pair, &changes, &calls);
            assert!(
                wrong.is_empty(),
                "{}: {} wrong, the first: {}",
                pair.what,
                wrong.len(),
                wrong[0]
            );
            let differing = calls
                .iter()
                .filter(|(_, before, after)| !shown(before, after).is_empty());
            let mut kinds = BTreeMap::new();
            for change in &changes.changes {
                *kinds.entry(change.kind).or_default() += 1;
            }
            Some((changes.differing, changes.decided, differing.count(), kinds))
        })
        .collect();
    let sum = |of: fn(&Told) -> usize| told.iter().map(of).sum::<usize>();
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for (_, _, _, found) in &told {
        for (kind, count) in found {
            *kinds.entry(*kind).or_default() += count;
        }
    }
    println!(
        "{} pairs, {} cells differ, {} decided, {} calls tell them apart, {kinds:?}",
        told.len(),
        sum(|one| one.0),
        sum(|one| one.1),
        sum(|one| one.2)
    );
    // What never comes up is not tested.
    assert!(told.len() * 2 > all.len() && sum(|one| one.2) > 50);
    for kind in [Kind::Widened, Kind::Narrowed, Kind::OtherRule] {
        assert!(kinds.contains_key(&kind), "{kind:?}");
    }
}

/// Two organisations that have little but names in common: tools of one name take other arguments.
#[test]
fn organisations_that_share_names_only_are_told_apart() {
    let seeds = std::env::var("POLITY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let told: Vec<(usize, usize)> = (0..seeds)
        .into_par_iter()
        .map(|seed| {
            let files = [small(seed), small(seed + 1)];
            let tables = [0, 1].map(|side| table(&files[side]).unwrap());
            let what = format!("seed {seed} and the next");
            let pair = Pair { what, files, tables };
            let changes = diff(&pair.tables[0], &pair.tables[1]).unwrap();
            let wrong = wrong(&pair, &changes, &calls(&pair, seed));
            assert!(
                wrong.is_empty(),
                "{}: {} wrong, the first: {}",
                pair.what,
                wrong.len(),
                wrong[0]
            );
            (changes.differing, changes.decided)
        })
        .collect();
    println!("{told:?}");
    assert!(told.iter().any(|(differing, _)| *differing > 10));
}

#[test]
fn an_organisation_does_not_differ_from_itself() {
    for seed in 0..4 {
        let files = small(seed);
        let (one, other) = (table(&files).unwrap(), table(&write(&read(&files))).unwrap());
        let changes = diff(&one, &other).unwrap();
        assert!(changes.is_empty(), "{:#?}", changes.changes);
    }
}

const ORGANISATION: &str = concat!(
    include_str!("../cases/organisation.yaml"),
    r#"kind: Tool
name: billing
actions:
  refund: {effect: write, external: true, reversible: false, params: {amount: int, note: {type: string, optional: true}, labels: {type: list, of: string, optional: true}}}
---
kind: Agent
name: refund-bot
owner: carol
kill_contact: carol
"#
);

const DEPLOYMENT: &str = "kind: Deployment\nagent: refund-bot\nteam: payments\nenvironments: {production: {ring: standard, tools: [billing], enforced_by: gateway}}\n";

/// A mistake, and rules before and after that differ just where it is made.
const FAULTS: [(Fault, &str, &str); 5] = [
    (
        Fault::Interval,
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: context.args.amount < 5}}",
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: context.args.amount <= 5}}",
    ),
    (
        Fault::Patterns,
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: 'context.args has note && context.args.note like \"pay*\"'}}",
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: 'context.args has note && context.args.note like \"pay*\"'}, b: {effect: deny, when: 'context.args has note && context.args.note like \"*x\"', actions: [billing.refund]}}",
    ),
    (
        Fault::Errors,
        "{a: {effect: allow, environments: [production], actions: [billing.refund]}, b: {effect: deny, actions: [billing.refund], when: 'context.args.amount > 5'}}",
        "{a: {effect: allow, environments: [production], actions: [billing.refund]}, b: {effect: deny, actions: [billing.refund], when: 'context.args has amount && context.args.amount > 5'}}",
    ),
    (
        Fault::LastGrant,
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: context.args.amount < 5}}",
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: context.args.amount < 5}, b: {effect: allow, environments: [production], actions: [billing.refund], when: context.args.amount > 50}}",
    ),
    (
        Fault::Absent,
        "{a: {effect: allow, environments: [production], actions: [billing.refund]}}",
        "{a: {effect: allow, environments: [production], actions: [billing.refund], when: 'context.args has note'}}",
    ),
];

/// Each side's rules, and what documents it has besides.
fn pair(what: &str, sides: [(&str, &str); 2]) -> Pair {
    let files = sides.map(|(rules, others)| {
        let policy = format!("kind: Policy\nname: refunds\nrules: {rules}\n");
        vec![
            ("deployment.yaml".to_owned(), DEPLOYMENT.to_owned()),
            ("policy.yaml".to_owned(), policy + others),
            ("polity.yaml".to_owned(), ORGANISATION.to_owned()),
        ]
    });
    Pair {
        what: what.to_owned(),
        tables: [0, 1].map(|side| table(&files[side]).unwrap_or_else(|| panic!("{what}: side {side}"))),
        files,
    }
}

/// What is asked of the classes that a session holds where one side alone knows a class: whether the sides differ, and
/// whether each difference is shown by a call, or may be one that cannot be excluded.
const HELD: [(&str, bool, bool); 10] = [
    ("context.session.holding.isEmpty()", true, true),
    ("!context.session.holding.isEmpty()", true, true),
    (r#"["customer-data"].containsAll(context.session.holding)"#, true, true),
    (r#"context.session.holding == ["customer-data"]"#, true, true),
    (r#"["customer-data"] != context.session.holding"#, true, true),
    (
        "context.args has labels && context.args.labels.containsAll(context.session.holding)",
        true,
        false,
    ),
    (
        "context.args has labels && context.session.holding.containsAny(context.args.labels)",
        true,
        false,
    ),
    (
        "context.args has labels && context.session.holding == context.args.labels",
        true,
        false,
    ),
    (r#"context.session.holding.contains("customer-data")"#, false, true),
    (r#"context.session.holding.containsAll(["customer-data"])"#, false, true),
];

#[test]
fn a_class_that_one_side_alone_knows_is_no_secret() {
    const KNOWN: &str = "---\nkind: DataClass\nname: customer-data\nowner: carol\n";
    let both = format!("{KNOWN}---\nkind: DataClass\nname: salaries\nowner: carol\n");
    for (when, differs, certain) in HELD {
        let rules =
            format!("{{a: {{effect: allow, environments: [production], actions: [billing.refund], when: '{when}'}}}}");
        for sides in [[KNOWN, &both], [&both, KNOWN]] {
            let pair = pair(when, sides.map(|others| (rules.as_str(), others)));
            let changes = diff(&pair.tables[0], &pair.tables[1]).unwrap();
            let told = &changes.changes;
            assert_eq!(told.iter().any(|change| change.certain), differs, "{when}: {told:#?}");
            assert!(
                !certain || told.iter().all(|change| change.certain),
                "{when}: {told:#?}"
            );
            assert_eq!(wrong(&pair, &changes, &calls(&pair, 1)), Vec::<String>::new(), "{when}");
        }
        let same = pair(when, [(&rules, &both); 2]);
        assert!(diff(&same.tables[0], &same.tables[1]).unwrap().is_empty(), "{when}");
    }
}

#[test]
fn mistakes_put_into_the_search_are_noticed() {
    for (fault, before, after) in FAULTS {
        let pair = pair(&format!("{fault:?}"), [(before, ""), (after, "")]);
        let calls = calls(&pair, 1);
        let told = |fault| {
            let changes = diff_with(&pair.tables[0], &pair.tables[1], fault).unwrap();
            wrong(&pair, &changes, &calls)
        };
        assert_eq!(told(None), Vec::<String>::new());
        assert!(!told(Some(fault)).is_empty(), "{fault:?} is not noticed");
    }
}
