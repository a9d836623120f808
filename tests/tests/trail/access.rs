//! Who approved an agent's access, and when it last changed, whichever document it came by: in the log, and in what a
//! bundle says of a decision.

use gix::ObjectId;

use crate::bench::Bench;
use crate::world::{World, public};

const TEAM: &str =
    "kind: Team\nname: payments\nowners: [carol, dave]\nceiling: {rings: [standard], tools: [billing]}\n";

const TOOLS: &str = "kind: Tool\nname: billing\nactions:\n  refund:\n    effect: write\n    external: true\n    reversible: \
                     true\n    params: {amount: int}\n---\nkind: Tool\nname: shell\nactions:\n  run: {effect: write, external: \
                     false, reversible: true}\n---\nkind: Credential\nname: billing-db\nenvironments: [production]\nmax_ttl: \
                     15m\nowner: carol\nissuer: {vault: database/creds/billing}\n";

const RING: &str = "kind: Ring\nname: standard\nlevel: 2\neffects: [read]\n";

const POLICIES: &str = "kind: Policy\nname: grants\nrules:\n  large:\n    effect: allow\n    agents: [payments/bot]\n    \
                        environments: [production]\n    actions: [billing.refund]\n    approval: {require: [{from: \
                        [security], count: 1}], timeout: 1h}\n  database:\n    effect: allow\n    agents: [payments/bot]\n    \
                        environments: [production]\n    credentials: [billing-db]\n  run:\n    effect: allow\n    agents: \
                        [payments/helper]\n    environments: [production]\n    actions: [shell.run]\n  clerks:\n    effect: \
                        allow\n    agents: [payments/clerk]\n    environments: [production, staging]\n    actions: \
                        [billing.refund]\n";

const TEMPLATE: &str = "kind: Template\nname: clerk\nparams:\n  agent: {type: name}\n---\nkind: Deployment\nagent: {{ agent \
                        }}\nenvironments:\n  staging: {ring: standard, tools: [billing], enforced_by: gateway}\n";

const ROW: &str = "teams/payments/deployment.yaml";

fn world() -> World {
    let placed = "production: {ring: standard, tools: [billing], enforced_by: gateway}";
    let row = format!("kind: Deployment\nagent: bot\nenvironments:\n  {placed}\n");
    let helper = "kind: Deployment\nagent: helper\nenvironments:\n  production: {ring: standard, tools: [billing], enforced_by: \
                  gateway}\n";
    let agents = ["bot", "helper", "clerk", "other"].map(|name| {
        let keys = match name {
            "bot" => format!("git: {{keys: [\"{}\"]}}\n", public("bot")),
            _ => String::new(),
        };
        format!("kind: Agent\nname: {name}\nowner: erin\nkill_contact: frank\n{keys}")
    });
    World::with(&[
        (
            "team.yaml",
            &format!("{TEAM}---\nkind: Team\nname: support\nowners: [erin]\n"),
        ),
        ("tools.yaml", TOOLS),
        ("rings.yaml", RING),
        ("grants.yaml", POLICIES),
        ("agents.yaml", &agents.join("---\n")),
        ("templates/clerk.yaml", TEMPLATE),
        (
            "teams/payments/clerk.yaml",
            "kind: Use\nname: clerk\ntemplate: clerk\nwith: {agent: clerk}\n",
        ),
        ("teams/payments/helper.yaml", helper),
        (ROW, &row),
        (
            "teams/support/other.yaml",
            &format!("kind: Deployment\nagent: other\nenvironments:\n  {placed}\n"),
        ),
        (
            crate::world::REFUNDS,
            "kind: Policy\nname: refunds\nrules:\n  most:\n    effect: deny\n    agents: [payments/bot]\n    actions: [billing.refund]\n    when: context.args.amount > 9000\n",
        ),
    ])
}

