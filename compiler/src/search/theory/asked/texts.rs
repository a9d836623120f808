//! What answers ask of strings: patterns, globs and words that an argument, a person's name or a resource must match,
//! or must not.
//!
//! In: tests with their answers. Out: constraints over the strings that are read, in [`Asked::texts`]. Texts are found
//! elsewhere.

use std::sync::Arc;

use polity_runtime::value::{ANY, Kind, SEGMENT};

use super::{Asked, Text};
use crate::ir::{Constant, GlobPart, Op, PatternPart, ResourcePart, Term, Test};
use crate::search::theory::text::{Constraint, Domain, Matcher, Piece};
use crate::search::theory::values;

impl Asked<'_, '_> {
    pub(super) fn string(&mut self, test: &Test, yes: bool) -> bool {
        let (term, matcher) = match (test.op, &test.left, &test.right) {
            (Op::Like, term, Term::Pattern(parts)) => (term, Matcher::Pattern(like(parts))),
            (Op::Like, term, Term::Regex(words)) => (term, Matcher::Regex(Arc::clone(words))),
            (Op::Glob, term, Term::Glob(parts)) => (term, Matcher::Pattern(glob(parts))),
            (Op::Equal, term, Term::Constant(Constant::String(text)))
            | (Op::Equal, Term::Constant(Constant::String(text)), term) => (term, Matcher::Words(vec![text.clone()])),
            (Op::Contains, Term::Constant(Constant::Set(values)), term) => {
                let text = |value: &Constant| match value {
                    Constant::String(text) => Some(text.clone()),
                    _ => None,
                };
                let Some(mut words) = values.iter().map(text).collect::<Option<Vec<String>>>() else {
                    return false;
                };
                words.sort();
                (term, Matcher::Words(words))
            }
            _ => return false,
        };
        let globbed = test.op == Op::Glob;
        let mut sequence = Vec::new();
        match term {
            Term::Slot(slot) => {
                let Some(at) = self.theory.frame.argument(*slot) else {
                    return false;
                };
                sequence.push((Text::Argument(at), false));
            }
            Term::OnBehalfOf => sequence.push((Text::Behalf, false)),
            Term::Resource(parts) => return self.resource(parts, globbed, &matcher, yes),
            _ => return false,
        }
        if sequence.iter().any(|(text, _)| self.text_domain(*text).is_none()) {
            return false;
        }
        let constraint = Constraint {
            sequence: vec![Piece::String(0, false)],
            matcher,
            takes: yes,
        };
        self.texts.push((sequence, constraint));
        true
    }

    /// A resource that was read, so what stands in it may stand there.
    fn resource(&mut self, parts: &[ResourcePart], globbed: bool, matcher: &Matcher, yes: bool) -> bool {
        let mut strings: Vec<(Text, bool)> = Vec::new();
        let mut sequence = Vec::new();
        let mut safe = Vec::new();
        for part in parts {
            match part {
                ResourcePart::Literal(text) => sequence.push(Piece::Text(text.clone())),
                ResourcePart::Slot { slot, folded, free } => {
                    let Some(at) = self.theory.frame.argument(*slot) else {
                        return false;
                    };
                    let text = Text::Argument(at);
                    if self.text_domain(text).is_none() && self.written_domain(text).is_none() {
                        return false;
                    }
                    sequence.push(Piece::String(strings.len(), *folded && globbed));
                    strings.push((text, true));
                    if !free {
                        safe.push(text);
                    }
                }
            }
        }
        for text in safe {
            let constraint = Constraint {
                sequence: vec![Piece::String(0, false)],
                matcher: Matcher::Safe,
                takes: true,
            };
            self.texts.push((vec![(text, true)], constraint));
        }
        let constraint = Constraint {
            sequence,
            matcher: matcher.clone(),
            takes: yes,
        };
        self.texts.push((strings, constraint));
        true
    }

    /// What a string may be at all; `None` for what is no string.
    pub(in crate::search::theory) fn text_domain(&self, text: Text) -> Option<Domain> {
        let at = match text {
            Text::Behalf => return Some(Domain::Any),
            Text::Argument(at) => at,
        };
        let arguments = self.theory.frame.arguments();
        let one = arguments.get(at)?;
        let parent = one
            .parent
            .and_then(|parent| arguments.get(parent))
            .map(|parent| parent.takes.kind);
        match (parent, one.path.last().map(String::as_str)) {
            (Some(Kind::Url), Some("host")) => Some(Domain::UrlHost),
            (Some(Kind::Url), Some("path")) => Some(Domain::UrlPath),
            (Some(Kind::Url), Some("scheme")) => Some(Domain::Scheme),
            (Some(Kind::Email), Some("host")) => Some(Domain::Host),
            (Some(Kind::Email), Some("local")) => Some(Domain::Local),
            _ if one.takes.kind == Kind::Hosts => None,
            _ => values::domain(&one.takes),
        }
    }

    /// How a number or a truth stands in a resource.
    pub(in crate::search::theory) fn written_domain(&self, text: Text) -> Option<Domain> {
        let Text::Argument(at) = text else { return None };
        match self.theory.kind(at)? {
            Kind::Int => Some(Domain::Integer),
            Kind::Bool => Some(Domain::Words(vec!["false".to_owned(), "true".to_owned()])),
            _ => None,
        }
    }
}

fn like(parts: &[PatternPart]) -> Vec<u32> {
    let part = |part: &PatternPart| match part {
        PatternPart::Literal(letter) => u32::from(*letter),
        PatternPart::Any => ANY,
    };
    parts.iter().map(part).collect()
}

fn glob(parts: &[GlobPart]) -> Vec<u32> {
    let part = |part: &GlobPart| match part {
        GlobPart::Literal(letter) => u32::from(*letter),
        GlobPart::Segment => SEGMENT,
        GlobPart::Any => ANY,
    };
    parts.iter().map(part).collect()
}
