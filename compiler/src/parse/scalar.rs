//! One scalar's text to a value: names, booleans, whole numbers, durations, rates, moments, sizes.
//!
//! Comes in: text after YAML's escapes. Goes out: a value, or what is wrong with the text. Nothing here knows of
//! documents, spans or diagnostics. Every form is narrow on purpose: what two readers could read in two ways is
//! refused, and the caller says so.

use jiff::civil;

use crate::ast::{Millis, Moment, Rate};

/// The longest name of a document, rule or variant, in bytes: a DNS label is 63 and names become labels in
/// clusters; the one more is ours.
pub const NAME_MAX: usize = 64;

/// The longest name of an action or parameter, in bytes: what MCP clients accept for a tool.
pub const FOREIGN_NAME_MAX: usize = 128;

/// How a name is spelled: what the reader takes, and what the JSON Schema says.
#[derive(Debug)]
pub struct Spelling {
    /// Characters that may stand anywhere, as ranges.
    anywhere: &'static [(u8, u8)],
    /// Characters that may stand anywhere but first.
    not_first: &'static [u8],
    /// In bytes, which are characters.
    pub longest: usize,
}

/// `[a-z0-9][a-z0-9-]*`, at most [`NAME_MAX`].
pub const NAME: Spelling = Spelling {
    anywhere: &[(b'a', b'z'), (b'0', b'9')],
    not_first: b"-",
    longest: NAME_MAX,
};

/// `[a-z0-9][a-z0-9_-]*`, at most [`NAME_MAX`]: variants, and keys of tags.
pub const WORD: Spelling = Spelling {
    not_first: b"_-",
    ..NAME
};

/// `[A-Za-z0-9_-][A-Za-z0-9_.-]*`, at most [`FOREIGN_NAME_MAX`]: actions and parameters, as MCP servers name them.
pub const FOREIGN_NAME: Spelling = Spelling {
    anywhere: &[(b'A', b'Z'), (b'a', b'z'), (b'0', b'9'), (b'_', b'_'), (b'-', b'-')],
    not_first: b".",
    longest: FOREIGN_NAME_MAX,
};

impl Spelling {
    fn takes(&self, text: &str) -> bool {
        let anywhere = |b: u8| self.anywhere.iter().any(|(from, to)| (*from..=*to).contains(&b));
        text.len() <= self.longest
            && text.bytes().next().is_some_and(anywhere)
            && text.bytes().all(|b| anywhere(b) || self.not_first.contains(&b))
    }

    /// The spelling as an ECMA-262 pattern; the length stands apart.
    pub fn pattern(&self) -> String {
        // A hyphen comes last in its class, where it means itself.
        let (mut class, mut hyphen) = (String::new(), false);
        for (from, to) in self.anywhere {
            match (from, to) {
                (b'-', b'-') => hyphen = true,
                _ if from == to => class.push(char::from(*from)),
                _ => class.extend([char::from(*from), '-', char::from(*to)]),
            }
        }
        let first = if hyphen { "-" } else { "" };
        let (points, inner): (Vec<u8>, Vec<u8>) = self.not_first.iter().partition(|b| **b != b'-');
        let points: String = points.into_iter().map(char::from).collect();
        let last = if hyphen || !inner.is_empty() { "-" } else { "" };
        format!("^[{class}{first}][{class}{points}{last}]*$")
    }
}

/// Whether a text is a [`NAME`].
pub fn is_name(text: &str) -> bool {
    NAME.takes(text)
}

/// Whether a text is a [`WORD`].
pub fn is_word(text: &str) -> bool {
    WORD.takes(text)
}

/// Whether a text is a [`FOREIGN_NAME`].
pub fn is_foreign_name(text: &str) -> bool {
    FOREIGN_NAME.takes(text)
}

/// The name nearest to a text that is none: lower-cased, every run of other characters one hyphen.
pub fn to_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    is_name(name).then(|| name.to_owned())
}

/// A character that shows nothing or turns the text around it: a reviewer would read something else than the
/// compiler does. `lines` lets line breaks and tabs through, where a text may have several lines; `prose` lets
/// the joiners through that some scripts and emoji are spelt with.
pub fn hidden_character(text: &str, lines: bool, prose: bool) -> Option<char> {
    text.chars().find(|&c| match c {
        _ if LINES.contains(&c) => !lines,
        _ if JOINERS.contains(&c) => !prose,
        _ => HIDDEN.iter().any(|(from, to)| (*from..=*to).contains(&c)),
    })
}

