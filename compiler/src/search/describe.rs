//! The answers of a trail as conditions that a person reads: `amount > 5000`, `holding customer-data`. What another
//! condition says already is left out. Nothing parses this text.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::Automaton;

use super::frame::{Frame, JUNK};
use super::theory::values;
use crate::ir::{Answer, Constant, Function, GlobPart, Op, PatternPart, ResourcePart, Term, Test};

/// How many elements of a set are written out.
const MOST_ELEMENTS: usize = 5;
/// How many globs are written out that a resource does not match.
const MOST_GLOBS: usize = 2;

/// A line a condition, each once, in the order of what they are about.
pub fn conditions<'t>(frame: &Frame, answers: impl IntoIterator<Item = (&'t Test, Answer)>) -> Vec<String> {
    let words = Words { frame };
    let mut about: BTreeMap<String, About> = BTreeMap::new();
    for (test, answer) in answers {
        let (subject, said) = words.said(test, answer);
        about.entry(subject).or_default().add(said);
    }
    about
        .into_iter()
        .flat_map(|(subject, about)| about.lines(&subject))
        .collect()
}

/// What one answer says of its subject.
enum Said {
    /// It is there.
    Present,
    /// It is this; nothing else matters.
    Exactly(String),
    /// Above, or at least; below, or at most.
    Above(i128, bool, String),
    Below(i128, bool, String),
    /// It is not this number.
    Unlike(i128, String),
    /// A resource matches a glob, or does not.
    Matches(bool, String),
    /// Anything else, with the subject in it.
    Other(String),
}

/// What is said of one subject.
#[derive(Default)]
struct About {
    present: bool,
    exactly: Option<String>,
    above: Option<(i128, bool, String)>,
    below: Option<(i128, bool, String)>,
    unlike: BTreeMap<i128, String>,
    matched: BTreeSet<String>,
    unmatched: BTreeSet<String>,
    others: Vec<String>,
}

impl About {
    fn add(&mut self, said: Said) {
        match said {
            Said::Present => self.present = true,
            Said::Exactly(text) => self.exactly = Some(text),
            Said::Above(value, strict, text) => {
                if self
                    .above
                    .as_ref()
                    .is_none_or(|known| (known.0, known.1) < (value, strict))
                {
                    self.above = Some((value, strict, text));
                }
            }
            Said::Below(value, strict, text) => {
                let tighter = |known: &(i128, bool, String)| value < known.0 || (value == known.0 && strict);
                if self.below.as_ref().is_none_or(tighter) {
                    self.below = Some((value, strict, text));
                }
            }
            Said::Unlike(value, text) => {
                self.unlike.insert(value, text);
            }
            Said::Matches(true, glob) => {
                self.matched.insert(glob);
            }
            Said::Matches(false, glob) => {
                self.unmatched.insert(glob);
            }
            Said::Other(text) => self.others.push(text),
        }
    }

    fn lines(self, subject: &str) -> Vec<String> {
        if let Some(exactly) = self.exactly {
            return vec![format!("{subject} == {exactly}")];
        }
        let mut lines = Vec::new();
        // What lies beyond the bounds it is not anyhow.
        let within = |value: i128| {
            let above = self.above.as_ref();
            let below = self.below.as_ref();
            above.is_none_or(|(bound, strict, _)| value > *bound || (value == *bound && !strict))
                && below.is_none_or(|(bound, strict, _)| value < *bound || (value == *bound && !strict))
        };
        let unlike = self.unlike.iter().filter(|(value, _)| within(**value));
        let unlike: Vec<String> = unlike.map(|(_, text)| format!("{subject} != {text}")).collect();
        if let Some((_, strict, text)) = self.above {
            lines.push(format!("{subject} {} {text}", if strict { ">" } else { ">=" }));
        }
        if let Some((_, strict, text)) = self.below {
            lines.push(format!("{subject} {} {text}", if strict { "<" } else { "<=" }));
        }
        lines.extend(unlike);
        // What it matches says enough: the others were but looked at before.
        if self.matched.is_empty() && !self.unmatched.is_empty() {
            let globs: Vec<&str> = self.unmatched.iter().map(String::as_str).take(MOST_GLOBS).collect();
            let more = match self.unmatched.len().saturating_sub(MOST_GLOBS) {
                0 => String::new(),
                more => format!(" nor {more} more"),
            };
            lines.push(format!("{subject} does not match {}{more}", globs.join(" nor ")));
        }
        lines.extend(self.matched.iter().map(|glob| format!("{subject} matches {glob}")));
        let mut others = self.others;
        others.sort();
        others.dedup();
        lines.extend(others);
        if lines.is_empty() && self.present {
            lines.push(format!("with {subject}"));
        }
        lines
    }
}

