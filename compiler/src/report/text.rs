//! [`Findings`] as a person reads them on a terminal, in the form that rustc made familiar.
//!
//! In: findings, the tree they point into, and whether colour is wanted. Out: text. What a file says is shown
//! only through `visible`: a hostile file cannot rewrite the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use super::{
    place::{Place, Places},
    visible,
};
use crate::{
    diag::{Diagnostic, Findings, Label, Severity, Summary},
    source::SourceTree,
};

/// The most characters of one source line that are shown. Two halves of a wide terminal; picked by gut feeling.
const LINE_SHOWN: usize = 160;
/// How much of a long line is shown before the place that is meant.
const LINE_BEFORE: usize = 40;

/// How many warnings or notes of one code, or errors of one message, are shown whole where there are more than twice as
/// many. One says what it means, and a few whether they have one cause. Picked by gut feeling.
const SHOWN_OF_ONE_CODE: usize = 5;
/// How many files are named of what is not shown.
const FILES_NAMED: usize = 4;

/// All findings, an empty line after each, and a summary. Nothing at all where nothing was found.
pub fn findings(findings: &Findings, tree: &SourceTree, colour: bool) -> String {
    shown(findings, tree, usize::MAX, colour)
}

/// As [`findings`]; but where a lint says the same of very many places, only the first few are shown and the others are
/// counted, by file. Errors that differ are all shown, since each has to be mended; where very many say the very same,
/// it is one name that is missing, and they are counted too.
pub fn folded(findings: &Findings, tree: &SourceTree, colour: bool) -> String {
    shown(findings, tree, SHOWN_OF_ONE_CODE, colour)
}

fn shown(findings: &Findings, tree: &SourceTree, most: usize, colour: bool) -> String {
    let palette = Palette::new(colour);
    let mut places = Places::new(tree);
    let mut text = String::new();
    let mut alike: BTreeMap<Alike<'_>, Vec<&Diagnostic>> = BTreeMap::new();
    for found in findings.diagnostics() {
        alike.entry(Alike::of(found)).or_default().push(found);
    }
    alike.retain(|_, all| all.len() > most.saturating_mul(2));
    let mut shown: BTreeMap<Alike<'_>, usize> = BTreeMap::new();
    for found in findings.diagnostics() {
        let key = Alike::of(found);
        let before = shown.entry(key).or_default();
        *before += 1;
        if *before > most && alike.contains_key(&key) {
            continue;
        }
        diagnostic(&mut text, found, &mut places, &palette);
        text.push('\n');
    }
    for (key, all) in alike {
        let rest = all.get(most..).unwrap_or_default();
        more(&mut text, key, rest, &mut places, &palette);
        text.push('\n');
    }
    let summary = findings.summary();
    if summary != Summary::default() {
        let _ = writeln!(text, "{}", count(&summary));
    }
    text
}

/// What findings that are shown as one have in common: of errors their message too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Alike<'d> {
    severity: Severity,
    code: &'d str,
    message: Option<&'d str>,
}

impl<'d> Alike<'d> {
    fn of(found: &'d Diagnostic) -> Self {
        Self {
            severity: found.severity,
            code: found.code.id,
            message: (found.severity == Severity::Error).then_some(found.message.as_str()),
        }
    }
}

/// How many more there are alike, and in which files.
fn more(
    text: &mut String,
    Alike {
        severity,
        code,
        message,
    }: Alike<'_>,
    rest: &[&Diagnostic],
    places: &mut Places<'_>,
    palette: &Palette,
) {
    let (name, ink) = palette.severity(severity);
    let head = ink.paint(&format!("{name}[{code}]"));
    let message = match message {
        Some(message) => format!(": {} more: {}", rest.len(), visible::line(message)),
        None => format!(": {} more like those above", rest.len()),
    };
    let message = palette.message.paint(&message);
    let _ = writeln!(text, "{head}{message}");
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for found in rest {
        if let Some(place) = found.primary.as_ref().and_then(|label| places.of(label.span)) {
            *files.entry(place.path).or_default() += 1;
        }
    }
    let arrow = palette.gutter.paint("-->");
    for (path, count) in files.iter().take(FILES_NAMED) {
        let _ = writeln!(text, " {arrow} {}: {count}", visible::line(path));
    }
    match files.len().saturating_sub(FILES_NAMED) {
        0 => {}
        1 => text.push_str("     and 1 other file\n"),
        others => {
            let _ = writeln!(text, "     and {others} other files");
        }
    }
    let help = palette.help.paint("help");
    let _ = writeln!(
        text,
        "{help}: `polity check --all` shows each; `polity explain {code}` says what it means"
    );
}

