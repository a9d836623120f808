//! What the author of a policy wrote wrong: collected in a [`Sink`], never thrown, rendered only at the edge.
//!
//! A [`Code`] is one Markdown file under `codes/`: what it means, why it matters, a bad and a good example.
//! The examples are run by the tests, so a code without a case cannot exist.

pub mod codes;
mod findings;
mod levels;

pub use findings::{Findings, Summary};
pub use levels::{Level, LintLevels};

use crate::source::Span;

/// How bad it is. Ordered: an error is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For information; never fails a run.
    Note,
    /// Worth mending; does not fail a run unless promoted.
    Warning,
    /// Nothing is built while it stands.
    Error,
}

/// A kind of diagnostic. Codes live in [`codes`]; there is one static per code.
#[derive(Debug)]
pub struct Code {
    /// Kebab-case, stable across releases.
    pub id: &'static str,
    /// The severity unless `lints:` in `polity.yaml` says otherwise. An error cannot be silenced.
    pub severity: Severity,
    /// The page that `polity explain CODE` prints.
    pub page: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Code {}

/// A place and what is said there. An empty label only points.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// Lower case, no final period, user text in backticks.
    pub text: String,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Help {
    /// Lower case, no final period.
    pub text: String,
    /// The text to put in place of the span, where the mend is that simple.
    pub replacement: Option<(Span, String)>,
}

/// One finding. Build with [`Diagnostic::new`] and the `with_` methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind.
    pub code: &'static Code,
    /// How bad, after `lints:` were applied.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, and why in fewer words. `None` only for what no place in the repository shows.
    pub primary: Option<Label>,
    /// The path that it is about, where no file was read there that could show a place.
    pub path: Option<String>,
    /// Other places that matter, in any file.
    pub related: Vec<Label>,
    /// Where the text came from, outermost use first (a template's body, then its use).
    pub origin: Vec<Label>,
    /// What to do.
    pub help: Vec<Help>,
    /// Every agent that it is about, where the message names the first few: each with its environment.
    pub agents: Vec<(String, String)>,
}

impl Diagnostic {
    /// A diagnostic at a place. `label` may be empty.
    pub fn new(code: &'static Code, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self {
            primary: Some(Label {
                span,
                text: label.into(),
            }),
            ..Self::without_place(code, message)
        }
    }
    /// A diagnostic that no place in the repository shows.
    pub fn without_place(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            message: message.into(),
            primary: None,
            path: None,
            related: Vec::new(),
            origin: Vec::new(),
            help: Vec::new(),
            agents: Vec::new(),
        }
    }
    /// Says which path it is about, where no file was read there. One that is no text names no file to anybody.
    pub fn about(mut self, path: &[u8]) -> Self {
        self.path = std::str::from_utf8(path).ok().map(str::to_owned);
        self
    }
    /// Adds a related place.
    pub fn with_related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label {
            span,
            text: text.into(),
        });
        self
    }
    /// Says of which agents, each with its environment.
    pub fn of_agents(mut self, agents: impl IntoIterator<Item = (String, String)>) -> Self {
        self.agents.extend(agents);
        self
    }
    /// Adds advice.
    pub fn with_help(mut self, text: impl Into<String>) -> Self {
        self.help.push(Help {
            text: text.into(),
            replacement: None,
        });
        self
    }
    /// Adds advice with the text to put in place of `span`.
    pub fn with_replacement(mut self, text: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.help.push(Help {
            text: text.into(),
            replacement: Some((span, replacement.into())),
        });
        self
    }
    /// Adds "did you mean" when `nearest` of the candidates is near enough.
    pub fn with_suggestion<'a>(self, written: &str, span: Span, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(written, candidates) {
            Some(name) => self.with_replacement(format!("did you mean `{name}`?"), span, name),
            None => self,
        }
    }
}

/// The candidate nearest to what was written, if one is near enough to be meant. Ties go to the first by name.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters wrong is still recognisable; picked by gut feeling, as rustc's is.
    let limit = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Collects diagnostics from all phases.
#[derive(Debug, Default)]
pub struct Sink {
    found: Vec<Diagnostic>,
}

impl Sink {
    /// Takes one in.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }
    /// Takes all of another sink in.
    pub fn append(&mut self, other: Sink) {
        self.found.extend(other.found);
    }
    /// Keeps of what was taken in what is wanted.
    pub fn retain(&mut self, wanted: impl FnMut(&Diagnostic) -> bool) {
        self.found.retain(wanted);
    }
    /// Everything taken in so far, in the order in which it was found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.found
    }
    /// Everything taken in, for whoever passes on a part of it.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }
    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }
}
