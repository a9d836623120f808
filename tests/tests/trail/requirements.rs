//! What a step needs: from whom, and why.

use gix::objs::tree::EntryKind;

use crate::world::{APPROVAL, REFUNDS, RULES, World, key, public, refunds, sign};

#[test]
fn a_step_that_was_approved_as_its_rule_asks_holds() {
    let mut world = World::new();
    world.approved_step(200);
    let trail = world.holds();
    assert_eq!(trail.steps.len(), 1);
    let answer = &trail.steps[0].answers[0];
    assert_eq!(answer.given[0].person, "carol");
    assert_eq!(answer.given[0].grade.to_string(), "signed");
    assert!(answer.given[0].fingerprint.as_ref().unwrap().starts_with("SHA256:"));
}

#[test]
fn a_step_that_nobody_approved_names_its_rule_and_who_could() {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200)).commit("frank").merge();
    world.refused("was not approved as the approval rule `payments` asks");
    world.refused("these could approve it: carol, dave");
}

#[test]
fn what_changes_nothing_needs_nobody() {
    let mut world = World::new();
    world.write("README.md", "More.\n").commit("frank").merge();
    let text = world.text("groups.yaml");
    world.write("groups.yaml", format!("# A comment.\n{text}"));
    let rules = world.text(RULES).replace('"', "'");
    world.write(RULES, rules).commit("").merge();
    let mut protected = World::with(&[(
        RULES,
        "kind: ApprovalRule\nname: docs\nwhen: {paths: [README.md]}\nrequire: [{from: [erin], count: 1}]\n",
    )]);
    world.holds();
    protected.write("README.md", "More.\n").commit("frank").merge();
    protected.refused("`docs`");
}

#[test]
fn a_pragma_is_no_comment() {
    let mut world = World::new();
    let text = world
        .text(REFUNDS)
        .replace("  small:", "  # polity: allow like-on-command because\n  small:");
    world.write(REFUNDS, text).commit("frank").merge();
    world.refused("`payments`");
}

#[test]
fn what_no_rule_covers_asks_an_owner() {
    for (approver, holds) in [("alice", true), ("carol", false)] {
        let mut world = World::new();
        let deny = "kind: Policy\nname: more\nrules:\n  all:\n    effect: deny\n    actions: [billing.refund]\n";
        world
            .write("more.yaml", deny)
            .commit("frank")
            .approve(&[approver])
            .merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the organisation's owners"),
        }
    }
}

