//! The files of a new organisation: answers in, paths and texts out. Every name goes through the one writer of scalars.

use super::answers::{Answers, Owner};
use crate::import::yaml::scalar;

/// Path and text of every file, sorted by path.
pub(super) fn files(answers: &Answers) -> Vec<(String, String)> {
    let Answers { team, agent, .. } = answers;
    let mut files = vec![
        (".gitignore".to_owned(), GITIGNORE.to_owned()),
        ("README.md".to_owned(), readme(answers)),
        ("environments/environments.yaml".to_owned(), environments(answers)),
        ("people/people.yaml".to_owned(), people(answers)),
        ("people/teams.yaml".to_owned(), teams(answers)),
        ("policies/baseline.yaml".to_owned(), baseline(answers)),
        ("polity.yaml".to_owned(), organization(answers)),
        ("tools/workspace.yaml".to_owned(), WORKSPACE.to_owned()),
        (format!("teams/{team}/agents.yaml"), agents(answers)),
        (format!("teams/{team}/tests.yaml"), tests(team, agent, top(answers))),
    ];
    files.sort();
    files
}

const GITIGNORE: &str = "\
# Secret keys and bundles are no part of what is reviewed.
*.key
*.polity
/keys/
";

fn list<'n>(names: impl Iterator<Item = &'n String>) -> String {
    format!("[{}]", names.map(|name| scalar(name)).collect::<Vec<_>>().join(", "))
}

/// The most exposed environment.
fn top(answers: &Answers) -> &str {
    answers.environments.last().map_or("production", String::as_str)
}

fn owners(answers: &Answers) -> String {
    list(answers.owners.iter().map(|owner| &owner.name))
}

fn organization(answers: &Answers) -> String {
    let sole = match (answers.owners.as_slice(), answers.signer()) {
        ([_], _) => {
            "\
# One owner cannot approve what they wrote themselves. Every report shows this until there are two.
sole_owner: true
"
        }
        (_, Some(_)) => {
            "\
# Owners approve by signing, so who has no key yet is none of them. Once `people/people.yaml` lists a second one's key,
# name them here, and remove this: every report shows it.
sole_owner: true
"
        }
        _ => "",
    };
    let owners = match answers.signer() {
        Some(signer) => list(std::iter::once(&signer.name)),
        None => owners(answers),
    };
    format!(
        "\
# The organisation itself. `polity: v1` is the edition: it pins what the built-in rings mean, so that an upgrade of the
# compiler never changes what an agent may do.
polity: v1
kind: Organization
name: {}
# Whatever change no approval rule covers is theirs to approve.
owners: {}
{sole}# How long a built bundle answers before only reads are left, and then nothing: an agent that cannot reach a newer one
# stops within days.
bundle: {{lifetime: 7d, grace: {{for: 2d, effects: [read]}}}}
",
        scalar(&answers.name),
        owners
    )
}

fn people(answers: &Answers) -> String {
    let person = |Owner { name, email, key }: &Owner| {
        let key = match key {
            Some(key) => format!("keys: [{}]\n", scalar(key)),
            None => {
                "# keys: [\"ssh-ed25519 AAAA...\"]   # until there is one, nothing that this person approves counts\n"
                    .to_owned()
            }
        };
        format!("kind: Person\nname: {}\nemail: {}\n{key}", scalar(name), scalar(email))
    };
    format!(
        "\
# Everybody who may be asked to approve something. The key signs approvals; one key belongs to one person.
{}",
        answers.owners.iter().map(person).collect::<Vec<_>>().join("---\n")
    )
}

fn teams(answers: &Answers) -> String {
    format!(
        "\
# What a team decides stands under `teams/<team>/`, and reaches its own deployments alone. The ceiling is the most that
# they can have, whatever is written there later.
kind: Team
name: {}
owners: {}
ceiling: {{rings: [standard, sandboxed], tools: [workspace]}}
",
        scalar(&answers.team),
        owners(answers)
    )
}

fn environments(answers: &Answers) -> String {
    let environment = |(rank, name): (usize, &String)| {
        let enforced_by = match rank {
            // A hook can be edited by whoever runs the agent: good enough where nothing can break.
            1 if answers.environments.len() > 1 => "[hook, embedded, gateway, container]",
            _ => "[embedded, gateway, container]",
        };
        format!(
            "kind: Environment\nname: {}\nrank: {rank}\nrings: [trusted, standard, sandboxed]\nenforced_by: {enforced_by}\n",
            scalar(name)
        )
    };
    format!(
        "\
# The rank says which environment reaches further. `enforced_by` is what a deployment has to have between the agent and
# its tools: a hook can be edited by whoever runs the agent, so what is exposed asks for something else.
{}",
        (1..)
            .zip(&answers.environments)
            .map(environment)
            .collect::<Vec<_>>()
            .join("---\n")
    )
}

