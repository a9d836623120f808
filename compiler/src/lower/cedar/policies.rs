//! The text of a `.cedar` file becomes policies: their heads and annotations as written, and on demand one policy's
//! conditions as a [`Parsed`] expression.
//!
//! Each policy is parsed by itself, so that a broken one hides nothing of the next. Names and types are not known here.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy_core::ast::{
    ActionConstraint, BinaryOp, Effect, EntityReference, EntityUID, Expr, ExprKind, PolicyID, PrincipalConstraint,
    PrincipalOrResourceConstraint, ResourceConstraint, Template, UnaryOp, Var,
};
use cedar_policy_core::parser::{Loc, parse_policy_or_template};

use super::parse::{Parsed, TextPlace, bounded, syntax, with_stack};
use crate::ast::{Link, Links, Text};
use crate::diag::Diagnostic;
use crate::diag::codes::cedar::CEDAR_SYNTAX;
use crate::parse::MARK;
use crate::source::Span;

/// A policy as it is written.
#[derive(Debug)]
pub struct Policy {
    /// `forbid`, not `permit`.
    pub forbids: bool,
    /// Where `permit` or `forbid` stands.
    pub keyword: Span,
    /// Name, value and place of each; a bare `@name` has no value.
    pub annotations: Vec<(String, Option<String>, Span)>,
    /// What the head asks of the principal.
    pub principal: Constraint,
    /// The actions, or groups of them, that the head names; `None` where it takes any.
    pub actions: Option<Vec<Entity>>,
    /// `action == ...`: a group is none of its actions.
    pub exact: bool,
    /// What the head asks of the resource.
    pub resource: Constraint,
    /// Whether there is anything to evaluate beside the head.
    pub conditional: bool,
}

/// What a head asks of the principal or the resource.
#[derive(Debug, Default)]
pub struct Constraint {
    /// `is TYPE`.
    pub is: Option<String>,
    /// `== ENTITY` or `in ENTITY`.
    pub entity: Option<Named>,
    /// Whether it is `in`.
    pub within: bool,
}

/// What stands after `==` or `in`.
#[derive(Debug)]
pub enum Named {
    /// By name.
    Entity(Entity),
    /// `?principal` or `?resource`, which a use of the template fills in.
    Slot(Span),
}

/// An entity that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// `Team`
    pub ty: String,
    /// `payments`; its place is what stands between the quotes.
    pub id: Text,
    /// The place of the whole.
    pub span: Span,
}

