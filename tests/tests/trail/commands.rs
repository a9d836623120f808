//! The commands over a history: exit codes, what they say, and what they leave.

use std::fs;
use std::process::{Command, Stdio};

use crate::bench::{Bench, run};
use crate::world::{APPROVAL, MAIN, REFUNDS, World, public, refunds, sign};

#[test]
fn a_build_attests_what_was_approved_and_nothing_else() {
    let mut bench = Bench::new(World::new());
    bench.world.approved_step(200);
    bench.build("a.polity", "").exits(0);
    bench.polity("verify a.polity --trust keys/trust.json").exits(0);
    bench
        .polity("inspect a.polity --trust keys/trust.json")
        .exits(0)
        .says("attested");
    bench.world.write(REFUNDS, refunds(300)).commit("frank").merge();
    let step = bench.world.main.to_string();
    bench
        .build("b.polity", "")
        .exits(1)
        .says(&step[..12])
        .says("the approval rule `payments`")
        .says("these could approve it: carol, dave")
        .says("polity approve");
    assert!(!bench.keys.path().join("b.polity").exists());
    // A trust root without a beginning attests nothing.
    let dev = "keygen --organization acme --developer --out dev";
    bench.polity(dev).exits(0);
    bench
        .polity("build repo --trust dev/trust.json --key dev/bundle.key --out c.polity")
        .exits(1)
        .says("introductory");
    let unattested =
        format!("build repo --rev {MAIN} --unattested --trust dev/trust.json --key dev/developer.key --out c.polity");
    bench.polity(&unattested).exits(0);
    // Nor does a commit that the ref does not have.
    bench.world.write("README.md", "Aside.\n").commit("frank");
    let aside = bench.world.head;
    let other = format!("build repo --rev {aside} --trust keys/trust.json --key keys/bundle.key --out d.polity");
    bench
        .polity(&other)
        .exits(1)
        .says("is not on the first-parent chain of `refs/heads/main`");
}

#[test]
fn a_repository_that_cannot_be_trusted_is_exit_code_two() {
    let mut bench = Bench::new(World::new());
    bench.world.approved_step(200);
    fs::write(
        bench.world.path().join(".git/shallow"),
        format!("{}\n", bench.world.main),
    )
    .unwrap();
    bench.build("a.polity", "").exits(2).says("git fetch --unshallow");
    bench.polity("log repo").exits(2).says("git fetch --unshallow");
    fs::remove_file(bench.world.path().join(".git/shallow")).unwrap();
    bench.build("a.polity", "").exits(0);
    // The commit that everything begins with: not what its id says, or lost.
    let id = bench.world.introductory.to_string();
    let object = bench.world.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(&object).unwrap();
    fs::write(&object, "x").unwrap();
    bench
        .build("a.polity", "")
        .exits(2)
        .says("missing or not what its id says");
    fs::remove_file(&object).unwrap();
    bench.build("a.polity", "").exits(2);
}

#[test]
fn a_build_continues_from_an_attested_bundle_only() {
    let mut bench = Bench::new(World::new());
    bench.world.approved_step(200);
    bench.build("one.polity", "").exits(0);
    bench.world.approved_step(300);
    bench.build("two.polity", "--previous one.polity").exits(0);
    bench.build("whole.polity", "").exits(0);
    bench.polity("verify two.polity --trust keys/trust.json").exits(0);
    // What it was built from is found again, whichever way.
    for bundle in ["two.polity", "whole.polity"] {
        bench
            .polity(&format!("inspect {bundle}"))
            .exits(0)
            .says(&bench.world.main.to_string());
    }
    bench.polity("inspect two.polity").says("checkpoint");
    // The same commit may be signed again, and not as of an earlier moment: whoever has seen this one would refuse that.
    let earlier = format!(
        "build repo --rev {MAIN} --trust keys/trust.json --key keys/bundle.key --out x.polity --previous two.polity \
         --issued 2026-11-23T08:59:59Z"
    );
    bench.polity(&earlier).exits(1).says("was issued later");
    bench.build("again.polity", "--previous two.polity").exits(0);
    // An unattested one says nothing about its history.
    bench
        .polity("keygen --organization acme --developer --out dev")
        .exits(0);
    let unattested =
        format!("build repo --rev {MAIN} --unattested --trust dev/trust.json --key dev/developer.key --out dev.polity");
    bench.polity(&unattested).exits(0);
    bench
        .build("x.polity", "--previous dev.polity")
        .exits(1)
        .says("the previous bundle cannot be continued");
    // Neither does one of a history that was rewound.
    let back = bench.world.history().commit(bench.world.main).unwrap().parents[0];
    bench.world.set_main(back);
    bench
        .build("x.polity", "--previous two.polity")
        .exits(1)
        .says("the checkpoint");
}

