//! Constants as the arguments are that they are compared with: strings normalised as the runtime normalises them.

use polity_runtime::value::Effect;

use crate::diag::Code;
use crate::diag::codes::condition::{INVALID_CONSTANT, NOT_IN_ENUM, UNKNOWN_ENTITY};
use crate::lower::types::{Declared, Kind};
use crate::lower::vocabulary::Vocabulary;

/// How many names are listed where none is near.
const MOST_LISTED: usize = 8;

/// A string that no value can be equal to.
pub(in crate::lower) struct Misspelt {
    pub(in crate::lower) code: &'static Code,
    pub(in crate::lower) message: String,
    pub(in crate::lower) label: String,
    pub(in crate::lower) help: Option<String>,
    /// What there is instead.
    pub(in crate::lower) names: Vec<String>,
    /// It may be declared where something could not be read: that was reported.
    pub(in crate::lower) unread: bool,
}

impl Misspelt {
    fn invalid(message: String) -> Self {
        Self {
            code: &INVALID_CONSTANT,
            message,
            label: String::new(),
            help: None,
            names: Vec::new(),
            unread: false,
        }
    }
}

/// A string as values of a kind are compared.
pub(in crate::lower) fn normalised(text: String, kind: &Kind, vocabulary: &Vocabulary) -> Result<String, Misspelt> {
    match kind {
        Kind::Literal | Kind::Plain => Ok(text),
        Kind::Folded => Ok(polity_runtime::value::fold(&text).into_owned()),
        Kind::Path => polity_runtime::value::path(&text)
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| Misspelt::invalid(format!("`{text}` is not a path that can be compared safely"))),
        Kind::Host => host(&text).ok_or_else(|| Misspelt::invalid(format!("`{text}` is not the name of a host"))),
        Kind::Enum(values) if values.contains(&text) => Ok(text),
        Kind::Enum(values) => {
            let near = crate::diag::nearest(&text, values.iter().map(String::as_str));
            let all = || {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                format!("it is one of {}", values.join(", "))
            };
            Err(Misspelt {
                code: &NOT_IN_ENUM,
                message: format!("the argument is never `{text}`"),
                label: "not one of its values".to_owned(),
                help: near.is_none().then(all),
                names: values.clone(),
                unread: false,
            })
        }
        Kind::Name(declared) => {
            let (names, noun) = declared.names(vocabulary);
            if names.contains(&text.as_str()) {
                return Ok(text);
            }
            let near = crate::diag::nearest(&text, names.iter().copied());
            let deployed = names
                .iter()
                .find(|name| name.split_once('/').is_some_and(|(_, agent)| agent == text));
            let help = match (near, deployed) {
                (Some(_), _) => None,
                (None, Some(name)) if *declared == Declared::Deployment => Some(format!(
                    "a deployment is called by its team and its agent: did you mean `{name}`?"
                )),
                (None, _) if (1..=MOST_LISTED).contains(&names.len()) => {
                    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                    Some(format!("there are {}", names.join(", ")))
                }
                (None, _) => None,
            };
            Err(Misspelt {
                code: &UNKNOWN_ENTITY,
                message: format!("there is no {noun} `{text}`"),
                label: format!("no such {noun}"),
                help,
                names: names.into_iter().map(str::to_owned).collect(),
                unread: vocabulary.unread.may_be(declared.kind(), &text),
            })
        }
    }
}

impl Declared {
    /// The kind of document that declares it.
    fn kind(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Team => "Team",
            Self::DataClass => "DataClass",
            Self::Deployment => "Deployment",
            Self::Environment => "Environment",
            Self::Action => "Action",
            Self::Tool => "Tool",
            // Nothing declares it.
            Self::Effect => "",
        }
    }

    /// What of its kind there is, and what the kind is called.
    fn names(self, vocabulary: &Vocabulary) -> (Vec<&str>, &'static str) {
        fn all(names: &[String]) -> Vec<&str> {
            names.iter().map(String::as_str).collect()
        }
        match self {
            Self::Agent => (all(&vocabulary.agents), "agent"),
            Self::Team => (all(&vocabulary.teams), "team"),
            Self::DataClass => (all(&vocabulary.data_classes), "data class"),
            Self::Deployment => (all(&vocabulary.deployments), "deployment"),
            Self::Environment => (all(&vocabulary.environments), "environment"),
            Self::Action => (
                vocabulary.actions.iter().map(|action| action.name.as_str()).collect(),
                "action",
            ),
            Self::Tool => {
                let mut tools = all(&vocabulary.tools);
                tools.push("credential");
                (tools, "tool")
            }
            Self::Effect => (Effect::ALL.map(Effect::as_str).to_vec(), "effect"),
        }
    }
}

/// A letter of a pattern as a string that ignores case is compared.
pub(in crate::lower) fn fold_char(letter: char) -> char {
    polity_runtime::value::fold(letter.encode_utf8(&mut [0; 4]))
        .chars()
        .next()
        .unwrap_or(letter)
}

/// A host as arguments are compared with it: in ASCII by IDNA, then as the runtime has it. `None` of what is no host.
pub(in crate::lower) fn host(text: &str) -> Option<String> {
    if let Ok(host) = polity_runtime::value::host(text) {
        return Some(host.into_owned());
    }
    // Inside a url an address of version 6 keeps its brackets.
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address
            .parse::<std::net::Ipv6Addr>()
            .ok()
            .map(|address| format!("[{address}]"));
    }
    let ascii = idna::domain_to_ascii(text).ok()?;
    polity_runtime::value::host(&ascii)
        .ok()
        .map(std::borrow::Cow::into_owned)
}
