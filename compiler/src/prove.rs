//! `(&Organization, &RuleSet, &Table)` to diagnostics: that what an invariant forbids can never happen.
//!
//! Every cell that an invariant is about is searched for a call with the forbidden answer, at any time. One that is
//! found violates it; one that cannot be excluded is not proved, and stops a build just so. What an invariant's own
//! condition cannot be evaluated for counts as meant by it. A rule that is only observed for now forbids nothing yet.
//! Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::decide::{Code, Outcome};
use polity_runtime::table::{ActionId, DeploymentId, Table, ToolId};

use crate::ast::RuleEffect;
use crate::diag::codes::invariant::{INVARIANT_UNDECIDED, INVARIANT_VIOLATED};
use crate::diag::{Diagnostic, Sink};
use crate::ir::{Condition, Constant, Op, RuleSet, Term, Test, Typed};
use crate::resolve::{Deployment, Invariant, Organization, Placement};
use crate::search::{
    Alternative, Call, Decided, Decider, ERROR, Found, Frame, Goal, Imported, Model, Rules, Sides, Solver, Space,
    Standing, Theory, Trail, Verdict, YES, ask, of_tool, standing,
};
use crate::table::diagram::Diagram;
use crate::table::hash::HashMap;
use crate::table::{premise, probe};

/// How many ways to break one invariant are shown. More would be read by nobody.
const MOST_SHOWN: usize = 5;
/// How many agents are named.
const MOST_NAMED: usize = 3;

/// Proves every invariant, or says what breaks it.
pub fn prove(organization: &Organization, rules: &RuleSet, table: &Table, sink: &mut Sink) {
    let found = violations(organization, rules, table);
    for invariant in &organization.invariants {
        let own = |one: &&Violation| one.invariant == invariant.name.value;
        report(
            organization,
            invariant,
            &found.iter().filter(own).collect::<Vec<_>>(),
            sink,
        );
    }
}

/// What breaks an invariant, or may.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: String,
    /// A call that breaks it, and what the table says; none where it could only not be excluded.
    pub witness: Option<(Call, Verdict)>,
    /// Agents, each with its environment.
    pub agents: BTreeSet<(String, String)>,
    /// Actions, variants by their own names.
    pub actions: BTreeSet<String>,
}

/// Every way in which an invariant is broken: of each rule that breaks it, one.
pub fn violations(organization: &Organization, rules: &RuleSet, table: &Table) -> Vec<Violation> {
    let mut all = Vec::new();
    if organization.invariants.is_empty() {
        return all;
    }
    let mut space = Space::default();
    let mut names = Rules::default();
    let Some(imported) = Imported::new(table, &mut space) else {
        // Made by this very program: it knows every test. Should it not, nothing is proved.
        let open = |invariant: &Invariant| Violation {
            invariant: invariant.name.value.clone(),
            witness: None,
            agents: BTreeSet::new(),
            actions: BTreeSet::new(),
        };
        return organization.invariants.iter().map(open).collect();
    };
    let mut prover = Prover {
        organization,
        rules,
        table,
        people: people(table),
        sides: Sides::new(imported, 0, &mut names),
        names,
        space,
        callable: callable(table),
        frames: HashMap::default(),
        classes: organization
            .classes
            .iter()
            .map(|class| class.name.value.clone())
            .collect(),
    };
    for (invariant, when) in organization.invariants.iter().zip(&rules.invariants) {
        prover.one(invariant, when.as_ref(), &mut all);
    }
    all
}

/// What is searched once: a way to decide, the premise under which it matters, and the answer.
type Asked = (Alternative, Option<Diagram>, u32);

/// Is told what came of a place and an action.
type Tell<'t> = &'t mut dyn FnMut(&Place<'_>, &str, Found<(Call, Verdict)>);

struct Prover<'p> {
    organization: &'p Organization,
    rules: &'p RuleSet,
    table: &'p Table,
    people: Constant,
    sides: Sides<'p>,
    names: Rules,
    space: Space,
    /// Of each tool, the actions that a call can name.
    callable: BTreeMap<u32, Vec<ActionId>>,
    frames: HashMap<u32, std::sync::Arc<Frame>>,
    classes: Vec<String>,
}

/// Where something was found.
struct Place<'p> {
    id: DeploymentId,
    deployment: &'p Deployment,
    placement: &'p Placement,
    environment: &'p str,
    action: ActionId,
    /// What decides the tool's actions there.
    fragment: Option<u32>,
}

