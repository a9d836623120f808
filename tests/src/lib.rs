//! What judges the compiler and the runtime: a reference evaluator, generators of organisations and of requests.
//!
//! [`naive`] decides a request from the documents as they were written, slowly and plainly. It shares nothing with
//! the table but the types of [`polity::ast`], so that an error would have to be made twice to go unseen.
//! [`compare`] puts the two side by side, [`rewrite`] rearranges documents, [`suite`] decides policy tests. [`docs`]
//! writes the reference pages. [`generate`] writes organisations, [`requests`] the calls that lie on the boundaries of
//! their rules. [`git`] makes repositories.

pub mod cedar;
pub mod change;
pub mod compare;
pub mod docs;
pub mod corpus;
pub mod generate;
pub mod git;
pub mod load;
#[cfg(test)]
mod load_tests;
pub mod measure;
pub mod naive;
pub mod normal;
pub mod requests;
pub mod rewrite;
pub mod suite;
