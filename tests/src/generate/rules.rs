//! Policies and exceptions: an organisation's plan in, files out.
//!
//! A rule is written for a *reach*: all deployments, or those of one team. Its selectors name only what the reach
//! has, and its condition reads only parameters that every action it covers declares alike.

mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Parameters;
use super::condition::{self, Names, Parameter, WORDS};
use super::organisation::{Action, Deployment, Organisation, Placement, join};
use super::random::Random;
use super::yaml::{condition as written, list, quoted};

/// Picked by gut feeling: what people put into one document.
const RULES_OF_A_POLICY: (usize, usize) = (3, 12);
/// So few that a small organisation has policies of several teams.
const RULES_OF_A_SMALL_POLICY: (usize, usize) = (1, 4);

/// How many of a hundred rules without a condition name more than a few actions, in a large organisation. Picked by gut
/// feeling: two or three of them a tool in ten thousand rules.
const WIDE_PERCENT: usize = 2;

/// Whom a policy can reach, and with what.
struct Reach<'o> {
    team: Option<&'o str>,
    deployments: Vec<&'o Deployment>,
    environments: Vec<String>,
    tools: Vec<String>,
    names: Names,
}

impl<'o> Reach<'o> {
    /// Somebody, preferably where the policy holds.
    fn anchor(&self, narrowed: &Narrowed<'o>, random: &mut Random) -> Anchor<'o> {
        if let Some(anchor) = narrowed.agents {
            return anchor;
        }
        let holds = |anchor: &Anchor<'_>| {
            let environments = narrowed.environments.as_ref();
            environments.is_none_or(|environments| environments.contains(&anchor.placement.environment))
        };
        // Drawn until one is near: some placement lies in each environment that the reach has.
        loop {
            let deployment = *random.pick(&self.deployments);
            let placement = random.pick(&deployment.placements);
            let anchor = Anchor { deployment, placement };
            if holds(&anchor) {
                return anchor;
            }
        }
    }
}

/// A rule that an Exception can lift.
struct Liftable {
    name: String,
    team: Option<String>,
    cover: Vec<(String, usize)>,
}

pub(super) fn write(
    parameters: &Parameters,
    organisation: &Organisation,
    random: &mut Random,
) -> Vec<(String, String)> {
    let mut writer = Writer {
        parameters,
        organisation,
        met: BTreeMap::new(),
        liftable: Vec::new(),
        looked_at: looked_at(parameters, organisation, random),
    };
    let teams: Vec<&str> = organisation.teams.iter().map(|team| team.name.as_str()).collect();
    let reaches: Vec<Reach<'_>> = teams.iter().map(|team| reach(organisation, Some(team))).collect();
    let reaches: Vec<Reach<'_>> = reaches
        .into_iter()
        .filter(|reach| !reach.deployments.is_empty())
        .collect();
    let everyone = reach(organisation, None);
    if everyone.deployments.is_empty() {
        return Vec::new();
    }
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    // Half of the rules are the organisation's, half the teams'.
    let mut left = parameters.rules;
    let mut count = 0;
    while left > 0 {
        let (least, most) = if parameters.dense {
            RULES_OF_A_SMALL_POLICY
        } else {
            RULES_OF_A_POLICY
        };
        let rules = random.within(least, most).min(left);
        let common = reaches.is_empty() || left * 2 > parameters.rules;
        let reach = if common {
            &everyone
        } else {
            &reaches[count % reaches.len()]
        };
        if parameters.cedar_percent > 0 && random.percent(parameters.cedar_percent) {
            let name = format!("policy-{count}");
            let path = match reach.team {
                None => format!("policies/{name}.cedar"),
                Some(team) => format!("teams/{team}/{name}.cedar"),
            };
            others.push((path, writer.policies(&name, rules, reach, random)));
            left -= rules;
            count += 1;
            continue;
        }
        // Of what is left: a hundred policies in all.
        let of_the_rest = parameters.rego_percent * 100 / (100 - parameters.cedar_percent.min(99));
        if parameters.rego_percent > 0 && random.percent(of_the_rest) {
            others.extend(writer.modules(&format!("policy-{count}"), rules, reach, random));
            left -= rules;
            count += 1;
            continue;
        }
        let path = match reach.team {
            None => format!("policies/part-{}.yaml", count / 20),
            Some(team) => format!("teams/{team}/policies.yaml"),
        };
        let text = writer.policy(&format!("policy-{count}"), rules, reach, random);
        files.entry(path).or_default().push(text);
        left -= rules;
        count += 1;
    }
    let exceptions = writer.liftable.len().div_ceil(if parameters.dense { 3 } else { 5 });
    for at in 0..exceptions.min(parameters.rules / 50 + 2) {
        let rule = random.pick(&writer.liftable);
        let theirs = reaches
            .iter()
            .find(|reach| reach.team == rule.team.as_deref() && reach.team.is_some());
        let reach = theirs.filter(|_| random.percent(60)).unwrap_or(&everyone);
        let path = match reach.team {
            None => "exceptions.yaml".to_owned(),
            Some(team) => format!("teams/{team}/exceptions.yaml"),
        };
        let text = writer.exception(at, rule, reach, random);
        files.entry(path).or_default().push(text);
    }
    files
        .into_iter()
        .map(|(path, documents)| (path, join(documents.into_iter())))
        .chain(others)
        .collect()
}

