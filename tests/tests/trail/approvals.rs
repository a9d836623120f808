//! Approvals that count, and those that look as if they did.

use polity::trail::statement::{Statement, Verdict};
use polity_runtime::wire::Digest;

use crate::world::{APPROVAL, REFUNDS, RULES, World, refunds, sign};

/// A branch that raises refunds, by frank.
pub(crate) fn raised() -> World {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank");
    world
}

/// Adds what `person` signs of an altered statement, and merges.
fn altered(mut world: World, person: &str, alter: impl FnOnce(&mut Statement)) -> World {
    let mut statement = world.statement(person);
    alter(&mut statement);
    let signature = sign(person, APPROVAL, &statement.to_bytes());
    world.add_evidence(&statement, Some(signature));
    world.commit("").merge();
    world
}

#[test]
fn an_approval_counts_for_what_it_says_and_nothing_else() {
    altered(raised(), "carol", |_| {}).holds();
    type Alter<'a> = &'a dyn Fn(&mut Statement);
    let other: [(&str, Alter<'_>); 7] = [
        ("it was given for the organisation `evil`", &|s| {
            s.organization = "evil".to_owned()
        }),
        ("it was given for `refs/heads/other`", &|s| {
            s.reference = "refs/heads/other".to_owned()
        }),
        ("is not on the trunk before the step", &|s| s.base = "1".repeat(40)),
        ("it does not list `Policy refunds", &|s| s.documents.clear()),
        ("it was given for other content", &|s| {
            let after = Some(Digest::of(b"other"));
            s.documents.values_mut().for_each(|sides| sides.after = after);
        }),
        ("it was given under other approval rules", &|s| {
            s.rules = Digest::of(b"other")
        }),
        ("it is a rejection", &|s| s.verdict = Verdict::Reject),
    ];
    for (words, alter) in other {
        let world = altered(raised(), "carol", alter);
        // What lists nothing of a change says nothing about it.
        match words.starts_with("it does not list") {
            true => world.refused("missing 1"),
            false => world.refused(words),
        }
    }
}

#[test]
fn approvals_of_what_a_document_was_before_are_no_news() {
    let mut world = World::new();
    world.approved_step(200).approved_step(300);
    world.write(REFUNDS, refunds(400)).commit("frank");
    let stale = world.statement("carol");
    world.merge();
    let trail = world.verify().unwrap();
    let answers = trail.steps.iter().flat_map(|step| &step.answers);
    let refused: Vec<_> = answers.flat_map(|answer| &answer.refused).collect();
    assert!(!trail.holds() && refused.is_empty(), "{refused:?}");
    // One that came with the change, and was given for something else, is.
    let mut world = World::new();
    world.approved_step(200);
    world.write(REFUNDS, refunds(500)).commit("frank");
    let signature = sign("carol", APPROVAL, &stale.to_bytes());
    world.add_evidence(&stale, Some(signature));
    world.commit("").merge();
    world.refused("it was given for other content");
}

#[test]
fn two_halves_approved_by_two_people_are_nothing_approved() {
    let second = "teams/payments/second.yaml";
    let policy = refunds(500).replace("name: refunds", "name: second");
    let make = || {
        let mut world = World::new();
        world
            .write(REFUNDS, refunds(200))
            .write(second, &policy)
            .commit("frank");
        world
    };
    let mut world = make();
    for (person, path) in [("carol", REFUNDS), ("dave", second)] {
        let mut statement = world.statement(person);
        statement.documents.retain(|id, _| id.path == path);
        assert_eq!(statement.documents.len(), 1);
        let signature = sign(person, APPROVAL, &statement.to_bytes());
        world.add_evidence(&statement, Some(signature));
    }
    world.commit("").merge();
    world.refused("it does not list");
    let mut world = make();
    world.approve(&["carol"]).merge();
    world.holds();
}

#[test]
fn an_approval_goes_stale_with_the_next_push() {
    let mut world = raised();
    world
        .approve(&["carol"])
        .write(REFUNDS, refunds(100_000))
        .commit("frank")
        .merge();
    world.refused("it was given for other content of `Policy refunds");
    let mut world = raised();
    world
        .approve(&["carol"])
        .write("README.md", "More.\n")
        .commit("frank")
        .merge();
    world.holds();
}

#[test]
fn more_documents_than_were_approved_are_not_approved() {
    let mut world = raised();
    world.approve(&["carol"]);
    let policy = refunds(500).replace("name: refunds", "name: second");
    world
        .write("teams/payments/second.yaml", policy)
        .commit("frank")
        .merge();
    world.refused("it does not list `Policy second");
}

#[test]
fn an_approval_is_not_replayed_after_there_and_back() {
    let mut world = raised();
    world.approve(&["carol"]);
    let evidence: Vec<_> = world
        .files
        .iter()
        .filter(|(path, _)| path.starts_with(".polity/"))
        .map(|(p, f)| (p.clone(), f.clone()))
        .collect();
    world.merge();
    // Back, approved.
    world.approved_step(100);
    // There again, with the first approval still lying in the tree.
    world.files.extend(evidence);
    world.write(REFUNDS, refunds(200)).commit("frank").merge();
    world.refused("changed since its base");
    // The twin: approved anew.
    let mut world = raised();
    world.approve(&["carol"]).merge();
    world.approved_step(100);
    world.approved_step(200);
    world.holds();
}

#[test]
fn an_approval_survives_squash_rebase_and_a_queue() {
    let mut world = raised();
    world.approve(&["carol", "dave"]).squash("gitlab", "Squashed");
    // Its authors are gone, so a second person has to have looked.
    world.holds();
    let mut world = raised();
    world.approve(&["carol"]).squash("gitlab", "Squashed");
    world.refused("is signed by the merge bot `gitlab`, so its authors are gone");
    // Rebased: three commits on the trunk, the last with the evidence.
    let mut world = raised();
    world
        .write("teams/payments/note.md", "n\n")
        .commit("frank")
        .approve(&["carol"])
        .forward();
    world.holds();
    // A queue: somebody else's change went in between.
    let mut world = raised();
    world.approve(&["carol"]);
    let (branch, files) = (world.head, world.files.clone());
    world.files.retain(|path, _| !path.starts_with(".polity"));
    world.write(REFUNDS, refunds(100)).write("README.md", "Other.\n");
    world.head = world.main;
    world.commit("frank").forward();
    world.files = files;
    world.write("README.md", "Other.\n");
    world.head = branch;
    world.merge();
    world.holds();
}

#[test]
fn an_approval_may_come_one_step_later_and_not_vanish_before() {
    let mut world = raised();
    let statement = world.statement("carol");
    world.merge();
    world.refused("missing 1");
    world.add_evidence(&statement, Some(sign("carol", APPROVAL, &statement.to_bytes())));
    world.commit("").merge();
    world.holds();
    // Deleted in the very step: it was never there.
    let mut world = raised();
    world.approve(&["carol"]);
    world.files.retain(|path, _| !path.starts_with(".polity"));
    world.commit("frank").merge();
    world.refused("missing 1");
    // Deleting it later is a change to a dot-file, and takes nothing from what was.
    let mut world = raised();
    world.approve(&["carol"]).merge();
    world.files.retain(|path, _| !path.starts_with(".polity"));
    world.commit("frank").merge();
    world.refused("the organisation's owners");
    world.refused("removes `.polity/approvals/");
}

#[test]
fn a_rejection_is_shown_and_taking_it_away_changes_nothing() {
    let reject = |world: &mut World| {
        let mut statement = world.statement("dave");
        statement.verdict = Verdict::Reject;
        let signature = sign("dave", APPROVAL, &statement.to_bytes());
        world.add_evidence(&statement, Some(signature));
        world.commit("");
    };
    for rejected in [true, false] {
        let mut world = raised();
        if rejected {
            reject(&mut world);
        }
        world.approve(&["carol"]).merge();
        let trail = world.holds();
        let refused = &trail.steps[0].answers[0].refused;
        assert_eq!(refused.iter().any(|one| one.why == "it is a rejection"), rejected);
        let mut world = raised();
        if rejected {
            reject(&mut world);
        }
        world.merge();
        world.refused("missing 1");
    }
}

#[test]
fn a_statement_under_another_name_is_none() {
    let mut world = raised();
    let statement = world.statement("carol");
    let signature = sign("carol", APPROVAL, &statement.to_bytes());
    let name = Digest::of(b"other").to_string();
    world.write(&format!(".polity/approvals/{name}.json"), statement.to_bytes());
    world.write(&format!(".polity/approvals/{name}.sig"), signature);
    world.commit("").merge();
    world.refused("does not have its content's digest as its name");
}

#[test]
fn a_forged_trailer_is_a_claim() {
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [team-owners], count: 1}]\nevidence: forge\n";
    let merged = |signer: &str, message: &dyn Fn(&str) -> String| {
        let mut world = World::with(&[(RULES, rule)]);
        world.write(REFUNDS, refunds(200)).commit("frank");
        let statement = world.statement("carol");
        let name = world.add_evidence(&statement, None);
        world.commit("").merge_by(signer, &message(&name));
        world
    };
    let block = |name: &str| format!("Polity-Approval: {name}");
    let held = merged("gitlab", &|name| format!("Merge !7\n\n{}", block(name))).holds();
    assert_eq!(held.steps[0].answers[0].given[0].grade.to_string(), "forge");
    type Message<'a> = &'a dyn Fn(&str) -> String;
    let forged: [(&str, Message<'_>); 7] = [
        ("gitlab", &|name| format!("Merge Polity-Approval: {name}")),
        ("gitlab", &|name| {
            format!("Merge !7\n\nA description.\n\n{}", block(name))
        }),
        ("gitlab", &|name| {
            format!("Merge !7\n\n{}\n\nA description.", block(name))
        }),
        ("gitlab", &|name| {
            format!("Merge !7\n\nApproved-by: carol\n{}", block(name))
        }),
        ("gitlab", &|_| "Merge !7\n\nApproved-by: carol".to_owned()),
        ("frank", &|name| format!("Merge !7\n\n{}", block(name))),
        ("", &|name| format!("Merge !7\n\n{}", block(name))),
    ];
    for (signer, message) in forged {
        merged(signer, message).refused("it is of the grade `claimed`");
    }
    // What a bot vouches for is less than a signature, where one is asked for.
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank");
    let statement = world.statement("carol");
    let name = world.add_evidence(&statement, None);
    world
        .commit("")
        .merge_by("gitlab", &format!("Merge !7\n\n{}", block(&name)));
    world.refused("it is of the grade `forge`, and `signed` is asked for");
}