/// Each changes somebody's access by another document; then come steps that are nobody's affair here.
fn steps(world: &mut World) -> [ObjectId; 5] {
    let step = |world: &mut World, approvers: &[&str]| {
        world.commit("frank").approve(approvers).merge();
        world.main
    };
    world.replace(ROW, "tools: [billing]", "tools: [billing], credentials: [billing-db]");
    let row = step(world, &["carol", "alice"]);
    world.replace("rings.yaml", "[read]", "[read, write]");
    let ring = step(world, &["alice"]);
    let more = "  production: {ring: standard, tools: [billing], enforced_by: gateway}\n  staging:";
    world.replace("templates/clerk.yaml", "  staging:", more);
    let template = step(world, &["bob", "dave"]);
    world.replace("team.yaml", "tools: [billing]", "tools: [billing, shell]");
    world.replace("teams/payments/helper.yaml", "[billing]", "[billing, shell]");
    let ceiling = step(world, &["alice", "dave"]);
    world.replace("groups.yaml", "[alice, bob]", "[alice, bob, frank]");
    world.commit("erin").approve(&["bob"]).merge();
    let group = world.main;
    world.write("README.md", "More.\n").commit("frank").merge();
    world.replace("teams/support/other.yaml", "[billing]", "[billing, shell]");
    step(world, &["alice", "erin"]);
    world.replace(
        "grants.yaml",
        "name: grants\n",
        "name: grants\ndescription: what is granted\n",
    );
    step(world, &["alice"]);
    [row, ring, template, ceiling, group]
}

#[test]
fn the_step_that_last_changed_an_access_is_found_whichever_document_it_came_by() {
    let mut world = world();
    let [row, ring, template, ceiling, group] = steps(&mut world);
    let bench = Bench::new(world);
    bench.build("a.polity", "").exits(0);
    let key = |name: &str| {
        let key = polity::trail::signature::Key::parse(&public(name)).unwrap();
        format!("{name} (signed, {})", key.fingerprint())
    };
    let questions = [
        (
            "bot",
            "--credential billing-db",
            "credential.billing-db",
            &[row][..],
            "carol",
        ),
        (
            "bot",
            "--environment production --action billing.refund",
            "billing.refund",
            &[group, ring],
            "bob",
        ),
        ("helper", "--action shell", "shell.run", &[ceiling], "dave"),
        (
            "clerk",
            "--environment production",
            "billing.refund",
            &[template],
            "dave",
        ),
    ];
    for (agent, filter, action, expected, approver) in questions {
        let log = bench
            .polity(&format!("log repo --agent payments/{agent} {filter}"))
            .exits(0);
        let lines: Vec<&str> = log.out.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{agent} {filter}\n{}", log.out);
        for (line, commit) in lines.iter().zip(expected) {
            assert!(
                line.starts_with(&commit.to_string()[..12]),
                "{agent} {filter}\n{}",
                log.out
            );
        }
        assert!(lines[0].contains(&key(approver)), "{}", lines[0]);
        let decided = bench.polity(&format!(
            "decide a.polity --trust keys/trust.json --agent payments/{agent} --environment production --action {action} \
             --now 2026-11-23T10:00:00Z --format json"
        ));
        let read: serde_json::Value = serde_json::from_str(&decided.exits(0).out).unwrap();
        assert_eq!(read["access"]["commit"], expected[0].to_string(), "{agent} {action}");
        let by = read["access"]["approved_by"].to_string();
        assert!(by.contains(&format!("{approver} (signed)")), "{by}");
    }
    // What nobody changed is as everybody agreed to begin with.
    let untouched = bench.polity("log repo --agent support/other --environment production --action billing");
    assert_eq!(untouched.exits(0).out, "");
    let json = bench
        .polity("log repo --agent payments/bot --credential billing-db --format json")
        .exits(0);
    let read: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let effect = "widens payments/bot in production: credential.billing-db";
    assert_eq!(read["steps"][0]["effects"][0], effect);
}

