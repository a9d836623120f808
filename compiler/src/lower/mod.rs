//! Rules, whatever language they were written in, become one [`RuleSet`].
//!
//! Each condition is type-checked once per parameter shape that its rule covers, and what it means is interned: two
//! rules that say the same share one [`Condition`]. Text that was lowered before, in this tree or another, is not
//! lowered again. Nothing here knows of diagrams or tables.

pub mod cedar;
mod known;
pub mod rego;
pub mod vocabulary;

mod condition;
mod constants;
mod types;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use polity_runtime::table::ActionId;
use rayon::prelude::*;

use crate::ast::{CedarPolicy, Link, RegoPolicy, RuleEffect, Text};
use crate::diag::codes::cedar::POLICY_CAN_ERR;
use crate::diag::codes::condition::UNGUARDED_OPTIONAL;
use crate::diag::codes::rego::{REGO_NEEDS_ENGINE, REGO_REFUSED};
use crate::diag::{Diagnostic, Sink};
use crate::ir::{Answer, Beyond, Body, Condition, ConditionId, Cover, RuleSet, Typed};
use crate::resolve::shape::ShapeId;
use crate::resolve::{Action, Organization, Rule, Scope};
use crate::source::{FileId, SourceTree};
use crate::table::hash::HashMap;
use cedar::{Lowered, Schema};
pub use known::KnownConditions;
use known::Recall;
use vocabulary::{Vocabulary, VocabularyAction};

/// Lowers every condition, but for those that are known.
pub fn lower(organization: &Organization, tree: &SourceTree, known: &KnownConditions, sink: &mut Sink) -> RuleSet {
    let vocabulary = vocabulary(organization);
    let lowerer = Lowerer {
        organization,
        tree,
        recall: known.recall(&vocabulary),
        data: rego::Folders::new(tree),
        vocabulary: &vocabulary,
    };
    let mut exceptions: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, exception) in organization.exceptions.iter().enumerate() {
        exceptions.entry(exception.to).or_default().push(at);
    }
    let lifted = |at: usize| exceptions.get(&at).map_or(&[][..], Vec::as_slice);
    let drafts: Vec<(BodyDraft, Sink)> = organization
        .rules
        .par_iter()
        .enumerate()
        .map(|(at, rule)| lowerer.rule(rule, lifted(at)))
        .collect();
    let mut interner = Interner::default();
    let mut bodies = Vec::with_capacity(drafts.len());
    for (draft, found) in drafts {
        sink.append(found);
        bodies.push(interner.body(draft));
    }
    let variants = organization.bases.iter().map(|base| {
        let test = |(when, action): &(Option<Text>, ActionId)| {
            when.as_ref().map(|when| {
                let errs = || Arc::new(Condition::Constant(Answer::Error));
                interner.one(lowerer.variant(when, *action, sink).unwrap_or_else(errs))
            })
        };
        base.variants.iter().map(test).collect()
    });
    let variants = variants.collect();
    let mut invariants = Vec::new();
    for invariant in &organization.invariants {
        let when = invariant.when.as_ref();
        let draft = when.and_then(|when| lowerer.condition(when, &invariant.scope, sink));
        invariants.push(draft.map(|draft| interner.typed(draft)));
    }
    RuleSet {
        invariants,
        conditions: interner.conditions,
        bodies,
        variants,
    }
}

/// The Cedar schema of an organisation: what policies of `.cedar` files and conditions are type-checked against.
///
/// # Errors
/// Where Cedar cannot write it.
pub fn cedar_schema(organization: &Organization) -> Result<String, String> {
    cedar::cedar_schema(&vocabulary(organization))
}