/// `2 errors, 1 warning`; what there is none of is left out.
pub fn count(summary: &Summary) -> String {
    let counted = [
        (summary.errors, "error"),
        (summary.warnings, "warning"),
        (summary.notes, "note"),
    ];
    let parts = counted.iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, name)| format!("{count} {name}{}", if *count == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A failure without a place, as the command line reports it.
pub fn failure(message: &str, help: &[String], colour: bool) -> String {
    let palette = Palette::new(colour);
    let mut text = String::new();
    let _ = write!(
        text,
        "{}: {}",
        palette.error.paint("error"),
        palette.message.paint(&visible::lines(message))
    );
    text.push('\n');
    for advice in help {
        let _ = writeln!(text, "{}: {}", palette.help.paint("help"), visible::lines(advice));
    }
    text
}

fn diagnostic(text: &mut String, found: &Diagnostic, places: &mut Places<'_>, palette: &Palette) {
    let (name, ink) = palette.severity(found.severity);
    let head = ink.paint(&format!("{name}[{}]", found.code.id));
    let message = palette.message.paint(&format!(": {}", visible::line(&found.message)));
    let _ = writeln!(text, "{head}{message}");

    let primary = found
        .primary
        .as_ref()
        .and_then(|label| Some((label, places.of(label.span)?)));
    // The gutter is as wide as the line number, so that the bars of a diagnostic stand below each other.
    let gutter = primary
        .as_ref()
        .map_or(1, |(_, place)| place.start.line.to_string().len());
    if let Some((label, place)) = &primary {
        arrow(text, place, gutter, palette);
        excerpt(text, label, place, gutter, ink, palette);
    }
    let notes = found.related.iter().map(|label| (label, "this place matters too"));
    let trail = found.origin.iter().map(|label| (label, "it comes from here"));
    for (label, otherwise) in notes.chain(trail) {
        let said = if label.text.is_empty() { otherwise } else { &label.text };
        let _ = writeln!(text, "{}: {}", palette.note.paint("note"), visible::line(said));
        if let Some(place) = places.of(label.span) {
            arrow(text, &place, gutter, palette);
        }
    }
    for help in &found.help {
        let mut advice = visible::line(&help.text);
        if let Some((_, replacement)) = &help.replacement
            && !help.text.contains(replacement.as_str())
            && !help.text.ends_with('?')
        {
            let _ = write!(advice, ": `{}`", visible::line(replacement));
        }
        let _ = writeln!(text, "{}: {advice}", palette.help.paint("help"));
    }
}

fn arrow(text: &mut String, place: &Place<'_>, gutter: usize, palette: &Palette) {
    let arrow = palette.gutter.paint("-->");
    let path = visible::line(place.path);
    let _ = writeln!(
        text,
        "{:gutter$}{arrow} {path}:{}:{}",
        "", place.start.line, place.start.column
    );
}

/// The line where the span begins, with the span underlined as far as that line goes.
fn excerpt(text: &mut String, label: &Label, place: &Place<'_>, gutter: usize, ink: &Ink, palette: &Palette) {
    let rest = place.text.get(place.start.line_start..).unwrap_or("");
    let line = rest.split('\n').next().unwrap_or("").trim_end_matches('\r');
    let until = match place.end.line == place.start.line {
        true => place.end.offset - place.start.line_start,
        false => line.trim_end().len(),
    };
    let shown = window(
        line,
        place.start.offset - place.start.line_start,
        until,
        place.start.column - 1,
    );

    let number = palette.gutter.paint(&format!("{:>gutter$} |", place.start.line));
    let bar = palette.gutter.paint(&format!("{:gutter$} |", ""));
    let _ = writeln!(text, "{bar}");
    let _ = writeln!(text, "{number} {}", shown.text);
    let carets = ink.paint(&"^".repeat(shown.underlined.max(1)));
    let _ = write!(text, "{bar} {:before$}{carets}", "", before = shown.before);
    if !label.text.is_empty() {
        let _ = write!(text, " {}", ink.paint(&visible::line(&label.text)));
    }
    text.push('\n');
}

/// A source line as it is shown.
struct Shown {
    text: String,
    /// Columns of the terminal before the underlined part.
    before: usize,
    /// Columns of the underlined part.
    underlined: usize,
}

/// The part of a line around the bytes `from..until`, the first of which is character `column` of the line.
fn window(line: &str, from: usize, until: usize, column: usize) -> Shown {
    let (skipped, cut_before) = match line.chars().nth(LINE_SHOWN) {
        Some(_) => (column.saturating_sub(LINE_BEFORE), column > LINE_BEFORE),
        None => (0, false),
    };
    let mut shown = Shown {
        text: String::new(),
        before: 0,
        underlined: 0,
    };
    if cut_before {
        shown.text.push('…');
        shown.before = 1;
    }
    for (count, (at, character)) in line.char_indices().skip(skipped).enumerate() {
        if count == LINE_SHOWN {
            shown.text.push('…');
            break;
        }
        let length = shown.text.len();
        match character {
            '\t' => shown.text.push_str("    "),
            _ => visible::push(&mut shown.text, character),
        }
        // Escapes are ASCII and count each; other characters are as wide as the terminal draws them.
        let width = match shown.text.len() - length == character.len_utf8() {
            true => character.width().unwrap_or(0),
            false => shown.text.get(length..).map_or(0, UnicodeWidthStr::width),
        };
        if at < from {
            shown.before += width;
        } else if at < until {
            shown.underlined += width;
        }
    }
    shown.text.truncate(shown.text.trim_end().len());
    shown
}

/// What each part is drawn with.
struct Palette {
    error: Ink,
    warning: Ink,
    note: Ink,
    help: Ink,
    gutter: Ink,
    message: Ink,
}

/// A style, or none.
struct Ink(Style);

impl Palette {
    fn new(colour: bool) -> Self {
        let bold = |colour_of: AnsiColor| match colour {
            true => Ink(colour_of.on_default().effects(Effects::BOLD)),
            false => Ink(Style::new()),
        };
        Self {
            error: bold(AnsiColor::BrightRed),
            warning: bold(AnsiColor::Yellow),
            note: bold(AnsiColor::BrightGreen),
            help: bold(AnsiColor::BrightCyan),
            gutter: bold(AnsiColor::BrightBlue),
            message: Ink(if colour { Style::new().bold() } else { Style::new() }),
        }
    }

    fn severity(&self, severity: Severity) -> (&'static str, &Ink) {
        match severity {
            Severity::Error => ("error", &self.error),
            Severity::Warning => ("warning", &self.warning),
            Severity::Note => ("note", &self.note),
        }
    }
}

impl Ink {
    fn paint(&self, text: &str) -> String {
        format!("{}{text}{}", self.0.render(), self.0.render_reset())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        diag::{LintLevels, Sink, codes::lint},
        source::{FileId, Span},
    };

    const RELEASE: &str = "kind: Policy\nname: release\nrules:\n  merge:\n    actions: [github.mergepull_request]\n";

    fn tree(text: &str) -> SourceTree {
        SourceTree::from_files(vec![
            ("teams/payments/policies/release.yaml".to_owned(), text.to_owned()),
            ("tools/github.yaml".to_owned(), "kind: Tool\nname: github\n".to_owned()),
        ])
    }

    fn find(text: &str, needle: &str) -> Span {
        let start = u32::try_from(text.find(needle).unwrap()).unwrap();
        Span {
            file: FileId(0),
            start,
            end: start + u32::try_from(needle.len()).unwrap(),
        }
    }

    fn render(text: &str, found: Vec<Diagnostic>, colour: bool) -> String {
        let tree = tree(text);
        let mut sink = Sink::default();
        found.into_iter().for_each(|one| sink.push(one));
        findings(&sink.finish(&tree, &LintLevels::default(), &[]), &tree, colour)
    }

    fn unknown_action() -> Diagnostic {
        let place = find(RELEASE, "github.mergepull_request");
        let declared = Span {
            file: FileId(1),
            start: 17,
            end: 23,
        };
        Diagnostic::new(
            &lint::UNKNOWN_CODE,
            "rule names an action that no tool has: `github.mergepull_request`",
            place,
            "`github` has no such action",
        )
        .with_related(declared, "`github` is declared here")
        .with_suggestion("github.mergepull_request", place, ["github.merge_pull_request"])
    }

    #[test]
    fn a_diagnostic_shows_the_place_the_related_ones_and_the_help() {
        insta::assert_snapshot!(render(RELEASE, vec![unknown_action()], false));
    }

    #[test]
    fn colour_is_used_only_where_it_is_wanted() {
        assert!(!render(RELEASE, vec![unknown_action()], false).contains('\u{1b}'));
        insta::assert_snapshot!(render(RELEASE, vec![unknown_action()], true).replace('\u{1b}', "ESC"));
    }

    #[test]
    fn what_a_lint_says_of_very_many_places_is_counted() {
        let at = |file: u32, start: u32| Span {
            file: FileId(file),
            start,
            end: start + 1,
        };
        let tree = SourceTree::from_files((0..6).map(|file| (format!("{file}.yaml"), "x".repeat(99))).collect());
        let all = |count: u32, code| -> Vec<Diagnostic> {
            let places = (0..count).map(|one| at(one % 6, one / 6));
            places.map(|span| Diagnostic::new(code, "again", span, "")).collect()
        };
        let told = |found: Vec<Diagnostic>, way: fn(&Findings, &SourceTree, bool) -> String| {
            let mut sink = Sink::default();
            found.into_iter().for_each(|one| sink.push(one));
            way(&sink.finish(&tree, &LintLevels::default(), &[]), &tree, false)
        };
        let warnings = || all(31, &lint::UNUSED_PRAGMA);
        let text = told(warnings(), folded);
        assert_eq!(text.matches("]: again").count(), 5);
        insta::assert_snapshot!(text.split("\n\n").skip(4).collect::<Vec<_>>().join("\n\n"));
        assert_eq!(told(warnings(), findings).matches("]: again").count(), 31);
        // Where a few more make no difference to a reader each is shown.
        assert_eq!(
            told(all(10, &lint::UNUSED_PRAGMA), folded).matches("]: again").count(),
            10
        );
        // Errors are alike only where they say the very same.
        let errors = || all(31, &lint::UNKNOWN_CODE);
        let text = told(errors(), folded);
        assert_eq!(text.matches("]: again").count(), 5);
        assert!(text.contains("error[unknown-code]: 26 more: again"), "{text}");
        assert_eq!(told(errors(), findings).matches("]: again").count(), 31);
        let differ = |mut found: Vec<Diagnostic>| {
            let numbered = found.iter_mut().enumerate();
            numbered.for_each(|(number, one)| one.message = format!("again, {number}"));
            found
        };
        assert_eq!(told(differ(errors()), folded).matches("]: again, ").count(), 31);
        assert_eq!(told(differ(warnings()), folded).matches("]: again, ").count(), 5);
    }

    #[test]
    fn severities_places_and_origins_are_each_shown() {
        let mut origin = Diagnostic::new(
            &lint::UNUSED_PRAGMA,
            "agent that nobody owns",
            find(RELEASE, "merge:"),
            "",
        );
        origin.origin.push(Label {
            span: Span {
                file: FileId(1),
                start: 0,
                end: 4,
            },
            text: "expanded by `acme-docs`".to_owned(),
        });
        let mut note = Diagnostic::new(
            &lint::UNUSED_PRAGMA,
            "worth knowing",
            find(RELEASE, "rules:\n  merge"),
            "from here on",
        );
        note.severity = Severity::Note;
        let nowhere =
            Diagnostic::without_place(&lint::UNKNOWN_CODE, "there is no `polity.yaml`").with_help("write one");
        insta::assert_snapshot!(render(RELEASE, vec![origin, note, nowhere], false));
    }

    #[test]
    fn hostile_text_is_made_visible() {
        let text = "name: \u{202e}nimda\u{1b}[2J\u{200b}\r\n";
        let found = Diagnostic::new(
            &lint::UNKNOWN_CODE,
            "unknown name: `\u{202e}nimda\u{1b}[2J`\nerror: forged",
            find(text, "\u{202e}nimda\u{1b}[2J"),
            "\u{1b}]0;title\u{7}",
        );
        insta::assert_snapshot!(render(text, vec![found], false));
    }

    #[test]
    fn a_carriage_return_within_a_line_hides_nothing() {
        let text = "safe: yes\rname: evil\r\n";
        let found = Diagnostic::new(&lint::UNKNOWN_CODE, "unknown name", find(text, "evil"), "");
        let shown = render(text, vec![found], false);
        assert!(
            shown.contains("1 | safe: yes\\rname: evil\n  |                  ^^^^\n"),
            "{shown}"
        );
    }

    #[test]
    fn long_lines_are_trimmed_around_the_place() {
        let text = format!("names: [{}HERE{}]\n", "a, ".repeat(2000), ", b".repeat(2000));
        let found = Diagnostic::new(&lint::UNKNOWN_CODE, "unknown name", find(&text, "HERE"), "this one");
        insta::assert_snapshot!(render(&text, vec![found], false));
    }

    #[test]
    fn carets_stand_below_wide_letters_and_tabs() {
        let text = "\ta: 政策 größer\n";
        let found = Diagnostic::new(&lint::UNKNOWN_CODE, "unknown name", find(text, "größer"), "");
        insta::assert_snapshot!(render(text, vec![found], false));
    }

    proptest! {
        #[test]
        fn any_span_of_any_text_renders_without_a_control_character(text in any::<String>(), start in 0u32..80, length in 0u32..80) {
            let found = Diagnostic::new(&lint::UNKNOWN_CODE, text.clone(), Span { file: FileId(0), start, end: start + length }, text.clone());
            let shown = render(&text, vec![found], false);
            prop_assert!(shown.starts_with("error[unknown-code]: "));
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
