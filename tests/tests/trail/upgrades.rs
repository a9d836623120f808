//! What another compiler makes of a tree: a change like any other, or none.

use std::collections::BTreeMap;
use std::fs;

use polity::bundle::pack;
use polity::keys::SecretKey;
use polity_runtime::bundle::UnverifiedBundle;
use polity_runtime::table::record;
use polity_runtime::trust::TrustRoot;
use polity_runtime::verify::Verified;

use crate::bench::Bench;
use crate::world::{REFUNDS, RULES, World, refunds};

type Sections = BTreeMap<String, Vec<u8>>;

/// A step, its bundle `one.polity`, and another step that was approved.
fn bench(world: World) -> Bench {
    let mut bench = Bench::new(world);
    bench.world.approved_step(200);
    bench.build("one.polity", "").exits(0);
    bench.world.approved_step(300);
    bench
}

fn read(bench: &Bench, name: &str) -> (Verified, TrustRoot) {
    let at = |name: &str| bench.keys.path().join(name);
    let trust = TrustRoot::parse(&fs::read_to_string(at("keys/trust.json")).unwrap()).unwrap();
    let bundle = UnverifiedBundle::open(fs::read(at(name)).unwrap()).unwrap();
    (bundle.verify(&trust, 1_795_424_400_000).unwrap(), trust)
}

/// `other.polity`: what another compiler might have made of the commit of `one.polity`.
fn other_compiler(bench: &Bench, alter: impl FnOnce(&mut Sections)) {
    let (one, trust) = read(bench, "one.polity");
    let mut sections = one.to_sections();
    alter(&mut sections);
    let mut manifest = one.manifest().clone();
    manifest.compiler.version = "9.9.9".to_owned();
    let key = SecretKey::read(&bench.keys.path().join("keys/bundle.key")).unwrap();
    let bundle = pack(manifest, &sections, &[&trust], &[key]).unwrap();
    fs::write(bench.keys.path().join("other.polity"), bundle).unwrap();
}

/// Sets one word of the first record of a section.
fn set(sections: &mut Sections, section: &str, word: usize, value: u32) {
    let bytes = sections.get_mut(section).unwrap();
    bytes[word * 4..word * 4 + 4].copy_from_slice(&value.to_le_bytes());
}

/// The table of the step after, as if the other compiler had read a larger limit.
fn wider(bench: &Bench) -> Sections {
    bench.build("two.polity", "--previous one.polity").exits(0);
    let mut sections = read(bench, "two.polity").0.to_sections();
    sections.insert(
        "trail".to_owned(),
        read(bench, "one.polity").0.to_sections()["trail"].clone(),
    );
    sections
}

fn approve(bench: &Bench, person: &str) -> crate::bench::Ran {
    let secret = bench.secret(person);
    bench.polity(&format!(
        "approve --path repo --previous other.polity --trust keys/trust.json --key {secret} --yes"
    ))
}

fn merge(bench: &Bench) {
    bench.world.git(&["checkout", "-q", "main"]);
    bench.world.git(&["merge", "-q", "--no-ff", "-m", "merge", "work"]);
}

#[test]
fn another_version_that_comes_to_the_same_is_no_change() {
    let bench = bench(World::new());
    other_compiler(&bench, |_| {});
    bench.build("x.polity", "--previous other.polity").exits(0);
    // Nor are other bytes that decide the same: where a rule stands in its file.
    other_compiler(&bench, |sections| set(sections, "rules", record::rule::LINE, 77));
    bench.build("y.polity", "--previous other.polity").exits(0);
    approve(&bench, "alice").exits(0).says("there is nothing to approve");
}

#[test]
fn a_compiler_that_changes_its_mind_needs_an_owner() {
    let bench = bench(World::new());
    let sections = wider(&bench);
    other_compiler(&bench, |all| *all = sections);
    let refused = || {
        bench
            .build("x.polity", "--previous other.polity")
            .exits(1)
            .says("what this compiler makes of the checkpoint")
            .says("this compiler (0.1.0) makes something else of the tree than the previous bundle's (9.9.9) did")
            .says("payments/bot in production: billing.refund")
            .says("polity approve --previous")
    };
    refused().says("these could approve it: alice, bob");
    bench.check_out();
    // Whoever is no owner says it in vain.
    approve(&bench, "carol").exits(0).says("needs 1 of owners");
    merge(&bench);
    refused().says("carol is not among those whom");
    bench.world.git(&["checkout", "-q", "-B", "work"]);
    approve(&bench, "alice").exits(0);
    // On a branch it is no evidence yet.
    refused();
    merge(&bench);
    bench.build("x.polity", "--previous other.polity").exits(0);
    // It was given for this difference and for no other.
    let mut sections = wider(&bench);
    set(&mut sections, "environments", record::environment::RANK, 9);
    other_compiler(&bench, |all| *all = sections);
    bench
        .build("y.polity", "--previous other.polity")
        .exits(1)
        .says("it was given for other content of `Compiler polity -`");
}

#[test]
fn what_no_cell_holds_is_compared_too() {
    let bench = bench(World::new());
    let cases = [
        (
            "environments",
            record::environment::RANK,
            0,
            "the environment `production` was of rank 0",
        ),
        ("rings", record::ring::RATE, 99_999, "the ring `"),
        ("actions", record::action::TTL, 60_000, "for 0:60000 ms"),
        (
            "deployments",
            record::deployment::TEAM,
            0,
            "the deployment `payments/bot` was",
        ),
    ];
    for (section, word, value, says) in cases {
        other_compiler(&bench, |sections| set(sections, section, word, value));
        bench.build("x.polity", "--previous other.polity").exits(1).says(says);
    }
}

#[test]
fn rules_about_what_widens_are_asked_about_a_compiler_as_well() {
    let rules = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/payments/**\"]}\nrequire: [{from: [team-owners], \
                 count: 1}]\n---\nkind: ApprovalRule\nname: production\nwhen: {environments: [production]}\nrequire: [{from: [dave], \
                 count: 1}]\n";
    let mut bench = Bench::new(World::with(&[(RULES, rules)]));
    let both = ["carol", "dave"];
    bench
        .world
        .write(REFUNDS, refunds(200))
        .commit("frank")
        .approve(&both)
        .merge();
    bench.build("one.polity", "").exits(0);
    bench
        .world
        .write(REFUNDS, refunds(300))
        .commit("frank")
        .approve(&both)
        .merge();
    let sections = wider(&bench);
    other_compiler(&bench, |all| *all = sections);
    bench.check_out();
    approve(&bench, "alice").exits(0);
    merge(&bench);
    bench
        .build("x.polity", "--previous other.polity")
        .exits(1)
        .says("the approval rule `production`");
    bench.world.git(&["checkout", "-q", "-B", "work"]);
    approve(&bench, "dave").exits(0);
    merge(&bench);
    bench.build("x.polity", "--previous other.polity").exits(0);
}
