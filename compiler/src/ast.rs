//! What was written: one struct per kind of document, every value with its span, nothing resolved.
//!
//! The parser fills these in, one kind at a time; a field whose value was broken is absent here and has its
//! diagnostic in the sink. Whether a name exists, or a combination makes sense, is not known yet.

#![allow(missing_docs, reason = "a field is the field of the same name in the document")]

mod tools;

use std::fmt;
use std::sync::Arc;

use polity_runtime::value::Effect as ActionEffect;
use serde::{Deserialize, Serialize};

pub use tools::{
    Action, ActionClass, Credential, Definition, Endpoint, Hints, Param, ParamType, ResourceType, Server, Tool,
    Unconfirmed, Unread, Variant,
};

use crate::source::{FileId, Span, Spanned};

/// A string and its place.
pub type Text = Spanned<String>;

/// Every document of a tree, in the order of paths and then of lines.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// The documents.
    pub documents: Vec<Arc<Document>>,
    /// Documents that could not be read. Their names are taken: whoever refers to one is not told that it is unknown.
    pub broken: Vec<Broken>,
}

/// What can be told of a document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its kind, where that was legible.
    pub kind: Option<String>,
    /// Its name, where that was legible.
    pub name: Option<String>,
}

/// One document.
#[derive(Debug)]
pub struct Document {
    /// The file it stands in.
    pub file: FileId,
    /// From its first to its last byte.
    pub span: Span,
    /// The value of `name`; a Deployment has none.
    pub name: Option<Text>,
    /// The team under whose folder it stands: `teams/<team>/`.
    pub team: Option<String>,
    /// What it says.
    pub body: Body,
}

/// A document's kind and fields.
#[derive(Debug)]
pub enum Body {
    Organization(Organization),
    Person(Person),
    Group(Group),
    Forge(Forge),
    Team(Team),
    Environment(Environment),
    Ring(Ring),
    DataClass(DataClass),
    Tool(Tool),
    Credential(Credential),
    Agent(Agent),
    Deployment(Deployment),
    Policy(Policy),
    Exception(Exception),
    Invariant(Invariant),
    Test(Test),
    ApprovalRule(ApprovalRule),
    Kill(Kill),
    Use(Use),
}

/// A length of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millis(pub i64);

/// As it would be written: in the greatest unit that divides it.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
        match units.iter().find(|(unit, _)| self.0 != 0 && self.0 % unit == 0) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// `20/h`: so many in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long.
    pub per: Millis,
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
pub type Moment = i64;

/// `kind: Organization`, in `polity.yaml` only.
#[derive(Debug)]
pub struct Organization {
    /// `polity: v1`.
    pub edition: Option<Text>,
    pub owners: Vec<Text>,
    pub sole_owner: Option<Spanned<bool>>,
    pub bundle_lifetime: Option<Spanned<Millis>>,
    pub grace_for: Option<Spanned<Millis>>,
    pub grace_effects: Vec<Spanned<ActionEffect>>,
    /// Code and level (`allow`, `warn`, `deny`), both as written.
    pub lints: Vec<(Text, Text)>,
}

#[derive(Debug)]
pub struct Person {
    pub email: Option<Text>,
    pub keys: Vec<Text>,
}

#[derive(Debug)]
pub struct Group {
    pub members: Vec<Text>,
}

#[derive(Debug)]
pub struct Forge {
    pub keys: Vec<Text>,
}

#[derive(Debug)]
pub struct Team {
    pub owners: Vec<Text>,
    pub owns: Vec<Text>,
    pub ceiling: Option<Ceiling>,
}

#[derive(Debug)]
pub struct Ceiling {
    pub rings: Option<Vec<Text>>,
    pub tools: Option<Vec<Text>>,
    /// Some of it could not be read.
    pub unread: bool,
}

