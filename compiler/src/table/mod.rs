//! [`RuleSet`] to [`Table`]: guards, cells, fragments and placements, in canonical order.
//!
//! The product of agents, environments and actions is never made. A placement's rules are sifted by tool into a
//! *signature*; placements with equal signatures for a tool share a fragment, and its cells are made once.

#![allow(missing_docs, reason = "fields and variants that are named for what they are")]

mod cells;
pub mod diagram;
mod emit;
mod guards;
pub(crate) mod hash;
mod part;
mod specialise;
mod steps;

use std::collections::BTreeMap;

use polity_runtime::manifest::Scope;
use polity_runtime::table::{Admission, CellId, ClassId, NONE, Table, TableData, ToolId, record, split};
use polity_runtime::value::Effect;

use crate::ast::{Evidence, RuleEffect};
use crate::diag::codes::condition::CONDITION_TOO_LARGE;
use crate::diag::codes::source::TREE_TOO_LARGE;
use crate::diag::{Diagnostic, Sink};
use crate::ir::RuleSet;
use crate::resolve::shape::{Parameter, Shape, Type};
use crate::resolve::{Approval, Organization, TeamId};
use crate::source::SourceTree;
use cells::{Cells, EntryDraft};
use diagram::{Diagram, Diagrams};
use emit::{Emitter, Full, count};
pub(crate) use guards::premise;
use hash::HashMap;
use part::Kept;

/// Builds the table. Gives `None`, with a diagnostic, where a guard or the table is too large.
pub fn build(organization: &Organization, rules: &RuleSet, tree: &SourceTree, sink: &mut Sink) -> Option<Table> {
    emit(organization, rules, tree, None, sink)
}

/// Builds the table of a part of the organisation: its rows of the whole table, and what they lead to.
pub fn build_part(
    organization: &Organization,
    rules: &RuleSet,
    tree: &SourceTree,
    scope: &Scope,
    sink: &mut Sink,
) -> Option<Table> {
    emit(organization, rules, tree, Some(scope), sink)
}

fn emit(
    organization: &Organization,
    rules: &RuleSet,
    tree: &SourceTree,
    scope: Option<&Scope>,
    sink: &mut Sink,
) -> Option<Table> {
    let mut cells = match cells::make(organization, rules) {
        Ok(cells) => cells,
        Err(too_large) => {
            for at in too_large {
                if let Some(rule) = organization.rules.get(at) {
                    let message = format!("the condition of `{}` is too large to decide quickly", rule.name);
                    let help = "split the rule into several, each with a part of the condition";
                    let span = rule
                        .when
                        .as_ref()
                        .or(rule.unless.as_ref())
                        .or(rule.cedar.as_ref().map(|policy| &policy.text))
                        .map_or(rule.span, |text| text.span);
                    sink.push(Diagnostic::new(&CONDITION_TOO_LARGE, message, span, "").with_help(help));
                }
            }
            return None;
        }
    };
    let kept = match scope {
        None => Kept::all(organization),
        Some(scope) => Kept::part(organization, scope, &mut cells),
    };
    let writer = Writer {
        organization,
        kept,
        tree,
        emitter: Emitter::new(organization.classes.iter().map(|c| c.name.value.clone())),
    };
    let table = writer.write(cells).ok().and_then(|data| Table::new(data).ok());
    if table.is_none() {
        let message = "the organisation is larger than a bundle can hold";
        sink.push(
            Diagnostic::without_place(&TREE_TOO_LARGE, message).with_help("build parts of the organisation apart"),
        );
    }
    table
}

