//! Reading trees: repositories and folders as they should be, and as somebody hostile would make them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::select::{Kind, Selection};
use super::*;
use crate::diag::Sink;

fn codes(sink: &Sink) -> Vec<&'static str> {
    sink.diagnostics().iter().map(|found| found.code.id).collect()
}

fn paths(tree: &SourceTree) -> Vec<&str> {
    tree.files().iter().map(|file| file.path.as_str()).collect()
}

/// What these paths, each holding `bytes`, are made of.
fn selected(entries: &[(&[u8], Kind)]) -> (Vec<String>, Vec<&'static str>) {
    let mut sink = Sink::default();
    let mut selection = Selection::new(&mut sink);
    for (path, kind) in entries {
        if let Some(path) = selection.wants(path, *kind) {
            selection.add(path, b"x".to_vec(), None);
        }
    }
    let tree = selection.finish(Revision::Folder, String::new());
    let paths = paths(&tree).into_iter().map(str::to_owned).collect();
    (paths, codes(&sink))
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t.example",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn put(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::File::create(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_ref()).unwrap();
}

fn commit(root: &Path, message: &str) -> String {
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "--allow-empty", "-m", message]);
    git(root, &["rev-parse", "HEAD"])
}

/// A repository of two commits.
fn repository(arguments: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    git(&root, &[&["init", "-q", "-b", "main"], arguments].concat());
    put(&root, "polity.yaml", "polity: v1\n");
    put(&root, "teams/payments/a.yml", "kind: Agent\n");
    commit(&root, "one");
    put(&root, "rules/x.cedar", "permit(principal, action, resource);\n");
    put(&root, "README.md", "no policy\n");
    put(&root, ".github/workflow.yaml", "not: compiled\n");
    commit(&root, "two");
    (folder, root)
}

fn read(path: &Path, revision: Option<&str>) -> (SourceTree, Vec<&'static str>) {
    let mut sink = Sink::default();
    let tree = read_git(path, revision, &mut sink).unwrap();
    (tree, codes(&sink))
}

fn fails(path: &Path, revision: Option<&str>) -> ReadError {
    read_git(path, revision, &mut Sink::default()).unwrap_err()
}

const ALL: [&str; 3] = ["polity.yaml", "rules/x.cedar", "teams/payments/a.yml"];

#[test]
fn positions_count_lines_and_characters_from_one() {
    let tree = SourceTree::from_files(vec![
        ("b".into(), "é: x\r\n  ñ: y\n".into()),
        ("a".into(), String::new()),
    ]);
    let at = |start, end| {
        let (from, to) = tree.position(Span {
            file: FileId(1),
            start,
            end,
        })?;
        Some(((from.line, from.column), (to.line, to.column)))
    };
    assert_eq!(at(0, 2), Some(((1, 1), (1, 2))));
    assert_eq!(at(9, 11), Some(((2, 3), (2, 4))));
    assert_eq!(at(15, 15), Some(((3, 1), (3, 1))));
    assert_eq!(at(1, 2), None);
    assert_eq!(at(0, 99), None);
    let empty = tree.position(Span {
        file: FileId(0),
        start: 0,
        end: 0,
    });
    assert_eq!(empty.map(|(from, _)| (from.line, from.column)), Some((1, 1)));
    assert_eq!(
        tree.position(Span {
            file: FileId(2),
            start: 0,
            end: 0
        }),
        None
    );
}

#[test]
fn only_policy_files_outside_dot_folders_are_read() {
    let files: [&[u8]; 9] = [
        b"a.yaml",
        b"b.yml",
        b"c/d.cedar",
        b"e.rego",
        b"f.json",
        b".g.yaml",
        b"h/.i/j.yaml",
        b"k.txt",
        b"yaml",
    ];
    let (paths, codes) = selected(&files.map(|path| (path, Kind::File)));
    assert_eq!(paths, ["a.yaml", "b.yml", "c/d.cedar", "e.rego", "f.json"]);
    assert!(codes.is_empty());
}

