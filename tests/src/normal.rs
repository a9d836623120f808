//! An argument's text in its normal form, by type: what the reference evaluator compares.
//!
//! One text in, its normal form out, or nothing where it has none. It knows nothing of parameters or conditions,
//! and stands alone so that another implementation can be put in its place and compared with it.

use std::net::IpAddr;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The parts of a url that a condition sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Lower-cased.
    pub scheme: String,
    /// Normalised as [`host`] does.
    pub host: String,
    /// As written, else the scheme's own, else 0.
    pub port: i64,
    /// Normalised as [`path`] does; `/` where there is none.
    pub path: String,
}

/// A string whose case does not matter: the small letter of each letter's capital, where each is one letter. A dotless
/// `i` has no capital of its own.
pub fn fold(text: &str) -> String {
    let one = |letters: String, letter: char| match letters.chars().collect::<Vec<_>>()[..] {
        [one] => one,
        _ => letter,
    };
    let fold = |letter: char| {
        let small = one(letter.to_lowercase().to_string(), letter);
        let large = one(small.to_uppercase().to_string(), small);
        match small {
            'ı' => small,
            _ => one(large.to_lowercase().to_string(), small),
        }
    };
    text.chars().map(fold).collect()
}

/// Lexically, as if no symbolic link existed. A path that climbs out of where it starts has no normal form, nor has an
/// empty one.
pub fn path(text: &str) -> Option<String> {
    if text.is_empty() || text.contains('\0') {
        return None;
    }
    let absolute = text.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    let joined = segments.join("/");
    Some(match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    })
}

