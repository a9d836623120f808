//! Git history is the approval trail: a repository in, who approved each change under the rules before it out.
//!
//! | step | from | to |
//! | --- | --- | --- |
//! | [`history`] | an open repository | the trunk, its commits and what changes between trees; every object hashed anew |
//! | [`state`] | a trunk commit | [`state::State`]: what its tree compiles to, its documents' digests, its principals |
//! | [`change`] | two states | [`change::Step`]: what the step does, fact by fact |
//! | [`access`] | what a step does, a deployment's access | what it does to that access |
//! | [`upgrade`] | a bundle's table, the state of its commit | the same of what another compiler makes of one tree |
//! | [`requirements`] | a step, its authors, the state before it | whose approval it needs |
//! | [`authors`] | a step's commits | who wrote it, by verified signatures |
//! | [`evidence`] | the trunk's trees and messages | what people and merge bots said, and how it is proved |
//! | `count` | what is asked, the evidence | which approvals count, and why others do not |
//! | `court` | all of these, two places of the trunk | a step judged by the tree before it |
//! | [`verify`] | a trunk, the commit it is trusted up to | [`verify::Trail`]: what each step needed, and what it has |
//!
//! Beside the flow, [`approve`] makes the statement that an approver signs, and [`ledger`] tells who changed what, without
//! judging, and [`provenance`] which step brought each rule of a bundle. [`signature`] is the only module that knows how SSH signs, and [`statement`] the only one that knows how an approval
//! is written. The design and its threats are tested in `tests/tests/trail`.

pub mod error;
pub mod signature;
pub mod statement;
pub mod history;
pub mod principals;
pub mod state;
pub mod change;
mod contents;
pub(crate) mod meaning;
pub mod access;
pub mod upgrade;
pub mod requirements;
pub mod authors;
pub mod evidence;
mod seats;
mod count;
mod court;
pub mod verify;
pub mod approve;
pub mod apart;
pub mod ledger;
pub mod provenance;
