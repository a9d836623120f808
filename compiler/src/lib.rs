//! Compiles an organisation's agent governance, kept in a git repository, into one signed bundle.
//!
//! # Steps
//! | step | from | to |
//! | --- | --- | --- |
//! | [`source`] | a git tree at a revision, or a folder | [`source::SourceTree`]: paths and bytes, immutable |
//! | [`parse`] | `SourceTree` | [`ast::Documents`]: what was written, every value with its span |
//! | [`expand`] | `Documents` with uses of templates | `Documents`, and the tree with what came of the templates |
//! | [`resolve`] | `Documents` | [`resolve::Organization`]: ids instead of names, selectors as sets |
//! | [`check`] | `&Organization` | diagnostics only |
//! | [`lower`] | `&Organization` | [`ir::RuleSet`]: every rule over one condition language |
//! | [`table`] | `&RuleSet` | [`polity_runtime::table::Table`]: guards, cells, fragments, placements |
//! | [`trail`] | a repository's history | [`trail::verify::Trail`]: who approved each change, under the rules before it |
//! | [`prove`] | `&Table`, invariants | diagnostics: what an invariant forbids, and yet can happen |
//! | [`sign`], [`bundle`] | a manifest, sections and [`keys`] | the bundle's bytes, which load |
//!
//! [`compile`] is the steps from `parse` to `table`. Beside the flow, [`diag`] collects what is wrong, [`report`]
//! renders it, [`import`] writes documents from what others list, and [`cli`] is the edge. Nothing between reading and
//! writing the bundle reads a clock, the environment, the file system or the network.
//! [`compile`] is the steps from `parse` to `table`. Beside the flow, [`suite`] asks the table what tests ask, [`facts`]
//! compares what no table holds, [`diag`] collects what is wrong, [`report`] renders it, and [`cli`] is the edge. Nothing between reading and writing the
//! bundle reads a clock, the environment, the file system or the network.
//! [`compile`] is the steps from `parse` to `prove`. Beside the flow, [`search`] finds a call on which cells answer as
//! asked, which [`prove`] and [`diff`], the comparison of two tables, both rest on, [`diag`] collects what is wrong, [`report`]
//! renders it, and [`cli`] is the edge. Nothing between reading and writing the bundle reads a clock, the
//! environment, the file system or the network.

pub mod source;
pub mod parse;
pub mod ast;
mod written;
pub mod expand;
pub mod resolve;
pub mod check;
pub mod lower;
pub mod ir;
pub mod table;
pub mod search;
pub mod prove;
pub mod compile;
pub mod trail;
pub mod suite;
pub mod facts;
pub mod keys;
pub mod sign;
pub mod bundle;
pub mod import;
pub mod diff;
pub mod diag;
pub mod report;
pub mod cli;