/// Merges the branch, approved as it is, after the trunk took another file at a path, or lost it there.
fn lands_after(world: &mut World, path: &str, text: Option<String>, approvers: &[&str]) {
    let (branch, approved) = (world.head, world.files.clone());
    world.files.retain(|path, _| !path.starts_with(".polity/"));
    world.write(REFUNDS, refunds(100)).write("README.md", "More.\n");
    match text {
        Some(text) => world.write(path, text),
        None => world.remove(path),
    };
    world.head = world.main;
    world.commit("frank");
    if !approvers.is_empty() {
        world.approve(approvers);
    }
    world.merge();
    world.holds();
    let of_branch = approved
        .into_iter()
        .filter(|(name, _)| name != path && name != "README.md");
    world.files.extend(of_branch);
    world.head = branch;
    world.merge();
}

/// Where the bot is not deployed, an edit grants it nothing there; it does once the bot is.
#[test]
fn an_approval_of_what_was_harmless_does_not_count_where_it_does_harm() {
    let deployment = |staging: bool| {
        let placed = "{ring: standard, tools: [billing], enforced_by: gateway}";
        let more = if staging {
            format!("  staging: {placed}\n")
        } else {
            String::new()
        };
        format!("kind: Deployment\nagent: bot\nenvironments:\n  production: {placed}\n{more}")
    };
    let path = "teams/payments/deployment.yaml";
    for deployed in [false, true] {
        let mut world = World::with(&[(path, &deployment(false))]);
        let text = world.text(REFUNDS).replace("[production]", "[production, staging]");
        world.write(REFUNDS, text).commit("frank").approve(&["carol"]);
        lands_after(&mut world, path, Some(deployment(deployed)), &["dave"]);
        match deployed {
            false => drop(world.holds()),
            true => world.refused("stood beside it, for payments/bot in staging"),
        }
    }
}

