//! Lints of what stands there for nothing: groups without members or use, tools that nobody is given, servers that
//! may change under one's feet.

use std::collections::BTreeSet;

use crate::ast::{Body, Documents, Text};
use crate::diag::codes::lint::{EMPTY_GROUP, UNPINNED_SERVER, UNUSED_GROUP, UNUSED_TOOL};
use crate::diag::{Diagnostic, Sink};
use crate::resolve::Organization;

pub(super) fn check(documents: &Documents, organization: &Organization, sink: &mut Sink) {
    let named = named(documents);
    for group in &organization.groups {
        let name = &group.name;
        if group.members.is_empty() {
            let message = format!("group `{}` has nobody in it", name.value);
            sink.push(Diagnostic::new(&EMPTY_GROUP, message, name.span, "").with_help("give it members, or remove it"));
        }
        if !named.contains(name.value.as_str()) {
            let message = format!("nothing names group `{}`", name.value);
            sink.push(
                Diagnostic::new(&UNUSED_GROUP, message, name.span, "")
                    .with_help("use it where people are named, or remove it"),
            );
        }
    }
    let given: BTreeSet<_> = organization
        .deployments
        .iter()
        .flat_map(|d| d.placements.iter().flat_map(|p| p.given.iter().copied()))
        .collect();
    for (id, tool) in (0u32..).map(polity_runtime::table::ToolId).zip(&organization.tools) {
        if !given.contains(&id) && tool.credential.is_none() {
            let message = format!("no deployment is given `{}`", tool.name);
            sink.push(
                Diagnostic::new(&UNUSED_TOOL, message, tool.span, "")
                    .with_help("give it to a deployment, or remove it"),
            );
        }
        if let Some(server) = tool.server.as_ref().filter(|server| server.digest.is_none()) {
            let message = format!("the server of `{}` is not pinned: it may become another one", tool.name);
            let help = "say its `digest`, and an exact version in its command";
            sink.push(Diagnostic::new(&UNPINNED_SERVER, message, server.span, "").with_help(help));
        }
        let digest = tool.server.as_ref().and_then(|server| server.digest.as_ref());
        if let Some(digest) = digest.filter(|digest| !is_digest(&digest.value)) {
            let message = format!("the digest of the server of `{}` is the digest of nothing", tool.name);
            let help = "write `sha256:` and 64 hexadecimal digits in lower case";
            sink.push(Diagnostic::new(&UNPINNED_SERVER, message, digest.span, "").with_help(help));
        }
    }
}

/// Everything that is named where people are.
fn named(documents: &Documents) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for document in &documents.documents {
        collect(&document.body, &mut names);
    }
    names
}

fn collect<'d>(body: &'d Body, names: &mut BTreeSet<&'d str>) {
    let mut take = |list: &'d [Text]| names.extend(list.iter().map(|text| text.value.as_str()));
    match body {
        Body::Organization(organization) => take(&organization.owners),
        Body::Group(group) => take(&group.members),
        Body::Team(team) => take(&team.owners),
        Body::Agent(agent) => take(agent.kill_contact.as_slice()),
        Body::ApprovalRule(rule) => rule.require.iter().for_each(|one| take(&one.from)),
        Body::Policy(policy) => {
            take(policy.scope.on_behalf_of.as_deref().unwrap_or_default());
            for (_, rule) in &policy.rules {
                rule.approval
                    .iter()
                    .flat_map(|approval| &approval.require)
                    .for_each(|one| take(&one.from));
                let excepted = rule.except.iter().filter_map(|except| except.on_behalf_of.as_deref());
                rule.selector
                    .on_behalf_of
                    .as_deref()
                    .into_iter()
                    .chain(excepted)
                    .for_each(&mut take);
            }
        }
        Body::Exception(exception) => take(exception.selector.on_behalf_of.as_deref().unwrap_or_default()),
        _ => {}
    }
}

/// Whether a text can be what a hash function came to.
fn is_digest(text: &str) -> bool {
    let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(hexadecimal))
}
