//! What two bundles differ in beside the answers of their cells: the items that a table and its manifest hold.
//!
//! In: two verified bundles. Out: [`Fact`]s, sorted, by the same orders of strictness as those of two organisations.
//! Isolation, servers, endpoints, owners, keys and how agents prove who they are is in no bundle: [`NOT_COMPARED`] is
//! said wherever bundles are compared.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::load::Bundle;
use polity_runtime::table::{NONE, Table, record};

use super::Direction::{Narrowed, Neutral, Widened};
use super::value::{Approved, Seats, Value};
use super::{Fact, Item, Items, Kind, Subject, between, document};
use crate::ast::{Evidence, Millis, Rate};

/// What no bundle holds, and a comparison of two therefore says nothing of.
pub const NOT_COMPARED: &str = "isolation, servers, endpoints, identities, owners and keys of people are in no bundle: \
                                compare the revisions for those";

/// What differs from one bundle to the next.
pub fn of_bundles(before: &Bundle, after: &Bundle) -> Vec<Fact> {
    between(&items(before), &items(after))
}

fn items(bundle: &Bundle) -> Items {
    let mut items = Items::new();
    life(bundle, &mut items);
    rings(bundle.table(), &mut items);
    placements(bundle.table(), &mut items);
    actions(bundle.table(), &mut items);
    rules(bundle.table(), &mut items);
    items
}

fn put(items: &mut Items, subject: &Subject, kind: Kind, what: &'static str, value: Value) {
    items.insert((subject.clone(), what), Item { kind, value });
}

/// How long it answers, and what it answers for a while after.
fn life(bundle: &Bundle, items: &mut Items) {
    let manifest = bundle.manifest();
    let subject = document("Organization", "");
    let mut put = |what, value| put(items, &subject, Kind::Organization, what, value);
    put("name", Value::Any(Some(manifest.organization.clone())));
    let expires = manifest.expires.millis();
    let lifetime = Millis(expires.saturating_sub(manifest.issued.millis()));
    put("bundle.lifetime", Value::Shorter(Some(lifetime)));
    let grace = manifest.grace.as_ref();
    let period = grace.map_or(0, |grace| grace.until.millis().saturating_sub(expires));
    put("bundle.grace.for", Value::Shorter(Some(Millis(period))));
    let effects = grace.iter().flat_map(|grace| &grace.effects);
    let effects = effects.map(|effect| effect.as_str().to_owned()).collect();
    put("bundle.grace.effects", Value::Fewer(Some(effects)));
}

fn rings(table: &Table, items: &mut Items) {
    use record::ring as r;
    for ring in &table.data().rings {
        let subject = document("Ring", table.string(ring[r::NAME]));
        let mut put = |kind, what, value| put(items, &subject, kind, what, value);
        // Who is in it is said of each placement.
        let [comes, goes] = [Neutral, Neutral];
        put(Kind::Ring, "", Value::Exists { comes, goes });
        put(Kind::Ring, "level", Value::Any(Some(ring[r::LEVEL].to_string())));
        let rate = Rate {
            count: ring[r::RATE],
            per: Millis(i64::from(ring[r::PER])),
        };
        let bound = |word: u32| Value::Less(Some(i64::from(word)));
        put(Kind::Limit, "limits.rate", Value::Slower(Some(rate)));
        put(Kind::Limit, "limits.burst", bound(ring[r::BURST]));
        put(Kind::Limit, "limits.concurrent", bound(ring[r::CONCURRENT]));
    }
}

fn placements(table: &Table, items: &mut Items) {
    use record::{deployment, environment, placement as p, ring};
    let data = table.data();
    for placement in &data.placements {
        let found = (
            data.deployments.get(placement[p::DEPLOYMENT] as usize),
            data.environments.get(placement[p::ENVIRONMENT] as usize),
            data.rings.get(placement[p::RING] as usize),
        );
        let (Some(of), Some(place), Some(ring)) = found else {
            continue;
        };
        let name = table.string(of[deployment::NAME]);
        let subject = Subject {
            deployment: Some(name.to_owned()),
            environment: Some(table.string(place[environment::NAME]).to_owned()),
            ..document("Deployment", name)
        };
        let [comes, goes] = [Widened, Narrowed];
        put(items, &subject, Kind::Placement, "", Value::Exists { comes, goes });
        let ring = table.string(ring[ring::NAME]).to_owned();
        put(items, &subject, Kind::Placement, "ring", Value::Any(Some(ring)));
    }
}

