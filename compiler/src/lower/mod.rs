//! Rules, whatever language they were written in, become one [`RuleSet`](crate::ir).

pub mod cedar;
pub mod vocabulary;