fn reach<'o>(organisation: &'o Organisation, team: Option<&'o str>) -> Reach<'o> {
    let deployments: Vec<&Deployment> = organisation
        .deployments
        .iter()
        .filter(|deployment| team.is_none_or(|team| deployment.team == team))
        .collect();
    let placements = || deployments.iter().flat_map(|deployment| &deployment.placements);
    let sorted = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>();
    let given: BTreeSet<String> = placements()
        .flat_map(|placement| placement.tools.iter().cloned())
        .collect();
    let agents: BTreeSet<String> = deployments.iter().map(|deployment| deployment.agent.clone()).collect();
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for agent in organisation.agents.iter().filter(|agent| agents.contains(&agent.name)) {
        for (key, value) in &agent.tags {
            let values = tags.entry(key.clone()).or_default();
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
    }
    let environments = sorted(placements().map(|placement| placement.environment.clone()).collect());
    let tools = sorted(given);
    let names = Names {
        agents: sorted(agents),
        deployments: deployments
            .iter()
            .map(|deployment| format!("{}/{}", deployment.team, deployment.agent))
            .collect(),
        teams: sorted(deployments.iter().map(|deployment| deployment.team.clone()).collect()),
        rings: sorted(placements().map(|placement| placement.ring.clone()).collect()),
        environments: environments.clone(),
        tools: tools.clone(),
        tags: tags.into_iter().collect(),
        classes: organisation.classes.clone(),
        people: organisation.people.clone(),
    };
    Reach {
        team,
        environments,
        tools,
        names,
        deployments,
    }
}

/// A deployment at work: each rule is written around one, so that most rules have somebody to match.
#[derive(Clone, Copy)]
struct Anchor<'o> {
    deployment: &'o Deployment,
    placement: &'o Placement,
}

/// What a policy's `for` says already.
#[derive(Default)]
struct Narrowed<'o> {
    environments: Option<Vec<String>>,
    /// Around whom its agents were chosen: its rules are written around the same one.
    agents: Option<Anchor<'o>>,
}

impl Narrowed<'_> {
    fn environments(&self, reach: &Reach<'_>, anchor: Anchor<'_>, random: &mut Random) -> String {
        match &self.environments {
            Some(some) => format!("environments: {}", list(some)),
            None => environments(reach, anchor, random),
        }
    }
}

struct Writer<'o> {
    parameters: &'o Parameters,
    organisation: &'o Organisation,
    /// How many rules with conditions there are for an action: the organisation's, and each team's.
    met: BTreeMap<(Option<String>, String, usize), usize>,
    liftable: Vec<Liftable>,
    /// The actions that conditions are about in a large organisation: tools with places.
    looked_at: Vec<(String, usize)>,
}

/// Of a hundred conditional rules of the organisation about an action, how many reach a call of it: the others name
/// other agents, teams, rings or environments. Picked by gut feeling; with it the cells of an organisation of 10,000 rules have 2.1 in the mean.
const REACHING_PERCENT: usize = 50;

