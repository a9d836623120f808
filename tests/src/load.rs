//! Files in, documents out: the one place where tests get the documents that they decide from.
//!
//! This reader is a second, independent one: it takes serde_yaml's word for what the text says, keeps no spans and
//! makes no diagnostics. It is for text that is known to be valid, and panics on anything else. Kinds that decide
//! nothing (tests, invariants, approval rules, data classes, forges) are left out, and uses of templates: whoever has
//! some hands in what they were filled in to.

use std::sync::Arc;

use cedar_policy_core::ast::{AnyId, Effect as CedarEffect, PolicyID};
use polity::ast::*;
use polity::source::{FileId, Span, Spanned};
use polity_runtime::value::Effect;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use crate::normal;

/// Reads every document of every YAML file, and every `.cedar` file as a Policy, in the order of paths and then of lines.
pub fn load(files: &[(String, String)]) -> Documents {
    let mut files: Vec<&(String, String)> = files.iter().collect();
    files.sort();
    let mut documents = Vec::new();
    for (path, text) in files {
        let team = path
            .strip_prefix("teams/")
            .and_then(|rest| rest.split_once('/'))
            .map(|(team, _)| team.to_owned());
        if let Some(name) = path.rsplit('/').next().and_then(|file| file.strip_suffix(".cedar")) {
            documents.push(Arc::new(Document {
                file: NOWHERE.file,
                span: NOWHERE,
                name: Some(at(name.to_owned())),
                team,
                body: Body::Policy(policies(text)),
            }));
            continue;
        }
        for document in serde_yaml::Deserializer::from_str(text) {
            let value = Value::deserialize(document).unwrap_or_else(|error| panic!("{path}: {error}"));
            let fields = Fields(value.as_mapping().unwrap_or_else(|| panic!("{path}: not a mapping")));
            let kind = fields.string("kind").unwrap_or_else(|| panic!("{path}: no kind"));
            let Some(body) = body(&kind, fields) else { continue };
            documents.push(Arc::new(Document {
                file: NOWHERE.file,
                span: NOWHERE,
                name: fields.text("name"),
                team: team.clone(),
                body,
            }));
        }
    }
    Documents {
        documents,
        ..Documents::default()
    }
}

/// The policies of a `.cedar` file, by Cedar's own reader. Of the head no selector is made: the policy as a whole is
/// what is evaluated, and the actions that it names only tell which calls to try.
fn policies(text: &str) -> Policy {
    let (texts, set) = cedar_policy_core::parser::parse_policyset_and_also_return_policy_text(text)
        .unwrap_or_else(|error| panic!("{error}"));
    let rule = |number: usize| {
        let id = PolicyID::from_string(format!("policy{number}"));
        let policy = set.get(&id).expect("policies are numbered");
        let annotation = |name: &str| {
            policy
                .annotation(&name.parse::<AnyId>().expect("a word"))
                .map(|one| one.val.to_string())
        };
        let approval = annotation("approval").map(|who| {
            let (from, count) = who.rsplit_once(':').expect("a count");
            Approval {
                span: NOWHERE,
                require: vec![Requirement {
                    span: NOWHERE,
                    from: vec![at(from.to_owned())],
                    count: Some(at(count.parse().expect("a number"))),
                }],
                timeout: None,
                separation: None,
                evidence: None,
            }
        });
        let effect = match (policy.effect(), &approval) {
            (CedarEffect::Permit, _) => RuleEffect::Allow,
            (CedarEffect::Forbid, Some(_)) => RuleEffect::RequireApproval,
            (CedarEffect::Forbid, None) => RuleEffect::Deny,
        };
        let actions = policy
            .action_constraint()
            .iter_euids()
            .map(|uid| at(AsRef::<str>::as_ref(uid.eid()).to_owned()));
        let actions: Vec<Text> = actions.filter(|name| name.value.contains('.')).collect();
        let rule = Rule {
            effect: Some(at(effect)),
            selector: Selector {
                actions: (!actions.is_empty()).then_some(actions),
                ..Selector::default()
            },
            cedar: Some(CedarPolicy {
                text: at(texts[&id].expect("the text of what was read").to_owned()),
                actions: None,
                exact: false,
                names_resource: policy.resource_constraint().to_string().contains("Resource::"),
                within: None,
                conditional: true,
                links: Links::default(),
            }),
            approval,
            ..bare()
        };
        (at(annotation("id").expect("an id")), rule)
    };
    Policy {
        description: None,
        unread: Vec::new(),
        scope: Selector::default(),
        rules: (0..set.static_policies().count()).map(rule).collect(),
    }
}