#[test]
fn a_decision_names_the_commit_that_brought_its_rule_and_who_approved_it() {
    let mut bench = Bench::new(World::new());
    let decide = |bench: &Bench, bundle: &str| {
        let command = format!(
            "decide {bundle} --trust keys/trust.json --agent payments/bot --environment production --action \
             billing.refund --args {{\"amount\":1}} --now 2026-11-23T10:00:00Z --format json"
        );
        let ran = bench.polity(&command).exits(0);
        let read: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        (
            read["source"]["commit"].as_str().unwrap().to_owned(),
            read["source"]["approved_by"].clone(),
        )
    };
    bench.build("none.polity", "").exits(0);
    let beginning = bench.world.introductory.to_string();
    assert_eq!(decide(&bench, "none.polity"), (beginning, serde_json::json!([])));
    bench.world.approved_step(200);
    let brought = bench.world.main.to_string();
    // A step that changes another rule of the same file, and one that changes nothing.
    let second = "  other:\n    effect: deny\n    actions: [billing.refund]\n    when: context.args.amount > 9000\n";
    let text = bench.world.text(REFUNDS) + second;
    bench
        .world
        .write(REFUNDS, text)
        .commit("frank")
        .approve(&["dave"])
        .merge();
    bench.world.write("README.md", "More.\n").commit("frank").merge();
    bench.build("one.polity", "").exits(0);
    let expected = (brought, serde_json::json!(["carol (signed)"]));
    assert_eq!(decide(&bench, "one.polity"), expected);
    // What lies before the checkpoint is known from the bundle that it was continued from.
    bench.world.write("README.md", "And more.\n").commit("frank").merge();
    bench.build("two.polity", "--previous one.polity").exits(0);
    assert_eq!(decide(&bench, "two.polity"), expected);
    bench.build("whole.polity", "").exits(0);
    assert_eq!(decide(&bench, "whole.polity"), expected);
}

#[test]
fn an_approval_is_shown_signed_committed_and_counts() {
    let mut bench = Bench::new(World::new());
    bench.world.write(REFUNDS, refunds(200)).commit("frank");
    bench.check_out();
    let check = "check repo --base main --trust keys/trust.json";
    bench
        .polity(check)
        .exits(1)
        .says("widens: widened payments/bot in production: billing.refund")
        .says("the approval rule `payments`: not approved yet")
        .says("these could approve it: carol, dave");
    let carol = bench.secret("carol");
    bench
        .polity(&format!("approve main..HEAD --path repo --key {carol}"))
        .exits(2)
        .says("--yes");
    bench
        .polity(&format!("approve main..HEAD --path repo --key {carol} --dry-run"))
        .exits(0)
        .says("widens");
    let stranger = bench.secret("stranger");
    bench
        .polity(&format!("approve --path repo --key {stranger} --yes"))
        .exits(1)
        .says("belongs to nobody on the trunk");
    let bot = bench.secret("bot");
    bench
        .polity(&format!("approve --path repo --key {bot} --yes"))
        .exits(1)
        .says("only people approve");
    let approved = bench
        .polity(&format!("approve --path repo --key {carol} --yes"))
        .exits(0)
        .says("signed by carol");
    let file = approved.out.lines().last().unwrap().to_owned();
    assert!(
        file.starts_with(".polity/approvals/") && file.ends_with(".json"),
        "{file}"
    );
    assert_eq!(
        bench.world.git(&["status", "--porcelain"]),
        "",
        "the work tree and the index know it"
    );
    bench
        .polity(check)
        .exits(0)
        .says("approved")
        .says("has carol: signed by SHA256:");
    // ssh-keygen, which did not make it, takes the signature.
    let allowed = bench.keys.path().join("allowed");
    fs::write(&allowed, format!("carol {}\n", public("carol"))).unwrap();
    let verified = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "polity-approval@v1", "-I", "carol", "-f"])
        .arg(&allowed)
        .arg("-s")
        .arg(bench.world.path().join(file.replace(".json", ".sig")))
        .stdin(fs::File::open(bench.world.path().join(&file)).unwrap())
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    bench.world.git(&["checkout", "-q", "main"]);
    bench.world.git(&["merge", "-q", "--no-ff", "-m", "merge", "work"]);
    bench.build("a.polity", "").exits(0);
    // A no is shown, and is no yes.
    bench.world.git(&["checkout", "-q", "-b", "next"]);
    fs::write(bench.world.path().join(REFUNDS), refunds(300)).unwrap();
    bench.world.git(&["commit", "-q", "-a", "-m", "more"]);
    bench
        .polity(&format!("approve --path repo --key {carol} --yes --reject"))
        .exits(0);
    bench.polity(check).exits(1).says("it is a rejection");
}

