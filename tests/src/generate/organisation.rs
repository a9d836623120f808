//! Everything but the rules: people, teams, environments, rings, tools, agents, deployments, as a plan. Its files are
//! written in [`write`].

mod write;

use std::fmt::Write;

use super::Parameters;
use super::condition::{Parameter, Type, WORDS};
use super::random::Random;
use super::yaml::list;
pub(super) use write::join;

/// An organisation before it is written.
#[derive(Debug, Default)]
pub(super) struct Organisation {
    pub(super) people: Vec<String>,
    /// Groups that approve and groups for whom agents work, each with its members: people or groups.
    pub(super) groups: Vec<(String, Vec<String>)>,
    pub(super) classes: Vec<String>,
    pub(super) teams: Vec<Team>,
    pub(super) environments: Vec<Environment>,
    /// Text of ring documents.
    custom_rings: Vec<String>,
    pub(super) tools: Vec<Tool>,
    pub(super) credentials: Vec<(String, Vec<String>)>,
    /// Name, the team in whose folder it stands, tags.
    pub(super) agents: Vec<Agent>,
    pub(super) deployments: Vec<Deployment>,
    /// Text of kill documents.
    kills: Vec<String>,
    approval_rule: bool,
}

#[derive(Debug)]
pub(super) struct Team {
    pub(super) name: String,
    owners: Vec<String>,
    owns: Vec<String>,
    ceiling: Option<(Vec<String>, Vec<String>)>,
}

#[derive(Debug)]
pub(super) struct Environment {
    pub(super) name: String,
    rings: Option<Vec<String>>,
    enforced_by: Option<Vec<&'static str>>,
}

#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    strict: bool,
    reads: Vec<String>,
    pub(super) actions: Vec<Action>,
}

#[derive(Debug)]
pub(super) struct Action {
    pub(super) short: String,
    class: Class,
    pub(super) parameters: Vec<Parameter>,
    pub(super) resources: Vec<String>,
    /// Name, test, class.
    pub(super) variants: Vec<(String, Option<String>, Class)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub(super) effect: &'static str,
    external: bool,
    reversible: bool,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) name: String,
    team: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    owner: String,
}

#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) agent: String,
    pub(super) team: String,
    pub(super) placements: Vec<Placement>,
}

#[derive(Debug)]
pub(super) struct Placement {
    pub(super) environment: String,
    pub(super) ring: String,
    pub(super) tools: Vec<String>,
    pub(super) credentials: Vec<String>,
    enforced_by: Option<&'static str>,
    until: Option<&'static str>,
}

const VERBS: [&str; 8] = ["list", "get", "create", "update", "delete", "merge", "send", "run"];
const NOUNS: [&str; 10] = [
    "issue", "branch", "file", "invoice", "ticket", "host", "message", "secret", "job", "page",
];
const TEAM_NAMES: [&str; 6] = ["payments", "sre", "growth", "data", "mobile", "platform"];
const TOOL_NAMES: [&str; 8] = [
    "github",
    "jira",
    "billing",
    "shell",
    "mailer",
    "warehouse",
    "browser",
    "files",
];
const ENVIRONMENT_NAMES: [&str; 4] = ["development", "staging", "production", "sandbox"];
const AGENT_NAMES: [&str; 6] = [
    "claude-code",
    "refund-bot",
    "janitor",
    "triage-bot",
    "deployer",
    "helper",
];
const TAGS: [(&str, [&str; 3]); 2] = [
    ("tier", ["critical", "normal", "toy"]),
    ("region", ["eu", "us", "apac"]),
];
/// Approvers and beneficiaries, so many that every approval asked for can be met.
const APPROVERS: usize = 5;

/// A name of a list, or where the list is too short, with a number.
fn name_of(names: &[&str], index: usize) -> String {
    match names.get(index) {
        Some(name) => (*name).to_owned(),
        None => format!("{}-{}", names[index % names.len()], index / names.len()),
    }
}

