//! Who approves: not whoever wrote it, each person once, and with a key that is theirs and old enough.

use polity::trail::statement::{Sides, Statement};

use crate::approvals::raised;
use crate::world::{APPROVAL, COMMIT, REFUNDS, RULES, World, public, refunds, sign};

#[test]
fn nobody_approves_what_they_wrote() {
    // Signed by carol; typed as carol; carol in a trailer; carol asked for the merge; carol's commit among others.
    let mut world = World::new();
    world
        .write(REFUNDS, refunds(200))
        .commit("carol")
        .approve(&["carol"])
        .merge();
    world.refused("carol wrote part of the change");
    let typed = |message: &str, author: &str| {
        let mut world = World::new();
        world
            .write(REFUNDS, refunds(200))
            .commit_as(author, "frank", message)
            .approve(&["carol"])
            .merge();
        world
    };
    typed("a change", "carol").refused("carol is named as an author");
    typed("a change\n\nCo-authored-by: C <carol@acme.example>", "frank").refused("carol is named as an author");
    typed("a change\n\nCo-authored-by: D <dave@acme.example>", "frank").holds();
    let mut world = World::new();
    world
        .write(REFUNDS, refunds(200))
        .commit("frank")
        .write("teams/payments/x.md", "x")
        .commit("carol");
    world.approve(&["carol"]).merge();
    world.refused("carol wrote part of the change");
    // The requester, whom the merge bot names.
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [team-owners], count: 1}]\nevidence: forge\n";
    for (requester, holds) in [("carol", false), ("dave", true)] {
        let mut world = World::with(&[(RULES, rule)]);
        world.write(REFUNDS, refunds(200)).commit("frank");
        let statement = world.statement("carol");
        let name = world.add_evidence(&statement, None);
        let message = format!("Merge !7\n\nPolity-Approval: {name}\nPolity-Requested-By: {requester}");
        world.commit("").merge_by("gitlab", &message);
        match holds {
            true => drop(world.holds()),
            false => world.refused("requester of the change"),
        }
    }
}

#[test]
fn nobody_approves_what_their_agent_wrote() {
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [erin, carol], count: 1}]\n";
    for (approver, holds) in [("erin", false), ("carol", true)] {
        let mut world = World::with(&[(RULES, rule)]);
        world
            .write(REFUNDS, refunds(200))
            .commit("bot")
            .approve(&[approver])
            .merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("erin owns an agent that wrote part of the change"),
        }
    }
}

#[test]
fn an_agents_key_is_no_persons() {
    let mut world = raised();
    let statement = world.statement("carol");
    let signature = sign("bot", APPROVAL, &statement.to_bytes());
    world.add_evidence(&statement, Some(signature));
    world.commit("").merge();
    world.refused("is that of the agent bot");
    // Nor may an agent sign in its own name.
    let mut world = raised();
    let mut statement = world.statement("bot");
    statement.approver = "bot".to_owned();
    let signature = sign("bot", APPROVAL, &statement.to_bytes());
    world.add_evidence(&statement, Some(signature));
    world.commit("").merge();
    world.refused("is that of the agent bot");
}

#[test]
fn evidence_is_as_strong_as_its_signature() {
    // No signature, another's, one over something else, a commit's, an unknown key's.
    let attack = |make: &dyn Fn(&Statement) -> Option<String>| {
        let mut world = raised();
        let statement = world.statement("carol");
        let signature = make(&statement);
        world.add_evidence(&statement, signature);
        world.commit("").merge();
        world
    };
    attack(&|s| Some(sign("carol", APPROVAL, &s.to_bytes()))).holds();
    attack(&|_| None).refused("it is of the grade `claimed`, and `signed` is asked for");
    attack(&|s| Some(sign("dave", APPROVAL, &s.to_bytes()))).refused("it says that `carol` gave it");
    attack(&|_| Some(sign("carol", APPROVAL, b"another"))).refused("the signature does not hold");
    attack(&|s| Some(sign("carol", COMMIT, &s.to_bytes()))).refused("made for `git` and not for `polity-approval@v1`");
    attack(&|s| Some(sign("nobody", APPROVAL, &s.to_bytes()))).refused("belongs to nobody in the tree before the step");
    attack(&|_| Some("-----BEGIN PGP SIGNATURE-----\nx".to_owned())).refused("OpenPGP, which is not supported");
    attack(&|s| {
        Some(
            sign("carol", APPROVAL, &s.to_bytes())
                .replace("SSHSIG", "")
                .split_at(60)
                .0
                .to_owned(),
        )
    })
    .refused("malformed");
}

