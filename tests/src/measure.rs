//! What the benchmarks measure with: an organisation compiled and loaded, and calls drawn at random.

use std::ops::RangeInclusive;

use polity::compile::compile;
use polity::diag::Sink;
use polity::keys::{Keygen, SecretKey, keygen};
use polity::resolve::Organization;
use polity::resolve::shape::{Parameter, Type};
use polity::source::SourceTree;
use polity_runtime::Bundle;
use polity_runtime::guard::Guard;
use polity_runtime::manifest::{Compiler, Manifest, Serial, Source, Version};
use polity_runtime::table::{ActionId, Table};
use polity_runtime::trust::{Role, TrustRoot};
use polity_runtime::wire::{Timestamp, layout::FORMAT};
use serde_json::{Map, Value as Json, json};

use crate::generate::condition::{ADDRESSES, HOSTS, PATHS, WORDS};
use crate::generate::random::Random;

/// 2026-11-15T12:00:00Z: before some dates that the generated organisations write, and after others.
pub const NOW: i64 = 1_794_744_000_000;

/// An organisation with all that became of it.
pub struct Compiled {
    /// With names resolved.
    pub organization: Organization,
    /// The signed bundle.
    pub bytes: Vec<u8>,
    /// What it is verified with.
    pub trust: TrustRoot,
    /// The same, loaded.
    pub bundle: Bundle,
}

/// Compiles, signs and loads what the generator wrote.
///
/// # Panics
/// Where the files have an error.
pub fn compiled(files: Vec<(String, String)>) -> Compiled {
    let tree = SourceTree::from_files(files);
    let compiled = compile(&tree, NOW, Sink::default());
    let Some(table) = compiled.table else {
        panic!("the generated organisation has errors")
    };
    let request = Keygen {
        organization: "acme".to_owned(),
        reference: "refs/heads/main".to_owned(),
        introductory: None,
        developer: true,
        now_ms: NOW,
    };
    let mut seed = 0;
    let ring = keygen(&request, || {
        seed += 1;
        Ok([seed; 32].into())
    })
    .expect("the keys are made from fixed seeds");
    let keys: Vec<SecretKey> = ring
        .keys
        .into_iter()
        .filter(|key| key.role() == Role::Developer)
        .collect();
    let moment = |ms| Timestamp::from_millis(ms).expect("a moment of this century");
    let manifest = Manifest {
        organization: "acme".to_owned(),
        serial: Serial {
            epoch: ring.trust.epoch,
            steps: 0,
        },
        issued: moment(NOW),
        expires: moment(NOW + 7 * 86_400_000),
        grace: None,
        format: FORMAT,
        min_runtime: Version::current(),
        source: Source::default(),
        compiler: Compiler {
            version: "0".to_owned(),
            digest: None,
        },
        trail: None,
        previous: None,
        attested: false,
        scope: None,
        least_orders: 0,
        features: table.features(),
        sections: Default::default(),
    };
    let bytes =
        polity::bundle::pack(manifest, &table.data().to_sections(), &[&ring.trust], &keys).expect("the keys suffice");
    let bundle = Bundle::load(bytes.clone(), &ring.trust, NOW).expect("what was packed loads");
    Compiled {
        organization: compiled.organization,
        bytes,
        trust: ring.trust,
        bundle,
    }
}

/// One call, in strings.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The deployment.
    pub agent: String,
    /// The environment.
    pub environment: String,
    /// The action.
    pub action: String,
    /// A JSON object.
    pub args: String,
    /// For whom.
    pub on_behalf_of: Option<String>,
}