#[test]
fn changes_of_the_root_kinds_ask_an_owner_whatever_rules_say() {
    let rule = "kind: ApprovalRule\nname: everything\nwhen: {paths: [\"**\"]}\nrequire: [{from: [erin], count: 1}]\n";
    type Edit<'a> = &'a dyn Fn(&mut World);
    let edits: [(&str, Edit<'_>); 3] = [
        ("a new person", &|world| {
            let more = format!("kind: Person\nname: eve\nkeys: [\"{}\"]\n", public("eve"));
            world.write("eve.yaml", more);
        }),
        ("a lower rank", &|world| {
            world.replace("environments.yaml", "rank: 3", "rank: 0");
        }),
        ("a rule removed", &|world| {
            world.remove(RULES);
        }),
    ];
    for (what, edit) in edits {
        for approvers in [&["erin"][..], &["erin", "alice"]] {
            let mut world = World::with(&[(RULES, rule)]);
            edit(&mut world);
            world.commit("frank").approve(approvers).merge();
            match approvers.len() {
                1 => world.refused("the organisation's owners"),
                _ => assert!(world.verify().unwrap().holds(), "{what}"),
            }
        }
    }
}

#[test]
fn a_pipeline_asks_an_owner_unless_a_rule_covers_its_path() {
    let change = |world: &mut World| {
        world.write(".gitlab-ci.yml", "build: {}\n").commit("frank").merge();
    };
    let mut world = World::new();
    change(&mut world);
    world.refused("adds `.gitlab-ci.yml`");
    let mut world = World::new();
    world
        .write(".gitlab-ci.yml", "build: {}\n")
        .commit("frank")
        .approve(&["alice"])
        .merge();
    world.holds();
    let rule =
        "kind: ApprovalRule\nname: pipelines\nwhen: {paths: [\".gitlab*\"]}\nrequire: [{from: [erin], count: 1}]\n";
    let mut world = World::with(&[(RULES, rule)]);
    world
        .write(".gitlab-ci.yml", "build: {}\n")
        .commit("frank")
        .approve(&["erin"])
        .merge();
    world.holds();
    let mut world = World::with(&[(RULES, rule)]);
    change(&mut world);
    world.refused("`pipelines`");
}

#[test]
fn rules_add_up_and_one_person_counts_once_for_each() {
    let two = "kind: ApprovalRule\nname: a\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [security], count: 1}, {from: [team-owners], count: 1}]\n---\nkind: ApprovalRule\nname: b\nwhen: {kinds: [Policy]}\nrequire: [{from: [carol, dave], count: 2}]\n";
    for (approvers, refused) in [
        (&["alice", "carol", "dave"][..], None),
        (&["alice", "carol"], Some("`b`")),
        (&["carol", "dave"], Some("`a`")),
    ] {
        let mut world = World::with(&[(RULES, two)]);
        world
            .write(REFUNDS, refunds(200))
            .commit("frank")
            .approve(approvers)
            .merge();
        match refused {
            None => drop(world.holds()),
            Some(rule) => world.refused(rule),
        }
    }
    // Somebody who stands in both lists takes one seat only.
    let both = "kind: ApprovalRule\nname: a\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [alice], count: 1}, {from: [security], count: 1}]\n";
    for (approvers, holds) in [(&["alice"][..], false), (&["alice", "bob"], true)] {
        let mut world = World::with(&[(RULES, both)]);
        world
            .write(REFUNDS, refunds(200))
            .commit("frank")
            .approve(approvers)
            .merge();
        assert_eq!(world.verify().unwrap().holds(), holds, "{approvers:?}");
    }
}

#[test]
fn an_agent_as_author_asks_for_more_where_a_rule_says_so() {
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [team-owners], count: 1}]\n---\nkind: ApprovalRule\nname: by-agents\nwhen: {author: agent}\nrequire: [{from: [security], count: 1}]\n";
    for (author, approvers, holds) in [
        ("frank", &["carol"][..], true),
        ("bot", &["carol"], false),
        ("bot", &["carol", "alice"], true),
        // Nobody knows that no agent wrote what nobody signed.
        ("", &["carol", "dave"], false),
    ] {
        let mut world = World::with(&[(RULES, rule)]);
        world
            .write(REFUNDS, refunds(200))
            .commit(author)
            .approve(approvers)
            .merge();
        assert_eq!(world.verify().unwrap().holds(), holds, "{author} {approvers:?}");
    }
}

#[test]
fn a_file_that_is_no_document_is_asked_about_by_its_path_alone() {
    let rule = |when: &str| {
        format!("kind: ApprovalRule\nname: by-agents\nwhen: {when}\nrequire: [{{from: [security], count: 1}}]\n")
    };
    for (when, holds) in [
        ("{author: agent}", true),
        ("{author: agent, paths: [\"*.md\"]}", false),
        ("{any: [{author: agent}, {kinds: [Policy], author: agent}]}", true),
    ] {
        for author in ["bot", ""] {
            let mut world = World::with(&[(RULES, &rule(when))]);
            world.write("README.md", "More.\n").commit(author).merge();
            assert_eq!(world.verify().unwrap().holds(), holds, "{when}, by `{author}`");
            // A pipeline may hold the signing key: who looks at what agents write looks at it, besides an owner.
            let mut world = World::with(&[(RULES, &rule(when))]);
            world.write(".gitlab-ci.yml", "script: build\n").commit(author).merge();
            let trail = world.verify().unwrap();
            let answers = trail.steps.iter().flat_map(|step| &step.answers);
            let asked: Vec<String> = answers.map(|answer| answer.ask.by.to_string()).collect();
            let by_rule = asked.iter().any(|by| by.contains("`by-agents`"));
            assert_eq!(
                (by_rule, asked.len()),
                (holds, 1 + usize::from(holds)),
                "{when}: {asked:?}"
            );
        }
    }
}

#[test]
fn nobody_eligible_is_blocked_and_never_optional() {
    let rule =
        "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [erin], count: 1}]\n";
    let mut world = World::with(&[(RULES, rule)]);
    world
        .write(REFUNDS, refunds(200))
        .commit("bot")
        .approve(&["erin"])
        .merge();
    world.refused("blocked: nobody who may approve it is left");
    let mut world = World::with(&[(RULES, rule)]);
    world
        .write(REFUNDS, refunds(200))
        .commit("frank")
        .approve(&["erin"])
        .merge();
    world.holds();
}

