//! [`Documents`] to [`Organization`]: names become ids, selectors become sets, ownership follows the place.
//!
//! Every list is sorted by name, and an id is a place in such a list, the same one that the table will use. What
//! does not resolve is left out with a diagnostic; nothing here reads a condition.

#![allow(missing_docs, reason = "fields that are named for what they are")]

mod deployments;
mod glob;
mod names;
mod people;
mod rings;
mod rules;
mod selector;
pub mod shape;
mod suites;
mod tools;
mod unread;

use std::collections::BTreeMap;
use std::sync::Arc;

use polity_runtime::table::{ActionId, ClassId, DeploymentId, EnvironmentId, RingId, ToolId};
use polity_runtime::value::Effect;

use crate::ast::{self, Documents, Enforcement, Evidence, Millis, Moment, Rate, RuleEffect, Text};
use crate::diag::Sink;
use crate::ir::{GlobPart, ResourcePart};
use crate::source::{Span, Spanned};
use shape::{Shape, ShapeId};

pub use glob::Glob;
pub use suites::MAX_CELLS;
pub use unread::Unread;

/// Everything that the repository says, by id.
#[derive(Debug, Default)]
pub struct Organization {
    pub name: String,
    /// Where the Organization document stands; none if there is none.
    pub span: Option<Span>,
    /// People who own the organisation.
    pub owners: Vec<PersonId>,
    pub sole_owner: bool,
    pub lifetime: Millis,
    pub grace: Grace,
    pub lints: Vec<(Text, Text)>,
    pub people: Vec<Person>,
    /// Of somebody something was reported: nobody is told that there are too few people.
    pub uncounted: bool,
    /// What may be named, and could not be read.
    pub unread: Unread,
    pub groups: Vec<Group>,
    pub teams: Vec<Team>,
    pub environments: Vec<Environment>,
    pub rings: Vec<Ring>,
    pub classes: Vec<Class>,
    /// Tools by name, then credentials by name.
    pub tools: Vec<Tool>,
    /// Actions that have a cell: grouped by tool, by name; a variant is one.
    pub actions: Vec<Action>,
    /// Actions that are a list of variants.
    pub bases: Vec<Base>,
    pub shapes: Vec<Shape>,
    pub agents: Vec<Agent>,
    pub deployments: Vec<Deployment>,
    pub rules: Vec<Rule>,
    pub exceptions: Vec<Exception>,
    pub kills: Vec<Kill>,
    pub suites: Vec<Suite>,
    pub forges: Vec<Forge>,
    pub invariants: Vec<Invariant>,
    pub approval_rules: Vec<ApprovalRule>,
}

/// The types of entities that every organisation has.
pub(crate) const ENTITY_TYPES: [&str; 7] = [
    "Action",
    "Agent",
    "Deployment",
    "Environment",
    "Resource",
    "Ring",
    "Team",
];

/// Groups of actions that exist whether or not an action is in them.
pub(crate) const ACTION_GROUPS: [&str; 5] = ["credential", "destructive", "external", "read", "write"];

impl Organization {
    /// The groups that an action is in: its tool, its effect, `external`, and of a variant the action.
    pub fn groups<'o>(&'o self, action: &'o Action) -> Vec<&'o str> {
        let tool = self.tools.get(action.tool.0 as usize);
        let tool = match tool {
            Some(tool) if tool.credential.is_none() => tool.name.as_str(),
            _ => "credential",
        };
        groups(&action.name, tool, action.effect, action.external)
    }

    /// The names of the environments that a credential is for.
    fn environments_of(&self, credential: &Credential) -> Vec<&str> {
        let named = |id: &EnvironmentId| Some(self.environments.get(id.0 as usize)?.name.value.as_str());
        credential.environments.iter().filter_map(named).collect()
    }
}

/// As [`Organization::groups`], of what is known of an action.
pub(crate) fn groups<'n>(name: &'n str, tool: &'n str, effect: Effect, external: bool) -> Vec<&'n str> {
    let effect = effect.as_str();
    let mut groups = vec![tool, effect];
    if external {
        groups.push("external");
    }
    if let Some((whole, _)) = name.split_once('/') {
        groups.push(whole);
    }
    groups
}

/// A person by their place in [`Organization::people`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u32);

/// A team by its place in [`Organization::teams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamId(pub u32);

/// An agent by its place in [`Organization::agents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(pub u32);

/// What is still decided after the lifetime, and for how long.
#[derive(Debug, Clone, Default)]
pub struct Grace {
    pub period: Millis,
    pub effects: Vec<Effect>,
}