/// Calls of admitted agents, of tools that they were given, whose arguments are right by type, and whose cell as many
/// conditional rules reach as `reached` says.
///
/// # Panics
/// Where the organisation has next to no such cells.
pub fn calls(compiled: &Compiled, reached: &RangeInclusive<usize>, count: usize) -> Vec<Asked> {
    let organization = &compiled.organization;
    let table = compiled.bundle.table();
    let mut random = Random::new(99);
    let mut calls = Vec::with_capacity(count);
    for _ in 0..count.saturating_mul(10_000) {
        if calls.len() == count {
            return calls;
        }
        let deployment = random.pick(&organization.deployments);
        let placement = random.pick(&deployment.placements);
        let Some(tool) = organization.tools.get(random.pick(&placement.given).0 as usize) else {
            continue;
        };
        if tool.action_count == 0 {
            continue;
        }
        let at = tool.first_action as usize + random.below(tool.action_count as usize);
        let action = &organization.actions[at];
        let Some(environment) = organization.environments.get(placement.environment.0 as usize) else {
            continue;
        };
        let (agent, environment) = (&deployment.name, &environment.name.value);
        let rules = conditional_rules(table, agent, environment, ActionId(at as u32));
        if !rules.is_some_and(|rules| reached.contains(&rules)) {
            continue;
        }
        let mut arguments = Map::new();
        for parameter in &organization.shapes[action.shape.0 as usize].parameters {
            if !matches!(parameter.ty, Type::Hosts) && (!parameter.optional || random.percent(60)) {
                arguments.insert(parameter.name.clone(), value(&parameter.ty, &mut random));
            }
        }
        calls.push(Asked {
            agent: agent.clone(),
            environment: environment.clone(),
            action: action.base.clone(),
            args: Json::Object(arguments).to_string(),
            on_behalf_of: random.percent(30).then(|| "clerk".to_owned()),
        });
    }
    panic!(
        "{} of {count} calls found whose cells {reached:?} conditional rules reach",
        calls.len()
    )
}

/// How many rules whose condition is left to the call reach its cell; nothing where the call does not get so far.
pub fn conditional_rules(table: &Table, agent: &str, environment: &str, action: ActionId) -> Option<usize> {
    let deployment = table.deployment(agent)?;
    let placement = table.placement(deployment, table.environment(environment)?)?;
    let (admission, until) = table.admission(placement);
    if admission != polity_runtime::table::Admission::Admitted || until <= NOW {
        return None;
    }
    let tool = polity_runtime::table::ToolId(
        table.data().actions.get(action.0 as usize)?[polity_runtime::table::record::action::TOOL],
    );
    let cell = table.cell(table.cell_id(table.fragment(placement, tool)?, action)?)?;
    let entries = cell.denies.iter().chain(cell.grants).chain(cell.gates);
    Some(entries.filter(|[_, guard, _]| Guard(*guard).leaf().is_none()).count())
}

fn value(ty: &Type, random: &mut Random) -> Json {
    let fields = |fields: &[Parameter], random: &mut Random| {
        let mut map = Map::new();
        for field in fields {
            if !field.optional || random.percent(60) {
                map.insert(field.name.clone(), value(&field.ty, random));
            }
        }
        Json::Object(map)
    };
    match ty {
        Type::String { .. } => json!(random.pick(&WORDS)),
        Type::Int => json!(random.below(10_000)),
        Type::Bool => json!(random.percent(50)),
        Type::Decimal => json!(format!("{}.{}", random.below(1_000), random.below(100))),
        Type::DateTime => json!(format!("2026-{:02}-15T10:00:00Z", random.within(1, 12))),
        Type::Duration => json!(format!("{}m", random.below(600))),
        Type::Ip => json!(random.pick(&ADDRESSES)),
        Type::Path => json!(random.pick(&PATHS)),
        Type::Host => json!(random.pick(&HOSTS)),
        Type::Enum(values) => json!(random.pick(values)),
        Type::List(of) => (0..random.below(4)).map(|_| value(of, random)).collect(),
        Type::Record(record) => fields(record, random),
        Type::Url(_) => json!(format!("https://{}/a/b", random.pick(&HOSTS))),
        Type::Email(_) => json!(format!("{}@{}", random.pick(&WORDS), random.pick(&HOSTS))),
        Type::Hosts | Type::Opaque => json!("anything"),
    }
}
