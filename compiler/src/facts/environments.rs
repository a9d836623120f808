//! Environments, rings and data classes.

use polity_runtime::table::{EnvironmentId, RingId};

use super::Direction::{Neutral, Widened};
use super::value::Value;
use super::{Kind, Subject, View, document, grants};
use crate::ast::Enforcement;
use crate::resolve::{Environment, Isolation, Ring};

pub(super) fn items(view: &mut View<'_>) {
    let organization = view.organization;
    let placements = || {
        organization
            .deployments
            .iter()
            .flat_map(|deployment| &deployment.placements)
    };
    for (id, environment) in (0u32..).map(EnvironmentId).zip(&organization.environments) {
        let reached = placements().any(|placement| placement.environment == id);
        self::environment(view, environment, reached);
    }
    for (id, ring) in (0u32..).map(RingId).zip(&organization.rings) {
        let used = placements().any(|placement| placement.ring == id);
        self::ring(view, ring, used);
    }
    for class in &organization.classes {
        let subject = document("DataClass", &class.name.value);
        // What is no class any more is held by no session.
        view.exists(&subject, Kind::DataClass, Neutral, Widened);
        let owner = class.owner.map(|owner| view.person(owner));
        view.put(&subject, Kind::DataClass, "owner", Value::Any(owner));
    }
}

fn environment(view: &mut View<'_>, environment: &Environment, reached: bool) {
    let name = &environment.name.value;
    let subject = Subject {
        environment: Some(name.clone()),
        ..document("Environment", name)
    };
    let [comes, goes] = grants(reached);
    view.exists(&subject, Kind::Environment, comes, goes);
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Environment, what, value);
    put(view, "rank", Value::Any(Some(environment.rank.to_string())));
    let rings = environment
        .rings
        .as_ref()
        .map(|rings| rings.iter().map(|id| view.ring(*id)).collect());
    put(view, "rings", Value::Fewer(rings));
    // What is absent has a meaning of its own here, so what is taken is compared.
    let taken = ENFORCEMENTS
        .iter()
        .filter(|(enforcement, _)| environment.takes_enforcement(*enforcement));
    let taken = taken.map(|(_, name)| (*name).to_owned()).collect();
    put(view, "enforced_by", Value::Fewer(Some(taken)));
    let most = Value::Shorter(environment.credentials_max_ttl);
    view.put(&subject, Kind::Credential, "credentials.max_ttl", most);
}

/// Every way, as it is written.
const ENFORCEMENTS: [(Enforcement, &str); 6] = [
    (Enforcement::Embedded, "embedded"),
    (Enforcement::Hook, "hook"),
    (Enforcement::Gateway, "gateway"),
    (Enforcement::Container, "container"),
    (Enforcement::External, "external"),
    (Enforcement::None, "none"),
];

/// A way as it is written.
pub(super) fn enforcement(wanted: Enforcement) -> &'static str {
    let found = ENFORCEMENTS.iter().find(|(enforcement, _)| *enforcement == wanted);
    found.map_or("none", |(_, name)| *name)
}

fn ring(view: &mut View<'_>, ring: &Ring, used: bool) {
    let subject = document("Ring", &ring.name);
    let [comes, goes] = grants(used);
    view.exists(&subject, Kind::Ring, comes, goes);
    // A field that is added to rings is a field to compare.
    let Ring {
        name: _,
        span: _,
        level,
        effects,
        irreversible,
        rate,
        burst,
        concurrent,
        isolation,
    } = ring;
    let put = |view: &mut View<'_>, kind, what, value| view.put(&subject, kind, what, value);
    put(view, Kind::Ring, "level", Value::Any(Some(level.to_string())));
    let effects = effects.iter().map(|effect| effect.as_str().to_owned());
    put(view, Kind::Ring, "effects", Value::Fewer(Some(effects.collect())));
    put(view, Kind::Ring, "irreversible", Value::No(*irreversible));
    put(view, Kind::Limit, "limits.rate", Value::Slower(Some(*rate)));
    put(view, Kind::Limit, "limits.burst", Value::Less(Some(i64::from(*burst))));
    put(
        view,
        Kind::Limit,
        "limits.concurrent",
        Value::Less(Some(i64::from(*concurrent))),
    );
    let Isolation {
        user,
        rootfs,
        tmpfs,
        writable,
        capabilities,
        seccomp,
        hosts,
        subprocess,
        pids,
        memory,
    } = isolation;
    let set = |list: &[String]| Value::Fewer(Some(list.iter().cloned().collect()));
    let put = |view: &mut View<'_>, what, value| view.put(&subject, Kind::Isolation, what, value);
    put(view, "isolation.user", Value::Best(user.clone(), "nonroot".to_owned()));
    put(
        view,
        "isolation.rootfs",
        Value::Best(rootfs.clone(), "read-only".to_owned()),
    );
    put(view, "isolation.tmpfs", set(tmpfs));
    put(view, "isolation.writable", set(writable));
    put(view, "isolation.capabilities", set(capabilities));
    // Whether a profile is stricter than the default one, nobody can tell from its name; none is stricter for sure.
    put(view, "isolation.seccomp", Value::Any(Some(seccomp.clone())));
    put(view, "isolation.hosts", set(hosts));
    put(view, "isolation.subprocess", Value::No(*subprocess));
    put(view, "isolation.pids", Value::Less(Some(*pids)));
    put(view, "isolation.memory", Value::Less(Some(*memory)));
}
