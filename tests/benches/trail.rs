//! The approval trail: one signature of each kind of key, and twenty steps judged, beside what compiling them takes.

#[path = "../tests/trail/world.rs"]
#[expect(dead_code, reason = "the tests of the trail use the rest of it")]
mod world;

use std::fs;
use std::process::Command;

use divan::Bencher;
use polity::trail::history::History;
use polity::trail::signature::{COMMIT, verify};
use polity::trail::state::States;

use world::{MAIN, World};

fn main() {
    divan::main();
}

/// A signature that ssh-keygen made, over a kilobyte.
fn signed(kind: &str, bits: &str) -> (String, Vec<u8>) {
    let folder = world::folder();
    let keygen = |words: &[&str]| {
        let ran = Command::new("ssh-keygen")
            .args(words)
            .current_dir(folder.path())
            .output();
        assert!(ran.expect("ssh-keygen").status.success(), "{words:?}");
    };
    keygen(&["-q", "-N", "", "-f", "key", "-t", kind, "-b", bits]);
    let message = vec![b'x'; 1024];
    fs::write(folder.path().join("message"), &message).expect("a file");
    keygen(&["-q", "-Y", "sign", "-f", "key", "-n", COMMIT, "message"]);
    let armour = fs::read_to_string(folder.path().join("message.sig")).expect("a signature");
    (armour, message)
}

#[divan::bench(args = [("ed25519", "256"), ("ecdsa", "256"), ("rsa", "3072"), ("rsa", "4096")])]
fn signature(bencher: Bencher<'_, '_>, (kind, bits): (&str, &str)) {
    let (armour, message) = signed(kind, bits);
    bencher.bench_local(|| verify(armour.as_bytes(), COMMIT, &message).expect("it holds"));
}

fn twenty() -> World {
    let mut world = World::new();
    for most in 1..=20 {
        world.approved_step(100 + most);
    }
    world
}

#[divan::bench(sample_count = 20)]
fn twenty_steps(bencher: Bencher<'_, '_>) {
    let world = twenty();
    bencher.bench_local(|| assert!(world.verify().expect("a trail").holds()));
}

#[divan::bench(sample_count = 20)]
fn twenty_steps_compiled_only(bencher: Bencher<'_, '_>) {
    let world = twenty();
    bencher.bench_local(|| {
        let (history, head) = History::open(world.path(), MAIN).expect("a repository");
        let states = States::new(&history);
        for commit in history.chain(head).expect("a trunk") {
            assert!(states.of(commit).expect("a state").broken.is_none());
        }
    });
}
