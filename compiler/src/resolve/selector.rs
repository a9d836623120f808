//! Selectors to [`Scope`]s: sets of ids, and what is left for the call.
//!
//! An entry that matches nothing is an error: in the repository, or in a team's file among that team's deployments.

mod sets;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use polity_runtime::table::{ActionId, ClassId, DeploymentId, EnvironmentId, RingId};

pub(super) use sets::both;
use sets::meet;

use super::names::{Index, Names};
use super::people::persons;
use super::{
    ACTION_GROUPS, AgentId, Behalf, ENTITY_TYPES, Glob, Organization, PersonId, Resources, Scope, TeamId, glob,
};
use crate::ast::{self, Selector, Text};
use crate::diag::codes::cedar::IMPOSSIBLE_SCOPE;
use crate::diag::codes::condition::UNKNOWN_ENTITY;
use crate::diag::codes::reference::{
    MATCHES_NOTHING_HERE, UNKNOWN_ACTION, UNKNOWN_AGENT, UNKNOWN_CLASS, UNKNOWN_CREDENTIAL, UNKNOWN_ENVIRONMENT,
    UNKNOWN_RING, UNKNOWN_TAG, UNKNOWN_TEAM, UNKNOWN_TOOL,
};
use crate::diag::{Code, Diagnostic, Sink};

/// Whether an entry names something at all, and the deployments that it names, sorted.
type Matched = (bool, Rc<[DeploymentId]>);

/// Deployments, sorted; none where nothing is said of them.
type Chosen = Option<Arc<[DeploymentId]>>;

/// What selectors look up, made once for all of them.
pub(super) struct Lookup<'o> {
    names: &'o Names,
    organization: &'o Organization,
    by_name: BTreeMap<&'o str, DeploymentId>,
    by_agent: BTreeMap<AgentId, Vec<DeploymentId>>,
    by_team: BTreeMap<TeamId, Vec<DeploymentId>>,
    /// By the team and the agent's owner.
    pub(super) by_owner: BTreeMap<(TeamId, Option<PersonId>), Vec<DeploymentId>>,
    /// By key and value.
    tagged: BTreeMap<(&'o str, &'o str), Vec<AgentId>>,
    /// What a pattern over agents matches, and whether it names an agent at all: the same few patterns come again and
    /// again, and each would be matched against every name.
    patterns: RefCell<BTreeMap<String, Matched>>,
    /// What agents, teams and tags together choose of a team's deployments, or of all. Rules of many policies say the
    /// same; only what there was nothing to say about is kept.
    chosen: RefCell<BTreeMap<(Option<TeamId>, String), Chosen>>,
    /// By full name and by the name without the variant; each list sorted.
    actions: BTreeMap<&'o str, Vec<ActionId>>,
    /// By full name and by each group, as Cedar has them; each list sorted.
    grouped: BTreeMap<&'o str, Vec<ActionId>>,
}

impl<'o> Lookup<'o> {
    pub(super) fn new(names: &'o Names, organization: &'o Organization) -> Self {
        let mut lookup = Self {
            names,
            organization,
            by_name: BTreeMap::new(),
            by_agent: BTreeMap::new(),
            by_team: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            chosen: RefCell::default(),
            tagged: BTreeMap::new(),
            patterns: RefCell::default(),
            actions: BTreeMap::new(),
            grouped: BTreeMap::new(),
        };
        for (id, deployment) in (0u32..).map(DeploymentId).zip(&organization.deployments) {
            lookup.by_name.insert(&deployment.name, id);
            lookup.by_agent.entry(deployment.agent).or_default().push(id);
            lookup.by_team.entry(deployment.team).or_default().push(id);
            let agent = organization.agents.get(deployment.agent.0 as usize);
            let owner = agent.and_then(|agent| agent.owner);
            lookup.by_owner.entry((deployment.team, owner)).or_default().push(id);
        }
        for (id, agent) in (0u32..).map(AgentId).zip(&organization.agents) {
            for (key, value) in &agent.tags {
                let agents = lookup.tagged.entry((key, value)).or_default();
                if agents.last() != Some(&id) {
                    agents.push(id);
                }
            }
        }
        for (id, action) in (0u32..).map(ActionId).zip(&organization.actions) {
            lookup.actions.entry(&action.base).or_default().push(id);
            let mut names = organization.groups(action);
            names.push(&action.name);
            names.sort_unstable();
            names.dedup();
            for name in names {
                lookup.grouped.entry(name).or_default().push(id);
            }
            if action.name != action.base {
                lookup.actions.entry(&action.name).or_default().push(id);
            }
        }
        lookup
    }

