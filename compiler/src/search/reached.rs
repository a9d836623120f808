//! The cells of a table that a call can come to: in goes the table, out each cell with an action that stands for the
//! arguments of all that share it.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::table::{ActionId, Admission, CellId, PlacementId, Table, ToolId, record};

/// For each action the first one whose arguments stand in the same slots under the same names.
#[derive(Debug)]
pub(crate) struct Shapes(Vec<ActionId>);

impl Shapes {
    pub(crate) fn new(table: &Table) -> Self {
        let mut first: BTreeMap<[u32; 2], ActionId> = BTreeMap::new();
        let actions = (0u32..).map(ActionId).zip(&table.data().actions);
        let shape = |(id, r): (ActionId, &[u32; 12])| {
            let parameters = [r[record::action::PARAMETERS], r[record::action::PARAMETER_COUNT]];
            *first.entry(parameters).or_insert(id)
        };
        Self(actions.map(shape).collect())
    }

    pub(crate) fn of(&self, action: ActionId) -> ActionId {
        self.0.get(action.0 as usize).copied().unwrap_or(action)
    }
}

/// Every cell that some admitted deployment can come to, for each shape of arguments once. Above its ring's ceiling no
/// rule is asked, so those are left out.
pub(crate) fn reached(table: &Table, shapes: &Shapes) -> BTreeSet<(CellId, ActionId)> {
    let mut fragments: BTreeSet<(ToolId, u32)> = BTreeSet::new();
    for (id, placement) in (0u32..).map(PlacementId).zip(&table.data().placements) {
        use record::placement as p;
        if table.admission(id).0 == Admission::Admitted {
            let first = placement[p::GIVEN] as usize;
            let given = table
                .data()
                .given
                .get(first..first + placement[p::GIVEN_COUNT] as usize);
            let given = given.unwrap_or_default().iter();
            fragments.extend(given.map(|r| (ToolId(r[record::given::TOOL]), r[record::given::FRAGMENT])));
        }
    }
    let mut cells: BTreeSet<(CellId, ActionId)> = BTreeSet::new();
    for (tool, fragment) in fragments {
        use record::tool as t;
        let Some(tool) = table.data().tools.get(tool.0 as usize) else {
            continue;
        };
        let actions = (tool[t::ACTIONS]..tool[t::ACTIONS].saturating_add(tool[t::ACTION_COUNT])).map(ActionId);
        cells.extend(actions.filter_map(|action| Some((table.cell_id(fragment, action)?, shapes.of(action)))));
    }
    cells.retain(|(cell, _)| table.cell(*cell).is_some_and(|cell| !cell.ceiling));
    cells
}
