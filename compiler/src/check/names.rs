//! Names that conditions compare with, and that nobody and nothing has: of people, of tags' values, of whatever a
//! pattern may match, and levels that no ring has.
//!
//! In: the organisation and its conditions, whichever language they were written in. Out: diagnostics. What cannot be
//! compared with any other name at all, such as a team's, was refused where the condition was lowered. A host may hand
//! over a person whom the repository does not know, and an agent may have another tag tomorrow: so this is a lint.

use std::collections::BTreeSet;

use crate::ast::RuleEffect;
use crate::diag::codes::lint::UNKNOWN_NAME;
use crate::diag::{Diagnostic, Sink, nearest};
use crate::ir::{Attribute, Condition, ConditionId, Constant, Op, PatternPart, RuleSet, Term, Test, Typed};
use crate::resolve::{Organization, Rule};
use crate::source::{SourceTree, Span};
use crate::table::compared;

/// How many names are listed where none is near.
const MOST_LISTED: usize = 8;

/// Runs the lint.
pub(crate) fn check(tree: &SourceTree, organization: &Organization, rules: &RuleSet, sink: &mut Sink) {
    let looker = Looker { tree, organization };
    let conditions = |typed: &Typed| -> BTreeSet<ConditionId> {
        match typed {
            Typed::ByShape(ids) => ids.values().copied().collect(),
            Typed::ByAction(ids) => ids.values().copied().collect(),
        }
    };
    let mut look = |typed: &Option<Typed>, within: Span, otherwise: Span| {
        let mut strange = BTreeSet::new();
        for id in typed.iter().flat_map(conditions) {
            if let Some(condition) = rules.conditions.get(id.0 as usize) {
                looker.strange(condition, &mut strange);
            }
        }
        for (about, name) in strange {
            sink.push(looker.said(about, &name, looker.place(&name, within, otherwise)));
        }
    };
    for (rule, body) in organization.rules.iter().zip(&rules.bodies) {
        // Whoever uses a template cannot change what it refuses, and may use it where there is nothing to refuse.
        if rule.effect != RuleEffect::Allow && tree.translate(rule.span).is_some() {
            continue;
        }
        look(&body.when, text_of(rule), rule.span);
        let unless = rule.unless.as_ref().map_or(rule.span, |text| text.span);
        look(&body.unless, unless, rule.span);
    }
    for (at, body) in rules.bodies.iter().enumerate() {
        let lifting = organization.exceptions.iter().filter(|exception| exception.to == at);
        let covers = body.covers.iter().filter(|cover| cover.until.is_some());
        for (exception, cover) in lifting.zip(covers) {
            let within = exception.when.as_ref().map_or(exception.name.span, |text| text.span);
            look(&cover.when, within, exception.name.span);
        }
    }
    for (invariant, when) in organization.invariants.iter().zip(&rules.invariants) {
        let within = invariant.when.as_ref().map_or(invariant.name.span, |text| text.span);
        look(when, within, invariant.name.span);
    }
}

/// Where a rule's condition is written.
fn text_of(rule: &Rule) -> Span {
    let texts = [
        rule.when.as_ref(),
        rule.cedar.as_ref().map(|policy| &policy.text),
        rule.rego.as_ref().map(|policy| &policy.text),
    ];
    texts.into_iter().flatten().next().map_or(rule.span, |text| text.span)
}

struct Looker<'l> {
    tree: &'l SourceTree,
    organization: &'l Organization,
}

/// What is compared with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About<'c> {
    Person,
    Tag(&'c str),
    Agent,
    Team,
    Deployment,
    Ring,
}

/// What it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum With {
    Name(String),
    Pattern(String),
    Level(i64),
}

impl<'l> Looker<'l> {
    /// Adds what a condition compares that is nobody's.
    fn strange<'c>(&self, condition: &'c Condition, found: &mut BTreeSet<(About<'c>, With)>) {
        match condition {
            Condition::Constant(_) => {}
            Condition::Test(test) => self.test(test, found),
            Condition::Not(inner) | Condition::ErrorIsNo(inner) => self.strange(inner, found),
            Condition::And(a, b) | Condition::Or(a, b) => {
                self.strange(a, found);
                self.strange(b, found);
            }
            Condition::If(a, b, c) => [a, b, c].into_iter().for_each(|part| self.strange(part, found)),
        }
    }

    fn test<'c>(&self, test: &'c Test, found: &mut BTreeSet<(About<'c>, With)>) {
        let constant = |term: &Term| match term {
            Term::Constant(constant) => Some(constant.clone()),
            _ => None,
        };
        let (subject, names, pattern) = match (test.op, &test.left, &test.right) {
            (Op::Equal, subject, Term::Constant(one)) | (Op::Equal, Term::Constant(one), subject) => {
                (subject, vec![one.clone()], None)
            }
            (Op::Contains, Term::Constant(Constant::Set(all)), subject) => (subject, all.clone(), None),
            (Op::Contains, Term::Set(all), subject) => (subject, all.iter().filter_map(constant).collect(), None),
            (Op::Like, subject, pattern @ Term::Pattern(parts)) => (subject, Vec::new(), Some((pattern, parts))),
            _ => return,
        };
        let Some(about) = about(subject) else { return };
        let known = self.known(about);
        let met = |op: Op, with: &Term| {
            let met = |known: &Constant| compared(op, &Term::Constant(known.clone()), with);
            known.iter().any(|known| met(known) != Some(false))
        };
        if let Some((pattern, parts)) = pattern
            && !met(Op::Like, pattern)
        {
            let letter = |part: &PatternPart| match part {
                PatternPart::Literal(letter) => *letter,
                PatternPart::Any => '*',
            };
            found.insert((about, With::Pattern(parts.iter().map(letter).collect())));
        }
        for name in names {
            let with = match &name {
                Constant::String(text) => With::Name(text.clone()),
                Constant::Int(level) => With::Level(*level),
                _ => continue,
            };
            if !met(Op::Equal, &Term::Constant(name)) {
                found.insert((about, with));
            }
        }
    }

