//! Scratch.
use std::collections::BTreeMap;
use polity::{compile::compile, diag::Sink, source::SourceTree};
fn main() {
    let mut kinds: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    for seed in 0..n {
        let tree = SourceTree::from_files(polity_tests::generate::small(seed));
        let c = compile(&tree, 0, Sink::default());
        for d in c.findings.diagnostics() {
            if d.severity == polity::diag::Severity::Error {
                let at = d.primary.as_ref().and_then(|l| Some(format!("{seed} {}:{}", tree.file(l.span.file)?.path, tree.position(l.span)?.0.line)));
                let e = kinds.entry(d.code.id.to_string()).or_default();
                e.0 += 1;
                if e.0 <= 6 { e.1 += &format!("\n  {} {}", at.unwrap_or_default(), d.message); }
            }
        }
    }
    for (k, (n, t)) in kinds { println!("{k} {n} {t}"); }
}