impl<'p> Prover<'p> {
    fn one(&mut self, invariant: &Invariant, when: Option<&Typed>, all: &mut Vec<Violation>) {
        // By the answer and the rule that decides; first of all what is only possible.
        let mut found: BTreeMap<Option<(Outcome, Option<String>)>, Violation> = BTreeMap::new();
        let mut known: HashMap<Asked, Vec<Found<(Call, Verdict)>>> = HashMap::default();
        let mut tell = |place: &Place<'_>, action: &str, result: Found<(Call, Verdict)>| {
            let (key, witness) = match result {
                Found::Never => return,
                Found::Unsettled => (None, None),
                Found::Witness((call, verdict)) => {
                    (Some((verdict.outcome, verdict.rule.clone())), Some((call, verdict)))
                }
            };
            // The first call stands for all: the others call alike.
            let violation = found.entry(key).or_insert_with(|| Violation {
                invariant: invariant.name.value.clone(),
                witness,
                agents: BTreeSet::new(),
                actions: BTreeSet::new(),
            });
            let agent = (place.deployment.name.clone(), place.environment.to_owned());
            violation.agents.insert(agent);
            violation.actions.insert(action.to_owned());
        };
        for (id, deployment) in (0u32..).map(DeploymentId).zip(&self.organization.deployments) {
            for placement in &deployment.placements {
                if invariant
                    .scope
                    .takes_placement(id, placement.ring, placement.environment)
                {
                    self.placement(invariant, when, (id, deployment, placement), &mut known, &mut tell);
                }
            }
        }
        all.extend(found.into_values());
    }

    fn placement(
        &mut self,
        invariant: &Invariant,
        when: Option<&Typed>,
        (id, deployment, placement): (DeploymentId, &'p Deployment, &'p Placement),
        known: &mut HashMap<Asked, Vec<Found<(Call, Verdict)>>>,
        tell: Tell<'_>,
    ) {
        let environment = self.organization.environments.get(placement.environment.0 as usize);
        let environment = environment.map_or("", |environment| environment.name.value.as_str());
        let stands = standing(self.table, &deployment.name, environment);
        let denied = invariant.never.contains(&RuleEffect::Deny);
        let tools: Vec<u32> = self.callable.keys().copied().collect();
        for tool in tools {
            let about = of_tool(self.table, stands, Some(ToolId(tool)));
            // What is refused to everybody is a denial, which few invariants forbid.
            if matches!(about, Standing::Refused(_)) && !denied {
                continue;
            }
            for base in self.callable.get(&tool).cloned().unwrap_or_default() {
                let ways = match about {
                    Standing::Refused(code) => self.refused(base, code),
                    Standing::Open(fragment, until) => {
                        let frame = self.frame(base);
                        self.sides
                            .ways(&mut self.space, &mut self.names, &frame, 0, (fragment, until), base)
                    }
                };
                for (action, way) in ways {
                    let Some(action) = action.filter(|action| invariant.scope.takes_action(*action)) else {
                        continue;
                    };
                    let place = Place {
                        id,
                        deployment,
                        placement,
                        environment,
                        action,
                        fragment: match about {
                            Standing::Open(fragment, _) => Some(fragment),
                            Standing::Refused(_) => None,
                        },
                    };
                    for outcome in &invariant.never {
                        for result in self.search(invariant, when, &place, base, &way, *outcome, known) {
                            tell(&place, self.table.action_name(action), result);
                        }
                    }
                }
            }
        }
    }

    /// Every action of a refused tool, denied.
    fn refused(&self, base: ActionId, code: Code) -> Vec<(Option<ActionId>, Alternative)> {
        let way = || Alternative {
            premises: Vec::new(),
            decided: Decided::Refused(code),
        };
        let variants: Vec<_> = self
            .table
            .variants(base)
            .map(|(_, action)| (Some(action), way()))
            .collect();
        if variants.is_empty() {
            vec![(Some(base), way())]
        } else {
            variants
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what is asked of what, and what was asked before"
    )]
    fn search(
        &mut self,
        invariant: &Invariant,
        when: Option<&Typed>,
        place: &Place<'p>,
        base: ActionId,
        way: &Alternative,
        outcome: RuleEffect,
        known: &mut HashMap<Asked, Vec<Found<(Call, Verdict)>>>,
    ) -> Vec<Found<(Call, Verdict)>> {
        let outcome = wanted(outcome);
        let mut goals = way.goals(outcome, None);
        if goals.is_empty() {
            return Vec::new();
        }
        let at = (place.id, place.deployment, place.placement);
        let condition = premise(
            self.organization,
            self.rules,
            (&invariant.scope, when),
            at,
            place.action,
        );
        let diagram = match condition {
            None => None,
            Some(condition) => match self.space.diagrams.build(&self.known(&condition)) {
                Ok(diagram) => Some(diagram),
                Err(_) => return vec![Found::Unsettled],
            },
        };
        self.space.settle();
        let key = (
            way.clone(),
            diagram,
            outcome as u32 * 1_000_000 + shape(self.table, base),
        );
        if let Some(found) = known.get(&key) {
            return found.clone();
        }
        let meant = |goal: Goal| match diagram {
            Some(diagram) => goal.and(diagram, YES | ERROR),
            None => goal,
        };
        goals = goals.into_iter().map(meant).collect();
        let frame = self.frame(base);
        let theory = Theory::new(&frame, &self.classes, None);
        let mut solver = Solver::new(&self.space, theory);
        let table = self.table;
        let cell = place
            .fragment
            .and_then(|fragment| table.cell_id(fragment, place.action));
        let diagrams = &self.space.diagrams;
        // What the invariant itself asks is in no rule, so a table that was made for it says whether the call is meant.
        let mut probed: Option<Option<Table>> = None;
        let mut is_meant = |call: &Call| match (diagram, cell) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(diagram), Some(cell)) => {
                let made = probed.get_or_insert_with(|| probe(table, diagrams, diagram, cell));
                made.as_ref()
                    .is_some_and(|made| ask(made, call).code == Code::DeniedByRule)
            }
        };
        let mut confirm = |model: &Model, _: &Trail| {
            let names = (
                place.deployment.name.as_str(),
                place.environment,
                table.action_name(base),
            );
            let call = Call::new(names, &frame, model, 0);
            let verdict = ask(table, &call);
            (verdict.outcome == outcome && is_meant(&call)).then_some((call, verdict))
        };
        let mut found = vec![solver.any(&goals, &mut confirm)];
        if let [Found::Witness((_, first))] = found.as_slice() {
            // There is such a call: of each other rule that decides so, one.
            let first = first.rule.clone();
            let deciders = Decider::all(way, outcome);
            for at in 0..deciders.len() {
                let goal = meant(Decider::goal(way, outcome, &deciders, at));
                match solver.solve(&goal, &mut confirm) {
                    Found::Witness(other) if other.1.rule != first => found.push(Found::Witness(other)),
                    _ => {}
                }
            }
        }
        known.insert(key, found.clone());
        found
    }

    fn frame(&mut self, base: ActionId) -> std::sync::Arc<Frame> {
        let table = self.table;
        let key = shape(table, base);
        let made = self
            .frames
            .entry(key)
            .or_insert_with(|| std::sync::Arc::new(Frame::alone(table, base)));
        std::sync::Arc::clone(made)
    }

    /// A condition in which whom the table knows is a set like another, as it is where guards are searched.
    fn known(&self, condition: &Condition) -> Condition {
        let of = |inner: &Condition| Box::new(self.known(inner));
        match condition {
            Condition::Test(Test {
                op: Op::KnownPerson,
                left,
                ..
            }) => Condition::Test(Test {
                op: Op::Contains,
                left: Term::Constant(self.people.clone()),
                right: left.clone(),
            }),
            Condition::Constant(_) | Condition::Test(_) => condition.clone(),
            Condition::Not(inner) => Condition::Not(of(inner)),
            Condition::ErrorIsNo(inner) => Condition::ErrorIsNo(of(inner)),
            Condition::And(left, right) => Condition::And(of(left), of(right)),
            Condition::Or(left, right) => Condition::Or(of(left), of(right)),
            Condition::If(test, then, otherwise) => Condition::If(of(test), of(then), of(otherwise)),
        }
    }
}

