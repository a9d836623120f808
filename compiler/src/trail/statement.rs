//! An approval statement: canonical JSON in, a [`Statement`] out, and the reverse.
//!
//! It says what it binds to. Whether it was signed, by whom, and whether it counts is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use polity_runtime::wire::Digest;
use polity_runtime::wire::json::{self, Json};

/// What a statement says it is. Another form is another type.
pub const TYPE: &str = "polity-approval/v1";

/// One person's word on one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The organisation that it is for.
    pub organization: String,
    /// The ref that it is for.
    pub reference: String,
    /// The trunk commit whose state is `before`.
    pub base: String,
    /// Every document that changes, with its digest before and after.
    pub documents: BTreeMap<DocumentId, Sides<Digest>>,
    /// Every answer that changes.
    pub effects: BTreeMap<Cell, Sides<String>>,
    /// The digest of the approval rules in force at the base.
    pub rules: Digest,
    /// Yes or no.
    pub verdict: Verdict,
    /// A person's name.
    pub approver: String,
}

/// A document by its place and name: `Policy refunds teams/payments/refunds.yaml`. What is not compiled is a `File`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId {
    /// Its kind.
    pub kind: String,
    /// Its name; `-` where it has none.
    pub name: String,
    /// The file.
    pub path: String,
}

/// Before and after; absent where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sides<T> {
    /// At the base.
    pub before: Option<T>,
    /// After the change.
    pub after: Option<T>,
}

/// Which answer: of an agent, in an environment, to an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The deployment.
    pub agent: String,
    /// The environment.
    pub environment: String,
    /// The action.
    pub action: String,
}

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No. It is shown, and never computed with.
    Reject,
}

impl Statement {
    /// The bytes that are signed, and whose digest is the file's name.
    pub fn to_bytes(&self) -> Vec<u8> {
        let digest = |side: &Option<Digest>| side.as_ref().map_or(Json::Null, |d| Json::string(d.to_string()));
        let text = |side: &Option<String>| side.as_ref().map_or(Json::Null, Json::string);
        let documents = self.documents.iter().map(|(id, sides)| {
            Json::object([
                ("document", Json::string(id.to_string())),
                ("before", digest(&sides.before)),
                ("after", digest(&sides.after)),
            ])
        });
        let effects = self.effects.iter().map(|(cell, sides)| {
            Json::object([
                ("agent", Json::string(&cell.agent)),
                ("environment", Json::string(&cell.environment)),
                ("action", Json::string(&cell.action)),
                ("before", text(&sides.before)),
                ("after", text(&sides.after)),
            ])
        });
        let object = Json::object([
            ("type", Json::string(TYPE)),
            ("organization", Json::string(&self.organization)),
            ("ref", Json::string(&self.reference)),
            ("base", Json::string(&self.base)),
            ("documents", Json::Array(documents.collect())),
            ("effects", Json::Array(effects.collect())),
            ("rules", Json::string(self.rules.to_string())),
            ("verdict", Json::string(self.verdict.to_string())),
            ("approver", Json::string(&self.approver)),
        ]);
        object.to_string().into_bytes()
    }

    /// Reads exactly the canonical form, with exactly the fields that there are, each list in its order and without
    /// duplicates.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence about the file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let json = json::read_canonical(bytes).map_err(|error| format!("is not canonical JSON: {error}"))?;
        let mut fields = Members::of(json)?;
        let kind = fields.text("type")?;
        if kind != TYPE {
            return Err(format!("is of the type `{}` and not `{TYPE}`", kind.escape_debug()));
        }
        let statement = Self {
            organization: fields.text("organization")?,
            reference: fields.text("ref")?,
            base: fields.text("base")?,
            documents: fields.list("documents", |mut one| {
                let id = DocumentId::parse(&one.text("document")?).ok_or("names a document that none can be")?;
                let sides =
                    one.sides(|text| Digest::parse(&text).ok_or_else(|| "has a digest that is none".to_owned()))?;
                one.end()?;
                Ok((id, sides))
            })?,
            effects: fields.list("effects", |mut one| {
                let cell = Cell {
                    agent: one.text("agent")?,
                    environment: one.text("environment")?,
                    action: one.text("action")?,
                };
                let sides = one.sides(Ok)?;
                one.end()?;
                Ok((cell, sides))
            })?,
            rules: Digest::parse(&fields.text("rules")?).ok_or("has a digest of rules that is none")?,
            verdict: match fields.text("verdict")?.as_str() {
                "approve" => Verdict::Approve,
                "reject" => Verdict::Reject,
                _ => return Err("has a verdict that is neither `approve` nor `reject`".to_owned()),
            },
            approver: fields.text("approver")?,
        };
        fields.end()?;
        // Lists are sorted and name each thing once: then there is one spelling of a statement.
        match statement.to_bytes() == bytes {
            true => Ok(statement),
            false => Err("does not have its lists in order".to_owned()),
        }
    }

    /// The name of its file, without the extension.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

