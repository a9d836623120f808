//! A verified bundle becomes a [`Bundle`]: its table is checked, and it decides.
//!
//! There is no other way to a `Bundle`, and nothing else decides calls for a host. It holds no state: what a run has
//! seen is in its [`Session`].

use std::collections::BTreeMap;
use std::fmt;

use crate::bundle::{OpenError, UnverifiedBundle};
use crate::decide::{Code, Decision, Outcome, Phase, Request, decide, decide_along};
use crate::explain::{Explanation, explain};
use crate::guard::Silent;
use crate::manifest::{self, Manifest};
use crate::rego::ProgramError;
use crate::session::{ClassSet, Seat, Session, State};
use crate::table::{ActionId, ClassId, Table, TableData, TableError, record};
use crate::trust::TrustRoot;
use crate::value::{Arguments, Parameters};
use crate::verify::{Verified, VerifyError};
use crate::wire::Digest;

/// A bundle that was verified and whose every index was checked. `Send` and `Sync`; swap it whole.
#[derive(Debug, Clone)]
pub struct Bundle {
    manifest: Manifest,
    digest: Digest,
    /// Tells sessions of one bundle from those of another.
    stamp: u64,
    table: Table,
    trail: Option<Vec<u8>>,
}

/// The one section that is no part of the table.
pub const TRAIL: &str = "trail";

/// One call of an agent, as its host sees it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// The action, from [`Bundle::action`]; `None` where the bundle has none of the name, which denies the call.
    pub action: Option<ActionId>,
    /// Its arguments, read with [`Bundle::parameters`] of that action.
    pub arguments: &'c Arguments<'c>,
    /// The person for whom the agent works.
    pub on_behalf_of: Option<&'c str>,
    /// The host's time, milliseconds since 1970.
    pub now: i64,
}

impl Bundle {
    /// Opens, verifies and checks a bundle. `now` is the host's time in milliseconds since 1970.
    ///
    /// # Errors
    /// See [`LoadError`]. An expired bundle loads: its decisions say so.
    pub fn load(bytes: Vec<u8>, trust: &TrustRoot, now: i64) -> Result<Self, LoadError> {
        let verified = UnverifiedBundle::open(bytes).map_err(LoadError::Open)?;
        Self::from_verified(&verified.verify(trust, now).map_err(LoadError::Verify)?)
    }

    /// Checks the table of a verified bundle.
    ///
    /// # Errors
    /// The sections do not make a table that holds together, or a program in it cannot be evaluated here.
    pub fn from_verified(verified: &Verified) -> Result<Self, LoadError> {
        let unknown = |feature: &&String| feature.as_str() != crate::rego::FEATURE;
        if let Some(feature) = verified.manifest().features.iter().find(unknown) {
            return Err(LoadError::Feature(feature.clone()));
        }
        let sections: BTreeMap<&str, &[u8]> = verified.sections().filter(|(name, _)| *name != TRAIL).collect();
        let table = TableData::from_sections(&sections)
            .and_then(Table::new)
            .map_err(|error| match error {
                TableError::Program(error) => LoadError::Program(error),
                error @ TableError::Record { .. } => LoadError::Table(error),
            })?;
        let digest = verified.digest();
        let stamp = digest
            .0
            .first_chunk::<8>()
            .map_or(0, |first| u64::from_le_bytes(*first));
        Ok(Self {
            manifest: verified.manifest().clone(),
            digest,
            stamp,
            table,
            trail: verified.section(TRAIL).map(<[u8]>::to_vec),
        })
    }

    /// Which step of the history brought each rule, as the compiler wrote it; none in a bundle that is not attested.
    /// Nothing is decided by it.
    pub fn trail(&self) -> Option<&[u8]> {
        self.trail.as_deref()
    }

    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of its manifest, which holds those of all sections.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The action of a name, to look up once.
    pub fn action(&self, name: &str) -> Option<ActionId> {
        self.table.action(name)
    }

