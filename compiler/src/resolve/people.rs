//! The organisation, its people, groups, teams, environments, rings and data classes.

use std::collections::{BTreeMap, BTreeSet};

use polity_runtime::value::Effect;

use super::names::{Names, look_up};
use super::{Class, Environment, Forge, Grace, Group, Organization, Person, PersonId, Team, of_kind};
use crate::ast::{self, Body, Documents, Evidence, Millis, Text};
use crate::diag::codes::reference::{
    GROUP_CYCLE, NO_ORGANIZATION, SHARED_KEY, TOO_FEW_OWNERS, TWO_ORGANIZATIONS, UNKNOWN_PERSON, UNKNOWN_TEAM,
    UNKNOWN_TOOL,
};
use crate::diag::codes::trail::BAD_KEY;
use crate::diag::{Diagnostic, Sink};
use crate::resolve::glob;
use crate::source::Span;
use crate::trail::signature::Key;

/// How long a bundle lives where the organisation does not say: a week leaves room for a long weekend.
const DEFAULT_LIFETIME: Millis = Millis(7 * 24 * 3_600_000);

pub(super) fn resolve(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    people(documents, names, organization, sink);
    groups(documents, names, organization, sink);
    root(documents, names, organization, sink);
    teams(documents, names, organization, sink);
    classes(documents, names, organization, sink);
    super::rings::resolve(documents, names, organization);
    environments(documents, names, organization, sink);
    let forges = sorted(documents, |b| if let Body::Forge(f) = b { Some(f) } else { None });
    let forge = |(name, _, forge): (&Text, _, &ast::Forge)| Forge {
        name: name.clone(),
        keys: forge.keys.clone(),
    };
    organization.forges = forges.into_iter().map(forge).collect();
    keys(documents, sink);
    folders(documents, names, sink);
}

/// `teams/<team>/` must be the folder of a team: reported once a folder.
fn folders(documents: &Documents, names: &Names, sink: &mut Sink) {
    let mut reported = BTreeSet::new();
    for document in &documents.documents {
        let Some(team) = document.team.as_deref().filter(|team| !names.teams.has(team)) else {
            continue;
        };
        if reported.insert(team) {
            let span = document.name.as_ref().map_or(document.span, |name| name.span);
            let message = format!("`teams/{team}/` is the folder of no team");
            let mut diagnostic = Diagnostic::new(&UNKNOWN_TEAM, message, span, "")
                .with_help("a team is declared by a Team document, outside `teams/`");
            if let Some(nearest) = crate::diag::nearest(team, names.teams.names()) {
                diagnostic = diagnostic.with_help(format!("did you mean `teams/{nearest}/`?"));
            }
            sink.push(diagnostic);
        }
    }
}

