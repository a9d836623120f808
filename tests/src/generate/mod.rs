//! Organisations out of a seed: parameters in, files out, the same bytes for the same parameters.
//!
//! What is written is valid by the model: every reference resolves, every deployment can be admitted, every selector
//! entry matches something, every condition is right by type for every action that its rule covers, and every
//! approval can be met.

pub mod condition;
mod organisation;
pub mod random;
pub mod rego;
mod rules;
pub mod yaml;

#[cfg(test)]
mod tests;

use random::Random;

/// How large an organisation is, and of what sort.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// Everything follows from it.
    pub seed: u64,
    /// Teams.
    pub teams: usize,
    /// Deployments, shared out among the teams.
    pub deployments: usize,
    /// Tools.
    pub tools: usize,
    /// Actions, shared out among the tools.
    pub actions: usize,
    /// Environments.
    pub environments: usize,
    /// Rules of all policies.
    pub rules: usize,
    /// How many of a hundred rules have a condition.
    pub conditional_percent: usize,
    /// How many of a hundred policies are `.cedar` files.
    pub cedar_percent: usize,
    /// How many of a hundred policies are `.rego` files, whose rules all become conditions.
    pub rego_percent: usize,
    /// How many rules with conditions reach a call of an action that any of them is about, in the mean. Conditions
    /// are put on as few actions as this takes. Nothing where the organisation is dense.
    pub conditional_mean: usize,
    /// How many rules with conditions may meet in one action for one team; half of them may be the organisation's.
    pub conditional_per_cell: usize,
    /// How many tools a deployment is given, at least and at most.
    pub tools_given: (usize, usize),
    /// Small and tangled: custom rings, kills, agents shared by teams, lenient tools, wide rules.
    pub dense: bool,
}

impl Default for Parameters {
    /// A large company.
    fn default() -> Self {
        Self {
            seed: 1,
            teams: 50,
            deployments: 5_000,
            tools: 50,
            actions: 1_000,
            environments: 3,
            rules: 10_000,
            conditional_percent: 33,
            cedar_percent: 0,
            rego_percent: 0,
            conditional_mean: 2,
            conditional_per_cell: 16,
            tools_given: (2, 6),
            dense: false,
        }
    }
}

/// Paths and texts, sorted by path.
pub fn generate(parameters: &Parameters) -> Vec<(String, String)> {
    let mut random = Random::new(parameters.seed);
    let organisation = organisation::plan(parameters, &mut random.fork());
    let mut files = organisation.write();
    files.extend(rules::write(parameters, &organisation, &mut random.fork()));
    // Two parts may have written to one file.
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1.push_str("---\n");
            earlier.1.push_str(&later.1);
        }
        same
    });
    files
}

/// A small organisation in which much meets: two or three teams, three to six agents, five to fifteen rules, and
/// every feature of the model with some probability.
pub fn small(seed: u64) -> Vec<(String, String)> {
    mixed(seed, 0)
}

/// The same, in which so many of a hundred policies are `.cedar` files.
pub fn mixed(seed: u64, cedar_percent: usize) -> Vec<(String, String)> {
    let mut random = Random::new(seed);
    let tools = random.within(3, 4);
    generate(&Parameters {
        seed: random.number(),
        teams: random.within(2, 3),
        deployments: random.within(3, 6),
        tools,
        actions: tools * random.within(2, 3),
        environments: random.within(2, 3),
        rules: random.within(5, 15),
        conditional_percent: 55,
        cedar_percent,
        rego_percent: 0,
        conditional_mean: 0,
        conditional_per_cell: 100,
        tools_given: (1, tools),
        dense: true,
    })
}
