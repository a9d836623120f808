//! A mail address as written comes in, its two parts go out. Knows nothing of mailboxes.
//!
//! Only the plain form is taken, `local@host`: whatever two programs may read differently (quoted local parts,
//! comments, display names, several addresses, routes) is an error.

use std::borrow::Cow;

use super::{Fault, host};

/// RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL: usize = 64;

/// A mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email<'a> {
    /// What stands before the `@`, as written: whether case matters is the host's affair.
    pub local: Cow<'a, str>,
    /// Normalised as [`host()`] does it.
    pub host: Cow<'a, str>,
}

impl Email<'_> {
    /// The same, borrowed from nothing.
    #[must_use]
    pub fn into_owned(self) -> Email<'static> {
        Email {
            local: Cow::Owned(self.local.into_owned()),
            host: Cow::Owned(self.host.into_owned()),
        }
    }
}

/// Reads a mail address.
///
/// # Errors
/// [`Fault::Unsafe`] for anything but one unquoted local part, one `@` and a host. `%` and `!` are refused in the
/// local part, since a relay may take them for a route to another host.
pub fn email(email: &str) -> Result<Email<'_>, Fault> {
    let (local, domain) = email.split_once('@').ok_or(Fault::Unsafe)?;
    let plain = local.len() <= MAX_LOCAL
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
    if !plain {
        return Err(Fault::Unsafe);
    }
    Ok(Email {
        local: Cow::Borrowed(local),
        host: host(domain)?,
    })
}

/// RFC 5322's `atext`, less the two that once meant a route.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"#$&'*+-/=?^_`{|}~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_address_has_two_parts() {
        for (written, local, host) in [
            ("alice@acme.example", "alice", "acme.example"),
            ("Alice.B+tag@ACME.example.", "Alice.B+tag", "acme.example"),
            ("o'neil_{x}=y@10.0.0.1", "o'neil_{x}=y", "10.0.0.1"),
        ] {
            assert_eq!(
                email(written),
                Ok(Email {
                    local: Cow::Borrowed(local),
                    host: Cow::Borrowed(host)
                }),
                "{written}"
            );
        }
    }

    #[test]
    fn what_two_programs_may_read_differently_is_an_error() {
        let long = format!("{}@acme.example", "a".repeat(65));
        for written in [
            "",
            "@",
            "alice",
            "alice@",
            "@acme.example",
            "a@b@acme.example",
            "\"a\"@acme.example",
            "\"a@evil.example\"@acme.example",
            "a(comment)@acme.example",
            "a@acme.example(comment)",
            "Alice <alice@acme.example>",
            "<alice@acme.example>",
            "alice@acme.example,eve@evil.example",
            "alice@acme.example eve@evil.example",
            "alice@acme.example\neve",
            "alice@acme.example\0",
            " a@acme.example",
            "a@acme.example ",
            "a\r\nBcc: eve@evil.example",
            ".a@acme.example",
            "a.@acme.example",
            "a..b@acme.example",
            "a%evil.example@acme.example",
            "evil.example!a@acme.example",
            "@relay.example:a@acme.example",
            "a@[10.0.0.1]",
            "a@[IPv6:::1]",
            "a@127.1",
            "a@bücher.example",
            "а@acme.example",
            "a\\@b@acme.example",
            "=?utf-8?q?a@evil.example?=@acme.example",
            "a@acme.example;b@evil.example",
            "mailto:a@acme.example",
            &long,
        ] {
            assert_eq!(email(written), Err(Fault::Unsafe), "{written:?}");
        }
    }
}