/// The documents of a kind in the order of their ids: the first of each name, by name.
pub(super) fn sorted<'d, B: 'd>(
    documents: &'d Documents,
    pick: impl Fn(&'d Body) -> Option<&'d B>,
) -> Vec<(&'d Text, &'d ast::Document, &'d B)> {
    let mut all: BTreeMap<&str, (&Text, &ast::Document, &B)> = BTreeMap::new();
    for (document, body) in of_kind(documents, pick) {
        if let Some(name) = &document.name {
            all.entry(&name.value).or_insert((name, document, body));
        }
    }
    all.into_values().collect()
}

fn people(documents: &Documents, names: &Names, organization: &mut Organization, _: &mut Sink) {
    let all = sorted(documents, |b| if let Body::Person(p) = b { Some(p) } else { None });
    // A name that a group or team took first is no person: only what `names` took counts.
    organization.people = all
        .into_iter()
        .filter(|(name, ..)| names.people.is_at(name))
        .map(|(name, _, person)| Person {
            name: name.clone(),
            email: person.email.clone(),
            keys: person.keys.clone(),
        })
        .collect();
}

fn groups(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    let all = sorted(documents, |b| if let Body::Group(g) = b { Some(g) } else { None });
    let all: Vec<_> = all.into_iter().filter(|(name, ..)| names.groups.is_at(name)).collect();
    let direct: BTreeMap<&str, &[Text]> = all
        .iter()
        .map(|(name, _, group)| (name.value.as_str(), group.members.as_slice()))
        .collect();
    organization.uncounted = names.people.any_broken() || names.groups.any_broken();
    for (_, _, group) in &all {
        organization.uncounted |= group.members.is_empty();
        for member in &group.members {
            if !direct.contains_key(member.value.as_str()) && names.people.id(&member.value).is_none() {
                unknown_person(names, member, sink);
            }
        }
    }
    let mut known: BTreeMap<&str, BTreeSet<PersonId>> = BTreeMap::new();
    for (name, ..) in &all {
        organization.uncounted |= expand(name, &direct, names, &mut known, sink);
    }
    for (name, ..) in all {
        let members = known
            .remove(name.value.as_str())
            .unwrap_or_default()
            .into_iter()
            .collect();
        organization.groups.push(Group {
            name: name.clone(),
            members,
        });
    }
}

/// Works out everybody in a group and in the groups below it, each group once. A cycle is reported where it closes,
/// followed no further, and told to the caller. The stack is a list: how deep groups stand in each other is up to whoever wrote them.
fn expand<'d>(
    root: &'d Text,
    direct: &BTreeMap<&'d str, &'d [Text]>,
    names: &Names,
    known: &mut BTreeMap<&'d str, BTreeSet<PersonId>>,
    sink: &mut Sink,
) -> bool {
    if known.contains_key(root.value.as_str()) {
        return false;
    }
    let mut circular = false;
    let mut open: Vec<(&'d str, BTreeSet<PersonId>, std::slice::Iter<'d, Text>)> = Vec::new();
    let below = |group: &str| direct.get(group).copied().unwrap_or_default().iter();
    open.push((&root.value, BTreeSet::new(), below(&root.value)));
    while let Some((_, members, rest)) = open.last_mut() {
        let Some(member) = rest.next() else {
            let Some((group, members, _)) = open.pop() else { break };
            if let Some((_, above, _)) = open.last_mut() {
                above.extend(&members);
            }
            known.insert(group, members);
            continue;
        };
        let name = member.value.as_str();
        if let Some(id) = names.people.id(name) {
            members.insert(PersonId(id));
        } else if let Some(inner) = known.get(name) {
            members.extend(inner);
        } else if let Some(start) = open.iter().position(|(group, ..)| *group == name) {
            let cycle = open.iter().skip(start).map(|(group, ..)| *group).chain([name]);
            let route = cycle.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" -> ");
            let message = format!("group `{name}` contains itself: {route}");
            let help = "take one of these groups out of the next";
            sink.push(Diagnostic::new(&GROUP_CYCLE, message, member.span, "this closes the circle").with_help(help));
            circular = true;
        } else if direct.contains_key(name) {
            open.push((name, BTreeSet::new(), below(name)));
        }
    }
    circular
}

pub(super) fn unknown_person(names: &Names, name: &Text, sink: &mut Sink) {
    // Somebody whose document could not be read is not unknown.
    if names.people.is_broken(&name.value) || names.groups.is_broken(&name.value) {
        return;
    }
    let candidates = names.people.names().chain(names.groups.names());
    let message = format!("no person or group is called `{}`", name.value);
    let mut diagnostic = Diagnostic::new(&UNKNOWN_PERSON, message, name.span, "");
    if names.teams.has(&name.value) {
        diagnostic = diagnostic.with_help("that is a team: name its people, or a group of them");
    }
    sink.push(diagnostic.with_suggestion(&name.value, name.span, candidates));
}

/// People of a list of people and groups.
pub(super) fn persons(list: &[Text], names: &Names, organization: &Organization, sink: &mut Sink) -> Vec<PersonId> {
    let mut all = BTreeSet::new();
    for name in list {
        if let Some(id) = names.people.id(&name.value) {
            all.insert(PersonId(id));
        } else if let Some(group) = organization.groups.iter().find(|group| group.name.value == name.value) {
            all.extend(&group.members);
        } else {
            unknown_person(names, name, sink);
        }
    }
    all.into_iter().collect()
}

