//! What is judged from the bundle before comes to what the whole history comes to, wherever it is cut.

use gix::ObjectId;
use polity::trail::statement::Statement;
use polity::trail::verify::{Checkpoint, Trail, Trusted};

use crate::bench::Bench;
use crate::world::{APPROVAL, REFUNDS, World, refunds, sign};

/// The steps after a commit of the trunk, and who approved each.
fn after(trail: &Trail, place: usize) -> Vec<(usize, usize, Vec<String>)> {
    let steps = trail.steps.iter().filter(|step| step.after > place);
    steps
        .map(|step| {
            let given = step.answers.iter().flat_map(|answer| &answer.given);
            (
                step.before,
                step.after,
                given.map(|given| given.person.clone()).collect(),
            )
        })
        .collect()
}

/// Judges each commit of the trunk from the introductory one, and from each other that holds by itself. Says which hold.
fn cut_everywhere(world: &mut World) -> Vec<bool> {
    let trunk = world.history().chain(world.main).unwrap();
    let head = world.main;
    let mut holds: Vec<bool> = Vec::new();
    for (at, tip) in trunk.iter().enumerate() {
        world.set_main(*tip);
        let whole = world.verify().unwrap();
        for cut in (0..at).filter(|cut| holds[*cut]) {
            let made = world.made(trunk[cut]);
            let checkpoint = Some(Checkpoint {
                commit: trunk[cut],
                made: &made,
            });
            let trusted = Trusted {
                checkpoint,
                ..world.trusted()
            };
            let short = world.verify_with(trusted).unwrap();
            assert_eq!(short.holds(), whole.holds(), "from {cut} to {at}");
            if whole.holds() {
                assert_eq!(after(&short, cut), after(&whole, cut), "from {cut} to {at}");
            }
        }
        holds.push(whole.holds());
    }
    world.set_main(head);
    holds
}

fn add(world: &mut World, statement: &Statement) {
    world.add_evidence(
        statement,
        Some(sign(&statement.approver, APPROVAL, &statement.to_bytes())),
    );
}

/// A branch of two commits, rebased onto the trunk: the first needs nobody, and the approval speaks of both.
fn rebased(world: &mut World, most: u32) -> ObjectId {
    world.write("README.md", format!("At most {most}.\n")).commit("frank");
    let first = world.head;
    world
        .write(REFUNDS, refunds(most))
        .commit("frank")
        .approve(&["carol"])
        .forward();
    first
}

#[test]
fn an_approval_reaches_across_a_checkpoint() {
    let mut world = World::new();
    world.approved_step(200);
    let between = rebased(&mut world, 300);
    world.approved_step(400);
    assert_eq!(cut_everywhere(&mut world), [true, true, true, false, true, true]);
    // Its twin reaches nowhere: the first commit is not what was approved.
    let mut world = World::new();
    world
        .write("README.md", "One.\n")
        .commit("frank")
        .write(REFUNDS, refunds(300))
        .commit("frank");
    let statement = world.statement("carol");
    world.head = world.main;
    world
        .write(REFUNDS, refunds(100))
        .write("README.md", "Two.\n")
        .commit("frank")
        .write(REFUNDS, refunds(300));
    add(&mut world, &statement);
    world.commit("frank").forward();
    assert_eq!(cut_everywhere(&mut world), [true, true, false]);
    assert_ne!(between, world.main);
}

#[test]
fn a_bundle_that_continues_across_says_what_the_whole_says() {
    let mut world = World::new();
    world.approved_step(200);
    let first = rebased(&mut world, 300);
    let tip = world.main;
    world.set_main(first);
    let bench = Bench::new(world);
    bench.build("one.polity", "").exits(0);
    bench.world.git(&["update-ref", crate::world::MAIN, &tip.to_string()]);
    bench.build("two.polity", "--previous one.polity").exits(0);
    bench.build("whole.polity", "").exits(0);
    let source = |bundle: &str| {
        let asked = format!(
            "decide {bundle} --trust keys/trust.json --agent payments/bot --environment production --action \
             billing.refund --args {{\"amount\":1}} --now 2026-11-23T10:00:00Z --format json"
        );
        let read: serde_json::Value = serde_json::from_str(&bench.polity(&asked).exits(0).out).unwrap();
        let source = read["source"].clone();
        let explained = format!(
            "explain {bundle} --trust keys/trust.json --agent payments/bot --environment production --action \
             billing.refund --now 2026-11-23T10:00:00Z"
        );
        let said = bench.polity(&explained).exits(0).out;
        let since = said
            .lines()
            .find(|line| line.contains("as since commit"))
            .map(str::to_owned);
        (source, since)
    };
    let (two, whole) = (source("two.polity"), source("whole.polity"));
    assert_eq!(two, whole);
    assert_eq!(two.0["approved_by"], serde_json::json!(["carol (signed)"]));
    assert!(two.1.is_some());
}

