//! Tests of policies.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::form::{Field, Form, TEXTS, Type, optional, required};
use super::people::NAMED;
use super::policies::{OUTCOMES, outcome};
use super::reader::Reader;
use crate::ast::{Json, RuleEffect, Test, TestCase, TestDefaults, TestMatrix, Text};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;
use crate::parse::entities::told;
use crate::source::{Span, Spanned};

pub(super) static TEST: Form = Form {
    what: "a Test",
    fields: &[
        NAMED,
        &[
            optional(
                "defaults",
                Type::Fields(&DEFAULTS),
                "what a case has unless it says otherwise",
            ),
            optional(
                "cases",
                Type::List(&Type::Fields(&CASE)),
                "requests and the answers expected",
            ),
            optional(
                "matrix",
                Type::List(&Type::Fields(&MATRIX)),
                "every combination of agents, environments, actions",
            ),
        ],
    ],
    may_be_empty: false,
};

/// What every request may have.
const REQUEST: &[Field] = &[
    optional("args", Type::JsonObject, "the arguments"),
    optional(
        "entities",
        Type::List(&ENTITIES),
        "what only the call knows of its resources, as Cedar writes entities",
    ),
    optional("holding", TEXTS, "data classes that the session has read"),
    optional("on_behalf_of", Type::Text, "the person that the agent works for"),
    optional("now", Type::Moment, "the moment of the call"),
];

static ENTITIES: Type = Type::Fields(&ENTITY);

static ENTITY: Form = Form {
    what: "an entity",
    fields: &[&[
        required("uid", Type::Fields(&RESOURCE), "the resource that it tells of"),
        optional("attrs", Type::JsonObject, "its attributes, as the tool declares them"),
        optional("parents", Type::MaybeEmpty(&Type::Fields(&UID)), "what it is in"),
    ]],
    may_be_empty: false,
};

/// The bundle knows every other entity.
static RESOURCE: Form = Form {
    what: "the resource's `uid`",
    fields: &[&[
        required("type", Type::OneOf(&["Resource"]), "`Resource`"),
        required(
            "id",
            Type::Text,
            "the resource, as the action declares it: `repo:acme/pay`",
        ),
    ]],
    may_be_empty: false,
};

static UID: Form = Form {
    what: "an entity's `uid`",
    fields: &[&[
        required("type", Type::Text, "a type that the tool's `in` lists"),
        required("id", Type::Text, "the entity's name"),
    ]],
    may_be_empty: false,
};

/// What one request has.
const SUBJECT: &[Field] = &[
    optional("agent", Type::Text, "the deployment: `team/agent`"),
    optional("environment", Type::Text, "the environment"),
    optional("action", Type::Text, "the action's full name"),
];

static DEFAULTS: Form = Form {
    what: "`defaults`",
    fields: &[SUBJECT, REQUEST],
    may_be_empty: false,
};

/// Why a decision was made, as decisions say it. A test is decided within a bundle's lifetime and with full limits, so
/// neither `expired` nor `limit` can come of one.
const DECISION_CODES: &[&str] = &[
    "killed",
    "unknown-agent",
    "unknown-environment",
    "unknown-action",
    "not-admitted",
    "not-given",
    "undeclared-argument",
    "unclassified",
    "ring-ceiling",
    "denied-by-rule",
    "no-grant",
    "approval-required",
    "granted",
];

static CASE: Form = Form {
    what: "a case",
    fields: &[
        &[optional("name", Type::Text, "what it is called in reports")],
        SUBJECT,
        REQUEST,
        &[
            required("expect", Type::OneOf(OUTCOMES), "`allow`, `deny` or `require_approval`"),
            optional("rule", Type::Text, "the rule that must decide: `policy/rule`"),
            optional(
                "code",
                Type::OneOf(DECISION_CODES),
                "the code that the decision must have",
            ),
        ],
    ],
    may_be_empty: true,
};

static MATRIX: Form = Form {
    what: "a matrix",
    fields: &[
        &[
            required("agents", TEXTS, "deployments: `team/agent`"),
            required("environments", TEXTS, "environments"),
            required("actions", TEXTS, "full names of actions"),
        ],
        REQUEST,
        &[optional(
            "expect",
            Type::MaybeEmptyMap(&Type::Text, &Type::OneOf(OUTCOMES)),
            "`\"AGENT ENVIRONMENT ACTION\"` to the answer; every other cell is denied",
        )],
    ],
    may_be_empty: true,
};

/// What a case has, of its own or from the defaults.
pub(super) const CASE_NEEDS: &[&str] = &["agent", "environment", "action", "now"];
/// What a matrix has besides its axes.
pub(super) const MATRIX_NEEDS: &[&str] = &["now"];

pub(super) fn test(reader: &mut Reader<'_>, fields: &mut Fields) -> Test {
    if !fields.has("cases") && !fields.has("matrix") {
        let found = Diagnostic::new(
            &codes::EMPTY_TEST,
            "a Test that tests nothing",
            fields.at,
            "nothing is tested",
        );
        reader.sink.push(found.with_help("add `cases` or `matrix`"));
    }
    let broken = fields.has("defaults");
    let defaults = fields.fields("defaults");
    let mut given = Given {
        all: broken && defaults.is_none(),
        names: defaults
            .as_ref()
            .map_or_else(Vec::new, |d| d.slots.iter().map(|slot| slot.name).collect()),
        missing: BTreeMap::new(),
    };
    let test = Test {
        defaults: defaults.map_or_else(TestDefaults::default, |mut defaults| request(&mut defaults, true)),
        cases: fields
            .forms("cases")
            .into_iter()
            .map(|case| self::case(&mut given, case))
            .collect(),
        matrix: fields
            .forms("matrix")
            .into_iter()
            .map(|matrix| self::matrix(reader, &mut given, matrix))
            .collect(),
    };
    given.tell(reader);
    test
}

