//! Ways around an approval that need no broken object: what git offers besides files and commits, and how an approval
//! could be spelt. Each with a twin that passes.

use gix::objs::Write as _;
use polity_runtime::wire::Digest;

use crate::world::{APPROVAL, COMMIT, REFUNDS, RULES, World, public, refunds, sign, with_signature};

/// A change of the payments team's policy by frank, on a branch.
fn raised() -> World {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank");
    world
}

/// Dave's commit comes along with a merge that takes nothing of it. What he wrote then enters by another merge, of a
/// branch on which nobody writes a thing, so that he would be the author of none of it.
#[test]
fn what_came_along_before_is_still_somebodys_work_when_it_is_used() {
    for time in ["", "1 +0000", "4102444800 +0000", "tomorrow"] {
        let make = |approvers: &[&str]| {
            let mut world = World::new();
            let before = world.text(REFUNDS);
            world.write(REFUNDS, refunds(9_000));
            let bytes = world.unsigned(&[world.head], "mine", "dave");
            let bytes = match (time, bytes.split("dave@acme.example> ").nth(1)) {
                ("", _) | (_, None) => bytes.clone(),
                (time, Some(rest)) => bytes.replace(rest.lines().next().unwrap(), time),
            };
            let bytes = with_signature(&bytes, &sign("dave", COMMIT, bytes.as_bytes()));
            world.head = world.write_commit(&bytes);
            let wrote = world.head;
            world.write(REFUNDS, before).merge();
            world.holds();
            // The approval is of the change as the trunk will see it.
            world.write(REFUNDS, refunds(9_000)).commit("dave");
            for person in approvers {
                let statement = world.statement(person);
                world.add_evidence(&statement, Some(sign(person, APPROVAL, &statement.to_bytes())));
            }
            world.head = wrote;
            world.commit("").merge();
            world
        };
        make(&["dave"]).refused("missing 1");
        make(&["dave", "carol"]).holds();
    }
}

#[test]
fn files_that_tell_git_how_to_read_ask_an_owner_and_tell_polity_nothing() {
    for (path, text) in [
        (".mailmap", "Frank <frank@acme.example> <carol@acme.example>\n"),
        (
            ".gitattributes",
            "*.yaml merge=ours export-ignore working-tree-encoding=UTF-16\n",
        ),
        (
            ".gitmodules",
            "[submodule \"teams\"]\n\tpath = teams\n\turl = ../evil\n",
        ),
        ("teams/payments/.gitattributes", "refunds.yaml filter=evil\n"),
    ] {
        let add = |approvers: &[&str]| {
            let mut world = World::new();
            world.write(path, text).commit("frank").approve(approvers).merge();
            world
        };
        add(&["erin"]).refused(&format!("adds `{path}`"));
        // Carol's work stays hers, and what is judged is what the trees have.
        for approver in ["carol", "dave"] {
            // A rule about its path asks instead of the owners.
            let mut world = add(if path.starts_with("teams/") {
                &["carol"]
            } else {
                &["alice"]
            });
            world.holds();
            world
                .write(REFUNDS, refunds(300))
                .commit("carol")
                .approve(&[approver])
                .merge();
            match approver {
                "carol" => world.refused("carol wrote part of the change"),
                _ => drop(world.holds()),
            }
        }
    }
}

