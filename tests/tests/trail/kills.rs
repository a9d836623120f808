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