impl DocumentId {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let id = Self {
            kind: parts.next()?.to_owned(),
            name: parts.next()?.to_owned(),
            path: parts.next()?.to_owned(),
        };
        let whole = !id.kind.is_empty() && !id.name.is_empty() && !id.path.is_empty();
        whole.then_some(id)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.name, self.path)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        })
    }
}

/// The members of an object, taken one by one, so that none is left over unseen.
struct Members(BTreeMap<String, Json>);

impl Members {
    fn of(json: Json) -> Result<Self, String> {
        match json {
            Json::Object(members) => Ok(Self(members)),
            _ => Err("is no object where one is expected".to_owned()),
        }
    }

    fn take(&mut self, name: &str) -> Result<Json, String> {
        self.0.remove(name).ok_or_else(|| format!("has no `{name}`"))
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        match self.take(name)? {
            Json::String(text) => Ok(text),
            _ => Err(format!("has a `{name}` that is no string")),
        }
    }

    fn sides<T>(&mut self, read: impl Fn(String) -> Result<T, String>) -> Result<Sides<T>, String> {
        let mut side = |name: &str| match self.take(name)? {
            Json::Null => Ok(None),
            Json::String(text) => read(text).map(Some),
            _ => Err(format!("has a `{name}` that is no string")),
        };
        Ok(Sides {
            before: side("before")?,
            after: side("after")?,
        })
    }

    fn list<K: Ord, V>(
        &mut self,
        name: &str,
        read: impl Fn(Members) -> Result<(K, V), String>,
    ) -> Result<BTreeMap<K, V>, String> {
        let Json::Array(items) = self.take(name)? else {
            return Err(format!("has `{name}` that are no list"));
        };
        items.into_iter().map(|item| read(Members::of(item)?)).collect()
    }

    fn end(self) -> Result<(), String> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("has the unknown member `{}`", name.escape_debug())),
        }
    }
}

/// The block of a merge bot: after the title and one empty line, these lines and nothing else. A description that a
/// bot copies into its message can then not pass for what the bot says, unless the bot lets others write the whole
/// message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// Digests of the statements that the bot vouches for.
    pub approvals: BTreeSet<Digest>,
    /// Who asked for the merge: never counts among the approvers.
    pub requesters: BTreeSet<String>,
    /// Where it was discussed.
    pub reference: Option<String>,
}

