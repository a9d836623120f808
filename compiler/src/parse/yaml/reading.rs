//! What YAML 1.1 and 1.2 make of an unquoted scalar: its text in, a [`Reading`] out.
//!
//! Follows the tag resolution of the two specifications (yaml.org/type for 1.1, chapter 10 of 1.2.2).

/// What an unquoted scalar is to a YAML reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Text, for every reader.
    String,
    /// `~`, `null` or nothing.
    Null,
    /// `true` or `false`, for every reader.
    Bool(bool),
    /// An integer of 64 bits that every reader takes for the same one.
    Int(i64),
    /// Some other number: a fraction, an exponent, infinity, or an integer beyond 64 bits.
    Float,
    /// A date or a moment to YAML 1.1.
    Timestamp,
    /// Readers disagree about it: `yes` and `on`, `017` and `0o17`, `1_000`, `1:30`, `=`.
    Disputed,
}

impl Reading {
    /// The reading in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float => "a number",
            Self::Timestamp => "a date",
            Self::Disputed => "something else than a string",
        }
    }
}

/// How YAML reads this text when it stands without quotes.
pub fn plain_reading(text: &str) -> Reading {
    if text.is_empty() || text == "~" {
        return Reading::Null;
    }
    match text {
        "true" | "True" | "TRUE" => return Reading::Bool(true),
        "false" | "False" | "FALSE" => return Reading::Bool(false),
        "=" | "<<" => return Reading::Disputed,
        _ => {}
    }
    // No word here is longer than five letters, so a long text is not copied.
    if text.len() <= 5 {
        match text.to_ascii_lowercase().as_str() {
            "null" => return Reading::Null,
            "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => return Reading::Disputed,
            ".inf" | "+.inf" | "-.inf" | ".nan" | "inf" | "+inf" | "-inf" | "nan" | "+nan" | "-nan" => {
                return Reading::Float;
            }
            _ => {}
        }
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Reading::String;
    }
    if is_timestamp(text) {
        return Reading::Timestamp;
    }
    number(text)
}

fn number(text: &str) -> Reading {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return match digits {
            _ if !all(digits, |c| c.is_ascii_hexdigit() || c == '_') => Reading::String,
            _ if digits.contains('_') || unsigned.starts_with("0X") => Reading::Disputed,
            _ => within(negative, i64::from_str_radix(digits, 16)),
        };
    }
    for (prefix, radix) in [("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            return if all(digits, |c| c.is_digit(radix) || c == '_') {
                Reading::Disputed
            } else {
                Reading::String
            };
        }
    }
    if all(unsigned, |c| c.is_ascii_digit() || c == '_') && unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        // A leading zero makes it octal to some readers, decimal to others, and text to the rest.
        return if unsigned.contains('_') || (unsigned.len() > 1 && unsigned.starts_with('0')) {
            Reading::Disputed
        } else if text.starts_with('+') {
            within(false, unsigned.parse())
        } else {
            text.parse().map_or(Reading::Float, Reading::Int)
        };
    }
    if is_sexagesimal(unsigned) {
        return Reading::Disputed;
    }
    fraction(unsigned)
}

fn within(negative: bool, magnitude: Result<i64, std::num::ParseIntError>) -> Reading {
    match magnitude {
        Ok(value) => Reading::Int(if negative { -value } else { value }),
        Err(_) => Reading::Float,
    }
}

fn fraction(unsigned: &str) -> Reading {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = mantissa.chars().filter(char::is_ascii_digit).count();
    let points = mantissa.matches('.').count();
    let shape = all(mantissa, |c| c.is_ascii_digit() || matches!(c, '.' | '_'));
    let exponent_fits = exponent.is_none_or(|exponent| {
        all(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), |c| {
            c.is_ascii_digit()
        })
    });
    if digits == 0 || points > 1 || !shape || !exponent_fits || mantissa.starts_with('_') {
        Reading::String
    } else if mantissa.contains('_') {
        Reading::Disputed
    } else {
        Reading::Float
    }
}

