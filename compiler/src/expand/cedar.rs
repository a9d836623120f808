//! Uses of Cedar templates: `templates/NAME.cedar`, whose slots are the parameters, become Policy documents.
//!
//! Nothing is written anew: the policies are those of the template's file, with entities in place of their slots.

use std::collections::BTreeSet;

use crate::ast::{self, Document, Link, Links, Text};
use crate::diag::codes::expand as codes;
use crate::diag::{Diagnostic, Sink};
use crate::lower::cedar::policies::{self, Named};
use crate::parse::{Parsed, TEMPLATES, cedar, first_line};
use crate::source::{FileId, SourceFile, SourceTree, Span};

/// The parameters that there can be: Cedar's slots.
const SLOTS: [&str; 2] = ["principal", "resource"];

/// A Cedar template of the tree.
pub(super) struct CedarTemplate<'t> {
    id: FileId,
    file: &'t SourceFile,
    /// The slots that its policies have.
    slots: BTreeSet<&'static str>,
    /// Whether every policy can be read.
    sound: bool,
}

/// Where the template of that name stands, if it is one of Cedar.
pub(super) fn find<'t>(tree: &'t SourceTree, name: &str) -> Option<CedarTemplate<'t>> {
    let path = format!("{TEMPLATES}{name}.cedar");
    let (id, file) = tree.at_path(&path)?;
    Some(read(id, file, &mut Sink::default()))
}

/// Reports what is wrong with Cedar templates, used or not.
pub(super) fn check(tree: &SourceTree, taken: impl Fn(&str) -> bool, sink: &mut Sink) {
    for (id, file) in tree.identified() {
        let name = file
            .path
            .strip_prefix(TEMPLATES)
            .and_then(|name| name.strip_suffix(".cedar"));
        let Some(name) = name else { continue };
        let first = Span {
            file: id,
            start: 0,
            end: first_line(&file.text),
        };
        if taken(name) {
            let message = format!("`{name}` is another template");
            let found = Diagnostic::new(&codes::TEMPLATE_NAME_TAKEN, message, first, "the name is taken");
            sink.push(found.with_help("give the file another name"));
        }
        let template = read(id, file, sink);
        if template.sound && template.slots.is_empty() {
            let message = "a Cedar template without a slot";
            let help = "write `?principal` or `?resource` where a Use says which, or move the file out of `templates/`";
            sink.push(Diagnostic::new(&codes::BAD_TEMPLATE, message, first, "").with_help(help));
        }
    }
}

fn read<'t>(id: FileId, file: &'t SourceFile, sink: &mut Sink) -> CedarTemplate<'t> {
    let mut template = CedarTemplate {
        id,
        file,
        slots: BTreeSet::new(),
        sound: true,
    };
    for place in policies::split(&file.text) {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span {
            file: id,
            start: narrow(place.start),
            end: narrow(place.end),
        };
        let text = Text::new(file.text.get(place).unwrap_or_default().to_owned(), span);
        match policies::read(&text) {
            Ok(policy) => {
                for (slot, constraint) in SLOTS.into_iter().zip([policy.principal, policy.resource]) {
                    if matches!(constraint.entity, Some(Named::Slot(_))) {
                        template.slots.insert(slot);
                    }
                }
            }
            Err(found) => {
                sink.push(*found);
                template.sound = false;
            }
        }
    }
    template
}

/// One use of it. `None` where nothing came of it; why is in the sink.
pub(super) fn used(
    tree: &SourceTree,
    template: &CedarTemplate<'_>,
    document: &Document,
    filled: &ast::Use,
    sink: &mut Sink,
) -> Option<Parsed> {
    let name = document.name.clone()?;
    let written = filled.template.as_ref()?;
    let mut links = Links::default();
    let mut good = true;
    for (slot, value) in &filled.with {
        if !template.slots.contains(slot.value.as_str()) {
            let message = format!("template `{}` has no slot `?{}`", written.value, slot.value);
            let found = Diagnostic::new(
                &codes::UNKNOWN_TEMPLATE_PARAMETER,
                message,
                slot.span,
                "unknown parameter",
            );
            let names: Vec<&str> = template.slots.iter().copied().collect();
            sink.push(found.with_help(format!("it takes `{}`", names.join("`, `"))));
            good = false;
            continue;
        }
        let text: Option<String> = serde_json::from_str(&value.value).ok();
        let Some((ty, id)) = text.as_deref().and_then(policies::entity_text) else {
            let message = format!("`{}` of template `{}` is no entity", slot.value, written.value);
            let help = "write `'Team::\"payments\"'`, `'Environment::\"production\"'` or the like";
            let found = Diagnostic::new(&codes::BAD_TEMPLATE_ARGUMENT, message, value.span, "");
            sink.push(found.with_help(help));
            good = false;
            continue;
        };
        let link = Link {
            id: Text::new(id.clone(), inner(tree, value.span, &id)),
            ty,
            span: value.span,
        };
        match slot.value.as_str() {
            "principal" => links.principal = Some(link),
            _ => links.resource = Some(link),
        }
    }
    for slot in &template.slots {
        if filled.unread.has(slot) {
            good = false;
        } else if !filled.with.iter().any(|(given, _)| given.value == *slot) {
            let message = format!("template `{}` needs `{slot}`", written.value);
            let help = format!("add `{slot}` under `with`: an entity for `?{slot}`");
            let found = Diagnostic::new(&codes::MISSING_TEMPLATE_PARAMETER, message, name.span, "");
            sink.push(found.with_help(help));
            good = false;
        }
    }
    if !good || !template.sound {
        return None;
    }
    let path = &tree.file(document.file)?.path;
    Some(cedar::read(template.id, template.file, path, name, &links, sink))
}

/// Where the id stands in the value of a use; the whole value where it is spelled otherwise.
fn inner(tree: &SourceTree, span: Span, id: &str) -> Span {
    let raw = tree
        .file(span.file)
        .and_then(|file| file.text.get(span.start as usize..span.end as usize));
    let found = raw.and_then(|raw| raw.rfind(&format!("\"{id}\"")));
    let place = found.and_then(|at| Some((u32::try_from(at + 1).ok()?, u32::try_from(id.len()).ok()?)));
    place.map_or(span, |(at, length)| Span {
        start: span.start + at,
        end: span.start + at + length,
        ..span
    })
}
