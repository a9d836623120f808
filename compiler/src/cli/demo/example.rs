//! The example organisation, as it was when this binary was built: its files, and what the demo asks and breaks.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::{Failure, request, request::Request};
use crate::report::decision::{Decision, Requirement};

/// Path and text of every file, sorted by path.
pub(in crate::cli) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example_org.rs"));

/// A question, and the answer that the organisation's rules are meant to give.
pub(super) struct Question {
    pub(super) title: String,
    /// The arguments of the call, as they were written.
    pub(super) request: Request,
    expect: Expected,
}

/// One change that makes the organisation wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mistake {
    pub(super) title: String,
    pub(super) path: String,
    find: String,
    replace: String,
    /// The diagnostic that it must give.
    pub(super) code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    effect: String,
    code: String,
    rule: Option<String>,
    /// Whose approval is asked for.
    #[serde(default)]
    who: Vec<Who>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Who {
    from: Vec<String>,
    count: u32,
}

/// The questions, in the order in which they are asked.
pub(super) fn questions() -> Result<Vec<Question>, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written<'a> {
        question: String,
        #[serde(borrow)]
        request: &'a RawValue,
        expect: Expected,
    }
    let written: Vec<Written<'_>> = parsed(".demo/questions.json")?;
    let question = |Written {
                        question,
                        request,
                        expect,
                    }: Written<'_>| {
        // A question that names no moment would be answered otherwise every day.
        let request = request::line(request.get(), 0)
            .ok()
            .filter(|request| request.now > 0)
            .ok_or_else(|| {
                broken(&format!(
                    "the request of `{question}` cannot be read, or names no moment"
                ))
            })?;
        Ok(Question {
            title: question,
            request,
            expect,
        })
    };
    written.into_iter().map(question).collect()
}

/// The mistakes, in the order in which they are made.
pub(super) fn mistakes() -> Result<Vec<Mistake>, Failure> {
    parsed(".demo/mistake.json")
}

impl Question {
    /// What differs from the answer that is meant, if anything does.
    pub(super) fn differs(&self, decision: &Decision) -> Option<String> {
        let Expected {
            effect,
            code,
            rule,
            who,
        } = &self.expect;
        let said = decision.effect.as_str();
        let asked = decision
            .obligations
            .approval
            .iter()
            .flat_map(|approval| &approval.require);
        let asked: Vec<Who> = asked
            .map(|Requirement { from, count }| Who {
                from: from.clone(),
                count: *count,
            })
            .collect();
        let name = |rule: &Option<String>| rule.clone().unwrap_or_else(|| "no rule".to_owned());
        if (said, &decision.code, &decision.rule) != (effect.as_str(), code, rule) {
            return Some(format!(
                "expected `{effect} {code}` by {}, and the bundle says `{said} {}` by {}",
                name(rule),
                decision.code,
                name(&decision.rule)
            ));
        }
        (asked != *who).then(|| "the answer is the one expected, and other people are asked to approve".to_owned())
    }
}

impl Mistake {
    /// The files of the organisation, with the mistake in one of them.
    pub(super) fn made(&self) -> Result<Vec<(String, String)>, Failure> {
        let (_, text) = file(&self.path)?;
        let Some((before, after)) = text.split_once(&self.find) else {
            return Err(broken(&format!("`{}` has no place for `{}`", self.path, self.title)));
        };
        let changed = format!("{before}{}{after}", self.replace);
        // What is no policy, and what a dot hides, is no part of the organisation.
        let policy = |path: &str| {
            [".yaml", ".cedar", ".rego", ".json"]
                .iter()
                .any(|end| path.ends_with(end))
        };
        let compiled = |path: &str| policy(path) && !path.starts_with('.');
        let files = FILES.iter().filter(|(path, _)| compiled(path)).map(|(path, text)| {
            let text = if *path == self.path { changed.as_str() } else { text };
            ((*path).to_owned(), text.to_owned())
        });
        Ok(files.collect())
    }
}

fn parsed<'a, T: Deserialize<'a>>(path: &str) -> Result<T, Failure> {
    let (_, text) = file(path)?;
    serde_json::from_str(text).map_err(|error| broken(&format!("`{path}`: {error}")))
}

fn file(path: &str) -> Result<&'static (&'static str, &'static str), Failure> {
    let found = FILES.iter().find(|(name, _)| *name == path);
    found.ok_or_else(|| broken(&format!("`{path}` is missing")))
}

fn broken(what: &str) -> Failure {
    Failure::falls_short(format!("the example organisation in this binary is incomplete: {what}"))
}