/// The places of the policies of a file: from the first annotation to the semicolon.
pub fn split(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut depth = 0usize;
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '/' && chars.peek().is_some_and(|(_, next)| *next == '/') {
            while chars.next_if(|(_, c)| *c != '\n' && *c != '\r').is_some() {}
            continue;
        }
        if c.is_whitespace() || (at == 0 && c == MARK) {
            continue;
        }
        let from = *start.get_or_insert(at);
        end = at + c.len_utf8();
        match c {
            '"' => {
                while let Some((at, c)) = chars.next() {
                    end = at + c.len_utf8();
                    match c {
                        '\\' => {
                            if let Some((at, c)) = chars.next() {
                                end = at + c.len_utf8();
                            }
                        }
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => {
                found.push(from..end);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        found.push(from..end);
    }
    found
}

/// Reads one policy.
pub fn read(text: &Text) -> Result<Policy, Box<Diagnostic>> {
    let (template, place) = parsed(text)?;
    let at = |loc: Option<&Loc>| loc.map_or(place.span, |loc| place.locate(loc.start()..loc.end()));
    let mut annotations: Vec<(String, Option<String>, Span)> = template
        .annotations()
        .map(|(name, annotation)| {
            let span = at(annotation.loc.as_ref());
            let written = annotation.loc.as_ref().and_then(|loc| loc.snippet());
            let value = written
                .is_none_or(|written| written.contains('('))
                .then(|| annotation.val.to_string());
            (name.to_string(), value, span)
        })
        .collect();
    annotations.sort_by_key(|(_, _, span)| *span);
    let entity = |uid: &EntityUID| entity(uid, text, &place);
    let constraint = |constraint: &PrincipalOrResourceConstraint| {
        let named = |reference: &EntityReference| match reference {
            EntityReference::EUID(uid) => Named::Entity(entity(uid)),
            EntityReference::Slot(loc) => Named::Slot(at(loc.as_ref())),
        };
        let (is, entity, within) = match constraint {
            PrincipalOrResourceConstraint::Any => (None, None, false),
            PrincipalOrResourceConstraint::Eq(one) => (None, Some(named(one)), false),
            PrincipalOrResourceConstraint::In(one) => (None, Some(named(one)), true),
            PrincipalOrResourceConstraint::Is(ty) => (Some(ty.to_string()), None, false),
            PrincipalOrResourceConstraint::IsIn(ty, one) => (Some(ty.to_string()), Some(named(one)), true),
        };
        Constraint { is, entity, within }
    };
    let actions = match template.action_constraint() {
        ActionConstraint::Any => None,
        ActionConstraint::In(all) => Some(all.iter().map(|uid| entity(uid)).collect()),
        ActionConstraint::Eq(one) => Some(vec![entity(one)]),
    };
    let forbids = template.effect() == Effect::Forbid;
    let exact = matches!(template.action_constraint(), ActionConstraint::Eq(_));
    Ok(Policy {
        exact,
        forbids,
        keyword: keyword(text, forbids, annotations.last().map(|(_, _, span)| *span)),
        annotations,
        principal: constraint(template.principal_constraint().as_inner()),
        actions,
        resource: constraint(template.resource_constraint().as_inner()),
        conditional: template.non_scope_constraints().is_some(),
    })
}

/// An entity as it is written by itself: `Team::"payments"`.
pub fn entity_text(text: &str) -> Option<(String, String)> {
    let uid: EntityUID = text.parse().ok()?;
    Some((uid.entity_type().to_string(), uid.eid().as_ref().to_owned()))
}

/// The conditions of one policy, for [`super::lower()`]. Of the head only a resource that is named is left in them: the
/// rest is settled where names are resolved. Cedar's type-checker is given the policy as a whole.
pub fn conditions(text: &Text, links: &Links) -> Result<Parsed, Box<Diagnostic>> {
    let (template, place) = parsed(text)?;
    let filled = |link: &Option<Link>| -> Option<Arc<EntityUID>> {
        let link = link.as_ref()?;
        EntityUID::with_eid_and_type(&link.ty, &link.id.value)
            .ok()
            .map(Arc::new)
    };
    let mut principal: PrincipalConstraint = template.principal_constraint().clone();
    if let Some(uid) = filled(&links.principal) {
        principal = principal.with_filled_slot(uid);
    }
    let mut resource: ResourceConstraint = template.resource_constraint().clone();
    if let Some(uid) = filled(&links.resource) {
        resource = resource.with_filled_slot(uid);
    }
    let settled = match resource.as_inner() {
        PrincipalOrResourceConstraint::Any | PrincipalOrResourceConstraint::Is(_) => true,
        PrincipalOrResourceConstraint::Eq(one)
        | PrincipalOrResourceConstraint::In(one)
        | PrincipalOrResourceConstraint::IsIn(_, one) => {
            matches!(one, EntityReference::EUID(uid) if uid.entity_type().to_string() == "Environment")
        }
    };
    let body = template.non_scope_constraints().cloned();
    let expr = match (settled, body) {
        (true, Some(body)) => body,
        (true, None) => Expr::val(true),
        (false, Some(body)) => Expr::and(resource.as_expr(), body),
        (false, None) => resource.as_expr(),
    };
    let template = Template::new(
        PolicyID::from_string("condition"),
        None,
        template.annotations_arc().as_ref().clone(),
        template.effect(),
        principal,
        template.action_constraint().clone(),
        resource,
        template.non_scope_constraints().cloned(),
    );
    Ok(Parsed { expr, template, place })
}

/// Where a policy calculates with an argument: the one thing in it that errs for a call that is valid. Of calculations
/// within each other, the whole.
pub fn overflows(parsed: &Parsed) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    for e in parsed.expr.subexpressions().filter(|e| calculates(e)) {
        let span = parsed.span_of(e.source_loc());
        let within = |other: &Span| other.start <= span.start && span.end <= other.end;
        if !found.iter().any(within) {
            found.retain(|other| !(span.start <= other.start && other.end <= span.end));
            found.push(span);
        }
    }
    found.sort();
    found
}

fn calculates(e: &Expr) -> bool {
    let calculation = match e.expr_kind() {
        ExprKind::BinaryApp { op, .. } => matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul),
        ExprKind::UnaryApp { op, .. } => *op == UnaryOp::Neg,
        ExprKind::ExtensionFunctionApp { fn_name, .. } => {
            matches!(fn_name.to_string().as_str(), "offset" | "durationSince")
        }
        _ => false,
    };
    let argument = |e: &Expr| match e.expr_kind() {
        ExprKind::GetAttr { expr, attr } => attr == "args" && matches!(expr.expr_kind(), ExprKind::Var(Var::Context)),
        _ => false,
    };
    calculation && e.subexpressions().any(argument)
}

fn parsed(text: &Text) -> Result<(Template, TextPlace), Box<Diagnostic>> {
    let place = TextPlace::of_file(text.span);
    bounded(&text.value, &place, "a policy")?;
    let template = with_stack(|| parse_policy_or_template(None, &text.value).map_err(Box::new))
        .map_err(|errors| syntax(&errors, text, &place, &CEDAR_SYNTAX, "a Cedar policy"))?;
    Ok((template, place))
}

fn entity(uid: &EntityUID, text: &Text, place: &TextPlace) -> Entity {
    let value: &str = uid.eid().as_ref();
    let loc = uid.loc();
    let whole = loc.as_ref().map_or(0..text.value.len(), |loc| loc.start()..loc.end());
    let written = text.value.get(whole.clone()).unwrap_or("");
    // Between the quotes; where it is spelled with escapes, the whole.
    let inner = match (written.find('"'), loc.is_some()) {
        (Some(quote), true) if written.get(quote + 1..written.len().saturating_sub(1)) == Some(value) => {
            whole.start + quote + 1..whole.end - 1
        }
        _ => whole.clone(),
    };
    Entity {
        ty: uid.entity_type().to_string(),
        id: Text::new(value.to_owned(), place.locate(inner)),
        span: place.locate(whole),
    }
}

/// Where `permit` or `forbid` stands: after the annotations.
fn keyword(text: &Text, forbids: bool, last: Option<Span>) -> Span {
    let word = if forbids { "forbid" } else { "permit" };
    let from = last.map_or(0, |span| (span.end.saturating_sub(text.span.start)) as usize);
    let rest = text.value.get(from..).unwrap_or("");
    let mut at = from;
    for line in rest.split_inclusive('\n') {
        // A comment between the annotations and the word may hold the word.
        let code = line.split("//").next().unwrap_or("");
        if let Some(found) = code.find(word) {
            at += found;
            let start = text.span.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            return Span {
                file: text.span.file,
                start,
                end: start + 6,
            };
        }
        at += line.len();
    }
    text.span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_told_apart_whatever_stands_in_their_strings_and_comments() {
        let text = "// a; b\npermit(principal, action, resource); // ; x\n@reason(\"a;{\") forbid(principal, action, resource) when { \"}\" == \";\" };\n\n// end;\n";
        let found: Vec<&str> = split(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            found,
            [
                "permit(principal, action, resource);",
                "@reason(\"a;{\") forbid(principal, action, resource) when { \"}\" == \";\" };"
            ]
        );
        assert_eq!(split("permit(").len(), 1);
        assert_eq!(split(" // nothing").len(), 0);
    }
}
