//! One condition language for YAML, Cedar and Rego: what `when` means, typed, with names resolved.
//!
//! A condition is evaluated to yes, no or error. `And`, `Or` and `If` are Cedar's: the left side first, and the
//! right side only where it matters; an error of a side that is looked at is an error of the whole.

#![allow(missing_docs, reason = "variants and fields that are named for what they are")]

use std::sync::Arc;

use polity_runtime::value::{IpNet, Slot};
use polity_runtime::wire::Digest;

/// A condition over one parameter shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Settled.
    Constant(Answer),
    /// One thing about the call, or about the class of calls.
    Test(Test),
    /// No for yes and yes for no.
    Not(Box<Condition>),
    /// Cedar's `&&`.
    And(Box<Condition>, Box<Condition>),
    /// Cedar's `||`.
    Or(Box<Condition>, Box<Condition>),
    /// Cedar's `if c then a else b`.
    If(Box<Condition>, Box<Condition>, Box<Condition>),
    /// No where the condition errs: what an `except` that cannot be evaluated covers.
    ErrorIsNo(Box<Condition>),
}

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    No,
    Yes,
    Error,
}

/// An operator over two terms. A unary one has `Term::Nothing` on the right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// The operator.
    pub op: Op,
    /// Its left, or only, operand.
    pub left: Term,
    /// Its right operand.
    pub right: Term,
}

/// What is tested. Except `Has`, each errs if an operand errs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// The slot, or `OnBehalfOf`, is present, whatever its type. `left` is `Slot`, `OnBehalfOf` or `Tag`.
    Has,
    /// `left` is a boolean term, and true.
    IsTrue,
    /// Of two values of one type.
    Equal,
    /// `left < right`, of integers, decimals, datetimes or durations.
    Less,
    /// `left <= right`.
    LessEqual,
    /// `left` is a string, `right` a `Pattern` or a `Regex`.
    Like,
    /// `left` is a set, `right` an element.
    Contains,
    /// Every element of `right` is in `left`.
    ContainsAll,
    /// Some element of `right` is in `left`.
    ContainsAny,
    /// `left` is a set without elements.
    IsEmpty,
    IsIpv4,
    IsIpv6,
    IsLoopback,
    IsMulticast,
    /// `left` is within `right`, both addresses or ranges.
    IsInRange,
    /// `left` is a resource (a `Resource` term or a string), `right` a `Glob`. From selectors only.
    Glob,
    /// `OnBehalfOf` names somebody whom the bundle knows. From selectors only.
    KnownPerson,
    /// The principal is, or is in, the entity on the right. Settled when the table is built.
    PrincipalIn,
    /// The action is, or is in, the entity on the right. Settled when the table is built.
    ActionIn,
    /// The resource is in the entity on the right (`Environment::"..."`). Settled when the table is built.
    ResourceIn,
    /// The `Program` on the left says yes of the `Document` on the right.
    Program,
}

/// What is compared. Evaluating a term gives a value or errs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// No operand.
    Nothing,
    /// A constant.
    Constant(Constant),
    /// An argument, or a field of one.
    Slot(Slot),
    /// `context.on_behalf_of`.
    OnBehalfOf,
    /// `context.now`.
    Now,
    /// `context.session.calls`.
    Calls,
    /// `context.session.holding`: a set of strings.
    Holding,
    /// Of these classes, in order, those that the session holds: what a table sees that knows no others. No condition is
    /// lowered to it; two tables are compared by it where one knows classes that the other lacks.
    Held(Vec<Constant>),
    /// An attribute of the principal. Settled when the table is built.
    Principal(Attribute),
    /// `resource.name`: each resource that the action declares, in turn.
    ResourceName,
    /// A function of terms.
    Apply(Function, Vec<Term>),
    /// A set of terms, in the order written.
    Set(Vec<Term>),
    /// The pattern of a `like`. Only on the right of `Op::Like`.
    Pattern(Vec<PatternPart>),
    /// A regular expression, as the runtime reads it: see [`polity_runtime::value::Automaton`].
    Regex(Arc<[u32]>),
    /// A resource glob. Only on the right of `Op::Glob`.
    Glob(Vec<GlobPart>),
    /// A resource as its template makes it. Only on the left of `Op::Glob` and of string tests.
    Resource(Vec<ResourcePart>),
    /// An entity. Only on the right of `PrincipalIn`, `ActionIn`, `ResourceIn`.
    Entity(Entity),
    /// The environment's name. Settled when the table is built.
    Environment,
    /// A Rego rule kept whole. Only on the left of `Op::Program`.
    Program(Arc<Program>),
    /// What a program is handed: fields by name. Only on the right of `Op::Program`, and within one.
    Document(Vec<Field>),
    /// A list in a document, in the order written.
    List(Vec<Term>),
}

/// A field of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    pub name: String,
    /// It is left out where `there` is absent; else that errs.
    pub optional: bool,
    /// What tells whether it is there, and readable: a `Slot`, `OnBehalfOf`, or `Nothing` for what always is.
    pub there: Term,
    pub value: Term,
}