pub(super) fn plan(parameters: &Parameters, random: &mut Random) -> Organisation {
    let mut organisation = Organisation {
        classes: vec![
            "customer-data".to_owned(),
            "source-code".to_owned(),
            "salaries".to_owned(),
        ],
        approval_rule: random.percent(50),
        ..Organisation::default()
    };
    for kind in ["security", "finance"] {
        let members: Vec<String> = (0..APPROVERS).map(|at| format!("{kind}-{at}")).collect();
        organisation.people.extend(members.iter().cloned());
        organisation.groups.push((kind.to_owned(), members));
    }
    // A group of a group and a person.
    organisation.people.push("clerk".to_owned());
    organisation
        .groups
        .push(("back-office".to_owned(), vec!["finance".to_owned(), "clerk".to_owned()]));

    let rings = rings(&mut organisation, parameters, random);
    environments(&mut organisation, parameters, &rings, random);
    tools(&mut organisation, parameters, random);
    teams(&mut organisation, parameters, &rings, random);
    for at in 0..parameters.teams.min(3) {
        let environments: Vec<String> = organisation
            .environments
            .iter()
            .map(|environment| environment.name.clone())
            .collect();
        let count = random.within(1, environments.len());
        organisation
            .credentials
            .push((format!("db-{at}"), random.sample(&environments, count)));
    }
    deployments(&mut organisation, parameters, &rings, random);
    if parameters.dense && random.percent(12) {
        kill(&mut organisation, random);
    }
    organisation
}

/// The names of the rings that deployments may have.
fn rings(organisation: &mut Organisation, parameters: &Parameters, random: &mut Random) -> Vec<String> {
    let mut rings: Vec<String> = ["privileged", "trusted", "standard", "sandboxed"]
        .map(str::to_owned)
        .to_vec();
    if parameters.dense && random.percent(30) {
        rings.push("careful".to_owned());
        organisation
            .custom_rings
            .push("kind: Ring\nname: careful\nlevel: 2\neffects: [read, write]\n".to_owned());
    }
    if parameters.dense && random.percent(30) {
        let text = "kind: Ring\nname: sandboxed\nlevel: 3\neffects: [read, write]\nirreversible: true\n";
        organisation.custom_rings.push(text.to_owned());
    }
    if parameters.dense && random.percent(20) {
        let text = "kind: Ring\nname: trusted\nlevel: 1\neffects: [read, destructive]\nlimits: {rate: 5/s, burst: 10, concurrent: 2}\n";
        organisation.custom_rings.push(text.to_owned());
    }
    rings
}

fn environments(organisation: &mut Organisation, parameters: &Parameters, rings: &[String], random: &mut Random) {
    for at in 0..parameters.environments {
        let some_rings = random.percent(30).then(|| random.sample(rings, 3));
        let enforced_by = random
            .percent(30)
            .then(|| random.sample(&["embedded", "hook", "gateway", "container", "external", "none"], 4));
        organisation.environments.push(Environment {
            name: name_of(&ENVIRONMENT_NAMES, at),
            rings: some_rings,
            enforced_by,
        });
    }
}

fn tools(organisation: &mut Organisation, parameters: &Parameters, random: &mut Random) {
    for at in 0..parameters.tools {
        let share = parameters.actions / parameters.tools + usize::from(at < parameters.actions % parameters.tools);
        let mut actions = Vec::new();
        // A stride that is odd and no multiple of five goes through all pairs of eight verbs and ten nouns.
        let start = random.below(VERBS.len() * NOUNS.len());
        for step in 0..share {
            let pair = (start + step * 7) % (VERBS.len() * NOUNS.len());
            let lap = step / (VERBS.len() * NOUNS.len());
            let mut short = format!("{}_{}", VERBS[pair % VERBS.len()], NOUNS[pair / VERBS.len()]);
            if lap > 0 {
                write!(short, "_{lap}").unwrap();
            }
            actions.push(action(short, parameters.dense, random));
        }
        let reads = if random.percent(40) {
            vec![random.pick(&organisation.classes).clone()]
        } else {
            Vec::new()
        };
        organisation.tools.push(Tool {
            name: name_of(&TOOL_NAMES, at),
            strict: !(parameters.dense && random.percent(15)),
            reads,
            actions,
        });
    }
}