/// What was built is not undone by evidence that comes later: a change and what followed it were approved as one.
#[test]
fn an_approval_of_a_part_that_comes_later_parts_nothing_that_was_settled() {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank");
    let part = world.statement("carol");
    world.forward();
    world.write(REFUNDS, refunds(300)).commit("frank");
    world.main = world.introductory;
    let whole = world.statement("carol");
    add(&mut world, &whole);
    world.commit("").forward();
    add(&mut world, &part);
    world.commit("").forward();
    world.approved_step(400);
    assert_eq!(cut_everywhere(&mut world), [true, false, false, true, true, true]);
    // Its twin came while nothing was settled yet, and is what the first step lacked.
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank");
    let part = world.statement("carol");
    world.forward();
    world
        .write(REFUNDS, refunds(300))
        .commit("frank")
        .approve(&["dave"])
        .forward();
    add(&mut world, &part);
    world.commit("").forward();
    assert_eq!(cut_everywhere(&mut world), [true, false, false, false, true]);
    let steps = after(&world.holds(), 0);
    assert_eq!(steps[0], (0, 1, vec!["carol".to_owned()]));
    assert_eq!(steps[2], (2, 3, Vec::new()));
}

/// A change that nobody approved was taken back, so that nothing was left to approve. Its approval, found later, brings
/// it no second time: neither by itself nor with the change.
#[test]
fn what_was_taken_back_before_it_was_approved_stays_taken_back() {
    for (again, approved) in [(false, false), (true, false), (true, true)] {
        let mut world = World::new();
        world.write(REFUNDS, refunds(200)).commit("frank");
        let late = world.statement("carol");
        world.forward();
        world.write(REFUNDS, refunds(100)).commit("frank").forward();
        if again {
            world.write(REFUNDS, refunds(200));
        }
        add(&mut world, &late);
        world.commit("frank");
        if approved {
            world.approve(&["dave"]);
        }
        world.forward();
        match (again, approved) {
            (true, false) => world.refused("changed since its base"),
            _ => drop(world.holds()),
        }
        let mut expected = vec![true, false, true, !again];
        expected.extend(approved.then_some(true));
        assert_eq!(cut_everywhere(&mut world), expected);
    }
}

/// Histories of all of these, in any order.
#[test]
fn wherever_a_history_is_cut_it_comes_to_the_same() {
    let mut state = 20_261_123_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut held, mut fell) = (0, 0);
    for _ in 0..2 {
        let mut world = World::new();
        let mut late: Vec<Statement> = Vec::new();
        for _ in 0..4 {
            let most = 100 * (1 + u32::try_from(draw(4)).unwrap());
            match draw(6) {
                0 => drop(world.approved_step(most + 7)),
                1 => drop(rebased(&mut world, most)),
                2 => {
                    world.write(REFUNDS, refunds(most)).commit("frank");
                    late.push(world.statement("dave"));
                    world.forward();
                }
                3 => {
                    for statement in std::mem::take(&mut late) {
                        add(&mut world, &statement);
                    }
                    world.commit("").forward();
                }
                4 => drop(world.write(REFUNDS, refunds(100)).commit("frank").forward()),
                _ => drop(
                    world
                        .write("groups.yaml", world.text("groups.yaml") + &format!("# {most}\n"))
                        .write("README.md", format!("{most}\n"))
                        .commit("frank")
                        .forward(),
                ),
            }
        }
        let holds = cut_everywhere(&mut world);
        held += holds.iter().filter(|one| **one).count();
        fell += holds.iter().filter(|one| !**one).count();
    }
    assert!(held > 4 && fell > 1, "{held} {fell}");
}