fn wanted(outcome: RuleEffect) -> Outcome {
    match outcome {
        RuleEffect::Allow => Outcome::Allow,
        RuleEffect::Deny => Outcome::Deny,
        RuleEffect::RequireApproval => Outcome::RequireApproval,
    }
}

/// Actions with equal numbers take equal arguments.
fn shape(table: &Table, action: ActionId) -> u32 {
    use polity_runtime::table::record::action as a;
    let record = table.data().actions.get(action.0 as usize);
    record.map_or(0, |r| {
        if r[a::PARAMETER_COUNT] == 0 {
            0
        } else {
            r[a::PARAMETERS] + 1
        }
    })
}

fn people(table: &Table) -> Constant {
    let mut people: Vec<Constant> = table
        .data()
        .people
        .iter()
        .map(|[name]| Constant::String(table.string(*name).to_owned()))
        .collect();
    people.sort();
    Constant::Set(people)
}

fn callable(table: &Table) -> BTreeMap<u32, Vec<ActionId>> {
    use polity_runtime::table::record::action as a;
    let mut callable: BTreeMap<u32, Vec<ActionId>> = BTreeMap::new();
    for (id, action) in (0u32..).map(ActionId).zip(&table.data().actions) {
        if table.action(table.string(action[a::NAME])) == Some(id) {
            callable.entry(action[a::TOOL]).or_default().push(id);
        }
    }
    callable
}

