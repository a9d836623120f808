//! Sorted sets of ids, and what two of them share. Two scopes come in, the one that both allow goes out.

use std::sync::Arc;

use crate::resolve::Scope;

/// How many neighbours are looked at before a sorted set is searched by halves.
const NEAR: usize = 8;

/// Both scopes: what a policy's `for` and a rule's own selectors say.
pub(in crate::resolve) fn both(a: &Scope, b: &Scope) -> Scope {
    Scope {
        deployments: met(&a.deployments, &b.deployments),
        rings: meet(a.rings.as_deref(), b.rings.as_deref()),
        environments: meet(a.environments.as_deref(), b.environments.as_deref()),
        actions: met(&a.actions, &b.actions),
        resources: [a.resources.as_slice(), &b.resources].concat(),
        holding: [a.holding.as_slice(), &b.holding].concat(),
        on_behalf_of: [a.on_behalf_of.as_slice(), &b.on_behalf_of].concat(),
    }
}

/// As [`meet`], of sets that are shared where the other takes nothing away.
fn met<T: Copy + Ord>(a: &Option<Arc<[T]>>, b: &Option<Arc<[T]>>) -> Option<Arc<[T]>> {
    match (a, b) {
        (one, None) | (None, one) => one.clone(),
        (Some(a), Some(b)) if Arc::ptr_eq(a, b) => Some(a.clone()),
        (Some(a), Some(b)) => {
            let shared = common(a, b);
            Some(match shared.len() {
                all if all == a.len() => a.clone(),
                all if all == b.len() => b.clone(),
                _ => Arc::from(shared),
            })
        }
    }
}

/// What two sorted sets share; an absent one is everything.
pub(super) fn meet<T: Copy + Ord>(a: Option<&[T]>, b: Option<&[T]>) -> Option<Vec<T>> {
    match (a, b) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.to_vec()),
        (Some(a), Some(b)) => Some(common(a, b)),
    }
}

/// What is in both of two sorted sets.
fn common<T: Copy + Ord>(a: &[T], b: &[T]) -> Vec<T> {
    let (few, mut many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut both = Vec::with_capacity(few.len());
    for id in few {
        // The next is near by where the sets are alike, and far where one is much longer.
        let near = many.iter().take(NEAR).take_while(|other| *other < id).count();
        let at = if near < NEAR {
            near
        } else {
            many.partition_point(|other| other < id)
        };
        many = many.get(at..).unwrap_or_default();
        if many.first() == Some(id) {
            both.push(*id);
        }
    }
    both
}