impl Block {
    /// Reads a commit's message; `None` where it is anything else than a title and a block.
    pub fn parse(message: &str) -> Option<Self> {
        let (title, rest) = message.split_once('\n')?;
        let block = rest.strip_prefix('\n')?;
        let block = block.strip_suffix('\n').unwrap_or(block);
        if title.trim().is_empty() || block.is_empty() {
            return None;
        }
        let mut read = Self::default();
        for line in block.split('\n') {
            let (key, value) = line.split_once(": ")?;
            if value.is_empty() || value.trim() != value || value.chars().any(char::is_control) {
                return None;
            }
            match key {
                "Polity-Approval" => {
                    if !read.approvals.insert(Digest::parse(value)?) {
                        return None;
                    }
                }
                "Polity-Requested-By" => {
                    read.requesters.insert(value.to_owned());
                }
                "Polity-Merge-Request" => {
                    if read.reference.replace(value.to_owned()).is_some() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        (!read.approvals.is_empty()).then_some(read)
    }
}

/// The lines of a message that claim an approval, whoever wrote them: shown, and never counted.
pub fn claims(message: &str) -> Vec<&str> {
    const KEYS: [&str; 4] = ["approved-by:", "reviewed-by:", "acked-by:", "polity-approval:"];
    let claims = |line: &&str| {
        let line = line.trim_start().to_ascii_lowercase();
        KEYS.iter().any(|key| line.starts_with(key))
    };
    message.lines().filter(claims).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let sides = |before: Option<&str>, after: Option<&str>| Sides {
            before: before.map(|text| Digest::of(text.as_bytes())),
            after: after.map(|text| Digest::of(text.as_bytes())),
        };
        let id = |text| DocumentId::parse(text).unwrap();
        Statement {
            organization: "acme".to_owned(),
            reference: "refs/heads/main".to_owned(),
            base: "0".repeat(40),
            documents: [
                (
                    id("Policy refunds teams/payments/refunds.yaml"),
                    sides(Some("a"), Some("b")),
                ),
                (id("File - a file#x y"), sides(None, Some("c"))),
            ]
            .into(),
            effects: [(
                Cell {
                    agent: "payments/refund-bot".to_owned(),
                    environment: "production".to_owned(),
                    action: "billing.refund".to_owned(),
                },
                Sides {
                    before: Some("deny".to_owned()),
                    after: Some("allow".to_owned()),
                },
            )]
            .into(),
            rules: Digest::of(b"rules"),
            verdict: Verdict::Approve,
            approver: "alice".to_owned(),
        }
    }

    #[test]
    fn a_statement_reads_back_as_it_was_written() {
        let bytes = statement().to_bytes();
        assert_eq!(Statement::from_bytes(&bytes), Ok(statement()));
    }

    #[test]
    fn nothing_but_the_canonical_form_is_read() {
        let text = String::from_utf8(statement().to_bytes()).unwrap();
        let document = r#"{"after":"#;
        for (from, to) in [
            ("\"approver\"", " \"approver\""),
            ("\"approve\"", "\"maybe\""),
            ("polity-approval/v1", "polity-approval/v2"),
            ("\"approver\":\"alice\",", ""),
            ("\"approver\":\"alice\"", "\"also\":\"bob\",\"approver\":\"alice\""),
            (document, r#"{"aft":null,"after":"#),
            ("\"alice\"", "[\"alice\",\"bob\"]"),
        ] {
            let altered = text.replacen(from, to, 1);
            assert_ne!(altered, text, "{from}");
            assert!(Statement::from_bytes(altered.as_bytes()).is_err(), "{altered}");
        }
        let swapped = {
            let mut json = json::read(&text).unwrap();
            let Json::Object(members) = &mut json else { panic!() };
            let Some(Json::Array(documents)) = members.get_mut("documents") else {
                panic!()
            };
            documents.reverse();
            json.to_string()
        };
        assert!(Statement::from_bytes(swapped.as_bytes()).unwrap_err().contains("order"));
    }

    #[test]
    fn a_block_is_the_whole_message_below_the_title() {
        let digest = Digest::of(b"x");
        let block = format!("Polity-Approval: {digest}\nPolity-Requested-By: carol\nPolity-Merge-Request: !7");
        let read = Block::parse(&format!("Merge !7\n\n{block}\n")).unwrap();
        assert_eq!(read.approvals, [digest].into());
        assert_eq!(
            (read.requesters, read.reference),
            (["carol".to_owned()].into(), Some("!7".to_owned()))
        );
        for forged in [
            block.clone(),
            format!("Merge !7\n{block}"),
            format!("Merge !7 {block}"),
            format!("Merge !7\n\nA description\n\n{block}"),
            format!("Merge !7\n\n{block}\n\nA description"),
            format!("Merge !7\n\nA description\n{block}"),
            format!("Merge !7\n\n{block}\nSigned-off-by: alice"),
            format!("Merge !7\n\n {block}"),
            format!("Merge !7\n\n\n{block}"),
            format!("Merge !7\n\n{}", block.to_lowercase()),
            "Merge !7\n\nPolity-Requested-By: carol".to_owned(),
        ] {
            assert_eq!(Block::parse(&forged), None, "{forged}");
        }
    }
}