    /// All that it can be.
    fn known(&self, about: About<'_>) -> Vec<Constant> {
        if about == About::Ring {
            let levels = self.organization.rings.iter().map(|ring| ring.level);
            return levels.map(Constant::Int).collect();
        }
        let names = self.names(about).into_iter();
        names.map(|name| Constant::String(name.to_owned())).collect()
    }

    fn names(&self, about: About<'_>) -> Vec<&'l str> {
        let all = self.organization;
        match about {
            About::Person => all.people.iter().map(|person| person.name.value.as_str()).collect(),
            About::Tag(key) => {
                let tags = all.agents.iter().flat_map(|agent| &agent.tags);
                let own = tags.filter(|(own, _)| own == key);
                let values: BTreeSet<&str> = own.map(|(_, value)| value.as_str()).collect();
                values.into_iter().collect()
            }
            About::Agent => all.agents.iter().map(|agent| agent.name.value.as_str()).collect(),
            About::Team => all.teams.iter().map(|team| team.name.value.as_str()).collect(),
            About::Deployment => all.deployments.iter().map(|one| one.name.as_str()).collect(),
            About::Ring => Vec::new(),
        }
    }

    fn said(&self, about: About<'_>, with: &With, place: Span) -> Diagnostic {
        let names = self.names(about);
        let noun = match about {
            About::Agent => "agent",
            About::Team => "team",
            _ => "deployment",
        };
        let message = match (about, with) {
            (About::Person, With::Name(name)) if self.is_group(name) => {
                let message = format!("`{name}` is a group, and whoever an agent works for is a person");
                let help = "compare with its members; a policy's selector `on_behalf_of` takes the group";
                return Diagnostic::new(&UNKNOWN_NAME, message, place, "never so").with_help(help);
            }
            (About::Person, With::Name(name)) => format!("nobody is called `{name}`"),
            (About::Person, With::Pattern(pattern)) => format!("nobody's name is like `{pattern}`"),
            (About::Tag(key), With::Name(value)) => format!("no agent has the tag `{key}: {value}`"),
            (About::Tag(key), With::Pattern(pattern)) => {
                format!("no agent's tag `{key}` is like `{pattern}`")
            }
            (_, With::Name(name)) => format!("no {noun} is called `{name}`"),
            (_, With::Pattern(pattern)) => format!("no {noun}'s name is like `{pattern}`"),
            (_, With::Level(level)) => format!("no ring has the level {level}"),
        };
        let found = Diagnostic::new(&UNKNOWN_NAME, message, place, "never so");
        let near = match with {
            With::Name(name) => nearest(name, names.iter().copied()),
            _ => None,
        };
        let listed = |names: Vec<String>| match names.len() {
            0 => "no agent has such a tag, and nobody such a name".to_owned(),
            1..=MOST_LISTED => format!("there are {}", names.join(", ")),
            _ => "name one that the repository declares".to_owned(),
        };
        match (near, with) {
            (Some(near), _) => found.with_help(format!("did you mean `{near}`?")),
            (None, With::Level(_)) => {
                let rings = self.organization.rings.iter();
                found.with_help(listed(
                    rings.map(|ring| format!("`{}` ({})", ring.name, ring.level)).collect(),
                ))
            }
            (None, _) => found.with_help(listed(names.iter().map(|name| format!("`{name}`")).collect())),
        }
    }

    fn is_group(&self, name: &str) -> bool {
        self.organization.groups.iter().any(|group| group.name.value == name)
    }

    /// Where a name stands within a text, if it does.
    fn place(&self, with: &With, within: Span, otherwise: Span) -> Span {
        let word = match with {
            With::Name(name) => name.as_str(),
            With::Pattern(pattern) => pattern.trim_matches('*'),
            With::Level(_) => "",
        };
        let text = self.tree.file(within.file).map_or("", |file| file.text.as_str());
        let text = text.get(within.start as usize..within.end as usize).unwrap_or("");
        let of_name = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        let alone = |at: usize| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(of_name) && !after.is_some_and(of_name)
        };
        let found = text.match_indices(word).map(|(at, _)| at).find(|at| alone(*at));
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        match found.filter(|_| !word.is_empty()) {
            Some(at) => Span {
                file: within.file,
                start: within.start + narrow(at),
                end: within.start + narrow(at + word.len()),
            },
            None => otherwise,
        }
    }
}

/// Of a term what it is, if only some names are it.
fn about(term: &Term) -> Option<About<'_>> {
    Some(match term {
        Term::OnBehalfOf => About::Person,
        Term::Principal(Attribute::Tag(key)) => About::Tag(key),
        Term::Principal(Attribute::Agent) => About::Agent,
        Term::Principal(Attribute::Team) => About::Team,
        Term::Principal(Attribute::Deployment) => About::Deployment,
        Term::Principal(Attribute::Ring) => About::Ring,
        _ => return None,
    })
}
