//! A world, a trust root beside it, and the command line over both.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ssh_key::LineEnding;

use crate::world::{MAIN, World, folder, key};

pub struct Ran {
    pub exit: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, Some(exit), "{}\n{}", self.out, self.err);
        self
    }
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(
            self.out.contains(words) || self.err.contains(words),
            "expected `{words}`:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }
}

pub fn run(folder: &Path, command: &str, environment: &[(&str, &str)]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_polity-tested"))
        .args(command.split_whitespace())
        .current_dir(folder)
        .env_remove("SOURCE_DATE_EPOCH")
        .env_remove("SSH_AUTH_SOCK")
        .env("XDG_STATE_HOME", folder.join(".state"))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        exit: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A world with a trust root beside it that begins where the world does.
pub struct Bench {
    pub world: World,
    pub keys: tempfile::TempDir,
}

impl Bench {
    pub fn new(world: World) -> Self {
        let keys = folder();
        let made = format!(
            "keygen --organization acme --introductory {} --out keys",
            world.introductory
        );
        run(keys.path(), &made, &[]).exits(0);
        Self { world, keys }
    }

    /// `polity`, in the folder of the keys; `repo` stands for the repository.
    pub fn polity(&self, command: &str) -> Ran {
        run(
            self.keys.path(),
            &command.replace("repo", self.world.path().to_str().unwrap()),
            &[],
        )
    }

    pub fn build(&self, out: &str, more: &str) -> Ran {
        self.polity(&format!(
            "build repo --rev {MAIN} --trust keys/trust.json --key keys/bundle.key --out {out} --issued \
             2026-11-23T09:00:00Z {more}"
        ))
    }

    pub fn secret(&self, name: &str) -> String {
        let path = self.keys.path().join(name);
        fs::write(&path, key(name).to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Puts the branch into the work tree.
    pub fn check_out(&self) {
        self.world
            .git(&["checkout", "-q", "-f", "-B", "work", &self.world.head.to_string()]);
    }
}
