//! What is allowed, denied and asked: Policy, Exception, Invariant, ApprovalRule.

use super::fields::Fields;
use super::form::{DESCRIPTION, Form, TEXTS, Type, optional, required};
use super::people::NAMED;
use super::reader::Reader;
use super::selector::{CHANGE_SELECTOR, SELECTOR, SELECTOR_FORM, changes, is_selective, nested, nothing, selector};
use crate::ast::{
    self, Approval, ApprovalRule, Evidence, Exception, Invariant, Never, Policy, Requirement, Rule, RuleEffect, Text,
};
use crate::diag::Diagnostic;
use crate::diag::codes::document as codes;
use crate::source::Spanned;

pub(super) static POLICY: Form = Form {
    what: "a Policy",
    fields: &[
        NAMED,
        &[
            optional(
                "for",
                Type::Fields(&SELECTOR_FORM),
                "selectors that every rule of the policy has too",
            ),
            required("rules", Type::Map(&Type::Name, &Type::Fields(&RULE)), "name to rule"),
        ],
    ],
    may_be_empty: false,
};

/// The answers, and what a rule does.
pub(super) const OUTCOMES: &[&str] = &["allow", "deny", "require_approval"];

pub(super) static RULE: Form = Form {
    what: "a rule",
    fields: &[
        &[
            required("effect", Type::OneOf(OUTCOMES), "`allow`, `deny` or `require_approval`"),
            DESCRIPTION,
            optional("reason", Type::Prose, "what the decision says"),
        ],
        SELECTOR,
        &[
            optional("except", Type::Fields(&SELECTOR_FORM), "which calls it leaves alone"),
            optional("when", Type::Condition, "a condition that must hold"),
            optional(
                "unless",
                Type::Condition,
                "a condition that must not hold; asked only where `when` holds",
            ),
            optional(
                "approval",
                Type::Fields(&APPROVAL),
                "who must say yes, on an allow or a gate",
            ),
            optional("limit", Type::Rate, "how many calls in a time, on an allow"),
            optional("expires", Type::Moment, "from when it no longer holds, on an allow"),
            optional(
                "observe_until",
                Type::Moment,
                "until when it only observes, on a deny or a gate",
            ),
        ],
    ],
    may_be_empty: true,
};

static APPROVAL: Form = Form {
    what: "`approval`",
    fields: &[&[
        required("require", REQUIREMENTS, "who must say yes: `{from: [...], count: 1}`"),
        optional("timeout", Type::Duration, "how long they are asked; absent: an hour"),
        optional(
            "separation",
            Type::Bool,
            "whether neither the agent's owner counts nor whom it works for; absent: true",
        ),
        optional(
            "evidence",
            EVIDENCE,
            "how strongly an approval is proved; absent: `signed`",
        ),
    ]],
    may_be_empty: true,
};

const EVIDENCE: Type = Type::OneOf(&["forge", "signed", "present"]);
const REQUIREMENTS: Type = Type::List(&Type::Fields(&REQUIREMENT));

pub(super) static REQUIREMENT: Form = Form {
    what: "a requirement",
    fields: &[&[
        required("from", TEXTS, "people, groups, `team-owners` or `owners`"),
        required("count", Type::Int(1), "how many of them, at least one"),
    ]],
    may_be_empty: true,
};

pub(super) fn policy(reader: &mut Reader<'_>, fields: &mut Fields) -> Policy {
    let scoped = fields.has("for");
    let mut scope = Scope::default();
    let for_ = fields.fields("for");
    // A scope that was broken as a whole may have named anything: nothing is missing then.
    scope.unknown = scoped && for_.is_none();
    let selector = for_.map(|mut for_| {
        scope.environments = for_.has("environments");
        scope.target = names_target(&for_);
        selector(&mut for_)
    });
    let (rules, unread) = fields.map_with_holes("rules");
    Policy {
        description: fields.text("description"),
        scope: selector.unwrap_or_else(|| {
            if scope.unknown {
                nothing()
            } else {
                ast::Selector::default()
            }
        }),
        rules: rules
            .into_iter()
            .map(|(name, fields)| {
                let rule = rule(reader, &name, &scope, fields);
                (name, rule)
            })
            .collect(),
        unread,
    }
}

/// What a policy's `for` names on behalf of its rules.
#[derive(Default)]
struct Scope {
    unknown: bool,
    environments: bool,
    target: bool,
}

