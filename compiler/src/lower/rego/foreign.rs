//! Builtins that no policy can call: those that ask more than the call, those that the engine does not have, and
//! those that nobody has. Each is told with what to write in its place.

use regorus::unstable::{BUILTINS, Expr, Module, Span};

use super::module::{Index, is_out, path};
use super::parse::Fault;
use super::visit;
use crate::diag::codes::rego::{IMPURE_BUILTIN, REGO_SYNTAX};

/// What gives another answer for the same input, by the beginning of its name.
const IMPURE: [&str; 12] = [
    "http.",
    "io.jwt.decode_verify",
    "net.lookup_ip_addr",
    "opa.runtime",
    "providers.",
    "rand.",
    "rego.metadata",
    "rego.parse_module",
    "time.now_ns",
    "trace",
    "uuid.rfc4122",
    "crypto.x509.parse_and_verify",
];

/// Builtins of OPA's that nothing here evaluates, by the beginning of their names.
const ELSEWHERE: [&str; 12] = [
    "crypto.",
    "graph.",
    "graphql.",
    "io.jwt.",
    "json.",
    "net.",
    "regex.",
    "time.",
    "urlquery.",
    "uuid.",
    "walk",
    "yaml.",
];

/// What says the same, for builtins of OPA's that its first version has no more, or that are missing here.
const INSTEAD: [(&str, &str); 13] = [
    ("all", "write `every x in xs { x }`"),
    ("any", "write `some x in xs; x` in a rule or function of its own"),
    ("cast_array", "a list of the call is an array: leave the call out"),
    (
        "cast_boolean",
        "arguments have the type that their tool declares: leave the call out",
    ),
    ("cast_null", "what would be null is absent: write `not`"),
    (
        "cast_object",
        "arguments have the type that their tool declares: leave the call out",
    ),
    ("cast_set", "write `{x | some x in xs}`"),
    (
        "cast_string",
        "arguments have the type that their tool declares: leave the call out",
    ),
    ("net.cidr_overlap", "write `net.cidr_contains`"),
    (
        "print",
        "write `print(...)` as a statement of its own: such a one is left out of what decides",
    ),
    ("re_match", "write `regex.match`"),
    ("set_diff", "write `a - b`"),
    (
        "walk",
        "name the fields that matter: those of every argument are declared",
    ),
];

/// Each function that a module calls by its name: the name, its parts, and where it stands.
fn calls(module: &Module, mut each: impl FnMut(&str, &[String], &Span)) {
    visit::walk(module, &mut |e| {
        if let Expr::Call { fcn, .. } = e
            && let Some(parts) = path(fcn)
        {
            each(&parts.join("."), &parts, fcn.span());
        }
    });
}

/// The builtins that no policy may call, each where it stands.
pub(super) fn impure(module: &Module, index: &Index) -> Vec<Fault> {
    let mut found = Vec::new();
    calls(module, |name, _, span| {
        if index.groups.contains_key(name) || !IMPURE.iter().any(|impure| name.starts_with(impure)) {
            return;
        }
        let help = match name {
            "time.now_ns" => "the time of the call is `input.now`: write `time.parse_rfc3339_ns(input.now)`",
            name if name.starts_with("trace") => "`polity explain` says why a call was decided as it was",
            _ => "a decision depends on the call and on nothing else, so that it can be checked and repeated",
        };
        found.push(Fault {
            code: &IMPURE_BUILTIN,
            message: format!("`{name}` asks a clock, the network, the host or chance"),
            span: span.clone(),
            label: String::new(),
            help: help.to_owned(),
        });
    });
    found
}

/// Calls of functions that there are none of.
pub(super) fn strangers(module: &Module, index: &Index) -> Vec<Fault> {
    let mut found = Vec::new();
    calls(module, |name, parts, span| {
        let known = index.groups.contains_key(name)
            || is_out(parts, index)
            || IMPURE.iter().any(|impure| name.starts_with(impure))
            || BUILTINS.contains_key(name);
        if known {
            return;
        }
        let mut names: Vec<&str> = BUILTINS.keys().copied().collect();
        names.extend(index.groups.keys().map(String::as_str));
        names.sort_unstable();
        let elsewhere = ELSEWHERE.iter().any(|other| name.starts_with(other));
        let message = match name {
            "print" => "`print` has no value here".to_owned(),
            _ if elsewhere => format!("`{name}` is a builtin of OPA's that the engine here does not have"),
            _ => format!("there is no function `{name}`"),
        };
        let instead = INSTEAD.iter().find(|(known, _)| *known == name);
        let help = match (instead, crate::diag::nearest(name, names)) {
            (Some((_, instead)), _) => (*instead).to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) if elsewhere => {
                "let the agent's host work it out, and hand it over as an argument that the tool declares".to_owned()
            }
            (None, None) => "a function stands in the same file, or is one of Rego's builtins".to_owned(),
        };
        found.push(Fault {
            code: &REGO_SYNTAX,
            message,
            span: span.clone(),
            label: String::new(),
            help,
        });
    });
    found
}
