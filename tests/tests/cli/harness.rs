//! Runs the command line as somebody would: a process, a folder, exit codes and two streams.

use polity_tests::git::git;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, io};

/// The binary under test.
pub const POLITY: &str = env!("CARGO_BIN_EXE_polity-tested");

/// How a run ended. A panic ends with 101 and a signal with none, so neither is taken for an answer.
pub struct Ran {
    pub exit: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            exit: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
    /// Fails unless the run ended with this exit code.
    #[track_caller]
    pub fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, Some(exit), "{}\n{}", self.out, self.err);
        self
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// A folder of its own.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub fn path(&self) -> &Path {
        self.0.path()
    }
    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), bytes).unwrap();
    }
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.at(name)).unwrap();
    }

    /// `polity` in this folder. The words of a command are separated by blanks.
    pub fn polity(&self, command: &str) -> Ran {
        self.words(&command.split_whitespace().collect::<Vec<_>>(), &[])
    }
    pub fn words(&self, words: &[&str], environment: &[(&str, &str)]) -> Ran {
        Ran::of(self.command(words, environment).output().unwrap())
    }
    pub fn command(&self, words: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(POLITY);
        command.args(words).current_dir(self.path());
        command.env_remove("SOURCE_DATE_EPOCH").env_remove("RAYON_NUM_THREADS");
        // What a machine keeps for itself is kept here, not where whoever runs the suite has it.
        command.env("XDG_STATE_HOME", self.at(".state"));
        command.envs(environment.iter().copied());
        command
    }

    /// A copy of the example organisation in `acme/`, and keys for this machine in `keys/`.
    pub fn with_example() -> Self {
        let place = Self::new();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-org");
        copy(&example, &place.at("acme")).unwrap();
        place
            .polity("keygen --developer --organization acme --out keys")
            .exits(0);
        place
    }
    /// Builds `acme/` into `acme.polity`.
    pub fn build(&self) -> Ran {
        self.polity("build acme --unattested --trust keys/trust.json --key keys/developer.key --out acme.polity")
    }
    /// What the bundle answers to a call of an agent in production, at a moment inside the bundle's lifetime.
    pub fn decide(&self, agent: &str, action: &str, arguments: &str, more: &[&str]) -> Ran {
        let words = [
            "decide",
            "acme.polity",
            "--trust",
            "keys/trust.json",
            "--environment",
            "production",
        ];
        let call = [
            "--agent", agent, "--action", action, "--args", arguments, "--format", "json",
        ];
        self.words(&[&words, &call[..], more].concat(), &[])
    }

    pub fn git(&self, folder: &str, words: &[&str]) -> String {
        git(&self.at(folder), words)
    }
    /// Makes `acme/` a repository of one commit.
    pub fn commit(&self) {
        self.git("acme", &["init", "-q", "-b", "main"]);
        self.git("acme", &["add", "-A"]);
        self.git("acme", &["commit", "-q", "-m", "one"]);
    }
}

pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}

/// The ids of the diagnostics in the output of `check --format json`.
pub fn codes(ran: &Ran) -> Vec<String> {
    let found = ran.json();
    let list = found["diagnostics"].as_array().unwrap();
    list.iter()
        .map(|found| found["code"].as_str().unwrap().to_owned())
        .collect()
}