#[derive(Debug)]
pub struct Environment {
    pub rank: Option<Spanned<i64>>,
    pub rings: Option<Vec<Text>>,
    pub enforced_by: Option<Vec<Spanned<Enforcement>>>,
    /// Some of what it admits could not be read.
    pub unread: bool,
    pub credentials_max_ttl: Option<Spanned<Millis>>,
}

/// Where calls are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enforcement {
    Embedded,
    Hook,
    Gateway,
    Container,
    External,
    None,
}

/// Fields that are absent default to the same-named built-in ring's, else to the strictest.
#[derive(Debug)]
pub struct Ring {
    pub level: Option<Spanned<i64>>,
    pub effects: Option<Vec<Spanned<ActionEffect>>>,
    pub irreversible: Option<Spanned<bool>>,
    pub limits: RingLimits,
    pub isolation: Isolation,
}

#[derive(Debug, Default)]
pub struct RingLimits {
    pub rate: Option<Spanned<Rate>>,
    pub burst: Option<Spanned<i64>>,
    pub concurrent: Option<Spanned<i64>>,
}

/// Lists are `None` where absent and may be empty where written.
#[derive(Debug, Default)]
pub struct Isolation {
    pub user: Option<Text>,
    pub rootfs: Option<Text>,
    pub tmpfs: Option<Vec<Text>>,
    pub writable: Option<Vec<Text>>,
    pub capabilities: Option<Vec<Text>>,
    pub seccomp: Option<Text>,
    pub hosts: Option<Vec<Text>>,
    pub subprocess: Option<Spanned<bool>>,
    pub pids: Option<Spanned<i64>>,
    /// Bytes; written `512Mi`.
    pub memory: Option<Spanned<i64>>,
}

#[derive(Debug)]
pub struct DataClass {
    pub owner: Option<Text>,
}

#[derive(Debug)]
pub struct Agent {
    pub description: Option<Text>,
    pub owner: Option<Text>,
    pub product: Option<Product>,
    pub git_keys: Vec<Text>,
    pub identity_keys: Vec<Text>,
    pub tags: Vec<(Text, Text)>,
    /// Some of its tags could not be read.
    pub tags_unread: bool,
    pub review_by: Option<Spanned<Moment>>,
    pub kill_contact: Option<Text>,
}

#[derive(Debug, Clone)]
pub struct Product {
    pub name: Option<Text>,
    pub versions: Option<Text>,
    pub models: Vec<Text>,
}

#[derive(Debug)]
pub struct Deployment {
    pub agent: Option<Text>,
    pub team: Option<Text>,
    pub environments: Vec<(Text, Placement)>,
}

/// A deployment in one environment.
#[derive(Debug)]
pub struct Placement {
    pub span: Span,
    pub ring: Option<Text>,
    pub tools: Vec<Text>,
    pub credentials: Vec<Text>,
    pub enforced_by: Option<Spanned<Enforcement>>,
    pub until: Option<Spanned<Moment>>,
    /// What enforces it was broken: nobody is told that it is not admitted.
    pub unread: bool,
}

#[derive(Debug)]
pub struct Policy {
    pub description: Option<Text>,
    /// `for`: what every rule of the policy has too.
    pub scope: Selector,
    pub rules: Vec<(Text, Rule)>,
    /// The names of rules that could not be read: whoever refers to one is not told that it is unknown.
    pub unread: Vec<String>,
}

/// What a rule does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleEffect {
    Allow,
    Deny,
    RequireApproval,
}

#[derive(Debug)]
pub struct Rule {
    pub span: Span,
    pub description: Option<Text>,
    pub effect: Option<Spanned<RuleEffect>>,
    pub selector: Selector,
    pub except: Option<Selector>,
    pub when: Option<Text>,
    pub unless: Option<Text>,
    /// Of a `.cedar` file: what stands in place of `when` and `unless`.
    pub cedar: Option<CedarPolicy>,
    /// Of a `.rego` file: likewise.
    pub rego: Option<RegoPolicy>,
    pub approval: Option<Approval>,
    pub limit: Option<Spanned<Rate>>,
    pub expires: Option<Spanned<Moment>>,
    pub observe_until: Option<Spanned<Moment>>,
    pub reason: Option<Text>,
}

