//! Rings: the four built in, and what documents put in their place or beside them.

use polity_runtime::value::Effect;

use super::names::{BUILT_IN_RINGS, Names};
use super::people::sorted;
use super::{Isolation, Organization, Ring};
use crate::ast::{self, Body, Documents, Millis, Rate, Text};
use crate::source::Span;

pub(super) fn resolve(documents: &Documents, names: &Names, organization: &mut Organization) {
    let written = sorted(documents, |b| if let Body::Ring(r) = b { Some(r) } else { None });
    for name in names.rings.names() {
        let built_in = BUILT_IN_RINGS.contains(&name).then(|| built_in(name));
        let base = built_in.unwrap_or_else(|| strictest(name));
        let document = written.iter().find(|(written, ..)| written.value == name);
        organization.rings.push(match document {
            Some((written, _, ring)) => replace(base, written.span, ring),
            None => base,
        });
    }
}

/// What a document says, over the defaults.
fn replace(base: Ring, span: Span, ring: &ast::Ring) -> Ring {
    let small = |value: Option<crate::source::Spanned<i64>>, default: u32| {
        value.map_or(default, |value| u32::try_from(value.value).unwrap_or(u32::MAX))
    };
    let text = |value: &Option<Text>, default: String| value.as_ref().map_or(default, |value| value.value.clone());
    let list = |value: &Option<Vec<Text>>, default: Vec<String>| {
        value
            .as_ref()
            .map_or(default, |list| list.iter().map(|entry| entry.value.clone()).collect())
    };
    let mut effects = match &ring.effects {
        Some(effects) => effects.iter().map(|effect| effect.value).collect(),
        None => base.effects,
    };
    effects.sort_unstable();
    effects.dedup();
    let isolation = &ring.isolation;
    Ring {
        name: base.name,
        span: Some(span),
        level: ring.level.map_or(base.level, |level| level.value),
        effects,
        irreversible: ring.irreversible.map_or(base.irreversible, |value| value.value),
        rate: ring.limits.rate.map_or(base.rate, |rate| rate.value),
        burst: small(ring.limits.burst, base.burst),
        concurrent: small(ring.limits.concurrent, base.concurrent),
        isolation: Isolation {
            user: text(&isolation.user, base.isolation.user),
            rootfs: text(&isolation.rootfs, base.isolation.rootfs),
            tmpfs: list(&isolation.tmpfs, base.isolation.tmpfs),
            writable: list(&isolation.writable, base.isolation.writable),
            capabilities: list(&isolation.capabilities, base.isolation.capabilities),
            seccomp: text(&isolation.seccomp, base.isolation.seccomp),
            hosts: list(&isolation.hosts, base.isolation.hosts),
            subprocess: isolation
                .subprocess
                .map_or(base.isolation.subprocess, |value| value.value),
            pids: isolation.pids.map_or(base.isolation.pids, |value| value.value),
            memory: isolation.memory.map_or(base.isolation.memory, |value| value.value),
        },
    }
}

/// A built-in ring. The figures are those of Microsoft's Agent Governance Toolkit, so that people find what they know.
fn built_in(name: &str) -> Ring {
    let all = vec![Effect::Read, Effect::Write, Effect::Destructive];
    let (level, effects, irreversible, rate, burst, concurrent) = match name {
        "privileged" => (0, all, true, 100, 200, 32),
        "trusted" => (1, all, true, 50, 100, 16),
        "standard" => (2, vec![Effect::Read, Effect::Write], true, 20, 40, 8),
        _ => return strictest(name),
    };
    let strict = strictest(name);
    let writable = vec![if name == "privileged" {
        "/".to_owned()
    } else {
        "workspace".to_owned()
    }];
    let hosts = vec![if name == "standard" {
        "declared".to_owned()
    } else {
        "*".to_owned()
    }];
    Ring {
        level,
        effects,
        irreversible,
        rate: Rate {
            count: rate,
            per: Millis(1000),
        },
        burst,
        concurrent,
        isolation: Isolation {
            rootfs: if name == "privileged" { "writable" } else { "read-only" }.to_owned(),
            writable,
            hosts,
            subprocess: true,
            ..strict.isolation
        },
        ..strict
    }
}

/// What a field of a ring is where neither its document nor a built-in ring says: that of `sandboxed`.
fn strictest(name: &str) -> Ring {
    Ring {
        name: name.to_owned(),
        span: None,
        level: 3,
        effects: vec![Effect::Read],
        irreversible: false,
        rate: Rate {
            count: 5,
            per: Millis(1000),
        },
        burst: 10,
        concurrent: 2,
        isolation: Isolation {
            user: "nonroot".to_owned(),
            rootfs: "read-only".to_owned(),
            tmpfs: vec!["/tmp".to_owned()],
            writable: Vec::new(),
            capabilities: Vec::new(),
            seccomp: "default".to_owned(),
            hosts: Vec::new(),
            subprocess: false,
            pids: 64,
            memory: 512 << 20,
        },
    }
}
