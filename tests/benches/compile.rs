//! Compiling 10,000 rules over 5,000 deployments, in memory: what `check` does beside reading files and writing
//! findings. The whole process is measured with `/usr/bin/time -v`; see the README.

use divan::Bencher;
use polity::{compile::compile, diag::Sink, source::SourceTree};
use polity_tests::generate::{Parameters, generate};
use polity_tests::measure::NOW;

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 1_000, 10_000], sample_count = 5, sample_size = 1)]
fn rules(bencher: Bencher<'_, '_>, rules: usize) {
    let tree = SourceTree::from_files(generate(&Parameters {
        rules,
        ..Parameters::default()
    }));
    bencher.bench_local(|| compile(&tree, NOW, Sink::default()));
}
