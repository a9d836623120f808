//! Tests in the format of Cedar's public integration tests, each request decided by our lowering, diagrams and table.
//!
//! Each request is decided twice: with all entities known when compiling, and with the attributes, the tags and the
//! ancestors of the resource, and which one it is, known only to the request.

pub mod generate;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use polity::lower::cedar::policies::entity_text;
use polity::lower::cedar::world::{Asked, Class, Lowered, Policies, World};
use polity_runtime::table::Table;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

use table::{Decided, decided, table};

/// A test file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    /// Paths from the folder of all tests.
    pub policies: String,
    /// `cedar` or `json`.
    #[serde(default)]
    pub policy_format: Option<String>,
    pub entities: String,
    pub schema: String,
    /// Whether Cedar's validator takes the policies.
    #[serde(alias = "should_validate", default)]
    pub should_validate: Option<bool>,
    #[serde(alias = "queries")]
    pub requests: Vec<Request>,
}

/// One request with what Cedar says of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    #[serde(alias = "desc", default)]
    pub description: String,
    pub principal: Option<Json>,
    pub action: Option<Json>,
    pub resource: Option<Json>,
    #[serde(default)]
    pub context: Json,
    pub decision: String,
    #[serde(alias = "reasons", default)]
    pub reason: Option<BTreeSet<String>>,
    #[serde(default)]
    pub errors: Option<BTreeSet<String>>,
}

/// The texts of a test.
#[derive(Debug, Clone)]
pub struct Texts {
    pub policies: String,
    pub json: bool,
    pub schema: String,
    pub entities: Json,
}

/// What became of a request in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As Cedar says, to the policies that decided and those that erred.
    Agrees,
    /// A forbid erred: Cedar allows, and we deny.
    Stricter,
    /// Not decided, for a reason in words.
    Refused(String),
    Disagrees(String),
}

/// How many requests of a run came to what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    pub agree: usize,
    /// A forbid erred, and the answer is deny where Cedar's is allow.
    pub stricter: usize,
    pub refused: BTreeMap<String, usize>,
    pub disagreements: Vec<String>,
}

impl Count {
    /// All requests.
    pub fn requests(&self) -> usize {
        self.agree + self.stricter + self.refusals() + self.disagreements.len()
    }

    pub fn refusals(&self) -> usize {
        self.refused.values().sum()
    }

    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict, what: impl FnOnce() -> String) {
        match verdict {
            Verdict::Agrees => self.agree += 1,
            Verdict::Stricter => self.stricter += 1,
            Verdict::Refused(why) => *self.refused.entry(why).or_default() += 1,
            Verdict::Disagrees(how) => self.disagreements.push(format!("{}: {how}", what())),
        }
    }

    /// Counts those of another run too.
    pub fn append(&mut self, other: Count) {
        self.agree += other.agree;
        self.stricter += other.stricter;
        for (why, many) in other.refused {
            *self.refused.entry(why).or_default() += many;
        }
        self.disagreements.extend(other.disagreements);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests: {} agree, {} are denied because a forbid errs, {} refused, {} disagree",
            self.requests(),
            self.agree,
            self.stricter,
            self.refusals(),
            self.disagreements.len()
        )?;
        let mut refused: Vec<(&String, &usize)> = self.refused.iter().collect();
        refused.sort_by_key(|(why, many)| (std::cmp::Reverse(**many), *why));
        for (why, many) in refused {
            writeln!(f, "  refused {many}: {why}")?;
        }
        for how in &self.disagreements {
            writeln!(f, "  disagrees: {how}")?;
        }
        Ok(())
    }
}

/// Both runs: with everything known when compiling, and with the resource known only to the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub files: usize,
    /// Of these the policies are not well-typed, and an organisation's would be refused.
    pub ill_typed: usize,
    pub known: Count,
    pub asked: Count,
}

impl Report {
    /// Adds those of other files.
    pub fn append(&mut self, other: Report) {
        self.files += other.files;
        self.ill_typed += other.ill_typed;
        self.known.append(other.known);
        self.asked.append(other.asked);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} files, {} with policies that are not well-typed",
            self.files, self.ill_typed
        )?;
        write!(f, "all entities known: {}", self.known)?;
        write!(f, "the resource with the request: {}", self.asked)
    }
}

