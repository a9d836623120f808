//! Verifies a Polity bundle and decides every call of an agent from its table.
//!
//! open ([`bundle`]) -> verify ([`verify`]) -> table ([`table`]) -> decide ([`decide`])
//!
//! No YAML, no git, no Cedar, no clock, no log: bytes and the time come in, decisions go out.

pub mod bundle;
pub mod manifest;
pub mod trust;
pub mod value;
pub mod verify;
pub mod wire;