fn root(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    let mut all = of_kind(
        documents,
        |b| if let Body::Organization(o) = b { Some(o) } else { None },
    );
    let Some((document, root)) = all.next() else {
        // Who its owners are is not known, so nobody is told that there are too few.
        organization.uncounted = true;
        let broken = |broken: &ast::Broken| broken.kind.as_deref().is_none_or(|kind| kind == "Organization");
        if documents.broken.iter().any(broken) {
            return;
        }
        let message = "there is no Organization document";
        sink.push(
            Diagnostic::without_place(&NO_ORGANIZATION, message).with_help(
                "write `polity.yaml` at the root, with `polity: v1`, `kind: Organization`, a name and owners",
            ),
        );
        return;
    };
    for (second, _) in all {
        let span = |document: &ast::Document| document.name.as_ref().map_or(document.span, |name| name.span);
        sink.push(
            Diagnostic::new(
                &TWO_ORGANIZATIONS,
                "a repository holds one organisation",
                span(second),
                "the second one",
            )
            .with_related(span(document), "the first one is here")
            .with_help(
                "remove one; two organisations are two repositories, or two folders each with its `polity.yaml`",
            ),
        );
    }
    organization.name = document
        .name
        .as_ref()
        .map(|name| name.value.clone())
        .unwrap_or_default();
    organization.span = Some(document.name.as_ref().map_or(document.span, |name| name.span));
    organization.owners = persons(&root.owners, names, organization, sink);
    organization.sole_owner = root.sole_owner.is_some_and(|sole| sole.value);
    organization.lifetime = root.bundle_lifetime.map_or(DEFAULT_LIFETIME, |lifetime| lifetime.value);
    let mut effects: Vec<Effect> = root.grace_effects.iter().map(|effect| effect.value).collect();
    effects.sort_unstable();
    effects.dedup();
    organization.grace = Grace {
        period: root.grace_for.map_or(Millis(0), |period| period.value),
        effects,
    };
    organization.lints = root.lints.clone();
    // Where somebody is unknown or could not be read, who is left to be counted is not the point.
    let unknown = sink.diagnostics().iter().any(|found| *found.code == UNKNOWN_PERSON);
    let all_known = !unknown && !organization.uncounted;
    // An owner without a key can sign nothing, once the others do; a forge can still vouch for them, where some rule
    // takes its word.
    let keyed = |id: &&PersonId| {
        organization
            .people
            .get(id.0 as usize)
            .is_some_and(|one| !one.keys.is_empty())
    };
    let signing = organization.owners.iter().filter(keyed).count();
    let has = |holds: &dyn Fn(&Body) -> bool| documents.documents.iter().any(|one| holds(&one.body));
    let vouched = has(&|body| matches!(body, Body::Forge(_)))
        && has(&|body| match body {
            Body::ApprovalRule(rule) => rule.evidence.as_ref().is_some_and(|one| one.value == Evidence::Forge),
            _ => false,
        });
    let alone = match signing {
        1 if !vouched => true,
        _ => organization.owners.len() < 2,
    };
    if alone && !organization.sole_owner && !root.owners.is_empty() && all_known {
        let span = root.owners.first().map_or(document.span, |owner| owner.span);
        let message = "an organisation needs two owners: one cannot approve what they wrote themselves";
        let (label, help) = match organization.owners.len() {
            1 => ("this is one person", "name another owner"),
            _ => (
                "only one of these people lists a key",
                "list keys for another owner, since owners approve by signing",
            ),
        };
        sink.push(
            Diagnostic::new(&TOO_FEW_OWNERS, message, span, label)
                .with_help(format!("{help}, or say `sole_owner: true`, which every report shows")),
        );
    }
}

fn teams(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    let teams = sorted(documents, |b| if let Body::Team(t) = b { Some(t) } else { None });
    for (name, _, team) in teams.into_iter().filter(|(name, ..)| names.teams.is_at(name)) {
        let team = Team {
            name: name.clone(),
            owners: persons(&team.owners, names, organization, sink),
            owns: team
                .owns
                .iter()
                .map(|glob| glob.clone().map(|text| glob::parts(&text)))
                .collect(),
            rings: None,
            tools: None,
            unread: false,
        };
        organization.teams.push(team);
    }
}

fn classes(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    for (name, _, class) in sorted(documents, |b| if let Body::DataClass(c) = b { Some(c) } else { None }) {
        let owner = class.owner.as_ref().and_then(|owner| names.person(owner, sink));
        organization.classes.push(Class {
            name: name.clone(),
            owner,
        });
    }
}

