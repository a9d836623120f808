//! One search over cells: a call on which a cell, or two cells, give an answer asked for.
//!
//! Guards of one table, or of two, come in as diagrams over one set of tests ([`Space`], [`Imported`]); what a table
//! says of one action in one placement is a [`Side`]; an outcome asked of a side is a list of [`Goal`]s, and
//! [`Solver`] looks for a call that meets one. It assigns answers to tests, prunes by what cannot hold together
//! (`theory`), and gives a call only after the runtime itself has confirmed it. "Never" is said only where every
//! branch was closed by a sound reason; what is left open is [`Found::Unsettled`], never silence.
//!
//! Nothing here knows of documents, of revisions or of what a change means.

mod call;
mod decider;
mod describe;
mod frame;
mod import;
mod reached;
mod side;
mod solver;
mod standing;
#[cfg(test)]
mod tests;
mod theory;

pub use call::{Call, Verdict, ask};
pub(crate) use decider::Decider;
pub use describe::conditions;
pub use frame::{Frame, Table as FrameTable};
pub use import::{Imported, Names};
pub(crate) use reached::{Shapes, reached};
pub(crate) use side::binding;
pub use side::{Alternative, Asks, CellRules, Decided, Entry, Goal, Literal, Rules, Side, Sides};
pub use solver::{Found, Solver, Trail};
pub(crate) use standing::{Standing, given, of_tool, standing};
pub(crate) use theory::Model;
pub use theory::{Fault, Theory};

use crate::ir::{Answer, Test};
use crate::table::diagram::{Diagram, Diagrams, Node};

/// How many tests one goal may try to assign before it is left open. Picked by measurement: sixteen conditional rules
/// a cell need a few hundred, and this many take well under a second.
pub const STEPS: u32 = 20_000;

/// Some of the answers no, yes and error, as bits.
pub type Answers = u8;

/// Only no.
pub const NO: Answers = 1;
/// Only yes.
pub const YES: Answers = 2;
/// Only error.
pub const ERROR: Answers = 4;

/// The diagrams of all tables that are searched, over one set of tests: equal ones are one.
#[derive(Debug, Default)]
pub struct Space {
    pub(crate) diagrams: Diagrams,
    /// Of each node, the leaves that it reaches.
    reach: Vec<Answers>,
}

impl Space {
    /// The leaves that a diagram reaches, as far as its shape tells.
    pub(crate) fn reach(&self, diagram: Diagram) -> Answers {
        match diagram.index() {
            None => match diagram.answer() {
                Some(Answer::No) => NO,
                Some(Answer::Yes) => YES,
                _ => ERROR,
            },
            Some(index) => self.reach.get(index).copied().unwrap_or(NO | YES | ERROR),
        }
    }

    /// A node.
    pub(crate) fn node(&self, diagram: Diagram) -> Option<Node> {
        self.diagrams.nodes().get(diagram.index()?).copied()
    }

    /// Every test, by id.
    pub(crate) fn tests(&self) -> &[Test] {
        self.diagrams.tests()
    }

    /// Works out what new nodes reach. Children stand before their parents.
    pub(crate) fn settle(&mut self) {
        for at in self.reach.len()..self.diagrams.nodes().len() {
            let Some(node) = self.diagrams.nodes().get(at).copied() else {
                break;
            };
            let mut reach = self.reach(node.yes) | self.reach(node.no);
            if self.diagrams.errs(node.test) {
                reach |= self.reach(node.error);
            }
            self.reach.push(reach);
        }
    }
}
