//! Whose keys are whose in one tree: documents in, people, merge bots and agents by their keys out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::signature::Key;
use crate::ast::{Body, Documents, Evidence, Text};

/// Who may sign something. Kinds never stand for each other: an agent's key is no person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// A person.
    Person(String),
    /// A merge bot.
    Forge(String),
    /// An agent.
    Agent(String),
}

/// The keys of a tree.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Principals {
    /// A key that two principals list is nobody's.
    keys: BTreeMap<Key, Option<Principal>>,
    /// People by address, in lower case.
    emails: BTreeMap<String, String>,
    /// The owner of each agent.
    owners: BTreeMap<String, String>,
    /// Whom to call when an agent has to be stopped: people or groups, as written.
    kill_contacts: BTreeSet<String>,
}

impl Principals {
    /// Those of a tree's documents.
    pub fn of(documents: &Documents) -> Self {
        let mut all = Self::default();
        for document in &documents.documents {
            let Some(name) = document.name.as_ref().map(|name| name.value.clone()) else {
                continue;
            };
            match &document.body {
                Body::Person(person) => {
                    if let Some(email) = &person.email {
                        all.emails.insert(email.value.to_lowercase(), name.clone());
                    }
                    all.add(&person.keys, &Principal::Person(name));
                }
                Body::Forge(forge) => all.add(&forge.keys, &Principal::Forge(name)),
                Body::Agent(agent) => {
                    if let Some(owner) = &agent.owner {
                        all.owners.insert(name.clone(), owner.value.clone());
                    }
                    all.kill_contacts
                        .extend(agent.kill_contact.iter().map(|contact| contact.value.clone()));
                    all.add(&agent.git_keys, &Principal::Agent(name));
                }
                _ => {}
            }
        }
        all
    }

    fn add(&mut self, keys: &[Text], principal: &Principal) {
        for key in keys.iter().filter_map(|key| Key::parse(&key.value).ok()) {
            let holder = self.keys.entry(key).or_insert_with(|| Some(principal.clone()));
            if holder.as_ref() != Some(principal) {
                *holder = None;
            }
        }
    }

    /// Adds those of another file. A key that both list is nobody's, unless it is the same principal's.
    pub fn merge(&mut self, other: &Self) {
        for (key, holder) in &other.keys {
            let known = self.keys.entry(key.clone()).or_insert_with(|| holder.clone());
            if known != holder {
                *known = None;
            }
        }
        let pairs = |map: &BTreeMap<String, String>| map.clone();
        self.emails.extend(pairs(&other.emails));
        self.owners.extend(pairs(&other.owners));
        self.kill_contacts.extend(other.kill_contacts.iter().cloned());
    }

    /// Whose a key is.
    pub fn holder(&self, key: &Key) -> Option<&Principal> {
        self.keys.get(key)?.as_ref()
    }

    /// Whether a person has what it takes to approve with proof of this strength.
    pub fn can_prove(&self, person: &str, evidence: Evidence) -> bool {
        let mut own = self.keys.iter().filter(|(_, holder)| match holder {
            Some(Principal::Person(name)) => name == person,
            _ => false,
        });
        match evidence {
            // A merge bot's word takes no key of theirs.
            Evidence::Forge => true,
            Evidence::Signed => own.next().is_some(),
            Evidence::Present => own.any(|(key, _)| key.is_hardware()),
        }
    }

    /// The person whom an address reaches.
    pub fn by_email(&self, email: &str) -> Option<&str> {
        self.emails.get(&email.to_lowercase()).map(String::as_str)
    }

    /// The owner of an agent.
    pub fn owner(&self, agent: &str) -> Option<&str> {
        self.owners.get(agent).map(String::as_str)
    }

    /// People and groups who are called to stop an agent.
    pub fn kill_contacts(&self) -> impl Iterator<Item = &str> {
        self.kill_contacts.iter().map(String::as_str)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "{name}"),
            Self::Forge(name) => write!(f, "the merge bot {name}"),
            Self::Agent(name) => write!(f, "the agent {name}"),
        }
    }
}
