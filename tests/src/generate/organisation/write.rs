//! A plan of an organisation in, its files out: every one but those of the rules.

use std::fmt::Write;

use ed25519_dalek::SigningKey;

use super::{Agent, Class, Deployment, Organisation, Team, Tool};
use crate::generate::condition::{Parameter, Type};
use crate::generate::yaml::{condition, list, quoted, scalar};

impl Organisation {
    /// Every file but those of the rules.
    pub(in crate::generate) fn write(&self) -> Vec<(String, String)> {
        let mut files = vec![
            (
                "polity.yaml".to_owned(),
                "polity: v1\nkind: Organization\nname: acme\nowners: [security]\nbundle: {lifetime: 7d, grace: {for: 2d, effects: [read]}}\n".to_owned(),
            ),
            ("people.yaml".to_owned(), self.write_people()),
            ("environments.yaml".to_owned(), self.write_environments()),
        ];
        files.extend(
            self.tools
                .iter()
                .map(|tool| (format!("tools/{}.yaml", tool.name), write_tool(tool))),
        );
        files.push(("teams.yaml".to_owned(), join(self.teams.iter().map(write_team))));
        let shared = self.agents.iter().filter(|agent| agent.team.is_none());
        files.push(("agents.yaml".to_owned(), join(shared.map(write_agent))));
        for team in &self.teams {
            let own = self
                .agents
                .iter()
                .filter(|agent| agent.team.as_deref() == Some(&team.name));
            let deployments = self
                .deployments
                .iter()
                .filter(|deployment| deployment.team == team.name);
            let text = join(own.map(write_agent).chain(deployments.map(write_deployment)));
            files.push((format!("teams/{}/deployments.yaml", team.name), text));
        }
        files.push(("kills.yaml".to_owned(), join(self.kills.iter().cloned())));
        if self.approval_rule {
            let text = "kind: ApprovalRule\nname: widening\nwhen: {widens: true}\nrequire: [{from: [security], count: 1}]\nevidence: signed\n";
            files.push(("approvals.yaml".to_owned(), text.to_owned()));
        }
        files.retain(|(_, text)| !text.is_empty());
        files
    }

    fn write_people(&self) -> String {
        let people = self.people.iter().enumerate().map(|(at, name)| {
            format!(
                "kind: Person\nname: {name}\nemail: {}\nkeys: [{}]\n",
                quoted(&format!("{name}@acme.example")),
                quoted(&ssh_key(at, name))
            )
        });
        let groups = self
            .groups
            .iter()
            .map(|(name, members)| format!("kind: Group\nname: {name}\nmembers: {}\n", list(members)));
        let classes = self
            .classes
            .iter()
            .map(|name| format!("kind: DataClass\nname: {name}\nowner: dana\n"));
        join(people.chain(groups).chain(classes))
    }

    fn write_environments(&self) -> String {
        let environments = self.environments.iter().enumerate().map(|(rank, environment)| {
            let mut text = format!("kind: Environment\nname: {}\nrank: {}\n", environment.name, rank + 1);
            if let Some(rings) = &environment.rings {
                writeln!(text, "rings: {}", list(rings)).unwrap();
            }
            if let Some(enforced_by) = &environment.enforced_by {
                writeln!(text, "enforced_by: {}", list(enforced_by)).unwrap();
            }
            text
        });
        let credentials = self.credentials.iter().map(|(name, environments)| {
            format!(
                "kind: Credential\nname: {name}\nenvironments: {}\nmax_ttl: 15m\nowner: dana\n",
                list(environments)
            )
        });
        join(environments.chain(self.custom_rings.iter().cloned()).chain(credentials))
    }
}

fn write_tool(tool: &Tool) -> String {
    let mut text = format!("kind: Tool\nname: {}\ndescription: The {} tool\n", tool.name, tool.name);
    if !tool.strict {
        text.push_str("strict: false\n");
    }
    if !tool.reads.is_empty() {
        writeln!(text, "reads: {}", list(&tool.reads)).unwrap();
    }
    text.push_str("actions:\n");
    for (at, action) in tool.actions.iter().enumerate() {
        writeln!(text, "  {}:", action.short).unwrap();
        if action.variants.is_empty() {
            text.push_str(&write_class("    ", action.class, "\n"));
        }
        text.push_str("    params:\n");
        for parameter in &action.parameters {
            writeln!(text, "      {}: {}", parameter.name, write_parameter(parameter)).unwrap();
        }
        if !action.resources.is_empty() {
            let resources: Vec<String> = action.resources.iter().map(|resource| quoted(resource)).collect();
            writeln!(text, "    resources: [{}]", resources.join(", ")).unwrap();
        }
        if !action.variants.is_empty() {
            text.push_str("    variants:\n");
        }
        for (name, when, class) in &action.variants {
            writeln!(text, "      {name}:").unwrap();
            if let Some(when) = when {
                writeln!(text, "        when: {}", condition(when, at, 8)).unwrap();
            }
            text.push_str(&write_class("        ", *class, "\n"));
        }
    }
    text
}

