//! One `.cedar` file to one Policy document: each of its policies a rule, its head a selector.
//!
//! Comes in: the file. Goes out: the document, with a diagnostic for each policy that cannot be read. Cedar's grammar
//! is `lower::cedar`'s; which names exist is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node::Pragma;
use super::scalar;
use super::{Parsed, document};
use crate::ast::{
    Approval, Body, Broken, CedarPolicy, Document, Link, Links, Millis, Policy, Requirement, Rule, RuleEffect,
    Selector, Text,
};
use crate::diag::codes::cedar::{BAD_ANNOTATION, CEDAR_SYNTAX, IMPOSSIBLE_SCOPE, UNKNOWN_ANNOTATION, UNLINKED_SLOT};
use crate::diag::codes::condition::UNKNOWN_ENTITY;
use crate::diag::codes::document::BAD_NAME;
use crate::diag::codes::reference::DUPLICATE_NAME;
use crate::diag::codes::yaml::MALFORMED_PRAGMA;
use crate::diag::{Diagnostic, Sink};
use crate::lower::cedar::policies::{self, Constraint, Entity, Named};
use crate::source::{FileId, SourceFile, Span, Spanned};

/// What an annotation may say.
const ANNOTATIONS: [&str; 4] = ["approval", "id", "reason", "timeout"];

/// Reads a file under its own name.
pub(super) fn file(id: FileId, file: &SourceFile, sink: &mut Sink) -> Parsed {
    let path = file.path.rsplit('/').next().unwrap_or(&file.path);
    let stem = path.strip_suffix(".cedar").unwrap_or(path);
    let first = Span {
        file: id,
        start: 0,
        end: super::first_line(&file.text),
    };
    if !scalar::is_name(stem) {
        let message = format!("`{path}` does not begin with a name: the file's name is the policy's");
        let help = match scalar::to_name(stem) {
            Some(name) => format!("rename it to `{name}.cedar`"),
            None => "lower-case letters, digits and hyphens make a name".to_owned(),
        };
        sink.push(Diagnostic::new(&BAD_NAME, message, first, "").with_help(help));
        let mut parsed = Parsed::default();
        parsed.documents.broken.push(broken(None));
        return parsed;
    }
    let name = Text::new(stem.to_owned(), first);
    read(id, file, &file.path, name, &Links::default(), sink)
}

/// Reads a text as the policy of that name, `links` in place of its slots. `path` settles whose it is.
pub(crate) fn read(id: FileId, file: &SourceFile, path: &str, name: Text, links: &Links, sink: &mut Sink) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rules: Vec<(Text, Rule)> = Vec::new();
    let mut taken: BTreeMap<String, Span> = BTreeMap::new();
    let mut whole = true;
    let places = policies::split(&file.text);
    if places.is_empty() {
        let message = "there is no policy in this file";
        let help = "write one, or remove the file: who reads its name takes it for a rule";
        sink.push(Diagnostic::new(&CEDAR_SYNTAX, message, name.span, "").with_help(help));
    }
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    for (number, place) in (1..).zip(&places) {
        let span = Span {
            file: id,
            start: narrow(place.start),
            end: narrow(place.end),
        };
        let text = Text::new(file.text.get(place.clone()).unwrap_or_default().to_owned(), span);
        let mut reader = Reader {
            keyword: span,
            links,
            sink,
        };
        let Some((own, rule)) = reader.policy(text, number) else {
            whole = false;
            continue;
        };
        if let Some(before) = taken.get(&own.value) {
            let message = format!("`{}` is taken: another policy of the file has that name", own.value);
            let found = Diagnostic::new(&DUPLICATE_NAME, message, own.span, "the second one");
            sink.push(found.with_related(*before, "the first one is here"));
            whole = false;
            continue;
        }
        taken.insert(own.value.clone(), own.span);
        rules.push((own, rule));
    }
    parsed.pragmas = pragmas(id, &file.text, &rules, sink);
    if !whole {
        // What a broken one is called is unknown: whoever refers to it is not told so.
        parsed.documents.broken.push(broken(Some(name.value.clone())));
    }
    parsed.documents.documents.push(Arc::new(Document {
        file: id,
        span: Span {
            file: id,
            start: 0,
            end: narrow(file.text.len()),
        },
        name: Some(name),
        team: document::team_of(path).map(str::to_owned),
        body: Body::Policy(Policy {
            description: None,
            scope: Selector::default(),
            rules,
            unread: Vec::new(),
        }),
    }));
    parsed
}

fn broken(name: Option<String>) -> Broken {
    Broken {
        kind: Some("Policy".to_owned()),
        name,
    }
}