/// Whether a selector says what is done.
fn names_target(fields: &Fields) -> bool {
    TARGETS.iter().any(|name| fields.has(name))
}

/// The selectors that say what is done.
pub(super) const TARGETS: &[&str] = &["actions", "tools", "effects", "credentials"];

fn rule(reader: &mut Reader<'_>, name: &Text, scope: &Scope, mut fields: Fields) -> Rule {
    let effect = fields.word("effect", outcome);
    if let Some(effect) = &effect {
        suits(reader, name, effect, &fields);
        if effect.value == RuleEffect::Allow && !scope.unknown {
            complete(reader, name, scope, &fields);
        }
    }
    let approval = fields.fields("approval").map(approval);
    Rule {
        span: fields.span,
        description: fields.text("description"),
        effect,
        selector: selector(&mut fields),
        except: nested(&mut fields, "except"),
        when: fields.text("when"),
        unless: fields.text("unless"),
        cedar: None,
        rego: None,
        approval,
        limit: fields.rate("limit"),
        expires: fields.moment("expires"),
        observe_until: fields.moment("observe_until"),
        reason: fields.text("reason"),
    }
}

/// A field, the effects that take it, and why the others do not.
pub(super) const FOR_EFFECTS: &[(&str, &[&str], &str)] = &[
    (
        "approval",
        &["allow", "require_approval"],
        "it belongs to an allow or to a gate: a deny asks nobody",
    ),
    (
        "limit",
        &["allow"],
        "it belongs to an allow: a limit on what is refused limits nothing",
    ),
    (
        "expires",
        &["allow"],
        "it belongs to an allow: what protects does not lapse by itself; an Exception lifts it for a time",
    ),
    (
        "observe_until",
        &["deny", "require_approval"],
        "it belongs to a deny or a gate: an allow that only observes would allow nothing",
    ),
];

/// Fields that only some effects take.
fn suits(reader: &mut Reader<'_>, name: &Text, effect: &Spanned<RuleEffect>, fields: &Fields) {
    let what = match effect.value {
        RuleEffect::Allow => "an allow",
        RuleEffect::Deny => "a deny",
        RuleEffect::RequireApproval => "a gate",
    };
    for (field, effects, help) in FOR_EFFECTS {
        let taken = effects.iter().any(|word| outcome(word) == Some(effect.value));
        if let Some(key) = fields.key(field).filter(|_| !taken) {
            let message = format!("{what} takes no `{field}`");
            let found = Diagnostic::new(&codes::FIELD_NOT_FOR_EFFECT, message, key, "");
            let found = found.with_related(effect.span, format!("rule `{}` is {what}", name.value));
            reader.sink.push(found.with_help(*help));
        }
    }
    if effect.value == RuleEffect::RequireApproval && !fields.has("approval") {
        let message = format!("gate `{}` does not say whose approval it takes", name.value);
        let found = Diagnostic::new(&codes::MISSING_APPROVAL, message, name.span, "no `approval`");
        reader
            .sink
            .push(found.with_help("add `approval: {require: [{from: [team-owners], count: 1}]}`"));
    }
}

/// An allow says where, and what: what it leaves out it would allow everywhere.
fn complete(reader: &mut Reader<'_>, name: &Text, scope: &Scope, fields: &Fields) {
    let mut missing = Vec::new();
    if !scope.environments && !fields.has("environments") {
        missing.push("`environments`");
    }
    if !scope.target && !names_target(fields) {
        missing.push("`actions`, `tools`, `effects` or `credentials`");
    }
    if missing.is_empty() {
        return;
    }
    let message = format!(
        "allow `{}` does not name its {}",
        name.value,
        missing.join(", nor its ")
    );
    let found = Diagnostic::new(&codes::INCOMPLETE_ALLOW, message, name.span, "allows more than it says");
    reader
        .sink
        .push(found.with_help("name them here or in the policy's `for`; where all are meant, write `[\"*\"]`"));
}

/// Reads an approval that stands by itself.
pub(super) fn approval_of(reader: &mut Reader<'_>, node: &crate::parse::node::Node) -> Option<Approval> {
    reader.fields(node, &APPROVAL, node.span).map(approval)
}

fn approval(mut fields: Fields) -> Approval {
    Approval {
        span: fields.span,
        require: fields.forms("require").into_iter().map(requirement).collect(),
        timeout: fields.duration("timeout"),
        separation: fields.bool("separation"),
        evidence: fields.word("evidence", evidence),
    }
}

