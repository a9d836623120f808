//! Policies as people write them for agents, tools and APIs, each a file of `cases/rego`: who decides them, what is said
//! of them, and that they mean for every call what regorus says.
//!
//! The calls take their values from the policies' own constants, and from what lies beside those.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use polity::compile::{Compiled, compile};
use polity::diag::Sink;
use polity::resolve::shape::{Parameter, Type};
use polity::resolve::{Action, Organization};
use polity::source::SourceTree;
use polity_tests::compare::asked;
use polity_tests::generate::random::Random;
use polity_tests::naive::Request;
use rayon::prelude::*;
use regorus::{Engine, Value};
use serde_json::{Map, Value as Json, json};

use super::NOW;

/// Calls of each policy.
const CALLS: usize = 40;

const SEATS: [(&str, &str); 3] = [
    ("payments/bot", "production"),
    ("payments/bot", "staging"),
    ("platform/helper", "production"),
];

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/rego")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a case")
}

/// A policy with what it is compiled with.
struct Written {
    name: String,
    /// Modules: the policy first, then those that it imports.
    modules: Vec<(String, String)>,
    data: String,
}

impl Written {
    fn all() -> Vec<Self> {
        let data = read(&cases().join("data.json"));
        let mut names: Vec<PathBuf> = std::fs::read_dir(cases())
            .expect("the cases")
            .map(|entry| entry.expect("a case").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rego"))
            .collect();
        names.sort();
        let one = |path: &PathBuf| {
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .expect("a name")
                .to_owned();
            let text = read(path);
            let mut modules = vec![(format!("policies/{name}.rego"), text.clone())];
            for helper in ["lib/common.rego", "lib/github.rego"] {
                if text.contains("data.lib.") {
                    modules.push((helper.to_owned(), read(&cases().join(helper))));
                }
            }
            Self {
                name,
                modules,
                data: data.clone(),
            }
        };
        names.iter().map(one).collect()
    }

    fn compiled(&self) -> (SourceTree, Compiled) {
        let mut files = vec![
            ("polity.yaml".to_owned(), read(&cases().join("organisation.yaml"))),
            ("policies/data.json".to_owned(), self.data.clone()),
        ];
        for (name, text) in &self.modules {
            files.push((name.clone(), text.clone()));
        }
        let tree = SourceTree::from_files(files);
        let compiled = compile(&tree, NOW, Sink::default());
        (tree, compiled)
    }

    fn engine(&self) -> Engine {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(true);
        for (name, text) in &self.modules {
            engine.add_policy(name.clone(), text.clone()).expect("a module");
        }
        engine.add_data_json(&self.data).expect("data");
        engine
    }
}

/// What a policy and its data name, and what lies beside it.
struct Pool {
    texts: Vec<String>,
    numbers: Vec<i64>,
}

impl Pool {
    fn new(written: &Written) -> Self {
        let mut texts: BTreeSet<String> = ["", "x", "main", "é", "acme", "core", "web"].map(String::from).into();
        let mut numbers: BTreeSet<i64> = [0, 1, 2, 5].into();
        let source: String = written.modules.iter().map(|(_, text)| text.as_str()).collect();
        let all = format!("{source}\n{}", written.data);
        for quote in ['"', '`'] {
            for (at, text) in all.split(quote).enumerate() {
                if at % 2 == 1 && text.len() < 40 && !text.contains('\n') {
                    let text = text.replace("\\n", "\n").replace("\\t", "\t");
                    texts.insert(format!("{text}x"));
                    texts.insert(format!("x{text}"));
                    texts.insert(format!("{text}/x"));
                    texts.insert(text.to_uppercase());
                    texts.insert(text);
                }
            }
        }
        for word in all.split(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
            if let Ok(number) = word.parse::<f64>()
                && number.abs() < 1e9
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is small")]
                let number = number as i64;
                numbers.extend([number - 1, number, number + 1, -number]);
            }
        }
        Self {
            texts: texts.into_iter().collect(),
            numbers: numbers.into_iter().collect(),
        }
    }