/// Lower-cased, without one trailing dot. What is not ASCII has no normal form at run time, nor has an address that is
/// not written as four plain decimal numbers.
pub fn host(text: &str) -> Option<String> {
    let bare = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label_is_fine = |label: &str| {
        let letters: Vec<char> = label.chars().collect();
        let dashed = letters.first() == Some(&'-') || letters.last() == Some(&'-');
        !letters.is_empty()
            && letters.len() <= 63
            && !dashed
            && letters.iter().all(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
    };
    (bare.len() <= 253 && bare.split('.').all(label_is_fine) && !is_numeric_shorthand(&bare)).then_some(bare)
}

/// `scheme://host[:port][/path]`; a query and a fragment are left out. Userinfo, backslashes, control characters, a
/// percent-encoded host and a numeric shorthand for an address are refused.
pub fn url(text: &str) -> Option<Url> {
    if text.chars().any(|c| c.is_control() || c == '\\' || c == ' ') {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let scheme_is_fine = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !scheme_is_fine {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if authority.contains('@') || authority.contains('%') {
        return None;
    }
    let (written_host, written_port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let written_path = tail.split(['?', '#']).next().unwrap_or("");
    let rest = &tail[written_path.len()..];
    // To some readers the host is what follows such an `@`.
    if written_path.is_empty() && rest.split('/').next().is_some_and(|head| head.contains('@')) {
        return None;
    }
    // Some servers take `..;x` for `..`, and `.;x` for `.`.
    let dotted = |segment: &str| {
        segment
            .split_once(';')
            .is_some_and(|(name, _)| name == "." || name == "..")
    };
    if written_path.split('/').any(dotted) {
        return None;
    }
    if authority.is_empty() {
        let local = scheme == "file" && written_path.starts_with('/') && !written_path.starts_with("//");
        let path = path(written_path).filter(|_| local)?;
        return Some(Url {
            scheme,
            host: String::new(),
            port: 0,
            path,
        });
    }
    let host = host(written_host)?;
    let port = match written_port {
        Some(port) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            i64::from(port.parse::<u16>().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None => match scheme.as_str() {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            "ftp" => 21,
            "ssh" => 22,
            _ => 0,
        },
    };
    let path = if written_path.is_empty() {
        "/".to_owned()
    } else {
        path(written_path)?
    };
    Some(Url {
        scheme,
        host,
        port,
        path,
    })
}

/// `127.1`, `2130706433`, `0x7f.1`: an address that is not written as four plain decimal numbers.
fn is_numeric_shorthand(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or("");
    let numeric = match last.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    };
    numeric && host.parse::<std::net::Ipv4Addr>().is_err()
}

/// The local part as written, and the host normalised.
pub fn email(text: &str) -> Option<(String, String)> {
    let (local, domain) = text.split_once('@')?;
    let takes = |c: char| c.is_ascii_alphanumeric() || "#$&'*+-/=?^_`{|}~".contains(c);
    let local_is_fine = local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(takes));
    local_is_fine.then_some(())?;
    Some((local.to_owned(), host(domain)?))
}

/// An address or a range, in Cedar's syntax: no version 4 inside version 6, no leading zeros in the prefix.
pub fn ip(text: &str) -> Option<(IpAddr, u8)> {
    if text.matches(':').count() >= 2 && text.matches('.').count() >= 2 {
        return None;
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => longest,
        Some(digits) => {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if !plain || (digits.starts_with('0') && digits != "0") {
                return None;
            }
            digits.parse().ok().filter(|prefix| *prefix <= longest)?
        }
    };
    Some((address, prefix))
}

/// Ten-thousandths of a decimal with at most four places; the point may be missing.
pub fn decimal(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(places) || places.len() > 4 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let places: i128 = format!("{places:0<4}").parse().ok()?;
    let magnitude = whole.checked_mul(10_000)?.checked_add(places)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A decimal as Cedar's `decimal("...")` takes it: with a point.
pub fn decimal_literal(text: &str) -> Option<i64> {
    text.contains('.').then(|| decimal(text)).flatten()
}

/// Milliseconds since 1970 of an RFC 3339 text with at most milliseconds.
pub fn datetime(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't'])?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(tail) => {
            let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            (Some(&tail[..end]), &tail[end..])
        }
        None => (None, rest),
    };
    let milliseconds = match fraction {
        None => 0,
        Some(digits) if (1..=3).contains(&digits.len()) => format!("{digits:0<3}").parse().ok()?,
        Some(_) => return None,
    };
    let offset = match rest {
        "Z" | "z" => 0,
        _ => offset(rest.get(..1)?, rest.get(1..3)?, rest.get(3..)?.strip_prefix(':')?)?,
    };
    Some(days(date)? * DAY + time_of_day(clock)? + milliseconds - offset)
}

/// Milliseconds since 1970 of what Cedar's `datetime("...")` takes: a date alone, or with a time and `Z` or `+hhmm`.
pub fn datetime_literal(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let days = days(date)?;
    if rest.is_empty() {
        return Some(days * DAY);
    }
    let rest = rest.strip_prefix('T')?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let (milliseconds, rest) = match rest.strip_prefix('.') {
        Some(tail) => (number(tail.get(..3)?, 3)?, tail.get(3..)?),
        None => (0, rest),
    };
    let offset = match rest {
        "Z" => 0,
        _ => offset(rest.get(..1)?, rest.get(1..3)?, rest.get(3..)?)?,
    };
    Some(days * DAY + time_of_day(clock)? + milliseconds - offset)
}

/// A date alone, or RFC 3339: how the documents write moments.
pub fn moment(text: &str) -> Option<i64> {
    if text.len() == 10 {
        Some(days(text)? * DAY)
    } else {
        datetime(text)
    }
}

/// Milliseconds of `1d2h3m4s5ms` in that order, each part once, with a minus before it for a negative one.
pub fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return None;
    }
    let units = [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];
    let mut next_unit = 0;
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let count: i128 = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let place = units
            .iter()
            .position(|(name, _)| *name == &tail[..end])
            .filter(|place| *place >= next_unit)?;
        total = total.checked_add(count.checked_mul(i128::from(units[place].1))?)?;
        next_unit = place + 1;
        rest = &tail[end..];
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn offset(sign: &str, hours: &str, minutes: &str) -> Option<i64> {
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let magnitude = hours * HOUR + minutes * MINUTE;
    match (sign, hours < 24 && minutes < 60) {
        ("+", true) => Some(magnitude),
        ("-", true) => Some(-magnitude),
        _ => None,
    }
}

