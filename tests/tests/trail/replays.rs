//! Approvals and powers that were good once, put to use where they no longer are.

use polity::trail::statement::{Statement, Verdict};
use polity::trail::{approve::propose, history::History};

use crate::world::{APPROVAL, MAIN, REFUNDS, RULES, World, public, refunds, sign};

/// What somebody signs of everything since `base`, whatever came in between.
fn since(world: &World, base: gix::ObjectId, person: &str) -> Statement {
    let history: History = world.history();
    let proposal = propose(&history, MAIN, base, world.head).unwrap();
    proposal.statement(person, Verdict::Approve)
}

fn signed(world: &mut World, statement: &Statement, key: &str) {
    world.add_evidence(statement, Some(sign(key, APPROVAL, &statement.to_bytes())));
    world.commit("");
}

/// Frank was an owner, and by an approved step is one no more. He signs both that step and his own wish as one change
/// from before it, when he was an owner.
#[test]
fn whoever_lost_a_say_does_not_get_it_back_by_speaking_of_the_time_before() {
    type Take<'a> = &'a dyn Fn(&mut World);
    let taken: [Take<'_>; 3] = [
        &|world| {
            world.replace("groups.yaml", "[alice, bob, frank]", "[alice, bob]");
        },
        &|world| {
            world.replace("polity.yaml", "owners: [security]", "owners: [alice, bob]");
        },
        &|world| {
            world.replace(RULES, "from: [frank]", "from: [team-owners]");
        },
    ];
    for take in taken {
        let make = |demoted: bool| {
            let world = World::new();
            let text = world.text("groups.yaml").replace("[alice, bob]", "[alice, bob, frank]");
            let rules = world.text(RULES).replace("team-owners", "frank");
            let mut world = World::with(&[("groups.yaml", &text), (RULES, &rules)]);
            let base = world.main;
            if demoted {
                take(&mut world);
                world.commit("erin").approve(&["alice", "frank"]).merge();
            }
            world.write(REFUNDS, refunds(9_000)).commit("erin");
            let statement = since(&world, base, "frank");
            signed(&mut world, &statement, "frank");
            world.merge();
            world
        };
        make(false).holds();
        make(true).refused("missing 1");
    }
}

/// An agent that comes with the change which its key signs is its owner's all the same.
#[test]
fn nobody_approves_what_an_agent_wrote_that_becomes_theirs() {
    let make = |owner: &str| {
        let mut world = World::new();
        let agent = format!(
            "kind: Agent\nname: second\nowner: {owner}\ngit: {{keys: [\"{}\"]}}\n",
            public("second")
        );
        world
            .write("teams/payments/second.yaml", agent)
            .write(REFUNDS, refunds(200))
            .commit_as("nobody", "second", "a change")
            .approve(&["carol", "dave"])
            .merge();
        world
    };
    make("carol").refused("carol owns an agent that wrote part of the change");
    make("erin").holds();
}

/// The log shows no approval twice.
#[test]
fn the_log_shows_an_approval_at_the_step_that_it_was_given_for() {
    let mut world = World::new();
    world.approved_step(200);
    let given = world.files.clone();
    world
        .write(REFUNDS, refunds(100))
        .commit("frank")
        .approve(&["dave"])
        .merge();
    world.files.extend(given);
    world.commit("frank").merge();
    let bench = crate::bench::Bench::new(world);
    let said = bench
        .polity("log repo --document teams/payments/refunds.yaml")
        .exits(0)
        .out;
    let approved: Vec<bool> = said.lines().map(|line| !line.contains("approved by nobody")).collect();
    assert_eq!(approved, [false, true, true], "{said}");
}

