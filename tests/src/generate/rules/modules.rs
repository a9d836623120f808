//! Policies in Rego: a reach in, files out. What their rules are about stands in their first statements.

use std::fmt::Write;

use super::reach::{Anchor, Narrowed, Reach};
use super::selectors::WIDE_PERCENT;
use super::{Liftable, Writer};
use crate::generate::organisation::Action;
use crate::generate::random::Random;
use crate::generate::rego;

impl Writer<'_> {
    /// `.rego` files of up to three rules each, whose first statements name actions, environments and agents.
    pub(super) fn modules(
        &mut self,
        name: &str,
        rules: usize,
        reach: &Reach<'_>,
        random: &mut Random,
    ) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut left = rules;
        while left > 0 {
            let many = random.within(1, 3).min(left);
            left -= many;
            let name = format!("{name}-{}", files.len());
            let mut text = format!("package polity[{name:?}]\n\nimport rego.v1\n");
            let mut entries = random.sample(&["allow", "deny", "require_approval"], many);
            entries.sort_unstable();
            for entry in entries {
                self.module_rule(&mut text, (&name, entry), reach, random);
            }
            let path = match reach.team {
                None => format!("policies/{name}.rego"),
                Some(team) => format!("teams/{team}/{name}.rego"),
            };
            files.push((path, text));
        }
        files
    }

    fn module_rule(
        &mut self,
        text: &mut String,
        (policy, entry): (&str, &str),
        reach: &Reach<'_>,
        random: &mut Random,
    ) {
        let Anchor { deployment, placement } = reach.anchor(&Narrowed::default(), random);
        let tool = random.pick(&placement.tools).clone();
        let actions = self.actions_of(&tool);
        let whole: Vec<(String, usize)> = (0..actions.len()).map(|place| (tool.clone(), place)).collect();
        let wide = random.percent(WIDE_PERCENT);
        let mut cover = match wide {
            true => whole,
            false => {
                let count = *random.pick(&[1, 1, 1, 2]);
                random.sample(&whole, count)
            }
        };
        let mut statements = vec![match wide {
            true => format!("input.action.tool == {tool:?}"),
            false => {
                let names: Vec<String> = cover
                    .iter()
                    .flat_map(|(tool, place)| full(tool, &actions[*place]))
                    .collect();
                match names.as_slice() {
                    [only] => format!("input.action.name == {only:?}"),
                    several => format!(
                        "input.action.name in {{{}}}",
                        several
                            .iter()
                            .map(|one| format!("{one:?}"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                }
            }
        }];
        match random.below(9) {
            0 => statements.push(format!(
                "input.agent.name == \"{}/{}\"",
                deployment.team, deployment.agent
            )),
            1 => statements.push(format!("input.agent.agent == {:?}", deployment.agent)),
            2 => statements.push(format!("input.agent.team == {:?}", deployment.team)),
            _ => {}
        }
        if random.percent(50) {
            statements.push(format!("input.environment == {:?}", placement.environment));
        }
        let conditional = random.percent(self.parameters.conditional_percent);
        if conditional && !wide && self.take_room(reach, &cover) {
            let (parameters, _) = self.common(&cover);
            statements.extend(rego::statements(random, &parameters, &reach.names));
        } else if conditional {
            cover.clear();
        }
        if entry == "require_approval" {
            let who = random.pick(&["security", "finance"]);
            write!(text, "\n# METADATA\n# custom:\n#   approval: {who}:1").unwrap();
        }
        write!(text, "\n{entry} if {{\n\t{}\n}}\n", statements.join("\n\t")).unwrap();
        if entry != "allow" {
            self.liftable.push(Liftable {
                name: format!("{policy}/{entry}"),
                team: reach.team.map(str::to_owned),
                cover,
            });
        }
    }
}

/// What calls of an action are named: itself, or its variants.
fn full(tool: &str, action: &Action) -> Vec<String> {
    match action.variants.as_slice() {
        [] => vec![format!("{tool}.{}", action.short)],
        variants => {
            let all = variants.iter();
            all.map(|(variant, ..)| format!("{tool}.{}/{variant}", action.short))
                .collect()
        }
    }
}