struct Words<'f> {
    frame: &'f Frame,
}

impl Words<'_> {
    fn said(&self, test: &Test, answer: Answer) -> (String, Said) {
        let yes = match answer {
            Answer::Yes => true,
            Answer::No => false,
            Answer::Error => {
                let subject = match &test.left {
                    Term::Constant(_) => self.term(&test.right),
                    left => self.term(left),
                };
                let text = format!("{subject} cannot be read");
                return (subject, Said::Other(text));
            }
        };
        let not = if yes { "" } else { "not " };
        let other = |subject: String, text: String| (subject, Said::Other(text));
        match (test.op, &test.left, &test.right) {
            (Op::Has, Term::Slot(slot), _) if *slot == JUNK => other(
                "~".to_owned(),
                if yes {
                    "with an argument that is not declared"
                } else {
                    "with declared arguments only"
                }
                .to_owned(),
            ),
            (Op::Has, left, _) => {
                let subject = self.term(left);
                if yes {
                    (subject, Said::Present)
                } else {
                    other(subject.clone(), format!("without {subject}"))
                }
            }
            (Op::IsTrue, left, _) => {
                let subject = self.term(left);
                other(subject.clone(), format!("{not}{subject}"))
            }
            (Op::Less | Op::LessEqual, left, Term::Constant(value)) if number(value).is_some() => {
                (self.term(left), bound(value, test.op == Op::Less, true, yes))
            }
            (Op::Less | Op::LessEqual, Term::Constant(value), right) if number(value).is_some() => {
                (self.term(right), bound(value, test.op == Op::Less, false, yes))
            }
            (Op::Equal, term, Term::Constant(value)) | (Op::Equal, Term::Constant(value), term) => {
                let subject = self.term(term);
                if yes {
                    (subject, Said::Exactly(constant(value)))
                } else if let Some(number) = number(value) {
                    (subject, Said::Unlike(number, constant(value)))
                } else {
                    let text = format!("{subject} != {}", constant(value));
                    other(subject, text)
                }
            }
            (Op::Contains, Term::Holding, Term::Constant(Constant::String(class))) => {
                other(format!("holding {class}"), format!("{not}holding {class}"))
            }
            (Op::Contains, Term::Constant(Constant::Set(_)), Term::OnBehalfOf) => {
                let set = self.term(&test.left);
                other("on_behalf_of".to_owned(), format!("on_behalf_of {not}in {set}"))
            }
            (Op::Contains, set @ Term::Constant(_), element) => {
                let subject = self.term(element);
                other(subject.clone(), format!("{subject} {not}in {}", self.term(set)))
            }
            // That it can be read.
            (Op::Equal, left, right) if left == right => (self.term(left), Said::Present),
            (Op::Program, program, _) => {
                let subject = self.term(program);
                let text = format!("{subject} says {}", if yes { "yes" } else { "no" });
                other(subject, text)
            }
            (Op::Glob, left, right) => (self.term(left), Said::Matches(yes, self.term(right))),
            (op, left, right) => {
                let (subject, right) = (self.term(left), self.term(right));
                let text = format!("{subject} {not}{} {right}", name(op));
                other(subject, text.trim_end().to_owned())
            }
        }
    }

    fn term(&self, term: &Term) -> String {
        let argument = |slot| {
            let at = self.frame.given(slot).or_else(|| self.frame.argument(slot));
            at.and_then(|at| self.frame.arguments().get(at))
                .map_or_else(|| format!("argument {}", slot.0), |one| one.name())
        };
        match term {
            Term::Nothing => String::new(),
            Term::Constant(value) => constant(value),
            Term::Slot(slot) => argument(*slot),
            Term::OnBehalfOf => "on_behalf_of".to_owned(),
            Term::Now => "now".to_owned(),
            Term::Calls => "session.calls".to_owned(),
            Term::Holding => "session.holding".to_owned(),
            Term::Held(classes) => format!("session.holding among {}", constant(&Constant::Set(classes.clone()))),
            Term::Apply(function, operands) => {
                let operands: Vec<String> = operands.iter().map(|operand| self.term(operand)).collect();
                applied(*function, &operands)
            }
            Term::Set(elements) => {
                let elements: Vec<String> = elements.iter().map(|element| self.term(element)).collect();
                format!("[{}]", elements.join(", "))
            }
            Term::Regex(words) => Automaton::new(words).map_or_else(String::new, |automaton| automaton.text()),
            Term::Pattern(parts) => {
                let part = |part: &PatternPart| match part {
                    PatternPart::Literal(letter) => *letter,
                    PatternPart::Any => '*',
                };
                format!("{:?}", parts.iter().map(part).collect::<String>())
            }
            Term::Glob(parts) => {
                let part = |part: &GlobPart| match part {
                    GlobPart::Literal(letter) => letter.to_string(),
                    GlobPart::Segment => "*".to_owned(),
                    GlobPart::Any => "**".to_owned(),
                };
                format!("{:?}", parts.iter().map(part).collect::<String>())
            }
            Term::Resource(parts) => {
                let part = |part: &ResourcePart| match part {
                    ResourcePart::Literal(text) => text.clone(),
                    ResourcePart::Slot { slot, .. } => format!("{{{}}}", argument(*slot)),
                };
                parts.iter().map(part).collect()
            }
            Term::Program(program) => format!("the Rego program of {}", program.rule),
            Term::List(_)
            | Term::Document(_)
            | Term::Principal(_)
            | Term::ResourceName
            | Term::Entity(_)
            | Term::Environment => String::new(),
        }
    }
}