    /// Resolves a selector. Under a team's folder it reaches that team's deployments alone.
    pub(super) fn scope(&self, selector: &Selector, team: Option<TeamId>, sink: &mut Sink) -> Scope {
        let mut resolver = Resolver {
            team,
            lookup: self,
            names: self.names,
            organization: self.organization,
            sink,
        };
        Scope {
            deployments: resolver.deployments(selector),
            rings: resolver.rings(selector),
            environments: resolver.environments(selector),
            actions: resolver.actions(selector),
            resources: selector.resources.iter().map(resources).collect(),
            holding: selector.holding.iter().map(|all| resolver.classes(all)).collect(),
            on_behalf_of: selector.on_behalf_of.iter().map(|all| resolver.behalf(all)).collect(),
        }
    }
}

impl Lookup<'_> {
    /// The actions of a Cedar policy's head: each is, or is in, one that it names. A head that names a resource is about
    /// actions that declare some.
    pub(super) fn head(&self, policy: &ast::CedarPolicy, sink: &mut Sink) -> Scope {
        let organization = self.organization;
        let mut chosen: Option<BTreeSet<ActionId>> = None;
        for written in policy.actions.iter().flatten() {
            let found = chosen.get_or_insert_default();
            match self.grouped.get(written.value.as_str()) {
                Some(_) if policy.exact && !organization.actions.iter().any(|one| one.name == written.value) => {
                    let message = format!("`{}` is a group of actions, and no call is one", written.value);
                    let help = format!("write `action in Action::\"{}\"`", written.value);
                    sink.push(Diagnostic::new(&IMPOSSIBLE_SCOPE, message, written.span, "never equal").with_help(help));
                }
                Some(actions) if policy.exact => found.extend(actions.iter().filter(|id| {
                    organization
                        .actions
                        .get(id.0 as usize)
                        .is_some_and(|one| one.name == written.value)
                })),
                Some(actions) => found.extend(actions),
                None => self.unknown_action(written, sink),
            }
        }
        if let Some(ty) = policy.within.as_ref().filter(|ty| !self.is_within(&ty.value)) {
            let message = format!("there is no type of entity `{}`", ty.value);
            let found = Diagnostic::new(&UNKNOWN_ENTITY, message, ty.span, "no such type");
            let all = ENTITY_TYPES.map(|ty| format!("`{ty}`")).join(", ");
            sink.push(match crate::diag::nearest(&ty.value, self.entity_types()) {
                Some(near) => found.with_help(format!("did you mean `{near}`?")),
                None => found.with_help(format!(
                    "there are {all}, and what a tool's `resource: {{in: [...]}}` declares"
                )),
            });
            // It is about no call, so nothing more is said of it.
            chosen = Some(BTreeSet::new());
        }
        let actions = match (chosen, policy.names_resource) {
            (None, false) => None,
            (chosen, names_resource) => Some(
                (0u32..)
                    .map(ActionId)
                    .zip(&organization.actions)
                    .filter(|(id, action)| {
                        chosen.as_ref().is_none_or(|chosen| chosen.contains(id))
                            && !(names_resource && action.resources.is_empty())
                    })
                    .map(|(id, _)| id)
                    .collect(),
            ),
        };
        Scope {
            actions,
            ..Scope::default()
        }
    }
}