/// A deny beside a change is no part of it, and limits it all the same: who approved saw both.
#[test]
fn an_approval_given_beside_a_rule_does_not_count_without_it() {
    let guard = |amount: u32| {
        format!(
            "kind: Policy\nname: guard\nrules:\n  never: {{effect: deny, environments: [production], \
             actions: [billing.refund], when: context.args.amount == {amount}}}\n"
        )
    };
    let path = "policies/guard.yaml";
    for (after, holds) in [(Some(guard(7777)), true), (Some(guard(7778)), false), (None, false)] {
        let mut world = World::with(&[(path, &guard(7777))]);
        world.write(REFUNDS, refunds(9000)).commit("frank").approve(&["carol"]);
        // Nobody was allowed what the guard denies, so nobody is asked.
        lands_after(&mut world, path, after, &[]);
        match holds {
            true => drop(world.holds()),
            false => world.refused("other rules stood beside it, for payments/bot in production"),
        }
    }
}

#[test]
fn a_grant_widened_by_a_default_is_a_change() {
    let template = "kind: Template\nname: grant\nparams:\n  environments: {type: list, of: name, default: [staging]}\n---\nkind: \
                    Policy\nname: given\nrules:\n  some:\n    effect: allow\n    agents: [payments/bot]\n    environments: {{ \
                    environments }}\n    actions: [billing.refund]\n";
    let files = [
        ("templates/grant.yaml", template),
        ("teams/payments/use.yaml", "kind: Use\nname: given\ntemplate: grant\n"),
    ];
    for (approvers, holds) in [(&[][..], false), (&["alice", "carol"], true)] {
        let mut world = World::with(&files);
        world.replace("templates/grant.yaml", "[staging]", "[staging, production]");
        world.commit("frank");
        if !approvers.is_empty() {
            world.approve(approvers);
        }
        world.merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("payments/bot in production: billing.refund"),
        }
    }
}
