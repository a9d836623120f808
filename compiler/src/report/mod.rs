//! What a run found and what a decision says, as text for people and JSON for scripts.
//!
//! In: [`Findings`](crate::diag::Findings) or a [`Decision`](decision::Decision). Out: a `String`. Whether there is
//! a terminal, and whether it wants colour, comes in as a value; nothing here writes or reads anything.

pub mod decision;
pub mod json;
pub mod page;
pub mod text;

pub(crate) mod place;
pub(crate) mod visible;