fn write_class(indent: &str, class: Class, end: &str) -> String {
    let mut text = format!("{indent}effect: {}{end}", class.effect);
    if class.effect != "read" {
        write!(
            text,
            "{indent}external: {}{end}{indent}reversible: {}{end}",
            class.external, class.reversible
        )
        .unwrap();
    }
    text
}

fn write_parameter(parameter: &Parameter) -> String {
    let name = match &parameter.ty {
        Type::Text => "string",
        Type::Folded => "string, fold: case",
        Type::Int => "int",
        Type::Bool => "bool",
        Type::Decimal => "decimal",
        Type::DateTime => "datetime",
        Type::Duration => "duration",
        Type::Ip => "ip",
        Type::Path => "path",
        Type::Host => "host",
        Type::Url => "url",
        Type::Email => "email",
        Type::Opaque => "opaque",
        Type::Enum(values) => {
            let optional = if parameter.optional { ", optional: true" } else { "" };
            return format!("{{enum: {}{optional}}}", list(values));
        }
        Type::List(of) => {
            let of = match **of {
                Type::Int => "int",
                Type::Email => "email",
                _ => "string",
            };
            return match parameter.optional {
                true => format!("{{type: list, of: {of}, optional: true}}"),
                false => format!("list of {of}"),
            };
        }
        Type::Record(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name, write_parameter(field)))
                .collect();
            let optional = if parameter.optional { ", optional: true" } else { "" };
            return format!("{{type: record, fields: {{{}}}{optional}}}", fields.join(", "));
        }
    };
    match (parameter.optional, &parameter.ty) {
        (true, _) => format!("{{type: {name}, optional: true}}"),
        (false, Type::Folded) => format!("{{type: {name}}}"),
        (false, _) => name.to_owned(),
    }
}

fn write_team(team: &Team) -> String {
    let owns: Vec<String> = team.owns.iter().map(|glob| quoted(glob)).collect();
    let mut text = format!(
        "kind: Team\nname: {}\nowners: {}\nowns: [{}]\n",
        team.name,
        list(&team.owners),
        owns.join(", ")
    );
    if let Some((rings, tools)) = &team.ceiling {
        writeln!(text, "ceiling: {{rings: {}, tools: {}}}", list(rings), list(tools)).unwrap();
    }
    text
}

fn write_agent(agent: &Agent) -> String {
    let mut text = format!(
        "kind: Agent\nname: {}\ndescription: Does its work\nowner: {}\n",
        agent.name, agent.owner
    );
    if !agent.tags.is_empty() {
        let tags: Vec<String> = agent
            .tags
            .iter()
            .map(|(key, value)| format!("{key}: {}", scalar(value)))
            .collect();
        writeln!(text, "tags: {{{}}}", tags.join(", ")).unwrap();
    }
    text
}

fn write_deployment(deployment: &Deployment) -> String {
    let mut text = format!("kind: Deployment\nagent: {}\nenvironments:\n", deployment.agent);
    for placement in &deployment.placements {
        let mut fields = vec![
            format!("ring: {}", placement.ring),
            format!("tools: {}", list(&placement.tools)),
        ];
        if !placement.credentials.is_empty() {
            fields.push(format!("credentials: {}", list(&placement.credentials)));
        }
        fields.extend(
            placement
                .enforced_by
                .map(|enforcement| format!("enforced_by: {enforcement}")),
        );
        fields.extend(placement.until.map(|until| format!("until: {until}")));
        writeln!(text, "  {}: {{{}}}", placement.environment, fields.join(", ")).unwrap();
    }
    text
}

/// Documents of one file.
pub(in crate::generate) fn join(documents: impl Iterator<Item = String>) -> String {
    documents.collect::<Vec<_>>().join("---\n")
}

/// A public key that nobody will ever use, in the form of OpenSSH.
fn ssh_key(number: usize, name: &str) -> String {
    let mut secret = [7; 32];
    secret[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let public = SigningKey::from_bytes(&secret).verifying_key();
    let mut blob = Vec::new();
    for part in [b"ssh-ed25519".as_slice(), public.as_bytes().as_slice()] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("ssh-ed25519 {} {name}@acme.example", base64(&blob))
}

/// The length of a key's blob is a multiple of three, so there is never padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(bytes.len() % 3, 0);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        text.extend(
            (0..4)
                .rev()
                .map(|sextet| char::from(ALPHABET[(word >> (6 * sextet) & 63) as usize])),
        );
    }
    text
}