impl Lookup<'_> {
    /// The types of entities that a condition may name.
    fn entity_types(&self) -> impl Iterator<Item = &str> {
        let shapes = self.organization.shapes.iter();
        let declared = shapes.flat_map(|shape| shape.within.iter().map(String::as_str));
        ENTITY_TYPES.into_iter().chain(declared)
    }

    /// Whether some tool declares that its resources are in entities of this type, or may have declared it.
    fn is_within(&self, ty: &str) -> bool {
        self.names.tools.any_broken() || self.entity_types().any(|known| known == ty)
    }

    /// A group without actions is known all the same.
    fn unknown_action(&self, written: &Text, sink: &mut Sink) {
        let known = ACTION_GROUPS.contains(&written.value.as_str())
            || self.names.tools.has(&written.value)
            || self.names.written.contains(&written.value)
            || self.names.tools.any_broken();
        if !known {
            let message = format!("there is no action or group of actions `{}`", written.value);
            let found = Diagnostic::new(&UNKNOWN_ACTION, message, written.span, "");
            sink.push(found.with_suggestion(&written.value, written.span, self.grouped.keys().copied()));
        }
    }
}

fn resources(written: &ast::Resources) -> Resources {
    Resources {
        span: written.span,
        globs: written.globs.iter().map(|text| glob::parts(&text.value)).collect(),
        team_owns: written.team_owns.is_some(),
    }
}

/// What a selector says of deployments. Names are quoted, so that none runs into the next.
fn said(selector: &Selector) -> String {
    let mut said = String::new();
    let mut list = |name: &str, texts: &[Text]| {
        let texts = texts.iter().map(|text| format!(" {:?}", text.value));
        said.extend(std::iter::once(name.to_owned()).chain(texts));
    };
    if let Some(agents) = &selector.agents {
        list("agents", agents);
    }
    if let Some(teams) = &selector.teams {
        list("teams", teams);
    }
    for (key, values) in selector.tags.iter().flatten() {
        list("tag", std::slice::from_ref(key));
        list("of", values);
    }
    said
}

struct Resolver<'r> {
    team: Option<TeamId>,
    lookup: &'r Lookup<'r>,
    names: &'r Names,
    organization: &'r Organization,
    sink: &'r mut Sink,
}

