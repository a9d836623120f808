//! Keys for everybody in the example: its files in, the same files with keys made just now and their secret halves out.
//!
//! Nobody has the secret halves of the keys that the example lists. Keys that everybody had would be worse: somebody
//! would keep them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::history::Files;
use crate::ast::{Body, Text};
use crate::cli::{Failure, approve::Signing};
use crate::diag::Sink;
use crate::keys;
use crate::parse;
use crate::source::SourceTree;
use crate::trail::signature::{KeyError, Secret};

/// Secret keys by whose they are: people, agents that sign commits, merge bots.
pub(super) struct People {
    secrets: BTreeMap<String, Secret>,
}

impl People {
    /// Makes a key for each key that the files list, and puts it in its place.
    pub(super) fn renew(files: &mut Files) -> Result<Self, Failure> {
        let mut secrets = BTreeMap::new();
        for (name, listed) in listed(files) {
            let seed = keys::random_seed()
                .map_err(|error| Failure::environment(format!("the operating system gave no randomness: {error}")))?;
            let secret = Secret::from_seed(&seed, &name).map_err(|error| unusable(&error))?;
            let public = secret.public().and_then(|key| key.to_openssh());
            let public = public.map_err(|error| unusable(&error))?;
            for text in files.values_mut().filter(|text| text.contains(&listed)) {
                *text = text.replace(&listed, &public);
            }
            secrets.insert(name, secret);
        }
        Ok(Self { secrets })
    }

    /// The key of somebody who signs commits.
    pub(super) fn secret(&self, name: &str) -> Result<&Secret, Failure> {
        let missing = || Failure::falls_short(format!("`{name}` of the example's history has no key"));
        self.secrets.get(name).ok_or_else(missing)
    }

    /// The same for somebody who approves.
    pub(super) fn signing(&self, name: &str) -> Result<Signing, Failure> {
        let text = self.secret(name)?.to_openssh().map_err(|error| unusable(&error))?;
        let secret = Secret::parse(&text).map_err(|error| Failure::environment(error.to_string()))?;
        Ok(Signing::File(Box::new(secret)))
    }

    /// Writes a key file each, which only its owner can read, as `ssh-keygen` does.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let cannot = |error: std::io::Error| Failure::path("cannot write the keys to", folder, &error);
        fs::create_dir_all(folder).map_err(cannot)?;
        for (name, secret) in &self.secrets {
            let text = secret.to_openssh().map_err(|error| unusable(&error))?;
            let public = secret.public().and_then(|key| key.to_openssh());
            let public = public.map_err(|error| unusable(&error))?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(folder.join(name)).map_err(cannot)?;
            file.write_all(text.as_bytes()).map_err(cannot)?;
            let mut file = fs::File::create(folder.join(format!("{name}.pub"))).map_err(cannot)?;
            file.write_all(format!("{public} {name}\n").as_bytes())
                .map_err(cannot)?;
        }
        Ok(())
    }
}

/// Whose keys the files list, and how each is written there.
fn listed(files: &Files) -> Vec<(String, String)> {
    let texts = files.iter().filter(|(path, _)| !path.starts_with('.'));
    let tree = SourceTree::from_files(texts.map(|(path, text)| (path.clone(), text.clone())).collect());
    // What is wrong with them is for `check` to say.
    let parsed = parse::parse(&tree, &mut Sink::default());
    let mut all = Vec::new();
    for document in &parsed.documents.documents {
        let keys: &[Text] = match &document.body {
            Body::Person(person) => &person.keys,
            Body::Forge(forge) => &forge.keys,
            Body::Agent(agent) => &agent.git_keys,
            _ => &[],
        };
        let name = document
            .name
            .as_ref()
            .map(|name| name.value.clone())
            .unwrap_or_default();
        all.extend(keys.iter().map(|key| (name.clone(), key.value.clone())));
    }
    all
}

fn unusable(error: &KeyError) -> Failure {
    Failure::environment(format!("a key that was made cannot be used: {error}"))
}
