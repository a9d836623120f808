//! What a table decides in a cell, whole, as a digest: an approval of a change binds to it, since the same change does
//! another thing where another rule stands, or is gone, beside it.
//!
//! Rules, guards and whom they ask come in by their names and contents, so that the same rules give the same digest in
//! every table. Nothing here compares two tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use polity_runtime::guard::Guard;
use polity_runtime::table::{ActionId, Entries, NONE, Table, ToolId, record};
use polity_runtime::wire::Digest;

use super::statement::Cell;
use crate::ir::{Constant, Op, Term, Test};
use crate::resolve::{Organization, Person};
use crate::search::{Imported, Space};

/// A table, and the digests of the guards that were asked for.
pub(super) struct Contents<'t> {
    table: &'t Table,
    space: Space,
    imported: Imported<'t>,
    nodes: HashMap<u32, Digest>,
    /// Groups by the names of their members, and everybody.
    groups: BTreeMap<BTreeSet<String>, BTreeSet<&'t str>>,
}

impl<'t> Contents<'t> {
    /// `None` for a table with a test that this compiler does not know.
    pub(super) fn new(table: &'t Table, organization: &'t Organization) -> Option<Self> {
        let mut space = Space::default();
        let imported = Imported::new(table, &mut space)?;
        let name = |person: &Person| person.name.value.clone();
        let mut groups: BTreeMap<BTreeSet<String>, BTreeSet<&str>> = BTreeMap::new();
        for group in &organization.groups {
            let members = group.members.iter();
            let members = members
                .filter_map(|id| organization.people.get(id.0 as usize))
                .map(name);
            groups.entry(members.collect()).or_default().insert(&group.name.value);
        }
        let everybody = organization.people.iter().map(name).collect();
        groups.entry(everybody).or_default().insert("*");
        Some(Self {
            table,
            space,
            imported,
            nodes: HashMap::new(),
            groups,
        })
    }

    /// Everything that decides a cell: whether calls are taken there, and each rule that is asked, with its guard.
    pub(super) fn digest(&mut self, cell: &Cell) -> Digest {
        let mut text = String::new();
        if self.write(cell, &mut text).is_none() {
            text.push_str("nothing");
        }
        Digest::of(text.as_bytes())
    }

    fn write(&mut self, cell: &Cell, text: &mut String) -> Option<()> {
        let table = self.table;
        let deployment = table.deployment(&cell.agent)?;
        let placement = table.placement(deployment, table.environment(&cell.environment)?)?;
        let action = table.action(&cell.action)?;
        let (admission, until) = table.admission(placement);
        let _ = writeln!(text, "{admission:?} {until}");
        let tool = table.data().actions.get(action.0 as usize)?[record::action::TOOL];
        let fragment = table.fragment(placement, ToolId(tool))?;
        let variants: Vec<(Guard, ActionId)> = table.variants(action).collect();
        if variants.is_empty() {
            return self.cell(fragment, action, text);
        }
        for (guard, variant) in variants {
            let _ = writeln!(text, "{} {}", table.action_name(variant), self.guard(guard.0));
            self.cell(fragment, variant, text);
        }
        Some(())
    }

    fn cell(&mut self, fragment: u32, action: ActionId, text: &mut String) -> Option<()> {
        let table = self.table;
        let _ = writeln!(text, "{:?} {:?}", table.effect(action), self.reads(action));
        let cell = table.cell(table.cell_id(fragment, action)?)?;
        let _ = writeln!(text, "{}", cell.ceiling);
        let lists = [
            ("deny", cell.denies),
            ("allow", cell.grants),
            ("gate", cell.gates),
            ("observed", cell.observed),
        ];
        for (list, entries) in lists {
            self.entries(list, entries, text);
        }
        Some(())
    }

