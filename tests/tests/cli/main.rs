//! The command line from outside: exit codes, what stays on the disk, and what is refused.

mod bundles;
mod demo;
mod harness;
mod hostile;
mod repositories;
