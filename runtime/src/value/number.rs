//! Integers and decimals from their text, exactly: no floating point comes between.

use super::Fault;

/// How many places Cedar's `decimal` has.
const PLACES: usize = 4;
/// How many units a whole number has: ten thousandths.
const UNITS: i64 = 10_000;

/// The ten-thousandths of a decimal in Cedar's syntax: digits on both sides of a point, at most four after it.
///
/// # Errors
/// [`Fault::WrongType`] where it is no such text, [`Fault::OutOfRange`] for too many places and for an overflow.
pub fn decimal(text: &str) -> Result<i64, Fault> {
    let (whole, places) = text.split_once('.').ok_or(Fault::WrongType)?;
    ten_thousandths(whole, places)
}

/// The ten-thousandths of an argument: what [`decimal`] takes, or an integer. An exponent is refused: within the
/// range of a decimal nothing writes one.
pub(super) fn decimal_argument(text: &str) -> Result<i64, Fault> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    ten_thousandths(whole, places)
}

/// A 64-bit integer as JSON writes it. `1.0` and `1e3` are none.
pub(super) fn integer(text: &str) -> Result<i64, Fault> {
    if !is_digits(text.strip_prefix('-').unwrap_or(text)) {
        return Err(Fault::WrongType);
    }
    text.parse().map_err(|_| Fault::OutOfRange)
}

fn ten_thousandths(whole: &str, places: &str) -> Result<i64, Fault> {
    if !is_digits(whole.strip_prefix('-').unwrap_or(whole)) || !is_digits(places) {
        return Err(Fault::WrongType);
    }
    if places.len() > PLACES {
        return Err(Fault::OutOfRange);
    }
    let scaled = whole
        .parse::<i64>()
        .ok()
        .and_then(|whole| whole.checked_mul(UNITS))
        .ok_or(Fault::OutOfRange)?;
    let fraction = places.bytes().chain(std::iter::repeat(b'0')).take(PLACES);
    let fraction = fraction.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let sum = if whole.starts_with('-') {
        scaled.checked_sub(fraction)
    } else {
        scaled.checked_add(fraction)
    };
    sum.ok_or(Fault::OutOfRange)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact() {
        for (text, units) in [
            ("1.0", 10_000),
            ("-0.5", -5_000),
            ("0.0001", 1),
            ("00.1", 1_000),
            ("922337203685477.5807", i64::MAX),
            ("-922337203685477.5808", i64::MIN),
        ] {
            assert_eq!(decimal(text), Ok(units), "{text}");
        }
    }

    #[test]
    fn a_decimal_beyond_its_places_or_its_range_is_out_of_range() {
        for text in [
            "1.00000",
            "1.00005",
            "922337203685477.5808",
            "-922337203685477.5809",
            "99999999999999999999.0",
        ] {
            assert_eq!(decimal(text), Err(Fault::OutOfRange), "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_of_the_wrong_type() {
        for text in [
            "", ".", "1", "1.", ".1", "+1.0", "1.0e3", "1,0", " 1.0", "1.0 ", "--1.0", "1.-1", "١.٠", "1.0.0",
        ] {
            assert_eq!(decimal(text), Err(Fault::WrongType), "{text}");
        }
        assert_eq!(decimal_argument("12"), Ok(120_000));
        assert_eq!(decimal_argument("1e3"), Err(Fault::WrongType));
    }

    #[test]
    fn an_integer_has_integer_syntax() {
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer("-0"), Ok(0));
        assert_eq!(integer("9223372036854775808"), Err(Fault::OutOfRange));
        for text in ["1.0", "1e3", "", "-", "+1", "0x1", " 1"] {
            assert_eq!(integer(text), Err(Fault::WrongType), "{text}");
        }
    }
}
