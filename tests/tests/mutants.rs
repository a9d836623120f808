//! A test of the test: a table that was broken on purpose, in one place, is told from the documents.
//!
//! Of every way to break one there are places that no call reaches, such as a cell of an agent that was killed; but
//! there are many places, and the comparison must see it in some.

use std::collections::BTreeMap;

use polity_runtime::guard::relation::EQUAL;
use polity_runtime::guard::{Fit, Guard, Op, Step, Test, constant};
use polity_runtime::table::{NONE, Table, TableData, record};
use polity_tests::compare::{compiled, disagreements, expected};
use polity_tests::generate::random::Random;
use polity_tests::generate::small;
use polity_tests::load::load;
use polity_tests::requests::requests;
use rayon::prelude::*;

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

/// Changes one test of a kind.
fn test(data: &mut TableData, random: &mut Random, broken: impl Fn(Test) -> Option<Test>) -> bool {
    let mutant = |node: &[u32; 6]| {
        let [head, a, b, ..] = *node;
        broken(Test::decode([head, a, b])?)?.encode()
    };
    change(
        &mut data.nodes,
        random,
        |node| mutant(node).is_some(),
        |node| {
            if let Some(words) = mutant(node) {
                node[..3].copy_from_slice(&words);
            }
        },
    )
}

/// A number or moment that must stand otherwise to its constant.
fn number(data: &mut TableData, random: &mut Random, of: impl Fn(u32, i64, u32) -> Option<(i64, u32)>) -> bool {
    test(data, random, |test| match test {
        Test::Number {
            side,
            tag,
            relation,
            value,
        } => of(tag, value, relation).map(|(value, relation)| Test::Number {
            side,
            tag,
            relation,
            value,
        }),
        _ => None,
    })
}

const WAYS: [(&str, Break); 23] = [
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
        number(data, random, |_, value, relation| {
            (relation & EQUAL == 0).then_some((value, relation | EQUAL))
        })
    }),
    ("less for at most", |data, random| {
        number(data, random, |_, value, relation| {
            let less = relation & !EQUAL;
            (relation & EQUAL != 0 && less != 0).then_some((value, less))
        })
    }),
    ("a prefix for the whole", |data, random| {
        test(data, random, |test| match test {
            Test::Text {
                side,
                fit: Fit::Equal,
                start,
                length,
            } => Some(Test::Text {
                side,
                fit: Fit::Prefix,
                start,
                length,
            }),
            _ => None,
        })
    }),
    ("one of some texts that is not looked for", |data, random| {
        test(data, random, |test| match test {
            Test::Among { side, first, count } if count > 1 => Some(Test::Among {
                side,
                first,
                count: count - 1,
            }),
            _ => None,
        })
    }),
    ("a resource of which one slot is not looked at", |data, random| {
        let steps: Vec<(u32, u32)> = data
            .nodes
            .iter()
            .filter_map(|[head, a, b, ..]| match Test::decode([*head, *a, *b])? {
                Test::Resource { steps, count, .. } => Some((steps, count)),
                _ => None,
            })
            .collect();
        let places = steps
            .iter()
            .flat_map(|(first, count)| (0..*count).map(move |step| first + 3 * step));
        let places: Vec<usize> = places.map(|place| place as usize).collect();
        let looked_at = |place: &&usize| {
            let step = Step::decode([data.words[**place], data.words[**place + 1], data.words[**place + 2]]);
            step.is_some_and(|step| step.fit != Fit::Any)
        };
        let places: Vec<usize> = places.iter().filter(looked_at).copied().collect();
        if places.is_empty() {
            return false;
        }
        let place = *random.pick(&places);
        let words = [data.words[place], data.words[place + 1], data.words[place + 2]];
        let mutant = Step::decode(words).and_then(|step| Step { fit: Fit::Any, ..step }.encode());
        mutant
            .map(|words| data.words[place..place + 3].copy_from_slice(&words))
            .is_some()
    }),
    ("has for a known person", |data, random| {
        operator(data, random, Op::KnownPerson, Op::Has)
    }),
    ("an integer off by one", |data, random| {
        number(data, random, |tag, value, relation| {
            (tag == constant::INT && value < i64::MAX).then_some((value + 1, relation))
        })
    }),
    ("a moment off by one", |data, random| {
        number(data, random, |tag, value, relation| {
            (tag == constant::DATETIME && value < i64::MAX).then_some((value + 1, relation))
        })
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

/// Of one organisation, each way that could be tried, and whether it was noticed.
fn tried(seed: u64) -> Vec<(&'static str, bool)> {
    let files = small(seed);
    let table = compiled(&files).table.expect("a table");
    let documents = load(&files);
    let expected = expected(&documents, &table, &requests(&documents, seed, CALLS));
    assert!(disagreements(&table, &expected).next().is_none());
    let mut random = Random::new(seed);
    let mut tried = Vec::new();
    for (way, broken) in WAYS {
        for _ in 0..TRIES {
            let mut data = table.data().clone();
            if !broken(&mut data, &mut random) {
                continue;
            }
            // What the checks at load refuse needs no comparison.
            let Ok(mutant) = Table::new(data) else { continue };
            tried.push((way, disagreements(&mutant, &expected).next().is_some()));
        }
    }
    tried
}

#[test]
fn a_table_broken_in_one_place_is_noticed() {
    let mut noticed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (way, seen) in (0..SEEDS).into_par_iter().flat_map_iter(tried).collect::<Vec<_>>() {
        let counts = noticed.entry(way).or_default();
        counts.0 += usize::from(seen);
        counts.1 += 1;
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