struct Reader<'r> {
    /// Where the policy at hand says what it does.
    keyword: Span,
    links: &'r Links,
    sink: &'r mut Sink,
}

impl Reader<'_> {
    /// One policy, with its name: its `@id`, or else its place in the file.
    fn policy(&mut self, text: Text, number: usize) -> Option<(Text, Rule)> {
        let policy = policies::read(&text).map_err(|found| self.sink.push(*found)).ok()?;
        self.keyword = policy.keyword;
        let mut annotations = Annotations::default();
        for (name, value, span) in &policy.annotations {
            self.annotation(name, value.as_deref(), *span, &mut annotations);
        }
        let approval = match (annotations.require.take(), annotations.timeout) {
            (Some((span, require)), timeout) => Some(Approval {
                span,
                require,
                timeout,
                separation: None,
                evidence: None,
            }),
            (None, Some(timeout)) if !annotations.broken => {
                let message = "`@timeout` says how long people are asked, and nobody is";
                let help = "add `@approval(\"security:1\")`, or remove it";
                self.bad(timeout.span, message, help);
                annotations.broken = true;
                None
            }
            (None, _) => None,
        };
        let effect = match (policy.forbids, approval.is_some()) {
            (false, _) => RuleEffect::Allow,
            (true, true) => RuleEffect::RequireApproval,
            (true, false) => RuleEffect::Deny,
        };
        let mut selector = Selector {
            span: Some(text.span),
            ..Selector::default()
        };
        let principal = self.principal(&policy.principal, &mut selector);
        let actions = self.actions(policy.actions.as_deref());
        let resource = self.resource(&policy.resource, &mut selector);
        // What it says of approvals, or whom it is about, is unknown: nothing is made of it.
        let (Some(()), Some(actions), Some(touched), false) = (principal, actions, resource, annotations.broken) else {
            return None;
        };
        let names_resource = !matches!(touched, Touched::Any);
        let name = annotations
            .id
            .unwrap_or_else(|| Text::new(format!("policy-{number}"), policy.keyword));
        let rule = Rule {
            span: policy.keyword,
            description: None,
            effect: Some(Spanned::new(effect, policy.keyword)),
            selector,
            except: None,
            when: None,
            unless: None,
            cedar: Some(CedarPolicy {
                text,
                actions,
                exact: policy.exact,
                names_resource,
                within: match touched {
                    Touched::In(ty) => Some(ty),
                    Touched::Any | Touched::Named => None,
                },
                conditional: policy.conditional || names_resource,
                links: self.links.clone(),
            }),
            rego: None,
            approval,
            limit: None,
            expires: None,
            observe_until: None,
            reason: annotations.reason,
        };
        // A decision shows where the rule stands: at the word that says what it does.
        Some((Text::new(name.value, policy.keyword), rule))
    }

    fn annotation(&mut self, name: &str, value: Option<&str>, span: Span, into: &mut Annotations) {
        if !ANNOTATIONS.contains(&name) {
            let message = format!("there is no annotation `@{name}`");
            let found = Diagnostic::new(&UNKNOWN_ANNOTATION, message, span, "says nothing to anybody");
            let near = crate::diag::nearest(name, ANNOTATIONS).map(|near| format!("did you mean `@{near}`?"));
            let all = || format!("there are {}", ANNOTATIONS.map(|name| format!("`@{name}`")).join(", "));
            self.sink.push(found.with_help(near.unwrap_or_else(all)));
            into.broken = true;
            return;
        }
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
            let message = format!("`@{name}` says nothing");
            self.bad(span, &message, "write its value in parentheses and double quotes");
            into.broken = true;
            return;
        };
        let text = Text::new(value.to_owned(), span);
        match name {
            "id" if scalar::is_name(value) => into.id = Some(text),
            "id" => {
                let message = format!("`{value}` is no name for a rule");
                let help = match scalar::to_name(value) {
                    Some(name) => format!("write `@id(\"{name}\")`"),
                    None => "lower-case letters, digits and hyphens make a name".to_owned(),
                };
                self.bad(span, &message, &help);
                into.broken = true;
            }
            "reason" => into.reason = Some(text),
            "timeout" => match scalar::duration(value) {
                Ok(timeout) => into.timeout = Some(Spanned::new(timeout, span)),
                Err(_) => {
                    let message = format!("`{value}` is no length of time that somebody can be asked for");
                    self.bad(span, &message, "write `90s`, `15m`, `2h` or `7d`");
                    into.broken = true;
                }
            },
            _ => match requirements(value, span) {
                Some(require) => into.require = Some((span, require)),
                None => {
                    let message = format!("`{value}` does not say whose approval it takes, and how many of them");
                    let help = "write `@approval(\"security:1\")`, `\"team-owners:1, security:2\"` for both, or `\"alice|bob:1\"` for either";
                    self.bad(span, &message, help);
                    into.broken = true;
                }
            },
        }
    }

    fn bad(&mut self, span: Span, message: &str, help: &str) {
        let found = Diagnostic::new(&BAD_ANNOTATION, message, span, "");
        self.sink.push(found.with_help(help));
    }

    /// The principal of a head as selectors.
    fn principal(&mut self, constraint: &Constraint, selector: &mut Selector) -> Option<()> {
        self.is(constraint, "Deployment", "principal")?;
        let Some(entity) = self.named(constraint, "principal", self.links.principal.clone())? else {
            return Some(());
        };
        let list = match (entity.ty.as_str(), constraint.within) {
            ("Deployment", _) => &mut selector.agents,
            ("Agent", true) => &mut selector.agents,
            ("Team", true) => &mut selector.teams,
            ("Ring", true) => &mut selector.rings,
            (ty @ ("Agent" | "Team" | "Ring"), false) => {
                let message = format!(
                    "a principal is a deployment: it is in a {}, and never is one",
                    ty.to_lowercase()
                );
                let help = format!("write `principal in {}::\"{}\"`", entity.ty, entity.id.value);
                self.sink
                    .push(Diagnostic::new(&IMPOSSIBLE_SCOPE, message, entity.span, "never equal").with_help(help));
                return None;
            }
            _ => {
                return self.impossible(
                    &entity,
                    "principal",
                    "an `Agent`, a `Team` or a `Ring`, or is a `Deployment`",
                );
            }
        };
        *list = Some(vec![entity.id.clone()]);
        let deployed = |id: &str| matches!(id.split_once('/'), Some((team, agent)) if scalar::is_name(team) && scalar::is_name(agent));
        let spelled = match entity.ty.as_str() {
            "Deployment" => deployed(&entity.id.value),
            _ => scalar::is_name(&entity.id.value),
        };
        self.spelled(&entity, spelled)
    }

    /// The actions of a head, by name.
    fn actions(&mut self, actions: Option<&[Entity]>) -> Option<Option<Vec<Text>>> {
        let Some(actions) = actions else { return Some(None) };
        for entity in actions {
            if entity.ty != "Action" {
                return self.impossible(entity, "action", "an `Action`");
            }
        }
        Some(Some(actions.iter().map(|entity| entity.id.clone()).collect()))
    }

    /// The environment of a head as a selector; what it says of the resource.
    fn resource(&mut self, constraint: &Constraint, selector: &mut Selector) -> Option<Touched> {
        self.is(constraint, "Resource", "resource")?;
        let Some(entity) = self.named(constraint, "resource", self.links.resource.clone())? else {
            return Some(Touched::Any);
        };
        match (entity.ty.as_str(), constraint.within) {
            ("Resource", _) => Some(Touched::Named),
            ("Environment", true) => {
                selector.environments = Some(vec![entity.id.clone()]);
                self.spelled(&entity, scalar::is_name(&entity.id.value))?;
                Some(Touched::Any)
            }
            ("Environment", false) => {
                let message = "a resource is in an environment, and never is one";
                let help = format!("write `resource in Environment::\"{}\"`", entity.id.value);
                self.sink
                    .push(Diagnostic::new(&IMPOSSIBLE_SCOPE, message, entity.span, "never equal").with_help(help));
                None
            }
            ("Action" | "Agent" | "Deployment" | "Ring" | "Team", _) => {
                self.impossible(&entity, "resource", "an `Environment`, or is a `Resource`")
            }
            // A type that a tool may declare of what its resources are in: whether one does is known later.
            _ => Some(Touched::In(Text::new(entity.ty.clone(), entity.span))),
        }
    }

    /// What stands after `==` or `in`, a slot filled in.
    fn named(&mut self, constraint: &Constraint, what: &str, link: Option<Link>) -> Option<Option<Entity>> {
        match (&constraint.entity, link) {
            (None, _) => Some(None),
            (Some(Named::Entity(entity)), _) => Some(Some(entity.clone())),
            (Some(Named::Slot(_)), Some(link)) => Some(Some(Entity {
                ty: link.ty,
                id: link.id,
                span: link.span,
            })),
            (Some(Named::Slot(span)), None) => {
                let message = format!("nothing stands for `?{what}`");
                let help = "a policy with slots is a template: it stands under `templates/`, and a Use fills them in";
                self.sink
                    .push(Diagnostic::new(&UNLINKED_SLOT, message, *span, "a slot").with_help(help));
                None
            }
        }
    }

    /// `principal is TYPE`: of the one type that there is, it says nothing; of any other it never holds.
    fn is(&mut self, constraint: &Constraint, always: &str, what: &str) -> Option<()> {
        let Some(ty) = constraint.is.as_ref().filter(|ty| *ty != always) else {
            return Some(());
        };
        let span = match &constraint.entity {
            Some(Named::Entity(entity)) => entity.span,
            Some(Named::Slot(span)) => *span,
            None => self.keyword,
        };
        let message = format!("a {what} is always a `{always}`, and never a `{ty}`");
        let help = format!("write `{what} in {ty}::\"...\"`, or leave `is` out");
        self.sink
            .push(Diagnostic::new(&IMPOSSIBLE_SCOPE, message, span, "").with_help(help));
        None
    }

    fn impossible<T>(&mut self, entity: &Entity, what: &str, is: &str) -> Option<T> {
        let message = format!("the {what} of a call is never a `{}`, nor in one", entity.ty);
        let help = format!("it is in {is}");
        self.sink
            .push(Diagnostic::new(&IMPOSSIBLE_SCOPE, message, entity.span, "never holds").with_help(help));
        None
    }

    /// Selectors take patterns, and entities are no patterns: an id that no name can be is refused here.
    fn spelled(&mut self, entity: &Entity, spelled: bool) -> Option<()> {
        if spelled {
            return Some(());
        }
        let noun = entity.ty.to_lowercase();
        let message = format!("there is no {noun} `{}`", entity.id.value);
        let found = Diagnostic::new(&UNKNOWN_ENTITY, message, entity.span, format!("no such {noun}"));
        self.sink
            .push(found.with_help("an entity is named in full: it takes no pattern"));
        None
    }
}