#[test]
fn what_lies_before_the_checkpoint_is_told_by_the_bundle_before() {
    let mut bench = Bench::new(world());
    bench
        .world
        .replace(ROW, "tools: [billing]", "tools: [billing], credentials: [billing-db]");
    bench.world.commit("frank").approve(&["carol", "alice"]).merge();
    let row = bench.world.main.to_string();
    bench.build("one.polity", "").exits(0);
    bench
        .world
        .replace("rings.yaml", "[read]", "[read, write]")
        .commit("frank")
        .approve(&["alice"])
        .merge();
    let ring = bench.world.main.to_string();
    bench.build("two.polity", "--previous one.polity").exits(0);
    bench.build("whole.polity", "").exits(0);
    for bundle in ["two.polity", "whole.polity"] {
        for (action, commit) in [("credential.billing-db", &row), ("billing.refund", &ring)] {
            bench
                .polity(&format!(
                    "explain {bundle} --trust keys/trust.json --agent payments/bot --environment production --action \
                     {action} --now 2026-11-23T10:00:00Z"
                ))
                .exits(0)
                .says(&format!("as since commit {}, approved by ", &commit[..12]));
        }
    }
}

#[test]
fn a_change_that_came_with_a_broken_tree_is_told_where_it_compiles_again() {
    let mut bench = Bench::new(world());
    let world = &mut bench.world;
    world.replace("rings.yaml", "[read]", "[read, write]");
    world.write("broken.yaml", "kind: Nonsense\n").commit("frank").forward();
    world.remove("broken.yaml").commit("frank").forward();
    let mended = world.main.to_string();
    let log = bench
        .polity("log repo --agent payments/bot --action billing.refund")
        .exits(0);
    assert!(log.out.starts_with(&mended[..12]), "{}", log.out);
    assert!(
        log.out.contains("widens payments/bot in production: billing.refund"),
        "{}",
        log.out
    );
}

/// A file below `.git/` that whoever can write there made: the log may be taken in, no verdict is.
#[test]
fn a_poisoned_cache_reaches_the_log_and_no_verdict() {
    let mut bench = Bench::new(World::new());
    bench.world.approved_step(200);
    bench
        .world
        .write(crate::world::REFUNDS, crate::world::refunds(300))
        .commit("frank")
        .merge();
    let fresh = bench.polity("log repo").exits(0);
    let folder = bench.world.path().join(".git/polity");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    // What is remembered says the same, and neither is what cannot be read an error.
    assert_eq!(bench.polity("log repo").exits(0).out, fresh.out);
    let good = std::fs::read_to_string(&file).unwrap();
    for bad in [
        "",
        "{}",
        "[1, 2",
        &good.replace("0.1.0", "0.0.9"),
        &good.replace("ssh-ed25519 A", "ssh-ed25519 B"),
    ] {
        std::fs::write(&file, bad).unwrap();
        assert_eq!(bench.polity("log repo").exits(0).out, fresh.out, "{bad}");
    }
    let poisoned = good.replace(
        &public("frank").replace(" frank", ""),
        &public("dave").replace(" dave", ""),
    );
    assert_ne!(poisoned, good);
    std::fs::write(&file, poisoned).unwrap();
    bench.polity("log repo").exits(0).says("written by dave");
    assert_eq!(bench.polity("log repo --no-cache").exits(0).out, fresh.out);
    bench
        .polity("log repo --trust keys/trust.json")
        .exits(1)
        .says("was not approved");
    bench.build("a.polity", "").exits(1).says("was not approved");
    let bundles = ["a.polity", "b.polity"].map(|name| bench.keys.path().join(name));
    // Nor does what is approved come out otherwise.
    bench
        .world
        .write(crate::world::REFUNDS, crate::world::refunds(200))
        .commit("frank")
        .merge();
    bench
        .world
        .set_main(bench.world.history().commit(bench.world.main).unwrap().parents[0]);
    bench
        .world
        .set_main(bench.world.history().commit(bench.world.main).unwrap().parents[0]);
    bench.build("a.polity", "").exits(0);
    std::fs::remove_dir_all(&folder).unwrap();
    bench.build("b.polity", "").exits(0);
    let [poisoned, clean] = bundles.map(|path| std::fs::read(path).unwrap());
    assert!(poisoned == clean);
}