#[test]
fn what_hides_policy_is_reported() {
    let link = |to_file| Kind::Link { to_file };
    for (path, kind, code) in [
        (&b"a.yaml"[..], link(true), "symlink-in-tree"),
        (b"a", link(false), "symlink-in-tree"),
        (b"a", Kind::Submodule, "submodule-in-tree"),
        (b"a.json", Kind::Special, "special-file"),
        (b"a.YAML", Kind::File, "extension-case"),
        (b"a\xff/b.yaml", Kind::File, "bad-path"),
        (b"a\n/b.yaml", Kind::File, "bad-path"),
        (b"a\\b.yaml", Kind::File, "bad-path"),
        ("a\u{202e}b.yaml".as_bytes(), Kind::File, "bad-path"),
        (
            &[&b"a".repeat(MAX_PATH_BYTES)[..], b".yaml"].concat(),
            Kind::File,
            "bad-path",
        ),
        (b"Teams/a.yaml", Kind::File, "path-collision"),
        (b"POLITY.yaml", Kind::File, "path-collision"),
        (b"teams /payments/a.yaml", Kind::File, "path-collision"),
        (b"teams./payments/a.yaml", Kind::File, "path-collision"),
        ("\u{ff54}eams/payments/a.yaml".as_bytes(), Kind::File, "path-collision"),
    ] {
        assert_eq!(selected(&[(path, kind)]), (Vec::new(), vec![code]), "{path:?}");
    }
    for (path, kind) in [
        (&b"README"[..], link(true)),
        (b".a/b.yaml", link(false)),
        (b".a", Kind::Submodule),
        (b"a\xff.txt", Kind::File),
    ] {
        assert_eq!(selected(&[(path, kind)]), (Vec::new(), Vec::new()), "{path:?}");
    }
}

#[test]
fn paths_that_differ_only_in_case_or_normalisation_collide() {
    for [one, two] in [
        ["x/a.yaml", "x/A.yaml"],
        ["x/a.yaml", "X/b.yaml"],
        ["\u{e9}.yaml", "e\u{301}.yaml"],
        ["É.yaml", "e\u{301}.yaml"],
    ] {
        let (paths, codes) = selected(&[(one.as_bytes(), Kind::File), (two.as_bytes(), Kind::File)]);
        assert_eq!((paths, codes), (vec![one.to_owned()], vec!["path-collision"]));
    }
}

#[test]
fn trees_are_bounded() {
    let mut sink = Sink::default();
    let mut selection = Selection::new(&mut sink);
    assert!(selection.fits("a.yaml", MAX_FILE_BYTES));
    assert!(!selection.fits("a.yaml", MAX_FILE_BYTES + 1));
    assert!(selection.enters(b"a", MAX_TREE_DEPTH));
    assert!(!selection.enters(b"a", MAX_TREE_DEPTH + 1));
    assert!(!selection.count());
    assert_eq!(codes(&sink), ["file-too-large", "tree-too-large"]);
}

#[test]
fn a_commit_is_read_from_anywhere_in_its_work_tree() {
    let (_guard, root) = repository(&[]);
    for path in [
        root.clone(),
        root.join("teams"),
        root.join("teams/payments"),
        root.join(".git"),
    ] {
        let (tree, codes) = read(&path, None);
        assert_eq!(paths(&tree), ALL);
        assert!(codes.is_empty());
        let Revision::Commit {
            id,
            tree: tree_id,
            trunk_steps,
        } = tree.revision()
        else {
            panic!()
        };
        assert_eq!(*id, git(&root, &["rev-parse", "HEAD"]));
        assert_eq!(*tree_id, git(&root, &["rev-parse", "HEAD^{tree}"]));
        assert_eq!(*trunk_steps, 2);
    }
    let blob = read(&root, None).0.files()[0].blob.clone();
    assert_eq!(blob.unwrap(), git(&root, &["rev-parse", "HEAD:polity.yaml"]));
}

#[test]
fn revisions_are_those_of_git() {
    let (_guard, root) = repository(&[]);
    git(&root, &["tag", "-a", "v1", "-m", "tag", "HEAD~1"]);
    for revision in ["HEAD~1", "v1", "main^", "v1^{commit}"] {
        let (tree, _) = read(&root, Some(revision));
        assert_eq!(paths(&tree), ["polity.yaml", "teams/payments/a.yml"], "{revision}");
    }
    for revision in ["nowhere", "HEAD^{tree}", "HEAD~7", "HEAD..v1", ""] {
        assert!(
            matches!(fails(&root, Some(revision)), ReadError::UnknownRevision { .. }),
            "{revision}"
        );
    }
    git(&root, &["checkout", "-q", "--detach", "HEAD~1"]);
    assert_eq!(read(&root, None).0.files().len(), 2);
}