/// Everything that a condition can name.
pub fn vocabulary(organization: &Organization) -> Vocabulary {
    let mut tags: Vec<String> = organization
        .agents
        .iter()
        .flat_map(|agent| agent.tags.iter().map(|(key, _)| key.clone()))
        .collect();
    tags.sort();
    tags.dedup();
    let tool = |action: &crate::resolve::Action| organization.tools.get(action.tool.0 as usize);
    Vocabulary {
        deployments: organization.deployments.iter().map(|d| d.name.clone()).collect(),
        agents: organization.agents.iter().map(|a| a.name.value.clone()).collect(),
        teams: organization.teams.iter().map(|t| t.name.value.clone()).collect(),
        rings: organization.rings.iter().map(|r| r.name.clone()).collect(),
        environments: organization.environments.iter().map(|e| e.name.value.clone()).collect(),
        tags,
        data_classes: organization.classes.iter().map(|c| c.name.value.clone()).collect(),
        tools: organization
            .tools
            .iter()
            .filter(|t| t.credential.is_none())
            .map(|t| t.name.clone())
            .collect(),
        actions: organization
            .actions
            .iter()
            .map(|action| VocabularyAction {
                name: action.name.clone(),
                tool: match tool(action) {
                    Some(tool) if tool.credential.is_none() => tool.name.clone(),
                    _ => "credential".to_owned(),
                },
                effect: action.effect,
                external: action.external,
                reversible: action.reversible,
                shape: action.shape,
                has_resources: !action.resources.is_empty(),
                resources: action.resources.iter().map(|resource| resource.parts.clone()).collect(),
            })
            .collect(),
        shapes: organization.shapes.clone(),
        unread: organization.unread.clone(),
    }
}

/// What a condition means for one shape or action.
type Meaning = Arc<Condition>;

/// A condition's meanings before they are interned.
enum Draft {
    ByShape(BTreeMap<ShapeId, Meaning>),
    ByAction(BTreeMap<ActionId, Meaning>),
}

struct BodyDraft {
    when: Option<Draft>,
    unless: Option<Draft>,
    covers: Vec<(Scope, Option<Draft>, Option<i64>)>,
    beyond: Option<Beyond>,
}

struct Lowerer<'l> {
    organization: &'l Organization,
    tree: &'l SourceTree,
    recall: Recall<'l>,
    vocabulary: &'l Vocabulary,
    data: rego::Folders,
}

