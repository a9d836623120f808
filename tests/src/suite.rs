//! Policy tests, asked by the compiler's own [`suite`]: a compiled repository in, the failures out, as a panic.

use polity::compile::Compiled;
use polity::report::suite::failures;
use polity::suite::{self, Report, Selection};

/// Asks the suites of these names, and says how many tests there were.
///
/// # Panics
/// Where an answer is another than the one expected, or there is no table.
pub fn run(compiled: &Compiled, chosen: impl Fn(&str) -> bool) -> usize {
    let table = compiled.table.as_ref().expect("a table");
    let report = suite::run(&compiled.organization, table, &Selection::default());
    let report = Report {
        suites: report.suites.into_iter().filter(|suite| chosen(&suite.name)).collect(),
        ..report
    };
    let (passed, failed) = report.count();
    assert!(failed == 0, "{}", failures(&report, &compiled.tree, false));
    passed
}
