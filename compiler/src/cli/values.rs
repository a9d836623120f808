//! Values that a flag takes, read from what was typed. Each error is the end of a sentence that names the flag.

use crate::ast::Moment;
use crate::parse::{
    entities::{self, Told},
    scalar,
};

/// The last moment that can be written down in every time zone: 9999-12-30T22:00:00.999Z, where jiff ends.
pub(super) const LATEST: Moment = 253_402_207_200_999;

/// An RFC 3339 timestamp with at most milliseconds, as [`Moment`].
pub(super) fn moment(typed: &str) -> Result<Moment, String> {
    let wrong =
        || "expected an RFC 3339 timestamp with at most milliseconds, such as `2026-11-01T12:00:00Z`".to_owned();
    if !is_timestamp(typed) {
        return Err(wrong());
    }
    let read: jiff::Timestamp = typed.parse().map_err(|_| wrong())?;
    Ok(read.as_millisecond())
}

/// A moment as RFC 3339 writes it, in UTC.
pub(super) fn timestamp(moment: Moment) -> String {
    jiff::Timestamp::from_millisecond(moment)
        .map_or_else(|_| format!("{moment} ms since 1970"), |read| read.to_string())
}

/// The shape of RFC 3339: jiff takes other forms too, and reads a leap second as the one before.
fn is_timestamp(typed: &str) -> bool {
    let shape = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte.eq_ignore_ascii_case(&wanted),
            })
    };
    let Some((start, rest)) = typed.split_at_checked(19) else {
        return false;
    };
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    shape(start, "dddd-dd-ddtdd:dd:dd")
        && !start.ends_with("60")
        && (1..=3).contains(&fraction.len())
        && ["z", "+dd:dd", "-dd:dd"].iter().any(|pattern| shape(zone, pattern))
}

/// The text of a JSON object. Its text is kept, since a parsed one would have lost its duplicate keys.
pub(super) fn json_object(typed: &str) -> Result<String, String> {
    serde_json::from_str::<serde::de::IgnoredAny>(typed).map_err(|error| format!("not JSON: {error}"))?;
    match typed.trim_start().starts_with('{') {
        true => Ok(typed.to_owned()),
        false => Err("expected a JSON object, such as `{\"amount\": 100}`".to_owned()),
    }
}

/// Entities in Cedar's form, as the runtime reads what is told of resources: an object by their names. The attributes
/// stay as they are written, whatever keys they repeat.
pub(super) fn entities(typed: &str) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entity<'a> {
        uid: Uid,
        #[serde(borrow)]
        attrs: Option<&'a serde_json::value::RawValue>,
        #[serde(default)]
        parents: Vec<Uid>,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Uid {
        #[serde(rename = "type")]
        ty: String,
        id: String,
    }
    let read: Vec<Entity<'_>> = serde_json::from_str(typed).map_err(|error| format!("no list of entities: {error}"))?;
    let mut told: Vec<Told> = Vec::new();
    for entity in read {
        if entity.uid.ty != "Resource" {
            let Uid { ty, id } = entity.uid;
            return Err(format!(
                "`{ty}::{id:?}` is no `Resource`: the bundle knows every other entity"
            ));
        }
        let attributes = match entity.attrs {
            Some(raw) => json_object(raw.get())?,
            None => "{}".to_owned(),
        };
        let above = entity.parents.into_iter().map(|Uid { ty, id }| (ty, id));
        told.push((entity.uid.id, attributes, above.collect()));
    }
    Ok(entities::told(told))
}

/// A name, by the parser's own rule.
pub(super) fn name(typed: &str) -> Result<String, String> {
    if scalar::is_name(typed) {
        return Ok(typed.to_owned());
    }
    let rule = "a name is made of lower-case letters, digits and hyphens, a hyphen not first, at most 64";
    Err(match scalar::to_name(typed) {
        Some(near) => format!("{rule}: did you mean `{near}`?"),
        None => rule.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_and_nothing_else() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(moment("1970-01-01T01:00:00.250+01:00"), Ok(250));
        assert_eq!(moment("9999-12-30T22:00:00.999Z"), Ok(LATEST));
        assert!(moment("9999-12-30T22:00:01Z").is_err());
        for wrong in [
            "",
            "2026-11-01",
            "2026-11-01T12:00Z",
            "2026-11-01 12:00:00Z",
            "2026-11-01T12:00:00",
            "2026-11-01T12:00:60Z",
            "2026-11-01T12:00:00.Z",
            "2026-11-01T12:00:00.1234Z",
            "2026-02-30T12:00:00Z",
            "2026-11-01T12:00:00Z[Europe/Berlin]",
            "2026-11-01T12:00:00+0100",
            "+002026-11-01T12:00:00Z",
            "２026-11-01T12:00:00Z",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        assert_eq!(timestamp(1_793_534_400_000), "2026-11-01T12:00:00Z");
        assert_eq!(moment(&timestamp(1_793_534_400_123)), Ok(1_793_534_400_123));
    }

    #[test]
    fn arguments_are_a_json_object_kept_as_typed() {
        let typed = r#" {"a": 1, "a": 2}"#;
        assert_eq!(json_object(typed).as_deref(), Ok(typed));
        assert!(json_object("[1]").unwrap_err().contains("object"));
        assert!(json_object(r#"{"a" 1}"#).unwrap_err().contains("line 1 column 6"));
        assert!(json_object("{} {}").is_err());
    }

    #[test]
    fn entities_are_an_object_by_name_and_keep_what_they_say() {
        let told = entities(
            r#"[{"uid": {"type": "Resource", "id": "file:\"a\""}, "attrs": {"size": 1, "size": 2}, "parents": [{"type": "Folder", "id": "x"}]},
                {"uid": {"type": "Resource", "id": "file:b"}, "attrs": {}},
                {"uid": {"type": "Resource", "id": "file:c"}}]"#,
        );
        let expected =
            r#"{"file:\"a\"":{"in":["Folder::\"x\""],"size": 1, "size": 2},"file:b":{"in":[]},"file:c":{"in":[]}}"#;
        assert_eq!(told, Ok(expected.to_owned()));
        let wrong = [
            r#"{"uid": 1}"#,
            r#"[{"uid": {"type": "Team", "id": "x"}}]"#,
            r#"[{"uid": {"type": "Resource", "id": "x"}, "attrs": [1]}]"#,
            r#"[{"uid": {"type": "Resource", "id": "x"}, "tags": {}}]"#,
        ];
        for text in wrong {
            assert!(entities(text).is_err(), "{text}");
        }
    }
}
