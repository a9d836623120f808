//! What a new organisation has to say of itself: from flags, or asked for one by one on a terminal.

use std::io::BufRead;

use super::{Console, Failure, values::name, visible};
use crate::parse::scalar;

/// Everything that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) name: String,
    /// At least one.
    pub(super) owners: Vec<Owner>,
    pub(super) team: String,
    pub(super) agent: String,
    /// At least one, from the least to the most exposed.
    pub(super) environments: Vec<String>,
}

impl Answers {
    /// The owner who can sign an approval, where there is one such.
    pub(super) fn signer(&self) -> Option<&Owner> {
        let mut signers = self.owners.iter().filter(|owner| owner.key.is_some());
        signers.next().filter(|_| signers.next().is_none())
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) email: String,
    /// An SSH public key.
    pub(super) key: Option<String>,
}

/// What flags said.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) name: Option<String>,
    pub(super) owners: Vec<Owner>,
    pub(super) team: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) environments: Vec<String>,
}

/// Where nobody says otherwise.
const ENVIRONMENTS: [&str; 2] = ["development", "production"];

impl Given {
    /// The answers, where flags gave them all.
    pub(super) fn complete(self) -> Result<Answers, Failure> {
        let mut missing = Vec::new();
        for (flag, given) in [
            ("--name", self.name.is_some()),
            ("--owner", !self.owners.is_empty()),
            ("--team", self.team.is_some()),
            ("--agent", self.agent.is_some()),
        ] {
            if !given {
                missing.push(format!("`{flag}`"));
            }
        }
        match (self.name, self.team, self.agent) {
            (Some(name), Some(team), Some(agent)) if !self.owners.is_empty() => Ok(Answers {
                name,
                owners: self.owners,
                team,
                agent,
                environments: or_usual(self.environments),
            }),
            _ => Err(Failure::misuse(format!(
                "nobody is there to be asked, and flags do not say: {}",
                missing.join(", ")
            ))
            .with_help("`polity init --help` has an example; `--example` needs none of them")),
        }
    }

    /// Asks for what no flag said.
    pub(super) fn asked(mut self, input: &mut impl BufRead, console: &mut Console) -> Result<Answers, Failure> {
        let mut ask = Ask { input, console };
        if self.name.is_none() {
            self.name = Some(ask.until("What is the organisation called? For example, acme", None, name)?);
        }
        if self.owners.is_empty() {
            let question =
                "Who owns it? For example, alice <alice@acme.example> ssh-ed25519 AAAA... (the key may follow later)";
            self.owners.push(ask.until(question, None, owner)?);
            let another = "Who else? One cannot approve what they wrote themselves. Leave it empty if nobody";
            while let Some(more) = ask.perhaps(another, owner)? {
                self.owners.push(more);
            }
        }
        if self.team.is_none() {
            self.team = Some(ask.until("What is its first team called? For example, payments", None, name)?);
        }
        if self.environments.is_empty() {
            let question = "Which environments are there, from the least to the most exposed?";
            let names = |typed: &str| {
                typed
                    .split([' ', ','])
                    .filter(|one| !one.is_empty())
                    .map(name)
                    .collect()
            };
            self.environments = ask.until(question, Some(&ENVIRONMENTS.join(" ")), names)?;
        }
        if self.agent.is_none() {
            self.agent = Some(ask.until("What is its first agent called? It only reads.", Some("analyst"), name)?);
        }
        self.complete()
    }
}

fn or_usual(environments: Vec<String>) -> Vec<String> {
    match environments.is_empty() {
        true => ENVIRONMENTS.map(str::to_owned).to_vec(),
        false => environments,
    }
}

/// Asks until the answer is one.
struct Ask<'a, R> {
    input: &'a mut R,
    console: &'a mut Console,
}

impl<R: BufRead> Ask<'_, R> {
    fn until<T>(
        &mut self,
        question: &str,
        usual: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let shown = usual.map_or_else(|| question.to_owned(), |usual| format!("{question} [{usual}]"));
        loop {
            let typed = self.line(&shown)?;
            let typed = if typed.is_empty() { usual.unwrap_or("") } else { &typed };
            match read(typed) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.console.remark(&format!("{}\n", visible::line(&why))),
            }
        }
    }

    /// An empty line is no.
    fn perhaps<T>(&mut self, question: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
        let read = |typed: &str| match typed {
            "" => Ok(None),
            _ => read(typed).map(Some),
        };
        self.until(question, None, read)
    }

    fn line(&mut self, question: &str) -> Result<String, Failure> {
        /// Longer than any answer: a key is 80 characters.
        const LONGEST: u64 = 4096;
        self.console.remark(&format!("{question}\n> "));
        let mut line = String::new();
        let read = std::io::Read::take(&mut *self.input, LONGEST).read_line(&mut line);
        match read {
            Ok(0) => Err(Failure::misuse("the questions were not answered: nothing is written")),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(Failure::environment(format!("cannot read the answer: {error}"))),
        }
    }
}

/// `NAME <EMAIL> KEY`, the key perhaps not.
pub(super) fn owner(typed: &str) -> Result<Owner, String> {
    let form = || "expected `NAME <EMAIL> KEY`, such as `alice <alice@acme.example> ssh-ed25519 AAAA...`".to_owned();
    let (called, rest) = typed.split_once('<').ok_or_else(form)?;
    let (email, key) = rest.split_once('>').ok_or_else(form)?;
    let name = name(called.trim())?;
    let (local, host) = email.split_once('@').unwrap_or_default();
    let odd = |c: char| c.is_whitespace() || matches!(c, '<' | '@') || visible::is_hidden(c);
    if local.is_empty() || host.is_empty() || local.contains(odd) || host.contains(odd) {
        return Err(format!("`{}` is no e-mail address", visible::line(email)));
    }
    let key = match key.trim() {
        "" => None,
        key => Some(self::key(key)?),
    };
    Ok(Owner {
        name,
        email: email.to_owned(),
        key,
    })
}

/// The type and the material of a public key; what follows is a comment, and left out.
fn key(typed: &str) -> Result<String, String> {
    /// How the material of every Ed25519 key begins, by RFC 8709: the length of its type, the type, the length of 32
    /// bytes. With them it has 68 characters.
    const START: &str = "AAAAC3NzaC1lZDI1NTE5AAAAI";
    const LENGTH: usize = 68;
    let mut words = typed.split_whitespace();
    let (ty, material) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let whole = material.len() == LENGTH && material.starts_with(START) && material.bytes().all(letters);
    match ty == "ssh-ed25519" && whole && scalar::hidden_character(typed, false, false).is_none() {
        true => Ok(format!("{ty} {material}")),
        false => {
            Err("the key is no SSH public key of the type ssh-ed25519: `ssh-keygen -t ed25519` makes one".to_owned())
        }
    }
}