fn actions(table: &Table, items: &mut Items) {
    use record::action as a;
    let data = table.data();
    for action in &data.actions {
        let name = table.string(action[a::NAME]);
        let (tool, _) = name.rsplit_once('.').unwrap_or((name, ""));
        let (subject, kind) = match tool {
            "credential" => (document("Credential", name), Kind::Credential),
            tool => {
                let action = Some(name.to_owned());
                let subject = document("Tool", tool);
                (Subject { action, ..subject }, Kind::Tool)
            }
        };
        let mut put = |kind, what, value| put(items, &subject, kind, what, value);
        // Whether somebody may call it is said by the answers.
        let [comes, goes] = [Neutral, Neutral];
        put(kind, "", Value::Exists { comes, goes });
        let ttl = i64::from(action[a::TTL]) | i64::from(action[a::TTL + 1]) << 32;
        if kind == Kind::Credential {
            put(kind, "max_ttl", Value::Shorter(Some(Millis(ttl))));
        }
        let what = action[a::FLAGS] & (a::EFFECT_MASK | a::EXTERNAL | a::REVERSIBLE);
        put(kind, "effect", Value::Any(Some(effect(what))));
        let reads = named(table, &data.classes, action[a::READS], action[a::READ_COUNT]);
        put(Kind::DataClass, "reads", Value::More(reads));
    }
}

/// What an action does, as reports spell it.
fn effect(flags: u32) -> String {
    use record::action as a;
    let effect = match flags & a::EFFECT_MASK {
        0 => "read",
        1 => "write",
        _ => "destructive",
    };
    let not = |bit: u32| if flags & bit == 0 { "not " } else { "" };
    format!(
        "{effect}, {}external, {}reversible",
        not(a::EXTERNAL),
        not(a::REVERSIBLE)
    )
}

/// What its grants and gates oblige to. What became of a rule itself is told by the answers.
fn rules(table: &Table, items: &mut Items) {
    use record::rule as r;
    let mut asked = approvals(table);
    for rule in &table.data().rules {
        let name = table.string(rule[r::NAME]);
        let subject = Subject {
            rule: Some(name.to_owned()),
            ..document("Policy", name.split_once('/').map_or("", |(policy, _)| policy))
        };
        put(items, &subject, Kind::Approval, "", Value::Silent);
        let rate = (rule[r::LIMIT] != 0).then(|| Rate {
            count: rule[r::LIMIT],
            per: Millis(i64::from(rule[r::LIMIT_PER])),
        });
        let limit = match rule[r::EFFECT] {
            0 => Value::Slower(rate),
            _ => Value::Silent,
        };
        put(items, &subject, Kind::Limit, "limit", limit);
        let approval = match asked.remove(name).unwrap_or_default().as_slice() {
            [] => Value::Silent,
            [one] => Value::Approval(Some(one.clone())),
            // It asks each team's owners: which cell asks whom is in no order.
            several => Value::Any(Some(format!("{several:?}"))),
        };
        put(items, &subject, Kind::Approval, "approval", approval);
    }
}

/// By rule, everything that its cells ask of people, each once. Their keys are not in a table.
fn approvals(table: &Table) -> BTreeMap<&str, Vec<Approved>> {
    use record::{approval as a, entry, requirement as q, rule};
    let data = table.data();
    let mut all: BTreeMap<&str, Vec<Approved>> = BTreeMap::new();
    for entry in data.entries.iter().filter(|entry| entry[entry::APPROVAL] != NONE) {
        let asked = data.approvals.get(entry[entry::APPROVAL] as usize);
        let rule = data.rules.get(entry[entry::RULE] as usize);
        let (Some(asked), Some(rule)) = (asked, rule) else {
            continue;
        };
        let first = asked[a::REQUIREMENTS] as usize;
        let list = data
            .requirements
            .get(first..first.saturating_add(asked[a::REQUIREMENT_COUNT] as usize));
        let seats = |one: &[u32; 5]| Seats {
            count: one[q::COUNT],
            people: named(table, &data.people, one[q::PEOPLE], one[q::PEOPLE_COUNT])
                .into_iter()
                .map(|person| (person, BTreeSet::new()))
                .collect(),
        };
        let mut require: Vec<Seats> = list.unwrap_or_default().iter().map(seats).collect();
        require.sort();
        let timeout = i64::from(asked[a::TIMEOUT]) | i64::from(asked[a::TIMEOUT + 1]) << 32;
        let approved = Approved {
            require,
            timeout: Some(Millis(timeout)),
            separation: asked[a::SEPARATION] != 0,
            evidence: match asked[a::EVIDENCE] {
                0 => Evidence::Forge,
                1 => Evidence::Signed,
                _ => Evidence::Present,
            },
            partial: false,
        };
        let of_rule = all.entry(table.string(rule[rule::NAME])).or_default();
        if !of_rule.contains(&approved) {
            of_rule.push(approved);
        }
    }
    all
}

/// The names of a list of classes or people; `?` for an id that is of neither.
pub(crate) fn named(table: &Table, of: &[[u32; 1]], first: u32, count: u32) -> BTreeSet<String> {
    let first = first as usize;
    let ids = table.data().words.get(first..first.saturating_add(count as usize));
    let name = |id: &u32| {
        of.get(*id as usize)
            .map_or("?", |[name]| table.string(*name))
            .to_owned()
    };
    ids.unwrap_or_default().iter().map(name).collect()
}
