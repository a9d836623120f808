//! Loading a bundle of 10,000 rules: opening, verifying the signature and every hash, checking every index.

use divan::Bencher;
use polity_runtime::Bundle;
use polity_tests::generate::{Parameters, generate};
use polity_tests::measure::{NOW, compiled};

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 1_000, 10_000], sample_count = 50)]
fn rules(bencher: Bencher<'_, '_>, rules: usize) {
    let compiled = compiled(generate(&Parameters {
        rules,
        ..Parameters::default()
    }));
    bencher
        .with_inputs(|| compiled.bytes.clone())
        .bench_local_values(|bytes| Bundle::load(bytes, &compiled.trust, NOW));
}