#[derive(Debug)]
pub struct Person {
    pub name: Text,
    pub email: Option<Text>,
    pub keys: Vec<Text>,
}

#[derive(Debug)]
pub struct Group {
    pub name: Text,
    /// Everybody in it, groups within groups included; sorted.
    pub members: Vec<PersonId>,
}

#[derive(Debug)]
pub struct Team {
    pub name: Text,
    pub owners: Vec<PersonId>,
    pub owns: Vec<Spanned<Vec<GlobPart>>>,
    /// Absent: every ring.
    pub rings: Option<Vec<RingId>>,
    /// Absent: every tool.
    pub tools: Option<Vec<ToolId>>,
    /// Of the ceiling something was reported: nobody is told to be above it.
    pub unread: bool,
}

#[derive(Debug)]
pub struct Environment {
    pub name: Text,
    pub rank: i64,
    /// Absent: every ring.
    pub rings: Option<Vec<RingId>>,
    /// Absent: anything but none and external.
    pub enforced_by: Option<Vec<Enforcement>>,
    pub credentials_max_ttl: Option<Millis>,
    /// Of what it admits something was reported: nobody is told not to be admitted.
    pub unread: bool,
}

impl Environment {
    /// Whether a deployment that names this enforcement is admitted here.
    pub fn takes_enforcement(&self, enforcement: Enforcement) -> bool {
        match &self.enforced_by {
            Some(list) => list.contains(&enforcement),
            None => !matches!(enforcement, Enforcement::None | Enforcement::External),
        }
    }

    /// Whether a ring may run here.
    pub fn takes_ring(&self, ring: RingId) -> bool {
        self.rings.as_ref().is_none_or(|rings| rings.contains(&ring))
    }
}

#[derive(Debug, Clone)]
pub struct Ring {
    pub name: String,
    /// Absent for a built-in one.
    pub span: Option<Span>,
    pub level: i64,
    pub effects: Vec<Effect>,
    pub irreversible: bool,
    pub rate: Rate,
    pub burst: u32,
    pub concurrent: u32,
    pub isolation: Isolation,
}

/// What whoever runs the agent must hold to; kept for comparison, decided by nobody here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    pub user: String,
    pub rootfs: String,
    pub tmpfs: Vec<String>,
    pub writable: Vec<String>,
    pub capabilities: Vec<String>,
    pub seccomp: String,
    pub hosts: Vec<String>,
    pub subprocess: bool,
    pub pids: i64,
    /// Bytes.
    pub memory: i64,
}

#[derive(Debug)]
pub struct Class {
    pub name: Text,
    pub owner: Option<PersonId>,
}

/// A tool, or a credential seen as a tool with one action.
#[derive(Debug)]
pub struct Tool {
    /// `github`, or `credential.billing-db`.
    pub name: String,
    pub span: Span,
    pub strict: bool,
    pub credential: Option<Credential>,
    pub server: Option<Server>,
    /// Where environments have their own; sorted by environment.
    pub endpoints: Vec<Endpoint>,
    /// The first of its actions, and how many.
    pub first_action: u32,
    pub action_count: u32,
}

#[derive(Debug)]
pub struct Server {
    pub span: Span,
    pub command: Option<Vec<Text>>,
    pub url: Option<Text>,
    pub digest: Option<Text>,
}

#[derive(Debug)]
pub struct Endpoint {
    pub environment: String,
    pub url: Option<String>,
    pub credential: Option<String>,
}

#[derive(Debug)]
pub struct Credential {
    pub name: Text,
    pub environments: Vec<EnvironmentId>,
    pub max_ttl: Millis,
    pub owner: Option<PersonId>,
    /// As written.
    pub issuer: Vec<(String, String)>,
    /// Of its environments something was reported: nobody is told that it is not for one.
    pub unread: bool,
}

impl Credential {
    /// Whether it is, or may be, for an environment.
    pub(super) fn is_for(&self, environment: EnvironmentId) -> bool {
        self.unread || self.environments.contains(&environment)
    }
}

#[derive(Debug)]
pub struct Action {
    /// `github.merge_pull_request`, `github.pull_request_review_write/approve`, `credential.billing-db`.
    pub name: String,
    /// The name without the variant.
    pub base: String,
    pub span: Span,
    pub tool: ToolId,
    pub effect: Effect,
    pub external: bool,
    pub reversible: bool,
    pub reads: Vec<ClassId>,
    pub resources: Vec<Resource>,
    pub shape: ShapeId,
}

