//! A url as written comes in; its scheme, host, port and path go out, each in one spelling. Fetches nothing.
//!
//! What libraries are known to read differently from one another is an error: userinfo, backslashes, control
//! characters and blanks, a percent-encoded host, a numeric shorthand for an address, a host behind any number of
//! slashes but two. Query and fragment are invisible.

use std::borrow::Cow;

use super::host::host_of_url;
use super::{Fault, path};

/// The parts of a url that a condition can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url<'a> {
    /// In lower case.
    pub scheme: Cow<'a, str>,
    /// Normalised as [`super::host()`] does it. An IPv6 address is in its brackets; `file:///x` has an empty one.
    pub host: Cow<'a, str>,
    /// As written, else the scheme's default, else 0.
    pub port: i64,
    /// Normalised as [`url_path`] does it.
    pub path: Cow<'a, str>,
}

impl Url<'_> {
    /// The same, borrowed from nothing.
    #[must_use]
    pub fn into_owned(self) -> Url<'static> {
        Url {
            scheme: Cow::Owned(self.scheme.into_owned()),
            host: Cow::Owned(self.host.into_owned()),
            port: self.port,
            path: Cow::Owned(self.path.into_owned()),
        }
    }
}

/// Reads a url, `scheme://host:port/path?query#fragment`.
///
/// # Errors
/// [`Fault::Unsafe`] for anything else, and for whatever two libraries may read differently.
pub fn url(url: &str) -> Result<Url<'_>, Fault> {
    if !is_printable(url) || url.contains('\\') {
        return Err(Fault::Unsafe);
    }
    let (scheme, rest) = url.split_once("://").ok_or(Fault::Unsafe)?;
    let scheme = lower_scheme(scheme)?;
    let (authority, rest) = rest.split_at_checked(end(rest, b"/?#")).ok_or(Fault::Unsafe)?;
    let (path, tail) = rest.split_at_checked(end(rest, b"?#")).ok_or(Fault::Unsafe)?;
    // `http://a.example?@b.example/` and `#@`: to some libraries the host is what follows the `@`.
    if path.is_empty() && tail.split('/').next().is_some_and(|head| head.contains('@')) {
        return Err(Fault::Unsafe);
    }
    if authority.is_empty() {
        // `file:////server/share` is another machine's file to some systems.
        return if scheme == "file" && path.starts_with('/') && !path.starts_with("//") {
            Ok(Url {
                scheme,
                host: Cow::Borrowed(""),
                port: 0,
                path: url_path(path)?,
            })
        } else {
            Err(Fault::Unsafe)
        };
    }
    let (host, port) = host_and_port(authority)?;
    let port = match port {
        Some(port) => parse_port(port)?,
        None => default_port(&scheme),
    };
    // Userinfo needs no test of its own: no host and no port has an `@`.
    Ok(Url {
        host: host_of_url(host)?,
        port,
        path: url_path(path)?,
        scheme,
    })
}

/// The path of a url in one spelling, for constants that are compared with one.
///
/// An escape of a character that may stand in a path unescaped is decoded, anything else is escaped in upper case;
/// then the path is normalised as [`path()`] does it, so a trailing slash is dropped, and an empty path is `/`.
///
/// # Errors
/// [`Fault::Unsafe`] for an escape that is none, or that hides a slash, a backslash, a control character, another
/// escape or bytes that are not UTF-8; for a `.;` or `..;` segment, which some servers take for `.` or `..`; for a
/// path that does not begin with a slash or climbs above the root.
pub fn url_path(written: &str) -> Result<Cow<'_, str>, Fault> {
    if written.is_empty() {
        return Ok(Cow::Borrowed("/"));
    }
    if !written.starts_with('/') {
        return Err(Fault::Unsafe);
    }
    if written.bytes().all(is_pchar) {
        refuse_parameters_of_dots(written)?;
        return path(written);
    }
    let decoded = decode(written)?;
    let mut spelled = String::with_capacity(decoded.len());
    for byte in decoded.bytes() {
        if is_pchar(byte) {
            spelled.push(char::from(byte));
        } else {
            spelled.extend(['%', upper_hex(byte >> 4), upper_hex(byte & 15)]);
        }
    }
    refuse_parameters_of_dots(&spelled)?;
    Ok(Cow::Owned(path(&spelled)?.into_owned()))
}

/// Without blanks and control characters, whatever the alphabet.
fn is_printable(text: &str) -> bool {
    match text.is_ascii() {
        true => text.bytes().all(|byte| byte.is_ascii_graphic()),
        false => !text.chars().any(|char| char.is_control() || char.is_whitespace()),
    }
}

fn end(text: &str, of: &[u8]) -> usize {
    text.bytes().position(|byte| of.contains(&byte)).unwrap_or(text.len())
}