/// Where a text may have several lines.
const LINES: &[char] = &['\n', '\t'];

/// What some scripts and emoji are spelt with.
const JOINERS: &[char] = &['\u{200C}', '\u{200D}'];

/// Control characters (all of Unicode's category Cc, C1 included), and what shows nothing or turns the text.
const HIDDEN: &[(char, char)] = &[
    ('\0', '\u{1F}'),
    ('\u{7F}', '\u{9F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{FEFF}', '\u{FEFF}'),
];

/// A text that is not blank and has no [`hidden_character`], as an ECMA-262 pattern.
pub fn readable_pattern(lines: bool, prose: bool) -> String {
    let mut spared: Vec<u32> = Vec::new();
    spared.extend(LINES.iter().filter(|_| lines).map(|c| u32::from(*c)));
    spared.extend(JOINERS.iter().filter(|_| prose).map(|c| u32::from(*c)));
    spared.sort_unstable();
    let mut class = String::new();
    let mut range = |from: u32, to: u32| {
        if from <= to {
            class.push_str(&format!("\\u{from:04x}"));
        }
        if from < to {
            class.push_str(&format!("-\\u{to:04x}"));
        }
    };
    for (from, to) in HIDDEN {
        let (mut from, to) = (u32::from(*from), u32::from(*to));
        for spared in spared
            .iter()
            .copied()
            .filter(|c| (from..=to).contains(c))
            .collect::<Vec<_>>()
        {
            if let Some(before) = spared.checked_sub(1) {
                range(from, before);
            }
            from = spared + 1;
        }
        range(from, to);
    }
    format!("^[^{class}]*[^\\s{class}][^{class}]*$")
}

/// Why a text is not the value asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not written in the form.
    Form,
    /// Zero, where that would mean never or nothing.
    Zero,
    /// More than can be held.
    Overflow,
}

/// `true` or `false`; nothing else, however friendly.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A decimal whole number without leading zeros: `017` is 15 to one reader and 17 to another.
pub fn integer(text: &str) -> Result<i64, Fault> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    count(digits)?;
    text.parse().map_err(|_| Fault::Overflow)
}

/// Digits without a sign or leading zeros.
fn count(digits: &str) -> Result<u64, Fault> {
    match digits.as_bytes() {
        [b'0', _, ..] | [] => Err(Fault::Form),
        bytes if bytes.iter().all(u8::is_ascii_digit) => digits.parse().map_err(|_| Fault::Overflow),
        _ => Err(Fault::Form),
    }
}

/// Units of time, in milliseconds.
const UNITS: &[(&str, i64)] = &[("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of size, in bytes.
const SIZES: &[(&str, i64)] = &[("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40)];

fn unit(units: &[(&str, i64)], written: &str) -> Result<i64, Fault> {
    let unit = units.iter().find(|(name, _)| *name == written);
    unit.map(|(_, factor)| *factor).ok_or(Fault::Form)
}

fn alternatives(units: &[(&str, i64)]) -> String {
    units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("|")
}

/// What [`duration`] takes, as an ECMA-262 pattern; how much can be held is not in it.
pub fn duration_pattern() -> String {
    format!("^[1-9][0-9]*({})$", alternatives(UNITS))
}

/// What [`rate`] takes.
pub fn rate_pattern() -> String {
    format!("^[1-9][0-9]*/({})$", alternatives(UNITS))
}

/// What [`size`] takes.
pub fn size_pattern() -> String {
    format!("^[1-9][0-9]*({})$", alternatives(SIZES))
}

/// What [`moment`] takes; how many days a month has is not in it.
pub const MOMENT_PATTERN: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
    (T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,3})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$";

/// Splits `15m` into digits and unit.
fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or((text, ""))
}

/// `90s`, `15m`, `2h`, `7d`.
pub fn duration(text: &str) -> Result<Millis, Fault> {
    let (digits, letter) = split_unit(text);
    let unit = unit(UNITS, letter)?;
    match i64::try_from(count(digits)?).map_err(|_| Fault::Overflow)? {
        0 => Err(Fault::Zero),
        n => n.checked_mul(unit).map(Millis).ok_or(Fault::Overflow),
    }
}

/// `5/s`, `30/m`, `20/h`, `100/d`.
pub fn rate(text: &str) -> Result<Rate, Fault> {
    let (digits, letter) = text.split_once('/').ok_or(Fault::Form)?;
    let per = Millis(unit(UNITS, letter)?);
    match u32::try_from(count(digits)?).map_err(|_| Fault::Overflow)? {
        0 => Err(Fault::Zero),
        count => Ok(Rate { count, per }),
    }
}

/// `512Mi`, in bytes.
pub fn size(text: &str) -> Result<i64, Fault> {
    let (digits, suffix) = split_unit(text);
    let unit = unit(SIZES, suffix)?;
    match i64::try_from(count(digits)?).map_err(|_| Fault::Overflow)? {
        0 => Err(Fault::Zero),
        n => n.checked_mul(unit).ok_or(Fault::Overflow),
    }
}

/// `2026-12-31`, the start of that day in UTC, or an RFC 3339 date-time to the millisecond.
pub fn moment(text: &str) -> Option<Moment> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let (year, month, day) = match date.as_bytes() {
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] => (
            number(&[*y1, *y2, *y3, *y4])?,
            number(&[*m1, *m2])?,
            number(&[*d1, *d2])?,
        ),
        _ => return None,
    };
    let (hour, minute, second, millis, offset) = match time {
        Some(time) => clock(time)?,
        None => (0, 0, 0, 0, 0),
    };
    let narrow = |n: i64| i8::try_from(n).ok();
    let civil = civil::DateTime::new(
        i16::try_from(year).ok()?,
        narrow(month)?,
        narrow(day)?,
        narrow(hour)?,
        narrow(minute)?,
        narrow(second)?,
        0,
    )
    .ok()?;
    // A time without a zone goes to the end of the year 9999, which people write for "never"; a timestamp not quite.
    let since = civil.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
    let utc = i64::try_from(since.as_millis()).ok()?;
    utc.checked_add(millis)?.checked_sub(offset)
}

