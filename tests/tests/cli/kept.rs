//! What `polity diff` keeps of a revision: that nothing is answered otherwise for it, and that nothing but what this
//! user's own program wrote is believed.

use crate::harness::{Place, Ran};
use std::fs;
use std::path::{Path, PathBuf};

/// Small, since it is compiled many times.
const ORGANISATION: &str = "\
polity: v1
kind: Organization
name: acme
owners: [alice]
sole_owner: true
---
kind: Person
name: alice
---
kind: Team
name: payments
owners: [alice]
---
kind: Environment
name: production
rank: 1
---
kind: Tool
name: billing
actions:
  refund: {effect: write, external: false, reversible: true, params: {amount: int}}
---
kind: Agent
name: bot
owner: alice
---
kind: Deployment
agent: bot
team: payments
environments:
  production: {ring: standard, tools: [billing], enforced_by: gateway}
---
kind: Policy
name: refunds
rules:
  small: {effect: allow, environments: [production], actions: [billing.refund], when: context.args.amount <= 5000}
";

/// A file of both revisions.
const SAME: &str = "kind: Group\nname: people\nmembers: [alice]\n";

/// Two revisions, the second of which lets an agent refund more.
fn place() -> Place {
    let place = Place::new();
    place.write("acme/polity.yaml", ORGANISATION);
    place.write("acme/groups.yaml", SAME);
    place.commit();
    place.write("acme/polity.yaml", ORGANISATION.replace("5000", "9000"));
    place.git("acme", &["commit", "-aqm", "two"]);
    place
}

fn diff(place: &Place, more: &str) -> Ran {
    place.polity(&format!("diff HEAD~1..HEAD --path acme {more}"))
}

fn folder(place: &Place) -> PathBuf {
    place.at("acme/.git/polity/sides")
}

