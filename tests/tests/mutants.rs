//! A test of the test: a table that was broken on purpose, in one place, is told from the documents.
//!
//! Of every way to break one there are places that no call reaches, such as a cell of an agent that was killed; but
//! there are many places, and the comparison must see it in some.

use std::collections::BTreeMap;

use polity_runtime::guard::{Guard, Op, constant};
use polity_runtime::table::{NONE, Table, TableData, record};
use polity_tests::compare::{compiled, disagreements, expected};
use polity_tests::generate::random::Random;
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::requests::requests;

/// Organisations in which each way is tried.
const SEEDS: u64 = 40;
/// Places an organisation.
const TRIES: usize = 3;
/// Calls an organisation.
const CALLS: usize = 350;

/// Breaks one record; says whether it was one that can be broken so.
type Break = fn(&mut TableData, &mut Random) -> bool;

/// A record of an array for which something holds.
fn pick<'t, T>(records: &'t mut [T], random: &mut Random, fits: impl Fn(&T) -> bool) -> Option<&'t mut T> {
    let fitting: Vec<usize> = (0..records.len()).filter(|at| fits(&records[*at])).collect();
    if fitting.is_empty() {
        return None;
    }
    records.get_mut(*random.pick(&fitting))
}

fn change<T>(records: &mut [T], random: &mut Random, fits: impl Fn(&T) -> bool, to: impl FnOnce(&mut T)) -> bool {
    pick(records, random, fits).map(to).is_some()
}

/// The place of an entry in one of the lists of a cell.
fn entry(data: &TableData, random: &mut Random, list: usize) -> Option<usize> {
    let of = |cell: &[u32; 6]| {
        let (first, count) = record::cell::run(cell, list);
        first..first + count
    };
    let all: Vec<u32> = data.cells.iter().flat_map(of).collect();
    (!all.is_empty()).then(|| *random.pick(&all) as usize)
}

fn entry_with_guard(data: &mut TableData, random: &mut Random, list: usize, guard: Guard) -> bool {
    let Some(at) = entry(data, random, list).filter(|at| data.entries[*at][record::entry::GUARD] != guard.0) else {
        return false;
    };
    data.entries[at][record::entry::GUARD] = guard.0;
    true
}

fn operator(data: &mut TableData, random: &mut Random, from: Op, to: Op) -> bool {
    change(
        &mut data.nodes,
        random,
        |node| node[0] == from as u32,
        |node| node[0] = to as u32,
    )
}

