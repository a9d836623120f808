//! Tests in the same format, made at random: a schema with every type, entities, policies that look at everything, and
//! requests whose context says much. What Cedar's own authorizer says of them is the expectation.

mod expressions;

use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Schema, ValidationMode, Validator};
use serde_json::{Map, Value as Json, json};

use super::{Request, Texts};
use crate::generate::random::Random;

/// A type of the schema.
#[derive(Debug, Clone, PartialEq)]
enum Ty {
    Bool,
    Long,
    String,
    Decimal,
    Ip,
    DateTime,
    Duration,
    Entity(&'static str),
    Set(Box<Ty>),
    Record(Vec<Field>),
}

/// Name, type, and whether it may be left out.
type Field = (&'static str, Ty, bool);

const TYPES: [&str; 4] = ["User", "Doc", "Folder", "Team"];
const TAGS: [&str; 4] = ["red", "green", "blue", "none"];

/// What users, documents and the context all have.
fn kinds() -> Vec<Field> {
    let set = |ty| Ty::Set(Box::new(ty));
    let one = |name| Ty::Record(vec![(name, Ty::Long, false)]);
    vec![
        ("address", Ty::Ip, false),
        ("count", Ty::Long, false),
        ("doc", Ty::Entity("Doc"), true),
        ("flag", Ty::Bool, false),
        ("flags", set(Ty::Bool), false),
        ("friend", Ty::Entity("User"), false),
        ("friends", set(Ty::Entity("User")), false),
        ("group", Ty::Entity("Folder"), false),
        (
            "inner",
            Ty::Record(vec![
                ("deep", Ty::Record(vec![("z", Ty::Bool, false)]), true),
                ("x", Ty::Long, false),
                ("y", Ty::String, true),
            ]),
            false,
        ),
        ("maybe", Ty::Long, true),
        ("moment", Ty::DateTime, false),
        ("nested", set(set(Ty::Long)), false),
        ("note", Ty::String, true),
        ("numbers", set(Ty::Long), false),
        ("price", Ty::Decimal, false),
        ("ranges", set(Ty::Ip), false),
        ("records", set(one("a")), false),
        ("span", Ty::Duration, false),
        ("text", Ty::String, false),
        ("words", set(Ty::String), true),
    ]
}

fn spelled(ty: &Ty) -> String {
    match ty {
        Ty::Bool => "Bool".into(),
        Ty::Long => "Long".into(),
        Ty::String => "String".into(),
        Ty::Decimal => "decimal".into(),
        Ty::Ip => "ipaddr".into(),
        Ty::DateTime => "datetime".into(),
        Ty::Duration => "duration".into(),
        Ty::Entity(name) => (*name).into(),
        Ty::Set(of) => format!("Set<{}>", spelled(of)),
        Ty::Record(fields) => {
            let field =
                |(name, ty, optional): &Field| format!("{name}{}: {}", if *optional { "?" } else { "" }, spelled(ty));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The schema of every test.
pub fn schema() -> String {
    let kinds = spelled(&Ty::Record(kinds()));
    format!(
        "entity Team;\nentity Folder in [Folder];\n\
         entity User in [Team, Doc] = {kinds} tags String;\n\
         entity Doc in [Folder, Doc] = {kinds} tags Set<Long>;\n\
         action all;\n\
         action read in [all] appliesTo {{ principal: [User], resource: [Doc], context: {kinds} }};\n\
         action write in [all] appliesTo {{ principal: [User], resource: [Doc], context: {kinds} }};\n"
    )
}

/// One test: its texts, and requests with what Cedar says of them.
///
/// # Panics
/// Where Cedar does not take what was made.
pub fn test(seed: u64, requests: usize) -> (Texts, Vec<Request>) {
    let mut maker = Maker {
        random: Random::new(seed),
    };
    let many = maker.random.within(1, 5);
    let policies: Vec<String> = (0..many).map(|_| maker.policy()).collect();
    let texts = Texts {
        policies: policies.join("\n"),
        json: false,
        schema: schema(),
        entities: maker.entities(),
    };
    let mut asked: Vec<Request> = (0..requests).map(|_| maker.request()).collect();
    let judge = Judge::new(&texts);
    asked.iter_mut().for_each(|request| judge.fill(request));
    (texts, asked)
}

/// Cedar's own authorizer over the texts of a test.
pub struct Judge {
    policies: PolicySet,
    schema: Schema,
    entities: Entities,
}

impl Judge {
    /// Reads the texts.
    ///
    /// # Panics
    /// Where Cedar does not take them.
    pub fn new(texts: &Texts) -> Self {
        let schema = match texts.schema.trim_start().starts_with('{') {
            true => Schema::from_json_str(&texts.schema).expect("a schema"),
            false => Schema::from_cedarschema_str(&texts.schema).expect("a schema").0,
        };
        let entities = Entities::from_json_value(texts.entities.clone(), Some(&schema));
        Self {
            policies: PolicySet::from_str(&texts.policies)
                .unwrap_or_else(|error| panic!("{error}\n{}", texts.policies)),
            entities: entities.expect("entities of the schema"),
            schema,
        }
    }

    /// Whether Cedar's validator takes the policies, in strict mode.
    pub fn validates(&self) -> bool {
        let validator = Validator::new(self.schema.clone());
        validator
            .validate(&self.policies, ValidationMode::Strict)
            .validation_passed()
    }

    /// Writes down what Cedar says.
    ///
    /// # Panics
    /// Where the request is not one of the schema.
    pub fn fill(&self, request: &mut Request) {
        let uid = |json: &Option<Json>| EntityUid::from_json(json.clone().expect("an entity")).expect("an entity");
        let (principal, action, resource) = (uid(&request.principal), uid(&request.action), uid(&request.resource));
        let context = Context::from_json_value(request.context.clone(), Some((&self.schema, &action)));
        let asked = cedar_policy::Request::new(principal, action, resource, context.expect("a context"), None);
        let answer = Authorizer::new().is_authorized(&asked.expect("a request"), &self.policies, &self.entities);
        let decision = answer.decision() == Decision::Allow;
        request.decision = if decision { "allow" } else { "deny" }.to_owned();
        request.reason = Some(answer.diagnostics().reason().map(ToString::to_string).collect());
        let erred = |error: &cedar_policy::AuthorizationError| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
        };
        request.errors = Some(answer.diagnostics().errors().map(erred).collect());
    }
}

struct Maker {
    random: Random,
}

impl Maker {
    // Values, as JSON.

    fn value(&mut self, ty: &Ty) -> Json {
        let extension = |name: &str, arg: &str| json!({"__extn": {"fn": name, "arg": arg}});
        match ty {
            Ty::Bool => json!(self.random.percent(50)),
            Ty::Long => json!(self.long()),
            Ty::String => json!(self.word()),
            Ty::Decimal => extension("decimal", self.decimal()),
            Ty::Ip => extension("ip", self.ip()),
            Ty::DateTime => extension("datetime", self.datetime()),
            Ty::Duration => extension("duration", self.duration()),
            Ty::Entity(name) => {
                let id = self.id(name);
                json!({"__entity": {"type": name, "id": id}})
            }
            Ty::Set(of) => {
                let many = self.random.below(4);
                (0..many).map(|_| self.value(of)).collect()
            }
            Ty::Record(fields) => self.record(fields),
        }
    }

    fn record(&mut self, fields: &[Field]) -> Json {
        let mut record = Map::new();
        for (name, ty, optional) in fields {
            if !*optional || self.random.percent(60) {
                record.insert((*name).to_owned(), self.value(ty));
            }
        }
        Json::Object(record)
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of[self.random.below(of.len())]
    }

    fn long(&mut self) -> i64 {
        *self
            .random
            .pick(&[0, 1, 2, 3, -1, 10, i64::MAX, i64::MIN, 4_611_686_018_427_387_904])
    }

    fn word(&mut self) -> &'static str {
        self.one(&["", "a", "ab", "abc", "red", "green", "*", "a*c", "é", "\\", "10.0.0.1"])
    }

    fn decimal(&mut self) -> &'static str {
        self.one(&["0.0", "1.5", "1.50", "-1.5", "922337203685477.5807", "0.0001"])
    }

    fn ip(&mut self) -> &'static str {
        self.one(&[
            "10.0.0.1",
            "10.0.0.0/8",
            "127.0.0.1",
            "127.0.0.1/4",
            "224.0.0.1",
            "::1",
            "fc00::/7",
            "ff02::1",
        ])
    }

    fn datetime(&mut self) -> &'static str {
        self.one(&[
            "1970-01-01",
            "2026-11-01T12:00:00Z",
            "2026-11-01T13:00:00.123+0100",
            "1969-12-31T23:59:59Z",
        ])
    }

