//! Which rules reach a placement, by the tools that it was given, and what each sees of it.
//!
//! Nothing of conditions and guards is known here.

use polity_runtime::table::{DeploymentId, EnvironmentId, RingId, ToolId};

use super::guards::{Seen, Views};
use super::hash::HashMap;
use crate::resolve::{Deployment, Organization, Placement, Rule};

/// Which rules reach which placements and tools, found without asking each rule of each placement.
pub(super) struct Reach<'r> {
    organization: &'r Organization,
    views: &'r Views<'r>,
    /// Rules that name deployments, by deployment.
    named: HashMap<DeploymentId, Vec<u32>>,
    /// Rules that reach every deployment, by what they reach.
    open: HashMap<(ToolId, RingId, EnvironmentId), Vec<u32>>,
    /// Of each rule, a bit a tool.
    tools: Vec<Vec<u64>>,
}

/// What reaches a placement.
pub(super) struct Sifted {
    /// What rules see of it, each once.
    pub seen: Vec<Seen>,
    /// Of each tool that it was given, the rules that cover an action of it, by id, each with what it sees.
    pub by_tool: Vec<Vec<(u32, u32)>>,
}

impl<'r> Reach<'r> {
    pub(super) fn new(organization: &'r Organization, views: &'r Views<'r>) -> Self {
        let mut named: HashMap<DeploymentId, Vec<u32>> = HashMap::default();
        let mut everywhere = Vec::new();
        let words = organization.tools.len().div_ceil(64);
        let mut tools = Vec::new();
        for (id, rule) in (0u32..).zip(&organization.rules) {
            match &rule.scope.deployments {
                Some(list) => list
                    .iter()
                    .for_each(|deployment| named.entry(*deployment).or_default().push(id)),
                None => everywhere.push((id, rule)),
            }
            let mut bits = vec![0u64; words];
            let mut touch = |action: &crate::resolve::Action| {
                if let Some(word) = bits.get_mut((action.tool.0 / 64) as usize) {
                    *word |= 1 << (action.tool.0 % 64);
                }
            };
            match &rule.scope.actions {
                Some(list) => list
                    .iter()
                    .filter_map(|id| organization.actions.get(id.0 as usize))
                    .for_each(&mut touch),
                None => organization.actions.iter().for_each(&mut touch),
            }
            tools.push(bits);
        }
        let mut reach = Self {
            organization,
            views,
            named,
            open: HashMap::default(),
            tools,
        };
        for placement in organization.deployments.iter().flat_map(|one| &one.placements) {
            for tool in &placement.given {
                let key = (*tool, placement.ring, placement.environment);
                if !reach.open.contains_key(&key) {
                    let reaches = |(id, rule): &&(u32, &Rule)| {
                        reach.touches(*id, *tool) && rule.scope.takes_place(placement.ring, placement.environment)
                    };
                    let rules = everywhere.iter().filter(reaches).map(|(id, _)| *id).collect();
                    reach.open.insert(key, rules);
                }
            }
        }
        reach
    }

    /// The rules that reach a placement, by the tools that it was given.
    pub(super) fn sift(&self, id: DeploymentId, deployment: &Deployment, placement: &Placement) -> Sifted {
        let takes = |rule: &&u32| {
            let rule = self.organization.rules.get(**rule as usize);
            rule.is_some_and(|rule| rule.scope.takes_place(placement.ring, placement.environment))
        };
        let named = self.named.get(&id).map_or(&[][..], Vec::as_slice);
        let named: Vec<u32> = named.iter().filter(takes).copied().collect();
        let mut seen = vec![Seen::default()];
        let mut numbers: HashMap<u32, u32> = HashMap::default();
        let mut see = |rule: u32| {
            if self.views.sees_nothing(rule) {
                return (rule, 0);
            }
            let number = *numbers.entry(rule).or_insert_with(|| {
                let view = self.views.see(rule, id, deployment, placement);
                let known = seen.iter().position(|known| *known == view).unwrap_or_else(|| {
                    seen.push(view);
                    seen.len() - 1
                });
                u32::try_from(known).unwrap_or(u32::MAX)
            });
            (rule, number)
        };
        let mut by_tool = Vec::with_capacity(placement.given.len());
        for tool in &placement.given {
            let open = self.open.get(&(*tool, placement.ring, placement.environment));
            let open = open.map_or(&[][..], Vec::as_slice);
            let mut of_tool = Vec::with_capacity(open.len() + named.len());
            // Both are sorted, and no rule is in both.
            let mut open = open.iter().copied().peekable();
            for rule in named.iter().copied().filter(|rule| self.touches(*rule, *tool)) {
                while let Some(before) = open.next_if(|before| *before < rule) {
                    of_tool.push(see(before));
                }
                of_tool.push(see(rule));
            }
            of_tool.extend(open.map(&mut see));
            by_tool.push(of_tool);
        }
        Sifted { seen, by_tool }
    }

    /// Whether a rule covers an action of the tool.
    fn touches(&self, rule: u32, tool: ToolId) -> bool {
        let word = self
            .tools
            .get(rule as usize)
            .and_then(|bits| bits.get((tool.0 / 64) as usize));
        word.is_some_and(|word| word & (1 << (tool.0 % 64)) != 0)
    }
}
