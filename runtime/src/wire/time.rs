//! Moments and spans of time as text, each with one spelling.
//!
//! Signed files hold moments as RFC 3339 in UTC rather than as a number: people read manifests and trust roots, and so
//! do the tools that read in-toto statements. To stay canonical the spelling is fixed: `2026-11-22T09:30:00Z`, with
//! exactly three decimals where the milliseconds are not zero and none where they are.

use std::fmt;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
///
/// INVARIANT: within the years 1970 to 9999, so that it can always be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The last millisecond of the year 9999.
const MAX_MILLIS: i64 = 253_402_300_799_999;
const DAY: i64 = 86_400_000;

impl Timestamp {
    /// A moment from milliseconds since 1970; none if it cannot be written with a year of four digits.
    pub fn from_millis(millis: i64) -> Option<Self> {
        (0..=MAX_MILLIS).contains(&millis).then_some(Self(millis))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Reads the one spelling of a moment.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = text.get(range)?;
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let millis = if text.len() == 24 { number(20..23)? } else { 0 };
        let seconds = (hour.checked_mul(60)?.checked_add(minute)?)
            .checked_mul(60)?
            .checked_add(second)?;
        let of_day = seconds.checked_mul(1000)?.checked_add(millis)?;
        let moment = Self::from_millis(
            days_from_civil(year, month, day)
                .checked_mul(DAY)?
                .checked_add(of_day)?,
        )?;
        // Writing it back is the check: of separators, of ranges, of the thirtieth of February.
        (moment.to_string() == text).then_some(moment)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let of_day = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match of_day % 1000 {
            0 => f.write_str("Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms"). A month or day out of range gives some other day.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days_from_civil`], from the same source.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Units of a span of time, greatest first, in milliseconds.
const UNITS: [(&str, i64); 4] = [("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];

/// Reads a span of time as policies write it (`90s`, `15m`, `2h`, `7d`), in milliseconds. Zero is refused.
pub fn read_duration(text: &str) -> Option<i64> {
    let (_, unit) = UNITS.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    let digits = text.get(..text.len().checked_sub(1)?)?;
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(*unit)
}

/// Writes a span of whole seconds in the greatest unit that divides it.
pub fn write_duration(millis: i64) -> String {
    let (suffix, unit) = UNITS
        .iter()
        .find(|(_, unit)| millis % unit == 0)
        .unwrap_or(&("s", 1000));
    format!("{}{suffix}", millis / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments_read_and_write() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59.001Z", 951_868_799_001),
            ("2026-11-01T12:00:00Z", 1_793_534_400_000),
            ("9999-12-31T23:59:59.999Z", MAX_MILLIS),
        ] {
            assert_eq!(Timestamp::parse(text), Some(Timestamp(millis)), "{text}");
            assert_eq!(Timestamp(millis).to_string(), text);
        }
    }

    #[test]
    fn other_spellings_and_days_that_are_not_are_refused() {
        for text in [
            "2026-11-01",
            "2026-11-01T12:00:00",
            "2026-11-01t12:00:00Z",
            "2026-11-01T12:00:00z",
            "2026-11-01T12:00:00.000Z",
            "2026-11-01T12:00:00.5Z",
            "2026-11-01T12:00:00+00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "+026-01-01T00:00:00Z",
            "",
            "2026-11-01T12:00:00Z ",
            "２026-11-01T12:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert_eq!(Timestamp::from_millis(-1), None);
        assert_eq!(Timestamp::from_millis(MAX_MILLIS + 1), None);
    }

    #[test]
    fn spans_read_as_policies_write_them() {
        assert_eq!(read_duration("90s"), Some(90_000));
        assert_eq!(read_duration("7d"), Some(604_800_000));
        assert_eq!(write_duration(90_000), "90s");
        assert_eq!(write_duration(900_000), "15m");
        assert_eq!(write_duration(604_800_000), "7d");
        for wrong in [
            "",
            "s",
            "0s",
            "01s",
            "1.5h",
            "-1s",
            "+1s",
            "1 h",
            "1w",
            "1",
            "99999999999999999d",
            "1ms",
        ] {
            assert_eq!(read_duration(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_survives(millis in 0..=MAX_MILLIS) {
            prop_assert_eq!(Timestamp::parse(&Timestamp(millis).to_string()), Some(Timestamp(millis)));
        }
    }
}
