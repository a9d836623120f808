//! What Cedar's type-checker says, in our words.
//!
//! Lowering finds most of what is wrong by itself, with finer types than Cedar has. The checker adds the one thing
//! that it alone knows, which optional argument is guarded; and whatever else it refuses is refused.

use cedar_policy_core::validator::ValidationError;
use cedar_policy_core::validator::validation_errors::AttributeAccess;
use miette::Diagnostic as _;

use super::parse::Parsed;
use super::schema::{Checked, Schema};
use crate::diag::Diagnostic;
use crate::diag::codes::condition::{CONDITION_TYPE, UNGUARDED_OPTIONAL};

/// The checker's findings. Where lowering failed already, only those that it cannot make.
pub(super) fn typecheck(schema: &Schema, parsed: &Parsed, action: usize, failed: bool) -> Vec<Diagnostic> {
    let plain = |message: String| vec![Diagnostic::new(&CONDITION_TYPE, message, parsed.place.span, "")];
    match schema.check(parsed, action) {
        Checked::Fine => Vec::new(),
        Checked::NoSchema(why) if !failed => plain(format!("the condition cannot be checked: {why}")),
        Checked::Wrong(errors) => {
            let found: Vec<_> = errors
                .iter()
                .filter_map(|error| finding(error, parsed, failed))
                .collect();
            if found.is_empty() && !failed {
                return plain("the condition has no type".to_owned());
            }
            found
        }
        Checked::NoSchema(_) => Vec::new(),
    }
}

fn finding(error: &ValidationError, parsed: &Parsed, failed: bool) -> Option<Diagnostic> {
    let range = error
        .labels()
        .and_then(|mut labels| labels.next())
        .map(|l| l.offset()..l.offset() + l.len());
    let span = range
        .clone()
        .map_or(parsed.place.span, |range| parsed.place.locate(range));
    if let ValidationError::UnsafeOptionalAttributeAccess(access) = error {
        let (of, attribute) = guard(&access.attribute_access);
        // The checker forgets what was asked where a part of the condition failed: that part was reported.
        if failed && parsed.asks_for(&attribute) {
            return None;
        }
        let message = format!("`{attribute}` is optional, and read without asking whether it is there");
        return Some(
            Diagnostic::new(&UNGUARDED_OPTIONAL, message, span, "may be absent")
                .with_help(format!("write `{of} has {attribute} && ...` before it")),
        );
    }
    if failed {
        return None;
    }
    let said = error.to_string();
    let said = said.split_once("`condition`, ").map_or(said.as_str(), |(_, said)| said);
    Some(Diagnostic::new(&CONDITION_TYPE, said.to_owned(), span, ""))
}

/// What is to be asked, and for which attribute.
fn guard(access: &AttributeAccess) -> (String, String) {
    // The attribute comes first and what it is read from after it, innermost last.
    let (root, attributes) = match access {
        AttributeAccess::Context(_, attributes) => ("context", attributes),
        AttributeAccess::EntityLUB(entity, attributes) => {
            let resource = entity
                .get_single_entity()
                .is_some_and(|ty| ty.to_string() == "Resource");
            (if resource { "resource" } else { "principal" }, attributes)
        }
        AttributeAccess::Other(attributes) => ("context.args", attributes),
    };
    let mut names = attributes.iter();
    let attribute = names.next().map_or("it", |name| name.as_str());
    let path = names.rev().fold(root.to_owned(), |path, name| format!("{path}.{name}"));
    (path, attribute.to_owned())
}