/// As many actions as give each the wanted number of conditional rules. The half of the rules that the teams write is
/// spread over so many agents that it hardly counts.
fn looked_at(parameters: &Parameters, organisation: &Organisation, random: &mut Random) -> Vec<(String, usize)> {
    if parameters.dense {
        return Vec::new();
    }
    let of_tool = |tool: &super::organisation::Tool| {
        let name = tool.name.clone();
        (0..tool.actions.len())
            .map(move |place| (name.clone(), place))
            .collect::<Vec<_>>()
    };
    let all: Vec<(String, usize)> = organisation.tools.iter().flat_map(of_tool).collect();
    let reaching = parameters.rules / 2 * parameters.conditional_percent * REACHING_PERCENT / 10_000;
    let count = (reaching / parameters.conditional_mean.max(1)).clamp(1, all.len());
    random.sample(&all, count)
}

impl Writer<'_> {
    /// For a rule with a condition: an action that conditions are about, and somebody who was given it.
    fn look_at<'r>(
        &self,
        reach: &Reach<'r>,
        narrowed: &Narrowed<'r>,
        random: &mut Random,
    ) -> Option<(Anchor<'r>, (String, usize))> {
        // A few attempts: the action may be full already, and no placement may have it.
        for _ in 0..8 {
            let chosen = random.pick(&self.looked_at).clone();
            if !self.has_room(reach, std::slice::from_ref(&chosen)) {
                continue;
            }
            for _ in 0..64 {
                let anchor = reach.anchor(narrowed, random);
                if anchor.placement.tools.contains(&chosen.0) {
                    return Some((anchor, chosen));
                }
            }
        }
        None
    }

    /// Whether another rule with a condition may reach these actions.
    fn has_room(&self, reach: &Reach<'_>, cover: &[(String, usize)]) -> bool {
        let most = self.parameters.conditional_per_cell / 2;
        let met = |(tool, place): &(String, usize)| {
            self.met
                .get(&(reach.team.map(str::to_owned), tool.clone(), *place))
                .copied()
                .unwrap_or(0)
        };
        cover.iter().all(|action| met(action) < most)
    }
}