#[test]
fn kills_do_not_wait_and_revivals_do() {
    let kill = "kind: Kill\nname: incident\nagents: [bot]\nreason: exfiltration\n";
    for (signer, holds) in [
        ("alice", true),
        ("carol", true),
        ("frank", true),
        ("erin", false),
        ("", false),
        ("bot", false),
    ] {
        let mut world = World::new();
        world.write("kills.yaml", kill).commit(signer).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the rule for kills"),
        }
    }
    // Something else beside the kill is no brake.
    let mut world = World::new();
    world
        .write("kills.yaml", kill)
        .write(REFUNDS, refunds(200))
        .commit("carol")
        .merge();
    world.refused("`payments`");
    // Taking it away widens.
    let mut world = World::with(&[("kills.yaml", kill)]);
    world.remove("kills.yaml").commit("carol").merge();
    world.refused("the organisation's owners");
    let mut world = World::with(&[("kills.yaml", kill)]);
    world.remove("kills.yaml").commit("frank").approve(&["alice"]).merge();
    world.holds();
}

#[test]
fn what_a_step_relaxes_does_not_judge_it() {
    let edits: [&dyn Fn(&mut World); 4] = [
        &|world| {
            world.replace("team.yaml", "[carol, dave]", "[carol, dave, frank]");
        },
        &|world| {
            world.replace(RULES, "team-owners", "frank");
        },
        &|world| {
            world.remove(RULES);
        },
        &|world| {
            world.replace("polity.yaml", "owners: [security]", "owners: [security, frank]");
        },
    ];
    for edit in edits {
        let mut world = World::new();
        edit(&mut world);
        world
            .write(REFUNDS, refunds(200))
            .commit("erin")
            .approve(&["frank"])
            .merge();
        world.refused("frank is not among those whom");
        // The twin: those whom the rules before it name.
        let mut world = World::new();
        edit(&mut world);
        world
            .write(REFUNDS, refunds(200))
            .commit("erin")
            .approve(&["carol", "alice"])
            .merge();
        world.holds();
    }
}

#[test]
fn a_threshold_lowered_in_the_same_change_is_still_the_old_one() {
    let rule = |count: u32| {
        format!(
            "kind: ApprovalRule\nname: payments\nwhen: {{paths: [\"teams/**\"]}}\nrequire: [{{from: [team-owners], count: {count}}}]\n"
        )
    };
    for (approvers, holds) in [(&["carol", "alice"][..], false), (&["carol", "dave", "alice"], true)] {
        let mut world = World::with(&[(RULES, &rule(2))]);
        world
            .write(RULES, rule(1))
            .write(REFUNDS, refunds(200))
            .commit("frank")
            .approve(approvers)
            .merge();
        assert_eq!(world.verify().unwrap().holds(), holds, "{approvers:?}");
    }
    // Once it was approved on its own, it holds.
    let mut world = World::with(&[(RULES, &rule(2))]);
    world.write(RULES, rule(1)).commit("frank").approve(&["alice"]).merge();
    world.approved_step(200);
    world.holds();
}

#[test]
fn an_approver_removed_in_the_same_change_may_still_approve_it() {
    // The state before counts in both directions: carol owned the team when the step was judged.
    let mut world = World::new();
    world
        .replace("team.yaml", "[carol, dave]", "[dave]")
        .write(REFUNDS, refunds(200));
    world.commit("frank").approve(&["carol", "alice"]).merge();
    world.holds();
    // And no longer in the next.
    world
        .write(REFUNDS, refunds(300))
        .commit("frank")
        .approve(&["carol"])
        .merge();
    world.refused("carol is not among those whom");
}

#[test]
fn a_rename_out_of_a_protected_path_asks_by_the_old_one() {
    for to in [
        "refunds.yaml",
        "Teams/payments/refunds.yaml",
        "teams/Payments/refunds.yaml",
        "te\u{301}ams/refunds.yaml",
    ] {
        let mut world = World::new();
        let text = world.text(REFUNDS);
        world.remove(REFUNDS).write(to, text).commit("frank");
        // What differs in nothing but case from a folder that means something does not even compile.
        match to.contains(['T', 'P']) {
            true => world.merge().refused("does not compile"),
            false => world.approve(&["alice"]).merge().refused("`payments`"),
        }
    }
    let mut world = World::new();
    let text = world.text(REFUNDS);
    world
        .remove(REFUNDS)
        .write("refunds.yaml", text)
        .commit("frank")
        .approve(&["alice", "carol"])
        .merge();
    world.holds();
}