/// What the defaults give; everything, where they were too broken to know.
struct Given {
    all: bool,
    names: Vec<&'static str>,
    /// What neither they nor a case give: of which case first, and of how many more. What the defaults forgot is one
    /// mistake, however many cases there are.
    missing: BTreeMap<Vec<&'static str>, (&'static str, Span, usize)>,
}

impl Given {
    /// Takes note of the names that neither the defaults nor the case give.
    fn complete(&mut self, fields: &Fields, names: &[&'static str]) {
        let absent = |name: &&&str| !self.all && !self.names.contains(name) && !fields.has(name);
        let missing: Vec<&str> = names.iter().filter(absent).copied().collect();
        if !missing.is_empty() {
            let first = (fields.form.what, fields.at, 0);
            let told = self.missing.entry(missing);
            told.and_modify(|(.., more)| *more += 1).or_insert(first);
        }
    }

    fn tell(self, reader: &mut Reader<'_>) {
        for (missing, (what, at, more)) in self.missing {
            let others = match more {
                0 => String::new(),
                1 => ", and 1 other after it".to_owned(),
                more => format!(", and {more} others after it"),
            };
            let message = format!("{what} without `{}`{others}", missing.join("`, `"));
            let found = Diagnostic::new(&codes::INCOMPLETE_CASE, message, at, "incomplete");
            reader.sink.push(found.with_help(match more {
                0 => "say it here, or in `defaults` for every case",
                _ => "say it in `defaults` for every case, or in each",
            }));
        }
    }
}

fn case(given: &mut Given, mut fields: Fields) -> TestCase {
    given.complete(&fields, CASE_NEEDS);
    TestCase {
        span: fields.span,
        name: fields.text("name"),
        request: request(&mut fields, true),
        expect: fields.word("expect", outcome),
        rule: fields.text("rule"),
        code: fields.text("code"),
    }
}

fn request(fields: &mut Fields, subject: bool) -> TestDefaults {
    let mut subject_text = |name| if subject { fields.text(name) } else { None };
    TestDefaults {
        agent: subject_text("agent"),
        environment: subject_text("environment"),
        action: subject_text("action"),
        args: fields.text("args"),
        entities: entities(fields),
        holding: fields.texts("holding"),
        on_behalf_of: fields.text("on_behalf_of"),
        now: fields.moment("now"),
    }
}

/// What is told of resources, as the runtime reads it.
fn entities(fields: &mut Fields) -> Option<Json> {
    let span = fields.key("entities")?;
    let uid = |uid: &mut Fields| Some((uid.text("type")?.value, uid.text("id")?.value));
    let entity = |mut entity: Fields| {
        let (_, name) = entity.fields("uid").as_mut().and_then(uid)?;
        let attributes = entity
            .text("attrs")
            .map_or_else(|| "{}".to_owned(), |attrs| attrs.value);
        let parents: Vec<_> = entity.forms("parents").iter_mut().filter_map(uid).collect();
        Some((name, attributes, parents))
    };
    let all: Vec<_> = fields.forms("entities").into_iter().filter_map(entity).collect();
    Some(Spanned::new(told(all), span))
}

fn matrix(reader: &mut Reader<'_>, given: &mut Given, mut fields: Fields) -> TestMatrix {
    given.complete(&fields, MATRIX_NEEDS);
    let matrix = TestMatrix {
        span: fields.span,
        agents: fields.texts("agents").unwrap_or_default(),
        environments: fields.texts("environments").unwrap_or_default(),
        actions: fields.texts("actions").unwrap_or_default(),
        request: request(&mut fields, false),
        expect: expectations(&mut fields),
    };
    // Where an axis was broken its values are not all known, and any cell may be of it.
    if !matrix.agents.is_empty() && !matrix.environments.is_empty() && !matrix.actions.is_empty() {
        for (cell, _) in &matrix.expect {
            known_cell(reader, &matrix, cell);
        }
    }
    matrix
}

fn expectations(fields: &mut Fields) -> Vec<(Text, Spanned<RuleEffect>)> {
    let cells = fields.map_of_texts("expect").into_iter();
    cells
        .filter_map(|(cell, word)| Some((cell, Spanned::new(outcome(&word.value)?, word.span))))
        .collect()
}

/// A cell that is not of the matrix would expect something of a call that is never made.
fn known_cell(reader: &mut Reader<'_>, matrix: &TestMatrix, cell: &Text) {
    let listed = |axis: &[Text], word: &str| axis.iter().any(|entry| entry.value == word);
    let holds = match cell.value.split(' ').collect::<Vec<_>>().as_slice() {
        [agent, environment, action] => {
            listed(&matrix.agents, agent)
                && listed(&matrix.environments, environment)
                && listed(&matrix.actions, action)
        }
        _ => false,
    };
    if !holds {
        let message = format!("the matrix has no cell `{}`", cell.value);
        let found = Diagnostic::new(&codes::UNKNOWN_CELL, message, cell.span, "no such cell");
        reader
            .sink
            .push(found.with_help("write `\"AGENT ENVIRONMENT ACTION\"`, each as its list has it"));
    }
}
