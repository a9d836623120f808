//! A seat and an action in, the way to the cell that decides out. It asks nothing of the call, so a session looks it up
//! once and keeps it: that spares a decision four reads of the table, each of which waits for the one before.

use crate::session::Seat;
use crate::table::{ActionId, NONE, Table, ToolId, record};

/// Where an action of a table leads from a seat.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The action.
    pub(crate) action: ActionId,
    /// Whether a session holds more after it, or may.
    pub(crate) reads: bool,
    /// How far it leads; nowhere, where the tool was not given.
    pub(crate) end: Option<End>,
}

/// How far a route leads before the call itself is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The action has variants: which of them the call is decides the cell in this fragment.
    Fragment(u32),
    /// Nothing reaches the action.
    NoCell,
    /// The cell's record.
    Cell([u32; 6]),
}

impl Route {
    /// Looks the route up; `None` for an action that is not of this table.
    pub fn find(table: &Table, seat: &Seat, action: ActionId) -> Option<Self> {
        use record::action as a;
        let record = table.action_record(action)?;
        let plain = record[a::VARIANT_COUNT] == 0;
        let (first, count) = seat.given;
        let fragment = table.fragment_among(first, count, ToolId(record[a::TOOL]));
        let end = fragment.map(|fragment| match plain {
            false => End::Fragment(fragment),
            true => match table.cell_id(fragment, action).and_then(|cell| table.cell_record(cell)) {
                Some(cell) => End::Cell(*cell),
                None => End::NoCell,
            },
        });
        Some(Self {
            action,
            reads: !plain || record[a::READ_COUNT] > 0,
            end,
        })
    }
}

/// As many routes as a session keeps. Agents use a few dozen actions, and a few at a time; picked by gut feeling.
const KEPT: usize = 8;

/// The routes that a session took last.
///
/// INVARIANT: each was found in the table and from the seat that the session is bound to.
#[derive(Debug, Clone)]
pub(crate) struct Routes([Route; KEPT]);

impl Default for Routes {
    fn default() -> Self {
        Self(
            [Route {
                action: ActionId(NONE),
                reads: false,
                end: None,
            }; KEPT],
        )
    }
}

impl Routes {
    /// The route of an action from the seat that the session is bound to; nothing, where the table has no such action.
    #[inline]
    pub(crate) fn find(&mut self, table: &Table, seat: &Seat, action: ActionId) -> Option<&Route> {
        let kept = self.0.get_mut(action.0 as usize % KEPT)?;
        if kept.action != action {
            Self::replace(kept, Route::find(table, seat, action)?);
        }
        // No action of a table has the number that stands for none.
        (action.0 != NONE).then_some(kept)
    }

    #[cold]
    fn replace(kept: &mut Route, by: Route) {
        *kept = by;
    }
}
