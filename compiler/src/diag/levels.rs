//! What `lints:` in `polity.yaml` says about each code, and what that makes of a severity.
//!
//! In: codes and levels as written. Out: [`LintLevels`], which [`Sink::finish`] applies. It knows no document:
//! whoever reads `polity.yaml` hands over what stood there.

use std::collections::BTreeMap;

use super::{Code, Diagnostic, Severity, Sink, codes};
use crate::source::Spanned;

/// The level of each code that `lints:` names. Codes that it does not name keep their own severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintLevels {
    /// INVARIANT: no code here is an error, so none can be silenced or lowered.
    levels: BTreeMap<&'static str, Level>,
}

/// What `lints:` may say of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Say nothing.
    Allow,
    /// Say it, and do not fail.
    Warn,
    /// An error.
    Deny,
}

/// The names of the levels, in the order of their strength.
const NAMES: [(&str, Level); 3] = [("allow", Level::Allow), ("warn", Level::Warn), ("deny", Level::Deny)];

impl LintLevels {
    /// From codes and levels. Codes that are errors are left out: `deny` says nothing new of them, and they take
    /// no other level.
    pub fn new(levels: &[(&'static Code, Level)]) -> Self {
        let levels = levels.iter().filter(|(code, _)| code.severity != Severity::Error);
        Self {
            levels: levels.map(|(code, level)| (code.id, *level)).collect(),
        }
    }

    /// From `lints:` as it was written, with a diagnostic for each entry that means nothing.
    pub fn read(written: &[(Spanned<String>, Spanned<String>)], sink: &mut Sink) -> Self {
        let mut levels = Vec::new();
        for (id, name) in written {
            let code = match code_named(id) {
                Ok(code) => code,
                Err(diagnostic) => {
                    sink.push(*diagnostic);
                    continue;
                }
            };
            let Some(&(_, level)) = NAMES.iter().find(|(known, _)| *known == name.value) else {
                let message = format!("lint level that does not exist: `{}`", name.value);
                let label = "expected `allow`, `warn` or `deny`";
                sink.push(
                    Diagnostic::new(&codes::document::UNKNOWN_VALUE, message, name.span, label).with_suggestion(
                        &name.value,
                        name.span,
                        NAMES.map(|(known, _)| known),
                    ),
                );
                continue;
            };
            if code.severity == Severity::Error && level != Level::Deny {
                let message = format!("`{}` is an error, which takes no other level", code.id);
                sink.push(
                    Diagnostic::new(&codes::lint::NOT_A_LINT, message, id.span, "not a lint")
                        .with_help("remove the entry and mend what the error points at"),
                );
                continue;
            }
            levels.push((code, level));
        }
        Self::new(&levels)
    }

    /// What becomes of a diagnostic's severity; `None` where it is silenced. An error stays an error.
    pub(super) fn apply(&self, code: &Code, severity: Severity) -> Option<Severity> {
        if severity == Severity::Error {
            return Some(severity);
        }
        match self.levels.get(code.id) {
            None => Some(severity),
            Some(Level::Allow) => None,
            Some(Level::Warn) => Some(Severity::Warning),
            Some(Level::Deny) => Some(Severity::Error),
        }
    }
}

/// The code that somebody wrote, or the diagnostic that there is none.
pub(super) fn code_named(written: &Spanned<String>) -> Result<&'static Code, Box<Diagnostic>> {
    codes::all().find(|code| code.id == written.value).ok_or_else(|| {
        let message = format!("diagnostic code that does not exist: `{}`", written.value);
        Box::new(
            Diagnostic::new(&codes::lint::UNKNOWN_CODE, message, written.span, "no such code")
                .with_suggestion(&written.value, written.span, codes::all().map(|code| code.id))
                .with_help("`polity explain --list` names every code"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn text(value: &str, start: u32) -> Spanned<String> {
        let end = start + u32::try_from(value.len()).unwrap();
        Spanned::new(
            value.to_owned(),
            Span {
                file: FileId(0),
                start,
                end,
            },
        )
    }

    fn read(code: &str, level: &str) -> (LintLevels, Vec<String>) {
        let mut sink = Sink::default();
        let levels = LintLevels::read(&[(text(code, 0), text(level, 40))], &mut sink);
        let found = sink
            .found
            .iter()
            .map(|d| format!("{}: {}", d.code.id, d.message))
            .collect();
        (levels, found)
    }

    #[test]
    fn a_lint_takes_every_level() {
        let code = &codes::lint::UNUSED_PRAGMA;
        for (name, expected) in [
            ("allow", None),
            ("warn", Some(Severity::Warning)),
            ("deny", Some(Severity::Error)),
        ] {
            let (levels, found) = read("unused-pragma", name);
            assert!(found.is_empty(), "{found:?}");
            assert_eq!(levels.apply(code, Severity::Warning), expected);
        }
    }

    #[test]
    fn an_error_is_never_lowered() {
        let code = &codes::lint::UNKNOWN_CODE;
        for name in ["allow", "warn"] {
            let (levels, found) = read("unknown-code", name);
            assert_eq!(
                found,
                ["not-a-lint: `unknown-code` is an error, which takes no other level"]
            );
            assert_eq!(levels.apply(code, Severity::Error), Some(Severity::Error));
        }
        assert!(read("unknown-code", "deny").1.is_empty());
        let forced = LintLevels::new(&[(&codes::lint::UNKNOWN_CODE, Level::Allow)]);
        assert_eq!(forced.apply(code, Severity::Error), Some(Severity::Error));
    }

    #[test]
    fn what_does_not_exist_is_said() {
        assert_eq!(
            read("unused-pragmas", "deny").1,
            ["unknown-code: diagnostic code that does not exist: `unused-pragmas`"]
        );
        assert_eq!(
            read("unused-pragma", "forbid").1,
            ["unknown-value: lint level that does not exist: `forbid`"]
        );
    }
}