/// RFC 3986, section 3.1.
fn lower_scheme(scheme: &str) -> Result<Cow<'_, str>, Fault> {
    let valid = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    match valid {
        false => Err(Fault::Unsafe),
        true if scheme.bytes().any(|byte| byte.is_ascii_uppercase()) => Ok(Cow::Owned(scheme.to_ascii_lowercase())),
        true => Ok(Cow::Borrowed(scheme)),
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), Fault> {
    if !authority.starts_with('[') {
        return Ok(authority
            .split_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port))));
    }
    let close = authority.find(']').ok_or(Fault::Unsafe)?;
    let (host, rest) = authority.split_at_checked(close + 1).ok_or(Fault::Unsafe)?;
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        None => Err(Fault::Unsafe),
        port => Ok((host, port)),
    }
}

/// 1 to 65535. An empty port and port 0 mean different things to different libraries.
fn parse_port(port: &str) -> Result<i64, Fault> {
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(i64::from(number)),
        _ => Err(Fault::Unsafe),
    }
}

/// From IANA's registry of service names, for the schemes that tools of agents use.
fn default_port(scheme: &str) -> i64 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "ftps" => 990,
        "ssh" | "sftp" => 22,
        "git" => 9418,
        "ldap" => 389,
        "ldaps" => 636,
        "postgres" | "postgresql" => 5432,
        "mysql" => 3306,
        "redis" | "rediss" => 6379,
        "mongodb" => 27017,
        "amqp" => 5672,
        "amqps" => 5671,
        _ => 0,
    }
}

/// Whether the byte may stand unescaped in a path: RFC 3986's `pchar`, and the slash.
fn is_pchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

/// The path with its escapes decoded, a per cent sign excepted: that stays `%25`, as a `%` which is escaped again.
fn decode(written: &str) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let byte = escape(rest).ok_or(Fault::Unsafe)?;
        rest = rest.get(2..).unwrap_or_default();
        if byte.is_ascii_control() || matches!(byte, b'/' | b'\\') {
            return Err(Fault::Unsafe);
        }
        bytes.push(byte);
    }
    if bytes
        .windows(3)
        .any(|three| three.strip_prefix(b"%").is_some_and(|digits| escape(digits).is_some()))
    {
        return Err(Fault::Unsafe);
    }
    // An overlong form (`%C0%AE` for a dot) is no UTF-8, and an old server decodes it nevertheless.
    String::from_utf8(bytes).map_err(|_| Fault::Unsafe)
}

