//! Writes a generated organisation into a folder: `cargo run --release -p polity-tests --example organisation --
//! FOLDER [RULES [MOST [MIXED]]]`, where MOST is how many conditional rules may reach a cell, and MIXED how many of a
//! hundred policies are in Cedar, and as many again in Rego.

use std::path::Path;

use polity_tests::generate::{Parameters, generate};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder to write into");
    let mut number = || arguments.next().map(|text| text.parse::<usize>().expect("a number"));
    let mut parameters = Parameters::default();
    if let Some(rules) = number() {
        parameters.rules = rules;
    }
    if let Some(most) = number() {
        parameters.conditional_per_cell = most;
    }
    if let Some(mixed) = number() {
        parameters.cedar_percent = mixed;
        parameters.rego_percent = mixed;
    }
    let mut bytes = 0;
    for (path, text) in generate(&parameters) {
        let path = Path::new(&folder).join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder can be made");
        bytes += text.len();
        std::fs::write(path, text).expect("the file can be written");
    }
    println!("{folder}: {bytes} bytes");
}
