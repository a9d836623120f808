//! Calls at the boundaries of an organisation's rules: documents in, requests out, the same for the same seed.
//!
//! Calls drawn evenly at random miss a deleted rule nearly always. So each rule and each exception is asked about by
//! name: a call that lies in it or just beside it, with one thing (its *focus*) put exactly on, below and above a
//! boundary, and the rest drawn from the same rule's own constants, so that the other tests pass often enough.

mod arguments;
mod boundary;
mod target;

use polity::ast::{Action, Body, Documents, Text};
use serde_json::{Value as Json, json};

use crate::generate::random::Random;
use crate::naive::Request;
use arguments::arguments;
use target::{Target, roughly_matches, targets};

/// 2026-11-15T12:00:00Z: before some dates that the generated organisations write, and after others.
const ORDINARY_MOMENT: i64 = 1_794_744_000_000;

/// At most `budget` requests, first those with a focus, rule by rule, then mixtures.
pub fn requests(documents: &Documents, seed: u64, budget: usize) -> Vec<Request> {
    let mut random = Random::new(seed);
    let world = World::new(documents);
    let targets = targets(documents);
    let mut found = world.strangers(&mut random);
    // Round by round, so that a small budget still asks about every rule.
    let mut round = 0;
    while found.len() < budget && !world.places.is_empty() {
        if targets.is_empty() {
            let call = world.call(&Target::default(), &mut random);
            found.extend(call.map(|call| call.request));
        }
        for target in &targets {
            let Some(mut call) = world.call(target, &mut random) else {
                continue;
            };
            let focuses = target.focuses(&world, call.action);
            if let Some(focus) = focuses.get(round) {
                focus.apply(&mut call.request);
            } else if !focuses.is_empty() && random.percent(70) {
                random.pick(&focuses).apply(&mut call.request);
            }
            found.push(call.request);
        }
        round += 1;
    }
    found.truncate(budget);
    found
}

/// What there is to ask about.
struct World<'a> {
    documents: &'a Documents,
    /// Deployment, environment, tools, credentials; and the agent and the team by themselves.
    places: Vec<Place<'a>>,
    environments: Vec<&'a str>,
    people: Vec<&'a str>,
    classes: Vec<&'a str>,
    /// Full name, tool, action.
    actions: Vec<(String, &'a str, &'a Action)>,
    credentials: Vec<String>,
    groups: Vec<(&'a str, &'a [Text])>,
    /// Agent, key, value.
    tags: Vec<(&'a str, &'a str, &'a str)>,
    /// When deployments end.
    ends: Vec<i64>,
}

struct Place<'a> {
    deployment: String,
    agent: &'a str,
    team: &'a str,
    environment: &'a str,
    ring: &'a str,
    tools: Vec<&'a str>,
    credentials: Vec<&'a str>,
}

struct Call<'w, 'a> {
    request: Request,
    action: Option<&'w (String, &'a str, &'a Action)>,
}

impl<'a> World<'a> {
    fn new(documents: &'a Documents) -> Self {
        let mut world = World {
            documents,
            places: Vec::new(),
            environments: Vec::new(),
            people: Vec::new(),
            classes: vec!["customer-data", "source-code", "salaries"],
            actions: Vec::new(),
            credentials: Vec::new(),
            groups: Vec::new(),
            tags: Vec::new(),
            ends: Vec::new(),
        };
        for document in &documents.documents {
            let name = document.name.as_ref().map_or("", |name| name.value.as_str());
            match &document.body {
                Body::Environment(_) => world.environments.push(name),
                Body::Person(_) => world.people.push(name),
                Body::Group(group) => world.groups.push((name, &group.members)),
                Body::Agent(agent) => world.tags.extend(
                    agent
                        .tags
                        .iter()
                        .map(|(key, value)| (name, key.value.as_str(), value.value.as_str())),
                ),
                Body::Credential(_) => world.credentials.push(format!("credential.{name}")),
                Body::Tool(tool) => {
                    let actions = tool
                        .actions
                        .iter()
                        .map(|(short, action)| (format!("{name}.{}", short.value), name, action));
                    world.actions.extend(actions);
                }
                Body::Deployment(deployment) => {
                    let agent = deployment.agent.as_ref().map_or("", |agent| agent.value.as_str());
                    let team = deployment
                        .team
                        .as_ref()
                        .map(|team| team.value.as_str())
                        .or(document.team.as_deref())
                        .unwrap_or("");
                    for (environment, placement) in &deployment.environments {
                        world.ends.extend(placement.until.iter().map(|until| until.value));
                        world.places.push(Place {
                            deployment: format!("{team}/{agent}"),
                            agent,
                            team,
                            environment: &environment.value,
                            ring: placement.ring.as_ref().map_or("", |ring| ring.value.as_str()),
                            tools: placement.tools.iter().map(|tool| tool.value.as_str()).collect(),
                            credentials: placement.credentials.iter().map(|name| name.value.as_str()).collect(),
                        });
                    }
                }
                _ => {}
            }
        }
        // Classes that the documents name and this list does not.
        for selector in documents.documents.iter().filter_map(|document| match &document.body {
            Body::Policy(policy) => Some(policy),
            _ => None,
        }) {
            for held in selector
                .rules
                .iter()
                .filter_map(|(_, rule)| rule.selector.holding.as_ref())
                .flatten()
            {
                if !held.value.contains('*') && !world.classes.contains(&held.value.as_str()) {
                    world.classes.push(&held.value);
                }
            }
        }
        world
    }

