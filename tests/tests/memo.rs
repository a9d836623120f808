//! What is known of other trees changes nothing: the same tables, the same diagnostics at the same places come out of a
//! tree, whatever was compiled before it.

use polity::compile::{Ask, Compiled, Memo, compile, compile_both, compile_with};
use polity::diag::Sink;
use polity::report::text::findings;
use polity::source::SourceTree;
use polity_tests::change::WAYS;
use polity_tests::compare::COMPILED_AT;
use polity_tests::generate::random::Random;
use polity_tests::generate::small;
use polity_tests::rewrite::{read, write};

type Files = Vec<(String, String)>;

/// Organisations of which histories are made.
const SEEDS: u64 = 2;

/// A table's bytes, and what a person reads.
fn said(compiled: &Compiled) -> (Option<String>, String) {
    let table = compiled.table.as_ref().map(|table| format!("{:?}", table.data()));
    (table, findings(&compiled.findings, &compiled.tree, false))
}

/// Trees of one repository, each made of one before it: changes that compile, and slips that do not.
fn history(seed: u64) -> Vec<Files> {
    let mut random = Random::new(seed);
    let mut trees = vec![small(seed)];
    for (_, change) in WAYS.into_iter().step_by(2) {
        let mut documents = read(&trees[0]);
        if change(&mut documents, &mut random) {
            trees.push(write(&documents));
        }
    }
    let sound = trees.len();
    for round in 0..10 {
        let mut files = trees[random.below(sound)].clone();
        let at = random.below(files.len());
        match round {
            // Other ids for every file behind it.
            0 => files.insert(0, ("a.yaml".to_owned(), "# nothing\n".to_owned())),
            // Names that nothing has any more.
            1 => {
                files.remove(at);
            }
            2 => {
                let (path, text) = files.remove(at);
                files.push((format!("teams/{}", path.replace('/', "-")), text));
            }
            // Places that move, in text that stays the same.
            3 => files[at].1.insert_str(0, "# a comment\n\n"),
            4 => slip(&mut files, at, "context.args.", "context.arg."),
            5 => slip(&mut files, at, "kind: DataClass\nname: ", "kind: DataClass\nname: z"),
            6 => slip(&mut files, at, "type: string", "type: path"),
            7 => slip(&mut files, at, ": int", ": decimal"),
            8 => slip(&mut files, at, "holding.contains(\"", "holding.contains(\"x"),
            _ => slip(&mut files, at, "\nrules:", "\nruls:"),
        }
        trees.push(files);
    }
    trees
}

/// Writes one thing for another in the first file from a place on that has it.
fn slip(files: &mut Files, from: usize, written: &str, instead: &str) {
    files.rotate_left(from);
    if let Some((_, text)) = files.iter_mut().find(|(_, text)| text.contains(written)) {
        *text = text.replacen(written, instead, 1);
    }
}

#[test]
fn a_tree_compiles_alike_whatever_was_compiled_before_it() {
    let (mut broken, mut sound) = (0, 0);
    for seed in 0..SEEDS {
        let memo = Memo::default();
        let trees = history(seed);
        // There and back: what was forgotten on the way, and what was not.
        for files in trees.iter().chain(trees.iter().rev().step_by(3)) {
            let tree = SourceTree::from_files(files.clone());
            let alone = compile(&tree, COMPILED_AT, Sink::default());
            let known = compile_with(&tree, &memo, Ask::Everything(COMPILED_AT), Sink::default());
            assert_eq!(said(&alone), said(&known), "seed {seed}");
            match alone.table {
                Some(_) => sound += 1,
                None => broken += 1,
            }
        }
    }
    assert!(sound > 12 && broken > 6, "{sound} compile, {broken} do not");
}

#[test]
fn two_trees_at_once_compile_as_each_does_alone() {
    for seed in 0..SEEDS {
        let memo = Memo::default();
        let trees = history(seed);
        for pair in trees.windows(2).step_by(3) {
            let [before, after] = [0, 1].map(|at| SourceTree::from_files(pair[at].clone()));
            let alone = [&before, &after].map(|tree| {
                let compiled = compile_with(tree, &Memo::default(), Ask::Nothing, Sink::default());
                said(&compiled)
            });
            let both = compile_both([(before, Sink::default()), (after, Sink::default())], &memo);
            assert_eq!(alone, both.each_ref().map(said), "seed {seed}");
        }
    }
}

#[test]
fn a_comparison_runs_no_lints_and_refuses_no_tree_for_one() {
    let mut files = small(1);
    let organisation = files
        .iter_mut()
        .find(|(_, text)| text.contains("kind: Organization"))
        .unwrap();
    organisation.1 = organisation.1.replacen(
        "kind: Organization\n",
        "kind: Organization\nlints: {unused-tool: deny, unpinned-server: deny}\n",
        1,
    );
    files.push((
        "more.yaml".to_owned(),
        "kind: Tool\nname: unpinned\nserver: {url: \"https://a.example/mcp\"}\nactions: {a: {effect: read}}\n"
            .to_owned(),
    ));
    let tree = SourceTree::from_files(files);
    assert!(compile(&tree, COMPILED_AT, Sink::default()).table.is_none());
    for ask in [Ask::Nothing, Ask::Proofs] {
        let compared = compile_with(&tree, &Memo::default(), ask, Sink::default());
        assert_eq!(compared.findings.diagnostics(), []);
        assert!(compared.table.is_some());
    }
}
