//! Moments (RFC 3339) and durations (Cedar's syntax) from their text. Knows no clock and no time zones.

use super::Fault;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 moment: years 0 to 9999, at most three places of a
/// second, no leap second, any offset under a day. (Cedar writes an offset without its colon.)
///
/// # Errors
/// [`Fault::WrongType`] where it is no such text, [`Fault::OutOfRange`] for a date or time that does not exist, and
/// for more places than a millisecond has.
pub fn datetime(text: &str) -> Result<i64, Fault> {
    let mut rest = Digits(text.as_bytes());
    let year = rest.number(4)?;
    let month = rest.literal(b"-").and_then(|()| rest.number(2))?;
    let day = rest.literal(b"-").and_then(|()| rest.number(2))?;
    let hour = rest.literal(b"Tt").and_then(|()| rest.number(2))?;
    let minute = rest.literal(b":").and_then(|()| rest.number(2))?;
    let second = rest.literal(b":").and_then(|()| rest.number(2))?;
    let millisecond = if rest.literal(b".").is_ok() {
        rest.milliseconds()?
    } else {
        0
    };
    let sign = match rest.0.split_first() {
        Some((b'Z' | b'z', [])) => 0,
        Some((b'+', after)) => rest.after(after, 1),
        Some((b'-', after)) => rest.after(after, -1),
        _ => return Err(Fault::WrongType),
    };
    let (offset_hour, offset_minute) = match sign {
        0 => (0, 0),
        _ => (rest.number(2)?, rest.literal(b":").and_then(|()| rest.number(2))?),
    };
    if sign != 0 && !rest.0.is_empty() {
        return Err(Fault::WrongType);
    }
    let exists = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && offset_hour < 24
        && offset_minute < 60;
    if !exists {
        return Err(Fault::OutOfRange);
    }
    let local = days_since_1970(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + millisecond;
    Ok(local - sign * (offset_hour * HOUR + offset_minute * MINUTE))
}

/// The milliseconds of a duration in Cedar's syntax: `1d2h3m4s5ms`, any of them left out, `-` before all of it.
///
/// # Errors
/// [`Fault::WrongType`] where it is no such text, [`Fault::OutOfRange`] where it overflows.
pub fn duration(text: &str) -> Result<i64, Fault> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    if rest.is_empty() {
        return Err(Fault::WrongType);
    }
    let mut units = [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)].iter();
    let mut parts: [Option<(&str, i64)>; 5] = [None; 5];
    for part in &mut parts {
        if rest.is_empty() {
            break;
        }
        let (digits, after) = split_where(rest, |byte| !byte.is_ascii_digit());
        let (unit, after) = split_where(after, |byte| byte.is_ascii_digit());
        // Taking from the iterator keeps the order of the units, and lets each stand once.
        let &(_, size) = units.find(|(name, _)| *name == unit).ok_or(Fault::WrongType)?;
        if digits.is_empty() {
            return Err(Fault::WrongType);
        }
        *part = Some((digits, size));
        rest = after;
    }
    if !rest.is_empty() {
        return Err(Fault::WrongType);
    }
    // In 128 bits, since the least duration has no positive counterpart.
    let mut sum = 0i128;
    for (digits, size) in parts.into_iter().flatten() {
        let count: u64 = digits.parse().map_err(|_| Fault::OutOfRange)?;
        sum += i128::from(sign) * i128::from(count) * i128::from(size);
    }
    i64::try_from(sum).map_err(|_| Fault::OutOfRange)
}

/// What is left of a text of digits and punctuation.
struct Digits<'a>(&'a [u8]);

impl<'a> Digits<'a> {
    /// Exactly `count` digits.
    fn number(&mut self, count: usize) -> Result<i64, Fault> {
        let (digits, rest) = self.0.split_at_checked(count).ok_or(Fault::WrongType)?;
        self.0 = rest;
        digits.iter().try_fold(0, |sum, byte| match byte {
            b'0'..=b'9' => Ok(sum * 10 + i64::from(byte - b'0')),
            _ => Err(Fault::WrongType),
        })
    }

    /// One of these bytes.
    fn literal(&mut self, any: &[u8]) -> Result<(), Fault> {
        let (_, rest) = self
            .0
            .split_first()
            .filter(|(first, _)| any.contains(first))
            .ok_or(Fault::WrongType)?;
        self.0 = rest;
        Ok(())
    }

    /// One to three digits after a point.
    fn milliseconds(&mut self) -> Result<i64, Fault> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match count {
            0 => Err(Fault::WrongType),
            1 => Ok(self.number(1)? * 100),
            2 => Ok(self.number(2)? * 10),
            3 => self.number(3),
            _ => Err(Fault::OutOfRange),
        }
    }

    fn after(&mut self, rest: &'a [u8], sign: i64) -> i64 {
        self.0 = rest;
        sign
    }
}

fn split_where(text: &str, ends: impl Fn(u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(ends).unwrap_or(text.len());
    // Never elsewhere than on a character's boundary: only digits end or are ended.
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// In the proleptic Gregorian calendar, with years that begin in March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_moments() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.5Z", 500),
            ("1970-01-01t00:00:00.05z", 50),
            ("1970-01-01T00:00:00.005Z", 5),
            ("1970-01-01T01:30:00+01:30", 0),
            ("1969-12-31T23:00:00-01:00", 0),
            ("1970-01-01T00:00:00-00:00", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2026-12-31T23:59:59.999Z", 1_798_761_599_999),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(datetime(text), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn a_moment_that_does_not_exist_is_out_of_range() {
        for text in [
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2016-12-31T23:59:60Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+00:60",
            "2026-01-01T00:00:00.0000Z",
            "2026-01-01T00:00:00.123456789Z",
        ] {
            assert_eq!(datetime(text), Err(Fault::OutOfRange), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_of_the_wrong_type() {
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00+01",
            "2026-01-01T00:00:00Zx",
            "2026-01-01T00:00:00+01:00x",
            "+2026-01-01T00:00:00Z",
            "12026-01-01T00:00:00Z",
            "26-01-01T00:00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00ZZ",
            "2026-W01-1T00:00:00Z",
            "２026-01-01T00:00:00Z",
            " 2026-01-01T00:00:00Z",
            "1767225600",
            "2026-01-01T00:00:00\u{2212}01:00",
        ] {
            assert_eq!(datetime(text), Err(Fault::WrongType), "{text}");
        }
    }

    #[test]
    fn reads_durations() {
        for (text, milliseconds) in [
            ("1d2h3m4s5ms", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 5),
            ("-1d1ms", -DAY - 1),
            ("0s", 0),
            ("-0s", 0),
            ("90m", 90 * MINUTE),
            ("5ms", 5),
            ("007d", 7 * DAY),
            ("9223372036854775807ms", i64::MAX),
            ("-9223372036854775808ms", i64::MIN),
        ] {
            assert_eq!(duration(text), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in [
            "", "-", "1", "d", "1d1d", "1ms1s", "1h1d", "+1d", "1.5h", "1 d", "1d ", "--1d", "1w", "1D", "1é", "é",
        ] {
            assert_eq!(duration(text), Err(Fault::WrongType), "{text}");
        }
        for text in [
            "9223372036854775808ms",
            "106751991168d",
            "99999999999999999999999d",
            "-9223372036854775809ms",
        ] {
            assert_eq!(duration(text), Err(Fault::OutOfRange), "{text}");
        }
    }
}
