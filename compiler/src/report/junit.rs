//! What tests of policies came to, as the JUnit XML that every CI shows.
//!
//! In: a [`Report`], the tree that its spans are of, and how long the run took. Out: XML. A test's `classname` is its
//! file and suite, and its `name` is unique there. Tests are decided many at a time, so each is given an equal share of
//! the time. The form is the one that Jenkins' `junit-10.xsd` describes, as far as every reader takes it.

use std::fmt::Write as _;

use super::suite::{Shower, answer, details, expectation};
use super::visible;
use crate::source::SourceTree;
use crate::suite::{Report, SuiteReport};

/// The report as XML. `seconds` is how long all tests took.
pub fn junit(report: &Report, tree: &SourceTree, seconds: f64) -> String {
    let mut places = Shower::new(tree);
    let (passed, failed) = report.count();
    let tests = passed + failed;
    #[expect(clippy::cast_precision_loss, reason = "a million tests are counted exactly")]
    let each = if tests == 0 { 0.0 } else { seconds / tests as f64 };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"polity\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" time=\"{seconds:.6}\">"
    );
    for suite in &report.suites {
        testsuite(&mut xml, suite, each, &mut places);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn testsuite(xml: &mut String, suite: &SuiteReport, each: f64, places: &mut Shower<'_>) {
    let path = places.path(suite.span).to_owned();
    let class = escaped(&format!("{path}: {}", suite.name));
    let name = escaped(&suite.name);
    let tests = suite.tests.len();
    let failed = suite.tests.iter().filter(|test| test.failure.is_some()).count();
    #[expect(clippy::cast_precision_loss, reason = "a million tests are counted exactly")]
    let time = each * tests as f64;
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{time:.6}\">"
    );
    for test in &suite.tests {
        let name = escaped(&test.name);
        let (file, line) = (escaped(&path), places.line(test.span));
        let _ = write!(
            xml,
            "    <testcase classname=\"{class}\" name=\"{name}\" file=\"{file}\" line=\"{line}\" time=\"{each:.6}\""
        );
        let Some(failure) = &test.failure else {
            xml.push_str("/>\n");
            continue;
        };
        let lines = details(failure, places);
        let message = format!(
            "expected {}, got {}",
            expectation(&failure.expected),
            answer(&failure.got)
        );
        let _ = writeln!(
            xml,
            ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            escaped(failure.got.code),
            escaped(&message),
            verbatim(&format!("{}\n{}", places.shown(test.span), lines.join("\n")))
        );
    }
    xml.push_str("  </testsuite>\n");
}

/// Lines for an element, as they stand: some readers lose what is escaped there. The end of such a section, should it
/// stand in the text, falls to two of them.
fn verbatim(lines: &str) -> String {
    let shown: Vec<String> = lines.lines().map(visible::line).collect();
    let shown = shown.join("\n").replace(NONCHARACTERS, "\u{fffd}");
    format!("<![CDATA[{}]]>", shown.replace("]]>", "]]]]><![CDATA[>"))
}

/// Two codes that are assigned to nobody, and that XML refuses.
const NONCHARACTERS: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// Text for an attribute. What XML cannot hold, or nobody would see, is made visible first.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            _ if NONCHARACTERS.contains(&character) => xml.push('\u{fffd}'),
            _ => visible::push(&mut xml, character),
        }
    }
    xml
}
