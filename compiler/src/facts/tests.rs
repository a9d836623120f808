//! Every field of every kind of document, changed alone: each change is a fact, or changes the table; and nothing that
//! is only written otherwise is one.

mod edits;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rayon::prelude::*;

use super::*;
use crate::compile::{Compiled, compile};
use crate::diag::{Severity, Sink};
use crate::parse::document::TABLE;
use crate::parse::document::form::{Form, Type};
use crate::parse::parse;
use crate::resolve::resolve;
use crate::source::SourceTree;
use edits::{EDITS, FORMS_NOT_COMPARED, HOSTS, NOT_COMPARED, SELECTORS};

/// An organisation with a value in every field that is compared.
const BASE: &str = include_str!("base.yaml");

/// Every edit by form and field.
fn edits() -> Vec<(&'static str, &'static str, String)> {
    let mut edits = Vec::new();
    for (form, field, from, to) in EDITS {
        assert_eq!(
            BASE.matches(from).count().min(1),
            1,
            "{form}.{field}: `{from}` is not there"
        );
        edits.push((*form, *field, BASE.replacen(from, to, 1)));
    }
    for (form, marker, taken) in HOSTS {
        for (field, value) in SELECTORS {
            let edited = match taken.iter().find(|(name, ..)| name == field) {
                Some((_, from, to)) => BASE.replacen(from, to, 1),
                None => BASE.replacen(marker, &format!("{field}: {value}"), 1),
            };
            assert_ne!(edited, BASE, "{form}.{field} at {marker}");
            edits.push((*form, *field, edited));
        }
    }
    // Whoever is called otherwise is called so everywhere.
    let renamed = [
        ("carla", "carol", "carla"),
        ("anybody", "everybody", "anybody"),
        ("supporters", "support]", "supporters]"),
        ("name: stage\n", "staging", "stage"),
        ("clients", "customers", "clients"),
        ("name: file\n", "files", "file"),
        ("name: help\n", "helper", "help"),
        ("supporters", "team: support\n", "team: supporters\n"),
    ];
    for (_, field, text) in &mut edits {
        for (mark, from, to) in renamed {
            if *field == "name" && text.contains(mark) {
                *text = text.replace(from, to);
            }
        }
    }
    edits
}