/// The byte that two hexadecimal digits stand for.
fn escape(digits: &[u8]) -> Option<u8> {
    let &[high, low, ..] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn upper_hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

fn refuse_parameters_of_dots(path: &str) -> Result<(), Fault> {
    let hidden = |segment: &str| {
        segment
            .split_once(';')
            .is_some_and(|(name, _)| matches!(name, "." | ".."))
    };
    if path.contains(';') && path.split('/').any(hidden) {
        Err(Fault::Unsafe)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(written: &str) -> Result<String, Fault> {
        url(written).map(|url| format!("{} {} {} {}", url.scheme, url.host, url.port, url.path))
    }

    #[test]
    fn spellings_of_one_url_are_one() {
        for (written, expected) in [
            ("https://acme.example", "https acme.example 443 /"),
            ("HTTPS://Acme.Example.:443/", "https acme.example 443 /"),
            (
                "http://acme.example:08080/a//b/./c/../d/?q=a@b#f",
                "http acme.example 8080 /a/b/d",
            ),
            (
                "http://acme.example/%61dmin/%2e%2e/%7Euser/%40x",
                "http acme.example 80 /~user/@x",
            ),
            (
                "http://acme.example/%c3%a9/é%20",
                "http acme.example 80 /%C3%A9/%C3%A9%20",
            ),
            ("http://acme.example/100%25/a", "http acme.example 80 /100%25/a"),
            (
                "http://acme.example/%3f%23\"<>^`{|}[]",
                "http acme.example 80 /%3F%23%22%3C%3E%5E%60%7B%7C%7D%5B%5D",
            ),
            ("http://acme.example?next=/x", "http acme.example 80 /"),
            ("http://acme.example/?to=a@b.example", "http acme.example 80 /"),
            ("http://acme.example#x", "http acme.example 80 /"),
            ("ftp://10.0.0.1/x", "ftp 10.0.0.1 21 /x"),
            ("ssh://git.acme.example/x.git", "ssh git.acme.example 22 /x.git"),
            ("custom+x://a/b", "custom+x a 0 /b"),
            ("https://[2001:DB8:0::1]:8443/x", "https [2001:db8::1] 8443 /x"),
            ("file:///etc/../srv", "file  0 /srv"),
            ("file://nas/share", "file nas 0 /share"),
            ("http://acme.example/a;v=1/b", "http acme.example 80 /a;v=1/b"),
            ("http://acme.example/a:b@c", "http acme.example 80 /a:b@c"),
        ] {
            assert_eq!(parts(written).as_deref(), Ok(expected), "{written}");
        }
    }

    #[test]
    fn the_usual_ways_around_a_filter_are_errors() {
        for written in [
            // Userinfo, and what looks like it.
            "http://good.example@evil.example/",
            "http://user:pass@evil.example/",
            "http://@evil.example/",
            "http://good.example:80@evil.example/",
            "http://good.example%40evil.example/",
            "http://good.example:@evil.example/",
            "http://good.example&@evil.example#@x.example/",
            "http://good.example?@evil.example/",
            "http://good.example#@evil.example/",
            // Slashes and backslashes.
            "http:\\\\evil.example\\",
            "http://good.example\\@evil.example",
            "http:/evil.example",
            "http:evil.example",
            "http:///evil.example/",
            "http:////evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "https:/\\evil.example",
            "http://",
            "http:///",
            "http://?x",
            "http://#x",
            "file:",
            "file:/etc",
            "file://",
            "file:////evil/share",
            // Addresses in disguise.
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1.0/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://0/",
            "http://00.0.0.0/",
            "http://127.0.0.1%20/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::169.254.169.254]/",
            "http://[fe80::1%25eth0]/",
            "http://[::1]evil.example/",
            "http://[::1/",
            "http://::1/",
            "http://169.254.43518/",
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http://１２７.0.0.1/",
            // Hosts that are not plain.
            "http://%65vil.example/",
            "http://evil%2eexample/",
            "http://evil.example%00.good.example/",
            "http://evil.example%2f.good.example/",
            "http://bücher.example/",
            "http://ⓔxample.com/",
            "http://аcme.example/",
            "http://a..b/",
            "http://.a/",
            "http://a b/",
            "http://a,b/",
            "http://a;b/",
            "http://a'b/",
            "http://*.a/",
            // Ports.
            "http://a:/",
            "http://a:0/",
            "http://a:65536/",
            "http://a:+80/",
            "http://a:-1/",
            "http://a:80:80/",
            "http://a:80x/",
            "http://a:٨٠/",
            "http://[::1]:/",
            // Blanks and control characters.
            " http://a/",
            "http://a/ ",
            "http://a/\n",
            "ht\ntp://a/",
            "http://a\t.example/",
            "http://a/\0",
            "http://a/\u{85}",
            "http://a/\u{a0}",
            "http://a/\u{2028}",
            "http://a?\r\nX: y",
            // Paths that are not what they look like.
            "http://a/..",
            "http://a/%2e%2e",
            "http://a/x/../../y",
            "http://a/%2E%2E/y",
            "http://a/x%2fy",
            "http://a/x%5cy",
            "http://a/x%00",
            "http://a/x%0d%0ay",
            "http://a/%",
            "http://a/%2",
            "http://a/%zz",
            "http://a/%u002e",
            "http://a/%252e%252e/y",
            "http://a/%25%32%65",
            "http://a/%c0%ae%c0%ae/y",
            "http://a/%ff",
            "http://a/x/..;/y",
            "http://a/x/%2e%2e;x=1/y",
            "http://a/x/..%3b/y",
            "http://a/.;/y",
            // Schemes without a host.
            "javascript:alert(1)",
            "javascript://%0aalert(1)",
            "data:text/html,x",
            "mailto:a@b.example",
            "1http://a/",
            "://a",
            "",
            "a",
            "a.example/x",
            "ht tp://a/",
            "view-source:http://a/",
            "jar:http://a/!/x",
            "url:http://a/",
        ] {
            assert_eq!(parts(written), Err(Fault::Unsafe), "{written:?}");
        }
    }

    #[test]
    fn a_normal_url_is_borrowed() {
        let Ok(Url {
            scheme: Cow::Borrowed(_),
            host: Cow::Borrowed(_),
            path: Cow::Borrowed(_),
            ..
        }) = url("https://acme.example/a/b?c=d")
        else {
            panic!("copied");
        };
    }

    proptest! {
        #[test]
        fn is_idempotent(written in "http://[a-cA-C0-9.]{1,4}(:[0-9]{1,3})?(/(%[0-9a-fA-F]{2}|[.;a@é%^-]){0,6}){0,4}") {
            if let Ok(once) = url(&written) {
                let again = format!("{}://{}:{}{}", once.scheme, once.host, once.port, once.path);
                prop_assert_eq!(url(&again), Ok(once.clone()));
                prop_assert!(!once.path.split('/').any(|segment| segment == ".." || segment == "."));
                prop_assert!(once.path.is_ascii());
            }
        }
    }
}
