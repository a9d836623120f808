//! Tests of policies: every case with its defaults filled in, and every name in it looked up.
//!
//! A name that nothing has is an error: a call that nobody can make is denied, and a test that expects so would
//! pass for ever. It is none where the case asks for that very refusal, as `code: unknown-agent` does. Nothing here
//! decides anything.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Names, look_up};
use super::people::sorted;
use super::{Asking, Case, Matrix, Organization, Suite};
use crate::ast::{self, Body, Documents, TestDefaults, Text};
use crate::diag::codes::reference::{
    MATCHES_NOTHING_HERE, UNKNOWN_ACTION, UNKNOWN_AGENT, UNKNOWN_CLASS, UNKNOWN_ENVIRONMENT, UNKNOWN_PERSON,
    UNKNOWN_RULE,
};
use crate::diag::codes::suite::TOO_MANY_CELLS;
use crate::diag::{Diagnostic, Sink};

/// The most cells that the matrices of a repository may have: a thousand deployments in four environments with 250
/// actions each. Picked by gut feeling; a few lines of YAML could ask for more calls than anybody will wait for.
pub const MAX_CELLS: u64 = 1_000_000;

pub(super) fn resolve(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    let written = sorted(documents, |b| if let Body::Test(t) = b { Some(t) } else { None });
    if written.is_empty() {
        return;
    }
    let callable = organization.bases.iter().map(|base| base.name.as_str());
    let plain = organization.actions.iter().filter(|action| action.name == action.base);
    let callable: BTreeSet<&str> = callable.chain(plain.map(|action| action.name.as_str())).collect();
    let mut resolver = Resolver {
        names,
        organization,
        callable,
        team: None,
        cells: 0,
        sink,
    };
    let suites = written
        .into_iter()
        .map(|(name, document, test)| {
            resolver.team = document.team.as_deref();
            resolver.suite(name, test)
        })
        .collect();
    organization.suites = suites;
}

struct Resolver<'r> {
    names: &'r Names,
    organization: &'r Organization,
    /// Every action that a call can name.
    callable: BTreeSet<&'r str>,
    /// The team under whose folder the document stands.
    team: Option<&'r str>,
    /// Cells of all matrices so far.
    cells: u64,
    sink: &'r mut Sink,
}

