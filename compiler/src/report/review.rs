//! What a branch needs, from whom, what it has and what is missing, as JSON for scripts: the member `approvals` of what
//! `polity check --base --format json` prints. The page of that command describes it.

use serde::Serialize;

use crate::ast::Evidence;
use crate::trail::change::Direction;
use crate::trail::requirements::AskedBy;
use crate::trail::verify::{Answer, Given, Refused, Review};

/// The object, under the version of the object that it stands in.
pub fn review(review: &Review) -> impl Serialize + '_ {
    let judged = &review.judged;
    ReviewJson {
        organization: &review.organization,
        reference: &review.reference,
        base: review.base.to_string(),
        head: review.head.to_string(),
        approved: judged.holds(),
        sole_owner: review.sole_owner,
        broken: judged.broken.as_deref(),
        changes: judged
            .step
            .facts
            .iter()
            .map(|fact| ChangeJson {
                what: &fact.what,
                direction: match fact.direction {
                    Direction::Widens => "widens",
                    Direction::Narrows => "narrows",
                    Direction::Neutral => "neutral",
                },
            })
            .collect(),
        written_by: AuthorsJson {
            people: judged.authors.people.iter().map(String::as_str).collect(),
            agents: judged.authors.agents.iter().map(String::as_str).collect(),
            named: judged.authors.named.iter().map(String::as_str).collect(),
            unknown: judged.authors.unknown.iter().map(String::as_str).collect(),
        },
        asks: judged.answers.iter().map(ask).collect(),
    }
}

fn ask(answer: &Answer) -> AskJson<'_> {
    let (by, rule) = match &answer.ask.by {
        AskedBy::Rule(name) => ("rule", Some(name.as_str())),
        AskedBy::Owners => ("owners", None),
        AskedBy::Brake => ("kills", None),
    };
    AskJson {
        by,
        rule,
        because: answer.ask.because.iter().map(String::as_str).collect(),
        evidence: match answer.ask.evidence {
            Evidence::Forge => "forge",
            Evidence::Signed => "signed",
            Evidence::Present => "present",
        },
        needs: answer
            .ask
            .seats
            .iter()
            .map(|seat| NeedJson {
                from: &seat.from,
                count: seat.count,
                people: seat.people.iter().map(String::as_str).collect(),
            })
            .collect(),
        has: answer.given.iter().map(given).collect(),
        refused: answer.refused.iter().map(refused).collect(),
        missing: answer.missing,
        could: answer.could.iter().map(String::as_str).collect(),
        keyless: answer.keyless.iter().map(String::as_str).collect(),
        blocked: answer.blocked,
    }
}

fn given(given: &Given) -> HasJson<'_> {
    HasJson {
        person: &given.person,
        grade: given.grade.to_string(),
        key: given.fingerprint.as_deref(),
        evidence: &given.evidence,
        own: given.own,
    }
}

fn refused(refused: &Refused) -> RefusedJson<'_> {
    RefusedJson {
        person: &refused.person,
        why: &refused.why,
    }
}

#[derive(Serialize)]
struct ReviewJson<'a> {
    organization: &'a str,
    #[serde(rename = "ref")]
    reference: &'a str,
    base: String,
    head: String,
    approved: bool,
    sole_owner: bool,
    broken: Option<&'a str>,
    changes: Vec<ChangeJson<'a>>,
    written_by: AuthorsJson<'a>,
    asks: Vec<AskJson<'a>>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    what: &'a str,
    direction: &'static str,
}

#[derive(Serialize)]
struct AuthorsJson<'a> {
    people: Vec<&'a str>,
    agents: Vec<&'a str>,
    named: Vec<&'a str>,
    unknown: Vec<&'a str>,
}

#[derive(Serialize)]
struct AskJson<'a> {
    by: &'static str,
    rule: Option<&'a str>,
    because: Vec<&'a str>,
    evidence: &'static str,
    needs: Vec<NeedJson<'a>>,
    has: Vec<HasJson<'a>>,
    refused: Vec<RefusedJson<'a>>,
    missing: usize,
    could: Vec<&'a str>,
    keyless: Vec<&'a str>,
    blocked: usize,
}

#[derive(Serialize)]
struct NeedJson<'a> {
    from: &'a str,
    count: usize,
    people: Vec<&'a str>,
}

#[derive(Serialize)]
struct HasJson<'a> {
    person: &'a str,
    grade: String,
    key: Option<&'a str>,
    evidence: &'a str,
    own: bool,
}

#[derive(Serialize)]
struct RefusedJson<'a> {
    person: &'a str,
    why: &'a str,
}