/// A key that somebody put in another's place, and took away again before anybody judged it, was never theirs.
#[test]
fn the_log_names_nobody_for_a_key_that_was_theirs_for_a_moment() {
    for thief in [true, false] {
        let mut world = World::new();
        let people = world.text("people.yaml");
        let key = if thief { "thief" } else { "carol" };
        world
            .write("people.yaml", people.replace(&public("carol"), &public(key)))
            .write("README.md", "People.\n")
            .commit("frank")
            .merge();
        world
            .write(
                "policies/zed.yaml",
                "kind: Policy\nname: zed\nrules:\n  never: {effect: deny, environments: [production], actions: \
                 [billing.refund], when: context.args.amount == 7}\n",
            )
            .commit("frank");
        let statement = world.statement("carol");
        let signature = sign(key, APPROVAL, &statement.to_bytes());
        world.add_evidence(&statement, Some(signature));
        world.commit_as("bot", "", "approvals").merge();
        world.write("people.yaml", people).commit("frank").merge();
        let bench = crate::bench::Bench::new(world);
        let said = bench.polity("log repo --trust keys/trust.json").out;
        assert_eq!(said.contains("approved by carol"), !thief, "{said}");
    }
}

#[test]
fn a_revert_of_a_revert_is_a_change_like_any_other() {
    for approvers in [&[][..], &["dave"]] {
        let mut world = World::new();
        world.approved_step(200);
        let given = world.files.clone();
        world
            .write(REFUNDS, refunds(100))
            .commit("frank")
            .approve(&["dave"])
            .merge();
        // The very files of the first approved step, evidence and all.
        world.files.extend(given);
        world.commit("frank");
        match approvers {
            [] => world.merge().refused("changed since its base"),
            some => drop(world.approve(some).merge().holds()),
        }
    }
}

/// The bot was in staging when carol looked, and is in production when her approval arrives.
#[test]
fn an_approval_for_one_environment_is_none_for_another() {
    let placed = |environment: &str| {
        format!(
            "kind: Deployment\nagent: bot\nenvironments:\n  {environment}: {{ring: standard, tools: [billing], enforced_by: \
             gateway}}\n"
        )
    };
    let path = "teams/payments/deployment.yaml";
    let both = |most: u32| refunds(most).replace("[production]", "[production, staging]");
    for (moved, forged) in [(false, false), (true, false), (true, true)] {
        let mut world = World::with(&[(path, &placed("staging")), (REFUNDS, &both(100))]);
        world.write(REFUNDS, both(200)).commit("frank");
        let mut statement = world.statement("carol");
        let signature = sign("carol", APPROVAL, &statement.to_bytes());
        let cells: Vec<_> = statement.effects.keys().map(|cell| cell.environment.clone()).collect();
        assert_eq!(cells, ["staging"], "what she saw");
        if forged {
            // The same words about another place, under her signature of the first ones.
            let effects = std::mem::take(&mut statement.effects);
            statement.effects = effects
                .into_iter()
                .map(|(mut cell, sides)| {
                    cell.environment = "production".to_owned();
                    (cell, sides)
                })
                .collect();
        }
        let (branch, change) = (world.head, world.text(REFUNDS));
        world.head = world.main;
        world
            .write(REFUNDS, both(100))
            .write(path, placed(if moved { "production" } else { "staging" }));
        world
            .write("README.md", "More.\n")
            .commit("frank")
            .approve(&["dave"])
            .merge();
        world.write(REFUNDS, change);
        world.add_evidence(&statement, Some(signature));
        world.head = branch;
        world.commit("frank").merge();
        match (moved, forged) {
            (false, _) => drop(world.holds()),
            (true, false) => world.refused("stood beside it, for payments/bot in production"),
            (true, true) => world.refused("the signature does not hold"),
        }
    }
}

/// Of two documents that were approved together one is taken back; bringing it again takes more than the old approval.
#[test]
fn a_part_of_an_approved_change_is_not_brought_back_alone() {
    let second = "teams/payments/second.yaml";
    let policy = refunds(500).replace("name: refunds", "name: second");
    for again in [false, true] {
        let mut world = World::new();
        world
            .write(REFUNDS, refunds(200))
            .write(second, &policy)
            .commit("frank")
            .approve(&["carol"])
            .merge();
        world.approved_step(100);
        if again {
            world.write(REFUNDS, refunds(200)).commit("frank").merge();
            world.refused("missing 1");
        } else {
            world.holds();
        }
    }
}