    /// What a session holds after a call.
    fn reads(&self, action: ActionId) -> BTreeSet<&'t str> {
        use record::action as a;
        let data = self.table.data();
        let Some(record) = data.actions.get(action.0 as usize) else {
            return BTreeSet::new();
        };
        let (first, count) = (record[a::READS] as usize, record[a::READ_COUNT] as usize);
        let classes = data.words.iter().skip(first).take(count);
        let names = classes.filter_map(|class| data.classes.get(*class as usize));
        names.map(|[name]| self.table.string(*name)).collect()
    }

    fn entries(&mut self, list: &str, entries: Entries<'_>, text: &mut String) {
        use record::{entry as e, rule as r};
        let data = self.table.data();
        for entry in entries {
            let Some(rule) = data.rules.get(entry[e::RULE] as usize) else {
                continue;
            };
            let name = self.table.string(rule[r::NAME]);
            let guard = self.guard(entry[e::GUARD]);
            let limit = (rule[r::LIMIT], rule[r::LIMIT_PER]);
            let _ = writeln!(
                text,
                "{list} {name:?} {guard} {limit:?} {}",
                self.asked(entry[e::APPROVAL])
            );
        }
    }

    /// What a rule asks of people, as it is written: who that is at a time, other changes say.
    fn asked(&self, approval: u32) -> String {
        use record::{approval as a, requirement as r};
        let data = self.table.data();
        let Some(record) = data.approvals.get(approval as usize).filter(|_| approval != NONE) else {
            return String::new();
        };
        let of = |first: u32, count: u32| (first as usize, count as usize);
        let (first, count) = of(record[a::REQUIREMENTS], record[a::REQUIREMENT_COUNT]);
        let mut text = format!(
            "{:?}",
            [
                record[a::TIMEOUT],
                record[a::TIMEOUT + 1],
                record[a::SEPARATION],
                record[a::EVIDENCE]
            ]
        );
        for one in data.requirements.iter().skip(first).take(count) {
            let (first, count) = of(one[r::FROM], one[r::FROM_COUNT]);
            let from = data.words.iter().skip(first).take(count);
            let from: Vec<&str> = from.map(|name| self.table.string(*name)).collect();
            let _ = write!(text, " {} of {from:?}", one[r::COUNT]);
        }
        text
    }

    /// The groups for whose members a test asks whether the agent works for one. Who joins or leaves a group is a change
    /// of its own, which owners approve: what was approved for a group holds for whoever is in it.
    fn of_group(&self, test: &Test) -> Option<&BTreeSet<&'t str>> {
        let people = match (test.op, &test.left, &test.right) {
            (Op::Contains, Term::Constant(Constant::Set(people)), Term::OnBehalfOf) => people.as_slice(),
            (Op::Equal, Term::OnBehalfOf, Term::Constant(person))
            | (Op::Equal, Term::Constant(person), Term::OnBehalfOf) => std::slice::from_ref(person),
            _ => return None,
        };
        let name = |person: &Constant| match person {
            Constant::String(name) => Some(name.clone()),
            _ => None,
        };
        self.groups
            .get(&people.iter().filter_map(name).collect::<BTreeSet<String>>())
    }

    /// What a node leads to.
    fn edges(&self, node: u32) -> Option<[u32; 3]> {
        let [.., yes, no, error] = *self.table.data().nodes.get(node as usize)?;
        Some([yes, no, error])
    }

    /// A guard by what it asks, in the order in which it asks. That order is the same wherever the condition is.
    fn guard(&mut self, guard: u32) -> String {
        let known = |nodes: &HashMap<u32, Digest>, at: u32| match (Guard(at).leaf(), nodes.get(&at)) {
            (Some(answer), _) => Some(format!("{answer:?}")),
            (None, found) => found.map(Digest::to_string),
        };
        if let Some(text) = known(&self.nodes, guard) {
            return text;
        }
        // Edges lead forward: what a node leads to is told before it.
        let (mut below, mut left) = (BTreeSet::new(), vec![guard]);
        while let Some(at) = left.pop() {
            if known(&self.nodes, at).is_none() && below.insert(at) {
                left.extend(self.edges(at).into_iter().flatten());
            }
        }
        for at in below.into_iter().rev() {
            let edges = self.edges(at).map(|edges| edges.map(|edge| known(&self.nodes, edge)));
            let tests = self.space.diagrams.tests();
            let test = self.imported.tested(at).and_then(|id| tests.get(id.0 as usize));
            let text = match test.and_then(|test| self.of_group(test)) {
                Some(groups) => format!("for {groups:?} {edges:?}"),
                None => format!("{test:?} {edges:?}"),
            };
            self.nodes.insert(at, Digest::of(text.as_bytes()));
        }
        known(&self.nodes, guard).unwrap_or_default()
    }
}
