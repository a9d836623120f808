//! Verifying and asking: what is refused, with which words, and that every request has an answer.

use serde_json::Value;

use crate::harness::Place;

const REFUND: &str = r#"{"payment_intent": "pi_1", "amount": 5000}"#;

#[test]
fn every_request_has_an_answer_in_its_place() {
    let place = Place::with_example();
    // By day: at night a refund asks somebody of finance.
    let built = "build acme --unattested --trust keys/trust.json --key keys/developer.key --out acme.polity";
    place.polity(&format!("{built} --issued 2026-11-23T12:00:00Z")).exits(0);
    let good = format!(
        r#"{{"agent":"payments/refund-bot","environment":"production","action":"stripe.create_refund","args":{REFUND},"now":"2026-11-23T12:00:00Z"}}"#
    );
    let large = good.replace("5000", "5001");
    let twice = good.replace(r#""amount": 5000"#, r#""amount": 1, "amount": 5000"#);
    let field = good.replace(r#""args""#, r#""via": ["x"], "args""#);
    let class = good.replace(r#""args""#, r#""holding": ["gossip"], "args""#);
    let lines = [
        &good,
        "nonsense",
        &large,
        &twice,
        "[]",
        &field,
        &class,
        "{\"agent\":",
        &good,
    ]
    .join("\n");
    place.write("calls.jsonl", &lines);
    let ran = place
        .polity("decide acme.polity --trust keys/trust.json --requests calls.jsonl --format json")
        .exits(0);
    let answers: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<(&str, &str)> = answers
        .iter()
        .map(|one| (one["effect"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    let (granted, invalid) = (("allow", "granted"), ("deny", "invalid-request"));
    let asked = ("require_approval", "approval-required");
    assert_eq!(
        told,
        [
            granted, invalid, asked, invalid, invalid, invalid, invalid, invalid, granted
        ]
    );
    for number in [2, 5, 6, 8] {
        assert!(
            ran.err.contains(&format!(
                "calls.jsonl: request {number} cannot be read, and is denied: "
            )),
            "{}",
            ran.err
        );
    }
    // A line each unless somebody asks for text.
    let requests = "decide acme.polity --trust keys/trust.json --requests calls.jsonl";
    assert_eq!(place.polity(requests).exits(0).out, ran.out);
    let text = place.polity(&format!("{requests} --format text")).exits(0).out;
    assert!(text.starts_with("allow granted by "), "{text}");
    place
        .words(
            &[
                "decide",
                "acme.polity",
                "--trust",
                "keys/trust.json",
                "--requests",
                "calls.jsonl",
                "--exit-code",
            ],
            &[],
        )
        .exits(1);
    // Every field is there whatever the answer.
    for answer in &answers {
        let fields = [
            "effect",
            "code",
            "rule",
            "reason",
            "errors",
            "obligations",
            "observed",
            "challenge",
            "source",
            "access",
            "bundle",
        ];
        assert_eq!(answer.as_object().unwrap().len(), fields.len());
        assert!(fields.iter().all(|field| answer.get(field).is_some()), "{answer}");
    }
}

#[test]
fn each_kind_of_tampering_is_refused_in_its_own_words() {
    let place = Place::with_example();
    place.build().exits(0);
    let good = place.read("acme.polity");
    let changed = |find: &[u8], replace: &[u8]| {
        let at = good.windows(find.len()).position(|window| window == find).unwrap();
        [&good[..at], replace, &good[at + find.len()..]].concat()
    };
    let mut last = good.clone();
    *last.iter_mut().rfind(|byte| **byte != 0).unwrap() ^= 1;
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("nothing", Vec::new(), "cut short: its header"),
        (
            "another file",
            b"polity: v1\nkind: Organization\n".to_vec(),
            "this is not a bundle",
        ),
        (
            "the manifest",
            changed(b"\"attested\":false", b"\"attested\":true "),
            "does not hold",
        ),
        (
            "the organisation",
            changed(b"\"organization\":\"acme\"", b"\"organization\":\"evil\""),
            "does not hold",
        ),
        ("a section", last, "is not the one that was signed"),
        ("an end", good[..good.len() - 9].to_vec(), "cut short: its sections"),
        (
            "more",
            [good.as_slice(), b"\0\0\0\0\0\0\0\0"].concat(),
            "goes on after its last section",
        ),
    ];
    for (what, bytes, said) in cases {
        place.write("t.polity", bytes);
        for command in ["verify", "inspect"] {
            let ran = place
                .polity(&format!("{command} t.polity --trust keys/trust.json"))
                .exits(1);
            assert!(ran.err.contains(said) && ran.out.is_empty(), "{what}: {}", ran.err);
        }
        let asked = [
            "--agent",
            "payments/refund-bot",
            "--environment",
            "production",
            "--action",
            "stripe.create_refund",
        ];
        let decide = ["decide", "t.polity", "--trust", "keys/trust.json"];
        let ran = place.words(&[&decide[..], &asked[..]].concat(), &[]).exits(1);
        assert!(ran.out.is_empty(), "{what} is not asked: {}", ran.out);
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let place = Place::with_example();
    place.build().exits(0);
    let good = place.read("acme.polity");
    // A process each, so not every byte: a stride that meets every part of the file.
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x20;
        place.write("t.polity", bytes);
        let ran = place.polity("verify t.polity --trust keys/trust.json").exits(1);
        assert!(ran.err.starts_with("error: "), "byte {at}: {}", ran.err);
    }
}

#[test]
fn a_trust_root_takes_its_own_bundles_only() {
    let place = Place::with_example();
    place.build().exits(0);
    place
        .polity("keygen --developer --organization acme --out others")
        .exits(0);
    place
        .polity("keygen --developer --organization umbrella --out umbrella")
        .exits(0);
    place.polity("keygen --organization acme --out production").exits(0);
    let trust = String::from_utf8(place.read("keys/trust.json")).unwrap();
    let strict = trust.replace("\"allow_unattested\": true", "\"allow_unattested\": false");
    assert_ne!(strict, trust);
    place.write("strict/trust.json", strict);
    for (trust, said) in [
        ("others", "which the trust root does not know"),
        ("umbrella", "which the trust root does not know"),
        ("production", "which the trust root does not know"),
        ("strict", "is not attested"),
    ] {
        let ran = place
            .polity(&format!("verify acme.polity --trust {trust}/trust.json"))
            .exits(1);
        assert!(ran.err.contains(said), "{trust}: {}", ran.err);
    }
    // Nor can it be built for one.
    let build = "build acme --unattested --trust production/trust.json --key production/bundle.key --out p.polity";
    place.polity(build).exits(1);
    assert!(!place.at("p.polity").exists());
    // A trust root ends too.
    let ran = place
        .polity("verify acme.polity --trust keys/trust.json --now 2099-01-01T00:00:00Z")
        .exits(1);
    assert!(ran.err.contains("the trust root has expired"), "{}", ran.err);
}

#[test]
fn a_bundle_ends_first_for_what_writes_and_then_for_all() {
    let place = Place::with_example();
    let built = "build acme --unattested --trust keys/trust.json --key keys/developer.key --out acme.polity";
    place.polity(&format!("{built} --issued 2026-11-23T12:00:00Z")).exits(0);
    let code = |agent: &str, action: &str, arguments: &str, now: &str| {
        let ran = place
            .decide(agent, action, arguments, &["--now", now, "--on-behalf-of", "hana"])
            .exits(0);
        ran.json()["code"].as_str().unwrap().to_owned()
    };
    let writes = |now: &str| code("payments/refund-bot", "stripe.create_refund", REFUND, now);
    let reads = |now: &str| {
        code(
            "support/support-agent",
            "postgres.execute_sql",
            r#"{"sql": "select 1"}"#,
            now,
        )
    };
    for (now, read, write) in [
        // A clock set back does not help: the bundle says when it was issued.
        ("2020-01-01T00:00:00Z", "granted", "granted"),
        ("2026-11-30T11:59:59.999Z", "granted", "granted"),
        ("2026-11-30T12:00:00Z", "granted", "expired"),
        ("2026-12-02T11:59:59.999Z", "granted", "expired"),
        ("2026-12-02T12:00:00Z", "expired", "expired"),
        ("2027-06-01T00:00:00Z", "expired", "expired"),
    ] {
        assert_eq!((reads(now).as_str(), writes(now).as_str()), (read, write), "{now}");
    }
}

#[test]
fn a_kill_in_the_repository_overrides_every_allow() {
    let place = Place::with_example();
    place.write(
        "acme/incident.yaml",
        "kind: Kill\nname: incident-42\ntools: [stripe]\nreason: a leaked key\n",
    );
    place.build().exits(0);
    let ran = place
        .decide("payments/refund-bot", "stripe.create_refund", REFUND, &[])
        .exits(0);
    let answer = ran.json();
    assert_eq!(
        (answer["effect"].as_str(), answer["code"].as_str()),
        (Some("deny"), Some("killed")),
        "{answer}"
    );
    assert!(answer["reason"].as_str().unwrap().contains("a leaked key"), "{answer}");
}

/// The texts of `example-org/` that belong to one team alone.
const OF_TEAMS: [(&str, &[&str]); 3] = [
    ("payments", &["payments/refund-bot", "disputes/", "teams/payments"]),
    ("platform", &["platform/", "dependency-updater/", "teams/platform"]),
    ("support", &["support/support-agent"]),
];

#[test]
fn a_part_holds_no_other_teams_rules_and_says_what_it_is() {
    let place = Place::with_example();
    let build = "build acme --unattested --trust keys/trust.json --key keys/developer.key --out part.polity --for";
    let whole = place.build().exits(0);
    assert!(!whole.out.contains("only"), "{}", whole.out);
    let whole = place.read("acme.polity");
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for (team, own) in OF_TEAMS {
        let built = place.polity(&format!("{build} team={team}")).exits(0);
        assert!(
            built.out.ends_with(&format!("unattested, only team {team})\n")),
            "{}",
            built.out
        );
        let bytes = place.read("part.polity");
        assert!(bytes.len() < whole.len());
        assert!(own.iter().any(|text| holds(&bytes, text)), "{team}");
        for (other, texts) in OF_TEAMS.iter().filter(|(other, _)| *other != team) {
            for text in *texts {
                assert!(holds(&whole, text), "{text}");
                assert!(!holds(&bytes, text), "the part of {team} holds `{text}` of {other}");
            }
        }
        let verified = place.polity("verify part.polity --trust keys/trust.json").exits(0);
        assert!(
            verified.out.contains(&format!("only      team {team}\n")),
            "{}",
            verified.out
        );
        let inspected = place
            .polity("inspect part.polity --trust keys/trust.json --format json")
            .exits(0);
        assert_eq!(inspected.json()["manifest"]["scope"]["name"], team);
    }
    place.polity(&format!("{build} agent=payments/refund-bot")).exits(0);
    let decide = |bundle: &str, agent: &str, environment: &str| {
        let decided = place.words(
            &[
                "decide",
                bundle,
                "--trust",
                "keys/trust.json",
                "--format",
                "json",
                "--agent",
                agent,
                "--environment",
                environment,
                "--action",
                "stripe.create_refund",
                "--args",
                r#"{"payment_intent": "pi_1", "amount": 5001}"#,
            ],
            &[],
        );
        decided.exits(0).json()
    };
    let (part, whole) = (
        decide("part.polity", "payments/refund-bot", "production"),
        decide("acme.polity", "payments/refund-bot", "production"),
    );
    for field in ["effect", "code", "rule", "reason", "obligations", "source"] {
        assert_eq!(part[field], whole[field], "{field}");
    }
    assert_eq!(part["code"], "approval-required");
    assert_eq!(
        decide("part.polity", "support/support-agent", "production")["code"],
        "unknown-agent"
    );
    place.polity(&format!("{build} environment=production")).exits(0);
    assert_eq!(
        decide("part.polity", "payments/refund-bot", "staging")["code"],
        "unknown-environment"
    );
    assert_eq!(
        decide("part.polity", "payments/refund-bot", "production")["code"],
        "approval-required"
    );
}

#[test]
fn a_part_that_nobody_works_in_is_refused() {
    let place = Place::with_example();
    let build = "build acme --unattested --trust keys/trust.json --key keys/developer.key --out part.polity --for";
    let unknown = place.polity(&format!("{build} team=paymnts")).exits(1);
    assert!(unknown.err.contains("did you mean `payments`?"), "{}", unknown.err);
    place.polity(&format!("{build} agent=refund-bot")).exits(1);
    place.polity(&format!("{build} payments")).exits(2);
    place
        .polity(&format!("{build} team=payments --for team=support"))
        .exits(2);
    assert!(!place.at("part.polity").exists());
}