/// The organisation alone: facts are of nothing else, and conditions take most of the time.
#[track_caller]
fn resolved(text: &str) -> Organization {
    let mut sink = Sink::default();
    let parsed = parse(&tree(vec![("polity.yaml".to_owned(), text.to_owned())]), &mut sink);
    let organization = resolve(&parsed.documents, &mut sink);
    let errors = sink
        .diagnostics()
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let errors: Vec<&str> = errors.map(|found| found.message.as_str()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    organization
}

fn compiled(text: &str) -> Compiled {
    compile(
        &tree(vec![("polity.yaml".to_owned(), text.to_owned())]),
        0,
        Sink::default(),
    )
}

fn tree(files: Vec<(String, String)>) -> SourceTree {
    // Only the organisation may stand in `polity.yaml`, and it only there.
    let mut split = Vec::new();
    for (path, text) in files {
        match text.split_once("\n---\n").filter(|_| path == "polity.yaml") {
            Some((first, rest)) => {
                split.push((path, format!("{first}\n")));
                split.push(("all.yaml".to_owned(), rest.to_owned()));
            }
            None => split.push((path, text)),
        }
    }
    SourceTree::from_files(split)
}

/// What stands in the way of a table.
fn errors(compiled: &Compiled) -> Vec<&str> {
    let errors = compiled
        .findings
        .diagnostics()
        .iter()
        .filter(|found| found.severity == Severity::Error);
    errors.map(|found| found.message.as_str()).collect()
}

#[track_caller]
fn valid(compiled: &Compiled, of: &str) {
    assert!(compiled.table.is_some(), "{of}: {:?}", errors(compiled));
}

#[test]
fn every_field_of_every_document_is_a_fact_or_changes_the_table() {
    let base = compiled(BASE);
    valid(&base, "the base");
    let wrong = edits().into_par_iter().filter_map(|(form, field, text)| {
        if !facts(&base.organization, &resolved(&text)).is_empty() {
            return None;
        }
        let edited = compiled(&text);
        let Some(table) = &edited.table else {
            return Some(format!("{form}.{field} is no organisation: {:?}", errors(&edited)));
        };
        let same = base.table.as_ref().unwrap().data() == table.data();
        same.then(|| format!("nobody compares {form}.{field}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_field_of_the_readers_table_has_its_edit() {
    let edited: BTreeSet<(&str, &str)> = edits().into_iter().map(|(form, field, _)| (form, field)).collect();
    let mut wanted = BTreeSet::new();
    for kind in TABLE {
        fields(kind.form, &mut wanted);
    }
    let missing: Vec<_> = wanted.difference(&edited).collect();
    assert!(missing.is_empty(), "no edit, and no reason why not: {missing:?}");
    let gone: Vec<_> = edited.difference(&wanted).collect();
    assert!(gone.is_empty(), "no such field: {gone:?}");
}

fn fields(form: &'static Form, all: &mut BTreeSet<(&'static str, &'static str)>) {
    if FORMS_NOT_COMPARED.iter().any(|(what, _)| *what == form.what) {
        return;
    }
    for field in form.fields() {
        let compared = !NOT_COMPARED.iter().any(|(name, _)| *name == field.name);
        if compared && all.insert((form.what, field.name)) {
            below(&field.ty, all);
        }
    }
}

fn below(ty: &'static Type, all: &mut BTreeSet<(&'static str, &'static str)>) {
    match ty {
        Type::Fields(form) => fields(form, all),
        Type::Parameter => fields(&crate::parse::document::PARAMETER, all),
        Type::List(of) | Type::MaybeEmpty(of) => below(of, all),
        Type::Map(_, of) | Type::MaybeEmptyMap(_, of) => below(of, all),
        _ => {}
    }
}

/// The documents of the base, each by itself.
fn documents() -> Vec<String> {
    BASE.split("\n---\n").map(|document| format!("{document}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_files_and_comments_are_no_facts(
        order in Just(documents().split_off(1)).prop_shuffle(),
        cuts in prop::collection::vec(any::<bool>(), 64),
    ) {
        let base = resolved(BASE);
        prop_assert!(facts(&base, &base).is_empty());
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let mut number = 0;
        for (document, cut) in order.into_iter().zip(cuts) {
            number += usize::from(cut);
            let file = files.entry(format!("folder/{}-{number}.yaml", 100 - number)).or_default();
            file.push_str(&format!("---\n# a comment\n{}", document.replace("for people", "for all")));
        }
        let mut files: Vec<_> = files.into_iter().collect();
        files.push(("polity.yaml".to_owned(), documents().remove(0)));
        let mut sink = Sink::default();
        let parsed = parse(&tree(files), &mut sink);
        let shuffled = resolve(&parsed.documents, &mut sink);
        prop_assert_eq!(sink.diagnostics(), &[]);
        let found = facts(&base, &shuffled);
        prop_assert!(found.is_empty(), "{found:?}");
    }
}

/// What a change of the base brings, a line each.
fn changed(edits: &[(&str, &str)]) -> Vec<String> {
    let mut text = BASE.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "`{from}` is not there");
        text = text.replacen(from, to, 1);
    }
    let facts = facts(&resolved(BASE), &resolved(&text));
    facts.iter().map(ToString::to_string).collect()
}

#[test]
fn each_direction_is_that_of_strictness() {
    let widened = [
        ("max_ttl: 20m", "max_ttl: 30m"),
        ("credentials: {max_ttl: 20m}", ""),
        ("rank: 1", "rank: 2"),
        (
            "rings: [standard, sandboxed]\nenforced_by",
            "rings: [standard, sandboxed, privileged]\nenforced_by",
        ),
        ("hosts: [a.example]", "hosts: [b.example]"),
        ("limit: 20/h", "limit: 1/m"),
        ("    limit: 20/h\n", ""),
        ("review_by: 2027-03-01", "review_by: 2027-03-02"),
        ("billing@1.0.0", "billing@1.0.1"),
        ("timeout: 30m", "timeout: 31m"),
        ("separation: true", "separation: false"),
        ("until: 2026-12-31", "until: 2027-01-01"),
        ("unused-group: warn", "unused-group: allow"),
        ("sole_owner: false", "sole_owner: true"),
        ("strict: true", "strict: false"),
        ("    reads: [secrets]\n    params", "    reads: []\n    params"),
        ("outcome: [allow, require_approval]", "outcome: [allow]"),
        (
            "AAAAC3NzaC1lZDI1NTE5AAAAICAnDb8xTk2B6PMpUcZysQOkatcY+xJP5ndF4yJwEFjL",
            "AAAAC3NzaC1lZDI1NTE5AAAAIKi7AVKIGXfU5BonMuzG35VsOtYJsydj8MnoMvIA5Mxe",
        ),
        ("models: [\"claude-*\"]", "models: [\"claude-*\", \"gpt-*\"]"),
        (
            "environments: [staging]\neverything",
            "environments: [production]\neverything",
        ),
    ];
    let narrowed = [
        ("max_ttl: 20m", "max_ttl: 16m"),
        (
            "rings: [standard, sandboxed]\nenforced_by",
            "rings: [standard]\nenforced_by",
        ),
        ("hosts: [a.example]", "hosts: []"),
        ("limit: 20/h", "limit: 10/h"),
        ("limit: 20/h", "limit: 20/d"),
        ("review_by: 2027-03-01", "review_by: 2027-02-28"),
        ("timeout: 30m", "timeout: 29m"),
        ("evidence: signed}", "evidence: present}"),
        ("until: 2026-12-31", "until: 2026-12-30"),
        ("unused-group: warn", "unused-group: deny"),
        ("subprocess: true", "subprocess: false"),
        (
            "    reads: [secrets]\n    params",
            "    reads: [secrets, customers]\n    params",
        ),
        (
            "outcome: [allow, require_approval]",
            "outcome: [allow, require_approval, deny]",
        ),
        (
            "git: {keys: [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTvHSvNL2pRNuq3AXvUqMrn690A2TNlGRJ3qaXwXny4\"]}\n",
            "",
        ),
        ("everything: false", "everything: true"),
        (
            "require: [{from: [security], count: 1}, {from: [team-owners], count: 1}]\nevidence",
            "require: [{from: [security], count: 2}, {from: [team-owners], count: 1}]\nevidence",
        ),
        ("members: [security, carol]", "members: [carol, alice]"),
    ];
    for (edits, direction) in [(&widened[..], "(widened)"), (&narrowed[..], "(narrowed)")] {
        for (from, to) in edits {
            let facts = changed(&[(from, to)]);
            let same = facts.iter().all(|fact| fact.ends_with(direction));
            assert!(same && !facts.is_empty(), "`{from}` -> `{to}`: {facts:?}");
        }
    }
    let neutral = ["reason: RISK-1", "email: alice@acme.example", "RISK-1\nowner: carol"];
    for from in neutral {
        let to = from
            .replace("alice@", "a@")
            .replace("RISK-1\nowner: carol", "RISK-1\nowner: bob")
            .replace("reason: RISK-1", "reason: RISK-2");
        let facts = changed(&[(from, &to)]);
        assert!(facts.len() == 1 && facts[0].ends_with("(neutral)"), "{facts:?}");
    }
}

#[test]
fn approvers_are_compared_down_to_people_and_their_keys() {
    insta::assert_snapshot!(
        "a_member_more",
        changed(&[("members: [alice, bob]", "members: [alice, bob, carol]")]).join("\n")
    );
    insta::assert_snapshot!(
        "a_key_more",
        changed(&[("AAAAC3NzaC1lZDI1NTE5AAAAIPB6H8X2IPWuBlq/oKjaXo5NTyBilC3MruY4778txaRR\"", "AAAAC3NzaC1lZDI1NTE5AAAAIPB6H8X2IPWuBlq/oKjaXo5NTyBilC3MruY4778txaRR\", \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEyB23YP90kGsphsuO6wyX9j0fAure8Ov3wJEZlMLLjh\"")]).join("\n")
    );
    insta::assert_snapshot!(
        "another_owner_of_a_team",
        changed(&[("owners: [bob, carol]", "owners: [carol, bob, alice]")]).join("\n")
    );
    insta::assert_snapshot!(
        "team_owners_no_more",
        changed(&[(
            "{from: [team-owners], count: 1}, {from: [security]",
            "{from: [security]"
        )])
        .join("\n")
    );
    let widened = |edits: &[(&str, &str)]| {
        changed(edits)
            .iter()
            .any(|fact| fact.starts_with("rule") && fact.ends_with("(widened)"))
    };
    // Fewer may approve, and no other keys: stricter.
    assert!(!widened(&[(
        "[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPB6H8X2IPWuBlq/oKjaXo5NTyBilC3MruY4778txaRR\"]",
        "[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPB6H8X2IPWuBlq/oKjaXo5NTyBilC3MruY4778txaRR\"]\n# a comment"
    )]));
    assert!(widened(&[(
        "{from: [security], count: 1}], timeout",
        "{from: [security, carol], count: 1}], timeout"
    )]));
    // Everybody who could before, and one more of them: nobody can tell whether that is stricter.
    assert!(widened(&[(
        "{from: [team-owners], count: 1}, {from: [security], count: 1}], timeout",
        "{from: [everybody], count: 2}], timeout"
    )]));
    assert!(!widened(&[(
        "[security], count: 1}], timeout",
        "[security], count: 1}, {from: [everybody], count: 1}], timeout"
    )]));
    let fewer = [
        ("[security], count: 1}], timeout", "[alice, bob], count: 1}], timeout"),
        ("members: [alice, bob]", "members: [bob, alice]"),
    ];
    assert!(changed(&fewer).is_empty(), "the same people by their names");
    // What becomes a deny obliges to nothing any more, and no longer needs to.
    let denied = [
        (
            "    approval: {require: [{from: [team-owners], count: 1}, {from: [security], count: 1}], timeout: 30m, separation: true, evidence: signed}\n",
            "",
        ),
        ("  large:\n    effect: allow", "  large:\n    effect: deny"),
        ("  small:\n    effect: allow", "  small:\n    effect: deny"),
        ("    limit: 20/h\n    expires: 2027-12-31\n", ""),
    ];
    assert!(changed(&denied).is_empty(), "{:?}", changed(&denied));
}

#[test]
fn what_comes_and_goes_is_said_once() {
    let more = "---\nkind: Environment\nname: sandbox\nrank: 0\n---\nkind: Agent\nname: new\nowner: carol\nkill_contact: security\n---\nkind: Deployment\nagent: new\nteam: support\nenvironments: {sandbox: {ring: standard, tools: [files], enforced_by: gateway}}\n---\nkind: DataClass\nname: drafts\nowner: alice\n---\nkind: Invariant\nname: other\nnever: {outcome: [allow], rings: [sandboxed]}\n---\nkind: ApprovalRule\nname: other\nwhen: {widens: true}\nrequire: [{from: [security], count: 1}]\n---\nkind: Exception\nname: other\nto: denies/lifted\nagents: [helper]\nreason: r\nowner: carol\nuntil: 2026-12-31\n---\nkind: Kill\nname: other\nagents: [bot]\nreason: r\n---\nkind: Ring\nname: tiny\nlevel: 9\neffects: [read]\n";
    let text = format!("{BASE}{more}");
    let (base, edited) = (compiled(BASE), compiled(&text));
    valid(&edited, "more");
    let lines = |before: &Compiled, after: &Compiled| -> String {
        let facts = facts(&before.organization, &after.organization);
        facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("what_comes", lines(&base, &edited));
    insta::assert_snapshot!("what_goes", lines(&edited, &base));
}

#[test]
fn a_fact_says_what_it_concerns_and_both_values() {
    let edited = compiled(&BASE.replace("max_ttl: 20m", "max_ttl: 30m"));
    let base = compiled(BASE);
    let facts = facts(&base.organization, &edited.organization);
    let [fact] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!(fact.subject.environment.as_deref(), Some("production"));
    assert_eq!((fact.kind, fact.what), (Kind::Credential, "credentials.max_ttl"));
    assert_eq!(
        (fact.before.as_deref(), fact.after.as_deref()),
        (Some("20m"), Some("30m"))
    );
}

#[test]
fn sides_that_were_written_down_differ_in_the_same_facts() {
    let base = resolved(BASE);
    let edits: Vec<String> = edits().into_iter().map(|(.., text)| text).collect();
    edits.par_iter().for_each(|text| {
        let edited = resolved(text);
        let sides = [&base, &edited].map(Properties::of);
        let kept = sides.each_ref().map(|side| written(side.to_bytes().unwrap()).unwrap());
        for [before, after] in [[0, 1], [1, 0]] {
            let told = compare(&sides[before], &sides[after]);
            assert!(told.is_some());
            assert_eq!(compare(&kept[before], &kept[after]), told);
            assert_eq!(compare(&sides[before], &kept[after]), told);
            assert_eq!(compare(&kept[before], &sides[after]), told);
        }
        assert_eq!(kept[1].to_bytes(), sides[1].to_bytes());
    });
}

#[test]
fn what_cannot_be_read_of_a_side_is_not_taken_for_nothing() {
    let base = Properties::of(&resolved(BASE));
    let bytes = base.to_bytes().unwrap();
    assert!(written(bytes[..bytes.len() - 1].to_vec()).is_none());
    // A record of another form.
    let torn = written([[2, 0, 0, 0, 0xff, 0xff].as_slice(), &bytes].concat()).unwrap();
    let kept = written(bytes).unwrap();
    for [before, after] in [[&torn, &kept], [&kept, &torn], [&torn, &base], [&base, &torn]] {
        assert_eq!(compare(before, after), None);
    }
}

fn written(bytes: Vec<u8>) -> Option<Properties> {
    Properties::from_bytes(bytes.leak())
}