impl Writer<'_> {
    fn policy(&mut self, name: &str, rules: usize, reach: &Reach<'_>, random: &mut Random) -> String {
        let mut text = format!("kind: Policy\nname: {name}\n");
        let mut scope = Vec::new();
        // What the policy narrows, its rules narrow further or leave alone: else most rules would cover nothing.
        let mut narrowed = Narrowed::default();
        if random.percent(30) {
            let count = random.within(1, reach.environments.len());
            let some = random.sample(&reach.environments, count);
            scope.push(format!("environments: {}", list(&some)));
            narrowed.environments = Some(some);
        }
        if random.percent(15) {
            let anchor = reach.anchor(&narrowed, random);
            scope.push(agents(reach, anchor, random));
            narrowed.agents = Some(anchor);
        }
        if !scope.is_empty() {
            writeln!(text, "for: {{{}}}", scope.join(", ")).unwrap();
        }
        text.push_str("rules:\n");
        for at in 0..rules {
            text.push_str(&self.rule(name, &format!("rule-{at}"), reach, &narrowed, random));
        }
        text
    }

    fn rule<'r>(
        &mut self,
        policy: &str,
        name: &str,
        reach: &Reach<'r>,
        narrowed: &Narrowed<'r>,
        random: &mut Random,
    ) -> String {
        let conditional = random.percent(self.parameters.conditional_percent);
        let looked_at = (conditional && !self.looked_at.is_empty())
            .then(|| self.look_at(reach, narrowed, random))
            .flatten();
        let anchor = match &looked_at {
            Some((anchor, _)) => *anchor,
            None => reach.anchor(narrowed, random),
        };
        let effect = match random.below(20) {
            0..11 => "allow",
            11..15 => "deny",
            _ => "require_approval",
        };
        let mut text = format!("  {name}:\n    effect: {effect}\n");
        let mut line = |field: String| writeln!(text, "    {field}").unwrap();
        if effect == "allow" || random.percent(35) {
            line(narrowed.environments(reach, anchor, random));
        }
        let chosen = looked_at.map(|(_, action)| action);
        let (selector, mut cover) = self.actions(effect, conditional, anchor, chosen, random);
        if let Some(selector) = selector {
            line(selector);
        }
        if conditional && !self.take_room(reach, &cover) {
            // Full: the rule is written without a condition rather than left out.
            cover.clear();
        }
        for other in self.others(effect, &cover, reach, (narrowed, anchor), random) {
            line(other);
        }
        if effect != "allow" && random.percent(20) {
            let except = self.narrow(&cover, reach, anchor, random);
            line(format!("except: {{{}}}", except.join(", ")));
        }
        if conditional && (self.parameters.dense || !cover.is_empty()) {
            let (parameters, resources) = self.common(&cover);
            let mut write_condition = |key: &str, random: &mut Random| {
                let text = condition::condition(random, &parameters, &reach.names, resources);
                line(format!("{key}: {}", written(&text, random.below(4), 4)));
            };
            match random.below(10) {
                0..7 => write_condition("when", random),
                7..9 => write_condition("unless", random),
                _ => {
                    write_condition("when", random);
                    write_condition("unless", random);
                }
            }
        }
        if effect == "require_approval" || (effect == "allow" && random.percent(15)) {
            line(approval(random));
        }
        if effect == "allow" && random.percent(10) {
            line(format!("expires: {}", condition::date(random)));
        }
        if effect == "allow" && random.percent(8) {
            line(format!("limit: {}/h", random.within(1, 100)));
        }
        if effect != "allow" && random.percent(15) {
            line(format!("observe_until: \"{}T12:00:00Z\"", condition::date(random)));
        }
        if random.percent(50) {
            line(format!("reason: {}", quoted(&format!("{effect} by {policy}"))));
        }
        if effect != "allow" {
            self.liftable.push(Liftable {
                name: format!("{policy}/{name}"),
                team: reach.team.map(str::to_owned),
                cover,
            });
        }
        text
    }

    /// A `.cedar` file: its heads name principals, actions and environments as the selectors of YAML do.
    fn policies(&mut self, name: &str, rules: usize, reach: &Reach<'_>, random: &mut Random) -> String {
        let mut text = String::new();
        for at in 0..rules {
            let conditional = random.percent(self.parameters.conditional_percent);
            let anchor = reach.anchor(&Narrowed::default(), random);
            let Anchor { deployment, placement } = anchor;
            let tool = random.pick(&placement.tools).clone();
            let actions = self.actions_of(&tool);
            let whole: Vec<(String, usize)> = (0..actions.len()).map(|place| (tool.clone(), place)).collect();
            // As in YAML, few rules name a whole tool or class of actions.
            let narrow = !self.parameters.dense && (conditional || !random.percent(WIDE_PERCENT));
            let roll = if narrow { random.within(2, 7) } else { random.below(8) };
            let (action, mut cover) = match roll {
                0 => (format!("action in Action::{tool:?}"), whole),
                1 if !conditional => {
                    let class = *random.pick(&["read", "write", "destructive", "external"]);
                    (format!("action in Action::{class:?}"), Vec::new())
                }
                2 => {
                    let cover = random.sample(&whole, 2);
                    let names = cover
                        .iter()
                        .map(|(tool, place)| format!("Action::\"{tool}.{}\"", actions[*place].short));
                    (format!("action in [{}]", names.collect::<Vec<_>>().join(", ")), cover)
                }
                _ => {
                    let (tool, place) = random.pick(&whole).clone();
                    // A variant is in its action, and is not it.
                    let word = if actions[place].variants.is_empty() { "==" } else { "in" };
                    let action = format!("action {word} Action::\"{tool}.{}\"", actions[place].short);
                    (action, vec![(tool, place)])
                }
            };
            let (word, gate) = match random.below(20) {
                0..11 => ("permit", random.percent(15)),
                11..16 => ("forbid", false),
                _ => ("forbid", true),
            };
            let principal = match random.below(9) {
                0 => format!("principal == Deployment::\"{}/{}\"", deployment.team, deployment.agent),
                1 => format!("principal in Agent::{:?}", deployment.agent),
                2 => format!("principal in Team::{:?}", deployment.team),
                3 => format!("principal in Ring::{:?}", placement.ring),
                _ => "principal".to_owned(),
            };
            // A permit names its environment, as an allow of YAML must.
            let resource = match word != "permit" && random.percent(50) {
                true => "resource".to_owned(),
                false => format!("resource in Environment::{:?}", placement.environment),
            };
            let rule = format!("rule-{at}");
            writeln!(text, "@id({rule:?})").unwrap();
            if gate {
                writeln!(
                    text,
                    "@approval(\"{}:1\") @timeout(\"30m\")",
                    random.pick(&["security", "finance"])
                )
                .unwrap();
            }
            write!(text, "{word}({principal}, {action}, {resource})").unwrap();
            if conditional && !self.take_room(reach, &cover) {
                cover.clear();
            }
            if conditional && !cover.is_empty() {
                let (parameters, resources) = self.common(&cover);
                let clauses: &[&str] = match random.below(10) {
                    0..7 => &["when"],
                    7..9 => &["unless"],
                    _ => &["when", "unless"],
                };
                for clause in clauses {
                    let condition = condition::condition(random, &parameters, &reach.names, resources);
                    write!(text, "\n{clause} {{ {condition} }}").unwrap();
                }
            }
            text.push_str(";\n");
            if word == "forbid" {
                self.liftable.push(Liftable {
                    name: format!("{name}/{rule}"),
                    team: reach.team.map(str::to_owned),
                    cover,
                });
            }
        }
        text
    }

    /// A selector of actions and what it covers: tools with places of actions. Nothing covered where conditions
    /// cannot read arguments.
    fn actions(
        &self,
        effect: &str,
        conditional: bool,
        anchor: Anchor<'_>,
        chosen: Option<(String, usize)>,
        random: &mut Random,
    ) -> (Option<String>, Vec<(String, usize)>) {
        let tool = match &chosen {
            Some((tool, _)) => tool.clone(),
            None => random.pick(&anchor.placement.tools).clone(),
        };
        let actions = self.actions_of(&tool);
        let whole: Vec<(String, usize)> = (0..actions.len()).map(|place| (tool.clone(), place)).collect();
        // Large organisations have their conditions on few actions each.
        // What names whole tools or classes of actions is rare there: each such rule stands in thousands of cells.
        let narrow = !self.parameters.dense && (conditional || !random.percent(WIDE_PERCENT));
        let roll = if narrow { 0 } else { random.below(20) };
        match roll {
            0..10 => {
                let count = *random.pick(&[1, 1, 1, 1, 1, 2]);
                let cover = match chosen {
                    Some(action) => vec![action],
                    None => random.sample(&whole, count),
                };
                let mut entries: Vec<String> = cover
                    .iter()
                    .map(|(tool, place)| format!("{tool}.{}", actions[*place].short))
                    .collect();
                let first = &actions[cover[0].1];
                if let [(variant, ..), ..] = first.variants.as_slice()
                    && random.percent(40)
                {
                    entries[0] = format!("{}/{variant}", entries[0]);
                }
                (Some(format!("actions: {}", list(&entries))), cover)
            }
            10..13 => {
                let verb = random.pick(actions).short.split('_').next().unwrap().to_owned();
                let cover = whole
                    .into_iter()
                    .filter(|(_, place)| actions[*place].short.starts_with(&format!("{verb}_")))
                    .collect();
                (Some(format!("actions: {}", list(&[format!("{tool}.{verb}_*")]))), cover)
            }
            13 => (Some(format!("actions: {}", list(&[format!("{tool}.*")]))), whole),
            14 => (Some(format!("tools: {}", list(&[&tool]))), whole),
            15 if !anchor.placement.credentials.is_empty() => (
                Some(format!(
                    "credentials: {}",
                    list(&[random.pick(&anchor.placement.credentials)])
                )),
                Vec::new(),
            ),
            16 if !anchor.placement.credentials.is_empty() => (
                Some(format!(
                    "actions: {}",
                    list(&[format!("credential.{}", random.pick(&anchor.placement.credentials))])
                )),
                Vec::new(),
            ),
            17 if effect == "deny" => (
                Some("external: true\n    effects: [write, destructive]".to_owned()),
                Vec::new(),
            ),
            18 if effect == "deny" => (Some("effects: [destructive]".to_owned()), Vec::new()),
            18 if effect == "require_approval" => (Some("reversible: false".to_owned()), Vec::new()),
            19 if effect == "allow" => (Some("effects: [read]".to_owned()), Vec::new()),
            _ => (Some(format!("tools: {}", list(&[&tool]))), whole),
        }
    }

    /// Other selectors of a rule.
    fn others(
        &self,
        effect: &str,
        cover: &[(String, usize)],
        reach: &Reach<'_>,
        (narrowed, anchor): (&Narrowed<'_>, Anchor<'_>),
        random: &mut Random,
    ) -> Vec<String> {
        let mut fields = Vec::new();
        if random.percent(if narrowed.agents.is_some() { 5 } else { 30 }) {
            fields.push(agents(reach, anchor, random));
        }
        if reach.team.is_none() && random.percent(12) {
            let some = random.sample(&reach.names.teams, 2);
            fields.push(format!(
                "teams: {}",
                list(&including(some, &anchor.deployment.team, random))
            ));
        }
        if random.percent(12) {
            let some = random.sample(&reach.names.rings, 2);
            fields.push(format!(
                "rings: {}",
                list(&including(some, &anchor.placement.ring, random))
            ));
        }
        if !reach.names.tags.is_empty() && random.percent(12) {
            let (key, values) = random.pick(&reach.names.tags).clone();
            fields.push(format!("tags: {{{key}: {}}}", list(&random.sample(&values, 2))));
        }
        if random.percent(18) {
            fields.extend(self.resources(cover, random));
        }
        // A deny for whoever holds something is common, an allow for them is not.
        if random.percent(if effect == "allow" { 4 } else { 15 }) {
            fields.push(format!("holding: {}", list(&random.sample(&reach.names.classes, 2))));
        }
        if random.percent(12) {
            fields.push(on_behalf_of(self.organisation, random));
        }
        fields
    }

    /// The selectors of an `except` or an Exception: at least one.
    fn narrow(
        &self,
        cover: &[(String, usize)],
        reach: &Reach<'_>,
        anchor: Anchor<'_>,
        random: &mut Random,
    ) -> Vec<String> {
        let mut fields = Vec::new();
        if random.percent(40) {
            fields.push(environments(reach, anchor, random));
        }
        let reached = cover
            .iter()
            .filter(|(tool, _)| reach.tools.contains(tool))
            .collect::<Vec<_>>();
        if !reached.is_empty() && random.percent(40) {
            let (tool, place) = random.pick(&reached);
            fields.push(format!(
                "actions: {}",
                list(&[format!("{tool}.{}", self.actions_of(tool)[*place].short)])
            ));
        }
        if random.percent(20) {
            fields.push(on_behalf_of(self.organisation, random));
        }
        if random.percent(15) {
            fields.push(format!("holding: {}", list(&random.sample(&reach.names.classes, 1))));
        }
        if random.percent(25) && reached.len() == cover.len() {
            fields.extend(self.resources(cover, random));
        }
        if fields.is_empty() || random.percent(40) {
            fields.push(agents(reach, anchor, random));
        }
        fields
    }

    /// Only where every covered action says what it touches.
    fn resources(&self, cover: &[(String, usize)], random: &mut Random) -> Option<String> {
        let (_, all) = self.common(cover);
        if !all {
            return None;
        }
        if random.percent(25) {
            return Some("resources: [team.owns]".to_owned());
        }
        let (tool, place) = random.pick(cover);
        let template = random.pick(&self.actions_of(tool)[*place].resources).clone();
        let mut glob = String::new();
        let mut rest = template.as_str();
        while let Some((before, tail)) = rest.split_once('{') {
            let (name, after) = tail.split_once('}').unwrap();
            glob.push_str(before);
            let word = random.pick(&WORDS);
            glob.push_str(&match (name, random.below(5)) {
                ("path", 0) => "/srv/app".to_owned(),
                ("path", 1) => "/srv/*".to_owned(),
                ("path", _) => "/srv/**".to_owned(),
                ("host", 0) => "acme.example".to_owned(),
                ("host", _) => "*.example".to_owned(),
                (_, 0 | 1) => (*word).to_owned(),
                (_, 2) => format!("{word}*"),
                (_, 3) => "**".to_owned(),
                _ => "*".to_owned(),
            });
            rest = after;
        }
        glob.push_str(rest);
        Some(format!("resources: [{}]", quoted(&glob)))
    }

    /// The parameters that all covered actions declare alike, and whether all declare resources.
    fn common(&self, cover: &[(String, usize)]) -> (Vec<Parameter>, bool) {
        let mut actions = cover.iter().map(|(tool, place)| &self.actions_of(tool)[*place]);
        let Some(first) = actions.next() else {
            return (Vec::new(), false);
        };
        let mut parameters = first.parameters.clone();
        let mut resources = !first.resources.is_empty();
        for action in actions {
            parameters.retain(|parameter| action.parameters.contains(parameter));
            resources &= !action.resources.is_empty();
        }
        (parameters, resources)
    }

    /// Counts a rule with a condition, if there is room for it wherever it reaches.
    fn take_room(&mut self, reach: &Reach<'_>, cover: &[(String, usize)]) -> bool {
        let key = |(tool, place): &(String, usize)| (reach.team.map(str::to_owned), tool.clone(), *place);
        if !self.has_room(reach, cover) {
            return false;
        }
        for action in cover {
            *self.met.entry(key(action)).or_default() += 1;
        }
        true
    }

    fn actions_of(&self, tool: &str) -> &[Action] {
        &self
            .organisation
            .tools
            .iter()
            .find(|candidate| candidate.name == tool)
            .unwrap()
            .actions
    }

    fn exception(&self, at: usize, rule: &Liftable, reach: &Reach<'_>, random: &mut Random) -> String {
        let mut text = format!("kind: Exception\nname: exception-{at}\nto: {}\n", rule.name);
        let anchor = reach.anchor(&Narrowed::default(), random);
        for field in self.narrow(&rule.cover, reach, anchor, random) {
            writeln!(text, "{field}").unwrap();
        }
        writeln!(
            text,
            "reason: RISK-{at}\nowner: dana\nuntil: {}",
            condition::date(random)
        )
        .unwrap();
        text
    }
}