#[test]
fn an_approval_has_one_spelling_and_one_name() {
    type Spell = fn(&str) -> String;
    let spellings: [(&str, Spell); 8] = [
        ("is not canonical JSON", |text| format!("{text}\n")),
        ("is not canonical JSON", |text| format!("\u{feff}{text}")),
        ("is not canonical JSON", |text| format!("{text}{text}")),
        ("is not canonical JSON", |text| format!("{text}\n---\n{text}")),
        ("is not canonical JSON", |text| {
            text.replacen('{', "{\"approver\":\"carol\",", 1)
        }),
        ("is not canonical JSON", |text| {
            text.replacen(
                "\"approver\":\"carol\"",
                "\"approver\":\"carol\",\"approver\":\"dave\"",
                1,
            )
        }),
        ("is not canonical JSON", |text| {
            text.replacen("\"carol\"", "\"c\\u0061rol\"", 1)
        }),
        ("is not canonical JSON", |text| text.replacen(':', ": ", 1)),
    ];
    for (said, spell) in spellings {
        let mut world = raised();
        let statement = String::from_utf8(world.statement("carol").to_bytes()).unwrap();
        let spelt = spell(&statement);
        assert_ne!(spelt, statement);
        let name = Digest::of(spelt.as_bytes()).to_string();
        world.write(&format!(".polity/approvals/{name}.json"), &spelt);
        world.write(
            &format!(".polity/approvals/{name}.sig"),
            sign("carol", APPROVAL, spelt.as_bytes()),
        );
        world.commit("").merge();
        world.refused(said);
        world.refused("missing 1");
    }
    // A name that is not quite the digest of what it holds, or a place that is not quite the one.
    let places: [fn(&str) -> String; 6] = [
        |name| format!(".polity/approvals/{}", name.to_uppercase()),
        |name| format!(".polity/approvals/old/{name}"),
        |name| format!(".polity/Approvals/{name}"),
        |name| format!(".Polity/approvals/{name}"),
        |name| format!("teams/payments/.polity/approvals/{name}"),
        |name| format!(".polity/approvals/{name} "),
    ];
    for place in places {
        let mut world = raised();
        let statement = world.statement("carol");
        let place = place(&statement.digest().to_string());
        let signature = sign("carol", APPROVAL, &statement.to_bytes());
        world.write(&format!("{place}.json"), statement.to_bytes());
        world.write(&format!("{place}.sig"), signature);
        world.commit("").merge();
        world.refused("changes Policy `refunds`");
        world.refused(&format!("adds `{place}.json`"));
    }
    raised().approve(&["carol"]).merge().holds();
}

#[test]
fn what_is_said_beside_the_trees_is_not_said() {
    let mut world = raised();
    let statement = String::from_utf8(world.statement("carol").to_bytes()).unwrap();
    let signature = sign("carol", APPROVAL, statement.as_bytes());
    let head = world.head;
    // A signed tag of the branch, notes on its commit, and the statement as a message.
    let tag =
        format!("object {head}\ntype commit\ntag approved\ntagger carol <carol@acme.example> 1790000000 +0000\n\n");
    let tag = format!("{tag}{statement}\n{}", sign("carol", COMMIT, tag.as_bytes()));
    let tag = world
        .repository
        .objects
        .write_buf(gix::objs::Kind::Tag, tag.as_bytes())
        .unwrap();
    world.git(&["update-ref", "refs/tags/approved", &tag.to_string()]);
    let name = world.statement("carol").digest();
    let committed = [
        "-c",
        "user.name=carol",
        "-c",
        "user.email=carol@acme.example",
        "notes",
        "add",
        "-m",
    ];
    let note = format!("Polity-Approval: {name}\n\n{statement}\n{signature}");
    world.git(&[&committed[..], &[&note, &head.to_string()]].concat());
    world.merge_by("frank", &format!("Merge\n\n{statement}\n\n{signature}"));
    world.refused("missing 1");
    raised().approve(&["carol"]).merge().holds();
}

/// A rule is relaxed by a step that nobody approved; the next is approved as the relaxed rule asks.
#[test]
fn a_rule_that_nobody_approved_judges_nothing_after_it() {
    let relaxed = |by: &[&str], approver: &str| {
        let mut world = World::new();
        world
            .replace(RULES, "[team-owners]", "[team-owners, erin]")
            .commit("frank")
            .approve(by)
            .merge();
        world
            .write(REFUNDS, refunds(200))
            .commit("frank")
            .approve(&[approver])
            .merge();
        world
    };
    relaxed(&[], "erin").refused("the organisation's owners");
    relaxed(&["carol"], "erin").refused("the organisation's owners");
    relaxed(&["alice"], "erin").holds();
    // Nor do the group, the key or the team of such a step.
    let mut world = World::new();
    world
        .replace("team.yaml", "[carol, dave]", "[carol, dave, erin]")
        .commit("frank")
        .merge();
    world
        .write(REFUNDS, refunds(200))
        .commit("frank")
        .approve(&["erin"])
        .merge();
    world.refused("the organisation's owners");
    let mut world = World::new();
    world
        .replace("people.yaml", &public("carol"), &public("stranger"))
        .commit("frank")
        .merge();
    world.write(REFUNDS, refunds(200)).commit("frank");
    let statement = world.statement("carol");
    world.add_evidence(&statement, Some(sign("stranger", APPROVAL, &statement.to_bytes())));
    world.commit("").merge();
    world.refused("the organisation's owners");
}