/// Whoever may push a tag chooses its name: it must not take the place of a branch, or of the beginning of an id.
#[test]
fn a_short_name_stands_for_one_commit() {
    let (_guard, root) = repository(&[]);
    let old = git(&root, &["rev-parse", "HEAD~1"]);
    git(&root, &["update-ref", "refs/remotes/origin/main", &old]);
    let reads = |revision: &str| read(&root, Some(revision)).0.files().len();
    let twins = [("main", "HEAD~1"), ("origin/main", "HEAD"), (&old[..12], "HEAD")];
    for (name, other) in twins {
        let before = reads(name);
        git(&root, &["tag", name, other]);
        for revision in [name, &format!("{name}~0"), &format!("{name}^{{commit}}")] {
            assert!(
                matches!(fails(&root, Some(revision)), ReadError::Ambiguous { .. }),
                "{revision}"
            );
        }
        assert_eq!(reads(&format!("refs/tags/{name}")), reads(other));
        git(&root, &["tag", "-d", name]);
        assert_eq!(reads(name), before);
    }
    // A tag of the same commit means nothing else, and whole names mean themselves.
    git(&root, &["tag", "main", "main"]);
    git(&root, &["tag", &old, "HEAD"]);
    git(&root, &["tag", "refs/heads/main", "HEAD~1"]);
    assert_eq!(reads("main"), reads("HEAD"));
    assert_eq!(reads(&old), reads("HEAD~1"));
    assert_eq!(reads("refs/heads/main"), reads("HEAD"));
}