/// A Rego rule kept whole, for the engine in the runtime. Two are equal if they and their data are, whichever rule they
/// came from.
#[derive(Debug, Clone)]
pub struct Program {
    /// The rule that it decides, `policy/rule`.
    pub rule: String,
    /// Serialised.
    pub code: Vec<u8>,
    /// Its data, as JSON.
    pub data: Vec<u8>,
    /// What it names: values to try in search of a call.
    pub constants: Vec<Constant>,
    /// INVARIANT: of `code` and `data`.
    digest: Digest,
}

impl Program {
    /// The program of a rule.
    pub fn new(rule: String, code: Vec<u8>, data: Vec<u8>, constants: Vec<Constant>) -> Self {
        let parts = [Digest::of(&code), Digest::of(&data)];
        let digest = Digest::of(&parts.map(|part| part.0).concat());
        Self {
            rule,
            code,
            data,
            constants,
            digest,
        }
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Program {}

impl PartialOrd for Program {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Program {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digest.cmp(&other.digest)
    }
}

impl std::hash::Hash for Program {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// A value known when compiling. Strings compared with a `path`, a `host` or a folded string are normalised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constant {
    Bool(bool),
    Int(i64),
    /// Ten-thousandths.
    Decimal(i64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Milliseconds.
    Duration(i64),
    String(String),
    Ip(IpNet),
    /// Sorted, without duplicates.
    Set(Vec<Constant>),
}

/// `principal.agent`, `.team`, `.ring` (the level in this environment), `.tags.KEY`; in documents for programs also the
/// ring's name and all tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    Agent,
    Team,
    Ring,
    /// The deployment's own name, `payments/claude-code`.
    Deployment,
    Tag(String),
    /// The ring's name.
    RingName,
    /// A document of all tags.
    Tags,
}

/// Functions of terms, with Cedar's meaning where it has them. Overflow errs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    Add,
    Subtract,
    Multiply,
    Negate,
    /// `datetime.offset(duration)`
    Offset,
    /// `datetime.durationSince(datetime)`
    DurationSince,
    ToDate,
    ToTime,
    ToMilliseconds,
    ToSeconds,
    ToMinutes,
    ToHours,
    ToDays,
    /// Rego's `count` of a set: how many elements a `Slot` or what is held has.
    Count,
}

/// A part of a `like` pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatternPart {
    Literal(char),
    /// `*`: any characters, none included.
    Any,
}

/// A part of a resource glob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GlobPart {
    Literal(char),
    /// `*`: any characters but `/`.
    Segment,
    /// `**`: any characters.
    Any,
}

/// A part of a resource template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourcePart {
    Literal(String),
    Slot {
        slot: Slot,
        /// A glob's letters are folded before they are compared with it.
        folded: bool,
        /// Its value may hold anything: it stands alone, or it is a path.
        free: bool,
    },
}

/// An entity named in a condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// `Deployment::"payments/claude-code"`
    Deployment(String),
    Agent(String),
    Team(String),
    Ring(String),
    Environment(String),
    /// `Action::"github.merge_pull_request"`, or a tool's name, an effect, `external`, `credential`.
    Action(String),
    /// `Resource::"repo:acme/pay"`: equal, not in.
    Resource(String),
}

/// A condition by its place in [`RuleSet::conditions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConditionId(pub u32);

/// Every rule, whatever language it was written in, over one condition language.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// Each once.
    pub conditions: Vec<Condition>,
    /// In the order of the organisation's rules.
    pub bodies: Vec<Body>,
    /// In the order of the organisation's bases: the test of each variant, none for one that takes every call.
    pub variants: Vec<Vec<Option<ConditionId>>>,
    /// In the order of the organisation's invariants: which calls they are about.
    pub invariants: Vec<Option<Typed>>,
}

/// What a rule looks at beyond its scope.
#[derive(Debug, Default)]
pub struct Body {
    pub when: Option<Typed>,
    pub unless: Option<Typed>,
    /// `except` and the exceptions to this rule: what any of them covers, the rule does not match.
    pub covers: Vec<Cover>,
    /// Of a rule that the engine decides: what no condition says.
    pub beyond: Option<Beyond>,
}

/// What keeps a rule of a `.rego` file from being conditions alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Where it stands.
    pub span: crate::source::Span,
    /// What it is, as a noun.
    pub what: String,
}

/// What lifts a rule.
#[derive(Debug)]
pub struct Cover {
    pub scope: crate::resolve::Scope,
    pub when: Option<Typed>,
    /// From this moment on it covers nothing.
    pub until: Option<crate::ast::Moment>,
}

/// A condition, type-checked for each parameter shape that it covers; for each action where it mentions `action`
/// or `resource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    ByShape(std::collections::BTreeMap<crate::resolve::shape::ShapeId, ConditionId>),
    ByAction(std::collections::BTreeMap<polity_runtime::table::ActionId, ConditionId>),
}