/// Nearly always with this one among them.
fn including(mut some: Vec<String>, one: &String, random: &mut Random) -> Vec<String> {
    if !some.contains(one) && random.percent(90) {
        some[0].clone_from(one);
    }
    some
}

fn environments(reach: &Reach<'_>, anchor: Anchor<'_>, random: &mut Random) -> String {
    if random.percent(25) {
        return "environments: [\"*\"]".to_owned();
    }
    let count = random.within(1, reach.environments.len());
    let some = random.sample(&reach.environments, count);
    format!(
        "environments: {}",
        list(&including(some, &anchor.placement.environment, random))
    )
}

fn agents(reach: &Reach<'_>, anchor: Anchor<'_>, random: &mut Random) -> String {
    let deployment = if random.percent(85) {
        anchor.deployment
    } else {
        random.pick(&reach.deployments)
    };
    let first = match random.below(6) {
        0 | 1 => deployment.agent.clone(),
        2 => format!("{}/*", deployment.team),
        3 => format!("{}*", &deployment.agent[..3]),
        _ => format!("{}/{}", deployment.team, deployment.agent),
    };
    let mut entries = vec![first];
    let other = random.pick(&reach.names.deployments);
    if random.percent(30) && !entries.contains(other) {
        entries.push(other.clone());
    }
    format!("agents: {}", list(&entries))
}

fn on_behalf_of(organisation: &Organisation, random: &mut Random) -> String {
    let mut entries: Vec<String> = organisation.groups.iter().map(|(name, _)| name.clone()).collect();
    entries.extend(["clerk".to_owned(), "dana".to_owned(), "none".to_owned()]);
    let count = random.within(1, 3);
    format!("on_behalf_of: {}", list(&random.sample(&entries, count)))
}

/// Never more than can be met, whoever owns the agent and whomever it works for.
fn approval(random: &mut Random) -> String {
    let mut require = vec![format!(
        "{{from: [{}], count: {}}}",
        random.pick(&["security", "finance"]),
        random.within(1, 2)
    )];
    if random.percent(30) {
        require.push("{from: [team-owners], count: 1}".to_owned());
    }
    let mut fields = vec![
        format!("require: [{}]", require.join(", ")),
        format!("timeout: {}m", random.within(5, 60)),
    ];
    if random.percent(20) {
        fields.push("separation: true".to_owned());
    }
    if random.percent(20) {
        fields.push(format!("evidence: {}", random.pick(&["signed", "present"])));
    }
    format!("approval: {{{}}}", fields.join(", "))
}