/// What a call touches: a template over the arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    pub parts: Vec<ResourcePart>,
}

#[derive(Debug)]
pub struct Base {
    pub name: String,
    pub tool: ToolId,
    pub shape: ShapeId,
    /// In the order in which they are tried; a variant without a test takes every call.
    pub variants: Vec<(Option<Text>, ActionId)>,
}

#[derive(Debug)]
pub struct Agent {
    pub name: Text,
    pub owner: Option<PersonId>,
    pub product: Option<ast::Product>,
    pub git_keys: Vec<Text>,
    pub identity_keys: Vec<Text>,
    pub tags: Vec<(String, String)>,
    pub review_by: Option<Spanned<Moment>>,
    pub kill_contact: Option<Text>,
}

#[derive(Debug)]
pub struct Deployment {
    /// `payments/claude-code`
    pub name: String,
    pub span: Span,
    pub agent: AgentId,
    pub team: TeamId,
    /// Sorted by environment.
    pub placements: Vec<Placement>,
}

#[derive(Debug)]
pub struct Placement {
    pub span: Span,
    pub environment: EnvironmentId,
    pub ring: RingId,
    /// Tools and credentials, sorted; what a ceiling excludes is not among them.
    pub given: Vec<ToolId>,
    pub enforcement: Enforcement,
    pub until: Option<Moment>,
}

/// A rule of a policy, with the policy's selectors folded in.
#[derive(Debug)]
pub struct Rule {
    /// `policy/rule`
    pub name: String,
    /// The rule's own name, where it stands.
    pub span: Span,
    pub team: Option<TeamId>,
    pub effect: RuleEffect,
    pub scope: Scope,
    pub except: Option<Scope>,
    pub when: Option<Text>,
    pub unless: Option<Text>,
    /// Of a `.cedar` file, in place of both.
    pub cedar: Option<ast::CedarPolicy>,
    /// Of a `.rego` file, likewise.
    pub rego: Option<ast::RegoPolicy>,
    pub approval: Option<Approval>,
    pub limit: Option<Rate>,
    pub expires: Option<Moment>,
    /// The latest of the policy's and the rule's.
    pub observe_until: Option<Moment>,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Approval {
    pub require: Vec<Requirement>,
    pub timeout: Millis,
    pub separation: bool,
    pub evidence: Evidence,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// As written, sorted.
    pub from: Vec<String>,
    pub count: u32,
    /// Everybody whom `from` means, `team-owners` apart.
    pub people: Vec<PersonId>,
    /// The owners of the agent's team count too.
    pub team_owners: bool,
}

/// Which calls: ids where it is settled by agent, environment and action, and what is left for the call.
///
/// An absent set holds for all.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub deployments: Option<Arc<[DeploymentId]>>,
    pub rings: Option<Vec<RingId>>,
    pub environments: Option<Vec<EnvironmentId>>,
    pub actions: Option<Arc<[ActionId]>>,
    /// Each must hold.
    pub resources: Vec<Resources>,
    /// Each must hold; of one, any class.
    pub holding: Vec<Vec<ClassId>>,
    /// Each must hold.
    pub on_behalf_of: Vec<Behalf>,
}

impl Scope {
    /// Whether the settled part holds for a placement.
    pub fn takes_placement(&self, deployment: DeploymentId, ring: RingId, environment: EnvironmentId) -> bool {
        self.takes_place(ring, environment)
            && self
                .deployments
                .as_ref()
                .is_none_or(|list| list.binary_search(&deployment).is_ok())
    }

    /// Whether the settled part holds for a ring and an environment, whoever is deployed there.
    pub fn takes_place(&self, ring: RingId, environment: EnvironmentId) -> bool {
        self.environments
            .as_ref()
            .is_none_or(|list| list.binary_search(&environment).is_ok())
            && self.rings.as_ref().is_none_or(|list| list.binary_search(&ring).is_ok())
    }

    /// The actions of a tool for which the settled part holds, in order.
    pub fn actions_of(&self, tool: &Tool) -> impl Iterator<Item = ActionId> {
        let all = tool.first_action..tool.first_action + tool.action_count;
        // Where actions are named, those of one tool follow each other.
        let (named, all) = match &self.actions {
            Some(list) => {
                let start = list.partition_point(|action| action.0 < all.start);
                let end = list.partition_point(|action| action.0 < all.end);
                (list.get(start..end).unwrap_or_default(), 0..0)
            }
            None => (&[][..], all),
        };
        named.iter().copied().chain(all.map(ActionId))
    }