    fn text(&self, random: &mut Random) -> String {
        self.texts[random.below(self.texts.len())].clone()
    }

    fn number(&self, random: &mut Random) -> i64 {
        self.numbers[random.below(self.numbers.len())]
    }

    /// A value of a type as the document spells it, so that nothing has to be normalised.
    fn value(&self, ty: &Type, random: &mut Random) -> Json {
        let pick = |random: &mut Random, of: &[&str]| json!(of[random.below(of.len())]);
        match ty {
            Type::String { fold: true } => json!(self.text(random).to_lowercase()),
            Type::String { fold: false } => json!(self.text(random)),
            Type::Int => json!(self.number(random)),
            Type::Bool => json!(random.percent(50)),
            Type::Decimal => {
                let near = [0.0, 0.25, 0.005, -0.5, 0.99];
                #[expect(clippy::cast_precision_loss, reason = "it is small")]
                let whole = self.number(random) as f64;
                json!(whole + near[random.below(near.len())])
            }
            Type::DateTime => pick(
                random,
                &[
                    "2026-11-01T12:00:00Z",
                    "2026-11-01T11:59:59.999Z",
                    "2027-01-01T00:00:00Z",
                ],
            ),
            Type::Duration => json!(self.number(random).abs()),
            Type::Ip => pick(random, &["10.0.0.1", "192.168.1.1", "11.0.0.0", "9.255.255.255", "::1"]),
            Type::Path => pick(
                random,
                &[
                    "/",
                    "/workspace",
                    "/workspace/a",
                    "/workspace/a/secrets",
                    "/workspace/a/b/secrets",
                    "/workspace/tmp",
                    "/etc/passwd",
                    "/home/x",
                    "/home/x.git",
                    "/root",
                ],
            ),
            Type::Host => pick(random, &["acme.example", "evil.example", "x.internal.example.com"]),
            Type::Enum(values) => json!(values[random.below(values.len())]),
            Type::List(of) => {
                let mut items: Vec<Json> = (0..random.within(0, 4)).map(|_| self.value(of, random)).collect();
                let order = |item: &Json| (item.as_i64(), item.as_str().map(str::to_owned));
                items.sort_by_key(order);
                items.dedup();
                Json::Array(items)
            }
            Type::Record(fields) => self.record(fields, random),
            Type::Url(_) => pick(
                random,
                &[
                    "https://api.example.com/v1",
                    "http://api.example.com/",
                    "https://a.internal.example.com/x",
                    "https://a.cdn.example.com/",
                    "https://a.b.cdn.example.com/",
                    "https://evil.example/",
                ],
            ),
            Type::Email(_) => pick(
                random,
                &["a@acme.example", "b@partner.example", "c@evil.example", "d@x.example"],
            ),
            Type::Hosts | Type::Opaque => Json::Null,
        }
    }

    fn record(&self, fields: &[Parameter], random: &mut Random) -> Json {
        let mut object = Map::new();
        for field in fields {
            let given = !matches!(field.ty, Type::Hosts | Type::Opaque);
            if given && (!field.optional || random.percent(60)) {
                object.insert(field.name.clone(), self.value(&field.ty, random));
            }
        }
        Json::Object(object)
    }
}

/// A call; of few a required argument is missing.
fn call(organization: &Organization, pool: &Pool, random: &mut Random) -> Request {
    let (agent, environment) = SEATS[random.below(SEATS.len())];
    let action = &organization.actions[random.below(organization.actions.len())];
    let shape = &organization.shapes[action.shape.0 as usize];
    let mut args = pool.record(&shape.parameters, random);
    if random.percent(5)
        && let Some(object) = args.as_object_mut()
        && let Some(name) = object.keys().next().cloned()
    {
        object.remove(&name);
    }
    let classes: Vec<String> = ["customer-data", "source-code"]
        .into_iter()
        .filter(|_| random.percent(30))
        .map(str::to_owned)
        .collect();
    Request {
        agent: agent.into(),
        environment: environment.into(),
        action: action.name.clone(),
        args,
        holding: classes,
        on_behalf_of: random.percent(40).then(|| ["alice", "bob"][random.below(2)].to_owned()),
        calls: [0, 100, 101][random.below(3)],
        now: NOW
            + [
                -43_200_000,
                -10_800_001,
                -10_800_000,
                0,
                17_999_999,
                18_000_000,
                43_200_000,
                4_320_000_000,
            ][random.below(8)],
    }
}