fn bare() -> Rule {
    Rule {
        span: NOWHERE,
        description: None,
        effect: None,
        selector: Selector::default(),
        except: None,
        when: None,
        unless: None,
        cedar: None,
        rego: None,
        approval: None,
        limit: None,
        expires: None,
        observe_until: None,
        reason: None,
    }
}

/// No reader of these documents looks at places.
const NOWHERE: Span = Span {
    file: FileId(0),
    start: 0,
    end: 0,
};

fn at<T>(value: T) -> Spanned<T> {
    Spanned::new(value, NOWHERE)
}

fn body(kind: &str, fields: Fields<'_>) -> Option<Body> {
    Some(match kind {
        "Organization" => Body::Organization(Organization {
            edition: fields.text("polity"),
            owners: fields.texts("owners").unwrap_or_default(),
            sole_owner: fields.boolean("sole_owner"),
            bundle_lifetime: None,
            grace_for: None,
            grace_effects: Vec::new(),
            lints: Vec::new(),
        }),
        "Person" => Body::Person(Person {
            email: fields.text("email"),
            keys: fields.texts("keys").unwrap_or_default(),
        }),
        "Group" => Body::Group(Group {
            members: fields.texts("members").unwrap_or_default(),
        }),
        "Team" => Body::Team(Team {
            owners: fields.texts("owners").unwrap_or_default(),
            owns: fields.texts("owns").unwrap_or_default(),
            ceiling: fields.map("ceiling").map(|ceiling| Ceiling {
                unread: false,
                rings: ceiling.texts("rings"),
                tools: ceiling.texts("tools"),
            }),
        }),
        "Environment" => Body::Environment(Environment {
            unread: false,
            rank: fields.integer("rank"),
            rings: fields.texts("rings"),
            enforced_by: fields
                .texts("enforced_by")
                .map(|list| list.iter().map(|text| at(enforcement(&text.value))).collect()),
            credentials_max_ttl: None,
        }),
        "Ring" => Body::Ring(Ring {
            level: fields.integer("level"),
            effects: fields.effects("effects"),
            irreversible: fields.boolean("irreversible"),
            limits: RingLimits::default(),
            isolation: Isolation::default(),
        }),
        "Tool" => Body::Tool(tool(fields)),
        "Credential" => Body::Credential(Credential {
            unread: false,
            environments: fields.texts("environments").unwrap_or_default(),
            max_ttl: None,
            owner: fields.text("owner"),
            issuer: Vec::new(),
        }),
        "Agent" => Body::Agent(Agent {
            tags_unread: false,
            description: None,
            owner: fields.text("owner"),
            product: None,
            git_keys: Vec::new(),
            identity_keys: Vec::new(),
            tags: fields
                .entries("tags")
                .map(|(key, value)| (key, at(string(value))))
                .collect(),
            review_by: None,
            kill_contact: None,
        }),
        "Deployment" => Body::Deployment(Deployment {
            agent: fields.text("agent"),
            team: fields.text("team"),
            environments: fields
                .entries("environments")
                .map(|(name, value)| (name, placement(mapping(value))))
                .collect(),
        }),
        "Policy" => Body::Policy(Policy {
            unread: Vec::new(),
            description: None,
            scope: fields.map("for").map(selector).unwrap_or_default(),
            rules: fields
                .entries("rules")
                .map(|(name, value)| (name, rule(mapping(value))))
                .collect(),
        }),
        "Exception" => Body::Exception(Exception {
            to: fields.text("to"),
            selector: selector(fields),
            when: fields.text("when"),
            reason: fields.text("reason"),
            owner: fields.text("owner"),
            until: fields.moment("until"),
        }),
        "Kill" => Body::Kill(Kill {
            agents: fields.texts("agents"),
            teams: fields.texts("teams"),
            tools: fields.texts("tools"),
            environments: fields.texts("environments"),
            everything: fields.boolean("everything"),
            reason: fields.text("reason"),
        }),
        "Forge" | "DataClass" | "Invariant" | "Test" | "ApprovalRule" | "Use" => return None,
        other => panic!("kind {other}"),
    })
}