fn time_of_day(clock: &str) -> Option<i64> {
    let [hours, minutes, seconds] = clock.split(':').collect::<Vec<_>>().try_into().ok()?;
    let (hours, minutes, seconds) = (number(hours, 2)?, number(minutes, 2)?, number(seconds, 2)?);
    (hours < 24 && minutes < 60 && seconds < 60).then_some(hours * HOUR + minutes * MINUTE + seconds * SECOND)
}

/// Days since 1970-01-01, counted year by year and month by month: slow, and plainly right.
fn days(date: &str) -> Option<i64> {
    let [year, month, day] = date.split('-').collect::<Vec<_>>().try_into().ok()?;
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    let years: i64 = if year >= 1970 {
        (1970..year).map(days_of_year).sum()
    } else {
        -(year..1970).map(days_of_year).sum::<i64>()
    };
    let months: i64 = (1..month).map(|month| days_of_month(year, month)).sum();
    Some(years + months + day - 1)
}

fn days_of_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_lexically() {
        assert_eq!(path("/srv/../etc").as_deref(), Some("/etc"));
        assert_eq!(path("/srv//./a/").as_deref(), Some("/srv/a"));
        assert_eq!(path("/../.."), None);
        assert_eq!(path(""), None);
        assert_eq!(path("a/../b").as_deref(), Some("b"));
        assert_eq!(path("a/../../b"), None);
        assert_eq!(path("a\0"), None);
    }

    #[test]
    fn urls_that_hide_their_host_are_refused() {
        let plain = url("HTTPS://Acme.Example./a/../b?x#y").unwrap();
        assert_eq!(
            (
                plain.scheme.as_str(),
                plain.host.as_str(),
                plain.port,
                plain.path.as_str()
            ),
            ("https", "acme.example", 443, "/b")
        );
        assert_eq!(url("http://a:8080").unwrap().port, 8080);
        for hidden in [
            "http://u@a/",
            "http://a\\b/",
            "http://127.1/",
            "http://2130706433/",
            "http://%61/",
            "http://a\n/",
            "//a",
            "a",
        ] {
            assert_eq!(url(hidden), None, "{hidden}");
        }
        assert!(url("http://127.0.0.1/").is_some());
    }

    #[test]
    fn numbers_and_moments_are_read_to_their_last_digit() {
        assert_eq!(decimal("-1.5"), Some(-15_000));
        assert_eq!(decimal("1.00001"), None);
        assert_eq!(decimal("922337203685477.5807"), Some(i64::MAX));
        assert_eq!(decimal("922337203685477.5808"), None);
        assert_eq!(datetime("1970-01-01T01:00:00.5+01:00"), Some(500));
        assert_eq!(datetime("2026-12-31T00:00:00Z"), moment("2026-12-31"));
        assert_eq!(moment("2026-12-31"), Some(1_798_675_200_000));
        assert_eq!(datetime_literal("1969-12-31T23:59:59.999Z"), Some(-1));
        assert_eq!(datetime_literal("1970-01-01T00:00:00+0100"), Some(-3_600_000));
        assert_eq!(datetime("2026-02-29T00:00:00Z"), None);
        assert_eq!(duration("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!(duration("-15m"), Some(-900_000));
        assert_eq!(duration("1s1m"), None);
        assert_eq!(duration("90"), None);
    }

    #[test]
    fn addresses_follow_cedar() {
        assert_eq!(ip("10.0.0.0/8"), Some(("10.0.0.0".parse().unwrap(), 8)));
        assert_eq!(ip("10.0.0.0/08"), None);
        assert_eq!(ip("::ffff:127.0.0.1"), None);
        assert_eq!(ip("::1").map(|(_, prefix)| prefix), Some(128));
        assert_eq!(
            email("Bob@Acme.Example"),
            Some(("Bob".to_owned(), "acme.example".to_owned()))
        );
        assert_eq!(email("a@b@c"), None);
    }
}
