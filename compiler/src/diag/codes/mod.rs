//! Every diagnostic code: one static and one Markdown page each, grouped by the phase that finds it.

/// Declares codes: `severity NAME "id"`; the page is `<id>.md` beside this file.
macro_rules! codes {
    ($($severity:ident $name:ident $id:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`")]
            pub static $name: $crate::diag::Code = $crate::diag::Code { id: $id, severity: $crate::diag::Severity::$severity, page: include_str!(concat!($id, ".md")) };
        )*
        /// Every code of this group, in declaration order.
        pub static ALL: &[&$crate::diag::Code] = &[$(&$name),*];
    };
}

pub mod cedar;
pub mod condition;
pub mod document;
pub mod expand;
pub mod folder;
pub mod import;
pub mod invariant;
pub mod lint;
pub mod reference;
pub mod rego;
pub mod source;
pub mod trail;
pub mod suite;
pub mod yaml;

pub(crate) use codes;

use super::Code;

/// Every code of every group.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [
        source::ALL,
        yaml::ALL,
        document::ALL,
        expand::ALL,
        import::ALL,
        reference::ALL,
        condition::ALL,
        cedar::ALL,
        rego::ALL,
        suite::ALL,
        invariant::ALL,
        lint::ALL,
        folder::ALL,
        trail::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The code of this id.
pub fn named(id: &str) -> Option<&'static Code> {
    all().find(|code| code.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_kebab_case_and_there_once() {
        let mut seen = BTreeSet::new();
        for code in all() {
            assert!(seen.insert(code.id), "`{}` is declared twice", code.id);
            let letters =
                |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            assert!(code.id.split('-').all(letters), "`{}` is not kebab-case", code.id);
        }
    }

    #[test]
    fn every_page_says_what_why_and_shows_both_examples() {
        for code in all() {
            let id = code.id;
            let mut lines = code.page.lines();
            assert_eq!(
                lines.next(),
                Some(format!("# {id}").as_str()),
                "the first line of {id}.md"
            );
            let (text, examples) = code
                .page
                .split_once("\n## Bad\n")
                .unwrap_or_else(|| panic!("{id}.md has no `## Bad`"));
            let (bad, good) = examples
                .split_once("\n## Good\n")
                .unwrap_or_else(|| panic!("{id}.md has no `## Good`"));
            let paragraphs = text
                .split("\n\n")
                .flat_map(|part| part.lines().filter(|line| !line.starts_with('#')).take(1));
            assert!(paragraphs.count() >= 2, "{id}.md says what it means and why it matters");
            for (name, example) in [("bad", bad), ("good", good)] {
                let fences: Vec<_> = example.lines().filter(|line| line.starts_with("```")).collect();
                assert!(
                    !fences.is_empty() && fences.len() % 2 == 0,
                    "{id}.md: the {name} example has whole blocks"
                );
                for opening in fences.iter().step_by(2) {
                    assert!(opening.contains(" path="), "{id}.md: `{opening}` names no path");
                }
            }
        }
    }
}