/// What a head says of the resource, beside its environment.
enum Touched {
    /// Nothing.
    Any,
    /// It is one that is named.
    Named,
    /// It is in something of that type.
    In(Text),
}

/// What the annotations of one policy say.
#[derive(Default)]
struct Annotations {
    id: Option<Text>,
    reason: Option<Text>,
    require: Option<(Span, Vec<Requirement>)>,
    timeout: Option<Spanned<Millis>>,
    /// One of them could not be read.
    broken: bool,
}

/// `security:1, alice|bob:1`: so many from these, and so many from those.
pub(super) fn requirements(value: &str, span: Span) -> Option<Vec<Requirement>> {
    let one = |part: &str| {
        let (from, count) = part.trim().rsplit_once(':')?;
        let count: i64 = count.trim().parse().ok().filter(|count| *count > 0)?;
        let from: Vec<Text> = from
            .split('|')
            .map(|name| scalar::is_name(name.trim()).then(|| Text::new(name.trim().to_owned(), span)))
            .collect::<Option<_>>()?;
        Some(Requirement {
            span,
            from,
            count: Some(Spanned::new(count, span)),
        })
    };
    value.split(',').map(one).collect()
}

/// `// polity: allow CODE reason` above a policy.
fn pragmas(id: FileId, text: &str, rules: &[(Text, Rule)], sink: &mut Sink) -> Vec<Pragma> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some(comment) = line.trim().strip_prefix("//") else {
            continue;
        };
        let Some(body) = comment.trim().strip_prefix("polity:") else {
            continue;
        };
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let indent = line.len() - line.trim_start().len();
        let span = Span {
            file: id,
            start: narrow(start + indent),
            end: narrow(start + line.trim_end().len()),
        };
        // The policy that begins on the next line that is no comment.
        let below = text
            .get(at..)
            .unwrap_or("")
            .split_inclusive('\n')
            .try_fold(at, |at, line| match line.trim_start().starts_with("//") {
                true => Ok(at + line.len()),
                false => Err(at + line.len() - line.trim_start().len()),
            });
        let below = narrow(below.unwrap_or_else(|at| at));
        let covers = rules
            .iter()
            .filter_map(|(_, rule)| rule.cedar.as_ref())
            .find(|policy| policy.text.span.start == below)
            .map(|policy| policy.text.span);
        let mut words = body.split_whitespace();
        let (verb, code) = (words.next(), words.next());
        let reason = words.collect::<Vec<_>>().join(" ");
        match (verb, code, covers) {
            (Some("allow"), Some(code), Some(covers)) if !reason.is_empty() => found.push(Pragma {
                span,
                code: code.to_owned(),
                reason,
                covers,
            }),
            _ => sink.push(
                Diagnostic::new(&MALFORMED_PRAGMA, "a `polity:` comment that silences nothing", span, "")
                    .with_help("write `// polity: allow CODE reason` on a line of its own, right above a policy"),
            ),
        }
    }
    found
}