impl Lowerer<'_> {
    fn rule(&self, rule: &Rule, exceptions: &[usize]) -> (BodyDraft, Sink) {
        let mut sink = Sink::default();
        let mut covers = Vec::new();
        if let Some(except) = &rule.except {
            covers.push((except.clone(), None, None));
        }
        for exception in exceptions.iter().filter_map(|at| self.organization.exceptions.get(*at)) {
            // An exception reaches what it names of what the rule reaches.
            let scope = Scope {
                actions: shared(&exception.scope, &rule.scope),
                ..exception.scope.clone()
            };
            let when = exception
                .when
                .as_ref()
                .and_then(|when| self.condition(when, &scope, &mut sink));
            covers.push((scope, when, Some(exception.until)));
        }
        let mut beyond = None;
        let when = match (&rule.when, &rule.cedar) {
            (Some(when), _) => self.condition(when, &rule.scope, &mut sink),
            (None, Some(policy)) if policy.conditional => self.policy(policy, rule.effect, &rule.scope, &mut sink),
            (None, _) => match &rule.rego {
                Some(policy) => self.rego(policy, rule, &mut beyond, &mut sink),
                None => None,
            },
        };
        let unless = rule.unless.as_ref().and_then(|unless| match &rule.when {
            Some(when) => self.unless(when, unless, &rule.scope, &mut sink),
            None => self.condition(unless, &rule.scope, &mut sink),
        });
        let body = BodyDraft {
            when,
            unless,
            covers,
            beyond,
        };
        (body, sink)
    }

    /// Type-checks a condition for each shape, or each action, that the scope covers. What fails for several in the
    /// same way is said once.
    fn condition(&self, text: &Text, scope: &Scope, sink: &mut Sink) -> Option<Draft> {
        self.recalled(&text.value, scope, sink, |sink| {
            let parsed = cedar::parse(text, self.file(text.span.file)?, sink)?;
            Some(self.typed(&parsed, scope, sink))
        })
    }

    /// The `unless` of a rule with a `when`, which is asked only where that holds: so what the one asks for is there for
    /// the other, and of an action for which it never holds nothing is asked.
    fn unless(&self, when: &Text, unless: &Text, scope: &Scope, sink: &mut Sink) -> Option<Draft> {
        // No condition begins like this.
        let text = format!("unless {}\n{}", when.value, unless.value);
        self.recalled(&text, scope, sink, |sink| {
            let parsed = cedar::parse(unless, self.file(unless.span.file)?, sink)?;
            // What is wrong with it was reported.
            let premise = cedar::parse(when, self.file(when.span.file)?, &mut Sink::default());
            let together = premise.as_ref().map(|premise| parsed.after(premise));
            let mentions = |one: &cedar::Parsed| one.mentions_action() || one.mentions_resource();
            let each_action = mentions(&parsed) || premise.as_ref().is_some_and(mentions);
            let of = |parsed: &cedar::Parsed, action: ActionId| {
                let lowered = cedar::lower(self.schema(), self.vocabulary, parsed, action.0 as usize);
                lowered.map(|Lowered { condition, findings }| (condition, findings))
            };
            let lower = |action: ActionId| match (premise.as_ref().map(|premise| of(premise, action)), &together) {
                (Some(Ok((Condition::Constant(Answer::No), _))), _) => {
                    Ok((Condition::Constant(Answer::No), Vec::new()))
                }
                (Some(Ok(_)), Some(together)) => of(together, action),
                // Nobody knows what it would have asked for.
                _ => of(&parsed, action).map_err(|mut findings| {
                    findings.retain(|found| *found.code != UNGUARDED_OPTIONAL);
                    findings
                }),
            };
            Some(self.drafted(each_action, &lower, scope, sink))
        })
    }

    /// What a text comes to for the actions of a scope, worked out only where it is not known.
    fn recalled(
        &self,
        text: &str,
        scope: &Scope,
        sink: &mut Sink,
        make: impl FnOnce(&mut Sink) -> Option<Draft>,
    ) -> Option<Draft> {
        let covered = self.covered(scope).map(|(id, action)| (id, action.shape));
        if let Some(known) = self.recall.get(text, false, covered) {
            return Some(known);
        }
        let mut found = Sink::default();
        let made = make(&mut found);
        if found.diagnostics().is_empty()
            && let Some(made) = &made
        {
            self.recall.keep(text, false, made);
        }
        sink.append(found);
        made
    }

    /// The actions that a scope takes.
    fn covered(&self, scope: &Scope) -> impl Iterator<Item = (ActionId, &Action)> {
        let all = (0u32..).map(ActionId).zip(&self.organization.actions);
        all.filter(|(id, _)| scope.takes_action(*id))
    }

    fn schema(&self) -> &Schema {
        self.recall.schema(self.vocabulary)
    }

    /// The conditions of a policy of a `.cedar` file, which was parsed before: likewise.
    fn policy(&self, policy: &CedarPolicy, effect: RuleEffect, scope: &Scope, sink: &mut Sink) -> Option<Draft> {
        let named = |link: &Option<Link>| link.as_ref().map(|link| (link.ty.clone(), link.id.value.clone()));
        let links = [&policy.links.principal, &policy.links.resource].map(named);
        // No condition begins like this.
        let text = format!("policy {links:?} {}", policy.text.value);
        self.recalled(&text, scope, sink, |sink| {
            let parsed = cedar::policies::conditions(&policy.text, &policy.links);
            let parsed = parsed.map_err(|finding| sink.push(*finding)).ok()?;
            Some(self.of_policy(&parsed, effect, scope, sink))
        })
    }

    fn of_policy(&self, parsed: &cedar::Parsed, effect: RuleEffect, scope: &Scope, sink: &mut Sink) -> Draft {
        for place in cedar::policies::overflows(parsed) {
            let message = "this overflows where an argument is very large, and the policy errs then";
            let help = match effect {
                RuleEffect::Allow => "a permit that errs grants nothing: compare the argument itself",
                _ => "a forbid that errs holds, as if it matched: compare the argument itself",
            };
            sink.push(Diagnostic::new(&POLICY_CAN_ERR, message, place, "can overflow").with_help(help));
        }
        self.typed(parsed, scope, sink)
    }

    fn typed(&self, parsed: &cedar::Parsed, scope: &Scope, sink: &mut Sink) -> Draft {
        let each_action = parsed.mentions_action() || parsed.mentions_resource();
        let lower = |action: ActionId| {
            let lowered = cedar::lower(self.schema(), self.vocabulary, parsed, action.0 as usize);
            lowered.map(|Lowered { condition, findings }| (condition, findings))
        };
        self.drafted(each_action, &lower, scope, sink)
    }

    /// A rule of a `.rego` file, likewise; `beyond` is what no condition says, where the engine decides it.
    fn rego(&self, policy: &RegoPolicy, rule: &Rule, beyond: &mut Option<Beyond>, sink: &mut Sink) -> Option<Draft> {
        let parsed = rego::Parsed::new(policy, self.tree, &self.data)?;
        let lacking = parsed.lacking();
        if !lacking.is_empty() {
            lacking.into_iter().for_each(|found| sink.push(found));
            return None;
        }
        let whole = OnceCell::new();
        let first = OnceCell::new();
        let lower = |action: ActionId| match rego::lower(self.vocabulary, &parsed, action.0 as usize) {
            Ok(rego::Lowered { condition, findings }) => Ok((condition, findings)),
            Err(rego::Failure::Wrong(findings)) => Err(findings),
            Err(rego::Failure::Outside { span, what }) => {
                let Beyond { span, .. } = *first.get_or_init(|| Beyond {
                    span,
                    what: what.clone(),
                });
                let whole = whole.get_or_init(|| parsed.whole(&rule.name));
                self.kept(whole, action).map_err(|why| {
                    let message = format!("`{}` looks at {what}, which no condition can, and {why}", rule.name);
                    let found = Diagnostic::new(&REGO_REFUSED, message, span, "neither compiled nor kept");
                    vec![found.with_help("say it with comparisons, `in`, `some ... in` and `every` over constants")]
                })
            }
        };
        let draft = self.drafted(parsed.mentions_action(), &lower, &rule.scope, sink);
        *beyond = first.into_inner().filter(|_| whole.get().is_some_and(Result::is_ok));
        if let Some(Beyond { span, what }) = beyond {
            let message = format!("`{}` is decided by the engine: it looks at {what}", rule.name);
            let found = Diagnostic::new(&REGO_NEEDS_ENGINE, message, *span, "no condition of the table");
            sink.push(found.with_help("agents' hosts need the runtime's feature `rego`, or do not load the bundle"));
        }
        Some(draft)
    }

    /// What asks the engine about calls of an action; or why it cannot, as the rest of a sentence.
    fn kept(
        &self,
        whole: &Result<rego::engine::Whole, rego::engine::Unfit>,
        action: ActionId,
    ) -> Result<(Condition, Vec<Diagnostic>), String> {
        let whole = whole.as_ref().map_err(ToString::to_string)?;
        let action = self
            .organization
            .actions
            .get(action.0 as usize)
            .ok_or("reaches no action")?;
        let condition = whole.condition(self.organization, action);
        condition
            .map(|condition| (condition, Vec::new()))
            .map_err(|why| why.to_string())
    }

    /// What a condition means for each shape, or each action.
    fn drafted(&self, each_action: bool, lower: Lower<'_>, scope: &Scope, sink: &mut Sink) -> Draft {
        let mut by_shape = BTreeMap::new();
        let mut by_action = BTreeMap::new();
        let mut failures: Vec<(Diagnostic, Vec<&Action>)> = Vec::new();
        let mut checked: BTreeMap<ShapeId, bool> = BTreeMap::new();
        for (id, action) in self.covered(scope) {
            if !each_action && let Some(passed) = checked.get(&action.shape) {
                if !passed {
                    count(&mut failures, action);
                }
                continue;
            }
            let lowered = lower(id);
            checked.insert(action.shape, lowered.is_ok());
            match lowered {
                Ok((condition, findings)) => {
                    findings
                        .into_iter()
                        .for_each(|finding| fail(&mut failures, finding, action));
                    if each_action {
                        by_action.insert(id, Arc::new(condition));
                    } else {
                        by_shape.insert(action.shape, Arc::new(condition));
                    }
                }
                Err(findings) => findings
                    .into_iter()
                    .for_each(|finding| fail(&mut failures, finding, action)),
            }
        }
        for (diagnostic, actions) in failures {
            sink.push(match actions.as_slice() {
                [first, rest @ ..] => diagnostic.with_related(first.span, covered(&first.name, rest.len())),
                [] => diagnostic,
            });
        }
        if each_action {
            Draft::ByAction(by_action)
        } else {
            Draft::ByShape(by_shape)
        }
    }

    fn variant(&self, text: &Text, action: ActionId, sink: &mut Sink) -> Option<Meaning> {
        let shape = self.organization.actions.get(action.0 as usize)?.shape;
        if let Some(Draft::ByShape(known)) = self.recall.get(&text.value, true, [(action, shape)].into_iter()) {
            return known.into_values().next();
        }
        let mut found = Sink::default();
        let parsed = cedar::parse(text, self.file(text.span.file)?, &mut found);
        let lowered =
            parsed.map(|parsed| cedar::lower_variant_test(self.schema(), self.vocabulary, &parsed, action.0 as usize));
        let (meaning, findings) = match lowered {
            None => (None, Vec::new()),
            Some(Ok(lowered)) => (Some(Arc::new(lowered.condition)), lowered.findings),
            Some(Err(findings)) => (None, findings),
        };
        findings.into_iter().for_each(|finding| found.push(finding));
        if let Some(meaning) = meaning.as_ref().filter(|_| found.diagnostics().is_empty()) {
            let draft = Draft::ByShape(BTreeMap::from([(shape, Arc::clone(meaning))]));
            self.recall.keep(&text.value, true, &draft);
        }
        sink.append(found);
        meaning
    }

    fn file(&self, id: FileId) -> Option<&crate::source::SourceFile> {
        self.tree.file(id)
    }
}

