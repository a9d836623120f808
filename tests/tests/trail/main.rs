//! Threats to the approval trail, each with a twin that differs in nothing but the attack and passes.

mod access;
mod approvals;
mod approvers;
mod attacks;
mod bench;
mod checkpoints;
mod commands;
mod evasions;
mod histories;
mod kills;
mod malformed;
mod paths;
mod merges;
mod replays;
mod requirements;
mod signatures;
mod upgrades;
mod world;
