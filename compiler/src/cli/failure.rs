//! Why a command did not do what was asked, and the exit code that says so.
//!
//! What the author of a policy wrote wrong is a diagnostic, not a failure: a command that has shown its findings
//! ends with [`Exit::FallsShort`]. A failure is for everything that no place in the repository shows.

use std::{fmt::Display, path::Path, process::ExitCode};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Yes, or done.
    Yes,
    /// The repository, the bundle or the request falls short. Why has been said.
    FallsShort,
    /// Misuse, or an environment that does not work.
    Misuse,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Yes => ExitCode::from(0),
            Exit::FallsShort => ExitCode::from(1),
            Exit::Misuse => ExitCode::from(2),
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
    help: Vec<String>,
}

impl Failure {
    /// What was handed in is understood, and is not good enough: a bundle that does not verify.
    pub fn falls_short(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::FallsShort,
            message: message.into(),
            help: Vec::new(),
        }
    }
    /// The command cannot be understood.
    pub fn misuse(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Misuse,
            message: message.into(),
            help: Vec::new(),
        }
    }
    /// The environment does not work: a file cannot be read, a disk is full.
    pub fn environment(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Misuse,
            message: message.into(),
            help: Vec::new(),
        }
    }
    /// Something about a path does not work: `what` is `cannot read the bundle`.
    pub fn path(what: &str, path: &Path, error: &dyn Display) -> Self {
        Self::environment(format!("{what} `{}`: {error}", path.display()))
    }
    /// Adds what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// What to do.
    pub fn help(&self) -> &[String] {
        &self.help
    }
}
