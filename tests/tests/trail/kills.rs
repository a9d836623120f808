//! Kills: a brake that does not wait, and that nobody else pulls.

use crate::world::World;

const KILL: &str = "kind: Kill\nname: incident\nagents: [bot]\nreason: exfiltration\n";

/// Carol, who may stop an agent, signed something else, which somebody brings along.
#[test]
fn a_signature_of_something_else_stops_nobody() {
    for (signer, holds) in [("erin", false), ("carol", true)] {
        let mut world = World::new();
        world.commit("carol");
        world.write("kills.yaml", KILL).commit(signer).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the rule for kills"),
        }
        // Nor does it help to begin with the kill.
        let mut world = World::new();
        world.write("kills.yaml", KILL).commit(signer);
        world.commit("carol").merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the rule for kills"),
        }
    }
}

#[test]
fn every_kill_is_signed_and_as_it_was_signed() {
    let second = KILL.replace("name: incident", "name: second");
    for (signer, holds) in [("erin", false), ("dave", true)] {
        let mut world = World::new();
        world.write("kills.yaml", KILL).commit("carol");
        world.write("second.yaml", &second).commit(signer).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the rule for kills"),
        }
        let mut world = World::new();
        world.write("kills.yaml", KILL).commit("carol");
        let wider = KILL.replace("agents: [bot]", "everything: true");
        world.write("kills.yaml", wider).commit(signer).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the rule for kills"),
        }
    }
}

/// Whoever merges signs the tree that the merge makes.
#[test]
fn whoever_merges_a_kill_pulls_the_brake() {
    for (signer, holds) in [("carol", true), ("erin", false), ("gitlab", false)] {
        let mut world = World::new();
        world.write("kills.yaml", KILL).commit("erin").merge_by(signer, "Merge");
        match holds {
            true => drop(world.holds()),
            false => world.refused("the rule for kills"),
        }
    }
}

/// While something is stopped, what its policies say is asked about as if it were not: else the kill would hide it, and
/// whoever wrote it could approve the kill's end.
#[test]
fn a_kill_hides_no_change_of_policies() {
    let kills = [
        "everything: true",
        "agents: [bot]",
        "teams: [payments]",
        "tools: [billing]",
        "environments: [production, staging]",
    ];
    let more = "kind: Policy\nname: more\nrules:\n  all:\n    effect: allow\n    agents: [payments/bot]\n    \
                environments: [staging]\n    actions: [billing.refund]\n";
    let deny = "kind: Policy\nname: guard\nrules:\n  big:\n    effect: deny\n    actions: [billing.refund]\n    when: \
                context.args.amount > 50\n    reason: too much\n";
    for what in kills {
        let kill = format!("kind: Kill\nname: incident\n{what}\nreason: exfiltration\n");
        let stopped = || World::with(&[("kills.yaml", &kill), ("policies/guard.yaml", deny)]);
        let mut world = stopped();
        world.write("policies/more.yaml", more).commit("erin").merge();
        world.refused("the organisation's owners");
        let mut world = stopped();
        world.remove("policies/guard.yaml").commit("erin").merge();
        world.refused("the organisation's owners");
        // Approved, or where nothing but a comment differs, it holds.
        let mut world = stopped();
        world
            .write("policies/more.yaml", more)
            .commit("erin")
            .approve(&["alice"])
            .merge();
        world.holds();
        let mut world = stopped();
        let remarked = format!("# as agreed\n{deny}");
        world.write("policies/guard.yaml", remarked).commit("erin").merge();
        world.holds();
    }
}
