//! The command line from outside: exit codes, what stays on the disk, and what is refused.
#![expect(
    clippy::disallowed_methods,
    reason = "a suite makes the files that it hands to the command line"
)]

mod bundles;
mod compare;
mod demo;
mod harness;
mod hostile;
mod import;
mod init;
mod kept;
mod rego;
mod repositories;
mod schema;
mod suites;
