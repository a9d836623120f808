//! Lowered policies to a table with one cell, and a request to its answer: the compiler's own diagrams and the
//! runtime's own evaluator, as every organisation has them.

use std::collections::{BTreeMap, BTreeSet};

use polity::ast::{Enforcement, Millis, Rate, RuleEffect, Text};
use polity::diag::Sink;
use polity::ir::{Body, Condition, ConditionId, RuleSet, Typed};
use polity::lower::cedar::world::Lowered;
use polity::resolve::shape::{Shape, ShapeId};
use polity::resolve::{
    Action, Agent, AgentId, Deployment, Environment, Isolation, Organization, Placement, Ring, Rule, Scope, Team,
    TeamId, Tool,
};
use polity::source::{SourceTree, Span};
use polity::table;
use polity_runtime::decide::{Kind, Observer, Outcome, Phase, Request, decide};
use polity_runtime::guard::{Answer, Blame, Trace};
use polity_runtime::session::{ClassSet, Seat, State};
use polity_runtime::table::{Cell, EnvironmentId, RingId, RuleId, Table, ToolId};
use polity_runtime::value::{Arguments, Effect, Value};

/// What was decided of a request, and by which policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Allowed.
    pub allowed: bool,
    /// Permits that are satisfied.
    pub permits: BTreeSet<String>,
    /// Forbids that are satisfied.
    pub forbids: BTreeSet<String>,
    /// Policies that erred.
    pub errors: BTreeSet<String>,
}

/// The table of some policies for a class of requests; `None` where a condition is too large for one.
pub fn table(policies: &[Lowered], slots: u16) -> Option<Table> {
    let at = Span::NOWHERE;
    let name = |name: &str| Text::new(name.to_owned(), at);
    let mut rules = RuleSet::default();
    let mut organization = Organization {
        name: "corpus".to_owned(),
        teams: vec![Team {
            unread: false,
            name: name("t"),
            owners: Vec::new(),
            owns: Vec::new(),
            rings: None,
            tools: None,
        }],
        environments: vec![Environment {
            unread: false,
            name: name("e"),
            rank: 0,
            rings: None,
            enforced_by: None,
            credentials_max_ttl: None,
        }],
        rings: vec![ring()],
        tools: vec![Tool {
            name: "t".to_owned(),
            span: at,
            strict: true,
            credential: None,
            server: None,
            endpoints: Vec::new(),
            first_action: 0,
            action_count: 1,
        }],
        actions: vec![Action {
            name: "t.a".to_owned(),
            base: "t.a".to_owned(),
            span: at,
            tool: ToolId(0),
            effect: Effect::Read,
            external: false,
            reversible: true,
            reads: Vec::new(),
            resources: Vec::new(),
            shape: ShapeId(0),
        }],
        shapes: vec![Shape {
            slots,
            ..Shape::default()
        }],
        agents: vec![Agent {
            name: name("a"),
            owner: None,
            product: None,
            git_keys: Vec::new(),
            identity_keys: Vec::new(),
            tags: Vec::new(),
            review_by: None,
            kill_contact: None,
        }],
        deployments: vec![Deployment {
            name: "t/a".to_owned(),
            span: at,
            agent: AgentId(0),
            team: TeamId(0),
            placements: vec![Placement {
                span: at,
                environment: EnvironmentId(0),
                ring: RingId(0),
                given: vec![ToolId(0)],
                enforcement: Enforcement::Embedded,
                until: None,
            }],
        }],
        ..Organization::default()
    };
    for (number, policy) in policies.iter().enumerate() {
        let condition = policy
            .condition
            .clone()
            .unwrap_or(Condition::Constant(polity::ir::Answer::Error));
        let id = ConditionId(u32::try_from(number).ok()?);
        rules.conditions.push(condition);
        rules.bodies.push(Body {
            when: Some(Typed::ByShape(BTreeMap::from([(ShapeId(0), id)]))),
            ..Body::default()
        });
        organization.rules.push(Rule {
            name: format!("policies/{number:06}"),
            span: at,
            team: None,
            effect: if policy.forbids {
                RuleEffect::Deny
            } else {
                RuleEffect::Allow
            },
            scope: Scope::default(),
            except: None,
            when: None,
            unless: None,
            cedar: None,
            rego: None,
            approval: None,
            limit: None,
            expires: None,
            observe_until: None,
            reason: None,
        });
    }
    let tree = SourceTree::from_files(Vec::new());
    table::build(&organization, &rules, &tree, &mut Sink::default())
}

fn ring() -> Ring {
    Ring {
        name: "r".to_owned(),
        span: None,
        level: 0,
        effects: vec![Effect::Read, Effect::Write, Effect::Destructive],
        irreversible: true,
        rate: Rate {
            count: 1,
            per: Millis(1),
        },
        burst: 1,
        concurrent: 1,
        isolation: Isolation {
            user: String::new(),
            rootfs: String::new(),
            tmpfs: Vec::new(),
            writable: Vec::new(),
            capabilities: Vec::new(),
            seccomp: String::new(),
            hosts: Vec::new(),
            subprocess: false,
            pids: 0,
            memory: 0,
        },
    }
}

/// Decides one request. `policies` are those that the table was made of.
pub fn decided(table: &Table, policies: &[Lowered], slots: Vec<Value<'static>>) -> Decided {
    let holding = ClassSet::default();
    let state = State {
        seat: &Seat::resolve(table, "t/a", "e"),
        holding: &holding,
        calls: 0,
    };
    let arguments = Arguments::of_slots(slots);
    let request = Request {
        action: table.action("t.a"),
        arguments: &arguments,
        on_behalf_of: None,
        now: 0,
        phase: Phase::Live,
    };
    let mut seen = Seen::default();
    let decision = decide(table, &state, &request, &mut seen);
    let with = |kind: Kind, answer: Answer| {
        let rules = seen
            .rules
            .iter()
            .filter(move |(own, _, found)| *own == kind && *found == Some(answer));
        rules.filter_map(|(_, rule, _)| policies.get(rule.0 as usize).map(|policy| policy.id.clone()))
    };
    Decided {
        allowed: decision.outcome == Outcome::Allow,
        permits: with(Kind::Grant, Answer::Yes).collect(),
        forbids: with(Kind::Deny, Answer::Yes).collect(),
        errors: with(Kind::Grant, Answer::Error)
            .chain(with(Kind::Deny, Answer::Error))
            .collect(),
    }
}

/// What each policy came to.
#[derive(Default)]
struct Seen {
    rules: Vec<(Kind, RuleId, Option<Answer>)>,
}

impl Trace for Seen {
    fn test(&mut self, _: u32, _: Answer, _: Option<Blame>) {}
}

impl Observer for Seen {
    fn cell(&mut self, _: &Cell<'_>) {}
    fn enter(&mut self, kind: Kind, rule: RuleId) {
        self.rules.push((kind, rule, None));
    }
    fn leave(&mut self, answer: Answer) {
        if let Some((_, _, last)) = self.rules.last_mut() {
            *last = Some(answer);
        }
    }
    const THOROUGH: bool = true;
}