    /// What an action's arguments are read with. An id that is not of this bundle declares nothing.
    pub fn parameters(&self, action: ActionId) -> Parameters<'_> {
        self.table.parameters(action)
    }

    /// A new session of an agent in an environment. It never fails: what is unknown is denied at each call.
    pub fn session(&self, agent: &str, environment: &str) -> Session {
        Session::new(&self.table, self.stamp, agent, environment)
    }

    /// Lets a session hold a class that an earlier one of the same task held. Gives false for a class that the
    /// bundle does not have: what it would have forbidden is not known, so the host must not go on.
    #[must_use]
    pub fn hold(&self, session: &mut Session, class: &str) -> bool {
        session.bind(&self.table, self.stamp);
        match self.table.class(class) {
            Some(id) => {
                session.hold(&self.table, id);
                true
            }
            None => false,
        }
    }

    /// Decides a call. Where it is allowed, its reads join the session in the same step, before the host acts.
    #[inline]
    pub fn decide(&self, session: &mut Session, call: &Call<'_>) -> Decision {
        session.bind(&self.table, self.stamp);
        let (route, state) = session.along(&self.table, call.action);
        let reads = route.is_none_or(|route| route.reads);
        let decision = decide_along(&self.table, &state, &self.request(call), route, &mut Silent);
        if decision.outcome == Outcome::Allow {
            session.count();
            if reads {
                self.read(session, decision.action);
            }
        }
        decision
    }

    /// Decides a call of a session that holds nothing and has made no call, from names alone.
    #[inline]
    pub fn decide_once(&self, agent: &str, environment: &str, call: &Call<'_>) -> Decision {
        let state = State {
            seat: &Seat::resolve(&self.table, agent, environment),
            holding: &ClassSet::default(),
            calls: 0,
        };
        decide(&self.table, &state, &self.request(call), &mut Silent)
    }

    /// Says how a call is decided, and changes nothing: ask before [`Self::decide`], or of a copy of the session.
    pub fn explain(&self, session: &Session, call: &Call<'_>) -> Explanation {
        let mut session = session.clone();
        session.bind(&self.table, self.stamp);
        explain(&self.table, &session.state(), &self.request(call))
    }

    /// The answer to a request that cannot be read: there is always an answer, and it is no.
    pub fn refuse_unreadable() -> Decision {
        Decision::refusal(Code::InvalidRequest)
    }

    #[inline]
    fn request<'c>(&self, call: &Call<'c>) -> Request<'c> {
        let now = self.manifest.effective_time(call.now);
        let phase = match self.manifest.phase(call.now) {
            manifest::Phase::Live => Phase::Live,
            manifest::Phase::Grace => {
                let effects = self.manifest.grace.iter().flat_map(|grace| &grace.effects);
                Phase::Grace(effects.fold(0, |bits, effect| bits | (1 << *effect as u8)))
            }
            manifest::Phase::Expired => Phase::Expired,
        };
        Request {
            action: call.action,
            arguments: call.arguments,
            on_behalf_of: call.on_behalf_of,
            now,
            phase,
        }
    }

    /// Lets the session hold what an action reads.
    fn read(&self, session: &mut Session, action: Option<ActionId>) {
        use record::action as a;
        let Some(r) = action.and_then(|action| self.table.action_record(action)) else {
            return;
        };
        for class in self.table.words(r[a::READS], r[a::READ_COUNT]) {
            session.hold(&self.table, ClassId(*class));
        }
    }
}

/// Why bytes do not become a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// They have not the shape of a bundle.
    Open(OpenError),
    /// It is not to be believed.
    Verify(VerifyError),
    /// It was signed, and does not hold together.
    Table(TableError),
    /// It needs something of the runtime that this one does not know.
    Feature(String),
    /// A rule in it is decided by a program that cannot be evaluated here. Nothing is decided without the rule.
    Program(ProgramError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => write!(f, "{error}"),
            Self::Verify(error) => write!(f, "{error}"),
            Self::Table(error) => write!(
                f,
                "the bundle was signed, and its table does not hold together: {error}"
            ),
            Self::Feature(name) => write!(
                f,
                "the bundle needs the feature `{}`, which this runtime does not have",
                name.escape_debug()
            ),
            Self::Program(error) => write!(f, "the bundle cannot be used here: {error}"),
        }
    }
}

impl std::error::Error for LoadError {}
