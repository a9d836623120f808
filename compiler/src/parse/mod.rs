//! [`SourceTree`](crate::source::SourceTree) to [`Documents`](crate::ast::Documents): total. What is broken is
//! a hole with a diagnostic, and never hides what stands beside it.

pub mod document;
pub mod node;
pub mod yaml;
pub mod scalar;