/// `1:30` and `190:20:30.15` are numbers to base 60 in YAML 1.1.
fn is_sexagesimal(unsigned: &str) -> bool {
    let mut parts = unsigned.split(':');
    let Some(first) = parts.next() else { return false };
    let rest: Vec<&str> = parts.collect();
    let last = rest.len().saturating_sub(1);
    !rest.is_empty()
        && first.starts_with(|c: char| c.is_ascii_digit())
        && all(first, |c| c.is_ascii_digit() || c == '_')
        && rest.iter().enumerate().all(|(place, part)| {
            let whole = match part.split_once('.') {
                Some((whole, fraction))
                    if place == last && fraction.chars().all(|c| c.is_ascii_digit() || c == '_') =>
                {
                    whole
                }
                _ => part,
            };
            matches!(whole.len(), 1 | 2) && whole.parse::<u8>().is_ok_and(|value| value < 60)
        })
}

/// `2026-01-01`, and `2026-1-1` with a time after it.
fn is_timestamp(text: &str) -> bool {
    let cut = text.find(['T', 't', ' ', '\t']);
    let (date, time) = match cut {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let short = if time.is_some() { 1..=2 } else { 2..=2 };
    let shaped = [year, month, day]
        .iter()
        .all(|part| part.chars().all(|c| c.is_ascii_digit()))
        && year.len() == 4
        && short.contains(&month.len())
        && short.contains(&day.len());
    shaped
        && time.is_none_or(|time| {
            let time = time.trim_start();
            let clock: Vec<&str> = time.splitn(3, ':').collect();
            matches!(clock.as_slice(), [hour, minute, second]
                if matches!(hour.len(), 1 | 2) && all(hour, |c| c.is_ascii_digit())
                && minute.len() == 2 && all(minute, |c| c.is_ascii_digit())
                && second.len() >= 2 && second.chars().take(2).all(|c| c.is_ascii_digit()))
        })
}

/// Whether there is a first character and all of them are such.
fn all(text: &str, such: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(such)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_either_version_is_known() {
        use Reading::{Bool, Disputed, Float, Int, Null, String, Timestamp};
        let table = [
            (Null, "~|null|Null|NULL|"),
            (Bool(true), "true|True|TRUE"),
            (Bool(false), "false|False|FALSE"),
            (Disputed, "y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|tRUE|fAlSE"),
            (
                Disputed,
                "0o17|017|00|-017|1_000|0x1_f|0b101|1:30|190:20:30|190:20:30.15|-1:30|1_0.5|=|<<",
            ),
            (Int(31), "31|+31|0x1f|0x1F|+0x1f"),
            (Int(-31), "-31|-0x1f"),
            (Int(0), "0|-0|+0"),
            (Int(i64::MIN), "-9223372036854775808"),
            (
                Float,
                "9223372036854775808|1e3|1E-3|1.5|-1.|.5|+.5e+7|.inf|-.INF|.NaN|0xffffffffffffffffff",
            ),
            (
                Timestamp,
                "2026-01-01|2026-1-1T1:02:03|2026-01-01 10:00:00 +1|2026-01-01T10:00:00.5Z",
            ),
            (
                String,
                "yesno|onwards|no-destruction|on_behalf_of|1.4.2|15m|20/h|5/s|v1|2026-01|2026-1-1|.|-|+|..|1:60",
            ),
            (
                String,
                "0x|0o9|0b2|e3|.e3|1e|192.168.0.1|12:3a|_1|-_|nulls|falsey|10Mi|512Mi|a b|10.0.0.0/8|é",
            ),
        ];
        for (expected, texts) in table {
            for text in texts.split('|') {
                assert_eq!(plain_reading(text), expected, "{text:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_parses_as_a_number_is_never_read_as_text(text in "[-+0-9a-fA-F_.:xoeEb]{1,8}") {
            if text.parse::<i64>().is_ok() || text.parse::<f64>().is_ok() {
                proptest::prop_assert_ne!(plain_reading(&text), Reading::String);
            }
        }
    }
}