/// Changes lowered policies before a table is made of them: what a test of the tests breaks.
pub type Break<'b> = &'b (dyn Fn(&mut Vec<Lowered>) + Sync);

/// Runs every test under a folder.
///
/// # Panics
/// Where the folder cannot be read.
pub fn run(folder: &Path, broken: Break<'_>) -> Report {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    run_files(folder, &files, broken)
}

/// The stack of each thread, in bytes: as the command's threads have, so that parsers need none of their own each time.
const STACK: usize = 32 << 20;

/// Runs some of the tests under a folder.
pub fn run_files(folder: &Path, files: &[PathBuf], broken: Break<'_>) -> Report {
    let threads = rayon::ThreadPoolBuilder::new()
        .stack_size(STACK)
        .build()
        .expect("threads");
    let each = || files.par_iter().filter_map(|file| one(folder, file, broken)).collect();
    let reports: Vec<Report> = threads.install(each);
    let mut all = Report::default();
    reports.into_iter().for_each(|report| all.append(report));
    all
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of tests").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// One file; `None` of JSON that is no test.
fn one(folder: &Path, file: &Path, broken: Break<'_>) -> Option<Report> {
    let json: Json = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    let asked = json.get("requests").or(json.get("queries"))?.as_array()?.len();
    let name = file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let test: Test = match serde_json::from_value(json) {
        Ok(test) => test,
        Err(error) => {
            // A test that is not understood is not one that agrees.
            let refused = Count {
                refused: BTreeMap::from([(format!("`{name}` is no test: {error}"), asked)]),
                ..Count::default()
            };
            return Some(Report {
                files: 1,
                known: refused.clone(),
                asked: refused,
                ..Report::default()
            });
        }
    };
    let read = |path: &str| {
        // Paths are from the folder of all tests, which may be above the one that was given.
        let found = file
            .ancestors()
            .skip(1)
            .map(|above| above.join(path))
            .find(|path| path.is_file());
        found
            .and_then(|path| fs::read_to_string(path).ok())
            .ok_or_else(|| format!("there is no file `{path}`"))
    };
    let texts = (|| {
        Ok::<_, String>(Texts {
            policies: read(&test.policies)?,
            json: test.policy_format.as_deref() == Some("json"),
            schema: read(&test.schema)?,
            entities: serde_json::from_str(&read(&test.entities)?).map_err(|error| error.to_string())?,
        })
    })();
    let mut report = Report {
        files: 1,
        ill_typed: usize::from(test.should_validate == Some(false)),
        ..Report::default()
    };
    let ready = texts.and_then(|texts| Ready::new(&texts));
    for (number, request) in test.requests.iter().enumerate() {
        let read = match &ready {
            Ok(ready) => ready.read(request).map(|read| (ready, read)),
            Err(why) => Err(why.clone()),
        };
        for (open, count) in [(false, &mut report.known), (true, &mut report.asked)] {
            let verdict = match &read {
                Ok((ready, read)) => ready.judge_read(request, read, open, broken),
                Err(why) => Verdict::Refused(why.clone()),
            };
            count.add(verdict, || format!("{name} request {number}"));
        }
    }
    Some(report)
}

/// A test's texts, read.
pub struct Ready {
    world: World,
    policies: Policies,
    /// The tables of the classes of requests that were asked about: most of a file's requests are of one class.
    made: Mutex<BTreeMap<ClassKey, Arc<Made>>>,
}

/// A principal, an action and a resource, each a type and an id; and whether the request tells of the resource.
type ClassKey = ([(String, String); 3], bool);

/// What the policies are lowered to for a class, and their table; or why there is none.
type Made = Result<(Vec<Lowered>, Table), String>;

impl Ready {
    /// Reads the texts.
    ///
    /// # Errors
    /// In words, where Cedar does not take them.
    pub fn new(texts: &Texts) -> Result<Self, String> {
        let policies = match texts.json {
            true => Policies::from_json(&texts.policies),
            false => Policies::new(&texts.policies),
        };
        Ok(Self {
            world: World::new(&texts.schema, texts.entities.clone())?,
            policies: policies?,
            made: Mutex::default(),
        })
    }

    /// Decides a request, and compares. What is broken on purpose is broken alike for all requests.
    pub fn judge(&self, request: &Request, open: bool, broken: Break<'_>) -> Verdict {
        match self.read(request) {
            Err(why) => Verdict::Refused(why),
            Ok(read) => self.judge_read(request, &read, open, broken),
        }
    }

    fn judge_read(&self, request: &Request, read: &Read, open: bool, broken: Break<'_>) -> Verdict {
        match self.decide(read, open, broken) {
            Err(why) => Verdict::Refused(why),
            Ok((made, ours)) => {
                let lowered = made.as_ref().as_ref().map_or(&[][..], |(lowered, _)| lowered);
                compare(request, lowered, &ours)
            }
        }
    }

    fn read(&self, request: &Request) -> Result<Read, String> {
        let [principal, action, resource] = [&request.principal, &request.action, &request.resource].map(entity);
        let named = [principal?, action?, resource?];
        let context = match &request.context {
            Json::Null => Json::Object(serde_json::Map::new()),
            context => context.clone(),
        };
        let [_, (ty, id), _] = &named;
        let context = self.world.context((ty, id), context)?;
        Ok(Read { named, context })
    }

    fn decide(&self, read: &Read, open: bool, broken: Break<'_>) -> Result<(Arc<Made>, Decided), String> {
        let [p, a, r] = &read.named;
        let named = [p, a, r].map(|(ty, id)| (ty.as_str(), id.as_str()));
        let class = self.world.class(&self.policies, named, open)?;
        let slots = class.call(&read.context)?;
        let key = (read.named.clone(), open);
        let known = self.made.lock().expect("no thread fails with it").get(&key).cloned();
        let made = known.unwrap_or_else(|| {
            let made = Arc::new(self.make(&class, broken));
            self.made
                .lock()
                .expect("no thread fails with it")
                .insert(key, Arc::clone(&made));
            made
        });
        let (lowered, table) = made.as_ref().as_ref().map_err(Clone::clone)?;
        let ours = decided(table, lowered, slots);
        Ok((made, ours))
    }

    fn make(&self, class: &Class<'_>, broken: Break<'_>) -> Made {
        let mut lowered = class.lower(&self.policies);
        if let Some(why) = lowered.iter().find_map(|policy| policy.condition.as_ref().err()) {
            return Err(why.clone());
        }
        broken(&mut lowered);
        let table = table(&lowered, class.slots()).ok_or("a condition comes to too large a diagram")?;
        Ok((lowered, table))
    }
}

/// A request, read: its principal, action and resource by type and id, and its context.
struct Read {
    named: [(String, String); 3],
    context: Asked,
}

fn entity(json: &Option<Json>) -> Result<(String, String), String> {
    let json = json
        .as_ref()
        .ok_or("the request leaves out its principal, action or resource")?;
    let json = json.get("__entity").unwrap_or(json);
    if let Some(read) = json.as_str().and_then(entity_text) {
        return Ok(read);
    }
    let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    text("type")
        .zip(text("id"))
        .ok_or_else(|| "the request names no entity".to_owned())
}

/// Whether our answer is Cedar's: the decision, what determined it, and what erred.
fn compare(request: &Request, lowered: &[Lowered], ours: &Decided) -> Verdict {
    let allowed = request.decision.eq_ignore_ascii_case("allow");
    let say = |what: &str| {
        Verdict::Disagrees(format!(
            "{what}: Cedar says {} by {:?} with errors {:?}, and we {ours:?}",
            request.decision, request.reason, request.errors
        ))
    };
    if request.errors.as_ref().is_some_and(|errors| *errors != ours.errors) {
        return say("other policies err");
    }
    let erring = lowered
        .iter()
        .any(|policy| policy.forbids && ours.errors.contains(&policy.id));
    if erring {
        return match (allowed, ours.allowed) {
            (_, true) => say("a forbid errs, and it is allowed"),
            (true, false) => Verdict::Stricter,
            (false, false) => Verdict::Agrees,
        };
    }
    if allowed != ours.allowed {
        return say("another decision");
    }
    let determining = if allowed { &ours.permits } else { &ours.forbids };
    if request.reason.as_ref().is_some_and(|reason| reason != determining) {
        return say("other policies decide");
    }
    Verdict::Agrees
}