/// A policy of a `.cedar` file. Its principal and its environment are in the rule's selector.
#[derive(Debug, Clone)]
pub struct CedarPolicy {
    /// The whole policy as it stands there.
    pub text: Text,
    /// The ids of the actions, or groups of them, that it names; absent: any.
    pub actions: Option<Vec<Text>>,
    /// The action is that one, and not in it.
    pub exact: bool,
    /// Its head names a resource: it is about actions that declare some.
    pub names_resource: bool,
    /// The type of what the resource is in, where that is none that every organisation has: a tool has to declare it.
    pub within: Option<Text>,
    /// There is something to evaluate beside its head.
    pub conditional: bool,
    /// What stands for its slots.
    pub links: Links,
}

/// A rule of a `.rego` file that decides.
#[derive(Debug, Clone)]
pub struct RegoPolicy {
    /// The whole file: its other rules are what this one asks.
    pub text: Text,
    /// Which of its rules.
    pub entry: crate::lower::rego::Entry,
    /// The heads of its definitions.
    pub heads: Vec<Span>,
    /// A selector that holds wherever the rule could: it follows from the text.
    pub reach: Option<std::sync::Arc<Selector>>,
}

/// The entities that stand for the slots of a Cedar template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// For `?principal`.
    pub principal: Option<Link>,
    /// For `?resource`.
    pub resource: Option<Link>,
}

/// An entity that a use names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `Team`
    pub ty: String,
    /// `payments`
    pub id: Text,
    /// The place of the whole, in the use.
    pub span: Span,
}

/// Who must say yes, and for how long they are asked.
#[derive(Debug, Clone)]
pub struct Approval {
    pub span: Span,
    pub require: Vec<Requirement>,
    pub timeout: Option<Spanned<Millis>>,
    pub separation: Option<Spanned<bool>>,
    pub evidence: Option<Spanned<Evidence>>,
}

/// So many people from these.
#[derive(Debug, Clone)]
pub struct Requirement {
    pub span: Span,
    /// People, groups, `team-owners`, `owners`.
    pub from: Vec<Text>,
    pub count: Option<Spanned<i64>>,
}

/// How strongly an approval is proved. Ordered: `Present` is the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Evidence {
    Forge,
    Signed,
    Present,
}

/// All that are given must hold; entries of one list are alternatives; an absent one holds for all.
#[derive(Debug, Default)]
pub struct Selector {
    /// The mapping's place; of a rule, the rule's.
    pub span: Option<Span>,
    pub agents: Option<Vec<Text>>,
    pub teams: Option<Vec<Text>>,
    pub rings: Option<Vec<Text>>,
    pub tags: Option<Vec<(Text, Vec<Text>)>>,
    pub environments: Option<Vec<Text>>,
    pub tools: Option<Vec<Text>>,
    pub actions: Option<Vec<Text>>,
    pub effects: Option<Vec<Spanned<ActionEffect>>>,
    pub external: Option<Spanned<bool>>,
    pub reversible: Option<Spanned<bool>>,
    pub credentials: Option<Vec<Text>>,
    pub resources: Option<Resources>,
    pub holding: Option<Vec<Text>>,
    pub on_behalf_of: Option<Vec<Text>>,
}

/// `resources:` takes globs, or the single entry `team.owns`, which stands for that of each deployment's team.
#[derive(Debug)]
pub struct Resources {
    pub span: Span,
    pub globs: Vec<Text>,
    /// The entry `team.owns` was among them.
    pub team_owns: Option<Span>,
}

/// Lifts one deny or gate for somebody, for a time.
#[derive(Debug)]
pub struct Exception {
    /// `policy/rule`.
    pub to: Option<Text>,
    pub selector: Selector,
    pub when: Option<Text>,
    pub reason: Option<Text>,
    pub owner: Option<Text>,
    pub until: Option<Spanned<Moment>>,
}