#[test]
fn a_key_must_be_older_than_what_it_approves() {
    // The key comes with the change itself.
    let add = |world: &mut World, key: &str| {
        let old = public("carol");
        world.replace(
            "people.yaml",
            &format!("[\"{old}\"]"),
            &format!("[\"{old}\", \"{}\"]", public(key)),
        );
    };
    let mut world = World::new();
    add(&mut world, "new");
    world.write(REFUNDS, refunds(200)).commit("frank");
    let sign_as = |world: &mut World, key: &str| {
        let statement = world.statement("carol");
        let signature = sign(key, APPROVAL, &statement.to_bytes());
        world.add_evidence(&statement, Some(signature));
        world.commit("");
    };
    sign_as(&mut world, "new");
    world.merge();
    world.refused("belongs to nobody in the tree before the step");
    // The twin: added a step before, by an owner.
    let mut world = World::new();
    add(&mut world, "new");
    world.commit("frank").approve(&["alice"]).merge();
    world.write(REFUNDS, refunds(200)).commit("frank");
    sign_as(&mut world, "new");
    world.merge();
    world.holds();
    // Removed before the evidence came: it may have been stolen.
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank");
    let statement = world.statement("carol");
    world.merge();
    world
        .replace("people.yaml", &public("carol"), &public("new"))
        .commit("frank")
        .approve(&["alice"])
        .merge();
    world.add_evidence(&statement, Some(sign("carol", APPROVAL, &statement.to_bytes())));
    world.commit("").merge();
    world.refused("was not `carol`'s in the tree before the commit that added it");
}

#[test]
fn one_person_with_two_keys_counts_once() {
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [team-owners], count: 2}]\n";
    let make = || {
        let mut world = World::with(&[(RULES, rule)]);
        let old = public("carol");
        world.replace(
            "people.yaml",
            &format!("[\"{old}\"]"),
            &format!("[\"{old}\", \"{}\"]", public("second")),
        );
        world.commit("frank").approve(&["alice"]).merge();
        world.write(REFUNDS, refunds(200)).commit("frank");
        world
    };
    let mut world = make();
    let statement = world.statement("carol");
    world.add_evidence(&statement, Some(sign("carol", APPROVAL, &statement.to_bytes())));
    // The same word again, from the other key: statements are named by content, so it takes another content.
    let mut again = statement.clone();
    again.documents.insert(
        polity::trail::statement::DocumentId::parse("File - nowhere").unwrap(),
        Sides {
            before: None,
            after: None,
        },
    );
    world.add_evidence(&again, Some(sign("second", APPROVAL, &again.to_bytes())));
    world.commit("").merge();
    world.refused("missing 1");
    let mut world = make();
    world.approve(&["carol", "dave"]).merge();
    world.holds();
}

#[test]
fn an_owner_who_is_alone_approves_what_they_wrote_and_it_shows() {
    let alone = "polity: v1\nkind: Organization\nname: acme\nowners: [erin]\nsole_owner: true\n";
    let make = |organization: &str, rules: Option<&str>, author: &str, signer: &str| {
        let mut files = vec![("polity.yaml", organization)];
        files.extend(rules.map(|rules| (RULES, rules)));
        let mut world = World::with(&files);
        let groups = world.text("groups.yaml").replace("[alice, bob]", "[alice, bob, frank]");
        world.write("groups.yaml", groups).commit_as(author, signer, "a change");
        world.approve(&["erin"]).merge();
        world
    };
    let trail = make(alone, None, "erin", "erin").holds();
    assert!(trail.sole_owner && trail.steps[0].answers[0].given[0].own);
    // What an agent of hers wrote, or nobody signed, is not known to be hers.
    make(alone, None, "erin", "bot").refused("blocked: nobody who may approve it is left");
    make(alone, None, "erin", "").refused("blocked: nobody who may approve it is left");
    // Nor does it reach further than to the owners.
    let rule = "kind: ApprovalRule\nname: groups\nwhen: {kinds: [Group]}\nrequire: [{from: [erin], count: 1}]\n";
    make(alone, Some(rule), "erin", "erin").refused("erin wrote part of the change");
    let owners = rule.replace("[erin]", "[owners]");
    make(alone, Some(&owners), "erin", "erin").holds();
    // Where there are two, nobody is alone.
    let two = alone.replace("[erin]", "[erin, alice]");
    make(&two, None, "erin", "erin").refused("erin wrote part of the change");
    let other = make(&two, None, "frank", "frank").holds();
    assert!(!other.steps[0].answers[0].given[0].own);
    // Of two of whom one lists no key, the other is, unless a forge can vouch for both.
    let plain = World::new();
    let keyless = plain
        .text("people.yaml")
        .replace(&format!("keys: [\"{}\"]\n", public("alice")), "");
    let groups = plain.text("groups.yaml");
    let (group, _) = groups.split_once("---\n").unwrap();
    for (groups, holds) in [(group, true), (groups.as_str(), false)] {
        let files = [
            ("polity.yaml", two.as_str()),
            ("people.yaml", &keyless),
            ("groups.yaml", groups),
        ];
        let mut world = World::with(&files);
        let more = groups.replace("[alice, bob]", "[alice, bob, frank]");
        world
            .write("groups.yaml", more)
            .commit("erin")
            .approve(&["erin"])
            .merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("erin wrote part of the change"),
        }
    }
}
