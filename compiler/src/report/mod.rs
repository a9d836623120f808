//! What a run found and what a decision says: text for people, JSON for scripts, and what forges show.
//!
//! In: [`Findings`](crate::diag::Findings) or a [`Decision`](decision::Decision). Out: a `String`. Whether there is
//! a terminal, and whether it wants colour, comes in as a value; nothing here writes or reads anything.

pub mod changes;
pub mod codeowners;
pub mod decision;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod junit;
pub mod page;
pub mod rego;
pub mod replay;
pub mod review;
pub mod sarif;
pub mod suite;
pub mod text;
pub mod trail;

mod fingerprint;

pub(crate) mod place;
pub(crate) mod visible;

#[cfg(test)]
mod tests;