fn action(short: String, dense: bool, random: &mut Random) -> Action {
    let verb = short.split('_').next().unwrap();
    let effect = match verb {
        "list" | "get" => "read",
        "delete" => "destructive",
        _ => "write",
    };
    let class = Class {
        effect,
        external: effect != "read" && random.percent(50),
        reversible: effect == "read" || random.percent(50),
    };
    let mut parameters = Vec::new();
    let mut resources = Vec::new();
    let required = |name: &str, ty: Type| Parameter {
        name: name.to_owned(),
        ty,
        optional: false,
    };
    match random.below(6) {
        0 | 1 => {
            let ty = if random.percent(50) { Type::Folded } else { Type::Text };
            parameters.extend([required("owner", ty.clone()), required("repo", ty)]);
            resources.push("repo:{owner}/{repo}".to_owned());
            if random.percent(30) {
                parameters.push(required("branch", Type::Text));
                resources.push("branch:{owner}/{repo}@{branch}".to_owned());
            }
        }
        2 => {
            parameters.push(required("path", Type::Path));
            resources.push(random.pick(&["file:{path}", "{path}"]).to_string());
        }
        3 => {
            parameters.push(required("host", Type::Host));
            resources.push("host:{host}".to_owned());
        }
        4 => {
            parameters.push(required("queue", Type::Text));
            resources.push("queue:{queue}".to_owned());
        }
        _ => {}
    }
    let count = if dense {
        random.within(2, 5)
    } else {
        random.within(1, 3)
    };
    for (name, ty) in random.sample(&pool(), count) {
        parameters.push(Parameter {
            name: name.to_owned(),
            ty,
            optional: random.percent(35),
        });
    }
    let mut variants = Vec::new();
    if random.percent(if dense { 35 } else { 8 }) {
        let values = ["create", "submit", "remove"].map(str::to_owned).to_vec();
        parameters.push(Parameter {
            name: "method".to_owned(),
            ty: Type::Enum(values),
            optional: random.percent(30),
        });
        let guard = if parameters.last().unwrap().optional {
            "context.args has method && "
        } else {
            ""
        };
        let with = |effect, external, reversible| Class {
            effect,
            external,
            reversible,
        };
        variants.push((
            "remove".to_owned(),
            Some(format!("{guard}context.args.method == \"remove\"")),
            with("destructive", false, false),
        ));
        variants.push((
            "create".to_owned(),
            Some(format!("{guard}context.args.method == \"create\"")),
            with("write", true, false),
        ));
        // Without it, the call that neither takes is unclassified.
        if random.percent(75) {
            variants.push(("other".to_owned(), None, with("write", false, true)));
        }
    }
    Action {
        short,
        class,
        parameters,
        resources,
        variants,
    }
}

/// The parameters that actions share: one name always has one type.
fn pool() -> Vec<(&'static str, Type)> {
    let required = |name: &str, ty| Parameter {
        name: name.to_owned(),
        ty,
        optional: false,
    };
    let position = vec![
        required("line", Type::Int),
        Parameter {
            name: "side".to_owned(),
            ty: Type::Enum(vec!["left".to_owned(), "right".to_owned()]),
            optional: true,
        },
    ];
    vec![
        ("amount", Type::Int),
        ("number", Type::Int),
        ("title", Type::Text),
        ("label", Type::Folded),
        ("draft", Type::Bool),
        ("price", Type::Decimal),
        ("due", Type::DateTime),
        ("wait", Type::Duration),
        ("source", Type::Ip),
        ("target", Type::Path),
        ("server", Type::Host),
        ("link", Type::Url),
        ("sender", Type::Email),
        (
            "currency",
            Type::Enum(vec!["EUR".to_owned(), "USD".to_owned(), "GBP".to_owned()]),
        ),
        ("tags", Type::List(Box::new(Type::Text))),
        ("lines", Type::List(Box::new(Type::Int))),
        ("to", Type::List(Box::new(Type::Email))),
        ("position", Type::Record(position)),
        ("blob", Type::Opaque),
    ]
}

fn teams(organisation: &mut Organisation, parameters: &Parameters, rings: &[String], random: &mut Random) {
    let tools: Vec<String> = organisation.tools.iter().map(|tool| tool.name.clone()).collect();
    for at in 0..parameters.teams {
        let name = name_of(&TEAM_NAMES, at);
        let owners: Vec<String> = ["lead", "deputy"].iter().map(|role| format!("{role}-{at}")).collect();
        organisation.people.extend(owners.iter().cloned());
        let word = WORDS[at % WORDS.len()];
        let ceiling = random.percent(35).then(|| {
            // At least as many tools as a deployment is given, and two rings that every environment takes.
            let least = parameters.tools_given.1.min(tools.len());
            let most = tools.len().min(least * 2);
            let count = random.within(least, most);
            (rings.to_vec(), random.sample(&tools, count))
        });
        let ceiling = ceiling.map(|(rings, tools)| (random.sample(&rings, 3), tools));
        organisation.teams.push(Team {
            name,
            owners,
            owns: vec![
                format!("repo:{word}/*"),
                format!("file:/srv/{word}/**"),
                format!("queue:{word}*"),
            ],
            ceiling,
        });
    }
}