/// A bound on what stands on the left (`left`) of the comparison, or on its right.
fn bound(value: &Constant, less: bool, left: bool, yes: bool) -> Said {
    let at = number(value).unwrap_or(0);
    let text = constant(value);
    // `x < c` and its denial `x >= c`; `c < x` and `x <= c`.
    let strict = less == yes;
    if left == yes {
        Said::Below(at, strict, text)
    } else {
        Said::Above(at, strict, text)
    }
}

fn number(value: &Constant) -> Option<i128> {
    match value {
        Constant::Int(value) | Constant::Decimal(value) | Constant::DateTime(value) | Constant::Duration(value) => {
            Some(i128::from(*value))
        }
        _ => None,
    }
}

fn constant(value: &Constant) -> String {
    match value {
        Constant::Bool(value) => value.to_string(),
        Constant::Int(value) => value.to_string(),
        Constant::Decimal(value) => values::decimal(*value),
        Constant::DateTime(value) => {
            let text = values::moment(*value);
            text.strip_suffix("T00:00:00Z").map_or(text.clone(), str::to_owned)
        }
        Constant::Duration(value) => crate::ast::Millis(*value).to_string(),
        Constant::String(text) => format!("{text:?}"),
        Constant::Ip(net) => values::address(net),
        Constant::Set(elements) => {
            let mut shown: Vec<String> = elements.iter().take(MOST_ELEMENTS).map(constant).collect();
            if elements.len() > MOST_ELEMENTS {
                shown.push(format!("{} more", elements.len() - MOST_ELEMENTS));
            }
            format!("[{}]", shown.join(", "))
        }
    }
}

fn name(op: Op) -> &'static str {
    match op {
        Op::Like => "like",
        Op::Contains => "has",
        Op::ContainsAll => "has all of",
        Op::ContainsAny => "has any of",
        Op::IsEmpty => "empty",
        Op::IsIpv4 => "IPv4",
        Op::IsIpv6 => "IPv6",
        Op::IsLoopback => "loopback",
        Op::IsMulticast => "multicast",
        Op::IsInRange => "in range",
        Op::Less => "<",
        Op::LessEqual => "<=",
        Op::Equal => "==",
        _ => "is",
    }
}

fn applied(function: Function, operands: &[String]) -> String {
    let infix = |op: &str| format!("({})", operands.join(op));
    let method = |name: &str| match operands {
        [receiver, rest @ ..] => format!("{receiver}.{name}({})", rest.join(", ")),
        [] => String::new(),
    };
    match function {
        Function::Add => infix(" + "),
        Function::Subtract => infix(" - "),
        Function::Multiply => infix(" * "),
        Function::Negate => format!("-{}", operands.join("")),
        Function::Offset => method("offset"),
        Function::DurationSince => method("durationSince"),
        Function::ToDate => method("toDate"),
        Function::ToTime => method("toTime"),
        Function::ToMilliseconds => method("toMilliseconds"),
        Function::ToSeconds => method("toSeconds"),
        Function::ToMinutes => method("toMinutes"),
        Function::ToHours => method("toHours"),
        Function::ToDays => method("toDays"),
        Function::Count => format!("count({})", operands.first().map_or("", String::as_str)),
    }
}