/// The table with one cell that denies just where a diagram says yes or errs, and decides nothing else: so that the
/// runtime itself says of a call what a condition that is in no rule comes to.
pub(crate) fn probe(table: &Table, diagrams: &Diagrams, at: Diagram, cell: CellId) -> Option<Table> {
    let classes = (0u32..)
        .zip(&table.data().classes)
        .map(|(id, _)| table.class_name(ClassId(id)).to_owned());
    let mut emitter = Emitter::after(table.data().clone(), classes);
    let guards = emitter.guards(diagrams, &[at]).ok()?;
    let guard = guards.get(&at)?.0;
    let mut data = emitter.data;
    let only = count(&data.entries).ok()?;
    data.entries.push([0, guard, NONE]);
    let [counts, more] = record::cell::counts([1, 0, 0, 0], false);
    *data.cells.get_mut(cell.0 as usize)? = [only, only, only, only, counts, more];
    Table::new(data).ok()
}

struct Writer<'w> {
    organization: &'w Organization,
    kept: Kept<'w>,
    tree: &'w SourceTree,
    emitter: Emitter,
}

impl Writer<'_> {
    fn write(mut self, cells: Cells) -> Result<TableData, Full> {
        let roots: Vec<Diagram> = cells.roots();
        let guards = self.emitter.guards(&cells.diagrams, &roots)?;
        let guard = |diagram: Diagram| guards.get(&diagram).map_or(u32::MAX, |guard| guard.0);
        let emitter = &self.emitter;
        self.kept.people(&cells, |name| emitter.has(name));
        self.root()?;
        self.names()?;
        self.tools(&cells, &guard)?;
        self.deployments(&cells)?;
        self.rules()?;
        let approvals = self.approvals(&cells)?;
        self.cells(&cells, &guard, &approvals)?;
        Ok(self.finish())
    }

    fn root(&mut self) -> Result<(), Full> {
        let kept = &self.kept;
        for kill in self.organization.kills.iter().filter(|kill| kept.kill(kill)) {
            let record = [
                self.emitter.string(&kill.name.value)?,
                self.emitter.string(&kill.reason)?,
            ];
            self.emitter.data.kills.push(record);
        }
        let name = self.emitter.string(&self.organization.name)?;
        let everything = self.kill(|kill| kill.everything);
        let whole = u32::from(self.kept.is_whole());
        self.emitter.data.organization.push([name, everything, whole, 0]);
        Ok(())
    }

    /// The first kill that covers something, or [`NONE`].
    fn kill(&self, covers: impl Fn(&crate::resolve::Kill) -> bool) -> u32 {
        (0u32..)
            .zip(self.organization.kills.iter().filter(|kill| self.kept.kill(kill)))
            .find(|(_, kill)| covers(kill))
            .map_or(NONE, |(id, _)| id)
    }

    fn names(&mut self) -> Result<(), Full> {
        let organization = self.organization;
        for (id, environment) in (0u32..).zip(&organization.environments) {
            if self.kept.environment(id).is_none() {
                continue;
            }
            let rank = u32::try_from(environment.rank).unwrap_or(u32::MAX);
            let kill = self.kill(|kill| kill.environments.iter().any(|killed| killed.0 == id));
            let name = self.emitter.string(&environment.name.value)?;
            self.emitter.data.environments.push([name, rank, kill]);
        }
        for ring in &organization.rings {
            let name = self.emitter.string(&ring.name)?;
            let level = u32::try_from(ring.level).unwrap_or(u32::MAX);
            let per = u32::try_from(ring.rate.per.0).unwrap_or(u32::MAX);
            self.emitter
                .data
                .rings
                .push([name, level, ring.rate.count, per, ring.burst, ring.concurrent]);
        }
        for class in &organization.classes {
            let name = self.emitter.string(&class.name.value)?;
            self.emitter.data.classes.push([name]);
        }
        for (id, person) in (0u32..).zip(&organization.people) {
            if self.kept.person(id).is_none() {
                continue;
            }
            let name = self.emitter.string(&person.name.value)?;
            self.emitter.data.people.push([name]);
        }
        Ok(())
    }

    /// Tools, their actions, and the parameters of each shape once.
    fn tools(&mut self, cells: &Cells, guard: &dyn Fn(Diagram) -> u32) -> Result<(), Full> {
        let organization = self.organization;
        for (id, tool) in (0u32..).zip(&organization.tools) {
            let name = self.emitter.string(&tool.name)?;
            let kill = self.kill(|kill| kill.tools.iter().any(|killed| killed.0 == id));
            let flags = u32::from(tool.strict) * record::tool::STRICT
                + u32::from(tool.credential.is_some()) * record::tool::CREDENTIAL;
            self.emitter
                .data
                .tools
                .push([name, tool.first_action, tool.action_count, kill, flags]);
        }
        let mut shapes = Vec::new();
        for shape in &organization.shapes {
            shapes.push(self.shape(shape)?);
        }
        let shape_of = |id: u32| shapes.get(id as usize).copied().unwrap_or((0, 0, 0));
        for (at, action) in organization.actions.iter().enumerate() {
            let name = self.emitter.string(&action.name)?;
            let tool = organization.tools.get(action.tool.0 as usize);
            let ordinal = at.checked_sub(tool.map_or(0, |tool| tool.first_action as usize));
            let ordinal = ordinal.and_then(|ordinal| u32::try_from(ordinal).ok());
            let ordinal = ordinal
                .filter(|ordinal| *ordinal <= record::action::MAX_ORDINAL)
                .ok_or(Full)?;
            let effect = match action.effect {
                Effect::Read => 0,
                Effect::Write => 1,
                Effect::Destructive => 2,
            };
            let flags = effect
                + u32::from(action.external) * record::action::EXTERNAL
                + u32::from(action.reversible) * record::action::REVERSIBLE
                + (ordinal << record::action::ORDINAL);
            let (first, many, slots) = shape_of(action.shape.0);
            let reads: Vec<u32> = action.reads.iter().map(|class| class.0).collect();
            let read_count = count(&reads)?;
            let reads = self.emitter.list(reads)?;
            let credential = tool.and_then(|tool| tool.credential.as_ref());
            let [low, high] = split(credential.map_or(0, |credential| credential.max_ttl.0));
            self.emitter.data.actions.push([
                name,
                action.tool.0,
                flags,
                first,
                many,
                slots,
                0,
                0,
                reads,
                read_count,
                low,
                high,
            ]);
        }
        for (base, tests) in organization.bases.iter().zip(&cells.variants) {
            let name = self.emitter.string(&base.name)?;
            let (first, many, slots) = shape_of(base.shape.0);
            let variants = count(&self.emitter.data.variants)?;
            for ((_, action), test) in base.variants.iter().zip(tests) {
                self.emitter.data.variants.push([guard(*test), action.0]);
            }
            let variant_count = count(&base.variants)?;
            self.emitter.data.actions.push([
                name,
                base.tool.0,
                0,
                first,
                many,
                slots,
                variants,
                variant_count,
                0,
                0,
                0,
                0,
            ]);
        }
        Ok(())
    }

    /// A shape's parameters: the first top-level record, how many, and how many slots.
    fn shape(&mut self, shape: &Shape) -> Result<(u32, u32, u32), Full> {
        // What is told of resources comes first: no parameter's name sorts before its own.
        let all = [shape.entities.as_slice(), &shape.parameters].concat();
        let first = self.parameters(&all)?;
        Ok((first, count(&all)?, u32::from(shape.slots)))
    }

    /// Contiguous records; what is below them comes after.
    fn parameters(&mut self, parameters: &[Parameter]) -> Result<u32, Full> {
        let first = count(&self.emitter.data.parameters)?;
        for parameter in parameters {
            let name = self.emitter.string(&parameter.name)?;
            let told = parameter.name.starts_with(polity_runtime::value::ENTITY_NAME);
            let flags = u32::from(parameter.optional) * polity_runtime::value::OPTIONAL
                + u32::from(told) * polity_runtime::value::ENTITY;
            self.emitter.data.parameters.push([
                name,
                kind(&parameter.ty) | (flags << 8),
                u32::from(parameter.slot.0),
                0,
                0,
                0,
            ]);
        }
        for (at, parameter) in (first..).zip(parameters) {
            self.below(at, &parameter.ty)?;
        }
        Ok(first)
    }

    /// Fills in what a record refers to.
    fn below(&mut self, at: u32, ty: &Type) -> Result<(), Full> {
        let (child, children, flags) = match ty {
            Type::Record(fields) | Type::Url(fields) | Type::Email(fields) if !fields.is_empty() => {
                (self.parameters(fields)?, count(fields)?, 0)
            }
            Type::Enum(values) => {
                let ids = values
                    .iter()
                    .map(|value| self.emitter.string(value))
                    .collect::<Result<Vec<_>, _>>()?;
                let many = count(&ids)?;
                (self.emitter.list(ids)?, many, 0)
            }
            Type::List(of) => {
                let element = count(&self.emitter.data.parameters)?;
                let name = self.emitter.string("")?;
                self.emitter.data.parameters.push([name, kind(of), 0, 0, 0, 0]);
                self.below(element, of)?;
                (element, 1, 0)
            }
            Type::String { fold: true } => (0, 0, polity_runtime::value::FOLD),
            _ => (0, 0, 0),
        };
        if let Some(record) = self.emitter.data.parameters.get_mut(at as usize) {
            record[1] |= flags << 8;
            record[3] = child;
            record[4] = children;
        }
        Ok(())
    }

    fn deployments(&mut self, cells: &Cells) -> Result<(), Full> {
        let organization = self.organization;
        let mut rows = cells.rows.iter();
        for (id, deployment) in (0u32..).zip(&organization.deployments) {
            if !self.kept.deployment(deployment) {
                continue;
            }
            let new = count(&self.emitter.data.deployments)?;
            let name = self.emitter.string(&deployment.name)?;
            let agent = organization
                .agents
                .get(deployment.agent.0 as usize)
                .map_or("", |agent| agent.name.value.as_str());
            let agent = self.emitter.string(agent)?;
            let team = organization.teams.get(deployment.team.0 as usize);
            let team_name = self.emitter.string(team.map_or("", |team| team.name.value.as_str()))?;
            let kill = self.kill(|kill| kill.deployments.iter().any(|killed| killed.0 == id));
            let first = count(&self.emitter.data.placements)?;
            for placement in &deployment.placements {
                if !self.kept.placement(deployment, placement) {
                    continue;
                }
                let admission = match organization.environments.get(placement.environment.0 as usize) {
                    Some(environment) if !environment.takes_ring(placement.ring) => Admission::RingNotInEnvironment,
                    _ if team
                        .and_then(|team| team.rings.as_ref())
                        .is_some_and(|rings| !rings.contains(&placement.ring)) =>
                    {
                        Admission::RingAboveCeiling
                    }
                    Some(environment) if environment.takes_enforcement(placement.enforcement) => Admission::Admitted,
                    _ => Admission::EnforcementNotTaken,
                };
                let [low, high] = split(placement.until.unwrap_or(i64::MAX));
                let given = count(&self.emitter.data.given)?;
                let row = rows.next().map_or(&[][..], Vec::as_slice);
                self.emitter
                    .data
                    .given
                    .extend(row.iter().map(|(tool, fragment)| [tool.0, *fragment]));
                let many = count(row)?;
                let record = [
                    new,
                    self.kept.environment(placement.environment.0).unwrap_or(NONE),
                    placement.ring.0,
                    admission as u32,
                    low,
                    high,
                    given,
                    many,
                ];
                self.emitter.data.placements.push(record);
            }
            let many = count(&self.emitter.data.placements)? - first;
            self.emitter
                .data
                .deployments
                .push([name, agent, team_name, first, many, kill]);
        }
        Ok(())
    }

    fn rules(&mut self) -> Result<(), Full> {
        for (id, rule) in (0u32..).zip(&self.organization.rules) {
            if self.kept.rule(id).is_none() {
                continue;
            }
            let name = self.emitter.string(&rule.name)?;
            let reason = self.emitter.optional(rule.reason.as_deref())?;
            let effect = match rule.effect {
                RuleEffect::Allow => 0,
                RuleEffect::RequireApproval => 1,
                RuleEffect::Deny => 2,
            };
            let limit = rule.limit.map_or((0, 0), |limit| {
                (limit.count, u32::try_from(limit.per.0).unwrap_or(u32::MAX))
            });
            // Of a rule that a template yields, the use is what the repository shows.
            let span = self.tree.used_at(rule.span);
            let path = self.tree.file(span.file).map_or("", |file| file.path.as_str());
            // With the commit it names a file of the repository, wherever in it the organisation lies.
            let path = match self.tree.prefix() {
                "" => self.emitter.string(path)?,
                prefix => self.emitter.string(&format!("{prefix}/{path}"))?,
            };
            let line = self.tree.position(span).map_or(0, |(start, _)| start.line);
            self.emitter
                .data
                .rules
                .push([name, reason, effect, limit.0, limit.1, path, line, NONE]);
        }
        Ok(())
    }

    /// What rules ask of people: `team-owners` means other people for another team, so one approval a team.
    fn approvals(&mut self, cells: &Cells) -> Result<HashMap<(u32, Option<TeamId>), u32>, Full> {
        let mut wanted: BTreeMap<(u32, Option<u32>), ()> = BTreeMap::new();
        for entry in cells.cells.iter().flat_map(|cell| cell.entries()) {
            if let Some(team) = entry.approval {
                wanted.insert((entry.rule, team.map(|team| team.0)), ());
            }
        }
        let mut written: HashMap<(Approval, Option<u32>), u32> = HashMap::default();
        let mut ids = HashMap::default();
        for (rule, team) in wanted.into_keys() {
            let Some(approval) = self
                .organization
                .rules
                .get(rule as usize)
                .and_then(|rule| rule.approval.as_ref())
            else {
                continue;
            };
            let key = (approval.clone(), team);
            let id = match written.get(&key) {
                Some(id) => *id,
                None => {
                    let id = self.approval(approval, team.map(TeamId))?;
                    written.insert(key, id);
                    id
                }
            };
            ids.insert((rule, team.map(TeamId)), id);
        }
        Ok(ids)
    }

    fn approval(&mut self, approval: &Approval, team: Option<TeamId>) -> Result<u32, Full> {
        let first = count(&self.emitter.data.requirements)?;
        let mut records = Vec::new();
        for one in &approval.require {
            let mut from = Vec::new();
            for name in &one.from {
                from.push(self.emitter.string(name)?);
            }
            let owners = team
                .and_then(|team| self.organization.teams.get(team.0 as usize))
                .map_or(&[][..], |team| team.owners.as_slice());
            let owners = owners.iter().filter(|_| one.team_owners);
            let people = one.people.iter().chain(owners);
            let mut people: Vec<u32> = people.filter_map(|person| self.kept.person(person.0)).collect();
            people.sort_unstable();
            people.dedup();
            let (many, several) = (count(&from)?, count(&people)?);
            records.push([
                one.count,
                self.emitter.list(from)?,
                many,
                self.emitter.list(people)?,
                several,
            ]);
        }
        let many = count(&records)?;
        self.emitter.data.requirements.extend(records);
        let [low, high] = split(approval.timeout.0);
        let evidence = match approval.evidence {
            Evidence::Forge => 0,
            Evidence::Signed => 1,
            Evidence::Present => 2,
        };
        let id = count(&self.emitter.data.approvals)?;
        self.emitter
            .data
            .approvals
            .push([first, many, low, high, u32::from(approval.separation), evidence]);
        Ok(id)
    }

    fn cells(
        &mut self,
        cells: &Cells,
        guard: &dyn Fn(Diagram) -> u32,
        approvals: &HashMap<(u32, Option<TeamId>), u32>,
    ) -> Result<(), Full> {
        self.emitter.data.fragments = cells.fragments.iter().map(|piece| [*piece]).collect();
        self.emitter.data.pieces = cells.pieces.clone();
        let mut runs: HashMap<Vec<[u32; 3]>, u32> = HashMap::default();
        for cell in &cells.cells {
            let entry = |entry: &EntryDraft| {
                let approval = entry
                    .approval
                    .and_then(|team| approvals.get(&(entry.rule, team)))
                    .copied()
                    .unwrap_or(NONE);
                [self.kept.rule(entry.rule).unwrap_or(NONE), guard(entry.guard), approval]
            };
            let mut first = [0; 4];
            let mut counts = [0; 4];
            for ((first, many), drafts) in
                first
                    .iter_mut()
                    .zip(&mut counts)
                    .zip([&cell.denies, &cell.grants, &cell.gates, &cell.observed])
            {
                let run: Vec<[u32; 3]> = drafts.iter().map(entry).collect();
                *many = count(&run)
                    .ok()
                    .filter(|many| *many <= record::cell::MAX_RUN)
                    .ok_or(Full)?;
                *first = match runs.get(&run) {
                    Some(first) => *first,
                    None => {
                        let data = &mut self.emitter.data;
                        let first = count(&data.entries)?;
                        data.entries.extend_from_slice(&run);
                        runs.insert(run, first);
                        first
                    }
                };
            }
            let [denies, grants, gates, observed] = first;
            let [counts, more] = record::cell::counts(counts, cell.ceiling);
            self.emitter
                .data
                .cells
                .push([denies, grants, gates, observed, counts, more]);
        }
        Ok(())
    }

    fn finish(mut self) -> TableData {
        let emitter = &self.emitter;
        let deployments = emitter.index(&emitter.data.deployments);
        let environments = emitter.index(&emitter.data.environments);
        // A call may name an action or a list of variants, never one of the variants.
        let actions = named_actions(
            emitter,
            self.organization
                .actions
                .iter()
                .map(|action| action.name == action.base),
        );
        let classes = emitter.index(&emitter.data.classes);
        let people = emitter.index(&emitter.data.people);
        let data = &mut self.emitter.data;
        data.deployment_index = deployments;
        data.environment_index = environments;
        data.action_index = actions;
        data.class_index = classes;
        data.person_index = people;
        self.emitter.data
    }
}

