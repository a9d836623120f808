//! Names that may be of what could not be read: a document that is broken, a part of one that was left out.
//!
//! That was reported where it stands. Whoever names it is not told besides that there is no such thing; and as there is
//! an error, nothing comes of what names it.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Index, Names};

/// What could not be read, by kind.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    kinds: BTreeMap<&'static str, Broken>,
    /// Every action and variant that was written.
    actions: BTreeSet<String>,
    /// Teams of which a deployment is left out for an error of its own.
    undeployed: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Broken {
    names: BTreeSet<String>,
    /// One of them had no name that was legible.
    unnamed: bool,
}

impl Unread {
    pub(super) fn new(names: &Names) -> Self {
        let indexes: [(&'static str, &Index); 8] = [
            ("Agent", &names.agents),
            ("Credential", &names.credentials),
            ("DataClass", &names.classes),
            ("Deployment", &names.deployments),
            ("Environment", &names.environments),
            ("Ring", &names.rings),
            ("Team", &names.teams),
            ("Tool", &names.tools),
        ];
        let broken = indexes.into_iter().filter(|(_, index)| index.any_broken());
        let broken = broken.map(|(kind, index)| {
            let (names, unnamed) = index.broken();
            let names = names.clone();
            (kind, Broken { names, unnamed })
        });
        Self {
            kinds: broken.collect(),
            actions: names.written.clone(),
            undeployed: BTreeSet::new(),
        }
    }

    /// A deployment of a team is left out for an error of its own: which it would have been is not known.
    pub(super) fn leave_out_of(&mut self, team: &str) {
        self.undeployed.insert(team.to_owned());
    }

    /// Whether something of a kind could not be read.
    #[must_use]
    pub fn any(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// Whether a name that nothing has may be that of something of a kind that could not be read. An action's kind is
    /// `Action`; it may be named by its tool.
    #[must_use]
    pub fn may_be(&self, kind: &str, name: &str) -> bool {
        let broken = |kind: &str, name: &str| {
            let of = self.kinds.get(kind);
            of.is_some_and(|broken| broken.unnamed || broken.names.contains(name))
        };
        match (kind, name.split_once(['.', '/'])) {
            ("Action", Some(("credential", name))) => broken("Credential", name),
            ("Action", Some((tool, _))) => broken("Tool", tool) || self.actions.contains(name),
            ("Action", None) => broken("Tool", name),
            ("Deployment", Some((team, agent))) => {
                let left_out = broken("Team", team) || self.undeployed.contains(team);
                left_out || broken("Agent", agent) || broken("Deployment", name)
            }
            ("Deployment", None) => broken("Agent", name) || broken("Deployment", name),
            _ => broken(kind, name),
        }
    }
}