fn deployments(organisation: &mut Organisation, parameters: &Parameters, rings: &[String], random: &mut Random) {
    let tools: Vec<String> = organisation.tools.iter().map(|tool| tool.name.clone()).collect();
    organisation.people.extend(["dana".to_owned(), "erin".to_owned()]);
    // The agents of a team of a large organisation work with the team's tools.
    let pools: Vec<Vec<String>> = organisation
        .teams
        .iter()
        .map(|team| {
            let reachable = team.ceiling.as_ref().map_or(&tools, |(_, tools)| tools);
            match parameters.dense {
                true => reachable.clone(),
                false => random.sample(reachable, parameters.tools_given.1 + 2),
            }
        })
        .collect();
    for at in 0..parameters.deployments {
        let team = &organisation.teams[at % parameters.teams];
        let round = at / parameters.teams;
        // Small organisations share their agents, large ones do not.
        let agent = if parameters.dense {
            name_of(&AGENT_NAMES, (round + at % 2) % AGENT_NAMES.len())
        } else {
            format!("agent-{at}")
        };
        if organisation
            .deployments
            .iter()
            .rev()
            .take(parameters.teams * 4)
            .any(|other| other.agent == agent && other.team == team.name)
        {
            continue;
        }
        if !parameters.dense || !organisation.agents.iter().any(|other| other.name == agent) {
            let mut tags = Vec::new();
            for (key, values) in TAGS {
                if random.percent(60) {
                    tags.push((key.to_owned(), (*random.pick(&values)).to_owned()));
                }
            }
            organisation.agents.push(Agent {
                name: agent.clone(),
                tags,
                team: (!parameters.dense).then(|| team.name.clone()),
                owner: random.pick(&["dana", "erin"]).to_string(),
            });
        }
        let mut placements = Vec::new();
        let count = random.within(1, organisation.environments.len());
        let places: Vec<usize> = (0..organisation.environments.len()).collect();
        for place in random.sample(&places, count) {
            let environment = &organisation.environments[place];
            let admitted = |ring: &&String| {
                environment.rings.as_ref().is_none_or(|rings| rings.contains(ring))
                    && team.ceiling.as_ref().is_none_or(|(rings, _)| rings.contains(ring))
            };
            let admitted: Vec<String> = rings.iter().filter(admitted).cloned().collect();
            if admitted.is_empty() {
                continue;
            }
            // Most work is done in the middle; the outer rings are there too.
            let middle: Vec<String> = admitted
                .iter()
                .filter(|ring| matches!(ring.as_str(), "trusted" | "standard"))
                .cloned()
                .collect();
            let likely = if middle.is_empty() || random.percent(35) {
                &admitted
            } else {
                &middle
            };
            let enforced_by = match &environment.enforced_by {
                None => Some(*random.pick(&["embedded", "hook", "gateway", "container"])),
                Some(accepted) => Some(*random.pick(accepted)).filter(|chosen| *chosen != "none" || random.percent(50)),
            };
            let reachable = &pools[at % parameters.teams];
            let given = random.within(parameters.tools_given.0, parameters.tools_given.1);
            let credentials: Vec<String> = organisation
                .credentials
                .iter()
                .filter(|(_, environments)| environments.contains(&environment.name))
                .map(|(name, _)| name.clone())
                .collect();
            let credentials_given = usize::from(random.percent(40));
            placements.push(Placement {
                environment: environment.name.clone(),
                ring: random.pick(likely).clone(),
                tools: random.sample(reachable, given),
                credentials: random.sample(&credentials, credentials_given),
                enforced_by,
                until: random.percent(8).then_some("2026-12-24"),
            });
        }
        if placements.is_empty() {
            continue;
        }
        organisation.deployments.push(Deployment {
            agent,
            team: team.name.clone(),
            placements,
        });
    }
    // An agent whose every placement was impossible has no deployment.
    let deployed: std::collections::BTreeSet<&str> = organisation
        .deployments
        .iter()
        .map(|deployment| deployment.agent.as_str())
        .collect();
    organisation
        .agents
        .retain(|agent| deployed.contains(agent.name.as_str()));
}

fn kill(organisation: &mut Organisation, random: &mut Random) {
    let what = match random.below(12) {
        0..3 => format!("agents: {}", list(&[&random.pick(&organisation.agents).name])),
        3..5 => {
            let deployment = random.pick(&organisation.deployments);
            format!(
                "agents: {}",
                list(&[format!("{}/{}", deployment.team, deployment.agent)])
            )
        }
        5..7 => format!("teams: {}", list(&[&random.pick(&organisation.teams).name])),
        7..9 => format!("tools: {}", list(&[&random.pick(&organisation.tools).name])),
        9..11 => format!(
            "environments: {}",
            list(&[&random.pick(&organisation.environments).name])
        ),
        _ => "everything: true".to_owned(),
    };
    organisation.kills.push(format!(
        "kind: Kill\nname: incident-1\n{what}\nreason: under investigation\n"
    ));
}