    /// Whether the settled part holds for an action.
    pub fn takes_action(&self, action: ActionId) -> bool {
        self.actions
            .as_ref()
            .is_none_or(|list| list.binary_search(&action).is_ok())
    }
}

/// Globs of which one must match a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources {
    pub span: Span,
    pub globs: Vec<Vec<GlobPart>>,
    /// What the deployment's team owns counts too.
    pub team_owns: bool,
}

/// For whom the agent works.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Behalf {
    /// Sorted.
    pub people: Vec<PersonId>,
    /// For nobody.
    pub nobody: bool,
}

#[derive(Debug)]
pub struct Exception {
    pub name: Text,
    /// The rule that it lifts, by its place in [`Organization::rules`].
    pub to: usize,
    pub scope: Scope,
    pub when: Option<Text>,
    pub until: Moment,
    pub until_span: Span,
    pub owner: Option<String>,
    pub reason: Option<String>,
}

#[derive(Debug)]
pub struct Kill {
    pub name: Text,
    pub reason: String,
    pub deployments: Vec<DeploymentId>,
    pub tools: Vec<ToolId>,
    pub environments: Vec<EnvironmentId>,
    pub everything: bool,
}

/// A merge bot.
#[derive(Debug)]
pub struct Forge {
    pub name: Text,
    pub keys: Vec<Text>,
}

/// Calls that must never have an outcome.
#[derive(Debug)]
pub struct Invariant {
    pub name: Text,
    /// The team under whose folder it stands: it is about that team's deployments alone.
    pub team: Option<TeamId>,
    /// The answers that are forbidden, sorted.
    pub never: Vec<RuleEffect>,
    pub scope: Scope,
    /// The selectors as they are written.
    pub selectors: String,
    pub when: Option<Text>,
}

/// Who must approve which changes.
#[derive(Debug)]
pub struct ApprovalRule {
    pub name: Text,
    /// Alternatives, as they are written; sorted.
    pub changes: Vec<String>,
    pub require: Vec<Requirement>,
    pub evidence: Evidence,
}

/// A Test document: calls, and the answers that are expected to them.
#[derive(Debug)]
pub struct Suite {
    pub name: Text,
    pub cases: Vec<Case>,
    pub matrices: Vec<Matrix>,
}

/// One call and its answer.
#[derive(Debug)]
pub struct Case {
    pub span: Span,
    /// Absent where the author gave none.
    pub name: Option<String>,
    pub agent: String,
    pub environment: String,
    pub action: String,
    pub asking: Asking,
    pub expect: RuleEffect,
    /// The rule that must decide.
    pub rule: Option<String>,
    /// The code that the decision must have.
    pub code: Option<String>,
}

/// Every combination of agents, environments and actions.
#[derive(Debug)]
pub struct Matrix {
    pub span: Span,
    /// Each once, in the order written; so are the next two.
    pub agents: Vec<String>,
    pub environments: Vec<String>,
    pub actions: Vec<String>,
    pub asking: Asking,
    /// `AGENT ENVIRONMENT ACTION` to the answer and where it is written. Every other cell is denied.
    pub expect: BTreeMap<String, (RuleEffect, Span)>,
}

/// What a test asks beside agent, environment and action.
#[derive(Debug)]
pub struct Asking {
    /// Canonical JSON.
    pub args: String,
    /// What is told of resources, as the runtime reads it.
    pub entities: Option<String>,
    pub holding: Vec<String>,
    pub on_behalf_of: Option<String>,
    pub now: Moment,
}

/// Resolves every name.
pub fn resolve(documents: &Documents, sink: &mut Sink) -> Organization {
    let names = names::Names::collect(documents, sink);
    let mut organization = Organization {
        unread: Unread::new(&names),
        ..Organization::default()
    };
    people::resolve(documents, &names, &mut organization, sink);
    tools::resolve(documents, &names, &mut organization, sink);
    deployments::resolve(documents, &names, &mut organization, sink);
    rules::resolve(documents, &names, &mut organization, sink);
    suites::resolve(documents, &names, &mut organization, sink);
    organization
}

/// The documents of one kind, with their names.
fn of_kind<'d, B: 'd>(
    documents: &'d Documents,
    pick: impl Fn(&'d ast::Body) -> Option<&'d B>,
) -> impl Iterator<Item = (&'d ast::Document, &'d B)> {
    documents
        .documents
        .iter()
        .filter_map(move |document| pick(&document.body).map(|body| (&**document, body)))
}