/// One diagnostic for each rule that breaks the invariant, and one for what is open.
fn report(organization: &Organization, invariant: &Invariant, found: &[&Violation], sink: &mut Sink) {
    let name = &invariant.name;
    let (certain, open): (Vec<&Violation>, Vec<&Violation>) = found.iter().partition(|one| one.witness.is_some());
    for (at, violation) in certain.iter().take(MOST_SHOWN).enumerate() {
        let Some((call, verdict)) = &violation.witness else {
            continue;
        };
        let does = match verdict.outcome {
            Outcome::Allow => "may call",
            Outcome::RequireApproval => "may call, once somebody approves,",
            Outcome::Deny => "is denied",
        };
        let message = format!(
            "`{}` does not hold: {} {does} {}",
            name.value,
            agents(violation),
            listed(violation.actions.iter().map(|name| format!("`{name}`")), "action")
        );
        let all = violation.agents.iter().cloned();
        let mut diagnostic = Diagnostic::new(&INVARIANT_VIOLATED, message, name.span, "").of_agents(all);
        let written = verdict.rule.as_ref().and_then(|rule| {
            let at = organization.rules.binary_search_by(|other| other.name.cmp(rule)).ok()?;
            organization.rules.get(at)
        });
        diagnostic = match written {
            Some(rule) => diagnostic.with_related(rule.span, format!("`{}` decides it", rule.name)),
            None => diagnostic.with_help(format!("no rule decides it: {}", verdict.code.as_str())),
        };
        diagnostic = diagnostic.with_help(format!("for example {}", shown(call)));
        if at + 1 == MOST_SHOWN && certain.len() > MOST_SHOWN {
            diagnostic = diagnostic.with_help(match certain.len() - MOST_SHOWN {
                1 => "and one more rule breaks it".to_owned(),
                more => format!("and {more} more rules break it"),
            });
        }
        sink.push(diagnostic);
    }
    for violation in open {
        let message = format!(
            "`{}` is not proved: it could not be decided for {} and {}",
            name.value,
            agents(violation),
            listed(violation.actions.iter().map(|name| format!("`{name}`")), "action")
        );
        let help = "simplify the conditions of the rules there: comparisons with constants can always be decided";
        let diagnostic = Diagnostic::new(&INVARIANT_UNDECIDED, message, name.span, "").with_help(help);
        sink.push(diagnostic.of_agents(violation.agents.iter().cloned()));
    }
}

fn agents(violation: &Violation) -> String {
    let named = |(agent, environment): &(String, String)| format!("`{agent}` in {environment}");
    listed(violation.agents.iter().map(named), "agent")
}

/// The first few of some names; every one where there are none.
fn listed(names: impl ExactSizeIterator<Item = String>, what: &str) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let shown: Vec<String> = names.take(MOST_NAMED).collect();
    match (shown.is_empty(), more) {
        (true, _) => format!("every {what}"),
        (_, 0) => shown.join(", "),
        (_, 1) => format!("{} and another {what}", shown.join(", ")),
        (_, more) => format!("{} and {more} other {what}s", shown.join(", ")),
    }
}

/// A call on one line.
fn shown(call: &Call) -> String {
    let mut text = format!(
        "`{}` in {} calls `{}` with {}",
        call.agent, call.environment, call.action, call.arguments
    );
    if !call.holding.is_empty() {
        text += &format!(", holding {}", call.holding.join(", "));
    }
    if let Some(person) = &call.on_behalf_of {
        text += &format!(", on behalf of `{person}`");
    }
    if call.calls > 0 {
        text += &format!(", after {} calls", call.calls);
    }
    text + &format!(", at {}", call.moment())
}