    fn duration(&mut self) -> &'static str {
        self.one(&["0ms", "1d", "-1d", "36h", "90m", "1d2h3m4s5ms", "-1ms"])
    }

    /// An id; the last of each is that of an entity of which nothing is known.
    fn id(&mut self, ty: &str) -> String {
        let letter = ty.to_lowercase();
        format!("{}{}", &letter[..1], self.random.below(4))
    }

    fn entities(&mut self) -> Json {
        let mut all = Vec::new();
        let uid = |ty: &str, number: usize| json!({"type": ty, "id": format!("{}{number}", &ty.to_lowercase()[..1])});
        let kinds = kinds();
        for ty in TYPES {
            for number in 0..3 {
                let mut parents: Vec<Json> = Vec::new();
                let mut above = |random: &mut Random, ty: &str, below: usize| {
                    for number in 0..below {
                        if random.percent(30) {
                            parents.push(uid(ty, number));
                        }
                    }
                };
                match ty {
                    "User" => {
                        above(&mut self.random, "Team", 4);
                        above(&mut self.random, "Doc", 3);
                    }
                    "Doc" => {
                        above(&mut self.random, "Folder", 4);
                        above(&mut self.random, "Doc", number);
                    }
                    "Folder" => above(&mut self.random, "Folder", number),
                    _ => {}
                }
                let mut entity = json!({"uid": uid(ty, number), "parents": parents, "attrs": {}});
                if ty == "User" || ty == "Doc" {
                    entity["attrs"] = self.record(&kinds);
                    let mut tags = Map::new();
                    for tag in TAGS.iter().take(3) {
                        if self.random.percent(60) {
                            let ty = if ty == "User" {
                                Ty::String
                            } else {
                                Ty::Set(Box::new(Ty::Long))
                            };
                            tags.insert((*tag).to_owned(), self.value(&ty));
                        }
                    }
                    entity["tags"] = Json::Object(tags);
                }
                all.push(entity);
            }
        }
        Json::Array(all)
    }

    fn request(&mut self) -> Request {
        let action = self.one(&["read", "write"]);
        Request {
            description: String::new(),
            principal: Some(json!({"type": "User", "id": self.id("User")})),
            action: Some(json!({"type": "Action", "id": action})),
            resource: Some(json!({"type": "Doc", "id": self.id("Doc")})),
            context: self.record(&kinds()),
            decision: String::new(),
            reason: None,
            errors: None,
        }
    }
}
