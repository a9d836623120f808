//! Texts in a notation that others read: mail addresses, addresses of servers, ranges of versions, globs over files.
//!
//! In: a text that was written. Out: the same, or a diagnostic and nothing. Only what can mean nothing is refused:
//! nobody here sends mail, opens a connection or compares versions.

use polity_runtime::value;

use super::Reader;
use crate::ast::Text;
use crate::diag::codes::document::{BAD_EMAIL, BAD_PATHS, BAD_URL, BAD_VERSIONS};
use crate::diag::{Code, Diagnostic};

/// How something is written.
pub(super) struct Notation {
    code: &'static Code,
    /// What it is, after "is".
    what: &'static str,
    help: &'static str,
    holds: fn(&str) -> bool,
}

pub(super) static EMAIL: Notation = Notation {
    code: &BAD_EMAIL,
    what: "no mail address",
    help: "write the address alone: `alice@acme.example`",
    holds: |text| value::email(text).is_ok(),
};

pub(super) static URL: Notation = Notation {
    code: &BAD_URL,
    what: "not the address of a server",
    help: "write scheme and host, and neither user nor password: `https://mcp.acme.example/github`",
    holds: |text| value::url(text).is_ok_and(|url| SCHEMES.contains(&url.scheme.as_ref())),
};

pub(super) static VERSIONS: Notation = Notation {
    code: &BAD_VERSIONS,
    what: "no range of versions",
    help: "write `\">=2.1\"`, `\">=4.2, <5\"` or `\"2.*\"`; leave it out if any version is meant",
    holds: is_range,
};

pub(super) static PATHS: Notation = Notation {
    code: &BAD_PATHS,
    what: "the path of no file",
    help: "write it from the root of the organisation on, with `/` between folders: `teams/**` is whatever lies in a folder",
    holds: may_match,
};

/// How MCP servers are reached.
const SCHEMES: [&str; 4] = ["https", "http", "wss", "ws"];

/// What stands before a version; the longer first, so that none is taken for its beginning.
const OPERATORS: [&str; 10] = [">=", "<=", "==", "!=", "~=", ">", "<", "=", "^", "~"];

impl Reader<'_> {
    /// A text that has to be written so.
    pub(super) fn written(&mut self, text: Option<Text>, notation: &Notation) -> Option<Text> {
        let text = text?;
        if (notation.holds)(&text.value) {
            return Some(text);
        }
        let message = format!("`{}` is {}", super::shown(&text.value), notation.what);
        self.sink
            .push(Diagnostic::new(notation.code, message, text.span, "").with_help(notation.help));
        None
    }
}

/// Whether a text is made of versions with operators before them, whichever notation that is: each begins with a digit,
/// or is a star. `latest` is none.
fn is_range(text: &str) -> bool {
    let mut versions = 0;
    let parts = text.split([',', '|', ' ']).filter(|part| !part.is_empty());
    let all = parts.clone().all(|part| {
        let version = OPERATORS.iter().find_map(|operator| part.strip_prefix(operator));
        let version = version.unwrap_or(part);
        // An operator may stand apart, and a hyphen between two versions.
        if version.is_empty() || version == "-" {
            return true;
        }
        versions += 1;
        let number = version.strip_prefix('v').unwrap_or(version);
        let letter = |letter: char| letter.is_ascii_alphanumeric() || ".*-+_".contains(letter);
        number.starts_with(|first: char| first.is_ascii_digit() || first == '*') && number.chars().all(letter)
    });
    all && versions > 0
}

/// Whether a glob could be the path of a file, as a tree has it.
fn may_match(glob: &str) -> bool {
    let mut segments = glob.split('/');
    !glob.contains('\\') && segments.all(|segment| !matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_taken_and_what_means_nothing_is_not() {
        let each = [
            (
                &EMAIL,
                &["alice@acme.example", "a.b+c@mail.acme.example"][..],
                &[
                    "alice",
                    "Alice <alice@acme.example>",
                    "alice@",
                    "a@b.example, c@d.example",
                ][..],
            ),
            (
                &URL,
                &[
                    "https://mcp.acme.example/github",
                    "http://localhost:8080",
                    "wss://acme.example/mcp",
                    "https://[::1]/mcp",
                ],
                &[
                    "mcp.acme.example/github",
                    "htps://mcp.acme.example",
                    "https://user:password@mcp.acme.example",
                    "https://mcp.acme. example",
                    "https://",
                    "file:///etc/passwd",
                ],
            ),
            (
                &VERSIONS,
                &[
                    ">=2.1",
                    ">= 2.1",
                    ">=4.2, <5",
                    ">=1 <2",
                    "2.*",
                    "*",
                    "^1.2",
                    "~=1.4",
                    "1.2 - 2",
                    "1 || 2",
                    "v2.1.0-rc.1",
                    "2026-11-23",
                ],
                &["latest", "=>2.1", "any", ">=", ", ,", "two", ">=2.1, latest"],
            ),
            (
                &PATHS,
                &[
                    "teams/**",
                    "**",
                    "policies/money.yaml",
                    ".github/workflows/*",
                    "*/policies/**",
                ],
                &["teams/", "/teams/**", "./teams/**", "../teams", "teams//a", "teams\\a"],
            ),
        ];
        for (notation, good, bad) in each {
            for text in good {
                assert!((notation.holds)(text), "{text}");
            }
            for text in bad {
                assert!(!(notation.holds)(text), "{text}");
            }
        }
    }
}
