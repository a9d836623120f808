//! Compiles an organisation's agent governance, kept in a git repository, into one signed bundle.
//!
//! # Steps
//! | step | from | to |
//! | --- | --- | --- |
//! | [`source`] | a git tree at a revision, or a folder | [`source::SourceTree`]: paths and bytes, immutable |
//! | [`parse`] | `SourceTree` | [`ast::Documents`]: what was written, every value with its span |
//! | [`resolve`] | `Documents` | ids instead of names, selectors as sets |
//! | [`lower`] | resolved documents | every rule over one condition language, [`ir`] |
//! | [`sign`], [`bundle`] | a manifest, sections and [`keys`] | the bundle's bytes, which load |
//!
//! Beside the flow, [`diag`] collects what is wrong, [`report`] renders it, and [`cli`] is the edge.
//!
//! Nothing between reading and writing the bundle reads a clock, the environment, the file system or the network.

pub mod ast;
pub mod bundle;
pub mod cli;
pub mod diag;
pub mod ir;
pub mod keys;
pub mod lower;
pub mod parse;
pub mod report;
pub mod resolve;
pub mod sign;
pub mod source;