#[test]
fn trunk_steps_follow_first_parents() {
    let (_guard, root) = repository(&[]);
    git(&root, &["checkout", "-q", "-b", "side", "HEAD~1"]);
    for n in 0..3 {
        put(&root, "side.yaml", format!("n: '{n}'\n"));
        commit(&root, "side");
    }
    git(&root, &["checkout", "-q", "main"]);
    git(&root, &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let (tree, _) = read(&root, None);
    assert!(matches!(tree.revision(), Revision::Commit { trunk_steps: 3, .. }));
}

#[test]
fn bare_linked_and_sha256_repositories_are_read() {
    let (_guard, root) = repository(&["--object-format=sha256"]);
    let (tree, _) = read(&root, None);
    assert_eq!(paths(&tree), ALL);
    assert!(matches!(tree.revision(), Revision::Commit { id, .. } if id.len() == 64));
    let (_guard, root) = repository(&[]);
    let other = tempfile::tempdir().unwrap();
    let bare = other.path().join("bare.git");
    git(&root, &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    assert_eq!(paths(&read(&bare, None).0), ALL);
    let linked = other.path().join("linked");
    git(&root, &["worktree", "add", "-q", linked.to_str().unwrap(), "HEAD~1"]);
    assert_eq!(read(&linked, None).0.files().len(), 2);
    git(&root, &["gc", "-q", "--aggressive"]);
    assert_eq!(paths(&read(&root, None).0), ALL);
}

#[test]
fn an_organisation_may_live_in_a_subfolder() {
    let (_guard, root) = repository(&[]);
    git(&root, &["rm", "-rq", "polity.yaml", "teams", "rules"]);
    put(&root, "gov/polity.yaml", "polity: v1\n");
    put(&root, "gov/teams/a/b.yaml", "x: y\n");
    put(&root, "other/c.yaml", "x: y\n");
    commit(&root, "moved");
    for path in ["gov", "gov/teams/a"] {
        let (tree, _) = read(&root.join(path), None);
        assert_eq!(paths(&tree), ["polity.yaml", "teams/a/b.yaml"]);
        assert_eq!(tree.prefix(), "gov");
        let folder = read_folder(&root.join(path), &mut Sink::default()).unwrap();
        assert_eq!(paths(&folder), paths(&tree));
        assert_eq!(*folder.revision(), Revision::Folder);
        assert_eq!(folder.prefix(), "gov");
        assert_eq!(folder.in_repository("polity.yaml"), "gov/polity.yaml");
    }
    assert_eq!(
        read_folder(&root.join("gov"), &mut Sink::default()).unwrap().prefix(),
        "gov"
    );
    fs::remove_dir_all(root.join(".git")).unwrap();
    assert_eq!(
        read_folder(&root.join("gov"), &mut Sink::default()).unwrap().prefix(),
        ""
    );
    git(&root, &["init", "-q"]);
    git(&root, &["add", "."]);
    commit(&root, "again");
    // Where no folder above holds `polity.yaml`, the given one is the root, and has to be in the commit.
    let (tree, _) = read(&root.join("other"), None);
    assert_eq!((paths(&tree), tree.prefix()), (vec!["c.yaml"], "other"));
    fs::create_dir(root.join("new")).unwrap();
    assert!(matches!(fails(&root.join("new"), None), ReadError::NotInCommit { .. }));
}

#[cfg(unix)]
#[test]
fn links_and_submodules_are_reported_in_commits_and_folders() {
    let (_guard, root) = repository(&[]);
    for (target, link) in [
        ("../rules", "teams/linked"),
        ("/etc", "outside"),
        ("../polity.yaml", "teams/link.yaml"),
        ("README.md", "AGENTS.md"),
        (".github/workflow.yaml", "flow"),
        ("../../..", "rules/up"),
    ] {
        std::os::unix::fs::symlink(target, root.join(link)).unwrap();
    }
    commit(&root, "links");
    let expected = ["symlink-in-tree"; 4];
    assert_eq!(read(&root, None).1, expected);
    let mut sink = Sink::default();
    assert_eq!(paths(&read_folder(&root, &mut sink).unwrap()), ALL);
    assert_eq!(codes(&sink), expected);

    let (_guard, root) = repository(&[]);
    let (_other, inner) = repository(&[]);
    git(&root, &["submodule", "add", "-q", inner.to_str().unwrap(), "teams/sub"]);
    commit(&root, "submodule");
    assert_eq!(read(&root, None).1, ["submodule-in-tree"]);
    let mut sink = Sink::default();
    assert_eq!(paths(&read_folder(&root, &mut sink).unwrap()), ALL);
    assert_eq!(codes(&sink), ["submodule-in-tree"]);
}

#[test]
fn a_file_that_is_not_utf8_or_too_large_is_reported() {
    let (_guard, root) = repository(&[]);
    put(&root, "bad.yaml", b"a: \xff\n");
    put(
        &root,
        "large.json",
        vec![b' '; usize::try_from(MAX_FILE_BYTES).unwrap() + 1],
    );
    commit(&root, "bad");
    assert_eq!(read(&root, None).1, ["not-utf8", "file-too-large"]);
    let mut sink = Sink::default();
    assert_eq!(paths(&read_folder(&root, &mut sink).unwrap()), ALL);
    assert_eq!(codes(&sink), ["not-utf8", "file-too-large"]);
}

#[test]
fn history_that_is_cut_short_or_forged_is_refused() {
    let (_guard, root) = repository(&[]);
    let other = tempfile::tempdir().unwrap();
    let shallow = other.path().join("shallow");
    let url = format!("file://{}", root.display());
    git(&root, &["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let refused = fails(&shallow, None);
    assert!(matches!(refused, ReadError::Shallow { .. }));
    assert!(refused.to_string().contains("git fetch --unshallow"));
    let head = git(&root, &["rev-parse", "HEAD"]);
    put(&root, ".git/info/grafts", format!("{head}\n"));
    assert!(matches!(fails(&root, None), ReadError::Grafted { .. }));
}

#[test]
fn refs_that_are_no_files_are_told_from_revisions_that_are_not_there() {
    let (_guard, root) = repository(&[]);
    // As `git init --ref-format=reftable` leaves it, which older versions of git cannot make.
    git(&root, &["config", "core.repositoryFormatVersion", "1"]);
    git(&root, &["config", "extensions.refStorage", "reftable"]);
    let refused = fails(&root, None);
    assert!(matches!(&refused, ReadError::Refs { storage, .. } if storage == "reftable"));
    assert!(refused.to_string().contains("git refs migrate"), "{refused}");
    git(&root, &["config", "extensions.refStorage", "files"]);
    assert_eq!(paths(&read(&root, None).0), ALL);
}

#[test]
fn a_repository_without_a_commit_says_so() {
    let empty = tempfile::tempdir().unwrap();
    git(empty.path(), &["init", "-q"]);
    let refused = fails(empty.path(), None).to_string();
    assert_eq!(refused, "`HEAD` names no commit: the repository has no commit yet");
}

#[test]
fn an_object_that_is_replaced_is_named() {
    let (_guard, root) = repository(&[]);
    let head = git(&root, &["rev-parse", "HEAD"]);
    git(&root, &["replace", "HEAD", "HEAD~1"]);
    let refused = fails(&root, None);
    assert!(
        matches!(&refused, ReadError::Replaced { object } if *object == head),
        "{refused}"
    );
    assert!(
        refused.to_string().contains(&format!("git replace -d {head}")),
        "{refused}"
    );
    git(&root, &["pack-refs", "--all"]);
    assert!(matches!(fails(&root, None), ReadError::Replaced { .. }));
    git(&root, &["replace", "-d", &head]);
    assert_eq!(paths(&read(&root, None).0), ALL);
}

#[test]
fn a_swapped_or_missing_object_is_found_out() {
    for object in ["HEAD:polity.yaml", "HEAD:teams", "HEAD^{tree}", "HEAD", "HEAD~1"] {
        for missing in [false, true] {
            let (_guard, root) = repository(&[]);
            let file = |id: &str| root.join(".git/objects").join(&id[..2]).join(&id[2..]);
            let victim = file(&git(&root, &["rev-parse", object]));
            let decoy = match object {
                "HEAD:polity.yaml" => "HEAD:README.md",
                "HEAD" | "HEAD~1" => {
                    git(&root, &["commit", "-q", "--allow-empty", "-m", "decoy"]);
                    "HEAD"
                }
                _ => "HEAD:rules",
            };
            let decoy = file(&git(&root, &["rev-parse", decoy]));
            let revision = if object.starts_with("HEAD") && object.len() <= 6 {
                "HEAD~1"
            } else {
                "HEAD"
            };
            fs::remove_file(&victim).unwrap();
            if !missing {
                fs::copy(decoy, &victim).unwrap();
            }
            let refused = fails(&root, Some(revision));
            assert!(
                matches!(refused, ReadError::Corrupt { .. } | ReadError::UnknownRevision { .. }),
                "{object}: {refused:?}"
            );
            assert!(
                missing || matches!(refused, ReadError::Corrupt { .. }),
                "{object}: {refused:?}"
            );
        }
    }
}

#[test]
fn what_is_no_repository_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(fails(folder.path(), None), ReadError::NotARepository { .. }));
    assert!(matches!(
        fails(&folder.path().join("none"), None),
        ReadError::NotARepository { .. }
    ));
    let refused = read_folder(&folder.path().join("none"), &mut Sink::default()).unwrap_err();
    assert!(matches!(refused, ReadError::Io { .. }));
    git(folder.path(), &["init", "-q"]);
    assert!(matches!(fails(folder.path(), None), ReadError::UnknownRevision { .. }));
}

#[cfg(unix)]
#[test]
fn a_repository_of_somebody_else_is_refused() {
    use std::os::unix::fs::chown;
    let (_guard, root) = repository(&[]);
    // Only root may give files away; for everybody else there is nothing to try.
    if chown(root.join(".git"), Some(12_345), None).is_ok() {
        let refused = fails(&root, None);
        assert!(matches!(refused, ReadError::ForeignOwner { .. }), "{refused:?}");
    }
}

#[test]
fn ten_thousand_files_are_read_in_one_pass() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..10_000 {
        put(
            folder.path(),
            &format!("teams/t{}/f{n}.yaml", n % 100),
            format!("kind: Group\nname: g{n}\n"),
        );
    }
    git(folder.path(), &["init", "-q"]);
    commit(folder.path(), "many");
    assert_eq!(read(folder.path(), None).0.files().len(), 10_000);
}