#[test]
fn an_empty_commit_makes_nobody_an_author_and_approves_nothing() {
    let make = |approvers: &[&str]| {
        let mut world = raised();
        // As carol would to start a pipeline once more, and as a forge does when it merges the same tree twice.
        world.commit("carol").approve(approvers).commit("carol").merge();
        let (head, files) = (world.head, world.files.clone());
        world.head = world.object(&[head, world.introductory], "the same once more", "carol", "carol");
        world.files = files;
        world.forward();
        world
    };
    make(&[]).refused("missing 1");
    make(&["carol"]).holds();
}

/// What an agent's key signs is its owner's, who then does not approve it: nobody brings such an agent unapproved.
#[test]
fn an_agent_that_signs_is_approved_before_it_counts() {
    let agent = |keys: &str| format!("kind: Agent\nname: helper\nowner: carol\nkill_contact: carol\n{keys}");
    let signs = agent(&format!("git: {{keys: [\"{}\"]}}\n", public("helper")));
    let mut world = World::new();
    world.write("helper.yaml", signs).commit("frank").merge();
    world.refused("Agent helper is new (widened)");
    let mut world = World::new();
    world.write("helper.yaml", agent("")).commit("frank").merge();
    world.holds();
}

/// One P-256 key in two forms would be two keys, one a person's and one their agent's.
#[test]
fn a_key_has_one_spelling() {
    let pair = two_forms();
    for (key, short) in [(&pair.1, true), (&pair.0, false)] {
        let mut world = World::new();
        world.replace("agents.yaml", &public("bot"), key).commit("frank");
        match short {
            true => world
                .merge()
                .refused("this key cannot sign: it is no public key as OpenSSH writes it"),
            false => drop(world.approve(&["alice"]).merge().holds()),
        }
    }
}

/// Whoever has an agent's key could sign as a device would, and say that somebody touched it.
#[test]
fn a_key_in_a_file_is_no_device_of_somebody_else() {
    use ssh_key::public::{KeyData, SkEd25519};

    for (key, shared) in [("bot", true), ("new", false)] {
        let KeyData::Ed25519(point) = *crate::world::key(key).public_key().key_data() else {
            panic!("another kind of key")
        };
        let device = ssh_key::PublicKey::new(KeyData::SkEd25519(SkEd25519::new(point, "ssh:")), "");
        let mut world = World::new();
        world
            .replace("people.yaml", &public("erin"), &device.to_openssh().unwrap())
            .commit("frank");
        match shared {
            true => world.merge().refused("a key belongs to one principal"),
            false => drop(world.approve(&["alice"]).merge().holds()),
        }
    }
}

/// A point of P-256 as OpenSSH writes it, and in its short form.
fn two_forms() -> (String, String) {
    use ssh_key::public::{EcdsaPublicKey, KeyData};

    // The curve's base point: FIPS 186-4, D.1.2.3.
    let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let hex = |text: &str| -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    };
    let spelt = |bytes: Vec<u8>| {
        let point = EcdsaPublicKey::from_sec1_bytes(&bytes).unwrap();
        ssh_key::PublicKey::new(KeyData::Ecdsa(point), "").to_openssh().unwrap()
    };
    // The last digit of y is odd.
    (
        spelt([&[4][..], &hex(x), &hex(y)].concat()),
        spelt([&[3][..], &hex(x)].concat()),
    )
}