    /// Calls that no rule is needed to refuse.
    fn strangers(&self, random: &mut Random) -> Vec<Request> {
        let mut found = Vec::new();
        let Some(call) = self.call(&Target::default(), random) else {
            return found;
        };
        let base = call.request;
        let mut with = |change: &dyn Fn(&mut Request)| {
            let mut request = base.clone();
            change(&mut request);
            found.push(request);
        };
        with(&|request| request.agent = "nobody/nothing".to_owned());
        with(&|request| request.agent = request.agent.replace('/', ""));
        with(&|request| request.environment = "nowhere".to_owned());
        with(&|request| request.action = "nothing.at_all".to_owned());
        with(&|request| request.action = request.action.replace('.', "/"));
        with(&|request| request.action = "credential.nothing".to_owned());
        with(&|request| request.args = json!({}));
        for end in &self.ends {
            for moment in [end - 1, *end] {
                for place in &self.places {
                    if found.len() < 200 {
                        let mut request = base.clone();
                        (request.agent, request.environment, request.now) =
                            (place.deployment.clone(), place.environment.to_owned(), moment);
                        found.push(request);
                    }
                }
            }
        }
        // A variant is no action: nobody can call it by its name.
        for (name, tool, action) in &self.actions {
            if let ([(variant, _), ..], true) = (action.variants.as_slice(), found.len() < 300)
                && let Some(place) = self.places.iter().find(|place| place.tools.contains(tool))
            {
                let mut request = base.clone();
                (request.agent, request.environment) = (place.deployment.clone(), place.environment.to_owned());
                request.action = format!("{name}/{}", variant.value);
                found.push(request);
            }
        }
        found
    }

    /// Session, person and time: those that the target selects or tests, mostly.
    fn surround(&self, request: &mut Request, target: &Target<'_>, random: &mut Random) {
        let held: Vec<&Text> = target
            .selectors
            .iter()
            .filter_map(|selector| selector.holding.as_ref())
            .flatten()
            .collect();
        if !held.is_empty() && random.percent(75) {
            request.holding.push(random.pick(&held).value.clone());
        } else if random.percent(if target.boundaries.mentions_holding() { 60 } else { 20 }) {
            let count = random.within(1, 2);
            request
                .holding
                .extend(random.sample(&self.classes, count).into_iter().map(str::to_owned));
        }
        let entries: Vec<&Text> = target
            .selectors
            .iter()
            .filter_map(|selector| selector.on_behalf_of.as_ref())
            .flatten()
            .collect();
        let named = target.boundaries.people();
        if !entries.is_empty() && random.percent(75) {
            request.on_behalf_of = self.somebody_of(&random.pick(&entries).value, random);
        } else if !named.is_empty() && random.percent(60) {
            request.on_behalf_of = Some(random.pick(&named).clone());
        } else if random.percent(25) && !self.people.is_empty() {
            request.on_behalf_of = Some((*random.pick(&self.people)).to_owned());
        }
        let mut moments = target.boundaries.moments(ORDINARY_MOMENT);
        moments.extend(target.moments.iter().flat_map(|moment| [moment - 1, *moment]));
        if !moments.is_empty() && random.percent(55) {
            request.now = *random.pick(&moments);
        }
        let calls = target.boundaries.calls();
        if !calls.is_empty() && random.percent(50) {
            request.calls = u64::try_from(*random.pick(&calls)).unwrap_or(0);
        }
    }