fn environments(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    for (name, _, written) in sorted(documents, |b| if let Body::Environment(e) = b { Some(e) } else { None }) {
        let mut list = |rings: &Vec<Text>| {
            rings
                .iter()
                .filter_map(|ring| names.ring(ring, sink))
                .collect::<Vec<_>>()
        };
        let rings = written.rings.as_ref().map(&mut list);
        let unknown = written.rings.as_ref().map(Vec::len) != rings.as_ref().map(Vec::len);
        organization.environments.push(Environment {
            name: name.clone(),
            rank: written.rank.map_or(i64::MAX, |rank| rank.value),
            unread: written.unread || unknown,
            rings,
            enforced_by: written
                .enforced_by
                .as_ref()
                .map(|all| all.iter().map(|one| one.value).collect()),
            credentials_max_ttl: written.credentials_max_ttl.map(|ttl| ttl.value),
        });
    }
}

/// One key belongs to one principal, of whatever kind; one that signs approvals or commits must be able to.
fn keys(documents: &Documents, sink: &mut Sink) {
    let mut seen: BTreeMap<Vec<u8>, (Span, Option<&str>)> = BTreeMap::new();
    for document in &documents.documents {
        let (signing, identity): (&[Text], &[Text]) = match &document.body {
            Body::Person(person) => (&person.keys, &[]),
            Body::Forge(forge) => (&forge.keys, &[]),
            Body::Agent(agent) => (&agent.git_keys, &agent.identity_keys),
            _ => continue,
        };
        let holder = document.name.as_ref().map(|name| name.value.as_str());
        let mut listed: Vec<(&Text, Vec<u8>)> = Vec::new();
        for key in signing {
            match Key::parse(&key.value) {
                Ok(read) => listed.push((key, read.material().to_vec())),
                Err(error) => {
                    let found = Diagnostic::new(&BAD_KEY, format!("this key cannot sign: {error}"), key.span, "");
                    sink.push(found.with_help(
                        "paste the line of the `.pub` file: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` of at \
                         least 3072 bits, or a hardware key's `sk-` kinds",
                    ));
                }
            }
        }
        // What proves an agent to its host is read by the host, and is compared here as it is written.
        listed.extend(identity.iter().map(|key| (key, key.value.trim().as_bytes().to_vec())));
        for (key, material) in listed {
            match seen.get(&material) {
                Some((first, first_holder)) => {
                    let message = match first_holder {
                        Some(other) if Some(*other) != holder => {
                            format!("this key is `{other}`'s already: a key belongs to one principal")
                        }
                        _ => "this key is listed twice".to_owned(),
                    };
                    sink.push(
                        Diagnostic::new(&SHARED_KEY, message, key.span, "")
                            .with_related(*first, "it is listed here first")
                            .with_help("make a key for each, and list each once"),
                    );
                }
                None => {
                    seen.insert(material, (key.span, holder));
                }
            }
        }
    }
}

/// The teams' ceilings, which need rings and tools.
pub(super) fn ceilings(documents: &Documents, names: &Names, organization: &mut Organization, sink: &mut Sink) {
    for (name, _, team) in sorted(documents, |b| if let Body::Team(t) = b { Some(t) } else { None }) {
        let Some(ceiling) = &team.ceiling else { continue };
        let rings: Option<Vec<_>> = ceiling
            .rings
            .as_ref()
            .map(|all| all.iter().filter_map(|ring| names.ring(ring, sink)).collect());
        let tools: Option<Vec<_>> = ceiling.tools.as_ref().map(|all| {
            let known = all
                .iter()
                .filter_map(|tool| look_up(&names.tools, tool, "tool", &UNKNOWN_TOOL, sink));
            known.map(polity_runtime::table::ToolId).collect()
        });
        let written = [&ceiling.rings, &ceiling.tools].map(|all| all.as_ref().map(Vec::len));
        let unread = written != [rings.as_ref().map(Vec::len), tools.as_ref().map(Vec::len)];
        if let Some(resolved) = organization
            .teams
            .iter_mut()
            .find(|resolved| resolved.name.value == name.value)
        {
            resolved.rings = rings;
            resolved.tools = tools;
            resolved.unread = unread || ceiling.unread;
        }
    }
}
