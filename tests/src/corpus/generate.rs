//! Tests in the same format, made at random: a schema with every type, entities, policies that look at everything, and
//! requests whose context says much. What Cedar's own authorizer says of them is the expectation.

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

    // Policies.

    fn policy(&mut self) -> String {
        let effect = if self.random.percent(65) { "permit" } else { "forbid" };
        let principal = match self.random.below(16) {
            0 => format!("principal == {}", self.entity("User")),
            1 => format!("principal in {}", self.any_entity()),
            2 => "principal is User".to_owned(),
            3 => format!("principal is User in {}", self.any_entity()),
            _ => "principal".to_owned(),
        };
        let action = self.one(&[
            "action",
            "action",
            "action == Action::\"read\"",
            "action in Action::\"all\"",
            "action in [Action::\"read\", Action::\"write\"]",
        ]);
        let resource = match self.random.below(16) {
            0 => format!("resource == {}", self.entity("Doc")),
            1 => format!("resource in {}", self.any_entity()),
            2 => format!("resource is Doc in {}", self.any_entity()),
            _ => "resource".to_owned(),
        };
        let mut text = format!("{effect}({principal}, {action}, {resource})");
        for _ in 0..self.random.within(1, 2) {
            let word = if self.random.percent(75) { "when" } else { "unless" };
            let depth = self.random.within(1, 4);
            text.push_str(&format!("\n{word} {{ {} }}", self.expr(&Ty::Bool, depth)));
        }
        text + ";"
    }

    fn entity(&mut self, ty: &str) -> String {
        format!("{ty}::{:?}", self.id(ty))
    }

    fn any_entity(&mut self) -> String {
        let ty = self.one(&TYPES);
        self.entity(ty)
    }

    /// A type for something that is asked about.
    fn any(&mut self) -> Ty {
        let kinds = kinds();
        match self.random.below(4) {
            0 => Ty::Entity(self.one(&TYPES)),
            _ => self.random.pick(&kinds).1.clone(),
        }
    }

    fn expr(&mut self, ty: &Ty, depth: usize) -> String {
        if self.random.percent(1) {
            // Nothing was type-checked: what errs must err alike.
            let other = self.any();
            return self.expr(&other, depth.saturating_sub(1));
        }
        match self.random.below(10) {
            _ if depth == 0 && *ty != Ty::Bool => match self.random.percent(50) {
                true => self.path(ty),
                false => self.literal(ty, 0),
            },
            0 if depth > 0 => {
                let (test, yes, no) = (
                    self.expr(&Ty::Bool, depth - 1),
                    self.expr(ty, depth - 1),
                    self.expr(ty, depth - 1),
                );
                format!("(if {test} then {yes} else {no})")
            }
            1 | 2 if *ty != Ty::Bool => self.literal(ty, depth),
            3..=6 if *ty != Ty::Bool => self.path(ty),
            _ => self.operator(ty, depth),
        }
    }

    fn literal(&mut self, ty: &Ty, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match ty {
            Ty::Bool => self.random.percent(50).to_string(),
            Ty::Long => self
                .random
                .pick(&["0", "1", "2", "10", "(-1)", "9223372036854775807"])
                .to_string(),
            Ty::String => format!("{:?}", self.word()),
            Ty::Decimal => format!("decimal({:?})", self.decimal()),
            Ty::Ip => format!("ip({:?})", self.ip()),
            Ty::DateTime => format!("datetime({:?})", self.datetime()),
            Ty::Duration => format!("duration({:?})", self.duration()),
            Ty::Entity(name) => self.entity(name),
            Ty::Set(of) => {
                let many = self.random.below(4);
                let items: Vec<String> = (0..many)
                    .map(|_| match depth {
                        0 => self.literal(of, 0),
                        _ => self.expr(of, below),
                    })
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Ty::Record(fields) => {
                let mut parts = Vec::new();
                for (name, ty, optional) in fields {
                    if !*optional || self.random.percent(50) {
                        let value = match depth {
                            0 => self.literal(ty, 0),
                            _ => self.expr(ty, below),
                        };
                        parts.push(format!("{name}: {value}"));
                    }
                }
                format!("{{{}}}", parts.join(", "))
            }
        }
    }

    /// Something that has attributes.
    fn holder(&mut self) -> String {
        let simple = ["context", "context", "context", "resource", "resource", "principal"];
        match self.random.below(10) {
            0..=5 => self.random.pick(&simple).to_string(),
            6 => self.entity("Doc"),
            7 => self.entity("User"),
            _ => {
                let base = self.one(&["context", "resource", "principal"]);
                let attribute = self.one(&["friend", "doc", "friend.doc", "doc.friend"]);
                format!("{base}.{attribute}")
            }
        }
    }

    /// An attribute of that type, or a literal where nothing has one.
    fn path(&mut self, ty: &Ty) -> String {
        if let Ty::Entity("User") = ty
            && self.random.percent(30)
        {
            return "principal".to_owned();
        }
        if let Ty::Entity("Doc") = ty
            && self.random.percent(40)
        {
            return "resource".to_owned();
        }
        let fields: Vec<Field> = kinds().into_iter().filter(|(_, own, _)| own == ty).collect();
        if fields.is_empty() {
            return self.literal(ty, 0);
        }
        let holder = self.holder();
        if *ty == Ty::Long && self.random.percent(15) {
            return format!("{holder}.inner.x");
        }
        if *ty == Ty::String && self.random.percent(15) {
            let user = self.path(&Ty::Entity("User"));
            let key = self.key();
            return format!("({user}).getTag({key})");
        }
        let (name, _, optional) = self.random.pick(&fields).clone();
        if optional && self.random.percent(50) {
            let other = self.literal(ty, 0);
            return format!("(if {holder} has {name} then {holder}.{name} else {other})");
        }
        format!("{holder}.{name}")
    }

    fn key(&mut self) -> String {
        match self.random.percent(85) {
            true => format!("{:?}", self.random.pick(&TAGS)),
            false => "context.text".to_owned(),
        }
    }

    fn operator(&mut self, ty: &Ty, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match ty {
            Ty::Bool => self.test(depth),
            Ty::Long => {
                let (a, b) = (self.expr(ty, below), self.expr(ty, below));
                let span = self.expr(&Ty::Duration, below);
                match self.random.below(6) {
                    0 => format!("({a} + {b})"),
                    1 => format!("({a} - {b})"),
                    2 => format!("({a} * {b})"),
                    3 => format!("(-{a})"),
                    _ => {
                        let unit = self.one(&["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"]);
                        format!("({span}).{unit}()")
                    }
                }
            }
            Ty::DateTime => {
                let (moment, span) = (self.expr(ty, below), self.expr(&Ty::Duration, below));
                match self.random.percent(50) {
                    true => format!("({moment}).offset({span})"),
                    false => format!("({moment}).toDate()"),
                }
            }
            Ty::Duration => {
                let (a, b) = (self.expr(&Ty::DateTime, below), self.expr(&Ty::DateTime, below));
                match self.random.percent(50) {
                    true => format!("({a}).durationSince({b})"),
                    false => format!("({a}).toTime()"),
                }
            }
            Ty::Set(of) if **of == Ty::Long && self.random.percent(40) => {
                let doc = self.path(&Ty::Entity("Doc"));
                let key = self.key();
                format!("({doc}).getTag({key})")
            }
            other => self.literal(other, depth),
        }
    }

    /// A boolean.
    fn test(&mut self, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match self.random.below(22) {
            0 | 1 if depth > 0 => {
                let (a, b) = (self.expr(&Ty::Bool, below), self.expr(&Ty::Bool, below));
                format!("({a} && {b})")
            }
            2 | 3 if depth > 0 => {
                let (a, b) = (self.expr(&Ty::Bool, below), self.expr(&Ty::Bool, below));
                format!("({a} || {b})")
            }
            4 if depth > 0 => format!("!({})", self.expr(&Ty::Bool, below)),
            5..=7 => {
                let ty = self.any();
                let other = if self.random.percent(92) {
                    ty.clone()
                } else {
                    self.any()
                };
                let (a, b) = (self.expr(&ty, below), self.expr(&other, below));
                let op = if self.random.percent(70) { "==" } else { "!=" };
                format!("({a} {op} {b})")
            }
            8 => {
                let ty = self
                    .random
                    .pick(&[Ty::Long, Ty::Long, Ty::DateTime, Ty::Duration])
                    .clone();
                let (a, b) = (self.expr(&ty, below), self.expr(&ty, below));
                let op = self.one(&["<", "<=", ">", ">="]);
                format!("({a} {op} {b})")
            }
            9 => {
                let subject = self.expr(&Ty::String, below);
                let pattern = self.one(&["*", "a*", "*c", "a\\*c", "", "*e*", "ab"]);
                format!("({subject} like \"{pattern}\")")
            }
            10 | 11 => {
                let a = match self.random.below(4) {
                    0 => "action".to_owned(),
                    1 => self.path(&Ty::Entity("User")),
                    2 => self.path(&Ty::Entity("Folder")),
                    _ => self.path(&Ty::Entity("Doc")),
                };
                let b = match self.random.below(6) {
                    0 if a == "action" => "Action::\"all\"".to_owned(),
                    1 => format!("[{}, {}]", self.any_entity(), self.any_entity()),
                    2 => self.expr(&Ty::Set(Box::new(Ty::Entity("User"))), below),
                    3 => self.path(&Ty::Entity("Doc")),
                    4 => self.path(&Ty::Entity("Folder")),
                    _ => self.any_entity(),
                };
                format!("({a} in {b})")
            }
            12 => {
                let ty = Ty::Entity(self.one(&TYPES));
                let a = self.path(&ty);
                match self.random.percent(50) {
                    true => format!("({a} is {})", self.random.pick(&TYPES)),
                    false => format!("({a} is {} in {})", self.random.pick(&TYPES), self.any_entity()),
                }
            }
            13 | 14 => {
                let holder = self.holder();
                let attribute = self.one(&[
                    "doc",
                    "maybe",
                    "note",
                    "words",
                    "inner.deep",
                    "inner.y",
                    "inner.deep.z",
                    "absent",
                    "count",
                ]);
                format!("({holder} has {attribute})")
            }
            15 => {
                let of = self
                    .random
                    .pick(&[Ty::String, Ty::Long, Ty::Bool, Ty::Ip, Ty::Entity("User")])
                    .clone();
                let (set, element) = (self.expr(&Ty::Set(Box::new(of.clone())), below), self.expr(&of, below));
                format!("({set}).contains({element})")
            }
            16 => {
                let of = Ty::Set(Box::new(Ty::Long));
                let (set, element) = (self.path(&Ty::Set(Box::new(of.clone()))), self.literal(&of, 0));
                match self.random.percent(70) {
                    true => format!("({set}).contains({element})"),
                    false => format!(
                        "({}).contains({{a: 1}})",
                        self.path(&Ty::Set(Box::new(Ty::Record(vec![("a", Ty::Long, false)]))))
                    ),
                }
            }
            17 => {
                let of = self
                    .random
                    .pick(&[Ty::String, Ty::Long, Ty::Bool, Ty::Ip, Ty::Entity("User")])
                    .clone();
                let ty = Ty::Set(Box::new(of));
                let (a, b) = (self.expr(&ty, below), self.expr(&ty, below));
                let op = self.one(&["containsAll", "containsAny"]);
                format!("({a}).{op}({b})")
            }
            18 => {
                let of = self.random.pick(&[Ty::String, Ty::Long, Ty::Ip]).clone();
                format!("({}).isEmpty()", self.expr(&Ty::Set(Box::new(of)), below))
            }
            19 => {
                let (a, b) = (self.expr(&Ty::Ip, below), self.expr(&Ty::Ip, below));
                let method = self.one(&["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", "isInRange"]);
                match method {
                    "isInRange" => format!("({a}).isInRange({b})"),
                    method => format!("({a}).{method}"),
                }
            }
            20 => {
                let (a, b) = (self.expr(&Ty::Decimal, below), self.expr(&Ty::Decimal, below));
                let method = self.one(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
                format!("({a}).{method}({b})")
            }
            21 => {
                let entity = match self.random.percent(50) {
                    true => self.path(&Ty::Entity("User")),
                    false => self.path(&Ty::Entity("Doc")),
                };
                format!("({entity}).hasTag({})", self.key())
            }
            _ => match self.random.percent(80) {
                true => format!("{}.flag", self.holder()),
                false => self.literal(&Ty::Bool, 0),
            },
        }
    }
}