impl Resolver<'_> {
    fn suite(&mut self, name: &Text, test: &ast::Test) -> Suite {
        let cases = test.cases.iter();
        let cases = cases.filter_map(|case| self.case(case, &test.defaults)).collect();
        let matrices = test.matrix.iter();
        Suite {
            name: name.clone(),
            cases,
            matrices: matrices
                .filter_map(|matrix| self.matrix(matrix, &test.defaults))
                .collect(),
        }
    }

    /// A case that is complete; what another lacks was reported.
    fn case(&mut self, case: &ast::TestCase, defaults: &TestDefaults) -> Option<Case> {
        let own = &case.request;
        let agent = own.agent.as_ref().or(defaults.agent.as_ref());
        let environment = own.environment.as_ref().or(defaults.environment.as_ref());
        let action = own.action.as_ref().or(defaults.action.as_ref());
        // The steps of a decision come in this order: one that ends before a name is looked at says nothing of it.
        let code = case.code.as_ref().map_or("", |code| code.value.as_str());
        let (agents, environments, actions) = match code {
            "unknown-agent" => (false, false, false),
            "unknown-environment" => (true, false, false),
            "unknown-action" => (true, true, false),
            _ => (true, true, true),
        };
        if let Some(agent) = agent.filter(|_| agents) {
            self.agent(agent);
        }
        if let Some(environment) = environment.filter(|_| environments) {
            self.environment(environment);
        }
        if let Some(action) = action.filter(|_| actions) {
            self.action(action);
        }
        if let Some(rule) = &case.rule {
            self.rule(rule);
        }
        let asking = self.asking(own, defaults);
        Some(Case {
            span: case.span,
            name: case.name.as_ref().map(|name| name.value.clone()),
            agent: agent?.value.clone(),
            environment: environment?.value.clone(),
            action: action?.value.clone(),
            asking: asking?,
            expect: case.expect?.value,
            rule: case.rule.as_ref().map(|rule| rule.value.clone()),
            code: case.code.as_ref().map(|code| code.value.clone()),
        })
    }

    fn matrix(&mut self, matrix: &ast::TestMatrix, defaults: &TestDefaults) -> Option<Matrix> {
        matrix.agents.iter().for_each(|agent| self.agent(agent));
        matrix.environments.iter().for_each(|one| self.environment(one));
        matrix.actions.iter().for_each(|action| self.action(action));
        let asking = self.asking(&matrix.request, defaults)?;
        self.count(matrix)?;
        let expect = matrix.expect.iter();
        Some(Matrix {
            span: matrix.span,
            agents: each_once(&matrix.agents),
            environments: each_once(&matrix.environments),
            actions: each_once(&matrix.actions),
            asking,
            expect: expect
                .map(|(cell, answer)| (cell.value.clone(), (answer.value, cell.span)))
                .collect(),
        })
    }

    /// Adds up the cells as they are written; `None` from the matrix on that is one too many.
    fn count(&mut self, matrix: &ast::TestMatrix) -> Option<()> {
        let within = self.cells <= MAX_CELLS;
        let axes = [&matrix.agents, &matrix.environments, &matrix.actions];
        let cells = axes.iter().fold(1, |cells: u64, axis| {
            cells.saturating_mul(u64::try_from(axis.len()).unwrap_or(u64::MAX))
        });
        self.cells = self.cells.saturating_add(cells);
        if self.cells <= MAX_CELLS {
            return Some(());
        }
        if within {
            let message = format!("the matrices of this repository have more than {MAX_CELLS} cells");
            let help = "name fewer agents, environments or actions";
            self.sink
                .push(Diagnostic::new(&TOO_MANY_CELLS, message, matrix.span, "too much to ask").with_help(help));
        }
        None
    }

    /// What is asked beside agent, environment and action: the case's own, else the default.
    fn asking(&mut self, own: &TestDefaults, defaults: &TestDefaults) -> Option<Asking> {
        let holding = own.holding.as_ref().or(defaults.holding.as_ref());
        for class in holding.into_iter().flatten() {
            look_up(&self.names.classes, class, "data class", &UNKNOWN_CLASS, self.sink);
        }
        let person = own.on_behalf_of.as_ref().or(defaults.on_behalf_of.as_ref());
        if let Some(person) = person {
            look_up(&self.names.people, person, "person", &UNKNOWN_PERSON, self.sink);
        }
        let args = own.args.as_ref().or(defaults.args.as_ref());
        let entities = own.entities.as_ref().or(defaults.entities.as_ref());
        Some(Asking {
            args: args.map_or_else(|| "{}".to_owned(), |args| args.value.clone()),
            entities: entities.map(|entities| entities.value.clone()),
            holding: holding.into_iter().flatten().map(|class| class.value.clone()).collect(),
            on_behalf_of: person.map(|person| person.value.clone()),
            now: own.now.or(defaults.now)?.value,
        })
    }

    fn agent(&mut self, written: &Text) {
        let deployments = &self.organization.deployments;
        let name = written.value.as_str();
        let known = deployments.binary_search_by(|deployment| deployment.name.as_str().cmp(name));
        if known.is_err() {
            if self.organization.unread.may_be("Deployment", name) {
                return;
            }
            let message = format!("no deployment is called `{name}`");
            let mut found = Diagnostic::new(&UNKNOWN_AGENT, message, written.span, "");
            let same = deployments.iter().map(|deployment| deployment.name.as_str());
            found = match same
                .clone()
                .find(|other| other.rsplit_once('/').is_some_and(|(_, other)| other == name))
            {
                Some(full) => found.with_replacement(format!("write its team too: `{full}`"), written.span, full),
                None => found.with_suggestion(name, written.span, same),
            };
            self.sink.push(found);
            return;
        }
        let owner = name.split_once('/').map(|(team, _)| team);
        if let Some(team) = self.team.filter(|team| owner != Some(*team)) {
            let message = format!("`{name}` is none of `{team}`'s deployments");
            let help = format!("a file under `teams/{team}/` reaches that team's deployments alone");
            self.sink
                .push(Diagnostic::new(&MATCHES_NOTHING_HERE, message, written.span, "").with_help(help));
        }
    }

    fn environment(&mut self, written: &Text) {
        look_up(
            &self.names.environments,
            written,
            "environment",
            &UNKNOWN_ENVIRONMENT,
            self.sink,
        );
    }

    fn action(&mut self, written: &Text) {
        let name = written.value.as_str();
        let tool = name.split_once('.').map_or("", |(tool, _)| tool);
        let credentials = tool == "credential" && self.names.credentials.any_broken();
        if self.callable.contains(name) || self.names.tools.is_broken(tool) || credentials {
            return;
        }
        let found = Diagnostic::new(
            &UNKNOWN_ACTION,
            format!("no tool has an action `{name}`"),
            written.span,
            "",
        );
        let found = match name.split_once('/') {
            // What the call is taken as is what its arguments settle.
            Some((base, _)) if self.callable.contains(base) => found.with_replacement(
                "a call names the action; its arguments tell the variant",
                written.span,
                base,
            ),
            _ if self.names.written.contains(name) => return,
            _ => found.with_suggestion(name, written.span, self.callable.iter().copied()),
        };
        self.sink.push(found);
    }

    fn rule(&mut self, written: &Text) {
        let rules = &self.organization.rules;
        let name = written.value.as_str();
        let policy = name.split_once('/').map_or("", |(policy, _)| policy);
        let known = rules.binary_search_by(|rule| rule.name.as_str().cmp(name)).is_ok();
        if known || self.names.policies.is_broken(policy) || self.names.written.contains(name) {
            return;
        }
        let found = Diagnostic::new(&UNKNOWN_RULE, format!("no rule is called `{name}`"), written.span, "");
        self.sink
            .push(found.with_suggestion(name, written.span, rules.iter().map(|rule| rule.name.as_str())));
    }
}

/// The entries of an axis in their order: one that is written twice has one cell.
fn each_once(axis: &[Text]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    axis.iter()
        .filter(|entry| seen.insert(entry.value.as_str(), ()).is_none())
        .map(|entry| entry.value.clone())
        .collect()
}