fn tool(fields: Fields<'_>) -> Tool {
    let action = |(name, value)| {
        let fields = mapping(value);
        let variant = |(name, value)| {
            let fields = mapping(value);
            (
                name,
                Variant {
                    when: fields.text("when"),
                    class: class(fields),
                },
            )
        };
        (
            name,
            Action {
                description: None,
                class: class(fields),
                params: fields.entries("params").map(param).collect(),
                variants: fields.entries("variants").map(variant).collect(),
                ..Action::default()
            },
        )
    };
    Tool {
        unread: Vec::new(),
        description: None,
        server: None,
        strict: fields.boolean("strict"),
        endpoints: Vec::new(),
        reads: fields.texts("reads"),
        resources: fields.texts("resources"),
        resource: None,
        actions: fields.entries("actions").map(action).collect(),
    }
}

fn class(fields: Fields<'_>) -> ActionClass {
    ActionClass {
        effect: fields.text("effect").map(|text| at(effect(&text.value))),
        external: fields.boolean("external"),
        reversible: fields.boolean("reversible"),
        reads: fields.texts("reads"),
        resources: fields.texts("resources"),
    }
}

fn param((name, value): (Text, &Value)) -> (Text, Param) {
    let (ty, optional) = match value {
        Value::String(short) => (param_type(short, None), false),
        long => {
            let fields = mapping(long);
            let name = match fields.0.contains_key("enum") {
                true => "enum".to_owned(),
                false => fields.string("type").unwrap(),
            };
            (
                param_type(&name, Some(fields)),
                fields.boolean("optional").is_some_and(|optional| optional.value),
            )
        }
    };
    let param = Param {
        ty: at(ty),
        optional,
        description: None,
    };
    (name, param)
}

fn param_type(name: &str, fields: Option<Fields<'_>>) -> ParamType {
    if let Some(of) = name.strip_prefix("list of ") {
        return ParamType::List(Box::new(param_type(of, None)));
    }
    match name {
        "string" => ParamType::String {
            fold: fields
                .and_then(|fields| fields.string("fold"))
                .is_some_and(|fold| fold == "case"),
        },
        "int" => ParamType::Int,
        "bool" => ParamType::Bool,
        "decimal" => ParamType::Decimal,
        "datetime" => ParamType::DateTime,
        "duration" => ParamType::Duration,
        "ip" => ParamType::Ip,
        "path" => ParamType::Path,
        "host" => ParamType::Host,
        "url" => ParamType::Url,
        "email" => ParamType::Email,
        "opaque" => ParamType::Opaque,
        "enum" => ParamType::Enum(fields.unwrap().texts("enum").unwrap()),
        "list" => ParamType::List(Box::new(param_type(&fields.unwrap().string("of").unwrap(), None))),
        "record" => ParamType::Record(fields.unwrap().entries("fields").map(param).collect()),
        other => panic!("type {other}"),
    }
}

fn placement(fields: Fields<'_>) -> Placement {
    Placement {
        span: NOWHERE,
        ring: fields.text("ring"),
        tools: fields.texts("tools").unwrap_or_default(),
        credentials: fields.texts("credentials").unwrap_or_default(),
        enforced_by: fields.text("enforced_by").map(|text| at(enforcement(&text.value))),
        until: fields.moment("until"),
        unread: false,
    }
}

fn rule(fields: Fields<'_>) -> Rule {
    Rule {
        span: NOWHERE,
        description: None,
        effect: fields.string("effect").map(|effect| {
            at(match effect.as_str() {
                "allow" => RuleEffect::Allow,
                "deny" => RuleEffect::Deny,
                "require_approval" => RuleEffect::RequireApproval,
                other => panic!("effect {other}"),
            })
        }),
        selector: selector(fields),
        except: fields.map("except").map(selector),
        when: fields.text("when"),
        unless: fields.text("unless"),
        cedar: None,
        rego: None,
        approval: fields.map("approval").map(|approval| Approval {
            span: NOWHERE,
            require: approval
                .list("require")
                .map(|value| requirement(mapping(value)))
                .collect(),
            timeout: None,
            separation: approval.boolean("separation"),
            evidence: None,
        }),
        limit: None,
        expires: fields.moment("expires"),
        observe_until: fields.moment("observe_until"),
        reason: fields.text("reason"),
    }
}