fn requirement(mut fields: Fields) -> Requirement {
    Requirement {
        span: fields.span,
        from: fields.texts("from").unwrap_or_default(),
        count: fields.int("count"),
    }
}

/// An answer by its name.
pub(super) fn outcome(word: &str) -> Option<RuleEffect> {
    match word {
        "allow" => Some(RuleEffect::Allow),
        "deny" => Some(RuleEffect::Deny),
        "require_approval" => Some(RuleEffect::RequireApproval),
        _ => None,
    }
}

fn evidence(word: &str) -> Option<Evidence> {
    match word {
        "forge" => Some(Evidence::Forge),
        "signed" => Some(Evidence::Signed),
        "present" => Some(Evidence::Present),
        _ => None,
    }
}

pub(super) static EXCEPTION: Form = Form {
    what: "an Exception",
    fields: &[
        NAMED,
        &[required("to", Type::Text, "the rule that it lifts: `policy/rule`")],
        SELECTOR,
        &[
            optional("when", Type::Condition, "a condition that must hold"),
            required("reason", Type::Prose, "why"),
            required("owner", Type::Text, "the person who answers for it"),
            required("until", Type::Moment, "from when it no longer holds"),
        ],
    ],
    may_be_empty: false,
};

pub(super) fn exception(reader: &mut Reader<'_>, fields: &mut Fields) -> Exception {
    if !is_selective(fields) {
        let message = "an Exception that lifts a rule for everybody";
        let found = Diagnostic::new(&codes::EXCEPTION_FOR_EVERYBODY, message, fields.at, "no selector");
        reader
            .sink
            .push(found.with_help("say for which `agents`, `actions` or other selectors it holds"));
    }
    let to = fields.text("to");
    Exception {
        to: to.filter(|to| names_rule(reader, to)),
        selector: selector(fields),
        when: fields.text("when"),
        reason: fields.text("reason"),
        owner: fields.text("owner"),
        until: fields.moment("until"),
    }
}

fn names_rule(reader: &mut Reader<'_>, to: &Text) -> bool {
    let holds = matches!(to.value.split('/').collect::<Vec<_>>().as_slice(), [policy, rule] if !policy.is_empty() && !rule.is_empty());
    if !holds {
        let found = Diagnostic::new(&codes::BAD_TARGET, format!("`{}` is not a rule", to.value), to.span, "");
        reader
            .sink
            .push(found.with_help("write `policy/rule`, such as `production-guardrails/no-destruction`"));
    }
    holds
}

pub(super) static INVARIANT: Form = Form {
    what: "an Invariant",
    fields: &[
        NAMED,
        &[required(
            "never",
            Type::Fields(&NEVER),
            "the outcome that no such call may have",
        )],
    ],
    may_be_empty: false,
};

static NEVER: Form = Form {
    what: "`never`",
    fields: &[
        &[required(
            "outcome",
            Type::List(&Type::OneOf(OUTCOMES)),
            "`allow`, `deny`, `require_approval`",
        )],
        SELECTOR,
        &[optional("when", Type::Condition, "a condition that must hold")],
    ],
    may_be_empty: true,
};

pub(super) fn invariant(_: &mut Reader<'_>, fields: &mut Fields) -> Invariant {
    Invariant {
        description: fields.text("description"),
        never: fields.fields("never").map(|mut never| Never {
            outcome: never.words("outcome", outcome).unwrap_or_default(),
            selector: selector(&mut never),
            when: never.text("when"),
        }),
    }
}

pub(super) static APPROVAL_RULE: Form = Form {
    what: "an ApprovalRule",
    fields: &[
        NAMED,
        &[
            required("when", Type::Fields(&CHANGE_SELECTOR), "which changes it asks about"),
            required("require", REQUIREMENTS, "whose approval: `{from: [...], count: 1}`"),
            optional(
                "evidence",
                EVIDENCE,
                "how strongly an approval is proved; absent: signed",
            ),
        ],
    ],
    may_be_empty: false,
};

pub(super) fn approval_rule(reader: &mut Reader<'_>, fields: &mut Fields) -> ApprovalRule {
    ApprovalRule {
        description: fields.text("description"),
        when: fields
            .fields("when")
            .map(|when| changes(reader, when))
            .unwrap_or_default(),
        require: fields.forms("require").into_iter().map(requirement).collect(),
        evidence: fields.word("evidence", evidence),
    }
}