#[cfg(unix)]
#[test]
fn an_agent_signs_for_a_public_key() {
    let mut bench = Bench::new(World::new());
    bench.world.write(REFUNDS, refunds(200)).commit("frank");
    bench.check_out();
    let carol = bench.secret("carol");
    let public_file = bench.keys.path().join("carol.pub");
    fs::write(&public_file, public("carol")).unwrap();
    fs::set_permissions(&carol, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let command = format!(
        "approve --path {} --key {} --yes",
        bench.world.path().display(),
        public_file.display()
    );
    run(bench.keys.path(), &command, &[]).exits(2).says("SSH_AUTH_SOCK");
    // The agent ends with the command that it runs.
    let socket = bench.keys.path().join("agent");
    let script = format!(
        "ssh-add -q {carol} && exec {} {command}",
        env!("CARGO_BIN_EXE_polity-tested")
    );
    let output = Command::new("ssh-agent")
        .args(["-a", socket.to_str().unwrap(), "sh", "-c", &script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    bench
        .polity("check repo --base main")
        .exits(0)
        .says("has carol: signed");
}

#[test]
fn the_log_answers_who_approved_what_in_a_line() {
    let mut bench = Bench::new(World::new());
    bench.world.approved_step(200);
    let first = bench.world.main.to_string();
    let claimed = "a change\n\nReviewed-by: dave";
    bench
        .world
        .write(REFUNDS, refunds(300))
        .commit_as("frank", "frank", "more")
        .merge_by("gitlab", claimed);
    let second = bench.world.main.to_string();
    bench.world.write("README.md", "Nothing.\n").commit("frank").merge();
    let all = bench.polity("log repo").exits(0);
    let lines: Vec<&str> = all.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", all.out);
    assert!(
        lines[0].starts_with(&second[..12]) && lines[0].contains("approved by nobody"),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains("claimed: Reviewed-by: dave"), "{}", lines[0]);
    assert!(
        lines[1].starts_with(&first[..12]) && lines[1].contains("approved by carol (signed, SHA256:"),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains("changes Policy refunds in teams/payments/refunds.yaml") && lines[1].contains("frank"));
    let count = |filter: &str| bench.polity(&format!("log repo {filter}")).exits(0).out.lines().count();
    for (filter, found) in [
        ("--agent payments/bot --environment production", 2),
        ("--agent payments/bot --environment staging", 0),
        ("--agent other", 0),
        ("--action billing.refund", 2),
        ("--team payments", 2),
        ("--team support", 0),
        ("--document teams/**", 2),
        ("--document Policy/refunds", 2),
        ("--document polity.yaml", 0),
        ("--credential billing-db", 0),
        ("--person carol", 1),
        ("--person frank", 2),
        ("--person erin", 0),
        ("--since 2030-01-01T00:00:00Z", 0),
        ("--until 2030-01-01T00:00:00Z", 2),
        ("-n 1", 1),
    ] {
        assert_eq!(count(filter), found, "{filter}");
    }
    bench
        .polity("log repo --person erin")
        .exits(0)
        .says("none of the 3 steps since the first commit changes what is asked for");
    let json = bench
        .polity("log repo --format json --trust keys/trust.json")
        .exits(1)
        .says("was not approved");
    let read: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(read["approved"], false);
    assert_eq!(read["steps"][1]["approvals"][0]["person"], "carol");
    assert_eq!(read["steps"][1]["approvals"][0]["grade"], "signed");
    assert_eq!(read["steps"][1]["commit"], first);
}

/// An approval for another ref is shown as none of this one.
#[test]
fn the_log_tells_for_which_ref_an_approval_was_given() {
    let make = |reference: &str| {
        let mut world = World::new();
        world.write(REFUNDS, refunds(200)).commit("frank");
        let mut statement = world.statement("carol");
        statement.reference = reference.to_owned();
        world.add_evidence(&statement, Some(sign("carol", APPROVAL, &statement.to_bytes())));
        world.commit("").merge();
        Bench::new(world)
    };
    let elsewhere = make("refs/heads/release");
    elsewhere.polity("log repo").exits(0).says(", for refs/heads/release)");
    let known = elsewhere.polity("log repo --trust keys/trust.json").exits(1);
    assert!(known.out.contains("approved by nobody"), "{}", known.out);
    let json = elsewhere.polity("log repo --format json").exits(0);
    let read: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(read["steps"][0]["approvals"][0]["ref"], "refs/heads/release");
    let here = make(MAIN);
    for command in ["log repo", "log repo --trust keys/trust.json"] {
        let said = here.polity(command).exits(0);
        assert!(said.out.contains("approved by carol (signed, SHA256:"), "{}", said.out);
        assert!(!said.out.contains(", for "), "{}", said.out);
    }
}

#[test]
fn codeowners_name_the_same_people() {
    let bench = Bench::new(World::new());
    bench.check_out();
    let github = bench.polity("render codeowners repo").exits(0);
    assert!(
        github.out.contains("* alice@acme.example bob@acme.example\n"),
        "{}",
        github.out
    );
    let payments = "/teams/payments/** alice@acme.example bob@acme.example carol@acme.example dave@acme.example\n";
    assert!(github.out.contains(payments), "{}", github.out);
    let gitlab = bench.polity("render codeowners repo --forge gitlab").exits(0);
    let section = "[payments][1]\n/teams/payments/** carol@acme.example dave@acme.example\n";
    assert!(gitlab.out.contains(section), "{}", gitlab.out);
}

/// Of sections of one name GitLab takes the last line that matches: each requirement has a section of its own.
#[test]
fn codeowners_keep_every_requirement_of_a_rule() {
    let rules = "kind: ApprovalRule\nname: both\nwhen: {paths: [\"teams/**\"]}\nrequire:\n  \
                 - {from: [alice], count: 1}\n  - {from: [team-owners], count: 2}\n";
    let bench = Bench::new(World::with(&[("rules.yaml", rules)]));
    bench.check_out();
    let gitlab = bench.polity("render codeowners repo --forge gitlab").exits(0);
    for section in [
        "[both][1]\n/teams/** alice@acme.example\n",
        "[both 2][2]\n/teams/payments/ carol@acme.example dave@acme.example\n",
    ] {
        assert!(gitlab.out.contains(section), "{}", gitlab.out);
    }
}

#[test]
fn a_script_reads_what_a_branch_needs_and_has() {
    let mut bench = Bench::new(World::new());
    bench.world.write(REFUNDS, refunds(200)).commit("frank");
    let (base, head) = (bench.world.main.to_string(), bench.world.head.to_string());
    let check = |bench: &Bench, exit: i32| -> serde_json::Value {
        let rev = bench.world.head;
        let ran = bench.polity(&format!(
            "check repo --rev {rev} --base main --trust keys/trust.json --format json"
        ));
        let ran = ran.exits(exit);
        assert_eq!(ran.err, "", "all of it is in the JSON");
        serde_json::from_str(&ran.out).unwrap()
    };
    let read = check(&bench, 1);
    assert_eq!(read["version"], 1);
    let approvals = &read["approvals"];
    assert_eq!((&approvals["base"], &approvals["head"]), (&base.into(), &head.into()));
    assert_eq!(approvals["ref"], MAIN);
    assert_eq!(
        (&approvals["approved"], &approvals["sole_owner"]),
        (&false.into(), &false.into())
    );
    assert_eq!(approvals["changes"][1]["direction"], "widens");
    assert_eq!(approvals["written_by"]["people"], serde_json::json!(["frank"]));
    let ask = &approvals["asks"][0];
    assert_eq!(
        (&ask["by"], &ask["rule"], &ask["evidence"]),
        (&"rule".into(), &"payments".into(), &"signed".into())
    );
    assert_eq!(ask["needs"][0]["count"], 1);
    assert_eq!(ask["needs"][0]["people"], serde_json::json!(["carol", "dave"]));
    assert_eq!(
        (&ask["missing"], &ask["could"]),
        (&1.into(), &serde_json::json!(["carol", "dave"]))
    );
    bench.world.approve(&["carol", "erin"]);
    let read = check(&bench, 0);
    let ask = &read["approvals"]["asks"][0];
    assert_eq!(
        (&read["approvals"]["approved"], &ask["missing"]),
        (&true.into(), &0.into())
    );
    let has = &ask["has"][0];
    assert_eq!(
        (&has["person"], &has["grade"], &has["own"]),
        (&"carol".into(), &"signed".into(), &false.into())
    );
    assert!(has["key"].as_str().unwrap().starts_with("SHA256:"));
    assert_eq!(ask["refused"][0]["person"], "erin");
}

/// Carol approves what frank wrote first, and wrote something herself later.
#[test]
fn an_approval_of_a_branch_with_a_commit_of_ones_own_says_what_it_counts_for() {
    let make = |path: &str, text: String| {
        let mut bench = Bench::new(World::new());
        bench.world.write(REFUNDS, refunds(200)).commit("frank");
        let first = bench.world.head.to_string();
        bench.world.write(path, text).commit("carol");
        let second = bench.world.head.to_string();
        bench.check_out();
        let carol = bench.secret("carol");
        let dry = bench.polity(&format!("approve main..HEAD --path repo --key {carol} --dry-run"));
        let said = bench.polity(&format!("approve main..HEAD --path repo --key {carol} --yes"));
        assert_eq!(
            dry.err,
            said.err
                .lines()
                .take_while(|line| !line.starts_with("signed by"))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        );
        bench.world.head = bench.world.history().commit_of("refs/heads/work").unwrap();
        (bench, said.exits(0), first[..12].to_owned(), second[..12].to_owned())
    };
    let own = "carol wrote part of it, or an agent of theirs did";
    let (mut bench, said, first, _) = make("README.md", "Mine.\n".to_owned());
    said.says(own)
        .says("as one change, which a merge or a squash makes of it, this approval does not count")
        .says(&format!(
            "it counts for {first}, and nothing else of it needs an approval"
        ));
    let main = bench.world.main;
    bench.world.forward().holds();
    bench.world.set_main(main);
    bench
        .world
        .git(&["checkout", "-q", "-f", "--detach", "refs/heads/work"]);
    let merged = bench.world.git(&[
        "commit-tree",
        "-p",
        &main.to_string(),
        "-p",
        "HEAD",
        "-m",
        "m",
        "HEAD^{tree}",
    ]);
    let merged = bench.world.history().commit_of(&merged).unwrap();
    bench.world.set_main(merged);
    bench.world.refused("carol wrote part of the change");
    // What she wrote has to be approved, too, and by somebody else.
    let (mut bench, said, first, second) = make("teams/payments/notes.md", "Mine.\n".to_owned());
    said.says(&format!(
        "it counts for {first}, and somebody else has to approve {second}"
    ));
    bench
        .world
        .forward()
        .refused(&format!("the step {second} was not approved"));
    // Where she changed what she approves, it is not what frank wrote.
    let (mut bench, said, first, _) = make(REFUNDS, refunds(300));
    said.says(own)
        .says("this approval does not count, and somebody else has to approve it");
    bench
        .world
        .forward()
        .refused(&format!("the step {first} was not approved"));
}
