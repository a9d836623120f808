//! How much is asked to tell who wrote a long trunk that nobody approved.

use gix::ObjectId;
use gix::objs::tree::EntryKind;

use crate::trail::court::Court;
use crate::trail::history::History;
use crate::trail::signature::Secret;
use crate::trail::verify::Trusted;

const RULE: &str =
    "kind: ApprovalRule\nname: notes\nwhen: {paths: [\"notes\"]}\nrequire: [{from: [owners], count: 1}]\n";

/// A trunk of as many commits, of which none is signed, each with another text of a file that a rule asks about; after
/// so many of them the people change.
fn trunk(folder: &std::path::Path, count: usize, people_change: &[usize]) -> Vec<ObjectId> {
    let repository = gix::init(folder).unwrap();
    let key = Secret::from_seed(&[7; 32], "")
        .unwrap()
        .public()
        .unwrap()
        .to_openssh()
        .unwrap();
    let mut trunk: Vec<ObjectId> = Vec::new();
    let mut known = String::new();
    for at in 0..count {
        if people_change.contains(&at) {
            known.push_str(&format!(
                "---\nkind: Person\nname: person-{at}\nemail: p{at}@acme.example\n"
            ));
        }
        let files = [
            (
                "polity.yaml",
                "polity: v1\nkind: Organization\nname: acme\nowners: [alice]\nsole_owner: true\n".to_owned(),
            ),
            (
                "people.yaml",
                format!("kind: Person\nname: alice\nemail: a@acme.example\nkeys: [\"{key}\"]\n{known}"),
            ),
            ("rules.yaml", RULE.to_owned()),
            ("notes", format!("{at}\n")),
        ];
        let mut editor = repository.edit_tree(repository.empty_tree().id).unwrap();
        for (path, text) in files {
            let blob = repository.write_blob(text).unwrap().detach();
            editor.upsert(path, EntryKind::Blob, blob).unwrap();
        }
        let tree = editor.write().unwrap().detach();
        let parent = trunk
            .last()
            .map(|parent| format!("parent {parent}\n"))
            .unwrap_or_default();
        let typed = format!("t <t@t.example> {} +0000", 1_790_000_000 + at);
        let bytes = format!("tree {tree}\n{parent}author {typed}\ncommitter {typed}\n\n{at}\n");
        let written = gix::objs::Write::write_buf(&repository.objects, gix::objs::Kind::Commit, bytes.as_bytes());
        trunk.push(written.unwrap());
    }
    trunk
}

/// How many commits were looked at to judge the trunk, and how many authors nobody knows of the last that fell short.
fn looked_at(count: usize, people_change: &[usize]) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let trunk = trunk(folder.path(), count, people_change);
    let head = trunk.last().unwrap();
    let (history, _) = History::open(folder.path(), &head.to_string()).unwrap();
    let trusted = Trusted {
        organization: "acme",
        reference: "refs/heads/main",
        introductory: trunk[0],
        checkpoint: None,
    };
    let court = Court::new(&history, &trunk, trusted, 0).unwrap();
    let sat = court.sit(0).unwrap();
    assert!(!sat.steps.last().unwrap().holds());
    let all = court.judge(0, count - 1, count).unwrap();
    (court.wrote.borrow().looked_at, all.authors.unknown.len())
}

#[test]
fn what_nobody_approved_is_looked_at_once_however_long_the_trunk_after_it() {
    // Each as it is joined; the first once more, with everything that was said since; and from there on once for all.
    for count in [10, 40] {
        assert_eq!(looked_at(count, &[]), ((count - 1) + 1 + (count - 2), count - 1));
    }
    // Where it becomes known whose keys are whose, everything is looked at anew.
    assert_eq!(looked_at(10, &[5]), ((4 + 5 + 4) + 1 + 9, 9));
}