const WAYS: [(&str, Break); 20] = [
    ("a deny that never matches", |data, random| {
        entry_with_guard(data, random, record::cell::DENIES, Guard::NO)
    }),
    ("a grant that always matches", |data, random| {
        entry_with_guard(data, random, record::cell::GRANTS, Guard::YES)
    }),
    ("a gate that never matches", |data, random| {
        entry_with_guard(data, random, record::cell::GATES, Guard::NO)
    }),
    ("an observed rule that never matches", |data, random| {
        entry_with_guard(data, random, record::cell::OBSERVED, Guard::NO)
    }),
    ("a grant without its approval", |data, random| {
        let found = entry(data, random, record::cell::GRANTS);
        let found = found.filter(|at| data.entries[*at][record::entry::APPROVAL] != NONE);
        found
            .map(|at| data.entries[at][record::entry::APPROVAL] = NONE)
            .is_some()
    }),
    ("yes for no and no for yes", |data, random| {
        change(&mut data.nodes, random, |_| true, |node| node.swap(3, 4))
    }),
    ("an error that is a no", |data, random| {
        change(
            &mut data.nodes,
            random,
            |node| node[5] != node[4],
            |node| node[5] = node[4],
        )
    }),
    ("an error that is a yes", |data, random| {
        change(
            &mut data.nodes,
            random,
            |node| node[5] != node[3],
            |node| node[5] = node[3],
        )
    }),
    ("at most for less", |data, random| {
        operator(data, random, Op::Less, Op::LessEqual)
    }),
    ("less for at most", |data, random| {
        operator(data, random, Op::LessEqual, Op::Less)
    }),
    ("has for a known person", |data, random| {
        operator(data, random, Op::KnownPerson, Op::Has)
    }),
    ("an integer off by one", |data, random| {
        change(
            &mut data.constants,
            random,
            |c| c[0] == constant::INT && c[1] < u32::MAX,
            |c| c[1] += 1,
        )
    }),
    ("a moment off by one", |data, random| {
        change(
            &mut data.constants,
            random,
            |c| c[0] == constant::DATETIME && c[1] < u32::MAX,
            |c| c[1] += 1,
        )
    }),
    ("a ceiling that is not there", |data, random| {
        change(&mut data.cells, random, record::cell::ceiling, |cell| {
            cell[5] &= !record::cell::CEILING;
        })
    }),
    ("a kill that is forgotten", |data, random| {
        let at = record::deployment::KILL;
        change(
            &mut data.deployments,
            random,
            |one| one[at] != NONE,
            |one| one[at] = NONE,
        )
    }),
    ("a deployment that ends a millisecond late", |data, random| {
        let at = record::placement::UNTIL;
        let ends = |one: &[u32; 8]| one[at + 1] < 0x7fff_ffff && one[at] < u32::MAX;
        change(&mut data.placements, random, ends, |one| one[at] += 1)
    }),
    ("a lenient tool", |data, random| {
        let (at, strict) = (record::tool::FLAGS, record::tool::STRICT);
        change(
            &mut data.tools,
            random,
            |tool| tool[at] & strict != 0,
            |tool| tool[at] &= !strict,
        )
    }),
    ("a variant tried before its elders", |data, random| {
        let (at, count) = (record::action::VARIANTS, record::action::VARIANT_COUNT);
        let found = pick(&mut data.actions, random, |action| action[count] > 1);
        // The last takes whatever is left.
        let ends = found.map(|action| (action[at] as usize, (action[at] + action[count] - 1) as usize));
        ends.map(|(first, last)| data.variants.swap(first, last)).is_some()
    }),
    ("one person fewer", |data, random| {
        let at = record::requirement::COUNT;
        change(&mut data.requirements, random, |one| one[at] > 1, |one| one[at] -= 1)
    }),
    ("another's cell", |data, random| {
        let last = data.cells.len() - 1;
        change(
            &mut data.pieces,
            random,
            |cells| (cells[0] as usize) < last,
            |cells| cells[0] += 1,
        )
    }),
];

#[test]
fn a_table_broken_in_one_place_is_noticed() {
    let mut noticed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for seed in 0..SEEDS {
        let files = small(seed);
        let table = compiled(&files).table.expect("a table");
        let documents = load(&files);
        let expected = expected(&documents, &table, &requests(&documents, seed, CALLS));
        assert!(disagreements(&table, &expected).next().is_none());
        let mut random = Random::new(seed);
        for (way, broken) in WAYS {
            for _ in 0..TRIES {
                let mut data = table.data().clone();
                if !broken(&mut data, &mut random) {
                    continue;
                }
                // What the checks at load refuse needs no comparison.
                let Ok(mutant) = Table::new(data) else { continue };
                let counts = noticed.entry(way).or_default();
                counts.0 += usize::from(disagreements(&mutant, &expected).next().is_some());
                counts.1 += 1;
            }
        }
    }
    let of = |way| noticed.get(way).copied().unwrap_or_default();
    let unseen: Vec<_> = WAYS
        .iter()
        .map(|(way, _)| (way, of(*way)))
        .filter(|(_, (seen, _))| *seen == 0)
        .collect();
    println!("noticed and tried: {noticed:#?}");
    assert!(unseen.is_empty(), "never noticed, and how often tried: {unseen:?}");
}
