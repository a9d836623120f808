//! The compiler's parser against the second reader: generated files have no diagnostics, and mean the same to both.

use polity::diag::Sink;
use polity::source::SourceTree;

use crate::naive::Naive;
use crate::{generate, load::load, requests::requests};

#[test]
fn the_compilers_parser_reads_the_same_documents() {
    for seed in 0..30 {
        let files = generate::small(seed);
        let mut sink = Sink::default();
        let parsed = polity::parse::parse(&SourceTree::from_files(files.clone()), &mut sink);
        let found: Vec<_> = sink
            .diagnostics()
            .iter()
            .map(|found| format!("{}: {}", found.code.id, found.message))
            .collect();
        assert!(found.is_empty(), "seed {seed}: {found:#?}");
        let second = load(&files);
        let (ours, theirs) = (Naive::new(&parsed.documents), Naive::new(&second));
        for request in requests(&second, seed, 100) {
            assert_eq!(
                ours.decide(&request),
                theirs.decide(&request),
                "seed {seed}: {request:#?}"
            );
        }
    }
}