/// The input document of a call, as the model has it.
fn document(organization: &Organization, request: &Request) -> Json {
    let (team, agent) = request.agent.split_once('/').expect("a deployment");
    let action = organization.actions.iter().find(|action| action.name == request.action);
    let action: &Action = action.expect("an action");
    let tags: Map<String, Json> = organization
        .agents
        .iter()
        .filter(|one| one.name.value == agent)
        .flat_map(|one| &one.tags)
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    let shape = &organization.shapes[action.shape.0 as usize];
    let text = |name: &str| {
        request
            .args
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let resources: Vec<String> = match action.resources.is_empty() {
        true => Vec::new(),
        false => vec![format!("repo:{}/{}", text("owner"), text("repo"))],
    };
    let mut document = json!({
        "agent": {
            "name": request.agent, "agent": agent, "team": team, "tags": tags,
            "ring": if request.agent == "payments/bot" && request.environment == "production" { 1 } else { 0 },
        },
        "environment": request.environment,
        "action": {
            "name": request.action, "tool": request.action.split_once('.').expect("a tool").0,
            "effect": action.effect.as_str(), "external": action.external, "reversible": action.reversible,
        },
        "resources": resources,
        "args": fields(&shape.parameters, &request.args),
        "session": {"holding": request.holding, "calls": request.calls},
        "now": polity_runtime::wire::Timestamp::from_millis(request.now).expect("a moment").to_string(),
    });
    if let Some(person) = &request.on_behalf_of {
        document["on_behalf_of"] = json!(person);
    }
    document
}

fn fields(parameters: &[Parameter], given: &Json) -> Json {
    let mut object = Map::new();
    for parameter in parameters {
        let Some(value) = given.get(&parameter.name) else {
            continue;
        };
        let text = value.as_str().unwrap_or_default();
        let value = match &parameter.ty {
            Type::Opaque => continue,
            Type::List(of) if matches!(**of, Type::Email(_)) => {
                let hosts = value.as_array().into_iter().flatten().filter_map(Json::as_str);
                let hosts: BTreeSet<&str> = hosts.filter_map(|text| Some(text.split_once('@')?.1)).collect();
                object.insert(format!("{}_hosts", parameter.name), json!(hosts));
                continue;
            }
            Type::Record(inner) => fields(inner, value),
            Type::Url(_) => {
                let (scheme, rest) = text.split_once("://").expect("a url");
                let (host, path) = rest.split_once('/').expect("a url");
                let port = if scheme == "https" { 443 } else { 80 };
                json!({"scheme": scheme, "host": host, "port": port, "path": format!("/{path}")})
            }
            _ => value.clone(),
        };
        object.insert(parameter.name.clone(), value);
    }
    Json::Object(object)
}

/// What a rule comes to there: whether it holds, or `None` where evaluating it fails.
fn holds(engine: &mut Engine, package: &str, rule: &str) -> Option<bool> {
    match engine.eval_rule(format!("data.polity{package}.{rule}")) {
        Ok(Value::Bool(answer)) => Some(answer),
        Ok(Value::Set(reasons)) => Some(!reasons.is_empty()),
        Ok(Value::Undefined) => Some(false),
        Ok(_) | Err(_) => None,
    }
}

/// Puts a policy to calls; how often a rule held.
fn compared(written: &Written, compiled: &Compiled) -> usize {
    let table = compiled.table.as_ref().expect("a table");
    let organization = &compiled.organization;
    let pool = Pool::new(written);
    let mut engine = written.engine();
    let mut random = Random::new(1);
    let package = written.modules[0]
        .1
        .lines()
        .find_map(|line| line.strip_prefix("package polity"));
    let package = package.expect("a package").trim();
    let mut held = 0;
    for _ in 0..CALLS {
        let request = call(organization, &pool, &mut random);
        let answer = asked(table, &request);
        if !["denied-by-rule", "no-grant", "granted", "approval-required"].contains(&answer.code) {
            continue;
        }
        let document = document(organization, &request);
        engine.set_input(Value::from_json_str(&document.to_string()).expect("an input"));
        for rule in &organization.rules {
            let (_, entry) = rule.name.split_once('/').expect("a rule");
            let ours = [&answer.denies, &answer.grants, &answer.gates]
                .iter()
                .any(|matching| matching.contains(&rule.name));
            if answer.erring.contains(&rule.name) {
                continue;
            }
            let theirs = holds(&mut engine, package, entry);
            assert_eq!(theirs, Some(ours), "{}, regorus first\n{document:#}", rule.name);
            held += usize::from(ours);
        }
    }
    held
}

/// What is said of a policy, and who decides its rules.
fn said(tree: &SourceTree, compiled: &Compiled) -> String {
    let mut said = String::new();
    for found in compiled.findings.diagnostics() {
        let label = found.primary.as_ref();
        let Some((label, file)) = label.and_then(|label| Some((label, tree.file(label.span.file)?))) else {
            continue;
        };
        if found.code.id == "rego-needs-engine" || !file.path.ends_with(".rego") {
            continue;
        }
        let line = tree.position(label.span).map_or(0, |place| place.0.line);
        write!(said, "  {line}: {} {}", found.code.id, found.message).unwrap();
        for help in &found.help {
            write!(said, "; {}", help.text).unwrap();
        }
        said.push('\n');
    }
    if compiled.table.is_some() {
        for (rule, body) in compiled.organization.rules.iter().zip(&compiled.rules.bodies) {
            let entry = rule.name.rsplit('/').next().unwrap_or_default();
            match &body.beyond {
                Some(beyond) => writeln!(said, "  {entry}: engine, for {}", beyond.what).unwrap(),
                None => writeln!(said, "  {entry}: table").unwrap(),
            }
        }
    }
    said
}

#[test]
fn policies_as_people_write_them_mean_what_regorus_says() {
    let all = Written::all();
    let one = |written: &Written| {
        let (tree, compiled) = written.compiled();
        let held = match compiled.table {
            Some(_) => compared(written, &compiled),
            None => 0,
        };
        (format!("{}\n{}", written.name, said(&tree, &compiled)), held)
    };
    let found: Vec<(String, usize)> = all.par_iter().map(one).collect();
    let held: usize = found.iter().map(|(_, held)| held).sum();
    assert!(held > 300, "{held}");
    let said: String = found.into_iter().map(|(said, _)| said).collect();
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("rego-written", said);
    });
}

/// The same policies, each rule with a statement that only the engine takes.
#[test]
fn the_engine_says_the_same_of_them() {
    let asked = |mut written: Written| {
        let only = "type_name(1) == \"number\"";
        let line = |line: &str| match line.split_once(" if ") {
            _ if line.ends_with("if {") => format!("{line}\n\t{only}"),
            Some((head, body)) if !line.starts_with('\t') && !line.contains("else") => {
                format!("{head} if {{\n\t{only}\n\t{body}\n}}")
            }
            _ => line.to_owned(),
        };
        let (_, text) = &mut written.modules[0];
        *text = text.lines().map(line).collect::<Vec<_>>().join("\n");
        let (_, compiled) = written.compiled();
        compiled.table.is_some().then(|| {
            let bodies = &compiled.rules.bodies;
            let kept = bodies.iter().filter(|body| body.beyond.is_some()).count();
            (kept, compared(&written, &compiled))
        })
    };
    let found: Vec<(usize, usize)> = Written::all().into_par_iter().filter_map(asked).collect();
    let (kept, held) = found.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(kept > 60 && held > 250, "{kept} {held}");
}
