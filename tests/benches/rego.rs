//! A decision by a Rego rule: as conditions of the table, as a program kept whole, and beside both the engine's own
//! interpreter on the same rule and the same document.
//!
//! `cargo bench -p polity-tests --bench rego`

use std::collections::BTreeMap;

use polity::compile::{Ask, Memo, compile_with};
use polity::diag::Sink;
use polity::ir::{ConditionId, Typed};
use polity::lower::rego::engine::{Module, program};
use polity::source::SourceTree;
use polity_runtime::decide::{Phase, Request, decide};
use polity_runtime::guard::Silent;
use polity_runtime::session::{ClassSet, Seat, State};
use polity_runtime::table::{ActionId, Table};
use polity_runtime::value::Arguments;
use regorus::{Engine, Value};

fn main() {
    divan::main();
}

/// 2026-11-22T00:00:00Z
const NOW: i64 = 1_795_305_600_000;

const ORGANISATION: &str = concat!(
    include_str!("../cases/organisation.yaml"),
    r#"kind: Tool
name: t
actions:
  do: {effect: write, external: true, reversible: false, params: {amount: int, repo: string}}
---
kind: Agent
name: bot
owner: carol
kill_contact: carol
---
kind: Deployment
agent: bot
team: payments
environments: {production: {ring: trusted, tools: [t], enforced_by: gateway}}
---
kind: Policy
name: p
rules:
  a: {effect: allow, environments: [production], actions: [t.do]}
  r: {effect: deny, actions: [t.do]}
"#
);

const DATA: &str = r#"{"limits": {"bot": 5000}, "regions": ["eu-", "us-", "acme-", "ap-"]}"#;

const RULES: [&str; 4] = [
    "deny if input.args.amount > 5000",
    "deny if { input.agent.team == \"payments\"; input.environment == \"production\"; input.args.amount > data.limits[input.agent.agent] }",
    "deny contains msg if { some r in data.regions; startswith(input.args.repo, r); not regex.match(`^acme-[0-9]+$`, input.args.repo); msg := sprintf(\"%s\", [r]) }",
    "deny if not ok(input.args.repo)\nok(x) if { every r in data.regions { r != x } }",
];

fn text(rule: usize) -> String {
    format!("package polity.p\n{}", RULES[rule])
}

fn table(rule: usize) -> Table {
    let tree = SourceTree::from_files(vec![("polity.yaml".to_owned(), ORGANISATION.to_owned())]);
    let mut all = compile_with(&tree, &Memo::default(), Ask::Nothing, Sink::default());
    let whole = program(&Module {
        path: "p.rego",
        text: &text(rule),
        data: DATA,
        entry: "data.polity.p.deny",
        rule: "p/r",
    })
    .expect("the engine takes it");
    let action = all.organization.actions.first().expect("one action");
    let condition = whole
        .condition(&all.organization, action)
        .expect("it reads what there is");
    let id = ConditionId(u32::try_from(all.rules.conditions.len()).expect("few"));
    all.rules.conditions.push(condition);
    let at = all
        .organization
        .rules
        .iter()
        .position(|one| one.name == "p/r")
        .expect("the rule");
    all.rules.bodies[at].when = Some(Typed::ByAction(BTreeMap::from([(ActionId(0), id)])));
    polity::table::build(&all.organization, &all.rules, &all.tree, &mut Sink::default()).expect("a table")
}

/// The same rules from a file: all of them become conditions.
fn lowered(rule: usize) -> Table {
    let organisation = ORGANISATION.replace("  r: {effect: deny, actions: [t.do]}\n", "");
    let policy = text(rule).replace("package polity.p", "package polity.q\n\nimport rego.v1\n");
    let files = [
        ("polity.yaml", organisation),
        ("policies/q.rego", policy),
        ("policies/data.json", DATA.to_owned()),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text)).to_vec();
    let all = compile_with(
        &SourceTree::from_files(files),
        &Memo::default(),
        Ask::Nothing,
        Sink::default(),
    );
    assert!(all.rules.bodies.iter().all(|body| body.beyond.is_none()), "rule {rule}");
    all.table.expect("a table")
}

#[divan::bench(args = [0, 1, 2, 3])]
fn by_conditions(bencher: divan::Bencher<'_, '_>, rule: usize) {
    decided(bencher, &lowered(rule));
}

#[divan::bench(args = [0, 1, 2, 3])]
fn by_a_program(bencher: divan::Bencher<'_, '_>, rule: usize) {
    decided(bencher, &table(rule));
}

fn decided(bencher: divan::Bencher<'_, '_>, table: &Table) {
    let action = table.action("t.do").expect("the action");
    let mut arguments = Arguments::new();
    arguments
        .read_json(&table.parameters(action), r#"{"amount": 4999, "repo": "acme-12"}"#)
        .expect("arguments");
    let holding = ClassSet::default();
    let state = State {
        seat: &Seat::resolve(table, "payments/bot", "production"),
        holding: &holding,
        calls: 0,
    };
    let request = Request {
        action: Some(action),
        arguments: &arguments,
        on_behalf_of: None,
        now: NOW,
        phase: Phase::Live,
    };
    bencher.bench_local(|| decide(table, &state, divan::black_box(&request), &mut Silent));
}

#[divan::bench(args = [0, 1, 2, 3])]
fn the_engine_itself(bencher: divan::Bencher<'_, '_>, rule: usize) {
    let mut engine = Engine::new();
    engine.add_policy("p.rego".to_owned(), text(rule)).expect("a policy");
    engine
        .add_data(Value::from_json_str(DATA).expect("JSON"))
        .expect("data");
    let input = r#"{"agent": {"agent": "bot", "team": "payments"}, "environment": "production", "args": {"amount": 4999, "repo": "acme-12"}}"#;
    let input = Value::from_json_str(input).expect("JSON");
    bencher.bench_local(|| {
        engine.set_input(input.clone());
        engine.eval_rule("data.polity.p.deny".to_owned())
    });
}