fn requirement(fields: Fields<'_>) -> Requirement {
    Requirement {
        span: NOWHERE,
        from: fields.texts("from").unwrap_or_default(),
        count: fields.integer("count"),
    }
}

fn selector(fields: Fields<'_>) -> Selector {
    let tag = |(key, value): (Text, &Value)| {
        let values = value
            .as_sequence()
            .unwrap()
            .iter()
            .map(|value| at(string(value)))
            .collect();
        (key, values)
    };
    Selector {
        span: None,
        agents: fields.texts("agents"),
        teams: fields.texts("teams"),
        rings: fields.texts("rings"),
        tags: fields
            .0
            .contains_key("tags")
            .then(|| fields.entries("tags").map(tag).collect()),
        environments: fields.texts("environments"),
        tools: fields.texts("tools"),
        actions: fields.texts("actions"),
        effects: fields.effects("effects"),
        external: fields.boolean("external"),
        reversible: fields.boolean("reversible"),
        credentials: fields.texts("credentials"),
        resources: fields.texts("resources").map(|globs| {
            let (owned, globs): (Vec<_>, Vec<_>) = globs.into_iter().partition(|glob| glob.value == "team.owns");
            Resources {
                span: NOWHERE,
                globs,
                team_owns: owned.first().map(|owned| owned.span),
            }
        }),
        holding: fields.texts("holding"),
        on_behalf_of: fields.texts("on_behalf_of"),
    }
}

fn effect(name: &str) -> Effect {
    match name {
        "read" => Effect::Read,
        "write" => Effect::Write,
        "destructive" => Effect::Destructive,
        other => panic!("effect {other}"),
    }
}

fn enforcement(name: &str) -> Enforcement {
    match name {
        "embedded" => Enforcement::Embedded,
        "hook" => Enforcement::Hook,
        "gateway" => Enforcement::Gateway,
        "container" => Enforcement::Container,
        "external" => Enforcement::External,
        "none" => Enforcement::None,
        other => panic!("enforcement {other}"),
    }
}

fn mapping(value: &Value) -> Fields<'_> {
    Fields(value.as_mapping().unwrap_or_else(|| panic!("not a mapping: {value:?}")))
}

fn string(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {value:?}"))
        .to_owned()
}

/// A mapping, by what its fields must be.
#[derive(Clone, Copy)]
struct Fields<'v>(&'v Mapping);

impl<'v> Fields<'v> {
    fn string(self, key: &str) -> Option<String> {
        self.0.get(key).map(string)
    }
    fn text(self, key: &str) -> Option<Text> {
        self.string(key).map(at)
    }
    fn list(self, key: &str) -> impl Iterator<Item = &'v Value> {
        self.0
            .get(key)
            .into_iter()
            .flat_map(|value| value.as_sequence().unwrap())
    }
    fn texts(self, key: &str) -> Option<Vec<Text>> {
        self.0
            .contains_key(key)
            .then(|| self.list(key).map(|value| at(string(value))).collect())
    }
    fn boolean(self, key: &str) -> Option<Spanned<bool>> {
        self.0.get(key).map(|value| at(value.as_bool().unwrap()))
    }
    fn integer(self, key: &str) -> Option<Spanned<i64>> {
        self.0.get(key).map(|value| at(value.as_i64().unwrap()))
    }
    fn moment(self, key: &str) -> Option<Spanned<Moment>> {
        self.string(key).map(|text| at(normal::moment(&text).unwrap()))
    }
    fn effects(self, key: &str) -> Option<Vec<Spanned<Effect>>> {
        let texts = self.texts(key)?;
        Some(texts.iter().map(|text| at(effect(&text.value))).collect())
    }
    fn map(self, key: &str) -> Option<Fields<'v>> {
        self.0.get(key).map(mapping)
    }
    fn entries(self, key: &str) -> impl Iterator<Item = (Text, &'v Value)> {
        let entries = self.0.get(key).map(|value| value.as_mapping().unwrap());
        entries
            .into_iter()
            .flatten()
            .map(|(key, value)| (at(string(key)), value))
    }
}