fn entries(place: &Place) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(folder(place)) else {
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = list.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Takes a file of both revisions out of the repository, so that neither can be compiled again.
fn break_repository(place: &Place) {
    let blob = place.git("acme", &["rev-parse", "HEAD:groups.yaml"]);
    let (start, rest) = blob.split_at(2);
    fs::remove_file(place.at("acme/.git/objects").join(start).join(rest)).unwrap();
}

#[test]
fn the_same_is_said_whatever_is_known() {
    let place = place();
    let log = r#"{"agent":"payments/bot","environment":"production","action":"billing.refund","args":{"amount":7000},"now":"2026-11-24T10:00:00Z"}"#;
    place.write("calls.jsonl", log);
    let forms = [
        "",
        "--all",
        "--format markdown",
        "--format json",
        "--requests calls.jsonl",
        "--requests calls.jsonl --format json",
    ];
    let ask = |how: &str| forms.map(|form| diff(&place, &format!("{form} {how}")).exits(0).out);
    let anew = ask("--no-cache");
    assert!(anew.iter().all(|said| !said.is_empty()));
    assert_eq!(entries(&place).len(), 0);
    let cold = diff(&place, "").exits(0).out;
    assert_eq!(cold, anew[0]);
    assert_eq!(entries(&place).len(), 2);
    assert_eq!(ask(""), anew);
    // One of the two is known, whichever it is.
    for entry in entries(&place) {
        fs::remove_file(entry).unwrap();
        assert_eq!(diff(&place, "--format json").exits(0).out, anew[3]);
        assert_eq!(entries(&place).len(), 2);
    }
    // Against the work tree only a revision is known, and nothing more is kept.
    let against = place.polity("diff HEAD~1 --path acme").exits(0).out;
    assert_eq!(against, anew[0]);
    assert_eq!(entries(&place).len(), 2);
    break_repository(&place);
    assert_eq!(ask(""), anew, "nothing was read but what is kept");
    diff(&place, "--no-cache").exits(2);
}

#[test]
fn what_decides_a_merge_believes_nothing_that_is_kept() {
    let place = place();
    diff(&place, "").exits(0);
    diff(&place, "--fail-on widened").exits(1);
    break_repository(&place);
    diff(&place, "").exits(0);
    diff(&place, "--fail-on widened").exits(2);
    diff(&place, "--fail-on narrowed").exits(2);
    // Nor does it keep anything.
    let place = self::place();
    diff(&place, "--fail-on widened").exits(1);
    assert!(entries(&place).is_empty() && !place.at(".state").exists());
}

#[test]
fn what_this_program_did_not_write_is_compiled_anew() {
    let place = place();
    let said = diff(&place, "").exits(0).out;
    let kept = entries(&place);
    let [one, other] = kept.as_slice() else {
        panic!("{kept:?}")
    };
    let good = [fs::read(one).unwrap(), fs::read(other).unwrap()];
    let check = |what: &str| {
        assert_eq!(diff(&place, "").exits(0).out, said, "{what}");
        // It was written again as it had been: it was not believed.
        assert!(fs::read(one).unwrap() == good[0], "{what}");
        assert!(fs::read(other).unwrap() == good[1], "{what}");
    };
    for length in [0, 100, good[0].len() - 1] {
        fs::write(one, &good[0][..length]).unwrap();
        check("cut short");
    }
    let label = u32::from_le_bytes(good[0][12..16].try_into().unwrap()) as usize;
    let signature = 16 + label.next_multiple_of(8) + 8 + 40;
    for at in [20, signature, good[0].len() - 1] {
        let mut bytes = good[0].clone();
        bytes[at] ^= 1;
        fs::write(one, bytes).unwrap();
        check("one bit");
    }
    fs::write(one, [good[0].as_slice(), b"\0"].concat()).unwrap();
    check("a byte more");
    fs::write(one, &good[1]).unwrap();
    check("another tree's");
    fs::write(other, &good[0]).unwrap();
    check("another tree's");
}

#[test]
fn another_key_another_folder_and_links_are_not_believed() {
    let place = place();
    let said = diff(&place, "").exits(0).out;
    let check = |what: &str| assert_eq!(diff(&place, "").exits(0).out, said, "{what}");
    // Somebody else's key signs as well as any, and is not this user's.
    let kept: Vec<Vec<u8>> = entries(&place).iter().map(|path| fs::read(path).unwrap()).collect();
    fs::remove_file(place.at(".state/polity/cache.key")).unwrap();
    check("another key");
    let again: Vec<Vec<u8>> = entries(&place).iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(kept.iter().zip(&again).all(|(before, after)| before != after));
    // A key that others can read is none, and then nothing is kept.
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        fs::remove_dir_all(folder(&place)).unwrap();
        let key = place.at(".state/polity/cache.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        check("a key that others can read");
        assert_eq!(entries(&place).len(), 0);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        // A folder that leads elsewhere is neither read nor written.
        fs::create_dir_all(place.at("elsewhere")).unwrap();
        fs::remove_dir_all(folder(&place)).unwrap();
        symlink(place.at("elsewhere"), folder(&place)).unwrap();
        check("a folder elsewhere");
        assert_eq!(fs::read_dir(place.at("elsewhere")).unwrap().count(), 0);
        // Nor is an entry that is a link, though what it leads to is good.
        fs::remove_file(folder(&place)).unwrap();
        check("a folder again");
        for (at, entry) in entries(&place).iter().enumerate() {
            let away = place.at(&format!("elsewhere/{at}"));
            fs::rename(entry, &away).unwrap();
            symlink(&away, entry).unwrap();
        }
        check("entries that are links");
        assert!(
            entries(&place).iter().all(|entry| !is_link(entry)),
            "they were replaced"
        );
    }
    // Without a place for a key nothing is kept, and everything is answered.
    let nowhere = [("XDG_STATE_HOME", "relative"), ("HOME", "relative")];
    let words = ["diff", "HEAD~1..HEAD", "--path", "acme"];
    assert_eq!(place.words(&words, &nowhere).exits(0).out, said);
}

#[test]
fn what_is_oldest_is_thrown_away() {
    let place = place();
    fs::create_dir_all(folder(&place)).unwrap();
    for number in 0..40 {
        fs::write(folder(&place).join(format!("{number}.side")), "old").unwrap();
    }
    diff(&place, "").exits(0);
    assert_eq!(entries(&place).len(), 8);
    break_repository(&place);
    diff(&place, "").exits(0);
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}
