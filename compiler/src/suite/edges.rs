//! Edges of guards that no call can take: a node of a guard and an answer in, a proof that there is no such call out.
//!
//! What cannot be taken need not be tested. Only what is proved counts; what a short look leaves open can be taken.

use polity_runtime::guard::{Answer, Guard};
use polity_runtime::table::{ActionId, Table};

use crate::search::{Found, Frame, Goal, Imported, Solver, Space, Theory, YES};
use crate::table::diagram::Diagram;
use crate::table::hash::HashMap;

/// Steps of one look. Picked by gut feeling: an edge that can be taken is nearly always found in fewer.
const STEPS: u32 = 400;
/// Looks for one report: a fraction of a second. Edges beyond count as if they could be taken.
const MOST_LOOKS: u32 = 1_000;

/// The guards of a table.
pub(super) struct Edges<'t> {
    table: &'t Table,
    space: Space,
    imported: Imported<'t>,
    frames: HashMap<ActionId, Frame>,
    classes: Vec<String>,
    looks: u32,
}

impl<'t> Edges<'t> {
    /// `None` for a table that cannot be read.
    pub(super) fn new(table: &'t Table) -> Option<Self> {
        let mut space = Space::default();
        let imported = Imported::new(table, &mut space)?;
        let classes = table.data().classes.iter();
        Some(Self {
            table,
            space,
            imported,
            frames: HashMap::default(),
            classes: classes.map(|[name]| table.string(*name).to_owned()).collect(),
            looks: MOST_LOOKS,
        })
    }

    /// Whether a call over the arguments of an action may come to a node of a guard, and get this answer there.
    pub(super) fn can_be_taken(&mut self, guard: Guard, shape: ActionId, node: u32, answer: Answer) -> bool {
        let Some(left) = self.looks.checked_sub(1) else {
            return true;
        };
        self.looks = left;
        let mut known = HashMap::default();
        let Some(through) = self.through(guard, (node, answer), &mut known) else {
            return true;
        };
        self.space.settle();
        let table = self.table;
        let frame = self.frames.entry(shape).or_insert_with(|| Frame::alone(table, shape));
        let theory = Theory::new(frame, &self.classes, None);
        let mut solver = Solver::new(&self.space, theory).within(STEPS);
        let found = solver.solve(&Goal::default().and(through, YES), &mut |_, _| Some(()));
        !matches!(found, Found::Never)
    }

    /// The guard, but that it says yes just where the edge is taken.
    fn through(&mut self, at: Guard, edge: (u32, Answer), known: &mut HashMap<u32, Diagram>) -> Option<Diagram> {
        if at.leaf().is_some() {
            return Some(Diagram::NO);
        }
        if let Some(made) = known.get(&at.0) {
            return Some(*made);
        }
        let &[_, _, _, yes, no, error] = self.table.data().nodes.get(at.0 as usize)?;
        let test = self.imported.tested(at.0)?;
        let (node, answer) = edge;
        let made = if node == at.0 {
            let taken = |own: Answer| if own == answer { Diagram::YES } else { Diagram::NO };
            self.space
                .diagrams
                .node(test, taken(Answer::Yes), taken(Answer::No), taken(Answer::Error))
        } else {
            let mut of = |word: u32| stacker::maybe_grow(64 << 10, 1 << 20, || self.through(Guard(word), edge, known));
            let (yes, no, error) = (of(yes)?, of(no)?, of(error)?);
            self.space.diagrams.node(test, yes, no, error)
        };
        known.insert(at.0, made);
        Some(made)
    }
}
