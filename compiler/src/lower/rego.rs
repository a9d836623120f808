//! Rego, wrapped. No type of regorus leaves this module.

pub mod engine;