/// Hour, minute, second, milliseconds, and the offset from UTC in milliseconds.
fn clock(time: &str) -> Option<(i64, i64, i64, i64, i64)> {
    let (time, offset) = match time.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let at = time.len().checked_sub("+00:00".len())?;
            let (time, offset) = time.split_at_checked(at)?;
            (time, zone(offset)?)
        }
    };
    let (whole, millis) = match time.split_once('.') {
        Some((whole, fraction)) => (whole, thousandths(fraction)?),
        None => (time, 0),
    };
    match whole.as_bytes() {
        [h1, h2, b':', m1, m2, b':', s1, s2] => Some((
            number(&[*h1, *h2])?,
            number(&[*m1, *m2])?,
            number(&[*s1, *s2])?,
            millis,
            offset,
        )),
        _ => None,
    }
}

fn zone(offset: &str) -> Option<i64> {
    let (sign, h1, h2, m1, m2) = match offset.as_bytes() {
        [b'+', h1, h2, b':', m1, m2] => (1, h1, h2, m1, m2),
        [b'-', h1, h2, b':', m1, m2] => (-1, h1, h2, m1, m2),
        _ => return None,
    };
    let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// At most three decimal places, in milliseconds.
fn thousandths(fraction: &str) -> Option<i64> {
    match fraction.as_bytes() {
        [a] => number(&[*a, b'0', b'0']),
        [a, b] => number(&[*a, *b, b'0']),
        [a, b, c] => number(&[*a, *b, *c]),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        assert_eq!(duration("90s"), Ok(Millis(90_000)));
        assert_eq!(duration("15m"), Ok(Millis(900_000)));
        assert_eq!(duration("2h"), Ok(Millis(7_200_000)));
        assert_eq!(duration("7d"), Ok(Millis(604_800_000)));
        assert_eq!(duration("0s"), Err(Fault::Zero));
        assert_eq!(duration("106751991168d"), Err(Fault::Overflow));
        assert_eq!(duration("99999999999999999999s"), Err(Fault::Overflow));
        for text in [
            "", "15", "m", "-1m", "+1m", "1.5h", "1h30m", "15 m", "15min", "015m", "1w", "15M", "١m",
        ] {
            assert_eq!(duration(text), Err(Fault::Form), "{text:?}");
        }
    }

    #[test]
    fn rates_and_sizes() {
        let per_minute = Rate {
            count: 30,
            per: Millis(60_000),
        };
        assert_eq!(rate("30/m"), Ok(per_minute));
        assert_eq!(rate("0/m"), Err(Fault::Zero));
        assert_eq!(rate("4294967296/s"), Err(Fault::Overflow));
        for text in ["30", "30/", "/m", "30/min", "30 / m", "-3/m", "3/m/m"] {
            assert_eq!(rate(text), Err(Fault::Form), "{text:?}");
        }
        assert_eq!(size("512Mi"), Ok(512 << 20));
        assert_eq!(size("0Mi"), Err(Fault::Zero));
        assert_eq!(size("99999999Ti"), Err(Fault::Overflow));
        for text in ["512", "512M", "512MB", "Mi", "0.5Gi"] {
            assert_eq!(size(text), Err(Fault::Form), "{text:?}");
        }
    }

    #[test]
    fn a_date_is_the_start_of_its_day_in_utc() {
        assert_eq!(moment("1970-01-02"), Some(86_400_000));
        assert_eq!(moment("2026-12-31"), moment("2026-12-31T00:00:00Z"));
        assert_eq!(moment("2026-12-31T02:00:00+02:00"), moment("2026-12-31"));
        assert_eq!(moment("1970-01-01T00:00:00.5Z"), Some(500));
        assert_eq!(moment("1970-01-01T00:00:00.123Z"), Some(123));
        assert_eq!(moment("1969-12-31T23:59:59.999Z"), Some(-1));
        for text in [
            "2026-13-01",
            "2026-02-30",
            "2026-1-1",
            "20261231",
            "2026-12-31T12:00Z",
            "2026-12-31T12:00:00",
            "2026-12-31T24:00:00Z",
            "2026-12-31T12:00:60Z",
            "2026-12-31 12:00:00Z",
            "2026-12-31t12:00:00z",
            "2026-12-31T12:00:00.1234Z",
            "2026-12-31T12:00:00+24:00",
            "2026-12-31T12:00:00Z[UTC]",
            "+2026-12-31",
            "",
            "T",
            "é",
        ] {
            assert_eq!(moment(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_are_lower_case_and_short() {
        for name in ["a", "0", "claude-code", "a--b", "a-"] {
            assert!(is_name(name), "{name:?}");
        }
        for text in [
            "",
            "-a",
            "A",
            "a_b",
            "a.b",
            "a b",
            "é",
            "a/b",
            &"a".repeat(NAME_MAX + 1),
        ] {
            assert!(!is_name(text), "{text:?}");
        }
        assert!(is_foreign_name("getUser_v2.list-all") && !is_foreign_name(".hidden") && !is_foreign_name("a/b"));
        assert!(is_word("submit_pending") && !is_word("_x") && !is_word("X"));
        assert_eq!(to_name("Claude Code!").as_deref(), Some("claude-code"));
        assert_eq!(to_name("!!"), None);
    }

    #[test]
    fn what_cannot_be_seen_is_found() {
        assert_eq!(hidden_character("plain, ünïcode", false, false), None);
        assert_eq!(hidden_character("a\tb\n", true, true), None);
        assert_eq!(hidden_character("👩\u{200D}💻", true, true), None);
        for (text, hidden) in [
            ("a\n", '\n'),
            ("a\u{200D}", '\u{200D}'),
            ("a\u{85}", '\u{85}'),
            ("\u{202E}a", '\u{202E}'),
            ("\u{FEFF}a", '\u{FEFF}'),
            ("a\0", '\0'),
        ] {
            assert_eq!(hidden_character(text, false, false), Some(hidden), "{text:?}");
        }
    }

    #[test]
    fn integers_have_one_spelling() {
        assert_eq!(integer("0"), Ok(0));
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer("9223372036854775808"), Err(Fault::Overflow));
        for text in ["", "-", "+1", "007", "1_000", "0x10", "1.0", "1e3"] {
            assert_eq!(integer(text), Err(Fault::Form), "{text:?}");
        }
    }

    #[test]
    fn the_last_day_that_is_written_is_a_date() {
        assert_eq!(moment("9999-12-31"), Some(253_402_214_400_000));
        assert_eq!(moment("9999-12-31T23:59:59.999Z"), Some(253_402_300_799_999));
        assert_eq!(moment("0000-01-01"), Some(-62_167_219_200_000));
        for text in ["9999-12-32", "2026-02-29", "10000-01-01"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,24}") {
            let _ = (duration(&text), rate(&text), size(&text), moment(&text), integer(&text), to_name(&text));
        }

        #[test]
        fn moments_agree_with_an_independent_reader(seconds in -62_000_000_000_i64..250_000_000_000) {
            let timestamp = jiff::Timestamp::from_second(seconds).unwrap();
            prop_assert_eq!(moment(&timestamp.to_string()), Some(seconds * 1000));
        }
    }
}