#[test]
fn links_and_modules_at_a_policy_path_do_not_compile_and_modes_are_seen() {
    for (kind, bytes) in [
        (EntryKind::Link, &b"../../README.md"[..]),
        (EntryKind::Commit, b"2222222222222222222222222222222222222222"),
    ] {
        let mut world = World::new();
        world.files.insert(REFUNDS.to_owned(), (kind, bytes.to_vec()));
        world.commit("frank").merge();
        world.refused("does not compile");
    }
    let mut world = World::new();
    let bytes = world.text(REFUNDS).into_bytes();
    world
        .files
        .insert(REFUNDS.to_owned(), (EntryKind::BlobExecutable, bytes));
    world.commit("frank").merge();
    world.refused("changes `teams/payments/refunds.yaml`");
    let mut world = World::new();
    let bytes = world.text(REFUNDS).into_bytes();
    world
        .files
        .insert(REFUNDS.to_owned(), (EntryKind::BlobExecutable, bytes));
    world.commit("frank").approve(&["carol"]).merge();
    world.holds();
}

#[test]
fn a_grant_widened_from_afar_is_a_change_all_the_same() {
    let template = "kind: Template\nname: grant\nparams:\n  most: {type: int}\n---\nkind: Policy\nname: given\nrules:\n  some:\n    effect: allow\n    agents: [payments/bot]\n    environments: [production]\n    actions: [billing.refund]\n    when: context.args.amount <= {{ most }}\n";
    let used = "kind: Use\nname: given\ntemplate: grant\nwith: {most: 5}\n";
    let wider = template.replace(
        "    when: context.args.amount <= {{ most }}\n",
        "    reason: {{ \"up to \" ~ most }}\n",
    );
    let ring = "kind: Ring\nname: standard\nlevel: 2\neffects: [read]\n";
    type File<'a> = (&'a str, &'a str);
    let all: [(&[File<'_>], File<'_>); 3] = [
        (
            &[("templates/grant.yaml", template), ("teams/payments/use.yaml", used)],
            ("templates/grant.yaml", &wider),
        ),
        (
            &[("rings.yaml", ring)],
            (
                "rings.yaml",
                "kind: Ring\nname: standard\nlevel: 2\neffects: [read, write, destructive]\n",
            ),
        ),
        (&[], ("groups.yaml", "members: [alice, bob, frank]")),
    ];
    for (given, (path, text)) in all {
        let change = |world: &mut World| match path {
            "groups.yaml" => drop(world.replace(path, "members: [alice, bob]", text)),
            _ => drop(world.write(path, text)),
        };
        let mut world = World::with(given);
        change(&mut world);
        world.commit("frank").merge();
        world.refused("was not approved");
        let mut world = World::with(given);
        change(&mut world);
        world.commit("frank").approve(&["alice", "carol"]).merge();
        world.holds();
    }
}

#[test]
fn a_team_may_add_no_key_in_its_own_folder() {
    let mut world = World::new();
    let person = format!("kind: Person\nname: eve\nkeys: [\"{}\"]\n", public("eve"));
    world.write("teams/payments/eve.yaml", person).commit("carol").merge();
    world.refused("does not compile");
    // A team's agent may have a key, which is no person's.
    let agent = format!(
        "kind: Agent\nname: second\nowner: erin\ngit: {{keys: [\"{}\"]}}\n",
        public("second")
    );
    let mut world = World::new();
    world
        .write("teams/payments/second.yaml", agent)
        .commit("carol")
        .approve(&["dave"])
        .merge();
    world.holds();
    let statement = {
        world.write(REFUNDS, refunds(200)).commit("frank");
        world.statement("dave")
    };
    let signature = sign("second", APPROVAL, &statement.to_bytes());
    world.add_evidence(&statement, Some(signature));
    world.commit("").merge();
    world.refused("is that of the agent second");
    assert_ne!(key("second").public_key(), key("dave").public_key());
}

#[test]
fn a_rule_asks_by_what_a_change_does_and_where() {
    let rules = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/payments/**\"]}\nrequire: [{from: \
                 [team-owners], count: 1}]\n---\nkind: ApprovalRule\nname: production\nwhen: {widens: true, environments: \
                 [production]}\nrequire: [{from: [security], count: 1}]\n";
    // Wider in production, narrower there, wider elsewhere, and described otherwise.
    for (edit, approvers, refused) in [
        (refunds(200), &["carol"][..], Some("`production`")),
        (refunds(200), &["carol", "alice"], None),
        (refunds(50), &["carol"], None),
        (
            refunds(100) + "  more:\n    effect: allow\n    environments: [staging]\n    actions: [billing.refund]\n",
            &["carol"],
            None,
        ),
        (
            refunds(100).replace("rules:", "description: others\nrules:"),
            &["carol"],
            None,
        ),
    ] {
        let mut world = World::with(&[(RULES, rules)]);
        world.write(REFUNDS, &edit).commit("frank").approve(approvers).merge();
        match refused {
            None => drop(world.holds()),
            Some(rule) => world.refused(rule),
        }
    }
}

#[test]
fn what_a_rule_may_not_cover_asks_an_owner_as_well() {
    // The rule is about one environment, and the change widens in two.
    let rules = "kind: ApprovalRule\nname: staging\nwhen: {widens: true, environments: [staging]}\nrequire: [{from: \
                 [erin], count: 1}]\n";
    let both = refunds(100)
        .replace("[production]", "[production, staging]")
        .replace("<= 100", "<= 200");
    for (approvers, holds) in [(&["erin"][..], false), (&["erin", "alice"], true)] {
        let mut world = World::with(&[(RULES, rules)]);
        world.write(REFUNDS, &both).commit("frank").approve(approvers).merge();
        match holds {
            true => drop(world.holds()),
            false => world.refused("the organisation's owners"),
        }
    }
}

#[test]
fn whoever_lists_no_key_cannot_be_the_one_who_approves() {
    let keyless = |world: &World, names: &[&str]| {
        let mut text = world.text("people.yaml");
        for name in names {
            text = text.replace(&format!("keys: [\"{}\"]\n", public(name)), "");
        }
        text
    };
    // Dave owns the team, and could say yes; there is nothing to prove it with.
    for (without, words) in [
        (&["dave"][..], "these could approve it: carol"),
        (&["dave"], "the Person document of dave lists no key"),
        (
            &["carol", "dave"],
            "blocked: nobody who may approve it has a key to do it with",
        ),
        (&["carol", "dave"], "the Person documents of carol, dave list no key"),
    ] {
        let people = keyless(&World::new(), without);
        let mut world = World::with(&[("people.yaml", &people)]);
        world.write(REFUNDS, refunds(200)).commit("frank").merge();
        world.refused(words);
    }
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [team-owners], count: \
                1}]\nevidence: present\n";
    let mut world = World::with(&[(RULES, rule)]);
    world.write(REFUNDS, refunds(200)).commit("frank").merge();
    world.refused("blocked: nobody who may approve it has a key");
    world.refused("no hardware key");
    // Two are asked for, and one is left.
    let rule = rule.replace("count: 1", "count: 2").replace("evidence: present\n", "");
    let mut world = World::with(&[(RULES, &rule)]);
    world.write(REFUNDS, refunds(200)).commit("carol").merge();
    world.refused("missing 2; these could approve it: dave");
    world.refused("blocked: if all of them did, 1 would still be missing");
    // An owner without a key is none of the two that an organisation needs, unless the forge can vouch for them where some
    // rule takes its word.
    let people = keyless(&World::new(), &["bob"]);
    World::with(&[("people.yaml", &people)]).refused("an organisation needs two owners");
    let taken = "kind: ApprovalRule\nname: groups\nwhen: {kinds: [Group]}\nrequire: [{from: [owners], count: 1}]\nevidence: \
                 forge\n";
    World::with(&[("people.yaml", &people), (RULES, taken)]).holds();
    let groups = "kind: Group\nname: security\nmembers: [alice, bob]\n";
    World::with(&[("people.yaml", &people), (RULES, taken), ("groups.yaml", groups)])
        .refused("an organisation needs two owners");
    World::new().holds();
}
