//! Policies and exceptions: an organisation's plan in, files out.
//!
//! A rule is written for a *reach*: all deployments, or those of one team. Its selectors name only what the reach
//! has, and its condition reads only parameters that every action it covers declares alike.

mod modules;
mod policies;
mod reach;
mod selectors;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Parameters;
use super::condition::{self, Parameter};
use super::organisation::{Action, Organisation, join};
use super::random::Random;
use super::yaml::{condition as written, list, quoted};
use reach::{Anchor, Narrowed, Reach};
use selectors::{agents, approval};

/// Picked by gut feeling: what people put into one document.
const RULES_OF_A_POLICY: (usize, usize) = (3, 12);
/// So few that a small organisation has policies of several teams.
const RULES_OF_A_SMALL_POLICY: (usize, usize) = (1, 4);

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
    let reaches: Vec<Reach<'_>> = teams.iter().map(|team| Reach::new(organisation, Some(team))).collect();
    let reaches: Vec<Reach<'_>> = reaches
        .into_iter()
        .filter(|reach| !reach.deployments.is_empty())
        .collect();
    let everyone = Reach::new(organisation, None);
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
