//! Differences of pairs come in, and go out grouped the way a person thinks: what changed alike, by the same rules and
//! under the same conditions, is one change with many places.

use std::collections::BTreeMap;
use std::sync::Arc;

use polity_runtime::decide::{Code, Outcome};

use super::pair::{Difference, Examined};
use super::place::Placed;
use super::{Change, Changes, Kind, Place, Told};

/// What changes must share to be one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Kind,
    possible: bool,
    before: Cause,
    after: Cause,
    cases: Vec<Vec<String>>,
    more: bool,
}

/// Why a table answers as it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    outcome: Outcome,
    code: Option<Code>,
    rule: Option<String>,
    grant: Option<String>,
}

/// Of placements that are alike, by their number, the actions.
type Places = BTreeMap<usize, Vec<Arc<str>>>;

/// Groups what was found.
pub(super) fn group(placed: &Placed<'_>, examined: &[Examined]) -> Changes {
    let mut groups: BTreeMap<Key, (Difference, Places)> = BTreeMap::new();
    let mut undecided = 0;
    for (job, found) in placed.jobs.iter().zip(examined) {
        let cells: usize = job
            .places
            .iter()
            .filter_map(|(at, _)| placed.alike.get(*at))
            .map(|placements| placements.len())
            .sum();
        if !found.decided {
            undecided += cells;
        }
        for difference in &found.differences {
            let key = key(difference);
            let (_, places) = groups
                .entry(key)
                .or_insert_with(|| (difference.clone(), BTreeMap::new()));
            for (at, action) in &job.places {
                places.entry(*at).or_default().push(Arc::clone(action));
            }
        }
    }
    let changes = groups.into_iter().map(|(key, (difference, places))| {
        let place = |(at, mut actions): (usize, Vec<Arc<str>>)| {
            actions.sort();
            actions.dedup();
            let placements = placed.alike.get(at).map(Arc::clone)?;
            Some(Place { placements, actions })
        };
        Change {
            kind: key.kind,
            certain: !key.possible,
            before: difference.before,
            after: difference.after,
            cases: key.cases,
            more: key.more,
            places: places.into_iter().filter_map(place).collect(),
            witness: difference.witness,
        }
    });
    Changes {
        changes: changes.collect(),
        differing: placed.differing,
        decided: placed.differing.saturating_sub(undecided),
        ..Changes::default()
    }
}

/// What was refused without a rule, or will be, is one change whatever rules would decide it otherwise.
fn key(difference: &Difference) -> Key {
    let apart = [&difference.before, &difference.after].into_iter().any(|told| {
        matches!(
            told.code,
            Some(
                Code::Killed
                    | Code::UnknownAgent
                    | Code::UnknownEnvironment
                    | Code::UnknownAction
                    | Code::NotAdmitted
                    | Code::NotGiven
            )
        )
    });
    let cause = |told: &Told| Cause {
        outcome: told.outcome,
        code: told.code,
        rule: told.rule.clone().filter(|_| !apart),
        grant: told.grant.clone().filter(|_| !apart),
    };
    Key {
        kind: difference.kind,
        possible: !difference.certain,
        before: cause(&difference.before),
        after: cause(&difference.after),
        cases: if apart { Vec::new() } else { difference.cases.clone() },
        more: difference.more && !apart,
    }
}
