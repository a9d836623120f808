//! The call that `decide` and `explain` are asked about: from flags, or a line of JSON each.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Failure, values};
use crate::ast::Moment;
pub(super) use crate::suite::Request;

/// The flags that make up a request.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Request")]
pub(super) struct Flags {
    /// The deployment that acts
    #[arg(long, value_name = "TEAM/AGENT")]
    pub(super) agent: Option<String>,
    /// Where it acts
    #[arg(long)]
    pub(super) environment: Option<String>,
    /// What it does
    #[arg(long, value_name = "TOOL.ACTION")]
    pub(super) action: Option<String>,
    /// The call's arguments, a JSON object [default: {}]
    #[arg(long, value_name = "JSON", value_parser = values::json_object)]
    pub(super) args: Option<String>,
    /// What only the call knows of its resources, a JSON array of entities in Cedar's form
    #[arg(long, value_name = "JSON", value_parser = values::entities)]
    pub(super) entities: Option<String>,
    /// A data class that the session has read; may be given several times
    #[arg(long, value_name = "CLASS")]
    pub(super) holding: Vec<String>,
    /// The person for whom the agent works
    #[arg(long, value_name = "PERSON")]
    pub(super) on_behalf_of: Option<String>,
    /// The moment of the call [default: the clock]
    #[arg(long, value_name = "RFC3339", value_parser = values::moment)]
    pub(super) now: Option<Moment>,
}

impl Flags {
    /// The request, at `now` unless the flags name a moment. Says which flags are missing.
    pub(super) fn request(self, now: Moment) -> Result<Request, Failure> {
        let (Some(agent), Some(environment), Some(action)) = (&self.agent, &self.environment, &self.action) else {
            let wanted = [
                ("--agent TEAM/AGENT", self.agent.is_some()),
                ("--environment ENVIRONMENT", self.environment.is_some()),
                ("--action TOOL.ACTION", self.action.is_some()),
            ];
            let missing = wanted
                .iter()
                .filter(|(_, given)| !given)
                .map(|(flag, _)| format!("`{flag}`"));
            let missing = missing.collect::<Vec<_>>().join(", ");
            return Err(Failure::misuse(format!("a request also takes {missing}")));
        };
        Ok(Request {
            agent: agent.clone(),
            environment: environment.clone(),
            action: action.clone(),
            args: self.args.unwrap_or_else(|| "{}".to_owned()),
            entities: self.entities,
            holding: self.holding,
            on_behalf_of: self.on_behalf_of,
            now: self.now.unwrap_or(now),
        })
    }

    /// The first flag that was given, if any.
    pub(super) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--agent", self.agent.is_some()),
            ("--environment", self.environment.is_some()),
            ("--action", self.action.is_some()),
            ("--args", self.args.is_some()),
            ("--entities", self.entities.is_some()),
            ("--holding", !self.holding.is_empty()),
            ("--on-behalf-of", self.on_behalf_of.is_some()),
            ("--now", self.now.is_some()),
        ];
        given.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
    }
}

/// Requests, one JSON object a line, at `now` where a line names no moment. A line that is no request stands in its
/// place as what is wrong with it: there is an answer to every line, in order.
pub(super) fn lines(bytes: &[u8], now: Moment) -> Vec<Result<Request, String>> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => line(text, now),
            Err(_) => Err("it is not UTF-8".to_owned()),
        })
        .collect()
}

/// One request.
pub(super) fn line(text: &str, now: Moment) -> Result<Request, String> {
    // A derived reader also takes the fields as an array, which nobody would recognise as a request.
    if !text.trim_start().starts_with('{') {
        return Err("expected an object".to_owned());
    }
    serde_json::from_str::<Line<'_>>(text)
        .map_err(|error| format!("{} at column {}", without_position(&error), error.column().max(1)))
        .and_then(|read| read.request(now))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    agent: String,
    environment: String,
    action: String,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    entities: Option<&'a RawValue>,
    holding: Option<Vec<String>>,
    on_behalf_of: Option<String>,
    now: Option<String>,
}

impl Line<'_> {
    fn request(self, now: Moment) -> Result<Request, String> {
        let args = self
            .args
            .map_or(Ok("{}".to_owned()), |raw| values::json_object(raw.get()));
        let entities = self.entities.map(|raw| values::entities(raw.get())).transpose();
        let now = self.now.map_or(Ok(now), |typed| values::moment(&typed));
        Ok(Request {
            agent: self.agent,
            environment: self.environment,
            action: self.action,
            args: args.map_err(|wrong| format!("`args`: {wrong}"))?,
            entities: entities.map_err(|wrong| format!("`entities`: {wrong}"))?,
            holding: self.holding.unwrap_or_default(),
            on_behalf_of: self.on_behalf_of,
            now: now.map_err(|wrong| format!("`now`: {wrong}"))?,
        })
    }
}

/// The message alone: its line counts within the one line it was given.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or(&message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_request() {
        let text = r#"{"agent":"payments/bot","environment":"production","action":"billing.refund","args":{"a":1,"a":2},"holding":["customer-data"],"on_behalf_of":"alice","now":"1970-01-01T00:00:01Z"}

{"agent":"a/b","environment":"c","action":"d"}
"#;
        let read: Result<Vec<Request>, String> = lines(text.as_bytes(), 7).into_iter().collect();
        assert_eq!(
            read.unwrap(),
            [
                Request {
                    agent: "payments/bot".to_owned(),
                    environment: "production".to_owned(),
                    action: "billing.refund".to_owned(),
                    args: r#"{"a":1,"a":2}"#.to_owned(),
                    entities: None,
                    holding: vec!["customer-data".to_owned()],
                    on_behalf_of: Some("alice".to_owned()),
                    now: 1000,
                },
                Request {
                    agent: "a/b".to_owned(),
                    environment: "c".to_owned(),
                    action: "d".to_owned(),
                    args: "{}".to_owned(),
                    entities: None,
                    holding: Vec::new(),
                    on_behalf_of: None,
                    now: 7,
                },
            ]
        );
    }

    #[test]
    fn a_line_that_is_no_request_keeps_its_place() {
        let good = r#"{"agent":"a/b","environment":"c","action":"d"}"#;
        for (line, said) in [
            (r#"{"agent":"a/b"}"#, "missing field `environment` at column 15"),
            (
                r#"{"agent":"a","agent":"b","environment":"c","action":"d"}"#,
                "duplicate field `agent`",
            ),
            (
                r#"{"agent":"a","environment":"c","action":"d","via":["e"]}"#,
                "unknown field `via`",
            ),
            (
                r#"{"agent":"a","environment":"c","action":"d","args":[1]}"#,
                "`args`: expected a JSON object",
            ),
            (
                r#"{"agent":"a","environment":"c","action":"d","now":"today"}"#,
                "`now`: expected an RFC 3339",
            ),
            ("nonsense", "expected an object"),
            (r#"["a/b","c","d",{},[],null,null]"#, "expected an object"),
        ] {
            let read = lines(format!("{good}\n{line}\n{good}\n").as_bytes(), 0);
            let [Ok(_), Err(wrong), Ok(_)] = read.as_slice() else {
                panic!("{read:?}")
            };
            assert!(wrong.contains(said), "{wrong}");
        }
    }

    #[test]
    fn flags_that_are_missing_are_named() {
        let flags = Flags {
            environment: Some("production".to_owned()),
            ..Flags::default()
        };
        assert_eq!(
            flags.request(0).unwrap_err().message(),
            "a request also takes `--agent TEAM/AGENT`, `--action TOOL.ACTION`"
        );
    }
}