/// An index of the actions that a call may name, to their places among all.
fn named_actions(emitter: &Emitter, callable: impl Iterator<Item = bool>) -> polity_runtime::table::Index {
    let callable: Vec<bool> = callable.collect();
    let ids: Vec<u32> = (0u32..)
        .zip(&emitter.data.actions)
        .filter(|(id, _)| callable.get(*id as usize).copied().unwrap_or(true))
        .map(|(id, _)| id)
        .collect();
    let records: Vec<[u32; 12]> = ids
        .iter()
        .filter_map(|id| emitter.data.actions.get(*id as usize).copied())
        .collect();
    let mut index = emitter.index(&records);
    for slot in &mut index.slots {
        if let Some(id) = ids.get(*slot as usize) {
            *slot = *id;
        }
    }
    index
}

/// The number of a parameter's type in its record.
fn kind(ty: &Type) -> u32 {
    match ty {
        Type::String { .. } => 0,
        Type::Int => 1,
        Type::Bool => 2,
        Type::Decimal => 3,
        Type::DateTime => 4,
        Type::Duration => 5,
        Type::Ip => 6,
        Type::Path => 7,
        Type::Host => 8,
        Type::Url(_) => 9,
        Type::Email(_) => 10,
        Type::Enum(_) => 11,
        Type::List(_) => 12,
        Type::Record(_) => 13,
        Type::Opaque => 14,
        Type::Hosts => 15,
    }
}

/// The tools of a placement with the fragment of each.
pub(crate) type Row = Vec<(ToolId, u32)>;
