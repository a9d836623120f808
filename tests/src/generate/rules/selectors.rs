//! The selectors of rules, exceptions and policies, and whose approval a rule asks for.

use super::Writer;
use super::reach::{Anchor, Narrowed, Reach};
use crate::generate::condition::WORDS;
use crate::generate::organisation::Organisation;
use crate::generate::random::Random;
use crate::generate::yaml::{list, quoted};

/// How many of a hundred rules without a condition name more than a few actions, in a large organisation. Picked by gut
/// feeling: two or three of them a tool in ten thousand rules.
pub(super) const WIDE_PERCENT: usize = 2;

impl Writer<'_> {
    /// A selector of actions and what it covers: tools with places of actions. Nothing covered where conditions
    /// cannot read arguments.
    pub(super) fn actions(
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
    pub(super) fn others(
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
    pub(super) fn narrow(
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
}

/// Nearly always with this one among them.
fn including(mut some: Vec<String>, one: &String, random: &mut Random) -> Vec<String> {
    if !some.contains(one) && random.percent(90) {
        some[0].clone_from(one);
    }
    some
}

pub(super) fn environments(reach: &Reach<'_>, anchor: Anchor<'_>, random: &mut Random) -> String {
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

pub(super) fn agents(reach: &Reach<'_>, anchor: Anchor<'_>, random: &mut Random) -> String {
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
pub(super) fn approval(random: &mut Random) -> String {
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
