//! A session: one run of one agent in one environment. It remembers the data classes read and the calls made.
//!
//! Classes only grow. A session outlives a change of bundle: it keeps names, and is resolved anew.

use crate::route::{Route, Routes};
use crate::table::{ActionId, Admission, ClassId, DeploymentId, EnvironmentId, PlacementId, Table};

/// A set of data classes, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassSet {
    words: Vec<u64>,
}

impl ClassSet {
    /// Whether a class is in it.
    #[inline]
    pub fn contains(&self, class: u32) -> bool {
        self.words
            .get((class / 64) as usize)
            .is_some_and(|word| word & (1 << (class % 64)) != 0)
    }

    /// Puts a class in.
    pub fn insert(&mut self, class: u32) {
        let at = (class / 64) as usize;
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at) {
            *word |= 1 << (class % 64);
        }
    }

    /// The classes in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let bits = |(at, word): (u32, &u64)| {
            let word = *word;
            (0..64)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| at * 64 + bit)
        };
        (0u32..).zip(&self.words).flat_map(bits)
    }
}

/// An agent and an environment, looked up once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    pub(crate) deployment: Option<DeploymentId>,
    pub(crate) environment: Option<EnvironmentId>,
    pub(crate) placement: Option<PlacementId>,
    /// From this moment on no call is taken, milliseconds since 1970: the first there is, where none ever was.
    pub(crate) until: i64,
    /// The first of the tools given, and how many.
    pub(crate) given: (u32, u32),
}

impl Seat {
    /// Looks both names up. What is unknown stays unknown, and is denied when a call is decided.
    #[inline]
    pub fn resolve(table: &Table, agent: &str, environment: &str) -> Self {
        match table.seat(agent, environment) {
            Some((placement, record)) => Self::at(placement, record),
            None => Self::resolve_apart(table, agent, environment),
        }
    }

    /// The same by one name after the other.
    #[cold]
    fn resolve_apart(table: &Table, agent: &str, environment: &str) -> Self {
        let deployment = table.deployment(agent);
        let environment = table.environment(environment);
        let placement = deployment.zip(environment).and_then(|(d, e)| table.placement(d, e));
        match placement.and_then(|placement| Some((placement, table.placement_record(placement)?))) {
            Some((placement, record)) => Self::at(placement, record),
            None => Self {
                deployment,
                environment,
                placement: None,
                until: i64::MIN,
                given: (0, 0),
            },
        }
    }

    /// What a placement's record says.
    #[inline]
    fn at(placement: PlacementId, record: &[u32; 8]) -> Self {
        use crate::table::record::placement as p;
        Self {
            deployment: Some(DeploymentId(record[p::DEPLOYMENT])),
            environment: Some(EnvironmentId(record[p::ENVIRONMENT])),
            placement: Some(placement),
            until: match Admission::of(record) {
                (Admission::Admitted, end) => end,
                _ => i64::MIN,
            },
            given: (record[p::GIVEN], record[p::GIVEN_COUNT]),
        }
    }
}

/// What has happened so far in a run.
#[derive(Debug, Clone)]
pub struct Session {
    agent: Box<str>,
    environment: Box<str>,
    /// Names of the classes held: what survives a change of bundle.
    held: Vec<Box<str>>,
    calls: i64,
    /// INVARIANT: what follows was resolved in the table whose stamp this is.
    stamp: u64,
    seat: Seat,
    holding: ClassSet,
    routes: Routes,
}

impl Session {
    /// A new session that holds nothing.
    pub(crate) fn new(table: &Table, stamp: u64, agent: &str, environment: &str) -> Self {
        Self {
            agent: agent.into(),
            environment: environment.into(),
            held: Vec::new(),
            calls: 0,
            stamp,
            seat: Seat::resolve(table, agent, environment),
            holding: ClassSet::default(),
            routes: Routes::default(),
        }
    }

    /// The deployment, as the host named it.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The environment, as the host named it.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The data classes held, in the order in which they came.
    pub fn holding(&self) -> impl Iterator<Item = &str> {
        self.held.iter().map(AsRef::as_ref)
    }

    /// How many calls were allowed.
    pub fn calls(&self) -> i64 {
        self.calls
    }

    /// Resolves anew if the table is another than the last time.
    #[inline]
    pub(crate) fn bind(&mut self, table: &Table, stamp: u64) {
        if self.stamp != stamp {
            self.stamp = stamp;
            self.seat = Seat::resolve(table, &self.agent, &self.environment);
            self.routes = Routes::default();
            self.holding = ClassSet::default();
            for class in self.held.iter().filter_map(|name| table.class(name)) {
                self.holding.insert(class.0);
            }
        }
    }

    /// Where it stands in the table that it was bound to.
    #[inline]
    pub(crate) fn state(&self) -> State<'_> {
        State {
            seat: &self.seat,
            holding: &self.holding,
            calls: self.calls,
        }
    }

    /// The same, and the way from there to an action; nothing, where the table has no such action.
    #[inline]
    pub(crate) fn along(&mut self, table: &Table, action: Option<ActionId>) -> (Option<&Route>, State<'_>) {
        let route = action.and_then(|action| self.routes.find(table, &self.seat, action));
        let state = State {
            seat: &self.seat,
            holding: &self.holding,
            calls: self.calls,
        };
        (route, state)
    }

    /// Takes a class in. The table must be the one that it was bound to.
    pub(crate) fn hold(&mut self, table: &Table, class: ClassId) {
        if !self.holding.contains(class.0) {
            self.holding.insert(class.0);
            self.held.push(table.class_name(class).into());
        }
    }

    /// Counts a call that was allowed.
    pub(crate) fn count(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }
}

/// What a decision reads of a session.
#[derive(Debug, Clone, Copy)]
pub struct State<'s> {
    /// The agent and environment.
    pub seat: &'s Seat,
    /// The classes held.
    pub holding: &'s ClassSet,
    /// Calls made.
    pub calls: i64,
}
