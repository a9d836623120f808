//! Scratch.
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    for (p, t) in polity_tests::generate::small(n) { println!("=== {p}"); for (i,l) in t.lines().enumerate() { println!("{:3} {l}", i+1); } }
}