impl Resolver<'_> {
    /// Agents, teams and tags, and the team whose file this is.
    fn deployments(&mut self, selector: &Selector) -> Chosen {
        let key = (self.team, said(selector));
        if let Some(known) = self.lookup.chosen.borrow().get(&key) {
            return known.clone();
        }
        let before = self.sink.diagnostics().len();
        let chosen = self.chosen(selector);
        if self.sink.diagnostics().len() == before {
            self.lookup.chosen.borrow_mut().insert(key, chosen.clone());
        }
        chosen
    }

    fn chosen(&mut self, selector: &Selector) -> Chosen {
        let mut chosen: Option<Vec<DeploymentId>> = self.own().map(<[_]>::to_vec);
        let mut narrow = |mut set: Vec<DeploymentId>| {
            set.sort_unstable();
            set.dedup();
            chosen = meet(chosen.as_deref(), Some(&set));
        };
        if let Some(agents) = &selector.agents {
            let mut set = Vec::new();
            for entry in agents {
                set.extend_from_slice(&self.agents(entry));
            }
            narrow(set);
        }
        if let Some(teams) = &selector.teams {
            narrow(teams.iter().flat_map(|entry| self.teams(entry)).collect());
        }
        for (key, values) in selector.tags.iter().flatten() {
            narrow(values.iter().flat_map(|value| self.tagged(key, value)).collect());
        }
        chosen.map(Arc::from)
    }

    /// The deployments of the team whose file this is.
    fn own(&self) -> Option<&[DeploymentId]> {
        self.team
            .map(|team| self.lookup.by_team.get(&team).map_or(&[][..], Vec::as_slice))
    }

    /// `claude-code` is that agent in every team, `payments/claude-code` one deployment.
    fn agents(&mut self, entry: &Text) -> Rc<[DeploymentId]> {
        let everywhere = !entry.value.contains('/');
        let before = self.lookup.patterns.borrow().get(&entry.value).cloned();
        let (known, deployed) = before.unwrap_or_else(|| {
            let found = self.matched_agents(entry, everywhere);
            self.lookup
                .patterns
                .borrow_mut()
                .insert(entry.value.clone(), found.clone());
            found
        });
        let kind = if everywhere { "Agent" } else { "Deployment" };
        let broken = self.organization.unread.may_be(kind, &entry.value);
        if !known && !broken {
            let candidates: Vec<&str> = if everywhere {
                self.names.agents.names().collect()
            } else {
                self.lookup.by_name.keys().copied().collect()
            };
            let noun = if everywhere { "agent" } else { "deployment" };
            let message = format!("no {noun} is called `{}`", entry.value);
            let diagnostic = Diagnostic::new(&UNKNOWN_AGENT, message, entry.span, "");
            self.sink
                .push(diagnostic.with_suggestion(&entry.value, entry.span, candidates));
        }
        self.within_team(entry, known, &deployed);
        deployed
    }

    /// Whether an entry names an agent or a deployment, and the deployments that it matches.
    fn matched_agents(&self, entry: &Text, everywhere: bool) -> Matched {
        let lookup = self.lookup;
        if everywhere {
            let agents = matching(&self.names.agents, entry, '/');
            let of = |id: &u32| lookup.by_agent.get(&AgentId(*id)).map_or(&[][..], Vec::as_slice);
            return (!agents.is_empty(), agents.iter().flat_map(of).copied().collect());
        }
        let glob = Glob::new(&entry.value, '/');
        let deployed: Rc<[DeploymentId]> = if glob.is_pattern() {
            let all = lookup.by_name.iter().filter(|(name, _)| glob.matches(name));
            all.map(|(_, id)| *id).collect()
        } else {
            lookup.by_name.get(entry.value.as_str()).copied().into_iter().collect()
        };
        (!deployed.is_empty(), deployed)
    }

    fn teams(&mut self, entry: &Text) -> Vec<DeploymentId> {
        let matched = matching(&self.names.teams, entry, '.');
        if matched.is_empty() {
            self.unknown(&UNKNOWN_TEAM, "team", entry, &self.names.teams);
        }
        let of = |id: &u32| self.lookup.by_team.get(&TeamId(*id)).cloned().unwrap_or_default();
        let members: Vec<DeploymentId> = matched.iter().flat_map(of).collect();
        self.within_team(entry, !matched.is_empty(), &members);
        members
    }

    fn tagged(&mut self, key: &Text, value: &Text) -> Vec<DeploymentId> {
        let organization = self.organization;
        let lookup = self.lookup;
        let agents = lookup
            .tagged
            .get(&(key.value.as_str(), value.value.as_str()))
            .map_or(&[][..], Vec::as_slice);
        if agents.is_empty() && !self.names.agents.any_broken() && !self.names.tags_unread {
            let tags = || organization.agents.iter().flat_map(|agent| &agent.tags);
            let same: BTreeSet<&str> = tags()
                .filter(|(k, _)| *k == key.value)
                .map(|(_, v)| v.as_str())
                .collect();
            self.sink.push(if same.is_empty() {
                let message = format!("no agent has a tag `{}`", key.value);
                let keys: BTreeSet<&str> = tags().map(|(k, _)| k.as_str()).collect();
                Diagnostic::new(&UNKNOWN_TAG, message, key.span, "").with_suggestion(&key.value, key.span, keys)
            } else {
                let message = format!("no agent has the tag `{}: {}`", key.value, value.value);
                Diagnostic::new(&UNKNOWN_TAG, message, value.span, "").with_suggestion(&value.value, value.span, same)
            });
        }
        let members: Vec<DeploymentId> = agents
            .iter()
            .flat_map(|agent| lookup.by_agent.get(agent).map_or(&[][..], Vec::as_slice))
            .copied()
            .collect();
        self.within_team(value, !agents.is_empty(), &members);
        members
    }

    /// In a team's file an entry must match something of that team's.
    fn within_team(&mut self, entry: &Text, known: bool, matched: &[DeploymentId]) {
        let Some(team) = self.team.filter(|_| known) else {
            return;
        };
        let own = self.own().unwrap_or_default();
        if matched.iter().any(|id| own.binary_search(id).is_ok()) {
            return;
        }
        // The folder of an unknown team was reported.
        let Some(team) = self.organization.teams.get(team.0 as usize) else {
            return;
        };
        let name = &team.name.value;
        let message = format!("`{}` matches none of `{name}`'s deployments", entry.value);
        let help = format!("a file under `teams/{name}/` reaches that team's deployments alone");
        self.sink
            .push(Diagnostic::new(&MATCHES_NOTHING_HERE, message, entry.span, "").with_help(help));
    }

    fn rings(&mut self, selector: &Selector) -> Option<Vec<RingId>> {
        let written = selector.rings.as_ref()?;
        let ids = self.named(written, &self.names.rings, "ring", &UNKNOWN_RING);
        Some(ids.into_iter().map(RingId).collect())
    }

    fn environments(&mut self, selector: &Selector) -> Option<Vec<EnvironmentId>> {
        let written = selector.environments.as_ref()?;
        let ids = self.named(written, &self.names.environments, "environment", &UNKNOWN_ENVIRONMENT);
        Some(ids.into_iter().map(EnvironmentId).collect())
    }

    fn classes(&mut self, written: &[Text]) -> Vec<ClassId> {
        let ids = self.named(written, &self.names.classes, "data class", &UNKNOWN_CLASS);
        ids.into_iter().map(ClassId).collect()
    }

    /// Ids of all names that the entries match, sorted.
    fn named(&mut self, written: &[Text], index: &Index, noun: &str, code: &'static Code) -> BTreeSet<u32> {
        let mut ids = BTreeSet::new();
        for entry in written {
            let matched = matching(index, entry, '.');
            if matched.is_empty() {
                self.unknown(code, noun, entry, index);
            }
            ids.extend(matched);
        }
        ids
    }

    fn unknown(&mut self, code: &'static Code, noun: &str, entry: &Text, index: &Index) {
        let message = format!("no {noun} is called `{}`", entry.value);
        if !index.is_broken(&entry.value) {
            let diagnostic = Diagnostic::new(code, message, entry.span, "");
            self.sink
                .push(diagnostic.with_suggestion(&entry.value, entry.span, index.names()));
        }
    }

    /// Tools, actions, effects, external, reversible and credentials, all that are given.
    fn actions(&mut self, selector: &Selector) -> Option<Arc<[ActionId]>> {
        let organization = self.organization;
        let all = || (0u32..).map(ActionId).zip(&organization.actions);
        // Sorted, as they come.
        let mut chosen: Option<Vec<ActionId>> = None;
        let mut narrow = |set: Vec<ActionId>| chosen = meet(chosen.as_deref(), Some(&set));
        if let Some(tools) = &selector.tools {
            let ids = self.named(tools, &self.names.tools, "tool", &UNKNOWN_TOOL);
            let tools = ids.iter().filter_map(|id| organization.tools.get(*id as usize));
            let of = |tool: &super::Tool| (tool.first_action..tool.first_action + tool.action_count).map(ActionId);
            let mut set: Vec<ActionId> = tools.flat_map(of).collect();
            set.sort_unstable();
            narrow(set);
        }
        if let Some(credentials) = &selector.credentials {
            let ids = self.named(credentials, &self.names.credentials, "credential", &UNKNOWN_CREDENTIAL);
            let named = ids
                .iter()
                .filter_map(|id| self.names.credentials.names().nth(*id as usize))
                .filter_map(|name| self.lookup.actions.get(format!("credential.{name}").as_str()));
            let mut set: Vec<ActionId> = named.flatten().copied().collect();
            set.sort_unstable();
            narrow(set);
        }
        if let Some(actions) = &selector.actions {
            let named: BTreeSet<ActionId> = actions.iter().flat_map(|entry| self.action(entry)).collect();
            narrow(named.into_iter().collect());
        }
        if let Some(effects) = &selector.effects {
            let has = |action: &super::Action| effects.iter().any(|effect| effect.value == action.effect);
            narrow(all().filter(|(_, action)| has(action)).map(|(id, _)| id).collect());
        }
        if let Some(external) = selector.external {
            narrow(
                all()
                    .filter(|(_, action)| action.external == external.value)
                    .map(|(id, _)| id)
                    .collect(),
            );
        }
        if let Some(reversible) = selector.reversible {
            narrow(
                all()
                    .filter(|(_, action)| action.reversible == reversible.value)
                    .map(|(id, _)| id)
                    .collect(),
            );
        }
        chosen.map(Arc::from)
    }

    /// `github.merge_*` covers the variants; `github.pull_request_review_write/approve` is one of them.
    fn action(&mut self, entry: &Text) -> Vec<ActionId> {
        let organization = self.organization;
        let (base, variant) = match entry.value.split_once('/') {
            Some((base, variant)) => (base, Some(Glob::new(variant, '/'))),
            None => (entry.value.as_str(), None),
        };
        let base = Glob::new(base, '.');
        let takes = |action: &super::Action| {
            base.matches(&action.base)
                && variant.as_ref().is_none_or(|variant| {
                    action
                        .name
                        .split_once('/')
                        .is_some_and(|(_, name)| variant.matches(name))
                })
        };
        let pattern = base.is_pattern() || variant.as_ref().is_some_and(Glob::is_pattern);
        let found: Vec<ActionId> = if pattern {
            (0u32..)
                .map(ActionId)
                .zip(&organization.actions)
                .filter(|(_, action)| takes(action))
                .map(|(id, _)| id)
                .collect()
        } else {
            self.lookup
                .actions
                .get(entry.value.as_str())
                .cloned()
                .unwrap_or_default()
        };
        if found.is_empty() {
            self.unknown_action(entry);
        }
        found
    }

    fn unknown_action(&mut self, entry: &Text) {
        let organization = self.organization;
        let tool = entry.value.split_once('.').map_or("", |(tool, _)| tool);
        if self.names.tools.is_broken(tool) || self.names.written.contains(&entry.value) {
            return;
        }
        let declared = organization.tools.iter().find(|candidate| candidate.name == tool);
        let message = format!("no tool has an action `{}`", entry.value);
        let label = declared
            .map(|tool| format!("`{}` has no such action", tool.name))
            .unwrap_or_default();
        let mut diagnostic = Diagnostic::new(&UNKNOWN_ACTION, message, entry.span, label);
        if let Some(tool) = declared {
            diagnostic = diagnostic.with_related(tool.span, format!("`{}` is declared here", tool.name));
        }
        if self.names.tools.has(&entry.value) {
            let help = format!(
                "that is a tool: write `{0}.*`, or select by `tools: [{0}]`",
                entry.value
            );
            self.sink.push(diagnostic.with_help(help));
            return;
        }
        let bases: BTreeSet<&str> = organization
            .actions
            .iter()
            .flat_map(|action| [action.base.as_str(), action.name.as_str()])
            .collect();
        self.sink
            .push(diagnostic.with_suggestion(&entry.value, entry.span, bases));
    }

    /// People and groups, or `none`.
    fn behalf(&mut self, written: &[Text]) -> Behalf {
        let (nobody, somebody): (Vec<&Text>, Vec<&Text>) = written.iter().partition(|entry| entry.value == "none");
        let somebody: Vec<Text> = somebody.into_iter().cloned().collect();
        Behalf {
            people: persons(&somebody, self.names, self.organization, self.sink),
            nobody: !nobody.is_empty(),
        }
    }
}

/// Ids of the names that an entry matches.
fn matching(index: &Index, entry: &Text, separator: char) -> Vec<u32> {
    let glob = Glob::new(&entry.value, separator);
    if !glob.is_pattern() {
        return index.id(&entry.value).into_iter().collect();
    }
    (0u32..)
        .zip(index.names())
        .filter(|(_, name)| glob.matches(name))
        .map(|(id, _)| id)
        .collect()
}
