//! Verifies a Polity bundle and decides every call of an agent from its table.
//!
//! open ([`bundle`]) -> verify ([`verify`]) -> table ([`table`]) -> decide ([`decide`])
//!
//! No YAML, no git, no Cedar, no clock, no log: bytes and the time come in, decisions go out. Rules that only an engine
//! can decide are asked of one ([`rego`]), where the feature of that name is on.

pub mod bundle;
pub mod wire;
pub mod manifest;
pub mod trust;
pub mod verify;
pub mod table;
pub mod guard;
pub mod rego;
pub mod value;
pub mod session;
pub mod route;
pub mod decide;
pub mod explain;
pub mod load;

pub use load::{Bundle, Call, LoadError};