#[derive(Debug)]
pub struct Invariant {
    pub description: Option<Text>,
    pub never: Option<Never>,
}

#[derive(Debug)]
pub struct Never {
    pub outcome: Vec<Spanned<RuleEffect>>,
    pub selector: Selector,
    pub when: Option<Text>,
}

#[derive(Debug)]
pub struct Test {
    pub defaults: TestDefaults,
    pub cases: Vec<TestCase>,
    pub matrix: Vec<TestMatrix>,
}

#[derive(Debug, Default)]
pub struct TestDefaults {
    pub agent: Option<Text>,
    pub environment: Option<Text>,
    pub action: Option<Text>,
    pub args: Option<Json>,
    /// What is told of resources, as the runtime reads it.
    pub entities: Option<Json>,
    pub holding: Option<Vec<Text>>,
    pub on_behalf_of: Option<Text>,
    pub now: Option<Spanned<Moment>>,
}

#[derive(Debug)]
pub struct TestCase {
    pub span: Span,
    pub name: Option<Text>,
    pub request: TestDefaults,
    pub expect: Option<Spanned<RuleEffect>>,
    pub rule: Option<Text>,
    pub code: Option<Text>,
}

#[derive(Debug)]
pub struct TestMatrix {
    pub span: Span,
    pub agents: Vec<Text>,
    pub environments: Vec<Text>,
    pub actions: Vec<Text>,
    pub request: TestDefaults,
    /// `"AGENT ENVIRONMENT ACTION"` to the answer.
    pub expect: Vec<(Text, Spanned<RuleEffect>)>,
}

/// Arguments of a test, as canonical JSON text of what the YAML said.
pub type Json = Spanned<String>;

#[derive(Debug)]
pub struct ApprovalRule {
    pub description: Option<Text>,
    /// Alternatives: `any: [...]`, or the one that was written plainly.
    pub when: Vec<ChangeSelector>,
    pub require: Vec<Requirement>,
    pub evidence: Option<Spanned<Evidence>>,
}

/// Which changes an approval rule asks about.
#[derive(Debug)]
pub struct ChangeSelector {
    pub span: Span,
    pub widens: Option<Spanned<bool>>,
    pub narrows: Option<Spanned<bool>>,
    pub kinds: Option<Vec<Text>>,
    pub paths: Option<Vec<Text>>,
    /// `author: agent`.
    pub author: Option<Text>,
    pub selector: Selector,
}

#[derive(Debug)]
pub struct Kill {
    pub agents: Option<Vec<Text>>,
    pub teams: Option<Vec<Text>>,
    pub tools: Option<Vec<Text>>,
    pub environments: Option<Vec<Text>>,
    pub everything: Option<Spanned<bool>>,
    pub reason: Option<Text>,
}

#[derive(Debug)]
pub struct Use {
    pub template: Option<Text>,
    /// Parameter name to canonical JSON text.
    pub with: Vec<(Text, Json)>,
    /// What else is given.
    pub unread: Unread,
}

/// `kind: Template`: what a template takes. Its body is text to this program until it is filled in.
#[derive(Debug)]
pub struct Template {
    pub name: Option<Text>,
    pub description: Option<Text>,
    pub params: Vec<(Text, TemplateParam)>,
}

/// A parameter of a template.
#[derive(Debug)]
pub struct TemplateParam {
    pub ty: TemplateType,
    /// The least value of an int, the least length of a string or list.
    pub min: Option<Spanned<i64>>,
    pub max: Option<Spanned<i64>>,
    pub default: Option<Json>,
    pub optional: bool,
    pub description: Option<Text>,
}

/// The type of a template's parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateType {
    /// A document's name.
    Name,
    String,
    Int,
    Bool,
    Enum(Vec<Text>),
    List(Box<TemplateType>),
}