/// Gives the condition for an action, with lints, or says why there is none.
type Lower<'l> = &'l dyn Fn(ActionId) -> Result<(Condition, Vec<Diagnostic>), Vec<Diagnostic>>;

/// For which of the actions that a rule covers its condition fails.
fn covered(first: &str, others: usize) -> String {
    match others {
        0 => format!("for `{first}`, which is declared here"),
        1 => format!("for `{first}`, which is declared here, and another action alike"),
        _ => format!("for `{first}`, which is declared here, and {others} other actions alike"),
    }
}

/// Notes a failure, with the action, beside equal ones.
fn fail<'a>(failures: &mut Vec<(Diagnostic, Vec<&'a Action>)>, diagnostic: Diagnostic, action: &'a Action) {
    let same = |other: &Diagnostic| {
        other.code == diagnostic.code
            && other.primary.as_ref().map(|l| l.span) == diagnostic.primary.as_ref().map(|l| l.span)
    };
    match failures.iter_mut().find(|(other, _)| same(other)) {
        Some((_, actions)) if actions.last().is_some_and(|last| last.name == action.name) => {}
        Some((_, actions)) => actions.push(action),
        None => failures.push((diagnostic, vec![action])),
    }
}

/// Another action of a shape that failed already.
fn count<'a>(failures: &mut [(Diagnostic, Vec<&'a Action>)], action: &'a Action) {
    if let Some((_, actions)) = failures.last_mut() {
        actions.push(action);
    }
}