    /// The person of that name, or one who is in the group of that name, however deep.
    fn somebody_of(&self, name: &str, random: &mut Random) -> Option<String> {
        let mut name = name.to_owned();
        while let Some((_, members)) = self.groups.iter().find(|(group, _)| *group == name) {
            name.clone_from(&random.pick(members).value);
        }
        (name != "none").then_some(name)
    }

    /// A call in or near the target.
    fn call<'w>(&'w self, target: &Target<'_>, random: &mut Random) -> Option<Call<'w, 'a>> {
        let near = |place: &&Place<'_>| {
            target.team.is_none_or(|team| team == place.team)
                && target.roughly(|selector| selector.agents.as_ref(), &[place.agent, &place.deployment])
                && target.roughly(|selector| selector.teams.as_ref(), &[place.team])
                && target.roughly(|selector| selector.environments.as_ref(), &[place.environment])
                && target.roughly(|selector| selector.rings.as_ref(), &[place.ring])
                && target
                    .selectors
                    .iter()
                    .filter_map(|selector| selector.tags.as_ref())
                    .flatten()
                    .all(|(key, values)| {
                        let has = |value: &Text| {
                            self.tags.iter().any(|(agent, its, tag)| {
                                *agent == place.agent && *its == key.value && roughly_matches(&value.value, tag)
                            })
                        };
                        values.iter().any(has)
                    })
        };
        let covers = |name: &str, tool: &str| {
            // A variant's name is its action's with more behind it.
            let base = |entry: &Text| roughly_matches(entry.value.split('/').next().unwrap_or(""), name);
            let actions = target
                .selectors
                .iter()
                .filter_map(|selector| selector.actions.as_ref())
                .all(|entries| entries.iter().any(base));
            actions && target.roughly(|selector| selector.tools.as_ref(), &[tool])
        };
        let covered: Vec<&(String, &str, &Action)> = self
            .actions
            .iter()
            .filter(|(name, tool, _)| covers(name, tool))
            .collect();
        let aimed = random.percent(90);
        let places: Vec<&Place<'_>> = self.places.iter().filter(|place| !aimed || near(place)).collect();
        // Preferably where one of the covered tools was given.
        let equipped = |place: &&&Place<'_>| covered.iter().any(|(_, tool, _)| place.tools.contains(tool));
        let well: Vec<&Place<'_>> = places.iter().filter(equipped).copied().collect();
        let place = match (well.as_slice(), places.as_slice()) {
            ([], []) => random.pick(&self.places.iter().collect::<Vec<_>>()),
            ([], places) => *random.pick(places),
            (well, _) => *random.pick(well),
        };
        let about_credentials = target.selectors.iter().any(|selector| selector.credentials.is_some())
            || target
                .selectors
                .iter()
                .filter_map(|selector| selector.actions.as_ref())
                .flatten()
                .any(|entry| entry.value.starts_with("credential."));
        let mut request = Request {
            agent: place.deployment.clone(),
            environment: place.environment.to_owned(),
            action: String::new(),
            args: json!({}),
            holding: Vec::new(),
            on_behalf_of: None,
            calls: random.below(60) as u64,
            now: ORDINARY_MOMENT,
        };
        self.surround(&mut request, target, random);
        if !self.credentials.is_empty() && random.percent(if about_credentials { 90 } else { 3 }) {
            request.action = match place.credentials.is_empty() || random.percent(20) {
                true => random.pick(&self.credentials).clone(),
                false => format!("credential.{}", random.pick(&place.credentials)),
            };
            return Some(Call { request, action: None });
        }
        let given: Vec<&(String, &str, &Action)> = covered
            .iter()
            .filter(|(_, tool, _)| place.tools.contains(tool))
            .copied()
            .collect();
        let action = match (given.as_slice(), covered.as_slice(), self.actions.as_slice()) {
            ([_, ..], ..) if random.percent(95) => *random.pick(&given),
            (_, [_, ..], _) => *random.pick(&covered),
            (_, _, [_, ..]) => random.pick(&self.actions),
            _ => return None,
        };
        request.action.clone_from(&action.0);
        request.args = Json::Object(arguments(&action.2.params, &mut Vec::new(), target, random));
        if random.percent(4) && !self.documents.documents.is_empty() {
            request.environment = (*random.pick(&self.environments)).to_owned();
        }
        Some(Call {
            request,
            action: Some(action),
        })
    }
}
