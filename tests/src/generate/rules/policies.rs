//! Policies as a team that writes Cedar has them: one file each, whose heads name what selectors of YAML do.

use std::fmt::Write;

use super::reach::{Anchor, Narrowed, Reach};
use super::selectors::WIDE_PERCENT;
use super::{Liftable, Writer};
use crate::generate::condition;
use crate::generate::random::Random;

impl Writer<'_> {
    /// A `.cedar` file: its heads name principals, actions and environments as the selectors of YAML do.
    pub(super) fn policies(&mut self, name: &str, rules: usize, reach: &Reach<'_>, random: &mut Random) -> String {
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
}