/// The actions that both scopes take; an absent set is everything.
fn shared(a: &Scope, b: &Scope) -> Option<std::sync::Arc<[ActionId]>> {
    match (&a.actions, &b.actions) {
        (Some(a), Some(b)) => Some(a.iter().filter(|id| b.binary_search(id).is_ok()).copied().collect()),
        (one, None) | (None, one) => one.clone(),
    }
}

/// Gives equal conditions one id.
#[derive(Default)]
struct Interner {
    conditions: Vec<Condition>,
    ids: HashMap<Meaning, ConditionId>,
}

impl Interner {
    fn one(&mut self, meaning: Meaning) -> ConditionId {
        if let Some(id) = self.ids.get(&meaning) {
            return *id;
        }
        let id = ConditionId(u32::try_from(self.conditions.len()).unwrap_or(u32::MAX));
        self.conditions.push((*meaning).clone());
        self.ids.insert(meaning, id);
        id
    }

    fn typed(&mut self, draft: Draft) -> Typed {
        match draft {
            Draft::ByShape(map) => Typed::ByShape(
                map.into_iter()
                    .map(|(shape, condition)| (shape, self.one(condition)))
                    .collect(),
            ),
            Draft::ByAction(map) => Typed::ByAction(
                map.into_iter()
                    .map(|(action, condition)| (action, self.one(condition)))
                    .collect(),
            ),
        }
    }

    fn body(&mut self, draft: BodyDraft) -> Body {
        Body {
            beyond: draft.beyond,
            when: draft.when.map(|draft| self.typed(draft)),
            unless: draft.unless.map(|draft| self.typed(draft)),
            covers: draft
                .covers
                .into_iter()
                .map(|(scope, when, until)| Cover {
                    scope,
                    when: when.map(|when| self.typed(when)),
                    until,
                })
                .collect(),
        }
    }
}