const WORKSPACE: &str = "\
# Something to decide on, until your own tools stand here: `polity import mcp` writes them from what a server lists.
# An action that is not declared does not exist: the call is denied.
kind: Tool
name: workspace
description: Files of the folder that the agent works in
actions:
  read_file:
    effect: read
    params: {path: path}
  write_file:
    effect: write
    external: false
    reversible: true
    params: {path: path, content: string}
  delete_file:
    effect: destructive
    external: false
    reversible: false
    params: {path: path}
";

fn baseline(answers: &Answers) -> String {
    format!(
        "\
# What holds for everybody, from a template that comes with Polity: `polity template list` names them all.
kind: Use
name: no-destruction
template: no-destruction-in-production
with: {{environments: [{}]}}
",
        scalar(top(answers))
    )
}

fn agents(answers: &Answers) -> String {
    let owner = answers.owners.first().map_or("", |owner| &owner.name);
    format!(
        "\
# An agent that looks and never touches, in every environment: `polity template show read-only-analyst`.
kind: Use
name: {agent}
template: read-only-analyst
with:
  name: {agent}
  team: {team}
  owner: {owner}
  # Who is called when it has to be stopped.
  kill_contact: {owner}
  environments: {environments}
  ring: sandboxed
  enforced_by: gateway
  tools: [workspace]
",
        agent = scalar(&answers.agent),
        team = scalar(&answers.team),
        owner = scalar(owner),
        environments = list(answers.environments.iter()),
    )
}

fn tests(team: &str, agent: &str, environment: &str) -> String {
    format!(
        "\
# Questions whose answers must not change unnoticed.
kind: Test
name: {name}
defaults: {{agent: {deployment}, environment: {environment}, now: \"2027-01-01T12:00:00Z\"}}
cases:
  - {{name: reads, action: workspace.read_file, args: {{path: notes/plan.md}}, expect: allow, rule: {reads}}}
  - {{name: writes, action: workspace.write_file, args: {{path: notes/plan.md, content: x}}, expect: deny}}
  - {{name: deletes, action: workspace.delete_file, args: {{path: notes/plan.md}}, expect: deny}}
",
        name = scalar(agent),
        deployment = scalar(&format!("{team}/{agent}")),
        environment = scalar(environment),
        reads = scalar(&format!("{agent}/reads")),
    )
}

fn readme(answers: &Answers) -> String {
    let Answers { name, team, agent, .. } = answers;
    let environment = top(answers);
    format!(
        "\
# {name}: who may let which agent do what

Polity compiles these files into one signed bundle, from which every tool call is decided.

| path | what it holds |
| --- | --- |
| `polity.yaml` | the organisation: its owners, and how long a bundle answers |
| `people/` | people and teams |
| `environments/` | where agents run, and behind what |
| `tools/` | one file a tool: its actions, their arguments, what they do |
| `policies/` | what holds for everybody |
| `teams/{team}/` | what the team itself decides: its agents, its rules, its tests |

Only `polity.yaml`, `templates/` and `teams/<team>/` have a fixed meaning; arrange the rest as you like.

## Try it

```sh
polity check
polity keygen --developer --organization {name} --out keys
polity build --unattested --trust keys/trust.json --key keys/developer.key --out {name}.polity
polity decide {name}.polity --trust keys/trust.json --agent {team}/{agent} --environment {environment} \\
  --action workspace.read_file --args '{{\"path\": \"notes/plan.md\"}}'
```

The keys are for this machine, and `.gitignore` keeps them out of the repository. The answer is `allow`, by the rule `{agent}/reads`. Ask for `workspace.delete_file`: it is denied.

## Then

1. Put your own tools in the place of `tools/workspace.yaml`: `polity import mcp` writes one from what a server lists, and you confirm what each action does.
2. Give an agent more than reads, with a rule of your own or a template: `polity template list`.
3. Commit, signed with the SSH key that `people/people.yaml` lists. Trust begins at that commit: `polity keygen --organization {name} --introductory COMMIT --out DIR` makes the keys of your pipeline, whose `polity build` without `--unattested` builds only what was approved since.
4. On a branch, `polity check --base main` says whose approval it needs, and `polity approve --key FILE` gives it; let your pipeline run the first on every merge request. Once it is merged, `polity build --previous acme.polity` goes on from the bundle before.
"
    )
}
