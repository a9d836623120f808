//! The page of a diagnostic code, as `polity explain CODE` prints it, and the list of them all.
//!
//! In: a [`Code`] with its Markdown, and whether colour is wanted. Out: text. Knows as much Markdown as the pages
//! use: headings, paragraphs and fenced blocks.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::diag::{Code, Severity};

/// Longer lines are hard to read on any terminal; after the usual 80 to 100 columns.
const WIDTH: usize = 96;

/// The whole page.
pub fn page(code: &Code, colour: bool) -> String {
    let style = |style: Style| if colour { style } else { Style::new() };
    let bold = style(Style::new().bold());
    let faint = style(AnsiColor::BrightBlue.on_default());
    let mut text = String::new();
    let mut fenced = false;
    for line in code.page.lines() {
        // Writing to a `String` cannot fail.
        let _ = if let Some(opening) = line.strip_prefix("```") {
            fenced = !fenced;
            match opening.split_once("path=") {
                Some((_, path)) => writeln!(text, "    {faint}# {path}{faint:#}"),
                None => Ok(()),
            }
        } else if fenced && line.is_empty() {
            writeln!(text)
        } else if fenced {
            writeln!(text, "    {line}")
        } else if let Some(title) = line.strip_prefix("# ") {
            writeln!(text, "{bold}{}[{title}]{bold:#}\n", severity(code.severity))
        } else if let Some(heading) = line.strip_prefix("## ") {
            writeln!(text, "{bold}{heading}{bold:#}")
        } else {
            writeln!(text, "{}", wrap(line))
        };
    }
    text
}

/// One line a code: its id, its severity and the first sentence of its page, by id.
pub fn list<'a>(codes: impl IntoIterator<Item = &'a Code>, colour: bool) -> String {
    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_by_key(|code| code.id);
    let bold = if colour { Style::new().bold() } else { Style::new() };
    let width = codes.iter().map(|code| code.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for code in codes {
        let pad = width - code.id.len();
        let _ = writeln!(
            text,
            "{bold}{}{bold:#}{:pad$}  {:7}  {}",
            code.id,
            "",
            severity(code.severity),
            meaning(code)
        );
    }
    text
}

/// What a page says first: its first sentence.
pub fn meaning(code: &Code) -> &str {
    let paragraph = code
        .page
        .lines()
        .skip(1)
        .find(|line| !line.trim().is_empty())
        .unwrap_or("");
    paragraph
        .split_once(". ")
        .map_or(paragraph, |(sentence, _)| sentence)
        .trim_end_matches('.')
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A paragraph, broken between words.
fn wrap(paragraph: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in paragraph.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += width;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes::{self, lint};

    #[test]
    fn a_page_has_headings_paragraphs_and_examples() {
        insta::assert_snapshot!(page(&lint::NOT_A_LINT, false));
        assert!(page(&lint::NOT_A_LINT, true).contains("\u{1b}[1mBad\u{1b}[0m"));
    }

    #[test]
    fn every_page_renders_without_markdown_left_over() {
        for code in codes::all() {
            let shown = page(code, false);
            assert!(
                !shown
                    .lines()
                    .any(|line| line.starts_with('#') || line.starts_with("```")),
                "{}",
                code.id
            );
        }
    }

    #[test]
    fn the_list_has_every_code_once_by_name() {
        let shown = list(codes::all(), false);
        let ids: Vec<_> = shown
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(ids.len(), codes::all().count());
        assert!(ids.is_sorted());
        let line = shown.lines().find(|line| line.starts_with("unused-pragma ")).unwrap();
        assert!(
            line.contains("  warning  A comment `# polity: allow CODE reason` stands above"),
            "{line}"
        );
    }
}
